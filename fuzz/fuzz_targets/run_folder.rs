//! A run folder of a stranger who can hash: real files edited, and the seal made to fit. The samples that are checked in
//! were written by earlier versions; one more is imported by this one at the start.
#![no_main]

mod edits;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use edits::{Edit, edited, harmless};
use hydrometer_answers::logged::{self, BadLines, Columns, Reading, Wanted};
use hydrometer_answers::{Manifest, RunFolder};
use hydrometer_ask::{ImportOptions, import};
use hydrometer_audit::Policy;
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    sample: u8,
    files: Vec<(u8, Vec<Edit>)>,
}

type Folder = Vec<(PathBuf, Vec<u8>)>;

static SAMPLES: LazyLock<Vec<Folder>> = LazyLock::new(|| {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let names = ["run-v1", "run-v1-samples", "run-v1-sparse", "run-v1-vectors"];
    let answers = names.map(|name| crates.join("answers/tests/samples").join(name));
    let earlier = answers.into_iter().chain([crates.join("audit/tests/samples/demo-student")]);
    earlier.map(|folder| read(&folder)).chain([imported()]).collect()
});

/// A run as this version writes it: answers of two models to the same questions, some of them right.
fn imported() -> Folder {
    let home = tempfile::tempdir().expect("a folder");
    let [teacher, student] = ["teacher", "student"].map(str::to_owned);
    let files = [(&teacher, 7), (&student, 3)].map(|(model, right)| {
        let line = |n: usize| {
            let answer = if n % right == 0 { format!("no idea about {n}") } else { format!("It is {}.", n + 1) };
            let correct = n % right != 0;
            let prompt = format!("What comes after {n}?");
            serde_json::json!({"id": n.to_string(), "prompt": prompt, "response": answer, "correct": correct})
        };
        let lines: Vec<String> = (0..30).map(|n| line(n).to_string()).collect();
        let path = home.path().join(format!("{model}.jsonl"));
        fs::write(&path, lines.join("\n")).expect("a file");
        path
    });
    let columns = Columns { models: [teacher.clone(), student.clone()], ..Columns::default() };
    let reading = Reading { format: None, columns, bad_lines: BadLines::Refuse };
    let wanted = Wanted {
        teacher: teacher.clone(),
        student: student.clone(),
        filter: None,
        metric: None,
        epoch: None,
        threshold: None,
    };
    let paired = logged::read(&files, &reading).and_then(|files| logged::pair(&files, &wanted)).expect("two tables");
    let options = ImportOptions { teacher, student, drawn: None, seed: 1, arguments: Vec::new() };
    let run = home.path().join("run");
    import(&paired, &options, None, &run).expect("a run");
    read(&run)
}

fn read(folder: &Path) -> Folder {
    let mut files = Vec::new();
    for inside in ["", "parts"] {
        for entry in fs::read_dir(folder.join(inside)).expect("a sample") {
            let path = entry.expect("an entry").path();
            if path.is_file() {
                let name = path.strip_prefix(folder).expect("inside").to_owned();
                files.push((name, fs::read(&path).expect("a file")));
            }
        }
    }
    files.sort();
    files
}

fuzz_target!(|input: Input| {
    let sample = &SAMPLES[usize::from(input.sample) % SAMPLES.len()];
    let mut files = sample.clone();
    for (which, edits) in input.files.iter().take(3) {
        let at = usize::from(*which) % files.len();
        files[at].1 = edited(&files[at].1, edits);
    }
    for (name, bytes) in &mut files {
        if name == Path::new("manifest.json")
            && let Ok(manifest) = serde_json::from_slice::<Manifest>(bytes)
        {
            *bytes = serde_json::to_vec(&manifest.sealed()).expect("a manifest is JSON");
        }
    }
    reseal(&mut files);
    let home = tempfile::tempdir().expect("a folder");
    fs::create_dir(home.path().join("parts")).expect("a folder");
    for (name, bytes) in &files {
        fs::write(home.path().join(name), bytes).expect("a file");
    }
    let Ok(run) = RunFolder::open(home.path()) else { return };
    let Ok(statement) = hydrometer_audit::statement(&run, &Policy::default()) else { return };
    harmless(&hydrometer_report::markdown(&statement));
    harmless(&hydrometer_report::csv(&statement));
});

fn reseal(files: &mut Folder) {
    let hashes: Vec<(String, usize, String)> = files
        .iter()
        .map(|(name, bytes)| {
            (name.display().to_string(), bytes.len(), format!("blake3:{}", blake3::hash(bytes).to_hex()))
        })
        .collect();
    let Some((_, seal)) = files.iter_mut().find(|(name, _)| name == Path::new("finished.json")) else { return };
    let Ok(mut finished) = serde_json::from_slice::<serde_json::Value>(seal) else { return };
    for file in finished["files"].as_array_mut().into_iter().flatten() {
        if let Some((_, len, hash)) = hashes.iter().find(|(name, ..)| file["file"] == **name) {
            file["bytes"] = (*len).into();
            file["hash"] = hash.as_str().into();
        }
    }
    *seal = serde_json::to_vec(&finished).expect("JSON");
}
