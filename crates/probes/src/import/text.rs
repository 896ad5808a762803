//! Plain text: one file, one probe; a folder, one probe per file.

use std::path::{Path, PathBuf};

use super::{name, read_text, slug};
use crate::error::{Fault, FaultKind, ProbeError};
use crate::families::sections;
use crate::kind;
use crate::{Ask, Families, Probe, Suite};

/// Reads a text file, or every `.txt` and `.md` file of a folder in the order of their names.
///
/// One trailing newline is dropped, as llama.cpp does with `-f`. A text with lines of the form `= Title =` has its
/// sections as families; without them, a single file's windows are families of their own, and in a folder each
/// file is a family.
///
/// # Errors
/// A file that cannot be read or is not UTF-8, an empty file, a folder without texts.
pub fn text(path: &Path) -> Result<Suite, ProbeError> {
    let name = name(path);
    let alone = !path.is_dir();
    let files = if alone { vec![path.to_owned()] } else { texts_in(path)? };
    let probes = files.iter().map(|file| probe(file, alone)).collect::<Result<Vec<_>, _>>()?;
    let suite = Suite { name, probes };
    suite.validate()?;
    Ok(suite)
}

fn texts_in(folder: &Path) -> Result<Vec<PathBuf>, ProbeError> {
    let failed = |source| ProbeError::Io { path: folder.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let is_text = path.extension().is_some_and(|extension| extension == "txt" || extension == "md");
        if is_text && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        let fault = Fault::new(
            FaultKind::EmptySuite,
            "a folder with .txt or .md files",
            "none",
            "subfolders are not searched: name the folder that holds the texts",
        );
        return Err(ProbeError::file(&name(folder), fault));
    }
    Ok(files)
}

fn probe(path: &Path, alone: bool) -> Result<Probe, ProbeError> {
    let mut text = read_text(path)?;
    if text.ends_with('\n') {
        text.pop();
    }
    if text.trim().is_empty() {
        let fault = Fault::new(FaultKind::EmptyText, "a text", "an empty file", "remove the file or fill it");
        return Err(ProbeError::file(&name(path), fault));
    }
    let families = match (sections(&text).is_empty(), alone) {
        (false, _) => Families::Heading,
        (true, true) => Families::Window,
        (true, false) => Families::Probe,
    };
    let stem = slug(&path.file_stem().unwrap_or_default().to_string_lossy());
    // Two files of a folder may differ in their extension only.
    let id = if alone { stem.clone() } else { slug(&name(path)) };
    Ok(Probe {
        family: id.clone(),
        id,
        axis: "prose".to_owned(),
        tags: Vec::new(),
        knob: None,
        boundary: None,
        ask: Ask::Text(kind::Text { text, context: None, families }),
    })
}
