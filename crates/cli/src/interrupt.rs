//! Ctrl-C, SIGTERM and their like: finish the block in flight, keep what is there, say how to go on.

use std::io::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::SIGABRT;
use signal_hook::flag;

use crate::exit::Exit;
use crate::failure::Failure;

/// Whether the user asked to stop, and what a signal does.
#[derive(Clone, Debug)]
pub struct Interrupt {
    asked: Arc<AtomicBool>,
    /// A signal ends the process at once: nothing is under way that would look at `asked`, or it is the second one.
    at_once: Arc<AtomicBool>,
}

impl Interrupt {
    /// Listens from now on. A signal ends the process at once: a run folder survives that. Once
    /// [`Interrupt::heeded`], the first one asks to stop.
    ///
    /// # Errors
    /// The operating system refused the handler.
    pub fn listen() -> Result<Self, Error> {
        let (asked, at_once) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(true)));
        for signal in ending() {
            // The order matters: at the second signal the flag is already set.
            flag::register_conditional_shutdown(signal, Exit::Interrupted.code().into(), Arc::clone(&at_once))?;
            flag::register(signal, Arc::clone(&at_once))?;
            flag::register(signal, Arc::clone(&asked))?;
        }
        outgrowing_a_limit_is_an_error()?;
        Ok(Self { asked, at_once })
    }

    /// From now on somebody looks at [`Interrupt::asked`] every few seconds, so that a signal need not end the process.
    pub fn heeded(&self) {
        self.at_once.store(false, Ordering::Relaxed);
    }

    /// Did the user ask to stop?
    pub fn asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }
}

/// A file that would outgrow a limit of the system is an error of whoever writes it, with the file's name, and not the end of the
/// process.
#[cfg(unix)]
fn outgrowing_a_limit_is_an_error() -> Result<(), Error> {
    flag::register(signal_hook::consts::SIGXFSZ, Arc::new(AtomicBool::new(false))).map(|_| ())
}

#[cfg(not(unix))]
fn outgrowing_a_limit_is_an_error() -> Result<(), Error> {
    Ok(())
}

/// The signals that ask a process to end.
#[cfg(unix)]
fn ending() -> Vec<i32> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    let all = [SIGINT, SIGTERM, SIGQUIT, SIGHUP];
    // Under `nohup` the end of the session is nothing to the process.
    all.into_iter().filter(|signal| *signal != SIGHUP || !ignored(SIGHUP)).collect()
}

#[cfg(not(unix))]
fn ending() -> Vec<i32> {
    vec![signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM]
}

/// Whether whoever started the process told it to ignore a signal; known where there is a /proc.
#[cfg(unix)]
fn ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

/// The standard library says on stderr that memory ran out, and aborts: let the exit code be one of ours.
///
/// # Errors
/// The operating system refused the handler.
pub fn end_orderly_without_memory() -> Result<(), Error> {
    flag::register_conditional_shutdown(SIGABRT, Exit::Bug.code().into(), Arc::new(AtomicBool::new(true))).map(|_| ())
}

/// Starts to listen for Ctrl-C.
///
/// # Errors
/// The operating system refused the handler.
pub fn listen() -> Result<Interrupt, Failure> {
    Interrupt::listen().map_err(|error| Failure::input(format!("cannot listen for Ctrl-C: {error}")))
}
