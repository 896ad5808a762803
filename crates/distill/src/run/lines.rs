//! `metrics.jsonl`: a line a step, and what is read of it again.

use std::path::Path;

use hydrometer_answers::{RunError, durable};
use hydrometer_probes::strangers::read_file;
use serde::Deserialize;
use serde_json::json;

use super::Measured;
use crate::DistillError;
use crate::train::StepReport;

/// One line, as far as it is read again.
#[derive(Deserialize)]
pub(super) struct Line {
    pub(super) step: u64,
    pub(super) held_out: Option<Measured>,
}

/// The line of a step; the one before the first has no report.
pub(super) fn line(step: u64, report: Option<&StepReport>, tokens: u64, held_out: Option<&Measured>) -> String {
    let mut line = json!({ "step": step, "tokens": tokens });
    if let Some(StepReport { sums, gradient, rate, .. }) = report {
        let mean = |sum: f64| sum / sums.rows.max(1) as f64;
        line["loss"] = json!(sums.mean_loss());
        line["cross_entropy"] = json!(mean(sums.cross_entropy));
        line["divergence"] = json!(mean(sums.divergence));
        if let Some(hidden) = sums.hidden {
            line["hidden"] = json!(mean(hidden));
        }
        line["gradient"] = json!(gradient);
        line["learning_rate"] = json!(rate);
    }
    if let Some(held_out) = held_out {
        line["held_out"] = json!(held_out);
    }
    line.to_string()
}

fn read(path: &Path) -> Result<Vec<(String, Line)>, DistillError> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    durable::drop_torn_line(path)?;
    let bytes = read_file(path).map_err(RunError::io("read", path))?;
    let parse = |(number, text): (usize, &str)| {
        let wrong = |error: serde_json::Error| {
            DistillError::data(path, format!("line {}", number + 1), "the metrics of a step", error.to_string())
        };
        serde_json::from_str(text).map(|line| (text.to_owned(), line)).map_err(wrong)
    };
    String::from_utf8_lossy(&bytes).lines().enumerate().map(parse).collect()
}

/// Takes away the lines of steps that will be done again: those behind `step`, or all where nothing was done. What is left.
pub(super) fn keep(path: &Path, step: Option<u64>) -> Result<Vec<Line>, DistillError> {
    let kept: Vec<_> = read(path)?.into_iter().filter(|(_, line)| step.is_some_and(|step| line.step <= step)).collect();
    let text: String = kept.iter().map(|(text, _)| text.clone() + "\n").collect();
    durable::replace(path, text.as_bytes())?;
    Ok(kept.into_iter().map(|(_, line)| line).collect())
}
