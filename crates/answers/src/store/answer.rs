//! One stored answer, and the key under which nothing is asked twice.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::parquet_io::MAX_LIST_ENTRIES;
use crate::parquet_io::row::{Columns, Row, column};
use crate::{FinishReason, ModelIdentity, SamplingParameters};

/// Says what is hashed, so that no other hash of the same bytes is equal.
const KEY_CONTEXT: &str = "hydrometer answer key 1";
const PROMPT_CONTEXT: &str = "hydrometer prompt tokens 1";
const MODEL_CONTEXT: &str = "hydrometer model key 1";

/// The BLAKE3 hash of everything that decides an answer: `blake3:` and 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct AnswerKey(pub(super) String);

impl AnswerKey {
    /// The key of sample `sample` of a prompt. `model_key` is [`ModelIdentity::key`], `prompt_hash` [`prompt_hash`].
    pub fn new(model_key: &str, prompt_hash: &str, parameters: &SamplingParameters, sample: u32) -> AnswerKey {
        AnswerKey::of_json(model_key, prompt_hash, &canonical(parameters), sample)
    }

    fn of_json(model_key: &str, prompt_hash: &str, parameters: &str, sample: u32) -> AnswerKey {
        AnswerKey(hash_fields(KEY_CONTEXT, &[model_key, prompt_hash, parameters, &sample.to_string()]))
    }
}

impl fmt::Display for AnswerKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// A field of a key; what is not known is empty, which nothing known is.
fn known(field: &Option<String>) -> &str {
    field.as_deref().unwrap_or("")
}

impl ModelIdentity {
    /// What must be equal for answers of one model to serve for another: weights, tokenizer, chat template, surgery and
    /// engine, as one hash. Names and places do not count.
    pub fn key(&self) -> String {
        let optional = |text: &Option<String>| text.as_ref().map_or("-".to_owned(), |text| format!("+{text}"));
        let (template, surgery, engine) = (optional(&self.template), optional(&self.surgery), &self.engine);
        let of_model = [self.weights.as_str(), known(&self.tokenizer), &template, &surgery];
        let of_engine = [engine.name.as_str(), &engine.version, known(&engine.precision), known(&engine.kernel)];
        hash_fields(MODEL_CONTEXT, &[of_model, of_engine].concat())
    }
}

/// Hash of a rendered prompt's token ids.
pub fn prompt_hash(tokens: &[u32]) -> String {
    let mut hasher = blake3::Hasher::new_derive_key(PROMPT_CONTEXT);
    for token in tokens {
        hasher.update(&token.to_le_bytes());
    }
    format!("blake3:{}", hasher.finalize().to_hex())
}

/// Each field after its length: no two lists of fields give the same bytes.
fn hash_fields(context: &str, fields: &[&str]) -> String {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    for field in fields {
        hasher.update(&(field.len() as u64).to_le_bytes()).update(field.as_bytes());
    }
    format!("blake3:{}", hasher.finalize().to_hex())
}

/// The parameters as they are hashed and stored: compact JSON, fields in the order of the struct.
fn canonical(parameters: &SamplingParameters) -> String {
    // A struct of numbers and texts always becomes JSON.
    serde_json::to_string(parameters).unwrap_or_default()
}

/// One sampled answer, with all that it takes to find and to judge it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StoredAnswer {
    /// [`AnswerKey::new`] of the fields below.
    pub key: AnswerKey,
    /// [`ModelIdentity::key`].
    pub model_key: String,
    /// The model's name, for people.
    pub model_name: String,
    /// [`prompt_hash`] of the rendered prompt.
    pub prompt_hash: String,
    /// How it was sampled.
    pub parameters: SamplingParameters,
    /// Sample of this prompt under these parameters, from 0.
    pub sample: u32,
    /// The answer.
    pub text: String,
    /// Sampled token ids, the end token included where one came.
    pub tokens: Vec<u32>,
    /// ln p of each of them over the whole vocabulary at temperature 1, nats.
    pub logprobs: Vec<f32>,
    /// How it ended.
    pub finish: FinishReason,
}

impl StoredAnswer {
    /// Name and key of its model and its parameters as text: what answers are counted by.
    pub(super) fn group(&self) -> [String; 3] {
        [self.model_name.clone(), self.model_key.clone(), canonical(&self.parameters)]
    }

    /// What no store may hold, as a lower-case fragment.
    pub(super) fn fault(&self) -> Option<String> {
        if let Some(fault) = self.parameters.fault() {
            return Some(fault);
        }
        let expected = AnswerKey::new(&self.model_key, &self.prompt_hash, &self.parameters, self.sample);
        if self.key != expected {
            return Some(format!("the key is {}, its fields give {expected}", self.key));
        }
        if self.tokens.len() != self.logprobs.len() {
            return Some(format!("{} tokens have {} log-probabilities", self.tokens.len(), self.logprobs.len()));
        }
        if self.tokens.len() > MAX_LIST_ENTRIES {
            return Some(format!("{} tokens, at most {MAX_LIST_ENTRIES} are allowed", self.tokens.len()));
        }
        self.logprobs.iter().position(|logprob| logprob.is_nan()).map(|at| format!("logprobs, entry {at} is NaN"))
    }
}

/// A stored answer as the file has it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct AnswerRow {
    head: HeadRow,
    text: String,
    tokens: Vec<u32>,
    logprobs: Vec<f32>,
    finish: FinishReason,
}

/// The columns that say which answer it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct HeadRow {
    pub key: String,
    pub model_key: String,
    pub model_name: String,
    pub prompt_hash: String,
    pub parameters: String,
    pub sample: u32,
}

impl Row for HeadRow {
    fn blank() -> Self {
        HeadRow::default()
    }

    fn columns(&mut self, columns: &mut dyn Columns) {
        columns.text(column("key"), &mut self.key);
        columns.text(column("model_key"), &mut self.model_key);
        columns.text(column("model_name"), &mut self.model_name);
        columns.text(column("prompt_hash"), &mut self.prompt_hash);
        columns.text(column("parameters"), &mut self.parameters);
        columns.u32(column("sample"), &mut self.sample);
    }
}

impl Row for AnswerRow {
    fn blank() -> Self {
        let (text, tokens, logprobs) = Default::default();
        AnswerRow { head: HeadRow::blank(), text, tokens, logprobs, finish: FinishReason::Stop }
    }

    fn columns(&mut self, columns: &mut dyn Columns) {
        self.head.columns(columns);
        columns.text(column("text"), &mut self.text);
        columns.u32_list(column("tokens"), &mut self.tokens);
        columns.f32_list(column("logprobs"), &mut self.logprobs);
        columns.word(column("finish"), &mut self.finish);
    }
}

impl From<&StoredAnswer> for AnswerRow {
    fn from(answer: &StoredAnswer) -> AnswerRow {
        AnswerRow {
            head: HeadRow {
                key: answer.key.0.clone(),
                model_key: answer.model_key.clone(),
                model_name: answer.model_name.clone(),
                prompt_hash: answer.prompt_hash.clone(),
                parameters: canonical(&answer.parameters),
                sample: answer.sample,
            },
            text: answer.text.clone(),
            tokens: answer.tokens.clone(),
            logprobs: answer.logprobs.clone(),
            finish: answer.finish,
        }
    }
}

impl TryFrom<AnswerRow> for StoredAnswer {
    type Error = String;

    fn try_from(row: AnswerRow) -> Result<StoredAnswer, String> {
        let AnswerRow { head, text, tokens, logprobs, finish } = row;
        let parameters = serde_json::from_str(&head.parameters).map_err(|error| format!("parameters: {error}"))?;
        let HeadRow { key, model_key, model_name, prompt_hash, sample, .. } = head;
        let key = AnswerKey(key);
        let answer = StoredAnswer {
            key,
            model_key,
            model_name,
            prompt_hash,
            parameters,
            sample,
            text,
            tokens,
            logprobs,
            finish,
        };
        match answer.fault() {
            Some(what) => Err(what),
            None => Ok(answer),
        }
    }
}
