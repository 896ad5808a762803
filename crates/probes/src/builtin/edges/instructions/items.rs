//! What the rules are about: a few words, or a few numbers.

use super::rule::Rule;

/// Numbers that are one word each, also with one more.
pub(super) const NUMBERS: [u8; 17] = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18];

const NUMBER_WORDS: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];

/// The items of a scene.
pub(super) enum Items {
    Words(Vec<String>),
    Numbers(Vec<u8>),
}

impl Items {
    pub(super) fn noun(&self) -> &'static str {
        match self {
            Self::Words(_) => "word",
            Self::Numbers(_) => "number",
        }
    }

    pub(super) fn heading(&self) -> &'static str {
        match self {
            Self::Words(_) => "Words",
            Self::Numbers(_) => "Numbers",
        }
    }

    /// As they stand in the prompt.
    pub(super) fn given(&self) -> String {
        self.each().join(" ")
    }

    /// Each as it stands in the prompt.
    pub(super) fn each(&self) -> Vec<String> {
        match self {
            Self::Words(words) => words.clone(),
            Self::Numbers(numbers) => numbers.iter().map(u8::to_string).collect(),
        }
    }

    /// What is left of them, in order and form, by the rules in their order.
    pub(super) fn followed(&self, rules: &[Rule]) -> Vec<String> {
        rules.iter().fold(self.each(), apply)
    }
}

fn apply(mut items: Vec<String>, rule: &Rule) -> Vec<String> {
    match rule {
        Rule::Without(item) => items.retain(|known| known != item),
        Rule::WithoutLetter(letter) => items.retain(|known| !known.contains(*letter)),
        Rule::Instead { of, say } => {
            items.iter_mut().filter(|known| *known == of).for_each(|known| known.clone_from(say))
        }
        Rule::Twice(item) => {
            items = items.into_iter().flat_map(|known| vec![known.clone(); 1 + usize::from(known == *item)]).collect();
        }
        Rule::Backwards => items.reverse(),
        Rule::Alphabetical => items.sort(),
        Rule::Rising => items.sort_by_key(|item| number(item)),
        Rule::LastFirst => {
            if let Some(last) = items.pop() {
                items.insert(0, last);
            }
        }
        Rule::Shortened => items.iter_mut().for_each(|item| item.truncate(item.len() - 1)),
        Rule::OneMore => items.iter_mut().for_each(|item| *item = (number(item) + 1).to_string()),
        Rule::Capitals => items.iter_mut().for_each(|item| *item = item.to_uppercase()),
        Rule::Initials => items.iter_mut().for_each(|item| *item = item[..1].to_uppercase() + &item[1..]),
        Rule::Spelled => items.iter_mut().for_each(|item| *item = NUMBER_WORDS[number(item) % 20].to_owned()),
        Rule::Zeros => items.iter_mut().for_each(|item| *item = format!("{item}.0")),
        Rule::Round([open, close]) => items.iter_mut().for_each(|item| *item = format!("{open}{item}{close}")),
        Rule::Between(_) | Rule::Front(_) | Rule::End(_) => {}
    }
    items
}

/// An item of [`Items::Numbers`] as a number.
fn number(item: &str) -> usize {
    item.parse().unwrap_or_default()
}
