//! Servers that nobody here wrote, asked as a user would: llama.cpp's `llama-server`, vLLM, and LiteLLM's proxy.
//!
//! Each is started from where it is installed, and the test says SKIPPED where it is not: `llama-server`, `vllm` and `litellm` on the
//! path, or HYDROMETER_LLAMA_SERVER, HYDROMETER_VLLM and HYDROMETER_LITELLM. The model is smollm2-135m (HYDROMETER_MODELS); vLLM wants
//! a Hugging Face folder (HYDROMETER_VLLM_MODEL). Run it with `cargo test -p hydrometer --test real -- --nocapture real_servers::`.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "test code")]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread;

use hydrometer_models::{ScriptedServer, Served};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A program, where it is installed.
pub(crate) fn program(variable: &str, name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = || std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    let found = std::env::var_os(variable).map(PathBuf::from).or_else(on_path);
    if found.is_none() {
        eprintln!("SKIPPED: {name} is not installed (on the path, or where {variable} says)");
    }
    found
}

/// The model that is served, as a GGUF file.
pub(crate) fn smollm() -> Option<PathBuf> {
    let cached = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/hydrometer/models"));
    let folder = std::env::var_os("HYDROMETER_MODELS").map(PathBuf::from).or_else(cached)?;
    let file = folder.join("smollm2-135m.gguf");
    if !file.exists() {
        eprintln!("SKIPPED: {} is absent", file.display());
    }
    file.exists().then_some(file)
}

/// The model that vLLM serves, as a Hugging Face folder.
pub(crate) fn vllm_model() -> Option<String> {
    let model = std::env::var("HYDROMETER_VLLM_MODEL").ok();
    if model.is_none() {
        eprintln!("SKIPPED: HYDROMETER_VLLM_MODEL names no Hugging Face folder for vLLM");
    }
    model
}

/// A server that runs until it is dropped.
pub(crate) struct Running {
    server: Child,
    port: u16,
}

impl Drop for Running {
    fn drop(&mut self) {
        // Asked to end, so that it ends its own processes, too.
        let _ = Command::new("kill").arg(self.server.id().to_string()).status();
        let _ = self.server.wait();
    }
}

impl Running {
    /// Starts a server on a free port, and waits until it says that it is ready.
    pub(crate) fn start(program: &Path, arguments: &[&str], environment: &[(&str, &str)], ready: &str) -> Running {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(program);
        command.args(arguments).args(["--port", &port.to_string()]).envs(environment.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut server = command.spawn().unwrap();
        let (sender, lines) = channel();
        let (out, err) = (server.stdout.take().unwrap(), server.stderr.take().unwrap());
        let said = [lines_of(out, sender.clone()), lines_of(err, sender)];
        let running = Running { server, port };
        let mut all = String::new();
        for line in &lines {
            if line.contains(ready) {
                // What it says from here on is read and forgotten, so that it never waits for a reader.
                thread::spawn(move || lines.iter().for_each(drop));
                return running;
            }
            all = all + &line + "\n";
        }
        said.into_iter().for_each(|thread| thread.join().unwrap());
        panic!("{} ended before it was ready:\n{all}", program.display());
    }

    /// vLLM with a model called `small`, in 32-bit floats.
    pub(crate) fn vllm(program: &Path, model: &str) -> Running {
        let arguments = ["serve", model, "--served-model-name", "small", "--max-logprobs", "-1"];
        let exact = ["--dtype", "float32", "--max-model-len", "2048", "--enforce-eager"];
        let quiet = [("HF_HUB_OFFLINE", "1"), ("VLLM_NO_USAGE_STATS", "1"), ("VLLM_CPU_KVCACHE_SPACE", "1")];
        Running::start(program, &[arguments.as_slice(), &exact].concat(), &quiet, "startup complete")
    }

    pub(crate) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

fn lines_of(pipe: impl Read + Send + 'static, to: Sender<String>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while pipe.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let _ = to.send(String::from_utf8_lossy(&line).into_owned());
            line.clear();
        }
    })
}

const TEXTS: [&str; 6] = [
    "The history of the lighthouse goes back to the early days of seafaring, when fires were built on hilltops.",
    "Water boils at a lower temperature on a mountain, because the air presses on it less than at the sea.",
    "In the spring the river rises, and the people of the valley move their cattle to the higher meadows.",
    "She opened the letter slowly, read the first line twice, and put it back into the envelope.",
    "A compiler turns the text of a program into instructions that a processor can carry out.",
    "He missed the last train, walked home along the canal, and was glad of the moon.",
];

/// A folder with texts and prompts.
pub(crate) fn bench() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = |(i, text): (usize, &&str)| {
        json!({"id": format!("t{i}"), "family": format!("f{i}"), "axis": "prose", "kind": "text", "text": text})
            .to_string()
    };
    fs::write(folder.path().join("texts.jsonl"), TEXTS.iter().enumerate().map(text).collect::<Vec<_>>().join("\n"))
        .unwrap();
    let prompt = |i: usize| {
        let prompt = format!("Name {} animals.", i + 2);
        json!({"id": format!("p{i}"), "family": format!("g{i}"), "axis": "talk", "kind": "prompt", "max_tokens": 12, "prompt": prompt})
            .to_string()
    };
    fs::write(folder.path().join("prompts.jsonl"), (0..3).map(prompt).collect::<Vec<_>>().join("\n")).unwrap();
    folder
}

pub(crate) fn hydrometer(folder: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hydrometer"));
    command.current_dir(folder.path()).stdin(Stdio::null()).env("XDG_CACHE_HOME", folder.path().join("cache"));
    command
}

/// Audits a pair of models on the texts.
fn audit(folder: &TempDir, teacher: &str, student: &str) -> Value {
    audit_with(folder, teacher, student, &[])
}

/// The same with more arguments.
fn audit_with(folder: &TempDir, teacher: &str, student: &str, more: &[&str]) -> Value {
    let mut command = hydrometer(folder);
    command.args(["audit", "--teacher", teacher, "--student", student, "--probes", "texts.jsonl", "--json", "--quiet"]);
    let output = command.args(more).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What `check` finds: no check may fail.
fn checked(folder: &TempDir, arguments: &[&str], key: &str) -> String {
    let output = hydrometer(folder).arg("check").args(arguments).env("OPENAI_API_KEY", key).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    eprintln!("{text}");
    assert_eq!(output.status.code(), Some(0), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

fn estimate<'s>(statement: &'s Value, id: &str) -> &'s Value {
    &statement["metrics"].as_array().unwrap().iter().find(|metric| metric["id"] == id).unwrap()["estimate"]
}

fn value(statement: &Value, id: &str) -> f64 {
    estimate(statement, id)["value"].as_f64().unwrap_or_else(|| panic!("{id} is not measured: {statement}"))
}

/// The same model here and behind the server, and a student of it in both regimes: what R1 says is what R0 says, within what the
/// intervals of R1 allow. The divergence of the server from us is printed.
fn scores_as_we_do(folder: &TempDir, there: &str, here: &str, most: f64) {
    let same = audit(folder, there, here);
    assert_eq!(same["regime"]["id"], "R1");
    let as_student = audit(folder, here, there);
    assert_eq!(as_student["regime"]["id"], "R1");
    let server = there.split(':').next().unwrap();
    let [kl, reverse] = [value(&same, "kl_divergence"), value(&as_student, "reverse_kl")];
    eprintln!("{server}: KL of the model behind it from ours {kl:.2e} nats as a teacher, {reverse:.2e} as a student");
    assert!(kl.abs() < most && reverse.abs() < most, "expected less than {most}");
    assert!(value(&same, "top1_agreement") > 0.97 && value(&as_student, "top1_agreement") > 0.97);

    let student = format!("planted:temperature=0.7({here})");
    let (exact, shown) = (audit(folder, here, &student), audit(folder, there, &student));
    for id in ["kl_divergence", "token_overlap", "tail_kept", "entropy_ratio"] {
        let (exact, found, interval) = (value(&exact, id), value(&shown, id), &estimate(&shown, id)["interval"]);
        let [low, high] = ["low", "high"].map(|end| interval[end].as_f64().unwrap());
        eprintln!("{server}: {id} {exact:.4} of logits; {found:.4} ({low:.4} to {high:.4}) of what is shown");
        // The server draws otherwise each time: twice the interval is never left.
        assert!((exact - found).abs() <= high - low + most, "{id}: {exact} is far from {low} to {high}");
    }
}

/// The same model here and behind the server, asked for every token: what R0 says of a student is the same.
fn shows_every_token(folder: &TempDir, there: &str, here: &str, most: f64) {
    let student = format!("planted:temperature=0.7({here})");
    let few = ["--chunks", "2", "--floor-windows", "0", "--precision", "f32"];
    let (exact, shown) = (
        audit_with(folder, here, &student, &few),
        audit_with(folder, there, &student, &[&few[..], &["--full-logprobs"]].concat()),
    );
    assert_eq!((&exact["regime"]["id"], &shown["regime"]["id"]), (&json!("R0"), &json!("R0")));
    let server = there.split(':').next().unwrap();
    for id in ["kl_divergence", "reverse_kl", "token_overlap", "tail_kept", "entropy_ratio", "bits_per_byte_teacher"] {
        let [exact, found] = [&exact, &shown].map(|statement| value(statement, id));
        eprintln!("{server}, every token: {id} is {exact:.6} here and {found:.6} there");
        assert!((exact - found).abs() < most, "{id}");
    }
}

/// What the server lists of texts is what our engine keeps of them, but for what two engines differ by: as many positions, nearly
/// always the same most probable token, log-probabilities that are close.
fn lists_as_we_do(folder: &TempDir, there: &str, here: &str, most: f64) {
    let record = |text: &&str| json!({"text": text}).to_string();
    fs::write(folder.path().join("data.jsonl"), TEXTS.iter().map(record).collect::<Vec<_>>().join("\n")).unwrap();
    let run = |arguments: &[&str]| {
        let output = hydrometer(folder).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let usual = ["distributions", "collect", "--data", "data.jsonl", "--ctx", "128"];
    let of_server = ["--teacher", there, "--cache", "there", "--tokenizer", here, "--top-k", "20"];
    let of_model =
        ["--teacher", here, "--cache", "here", "--mass", "1", "--k-min", "20", "--k-max", "20", "--draws", "0"];
    run(&[&usual[..], &of_server].concat());
    run(&[&usual[..], &of_model].concat());
    let shown = |cache: &str| -> std::collections::BTreeMap<String, Value> {
        let keys = run(&["distributions", "ls", "--each", "--cache", cache]);
        let show = |key: &str| {
            serde_json::from_str(&run(&["distributions", "show", key, "--json", "--cache", cache])).unwrap()
        };
        keys.lines().map(show).map(|value: Value| (value["tokens"].to_string(), value)).collect()
    };
    let (there, here) = (shown("there"), shown("here"));
    assert_eq!((there.keys().collect::<Vec<_>>(), there.len()), (here.keys().collect(), TEXTS.len()));
    let (mut positions, mut same, mut apart) = (0, 0, 0.0f64);
    for (tokens, sequence) in &there {
        let rows = |of: &Value| of["positions"].as_array().unwrap().clone();
        for (found, expected) in rows(sequence).iter().zip(&rows(&here[tokens])) {
            positions += 1;
            let [found, expected] = [found, expected].map(|row| row["head"][0].clone());
            same += u64::from(found[0] == expected[0]);
            if found[0] == expected[0] {
                apart = apart.max((found[1].as_f64().unwrap() - expected[1].as_f64().unwrap()).abs());
            }
        }
    }
    eprintln!(
        "{positions} positions, {same} with the same most probable token, whose probabilities are {apart:.1e} apart at most"
    );
    assert!(positions > 80 && 100 * same >= 98 * positions && apart < most, "{same} of {positions}, {apart}");
}

#[test]
fn llama_server_scores_as_we_do() {
    let Some((program, model)) = program("HYDROMETER_LLAMA_SERVER", "llama-server").zip(smollm()) else { return };
    let folder = bench();
    // With its weights as 32-bit floats neither of the two rounds activations to 8 bits.
    let whole = folder.path().join("smollm2-f32.gguf");
    let output =
        hydrometer(&folder).args(["quantize", "--to", "f32", "--out"]).args([&whole, &model]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let whole = whole.display().to_string();
    let exact = ["--cache-type-k", "f32", "--cache-type-v", "f32", "--flash-attn", "off"];
    let arguments = [["-m", &whole, "-c", "2048", "--parallel", "1"].as_slice(), &exact].concat();
    let server = Running::start(&program, &arguments, &[], "listening on http");
    let there = format!("llama-server:{}", server.address());
    checked(&folder, &[&there, "--against", &whole], "");
    scores_as_we_do(&folder, &there, &whole, 1e-4);
    shows_every_token(&folder, &there, &whole, 1e-3);
    lists_as_we_do(&folder, &there, &whole, 5e-3);
}

/// Two servers with a model in two quantisations, neither of which we run: what both list bounds what we find with both here.
#[test]
fn what_two_llama_servers_list_bounds_what_we_find() {
    let Some((program, model)) = program("HYDROMETER_LLAMA_SERVER", "llama-server").zip(smollm()) else { return };
    let folder = bench();
    let whole = |to: &str, name: &str| {
        let file = folder.path().join(name);
        let made = hydrometer(&folder).args(["quantize", "--to", to, "--out"]).args([&file, &model]).output().unwrap();
        assert_eq!(made.status.code(), Some(0), "{}", String::from_utf8_lossy(&made.stderr));
        file.display().to_string()
    };
    let served = |file: &str| {
        let exact = ["--cache-type-k", "f32", "--cache-type-v", "f32", "--flash-attn", "off"];
        let arguments = [["-m", file, "-c", "2048", "--parallel", "1"].as_slice(), &exact].concat();
        Running::start(&program, &arguments, &[], "listening on http")
    };
    // A student of few bits, and both with weights that no server rounds once more: those of few bits are written as they are read.
    let (teacher, few) = (whole("f32", "teacher.gguf"), whole("q4_0", "few.gguf"));
    let student = folder.path().join("student.gguf").display().to_string();
    let made = hydrometer(&folder).args(["quantize", "--to", "f32", "--out", &student, &few]).output().unwrap();
    assert_eq!(made.status.code(), Some(0), "{}", String::from_utf8_lossy(&made.stderr));
    let (there, here) = ([served(&teacher), served(&student)], audit(&folder, &teacher, &student));
    let [of_teacher, of_student] = there.each_ref().map(|server| format!("llama-server:{}", server.address()));
    let mut command = hydrometer(&folder);
    command.args(["audit", "--teacher", &of_teacher, "--student", &of_student, "--tokenizer", &teacher]);
    let output = command.args(["--probes", "texts.jsonl", "--json", "--quiet"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let there: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&there["regime"]["id"], &here["regime"]["id"]), (&json!("R1"), &json!("R0")));
    for id in [
        "kl_divergence",
        "reverse_kl",
        "jensen_shannon",
        "token_overlap",
        "tail_kept",
        "tail_invented",
        "entropy_ratio",
    ] {
        let metric = there["metrics"].as_array().unwrap().iter().find(|metric| metric["id"] == id).unwrap();
        let [low, high] =
            ["low", "high"].map(|end| metric["bounds"][end].as_f64().unwrap_or_else(|| panic!("{metric}")));
        let exact = value(&here, id);
        eprintln!(
            "llama-server, both models: {id} is {exact:.5} of logits; of lists it is at least {low:.5} and at most {high:.5}"
        );
        assert!(low - 1e-3 <= exact && exact <= high + 1e-3, "{id}");
    }
    for id in ["top1_agreement", "perplexity_ratio", "bits_per_byte_student"] {
        let (there, here) = (value(&there, id), value(&here, id));
        eprintln!("llama-server, both models: {id} is {here:.5} of logits, {there:.5} of lists");
        assert!((there - here).abs() < 0.01, "{id}");
    }
}

#[test]
fn vllm_scores_as_we_do() {
    let Some((program, model)) = program("HYDROMETER_VLLM", "vllm").zip(vllm_model()) else { return };
    let folder = bench();
    let server = Running::vllm(&program, &model);
    let there = format!("vllm:{}#small", server.address());
    checked(&folder, &[&there, "--against", &model], "");
    scores_as_we_do(&folder, &there, &model, 1e-4);
    shows_every_token(&folder, &there, &model, 1e-3);
    lists_as_we_do(&folder, &there, &model, 5e-3);
}

/// LiteLLM's proxy in front of a server of ours: what it makes of our questions and of the answers is its own.
#[test]
fn litellm_is_a_stranger_that_is_understood() {
    let Some(program) = program("HYDROMETER_LITELLM", "litellm") else { return };
    const KEY: &str = "sk-hydrometer-4711";
    let folder = bench();
    let behind = ScriptedServer::start(|asked| {
        let listed = json!([{"token": "A", "logprob": -0.5, "bytes": [65]}, {"token": "B", "logprob": -1.5, "bytes": [66]}]);
        let tokens = asked.body["max_tokens"].as_u64().unwrap_or(1).min(6);
        let token = json!({"token": "A", "logprob": -0.5, "bytes": [65], "top_logprobs": listed});
        let content: Vec<Value> = (0..tokens).map(|_| token.clone()).collect();
        let message = json!({"role": "assistant", "content": "A".repeat(tokens as usize)});
        Served::json(
            200,
            &json!({
                "id": "chat-1", "object": "chat.completion", "created": 1, "model": "small",
                "choices": [{"index": 0, "message": message, "finish_reason": "length", "logprobs": {"content": content}}],
                "usage": {"prompt_tokens": 9, "completion_tokens": tokens, "total_tokens": 9 + tokens},
            }),
        )
    })
    .unwrap();
    let config = json!({"model_list": [{
        "model_name": "small",
        "litellm_params": {"model": "openai/small", "api_base": format!("{}/v1", behind.address()), "api_key": "none"},
    }]});
    // JSON is YAML.
    fs::write(folder.path().join("litellm.yaml"), config.to_string()).unwrap();
    let config = folder.path().join("litellm.yaml").display().to_string();
    let environment = [("LITELLM_MASTER_KEY", KEY), ("LITELLM_LOCAL_MODEL_COST_MAP", "True")];
    let arguments = ["--config", &config, "--host", "127.0.0.1"];
    let server = Running::start(&program, &arguments, &environment, "Uvicorn running on");
    let there = format!("openai:{}#small", server.address());
    let text = checked(&folder, &[&there], KEY);
    for check in ["identity", "repetition", "counts", "zeros", "temperature"] {
        assert!(text.contains(&format!("passed       {check}")), "{text}");
    }
    fs::write(
        folder.path().join("student.toml"),
        "vocabulary = \"bytes\"\n[default]\nprobabilities = { A = 0.9, B = 0.1 }\n",
    )
    .unwrap();
    let mut command = hydrometer(&folder);
    command.args(["audit", "--teacher", &there, "--student", "scripted:student.toml", "--probes", "prompts.jsonl"]);
    command.args(["--samples", "4", "--reruns", "2", "--json", "--quiet"]).env("OPENAI_API_KEY", KEY);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let statement: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&statement["regime"]["id"], &statement["teacher"]["name"]), (&json!("R3"), &json!("small")));
    assert!(value(&statement, "answer_agreement").is_finite());
    // A key that is none is refused before anything is asked.
    let output = hydrometer(&folder).args(["check", &there]).env("OPENAI_API_KEY", "sk-other").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(!said.contains("sk-other"), "{said}");
}
