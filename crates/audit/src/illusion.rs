//! The illusion gap of a run, and what must be read with it.

use hydrometer_metrics::measure::illusion::{JUDGMENT_COPIED, SURFACE_COPIED};
use hydrometer_metrics::measure::{Definition, ILLUSION_GAP};

use crate::evidence::Evidence;
use crate::geometry::Number;
use crate::statement::{GapBase, Statement};
use crate::verdict::ground::Ground;

/// The number, or why there is none.
pub(crate) fn measure(evidence: &Evidence<'_>) -> Number {
    let found = evidence.illusion_gap();
    let families = found.as_ref().map_or(0, |(estimate, _)| estimate.n_families);
    let reservation = evidence.of_decisions();
    let found = found.map(|(estimate, limits)| (estimate, Ground::Gap(limits)));
    Number { definition: &ILLUSION_GAP, found, reservation: reservation.filter(|_| families > 0) }
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
