//! Numbers on pairs of classified answers, one of each model, corrected for what the classifier confuses. Apart from
//! [`super::rogan_gladen`], which corrects the rate of one class: whether the teacher refuses *and* the student complies is in
//! two answers, and the errors of both matter.
//!
//! With M\[c\]\[t\] the share of the answers truly of class t that the classifier calls c, the errors of two answers being
//! independent of each other given what is true, the calls N of pairs are M R Mᵀ. Where R = M⁻¹ N M⁻ᵀ has no cell below 0 it is the
//! truth: Rogan and Gladen's estimate, of pairs. Where it has, no truth fits the calls and the labelled answers both exactly; then
//! R and M are those under which the two together are most likely, by expectation and maximisation (Dempster, Laird and Rubin 1977;
//! for two raters Dawid and Skene, Applied Statistics 28, 1979): answers that were never called anything but refusals say, too, that
//! refusals are seldom missed.

pub mod excess;
mod remembered;
mod unbounded;

use self::remembered::remembered;
use self::unbounded::{Unbounded, joined};
use super::estimate::{Estimate, Interval, IntervalMethod};
use super::families::FamilyTable;
use super::gate::Ends;
use super::jackknife::Jackknife;
use super::limits::{Limits, Shape, student};
use super::rogan_gladen::NotCorrected;

/// Steps of expectation and maximisation, and the change of a share below which it ends.
const STEPS: usize = 400;
const STILL: f64 = 1e-8;
/// A share below this is none: neither steps toward no pairs nor sums of products arrive there.
const NONE: f64 = 1e-6;

/// Labelled answers by family: a column `called * classes + truth` for each pair.
#[derive(Clone, Debug, PartialEq)]
pub struct Confusion {
    classes: usize,
    labels: FamilyTable,
}

/// Shares of calls given the truth, `called * classes + truth`, and which truths people labelled.
struct Matrix {
    classes: usize,
    shares: Vec<f64>,
    labelled: Vec<f64>,
}

impl Matrix {
    /// A class that nobody labelled is taken as it is called.
    fn of(classes: usize, labels: &[f64]) -> Self {
        let labelled: Vec<f64> = (0..classes).map(|t| (0..classes).map(|c| labels[c * classes + t]).sum()).collect();
        let share = |place: usize| {
            let (c, t) = (place / classes, place % classes);
            if labelled[t] > 0.0 { labels[place] / labelled[t] } else { f64::from(u8::from(c == t)) }
        };
        Self { classes, shares: (0..classes * classes).map(share).collect(), labelled }
    }

    fn at(&self, called: usize, truth: usize) -> f64 {
        self.shares[called * self.classes + truth]
    }

    /// The shares of these answers, where people labelled any of the class.
    fn learn(&mut self, answers: &[f64]) {
        let classes = self.classes;
        for t in (0..classes).filter(|&t| self.labelled[t] > 0.0) {
            let of_class: f64 = (0..classes).map(|c| answers[c * classes + t]).sum();
            (0..classes).for_each(|c| self.shares[c * classes + t] = answers[c * classes + t] / of_class);
        }
    }

    /// M⁻¹, by elimination with pivots; `None` where the classifier tells two classes apart no better than chance.
    fn inverse(&self) -> Option<Vec<Vec<f64>>> {
        let n = self.classes;
        let mut rows: Vec<Vec<f64>> = (0..n)
            .map(|i| (0..n).map(|j| self.at(i, j)).chain((0..n).map(|j| f64::from(u8::from(i == j)))).collect())
            .collect();
        for column in 0..n {
            let pivot = (column..n).max_by(|&a, &b| rows[a][column].abs().total_cmp(&rows[b][column].abs()))?;
            rows.swap(column, pivot);
            let lead = rows[column].clone();
            if lead[column].abs() < 1e-6 {
                return None;
            }
            for (index, row) in rows.iter_mut().enumerate() {
                let factor = if index == column { 1.0 - 1.0 / lead[column] } else { row[column] / lead[column] };
                row.iter_mut().zip(&lead).for_each(|(cell, lead)| *cell -= factor * lead);
            }
        }
        Some(rows.into_iter().map(|row| row[n..].to_vec()).collect())
    }

    /// R = M⁻¹ N M⁻ᵀ, which may have cells below 0; `None` where there is no inverse.
    fn solved(&self, calls: &[f64]) -> Option<Vec<f64>> {
        let (classes, inverse) = (self.classes, self.inverse()?);
        let sum = |a: usize, b: usize| {
            let row = |c: usize| (0..classes).map(|d| calls[c * classes + d] * inverse[b][d]).sum::<f64>();
            (0..classes).map(|c| inverse[a][c] * row(c)).sum::<f64>()
        };
        Some((0..classes * classes).map(|at| sum(at / classes, at % classes)).collect())
    }
}

/// The true pairs behind calls of pairs, `teacher * classes + student`, of as many in all; `None` where the classifier tells classes
/// apart no better than chance.
pub fn truth(classes: usize, calls: &[f64], labels: &[f64]) -> Option<Vec<f64>> {
    truth_near(classes, calls, labels, None)
}

/// The same; where it takes steps, from shares that are near.
fn truth_near(classes: usize, calls: &[f64], labels: &[f64], near: Option<&[f64]>) -> Option<Vec<f64>> {
    let matrix = Matrix::of(classes, labels);
    let solved = matrix.solved(calls)?;
    let all: f64 = calls.iter().sum();
    let told = |found: Vec<f64>| found.into_iter().map(|pairs| if pairs < NONE * all { 0.0 } else { pairs }).collect();
    if solved.iter().all(|&pairs| pairs >= -STILL * all) {
        return Some(told(solved));
    }
    let start = match near.filter(|near| near.iter().sum::<f64>() > 0.0) {
        // What is none here may be some without a family, and no step leaves 0.
        Some(near) => {
            let least = |pairs: f64| pairs.max(NONE * near.iter().sum::<f64>());
            let whole: f64 = near.iter().map(|&pairs| least(pairs)).sum();
            near.iter().map(|&pairs| least(pairs) * all / whole).collect()
        }
        None => vec![all / calls.len() as f64; calls.len()],
    };
    Some(told(most_likely(matrix, calls, labels, start)))
}

/// Expectation and maximisation.
fn most_likely(mut matrix: Matrix, calls: &[f64], labels: &[f64], mut found: Vec<f64>) -> Vec<f64> {
    let classes = matrix.classes;
    let all: f64 = calls.iter().sum();
    let mut likely = vec![0.0; calls.len()];
    for _ in 0..STEPS {
        let mut next = vec![0.0; calls.len()];
        let mut read = labels.to_vec();
        for (call, &times) in calls.iter().enumerate().filter(|(_, times)| **times > 0.0) {
            let (c, d) = (call / classes, call % classes);
            for (at, likely) in likely.iter_mut().enumerate() {
                *likely = matrix.at(c, at / classes) * matrix.at(d, at % classes) * found[at];
            }
            let whole: f64 = likely.iter().sum();
            for (at, likely) in likely.iter().enumerate().filter(|_| whole > 0.0) {
                let pairs = times * likely / whole;
                next[at] += pairs;
                read[c * classes + at / classes] += pairs;
                read[d * classes + at % classes] += pairs;
            }
        }
        let moved = found.iter().zip(&next).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        found = next;
        matrix.learn(&read);
        if moved < STILL * all {
            break;
        }
    }
    found
}

/// What is made of the true pairs of some groups of requests, one group after the other.
pub struct Number<'n> {
    /// Of the pairs, and of what needs no correction.
    pub of: &'n (dyn Fn(&[f64]) -> Option<f64> + Sync),
    /// How much of the number a family carries, by the same columns.
    pub weight: &'n (dyn Fn(&[f64]) -> f64 + Sync),
    /// Columns behind the pairs that are no calls, and stay as they are.
    pub known: usize,
    /// What a family's value can be.
    pub shape: Shape,
    /// For the share of one pair of classes: that pair, and the limits of what is called so.
    pub event: Option<((usize, usize), Limits)>,
}

/// A corrected number with bounds at any level.
#[derive(Clone, Debug)]
pub struct Corrected {
    sampling: Limits,
    /// Standard error that comes from the labelled answers, and its degrees of freedom.
    error: f64,
    freedom: f64,
    /// For a share of events: its limits before, and the chance that a true event is called one.
    event: Option<(Limits, f64)>,
    /// For a share of events: the same where cells may lie below 0.
    unbounded: Option<Unbounded>,
    shape: Shape,
}

impl Confusion {
    /// From labelled answers by family.
    ///
    /// # Panics
    /// With another number of columns than the square of `classes`: a mistake of the caller.
    pub fn new(classes: usize, labels: FamilyTable) -> Self {
        assert_eq!(labels.columns(), classes * classes, "a column for each pair of call and truth");
        Self { classes, labels }
    }

    /// A classifier that is believed: every answer is what it calls it.
    pub fn believed(classes: usize) -> Self {
        Self { classes, labels: FamilyTable::new(classes * classes) }
    }

    /// Share of the answers truly of a class that are called so; `None` where nobody labelled any.
    pub fn kept(&self, class: usize) -> Option<f64> {
        let matrix = Matrix::of(self.classes, &self.labels.totals());
        (matrix.labelled[class] > 0.0).then(|| matrix.at(class, class))
    }

    /// Chance that a pair of true classes is called by both of its names.
    pub fn seen(&self, (teacher, student): (usize, usize)) -> f64 {
        let matrix = Matrix::of(self.classes, &self.labels.totals());
        matrix.at(teacher, teacher) * matrix.at(student, student)
    }

    /// A number on pairs, `calls` having the squares of classes as columns, once for each group of requests, and then what is known.
    ///
    /// The bounds join two independent spreads by the method of variance estimates recovery: that of the families that were asked,
    /// the labelled answers standing as they are, and that of the labelled answers, by the jackknife over their families. Of a
    /// share of events of which hardly any was called the upper bound is at least that of the calls, over the chance that an event
    /// is called one: no event among n families is no proof of none. The bounds of any other share of events are those of the estimate
    /// that may lie below 0 (`unbounded`): one that was stopped at 0 does not vary there, however little is known.
    ///
    /// # Errors
    /// Too little to go by, or a classifier that tells nothing.
    pub fn correct(&self, calls: &FamilyTable, number: Number<'_>) -> Result<Corrected, NotCorrected> {
        let classes = self.classes;
        let (called, labels) = (calls.totals(), self.labels.totals());
        let weight = |sums: &[f64]| (number.weight)(sums);
        if weight(&called) <= 0.0 {
            return Err(NotCorrected::NoItems);
        }
        let (width, pairs) = (classes * classes, calls.columns() - number.known);
        let whole: Option<Vec<_>> = called[..pairs].chunks(width).map(|group| truth(classes, group, &labels)).collect();
        let whole = whole.ok_or(NotCorrected::NoBetterThanChance)?.concat();
        // Without one family the truth is near what it is with all.
        let of = |sums: &[f64], labels: &[f64]| {
            let groups = sums[..pairs].chunks(width).zip(whole.chunks(width));
            let found = groups.map(|(group, near)| truth_near(classes, group, labels, Some(near)));
            let known = std::iter::once(Some(sums[pairs..].to_vec()));
            (number.of)(&found.chain(known).collect::<Option<Vec<_>>>()?.concat())
        };
        let by_families = remembered(|sums: &[f64]| of(sums, &labels));
        let sampling = match number.shape {
            Shape::Events => Limits::new(calls, Shape::Events, weight, by_families),
            shape => Limits::of_strata(calls, shape, weight, by_families),
        };
        let sampling = sampling.filter(|limits| limits.families() > 1).ok_or(NotCorrected::TooFewFamilies)?;
        let (error, freedom) = self.spread_of_labels(&|labels| of(&called, labels))?;
        let event = number.event.map(|(pair, raw)| (raw, self.seen(pair)));
        let solved = |sums: &[f64], labels: &[f64]| {
            let matrix = Matrix::of(classes, labels);
            let groups = sums[..pairs].chunks(width).map(|group| matrix.solved(group));
            let known = std::iter::once(Some(sums[pairs..].to_vec()));
            (number.of)(&groups.chain(known).collect::<Option<Vec<_>>>()?.concat())
        };
        let unbounded = (number.shape == Shape::Events).then(|| Unbounded::new(calls, &self.labels, &solved)).flatten();
        Ok(Corrected { sampling, error, freedom, event, unbounded, shape: number.shape })
    }

    /// Standard error of a number of the labelled answers over their families, and its degrees of freedom; none where the
    /// classifier is believed.
    fn spread_of_labels(&self, of: &dyn Fn(&[f64]) -> Option<f64>) -> Result<(f64, f64), NotCorrected> {
        if self.labels.is_empty() {
            return Ok((0.0, f64::INFINITY));
        }
        let found = Jackknife::new(&self.labels, &|labels: &[f64]| of(labels));
        found
            .and_then(|found| Some((found.variance()?.sqrt(), found.families() as f64 - 1.0)))
            .ok_or(NotCorrected::TooFewFamilies)
    }
}

impl Corrected {
    /// The number.
    pub fn value(&self) -> f64 {
        self.within(self.sampling.value())
    }

    /// Of a share of events: hardly any was called.
    fn is_rare(&self) -> bool {
        self.event.as_ref().is_some_and(|(raw, _)| raw.is_rare())
    }

    fn within(&self, value: f64) -> f64 {
        if self.shape == Shape::Events { value.clamp(0.0, 1.0) } else { value }
    }

    /// Half of what the labelled answers add.
    fn of_labels(&self, alpha: f64) -> Option<f64> {
        Some(self.error * student(self.freedom, alpha)?)
    }

    /// One-sided bounds, each missed with a chance of `alpha`, with `growth` times as many families; the labels stay.
    pub fn bounds_of_more(&self, alpha: f64, growth: f64) -> Option<(f64, f64)> {
        let (value, half) = (self.sampling.value(), self.of_labels(alpha)?);
        let (low, high) = self.sampling.bounds_of_more(alpha, growth)?;
        let (low, mut high) = (value - (value - low).hypot(half), value + (high - value).hypot(half));
        if let Some((raw, seen)) = self.event.as_ref().filter(|_| self.is_rare()) {
            high = high.max(raw.bounds_of_more(alpha, growth)?.1 / seen);
        }
        let unbounded = self.unbounded.and_then(|unbounded| unbounded.around(self.value(), alpha, growth));
        let (low, high) = joined((low, high), unbounded, self.is_rare());
        Some((self.within(low), self.within(high)))
    }

    /// The same for a gate.
    pub fn gate_ends(&self, alpha: f64, growth: f64) -> Option<Ends> {
        self.bounds_of_more(alpha, growth).map(Ends::from)
    }

    /// The two-sided interval.
    pub fn interval(&self, level: f64) -> Option<Interval> {
        let (low, high) = self.bounds_of_more((1.0 - level) / 2.0, 1.0)?;
        Some(Interval { low, high, level, method: IntervalMethod::VarianceRecovery })
    }

    /// The number as people see it.
    pub fn estimate(&self, level: f64, items: u64) -> Estimate {
        Estimate { value: self.value(), interval: self.interval(level), ..self.sampling.estimate(level, items) }
    }

    /// Whether the correction dominates, so that only the upper end of a share should be told: the labelled answers add more to
    /// the interval than the families, or some were called events and there may be none.
    pub fn is_upper_bound(&self, level: f64) -> bool {
        let Some((raw, _)) = &self.event else { return false };
        let width = |(low, high): (f64, f64)| high - low;
        let alpha = (1.0 - level) / 2.0;
        let (Some(half), Some(sampling)) = (self.of_labels(alpha), self.sampling.bounds(alpha)) else { return true };
        let low = self.interval(level).map_or(0.0, |interval| interval.low);
        2.0 * half > width(sampling) || low < NONE && raw.value() > 0.0
    }
}
