//! The first questions to an endpoint: which settings it takes, and who it says it is. Both are part of its identity.

use hydrometer_answers::{ModelIdentity, PROVIDERS_DRAWS};
use serde_json::Value;

use super::address::{Address, Fingerprint};
use super::asking::{Call, Failed, Line};
use super::dialect::{LimitName, Question, Reply, Settings};
use super::gate::Gate;
use crate::error::shown;
use crate::{ModelError, Turn};

/// Says what is hashed, so that no other hash of the same bytes is equal.
const CONTEXT: &str = "hydrometer endpoint 1";
/// What an endpoint says it is instead of a format of files.
pub(super) const FORMAT: &str = "endpoint";
/// What is asked when a connection is opened.
pub(super) const FIRST_QUESTION: &str = "Answer with one word: are you there?";
/// Enough for a model that thinks first.
pub(super) const FIRST_ANSWER: u32 = 256;
/// Names of settings by which a refusal shows what it is about.
const NAMED: [&str; 6] = ["temperature", "top_p", "topP", "top_k", "min_p", "_penalty"];

/// What the first questions found.
pub(super) struct Introduced {
    pub(super) manner: Manner,
    pub(super) first: Reply,
    /// The name under which the server lists its one model, where its answers repeat what they were asked for.
    listed: Option<String>,
}

/// What the server takes.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    /// Settings of answers that are drawn.
    pub(super) drawn: Settings,
    /// Settings of answers that are to be the most probable; `None` where the server has no such answers.
    pub(super) greedy: Option<Settings>,
    pub(super) limit: LimitName,
}

impl Manner {
    /// A question whose answer is drawn.
    pub(super) fn question<'q>(self, line: &'q Line, turns: &'q [Turn], max_tokens: u32) -> Question<'q> {
        Question {
            model: line.address.model.as_deref(),
            turns,
            tools: &[],
            max_tokens,
            stop: &[],
            temperature: 1.0,
            top_p: 1.0,
            settings: self.drawn,
            limit: self.limit,
        }
    }
}

/// The first questions: which settings the server takes, and what it calls itself.
pub(super) fn introduce(line: &Line) -> Result<Introduced, ModelError> {
    first_questions(line).map_err(|failed| {
        failed.of(&line.address).unwrap_or_else(|| ModelError::Request { reason: "interrupted".to_owned() })
    })
}

fn first_questions(line: &Line) -> Result<Introduced, Failed> {
    let turns = [Turn::User(FIRST_QUESTION.to_owned())];
    let gate = Gate::new(1);
    let ask = |settings, limit, temperature| {
        let question = Question {
            model: line.address.model.as_deref(),
            turns: &turns,
            tools: &[],
            max_tokens: FIRST_ANSWER,
            stop: &[],
            temperature,
            top_p: 1.0,
            settings,
            limit,
        };
        line.ask(&question, &gate)
    };
    let listed = listed_name(line, &gate)?;
    let (mut drawn, mut limit) = (Settings::All, LimitName::MaxTokens);
    let first = loop {
        match ask(drawn, limit, 1.0) {
            Ok(reply) => break reply,
            Err(Failed::Refused { status: Some(400 | 422), reason })
                if reason.contains("max_completion_tokens") && limit == LimitName::MaxTokens =>
            {
                limit = LimitName::MaxCompletionTokens;
            }
            Err(Failed::Refused { status: Some(400 | 422), reason }) if is_about_sampling(&reason) => {
                drawn = fewer(drawn).ok_or(Failed::Refused { status: Some(400), reason })?;
            }
            Err(failed) => return Err(failed),
        }
    };
    let greedy = match (drawn, ask(drawn, limit, 0.0)) {
        (Settings::None, _) => None,
        (settings, Ok(_)) => Some(settings),
        (_, Err(Failed::Refused { status: Some(400 | 422), reason })) if is_about_sampling(&reason) => None,
        (_, Err(failed)) => return Err(failed),
    };
    Ok(Introduced { manner: Manner { drawn, greedy, limit }, first, listed })
}

/// What SGLang calls its model where nobody named one: its answers say `default` then. `None` elsewhere.
fn listed_name(line: &Line, gate: &Gate) -> Result<Option<String>, Failed> {
    if line.address.scheme.name != "sglang" || line.address.model.is_some() {
        return Ok(None);
    }
    let url = line.address.below("/models");
    let ids = |answer: &Value| -> Result<Vec<String>, String> {
        let models = answer["data"].as_array();
        let ids = models.and_then(|models| models.iter().map(|model| Some(model["id"].as_str()?.to_owned())).collect());
        ids.ok_or_else(|| format!("expected a list of models with their ids, found {}", shown(&answer.to_string())))
    };
    let mut found = line.unpaid(&Call { url: &url, body: None }, gate, &ids)?;
    match found.len() {
        1 => Ok(found.pop()),
        n => {
            let which = if n == 0 { "none".to_owned() } else { format!("{n}: {}", found.join(", ")) };
            let reason = format!("expected one model where none is named, found {which}; name one as sglang:URL#MODEL");
            Err(Failed::Refused { status: None, reason })
        }
    }
}

fn is_about_sampling(reason: &str) -> bool {
    NAMED.iter().any(|name| reason.contains(name))
}

fn fewer(settings: Settings) -> Option<Settings> {
    match settings {
        Settings::All => Some(Settings::Temperature),
        Settings::Temperature => Some(Settings::None),
        Settings::None => None,
    }
}

/// A server with one model may call it by its file: the folder says nothing to others.
pub(super) fn file_name(name: &str) -> &str {
    if name.starts_with(['/', '.']) { name.rsplit('/').next().unwrap_or(name) } else { name }
}

/// Who answers: what is known of it, and why the rest is not.
pub(super) fn identity(address: &Address, Introduced { manner, first, listed }: &Introduced) -> ModelIdentity {
    let scheme = address.scheme;
    let sent = match manner.drawn {
        Settings::All => "temperature, top_p",
        Settings::Temperature => "temperature",
        Settings::None => "none",
    };
    let greedy = if manner.greedy.is_some() { "greedy" } else { "drawn" };
    let fingerprint = match scheme.fingerprint {
        Fingerprint::Build => first.fingerprint.as_deref(),
        Fingerprint::Machine => None,
    };
    let asked = address.model.as_deref().unwrap_or_default();
    let returned = listed.as_deref().or(first.model.as_deref()).unwrap_or_default();
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    let host = address.host_hash();
    for field in [scheme.name, &host, asked, returned, fingerprint.unwrap_or_default(), sent, greedy] {
        hasher.update(&(field.len() as u64).to_le_bytes()).update(field.as_bytes());
    }
    let name = [returned, asked].into_iter().find(|name| !name.is_empty()).unwrap_or(scheme.name);
    let name = file_name(name);
    let mut unknown = vec!["an endpoint shows no weights".to_owned()];
    unknown.extend(fingerprint.map(|fingerprint| format!("build {fingerprint}")));
    unknown.push(match manner.drawn {
        Settings::All => "it is told temperature and top_p".to_owned(),
        Settings::Temperature => "it is told the temperature and takes no top_p beside it".to_owned(),
        Settings::None => PROVIDERS_DRAWS.to_owned(),
    });
    if manner.greedy.is_none() {
        unknown.push("it has no greedy answers: where one is wanted, one is drawn".to_owned());
    }
    let engine = format!("endpoint {}", scheme.name);
    ModelIdentity::unseen(name, address.for_records(), FORMAT, hasher.finalize(), &engine, unknown.join("; "))
}
