//! Ollama's own `/api/chat`. Its OpenAI-compatible side does not take `top_k` and `min_p`, and would draw from the 40 most
//! probable tokens; it also cuts prompts silently, which `truncate` forbids here.

use hydrometer_answers::FinishReason;
use serde_json::{Value, json};

use super::{Dialect, Question, Reply, Settings, bearer, stops, text};
use crate::error::shown;
use crate::http::secret::Secret;

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
        let said = |message: &crate::Message| json!({"role": message.role, "content": message.content});
        let messages: Vec<Value> = question.messages.iter().map(said).collect();
        let mut options = json!({"num_predict": question.max_tokens});
        if question.settings != Settings::None {
            options["temperature"] = question.temperature.into();
        }
        if question.settings == Settings::All {
            options["top_p"] = question.top_p.into();
            for (name, value) in [("top_k", 0.0), ("min_p", 0.0), ("repeat_penalty", 1.0)] {
                options[name] = if name == "top_k" { 0.into() } else { value.into() };
            }
        }
        stops(&mut options, "stop", question.stop);
        json!({
            "model": question.model,
            "messages": messages,
            "stream": false,
            "truncate": false,
            "shift": false,
            "options": options,
        })
    }

    fn read(&self, answer: &Value) -> Result<Reply, String> {
        let message = answer
            .get("message")
            .filter(|message| message.is_object())
            .ok_or_else(|| format!("expected a chat answer with a `message`, found {}", shown(&answer.to_string())))?;
        let calls = message["tool_calls"].as_array().is_some_and(|calls| !calls.is_empty());
        let finish = match answer["done_reason"].as_str() {
            _ if calls => FinishReason::ToolCalls,
            Some("stop") => FinishReason::Stop,
            Some("length") => FinishReason::Length,
            _ => {
                let found = shown(&answer["done_reason"].to_string());
                return Err(format!("expected a done_reason of stop or length, found {found}"));
            }
        };
        Ok(Reply {
            text: text(&message["content"]).unwrap_or_default(),
            finish,
            model: text(&answer["model"]),
            fingerprint: None,
            read: answer["prompt_eval_count"].as_u64().unwrap_or(0),
            drawn: answer["eval_count"].as_u64().unwrap_or(0),
        })
    }
}
