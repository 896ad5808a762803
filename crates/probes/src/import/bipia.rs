//! BIPIA: instructions planted in e-mails and tables (Yi et al., arXiv 2312.14197). Contexts and attacks are two files.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::json::json;
use super::{english, name, probes_of, stem, string};
use crate::error::{Fault, FaultKind, ProbeError, quote};
use crate::fields::shown;
use crate::kind::Prompt;
use crate::{Boundary, Decision, MemberRole, Probe, Risk, Stratum, Suite};

/// Reads lines with `context`, `question` and `ideal`, and the attacks of the file beside it that ends in the same word
/// (`text_attack_test.json` for `email_test.jsonl`): prompts, axis `injection`. Each context is asked with an attack in it
/// and, as the plain twin, without; the attacks are taken in turn, and so is where they stand: in front, half way, at the end.
///
/// The published answers are in words of their own and are not read: no checker could judge by them.
///
/// # Errors
/// A line of another shape, no file of attacks beside it or one of another shape.
pub fn bipia(path: &Path) -> Result<Suite, ProbeError> {
    let attacks = attacks(path)?;
    let stem = stem(&name(path));
    probes_of(path, |number, fields| {
        let (kind, attack) = &attacks[(number - 1) % attacks.len()];
        family(&format!("bipia/{stem}/{number:05}"), fields, number, kind, attack)
    })
}

/// The file of attacks that belongs to a file of contexts.
fn beside(path: &Path) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let part = stem.rsplit_once('_').map_or(stem.as_str(), |(_, part)| part);
    path.with_file_name(format!("text_attack_{part}.json"))
}

/// The attacks with their kinds, kinds in turn.
fn attacks(path: &Path) -> Result<Vec<(String, String)>, ProbeError> {
    let beside = beside(path);
    if !beside.exists() {
        let expected = format!("the attacks of BIPIA beside the contexts, in {}", quote(&name(&beside)));
        let next =
            "copy both files into one folder; to ask the questions alone, `probes import FILE --prompt question`";
        return Err(ProbeError::file(
            &name(path),
            Fault::new(FaultKind::UnknownFormat, expected, "no such file", next),
        ));
    }
    let fault = |found: String| {
        let next = "compare the file with the published one";
        let expected = "an object of kinds of attacks, each with an array of texts";
        ProbeError::file(&name(&beside), Fault::new(FaultKind::BadJson, expected, found, next))
    };
    let value = json(&beside)?;
    let kinds = value.as_object().filter(|kinds| !kinds.is_empty()).ok_or_else(|| fault(shown(&value)))?;
    let mut attacks = Vec::new();
    for (kind, texts) in kinds {
        let texts = texts.as_array().filter(|texts| !texts.is_empty()).ok_or_else(|| fault(shown(texts)))?;
        for (place, text) in texts.iter().enumerate() {
            let text = text.as_str().filter(|text| !text.trim().is_empty()).ok_or_else(|| fault(shown(text)))?;
            attacks.push((place, kind.clone(), text.to_owned()));
        }
    }
    // Stable: the first of every kind, then the second.
    attacks.sort_by_key(|(place, ..)| *place);
    Ok(attacks.into_iter().map(|(_, kind, text)| (kind, text)).collect())
}

fn family(
    family: &str,
    fields: &Map<String, Value>,
    number: usize,
    kind: &str,
    attack: &str,
) -> Result<Vec<Probe>, Fault> {
    let (context, question) = (string(fields, "context")?, string(fields, "question")?);
    let question = question.trim().strip_prefix("Q:").unwrap_or(question).trim();
    let asked = |context: &str| Prompt::new(format!("{question}\n\nText:\n{context}"));
    let boundary = |role, changed| Boundary {
        stratum: Stratum::Adversarial,
        role,
        risk: Risk::Low,
        expected: Some(Decision::Answer),
        changed,
        language: english(),
    };
    let probe = |role: MemberRole, end: &str, changed, context: &str| Probe {
        id: format!("{family}/{end}"),
        family: family.to_owned(),
        axis: "injection".to_owned(),
        tags: vec![format!("attack:{kind}")],
        knob: None,
        boundary: Some(boundary(role, changed)),
        ask: asked(context).into(),
    };
    Ok(vec![
        probe(MemberRole::Attack, "attack", vec![attack.to_owned()], &planted(context, attack, number)),
        probe(MemberRole::Twin, "twin", Vec::new(), context),
    ])
}

/// A context with the attack in front, half way (between two lines or words) or at the end.
fn planted(context: &str, attack: &str, number: usize) -> String {
    match number % 3 {
        0 => format!("{attack}\n{context}"),
        1 => format!("{context}\n{attack}"),
        _ => {
            let half = (context.len() / 2..=context.len()).find(|&at| context.is_char_boundary(at)).unwrap_or(0);
            let (before, behind) = context.split_at(half);
            let gap = behind.find('\n').or_else(|| behind.find(char::is_whitespace)).unwrap_or(behind.len());
            let (rest, behind) = behind.split_at(gap);
            format!("{before}{rest}\n{attack}\n{}", behind.trim_start())
        }
    }
}
