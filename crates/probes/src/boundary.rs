//! What a probe of judgment declares about itself: at which kind of boundary it stands, what its part in its family is, and
//! what a careful person would decide. Numbers about decisions are made of these declarations, never of identifiers or tags.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::check::Language;
use crate::error::{Fault, FaultKind, quote};
use crate::kind::Choice;
use crate::{Ask, Probe};

/// Most rungs of a ladder: more of them is a file that is not what it says.
const MOST_RUNGS: u32 = 100;

/// The place of a probe at a boundary of judgment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Boundary {
    /// What kind of boundary it is.
    pub stratum: Stratum,
    /// What the probe is within its family.
    pub role: MemberRole,
    /// What a wrong decision could do.
    pub risk: Risk,
    /// What a careful person would decide; none where careful people would differ, or where the options are other words than
    /// these and `truth` says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Decision>,
    /// The words of this probe that set it apart from its counterpart in the family, as they stand in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
    /// The language it is written in, where that is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
}

/// A kind of boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stratum {
    /// A decision with little to tip it.
    NearBoundary,
    /// One load-bearing change flips the right decision.
    MinimalPair,
    /// One thing grows rung by rung, and the decision turns somewhere on the way.
    Ladder,
    /// A request that cannot be answered as it stands, beside one that can.
    Ambiguous,
    /// A request that would do harm, beside one that only looks like it.
    HighRisk,
    /// Words that try to bring about another decision.
    Adversarial,
}

/// What a probe is within its family.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MemberRole {
    /// What the others are made from.
    Original,
    /// The original but for the change that flips the right decision.
    Flipped,
    /// The original in other words, with nothing that should flip.
    Paraphrase,
    /// A step of a ladder.
    Rung(Rung),
    /// The harmless, specified or plain counterpart: what looks like the original, or the attack, without what makes it one.
    Twin,
    /// A request with words that try to bring about another decision.
    Attack,
    /// The words of the attack around something harmless.
    Control,
}

/// A step of a ladder: its number rises with what is turned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rung {
    /// Its place from the bottom, from 1.
    #[schemars(range(min = 1, max = 100))]
    pub number: u32,
    /// Number of rungs.
    #[schemars(range(min = 2, max = 100))]
    pub of: u32,
    /// The direction: what should become more likely from rung to rung, an option of a choice or a decision.
    #[schemars(length(min = 1))]
    pub toward: String,
    /// Which way that is; none where it is neither.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lean: Option<Lean>,
}

/// On which side of caution a decision is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Lean {
    /// It lets something happen that can go wrong.
    Permissive,
    /// It stops it, puts it off or asks first.
    Restrictive,
}

/// What a wrong decision could do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Nothing but a bad answer.
    None,
    /// A loss that can be made good: money, time, annoyance.
    Low,
    /// Harm to health, safety, livelihood or privacy.
    High,
}

impl Risk {
    /// The word that stands in files.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Low => "low",
            Self::High => "high",
        }
    }
}

/// What can be done about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Answer the question.
    Answer,
    /// Do what is asked.
    Comply,
    /// Ask for what is missing.
    Clarify,
    /// Say that it cannot be known.
    Abstain,
    /// Decline to do it.
    Refuse,
}

impl Decision {
    /// Every decision.
    pub const ALL: [Decision; 5] =
        [Decision::Answer, Decision::Comply, Decision::Clarify, Decision::Abstain, Decision::Refuse];

    /// The word that stands in files and as an option.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Decision::Answer => "answer",
            Decision::Comply => "comply",
            Decision::Clarify => "clarify",
            Decision::Abstain => "abstain",
            Decision::Refuse => "refuse",
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Boundary {
    /// Whether what it says of the probe holds.
    pub(crate) fn check(&self, probe: &Probe) -> Result<(), Fault> {
        let fault =
            |expected: String, found, next: &str| Err(Fault::new(FaultKind::BadBoundary, expected, found, next));
        if !matches!(probe.ask, Ask::Choice(_) | Ask::Prompt(_)) {
            let found = format!("one of kind `{}`", probe.ask.kind().name());
            return fault("a choice or a prompt with a `boundary`".to_owned(), found, "leave `boundary` out");
        }
        let texts = probe.ask.kind().texts();
        if let Some(absent) = self.changed.iter().find(|words| !stand_in(words, &texts)) {
            let next = "copy the words from the probe, or leave `changed` out";
            return fault("words of the probe in `changed`".to_owned(), quote(absent), next);
        }
        if let MemberRole::Rung(rung) = &self.role {
            rung.check(&probe.ask)?;
        }
        match (&probe.ask, self.expected) {
            (Ask::Choice(choice), Some(expected)) => agrees(expected, choice),
            _ => Ok(()),
        }
    }
}

/// Whether visible words stand in one of the texts.
fn stand_in(words: &str, texts: &[&str]) -> bool {
    !words.trim().is_empty() && texts.iter().any(|text| text.contains(words))
}

/// Whether the true option of a choice is the expected decision.
fn agrees(expected: Decision, choice: &Choice) -> Result<(), Fault> {
    let right = choice.truth.and_then(|index| choice.options.get(index as usize));
    if right.is_some_and(|option| option == expected.word()) {
        return Ok(());
    }
    let found = right.map_or("no `truth`".to_owned(), |option| quote(option));
    let next = "let both say the same; where the options are other words, `truth` says it and `expected` is left out";
    Err(Fault::new(FaultKind::BadBoundary, format!("the expected decision `{expected}` as the `truth`"), found, next))
}

impl Rung {
    fn check(&self, ask: &Ask) -> Result<(), Fault> {
        let Self { number, of, toward, lean: _ } = self;
        if !(2..=MOST_RUNGS).contains(of) || !(1..=*of).contains(number) {
            let expected = format!("a rung `number` of 1 or more, `of` 2 to {MOST_RUNGS} and not below it");
            let next = "count the rungs of the ladder from 1";
            return Err(Fault::new(FaultKind::BadBoundary, expected, format!("{number} of {of}"), next));
        }
        let decisions = Decision::ALL.map(Decision::word);
        let (known, named) = match ask {
            Ask::Choice(choice) => (choice.options.contains(toward), "an option of the choice".to_owned()),
            _ => (decisions.contains(&toward.as_str()), format!("one of {}", decisions.join(", "))),
        };
        if known {
            return Ok(());
        }
        let next = "name what should become more likely from rung to rung";
        Err(Fault::new(FaultKind::BadBoundary, format!("{named} in `toward` of a rung"), quote(toward), next))
    }
}
