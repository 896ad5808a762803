//! The probe file: one probe per line. Reads with line-numbered errors, writes what it reads.
//!
//! Accepted without a word: a UTF-8 byte order mark, blank lines, CRLF. Everything else that is not a probe is an
//! error, because a probe that is silently skipped changes what an audit means.

use std::io::{self, BufRead, Read, Write};
use std::path::Path;

use serde_json::{Map, Value};

use crate::error::{Fault, FaultKind, ProbeError, quote};
use crate::fields::{Field, Type, reads, require, shown};
use crate::strangers::check_keys;
use crate::validate::validate_at;
use crate::{Boundary, Knob, Probe, Suite, kind};

/// Longest line read, in bytes: a guard against a file that is not lines at all. A longer text is its own `.txt`.
pub const LINE_LIMIT: u64 = 16 << 20;

/// Reads a probe file; `name` stands in errors and becomes the suite's name.
///
/// # Errors
/// The first wrong line, or a suite without probes.
pub fn read_jsonl(source: impl BufRead, name: &str) -> Result<Suite, ProbeError> {
    let mut probes = Vec::new();
    let mut lines = Vec::new();
    let mut source = Lines::new(source, name);
    while let Some((line, text)) = source.next()? {
        probes.push(parse(text).map_err(|fault| ProbeError::line(name, line, fault))?);
        lines.push(line);
    }
    validate_at(name, &probes, &lines)?;
    Ok(Suite { name: name.to_owned(), probes })
}

/// Writes one probe per line, ending each with a line feed.
///
/// # Errors
/// What the writer reports.
pub fn write_jsonl(suite: &Suite, mut out: impl Write) -> io::Result<()> {
    for probe in &suite.probes {
        serde_json::to_writer(&mut out, probe)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// The lines of a file that are not blank, with their numbers.
pub(crate) struct Lines<'a, S> {
    source: S,
    name: &'a str,
    number: u64,
    bytes: Vec<u8>,
}

impl<'a, S: BufRead> Lines<'a, S> {
    pub(crate) fn new(source: S, name: &'a str) -> Self {
        Self { source, name, number: 0, bytes: Vec::new() }
    }

    /// The next line that is not blank; `None` at the end of the file.
    pub(crate) fn next(&mut self) -> Result<Option<(u64, &str)>, ProbeError> {
        loop {
            self.bytes.clear();
            self.number += 1;
            let read = (&mut self.source)
                .take(LINE_LIMIT + 1)
                .read_until(b'\n', &mut self.bytes)
                .map_err(|source| ProbeError::Io { path: Path::new(self.name).to_owned(), source })?;
            if read == 0 {
                return Ok(None);
            }
            if self.bytes.iter().any(|byte| !byte.is_ascii_whitespace()) {
                break;
            }
        }
        match decode(&self.bytes, self.number) {
            // A line that held a byte order mark and nothing else.
            Ok("") => self.next(),
            Ok(_) => Ok(decode(&self.bytes, self.number).ok().map(|text| (self.number, text))),
            Err(fault) => Err(ProbeError::line(self.name, self.number, fault)),
        }
    }
}

fn decode(bytes: &[u8], line: u64) -> Result<&str, Fault> {
    if bytes.len() as u64 > LINE_LIMIT {
        return Err(Fault::new(
            FaultKind::LineTooLong,
            format!("lines of at most {} MiB", LINE_LIMIT >> 20),
            "a longer one",
            "check that the file has one JSON object per line; import a long document as a .txt file",
        ));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        let found = match bytes {
            [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] if line == 1 => "a UTF-16 byte order mark".to_owned(),
            _ => format!("byte 0x{:02X} at column {}", bytes[at], at + 1),
        };
        Fault::new(FaultKind::NotUtf8, "UTF-8", found, "save the file as UTF-8")
    })?;
    let text = if line == 1 { text.strip_prefix('\u{FEFF}').unwrap_or(text) } else { text };
    Ok(text.trim_matches([' ', '\t', '\r', '\n']))
}

const EVERY: &[Field] = &[
    ("id", true, Type::Text),
    ("family", true, Type::Text),
    ("axis", true, Type::Text),
    ("tags", false, Type::Texts),
    ("knob", false, Type::Of("an object of `name`, `value` and perhaps `chance`", reads::<Knob>)),
    ("boundary", false, Type::Of("an object of `stratum`, `role`, `risk` and more", reads::<Boundary>)),
    ("kind", true, Type::Word(&kind::NAMES)),
];

/// Reads one line; the checks come before serde so that a message can name the field and the way out.
fn parse(line: &str) -> Result<Probe, Fault> {
    probe_of(object(line)?)
}

/// The probe of these fields.
pub(crate) fn probe_of(fields: Map<String, Value>) -> Result<Probe, Fault> {
    require(&fields, EVERY)?;
    let own = fields.get("kind").and_then(Value::as_str).map_or(&[][..], kind::fields);
    require(&fields, own)?;
    if let Some(odd) = fields.keys().find(|key| !EVERY.iter().chain(own).any(|(name, ..)| name == key)) {
        let known: Vec<_> = EVERY.iter().chain(own).map(|(name, ..)| *name).collect();
        return Err(Fault::new(
            FaultKind::UnknownField,
            format!("the fields {}", known.join(", ")),
            quote(odd),
            "correct its spelling or remove it; free labels go into `tags`",
        ));
    }
    let present = fields.into_iter().filter(|(_, value)| !value.is_null()).collect();
    serde_json::from_value(Value::Object(present)).map_err(|error| {
        Fault::new(FaultKind::WrongType, "a probe", error.to_string(), "compare the line with the probe schema")
    })
}

/// The JSON object on a line.
pub(crate) fn object(line: &str) -> Result<Map<String, Value>, Fault> {
    let next = "write one JSON object per line, without commas between lines";
    match check_keys(line.as_bytes()).and_then(|()| serde_json::from_str(line)) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(other) => Err(Fault::new(FaultKind::BadJson, "a JSON object", shown(&other), next)),
        Err(error) => {
            // The parser counts lines from this one; the file's line stands in front of the fault.
            let found = format!("{} in {}", error.to_string().replace("line 1 column", "column"), quote(line));
            Err(Fault::new(FaultKind::BadJson, "a JSON object", found, next))
        }
    }
}
