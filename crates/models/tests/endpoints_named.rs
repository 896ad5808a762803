//! Endpoints without a name of a model, with headers of the user's, and without settings of sampling: what is asked, and what is made of it.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::sync::Arc;

use hydrometer_models::{
    AskedServer, EngineOptions, Model, ModelError, Network, NoTime, Precision, ScriptedServer, Served, open_with,
};
use serde_json::{Value, json};

fn open(
    spec: &str,
    variable: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
) -> Result<Box<dyn Model>, ModelError> {
    let network = Network::new(variable).timed_by(Arc::new(NoTime));
    open_with(spec, &EngineOptions { precision: Precision::F32 }, &network)
}

/// A server of SGLang's kind that lists these models and repeats the name that it is asked for.
fn sglang(models: &'static [&'static str]) -> ScriptedServer {
    let serve = move |asked: &AskedServer| match asked.path.as_str() {
        "/v1/models" => {
            let cards: Vec<Value> = models.iter().map(|id| json!({"id": id, "object": "model", "root": id})).collect();
            Served::json(200, &json!({"object": "list", "data": cards}))
        }
        "/v1/chat/completions" => Served::chat(asked.body["model"].as_str().unwrap_or("default"), "yes", "stop"),
        _ => Served::json(404, &json!({"error": {"message": "not here"}})),
    };
    ScriptedServer::start(serve).unwrap()
}

#[test]
fn sglang_is_asked_for_the_name_of_its_model_where_none_is_named() {
    let server = sglang(&["org/small"]);
    let model = open(&format!("sglang:{}", server.address()), |_| None).unwrap();
    assert_eq!(model.identity().name, "org/small");
    assert!(server.asked().iter().all(|asked| asked.body.get("model").is_none()), "no name is made up");
    // Two servers that serve another model are two models, although both answer as `default`.
    let other = sglang(&["org/other"]);
    let other = open(&format!("sglang:{}", other.address()), |_| None).unwrap();
    assert_ne!(other.identity().key(), model.identity().key());
    let named = sglang(&["org/small"]);
    open(&format!("sglang:{}#org/small", named.address()), |_| None).unwrap();
    assert!(named.asked().iter().all(|asked| asked.path != "/v1/models"), "a name that is given needs no list");
    for (models, expected) in [(&["a", "b"][..], "found 2: a, b; name one as sglang:URL#MODEL"), (&[], "found none")] {
        let server = sglang(models);
        let error = open(&format!("sglang:{}", server.address()), |_| None).err().unwrap();
        assert!(matches!(error, ModelError::Refused { .. }) && error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn headers_of_the_user_go_with_every_question_and_take_the_place_of_the_keys() {
    let server = ScriptedServer::start(|_| Served::chat("big", "yes", "stop")).unwrap();
    let variable = |name: &str| match name {
        "OPENAI_API_KEY" => Some("sesame".to_owned()),
        "OPENAI_HEADERS" => Some("X-Team: red\nAuthorization: Basic abc".to_owned()),
        _ => None,
    };
    open(&format!("openai:{}#big", server.address()), variable).unwrap();
    assert!(!server.asked().is_empty());
    for asked in server.asked() {
        let of = |name: &str| {
            asked.headers.iter().filter(|(of, _)| of == name).map(|(_, value)| value.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(
            (of("x-team"), of("authorization"), of("content-type")),
            (vec!["red"], vec!["Basic abc"], vec!["application/json"])
        );
    }
    let wrong = |name: &str| (name == "OPENAI_HEADERS").then(|| "no colon".to_owned());
    let error = open(&format!("openai:{}#big", server.address()), wrong).err().unwrap().to_string();
    assert!(error.contains("OPENAI_HEADERS: line 1: expected a header as `Name: value`"), "{error}");
}

#[test]
fn lists_of_a_server_that_takes_no_settings_are_no_letters() {
    let check = |refuses: bool| {
        let server = ScriptedServer::start(move |asked| {
            if refuses && asked.body.get("temperature").is_some() {
                return Served::json(400, &json!({"error": {"message": "`temperature` is not supported"}}));
            }
            let listed = json!({"token": "yes", "logprob": -0.1, "top_logprobs": [{"token": "yes", "logprob": -0.1}]});
            let message = json!({"role": "assistant", "content": "yes"});
            let choice = json!({"message": message, "finish_reason": "stop", "logprobs": {"content": [listed]}});
            Served::json(200, &json!({"model": "big", "choices": [choice]}))
        })
        .unwrap();
        let model = open(&format!("openai:{}#big", server.address()), |_| None).unwrap();
        model.letters().unwrap().shows_first_tokens().unwrap()
    };
    assert!(check(false));
    assert!(!check(true), "nobody knows at which temperature they are listed");
}
