//! IFEval: prompts with instructions that can be verified without a judge (Zhou et al., arXiv 2311.07911).

use std::path::Path;

use serde_json::{Map, Value};

use super::{probes_of, string, wrong};
use crate::check::{Instruction, Language};
use crate::error::{Fault, FaultKind, ProbeError, plain, quote};
use crate::fields::shown;
use crate::kind;
use crate::{Checker, Probe, Suite};

/// The instruction whose argument may be a language that our detector does not know.
const LANGUAGE: &str = "language:response_language";

/// Reads lines with `key`, `prompt`, `instruction_id_list` and `kwargs`: prompts, axis `novel_instructions`, each its
/// own family, tagged with its instructions.
///
/// A prompt that asks for a language that the detector does not know has no check and the tags `unchecked` and
/// `no_detector:LANGUAGE`: judged by its other instructions alone it would look easier than it is.
///
/// # Errors
/// A line of another shape, or an instruction that is not known: the message lists those that are.
pub fn ifeval(path: &Path) -> Result<Suite, ProbeError> {
    probes_of(path, |_, fields| probe(fields).map(|probe| vec![probe]))
}

fn probe(fields: &Map<String, Value>) -> Result<Probe, Fault> {
    let key = fields.get("key").and_then(Value::as_u64).ok_or_else(|| wrong(fields, "key", "a whole number"))?;
    let ids: Option<Vec<&str>> = fields
        .get("instruction_id_list")
        .and_then(Value::as_array)
        .and_then(|ids| ids.iter().map(Value::as_str).collect());
    let ids = ids.ok_or_else(|| wrong(fields, "instruction_id_list", "an array of strings"))?;
    let arguments = fields.get("kwargs").and_then(Value::as_array).filter(|kwargs| kwargs.len() == ids.len());
    let arguments = arguments.ok_or_else(|| wrong(fields, "kwargs", "an object for each instruction"))?;

    let mut tags: Vec<String> = ids.iter().map(|&id| id.to_owned()).collect();
    let mut prompt = kind::Prompt::new(string(fields, "prompt")?);
    if let Some(language) = ids.iter().zip(arguments).find_map(|(id, arguments)| undetected(id, arguments)) {
        tags.extend(["unchecked".to_owned(), format!("no_detector:{language}")]);
    } else {
        let list: Result<_, Fault> =
            ids.iter().zip(arguments).map(|(id, arguments)| instruction(id, arguments)).collect();
        prompt.check = Some(Checker::Instructions(list?));
    }
    let id = format!("ifeval/{key}");
    Ok(Probe {
        family: id.clone(),
        id,
        axis: "novel_instructions".to_owned(),
        tags,
        knob: None,
        boundary: None,
        ask: prompt.into(),
    })
}

/// The language that an instruction asks for and that the detector does not know.
fn undetected<'a>(id: &str, arguments: &'a Value) -> Option<&'a str> {
    let asked = (id == LANGUAGE).then(|| arguments.get("language")?.as_str()).flatten();
    asked.filter(|code| Language::of(code).is_none())
}

/// An instruction from its identifier and its arguments; an argument of `null` is none.
fn instruction(id: &str, arguments: &Value) -> Result<Instruction, Fault> {
    let mut fields: Map<String, Value> = [("id".to_owned(), Value::from(id))].into_iter().collect();
    match arguments {
        Value::Object(given) => {
            fields.extend(
                given.iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| (key.clone(), value.clone())),
            );
        }
        Value::Null => {}
        other => {
            let next = "write the arguments as an object";
            return Err(Fault::new(FaultKind::BadRow, "an object in `kwargs`", shown(other), next));
        }
    }
    serde_json::from_value(Value::Object(fields)).map_err(|error| {
        let next = "correct the instruction, or remove the line";
        Fault::new(FaultKind::BadCheck, format!("arguments of {}", quote(id)), plain(&error.to_string()), next)
    })
}
