//! Findings that contradict each other are not said together. Each looks at one number alone; what they say of the student
//! is held against one another here, and the one with the better evidence stands.

use hydrometer_metrics::Estimate;
use hydrometer_metrics::measure::{Definition, answers, choices, tokens};

use crate::statement::{Finding, Metric};

/// What a finding says of the student as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    /// Surer than its teacher.
    Sharper,
    /// Less certain than its teacher.
    Flatter,
    /// So much surer that little is left to vary.
    Collapsed,
    /// Its answers vary more.
    MoreDiverse,
    /// It lost something.
    Lost,
    /// It cannot be told from its teacher.
    Same,
}

/// Two findings of which only the first is said.
struct Rule {
    wins: (&'static str, Says),
    loses: (&'static str, Says),
    /// Said beside the first: which number points the other way, and why it counts less.
    why: &'static str,
}

const fn rule(wins: (&'static str, Says), loses: (&'static str, Says), why: &'static str) -> Rule {
    Rule { wins, loses, why }
}

const TEMPERATURE: &str = "The best temperature points the other way, and counts less: it fits one number to whole \
                           distributions, and wrong tokens move it too, while entropy is measured.";
const SLOPE: &str = "The calibration slope on choices would call the student surer, and counts less: disagreement alone pulls \
                     it below 1.";
const TEACHER_TWICE: &str = "The mean divergence is as small as the noise of the measurement; this loss has an interval of \
                             its own.";

/// Entropy is measured and has an interval; a best temperature and a calibration slope also move where tokens or decisions are
/// wrong. How much answers vary shows in answers. A loss with an interval counts more than a mean near its floor.
const RULES: &[Rule] = &[
    rule(("sharpness", Says::Flatter), ("temperature", Says::Sharper), TEMPERATURE),
    rule(("sharpness", Says::Sharper), ("temperature", Says::Flatter), TEMPERATURE),
    rule(("sharpness", Says::Collapsed), ("temperature", Says::Flatter), TEMPERATURE),
    rule(("sharpness", Says::Flatter), ("overconfident_choices", Says::Sharper), SLOPE),
    rule(("temperature", Says::Flatter), ("overconfident_choices", Says::Sharper), SLOPE),
    rule(
        ("diversity", Says::MoreDiverse),
        ("sharpness", Says::Collapsed),
        "The entropy of the next token on given texts is far below the teacher's, and counts less for answers: how much they \
         vary is measured in answers.",
    ),
    rule(("sharpness", Says::Flatter), ("at_the_noise_floor", Says::Same), TEACHER_TWICE),
    rule(("sharpness", Says::Sharper), ("at_the_noise_floor", Says::Same), TEACHER_TWICE),
    rule(("sharpness", Says::Collapsed), ("at_the_noise_floor", Says::Same), TEACHER_TWICE),
    rule(("tail_lost", Says::Lost), ("at_the_noise_floor", Says::Same), TEACHER_TWICE),
];

/// Takes out the findings that a better one contradicts; that one says so, and is as severe as either.
pub(super) fn settle(found: &mut Vec<Finding>, metrics: &[Metric]) {
    for Rule { wins, loses, why } in RULES {
        let place = |found: &[Finding], (id, says): (&str, Says)| {
            found.iter().position(|finding| finding.id == id).filter(|_| said(id, metrics) == Some(says))
        };
        let (Some(winner), Some(loser)) = (place(found, *wins), place(found, *loses)) else { continue };
        found[winner].severity = found[winner].severity.min(found[loser].severity);
        found[winner].detail += &format!(" {why}");
        found.remove(loser);
    }
}

/// What a finding says, from the number that it looks at; `None` for one that says nothing of the student as a whole.
fn said(finding: &str, metrics: &[Metric]) -> Option<Says> {
    let estimate = |metric: &Definition| -> Option<&Estimate> {
        metrics.iter().find(|found| found.id == metric.id)?.estimate.as_ref()
    };
    let high = |metric| Some(estimate(metric)?.interval?.high);
    let value = |metric| Some(estimate(metric)?.value);
    Some(match finding {
        "temperature" if value(&tokens::BEST_TEMPERATURE)? > 1.0 => Says::Sharper,
        "temperature" => Says::Flatter,
        "sharpness" if high(&tokens::ENTROPY_RATIO)? < 0.5 => Says::Collapsed,
        "sharpness" if high(&tokens::ENTROPY_RATIO)? < 1.0 => Says::Sharper,
        "sharpness" => Says::Flatter,
        // Below 0 the student prefers other options: it is not called surer.
        "overconfident_choices" if high(&choices::CALIBRATION_SLOPE)? >= 0.0 => Says::Sharper,
        "diversity" if value(&answers::DIVERSITY_KEPT)? >= 1.0 => Says::MoreDiverse,
        "diversity" | "mode_only" => Says::Collapsed,
        "tail_lost" => Says::Lost,
        "at_the_noise_floor" => Says::Same,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
