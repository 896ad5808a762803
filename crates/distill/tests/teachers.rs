//! Teachers besides the live one: what a cache keeps of one, and its own answers.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use hydrometer_answers::cache::{SequenceKey, SequenceRecords, TeacherCache};
use hydrometer_answers::sparse::Codec;
use hydrometer_answers::store::{Access, Store};
use hydrometer_distill::train::{Sample, StepReport};
use hydrometer_distill::{Arm, Completion, DistillError, Measured, Observer, Outcome, Plan, Recipe};
use hydrometer_metrics::sparse::Truncation;
use hydrometer_models::{Block, Decoder, EngineOptions, Model, Precision, Scores, Sequence};
use hydrometer_probes::builtin::{Domain, corpus};
use tempfile::TempDir;

const OPTIONS: EngineOptions = EngineOptions { precision: Precision::F32 };
const KEPT: Truncation = Truncation { mass: 0.98, k_min: 10, k_max: 64, draws: 16 };

/// A folder with documents and a recipe on the embedded teacher.
struct Bench(TempDir);

impl Bench {
    fn new() -> Bench {
        let bench = Bench(TempDir::new().unwrap());
        let lines = corpus(77, 40, Domain::Centre).map(|text| serde_json::json!({ "text": text }).to_string() + "\n");
        fs::write(bench.path("corpus.jsonl"), lines.collect::<String>()).unwrap();
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn recipe(&self, arms: &str, loss: &str, more: &str) -> Recipe {
        let teacher = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/teacher.gguf");
        let text = format!(
            "teacher = {teacher:?}\narms = {arms}\ncache = {:?}\n{more}\n[student]\nlayers = [0, 2, 5]\n\
             [data]\nfiles = [{:?}]\nheld_out = 0.2\ncontext = 96\nallow_overlap = [\"builtin\"]\n[loss]\n{loss}\n\
             [train]\nsteps = 8\nbatch_tokens = 300\nmicro_tokens = 200\nlearning_rate = 1e-3\nwarm_up = 2\nseed = 5\n\
             evaluate_every = 4\nevaluate_tokens = 600\ncheckpoint_every = 2\n",
            self.path("cache"),
            self.path("corpus.jsonl"),
        );
        Recipe::parse(&text, Path::new("recipe.toml")).unwrap()
    }

    /// Keeps the teacher's distributions over all samples of a recipe but the last `without`.
    fn fill(&self, recipe: &Recipe, truncation: Truncation, without: usize) {
        let live = Recipe { arms: vec![Arm::HardLabels], cache: None, ..recipe.clone() };
        let data = Plan::new(live, &OPTIONS).unwrap().data;
        let teacher = Decoder::open(&hydrometer_models::Checkpoint::open(&recipe.teacher).unwrap(), &OPTIONS).unwrap();
        let codec = Codec::of_logits(teacher.identity().logit_width(), truncation);
        let mut cache = TeacherCache::create_or_open(&self.path("cache"), teacher.identity(), codec).unwrap();
        let (key, vocab) = (teacher.identity().key(), codec.vocab as usize);
        let mut encoder = codec.encoder().unwrap();
        let mut keep = |sample: &Sample| {
            let positions = sample.positions();
            let sequence = Sequence { tokens: sample.tokens.clone(), rows: positions.clone().collect() };
            let mut rows = vec![0.0; positions.len() * vocab];
            teacher.score(&Block { sequences: vec![sequence] }).unwrap().read(0..positions.len(), &mut rows).unwrap();
            let mut records = SequenceRecords::new(sample.tokens.clone(), positions.start);
            for (position, row) in positions.zip(rows.chunks(vocab)) {
                let seed = SequenceKey::new(&key, &sample.tokens).seed(position);
                records.push(|bytes| encoder.encode(row, seed, bytes)).unwrap();
            }
            records
        };
        let all: Vec<_> = data.train.iter().chain(&data.held_out).collect();
        // Backwards, in blocks of seven: neither order nor blocks are those of the training.
        let records: Vec<_> = all.iter().rev().skip(without).map(|sample| keep(sample)).collect();
        records.chunks(7).for_each(|block| {
            cache.put(block).unwrap();
        });
    }

    fn run(&self, recipe: &Recipe, out: &str) -> Result<(Outcome, u64), DistillError> {
        let mut watch = Watch::default();
        let outcome = Plan::new(recipe.clone(), &OPTIONS)?.run(&self.path(out), &mut watch)?;
        Ok((outcome, watch.asked))
    }

    fn weights(&self, arm: &str) -> Vec<u8> {
        fs::read(self.path(arm).join("student/model.safetensors")).unwrap()
    }
}

#[derive(Default)]
struct Watch {
    asked: u64,
}

impl Observer for Watch {
    fn begins(&mut self, _: Arm, _: u64, _: u64) {}
    fn stepped(&mut self, _: Arm, _: u64, _: &StepReport) {}
    fn measured(&mut self, _: Arm, _: u64, _: &Measured) {}
    fn completed(&mut self, _: Arm, _: u64, _: &[Completion]) {}
    fn answered(&mut self, _: u64, of: u64) {
        self.asked = of;
    }
    fn interrupted(&self) -> bool {
        false
    }
}

fn kl(measured: &Option<Measured>) -> f64 {
    measured.as_ref().unwrap().kl_divergence.as_ref().unwrap().value
}

#[test]
fn a_run_from_a_cache_ends_where_one_from_the_live_teacher_does() {
    let bench = Bench::new();
    let recipe = bench.recipe(r#"["distilled", "sparse", "hard_labels"]"#, "divergence = \"forward_kl\"", "");
    bench.fill(&recipe, KEPT, 0);
    let (outcome, _) = bench.run(&recipe, "out").unwrap();
    let [distilled, sparse, control] = &outcome.arms[..] else { panic!("three arms") };
    let moved = kl(&distilled.start) - kl(&distilled.end);
    let apart = (kl(&sparse.end) - kl(&distilled.end)).abs();
    assert!(moved > 0.05 && apart < 0.02 * moved, "moved {moved}, apart {apart}");
    assert!((kl(&control.end) - kl(&distilled.end)).abs() > 5.0 * apart, "{control:?}");
    assert!(distilled.end.as_ref().unwrap().tail_kept.as_ref().unwrap().value > 0.3);
    // The first arm against the others, documents paired.
    let found = |b: Arm, number: &str| {
        let mut all = outcome.differences.iter();
        all.find(|d| d.a == b && d.b == Arm::Distilled && d.number == number).cloned().unwrap()
    };
    let helped = found(Arm::HardLabels, "kl_divergence");
    assert!((helped.difference - (kl(&distilled.end) - kl(&control.end))).abs() < 1e-9, "{helped:?}");
    let interval = helped.interval.unwrap();
    assert!(interval.low < helped.difference && helped.difference < interval.high, "{helped:?}");
    assert_eq!((outcome.differences.len(), helped.documents), (6, 5));

    // Where the cache is all there is of the teacher, the student of the arm `sparse` is trained again, bit for bit.
    let alone = Recipe {
        teacher: bench.path("cache"),
        student: hydrometer_distill::Origin::Model(bench.path("out/start")),
        arms: vec![Arm::Distilled],
        cache: None,
        ..recipe.clone()
    };
    let (outcome, _) = bench.run(&alone, "alone").unwrap();
    assert_eq!(bench.weights("alone/distilled"), bench.weights("out/sparse"));
    // Measured by draws it is the same student to within what draws do.
    let estimated = kl(&outcome.arms[0].end);
    assert!((estimated - kl(&sparse.end)).abs() < 0.05 * kl(&sparse.end), "{estimated}, {}", kl(&sparse.end));
}

#[test]
fn what_a_cache_does_not_keep_is_refused() {
    let bench = Bench::new();
    let recipe = |loss: &str| bench.recipe(r#"["sparse"]"#, loss, "");
    bench.fill(&recipe("divergence = \"forward_kl\""), KEPT, 3);
    let check = |loss: &str, expected: &str| {
        let error = bench.run(&recipe(loss), "out").err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check("divergence = \"forward_kl\"\ntemperature = 3.0", "loss.temperature: expected 1, 2 or 4, whose sums");
    check("divergence = \"reverse_kl\"", "loss.divergence: expected forward_kl, stratified or top_k_tail");
    check("divergence = { top_k_tail = { k = 11 } }", "k_min: expected at least 11, found 10");
    check("divergence = { stratified = { k = 4, draws = 17 } }", "draws: expected at least 17, found 16");
    // The last three samples are held out, and of those only a teacher that is a cache alone needs the distributions.
    let mut alone = recipe("divergence = \"forward_kl\"");
    alone.teacher = bench.path("cache");
    (alone.arms, alone.cache) = (vec![Arm::Distilled], None);
    // All that is held out is measured.
    alone.train.evaluate_tokens = 100_000;
    let error = bench.run(&alone, "out").err().unwrap().to_string();
    assert!(error.contains("no layers and no tokenizer"), "{error}");
    alone.student = hydrometer_distill::Origin::Model(recipe("divergence = \"forward_kl\"").teacher);
    let error = bench.run(&alone, "out").err().unwrap().to_string();
    assert!(error.contains("lacks the distributions of 3 of 45 samples"), "{error}");
    let hidden = "divergence = \"forward_kl\"\nhidden = { distance = \"cosine\", weight = 1.0 }";
    let live = bench.recipe(r#"["distilled"]"#, hidden, "");
    let error = bench.run(&Recipe { loss: live.loss, ..alone.clone() }, "out").err().unwrap().to_string();
    assert!(error.contains("the teacher is a cache, which keeps distributions only"), "{error}");
    assert!(!bench.path("out").exists());
    let text = toml::to_string(&recipe("divergence = \"forward_kl\"")).unwrap();
    let without: String =
        text.lines().filter(|line| !line.starts_with("cache")).map(|line| format!("{line}\n")).collect();
    let error = Recipe::parse(&without, Path::new("r.toml")).unwrap_err().to_string();
    assert!(error.contains("cache: expected a folder of the teacher's distributions"), "{error}");
}

#[test]
fn a_teacher_is_asked_once_and_its_answers_are_learnt() {
    let bench = Bench::new();
    let store = format!("teacher_text = {{ store = {:?} }}", bench.path("answers"));
    let mut recipe = bench.recipe(r#"["hard_labels", "teacher_text"]"#, "divergence = \"forward_kl\"", &store);
    recipe.cache = None;
    let (outcome, asked) = bench.run(&recipe, "out").unwrap();
    let prompts = Plan::new(recipe.clone(), &OPTIONS).unwrap().data.train.len() as u64;
    assert_eq!(asked, prompts);
    let held = Store::open(&bench.path("answers"), Access::Read).unwrap();
    assert_eq!(held.len() as u64, prompts);
    assert_ne!(bench.weights("out/teacher_text"), bench.weights("out/hard_labels"));
    assert_eq!(outcome.arms[1].start, outcome.arms[0].start);
    // Nothing is asked twice, and the same answers give the same student.
    let (_, asked) = bench.run(&recipe, "again").unwrap();
    assert_eq!(asked, 0);
    assert_eq!(bench.weights("again/teacher_text"), bench.weights("out/teacher_text"));
    // Answers in files serve as well; one to a prompt that is held out is left out.
    let line = |text: &str| serde_json::json!({ "text": text }).to_string() + "\n";
    let held_out = fs::read_to_string(bench.path("corpus.jsonl")).unwrap();
    fs::write(bench.path("own.jsonl"), held_out + &line("the teacher speaks of the tide at the old stone by the sea"))
        .unwrap();
    let text = format!("teacher_text = {{ files = [{:?}] }}", bench.path("own.jsonl"));
    let mut recipe = bench.recipe(r#"["teacher_text"]"#, "divergence = \"forward_kl\"", &text);
    recipe.cache = None;
    bench.run(&recipe, "files").unwrap();
    fs::write(bench.path("own.jsonl"), line("the teacher speaks of the tide at the old stone by the sea")).unwrap();
    let error = bench.run(&recipe, "files").err().unwrap().to_string();
    assert!(error.contains("begun with another teacher_text"), "{error}");
}

#[test]
fn an_arm_ends_with_its_best_weights_when_patience_is_at_its_end() {
    let bench = Bench::new();
    let mut recipe = bench.recipe(r#"["hard_labels"]"#, "divergence = \"forward_kl\"", "");
    recipe.cache = None;
    // So fast that the student soon moves away.
    (recipe.train.learning_rate, recipe.train.steps, recipe.train.evaluate_every) = (3e-2, 40, 1);
    recipe.train.patience = Some(2);
    let (outcome, _) = bench.run(&recipe, "out").unwrap();
    let result = &outcome.arms[0];
    assert!(result.steps < 40 && result.best + 2 == result.steps, "{result:?}");
    let lines = fs::read_to_string(bench.path("out/hard_labels/metrics.jsonl")).unwrap();
    let kls: Vec<f64> = lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|line| line["held_out"]["kl_divergence"]["value"].as_f64().unwrap())
        .collect();
    let least = kls.iter().copied().fold(f64::INFINITY, f64::min);
    assert_eq!((kls.len() as u64, kls[result.best as usize]), (result.steps + 1, least));
    assert_eq!(kl(&result.end), least);
}
