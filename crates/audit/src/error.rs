//! How judging fails.

use hydrometer_answers::RunError;
use hydrometer_metrics::geometry::GeometryError;
use hydrometer_metrics::measure::choices::ChoiceError;
use hydrometer_probes::Fault;
use thiserror::Error;

/// Why a run could not be judged.
#[derive(Debug, Error)]
pub enum AuditError {
    /// The run folder cannot be read.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Something that the suite or the run calls a choice is none.
    #[error("probe {probe}: {source}")]
    Choice {
        /// Probe id.
        probe: String,
        /// What is wrong with it.
        source: ChoiceError,
    },
    /// A checker cannot be used: what is right is not known.
    #[error("the check of probe `{probe}`: {fault}")]
    Check {
        /// Probe id.
        probe: String,
        /// What is wrong with its checker.
        fault: Box<Fault>,
    },
    /// The probes of an axis cannot be laid out by their distance.
    #[error("axis {axis}: {source}")]
    Geometry {
        /// Its name.
        axis: String,
        /// What is wrong.
        source: GeometryError,
    },
    /// A setting is out of range.
    #[error("{setting} is {found}, expected {expected}")]
    Setting {
        /// Its name.
        setting: &'static str,
        /// What was given.
        found: String,
        /// What is accepted.
        expected: String,
    },
    /// A line of a file of labels that is no label of the run.
    #[error("line {line} of the labels: {found}")]
    Label {
        /// Its number, from 1.
        line: usize,
        /// What was expected and found.
        found: String,
    },
    /// A calibration says nothing of this run.
    #[error("the calibration is not one of this run: {}", .differs.join("; "))]
    OtherCalibration {
        /// What differs, a fragment each.
        differs: Vec<String>,
        /// Flags of an audit with the calibration's budget, those that differ; empty where no flag is all that it takes.
        flags: Vec<String>,
    },
    /// The policy cannot be used.
    #[error("policy: {0}")]
    Policy(String),
    /// A run that should stop by its evidence, and no gate that could say when.
    #[error(
        "no gate of the policy can be watched on `{suite}`; run it without stopping early, or gate one of {}",
        .watchable.join(", ")
    )]
    NothingWatched {
        /// Name of the suite.
        suite: String,
        /// Metrics that can be watched.
        watchable: Vec<&'static str>,
    },
    /// Two runs whose numbers do not answer the same question.
    #[error("the two runs cannot be compared: {what} differ, {a} against {b}")]
    OtherQuestion {
        /// What they should have in common.
        what: &'static str,
        /// In the first run.
        a: String,
        /// In the second run.
        b: String,
    },
    /// Two runs without a family in common.
    #[error(
        "the two runs cannot be compared: they share no family (the first has {a}, the second {b}, and none asks the same)"
    )]
    NothingShared {
        /// Families of the first run.
        a: u64,
        /// Families of the second run.
        b: u64,
    },
}
