//! First names, swapped for others everywhere at once.
//!
//! Done only where a name cannot be anything but a name: no other word with a capital stands inside a sentence (a place, a
//! title, a second name), each name is spoken of twice or stands among many, and neither letters nor the order of letters
//! are asked for.

use std::collections::BTreeMap;

use super::fixed::expected;
use crate::builtin::Chance;
use crate::kind::{Prompt, Turn};
use crate::{Checker, Normal};

const WOMEN: &[&str] = &[
    "Anna", "Clara", "Emma", "Greta", "Jane", "Laura", "Nora", "Paula", "Sarah", "Ursula", "Wendy", "Xenia", "Zoe",
    "Alice", "Cecilia", "Elena", "Hannah", "Lucy", "Maria", "Ruth", "Julia", "Sophie", "Martha", "Helen",
];
const MEN: &[&str] = &[
    "Ben", "David", "Felix", "Henry", "Ivan", "Karl", "Martin", "Oscar", "Quentin", "Robert", "Thomas", "Victor",
    "Yusuf", "Boris", "Daniel", "Fred", "Jacob", "Nick", "Peter", "Simon", "Paul", "James", "John", "Michael",
];

/// So many different names are people of a story, also where one is named once.
const MANY: usize = 4;

/// Words that make a name more than a name.
const ABOUT_LETTERS: &[&str] =
    &["alphabet", "letter", "spell", "vowel", "consonant", "rhyme", "syllable", "initial", "character", "longest name"];

/// Words that stand with a capital inside a sentence and are no name.
const ALSO_CAPITAL: &[&str] = &[
    "I",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
    "JSON",
];

/// Words that begin a sentence before a name and are no title.
const BEGINNINGS: &[&str] = &[
    "And", "As", "Because", "But", "Can", "Could", "Did", "Do", "Does", "For", "From", "Had", "Has", "How", "If", "In",
    "Is", "So", "Then", "Though", "To", "Was", "What", "When", "Where", "While", "Who", "Why", "Will", "With", "Would",
];

/// The prompt, its turns and its checker with other names; none where that could change what is asked.
pub(super) fn swapped(prompt: &Prompt, chance: &mut Chance) -> Option<Prompt> {
    let texts: Vec<&str> = prompt
        .system
        .iter()
        .map(String::as_str)
        .chain(prompt.turns.iter().map(|turn| turn.text.as_str()))
        .chain([prompt.prompt.as_str()])
        .collect();
    let count = spoken_of(&texts)?;
    let whole = texts.join("\n").to_lowercase();
    let (most, least) = (count.values().max()?, count.values().min()?);
    let told_of = *least > 1 || (*most > 1 && count.len() >= MANY);
    if !told_of || ABOUT_LETTERS.iter().any(|word| whole.contains(word)) {
        return None;
    }
    let new = renamed(count.keys().copied(), &whole, chance)?;
    let check = renamed_check(prompt.check.as_ref()?, &new)?;
    if !prompt.answer.iter().all(|step| !matches!(step, Normal::After(marker) if with_names(marker, &new) != *marker)) {
        return None;
    }
    let turn = |turn: &Turn| Turn { role: turn.role, text: with_names(&turn.text, &new) };
    Some(Prompt {
        prompt: with_names(&prompt.prompt, &new),
        system: prompt.system.as_ref().map(|text| with_names(text, &new)),
        turns: prompt.turns.iter().map(turn).collect(),
        check: Some(check),
        ..prompt.clone()
    })
}

/// How often each name is spoken of; none where a capital inside a sentence, or right before a name, belongs to something
/// else.
fn spoken_of<'t>(texts: &[&'t str]) -> Option<BTreeMap<&'t str, usize>> {
    let mut count = BTreeMap::new();
    for text in texts {
        // A word with a capital and the place behind it.
        let mut capital: Option<(&str, usize)> = None;
        for (start, word) in words(text) {
            let before = text[..start].trim_end_matches([' ', '(', '"', '\'', '*', '#', '-', '“', '‘']);
            let begins = before.is_empty() || before.ends_with(['.', '!', '?', ':', '\n']);
            if WOMEN.contains(&word) || MEN.contains(&word) {
                // `Anna Maria`, `King Henry`.
                let titled = |(title, end): (&str, usize)| text[end..start] == *" " && !BEGINNINGS.contains(&title);
                if capital.is_some_and(titled) {
                    return None;
                }
                *count.entry(word).or_insert(0) += 1;
            } else if word.starts_with(char::is_uppercase) && !begins && !ALSO_CAPITAL.contains(&word) {
                return None;
            }
            capital = word.starts_with(char::is_uppercase).then_some((word, start + word.len()));
        }
    }
    Some(count)
}

/// Runs of letters with their places; what stands before an apostrophe is a word of its own.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split_inclusive(|c: char| !c.is_alphabetic()).filter_map(move |piece| {
        let start = at;
        at += piece.len();
        let word = piece.trim_end_matches(|c: char| !c.is_alphabetic());
        (!word.is_empty()).then_some((start, word))
    })
}

/// A new name for each: of the same sex, and spoken of nowhere.
fn renamed<'n>(
    names: impl Iterator<Item = &'n str>,
    whole: &str,
    chance: &mut Chance,
) -> Option<BTreeMap<String, String>> {
    let free =
        |list: &[&'static str]| list.iter().copied().filter(|name| !whole.contains(&name.to_lowercase())).collect();
    let (mut women, mut men): (Vec<&str>, Vec<&str>) = (free(WOMEN), free(MEN));
    chance.shuffle(&mut women);
    chance.shuffle(&mut men);
    let mut new = BTreeMap::new();
    for name in names {
        let other = if WOMEN.contains(&name) { women.pop()? } else { men.pop()? };
        new.insert(name.to_owned(), other.to_owned());
    }
    Some(new)
}

/// A text with other names, also where they stand in capitals or in lower case.
fn with_names(text: &str, new: &BTreeMap<String, String>) -> String {
    let swapped = |word: &str| {
        new.iter().find_map(|(old, new)| {
            let forms = [
                (old.clone(), new.clone()),
                (old.to_uppercase(), new.to_uppercase()),
                (old.to_lowercase(), new.to_lowercase()),
            ];
            forms.into_iter().find(|(old, _)| old == word).map(|(_, new)| new)
        })
    };
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (start, word) in words(text) {
        if let Some(new) = swapped(word) {
            out.push_str(&text[at..start]);
            out.push_str(&new);
            at = start + word.len();
        }
    }
    out + &text[at..]
}

/// The checker with other names: texts and schemas are rewritten; a pattern or an instruction that speaks of a name is
/// none that could be.
fn renamed_check(check: &Checker, new: &BTreeMap<String, String>) -> Option<Checker> {
    let renamed = match check {
        Checker::Exact(texts) => Checker::Exact(texts.iter().map(|text| with_names(text, new)).collect()),
        Checker::JsonSchema(schema) => {
            let text = serde_json::to_string(schema).ok()?;
            Checker::JsonSchema(serde_json::from_str(&with_names(&text, new)).ok()?)
        }
        other => other.clone(),
    };
    let left = expected(Some(&renamed));
    new.keys().all(|old| !left.contains(&old.to_lowercase())).then_some(renamed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str, truth: &str) -> Prompt {
        Prompt { check: Some(Checker::Exact(vec![truth.to_owned()])), ..Prompt::new(text) }
    }

    #[test]
    fn names_are_swapped_in_the_checker_too_or_not_at_all() {
        let chance = || Chance::new("test", 1, 0);
        let prompt = asked("Anna's boss is Ben. Ben is old. Who is the boss of Anna?", "Ben");
        let Some(new) = swapped(&prompt, &mut chance()) else { panic!("left as it is") };
        assert!(!new.prompt.contains("Anna") && !new.prompt.contains("Ben"), "{}", new.prompt);
        let Some(Checker::Exact(texts)) = &new.check else { panic!("another checker") };
        assert!(new.prompt.contains(&format!("boss is {}. {} is old", texts[0], texts[0])), "{new:?}");
        for untouched in [
            "Who wrote Emma?",
            "Anna Karenina met Anna. Who is Anna?",
            "Is Henry of England the son of Henry?",
            "King Henry and Henry met.",
            "Anna and Ben met; Ben and Anna left. Which name has the longer spelling?",
            "Nobody is here.",
        ] {
            assert_eq!(swapped(&asked(untouched, "x"), &mut chance()), None, "{untouched}");
        }
        let pattern = Prompt { check: Some(Checker::Regex(r"\bANNA\b".to_owned())), ..asked("Anna is Anna.", "x") };
        assert_eq!(swapped(&pattern, &mut chance()), None);
    }
}
