//! The rules: ten places, of which a prompt has one rule each, in this order.

use super::items::{Items, NUMBERS};
use crate::builtin::Chance;
use crate::builtin::edges::words::SAID;

/// What a rule speaks of. Rules are followed in the order of their places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    LeaveOut,
    Replace,
    Double,
    Order,
    Change,
    Case,
    Marks,
    Separator,
    Front,
    End,
}

/// The two halves whose rules never meet in the centre.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Half {
    /// Which items, in which order.
    Content,
    /// How they are written.
    Form,
}

impl Place {
    pub(super) const ALL: [Self; 10] = [
        Self::LeaveOut,
        Self::Replace,
        Self::Double,
        Self::Order,
        Self::Change,
        Self::Case,
        Self::Marks,
        Self::Separator,
        Self::Front,
        Self::End,
    ];

    pub(super) fn half(self) -> Half {
        if self <= Self::Change { Half::Content } else { Half::Form }
    }
}

/// One rule.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Rule {
    Without(String),
    WithoutLetter(char),
    Instead { of: String, say: String },
    Twice(String),
    Backwards,
    LastFirst,
    Alphabetical,
    Rising,
    Shortened,
    OneMore,
    Capitals,
    Initials,
    Spelled,
    Zeros,
    Round([&'static str; 2]),
    Between(&'static str),
    Front(&'static str),
    End(&'static str),
}

impl Rule {
    /// A rule of a place. Of the items, in an order that is not that of the prompt, the first may be left out, the second
    /// replaced, the third doubled.
    pub(super) fn draw(place: Place, items: &Items, each: &[String], chance: &mut Chance) -> Self {
        let words = matches!(items, Items::Words(_));
        match place {
            Place::LeaveOut if words && chance.percent(50) => {
                Self::WithoutLetter(*chance.pick(&each[0].chars().collect::<Vec<_>>()))
            }
            Place::LeaveOut => Self::Without(each[0].clone()),
            Place::Replace => Self::Instead { of: each[1].clone(), say: other(words, each, chance) },
            Place::Double => Self::Twice(each[2].clone()),
            Place::Order => chance
                .pick(&[Self::Backwards, Self::LastFirst, if words { Self::Alphabetical } else { Self::Rising }])
                .clone(),
            Place::Change => {
                if words {
                    Self::Shortened
                } else {
                    Self::OneMore
                }
            }
            Place::Case if words => chance.pick(&[Self::Capitals, Self::Initials]).clone(),
            Place::Case => chance.pick(&[Self::Spelled, Self::Zeros]).clone(),
            Place::Marks => Self::Round(*chance.pick(&[["(", ")"], ["[", "]"], ["<", ">"]])),
            Place::Separator => Self::Between(chance.pick::<&str>(&[" - ", " / ", " + ", "; "])),
            Place::Front => Self::Front(chance.pick::<&str>(&["Note:", "List:", "Reply:", "Done:"])),
            Place::End => Self::End(chance.pick::<&str>(&["!", "stop", "over", "end"])),
        }
    }

    pub(super) fn place(&self) -> Place {
        match self {
            Self::Without(_) | Self::WithoutLetter(_) => Place::LeaveOut,
            Self::Instead { .. } => Place::Replace,
            Self::Twice(_) => Place::Double,
            Self::Backwards | Self::LastFirst | Self::Alphabetical | Self::Rising => Place::Order,
            Self::Shortened | Self::OneMore => Place::Change,
            Self::Capitals | Self::Initials | Self::Spelled | Self::Zeros => Place::Case,
            Self::Round(_) => Place::Marks,
            Self::Between(_) => Place::Separator,
            Self::Front(_) => Place::Front,
            Self::End(_) => Place::End,
        }
    }

    /// How it is said of words or of numbers.
    pub(super) fn said(&self, kind: &str) -> String {
        match self {
            Self::Without(item) => format!("Leave out {item}."),
            Self::WithoutLetter(letter) => format!("Leave out every word with the letter {letter}."),
            Self::Instead { of, say } => format!("Say {say} instead of {of}."),
            Self::Twice(item) => format!("Say {item} twice."),
            Self::Backwards => format!("Put the {kind}s in reverse order."),
            Self::LastFirst => format!("Move the last {kind} to the front."),
            Self::Alphabetical => "Put the words in alphabetical order.".to_owned(),
            Self::Rising => "Sort the numbers from small to large.".to_owned(),
            Self::Shortened => "Cut off the last letter of every word.".to_owned(),
            Self::OneMore => "Add 1 to every number.".to_owned(),
            Self::Capitals => "Write every word in capital letters.".to_owned(),
            Self::Initials => "Write every word with a capital first letter.".to_owned(),
            Self::Spelled => "Write every number as a word.".to_owned(),
            Self::Zeros => "Write every number with .0 behind it.".to_owned(),
            Self::Round([open, close]) => format!("Put {open} before and {close} after every {kind}."),
            Self::Between(text) => format!("Write \"{text}\" between the {kind}s."),
            Self::Front(text) => format!("Write {text} in front of the line."),
            Self::End(text) => format!("Write {text} at the end of the line."),
        }
    }
}

/// An item that is not among those there are.
fn other(words: bool, each: &[String], chance: &mut Chance) -> String {
    loop {
        let other = if words { (*chance.pick(SAID)).to_owned() } else { chance.pick(&NUMBERS).to_string() };
        if !each.contains(&other) {
            return other;
        }
    }
}
