//! Scored positions, all of the teacher's distributions against what the student's server shows of its own.

use hydrometer_metrics::sparse::ShownStudentStats;

use super::estimated::{EstimatedRow, EstimatedStats};
use super::positions::{correlation, entropy, finite, log_probability, probability};
use super::{Column, Columns, Part, PartKind, column};

/// Scored positions of texts, the student's distributions in part.
#[derive(Clone, Copy, Debug)]
pub enum ShownStudents {}

impl Part for ShownStudents {
    const KIND: PartKind = PartKind::new("shown");
    const VERSION: u32 = 1;
    type Row = ShownStudentRow;
}

/// One scored position of a text probe of whose student a part is known: what that can say, and nothing else.
pub type ShownStudentRow = EstimatedRow<ShownStudentStats>;

/// A sum of estimated probabilities: a drawn token stands for all of q beside the list that it is not in.
const fn mass(name: &'static str) -> Column {
    column(name).within(-1e-3, 2.01)
}

impl EstimatedStats for ShownStudentStats {
    fn blank() -> Self {
        Self {
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

    fn columns(&mut self, columns: &mut dyn Columns) {
        columns.u32(column("target"), &mut self.target);
        columns.f32(log_probability("teacher_logprob"), &mut self.teacher_logprob);
        columns.optional_f32(log_probability("student_logprob"), &mut self.student_logprob);
        columns.f32(column("kl_at_least").within(-1e-3, 28.0), &mut self.kl_at_least);
        columns.f32(probability("unlisted"), &mut self.unlisted);
        // As of a teacher that is known in part, with the models exchanged.
        columns.f32(column("reverse_kl").within(-100.0, 56.0), &mut self.reverse_kl);
        columns.f32(column("jsd").within(-100.0, 2.0), &mut self.jsd);
        columns.f32(mass("overlap"), &mut self.overlap);
        columns.f32(entropy("teacher_entropy"), &mut self.teacher_entropy);
        columns.f32(column("student_entropy").within(-1e-6, 128.0), &mut self.student_entropy);
        columns.u32(column("teacher_top1"), &mut self.teacher_top1);
        columns.u32(column("student_top1"), &mut self.student_top1);
        columns.f32(probability("teacher_top1_prob"), &mut self.teacher_top1_prob);
        columns.f32(probability("student_top1_prob"), &mut self.student_top1_prob);
        columns.optional_f32(correlation("kendall_tau"), &mut self.kendall_tau);
        columns.f32_each(probability("band_mass"), &mut self.band_mass);
        columns.f32_each(mass("band_overlap"), &mut self.band_overlap);
        columns.f32_each(finite("band_invented"), &mut self.band_invented);
    }
}
