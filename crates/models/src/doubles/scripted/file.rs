//! The file of a scripted model, with errors that name the line.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use crate::error::shown;
use crate::{ChatTemplate, ModelError, Specials, Tokenizer};

/// Most tokens of a scripted vocabulary.
const LARGEST: usize = 1 << 16;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: Option<String>,
    vocabulary: Spanned<Vocabulary>,
    bos: Option<Spanned<String>>,
    eos: Option<Spanned<String>>,
    context_length: Option<Spanned<u32>>,
    template: Option<Spanned<String>>,
    default: Spanned<Distribution>,
    #[serde(default)]
    rule: Vec<Spanned<Rule>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Vocabulary {
    Named(String),
    Pieces(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Distribution {
    probabilities: Option<BTreeMap<String, f64>>,
    logits: Option<BTreeMap<String, f64>>,
    otherwise: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    after: String,
    probabilities: Option<BTreeMap<String, f64>>,
    logits: Option<BTreeMap<String, f64>>,
    otherwise: Option<f64>,
}

/// What the file says.
pub(super) struct Script {
    pub name: Option<String>,
    pub tokenizer: Tokenizer,
    pub template: Option<ChatTemplate>,
    pub context_length: u32,
    pub default: Vec<f32>,
    pub after: HashMap<Vec<u8>, Vec<f32>>,
}

/// Where in the file something stands.
#[derive(Clone, Copy)]
struct Place<'a> {
    path: &'a Path,
    text: &'a str,
    byte: usize,
}

impl Place<'_> {
    fn wrong(&self, expected: impl Into<String>, found: impl Into<String>) -> ModelError {
        let line = 1 + self.text.bytes().take(self.byte).filter(|byte| *byte == b'\n').count();
        ModelError::malformed(self.path, format!("line {line}"), expected, found)
    }
}

/// Reads the text of a file.
pub(super) fn read(path: &Path, text: &str) -> Result<Script, ModelError> {
    let at = |byte: usize| Place { path, text, byte };
    let file: File = toml::from_str(text).map_err(|error| {
        at(error.span().map_or(0, |span| span.start)).wrong("a scripted model", error.message().trim().to_owned())
    })?;
    let (tokenizer, ids) = tokenizer(&file, at)?;
    let template = file.template.as_ref().map(|source| {
        let special = |piece: &Option<Spanned<String>>| piece.as_ref().map(|piece| piece.get_ref().clone());
        ChatTemplate::new(source.get_ref(), special(&file.bos), special(&file.eos))
            .map_err(|error| at(source.span().start).wrong("a chat template", error.to_string()))
    });
    let context_length = match &file.context_length {
        None => 4096,
        Some(length) if *length.get_ref() > 0 => *length.get_ref(),
        Some(length) => return Err(at(length.span().start).wrong("a context of at least 1 token", "0")),
    };
    let default = file.default.get_ref();
    let default = row(default, &ids, tokenizer.len(), at(file.default.span().start))?;
    let mut after = HashMap::new();
    for rule in file.rule {
        let place = at(rule.span().start);
        let Rule { after: suffix, probabilities, logits, otherwise } = rule.into_inner();
        if suffix.is_empty() {
            return Err(place.wrong("text in `after` (for any text there is [default])", "an empty text"));
        }
        let row = row(&Distribution { probabilities, logits, otherwise }, &ids, tokenizer.len(), place)?;
        if after.insert(suffix.as_bytes().to_vec(), row).is_some() {
            return Err(place.wrong("one rule per `after`", format!("a second rule after {}", shown(&suffix))));
        }
    }
    Ok(Script { name: file.name, tokenizer, template: template.transpose()?, context_length, default, after })
}

/// The tokenizer, and the id of every piece that a distribution may name.
fn tokenizer<'a>(
    file: &File,
    at: impl Fn(usize) -> Place<'a>,
) -> Result<(Tokenizer, HashMap<String, usize>), ModelError> {
    let place = at(file.vocabulary.span().start);
    let pieces = match file.vocabulary.get_ref() {
        Vocabulary::Pieces(pieces) => pieces,
        Vocabulary::Named(name) if name == "bytes" => {
            if let Some(special) = file.bos.as_ref().or(file.eos.as_ref()) {
                let found = shown(special.get_ref());
                return Err(at(special.span().start).wrong("no special token in a vocabulary of bytes", found));
            }
            let ids = (0..128u8).map(|byte| (char::from(byte).to_string(), usize::from(byte))).collect();
            return Ok((Tokenizer::bytes()?, ids));
        }
        Vocabulary::Named(name) => return Err(place.wrong("a list of pieces or \"bytes\"", shown(name))),
    };
    if pieces.len() > LARGEST || pieces.is_empty() {
        return Err(place.wrong(format!("1 to {LARGEST} pieces"), pieces.len().to_string()));
    }
    let mut ids = HashMap::new();
    for (id, piece) in pieces.iter().enumerate() {
        if piece.is_empty() || ids.insert(piece.clone(), id).is_some() {
            let found = format!("piece {id} is {}", shown(piece));
            return Err(place.wrong("pieces that are not empty and differ from one another", found));
        }
    }
    let special = |piece: &Option<Spanned<String>>| match piece {
        None => Ok(None),
        Some(piece) => match ids.get(piece.get_ref()) {
            Some(id) => Ok(Some(*id as u32)),
            None => Err(at(piece.span().start).wrong("a piece of the vocabulary", shown(piece.get_ref()))),
        },
    };
    let specials = Specials { bos: special(&file.bos)?, eos: special(&file.eos)? };
    let texts: Vec<&str> = pieces.iter().map(String::as_str).collect();
    Ok((Tokenizer::from_pieces(&texts, specials)?, ids))
}

/// The logits of one distribution.
fn row(given: &Distribution, ids: &HashMap<String, usize>, vocab: usize, place: Place) -> Result<Vec<f32>, ModelError> {
    let mut values = vec![None; vocab];
    let one = "either `probabilities` or `logits`";
    let (named, probabilities) = match (&given.probabilities, &given.logits) {
        (Some(named), None) => (named, true),
        (None, Some(named)) => (named, false),
        (Some(_), Some(_)) => return Err(place.wrong(one, "both")),
        (None, None) => return Err(place.wrong(one, "neither")),
    };
    for (piece, value) in named {
        let Some(id) = ids.get(piece) else { return Err(place.wrong("a piece of the vocabulary", shown(piece))) };
        let fits = if probabilities { (0.0..=1.0).contains(value) } else { *value < f64::INFINITY };
        if !fits {
            let expected = if probabilities { "a probability" } else { "a number or -inf" };
            return Err(place.wrong(expected, format!("{} = {value}", shown(piece))));
        }
        values[*id] = Some(*value);
    }
    if probabilities {
        if let Some(value) = given.otherwise {
            return Err(place.wrong("no `otherwise` beside `probabilities`", value.to_string()));
        }
        return shares(&values, place);
    }
    let otherwise = given.otherwise.unwrap_or(f64::NEG_INFINITY);
    let logits: Vec<f32> = values.iter().map(|value| value.unwrap_or(otherwise) as f32).collect();
    if logits.iter().any(|logit| logit.is_nan() || *logit == f32::INFINITY) {
        return Err(place.wrong("logits that f32 can hold", "NaN or +inf"));
    }
    if logits.iter().all(|logit| *logit == f32::NEG_INFINITY) {
        return Err(place.wrong("at least one finite logit", "none"));
    }
    Ok(logits)
}

/// ln p: what the named pieces leave is shared evenly by the others.
fn shares(values: &[Option<f64>], place: Place) -> Result<Vec<f32>, ModelError> {
    const ROUNDING: f64 = 1e-9;
    let sum: f64 = values.iter().flatten().sum();
    let others = values.iter().filter(|value| value.is_none()).count();
    let complete = (sum - 1.0).abs() <= ROUNDING;
    if !complete && (sum > 1.0 || others == 0) {
        return Err(place.wrong("probabilities that sum to 1", sum.to_string()));
    }
    let share = if complete { 0.0 } else { (1.0 - sum) / others as f64 };
    Ok(values.iter().map(|value| value.unwrap_or(share).ln() as f32).collect())
}
