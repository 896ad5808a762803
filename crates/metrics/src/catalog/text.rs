//! The catalogue's texts.

use super::{Direction, MetricInfo};

/// Every metric, in the order in which they are shown.
pub static METRICS: &[MetricInfo] = &[MetricInfo {
    id: "kl_divergence",
    name: "KL divergence",
    unit: "nats per token",
    range: "[0, ∞)",
    direction: Direction::Lower,
    what: "How many nats per token are lost when the student's next-token distribution is used in place of the teacher's.",
    misleads: "It measures how much the models disagree, not which of them is right.",
    formula: "Σ_t Σ_v p ln(p/q) / n",
    source: "Kullback and Leibler 1951",
}];
