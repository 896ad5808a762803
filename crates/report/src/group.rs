//! Which metrics stand together in a list of the report, and in which order.

use std::collections::BTreeSet;

use hydrometer_metrics::catalog::{METRICS, MetricInfo};

/// A list of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    /// What is said about sampled answers as numbers.
    Answers,
    /// How well stated probabilities come true, beside the diagrams.
    Calibration,
}

/// The metrics of a list, in the order in which they are shown.
pub(crate) fn members(group: Group) -> &'static [&'static str] {
    match group {
        Group::Answers => &[
            "answer_agreement",
            "agreement_ratio",
            "diversity_kept",
            "distribution_match",
            "gap_closed",
            "rare_answers_kept",
            "answer_both_right",
            "answer_lost",
            "answer_gained",
            "answer_both_wrong_same",
            "answer_both_wrong_different",
            "excess_flips",
        ],
        Group::Calibration => &["brier_teacher", "brier_student", "ece2_teacher", "ece2_student", "calibration_slope"],
    }
}

/// The catalogue's entries of these metrics, each once, in the catalogue's order.
pub(crate) fn in_catalogue_order(ids: &[&str]) -> Vec<&'static MetricInfo> {
    let ids: BTreeSet<&str> = ids.iter().copied().collect();
    METRICS.iter().filter(|info| ids.contains(info.id)).collect()
}
