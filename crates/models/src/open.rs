//! From the string that names a model to the model.

use std::path::Path;

use crate::{Checkpoint, Decoder, EngineOptions, Model, ModelError, ModelSpec, Planted, Scripted};

/// Opens the model that `spec` names: `path.gguf`, a Hugging Face folder, `scripted:FILE.toml` or
/// `planted:DEFECT[=DOSE](MODEL)`.
///
/// # Errors
/// A name that means nothing here, files that are missing or broken, or a precision that this processor lacks.
pub fn open(spec: &str, options: &EngineOptions) -> Result<Box<dyn Model>, ModelError> {
    build(&spec.parse()?, options)
}

fn build(spec: &ModelSpec, options: &EngineOptions) -> Result<Box<dyn Model>, ModelError> {
    Ok(match spec {
        ModelSpec::Local(path) => {
            refuse_bare_script(path)?;
            Box::new(Decoder::open(&Checkpoint::open(path)?, options)?)
        }
        ModelSpec::Scripted(path) => Box::new(Scripted::open(path)?),
        ModelSpec::Planted(defect, inner) => Box::new(Planted::new(*defect, build(inner, options)?)),
    })
}

/// A `.toml` file can only be a script whose prefix was forgotten: say so instead of "no GGUF file".
fn refuse_bare_script(path: &Path) -> Result<(), ModelError> {
    if path.extension().is_some_and(|extension| extension == "toml") {
        let shown = path.display();
        let reason = format!("{shown} is no model file; a scripted model is named scripted:{shown}");
        return Err(ModelError::Request { reason });
    }
    Ok(())
}
