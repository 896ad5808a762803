//! Models behind endpoints, against the scripted server: what is sent, what is read, what is asked again and what is not.
//! Time does not pass here: waits are counted.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
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

/// A connection to a scripted server.
struct Connected {
    server: ScriptedServer,
    clock: Arc<Counting>,
    model: Result<Box<dyn Model>, ModelError>,
}

fn connect_as(scheme: &str, model: &str, script: impl Fn(&AskedServer) -> Served + Send + Sync + 'static) -> Connected {
    let server = ScriptedServer::start(script).unwrap();
    let clock = Arc::new(Counting::default());
    let network = Network::new(|name| name.ends_with("_API_KEY").then(|| "sesame-open".to_owned()));
    let network = network.timed_by(clock.clone());
    let spec = format!("{scheme}:{}{model}", server.address());
    let model = open_with(&spec, &EngineOptions { precision: Precision::F32 }, &network);
    Connected { server, clock, model }
}

fn connect(script: impl Fn(&AskedServer) -> Served + Send + Sync + 'static) -> Connected {
    connect_as("openai", "#big", script)
}

fn error(connected: &Connected) -> String {
    connected.model.as_ref().err().unwrap().to_string()
}

/// What a server says to the two questions of a connection.
fn introduction(asked: &AskedServer) -> Option<Served> {
    (asked.number < 2).then(|| Served::chat("big-2025", "yes", "stop"))
}

fn parameters() -> SamplingParameters {
    SamplingParameters { temperature: 1.0, top_p: 1.0, top_k: 0, max_tokens: 9, stop: Vec::new(), seed: 1 }
}

fn request(model: &dyn Model, text: &str, samples: u32, decoding: Decoding) -> SampleRequest {
    let said = [Message { role: "system".into(), content: "Be short.".into() }, Message::user(text)];
    SampleRequest {
        key: text.to_owned(),
        prompt: model.answers().unwrap().prompt(&said).unwrap(),
        samples: (0..samples).collect(),
        max_tokens: Some(7),
        stop: vec!["\n".to_owned()],
        decoding,
    }
}

/// Asks; the answers that came in any case, and how it ended.
fn ask(model: &dyn Model, requests: &[SampleRequest], width: usize) -> (Vec<Answer>, Result<(), ModelError>) {
    let mut answers = Vec::new();
    let limits = SampleLimits { width, memory: 0 };
    let ended = model.answers().unwrap().answer(requests, &parameters(), &limits, &mut |step| {
        if let SampleStep::Answer(answer) = step {
            answers.push(answer);
        }
        ControlFlow::Continue(())
    });
    (answers, ended)
}

fn ask_once(model: &dyn Model) -> (Vec<Answer>, Result<(), ModelError>) {
    ask(model, &[request(model, "2+2?", 1, Decoding::Sampled)], 1)
}

#[test]
fn sampling_is_said_explicitly_and_the_key_stands_in_its_header_alone() {
    let connected = connect(|_| Served::chat("big-2025", "four", "stop"));
    let model = connected.model.as_deref().unwrap();
    let requests = [request(model, "2+2?", 2, Decoding::Sampled), request(model, "3+3?", 1, Decoding::Greedy)];
    let (answers, ended) = ask(model, &requests, 1);
    ended.unwrap();
    assert_eq!(
        answers.iter().map(|answer| (answer.request, answer.sample)).collect::<Vec<_>>(),
        [(0, 0), (0, 1), (1, 0)]
    );
    assert!(answers.iter().all(|answer| answer.text == "four" && answer.finish == FinishReason::Stop));
    let asked = connected.server.asked();
    assert_eq!(
        asked[2].body,
        json!({
            "messages": [{"role": "system", "content": "Be short."}, {"role": "user", "content": "2+2?"}],
            "stream": false, "model": "big", "max_tokens": 7, "temperature": 1.0, "top_p": 1.0, "stop": ["\n"],
        })
    );
    assert_eq!(asked[4].body["temperature"], json!(0.0));
    for asked in &asked {
        assert_eq!(
            (asked.path.as_str(), asked.header("authorization")),
            ("/v1/chat/completions", Some("Bearer sesame-open"))
        );
    }
    let identity = model.identity();
    assert_eq!((identity.name.as_str(), identity.format.as_str()), ("big-2025", "endpoint"));
    assert!(!format!("{identity:?}").contains("127.0.0.1") && !format!("{identity:?}").contains("sesame"));
    assert_eq!(connected.server.connections(), 1, "one connection serves them all");
}

#[test]
fn every_server_is_told_what_leaves_its_distribution_alone() {
    let check = |scheme: &str, expected: Value| {
        let connected = connect_as(scheme, "#big", |_| Served::chat("big", "yes", "stop"));
        assert!(connected.model.is_ok(), "{scheme}: {}", error(&connected));
        let body = connected.server.asked()[0].body.clone();
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(body[name], *value, "{scheme}: {name}");
        }
    };
    check(
        "vllm",
        json!({"temperature": 1.0, "top_p": 1.0, "top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0}),
    );
    check(
        "sglang",
        json!({"temperature": 1.0, "top_p": 1.0, "top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0}),
    );
    check(
        "llama-server",
        json!({"temperature": 1.0, "top_p": 1.0, "top_k": 0, "min_p": 0.0, "repeat_penalty": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0}),
    );
}

#[test]
fn a_server_with_one_model_need_not_be_told_its_name() {
    let connected = connect_as("llama-server", "", |_| Served::chat("/home/me/models/small.gguf", "yes", "stop"));
    assert_eq!(connected.model.as_deref().unwrap().identity().name, "small.gguf");
    assert!(connected.server.asked()[0].body.get("model").is_none());
}

#[test]
fn anthropic_and_ollama_are_spoken_to_in_their_own_way() {
    let connected = connect_as("anthropic", "#clever", |_| Served::message("clever-1", "four", "end_turn"));
    let model = connected.model.as_deref().unwrap();
    let (answers, _) = ask_once(model);
    assert_eq!((answers[0].text.as_str(), answers[0].finish), ("four", FinishReason::Stop));
    let asked = connected.server.asked();
    assert_eq!((asked[2].path.as_str(), asked[2].header("x-api-key")), ("/v1/messages", Some("sesame-open")));
    assert_eq!(asked[2].header("anthropic-version"), Some("2023-06-01"));
    assert_eq!(
        asked[2].body,
        json!({
            "messages": [{"role": "user", "content": "2+2?"}], "max_tokens": 7, "model": "clever",
            "system": "Be short.", "temperature": 1.0, "top_p": 1.0, "stop_sequences": ["\n"],
        })
    );

    let reply = json!({
        "model": "small:1b", "message": {"role": "assistant", "content": "four"}, "done": true, "done_reason": "stop",
        "prompt_eval_count": 5, "eval_count": 1,
    });
    let connected = connect_as("ollama", "#small:1b", move |_| Served::json(200, &reply));
    let model = connected.model.as_deref().unwrap();
    let (answers, _) = ask_once(model);
    assert_eq!((answers[0].text.as_str(), answers[0].finish), ("four", FinishReason::Stop));
    let asked = connected.server.asked();
    assert_eq!(asked[2].path, "/api/chat");
    assert_eq!(
        asked[2].body["options"],
        json!({
            "num_predict": 7, "temperature": 1.0, "top_p": 1.0, "top_k": 0, "min_p": 0.0, "repeat_penalty": 1.0,
            "presence_penalty": 0.0, "frequency_penalty": 0.0,
            "stop": ["\n"],
        })
    );
    assert_eq!((&asked[2].body["truncate"], &asked[2].body["stream"]), (&json!(false), &json!(false)));
}

#[test]
fn every_way_of_ending_is_an_outcome_of_its_own() {
    let check = |scheme: &str, reply: Value, text: &str, finish: FinishReason| {
        let of = scheme.to_owned();
        let connected = connect_as(scheme, "#big", move |asked| match introduction(asked) {
            Some(_) if of == "anthropic" => Served::message("big-2025", "yes", "end_turn"),
            Some(first) => first,
            None => Served::json(200, &reply),
        });
        let (answers, ended) = ask_once(connected.model.as_deref().unwrap());
        ended.unwrap();
        assert_eq!((answers[0].text.as_str(), answers[0].finish), (text, finish));
    };
    let chat = |message: Value, finish: &str| json!({"choices": [{"message": message, "finish_reason": finish}]});
    check("openai", chat(json!({"content": "ha"}), "length"), "ha", FinishReason::Length);
    check("openai", chat(json!({"content": ""}), "stop"), "", FinishReason::Stop);
    check("openai", chat(json!({"content": "ha"}), "content_filter"), "ha", FinishReason::ContentFilter);
    check("openai", chat(json!({"content": null, "tool_calls": []}), "tool_calls"), "", FinishReason::ToolCalls);
    check("openai", chat(json!({"content": null, "refusal": "No."}), "stop"), "No.", FinishReason::Refusal);
    let message = |content: Value, stop: &str| json!({"content": content, "stop_reason": stop});
    let said = |text: &str| json!([{"type": "thinking", "thinking": "…"}, {"type": "text", "text": text}]);
    check("anthropic", message(said("ha"), "max_tokens"), "ha", FinishReason::Length);
    check("anthropic", message(json!([]), "refusal"), "", FinishReason::Refusal);
    check("anthropic", message(json!([{"type": "tool_use"}]), "tool_use"), "", FinishReason::ToolCalls);
}

#[test]
fn thinking_that_takes_all_tokens_is_an_answer_that_was_cut() {
    let words = "Could not finish the message because max_tokens or model output limit was reached.";
    let connected = connect(move |asked| {
        introduction(asked).unwrap_or_else(|| Served::json(400, &json!({"error": {"message": words}})))
    });
    let (answers, ended) = ask_once(connected.model.as_deref().unwrap());
    ended.unwrap();
    assert_eq!((answers[0].text.as_str(), answers[0].finish), ("", FinishReason::Length));
}

#[test]
fn settings_that_a_server_refuses_are_left_out_and_the_identity_says_so() {
    // Each refuses what its row names; the rest is answered.
    let check = |refuses: fn(&Value) -> Option<&'static str>, settings: [bool; 2], expected: &str| {
        let connected = connect(move |asked| match refuses(&asked.body) {
            Some(words) => Served::json(400, &json!({"error": {"message": words}})),
            None => Served::chat("big", "yes", "stop"),
        });
        assert!(connected.model.is_ok(), "{}", error(&connected));
        let model = connected.model.as_deref().unwrap();
        let unknown = model.identity().unknown.clone().unwrap();
        assert!(unknown.contains(expected), "{unknown}");
        ask_once(model).1.unwrap();
        let asked = connected.server.asked();
        let body = &asked.last().unwrap().body;
        assert_eq!([body.get("temperature").is_some(), body.get("top_p").is_some()], settings, "{body}");
        (model.identity().key(), body.get("max_completion_tokens").is_some())
    };
    let all = check(|_| None, [true, true], "it is told temperature and top_p").0;
    let one = check(
        |body| body.get("top_p").map(|_| "`temperature` and `top_p` cannot both be specified for this model."),
        [true, false],
        "takes no top_p beside it",
    );
    let none = check(
        |body| body.get("temperature").or(body.get("top_p")).map(|_| "Unsupported parameter: 'temperature'"),
        [false, false],
        "draws are the provider's",
    );
    assert!(all != one.0 && one.0 != none.0, "answers of other settings are other answers");
    let fixed = |body: &Value| {
        (body["temperature"] == json!(0.0)).then_some("'temperature' does not support 0 with this model")
    };
    check(fixed, [true, true], "it has no greedy answers");
    let renamed = |body: &Value| {
        body.get("max_tokens").map(|_| "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
    };
    assert!(check(renamed, [true, true], "it is told temperature and top_p").1);
}

#[test]
fn a_server_that_has_too_much_to_do_is_asked_again_when_it_says() {
    let check = |served: fn() -> Served, waited: f64| {
        let connected = connect(move |asked| match asked.number {
            2 | 3 => served(),
            _ => Served::chat("big", "yes", "stop"),
        });
        let (answers, ended) = ask_once(connected.model.as_deref().unwrap());
        ended.unwrap();
        assert_eq!((answers.len(), connected.server.asked().len()), (1, 5));
        let found = connected.clock.0.lock().unwrap().as_secs_f64();
        assert!((found - waited).abs() < 1e-6, "{found}, expected {waited}");
    };
    check(|| Served::json(429, &json!({"error": {"message": "slow down"}})), 0.5 + 1.0);
    check(|| Served::bytes(503, "loading"), 0.5 + 1.0);
    check(|| Served::bytes(529, ""), 0.5 + 1.0);
    check(|| Served::bytes(429, "").header("retry-after", "7"), 14.0);
    check(|| Served::bytes(429, "").header("retry-after-ms", "250"), 0.5);
    check(|| Served::bytes(400, "").header("x-should-retry", "true"), 1.5);
    check(
        || {
            Served::bytes(429, "")
                .header("x-ratelimit-remaining-tokens", "0")
                .header("x-ratelimit-reset-tokens", "1m0s")
        },
        120.0,
    );
    check(
        || {
            Served::bytes(429, "")
                .header("anthropic-ratelimit-requests-remaining", "0")
                .header("anthropic-ratelimit-requests-reset", "2025-02-01T00:00:09Z")
        },
        20.0,
    );
}

#[test]
fn what_is_no_answer_is_asked_again_although_the_status_says_all_is_well() {
    let check = |served: Served, expected: &str| {
        let again = served.clone();
        let connected = connect(move |asked| match asked.number {
            2 => again.clone(),
            _ => Served::chat("big", "yes", "stop"),
        });
        let (answers, ended) = ask_once(connected.model.as_deref().unwrap());
        ended.unwrap();
        assert_eq!((answers[0].text.as_str(), connected.server.asked().len()), ("yes", 4));
        // And where it stays so, the error says what was found.
        let connected = connect(move |asked| introduction(asked).unwrap_or_else(|| served.clone()));
        let (answers, ended) = ask_once(connected.model.as_deref().unwrap());
        let error = ended.unwrap_err();
        assert!(matches!(error, ModelError::NoAnswer { attempts: 8, .. }), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
        assert!(answers.is_empty());
    };
    check(Served::bytes(200, ""), "expected JSON, found an empty answer");
    check(Served::bytes(200, "<html>Sign in</html>"), "found a web page: `<html>Sign in</html>`");
    check(Served::bytes(200, "{\"choices\": [{"), "found JSON that is cut off");
    check(Served::bytes(200, "hello"), "found something else: `hello`");
    check(Served::bytes(200, vec![b'{', 0xff, b'}']), "no UTF-8 at byte 1");
    check(Served::bytes(200, "data: {}\n\n"), "found a stream");
    check(
        Served::bytes(
            200,
            "event: error\ndata: {\"type\": \"error\", \"error\": {\"type\": \"overloaded_error\", \"message\": \"too many\"}}\n\n",
        ),
        "HTTP 500: too many",
    );
    check(Served::json(200, &json!({"id": "x"})), "expected a chat completion with `choices`");
    check(Served::json(200, &json!({"choices": []})), "expected a chat completion with `choices`");
    check(Served::json(200, &json!({"choices": [{"finish_reason": "stop"}]})), "a choice with a `message`");
    check(Served::chat("big", "yes", "abort"), "expected a finish_reason of");
    check(Served::json(200, &json!({"error": {"message": "upstream fell over"}})), "upstream fell over");
    check(Served::chat("big", "yes", "stop").torn(), "broke off");
    check(Served::bytes(500, "oops"), "HTTP 500: `oops`");
}

#[test]
fn what_would_be_refused_again_is_not_asked_again() {
    let check = |served: fn() -> Served, expected: &str| {
        let connected = connect(move |_| served());
        let found = error(&connected);
        assert!(matches!(connected.model, Err(ModelError::Refused { .. })), "{found}");
        assert!(found.contains(expected), "{found}");
        assert_eq!(connected.server.asked().len(), 1, "{found}");
    };
    let spent = || Served::json(429, &json!({"error": {"message": "You exceeded it", "code": "insufficient_quota"}}));
    check(spent, "nothing is left to spend (HTTP 429: You exceeded it); raise the quota");
    check(
        || Served::json(400, &json!({"error": {"message": "Your credit balance is too low"}})),
        "nothing is left to spend",
    );
    check(|| Served::bytes(402, ""), "nothing is left to spend");
    // Within a stream that nobody asked for, behind a status that says that all is well.
    check(
        || {
            let chunk = json!({"choices": [{"delta": {"content": "y"}}]});
            let spent = json!({"error": {"message": "You exceeded it", "code": "insufficient_quota"}});
            Served::bytes(200, format!("data: {chunk}\n\ndata: {spent}\n\ndata: [DONE]\n\n"))
        },
        "nothing is left to spend (HTTP 500: You exceeded it)",
    );
    check(
        || {
            let error = json!({"type": "error", "error": {"type": "billing_error", "message": "Pay first"}});
            Served::bytes(200, format!("event: error\ndata: {error}\n\n"))
        },
        "nothing is left to spend (HTTP 500: Pay first)",
    );
    check(|| Served::bytes(429, "").header("x-should-retry", "false"), "HTTP 429");
    check(
        || Served::json(401, &json!({"error": {"message": "bad key sesame-open"}})),
        "bad key [key]; is the key in OPENAI_API_KEY",
    );
    check(|| Served::json(404, &json!({"error": {"message": "no model big"}})), "no model big; is the model there");
    check(|| Served::json(422, &json!({"detail": "max_tokens: too many"})), "HTTP 422: max_tokens: too many");
    check(|| Served::bytes(307, "").header("location", "http://elsewhere/"), "sends elsewhere, to `http://elsewhere/`");
}

#[test]
fn a_wait_that_is_too_long_ends_it_and_says_so() {
    let connected = connect(|_| Served::bytes(429, "").header("retry-after", "3600"));
    let found = error(&connected);
    assert!(found.contains("the server asks to wait 3600 s, and at most 300 s are waited (asked 1 time)"), "{found}");
}

#[test]
fn nobody_there_is_said_after_all_attempts() {
    let server = ScriptedServer::start(|_| Served::bytes(200, "")).unwrap();
    let spec = format!("openai:{}#big", server.address());
    drop(server);
    let network = Network::without_keys().timed_by(Arc::new(Counting::default()));
    let error = open_with(&spec, &EngineOptions { precision: Precision::F32 }, &network).err().unwrap();
    assert!(matches!(error, ModelError::NoAnswer { attempts: 8, .. }), "{error}");
}

#[test]
fn many_are_under_way_and_each_is_asked_once() {
    let (inside, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (of_server, seen) = (inside.clone(), most.clone());
    let connected = connect(move |asked| {
        let now = of_server.fetch_add(1, Ordering::SeqCst) + 1;
        seen.fetch_max(now, Ordering::SeqCst);
        let text = asked.last_message().to_owned();
        of_server.fetch_sub(1, Ordering::SeqCst);
        // Every tenth question meets a server with too much to do.
        if asked.number > 2 && asked.number % 10 == 0 {
            return Served::bytes(429, "");
        }
        Served::chat("big", &text, "stop")
    });
    let model = connected.model.as_deref().unwrap();
    let requests: Vec<_> = (0..100).map(|number| request(model, &format!("{number}?"), 3, Decoding::Sampled)).collect();
    let (answers, ended) = ask(model, &requests, 16);
    ended.unwrap();
    let mut found: Vec<_> = answers.iter().map(|answer| (answer.request, answer.sample)).collect();
    found.sort_unstable();
    let wanted: Vec<_> = (0..100).flat_map(|request| (0..3).map(move |sample| (request, sample))).collect();
    assert_eq!(found, wanted);
    assert!(answers.iter().all(|answer| answer.text == format!("{}?", answer.request)));
    assert!(most.load(Ordering::SeqCst) <= 16);
    assert!(connected.server.connections() <= 17, "{}", connected.server.connections());
}

#[test]
fn what_is_whole_is_handed_out_whatever_ends_it() {
    let connected = connect(|asked| match asked.number {
        0..5 => Served::chat("big", "yes", "stop"),
        _ => Served::json(400, &json!({"error": {"message": "no more"}})),
    });
    let model = connected.model.as_deref().unwrap();
    let (answers, ended) = ask(model, &[request(model, "2+2?", 9, Decoding::Sampled)], 1);
    assert_eq!(answers.len(), 3);
    assert!(ended.unwrap_err().to_string().ends_with("HTTP 400: no more"));
    assert_eq!(connected.server.asked().len(), 6, "and nothing is asked after the refusal");
}

#[test]
fn an_interruption_takes_the_answers_under_way_along() {
    let connected = connect(|_| Served::chat("big", "yes", "stop"));
    let model = connected.model.as_deref().unwrap();
    let mut answers = 0;
    let limits = SampleLimits { width: 4, memory: 0 };
    let requests = [request(model, "2+2?", 100, Decoding::Sampled)];
    let ended = model.answers().unwrap().answer(&requests, &parameters(), &limits, &mut |step| {
        answers += usize::from(matches!(step, SampleStep::Answer(_)));
        ControlFlow::Break(())
    });
    ended.unwrap();
    assert_eq!(answers, connected.server.asked().len() - 2, "what was asked was handed out");
    assert!(answers < 100);
}

#[test]
fn another_model_under_the_same_name_is_noticed() {
    let connected = connect(|asked| introduction(asked).unwrap_or_else(|| Served::chat("big-2026", "yes", "stop")));
    let (answers, ended) = ask_once(connected.model.as_deref().unwrap());
    assert!(answers.is_empty());
    let error = ended.unwrap_err().to_string();
    assert!(error.contains("the model was `big-2025` when this began and is `big-2026` now"), "{error}");

    let served = |build: &str| {
        let choice = json!({"message": {"content": "yes"}, "finish_reason": "stop"});
        Served::json(200, &json!({"model": "big", "system_fingerprint": build, "choices": [choice]}))
    };
    let script = move |asked: &AskedServer| served(if asked.number < 2 { "b1" } else { "b2" });
    let (_, ended) = ask_once(connect_as("vllm", "#big", script).model.as_deref().unwrap());
    assert!(ended.unwrap_err().to_string().contains("fingerprint was `b1`"));
    // OpenAI's says which machine answered.
    let (answers, _) = ask_once(connect(script).model.as_deref().unwrap());
    assert_eq!(answers.len(), 1);
}
