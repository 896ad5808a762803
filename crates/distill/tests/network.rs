//! The network there and back: the engine's logits, finite differences, a gradient for every weight, PyTorch's losses, the
//! gradients of transformers.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use hydrometer_distill::losses::{Divergence, Objective, Soft, TokenWeights};
use hydrometer_distill::network::{Network, Reading, Remember, Role, Tensors};
use hydrometer_distill::train::{AdamWSettings, Decay, Sample, Schedule, Teacher, Trainer, TrainerSettings};
use hydrometer_distill::{Fresh, Origin, Speaker};
use hydrometer_models::gguf::Gguf;
use hydrometer_models::safetensors::in_file;
use hydrometer_models::{Block, Checkpoint, Decoder, EngineOptions, Model, Precision, RopeScaling, Scores, Sequence};
use serde::Deserialize;

const KD: Objective = Objective { hard: 0.3, soft: Some(Soft { divergence: Divergence::ForwardKl, temperature: 2.0 }) };

fn reference(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../models/tests/reference").join(name)
}

fn demo_teacher() -> Checkpoint {
    let bytes = include_bytes!("../../../demo/teacher.gguf").to_vec();
    Checkpoint::from_gguf(Gguf::from_bytes("teacher.gguf", bytes).unwrap()).unwrap()
}

fn decoder(checkpoint: &Checkpoint) -> Decoder {
    Decoder::open(checkpoint, &EngineOptions { precision: Precision::F32 }).unwrap()
}

/// Some layers of a model.
fn student(checkpoint: &Checkpoint, layers: &[usize]) -> Network {
    Network::open(checkpoint, layers).unwrap()
}

fn settings(objective: Objective, micro_tokens: usize) -> TrainerSettings {
    TrainerSettings {
        objective,
        optimiser: AdamWSettings { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weight_decay: 0.1, clip: Some(1.0) },
        schedule: Schedule { peak: 2e-3, warm_up: 5, steps: 50, decay: Decay::Cosine, floor: 0.1 },
        micro_tokens,
        remember: Remember::Everything,
        weights: TokenWeights::EVEN,
        seed: 1,
    }
}

fn sample(tokens: Vec<u32>) -> Sample {
    let learnt = vec![true; tokens.len()];
    Sample { tokens, learnt, family: "all".to_owned() }
}

/// Ids that jump about the vocabulary.
fn ids(count: usize, vocab: usize, from: usize) -> Vec<u32> {
    (0..count).map(|i| ((from + i * 7919) % vocab) as u32).collect()
}

#[test]
fn logits_are_those_of_the_engine() {
    let check = |checkpoint: &Checkpoint| {
        let network = student(checkpoint, &(0..checkpoint.config.layers).collect::<Vec<_>>());
        let vocab = network.config.vocab;
        let lengths = [40, 1, 17];
        let sequences: Vec<_> = lengths.iter().enumerate().map(|(i, &n)| ids(n, vocab, i * 31)).collect();
        let rows = |tokens: &Vec<u32>| (0..tokens.len() as u32).collect();
        let of = |tokens: &Vec<u32>| Sequence { tokens: tokens.clone(), rows: rows(tokens) };
        let block = Block { sequences: sequences.iter().map(of).collect() };
        let mut expected = vec![0.0; block.rows() * vocab];
        let engine = decoder(checkpoint);
        engine.score(&block).unwrap().read(0..block.rows(), &mut expected).unwrap();
        let tape = network.forward(&sequences.concat(), &[0..40, 40..41, 41..58]);
        let (hidden, _) = network.normed(&tape.stream);
        let found = network.logits(&hidden).values;
        let largest = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(largest < 1e-4, "{}: {largest}", checkpoint.name());
    };
    check(&Checkpoint::open(reference("tiny-llama")).unwrap());
    check(&Checkpoint::open(reference("tiny-qwen2")).unwrap());
    check(&Checkpoint::open(reference("tiny-qwen3")).unwrap());
    check(&Checkpoint::open(reference("tiny-gemma3")).unwrap());
    check(&capped());
    check(&demo_teacher());
}

/// Caps that bend: scores and logits of this model lie beyond them.
fn capped() -> Checkpoint {
    let mut checkpoint = Checkpoint::open(reference("tiny-gemma3")).unwrap();
    (checkpoint.config.attn_softcap, checkpoint.config.logit_softcap) = (Some(1.5), Some(4.0));
    checkpoint
}

/// Along a random direction of one tensor, the loss changes as its gradient says; and no tensor is left without one.
#[test]
fn every_tensor_has_the_gradient_of_finite_differences() {
    let open = |name| Checkpoint::open(reference(name)).unwrap();
    // Of Gemma's layers one sees a window of 16 tokens and one everything.
    let cases = [
        ("tiny-llama", open("tiny-llama"), [0, 2]),
        ("tiny-qwen2", open("tiny-qwen2"), [0, 2]),
        ("tiny-qwen3", open("tiny-qwen3"), [0, 2]),
        ("tiny-gemma3", open("tiny-gemma3"), [0, 5]),
        ("capped", capped(), [0, 5]),
    ];
    for (name, checkpoint, layers) in cases {
        let engine = decoder(&checkpoint);
        let vocab = checkpoint.config.vocab;
        let teacher = Teacher::of(&engine, vocab).unwrap();
        let samples = [sample(ids(19, vocab, 3)), sample(ids(7, vocab, 100))];
        let batch: Vec<_> = samples.iter().collect();
        let made = |weights: Option<Tensors>| {
            let mut network = student(&checkpoint, &layers);
            if let Some(weights) = weights {
                network.weights = weights;
            }
            Trainer::new(network, settings(KD, 1000))
        };
        let loss = |weights: Tensors| {
            let report = made(Some(weights)).step(&batch, Some(teacher)).unwrap();
            report.sums.loss / report.sums.rows as f64
        };
        let mut trainer = made(None);
        let start = trainer.network.weights.clone();
        trainer.step(&batch, Some(teacher)).unwrap();
        let gradient = trainer.gradient().clone();
        for (place, (tensor, role, values)) in gradient.all().into_iter().enumerate() {
            // A bias of k moves all scores of a query alike: softmax does not see it, but for what rotation makes of it.
            assert!(values.iter().any(|&g| g != 0.0), "{name}: {tensor} gets no gradient");
            assert!(role == Role::Vector || values.iter().all(|g| g.is_finite()), "{tensor}");
            let length = values.iter().map(|&g| f64::from(g).powi(2)).sum::<f64>().sqrt();
            // Along the gradient itself the change is largest beside rounding.
            let step = 0.02 / length.max(0.05);
            let moved = |sign: f64| {
                let mut weights = start.clone();
                let mut all = weights.all_mut();
                for (w, &g) in all[place].2.iter_mut().zip(values) {
                    *w += (sign * step * f64::from(g)) as f32;
                }
                loss(weights)
            };
            let (found, expected) = ((moved(1.0) - moved(-1.0)) / (2.0 * step), length * length);
            let allowed = 0.01 * expected + 2e-4 * length;
            assert!((found - expected).abs() < allowed, "{name}, {tensor}: {found}, {expected}");
        }
    }
}

#[test]
fn fifty_steps_have_the_losses_of_pytorch() {
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
        gradients: Vec<f64>,
    }
    let file: File = serde_json::from_str(include_str!("reference/training.json")).unwrap();
    // Those that compare hidden states are of tests/hidden.rs.
    let runs: Vec<Run> = file.runs.into_iter().filter(|run| run.hidden.is_none()).collect();
    assert_eq!(runs.len(), 2);
    for run in runs {
        let checkpoint = Checkpoint::open(reference(&run.model)).unwrap();
        let engine = decoder(&checkpoint);
        let teacher = Teacher::of(&engine, checkpoint.config.vocab).unwrap();
        // Micro-batches of unlike numbers of tokens: the reference sees each batch whole.
        let mut trainer = Trainer::new(student(&checkpoint, &run.layers), settings(KD, 30));
        for (step, batch) in run.batches.into_iter().enumerate() {
            let samples: Vec<_> = batch.into_iter().map(sample).collect();
            let report = trainer.step(&samples.iter().collect::<Vec<_>>(), Some(teacher)).unwrap();
            let close = |found: f64, expected: f64, what: &str| {
                let apart = (found / expected - 1.0).abs();
                assert!(apart < 1e-3, "{}, step {step}: {what} {found}, {expected}", run.model);
            };
            close(report.sums.loss / report.sums.rows as f64, run.losses[step], "loss");
            close(report.gradient, run.gradients[step], "gradient");
        }
    }
}

#[test]
fn every_family_has_the_loss_and_the_gradients_of_transformers() {
    #[derive(Deserialize)]
    struct File {
        runs: Vec<Run>,
    }
    #[derive(Deserialize)]
    struct Run {
        model: String,
        sequences: Vec<Vec<u32>>,
        loss: f64,
        gradients: BTreeMap<String, [f64; 2]>,
    }
    let file: File = serde_json::from_str(include_str!("reference/families.json")).unwrap();
    assert_eq!(file.runs.len(), 4);
    for Run { model, sequences, loss, gradients } in file.runs {
        let checkpoint = Checkpoint::open(reference(&model)).unwrap();
        let layers: Vec<_> = (0..checkpoint.config.layers).collect();
        let samples: Vec<_> = sequences.into_iter().map(sample).collect();
        let mut trainer = Trainer::new(student(&checkpoint, &layers), settings(Objective::HARD, 1000));
        let report = trainer.step(&samples.iter().collect::<Vec<_>>(), None).unwrap();
        let found = report.sums.loss / report.sums.rows as f64;
        assert!((found / loss - 1.0).abs() < 1e-5, "{model}: loss {found}, {loss}");
        let all = trainer.gradient().all();
        assert_eq!(all.len(), gradients.len(), "{model}");
        for (name, _, values) in all {
            let there = in_file(&name, checkpoint.config.architecture).unwrap();
            let [length, along] = gradients[&there];
            let found: f64 = values.iter().map(|&g| f64::from(g).powi(2)).sum();
            let found_along: f64 = values.iter().enumerate().map(|(i, &g)| f64::from(g) * (i as f64).cos()).sum();
            let apart = (found.sqrt() - length).abs().max((found_along - along).abs());
            // A direction of cosines is √(n / 2) long: rounding shows in proportion.
            let allowed = 1e-5 * length * (values.len() as f64).sqrt().max(10.0);
            assert!(apart < allowed, "{model}, {there}: {} and {found_along}, {length} and {along}", found.sqrt());
        }
    }
}

/// Weights are normalised by their sum over the whole batch, and weigh by the teacher's entropy at the loss's temperature.
#[test]
fn weights_of_tokens_are_normalised_over_the_whole_batch() {
    let checkpoint = Checkpoint::open(reference("tiny-llama")).unwrap();
    let engine = decoder(&checkpoint);
    let vocab = checkpoint.config.vocab;
    let teacher = Teacher::of(&engine, vocab).unwrap();
    // One learnt token each: the loss of a sample is that of its token.
    let samples: Vec<_> = [(9, 3), (4, 50), (21, 100), (6, 7)]
        .map(|(count, from)| {
            let mut sample = sample(ids(count, vocab, from));
            sample.learnt[..count - 1].fill(false);
            sample
        })
        .to_vec();
    let batch: Vec<_> = samples.iter().collect();
    let step = |weights, micro_tokens, batch: &[&Sample]| {
        let settings = TrainerSettings { weights, ..settings(KD, micro_tokens) };
        let mut trainer = Trainer::new(student(&checkpoint, &[0, 2]), settings);
        let report = trainer.step(batch, Some(teacher)).unwrap();
        (report.sums.mean_loss(), trainer.gradient().clone())
    };
    let weights = TokenWeights { entropy: 5.0, position: -2.0 };
    let (mut over, mut under) = (0.0, 0.0);
    for sample in &batch {
        let rows: Vec<u32> = sample.rows().collect();
        let block = Block { sequences: vec![Sequence { tokens: sample.tokens.clone(), rows }] };
        let mut logits = vec![0.0; vocab];
        engine.score(&block).unwrap().read(0..1, &mut logits).unwrap();
        let z = logits.iter().map(|&z| (f64::from(z) / 2.0).exp()).sum::<f64>();
        let entropy: f64 = logits.iter().map(|&u| f64::from(u) / 2.0 - z.ln()).map(|log| -log.exp() * log).sum();
        let weight = (5.0 * entropy / (vocab as f64).ln()).exp();
        // Alone a token has all the weight.
        let (loss, _) = step(weights, 1000, &[*sample]);
        assert!((loss / step(TokenWeights::EVEN, 1000, &[*sample]).0 - 1.0).abs() < 1e-12);
        (over, under) = (over + weight * loss, under + weight);
    }
    let (whole, _) = step(weights, 1000, &batch);
    assert!((whole * under / over - 1.0).abs() < 1e-5, "{whole}, {}", over / under);
    let (even, _) = step(TokenWeights::EVEN, 1000, &batch);
    assert!((even / whole - 1.0).abs() > 1e-4, "{even}, {whole}");
    // Cut into micro-batches of one sample each, and the same.
    let samples = [sample(ids(12, vocab, 0)), sample(ids(30, vocab, 5)), sample(ids(3, vocab, 9))];
    let batch: Vec<_> = samples.iter().collect();
    let ((together, packed), (apart, alone)) = (step(weights, 1000, &batch), step(weights, 1, &batch));
    assert!((together / apart - 1.0).abs() < 1e-6, "{together}, {apart}");
    for ((name, _, packed), (.., alone)) in packed.all().into_iter().zip(alone.all()) {
        let largest = packed.iter().zip(alone).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(largest < 2e-5, "{name}: {largest}");
    }
    // The gradient is that of the weighted mean.
    let length: f64 = packed.norm.iter().map(|&g| f64::from(g).powi(2)).sum();
    let moved = |sign: f64| {
        let mut network = student(&checkpoint, &[0, 2]);
        let step = sign * 0.02 / length.sqrt().max(0.05);
        network.weights.norm.iter_mut().zip(&packed.norm).for_each(|(w, &g)| *w += (step * f64::from(g)) as f32);
        let settings = TrainerSettings { weights, ..settings(KD, 1000) };
        Trainer::new(network, settings).step(&batch, Some(teacher)).unwrap().sums.mean_loss()
    };
    let found = (moved(1.0) - moved(-1.0)) / (2.0 * 0.02 / length.sqrt().max(0.05));
    assert!((found - length).abs() < 0.01 * length + 2e-4 * length.sqrt(), "{found}, {length}");
}

/// Sequences of one block, one after the other or in other company, have the same loss: none sees another.
#[test]
fn sequences_do_not_see_each_other() {
    let checkpoint = Checkpoint::open(reference("tiny-qwen2")).unwrap();
    let vocab = checkpoint.config.vocab;
    let of = |samples: &[Sample], micro_tokens: usize| {
        let mut trainer = Trainer::new(student(&checkpoint, &[0, 1]), settings(Objective::HARD, micro_tokens));
        let report = trainer.step(&samples.iter().collect::<Vec<_>>(), None).unwrap();
        (report.sums.loss, trainer.gradient().clone())
    };
    let samples = [sample(ids(12, vocab, 0)), sample(ids(30, vocab, 5)), sample(ids(3, vocab, 9))];
    let ((together, packed), (apart, alone)) = (of(&samples, 1000), of(&samples, 1));
    assert!((together - apart).abs() < 1e-5 * together, "{together}, {apart}");
    for ((name, _, packed), (.., alone)) in packed.all().into_iter().zip(alone.all()) {
        let largest = packed.iter().zip(alone).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(largest < 1e-5, "{name}: {largest}");
    }
    let alone: f64 = samples.iter().map(|sample| of(std::slice::from_ref(sample), 1000).0).sum();
    assert!((together - alone).abs() < 1e-5 * together, "{together}, {alone}");
}

/// What is no target leaves no trace, whatever it is.
#[test]
fn tokens_that_are_not_learnt_are_context_only() {
    let checkpoint = Checkpoint::open(reference("tiny-llama")).unwrap();
    let engine = decoder(&checkpoint);
    let vocab = checkpoint.config.vocab;
    let mut half = sample(ids(20, vocab, 0));
    half.learnt[..15].fill(false);
    assert_eq!(half.rows().collect::<Vec<_>>(), [14, 15, 16, 17, 18]);
    let trainer = Trainer::new(student(&checkpoint, &[0, 1]), settings(KD, 100));
    let teacher = Teacher::of(&engine as &dyn Model, vocab).unwrap();
    let table = trainer.evaluate(&[&half], teacher).unwrap().0;
    assert_eq!(table.items(), 5);
}

#[test]
fn what_cannot_be_trained_is_refused_by_name() {
    let check = |name: &str, layers: &[usize], change: fn(&mut Checkpoint), expected: &str| {
        let mut checkpoint = Checkpoint::open(reference(name)).unwrap();
        change(&mut checkpoint);
        let error = Network::open(&checkpoint, layers).err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    };
    let scaled = |checkpoint: &mut Checkpoint| checkpoint.config.rope.scaling = RopeScaling::FactorsTensor;
    check("tiny-qwen2", &[0], scaled, "rotations scaled by a tensor");
    check("tiny-qwen3", &[0], |checkpoint| checkpoint.config.qk_norm = false, "norms of q and k");
    check("tiny-qwen3", &[0, 3], |_| {}, "layer 3 is asked for");
    check("tiny-gemma3", &[5, 0], |_| {}, "5 see the whole context and the others a window of 16 tokens");
}

/// Gemma's norms add 1 to their weights, and its embeddings are scaled: a fresh student knows nothing, and says so.
#[test]
fn a_fresh_student_of_every_family_knows_nothing() {
    for name in ["tiny-llama", "tiny-qwen2", "tiny-qwen3", "tiny-gemma3"] {
        let checkpoint = Checkpoint::open(reference(name)).unwrap();
        let fresh = Fresh { layers: 2, width: 48, heads: 4, kv_heads: 2, ff: 40 };
        let (network, _) = Origin::Fresh(fresh).build(Speaker::Teacher(&checkpoint), Reading::Numbers, 1).unwrap();
        let sample = sample(ids(40, network.config.vocab, 3));
        let knows_nothing = f64::from(network.config.vocab as u32).ln();
        let sums = Trainer::new(network, settings(Objective::HARD, 1000)).step(&[&sample], None).unwrap().sums;
        let found = sums.loss / sums.rows as f64;
        assert!((found - knows_nothing).abs() < 0.3, "{name}: {found}, {knows_nothing}");
    }
}

/// A student keeps what each of its layers sees, whatever its place.
#[test]
fn layers_keep_their_windows() {
    let checkpoint = Checkpoint::open(reference("tiny-gemma3")).unwrap();
    let check = |layers: &[usize], local: &[bool]| {
        let windows = student(&checkpoint, layers).config.sliding_window.unwrap();
        let found: Vec<_> = (0..layers.len()).map(|layer| windows.is_local(layer)).collect();
        assert_eq!(found, local, "{layers:?}");
    };
    check(&[0, 1, 2, 6], &[true; 4]);
    check(&[1, 5], &[true, false]);
    check(&[5], &[false]);
    check(&[0, 1, 2, 3, 4, 5, 6, 7], &[true, true, true, true, true, false, true, true]);
}
