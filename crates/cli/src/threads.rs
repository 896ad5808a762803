//! The one pool of threads: models, comparisons and bootstraps all compute in it, so that one number bounds them.

use std::thread::available_parallelism;

use crate::failure::Failure;

/// Threads per core beyond which a number can only be a mistake.
const PER_CORE: usize = 4;
/// More than any machine that this was made for can use.
const MOST: usize = 1024;

/// Cores that this process may use.
pub fn cores() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// A number of threads as the command line names it.
///
/// # Errors
/// No number, 0, or more than this machine can make use of.
pub fn parse(text: &str) -> Result<usize, String> {
    let (cores, most) = (cores(), most(cores()));
    let threads = text.parse().ok().filter(|threads| (1..=most).contains(threads));
    threads.ok_or_else(|| format!("expected 1 to {most}: this machine has {cores} cores"))
}

fn most(cores: usize) -> usize {
    (PER_CORE * cores).min(MOST)
}

/// Makes the pool, of one thread per core where no number is given. To be called once, before anything computes.
///
/// # Errors
/// The operating system refuses the threads.
pub fn start(threads: Option<usize>) -> Result<(), Failure> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or_else(cores));
    pool.build_global().map_err(|error| Failure::input(format!("cannot start threads: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_sensible_number_of_threads_is_refused() {
        let most = most(cores());
        for (text, expected) in
            [("1", Some(1)), (&most.to_string(), Some(most)), ("0", None), ("-1", None), ("two", None)]
        {
            assert_eq!(parse(text).ok(), expected, "{text}");
        }
        let error = parse(&(most + 1).to_string()).expect_err("more than there is use for");
        assert!(error.starts_with(&format!("expected 1 to {most}: ")), "{error}");
    }

    #[test]
    fn the_bound_grows_with_the_cores_up_to_a_thousand() {
        for (cores, expected) in [(1, 4), (2, 8), (96, 384), (256, 1024), (4096, 1024)] {
            assert_eq!(most(cores), expected);
        }
    }
}
