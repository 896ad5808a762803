//! What an endpoint is called: the ways of naming one, and what each of them needs. A new kind of server that speaks a known
//! dialect is a row of [`SCHEMES`].

use super::dialect::{self, Dialect};
use super::letters::WITH_LISTS;
use super::positions::Way;
use super::wire::{Place, Secure};
use crate::ModelError;

/// One way of naming an endpoint.
#[derive(Clone, Copy)]
pub struct Scheme {
    /// What stands in front of the colon.
    pub name: &'static str,
    /// What answers there.
    pub what: &'static str,
    /// The address where none is named.
    pub base: &'static str,
    /// The environment variable that holds its key; with `_FILE` behind it, the one that names a file with the key.
    pub key: &'static str,
    /// A name that can be copied.
    pub example: &'static str,
    /// Whether the name of a model must be given.
    pub model: Named,
    /// How it is spoken to.
    pub(super) dialect: &'static dyn Dialect,
    /// What its fingerprints say.
    pub(super) fingerprint: Fingerprint,
}

impl Scheme {
    /// Whether its servers may list the most probable tokens of answers.
    #[must_use]
    pub fn may_list_tokens(&self) -> bool {
        WITH_LISTS.contains(&self.name)
    }
}

/// Whether the name of a model must be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// Yes: the server has several.
    Always,
    /// The server has one, and it need not be named.
    IfSeveral,
}

/// What the fingerprint in an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fingerprint {
    /// Which build of the server answers: another one is another model.
    Build,
    /// Which of many machines answered this time: nothing about the model.
    Machine,
}

/// All of them.
pub const SCHEMES: [Scheme; 7] = [
    Scheme {
        name: "openai",
        what: "OpenAI, and any server with its chat/completions",
        base: "https://api.openai.com/v1",
        key: "OPENAI_API_KEY",
        example: "openai:http://localhost:8000/v1#big",
        model: Named::Always,
        dialect: &dialect::openai::PLAIN,
        fingerprint: Fingerprint::Machine,
    },
    Scheme {
        name: "vllm",
        what: "vLLM",
        base: "http://localhost:8000/v1",
        key: "VLLM_API_KEY",
        example: "vllm:http://gpu1:8000#big",
        model: Named::Always,
        dialect: &dialect::openai::VLLM,
        fingerprint: Fingerprint::Build,
    },
    Scheme {
        name: "sglang",
        what: "SGLang",
        base: "http://localhost:30000/v1",
        key: "SGLANG_API_KEY",
        example: "sglang:http://gpu1:30000",
        model: Named::IfSeveral,
        dialect: &dialect::openai::SGLANG,
        fingerprint: Fingerprint::Build,
    },
    Scheme {
        name: "llama-server",
        what: "llama.cpp's server",
        base: "http://localhost:8080/v1",
        key: "LLAMA_API_KEY",
        example: "llama-server:http://localhost:8080",
        model: Named::IfSeveral,
        dialect: &dialect::openai::LLAMA_SERVER,
        fingerprint: Fingerprint::Build,
    },
    Scheme {
        name: "ollama",
        what: "Ollama",
        base: "http://localhost:11434",
        key: "OLLAMA_API_KEY",
        example: "ollama:qwen2.5:0.5b",
        model: Named::Always,
        dialect: &dialect::ollama::Ollama,
        fingerprint: Fingerprint::Build,
    },
    Scheme {
        name: "anthropic",
        what: "Anthropic's Messages",
        base: "https://api.anthropic.com/v1",
        key: "ANTHROPIC_API_KEY",
        example: "anthropic:MODEL",
        model: Named::Always,
        dialect: &dialect::anthropic::Anthropic,
        fingerprint: Fingerprint::Machine,
    },
    Scheme {
        name: "gemini",
        what: "Google's generateContent",
        base: "https://generativelanguage.googleapis.com/v1beta",
        key: "GEMINI_API_KEY",
        example: "gemini:MODEL",
        model: Named::Always,
        dialect: &dialect::gemini::Gemini,
        fingerprint: Fingerprint::Machine,
    },
];

/// An endpoint, as it was named: `SCHEME:URL#MODEL`, `SCHEME:URL` or `SCHEME:MODEL`.
#[derive(Clone)]
pub struct Address {
    pub(super) scheme: &'static Scheme,
    /// Without a slash at its end.
    base: String,
    /// The host and its port.
    host: String,
    pub(super) model: Option<String>,
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        self.scheme.name == other.scheme.name && self.base == other.base && self.model == other.model
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.scheme.name, self.base)?;
        self.model.iter().try_for_each(|model| write!(f, "#{model}"))
    }
}

impl Address {
    /// The endpoint that `text` names; `None` where it names something else.
    ///
    /// # Errors
    /// It begins as an endpoint does and goes on in another way.
    pub fn parse(text: &str) -> Result<Option<Address>, ModelError> {
        let Some((name, rest)) = text.split_once(':') else { return Ok(None) };
        let Some(scheme) = SCHEMES.iter().find(|scheme| scheme.name == name) else { return Ok(None) };
        let wrong = |found: &str| {
            let expected = format!("{name}:MODEL or {name}:URL#MODEL, such as {}", scheme.example);
            Err(ModelError::Request { reason: format!("{name}: expected {expected}; found {found}") })
        };
        let is_url = rest.starts_with("http://") || rest.starts_with("https://") || rest.starts_with('#');
        let (base, model) = match rest.split_once('#') {
            Some((base, model)) if is_url => (base, model),
            _ if is_url => (rest, ""),
            _ => ("", rest),
        };
        let base = if base.is_empty() { scheme.base } else { base };
        let after_scheme = base.split_once("://").map_or("", |(_, after)| after);
        let (host, path) = after_scheme.split_once('/').unwrap_or((after_scheme, ""));
        if host.contains('@') || base.contains('?') {
            return wrong(&format!(
                "an address with something secret in it; the key belongs into {} or into a file that {}_FILE names",
                scheme.key, scheme.key
            ));
        }
        let plain = |text: &str| text.chars().all(|letter| letter.is_ascii_graphic());
        if host.is_empty() || !plain(base) {
            return wrong("an address without a host, or with letters that no address has");
        }
        if model.is_empty() && scheme.model == Named::Always {
            return wrong("no name of a model");
        }
        if model.chars().any(|letter| letter.is_control()) {
            return wrong("a name of a model with control characters");
        }
        let base = match path.trim_end_matches('/') {
            "" => scheme.dialect.root(base.trim_end_matches('/')),
            _ => base.trim_end_matches('/').to_owned(),
        };
        let model = (!model.is_empty()).then(|| model.to_owned());
        Ok(Some(Address { scheme, host: host.to_owned(), base, model }))
    }

    /// Whether servers of its kind list the most probable tokens behind token ids: what a student learns distributions from.
    #[must_use]
    pub fn lists_tokens(&self) -> bool {
        Way::of(self).is_ok()
    }

    /// Whether it can be asked in batches.
    #[must_use]
    pub fn has_batches(&self) -> bool {
        super::batch::provider(self.scheme.name).is_some()
    }

    /// Whether its server may list the most probable tokens of its answers.
    #[must_use]
    pub fn may_list_tokens(&self) -> bool {
        self.scheme.may_list_tokens()
    }

    /// Where questions go.
    pub(super) fn url(&self) -> String {
        self.scheme.dialect.url(&self.base, self.model.as_deref())
    }

    /// An address below the base.
    pub(super) fn below(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// An address of the server itself: below the base without its version.
    pub(super) fn beside(&self, path: &str) -> String {
        format!("{}{path}", self.base.strip_suffix("/v1").unwrap_or(&self.base))
    }

    /// Whether both may be one model: they stand on one host, and no two names tell them apart.
    #[must_use]
    pub fn may_be(&self, other: &Address) -> bool {
        let named_apart = self.model.as_ref().zip(other.model.as_ref()).is_some_and(|(one, other)| one != other);
        self.host == other.host && !named_apart
    }

    /// Names the host without saying it.
    pub(super) fn host_hash(&self) -> String {
        blake3::hash(self.host.as_bytes()).to_hex().to_string()
    }

    /// For records: who was asked for, and not where.
    pub(super) fn for_records(&self) -> String {
        let host = &self.host_hash()[..8];
        let model = self.model.as_deref().unwrap_or_default();
        format!("{}:host-{host}#{model}", self.scheme.name)
    }

    pub(super) fn place(&self) -> Place {
        Place::of(&self.host)
    }

    pub(super) fn secure(&self) -> Secure {
        if self.base.starts_with("https://") { Secure::Tls } else { Secure::No }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_form_of_a_name_is_read() {
        let check = |text: &str, url: &str, model: Option<&str>| {
            let address = Address::parse(text).unwrap().unwrap();
            assert_eq!((address.url().as_str(), address.model.as_deref()), (url, model), "{text}");
        };
        check("openai:gpt-x", "https://api.openai.com/v1/chat/completions", Some("gpt-x"));
        check("openai:#gpt-x", "https://api.openai.com/v1/chat/completions", Some("gpt-x"));
        check("openai:http://h:1#a/b", "http://h:1/v1/chat/completions", Some("a/b"));
        check("openai:http://h:1/#a", "http://h:1/v1/chat/completions", Some("a"));
        check("openai:https://h/api/v1/#a#b", "https://h/api/v1/chat/completions", Some("a#b"));
        check("vllm:http://gpu1:8000#big", "http://gpu1:8000/v1/chat/completions", Some("big"));
        check("llama-server:http://h:8080", "http://h:8080/v1/chat/completions", None);
        check("sglang:http://h:30000", "http://h:30000/v1/chat/completions", None);
        check("llama-server:", "http://localhost:8080/v1/chat/completions", None);
        check("ollama:qwen2.5:0.5b", "http://localhost:11434/api/chat", Some("qwen2.5:0.5b"));
        check("ollama:http://h:1#m:2b", "http://h:1/api/chat", Some("m:2b"));
        check("anthropic:m", "https://api.anthropic.com/v1/messages", Some("m"));
        check("anthropic:http://h:1#m", "http://h:1/v1/messages", Some("m"));
        let gemini = "https://generativelanguage.googleapis.com/v1beta/models/m-2:generateContent";
        check("gemini:m-2", gemini, Some("m-2"));
        check("gemini:http://h:1#m 2", "http://h:1/v1beta/models/m%202:generateContent", Some("m 2"));
        check(
            "gemini:http://h:1#tunedModels/m",
            "http://h:1/v1beta/tunedModels/m:generateContent",
            Some("tunedModels/m"),
        );
        for other in ["model.gguf", "scripted:x.toml", "hf:a/b", "planted:null(x)"] {
            assert!(Address::parse(other).unwrap().is_none(), "{other}");
        }
    }

    #[test]
    fn this_machine_is_known_by_its_names() {
        let check = |text: &str, expected: Place| assert_eq!(Address::parse(text).unwrap().unwrap().place(), expected);
        check("openai:http://localhost:1#m", Place::ThisMachine);
        check("openai:http://127.0.0.1#m", Place::ThisMachine);
        check("openai:http://[::1]:1/v1#m", Place::ThisMachine);
        check("openai:https://127.example.org#m", Place::Elsewhere);
        check("openai:m", Place::Elsewhere);
    }

    #[test]
    fn examples_are_names() {
        for scheme in SCHEMES {
            let address = Address::parse(scheme.example).unwrap().unwrap();
            assert_eq!(address.scheme.name, scheme.name);
        }
    }

    #[test]
    fn what_is_no_name_says_what_is_expected() {
        let check = |text: &str, expected: &str| {
            let error = Address::parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check("openai:", "no name of a model");
        check("openai:http://h:1", "expected openai:MODEL or openai:URL#MODEL");
        check("openai:http://#m", "without a host");
        check("openai:http://h h#m", "letters that no address has");
        for secret in ["openai:https://user:sesame@h/v1#m", "openai:https://h/v1?key=sesame#m"] {
            check(secret, "belongs into OPENAI_API_KEY");
            assert!(!Address::parse(secret).unwrap_err().to_string().contains("sesame"));
        }
    }

    #[test]
    fn records_do_not_say_where() {
        let address = Address::parse("vllm:http://internal.example:8000#big").unwrap().unwrap();
        let record = address.for_records();
        assert!(!record.contains("internal") && record.ends_with("#big"), "{record}");
    }
}
