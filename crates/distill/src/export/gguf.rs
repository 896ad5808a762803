//! A GGUF file of a student that is written as a folder.

use std::collections::BTreeMap;
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

/// Writes the file: whole, or not at all. Says which matrices have another type than the form's, because their rows are no whole
/// number of its blocks.
///
/// # Errors
/// As [`possible`], or a file that cannot be written.
pub(super) fn write(folder: &Checkpoint, form: Form, path: &Path) -> Result<Vec<String>, DistillError> {
    let Some(types) = form.types() else { return Ok(Vec::new()) };
    let conversion = Conversion::plan(folder, &types)?;
    conversion.write(path, &mut |_| true)?;
    let mut replaced = BTreeMap::<(usize, &str), u64>::new();
    for tensor in conversion.tensors().iter().filter(|tensor| tensor.instead_of.is_some()) {
        *replaced.entry((tensor.cols, tensor.to.name())).or_default() += 1;
    }
    let (wanted, matrices) = (types.matrices, conversion.tensors().iter().filter(|tensor| tensor.rows > 1).count());
    let note = |((cols, name), count): ((usize, &str), u64)| {
        let block = wanted.block_len();
        format!("{count} of {matrices} matrices are {name} and not {wanted}: rows of {cols} are no multiple of {block}")
    };
    Ok(replaced.into_iter().map(note).collect())
}
