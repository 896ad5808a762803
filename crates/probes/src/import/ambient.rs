//! AmbiEnt: sentences that can be read in several ways (Liu et al., EMNLP 2023), each beside its readings.

use std::path::Path;

use serde_json::{Map, Value};

use super::{english, probes_of, slug, string, wrong};
use crate::error::{Fault, FaultKind, ProbeError};
use crate::fields::shown;
use crate::kind::Choice;
use crate::{AskedAs, Boundary, Decision, MemberRole, Probe, Risk, Stratum, Suite};

/// Reads lines with `id`, `premise`, `hypothesis`, `premise_ambiguous`, `hypothesis_ambiguous`, `labels` and
/// `disambiguations`: choices answer/clarify, axis `ambiguity`. An ambiguous pair is the original, to be clarified; each of
/// its readings is a twin, to be answered. A pair with one reading only is an original that can be answered.
///
/// # Errors
/// A line of another shape, or an empty file.
pub fn ambient(path: &Path) -> Result<Suite, ProbeError> {
    probes_of(path, |_, fields| family(fields))
}

fn family(fields: &Map<String, Value>) -> Result<Vec<Probe>, Fault> {
    let id = match fields.get("id") {
        Some(Value::String(id)) if !id.trim().is_empty() => slug(id),
        Some(Value::Number(number)) => number.to_string(),
        _ => return Err(wrong(fields, "id", "text or a number")),
    };
    let family = format!("ambient/{id}");
    let flag =
        |field: &str| fields.get(field).and_then(Value::as_bool).ok_or_else(|| wrong(fields, field, "true or false"));
    let ambiguous = flag("premise_ambiguous")? | flag("hypothesis_ambiguous")?;
    let readings = fields.get("disambiguations").and_then(Value::as_array);
    let readings = readings.ok_or_else(|| wrong(fields, "disambiguations", "an array"))?;
    let expected = if ambiguous { Decision::Clarify } else { Decision::Answer };
    let asked = question(string(fields, "premise")?, string(fields, "hypothesis")?);
    let labels = string(fields, "labels")?.split(',').map(|label| format!("label:{}", label.trim())).collect();
    let mut probes = vec![probe(family.clone(), &family, MemberRole::Original, labels, asked, expected)];
    for (reading, number) in readings.iter().zip(1..) {
        let reading = reading.as_object().ok_or_else(|| {
            let next = "complete or remove the line";
            Fault::new(FaultKind::BadRow, "objects in `disambiguations`", shown(reading), next)
        })?;
        let asked = question(string(reading, "premise")?, string(reading, "hypothesis")?);
        let label = vec![format!("label:{}", string(reading, "label")?.trim())];
        let id = format!("{family}/{number}");
        probes.push(probe(id, &family, MemberRole::Twin, label, asked, Decision::Answer));
    }
    Ok(probes)
}

fn question(premise: &str, hypothesis: &str) -> String {
    format!(
        "Somebody says: \"{premise}\" Does it follow that this is true, that it is false, or neither: \"{hypothesis}\"?"
    )
}

fn probe(id: String, family: &str, role: MemberRole, tags: Vec<String>, prompt: String, expected: Decision) -> Probe {
    let decisions = [Decision::Answer, Decision::Clarify];
    let choice = Choice {
        prompt,
        options: decisions.map(|decision| decision.word().to_owned()).to_vec(),
        truth: Some(u32::from(expected == Decision::Clarify)),
        asked_as: AskedAs::Decision,
    };
    let boundary = Boundary {
        stratum: Stratum::Ambiguous,
        role,
        risk: Risk::None,
        expected: Some(expected),
        changed: Vec::new(),
        language: english(),
    };
    Probe {
        id,
        family: family.to_owned(),
        axis: "ambiguity".to_owned(),
        tags,
        knob: None,
        boundary: Some(boundary),
        ask: choice.into(),
    }
}
