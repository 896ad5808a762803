//! Audits of models behind endpoints, from the command line to the statement, against a scripted server.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

use crate::support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use hydrometer_models::{AskedServer, CHECK_MARK, ScriptedServer, Served};
use serde_json::{Value, json};
use support::{Desk, ended, in_one_line};

/// One letter for an answer.
const STUDENT: &str = "vocabulary = \"bytes\"\n[default]\nprobabilities = { A = 0.3, B = 0.3, C = 0.4 }\n";
const KEY: &str = "sesame-4711-open";
/// What stands in a header of the user's.
const TEAM: &str = "gate-8842-shut";
const PROMPTS: usize = 30;

/// A folder with a student and a suite of prompts, a text and a choice.
struct Bench(Desk);

impl Bench {
    fn new() -> Self {
        let bench = Self(Desk::new());
        fs::write(bench.path("student.toml"), STUDENT).unwrap();
        let prompt = |i| {
            json!({
                "id": format!("p{i}"), "family": format!("f{i}"), "axis": "letters", "kind": "prompt", "max_tokens": 1,
                "prompt": format!("Letter {i}?"), "answer": ["letter"], "check": {"choice": "A"},
            })
        };
        let mut probes: Vec<Value> = (0..PROMPTS).map(prompt).collect();
        probes.push(json!({"id": "t", "family": "t", "axis": "letters", "kind": "text", "text": "ABC"}));
        let options = json!(["an A", "a B"]);
        probes.push(json!({
            "id": "c", "family": "c", "axis": "letters", "kind": "choice", "prompt": "Which?", "options": options,
        }));
        let lines: Vec<String> = probes.iter().map(Value::to_string).collect();
        fs::write(bench.path("probes.jsonl"), lines.join("\n")).unwrap();
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path(name)
    }

    /// Audits this teacher; `key` stands in the environment.
    fn audit(&self, code: i32, teacher: &str, key: Option<&str>) -> [String; 2] {
        ended(code, &[teacher], self.command(teacher, key).output().unwrap())
    }

    fn command(&self, teacher: &str, key: Option<&str>) -> Command {
        let mut command = self.0.command(&["audit", "--teacher", teacher, "--student", "scripted:student.toml"]);
        for (name, _) in std::env::vars().filter(|(name, _)| name.ends_with("_KEY") || name.ends_with("_KEY_FILE")) {
            command.env_remove(name);
        }
        let names = ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"];
        command.envs(key.into_iter().flat_map(|key| names.map(|name| (name, key))));
        command.args([
            "--probes",
            "probes.jsonl",
            "--out",
            "run",
            "--samples",
            "4",
            "--reruns",
            "2",
            "--parallel",
            "8",
        ]);
        command
    }

    fn statement(&self) -> Value {
        serde_json::from_str(&fs::read_to_string(self.path("run/statement.json")).unwrap()).unwrap()
    }
}

/// The questions of an audit: without those that checks and canaries ask, and the one that finds out whether first tokens are listed.
fn questions(server: &ScriptedServer) -> Vec<AskedServer> {
    let of_checks = |asked: &AskedServer| asked.body.to_string().contains(CHECK_MARK) || asked.body["logprobs"] == true;
    server.asked().into_iter().filter(|asked| !of_checks(asked)).collect()
}

/// `A` or `B`, by the question and how often it was asked.
fn letter(asked: &AskedServer) -> &'static str {
    let hash: usize = asked.last_message().bytes().map(usize::from).sum();
    if (hash + asked.number).is_multiple_of(3) { "B" } else { "A" }
}

fn metric<'s>(statement: &'s Value, id: &str) -> &'s Value {
    statement["metrics"].as_array().unwrap().iter().find(|metric| metric["id"] == id).unwrap()
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn a_teacher_behind_an_endpoint_is_audited_by_its_answers() {
    let bench = Bench::new();
    let server = ScriptedServer::start(|asked| Served::chat("big-2025", letter(asked), "stop")).unwrap();
    let teacher = format!("openai:{}#big", server.address());
    let [_, talk] = bench.audit(0, &teacher, None);
    // Before the run: the regime, and what is left out.
    let expected = "evidence R3: the teacher's answers and the student's logits: what both answer can be compared, the student scores \
                    what its teacher answers, and differences of such scores between students are exact. Not measured: \
                    1 text, because the teacher shows no logits and no part of its distributions (openai takes no token ids; --listed-answers N compares \
                    tokens along its answers, where it lists what else was probable there); 1 choice, because the teacher does not say how probable an \
                    option is";
    let flat = talk.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains(expected), "{talk}");
    let statement = bench.statement();
    assert_eq!(statement["regime"]["id"], "R3");
    assert_eq!(
        (&statement["teacher"]["name"], &statement["teacher"]["format"]),
        (&json!("big-2025"), &json!("endpoint"))
    );
    let accuracy = metric(&statement, "answer_agreement");
    assert!(accuracy["estimate"]["value"].is_number(), "{accuracy}");
    assert_eq!((&accuracy["regime"]["id"], &accuracy["regime"]["known"]), (&json!("R4"), &json!("answered")));
    assert!(metric(&statement, "kl_divergence")["missing"].as_str().unwrap().contains("the teacher shows no logits"));
    // Two to begin with; then each prompt four times for the teacher and twice for its rerun, once each.
    assert_eq!(questions(&server).len(), 2 + PROMPTS * 6);
    // The answers of a run are few files: one of the teacher, one of the student.
    let segments = files(&bench.path("cache/hydrometer/answers/segments"));
    assert_eq!(segments.len(), 2, "{segments:?}");
}

#[test]
fn a_finished_run_needs_no_connection() {
    let bench = Bench::new();
    let server = ScriptedServer::start(|asked| Served::chat("big-2025", letter(asked), "stop")).unwrap();
    let teacher = format!("openai:{}#big", server.address());
    bench.audit(0, &teacher, None);
    let (asked, statement) = (server.asked().len(), bench.statement());
    let address = server.address();
    drop(server);
    let [_, talk] = bench.audit(0, &teacher, None);
    assert!(talk.contains("nothing is asked again"), "{talk}");
    assert_eq!(bench.statement(), statement);
    // Neither does one whose folder was not named.
    let unnamed = || {
        let mut command = bench.command(&teacher, None);
        let arguments: Vec<_> = command.get_args().map(std::ffi::OsStr::to_owned).collect();
        let out = arguments.iter().position(|argument| argument == "--out").unwrap();
        let kept = arguments[..out].iter().chain(&arguments[out + 2..]);
        command = Command::new(command.get_program());
        command.current_dir(bench.0.root()).stdin(Stdio::null()).env("XDG_CACHE_HOME", bench.path("cache")).args(kept);
        command.output().unwrap()
    };
    let server = ScriptedServer::start_at(&address, |asked| Served::chat("big-2025", letter(asked), "stop")).unwrap();
    assert_eq!(unnamed().status.code(), Some(0));
    assert_eq!(questions(&server).len(), 2, "{asked}: the answers are in the store");
    drop(server);
    let offline = unnamed();
    assert_eq!(offline.status.code(), Some(0), "{}", String::from_utf8_lossy(&offline.stderr));
}

#[test]
fn a_prompt_beyond_the_context_is_an_outcome_and_the_run_goes_on() {
    let bench = Bench::new();
    let words = "This model's maximum context length is 16 tokens. However, you requested 40 tokens";
    let server = ScriptedServer::start(move |asked| match asked.last_message() {
        "Letter 7?" => Served::json(400, &json!({"error": {"message": words, "code": "context_length_exceeded"}})),
        _ => Served::chat("big-2025", letter(asked), "stop"),
    })
    .unwrap();
    bench.audit(0, &format!("openai:{}#big", server.address()), None);
    let endings = &bench.statement()["answers"]["other_endings"];
    assert_eq!(*endings, json!([{"finish": "context_exceeded", "teacher": 4, "student": 0}]));
    let page = fs::read_to_string(bench.path("run/report.html")).unwrap();
    assert!(page.contains("the prompt was too long for the model"), "the report says so");
}

#[test]
fn neither_keys_nor_headers_are_in_an_artefact_although_the_server_repeats_them() {
    let check = |scheme: &str, header: &'static str, key: &str, answer: fn(&str) -> Served| {
        let bench = Bench::new();
        let server = ScriptedServer::start(move |asked| {
            let said = [header, "x-team-token"].map(|name| asked.header(name).unwrap_or("nobody")).join(" ");
            match asked.number {
                5 => Served::json(500, &json!({"error": {"message": format!("who is {said}?")}})),
                100.. => Served::json(400, &json!({"error": {"message": format!("{said} may not")}})),
                _ => answer(&format!("A {said}")),
            }
        })
        .unwrap();
        let teacher = format!("{scheme}:{}#big", server.address());
        let mut command = bench.command(&teacher, Some(KEY));
        command.env(format!("{}_HEADERS", scheme.to_uppercase()), format!("X-Team-Token: {TEAM}\nX-Who: audits"));
        let texts = ended(4, &[&teacher], command.output().unwrap());
        for asked in server.asked() {
            let found = [header, "x-team-token", "x-who"].map(|name| asked.header(name));
            assert_eq!(found, [Some(key), Some(TEAM), Some("audits")], "{scheme}");
        }
        assert!(texts[1].contains("[key] [key] may not"), "{}", texts[1]);
        let mut looked = 0;
        for path in files(bench.0.root()) {
            let bytes = fs::read(&path).unwrap();
            let has = |secret: &str| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!has(KEY) && !has(TEAM), "{scheme}: {}", path.display());
            looked += 1;
        }
        assert!(looked >= 5, "{looked} files");
        assert!(texts.iter().all(|text| !text.contains(KEY) && !text.contains(TEAM)), "{texts:?}");
    };
    check("openai", "authorization", "Bearer sesame-4711-open", |text| Served::chat("big", text, "stop"));
    check("anthropic", "x-api-key", KEY, |text| Served::message("big", text, "end_turn"));
    check("gemini", "x-goog-api-key", KEY, |text| Served::candidate("big", text, "STOP"));
}

#[test]
fn a_server_that_gives_up_ends_with_4_and_the_same_command_goes_on() {
    let bench = Bench::new();
    // What was answered before the server refused, counted over both processes.
    let broken = ScriptedServer::start(|asked| match asked.number {
        0..90 => Served::chat("big", letter(asked), "stop"),
        _ => Served::json(429, &json!({"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}})),
    })
    .unwrap();
    let [_, talk] = bench.audit(4, &format!("openai:{}#big", broken.address()), None);
    let flat = talk.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("nothing is left to spend (HTTP 429: You exceeded your quota)"), "{talk}");
    assert!(flat.contains("the same command resumes"), "{talk}");
    let answered = questions(&broken).iter().filter(|asked| asked.number < 90).count() - 2;
    // The same server, mended: only what is missing is asked.
    let address = broken.address();
    drop(broken);
    let mended = ScriptedServer::start_at(&address, |asked| Served::chat("big", letter(asked), "stop")).unwrap();
    bench.audit(0, &format!("openai:{address}#big"), None);
    assert_eq!(questions(&mended).len(), 2 + PROMPTS * 6 - answered);
    let again = mended.asked().len() - questions(&mended).len();
    assert_eq!(again, 1 + 16 + 16, "a run that goes on is not checked again, but for its canaries");
    assert_eq!(bench.statement()["regime"]["id"], "R3");
}

#[test]
fn a_process_that_is_killed_loses_what_was_under_way_and_nothing_is_asked_twice() {
    let bench = Bench::new();
    let (reached, until) = std::sync::mpsc::channel();
    let script = move |asked: &AskedServer| {
        if asked.number == 100 {
            reached.send(()).unwrap();
        }
        Served::chat("big", letter(asked), "stop")
    };
    let server = ScriptedServer::start(script).unwrap();
    let teacher = format!("openai:{}#big", server.address());
    let mut killed = bench.command(&teacher, None).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // Only a process that failed is waited for so long.
    until.recv_timeout(std::time::Duration::from_secs(120)).unwrap();
    killed.kill().unwrap();
    killed.wait().unwrap();
    let before = questions(&server).len();
    bench.audit(0, &teacher, None);
    let (all, total) = (questions(&server).len(), PROMPTS * 6);
    // Two to begin with in each process. Each of the eight had one under way, and one more was being written.
    let twice = all - 4 - total;
    assert!(before - 2 < total, "{before}: it was killed too late");
    assert!(twice <= 9, "of {before} questions {twice} were asked again");
}

#[test]
fn anthropic_with_refusals_and_tool_calls_is_audited_to_the_end() {
    let bench = Bench::new();
    let server = ScriptedServer::start(|asked| match asked.number % 7 {
        _ if asked.number < 2 => Served::message("clever-1", "yes", "end_turn"),
        3 => Served::message("clever-1", "", "refusal"),
        5 => Served::json(
            200,
            &json!({"model": "clever-1", "content": [{"type": "tool_use"}], "stop_reason": "tool_use"}),
        ),
        6 => Served::message("clever-1", "A, because", "max_tokens"),
        _ => Served::message("clever-1", letter(asked), "end_turn"),
    })
    .unwrap();
    bench.audit(0, &format!("anthropic:{}#clever", server.address()), Some(KEY));
    assert_eq!(questions(&server).len(), 2 + PROMPTS * 6);
    assert_eq!(server.asked()[2].header("x-api-key"), Some(KEY));
}

/// Wants `HYDROMETER_ENDPOINT`, the name of a server that somebody else wrote, such as `llama-server:http://localhost:8080`.
#[test]
fn a_real_server_is_audited_by_its_answers() {
    let Ok(teacher) = std::env::var("HYDROMETER_ENDPOINT") else {
        eprintln!("SKIPPED: HYDROMETER_ENDPOINT names no endpoint");
        return;
    };
    let bench = Bench::new();
    bench.audit(0, &teacher, std::env::var("HYDROMETER_ENDPOINT_KEY").ok().as_deref());
    let statement = bench.statement();
    assert_eq!((&statement["regime"]["id"], &statement["teacher"]["format"]), (&json!("R3"), &json!("endpoint")));
    assert!(metric(&statement, "answer_agreement")["estimate"]["value"].is_number());
    // All is in the store: nothing is asked again but the two questions of the introduction.
    let written = files(&bench.path("cache")).len();
    fs::remove_dir_all(bench.path("run")).unwrap();
    bench.audit(0, &teacher, std::env::var("HYDROMETER_ENDPOINT_KEY").ok().as_deref());
    assert_eq!(files(&bench.path("cache")).len(), written);
}

/// A server of llama.cpp's kind with room for 64 tokens, which cuts what is longer.
fn cutting(asked: &AskedServer) -> Served {
    match asked.path.as_str() {
        "/props" => Served::json(200, &json!({"default_generation_settings": {"n_ctx": 64}, "build_info": "b1"})),
        "/v1/chat/completions" => Served::chat("cutter", letter(asked), "stop"),
        _ => Served::json(404, &json!({"error": {"message": "not here"}})),
    }
}

#[test]
fn a_check_that_fails_refuses_the_audit_and_its_name_accepts_it() {
    let bench = Bench::new();
    let server = ScriptedServer::start(cutting).unwrap();
    let teacher = format!("llama-server:{}", server.address());
    let [_, talk] = bench.audit(2, &teacher, None);
    let flat = talk.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("check `long-prompt` failed (a prompt that is too long is refused, not cut)"), "{talk}");
    assert!(flat.contains("128 words for a context of 64 tokens were answered"), "{talk}");
    assert!(flat.contains("--accept long-prompt goes on all the same"), "{talk}");
    assert!(
        !bench.path("run/manifest.json").exists() && bench.path("run/paid.jsonl").exists(),
        "only what it cost is kept"
    );
    let accepted = bench.command(&teacher, None).args(["--accept", "long-prompt"]).output().unwrap();
    let talk = String::from_utf8_lossy(&accepted.stderr);
    assert_eq!(accepted.status.code(), Some(0), "{talk}");
    assert!(talk.contains("check `long-prompt` failed"), "it is said all the same: {talk}");
    let notes = bench.statement()["notes"].to_string();
    assert!(notes.contains("although these checks of an endpoint may fail: long-prompt (`--accept`)"), "{notes}");
}

/// A server of llama.cpp's kind that puts the token that begins a text in front of one that the template wrote.
fn beginning_twice(asked: &AskedServer) -> Served {
    match asked.path.as_str() {
        "/props" => Served::json(200, &json!({"build_info": "b1"})),
        "/apply-template" => Served::json(200, &json!({"prompt": "<s>A?"})),
        "/tokenize" => Served::json(200, &json!({"tokens": [1, 1, 7, 8, 9]})),
        "/v1/chat/completions" => Served::chat("twice", letter(asked), "stop"),
        _ => Served::json(404, &json!({"error": {"message": "not here"}})),
    }
}

#[test]
fn a_text_that_begins_twice_refuses_the_audit() {
    let bench = Bench::new();
    let server = ScriptedServer::start(beginning_twice).unwrap();
    let [_, talk] = bench.audit(2, &format!("llama-server:{}", server.address()), None);
    let flat = talk.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("check `begin` failed") && flat.contains("begins with token 1 twice"), "{talk}");
    assert!(flat.contains("--accept begin goes on all the same"), "{talk}");
}

/// A server of llama.cpp's kind whose template is another one than the student's.
fn rendering(asked: &AskedServer) -> Served {
    match asked.path.as_str() {
        "/props" => Served::json(200, &json!({"build_info": "b1"})),
        "/apply-template" => Served::json(200, &json!({"prompt": "[system]You are"})),
        "/tokenize" => Served::json(200, &json!({"tokens": [5, 6, 7, 8, 9]})),
        "/v1/chat/completions" => Served::chat("big", letter(asked), "stop"),
        _ => Served::json(404, &json!({"error": {"message": "not here"}})),
    }
}

#[test]
fn an_audit_says_where_the_templates_of_its_models_differ_and_goes_on() {
    let bench = Bench::new();
    let template = "template = \"{% for m in messages %}[{{ m.role }}:{{ m.content }}{% endfor %}\"";
    bench.0.write("student.toml", &format!("{template}\n{STUDENT}"));
    let server = ScriptedServer::start(rendering).unwrap();
    let [_, talk] = in_one_line(bench.audit(0, &format!("llama-server:{}", server.address()), None));
    let said = "teacher: check `template` failed (a conversation is rendered as the local template renders it): from byte 7 on, \
                the other model of the audit reads `:You are a careful narrator.";
    assert!(talk.contains(said), "{talk}");
    assert!(
        talk.contains("this one `]You are`: no fault where the two were made with templates of their own"),
        "{talk}"
    );
    let kept: Value = serde_json::from_str(&fs::read_to_string(bench.path("run/checks.json")).unwrap()).unwrap();
    let found = &kept["models"][0];
    let template = found["checks"].as_array().unwrap().iter().find(|check| check["name"] == "template").unwrap();
    assert_eq!((&template["outcome"], &template["spoils"]), (&json!("failed"), &json!("nothing")));
    assert!(found["beside"].is_string(), "{found}");
}

#[test]
fn check_says_what_passed_what_failed_and_what_is_not_offered() {
    let server = ScriptedServer::start(cutting).unwrap();
    let check = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hydrometer"));
        command.args(["check", &format!("llama-server:{}", server.address())]).args(more).output().unwrap()
    };
    let output = check(&[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("passed       identity       one model"), "{text}");
    assert!(text.contains("model `cutter`, build b1"), "{text}");
    assert!(text.contains("FAILED       long-prompt ") && text.contains("what to do: turn the cutting off"), "{text}");
    assert!(text.contains("not offered  zeros "), "{text}");
    let output = check(&["--json"]);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let long = found["checks"].as_array().unwrap().iter().find(|check| check["name"] == "long-prompt").unwrap();
    assert_eq!((&long["found"], &long["spoils"]), (&json!("failed"), &json!("answers")));
    for wrong in [["check", "model.gguf"], ["check", "openai:"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_hydrometer")).args(wrong).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn what_cannot_be_opened_says_what_to_do() {
    let bench = Bench::new();
    let refusing = ScriptedServer::start(|_| Served::json(401, &json!({"error": {"message": "no key"}}))).unwrap();
    let [_, talk] = bench.audit(2, &format!("openai:{}#big", refusing.address()), None);
    let flat = talk.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("no key was sent: put it into OPENAI_API_KEY"), "{talk}");
    assert!(flat.contains("hydrometer models"), "{talk}");
}

#[test]
fn the_list_of_models_names_every_scheme_and_its_key() {
    let output = Command::new(env!("CARGO_BIN_EXE_hydrometer")).arg("models").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for scheme in hydrometer_models::SCHEMES {
        assert!(text.contains(scheme.key) && text.contains(scheme.example) && text.contains(scheme.base), "{text}");
        assert!(text.contains(&scheme.headers()), "{text}");
    }
    // What is shown, and the regime that comes of it.
    let block =
        |name: &str| text.split(&format!("  {name}:")).nth(1).unwrap().split("example:").next().unwrap().to_owned();
    assert!(block("vllm").contains("lists behind any text (R1)"), "{text}");
    assert!(block("vllm").contains("every token behind any text (R0, --full-logprobs)"), "{text}");
    assert!(block("ollama").contains("lists along its answers (R2, --listed-answers N)"), "{text}");
    assert!(block("gemini").contains("listed letters of choices (R2, --letters N)"), "{text}");
    assert!(block("anthropic").contains("batches (--batch)") && !block("anthropic").contains("R2"), "{text}");
    assert!(block("anthropic").contains("ANTHROPIC_API_KEY (needed)"), "{text}");
    let output = Command::new(env!("CARGO_BIN_EXE_hydrometer")).args(["models", "--json"]).output().unwrap();
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let endpoints = found["endpoints"].as_array().unwrap();
    assert_eq!(endpoints.len(), hydrometer_models::SCHEMES.len());
    let vllm = endpoints.iter().find(|of| of["scheme"] == "vllm").unwrap();
    assert_eq!((&vllm["key"], &vllm["needs_key"]), (&json!("VLLM_API_KEY"), &json!(false)));
    assert!(vllm["shows"].as_array().unwrap().iter().any(|shows| shows["regime"] == "R1"), "{vllm}");
    assert!(found["here"]["names"].to_string().contains("FILE.gguf"), "{found}");
}
