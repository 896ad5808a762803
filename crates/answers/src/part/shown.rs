//! Scored positions, all of the teacher's distributions against what the student's server shows of its own.

use hydrometer_metrics::sparse::ShownStudentStats;

use super::positions::{correlation, entropy, finite, log_probability, probability};
use super::{AskedProbe, Column, Columns, Part, PartKind, PartRow, Row, column};

/// Scored positions of texts, the student's distributions in part.
#[derive(Clone, Copy, Debug)]
pub enum ShownStudents {}

impl Part for ShownStudents {
    const KIND: PartKind = PartKind::new("shown");
    const VERSION: u32 = 1;
    type Row = ShownStudentRow;
}

/// One scored position of a text probe of whose student a part is known: what that can say, and nothing else.
#[derive(Clone, Debug, PartialEq)]
pub struct ShownStudentRow {
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
    pub stats: ShownStudentStats,
}

impl Row for ShownStudentRow {
    fn blank() -> Self {
        ShownStudentRow {
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

impl PartRow for ShownStudentRow {
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

/// A sum of estimated probabilities: a drawn token stands for all of q beside the list that it is not in.
const fn mass(name: &'static str) -> Column {
    column(name).within(-1e-3, 2.01)
}

fn stats_columns(stats: &mut ShownStudentStats, columns: &mut dyn Columns) {
    columns.u32(column("target"), &mut stats.target);
    columns.f32(log_probability("teacher_logprob"), &mut stats.teacher_logprob);
    columns.optional_f32(log_probability("student_logprob"), &mut stats.student_logprob);
    columns.f32(column("kl_at_least").within(-1e-3, 28.0), &mut stats.kl_at_least);
    columns.f32(probability("unlisted"), &mut stats.unlisted);
    // As of a teacher that is known in part, with the models exchanged.
    columns.f32(column("reverse_kl").within(-100.0, 56.0), &mut stats.reverse_kl);
    columns.f32(column("jsd").within(-100.0, 2.0), &mut stats.jsd);
    columns.f32(mass("overlap"), &mut stats.overlap);
    columns.f32(entropy("teacher_entropy"), &mut stats.teacher_entropy);
    columns.f32(column("student_entropy").within(-1e-6, 128.0), &mut stats.student_entropy);
    columns.u32(column("teacher_top1"), &mut stats.teacher_top1);
    columns.u32(column("student_top1"), &mut stats.student_top1);
    columns.f32(probability("teacher_top1_prob"), &mut stats.teacher_top1_prob);
    columns.f32(probability("student_top1_prob"), &mut stats.student_top1_prob);
    columns.optional_f32(correlation("kendall_tau"), &mut stats.kendall_tau);
    columns.f32_each(probability("band_mass"), &mut stats.band_mass);
    columns.f32_each(mass("band_overlap"), &mut stats.band_overlap);
    columns.f32_each(finite("band_invented"), &mut stats.band_invented);
}

fn blank_stats() -> ShownStudentStats {
    ShownStudentStats {
        target: 0,
        teacher_logprob: 0.0,
        student_logprob: None,
        kl_at_least: 0.0,
        unlisted: 0.0,
        reverse_kl: 0.0,
        jsd: 0.0,
        overlap: 0.0,
        teacher_entropy: 0.0,
        student_entropy: 0.0,
        teacher_top1: 0,
        student_top1: 0,
        teacher_top1_prob: 0.0,
        student_top1_prob: 0.0,
        kendall_tau: None,
        band_mass: [0.0; 4],
        band_overlap: [0.0; 4],
        band_invented: [0.0; 4],
    }
}
