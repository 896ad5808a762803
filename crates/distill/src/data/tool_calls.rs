//! Samples of conversations with tools: the chat template puts them into words, and what it leaves unsaid is found out.

use hydrometer_models::{ChatTemplate, GenerationPrompt};
use serde_json::Value;

use super::encoder::{Parts, refused};
use super::spoken::Spoken;
use super::{Encoder, NotEncoded, ToolConversation};

impl Encoder<'_> {
    /// Every answer that its record does not exclude is learnt, calls and all; `spoken` is the conversation as templates take it. A template that leaves calls, results or declarations out would
    /// teach calls of tools that nobody named, or answers out of nothing: it is refused.
    pub(super) fn with_tools(&self, conversation: &ToolConversation, spoken: &Spoken) -> Result<Parts, NotEncoded> {
        let refuse = |why: &str| NotEncoded::Refused(why.to_owned());
        let Some(template) = self.template else {
            return Err(refuse("it has to do with tools, and the model has no chat template to put them into words"));
        };
        let says = |message: &Value| message["content"].as_str().is_some_and(|content| !content.is_empty());
        if conversation.learnt().any(|(_, message)| !says(message) && message.get("tool_calls").is_none()) {
            return Err(NotEncoded::Empty);
        }
        let answers: Vec<usize> = conversation.learnt().map(|(index, _)| index).collect();
        let render = |count: usize, prompt| spoken.render(template, count, prompt);
        let parts = self.answers(&answers, &render).map_err(|why| knows_no_calls(template, spoken, why))?;
        match unsaid(template, spoken).map_err(refused)? {
            Some(what) => Err(NotEncoded::Refused(format!("the chat template puts {what} into words"))),
            None => Ok(parts),
        }
    }
}

/// A template that refuses a conversation for its calls alone: without them it is rendered.
fn knows_no_calls(template: &ChatTemplate, conversation: &Spoken, why: NotEncoded) -> NotEncoded {
    let NotEncoded::Refused(words) = &why else { return why };
    let mut messages = conversation.messages.clone();
    for message in messages.iter_mut().filter_map(Value::as_object_mut) {
        if message.remove("tool_calls").is_some() && message["content"].is_null() {
            message.insert("content".to_owned(), "".into());
        }
    }
    match template.render_with_tools(&messages, &conversation.tools, GenerationPrompt::Leave) {
        Ok(_) if messages != conversation.messages => {
            NotEncoded::Refused(format!("the chat template puts no tool calls into words: {words}"))
        }
        _ => why,
    }
}

/// What a template does not put into words: a part of the conversation without which it gives the same text.
fn unsaid(
    template: &ChatTemplate,
    conversation: &Spoken,
) -> Result<Option<&'static str>, hydrometer_models::ModelError> {
    let Spoken { messages, tools } = conversation;
    let leave = GenerationPrompt::Leave;
    let whole = template.render_with_tools(messages, tools, leave)?;
    // A template that refuses what is left has missed what was taken away.
    let same = |messages: &[Value], tools: &Value| {
        template.render_with_tools(messages, tools, leave).is_ok_and(|text| text == whole)
    };
    if !tools.is_null() && same(messages, &Value::Null) {
        return Ok(Some("no declarations of tools"));
    }
    let mut other = messages.clone();
    for (index, message) in messages.iter().enumerate() {
        let calls = message["tool_calls"].as_array().map_or(0, Vec::len);
        for call in 0..calls {
            if let Some(left) = other[index]["tool_calls"].as_array_mut() {
                left.remove(call);
            }
            if same(&other, tools) {
                return Ok(Some(if calls == 1 { "no tool calls" } else { "not every tool call" }));
            }
            other[index] = message.clone();
        }
        if message["role"] == "tool" && message["content"].as_str().is_some_and(|content| !content.is_empty()) {
            other[index]["content"] = Value::from("");
            if same(&other, tools) {
                return Ok(Some("no results of tools"));
            }
            other[index] = message.clone();
        }
    }
    Ok(None)
}
