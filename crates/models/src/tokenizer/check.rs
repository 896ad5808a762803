//! Whether a tokenizer that was written in another form gives the same tokens.

use std::path::Path;

use super::Tokenizer;
use crate::ModelError;

/// Texts in which tokenizers that differ usually show it. Composed characters only: a `tokenizer.json` may compose, a GGUF file
/// cannot.
const TEXTS: [&str; 8] = [
    "It's 12,345 o'clock; they'LL come.\n\n  Twice  indented\r\n",
    "Größe, café, 北京 ภาษาไทย 🙂🙂 ½ ٣",
    "  spaces   and\ttabs\t\t\n \n",
    "def f(x):\n    return x**2 + 1  # so 0x7F\n\n\n}",
    "WHO'd've thought? \"Quotes\" — and_underscores/paths.txt",
    "a",
    " ",
    "https://example.org/?q=1&r=2#top   100%",
];

impl Tokenizer {
    /// Refuses `written`, which was made from this one as `form`, where it gives other tokens.
    pub(crate) fn check_written(&self, path: &Path, form: &str, written: &Self) -> Result<(), ModelError> {
        for text in TEXTS {
            let (expected, found) = (self.encode(text)?, written.encode(text)?);
            if expected != found {
                let at = format!("tokenizer as {form}, text {text:?}");
                return Err(ModelError::malformed(path, at, format!("{expected:?}"), format!("{found:?}")));
            }
        }
        let ids = |tokenizer: &Self| (tokenizer.bos().filter(|_| tokenizer.adds_bos()), tokenizer.eos());
        let (expected, found) = (ids(self), ids(written));
        // A BOS that no text begins with, and an end that only one of the two names, change no token.
        if expected.0 == found.0 && (expected.1 == found.1 || expected.1.is_none()) {
            return Ok(());
        }
        let at = format!("tokenizer as {form}, BOS in front and EOS");
        Err(ModelError::malformed(path, at, format!("{expected:?}"), format!("{found:?}")))
    }
}
