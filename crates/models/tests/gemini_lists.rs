//! Log-probabilities that Gemini shows, against the scripted server: they are what the same lists are in OpenAI's dialect.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::ops::ControlFlow;
use std::sync::Arc;

use hydrometer_answers::SamplingParameters;
use hydrometer_models::{
    Address, AskedServer, EngineOptions, FirstTokens, Found, ListedAnswer, Message, Model, Network, NoTime, Precision,
    SampleRequest, ScriptedServer, Served, check, open_with,
};
use hydrometer_probes::Decoding;
use serde_json::{Value, json};

/// A token with what stands for its log-probability.
type Token = (&'static str, Value);
/// One that was drawn, and the list at its place.
type Place = (Token, Vec<Token>);

fn text(places: &[Place]) -> String {
    places.iter().map(|((text, _), _)| *text).collect()
}

fn in_openais_words(places: &[Place]) -> Value {
    let token = |(text, logprob): &Token| json!({"token": text, "logprob": logprob});
    let place = |(drawn, top): &Place| {
        let mut drawn = token(drawn);
        drawn["top_logprobs"] = top.iter().map(token).collect();
        drawn
    };
    let content: Vec<Value> = places.iter().map(place).collect();
    let message = json!({"role": "assistant", "content": text(places)});
    let choice = json!({"message": message, "finish_reason": "length", "logprobs": {"content": content}});
    json!({"model": "big", "choices": [choice], "usage": {"prompt_tokens": 5, "completion_tokens": places.len()}})
}

fn in_geminis_words(places: &[Place]) -> Value {
    let token = |(text, logprob): &Token| json!({"token": text, "tokenId": 7, "logProbability": logprob});
    let drawn: Vec<Value> = places.iter().map(|(drawn, _)| token(drawn)).collect();
    let list = |(_, top): &Place| json!({"candidates": top.iter().map(token).collect::<Vec<_>>()});
    let lists: Vec<Value> = places.iter().map(list).collect();
    let content = json!({"role": "model", "parts": [{"text": text(places)}]});
    let result = json!({"chosenCandidates": drawn, "topCandidates": lists, "logProbabilitySum": -1.0});
    let candidate = json!({"content": content, "finishReason": "MAX_TOKENS", "logprobsResult": result});
    let usage = json!({"promptTokenCount": 5, "candidatesTokenCount": places.len()});
    json!({"candidates": [candidate], "modelVersion": "big", "usageMetadata": usage})
}

/// A server that answers every question alike, and its model.
fn serve(scheme: &str, answer: Value) -> (ScriptedServer, Box<dyn Model>) {
    connect(scheme, move |_| Served::json(200, &answer))
}

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

/// The first tokens of an answer and an answer with its lists, or why there are none.
fn shown(model: &dyn Model) -> Result<(FirstTokens, ListedAnswer), String> {
    let prompt = model.answers().unwrap().prompt(&[Message::user("Which?")]).unwrap();
    let (mut first, mut answer) = (None, None);
    let mut keep_first = |came: Option<(usize, FirstTokens)>| {
        first = came.map(|(_, found)| found).or(first.take());
        ControlFlow::Continue(())
    };
    model.letters().unwrap().first_tokens(&[&prompt], 1, &mut keep_first).map_err(|error| error.to_string())?;
    let request = SampleRequest {
        key: "Which?".to_owned(),
        prompt,
        samples: vec![0],
        max_tokens: None,
        stop: Vec::new(),
        decoding: Decoding::Sampled,
    };
    let parameters =
        SamplingParameters { temperature: 1.0, top_p: 1.0, top_k: 0, max_tokens: 9, stop: Vec::new(), seed: 1 };
    let lists = model.lists_answers()?;
    lists
        .listed_answers(&[request], &parameters, 1, &mut |came| {
            answer = came.map(|(_, found)| found).or(answer.take());
            ControlFlow::Continue(())
        })
        .unwrap();
    Ok((first.unwrap(), answer.unwrap()))
}

fn list(entries: &[(&'static str, f64)]) -> Vec<Token> {
    entries.iter().map(|(text, p)| (*text, json!(p.ln()))).collect()
}

#[test]
fn lists_are_what_they_are_in_openais_dialect() {
    let usual = || list(&[("A", 0.5), ("B", 0.25), (" C", 0.125)]);
    let check = |places: &[Place]| {
        let (_openai, of_openai) = serve("openai", in_openais_words(places));
        let (_gemini, of_gemini) = serve("gemini", in_geminis_words(places));
        let found = shown(&*of_gemini).unwrap();
        assert_eq!(found, shown(&*of_openai).unwrap());
        assert!(of_gemini.letters().unwrap().shows_first_tokens().unwrap());
        found
    };
    let (first, answer) = check(&[(("A", json!(-0.693)), usual()), (("B", json!(-1.386)), usual())]);
    assert_eq!((first.listed.len(), answer.tokens.len()), (3, 2));
    assert!((first.others - 0.125_f64.ln()).abs() < 1e-4);
    assert_eq!(answer.tokens[0].top[2], (b" C".to_vec(), 0.125_f64.ln()));
    // One that is not in its list, with and without a number of its own; a place-holder in a list; a place without one.
    let (first, answer) = check(&[
        (("z", json!(-6.5)), usual()),
        (("y", json!(-9999.0)), usual()),
        (("A", json!(0)), vec![("A", json!(-0.5)), ("B", json!(-9999.0))]),
        (("B", json!(-0.5)), Vec::new()),
    ]);
    assert_eq!((first.listed.len(), answer.tokens[0].logprob, answer.tokens[1].logprob), (3, Some(-6.5), None));
    assert_eq!((answer.tokens[2].top.len(), answer.tokens[3].top.len()), (1, 0));
}

#[test]
fn what_is_no_list_is_refused_as_in_openais_dialect() {
    let check = |answer: Value, expected: &str| {
        let (_server, model) = connect("gemini", move |asked| match asked.number {
            0..2 => Served::candidate("big", "yes", "STOP"),
            _ => Served::json(200, &answer),
        });
        let error = shown(&*model).unwrap_err();
        assert!(error.contains(expected) && error.contains("asked 8 times"), "{error}");
    };
    let drawn = || ("A", json!(-0.5));
    for (wrong, expected) in [
        (list(&[("A", 0.9), ("B", 0.5)]), "sum to at most 1, found 1.4"),
        (vec![("A", json!("likely"))], "expected a token with its log-probability"),
        (vec![("A", json!(0.5))], "expected a token with its log-probability"),
    ] {
        check(in_geminis_words(&[(drawn(), wrong)]), expected);
    }
    // One list more than tokens, and one less.
    for (name, lists) in [("chosenCandidates", 2), ("topCandidates", 1)] {
        let mut answer = in_geminis_words(&[(drawn(), list(&[("A", 0.5)])), (drawn(), list(&[("A", 0.5)]))]);
        answer["candidates"][0]["logprobsResult"][name].as_array_mut().unwrap().pop();
        let (places, lists) = (3 - lists, lists);
        check(
            answer,
            &format!("expected a list of topCandidates for each of {places} chosenCandidates, found {lists}"),
        );
    }
}

#[test]
fn the_question_asks_for_them_in_geminis_way() {
    let (server, model) = serve("gemini", in_geminis_words(&[(("A", json!(-0.5)), list(&[("A", 0.6), ("B", 0.3)]))]));
    shown(&*model).unwrap();
    let asked = server.asked();
    let settings = &asked.iter().find(|asked| asked.body.to_string().contains("Which?")).unwrap().body;
    assert_eq!(
        settings["generationConfig"],
        json!({
            "candidateCount": 1, "maxOutputTokens": 1, "temperature": 1.0, "topP": 1.0, "responseLogprobs": true, "logprobs": 20,
        })
    );
    assert_eq!(settings.get("logprobs"), None);
}

/// Refuses log-probabilities as models without them do.
fn without(asked: &AskedServer) -> Served {
    if asked.body["generationConfig"]["responseLogprobs"] == true {
        let error =
            json!({"code": 400, "message": "Logprobs is not enabled for models/big", "status": "INVALID_ARGUMENT"});
        return Served::json(400, &json!({"error": error}));
    }
    Served::candidate("big", "A", "STOP")
}

#[test]
fn a_model_that_refuses_them_has_none() {
    let (_server, model) = connect("gemini", without);
    assert!(!model.letters().unwrap().shows_first_tokens().unwrap());
    let Err(reason) = model.lists_answers() else { panic!("it lists nothing") };
    assert!(reason.contains("HTTP 400: Logprobs is not enabled for models/big"), "{reason}");
}

#[test]
fn checks_look_at_them_where_they_are_shown() {
    let look = |script: fn(&AskedServer) -> Served, name: &str| {
        let server = ScriptedServer::start(script).unwrap();
        let address = Address::parse(&format!("gemini:{}#big", server.address())).unwrap().unwrap();
        let all = check(address, &Network::without_keys().timed_by(Arc::new(NoTime)), None).unwrap();
        all.into_iter().find(|checked| checked.name == name).unwrap().found
    };
    let lists = |_: &AskedServer| {
        let place = |text| ((text, json!(-0.7)), list(&[("A", 0.5), ("B", 0.25)]));
        Served::json(200, &in_geminis_words(&[place("A"), place("B")]))
    };
    assert_eq!(look(lists, "counts"), Found::Passed("2 log-probabilities, 2 tokens".to_owned()));
    assert!(matches!(look(lists, "temperature"), Found::Passed(_)));
    let Found::NotOffered(reason) = look(without, "counts") else { panic!("there are none") };
    assert!(reason.contains("Logprobs is not enabled"), "{reason}");
}
