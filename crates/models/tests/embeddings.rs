//! Vectors of texts from an endpoint, against the scripted server. Time does not pass here.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::sync::{Arc, Mutex};

use hydrometer_models::{Address, AskedServer, EmbeddingEndpoint, ModelError, Network, NoTime, ScriptedServer, Served};
use serde_json::{Value, json};

fn connect_as(
    scheme: &str,
    script: impl Fn(&AskedServer) -> Served + Send + Sync + 'static,
) -> (ScriptedServer, Result<EmbeddingEndpoint, ModelError>) {
    let server = ScriptedServer::start(script).unwrap();
    let network = Network::new(|name| name.ends_with("_API_KEY").then(|| "sesame-open".to_owned()));
    let address = Address::parse(&format!("{scheme}:{}#small", server.address())).unwrap().unwrap();
    let opened = EmbeddingEndpoint::connect(address, &network.timed_by(Arc::new(NoTime)), None);
    (server, opened)
}

fn texts(asked: &AskedServer) -> Vec<String> {
    let texts = asked.body["input"].as_array().unwrap().iter();
    texts.map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// Length and first letter of every text, the last text first.
fn honest(asked: &AskedServer) -> Value {
    let vector = |text: &String| json!([text.len(), text.bytes().next().unwrap_or(0), 1]);
    let all = texts(asked);
    let items = all.iter().enumerate().rev().map(|(index, text)| json!({"index": index, "embedding": vector(text)}));
    json!({"model": "small-2", "data": items.collect::<Vec<_>>()})
}

#[test]
fn vectors_come_in_the_order_of_the_texts_in_batches_and_once() {
    let (server, opened) = connect_as("openai", |asked| Served::json(200, &honest(asked)));
    let endpoint = opened.unwrap();
    let all: Vec<String> = (0..70).map(|i| "x".repeat(i + 1)).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let vectors = endpoint.encode(&all).unwrap();
    assert!(vectors.iter().enumerate().all(|(i, vector)| vector[..] == [(i + 1) as f32, 120.0, 1.0]), "{vectors:?}");
    let sizes: Vec<usize> = server.asked().iter().map(|asked| texts(asked).len()).collect();
    assert_eq!(sizes, [1, 32, 32, 6]);
    assert_eq!(endpoint.encode(&all[3..5]).unwrap(), vectors[3..5]);
    assert_eq!(server.asked().len(), 4, "what is known is not asked again");
    let asked = &server.asked()[1];
    assert_eq!((asked.path.as_str(), &asked.body["model"]), ("/v1/embeddings", &json!("small")));
    assert_eq!(asked.body["encoding_format"], "float");
    assert_eq!(asked.header("authorization"), Some("Bearer sesame-open"));
    assert_eq!(endpoint.name(), "small-2");
    let version = endpoint.version();
    assert!(version.starts_with("openai:host-") && version.ends_with("#small, 3 numbers"), "{version}");
    assert!(!version.contains("127.0.0.1"), "{version}");
}

#[test]
fn ollama_is_asked_in_its_own_words_and_base64_is_read() {
    let (server, opened) = connect_as("ollama", |asked| {
        let vectors: Vec<Value> = texts(asked).iter().map(|text| json!([text.len(), 1])).collect();
        Served::json(200, &json!({"model": "small", "embeddings": vectors}))
    });
    assert_eq!(opened.unwrap().encode(&["abc"]).unwrap(), [[3.0, 1.0]]);
    let asked = &server.asked()[1];
    assert_eq!((asked.path.as_str(), &asked.body["truncate"]), ("/api/embed", &json!(false)));

    let (_, opened) =
        connect_as("vllm", |_| Served::json(200, &json!({"data": [{"index": 0, "embedding": "AACAPwAAAEA="}]})));
    let endpoint = opened.unwrap();
    assert_eq!(endpoint.encode(&["abc"]).unwrap(), [[1.0, 2.0]]);
    assert_eq!(endpoint.name(), "small", "where the server does not say its name");
}

#[test]
fn what_are_no_vectors_of_these_texts_is_refused() {
    // The first question is answered well: a vector of two numbers.
    let check = |answer: Value, expected: &str| {
        let (server, opened) = connect_as("openai", move |asked| match asked.number {
            0 => Served::json(200, &json!({"data": [{"index": 0, "embedding": [1, 2]}]})),
            _ => Served::json(200, &answer),
        });
        let error = opened.unwrap().encode(&["a", "b"]).unwrap_err();
        assert!(matches!(error, ModelError::NoAnswer { attempts: 8, .. }), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(server.asked().len(), 9);
    };
    let item = |index: Value, embedding: Value| json!({"index": index, "embedding": embedding});
    let data = |items: &[Value]| json!({ "data": items });
    let good = item(json!(0), json!([1, 2]));
    check(data(std::slice::from_ref(&good)), "expected 2 vectors, found 1");
    check(data(&[good.clone(), good.clone()]), "an `index` of 0 to 1 once each, found `0`");
    check(data(&[good.clone(), item(json!(2), json!([1, 2]))]), "found `2`");
    check(data(&[good.clone(), item(json!(1), json!([1, 2, 3]))]), "expected vectors of 2 numbers, found one of 3");
    check(
        data(&[good.clone(), item(json!(1), json!([1, null]))]),
        "expected a vector of finite numbers, found `[1,null]`",
    );
    check(data(&[good.clone(), item(json!(1), json!([1, 1e300]))]), "expected a vector of finite numbers");
    check(data(&[good.clone(), item(json!(1), json!("AACAPw=="))]), "expected vectors of 2 numbers, found one of 1");
    check(data(&[good.clone(), item(json!(1), json!("AACAPwAAwH8="))]), "expected a vector of finite numbers");
    check(
        data(&[good, item(json!(1), json!("no base64"))]),
        "expected a vector of finite numbers, found `\\\"no base64",
    );
    check(json!({"embeddings": [[1, 2]]}), "expected 2 vectors, found 1");
    check(json!({"object": "list"}), "expected embeddings in `data`, found");
}

#[test]
fn servers_without_embeddings_are_not_asked_again_and_again() {
    let (server, opened) = connect_as("llama-server", |_| {
        Served::json(501, &json!({"error": {"message": "Start it with `--embeddings`"}}))
    });
    let error = opened.err().unwrap().to_string();
    assert!(error.contains("HTTP 501: Start it with `--embeddings`"), "{error}");
    assert_eq!(server.asked().len(), 1);
    let (server, opened) = connect_as("anthropic", |_| Served::bytes(200, ""));
    assert!(opened.err().unwrap().to_string().contains("Anthropic offers none"));
    assert!(server.asked().is_empty());
}

/// What a server says to a question.
type Answers = fn(&AskedServer) -> Value;

fn connect_keeping(server: &ScriptedServer, folder: &std::path::Path) -> Result<EmbeddingEndpoint, ModelError> {
    let address = Address::parse(&format!("openai:{}#small", server.address())).unwrap().unwrap();
    EmbeddingEndpoint::connect(address, &Network::without_keys().timed_by(Arc::new(NoTime)), Some(folder))
}

#[test]
fn vectors_that_were_paid_for_are_kept_and_not_asked_for_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = ScriptedServer::start(|asked| Served::json(200, &honest(asked))).unwrap();
    let all: Vec<String> = (0..40).map(|i| "x".repeat(i + 1)).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let first = connect_keeping(&server, folder.path()).unwrap();
    let vectors = first.encode(&all).unwrap();
    let asked = server.asked().len();
    let again = connect_keeping(&server, folder.path()).unwrap();
    assert_eq!(again.encode(&all).unwrap(), vectors);
    assert_eq!((again.name(), again.version()), (first.name(), first.version()));
    assert_eq!(server.asked().len(), asked, "nothing is paid for twice");
    // What is new is asked for alone, beside the text that says who answers.
    assert_eq!(again.encode(&["abc", all[0]]).unwrap(), [vec![3.0, 97.0, 1.0], vectors[0].clone()]);
    assert_eq!(again.encode(&["de"]).unwrap(), [[2.0, 100.0, 1.0]]);
    let new: Vec<Vec<String>> = server.asked()[asked..].iter().map(texts).collect();
    assert_eq!(new, [vec!["Are you there?", "abc"], vec!["de"]]);
}

#[test]
fn vectors_of_another_model_are_not_put_beside_those_that_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let now = Arc::new(Mutex::new(honest as Answers));
    let script = now.clone();
    let server = ScriptedServer::start(move |asked| Served::json(200, &script.lock().unwrap()(asked))).unwrap();
    connect_keeping(&server, folder.path()).unwrap().encode(&["abc"]).unwrap();
    let kept = hydrometer_answers::KeptVectors::open(folder.path(), "other").unwrap();
    assert_eq!(kept.name(), None, "another encoder has a folder of its own");
    let check = |answer: Answers, expected: &str| {
        *now.lock().unwrap() = answer;
        let error = connect_keeping(&server, folder.path()).unwrap().encode(&["new"]).unwrap_err().to_string();
        assert!(error.contains("another model is served under the name") && error.contains(expected), "{error}");
    };
    check(
        |asked| {
            let mut answer = honest(asked);
            answer["model"] = "small-3".into();
            answer
        },
        "found `small-3`",
    );
    check(
        |asked| {
            let items = (0..texts(asked).len()).map(|index| json!({"index": index, "embedding": [1, -5, 40]}));
            json!({"model": "small-2", "data": items.collect::<Vec<_>>()})
        },
        "cosine -0.",
    );
}

#[test]
fn a_damaged_file_of_vectors_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let server = ScriptedServer::start(|asked| Served::json(200, &honest(asked))).unwrap();
    connect_keeping(&server, folder.path()).unwrap().encode(&["abc"]).unwrap();
    let encoder = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    let file = std::fs::read_dir(encoder).unwrap().next().unwrap().unwrap().path();
    std::fs::write(&file, "{").unwrap();
    let error = connect_keeping(&server, folder.path()).err().unwrap().to_string();
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    assert!(error.contains(&name) && error.contains("its texts are asked again"), "{error}");
}
