//! Other people's data as probes. Each importer is one file; this one finds out which of them a path needs.

mod ambient;
mod bfcl;
mod bipia;
mod contrast_sets;
mod gsm8k;
mod ifeval;
mod json;
mod questions;
mod refusals;
mod table;
mod text;
mod toml;
mod xstest;

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use serde_json::{Map, Value};

use crate::check::Language;
use crate::error::{Fault, FaultKind, ProbeError, quote};
use crate::fields::shown;
use crate::jsonl::{Lines, object};
use crate::strangers::open_file;
use crate::validate::validate_at;
use crate::{Probe, Suite, read_jsonl};

pub use ambient::ambient;
pub use bfcl::{Bfcl, RefusedRow, bfcl};
pub use bipia::bipia;
pub use contrast_sets::contrast_sets;
pub use gsm8k::{gsm8k, gsm8k_prompt, gsm8k_question};
pub use ifeval::ifeval;
pub use questions::{chat, mt_bench, self_instruct};
pub use refusals::{do_not_answer, harmbench};
pub use table::{Columns, csv, jsonl};
pub use text::text;
pub use toml::toml;
pub use xstest::{Completion, xstest, xstest_completions};

impl Suite {
    /// Reads probes from a file or folder, by its type and shape.
    ///
    /// `.jsonl`: one probe per line, or the shape of GSM8K, IFEval, MT-bench, self-instruct, AmbiEnt, BIPIA, Do-Not-Answer or a
    /// chat, or lines with a `prompt`. `.csv`: the shape of XSTest, Do-Not-Answer or HarmBench. `.json`: contrast sets. `.toml`: probes written by hand, worlds above all. `.txt`, `.md` or a folder of them: text probes. Any other table needs its columns named:
    /// [`jsonl()`], [`csv()`].
    ///
    /// # Errors
    /// A file that cannot be read, is of no known shape, or holds a wrong probe: with file, line, what was
    /// expected, what was found and what to do.
    pub fn load(path: &Path) -> Result<Suite, ProbeError> {
        sniffed(path)
    }
}

/// Reads a file of a data set.
type Reader = fn(&Path) -> Result<Suite, ProbeError>;

/// Reads a path as what its type and shape say it is.
pub(crate) fn sniffed(path: &Path) -> Result<Suite, ProbeError> {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    match extension.as_deref() {
        _ if path.is_dir() => text(path),
        Some("txt" | "md") => text(path),
        Some("jsonl" | "ndjson") => lines(path),
        Some("json") if is_bfcl(path)? => Err(import_first(path)),
        Some("json") => json::sniffed(path),
        Some("csv") => table_of(path),
        Some("toml") => toml(path),
        _ => Err(ProbeError::file(
            &name(path),
            Fault::new(
                FaultKind::UnknownFormat,
                "a .jsonl, .json, .toml, .csv, .txt or .md file, or a folder of texts",
                extension.map_or("no extension".to_owned(), |extension| quote(&format!(".{extension}"))),
                "rename the file, or convert it to one probe per line",
            ),
        )),
    }
}

/// A `.csv` file of a known data set, told by its columns.
fn table_of(path: &Path) -> Result<Suite, ProbeError> {
    refusals::of_columns(path)?.unwrap_or(xstest)(path)
}

/// Whether a file holds rows of the Berkeley Function Calling Leaderboard, whatever it is called.
///
/// # Errors
/// It cannot be read.
pub fn is_bfcl(path: &Path) -> Result<bool, ProbeError> {
    if !path.is_file() {
        return Ok(false);
    }
    let name = name(path);
    let mut lines = Lines::new(open(path)?, &name);
    let first = lines.next()?.and_then(|(_, text)| object(text).ok());
    Ok(first.is_some_and(|first| bfcl::is(&first)))
}

/// Rows of the leaderboard can be left out, and whoever asks them has to see which.
fn import_first(path: &Path) -> ProbeError {
    let fault = Fault::new(
        FaultKind::UnknownFormat,
        "probes",
        "rows of the Berkeley Function Calling Leaderboard",
        "make episodes of them, and see what is left out: `hydrometer probes import FILE --out FILE.jsonl`",
    );
    ProbeError::file(&name(path), fault)
}

/// A `.jsonl` file: probes, or a known data set; told apart by the first line.
fn lines(path: &Path) -> Result<Suite, ProbeError> {
    let name = name(path);
    let first = match Lines::new(open(path)?, &name).next()? {
        Some((line, text)) => object(text).map_err(|fault| ProbeError::line(&name, line, fault))?,
        // The probe reader has the words for an empty file.
        None => return read_jsonl(open(path)?, &name),
    };
    let has = |field: &str| first.contains_key(field);
    if bfcl::is(&first) {
        Err(import_first(path))
    } else if has("kind") || has("family") {
        read_jsonl(open(path)?, &name)
    } else if has("risk_area") && has("question") {
        do_not_answer(path)
    } else if has("premise") && has("hypothesis") && has("disambiguations") {
        ambient(path)
    } else if has("context") && has("question") && has("ideal") {
        bipia(path)
    } else if has("question") && first.get("answer").is_some_and(Value::is_string) {
        gsm8k(path)
    } else if has("instruction_id_list") {
        ifeval(path)
    } else if has("question_id") && (has("turns") || has("text")) {
        mt_bench(path)
    } else if has("instruction") && has("instances") {
        self_instruct(path)
    } else if has("messages") {
        chat(path)
    } else if first.get("prompt").is_some_and(Value::is_string) && !has("options") && !has("choices") {
        // Whatever else stands in the line, a prompt is something to ask.
        let named = |column: &str| has(column).then(|| column.to_owned());
        let columns =
            Columns { prompt: named("prompt"), system: named("system"), id: named("id"), ..Columns::default() };
        jsonl(path, &columns)
    } else {
        let expected = "probe lines (id, family, axis, kind, …), question and answer, messages, a prompt, or another \
                        known data set";
        Err(unknown_columns(&name, expected, first.keys()))
    }
}

/// Calls `each` with every JSON object of a file and its number from 1; its faults get their line.
pub(crate) fn each_object(
    path: &Path,
    mut each: impl FnMut(usize, u64, &Map<String, Value>) -> Result<(), Fault>,
) -> Result<(), ProbeError> {
    let name = name(path);
    let mut source = Lines::new(open(path)?, &name);
    let mut number = 0;
    while let Some((line, text)) = source.next()? {
        number += 1;
        let done = object(text).and_then(|fields| each(number, line, &fields));
        done.map_err(|fault| ProbeError::line(&name, line, fault))?;
    }
    Ok(())
}

/// A suite of the probes that `each` makes of the JSON objects of a file.
fn probes_of(
    path: &Path,
    each: impl Fn(usize, &Map<String, Value>) -> Result<Vec<Probe>, Fault>,
) -> Result<Suite, ProbeError> {
    let (mut probes, mut lines) = (Vec::new(), Vec::new());
    each_object(path, |number, line, fields| {
        probes.extend(each(number, fields)?);
        lines.resize(probes.len(), line);
        Ok(())
    })?;
    let name = name(path);
    validate_at(&name, &probes, &lines)?;
    Ok(Suite { name, probes })
}

/// The language of the data sets that are in English.
fn english() -> Option<Language> {
    Language::of("en")
}

/// A field that must hold text with a visible character.
pub(crate) fn string<'a>(fields: &'a Map<String, Value>, field: &str) -> Result<&'a str, Fault> {
    let text = fields.get(field).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    text.ok_or_else(|| wrong(fields, field, "text"))
}

/// The fault of a field that is missing or holds something else.
pub(crate) fn wrong(fields: &Map<String, Value>, field: &str, expected: &str) -> Fault {
    let found = fields.get(field).map_or("no such field".to_owned(), shown);
    Fault::new(FaultKind::MissingField, format!("a `{field}` with {expected}"), found, "complete or remove the line")
}

/// The error that names the columns found and how to import them.
fn unknown_columns<S: AsRef<str>>(name: &str, expected: &str, columns: impl Iterator<Item = S>) -> ProbeError {
    const SHOWN: usize = 20;
    let mut names: Vec<String> = columns.take(SHOWN + 1).map(|column| quote(column.as_ref())).collect();
    if names.len() > SHOWN {
        names[SHOWN] = "…".to_owned();
    }
    let found = if names.is_empty() { "no column".to_owned() } else { format!("the columns {}", names.join(", ")) };
    let fault = Fault::new(
        FaultKind::UnknownColumns,
        expected,
        found,
        "name the columns to use: `probes import FILE --text COLUMN`, `--prompt COLUMN` or `--prompt COLUMN --options COLUMN`",
    );
    ProbeError::file(name, fault)
}

/// What errors and suites call a path: its file name, so that a suite's name says nothing about a machine.
pub(crate) fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

pub(crate) fn open(path: &Path) -> Result<BufReader<File>, ProbeError> {
    open_file(path).map(BufReader::new).map_err(|source| ProbeError::Io { path: path.to_owned(), source })
}

/// A whole file as UTF-8, without a byte order mark.
fn read_text(path: &Path) -> Result<String, ProbeError> {
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes).map_err(|source| ProbeError::Io { path: path.to_owned(), source })?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes()[..at].iter().filter(|&&byte| byte == b'\n').count() as u64;
        let found = format!("byte 0x{:02X} at byte {at} of the file", error.as_bytes()[at]);
        ProbeError::line(&name(path), line, Fault::new(FaultKind::NotUtf8, "UTF-8", found, "save the file as UTF-8"))
    })?;
    Ok(text.strip_prefix('\u{FEFF}').map(str::to_owned).unwrap_or(text))
}

/// A file's name without its type, as the beginning of an `id`.
pub(crate) fn stem(name: &str) -> String {
    slug(name.rsplit_once('.').map_or(name, |(stem, _)| stem))
}

/// Letters of a name that an `id` may have; the others become `-`.
pub(crate) fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || "_.".contains(c) {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_matches('-').to_owned();
    if slug.is_empty() { "probe".to_owned() } else { slug }
}
