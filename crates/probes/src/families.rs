//! Families: which one a window of a long text belongs to, how large they are, and a random order of them. Whoever asks
//! cuts windows; this says who their siblings are.

mod order;

use std::collections::BTreeMap;

pub use order::{FamilyOrder, Standing};

use crate::kind::{Families, Text};
use crate::validate::is_unseen;
use crate::{Ask, Probe};

/// A section of a text: where it starts and what it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Byte at which the heading line starts.
    pub start: usize,
    /// The heading's words.
    pub title: String,
}

/// The sections of a text: lines of the form `= Title =`, not `= = Subtitle = =`.
#[must_use]
pub fn sections(text: &str) -> Vec<Section> {
    let mut start = 0;
    let mut found = Vec::new();
    for line in text.split_inclusive('\n') {
        if let Some(title) = heading(line) {
            found.push(Section { start, title: title.to_owned() });
        }
        start += line.len();
    }
    found
}

fn heading(line: &str) -> Option<&str> {
    let title = line.trim().strip_prefix("= ")?.strip_suffix(" =")?.trim();
    (!title.is_empty() && !title.starts_with('=') && !title.ends_with('=')).then_some(title)
}

/// The families of one text probe's windows.
#[derive(Clone, Debug)]
pub struct WindowFamilies {
    family: String,
    rule: Families,
    sections: Vec<Section>,
}

impl WindowFamilies {
    /// Reads the rule of a text of this family, and its sections where the rule needs them.
    #[must_use]
    pub fn new(family: &str, text: &Text) -> Self {
        let sections = if text.families == Families::Heading { sections(&text.text) } else { Vec::new() };
        Self { family: family.to_owned(), rule: text.families, sections }
    }

    /// The family of a window, by its number from 0 and the byte of the text at which it begins.
    ///
    /// A section's number stands before its title because titles may repeat; text before the first heading is
    /// section 0.
    #[must_use]
    pub fn of(&self, window: u32, byte: usize) -> String {
        match self.rule {
            Families::Probe => self.family.clone(),
            Families::Window => format!("{}/{window:05}", self.family),
            Families::Heading => {
                let number = self.sections.partition_point(|section| section.start <= byte);
                let title = number.checked_sub(1).map_or("", |index| self.sections[index].title.as_str());
                format!("{}/{number:04} {title}", self.family).trim_end().to_owned()
            }
        }
    }
}

/// Families that ask the same under other names.
///
/// Thirty copies of one text are one piece of evidence, whatever they are called: families with an equal question, but for
/// white space, capitals and signs that nobody sees, are one family, that of the first of them in the suite.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SameContent {
    /// The family that stands for each that is no longer one.
    into: BTreeMap<String, String>,
}

impl SameContent {
    /// Reads the questions of a suite.
    #[must_use]
    pub fn of(probes: &[Probe]) -> Self {
        let mut into: BTreeMap<String, String> = BTreeMap::new();
        let mut first: BTreeMap<Vec<String>, &str> = BTreeMap::new();
        for probe in probes {
            let stands = *first.entry(question(&probe.ask)).or_insert(&probe.family);
            let (kept, merged) = (root(&into, stands).to_owned(), root(&into, &probe.family).to_owned());
            if kept != merged {
                into.insert(merged, kept);
            }
        }
        let into = into.keys().map(|family| (family.clone(), root(&into, family).to_owned())).collect();
        Self { into }
    }

    /// Number of families that are part of another.
    #[must_use]
    pub fn merged(&self) -> usize {
        self.into.len()
    }

    /// The families that stand for others too, with the number of those.
    #[must_use]
    pub fn kept(&self) -> BTreeMap<&str, u64> {
        let mut kept = BTreeMap::new();
        for family in self.into.values() {
            *kept.entry(family.as_str()).or_insert(0) += 1;
        }
        kept
    }

    /// Whether a probe's family asks what an earlier one of the suite asks.
    #[must_use]
    pub fn is_copy(&self, probe_family: &str) -> bool {
        self.into.contains_key(probe_family)
    }

    /// The family that an item counts for: of a probe's family, or of a section or window of it.
    #[must_use]
    pub fn family_of(&self, probe_family: &str, item_family: &str) -> Option<String> {
        let kept = self.into.get(probe_family)?;
        Some(format!("{kept}{}", item_family.strip_prefix(probe_family)?))
    }
}

/// The family that stands for a family so far.
fn root<'f>(into: &'f BTreeMap<String, String>, family: &'f str) -> &'f str {
    let mut family = family;
    while let Some(next) = into.get(family) {
        family = next;
    }
    family
}

/// What is asked, with the system message and the context that belong to it, but for white space, capitals and signs that nobody sees; the order of options is no part of it. Other
/// punctuation is: `2 + 3` is not `2 * 3`.
fn question(ask: &Ask) -> Vec<String> {
    let word = |word: &str| word.chars().filter(|c| !is_unseen(*c)).flat_map(char::to_lowercase).collect::<String>();
    let words =
        |text: &str| text.split_whitespace().map(word).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    match ask {
        Ask::Text(text) => {
            vec!["text".to_owned(), words(&text.text), words(text.context.as_deref().unwrap_or_default())]
        }
        Ask::Choice(choice) => {
            let mut options: Vec<String> = choice.options.iter().map(|option| words(option)).collect();
            options.sort_unstable();
            ["choice".to_owned(), words(&choice.prompt)].into_iter().chain(options).collect()
        }
        Ask::Episode(episode) => {
            let said = crate::kind::episode_words(episode);
            ["episode".to_owned()].into_iter().chain(said.iter().map(|text| words(text))).collect()
        }
        Ask::Trajectory(trajectory) => vec!["trajectory".to_owned(), words(&trajectory.task)],
        Ask::Prompt(prompt) => {
            let turns = prompt.turns.iter().map(|turn| words(&turn.text));
            let system = words(prompt.system.as_deref().unwrap_or_default());
            ["prompt".to_owned(), words(&prompt.prompt), system].into_iter().chain(turns).collect()
        }
    }
}

/// How many families there are, and how large they get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FamilySizes {
    /// Number of families.
    pub count: u64,
    /// The most items of any of them.
    pub largest: u64,
}

impl FamilySizes {
    /// From the family of each item.
    #[must_use]
    pub fn of<'a>(items: impl Iterator<Item = &'a str>) -> Self {
        let mut sizes: BTreeMap<&str, u64> = BTreeMap::new();
        for family in items {
            *sizes.entry(family).or_default() += 1;
        }
        Self { count: sizes.len() as u64, largest: sizes.into_values().max().unwrap_or(0) }
    }
}

/// Where a family stands in the random order of a seed: a hash, so that a few of them can be ordered without the others.
#[must_use]
pub fn order_in(seed: u64, family: &str) -> [u8; 32] {
    *blake3::Hasher::new().update(&seed.to_le_bytes()).update(family.as_bytes()).finalize().as_bytes()
}
