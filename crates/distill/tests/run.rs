//! Whole recipes on the embedded teacher: stopped and gone on with, exported and opened.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use hydrometer_distill::network::{Network, Reading, Tensors};
use hydrometer_distill::train::StepReport;
use hydrometer_distill::{Arm, ArmResult, Completion, DistillError, Measured, Observer, Outcome, Plan, Recipe};
use hydrometer_models::{
    Block, Checkpoint, Decoder, DecoderConfig, EngineOptions, Model, Precision, Scores, Sequence, SlidingWindow,
    TokenizerPairing,
};
use hydrometer_probes::builtin::{Domain, corpus};
use serde_json::Value;
use tempfile::TempDir;

const OPTIONS: EngineOptions = EngineOptions { precision: Precision::F32 };
const STEPS: u64 = 7;

fn teacher() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/teacher.gguf")
}

/// Documents of the demo's own kind.
fn data(home: &Path) -> PathBuf {
    let path = home.join("corpus.jsonl");
    let lines = corpus(77, 40, Domain::Centre).map(|text| serde_json::json!({ "text": text }).to_string() + "\n");
    fs::write(&path, lines.collect::<String>()).unwrap();
    path
}

fn recipe(home: &Path, student: &str, arms: &str) -> Recipe {
    let text = format!(
        r#"
        teacher = {:?}
        arms = {arms}
        [student]
        {student}
        [data]
        files = [{:?}]
        held_out = 0.2
        context = 96
        allow_overlap = ["builtin"]
        [loss]
        divergence = {{ stratified = {{ k = 8, draws = 4 }} }}
        temperature = 2.0
        hard = 0.3
        [train]
        steps = {STEPS}
        batch_tokens = 300
        micro_tokens = 200
        learning_rate = 1e-3
        warm_up = 2
        weight_decay = 0.01
        seed = 5
        evaluate_every = 3
        evaluate_tokens = 600
        checkpoint_every = 2
        completions_every = 3
        "#,
        teacher(),
        data(home)
    );
    Recipe::parse(&text, Path::new("recipe.toml")).unwrap()
}

/// Stops after some steps, or never.
struct Stop {
    after: u64,
    seen: u64,
    began: Vec<(Arm, u64)>,
    went_back: Vec<(u64, String)>,
}

impl Stop {
    fn after(after: u64) -> Stop {
        Stop { after, seen: 0, began: Vec::new(), went_back: Vec::new() }
    }
}

impl Observer for Stop {
    fn begins(&mut self, arm: Arm, step: u64, _: u64) {
        self.began.push((arm, step));
    }

    fn went_back(&mut self, _: Arm, step: u64, damaged: &DistillError) {
        self.went_back.push((step, damaged.to_string()));
    }

    fn stepped(&mut self, _: Arm, _: u64, report: &StepReport) {
        assert!(report.sums.rows > 0 && report.tokens >= 300);
        self.seen += 1;
    }

    fn measured(&mut self, _: Arm, _: u64, held_out: &Measured) {
        let interval = held_out.kl_divergence.as_ref().unwrap().interval.unwrap();
        assert!(interval.low >= 0.0 && interval.low < interval.high, "{interval:?}");
    }

    fn completed(&mut self, _: Arm, step: u64, completions: &[Completion]) {
        assert!(step.is_multiple_of(3) && completions.len() == 3, "{completions:?}");
        assert!(completions.iter().all(|all| !all.prompt.is_empty() && !all.document.is_empty()));
    }

    fn answered(&mut self, done: u64, of: u64) {
        assert!(done <= of);
    }

    fn interrupted(&self) -> bool {
        self.seen >= self.after
    }
}

fn outcome(recipe: &Recipe, out: &Path, observer: &mut Stop) -> Result<Outcome, DistillError> {
    Plan::new(recipe.clone(), &OPTIONS)?.run(out, observer)
}

fn run(recipe: &Recipe, out: &Path, observer: &mut Stop) -> Result<Vec<ArmResult>, DistillError> {
    outcome(recipe, out, observer).map(|outcome| outcome.arms)
}

fn weights(folder: &Path) -> Vec<u8> {
    fs::read(folder.join("student/model.safetensors")).unwrap()
}

#[test]
fn a_run_that_was_stopped_ends_with_the_weights_of_one_that_was_not() {
    let home = TempDir::new().unwrap();
    let recipe = recipe(home.path(), "layers = [0, 2, 5]", r#"["distilled", "hard_labels"]"#);
    let (whole, parts) = (home.path().join("whole"), home.path().join("parts"));
    let expected = run(&recipe, &whole, &mut Stop::after(u64::MAX)).unwrap();
    // In the middle of an arm, off its checkpoints; a second time, in the other arm.
    let error = run(&recipe, &parts, &mut Stop::after(3)).unwrap_err();
    assert!(matches!(error, DistillError::Interrupted { step: 3 }), "{error}");
    let mut second = Stop::after(6);
    let error = run(&recipe, &parts, &mut second).unwrap_err();
    assert!(matches!(error, DistillError::Interrupted { step: 2 }), "{error}");
    assert_eq!(second.began, [(Arm::Distilled, 3), (Arm::HardLabels, 0)]);
    // Killed: what stands behind the checkpoint is done again, and half a line is thrown away.
    let metrics = parts.join("hard_labels/metrics.jsonl");
    let torn = fs::read_to_string(&metrics).unwrap() + "{\"step\":3,\"tokens\":1}\n{\"step\":4,\"tok";
    fs::write(&metrics, torn).unwrap();
    let mut third = Stop::after(u64::MAX);
    let found = run(&recipe, &parts, &mut third).unwrap();
    assert_eq!(third.began, [(Arm::HardLabels, 2)]);
    assert_eq!(found, expected);
    for arm in ["distilled", "hard_labels"] {
        assert_eq!(weights(&whole.join(arm)), weights(&parts.join(arm)), "{arm}");
        for file in ["metrics.jsonl", "checkpoint.safetensors", "completions.jsonl"] {
            let [a, b] = [&whole, &parts].map(|run| fs::read(run.join(arm).join(file)).unwrap());
            assert_eq!(a, b, "{arm}/{file}");
        }
    }
    let said = fs::read_to_string(whole.join("distilled/completions.jsonl")).unwrap();
    let steps: Vec<u64> =
        said.lines().map(|l| serde_json::from_str::<Value>(l).unwrap()["step"].as_u64().unwrap()).collect();
    assert_eq!(steps, [0, 0, 0, 3, 3, 3, 6, 6, 6]);
    assert_ne!(weights(&whole.join("distilled")), weights(&whole.join("hard_labels")));
    // Both arms began alike and saw the same; the teacher's distributions brought the student nearer.
    let [distilled, control] = &expected[..] else { panic!("two arms") };
    assert_eq!((distilled.tokens, &distilled.start), (control.tokens, &control.start));
    let kl = |measured: &Option<Measured>| measured.as_ref().unwrap().kl_divergence.as_ref().unwrap().value;
    assert!(kl(&distilled.end) < kl(&distilled.start), "{distilled:?}");
    // A finished run is not trained again.
    let mut again = Stop::after(0);
    assert_eq!(run(&recipe, &whole, &mut again).unwrap(), expected);
    assert!(again.began.is_empty());
}

/// A checkpoint that is cut off: the one before is gone on from, which is said, and the end is the same. Both cut off are an error.
#[test]
fn a_damaged_checkpoint_costs_the_steps_since_the_one_before() {
    let home = TempDir::new().unwrap();
    let recipe = recipe(home.path(), "layers = [0, 5]", r#"["distilled"]"#);
    let (whole, parts) = (home.path().join("whole"), home.path().join("parts"));
    let expected = run(&recipe, &whole, &mut Stop::after(u64::MAX)).unwrap();
    run(&recipe, &parts, &mut Stop::after(5)).unwrap_err();
    let file = |name: &str| parts.join("distilled").join(name);
    let (newest, previous) = (file("checkpoint.safetensors"), file("checkpoint.previous.safetensors"));
    let cut = |path: &Path| fs::write(path, &fs::read(path).unwrap()[..5000]).unwrap();
    let kept = fs::read(&previous).unwrap();
    cut(&newest);
    cut(&previous);
    let error = run(&recipe, &parts, &mut Stop::after(0)).unwrap_err().to_string();
    assert!(error.contains("distilled/checkpoint.safetensors"), "{error}");
    fs::write(&previous, &kept).unwrap();
    // Stopped at step 5, with the checkpoint of step 4 before it. What is damaged is never the one before.
    let mut second = Stop::after(1);
    let error = run(&recipe, &parts, &mut second).unwrap_err();
    assert!(matches!(error, DistillError::Interrupted { step: 5 }), "{error}");
    assert_eq!(second.began, [(Arm::Distilled, 4)]);
    let [(4, why)] = &second.went_back[..] else { panic!("{:?}", second.went_back) };
    assert!(why.contains("distilled/checkpoint.safetensors"), "{why}");
    assert_eq!(fs::read(&previous).unwrap(), kept);
    // Killed between two names: the newest is missing, and nothing is damaged.
    fs::remove_file(&newest).unwrap();
    let mut third = Stop::after(u64::MAX);
    assert_eq!(run(&recipe, &parts, &mut third).unwrap(), expected);
    assert_eq!((third.began, third.went_back), (vec![(Arm::Distilled, 4)], Vec::new()));
    for name in ["student/model.safetensors", "metrics.jsonl", "completions.jsonl", "checkpoint.safetensors"] {
        let [a, b] = [&whole, &parts].map(|run| fs::read(run.join("distilled").join(name)).unwrap());
        assert!(a == b, "{name}");
    }
    assert!(!file("checkpoint.next.safetensors").exists());
}

/// Memory that runs out in the middle of a run is no reason to begin anew.
#[test]
fn a_run_may_go_on_with_less_memory() {
    let home = TempDir::new().unwrap();
    let mut recipe = recipe(home.path(), "layers = [0, 5]", r#"["distilled"]"#);
    let (whole, changed) = (home.path().join("whole"), home.path().join("changed"));
    let expected = run(&recipe, &whole, &mut Stop::after(u64::MAX)).unwrap();
    run(&recipe, &changed, &mut Stop::after(3)).unwrap_err();
    recipe.train.checkpointing = true;
    assert_eq!(run(&recipe, &changed, &mut Stop::after(u64::MAX)).unwrap(), expected);
    let [whole, changed] = [whole, changed].map(|out| weights(&out.join("distilled")));
    assert!(whole == changed, "the weights differ");
}

#[test]
fn a_folder_of_another_recipe_is_refused() {
    let home = TempDir::new().unwrap();
    let recipe = recipe(home.path(), "every = 3", r#"["hard_labels"]"#);
    let out = home.path().join("out");
    run(&recipe, &out, &mut Stop::after(0)).unwrap_err();
    let mut other = recipe.clone();
    other.train.learning_rate = 9e-4;
    let error = run(&other, &out, &mut Stop::after(0)).unwrap_err();
    assert!(error.to_string().contains("begun with another recipe"), "{error}");
    fs::write(home.path().join("corpus.jsonl"), "{\"text\":\"a b\"}\n").unwrap();
    let error = run(&recipe, &out, &mut Stop::after(0)).unwrap_err();
    assert!(error.to_string().contains("data"), "{error}");
}

/// What was trained is what the exported folder holds: the engine opens it and has the trainer's logits, and its tokens.
#[test]
fn an_exported_student_is_the_trained_one() {
    let home = TempDir::new().unwrap();
    let recipe = recipe(home.path(), "layers = [0, 1, 4]", r#"["distilled"]"#);
    let out = home.path().join("out");
    run(&recipe, &out, &mut Stop::after(u64::MAX)).unwrap();
    let folder = out.join("distilled/student");
    let exported = Checkpoint::open(&folder).unwrap();
    let engine = Decoder::open(&exported, &OPTIONS).unwrap();
    let original = Checkpoint::open(teacher()).unwrap();

    // The trainer's own weights, from its checkpoint, through its own network.
    let start = Network::open(&original, &[0, 1, 4]).unwrap();
    let mut trainer = hydrometer_distill::train::Trainer::new(start, recipe.settings(Arm::Distilled));
    trainer.load(&out.join("distilled/checkpoint.safetensors")).unwrap();
    assert_eq!(trainer.step, STEPS);
    let network = trainer.network;
    let read: Tensors = Tensors::read(&exported, &[0, 1, 2], 0.0, Reading::Numbers).unwrap();
    assert_eq!(read, network.weights);
    let tokens: Vec<u32> = (0..60).map(|i| (i * 7919 + 3) % network.config.vocab as u32).collect();
    let vocab = network.config.vocab;
    let tape = network.forward(&tokens, std::slice::from_ref(&(0..60)));
    let trained = network.products().forward(&network.normed(&tape.stream).0, network.weights.output(), None, vocab);
    let mut opened = vec![0.0; 60 * vocab];
    let block = Block { sequences: vec![Sequence { tokens, rows: (0..60).collect() }] };
    engine.score(&block).unwrap().read(0..60, &mut opened).unwrap();
    let largest = trained.values.iter().zip(&opened).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(largest < 1e-4, "{largest}");

    let (ours, theirs) = (exported.tokenizer().unwrap(), original.tokenizer().unwrap());
    assert_eq!(ours.pairing(&theirs), TokenizerPairing::Same);
    let specials = |tokenizer: &hydrometer_models::Tokenizer| (tokenizer.bos(), tokenizer.eos(), tokenizer.adds_bos());
    assert_eq!(specials(&ours), specials(&theirs));
    let texts = [
        "It's 12,345 o'clock; they'LL come.\n\n  Twice  indented\r\n",
        "<|endoftext|> in a text is text",
        "Größe, café, 北京, ภาษาไทย, 🙂🙂",
        "  spaces   and\ttabs\t\t\n \n",
        "def f(x):\n    return x**2 + 1  # so",
        "a",
    ];
    for text in texts {
        assert_eq!(ours.encode(text).unwrap(), theirs.encode(text).unwrap(), "{text:?}");
        assert_eq!(ours.encode_rendered(text).unwrap(), theirs.encode_rendered(text).unwrap(), "{text:?}");
    }
    assert_eq!(engine.identity().architecture.as_deref(), Some("llama"));
    // Its only end is no list.
    let generation = fs::read(folder.join("generation_config.json")).unwrap();
    let generation: Value = serde_json::from_slice(&generation).unwrap();
    assert_eq!(generation["eos_token_id"].as_u64(), theirs.eos().map(u64::from));
}

/// A student of a folder keeps biases, norms, windows, scaled rotations and a head of its own through training and export, to
/// a folder and to a GGUF file.
#[test]
fn folders_are_students_and_teachers_too() {
    let families = [
        ("tiny-llama", "every = 2"),
        ("tiny-qwen2", "layers = [0, 2]"),
        ("tiny-qwen3", "every = 2"),
        ("tiny-gemma3", "layers = [0, 5]"),
    ];
    for (name, line) in families {
        let tiny = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/reference").join(name);
        let home = TempDir::new().unwrap();
        let mut recipe = recipe(home.path(), line, r#"["distilled"]"#);
        recipe.teacher = tiny.clone();
        // The merges of tiny-gemma3's tokenizer have no order that GGUF could say.
        let formats: &[&str] = if name == "tiny-gemma3" { &["hf"] } else { &["hf", "gguf:f32"] };
        recipe.export.formats = formats.iter().map(|form| form.parse().unwrap()).collect();
        let out = home.path().join("out");
        let exports = outcome(&recipe, &out, &mut Stop::after(u64::MAX)).unwrap().exports;
        let apart = exports.iter().map(|exported| exported.kl_divergence.as_ref().unwrap().value).fold(0.0, f64::max);
        assert!(exports.len() == formats.len() && apart < 1e-9, "{name}: {apart}");
        let exported = Checkpoint::open(out.join("distilled/student")).unwrap();
        let original = Checkpoint::open(&tiny).unwrap();
        // Of the two layers of Gemma the second sees everything.
        let sliding_window = original.config.sliding_window.map(|sliding| SlidingWindow { pattern: 2, ..sliding });
        let expected = DecoderConfig { layers: 2, sliding_window, ..original.config.clone() };
        assert_eq!(exported.config, expected);
        assert_eq!(exported.tokenizer().unwrap().hash(), original.tokenizer().unwrap().hash());
        // What ends an answer for the encoder ends it in transformers, too, the end of a text first.
        let tokenizer = exported.tokenizer().unwrap();
        let generation = fs::read(out.join("distilled/student/generation_config.json")).unwrap();
        let ends = serde_json::from_slice::<Value>(&generation).unwrap()["eos_token_id"].clone();
        let ends: Vec<u32> = serde_json::from_value(ends).unwrap();
        assert_eq!(ends.first().copied(), tokenizer.eos(), "{name}");
        let mut sorted = ends.clone();
        sorted.sort_unstable();
        assert_eq!((sorted, ends.len()), (tokenizer.ends(), 2), "{name}");
        // And the student teaches the next one.
        recipe.student = hydrometer_distill::Origin::Model(out.join("distilled/student"));
        run(&recipe, &home.path().join("next"), &mut Stop::after(u64::MAX)).unwrap();
    }
}

#[test]
fn a_fresh_student_learns() {
    let home = TempDir::new().unwrap();
    let fresh = "fresh = { layers = 2, width = 48, heads = 4, kv_heads = 2, ff = 96 }";
    let mut recipe = recipe(home.path(), fresh, r#"["distilled"]"#);
    recipe.train.learning_rate = 1e-2;
    let results = run(&recipe, &home.path().join("out"), &mut Stop::after(u64::MAX)).unwrap();
    let [start, end] = [&results[0].start, &results[0].end].map(|m| m.as_ref().unwrap().cross_entropy);
    // Knowing nothing costs ln 2048 nats.
    assert!((start - 2048f64.ln()).abs() < 0.2 && end < start - 0.5, "{start}, {end}");
}

#[test]
fn recipes_out_of_range_name_the_key() {
    let home = TempDir::new().unwrap();
    let good = recipe(home.path(), "every = 2", "[\"distilled\"]");
    let good = toml::to_string(&good).unwrap();
    let check = |from: &str, to: &str, expect: &str| {
        assert!(good.contains(from), "{good}");
        let error = Recipe::parse(&good.replace(from, to), Path::new("r.toml")).unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    };
    check("held_out = 0.2", "held_out = 1.0", "data.held_out: expected a share from 0 to below 1, found 1");
    check("temperature = 2.0", "temperature = 3.0", "loss.temperature: expected 1, 2 or 4");
    let far = "hard = 0.3\nweights = { entropy = 99.0 }";
    check("hard = 0.3", far, "loss.weights.entropy: expected a number from -20 to 20, found 99");
    let unread = "hard = 1.0\nweights = { entropy = 1.0 }";
    check("hard = 0.3", unread, "loss.weights.entropy: expected 0 where hard labels are everything, found 1");
    check("steps = 7", "steps = 0", "train.steps: expected at least 1, found 0");
    check(
        "warm_up = 2",
        "warm_up = 8",
        "train.warm_up: expected no more steps than `train.steps`, so that the rate gets",
    );
    for wild in ["1e-30", "1e30", "0.0", "inf", "nan"] {
        let expect = "loss.temperature: expected a number from 0.01 to 1,000, found ";
        check("temperature = 2.0", &format!("temperature = {wild}"), expect);
    }
    check("steps = 7", "stepps = 7", "unknown field `stepps`");
    check("every = 2", "each = 2", "unknown variant `each`");
    check("context = 96", "context = 1", "data.context: expected at least 2");
    let all = "9223372036854775807";
    for (key, most) in [("batch_tokens = 300", "4,194,304"), ("micro_tokens = 200", "1,048,576")] {
        let name = key.split(' ').next().unwrap();
        check(key, &format!("{name} = {all}"), &format!("train.{name}: expected from 1 to {most}, found {all}"));
    }
    let fresh = "fresh = { layers = 4096, width = 65536, heads = 64, kv_heads = 64, ff = 65536 }";
    check(
        "[student]\nevery = 2",
        &format!("[student]\n{fresh}"),
        "student.fresh: expected sizes that make at most 8,589,934,592 weights",
    );
    check("k = 8", "k = 4294967295", "loss.k: expected from 1 to 16,777,216, more than any vocabulary has, found 4294");
    check("draws = 4", "draws = 4294967295", "loss.draws: expected from 1 to 65,536, found 4294967295");
    check("draws = 4", "draws = 0", "loss.draws: expected from 1 to 65,536, found 0");
}
