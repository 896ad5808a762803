//! Scored positions, the teacher's distributions in part, from a cache or from its server, against the student.

use hydrometer_metrics::sparse::SparsePositionStats;

use super::estimated::{EstimatedRow, EstimatedStats};
use super::positions::{correlation, entropy, finite, log_probability, probability};
use super::{Column, Columns, Part, PartKind, column};

/// Scored positions of texts, the teacher's distributions in part.
#[derive(Clone, Copy, Debug)]
pub enum Sparse {}

impl Part for Sparse {
    const KIND: PartKind = PartKind::new("sparse");
    const VERSION: u32 = 1;
    type Row = SparseRow;
}

/// One scored position of a text probe of whose teacher a part is known: what that can say, and nothing else.
pub type SparseRow = EstimatedRow<SparsePositionStats>;

/// A sum of estimated probabilities: those that a cache keeps are rounded to steps of 1/256 nat, and a token that a server drew
/// stands for all of p beside the list that it is not in.
const fn mass(name: &'static str) -> Column {
    column(name).within(-1e-4, 2.01)
}

impl EstimatedStats for SparsePositionStats {
    fn blank() -> Self {
        Self {
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

    fn columns(&mut self, columns: &mut dyn Columns) {
        columns.u32(column("target"), &mut self.target);
        columns.optional_f32(log_probability("teacher_logprob"), &mut self.teacher_logprob);
        columns.f32(log_probability("student_logprob"), &mut self.student_logprob);
        // A single estimate may be negative. Where q is not floored, ln(q/p) is at most −ln p of a token that was kept: 100 at
        // the very most, as tokens 70 nats below the first are not.
        // Where a drawn token stands for all of p, it adds as much once more.
        columns.f32(column("kl").within(-100.0, 56.0), &mut self.kl);
        columns.f32(column("jsd").within(-100.0, 2.0), &mut self.jsd);
        columns.f32(mass("overlap"), &mut self.overlap);
        columns.f32(column("teacher_entropy").within(-1e-6, 128.0), &mut self.teacher_entropy);
        columns.f32(entropy("student_entropy"), &mut self.student_entropy);
        columns.f32(mass("floored_mass"), &mut self.floored_mass);
        columns.u32(column("teacher_top1"), &mut self.teacher_top1);
        columns.u32(column("student_top1"), &mut self.student_top1);
        columns.f32(probability("teacher_top1_prob"), &mut self.teacher_top1_prob);
        columns.f32(probability("student_top1_prob"), &mut self.student_top1_prob);
        columns.optional_f32(correlation("kendall_tau"), &mut self.kendall_tau);
        columns.f32_each(mass("band_mass"), &mut self.band_mass);
        columns.f32_each(mass("band_overlap"), &mut self.band_overlap);
        // A rare token that the student is sure of weighs its draw's share of the tail times q/p.
        columns.f32_each(finite("band_invented"), &mut self.band_invented);
        columns.f32_each(finite("kl_at"), &mut self.kl_at);
        columns.f32_each(finite("kl_slope_at"), &mut self.kl_slope_at);
    }
}
