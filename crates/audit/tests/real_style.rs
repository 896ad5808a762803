//! Surface copied of published students of one teacher, where `HYDROMETER_DATA` names a folder with the Vicuna questions and
//! their answers. Each model gave one answer to a question, so that a category of questions stands for a prompt here:
//! answers to different questions of it are compared, never two answers to the same one.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hydrometer_metrics::measure::Sums;
use hydrometer_metrics::measure::illusion::{Copied, Distances, SURFACE_COPIED};
use hydrometer_metrics::style::{FEATURES, Scale, features};
use serde_json::Value;

const TEACHER: &str = "gpt35";
const BASE: &str = "llama-13b";

type Style = [f64; FEATURES];

fn lines(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Answers of a model by the number of their question.
fn styles(folder: &Path, model: &str) -> BTreeMap<u64, Style> {
    let answers = lines(&folder.join(format!("answer_{model}.jsonl")));
    let read = |line: &Value| (line["question_id"].as_u64().unwrap(), features(line["text"].as_str().unwrap()));
    answers.iter().map(read).collect()
}

/// Mean of the kernel over answers to different questions.
fn mean(questions: &[u64], xs: &BTreeMap<u64, Style>, ys: &BTreeMap<u64, Style>, scale: &Scale) -> f64 {
    let pairs = questions.iter().flat_map(|x| questions.iter().map(move |y| (x, y))).filter(|(x, y)| x != y);
    let values: Vec<f64> = pairs.map(|(x, y)| scale.rbf(&xs[x], &ys[y])).collect();
    values.iter().sum::<f64>() / values.len() as f64
}

fn folder() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("HYDROMETER_DATA")?).join("vicuna80");
    folder.exists().then_some(folder)
}

#[test]
fn an_instruction_model_of_short_answers_imitates_style_least() {
    let Some(folder) = folder() else {
        eprintln!("SKIPPED: HYDROMETER_DATA has no vicuna80, the style of published students was not compared");
        return;
    };
    let mut categories: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for line in lines(&folder.join("question.jsonl")) {
        let number = line["question_id"].as_u64().unwrap();
        categories.entry(line["category"].as_str().unwrap().to_owned()).or_default().push(number);
    }
    let (teacher, base) = (styles(&folder, TEACHER), styles(&folder, BASE));
    let pooled: Vec<Style> = teacher.values().chain(base.values()).copied().collect();
    let scale = Scale::fit(&pooled);
    let copied = |model: &str| {
        let student = styles(&folder, model);
        let mut sums = Sums::new();
        for (category, questions) in &categories {
            let d2 = |other: &BTreeMap<u64, Style>| {
                mean(questions, &teacher, &teacher, &scale) + mean(questions, other, other, &scale)
                    - 2.0 * mean(questions, &teacher, other, &scale)
            };
            let style = Some(Distances { left: d2(&student), whole: d2(&base) });
            sums.copied(category, &Copied { style, at_boundary: false, decision: None });
        }
        let totals = SURFACE_COPIED.value(&sums);
        let estimate = SURFACE_COPIED.estimate(&sums, 0.95);
        eprintln!("| {model} | {totals:.3?} | {:.3?} |", estimate.as_ref().map(|found| found.interval));
        totals.unwrap()
    };
    let [vicuna_13b, vicuna_7b, alpaca] = ["vicuna-13b", "vicuna-7b", "alpaca-13b"].map(copied);
    assert!(alpaca < vicuna_13b && alpaca < vicuna_7b, "alpaca {alpaca}, vicuna {vicuna_13b} and {vicuna_7b}");
}
