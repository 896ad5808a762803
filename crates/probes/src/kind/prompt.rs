//! Prompts: messages that a model answers in its own words.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Description, Kind, check_visible};
use crate::error::{Fault, FaultKind};
use crate::fields::{Field, Type, reads};
use crate::{Check, Checker, Normal};

pub(super) const NAME: &str = "prompt";
pub(super) const FIELDS: &[Field] = &[
    ("prompt", true, Type::Text),
    ("system", false, Type::Text),
    ("turns", false, Type::Of("an array of `role` and `text`", reads::<Vec<Turn>>)),
    ("answer", false, Type::Of("an array of normalising steps", reads::<Vec<Normal>>)),
    ("check", false, Type::Of("a checker", reads::<Checker>)),
    ("max_tokens", false, Type::Index),
    ("stop", false, Type::Texts),
    ("decoding", false, Type::Word(&["sampled", "greedy"])),
];

/// A message that a model answers in its own words, once or several times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prompt {
    /// The message, put to the model as it stands.
    pub prompt: String,
    /// System message in front of the conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// Earlier turns of the conversation, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub turns: Vec<Turn>,
    /// Steps that make answers comparable, applied in order.
    #[serde(default = "default_answer", skip_serializing_if = "is_default_answer")]
    pub answer: Vec<Normal>,
    /// What makes an answer right, where that can be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Checker>,
    /// Longest answer in tokens; the run's own limit where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_tokens: Option<u32>,
    /// Texts that end an answer; they are not part of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    /// How answers to it are made.
    #[serde(default, skip_serializing_if = "Decoding::is_sampled")]
    pub decoding: Decoding,
}

/// How answers to a prompt, or within an episode, are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decoding {
    /// Drawn by the settings of the run, as many as it wants: for how answers vary.
    #[default]
    Sampled,
    /// One of each model, always of the most probable token: for what a model can do, without the noise of draws. Numbers about
    /// how answers vary leave it out.
    Greedy,
}

impl Decoding {
    // serde hands `skip_serializing_if` a reference.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    pub(super) fn is_sampled(&self) -> bool {
        *self == Decoding::Sampled
    }
}

/// One earlier message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// Who says it.
    pub role: Role,
    /// What is said.
    pub text: String,
}

/// Who says a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The person.
    User,
    /// The model.
    Assistant,
}

fn default_answer() -> Vec<Normal> {
    vec![Normal::Whitespace]
}

fn is_default_answer(steps: &[Normal]) -> bool {
    steps == [Normal::Whitespace]
}

impl Prompt {
    /// A message alone: no system message, no earlier turns, no check, answers compared but for white space.
    #[must_use]
    pub fn new(prompt: impl Into<String>) -> Self {
        Self {
            prompt: prompt.into(),
            system: None,
            turns: Vec::new(),
            answer: default_answer(),
            check: None,
            max_tokens: None,
            stop: Vec::new(),
            decoding: Decoding::Sampled,
        }
    }

    /// Whether the whole text of an answer counts: no checker and no normal form says what of it matters.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.check.is_none() && self.answer.iter().all(|step| matches!(step, Normal::Whitespace | Normal::Case))
    }

    /// What judges an answer; `None` where nothing does.
    ///
    /// # Errors
    /// As [`Check::new`]; never for a suite that was validated.
    pub fn checker(&self) -> Result<Option<Check>, Fault> {
        self.check.as_ref().map(|checker| Check::new(&self.answer, checker)).transpose()
    }
}

impl Kind for Prompt {
    fn name(&self) -> &'static str {
        NAME
    }

    fn question(&self) -> &str {
        &self.prompt
    }

    fn asked_bytes(&self) -> usize {
        let turns: usize = self.turns.iter().map(|turn| turn.text.len()).sum();
        self.system.as_ref().map_or(0, String::len) + turns + self.prompt.len()
    }

    fn texts(&self) -> Vec<&str> {
        let turns = self.turns.iter().map(|turn| turn.text.as_str());
        [self.system.as_deref().unwrap_or("")].into_iter().chain(turns).chain([self.prompt.as_str()]).collect()
    }

    fn has_truth(&self) -> Option<bool> {
        Some(self.check.is_some())
    }

    fn described(&self) -> Description {
        let check = self.check.as_ref().and_then(|check| serde_json::to_string_pretty(check).ok());
        let system = self.system.iter().map(|system| ("system".to_owned(), system.clone()));
        let turns = self.turns.iter().map(|Turn { role, text }| (format!("{}, earlier", role.name()), text.clone()));
        let prompt = ("prompt, answered freely".to_owned(), self.prompt.clone());
        Description {
            facts: check.map(|check| ("check", check)).into_iter().collect(),
            texts: system.chain(turns).chain([prompt]).collect(),
        }
    }

    fn check(&self) -> Result<(), Fault> {
        check_visible("prompt", &self.prompt)?;
        self.system.iter().try_for_each(|text| check_visible("system", text))?;
        self.turns.iter().try_for_each(|turn| check_visible("turns", &turn.text))?;
        check_sampling(&self.answer, self.max_tokens, &self.stop)?;
        self.checker().map(drop)
    }
}

impl Role {
    /// `user` or `assistant`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Role::User => "user",
            Role::Assistant => "assistant",
        }
    }
}

fn check_sampling(answer: &[Normal], max_tokens: Option<u32>, stop: &[String]) -> Result<(), Fault> {
    let fault = |expected, found, next| Err(Fault::new(FaultKind::BadCheck, expected, found, next));
    if answer.contains(&Normal::After(String::new())) {
        return fault("a marker in `after`", "an empty string", "name the text behind which the answer stands");
    }
    if max_tokens == Some(0) {
        return fault("a `max_tokens` of 1 or more", "0", "leave it out to use the limit of the run");
    }
    if stop.iter().any(String::is_empty) {
        return fault("texts in `stop`", "an empty string", "remove it; every answer would be empty");
    }
    Ok(())
}
