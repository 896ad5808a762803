//! A metric that nobody knows: the nearest that there is, or all of them.

use crate::AuditError;

/// The error for a name that is not among the known.
pub(super) fn unknown_metric(name: &str, known: impl Iterator<Item = &'static str>) -> AuditError {
    let known: Vec<_> = known.collect();
    // A slip of the fingers changes a letter in four at most.
    let nearest = known.iter().map(|known| (strsim::levenshtein(name, known), known)).min();
    AuditError::Policy(match nearest {
        Some((edits, nearest)) if edits <= name.chars().count() / 4 => {
            format!("no metric is called `{name}`; did you mean `{nearest}`?")
        }
        _ => format!("no metric is called `{name}`; known are {}", known.join(", ")),
    })
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
}
