//! What held-out documents say of a student, and of two students beside each other.

use std::path::Path;

use hydrometer_answers::{RunError, durable};
use hydrometer_metrics::stats::limits::{Limits, Shape};
use hydrometer_metrics::stats::paired;
use hydrometer_metrics::{Estimate, FamilyTable, Interval};
use hydrometer_probes::strangers::read_file;
use serde::{Deserialize, Serialize};

use crate::DistillError;
use crate::recipe::Arm;
use crate::train::HeldOut;

/// Level of the intervals.
const LEVEL: f64 = 0.95;

/// What held-out documents say of a student.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// KL(teacher ‖ student) at temperature 1, nats a token, with its interval over documents; `None` where the teacher shows nothing but
    /// its answers.
    pub kl_divergence: Option<Estimate>,
    /// −ln q of the text's tokens, nats.
    pub cross_entropy: f64,
    /// Share of the teacher's mass beyond its 0.9 nucleus that the student keeps; `None` where the teacher has none there, or shows
    /// nothing but its answers.
    pub tail_kept: Option<Estimate>,
}

/// One number of two arms over the same documents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The first arm.
    pub a: Arm,
    /// The second.
    pub b: Arm,
    /// `kl_divergence`, `cross_entropy` or `tail_kept`.
    pub number: String,
    /// B − A.
    pub difference: f64,
    /// Each document is taken out of both at once. `None` with fewer than two documents.
    pub interval: Option<Interval>,
    /// Two-sided, of "the two do not differ".
    pub p_value: Option<f64>,
    /// Documents that carry it.
    pub documents: u64,
}

impl Difference {
    /// KL(teacher ‖ student).
    pub const KL: &str = "kl_divergence";
    /// Cross-entropy with the texts' own tokens.
    pub const CROSS_ENTROPY: &str = "cross_entropy";
    /// Tail kept.
    pub const TAIL_KEPT: &str = "tail_kept";
}

/// Numbers over [`HeldOut::COLUMNS`]: the name, and the columns of numerator and denominator.
const NUMBERS: [(&str, usize, usize); 3] =
    [(Difference::KL, 0, 5), (Difference::CROSS_ENTROPY, 1, 2), (Difference::TAIL_KEPT, 3, 4)];

fn ratio((_, over, under): (&str, usize, usize)) -> impl Fn(&[f64]) -> Option<f64> {
    move |sums: &[f64]| (sums[under] > 0.0).then(|| sums[over] / sums[under])
}

impl Measured {
    /// The numbers of a table; `None` where nothing was measured.
    #[must_use]
    pub fn of(HeldOut(table): &HeldOut) -> Option<Measured> {
        // A document weighs by what it brings to the denominator.
        let limits = |number: (&'static str, usize, usize), shape| {
            Limits::new(table, shape, move |sums: &[f64]| sums[number.2], ratio(number))
        };
        let share = Shape::Between { low: Some(0.0), high: Some(1.0) };
        let estimate = |limits: Limits| limits.estimate(LEVEL, table.items());
        let mut kl_divergence = limits(NUMBERS[0], Shape::AMOUNT).map(estimate);
        // A divergence is never below 0.
        if let Some(interval) = kl_divergence.as_mut().and_then(|estimate| estimate.interval.as_mut()) {
            interval.low = interval.low.max(0.0);
        }
        let cross_entropy = limits(NUMBERS[1], Shape::AMOUNT)?.value();
        Some(Measured { kl_divergence, cross_entropy, tail_kept: limits(NUMBERS[2], share).map(estimate) })
    }
}

/// How `b` differs from `a`, number by number.
pub(super) fn differences((a, of_a): (Arm, &HeldOut), (b, of_b): (Arm, &HeldOut)) -> Vec<Difference> {
    let differ = |number: (&'static str, usize, usize)| {
        let weight = move |sums: &[f64]| sums[number.2];
        let found = paired::difference(&of_a.0, &of_b.0, LEVEL, weight, ratio(number))?;
        Some(Difference {
            a,
            b,
            number: number.0.to_owned(),
            difference: found.difference(),
            interval: found.interval,
            p_value: found.p_value,
            documents: found.families,
        })
    };
    NUMBERS.into_iter().filter_map(differ).collect()
}

/// The file of an arm's sums, document by document.
#[derive(Serialize, Deserialize)]
struct File {
    columns: Vec<String>,
    documents: Vec<(String, Vec<f64>, u64)>,
}

/// Writes the sums.
pub(super) fn write(path: &Path, HeldOut(table): &HeldOut) -> Result<(), DistillError> {
    let documents = table.rows().map(|(name, sums, items)| (name.to_owned(), sums.to_vec(), items)).collect();
    let file = File { columns: HeldOut::COLUMNS.map(str::to_owned).to_vec(), documents };
    let text = serde_json::to_string(&file).unwrap_or_default();
    Ok(durable::replace(path, (text + "\n").as_bytes())?)
}

/// Reads the sums again.
pub(super) fn read(path: &Path) -> Result<HeldOut, DistillError> {
    let wrong = |found: String| DistillError::data(path, "file", "the sums of held-out documents", found);
    let bytes = read_file(path).map_err(RunError::io("read", path))?;
    let file: File = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
    // Earlier versions had no teacher of whom less is known than all.
    let [.., known] = HeldOut::COLUMNS;
    let (all, earlier) = (HeldOut::COLUMNS, file.columns.iter().map(String::as_str).chain([known]));
    let of_earlier_versions = earlier.eq(all);
    if file.columns != all && !of_earlier_versions {
        return Err(wrong(format!("the columns {}", file.columns.join(", "))));
    }
    let mut table = FamilyTable::new(HeldOut::COLUMNS.len());
    for (name, mut sums, items) in file.documents {
        if let (true, Some(tokens)) = (of_earlier_versions, sums.get(2).copied()) {
            sums.push(tokens);
        }
        if sums.len() != HeldOut::COLUMNS.len() {
            return Err(wrong(format!("{} numbers of a document", sums.len())));
        }
        table.add(&name, &sums, items);
    }
    Ok(HeldOut(table))
}
