//! Answers that are kept one by one: on disk at once, few files in the end, damage named.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "test code; a child process answers on stdout")]

use crate::support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use hydrometer_answers::RunError;
use hydrometer_answers::store::{Access, Store, StoredAnswer};
use support::stored_answer;

fn answer(sample: u32) -> StoredAnswer {
    stored_answer("teacher", &[1, 2], sample)
}

fn kept(path: &Path, samples: std::ops::Range<u32>) -> Store {
    let mut store = Store::open(path, Access::Write).unwrap();
    samples.for_each(|sample| store.keep(answer(sample)).unwrap());
    store
}

fn segments(path: &Path) -> usize {
    fs::read_dir(path.join("segments")).unwrap().count()
}

fn check_holds(store: &mut Store, samples: std::ops::Range<u32>) {
    assert_eq!(store.len(), samples.len());
    assert_eq!(store.answers().map(Result::unwrap).count(), samples.len());
    assert_eq!(store.verify().unwrap(), []);
    let keys: Vec<_> = samples.clone().map(|sample| answer(sample).key).collect();
    let expected: Vec<_> = samples.map(|sample| Some(answer(sample))).collect();
    assert_eq!(store.get_all(&keys).unwrap(), expected);
}

#[test]
fn many_answers_are_on_disk_at_once_and_one_segment_in_the_end() {
    let home = tempfile::tempdir().unwrap();
    let mut writer = kept(home.path(), 0..50);
    assert_eq!(segments(home.path()), 0);
    check_holds(&mut writer, 0..50);
    // Another process sees each of them.
    let mut reader = Store::open(home.path(), Access::Read).unwrap();
    check_holds(&mut reader, 0..50);
    assert_eq!(reader.groups().unwrap()[0].answers, 50);
    drop(writer);
    assert_eq!((segments(home.path()), home.path().join("journal").exists()), (1, false));
    check_holds(&mut reader, 0..50);
    check_holds(&mut Store::open(home.path(), Access::Read).unwrap(), 0..50);
    // The first answer under a key counts, wherever it stands.
    let mut writer = kept(home.path(), 40..60);
    assert_eq!(writer.put(&[answer(55), answer(60)]).unwrap(), 1);
    check_holds(&mut writer, 0..61);
    writer.compact().unwrap();
    assert_eq!(segments(home.path()), 1);
    check_holds(&mut writer, 0..61);
}

#[test]
fn a_long_journal_becomes_a_segment_while_it_is_written() {
    let home = tempfile::tempdir().unwrap();
    let mut store = Store::open(home.path(), Access::Write).unwrap();
    for sample in 0..12 {
        store.keep(StoredAnswer { text: "x".repeat(1 << 20), ..answer(sample) }).unwrap();
    }
    assert_eq!(segments(home.path()), 3, "four and a little megabytes each");
    assert_eq!(store.len(), 12);
}

#[test]
fn what_no_json_can_hold_is_kept_all_the_same() {
    let home = tempfile::tempdir().unwrap();
    let mut store = Store::open(home.path(), Access::Write).unwrap();
    let mut never = answer(0);
    (never.tokens, never.logprobs) = (vec![1], vec![f32::NEG_INFINITY]);
    store.keep(never.clone()).unwrap();
    assert_eq!(store.get(&never.key).unwrap(), Some(never));
    let wrong = StoredAnswer { sample: 1, ..answer(2) };
    assert!(matches!(store.keep(wrong), Err(RunError::Row { .. })));
    let mut reader = Store::open(home.path(), Access::Read).unwrap();
    assert!(matches!(reader.keep(answer(7)), Err(RunError::ReadOnly { .. })));
    assert_eq!(reader.len(), 1);
}

/// The store that a process leaves which is killed behind so many answers.
fn left_by_killed(path: &Path) {
    let store = kept(path, 0..5);
    let journal = fs::read(path.join("journal")).unwrap();
    drop(store);
    fs::remove_dir_all(path.join("segments")).unwrap();
    fs::create_dir(path.join("segments")).unwrap();
    fs::write(path.join("journal"), journal).unwrap();
}

#[test]
fn a_torn_last_line_is_dropped_and_any_other_damage_is_named() {
    let home = tempfile::tempdir().unwrap();
    left_by_killed(home.path());
    let path = home.path().join("journal");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, [&whole, &whole[..40]].concat()).unwrap();
    check_holds(&mut Store::open(home.path(), Access::Read).unwrap(), 0..5);
    let first = whole.iter().position(|byte| *byte == b'\n').unwrap();
    for at in (0..whole.len() - 1).step_by(7).chain([first]) {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        fs::write(&path, &changed).unwrap();
        for access in [Access::Read, Access::Write] {
            let Err(RunError::StoreDamaged { problems, .. }) = Store::open(home.path(), access) else {
                panic!("byte {at}")
            };
            assert_eq!(problems[0].file, "journal");
        }
        // Who goes on despite it leaves it alone.
        let mut writer = Store::open_despite_damage(home.path(), Access::Write).unwrap();
        assert!(matches!(writer.keep(answer(9)), Err(RunError::StoreDamaged { .. })));
        assert!(matches!(writer.compact(), Err(RunError::StoreDamaged { .. })));
        drop(writer);
        assert_eq!(fs::read(&path).unwrap(), changed);
    }
    fs::write(&path, [&whole, &whole[..40]].concat()).unwrap();
    check_holds(&mut Store::open(home.path(), Access::Write).unwrap(), 0..5);
    assert_eq!((segments(home.path()), path.exists()), (1, false));
}

const CHILD: &str = "HYDROMETER_TEST_CHILD_JOURNAL";

/// Not a test by itself: the process that [`a_killed_writer_loses_nothing_kept`] kills while it writes.
#[test]
fn child_that_is_killed() {
    let Some(folder) = std::env::var_os(CHILD) else { return };
    let mut store = Store::open(Path::new(&folder), Access::Write).unwrap();
    for sample in 0.. {
        store.keep(answer(sample)).unwrap();
        println!("stored {sample}");
    }
}

#[test]
fn a_killed_writer_loses_nothing_kept() {
    let home = tempfile::tempdir().unwrap();
    let mut finished = 0;
    for more in [5, 30, 90] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "journal::child_that_is_killed", "--nocapture"])
            .env(CHILD, home.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        // Kept until the child is dead: it must not find its listener gone.
        let mut said = lines.filter_map(|line| line.rsplit_once("stored ")?.1.parse::<u32>().ok());
        finished = finished.max(said.nth(more).unwrap() + 1);
        child.kill().unwrap();
        child.wait().unwrap();
        let mut store = Store::open(home.path(), Access::Write).unwrap();
        assert_eq!(store.verify().unwrap(), []);
        for sample in 0..finished {
            assert_eq!(store.get(&answer(sample).key).unwrap(), Some(answer(sample)));
        }
    }
    assert!(segments(home.path()) <= 3, "a segment for each process");
}
