//! Training with products in bf16, or in three of bf16 for each: the losses of f32 but for rounding, the same weights after an interruption, and a refusal
//! where the processor has no such products.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::fs;
use std::path::{Path, PathBuf};

use hydrometer_distill::losses::{Divergence, Objective, Soft, TokenWeights};
use hydrometer_distill::network::{Lora, Network, Precision, Reading, Remember, Tensors};
use hydrometer_distill::train::{
    AdamWSettings, Decay, Sample, Schedule, StepReport, Teacher, Trainer, TrainerSettings,
};
use hydrometer_distill::{Arm, Completion, DistillError, Measured, Observer, Plan, Recipe};
use hydrometer_models::kernels::{Exactness, Kernel};
use hydrometer_models::{Checkpoint, Decoder, EngineOptions};
use hydrometer_probes::builtin::{Domain, corpus};
use serde::Deserialize;
use tempfile::TempDir;

const OPTIONS: EngineOptions = EngineOptions { precision: hydrometer_models::Precision::F32 };
const KD: Objective = Objective { hard: 0.3, soft: Some(Soft { divergence: Divergence::ForwardKl, temperature: 2.0 }) };
/// The shorter precisions, how far the losses of fifty steps may be from those of f32, as a share of them, and how far a
/// gradient may point elsewhere, as 1 - cosine.
///
/// A number is rounded to bf16 by at most 2⁻⁹ of it, and by at most 2⁻¹⁷ as two of them. Signs of errors differ, so a mean
/// over tokens is nearer than one of its products; what a step of AdamW makes of a small difference grows with the steps. Two
/// roundings to bf16 are allowed for, and to two of them what is allowed of f32 beside PyTorch.
const SHORT: [(Precision, f64, f64); 2] = [(Precision::Bf16, 2.0 / 512.0, 1e-3), (Precision::Bf16x3, 1e-3, 1e-6)];

fn reference(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/reference").join(name)
}

/// Those of [`SHORT`] that this machine trains in; of the others it says that they are not here.
fn here() -> impl Iterator<Item = (Precision, f64, f64)> {
    SHORT.into_iter().filter(|(precision, ..)| {
        let here = precision.available().is_ok();
        if !here {
            eprintln!("SKIPPED: this processor has no products in {}, or may not use them", precision.name());
        }
        here
    })
}

fn settings() -> TrainerSettings {
    TrainerSettings {
        objective: KD,
        optimiser: AdamWSettings { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weight_decay: 0.1, clip: Some(1.0) },
        schedule: Schedule { peak: 2e-3, warm_up: 5, steps: 50, decay: Decay::Cosine, floor: 0.1 },
        micro_tokens: 30,
        remember: Remember::Everything,
        weights: TokenWeights::EVEN,
        seed: 1,
    }
}

fn trainer(checkpoint: &Checkpoint, layers: &[usize], precision: Precision) -> Trainer {
    let mut network = Network::open(checkpoint, layers).unwrap();
    network.train_in(precision).unwrap();
    Trainer::new(network, settings())
}

fn sample(tokens: Vec<u32>) -> Sample {
    let learnt = vec![true; tokens.len()];
    Sample { tokens, learnt, family: "all".to_owned() }
}

fn samples(vocab: usize) -> Vec<Sample> {
    let ids = |count: usize, from: usize| (0..count).map(|i| ((from + i * 7919) % vocab) as u32).collect();
    [(19, 3), (7, 100), (26, 9)].map(|(count, from)| sample(ids(count, from))).to_vec()
}

#[test]
fn f32_is_everywhere_and_others_are_refused_where_they_are_not() {
    Precision::F32.available().unwrap();
    let home = TempDir::new().unwrap();
    let others = [
        ("bf16", Exactness::Bf16, "training in bf16 needs AVX-512 BF16 or AMX"),
        ("bf16x3", Exactness::Bf16x3, "training in bf16x3 needs AMX"),
    ];
    for (name, exactness, refusal) in others {
        let found = Plan::new(recipe(&home, &format!("precision = {name:?}")), &OPTIONS).map(drop);
        if Kernel::with(exactness).is_some() {
            found.unwrap();
            continue;
        }
        let Err(DistillError::Student { reason, hint }) = found else { panic!("{found:?}") };
        assert!(reason.starts_with(refusal) && reason.contains("f32 "), "{reason}");
        assert!(hint.contains("train.precision = \"f32\""), "{hint}");
    }
}

/// The losses of fifty steps beside PyTorch's in f32, of the same start, data and order, and beside our own.
#[test]
fn fifty_steps_have_the_losses_of_f32_but_for_rounding() {
    #[derive(Deserialize)]
    struct File {
        runs: Vec<Run>,
    }
    #[derive(Deserialize)]
    struct Run {
        model: String,
        layers: Vec<usize>,
        hidden: Option<serde::de::IgnoredAny>,
        batches: Vec<Vec<Vec<u32>>>,
        losses: Vec<f64>,
    }
    let file: File = serde_json::from_str(include_str!("reference/training.json")).unwrap();
    let runs: Vec<_> = file.runs.into_iter().filter(|run| run.hidden.is_none()).collect();
    for ((precision, apart_at_most, _), run) in here().flat_map(|short| runs.iter().map(move |run| (short, run))) {
        let checkpoint = Checkpoint::open(reference(&run.model)).unwrap();
        let engine = Decoder::open(&checkpoint, &OPTIONS).unwrap();
        let teacher = Teacher::of(&engine, checkpoint.config.vocab).unwrap();
        let [mut full, mut short] =
            [Precision::F32, precision].map(|precision| trainer(&checkpoint, &run.layers, precision));
        let (mut furthest, mut differ) = (0.0f64, 0);
        for (step, batch) in run.batches.iter().enumerate() {
            let samples: Vec<_> = batch.iter().cloned().map(sample).collect();
            let batch: Vec<_> = samples.iter().collect();
            let [full, short] =
                [&mut full, &mut short].map(|trainer| trainer.step(&batch, Some(teacher)).unwrap().sums.mean_loss());
            for (expected, whose) in [(full, "our own"), (run.losses[step], "PyTorch's")] {
                let apart = (short / expected - 1.0).abs();
                furthest = furthest.max(apart);
                assert!(
                    apart < apart_at_most,
                    "{}, {precision:?}, step {step}: {short}, {whose} in f32 {expected}",
                    run.model
                );
            }
            differ += u32::from(short != full);
        }
        // It was another arithmetic.
        assert!(differ > 25, "{}, {precision:?}: {differ} of 50 losses differ, by at most {furthest:e}", run.model);
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// Every weight learns, in the direction of f32, in all families and on both ways of remembering; what is measured is in f32.
#[test]
fn gradients_point_where_those_in_f32_do() {
    let families = [("tiny-llama", [0, 2]), ("tiny-qwen2", [0, 2]), ("tiny-qwen3", [0, 2]), ("tiny-gemma3", [0, 5])];
    for ((precision, _, elsewhere), (name, layers)) in here().flat_map(|short| families.map(|family| (short, family))) {
        let checkpoint = Checkpoint::open(reference(name)).unwrap();
        let engine = Decoder::open(&checkpoint, &OPTIONS).unwrap();
        let vocab = checkpoint.config.vocab;
        let teacher = Teacher::of(&engine, vocab).unwrap();
        let samples = samples(vocab);
        let batch: Vec<_> = samples.iter().collect();
        let [mut full, mut short, mut again] =
            [Precision::F32, precision, precision].map(|precision| trainer(&checkpoint, &layers, precision));
        assert_eq!(full.evaluate(&batch, teacher).unwrap(), short.evaluate(&batch, teacher).unwrap(), "{name}");
        again = Trainer::new(again.network, TrainerSettings { remember: Remember::Inputs, ..settings() });
        for trainer in [&mut full, &mut short, &mut again] {
            trainer.step(&batch, Some(teacher)).unwrap();
        }
        assert!(short.gradient() == again.gradient(), "{name}: layers that are computed again");
        for ((tensor, _, full), (.., short)) in full.gradient().all().into_iter().zip(short.gradient().all()) {
            // A bias of k moves all scores of a query alike: its gradient is rounding, but for what rotation makes of it.
            let most = if tensor.ends_with("attn_k.bias") { 0.1 } else { elsewhere };
            let found = 1.0 - cosine(full, short);
            assert!(found < most && full != short, "{name}, {precision:?}: {tensor}: {found:e}");
        }
    }
}

/// Adapters above weights that stay as their file stores them.
#[test]
fn adapters_learn_on_stored_weights() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/teacher.gguf");
    let checkpoint = Checkpoint::open(demo).unwrap();
    let samples = samples(checkpoint.config.vocab);
    let batch: Vec<_> = samples.iter().collect();
    for (precision, apart_at_most, elsewhere) in here() {
        let [mut full, mut short] = [Precision::F32, precision].map(|precision| {
            let mut network = Network::open_with(&checkpoint, &[0, 2], Reading::AsStored).unwrap();
            network.train_in(precision).unwrap();
            network.adapt(Lora { rank: 4, scale: 2.0, dropout: 0.1 }, &[0, 1, 2, 3, 4, 5, 6], 3);
            Trainer::new(network, TrainerSettings { objective: Objective::HARD, ..settings() })
        });
        for step in 0..8 {
            let [full, short] = [&mut full, &mut short].map(|t| t.step(&batch, None).unwrap().sums.mean_loss());
            let apart = (short / full - 1.0).abs();
            assert!(full != short && apart < apart_at_most, "{precision:?}, {step}: {short}, in f32 {full}");
        }
        let moved = |tensors: &Tensors| tensors.layers[1].lora[6].clone().unwrap().b;
        let found = 1.0 - cosine(&moved(&full.network.weights), &moved(&short.network.weights));
        assert!(found < 10.0 * elsewhere, "{precision:?}: {found:e}");
    }
}

fn recipe(home: &TempDir, line: &str) -> Recipe {
    let corpus: String =
        corpus(77, 40, Domain::Centre).map(|text| serde_json::json!({ "text": text }).to_string() + "\n").collect();
    let data = home.path().join("corpus.jsonl");
    fs::write(&data, corpus).unwrap();
    let teacher = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/teacher.gguf");
    let text = format!(
        r#"
        teacher = {teacher:?}
        arms = ["distilled"]
        student = {{ layers = [0, 5] }}
        data = {{ files = [{data:?}], held_out = 0.2, context = 96, allow_overlap = ["builtin"] }}
        loss = {{ divergence = "forward_kl" }}
        [train]
        steps = 5
        batch_tokens = 300
        micro_tokens = 200
        learning_rate = 1e-3
        seed = 5
        checkpoint_every = 2
        {line}
        "#
    );
    Recipe::parse(&text, Path::new("recipe.toml")).unwrap()
}

/// Stops after some steps.
struct Stop(u64);

impl Observer for Stop {
    fn begins(&mut self, _: Arm, _: u64, _: u64) {}
    fn stepped(&mut self, _: Arm, _: u64, _: &StepReport) {
        self.0 -= 1;
    }
    fn measured(&mut self, _: Arm, _: u64, _: &Measured) {}
    fn completed(&mut self, _: Arm, _: u64, _: &[Completion]) {}
    fn answered(&mut self, _: u64, _: u64) {}
    fn interrupted(&self) -> bool {
        self.0 == 0
    }
}

#[test]
fn a_run_in_bf16_that_was_killed_ends_with_the_weights_of_one_that_was_not() {
    let home = TempDir::new().unwrap();
    let recipe = recipe(&home, r#"precision = "bf16""#);
    assert_ne!(recipe.hash(), self::recipe(&home, "").hash(), "another precision is another recipe");
    assert_eq!(self::recipe(&home, r#"precision = "f32""#).hash(), self::recipe(&home, "").hash());
    if here().all(|(precision, ..)| precision != Precision::Bf16) {
        return;
    }
    let (whole, parts) = (home.path().join("whole"), home.path().join("parts"));
    let run = |recipe: &Recipe, out: &Path, steps| Plan::new(recipe.clone(), &OPTIONS)?.run(out, &mut Stop(steps));
    run(&recipe, &whole, 100).unwrap();
    let file = |out: &Path, name: &str| fs::read(out.join("distilled").join(name)).unwrap();
    let error = run(&recipe, &parts, 2).unwrap_err();
    assert!(matches!(error, DistillError::Interrupted { step: 2 }), "{error}");
    let kept = file(&parts, "checkpoint.safetensors");
    let error = run(&recipe, &parts, 1).unwrap_err();
    assert!(matches!(error, DistillError::Interrupted { step: 3 }), "{error}");
    // Killed behind the third step: the checkpoint is that of the second.
    fs::write(parts.join("distilled/checkpoint.safetensors"), kept).unwrap();
    let full = self::recipe(&home, "");
    let error = run(&full, &parts, 1).unwrap_err().to_string();
    assert!(error.contains("begun with another recipe"), "{error}");
    run(&recipe, &parts, 100).unwrap();
    for name in ["student/model.safetensors", "checkpoint.safetensors", "metrics.jsonl"] {
        assert!(file(&whole, name) == file(&parts, name), "{name}");
    }
    run(&full, &home.path().join("full"), 100).unwrap();
    assert!(file(&whole, "metrics.jsonl") != file(&home.path().join("full"), "metrics.jsonl"));
    let card = String::from_utf8(file(&whole, "student/README.md")).unwrap();
    assert!(card.contains("| products of training | in bf16 with sums in f32; weights and moments in f32 |"), "{card}");
    assert!(card.contains("precision = \"bf16\""), "{card}");
}
