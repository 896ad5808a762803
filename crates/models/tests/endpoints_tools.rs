//! Endpoints that call tools in their own way: how a conversation is put to each kind of server, and what is read.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::ops::ControlFlow;
use std::sync::Arc;

use hydrometer_answers::{FinishReason, SamplingParameters};
use hydrometer_models::{
    AskedServer, Conversation, EngineOptions, Known, Model, ModelError, Network, NoTime, Precision, SampleLimits,
    SampleRequest, SampleStep, ScriptedServer, Served, ToolProtocol, open_with,
};
use hydrometer_probes::kind::Episode;
use hydrometer_probes::world::Running;
use hydrometer_probes::{Ask, Decoding, Probe};
use serde_json::{Value, json};

fn network() -> Network {
    Network::without_keys().timed_by(Arc::new(NoTime))
}

fn open(scheme: &str, server: &ScriptedServer, network: &Network) -> Box<dyn Model> {
    let spec = format!("{scheme}:{}#big", server.address());
    open_with(&spec, &EngineOptions { precision: Precision::F32 }, network).unwrap()
}

/// Boxes that can be opened; the second call of a tool fails.
fn probe() -> Probe {
    let parameters = json!({"type": "object", "properties": {"box": {"type": "string"}}, "required": ["box"]});
    let episode = json!({
        "system": "You keep boxes.",
        "turns": [{"say": "Open a and b."}],
        "world": {
            "state": {"n": 1},
            "tools": [{"name": "open", "description": "Opens a box.", "parameters": parameters, "rules": [], "result": 7}],
        },
        "goal": {"called": [{"name": "open"}]},
        "faults": [{"at": {"call": 2}, "kind": "error"}],
        "steps": 9,
    });
    let ask = Ask::Episode(serde_json::from_value(episode).unwrap());
    let (id, axis) = ("e".to_owned(), "tool_use".to_owned());
    Probe { id: id.clone(), family: id, axis, tags: Vec::new(), knob: None, boundary: None, ask }
}

fn episode(probe: &Probe) -> &Episode {
    match &probe.ask {
        Ask::Episode(episode) => episode,
        _ => panic!("no episode"),
    }
}

/// The next answer of a model in an episode.
fn answer(model: &dyn Model, probe: &Probe, running: &mut Running<'_>) -> Result<(String, FinishReason), ModelError> {
    let answers = model.answers().unwrap();
    let prompt = answers.converse(&Conversation { probe, episode: episode(probe), events: running.events() })?;
    let samples = vec![0];
    let (key, decoding, stop) = (probe.id.clone(), Decoding::Greedy, Vec::new());
    let request = SampleRequest { key, prompt, samples, max_tokens: None, stop: stop.clone(), decoding };
    let parameters = SamplingParameters { temperature: 1.0, top_p: 1.0, top_k: 0, max_tokens: 9, stop, seed: 1 };
    let mut found = None;
    answers.answer(&[request], &parameters, &SampleLimits { width: 1, memory: 0 }, &mut |step| {
        if let SampleStep::Answer(answer) = step {
            found = Some((answer.text, answer.finish));
        }
        ControlFlow::Continue(())
    })?;
    let (text, finish) = found.unwrap();
    running.answer(answers.tool_protocol()?.read(&text));
    Ok((text, finish))
}

/// What a kind of server says: words, or calls behind words, each a tool and its arguments.
struct Speech {
    scheme: &'static str,
    words: fn(&str) -> Value,
    calls: fn(&str, &[(&str, Value)]) -> Value,
}

const SPEECHES: [Speech; 4] = [
    Speech {
        scheme: "openai",
        words: |text| json!({"choices": [{"message": {"content": text}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 5}}),
        calls: |text, calls| {
            let call = |(name, arguments): &(&str, Value)| json!({"id": "x", "type": "function", "function": {"name": name, "arguments": arguments.to_string()}});
            let calls: Vec<Value> = calls.iter().map(call).collect();
            json!({"choices": [{"message": {"content": text, "tool_calls": calls}, "finish_reason": "tool_calls"}],
                   "usage": {"prompt_tokens": 30}})
        },
    },
    Speech {
        scheme: "ollama",
        words: |text| json!({"message": {"content": text}, "done_reason": "stop", "prompt_eval_count": 5}),
        calls: |text, calls| {
            let call = |(name, arguments): &(&str, Value)| json!({"function": {"name": name, "arguments": arguments}});
            let calls: Vec<Value> = calls.iter().map(call).collect();
            json!({"message": {"content": text, "tool_calls": calls}, "done_reason": "stop", "prompt_eval_count": 30})
        },
    },
    Speech {
        scheme: "anthropic",
        words: |text| json!({"content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "usage": {"input_tokens": 5}}),
        calls: |text, calls| {
            let call = |(name, arguments): &(&str, Value)| json!({"type": "tool_use", "id": "x", "name": name, "input": arguments});
            let words = [json!({"type": "text", "text": text})].into_iter();
            let blocks: Vec<Value> = words.chain(calls.iter().map(call)).collect();
            json!({"content": blocks, "stop_reason": "tool_use", "usage": {"input_tokens": 30}})
        },
    },
    Speech {
        scheme: "gemini",
        words: |text| {
            json!({"candidates": [{"content": {"parts": [{"text": text}]}, "finishReason": "STOP"}],
                   "usageMetadata": {"promptTokenCount": 5}})
        },
        calls: |text, calls| {
            let call = |(name, args): &(&str, Value)| json!({"functionCall": {"name": name, "args": args}});
            let parts: Vec<Value> = [json!({"text": text})].into_iter().chain(calls.iter().map(call)).collect();
            json!({"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}],
                   "usageMetadata": {"promptTokenCount": 30}})
        },
    },
];

fn has_tools(asked: &AskedServer) -> bool {
    asked.body.get("tools").is_some()
}

/// Plays the episode: two calls at once, of which the second fails, that one again, and words.
fn played(speech: &Speech) -> Vec<AskedServer> {
    let (words, calls) = (speech.words, speech.calls);
    let server = ScriptedServer::start(move |asked| {
        let open = |of: &str| ("open", json!({ "box": of }));
        let said = match asked.number {
            // Two questions of the connection, one with a tool.
            0..=1 => words("yes"),
            2 => calls("", &[]),
            3 => calls("Both.", &[open("a"), open("b")]),
            4 => calls("", &[open("b")]),
            _ => words("Done."),
        };
        Served::json(200, &said)
    });
    let server = server.unwrap();
    let model = open(speech.scheme, &server, &network());
    let probe = probe();
    let mut running = Running::start(episode(&probe));
    let first = answer(&*model, &probe, &mut running).unwrap();
    let call =
        |of: &str| format!("<tool_call>\n{{\"name\": \"open\", \"arguments\": {{\"box\":\"{of}\"}}}}\n</tool_call>");
    assert_eq!(first, (format!("Both.\n{}\n{}", call("a"), call("b")), FinishReason::ToolCalls), "{}", speech.scheme);
    assert_eq!(answer(&*model, &probe, &mut running).unwrap(), (call("b"), FinishReason::ToolCalls));
    assert_eq!(answer(&*model, &probe, &mut running).unwrap(), ("Done.".to_owned(), FinishReason::Stop));
    assert!(running.outcome().success, "{}: {:?}", speech.scheme, running.outcome());
    assert_eq!(model.answers().unwrap().tool_protocol().unwrap(), ToolProtocol::Native);
    let asked = server.asked();
    assert_eq!(asked.iter().map(has_tools).collect::<Vec<_>>(), [false, false, true, true, true, true]);
    asked
}

#[test]
fn every_server_gets_calls_and_results_in_its_own_form() {
    let asked = SPEECHES.map(|speech| played(&speech).pop().unwrap().body);
    let [openai, ollama, anthropic, gemini] = &asked;
    let parameters = json!({"type": "object", "properties": {"box": {"type": "string"}}, "required": ["box"]});
    let function = json!({"name": "open", "description": "Opens a box.", "parameters": parameters});
    let declared = json!([{"type": "function", "function": function}]);
    assert_eq!((&openai["tools"], &ollama["tools"]), (&declared, &declared));
    let made = |id: &str, of: &str| json!({"id": id, "type": "function", "function": {"name": "open", "arguments": format!("{{\"box\":\"{of}\"}}")}});
    let failed = &openai["messages"][4]["content"];
    assert!(failed.as_str().unwrap().starts_with("Error: "), "{failed}");
    assert_eq!(
        openai["messages"],
        json!([
            {"role": "system", "content": "You keep boxes."},
            {"role": "user", "content": "Open a and b."},
            {"role": "assistant", "content": "Both.", "tool_calls": [made("call00000", "a"), made("call00001", "b")]},
            {"role": "tool", "tool_call_id": "call00000", "content": "7"},
            {"role": "tool", "tool_call_id": "call00001", "content": failed},
            {"role": "assistant", "content": null, "tool_calls": [made("call00002", "b")]},
            {"role": "tool", "tool_call_id": "call00002", "content": "7"},
        ])
    );
    let made = |of: &str| json!({"function": {"name": "open", "arguments": {"box": of}}});
    assert_eq!(
        ollama["messages"][2],
        json!({"role": "assistant", "content": "Both.", "tool_calls": [made("a"), made("b")]})
    );
    assert_eq!(ollama["messages"][3], json!({"role": "tool", "tool_name": "open", "content": "7"}));
    assert_eq!(
        anthropic["tools"],
        json!([{"name": "open", "description": "Opens a box.", "input_schema": parameters}])
    );
    let used = |id: &str, of: &str| json!({"type": "tool_use", "id": id, "name": "open", "input": {"box": of}});
    let result = |id: &str, words: &Value, failed: bool| json!({"type": "tool_result", "tool_use_id": id, "content": words, "is_error": failed});
    assert_eq!(anthropic["system"], json!("You keep boxes."));
    assert_eq!(
        anthropic["messages"],
        json!([
            {"role": "user", "content": "Open a and b."},
            {"role": "assistant",
             "content": [{"type": "text", "text": "Both."}, used("call00000", "a"), used("call00001", "b")]},
            {"role": "user",
             "content": [result("call00000", &json!("7"), false), result("call00001", failed, true)]},
            {"role": "assistant", "content": [used("call00002", "b")]},
            {"role": "user", "content": [result("call00002", &json!("7"), false)]},
        ])
    );
    let declared = json!({"name": "open", "description": "Opens a box.", "parametersJsonSchema": parameters});
    assert_eq!(gemini["tools"], json!([{ "functionDeclarations": [declared] }]));
    let call = |of: &str| json!({"functionCall": {"name": "open", "args": {"box": of}}});
    let signed = |of: &str| {
        let mut call = call(of);
        call["thoughtSignature"] = json!("skip_thought_signature_validator");
        call
    };
    let response = |of: Value| json!({"functionResponse": {"name": "open", "response": of}});
    assert_eq!(
        gemini["contents"],
        json!([
            {"role": "user", "parts": [{"text": "Open a and b."}]},
            {"role": "model", "parts": [{"text": "Both."}, signed("a"), call("b")]},
            {"role": "user", "parts": [response(json!({"result": "7"})), response(json!({"error": failed}))]},
            {"role": "model", "parts": [signed("b")]},
            {"role": "user", "parts": [response(json!({"result": "7"}))]},
        ])
    );
}

#[test]
fn a_server_that_leaves_tools_out_or_refuses_them_is_asked_by_the_plain_protocol() {
    let check = |served: fn() -> Served| {
        let server = ScriptedServer::start(move |asked| match asked.number {
            2 => served(),
            _ => Served::chat("big", "yes", "stop"),
        });
        let server = server.unwrap();
        let model = open("openai", &server, &network());
        let probe = probe();
        let mut running = Running::start(episode(&probe));
        answer(&*model, &probe, &mut running).unwrap();
        assert_eq!(model.answers().unwrap().tool_protocol().unwrap(), ToolProtocol::Json);
        let asked = server.asked();
        let system = asked[3].body["messages"][0]["content"].as_str().unwrap();
        assert!(system.contains("open(box: string)") && !has_tools(&asked[3]), "{system}");
        assert_eq!(asked.len(), 4, "found out once, by one question");
    };
    // The same count of tokens: the model did not read them.
    check(|| Served::chat("big", "yes", "stop"));
    check(|| Served::json(400, &json!({"error": {"message": "big does not support tools"}})));
    check(|| Served::json(500, &json!({"error": {"code": 500, "message": "tools param requires --jinja flag"}})));
}

#[test]
fn who_does_not_answer_the_question_about_tools_is_no_server_without_them() {
    let server = ScriptedServer::start(|asked| match asked.number {
        0..=1 => Served::chat("big", "yes", "stop"),
        _ => Served::bytes(503, "overloaded"),
    });
    let model = open("openai", &server.unwrap(), &network());
    let error = model.answers().unwrap().tool_protocol().unwrap_err();
    assert!(matches!(error, ModelError::NoAnswer { .. }), "{error}");
}

#[test]
fn a_run_that_goes_on_says_how_its_endpoint_calls_tools() {
    let server = ScriptedServer::start(|_| Served::chat("big", "yes", "stop")).unwrap();
    let identity = open("openai", &server, &network()).identity().clone();
    for tools in [ToolProtocol::Json, ToolProtocol::Native] {
        let known = vec![Known { identity: identity.clone(), tools: Some(tools) }];
        let model = open("openai", &server, &network().knowing(known));
        assert_eq!(model.answers().unwrap().tool_protocol().unwrap(), tools);
    }
    assert_eq!(server.asked().len(), 2, "nobody was asked again");
}

#[test]
fn a_call_that_the_server_could_not_read_is_what_the_model_answered() {
    let check = |served: fn() -> Served, kept: &str| {
        let server = ScriptedServer::start(move |asked| match asked.number {
            0..=1 => Served::chat("big", "yes", "stop"),
            2 => Served::json(200, &(SPEECHES[0].calls)("", &[])),
            _ => served(),
        });
        let server = server.unwrap();
        let model = open("openai", &server, &network());
        let probe = probe();
        let mut running = Running::start(episode(&probe));
        let (text, finish) = answer(&*model, &probe, &mut running).unwrap();
        assert!(text.contains(kept), "{text}");
        assert_eq!((finish, running.outcome().malformed), (FinishReason::ToolCalls, 1));
        assert_eq!(server.asked().len(), 4, "asked once");
    };
    check(
        || Served::json(500, &json!({ "error": "error parsing tool call: raw='{\"box\": a}', err=invalid" })),
        "{\"box\": a}",
    );
    // Arguments that are no JSON come as the model's own text.
    check(
        || {
            let function = json!({"name": "open", "arguments": "{\"box\": "});
            let message =
                json!({"content": null, "tool_calls": [{"id": "x", "type": "function", "function": function}]});
            Served::json(200, &json!({"choices": [{"message": message, "finish_reason": "tool_calls"}]}))
        },
        "{\"box\": ",
    );
    // So does a call of no tool.
    check(
        || {
            let function = json!({"arguments": "{\"box\": "});
            let message =
                json!({"content": null, "tool_calls": [{"id": "x", "type": "function", "function": function}]});
            Served::json(200, &json!({"choices": [{"message": message, "finish_reason": "tool_calls"}]}))
        },
        "{\"box\": ",
    );
}

#[test]
fn words_that_look_like_a_call_are_words_where_the_server_read_none() {
    let words = "<tool_call>\n{\"name\": \"open\", \"arguments\": {\"box\": \"a\"}}\n</tool_call>";
    let server = ScriptedServer::start(move |asked| match asked.number {
        0..=1 => Served::chat("big", "yes", "stop"),
        2 => Served::json(200, &(SPEECHES[0].calls)("", &[])),
        _ => Served::chat("big", words, "stop"),
    });
    let server = server.unwrap();
    let model = open("openai", &server, &network());
    let probe = probe();
    let mut running = Running::start(episode(&probe));
    let (text, _) = answer(&*model, &probe, &mut running).unwrap();
    let outcome = running.outcome();
    assert_eq!((outcome.calls, outcome.malformed, outcome.success), (0, 0, false), "{text}");
}
