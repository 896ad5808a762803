//! Answers that two people labelled each (XSTest, Röttger et al., NAACL 2024), beside what the rules call them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hydrometer_probes::decision::{Decision, decide};
use hydrometer_probes::import::xstest_completions;
use hydrometer_probes::{Ask, ProbeError};

/// The files of completions, by the model that wrote them.
pub const FILES: [(&str, &str); 2] = [
    ("Mistral, instructed", "xstest_v2_completions_mistralinstruct_gpteval.csv"),
    ("Mistral, guarded", "xstest_v2_completions_mistralguard_gpteval.csv"),
];
/// Folds of families.
const FOLDS: u8 = 5;
/// The fold whose answers nobody read while the rules were written.
const HELD_OUT: u8 = 4;

/// What people call an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Label {
    Compliance,
    Partial,
    Refusal,
}

impl Label {
    pub const ALL: [Self; 3] = [Self::Compliance, Self::Partial, Self::Refusal];

    fn of(name: &str) -> Option<Self> {
        match name {
            "1_full_compliance" => Some(Self::Compliance),
            "2_full_refusal" => Some(Self::Refusal),
            "3_partial_refusal" => Some(Self::Partial),
            _ => None,
        }
    }

    /// The label of a decision: whoever asks back, takes no side, does not know or misses the subject does not refuse.
    pub fn of_decision(decision: Option<Decision>) -> Self {
        match decision {
            Some(Decision::Refuse) => Self::Refusal,
            Some(Decision::Partly) => Self::Partial,
            _ => Self::Compliance,
        }
    }

    pub fn refuses(self) -> bool {
        self != Self::Compliance
    }
}

/// One labelled answer.
pub struct Row {
    pub family: String,
    pub unsafe_prompt: bool,
    /// On which the two people settled.
    pub label: Label,
    /// What each of them said first.
    pub people: [Label; 2],
    /// `None` where the answer is not classified.
    pub decision: Option<Decision>,
    fold: u8,
}

impl Row {
    pub fn predicted(&self) -> Label {
        Label::of_decision(self.decision)
    }

    pub fn is_held_out(&self) -> bool {
        self.fold == HELD_OUT
    }
}

/// The rows of a file, classified.
pub fn read(path: &Path) -> Result<Vec<Row>, ProbeError> {
    let people = people(path);
    let rows = xstest_completions(path)?.into_iter().zip(people).map(|(answer, people)| {
        let Ask::Prompt(asked) = &answer.probe.ask else { panic!("{:?} is no prompt", answer.probe.id) };
        let family = answer.probe.family;
        Row {
            unsafe_prompt: answer.unsafe_prompt,
            label: known(&answer.label),
            people,
            decision: decide(&asked.prompt, &answer.text).ok(),
            fold: blake3::hash(family.as_bytes()).as_bytes()[0] % FOLDS,
            family,
        }
    });
    Ok(rows.collect())
}

fn known(name: &str) -> Label {
    Label::of(name).unwrap_or_else(|| panic!("a label of XSTest expected, found {name:?}"))
}

/// The two first labels of every row.
fn people(path: &Path) -> Vec<[Label; 2]> {
    let mut reader = csv::Reader::from_path(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let rows = reader.deserialize::<BTreeMap<String, String>>();
    rows.map(|row| {
        let row = row.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        ["annotation_1", "annotation_2"].map(|column| known(row.get(column).map_or("", String::as_str)))
    })
    .collect()
}

/// The counts that are shipped: answers of the fold that was held out, by number of their family, what the rules call them and
/// what people do.
pub fn counts(held_out: &[Row]) -> String {
    let mut families: Vec<&str> = held_out.iter().map(|row| row.family.as_str()).collect();
    families.sort_unstable();
    families.dedup();
    let mut counts: BTreeMap<(usize, &str, &str), u32> = BTreeMap::new();
    for row in held_out {
        let family = families.binary_search(&row.family.as_str()).unwrap_or_default();
        let Some(called) = row.decision else { continue };
        let label = if row.label.refuses() { "refuse" } else { "comply" };
        *counts.entry((family + 1, called.name(), label)).or_default() += 1;
    }
    let line = |((family, called, label), answers): (&(usize, &str, &str), &u32)| {
        format!("{family},{called},{label},{answers}\n")
    };
    std::iter::once("family,called,label,answers\n".to_owned()).chain(counts.iter().map(line)).collect()
}

/// A share of items in families.
pub struct Share {
    pub hits: usize,
    pub items: usize,
    pub families: usize,
    /// Of the share, families being the unit (linearised).
    pub error: f64,
}

impl Share {
    pub fn value(&self) -> f64 {
        self.hits as f64 / self.items.max(1) as f64
    }
}

/// The share of rows for which something holds, `None` leaving a row out.
pub fn share<'a>(rows: impl IntoIterator<Item = &'a Row>, holds: impl Fn(&Row) -> Option<bool>) -> Share {
    let mut families: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for row in rows {
        if let Some(hit) = holds(row) {
            let (hits, items) = families.entry(&row.family).or_default();
            *hits += usize::from(hit);
            *items += 1;
        }
    }
    let (hits, items) = families.values().fold((0, 0), |(h, n), (hits, items)| (h + hits, n + items));
    let value = hits as f64 / items.max(1) as f64;
    let squares: f64 = families.values().map(|&(h, n)| (h as f64 - value * n as f64).powi(2)).sum();
    let count = families.len() as f64;
    let error = (count / (count - 1.0).max(1.0) * squares).sqrt() / items.max(1) as f64;
    Share { hits, items, families: families.len(), error }
}

/// Rules and people agree whether the answer complies.
pub fn two_classes(row: &Row) -> Option<bool> {
    Some(row.predicted().refuses() == row.label.refuses())
}

/// Rules and people agree whether it complies, refuses, or does a bit of both.
pub fn three_classes(row: &Row) -> Option<bool> {
    Some(row.predicted() == row.label)
}

/// Decisions against labels, with what was not classified under `None`.
pub fn confusion<'a>(rows: impl IntoIterator<Item = &'a Row>) -> BTreeMap<(Option<Decision>, Label), usize> {
    let mut counts = BTreeMap::new();
    for row in rows {
        *counts.entry((row.decision, row.label)).or_default() += 1;
    }
    counts
}

/// Every decision that occurs in a confusion.
pub fn decisions(counts: &BTreeMap<(Option<Decision>, Label), usize>) -> BTreeSet<Option<Decision>> {
    counts.keys().map(|(decision, _)| *decision).collect()
}
