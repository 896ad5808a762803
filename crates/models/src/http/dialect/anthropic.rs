//! Anthropic's Messages.

use hydrometer_answers::FinishReason;
use serde_json::{Value, json};

use super::{Dialect, Question, Reply, Settings, count, stops, text};
use crate::error::shown;
use crate::http::secret::Secret;
use crate::{Declared, Made, Turn};

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
        let (system, said) = messages(question.turns);
        let mut body = json!({"messages": said, "max_tokens": question.max_tokens});
        if let Some(model) = question.model {
            body["model"] = model.into();
        }
        if !system.is_empty() {
            body["system"] = system.join("\n\n").into();
        }
        if !question.tools.is_empty() {
            let tool = |Declared { name, description, parameters }: &Declared| json!({"name": name, "description": description, "input_schema": parameters});
            body["tools"] = question.tools.iter().map(tool).collect();
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
        let calls = blocks.iter().filter(|block| block["type"] == "tool_use");
        let calls = calls.filter_map(|block| Some((text(&block["name"])?, block["input"].to_string())));
        let usage = &answer["usage"];
        Ok(Reply {
            text: texts.collect(),
            calls: calls.collect(),
            finish,
            model: text(&answer["model"]),
            fingerprint: None,
            read: count(&usage["input_tokens"]),
            drawn: count(&usage["output_tokens"]),
        })
    }
}

/// Instructions, and the messages behind them. A message without a text is refused; it says nothing that the others do not.
/// What came of the calls of one answer stands in one message.
fn messages(turns: &[Turn]) -> (Vec<&str>, Vec<Value>) {
    let (mut system, mut said) = (Vec::new(), Vec::<Value>::new());
    let mut results = false;
    for turn in turns {
        let content = match turn {
            Turn::System(text) | Turn::User(text) if text.trim().is_empty() => continue,
            Turn::System(text) => {
                system.push(text.as_str());
                continue;
            }
            Turn::User(text) => json!({"role": "user", "content": text}),
            Turn::Model { text, calls } if calls.is_empty() && text.trim().is_empty() => continue,
            Turn::Model { text, calls } if calls.is_empty() => json!({"role": "assistant", "content": text}),
            Turn::Model { text, calls } => {
                let words = Some(json!({"type": "text", "text": text})).filter(|_| !text.trim().is_empty());
                let call = |Made { id, name, arguments }: &Made| json!({"type": "tool_use", "id": id, "name": name, "input": arguments});
                let blocks: Vec<Value> = words.into_iter().chain(calls.iter().map(call)).collect();
                json!({"role": "assistant", "content": blocks})
            }
            Turn::Result { id, words, failed, .. } => {
                let block = json!({"type": "tool_result", "tool_use_id": id, "content": words, "is_error": failed});
                match said.last_mut().and_then(|last| last["content"].as_array_mut()).filter(|_| results) {
                    Some(blocks) => {
                        blocks.push(block);
                        continue;
                    }
                    None => json!({"role": "user", "content": [block]}),
                }
            }
        };
        results = matches!(turn, Turn::Result { .. });
        said.push(content);
    }
    (system, said)
}
