//! The verdict of a statement: every gate of the policy judged on its number, and all of them together.

pub(crate) mod gate;
mod holm;
pub(crate) mod policy;
pub(crate) mod sample_size;
pub(crate) mod sequential;

use hydrometer_metrics::{Verdict, measure};

use crate::Policy;
use crate::statement::Gate;

/// FAIL if any gate fails, else NOT ENOUGH EVIDENCE if any is undecided or there is none, else PASS.
pub(crate) fn overall(gates: &[Gate]) -> Verdict {
    let any = |verdict| gates.iter().any(|g| g.verdict == verdict);
    if any(Verdict::Fail) {
        Verdict::Fail
    } else if gates.is_empty() || any(Verdict::NotEnoughEvidence) {
        Verdict::NotEnoughEvidence
    } else {
        Verdict::Pass
    }
}

/// The verdict as one sentence.
pub(crate) fn verdict_line(verdict: Verdict, gates: &[Gate], policy: &Policy) -> String {
    let named = |wanted| {
        let names: Vec<_> = gates
            .iter()
            .filter(|g| g.verdict == wanted)
            .map(|g| measure::text(&g.metric).map_or(g.metric.as_str(), |text| text.name))
            .collect();
        (names.len(), names.join(", "))
    };
    let all = gates.len();
    match verdict {
        Verdict::Pass if all == 1 => "the one gate passes: the student keeps what this policy asks for".to_owned(),
        Verdict::Pass => format!("all {all} gates pass: the student keeps what this policy asks for"),
        Verdict::Fail => {
            let (n, names) = named(Verdict::Fail);
            let gates = if all == 1 { "the one gate fails".to_owned() } else { format!("{n} of {all} gates fail") };
            format!("{gates}: {names}")
        }
        Verdict::NotEnoughEvidence if policy.gates.is_empty() => "the policy has no gates".to_owned(),
        Verdict::NotEnoughEvidence if gates.is_empty() => "no gate of the policy could be measured".to_owned(),
        Verdict::NotEnoughEvidence => {
            let (n, names) = named(Verdict::NotEnoughEvidence);
            format!("no gate fails, but {n} of {all} cannot be decided on this evidence: {names}")
        }
    }
}
