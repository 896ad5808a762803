//! Old formats are opened for ever: checked-in run folders, a store and a base file per version.
#![allow(clippy::unwrap_used, reason = "test code")]

use crate::support;

use std::path::{Path, PathBuf};

use hydrometer_answers::part::{
    Answered, Bounded, Choices, Floor, Likelihoods, Positions, Samples, Scored, ShownStudents, Sparse, Vectors,
};
use hydrometer_answers::store::{Access, AnswerKey, Store, prompt_hash};
use hydrometer_answers::{OptionSaid, Part, RunFolder, Told};

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples").join(name)
}

/// The numbers are written out here, not taken from the writer: a change of meaning must be seen.
#[test]
fn run_version_1() {
    let run = RunFolder::open(&sample("run-v1")).unwrap();
    assert_eq!(run.manifest().format, "hydrometer.run/1");
    assert_eq!(run.manifest().teacher.name, "teacher");
    assert_eq!(run.manifest().settings.seed, 7);
    assert_eq!(run.manifest().hash(), run.manifest().plan_hash);
    assert_eq!(run.probes().iter().map(|p| p.id.as_str()).collect::<Vec<_>>(), ["text-1", "text-2", "choice-1"]);

    let units: Vec<_> = run.read::<Positions>().map(|part| part.unwrap().rows).collect();
    assert_eq!(units.iter().map(Vec::len).collect::<Vec<_>>(), [3, 2]);
    let row = &units[1][0];
    assert_eq!((row.probe.as_str(), row.family.as_str()), ("text-2", "family-of-text-2"));
    assert_eq!((row.window, row.position, row.compat), (0, 4, true));
    assert_eq!((row.token_text.as_str(), row.teacher_top1_text.as_str()), (" cat", " 猫"));
    assert_eq!(row.student_top1_text, "\u{202e}<script>");
    let stats = &row.stats;
    assert_eq!((stats.target, stats.teacher_top1, stats.student_top1), (4, 4, 5));
    assert_eq!((stats.teacher_logprob, stats.student_logprob), (-4.5, -4.75));
    assert_eq!((stats.kl, stats.reverse_kl, stats.jsd, stats.overlap), (0.5, 0.5, 0.125, 0.875));
    assert_eq!((stats.teacher_entropy, stats.student_entropy, stats.floored_mass), (1.5, 1.25, 0.0));
    assert_eq!((stats.teacher_top1_prob, stats.student_top1_prob, stats.kendall_tau), (0.5, 0.375, 0.5));
    assert_eq!(stats.band_mass, [0.5, 0.25, 0.125, 0.125]);
    assert_eq!(stats.band_overlap, [0.375, 0.25, 0.125, 0.0625]);
    assert_eq!(stats.band_invented, [0.0, 0.0625, 0.0, 0.0]);
    assert_eq!(stats.kl_at, [0.9, 0.7, 0.5, 0.375, 0.25, 0.375, 0.5, 0.7, 0.9]);
    assert_eq!(stats.kl_slope_at, [-4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0]);
    assert_eq!((stats.compat_nll_base, stats.compat_nll, stats.compat_kl), (0.5, 0.75, 0.25));
    assert!(stats.compat_same_top);
    assert!(units[1][1].stats.kendall_tau.is_nan());

    assert_eq!(run.read::<Floor>().next().unwrap().unwrap().rows, []);
    let choices = run.read::<Choices>().next().unwrap().unwrap().rows;
    let shape: Vec<_> = choices.iter().map(|c| (c.rotation, c.option, c.teacher_logprob, c.student_logprob)).collect();
    let low = f64::NEG_INFINITY;
    assert_eq!(shape, [(0, 0, -0.25, -0.5), (0, 1, -1.25, low), (1, 0, -0.25, -0.5), (1, 1, -1.25, low)]);
    let windows = run.read::<Likelihoods>().next().unwrap().unwrap().rows;
    let shape: Vec<_> = windows.iter().map(|w| (w.model.name(), w.tokens, w.bytes, w.logprob)).collect();
    assert_eq!(shape, [("teacher", 7, 23, -12.5), ("student", 7, 23, -12.5)]);
    let cost = &run.costs().unwrap()[0];
    assert_eq!(
        (cost.what.as_str(), cost.tokens, cost.seconds, cost.peak_memory),
        ("positions", 16, 0.5, Some(1 << 20))
    );
}

fn rows<P: Part>(run: &RunFolder) -> String {
    format!("{:?}", run.rows::<P>().unwrap())
}

/// A sample and what today's writer makes of the same rows.
fn check_written(name: &str, write: fn(&Path), rows: &[fn(&RunFolder) -> String]) {
    let home = tempfile::tempdir().unwrap();
    write(home.path());
    let old = RunFolder::open(&sample(name)).unwrap();
    let new = RunFolder::open(home.path()).unwrap();
    assert_eq!(old.manifest(), new.manifest(), "{name}");
    for rows in rows {
        assert_eq!(rows(&old), rows(&new), "{name}");
    }
}

#[test]
fn today_s_writer_still_writes_version_1() {
    let all = [rows::<Positions>, rows::<Floor>, rows::<Choices>, rows::<Likelihoods>];
    check_written("run-v1", support::finished, &all);
    check_written("run-v1-samples", support::finished_samples, &[rows::<Samples>]);
    check_written("run-v1-judged", support::finished_judged, &[rows::<Samples>]);
    check_written("run-v1-outside", support::finished_outside, &[rows::<Positions>, rows::<Floor>]);
    check_written("run-v1-control", support::finished_control, &[rows::<Choices>]);
    check_written("run-v1-letters", support::finished_letters, &[rows::<Choices>]);
    check_written("run-v1-scored", support::finished_scored, &[rows::<Scored>]);
    check_written("run-v1-shown", support::finished_shown, &[rows::<ShownStudents>, rows::<Likelihoods>]);
    check_written("run-v1-bounded", support::finished_bounded, &[rows::<Bounded>, rows::<Likelihoods>]);
    check_written("run-v1-answered", support::finished_answered, &[rows::<Answered>, rows::<Samples>]);
    check_written("run-v1-sparse", support::finished_sparse, &[rows::<Sparse>, rows::<Likelihoods>]);
    check_written("run-v1-vectors", support::finished_vectors, &[rows::<Vectors>, rows::<Samples>]);
}

/// Every kind of part that this version writes, in the version that it writes, has a sample.
#[test]
fn every_part_has_a_sample_of_its_version() {
    let check = |kind: hydrometer_answers::PartKind, version: u32| {
        let of: &[&str] = match (kind.name(), version) {
            ("samples", 2) => &["run-v1-judged"],
            ("positions" | "floor", 2) => &["run-v1-outside"],
            ("choices", 3) => &["run-v1-letters"],
            ("bounded", 1) => &["run-v1-bounded"],
            ("answered", 1) => &["run-v1-answered"],
            (_, 1) => &["run-v1", "run-v1-samples", "run-v1-sparse", "run-v1-vectors", "run-v1-scored", "run-v1-shown"],
            _ => panic!("{kind}: check in a sample of version {version}, and list it here"),
        };
        assert!(of.iter().any(|name| sample(name).join(kind.file(0)).exists()), "{kind} has no sample");
    };
    check(Positions::KIND, Positions::VERSION);
    check(Floor::KIND, Floor::VERSION);
    check(Choices::KIND, Choices::VERSION);
    check(Likelihoods::KIND, Likelihoods::VERSION);
    check(Samples::KIND, Samples::VERSION);
    check(Sparse::KIND, Sparse::VERSION);
    check(Vectors::KIND, Vectors::VERSION);
    check(Scored::KIND, Scored::VERSION);
    check(ShownStudents::KIND, ShownStudents::VERSION);
    check(Bounded::KIND, Bounded::VERSION);
}

/// The second version of the samples part: what a file says of a given answer stands beside it.
#[test]
fn samples_version_2() {
    let run = RunFolder::open(&sample("run-v1-judged")).unwrap();
    let different = run.manifest().settings.given.as_ref().unwrap().different_prompts.as_ref().unwrap();
    assert_eq!((different.prompts, different.student.as_str()), (1, "<s>So?"));
    let rows = run.rows::<Samples>().unwrap();
    let shape: Vec<_> = rows.iter().map(|row| (row.outcome.right(), row.label.as_deref())).collect();
    let unjudged = (None, None);
    let of_student = (Some(false), Some("no"));
    assert_eq!(shape, [(Some(true), Some("yes")), (None, Some("")), unjudged, of_student, unjudged]);
    assert_eq!((rows[0].compared(), rows[2].compared()), ("yes", rows[2].text.as_str()));
    // Of the first version nothing of the sort is known.
    let first = RunFolder::open(&sample("run-v1-samples")).unwrap().rows::<Samples>().unwrap();
    assert!(first.iter().all(|row| row.outcome.right().is_none() && row.label.is_none()));
}

/// The second version of the choices: what a control student makes of them.
#[test]
fn choices_version_2() {
    let run = RunFolder::open(&sample("run-v1-control")).unwrap();
    assert_eq!(run.manifest().control.as_ref().unwrap().name, "control");
    assert_eq!(run.manifest().planned.control_tokens, 16);
    let rows = run.rows::<Choices>().unwrap();
    let shape: Vec<_> = rows.iter().map(|row| row.control_logprob).collect();
    assert_eq!(shape, [Some(f32::NEG_INFINITY), Some(-0.5), Some(f32::NEG_INFINITY), Some(-1.5)]);
    // Of the first version nothing of the sort is known.
    let first = RunFolder::open(&sample("run-v1")).unwrap().rows::<Choices>().unwrap();
    assert!(first.iter().all(|row| row.control_logprob.is_none()));
}

/// The teacher's answers as models score them that show their logits.
#[test]
fn scored_version_1() {
    let rows = RunFolder::open(&sample("run-v1-scored")).unwrap().rows::<Scored>().unwrap();
    let shape: Vec<_> =
        rows.iter().map(|row| (row.scorer.name(), row.source.name(), row.tokens, row.bytes, row.logprob)).collect();
    let low = f64::NEG_INFINITY;
    let expected = [
        ("student", "teacher", 3, 11, -2.5),
        ("student", "rerun", 3, 11, -2.5),
        ("base", "teacher", 3, 11, low),
        ("base", "rerun", 3, 11, low),
    ];
    assert_eq!(shape, expected);
}

/// The third version of the choices: how each log-probability was had.
#[test]
fn choices_version_3() {
    let rows = RunFolder::open(&sample("run-v1-letters")).unwrap().rows::<Choices>().unwrap();
    let said = |told, letters| OptionSaid { told, letters };
    assert_eq!(rows[0].said(), [said(Told::Exact, 0), said(Told::Drawn, 3)]);
    assert_eq!(rows[1].said(), [said(Told::AtMost, 0), said(Told::Drawn, 5)]);
    // Earlier versions hold nothing but log-probabilities.
    let earlier = RunFolder::open(&sample("run-v1-control")).unwrap().rows::<Choices>().unwrap();
    assert!(earlier.iter().all(|row| row.said() == [OptionSaid::default(); 2]));
}

/// The second version of the positions: what the models give to entries outside of the shared vocabulary.
#[test]
fn positions_version_2() {
    let run = RunFolder::open(&sample("run-v1-outside")).unwrap();
    let rows = run.rows::<Positions>().unwrap();
    let shape: Vec<_> = rows.iter().map(|row| (row.outside.teacher, row.outside.student)).collect();
    assert_eq!(shape, [(Some(0.25), Some(0.0)), (Some(0.0), None)]);
    assert_eq!(self::rows::<Floor>(&run), self::rows::<Positions>(&run));
    // Of the first version nothing of the sort is known.
    let first = RunFolder::open(&sample("run-v1")).unwrap().rows::<Positions>().unwrap();
    assert!(first.iter().all(|row| row.outside.teacher.is_none() && row.outside.student.is_none()));
}

#[test]
fn run_version_1_with_a_student_behind_a_server() {
    let run = RunFolder::open(&sample("run-v1-shown")).unwrap();
    assert_eq!(run.manifest().regime(), hydrometer_answers::Regime::ShownStudent);
    let rows = run.rows::<ShownStudents>().unwrap();
    let shape: Vec<_> = rows.iter().map(|r| (r.probe.as_str(), r.window, r.position, r.stats.target)).collect();
    assert_eq!(shape, [("text-1", 0, 1, 1), ("text-1", 0, 2, 2)]);
    let [unknown, known] = [&rows[0].stats, &rows[1].stats];
    assert_eq!((unknown.student_logprob, unknown.kendall_tau, unknown.reverse_kl), (None, None, -0.125));
    assert_eq!((unknown.unlisted, unknown.kl_at_least, unknown.kl()), (0.0625, 0.25, None));
    assert_eq!((known.student_logprob, known.kendall_tau, known.reverse_kl), (Some(-0.75), Some(0.5), 0.5));
    assert_eq!((known.teacher_logprob, known.jsd, known.overlap, known.kl()), (-0.5, 0.125, 0.875, Some(0.25)));
    assert_eq!((known.teacher_entropy, known.student_entropy), (1.5, 1.25));
    assert_eq!((known.teacher_top1, known.student_top1), (2, 3));
    assert_eq!((known.teacher_top1_prob, known.student_top1_prob), (0.5, 0.375));
    assert_eq!(known.band_mass, [0.5, 0.25, 0.125, 0.125]);
    assert_eq!(known.band_overlap, [0.375, 0.25, 0.125, 1.0625]);
    assert_eq!(known.band_invented, [0.0, 0.0625, 0.0, 2.5]);
}

#[test]
fn run_version_1_with_both_models_behind_servers() {
    let run = RunFolder::open(&sample("run-v1-bounded")).unwrap();
    assert_eq!(run.manifest().regime(), hydrometer_answers::Regime::ShownBoth);
    let rows = run.rows::<Bounded>().unwrap();
    let shape: Vec<_> = rows.iter().map(|r| (r.probe.as_str(), r.window, r.position, r.stats.target)).collect();
    assert_eq!(shape, [("text-1", 0, 1, 1), ("text-1", 0, 2, 2)]);
    let stats = &rows[0].stats;
    let pair = |within: hydrometer_metrics::sparse::Within| (within.low, within.high);
    assert_eq!((stats.teacher_logprob, stats.student_logprob, stats.kendall_tau), (Some(-0.5), Some(-0.75), None));
    assert_eq!((pair(stats.kl), pair(stats.reverse_kl), pair(stats.jsd)), ((0.25, 1.5), (0.125, 2.0), (0.0625, 0.25)));
    assert_eq!(pair(stats.overlap), (0.75, 0.875));
    assert_eq!((pair(stats.teacher_entropy), pair(stats.student_entropy)), ((1.5, 1.75), (1.25, 1.375)));
    assert_eq!((stats.teacher_top1, stats.student_top1), (1, 2));
    assert_eq!((stats.teacher_top1_prob, stats.student_top1_prob), (0.5, 0.375));
    assert_eq!((pair(stats.tail_mass), pair(stats.tail_kept)), ((0.0625, 0.09375), (0.03125, 0.0625)));
    assert_eq!((pair(stats.tail_invented), stats.teacher_unlisted), ((0.015625, 0.125), 0.03125));
    assert_eq!((stats.student_unlisted, rows[1].stats.kendall_tau), (0.046875, Some(0.5)));
    assert_eq!(pair(rows[1].stats.kl), (0.25, 0.25), "a number that is known is its own bounds");
}

#[test]
fn run_version_1_with_listed_answers() {
    let run = RunFolder::open(&sample("run-v1-answered")).unwrap();
    let manifest = run.manifest();
    assert_eq!((manifest.regime().id(), manifest.settings.listed_answers), ("R2", Some(1)));
    let rows = run.rows::<Answered>().unwrap();
    let shape: Vec<_> = rows.iter().map(|r| (r.probe.as_str(), r.window, r.position, r.stats.tokens)).collect();
    assert_eq!(shape, [("prompt-1", 0, 1, 5), ("prompt-1", 0, 2, 5)]);
    let own = |row: &hydrometer_answers::AnsweredRow| (row.stats.bounds.target, row.stats.bounds.teacher_logprob);
    assert_eq!((own(&rows[0]), own(&rows[1])), ((1, None), (2, Some(-0.5))));
    assert_eq!((rows[0].stats.bounds.kl.low, rows[0].stats.bounds.kl.high), (0.25, 1.5));
    assert_eq!(rows[0].stats.bounds.student_logprob, Some(-0.75));
}

#[test]
fn run_version_1_with_a_cached_teacher() {
    let run = RunFolder::open(&sample("run-v1-sparse")).unwrap();
    let codec = run.manifest().settings.cache.unwrap();
    assert_eq!((codec.vocab, codec.truncation.k_min, codec.truncation.draws), (16, 10, 4));
    let rows = run.rows::<Sparse>().unwrap();
    let shape: Vec<_> = rows.iter().map(|r| (r.probe.as_str(), r.window, r.position, r.stats.target)).collect();
    assert_eq!(shape, [("text-1", 0, 1, 1), ("text-1", 0, 2, 2)]);
    let [unknown, known] = [&rows[0].stats, &rows[1].stats];
    assert_eq!((unknown.teacher_logprob, unknown.kendall_tau, unknown.kl), (None, None, -0.125));
    assert_eq!((known.teacher_logprob, known.kendall_tau, known.kl), (Some(-0.5), Some(0.5), 0.25));
    assert_eq!((known.student_logprob, known.jsd, known.overlap), (-0.75, 0.125, 0.875));
    assert_eq!((known.teacher_entropy, known.student_entropy, known.floored_mass), (1.5, 1.25, 0.0));
    assert_eq!((known.teacher_top1, known.student_top1), (2, 3));
    assert_eq!((known.teacher_top1_prob, known.student_top1_prob), (0.5, 0.375));
    assert_eq!(known.band_mass, [0.5, 0.25, 0.25]);
    assert_eq!(known.band_overlap, [0.375, 0.25, 0.1875]);
    assert_eq!(known.band_invented, [0.0, 0.0625, 2.5]);
    assert_eq!(known.kl_at, [0.9, 0.7, 0.5, 0.375, 0.25, 0.375, 0.5, 0.7, 0.9]);
    assert_eq!(known.kl_slope_at, [-4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0]);
}

#[test]
fn run_version_1_with_vectors() {
    let run = RunFolder::open(&sample("run-v1-vectors")).unwrap();
    let meaning = run.manifest().settings.meaning.as_ref().unwrap();
    assert_eq!((meaning.encoder.width, meaning.least_cosine), (2, 0.75));
    let rows = run.rows::<Vectors>().unwrap();
    let shape: Vec<_> =
        rows.iter().map(|r| (r.probe.as_str(), r.place, r.text.as_str(), r.vector.as_slice())).collect();
    assert_eq!(
        shape,
        [("prompt-1", 0, "answer 0\0 猫", &[1.0, 0.0][..]), ("prompt-1", 1, "answer 1\0 猫", &[0.6, -0.8][..])]
    );
}

#[test]
fn run_version_1_with_sampled_answers() {
    let run = RunFolder::open(&sample("run-v1-samples")).unwrap();
    let settings = run.manifest().settings.samples.as_ref().unwrap();
    assert_eq!((settings.per_probe, settings.reruns, settings.parameters.max_tokens), (2, 1, 16));
    assert!(settings.parameters.is_distribution());
    let rows = run.read::<Samples>().next().unwrap().unwrap().rows;
    let shape: Vec<_> =
        rows.iter().map(|r| (r.source.name(), r.sample, r.tokens, r.logprob, r.finish.name())).collect();
    let (first, second) = ((0, 5, -4.25, "stop"), (1, 6, -5.25, "length"));
    let row = |source, (sample, tokens, logprob, finish)| (source, sample, tokens, logprob, finish);
    let expected = [("teacher", first), ("teacher", second), ("rerun", first), ("student", first), ("student", second)];
    assert_eq!(shape, expected.map(|(source, rest)| row(source, rest)));
    assert_eq!(rows[0].text, "\u{202e}<b>answer 0</b>\0 猫\n");
}

#[test]
fn answer_store_version_1() {
    let mut store = Store::open(&sample("store-v1"), Access::Read).unwrap();
    assert_eq!(store.verify().unwrap(), []);
    let found: Vec<_> = store.answers().map(Result::unwrap).collect();
    let shape: Vec<_> =
        found.iter().map(|a| (a.model_name.as_str(), a.sample, a.tokens.as_slice(), a.finish.name())).collect();
    let tokens: &[u32] = &[2_147_483_647, 2_147_483_648];
    assert_eq!(shape, [("teacher", 0, &[][..], "stop"), ("student", 2, tokens, "length")]);
    assert_eq!(found[1].logprobs, [0.0, -0.5]);
    assert_eq!(found[1].parameters, support::sampling());
    let key = AnswerKey::new(&support::model("student").key(), &prompt_hash(&[1, 2]), &support::sampling(), 2);
    assert_eq!(store.get(&key).unwrap().unwrap().text, "\u{202e}<b>student</b>\0 猫 2\n");
}
