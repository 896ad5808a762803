//! The defects by name, with their doses.

use std::fmt;
use std::str::FromStr;

use crate::{ActingDefect, ModelError};

/// What is done to a student's logits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Defect {
    /// Nothing: the teacher again.
    Null,
    /// Logits divided by T: below 1 sharper, above 1 flatter. `temperature=0.7`.
    Temperature(f64),
    /// Tokens outside the smallest set with mass ≥ ρ lose all probability. `tail_truncated=0.9`.
    TailTruncated(f64),
    /// Logits outside the smallest set with mass ≥ ρ change places among themselves: the tail keeps its mass and
    /// the distribution its entropy, but other tokens carry it. `tail_permuted=0.9`.
    TailPermuted(f64),
    /// At least this mass on the most probable token, the others scaled down alike. `greedy=0.999999`.
    Greedy(f64),
    /// Independent normal noise of this standard deviation on every logit. `noise=0.1`.
    Noise(f64),
}

/// Name, default dose, and the open interval that doses come from.
type Row = (&'static str, f64, f64, f64, fn(f64) -> Defect);
const DOSED: [Row; 5] = [
    ("temperature", 0.7, 0.01, 100.0, Defect::Temperature),
    ("tail_truncated", 0.9, 0.0, 1.0, Defect::TailTruncated),
    ("tail_permuted", 0.9, 0.0, 1.0, Defect::TailPermuted),
    ("greedy", 0.999_999, 0.0, 1.0, Defect::Greedy),
    ("noise", 0.1, 0.0, 100.0, Defect::Noise),
];

impl Defect {
    /// All names, for messages.
    pub fn names() -> Vec<&'static str> {
        std::iter::once("null").chain(DOSED.iter().map(|row| row.0)).collect()
    }

    /// Splits `DEFECT[=DOSE](MODEL)` into the defect and the words for the model, which may be another such text.
    ///
    /// # Errors
    /// An unknown defect, a dose out of range, or parentheses that do not close.
    pub fn parse_spec(spec: &str) -> Result<(Defect, &str), ModelError> {
        let (defect, inner) = Self::split_spec(spec)?;
        Ok((defect.parse()?, inner))
    }

    /// The words for the defect, and those for the model.
    pub(crate) fn split_spec(spec: &str) -> Result<(&str, &str), ModelError> {
        let wrong = |what: &str| ModelError::Request {
            reason: format!("planted:{spec}: {what}; write planted:DEFECT[=DOSE](MODEL)"),
        };
        let (defect, rest) = spec.split_once('(').ok_or_else(|| wrong("no model in parentheses"))?;
        let inner = rest.strip_suffix(')').ok_or_else(|| wrong("the last character is no `)`"))?;
        if inner.is_empty() {
            return Err(wrong("no model in the parentheses"));
        }
        Ok((defect, inner))
    }
}

impl FromStr for Defect {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Defect, ModelError> {
        let wrong = |reason: String| Err(ModelError::Request { reason });
        let (name, dose) = match text.split_once('=') {
            Some((name, dose)) => (name, Some(dose)),
            None => (text, None),
        };
        if name == "null" {
            return match dose {
                None => Ok(Defect::Null),
                Some(dose) => wrong(format!("the defect `null` takes no dose, found `{dose}`")),
            };
        }
        let Some(&(_, default, low, high, defect)) = DOSED.iter().find(|row| row.0 == name) else {
            let known: Vec<_> = Defect::names().into_iter().chain(ActingDefect::NAMES).collect();
            return wrong(format!("unknown defect `{name}`; known: {}", known.join(", ")));
        };
        let dose = match dose.map(str::parse::<f64>) {
            None => default,
            Some(Ok(dose)) if dose > low && dose < high => dose,
            Some(_) => {
                let found = dose.unwrap_or_default();
                return wrong(format!("the dose of `{name}` is `{found}`, expected a number between {low} and {high}"));
            }
        };
        Ok(defect(dose))
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Defect::Null => out.write_str("null"),
            Defect::Temperature(dose) => write!(out, "temperature={dose}"),
            Defect::TailTruncated(dose) => write!(out, "tail_truncated={dose}"),
            Defect::TailPermuted(dose) => write!(out, "tail_permuted={dose}"),
            Defect::Greedy(dose) => write!(out, "greedy={dose}"),
            Defect::Noise(dose) => write!(out, "noise={dose}"),
        }
    }
}
