//! Relative fall-off: does the student lose more from ring to ring than a control student, for whom the probes become as
//! hard?

use super::rings::{STUDENT_WITH_CONTROL, WIDTH};
use super::{Curve, GeometryError, Rings, share};
use crate::stats::estimate::Estimate;
use crate::stats::limits::{Limits, Shape};

/// [logit f_S,b − logit f_S,0] − [logit f_C,b − logit f_C,0] for each ring b but the innermost one, on the probes with both
/// students' success: below 0 where the student falls off more steeply than the control.
///
/// `None` for a ring where either student has all or no success, there or in the innermost ring: a logit has no value
/// there. Fails for a level out of its range, and when no probe has the control's success.
pub fn relative_fall_off(rings: &Rings, level: f64) -> Result<Vec<Option<Estimate>>, GeometryError> {
    let level = share("level", level)?;
    if !rings.has(Curve::Control) {
        return Err(GeometryError::Empty("probe with the success of a control student"));
    }
    let [count, control] = Curve::Control.columns();
    let of_ring = [count, STUDENT_WITH_CONTROL, control];
    let estimate = |ring: usize| {
        let columns: Vec<usize> =
            [0, ring].iter().flat_map(|ring| of_ring.map(|column| ring * WIDTH + column)).collect();
        let table = rings.narrow(&columns);
        let asked = |family: &str| table.get(family).is_some_and(|sums| sums[0] + sums[3] > 0.0);
        let table = table.filter(asked);
        let totals = table.totals();
        let fall = |sums: &[f64], place: usize| Some(logit(sums[3 + place], sums[3])? - logit(sums[place], sums[0])?);
        let relative = |sums: &[f64]| Some(fall(sums, 1)? - fall(sums, 2)?);
        let weight = |sums: &[f64]| sums[0] / totals[0].max(1.0) + sums[3] / totals[3].max(1.0);
        let items = (totals[0] + totals[3]).round() as u64;
        Some(Limits::of_strata(&table, Shape::ANY, weight, relative)?.estimate(level, items))
    };
    Ok((1..rings.rings().len()).map(estimate).collect())
}

/// A part of the probes below this is rounding: shares of success, added up and taken out again.
const NOTHING: f64 = 1e-9;

/// ln(p/(1 − p)) of a share; `None` where it has no finite value.
fn logit(sum: f64, count: f64) -> Option<f64> {
    let least = NOTHING * count;
    (sum > least && count - sum > least).then(|| (sum / (count - sum)).ln())
}
