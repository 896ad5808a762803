//! Damaged, foreign and missing files are named, never read past.
#![allow(clippy::unwrap_used, reason = "test code")]

use crate::support;

use std::fs;
use std::path::Path;

use hydrometer_answers::part::{Choices, Floor, Likelihoods, Positions};
use hydrometer_answers::{RunError, RunFolder};
use support::{begin, fill, finished, manifest, suite};

/// Damages a finished run and expects `open` to name the file and what is wrong with it.
fn check(damage: impl FnOnce(&Path), file: &str, what: &str) {
    let home = tempfile::tempdir().unwrap();
    finished(home.path());
    damage(home.path());
    expect_damage(RunFolder::open(home.path()), file, what);
}

/// Damages a run that has all its parts and no seal: found when it is finished or read.
fn check_unsealed(damage: impl FnOnce(&Path), file: &str, what: &str) {
    let home = tempfile::tempdir().unwrap();
    let run = begin(home.path());
    fill(&run);
    damage(home.path());
    expect_damage(run.finish(), file, what);
    assert!(!run.is_finished());
}

fn expect_damage<T: std::fmt::Debug>(result: Result<T, RunError>, file: &str, what: &str) {
    let Err(RunError::Damaged { problems, .. }) = &result else { panic!("{file}: {result:?}") };
    assert!(problems.iter().any(|p| p.file == file && p.what.contains(what)), "{file}: {what}: {problems:?}");
    let text = result.unwrap_err().to_string();
    assert!(text.contains("restore these files from a copy"), "{text}");
}

const PART: &str = "parts/positions-00000.parquet";

fn truncate(path: &Path) {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}

#[test]
fn damage_to_a_finished_run_is_named() {
    check(|run| fs::remove_file(run.join(PART)).unwrap(), PART, "is missing");
    check(|run| truncate(&run.join(PART)), PART, "bytes, the finished run had");
    check(
        |run| {
            let mut bytes = fs::read(run.join(PART)).unwrap();
            bytes[200] ^= 1;
            fs::write(run.join(PART), bytes).unwrap();
        },
        PART,
        "was changed after the run finished",
    );
    check(|run| fs::write(run.join("cost.jsonl"), b"").unwrap(), "cost.jsonl", "has 0 bytes");
    check(|run| fs::remove_file(run.join("probes.jsonl")).unwrap(), "probes.jsonl", "is missing");
    check(
        |run| {
            let path = run.join("probes.jsonl");
            fs::write(&path, fs::read_to_string(&path).unwrap().replace("The cat", "The dog")).unwrap();
        },
        "probes.jsonl",
        "its hash is",
    );
    check(
        |run| {
            let path = run.join("finished.json");
            fs::write(&path, fs::read_to_string(&path).unwrap().replace(PART, "../../elsewhere")).unwrap();
        },
        "../../elsewhere",
        "not planned",
    );
}

#[test]
fn damage_to_an_unfinished_run_is_named() {
    check_unsealed(|run| truncate(&run.join(PART)), PART, "is no complete Parquet file");
    check_unsealed(|run| fs::write(run.join(PART), b"").unwrap(), PART, "is no complete Parquet file");
    let copy = |run: &Path, from: &str| {
        fs::copy(run.join(from), run.join(PART)).unwrap();
    };
    check_unsealed(|run| copy(run, "parts/positions-00001.parquet"), PART, "hydrometer.unit = \"1\", expected \"0\"");
    check_unsealed(
        |run| copy(run, "parts/floor-00000.parquet"),
        PART,
        "hydrometer.kind = \"floor\", expected \"positions\"",
    );
    check_unsealed(
        |run| {
            let foreign = tempfile::tempdir().unwrap();
            let mut other = manifest();
            other.settings.seed = 8;
            let other = RunFolder::create_or_resume(foreign.path(), &other.sealed(), &suite().probes).unwrap();
            fill(&other);
            fs::copy(foreign.path().join(PART), run.join(PART)).unwrap();
        },
        PART,
        "belongs to another run",
    );
}

#[test]
fn reading_a_damaged_unit_names_it_and_the_others_are_read() {
    let home = tempfile::tempdir().unwrap();
    fill(&begin(home.path()));
    truncate(&home.path().join(PART));
    let run = RunFolder::open_unchecked(home.path()).unwrap();
    let mut units = run.read::<Positions>();
    expect_damage(units.next().unwrap(), PART, "is no complete Parquet file");
    assert_eq!(units.next().unwrap().unwrap().rows.len(), 2);
    assert!(units.next().is_none());
}

/// A deterministic stream of numbers for the damage below.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

/// Reads the only unit of the damaged file's kind: the rows pass every check or the file is named, without a panic.
fn read_damaged(run: &RunFolder, name: &str) {
    let error = match name {
        "positions-00000" => run.read::<Positions>().next().unwrap().err(),
        "floor-00000" => run.read::<Floor>().next().unwrap().err(),
        "choices-00000" => run.read::<Choices>().next().unwrap().err(),
        _ => run.read::<Likelihoods>().next().unwrap().err(),
    };
    if let Some(error) = error {
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn no_damage_makes_the_reader_panic() {
    let home = tempfile::tempdir().unwrap();
    let run = begin(home.path());
    fill(&run);
    // More rounds: HYDROMETER_DAMAGE_ROUNDS=20000.
    let rounds = std::env::var("HYDROMETER_DAMAGE_ROUNDS").map_or(200, |rounds| rounds.parse().unwrap());
    let mut seed = 1;
    for name in ["positions-00000", "floor-00000", "choices-00000", "likelihoods-00000"] {
        let path = home.path().join(format!("parts/{name}.parquet"));
        let whole = fs::read(&path).unwrap();
        for _ in 0..rounds {
            let mut bytes = whole.clone();
            for _ in 0..=next(&mut seed) % 3 {
                let at = next(&mut seed) as usize % bytes.len();
                bytes[at] = next(&mut seed) as u8;
            }
            if next(&mut seed).is_multiple_of(8) {
                bytes.truncate(next(&mut seed) as usize % bytes.len());
            }
            fs::write(&path, &bytes).unwrap();
            read_damaged(&run, name);
        }
        fs::write(&path, &whole).unwrap();
    }
    run.finish().unwrap();
}
