//! lm-evaluation-harness samples (`--log_samples`): `samples_TASK_DATE.jsonl`, a line per document and filter.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::{GivenAnswer, ModelFile, PairedAnswers};
use crate::error::{Fault, FaultKind, ProbeError, quote};
use crate::import::{each_object, name, slug, wrong};
use crate::kind;
use crate::{Probe, Suite};

/// Reads the samples of one task, a file for each model: `doc_id`, `doc`, `arguments`, `resps`, and the metric.
///
/// The prompts are those that the first model was given (a chat template may make them differ); the documents must be
/// equal. A task with several filters logs a document once for each: the first filter of a file is read. Of the
/// metrics the first one says whether the first answer is right, where its value is 0, 1, true or false; further
/// answers to the same prompt are not judged by the file.
///
/// # Errors
/// Lines without these fields, log-likelihoods instead of generated text, or different documents under one `doc_id`.
pub fn lm_eval(files: &[ModelFile]) -> Result<PairedAnswers, ProbeError> {
    let task = files.first().map_or_else(|| "samples".to_owned(), |file| task(&name(&file.path)));
    let (mut probes, mut answers) = (Vec::new(), Vec::new());
    let mut documents: HashMap<u64, Value> = HashMap::new();
    for ModelFile { model, path } in files {
        let (mut filter, mut seen) = (None, HashSet::new());
        each_object(path, |_, _, fields| {
            let of_line = fields.get("filter").cloned().unwrap_or_default();
            if *filter.get_or_insert_with(|| of_line.clone()) != of_line {
                return Ok(());
            }
            let number = fields
                .get("doc_id")
                .and_then(Value::as_u64)
                .ok_or_else(|| wrong(fields, "doc_id", "a whole number"))?;
            let id = format!("{task}/{number:05}");
            if !seen.insert(number) {
                let next = "give the samples of one run";
                return Err(Fault::new(FaultKind::DuplicateId, "each `doc_id` once per filter", quote(&id), next));
            }
            let document = fields.get("doc").ok_or_else(|| wrong(fields, "doc", "the document"))?;
            if documents.get(&number).is_some_and(|known| known != document) {
                let next = "compare runs of one version of the task";
                return Err(Fault::new(
                    FaultKind::BadRow,
                    format!("the same document {} in every file", quote(&id)),
                    "another one",
                    next,
                ));
            }
            let correct = judged(fields);
            for (sample, text) in texts(fields)?.into_iter().enumerate() {
                answers.push(GivenAnswer {
                    probe: id.clone(),
                    model: model.clone(),
                    sample: u32::try_from(sample).unwrap_or(u32::MAX),
                    text: text.to_owned(),
                    correct: correct.filter(|_| sample == 0),
                    label: None,
                });
            }
            if documents.insert(number, document.clone()).is_none() {
                let ask = kind::Prompt::new(asked(fields)?).into();
                probes.push(Probe { family: id.clone(), id, axis: task.clone(), tags: Vec::new(), ask });
            }
            Ok(())
        })?;
    }
    PairedAnswers::new(Suite { name: task, probes }, answers)
}

/// The task in `samples_TASK_DATE.jsonl`, the date beginning with a year.
fn task(file: &str) -> String {
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let stem = stem.strip_prefix("samples_").unwrap_or(stem);
    let dated = stem.rsplit_once('_').filter(|(_, date)| date.starts_with("20") && date.contains('-'));
    slug(dated.map_or(stem, |(task, _)| task))
}

/// The prompt of the first request: `arguments` is a list of lists, or in newer files an object of objects.
fn asked(fields: &Map<String, Value>) -> Result<&str, Fault> {
    let arguments = fields.get("arguments");
    let first = arguments.and_then(|all| all.get(0).or_else(|| all.get("gen_args_0")));
    let prompt = first.and_then(|request| request.get(0).or_else(|| request.get("arg_0"))).and_then(Value::as_str);
    prompt.ok_or_else(|| wrong(fields, "arguments", "the prompt of a request"))
}

/// The generated texts of the only request.
fn texts(fields: &Map<String, Value>) -> Result<Vec<&str>, Fault> {
    let requests = fields.get("resps").and_then(Value::as_array).filter(|requests| requests.len() == 1);
    let texts = requests.and_then(|requests| requests[0].as_array()?.iter().map(Value::as_str).collect());
    texts.ok_or_else(|| wrong(fields, "resps", "the texts of one generated answer (log-likelihood tasks have none)"))
}

fn judged(fields: &Map<String, Value>) -> Option<bool> {
    let metrics = fields.get("metrics").and_then(Value::as_array);
    let named = metrics.and_then(|metrics| metrics.first()).and_then(Value::as_str);
    // Files of older versions do not name their metrics.
    let metric = named.or_else(|| ["exact_match", "acc"].into_iter().find(|metric| fields.contains_key(*metric)))?;
    match fields.get(metric)? {
        Value::Bool(right) => Some(*right),
        number if number.as_f64() == Some(1.0) => Some(true),
        number if number.as_f64() == Some(0.0) => Some(false),
        _ => None,
    }
}
