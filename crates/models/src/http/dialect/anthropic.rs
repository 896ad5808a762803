//! Anthropic's Messages.

use hydrometer_answers::FinishReason;
use serde_json::{Value, json};

use super::{Dialect, Question, Reply, Settings, stops, text};
use crate::error::shown;
use crate::http::secret::Secret;

/// The version of the interface that is spoken.
const VERSION: &str = "2023-06-01";

/// The dialect.
pub(in crate::http) struct Anthropic;

impl Dialect for Anthropic {
    fn path(&self) -> &'static str {
        "/messages"
    }

    fn headers(&self, key: Option<&Secret>) -> Vec<(&'static str, String)> {
        let mut headers = vec![("anthropic-version", VERSION.to_owned())];
        headers.extend(key.map(|key| ("x-api-key", key.expose().to_owned())));
        headers
    }

    fn body(&self, question: &Question<'_>) -> Value {
        // A message without a text is refused; it says nothing that the others do not.
        let spoken = question.messages.iter().filter(|message| !message.content.trim().is_empty());
        let (system, said): (Vec<_>, Vec<_>) = spoken.partition(|message| message.role == "system");
        let said: Vec<Value> =
            said.iter().map(|message| json!({"role": message.role, "content": message.content})).collect();
        let mut body = json!({"messages": said, "max_tokens": question.max_tokens});
        if let Some(model) = question.model {
            body["model"] = model.into();
        }
        if !system.is_empty() {
            let texts: Vec<&str> = system.iter().map(|message| message.content.as_str()).collect();
            body["system"] = texts.join("\n\n").into();
        }
        if question.settings != Settings::None {
            body["temperature"] = question.temperature.into();
        }
        if question.settings == Settings::All {
            body["top_p"] = question.top_p.into();
        }
        stops(&mut body, "stop_sequences", question.stop);
        body
    }

    fn read(&self, answer: &Value) -> Result<Reply, String> {
        let blocks = answer["content"]
            .as_array()
            .ok_or_else(|| format!("expected a message with `content`, found {}", shown(&answer.to_string())))?;
        let finish = match answer["stop_reason"].as_str() {
            Some("end_turn" | "stop_sequence") => FinishReason::Stop,
            Some("max_tokens" | "model_context_window_exceeded") => FinishReason::Length,
            Some("tool_use" | "pause_turn") => FinishReason::ToolCalls,
            Some("refusal") => FinishReason::Refusal,
            _ => {
                let found = shown(&answer["stop_reason"].to_string());
                let known = "end_turn, stop_sequence, max_tokens, model_context_window_exceeded, tool_use, pause_turn \
                             or refusal";
                return Err(format!("expected a stop_reason of {known}, found {found}"));
            }
        };
        let texts = blocks.iter().filter(|block| block["type"] == "text").filter_map(|block| block["text"].as_str());
        let usage = &answer["usage"];
        Ok(Reply {
            text: texts.collect(),
            finish,
            model: text(&answer["model"]),
            fingerprint: None,
            read: usage["input_tokens"].as_u64().unwrap_or(0),
            drawn: usage["output_tokens"].as_u64().unwrap_or(0),
        })
    }
}
