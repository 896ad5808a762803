//! Safe reach: how far out the student is shown to keep what the teacher has, and from where on it is shown not to.

use super::rings::{STUDENT_WITH_CEILING, WIDTH};
use super::{Curve, GeometryError, Rings, chance, share};
use crate::stats::estimate::Verdict;
use crate::stats::families::FamilyTable;
use crate::stats::gate::{Bounds, judge};
use crate::stats::limits::{Limits, Shape};

/// Probes per ring that a certificate asks for.
pub const CERTIFICATE_PROBES: u64 = 200;

/// What a ring is to keep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Promise {
    /// Share of the ceiling that may be lost, in (0, 1): 0.10 usually.
    pub delta: f64,
    /// Success that needs no ability, in [0, 1): what is kept is counted above it. With 0 a ring is to reach (1 − δ) · ceiling;
    /// with more it is to reach more, and a ring where the teacher guesses as well holds nothing.
    pub chance: f64,
    /// Confidence of each ring's one-sided bounds, in (0, 1): 0.95 usually.
    pub level: f64,
}

/// What is known of one ring.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RingReach {
    /// (f_S − chance) − (1 − δ)(f_T' − chance) on the probes with both: 0 or more when the promise is kept. `None` where
    /// no probe has both.
    pub surplus: Option<f64>,
    /// One-sided bounds of it, each at the promise's level; `None` with fewer than two families.
    pub bounds: Option<(f64, f64)>,
    /// PASS: the lower bound is 0 or more. FAIL: the upper bound is below 0.
    pub verdict: Verdict,
    /// Probes behind it.
    pub probes: u64,
    /// Probes in this ring that would give a PASS, were surplus and spread to stay; `None` when it has one, or when the
    /// surplus is not above 0.
    pub probes_needed: Option<u64>,
}

/// Safe reach and collapse bound.
#[derive(Clone, Debug, PartialEq)]
pub struct Reach {
    /// From the inside out.
    pub rings: Vec<RingReach>,
    /// Outer edge of the last ring such that it and every ring inside pass, in training radii; 0 when the first does not.
    pub safe: f64,
    /// Inner edge of the innermost ring such that it and every ring outside fail; `None` when the last does not.
    pub collapse: Option<f64>,
    /// Outer edge of the last ring such that in it and in every ring inside the ceiling is shown to be above chance: beyond it
    /// there is nothing to keep. 0 when the first has nothing.
    pub ceiling: f64,
    /// Fewest probes of a ring within the safe reach; `None` when it is 0. Fewer than [`CERTIFICATE_PROBES`] make no
    /// certificate.
    pub fewest_probes: Option<u64>,
}

/// Safe reach by a fixed-sequence test of the rings: [`ReachTest`] at the promise's level.
///
/// Fails for a promise out of its range.
pub fn reach(rings: &Rings, promise: &Promise) -> Result<Reach, GeometryError> {
    Ok(ReachTest::new(rings, promise)?.reach())
}

/// The rings of an axis, tested against a promise at any level.
///
/// The rings are tested from the inside out, each at the full level, until the first that does not pass: no correction for
/// many tests is needed (Maurer, Hothorn and Lehmacher 1995), and the reach is too far with a chance of 1 − level at most.
/// The ceiling is the teacher's second run on the probes that have one, and the teacher itself where no probe of the axis
/// has; it is estimated, too, so what is tested is the paired difference, with bounds over families ([`Limits`]). The
/// collapse bound is the same test from the outside in.
#[derive(Clone, Debug)]
pub struct ReachTest {
    rings: Vec<TestedRing>,
    promise: Promise,
}

/// One ring, ready to be tested.
#[derive(Clone, Debug)]
struct TestedRing {
    inner: f64,
    outer: f64,
    probes: u64,
    /// Of the surplus.
    limits: Option<Limits>,
    /// The ceiling is shown to be above chance, at the promise's level.
    has_something: bool,
}

const KEPT: Bounds = Bounds { at_least: Some(0.0), at_most: None };

impl ReachTest {
    /// Prepares the rings of an axis.
    ///
    /// Fails for a promise out of its range.
    pub fn new(rings: &Rings, promise: &Promise) -> Result<Self, GeometryError> {
        share("δ", promise.delta)?;
        let level = share("level", promise.level)?;
        let chance = chance(promise.chance)?;
        let ceiling = if rings.has(Curve::Ceiling) { Curve::Ceiling } else { Curve::Teacher };
        let student = if ceiling == Curve::Ceiling { STUDENT_WITH_CEILING } else { Curve::Student.columns()[1] };
        let [count, sum] = ceiling.columns();
        // One-sided.
        let ceilings = rings.curve(ceiling, 2.0 * level - 1.0);
        let tested = rings.rings().iter().zip(ceilings).enumerate().map(|(ring, (edges, ceiling))| {
            let table = rings.narrow(&[count, sum, student].map(|column| ring * WIDTH + column));
            TestedRing {
                inner: edges.inner,
                outer: edges.outer,
                probes: table.totals()[0].round() as u64,
                limits: surplus(&table, promise.delta, chance),
                has_something: ceiling.and_then(|found| found.interval).is_some_and(|found| found.low > chance),
            }
        });
        Ok(Self { rings: tested.collect(), promise: *promise })
    }

    /// Safe reach and collapse bound at the promise's level.
    pub fn reach(&self) -> Reach {
        let alpha = 1.0 - self.promise.level;
        let judged: Vec<RingReach> = self.rings.iter().map(|ring| ring.judged(alpha)).collect();
        let held = judged.iter().take_while(|ring| ring.verdict == Verdict::Pass).count();
        let lost = judged.iter().rev().take_while(|ring| ring.verdict == Verdict::Fail).count();
        Reach {
            safe: self.outer(held),
            collapse: (lost > 0).then(|| self.rings[judged.len() - lost].inner),
            ceiling: self.outer(self.with_something()),
            fewest_probes: judged[..held].iter().map(|ring| ring.probes).min(),
            rings: judged,
        }
    }

    /// Bounds of how far the promise is truly kept, each missed with a chance of `alpha`, with `growth` times as many
    /// families of this kind.
    ///
    /// The lower one is the safe reach at that level; without end where every ring holds in which the ceiling has anything,
    /// and rings beyond show that it has no more. The upper one is the inner edge of the innermost ring that fails, each
    /// ring at its share of `alpha` (Bonferroni); without end where none fails.
    pub fn bounds(&self, alpha: f64, growth: f64) -> (f64, f64) {
        let verdict = |ring: &TestedRing, alpha| {
            let ends = ring.limits.as_ref().and_then(|limits| limits.gate_ends(alpha, growth));
            ends.map_or(Verdict::NotEnoughEvidence, |ends| KEPT.verdict(ends))
        };
        let held = self.rings.iter().take_while(|ring| verdict(ring, alpha) == Verdict::Pass).count();
        let something = self.with_something();
        let to_the_end = something > 0 && held >= something && something < self.rings.len();
        let each = alpha / self.rings.len() as f64;
        let lost = self.rings.iter().find(|ring| verdict(ring, each) == Verdict::Fail);
        (if to_the_end { f64::INFINITY } else { self.outer(held) }, lost.map_or(f64::INFINITY, |ring| ring.inner))
    }

    /// Outer edge of the last ring.
    pub fn farthest(&self) -> f64 {
        self.outer(self.rings.len())
    }

    /// Fewest families of a ring that carry its surplus.
    pub fn families(&self) -> u64 {
        self.rings.iter().map(|ring| ring.limits.as_ref().map_or(0, Limits::families)).min().unwrap_or(0)
    }

    /// Rings from the inside out in which there is something to keep.
    fn with_something(&self) -> usize {
        self.rings.iter().take_while(|ring| ring.has_something).count()
    }

    /// Outer edge of so many rings.
    fn outer(&self, rings: usize) -> f64 {
        rings.checked_sub(1).map_or(0.0, |last| self.rings[last].outer)
    }
}

impl TestedRing {
    fn judged(&self, alpha: f64) -> RingReach {
        let probes = self.probes;
        let Some(limits) = &self.limits else {
            let verdict = Verdict::NotEnoughEvidence;
            return RingReach { surplus: None, bounds: None, verdict, probes, probes_needed: None };
        };
        let ends = |alpha, growth| limits.gate_ends(alpha, growth);
        let answer = judge(limits.value(), limits.families(), ends, &KEPT, alpha);
        let more = answer.more_families.filter(|_| limits.value() > 0.0);
        RingReach {
            surplus: Some(limits.value()),
            bounds: limits.bounds(alpha),
            verdict: answer.verdict,
            probes,
            probes_needed: more.map(|more| {
                let per_family = probes as f64 / limits.families() as f64;
                ((limits.families() + more) as f64 * per_family).ceil() as u64
            }),
        }
    }
}

/// Limits of the surplus, from probes, ceiling's and student's success per family.
fn surplus(table: &FamilyTable, delta: f64, chance: f64) -> Option<Limits> {
    let constant = delta * chance;
    let surplus = |sums: &[f64]| (sums[0] > 0.0).then(|| (sums[2] - (1.0 - delta) * sums[1]) / sums[0] - constant);
    let shape = Shape::Between { low: Some(delta - 1.0 - constant), high: Some(1.0 - constant) };
    Limits::new(table, shape, |sums| sums[0], surplus)
}
