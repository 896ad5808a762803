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
    /// its answers, or its most probable tokens and no draw.
    pub kl_divergence: Option<Estimate>,
    /// −ln q of the text's tokens, nats.
    pub cross_entropy: f64,
    /// Share of the teacher's mass beyond its 0.9 nucleus that the student keeps; `None` where the teacher has none there, or shows
    /// nothing but its answers or its most probable tokens.
    pub tail_kept: Option<Estimate>,
    /// KL over the tokens that the teacher lists and one cell for all others, nats a token: at most its KL divergence (data processing).
    /// Of a teacher that lists its most probable tokens and no draw, in place of `kl_divergence`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kl_lower_bound: Option<Estimate>,
}

/// One number of two arms over the same documents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The first arm.
    pub a: Arm,
    /// The second.
    pub b: Arm,
    /// `kl_divergence`, `kl_lower_bound`, `cross_entropy` or `tail_kept`.
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
    /// KL over the tokens that the teacher lists and one cell for all others: at most KL(teacher ‖ student).
    pub const KL_LOWER_BOUND: &str = "kl_lower_bound";
    /// Cross-entropy with the texts' own tokens.
    pub const CROSS_ENTROPY: &str = "cross_entropy";
    /// Tail kept.
    pub const TAIL_KEPT: &str = "tail_kept";
}

/// Numbers over [`HeldOut::COLUMNS`]: the name, and the columns of numerator and denominator.
const NUMBERS: [(&str, usize, usize); 4] = [
    (Difference::KL, 0, 5),
    (Difference::KL_LOWER_BOUND, 6, 7),
    (Difference::CROSS_ENTROPY, 1, 2),
    (Difference::TAIL_KEPT, 3, 4),
];

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
        let [kl, bound, cross_entropy, tail] = NUMBERS;
        // A divergence is never below 0.
        let divergence = |number| {
            let mut found = limits(number, Shape::AMOUNT).map(estimate)?;
            if let Some(interval) = found.interval.as_mut() {
                interval.low = interval.low.max(0.0);
            }
            Some(found)
        };
        Some(Measured {
            kl_divergence: divergence(kl),
            kl_lower_bound: divergence(bound),
            cross_entropy: limits(cross_entropy, Shape::AMOUNT)?.value(),
            tail_kept: limits(tail, share).map(estimate),
        })
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

/// Columns of files of the first version, and the place of the number of tokens in them.
const WITHOUT_KNOWN: usize = 5;
const TOKENS: usize = 2;
/// Columns of files of the version after it.
const WITHOUT_LISTED: usize = 6;

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
    // Earlier versions had fewer columns: no teacher of whom less is known than all, none that lists its most probable tokens.
    let width = file.columns.len();
    let known = [WITHOUT_KNOWN, WITHOUT_LISTED, HeldOut::COLUMNS.len()];
    if !known.contains(&width) || file.columns != HeldOut::COLUMNS[..width] {
        return Err(wrong(format!("the columns {}", file.columns.join(", "))));
    }
    let mut table = FamilyTable::new(HeldOut::COLUMNS.len());
    for (name, mut sums, items) in file.documents {
        if sums.len() != width {
            return Err(wrong(format!("{} numbers of a document", sums.len())));
        }
        if width == WITHOUT_KNOWN {
            sums.push(sums[TOKENS]);
        }
        sums.resize(HeldOut::COLUMNS.len(), 0.0);
        table.add(&name, &sums, items);
    }
    Ok(HeldOut(table))
}
