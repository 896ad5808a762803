//! What is kept in mind: an account, a code that changes, notes that differ, a rule for every answer.

use super::{Talk, number};
use crate::builtin::Chance;
use crate::builtin::edges::said::CUE;
use crate::builtin::edges::words::{COUNTED, NAMES, THINGS};
use crate::kind::Prompt;
use crate::{Checker, Normal};

/// Two accounts, changes of the one that is asked for, and changes of the other.
pub(in super::super) fn ledger(chance: &mut Chance, rungs: &[f64]) -> Vec<Prompt> {
    let names = chance.sample(NAMES, 2);
    let item = *chance.pick(COUNTED);
    let (asked, other) = (chance.below(2), chance.below(2));
    let start = [chance.between(21, 59), chance.between(21, 59)];
    let opening = format!("{} has {} {item}, {} has {}.", names[0], start[0], names[1], start[1]);
    let (own, others) = (names[asked], names[1 - asked]);
    // Both upwards or both downwards, so that no change takes another back.
    let sign = if other == 0 { 1 } else { -1 };
    let by = [chance.between(2, 9) * sign, chance.between(2, 9) * sign];
    let changes = by.map(|by| changed(own, item, by));
    let talk = Talk::draw(chance, rungs, opening, changes, |chance| {
        let by = chance.between(2, 9);
        changed(others, item, if chance.percent(50) { by } else { -by })
    });
    let rung = |&turns: &f64| {
        let (turns, changes) = talk.turns(turns);
        let now = start[asked] + by[..changes].iter().sum::<i64>();
        number(turns, &format!("How many {item} does {own} have now?"), now)
    };
    rungs.iter().map(rung).collect()
}

fn changed(who: &str, item: &str, by: i64) -> String {
    if by > 0 { format!("{who} gets {by} more {item}.") } else { format!("{who} gives away {} {item}.", -by) }
}

const PLACES: &[&str] = &[
    "shed",
    "cellar",
    "garage",
    "attic",
    "gate",
    "office",
    "safe",
    "locker",
    "library",
    "boathouse",
    "studio",
    "kiosk",
];

/// Codes of doors, the one that is asked for changed on the way.
pub(in super::super) fn codes(chance: &mut Chance, rungs: &[f64]) -> Vec<Prompt> {
    let places = chance.sample(PLACES, PLACES.len());
    let codes = [(); 3].map(|()| chance.between(1000, 9999));
    let asked = chance.below(2);
    let mut first = [(places[0], codes[0]), (places[1], chance.between(1000, 9999))];
    if asked == 1 {
        first.reverse();
    }
    let opening =
        format!("The code of the {} is {}, that of the {} is {}.", first[0].0, first[0].1, first[1].0, first[1].1);
    let changes = [codes[1], codes[2]].map(|code| format!("The code of the {} is now {code}.", places[0]));
    let talk = Talk::draw(chance, rungs, opening, changes, |chance| {
        let (two, [code, other]) = (chance.sample(&places[1..], 2), [(); 2].map(|()| chance.between(1000, 9999)));
        // One number or two, so that the answer does not stand at one place from the end.
        match chance.below(2) {
            0 => format!("The code of the {} is now {code}.", two[0]),
            _ => format!("The code of the {} is now {code}, that of the {} {other}.", two[0], two[1]),
        }
    });
    let rung = |&turns: &f64| {
        let (turns, changes) = talk.turns(turns);
        number(turns, &format!("What is the code of the {} now?", places[0]), codes[changes])
    };
    rungs.iter().map(rung).collect()
}

/// What one notes of a day, with an hour.
const NOTES: &[&str] = &[
    "the ferry leaves",
    "the museum opens",
    "the concert begins",
    "the plumber comes",
    "the shop closes",
    "the lesson ends",
    "the bus arrives",
    "the guests come",
    "the film starts",
    "the market opens",
];

/// Notes that differ, and a rule given at the start which of them counts.
pub(in super::super) fn differing(chance: &mut Chance, rungs: &[f64]) -> Vec<Prompt> {
    let notes = chance.sample(NOTES, NOTES.len());
    let who = *chance.pick(NAMES);
    let mut hours: Vec<i64> = (6..=22).collect();
    chance.shuffle(&mut hours);
    let first_counts = chance.percent(50);
    let counts = if first_counts { "first" } else { "last" };
    let mut first = [0, 1, 2].map(|at| format!("{} at {}", notes[at], hours[[0, 3, 4][at]]));
    chance.shuffle(&mut first);
    let opening = format!("{who}'s notes: {}. Where notes differ, the {counts} one counts.", first.join(", "));
    let changes = [hours[1], hours[2]].map(|hour| format!("{who} notes: {} at {hour}.", notes[0]));
    let talk = Talk::draw(chance, rungs, opening, changes, |chance| {
        let (two, [hour, other]) = (chance.sample(&notes[1..], 2), [(); 2].map(|()| chance.between(6, 22)));
        match chance.below(2) {
            0 => format!("{who} notes: {} at {hour}.", two[0]),
            _ => format!("{who} notes: {} at {hour}, {} at {other}.", two[0], two[1]),
        }
    });
    let rung = |&turns: &f64| {
        let (turns, changes) = talk.turns(turns);
        let hour = hours[if first_counts { 0 } else { changes }];
        number(turns, &format!("At which hour is it that {}?", notes[0]), hour)
    };
    rungs.iter().map(rung).collect()
}

/// A rule for every answer: how it is said, and the pattern of a right answer that holds `{}`.
const STANDING: &[(&str, &str)] = &[
    ("in capital letters", r"^[^\p{Ll}]*\b{UPPER}\b[^\p{Ll}]*$"),
    ("in square brackets", r"(?i)\[\W*{}\W*\]"),
    ("twice in a row", r"(?i)\b{}\b\W+{}\b"),
    ("with the word over behind it", r"(?i)\b{}\b.*\bover\W*$"),
    ("with two question marks behind it", r"(?i)\b{}\b[^?]*\?\?\W*$"),
];

const KEEPERS: &[&str] = &["boat", "cat", "horse", "dog", "parrot", "cousin", "teacher", "doctor", "neighbour", "boss"];

/// A rule that was given once, and a name that was given with it.
pub(in super::super) fn standing(chance: &mut Chance, rungs: &[f64]) -> Vec<Prompt> {
    let (rule, pattern) = *chance.pick(STANDING);
    let keepers = chance.sample(KEEPERS, KEEPERS.len());
    let names = chance.sample(NAMES, 4);
    let (own, name) = (keepers[0], names[0]);
    let opening = format!("My {own} is called {name}. When I ask for a name, say it {rule}.");
    // What could be mistaken for it.
    let changes = [1, 2].map(|at| format!("The {} of {} is called {}.", own, names[3], names[at]));
    let talk = Talk::draw(chance, rungs, opening, changes, |chance| {
        format!("My {} has a new {}.", chance.pick(&keepers[1..]), chance.pick(THINGS))
    });
    let check = Checker::Regex(pattern.replace("{UPPER}", &name.to_uppercase()).replace("{}", name));
    let rung = |&turns: &f64| Prompt {
        turns: talk.turns(turns).0,
        answer: vec![Normal::After(CUE.to_owned()), Normal::Whitespace],
        check: Some(check.clone()),
        max_tokens: Some(16),
        stop: vec!["\n".to_owned()],
        ..Prompt::new(format!("What is my {own} called?\n{CUE}"))
    };
    rungs.iter().map(rung).collect()
}
