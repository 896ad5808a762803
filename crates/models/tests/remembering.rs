//! A model that remembers says what the model says, and computes it once.
#![allow(clippy::unwrap_used)]

use std::ops::ControlFlow;
use std::path::Path;

use hydrometer_answers::SamplingParameters;
use hydrometer_models::{
    Answer, Defect, EngineOptions, Model, Planted, Precision, Prompt, Remembering, SampleLimits, SampleRequest,
    SampleStep, open,
};
use hydrometer_probes::Decoding;

fn tiny() -> Box<dyn Model> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/tiny-qwen2");
    open(&path.display().to_string(), &EngineOptions { precision: Precision::F32 }).unwrap()
}

fn requests(samples: std::ops::Range<u32>) -> Vec<SampleRequest> {
    let request = |number: u32, decoding| SampleRequest {
        key: format!("p{number}"),
        prompt: Prompt::Tokens((0..6 + number).map(|token| token * 7 % 90 + 1).collect()),
        samples: samples.clone().collect(),
        max_tokens: None,
        stop: Vec::new(),
        decoding,
    };
    vec![request(0, Decoding::Sampled), request(1, Decoding::Greedy), request(2, Decoding::Sampled)]
}

/// Answers in the order of requests and samples, and the tokens that were computed for them.
fn asked(model: &dyn Model, requests: &[SampleRequest], seed: u64) -> (Vec<Answer>, u64) {
    let parameters =
        SamplingParameters { temperature: 1.0, top_p: 1.0, top_k: 0, max_tokens: 12, stop: Vec::new(), seed };
    let limits = SampleLimits { width: 8, memory: u64::MAX };
    let (mut answers, mut computed) = (Vec::new(), 0);
    let answering = model.answers().unwrap();
    answering
        .answer(requests, &parameters, &limits, &mut |step| {
            match step {
                SampleStep::Answer(answer) => answers.push(answer),
                SampleStep::Progress { read, drawn } => computed += read + drawn,
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    answers.sort_by_key(|answer| (answer.request, answer.sample));
    (answers, computed)
}

#[test]
fn what_was_answered_once_is_not_computed_again() {
    let (model, remembering) = (tiny(), Remembering::new(tiny()));
    let (expected, whole) = asked(&*model, &requests(0..3), 1);
    assert_eq!(asked(&remembering, &requests(0..3), 1), (expected.clone(), whole));
    assert_eq!(asked(&remembering, &requests(0..3), 1), (expected.clone(), 0));
    // Further samples are computed, but for those without chance, which are the same whatever their number.
    let further = asked(&*model, &requests(2..5), 1).0;
    let (found, computed) = asked(&remembering, &requests(2..5), 1);
    assert_eq!(found, further);
    assert!(0 < computed && computed < whole, "{computed} of {whole}");
    let greedy = asked(&remembering, &requests(90..92)[1..2], 1);
    assert_eq!((greedy.0.len(), greedy.1), (2, 0));
    // Another seed draws anew, and what is forgotten is computed.
    assert_eq!(asked(&remembering, &requests(0..3)[..1], 2).0, asked(&*model, &requests(0..3)[..1], 2).0);
    remembering.forget();
    assert_eq!(asked(&remembering, &requests(0..3), 1), (expected, whole));
}

#[test]
fn a_null_defect_answers_from_what_is_remembered_and_a_real_one_does_not() {
    let remembering = Remembering::new(tiny());
    let (expected, _) = asked(&remembering, &requests(0..2), 1);
    let null = Planted::new(Defect::Null, Box::new(remembering.clone()));
    assert_eq!(asked(&null, &requests(0..2), 1), (expected.clone(), 0));
    let cold = Planted::new(Defect::Temperature(0.2), Box::new(remembering));
    let (found, computed) = asked(&cold, &requests(0..2), 1);
    assert!(computed > 0 && found != expected);
}
