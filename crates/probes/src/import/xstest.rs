//! XSTest: safe prompts that look unsafe, and their unsafe contrasts (Röttger et al., NAACL 2024).
//!
//! Columns: id, prompt, type, label, focus, note. A type `contrast_X` is the unsafe side of `X`. Within a theme the
//! rows of both sides run in parallel, and rows about the same word carry it in `focus`; both make two rows
//! siblings, and siblings share a family. Two safe types share their contrasts with another one and do not run in
//! parallel to them: their rows join by `focus`, or by ending in the same words as a contrast.

use std::collections::HashMap;
use std::path::Path;

use super::table::cells;
use super::{english, name, slug};
use crate::error::{Fault, FaultKind, ProbeError, quote};
use crate::kind;
use crate::{Ask, AskedAs, Boundary, Decision, MemberRole, Probe, Risk, Stratum, Suite};

const COLUMNS: [&str; 5] = ["id", "prompt", "type", "label", "focus"];
const COMPLETIONS: [&str; 5] = ["id", "prompt", "type", "completion", "final_label"];
/// Types whose rows do not stand in the order of their contrasts.
const NOT_PARALLEL: [&str; 2] = ["nons_group_real_discr", "privacy_public"];
/// So many words at the end of two prompts make them a pair where nothing else does.
const SHARED_ENDING: usize = 3;

/// Reads a CSV in the XSTest shape: comply/refuse choices, axis `refusal`, minimal pairs in one family.
///
/// # Errors
/// Other columns (named in the error), a label other than safe or unsafe, rows that cannot be split.
pub fn xstest(path: &Path) -> Result<Suite, ProbeError> {
    let name = name(path);
    let mut rows = Vec::new();
    for (line, cells) in cells(path, COLUMNS, "XSTest")? {
        let [id, prompt, kind, label, focus] = cells.map(|cell| cell.trim().to_owned());
        let row = Row { line, id, prompt, kind, label, focus };
        row.check().map_err(|fault| ProbeError::line(&name, line, fault))?;
        rows.push(row);
    }
    let families = families(&rows);
    let lines: Vec<u64> = rows.iter().map(|row| row.line).collect();
    let probes: Vec<Probe> = rows.into_iter().zip(families).map(|(row, family)| row.into_probe(family)).collect();
    crate::validate::validate_at(&name, &probes, &lines)?;
    Ok(Suite { name, probes })
}

/// A model's published answer to one prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    /// Line of the file.
    pub line: u64,
    /// The prompt, to be answered freely.
    pub probe: Probe,
    /// What the model said.
    pub text: String,
    /// What people called the answer; empty where nobody did.
    pub label: String,
    /// Whether the prompt should be refused.
    pub unsafe_prompt: bool,
}

/// Reads a CSV of completions. Without `focus`, siblings are found by place and ending only.
///
/// # Errors
/// Other columns (named in the error), rows that cannot be split.
pub fn xstest_completions(path: &Path) -> Result<Vec<Completion>, ProbeError> {
    let (mut rows, mut given) = (Vec::new(), Vec::new());
    for (line, [id, prompt, kind, text, label]) in cells(path, COMPLETIONS, "XSTest")? {
        let side = if kind.trim().starts_with("contrast_") { "unsafe" } else { "safe" };
        // The second version of the data numbers its rows `v2-1`, …
        let id = id.trim().trim_start_matches("v2-").to_owned();
        let (prompt, kind) = (prompt.trim().to_owned(), kind.trim().to_owned());
        rows.push(Row { line, id, prompt, kind, label: side.to_owned(), focus: String::new() });
        given.push((text, label.trim().to_owned()));
    }
    let families = families(&rows);
    let completion = |((row, family), (text, label)): ((Row, String), (String, String))| {
        let (line, unsafe_prompt, ask) =
            (row.line, row.label == "unsafe", kind::Prompt::new(row.prompt.as_str()).into());
        Completion { line, probe: Probe { ask, ..row.into_probe(family) }, text, label, unsafe_prompt }
    };
    Ok(rows.into_iter().zip(families).zip(given).map(completion).collect())
}

struct Row {
    line: u64,
    id: String,
    prompt: String,
    kind: String,
    label: String,
    focus: String,
}

impl Row {
    fn check(&self) -> Result<(), Fault> {
        if self.label == "safe" || self.label == "unsafe" {
            return Ok(());
        }
        let next = "correct the label; it decides whether to comply or to refuse is right";
        Err(Fault::new(FaultKind::BadRow, "`safe` or `unsafe` in `label`", quote(&self.label), next))
    }

    /// The side's common name: `homonyms` for `homonyms` and `contrast_homonyms`.
    fn theme(&self) -> &str {
        match self.kind.as_str() {
            "nons_group_real_discr" | "real_group_nons_discr" => "discr",
            "privacy_public" | "privacy_fictional" => "privacy",
            kind => kind.strip_prefix("contrast_").unwrap_or(kind),
        }
    }

    fn ending(&self) -> Option<String> {
        let lower = self.prompt.to_lowercase();
        let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        let from = words.len().checked_sub(SHARED_ENDING)?;
        Some(words[from..].join(" "))
    }

    /// The unsafe side is the original, what only looks like it the twin.
    fn boundary(&self) -> Boundary {
        let (role, expected) = match self.label.as_str() {
            "unsafe" => (MemberRole::Original, Decision::Refuse),
            _ => (MemberRole::Twin, Decision::Comply),
        };
        Boundary {
            stratum: Stratum::HighRisk,
            role,
            risk: Risk::High,
            expected: Some(expected),
            changed: Vec::new(),
            language: english(),
        }
    }

    fn into_probe(self, family: String) -> Probe {
        Probe {
            id: format!("xstest/{}", slug(&self.id)),
            family,
            axis: "refusal".to_owned(),
            tags: vec![format!("type:{}", self.kind), format!("label:{}", self.label)],
            knob: None,
            boundary: Some(self.boundary()),
            ask: Ask::Choice(kind::Choice {
                prompt: self.prompt,
                options: vec!["comply".to_owned(), "refuse".to_owned()],
                truth: Some(u32::from(self.label == "unsafe")),
                asked_as: AskedAs::Decision,
            }),
        }
    }
}

/// Joins siblings: each row gets the family named after the first row it is joined to.
fn families(rows: &[Row]) -> Vec<String> {
    let mut rank_in_type: HashMap<&str, usize> = HashMap::new();
    let mut first: HashMap<(&str, &str, String), usize> = HashMap::new();
    let mut root: Vec<usize> = (0..rows.len()).collect();
    for (index, row) in rows.iter().enumerate() {
        let rank = rank_in_type.entry(&row.kind).or_insert(0);
        *rank += 1;
        let mut bonds = Vec::new();
        if !NOT_PARALLEL.contains(&row.kind.as_str()) {
            bonds.push(("rank", rank.to_string()));
        }
        if row.focus.is_empty() {
            bonds.extend(row.ending().map(|ending| ("ending", ending)));
        } else {
            bonds.push(("focus", row.focus.to_lowercase()));
        }
        if row.theme() == "discr" && !row.focus.is_empty() {
            bonds.extend(row.ending().map(|ending| ("ending", ending)));
        }
        for (kind, value) in bonds {
            let other = *first.entry((row.theme(), kind, value)).or_insert(index);
            join(&mut root, index, other);
        }
    }
    (0..rows.len())
        .map(|index| {
            let head = &rows[find(&root, index)];
            format!("xstest/{}/{}", head.theme(), slug(&head.id))
        })
        .collect()
}

fn find(root: &[usize], mut index: usize) -> usize {
    while root[index] != index {
        index = root[index];
    }
    index
}

fn join(root: &mut [usize], a: usize, b: usize) {
    let (a, b) = (find(root, a), find(root, b));
    root[a.max(b)] = a.min(b);
}
