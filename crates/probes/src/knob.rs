//! The knob of a graded probe: what makes it harder than others of its axis, and by how much.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Fault, FaultKind};
use crate::validate::check_name;

/// Larger values would be no numbers any more once they are added up.
const LARGEST: f64 = 1e12;

/// How far a probe lies from the centre of its axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Knob {
    /// What is turned: `depth`, `tools`, `turns`, `constraints`, … Probes of one axis with one knob are one curve.
    #[schemars(length(min = 1, max = 200))]
    pub name: String,
    /// How far it is turned, in the knob's own unit; from 0 to 10¹².
    #[schemars(range(min = 0, max = 1_000_000_000_000_u64))]
    pub value: f64,
    /// Success that needs no ability, in [0, 1); without it 1 over the number of options for a choice, else 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1))]
    pub chance: Option<f64>,
}

impl Knob {
    /// A knob of answers that nobody guesses.
    #[must_use]
    pub fn new(name: &str, value: f64) -> Self {
        Self { name: name.to_owned(), value, chance: None }
    }

    /// Whether it can be a place on an axis.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        check_name("knob", &self.name)?;
        if !(0.0..=LARGEST).contains(&self.value) {
            let next = "write how far the knob is turned; leave `knob` out where that is not known";
            return Err(Fault::new(FaultKind::BadKnob, "a knob `value` from 0 to 1e12", self.value.to_string(), next));
        }
        match self.chance {
            Some(chance) if !(0.0..1.0).contains(&chance) => {
                let next = "write the success of one who guesses; leave it out where nobody guesses the answer";
                Err(Fault::new(
                    FaultKind::BadKnob,
                    "a knob `chance` of 0 or more and below 1",
                    chance.to_string(),
                    next,
                ))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_on_an_axis_can_be_added_up() {
        for (value, fits) in [(0.0, true), (1e12, true), (1e13, false), (-1.0, false), (f64::NAN, false)] {
            assert_eq!(Knob::new("depth", value).check().is_ok(), fits, "{value}");
        }
    }
}
