//! Vectors of texts from an endpoint: `/embeddings` as OpenAI has it and most servers speak it, and Ollama's `/api/embed`.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hydrometer_answers::{KeptVectors, RunError, TextHash};
use serde_json::{Value, json};

use super::address::Address;
use super::asking::{Call, Failed, Line};
use super::gate::Gate;
use super::paying::Counted;
use super::prices::Kind;
use super::purse::AROUND;
use super::{Network, base64};
use crate::ModelError;
use crate::error::shown;

/// Texts of one question: what servers take that have a limit at all.
const TOGETHER: usize = 32;
/// Questions under way at once.
const AT_ONCE: usize = 4;
/// Vectors that are remembered where none are kept, so that a text that comes again is not paid for again.
const REMEMBERED: usize = 8_192;
/// What is turned into a vector to find out who answers: when a connection is opened, or, where its vector is kept, beside the first
/// texts that are asked for.
const FIRST_TEXT: &str = "Are you there?";
/// Cosine of two vectors of that text from which on one model made both: reduced precision leaves it above 0.999.
const SAME: f64 = 0.99;

/// A sentence encoder behind an endpoint.
pub struct EmbeddingEndpoint {
    line: Line,
    gate: Gate,
    name: String,
    width: usize,
    known: Mutex<Remembered>,
}

/// Vectors that need not be asked for.
struct Remembered {
    here: HashMap<TextHash, Vec<f32>>,
    kept: Option<KeptVectors>,
    /// Whether who answers now is who answered first.
    is_the_same: bool,
}

impl Remembered {
    fn get(&self, text: &TextHash) -> Option<&Vec<f32>> {
        self.here.get(text).or_else(|| self.kept.as_ref()?.get(text))
    }
}

/// What one question came to.
struct Embedded {
    model: Option<String>,
    vectors: Vec<Vec<f32>>,
}

impl EmbeddingEndpoint {
    /// Opens a connection, and finds out who answers and how many numbers its vectors have. That takes one short text, unless vectors of
    /// it stand in the folder `kept`, where all that it is paid for is kept.
    ///
    /// # Errors
    /// The key cannot be read, the provider has no embeddings, the server refuses, or it gives no vector; what is kept is damaged.
    pub fn connect(address: Address, network: &Network, kept: Option<&Path>) -> Result<Self, ModelError> {
        if !address.scheme.has_embeddings() {
            let reason = "anthropic: expected an endpoint with embeddings, and Anthropic offers none".to_owned();
            return Err(ModelError::Request { reason });
        }
        let asked = address.model.clone().unwrap_or_else(|| address.scheme.name.to_owned());
        let encoder = address.for_records();
        let kept = kept.map(|folder| KeptVectors::open(folder, &encoder)).transpose().map_err(unkept)?;
        let line = Line::open(address, network, Kind::Embeddings)?;
        let known = kept.as_ref().and_then(|kept| Some((kept.name()?.to_owned(), kept.width()?)));
        let remembered = Remembered { here: HashMap::new(), kept, is_the_same: known.is_none() };
        let (gate, name, width) = (Gate::new(AT_ONCE), asked, 0);
        let mut endpoint = Self { line, gate, name, width, known: Mutex::new(remembered) };
        match known {
            Some((name, width)) => (endpoint.name, endpoint.width) = (name, width),
            None => {
                let first = endpoint.ask(&[FIRST_TEXT])?;
                endpoint.width = first.vectors.first().map_or(0, Vec::len);
                endpoint.name =
                    first.model.map_or(endpoint.name, |name| super::introducing::file_name(&name).to_owned());
                endpoint.remember(&[FIRST_TEXT], &first.vectors)?;
            }
        }
        Ok(endpoint)
    }

    /// The model's name as the server says it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Who was asked for, and not where: the scheme, a hash of the host, the name, and the numbers in a vector.
    #[must_use]
    pub fn version(&self) -> String {
        format!("{}, {} numbers", self.line.address.for_records(), self.width)
    }

    /// A vector for each text.
    ///
    /// # Errors
    /// The server refuses or gives no answer, or what it sends are not the vectors of these texts.
    pub fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
        let mut vectors: Vec<Option<Vec<f32>>> = {
            let known = self.known();
            texts.iter().map(|text| known.get(&KeptVectors::hash(text)).cloned()).collect()
        };
        let missing: Vec<usize> = (0..texts.len()).filter(|&place| vectors[place].is_none()).collect();
        for places in missing.chunks(TOGETHER) {
            let asked: Vec<&str> = places.iter().map(|&place| texts[place]).collect();
            let found = self.found(&asked)?;
            self.remember(&asked, &found)?;
            for (&place, vector) in places.iter().zip(found) {
                vectors[place] = Some(vector);
            }
        }
        Ok(vectors.into_iter().flatten().collect())
    }

    fn known(&self) -> MutexGuard<'_, Remembered> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The vectors of texts, from the one whose vectors are kept.
    fn found(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
        if self.known().is_the_same {
            return Ok(self.ask(texts)?.vectors);
        }
        let first = [&[FIRST_TEXT], texts].concat();
        let Embedded { model, mut vectors } = self.ask(&first)?;
        let now = vectors.remove(0);
        let mut known = self.known();
        let then = known.get(&KeptVectors::hash(FIRST_TEXT)).cloned();
        let (is_near, name) = (then.as_ref().is_none_or(|then| cosine(then, &now) >= SAME), model.as_deref());
        if is_near && name.is_none_or(|name| super::introducing::file_name(name) == self.name) {
            known.is_the_same = true;
            return Ok(vectors);
        }
        let folder = known.kept.as_ref().map(|kept| kept.folder().display().to_string()).unwrap_or_default();
        let near = then.map(|then| format!(", cosine {:.3}", cosine(&then, &now))).unwrap_or_default();
        let reason = format!(
            "another model is served under the name than the one whose vectors are kept: expected `{}` and its vector of `{FIRST_TEXT}`, \
             found `{}`{near}. Without {folder} all texts are asked anew",
            self.name,
            name.map_or("no name", super::introducing::file_name)
        );
        Err(ModelError::Refused { endpoint: self.line.address.to_string(), reason })
    }

    fn remember(&self, texts: &[&str], vectors: &[Vec<f32>]) -> Result<(), ModelError> {
        let of = |(text, vector): (&&str, &Vec<f32>)| (KeptVectors::hash(text), vector.clone());
        let new: Vec<(TextHash, Vec<f32>)> = texts.iter().zip(vectors).map(of).collect();
        let mut known = self.known();
        match &mut known.kept {
            Some(kept) => kept.keep(&self.name, &new).map_err(unkept),
            None => {
                let room = REMEMBERED.saturating_sub(known.here.len());
                known.here.extend(new.into_iter().take(room));
                Ok(())
            }
        }
    }

    fn ask(&self, texts: &[&str]) -> Result<Embedded, ModelError> {
        let address = &self.line.address;
        let (url, mut body) = match address.scheme.name {
            // What is too long is refused, not cut.
            "ollama" => (address.below("/api/embed"), json!({"input": texts, "truncate": false})),
            _ => (address.below("/embeddings"), json!({"input": texts, "encoding_format": "float"})),
        };
        if let Some(model) = &address.model {
            body["model"] = model.as_str().into();
        }
        let call = Call { url: &url, body: Some(&body) };
        // A tokenizer makes no more tokens of a text than it has bytes.
        let most = texts.iter().map(|text| text.len() as u64 + AROUND).sum();
        let make = |answer: &Value| read(answer, texts.len(), self.width);
        let counted = |answer: &Value| {
            let counted = &answer["usage"]["prompt_tokens"];
            Counted::of(if counted.is_null() { &answer["prompt_eval_count"] } else { counted }, &Value::Null)
        };
        let found = self.line.bought(&call, (most, 0), &self.gate, &make, counted);
        found.map_err(|failed: Failed| {
            failed.of(address).unwrap_or_else(|| ModelError::Request { reason: "interrupted".to_owned() })
        })
    }
}

fn unkept(error: RunError) -> ModelError {
    ModelError::Kept { place: "kept embeddings".to_owned(), reason: error.to_string() }
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
    let lengths = dot(a, a).sqrt() * dot(b, b).sqrt();
    if lengths > 0.0 { dot(a, b) / lengths } else { 0.0 }
}

/// The vectors of `count` texts, of `width` numbers each where that is known (above 0).
fn read(answer: &Value, count: usize, width: usize) -> Result<Embedded, String> {
    let model = answer["model"].as_str().map(str::to_owned);
    let vectors = match (answer["data"].as_array(), answer["embeddings"].as_array()) {
        (Some(items), _) => in_order(items, count)?,
        (None, Some(vectors)) if vectors.len() == count => vectors.iter().map(numbers).collect::<Result<_, _>>()?,
        (None, Some(vectors)) => return Err(format!("expected {count} vectors, found {}", vectors.len())),
        (None, None) => return Err(format!("expected embeddings in `data`, found {}", shown(&answer.to_string()))),
    };
    let width = if width > 0 { width } else { vectors.first().map_or(0, Vec::len) };
    match vectors.iter().find(|vector| vector.len() != width || width == 0) {
        Some(vector) => Err(format!("expected vectors of {width} numbers, found one of {}", vector.len())),
        None => Ok(Embedded { model, vectors }),
    }
}

/// OpenAI's items, each of which says which text it belongs to.
fn in_order(items: &[Value], count: usize) -> Result<Vec<Vec<f32>>, String> {
    if items.len() != count {
        return Err(format!("expected {count} vectors, found {}", items.len()));
    }
    let mut vectors: Vec<Option<Vec<f32>>> = vec![None; count];
    for item in items {
        let index = item["index"].as_u64().and_then(|index| usize::try_from(index).ok());
        let place = index.and_then(|index| vectors.get_mut(index)).filter(|place| place.is_none());
        let place = place.ok_or_else(|| {
            format!("expected an `index` of 0 to {} once each, found {}", count - 1, shown(&item["index"].to_string()))
        })?;
        *place = Some(numbers(&item["embedding"])?);
    }
    Ok(vectors.into_iter().flatten().collect())
}

/// A list of numbers, or the base64 of little-endian 32-bit ones, which some servers send whatever is asked for.
fn numbers(value: &Value) -> Result<Vec<f32>, String> {
    let wrong = || format!("expected a vector of finite numbers, found {}", shown(&value.to_string()));
    let vector: Vec<f32> = match value {
        Value::String(text) => {
            let bytes = base64::decode(text).filter(|bytes| bytes.len().is_multiple_of(4)).ok_or_else(wrong)?;
            bytes.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect()
        }
        Value::Array(list) => {
            list.iter().map(|number| Some(number.as_f64()? as f32)).collect::<Option<_>>().ok_or_else(wrong)?
        }
        _ => return Err(wrong()),
    };
    if vector.iter().all(|number| number.is_finite()) { Ok(vector) } else { Err(wrong()) }
}
