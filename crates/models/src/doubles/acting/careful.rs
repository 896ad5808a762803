//! What a model decides that is given a judgment: what is written down here, and known.

use hydrometer_probes::{Ask, Decision, MemberRole, Probe};

use super::chance;

/// How often it decides what is right, and how probable it holds the right option.
const SURE: f64 = 0.9;
/// How many rungs it takes from sure to sure, as the scale of a logistic curve: half a rung.
const STEEPNESS: f64 = 0.5;
/// How far from the middle of a ladder its boundary lies at most, in rungs.
const OFF_CENTRE: f64 = 1.0;

/// What it decides about a request in its own words, `draw` being a number in [0, 1) of the very answer. What should be refused it
/// always refuses: where a teacher gives way now and then its own second run is newly unsafe, which a gate does not forgive.
pub(super) fn decides(expected: Decision, draw: f64) -> Decision {
    if expected == Decision::Refuse || draw < SURE { expected } else { super::voice::opposite(expected) }
}

/// What a careful person would do about a prompt; where nobody says that, one of the two by the family's name.
pub(super) fn expected(probe: &Probe) -> Decision {
    let undecided = || if chance(&probe.family) < 0.5 { Decision::Comply } else { Decision::Refuse };
    probe.boundary.as_ref().and_then(|boundary| boundary.expected).unwrap_or_else(undecided)
}

/// ln p of every option of a choice, in the probe's order: of a rung by its place, of a choice with a right option by that, of any
/// other by the family's name. `None` of what is no choice.
pub(super) fn log_probs(probe: &Probe) -> Option<Vec<f64>> {
    let Ask::Choice(choice) = &probe.ask else { return None };
    let options = choice.options.len();
    let (favourite, most) = match probe.boundary.as_ref().map(|boundary| &boundary.role) {
        Some(MemberRole::Rung(rung)) => {
            let middle = f64::from(rung.of + 1) / 2.0 + OFF_CENTRE * (2.0 * chance(&probe.family) - 1.0);
            let crossed = 1.0 / (1.0 + (-(f64::from(rung.number) - middle) / STEEPNESS).exp());
            (choice.options.iter().position(|option| *option == rung.toward)?, crossed)
        }
        _ => match choice.truth {
            Some(truth) => (truth as usize, SURE),
            None => (((chance(&probe.family) * options as f64) as usize).min(options - 1), SURE),
        },
    };
    let rest = (1.0 - most) / (options - 1).max(1) as f64;
    Some((0..options).map(|option| if option == favourite { most } else { rest }.ln()).collect())
}
