//! What makes an answer right: a checker as it stands in a probe, and the same compiled to be asked many times.

mod counting;
mod instructions;
mod language;

use std::collections::BTreeSet;

use jsonschema::{PatternOptions, Validator};
use regex::{Regex, RegexBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Normal;
use crate::error::{Fault, FaultKind, quote};
use crate::normalise::{first_json, letter, normalise, numbers, without_thoughts};

pub use instructions::{Instruction, Relation};
pub use language::Language;

/// Bytes that a compiled pattern may take: a guard against a suite that is not ours.
const PATTERN_LIMIT: usize = 1 << 20;

/// What makes an answer right.
///
/// `exact`, `number`, `choice` and `regex` look at the answer after the probe's steps. `json_schema` and
/// `instructions` look at the answer as it was given, because spacing and line breaks are a part of it. Thoughts in front of an answer
/// are no part of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Checker {
    /// One of these texts, after the same steps as the answer.
    Exact(#[schemars(length(min = 1))] Vec<String>),
    /// The last number of the answer.
    Number {
        /// The true value.
        value: f64,
        /// Largest absolute difference that is still right.
        #[serde(default, skip_serializing_if = "is_zero")]
        #[schemars(range(min = 0))]
        tolerance: f64,
    },
    /// The letter, `A` to `H`, that the answer names.
    Choice(char),
    /// A pattern (syntax of the Rust crate `regex`) that occurs in the answer; `^` and `$` bind it to the ends.
    Regex(String),
    /// A JSON Schema that the first JSON value of the answer must fit; `$ref` within the schema only.
    JsonSchema(Value),
    /// Verifiable instructions of IFEval, all of which the answer must follow.
    Instructions(#[schemars(length(min = 1))] Vec<Instruction>),
}

// serde hands `skip_serializing_if` a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

/// What a checker says of one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Checked {
    /// The answer is right.
    Right,
    /// There is an answer, and it is not right.
    Wrong,
    /// Nothing that could be right or wrong: empty, or without the number, letter or JSON asked for.
    NoAnswer,
}

/// A checker with its probe's steps, compiled.
#[derive(Debug)]
pub struct Check {
    steps: Vec<Normal>,
    rule: Rule,
}

#[derive(Debug)]
enum Rule {
    Exact(BTreeSet<String>),
    Number { value: f64, tolerance: f64 },
    Choice(char),
    Regex(Regex),
    JsonSchema(Box<Validator>),
    Instructions(Vec<Instruction>),
}

impl Check {
    /// Compiles a checker.
    ///
    /// # Errors
    /// A checker that cannot be used: an expected text that the steps leave nothing of, a number that is none, a
    /// letter beyond H, a pattern or schema that does not compile or is too large, an instruction without sense.
    pub fn new(steps: &[Normal], checker: &Checker) -> Result<Self, Fault> {
        let rule = match checker {
            Checker::Exact(texts) => Rule::Exact(expected(steps, texts)?),
            &Checker::Number { value, tolerance } => {
                if !(value.is_finite() && tolerance.is_finite() && tolerance >= 0.0) {
                    let found = format!("the value {value} and the tolerance {tolerance}");
                    return Err(fault("a number and a tolerance of 0 or more in `check`", found, "correct them"));
                }
                Rule::Number { value, tolerance }
            }
            Checker::Choice(choice) => Rule::Choice(capital(*choice)?),
            Checker::Regex(pattern) => Rule::Regex(compiled(pattern)?),
            Checker::JsonSchema(schema) => Rule::JsonSchema(Box::new(validator(schema)?)),
            Checker::Instructions(list) => {
                if list.is_empty() {
                    return Err(fault("at least one instruction in `check`", "none", "leave `check` out"));
                }
                list.iter().try_for_each(Instruction::validate)?;
                Rule::Instructions(list.clone())
            }
        };
        Ok(Self { steps: steps.to_owned(), rule })
    }

    /// Judges one answer.
    #[must_use]
    pub fn check(&self, answer: &str) -> Checked {
        let Some(answer) = without_thoughts(answer) else { return Checked::NoAnswer };
        let right = match &self.rule {
            Rule::Exact(texts) => self.normal(answer).map(|answer| texts.contains(&answer)),
            Rule::Number { value, tolerance } => self
                .normal(answer)
                .and_then(|answer| numbers(&answer).pop())
                // `1/2` and `10:30` are answers, and never right.
                .map(|number| number.parse::<f64>().is_ok_and(|number| (number - value).abs() <= *tolerance)),
            Rule::Choice(choice) => {
                self.normal(answer).and_then(|answer| letter(&answer)).map(|named| named == *choice)
            }
            Rule::Regex(pattern) => self.normal(answer).map(|answer| pattern.is_match(&answer)),
            Rule::JsonSchema(schema) => first_json(answer).map(|value| schema.is_valid(&value)),
            Rule::Instructions(list) => {
                (!answer.trim().is_empty()).then(|| list.iter().all(|instruction| instruction.followed(answer)))
            }
        };
        match right {
            Some(true) => Checked::Right,
            Some(false) => Checked::Wrong,
            None => Checked::NoAnswer,
        }
    }

    fn normal(&self, answer: &str) -> Option<String> {
        normalise(&self.steps, answer)
    }
}

fn fault(expected: impl Into<String>, found: impl Into<String>, next: &str) -> Fault {
    Fault::new(FaultKind::BadCheck, expected, found, next)
}

fn expected(steps: &[Normal], texts: &[String]) -> Result<BTreeSet<String>, Fault> {
    if texts.is_empty() {
        return Err(fault("at least one text in `exact`", "none", "add the true answer, or leave `check` out"));
    }
    let normal = |text: &String| {
        normalise(steps, text).ok_or_else(|| {
            let expected = "texts in `exact` of which the steps of `answer` leave something";
            fault(expected, quote(text), "write it as an answer would be written, or change the steps")
        })
    };
    texts.iter().map(normal).collect()
}

fn capital(choice: char) -> Result<char, Fault> {
    let capital = choice.to_ascii_uppercase();
    let known = ('A'..='H').contains(&capital).then_some(capital);
    known.ok_or_else(|| fault("a letter from A to H in `choice`", quote(&choice.to_string()), "correct the letter"))
}

fn compiled(pattern: &str) -> Result<Regex, Fault> {
    let built = RegexBuilder::new(pattern).size_limit(PATTERN_LIMIT).dfa_size_limit(PATTERN_LIMIT).build();
    built.map_err(|error| {
        // The error's own words draw the pattern over several lines; the last line says what is wrong.
        let words = error.to_string();
        let found = format!("{}: {}", quote(pattern), words.lines().next_back().unwrap_or_default());
        fault("a pattern in `regex` (no look-around, no back-references)", found, "correct or simplify the pattern")
    })
}

pub(crate) fn validator(schema: &Value) -> Result<Validator, Fault> {
    let patterns = PatternOptions::regex().size_limit(PATTERN_LIMIT).dfa_size_limit(PATTERN_LIMIT);
    jsonschema::options().with_pattern_options(patterns).build(schema).map_err(|error| {
        let found = quote(&error.to_string());
        fault("a JSON Schema in `json_schema`, complete in itself", found, "correct the schema")
    })
}

#[cfg(test)]
mod tests;
