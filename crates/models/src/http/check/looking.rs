//! What checks ask an endpoint: a conversation with or without log-probabilities, and what servers tell of themselves.

use serde_json::{Value, json};

use super::CHECK_MARK;
use crate::http::Network;
use crate::http::address::Address;
use crate::http::asking::{Call, Failed, Line};
use crate::http::dialect::{LimitName, Question, Reply, Settings};
use crate::http::gate::Gate;
use crate::http::logprobs::{self, ShownToken};
use crate::http::paying::Counted;
use crate::http::prices::Kind;
use crate::{ListedToken, Message, Model, ModelError, Prompt, Turn};

/// Tokens of the answer that is looked at.
const LONGEST: u32 = 32;
/// Most probable tokens that are asked for.
const TOP: u32 = 5;

/// An endpoint that is looked at.
pub(super) struct Looking<'a> {
    line: Line,
    gate: Gate,
    /// With whose tokenizer and template it is compared.
    pub against: Option<&'a dyn Model>,
    /// The other model of an audit.
    pub other: Option<&'a dyn Model>,
    /// An answer of some length, drawn at temperature 1.
    pub first: Seen,
}

/// An answer, and what else it shows.
pub(super) struct Seen {
    pub reply: Reply,
    /// `None` where none are shown, with the server's reason where it gave one.
    pub tokens: Result<Vec<ShownToken>, String>,
    /// The same by what tokens are spelled with.
    pub spelled: Result<Vec<ListedToken>, String>,
    /// Whether the server said how many tokens the prompt has.
    pub counted: bool,
    /// In which settings it was asked for.
    manner: Manner,
}

/// A conversation as the server turns it into tokens.
pub(super) struct Rendered {
    /// Its text, where the server shows it.
    pub text: Option<String>,
    pub ids: Vec<u32>,
}

impl<'a> Looking<'a> {
    pub(super) fn open(
        address: Address,
        network: &Network,
        against: Option<&'a dyn Model>,
    ) -> Result<Self, ModelError> {
        let line = Line::open(address, network, Kind::Answers)?;
        let asker = Asker { line: &line, gate: &Gate::new(1) };
        let first = asker.see(&Self::conversation(), LONGEST, 1.0).map_err(|failed| error(&line, failed))?;
        Ok(Self { line, gate: Gate::new(1), against, other: None, first })
    }

    /// What the first answer was asked by, and what is rendered.
    pub(super) fn conversation() -> Vec<Message> {
        let system = Message { role: "system".into(), content: "You are a careful narrator.".into() };
        vec![
            system,
            Message::user(format!("{CHECK_MARK} Tell the story of a fox – naïve, 東京, emoji 🙂 – in your own words.")),
        ]
    }

    /// The name of the scheme.
    pub(super) fn scheme(&self) -> &'static str {
        self.line.address.scheme.name
    }

    pub(super) fn error(&self, failed: Failed) -> ModelError {
        error(&self.line, failed)
    }

    /// An answer of at most so many tokens.
    pub(super) fn see(&self, messages: &[Message], most: u32, temperature: f64) -> Result<Seen, Failed> {
        Asker { line: &self.line, gate: &self.gate }.see(messages, most, temperature)
    }

    /// One token of an answer, in the settings in which the first was given: whoever refuses does so for the conversation.
    pub(super) fn ask(&self, messages: &[Message]) -> Result<Reply, Failed> {
        let turns: Vec<Turn> = messages.iter().map(Turn::of).collect();
        self.line.ask(&self.first.manner.question(&self.line, &turns, 1, 1.0), &self.gate)
    }

    /// Something of the server itself; `None` where it has nothing of the kind.
    pub(super) fn beside(&self, path: &str, body: Option<&Value>) -> Result<Option<Value>, Failed> {
        let url = self.line.address.beside(path);
        let call = Call { url: &url, body };
        match self.line.unpaid(&call, &self.gate, &|answer| Ok(answer.clone())) {
            Ok(answer) => Ok(Some(answer)),
            Err(Failed::Refused { status: Some(404 | 405 | 501), .. }) => Ok(None),
            Err(failed) => Err(failed),
        }
    }

    /// Its own name for the model, where the server wants one.
    fn named(&self, mut body: Value) -> Value {
        if let Some(model) = &self.line.address.model {
            body["model"] = model.as_str().into();
        }
        body
    }

    /// The ids of an ordinary text, nothing in front; `None` where the server does not show them.
    pub(super) fn tokenize(&self, text: &str) -> Result<Option<Vec<u32>>, Failed> {
        let body = match self.scheme() {
            "llama-server" => json!({"content": text, "add_special": false, "parse_special": false}),
            "vllm" | "sglang" => self.named(json!({"prompt": text, "add_special_tokens": false})),
            _ => return Ok(None),
        };
        Ok(self.beside("/tokenize", Some(&body))?.and_then(|answer| ids(&answer)))
    }

    /// The conversation of the first answer as the server reads it; `None` where the server does not show it.
    pub(super) fn rendered(&self) -> Result<Option<Rendered>, Failed> {
        let said = |message: &Message| json!({"role": message.role, "content": message.content});
        let messages: Vec<Value> = Self::conversation().iter().map(said).collect();
        match self.scheme() {
            "llama-server" => {
                let Some(answer) = self.beside("/apply-template", Some(&json!({ "messages": messages })))? else {
                    return Ok(None);
                };
                let Some(text) = answer["prompt"].as_str() else { return Ok(None) };
                // As the server itself does it before it answers.
                let body = json!({"content": text, "add_special": true, "parse_special": true});
                let found = self.beside("/tokenize", Some(&body))?.and_then(|answer| ids(&answer));
                Ok(found.map(|ids| Rendered { text: Some(text.to_owned()), ids }))
            }
            "vllm" => {
                let body = self.named(json!({"messages": messages, "add_generation_prompt": true}));
                let found = self.beside("/tokenize", Some(&body))?.and_then(|answer| ids(&answer));
                Ok(found.map(|ids| Rendered { text: None, ids }))
            }
            _ => Ok(None),
        }
    }

    /// The text of tokens; `None` where the server does not show it.
    pub(super) fn detokenize(&self, ids: &[u32]) -> Result<Option<String>, Failed> {
        if self.scheme() != "vllm" {
            return Ok(None);
        }
        let answer = self.beside("/detokenize", Some(&self.named(json!({ "tokens": ids }))))?;
        Ok(answer.and_then(|answer| answer["prompt"].as_str().map(str::to_owned)))
    }

    /// Tokens that the server holds at once; `None` where it does not say.
    pub(super) fn context(&self) -> Result<Option<u64>, Failed> {
        let named = |model: &Value, field: &str| {
            let name = model[field].as_str();
            self.line.address.model.as_deref().is_none_or(|asked| name == Some(asked))
        };
        Ok(match self.scheme() {
            "llama-server" => {
                self.beside("/props", None)?.and_then(|props| props["default_generation_settings"]["n_ctx"].as_u64())
            }
            "vllm" | "sglang" => self.beside("/v1/models", None)?.and_then(|answer| {
                let models = answer["data"].as_array()?;
                models.iter().find(|model| named(model, "id"))?["max_model_len"].as_u64()
            }),
            "ollama" => self.beside("/api/ps", None)?.and_then(|answer| {
                let models = answer["models"].as_array()?;
                models.iter().find(|model| named(model, "name"))?["context_length"].as_u64()
            }),
            _ => None,
        })
    }

    /// The conversation of the first answer as the model reads it with which the server is compared.
    pub(super) fn local(&self) -> Option<Result<Vec<u32>, ModelError>> {
        match self.against?.answers()?.prompt(&Self::conversation()) {
            Ok(Prompt::Tokens(ids)) => Some(Ok(ids)),
            Ok(Prompt::Messages(_) | Prompt::WithTools(_)) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

fn error(line: &Line, failed: Failed) -> ModelError {
    failed.of(&line.address).unwrap_or_else(|| ModelError::Request { reason: "interrupted".to_owned() })
}

/// The tokens of an answer, where it shows any.
fn some<T>(tokens: Result<Option<Vec<T>>, String>) -> Result<Vec<T>, String> {
    tokens?.filter(|tokens| !tokens.is_empty()).ok_or_else(|| "the answer shows no log-probabilities".to_owned())
}

/// Ids, each a number or an object with one.
fn ids(answer: &Value) -> Option<Vec<u32>> {
    let id = |token: &Value| u32::try_from(token.as_u64().or_else(|| token["id"].as_u64())?).ok();
    answer["tokens"].as_array()?.iter().map(id).collect()
}

/// In which settings a server is asked.
#[derive(Clone, Copy)]
struct Manner(Settings, LimitName);

/// Those that are tried, one after the other.
const MANNERS: [Manner; 4] = [
    Manner(Settings::All, LimitName::MaxTokens),
    Manner(Settings::All, LimitName::MaxCompletionTokens),
    Manner(Settings::None, LimitName::MaxTokens),
    Manner(Settings::None, LimitName::MaxCompletionTokens),
];

impl Manner {
    fn question<'q>(self, line: &'q Line, turns: &'q [Turn], max_tokens: u32, temperature: f64) -> Question<'q> {
        let (model, Manner(settings, limit)) = (line.address.model.as_deref(), self);
        Question { model, turns, tools: &[], max_tokens, stop: &[], temperature, top_p: 1.0, settings, limit }
    }
}

/// One who asks before there is something to look at.
struct Asker<'a> {
    line: &'a Line,
    gate: &'a Gate,
}

impl Asker<'_> {
    /// With log-probabilities where the server shows them; with fewer settings where it takes no more.
    fn see(&self, messages: &[Message], most: u32, temperature: f64) -> Result<Seen, Failed> {
        let tops = [Some(TOP), None].into_iter().filter(|top| top.is_none() || self.line.address.may_list_tokens());
        let mut refused = None;
        let turns: Vec<Turn> = messages.iter().map(Turn::of).collect();
        for (top, manner) in tops.flat_map(|top| MANNERS.map(|manner| (top, manner))) {
            match self.once(&manner.question(self.line, &turns, most, temperature), top) {
                Ok(mut seen) => {
                    if top.is_none() {
                        let why = refused.unwrap_or_else(|| "the provider shows no log-probabilities".to_owned());
                        seen.tokens = Err(why.clone());
                        seen.spelled = Err(why);
                    }
                    return Ok(seen);
                }
                Err(Failed::Refused { reason, status: Some(400 | 403 | 422) }) => refused = refused.or(Some(reason)),
                Err(failed) => return Err(failed),
            }
        }
        Err(Failed::Refused { status: Some(400), reason: refused.unwrap_or_default() })
    }

    fn once(&self, question: &Question<'_>, top: Option<u32>) -> Result<Seen, Failed> {
        let dialect = self.line.address.scheme.dialect;
        let mut body = dialect.body(question);
        if let Some(count) = top {
            dialect.want_lists(&mut body, count);
        }
        let call = Call { url: &self.line.address.url(), body: Some(&body) };
        let ask = || {
            self.line.unpaid(&call, self.gate, &|answer| {
                let tokens = some(self.line.shown(answer, logprobs::read));
                let spelled = some(self.line.shown(answer, logprobs::spelled));
                let reply = dialect.read(answer)?;
                Ok(Seen {
                    counted: reply.read > 0,
                    reply,
                    tokens,
                    spelled,
                    manner: Manner(question.settings, question.limit),
                })
            })
        };
        self.line.paid(self.line.most(question), self.gate, ask, |seen| Counted::of_reply(&seen.reply))
    }
}
