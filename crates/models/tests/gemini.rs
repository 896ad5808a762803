//! Gemini's way of speaking, against the scripted server.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hydrometer_answers::{FinishReason, SamplingParameters};
use hydrometer_models::{
    Answer, AskedServer, Clock, EngineOptions, Message, Model, ModelError, Network, Precision, SampleLimits,
    SampleRequest, SampleStep, ScriptedServer, Served, open_with,
};
use hydrometer_probes::Decoding;
use serde_json::{Value, json};

/// A clock that counts what is waited.
#[derive(Default)]
struct Counting(Mutex<Duration>);

impl Clock for Counting {
    fn unix_seconds(&self) -> f64 {
        1_738_367_999.0
    }

    fn wait(&self, time: Duration) {
        *self.0.lock().unwrap() += time;
    }

    fn jitter(&self) -> f64 {
        0.0
    }
}

struct Connected {
    server: ScriptedServer,
    clock: Arc<Counting>,
    model: Box<dyn Model>,
}

/// A connection whose first two questions are answered; then the script answers.
fn connect(script: impl Fn(&AskedServer) -> Served + Send + Sync + 'static) -> Connected {
    let server = ScriptedServer::start(move |asked| match asked.number {
        0..2 => Served::candidate("clever-001", "yes", "STOP"),
        _ => script(asked),
    })
    .unwrap();
    let clock = Arc::new(Counting::default());
    let network = Network::new(|name| (name == "GEMINI_API_KEY").then(|| "sesame-open".to_owned()));
    let network = network.timed_by(clock.clone());
    let spec = format!("gemini:{}#clever", server.address());
    let model = open_with(&spec, &EngineOptions { precision: Precision::F32 }, &network).unwrap();
    Connected { server, clock, model }
}

fn ask(model: &dyn Model) -> Result<Answer, ModelError> {
    let message = |role: &str, content: &str| Message { role: role.to_owned(), content: content.to_owned() };
    let said =
        [message("system", "Be short."), message("user", "1+1?"), message("assistant", "two"), message("user", "2+2?")];
    let request = SampleRequest {
        key: "2+2?".to_owned(),
        prompt: model.answers().unwrap().prompt(&said).unwrap(),
        samples: vec![0],
        max_tokens: Some(7),
        stop: vec!["\n".to_owned()],
        decoding: Decoding::Sampled,
    };
    let parameters =
        SamplingParameters { temperature: 1.0, top_p: 1.0, top_k: 0, max_tokens: 9, stop: Vec::new(), seed: 1 };
    let mut answers = Vec::new();
    let limits = SampleLimits { width: 1, memory: 0 };
    model.answers().unwrap().answer(&[request], &parameters, &limits, &mut |step| {
        if let SampleStep::Answer(answer) = step {
            answers.push(answer);
        }
        ControlFlow::Continue(())
    })?;
    Ok(answers.remove(0))
}

#[test]
fn a_question_says_everything_and_the_key_stands_in_its_header() {
    let connected = connect(|_| Served::candidate("clever-001", "four", "STOP"));
    let answer = ask(&*connected.model).unwrap();
    assert_eq!((answer.text.as_str(), answer.finish), ("four", FinishReason::Stop));
    assert_eq!(connected.model.identity().name, "clever-001");
    let asked = &connected.server.asked()[2];
    assert_eq!(asked.path, "/v1beta/models/clever:generateContent");
    assert_eq!(asked.header("x-goog-api-key"), Some("sesame-open"));
    let part = |text: &str| json!([{"text": text}]);
    assert_eq!(
        asked.body,
        json!({
            "contents": [
                {"role": "user", "parts": part("1+1?")},
                {"role": "model", "parts": part("two")},
                {"role": "user", "parts": part("2+2?")},
            ],
            "generationConfig": {
                "candidateCount": 1, "maxOutputTokens": 7, "temperature": 1.0, "topP": 1.0, "stopSequences": ["\n"],
            },
            "systemInstruction": {"parts": part("Be short.")},
        })
    );
}

#[test]
fn every_way_of_ending_is_an_outcome_of_its_own() {
    let check = |reply: Value, text: &str, finish: FinishReason| {
        let connected = connect(move |_| Served::json(200, &reply));
        let answer = ask(&*connected.model).unwrap();
        assert_eq!((answer.text.as_str(), answer.finish), (text, finish));
    };
    let candidate = |parts: Value, finish: &str| json!({"candidates": [{"content": {"parts": parts}, "finishReason": finish}], "modelVersion": "clever-001"});
    check(candidate(json!([{"text": "ha"}]), "MAX_TOKENS"), "ha", FinishReason::Length);
    check(candidate(json!([{"text": "hm", "thought": true}, {"text": "ha"}]), "STOP"), "ha", FinishReason::Stop);
    check(candidate(json!([]), "SAFETY"), "", FinishReason::ContentFilter);
    check(candidate(json!([]), "RECITATION"), "", FinishReason::ContentFilter);
    let call = |name: &str, arguments: &str| {
        format!("<tool_call>\n{{\"name\": \"{name}\", \"arguments\": {arguments}}}\n</tool_call>")
    };
    check(candidate(json!([{"functionCall": {"name": "f"}}]), "STOP"), &call("f", "{}"), FinishReason::ToolCalls);
    check(candidate(json!([]), "MALFORMED_FUNCTION_CALL"), &call("", "not shown"), FinishReason::ToolCalls);
    check(json!({"candidates": [{"finishReason": "STOP"}]}), "", FinishReason::Stop);
    check(json!({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}), "", FinishReason::ContentFilter);
}

#[test]
fn what_is_no_answer_is_asked_again() {
    for (reply, expected) in [
        (json!({}), "expected an answer with `candidates`"),
        (json!({"candidates": [{"finishReason": "OTHER"}]}), "expected a finishReason of STOP"),
    ] {
        let connected = connect(move |_| Served::json(200, &reply));
        let error = ask(&*connected.model).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("asked 8 times"), "{error}");
    }
}

/// A limit that is used up, as Google says it.
fn used_up(quota: &str, delay: &str) -> Served {
    let message = "You exceeded your current quota, please check your plan and billing details.";
    let details = json!([
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": quota}]},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay},
    ]);
    let error = json!({"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED", "details": details});
    Served::json(429, &json!({"error": error}))
}

#[test]
fn a_limit_of_a_minute_is_waited_for_as_long_as_the_server_says() {
    let connected = connect(|asked| match asked.number {
        2 => used_up("GenerateRequestsPerMinutePerProjectPerModel", "57.25s"),
        _ => Served::candidate("clever-001", "four", "STOP"),
    });
    assert_eq!(ask(&*connected.model).unwrap().text, "four");
    assert_eq!(*connected.clock.0.lock().unwrap(), Duration::from_millis(57_250));
}

#[test]
fn a_limit_of_a_day_is_not_waited_for() {
    let connected = connect(|_| used_up("GenerateRequestsPerDayPerProjectPerModel-FreeTier", "20s"));
    let error = ask(&*connected.model).unwrap_err().to_string();
    assert!(error.contains("nothing is left to spend"), "{error}");
    assert_eq!(connected.server.asked().len(), 3);
}
