//! A metric that nobody knows: the nearest that there is, or all of them.

use crate::AuditError;

/// The error for a name that is not among the known.
pub(super) fn unknown_metric(name: &str, known: impl Iterator<Item = &'static str>) -> AuditError {
    let known: Vec<_> = known.collect();
    // A slip of the fingers changes a letter in four at most.
    let nearest = known.iter().map(|known| (edits(name, known), known)).min();
    AuditError::Policy(match nearest {
        Some((edits, nearest)) if edits <= name.chars().count() / 4 => {
            format!("no metric is called `{name}`; did you mean `{nearest}`?")
        }
        _ => format!("no metric is called `{name}`; known are {}", known.join(", ")),
    })
}

/// How many letters must be put in, taken out or changed to make one of the other (Levenshtein).
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    // How far what was read of `a` is from each beginning of `b`.
    let mut from: Vec<usize> = (0..=b.len()).collect();
    for (read, letter) in a.chars().enumerate() {
        let mut before = std::mem::replace(&mut from[0], read + 1);
        for (at, other) in b.iter().enumerate() {
            let changed = before + usize::from(letter != *other);
            before = from[at + 1];
            from[at + 1] = changed.min(before + 1).min(from[at] + 1);
        }
    }
    from[b.len()]
}

#[cfg(test)]
mod tests {
    use hydrometer_metrics::measure;

    use super::*;

    #[test]
    fn a_slip_is_told_the_name_that_was_meant() {
        let check = |name: &str, expected: &str| {
            let said = unknown_metric(name, measure::all().map(|metric| metric.id)).to_string();
            assert!(said.contains(expected), "{name}: {said}");
        };
        check("kl_divergance", "did you mean `kl_divergence`?");
        check("tail-kept", "did you mean `tail_kept`?");
        check("top1_agrement", "did you mean `top1_agreement`?");
        for name in ["charm", "kl", "", "é"] {
            check(name, "known are kl_divergence, ");
        }
    }

    #[test]
    fn edits_are_counted_in_both_directions() {
        for (a, b, expected) in
            [("", "", 0), ("abc", "", 3), ("kitten", "sitting", 3), ("flaw", "lawn", 2), ("é", "e", 1)]
        {
            assert_eq!((edits(a, b), edits(b, a)), (expected, expected), "{a} {b}");
        }
    }
}
