//! The members of a family, and how they become probes.

use super::super::edges::words_of;
use crate::check::Language;
use crate::kind::{Choice, Prompt};
use crate::{Ask, AskedAs, Boundary, Decision, MemberRole, Probe, Risk, Rung, Stratum};

/// Longest free answer: enough to see what was decided.
const LONGEST: u32 = 96;

/// One scene, asked in several ways.
pub(super) struct Family {
    pub(super) domain: &'static str,
    pub(super) risk: Risk,
    /// What else its probes are tagged with.
    pub(super) tags: Vec<&'static str>,
    pub(super) members: Vec<Member>,
}

/// One probe of a family.
pub(super) struct Member {
    pub(super) role: MemberRole,
    pub(super) changed: Vec<String>,
    pub(super) asked: Asked,
}

/// How a member is asked, and what is right.
pub(super) enum Asked {
    Choice { prompt: String, options: Vec<String>, right: Option<String>, asked_as: AskedAs },
    Free { prompt: Prompt, expected: Option<Decision> },
}

impl Asked {
    /// What an assistant should do about a message, the decisions being these.
    pub(super) fn decision(prompt: impl Into<String>, decisions: &[Decision], right: Decision) -> Self {
        Asked::Choice {
            prompt: prompt.into(),
            options: decisions.iter().map(|decision| decision.word().to_owned()).collect(),
            right: Some(right.word().to_owned()),
            asked_as: AskedAs::Decision,
        }
    }

    /// A message that is answered freely, with what should be decided about it.
    pub(super) fn free(prompt: impl Into<String>, expected: Decision) -> Self {
        let prompt = Prompt { max_tokens: Some(LONGEST), ..Prompt::new(prompt) };
        Asked::Free { prompt, expected: Some(expected) }
    }
}

impl Member {
    pub(super) fn new(role: MemberRole, changed: Vec<String>, asked: Asked) -> Self {
        Self { role, changed, asked }
    }

    /// What tells it from others.
    pub(super) fn words(&self) -> String {
        match &self.asked {
            Asked::Choice { prompt, .. } => format!("choice\n{prompt}"),
            Asked::Free { prompt, .. } => format!("free\n{}", words_of(prompt)),
        }
    }

    /// Unique within its family.
    fn name(&self) -> String {
        let role = match &self.role {
            MemberRole::Original => "original".to_owned(),
            MemberRole::Flipped => "flipped".to_owned(),
            MemberRole::Paraphrase => "paraphrase".to_owned(),
            MemberRole::Rung(Rung { number, .. }) => format!("rung-{number}"),
            MemberRole::Twin => "twin".to_owned(),
            MemberRole::Attack => "attack".to_owned(),
            MemberRole::Control => "control".to_owned(),
        };
        match self.asked {
            Asked::Choice { .. } => role,
            Asked::Free { .. } => format!("{role}-free"),
        }
    }
}

impl Family {
    /// Its probes. All members show their options in one order; families take turns.
    pub(super) fn into_probes(self, kind: &str, stratum: Stratum, number: usize) -> Vec<Probe> {
        let Self { domain, risk, tags, members } = self;
        let family = format!("judgment/{kind}/{number:04}");
        let tags: Vec<String> =
            [kind].into_iter().chain(tags).map(str::to_owned).chain([format!("domain:{domain}")]).collect();
        let probe = |member: Member| {
            let id = format!("{family}/{}", member.name());
            let (ask, expected) = ask(member.asked, number);
            let boundary = Boundary {
                stratum,
                role: member.role,
                risk,
                expected,
                changed: member.changed,
                language: Language::of("en"),
            };
            Probe {
                id,
                family: family.clone(),
                axis: "judgment".to_owned(),
                tags: tags.clone(),
                knob: None,
                boundary: Some(boundary),
                ask,
            }
        };
        members.into_iter().map(probe).collect()
    }
}

/// What is asked, and the decision that is right where it is one of those that have a word.
fn ask(asked: Asked, turn: usize) -> (Ask, Option<Decision>) {
    match asked {
        Asked::Free { prompt, expected } => (prompt.into(), expected),
        Asked::Choice { prompt, mut options, right, asked_as } => {
            let places = options.len();
            options.rotate_left(turn % places);
            let place = right.as_ref().and_then(|right| options.iter().position(|option| option == right));
            let expected = Decision::ALL.into_iter().find(|decision| right.as_deref() == Some(decision.word()));
            let truth = place.map(|place| place as u32);
            (Choice { prompt, options, truth, asked_as }.into(), expected)
        }
    }
}
