//! The numbers that are shown, as functions of sums of [`super::PairMeans::columns`].

use thiserror::Error;

use super::COLUMNS;
use crate::estimate::Estimate;
use crate::families::FamilyTable;
use crate::interval::estimate;

/// Sums below this are 0 up to rounding; the smallest real ones are one pair of answers in millions.
const NOTHING: f64 = 1e-9;

/// Why a number on answers does not exist.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Undefined {
    /// The sums are not those of this definition.
    #[error("expected {expected} sums, found {found}")]
    Columns {
        /// Columns of the definition.
        expected: usize,
        /// Columns given.
        found: usize,
    },
    /// Nothing to compare.
    #[error("no prompt has an answer of both models")]
    NoAnswers,
    /// Nothing to compare within a model.
    #[error("no prompt has two sampled answers of each model; sample at least two")]
    SingleAnswers,
    /// No second run of the teacher.
    #[error("the teacher was not asked a second time; collect reruns of the teacher")]
    NoRerun,
    /// Neither a student from before distillation nor another prompt.
    #[error(
        "nothing to start from: name the student before distillation, or ask prompts of two families on one axis, each twice or more"
    )]
    NoBase,
    /// C_TT or C_TT' is 0 everywhere.
    #[error("no two answers of the teacher are the same; sample more, or compare by a coarser equivalence")]
    TeacherNeverRepeats,
    /// C_SS is 0 everywhere.
    #[error("no two answers of the student are the same; sample more, or compare by a coarser equivalence")]
    StudentNeverRepeats,
    /// C_TT and C_SS are 1 everywhere.
    #[error("neither model ever varies its answer to a prompt: there is no diversity to keep")]
    NoDiversity,
    /// The lower bound of the base's distance is not above 0.
    #[error("no gap to close: the answers that it starts from cannot be told from the teacher's on these prompts")]
    NoGap,
    /// No answer can be graded.
    #[error("no prompt has graded answers of both models; give the probes a checker")]
    NoTruth,
    /// Not enough samples to speak of rare answers.
    #[error("no prompt has {} answers of the teacher, its rerun and the student each", super::RARE_ANSWERS)]
    TooFewForRare,
    /// The rerun shows no rare answer either.
    #[error("the teacher's rerun shows none of its rare answers: there is nothing to keep")]
    NothingRare,
}

/// Sums as an array of their known length.
pub(super) fn read<const N: usize>(sums: &[f64]) -> Result<&[f64; N], Undefined> {
    sums.try_into().map_err(|_| Undefined::Columns { expected: N, found: sums.len() })
}

/// A sum that may be divided by, or `reason` where it is 0.
pub(super) fn positive(sum: f64, reason: Undefined) -> Result<f64, Undefined> {
    if sum > NOTHING { Ok(sum) } else { Err(reason) }
}

/// Answer agreement: Σ C_TS / n.
pub fn answer_agreement(sums: &[f64]) -> Result<f64, Undefined> {
    let &[prompts, between, ..] = read::<COLUMNS>(sums)?;
    Ok(between / positive(prompts, Undefined::NoAnswers)?)
}

/// Agreement ceiling: Σ C_TT' / n over prompts with a rerun, how much the teacher agrees with itself.
pub fn agreement_ceiling(sums: &[f64]) -> Result<f64, Undefined> {
    let &[.., prompts, ceiling, _, _, _, _] = read::<COLUMNS>(sums)?;
    Ok(ceiling / positive(prompts, Undefined::NoRerun)?)
}

/// Agreement over its ceiling: Σ C_TS / Σ C_TT' over prompts with a rerun. Above 1 the student gives the teacher's
/// favourite answers more often than the teacher does.
pub fn agreement_ratio(sums: &[f64]) -> Result<f64, Undefined> {
    let &[.., prompts, ceiling, between, _, _, _] = read::<COLUMNS>(sums)?;
    positive(prompts, Undefined::NoRerun)?;
    Ok(between / positive(ceiling, Undefined::TeacherNeverRepeats)?)
}

/// Diversity kept: Σ C_TT / Σ C_SS, the ratio of effective numbers of answers within a prompt (Hill numbers of
/// order 2, averaged harmonically over prompts).
pub fn diversity_kept(sums: &[f64]) -> Result<f64, Undefined> {
    let &[_, _, prompts, teacher, student, ..] = read::<COLUMNS>(sums)?;
    positive(prompts, Undefined::SingleAnswers)?;
    if prompts - teacher.min(student) <= NOTHING {
        return Err(Undefined::NoDiversity);
    }
    positive(teacher, Undefined::TeacherNeverRepeats)?;
    Ok(teacher / positive(student, Undefined::StudentNeverRepeats)?)
}

/// Distribution match: Σ C_TS / √(Σ C_TT · Σ C_SS). In expectation in [0, 1] and 1 only for equal distributions;
/// an estimate can exceed 1 by noise.
pub fn distribution_match(sums: &[f64]) -> Result<f64, Undefined> {
    let &[_, _, prompts, teacher, student, between, ..] = read::<COLUMNS>(sums)?;
    positive(prompts, Undefined::SingleAnswers)?;
    positive(teacher, Undefined::TeacherNeverRepeats)?;
    positive(student, Undefined::StudentNeverRepeats)?;
    Ok(between / (teacher * student).sqrt())
}

/// Σ D2_TS / Σ D2_TB over prompts with a base: the smooth part of [`gap_closed`], for a jackknife of an expression
/// that holds several of them.
pub fn gap_ratio(sums: &[f64]) -> Result<f64, Undefined> {
    let &[.., prompts, left, gap] = read::<COLUMNS>(sums)?;
    positive(prompts, Undefined::NoBase)?;
    Ok(left / positive(gap, Undefined::NoGap)?)
}

/// Gap closed without its interval and without asking whether there is a gap: see [`gap_closed`].
pub fn gap_closed_value(sums: &[f64]) -> Result<f64, Undefined> {
    gap_ratio(sums).map(closed)
}

fn closed(ratio: f64) -> f64 {
    1.0 - ratio.max(0.0).sqrt()
}

/// Gap closed: g = 1 − √(max(0, Σ D2_TS) / Σ D2_TB): 0 is no nearer to the teacher than the base, 1 is
/// indistinguishable from the teacher; linear in the share of the teacher in a mixture of teacher and base.
///
/// The interval is that of [`gap_ratio`] under the same root: an interval of g itself would lose its width where
/// Σ D2_TS < 0. [`Undefined::NoGap`] unless the lower bound of Σ D2_TB is above 0.
pub fn gap_closed(table: &FamilyTable, level: f64) -> Result<Estimate, Undefined> {
    gap_ratio(&table.totals())?;
    let apart = estimate(table, level, |sums| sums.last().copied());
    let clear = apart.and_then(|apart| apart.interval).is_some_and(|interval| interval.low > 0.0);
    let mut found = estimate(table, level, |sums| gap_ratio(sums).ok()).filter(|_| clear).ok_or(Undefined::NoGap)?;
    found.value = closed(found.value);
    if let Some(interval) = &mut found.interval {
        (interval.low, interval.high) = (closed(interval.high), closed(interval.low));
    }
    Ok(found)
}
