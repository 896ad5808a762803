//! Headers that the user wants with every question: for gateways that ask who pays, for tenants, for what stands in front of a server.
//! Their values are taken for secrets.

use std::path::Path;

use hydrometer_probes::strangers::read_file;

use super::secret::hide;
use crate::ModelError;

/// What ends the variable of a key, and what ends that of headers.
const OF_KEY: &str = "_API_KEY";
const OF_HEADERS: &str = "_HEADERS";
/// What a header must not change: how a message is framed, and what it holds.
const FRAMING: [&str; 8] =
    ["host", "content-type", "content-length", "content-encoding", "transfer-encoding", "connection", "te", "upgrade"];
/// Names of headers whose values open doors.
const OPENS: [&str; 5] = ["auth", "key", "token", "secret", "cookie"];
/// Letters of a word that is taken for a secret at least: shorter ones are words of any answer.
const SECRET: usize = 8;

/// Headers beside those of a dialect.
#[derive(Default)]
pub(super) struct Headers(Vec<(String, String)>);

impl Headers {
    /// The variable that holds the headers of an endpoint whose key stands in `key`: `OPENAI_HEADERS` beside `OPENAI_API_KEY`.
    pub(super) fn variable(key: &str) -> String {
        format!("{}{OF_HEADERS}", key.strip_suffix(OF_KEY).unwrap_or(key))
    }

    /// Those that this variable holds, or the file that it names with `_FILE` behind it: a line `Name: value` for each.
    ///
    /// # Errors
    /// The file cannot be read, or a line is no header. No value is in the error.
    pub(super) fn find(name: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Headers, ModelError> {
        if let Some(text) = variable(name).filter(|text| !text.trim().is_empty()) {
            return Headers::read(&text, name);
        }
        let by_file = format!("{name}_FILE");
        let Some(path) = variable(&by_file).filter(|path| !path.is_empty()) else { return Ok(Headers::default()) };
        let bytes = read_file(Path::new(&path))
            .map_err(|source| ModelError::io(Path::new(&path), "cannot read the headers", source))?;
        Headers::read(&String::from_utf8_lossy(&bytes), &by_file)
    }

    fn read(text: &str, from: &str) -> Result<Headers, ModelError> {
        let wrong = |number: usize, what: &str| ModelError::Request {
            reason: format!("{from}: line {}: expected a header as `Name: value`, found {what}", number + 1),
        };
        let mut all = Vec::new();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let (name, value) = line.split_once(':').ok_or_else(|| wrong(number, "no colon"))?;
            let (name, value) = (name.trim(), value.trim());
            let is_token =
                !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
            if !is_token {
                return Err(wrong(number, "a name of other signs than letters, digits, - and _"));
            }
            if FRAMING.contains(&name.to_ascii_lowercase().as_str()) {
                return Err(wrong(
                    number,
                    &format!("{name}, which says what a question is and is not for others to say"),
                ));
            }
            if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
                return Err(wrong(
                    number,
                    &format!("a value of {name} that is empty or not of visible ASCII characters"),
                ));
            }
            all.push((name.to_owned(), value.to_owned()));
        }
        Ok(Headers(all))
    }

    /// Puts them to those of a dialect, in the place of one of the same name.
    pub(super) fn put(&self, headers: &mut Vec<(String, String)>) {
        headers.retain(|(name, _)| self.0.iter().all(|(own, _)| !own.eq_ignore_ascii_case(name)));
        headers.extend(self.0.iter().cloned());
    }

    /// What a server sent, without what it must not repeat. Of an answer (`is_answer`) ordinary words stay: a header may say no more than
    /// who asks.
    pub(super) fn hidden_in(&self, bytes: Vec<u8>, is_answer: bool) -> Vec<u8> {
        let words = self.0.iter().flat_map(|(name, value)| value.split(' ').map(move |word| (name, word)));
        let hidden = words.filter(|(name, word)| word.len() >= SECRET && (!is_answer || is_secret(name, word)));
        hidden.fold(bytes, |bytes, (_, word)| hide(word.as_bytes(), bytes))
    }
}

/// Whether a word of a header is no word of an answer.
fn is_secret(name: &str, word: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let has = |of: fn(&u8) -> bool| word.as_bytes().iter().any(of);
    OPENS.iter().any(|part| name.contains(part)) || (has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn find(variables: &[(&str, &str)]) -> Result<Headers, ModelError> {
        let held = |name: &str| variables.iter().find(|(of, _)| *of == name).map(|(_, value)| (*value).to_owned());
        Headers::find(&Headers::variable("OPENAI_API_KEY"), &held)
    }

    #[test]
    fn headers_come_from_the_variable_or_the_file_and_take_the_place_of_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("headers");
        std::fs::write(&path, "X-Team: red\n\nauthorization: Basic abc\n").unwrap();
        let check = |variables: &[(&str, &str)], expected: &[(&str, &str)]| {
            let mut headers = vec![("Authorization".to_owned(), "Bearer key".to_owned())];
            find(variables).unwrap().put(&mut headers);
            let expected: Vec<_> =
                expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            assert_eq!(headers, expected);
        };
        check(&[], &[("Authorization", "Bearer key")]);
        check(&[("OPENAI_HEADERS", " X-A : b c \r\n")], &[("Authorization", "Bearer key"), ("X-A", "b c")]);
        check(&[("OPENAI_HEADERS_FILE", path.to_str().unwrap())], &[("X-Team", "red"), ("authorization", "Basic abc")]);
    }

    #[test]
    fn what_is_no_header_is_refused_without_being_shown() {
        let check = |text: &str, expected: &str| {
            let error = find(&[("OPENAI_HEADERS", text)]).err().unwrap().to_string();
            assert!(error.starts_with("OPENAI_HEADERS: line ") && error.contains(expected), "{error}");
            assert!(!error.contains("sesame"), "{error}");
        };
        check("sesame", "line 1: expected a header as `Name: value`, found no colon");
        check("X-A: b\nX B: sesame", "line 2: expected a header as `Name: value`, found a name of other signs");
        check("Content-Length: sesame", "found Content-Length, which says what a question is");
        check("X-A: sesäme", "found a value of X-A");
        check("X-A:", "a value of X-A that is empty");
    }

    #[test]
    fn what_a_server_repeats_is_hidden_and_words_of_answers_stay() {
        let headers =
            find(&[("OPENAI_HEADERS", "X-Token: open sesameseed\nX-Title: hydrometer\nX-Id: team4711a")]).unwrap();
        let check = |text: &str, is_answer: bool, expected: &str| {
            assert_eq!(String::from_utf8(headers.hidden_in(text.into(), is_answer)).unwrap(), expected);
        };
        check("open sesameseed team4711a hydrometer", false, "open [key] [key] [key]");
        check("open sesameseed team4711a hydrometer", true, "open [key] [key] hydrometer");
    }
}
