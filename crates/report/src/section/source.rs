//! What sections are made from, and what several of them say of it.

use hydrometer_answers::{ModelIdentity, SamplingParameters};
use hydrometer_audit::Statement;
use hydrometer_audit::statement::SuiteSummary;

use crate::measured::Measured;
use crate::show;

/// What sections are made from.
pub(crate) struct Source<'a> {
    pub(crate) statement: &'a Statement,
    /// `None` where the cost was not measured.
    pub(crate) measured: Option<&'a Measured>,
}

/// `212 families, 20,480 positions, 800 choices`, and prompts where there are any.
pub(super) fn asked(suite: &SuiteSummary) -> String {
    let prompts = match suite.prompts {
        0 => String::new(),
        n => format!(", {}", show::counted(n, "prompt")),
    };
    let asked = [(suite.families, "family"), (suite.positions, "position"), (suite.choices, "choice")];
    format!("{}{prompts}", asked.map(|(number, one)| show::counted(number, one)).join(", "))
}

/// How answers were drawn; the seed is left out, for it says nothing about what they measure, and so is a longest length
/// that nobody set.
pub(crate) fn drawn(how: &SamplingParameters) -> String {
    let top_k = if how.top_k == 0 { String::new() } else { format!(", top_k {}", how.top_k) };
    let most = match how.max_tokens {
        u32::MAX => String::new(),
        most => format!(", at most {}", show::counted(most.into(), "token")),
    };
    format!("temperature {}, top_p {}{top_k}{most}", how.temperature, how.top_p)
}

/// Whether nobody was asked: the model is known by answers that somebody gave.
pub(super) fn is_given(model: &ModelIdentity) -> bool {
    model.format == "answers"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longest_length_that_nobody_set_is_not_shown() {
        let mut how =
            SamplingParameters { temperature: 1.0, top_p: 0.9, top_k: 0, max_tokens: 1, stop: vec![], seed: 1 };
        assert_eq!(drawn(&how), "temperature 1, top_p 0.9, at most 1 token");
        how.max_tokens = u32::MAX;
        assert_eq!(drawn(&how), "temperature 1, top_p 0.9");
    }

    #[test]
    fn one_is_singular() {
        let suite = SuiteSummary {
            name: "one".into(),
            hash: String::new(),
            dated: None,
            probes: 1,
            families: 1,
            positions: 1,
            choices: 1,
            prompts: 1,
            n_ctx: 1,
            rotations: 1,
        };
        assert_eq!(asked(&suite), "1 family, 1 position, 1 choice, 1 prompt");
    }
}
