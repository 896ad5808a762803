//! Keys of endpoints. A key can be used and not be shown: it has no `Debug`, no `Display` and no serialised form.

use std::path::Path;

use hydrometer_probes::strangers::read_file;

use crate::ModelError;

/// What stands where a server repeats the key.
const HIDDEN: &[u8] = b"[key]";

/// The key of an endpoint.
pub(crate) struct Secret(String);

impl Secret {
    /// The key that the variable `name` holds, or that the file holds which `name` with `_FILE` behind it names.
    ///
    /// # Errors
    /// The file cannot be read, or the key is one that no header can carry. The key is not in the error.
    pub(crate) fn find(name: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Option<Secret>, ModelError> {
        if let Some(text) = variable(name).filter(|text| !text.trim().is_empty()) {
            return Secret::read(&text, name).map(Some);
        }
        let by_file = format!("{name}_FILE");
        let Some(path) = variable(&by_file).filter(|path| !path.is_empty()) else { return Ok(None) };
        let bytes = read_file(Path::new(&path))
            .map_err(|source| ModelError::io(Path::new(&path), "cannot read the key", source))?;
        let wrong = || ModelError::Request { reason: format!("{by_file}: expected a file with a key, found no text") };
        Secret::read(&String::from_utf8(bytes).map_err(|_| wrong())?, &by_file).map(Some)
    }

    fn read(text: &str, from: &str) -> Result<Secret, ModelError> {
        let key = text.trim();
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            let reason = format!("{from}: expected a key of visible ASCII characters, found something else");
            return Err(ModelError::Request { reason });
        }
        Ok(Secret(key.to_owned()))
    }

    /// For a header, and nothing else.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// What a server sent, without the key.
    pub(super) fn hidden_in(&self, bytes: Vec<u8>) -> Vec<u8> {
        hide(self.0.as_bytes(), bytes)
    }
}

/// These bytes without a secret.
pub(super) fn hide(secret: &[u8], bytes: Vec<u8>) -> Vec<u8> {
    if !bytes.windows(secret.len()).any(|window| window == secret) {
        return bytes;
    }
    let (mut out, mut rest) = (Vec::with_capacity(bytes.len()), bytes.as_slice());
    while let Some((&first, others)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(secret) {
            out.extend_from_slice(HIDDEN);
            rest = after;
        } else {
            out.push(first);
            rest = others;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn find(variables: &[(&str, &str)]) -> Result<Option<Secret>, ModelError> {
        let held = |name: &str| variables.iter().find(|(of, _)| *of == name).map(|(_, value)| (*value).to_owned());
        Secret::find("SOME_KEY", &held)
    }

    #[test]
    fn a_key_comes_from_the_variable_or_from_the_file_that_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "from-file\n").unwrap();
        let path = path.to_str().unwrap();
        let check = |variables: &[(&str, &str)], expected: Option<&str>| {
            let found = find(variables).unwrap();
            assert_eq!(found.as_ref().map(Secret::expose), expected);
        };
        check(&[], None);
        check(&[("SOME_KEY", " abc\n")], Some("abc"));
        check(&[("SOME_KEY", ""), ("SOME_KEY_FILE", path)], Some("from-file"));
        check(&[("SOME_KEY", "abc"), ("SOME_KEY_FILE", path)], Some("abc"));
    }

    #[test]
    fn a_key_that_cannot_be_sent_is_refused_without_being_shown() {
        for key in ["se cret", "sec\nret", "sécret"] {
            let error = find(&[("SOME_KEY", key)]).err().unwrap().to_string();
            assert!(error.starts_with("SOME_KEY: expected a key") && !error.contains("cret"), "{error}");
        }
        let error = find(&[("SOME_KEY_FILE", "/no/such/file")]).err().unwrap().to_string();
        assert!(error.starts_with("/no/such/file: cannot read the key"), "{error}");
    }

    #[test]
    fn what_a_server_repeats_is_hidden() {
        let key = find(&[("SOME_KEY", "abab")]).unwrap().unwrap();
        let check = |text: &str, expected: &str| {
            assert_eq!(String::from_utf8(key.hidden_in(text.into())).unwrap(), expected);
        };
        check("nothing", "nothing");
        check("wrong key abab, aabababab", "wrong key [key], a[key][key]");
    }
}
