//! Hidden states as a term of the loss: PyTorch's numbers, finite differences, and whole recipes.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use hydrometer_distill::losses::hidden::StateDistance;
use hydrometer_distill::losses::{Divergence, Objective, Soft, TokenWeights};
use hydrometer_distill::network::{Lora, Network, Products, Reading, Remember, Sheet, Tensors};
use hydrometer_distill::train::{
    AdamWSettings, Decay, HiddenStates, Sample, Schedule, StepReport, Teacher, Trainer, TrainerSettings,
};
use hydrometer_distill::{Arm, Completion, DistillError, Measured, Observer, Outcome, Plan, Recipe};
use hydrometer_models::{Checkpoint, Decoder, EngineOptions, Precision};
use hydrometer_probes::builtin::{Domain, corpus};
use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

const KD: Objective = Objective { hard: 0.3, soft: Some(Soft { divergence: Divergence::ForwardKl, temperature: 2.0 }) };
const OPTIONS: EngineOptions = EngineOptions { precision: Precision::F32 };

fn open(name: &str) -> Checkpoint {
    Checkpoint::open(Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/reference").join(name)).unwrap()
}

/// A model's network with all its layers, as its file stores it.
fn whole(checkpoint: &Checkpoint) -> Network {
    let layers: Vec<usize> = (0..checkpoint.config.layers).collect();
    Network::open_with(checkpoint, &layers, Reading::AsStored).unwrap()
}

fn settings(micro_tokens: usize, remember: Remember) -> TrainerSettings {
    TrainerSettings {
        objective: KD,
        optimiser: AdamWSettings { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weight_decay: 0.1, clip: Some(1.0) },
        schedule: Schedule { peak: 2e-3, warm_up: 5, steps: 50, decay: Decay::Cosine, floor: 0.1 },
        micro_tokens,
        remember,
        weights: TokenWeights::EVEN,
        seed: 1,
    }
}

fn sample(tokens: Vec<u32>) -> Sample {
    Sample { learnt: vec![true; tokens.len()], tokens, family: "all".to_owned() }
}

/// Two samples, of one of which a part is given.
fn samples(vocab: usize) -> [Sample; 2] {
    let mut samples = [(19, 3), (9, 100)]
        .map(|(count, from)| sample((0..count).map(|i| ((from + i * 7919) % vocab) as u32).collect()));
    samples[1].learnt[..4].fill(false);
    samples
}

#[derive(Deserialize)]
struct Losses {
    hidden: Vec<Case>,
}

/// What PyTorch made of some rows of states.
#[derive(Deserialize)]
struct Case {
    distance: StateDistance,
    widths: [usize; 2],
    student: Vec<f32>,
    teacher: Vec<f32>,
    projector: Option<Vec<f32>>,
    factors: Vec<f64>,
    distances: Vec<f64>,
    d_student: Vec<f64>,
    d_projector: Option<Vec<f64>>,
}

#[test]
fn distances_and_gradients_are_those_of_pytorch() {
    let Losses { hidden } = serde_json::from_str(include_str!("reference/losses.json")).unwrap();
    assert_eq!(hidden.len(), 6);
    for case in hidden {
        let [mine, theirs] = case.widths;
        let states = (&Sheet::of(case.student, mine), &Sheet::of(case.teacher, theirs));
        let mut d_projector = vec![0.0; mine * theirs];
        let projector = case.projector.as_ref().map(|projector| (projector, &mut d_projector[..]));
        let found = case.distance.rows(&Products::new(), projector, states, &case.factors);
        let name = format!("{:?} {mine} to {theirs}", case.distance);
        let close = |found: f64, expected: f64, what: &str| {
            assert!((found - expected).abs() < 1e-5 * expected.abs().max(1.0), "{name}, {what}: {found}, {expected}");
        };
        found.distances.iter().zip(case.distances).for_each(|(a, b)| close(*a, b, "distance"));
        assert_eq!(found.d_student.values.len(), case.d_student.len());
        found.d_student.values.iter().zip(case.d_student).for_each(|(a, b)| close((*a).into(), b, "state"));
        let expected = case.d_projector.unwrap_or_default();
        assert_eq!(expected.is_empty(), mine == theirs);
        d_projector.iter().zip(expected).for_each(|(a, b)| close((*a).into(), b, "projector"));
    }
}

#[test]
fn derivatives_are_finite_differences_and_a_state_of_no_length_has_none() {
    let state = |from: usize| (0..9).map(|i| ((from + i * 7919) % 101) as f32 / 25.0 - 2.0).collect::<Vec<f32>>();
    let (student, teacher) = (state(3), state(40));
    for distance in [StateDistance::Cosine, StateDistance::MeanSquare] {
        let mut gradient = vec![0.0; 9];
        assert!(distance.row(&student, &teacher, &mut gradient) > 0.0);
        for at in 0..9 {
            let moved = |step: f32| {
                let mut moved = student.clone();
                moved[at] += step;
                (f64::from(moved[at]), distance.row(&moved, &teacher, &mut [0.0; 9]))
            };
            let ((high, above), (low, below)) = (moved(1e-3), moved(-1e-3));
            let expected = (above - below) / (high - low);
            assert!((gradient[at] - expected).abs() < 1e-5, "{distance:?} {at}: {}, {expected}", gradient[at]);
        }
        assert!(distance.row(&teacher, &teacher, &mut gradient).abs() < 1e-12);
        assert!(gradient.iter().all(|g| g.abs() < 1e-12), "{distance:?}: {gradient:?}");
    }
    // Length does not count for the cosine, and a state of no length is no division by zero.
    let long: Vec<f32> = teacher.iter().map(|t| 3.0 * t).collect();
    let mut gradient = vec![1.0; 9];
    assert!(StateDistance::Cosine.row(&long, &teacher, &mut gradient).abs() < 1e-7);
    assert_eq!(StateDistance::Cosine.row(&[0.0; 9], &teacher, &mut gradient), 1.0);
    assert_eq!(gradient, [0.0; 9]);
}

/// A student and its teacher, and what of the student learns.
struct Pair {
    name: &'static str,
    student: Network,
    teacher: Network,
}

fn pairs() -> [Pair; 3] {
    let (llama, qwen2, qwen3) = (open("tiny-llama"), open("tiny-qwen2"), open("tiny-qwen3"));
    let mut narrower = Network::open(&qwen2, &[0, 2]).unwrap();
    narrower.project(2, qwen3.config.d_model, 11);
    let mut adapted = Network::open(&qwen2, &[0, 2]).unwrap();
    adapted.adapt(Lora { rank: 3, scale: 0.7, dropout: 0.0 }, &[0, 1, 2, 3, 4, 5, 6], 9);
    for (place, (name, _, values)) in adapted.weights.all_mut().into_iter().enumerate() {
        // At 0 no A would have a gradient.
        if name.ends_with("lora_b") {
            values.iter_mut().enumerate().for_each(|(i, b)| *b = ((place + i * 7919) % 101) as f32 / 500.0 - 0.1);
        }
    }
    adapted.project(2, qwen3.config.d_model, 11);
    [
        Pair { name: "of one width", student: Network::open(&llama, &[0, 2]).unwrap(), teacher: whole(&llama) },
        Pair { name: "narrower", student: narrower, teacher: whole(&qwen3) },
        Pair { name: "adapted", student: adapted, teacher: whole(&qwen3) },
    ]
}

fn network(pair: &Pair, weights: &Tensors) -> Network {
    let Network { config, lora, frozen, .. } = &pair.student;
    let mut network = Network::new(config.clone(), weights.clone()).unwrap();
    (network.lora, network.frozen) = (*lora, frozen.clone());
    network
}

/// Whatever learns has a gradient, the projectors, too, and along it the loss changes as it says.
#[test]
fn every_tensor_has_the_gradient_of_finite_differences() {
    for pair in pairs() {
        for (distance, weight) in [(StateDistance::Cosine, 2.0), (StateDistance::MeanSquare, 0.5)] {
            let vocab = pair.student.config.vocab;
            let teacher = Teacher::network(&pair.teacher, vocab).unwrap();
            let samples = samples(vocab);
            let batch: Vec<_> = samples.iter().collect();
            let hidden = HiddenStates { distance, weight, pairs: vec![(0, 1), (1, 2)] };
            let step = |weights: &Tensors, hidden: Option<&HiddenStates>, settings: TrainerSettings| {
                let mut trainer = Trainer::new(network(&pair, weights), settings).with_hidden(hidden.cloned());
                let report = trainer.step(&batch, Some(teacher)).unwrap();
                (report.sums, trainer.gradient().clone())
            };
            let start = &pair.student.weights;
            let usual = settings(1000, Remember::Everything);
            let (sums, gradient) = step(start, Some(&hidden), usual);
            // The term is what was added, and no less.
            let (without, _) = step(start, None, usual);
            let added = weight * sums.hidden.unwrap() / sums.rows as f64;
            assert!(without.hidden.is_none() && added > 0.01, "{}: {added}", pair.name);
            assert!((sums.mean_loss() - without.mean_loss() - added).abs() < 1e-9, "{}: {added}", pair.name);
            // Recomputed layers have the same gradient, bit for bit.
            assert_eq!(step(start, Some(&hidden), settings(1000, Remember::Inputs)).1, gradient);
            // Sample by sample, too, but for rounding.
            let (_, apart) = step(start, Some(&hidden), settings(1, Remember::Everything));
            for (place, (tensor, _, values)) in gradient.all().into_iter().enumerate() {
                let length = values.iter().map(|&g| f64::from(g).powi(2)).sum::<f64>().sqrt();
                if values.is_empty() {
                    assert!(pair.name == "adapted" && !tensor.contains("lora") && !tensor.contains("projector"));
                    continue;
                }
                assert!(length > 0.0, "{}: {tensor} gets no gradient", pair.name);
                let largest =
                    values.iter().zip(apart.all()[place].2).map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max);
                assert!(largest < 1e-4 * length.max(0.1), "{}, {tensor}: {largest} of {length}", pair.name);
                let size = 0.02 / length.max(0.05);
                let moved = |sign: f64| {
                    let mut weights = start.clone();
                    for (w, &g) in weights.all_mut()[place].2.iter_mut().zip(values) {
                        *w += (sign * size * f64::from(g)) as f32;
                    }
                    step(&weights, Some(&hidden), usual).0.mean_loss()
                };
                let (found, expected) = ((moved(1.0) - moved(-1.0)) / (2.0 * size), length * length);
                let allowed = 0.01 * expected + 2e-4 * length;
                let name = pair.name;
                assert!((found - expected).abs() < allowed, "{name} {distance:?}, {tensor}: {found}, {expected}");
            }
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
        hidden: Option<Hidden>,
        batches: Vec<Vec<Vec<u32>>>,
        losses: Vec<f64>,
        gradients: Vec<f64>,
    }
    #[derive(Deserialize)]
    struct Hidden {
        distance: StateDistance,
        weight: f64,
        layers: Vec<(usize, usize)>,
    }
    let file: File = serde_json::from_str(include_str!("reference/training.json")).unwrap();
    let mut seen = 0;
    for run in file.runs {
        let Some(Hidden { distance, weight, layers }) = run.hidden else { continue };
        seen += 1;
        let checkpoint = open(&run.model);
        let network = whole(&checkpoint);
        let teacher = Teacher::network(&network, checkpoint.config.vocab).unwrap();
        let student = Network::open(&checkpoint, &run.layers).unwrap();
        let hidden = HiddenStates { distance, weight, pairs: layers };
        let mut trainer = Trainer::new(student, settings(30, Remember::Everything)).with_hidden(Some(hidden));
        for (step, batch) in run.batches.into_iter().enumerate() {
            let samples: Vec<_> = batch.into_iter().map(sample).collect();
            let report = trainer.step(&samples.iter().collect::<Vec<_>>(), Some(teacher)).unwrap();
            let close = |found: f64, expected: f64, what: &str| {
                let apart = (found / expected - 1.0).abs();
                assert!(apart < 1e-3, "{distance:?}, step {step}: {what} {found}, {expected}");
            };
            close(report.sums.mean_loss(), run.losses[step], "loss");
            close(report.gradient, run.gradients[step], "gradient");
        }
    }
    assert_eq!(seen, 2);
}

#[test]
fn a_teacher_that_shows_no_states_is_refused() {
    let checkpoint = open("tiny-llama");
    let engine = Decoder::open(&checkpoint, &OPTIONS).unwrap();
    let teacher = Teacher::of(&engine, checkpoint.config.vocab).unwrap();
    let hidden = HiddenStates { distance: StateDistance::Cosine, weight: 1.0, pairs: vec![(0, 0)] };
    let student = Network::open(&checkpoint, &[0]).unwrap();
    let mut trainer = Trainer::new(student, settings(100, Remember::Everything)).with_hidden(Some(hidden));
    let samples = samples(checkpoint.config.vocab);
    let error = trainer.step(&[&samples[0]], Some(teacher)).unwrap_err().to_string();
    assert!(error.contains("hidden states, and the teacher shows no more than distributions"), "{error}");
}

/// Stops after some steps, or never.
struct Stop {
    after: u64,
    hidden: Vec<Option<f64>>,
}

impl Observer for Stop {
    fn begins(&mut self, _: Arm, _: u64, _: u64) {}
    fn stepped(&mut self, _: Arm, _: u64, report: &StepReport) {
        self.hidden.push(report.sums.hidden.map(|sum| sum / report.sums.rows as f64));
    }
    fn measured(&mut self, _: Arm, _: u64, _: &Measured) {}
    fn completed(&mut self, _: Arm, _: u64, _: &[Completion]) {}
    fn answered(&mut self, _: u64, _: u64) {}
    fn interrupted(&self) -> bool {
        self.hidden.len() as u64 >= self.after
    }
}

fn recipe_text(home: &Path, arms: &str, student: &str, loss: &str) -> String {
    let path = home.join("corpus.jsonl");
    let lines = corpus(77, 30, Domain::Centre).map(|text| serde_json::json!({ "text": text }).to_string() + "\n");
    fs::write(&path, lines.collect::<String>()).unwrap();
    let teacher: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/teacher.gguf");
    format!(
        "teacher = {teacher:?}\narms = {arms}\ncache = {:?}\n[student]\n{student}\n[data]\nfiles = [{path:?}]\n\
         held_out = 0.2\ncontext = 96\nallow_overlap = [\"builtin\"]\n[loss]\n{loss}\n[train]\nsteps = 5\n\
         batch_tokens = 300\nmicro_tokens = 200\nlearning_rate = 1e-3\nseed = 5\nevaluate_every = 5\n\
         evaluate_tokens = 300\ncheckpoint_every = 2\n",
        home.join("cache")
    )
}

fn recipe(home: &Path, arms: &str, student: &str, loss: &str) -> Recipe {
    Recipe::parse(&recipe_text(home, arms, student, loss), Path::new("recipe.toml")).unwrap()
}

const NARROW: &str = "fresh = { layers = 2, width = 48, heads = 4, kv_heads = 2, ff = 96 }";
const HIDDEN: &str = "divergence = \"forward_kl\"\nhidden = { distance = \"cosine\", weight = 0.5 }";

fn run(recipe: &Recipe, out: &Path, after: u64) -> (Result<Outcome, DistillError>, Vec<Option<f64>>) {
    let mut stop = Stop { after, hidden: Vec::new() };
    let plan = Plan::new(recipe.clone(), &OPTIONS);
    (plan.and_then(|plan| plan.run(out, &mut stop)), stop.hidden)
}

/// Projectors are trained, kept in checkpoints, gone on with bit for bit, and no part of what is written.
#[test]
fn a_run_with_projectors_goes_on_where_it_was_and_leaves_them_behind() {
    let home = TempDir::new().unwrap();
    let recipe = recipe(home.path(), r#"["distilled", "hard_labels"]"#, NARROW, HIDDEN);
    let (whole, parts) = (home.path().join("whole"), home.path().join("parts"));
    let (expected, hidden) = run(&recipe, &whole, u64::MAX);
    let distilled: Vec<f64> = hidden[..5].iter().map(|hidden| hidden.unwrap()).collect();
    assert!(distilled[4] < distilled[0], "{distilled:?}");
    assert_eq!(hidden[5..], [None; 5], "hard labels compare no states");
    assert!(matches!(run(&recipe, &parts, 3).0, Err(DistillError::Interrupted { step: 3 })));
    assert_eq!(run(&recipe, &parts, u64::MAX).0.unwrap(), expected.unwrap());
    for file in ["student/model.safetensors", "checkpoint.safetensors", "metrics.jsonl"] {
        let [a, b] = [&whole, &parts].map(|run| fs::read(run.join("distilled").join(file)).unwrap());
        assert!(a == b, "{file}");
    }
    let names = |path: &str| {
        let bytes = fs::read(whole.join(path)).unwrap();
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
        let all = header.as_object().unwrap().keys();
        let mut names: Vec<String> = all.filter(|name| name.contains("projector")).cloned().collect();
        names.sort();
        names
    };
    let kept = names("distilled/checkpoint.safetensors");
    let of = |part: &str| [0, 1].map(|index| format!("{part}.projector.{index}.weight"));
    assert_eq!(kept, [of("mean"), of("square"), of("weight")].concat());
    assert!(names("hard_labels/checkpoint.safetensors").is_empty());
    assert!(names("distilled/student/model.safetensors").is_empty());
    // Nor are they counted.
    let (weights, learning) = Plan::new(recipe, &OPTIONS).unwrap().student_parameters().unwrap();
    let exported = Checkpoint::open(whole.join("distilled/student")).unwrap();
    let there = Tensors::read(&exported, &[0, 1], 0.0, Reading::Numbers).unwrap().len();
    assert_eq!((weights, learning), (there, there));
    let line = fs::read_to_string(whole.join("distilled/metrics.jsonl")).unwrap();
    let last: Value = serde_json::from_str(line.lines().last().unwrap()).unwrap();
    assert!(last["hidden"].as_f64().unwrap() > 0.0, "{last}");
}

/// DistilBERT's sum of three terms is the same recipe as its parts written out, and counts what they say.
#[test]
fn the_triple_loss_is_its_three_terms() {
    let home = TempDir::new().unwrap();
    let of = |loss: &str| recipe(home.path(), r#"["distilled"]"#, "every = 2", loss);
    let triple = of("triple = { soft = 5.0, hard = 3.0, hidden = 2.0, temperature = 2.0 }");
    let written = of("divergence = \"forward_kl\"\ntemperature = 2.0\nhard = 0.375\n\
                      hidden = { distance = \"cosine\", weight = 0.25, layers = \"last\" }");
    assert_eq!(triple, written);
    assert_eq!(triple.hash(), written.hash());
    // Written again it is read again.
    assert_eq!(Recipe::parse(&toml::to_string(&triple).unwrap(), Path::new("r.toml")).unwrap(), triple);
    assert_eq!(of("triple = {}"), of("triple = { soft = 5.0, hard = 2.0, hidden = 1.0, temperature = 2.0 }"));
    let (outcome, _) = run(&triple, &home.path().join("out"), u64::MAX);
    outcome.unwrap();
    let lines = fs::read_to_string(home.path().join("out/distilled/metrics.jsonl")).unwrap();
    for line in lines.lines().skip(1) {
        let line: Value = serde_json::from_str(line).unwrap();
        let number = |key: &str| line[key].as_f64().unwrap();
        let expected =
            (5.0 * 4.0 * number("divergence") + 3.0 * number("cross_entropy") + 2.0 * number("hidden")) / 8.0;
        assert!((number("loss") - expected).abs() < 1e-9 * expected, "{line}, {expected}");
    }
}

#[test]
fn recipes_that_compare_what_is_not_there_are_refused() {
    let home = TempDir::new().unwrap();
    let check = |arms: &str, student: &str, loss: &str, expected: &str| {
        let text = recipe_text(home.path(), arms, student, loss);
        let parsed = Recipe::parse(&text, Path::new("r.toml"));
        let planned = parsed.and_then(|recipe| Plan::new(recipe, &OPTIONS)).and_then(|plan| plan.student_parameters());
        let error = planned.err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    };
    let hidden = |more: &str| format!("divergence = \"forward_kl\"\nhidden = {{ distance = \"cosine\", {more} }}");
    let (one, every) = (r#"["distilled"]"#, "every = 2");
    check(one, every, &hidden("weight = 0.0"), "loss.hidden.weight: expected a number above 0, found 0");
    check(one, every, &hidden("weight = 1.0, layers = []"), "loss.hidden.layers: expected at least one pair of layers");
    check(one, every, &hidden("weight = 1.0, layers = [[0, 1], [0, 1]]"), "each pair once, found [0, 1] twice");
    check(one, every, &hidden("weight = 1.0, layers = \"first\""), "`first`, where \"every\", \"last\" or pairs");
    check(one, every, &hidden("weight = 1.0, layers = 3"), "\"every\", \"last\", or pairs of layers as in");
    let absent = "names layer 6 of the teacher, which has the layers 0 to 5";
    check(one, every, &hidden("weight = 1.0, layers = [[0, 1], [2, 6]]"), absent);
    let absent = "names layer 3 of the student, which has the layers 0 to 2";
    check(one, every, &hidden("weight = 1.0, layers = [[3, 5]]"), absent);
    check(r#"["distilled", "sparse"]"#, every, &hidden("weight = 1.0"), "no arm sparse where `loss.hidden` compares");
    check(one, every, "temperature = 2.0", "missing field `divergence`");
    check(one, every, "triple = {}\nhard = 0.3", "`triple` beside `divergence`, `temperature`, `hard` or `hidden`");
    check(one, every, "triple = { soft = -1.0 }", "`triple.soft` of -1, where a number above 0 is expected");
    check(one, every, "triple = { sofd = 1.0 }", "unknown field `sofd`");
}
