//! Next-token distributions of endpoints in the shapes in which llama-server, vLLM and SGLang send them.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::sync::Arc;

use hydrometer_models::{
    AskedServer, Block, EngineOptions, Model, ModelError, Network, NoTime, Precision, Scorer, ScriptedServer, Sequence,
    Served, ShownPosition, open_tokenizer, open_with,
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
    connect(scheme, served(scheme, list))
}

fn served(
    scheme: &'static str,
    list: impl Fn(&AskedServer) -> List + Send + Sync + 'static,
) -> impl Fn(&AskedServer) -> Served + Send + Sync + 'static {
    move |asked| {
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
    }
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

/// Tokens of a server: 20 beside the vocabulary of 256 bytes, but of SGLang, which is asked for no more than the tokenizer has.
fn tokens_of(scheme: &str) -> u32 {
    if scheme == "sglang" { 256 } else { 276 }
}

/// A server of this kind that lists as many tokens as it is asked for; the last has half of the probability, and some is left out.
fn with_all(scheme: &'static str, spare: f64) -> (ScriptedServer, Result<Box<dyn Model>, ModelError>) {
    let list = move |asked: &AskedServer| -> List {
        let body = &asked.body;
        let counts = [&body["n_probs"], &body["logprobs"], &body["top_logprobs_num"]];
        let count = counts.into_iter().find_map(Value::as_u64);
        // 1,024 are asked for first, whatever will be asked for then.
        let few = count.is_none_or(|count| count <= 256 || count == 1024);
        assert!(scheme != "sglang" || few, "SGLang has no more than its vocabulary");
        let last = tokens_of(scheme) - 1;
        let each = |id: u32| (id, ((1.0 - spare) * if id == last { 0.5 } else { 0.5 / f64::from(last) }).ln());
        (0..=last).rev().map(each).take(count.map_or(usize::MAX, |count| count as usize)).collect()
    };
    let script = served(scheme, list);
    let server = ScriptedServer::start(script).unwrap();
    let bytes = tempfile::tempdir().unwrap();
    let file = bytes.path().join("bytes.toml");
    std::fs::write(&file, "vocabulary = \"bytes\"\n[default]\nprobabilities = { A = 1.0 }\n").unwrap();
    let without = Network::without_keys();
    let tokenizer = open_tokenizer(&format!("scripted:{}", file.display()), &without).unwrap();
    let network = Network::without_keys().timed_by(Arc::new(NoTime)).with_full_logprobs(Some(tokenizer));
    let model = open_with(
        &format!("{scheme}:{}#big", server.address()),
        &EngineOptions { precision: Precision::F32 },
        &network,
    );
    (server, model)
}

#[test]
fn a_server_that_lists_every_token_shows_its_logits() {
    let check = |scheme: &'static str, drawn: usize| {
        let tokens = tokens_of(scheme) as usize;
        let (server, model) = with_all(scheme, 0.0);
        let model = model.unwrap();
        let scorer = Scorer::of(&*model).unwrap();
        // What the server has beyond the tokenizer has a place, too.
        assert_eq!(scorer.identity.logit_width() as usize, tokens, "{scheme}");
        let asked = server.asked().len();
        let block = Block {
            sequences: vec![
                Sequence { tokens: vec![1, 2, 3], rows: vec![0, 2] },
                Sequence { tokens: vec![4, 5], rows: vec![1] },
            ],
        };
        let mut logits = scorer.scores.score(&block).unwrap();
        assert_eq!(server.asked().len(), asked, "{scheme}: nothing is asked before it is read");
        let mut out = vec![0.0; 3 * tokens];
        logits.read(0..3, &mut out).unwrap();
        let mut contexts: Vec<_> = server.asked()[asked..]
            .iter()
            .map(|asked| asked.body.get("prompt").unwrap_or(&asked.body["input_ids"]).clone())
            .collect();
        contexts.sort_by_key(ToString::to_string);
        assert_eq!(contexts, [json!([1, 2, 3]), json!([1]), json!([4, 5])], "{scheme}");
        for row in out.chunks(tokens) {
            let (last, others) = row.split_last().unwrap();
            assert!((last - 0.5f32.ln()).abs() < 1e-6, "{scheme}");
            let each = (0.5 / others.len() as f32).ln();
            let other = others.iter().filter(|logit| (**logit - each).abs() > 1e-5).count();
            assert_eq!(other, drawn, "{scheme}");
        }
    };
    // The drawn token is where vLLM has it with another log-probability than it lists.
    check("llama-server", 0);
    check("sglang", 0);
    check("vllm", 1);
}

#[test]
fn a_server_that_lists_not_all_of_the_mass_shows_no_logits() {
    for scheme in ["llama-server", "sglang"] {
        let (_server, model) = with_all(scheme, 0.01);
        let why = model.err().unwrap().to_string();
        assert!(why.contains("expected the log-probability of every token, found 2"), "{why}");
        assert!(why.contains("that have 0.9900 of the probability"), "{why}");
    }
    let (_server, model) = with_all("openai", 0.0);
    let why = model.err().unwrap().to_string();
    assert!(why.contains("openai takes no token ids"), "{why}");
}
