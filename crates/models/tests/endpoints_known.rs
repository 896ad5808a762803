//! Endpoints that answered before: nothing is asked to find out who answers, until an answer is wanted.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::ops::ControlFlow;

use hydrometer_answers::SamplingParameters;
use hydrometer_models::{
    EngineOptions, Known, Message, Model, ModelError, Network, Precision, SampleLimits, SampleRequest, ScriptedServer,
    Served, open_with,
};
use hydrometer_probes::Decoding;

fn open(server: &ScriptedServer, network: Network) -> Box<dyn Model> {
    let spec = format!("openai:{}#big", server.address());
    open_with(&spec, &EngineOptions { precision: Precision::F32 }, &network).unwrap()
}

fn known(model: &dyn Model) -> Known {
    Known { identity: model.identity().clone(), tools: None }
}

fn ask(model: &dyn Model) -> Result<(), ModelError> {
    let request = SampleRequest {
        key: "2+2?".to_owned(),
        prompt: model.answers().unwrap().prompt(&[Message::user("2+2?")]).unwrap(),
        samples: vec![0],
        max_tokens: None,
        stop: Vec::new(),
        decoding: Decoding::Sampled,
    };
    let parameters =
        SamplingParameters { temperature: 1.0, top_p: 1.0, top_k: 0, max_tokens: 9, stop: Vec::new(), seed: 1 };
    let limits = SampleLimits { width: 1, memory: 0 };
    model.answers().unwrap().answer(&[request], &parameters, &limits, &mut |_| ControlFlow::Continue(()))
}

#[test]
fn one_that_is_known_is_asked_who_it_is_when_an_answer_is_wanted() {
    let server = ScriptedServer::start(|_| Served::chat("big-2025", "four", "stop")).unwrap();
    let first = open(&server, Network::without_keys());
    assert_eq!(server.asked().len(), 2);
    let again = open(&server, Network::without_keys().knowing(vec![known(&*first)]));
    assert_eq!(again.identity(), first.identity());
    assert_eq!(server.asked().len(), 2);
    ask(&*again).unwrap();
    assert_eq!(server.asked().len(), 2 + 2 + 1);
    ask(&*again).unwrap();
    assert_eq!(server.asked().len(), 2 + 2 + 1 + 1, "once");
}

#[test]
fn the_second_run_of_the_teacher_is_asked_last_and_shuffled() {
    let server = ScriptedServer::start(|_| Served::chat("big", "four", "stop")).unwrap();
    let model = open(&server, Network::without_keys());
    let first = hydrometer_answers::SampleSource::Rerun.first_sample();
    let request = |i: usize| SampleRequest {
        key: format!("{i}"),
        prompt: model.answers().unwrap().prompt(&[Message::user(format!("{i}"))]).unwrap(),
        samples: vec![0, first],
        max_tokens: None,
        stop: Vec::new(),
        decoding: Decoding::Sampled,
    };
    let requests: Vec<_> = (0..20).map(request).collect();
    let parameters =
        SamplingParameters { temperature: 1.0, top_p: 1.0, top_k: 0, max_tokens: 9, stop: Vec::new(), seed: 1 };
    let limits = SampleLimits { width: 1, memory: 0 };
    model.answers().unwrap().answer(&requests, &parameters, &limits, &mut |_| ControlFlow::Continue(())).unwrap();
    let asked: Vec<usize> = server.asked()[2..].iter().map(|asked| asked.last_message().parse().unwrap()).collect();
    let in_order: Vec<usize> = (0..20).collect();
    assert_eq!(asked[..20], in_order);
    assert_ne!(asked[20..], in_order, "the second run has an order of its own");
    let mut sorted = asked[20..].to_vec();
    sorted.sort_unstable();
    assert_eq!(sorted, in_order);
}

#[test]
fn another_model_under_the_name_is_refused() {
    let server = ScriptedServer::start(|asked| {
        Served::chat(if asked.number < 2 { "big-2025" } else { "big-2026" }, "four", "stop")
    })
    .unwrap();
    let first = open(&server, Network::without_keys());
    let again = open(&server, Network::without_keys().knowing(vec![known(&*first)]));
    let error = ask(&*again).unwrap_err().to_string();
    assert!(error.contains("`big-2025` answered before") && error.contains("`big-2026` answers now"), "{error}");
    // Unless somebody said that it may.
    let accepting = Network::without_keys().knowing(vec![known(&*first)]).accepting_any_identity(true);
    let again = open(&server, accepting);
    ask(&*again).unwrap();
    assert_eq!(again.identity().name, "big-2025");
    // Another endpoint is not taken for a known one.
    let other = ScriptedServer::start(|_| Served::chat("small", "four", "stop")).unwrap();
    assert_eq!(open(&other, Network::without_keys().knowing(vec![known(&*first)])).identity().name, "small");
}
