//! Planning from a pilot: how many families a gate needs, judged by the spread in a finished run.

use hydrometer_answers::RunFolder;
use hydrometer_metrics::measure::{self, Definition, Group, Measured, Undefined};
use hydrometer_metrics::stats::gate::{Bounds, judge};
use hydrometer_metrics::stats::limits::Limits;
use hydrometer_metrics::stats::power;
use hydrometer_metrics::{Estimate, Verdict};
use serde::Serialize;

pub use self::rings::PlannedRing;
use super::ground::Ground;
use super::unknown_metric::unknown_metric;
use crate::evidence::{Evidence, Rows};
use crate::geometry::{self, Number};
use crate::statement::Geometry;
use crate::{AuditError, Policy};

mod rings;

/// What the planned audit should be able to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// Chance that the gate decides, in (0, 1).
    pub power: f64,
    /// Distance of the truth from the margin, above 0; `None` takes the pilot's value for the truth.
    pub distance: Option<f64>,
}

/// One metric, planned.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Planned {
    /// Its identifier.
    pub metric: String,
    /// The pilot's value; `None` where it was not measured.
    pub value: Option<f64>,
    /// Families of the pilot.
    pub families_now: u64,
    /// Standard deviation per family: the standard error with G families is this over √G.
    pub sd: Option<f64>,
    /// Lowest accepted value, where the policy has one.
    pub at_least: Option<f64>,
    /// Highest accepted value, where the policy has one.
    pub at_most: Option<f64>,
    /// Distance of the truth from the nearest margin that is planned with.
    pub distance: Option<f64>,
    /// Families that the gate needs.
    pub families: Option<u64>,
    /// Smallest distance from the margin that the pilot's own families decide.
    pub detectable: Option<f64>,
    /// Why a number is missing.
    pub missing: Option<String>,
    /// Ring by ring, where the number is read off curves; absent where it is not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rings: Vec<PlannedRing>,
}

/// Plans the gates of a policy, or those metrics only, from a finished run.
///
/// # Errors
/// The run is damaged or unfinished, the target is out of range, or a metric is none that this version measures.
pub fn sample_size(
    run: &RunFolder,
    policy: &Policy,
    metrics: &[String],
    target: Target,
) -> Result<Vec<Planned>, AuditError> {
    let setting = |setting, found: f64, expected: &str| {
        Err(AuditError::Setting { setting, found: found.to_string(), expected: expected.to_owned() })
    };
    if !(target.power > 0.0 && target.power < 1.0) {
        return setting("power", target.power, "a number between 0 and 1");
    }
    if let Some(distance) = target.distance.filter(|distance| !(distance.is_finite() && *distance > 0.0)) {
        return setting("margin", distance, "a number above 0");
    }
    let measured = || measure::measured().chain(measure::group(Group::Geometry));
    if let Some(unknown) = metrics.iter().find(|metric| !measured().any(|definition| definition.id == **metric)) {
        return Err(unknown_metric(unknown, measured().map(|definition| definition.id)));
    }
    let rows = Rows::read(run)?;
    let evidence = Evidence::new(&rows, policy)?;
    let curves = geometry::measure(&evidence)?;
    let gated = policy.gates.iter().map(|gate| &gate.metric);
    let wanted: Vec<_> = if metrics.is_empty() { gated.collect() } else { metrics.iter().collect() };
    let plan = |metric: &String| {
        let plan = nothing(policy, metric, target);
        match curves.numbers.iter().find(|number| number.definition.id == *metric) {
            Some(number) => of_curves(plan, number, curves.statement.as_ref(), policy, target),
            None => of_sums(plan, &evidence, policy, target),
        }
    };
    Ok(wanted.into_iter().map(plan).collect())
}

/// A metric of which nothing is known yet.
fn nothing(policy: &Policy, metric: &str, target: Target) -> Planned {
    let gate = policy.gates.iter().find(|gate| gate.metric == metric);
    let [at_least, at_most] = gate.map_or([None; 2], |gate| [gate.at_least, gate.at_most]);
    Planned {
        metric: metric.to_owned(),
        value: None,
        families_now: 0,
        sd: None,
        at_least,
        at_most,
        distance: target.distance,
        families: None,
        detectable: None,
        missing: None,
        rings: Vec::new(),
    }
}

/// A number of sums.
fn of_sums(plan: Planned, evidence: &Evidence<'_>, policy: &Policy, target: Target) -> Planned {
    let definition = measure::find(&plan.metric).ok_or_else(|| Undefined::NotOfSums.to_string());
    match definition.clone().and_then(|definition| match definition.group {
        Group::Forgetting => Err("read off skills: the statement says how many families would decide it".to_owned()),
        Group::Illusion if definition.measure.is_none() => {
            Err("the difference of two numbers: the statement says how many families would decide it".to_owned())
        }
        _ => evidence.measure(definition),
    }) {
        // What gates judge of a number on free decisions is corrected, and has no law by which the chance of a verdict is known.
        Ok(measured) => match definition.ok().and_then(|definition| judged_by(evidence, definition, &measured)) {
            Some((estimate, ground)) => of_ground(plan, &estimate, &ground, policy),
            None => of_limits(plan, &measured.estimate, &measured.limits, policy, target),
        },
        Err(missing) => Planned { missing: Some(missing), ..plan },
    }
}

/// What the gate on a number on free decisions judges in its place; `None` for a number that is judged as it is.
fn judged_by(evidence: &Evidence<'_>, definition: &Definition, raw: &Measured) -> Option<(Estimate, Ground)> {
    let (level, items) = (evidence.level, raw.estimate.n_items);
    match (evidence.excess(definition), evidence.corrected(definition)) {
        (Some(excess), _) => Some((excess.estimate(level, items), Ground::of_excess(excess))),
        (None, Some(Ok(corrected))) => Some((corrected.estimate(level, items), Ground::of_corrected(corrected))),
        (None, _) => None,
    }
}

/// A number that is read off curves.
fn of_curves(plan: Planned, number: &Number, curves: Option<&Geometry>, policy: &Policy, target: Target) -> Planned {
    let (estimate, ground) = match &number.found {
        Ok(found) => found,
        Err(missing) => return Planned { missing: Some(missing.clone()), ..plan },
    };
    let mut plan = match ground {
        Ground::One(limits) if limits.family_sd().is_some_and(|sd| sd > SPREAD) => {
            of_limits(plan, estimate, limits, policy, target)
        }
        Ground::One(_)
        | Ground::Bounded(..)
        | Ground::Between(..)
        | Ground::Least(_)
        | Ground::Reach(_)
        | Ground::Gap(_)
        | Ground::Forgotten(_)
        | Ground::Corrected(_)
        | Ground::Excess(_) => of_ground(plan, estimate, ground, policy),
    };
    plan.rings = curves.map_or_else(Vec::new, |curves| rings::planned(&plan, curves));
    plan
}

/// A spread below this is rounding.
const SPREAD: f64 = 1e-12;

/// A number that is the least of several, or one without a spread, judged as its gate is: were value and spread to stay. The
/// chance that it is decided is not known.
fn of_ground(mut plan: Planned, estimate: &Estimate, ground: &Ground, policy: &Policy) -> Planned {
    (plan.value, plan.families_now, plan.distance) = (Some(estimate.value), estimate.n_families, None);
    let Some(gate) = policy.gates.iter().find(|gate| gate.metric == plan.metric) else {
        return Planned { missing: Some("the policy has no gate on it".to_owned()), ..plan };
    };
    let ends = |alpha: f64, growth: f64| ground.ends(alpha, growth);
    let bounds = gate.bounds();
    let answer = judge(estimate.value, estimate.n_families, ends, &bounds, 1.0 - policy.level);
    plan.families = match answer.verdict {
        Verdict::NotEnoughEvidence => answer.more_families.map(|more| estimate.n_families + more),
        Verdict::Pass | Verdict::Fail => Some(estimate.n_families),
    };
    let words = match plan.families {
        Some(_) => "were value and spread to stay: with what chance is not known",
        None => "no number of families decides it, were value and spread to stay",
    };
    Planned { missing: Some(words.to_owned()), ..plan }
}

/// A number with limits of its own.
fn of_limits(mut plan: Planned, estimate: &Estimate, limits: &Limits, policy: &Policy, target: Target) -> Planned {
    let (value, alpha) = (estimate.value, 1.0 - policy.level);
    plan.value = Some(value);
    plan.families_now = estimate.n_families;
    let gate = policy.gates.iter().find(|gate| gate.metric == plan.metric);
    plan.sd = limits.family_sd();
    if plan.sd.is_none() {
        return Planned { missing: Some("fewer than two families allow no spread".to_owned()), ..plan };
    }
    // A metric without a gate of its own is planned to be told from its value as from a lower margin.
    let bounds = match (gate, target.distance) {
        (Some(gate), _) => gate.bounds(),
        (None, Some(distance)) => Bounds { at_least: Some(value - distance), at_most: None },
        (None, None) => Bounds::default(),
    };
    // Signed: inside positive.
    let sides = [bounds.at_least.map(|low| value - low), bounds.at_most.map(|high| high - value)];
    let nearest = sides.into_iter().flatten().min_by(f64::total_cmp);
    plan.distance = target.distance.or(nearest.map(f64::abs));
    // The truth at that distance, on the pilot's side of the nearest margin.
    let truth = plan.distance.zip(nearest).map(|(distance, slack)| {
        let outwards = if slack.is_sign_negative() { distance + slack } else { slack - distance };
        if sides[0] == Some(slack) { value - outwards } else { value + outwards }
    });
    plan.detectable = power::decidable(limits, &bounds, alpha, target.power);
    plan.families = truth.and_then(|truth| power::families(limits, &bounds, truth, alpha, target.power));
    plan.missing = match (plan.distance, plan.families) {
        (None, _) => Some("the policy has no gate on it, and no margin was named".to_owned()),
        (_, None) => Some("the truth would lie on the margin, where no number of families decides".to_owned()),
        _ => None,
    };
    plan
}
