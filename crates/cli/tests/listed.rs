//! Audits of texts of two models that both stand behind servers: what is exact is exact, the rest is within its bounds, and a gate
//! passes or fails where all that its number may be does.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hydrometer_models::{AskedServer, ScriptedServer, Served};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

/// p of the teacher and q of the student everywhere, falling.
const TEACHER: [(char, f64); 3] = [('A', 0.6), ('B', 0.35), ('C', 0.05)];
const STUDENT: [(char, f64); 3] = [('C', 0.4), ('B', 0.3), ('A', 0.3)];
/// More families than it takes to pass a gate on a number without a worst value.
const TEXTS: usize = 64;
/// The one that a server refuses at first.
const REFUSED: usize = 20;

/// Texts of the three letters, no two alike.
fn text(mut number: usize) -> String {
    let digit = |_| {
        let letter = ['A', 'B', 'C'][number % 3];
        number /= 3;
        letter
    };
    format!("CAB{}", (0..9).map(digit).collect::<String>())
}

fn bench() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, of) in [("teacher", TEACHER), ("student", STUDENT)] {
        let of: Vec<String> = of.iter().map(|(letter, p)| format!("{letter} = {p}")).collect();
        let model = format!("vocabulary = \"bytes\"\n[default]\nprobabilities = {{ {} }}\n", of.join(", "));
        fs::write(folder.path().join(format!("{name}.toml")), model).unwrap();
    }
    let probe = |i: usize| json!({"id": format!("t{i}"), "family": format!("f{i}"), "axis": "letters", "kind": "text", "text": text(i)});
    let lines: Vec<String> = (0..TEXTS).map(|i| probe(i).to_string()).collect();
    fs::write(folder.path().join("texts.jsonl"), lines.join("\n")).unwrap();
    folder
}

/// A server of this kind with this distribution, of which it lists so many tokens.
#[derive(Clone, Copy)]
struct Serves {
    of: [(char, f64); 3],
    listed: usize,
    ids: fn(u8) -> u32,
}

impl Serves {
    fn new(of: [(char, f64); 3], listed: usize) -> Self {
        Self { of, listed, ids: u32::from }
    }

    fn logprob(&self, id: u32) -> f64 {
        let of = self.of.iter().find(|(letter, _)| (self.ids)(*letter as u8) == id);
        of.map_or(-30.0, |(_, p)| p.ln())
    }

    fn list(&self) -> Vec<(u32, f64)> {
        self.of.iter().take(self.listed).map(|(letter, p)| ((self.ids)(*letter as u8), p.ln())).collect()
    }

    fn answer(&self, asked: &AskedServer) -> Served {
        let body = &asked.body;
        let tokens = |of: &Value| -> Vec<u32> {
            of.as_array().unwrap().iter().map(|id| u32::try_from(id.as_u64().unwrap()).unwrap()).collect()
        };
        match asked.path.as_str() {
            "/v1/chat/completions" => Served::chat("letters", "yes", "stop"),
            // Of texts, not of conversations.
            "/tokenize" if !body["messages"].is_array() => {
                let text = body["content"].as_str().or(body["prompt"].as_str()).unwrap();
                Served::json(200, &json!({ "tokens": text.bytes().map(self.ids).collect::<Vec<_>>() }))
            }
            "/v1/completions" if body["prompt_logprobs"].is_u64() && body["prompt"][0].is_u64() => {
                let of_token = |(place, id): (usize, u32)| {
                    if place == 0 {
                        return Value::Null;
                    }
                    let said = |(id, logprob): (u32, f64)| (id.to_string(), json!({"logprob": logprob, "rank": 1}));
                    let own = (id, self.logprob(id));
                    self.list().into_iter().chain([own]).map(said).collect::<Map<_, _>>().into()
                };
                let lists: Vec<Value> = tokens(&body["prompt"]).into_iter().enumerate().map(of_token).collect();
                let usage = json!({"prompt_tokens": lists.len(), "completion_tokens": 1});
                Served::json(200, &json!({"choices": [{"text": "A", "prompt_logprobs": lists}], "usage": usage}))
            }
            "/generate" if body["logprob_start_len"].is_u64() => {
                let start = usize::try_from(body["logprob_start_len"].as_u64().unwrap()).unwrap();
                let tokens = &tokens(&body["input_ids"])[start..];
                let own = |(place, id): (usize, &u32)| match place {
                    0 => json!([null, id, null]),
                    _ => json!([self.logprob(*id), id, null]),
                };
                let list = |(place, _): (usize, &u32)| match place {
                    0 => Value::Null,
                    _ => self.list().into_iter().map(|(id, logprob)| json!([logprob, id, null])).collect(),
                };
                let own: Vec<Value> = tokens.iter().enumerate().map(own).collect();
                let lists: Vec<Value> = tokens.iter().enumerate().map(list).collect();
                let info = json!({"input_token_logprobs": own, "input_top_logprobs": lists, "prompt_tokens": own.len(), "completion_tokens": 1});
                Served::json(200, &json!({"text": "A", "meta_info": info}))
            }
            "/completion" => {
                let entry = |(id, logprob): (u32, f64)| json!({"id": id, "logprob": logprob});
                let count = usize::try_from(body["n_probs"].as_u64().unwrap()).unwrap();
                let mut token = entry(self.list()[0]);
                // Of a list that is asked to be longer than it is, all is shown.
                token["top_logprobs"] = self.list().into_iter().take(count).map(entry).collect();
                Served::json(200, &json!({"completion_probabilities": [token]}))
            }
            _ => Served::json(404, &json!({"error": {"message": "not here"}})),
        }
    }

    fn start(self) -> ScriptedServer {
        ScriptedServer::start(move |asked| self.answer(asked)).unwrap()
    }
}

fn hydrometer(path: &Path, teacher: &str, student: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hydrometer"));
    command.current_dir(path).stdin(Stdio::null()).env("XDG_CACHE_HOME", path.join("cache"));
    command.args(["audit", "--teacher", teacher, "--student", student, "--probes", "texts.jsonl"]);
    let out = if teacher.starts_with("scripted:") && arguments.is_empty() { "here" } else { "run" };
    command.args(["--floor-windows", "0", "--json", "--out", out]).args(arguments).output().unwrap()
}

fn talk(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn statement(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no statement: {}", talk(output)))
}

fn metric<'s>(statement: &'s Value, id: &str) -> &'s Value {
    statement["metrics"].as_array().unwrap().iter().find(|metric| metric["id"] == id).unwrap()
}

fn value(statement: &Value, id: &str) -> f64 {
    metric(statement, id)["estimate"]["value"].as_f64().unwrap_or_else(|| panic!("{}", metric(statement, id)))
}

fn here(path: &Path) -> Value {
    let output = hydrometer(path, "scripted:teacher.toml", "scripted:student.toml", &[]);
    statement(&output)
}

const TOKENIZER: [&str; 2] = ["--tokenizer", "scripted:teacher.toml"];

/// What is exact is what the models themselves give; what is not is between its bounds, and nowhere a number.
#[track_caller]
fn check(found: &Value, exact: &Value, open: bool) {
    assert_eq!(found["regime"]["id"], "R1");
    for id in ["top1_agreement", "perplexity_ratio", "bits_per_byte_teacher", "bits_per_byte_student"] {
        let (found, exact) = (value(found, id), value(exact, id));
        assert!((found - exact).abs() < 1e-5, "{id}: {found}, expected {exact}");
    }
    let bounded = [
        "kl_divergence",
        "reverse_kl",
        "jensen_shannon",
        "token_overlap",
        "entropy_ratio",
        "tail_kept",
        "tail_invented",
    ];
    for id in bounded {
        let (metric, exact) = (metric(found, id), value(exact, id));
        if let Some(value) = metric["estimate"]["value"].as_f64() {
            // Lists that leave nothing open.
            assert!(!open && (value - exact).abs() < 1e-4, "{metric}");
            continue;
        }
        assert!(metric["missing"].as_str().unwrap().contains("only known to be at least"), "{metric}");
        let [low, high] = ["low", "high"].map(|end| metric["bounds"][end].as_f64().unwrap());
        assert!(low < high && low - 1e-5 <= exact && exact <= high + 1e-5, "{id}: {low} to {high}, expected {exact}");
        let [wide_low, wide_high] = ["low", "high"].map(|end| metric["bounds"]["interval"][end].as_f64().unwrap());
        assert!(wide_low <= low && high <= wide_high, "{metric}");
    }
    for id in ["best_temperature", "floored_mass", "fork_kl_divergence"] {
        let metric = metric(found, id);
        assert_eq!((&metric["estimate"], metric.get("bounds")), (&Value::Null, None), "{metric}");
    }
    assert!(
        metric(found, "fork_tail_kept")["missing"]
            .as_str()
            .unwrap()
            .contains("forks are chosen by the teacher's entropy")
    );
}

#[test]
fn two_lists_bound_what_two_models_are_to_each_other() {
    let folder = bench();
    let exact = here(folder.path());
    let (teacher, student) = (Serves::new(TEACHER, 2).start(), Serves::new(STUDENT, 2).start());
    let [vllm, sglang] =
        [(&teacher, "vllm"), (&student, "sglang")].map(|(at, kind)| format!("{kind}:{}#x", at.address()));
    let output = hydrometer(folder.path(), &vllm, &sglang, &TOKENIZER);
    assert_eq!(output.status.code(), Some(0), "{}", talk(&output));
    let found = statement(&output);
    check(&found, &exact, true);
    let said = talk(&output);
    assert!(said.contains("evidence R1: the most probable tokens of both models at each position"), "{said}");
    assert!(said.contains("between a lower and an upper bound. Not said: temperature"), "{said}");
    let notes = found["notes"].to_string();
    assert!(notes.contains("of the teacher's mass and"), "{notes}");
    // A text is one question.
    assert!((0..TEXTS).all(|number| times(&teacher, "prompt", number) == 1), "every text is asked once");
    let page = fs::read_to_string(folder.path().join("run/report.html")).unwrap();
    let kl = metric(&found, "kl_divergence");
    let shown =
        format!("{:.3} to {:.3}", kl["bounds"]["low"].as_f64().unwrap(), kl["bounds"]["high"].as_f64().unwrap());
    assert!(page.contains(&shown), "the page shows {shown}");
}

#[test]
fn llama_servers_are_asked_until_the_texts_own_token_is_listed() {
    let folder = bench();
    let exact = here(folder.path());
    let servers = [TEACHER, STUDENT].map(|of| Serves::new(of, 3).start());
    let [teacher, student] = [&servers[0], &servers[1]].map(|at| format!("llama-server:{}", at.address()));
    let output = hydrometer(folder.path(), &teacher, &student, &TOKENIZER);
    assert_eq!(output.status.code(), Some(0), "{}", talk(&output));
    let found = statement(&output);
    check(&found, &exact, false);
    // Nothing but rounding is beyond these lists.
    let kl = &metric(&found, "kl_divergence")["bounds"];
    assert!(kl["high"].as_f64().unwrap() - kl["low"].as_f64().unwrap() < 1e-3, "{kl}");
}

/// Exit code of `audit --gate` under a policy with one gate, and what the gate says.
fn gated(folder: &TempDir, servers: [&str; 2], gate: &str) -> (i32, String) {
    fs::write(folder.path().join("policy.toml"), format!("[[gate]]\n{gate}\n")).unwrap();
    let arguments = [TOKENIZER.as_slice(), &["--gate", "--policy", "policy.toml"]].concat();
    let output = hydrometer(folder.path(), servers[0], servers[1], &arguments);
    let explanation = statement(&output)["gates"][0]["explanation"].as_str().unwrap().to_owned();
    (output.status.code().unwrap(), explanation)
}

#[test]
fn a_gate_is_decided_where_all_that_its_number_may_be_is_on_one_side() {
    let folder = bench();
    let servers = [Serves::new(TEACHER, 1).start(), Serves::new(STUDENT, 1).start()];
    let [teacher, student] = [&servers[0], &servers[1]].map(|at| format!("sglang:{}#x", at.address()));
    let check = |gate: &str, expected: i32, words: &str| {
        let (code, explanation) = gated(&folder, [&teacher, &student], gate);
        assert_eq!(code, expected, "{gate}: {explanation}");
        assert!(explanation.contains(words), "{explanation}");
    };
    let exact = value(&here(folder.path()), "kl_divergence");
    assert!((exact - 0.366).abs() < 1e-3, "{exact}");
    // A lower bound below the margin is no pass, on whichever side of it the truth is.
    check("metric = \"kl_divergence\"\nat_most = 0.35", 3, "beyond the servers' lists, and longer lists may decide it");
    check("metric = \"kl_divergence\"\nat_most = 0.5", 3, "it is at least");
    check("metric = \"kl_divergence\"\nat_most = 20", 0, "whatever is beyond the servers' lists");
    check("metric = \"kl_divergence\"\nat_most = 0.01", 1, "whatever is beyond the servers' lists");
    // Of an upper bound above a least value the same.
    check("metric = \"token_overlap\"\nat_least = 0.6", 3, "longer lists may decide it");
    check("metric = \"token_overlap\"\nat_least = 0.9", 1, "whatever is beyond");
    check("metric = \"token_overlap\"\nat_least = 0.1", 0, "whatever is beyond");
    check("metric = \"top1_agreement\"\nat_least = 0.5", 1, "it is 0.0000");
}

#[test]
fn texts_need_a_tokenizer_and_the_right_one() {
    let folder = bench();
    let servers = [
        Serves::new(TEACHER, 2).start(),
        Serves { ids: |byte| u32::from(byte ^ 1), ..Serves::new(STUDENT, 2) }.start(),
    ];
    let [teacher, student] = [&servers[0], &servers[1]].map(|at| format!("vllm:{}#x", at.address()));
    let output = hydrometer(folder.path(), &teacher, &student, &[]);
    let said = talk(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("both servers list the tokens of a text, and --tokenizer MODEL would say how they read it"),
        "{said}"
    );
    let output = hydrometer(folder.path(), &teacher, &student, &TOKENIZER);
    let said = talk(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("the student's server reads 64 texts otherwise than the named tokenizer: `t0` from byte 0 on"),
        "{said}"
    );
    assert!(said.contains("hint: a server must serve a model of the tokenizer that --tokenizer names"), "{said}");
    let output = hydrometer(folder.path(), "scripted:teacher.toml", &student, &TOKENIZER);
    let said = talk(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("--tokenizer is for two models behind servers"), "{said}");
}

#[test]
fn what_was_paid_for_is_not_asked_again() {
    let folder = bench();
    let ends = Arc::new(AtomicBool::new(true));
    let (serves, stops) = (Serves::new(STUDENT, 2), ends.clone());
    let teacher = Serves::new(TEACHER, 2).start();
    let student = ScriptedServer::start(move |asked| {
        let text = asked.body["input_ids"].to_string();
        let wanted = format!("{:?}", tokens_of(REFUSED));
        if stops.load(Ordering::Relaxed) && text == wanted.replace(' ', "") {
            return Served::json(400, &json!({"error": {"message": "out of order"}}));
        }
        serves.answer(asked)
    })
    .unwrap();
    let [teacher_name, student_name] = [&teacher, &student].map(|at| format!("sglang:{}#x", at.address()));
    // Every text is a window of its own.
    let arguments = [TOKENIZER.as_slice(), &["--ctx", "16"]].concat();
    let output = hydrometer(folder.path(), &teacher_name, &student_name, &arguments);
    assert_eq!(output.status.code(), Some(4), "{}", talk(&output));
    assert!(talk(&output).contains("the same command resumes"), "{}", talk(&output));
    let before = (0..TEXTS).filter(|number| times(&student, "input_ids", *number) == 1).count();
    assert!(before > 0 && before < TEXTS, "{before}");
    ends.store(false, Ordering::Relaxed);
    let output = hydrometer(folder.path(), &teacher_name, &student_name, &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", talk(&output));
    for number in 0..TEXTS {
        let asked = [&teacher, &student].map(|server| times(server, "input_ids", number));
        assert_eq!(asked, if number == REFUSED { [2, 2] } else { [1, 1] }, "text {number}");
    }
}

/// How often each text was asked of both servers, all texts together at most.
fn most_asked(servers: [(&ScriptedServer, &str); 2]) -> [Vec<usize>; 2] {
    servers.map(|(server, key)| (0..TEXTS).map(|number| times(server, key, number)).collect())
}

#[test]
fn a_budget_ends_a_run_of_two_servers_and_a_higher_one_goes_on_with_nothing_asked_twice() {
    let servers = [("vllm", "prompt"), ("sglang", "input_ids")];
    // Texts alone in their windows, and several texts in a unit of the plan.
    for (window, budget) in [("16", "1500"), ("128", "2000")] {
        let folder = bench();
        fs::write(folder.path().join("policy.toml"), "[[gate]]\nmetric = \"top1_agreement\"\nat_least = 0.5\n")
            .unwrap();
        let (teacher, student) = (Serves::new(TEACHER, 2).start(), Serves::new(STUDENT, 2).start());
        let names = [(&teacher, servers[0].0), (&student, servers[1].0)];
        let [first, second] = names.map(|(at, kind)| format!("{kind}:{}#x", at.address()));
        let audit = |most: &str, code: i32| {
            let more = ["--policy", "policy.toml", "--ctx", window, "--budget-tokens", most];
            let output = hydrometer(folder.path(), &first, &second, &[TOKENIZER.as_slice(), &more].concat());
            assert_eq!(output.status.code(), Some(code), "{}", talk(&output));
            output
        };
        let asked = || most_asked([(&teacher, servers[0].1), (&student, servers[1].1)]);
        let said = talk(&audit(budget, 4));
        assert!(said.contains("the budget is spent") && said.contains("undecided: top1_agreement"), "{said}");
        let [of_teacher, of_student] = asked();
        let some = |asked: &[usize]| asked.iter().sum::<usize>();
        assert!(
            (1..TEXTS).contains(&some(&of_teacher)) && (1..TEXTS).contains(&some(&of_student)),
            "{window}: {of_teacher:?}, {of_student:?}"
        );
        // What is left is not enough for a unit of the plan, and the same budget asks nothing more.
        audit(budget, 4);
        assert_eq!(asked(), [of_teacher, of_student], "windows of {window}");
        let output = audit("100k", 0);
        assert_eq!(asked(), [vec![1; TEXTS], vec![1; TEXTS]], "windows of {window}");
        assert!(value(&statement(&output), "top1_agreement") < 1.0);
    }
}

/// How often a server was asked for the tokens of a text, under this key.
fn times(server: &ScriptedServer, key: &str, number: usize) -> usize {
    let wanted = json!(tokens_of(number));
    server.asked().iter().filter(|asked| asked.body[key] == wanted).count()
}

/// The tokens of a text.
fn tokens_of(number: usize) -> Vec<u8> {
    text(number).into_bytes()
}
