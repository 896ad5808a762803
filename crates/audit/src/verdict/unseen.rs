//! What both models did and no gate looked at: a PASS would say nothing of it.

use std::collections::BTreeSet;

use hydrometer_answers::{SampleSource, ScoredModel};
use hydrometer_metrics::measure::{self, Definition, Group, answers as measured};
use hydrometer_probes::counted::{counted, grouped};
use hydrometer_probes::{Ask, Decoding, Probe};

use super::missing::LACKING;
use super::withheld::of_content;
use crate::Policy;
use crate::evidence::{Evidence, Rows};
use crate::statement::Gate;

/// Metrics that compare all answers that were drawn, whether or not anybody knows what is right.
const COMPARING: [&Definition; 4] =
    [&measured::ANSWER_AGREEMENT, &measured::AGREEMENT_RATIO, &measured::DISTRIBUTION_MATCH, &measured::GAP_CLOSED];

/// More than a tenth of the prompts that both models answered are in no gate on what is answered: nobody knows what is right, and how often answers agree could
/// not be measured of them. What a curve takes as right or wrong, and decisions at a boundary that could be read, have gates of their own.
pub(super) fn prompts(gates: &[Gate], policy: &Policy, evidence: &Evidence<'_>) -> Option<String> {
    let compares = |metric: &str| COMPARING.iter().any(|definition| definition.id == metric);
    // Whoever gates nothing but what is right asks for no more.
    if !policy.gates.iter().any(|rule| compares(&rule.metric)) {
        return None;
    }
    let rows = evidence.rows;
    let compared = gates.iter().any(|gate| compares(&gate.metric));
    let judged = gates.iter().any(|gate| of_content(&gate.metric) && !compares(&gate.metric));
    let of = |source: SampleSource| -> BTreeSet<&str> {
        rows.samples.iter().filter(|row| row.source == source).map(|row| row.probe.as_str()).collect()
    };
    let [teacher, student] = [of(SampleSource::Teacher), of(SampleSource::Student)];
    let known: BTreeSet<&str> =
        rows.samples.iter().filter(|row| row.outcome.right().is_some()).map(|row| row.probe.as_str()).collect();
    let decided: BTreeSet<&str> = evidence.judged.faced.iter().map(|faced| faced.probe.id.as_str()).collect();
    let is_known = |probe: &Probe| {
        known.contains(probe.id.as_str()) || matches!(&probe.ask, Ask::Prompt(prompt) if prompt.check.is_some())
    };
    let elsewhere = |probe: &Probe| (probe.knob.is_some() && is_known(probe)) || decided.contains(probe.id.as_str());
    let free = |probe: &&Probe| matches!(probe.ask, Ask::Prompt(_)) && !elsewhere(probe);
    let answered = |probe: &&Probe| teacher.contains(probe.id.as_str()) && student.contains(probe.id.as_str());
    let is_seen =
        |probe: &&Probe| (judged && is_known(probe)) || (compared && probe.decoding() == Some(Decoding::Sampled));
    let asked = rows.probes.iter().filter(free).filter(answered);
    let (seen, unseen): (Vec<&Probe>, Vec<&Probe>) = asked.partition(is_seen);
    let all = seen.len() + unseen.len();
    (unseen.len() as f64 > LACKING * all as f64).then(|| {
        format!(
            "{} of {} are in no gate on what is answered: nobody says what is right, and how often answers agree could not be measured of \
             them",
            grouped(unseen.len() as u64),
            counted(all as u64, "prompt")
        )
    })
}

/// More than a tenth of what both models did are texts, or episodes at no distance, and no gate on them was judged. Whoever has gates
/// neither on tokens nor on curves asks for neither.
pub(super) fn others(gates: &[Gate], policy: &Policy, rows: &Rows) -> Option<String> {
    let group = |metric: &str| measure::find(metric).map(|definition| definition.group);
    let judged = |groups: &[Group]| gates.iter().any(|gate| group(&gate.metric).is_some_and(|of| groups.contains(&of)));
    let asked =
        |groups: &[Group]| policy.gates.iter().any(|rule| group(&rule.metric).is_some_and(|of| groups.contains(&of)));
    let texts = [Group::Tokens, Group::Forks, Group::Texts];
    let scored_of = |model: ScoredModel| -> BTreeSet<&str> {
        rows.likelihoods.iter().filter(|row| row.model == model).map(|row| row.probe.as_str()).collect()
    };
    let [teacher, student] = [scored_of(ScoredModel::Teacher), scored_of(ScoredModel::Student)];
    let of_texts: BTreeSet<&str> = teacher.intersection(&student).copied().collect();
    let of_episodes: BTreeSet<&str> = rows.episodes.iter().map(|row| row.probe.as_str()).collect();
    let count = |of: &BTreeSet<&str>| {
        rows.probes.iter().filter(|probe| probe.knob.is_none() && of.contains(probe.id.as_str())).count()
    };
    let kinds = [
        ("text", count(&of_texts), asked(&texts) && !judged(&texts)),
        ("episode", count(&of_episodes), asked(&[Group::Geometry, Group::Episodes]) && !judged(&[Group::Episodes])),
    ];
    let all = rows.probes.len();
    let (kind, unseen, _) =
        kinds.into_iter().find(|&(_, unseen, is_unseen)| is_unseen && unseen as f64 > LACKING * all as f64)?;
    Some(format!("{} are in no gate: none that could be measured looks at them", counted(unseen as u64, kind)))
}
