//! Gemini's `generateContent`. Its sampling cannot be freed of `topK`, which many of its models have a default for and some
//! do not take: it is not sent.

use hydrometer_answers::FinishReason;
use serde_json::{Value, json};

use super::{Dialect, Question, Reply, Settings, stops, text};
use crate::error::shown;
use crate::http::secret::Secret;

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
        let (system, said): (Vec<_>, Vec<_>) = question.messages.iter().partition(|message| message.role == "system");
        let said: Vec<Value> = said
            .iter()
            .map(|message| {
                let role = if message.role == "assistant" { "model" } else { "user" };
                json!({"role": role, "parts": [{"text": message.content}]})
            })
            .collect();
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
            let texts: Vec<&str> = system.iter().map(|message| message.content.as_str()).collect();
            body["systemInstruction"] = json!({"parts": [{"text": texts.join("\n\n")}]});
        }
        body
    }

    fn read(&self, answer: &Value) -> Result<Reply, String> {
        let usage = &answer["usageMetadata"];
        let tokens = |name: &str| usage[name].as_u64().unwrap_or(0);
        let reply = |text: String, finish| Reply {
            text,
            finish,
            model: self::text(&answer["modelVersion"]),
            fingerprint: None,
            read: tokens("promptTokenCount"),
            drawn: tokens("candidatesTokenCount") + tokens("thoughtsTokenCount"),
        };
        let Some(candidate) = answer.get("candidates").and_then(|candidates| candidates.get(0)) else {
            // A prompt that a filter took has no candidates.
            if answer["promptFeedback"]["blockReason"].is_string() {
                return Ok(reply(String::new(), FinishReason::ContentFilter));
            }
            return Err(format!("expected an answer with `candidates`, found {}", shown(&answer.to_string())));
        };
        let parts = candidate["content"]["parts"].as_array().map(Vec::as_slice).unwrap_or_default();
        let calls = parts.iter().any(|part| part.get("functionCall").is_some());
        let finish = match candidate["finishReason"].as_str() {
            Some("STOP") if calls => FinishReason::ToolCalls,
            Some("STOP") => FinishReason::Stop,
            Some("MAX_TOKENS") => FinishReason::Length,
            Some(reason) if FILTERED.contains(&reason) => FinishReason::ContentFilter,
            Some(reason) if CALLS.contains(&reason) => FinishReason::ToolCalls,
            _ => {
                let found = shown(&candidate["finishReason"].to_string());
                return Err(format!(
                    "expected a finishReason of STOP, MAX_TOKENS, a filter or a call of a tool, found {found}"
                ));
            }
        };
        // What it thought is not part of the answer.
        let spoken = parts.iter().filter(|part| part["thought"] != true);
        Ok(reply(spoken.filter_map(|part| part["text"].as_str()).collect(), finish))
    }
}

fn percent_encoded(byte: u8) -> String {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    }
}
