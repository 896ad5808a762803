//! Cuts a text into words before byte-pair encoding. The patterns are those that the models publish in their
//! `tokenizer.json`, under the names that GGUF files give them (`tokenizer.ggml.pre`).

use std::sync::Arc;

use fancy_regex::Regex;

use crate::ModelError;

const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
const DIGIT: &str = r"\p{N}";
const LLAMA3: &str = r"'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN2: &str = r"'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Names, the patterns that are applied one after the other, and what else the name implies.
struct Entry {
    names: &'static [&'static str],
    patterns: &'static [&'static str],
    whole_words: bool,
}

const ENTRIES: [Entry; 8] = [
    Entry { names: &["gpt-2", "phi-2", "mpt", "olmo", "jais", "trillion"], patterns: &[GPT2], whole_words: false },
    Entry {
        names: &["llama3", "llama-v3", "llama-bpe", "falcon3", "pixtral", "lfm2"],
        patterns: &[LLAMA3],
        whole_words: true,
    },
    Entry { names: &["dbrx", "smaug-bpe"], patterns: &[LLAMA3], whole_words: false },
    Entry {
        names: &["qwen2", "stablelm2", "deepseek-r1-qwen", "hunyuan", "megrez"],
        patterns: &[QWEN2],
        whole_words: false,
    },
    Entry {
        names: &["smollm", "starcoder", "refact", "command-r", "codeshell", "exaone"],
        patterns: &[DIGIT, GPT2],
        whole_words: false,
    },
    Entry { names: &["falcon"], patterns: &[r"[\p{P}\$\+<=>\^~\|`]+", GPT2, "[0-9][0-9][0-9]"], whole_words: false },
    Entry {
        names: &["deepseek-coder"],
        patterns: &["[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-\u{d7ff}]+", DIGIT],
        whole_words: false,
    },
    Entry {
        names: &["default"],
        patterns: &[r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]"],
        whole_words: false,
    },
];

#[derive(Clone, Debug)]
pub(super) struct Pretokenizer {
    name: String,
    patterns: Arc<[Regex]>,
    whole_words: bool,
}

impl Pretokenizer {
    /// The pre-tokenizer of this name; `None` when it is unknown.
    pub(super) fn named(name: &str) -> Result<Option<Self>, ModelError> {
        let Some(entry) = ENTRIES.iter().find(|e| e.names.contains(&name)) else {
            return Ok(None);
        };
        let patterns: Result<Vec<Regex>, _> = entry.patterns.iter().map(|p| Regex::new(p)).collect();
        Ok(Some(Self {
            name: name.to_owned(),
            patterns: patterns.map_err(|e| ModelError::tokenizer(format!("pre-tokenizer {name}: {e}")))?.into(),
            whole_words: entry.whole_words,
        }))
    }

    /// The name of these patterns, where there is one. Published files write the contractions of [`LLAMA3`] and [`QWEN2`] with
    /// a flag for capitals.
    pub(super) fn name_of(patterns: &[String], whole_words: bool) -> Option<&'static str> {
        const FLAGGED: &str = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
        const SPELT: &str = "'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]";
        let patterns: Vec<String> = patterns.iter().map(|pattern| pattern.replace(FLAGGED, SPELT)).collect();
        let known = |entry: &&Entry| entry.whole_words == whole_words && patterns == entry.patterns;
        ENTRIES.iter().find(known).and_then(|entry| entry.names.first().copied())
    }

    /// What stands for itself: a digit, and GPT-2's words.
    pub(super) const DIGIT: &'static str = DIGIT;
    pub(super) const WORDS: &'static str = GPT2;

    /// The patterns that go by this name.
    pub(super) fn patterns(name: &str) -> Option<&'static [&'static str]> {
        ENTRIES.iter().find(|e| e.names.contains(&name)).map(|entry| entry.patterns)
    }

    /// All names, for error messages.
    pub(super) fn names() -> String {
        let names: Vec<&str> = ENTRIES.iter().flat_map(|e| e.names).copied().collect();
        names.join(", ")
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn takes_whole_words(&self) -> bool {
        self.whole_words
    }

    /// Calls `word` with every word, in order; together they are the text.
    pub(super) fn split<'t>(
        &self,
        text: &'t str,
        mut word: impl FnMut(&'t str) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        let patterns = &self.patterns;
        split_by(patterns, text, &mut word)
    }
}

/// What a pattern matches and what lies between are both handed to the next pattern.
fn split_by<'t>(
    patterns: &[Regex],
    text: &'t str,
    word: &mut dyn FnMut(&'t str) -> Result<(), ModelError>,
) -> Result<(), ModelError> {
    let Some((first, rest)) = patterns.split_first() else {
        return word(text);
    };
    let mut done = 0;
    for found in first.find_iter(text) {
        let found = found.map_err(|e| ModelError::tokenizer(format!("pre-tokenizer: {e}")))?;
        if found.start() > done {
            split_by(rest, &text[done..found.start()], word)?;
        }
        if found.end() > found.start() {
            split_by(rest, found.as_str(), word)?;
        }
        done = found.end();
    }
    if done < text.len() {
        split_by(rest, &text[done..], word)?;
    }
    Ok(())
}
