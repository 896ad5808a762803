//! Texts on secondary measures: described, never gated, and therefore not among the metrics.

use super::{Direction, MetricInfo};

/// What [`super::MetricInfo`] says the same way of all of them.
const fn text(
    id: &'static str,
    name: &'static str,
    range: &'static str,
    [what, misleads, formula, source]: [&'static str; 4],
) -> MetricInfo {
    let (page, unit, direction) = ("secondary", "", Direction::Neither);
    MetricInfo { id, page, name, unit, range, direction, what, misleads, formula, source }
}

/// In the order in which they are shown.
pub(super) const TEXTS: [MetricInfo; 10] = [
    text(
        "vendi",
        "Vendi score",
        "[1, n]",
        [
            "Effective number of different answers of a model to one prompt, averaged over prompts.",
            "It counts answers of different meaning, right or wrong, and can only reach the number of answers drawn.",
            "exp(−Σ_c p_c ln p_c), p_c the shares of the meaning classes: the eigenvalues of K/n",
            "Friedman and Dieng, arXiv:2210.02410, taken within prompts",
        ],
    ),
    text(
        "distinct_1",
        "distinct-1",
        "(0, 1]",
        [
            "Different words over all words of a model's answers to one prompt, averaged over prompts.",
            "Long answers repeat words and score lower, whatever they say.",
            "different words / words; words and single marks, case folded",
            "Li et al., arXiv:1510.03055, taken within prompts",
        ],
    ),
    text(
        "distinct_2",
        "distinct-2",
        "(0, 1]",
        [
            "Different pairs of neighbouring words over all such pairs of a model's answers to one prompt, averaged over prompts.",
            "Long answers repeat pairs and score lower, whatever they say.",
            "different 2-grams / 2-grams; words and single marks, case folded",
            "Li et al., arXiv:1510.03055, taken within prompts",
        ],
    ),
    text(
        "self_bleu",
        "Self-BLEU",
        "[0, 1]",
        [
            "How much of each answer of a model stands in its other answers to the same prompt, averaged over prompts; 1 when all are equal.",
            "It sees words, not sense: two proofs of one theorem in other words look diverse.",
            "mean BLEU-4 of each answer against the others, smoothed by adding 1 for n > 1",
            "Zhu et al., arXiv:1802.01886, taken within prompts; BLEU: Papineni et al. (2002), Lin and Och (2004)",
        ],
    ),
    text(
        "effective_rank",
        "Effective rank",
        "[1, 256]",
        [
            "In how many directions all answers of a model together extend, by features of their spelling.",
            "Over all prompts together it mostly counts prompts: a student that never varies its answer hardly lowers it.",
            "exp(−Σ_i p_i ln p_i), p_i = σ_i / Σσ, σ the singular values of the matrix of answers by features",
            "Roy and Vetterli, The Effective Rank (2007)",
        ],
    ),
    text(
        "mauve",
        "MAUVE",
        "(0, 1]",
        [
            "How alike the clouds of all answers of two models are, by features of their spelling: both kinds of error in one number.",
            "In finite samples even equal models stay below 1, and another number of answers or another seed moves it.",
            "area under {(exp(−5 KL(Q‖R)), exp(−5 KL(P‖R))): R = λP + (1 − λ)Q}, P and Q the shares of joint k-means clusters",
            "Pillutla et al., arXiv:2102.01454",
        ],
    ),
    text(
        "knn_precision",
        "Precision by neighbours",
        "[0, 1]",
        [
            "Share of the answers that lie within the teacher's support, by features of their spelling.",
            "One lonely answer of the teacher has a large ball, and everything in it counts as precise.",
            "mean over Y of 1[some X has |X − Y| ≤ NND_5(X)], X the teacher's answers",
            "Kynkäänniemi et al., arXiv:1904.06991",
        ],
    ),
    text(
        "knn_recall",
        "Recall by neighbours",
        "[0, 1]",
        [
            "Share of the teacher's answers that lie within the other model's support, by features of their spelling.",
            "A few scattered answers have large balls and recall everything.",
            "mean over X of 1[some Y has |X − Y| ≤ NND_5(Y)], X the teacher's answers",
            "Kynkäänniemi et al., arXiv:1904.06991",
        ],
    ),
    text(
        "knn_density",
        "Density by neighbours",
        "[0, ∞)",
        [
            "How densely the teacher's answers surround those of the other model, by features of their spelling; 1 is expected of equal models.",
            "A model that only gives the teacher's favourite answers exceeds 1.",
            "mean over Y of #{X: |X − Y| ≤ NND_5(X)} / 5, X the teacher's answers",
            "Naeem et al., arXiv:2002.09797",
        ],
    ),
    text(
        "knn_coverage",
        "Coverage by neighbours",
        "[0, 1]",
        [
            "Share of the teacher's answers that have an answer of the other model nearby, by features of their spelling.",
            "Equal models reach about 0.97, not 1; where most answers are new, the neighbours are other prompts' answers.",
            "mean over X of 1[some Y has |X − Y| ≤ NND_5(X)], X the teacher's answers",
            "Naeem et al., arXiv:2002.09797",
        ],
    ),
];
