//! A file of another tool as JSON values or cells: gzip, byte order marks and CRLF are taken away, what JSON does not
//! allow and Python writes is mended and counted, and a line that cannot be read is named.

use std::io::{Cursor, Read};
use std::path::Path;
use std::rc::Rc;

use flate2::read::MultiGzDecoder;
use hydrometer_probes::quote;
use hydrometer_probes::strangers::{check_keys, open_file};
use serde_json::{Map, Value};

use super::LoggedError;
use super::error::shown;
use super::record::Place;

/// Most bytes of a file, unpacked: a guard against an archive that unpacks without end.
pub(super) const MOST_BYTES: u64 = 4 << 30;

/// What to do with a line that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadLines {
    /// It is an error that names the line.
    Refuse,
    /// It is an error that names the line, and the flag of commands that can leave it out.
    Offer,
    /// It is left out and counted.
    Skip,
}

impl BadLines {
    /// The error of a line that is not left out.
    pub(super) fn refused(self, error: LoggedError) -> LoggedError {
        match (self, error) {
            (Self::Offer, LoggedError::Wrong { place, expected, found, next }) => {
                LoggedError::wrong(place, expected, found, format!("{next}; --skip-bad-lines leaves the line out"))
            }
            (_, error) => error,
        }
    }
}

/// A file, opened and split.
pub(super) struct Source {
    pub name: Rc<str>,
    pub body: Body,
    pub bad_lines: u64,
    pub mended: u64,
}

/// What a file is made of.
pub(super) enum Body {
    /// JSON objects: lines, or the items of an array.
    Rows(Vec<Row>),
    /// One JSON object.
    Object(Map<String, Value>),
    /// A table of cells with a header.
    Cells(Vec<Row>),
    /// A zip archive.
    Zip(Vec<u8>),
    /// A Parquet file, which has a reader of its own.
    Parquet,
}

/// An object and where it stands.
pub(super) struct Row {
    pub number: u64,
    pub fields: Map<String, Value>,
}

impl Source {
    /// Opens and splits a file.
    ///
    /// # Errors
    /// It cannot be read, is no text, or a line of it is no JSON object where that is not to be skipped.
    pub fn open(path: &Path, bad: BadLines) -> Result<Self, LoggedError> {
        let name: Rc<str> = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into();
        let bytes = read(path)?;
        let mut source = Source { name, body: Body::Rows(Vec::new()), bad_lines: 0, mended: 0 };
        source.body = match bytes.as_slice() {
            [b'P', b'K', 3 | 5, ..] => Body::Zip(bytes),
            [b'P', b'A', b'R', b'1', ..] => Body::Parquet,
            _ => source.text(path, &bytes, bad)?,
        };
        Ok(source)
    }

    /// Where a row stands.
    pub fn place(&self, number: u64) -> Place {
        Place { file: Rc::clone(&self.name), number }
    }

    fn text(&mut self, path: &Path, bytes: &[u8], bad: BadLines) -> Result<Body, LoggedError> {
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let mark = match bytes {
            // Its mark begins like that of UTF-16.
            [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => Some("UTF-32"),
            [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => Some("UTF-16"),
            _ => None,
        };
        if let Some(encoding) = mark {
            let found = format!("a {encoding} byte order mark");
            return Err(LoggedError::wrong(&*self.name, "UTF-8", found, "save the file as UTF-8"));
        }
        let unzipped = path.with_extension("");
        let named = if has_extension(path, "gz") { &unzipped } else { path };
        let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
        match first {
            None => Err(LoggedError::wrong(&*self.name, "rows", "an empty file", "give the file that holds them")),
            Some(b'{') => match self.whole(bytes) {
                // One line that is an object is both; what it holds decides.
                Ok(Value::Object(fields)) => Ok(Body::Object(fields)),
                Err(error) if bytes.split(|&byte| byte == b'\n').next().is_some_and(is_opened) => {
                    let next = "write the file again, whole";
                    Err(LoggedError::wrong(&*self.name, "a JSON object", error, next))
                }
                _ => self.lines(bytes, bad).map(Body::Rows),
            },
            Some(b'[') if !has_extension(named, "csv") => self.array(bytes, bad).map(Body::Rows),
            Some(_) if has_extension(named, "csv") || has_extension(named, "tsv") => {
                let separator = if has_extension(named, "tsv") { b'\t' } else { comma(bytes) };
                self.cells(bytes, separator, bad).map(Body::Cells)
            }
            Some(_) => self.lines(bytes, bad).map(Body::Rows),
        }
    }

    /// The whole file as one value.
    fn whole(&mut self, bytes: &[u8]) -> Result<Value, String> {
        let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
        let (value, mended) = parsed(text)?;
        self.mended += u64::from(mended);
        Ok(value)
    }

    fn array(&mut self, bytes: &[u8], bad: BadLines) -> Result<Vec<Row>, LoggedError> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let line = 1 + bytes[..error.valid_up_to()].iter().filter(|&&byte| byte == b'\n').count();
            not_utf8(format!("{}:{line}", self.name), bytes[error.valid_up_to()])
        })?;
        let (value, mended) = parsed(text)
            .map_err(|error| LoggedError::wrong(&*self.name, "a JSON array", error, "write the file again, whole"))?;
        self.mended += u64::from(mended);
        let Value::Array(items) = value else { return Ok(Vec::new()) };
        let mut rows = Vec::with_capacity(items.len());
        for (number, item) in (1..).zip(items) {
            match item {
                Value::Object(fields) => rows.push(Row { number, fields }),
                _ if bad == BadLines::Skip => self.bad_lines += 1,
                other => {
                    let place = self.place(number).to_string();
                    let found = shown(Some(&other));
                    return Err(bad.refused(LoggedError::wrong(place, "a JSON object", found, "remove the item")));
                }
            }
        }
        Ok(rows)
    }

    /// Lines end with a line feed and nothing else: U+2028 within a text does not end one.
    fn lines(&mut self, bytes: &[u8], bad: BadLines) -> Result<Vec<Row>, LoggedError> {
        let mut rows = Vec::new();
        for (number, line) in (1..).zip(bytes.split(|&byte| byte == b'\n')) {
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let place = self.place(number).to_string();
            let value = match std::str::from_utf8(line) {
                Err(error) => Err(not_utf8(place, line[error.valid_up_to()])),
                Ok(text) => match parsed(text) {
                    Ok((Value::Object(fields), mended)) => Ok((fields, mended)),
                    Ok((other, _)) => Err(not_an_object(place, shown(Some(&other)))),
                    Err(error) => Err(not_an_object(place, format!("{error} in {}", quote(text)))),
                },
            };
            match value {
                Ok((fields, mended)) => {
                    self.mended += u64::from(mended);
                    rows.push(Row { number, fields });
                }
                Err(_) if bad == BadLines::Skip => self.bad_lines += 1,
                Err(error) => return Err(bad.refused(error)),
            }
        }
        if rows.is_empty() {
            let found = "no line that can be read";
            return Err(LoggedError::wrong(&*self.name, "a JSON object on each line", found, "check what the file is"));
        }
        Ok(rows)
    }

    fn cells(&mut self, bytes: &[u8], separator: u8, bad: BadLines) -> Result<Vec<Row>, LoggedError> {
        let mut reader = csv::ReaderBuilder::new().delimiter(separator).from_reader(bytes);
        let name = Rc::clone(&self.name);
        let wrong = |error: &csv::Error| {
            let line = error.position().map_or(1, csv::Position::line);
            LoggedError::wrong(
                format!("{name}:{line}"),
                "a UTF-8 row with as many cells as the header",
                error.to_string(),
                "quote cells that hold commas, quotes or line breaks",
            )
        };
        let headers = reader.headers().map_err(|error| wrong(&error))?.clone();
        let headers: Vec<String> = headers.iter().map(|header| header.trim().to_owned()).collect();
        if let Some((at, header)) = headers.iter().enumerate().find(|(at, header)| headers[..*at].contains(header)) {
            let found = format!("{} as column {}, too", quote(header), at + 1);
            return Err(LoggedError::wrong(&*self.name, "columns with names of their own", found, "rename one"));
        }
        let mut rows = Vec::new();
        let mut record = csv::StringRecord::new();
        loop {
            match reader.read_record(&mut record) {
                Ok(false) => return Ok(rows),
                Ok(true) => {
                    let number = record.position().map_or(0, csv::Position::line);
                    // An empty cell says nothing: CSV has no null.
                    let cell = |cell: &str| if cell.is_empty() { Value::Null } else { Value::from(cell) };
                    rows.push(Row { number, fields: headers.iter().cloned().zip(record.iter().map(cell)).collect() });
                }
                Err(error) if bad == BadLines::Skip && !error.is_io_error() => self.bad_lines += 1,
                Err(error) => return Err(bad.refused(wrong(&error))),
            }
        }
    }
}

/// What separates cells: a semicolon where the header has those and no comma, as spreadsheets write where a comma is in numbers.
fn comma(bytes: &[u8]) -> u8 {
    let header = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    if header.contains(&b';') && !header.contains(&b',') { b';' } else { b',' }
}

/// Whether a line opens an object and does no more: that of a file which is one object.
fn is_opened(line: &[u8]) -> bool {
    line.trim_ascii() == b"{"
}

/// Every byte of a regular file, unpacked where it is gzipped.
fn read(path: &Path) -> Result<Vec<u8>, LoggedError> {
    let io = |source| LoggedError::Io { path: path.to_owned(), source };
    if path.is_dir() {
        return Err(LoggedError::wrong(path.display().to_string(), "a file", "a folder", "name the files in it"));
    }
    let mut bytes = Vec::new();
    open_file(path).map_err(io)?.take(MOST_BYTES).read_to_end(&mut bytes).map_err(io)?;
    if bytes.starts_with(&[0x1F, 0x8B]) {
        let packed = std::mem::take(&mut bytes);
        let unpacked = MultiGzDecoder::new(Cursor::new(packed)).take(MOST_BYTES).read_to_end(&mut bytes);
        unpacked.map_err(|error| {
            LoggedError::wrong(path.display().to_string(), "a gzip file", error.to_string(), "copy the file again")
        })?;
    }
    if bytes.len() as u64 == MOST_BYTES {
        let (expected, found) = (format!("at most {} GiB", MOST_BYTES >> 30), "more");
        return Err(LoggedError::wrong(path.display().to_string(), expected, found, "split the file"));
    }
    Ok(bytes)
}

/// Whether a path ends with this, in any case.
pub(super) fn has_extension(path: &Path, wanted: &str) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(wanted))
}

/// A JSON value, and whether it took mending.
pub(super) fn parsed(text: &str) -> Result<(Value, bool), String> {
    let value = |text: &str| {
        let value = serde_json::from_str(text)?;
        check_keys(text.as_bytes())?;
        Ok::<Value, serde_json::Error>(value)
    };
    match value(text) {
        Ok(value) => Ok((value, false)),
        Err(error) => match mended(text).and_then(|text| value(&text).ok()) {
            Some(value) => Ok((value, true)),
            None => Err(error.to_string()),
        },
    }
}

/// Python writes `NaN`, `Infinity` and halves of surrogate pairs, which JSON does not have. `None` where there are none.
fn mended(text: &str) -> Option<String> {
    let (mut out, mut rest, mut quoted) = (String::with_capacity(text.len()), text, false);
    let mut changed = false;
    while let Some(c) = rest.chars().next() {
        let (taken, instead) = if quoted { within(rest) } else { between(rest) };
        quoted ^= c == '"';
        changed |= instead.is_some();
        out.push_str(instead.unwrap_or(&rest[..taken]));
        rest = &rest[taken..];
    }
    changed.then_some(out)
}

/// Outside of strings: bytes to take, and what to write for them where it is something else.
fn between(rest: &str) -> (usize, Option<&'static str>) {
    const NO_NUMBERS: [&str; 3] = ["NaN", "-Infinity", "Infinity"];
    let found = NO_NUMBERS.into_iter().find(|word| rest.starts_with(word));
    found.map_or_else(|| (rest.chars().next().map_or(0, char::len_utf8), None), |word| (word.len(), Some("null")))
}

/// Within a string, as [`between`]: an escaped half of a character becomes U+FFFD.
fn within(rest: &str) -> (usize, Option<&'static str>) {
    let unit = |at: usize| {
        let digits = rest.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    match unit(0) {
        Some(0xD800..=0xDBFF) if unit(6).is_some_and(|low| (0xDC00..=0xDFFF).contains(&low)) => (12, None),
        Some(0xD800..=0xDFFF) => (6, Some("\\ufffd")),
        Some(_) => (6, None),
        None if rest.starts_with('\\') => (1 + rest[1..].chars().next().map_or(0, char::len_utf8), None),
        None => (rest.chars().next().map_or(0, char::len_utf8), None),
    }
}

fn not_utf8(place: String, byte: u8) -> LoggedError {
    LoggedError::wrong(place, "UTF-8", format!("byte 0x{byte:02X}"), "save the file as UTF-8")
}

fn not_an_object(place: String, found: String) -> LoggedError {
    LoggedError::wrong(place, "a JSON object", found, "correct or remove the line")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_python_writes_beside_json_is_mended() {
        let check = |text: &str, expected: Option<&str>| {
            let found = parsed(text).map(|(value, _)| value.to_string()).ok();
            assert_eq!(found.as_deref(), expected, "{text}");
        };
        check(r#"{"a":NaN,"b":-Infinity}"#, Some(r#"{"a":null,"b":null}"#));
        check(r#"{"a":"NaN","b":NaN}"#, Some(r#"{"a":"NaN","b":null}"#));
        check(r#"{"a":"\ud83d"}"#, Some("{\"a\":\"\u{FFFD}\"}"));
        check(r#"{"a":"\ud83d\ude00"}"#, Some("{\"a\":\"😀\"}"));
        check(r#"{"a":"\\ud83d","b":NaN}"#, Some(r#"{"a":"\\ud83d","b":null}"#));
        check(r#"{"a":"say \"NaN\"","b":Infinity}"#, Some(r#"{"a":"say \"NaN\"","b":null}"#));
        check(r#"{"a":1"#, None);
        check(r#"{"a":NaNo}"#, None);
        check(r#"{"a":1,"a":2}"#, None);
    }
}
