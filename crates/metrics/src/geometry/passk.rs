//! pass^k: the chance that k runs of a prompt all pass.

use super::{GeometryError, share};
use crate::stats::estimate::{Estimate, Exclusion};
use crate::stats::families::FamilyTable;
use crate::stats::limits::{Limits, Shape};

/// How often one model passed a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Runs<'a> {
    /// Family of the prompt.
    pub family: &'a str,
    /// Runs made.
    pub runs: u32,
    /// Runs passed, at most as many.
    pub passed: u32,
}

/// pass^k = mean over prompts of C(c, k)/C(n, k) for c of n runs passed (Yao et al., τ-bench, arXiv:2406.12045): unbiased for
/// the chance that k fresh runs all pass.
///
/// A share in [0, 1], with Korn and Graubard's interval over families. Prompts with fewer than k runs are left out and
/// counted. Fails for k of 0, when no prompt has k runs, when more runs passed than were made, and for a level out of its
/// range.
pub fn pass_k(prompts: &[Runs<'_>], k: u32, level: f64) -> Result<Estimate, GeometryError> {
    let one = prompts.iter().map(|runs| (runs.family, [*runs, *runs]));
    measure(one, k, level, Shape::Events, |[passed, _]| passed)
}

/// pass^k of the teacher minus that of the student, on the prompts that both have k runs of: what is lost, in [−1, 1].
///
/// Prompts are pairs (teacher, student); the family is the teacher's. Otherwise as [`pass_k`].
pub fn pass_k_lost(prompts: &[(Runs<'_>, Runs<'_>)], k: u32, level: f64) -> Result<Estimate, GeometryError> {
    let pairs = prompts.iter().map(|(teacher, student)| (teacher.family, [*teacher, *student]));
    let shape = Shape::Between { low: Some(-1.0), high: Some(1.0) };
    measure(pairs, k, level, shape, |[teacher, student]| teacher - student)
}

fn measure<'a>(
    prompts: impl Iterator<Item = (&'a str, [Runs<'a>; 2])>,
    k: u32,
    level: f64,
    shape: Shape,
    value: impl Fn([f64; 2]) -> f64,
) -> Result<Estimate, GeometryError> {
    let level = share("level", level)?;
    if k == 0 {
        return Err(GeometryError::Setting { name: "k", expected: "1 or more", found: 0.0 });
    }
    let mut table = FamilyTable::new(2);
    let mut too_few = 0;
    for (place, (family, pair)) in prompts.enumerate() {
        if let Some(Runs { runs, passed, .. }) = pair.into_iter().find(|runs| runs.passed > runs.runs) {
            return Err(GeometryError::Runs { place, runs, passed });
        }
        if pair.iter().any(|runs| runs.runs < k) {
            too_few += 1;
            continue;
        }
        table.add(family, &[1.0, value(pair.map(|runs| runs.all_pass(k)))], 1);
    }
    let mean = |sums: &[f64]| (sums[0] > 0.0).then(|| sums[1] / sums[0]);
    let limits = Limits::new(&table, shape, |sums| sums[0], mean).ok_or(GeometryError::Empty("prompt with k runs"))?;
    let mut estimate = limits.estimate(level, table.items());
    if too_few > 0 {
        estimate.excluded.push(Exclusion { reason: format!("fewer than {k} runs"), items: too_few });
    }
    Ok(estimate)
}

impl Runs<'_> {
    /// C(c, k)/C(n, k), as a product of k shares.
    pub(crate) fn all_pass(&self, k: u32) -> f64 {
        (0..k).map(|i| f64::from(self.passed.saturating_sub(i)) / f64::from(self.runs - i)).product()
    }
}
