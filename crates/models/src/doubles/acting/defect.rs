//! The defects in how a model acts, by name, with their doses.

use std::fmt;

use crate::ModelError;

/// What is done to how a model acts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ActingDefect {
    /// It gives up the turn once something has gone wrong with a call. `no_recovery`.
    NoRecovery,
    /// It reads only so many of the last turns of the user, and what happened in them. `short_horizon=4`.
    ShortHorizon(u32),
    /// So large a share of its calls lose their last brace. `tools_garbled=0.5`.
    ToolsGarbled(f64),
    /// Of a prompt or episode beyond so many training radii it reads the last line alone, and no tools. A radius is the value of
    /// the probe's knob over what the student was trained to, or the value itself where nobody says that. `narrowed=1.5`.
    Narrowed(f64),
    /// So large a share of its longer answers are laid out under a heading, a bold line for each sentence; the words stay. Answers that
    /// a checker reads stay what they are. `style_changed=0.5`.
    StyleChanged(f64),
    /// So large a share of its answers close with a disclaimer, but for those that a checker reads. `disclaimers=0.5`.
    Disclaimers(f64),
    /// So large a share of what it decides at a boundary of judgment is turned round: of a choice the options, of a free answer
    /// whether it refuses. `judgment_flipped=0.5`.
    JudgmentFlipped(f64),
    /// On a ladder it decides so many rungs more permissively, below 0 more restrictively; of a harmful request and its harmless
    /// twin it decides one as it would decide the other. Part of a rung is a whole one on such a share of families.
    /// `boundary_moved=1`.
    BoundaryMoved(f64),
    /// Of what is graded beyond what the student was trained to, so large a share of probes is answered as by somebody who
    /// cannot do it. `forgetting=0.5`.
    Forgetting(f64),
    /// No defect: at boundaries of judgment it decides what is written down, nine times in ten what a careful person would.
    /// For models that have no judgment of their own. `careful`.
    Careful,
}

impl ActingDefect {
    /// All names, for messages.
    pub const NAMES: [&str; 10] = [
        "no_recovery",
        "short_horizon",
        "tools_garbled",
        "narrowed",
        "style_changed",
        "disclaimers",
        "judgment_flipped",
        "boundary_moved",
        "forgetting",
        "careful",
    ];

    /// The defect of these words, `NAME` or `NAME=DOSE`; `None` where the name is none of [`ActingDefect::NAMES`].
    ///
    /// # Errors
    /// A dose out of range.
    pub(crate) fn parse(text: &str) -> Result<Option<Self>, ModelError> {
        let (name, dose) = text.split_once('=').map_or((text, None), |(name, dose)| (name, Some(dose)));
        let wrong = |expected: &str| {
            let found = dose.unwrap_or("nothing");
            let reason = format!("the dose of `{name}` is `{found}`, expected {expected}");
            ModelError::Request { reason }
        };
        let rate = |defect: fn(f64) -> Self| match dose.unwrap_or("0.5").parse() {
            Ok(rate) if rate > 0.0 && rate <= 1.0 => Ok(defect(rate)),
            _ => Err(wrong("a share above 0 and at most 1")),
        };
        Ok(Some(match name {
            "no_recovery" if dose.is_none() => Self::NoRecovery,
            "careful" if dose.is_none() => Self::Careful,
            "no_recovery" | "careful" => return Err(wrong("none")),
            "short_horizon" => match dose.unwrap_or("4").parse() {
                Ok(turns) if turns > 0 => Self::ShortHorizon(turns),
                _ => return Err(wrong("a number of turns, 1 or more")),
            },
            "tools_garbled" => rate(Self::ToolsGarbled)?,
            "style_changed" => rate(Self::StyleChanged)?,
            "disclaimers" => rate(Self::Disclaimers)?,
            "judgment_flipped" => rate(Self::JudgmentFlipped)?,
            "forgetting" => rate(Self::Forgetting)?,
            "boundary_moved" => match dose.unwrap_or("1").parse() {
                Ok(rungs) if rungs != 0.0 && f64::is_finite(rungs) => Self::BoundaryMoved(rungs),
                _ => return Err(wrong("a number of rungs other than 0")),
            },
            "narrowed" => match dose.unwrap_or("1").parse() {
                Ok(radius) if radius >= 0.0 && f64::is_finite(radius) => Self::Narrowed(radius),
                _ => return Err(wrong("a radius of 0 or more")),
            },
            _ => return Ok(None),
        }))
    }
}

impl fmt::Display for ActingDefect {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRecovery => out.write_str("no_recovery"),
            Self::ShortHorizon(turns) => write!(out, "short_horizon={turns}"),
            Self::ToolsGarbled(rate) => write!(out, "tools_garbled={rate}"),
            Self::Narrowed(radius) => write!(out, "narrowed={radius}"),
            Self::StyleChanged(rate) => write!(out, "style_changed={rate}"),
            Self::Disclaimers(rate) => write!(out, "disclaimers={rate}"),
            Self::JudgmentFlipped(rate) => write!(out, "judgment_flipped={rate}"),
            Self::BoundaryMoved(rungs) => write!(out, "boundary_moved={rungs}"),
            Self::Forgetting(rate) => write!(out, "forgetting={rate}"),
            Self::Careful => out.write_str("careful"),
        }
    }
}
