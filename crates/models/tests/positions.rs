//! Next-token distributions of endpoints in the shapes in which llama-server, vLLM and SGLang send them.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::sync::Arc;

use hydrometer_models::{
    AskedServer, EngineOptions, Model, Network, NoTime, Precision, ScriptedServer, Served, ShownPosition, open_with,
};
use serde_json::{Map, Value, json};

fn connect(
    scheme: &str,
    script: impl Fn(&AskedServer) -> Served + Send + Sync + 'static,
) -> (ScriptedServer, Box<dyn Model>) {
    let server = ScriptedServer::start(script).unwrap();
    let network = Network::without_keys().timed_by(Arc::new(NoTime));
    let spec = format!("{scheme}:{}#big", server.address());
    let model = open_with(&spec, &EngineOptions { precision: Precision::F32 }, &network).unwrap();
    (server, model)
}

/// The list and the draw after a context: the draw is its length, with a log-probability of −3.
type List = Vec<(u32, f64)>;

/// A server of this kind that shows this list, and draws token 9, which is not in it.
fn server(
    scheme: &'static str,
    list: impl Fn(&AskedServer) -> List + Send + Sync + 'static,
) -> (ScriptedServer, Box<dyn Model>) {
    connect(scheme, move |asked| {
        let list = list(asked);
        match (asked.path.as_str(), scheme) {
            ("/v1/chat/completions", _) => Served::chat("big", "yes", "stop"),
            ("/tokenize", "llama-server") => {
                Served::json(200, &json!({"tokens": [{"id": 4, "piece": "O"}, {"id": 5, "piece": "n"}]}))
            }
            ("/tokenize", _) => Served::json(200, &json!({"count": 2, "max_model_len": 99, "tokens": [4, 5]})),
            ("/completion", "llama-server") => {
                let entry =
                    |(id, logprob): &(u32, f64)| json!({"id": id, "token": "x", "bytes": [120], "logprob": logprob});
                let mut token = entry(&(9, -3.0));
                token["top_logprobs"] = list.iter().map(entry).collect::<Vec<_>>().into();
                Served::json(200, &json!({"tokens": [9], "stop_type": "limit", "completion_probabilities": [token]}))
            }
            ("/v1/completions", "vllm") => {
                let named = |id: &u32| format!("token_id:{id}");
                let mut top: Map<String, Value> =
                    list.iter().map(|(id, logprob)| (named(id), json!(logprob))).collect();
                // The drawn token is always there.
                top.insert(named(&9), json!(-3.0));
                let logprobs =
                    json!({"tokens": [named(&9)], "token_logprobs": [-3.0], "top_logprobs": [top], "text_offset": [0]});
                Served::json(
                    200,
                    &json!({"choices": [{"index": 0, "text": "x", "logprobs": logprobs, "finish_reason": "length"}]}),
                )
            }
            ("/generate", "sglang") => {
                let triple = |(id, logprob): &(u32, f64)| json!([logprob, id, null]);
                let top: Vec<Value> = list.iter().map(triple).collect();
                let info = json!({"output_token_logprobs": [[-3.0, 9, null]], "output_top_logprobs": [top], "prompt_tokens": 2});
                Served::json(200, &json!({"text": "x", "meta_info": info}))
            }
            _ => Served::json(404, &json!({"error": {"message": "not here"}})),
        }
    })
}

fn long(asked: &AskedServer) -> List {
    let body = &asked.body;
    let count = [&body["n_probs"], &body["logprobs"], &body["top_logprobs_num"]].into_iter().find_map(Value::as_u64);
    // Each of 8,192 tokens has a mass of 1/8192, but the first, which has 0.2 more.
    let mut list: List =
        (10..).take(count.unwrap_or(0).min(6_500) as usize).map(|id| (id, (1.0f64 / 8192.0).ln())).collect();
    if let Some(first) = list.first_mut() {
        first.1 = 0.2f64.ln();
    }
    list
}

#[test]
fn every_server_is_asked_by_ids_and_read_in_its_shape() {
    let check = |scheme: &'static str, path: &str, context: &str| {
        let (server, model) = server(scheme, |_| vec![(7, -0.1), (8, -4.0), (6, -9999.0), (5, -3.402_823_466e38)]);
        let shows = model.shows().unwrap();
        assert_eq!(shows.ids("On").unwrap(), [4, 5], "{scheme}");
        let contexts: [&[u32]; 2] = [&[1, 2, 3], &[1, 2]];
        let found = shows.after(&contexts).unwrap();
        let listed = match scheme {
            "vllm" => vec![(7, -0.1), (9, -3.0), (8, -4.0)],
            _ => vec![(7, -0.1), (8, -4.0)],
        };
        let expected = ShownPosition { listed, drawn: vec![(9, -3.0)] };
        assert_eq!(found, [expected.clone(), expected], "{scheme}: a place-holder is no log-probability");
        let asked = server.asked();
        let asked: Vec<_> = asked.iter().filter(|asked| asked.path == path).collect();
        assert_eq!(asked.len(), 3, "one is tried out, and one for each position");
        let mut contexts: Vec<_> = asked[1..].iter().map(|asked| asked.body[context].clone()).collect();
        contexts.sort_by_key(|ids| ids.as_array().unwrap().len());
        assert_eq!(contexts, [json!([1, 2]), json!([1, 2, 3])], "{scheme}");
        let drawn = match scheme {
            "sglang" => &asked[1].body["sampling_params"],
            _ => &asked[1].body,
        };
        assert_eq!(drawn["temperature"], 1.0, "{scheme}");
    };
    check("llama-server", "/completion", "prompt");
    check("vllm", "/v1/completions", "prompt");
    check("sglang", "/generate", "input_ids");
}

#[test]
fn llama_server_is_asked_for_probabilities_behind_its_sampler() {
    let (server, model) = connect("llama-server", |asked| match asked.path.as_str() {
        "/v1/chat/completions" => Served::chat("big", "yes", "stop"),
        "/tokenize" => Served::json(200, &json!({"tokens": [4, 5]})),
        _ => {
            let entry = |id: u32, prob: f64| json!({"id": id, "token": "x", "bytes": [120], "prob": prob});
            let mut token = entry(9, 0.0625);
            token["top_probs"] = json!([entry(7, 0.5), entry(8, 0.4375), entry(9, 0.0625), entry(6, 0.0)]);
            Served::json(200, &json!({"completion_probabilities": [token]}))
        }
    });
    let found = model.shows().unwrap().after(&[&[1, 2]]).unwrap();
    let of = |id: u32, prob: f64| (id, prob.ln() as f32);
    assert_eq!(found[0].drawn, [of(9, 0.0625)]);
    assert_eq!(found[0].listed, [of(7, 0.5), of(8, 0.4375), of(9, 0.0625)], "0 is no probability that anybody knows");
    let asked = server.asked();
    let asked = &asked.iter().rfind(|asked| asked.path == "/completion").unwrap().body;
    assert_eq!((&asked["post_sampling_probs"], &asked["samplers"]), (&json!(true), &json!(["temperature"])));
}

#[test]
fn a_list_that_ends_within_the_nucleus_is_asked_for_again_and_longer() {
    let (server, model) = server("sglang", long);
    let contexts: [&[u32]; 1] = [&[1]];
    let found = model.shows().unwrap().after(&contexts).unwrap();
    let counts: Vec<_> = server.asked().iter().filter_map(|asked| asked.body["top_logprobs_num"].as_u64()).collect();
    assert_eq!(counts, [1024, 1024, 8192]);
    assert_eq!(found[0].listed.len(), 6_500, "more than the server has is not asked for");
}

/// vLLM adds the drawn token to a list that it is not in; the list of the most probable is without it, and with it where it is one
/// of them.
#[test]
fn the_drawn_token_changes_no_list() {
    let list = |asked: &AskedServer| -> List {
        // −1 asks for all of them.
        let count = asked.body["logprobs"].as_u64().unwrap_or(5_000) as usize;
        (10..).take(count).enumerate().map(|(place, id)| (id, if place == 0 { -0.05 } else { -20.0 })).collect()
    };
    let (server, model) = server("vllm", list);
    let found = model.shows().unwrap().after(&[&[1]]).unwrap();
    assert_eq!((found[0].listed.len(), found[0].drawn[0]), (1024, (9, -3.0)));
    assert!(found[0].listed.iter().all(|(token, _)| *token != 9));
    let counts: Vec<_> = server.asked().iter().filter_map(|asked| asked.body["logprobs"].as_i64()).collect();
    assert_eq!(counts, [-1, 1024], "whether any count will be served is found out at first");
}

#[test]
fn who_shows_no_positions_says_why() {
    let check = |scheme: &'static str, served: fn(&AskedServer) -> Served, expected: &str| {
        let (server, model) = connect(scheme, move |asked| match asked.path.as_str() {
            "/v1/chat/completions" => Served::chat("big", "yes", "stop"),
            "/tokenize" if scheme != "sglang" => Served::json(200, &json!({"tokens": [4, 5]})),
            _ => served(asked),
        });
        let why = model.shows().err().unwrap();
        assert!(why.contains(expected), "{why}");
        assert!(!why.contains("127.0.0.1"), "what may stand in a record says no address: {why}");
        let asked = server.asked().len();
        assert!(model.shows().is_err());
        assert_eq!(server.asked().len(), asked, "it is found out once");
    };
    let refused: fn(&AskedServer) -> Served = |_| {
        Served::json(
            400,
            &json!({"error": {"message": "Requested logprobs of 1024, which is greater than max allowed: 20"}}),
        )
    };
    check(
        "vllm",
        refused,
        "greater than max allowed: 20; vLLM lists as many tokens as are needed with --max-logprobs -1",
    );
    check("openai", refused, "openai takes no token ids");
    check("sglang", |_| Served::json(404, &json!({})), "it does not show the tokens of a text");
    check(
        "llama-server",
        |_| Served::json(200, &json!({"content": "x"})),
        "expected the log-probabilities of one token",
    );
    let nothing: fn(&AskedServer) -> Served = |_| {
        let token = json!({"id": 1, "logprob": -9999.0, "top_logprobs": []});
        Served::json(200, &json!({"completion_probabilities": [token]}))
    };
    check("llama-server", nothing, "expected a drawn token with its log-probability, found none");
}
