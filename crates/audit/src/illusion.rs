//! The illusion gap of a run, and why a gate may not rest on it.

use hydrometer_metrics::measure::illusion::{JUDGMENT_COPIED, SURFACE_COPIED};
use hydrometer_metrics::measure::{Definition, ILLUSION_GAP};
use hydrometer_metrics::stats::limits::families_to_exclude;
use hydrometer_probes::counted::counted;

use crate::evidence::Evidence;
use crate::geometry::Number;
use crate::statement::{GapBase, Reservation, ReservationKind, Statement};
use crate::verdict::ground::Ground;

/// Gap that a gate lets pass: the margin for which a perfect student needs families enough.
const MARGIN: f64 = 0.10;

/// The number, or why there is none.
pub(crate) fn measure(evidence: &Evidence<'_>) -> Number {
    let found = evidence.illusion_gap();
    let families = found.as_ref().map_or(0, |(estimate, _)| estimate.n_families);
    let reservation = evidence.of_decisions().or_else(|| too_few(families, 1.0 - evidence.level));
    let found = found.map(|(estimate, limits)| (estimate, Ground::Gap(limits)));
    Number { definition: &ILLUSION_GAP, found, reservation: reservation.filter(|_| families > 0) }
}

/// Why nobody can pass. A family like none of those seen may decide as at the start; a share s of such families leaves √s of
/// the way.
fn too_few(families: u64, alpha: f64) -> Option<Reservation> {
    let needed = families_to_exclude(MARGIN.powi(2), alpha);
    (families < needed).then(|| Reservation {
        kind: ReservationKind::TooFewFamilies,
        reason: format!(
            "{} at boundaries of judgment cannot show a gap of at most {MARGIN}, however well the student decides: {needed} can",
            counted(families, "family")
        ),
    })
}

/// What must be read with the number: both gaps that it is the difference of.
pub(crate) fn beside(statement: &Statement, id: &str) -> Option<String> {
    let value = |definition: &Definition| {
        let metric = statement.metrics.iter().find(|metric| metric.id == definition.id)?;
        metric.estimate.as_ref().map(|estimate| estimate.value)
    };
    let surface = value(&SURFACE_COPIED).filter(|_| id == ILLUSION_GAP.id)?;
    let from = match statement.illusion.as_ref()?.base {
        GapBase::Model => "the student before distillation",
        GapBase::AnotherPrompt => "the teacher's answers to other prompts",
    };
    Some(match value(&JUDGMENT_COPIED) {
        Some(judgment) => format!("surface copied {surface:.3}, judgment copied {judgment:.3}, from {from}"),
        None => format!("surface copied {surface:.3}, from {from}"),
    })
}
