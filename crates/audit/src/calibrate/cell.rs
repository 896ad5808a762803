//! What is kept of one audit of a calibration: its gates, its numbers, what it found.

use std::collections::BTreeMap;

use hydrometer_metrics::Verdict;
use serde::{Deserialize, Serialize};

use super::truth::{Known, known};
use crate::Statement;
use crate::statement::Severity;

/// Version of the format, the first field of every cell.
pub const CELL_FORMAT: &str = "hydrometer.calibration-cell/1";

/// One audit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// Always [`CELL_FORMAT`].
    pub format: String,
    /// Hash of what all audits share ([`Setup::hash`](super::Setup::hash)).
    pub setup: String,
    /// The defect with its dose, in the words of `planted:`.
    pub defect: String,
    /// Seed of the audit.
    pub seed: u64,
    /// Hash of its run's plan.
    pub run: String,
    /// Its verdict.
    pub verdict: Verdict,
    /// Its gates; of several on one metric the worst.
    pub gates: BTreeMap<String, Judged>,
    /// Every number that was measured.
    pub numbers: BTreeMap<String, f64>,
    /// Those of them whose truth is known.
    pub known: BTreeMap<String, Known>,
    /// Identifiers of the findings that are serious or notable, most important first.
    pub findings: Vec<String>,
}

/// The answer of a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judged {
    /// It passes.
    Pass,
    /// It is undecided.
    Undecided,
    /// It fails.
    Fail,
}

impl From<Verdict> for Judged {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Pass => Self::Pass,
            Verdict::NotEnoughEvidence => Self::Undecided,
            Verdict::Fail => Self::Fail,
        }
    }
}

impl Cell {
    /// What is kept of a statement.
    #[must_use]
    pub fn of(statement: &Statement, setup: &str, defect: &str, seed: u64) -> Self {
        let mut gates: BTreeMap<String, Judged> = BTreeMap::new();
        for gate in &statement.gates {
            let judged = Judged::from(gate.verdict);
            let worst = gates.entry(gate.metric.clone()).or_insert(judged);
            *worst = judged.max(*worst);
        }
        let number = |metric: &crate::statement::Metric| Some((metric.id.clone(), metric.estimate.as_ref()?.value));
        let said = statement.findings.iter().filter(|finding| finding.severity != Severity::Informative);
        Self {
            format: CELL_FORMAT.to_owned(),
            setup: setup.to_owned(),
            defect: defect.to_owned(),
            seed,
            run: statement.run.clone(),
            verdict: statement.verdict,
            gates,
            numbers: statement.metrics.iter().filter_map(number).collect(),
            known: known(defect, statement),
            findings: said.map(|finding| finding.id.clone()).collect(),
        }
    }
}
