//! Gemini's `generateContent`. Its sampling cannot be freed of `topK`, which many of its models have a default for and some
//! do not take: it is not sent.

use std::borrow::Cow;
use std::iter;

use hydrometer_answers::FinishReason;
use serde_json::{Value, json};

use super::{Dialect, Question, Reply, Settings, count, stops, text};
use crate::error::shown;
use crate::http::secret::Secret;
use crate::{Declared, Made, Turn};

/// Reasons to end an answer that are a filter's.
const FILTERED: [&str; 8] = [
    "SAFETY",
    "RECITATION",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "LANGUAGE",
    "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT",
];
/// What stands for the signature of a thought that came with a call: newer models refuse a call without one, and it is not kept.
const NO_SIGNATURE: &str = "skip_thought_signature_validator";
/// Those of calls of tools.
const CALLS: [&str; 3] = ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS"];

/// The dialect.
pub(in crate::http) struct Gemini;

impl Dialect for Gemini {
    fn root(&self, base: &str) -> String {
        format!("{base}/v1beta")
    }

    fn path(&self) -> &'static str {
        ":generateContent"
    }

    /// The model stands in the address.
    fn url(&self, base: &str, model: Option<&str>) -> String {
        let model = model.unwrap_or_default();
        let folder = if model.contains('/') { "" } else { "models/" };
        let encoded: String = model.bytes().map(percent_encoded).collect();
        format!("{base}/{folder}{encoded}{}", self.path())
    }

    fn headers(&self, key: Option<&Secret>) -> Vec<(&'static str, String)> {
        key.map(|key| ("x-goog-api-key", key.expose().to_owned())).into_iter().collect()
    }

    fn body(&self, question: &Question<'_>) -> Value {
        let (system, said) = contents(question.turns);
        let mut settings = json!({"candidateCount": 1, "maxOutputTokens": question.max_tokens});
        if question.settings != Settings::None {
            settings["temperature"] = question.temperature.into();
        }
        if question.settings == Settings::All {
            settings["topP"] = question.top_p.into();
        }
        stops(&mut settings, "stopSequences", question.stop);
        let mut body = json!({"contents": said, "generationConfig": settings});
        if !system.is_empty() {
            body["systemInstruction"] = json!({"parts": [{"text": system.join("\n\n")}]});
        }
        if !question.tools.is_empty() {
            let tool = |Declared { name, description, parameters }: &Declared| json!({"name": name, "description": description, "parametersJsonSchema": parameters});
            let tools: Vec<Value> = question.tools.iter().map(tool).collect();
            body["tools"] = json!([{ "functionDeclarations": tools }]);
        }
        body
    }

    fn read(&self, answer: &Value) -> Result<Reply, String> {
        let usage = &answer["usageMetadata"];
        let tokens = |name: &str| count(&usage[name]);
        let reply = |text: String, calls, finish| Reply {
            text,
            calls,
            finish,
            model: self::text(&answer["modelVersion"]),
            fingerprint: None,
            read: tokens("promptTokenCount"),
            drawn: tokens("candidatesTokenCount") + tokens("thoughtsTokenCount"),
        };
        let Some(candidate) = answer.get("candidates").and_then(|candidates| candidates.get(0)) else {
            // A prompt that a filter took has no candidates.
            if answer["promptFeedback"]["blockReason"].is_string() {
                return Ok(reply(String::new(), Vec::new(), FinishReason::ContentFilter));
            }
            return Err(format!("expected an answer with `candidates`, found {}", shown(&answer.to_string())));
        };
        let parts = candidate["content"]["parts"].as_array().map(Vec::as_slice).unwrap_or_default();
        let calls = parts.iter().filter_map(|part| part.get("functionCall"));
        let mut calls: Vec<_> =
            calls.filter_map(|call| Some((self::text(&call["name"])?, call["args"].to_string()))).collect();
        let finish = match candidate["finishReason"].as_str() {
            Some("STOP") if !calls.is_empty() => FinishReason::ToolCalls,
            Some("STOP") => FinishReason::Stop,
            Some("MAX_TOKENS") => FinishReason::Length,
            Some(reason) if FILTERED.contains(&reason) => FinishReason::ContentFilter,
            Some(reason) if CALLS.contains(&reason) => {
                // What was no call is kept as far as it is shown.
                if calls.is_empty() {
                    let shown = self::text(&candidate["finishMessage"]);
                    calls.push((String::new(), shown.unwrap_or_else(|| "not shown".to_owned())));
                }
                FinishReason::ToolCalls
            }
            _ => {
                let found = shown(&candidate["finishReason"].to_string());
                return Err(format!(
                    "expected a finishReason of STOP, MAX_TOKENS, a filter or a call of a tool, found {found}"
                ));
            }
        };
        // What it thought is not part of the answer.
        let spoken = parts.iter().filter(|part| part["thought"] != true);
        let words: String = spoken.filter_map(|part| part["text"].as_str()).collect();
        Ok(reply(words, calls, finish))
    }

    fn want_lists(&self, body: &mut Value, count: u32) {
        body["generationConfig"]["responseLogprobs"] = json!(true);
        body["generationConfig"]["logprobs"] = json!(count);
    }

    /// Lists stand beside the tokens that were drawn, which may not be in them.
    fn tokens<'a>(&self, answer: &'a Value) -> Result<Option<Cow<'a, [Value]>>, String> {
        let result = &answer["candidates"][0]["logprobsResult"];
        let places = |name: &str| result[name].as_array().map(Vec::as_slice).unwrap_or_default();
        let (drawn, lists) = (places("chosenCandidates"), places("topCandidates"));
        if !lists.is_empty() && lists.len() != drawn.len() {
            let (drawn, lists) = (drawn.len(), lists.len());
            return Err(format!(
                "expected a list of topCandidates for each of {drawn} chosenCandidates, found {lists}"
            ));
        }
        let lists = lists.iter().map(|list| &list["candidates"]).chain(iter::repeat(&Value::Null));
        let shown = |(drawn, list): (&Value, &Value)| {
            let mut token = token(drawn);
            token["top_logprobs"] = list.as_array().into_iter().flatten().map(self::token).collect();
            token
        };
        Ok((!drawn.is_empty()).then(|| drawn.iter().zip(lists).map(shown).collect()))
    }
}

/// A token in OpenAI's words. It has no bytes.
fn token(candidate: &Value) -> Value {
    json!({"token": candidate["token"], "logprob": candidate["logProbability"]})
}

fn percent_encoded(byte: u8) -> String {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    }
}

/// Instructions, and what was said behind them. What came of the calls of one answer stands together.
fn contents(turns: &[Turn]) -> (Vec<&str>, Vec<Value>) {
    let (mut system, mut said) = (Vec::new(), Vec::<Value>::new());
    let mut results = false;
    for turn in turns {
        let (role, parts) = match turn {
            Turn::System(text) => {
                system.push(text.as_str());
                continue;
            }
            Turn::User(text) => ("user", vec![json!({"text": text})]),
            Turn::Model { text, calls } => {
                let words = Some(json!({"text": text})).filter(|_| calls.is_empty() || !text.is_empty());
                let call = |(place, Made { name, arguments, .. }): (usize, &Made)| {
                    let mut part = json!({"functionCall": {"name": name, "args": arguments}});
                    if place == 0 {
                        part["thoughtSignature"] = NO_SIGNATURE.into();
                    }
                    part
                };
                ("model", words.into_iter().chain(calls.iter().enumerate().map(call)).collect())
            }
            Turn::Result { tool, words, failed, .. } => {
                let response = if *failed { json!({"error": words}) } else { json!({"result": words}) };
                let part = json!({"functionResponse": {"name": tool, "response": response}});
                match said.last_mut().and_then(|last| last["parts"].as_array_mut()).filter(|_| results) {
                    Some(parts) => {
                        parts.push(part);
                        continue;
                    }
                    None => ("user", vec![part]),
                }
            }
        };
        results = matches!(turn, Turn::Result { .. });
        said.push(json!({"role": role, "parts": parts}));
    }
    (system, said)
}
