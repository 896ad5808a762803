//! How servers are spoken to: one file for each dialect. A dialect puts a question into JSON and reads the answer; it knows
//! nothing of connections, keys' places or retries.

pub(super) mod anthropic;
pub(super) mod gemini;
pub(super) mod ollama;
pub(super) mod openai;

use std::borrow::Cow;

use hydrometer_answers::FinishReason;
use serde_json::{Value, json};

use super::secret::Secret;
use crate::tools::written_natively;
use crate::{Declared, Turn};

/// One question.
pub(super) struct Question<'a> {
    pub model: Option<&'a str>,
    pub turns: &'a [Turn],
    /// The tools that stand ready.
    pub tools: &'a [Declared],
    pub max_tokens: u32,
    pub stop: &'a [String],
    pub temperature: f64,
    pub top_p: f64,
    pub settings: Settings,
    pub limit: LimitName,
}

/// Which settings of sampling are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settings {
    /// All.
    All,
    /// The temperature alone: some servers take one setting at most.
    Temperature,
    /// None: some servers fix them.
    None,
}

/// What the longest answer is called: OpenAI's newer models take the longer name only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LimitName {
    MaxTokens,
    MaxCompletionTokens,
}

/// What a server answered.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reply {
    /// The words.
    pub text: String,
    /// Calls of tools: names and the JSON of their arguments.
    pub calls: Vec<(String, String)>,
    pub finish: FinishReason,
    /// The model's name as the server says it.
    pub model: Option<String>,
    pub fingerprint: Option<String>,
    /// Tokens of the prompt and of the answer, as the server counts them.
    pub read: u64,
    pub drawn: u64,
}

impl Reply {
    /// With the text that is kept of it. Where tools stood ready, calls are read out of that text again.
    pub(super) fn kept(mut self, tools: &[Declared]) -> Reply {
        if !(tools.is_empty() && self.calls.is_empty()) {
            self.text = written_natively(&self.text, &self.calls);
        }
        self
    }
}

/// A way of speaking.
pub(super) trait Dialect: Send + Sync {
    /// The base address of a server of which only the host was named.
    fn root(&self, base: &str) -> String {
        format!("{base}/v1")
    }

    /// What follows the base address.
    fn path(&self) -> &'static str;

    /// Where questions about a model go.
    fn url(&self, base: &str, model: Option<&str>) -> String {
        let _ = model;
        format!("{base}{}", self.path())
    }

    /// The headers that say who asks.
    fn headers(&self, key: Option<&Secret>) -> Vec<(&'static str, String)>;

    /// The question as JSON.
    fn body(&self, question: &Question<'_>) -> Value;

    /// The answer.
    ///
    /// # Errors
    /// It is none: what was expected, and what was found.
    fn read(&self, answer: &Value) -> Result<Reply, String>;

    /// Asks for the `count` most probable tokens at every place of the answer, too.
    fn want_lists(&self, body: &mut Value, count: u32) {
        body["logprobs"] = json!(true);
        body["top_logprobs"] = json!(count);
    }

    /// The tokens of an answer with these lists, in OpenAI's words (`token`, `logprob`, `bytes`, `top_logprobs`); `None` where it shows none.
    ///
    /// # Errors
    /// Lists do not fit tokens: what was expected, and what was found.
    fn tokens<'a>(&self, answer: &'a Value) -> Result<Option<Cow<'a, [Value]>>, String> {
        let tokens = answer["choices"][0]["logprobs"]["content"].as_array().or_else(|| answer["logprobs"].as_array());
        Ok(tokens.map(|tokens| tokens.as_slice().into()))
    }

    /// The answer behind a refused question, where these words of the server say that it was cut off at its longest before a
    /// word of it was there.
    fn cut_off(&self, words: &str) -> Option<Reply> {
        let _ = words;
        None
    }
}

/// The texts that end an answer, in a field of this name, where there are any.
fn stops(body: &mut Value, field: &str, stop: &[String]) {
    if !stop.is_empty() {
        body[field] = stop.into();
    }
}

/// What the key of a bearer stands in.
fn bearer(key: Option<&Secret>) -> Vec<(&'static str, String)> {
    key.map(|key| ("authorization", format!("Bearer {}", key.expose()))).into_iter().collect()
}

/// A number of tokens that a server counted; 0 where it says none, or one that no answer has.
pub(super) fn count(value: &Value) -> u64 {
    const MOST: u64 = u32::MAX as u64;
    value.as_u64().filter(|tokens| *tokens <= MOST).unwrap_or(0)
}

/// A text of an answer.
fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}
