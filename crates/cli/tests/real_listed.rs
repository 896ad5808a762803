//! Answers that servers which nobody here wrote list token by token: at every place of them the truth, from the logits of both models as
//! they run here, is within what the lists leave open.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "test code")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use hydrometer_answers::part::Answered;
use hydrometer_answers::store::{Access, Store, StoredAnswer};
use hydrometer_answers::{AnsweredRow, RunFolder};
use hydrometer_metrics::sparse::Within;
use hydrometer_metrics::{Comparer, PositionStats};
use hydrometer_models::{
    Block, EngineOptions, ListedAnswer, Message, Model, Precision, Prompt, Scorer, Sequence, id_unspelled, open,
};
use hydrometer_probes::Ask;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::real_servers::{Running, bench, hydrometer, program, smollm, vllm_model};

/// What two engines may differ by at one place, beyond what bounds allow servers.
const ENGINES: f64 = 2e-3;
const ANSWERS: u32 = 2;

/// Prompts whose answers have letters of several scripts, lists, code.
fn prompts(folder: &TempDir) {
    const QUESTIONS: [&str; 6] = [
        "What is the capital of France?",
        "Write two lines about rain.",
        "Say hello in Spanish, German and Japanese.",
        "List five prime numbers.",
        "Write a Python function that adds two numbers.",
        "Name an animal, with an emoji.",
    ];
    let probe = |(i, prompt): (usize, &&str)| json!({"id": format!("p{i}"), "family": format!("f{i}"), "axis": "talk", "kind": "prompt", "max_tokens": 24, "prompt": prompt});
    let lines: Vec<String> = QUESTIONS.iter().enumerate().map(probe).map(|probe| probe.to_string()).collect();
    fs::write(folder.path().join("listed.jsonl"), lines.join("\n")).unwrap();
}

/// The logits of a model that runs here behind a prompt and each of these tokens but the last.
fn logits(model: &dyn Model, prompt: &[Message], tokens: &[u32]) -> Vec<Vec<f32>> {
    let Prompt::Tokens(asked) = model.answers().unwrap().prompt(prompt).unwrap() else { panic!("it runs here") };
    let scorer = Scorer::of(model).unwrap();
    let first = asked.len() as u32 - 1;
    let rows = (first..first + tokens.len() as u32).collect();
    let sequence = Sequence { tokens: [&asked[..], tokens].concat(), rows };
    let block = Block { sequences: vec![sequence] };
    let width = model.identity().logit_width() as usize;
    let mut all = vec![0.0; tokens.len() * width];
    scorer.scores.score(&block).unwrap().read(0..tokens.len(), &mut all).unwrap();
    all.chunks(width).map(<[f32]>::to_vec).collect()
}

/// The answers that were listed, by the hash of their prompt and their number.
fn kept(folder: &Path) -> BTreeMap<(String, u32), ListedAnswer> {
    let store = Store::open(&folder.join("cache/hydrometer/answers"), Access::Read).unwrap();
    let of = |answer: StoredAnswer| {
        let hash = answer.prompt_hash.strip_prefix("listed answer to ")?.to_owned();
        Some(((hash, answer.sample), ListedAnswer::of_kept(&answer.text, answer.finish).unwrap()))
    };
    store.answers().filter_map(|answer| of(answer.unwrap())).collect()
}

/// The positions of a run with what is true of them.
fn with_truth(folder: &Path, [teacher, student]: [&str; 2]) -> Vec<(AnsweredRow, PositionStats)> {
    let models = [teacher, student].map(|name| open(name, &EngineOptions { precision: Precision::F32 }).unwrap());
    let (run, kept) = (RunFolder::open(&folder.join("listed")).unwrap(), kept(folder));
    let ids = models[1].tokens().unwrap().ids_by_piece();
    let mut answers: BTreeMap<(String, u32), Vec<AnsweredRow>> = BTreeMap::new();
    for row in run.rows::<Answered>().unwrap() {
        answers.entry((row.probe.clone(), row.window)).or_default().push(row);
    }
    let mut all = Vec::new();
    for ((probe, number), rows) in answers {
        let asked = run.probes().iter().find(|of| of.id == probe).unwrap();
        let Ask::Prompt(prompt) = &asked.ask else { panic!("{probe} is no prompt") };
        let messages = Message::of_prompt(prompt);
        let answer = &kept[&(Prompt::Messages(messages.clone()).hash(), number)];
        let id = |bytes: &[u8]| id_unspelled(bytes).or_else(|| ids.get(bytes).copied().flatten());
        let tokens: Vec<u32> = answer.tokens.iter().map_while(|token| id(&token.bytes)).collect();
        let [of_teacher, of_student] = models.each_ref().map(|model| logits(&**model, &messages, &tokens));
        for row in rows {
            let place = row.position as usize;
            assert_eq!(row.stats.bounds.target, tokens[place]);
            let mut comparer = Comparer::new(of_teacher[place].len());
            let truth = comparer.compare(&of_teacher[place], &of_student[place], tokens[place]).unwrap();
            all.push((row, truth));
        }
    }
    all
}

/// A number, what bounds it at a place, and what is true there.
type Bounded = (&'static str, fn(&AnsweredRow) -> Within, fn(&PositionStats) -> f32);

const BOUNDED: [Bounded; 9] = [
    ("kl_divergence", |row| row.stats.bounds.kl, |truth| truth.kl),
    ("reverse_kl", |row| row.stats.bounds.reverse_kl, |truth| truth.reverse_kl),
    ("jensen_shannon", |row| row.stats.bounds.jsd, |truth| truth.jsd),
    ("token_overlap", |row| row.stats.bounds.overlap, |truth| truth.overlap),
    ("teacher's entropy", |row| row.stats.bounds.teacher_entropy, |truth| truth.teacher_entropy),
    ("student's entropy", |row| row.stats.bounds.student_entropy, |truth| truth.student_entropy),
    ("tail", |row| row.stats.bounds.tail_mass, |truth| truth.band_mass[2] + truth.band_mass[3]),
    ("tail kept", |row| row.stats.bounds.tail_kept, |truth| truth.band_overlap[2] + truth.band_overlap[3]),
    ("tail invented", |row| row.stats.bounds.tail_invented, |truth| truth.band_invented[2] + truth.band_invented[3]),
];

/// Audits a student along the answers that a teacher's server lists, and holds every place against the truth: `here` is the teacher as it
/// runs here.
fn lists_hold_the_truth(folder: &TempDir, there: &str, here: &str, student: &str) {
    let run = folder.path().join("listed");
    let _ = fs::remove_dir_all(&run);
    let mut command = hydrometer(folder);
    command.args(["audit", "--teacher", there, "--student", student, "--probes", "listed.jsonl", "--out", "listed"]);
    command.args(["--listed-answers", &ANSWERS.to_string(), "--samples", "2", "--reruns", "0", "--json"]);
    // As the truth is computed: how far integer products are from it depends on the processor.
    command.args(["--precision", "f32"]);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    let statement: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(statement["regime"]["id"], "R2");
    let all = with_truth(folder.path(), [here, student]);
    let (places, server) = (all.len(), there.split(':').next().unwrap());
    let counted = statement["suite"]["positions"].as_u64().unwrap();
    eprintln!("{server}, student {student}: {places} places of listed answers");
    said.lines().filter(|line| line.contains("listed answers")).for_each(|line| eprintln!("{server}: {line}"));
    assert!(places as u64 == counted && places > 100, "{places} of {counted}");
    for (name, bounds, truth) in BOUNDED {
        let (mut low, mut high, mut exact) = (0.0, 0.0, 0.0);
        for (row, true_there) in &all {
            let (within, truth) = (bounds(row), f64::from(truth(true_there)));
            let (at_least, at_most) = (f64::from(within.low), f64::from(within.high));
            assert!(
                at_least - ENGINES <= truth && truth <= at_most + ENGINES,
                "{name} at {} of answer {} to {}: {truth} is not within {within:?}",
                row.position,
                row.window,
                row.probe
            );
            (low, high, exact) = (low + at_least, high + at_most, exact + truth);
        }
        let [low, high, exact] = [low, high, exact].map(|sum| sum / places as f64);
        eprintln!("{server}: {name} is {exact:.5}; of lists it is at least {low:.5} and at most {high:.5}");
    }
    let tops = |of: &(AnsweredRow, PositionStats)| {
        let (found, truth) = (&of.0.stats.bounds, &of.1);
        (found.teacher_top1, found.student_top1) == (truth.teacher_top1, truth.student_top1)
    };
    let same = all.iter().filter(|of| tops(of)).count();
    assert!(same * 100 >= places * 98, "most probable tokens are the same at {same} of {places}");
}

/// The students of a teacher: itself, another temperature, few bits.
fn students_of(folder: &TempDir, there: &str, here: &str, few: &str) {
    prompts(folder);
    for student in [here.to_owned(), format!("planted:temperature=0.7({here})"), few.to_owned()] {
        lists_hold_the_truth(folder, there, here, &student);
    }
}

#[test]
fn what_llama_server_lists_of_its_answers_bounds_the_truth() {
    let Some((program, model)) = program("HYDROMETER_LLAMA_SERVER", "llama-server").zip(smollm()) else { return };
    let folder = bench();
    let [whole, few] = [("f32", "whole.gguf"), ("q4_0", "few.gguf")].map(|(to, name)| {
        let file = folder.path().join(name);
        let made = hydrometer(&folder).args(["quantize", "--to", to, "--out"]).args([&file, &model]).output().unwrap();
        assert_eq!(made.status.code(), Some(0), "{}", String::from_utf8_lossy(&made.stderr));
        file.display().to_string()
    });
    let exact = ["--cache-type-k", "f32", "--cache-type-v", "f32", "--flash-attn", "off"];
    let arguments = [["-m", &whole, "-c", "2048", "--parallel", "1"].as_slice(), &exact].concat();
    let server = Running::start(&program, &arguments, &[], "listening on http");
    // As any server of this dialect; where it shows more, prompts do not ask for it.
    students_of(&folder, &format!("openai:{}#small", server.address()), &whole, &few);
}

#[test]
fn what_vllm_lists_of_its_answers_bounds_the_truth() {
    let Some((program, model)) = program("HYDROMETER_VLLM", "vllm").zip(vllm_model()) else { return };
    let folder = bench();
    let few = folder.path().join("few.gguf").display().to_string();
    let made = hydrometer(&folder).args(["quantize", "--to", "q4_0", "--out", &few, &model]).output().unwrap();
    assert_eq!(made.status.code(), Some(0), "{}", String::from_utf8_lossy(&made.stderr));
    let server = Running::vllm(&program, &model);
    students_of(&folder, &format!("vllm:{}#small", server.address()), &model, &few);
}
