//! `chat/completions`, as OpenAI has it and most servers speak it. Servers that know further settings of sampling have them
//! said: their defaults, or those that a model's files bring, are not the model's own distribution.

use hydrometer_answers::FinishReason;
use serde_json::{Value, json};

use super::{Dialect, LimitName, Question, Reply, Settings, bearer, count, stops, text};
use crate::error::shown;
use crate::http::secret::Secret;
use crate::{Declared, Made, Turn};

/// The dialect, with what a kind of server must be told besides.
pub(in crate::http) struct OpenAi {
    /// Settings that leave the distribution alone.
    neutral: &'static [(&'static str, f64)],
}

/// What the dialect itself knows.
pub(in crate::http) const PLAIN: OpenAi = OpenAi { neutral: &[] };
/// vLLM.
pub(in crate::http) const VLLM: OpenAi = OpenAi {
    neutral: &[
        ("top_k", -1.0),
        ("min_p", 0.0),
        ("repetition_penalty", 1.0),
        ("presence_penalty", 0.0),
        ("frequency_penalty", 0.0),
    ],
};
/// SGLang.
pub(in crate::http) const SGLANG: OpenAi = VLLM;
/// llama.cpp's server.
pub(in crate::http) const LLAMA_SERVER: OpenAi = OpenAi {
    neutral: &[
        ("top_k", 0.0),
        ("min_p", 0.0),
        ("repeat_penalty", 1.0),
        ("presence_penalty", 0.0),
        ("frequency_penalty", 0.0),
    ],
};

impl Dialect for OpenAi {
    fn path(&self) -> &'static str {
        "/chat/completions"
    }

    fn headers(&self, key: Option<&Secret>) -> Vec<(&'static str, String)> {
        bearer(key)
    }

    fn body(&self, question: &Question<'_>) -> Value {
        let messages: Vec<Value> = question.turns.iter().map(message).collect();
        let mut body = json!({"messages": messages, "stream": false});
        if !question.tools.is_empty() {
            body["tools"] = question.tools.iter().map(Declared::function).collect();
        }
        if let Some(model) = question.model {
            body["model"] = model.into();
        }
        let limit = match question.limit {
            LimitName::MaxTokens => "max_tokens",
            LimitName::MaxCompletionTokens => "max_completion_tokens",
        };
        body[limit] = question.max_tokens.into();
        if question.settings != Settings::None {
            body["temperature"] = question.temperature.into();
        }
        if question.settings == Settings::All {
            body["top_p"] = question.top_p.into();
            for (name, value) in self.neutral {
                // Servers take whole numbers only where they count.
                body[*name] = if *name == "top_k" { (*value as i64).into() } else { (*value).into() };
            }
        }
        stops(&mut body, "stop", question.stop);
        body
    }

    fn read(&self, answer: &Value) -> Result<Reply, String> {
        let choice = answer.get("choices").and_then(|choices| choices.get(0)).ok_or_else(|| {
            format!("expected a chat completion with `choices`, found {}", shown(&answer.to_string()))
        })?;
        let message = choice
            .get("message")
            .filter(|message| message.is_object())
            .ok_or_else(|| format!("expected a choice with a `message`, found {}", shown(&choice.to_string())))?;
        let refusal = text(&message["refusal"]).filter(|words| !words.is_empty());
        let finish = match (choice["finish_reason"].as_str(), &refusal) {
            (_, Some(_)) => FinishReason::Refusal,
            (Some("stop"), None) => FinishReason::Stop,
            (Some("length"), None) => FinishReason::Length,
            (Some("content_filter"), None) => FinishReason::ContentFilter,
            (Some("tool_calls" | "function_call"), None) => FinishReason::ToolCalls,
            (_, None) => {
                let found = shown(&choice["finish_reason"].to_string());
                return Err(format!(
                    "expected a finish_reason of stop, length, content_filter or tool_calls, found {found}"
                ));
            }
        };
        let words = match &message["content"] {
            Value::Null => String::new(),
            Value::String(words) => words.clone(),
            other => return Err(format!("expected a text as `content`, found {}", shown(&other.to_string()))),
        };
        let usage = &answer["usage"];
        Ok(Reply {
            text: refusal.unwrap_or(words),
            calls: calls(message),
            finish,
            model: text(&answer["model"]),
            fingerprint: text(&answer["system_fingerprint"]),
            read: count(&usage["prompt_tokens"]),
            drawn: count(&usage["completion_tokens"]),
        })
    }

    /// A model that thinks before it answers may use up its tokens so; OpenAI calls that a wrong request.
    fn cut_off(&self, words: &str) -> Option<Reply> {
        words.contains("max_tokens or model output limit was reached").then(|| Reply {
            text: String::new(),
            calls: Vec::new(),
            finish: FinishReason::Length,
            model: None,
            fingerprint: None,
            read: 0,
            drawn: 0,
        })
    }
}

fn message(turn: &Turn) -> Value {
    match turn {
        Turn::System(text) => json!({"role": "system", "content": text}),
        Turn::User(text) => json!({"role": "user", "content": text}),
        Turn::Model { text, calls } if calls.is_empty() => json!({"role": "assistant", "content": text}),
        Turn::Model { text, calls } => {
            let call = |made: &Made| {
                let function = json!({"name": made.name, "arguments": made.arguments_json()});
                json!({"id": made.id, "type": "function", "function": function})
            };
            let calls: Vec<Value> = calls.iter().map(call).collect();
            let words = Some(text).filter(|text| !text.is_empty());
            json!({"role": "assistant", "content": words, "tool_calls": calls})
        }
        Turn::Result { id, words, .. } => json!({"role": "tool", "tool_call_id": id, "content": words}),
    }
}

/// The calls of an answer: names and the JSON of their arguments, which is the model's own text.
fn calls(message: &Value) -> Vec<(String, String)> {
    let calls = message["tool_calls"].as_array().map(Vec::as_slice).unwrap_or_default();
    let functions =
        calls.iter().map(|call| &call["function"]).chain(message.get("function_call").filter(|call| !call.is_null()));
    // A call without a name is one that nobody can follow: what there is of it is kept.
    let text = |value: &Value| text(value).unwrap_or_default();
    functions.map(|function| (text(&function["name"]), text(&function["arguments"]))).collect()
}
