//! The suite: the built-in one, its size, and the hash that names its content.

use serde_json::Value;

use crate::Suite;
use crate::builtin::{self, Profile};
use crate::error::ProbeError;
use crate::validate::validate_at;

impl Suite {
    /// The built-in suite: generated from the seed, nothing read from disk, the same on every platform.
    #[must_use]
    pub fn builtin(profile: Profile, seed: u64) -> Suite {
        builtin::suite(profile, seed)
    }

    /// BLAKE3 of the probes in canonical JSON (keys sorted, one probe per line), in lower-case hexadecimal.
    ///
    /// The name is not part of it: a suite that is moved or renamed is the same suite.
    #[must_use]
    pub fn hash(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for probe in &self.probes {
            // A probe holds nothing that JSON cannot say, so it always has a JSON form.
            let value = serde_json::to_value(probe).unwrap_or(Value::Null);
            hasher.update(canonical(&value).as_bytes());
            hasher.update(b"\n");
        }
        hasher.finalize().to_hex().to_string()
    }

    /// Checks every probe and that identifiers are unique.
    ///
    /// # Errors
    /// The first fault, with the line that the probe would have in a JSONL file.
    pub fn validate(&self) -> Result<(), ProbeError> {
        let lines: Vec<u64> = (1..=self.probes.len() as u64).collect();
        validate_at(&self.name, &self.probes, &lines)
    }

    /// How many tokens one model reads for this suite, at four bytes a token and with every option order asked.
    /// Sampled answers come on top.
    ///
    /// An estimate for the time printed before an audit starts; tokenizers differ by a third either way.
    #[must_use]
    pub fn estimated_tokens(&self) -> u64 {
        let bytes: usize = self.probes.iter().map(|probe| probe.ask.kind().asked_bytes()).sum();
        bytes.div_ceil(4) as u64
    }
}

/// JSON with sorted keys and no spaces.
pub(crate) fn canonical(value: &Value) -> String {
    let mut out = String::new();
    write_canonical(value, &mut out);
    out
}

fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_by_key(|(key, _)| key.as_str());
            out.push('{');
            for (index, (key, field)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                write_canonical(field, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}
