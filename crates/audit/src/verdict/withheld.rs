//! Why a statement is no PASS although every gate passes: what the student did not show, and what no gate looked at.

use std::collections::BTreeMap;

use hydrometer_answers::SampleSource;
use hydrometer_metrics::measure::{self, Definition, Group, answers as measured};
use hydrometer_probes::Probe;
use hydrometer_probes::counted::{counted, grouped};

use crate::Policy;
use crate::evidence::Rows;
use crate::kind::answers::OF_CONTENT;
use crate::statement::{Gate, Metric};

/// Share of what was asked up to which the rest stands for the whole.
const LACKING: f64 = 0.1;
/// Share of answers that may be lost beyond chance while as many are gained: as many as of choices, in the default policy.
pub(crate) const LOST_IN_BALANCE: f64 = 0.1;

/// Why gates that pass are not enough, as the end of a sentence that begins with "no gate fails, but"; `None` where they are.
pub(crate) fn withheld(gates: &[Gate], policy: &Policy, metrics: &[Metric], rows: &Rows) -> Option<String> {
    without_student(gates)
        .or_else(|| by_manner_alone(gates, policy))
        .or_else(|| unanswered(rows))
        .or_else(|| beyond_its_context(rows))
        .or_else(|| in_balance(gates, policy, metrics))
}

/// Gates judge the teacher alone.
fn without_student(gates: &[Gate]) -> Option<String> {
    let without = |gate: &Gate| measure::find(&gate.metric).is_some_and(measure::is_without_student);
    (!gates.is_empty() && gates.iter().all(without)).then(|| "none looks at the student".to_owned())
}

fn of_content(metric: &str) -> bool {
    OF_CONTENT.iter().any(|definition| definition.id == metric)
}

/// Gates judge answers while all those of the policy that look at what is answered are left out.
fn by_manner_alone(gates: &[Gate], policy: &Policy) -> Option<String> {
    let of_answers = |gate: &Gate| {
        let definition = measure::find(&gate.metric);
        definition.is_some_and(|definition| matches!(definition.group, Group::Answers | Group::AnswerLevels))
    };
    let manner_alone = gates.iter().any(of_answers)
        && policy.gates.iter().any(|rule| of_content(&rule.metric))
        && !gates.iter().any(|gate| of_content(&gate.metric));
    manner_alone.then(|| "none looks at what is answered: those of the policy that do could not be measured".to_owned())
}

/// Answers were given, and too many of the student's are not there or not judged.
fn unanswered(rows: &Rows) -> Option<String> {
    let found = rows.manifest.settings.given.as_ref()?.not_compared?;
    let (lacking, asked) = (found.lacking(), rows.probes.len() as u64);
    if is_much(lacking, asked + lacking) {
        return Some(format!(
            "the student's files have no answer that can be used to {} of {} that the teacher answered: the others are no measure \
             of the whole",
            grouped(lacking),
            counted(asked + lacking, "question")
        ));
    }
    is_much(found.unjudged_of_student, asked).then(|| {
        format!(
            "the files judge the teacher's answers and not the student's on {} of {}: the others are no measure of the whole",
            grouped(found.unjudged_of_student),
            counted(asked, "question")
        )
    })
}

/// Too much of what was to be asked does not fit into the student's context.
fn beyond_its_context(rows: &Rows) -> Option<String> {
    let kind = |probe: &Probe| probe.ask.kind().name();
    let kinds: BTreeMap<&str, &str> = rows.probes.iter().map(|probe| (probe.id.as_str(), kind(probe))).collect();
    let excluded = rows.manifest.excluded.iter().flatten();
    let too_long = excluded.filter(|item| item.context_of.as_deref() == Some(SampleSource::Student.name()));
    let mut of_kind: BTreeMap<&str, u64> = BTreeMap::new();
    for item in too_long {
        *of_kind.entry(kinds.get(item.probe.as_str())?).or_default() += 1;
    }
    of_kind.into_iter().find_map(|(kind, too_long)| {
        let all = kinds.values().filter(|of| **of == kind).count() as u64;
        is_much(too_long, all).then(|| {
            format!(
                "{} of {} do not fit into the student's context: the others are no measure of the whole",
                grouped(too_long),
                counted(all, kind)
            )
        })
    })
}

/// Many answers are lost and as many are gained, and of what is answered nothing is judged but the difference.
fn in_balance(gates: &[Gate], policy: &Policy, metrics: &[Metric]) -> Option<String> {
    let net = measured::ANSWER_NET_LOSS.id;
    let judged = |metric: &str| gates.iter().any(|gate| gate.metric == metric);
    let net_alone = judged(net) && !gates.iter().any(|gate| gate.metric != net && of_content(&gate.metric));
    // Whoever gates nothing else of what is answered asks for no more.
    let asked_for_more = policy.gates.iter().any(|rule| rule.metric != net && of_content(&rule.metric));
    if !(net_alone && asked_for_more) || lost_beyond_chance(metrics)? <= LOST_IN_BALANCE {
        return None;
    }
    let percent = |definition: &Definition| Some(format!("{:.0} %", 100.0 * estimate(metrics, definition)?.value));
    Some(format!(
        "{} of answers are lost and {} gained: they balance, and no gate that could be measured looks at which ones are right",
        percent(&measured::ANSWER_LOST)?,
        percent(&measured::ANSWER_GAINED)?
    ))
}

/// Share of answers that are lost for certain, less what a second run of the teacher loses where there is one.
pub(crate) fn lost_beyond_chance(metrics: &[Metric]) -> Option<f64> {
    let lost = estimate(metrics, &measured::ANSWER_LOST)?;
    Some(lost.interval.as_ref()?.low - lost.floor.unwrap_or(0.0))
}

fn estimate<'m>(metrics: &'m [Metric], definition: &Definition) -> Option<&'m hydrometer_metrics::Estimate> {
    metrics.iter().find(|metric| metric.id == definition.id)?.estimate.as_ref()
}

fn is_much(part: u64, whole: u64) -> bool {
    part as f64 > LACKING * whole as f64
}
