//! The answer store: kept apart by key, found again, never lost, damage named.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "test code; a child process answers on stdout")]

use crate::support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use hydrometer_answers::store::{Access, AnswerKey, Rewritten, Store, StoredAnswer, prompt_hash};
use hydrometer_answers::{RunError, SamplingParameters};
use support::{model, sampling, stored_answer as answer};

/// Six answers of two models to two prompts; some have no tokens.
fn answers() -> Vec<StoredAnswer> {
    let of = |name| move |(prompt, sample): (u32, u32)| answer(name, &[1, 2, prompt], sample);
    let places = [(0, 0), (0, 1), (1, 3)];
    places.into_iter().map(of("teacher")).chain(places.into_iter().map(of("student"))).collect()
}

fn filled(path: &Path) -> Store {
    let mut store = Store::open(path, Access::Write).unwrap();
    assert_eq!(store.put(&answers()[..2]).unwrap(), 2);
    assert_eq!(store.put(&answers()[2..]).unwrap(), 4);
    store
}

fn segments(path: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(path.join("segments")).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

fn all(store: &Store) -> Vec<StoredAnswer> {
    store.answers().map(Result::unwrap).collect()
}

#[test]
fn answers_come_back_by_key() {
    let home = tempfile::tempdir().unwrap();
    drop(filled(home.path()));
    let mut store = Store::open(home.path(), Access::Read).unwrap();
    assert_eq!((store.len(), store.is_empty()), (6, false));
    for expected in answers() {
        assert!(store.contains(&expected.key));
        assert_eq!(store.get(&expected.key).unwrap(), Some(expected));
    }
    assert_eq!(store.get(&answer("teacher", &[9], 0).key).unwrap(), None);
    assert_eq!(all(&store), answers());
    assert_eq!(store.verify().unwrap(), []);
    let groups = store.groups().unwrap();
    let shown: Vec<_> = groups.iter().map(|g| (g.model_name.as_str(), g.prompts, g.answers)).collect();
    assert_eq!(shown, [("student", 2, 3), ("teacher", 2, 3)]);
}

#[test]
fn every_field_that_decides_an_answer_is_in_its_key() {
    let key = |change: &dyn Fn(&mut SamplingParameters)| {
        let mut parameters = sampling();
        change(&mut parameters);
        AnswerKey::new("model", "prompt", &parameters, 0)
    };
    let base = key(&|_| {});
    let others = [
        key(&|p| p.temperature = 0.5),
        key(&|p| p.top_p = 0.9),
        key(&|p| p.top_k = 9),
        key(&|p| p.max_tokens = 17),
        key(&|p| p.stop.clear()),
        key(&|p| p.seed = 8),
        AnswerKey::new("model", "prompt", &sampling(), 1),
        AnswerKey::new("model", "prompt2", &sampling(), 0),
        // The same letters, divided otherwise.
        AnswerKey::new("mode", "lprompt", &sampling(), 0),
    ];
    for (index, other) in others.iter().enumerate() {
        assert_ne!(*other, base, "{index}");
        assert!(!others[..index].contains(other), "{index}");
    }
    let teacher = model("teacher");
    let check = |change: fn(&mut hydrometer_answers::ModelIdentity), equal: bool| {
        let mut other = teacher.clone();
        change(&mut other);
        assert_eq!(other.key() == teacher.key(), equal, "{other:?}");
    };
    check(|model| model.name = "x".to_owned(), true);
    check(|model| model.spec = "x".to_owned(), true);
    check(|model| model.weights = "x".to_owned(), false);
    check(|model| model.tokenizer = Some("x".to_owned()), false);
    check(|model| model.template = Some("-".to_owned()), false);
    check(|model| model.surgery = Some("-".to_owned()), false);
    check(|model| model.engine.precision = Some("x".to_owned()), false);
    // Written out: a key of yesterday is found tomorrow.
    assert_eq!(base.to_string(), KEY);
    assert_eq!(prompt_hash(&[1, 2, 3]), PROMPT);
}

const KEY: &str = "blake3:e4d684105b92068fba1dd887433df74881be1e17cf7252f9daa845304ffbddca";
const PROMPT: &str = "blake3:aa301415aa875299b57a73af781007329bf3e3b10f6b7fa23ff133adf464f029";

#[test]
fn the_first_answer_under_a_key_counts() {
    let home = tempfile::tempdir().unwrap();
    let mut store = filled(home.path());
    let mut other = answers()[0].clone();
    other.text = "another".to_owned();
    let new = answer("teacher", &[5], 0);
    assert_eq!(store.put(&[other.clone(), new.clone(), new.clone()]).unwrap(), 1);
    assert_eq!(store.get(&other.key).unwrap().unwrap(), answers()[0]);
    assert_eq!(store.put(&[]).unwrap(), 0);
    assert_eq!((store.len(), segments(home.path()).len()), (7, 3));
}

#[test]
fn answers_that_no_store_may_hold_are_refused_and_nothing_is_written() {
    let home = tempfile::tempdir().unwrap();
    let mut store = Store::open(home.path(), Access::Write).unwrap();
    let mut check = |change: fn(&mut StoredAnswer), expected: &str| {
        let mut bad = answer("teacher", &[1], 2);
        change(&mut bad);
        let text = store.put(&[answer("teacher", &[2], 2), bad]).unwrap_err().to_string();
        assert!(text.contains(expected) && text.contains("row 1"), "{text}");
        assert_eq!(segments(home.path()).len(), 0);
    };
    check(|bad| bad.sample = 3, "its fields give");
    check(|bad| bad.parameters.seed = 3, "its fields give");
    check(|bad| bad.parameters.temperature = f64::NAN, "temperature is NaN");
    check(|bad| bad.tokens.push(0), "3 tokens have 2 log-probabilities");
    check(|bad| bad.logprobs[1] = f32::NAN, "logprobs, entry 1 is NaN");
}

#[test]
fn one_writes_and_others_read() {
    let home = tempfile::tempdir().unwrap();
    let text = Store::open(home.path(), Access::Read).unwrap_err().to_string();
    assert!(text.contains("holds no answer store"), "{text}");
    let mut writer = Store::open(home.path(), Access::Write).unwrap();
    let mut reader = Store::open(home.path(), Access::Read).unwrap();
    let text = Store::open(home.path(), Access::Write).unwrap_err().to_string();
    assert!(text.contains(&format!("is being written by another process (pid {})", std::process::id())), "{text}");
    assert!(matches!(reader.put(&answers()), Err(RunError::ReadOnly { .. })));
    assert!(matches!(reader.compact(), Err(RunError::ReadOnly { .. })));
    writer.put(&answers()).unwrap();
    assert!(reader.is_empty());
    reader.refresh().unwrap();
    assert_eq!(reader.len(), 6);
}

#[test]
fn a_folder_of_something_else_is_left_alone() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("thesis.txt"), "years of work").unwrap();
    let text = Store::open(home.path(), Access::Write).unwrap_err().to_string();
    assert!(text.contains("it holds \"thesis.txt\" and no store.json"), "{text}");
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    fs::write(home.path().join("store.json"), "{\"format\": \"hydrometer.answers/2\"}").unwrap();
    let text = Store::open(home.path(), Access::Read).unwrap_err().to_string();
    assert!(text.contains("hydrometer.answers/2") && text.contains("hydrometer.answers/1"), "{text}");
}

#[test]
fn compaction_keeps_every_answer_and_readers_go_on() {
    let home = tempfile::tempdir().unwrap();
    let mut writer = Store::open(home.path(), Access::Write).unwrap();
    for answer in answers() {
        writer.put(&[answer]).unwrap();
    }
    // Twice the same answers: what a crash between writing and removing leaves.
    let first = &segments(home.path())[0];
    let name = first.file_name().unwrap().to_str().unwrap().replacen("00000000", "00000009", 1);
    fs::copy(first, first.with_file_name(name)).unwrap();
    writer.refresh().unwrap();
    let mut reader = Store::open(home.path(), Access::Read).unwrap();
    let done = writer.compact().unwrap();
    assert_eq!(done, Rewritten { kept: 6, dropped: 1, segments_before: 7, segments_after: 1 });
    assert_eq!(segments(home.path()).len(), 1);
    assert_eq!(all(&writer), answers());
    // The files that this reader knows are gone.
    for expected in answers() {
        assert_eq!(reader.get(&expected.key).unwrap(), Some(expected));
    }
    let teacher = model("teacher").key();
    let done = writer.retain(|answer| answer.model_key != teacher).unwrap();
    assert_eq!((done.kept, done.dropped, writer.len()), (3, 3, 3));
    assert_eq!(all(&writer), answers()[3..]);
    writer.retain(|_| false).unwrap();
    assert_eq!((writer.len(), segments(home.path()).len()), (0, 0));
}

/// A look at the folder with the file manager of some systems is no damage.
#[test]
fn what_file_managers_leave_is_no_damage() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join(".DS_Store"), "x").unwrap();
    drop(filled(home.path()));
    for litter in [".DS_Store", "Thumbs.db", "desktop.ini"] {
        fs::write(home.path().join("segments").join(litter), "x").unwrap();
    }
    let mut store = Store::open(home.path(), Access::Write).unwrap();
    assert!(store.verify().unwrap().is_empty());
    let before = store.len();
    store.compact().unwrap();
    assert_eq!(store.len(), before);
    fs::write(home.path().join("segments/notes.txt"), "x").unwrap();
    assert_eq!(store.verify().unwrap().len(), 1);
}

#[test]
fn damaged_segments_are_named_and_the_others_are_read_where_asked() {
    let check = |damage: &dyn Fn(&Path), expected: &str| {
        let home = tempfile::tempdir().unwrap();
        drop(filled(home.path()));
        let segment = &segments(home.path())[0];
        let name = format!("segments/{}", segment.file_name().unwrap().to_str().unwrap());
        damage(segment);
        let store = Store::open_despite_damage(home.path(), Access::Read).unwrap();
        let problems = store.verify().unwrap();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].file, name);
        assert!(problems[0].what.contains(expected), "{problems:?}");
        // Seen when the store is opened.
        let read =
            Store::open(home.path(), Access::Read).and_then(|store| store.answers().collect::<Result<Vec<_>, _>>());
        let Err(RunError::StoreDamaged { problems, .. }) = &read else { panic!("{read:?}") };
        assert_eq!(problems[0].file, name);
        let mut writer = Store::open_despite_damage(home.path(), Access::Write).unwrap();
        assert!(matches!(writer.compact(), Err(RunError::StoreDamaged { .. })));
        for expected in &answers()[2..] {
            assert_eq!(writer.get(&expected.key).unwrap().as_ref(), Some(expected));
        }
        writer.put(&[answer("teacher", &[77], 1)]).unwrap();
        assert!(segment.exists());
    };
    let rewrite = |path: &Path, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = fs::read(path).unwrap();
        change(&mut bytes);
        fs::write(path, bytes).unwrap();
    };
    let torn = "it is torn or changed";
    check(&|path| rewrite(path, &|bytes| bytes.truncate(bytes.len() / 2)), torn);
    check(&|path| rewrite(path, &|bytes| bytes.clear()), torn);
    check(&|path| rewrite(path, &|bytes| bytes[300] ^= 1), torn);
}

#[test]
fn no_changed_bit_makes_an_answer_look_missing() {
    let home = tempfile::tempdir().unwrap();
    drop(filled(home.path()));
    let path = &segments(home.path())[1];
    let whole = fs::read(path).unwrap();
    for at in (0..whole.len()).step_by(37) {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        fs::write(path, changed).unwrap();
        let opened = Store::open(home.path(), Access::Write);
        assert!(matches!(opened, Err(RunError::StoreDamaged { .. })), "byte {at}: {opened:?}");
    }
    fs::write(path, whole).unwrap();
    assert_eq!(Store::open(home.path(), Access::Write).unwrap().len(), 6);
}

#[test]
fn what_a_killed_process_left_is_ignored_and_removed() {
    let home = tempfile::tempdir().unwrap();
    drop(filled(home.path()));
    let leftover = home.path().join("segments/00000002-abc.parquet.tmp-1-0");
    fs::write(&leftover, "half of a segm").unwrap();
    let reader = Store::open(home.path(), Access::Read).unwrap();
    assert_eq!((reader.len(), reader.verify().unwrap().len()), (6, 0));
    assert!(leftover.exists());
    assert_eq!(Store::open(home.path(), Access::Write).unwrap().len(), 6);
    assert!(!leftover.exists());
}

#[test]
fn a_segment_that_cannot_be_written_loses_nothing() {
    let home = tempfile::tempdir().unwrap();
    let mut store = filled(home.path());
    fs::rename(home.path().join("segments"), home.path().join("gone")).unwrap();
    let text = store.put(&[answer("teacher", &[9], 0)]).unwrap_err().to_string();
    assert!(text.contains("cannot write"), "{text}");
    fs::rename(home.path().join("gone"), home.path().join("segments")).unwrap();
    assert_eq!(all(&store), answers());
    assert_eq!(store.put(&[answer("teacher", &[9], 0)]).unwrap(), 1);
}

const CHILD: &str = "HYDROMETER_TEST_CHILD_STORE";

/// Not a test by itself: the process that [`a_killed_writer_loses_nothing_finished`] kills while it writes.
#[test]
fn child_that_is_killed() {
    let Some(folder) = std::env::var_os(CHILD) else { return };
    let mut store = Store::open(Path::new(&folder), Access::Write).unwrap();
    for sample in 0.. {
        store.put(&[answer("teacher", &[1], sample)]).unwrap();
        println!("stored {sample}");
    }
}

#[test]
fn a_killed_writer_loses_nothing_finished() {
    let home = tempfile::tempdir().unwrap();
    let mut finished = 0;
    for more in [1, 3, 7] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::child_that_is_killed", "--nocapture"])
            .env(CHILD, home.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        // Kept until the child is dead: it must not find its listener gone.
        let mut said = lines.filter_map(|line| line.rsplit_once("stored ")?.1.parse::<u32>().ok());
        finished = finished.max(said.nth(more).unwrap() + 1);
        let result = Store::open(home.path(), Access::Write);
        assert!(matches!(result, Err(RunError::Locked { pid: Some(found), .. }) if found == child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
        let mut store = Store::open(home.path(), Access::Write).unwrap();
        assert_eq!(store.verify().unwrap(), []);
        for sample in 0..finished {
            let expected = answer("teacher", &[1], sample);
            assert_eq!(store.get(&expected.key).unwrap(), Some(expected));
        }
    }
}
