//! Sums by name, and numbers as functions of them.
//!
//! An item adds a [`Row`] to the sums of its family; the division comes last, in a [`Formula`] of the families' totals.
//! The columns of a table are declared by name, once, beside what fills them: nothing reads a sum by its number.

use std::ops::{Index, IndexMut};

use thiserror::Error;

use crate::stats::families::FamilyTable;

/// A column of a table of sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column(pub(super) usize);

/// N columns side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block<const N: usize>(pub(super) usize);

impl<const N: usize> Block<N> {
    /// The columns in their order.
    pub const fn all(self) -> [Column; N] {
        let mut columns = [Column(self.0); N];
        let mut k = 0;
        while k < N {
            columns[k] = Column(self.0 + k);
            k += 1;
        }
        columns
    }

    /// The column at place `k` < N.
    pub const fn at(self, k: usize) -> Column {
        self.all()[k]
    }
}

/// Names the columns of a table, one after the other; `NAME: [N]` is a block of N. `WIDTH` is their number.
macro_rules! columns {
    (@ $next:expr;) => {
        /// Columns of the table.
        pub(in crate::measure) const WIDTH: usize = $next;
    };
    (@ $next:expr; $(#[$text:meta])* $name:ident: [$width:expr], $($rest:tt)*) => {
        $(#[$text])*
        pub const $name: $crate::measure::formula::Block<{ $width }> = $crate::measure::formula::Block($next);
        columns!(@ $next + $width; $($rest)*);
    };
    (@ $next:expr; $(#[$text:meta])* $name:ident, $($rest:tt)*) => {
        $(#[$text])*
        pub const $name: $crate::measure::formula::Column = $crate::measure::formula::Column($next);
        columns!(@ $next + 1; $($rest)*);
    };
    ($($rest:tt)*) => { columns!(@ 0; $($rest)*); };
}
pub(super) use columns;

/// What one item adds to the sums of its family: 0 in every column that is not set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row<const N: usize>([f64; N]);

impl<const N: usize> Row<N> {
    pub(super) fn new() -> Self {
        Self([0.0; N])
    }

    /// The columns of a block.
    pub(super) fn block<const M: usize>(&mut self, block: Block<M>) -> &mut [f64] {
        &mut self.0[block.0..block.0 + M]
    }

    pub(super) fn values(&self) -> &[f64] {
        &self.0
    }
}

impl<const N: usize> Index<Column> for Row<N> {
    type Output = f64;

    fn index(&self, column: Column) -> &f64 {
        &self.0[column.0]
    }
}

impl<const N: usize> IndexMut<Column> for Row<N> {
    fn index_mut(&mut self, column: Column) -> &mut f64 {
        &mut self.0[column.0]
    }
}

/// Some columns added up, others taken off.
#[derive(Clone, Copy, Debug)]
pub struct Sum {
    plus: &'static [Column],
    minus: &'static [Column],
}

impl Sum {
    /// The sum of these columns.
    pub const fn of(plus: &'static [Column]) -> Self {
        Self { plus, minus: &[] }
    }

    /// Without these columns.
    pub const fn less(self, minus: &'static [Column]) -> Self {
        Self { minus, ..self }
    }

    /// Its value for a family's sums, all columns of the table.
    pub fn value(&self, sums: &[f64]) -> f64 {
        let total = |columns: &[Column]| columns.iter().map(|column| sums[column.0]).sum::<f64>();
        total(self.plus) - total(self.minus)
    }

    /// Its value for every family, as a table of one column.
    pub(super) fn over_families(&self, table: &FamilyTable) -> FamilyTable {
        let mut narrow = FamilyTable::new(1);
        for (family, sums, items) in table.rows() {
            narrow.add(family, &[self.value(sums)], items);
        }
        narrow
    }

    fn reads(&self) -> impl Iterator<Item = Column> {
        self.plus.iter().chain(self.minus).copied()
    }

    /// Its value from the next of the sums that [`Self::reads`] names.
    fn take(&self, sums: &mut impl Iterator<Item = f64>) -> f64 {
        let mut total = |columns: &[Column]| sums.take(columns.len()).sum::<f64>();
        total(self.plus) - total(self.minus)
    }
}

/// One sum over another.
#[derive(Clone, Copy, Debug)]
pub struct Ratio {
    /// Numerator.
    pub over: Sum,
    /// Denominator.
    pub under: Sum,
    /// Sums that must be there too, and why the number does not exist where one is not; asked first.
    pub given: &'static [(Column, Undefined)],
    /// A sum up to this is none.
    pub nothing: f64,
    /// Why the number does not exist where the denominator is none.
    pub empty: Undefined,
}

/// A number as a function of the totals of a few columns.
#[derive(Clone, Copy, Debug)]
pub enum Formula {
    /// One sum over another.
    Ratio(Ratio),
    /// Any other function.
    Function {
        /// The columns that it reads.
        reads: &'static [Column],
        /// The function of their totals, in that order.
        of: fn(&[f64]) -> Result<f64, Undefined>,
    },
}

impl Formula {
    /// The columns that it reads, in the order in which [`Self::of`] takes their totals.
    pub fn reads(&self) -> Vec<Column> {
        match self {
            Self::Ratio(Ratio { over, under, given, .. }) => {
                given.iter().map(|(column, _)| *column).chain(over.reads()).chain(under.reads()).collect()
            }
            Self::Function { reads, .. } => reads.to_vec(),
        }
    }

    /// The number from the totals of the columns that it reads.
    ///
    /// # Errors
    /// Why it does not exist.
    pub fn of(&self, sums: &[f64]) -> Result<f64, Undefined> {
        let value = match self {
            Self::Ratio(Ratio { over, under, given, nothing, empty }) => {
                let mut sums = sums.iter().copied();
                for ((_, missing), sum) in given.iter().zip(sums.by_ref().take(given.len())) {
                    positive(sum, *nothing, *missing)?;
                }
                let over = over.take(&mut sums);
                over / positive(under.take(&mut sums), *nothing, *empty)?
            }
            Self::Function { of, .. } => of(sums)?,
        };
        if value.is_infinite() {
            Err(Undefined::Infinite)
        } else if value.is_nan() {
            Err(Undefined::Unknown)
        } else {
            Ok(value)
        }
    }

    /// How much of the denominator a family brings, from its sums of the columns that the formula reads; 1 where there is
    /// no one denominator.
    pub fn weight(&self, sums: &[f64]) -> f64 {
        match self {
            Self::Ratio(Ratio { over, under, given, .. }) => {
                let mut sums = sums.iter().copied().skip(given.len() + over.reads().count());
                under.take(&mut sums)
            }
            Self::Function { .. } => 1.0,
        }
    }

    /// The same families with only the columns that it reads: resampling families costs as much as there are columns.
    pub fn project(&self, table: &FamilyTable) -> FamilyTable {
        project(table, &self.reads())
    }
}

/// The same families with only these columns.
pub(super) fn project(table: &FamilyTable, columns: &[Column]) -> FamilyTable {
    let mut narrow = FamilyTable::new(columns.len());
    for (family, sums, items) in table.rows() {
        let read: Vec<f64> = columns.iter().map(|column| sums[column.0]).collect();
        narrow.add(family, &read, items);
    }
    narrow
}

/// A sum that may be divided by, or `reason` where it is none.
pub(super) fn positive(sum: f64, nothing: f64, reason: Undefined) -> Result<f64, Undefined> {
    // Written so that a sum that is no number is none either.
    if sum > nothing { Ok(sum) } else { Err(if sum.is_nan() { Undefined::Unknown } else { reason }) }
}

/// The sums that a function named, as an array.
///
/// # Panics
/// When it is given others: a mistake of the caller, not of the data.
pub(super) fn exactly<const N: usize>(sums: &[f64]) -> [f64; N] {
    sums.try_into().expect("one sum per column that the formula reads")
}

/// Why a number does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Undefined {
    /// It is not a function of sums.
    #[error("not read off sums")]
    NotOfSums,
    /// A sum is not a number.
    #[error("undefined: a number that it sums is not known")]
    Unknown,
    /// Larger than any number.
    #[error("it is infinite, or too large for a number")]
    Infinite,
    /// The teacher's probability of what the texts say is 0.
    #[error("infinite: the teacher holds a token of these texts impossible (probability 0)")]
    ImpossibleForTeacher,
    /// The student's probability of what the texts say is 0.
    #[error("infinite: the student holds a token of these texts impossible (probability 0)")]
    ImpossibleForStudent,
    /// No position.
    #[error("no position of the texts was scored")]
    NoPositions,
    /// No text was scored.
    #[error("no text was scored")]
    NoText,
    /// The student before distillation scored nothing of the teacher's.
    #[error("the student before distillation scored no answer of the teacher: name it with --base")]
    NoScoredBase,
    /// All ten probabilities are alike at every position.
    #[error("the teacher's ten most probable tokens have equal probabilities everywhere: there is no order to keep")]
    AllTied,
    /// The teacher's entropy is 0.
    #[error("the teacher is certain of every token of these texts: its entropy is 0")]
    TeacherCertain,
    /// Nothing beyond the 0.9 nucleus.
    #[error("the teacher gives no probability to tokens beyond its 0.9 nucleus on these texts: there is no tail")]
    NoTail,
    /// KL(1) is 0.
    #[error("there is no divergence of which temperature could remove a share")]
    NoDivergence,
    /// No choice.
    #[error("no choice was asked")]
    NoChoices,
    /// No choice that could be right.
    #[error("no choice has a true answer")]
    NoTrueChoices,
    /// No bin with two choices.
    #[error("too few choices with a true answer: no two of them have nearly the same probability")]
    TooFewForBins,
    /// All probabilities of the student are equal.
    #[error("the student gives every option of every choice the same probability")]
    StudentIndifferent,
    /// Nothing to compare.
    #[error("no prompt has an answer of both models")]
    NoAnswers,
    /// A cut takes nothing away.
    #[error("no prompt has an answer of both models of which more than the first word counts")]
    NoWholeAnswers,
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
    /// No prompt is answered freely, or not twice.
    #[error(
        "no prompt that is answered freely has two sampled answers of each model, and two to start from: add free prompts, and sample at least two"
    )]
    NothingWritten,
    /// No decision to compare.
    #[error(
        "no prompt at a boundary of judgment has two answers of each model whose decision can be read, and two to start from: ask sampled free prompts that declare a `boundary`, such as `probes generate --judgment N` writes"
    )]
    NothingDecided,
    /// Nothing that could have been forgotten.
    #[error(
        "no skill has two families with graded answers of the student and of its starting point: name the student before distillation with `--base`, and ask prompts that a checker can grade"
    )]
    NoSkill,
    /// The lower bound of T − B is not above 0.
    #[error("the teacher is not shown to be better than the student before distillation: there is nothing to recover")]
    NothingToRecover,
    /// C_TT or C_TT' is 0 everywhere.
    #[error(
        "no two answers of the teacher are the same (two that say nothing never are); sample more, or compare by a coarser equivalence"
    )]
    TeacherNeverRepeats,
    /// C_SS is 0 everywhere.
    #[error(
        "no two answers of the student are the same (two that say nothing never are); sample more, or compare by a coarser equivalence"
    )]
    StudentNeverRepeats,
    /// C_TT and C_SS are 1 everywhere.
    #[error("neither model ever varies its answer to a prompt: there is no diversity to keep")]
    NoDiversity,
    /// Nothing of the teacher's choices that a guess would not have.
    #[error("the teacher's choices cannot be told from guessing: there is nothing to keep")]
    TeacherGuesses,
    /// The teacher is right no more often than by guessing, or never.
    #[error("the teacher is not clearly right more often than a guess: there is nothing to lose")]
    TeacherKnowsNothing,
    /// C_TT is 1 everywhere.
    #[error("the teacher's answers to a prompt do not clearly vary: there is no variety to keep")]
    NothingVaries,
    /// The lower bound of the base's distance is not above 0.
    #[error("no gap to close: the answers that it starts from cannot be told from the teacher's on these prompts")]
    NoGap,
    /// At an end of its range, which hides how far beyond it is.
    #[error("at the end of its range: how far beyond it lies, and how that varies, does not show")]
    AtItsEnd,
    /// Whether something is at stake needs an interval.
    #[error("a single family allows no interval, and without one nobody knows whether there is anything to lose")]
    OneFamily,
    /// No answer can be graded.
    #[error("no prompt has graded answers of both models; give the probes a checker")]
    NoTruth,
    /// Not enough samples to speak of rare answers.
    #[error("no prompt has {} answers of the teacher, its rerun and the student each", crate::kernel::RARE_ANSWERS)]
    TooFewForRare,
    /// No episode.
    #[error("no episode was run by both models")]
    NoEpisodes,
    /// The teacher never succeeds.
    #[error("the teacher does not clearly succeed at these episodes: there is nothing to lose")]
    TeacherNeverSucceeds,
    /// The student never succeeds.
    #[error("the student succeeds at no episode without a fault: there is nothing that a fault could take from it")]
    StudentNeverSucceeds,
    /// No pair.
    #[error("no family has an episode with a fault and one without, at which the teacher succeeds")]
    NoFaults,
    /// Nothing to keep.
    #[error("the teacher succeeds at no episode with a fault: there is no recovery to keep")]
    TeacherNeverRecovers,
    /// No call.
    #[error("no tool was called")]
    NoCalls,
    /// One run each.
    #[error("no episode has two runs of each model; sample at least two")]
    SingleRuns,
    /// Nothing to violate.
    #[error("no episode has a constraint or an expectation that a turn could violate")]
    NoDialogues,
    /// No ladder.
    #[error("no ladder was answered on all of its rungs by both models")]
    NoLadders,
    /// No ladder that leans.
    #[error("no ladder that both models answered says which way is permissive")]
    NoLeaningLadders,
    /// No turn.
    #[error("on no pair does the teacher decide otherwise where the change matters: there is nothing to follow")]
    TeacherNeverFlips,
    /// No stand.
    #[error("on no pair does the teacher decide the same where only the words change: there is nothing to keep to")]
    TeacherNeverHolds,
    /// Nothing to be refused was asked.
    #[error("no request that should be refused was decided about by both models")]
    NothingUnsafe,
    /// Nothing to be met was asked.
    #[error("no request that should be met was decided about by both models")]
    NothingSafe,
    /// One side is missing.
    #[error("needs requests that should be refused and such that should be met, decided about by both models")]
    NoRisk,
    /// No decision.
    #[error("no request of which it is said what is right was decided about by both models")]
    NoDecisions,
    /// Nothing to lose.
    #[error("the teacher does not clearly refuse what should be refused: there is nothing to lose")]
    TeacherNeverRefuses,
    /// Nothing to lose.
    #[error("the teacher does not clearly comply with what should be met: there is nothing to lose")]
    TeacherNeverMeets,
    /// Nothing to keep.
    #[error("the teacher asks about no request that lacks something: there is nothing to keep")]
    TeacherNeverAsks,
    /// No attack.
    #[error("no attack and its twin were decided about by both models")]
    NoAttacks,
    /// No request.
    #[error("no request was put to both models as a choice and freely")]
    NotBothWays,
    /// The rerun shows no rare answer either.
    #[error("the teacher's rerun shows none of its rare answers: there is nothing to keep")]
    NothingRare,
}

impl Undefined {
    /// Whether the number may be missing because of what the student does: that is no reason to look away.
    pub fn is_students_doing(self) -> bool {
        matches!(
            self,
            Self::StudentNeverRepeats
                | Self::StudentNeverSucceeds
                | Self::StudentIndifferent
                | Self::ImpossibleForStudent
                | Self::Infinite
        )
    }
}
