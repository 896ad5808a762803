//! A checkpoint: everything that the rest of a training depends on, in one safetensors file that is there whole or not at all.

use std::path::Path;

use ::safetensors::{Dtype, SafeTensors};
use hydrometer_answers::durable;
use hydrometer_models::ModelError;
use hydrometer_probes::strangers::read_file;
use serde_json::{Map, Value};

use super::Trainer;
use crate::DistillError;
use crate::data::Position;
use crate::export::safetensors::{self, Tensor};
use crate::network::Tensors;

/// Raised when the same file would mean something else.
const FORMAT: &str = "hydrometer.distill-checkpoint/1";
const STEP: &str = "step";
const TOKENS: &str = "tokens";
const EPOCH: &str = "epoch";
const SAMPLE: &str = "sample";

/// What a checkpoint has besides weights and moments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Tokens that went through the network.
    pub tokens: u64,
    /// Where the data stand.
    pub position: Position,
}

impl Trainer {
    /// Writes the checkpoint: temporary file, fsync, rename.
    ///
    /// # Errors
    /// It cannot be written; the one before stays.
    pub fn save(&self, path: &Path, progress: Progress) -> Result<(), DistillError> {
        let mut tensors = Vec::new();
        let parts =
            [("weight", &self.network.weights), ("mean", &self.optimiser.mean), ("square", &self.optimiser.square)];
        for (part, all) in parts {
            // What does not learn is as it was at the start.
            for ((name, _, values), (.., mean)) in all.all().into_iter().zip(self.optimiser.mean.all()) {
                if !mean.is_empty() {
                    tensors.push(Tensor::of(format!("{part}.{name}"), vec![values.len()], values));
                }
            }
        }
        let Progress { tokens, position } = progress;
        let numbers = [(STEP, self.step), (TOKENS, tokens), (EPOCH, position.epoch), (SAMPLE, position.sample as u64)];
        let mut about = Map::from_iter([("format".to_owned(), Value::from(FORMAT))]);
        about.extend(numbers.map(|(key, number)| (key.to_owned(), Value::from(number.to_string()))));
        Ok(durable::replace_with(path, |file| safetensors::write(file, &about, &tensors))?)
    }

    /// Goes on from a checkpoint of the same student.
    ///
    /// # Errors
    /// A file that is no such checkpoint.
    pub fn load(&mut self, path: &Path) -> Result<Progress, DistillError> {
        let wrong = |at: &str, expected: &str, found: String| {
            DistillError::from(ModelError::malformed(path, at, expected, found))
        };
        let bytes = read_file(path).map_err(|error| ModelError::io(path, "cannot read", error))?;
        let broken = |error: ::safetensors::SafeTensorError| wrong("file", "a safetensors file", error.to_string());
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(broken)?;
        let about = header.metadata().clone().unwrap_or_default();
        if about.get("format").map(String::as_str) != Some(FORMAT) {
            let found = about.get("format").map_or("none", String::as_str);
            return Err(wrong("format", FORMAT, found.to_owned()));
        }
        let number = |key: &str| {
            let text = about.get(key).map_or("", String::as_str);
            text.parse::<u64>().map_err(|_| wrong(key, "a whole number", format!("`{text}`")))
        };
        let (step, tokens) = (number(STEP)?, number(TOKENS)?);
        let position = Position { epoch: number(EPOCH)?, sample: number(SAMPLE)? as usize };
        let file = SafeTensors::deserialize(&bytes).map_err(broken)?;
        let learning: Vec<bool> = self.optimiser.mean.all().iter().map(|tensor| !tensor.2.is_empty()).collect();
        let fill = |part: &str, all: &mut Tensors| -> Result<(), DistillError> {
            let learning = all.all_mut().into_iter().zip(&learning).filter(|(_, learning)| **learning);
            for ((name, _, values), _) in learning {
                let name = format!("{part}.{name}");
                let tensor = file.tensor(&name).map_err(broken)?;
                if tensor.dtype() != Dtype::F32 || tensor.data().len() != 4 * values.len() {
                    let found = format!("{} bytes of {:?}", tensor.data().len(), tensor.dtype());
                    return Err(wrong(&name, &format!("{} numbers in F32", values.len()), found));
                }
                for (value, bytes) in values.iter_mut().zip(tensor.data().as_chunks::<4>().0) {
                    *value = f32::from_le_bytes(*bytes);
                }
            }
            Ok(())
        };
        fill("weight", &mut self.network.weights)?;
        fill("mean", &mut self.optimiser.mean)?;
        fill("square", &mut self.optimiser.square)?;
        self.step = step;
        Ok(Progress { tokens, position })
    }
}
