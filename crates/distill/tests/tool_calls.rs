//! Conversations with tools: rendered as `transformers` renders them (`reference/tool_calls.py`), and what is learnt of them.
#![allow(clippy::unwrap_used)]

use hydrometer_distill::data::format::Format;
use hydrometer_distill::data::{Content, Document, Encoder, NotEncoded, preflight};
use hydrometer_models::gguf::Gguf;
use hydrometer_models::{ChatTemplate, Checkpoint, Tokenizer};
use serde_json::{Value, json};

fn tokenizer() -> Tokenizer {
    let bytes = include_bytes!("../../../demo/teacher.gguf").to_vec();
    Checkpoint::from_gguf(Gguf::from_bytes("teacher.gguf", bytes).unwrap()).unwrap().tokenizer().unwrap()
}

fn reference() -> Value {
    serde_json::from_str(include_str!("reference/tool_calls.json")).unwrap()
}

fn document(record: &Value) -> Result<Document, String> {
    let record = record.as_object().unwrap();
    let content = Format::of(record).unwrap().read(record)?;
    Ok(Document::new(content, "x:1".to_owned()))
}

fn template(source: &str) -> ChatTemplate {
    ChatTemplate::new(source, None, None).unwrap()
}

#[test]
fn samples_are_what_transformers_renders_and_calls_are_learnt() {
    let (tokenizer, reference) = (tokenizer(), reference());
    let ours = template(reference["template"].as_str().unwrap());
    let encoder =
        Encoder { tokenizer: &tokenizer, template: Some(&ours), end: tokenizer.eos().unwrap(), context: 4096 };
    let mut all = Vec::new();
    for case in reference["cases"].as_array().unwrap() {
        let samples = encoder.encode(&document(case).unwrap()).unwrap();
        let text = |tokens: Vec<u32>| String::from_utf8(tokenizer.decode(&tokens)).unwrap();
        let [sample] = samples.as_slice() else { panic!() };
        // To this tokenizer the template ends no turn with a token of its own: its end stands behind every answer, and nothing else
        // is another than what transformers renders.
        let from = usize::from(tokenizer.bos().is_some_and(|bos| sample.tokens[0] == bos));
        let found = text(sample.tokens[from..].to_vec());
        assert_eq!(found.replace("<|endoftext|>", ""), case["rendered"].as_str().unwrap());
        let answers = case["messages"].as_array().unwrap().iter().filter(|said| said["role"] == "assistant").count();
        assert_eq!(found.matches("<|im_end|>\n<|endoftext|>").count(), answers);
        assert_eq!(found.matches("<|endoftext|>").count(), answers);
        all.push(text(sample.rows().map(|row| sample.tokens[row as usize + 1]).collect()));
        // Arguments as JSON text, as OpenAI's API returns them, are the same sample.
        let mut packed = case.clone();
        for message in packed["messages"].as_array_mut().unwrap() {
            for call in message["tool_calls"].as_array_mut().into_iter().flatten() {
                call["function"]["arguments"] = call["function"]["arguments"].to_string().into();
            }
        }
        packed["tools"] = packed["tools"].as_array().map_or(Value::Null, |tools| json!(tools).to_string().into());
        assert_eq!(encoder.encode(&document(&packed).unwrap()).unwrap()[0].tokens, sample.tokens);
        // So are all calls of a message as one JSON text, as columns of tables keep them.
        for message in packed["messages"].as_array_mut().unwrap() {
            let calls = message.get_mut("tool_calls").filter(|calls| !calls.is_null());
            if let Some(calls) = calls {
                *calls = calls.to_string().into();
            } else {
                message["tool_calls"] = "".into();
            }
        }
        assert_eq!(encoder.encode(&document(&packed).unwrap()).unwrap()[0].tokens, sample.tokens);
    }
    let call = |name: &str, arguments: &str| {
        format!("\n<tool_call>\n{{\"name\": \"{name}\", \"arguments\": {arguments}}}\n</tool_call>")
    };
    let first = [
        call("tide", "{\"port\": \"Brest\", \"days\": 1}"),
        "At ten past two.".to_owned(),
        format!("One moment.{}{}", call("tide", "{\"port\": \"Göteborg\"}"), call("wind", "{}")),
        "No tide, and it is calm.".to_owned(),
    ];
    assert_eq!(all[0], first.map(|said| said + "<|im_end|>\n<|endoftext|>").concat());
    assert!(all[1].starts_with(&call("wind", "{\"nested\": {\"a\": [1, 2.5, true, null]}}")), "{}", all[1]);
}

#[test]
fn what_a_template_leaves_unsaid_is_counted_and_named() {
    let (tokenizer, reference) = (tokenizer(), reference());
    let record = &reference["cases"][0];
    let check = |source: Option<&str>, expected: &str| {
        let template = source.map(template);
        let end = tokenizer.eos().unwrap();
        let encoder = Encoder { tokenizer: &tokenizer, template: template.as_ref(), end, context: 4096 };
        let Err(NotEncoded::Refused(why)) = encoder.encode(&document(record).unwrap()) else { panic!("{expected}") };
        assert!(why.contains(expected), "{why}");
        let found = preflight(&encoder, &[document(record).unwrap()], &[], 0.0);
        let finding = found.findings.iter().find(|finding| finding.what.contains(expected)).unwrap();
        assert_eq!((finding.count, finding.examples.join("")), (1, "x:1".to_owned()));
    };
    let plain = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}";
    check(Some(plain), "puts no declarations of tools into words");
    let with = |loop_of: &str| plain.replace("{{ m.content }}", &format!("{{{{ m.content }}}}{loop_of}"));
    let declared = |source: String| format!("{{{{ tools }}}}{source}");
    check(Some(&declared(plain.to_owned())), "puts no tool calls into words");
    let first = with("{% if m.tool_calls %}{{ m.tool_calls[0].function.name }}{% endif %}");
    check(Some(&declared(first)), "puts not every tool call into words");
    let all = with("{% for c in m.tool_calls %}{{ c.function.name }}{% endfor %}")
        .replace("{{ m.content }}", "{% if m.role != 'tool' %}{{ m.content }}{% endif %}");
    check(Some(&declared(all)), "puts no results of tools into words");
    // A template that joins texts meets no text where a message only calls.
    let joining = "{% for m in messages %}{{ m.role + ': ' + m.content }}{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}";
    check(Some(joining), "puts no tool calls into words: ");
    check(Some("{{ raise_exception('one call at a time') }}"), "the template refuses: one call at a time");
    check(None, "the model has no chat template");
}

#[test]
fn calls_that_are_none_say_why() {
    let check = |message: Value, expected: &str| {
        let record = json!({ "messages": [{"role": "user", "content": "Hi"}, message] });
        let why = document(&record).unwrap_err();
        assert!(why.contains(expected), "{why}");
    };
    let calls = |calls: Value| json!({"role": "assistant", "content": null, "tool_calls": calls});
    check(calls(json!({"function": {"name": "f"}})), "message 2: its tool calls are no array");
    check(calls(json!([{"function": {"arguments": {}}}])), "a tool call names no function");
    check(calls(json!(["f"])), "a tool call is a text that is no JSON");
    check(calls(json!([7])), "a tool call is no object");
    check(calls(json!([{"function": {"name": "f", "arguments": "not"}}])), "are no JSON object");
    check(calls(json!([{"function": {"name": "f", "arguments": [1]}}])), "are no JSON object");
    check(json!({"role": "assistant", "content": null}), "its content is no text");
    let user = json!({"role": "user", "content": "x", "tool_calls": [{"function": {"name": "f"}}]});
    check(user, "the user calls tools");
    let result = json!({"role": "tool", "content": "x"});
    check(result, "the assistant says nothing");
    let tools = json!({"messages": [], "tools": "not"});
    assert_eq!(document(&tools).unwrap_err(), "`tools` is a text that is no JSON");
    // No tools at all is a plain conversation, with the hash that it always had.
    let messages =
        json!([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes", "tool_calls": []}]);
    let plain = document(&json!({ "messages": messages, "tools": [] })).unwrap();
    assert!(matches!(plain.content, Content::Conversation(_)));
}
