//! Audits of a teacher behind Gemini's dialect that lists the most probable tokens: every number is what the same lists make of it in
//! OpenAI's. Where the model refuses lists, letters are drawn.

#![allow(clippy::unwrap_used)]

use crate::support;

use std::fs;

use hydrometer_models::{AskedServer, ScriptedServer, Served};
use serde_json::{Value, json};
use support::{Desk, in_one_line};

const STUDENT: &str = "vocabulary = \"bytes\"\n[default]\nprobabilities = { A = 0.4, B = 0.3, C = 0.2 }\n";
/// The list at every place.
const TOP: [(&str, f64); 3] = [("A", 0.5), ("B", 0.3), ("C", 0.15)];
const QUESTIONS: usize = 40;

fn bench() -> Desk {
    let desk = Desk::new();
    desk.write("student.toml", STUDENT);
    let choice = |i| {
        json!({
            "id": format!("c{i}"), "family": format!("c{i}"), "axis": "letters", "kind": "choice",
            "prompt": format!("Which {i}?"), "options": ["an A", "a B"], "truth": 0,
        })
    };
    let prompt = |i| {
        json!({
            "id": format!("p{i}"), "family": format!("p{i}"), "axis": "letters", "kind": "prompt",
            "prompt": format!("Say {i}"), "max_tokens": 9,
        })
    };
    let lines: Vec<String> = (0..QUESTIONS).flat_map(|i| [choice(i), prompt(i)].map(|line| line.to_string())).collect();
    desk.write("probes.jsonl", &lines.join("\n"));
    desk
}

/// What is asked, whatever the dialect, and how many tokens are to be listed.
fn question(asked: &AskedServer) -> (&str, Option<u64>) {
    let body = &asked.body;
    match body["contents"].as_array().and_then(|turns| turns.last()) {
        Some(turn) => (turn["parts"][0]["text"].as_str().unwrap(), body["generationConfig"]["logprobs"].as_u64()),
        None => (asked.last_message(), body["top_logprobs"].as_u64()),
    }
}

/// Every third prompt is answered with a token that is not in its list, whose log-probability is not always said.
fn answer(question: &str) -> Vec<(&'static str, f64)> {
    let number = question.strip_prefix("Say ").and_then(|number| number.parse::<usize>().ok());
    let strange = ("z", if number.is_some_and(|number| number.is_multiple_of(2)) { 0.001_f64.ln() } else { -9999.0 });
    let listed = |place: usize| (TOP[place % 3].0, TOP[place % 3].1.ln());
    let number = number.unwrap_or(0);
    let last = if number % 3 == 1 { strange } else { listed(number / 3) };
    vec![listed(number), listed(number / 2), last, listed(0)]
}

fn serve(asked: &AskedServer) -> Served {
    let (question, count) = question(asked);
    let mut said = answer(question);
    let letter = question.contains("Which ");
    if letter {
        said.truncate(1);
    }
    let text: String = said.iter().map(|(text, _)| *text).collect();
    let [text_key, logprob_key] =
        ["token", if asked.body["contents"].is_array() { "logProbability" } else { "logprob" }];
    let token = |(text, logprob): &(&str, f64)| json!({text_key: text, logprob_key: logprob});
    let top: Vec<Value> = TOP.iter().map(|(text, p)| token(&(text, p.ln()))).collect();
    if asked.body["contents"].is_array() {
        let finish = if letter { "MAX_TOKENS" } else { "STOP" };
        let mut candidate = json!({"content": {"parts": [{"text": text}]}, "finishReason": finish});
        if count.is_some() {
            let drawn: Vec<Value> = said.iter().map(token).collect();
            let lists = vec![json!({ "candidates": top }); said.len()];
            candidate["logprobsResult"] = json!({"chosenCandidates": drawn, "topCandidates": lists});
        }
        let usage = json!({"promptTokenCount": 5, "candidatesTokenCount": said.len()});
        return Served::json(200, &json!({"candidates": [candidate], "modelVersion": "big", "usageMetadata": usage}));
    }
    let message = json!({"role": "assistant", "content": text});
    let mut choice = json!({"message": message, "finish_reason": if letter { "length" } else { "stop" }});
    if count.is_some() {
        let place = |drawn: &(&str, f64)| {
            let mut token = token(drawn);
            token["top_logprobs"] = json!(top);
            token
        };
        choice["logprobs"] = json!({"content": said.iter().map(place).collect::<Vec<_>>()});
    }
    let usage = json!({"prompt_tokens": 5, "completion_tokens": said.len()});
    Served::json(200, &json!({"model": "big", "choices": [choice], "usage": usage}))
}

fn audit(desk: &Desk, code: i32, teacher: &str, more: &[&str]) -> String {
    let models = ["audit", "--teacher", teacher, "--student", "scripted:student.toml", "--probes", "probes.jsonl"];
    let asked = ["--samples", "2", "--reruns", "2", "--rotations", "1", "--parallel", "4", "--out", "run"];
    let [_, talk] = in_one_line(desk.run(code, &[&models[..], &asked, more].concat()));
    talk
}

fn statement(desk: &Desk) -> Value {
    serde_json::from_str(&fs::read_to_string(desk.path("run/statement.json")).unwrap()).unwrap()
}

fn metric<'s>(statement: &'s Value, id: &str) -> &'s Value {
    statement["metrics"].as_array().unwrap().iter().find(|metric| metric["id"] == id).unwrap()
}

#[test]
fn lists_say_what_they_say_in_openais_dialect() {
    let [openai, gemini] = ["openai", "gemini"].map(|scheme| {
        let (desk, server) = (bench(), ScriptedServer::start(serve).unwrap());
        let teacher = format!("{scheme}:{}#big", server.address());
        let talk = audit(&desk, 0, &teacher, &["--letters", "8", "--listed-answers", "1"]);
        assert!(talk.contains("evidence R2: the most probable tokens at each place"), "{talk}");
        statement(&desk)
    });
    assert_eq!(gemini["metrics"], openai["metrics"]);
    assert_eq!(gemini["suite"], openai["suite"]);
    let known = |id: &str| metric(&gemini, id)["regime"].clone();
    assert_eq!((&known("kl_divergence")["id"], &known("kl_divergence")["known"]), (&json!("R2"), &json!("bounds")));
    assert_eq!(known("choice_agreement")["id"], "R2");
    // Options of 0.5 and 0.3 beside 0.4 and 0.3.
    let agreement = metric(&gemini, "choice_agreement")["estimate"]["value"].as_f64().unwrap();
    assert!((agreement - (0.5 / 0.8 * 0.4 / 0.7 + 0.3 / 0.8 * 0.3 / 0.7)).abs() < 1e-9, "{agreement}");
}

#[test]
fn letters_are_drawn_and_lists_refused_where_the_model_shows_none() {
    let refuse = |asked: &AskedServer| {
        if asked.body["generationConfig"]["responseLogprobs"] != true {
            return serve(asked);
        }
        let error =
            json!({"code": 400, "message": "Logprobs is not enabled for models/big", "status": "INVALID_ARGUMENT"});
        Served::json(400, &json!({"error": error}))
    };
    let (desk, server) = (bench(), ScriptedServer::start(refuse).unwrap());
    let teacher = format!("gemini:{}#big", server.address());
    let talk = audit(&desk, 2, &teacher, &["--listed-answers", "1"]);
    let reason = "expected none of this teacher: HTTP 400: Logprobs is not enabled for models/big";
    assert!(talk.contains(reason), "{talk}");
    audit(&desk, 0, &teacher, &["--letters", "4"]);
    let statement = statement(&desk);
    assert_eq!(metric(&statement, "choice_agreement")["regime"]["known"], "drawn");
    let notes = statement["notes"].to_string();
    assert!(
        notes.contains("counts of letters, drawn at temperature 1 for each order of a choice (regime R4)"),
        "{notes}"
    );
}
