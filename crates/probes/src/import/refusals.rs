//! Collections of requests that should be refused: Do-Not-Answer (Wang et al., arXiv 2308.13387) and HarmBench (Mazeika et
//! al., arXiv 2402.04249). Both are asked twice, as a choice and freely: what a model says it would do and what it does are
//! two things. The two are one family.

use std::path::Path;

use serde_json::{Map, Value};

use super::table::{cells, row_error};
use super::{Reader, each_object, english, name, open, slug, string};
use crate::error::{Fault, FaultKind, ProbeError};
use crate::kind::{Choice, Prompt};
use crate::validate::validate_at;
use crate::{AskedAs, Boundary, Decision, MemberRole, Probe, Risk, Stratum, Suite};

/// The columns of Do-Not-Answer that are read.
pub(super) const DO_NOT_ANSWER: [&str; 4] = ["risk_area", "types_of_harm", "specific_harms", "question"];
/// The columns of HarmBench's behaviours.
pub(super) const HARMBENCH: [&str; 6] =
    ["Behavior", "FunctionalCategory", "SemanticCategory", "Tags", "ContextString", "BehaviorID"];

/// What stands between a HarmBench context and what is asked about it.
const BEHIND_CONTEXT: &str = "\n\n---\n\n";

/// Reads a `.csv` or `.jsonl` file with the columns `risk_area`, `types_of_harm`, `specific_harms` and `question`; others
/// beside them (answers of models, labels) are not read. Axis `refusal`, tags `risk_area:…` and `harm:…`.
///
/// # Errors
/// Other columns (named in the error), a row without a question, rows that cannot be split.
pub fn do_not_answer(path: &Path) -> Result<Suite, ProbeError> {
    let mut rows: Vec<(u64, [String; 4])> = Vec::new();
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv")) {
        rows = cells(path, DO_NOT_ANSWER, "Do-Not-Answer")?;
    } else {
        each_object(path, |_, line, fields: &Map<String, Value>| {
            let [area, types, harm, question] = DO_NOT_ANSWER.map(|column| string(fields, column));
            rows.push((line, [area?.to_owned(), types?.to_owned(), harm?.to_owned(), question?.to_owned()]));
            Ok(())
        })?;
    }
    let rows = rows.into_iter().zip(1..).map(|((line, [area, types, harm, question]), number)| {
        let tags = [("risk_area", area), ("types_of_harm", types), ("harm", harm)];
        Request {
            line,
            id: format!("do-not-answer/{number:05}"),
            tags: tags.into_iter().filter_map(tag).collect(),
            text: question,
        }
    });
    suite(path, rows.collect())
}

/// Reads a `.csv` file with the columns `Behavior`, `FunctionalCategory`, `SemanticCategory`, `Tags`, `ContextString` and
/// `BehaviorID`. A context stands in front of its behaviour. Axis `refusal`, tags `function:…`, `harm:…` and the file's own.
///
/// # Errors
/// Other columns (named in the error), a row without a behaviour or identifier, rows that cannot be split.
pub fn harmbench(path: &Path) -> Result<Suite, ProbeError> {
    let mut requests = Vec::new();
    for (line, [behaviour, function, harm, tags, context, id]) in cells(path, HARMBENCH, "HarmBench")? {
        let missing =
            [("Behavior", &behaviour), ("BehaviorID", &id)].into_iter().find(|(_, cell)| cell.trim().is_empty());
        if let Some((column, _)) = missing {
            let next = "complete or remove the row";
            let fault = Fault::new(FaultKind::BadRow, format!("text in `{column}`"), "an empty cell", next);
            return Err(ProbeError::line(&name(path), line, fault));
        }
        let named = [("function", function), ("harm", harm)].into_iter().filter_map(tag);
        let own = tags.split(',').filter_map(|word| tag(("set", word.to_owned())));
        let text = if context.trim().is_empty() {
            behaviour.trim().to_owned()
        } else {
            format!("{}{BEHIND_CONTEXT}{}", context.trim(), behaviour.trim())
        };
        requests.push(Request { line, id: format!("harmbench/{}", slug(&id)), tags: named.chain(own).collect(), text });
    }
    suite(path, requests)
}

/// Which of the two collections has these columns.
pub(super) fn of_columns(path: &Path) -> Result<Option<Reader>, ProbeError> {
    let mut reader = csv::ReaderBuilder::new().from_reader(open(path)?);
    let headers = reader.headers().map_err(|error| row_error(&name(path), &error))?;
    let has = |column: &str| headers.iter().any(|header| header.trim_start_matches('\u{FEFF}').trim() == column);
    Ok(if has("Behavior") && has("BehaviorID") {
        Some(harmbench)
    } else if has("risk_area") && has("question") {
        Some(do_not_answer)
    } else {
        None
    })
}

struct Request {
    line: u64,
    id: String,
    tags: Vec<String>,
    text: String,
}

/// A tag of a cell; none of an empty one.
fn tag((name, value): (&str, String)) -> Option<String> {
    let value = value.trim();
    (!value.is_empty()).then(|| format!("{name}:{value}"))
}

fn suite(path: &Path, requests: Vec<Request>) -> Result<Suite, ProbeError> {
    let name = name(path);
    let (mut probes, mut lines) = (Vec::new(), Vec::new());
    for request in requests {
        lines.extend([request.line; 2]);
        probes.extend(request.into_probes());
    }
    validate_at(&name, &probes, &lines)?;
    Ok(Suite { name, probes })
}

impl Request {
    fn into_probes(self) -> [Probe; 2] {
        let decisions = [Decision::Comply, Decision::Refuse];
        let choice = Choice {
            prompt: self.text.clone(),
            options: decisions.map(|decision| decision.word().to_owned()).to_vec(),
            truth: Some(1),
            asked_as: AskedAs::Decision,
        };
        let boundary = Boundary {
            stratum: Stratum::HighRisk,
            role: MemberRole::Original,
            risk: Risk::High,
            expected: Some(Decision::Refuse),
            changed: Vec::new(),
            language: english(),
        };
        let probe = Probe {
            id: self.id.clone(),
            family: self.id,
            axis: "refusal".to_owned(),
            tags: self.tags,
            knob: None,
            boundary: Some(boundary),
            ask: choice.into(),
        };
        let free = Probe { id: format!("{}/free", probe.id), ask: Prompt::new(self.text).into(), ..probe.clone() };
        [probe, free]
    }
}
