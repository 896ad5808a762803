//! Long horizons: conversations whose last question needs what was said at their start, whatever stands between.

mod kinds;

use super::words::{NAMES, THINGS};
use super::{EdgeAxis, said};
use crate::builtin::Chance;
use crate::kind::{Prompt, Role, Turn};

pub(super) use kinds::{codes, differing, ledger, standing};

pub(super) const AXIS: EdgeAxis = EdgeAxis {
    axis: "long_horizon",
    knob: "turns",
    unit: "messages before the last",
    meaning: "messages of both sides between the first one and the question that needs it",
    chance: 0.0,
    trained_to: 4.0,
    rungs: &[2.0, 4.0, 8.0, 12.0, 20.0, 40.0],
};

/// Messages of the user from which on the first and the second change stand in a conversation.
const CHANGES_FROM: [usize; 2] = [4, 6];

/// A conversation to be had at several lengths.
struct Talk {
    /// The first message.
    opening: String,
    /// Messages that change what is asked for, at a quarter and in the middle.
    changes: [String; 2],
    /// What stands between them.
    between: Vec<String>,
    /// What stands last, where there is more than the opening: of the kind's own, so that the answer is not said last.
    last: String,
    answers: Vec<&'static str>,
}

impl Talk {
    /// Draws what stands between: messages of the kind's own, and small talk among them.
    fn draw(
        chance: &mut Chance,
        rungs: &[f64],
        opening: String,
        changes: [String; 2],
        own: impl Fn(&mut Chance) -> String,
    ) -> Self {
        let longest = rungs.iter().fold(0.0_f64, |longest, &rung| longest.max(rung)) as usize / 2;
        let mut between: Vec<String> = Vec::with_capacity(longest);
        while between.len() < longest {
            let next = if chance.percent(60) { own(chance) } else { small_talk(chance) };
            if !between.contains(&next) {
                between.push(next);
            }
        }
        let answers = (0..longest).map(|_| *chance.pick(&["Ok.", "Noted.", "Good.", "Yes.", "Fine."])).collect();
        let last = own(chance);
        Self { opening, changes, between, last, answers }
    }

    /// So many messages of both sides, and how many of the changes are among them.
    fn turns(&self, turns: f64) -> (Vec<Turn>, usize) {
        let messages = turns as usize / 2;
        let changes = CHANGES_FROM.iter().filter(|&&from| messages >= from).count();
        let mut between = self.between.iter();
        let mut said: Vec<&String> = vec![&self.opening];
        for at in 1..messages {
            let change = (1..=changes).find(|number| at == messages * number / 4);
            said.extend(match change {
                _ if at == messages - 1 => Some(&self.last),
                Some(number) => self.changes.get(number - 1),
                None => between.next(),
            });
        }
        let turn = |(text, answer): (&String, &&str)| {
            [Turn { role: Role::User, text: text.clone() }, Turn { role: Role::Assistant, text: (*answer).to_owned() }]
        };
        (said.into_iter().zip(&self.answers).flat_map(turn).collect(), changes)
    }
}

const SMALL_TALK: &[&str] = &[
    "{name} came by with a {thing}.",
    "I cannot find my {thing}.",
    "{name} says hello.",
    "The {thing} is broken again.",
    "It smells of rain, says {name}.",
    "{name} wants to buy a {thing}.",
    "I dreamt of a {thing}.",
    "{name} is late today.",
    "Somebody left a {thing} here.",
    "{name} painted the {thing} green.",
];

fn small_talk(chance: &mut Chance) -> String {
    let template = *chance.pick(SMALL_TALK);
    let (name, thing) = (*chance.pick(NAMES), *chance.pick(THINGS));
    template.replace("{name}", name).replace("{thing}", thing)
}

/// The question for a number behind a conversation.
fn number(turns: Vec<Turn>, question: &str, truth: i64) -> Prompt {
    Prompt { turns, ..said::number(&format!("{question} Answer with the number only."), truth) }
}
