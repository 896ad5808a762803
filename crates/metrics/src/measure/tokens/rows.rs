//! The sums of positions and texts: what one of them adds to each.

use super::super::formula::{Column, Row, columns};
use super::super::sums::Sums;
use super::super::{Definition, Table};
use crate::position::{BANDS, PositionStats};
use crate::sparse::{BoundedStats, SPARSE_BANDS, ShownStudentStats, SparsePositionStats, Within};

/// Sums of scored positions.
pub mod position {
    use super::columns;

    columns! {
        /// Positions.
        COUNT,
        /// KL(p‖q) in nats.
        KL,
        /// KL(q‖p) in nats.
        REVERSE,
        /// Jensen–Shannon divergence in nats.
        JSD,
        /// Σ min(p, q).
        OVERLAP,
        /// H(p) in nats.
        TEACHER_ENTROPY,
        /// H(q) in nats.
        STUDENT_ENTROPY,
        /// p where q was floored.
        FLOORED,
        /// Positions with the same most probable token.
        SAME_TOP,
        /// Kendall's tau of the top ten.
        TAU,
        /// Positions where it is defined.
        TAU_COUNT,
        /// p per retention band.
        MASS: [4],
        /// Σ min(p, q) per retention band.
        KEPT: [4],
        /// Σ max(q − p, 0) per retention band.
        INVENTED: [4],
        /// KL at each inverse temperature, in nats.
        KL_AT: [9],
        /// Its slope.
        SLOPE_AT: [9],
        /// −ln p of the text's own token.
        TEACHER_NLL,
        /// −ln q of the text's own token.
        STUDENT_NLL,
    }
}

use position::*;

/// Of which model a part of each distribution is seen, beside all of the other's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InPart {
    /// The teacher's, with its entropy, in a cache: [`Sums::sparse_position`].
    CachedTeacher,
    /// The teacher's, as its server shows it: the same without the entropy.
    ShownTeacher,
    /// The student's, as its server shows it: [`Sums::shown_student_position`].
    ShownStudent,
}

/// Whether a number on positions is an estimate where a model's distributions are seen in part. What reads the most probable tokens, the
/// text's own token or the other model alone is known as well as ever.
pub fn is_estimated(definition: &Definition, part: InPart) -> bool {
    let exact: &[Column] = match part {
        InPart::CachedTeacher => {
            &[COUNT, SAME_TOP, TAU, TAU_COUNT, TEACHER_ENTROPY, STUDENT_ENTROPY, TEACHER_NLL, STUDENT_NLL]
        }
        InPart::ShownTeacher => &[COUNT, SAME_TOP, TAU, TAU_COUNT, STUDENT_ENTROPY, TEACHER_NLL, STUDENT_NLL],
        // Its KL is a number only where all that the teacher holds possible is listed.
        InPart::ShownStudent => &[COUNT, KL, SAME_TOP, TAU, TAU_COUNT, TEACHER_ENTROPY, TEACHER_NLL, STUDENT_NLL],
    };
    let of_sums = definition.measure.as_ref();
    of_sums.is_some_and(|measure| measure.formula.reads().iter().any(|column| !exact.contains(column)))
}

/// Sums of texts as one model scores them.
pub mod text {
    use super::columns;

    columns! {
        /// ln P of the text.
        LOG_PROB,
        /// Its length in bytes.
        BYTES,
    }
}

/// Which model scores a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scorer {
    /// The teacher.
    Teacher,
    /// The student.
    Student,
}

/// Which end of numbers of which bounds are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Neither: a sum is a number only where both ends are one.
    Known,
    /// Of every sum that which makes the metrics that read it least.
    Least,
    /// That which makes them largest.
    Most,
}

/// A text as one model scores it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoredText {
    /// ln P(text), in nats.
    pub log_prob: f64,
    /// Length of what was scored, in bytes.
    pub bytes: u64,
    /// Its length in the model's own tokens: the items of an estimate.
    pub tokens: u64,
}

impl Sums {
    /// Adds a scored position.
    pub fn position(&mut self, family: &str, stats: &PositionStats) {
        self.add(Table::Positions, family, &row(stats), 1);
    }

    /// Adds a scored position whose teacher was kept in part.
    pub fn sparse_position(&mut self, family: &str, stats: &SparsePositionStats) {
        self.add(Table::Positions, family, &sparse_row(stats), 1);
    }

    /// Adds such a position to the forks.
    pub fn sparse_fork(&mut self, family: &str, stats: &SparsePositionStats) {
        self.add(Table::Forks, family, &sparse_row(stats), 1);
    }

    /// Adds a scored position whose student was shown in part.
    pub fn shown_student_position(&mut self, family: &str, stats: &ShownStudentStats) {
        self.add(Table::Positions, family, &shown_student_row(stats), 1);
    }

    /// Adds such a position to the forks.
    pub fn shown_student_fork(&mut self, family: &str, stats: &ShownStudentStats) {
        self.add(Table::Forks, family, &shown_student_row(stats), 1);
    }

    /// Adds a scored position of which bounds are known: that end of it.
    pub fn bounded_position(&mut self, family: &str, stats: &BoundedStats, end: End) {
        self.add(Table::Positions, family, &bounded_row(stats, end), 1);
    }

    /// Adds a position to those where the teacher hesitates most: with an entropy of at least [`fork_threshold`](super::fork_threshold).
    pub fn fork(&mut self, family: &str, stats: &PositionStats) {
        self.add(Table::Forks, family, &row(stats), 1);
    }

    /// Adds a text as one model scores it.
    pub fn text(&mut self, scorer: Scorer, family: &str, scored: &ScoredText) {
        let mut row: Row<{ text::WIDTH }> = Row::new();
        row[text::LOG_PROB] = scored.log_prob;
        row[text::BYTES] = scored.bytes as f64;
        let table = match scorer {
            Scorer::Teacher => Table::TeacherTexts,
            Scorer::Student => Table::StudentTexts,
        };
        self.add(table, family, &row, scored.tokens);
    }
}

fn row(s: &PositionStats) -> Row<{ position::WIDTH }> {
    let mut row = Row::new();
    row[COUNT] = 1.0;
    row[KL] = s.kl.into();
    row[REVERSE] = s.reverse_kl.into();
    row[JSD] = s.jsd.into();
    row[OVERLAP] = s.overlap.into();
    row[TEACHER_ENTROPY] = s.teacher_entropy.into();
    row[STUDENT_ENTROPY] = s.student_entropy.into();
    row[FLOORED] = s.floored_mass.into();
    row[SAME_TOP] = f64::from(u8::from(s.teacher_top1 == s.student_top1));
    if s.kendall_tau.is_finite() {
        row[TAU] = s.kendall_tau.into();
        row[TAU_COUNT] = 1.0;
    }
    for band in 0..BANDS.len() {
        row[MASS.at(band)] = s.band_mass[band].into();
        row[KEPT.at(band)] = s.band_overlap[band].into();
        row[INVENTED.at(band)] = s.band_invented[band].into();
    }
    for (sum, &kl) in row.block(KL_AT).iter_mut().zip(&s.kl_at) {
        *sum = kl.into();
    }
    for (sum, &slope) in row.block(SLOPE_AT).iter_mut().zip(&s.kl_slope_at) {
        *sum = slope.into();
    }
    row[TEACHER_NLL] = -f64::from(s.teacher_logprob);
    row[STUDENT_NLL] = -f64::from(s.student_logprob);
    row
}

/// Estimates of what [`row`] has, the student in part; a sum with a term that is not known is no number.
fn shown_student_row(s: &ShownStudentStats) -> Row<{ position::WIDTH }> {
    let mut row = Row::new();
    row[COUNT] = 1.0;
    row[KL] = s.kl().map_or(f64::NAN, f64::from);
    row[REVERSE] = s.reverse_kl.into();
    row[JSD] = s.jsd.into();
    row[OVERLAP] = s.overlap.into();
    row[TEACHER_ENTROPY] = s.teacher_entropy.into();
    row[STUDENT_ENTROPY] = s.student_entropy.into();
    row[FLOORED] = f64::NAN;
    row[SAME_TOP] = f64::from(u8::from(s.teacher_top1 == s.student_top1));
    // The order of two tokens that are not listed is not known, which is no reason to leave the position out.
    row[TAU] = s.kendall_tau.map_or(f64::NAN, f64::from);
    row[TAU_COUNT] = 1.0;
    for band in 0..BANDS.len() {
        row[MASS.at(band)] = s.band_mass[band].into();
        row[KEPT.at(band)] = s.band_overlap[band].into();
        row[INVENTED.at(band)] = s.band_invented[band].into();
    }
    row.block(KL_AT).fill(f64::NAN);
    row.block(SLOPE_AT).fill(f64::NAN);
    row[TEACHER_NLL] = -f64::from(s.teacher_logprob);
    row[STUDENT_NLL] = s.student_logprob.map_or(f64::NAN, |logprob| -f64::from(logprob));
    row
}

fn low(within: Within) -> f64 {
    within.low.into()
}

fn high(within: Within) -> f64 {
    within.high.into()
}

fn known(within: Within) -> f64 {
    if within.low == within.high { within.low.into() } else { f64::NAN }
}

/// One end of what [`row`] has; a sum of which no bound is known is no number. What metrics divide by has its other end.
fn bounded_row(s: &BoundedStats, end: End) -> Row<{ position::WIDTH }> {
    let [over, under]: [fn(Within) -> f64; 2] = match end {
        End::Known => [known; 2],
        End::Least => [low, high],
        End::Most => [high, low],
    };
    let mut row = Row::new();
    row[COUNT] = 1.0;
    row[KL] = over(s.kl);
    row[REVERSE] = over(s.reverse_kl);
    row[JSD] = over(s.jsd);
    row[OVERLAP] = over(s.overlap);
    row[TEACHER_ENTROPY] = under(s.teacher_entropy);
    row[STUDENT_ENTROPY] = over(s.student_entropy);
    row[FLOORED] = f64::NAN;
    row[SAME_TOP] = f64::from(u8::from(s.teacher_top1 == s.student_top1));
    row[TAU] = s.kendall_tau.map_or(f64::NAN, f64::from);
    row[TAU_COUNT] = 1.0;
    // Only the whole tail is told apart: it is the third band.
    for sum in [MASS, KEPT, INVENTED] {
        row.block(sum)[..2].fill(f64::NAN);
    }
    row[MASS.at(2)] = under(s.tail_mass);
    row[KEPT.at(2)] = over(s.tail_kept);
    row[INVENTED.at(2)] = over(s.tail_invented);
    row.block(KL_AT).fill(f64::NAN);
    row.block(SLOPE_AT).fill(f64::NAN);
    row[TEACHER_NLL] = s.teacher_logprob.map_or(f64::NAN, |logprob| -f64::from(logprob));
    row[STUDENT_NLL] = s.student_logprob.map_or(f64::NAN, |logprob| -f64::from(logprob));
    row
}

/// Estimates of what [`row`] has; a sum with a term that is not known is no number.
fn sparse_row(s: &SparsePositionStats) -> Row<{ position::WIDTH }> {
    let mut row = Row::new();
    row[COUNT] = 1.0;
    row[KL] = s.kl.into();
    row[REVERSE] = f64::NAN;
    row[JSD] = s.jsd.into();
    row[OVERLAP] = s.overlap.into();
    row[TEACHER_ENTROPY] = s.teacher_entropy.into();
    row[STUDENT_ENTROPY] = s.student_entropy.into();
    row[FLOORED] = s.floored_mass.into();
    row[SAME_TOP] = f64::from(u8::from(s.teacher_top1 == s.student_top1));
    if let Some(tau) = s.kendall_tau {
        row[TAU] = tau.into();
        row[TAU_COUNT] = 1.0;
    }
    // The third band is the whole tail.
    for band in 0..SPARSE_BANDS {
        row[MASS.at(band)] = s.band_mass[band].into();
        row[KEPT.at(band)] = s.band_overlap[band].into();
        row[INVENTED.at(band)] = s.band_invented[band].into();
    }
    for (sum, &kl) in row.block(KL_AT).iter_mut().zip(&s.kl_at) {
        *sum = kl.into();
    }
    for (sum, &slope) in row.block(SLOPE_AT).iter_mut().zip(&s.kl_slope_at) {
        *sum = slope.into();
    }
    row[TEACHER_NLL] = s.teacher_logprob.map_or(f64::NAN, |logprob| -f64::from(logprob));
    row[STUDENT_NLL] = -f64::from(s.student_logprob);
    row
}
