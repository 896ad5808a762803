//! The probe: one question, its family and its tags.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::Fault;
use crate::kind::Ask;
use crate::{Boundary, Check, Decoding, Knob};

/// One question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Probe {
    /// Unique within a suite; letters, digits, `-`, `_`, `.`, `/`, `:`.
    #[schemars(length(min = 1, max = 200), regex(pattern = r"^[A-Za-z0-9._/:-]+$"))]
    pub id: String,
    /// Probes that share a family are not independent: paraphrases, minimal pairs, rungs, chunks of a document.
    pub family: String,
    /// Capability axis or domain: `reasoning`, `refusal`, `prose`, `code`, …
    pub axis: String,
    /// Free tags; each becomes a slice of the report.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// How hard it is on its axis, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub knob: Option<Knob>,
    /// Where it stands at a boundary of judgment, for probes of decisions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boundary: Option<Boundary>,
    /// What is asked.
    #[serde(flatten)]
    pub ask: Ask,
}

impl Probe {
    /// What judges an answer to it; `None` where nothing does.
    ///
    /// # Errors
    /// As [`Check::new`]; never for a probe of a suite that was validated.
    pub fn checker(&self) -> Result<Option<Check>, Fault> {
        match &self.ask {
            Ask::Prompt(prompt) => prompt.checker(),
            _ => Ok(None),
        }
    }

    /// Success on it that needs no ability, in [0, 1).
    #[must_use]
    pub fn chance(&self) -> f64 {
        let guessed = match &self.ask {
            Ask::Choice(choice) => 1.0 / choice.options.len() as f64,
            Ask::Text(_) | Ask::Prompt(_) | Ask::Episode(_) | Ask::Trajectory(_) => 0.0,
        };
        self.knob.as_ref().and_then(|knob| knob.chance).unwrap_or(guessed)
    }

    /// How answers to it are made; `None` for what is not answered in words.
    #[must_use]
    pub fn decoding(&self) -> Option<Decoding> {
        match &self.ask {
            Ask::Prompt(prompt) => Some(prompt.decoding),
            Ask::Episode(episode) => Some(episode.decoding),
            Ask::Text(_) | Ask::Choice(_) | Ask::Trajectory(_) => None,
        }
    }

    /// Whether success on it is set against a distance: it says how hard it is, and somebody knows what is right.
    #[must_use]
    pub fn is_graded(&self) -> bool {
        self.knob.is_some() && self.ask.kind().has_truth() == Some(true)
    }

    /// Whether one curve has both, where both are graded: one axis, one knob and one chance.
    #[must_use]
    pub fn is_of_one_curve_with(&self, other: &Self) -> bool {
        let name = |probe: &Self| probe.knob.as_ref().map(|knob| knob.name.clone());
        self.axis == other.axis && name(self) == name(other) && self.chance() == other.chance()
    }

    /// Whether it is answered freely and the whole text of an answer counts.
    #[must_use]
    pub fn is_free(&self) -> bool {
        matches!(&self.ask, Ask::Prompt(prompt) if prompt.is_free())
    }
}

/// An ordered set of probes.
#[derive(Clone, Debug, PartialEq)]
pub struct Suite {
    /// Name for people: a file name or `builtin:standard`.
    pub name: String,
    /// The probes, unique ids, in order.
    pub probes: Vec<Probe>,
}
