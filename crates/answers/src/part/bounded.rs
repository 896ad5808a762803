//! Scored positions of which both servers list a part: between which numbers what the models are to each other lies.

use hydrometer_metrics::sparse::{BoundedStats, Within};

use super::estimated::{EstimatedRow, EstimatedStats};
use super::positions::{correlation, entropy, log_probability, probability};
use super::{Column, Columns, Part, PartKind, column};

/// Scored positions of texts, both models' distributions in part.
#[derive(Clone, Copy, Debug)]
pub enum Bounded {}

impl Part for Bounded {
    const KIND: PartKind = PartKind::new("bounded");
    const VERSION: u32 = 1;
    type Row = BoundedRow;
}

/// One scored position of a text probe of which a list of each model is known: bounds, and what lists say exactly.
pub type BoundedRow = EstimatedRow<BoundedStats>;

/// A divergence whose second argument is floored at 1e−12, with what rounding adds to the mass of a tail.
const fn divergence(name: &'static str) -> Column {
    column(name).within(0.0, 28.0)
}

/// A bounded number, as the two columns that bound it.
fn within(of: fn(&'static str) -> Column, names: [&'static str; 2], value: &mut Within, columns: &mut dyn Columns) {
    columns.f32(of(names[0]), &mut value.low);
    columns.f32(of(names[1]), &mut value.high);
}

/// What servers that list along a text always say: a row without it is none.
fn known(of: Column, value: &mut Option<f32>, columns: &mut dyn Columns) {
    let mut said = value.unwrap_or(f32::NAN);
    columns.f32(of, &mut said);
    *value = Some(said);
}

/// The columns of everything but the text's own token.
pub(super) fn columns(stats: &mut BoundedStats, columns: &mut dyn Columns) {
    within(divergence, ["kl_low", "kl_high"], &mut stats.kl, columns);
    within(divergence, ["reverse_kl_low", "reverse_kl_high"], &mut stats.reverse_kl, columns);
    // At most ln 2.
    let of_js = |name| column(name).within(0.0, 0.694);
    within(of_js, ["jsd_low", "jsd_high"], &mut stats.jsd, columns);
    within(probability, ["overlap_low", "overlap_high"], &mut stats.overlap, columns);
    within(entropy, ["teacher_entropy_low", "teacher_entropy_high"], &mut stats.teacher_entropy, columns);
    within(entropy, ["student_entropy_low", "student_entropy_high"], &mut stats.student_entropy, columns);
    columns.u32(column("teacher_top1"), &mut stats.teacher_top1);
    columns.u32(column("student_top1"), &mut stats.student_top1);
    columns.f32(probability("teacher_top1_prob"), &mut stats.teacher_top1_prob);
    columns.f32(probability("student_top1_prob"), &mut stats.student_top1_prob);
    columns.optional_f32(correlation("kendall_tau"), &mut stats.kendall_tau);
    within(probability, ["tail_mass_low", "tail_mass_high"], &mut stats.tail_mass, columns);
    within(probability, ["tail_kept_low", "tail_kept_high"], &mut stats.tail_kept, columns);
    within(probability, ["tail_invented_low", "tail_invented_high"], &mut stats.tail_invented, columns);
    columns.f32(probability("teacher_unlisted"), &mut stats.teacher_unlisted);
    columns.f32(probability("student_unlisted"), &mut stats.student_unlisted);
}

impl EstimatedStats for BoundedStats {
    fn blank() -> Self {
        let nothing = Within::default();
        Self {
            target: 0,
            teacher_logprob: None,
            student_logprob: None,
            kl: nothing,
            reverse_kl: nothing,
            jsd: nothing,
            overlap: nothing,
            teacher_entropy: nothing,
            student_entropy: nothing,
            teacher_top1: 0,
            student_top1: 0,
            teacher_top1_prob: 0.0,
            student_top1_prob: 0.0,
            kendall_tau: None,
            tail_mass: nothing,
            tail_kept: nothing,
            tail_invented: nothing,
            teacher_unlisted: 0.0,
            student_unlisted: 0.0,
        }
    }

    fn columns(&mut self, columns: &mut dyn Columns) {
        columns.u32(column("target"), &mut self.target);
        known(log_probability("teacher_logprob"), &mut self.teacher_logprob, columns);
        known(log_probability("student_logprob"), &mut self.student_logprob, columns);
        self::columns(self, columns);
    }

    fn fault(&self) -> Option<String> {
        let all = [
            ("kl", self.kl),
            ("reverse_kl", self.reverse_kl),
            ("jsd", self.jsd),
            ("overlap", self.overlap),
            ("teacher_entropy", self.teacher_entropy),
            ("student_entropy", self.student_entropy),
            ("tail_mass", self.tail_mass),
            ("tail_kept", self.tail_kept),
            ("tail_invented", self.tail_invented),
        ];
        let (name, Within { low, high }) = all.into_iter().find(|(_, within)| within.low > within.high)?;
        Some(format!("{name}_low is {low}, expected at most {name}_high, which is {high}"))
    }
}
