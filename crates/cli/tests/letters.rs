//! Choices put to endpoints: letters by the first tokens that a server lists, or drawn and counted, from the command line to the
//! statement.

#![allow(clippy::unwrap_used)]

use crate::support;

use crate::served;

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::mpsc::channel;

use hydrometer_models::{AskedServer, CHECK_MARK, ScriptedServer, Served};
use serde_json::{Value, json};
use served::{Fault, Kept, anthropic, openai, questions};
use support::{Desk, ended, in_one_line};

/// Undecided between the letters.
const STUDENT: &str = "vocabulary = \"bytes\"\n[default]\nprobabilities = { A = 0.3, B = 0.3, C = 0.4 }\n";
const CHOICES: usize = 40;

struct Bench(Desk);

impl Bench {
    fn new() -> Self {
        let bench = Self(Desk::new());
        fs::write(bench.path("student.toml"), STUDENT).unwrap();
        let choice = |i| {
            json!({
                "id": format!("c{i}"), "family": format!("f{i}"), "axis": "letters", "kind": "choice",
                "prompt": format!("Which {i}?"), "options": ["an A", "a B"], "truth": 0,
            })
        };
        let lines: Vec<String> = (0..CHOICES).map(|i| choice(i).to_string()).collect();
        fs::write(bench.path("probes.jsonl"), lines.join("\n")).unwrap();
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path(name)
    }

    fn audit(&self, code: i32, server: &ScriptedServer, more: &[&str]) -> String {
        let [_, stderr] = self.0.run(code, &arguments(&format!("openai:{}#big", server.address()), more));
        stderr
    }

    fn statement(&self, run: &str) -> Value {
        serde_json::from_str(&fs::read_to_string(self.path(run).join("statement.json")).unwrap()).unwrap()
    }
}

fn arguments<'a>(teacher: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let models = ["audit", "--teacher", teacher, "--student", "scripted:student.toml"];
    let asked = ["--probes", "probes.jsonl", "--rotations", "1", "--parallel", "4"];
    [&models[..], &asked, more].concat()
}

/// How often the choices were asked about.
fn asked(server: &ScriptedServer) -> usize {
    server.asked().iter().filter(|asked| asked.last_message().contains("Which ")).count()
}

fn metric<'s>(statement: &'s Value, id: &str) -> &'s Value {
    statement["metrics"].as_array().unwrap().iter().find(|metric| metric["id"] == id).unwrap()
}

fn close(found: &Value, expected: f64, within: f64) {
    let found = found.as_f64().unwrap();
    assert!((found - expected).abs() < within, "{found} instead of {expected}");
}

fn noted(statement: &Value, words: &str) {
    let notes: Vec<_> = statement["notes"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(notes.iter().any(|note| note.contains(words)), "{notes:?}");
}

/// A server that lists these first tokens, the first of them drawn.
fn listing(listed: &'static [(&'static str, f64)]) -> ScriptedServer {
    ScriptedServer::start(move |asked: &AskedServer| list(asked, listed)).unwrap()
}

fn list(asked: &AskedServer, listed: &[(&str, f64)]) -> Served {
    let (text, usage) = (listed[0].0, json!({"prompt_tokens": 20, "completion_tokens": 1}));
    let message = json!({"role": "assistant", "content": text});
    let mut choice = json!({"index": 0, "message": message, "finish_reason": "length"});
    if asked.body["logprobs"] == true && !asked.last_message().contains(CHECK_MARK) {
        let top: Vec<_> = listed.iter().map(|(text, p)| json!({"token": text, "logprob": p.ln()})).collect();
        let token = json!({"token": text, "logprob": listed[0].1.ln(), "top_logprobs": top});
        choice["logprobs"] = json!({"content": [token]});
    }
    Served::json(200, &json!({"model": "big", "choices": [choice], "usage": usage}))
}

/// What the server of batches lists of every first token.
const IN_BATCHES: &[(&str, f64)] = &[("A", 0.5), ("B", 0.25), ("C", 0.125)];
const PRICES: &str = "format = \"hydrometer.prices/1\"\ndated = \"2026-11-29\"\ncurrency = \"usd\"\n
[[price]]\nmodel = \"openai:big\"\ninput = 1000\noutput = 1000\n
[[price]]\nmodel = \"openai:big\"\nkind = \"batch\"\ninput = 500\noutput = 500\n";

#[test]
fn options_that_a_server_lists_are_as_exact_as_a_local_model_s() {
    let bench = Bench::new();
    let server = listing(&[("A", 0.6), ("B", 0.2), ("x", 0.1)]);
    let talk = bench.audit(0, &server, &["--letters", "8", "--out", "run"]);
    assert!(!talk.contains("Not measured: 40 choices"), "{talk}");
    let statement = bench.statement("run");
    // The teacher's options are 0.75 and 0.25, the student's 0.5 and 0.5.
    close(&metric(&statement, "choice_divergence")["estimate"]["value"], 0.125, 1e-9);
    close(&metric(&statement, "choice_agreement")["estimate"]["value"], 0.5, 1e-9);
    close(&metric(&statement, "choice_accuracy_teacher")["estimate"]["value"], 1.0, 1e-9);
    noted(&statement, "(regime R2): every option is listed, and numbers on choices are exact");
    let regime = |id: &str| metric(&statement, id)["regime"].clone();
    assert_eq!(statement["regime"]["id"], "R4");
    assert_eq!((&regime("choice_divergence")["id"], &regime("brier_student")["id"]), (&json!("R2"), &json!("R0")));
    assert_eq!(regime("choice_divergence")["known"], "exact");
    assert_eq!(asked(&server), CHOICES, "once each, with nothing drawn");
    // Of a student that holds both for as probable chance picks one.
    let [right, lost] = ["both_right", "lost"].map(|cell| statement["truth"][cell].as_u64().unwrap());
    assert!(right > 0 && lost > 0 && right + lost == CHOICES as u64, "{right} and {lost}");
    // Another run finds what was paid for.
    bench.audit(0, &server, &["--letters", "8", "--out", "other"]);
    assert_eq!(asked(&server), CHOICES);
    assert_eq!(metric(&bench.statement("other"), "choice_divergence"), metric(&statement, "choice_divergence"));
    // And a finished one needs no server.
    let address = server.address();
    drop(server);
    let server = ScriptedServer::start_at(&address, |_| Served::bytes(500, "gone")).unwrap();
    bench.audit(0, &server, &["--letters", "8", "--out", "run"]);
    assert_eq!(server.asked().len(), 0);
}

#[test]
fn an_option_that_is_not_listed_is_bounded_and_never_nothing() {
    let bench = Bench::new();
    // B has at most 0.1: it is 0 to 1/7 of the two options.
    let server = listing(&[("A", 0.6), ("x", 0.15), ("y", 0.1)]);
    bench.audit(0, &server, &["--letters", "8", "--out", "run"]);
    let statement = bench.statement("run");
    let agreement = &metric(&statement, "choice_agreement")["estimate"];
    close(&agreement["value"], 0.5, 1e-9);
    // All families are alike: what is beyond 1/7 is what so few of them may hide.
    let [low, high] = ["low", "high"].map(|end| agreement["interval"][end].as_f64().unwrap());
    assert!(low <= 0.5 - 1.0 / 7.0 && low > 0.25 && (0.5 + 1.0 / 7.0..0.75).contains(&high), "{low} {high}");
    let divergence = &metric(&statement, "choice_divergence")["estimate"];
    // Whatever B has, the truth lies within: with 0 it is 0.5, with 1/7 it is 2 · (6/7 − 1/2)².
    let [low, high] = ["low", "high"].map(|end| divergence["interval"][end].as_f64().unwrap());
    assert!(low < 2.0 * (6.0f64 / 7.0 - 0.5).powi(2) && high > 0.5, "{low} {high}");
    // Its favourite is settled all the same; the probability of each option by itself is not known.
    close(&metric(&statement, "choice_accuracy_teacher")["estimate"]["value"], 1.0, 1e-9);
    let reason = "needs the probability of every option, and of some the server lists none";
    assert_eq!(metric(&statement, "ece2_teacher")["missing"], reason);
    assert!(metric(&statement, "ece2_student")["estimate"].is_object());
    assert_eq!(statement["calibration"], Value::Null);
    noted(&statement, "(regime R2): an option that is not listed has at most the probability of the last that is");
    // A server that lists no letter says nothing of the favourite.
    let silent = listing(&[("Well", 0.6), ("x", 0.1)]);
    bench.audit(0, &silent, &["--letters", "8", "--out", "silent"]);
    let statement = bench.statement("silent");
    let accuracy = &metric(&statement, "choice_accuracy_teacher")["estimate"];
    close(&accuracy["interval"]["low"], 0.0, 1e-9);
    close(&accuracy["interval"]["high"], 1.0, 1e-9);
}

#[test]
fn letters_are_drawn_and_counted_where_nothing_is_listed() {
    let bench = Bench::new();
    // A with 0.75, B with 0.25; nothing is listed.
    let server = ScriptedServer::start(|asked| {
        let draw = (asked.number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let draw = (draw ^ (draw >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        Served::chat("big", if (draw >> 32).is_multiple_of(4) { "**B**" } else { "A" }, "stop")
    })
    .unwrap();
    let talk = bench.audit(2, &server, &["--out", "none"]);
    assert!(talk.contains("nothing") || talk.contains("--letters"), "{talk}");
    bench.audit(0, &server, &["--letters", "16", "--out", "run"]);
    assert_eq!(asked(&server), 16 * CHOICES);
    let statement = bench.statement("run");
    // Without bias: the plain square of shares of 16 draws would be 0.125 + 0.0234.
    let divergence = &metric(&statement, "choice_divergence")["estimate"];
    close(&divergence["value"], 0.125, 0.06);
    close(&metric(&statement, "choice_agreement")["estimate"]["value"], 0.5, 1e-9);
    for id in ["choice_accuracy_teacher", "choice_lost", "choice_top1_agreement", "ece2_teacher"] {
        let missing = metric(&statement, id)["missing"].as_str().unwrap();
        assert!(missing.contains("letters were drawn"), "{id}: {missing}");
    }
    assert!(metric(&statement, "choice_accuracy_student")["estimate"].is_object());
    assert_eq!(statement["truth"], Value::Null);
    noted(&statement, "counts of letters, drawn at temperature 1 for each order of a choice (regime R4)");
    bench.audit(0, &server, &["--letters", "16", "--out", "again"]);
    assert_eq!(asked(&server), 16 * CHOICES);
    // More letters are asked beside those that are there.
    bench.audit(0, &server, &["--letters", "20", "--out", "more"]);
    assert_eq!(asked(&server), 20 * CHOICES);
}

#[test]
fn letters_are_paid_for_and_never_asked_twice() {
    let bench = Bench::new();
    let server = listing(&[("A", 0.6), ("B", 0.2), ("x", 0.1)]);
    let talk = bench.audit(4, &server, &["--letters", "8", "--out", "run", "--budget-tokens", "936"]);
    assert!(talk.contains("the next question may take"), "{talk}");
    let before = asked(&server);
    assert!((1..CHOICES).contains(&before), "{before}");
    bench.audit(0, &server, &["--letters", "8", "--out", "run", "--budget-tokens", "100000"]);
    assert_eq!(asked(&server), CHOICES);
}

#[test]
fn letters_go_in_one_batch_with_which_a_killed_command_goes_on() {
    let bench = Bench::new();
    bench.0.write("prices.toml", PRICES);
    let ((reached, is_reached), (go_on, gone)) = (channel(), channel());
    let (kept, hold) = (Mutex::new(Kept::default()), Mutex::new(Some((reached, gone))));
    let server = ScriptedServer::start(move |asked| {
        let by_itself = asked.path == "/v1/chat/completions";
        // The first look at the batch is answered when its asker is dead. A choice that is asked by itself ends the wait for it.
        let reached = asked.path.starts_with("/v1/batches/") || by_itself && asked.last_message().contains("Which ");
        if reached && let Some((reached, gone)) = hold.lock().unwrap().take() {
            reached.send(()).unwrap();
            gone.recv().unwrap();
        }
        if by_itself {
            return list(asked, IN_BATCHES);
        }
        openai(asked, Fault::Nothing, &mut kept.lock().unwrap())
    })
    .unwrap();
    let teacher = format!("openai:{}#big", server.address());
    let more = ["--letters", "8", "--out", "run", "--batch", "--prices", "prices.toml", "--budget", "9usd"];
    let arguments = arguments(&teacher, &more);
    let mut first = bench.0.command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    is_reached.recv().unwrap();
    first.kill().unwrap();
    first.wait().unwrap();
    go_on.send(()).unwrap();
    let [_, talk] = in_one_line(bench.0.run(0, &arguments));
    assert!(talk.contains("teacher: batch batch_0 is completed: 40 of 40 questions answered"), "{talk}");
    assert_eq!(questions("openai", &server), [CHOICES], "all of it in one batch, and nothing twice");
    let by_themselves = server.asked().iter().filter(|asked| asked.path == "/v1/chat/completions").count();
    assert_eq!(asked(&server), 0, "no choice is asked by itself");
    // Ten tokens read and two drawn, as the server counts them in batches, at their price; 21 at the other.
    let lines = ["run/cost.jsonl", "run/paid.jsonl"].map(|file| fs::read_to_string(bench.path(file)).unwrap());
    let lines = lines.iter().flat_map(|text| text.lines()).map(|line| serde_json::from_str::<Value>(line).unwrap());
    let paid: f64 = lines.filter_map(|line| line["paid"]["money"]["amount"].as_f64()).sum();
    let expected = 40.0 * 12.0 * 500.0 / 1e6;
    assert!(paid >= expected && paid < expected + by_themselves as f64 * 21.0 * 1000.0 / 1e6 + 1e-9, "{paid}");
    let statement = bench.statement("run");
    close(&metric(&statement, "choice_divergence")["estimate"]["value"], 2.0 * (2.0f64 / 3.0 - 0.5).powi(2), 1e-9);
    noted(&statement, "(regime R2): every option is listed, and numbers on choices are exact");
    // A finished run asks nobody.
    let before = server.asked().len();
    bench.0.run(0, &arguments);
    assert_eq!(server.asked().len(), before);
}

#[test]
fn drawn_letters_go_in_one_batch_beside_that_of_prompts() {
    let bench = Bench::new();
    let choices = fs::read_to_string(bench.path("probes.jsonl")).unwrap();
    bench.0.ask_letters(5);
    let prompts = fs::read_to_string(bench.path("probes.jsonl")).unwrap();
    bench.0.write("probes.jsonl", &format!("{choices}\n{prompts}"));
    let kept = Mutex::new(Kept::default());
    let server = ScriptedServer::start(move |asked| anthropic(asked, Fault::Nothing, &mut kept.lock().unwrap()));
    let server = server.unwrap();
    let teacher = format!("anthropic:{}#big", server.address());
    let more = ["--letters", "4", "--samples", "2", "--reruns", "1", "--out", "run", "--batch"];
    let arguments = arguments(&teacher, &more);
    let run = || {
        let output = bench.0.command(&arguments).env("ANTHROPIC_API_KEY", "sesame").output().unwrap();
        ended(0, &arguments, output)
    };
    run();
    // Four letters of each choice, then two answers and one of the second run to each prompt.
    assert_eq!(questions("anthropic", &server), [4 * CHOICES, 15]);
    assert!(
        server
            .asked()
            .iter()
            .filter(|asked| asked.path == "/v1/messages")
            .all(|asked| { !asked.last_message().contains("Which ") && !asked.last_message().contains("Letter ") })
    );
    let statement = bench.statement("run");
    noted(&statement, "counts of letters, drawn at temperature 1 for each order of a choice (regime R4)");
    close(&metric(&statement, "choice_agreement")["estimate"]["value"], 0.5, 1e-9);
    run();
    assert_eq!(questions("anthropic", &server).len(), 2);
}
