//! Metrics of next-token distributions (METRICS: token distributions, regime R0): sums per family first, division
//! last, so that every number is a smooth function of family sums.

use hydrometer_answers::PositionRow;
use hydrometer_metrics::{FamilyTable, temperature};

const COUNT: usize = 0;
const KL: usize = 1;
const REVERSE_KL: usize = 2;
const JSD: usize = 3;
const OVERLAP: usize = 4;
const TEACHER_ENTROPY: usize = 5;
const STUDENT_ENTROPY: usize = 6;
const FLOORED: usize = 7;
const SAME_TOP: usize = 8;
const TAU: usize = 9;
const TAU_COUNT: usize = 10;
const MASS: usize = 11;
const KEPT: usize = MASS + 4;
const INVENTED: usize = KEPT + 4;
const KL_AT: usize = INVENTED + 4;
const SLOPE_AT: usize = KL_AT + 9;
const TEACHER_NLL: usize = SLOPE_AT + 9;
const STUDENT_NLL: usize = TEACHER_NLL + 1;
const COLUMNS: usize = STUDENT_NLL + 1;

/// A metric as a function of the column totals; `None` where it is undefined.
pub(crate) struct Definition {
    /// Identifier in the catalogue.
    pub id: &'static str,
    /// The function.
    pub of: fn(&[f64]) -> Option<f64>,
}

/// Every metric of the whole suite, in the order in which it is listed.
pub(crate) const DEFINITIONS: &[Definition] = &[
    Definition { id: "kl_divergence", of: |s| ratio(s[KL], s[COUNT]) },
    Definition { id: "reverse_kl", of: |s| ratio(s[REVERSE_KL], s[COUNT]) },
    Definition { id: "jensen_shannon", of: |s| ratio(s[JSD], s[COUNT]) },
    Definition { id: "token_overlap", of: |s| ratio(s[OVERLAP], s[COUNT]) },
    Definition { id: "top1_agreement", of: |s| ratio(s[SAME_TOP], s[COUNT]) },
    Definition { id: "kendall_tau", of: |s| ratio(s[TAU], s[TAU_COUNT]) },
    Definition { id: "entropy_ratio", of: |s| ratio(s[STUDENT_ENTROPY], s[TEACHER_ENTROPY]) },
    Definition { id: "best_temperature", of: |s| best_temperature(s).map(|b| b.tau) },
    Definition { id: "temperature_share", of: |s| best_temperature(s)?.removable },
    Definition { id: "tail_kept", of: |s| ratio(s[KEPT + 2] + s[KEPT + 3], s[MASS + 2] + s[MASS + 3]) },
    Definition { id: "tail_invented", of: |s| ratio(s[INVENTED + 2] + s[INVENTED + 3], s[MASS + 2] + s[MASS + 3]) },
    Definition { id: "floored_mass", of: |s| ratio(s[FLOORED], s[COUNT]) },
    Definition { id: "perplexity_ratio", of: |s| ratio(s[STUDENT_NLL] - s[TEACHER_NLL], s[COUNT]).map(f64::exp) },
];

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
pub(crate) fn band_mass(s: &[f64], band: usize) -> Option<f64> {
    ratio(s[MASS + band], s[COUNT])
}

/// Share of the teacher's mass in the band that the student keeps.
pub(crate) fn band_kept(s: &[f64], band: usize) -> Option<f64> {
    ratio(s[KEPT + band], s[MASS + band])
}

/// What the student adds in the band, relative to the teacher's mass there.
pub(crate) fn band_invented(s: &[f64], band: usize) -> Option<f64> {
    ratio(s[INVENTED + band], s[MASS + band])
}

/// Best temperature from summed divergences; `None` without positions.
fn best_temperature(s: &[f64]) -> Option<temperature::BestTemperature> {
    ratio(s[KL], s[COUNT])?;
    let mut kl = [0.0; 9];
    let mut slope = [0.0; 9];
    kl.copy_from_slice(&s[KL_AT..KL_AT + 9]);
    slope.copy_from_slice(&s[SLOPE_AT..SLOPE_AT + 9]);
    temperature::best(&kl, &slope)
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
    for band in 0..4 {
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
pub(crate) fn fork_threshold(rows: &[PositionRow]) -> Option<f32> {
    let mut entropies: Vec<f32> = rows.iter().map(|r| r.stats.teacher_entropy).collect();
    let forks = entropies.len().div_ceil(5);
    if forks == 0 {
        return None;
    }
    entropies.sort_by(|a, b| b.total_cmp(a));
    Some(entropies[forks - 1])
}
