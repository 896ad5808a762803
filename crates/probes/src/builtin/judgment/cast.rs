//! Who and what a scene is about: names, places and amounts that stay the same in all members of a family, and the marks of
//! the scenes.
//!
//! - `<a>`, `<b>` are people, `<town>`, `<ride>`, … words, `<few>`, `<dozen>`, `<score>`, `<hundred>` amounts.
//! - `{left|right}` is what changes between two members; either side may be empty.

use super::super::grammar::Scene;
use super::super::{Chance, Ring, lexicon};

/// Which side of a change a member shows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

impl Side {
    pub(super) fn other(self) -> Side {
        match self {
            Side::Left => Side::Right,
            Side::Right => Side::Left,
        }
    }

    /// The value that belongs to a side.
    pub(super) fn of<T: Copy>(self, both: [T; 2]) -> T {
        both[usize::from(self == Side::Right)]
    }
}

/// A template in words, and the words in which it differs from the other side.
#[derive(Clone)]
pub(super) struct Said {
    pub(super) text: String,
    pub(super) changed: Vec<String>,
}

/// Lists of the lexicon of which a scene has one word each.
const LISTS: &[&str] =
    &["day", "month", "relative", "job", "shop", "animal", "food", "vehicle", "plant", "room", "object"];

/// Words of which a scene has one each and which the lexicon does not have so narrowly.
const OWN: &[(&str, &[&str])] = &[
    ("ride", &["train", "bus", "coach", "ferry", "night train", "boat"]),
    ("wheels", &["car", "van", "truck", "motorbike", "tractor", "bicycle"]),
    ("store", &["village shop", "hardware shop", "farm shop", "bookshop", "garden centre", "department store"]),
];

/// Amounts: name, least, most, step.
const AMOUNTS: &[(&str, i64, i64, i64)] =
    &[("few", 3, 9, 1), ("dozen", 11, 29, 1), ("minute", 25, 55, 1), ("score", 32, 95, 1), ("hundred", 120, 880, 20)];

/// What a message is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// It asks for advice.
    Advice,
    /// It asks for something to be done or told.
    Request,
}

/// What people say before they ask for advice and before a request.
const BEFORE_ADVICE: &[&str] = &[
    "",
    "",
    "Hello.",
    "A question, if I may.",
    "Sorry if this is a silly question.",
    "I would like a second opinion.",
    "This came up at supper.",
    "I keep going back and forth on this.",
];
const BEFORE_REQUEST: &[&str] = &["", "", "", "Hello.", "Good morning.", "One more thing.", "Hi there."];
const AFTER: &[&str] = &["", "", "", "Thanks.", "Thank you."];

/// Marks around what changes while a template becomes words; no text of ours has them.
const OPEN: char = '\u{1}';
const CLOSE: char = '\u{2}';

/// The words of one scene.
pub(super) struct Cast<'a> {
    scene: Scene<'a>,
}

impl<'a> Cast<'a> {
    pub(super) fn new(chance: &'a mut Chance) -> Self {
        let mut scene = Scene::new(chance, Ring::Centre);
        let names = scene.chance.sample(lexicon::words("name", Ring::Edge), 2);
        for (mark, name) in ["a", "b"].iter().zip(names) {
            scene.bind(mark, name);
        }
        let town = *scene.chance.pick(lexicon::words("town", Ring::Edge));
        scene.bind("town", town);
        for list in LISTS {
            let word = scene.draw(list);
            scene.bind(list, word);
        }
        for (mark, words) in OWN {
            let word = *scene.chance.pick(words);
            scene.bind(mark, word);
        }
        for &(mark, least, most, step) in AMOUNTS {
            let steps = scene.chance.between(0, (most - least) / step);
            scene.bind(mark, (least + steps * step).to_string());
        }
        Self { scene }
    }

    pub(super) fn chance(&mut self) -> &mut Chance {
        self.scene.chance
    }

    pub(super) fn bind(&mut self, mark: &str, words: impl Into<String>) {
        self.scene.bind(mark, words);
    }

    /// One of the two sides, by lot: which of them a family calls its original.
    pub(super) fn side(&mut self) -> Side {
        if self.chance().percent(50) { Side::Left } else { Side::Right }
    }

    /// A template in words.
    pub(super) fn say(&mut self, template: &str, side: Side) -> Said {
        let marked = self.scene.say(&chosen(template, side));
        let mut changed = Vec::new();
        let mut rest = marked.as_str();
        while let Some((_, from)) = rest.split_once(OPEN) {
            let (words, behind) = from.split_once(CLOSE).unwrap_or((from, ""));
            if !words.trim().is_empty() {
                changed.push(words.trim().to_owned());
            }
            rest = behind;
        }
        Said { text: marked.replace([OPEN, CLOSE], ""), changed }
    }

    /// A template without changes in words.
    pub(super) fn plain(&mut self, template: &str) -> String {
        self.say(template, Side::Left).text
    }

    /// What somebody says before and after a message.
    pub(super) fn manner(&mut self, tone: Tone) -> Manner {
        let before = match tone {
            Tone::Advice => BEFORE_ADVICE,
            Tone::Request => BEFORE_REQUEST,
        };
        let (before, after) = (*self.chance().pick(before), *self.chance().pick(AFTER));
        Manner { before, after }
    }
}

/// What stands around a message.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    before: &'static str,
    after: &'static str,
}

impl Manner {
    pub(super) fn around(self, said: Said) -> Said {
        let parts = [self.before, &said.text, self.after];
        let text = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
        Said { text, ..said }
    }
}

/// A template with one side of its changes, between marks.
fn chosen(template: &str, side: Side) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, from)) = rest.split_once('{') {
        let Some((both, behind)) = from.split_once('}') else { unreachable!("scene without its bracket: {template}") };
        let (left, right) = both.split_once('|').unwrap_or((both, both));
        out.push_str(before);
        out.push(OPEN);
        out.push_str(side.of([left, right]));
        out.push(CLOSE);
        rest = behind;
    }
    out + rest
}
