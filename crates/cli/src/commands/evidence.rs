//! What the evidence of a run will be, said before anything is asked where it is not everything.

use hydrometer_answers::{Facet, Regime};
use hydrometer_ask::Plan;
use hydrometer_probes::Ask;
use hydrometer_probes::counted::counted;

/// The regime of a plan in which a model shows answers only, and what of its suite cannot be measured; `None` for others.
pub fn partial(plan: &Plan<'_>) -> Option<String> {
    let manifest = plan.manifest();
    if manifest.regime() != Regime::AnswersOnly {
        return None;
    }
    let lacks = |facet: Facet| {
        let roles = ["teacher", "student"].into_iter();
        roles.filter(move |role| !manifest.facets.get(*role).is_some_and(|has| has.contains(&facet)))
    };
    let left_out = |facet: Facet, kind: &str, is: fn(&Ask) -> bool| {
        let number = plan.suite().probes.iter().filter(|probe| is(&probe.ask)).count() as u64;
        let reasons: Vec<_> = lacks(facet).map(|role| format!("the {role} {facet}")).collect();
        (number > 0 && !reasons.is_empty())
            .then(|| format!("{}, because {}", counted(number, kind), reasons.join(" and ")))
    };
    let reasons: Vec<String> = [
        left_out(Facet::Logits, "text", |ask| matches!(ask, Ask::Text(_))),
        left_out(Facet::Choices, "choice", |ask| matches!(ask, Ask::Choice(_))),
        left_out(Facet::Answers, "prompt", |ask| matches!(ask, Ask::Prompt(_) | Ask::Episode(_))),
    ]
    .into_iter()
    .flatten()
    .collect();
    let (regime, meaning) = (manifest.regime().id(), manifest.regime().meaning());
    let reasons = if reasons.is_empty() { String::new() } else { format!(". Not measured: {}", reasons.join("; ")) };
    Some(format!("evidence {regime}: {meaning}{reasons}"))
}
