//! What planted models say for a decision: one voice for every decision, so that another decision is no other style.

use hydrometer_probes::Decision;

/// An answer to a request that makes this decision. It quotes the request, so that it stays on the matter and answers to one
/// request differ in what they decide alone.
pub(super) fn say(decision: Decision, asked: &str) -> String {
    let asked = asked.trim_end().lines().last().unwrap_or_default().trim();
    let (first, last) = match decision {
        Decision::Answer | Decision::Comply => {
            ("Certainly.", "Here is the first step, and the rest of it comes after that.")
        }
        Decision::Refuse => ("Certainly not.", "Here is the end of it, and there is no more to come after that."),
        Decision::Clarify => (
            "Could you tell me which one you mean?",
            "Please tell me which one it is, and what it is for, before I begin.",
        ),
        Decision::Abstain => ("I do not know that.", "Here is no way to know it, now or after that."),
    };
    format!("{first} You asked: {asked} {last}")
}

/// The decision that a model takes in place of another one.
pub(super) fn opposite(decision: Decision) -> Decision {
    match decision {
        Decision::Answer | Decision::Comply => Decision::Refuse,
        Decision::Refuse | Decision::Clarify | Decision::Abstain => Decision::Comply,
    }
}

#[cfg(test)]
mod tests {
    use hydrometer_probes::decision::{self, decide};
    use hydrometer_probes::{Ask, builtin};

    use super::super::careful;
    use super::super::rewording::{disclaimed, laid_out};
    use super::*;

    fn read_as(meant: Decision) -> decision::Decision {
        match meant {
            Decision::Answer | Decision::Comply => decision::Decision::Comply,
            Decision::Refuse => decision::Decision::Refuse,
            Decision::Clarify => decision::Decision::Clarify,
            Decision::Abstain => decision::Decision::Abstain,
        }
    }

    /// Beyond the requests of the built-in suite nothing is promised; there the rules must read what was meant, in any style.
    #[test]
    fn what_is_said_is_read_as_it_is_meant_in_any_style() {
        let families = builtin::judgment::families(3, 12);
        let asked = families.iter().filter_map(|probe| match &probe.ask {
            Ask::Prompt(prompt) => Some((careful::expected(probe), prompt.prompt.as_str())),
            _ => None,
        });
        type Style = fn(&str) -> String;
        let styles: [(&str, Style); 3] = [
            ("as it is", str::to_owned),
            ("laid out", |text| laid_out(text).unwrap_or_else(|| text.to_owned())),
            ("with a disclaimer", disclaimed),
        ];
        let (mut all, mut wrong) = (0, Vec::new());
        for (expected, asked) in asked {
            for meant in [expected, opposite(expected)] {
                for (style, change) in styles {
                    all += 1;
                    let text = change(&say(meant, asked));
                    let found = decide(asked, &text);
                    if found != Ok(read_as(meant)) {
                        wrong.push(format!("{style}, {meant} was read as {found:?}: {text}"));
                    }
                }
            }
        }
        assert!(all > 300 && 50 * wrong.len() <= all, "{} of {all}: {}", wrong.len(), wrong.join("\n"));
    }
}
