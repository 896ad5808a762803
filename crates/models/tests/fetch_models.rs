//! `scripts/fetch-models` against a stand-in of the hub: what it fetches lies in the hub's cache as the hub's own tools lay it out, and
//! nothing that lies there is asked for.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "test code")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hydrometer_models::{AskedServer, Served};

use crate::hub::{Bench, COMMIT, Files, files, sha256};

const BYTES: &[u8] = b"GGUF and what follows";

/// Whether the programs are there that the script calls.
fn has_curl() -> bool {
    let has = Command::new("curl").arg("--version").output().is_ok_and(|output| output.status.success());
    if !has {
        eprintln!("SKIPPED: curl is not installed, so scripts/fetch-models fetches nothing");
    }
    has
}

/// Runs the script with a list of one model of this sum: whether it ended well, and what it said.
fn run(bench: &Bench, sum: &str, to: &str, more: &[(&str, &str)]) -> (bool, String, PathBuf) {
    let home = bench.home.path();
    let list = home.join("list");
    fs::write(&list, format!("# One.\ntiny {sum} org/absent/tiny.gguf org/name/tiny.gguf\n")).unwrap();
    let mut command = Command::new("sh");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/fetch-models"));
    command.args(["--list".as_ref(), list.as_os_str(), "--to".as_ref(), home.join(to).as_os_str()]);
    // A proxy or a token of the one who runs the tests is none of theirs.
    command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command
        .envs([("HOME", home), ("HF_HOME", home)])
        .env("HF_ENDPOINT", bench.hub.address())
        .envs(more.iter().copied());
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    (output.status.success(), said, home.join(to).join("tiny.gguf"))
}

fn tiny() -> Files {
    files(&[("tiny.gguf", BYTES)])
}

/// The names below the repository's folder, in order.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_is_fetched_lies_in_the_cache_and_is_not_asked_for_again() {
    if !has_curl() {
        return;
    }
    let bench = Bench::new(tiny(), |_, _| None);
    let (ended, said, file) = run(&bench, &sha256(BYTES), "models", &[]);
    assert!(ended && said.contains("tiny.gguf: fetched"), "{said}");
    assert_eq!(fs::read(file).unwrap(), BYTES);
    let repo = bench.repo();
    assert_eq!(fs::read_to_string(repo.join("refs/main")).unwrap(), COMMIT);
    let link = repo.join("snapshots").join(COMMIT).join("tiny.gguf");
    assert_eq!(fs::read_link(&link).unwrap(), Path::new("../../blobs").join(sha256(BYTES)));
    assert_eq!(fs::read(link).unwrap(), BYTES);
    assert_eq!(names(&repo.join("blobs")), [sha256(BYTES)], "no part is left");
    assert!(
        !bench.home.path().join("hub/models--org--absent").exists(),
        "nothing stays of a repository without the file"
    );
    // Not by the script at another place, and not by `hf:`.
    let asked = || (bench.hub.asked().len(), bench.store.asked().len());
    let before = asked();
    let (ended, said, file) = run(&bench, &sha256(BYTES), "others", &[("HF_HUB_OFFLINE", "1")]);
    assert!(ended && said.contains("taken from the hub's cache"), "{said}");
    assert_eq!(fs::read(file).unwrap(), BYTES);
    bench.fetch("org/name/tiny.gguf").unwrap();
    assert_eq!(asked(), before);
    let (ended, said, _) = run(&bench, &sha256(BYTES), "others", &[]);
    assert!(ended && said.contains("already here"), "{said}");
}

#[test]
fn a_download_that_was_torn_goes_on() {
    if !has_curl() {
        return;
    }
    let torn = Arc::new(AtomicBool::new(false));
    let bench = Bench::new(tiny(), move |asked: &AskedServer, _| {
        let first = asked.path.starts_with("/kept/") && !torn.swap(true, Ordering::SeqCst);
        first.then(|| Served::bytes(200, &BYTES[..9]).torn())
    });
    let (ended, said, file) = run(&bench, &sha256(BYTES), "models", &[]);
    assert!(!ended && said.contains("Run the same command again: it continues"), "{said}");
    assert!(!file.exists());
    let (ended, said, file) = run(&bench, &sha256(BYTES), "models", &[]);
    assert!(ended, "{said}");
    assert_eq!(fs::read(file).unwrap(), BYTES);
    assert_eq!(bench.store.asked().last().unwrap().header("range"), Some("bytes=9-"));
    assert_eq!(fs::read_to_string(bench.repo().join("refs/main")).unwrap(), COMMIT);
}

#[test]
fn another_sum_is_an_error_and_leaves_nothing() {
    if !has_curl() {
        return;
    }
    let bench = Bench::new(tiny(), |_, _| None);
    let wrong = "0".repeat(64);
    let (ended, said, file) = run(&bench, &wrong, "models", &[]);
    assert!(!ended && said.contains(&format!("no download had the SHA-256 {wrong}")), "{said}");
    assert!(said.contains(&format!("tiny.gguf has the SHA-256 {}", sha256(BYTES))), "{said}");
    assert!(!file.exists() && !bench.repo().exists());
    // Offline nobody is asked.
    let before = bench.hub.asked().len();
    let (ended, said, _) = run(&bench, &sha256(BYTES), "models", &[("HF_HUB_OFFLINE", "1")]);
    assert!(!ended && said.contains("HF_HUB_OFFLINE says to ask nobody"), "{said}");
    assert_eq!(bench.hub.asked().len(), before);
}

#[test]
fn the_models_of_the_list_have_sums_and_places() {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts");
    let list = fs::read_to_string(scripts.join("fetch-models.list")).unwrap();
    let models: Vec<Vec<&str>> =
        list.lines().filter(|line| !line.starts_with('#')).map(|line| line.split(' ').collect()).collect();
    assert_eq!(models.len(), 4);
    for model in models {
        assert_eq!(model[1].len(), 64, "{model:?}");
        assert!(model[2..].iter().all(|place| place.split('/').count() == 3) && model.len() > 2, "{model:?}");
        let help = fs::read_to_string(scripts.join("fetch-models")).unwrap();
        assert!(help.contains(&format!("{} (", model[0])), "{model:?}");
    }
}
