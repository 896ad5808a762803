//! Ollama's own `/api/chat`. Its OpenAI-compatible side does not take `top_k` and `min_p`, and would draw from the 40 most
//! probable tokens; it also cuts prompts silently, which `truncate` forbids here.

use hydrometer_answers::FinishReason;
use serde_json::{Value, json};

use super::{Dialect, Question, Reply, Settings, bearer, count, stops, text};
use crate::error::shown;
use crate::http::secret::Secret;
use crate::{Declared, Made, Turn};

/// The dialect.
pub(in crate::http) struct Ollama;

impl Dialect for Ollama {
    fn root(&self, base: &str) -> String {
        base.to_owned()
    }

    fn path(&self) -> &'static str {
        "/api/chat"
    }

    fn headers(&self, key: Option<&Secret>) -> Vec<(&'static str, String)> {
        bearer(key)
    }

    fn body(&self, question: &Question<'_>) -> Value {
        let messages: Vec<Value> = question.turns.iter().map(message).collect();
        let mut options = json!({"num_predict": question.max_tokens});
        if question.settings != Settings::None {
            options["temperature"] = question.temperature.into();
        }
        if question.settings == Settings::All {
            options["top_p"] = question.top_p.into();
            let neutral =
                [("min_p", 0.0), ("repeat_penalty", 1.0), ("presence_penalty", 0.0), ("frequency_penalty", 0.0)];
            options["top_k"] = 0.into();
            neutral.iter().for_each(|(name, value)| options[*name] = (*value).into());
        }
        stops(&mut options, "stop", question.stop);
        let mut body = json!({
            "model": question.model,
            "messages": messages,
            "stream": false,
            "truncate": false,
            "shift": false,
            "options": options,
        });
        if !question.tools.is_empty() {
            body["tools"] = question.tools.iter().map(Declared::function).collect();
        }
        body
    }

    fn read(&self, answer: &Value) -> Result<Reply, String> {
        let message = answer
            .get("message")
            .filter(|message| message.is_object())
            .ok_or_else(|| format!("expected a chat answer with a `message`, found {}", shown(&answer.to_string())))?;
        let calls = message["tool_calls"].as_array().map(Vec::as_slice).unwrap_or_default();
        let calls: Vec<_> = calls.iter().filter_map(|call| self::call(&call["function"])).collect();
        let finish = match answer["done_reason"].as_str() {
            _ if !calls.is_empty() => FinishReason::ToolCalls,
            Some("stop") => FinishReason::Stop,
            Some("length") => FinishReason::Length,
            _ => {
                let found = shown(&answer["done_reason"].to_string());
                return Err(format!("expected a done_reason of stop or length, found {found}"));
            }
        };
        Ok(Reply {
            text: text(&message["content"]).unwrap_or_default(),
            calls,
            finish,
            model: text(&answer["model"]),
            fingerprint: None,
            read: count(&answer["prompt_eval_count"]),
            drawn: count(&answer["eval_count"]),
        })
    }
}

fn message(turn: &Turn) -> Value {
    match turn {
        Turn::System(text) => json!({"role": "system", "content": text}),
        Turn::User(text) => json!({"role": "user", "content": text}),
        Turn::Model { text, calls } if calls.is_empty() => json!({"role": "assistant", "content": text}),
        Turn::Model { text, calls } => {
            let call = |made: &Made| json!({"function": {"name": made.name, "arguments": made.arguments}});
            let calls: Vec<Value> = calls.iter().map(call).collect();
            json!({"role": "assistant", "content": text, "tool_calls": calls})
        }
        Turn::Result { tool, words, .. } => json!({"role": "tool", "tool_name": tool, "content": words}),
    }
}

/// A call of an answer, its arguments as JSON.
fn call(function: &Value) -> Option<(String, String)> {
    Some((text(&function["name"])?, function["arguments"].to_string()))
}
