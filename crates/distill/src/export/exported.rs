//! Every form of one arm's student, each checked when it is written.

use std::fs;
use std::path::{Path, PathBuf};

use hydrometer_answers::{RunError, durable};
use hydrometer_metrics::Estimate;
use hydrometer_models::{Checkpoint, Decoder, EngineOptions, ModelError, Precision};
use hydrometer_probes::strangers::read_file;
use serde::{Deserialize, Serialize};

use super::{Form, check, gguf};
use crate::DistillError;
use crate::recipe::Arm;
use crate::train::Sample;

const EXPORTS: &str = "exports.json";

/// A student in one form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exported {
    /// Whose.
    pub arm: Arm,
    /// The form.
    pub form: Form,
    /// File or folder, from the run's folder.
    pub path: PathBuf,
    /// Bytes of its weights' file, or of all of them.
    pub bytes: u64,
    /// KL(trained ‖ exported), nats a token over the held-out documents, with its floor: that of the trained weights scored twice.
    /// `None` where nothing was held out.
    pub kl_divergence: Option<Estimate>,
    /// Which matrices have another type than the form's, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A form that cannot hold the numbers of a student.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unwritten {
    /// Whose.
    pub arm: Arm,
    /// The form.
    pub form: Form,
    /// Which number of which tensor.
    pub reason: String,
}

/// Writes what is missing of the forms of an arm and opens each of them with the engine. The folder of an arm holds the trained
/// weights bit for bit, and is what the others are compared with. A form that cannot hold them is told in `unwritten`.
///
/// # Errors
/// A form that a student cannot have, a file that cannot be written or opened.
pub fn every_form(
    arm: Arm,
    folder: &Path,
    forms: &[Form],
    samples: &[&Sample],
    unwritten: &mut Vec<Unwritten>,
) -> Result<Vec<Exported>, DistillError> {
    let list = folder.join(EXPORTS);
    let mut exported = read(&list)?;
    exported.retain(|known| folder.join(known.form.path()).exists());
    let missing = |form: &&Form| !exported.iter().any(|known| known.form == **form);
    let missing: Vec<Form> = forms.iter().filter(missing).copied().collect();
    if !missing.is_empty() {
        let trained = Checkpoint::open(folder.join(Form::Hf.path()))?;
        let open = |checkpoint: &Checkpoint| Decoder::open(checkpoint, &EngineOptions { precision: Precision::F32 });
        let engine = open(&trained)?;
        let floor = check::floor(&engine, trained.config.vocab, samples)?;
        for form in missing {
            let path = folder.join(form.path());
            let notes = match gguf::write(&trained, form, &path) {
                Err(DistillError::Model(error @ ModelError::NotFinite { .. })) => {
                    unwritten.push(Unwritten { arm, form, reason: error.to_string() });
                    continue;
                }
                written => written?,
            };
            let written = open(&Checkpoint::open(&path)?)?;
            let kl_divergence = check::divergence(&engine, &written, trained.config.vocab, samples)?;
            let kl_divergence = kl_divergence.map(|kl| Estimate { floor, ..kl });
            let bytes = bytes_of_weights(form, &path)?;
            let path = Path::new(arm.name()).join(form.path());
            exported.push(Exported { arm, form, path, bytes, kl_divergence, notes });
            let text = serde_json::to_string_pretty(&exported).unwrap_or_default();
            durable::replace(&list, (text + "\n").as_bytes())?;
        }
    }
    // In the order of the recipe; what it no longer names stays on disk and is not told.
    Ok(forms.iter().filter_map(|form| exported.iter().find(|known| known.form == *form).cloned()).collect())
}

/// Bytes of a GGUF file, or of a folder's safetensors files.
fn bytes_of_weights(form: Form, path: &Path) -> Result<u64, DistillError> {
    let wrong = || RunError::io("read", path);
    if form != Form::Hf {
        return Ok(fs::metadata(path).map_err(wrong())?.len());
    }
    let mut bytes = 0;
    for entry in fs::read_dir(path).map_err(wrong())? {
        let entry = entry.map_err(wrong())?;
        if entry.path().extension().is_some_and(|extension| extension == "safetensors") {
            bytes += entry.metadata().map_err(wrong())?.len();
        }
    }
    Ok(bytes)
}

fn read(path: &Path) -> Result<Vec<Exported>, DistillError> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let bytes = read_file(path).map_err(RunError::io("read", path))?;
    let wrong = |error: serde_json::Error| DistillError::data(path, "file", "a list of exports", error.to_string());
    serde_json::from_slice(&bytes).map_err(wrong)
}
