//! What a number truly is beside a planted defect, where that is known: exactly, or from what the base of the same audit can do.
//! Intervals are checked against it.

use std::collections::BTreeMap;

use hydrometer_metrics::Estimate;
use hydrometer_metrics::measure::answers::{
    AGREEMENT_RATIO, ANSWER_NET_LOSS, CONSTANT_EXCESS, CUT_EXCESS, DISTRIBUTION_MATCH, DIVERSITY_KEPT, ENDLESS_EXCESS,
    MISSING_EXCESS, VARIETY_KEPT,
};
use hydrometer_metrics::measure::choices::CHOICE_DIVERGENCE;
use hydrometer_metrics::measure::episodes::RECOVERY_RATIO;
use hydrometer_metrics::measure::illusion::JUDGMENT_COPIED;
use hydrometer_metrics::measure::judgment::BOUNDARY_SHIFT;
use hydrometer_metrics::measure::tokens::{ENTROPY_RATIO, TAIL_INVENTED, TAIL_KEPT, TOP1_AGREEMENT};
use hydrometer_metrics::measure::{CAPABILITY_VOLUME, FORGOTTEN};
use serde::{Deserialize, Serialize};

use super::expected::NULL;
use crate::Statement;

/// A number whose truth is known.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// What it truly is.
    pub truth: f64,
    /// Whether its interval holds the truth; `None` without an interval.
    pub covered: Option<bool>,
}

/// Ends of an interval are compared with the truth up to this: both are the end of what floating-point sums of a whole run give.
const ROUNDING: f64 = 1e-6;

/// The numbers of a statement whose truth is known beside this defect with this dose, in the words of `planted:`.
pub(super) fn known(defect: &str, statement: &Statement) -> BTreeMap<String, Known> {
    let covered = |estimate: &Estimate, truth: f64| {
        let interval = estimate.interval.as_ref()?;
        Some(interval.low - ROUNDING <= truth && truth <= interval.high + ROUNDING)
    };
    let found = statement.metrics.iter().filter_map(|metric| {
        let (estimate, truth) = (metric.estimate.as_ref()?, truth(defect, &metric.id, statement)?);
        Some((metric.id.clone(), Known { truth, covered: covered(estimate, truth) }))
    });
    found.collect()
}

fn truth(defect: &str, metric: &str, statement: &Statement) -> Option<f64> {
    let (name, dose) = defect.split_once('=').map_or((defect, None), |(name, dose)| (name, dose.parse::<f64>().ok()));
    let is = |definition: &hydrometer_metrics::measure::Definition| definition.id == metric;
    match (name, dose) {
        (NULL, _) => of_itself(metric),
        ("temperature" | "tail_truncated" | "tail_permuted" | "greedy", _) if is(&TOP1_AGREEMENT) => Some(1.0),
        ("tail_permuted", _) if is(&ENTROPY_RATIO) => Some(1.0),
        ("tail_truncated" | "greedy", _) if is(&TAIL_INVENTED) => Some(0.0),
        ("no_recovery", _) if is(&RECOVERY_RATIO) => Some(0.0),
        // The student is a mixture of the teacher and, where the base decides the contrary, the base.
        ("judgment_flipped", Some(dose)) if is(&JUDGMENT_COPIED) => Some(1.0 - dose),
        ("forgetting", Some(dose)) if is(&FORGOTTEN) => {
            let skills = &statement.forgetting.as_ref()?.skills;
            Some(dose * skills.iter().map(|skill| skill.base).sum::<f64>() / skills.len() as f64)
        }
        _ => None,
    }
}

/// What a number is of a model beside itself, whatever the model.
fn of_itself(metric: &str) -> Option<f64> {
    let is = |definitions: &[&hydrometer_metrics::measure::Definition]| {
        definitions.iter().any(|definition| definition.id == metric)
    };
    if is(&[
        &AGREEMENT_RATIO,
        &DIVERSITY_KEPT,
        &VARIETY_KEPT,
        &DISTRIBUTION_MATCH,
        &CAPABILITY_VOLUME,
        &TOP1_AGREEMENT,
        &TAIL_KEPT,
        &ENTROPY_RATIO,
        &JUDGMENT_COPIED,
    ]) {
        return Some(1.0);
    }
    is(&[
        &ANSWER_NET_LOSS,
        &MISSING_EXCESS,
        &CUT_EXCESS,
        &ENDLESS_EXCESS,
        &CONSTANT_EXCESS,
        &CHOICE_DIVERGENCE,
        &BOUNDARY_SHIFT,
        &FORGOTTEN,
    ])
    .then_some(0.0)
}
