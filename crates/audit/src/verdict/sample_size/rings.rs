//! Rings of a gate that is read off curves: how many families each would need.

use hydrometer_metrics::Verdict;
use hydrometer_metrics::measure::SAFE_REACH;
use serde::Serialize;

use super::Planned;
use crate::statement::{AxisCurve, Geometry, RingRow};

/// A ring that a gate rests on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlannedRing {
    /// Axis.
    pub axis: String,
    /// Knob.
    pub knob: String,
    /// Outer edge of the ring inside it.
    pub inner: f64,
    /// Largest radius in it.
    pub outer: f64,
    /// Families of the pilot with a probe in it.
    pub families_now: u64,
    /// Families that would decide it, were value and spread to stay; `None` where no number would.
    pub families: Option<u64>,
}

/// The rings on which the gate of a plan rests. A reach rests on those that it must hold in, each by itself; a volume on all of
/// them, which grow together.
pub(super) fn planned(plan: &Planned, curves: &Geometry) -> Vec<PlannedRing> {
    let of_axis = |curve: &AxisCurve, rests: &dyn Fn(&RingRow) -> bool, needed: &dyn Fn(&RingRow) -> Option<u64>| {
        let ring = |ring: &RingRow| PlannedRing {
            axis: curve.axis.clone(),
            knob: curve.knob.clone(),
            inner: ring.inner,
            outer: ring.outer,
            families_now: ring.families,
            families: needed(ring),
        };
        curve.rings.iter().filter(|ring| rests(ring)).map(ring).collect::<Vec<_>>()
    };
    if plan.metric == SAFE_REACH.id {
        let wanted = plan.at_least.unwrap_or(f64::INFINITY);
        let axes = curves.axes.iter().filter(|curve| curve.trained_to.is_some() && curve.teacher_reach > 0.0);
        return axes.flat_map(|curve| of_axis(curve, &|ring| ring.inner < wanted, &decided)).collect();
    }
    let growth = plan.families.map(|families| families as f64 / plan.families_now.max(1) as f64);
    // What is a whole number but for rounding stays that number.
    let grown = |ring: &RingRow| Some((ring.families as f64 * growth? - 1e-6).ceil() as u64);
    let axes = curves.axes.iter().filter(|curve| curve.volume.is_some());
    axes.flat_map(|curve| of_axis(curve, &|_| true, &grown)).collect()
}

/// Families that decide whether a ring holds: those that it has where it is decided, else what the statement says that it needs.
fn decided(ring: &RingRow) -> Option<u64> {
    match ring.verdict {
        Verdict::Pass | Verdict::Fail => Some(ring.families),
        Verdict::NotEnoughEvidence => {
            let per_probe = ring.families as f64 / ring.probes.max(1) as f64;
            Some((ring.probes_needed? as f64 * per_probe - 1e-6).ceil() as u64)
        }
    }
}
