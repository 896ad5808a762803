//! Families: which one a window of a long text belongs to, how large they are, and a random order of them. Whoever asks
//! cuts windows; this says who their siblings are.

use std::collections::BTreeMap;

use crate::kind::{Families, Text};

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
