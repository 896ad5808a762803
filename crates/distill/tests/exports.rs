//! Students in every form that a recipe names: opened again, compared with what was trained, described by a card.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::fs;
use std::path::{Path, PathBuf};

use hydrometer_distill::export::{Form, hugging_face, hugging_face_in_parts, possible};
use hydrometer_distill::network::Network;
use hydrometer_distill::train::StepReport;
use hydrometer_distill::{Arm, Completion, Measured, Observer, Outcome, Plan, Recipe};
use hydrometer_models::gguf::Gguf;
use hydrometer_models::gguf::write::Conversion;
use hydrometer_models::{Checkpoint, EngineOptions, Precision};
use hydrometer_probes::builtin::{Domain, corpus};
use serde_json::Value;
use tempfile::TempDir;

const OPTIONS: EngineOptions = EngineOptions { precision: Precision::F32 };

fn teacher() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/teacher.gguf")
}

fn recipe(home: &Path, export: &str) -> Recipe {
    let path = home.join("corpus.jsonl");
    let lines = corpus(77, 40, Domain::Centre).map(|text| serde_json::json!({ "text": text }).to_string() + "\n");
    fs::write(&path, lines.collect::<String>()).unwrap();
    let text = format!(
        "teacher = {:?}\narms = [\"distilled\", \"hard_labels\"]\n[student]\nlayers = [0, 5]\n\
         [data]\nfiles = [{path:?}]\nheld_out = 0.2\ncontext = 96\nallow_overlap = [\"builtin\"]\n[loss]\ndivergence = \"forward_kl\"\n\
         [train]\nsteps = 3\nbatch_tokens = 300\nlearning_rate = 1e-3\nseed = 5\nevaluate_tokens = 600\n{export}",
        teacher(),
    );
    Recipe::parse(&text, Path::new("recipe.toml")).unwrap()
}

/// Looks on, and counts the steps.
#[derive(Default)]
struct Watch(u64);

impl Observer for Watch {
    fn begins(&mut self, _: Arm, _: u64, _: u64) {}
    fn stepped(&mut self, _: Arm, _: u64, _: &StepReport) {
        self.0 += 1;
    }
    fn measured(&mut self, _: Arm, _: u64, _: &Measured) {}
    fn completed(&mut self, _: Arm, _: u64, _: &[Completion]) {}
    fn answered(&mut self, _: u64, _: u64) {}
    fn interrupted(&self) -> bool {
        false
    }
}

fn run(recipe: &Recipe, out: &Path) -> (Outcome, u64) {
    let mut watch = Watch::default();
    let outcome = Plan::new(recipe.clone(), &OPTIONS).unwrap().run(out, &mut watch).unwrap();
    (outcome, watch.0)
}

#[test]
fn every_form_is_written_and_measured_beside_the_trained_weights() {
    let home = TempDir::new().unwrap();
    let out = home.path().join("out");
    let formats = "[export]\nformats = [\"hf\", \"gguf:f32\", \"gguf:f16\", \"gguf:q8_0\", \"gguf:q4_k\"]\n";
    let (outcome, steps) = run(&recipe(home.path(), formats), &out);
    assert_eq!((outcome.exports.len(), steps), (10, 6));
    let mut before = None;
    for exported in &outcome.exports[..5] {
        assert_eq!(exported.arm, Arm::Distilled);
        let path = out.join(&exported.path);
        let checkpoint = Checkpoint::open(&path).unwrap();
        assert_eq!(checkpoint.config.layers, 2);
        let estimate = exported.kl_divergence.as_ref().unwrap();
        let (kl, interval) = (estimate.value, estimate.interval.unwrap());
        eprintln!(
            "{}: {kl:.2e} [{:.2e}, {:.2e}], {} bytes",
            exported.form, interval.low, interval.high, exported.bytes
        );
        assert!(interval.low <= kl && kl <= interval.high && interval.low >= 0.0);
        // The trained weights, scored twice: rounding, far below what any form of fewer bits does.
        let floor = estimate.floor.unwrap();
        assert!((0.0..1e-9).contains(&floor), "{floor}");
        match exported.form {
            // The same numbers: nothing but the order of rows of q and k.
            Form::Hf => assert!(kl < 1e-12, "{kl}"),
            Form::Gguf(dtype) if dtype.name() == "F32" => assert!(kl < 1e-9, "{kl}"),
            Form::Gguf(_) => {
                assert!(
                    before.is_none_or(|(kl_before, bytes)| kl > kl_before && exported.bytes < bytes),
                    "{exported:?}"
                );
                assert!(kl > 0.0 && kl < 0.05, "{kl}");
                before = Some((kl, exported.bytes));
            }
        }
    }
    // Rows of 96 hold no block of 256: the file says q4_k and its matrices are of another type.
    let [.., q8_0, q4_k] = &outcome.exports[..5] else { panic!() };
    assert!(q8_0.notes.is_empty() && q4_k.notes.iter().any(|note| note.contains("and not Q4_K: rows of ")), "{q4_k:?}");
    // The card says what the result says.
    let floor = outcome.exports[0].kl_divergence.as_ref().unwrap().floor.unwrap();
    let card = fs::read_to_string(out.join("distilled/student/README.md")).unwrap();
    assert!(card.starts_with("---\nlibrary_name: transformers\n"), "{card}");
    let kl =
        |arm: usize| format!("{:.4} [", outcome.arms[arm].end.as_ref().unwrap().kl_divergence.as_ref().unwrap().value);
    let parts = [
        "# A student of teacher\n",
        &kl(0),
        &kl(1),
        "| `gguf:q8_0` | `distilled/student-q8_0.gguf` |",
        &format!("] | {floor:.1e} |\n"),
        "hydrometer audit --teacher ",
        "documents of the 5 held out. All arms began with the same weights.",
        "- `distilled` learnt from the texts and the teacher's distributions over them: ",
        "- `hard_labels` learnt from the texts without the teacher: ",
        " tokens in 3 steps.\n",
        "`gguf:q4_k`: ",
        "divergence = \"forward_kl\"",
        "blake3:",
    ];
    for part in parts {
        assert!(card.contains(part), "{part}: {card}");
    }
}

/// Another form may be asked for when everything is trained; what is there is kept as it is.
#[test]
fn a_form_that_is_added_trains_nothing_again() {
    let home = TempDir::new().unwrap();
    let out = home.path().join("out");
    let (first, _) = run(&recipe(home.path(), ""), &out);
    assert_eq!(first.exports.iter().map(|exported| exported.form).collect::<Vec<_>>(), [Form::Hf, Form::Hf]);
    let formats = "[export]\nformats = [\"gguf:q8_0\", \"hf\"]\n";
    let (second, steps) = run(&recipe(home.path(), formats), &out);
    assert_eq!((steps, second.exports.len()), (0, 4));
    assert_eq!(second.exports[1], first.exports[0]);
    let file = out.join("distilled/student-q8_0.gguf");
    let written = fs::metadata(&file).unwrap().modified().unwrap();
    let (third, _) = run(&recipe(home.path(), formats), &out);
    assert_eq!((third, fs::metadata(&file).unwrap().modified().unwrap()), (second, written));
}

/// Half precision ends at 65,504. A weight beyond it leaves that one form unwritten and says so; the others are written.
#[test]
fn a_form_that_cannot_hold_a_student_is_told_and_the_others_are_written() {
    let home = TempDir::new().unwrap();
    let out = home.path().join("out");
    run(&recipe(home.path(), ""), &out);
    let file = out.join("distilled/student/model.safetensors");
    let mut bytes = fs::read(&file).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let tensors: Value = serde_json::from_slice(&bytes[8..8 + header]).unwrap();
    let begins = tensors["model.layers.0.mlp.up_proj.weight"]["data_offsets"][0].as_u64().unwrap() as usize;
    bytes[8 + header + begins..][..4].copy_from_slice(&1e5f32.to_le_bytes());
    fs::write(&file, bytes).unwrap();
    let (outcome, _) = run(&recipe(home.path(), "[export]\nformats = [\"gguf:f16\", \"gguf:f32\"]\n"), &out);
    let written: Vec<_> = outcome.exports.iter().map(|one| (one.arm.name(), one.form.to_string())).collect();
    let (f16, f32) = ("gguf:f16".to_owned(), "gguf:f32".to_owned());
    assert_eq!(written, [("distilled", f32.clone()), ("hard_labels", f16.clone()), ("hard_labels", f32)]);
    let [one] = &outcome.unwritten[..] else { panic!("{:?}", outcome.unwritten) };
    assert_eq!((one.arm.name(), one.form.to_string()), ("distilled", f16));
    assert!(one.reason.contains("ffn_up") && !out.join("distilled/student-f16.gguf").exists(), "{}", one.reason);
}

#[test]
fn forms_that_are_none_are_refused_with_the_recipe() {
    let home = TempDir::new().unwrap();
    let good = toml::to_string(&recipe(home.path(), "[export]\nformats = [\"hf\"]\n")).unwrap();
    assert!(!good.contains("export"), "{good}");
    let check = |formats: &str, expected: &str| {
        let text = format!("{good}\n[export]\nformats = {formats}\n");
        let error = Recipe::parse(&text, Path::new("r.toml")).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check("[\"gguf\"]", "expected `hf` or `gguf:TYPE`, as in `gguf:q8_0`, found `gguf`");
    check("[\"gguf:q2_k\"]", "no tensor type to write is called \"q2_k\"");
    check("[]", "export.formats: expected at least one form, as in [\"hf\"], found none");
    check("[\"hf\", \"hf\"]", "export.formats: expected each form once, found hf twice");
    let text = format!("{good}\n[export]\nformats = [\"hf\", \"gguf:q4_k\"]\n");
    let again = toml::to_string(&Recipe::parse(&text, Path::new("r.toml")).unwrap()).unwrap();
    assert!(again.contains("formats = [\"hf\", \"gguf:q4_k\"]"), "{again}");
}

/// A tokenizer that GGUF cannot say is known before the first step.
#[test]
fn what_cannot_be_exported_is_refused_before_anything_is_trained() {
    let home = TempDir::new().unwrap();
    let tiny = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/reference/tiny-qwen2");
    let copy = home.path().join("copy");
    fs::create_dir(&copy).unwrap();
    for entry in fs::read_dir(&tiny).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, copy.join(path.file_name().unwrap())).unwrap();
    }
    let tokenizer = fs::read_to_string(copy.join("tokenizer.json")).unwrap();
    fs::write(copy.join("tokenizer.json"), tokenizer.replace("\\\\p{N}|", "\\\\p{N}{1,2}|")).unwrap();
    let mut recipe = recipe(home.path(), "[export]\nformats = [\"hf\", \"gguf:f16\"]\n");
    (recipe.teacher, recipe.student) = (copy.clone(), hydrometer_distill::Origin::Every(2));
    let mut watch = Watch::default();
    let plan = Plan::new(recipe, &OPTIONS).unwrap();
    let error = plan.run(&home.path().join("out"), &mut watch).unwrap_err().to_string();
    assert!(error.contains("pre-tokenizer that has no name") && watch.0 == 0, "{error}");
    possible(&copy, &[Form::Hf]).unwrap();
}

/// Weights that are too many for one file stand in several, none of them larger than it may be unless it is a single tensor; the
/// index says where each is, and the engine opens them as one.
#[test]
fn weights_in_several_files_are_the_same_weights() {
    let home = TempDir::new().unwrap();
    let source = Checkpoint::open(teacher()).unwrap();
    let network = Network::open(&source, &[0, 5]).unwrap();
    let (whole, parts) = (home.path().join("whole"), home.path().join("parts"));
    hugging_face(&whole, &network, &source).unwrap();
    let most = 200_000;
    hugging_face_in_parts(&parts, &network, &source, most).unwrap();
    assert!(whole.join("model.safetensors").exists() && !whole.join("model.safetensors.index.json").exists());
    assert!(!parts.join("model.safetensors").exists());
    let index = fs::read(parts.join("model.safetensors.index.json")).unwrap();
    let index: Value = serde_json::from_slice(&index).unwrap();
    assert_eq!(index["metadata"]["total_size"].as_u64().unwrap(), 4 * network.weights.len() as u64);
    let mut files: Vec<&str> = index["weight_map"].as_object().unwrap().values().map(|f| f.as_str().unwrap()).collect();
    files.sort_unstable();
    files.dedup();
    let count = files.len();
    assert!(count > 3, "{files:?}");
    let mut total = 0;
    for (at, name) in files.iter().enumerate() {
        assert_eq!(**name, format!("model-{:05}-of-{count:05}.safetensors", at + 1));
        let bytes = fs::read(parts.join(name)).unwrap();
        let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let tensors: Value = serde_json::from_slice(&bytes[8..8 + header]).unwrap();
        let tensors: Vec<&String> = tensors.as_object().unwrap().keys().filter(|key| *key != "__metadata__").collect();
        let held = (bytes.len() - 8 - header) as u64;
        assert!(held <= most || tensors.len() == 1, "{name}: {held} bytes of {tensors:?}");
        assert!(tensors.iter().all(|tensor| index["weight_map"][tensor.as_str()] == **name), "{name}");
        total += held;
    }
    assert_eq!(total, index["metadata"]["total_size"].as_u64().unwrap());
    let read = |folder: &Path| Network::open(&Checkpoint::open(folder).unwrap(), &[0, 1]).unwrap().weights;
    assert!(read(&parts) == network.weights && read(&whole) == network.weights);
}

/// A real file as a folder and back: every key of its architecture and its tokenizer says what it said, and so do the others but
/// for names and types.
#[test]
fn a_real_file_comes_back_from_a_folder_with_its_metadata() {
    let folder = std::env::var_os("HYDROMETER_MODELS").map(PathBuf::from).unwrap_or_default();
    let mut tested = 0;
    for name in ["smollm2-135m.gguf", "qwen-0.5b.gguf"] {
        let path = folder.join(name);
        if !path.exists() {
            continue;
        }
        let home = TempDir::new().unwrap();
        let source = Checkpoint::open(&path).unwrap();
        // One layer is enough for what is asked here.
        let network = Network::open(&source, &[0]).unwrap();
        hugging_face(home.path(), &network, &source).unwrap();
        drop(network);
        let written = Checkpoint::open(home.path()).unwrap();
        let conversion = Conversion::plan(&written, &"f16".parse().unwrap()).unwrap();
        let file = Gguf::open(&path).unwrap();
        let mut missing = Vec::new();
        for (key, value) in file.metadata().iter().filter(|(key, _)| !key.starts_with("general.")) {
            match conversion.pairs().iter().find(|(ours, _)| ours == key) {
                Some((_, ours)) if key.ends_with("block_count") => assert_ne!(ours, value),
                Some((_, ours)) => {
                    assert!(ours == value, "{name}: {key}: {} and not {}", ours.describe(), value.describe())
                }
                None => missing.push(key.to_owned()),
            }
        }
        // llama.cpp adds no space in byte-level BPE anyway.
        assert!(missing.iter().all(|key| key == "tokenizer.ggml.add_space_prefix"), "{missing:?}");
        tested += 1;
    }
    if tested == 0 {
        eprintln!("SKIPPED: no real model in HYDROMETER_MODELS ({})", folder.display());
    }
}
