//! Secondary measures of sampled answers: described, never gated, and therefore no [`super::Definition`]s.

use super::definition::{End, Range, Text};
use crate::diversity::{distinct_n, self_bleu, vendi_of_classes};
use crate::embedding::Prdc;

/// A measure that describes.
#[derive(Clone, Copy, Debug)]
pub struct Secondary {
    /// Stable identifier, used in statements.
    pub id: &'static str,
    /// What people read about it.
    pub text: Text,
    /// The values that it can take.
    pub range: Range,
    /// What it is computed from.
    pub of: Of,
}

/// What a secondary measure is computed from.
#[derive(Clone, Copy, Debug)]
pub enum Of {
    /// One model's answers to a prompt, averaged over prompts: their words as numbers, equal ones the same, and their
    /// meaning classes.
    Prompt(fn(&[Vec<u32>], &[u32]) -> Option<f64>),
    /// Features of all of one model's answers together: [`crate::embedding::effective_rank`].
    Cloud,
    /// The same of the teacher and another model: [`crate::embedding::mauve`].
    Clouds,
    /// Their neighbours: [`crate::embedding::prdc`].
    Neighbours(fn(&Prdc) -> f64),
}

/// In the order in which they are shown.
pub static SECONDARY: &[Secondary] = &[
    Secondary {
        id: "vendi",
        text: Text {
            page: "secondary",
            name: "Vendi score",
            unit: "",
            what: "Effective number of different answers of a model to one prompt, averaged over prompts.",
            misleads: "It counts answers of different meaning, right or wrong, and can only reach the number of answers drawn.",
            formula: "exp(−Σ_c p_c ln p_c), p_c the shares of the meaning classes: the eigenvalues of K/n",
            source: "Friedman and Dieng, arXiv:2210.02410, taken within prompts",
        },
        range: Range { low: End::Closed(1.0), high: End::Open(f64::INFINITY) },
        of: Of::Prompt(|_, classes| vendi_of_classes(classes)),
    },
    Secondary {
        id: "distinct_1",
        text: Text {
            page: "secondary",
            name: "distinct-1",
            unit: "",
            what: "Different words over all words of a model's answers to one prompt, averaged over prompts.",
            misleads: "Long answers repeat words and score lower, whatever they say.",
            formula: "different words / words; words and single marks, case folded",
            source: "Li et al., arXiv:1510.03055, taken within prompts",
        },
        range: Range { low: End::Open(0.0), high: End::Closed(1.0) },
        of: Of::Prompt(|words, _| distinct_n(words, 1)),
    },
    Secondary {
        id: "distinct_2",
        text: Text {
            page: "secondary",
            name: "distinct-2",
            unit: "",
            what: "Different pairs of neighbouring words over all such pairs of a model's answers to one prompt, averaged over prompts.",
            misleads: "Long answers repeat pairs and score lower, whatever they say.",
            formula: "different 2-grams / 2-grams; words and single marks, case folded",
            source: "Li et al., arXiv:1510.03055, taken within prompts",
        },
        range: Range { low: End::Open(0.0), high: End::Closed(1.0) },
        of: Of::Prompt(|words, _| distinct_n(words, 2)),
    },
    Secondary {
        id: "self_bleu",
        text: Text {
            page: "secondary",
            name: "Self-BLEU",
            unit: "",
            what: "How much of each answer of a model stands in its other answers to the same prompt, averaged over prompts; 1 when all are equal.",
            misleads: "It sees words, not sense: two proofs of one theorem in other words look diverse.",
            formula: "mean BLEU-4 of each answer against the others, smoothed by adding 1 for n > 1",
            source: "Zhu et al., arXiv:1802.01886, taken within prompts; BLEU: Papineni et al. (2002), Lin and Och (2004)",
        },
        range: Range::SHARE,
        of: Of::Prompt(|words, _| self_bleu(words)),
    },
    Secondary {
        id: "effective_rank",
        text: Text {
            page: "secondary",
            name: "Effective rank",
            unit: "",
            what: "In how many directions all answers of a model together extend, by features of their spelling.",
            misleads: "Over all prompts together it mostly counts prompts: a student that never varies its answer hardly lowers it.",
            formula: "exp(−Σ_i p_i ln p_i), p_i = σ_i / Σσ, σ the singular values of the matrix of answers by features",
            source: "Roy and Vetterli, The Effective Rank (2007)",
        },
        range: Range::closed(1.0, 256.0),
        of: Of::Cloud,
    },
    Secondary {
        id: "mauve",
        text: Text {
            page: "secondary",
            name: "MAUVE",
            unit: "",
            what: "How alike the clouds of all answers of two models are, by features of their spelling: both kinds of error in one number.",
            misleads: "In finite samples even equal models stay below 1, and another number of answers or another seed moves it.",
            formula: "area under {(exp(−5 KL(Q‖R)), exp(−5 KL(P‖R))): R = λP + (1 − λ)Q}, P and Q the shares of joint k-means clusters",
            source: "Pillutla et al., arXiv:2102.01454",
        },
        range: Range { low: End::Open(0.0), high: End::Closed(1.0) },
        of: Of::Clouds,
    },
    Secondary {
        id: "knn_precision",
        text: Text {
            page: "secondary",
            name: "Precision by neighbours",
            unit: "",
            what: "Share of the answers that lie within the teacher's support, by features of their spelling.",
            misleads: "One lonely answer of the teacher has a large ball, and everything in it counts as precise.",
            formula: "mean over Y of 1[some X has |X − Y| ≤ NND_5(X)], X the teacher's answers",
            source: "Kynkäänniemi et al., arXiv:1904.06991",
        },
        range: Range::SHARE,
        of: Of::Neighbours(|found| found.precision),
    },
    Secondary {
        id: "knn_recall",
        text: Text {
            page: "secondary",
            name: "Recall by neighbours",
            unit: "",
            what: "Share of the teacher's answers that lie within the other model's support, by features of their spelling.",
            misleads: "A few scattered answers have large balls and recall everything.",
            formula: "mean over X of 1[some Y has |X − Y| ≤ NND_5(Y)], X the teacher's answers",
            source: "Kynkäänniemi et al., arXiv:1904.06991",
        },
        range: Range::SHARE,
        of: Of::Neighbours(|found| found.recall),
    },
    Secondary {
        id: "knn_density",
        text: Text {
            page: "secondary",
            name: "Density by neighbours",
            unit: "",
            what: "How densely the teacher's answers surround those of the other model, by features of their spelling; 1 is expected of equal models.",
            misleads: "A model that only gives the teacher's favourite answers exceeds 1.",
            formula: "mean over Y of #{X: |X − Y| ≤ NND_5(X)} / 5, X the teacher's answers",
            source: "Naeem et al., arXiv:2002.09797",
        },
        range: Range::FROM_ZERO,
        of: Of::Neighbours(|found| found.density),
    },
    Secondary {
        id: "knn_coverage",
        text: Text {
            page: "secondary",
            name: "Coverage by neighbours",
            unit: "",
            what: "Share of the teacher's answers that have an answer of the other model nearby, by features of their spelling.",
            misleads: "Equal models reach about 0.97, not 1; where most answers are new, the neighbours are other prompts' answers.",
            formula: "mean over X of 1[some Y has |X − Y| ≤ NND_5(X)], X the teacher's answers",
            source: "Naeem et al., arXiv:2002.09797",
        },
        range: Range::SHARE,
        of: Of::Neighbours(|found| found.coverage),
    },
];
