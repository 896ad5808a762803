//! A row for a spreadsheet: every digit, one flat table for all sections.

use hydrometer_audit::statement::NumberRegime;
use hydrometer_metrics::Estimate;

/// One row. What a section does not set is an empty cell.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    /// What the row is: `headline`, `gate`, `metric`, …
    pub(crate) kind: &'static str,
    pub(crate) metric: String,
    pub(crate) slice: String,
    pub(crate) estimate: Option<Estimate>,
    /// The value where there is no estimate.
    pub(crate) value: Option<f64>,
    pub(crate) floor: Option<f64>,
    pub(crate) items: Option<u64>,
    pub(crate) at_least: Option<f64>,
    pub(crate) at_most: Option<f64>,
    pub(crate) verdict: &'static str,
    pub(crate) p_value: Option<f64>,
    pub(crate) differs: Option<bool>,
    pub(crate) note: String,
    pub(crate) detectable: Option<f64>,
    /// How the number is known; `None` where it is not there, or not over the whole suite.
    pub(crate) regime: Option<NumberRegime>,
}

impl Record {
    /// An empty row of this kind about this metric.
    pub(crate) fn new(kind: &'static str, metric: &str) -> Self {
        Self { kind, metric: metric.to_owned(), ..Self::default() }
    }
}
