//! Scored positions, teacher against student.

use hydrometer_metrics::PositionStats;

use super::{AskedProbe, Column, Columns, Part, PartKind, PartRow, Row, column};

/// Scored positions of texts, teacher against student.
#[derive(Clone, Copy, Debug)]
pub enum Positions {}

impl Part for Positions {
    const KIND: PartKind = PartKind::new("positions");
    const VERSION: u32 = 2;
    type Row = PositionRow;
}

/// One scored position of a text probe.
#[derive(Clone, Debug, PartialEq)]
pub struct PositionRow {
    /// Probe id.
    pub probe: String,
    /// Family, the statistical unit.
    pub family: String,
    /// Window of the probe's text, from 0.
    pub window: u32,
    /// Position in the window: the row is the distribution of the token after it.
    pub position: u32,
    /// Text of the target token; bytes that are no UTF-8 are replaced.
    pub token_text: String,
    /// Text of the teacher's most probable token.
    pub teacher_top1_text: String,
    /// Text of the student's most probable token.
    pub student_top1_text: String,
    /// The position counts for the llama.cpp-compatible block.
    pub compat: bool,
    /// What was measured there.
    pub stats: PositionStats,
    /// Probability that the models give to entries that stand for no token of both.
    pub outside: Outside,
}

/// Probability on entries that stand for no token of both models: padding rows, and tokens that only one of them has. The
/// compared distributions are renormalised without those that are not compared. `None` where an earlier version did not look.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outside {
    /// The teacher's.
    pub teacher: Option<f32>,
    /// The student's.
    pub student: Option<f32>,
}

/// How far rounding may carry a number below 0.
pub(super) const ROUNDING: f64 = 1e-6;

/// ln p.
pub(super) const fn log_probability(name: &'static str) -> Column {
    column(name).within(f64::NEG_INFINITY, ROUNDING)
}

/// A probability, or a sum of f32 ones.
pub(super) const fn probability(name: &'static str) -> Column {
    column(name).within(-1e-4, 1.0 + 1e-4)
}

/// Entropy in nats; ln 2³² = 22.2.
pub(super) const fn entropy(name: &'static str) -> Column {
    column(name).within(-ROUNDING, 23.0)
}

/// Rank correlation.
pub(super) const fn correlation(name: &'static str) -> Column {
    column(name).within(-1.0 - 1e-4, 1.0 + 1e-4)
}

/// A number of which only its being one is known.
pub(super) const fn finite(name: &'static str) -> Column {
    column(name).within(f32::MIN as f64, f32::MAX as f64)
}

/// A divergence whose second argument is floored at 1e−12: at most ln 10¹² = 27.63.
const fn divergence(name: &'static str) -> Column {
    column(name).within(-ROUNDING, 28.0)
}

const KL_AT: Column = column("kl_at").within(-ROUNDING, 1e3);
const KL_SLOPE_AT: Column = column("kl_slope_at").within(-1e3, 1e3);

impl Row for PositionRow {
    fn blank() -> Self {
        PositionRow {
            probe: String::new(),
            family: String::new(),
            window: 0,
            position: 0,
            token_text: String::new(),
            teacher_top1_text: String::new(),
            student_top1_text: String::new(),
            compat: false,
            stats: blank_stats(),
            outside: Outside::default(),
        }
    }

    fn columns(&mut self, columns: &mut dyn Columns) {
        columns.text(column("probe"), &mut self.probe);
        columns.text(column("family"), &mut self.family);
        columns.u32(column("window"), &mut self.window);
        columns.u32(column("position"), &mut self.position);
        columns.text(column("token_text"), &mut self.token_text);
        columns.text(column("teacher_top1_text"), &mut self.teacher_top1_text);
        columns.text(column("student_top1_text"), &mut self.student_top1_text);
        columns.bool(column("compat"), &mut self.compat);
        stats_columns(&mut self.stats, columns);
        columns.optional_f32(probability("teacher_outside").since(2), &mut self.outside.teacher);
        columns.optional_f32(probability("student_outside").since(2), &mut self.outside.student);
    }
}

impl PartRow for PositionRow {
    fn probe(&self) -> &str {
        &self.probe
    }

    fn key(&self) -> [u64; 2] {
        [u64::from(self.window), u64::from(self.position)]
    }

    fn check(&self, asked: &AskedProbe<'_>) -> Option<String> {
        asked.not_a_window(&self.family, self.window)
    }
}

fn stats_columns(stats: &mut PositionStats, columns: &mut dyn Columns) {
    columns.u32(column("target"), &mut stats.target);
    columns.f32(log_probability("teacher_logprob"), &mut stats.teacher_logprob);
    columns.f32(log_probability("student_logprob"), &mut stats.student_logprob);
    columns.f32(divergence("kl"), &mut stats.kl);
    columns.f32(divergence("reverse_kl"), &mut stats.reverse_kl);
    // At most ln 2.
    columns.f32(column("jsd").within(-ROUNDING, 0.694), &mut stats.jsd);
    columns.f32(probability("overlap"), &mut stats.overlap);
    columns.f32(entropy("teacher_entropy"), &mut stats.teacher_entropy);
    columns.f32(entropy("student_entropy"), &mut stats.student_entropy);
    columns.f32(probability("floored_mass"), &mut stats.floored_mass);
    columns.u32(column("teacher_top1"), &mut stats.teacher_top1);
    columns.u32(column("student_top1"), &mut stats.student_top1);
    columns.f32(probability("teacher_top1_prob"), &mut stats.teacher_top1_prob);
    columns.f32(probability("student_top1_prob"), &mut stats.student_top1_prob);
    let mut tau = Some(stats.kendall_tau).filter(|tau| !tau.is_nan());
    columns.optional_f32(correlation("kendall_tau"), &mut tau);
    stats.kendall_tau = tau.unwrap_or(f32::NAN);
    columns.f32_each(probability("band_mass"), &mut stats.band_mass);
    columns.f32_each(probability("band_overlap"), &mut stats.band_overlap);
    columns.f32_each(probability("band_invented"), &mut stats.band_invented);
    columns.f32_each(KL_AT, &mut stats.kl_at);
    columns.f32_each(KL_SLOPE_AT, &mut stats.kl_slope_at);
    columns.f32(finite("compat_nll_base"), &mut stats.compat_nll_base);
    columns.f32(finite("compat_nll"), &mut stats.compat_nll);
    columns.f32(finite("compat_kl"), &mut stats.compat_kl);
    columns.bool(column("compat_same_top"), &mut stats.compat_same_top);
}

fn blank_stats() -> PositionStats {
    PositionStats {
        target: 0,
        teacher_logprob: 0.0,
        student_logprob: 0.0,
        kl: 0.0,
        reverse_kl: 0.0,
        jsd: 0.0,
        overlap: 0.0,
        teacher_entropy: 0.0,
        student_entropy: 0.0,
        floored_mass: 0.0,
        teacher_top1: 0,
        student_top1: 0,
        teacher_top1_prob: 0.0,
        student_top1_prob: 0.0,
        kendall_tau: 0.0,
        band_mass: [0.0; 4],
        band_overlap: [0.0; 4],
        band_invented: [0.0; 4],
        kl_at: [0.0; 9],
        kl_slope_at: [0.0; 9],
        compat_nll_base: 0.0,
        compat_nll: 0.0,
        compat_kl: 0.0,
        compat_same_top: false,
    }
}
