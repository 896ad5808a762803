//! Why a statement is no PASS although every gate passes: what the student did not show, and what no gate looked at.

use hydrometer_metrics::measure::{self, Definition, Group, answers as measured};
use hydrometer_probes::counted::{counted, grouped};

use super::missing::{LACKING, missing};
use super::unseen;
use crate::evidence::Evidence;
use crate::kind::answers::OF_CONTENT;
use crate::statement::{AxisCurve, Gate, Geometry, Metric};
use crate::{GateRule, Policy};

/// Share of answers that may be lost beyond chance while as many are gained: as many as of choices, in the default policy.
pub(crate) const LOST_IN_BALANCE: f64 = 0.1;

/// Why gates that pass are not enough, as the end of a sentence that begins with "no gate fails, but"; `None` where they are.
pub(crate) fn withheld(
    gates: &[Gate],
    policy: &Policy,
    metrics: &[Metric],
    geometry: Option<&Geometry>,
    evidence: &Evidence<'_>,
) -> Option<String> {
    without_student(gates)
        .or_else(|| by_manner_alone(gates, policy))
        .or_else(|| missing(gates, evidence))
        .or_else(|| unseen::prompts(gates, policy, evidence))
        .or_else(|| unseen::others(gates, policy, evidence.rows))
        .or_else(|| without_curve(policy, geometry))
        .or_else(|| in_balance(gates, policy, metrics))
}

/// Gates judge the teacher alone.
fn without_student(gates: &[Gate]) -> Option<String> {
    let without = |gate: &Gate| measure::find(&gate.metric).is_some_and(measure::is_without_student);
    (!gates.is_empty() && gates.iter().all(without)).then(|| "none looks at the student".to_owned())
}

pub(super) fn of_content(metric: &str) -> bool {
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

/// More than a tenth of what is asked at a distance is of axes with one family: no curve, and in no number.
fn without_curve(policy: &Policy, geometry: Option<&Geometry>) -> Option<String> {
    let of_curves = |rule: &GateRule| measure::find(&rule.metric).is_some_and(|of| of.group == Group::Geometry);
    let axes = geometry.filter(|_| policy.gates.iter().any(of_curves)).map_or(&[][..], |geometry| &geometry.axes);
    let lone: Vec<&AxisCurve> = axes.iter().filter(|axis| axis.families < 2).collect();
    let in_none: u64 = lone.iter().map(|axis| axis.probes).sum();
    let all: u64 = axes.iter().map(|axis| axis.probes).sum();
    (in_none as f64 > LACKING * all as f64).then(|| {
        format!(
            "{} of {} at a distance are in no curve: {} of {} axes have a single family each",
            grouped(in_none),
            counted(all, "question"),
            lone.len(),
            axes.len()
        )
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
