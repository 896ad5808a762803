//! What a metric is: one value with its texts, its range, and all that is needed to compute, judge and show it.

use super::Table;
use super::formula::{Column, Formula, Sum, Undefined};
pub use super::range::{End, Range};
pub use super::reference::Reference;
use super::sums::Sums;
use crate::stats::estimate::{Estimate, Exclusion};
use crate::stats::families::FamilyTable;
use crate::stats::limits::{Limits, Shape};
use crate::stats::{ppi, slices};

/// A metric. Everything that shows, gates, watches or lists metrics goes through these.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// Stable identifier, used in statements and policies.
    pub id: &'static str,
    /// What people read about it.
    pub text: Text,
    /// Which way it should move.
    pub direction: Direction,
    /// The values that it can take.
    pub range: Range,
    /// With which others it is shown.
    pub group: Group,
    /// How it is computed; `None` where it is not read off sums.
    pub measure: Option<Measure>,
}

/// The texts of help, tooltips and documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text {
    /// Page of the documentation that covers it: `docs/metrics/<page>.md`.
    pub page: &'static str,
    /// Name for people.
    pub name: &'static str,
    /// Unit; empty for a pure number.
    pub unit: &'static str,
    /// What it measures, a sentence or two.
    pub what: &'static str,
    /// When it misleads, a sentence or two.
    pub misleads: &'static str,
    /// The formula.
    pub formula: &'static str,
    /// Where it comes from.
    pub source: &'static str,
}

/// Which way a metric should move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Larger values are better.
    Higher,
    /// Smaller values are better.
    Lower,
    /// The closer to 1 the better, on either side.
    One,
    /// The closer to 0 the better, on either side.
    Zero,
    /// It describes; neither way is better.
    Neither,
}

impl Direction {
    /// For people, as a fragment.
    pub fn words(self) -> &'static str {
        match self {
            Self::Higher => "higher is better",
            Self::Lower => "lower is better",
            Self::One => "1 is best",
            Self::Zero => "0 is best",
            Self::Neither => "descriptive",
        }
    }

    /// How far a value is from the best one, up to a constant: less is better. `None` where neither way is.
    pub fn loss(self, value: f64) -> Option<f64> {
        match self {
            Self::Higher => Some(-value),
            Self::Lower => Some(value),
            Self::One => Some((value - 1.0).abs()),
            Self::Zero => Some(value.abs()),
            Self::Neither => None,
        }
    }

    /// Whether the best value lies between two others.
    pub(super) fn between(self, a: f64, b: f64) -> bool {
        let inside = |best: f64| (a - best) * (b - best) < 0.0;
        match self {
            Self::One => inside(1.0),
            Self::Zero => inside(0.0),
            Self::Higher | Self::Lower | Self::Neither => false,
        }
    }
}

/// Which numbers are shown together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Next-token distributions.
    Tokens,
    /// The same where the teacher hesitates most.
    Forks,
    /// The likelihood of texts.
    Texts,
    /// Forced choices.
    Choices,
    /// Whether stated probabilities come true.
    Calibration,
    /// What is sampled, model against model.
    Answers,
    /// The cells of right and wrong answers, which add up to 1.
    AnswerCells,
    /// What one model's answers are by themselves.
    AnswerLevels,
    /// How far fidelity reaches: read off curves and not off sums.
    Geometry,
    /// What the models do in worlds.
    Episodes,
    /// Style against judgment.
    Illusion,
    /// What a student could do before distillation: read off skills and not off sums.
    Forgetting,
    /// What they decide at boundaries of judgment.
    Judgment,
}

/// How a metric is computed from [`Sums`].
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// The table that it reads.
    pub table: Table,
    /// The number, from the totals of that table.
    pub formula: Formula,
    /// Its interval.
    pub interval: IntervalRule,
    /// What it is to be read against.
    pub floor: Floor,
    /// What it needs beyond items in its table.
    pub needs: &'static [Need],
    /// The items that say nothing about it.
    pub left_out: LeftOut,
    /// What is known of a family before it is asked, where that is enough to decide early.
    pub bounds: Option<FamilyBounds>,
    /// What must be clearly above 0 before a gate on the number means anything, and what to say where it is not.
    pub stake: Option<(Sum, Undefined)>,
}

/// How a metric gets its interval.
#[derive(Clone, Copy, Debug)]
pub enum IntervalRule {
    /// Over families, which have values in the metric's range: [`Shape::Between`].
    Families,
    /// Over families, of which this is known, from the totals that the formula reads.
    Within(fn(&[f64]) -> Shape),
    /// A share of items each of which is an event or none: [`Shape::Events`].
    Share,
    /// By its own rule, from the families' sums that its formula reads and the level.
    Own(fn(&FamilyTable, f64) -> Result<Limits, Undefined>),
}

/// The number that a metric is to be read against.
#[derive(Clone, Copy, Debug)]
pub enum Floor {
    /// None.
    Nothing,
    /// The same number of the teacher against its own second run.
    Rerun,
    /// What a perfect student would have, from the same sums.
    OfTeacher(Formula),
}

/// What a number needs beyond items in its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The teacher's ten most probable tokens at every position.
    TopTen,
    /// What is right.
    Truth,
    /// Answers that are draws from the models' own distributions.
    Draws,
    /// Two answers of each model to a prompt.
    TwoAnswers,
    /// A second run of the teacher.
    Rerun,
    /// Whether an answer ended by itself.
    Endings,
}

impl Need {
    /// What to say where it is missing although there are items; `None` where sums of 0 say it.
    pub fn missing(self) -> Option<&'static str> {
        (self == Self::TopTen).then_some(
            "needs the teacher's ten most probable tokens, and the cache may keep fewer: collect with k_min 10",
        )
    }
}

/// The items that say nothing about a number.
#[derive(Clone, Copy, Debug)]
pub enum LeftOut {
    /// None.
    Nothing,
    /// Items that its table could not take in, for this reason.
    Unfit(&'static str),
    /// Items of the table without `known`, out of `all`; they stay in the number of items.
    Silent {
        /// Counts the items that say something.
        known: Column,
        /// Counts all items.
        all: Column,
        /// Why.
        reason: &'static str,
    },
    /// Items of the table without `known`, out of `all`; they do not count as items.
    Uncounted {
        /// Counts the items that say something.
        known: Column,
        /// Counts all items.
        all: Column,
        /// Why.
        reason: &'static str,
    },
}

/// What is known of a family's numerator and denominator before it is asked: what deciding early needs.
#[derive(Clone, Copy, Debug)]
pub struct FamilyBounds {
    /// Counts the family's items; a family without any is not taken in.
    pub items: Column,
    /// Numerator.
    pub over: Sum,
    /// Denominator.
    pub under: Sum,
    /// Their bounds.
    pub known: Known,
}

/// Bounds of a family's numerator n and denominator d.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Known {
    /// low · d ≤ n ≤ high · d, and d is at most `most` per item; rounding may carry f32 sums beyond, relative to them.
    Ratio {
        /// Least n/d.
        low: f64,
        /// Largest n/d.
        high: f64,
        /// Largest d of an item.
        most: f64,
        /// Relative rounding.
        rounding: f64,
    },
    /// n and d of an item are each within bounds of their own.
    Apart {
        /// Least and largest n.
        over: [f64; 2],
        /// Least and largest d.
        under: [f64; 2],
    },
}

impl FamilyBounds {
    /// Numerator and denominator of a family from its sums, all columns of the table; `None` without items.
    pub fn ratio(&self, sums: &[f64]) -> Option<(f64, f64)> {
        (sums[self.items.0] > 0.0).then(|| (self.over.value(sums), self.under.value(sums)))
    }
}

impl Known {
    /// A part of the whole.
    pub const SHARE: Self = Self::Ratio { low: 0.0, high: 1.0, most: 1.0, rounding: 0.0 };
    /// A part of the whole over another one.
    pub const SHARES: Self = Self::Apart { over: [0.0, 1.0], under: [0.0, 1.0] };
    /// The difference of two parts of the whole.
    pub const DIFFERENCE: Self = Self::Ratio { low: -1.0, high: 1.0, most: 1.0, rounding: 0.0 };
}

/// What other families say about the items of the asked ones: see [`ppi::helped`].
#[derive(Clone, Debug, PartialEq)]
pub struct Help {
    /// Signals of each family of the metric's table, in its order.
    pub asked: Vec<Vec<f64>>,
    /// Signals of each family that only the student was asked about.
    pub others: Vec<Vec<f64>>,
}

impl Definition {
    /// The same metric over the positions where the teacher hesitates most, under a name of its own.
    pub(super) const fn at_forks(&self, id: &'static str, text: Text) -> Self {
        let measure = match self.measure {
            Some(measure) => Some(Measure { table: Table::Forks, bounds: None, ..measure }),
            None => None,
        };
        Self { id, text, group: Group::Forks, measure, ..*self }
    }

    /// How it is computed.
    ///
    /// # Errors
    /// [`Undefined::NotOfSums`].
    pub fn measure(&self) -> Result<&Measure, Undefined> {
        self.measure.as_ref().ok_or(Undefined::NotOfSums)
    }

    /// What [`Estimate::floor`] is beside its value; `None` where it has none.
    pub fn reference(&self) -> Option<Reference> {
        let Measure { table, floor, .. } = self.measure?;
        match (floor, self.direction) {
            (Floor::Nothing, _) => None,
            // A student may be right more often than its teacher, and end its answers better.
            _ if matches!(table, Table::Truth | Table::Outcomes | Table::Episodes) => Some(Reference::Own),
            // Of decisions the teacher's own stand beside the student's, and neither bounds the other.
            (Floor::OfTeacher(_), _) if self.group == Group::Judgment => Some(Reference::Own),
            (Floor::Rerun, Direction::Lower) => Some(Reference::Floor),
            (_, Direction::Higher) => Some(Reference::Ceiling),
            _ => Some(Reference::Own),
        }
    }

    /// Whether it needs this.
    pub fn needs(&self, need: Need) -> bool {
        self.measure.is_some_and(|measure| measure.needs.contains(&need))
    }

    /// Its bounds of a family, where it can be decided early.
    pub fn bounds(&self) -> Option<&FamilyBounds> {
        self.measure.as_ref()?.bounds.as_ref()
    }

    /// Its value over all families, in its [unit](Text::unit) and [range](Self::range).
    ///
    /// # Errors
    /// Why there is none.
    pub fn value(&self, sums: &Sums) -> Result<f64, Undefined> {
        let measure = self.measure()?;
        measure.formula.of(&measure.project(sums).totals())
    }

    /// Its value with an interval at `level`, such as 0.95, and the items that were left out; with what the teacher
    /// has from the same sums, without the floor of [`Self::floor`].
    ///
    /// # Errors
    /// Why there is none.
    pub fn estimate(&self, sums: &Sums, level: f64) -> Result<Estimate, Undefined> {
        Ok(self.helped(sums, level, None)?.estimate)
    }

    /// [`Self::estimate`] with its limits at other levels, both narrowed by what the student alone did elsewhere.
    ///
    /// # Errors
    /// Why there is none.
    pub fn helped(&self, sums: &Sums, level: f64, help: Option<&Help>) -> Result<Measured, Undefined> {
        let measure = self.measure()?;
        let table = measure.project(sums);
        measure.formula.of(&table.totals())?;
        let limits = match measure.interval {
            IntervalRule::Own(own) => own(&table, level)?,
            IntervalRule::Families | IntervalRule::Share | IntervalRule::Within(_) => self.limits(measure, &table)?,
        };
        let limits = match help {
            // An exact interval owes nothing to others.
            Some(Help { asked, others }) if measure.can_be_helped() && !limits.is_rare() => {
                ppi::helped(limits, &table, |sums| measure.formula.of(sums).ok(), asked, others)
            }
            _ => limits,
        };
        let mut found = limits.estimate(level, table.items());
        if let Floor::OfTeacher(of_teacher) = measure.floor {
            found.floor = of_teacher.of(&of_teacher.project(sums.table(measure.table)).totals()).ok();
        }
        measure.leave_out(sums, &mut found);
        self.range.narrow(&mut found);
        Ok(Measured { estimate: found, limits })
    }

    /// Its value with an interval over families, whatever its own rule is: for parts of a suite side by side.
    ///
    /// # Errors
    /// Why there is none.
    pub fn over_families(&self, sums: &Sums, level: f64) -> Result<Estimate, Undefined> {
        let measure = self.measure()?;
        let table = measure.project(sums);
        measure.formula.of(&table.totals())?;
        let mut found = self.limits(measure, &table)?.estimate(level, table.items());
        self.range.narrow(&mut found);
        Ok(found)
    }

    /// Limits over the families of a table of the columns that its formula reads.
    fn limits(&self, measure: &Measure, table: &FamilyTable) -> Result<Limits, Undefined> {
        let shape = match measure.interval {
            IntervalRule::Share => Shape::Events,
            IntervalRule::Within(shape) => shape(&table.totals()),
            IntervalRule::Families | IntervalRule::Own(_) => self.range.shape(),
        };
        let weight = |sums: &[f64]| measure.formula.weight(sums);
        Limits::new(table, shape, weight, |sums| measure.formula.of(sums).ok()).ok_or(Undefined::Unknown)
    }

    /// The same number of the teacher against its own second run, from the sums of that; `None` where it has no such
    /// floor, or nobody asked twice.
    pub fn floor(&self, rerun: &Sums, level: f64) -> Option<f64> {
        let measure = self.measure.as_ref()?;
        match (measure.floor, measure.interval) {
            (Floor::Rerun, IntervalRule::Own(own)) => {
                own(&measure.project(rerun), level).ok().map(|found| found.value())
            }
            (Floor::Rerun, _) => self.value(rerun).ok(),
            (Floor::Nothing | Floor::OfTeacher(_), _) => None,
        }
    }

    /// Why no gate should rest on the number: the lower bound at `level` of what is at stake is not above 0. `None` where
    /// something is at stake.
    pub fn nothing_at_stake(&self, sums: &Sums, level: f64) -> Option<Undefined> {
        let measure = self.measure.as_ref()?;
        let (stake, reason) = measure.stake?;
        let table = stake.over_families(sums.table(measure.table));
        let found = Limits::new(&table, Shape::ANY, |_| 1.0, |sums| sums.first().copied());
        match found.as_ref().and_then(|found| found.interval(level)) {
            Some(interval) => (interval.low <= 0.0).then_some(reason),
            None if found.is_some_and(|found| found.families() == 1) => Some(Undefined::OneFamily),
            None => Some(reason),
        }
    }

    /// Standard deviation per family; `None` where it or its spread does not exist.
    pub fn family_sd(&self, sums: &Sums) -> Option<f64> {
        let measure = self.measure.as_ref()?;
        let sd = self.limits(measure, &measure.project(sums)).ok()?.family_sd();
        // Its own rule knows a spread where the value is clipped and shows none.
        sd.filter(|&sd| !matches!(measure.interval, IntervalRule::Own(_)) || sd > 0.0)
    }

    /// Two-sided p-value of "it is the same on these items as on those": [`slices::compare`].
    pub fn p_of_equal(&self, these: &Sums, those: &Sums) -> Option<f64> {
        let measure = self.measure.as_ref()?;
        slices::compare(&measure.project(these), &measure.project(those), |sums| measure.formula.of(sums).ok())
    }
}

/// A number and how far it may lie from its truth.
#[derive(Clone, Debug)]
pub struct Measured {
    /// As people see it.
    pub estimate: Estimate,
    /// Its bounds at any level, not narrowed to what the number can be.
    pub limits: Limits,
}

impl Measure {
    /// Whether what the student alone did can narrow its interval.
    fn can_be_helped(&self) -> bool {
        !matches!(self.interval, IntervalRule::Own(_))
    }

    /// The families' sums of the columns that its formula reads.
    pub(super) fn project(&self, sums: &Sums) -> FamilyTable {
        self.formula.project(sums.table(self.table))
    }

    /// Notes the items that say nothing about the number.
    fn leave_out(&self, sums: &Sums, found: &mut Estimate) {
        let totals = || sums.table(self.table).totals();
        let without = |known: Column, all: Column| {
            let totals = totals();
            (totals[all.0] - totals[known.0]).round() as u64
        };
        let (items, reason) = match self.left_out {
            LeftOut::Nothing => return,
            LeftOut::Unfit(reason) => (sums.left_out(self.table), reason),
            LeftOut::Silent { known, all, reason } => (without(known, all), reason),
            LeftOut::Uncounted { known, all, reason } => {
                let items = without(known, all);
                found.n_items -= items;
                (items, reason)
            }
        };
        if items > 0 {
            found.excluded.push(Exclusion { reason: reason.to_owned(), items });
        }
    }
}
