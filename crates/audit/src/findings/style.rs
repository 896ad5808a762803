//! The finding that is the contrary of the illusion: it judges like its teacher and does not sound like it.

use hydrometer_metrics::measure::illusion::{JUDGMENT_COPIED, SURFACE_COPIED};

use super::FindingContext;
use crate::statement::{Finding, Severity};

/// Share of the way to the teacher's style above which nothing is said: a tenth is left by chance where few answers are compared.
const COPIED: f64 = 0.9;

impl FindingContext<'_> {
    /// The student left more of the way to its teacher's style than of that to its decisions, by more than chance.
    pub(crate) fn style_lost(&self) -> Option<Finding> {
        let surface = self.estimate(&SURFACE_COPIED)?;
        let judgment = self.value(&JUDGMENT_COPIED)?;
        surface.interval.as_ref().filter(|interval| interval.high < COPIED.min(judgment))?;
        Some(Finding {
            id: "style_lost".into(),
            severity: Severity::Notable,
            title: format!(
                "The student does not sound like its teacher: surface copied {:.2}, judgment copied {judgment:.2}",
                surface.value
            ),
            detail: "Length, layout, hedges, disclaimers and the shape of sentences; what it decides is closer to its teacher."
                .into(),
            next_step: "Look at the answers side by side: whether the style matters is yours to say.".into(),
            evidence: Vec::new(),
        })
    }
}
