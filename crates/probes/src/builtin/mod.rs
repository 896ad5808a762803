//! The built-in suite and the corpus of its kind: generated from a seed by templates of our own, nothing copied.
//!
//! A generator of texts makes one document; a generator of questions makes one family of choices (paraphrases, a
//! minimal pair, the rungs of a ladder). Each draws from its own stream of chance, so the same seed gives the same
//! bytes on every platform. Half of what is generated is the centre (short chains, common words), half the edge
//! (deep chains, rare words and registers): a student that was distilled on the centre only shows it here.

mod assemble;
mod boundary;
mod chance;
mod code;
mod constraints;
pub mod edges;
pub mod episodes;
mod everyday;
mod grammar;
pub mod judgment;
mod lexicon;
mod prompts;
mod puzzles;
mod reasoning;
mod registers;
mod small;
mod stories;
mod tools;

use std::fmt;
use std::str::FromStr;

use crate::AskedAs;
use chance::Chance;

pub use assemble::corpus;
pub(crate) use assemble::suite;
pub use small::small_world;

/// The value of a knob that stands for radius 1 where nothing says what a student was trained to: of ladders of prompts and of
/// episodes. `None` for a knob that neither has.
#[must_use]
pub fn trained_to(axis: &str, knob: &str) -> Option<f64> {
    edges::trained_to(axis, knob).or_else(|| episodes::trained_to(axis, knob))
}

/// The day on which a profile's content last changed. It stands beside the pinned hashes in the tests, which change with it.
pub const CHANGED: &str = "2026-12-01";

/// The day of a suite by its name, seed and hash: [`CHANGED`] where it is the built-in one just as this version makes it, `None`
/// for every other.
#[must_use]
pub fn dated(name: &str, seed: u64, hash: &str) -> Option<&'static str> {
    let profile: Profile = name.strip_prefix("builtin:")?.parse().ok()?;
    (suite(profile, seed).hash() == hash).then_some(CHANGED)
}

/// How large the built-in suite is. How long it takes is said before an audit starts; free answers take most of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// A first look: minutes.
    Quick,
    /// Enough families for most gates: an hour or two for models of 1.5 and 0.5 billion parameters on two cores.
    Standard,
    /// For slices and small effects: a night.
    Full,
}

impl Profile {
    /// Every profile, small to large.
    pub const ALL: [Profile; 3] = [Profile::Quick, Profile::Standard, Profile::Full];
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Profile::Quick => "quick",
            Profile::Standard => "standard",
            Profile::Full => "full",
        })
    }
}

/// A word that names no profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a profile quick, standard or full, found `{found}`")]
pub struct UnknownProfile {
    /// The word.
    pub found: String,
}

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Profile::ALL
            .into_iter()
            .find(|profile| profile.to_string() == word)
            .ok_or_else(|| UnknownProfile { found: word.to_owned() })
    }
}

/// Which part of what the grammars can say a corpus is drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Domain {
    /// Short chains, common words, everyday kinds of text; of the small world, knobs up to 2.
    Centre,
    /// The centre and the edge, half and half.
    Whole,
}

/// Where a generated probe stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ring {
    Centre,
    Edge,
}

impl Ring {
    fn tag(self) -> &'static str {
        match self {
            Ring::Centre => "ring:centre",
            Ring::Edge => "ring:edge",
        }
    }

    /// One of two values.
    fn either<T>(self, centre: T, edge: T) -> T {
        match self {
            Ring::Centre => centre,
            Ring::Edge => edge,
        }
    }
}

/// How much of a document to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    Short,
    Medium,
    Long,
}

impl Length {
    /// One of three values.
    fn of<T>(self, short: T, medium: T, long: T) -> T {
        match self {
            Length::Short => short,
            Length::Medium => medium,
            Length::Long => long,
        }
    }
}

/// A generated text.
struct Document {
    tags: Vec<String>,
    text: String,
}

impl Document {
    fn new(text: String) -> Self {
        Self { tags: Vec::new(), text }
    }

    fn tagged(text: String, tag: String) -> Self {
        Self { tags: vec![tag], text }
    }
}

/// A generated choice, the true option first; the assembler gives it its place.
struct Question {
    tags: Vec<String>,
    prompt: String,
    options: Vec<String>,
    asked_as: AskedAs,
    order: Order,
}

/// Whether options may be shuffled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Any order; the assembler balances where the truth stands.
    Free,
    /// Fixed decisions (comply, refuse): both members of a pair show them in one order.
    Decisions,
}

impl Question {
    fn new(prompt: String, truth: impl Into<String>, others: impl IntoIterator<Item = String>) -> Self {
        let mut options = vec![truth.into()];
        options.extend(others);
        Self { tags: Vec::new(), prompt, options, asked_as: AskedAs::Question, order: Order::Free }
    }

    fn decision(prompt: String, truth: &str, other: &str) -> Self {
        Self { asked_as: AskedAs::Decision, order: Order::Decisions, ..Self::new(prompt, truth, [other.to_owned()]) }
    }

    /// What tells it from other questions.
    fn words(&self) -> String {
        format!("{}\n{}", self.prompt, self.options.join("\n"))
    }

    fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }
}

/// A kind of text.
struct TextKind {
    name: &'static str,
    axis: &'static str,
    make: fn(&mut Chance, Ring, Length) -> Document,
    /// The edge has kinds of its own, which a corpus of the centre never shows.
    edge_only: bool,
}

/// A kind of question; makes the members of one family.
struct QuestionKind {
    name: &'static str,
    axis: &'static str,
    /// From chance, ring, the number of a template (taken round the list) and how many members to make.
    make: fn(&mut Chance, Ring, usize, usize) -> Vec<Question>,
    /// How many families a ring has: two families from one template would not be independent.
    families: fn(Ring) -> usize,
}

/// A kind that draws everything: as many families as one likes.
fn unlimited(_: Ring) -> usize {
    usize::MAX
}

/// A template by its number, round the list.
fn nth_of<T: Copy>(templates: &[T], nth: usize) -> T {
    templates[nth % templates.len()]
}

const TEXTS: &[TextKind] = &[
    TextKind { name: "story", axis: "long_horizon", make: stories::recall, edge_only: false },
    TextKind { name: "journey", axis: "long_horizon", make: stories::journey, edge_only: false },
    TextKind { name: "chain", axis: "reasoning", make: reasoning::chain, edge_only: false },
    TextKind { name: "ranking", axis: "reasoning", make: puzzles::ranking_text, edge_only: false },
    TextKind { name: "units", axis: "reasoning", make: reasoning::units, edge_only: false },
    TextKind { name: "schedule", axis: "reasoning", make: reasoning::schedule, edge_only: false },
    TextKind { name: "table", axis: "code", make: code::table, edge_only: false },
    TextKind { name: "record", axis: "code", make: code::record, edge_only: false },
    TextKind { name: "function", axis: "code", make: code::function, edge_only: false },
    TextKind { name: "query", axis: "code", make: code::query, edge_only: true },
    TextKind { name: "dialogue", axis: "prose", make: everyday::dialogue, edge_only: false },
    TextKind { name: "letter", axis: "prose", make: everyday::letter, edge_only: false },
    TextKind { name: "recipe", axis: "prose", make: everyday::recipe, edge_only: false },
    TextKind { name: "list", axis: "prose", make: everyday::list, edge_only: false },
    TextKind { name: "register", axis: "prose", make: registers::document, edge_only: true },
    TextKind { name: "advice", axis: "judgment", make: everyday::advice, edge_only: false },
    TextKind { name: "brief", axis: "novel_instructions", make: constraints::brief, edge_only: false },
    TextKind { name: "session", axis: "tool_use", make: tools::session, edge_only: false },
    TextKind { name: "repair", axis: "error_recovery", make: tools::repair, edge_only: false },
];

const QUESTIONS: &[QuestionKind] = &[
    QuestionKind { name: "sum", axis: "reasoning", make: reasoning::sum_question, families: unlimited },
    QuestionKind { name: "order", axis: "reasoning", make: puzzles::order_question, families: unlimited },
    QuestionKind { name: "follows", axis: "reasoning", make: puzzles::follows_question, families: unlimited },
    QuestionKind { name: "reading", axis: "long_horizon", make: stories::reading_question, families: unlimited },
    QuestionKind { name: "tool", axis: "tool_use", make: tools::choice_question, families: tools::tools },
    QuestionKind { name: "argument", axis: "tool_use", make: tools::argument_question, families: tools::arguments },
    QuestionKind {
        name: "recovery",
        axis: "error_recovery",
        make: tools::recovery_question,
        families: tools::failures,
    },
    QuestionKind { name: "constraint", axis: "novel_instructions", make: constraints::question, families: unlimited },
    QuestionKind { name: "output", axis: "code", make: code::output_question, families: unlimited },
    QuestionKind {
        name: "clarify",
        axis: "judgment",
        make: boundary::clarify_question,
        families: boundary::clarifications,
    },
    QuestionKind { name: "refusal", axis: "judgment", make: boundary::refusal_question, families: boundary::refusals },
    QuestionKind { name: "wording", axis: "prose", make: registers::wording_question, families: registers::gaps },
];
