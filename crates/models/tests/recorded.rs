//! What real servers answered, byte for byte: `recorded/record` asked llama-server (the wheel of xllamacpp 2026.10, qwen2.5-coder-0.5b), vLLM
//! 0.32.0 on a CPU (smollm2-135m in 32-bit floats) and LiteLLM's proxy 1.108.7 in front of that llama-server.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use hydrometer_answers::{FinishReason, SamplingParameters};
use hydrometer_models::{
    Answer, AskedServer, EngineOptions, ListedAnswer, Message, Model, ModelError, Network, NoTime, Precision, Prompt,
    SampleLimits, SampleRequest, SampleStep, ScriptedServer, Sequence, Served, open_with,
};
use hydrometer_probes::Decoding;

/// An answer as it was recorded.
fn recorded(server: &str, name: &str) -> Served {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded").join(server).join(format!("{name}.http"));
    let text = String::from_utf8(fs::read(file).unwrap()).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines.filter_map(|line| line.split_once(": "));
    // The double says itself how long an answer is, and when a connection ends.
    let headers = headers.filter(|(name, _)| !["content-length", "connection"].contains(&name.to_lowercase().as_str()));
    headers.fold(Served::bytes(status, body), |served, (name, value)| served.header(name, value))
}

/// A server that answers chats by `chat` once it is known, and everything else by what was recorded of its kind.
fn connect(server: &'static str, chat: &'static str) -> (ScriptedServer, Box<dyn Model>) {
    let scheme = if server == "litellm" { "openai" } else { server };
    let script = move |asked: &AskedServer| match asked.path.as_str() {
        // Who answers is found out by two questions.
        "/v1/chat/completions" if asked.number < 2 => recorded(server, "chat"),
        "/v1/chat/completions" => recorded(server, chat),
        "/tokenize" => recorded(server, "tokenize"),
        "/v1/completions" if asked.body["prompt_logprobs"].is_u64() => recorded(server, "along"),
        "/completion" | "/v1/completions" => recorded(server, "position"),
        path => panic!("{path} was not recorded"),
    };
    let here = ScriptedServer::start(script).unwrap();
    let network = Network::without_keys().timed_by(Arc::new(NoTime));
    let spec = format!("{scheme}:{}#small", here.address());
    let model = open_with(&spec, &EngineOptions { precision: Precision::F32 }, &network).unwrap();
    (here, model)
}

fn request() -> SampleRequest {
    SampleRequest {
        key: "animal".to_owned(),
        prompt: Prompt::Messages(vec![Message::user("Name an animal, with an emoji.".to_owned())]),
        samples: vec![0],
        max_tokens: Some(24),
        stop: Vec::new(),
        decoding: Decoding::Sampled,
    }
}

fn parameters() -> SamplingParameters {
    SamplingParameters { temperature: 1.0, top_p: 1.0, top_k: 0, max_tokens: 24, stop: Vec::new(), seed: 0 }
}

/// An answer, and the tokens that were read and drawn for it.
fn answer(server: &'static str, chat: &'static str) -> Result<(Answer, [u64; 2]), ModelError> {
    let (_here, model) = connect(server, chat);
    let (mut found, mut tokens) = (None, [0; 2]);
    let limits = SampleLimits { width: 1, memory: 0 };
    model.answers().unwrap().answer(&[request()], &parameters(), &limits, &mut |step| {
        match step {
            SampleStep::Answer(answer) => found = Some(answer),
            SampleStep::Progress { read, drawn } => tokens = [tokens[0] + read, tokens[1] + drawn],
        }
        ControlFlow::Continue(())
    })?;
    Ok((found.unwrap(), tokens))
}

#[test]
fn answers_are_read() {
    let check = |server: &'static str, text: &str, finish: FinishReason, tokens: [u64; 2]| {
        let (found, counted) = answer(server, "chat").unwrap();
        assert_eq!((found.text.as_str(), found.finish), (text, finish), "{server}");
        assert_eq!(counted, tokens, "{server}");
    };
    check("llama-server", "Cat 🐱", FinishReason::Stop, [37, 5]);
    let vllm = "Enjoy, **Ebelsem**, an animal with an emoji made by **Scrirbles**!";
    check("vllm", vllm, FinishReason::Stop, [39, 23]);
    check("litellm", "Here is an animal with an emoji:\n[+] 🐲", FinishReason::Stop, [37, 14]);
}

#[test]
fn a_server_that_loads_is_asked_again() {
    let here = ScriptedServer::start(|asked| match asked.number {
        0..3 => recorded("llama-server", "loading"),
        _ => recorded("llama-server", "chat"),
    });
    let here = here.unwrap();
    let network = Network::without_keys().timed_by(Arc::new(NoTime));
    let spec = format!("llama-server:{}", here.address());
    let model = open_with(&spec, &EngineOptions { precision: Precision::F32 }, &network).unwrap();
    assert_eq!((model.identity().name.as_str(), here.asked().len()), ("qwen-0.5b.gguf", 5));
}

#[test]
fn a_prompt_beyond_the_context_is_an_outcome() {
    for server in ["llama-server", "vllm", "litellm"] {
        let (found, _) = answer(server, "too-long").unwrap();
        assert_eq!((found.text.as_str(), found.finish), ("", FinishReason::ContextExceeded), "{server}");
    }
}

#[test]
fn refusals_are_told_in_the_words_of_the_server() {
    let check = |server: &'static str, chat: &'static str, expected: &str| {
        let refused = answer(server, chat).unwrap_err().to_string();
        assert!(refused.contains(expected), "{refused}");
    };
    check("litellm", "unknown-model", "Invalid model name passed in model=nobody");
    check("litellm", "wrong-key", "No connected db.");
    check("vllm", "unknown-model", "The model `nobody` does not exist");
}

fn listed(server: &'static str) -> ListedAnswer {
    let (_here, model) = connect(server, "listed");
    let mut found = None;
    model
        .lists_answers()
        .unwrap()
        .listed_answers(&[request()], &parameters(), 1, &mut |came| {
            found = found.take().or(came.map(|(_, answer)| answer));
            ControlFlow::Continue(())
        })
        .unwrap();
    found.unwrap()
}

#[test]
fn lists_along_answers_are_read() {
    for server in ["llama-server", "vllm", "litellm"] {
        let ListedAnswer { text, tokens, drawn, .. } = listed(server);
        let words: Vec<u8> = tokens.iter().flat_map(|token| token.bytes.clone()).collect();
        let words = String::from_utf8_lossy(&words);
        assert!(words.starts_with(text.split_once(' ').unwrap().0), "{server}: {words} of {text}");
        assert!(tokens.len() as u64 <= drawn && tokens.len() > 4, "{server}: {} of {drawn}", tokens.len());
        for token in &tokens {
            let mass: f64 = token.top.iter().map(|(_, logprob)| logprob.exp()).sum();
            assert!(mass <= 1.001 && token.top.len() <= 4, "{server}: {token:?}");
        }
    }
}

#[test]
fn positions_are_read() {
    let check = |server: &'static str, ids: &[u32]| {
        let (_here, model) = connect(server, "chat");
        let shows = model.shows().unwrap();
        assert_eq!(shows.ids("Once upon a time").unwrap(), ids, "{server}");
        let found = shows.after(&[ids]).unwrap().remove(0);
        let falls = found.listed.windows(2).all(|pair| pair[0].1 >= pair[1].1);
        assert!(found.listed.len() == 5 && falls && found.drawn.len() == 1, "{server}: {found:?}");
        found
    };
    let found = check("llama-server", &[12522, 5193, 264, 882]);
    assert_eq!(found.listed[0], (44059, 0.05765414237976074f64.ln() as f32));
    assert_eq!(found.drawn, [(109_386, 3.522915221765288e-6f64.ln() as f32)]);
    let found = check("vllm", &[6403, 1980, 253, 655]);
    assert_eq!(found.drawn, [found.listed[0]]);
}

#[test]
fn lists_along_a_text_are_read() {
    let (_here, model) = connect("vllm", "chat");
    let text = Sequence { tokens: vec![6403, 1980, 253, 655], rows: vec![0, 1, 2] };
    let found = model.lists().unwrap().along(&[&text]).unwrap().remove(0);
    assert_eq!(found.iter().map(|place| place.next.0).collect::<Vec<_>>(), [1980, 253, 655]);
    // The text's own token stands in its list, whatever its rank: the first is the 1,050th, and none of the most probable.
    assert!(found.iter().all(|place| place.listed.len() == 20), "{found:?}");
    let own: Vec<bool> = found.iter().map(|place| place.listed.contains(&place.next)).collect();
    assert_eq!(own, [false, true, true]);
}

#[test]
fn a_server_that_lists_too_few_says_how_to_start_it() {
    let script = |asked: &AskedServer| match asked.path.as_str() {
        "/v1/chat/completions" => recorded("vllm", "chat"),
        "/tokenize" => recorded("vllm", "tokenize"),
        _ => recorded("vllm", "too-many"),
    };
    let here = ScriptedServer::start(script).unwrap();
    let spec = format!("vllm:{}#small", here.address());
    let network = Network::without_keys().timed_by(Arc::new(NoTime));
    let model = open_with(&spec, &EngineOptions { precision: Precision::F32 }, &network).unwrap();
    let why = model.shows().err().unwrap();
    assert!(why.contains("greater than max allowed: 20") && why.contains("--max-logprobs -1"), "{why}");
}
