//! Made-up runs of which one model is known in part.

use std::path::Path;

use hydrometer_answers::part::{Answered, Bounded, Likelihoods, Samples, ShownStudents, Sparse};
use hydrometer_answers::sparse::Codec;
use hydrometer_answers::{
    AnsweredRow, AnsweredStats, BoundedRow, EstimatedRow, Manifest, Part, Regime, RunFolder, RunSettings, ScoredModel,
    ShownStudentRow, SparseRow, UnitCounts,
};
use hydrometer_metrics::sparse::{BoundedStats, ShownStudentStats, SparsePositionStats, Truncation, Within};

use super::{likelihood, planned, prompted, settings, suite, suite_with_prompt, with_samples};

/// The plan of a run whose teacher came from a cache.
pub fn sparse_manifest() -> Manifest {
    let truncation = Truncation { mass: 0.9, k_min: 10, k_max: 16, draws: 4 };
    let settings = RunSettings { cache: Some(Codec::of_logits(16, truncation)), ..settings() };
    let units = UnitCounts::default().with(Likelihoods::KIND, 1).with(Sparse::KIND, 1);
    planned(&suite(), settings, units)
}

/// Statistics of a cached teacher: simple numbers that depend on `n`, the unknown ones of an odd `n` left out.
pub fn sparse_stats(n: u32) -> SparsePositionStats {
    let known = n.is_multiple_of(2);
    SparsePositionStats {
        target: n,
        teacher_logprob: known.then_some(-0.5),
        student_logprob: -0.75,
        kl: if known { 0.25 } else { -0.125 },
        jsd: 0.125,
        overlap: 0.875,
        teacher_entropy: 1.5,
        student_entropy: 1.25,
        floored_mass: 0.0,
        teacher_top1: n,
        student_top1: n + 1,
        teacher_top1_prob: 0.5,
        student_top1_prob: 0.375,
        kendall_tau: known.then_some(0.5),
        band_mass: [0.5, 0.25, 0.25],
        band_overlap: [0.375, 0.25, 0.1875],
        band_invented: [0.0, 0.0625, 2.5],
        kl_at: [0.9, 0.7, 0.5, 0.375, 0.25, 0.375, 0.5, 0.7, 0.9],
        kl_slope_at: [-4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0],
    }
}

/// A position of a text.
fn row<S>(position: u32, stats: S) -> EstimatedRow<S> {
    EstimatedRow {
        probe: "text-1".to_owned(),
        family: "family-of-text-1".to_owned(),
        window: 0,
        position,
        token_text: " cat".to_owned(),
        teacher_top1_text: " 猫".to_owned(),
        student_top1_text: "\u{202e}<script>".to_owned(),
        stats,
    }
}

pub fn sparse() -> Vec<SparseRow> {
    [1, 2].map(|position| row(position, sparse_stats(position))).into()
}

/// The plan of a run whose student's server shows a part of its distributions.
pub fn shown_manifest() -> Manifest {
    let units = UnitCounts::default().with(Likelihoods::KIND, 1).with(ShownStudents::KIND, 1);
    Manifest { regime: Some(Regime::ShownStudent), ..planned(&suite(), settings(), units) }.sealed()
}

/// Positions of such a student: simple numbers that depend on `position`, the unknown ones of an odd one left out.
pub fn shown() -> Vec<ShownStudentRow> {
    let of = |position: u32| {
        let known = position.is_multiple_of(2);
        row(
            position,
            ShownStudentStats {
                target: position,
                teacher_logprob: -0.5,
                student_logprob: known.then_some(-0.75),
                kl_at_least: 0.25,
                unlisted: if known { 0.0 } else { 0.0625 },
                reverse_kl: if known { 0.5 } else { -0.125 },
                jsd: 0.125,
                overlap: 0.875,
                teacher_entropy: 1.5,
                student_entropy: 1.25,
                teacher_top1: position,
                student_top1: position + 1,
                teacher_top1_prob: 0.5,
                student_top1_prob: 0.375,
                kendall_tau: known.then_some(0.5),
                band_mass: [0.5, 0.25, 0.125, 0.125],
                band_overlap: [0.375, 0.25, 0.125, 1.0625],
                band_invented: [0.0, 0.0625, 0.0, 2.5],
            },
        )
    };
    vec![of(1), of(2)]
}

/// The plan of a run of which both servers list tokens.
pub fn bounded_manifest() -> Manifest {
    let units = UnitCounts::default().with(Likelihoods::KIND, 1).with(Bounded::KIND, 1);
    Manifest { regime: Some(Regime::ShownBoth), ..planned(&suite(), settings(), units) }.sealed()
}

/// Positions of such a run: simple numbers that depend on `position`, those of an even one exact.
pub fn bounded() -> Vec<BoundedRow> {
    let of = |position: u32| {
        let exact = position.is_multiple_of(2);
        let within = |low: f32, high: f32| Within { low, high: if exact { low } else { high } };
        row(
            position,
            BoundedStats {
                target: position,
                teacher_logprob: Some(-0.5),
                student_logprob: Some(-0.75),
                kl: within(0.25, 1.5),
                reverse_kl: within(0.125, 2.0),
                jsd: within(0.0625, 0.25),
                overlap: within(0.75, 0.875),
                teacher_entropy: within(1.5, 1.75),
                student_entropy: within(1.25, 1.375),
                teacher_top1: position,
                student_top1: position + 1,
                teacher_top1_prob: 0.5,
                student_top1_prob: 0.375,
                kendall_tau: exact.then_some(0.5),
                tail_mass: within(0.0625, 0.09375),
                tail_kept: within(0.03125, 0.0625),
                tail_invented: within(0.015625, 0.125),
                teacher_unlisted: if exact { 0.0 } else { 0.03125 },
                student_unlisted: if exact { 0.0 } else { 0.046875 },
            },
        )
    };
    vec![of(1), of(2)]
}

/// A finished run of which both servers list tokens.
pub fn finished_bounded(path: &Path) {
    let run = RunFolder::create_or_resume(path, &bounded_manifest(), &suite().probes).unwrap();
    run.write::<Likelihoods>(0, &[likelihood(ScoredModel::Teacher), likelihood(ScoredModel::Student)]).unwrap();
    run.write::<Bounded>(0, &bounded()).unwrap();
    run.finish().unwrap();
}

/// A finished run of such a student.
pub fn finished_shown(path: &Path) {
    let run = RunFolder::create_or_resume(path, &shown_manifest(), &suite().probes).unwrap();
    run.write::<Likelihoods>(0, &[likelihood(ScoredModel::Teacher)]).unwrap();
    run.write::<ShownStudents>(0, &shown()).unwrap();
    run.finish().unwrap();
}

/// A finished run whose teacher came from a cache.
pub fn finished_sparse(path: &Path) {
    let run = RunFolder::create_or_resume(path, &sparse_manifest(), &suite().probes).unwrap();
    run.write::<Likelihoods>(0, &[likelihood(ScoredModel::Student)]).unwrap();
    run.write::<Sparse>(0, &sparse()).unwrap();
    run.finish().unwrap();
}

/// The plan of a run whose teacher's server lists its answers.
pub fn answered_manifest() -> Manifest {
    let units = UnitCounts::default().with(Samples::KIND, 1).with(Answered::KIND, 1);
    let settings = RunSettings { listed_answers: Some(1), ..with_samples() };
    Manifest { regime: Some(Regime::ListedAnswers), ..planned(&suite_with_prompt(), settings, units) }.sealed()
}

/// Positions of an answer: the bounds of [`bounded`]; of an odd place nobody said how probable the answer's own token was.
pub fn answered() -> Vec<AnsweredRow> {
    let of = |row: BoundedRow| {
        let told = row.position.is_multiple_of(2);
        let bounds = BoundedStats { teacher_logprob: told.then_some(-0.5), ..row.stats };
        AnsweredRow {
            probe: "prompt-1".to_owned(),
            family: "family-of-prompt-1".to_owned(),
            window: 0,
            position: row.position,
            token_text: row.token_text,
            teacher_top1_text: row.teacher_top1_text,
            student_top1_text: row.student_top1_text,
            stats: AnsweredStats { bounds, tokens: 5 },
        }
    };
    bounded().into_iter().map(of).collect()
}

/// A finished run whose teacher's server lists its answers.
pub fn finished_answered(path: &Path) {
    let suite = suite_with_prompt();
    let run = RunFolder::create_or_resume(path, &answered_manifest(), &suite.probes).unwrap();
    run.write::<Answered>(0, &answered()).unwrap();
    run.write::<Samples>(0, &prompted()).unwrap();
    run.finish().unwrap();
}
