//! Metrics of next-token distributions (METRICS: token distributions, regime R0): sums per family first, division
//! last, so that every number is a smooth function of family sums.

use hydrometer_answers::{PositionRow, SparseRow};
use hydrometer_metrics::{FamilyTable, temperature};

pub(crate) const COUNT: usize = 0;
const KL: usize = 1;
const REVERSE_KL: usize = 2;
const JSD: usize = 3;
pub(crate) const OVERLAP: usize = 4;
const TEACHER_ENTROPY: usize = 5;
const STUDENT_ENTROPY: usize = 6;
const FLOORED: usize = 7;
pub(crate) const SAME_TOP: usize = 8;
const TAU: usize = 9;
const TAU_COUNT: usize = 10;
pub(crate) const MASS: usize = 11;
pub(crate) const KEPT: usize = MASS + 4;
const INVENTED: usize = KEPT + 4;
const KL_AT: usize = INVENTED + 4;
const SLOPE_AT: usize = KL_AT + 9;
const TEACHER_NLL: usize = SLOPE_AT + 9;
const STUDENT_NLL: usize = TEACHER_NLL + 1;
pub(crate) const COLUMNS: usize = STUDENT_NLL + 1;

/// A metric as a function of a few column totals; `None` where it is undefined.
pub(crate) struct Definition {
    /// Identifier in the catalogue.
    pub id: &'static str,
    /// The columns that it reads. Resampling families costs as much as there are columns to sum.
    pub reads: &'static [usize],
    /// The function of those columns' totals, in that order.
    pub of: fn(&[f64]) -> Option<f64>,
}

impl Definition {
    /// The families' sums of the columns that this metric reads.
    pub(crate) fn project(&self, table: &FamilyTable) -> FamilyTable {
        project(table, self.reads)
    }

    /// Its value on all families of the table.
    pub(crate) fn value(&self, table: &FamilyTable) -> Option<f64> {
        let totals = table.totals();
        let read: Vec<f64> = self.reads.iter().map(|&column| totals[column]).collect();
        (self.of)(&read)
    }
}

/// The same families with only these columns.
pub(crate) fn project(table: &FamilyTable, columns: &[usize]) -> FamilyTable {
    let mut narrow = FamilyTable::new(columns.len());
    for (family, sums, items) in table.rows() {
        let read: Vec<f64> = columns.iter().map(|&column| sums[column]).collect();
        narrow.add(family, &read, items);
    }
    narrow
}

/// The first column over the second.
pub(crate) fn share(s: &[f64]) -> Option<f64> {
    ratio(s[0], s[1])
}

/// The columns of summed divergences and slopes over the grid of inverse temperatures.
const GRID: &[usize] = &{
    let mut columns = [0; 18];
    let mut i = 0;
    while i < 18 {
        columns[i] = KL_AT + i;
        i += 1;
    }
    columns
};

/// Every metric of the whole suite, in the order in which it is listed.
pub(crate) const DEFINITIONS: &[Definition] = &[
    Definition { id: "kl_divergence", reads: &[KL, COUNT], of: share },
    Definition { id: "reverse_kl", reads: &[REVERSE_KL, COUNT], of: share },
    Definition { id: "jensen_shannon", reads: &[JSD, COUNT], of: share },
    Definition { id: "token_overlap", reads: &[OVERLAP, COUNT], of: share },
    Definition { id: "top1_agreement", reads: &[SAME_TOP, COUNT], of: share },
    Definition { id: "kendall_tau", reads: &[TAU, TAU_COUNT], of: share },
    Definition { id: "entropy_ratio", reads: &[STUDENT_ENTROPY, TEACHER_ENTROPY], of: share },
    Definition { id: "best_temperature", reads: GRID, of: |s| best_temperature(s).map(|b| b.tau) },
    Definition { id: "temperature_share", reads: GRID, of: |s| best_temperature(s)?.removable },
    Definition { id: "tail_kept", reads: &[KEPT + 2, KEPT + 3, MASS + 2, MASS + 3], of: tail_share },
    Definition { id: "tail_invented", reads: &[INVENTED + 2, INVENTED + 3, MASS + 2, MASS + 3], of: tail_share },
    Definition { id: "floored_mass", reads: &[FLOORED, COUNT], of: share },
    Definition {
        id: "perplexity_ratio",
        reads: &[STUDENT_NLL, TEACHER_NLL, COUNT],
        of: |s| ratio(s[0] - s[1], s[2]).map(f64::exp),
    },
];

/// Both tail bands of something over both tail bands of the teacher's mass.
fn tail_share(s: &[f64]) -> Option<f64> {
    ratio(s[0] + s[1], s[2] + s[3])
}

/// The metrics that are also shown on fork positions: (id on forks, id on everything).
pub(crate) const ON_FORKS: &[(&str, &str)] = &[
    ("fork_kl_divergence", "kl_divergence"),
    ("fork_tail_kept", "tail_kept"),
    ("fork_token_overlap", "token_overlap"),
    ("fork_top1_agreement", "top1_agreement"),
];

/// The metrics that are compared between slices.
pub(crate) const ON_SLICES: &[&str] = &["kl_divergence", "tail_kept", "top1_agreement"];

pub(crate) fn definition(id: &str) -> Option<&'static Definition> {
    DEFINITIONS.iter().find(|d| d.id == id)
}

/// Teacher's mass in band `band`, a share of all its mass.
pub(crate) fn band_mass(table: &FamilyTable, band: usize) -> Option<f64> {
    let totals = table.totals();
    ratio(totals[MASS + band], totals[COUNT])
}

/// The columns whose ratio is what the student keeps of a band, and what it invents there.
pub(crate) fn band_columns(band: usize) -> [[usize; 2]; 2] {
    [[KEPT + band, MASS + band], [INVENTED + band, MASS + band]]
}

/// Best temperature from the grid's divergences and slopes; `None` without positions.
fn best_temperature(s: &[f64]) -> Option<temperature::BestTemperature> {
    // Every softmax is flat at some temperature: without positions all sums are exactly 0.
    if s.iter().all(|&sum| sum == 0.0) {
        return None;
    }
    temperature::best(&s[..9], &s[9..])
}

fn ratio(numerator: f64, denominator: f64) -> Option<f64> {
    (denominator > 0.0).then(|| numerator / denominator)
}

/// Sums per family of the rows.
pub(crate) fn table<'a>(rows: impl Iterator<Item = &'a PositionRow>) -> FamilyTable {
    let mut table = FamilyTable::new(COLUMNS);
    for row in rows {
        table.add(&row.family, &columns(row), 1);
    }
    table
}

/// Adds positions whose teacher came from a cache.
pub(crate) fn add_sparse<'a>(table: &mut FamilyTable, rows: impl Iterator<Item = &'a SparseRow>) {
    for row in rows {
        table.add(&row.family, &sparse_columns(row), 1);
    }
}

/// Estimates of what [`columns`] has. A sum with an unknown term is no number.
fn sparse_columns(row: &SparseRow) -> [f64; COLUMNS] {
    let s = &row.stats;
    let mut c = [0.0; COLUMNS];
    c[COUNT] = 1.0;
    c[KL] = s.kl.into();
    c[REVERSE_KL] = f64::NAN;
    c[JSD] = s.jsd.into();
    c[OVERLAP] = s.overlap.into();
    c[TEACHER_ENTROPY] = s.teacher_entropy.into();
    c[STUDENT_ENTROPY] = s.student_entropy.into();
    c[FLOORED] = s.floored_mass.into();
    c[SAME_TOP] = f64::from(u8::from(s.teacher_top1 == s.student_top1));
    if let Some(tau) = s.kendall_tau {
        c[TAU] = tau.into();
        c[TAU_COUNT] = 1.0;
    }
    // The third band is the whole tail.
    for band in 0..s.band_mass.len() {
        c[MASS + band] = s.band_mass[band].into();
        c[KEPT + band] = s.band_overlap[band].into();
        c[INVENTED + band] = s.band_invented[band].into();
    }
    for (i, (&kl, &slope)) in s.kl_at.iter().zip(&s.kl_slope_at).enumerate() {
        c[KL_AT + i] = kl.into();
        c[SLOPE_AT + i] = slope.into();
    }
    c[TEACHER_NLL] = s.teacher_logprob.map_or(f64::NAN, |logprob| -f64::from(logprob));
    c[STUDENT_NLL] = -f64::from(s.student_logprob);
    c
}

fn columns(row: &PositionRow) -> [f64; COLUMNS] {
    let s = &row.stats;
    let mut c = [0.0; COLUMNS];
    c[COUNT] = 1.0;
    c[KL] = s.kl.into();
    c[REVERSE_KL] = s.reverse_kl.into();
    c[JSD] = s.jsd.into();
    c[OVERLAP] = s.overlap.into();
    c[TEACHER_ENTROPY] = s.teacher_entropy.into();
    c[STUDENT_ENTROPY] = s.student_entropy.into();
    c[FLOORED] = s.floored_mass.into();
    c[SAME_TOP] = f64::from(u8::from(s.teacher_top1 == s.student_top1));
    if s.kendall_tau.is_finite() {
        c[TAU] = s.kendall_tau.into();
        c[TAU_COUNT] = 1.0;
    }
    for band in 0..s.band_mass.len() {
        c[MASS + band] = s.band_mass[band].into();
        c[KEPT + band] = s.band_overlap[band].into();
        c[INVENTED + band] = s.band_invented[band].into();
    }
    for (i, (&kl, &slope)) in s.kl_at.iter().zip(&s.kl_slope_at).enumerate() {
        c[KL_AT + i] = kl.into();
        c[SLOPE_AT + i] = slope.into();
    }
    c[TEACHER_NLL] = -f64::from(s.teacher_logprob);
    c[STUDENT_NLL] = -f64::from(s.student_logprob);
    c
}

/// The fork positions: the fifth of the positions with the largest teacher entropy (ties included).
pub(crate) fn fork_threshold(mut entropies: Vec<f32>) -> Option<f32> {
    let forks = entropies.len().div_ceil(5);
    if forks == 0 {
        return None;
    }
    entropies.sort_by(|a, b| b.total_cmp(a));
    Some(entropies[forks - 1])
}
