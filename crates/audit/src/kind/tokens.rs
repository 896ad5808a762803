//! A scored position, whoever its teacher was: what findings, cases and slices read of either kind of row.

pub(crate) mod cases;
mod findings;
pub(crate) mod outside;
pub(crate) mod tables;

use hydrometer_answers::{BoundedRow, PositionRow, ShownStudentRow, SparseRow};
use hydrometer_metrics::PositionStats;
use hydrometer_metrics::measure::Sums;
use hydrometer_metrics::measure::tokens::End;
use hydrometer_metrics::sparse::{BoundedStats, ShownStudentStats, SparsePositionStats};

/// What both kinds of rows say of a position.
#[derive(Clone, Copy)]
pub(crate) struct Scored<'a> {
    pub probe: &'a str,
    pub family: &'a str,
    pub window: u32,
    pub position: u32,
    pub token_text: &'a str,
    pub teacher_top1_text: &'a str,
    pub student_top1_text: &'a str,
    /// KL(p‖q); `None` where the student's server does not show enough of q.
    pub kl: Option<f32>,
    /// How far apart the two are, for putting positions in order: KL, or where it is not known the Jensen–Shannon divergence.
    pub apart: f32,
    pub teacher_entropy: f32,
    pub student_entropy: f32,
    pub teacher_top1: u32,
    pub student_top1: u32,
    pub teacher_top1_prob: f32,
    pub student_top1_prob: f32,
    pub tail: Tail,
    stats: Stats<'a>,
}

/// What was measured or estimated there.
#[derive(Clone, Copy)]
enum Stats<'a> {
    Measured(&'a PositionStats),
    Estimated(&'a SparsePositionStats),
    OfShownStudent(&'a ShownStudentStats),
    Between(&'a BoundedStats),
}

impl Scored<'_> {
    /// Adds what is known of it to the sums of positions.
    pub(crate) fn add_position(&self, sums: &mut Sums) {
        self.add_end(sums, End::Known);
    }

    /// The same, and where bounds are known that end of them.
    pub(crate) fn add_end(&self, sums: &mut Sums, end: End) {
        match self.stats {
            Stats::Measured(stats) => sums.position(self.family, stats),
            Stats::Estimated(stats) => sums.sparse_position(self.family, stats),
            Stats::OfShownStudent(stats) => sums.shown_student_position(self.family, stats),
            Stats::Between(stats) => sums.bounded_position(self.family, stats, end),
        }
    }

    /// Adds it to the sums of forks.
    pub(crate) fn add_fork(&self, sums: &mut Sums) {
        match self.stats {
            Stats::Measured(stats) => sums.fork(self.family, stats),
            Stats::Estimated(stats) => sums.sparse_fork(self.family, stats),
            Stats::OfShownStudent(stats) => sums.shown_student_fork(self.family, stats),
            // Forks are chosen by an entropy of which only bounds are known: nobody knows which they are.
            Stats::Between(_) => {}
        }
    }
}

/// Beyond the teacher's 0.9 nucleus: its mass, what the student keeps of it and what it invents there.
#[derive(Clone, Copy)]
pub(crate) struct Tail {
    pub mass: f64,
    pub kept: f64,
    pub invented: f64,
}

fn sum(bands: &[f32]) -> f64 {
    bands.iter().map(|&band| f64::from(band)).sum()
}

/// All kinds of rows and of their statistics name what they share alike; the types differ.
macro_rules! scored {
    ($row:ident, $stats:path, $kl:expr) => {{
        let s = &$row.stats;
        let kl: Option<f32> = $kl(s);
        Scored {
            probe: &$row.probe,
            family: &$row.family,
            window: $row.window,
            position: $row.position,
            token_text: &$row.token_text,
            teacher_top1_text: &$row.teacher_top1_text,
            student_top1_text: &$row.student_top1_text,
            kl,
            apart: kl.unwrap_or(s.jsd),
            teacher_entropy: s.teacher_entropy,
            student_entropy: s.student_entropy,
            teacher_top1: s.teacher_top1,
            student_top1: s.student_top1,
            teacher_top1_prob: s.teacher_top1_prob,
            student_top1_prob: s.student_top1_prob,
            tail: Tail {
                mass: sum(&s.band_mass[2..]),
                kept: sum(&s.band_overlap[2..]),
                invented: sum(&s.band_invented[2..]),
            },
            stats: $stats(s),
        }
    }};
}

impl<'a> From<&'a PositionRow> for Scored<'a> {
    fn from(row: &'a PositionRow) -> Self {
        scored!(row, Stats::Measured, |s: &PositionStats| Some(s.kl))
    }
}

impl<'a> From<&'a SparseRow> for Scored<'a> {
    fn from(row: &'a SparseRow) -> Self {
        scored!(row, Stats::Estimated, |s: &SparsePositionStats| Some(s.kl))
    }
}

impl<'a> From<&'a ShownStudentRow> for Scored<'a> {
    fn from(row: &'a ShownStudentRow) -> Self {
        scored!(row, Stats::OfShownStudent, ShownStudentStats::kl)
    }
}

impl<'a> From<&'a BoundedRow> for Scored<'a> {
    fn from(row: &'a BoundedRow) -> Self {
        let s = &row.stats;
        let kl = Some(s.kl).filter(|kl| kl.low == kl.high).map(|kl| kl.low);
        Scored {
            probe: &row.probe,
            family: &row.family,
            window: row.window,
            position: row.position,
            token_text: &row.token_text,
            teacher_top1_text: &row.teacher_top1_text,
            student_top1_text: &row.student_top1_text,
            kl,
            // What is there for certain puts positions in order.
            apart: s.kl.low,
            teacher_entropy: s.teacher_entropy.low,
            student_entropy: s.student_entropy.low,
            teacher_top1: s.teacher_top1,
            student_top1: s.student_top1,
            teacher_top1_prob: s.teacher_top1_prob,
            student_top1_prob: s.student_top1_prob,
            tail: Tail {
                mass: s.tail_mass.low.into(),
                kept: s.tail_kept.high.into(),
                invented: s.tail_invented.low.into(),
            },
            stats: Stats::Between(s),
        }
    }
}
