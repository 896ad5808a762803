//! Episodes end to end: models act in worlds, what happened is kept, continued after an interruption, and replayed.
#![allow(clippy::unwrap_used)]

use crate::clerk;
use crate::support;

use std::collections::BTreeSet;
use std::path::Path;

use clerk::{Clerk, Manner};
use hydrometer_answers::part::Episodes;
use hydrometer_answers::{EpisodeRow, RunFolder, SampleSource};
use hydrometer_ask::{AskError, AskOptions, Models, Plan};
use hydrometer_audit::{Policy, Statement, statement};
use hydrometer_metrics::Estimate;
use hydrometer_probes::builtin::episodes::{Solved, solved, solved as builtin};
use hydrometer_probes::world::Ending;
use hydrometer_probes::{Decoding, Suite};
use support::{Watch, collect, sampling};

fn suite(solved: &[Solved]) -> Suite {
    Suite { name: "episodes".into(), probes: solved.iter().map(|solved| solved.probe.clone()).collect() }
}

fn two_runs(folder: &Path) -> AskOptions {
    sampling(&folder.join("store"), 2, 1)
}

fn run(teacher: &Clerk, student: &Clerk, suite: &Suite, folder: &Path) -> RunFolder {
    let options = two_runs(folder);
    collect(Models::pair(teacher, student), suite, &options, &folder.join("run"), &mut Watch::default()).unwrap()
}

fn rows(run: &RunFolder) -> Vec<EpisodeRow> {
    run.rows::<Episodes>().unwrap()
}

/// Every part of a run folder, for comparing bytes.
fn bytes(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let files = std::fs::read_dir(folder.join("run/parts")).unwrap().map(|file| file.unwrap().path());
    let mut all: Vec<_> = files
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()))
        .collect();
    all.sort();
    all
}

#[test]
fn models_act_and_what_happened_is_kept() {
    let solved = solved(None, 2, 11);
    let suite = suite(&solved);
    let (teacher, student) = (Clerk::new("t", &solved, Manner::Right), Clerk::new("s", &solved, Manner::GivesUp));
    let folder = tempfile::tempdir().unwrap();
    let run = run(&teacher, &student, &suite, folder.path());
    let rows = rows(&RunFolder::open(run.path()).unwrap());
    // Drawn twice by each model and once more by the teacher, or once by each without chance.
    let drawn = suite.probes.iter().filter(|probe| probe.decoding() == Some(Decoding::Sampled)).count();
    assert_eq!((drawn, rows.len()), (12, drawn * (2 + 1 + 2) + (suite.probes.len() - drawn) * 2));
    for row in &rows {
        let probe = suite.probes.iter().find(|probe| probe.id == row.probe).unwrap();
        let faulty = probe.tags.iter().any(|tag| tag.starts_with("fault:") && tag != "fault:none");
        match row.source {
            SampleSource::Student if faulty => {
                assert_eq!((row.recovered(), row.success), (Some(false), false), "{}", row.probe);
            }
            _ => assert!(row.success, "{} of the {}: {row:?}", row.probe, row.source),
        }
        assert_eq!(row.faults, u32::from(faulty));
        assert_eq!(row.ending, Ending::Done);
    }
    // Nothing is asked twice: runs that stand in the same words have one answer.
    let asked = teacher.asked.lock().unwrap();
    assert_eq!(asked.iter().collect::<BTreeSet<_>>().len(), asked.len());
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_a_store_that_holds_all_asks_nothing() {
    let solved = solved(Some("error_recovery"), 1, 2);
    let suite = suite(&solved);
    let clerk = |name: &str| Clerk::new(name, &solved, Manner::Fails(40));
    let [first, second] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    for folder in [&first, &second] {
        run(&clerk("t"), &clerk("s"), &suite, folder.path());
    }
    assert_eq!(bytes(first.path()), bytes(second.path()));
    std::fs::remove_dir_all(first.path().join("run")).unwrap();
    let (teacher, student) = (clerk("t"), clerk("s"));
    run(&teacher, &student, &suite, first.path());
    assert_eq!(bytes(first.path()), bytes(second.path()));
    assert_eq!(teacher.asked.lock().unwrap().len() + student.asked.lock().unwrap().len(), 0);
}

#[test]
fn an_interrupted_run_continues_at_the_very_turn() {
    let solved = solved(Some("long_horizon"), 1, 5);
    let suite = suite(&solved[..3]);
    let clerk = |name: &str| Clerk::new(name, &solved, Manner::Right);
    let whole = tempfile::tempdir().unwrap();
    let (teacher, student) = (clerk("t"), clerk("s"));
    run(&teacher, &student, &suite, whole.path());
    let all = teacher.asked.lock().unwrap().len() + student.asked.lock().unwrap().len();
    // Broken off again and again: by the model, then by the user. What was complete is never asked again.
    let folder = tempfile::tempdir().unwrap();
    let options = two_runs(folder.path());
    let into = folder.path().join("run");
    let mut asked = 0;
    for round in 0..1000 {
        let (mut teacher, mut student) = (clerk("t"), clerk("s"));
        teacher.breaks_after = (round % 2 == 0).then_some(7);
        student.breaks_after = teacher.breaks_after;
        let mut watch = Watch { stop_after_answers: (round % 2 == 1).then_some(1), ..Watch::default() };
        let ended = collect(Models::pair(&teacher, &student), &suite, &options, &into, &mut watch);
        let broken = teacher
            .breaks_after
            .map_or(0, |most| [&teacher, &student].iter().filter(|of| of.asked.lock().unwrap().len() > most).count());
        asked += teacher.asked.lock().unwrap().len() + student.asked.lock().unwrap().len() - broken;
        match ended {
            Ok(_) => break,
            Err(AskError::Interrupted(_) | AskError::Model { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(bytes(folder.path()), bytes(whole.path()));
    assert_eq!(asked, all);
}

#[test]
fn a_store_that_cannot_be_written_serves_only_where_it_holds_every_turn() {
    let solved = solved(Some("tool_use"), 1, 5);
    let suite = suite(&solved);
    let clerk = |name: &str| Clerk::new(name, &solved, Manner::Right);
    let folder = tempfile::tempdir().unwrap();
    run(&clerk("t"), &clerk("s"), &suite, folder.path());
    std::fs::remove_dir_all(folder.path().join("run")).unwrap();
    let _held =
        hydrometer_answers::store::Store::open(&folder.path().join("store"), hydrometer_answers::store::Access::Write)
            .unwrap();
    run(&clerk("t"), &clerk("s"), &suite, folder.path());
    std::fs::remove_dir_all(folder.path().join("run")).unwrap();
    let options = two_runs(folder.path());
    let other = clerk("another");
    let ended =
        collect(Models::pair(&clerk("t"), &other), &suite, &options, &folder.path().join("run"), &mut Watch::default());
    let refused = ended.unwrap_err();
    assert!(matches!(refused, AskError::Run(hydrometer_answers::RunError::Locked { .. })), "{refused}");
    assert_eq!(other.asked.lock().unwrap().len(), 0);
}

#[test]
fn a_conversation_that_outgrows_its_model_ends_and_says_so() {
    let mut suite = suite(&solved(Some("long_horizon"), 1, 5));
    // Nothing is asked of a turn, or the first one would be the last.
    for probe in &mut suite.probes {
        let hydrometer_probes::Ask::Episode(episode) = &mut probe.ask else { panic!() };
        episode.constraints.clear();
        episode.turns.iter_mut().for_each(|turn| (turn.expect, turn.called) = (None, Vec::new()));
    }
    // Bytes are tokens here, and 4096 of them are its context.
    let bigram = support::Bigram::bytes("bigram", 3);
    let folder = tempfile::tempdir().unwrap();
    let options = sampling(&folder.path().join("store"), 1, 0);
    let run =
        collect(Models::pair(&bigram, &bigram), &suite, &options, &folder.path().join("run"), &mut Watch::default());
    let run = run.unwrap();
    let rows = rows(&run);
    let ended = |ending: Ending| rows.iter().filter(|row| row.ending == ending).count();
    assert!(ended(Ending::Context) >= 2, "{:?}", rows.iter().map(|row| row.ending).collect::<Vec<_>>());
    assert!(rows.iter().all(|row| !row.success));
    // Where the first words are too long already, it is not asked at all.
    let mut long = suite.clone();
    let hydrometer_probes::Ask::Episode(episode) = &mut long.probes[0].ask else { panic!() };
    episode.system = Some("x".repeat(5000));
    let plan = Plan::new(Models::pair(&bigram, &bigram), &long, &options).unwrap();
    let excluded = plan.manifest().excluded.clone().unwrap();
    assert_eq!(excluded.len(), 1);
    assert!(excluded[0].reason.contains("context holds 4096"), "{}", excluded[0].reason);
}

#[test]
fn a_row_that_is_not_what_happened_is_refused() {
    let solved = solved(Some("tool_use"), 1, 5);
    let suite = suite(&solved);
    let clerk = |name: &str| Clerk::new(name, &solved, Manner::Right);
    let folder = tempfile::tempdir().unwrap();
    let run = run(&clerk("t"), &clerk("s"), &suite, folder.path());
    let rows = rows(&run);
    let check = |change: &dyn Fn(&mut EpisodeRow), words: &str| {
        let copy = tempfile::tempdir().unwrap();
        let mut changed = rows.clone();
        change(&mut changed[0]);
        let run = RunFolder::create_or_resume(copy.path(), run.manifest(), &suite.probes).unwrap();
        let error = run.write::<Episodes>(0, &changed).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    check(&|row| row.success = false, "not those of its transcript");
    check(&|row| row.steps += 1, "not those of its transcript");
    check(&|row| row.transcript = row.transcript.replace("\"done\"", "\"steps\""), "transcript of probe");
    check(&|row| row.transcript.push(' '), "not those of its transcript");
    check(&|row| row.transcript = "{}".to_owned(), "no transcript");
    check(&|row| row.family = "other".to_owned(), "family");
}

/// The statement on a student, and what it says.
fn audited(solved: &[Solved], student: Manner) -> Statement {
    let suite = suite(solved);
    let (teacher, student) = (Clerk::new("t", solved, Manner::Right), Clerk::new("s", solved, student));
    let folder = tempfile::tempdir().unwrap();
    let run = run(&teacher, &student, &suite, folder.path());
    statement(&run, &Policy::default()).unwrap()
}

fn estimate(statement: &Statement, metric: &str) -> Estimate {
    let found = statement.metrics.iter().find(|found| found.id == metric).unwrap();
    found.estimate.clone().unwrap_or_else(|| panic!("{metric}: {:?}", found.missing))
}

#[test]
fn the_statement_says_what_was_planted_and_nothing_else() {
    // Without the longest ledgers: every round of a test's answers is written for good.
    let short = |solved: &Solved| solved.calls.len() <= 8;
    let solved: Vec<Solved> = solved(None, 6, 3).into_iter().filter(short).collect();
    let value = |statement: &Statement, metric: &str| estimate(statement, metric).value;
    let is = |value: f64, expected: f64| assert!((value - expected).abs() < 1e-9, "{value}, expected {expected}");

    let same = audited(&solved, Manner::Right);
    is(value(&same, "episode_success"), 1.0);
    is(value(&same, "recovery_ratio"), 1.0);
    is(value(&same, "survival_ratio"), 1.0);
    is(value(&same, "pass_k"), 1.0);
    assert!(same.findings.iter().all(|finding| !finding.id.starts_with("episodes")));

    let gives_up = audited(&solved, Manner::GivesUp);
    is(value(&gives_up, "recovery_ratio"), 0.0);
    is(value(&gives_up, "survival_ratio"), 1.0);
    is(value(&gives_up, "repeated_failing_calls"), 0.0);
    is(value(&gives_up, "undone_damage"), 0.0);
    // Nothing in six families is no proof that there is nothing.
    assert!(estimate(&gives_up, "undone_damage").interval.unwrap().high > 0.2);

    let strays = estimate(&audited(&solved, Manner::Strays), "undone_damage");
    assert_eq!((strays.value, strays.floor), (1.0, Some(0.0)), "{strays:?}");

    let axis = |statement: &Statement, axis: &str| {
        statement.episodes.as_ref().unwrap().axes.iter().find(|of| of.axis == axis).unwrap().clone()
    };
    is(axis(&gives_up, "tool_use").student, 1.0);
    is(axis(&gives_up, "error_recovery").student, 0.5);
    is(axis(&gives_up, "error_recovery").student_recovers.unwrap(), 0.0);
    is(axis(&gives_up, "error_recovery").teacher_recovers.unwrap(), 1.0);
    assert!(gives_up.findings.iter().any(|finding| finding.id == "recovery_lost"));
    let lost = |axis: &str| {
        let slices = gives_up.slices.iter();
        let mut of = slices.filter(|slice| slice.name == format!("axis:{axis}") && slice.metric == "episode_net_loss");
        of.next().unwrap().estimate.value
    };
    is(lost("tool_use"), 0.0);
    is(lost("error_recovery"), 0.5);
    let case = &gives_up.episode_cases[0];
    assert_eq!((case.axis.as_str(), case.student_ended.as_str()), ("error_recovery", "missed the goal"));
    assert!(case.together.last().unwrap().note.as_deref().is_some_and(|note| note.starts_with("fault: ")));
    assert_eq!(case.student[0].text, "I give up.");

    let stubborn = audited(&solved, Manner::Stubborn);
    assert!(value(&stubborn, "repeated_failing_calls") > 0.1);
    assert!(stubborn.findings.iter().any(|finding| finding.id == "malformed_calls"));

    let forgets = audited(&solved, Manner::Forgets(3));
    is(value(&forgets, "recovery_ratio"), 1.0);
    is(value(&forgets, "survival_ratio"), 0.5);
    is(axis(&forgets, "tool_use").student, 1.0);
    let ledgers: Vec<Solved> = builtin(Some("long_horizon"), 30, 3).into_iter().filter(short).collect();
    let forgets = audited(&ledgers, Manner::Forgets(3));
    let ratio = estimate(&forgets, "survival_ratio");
    assert!(ratio.value == 0.5 && ratio.interval.unwrap().high < 1.0, "{ratio:?}");
    assert!(forgets.findings.iter().any(|finding| finding.id == "horizon_lost"));

    let fails = audited(&solved, Manner::Fails(50));
    let (once, twice) = (value(&fails, "episode_success"), value(&fails, "pass_k"));
    assert!(twice < once - 0.05 && once < 0.95, "{once} {twice}");
    assert_eq!(axis(&fails, "tool_use").pass.len(), 2);
    assert!(fails.findings.iter().any(|finding| finding.id == "episodes_lost"));
}

#[test]
fn a_suite_without_episodes_says_nothing_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let bigram = support::Bigram::bytes("bigram", 3);
    let suite = support::suite(3);
    let run =
        collect(Models::pair(&bigram, &bigram), &suite, &support::options(), folder.path(), &mut Watch::default());
    let run = run.unwrap();
    let found = statement(&run, &Policy::default()).unwrap();
    assert!(found.episodes.is_none() && found.metrics.iter().all(|metric| metric.id != "episode_success"));
    // A gate on them is answered.
    let policy = "level = 0.95\n[[gate]]\nmetric = \"episode_success\"\nat_least = 0.5\nrequired = true\n";
    let found = statement(&run, &Policy::parse(policy).unwrap()).unwrap();
    let metric = found.metrics.iter().find(|metric| metric.id == "episode_success").unwrap();
    assert_eq!(metric.missing.as_deref(), Some("the suite has no episodes"));
}
