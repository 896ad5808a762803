//! A GGUF file of a student that is written as a folder.

use std::path::Path;

use hydrometer_models::Checkpoint;
use hydrometer_models::gguf::write::Conversion;

use super::Form;
use crate::DistillError;

/// Refuses forms that a student cannot have: its tokenizer or its rotations are nothing that GGUF can say.
///
/// # Errors
/// What it is.
pub fn possible(folder: &Path, forms: &[Form]) -> Result<(), DistillError> {
    for types in forms.iter().filter_map(|form| form.types()) {
        Conversion::plan(&Checkpoint::open(folder)?, &types)?;
    }
    Ok(())
}

/// Writes the file: whole, or not at all.
///
/// # Errors
/// As [`possible`], or a file that cannot be written.
pub(super) fn write(folder: &Checkpoint, form: Form, path: &Path) -> Result<(), DistillError> {
    if let Some(types) = form.types() {
        Conversion::plan(folder, &types)?.write(path, &mut |_| true)?;
    }
    Ok(())
}
