//! The log that TensorBoard opens, read back byte by byte: framing, sums and values, also behind an interruption.
//! `reference/tensorboard.py` reads the same with TensorBoard's own package.
#![allow(clippy::unwrap_used)]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use hydrometer_distill::train::StepReport;
use hydrometer_distill::{Arm, Completion, DistillError, Measured, Observer, Outcome, Plan, Recipe};
use hydrometer_models::{EngineOptions, Precision};
use hydrometer_probes::builtin::{Domain, corpus};
use serde_json::Value;

const STEPS: u64 = 5;

/// Stops after some steps; its clock goes on by a half at each look.
struct Watch {
    left: u64,
    now: Cell<f64>,
}

impl Observer for Watch {
    fn begins(&mut self, _: Arm, _: u64, _: u64) {}
    fn stepped(&mut self, _: Arm, _: u64, _: &StepReport) {
        self.left -= 1;
    }
    fn measured(&mut self, _: Arm, _: u64, _: &Measured) {}
    fn completed(&mut self, _: Arm, _: u64, _: &[Completion]) {}
    fn answered(&mut self, _: u64, _: u64) {}
    fn interrupted(&self) -> bool {
        self.left == 0
    }
    fn now(&self) -> Option<f64> {
        self.now.set(self.now.get() + 0.5);
        Some(self.now.get())
    }
}

fn trained(home: &Path, steps: u64) -> Result<Outcome, DistillError> {
    let lines = corpus(77, 30, Domain::Centre).map(|text| serde_json::json!({ "text": text }).to_string() + "\n");
    fs::write(home.join("f.jsonl"), lines.collect::<String>()).unwrap();
    let text = format!(
        "teacher = {:?}\narms = [\"distilled\"]\n[student]\nlayers = [0]\n[data]\nfiles = [{:?}]\nheld_out = 0.3\n\
         context = 64\nallow_overlap = [\"builtin\"]\n[loss]\ndivergence = \"forward_kl\"\n\
         weights = {{ entropy = 1.0 }}\n[train]\nsteps = {STEPS}\n\
         batch_tokens = 100\nlearning_rate = 1e-3\nseed = 1\nevaluate_every = 2\nevaluate_tokens = 300\ncheckpoint_every = 2\n",
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/teacher.gguf"),
        home.join("f.jsonl")
    );
    let recipe = Recipe::parse(&text, Path::new("recipe.toml")).unwrap();
    let plan = Plan::new(recipe, &EngineOptions { precision: Precision::F32 })?;
    plan.run(&home.join("out"), &mut Watch { left: steps, now: Cell::new(1e9) })
}

/// CRC32C with a table, masked.
fn sum(bytes: &[u8]) -> u32 {
    let entry = |byte: u32| (0..8).fold(byte, |sum, _| (sum >> 1) ^ (0x82f6_3b78 * (sum & 1)));
    let table: Vec<u32> = (0..256).map(entry).collect();
    let sum = !bytes.iter().fold(!0u32, |sum, byte| table[((sum ^ u32::from(*byte)) & 255) as usize] ^ (sum >> 8));
    sum.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// The fields of a message: number, and what stands there as bytes (of a number its eight bytes).
fn fields(mut bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let varint = |bytes: &mut &[u8]| {
        let (mut number, mut shift) = (0u64, 0);
        loop {
            let byte = bytes[0];
            *bytes = &bytes[1..];
            number |= u64::from(byte & 127) << shift;
            shift += 7;
            if byte < 128 {
                return number;
            }
        }
    };
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let length = match key & 7 {
            0 => {
                fields.push((key >> 3, varint(&mut bytes).to_le_bytes().to_vec()));
                continue;
            }
            1 => 8,
            5 => 4,
            2 => varint(&mut bytes) as usize,
            other => panic!("wire type {other}"),
        };
        fields.push((key >> 3, bytes[..length].to_vec()));
        bytes = &bytes[length..];
    }
    fields
}

/// What a log says: of each step its time and its scalars.
fn events(path: &Path) -> Vec<(u64, f64, BTreeMap<String, f32>)> {
    let bytes = fs::read(path).unwrap();
    let (mut at, mut events) = (0, Vec::new());
    while at < bytes.len() {
        let length = &bytes[at..at + 8];
        let end = at + 12 + u64::from_le_bytes(length.try_into().unwrap()) as usize;
        assert_eq!(bytes[at + 8..at + 12], sum(length).to_le_bytes());
        let event = &bytes[at + 12..end];
        assert_eq!(bytes[end..end + 4], sum(event).to_le_bytes());
        let fields_of = fields(event);
        if at == 0 {
            assert_eq!(fields_of[1], (3, b"brain.Event:2".to_vec()));
        } else {
            let [(1, time), (2, step), (5, summary)] = &fields_of[..] else { panic!("{fields_of:?}") };
            let value = |(_, value): (u64, Vec<u8>)| {
                let [(1, tag), (2, number)] = &fields(&value)[..] else { panic!("{value:?}") };
                (String::from_utf8(tag.clone()).unwrap(), f32::from_le_bytes(number[..].try_into().unwrap()))
            };
            let time = f64::from_le_bytes(time[..].try_into().unwrap());
            let step = u64::from_le_bytes(step[..].try_into().unwrap());
            events.push((step, time, fields(summary).into_iter().map(value).collect()));
        }
        at = end + 4;
    }
    events
}

#[test]
fn the_log_has_every_step_once_and_the_numbers_of_the_metrics() {
    let home = tempfile::tempdir().unwrap();
    // Stopped behind step 3, and then, as after a kill, put back to the checkpoint of step 2.
    assert!(matches!(trained(home.path(), 2), Err(DistillError::Interrupted { step: 2 })));
    let checkpoint = home.path().join("out/distilled/checkpoint.safetensors");
    let kept = fs::read(&checkpoint).unwrap();
    assert!(matches!(trained(home.path(), 1), Err(DistillError::Interrupted { step: 3 })));
    fs::write(&checkpoint, kept).unwrap();
    let log = home.path().join("out/distilled/events.out.tfevents");
    assert_eq!(events(&log).last().unwrap().0, 3);
    trained(home.path(), STEPS).unwrap();
    let events = events(&log);
    assert_eq!(events.iter().map(|event| event.0).collect::<Vec<_>>(), (0..=STEPS).collect::<Vec<_>>());
    let metrics = fs::read_to_string(home.path().join("out/distilled/metrics.jsonl")).unwrap();
    let mut measured = 0;
    for ((step, time, scalars), line) in events.iter().zip(metrics.lines()) {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["step"], *step);
        assert!(*time > 1e9);
        let check = |tag: &str, number: &Value| {
            assert_eq!(scalars.get(tag).copied(), number.as_f64().map(|number| number as f32), "{tag} of step {step}");
        };
        // Tokens weigh by the teacher's entropy: the loss is over their weights, not over their number.
        check("train/loss", &line["loss"]);
        check("train/divergence", &line["divergence"]);
        check("train/gradient_length", &line["gradient"]);
        check("train/learning_rate", &line["learning_rate"]);
        let kl = &line["held_out"]["kl_divergence"];
        check("held_out/kl_divergence", &kl["value"]);
        check("held_out/kl_divergence_low", &kl["interval"]["low"]);
        check("held_out/kl_divergence_high", &kl["interval"]["high"]);
        check("held_out/cross_entropy", &line["held_out"]["cross_entropy"]);
        measured += usize::from(scalars.contains_key("held_out/kl_divergence_low"));
        // Half a second a step, by the clock of this test.
        let tokens = scalars.get("train/tokens_per_second").map(|speed| f64::from(*speed) / 2.0);
        assert!(tokens.is_none_or(|tokens| tokens >= 100.0) && tokens.is_some() == (*step > 0), "{tokens:?}");
    }
    assert_eq!((metrics.lines().count(), measured), (6, 4));
}
