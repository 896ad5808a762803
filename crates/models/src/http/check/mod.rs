//! Looks at an endpoint before it is believed: one file for each check. A check asks little, and says what it found and what to
//! do. What a server does not offer is said to be not offered, never passed.

mod begin;
mod counts;
mod end;
mod identity;
mod long_prompt;
mod looking;
mod place_holders;
mod prompt_tokens;
mod repetition;
mod spelling;
mod temperature;
mod template;
mod tokenizer;
mod zeros;

use looking::Looking;
pub use tokenizer::MANY_SCRIPTS;

use super::Network;
use super::address::Address;
use super::asking::Failed;
use crate::{Model, ModelError};

/// With these words begins whatever a check asks: a server's log shows what was asked for the sake of checks.
pub const CHECK_MARK: &str = "[check]";

/// With these words begins the reason of a check that was not made for the sake of a budget.
pub const NOT_ALLOWED: &str = "the budget does not allow it";

/// What a failed check makes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Spoils {
    /// Nothing that is measured: it is worth knowing.
    Nothing,
    /// Numbers on the log-probabilities along an answer. Those of a single token are looked at one by one.
    LogProbabilities,
    /// Whatever the model answers.
    Answers,
}

/// What a check came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// As it should be, with the evidence.
    Passed(String),
    /// Not as it should be.
    Failed {
        /// What was expected, and what was found.
        evidence: String,
        /// What to do.
        hint: String,
    },
    /// It could not be looked at, and why.
    NotOffered(String),
}

/// A check, and what it came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Its name, by which it is accepted.
    pub name: &'static str,
    /// What it looks at.
    pub what: &'static str,
    /// What it makes wrong where it fails.
    pub spoils: Spoils,
    /// What it came to.
    pub found: Found,
}

/// One look at an endpoint.
trait Check: Sync {
    fn name(&self) -> &'static str;
    fn what(&self) -> &'static str;
    fn spoils(&self) -> Spoils;
    /// The same where it is made beside the other model of an audit.
    fn spoils_beside(&self) -> Spoils {
        self.spoils()
    }
    fn look(&self, at: &Looking<'_>) -> Result<Found, Failed>;
}

/// All of them, in the order in which they are shown.
const CHECKS: [&dyn Check; 13] = [
    &identity::Identity,
    &repetition::Repetition,
    &long_prompt::LongPrompt,
    &prompt_tokens::PromptTokens,
    &begin::Begin,
    &template::Template,
    &tokenizer::Tokens,
    &spelling::Spelling,
    &end::End,
    &counts::Counts,
    &place_holders::PlaceHolders,
    &zeros::Zeros,
    &temperature::Temperature,
];

/// The names of all checks.
pub fn check_names() -> impl Iterator<Item = &'static str> {
    CHECKS.iter().map(|check| check.name())
}

/// Looks at the endpoint; tokenizer and template are compared with those of the model `against`, where one is named.
///
/// # Errors
/// The key cannot be read, or the endpoint gives no answer.
pub fn check(address: Address, network: &Network, against: Option<&dyn Model>) -> Result<Vec<Checked>, ModelError> {
    all(&Looking::open(address, network, against)?)
}

/// The same before an audit of it and `other`, which is another model: only what conversations are put into is compared with it, and two
/// models may differ in that by design.
///
/// # Errors
/// As [`check`].
pub fn check_beside(address: Address, network: &Network, other: &dyn Model) -> Result<Vec<Checked>, ModelError> {
    let mut looking = Looking::open(address, network, None)?;
    looking.other = Some(other);
    all(&looking)
}

fn all(looking: &Looking<'_>) -> Result<Vec<Checked>, ModelError> {
    let look = |check: &&dyn Check| {
        let found = match check.look(looking) {
            Ok(found) => found,
            Err(Failed::Refused { reason, .. }) => Found::NotOffered(format!("the server refuses: {reason}")),
            Err(Failed::Spent { reason }) => Found::NotOffered(format!("{NOT_ALLOWED}: {reason}")),
            Err(failed) => return Err(looking.error(failed)),
        };
        let spoils = if looking.other.is_some() { check.spoils_beside() } else { check.spoils() };
        Ok(Checked { name: check.name(), what: check.what(), spoils, found })
    };
    CHECKS.iter().map(look).collect()
}

/// For [`Found::Failed`].
fn failed(evidence: impl Into<String>, hint: impl Into<String>) -> Found {
    Found::Failed { evidence: evidence.into(), hint: hint.into() }
}

/// For [`Found::NotOffered`].
fn not_offered(why: impl Into<String>) -> Found {
    Found::NotOffered(why.into())
}
