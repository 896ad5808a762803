//! What was found in the data: each finding once, with its count and the places of the first documents.

use std::collections::HashMap;

use serde::Serialize;

/// Examples that a finding keeps.
const EXAMPLES: usize = 3;

/// What follows from a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// Nothing: it says what the data are.
    Fact,
    /// A person should look at it; documents may be left out.
    Note,
    /// Training is refused.
    Refusal,
}

/// Something about the data that a person should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is, as a lower-case fragment.
    pub what: String,
    /// How many documents.
    pub count: u64,
    /// Where the first of them stand.
    pub examples: Vec<String>,
    /// What follows from it.
    pub weight: Weight,
}

/// All findings, in the order in which each was first made.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    all: Vec<Finding>,
    places: HashMap<String, usize>,
}

impl Findings {
    /// Counts one more document. An example that says nothing is none.
    pub fn add(&mut self, weight: Weight, what: &str, example: String) {
        let place = match self.places.get(what) {
            Some(place) => *place,
            None => {
                self.all.push(Finding { what: what.to_owned(), count: 0, examples: Vec::new(), weight });
                self.places.insert(what.to_owned(), self.all.len() - 1);
                self.all.len() - 1
            }
        };
        let finding = &mut self.all[place];
        finding.count += 1;
        if finding.examples.len() < EXAMPLES && !example.is_empty() {
            finding.examples.push(example);
        }
    }

    /// As they were made.
    pub fn iter(&self) -> std::slice::Iter<'_, Finding> {
        self.all.iter()
    }
}
