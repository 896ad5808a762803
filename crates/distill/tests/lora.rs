//! Adapters and frozen parts: who learns, with which gradient, and what is exported.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use hydrometer_distill::losses::{Divergence, Objective, Soft, TokenWeights};
use hydrometer_distill::network::{Lora, Network, Part, Reading, Remember, Tensors};
use hydrometer_distill::train::{
    AdamWSettings, Decay, Sample, Schedule, StepReport, Teacher, Trainer, TrainerSettings,
};
use hydrometer_distill::{
    Arm, Completion, DistillError, Fresh, LoraRecipe, Measured, Observer, Origin, Outcome, Plan, Recipe, Targets,
};
use hydrometer_models::gguf::write::Conversion;
use hydrometer_models::{Checkpoint, Decoder, EngineOptions, Precision};
use serde_json::Value;
use tempfile::TempDir;

const KD: Objective = Objective { hard: 0.3, soft: Some(Soft { divergence: Divergence::ForwardKl, temperature: 2.0 }) };
const OPTIONS: EngineOptions = EngineOptions { precision: Precision::F32 };
const ALL: [usize; 7] = [0, 1, 2, 3, 4, 5, 6];

fn reference(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../models/tests/reference").join(name)
}

fn settings(rate: f64) -> TrainerSettings {
    TrainerSettings {
        objective: KD,
        optimiser: AdamWSettings { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weight_decay: 0.1, clip: None },
        schedule: Schedule { peak: rate, warm_up: 0, steps: 50, decay: Decay::Constant, floor: 0.1 },
        micro_tokens: 1000,
        remember: Remember::Everything,
        weights: TokenWeights::EVEN,
        seed: 1,
    }
}

fn samples(vocab: usize) -> [Sample; 2] {
    [(19, 3), (7, 100)].map(|(count, from)| {
        let tokens: Vec<u32> = (0..count).map(|i| ((from + i * 7919) % vocab) as u32).collect();
        Sample { learnt: vec![true; tokens.len()], tokens, family: "all".to_owned() }
    })
}

/// Adapters whose B is no longer 0, so that A has a gradient.
fn adapted(checkpoint: &Checkpoint, dropout: f32) -> Network {
    adapted_to(Network::open(checkpoint, &[0, 2]).unwrap(), dropout)
}

fn adapted_to(mut network: Network, dropout: f32) -> Network {
    network.adapt(Lora { rank: 3, scale: 0.7, dropout }, &ALL, 9);
    for (place, (name, _, values)) in network.weights.all_mut().into_iter().enumerate() {
        if name.ends_with("lora_b") {
            values.iter_mut().enumerate().for_each(|(i, b)| *b = ((place + i * 7919) % 101) as f32 / 500.0 - 0.1);
        }
    }
    network
}

fn logits(network: &Network, tokens: &[u32]) -> Vec<f32> {
    let tape = network.forward(tokens, std::slice::from_ref(&(0..tokens.len())));
    let (hidden, _) = network.normed(&tape.stream);
    network.products().forward(&hidden, network.weights.output(), None, network.config.vocab).values
}

#[test]
fn adapters_alone_learn_and_have_the_gradient_of_finite_differences() {
    for name in ["tiny-llama", "tiny-qwen2", "tiny-qwen3", "tiny-gemma3"] {
        let checkpoint = Checkpoint::open(reference(name)).unwrap();
        let engine = Decoder::open(&checkpoint, &OPTIONS).unwrap();
        let vocab = checkpoint.config.vocab;
        let teacher = Teacher::of(&engine, vocab).unwrap();
        let samples = samples(vocab);
        let batch: Vec<_> = samples.iter().collect();
        let made = |weights: Option<Tensors>| {
            let mut network = adapted(&checkpoint, 0.3);
            if let Some(weights) = weights {
                network.weights = weights;
            }
            Trainer::new(network, settings(2e-3))
        };
        let loss = |weights: Tensors| {
            let report = made(Some(weights)).step(&batch, Some(teacher)).unwrap();
            report.sums.loss / report.sums.rows as f64
        };
        let mut trainer = made(None);
        let start = trainer.network.weights.clone();
        trainer.step(&batch, Some(teacher)).unwrap();
        let (gradient, after) = (trainer.gradient().clone(), trainer.network.weights.clone());
        let mut learnt = 0;
        for (place, (tensor, _, values)) in gradient.all().into_iter().enumerate() {
            let (before, after) = (start.all()[place].2, after.all()[place].2);
            if !tensor.contains(".lora_") {
                assert!(values.is_empty() && before == after, "{name}: {tensor} is frozen");
                continue;
            }
            learnt += 1;
            assert!(values.iter().any(|&g| g != 0.0) && before != after, "{name}: {tensor} does not learn");
            let length = values.iter().map(|&g| f64::from(g).powi(2)).sum::<f64>().sqrt();
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
        assert_eq!(learnt, 2 * 7 * 2);
    }
}

/// A step of training leaves out inputs of the adapters, others with another seed; whoever measures leaves out nothing.
#[test]
fn noise_leaves_out_inputs_of_adapters() {
    let checkpoint = Checkpoint::open(reference("tiny-qwen2")).unwrap();
    let tokens = &samples(checkpoint.config.vocab)[0].tokens;
    let stream = |dropout: f32, noise: Option<u64>| {
        let network = adapted(&checkpoint, dropout);
        let all = 0..tokens.len();
        network.forward_with(tokens, std::slice::from_ref(&all), noise, Remember::Everything).stream.values
    };
    let (still, one, again, other) =
        (stream(0.3, None), stream(0.3, Some(1)), stream(0.3, Some(1)), stream(0.3, Some(2)));
    assert!(one == again && one != other && one != still && other != still);
    assert!(stream(0.0, Some(1)) == still);
}

/// Layers that are computed again on the way back leave out what they left out before: the same gradient and weights, bit for bit.
#[test]
fn layers_that_are_computed_again_change_nothing() {
    let bits = |tensors: &Tensors| -> Vec<u32> {
        tensors.all().into_iter().flat_map(|tensor| tensor.2.iter().map(|v| v.to_bits())).collect()
    };
    for name in ["tiny-llama", "tiny-qwen2", "tiny-qwen3", "tiny-gemma3"] {
        let checkpoint = Checkpoint::open(reference(name)).unwrap();
        let samples = samples(checkpoint.config.vocab);
        let batch: Vec<_> = samples.iter().collect();
        for network in [|c: &Checkpoint| adapted(c, 0.3), |c: &Checkpoint| Network::open(c, &[0, 1, 2]).unwrap()] {
            let trained = |remember| {
                let settings = TrainerSettings { objective: Objective::HARD, remember, ..settings(2e-3) };
                let mut trainer = Trainer::new(network(&checkpoint), settings);
                for _ in 0..2 {
                    trainer.step(&batch, None).unwrap();
                }
                (bits(trainer.gradient()), bits(&trainer.network.weights))
            };
            let (kept, again) = (trained(Remember::Everything), trained(Remember::Inputs));
            assert!(kept == again && kept.0.iter().any(|&bits| bits != 0), "{name}");
        }
    }
}

/// A student whose base stays as a GGUF file stores it says the same, bit for bit, learns the same but for rounding, and is
/// exported as the same.
#[test]
fn a_base_that_stays_quantised_changes_nothing_but_memory() {
    let home = TempDir::new().unwrap();
    // Llama's files turn neighbours, and their rows change places in blocks, too.
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/teacher.gguf");
    let of = |(name, types): (&str, &str)| {
        let path = home.path().join(format!("{name}-{types}.gguf"));
        let folder = Checkpoint::open(reference(name)).unwrap();
        Conversion::plan(&folder, &types.parse().unwrap()).unwrap().write(&path, &mut |_| true).unwrap();
        path
    };
    let made = [("tiny-qwen2", "q5_1"), ("tiny-qwen3", "q4_0"), ("tiny-qwen3", "bf16")].map(of);
    for path in made.into_iter().chain([demo]) {
        let file = Checkpoint::open(&path).unwrap();
        let name = file.name();
        let open = |reading| Network::open_with(&file, &[0, 2], reading).unwrap();
        let (numbers, stored) = (open(Reading::Numbers), open(Reading::AsStored));
        assert_eq!(numbers.weights.len(), stored.weights.len(), "{name}");
        let held = |network: &Network| network.weights.all().iter().map(|tensor| tensor.2.len()).sum::<usize>();
        assert!(20 * held(&stored) < held(&numbers), "{name}: {} of {}", held(&stored), held(&numbers));
        let samples = samples(file.config.vocab);
        let batch: Vec<_> = samples.iter().collect();
        let hard = TrainerSettings { objective: Objective::HARD, ..settings(2e-3) };
        let [mut a, mut b] = [numbers, stored].map(|network| Trainer::new(adapted_to(network, 0.3), hard));
        assert_eq!(logits(&a.network, &batch[0].tokens), logits(&b.network, &batch[0].tokens), "{name}");
        for step in 0..4 {
            let [a, b] = [&mut a, &mut b].map(|trainer| trainer.step(&batch, None).unwrap());
            assert!((a.sums.loss / b.sums.loss - 1.0).abs() < 1e-6, "{name}, {step}: {a:?}, {b:?}");
            assert!((a.gradient / b.gradient - 1.0).abs() < 1e-5, "{name}, {step}: {a:?}, {b:?}");
        }
        // What is merged is the base in f32 and the adapter, whoever holds the base.
        let merged = |network: &Network| network.merged().weights;
        b.network.weights.all_mut().into_iter().zip(a.network.weights.all()).for_each(|((name, _, b), (_, _, a))| {
            if name.contains(".lora_") {
                b.clone_from(a);
            }
        });
        assert!(merged(&a.network) == merged(&b.network), "{name}");
    }
}

#[test]
fn adapters_begin_as_nothing_and_can_be_merged() {
    let checkpoint = Checkpoint::open(reference("tiny-qwen2")).unwrap();
    let tokens = &samples(checkpoint.config.vocab)[0].tokens;
    let plain = logits(&Network::open(&checkpoint, &[0, 2]).unwrap(), tokens);
    let mut fresh = Network::open(&checkpoint, &[0, 2]).unwrap();
    fresh.adapt(Lora { rank: 4, scale: 2.0, dropout: 0.5 }, &[0, 6], 1);
    assert_eq!(logits(&fresh, tokens), plain);
    let adapted = adapted(&checkpoint, 0.5);
    let (apart, merged) = (logits(&adapted, tokens), adapted.merged());
    assert!(merged.weights.all().iter().all(|tensor| !tensor.0.contains("lora")));
    let largest = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(largest(&apart, &plain) > 0.1);
    let rounding = largest(&logits(&merged, tokens), &apart);
    assert!(rounding < 1e-4, "{rounding}");
}

#[test]
fn frozen_parts_stay_as_they_were() {
    let checkpoint = Checkpoint::open(reference("tiny-llama")).unwrap();
    let samples = samples(checkpoint.config.vocab);
    let check = |frozen: Part, is_frozen: fn(&str) -> bool| {
        let mut network = Network::open(&checkpoint, &[0, 2]).unwrap();
        network.frozen = vec![frozen];
        let start = network.weights.clone();
        let mut trainer = Trainer::new(network, TrainerSettings { objective: Objective::HARD, ..settings(1e-3) });
        trainer.step(&samples.iter().collect::<Vec<_>>(), None).unwrap();
        for ((name, _, before), (.., after)) in start.all().into_iter().zip(trainer.network.weights.all()) {
            assert_eq!(before == after, is_frozen(&name), "{frozen:?}: {name}");
        }
    };
    check(Part::Embedding, |name| name == "token_embd.weight");
    check(Part::Norms, |name| name.contains("norm"));
    check(Part::Layer(1), |name| name.starts_with("blk.1."));
    check(Part::FeedForward, |name| name.contains("ffn_") && !name.contains("norm"));
    check(Part::Attention, |name| name.contains("attn_") && !name.contains("norm"));
}

/// What the recipe names and the student does not have is no silent wish.
#[test]
fn parts_and_ranks_that_the_student_does_not_have_are_refused() {
    let home = TempDir::new().unwrap();
    let lines: String = (0..30).map(|i| format!("{{\"text\": \"stone {i} by the sea\"}}\n")).collect();
    fs::write(home.path().join("corpus.jsonl"), lines).unwrap();
    let check = |change: &dyn Fn(&mut Recipe), expected: Option<&str>| {
        let mut recipe = recipe(home.path());
        change(&mut recipe);
        let plan = Plan::new(recipe, &OPTIONS).unwrap();
        let found = plan.student_parameters().err().map(|error| error.to_string());
        assert!(found.as_deref().unwrap_or_default().contains(expected.unwrap_or_default()), "{found:?}");
        assert_eq!(found.is_some(), expected.is_some(), "{found:?}");
    };
    let freeze = |part: Part| move |recipe: &mut Recipe| recipe.train.freeze = vec![part];
    check(&freeze(Part::Layer(2)), Some("`train.freeze` names {\"layer\":2}, and the student has no such part"));
    check(&freeze(Part::Layer(1)), None);
    check(&freeze(Part::Embedding), None);
    let quantized = |recipe: &mut Recipe| {
        recipe.lora.as_mut().unwrap().quantized = true;
        recipe.train.freeze = vec![Part::Embedding, Part::Layer(0)];
    };
    check(&quantized, None);
    let rank = |rank: usize| move |recipe: &mut Recipe| recipe.lora.as_mut().unwrap().rank = rank;
    check(&rank(1 << 40), Some("no matrix has a higher rank than"));
}

/// Stops after some steps, or never.
struct Stop(u64);

impl Observer for Stop {
    fn begins(&mut self, _: Arm, _: u64, _: u64) {}
    fn stepped(&mut self, _: Arm, _: u64, _: &StepReport) {
        self.0 = self.0.saturating_sub(1);
    }
    fn measured(&mut self, _: Arm, _: u64, _: &Measured) {}
    fn completed(&mut self, _: Arm, _: u64, _: &[Completion]) {}
    fn answered(&mut self, _: u64, _: u64) {}
    fn interrupted(&self) -> bool {
        self.0 == 0
    }
}

fn recipe(home: &Path) -> Recipe {
    let text = format!(
        "teacher = {:?}\narms = [\"distilled\"]\n[student]\nlayers = [0, 2]\n\
         [lora]\nrank = 4\nalpha = 8.0\ndropout = 0.1\ntargets = [\"q_proj\", \"down_proj\"]\nrslora = true\n\
         [data]\nfiles = [{:?}]\nheld_out = 0.3\ncontext = 64\nallow_overlap = [\"builtin\"]\n[loss]\ndivergence = \"forward_kl\"\n\
         [train]\nsteps = 5\nbatch_tokens = 100\nlearning_rate = 1e-2\nseed = 5\ncheckpoint_every = 2\n",
        reference("tiny-llama"),
        home.join("corpus.jsonl"),
    );
    Recipe::parse(&text, Path::new("recipe.toml")).unwrap()
}

fn run(recipe: &Recipe, out: &Path, stop: u64) -> Result<Outcome, DistillError> {
    Plan::new(recipe.clone(), &OPTIONS)?.run(out, &mut Stop(stop))
}

#[test]
fn an_adapter_is_exported_merged_and_apart_and_survives_a_stop() {
    let home = TempDir::new().unwrap();
    let line =
        |i: usize| serde_json::json!({ "text": format!("stone {i} by the sea, tide {}", i * i) }).to_string() + "\n";
    fs::write(home.path().join("corpus.jsonl"), (0..30).map(line).collect::<String>()).unwrap();
    let recipe = recipe(home.path());
    let (whole, parts) = (home.path().join("whole"), home.path().join("parts"));
    let expected = run(&recipe, &whole, u64::MAX).unwrap();
    run(&recipe, &parts, 3).unwrap_err();
    assert_eq!(run(&recipe, &parts, u64::MAX).unwrap(), expected);
    // The teacher's folder is in bfloat16, and so may the weights below the adapters stay.
    let stored = home.path().join("stored");
    let mut quantized = recipe.clone();
    quantized.lora.as_mut().unwrap().quantized = true;
    let found = run(&quantized, &stored, u64::MAX).unwrap();
    let kl = |outcome: &Outcome| outcome.arms[0].end.as_ref().unwrap().kl_divergence.as_ref().unwrap().value;
    assert!((kl(&found) / kl(&expected) - 1.0).abs() < 1e-4, "{}, {}", kl(&found), kl(&expected));
    assert!(
        fs::read(whole.join("start/model.safetensors")).unwrap()
            == fs::read(stored.join("start/model.safetensors")).unwrap()
    );
    let read = |run: &Path, file: &str| fs::read(run.join("distilled").join(file)).unwrap();
    for file in ["student/model.safetensors", "adapter/adapter_model.safetensors", "checkpoint.safetensors"] {
        assert!(read(&whole, file) == read(&parts, file), "{file}");
    }
    // A checkpoint holds what learns, and no more.
    assert!(read(&whole, "checkpoint.safetensors").len() < read(&whole, "student/model.safetensors").len() / 2);

    let bytes = read(&whole, "adapter/adapter_model.safetensors");
    let adapter = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let config = Checkpoint::open(reference("tiny-llama")).unwrap().config;
    let shape =
        |name: &str| adapter.tensor(&format!("base_model.model.model.layers.{name}.weight")).unwrap().shape().to_vec();
    assert_eq!(adapter.len(), 8);
    assert_eq!(shape("1.self_attn.q_proj.lora_A"), [4, config.d_model]);
    assert_eq!(shape("1.self_attn.q_proj.lora_B"), [config.heads * config.head_dim, 4]);
    assert_eq!(shape("0.mlp.down_proj.lora_A"), [4, config.d_ff]);
    let json: Value = serde_json::from_slice(&read(&whole, "adapter/adapter_config.json")).unwrap();
    assert_eq!((&json["peft_type"], &json["r"], &json["use_rslora"]), (&"LORA".into(), &4.into(), &true.into()));
    assert_eq!(json["target_modules"], serde_json::json!(["q_proj", "down_proj"]));

    // The merged student is the base and s B A, s = α / √rank.
    let tensor = |run: &str, name: &str| {
        let checkpoint = Checkpoint::open(whole.join(run)).unwrap();
        let tensor = checkpoint.tensor(name).unwrap();
        let mut values = vec![0.0; tensor.rows * tensor.cols];
        tensor.dequantize(0..tensor.rows, &mut values).unwrap();
        values
    };
    let side = |side: &str| {
        let name = format!("base_model.model.model.layers.1.self_attn.q_proj.lora_{side}.weight");
        let bytes = adapter.tensor(&name).unwrap().data().to_vec();
        bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect::<Vec<_>>()
    };
    let (a, b, d) = (side("A"), side("B"), config.d_model);
    let (base, merged) = (tensor("start", "blk.1.attn_q.weight"), tensor("distilled/student", "blk.1.attn_q.weight"));
    for at in [0, 5 * d + 7, base.len() - 1] {
        let product: f32 = (0..4).map(|r| b[at / d * 4 + r] * a[r * d + at % d]).sum();
        let expected = base[at] + 4.0 * product;
        assert!((merged[at] - expected).abs() < 1e-6, "{at}: {}, {expected}", merged[at]);
    }
    assert_eq!(tensor("start", "blk.1.attn_k.weight"), tensor("distilled/student", "blk.1.attn_k.weight"));
    assert_ne!(base, merged);
}

#[test]
fn settings_of_adapters_out_of_range_are_named() {
    let home = TempDir::new().unwrap();
    let good = recipe(home.path());
    let check = |change: fn(&mut LoraRecipe), expected: &str| {
        let mut recipe = good.clone();
        change(recipe.lora.as_mut().unwrap());
        let error = Recipe::parse(&toml::to_string(&recipe).unwrap(), Path::new("r.toml")).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(|lora| lora.rank = 0, "lora.rank: expected at least 1, found 0");
    check(|lora| lora.alpha = 0.0, "lora.alpha: expected a number above 0");
    check(|lora| lora.dropout = 1.0, "lora.dropout: expected a share from 0 to below 1");
    let mut fresh = good.clone();
    fresh.student = Origin::Fresh(Fresh { layers: 1, width: 8, heads: 1, kv_heads: 1, ff: 8 });
    fresh.lora.as_mut().unwrap().quantized = true;
    let error = Recipe::parse(&toml::to_string(&fresh).unwrap(), Path::new("r.toml")).unwrap_err().to_string();
    assert!(error.contains("lora.quantized: expected false, or a student that a file stores"), "{error}");
    let mut alone = good.clone();
    (alone.data.held_out, alone.train.patience) = (0.0, Some(2));
    let error = Recipe::parse(&toml::to_string(&alone).unwrap(), Path::new("r.toml")).unwrap_err().to_string();
    assert!(error.contains("train.patience: expected no such key where nothing is held out"), "{error}");
    let two = toml::to_string(&good).unwrap().replace("[student]\n", "[student]\nevery = 2\n");
    let error = Recipe::parse(&two, Path::new("r.toml")).unwrap_err().to_string();
    assert!(error.contains("found several keys in `[student]`, where one may stand"), "{error}");
    check(|lora| lora.targets = Targets::Some(vec!["q".to_owned()]), "lora.targets: expected all-linear, or some of");
    let mut all = good.clone();
    all.lora.as_mut().unwrap().targets = Targets::All;
    let again = Recipe::parse(&toml::to_string(&all).unwrap(), Path::new("r.toml")).unwrap();
    assert_eq!((again.lora.as_ref().unwrap().modules().len(), &again), (7, &all));
}
