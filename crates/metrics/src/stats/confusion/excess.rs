//! How much more often teacher and student make an event than chance alone makes one of two answers of the teacher. A teacher that
//! answers by draws and gives way now and then makes such events beside itself, and a gate that forgets it fails a perfect student.
//!
//! Both shares are corrected by the same labelled answers, and are of the same requests. Their bounds are exact ones, and those of
//! the difference are recovered from them with the correlation over families (Zou and Donner, Statistics in Medicine 27, 2008): the
//! jackknife of a difference of rare events knows no bound where none was seen. Where a classifier that errs is corrected the bounds
//! are those of the difference that `unbounded` estimates make.

use super::{Confusion, Corrected, Matrix, NotCorrected, Unbounded, joined, remembered, truth, truth_near};
use crate::stats::estimate::{Estimate, Interval, IntervalMethod};
use crate::stats::families::FamilyTable;
use crate::stats::gate::Ends;
use crate::stats::jackknife::Jackknife;
use crate::stats::limits::{Limits, Shape, student};

/// Blocks of columns of the calls, each of the squares of the classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// Teacher and student, on every request.
    Both,
    /// The teacher and itself, on requests that it answered twice by chance. A request that is answered without chance is in none:
    /// its teacher does the same again.
    Itself,
    /// Teacher and student, on requests that the teacher answered once by chance.
    Once,
}

impl Block {
    /// All of them, in their order.
    pub const ALL: [Self; 3] = [Self::Both, Self::Itself, Self::Once];
}

/// What is taken for the chance of requests that were answered once: of two answers that refuse with a chance of p the first
/// refuses and the second does not with p (1 − p), of which the mean over requests is at most m (1 − m), m being the mean of p.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unknown {
    /// The least that it can be.
    Nothing,
    /// The most.
    Most,
}

/// The excess with bounds at any level.
#[derive(Clone, Debug)]
pub struct Excess {
    /// Nothing is chance where nobody knows.
    most: Apart,
    /// As much as can be is; `None` where everything is known.
    least: Option<Apart>,
}

/// The difference of two shares.
#[derive(Clone, Debug)]
struct Apart {
    both: Corrected,
    chance: Corrected,
    correlation: f64,
    /// Standard error that comes from the labelled answers, and its degrees of freedom.
    error: f64,
    freedom: f64,
    /// The same where cells may lie below 0.
    unbounded: Option<Unbounded>,
}

impl Confusion {
    /// The excess of an event (the teacher's class, the student's), `calls` having the columns of each [`Block`].
    ///
    /// # Errors
    /// As for [`Confusion::correct`].
    pub fn excess(&self, calls: &FamilyTable, event: (usize, usize)) -> Result<Excess, NotCorrected> {
        let once = calls.totals()[Block::Once as usize * self.classes * self.classes..].iter().sum::<f64>();
        let most = self.apart(calls, event, Unknown::Nothing)?;
        let least = (once > 0.0).then(|| self.apart(calls, event, Unknown::Most)).transpose()?;
        Ok(Excess { most, least })
    }

    fn apart(&self, calls: &FamilyTable, event: (usize, usize), unknown: Unknown) -> Result<Apart, NotCorrected> {
        let (classes, width) = (self.classes, self.classes * self.classes);
        let place = event.0 * classes + event.1;
        let (called, labels) = (calls.totals(), self.labels.totals());
        let requests = |sums: &[f64]| sums[..width].iter().sum::<f64>();
        if requests(&called) <= 0.0 {
            return Err(NotCorrected::NoItems);
        }
        let near: Option<Vec<_>> = called.chunks(width).map(|block| truth(classes, block, &labels)).collect();
        let near = near.ok_or(NotCorrected::NoBetterThanChance)?;
        let pairs = |sums: &[f64], labels: &[f64], block: Block| {
            let at = block as usize;
            truth_near(classes, &sums[at * width..][..width], labels, Some(&near[at]))
        };
        let share = |events: f64, sums: &[f64]| (requests(sums) > 0.0).then(|| events / requests(sums));
        let by_chance = |itself: &[f64], once: &[f64], sums: &[f64]| {
            let all: f64 = once.iter().sum();
            let of_class = once[event.0 * classes..][..classes].iter().sum::<f64>();
            let unknown = if unknown == Unknown::Most && all > 0.0 { of_class * (1.0 - of_class / all) } else { 0.0 };
            share(itself[place] + unknown, sums)
        };
        let of_both = |sums: &[f64], labels: &[f64]| share(pairs(sums, labels, Block::Both)?[place], sums);
        let of_chance = |sums: &[f64], labels: &[f64]| {
            by_chance(&pairs(sums, labels, Block::Itself)?, &pairs(sums, labels, Block::Once)?, sums)
        };
        let solved = |sums: &[f64], labels: &[f64]| {
            let matrix = Matrix::of(classes, labels);
            let of = |block: Block| matrix.solved(&sums[block as usize * width..][..width]);
            let chance = by_chance(&of(Block::Itself)?, &of(Block::Once)?, sums)?;
            Some(share(of(Block::Both)?[place], sums)? - chance)
        };
        let of_both_asked = remembered(|sums: &[f64]| of_both(sums, &labels));
        let of_chance_asked = remembered(|sums: &[f64]| of_chance(sums, &labels));
        let side = |of: &dyn Fn(&[f64]) -> Option<f64>, block: Block| {
            let limits = |of: &dyn Fn(&[f64]) -> Option<f64>| Limits::new(calls, Shape::Events, requests, of);
            let sampling = limits(of).filter(|limits| limits.families() > 1);
            let raw = limits(&|sums| share(sums[block as usize * width + place], sums));
            let (sampling, raw) = sampling.zip(raw).ok_or(NotCorrected::TooFewFamilies)?;
            let event = Some((raw, self.seen(event)));
            let (error, freedom) = (0.0, f64::INFINITY);
            Ok(Corrected { sampling, error, freedom, event, unbounded: None, shape: Shape::Events })
        };
        let (both, chance) = (side(&of_both_asked, Block::Both)?, side(&of_chance_asked, Block::Itself)?);
        let over_families = Jackknife::new(calls, &of_both_asked).zip(Jackknife::new(calls, &of_chance_asked));
        let correlation = over_families.map_or(0.0, |(a, b)| a.correlation(&b));
        let (error, freedom) =
            self.spread_of_labels(&|labels| Some(of_both(&called, labels)? - of_chance(&called, labels)?))?;
        let unbounded = Unbounded::new(calls, &self.labels, &solved);
        Ok(Apart { both, chance, correlation, error, freedom, unbounded })
    }
}

impl Apart {
    fn value(&self) -> f64 {
        self.both.value() - self.chance.value()
    }

    fn bounds_of_more(&self, alpha: f64, growth: f64) -> Option<(f64, f64)> {
        let of = |side: &Corrected| {
            let (low, high) = side.bounds_of_more(alpha, growth)?;
            Some([side.value() - low, high - side.value()].map(|half| half.max(0.0)))
        };
        let ([down_both, up_both], [down_chance, up_chance]) = (of(&self.both)?, of(&self.chance)?);
        let apart = |x: f64, y: f64| (x * x + y * y - 2.0 * self.correlation * x * y).max(0.0).sqrt();
        let of_labels = self.error * student(self.freedom, alpha)?;
        let low = self.value() - apart(down_both, up_chance).hypot(of_labels);
        let high = self.value() + apart(up_both, down_chance).hypot(of_labels);
        let unbounded = self.unbounded.and_then(|unbounded| unbounded.around(self.value(), alpha, growth));
        let (low, high) = joined((low, high), unbounded, self.both.is_rare() || self.chance.is_rare());
        Some((low.max(-1.0), high.min(1.0)))
    }
}

impl Excess {
    /// The excess, requests whose chance nobody knows having none.
    pub fn value(&self) -> f64 {
        self.most.value()
    }

    /// What chance alone makes, as far as it is known.
    pub fn chance(&self) -> f64 {
        self.most.chance.value()
    }

    /// The most that chance alone can make; `None` where it is known.
    pub fn most_chance(&self) -> Option<f64> {
        Some(self.least.as_ref()?.chance.value())
    }

    /// One-sided bounds, each missed with a chance of `alpha`, with `growth` times as many families; the labels stay.
    pub fn bounds_of_more(&self, alpha: f64, growth: f64) -> Option<(f64, f64)> {
        let (low, high) = self.most.bounds_of_more(alpha, growth)?;
        let low = match &self.least {
            Some(least) => least.bounds_of_more(alpha, growth)?.0.min(low),
            None => low,
        };
        Some((low, high))
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

    /// The excess as people see it.
    pub fn estimate(&self, level: f64, items: u64) -> Estimate {
        let of_both = self.most.both.sampling.estimate(level, items);
        Estimate { value: self.value(), interval: self.interval(level), ..of_both }
    }
}
