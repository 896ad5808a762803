//! Policy: which numbers are gated, and where the margins lie. Fixed before looking.

use hydrometer_metrics::measure::{self, Definition, Direction};
use hydrometer_metrics::stats::gate::Bounds;
use serde::{Deserialize, Serialize};

use super::unknown_metric::unknown_metric;
use crate::AuditError;

/// One gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateRule {
    /// Metric identifier.
    pub metric: String,
    /// Lowest accepted value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
    /// Highest accepted value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<f64>,
    /// When the number could not be measured: `true` leaves the audit undecided, `false` leaves the gate out.
    #[serde(default = "yes")]
    pub required: bool,
}

impl GateRule {
    /// The accepted range.
    pub(crate) fn bounds(&self) -> Bounds {
        Bounds { at_least: self.at_least, at_most: self.at_most }
    }
}

fn yes() -> bool {
    true
}

/// The gates of an audit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Coverage of intervals; a gate uses one side of it.
    #[serde(default = "ninety_five")]
    pub level: f64,
    /// The gates, in the order in which they are shown.
    #[serde(default, rename = "gate")]
    pub gates: Vec<GateRule>,
}

fn ninety_five() -> f64 {
    0.95
}

/// The default policy as a user can edit it.
pub const DEFAULT_POLICY: &str = include_str!("default-policy.toml");

impl Policy {
    /// Reads a policy from TOML.
    ///
    /// # Errors
    /// Bad TOML, an unknown metric, a gate without a bound, bounds that cross, a level outside (0.5, 1).
    pub fn parse(toml: &str) -> Result<Self, AuditError> {
        let policy: Self = toml::from_str(toml).map_err(|e| AuditError::Policy(in_words(&e)))?;
        policy.check()?;
        Ok(policy)
    }

    fn check(&self) -> Result<(), AuditError> {
        let fail = |message: String| Err(AuditError::Policy(message));
        if !(self.level > 0.5 && self.level < 1.0) {
            return fail(format!("level is {}, expected a number between 0.5 and 1", self.level));
        }
        for gate in &self.gates {
            let name = &gate.metric;
            let Some(definition) = measure::find(name) else {
                return Err(unknown_metric(name, measure::all().map(|metric| metric.id)));
            };
            match (gate.at_least, gate.at_most) {
                (None, None) => return fail(format!("the gate on `{name}` needs `at_least` or `at_most`")),
                (Some(low), Some(high)) if low >= high => {
                    return fail(format!("the gate on `{name}`: at_least {low} is not below at_most {high}"));
                }
                (low, high) if [low, high].into_iter().flatten().any(|x| !x.is_finite()) => {
                    return fail(format!("the gate on `{name}` needs finite bounds"));
                }
                _ => {}
            }
            if let Some(fault) = judges_nothing(gate, definition) {
                return fail(format!("the gate on `{name}` {fault}"));
            }
        }
        Ok(())
    }
}

/// Why a gate says the same of every student, or passes the worst; `None` where it judges.
fn judges_nothing(gate: &GateRule, definition: &Definition) -> Option<String> {
    let (range, direction) = (definition.range, definition.direction);
    let (least, most) = (range.low.value(), range.high.value());
    // A bound that no value can miss is none.
    let (at_least, at_most) =
        (gate.at_least.filter(|bound| *bound > least), gate.at_most.filter(|bound| *bound < most));
    if at_least.is_none() && at_most.is_none() {
        return Some(format!("accepts every value that the number can have, {range}: it judges nothing"));
    }
    if at_least.is_some_and(|bound| bound > most) || at_most.is_some_and(|bound| bound < least) {
        return Some(format!("accepts no value that the number can have, {range}"));
    }
    let turned = match (direction, at_least, at_most) {
        _ if measure::may_be_too_good(definition) => None,
        (Direction::Lower, Some(_), None) => Some("at_most"),
        (Direction::Higher, None, Some(_)) => Some("at_least"),
        _ => None,
    };
    turned.map(|wanted| {
        format!(
            "has no `{wanted}` that any value of {range} misses, and {}: it would pass a student that kept nothing",
            direction.words()
        )
    })
}

impl Default for Policy {
    /// [`DEFAULT_POLICY`].
    fn default() -> Self {
        match Self::parse(DEFAULT_POLICY) {
            Ok(policy) => policy,
            Err(error) => unreachable!("the built-in policy is checked by a test: {error}"),
        }
    }
}

/// The reader's message without names of types, and without the line break at its end.
fn in_words(error: &toml::de::Error) -> String {
    error
        .to_string()
        .trim_end()
        .replace("expected f64", "expected a number")
        .replace("expected a boolean", "expected true or false")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_policy_is_valid() {
        assert!(Policy::parse(DEFAULT_POLICY).is_ok_and(|p| p.gates.len() >= 6));
    }

    #[test]
    fn the_examples_of_the_documentation_are_valid() {
        let page = include_str!("../../../../docs/policy.md");
        let examples = page.split("```toml").skip(1).filter_map(|rest| rest.split("```").next());
        let gates = examples.map(|toml| Policy::parse(toml).map(|policy| policy.gates.len()).unwrap_or(0));
        assert_eq!(gates.collect::<Vec<_>>(), [2, 3]);
    }

    #[test]
    fn bad_policies_say_what_is_wrong() {
        let check = |toml: &str, expected: &str| {
            let message = Policy::parse(toml).map(|_| String::new()).unwrap_or_else(|e| e.to_string());
            assert!(message.contains(expected), "{toml}: {message}");
        };
        check("level = 2.0", "level is 2");
        check("[[gate]]\nmetric = \"charm\"\nat_least = 1.0", "no metric is called `charm`");
        check("[[gate]]\nmetric = \"tail_kept\"", "needs `at_least` or `at_most`");
        check("[[gate]]\nmetric = \"tail_kept\"\nat_least = 1.0\nat_most = 0.5", "is not below");
        check("[[gate]]\nmetric = \"tail_kept\"\nat_least = inf", "finite");
        check("[[gate]]\nmetrics = \"tail_kept\"", "unknown field `metrics`");
    }

    #[test]
    fn a_gate_that_judges_nothing_is_refused() {
        let parse = |metric: &str, bounds: &str| {
            let parsed = Policy::parse(&format!("[[gate]]\nmetric = \"{metric}\"\n{bounds}"));
            parsed.map(|_| String::new()).unwrap_or_else(|error| error.to_string())
        };
        let refused = |metric: &str, bounds: &str, expected: &str| {
            let message = parse(metric, bounds);
            assert!(message.contains(expected), "{metric} {bounds}: {message}");
        };
        refused(
            "answer_lost",
            "at_most = 1.0",
            "accepts every value that the number can have, [0, 1]: it judges nothing",
        );
        refused("answer_lost", "at_most = 5", "judges nothing");
        refused("kl_divergence", "at_least = 0", "judges nothing");
        refused("answer_net_loss", "at_least = -1.0\nat_most = 1.0", "judges nothing");
        refused("answer_lost", "at_most = -0.1", "accepts no value that the number can have, [0, 1]");
        refused("tail_kept", "at_least = 80", "accepts no value");
        refused(
            "tail_kept",
            "at_most = 0.8",
            "has no `at_least` that any value of [0, 1] misses, and higher is better: it would pass a student that kept nothing",
        );
        refused("kl_divergence", "at_least = 0.2", "has no `at_most` that any value of");
        // A bound that no value can miss is none.
        refused("choice_top1_agreement", "at_least = 0.0\nat_most = 0.99", "has no `at_least` that any value of");
        refused("choice_net_loss", "at_least = -0.5\nat_most = 1.0", "has no `at_most` that any value of");
        for (metric, bounds) in [
            ("agreement_ratio", "at_least = 0.95\nat_most = 1.05"),
            ("tail_kept", "at_least = 0.8\nat_most = 1.0"),
            ("tail_kept", "at_least = 1.0"),
            ("answer_net_loss", "at_most = 0.0"),
            ("best_temperature", "at_most = 1.25"),
            ("choice_accuracy_teacher", "at_most = 0.95"),
            ("answer_gained", "at_most = 0.1"),
        ] {
            assert_eq!(parse(metric, bounds), "", "{metric} {bounds}");
        }
    }
}
