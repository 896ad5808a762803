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
    /// Fewest probes of a ring within the safe reach; `None` when it is 0. Fewer than [`CERTIFICATE_PROBES`] make no
    /// certificate.
    pub fewest_probes: Option<u64>,
}

/// Safe reach by a fixed-sequence test of the rings.
///
/// The rings are tested from the inside out, each at the full level, until the first that does not pass: no correction for
/// many tests is needed (Maurer, Hothorn and Lehmacher 1995), and the reach is too far with a chance of 1 − level at most.
/// The ceiling is the teacher's second run on the probes that have one, and the teacher itself where no probe of the axis
/// has; it is estimated, too, so what is tested is the paired difference, with bounds over families ([`Limits`]). The
/// collapse bound is the same test from the outside in.
///
/// Fails for a promise out of its range.
pub fn reach(rings: &Rings, promise: &Promise) -> Result<Reach, GeometryError> {
    let delta = share("δ", promise.delta)?;
    let level = share("level", promise.level)?;
    let chance = chance(promise.chance)?;
    let ceiling = if rings.has(Curve::Ceiling) { Curve::Ceiling } else { Curve::Teacher };
    let student = if ceiling == Curve::Ceiling { STUDENT_WITH_CEILING } else { Curve::Student.columns()[1] };
    let [count, sum] = ceiling.columns();
    let judged: Vec<RingReach> = (0..rings.rings().len())
        .map(|ring| {
            let table = rings.narrow(&[count, sum, student].map(|column| ring * WIDTH + column));
            judge_ring(&table, delta, chance, 1.0 - level)
        })
        .collect();
    let held = judged.iter().take_while(|ring| ring.verdict == Verdict::Pass).count();
    let lost = judged.iter().rev().take_while(|ring| ring.verdict == Verdict::Fail).count();
    Ok(Reach {
        safe: held.checked_sub(1).map_or(0.0, |last| rings.rings()[last].outer),
        collapse: (lost > 0).then(|| rings.rings()[judged.len() - lost].inner),
        fewest_probes: judged[..held].iter().map(|ring| ring.probes).min(),
        rings: judged,
    })
}

/// Of probes, ceiling's and student's success per family.
fn judge_ring(table: &FamilyTable, delta: f64, chance: f64, alpha: f64) -> RingReach {
    let probes = table.totals()[0].round() as u64;
    let constant = delta * chance;
    let surplus = |sums: &[f64]| (sums[0] > 0.0).then(|| (sums[2] - (1.0 - delta) * sums[1]) / sums[0] - constant);
    let shape = Shape::Between { low: Some(delta - 1.0 - constant), high: Some(1.0 - constant) };
    let Some(limits) = Limits::new(table, shape, |sums| sums[0], surplus) else {
        let verdict = Verdict::NotEnoughEvidence;
        return RingReach { surplus: None, bounds: None, verdict, probes, probes_needed: None };
    };
    let kept = Bounds { at_least: Some(0.0), at_most: None };
    let ends = |alpha, growth| limits.gate_ends(alpha, growth);
    let answer = judge(limits.value(), limits.families(), ends, &kept, alpha);
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
