//! The life of a run folder: created, interrupted, resumed, finished, read.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "test code; a child process answers on stdout")]

use crate::support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use hydrometer_answers::part::{Choices, Floor, Likelihoods, Positions, Samples, Vectors};
use hydrometer_answers::{Deciding, Manifest, Part, PlannedLook, RunError, RunFolder, SampleRow, Stopped, UnitCounts};
use support::{begin, choice, choices, cost, fill, finished, likelihoods, manifest, position, positions, suite};

fn files(path: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for folder in [path.to_path_buf(), path.join("parts")] {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap).filter(|e| e.path().is_file()) {
            let name = entry.path().strip_prefix(path).unwrap().display().to_string();
            found.push((name, fs::read(entry.path()).unwrap()));
        }
    }
    found.sort();
    found
}

/// Rows as text: `NaN` equals itself and −0 differs from 0.
fn shown<T: std::fmt::Debug>(rows: &T) -> String {
    format!("{rows:?}")
}

#[test]
fn what_was_written_is_read_in_unit_order() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("run");
    finished(&path);
    let run = RunFolder::open(&path).unwrap();
    assert_eq!(run.manifest(), &manifest());
    assert_eq!(run.probes(), suite().probes);
    let units: Vec<_> = run.read::<Positions>().map(Result::unwrap).collect();
    assert_eq!(units.iter().map(|part| part.number).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(shown(&units[0].rows), shown(&positions(0)));
    assert_eq!(shown(&units[1].rows), shown(&positions(1)));
    assert_eq!(run.read::<Floor>().map(|part| part.unwrap().rows.len()).collect::<Vec<_>>(), [0]);
    assert_eq!(run.read::<Choices>().map(|part| part.unwrap().rows).collect::<Vec<_>>(), [choices()]);
    assert_eq!(run.read::<Likelihoods>().map(|part| part.unwrap().rows).collect::<Vec<_>>(), [likelihoods()]);
    assert_eq!(run.costs().unwrap(), [cost()]);
}

#[test]
fn an_interrupted_run_continues_and_gives_the_same_bytes() {
    let home = tempfile::tempdir().unwrap();
    let (straight, resumed) = (home.path().join("straight"), home.path().join("resumed"));
    finished(&straight);

    let run = begin(&resumed);
    run.write::<Positions>(1, &positions(1)).unwrap();
    drop(run);
    fs::write(resumed.join("parts/positions-00000.parquet.tmp-1-0"), b"half a pa").unwrap();
    fs::write(resumed.join("manifest.json.tmp-1-1"), b"{").unwrap();
    fs::write(resumed.join("cost.jsonl"), b"{\"what\":\"torn").unwrap();
    assert!(matches!(RunFolder::open(&resumed), Err(RunError::Unfinished { missing, .. })
        if missing.contains(&"parts/positions-00000.parquet".to_owned())
            && !missing.contains(&"parts/positions-00001.parquet".to_owned())));

    let run = begin(&resumed);
    assert!(run.has(Positions::KIND, 1) && !run.has(Positions::KIND, 0));
    assert_eq!(run.costs().unwrap(), []);
    fill(&run);
    run.finish().unwrap();
    drop(run);
    let without_lock =
        |path: &Path| -> Vec<_> { files(path).into_iter().filter(|(name, _)| name != "hydrometer.lock").collect() };
    assert_eq!(without_lock(&straight), without_lock(&resumed));
}

#[test]
fn a_process_killed_right_after_the_manifest_can_be_resumed() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("run");
    drop(begin(&path));
    fs::remove_file(path.join("probes.jsonl")).unwrap();
    fs::remove_dir(path.join("parts")).unwrap();
    let run = begin(&path);
    fill(&run);
    run.finish().unwrap();
    RunFolder::open(&path).unwrap();
}

#[test]
fn a_finished_run_refuses_every_write_of_a_part() {
    let home = tempfile::tempdir().unwrap();
    finished(home.path());
    let before = files(home.path());
    let run = begin(home.path());
    let refused = |result: Result<(), RunError>| assert!(matches!(result, Err(RunError::Finished { .. })));
    refused(run.write::<Positions>(0, &positions(0)));
    refused(run.write::<Floor>(0, &[]));
    refused(run.write::<Choices>(0, &choices()));
    refused(run.write::<Likelihoods>(0, &likelihoods()));
    refused(run.append_cost(&cost()));
    run.finish().unwrap();
    let text = run.write::<Positions>(0, &positions(0)).unwrap_err().to_string();
    assert!(text.contains("finished and never changes; name another folder"), "{text}");
    let after: Vec<_> = files(home.path());
    assert_eq!(before.len(), after.len());
    assert!(before.iter().zip(&after).all(|(a, b)| a == b || a.0 == "hydrometer.lock"));
}

#[test]
fn a_statement_is_written_only_beside_a_finished_run_and_leaves_the_run_whole() {
    let home = tempfile::tempdir().unwrap();
    let run = begin(home.path());
    assert!(matches!(run.write_statement("{}"), Err(RunError::Unfinished { .. })));
    fill(&run);
    run.finish().unwrap();
    run.write_statement("{}\n").unwrap();
    run.write_report("<!doctype html>").unwrap();
    run.write_statement("{}\n").unwrap();
    assert_eq!(fs::read_to_string(home.path().join("statement.json")).unwrap(), "{}\n");
    RunFolder::open(home.path()).unwrap().write_statement("{}\n").unwrap();
}

#[test]
fn opened_for_reading_nothing_is_written() {
    let home = tempfile::tempdir().unwrap();
    drop(begin(home.path()));
    let run = RunFolder::open_unchecked(home.path()).unwrap();
    assert!(matches!(run.write::<Positions>(0, &positions(0)), Err(RunError::ReadOnly { .. })));
    assert!(matches!(run.append_cost(&cost()), Err(RunError::ReadOnly { .. })));
}

#[test]
fn finishing_needs_every_unit() {
    let home = tempfile::tempdir().unwrap();
    let run = begin(home.path());
    run.write::<Choices>(0, &choices()).unwrap();
    let Err(RunError::Unfinished { missing, .. }) = run.finish() else { panic!("finished without its parts") };
    assert_eq!(
        missing,
        [
            "parts/positions-00000.parquet",
            "parts/positions-00001.parquet",
            "parts/floor-00000.parquet",
            "parts/likelihoods-00000.parquet"
        ]
    );
    assert!(!home.path().join("finished.json").exists());
}

fn check_difference(change: impl FnOnce(&mut Manifest), field: &str) {
    let home = tempfile::tempdir().unwrap();
    drop(begin(home.path()));
    let before = files(home.path());
    let mut other = manifest();
    change(&mut other);
    let result = RunFolder::create_or_resume(home.path(), &other.sealed(), &suite().probes);
    let Err(error @ RunError::PlanDiffers { .. }) = result else { panic!("{field}: {result:?}") };
    let text = error.to_string();
    assert!(text.contains(&format!("\n  {field}: the folder has ")), "{text}");
    assert!(text.contains("name another folder"), "{text}");
    assert!(files(home.path()).iter().zip(&before).all(|(a, b)| a == b || a.0 == "hydrometer.lock"));
}

#[test]
fn another_plan_is_refused_and_the_field_is_named() {
    check_difference(|m| m.teacher.weights = "blake3:other".to_owned(), "teacher.weights");
    check_difference(|m| m.student.engine.precision = Some("bf16".to_owned()), "student.engine.precision");
    check_difference(|m| m.student.surgery = Some("temperature=0.7".to_owned()), "student.surgery");
    check_difference(|m| m.suite_hash = "other".to_owned(), "suite_hash");
    check_difference(|m| m.settings.n_ctx = 512, "settings.n_ctx");
    check_difference(|m| m.settings.max_windows = Some(3), "settings.max_windows");
    check_difference(|m| m.units = m.units.clone().with(Positions::KIND, 3), "units.positions");
    check_difference(|m| m.hydrometer = "9.9.9".to_owned(), "hydrometer");
}

#[test]
fn arguments_are_no_part_of_the_plan() {
    let home = tempfile::tempdir().unwrap();
    drop(begin(home.path()));
    let mut other = manifest();
    other.arguments = vec!["audit".to_owned(), "--json".to_owned()];
    RunFolder::create_or_resume(home.path(), &other.sealed(), &suite().probes).unwrap();
}

#[test]
fn a_folder_that_holds_something_else_is_left_alone() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("probes.jsonl"), b"the user's own").unwrap();
    let result = RunFolder::create_or_resume(home.path(), &manifest(), &suite().probes);
    let Err(error @ RunError::NotARun { .. }) = result else { panic!("{result:?}") };
    assert!(error.to_string().contains("\"probes.jsonl\""), "{error}");
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    assert_eq!(fs::read(home.path().join("probes.jsonl")).unwrap(), b"the user's own");
}

#[test]
fn places_without_a_run_are_named() {
    let home = tempfile::tempdir().unwrap();
    assert!(matches!(RunFolder::open(home.path()), Err(RunError::NoRun { .. })));
    let file = home.path().join("file");
    fs::write(&file, b"x").unwrap();
    let result = RunFolder::create_or_resume(&file.join("run"), &manifest(), &suite().probes);
    let Err(error @ RunError::Io { .. }) = result else { panic!("{result:?}") };
    assert!(error.to_string().starts_with("cannot create "), "{error}");
}

#[test]
fn a_manifest_of_another_version_or_an_edited_one_is_refused() {
    let home = tempfile::tempdir().unwrap();
    finished(home.path());
    let path = home.path().join("manifest.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("hydrometer.run/1", "hydrometer.run/2")).unwrap();
    let error = RunFolder::open(home.path()).unwrap_err();
    assert!(matches!(&error, RunError::Format { found, .. } if found == "hydrometer.run/2"), "{error}");
    fs::write(&path, text.replace("\"n_ctx\": 8", "\"n_ctx\": 9")).unwrap();
    assert!(matches!(RunFolder::open(home.path()), Err(RunError::PlanHash { .. })));
    fs::write(&path, text.replace("\"seed\": 7", "\"seed\": ")).unwrap();
    let error = RunFolder::open(home.path()).unwrap_err();
    assert!(matches!(error, RunError::Json { line, .. } if line > 1));
    let mut huge = manifest();
    huge.units = huge.units.with(Choices::KIND, u32::MAX);
    let result = RunFolder::create_or_resume(&home.path().join("huge"), &huge.sealed(), &suite().probes);
    assert!(result.unwrap_err().to_string().contains("units.choices is 4294967295"));
}

#[test]
fn rows_that_no_part_may_hold_are_refused_before_they_are_written() {
    let home = tempfile::tempdir().unwrap();
    let run = begin(home.path());
    let check = |rows: Vec<_>, row: usize, expect: &str| {
        let result = run.write::<Positions>(0, &rows);
        let Err(RunError::Row { row: found, what, .. }) = result else { panic!("{expect}: {result:?}") };
        assert_eq!(found, row);
        assert!(what.contains(expect), "{what}");
        assert!(!run.has(Positions::KIND, 0));
    };
    let mut nan = position("text-1", 0, 1);
    nan.stats.kl_at[3] = f32::NAN;
    check(vec![position("text-1", 0, 0), nan], 1, "kl_at_3 is NaN");
    check(vec![position("text-1", 0, 2), position("text-1", 0, 1)], 1, "rows out of order");
    check(vec![position("text-1", 0, 2), position("text-1", 0, 2)], 1, "rows out of order");
    check(
        vec![position("text-1", 0, 2), position("text-2", 0, 1), position("text-1", 1, 1)],
        2,
        "probe \"text-1\" appears twice",
    );
    check(vec![position("text-9", 0, 2)], 0, "probe \"text-9\" is not in the suite");

    let mut bad = choice(0, 0);
    bad.student_logprob = f64::NAN;
    assert!(run.write::<Choices>(0, &[bad]).unwrap_err().to_string().contains("student_logprob is NaN"));
    let mut bad = likelihoods();
    bad[0].logprob = 0.5;
    assert!(run.write::<Likelihoods>(0, &bad).unwrap_err().to_string().contains("logprob of 7 tokens is 0.5"));
    assert!(matches!(run.write::<Positions>(2, &[]), Err(RunError::NotPlanned { planned: 2, .. })));
}

#[test]
fn a_part_that_cannot_be_written_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let run = begin(home.path());
    fs::create_dir(home.path().join("parts/choices-00000.parquet")).unwrap();
    let error = run.write::<Choices>(0, &choices()).unwrap_err();
    assert!(error.to_string().starts_with("cannot rename into place "), "{error}");
    assert_eq!(fs::read_dir(home.path().join("parts")).unwrap().count(), 1);
}

#[test]
fn two_writers_are_kept_apart() {
    let home = tempfile::tempdir().unwrap();
    let first = begin(home.path());
    let result = RunFolder::create_or_resume(home.path(), &manifest(), &suite().probes);
    let Err(error @ RunError::Locked { .. }) = result else { panic!("{result:?}") };
    assert!(error.to_string().contains(&format!("(pid {})", std::process::id())), "{error}");
    drop(first);
    begin(home.path());
}

const CHILD: &str = "HYDROMETER_TEST_CHILD_FOLDER";

/// Not a test by itself: the process that [`the_lock_of_a_killed_process_is_free`] kills.
#[test]
fn child_that_is_killed() {
    let Some(folder) = std::env::var_os(CHILD) else { return };
    let run = begin(Path::new(&folder));
    run.write::<Positions>(0, &positions(0)).unwrap();
    println!("locked");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    panic!("the parent was to kill this process: {line:?}");
}

#[test]
fn the_lock_of_a_killed_process_is_free() {
    let home = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "run_folder::child_that_is_killed", "--nocapture"])
        .env(CHILD, home.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("locked")), "the child did not get the lock");
    let pid = child.id();
    let result = RunFolder::create_or_resume(home.path(), &manifest(), &suite().probes);
    assert!(matches!(result, Err(RunError::Locked { pid: Some(found), .. }) if found == pid));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(begin(home.path()).has(Positions::KIND, 0));
}

#[test]
fn sampled_answers_come_back_as_they_were_written() {
    let home = tempfile::tempdir().unwrap();
    support::finished_samples(home.path());
    let run = RunFolder::open(home.path()).unwrap();
    assert_eq!(run.manifest(), &support::sampled_manifest());
    assert_eq!(
        run.read::<Samples>().map(Result::unwrap).map(|part| part.rows).collect::<Vec<_>>(),
        [support::samples()]
    );
}

#[test]
fn samples_that_no_part_may_hold_are_refused() {
    let home = tempfile::tempdir().unwrap();
    let run = RunFolder::create_or_resume(home.path(), &support::sampled_manifest(), &suite().probes).unwrap();
    let check = |change: fn(&mut Vec<SampleRow>), expected: &str| {
        let mut rows = support::samples();
        change(&mut rows);
        let text = run.write::<Samples>(0, &rows).unwrap_err().to_string();
        assert!(text.contains(expected), "{text}");
    };
    check(|rows| rows[0].logprob = 1.0, "logprob of 5 tokens is 1, expected at most 0");
    check(|rows| rows[0].logprob = f64::NEG_INFINITY, "logprob is -inf");
    check(|rows| rows[0].logprob = f64::NAN, "logprob is NaN");
    check(|rows| rows.swap(0, 1), "rows out of order");
    check(|rows| rows.swap(2, 3), "rows out of order");
}

#[test]
fn vectors_are_read_back_and_have_length_one() {
    let home = tempfile::tempdir().unwrap();
    let probes = support::suite_with_prompt().probes;
    let run = RunFolder::create_or_resume(home.path(), &support::vectors_manifest(), &probes).unwrap();
    let check = |vector: Vec<f32>, expected: &str| {
        let mut rows = support::vectors();
        rows[1].vector = vector;
        let text = run.write::<Vectors>(0, &rows).unwrap_err().to_string();
        assert!(text.contains(expected), "{text}");
    };
    check(vec![], "vector has length 0, expected 1");
    check(vec![0.9], "vector has length 0.8999999761581421, expected 1");
    check(vec![f32::NAN, 1.0], "vector_0 is NaN");
    check(vec![f32::INFINITY], "vector has length inf, expected 1");
    check(vec![1.0], "vector has 1 numbers, expected 2 as the first");
    run.write::<Vectors>(0, &support::vectors()).unwrap();
    assert!(run.finish().unwrap_err().to_string().contains("samples"));
    run.write::<Samples>(0, &support::prompted()).unwrap();
    run.finish().unwrap();
    drop(run);
    let run = RunFolder::open(home.path()).unwrap();
    assert_eq!(run.rows::<Vectors>().unwrap(), support::vectors());
    assert!(matches!(run.rows_of::<Vectors>(1), Err(RunError::Damaged { .. })));
}

#[test]
fn a_plan_without_samples_keeps_the_hash_it_had_before_there_were_any() {
    let plain = serde_json::to_string(&manifest()).unwrap();
    assert!(!plain.contains("samples"), "{plain}");
    assert_ne!(support::sampled_manifest().hash(), manifest().hash());
}

fn deciding(looks: &[(f64, f64)]) -> Deciding {
    let looks = looks.iter().map(|&(families, error)| PlannedLook { families, error }).collect();
    Deciding { alpha: 0.05, cap: None, largest_text: 3, text_families: 0, gates: Vec::new(), looks }
}

#[test]
fn looks_that_would_spend_more_than_the_error_rate_are_refused() {
    let opened = |looks: &[(f64, f64)]| {
        let folder = tempfile::tempdir().unwrap();
        let mut plan = manifest();
        plan.settings.deciding = Some(deciding(looks));
        let run = RunFolder::create_or_resume(folder.path(), &plan.sealed(), &suite().probes);
        run.map(drop).and_then(|()| RunFolder::open_unchecked(folder.path()).map(drop))
    };
    assert!(opened(&[(0.25, 0.05), (0.5, 0.1), (1.0, 0.85)]).is_ok());
    for looks in [
        &[(0.5, 0.5), (0.5, 0.5)][..],
        &[(1.0, 0.5), (0.5, 0.5)],
        &[(0.5, 0.6), (1.0, 0.6)],
        &[(0.5, 0.0)],
        &[(1.5, 0.5)],
        &[(0.0, 0.5)],
        &[(f64::NAN, 0.5)],
    ] {
        let error = opened(looks).unwrap_err().to_string();
        assert!(error.contains("rising shares"), "{looks:?}: {error}");
    }
}

#[test]
fn a_run_that_stopped_early_is_whole_with_the_units_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = manifest();
    plan.settings.deciding = Some(deciding(&[]));
    let plan = plan.sealed();
    let kept = UnitCounts::default().with(Positions::KIND, 1);
    let stopped = Stopped { units: kept, computed: plan.planned };
    let run = RunFolder::create_or_resume(folder.path(), &plan, &suite().probes).unwrap();
    assert!(matches!(run.finish_early(stopped.clone()), Err(RunError::Unfinished { .. })), "its unit is not there");
    run.write::<Positions>(0, &positions(0)).unwrap();
    run.finish_early(stopped.clone()).unwrap();
    let opened = RunFolder::open(folder.path()).unwrap();
    assert_eq!(
        (opened.stopped(), opened.read::<Positions>().count(), opened.read::<Choices>().count()),
        (Some(&stopped), 1, 0)
    );
    assert!(matches!(run.write::<Positions>(1, &positions(1)), Err(RunError::Finished { .. })));

    // Another number of units than the sealed ones is damage, and so is stopping where the plan does not allow it.
    let file = folder.path().join("finished.json");
    let sealed = std::fs::read_to_string(&file).unwrap();
    for units in [0, 2, 3] {
        let changed = sealed.replacen("\"positions\": 1", &format!("\"positions\": {units}"), 1);
        assert_ne!(changed, sealed);
        std::fs::write(&file, changed).unwrap();
        assert!(matches!(RunFolder::open(folder.path()), Err(RunError::Damaged { .. })), "{units}");
    }
    let other = tempfile::tempdir().unwrap();
    let plan = manifest();
    let run = RunFolder::create_or_resume(other.path(), &plan, &suite().probes).unwrap();
    run.write::<Positions>(0, &positions(0)).unwrap();
    run.finish_early(stopped).unwrap();
    let refused = RunFolder::open(other.path()).unwrap_err().to_string();
    assert!(refused.contains("the plan does not allow"), "{refused}");
}
