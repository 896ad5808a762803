//! Small words, written in another way: a closed list, without negations, quantities, comparisons and places in an order.

use std::ops::Range;

use super::fixed::{expected, free_words};
use crate::builtin::Chance;
use crate::kind::Prompt;

/// Words with a misspelling of each that is no other word.
const SMALL: &[(&str, &str)] = &[
    ("the", "teh"),
    ("and", "adn"),
    ("with", "wiht"),
    ("that", "taht"),
    ("this", "tihs"),
    ("have", "hvae"),
    ("has", "hsa"),
    ("from", "frmo"),
    ("what", "waht"),
    ("which", "whcih"),
    ("where", "wehre"),
    ("there", "tehre"),
    ("their", "thier"),
    ("they", "tehy"),
    ("please", "plaese"),
    ("would", "woudl"),
    ("could", "cuold"),
    ("answer", "anwser"),
    ("question", "quesiton"),
    ("following", "follwoing"),
    ("about", "abuot"),
    ("does", "deos"),
    ("you", "yuo"),
    ("your", "yuor"),
    ("write", "wirte"),
    ("because", "becuase"),
    ("people", "peopel"),
    ("then", "tehn"),
    ("when", "wehn"),
    ("who", "woh"),
    ("is", "si"),
    ("are", "aer"),
    ("was", "wsa"),
    ("were", "wree"),
    ("now", "nwo"),
    ("will", "wlil"),
    ("these", "tehse"),
    ("those", "thsoe"),
    ("into", "inot"),
    ("give", "gvie"),
    ("tell", "tlel"),
    ("user", "usre"),
    ("while", "whlie"),
    ("whose", "whsoe"),
    ("how", "hwo"),
    ("other", "ohter"),
    ("say", "syaa"),
    ("gets", "gest"),
    ("find", "fnid"),
    ("number", "nubmer"),
    ("called", "caleld"),
    ("program", "porgram"),
    ("print", "pirnt"),
    ("explain", "expalin"),
    ("describe", "descirbe"),
    ("of", "fo"),
];

/// More of them at every strength: from a quarter of the words to all.
fn share(strength: usize) -> usize {
    (10 + 20 * strength).min(100)
}

/// Small words misspelt, and every second of them in capitals instead; none where there is none.
pub(super) fn misspelt(prompt: &Prompt, strength: usize, chance: &mut Chance) -> Option<String> {
    let text = &prompt.prompt;
    let expected = expected(prompt.check.as_ref());
    let place = |range: Range<usize>| {
        let word = &text[range.clone()];
        if is_mentioned(&text[..range.start]) {
            return None;
        }
        let misspelling = small(word).filter(|_| !expects(&expected, &word.to_lowercase()))?;
        Some((range, misspelling))
    };
    let mut places: Vec<(Range<usize>, &str)> = free_words(text).into_iter().filter_map(place).collect();
    if places.is_empty() {
        return None;
    }
    // The first in a random order, so that more of them hold all of those that fewer do.
    chance.shuffle(&mut places);
    places.truncate((places.len() * share(strength)).div_ceil(100));
    let written = |(number, (range, misspelling)): (usize, (Range<usize>, &str))| {
        let word = &text[range.clone()];
        let initial = word.starts_with(char::is_uppercase);
        let written = match number % 2 {
            1 => word.to_uppercase(),
            _ if initial => misspelling[..1].to_uppercase() + &misspelling[1..],
            _ => misspelling.to_owned(),
        };
        (range, written)
    };
    let mut written: Vec<(Range<usize>, String)> = places.into_iter().enumerate().map(written).collect();
    written.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    let mut out = text.clone();
    for (range, word) in written {
        out.replace_range(range, &word);
    }
    Some(out)
}

/// The misspelling of a small word; none for a word in capitals, which has its reasons.
fn small(word: &str) -> Option<&'static str> {
    let lower = word.to_lowercase();
    let capitals = word.chars().skip(1).any(char::is_uppercase);
    SMALL.iter().find(|(small, _)| *small == lower).map(|(_, misspelling)| *misspelling).filter(|_| !capitals)
}

/// Whether the word behind this text is spoken of and not used: `the word please`.
fn is_mentioned(before: &str) -> bool {
    let last = before.trim_end().rsplit(|c: char| !c.is_alphabetic()).next().unwrap_or_default().to_lowercase();
    ["word", "words", "keyword", "keywords", "phrase", "term", "called", "named"].contains(&last.as_str())
}

/// Whether what is expected holds a word, also behind the letter of an escape in a pattern (`\bthe`).
fn expects(expected: &str, word: &str) -> bool {
    expected.split(|c: char| !c.is_alphabetic()).any(|part| part == word || part.get(1..) == Some(word))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn misspellings_are_no_words_of_the_list_nor_a_negation_or_quantity() {
        let small: BTreeSet<&str> = SMALL.iter().map(|(small, _)| *small).collect();
        assert_eq!(small.len(), SMALL.len(), "a word twice");
        let misspelt: BTreeSet<&str> = SMALL.iter().map(|(_, misspelling)| *misspelling).collect();
        assert!(small.is_disjoint(&misspelt));
        for word in
            ["no", "not", "never", "none", "all", "some", "more", "less", "than", "before", "after", "first", "last"]
        {
            assert!(!small.contains(word) && !misspelt.contains(word), "{word}");
        }
    }
}
