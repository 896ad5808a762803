//! The figures by which a calibration is accepted, and whether they hold.

use hydrometer_metrics::Interval;
use hydrometer_metrics::stats::limits::families_to_exclude;
use serde::{Deserialize, Serialize};

use super::expected;
use super::matrix::{DefectRow, DoseRow, GateRow, Nulls, POWER, Share};
use crate::Policy;

/// Least chance that a targeted number tells the defect from the teacher itself.
const AUC: f64 = 0.95;
/// Most nulls that may fail.
const FALSE_ALARMS: f64 = 0.05;
/// Least mean correlation of dose and loss.
const RESPONSE: f64 = 0.9;
/// Least share of audits in which the defect is named.
const NAMED: f64 = 0.8;
/// Most audits in which a gate fails that must stay quiet.
const QUIET: f64 = 0.1;
/// Fewest audits at a dose of which a figure can hold.
const RUNS: u64 = 5;

/// What a figure is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Nulls in which any gate failed.
    FalseAlarms,
    /// Audits at the declared dose in which the gate failed.
    Power,
    /// Area under the curve, defect against null.
    Auc,
    /// Correlation of dose and loss.
    DoseResponse,
    /// Audits at the declared dose in which the defect is named.
    Named,
    /// Audits at any dose in which a gate failed that must stay quiet: the worst of them.
    Quiet,
}

/// Where a figure must lie.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// So much or more.
    AtLeast(f64),
    /// So much or less.
    AtMost(f64),
}

impl Target {
    fn holds(self, found: f64) -> bool {
        match self {
            Self::AtLeast(least) => found >= least,
            Self::AtMost(most) => found <= most,
        }
    }
}

/// One figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Criterion {
    /// What it is of.
    pub figure: Figure,
    /// The defect, with its dose where there is one; `None` for the nulls.
    pub defect: Option<String>,
    /// The metric, where there is one.
    pub metric: Option<String>,
    /// Where it must lie.
    pub target: Target,
    /// Where it lies; `None` where it was not measured.
    pub found: Option<f64>,
    /// Its interval, where it is a share of trials.
    pub interval: Option<Interval>,
    /// Whether it holds; `None` where nothing was measured and nothing follows from that, and where it would hold by too few runs
    /// to say so.
    pub met: Option<bool>,
    /// Why there is no figure, or no answer.
    pub missing: Option<String>,
}

impl Criterion {
    fn new(figure: Figure, defect: Option<&str>, metric: Option<&str>, target: Target, found: Option<f64>) -> Self {
        Self {
            figure,
            defect: defect.map(str::to_owned),
            metric: metric.map(str::to_owned),
            target,
            found,
            interval: None,
            met: found.map(|found| target.holds(found)),
            missing: None,
        }
    }

    fn of_share(self, share: Option<&Share>) -> Self {
        Self { interval: share.and_then(|share| share.interval), ..self }
    }

    /// Few runs hold nothing. What fails on them fails.
    fn of_runs(self, runs: u64, least: u64) -> Self {
        if self.met != Some(true) || runs >= least {
            return self;
        }
        let missing = format!("too few runs to say: {runs} of {least}");
        Self { met: None, missing: Some(missing), ..self }
    }

    /// Whether it was measured, and by too few runs to say whether it holds.
    #[must_use]
    pub fn is_of_too_few(&self) -> bool {
        self.met.is_none() && self.found.is_some()
    }

    fn unless_found(self, missing: &str, met: Option<bool>) -> Self {
        if self.found.is_some() { self } else { Self { met, missing: Some(missing.to_owned()), ..self } }
    }
}

/// All figures, the nulls first: of so many audits.
pub(super) fn figures(policy: &Policy, (nulls, audits): (&Nulls, u64), defects: &[DefectRow]) -> Vec<Criterion> {
    let alarms = Criterion::new(Figure::FalseAlarms, None, None, Target::AtMost(FALSE_ALARMS), nulls.any.value());
    let alarms = alarms.of_share(Some(&nulls.any)).unless_found("no null was audited", Some(false));
    // Where no draw has a say, all nulls are one: more of them show nothing else.
    let least = if nulls.any.trials == 1 { RUNS } else { families_to_exclude(FALSE_ALARMS, FALSE_ALARMS) };
    let alarms = alarms.of_runs(audits, least);
    std::iter::once(alarms).chain(defects.iter().flat_map(|row| of_defect(policy, row))).collect()
}

fn of_defect(policy: &Policy, row: &DefectRow) -> Vec<Criterion> {
    // A defect of which nothing is written down is shown and not judged.
    let (Some(expected), Some(declared)) = (expected::expected(&row.defect), row.doses.last()) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    // A control that the suite cannot see at all is a control that failed; one number of several may be missing. What the policy
    // does not gate is seen by its number.
    let gated = |metric: &str| policy.gates.iter().any(|rule| rule.metric == metric);
    let seen = |metric: &&str| if gated(metric) { gate(declared, metric).is_some() } else { number(declared, metric) };
    let nothing = !expected.fires.is_empty() && !expected.fires.iter().any(seen);
    for &metric in expected.fires {
        let at = Some(declared.defect.as_str());
        if gated(metric) {
            let failed = gate(declared, metric).map(|gate| &gate.failed);
            let power =
                Criterion::new(Figure::Power, at, Some(metric), Target::AtLeast(POWER), failed.and_then(Share::value));
            let unjudged = "no gate on it was judged";
            found.push(power.of_share(failed).unless_found(unjudged, nothing.then_some(false)));
        }
        let number = declared.numbers.iter().find(|number| number.metric == metric);
        let auc = number.and_then(|number| number.auc);
        let unmeasured = "it was not measured of both the defect and the teacher itself";
        let missed = (nothing && !gated(metric)).then_some(false);
        found.push(
            Criterion::new(Figure::Auc, at, Some(metric), Target::AtLeast(AUC), auc).unless_found(unmeasured, missed),
        );
        let response = row.dose_response.get(metric).copied();
        found.push(
            Criterion::new(Figure::DoseResponse, Some(&row.defect), Some(metric), Target::AtLeast(RESPONSE), response)
                .unless_found("it takes three doses or more at which the number varies", None),
        );
    }
    if let Some(named) = &declared.named {
        let criterion =
            Criterion::new(Figure::Named, Some(&declared.defect), None, Target::AtLeast(NAMED), named.value());
        found.push(criterion.of_share(Some(named)));
    }
    let mut found: Vec<_> = found.into_iter().map(|criterion| criterion.of_runs(declared.audits, RUNS)).collect();
    found.extend(quietest(row));
    found
}

/// The gate that should have stayed quiet and failed most often.
fn quietest(row: &DefectRow) -> Option<Criterion> {
    let quiet = expected::expected(&row.defect)?.quiet;
    let gates = row.doses.iter().flat_map(|dose| dose.gates.iter().map(move |gate| (dose, gate)));
    let (dose, gate) = gates
        .filter(|(_, gate)| quiet.covers(&gate.metric))
        .filter(|(_, gate)| gate.failed.trials > 0)
        .max_by(|(_, a), (_, b)| a.failed.value().unwrap_or(0.0).total_cmp(&b.failed.value().unwrap_or(0.0)))?;
    let target = Target::AtMost(QUIET);
    let found = gate.failed.value();
    Some(
        Criterion::new(Figure::Quiet, Some(&dose.defect), Some(&gate.metric), target, found)
            .of_share(Some(&gate.failed))
            .of_runs(dose.audits, RUNS),
    )
}

/// Whether a number was measured.
fn number(dose: &DoseRow, metric: &str) -> bool {
    dose.numbers.iter().any(|number| number.metric == metric)
}

/// The gate on a metric.
fn gate<'a>(dose: &'a DoseRow, metric: &str) -> Option<&'a GateRow> {
    dose.gates.iter().find(|gate| gate.metric == metric)
}
