//! The verdict of a statement: every gate of the policy judged on its number, and all of them together.

pub(crate) mod gate;
pub(crate) mod ground;
mod holm;
mod missing;
pub(crate) mod policy;
pub(crate) mod sample_size;
pub(crate) mod sequential;
mod unknown_metric;
mod unseen;
pub(crate) mod withheld;

use hydrometer_metrics::{Verdict, measure};

use crate::Policy;
use crate::statement::Gate;

/// FAIL if any gate fails, else NOT ENOUGH EVIDENCE if any is undecided, if there is none, or if a PASS is withheld, else PASS.
pub(crate) fn overall(gates: &[Gate], withheld: Option<&str>) -> Verdict {
    let any = |verdict| gates.iter().any(|g| g.verdict == verdict);
    if any(Verdict::Fail) {
        Verdict::Fail
    } else if gates.is_empty() || any(Verdict::NotEnoughEvidence) || withheld.is_some() {
        Verdict::NotEnoughEvidence
    } else {
        Verdict::Pass
    }
}

/// Whether a gate that would pass is undecided because its margin is finer than what the suite was measured to resolve.
fn is_unresolved(gate: &Gate) -> bool {
    gate.verdict == Verdict::NotEnoughEvidence
        && gate.resolution.as_ref().is_some_and(|resolution| !resolution.is_enough())
}

/// The verdict as one sentence.
pub(crate) fn verdict_line(verdict: Verdict, gates: &[Gate], policy: &Policy, withheld: Option<&str>) -> String {
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
            if let (0, Some(withheld)) = (n, withheld) {
                return format!("no gate fails, but {withheld}");
            }
            let undecided = |gate: &&Gate| gate.verdict == Verdict::NotEnoughEvidence;
            if gates.iter().filter(undecided).all(is_unresolved) {
                return format!("no gate fails, but {n} of {all} ask for less loss than this suite resolves: {names}");
            }
            format!("no gate fails, but {n} of {all} cannot be decided on this evidence: {names}")
        }
    }
}
