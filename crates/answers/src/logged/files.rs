//! Which files a command line names, and what the user may call the models that they are of.

use std::path::{Path, PathBuf};

use hydrometer_probes::{Suite, quote};

use super::LoggedError;
use super::collections::vicuna_questions;

/// Folders within a folder that are looked into: `details/ORG/MODEL/DATE`.
const DEPTH: usize = 5;

/// A file to read.
pub(super) struct Found {
    pub path: PathBuf,
    /// What the user may call the model that it is of.
    pub called: Vec<String>,
    /// The questions that its answers belong to, where they stand beside it.
    pub questions: Option<Suite>,
}

/// The files that paths name: files themselves, and of a folder what a tool left there.
pub(super) fn find(paths: &[PathBuf]) -> Result<Vec<Found>, LoggedError> {
    let mut found = Vec::new();
    for path in paths {
        if !path.is_dir() {
            found.push(Found { called: names(path, None), path: path.clone(), questions: None });
        } else if path.join("question.jsonl").is_file() {
            vicuna(path, &mut found)?;
        } else {
            let before = found.len();
            within(path, path, DEPTH, &mut found)?;
            if found.len() == before {
                return Err(not_left_by_a_tool(path));
            }
        }
    }
    by_folder(&mut found);
    Ok(found)
}

/// A folder in which no tool left anything: what is there instead.
fn not_left_by_a_tool(folder: &Path) -> LoggedError {
    let expected = "samples_*.jsonl, *.eval, details_*.parquet or BFCL_*.json within it, or question.jsonl";
    let (found, next) = match may_be_logs(folder).as_slice() {
        [] => ("none".to_owned(), "name the files themselves".to_owned()),
        [file] => (quote(&within_folder(folder, file)), format!("name the file itself: {}", file.display())),
        files @ [first, ..] => {
            const SHOWN: usize = 3;
            let named: Vec<String> = files.iter().take(SHOWN).map(|file| quote(&within_folder(folder, file))).collect();
            let more = if files.len() > SHOWN { format!(" and {} more", files.len() - SHOWN) } else { String::new() };
            (named.join(", ") + &more, format!("name the files themselves, such as {}", first.display()))
        }
    };
    LoggedError::wrong(folder.display().to_string(), expected, found, next)
}

fn within_folder(folder: &Path, file: &Path) -> String {
    file.strip_prefix(folder).unwrap_or(file).display().to_string()
}

/// Files of a folder and the folders in it that answers may have been logged in, by their endings; those that cannot be read are none.
pub fn may_be_logs(folder: &Path) -> Vec<PathBuf> {
    /// Enough to be of help, and little enough for a folder with everything in it.
    const DEPTH: usize = 2;
    const ENDINGS: [&str; 6] = [".jsonl", ".json", ".csv", ".tsv", ".parquet", ".eval"];
    fn look(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
        for path in entries(folder).unwrap_or_default() {
            let name = file_name(&path);
            let name = name.strip_suffix(".gz").unwrap_or(&name);
            if path.is_dir() && depth > 0 {
                look(&path, depth - 1, found);
            } else if ENDINGS.iter().any(|ending| name.ends_with(ending)) && path.is_file() {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    look(folder, DEPTH, &mut found);
    found
}

/// Files of one name are told apart by their folders.
fn by_folder(found: &mut [Found]) {
    let names: Vec<String> = found.iter().map(|found| file_name(&found.path)).collect();
    for (at, found) in found.iter_mut().enumerate() {
        let shared = names.iter().enumerate().any(|(other, name)| other != at && *name == names[at]);
        if shared && let Some(folder) = found.path.parent() {
            let folders = [file_name(folder), folder.display().to_string()];
            found.called.splice(0..0, folders.into_iter().filter(|name| !name.is_empty()));
        }
    }
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, LoggedError> {
    let io = |source| LoggedError::Io { path: folder.to_owned(), source };
    let entries = std::fs::read_dir(folder).map_err(io)?;
    let mut paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().map_err(io)?;
    paths.sort();
    Ok(paths)
}

fn within(top: &Path, folder: &Path, depth: usize, found: &mut Vec<Found>) -> Result<(), LoggedError> {
    for path in entries(folder)? {
        if path.is_dir() {
            if depth > 0 {
                within(top, &path, depth - 1, found)?;
            }
        } else if is_left_by_a_tool(&file_name(&path)) {
            found.push(Found { called: names(&path, Some(top)), path, questions: None });
        }
    }
    Ok(())
}

fn is_left_by_a_tool(name: &str) -> bool {
    let name = name.strip_suffix(".gz").unwrap_or(name);
    let is = |start: &str, end: &str| name.starts_with(start) && name.ends_with(end);
    is("samples_", ".jsonl") || is("", ".eval") || is("details_", ".parquet") || is("BFCL_", ".json")
}

/// A folder with `question.jsonl` and files `answer_MODEL.jsonl`.
fn vicuna(folder: &Path, found: &mut Vec<Found>) -> Result<(), LoggedError> {
    let questions = vicuna_questions(folder)?;
    let before = found.len();
    for path in entries(folder)? {
        let file = file_name(&path);
        if let Some(model) = file.strip_prefix("answer_").and_then(|rest| rest.strip_suffix(".jsonl")) {
            let called = [vec![model.to_owned()], names(&path, None)].concat();
            found.push(Found { path, called, questions: Some(questions.clone()) });
        }
    }
    if found.len() == before {
        let next = "put the answers of each model into a file of that name";
        let place = folder.display().to_string();
        return Err(LoggedError::wrong(place, "files `answer_MODEL.jsonl` beside the questions", "none", next));
    }
    Ok(())
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// What a file may be called: its stem, its name, its path; and the folders that a tool names after the model, up to the
/// one that was given. The first is how lists call it.
fn names(path: &Path, top: Option<&Path>) -> Vec<String> {
    let file = file_name(path);
    let unpacked = file.strip_suffix(".gz").unwrap_or(&file);
    let stem = unpacked.rsplit_once('.').map_or(unpacked, |(stem, _)| stem).to_owned();
    let mut folders: Vec<String> = Vec::new();
    match top {
        Some(top) => {
            for folder in path.ancestors().skip(1) {
                folders.push(file_name(folder));
                if folder == top {
                    folders.push(top.display().to_string());
                    break;
                }
            }
        }
        // A file of these names says what was asked; its folder says of whom.
        None if is_left_by_a_tool(&file) => folders.extend(path.parent().map(file_name)),
        None => {}
    }
    let named_by_folder = file.starts_with("samples_") || file.starts_with("details_") || file.starts_with("BFCL_");
    let own = vec![stem, file.clone(), path.display().to_string()];
    let mut all = if named_by_folder { [folders, own].concat() } else { [own, folders].concat() };
    all.retain(|name| !name.is_empty());
    all
}
