//! Next-token distributions and the likelihood of a text: the sums of positions (`rows.rs`), and the metrics
//! that divide them.

mod forks;
mod rows;

use super::Table;
use super::definition::{
    Definition, Direction, FamilyBounds, Floor, Group, IntervalRule, Known, LeftOut, Measure, Need, Range, Text,
};
use super::formula::{Column, Formula, Ratio, Sum, Undefined, exactly, positive, project};
use super::sums::Sums;
use crate::position::{PositionStats, UNIT_TEMPERATURE};
use crate::stats::estimate::Estimate;
use crate::stats::limits::Limits;
use crate::temperature;
pub use forks::*;
use position::*;
pub use rows::{End, InPart, ScoredText, Scorer, is_estimated, position, text};

/// The entropy from which on a position is a fork: the fifth of the positions with the largest entropies of the teacher,
/// ties included. `None` without positions.
pub fn fork_threshold(entropies: impl IntoIterator<Item = f32>) -> Option<f32> {
    let mut entropies: Vec<f32> = entropies.into_iter().collect();
    let forks = entropies.len().div_ceil(5);
    if forks == 0 {
        return None;
    }
    entropies.sort_by(|a, b| b.total_cmp(a));
    Some(entropies[forks - 1])
}

/// What the student keeps of one band of the teacher's distribution ([`BANDS`](crate::BANDS)), and what it invents there.
#[derive(Clone, Debug, PartialEq)]
pub struct Band {
    /// The teacher's mass in it, a share of all its mass.
    pub mass: f64,
    /// Σ min(p, q) over the teacher's mass there.
    pub kept: Option<Estimate>,
    /// Σ max(q − p, 0) over the teacher's mass there.
    pub invented: Option<Estimate>,
}

/// The band at place `band` < 4; `None` without positions.
pub fn band(sums: &Sums, band: usize, level: f64) -> Option<Band> {
    let table = sums.table(Table::Positions);
    let divide = |sums: &[f64]| (sums[1] > 0.0).then(|| sums[0] / sums[1]);
    let of_mass = |column, range: Range| {
        let table = project(table, &[column, MASS.at(band)]);
        Some(Limits::new(&table, range.shape(), |sums| sums[1], divide)?.estimate(level, table.items()))
    };
    Some(Band {
        mass: divide(&project(table, &[MASS.at(band), COUNT]).totals())?,
        kept: of_mass(KEPT.at(band), Range::SHARE),
        invented: of_mass(INVENTED.at(band), Range::FROM_ZERO),
    })
}

/// A number of a single position.
pub type OfPosition = fn(&PositionStats) -> f32;

/// The divergences of single positions of which percentiles are shown.
pub static OF_POSITIONS: [(&Definition, OfPosition); 3] =
    [(&KL_DIVERGENCE, |s| s.kl), (&REVERSE_KL, |s| s.reverse_kl), (&JENSEN_SHANNON, |s| s.jsd)];

/// The metrics that are compared between parts of a suite, in the order in which they are shown.
pub static ON_SLICES: &[&Definition] = &[&KL_DIVERGENCE, &TAIL_KEPT, &TOP1_AGREEMENT];

/// Shares of f32 sums: how far rounding may carry them beyond their bounds, relative to them.
const ROUNDING: f64 = 1e-4;
/// A position's largest KL divergence: q is floored at 1e−12.
const LARGEST_KL: f64 = 27.632;
/// ln 2²⁰: entropy of a uniform draw from more tokens than any vocabulary has.
const LARGEST_ENTROPY: f64 = 20.0 * std::f64::consts::LN_2;
/// What the smallest set of tokens with 90 % of the mass leaves at most.
const LARGEST_TAIL: f64 = 0.1;
/// Beyond the 0.9 nucleus: what the student keeps of it.
const TAIL_KEPT_MASS: &[Column] = &[KEPT.at(2), KEPT.at(3)];
/// Beyond the 0.9 nucleus: what the student invents.
const TAIL_INVENTED_MASS: &[Column] = &[INVENTED.at(2), INVENTED.at(3)];
/// Beyond the 0.9 nucleus: what the teacher has there.
const TAIL_MASS: &[Column] = &[MASS.at(2), MASS.at(3)];
/// The positions, and the sums over the grid of inverse temperatures: divergences, then slopes.
const GRID: &[Column] = &{
    let mut columns = [COUNT; 19];
    let mut k = 0;
    while k < 9 {
        columns[k + 1] = KL_AT.at(k);
        columns[k + 10] = SLOPE_AT.at(k);
        k += 1;
    }
    columns
};

const fn measure(formula: Formula) -> Measure {
    Measure {
        table: Table::Positions,
        formula,
        interval: IntervalRule::Families,
        floor: Floor::Rerun,
        needs: &[],
        left_out: LeftOut::Nothing,
        bounds: None,
        stake: None,
    }
}

const fn function(reads: &'static [Column], of: fn(&[f64]) -> Result<f64, Undefined>) -> Measure {
    measure(Formula::Function { reads, of })
}

/// Where there are positions, and `empty` is why the denominator may still be none.
const fn ratio(over: Sum, under: Sum, empty: Undefined) -> Measure {
    let given = &[(COUNT, Undefined::NoPositions)];
    measure(Formula::Ratio(Ratio { over, under, given, nothing: 0.0, empty }))
}

/// Per position.
const fn mean(of: &'static [Column]) -> Measure {
    let (over, under) = (Sum::of(of), Sum::of(&[COUNT]));
    measure(Formula::Ratio(Ratio { over, under, given: &[], nothing: 0.0, empty: Undefined::NoPositions }))
}

/// Bounds of a part of the whole, the whole at most `most` per position.
const fn shares(over: Sum, under: Sum, most: f64, rounding: f64) -> Option<FamilyBounds> {
    Some(FamilyBounds { items: COUNT, over, under, known: Known::Ratio { low: 0.0, high: 1.0, most, rounding } })
}

/// Bounds of sums of which an item adds at most so much to each.
const fn apart(over: Sum, under: Sum, most: [f64; 2]) -> Option<FamilyBounds> {
    let slack = 1.0 + ROUNDING;
    let known = Known::Apart { over: [-ROUNDING, most[0] * slack], under: [-ROUNDING, most[1] * slack] };
    Some(FamilyBounds { items: COUNT, over, under, known })
}

const fn over_temperatures(of: fn(&[f64]) -> Result<f64, Undefined>) -> Measure {
    function(GRID, of)
}

/// Nats per position that a temperature has to remove: where both models are certain of everything, any is as good as any other.
const REMOVED: f64 = 1e-5;

/// Best temperature from the grid's divergences and slopes.
fn best_temperature(sums: &[f64]) -> Result<temperature::BestTemperature, Undefined> {
    let (positions, grid) =
        sums.split_first().filter(|(positions, _)| **positions > 0.0).ok_or(Undefined::NoPositions)?;
    let (divergences, slopes) = grid.split_at(grid.len() / 2);
    let best = temperature::best(divergences, slopes).ok_or(Undefined::Unknown)?;
    let as_it_is = divergences[UNIT_TEMPERATURE];
    if as_it_is - best.kl_at_tau < REMOVED * positions {
        let removable = best.removable.map(|_| 0.0);
        return Ok(temperature::BestTemperature { tau: 1.0, kl_at_tau: as_it_is, removable, at_edge: false });
    }
    Ok(best)
}

/// A sum of log-probabilities that may be divided by a number of tokens or bytes, or `reason` where one of them is ln 0.
fn possible(log_prob: f64, reason: Undefined) -> Result<f64, Undefined> {
    if log_prob == f64::NEG_INFINITY { Err(reason) } else { Ok(log_prob) }
}

/// Of one model's texts.
const fn bits_per_byte(table: Table, of: fn(&[f64]) -> Result<f64, Undefined>) -> Measure {
    Measure { table, floor: Floor::Nothing, ..function(&[text::LOG_PROB, text::BYTES], of) }
}

/// Bits per byte; `impossible` where a token has the probability 0.
fn bits(sums: &[f64], impossible: Undefined) -> Result<f64, Undefined> {
    let [log_prob, bytes] = exactly(sums);
    let bytes = positive(bytes, 0.0, Undefined::NoText)?;
    Ok(-possible(log_prob, impossible)? / bytes / std::f64::consts::LN_2)
}

/// KL divergence.
pub static KL_DIVERGENCE: Definition = Definition {
    id: "kl_divergence",
    text: Text {
        page: "kl_divergence",
        name: "KL divergence",
        unit: "nats per token",
        what: "How much probability the student withholds from what the teacher says: the nats per token lost when the student's distribution stands in for the teacher's.",
        misleads: "It measures how much the models disagree, not who is right; a few positions can carry most of it, so read its percentiles; the teacher against itself is the floor.",
        formula: "Σ_t Σ_v p ln(p/q) / n, the log-ratio capped where q < 1e−12",
        source: "Kullback and Leibler, On Information and Sufficiency (1951)",
    },
    direction: Direction::Lower,
    range: Range::FROM_ZERO,
    group: Group::Tokens,
    measure: Some(Measure {
        bounds: Some(FamilyBounds {
            items: COUNT,
            over: Sum::of(&[KL]),
            under: Sum::of(&[COUNT]),
            known: Known::Ratio { low: 0.0, high: LARGEST_KL, most: 1.0, rounding: ROUNDING },
        }),
        ..mean(&[KL])
    }),
};

/// Reverse KL divergence.
pub static REVERSE_KL: Definition = Definition {
    id: "reverse_kl",
    text: Text {
        page: "reverse_kl",
        name: "Reverse KL divergence",
        unit: "nats per token",
        what: "How much probability the student puts where the teacher puts little: its inventions.",
        misleads: "A student that keeps only the teacher's favourite tokens scores well here: it is blind to what was dropped.",
        formula: "Σ_t Σ_v q ln(q/p) / n, the log-ratio capped where p < 1e−12",
        source: "Kullback and Leibler, On Information and Sufficiency (1951); Gu et al., arXiv:2306.08543",
    },
    direction: Direction::Lower,
    range: Range::FROM_ZERO,
    group: Group::Tokens,
    measure: Some(mean(&[REVERSE])),
};

/// Jensen–Shannon divergence.
pub static JENSEN_SHANNON: Definition = Definition {
    id: "jensen_shannon",
    text: Text {
        page: "jensen_shannon",
        name: "Jensen–Shannon divergence",
        unit: "nats per token",
        what: "A bounded, symmetric distance between the two distributions: no single position can dominate it.",
        misleads: "Being bounded, it hardly tells a token made ten times rarer from one made a thousand times rarer.",
        formula: "Σ_t [½ KL(p‖m) + ½ KL(q‖m)] / n, m = (p + q)/2",
        source: "Lin, Divergence Measures Based on the Shannon Entropy (1991)",
    },
    direction: Direction::Lower,
    range: Range::closed(0.0, std::f64::consts::LN_2),
    group: Group::Tokens,
    measure: Some(mean(&[JSD])),
};

/// Token overlap.
pub static TOKEN_OVERLAP: Definition = Definition {
    id: "token_overlap",
    text: Text {
        page: "token_overlap",
        name: "Token overlap",
        unit: "",
        what: "The probability mass that both models share at a position; also the rate at which the teacher would accept the student's tokens in speculative decoding.",
        misleads: "The head of the distribution decides it: a student whose tail is scrambled can overlap better than one with harmless noise. Read tail kept beside it.",
        formula: "Σ_t Σ_v min(p, q) / n = 1 − total variation",
        source: "Leviathan, Kalman and Matias, arXiv:2211.17192",
    },
    direction: Direction::Higher,
    range: Range::SHARE,
    group: Group::Tokens,
    measure: Some(Measure {
        bounds: shares(Sum::of(&[OVERLAP]), Sum::of(&[COUNT]), 1.0, ROUNDING),
        ..mean(&[OVERLAP])
    }),
};

/// Top-1 agreement.
pub static TOP1_AGREEMENT: Definition = Definition {
    id: "top1_agreement",
    text: Text {
        page: "top1_agreement",
        name: "Top-1 agreement",
        unit: "",
        what: "How often both models have the same most probable token.",
        misleads: "Where the teacher hesitates between two tokens, a hair's breadth flips it; a greedy or sharpened student scores 1 while most of the distribution is gone.",
        formula: "Σ_t 1[argmax p = argmax q] / n, ties to the lowest id",
        source: "Stanton et al., arXiv:2106.05945",
    },
    direction: Direction::Higher,
    range: Range::SHARE,
    group: Group::Tokens,
    measure: Some(Measure { bounds: shares(Sum::of(&[SAME_TOP]), Sum::of(&[COUNT]), 1.0, 0.0), ..mean(&[SAME_TOP]) }),
};

/// Kendall's tau on the top 10.
pub static KENDALL_TAU: Definition = Definition {
    id: "kendall_tau",
    text: Text {
        page: "kendall_tau",
        name: "Kendall's tau on the top 10",
        unit: "",
        what: "Whether the student ranks the teacher's ten most probable tokens in the teacher's order.",
        misleads: "Where the teacher is sure, ranks 2 to 10 are nearly noise. A diagnostic, not a gate.",
        formula: "mean over positions of tau-b between both models' logits of the teacher's top 10 tokens; undefined positions left out",
        source: "Kendall, The Treatment of Ties in Ranking Problems (1945)",
    },
    direction: Direction::Higher,
    range: Range::closed(-1.0, 1.0),
    group: Group::Tokens,
    measure: Some(Measure {
        needs: &[Need::TopTen],
        left_out: LeftOut::Silent { known: TAU_COUNT, all: COUNT, reason: "all ten teacher probabilities are tied" },
        ..ratio(Sum::of(&[TAU]), Sum::of(&[TAU_COUNT]), Undefined::AllTied)
    }),
};

/// Entropy ratio.
pub static ENTROPY_RATIO: Definition = Definition {
    id: "entropy_ratio",
    text: Text {
        page: "entropy_ratio",
        name: "Entropy ratio",
        unit: "",
        what: "Whether the student is as undecided as its teacher: below 1 it is sharper, above 1 flatter.",
        misleads: "1 does not mean equal: a permuted distribution has the same entropy.",
        formula: "Σ_t H(q) / Σ_t H(p)",
        source: "Shannon, A Mathematical Theory of Communication (1948)",
    },
    direction: Direction::One,
    range: Range::FROM_ZERO,
    group: Group::Tokens,
    measure: Some(Measure {
        bounds: apart(Sum::of(&[STUDENT_ENTROPY]), Sum::of(&[TEACHER_ENTROPY]), [LARGEST_ENTROPY; 2]),
        ..ratio(Sum::of(&[STUDENT_ENTROPY]), Sum::of(&[TEACHER_ENTROPY]), Undefined::TeacherCertain)
    }),
};

/// Best temperature.
pub static BEST_TEMPERATURE: Definition = Definition {
    id: "best_temperature",
    text: Text {
        page: "best_temperature",
        name: "Best temperature",
        unit: "",
        what: "The temperature at which the student, served, comes closest to its teacher: above 1 the student is too sharp, below 1 too flat.",
        misleads: "It is the best single number for the whole suite; other text may want another. At an end of its range the true minimum may lie beyond.",
        formula: "τ* = argmin_τ Σ_t KL(p ‖ softmax(z_S/τ)), from nine temperatures by cubic Hermite interpolation; 1 where none removes 10⁻⁵ nats a position",
        source: "Guo et al., arXiv:1706.04599",
    },
    direction: Direction::One,
    range: Range::closed(0.4, 2.5),
    group: Group::Tokens,
    measure: Some(over_temperatures(|sums| best_temperature(sums).map(|best| best.tau))),
};

/// Share removable by temperature.
pub static TEMPERATURE_SHARE: Definition = Definition {
    id: "temperature_share",
    text: Text {
        page: "best_temperature",
        name: "Share removable by temperature",
        unit: "",
        what: "The share of the KL divergence that disappears when the student is served at its best temperature.",
        misleads: "A small share says that temperature is not the problem, not that there is no problem; undefined when there is no divergence, and noise when the divergence is near its floor.",
        formula: "1 − KL(τ*)/KL(1)",
        source: "Guo et al., arXiv:1706.04599",
    },
    direction: Direction::Neither,
    range: Range::SHARE,
    group: Group::Tokens,
    measure: Some(over_temperatures(|sums| best_temperature(sums)?.removable.ok_or(Undefined::NoDivergence))),
};

/// Tail kept.
pub static TAIL_KEPT: Definition = Definition {
    id: "tail_kept",
    text: Text {
        page: "tail_kept",
        name: "Tail kept",
        unit: "",
        what: "How much of the teacher's probability on unlikely tokens (outside its 0.9 nucleus) the student gives to the same tokens.",
        misleads: "Positions where the teacher is sure have almost no tail and weigh almost nothing; a rare token that is simply an error of the teacher counts as worth keeping.",
        formula: "Σ_t Σ_{v in Tail} min(p, q) / Σ_t p(Tail), Tail = complement of the smallest set of top tokens with mass ≥ 0.9",
        source: "hydrometer; the overlap is that of Leviathan, Kalman and Matias, arXiv:2211.17192",
    },
    direction: Direction::Higher,
    range: Range::SHARE,
    group: Group::Tokens,
    measure: Some(Measure {
        // Outside a nucleus of at least 0.9 there is at most 0.1.
        bounds: shares(Sum::of(TAIL_KEPT_MASS), Sum::of(TAIL_MASS), LARGEST_TAIL, ROUNDING),
        ..ratio(Sum::of(TAIL_KEPT_MASS), Sum::of(TAIL_MASS), Undefined::NoTail)
    }),
};

/// Tail invented.
pub static TAIL_INVENTED: Definition = Definition {
    id: "tail_invented",
    text: Text {
        page: "tail_kept",
        name: "Tail invented",
        unit: "",
        what: "How much more probability than the teacher the student gives to tokens of the teacher's tail, relative to the tail's own mass.",
        misleads: "A student that is merely flatter invents tail too; look at the entropy ratio before calling it wrong tokens.",
        formula: "Σ_t Σ_{v in Tail} max(q − p, 0) / Σ_t p(Tail)",
        source: "hydrometer",
    },
    direction: Direction::Lower,
    range: Range::FROM_ZERO,
    group: Group::Tokens,
    measure: Some(Measure {
        bounds: apart(Sum::of(TAIL_INVENTED_MASS), Sum::of(TAIL_MASS), [1.0, LARGEST_TAIL]),
        ..ratio(Sum::of(TAIL_INVENTED_MASS), Sum::of(TAIL_MASS), Undefined::NoTail)
    }),
};

/// Floored mass.
pub static FLOORED_MASS: Definition = Definition {
    id: "floored_mass",
    text: Text {
        page: "floored_mass",
        name: "Floored mass",
        unit: "",
        what: "The teacher's probability on tokens to which the student gives less than 1e−12, where the KL divergence had to be capped.",
        misleads: "Anything above about 1e−6 says that KL is a lower bound: the student truncates its distribution, or its logits were cut by top-k or top-p.",
        formula: "Σ_t Σ_v p·1[ln p − ln q was capped] / n",
        source: "hydrometer",
    },
    direction: Direction::Zero,
    range: Range::SHARE,
    group: Group::Tokens,
    measure: Some(mean(&[FLOORED])),
};

/// Perplexity ratio.
pub static PERPLEXITY_RATIO: Definition = Definition {
    id: "perplexity_ratio",
    text: Text {
        page: "perplexity_ratio",
        name: "Perplexity ratio",
        unit: "",
        what: "How much more surprised the student is by the text than its teacher: 1.1 means a tenth more perplexity.",
        misleads: "It looks at one token per position, the text's own: a student can match it and differ everywhere else, or beat its teacher by having seen the text.",
        formula: "exp(Σ_t [ln p(y_t) − ln q(y_t)] / n)",
        source: "Jelinek et al., Perplexity: a measure of the difficulty of speech recognition tasks (1977)",
    },
    direction: Direction::One,
    range: Range::ABOVE_ZERO,
    group: Group::Tokens,
    measure: Some(function(&[STUDENT_NLL, TEACHER_NLL, COUNT], |sums| {
        let [student, teacher, count] = exactly(sums);
        possible(-teacher, Undefined::ImpossibleForTeacher)?;
        possible(-student, Undefined::ImpossibleForStudent)?;
        Ok(((student - teacher) / positive(count, 0.0, Undefined::NoPositions)?).exp())
    })),
};

/// Bits per byte, teacher.
pub static BITS_PER_BYTE_TEACHER: Definition = Definition {
    id: "bits_per_byte_teacher",
    text: Text {
        page: "bits_per_byte",
        name: "Bits per byte, teacher",
        unit: "bits per byte",
        what: "How many bits the teacher needs per byte of the text; comparable between models with different tokenizers.",
        misleads: "A text that was in the training data is cheap for reasons that have nothing to do with skill; context is cut at the window, so long documents look harder than they are.",
        formula: "−Σ log2 P(text) / bytes",
        source: "Gao et al., arXiv:2101.00027",
    },
    direction: Direction::Lower,
    range: Range::FROM_ZERO,
    group: Group::Texts,
    measure: Some(bits_per_byte(Table::TeacherTexts, |sums| bits(sums, Undefined::ImpossibleForTeacher))),
};

/// Bits per byte, student.
pub static BITS_PER_BYTE_STUDENT: Definition = Definition {
    id: "bits_per_byte_student",
    text: Text {
        page: "bits_per_byte",
        name: "Bits per byte, student",
        unit: "bits per byte",
        what: "How many bits the student needs per byte of the text; comparable between models with different tokenizers.",
        misleads: "A text that was in the training data is cheap for reasons that have nothing to do with skill; context is cut at the window, so long documents look harder than they are.",
        formula: "−Σ log2 P(text) / bytes",
        source: "Gao et al., arXiv:2101.00027",
    },
    direction: Direction::Lower,
    range: Range::FROM_ZERO,
    group: Group::Texts,
    measure: Some(bits_per_byte(Table::StudentTexts, |sums| bits(sums, Undefined::ImpossibleForStudent))),
};

/// In the order in which they are listed.
pub static DEFINITIONS: &[&Definition] = &[
    &KL_DIVERGENCE,
    &REVERSE_KL,
    &JENSEN_SHANNON,
    &TOKEN_OVERLAP,
    &TOP1_AGREEMENT,
    &KENDALL_TAU,
    &ENTROPY_RATIO,
    &BEST_TEMPERATURE,
    &TEMPERATURE_SHARE,
    &TAIL_KEPT,
    &TAIL_INVENTED,
    &FLOORED_MASS,
    &PERPLEXITY_RATIO,
    &FORK_KL_DIVERGENCE,
    &FORK_TAIL_KEPT,
    &FORK_TOKEN_OVERLAP,
    &FORK_TOP1_AGREEMENT,
    &BITS_PER_BYTE_TEACHER,
    &BITS_PER_BYTE_STUDENT,
];
