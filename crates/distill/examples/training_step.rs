//! Speed and memory of a training step, for `scripts/bench-distill`, which measures the same step of PyTorch beside it.
//!
//!     training_step write kd FOLDER           writes a teacher and a student of chance to FOLDER
//!     training_step write lora MODEL FOLDER   writes MODEL in f32 to FOLDER/student
//!     training_step run (kd|lora) FOLDER STEPS (f32|bf16x3|bf16)
//!
//! In bf16 the products of the teacher are, too, as under PyTorch's autocast. `run` prints one line of JSON: seconds of each step behind the first, the loss of the first, and the largest resident memory
//! from the first step on, in bytes.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Instant;

use hydrometer_distill::export::hugging_face;
use hydrometer_distill::losses::{Divergence, Objective, Soft, TokenWeights};
use hydrometer_distill::network::{Lora, Network, Precision as TrainingPrecision, Remember, Tensors};
use hydrometer_distill::train::{
    AdamWSettings, Decay, Sample, Schedule, StepReport, Teacher, Trainer, TrainerSettings,
};
use hydrometer_models::{Checkpoint, Decoder, DecoderConfig, EngineOptions, Precision, RopeStyle};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What is measured.
struct Workload {
    sequences: usize,
    /// Tokens of each, of which all but the first are learnt.
    length: usize,
    objective: Objective,
}

const TEACHES: Soft = Soft { divergence: Divergence::ForwardKl, temperature: 2.0 };
/// Adapters on every matrix.
const LORA: Lora = Lora { rank: 16, scale: 2.0, dropout: 0.0 };
const EVERYWHERE: [usize; 7] = [0, 1, 2, 3, 4, 5, 6];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["write", "kd", folder] => write_kd(Path::new(folder)),
        ["write", "lora", model, folder] => write_lora(Path::new(model), Path::new(folder)),
        ["run", workload, folder, steps, precision] => {
            let precision = match precision {
                "f32" => (Precision::F32, TrainingPrecision::F32),
                "bf16x3" => (Precision::Bf16x3, TrainingPrecision::Bf16x3),
                "bf16" => (Precision::Bf16, TrainingPrecision::Bf16),
                _ => return Err(format!("expected f32, bf16x3 or bf16, found {precision}").into()),
            };
            let line = run(workload, Path::new(folder), steps.parse()?, precision)?;
            println!("{line}");
            Ok(())
        }
        _ => {
            Err("expected write kd FOLDER, write lora MODEL FOLDER, or run (kd|lora) FOLDER STEPS (f32|bf16x3|bf16)"
                .into())
        }
    }
}

fn workload(name: &str) -> Result<Workload> {
    match name {
        "kd" => {
            let objective = Objective { hard: 0.0, soft: Some(TEACHES) };
            Ok(Workload { sequences: 8, length: 256, objective })
        }
        "lora" => Ok(Workload { sequences: 1, length: 512, objective: Objective::HARD }),
        _ => Err(format!("expected kd or lora, found {name}").into()),
    }
}

/// Two networks of 8 layers, 384 wide, with a vocabulary of 8,192 tokens and one matrix for embedding and head.
fn write_kd(folder: &Path) -> Result<()> {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/teacher.gguf");
    let demo = Checkpoint::open(demo)?;
    let mut config = DecoderConfig {
        layers: 8,
        d_model: 384,
        heads: 6,
        kv_heads: 6,
        head_dim: 64,
        d_ff: 1024,
        vocab: 8192,
        tied: true,
        attn_scale: 0.125,
        ..demo.config.clone()
    };
    (config.rope.dims, config.rope.style) = (config.head_dim, RopeStyle::Half);
    for (name, seed) in [("teacher", 1), ("student", 2)] {
        let network = Network::new(config.clone(), Tensors::fresh(&config, seed))?;
        hugging_face(&folder.join(name), &network, &demo)?;
    }
    Ok(())
}

fn write_lora(model: &Path, folder: &Path) -> Result<()> {
    let checkpoint = Checkpoint::open(model)?;
    Ok(hugging_face(&folder.join("student"), &whole(&checkpoint)?, &checkpoint)?)
}

fn whole(checkpoint: &Checkpoint) -> Result<Network> {
    let layers: Vec<usize> = (0..checkpoint.config.layers).collect();
    Ok(Network::open(checkpoint, &layers)?)
}

/// The tokens of a step: the same on both sides.
fn batch(workload: &Workload, step: usize, vocab: usize) -> Vec<Sample> {
    let sequence = |index: usize| {
        let from = (step * workload.sequences + index) * workload.length;
        let tokens = (from..from + workload.length).map(|place| ((place * 7919 + 17) % vocab) as u32).collect();
        Sample { tokens, learnt: vec![true; workload.length], family: "all".to_owned() }
    };
    (0..workload.sequences).map(sequence).collect()
}

fn run(
    name: &str,
    folder: &Path,
    steps: usize,
    (of_teacher, precision): (Precision, TrainingPrecision),
) -> Result<String> {
    let workload = workload(name)?;
    let engine = match name {
        "kd" => {
            let checkpoint = Checkpoint::open(folder.join("teacher"))?;
            Some(Decoder::open(&checkpoint, &EngineOptions { precision: of_teacher })?)
        }
        _ => None,
    };
    let mut network = whole(&Checkpoint::open(folder.join("student"))?)?;
    network.train_in(precision)?;
    let vocab = network.config.vocab;
    if name == "lora" {
        network.adapt(LORA, &EVERYWHERE, 3);
    }
    let teacher = engine.as_ref().map(|engine| Teacher::of(engine, vocab)).transpose()?;
    let settings = TrainerSettings {
        objective: workload.objective,
        weights: TokenWeights::EVEN,
        optimiser: AdamWSettings { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weight_decay: 0.1, clip: Some(1.0) },
        schedule: Schedule { peak: 1e-4, warm_up: 0, steps: 1000, decay: Decay::Constant, floor: 0.0 },
        micro_tokens: workload.sequences * workload.length,
        remember: Remember::Everything,
        seed: 1,
    };
    let mut trainer = Trainer::new(network, settings);
    let mut step = |index: usize| -> Result<(StepReport, f64)> {
        let samples = batch(&workload, index, vocab);
        let start = Instant::now();
        let report = trainer.step(&samples.iter().collect::<Vec<_>>(), teacher)?;
        Ok((report, start.elapsed().as_secs_f64()))
    };
    forget_peak();
    let loss = step(0)?.0.sums.mean_loss();
    let seconds = (1..=steps).map(|index| Ok(step(index)?.1)).collect::<Result<Vec<f64>>>()?;
    Ok(serde_json::json!({ "loss": loss, "seconds": seconds, "peak": peak() }).to_string())
}

/// What was read and thrown away before the first step is no memory of training. Where the system does not forget (no Linux), it
/// counts on.
fn forget_peak() {
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// Largest resident memory in bytes; `None` where the system does not say.
fn peak() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(1024 * kilobytes)
}
