//! `hydrometer quantize`: a model as a GGUF file in another type of tensor, and the audit that says what that cost.

use std::path::{Path, PathBuf};

use hydrometer_models::gguf::write::{Conversion, Planned, Types, writable};
use hydrometer_models::{DType, ModelError, open_files};
use hydrometer_probes::counted::{counted, grouped};
use hydrometer_report::visible;
use serde_json::json;

use super::as_json;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::interrupt::listen;
use crate::progress::Tensors;
use crate::terminal::Terminal;

/// Flags of `quantize`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A .gguf file or a Hugging Face folder.
    #[arg(value_name = "MODEL")]
    model: String,
    /// Type of the matrices: f32, bf16, f16, q8_0, q6_k, q5_k, q5_1, q5_0, q4_k or q4_0. Vectors stay f32.
    #[arg(long, value_name = "TYPE", value_parser = type_name)]
    to: DType,
    /// Type of the output head, which is the embedding where they are one. Default: llama.cpp's rule (q6_k, or q8_0 where rows
    /// do not fit or everything else is q8_0).
    #[arg(long, value_name = "TYPE", value_parser = type_name)]
    output_tensor_type: Option<DType>,
    /// The file to write; default: beside the model, with the type in its name.
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace the file where there is one.
    #[arg(long)]
    force: bool,
    /// Print what was written as JSON.
    #[arg(long)]
    json: bool,
}

fn type_name(name: &str) -> Result<DType, String> {
    writable(name).map_err(|error| error.to_string())
}

/// Writes the file.
pub fn run(arguments: &Arguments, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let interrupt = listen()?;
    let source = open_files(&arguments.model).map_err(failed)?;
    let out = arguments.out.clone().unwrap_or_else(|| beside(source.path(), arguments.to));
    may_write(&out, source.path(), arguments.force)?;
    let types = Types { matrices: arguments.to, output: arguments.output_tensor_type };
    let conversion = Conversion::plan(&source, &types).map_err(failed)?;
    let tensors = conversion.tensors();
    for (count, note) in fallbacks(tensors) {
        terminal.warn(&format!("{}: {note}", counted(count, "tensor")));
    }
    interrupt.heeded();
    let progress = Tensors::new(terminal, tensors.iter().map(Planned::bytes_before).sum());
    let written = conversion.write(&out, &mut |done| {
        let planned = &tensors[done - 1];
        progress.done(&visible(&planned.name), planned.bytes_before());
        !interrupt.asked()
    });
    progress.end();
    written.map_err(|error| if interrupt.asked() { stopped() } else { failed(error) })?;
    let audit = ["hydrometer", "audit", "--teacher", &arguments.model, "--student", &out.to_string_lossy()];
    let audit = audit.map(quoted).join(" ");
    let size = std::fs::metadata(&out).map_err(|error| Failure::file("read", &out, &error))?.len();
    if arguments.json {
        terminal.data(&as_json(&told(tensors, size, &out, &audit))?)?;
        return Ok(Exit::Done);
    }
    terminal.data(&table(tensors, size))?;
    terminal.say(&format!("written: {}", out.display()));
    terminal.say(&format!("what did it cost? {audit}"));
    Ok(Exit::Done)
}

/// `model-q4_k.gguf` beside `model.gguf` or the folder `model`.
fn beside(model: &Path, to: DType) -> PathBuf {
    // `folder/.` and the like have a name only once they are resolved.
    let resolved = model.canonicalize().ok();
    let path = if model.file_name().is_some() { model } else { resolved.as_deref().unwrap_or(model) };
    let stem = if path.is_dir() { path.file_name() } else { path.file_stem() }.unwrap_or_default();
    path.with_file_name(format!("{}-{}.gguf", stem.to_string_lossy(), to.name().to_lowercase()))
}

fn may_write(out: &Path, model: &Path, force: bool) -> Result<(), Failure> {
    files::writable(out)?;
    let same = out.canonicalize().ok().zip(model.canonicalize().ok()).is_some_and(|(out, model)| out == model);
    if same {
        let message = format!("{} is the model itself, which would be lost", out.display());
        return Err(Failure::input(message).hint("name another file with --out"));
    }
    if out.exists() && !force {
        let message = format!("{} is there already", out.display());
        return Err(Failure::input(message).hint("name another file with --out, or replace it with --force"));
    }
    Ok(())
}

fn failed(error: ModelError) -> Failure {
    let hint = match &error {
        ModelError::NotFinite { .. } | ModelError::Weight { .. } => {
            Some("--to bf16 and --to f32 hold numbers of any size; NaN is a broken model")
        }
        ModelError::Io { action: "cannot write", .. } => {
            Some("nothing was kept; free some space, or name another place with --out")
        }
        ModelError::Unsupported { .. } => Some("docs/models.md lists what can be read and written"),
        _ => None,
    };
    let failure = Failure::input(error);
    hint.into_iter().fold(failure, Failure::hint)
}

fn stopped() -> Failure {
    let message = "interrupted; nothing was kept".to_owned();
    Failure { exit: Exit::Interrupted, message, hints: vec!["the same command begins anew".to_owned()] }
}

/// Tensors whose rows fit no block of the type that was asked for, by what they got instead.
fn fallbacks(tensors: &[Planned]) -> Vec<(u64, String)> {
    let mut found: Vec<(u64, String)> = Vec::new();
    for planned in tensors {
        let Some(wanted) = planned.instead_of else { continue };
        let (cols, block, name) = (planned.cols, wanted.block_len(), visible(&planned.name));
        let note = format!("rows of {cols} are no multiple of {block}, so {} instead of {wanted}", planned.to);
        match found.iter_mut().find(|(_, known)| known.starts_with(&note)) {
            Some((count, _)) => *count += 1,
            None => found.push((1, format!("{note} ({name} is the first)"))),
        }
    }
    found
}

/// Number and bytes of the tensors of each type, largest first.
fn by_type(tensors: &[Planned]) -> Vec<(DType, u64, u64)> {
    let mut types: Vec<(DType, u64, u64)> = Vec::new();
    for planned in tensors {
        match types.iter_mut().find(|(dtype, ..)| *dtype == planned.to) {
            Some((_, count, bytes)) => (*count, *bytes) = (*count + 1, *bytes + planned.bytes()),
            None => types.push((planned.to, 1, planned.bytes())),
        }
    }
    types.sort_by_key(|&(.., bytes)| std::cmp::Reverse(bytes));
    types
}

fn table(tensors: &[Planned], size: u64) -> String {
    let mut text = format!("{:<5}  {:>7}  {:>15}\n", "type", "tensors", "bytes");
    for (dtype, count, bytes) in by_type(tensors) {
        text.push_str(&format!("{:<5}  {:>7}  {:>15}\n", dtype.name(), grouped(count), grouped(bytes)));
    }
    let (before, after): (u64, u64) =
        (tensors.iter().map(Planned::bytes_before).sum(), tensors.iter().map(Planned::bytes).sum());
    let values: u64 = tensors.iter().map(|planned| planned.rows as u64 * planned.cols as u64).sum();
    text.push_str(&format!(
        "weights: {} bytes before, {} after ({:.1} %, {:.2} bits a weight); file: {} bytes\n",
        grouped(before),
        grouped(after),
        100.0 * after as f64 / before.max(1) as f64,
        8.0 * after as f64 / values.max(1) as f64,
        grouped(size),
    ));
    text
}

fn told(tensors: &[Planned], size: u64, out: &Path, audit: &str) -> serde_json::Value {
    let types: Vec<_> = by_type(tensors)
        .into_iter()
        .map(|(dtype, count, bytes)| json!({"type": dtype.name(), "tensors": count, "bytes": bytes}))
        .collect();
    let each: Vec<_> = tensors
        .iter()
        .map(|planned| {
            json!({
                "name": planned.name, "rows": planned.rows, "columns": planned.cols, "from": planned.from.name(),
                "to": planned.to.name(), "instead_of": planned.instead_of.map(DType::name), "bytes": planned.bytes(),
            })
        })
        .collect();
    json!({
        "out": out, "file_bytes": size,
        "bytes_before": tensors.iter().map(Planned::bytes_before).sum::<u64>(),
        "bytes_after": tensors.iter().map(Planned::bytes).sum::<u64>(),
        "types": types, "tensors": each, "audit": audit,
    })
}

/// A word as a shell takes it for one.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-:=+,@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
