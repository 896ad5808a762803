//! Next-token distributions of an endpoint, as far as it shows them: after token ids, one position for each question, the most
//! probable tokens and one token drawn from all of the distribution. The log-probabilities of a prompt's own tokens, which some
//! servers give for a whole prompt at once, do not say what is beyond the list: a text's next token is no draw.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::{Value, json};

use super::address::Address;
use super::asking::{Call, Failed, Line};
use super::check::NOT_ALLOWED;
use super::gate::Gate;
use super::logprobs::{UNKNOWN, logprob};
use super::paying::Counted;
use super::purse::AROUND;
use crate::error::shown;
use crate::{ModelError, ShownPosition};

/// Most probable tokens that are asked for at first; more where they do not reach the 0.9 nucleus.
const FIRST: u32 = 1_024;
/// How many times more are asked for then.
const MORE: u32 = 8;
/// No vocabulary is larger.
const MOST: u32 = 1 << 20;
/// Mass that the list must reach.
const NUCLEUS: f64 = 0.9;
/// Questions under way at once.
pub(super) const AT_ONCE: usize = 4;
/// A text whose tokens are what is asked after when a connection is looked at.
pub(super) const FIRST_TEXT: &str = "Once upon a time";

/// How positions of an endpoint are asked for.
pub(super) struct Positions {
    way: Way,
    gate: Gate,
    /// Tokens in a list of all, where the server takes no count beyond.
    whole: Option<u32>,
}

/// The servers that take token ids, and say log-probabilities of token ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    LlamaServer,
    Vllm,
    Sglang,
}

impl Positions {
    /// How positions of this endpoint are asked for, tried out.
    ///
    /// # Errors
    /// Why it shows none, in words.
    pub(super) fn of(line: &Line) -> Result<Positions, String> {
        let way = Way::of(&line.address)?;
        let mut positions = Positions { way, gate: Gate::new(AT_ONCE), whole: None };
        let ids = positions.tokenize(line, FIRST_TEXT).map_err(in_words)?;
        let ids = ids.ok_or("it does not show the tokens of a text")?;
        // What a server of another kind answers is looked at once, not asked for again and again.
        let whole = (way == Way::Vllm).then_some(0);
        positions.whole = whole;
        let answer = positions.answer(line, &ids, FIRST, &|answer| Ok(answer.clone())).map_err(in_words);
        let answer = answer.map_err(|reason| match whole {
            None => reason,
            Some(_) => format!("{reason}; vLLM lists as many tokens as are needed with --max-logprobs -1"),
        })?;
        let found = way.read(&answer, u32::MAX)?;
        positions.whole = whole.map(|_| found.listed.len() as u32);
        Ok(positions)
    }

    /// The ids of an ordinary text, nothing in front; `None` where the server does not show them.
    pub(super) fn tokenize(&self, line: &Line, text: &str) -> Result<Option<Vec<u32>>, Failed> {
        self.way.tokenize(line, text, &self.gate)
    }

    /// What follows each of these contexts, in their order.
    pub(super) fn after(&self, line: &Line, contexts: &[&[u32]]) -> Result<Vec<ShownPosition>, ModelError> {
        together(line, contexts.len(), &|place| self.one(line, contexts[place], None))
    }

    /// What follows each of these contexts, in their order, listed at least as far as this token goes.
    pub(super) fn listed(&self, line: &Line, contexts: &[(&[u32], u32)]) -> Result<Vec<ShownPosition>, ModelError> {
        together(line, contexts.len(), &|place| {
            let (context, next) = contexts[place];
            self.one(line, context, Some(next))
        })
    }

    /// What follows each of these contexts, every token of a vocabulary of so many listed, in their order.
    pub(super) fn in_full(
        &self,
        line: &Line,
        contexts: &[&[u32]],
        width: u32,
    ) -> Result<Vec<ShownPosition>, ModelError> {
        // SGLang refuses a count beyond its vocabulary, and llama-server takes any.
        let count = if self.way == Way::Sglang { width } else { MOST };
        together(line, contexts.len(), &|place| {
            self.answer(line, contexts[place], count, &|answer| self.way.read(answer, u32::MAX))
        })
    }

    /// One position, with as many tokens as reach the nucleus, and this token where one is named.
    fn one(&self, line: &Line, context: &[u32], wanted: Option<u32>) -> Result<ShownPosition, Failed> {
        let mut count = FIRST;
        loop {
            let found = self.answer(line, context, count, &|answer| self.way.read(answer, count))?;
            let mass: f64 = found.listed.iter().map(|(_, logprob)| f64::from(*logprob).exp()).sum();
            let has = |token: u32| found.listed.iter().any(|(listed, _)| *listed == token);
            let reaches = mass >= NUCLEUS && wanted.is_none_or(has);
            if reaches || found.listed.len() < count as usize || count >= MOST {
                return Ok(found);
            }
            count = count.saturating_mul(MORE);
        }
    }

    fn answer<T>(
        &self,
        line: &Line,
        context: &[u32],
        count: u32,
        read: &super::asking::Read<'_, T>,
    ) -> Result<T, Failed> {
        let count = Some(count).filter(|count| self.whole.is_none_or(|whole| *count < whole));
        let (path, body) = self.way.question(line.address.model.as_deref(), context, count);
        let url = self.way.url(&line.address, path);
        let (call, most) = (Call { url: &url, body: Some(&body) }, (context.len() as u64 + AROUND, 1));
        line.bought(&call, most, &self.gate, read, |answer| self.way.counted(answer))
    }
}

/// A failure in words. Without the address: what is said may stand in a record.
pub(super) fn in_words(failed: Failed) -> String {
    match failed {
        Failed::Refused { reason, .. } | Failed::NoAnswer { reason, .. } => reason,
        Failed::Spent { reason } => format!("{NOT_ALLOWED}: {reason}"),
        Failed::Stopped => "interrupted".to_owned(),
    }
}

/// Asks so many questions, some at once; their answers in order.
pub(super) fn together<T: Send>(
    line: &Line,
    questions: usize,
    one: &(dyn Fn(usize) -> Result<T, Failed> + Sync),
) -> Result<Vec<T>, ModelError> {
    let next = AtomicUsize::new(0);
    let found: Mutex<Vec<Option<Result<T, Failed>>>> = Mutex::new((0..questions).map(|_| None).collect());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(questions) {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    if place >= questions {
                        break;
                    }
                    let answer = one(place);
                    let failed = answer.is_err();
                    found.lock().unwrap_or_else(PoisonError::into_inner)[place] = Some(answer);
                    if failed {
                        next.store(questions, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    let interrupted = || ModelError::Request { reason: "interrupted".to_owned() };
    // Whichever failed is the reason, not those that were left for its sake.
    let mut answers = Vec::with_capacity(questions);
    let mut left = false;
    for answer in found {
        match answer {
            Some(Ok(answer)) => answers.push(answer),
            Some(Err(failed)) => return Err(failed.of(&line.address).unwrap_or_else(interrupted)),
            None => left = true,
        }
    }
    if left { Err(interrupted()) } else { Ok(answers) }
}

impl Way {
    /// That of an endpoint.
    ///
    /// # Errors
    /// Servers of its kind take none, in words.
    pub(super) fn of(address: &Address) -> Result<Way, String> {
        let name = address.scheme.name;
        Way::of_scheme(name).ok_or_else(|| format!("{name} takes no token ids"))
    }

    /// That of servers of this scheme.
    pub(super) fn of_scheme(name: &str) -> Option<Way> {
        match name {
            "llama-server" => Some(Way::LlamaServer),
            "vllm" => Some(Way::Vllm),
            "sglang" => Some(Way::Sglang),
            _ => None,
        }
    }

    /// Where it is asked.
    pub(super) fn url(self, address: &Address, path: &str) -> String {
        match self {
            Way::Vllm => address.below(path),
            Way::LlamaServer | Way::Sglang => address.beside(path),
        }
    }

    /// The ids of an ordinary text, nothing in front; `None` where the server does not show them.
    pub(super) fn tokenize(self, line: &Line, text: &str, gate: &Gate) -> Result<Option<Vec<u32>>, Failed> {
        let body = match self {
            Way::LlamaServer => json!({"content": text, "add_special": false, "parse_special": false}),
            Way::Vllm | Way::Sglang => {
                let mut body = json!({"prompt": text, "add_special_tokens": false});
                if let Some(model) = &line.address.model {
                    body["model"] = model.as_str().into();
                }
                body
            }
        };
        let url = line.address.beside("/tokenize");
        let call = Call { url: &url, body: Some(&body) };
        let id = |token: &Value| u32::try_from(token.as_u64().or_else(|| token["id"].as_u64())?).ok();
        match line.unpaid(&call, gate, &|answer| Ok(answer.clone())) {
            Ok(answer) => Ok(answer["tokens"].as_array().and_then(|tokens| tokens.iter().map(id).collect())),
            Err(Failed::Refused { status: Some(404 | 405 | 501), .. }) => Ok(None),
            Err(failed) => Err(failed),
        }
    }

    /// The path and the question for what follows token ids: so many tokens, or all of them where vLLM is asked, which refuses a
    /// count beyond its vocabulary.
    pub(super) fn question(self, model: Option<&str>, context: &[u32], count: Option<u32>) -> (&'static str, Value) {
        let all = || count.map_or(json!(-1), |count| json!(count));
        match self {
            // Its log-probabilities are those before any sampler, from a sum in 32 bits that loses the least probable tokens: all of them
            // are too large by the mass of these, 1e-4. Behind the sampler that changes nothing at temperature 1 the sum is in 64 bits. A
            // prefix that it holds already is not computed again.
            Way::LlamaServer => (
                "/completion",
                json!({
                    "prompt": context, "n_predict": 1, "n_probs": all(), "temperature": 1.0, "samplers": ["temperature"],
                    "cache_prompt": true, "stream": false, "post_sampling_probs": true,
                }),
            ),
            Way::Vllm => (
                "/completions",
                json!({
                    "model": model, "prompt": context, "max_tokens": 1, "logprobs": all(), "temperature": 1.0, "top_p": 1.0,
                    "top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0, "add_special_tokens": false, "stream": false,
                    "return_tokens_as_token_ids": true,
                }),
            ),
            Way::Sglang => (
                "/generate",
                json!({
                    "input_ids": context, "return_logprob": true, "top_logprobs_num": all(), "stream": false,
                    "sampling_params": {
                        "max_new_tokens": 1, "temperature": 1.0, "top_p": 1.0, "top_k": -1, "min_p": 0.0,
                        "repetition_penalty": 1.0,
                    },
                }),
            ),
        }
    }

    /// The tokens that an answer says were read and drawn.
    pub(super) fn counted(self, answer: &Value) -> Counted {
        let (of, read, drawn) = match self {
            Way::LlamaServer => (answer, "tokens_evaluated", "tokens_predicted"),
            Way::Vllm => (&answer["usage"], "prompt_tokens", "completion_tokens"),
            Way::Sglang => (&answer["meta_info"], "prompt_tokens", "completion_tokens"),
        };
        Counted::of(&of[read], &of[drawn])
    }

    /// The position that an answer to a question for `count` tokens shows.
    pub(super) fn read(self, answer: &Value, count: u32) -> Result<ShownPosition, String> {
        let wrong = || format!("expected the log-probabilities of one token, found {}", shown(&answer.to_string()));
        let (drawn, listed) = match self {
            Way::LlamaServer => {
                let tokens = answer["completion_probabilities"].as_array().filter(|tokens| tokens.len() == 1);
                let token = tokens.and_then(|tokens| tokens.first()).ok_or_else(wrong)?;
                let list =
                    ["top_probs", "top_logprobs"].iter().find_map(|name| token[name].as_array()).ok_or_else(wrong)?;
                let pair = |token: &Value| match token["prob"].as_f64() {
                    // Of a probability of 0 nothing is known but that 32 bits do not hold it.
                    Some(prob) => entry(id(&token["id"]), &json!(if prob > 0.0 { prob.ln() } else { UNKNOWN })),
                    None => entry(id(&token["id"]), &token["logprob"]),
                };
                (pair(token), list.iter().map(pair).collect::<Vec<_>>())
            }
            Way::Vllm => {
                let found = &answer["choices"][0]["logprobs"];
                let one =
                    |name: &str| found[name].as_array().filter(|list| list.len() == 1).and_then(|list| list.first());
                let (token, logprob) = one("tokens").zip(one("token_logprobs")).ok_or_else(wrong)?;
                let list = one("top_logprobs").and_then(Value::as_object).ok_or_else(wrong)?;
                let drawn = entry(token.as_str().and_then(named_id), logprob);
                (drawn, list.iter().map(|(name, logprob)| entry(named_id(name), logprob)).collect())
            }
            Way::Sglang => {
                let found = &answer["meta_info"];
                let one =
                    |name: &str| found[name].as_array().filter(|list| list.len() == 1).and_then(|list| list.first());
                let list = one("output_top_logprobs").and_then(Value::as_array).ok_or_else(wrong)?;
                let pair = |triple: &Value| entry(id(&triple[1]), &triple[0]);
                (pair(one("output_token_logprobs").ok_or_else(wrong)?), list.iter().map(pair).collect())
            }
        };
        let drawn = drawn.flatten().ok_or_else(|| {
            format!("expected a drawn token with its log-probability, found none in {}", shown(&answer.to_string()))
        })?;
        let listed: Option<Vec<_>> = listed.into_iter().collect();
        let mut listed: Vec<(u32, f32)> = listed.ok_or_else(wrong)?.into_iter().flatten().collect();
        listed.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        // vLLM adds the drawn token to a list that it is not in: the list of the most probable is without it.
        if self == Way::Vllm && listed.len() > count as usize {
            listed.retain(|(token, _)| *token != drawn.0);
        }
        Ok(ShownPosition { listed, drawn: vec![drawn] })
    }
}

pub(super) fn id(value: &Value) -> Option<u32> {
    u32::try_from(value.as_u64()?).ok()
}

/// `token_id:17`.
fn named_id(name: &str) -> Option<u32> {
    name.strip_prefix("token_id:")?.parse().ok()
}

/// A token with its log-probability: `Some(None)` where a place-holder stands for it, `None` for what is neither.
pub(super) fn entry(id: Option<u32>, value: &Value) -> Option<Option<(u32, f32)>> {
    let logprob = logprob(value)?;
    let id = id?;
    Some(logprob.map(|logprob| (id, logprob as f32)))
}
