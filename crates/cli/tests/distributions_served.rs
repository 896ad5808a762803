//! Distributions of a teacher behind a server: what vLLM, SGLang and llama-server list is what the model itself would have kept, nothing is
//! asked twice, and what a server cannot do is said.

#![allow(clippy::unwrap_used)]

use crate::support;
use crate::teaching;

use std::collections::{BTreeMap, HashMap};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex};

use hydrometer_models::{AskedServer, ScriptedServer, Served};
use serde_json::{Value, json};
use support::{Desk, in_one_line};
use teaching::Teaching;

const TOP_K: &str = "12";
const DOCUMENTS: usize = 8;
/// Where the three kinds of servers are asked for distributions.
const POSITIONS: [&str; 3] = ["/v1/completions", "/generate", "/completion"];
/// A step of a record.
const STEP: f64 = 1.0 / 256.0;

fn desk() -> Desk {
    desk_of(DOCUMENTS)
}

fn desk_of(documents: usize) -> Desk {
    let desk = Desk::new();
    desk.copy_teacher("model.gguf");
    let record = |i: usize| {
        json!({"prompt": format!("The tide {i} comes"), "completion": format!(" in by {i} o'clock.")}).to_string()
    };
    desk.write("data.jsonl", &(0..documents).map(record).collect::<Vec<_>>().join("\n"));
    desk
}

fn server() -> ScriptedServer {
    let teaching = Teaching::new(usize::MAX);
    ScriptedServer::start(move |asked| teaching.serve(asked)).unwrap()
}

fn collect(teacher: &str, cache: &str, more: &[&str]) -> Vec<String> {
    let usual =
        ["distributions", "collect", "--teacher", teacher, "--cache", cache, "--data", "data.jsonl", "--ctx", "64"];
    [&usual, more].concat().iter().map(|word| (*word).to_owned()).collect()
}

fn run(desk: &Desk, code: i32, arguments: &[String]) -> [String; 2] {
    in_one_line(desk.run(code, &arguments.iter().map(String::as_str).collect::<Vec<_>>()))
}

fn served(desk: &Desk, code: i32, teacher: &str, cache: &str, more: &[&str]) -> [String; 2] {
    run(desk, code, &collect(teacher, cache, &[&["--tokenizer", "model.gguf", "--top-k", TOP_K], more].concat()))
}

/// Every sequence of a cache as `show` has it, by its tokens.
fn shown(desk: &Desk, cache: &str) -> BTreeMap<String, Value> {
    let [keys, _] = desk.run(0, &["distributions", "ls", "--each", "--cache", cache]);
    let show = |key: &str| {
        let [text, _] = desk.run(0, &["distributions", "show", key, "--json", "--cache", cache]);
        let value: Value = serde_json::from_str(&text).unwrap();
        (value["tokens"].to_string(), value)
    };
    keys.lines().map(show).collect()
}

/// Questions for distributions.
fn positions(server: &ScriptedServer) -> Vec<AskedServer> {
    server.asked().into_iter().filter(|asked| POSITIONS.contains(&asked.path.as_str())).collect()
}

/// What a cache has of every sequence, whoever answered.
fn records(desk: &Desk, cache: &str) -> Vec<(String, Value)> {
    shown(desk, cache).into_iter().map(|(tokens, of)| (tokens, of["positions"].clone())).collect()
}

#[test]
fn what_a_server_lists_is_what_the_model_would_have_kept() {
    let desk = desk();
    run(&desk, 0, &collect("model.gguf", "here", &["--mass", "1", "--k-min", TOP_K, "--k-max", TOP_K, "--draws", "0"]));
    let here = shown(&desk, "here");
    assert_eq!(here.len(), DOCUMENTS);
    for scheme in ["vllm", "sglang", "llama-server"] {
        let server = server();
        let name = format!("{scheme}:{}#embedded", server.address());
        let [_, talk] = served(&desk, 0, &name, scheme, &[]);
        assert!(talk.contains("8 samples: 0 held, 8 scored"), "{scheme}: {talk}");
        assert!(talk.contains("positions to ask for"), "{scheme}: {talk}");
        let there = shown(&desk, scheme);
        assert_eq!(there.keys().collect::<Vec<_>>(), here.keys().collect::<Vec<_>>(), "{scheme}");
        let (mut entries, mut same) = (0, 0);
        for (tokens, sequence) in &there {
            let rows = |sequence: &Value| sequence["positions"].as_array().unwrap().clone();
            assert_eq!(rows(sequence).len(), rows(&here[tokens]).len(), "{scheme}");
            for (found, expected) in rows(sequence).iter().zip(&rows(&here[tokens])) {
                let heads = [found, expected].map(|row| row["head"].as_array().unwrap().clone());
                for (found, expected) in heads[0].iter().zip(&heads[1]) {
                    let apart = (found[1].as_f64().unwrap().ln() - expected[1].as_f64().unwrap().ln()).abs();
                    // JSON and 32 bits may carry a number over the edge of a step, and hardly ever do.
                    assert!(found[0] == expected[0] && apart < 1.01 * STEP, "{scheme}: {found} {expected}");
                    entries += 1;
                    same += usize::from(apart < 1e-4);
                }
                let [found, expected] = [found, expected].map(|row| row["tail_mass"].as_f64().unwrap());
                assert!((found - expected).abs() < 1e-6 + 1e-3 * expected, "{scheme}: tail {found} {expected}");
            }
        }
        assert!(entries > 500 && 100 * same >= 99 * entries, "{scheme}: {same} of {entries}");
        // What is there is not asked again, nor who answers.
        let asked = server.asked().len();
        let [_, talk] = served(&desk, 0, &name, scheme, &[]);
        assert!(talk.contains("8 held, 0 scored"), "{talk}");
        assert_eq!(server.asked().len(), asked, "{scheme}");
    }
    let description: Value =
        serde_json::from_str(&std::fs::read_to_string(desk.path("vllm/cache.json")).unwrap()).unwrap();
    assert_eq!(
        (&description["format"], &description["codec"]["sums"]),
        (&json!("hydrometer.teacher-cache/2"), &json!("listed"))
    );
    assert_eq!(
        (&description["codec"]["truncation"]["k_max"], &description["teacher"]["name"]),
        (&json!(12), &json!("embedded"))
    );
    let [listed, _] = run(&desk, 0, &["distributions", "ls", "--cache", "vllm"].map(str::to_owned));
    assert!(listed.contains("12 tokens as its server lists them, and the mass of all others"), "{listed}");
}

/// Whether a server holds questions back; who waits is told when it does no more.
struct Hold(Mutex<bool>, Condvar);

/// A server that holds the question of this number back until it is told otherwise, and says that it does.
fn holding(number: usize) -> (ScriptedServer, Receiver<()>, Arc<Hold>) {
    let (teaching, hold) = (Teaching::new(usize::MAX), Arc::new(Hold(Mutex::new(true), Condvar::new())));
    let (sender, receiver) = channel();
    let (shared, held, counted) = (Mutex::new(sender), hold.clone(), AtomicUsize::new(0));
    let server = ScriptedServer::start(move |asked| {
        if asked.path == "/completion" && counted.fetch_add(1, Ordering::SeqCst) + 1 == number {
            shared.lock().unwrap().send(()).unwrap();
            drop(held.1.wait_while(held.0.lock().unwrap(), |holds| *holds).unwrap());
        }
        teaching.serve(asked)
    })
    .unwrap();
    (server, receiver, hold)
}

#[test]
fn a_killed_command_asks_again_what_was_in_flight_and_nothing_else() {
    let desk = desk();
    let (server, held, hold) = holding(17);
    let name = format!("llama-server:{}", server.address());
    let arguments = collect(&name, "cache", &["--tokenizer", "model.gguf", "--top-k", TOP_K, "--parallel", "1"]);
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut child = desk.command(&words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    held.recv().unwrap();
    // The answer before it has come, and is on its way to the disk.
    let kept = || std::fs::read(desk.path("cache/pending")).unwrap_or_default();
    while kept().iter().filter(|byte| **byte == b'\n').count() < 16 {
        assert!(child.try_wait().unwrap().is_none(), "it is under way");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    *hold.0.lock().unwrap() = false;
    hold.1.notify_all();
    let before = positions(&server).len();
    run(&desk, 0, &arguments);
    let mut times: HashMap<String, usize> = HashMap::new();
    positions(&server).iter().for_each(|asked| *times.entry(asked.body["prompt"].to_string()).or_default() += 1);
    let twice: Vec<_> = times.values().filter(|times| **times > 1).collect();
    assert_eq!((before, twice), (17, vec![&2]), "the one that was in flight");
    assert!(!desk.path("cache/pending").exists(), "all of it is in blocks");
    // It is the cache of an undisturbed command.
    let calm = self::server();
    served(&desk, 0, &format!("llama-server:{}", calm.address()), "calm", &[]);
    assert_eq!(records(&desk, "cache"), records(&desk, "calm"));
}

/// A server that answers so many questions for distributions, and fails all others until it is mended.
fn failing_behind(answers: usize) -> (ScriptedServer, Arc<AtomicBool>, Arc<Mutex<Vec<String>>>) {
    let (teaching, mended) = (Teaching::new(usize::MAX), Arc::new(AtomicBool::new(false)));
    let answered = Arc::new(Mutex::new(Vec::new()));
    let (is_mended, kept) = (mended.clone(), answered.clone());
    let server = ScriptedServer::start(move |asked| {
        if !POSITIONS.contains(&asked.path.as_str()) {
            return teaching.serve(asked);
        }
        let mut kept = kept.lock().unwrap();
        if kept.len() == answers && !is_mended.load(Ordering::SeqCst) {
            // A server that says when to come back: nobody waits long.
            return Served::json(500, &json!({"error": {"message": "out of memory"}})).header("retry-after-ms", "0");
        }
        kept.push(asked.body.to_string());
        teaching.serve(asked)
    })
    .unwrap();
    (server, mended, answered)
}

#[test]
fn a_server_that_gives_up_ends_with_4_and_the_same_command_goes_on() {
    const MORE: usize = 24;
    // Of vLLM a question is a sequence, of llama-server a position.
    for (scheme, answers) in [("vllm", 9), ("llama-server", 50)] {
        let (desk, (server, mended, answered)) = (desk_of(MORE), failing_behind(answers));
        let name = format!("{scheme}:{}#embedded", server.address());
        let [_, talk] = served(&desk, 4, &name, "cache", &[]);
        assert!(talk.contains("HTTP 500: out of memory (asked 8 times)"), "{scheme}: {talk}");
        assert!(talk.contains("what was collected is kept; the same command resumes"), "{scheme}: {talk}");
        assert_eq!(answered.lock().unwrap().len(), answers, "{scheme}");
        // It fails again at once, and loses nothing.
        served(&desk, 4, &name, "cache", &[]);
        assert_eq!(answered.lock().unwrap().len(), answers, "{scheme}");
        mended.store(true, Ordering::SeqCst);
        let [_, talk] = served(&desk, 0, &name, "cache", &[]);
        let held = if scheme == "vllm" { answers } else { 0 };
        assert!(scheme != "vllm" || talk.contains(&format!("{held} held, {} scored", MORE - held)), "{scheme}: {talk}");
        let mut asked = answered.lock().unwrap().clone();
        let all = asked.len();
        asked.sort_unstable();
        asked.dedup();
        assert_eq!(asked.len(), all, "{scheme}: what was answered is not asked again");
        // It is the cache of an undisturbed command, and needs nobody any more.
        let calm = self::server();
        served(&desk, 0, &format!("{scheme}:{}#embedded", calm.address()), "calm", &[]);
        assert_eq!(positions(&calm).len(), all, "{scheme}");
        assert_eq!(records(&desk, "cache"), records(&desk, "calm"), "{scheme}");
        drop(server);
        served(&desk, 0, &name, "cache", &[]);
    }
}

#[test]
fn a_budget_ends_it_and_a_higher_one_goes_on() {
    const MORE: usize = 24;
    let (desk, server) = (desk_of(MORE), server());
    let name = format!("vllm:{}#embedded", server.address());
    let [_, talk] = served(&desk, 4, &name, "cache", &["--budget-tokens", "380", "--parallel", "1"]);
    assert!(talk.contains("the budget is spent") && talk.contains("higher budget goes on"), "{talk}");
    let some = positions(&server).len();
    assert!((1..MORE).contains(&some), "{some}: {talk}");
    let [_, talk] = served(&desk, 0, &name, "cache", &["--budget-tokens", "100k"]);
    assert!(talk.contains("earlier commands asked this for"), "{talk}");
    assert_eq!(positions(&server).len(), MORE, "nothing is asked twice");
}

#[test]
fn what_a_server_cannot_do_is_said() {
    let desk = desk();
    let fewer = Teaching::new(5);
    let fewer = ScriptedServer::start(move |asked| fewer.serve(asked)).unwrap();
    let [_, talk] = served(&desk, 4, &format!("vllm:{}#embedded", fewer.address()), "v", &[]);
    assert!(
        talk.contains("max allowed: 5") && talk.contains("start vLLM with --max-logprobs 12, or ask for fewer"),
        "{talk}"
    );
    for scheme in ["llama-server", "sglang"] {
        let [_, talk] = served(&desk, 4, &format!("{scheme}:{}#embedded", fewer.address()), scheme, &[]);
        assert!(talk.contains("12 tokens were asked for behind position"), "{scheme}: {talk}");
        assert!(talk.contains("the server lists 5 with a mass of 0."), "{scheme}: {talk}");
    }
    let other = Teaching::new(usize::MAX);
    let other = ScriptedServer::start(move |asked| match asked.path.as_str() {
        "/tokenize" => Served::json(200, &json!({"tokens": [1, 2, 3]})),
        _ => other.serve(asked),
    })
    .unwrap();
    let [_, talk] = served(&desk, 2, &format!("vllm:{}#embedded", other.address()), "o", &[]);
    assert!(talk.contains("disagree from byte 0 on of a text in many scripts"), "{talk}");
    assert!(positions(&other).is_empty(), "nothing is asked of it");
    let [_, talk] = served(&desk, 2, &format!("anthropic:{}#clever", other.address()), "a", &[]);
    assert!(talk.contains("vllm:, sglang: and llama-server: list the most probable tokens"), "{talk}");
    let vllm = format!("vllm:{}#embedded", other.address());
    let [_, talk] = served(&desk, 2, &vllm, "x", &["--draws", "3"]);
    assert!(talk.contains("--draws: a server lists as many") && talk.contains("--top-k N says how many"), "{talk}");
    let [_, talk] = run(&desk, 2, &collect(&vllm, "x", &[]));
    assert!(talk.contains("expected --tokenizer"), "{talk}");
    let [_, talk] = run(&desk, 2, &collect("model.gguf", "x", &["--tokenizer", "model.gguf"]));
    assert!(talk.contains("a teacher that runs here has its own"), "{talk}");
}
