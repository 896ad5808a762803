//! Scored positions, the teacher's distributions in part, from a cache or from its server, against the student.

use hydrometer_metrics::sparse::SparsePositionStats;

use super::positions::{correlation, entropy, finite, log_probability, probability};
use super::{AskedProbe, Column, Columns, Part, PartKind, PartRow, Row, column};

/// Scored positions of texts, the teacher's distributions in part.
#[derive(Clone, Copy, Debug)]
pub enum Sparse {}

impl Part for Sparse {
    const KIND: PartKind = PartKind::new("sparse");
    const VERSION: u32 = 1;
    type Row = SparseRow;
}

/// One scored position of a text probe of whose teacher a part is known: what that can say, and nothing else.
#[derive(Clone, Debug, PartialEq)]
pub struct SparseRow {
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
    /// What was estimated there.
    pub stats: SparsePositionStats,
}

impl Row for SparseRow {
    fn blank() -> Self {
        SparseRow {
            probe: String::new(),
            family: String::new(),
            window: 0,
            position: 0,
            token_text: String::new(),
            teacher_top1_text: String::new(),
            student_top1_text: String::new(),
            stats: blank_stats(),
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
        stats_columns(&mut self.stats, columns);
    }
}

impl PartRow for SparseRow {
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

/// A sum of estimated probabilities: those that a cache keeps are rounded to steps of 1/256 nat, and a token that a server drew
/// stands for all of p beside the list that it is not in.
const fn mass(name: &'static str) -> Column {
    column(name).within(-1e-4, 2.01)
}

fn stats_columns(stats: &mut SparsePositionStats, columns: &mut dyn Columns) {
    columns.u32(column("target"), &mut stats.target);
    columns.optional_f32(log_probability("teacher_logprob"), &mut stats.teacher_logprob);
    columns.f32(log_probability("student_logprob"), &mut stats.student_logprob);
    // A single estimate may be negative. Where q is not floored, ln(q/p) is at most −ln p of a token that was kept: 100 at
    // the very most, as tokens 70 nats below the first are not.
    // Where a drawn token stands for all of p, it adds as much once more.
    columns.f32(column("kl").within(-100.0, 56.0), &mut stats.kl);
    columns.f32(column("jsd").within(-100.0, 2.0), &mut stats.jsd);
    columns.f32(mass("overlap"), &mut stats.overlap);
    columns.f32(column("teacher_entropy").within(-1e-6, 128.0), &mut stats.teacher_entropy);
    columns.f32(entropy("student_entropy"), &mut stats.student_entropy);
    columns.f32(mass("floored_mass"), &mut stats.floored_mass);
    columns.u32(column("teacher_top1"), &mut stats.teacher_top1);
    columns.u32(column("student_top1"), &mut stats.student_top1);
    columns.f32(probability("teacher_top1_prob"), &mut stats.teacher_top1_prob);
    columns.f32(probability("student_top1_prob"), &mut stats.student_top1_prob);
    columns.optional_f32(correlation("kendall_tau"), &mut stats.kendall_tau);
    columns.f32_each(mass("band_mass"), &mut stats.band_mass);
    columns.f32_each(mass("band_overlap"), &mut stats.band_overlap);
    // A rare token that the student is sure of weighs its draw's share of the tail times q/p.
    columns.f32_each(finite("band_invented"), &mut stats.band_invented);
    columns.f32_each(finite("kl_at"), &mut stats.kl_at);
    columns.f32_each(finite("kl_slope_at"), &mut stats.kl_slope_at);
}

fn blank_stats() -> SparsePositionStats {
    SparsePositionStats {
        target: 0,
        teacher_logprob: None,
        student_logprob: 0.0,
        kl: 0.0,
        jsd: 0.0,
        overlap: 0.0,
        teacher_entropy: 0.0,
        student_entropy: 0.0,
        floored_mass: 0.0,
        teacher_top1: 0,
        student_top1: 0,
        teacher_top1_prob: 0.0,
        student_top1_prob: 0.0,
        kendall_tau: None,
        band_mass: [0.0; 3],
        band_overlap: [0.0; 3],
        band_invented: [0.0; 3],
        kl_at: [0.0; 9],
        kl_slope_at: [0.0; 9],
    }
}
