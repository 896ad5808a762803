//! Lists along a text in the shapes in which vLLM, SGLang and llama-server send them, and what is no list.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use hydrometer_models::{
    AskedServer, EngineOptions, ListedPosition, Model, Network, NoTime, Precision, ScriptedServer, Sequence, Served,
    open_with,
};
use serde_json::{Value, json};

fn connect(
    scheme: &str,
    script: impl Fn(&AskedServer) -> Served + Send + Sync + 'static,
) -> (ScriptedServer, Box<dyn Model>) {
    let server = ScriptedServer::start(move |asked| match asked.path.as_str() {
        "/v1/chat/completions" => Served::chat("big", "yes", "stop"),
        "/tokenize" => Served::json(200, &json!({"tokens": [4, 5, 6]})),
        _ => script(asked),
    })
    .unwrap();
    let network = Network::without_keys().timed_by(Arc::new(NoTime));
    let spec = format!("{scheme}:{}#big", server.address());
    let model = open_with(&spec, &EngineOptions { precision: Precision::F32 }, &network).unwrap();
    (server, model)
}

fn vllm(lists: &Value) -> Served {
    Served::json(200, &json!({"choices": [{"text": "x", "prompt_logprobs": lists}]}))
}

fn sglang(tokens: &Value, lists: &Value) -> Served {
    let info = json!({"input_token_logprobs": tokens, "input_top_logprobs": lists, "prompt_tokens": 3});
    Served::json(200, &json!({"text": "x", "meta_info": info}))
}

fn entry(logprob: f64) -> Value {
    json!({"logprob": logprob, "rank": 1, "decoded_token": "x"})
}

/// What each answers to: tokens 4, 5, 6, of which 6 is beyond the list.
fn good(scheme: &str, asked: &AskedServer) -> Served {
    match scheme {
        "vllm" => {
            let mut second = json!({"5": entry(-0.5), "7": entry(-1.0), "9": entry(-9999.0)});
            let mut third = json!({"7": entry(-0.25), "8": entry(-2.0), "6": entry(-4.0)});
            // As many as were asked for, and the text's own where it is none of them.
            let count = asked.body["prompt_logprobs"].as_u64().unwrap();
            for id in 100..100 + count - 2 {
                third[id.to_string()] = entry(-3.5);
                second[id.to_string()] = entry(-7.0);
            }
            vllm(&json!([null, second, third]))
        }
        _ => {
            let start = asked.body["logprob_start_len"].as_u64().unwrap();
            let tokens = [json!([null, 4, null]), json!([-0.5, 5, null]), json!([-4.0, 6, null])];
            let second = json!([[-0.5, 5, null], [-1.0, 7, null], [-3.4e38, 9, null]]);
            let lists = [Value::Null, second, json!([[-0.25, 7, null], [-2.0, 8, null]])];
            let (mut tokens, mut lists) = (tokens[start as usize..].to_vec(), lists[start as usize..].to_vec());
            tokens[0][0] = Value::Null;
            lists[0] = Value::Null;
            sglang(&tokens.into(), &lists.into())
        }
    }
}

fn sequence(rows: &[u32]) -> Sequence {
    Sequence { tokens: vec![4, 5, 6], rows: rows.to_vec() }
}

#[test]
fn a_text_is_one_question() {
    let check = |scheme: &'static str, path: &str| {
        let (server, model) = connect(scheme, move |asked| good(scheme, asked));
        let lists = model.lists().unwrap();
        assert_eq!(lists.ids("On and on").unwrap(), [4, 5, 6], "{scheme}");
        let found = lists.along(&[&sequence(&[0, 1]), &sequence(&[1])]).unwrap();
        let [first, second] = [&found[0][0], &found[0][1]];
        assert_eq!((first.next, second.next), ((5, -0.5), (6, -4.0)), "{scheme}");
        assert_eq!(first.listed[..2], [(5, -0.5), (7, -1.0)], "{scheme}");
        assert!(first.listed.iter().all(|(token, _)| *token != 9), "{scheme}: a place-holder is no log-probability");
        assert_eq!(second.listed[..2], [(7, -0.25), (8, -2.0)], "{scheme}");
        assert!(
            second.listed.iter().all(|(token, _)| *token != 6),
            "{scheme}: the text's own token is beyond the list"
        );
        assert_eq!(found[1], found[0][1..], "{scheme}");
        let asked = server.asked();
        let asked: Vec<_> = asked.iter().filter(|asked| asked.path == path).collect();
        assert_eq!(asked.len(), 3, "one is tried out, and one for each text");
        assert_eq!(lists.questions(&sequence(&[0, 1])), [3], "{scheme}");
    };
    check("vllm", "/v1/completions");
    check("sglang", "/generate");
}

#[test]
fn vllm_is_asked_for_what_it_lists_without_being_told() {
    let (server, model) = connect("vllm", |asked| {
        if asked.body["prompt_logprobs"].as_u64().unwrap() > 20 {
            let reason = "Requested prompt logprobs of 256, which is greater than max allowed: 20";
            return Served::json(400, &json!({"error": {"message": reason}}));
        }
        good("vllm", asked)
    });
    let found = model.lists().unwrap().along(&[&sequence(&[1])]).unwrap();
    assert_eq!(found[0][0].listed.len(), 20);
    let counts: Vec<_> = server.asked().iter().filter_map(|asked| asked.body["prompt_logprobs"].as_u64()).collect();
    assert_eq!(counts, [256, 20, 20]);
    let (_server, none) = connect("vllm", |_| Served::json(400, &json!({"error": {"message": "no logprobs here"}})));
    let why = none.lists().err().unwrap();
    assert!(why.contains("no logprobs here") && why.contains("--max-logprobs 256"), "{why}");
}

#[test]
fn llama_server_is_asked_position_by_position_until_the_token_is_listed() {
    let (server, model) = connect("llama-server", |asked| {
        let count = asked.body["n_probs"].as_u64().unwrap();
        let entry = |id: u64, prob: f64| json!({"id": id, "prob": prob});
        let mut token = entry(7, 0.95);
        // Token 6 is the 5,000th.
        let list = (0..count.min(6_000)).map(|place| match place {
            0 => entry(7, 0.95),
            5_000 => entry(6, 1e-6),
            place => entry(10_000 + place, 2e-6),
        });
        token["top_probs"] = list.collect();
        Served::json(200, &json!({"completion_probabilities": [token]}))
    });
    let lists = model.lists().unwrap();
    let found = lists.along(&[&sequence(&[1])]).unwrap();
    let ListedPosition { listed, next } = &found[0][0];
    assert_eq!((next.0, listed.len()), (6, 6_000));
    assert!((f64::from(next.1) - 1e-6_f64.ln()).abs() < 1e-4, "{next:?}");
    let counts: Vec<_> = server.asked().iter().filter_map(|asked| asked.body["n_probs"].as_u64()).collect();
    assert_eq!(counts, [1_024, 1_024, 8_192]);
    assert_eq!(lists.questions(&sequence(&[0, 1])), [1, 2]);
    // A token that is nowhere has no log-probability.
    let absent = Sequence { tokens: vec![4, 99, 6], rows: vec![0] };
    let error = lists.along(&[&absent]).unwrap_err().to_string();
    assert!(error.contains("the log-probability of the text's own token 99, found 6000 other tokens"), "{error}");
}

#[test]
fn what_is_no_list_is_refused() {
    let check = |scheme: &'static str, answer: fn() -> Served, expected: &str| {
        let (_server, model) = connect(scheme, move |asked| {
            // The first question is answered as it should be.
            if asked.body["prompt"].as_array().or(asked.body["input_ids"].as_array()).unwrap()[0] == 4 {
                return good(scheme, asked);
            }
            answer()
        });
        let other = Sequence { tokens: vec![3, 5, 6], rows: vec![0, 1] };
        let error = model.lists().unwrap().along(&[&other]).unwrap_err().to_string();
        assert!(error.contains(expected), "{scheme}: {error}");
    };
    check("vllm", || vllm(&json!([null, {"5": entry(-1.0)}])), "expected 3 entries of prompt_logprobs, found 2");
    check("vllm", || vllm(&Value::Null), "expected prompt_logprobs, found");
    check("vllm", || vllm(&json!([null, {"7": entry(-1.0)}, null])), "the text's own token 5, found 1 other tokens");
    check("vllm", || vllm(&json!([null, {"5": entry(-9999.0)}, null])), "the text's own token 5");
    check("vllm", || vllm(&json!([null, {"5": entry(0.5)}, null])), "expected log-probabilities by token id");
    check(
        "sglang",
        || sglang(&json!([[null, 3, null], [-1.0, 5, null]]), &json!([null, [], []])),
        "expected 3 entries of input_token_logprobs, found 2",
    );
    check(
        "sglang",
        || sglang(&json!([[null, 3, null], [-1.0, 8, null], [-1.0, 6, null]]), &json!([null, [], []])),
        "expected token 5 of the text",
    );
    check(
        "sglang",
        || sglang(&json!([[null, 3, null], [-1.0, 5, null], [-1.0, 6, null]]), &json!([null, [["x", 5, null]], []])),
        "expected [log-probability, token id, text]",
    );
}
