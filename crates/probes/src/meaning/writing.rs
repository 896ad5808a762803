//! One way to write what has several: characters, marks of layout, units. What is left is read word by word (`deciding.rs`).

use std::sync::LazyLock;

use regex::{Captures, Regex};
use unicode_general_category::{GeneralCategory, get_general_category};
use unicode_normalization_alignments::UnicodeNormalization as _;
use unicode_normalization_alignments::char::decompose_compatible;

use crate::normalise::{plain, raised};

/// Stands behind a word whose capital letter says something: `5 MW`, `vitamin A`.
pub(super) const CAPITAL: char = '\u{E000}';

/// A text with one form for each character: composed, of full width as of half, digits of any script as ASCII, no invisible ones. Raised
/// digits and fractions stay what they are: `x²` is not x2.
pub(super) fn plainly(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let mut parts = String::with_capacity(text.len());
    for c in text.chars() {
        match get_general_category(c) {
            _ if c.is_ascii() => parts.push(c),
            GeneralCategory::Format => {}
            _ if ('\u{FE00}'..='\u{FE0F}').contains(&c) => {}
            _ if is_raised(c) => parts.push(c),
            // Of full width; `ﬁ`.
            _ => decompose_compatible(c, |part| parts.push(part)),
        }
    }
    parts.nfc().map(|(c, _)| plain(c)).collect()
}

fn is_raised(c: char) -> bool {
    let is_number = get_general_category(c) == GeneralCategory::OtherNumber && !('₀'..='₉').contains(&c);
    is_number || ['⁺', '⁻'].contains(&c)
}

/// A text without what only lays it out: fences with the name of their language, numbers of a list, dollars around a formula; in lower case,
/// with [`CAPITAL`] behind words that another case would make others.
pub(super) fn bare(text: &str) -> String {
    let text = without_fences(&plainly(text));
    let text = without_list_numbers(&text);
    let text = PLUS.replace_all(&text, "$1 - $2");
    let text = FRACTION.replace_all(&text, "$1/$2");
    let text = BOXED.replace_all(&text, "$1");
    let text = FORMULA.replace_all(&text, "$1 $2 $3");
    let text = RAISED.replace_all(&text, |found: &Captures| {
        let raised: String = found[0].chars().map(|c| raised(c).unwrap_or(c)).collect();
        format!("^{raised}")
    });
    let text = RANGE.replace_all(&text, "$1-$2");
    let text = ABBREVIATION.replace_all(&text, |found: &Captures| found[0].replace('.', ""));
    let text = PLACES.replace_all(&text, |found: &Captures| {
        // (1,000) is one number, [1,2] and (1,2) are two.
        if GROUPED.is_match(&found[0]) { found[0].to_owned() } else { found[0].replace(',', ", ") }
    });
    // A full stop without a space behind it ends a sentence before a capital only.
    let text = STOP.replace_all(&text, "$1. $2").into_owned();
    with_capitals(&text).to_lowercase()
}

#[allow(clippy::expect_used, reason = "patterns of our own, compiled in tests")]
fn pattern(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern that compiles")
}

/// `$x$`, and not `$5 and $6`.
static FORMULA: LazyLock<Regex> = LazyLock::new(|| pattern(r"(^|[^\w$])\$([^\s$](?:[^$\n]*[^\s$])?)\$($|[^\w$])"));
/// A plus that marks an item of a list: behind the end of a sentence, or before a capital.
static PLUS: LazyLock<Regex> = LazyLock::new(|| pattern(r"([.:;!?*_]\s*|\p{Ll}{2}[)*_]*\s+)\+\s+([*_]*\p{Lu})"));
static FRACTION: LazyLock<Regex> = LazyLock::new(|| pattern(r"\\[dt]?frac\{(\d+)\}\{(\d+)\}"));
static BOXED: LazyLock<Regex> = LazyLock::new(|| pattern(r"\\(?:boxed|text|mathrm)\{([^{}]*)\}"));
static RAISED: LazyLock<Regex> = LazyLock::new(|| pattern(r"[⁺⁻]?[⁰¹²³⁴-⁹]+"));
static RANGE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(\d)–(\d)"));
/// `U.S.` is US.
static ABBREVIATION: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b(?:\p{L}\.){2,}"));
static PLACES: LazyLock<Regex> = LazyLock::new(|| pattern(r"[\[({][-\d., ]+[\])}]"));
static GROUPED: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\(-?\d{1,3}(?:,\d{3})+(?:\.\d+)?\)$"));
static STOP: LazyLock<Regex> = LazyLock::new(|| pattern(r"(\p{Ll}{2})\.(\p{Lu})"));
static FENCE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:^|\s)(?:```+|~~~+)([\w+#.-]*)"));
static ITEM: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:^|\s)(\(?(\d{1,2})[.)])\s"));
static UNIT: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:^|[^\p{L}\p{N}])\p{N}+ ?(\p{L}{1,4})(?:$|[^\p{L}\p{N}])"));
static LETTER_A: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:^|[^\p{L}\p{N}'])(A)(?:$|[^\p{L}\p{N}'])"));

/// Fences open and close on lines of their own, or between spaces where lines were joined.
fn without_fences(text: &str) -> String {
    let names: Vec<_> = FENCE.captures_iter(text).filter_map(|found| found.get(1)).map(|name| name.range()).collect();
    let mut rest = text.to_owned();
    // A pair; the name stands at the opening one.
    let opening = names.chunks_exact(2).map(|pair| pair[0].clone());
    for name in opening.collect::<Vec<_>>().into_iter().rev() {
        rest.replace_range(name, "");
    }
    rest
}

/// `1. … 2. …` numbers a list, counted from 1 and of two items at least.
fn without_list_numbers(text: &str) -> String {
    let (mut next, mut lists) = (1, vec![Vec::new()]);
    let mut from = 0;
    // Items may share the space between them.
    while let Some(found) = ITEM.captures_at(text, from) {
        let (Some(mark), Some(number)) = (found.get(1), found.get(2)) else { break };
        from = mark.end();
        let number: u32 = number.as_str().parse().unwrap_or_default();
        if number == 1 {
            (next, lists) = (1, lists.into_iter().chain([Vec::new()]).collect());
        }
        if number == next {
            next += 1;
            lists.iter_mut().last().into_iter().for_each(|list| list.push(mark.range()));
        }
    }
    let mut rest = text.to_owned();
    for mark in lists.into_iter().filter(|list| list.len() > 1).flatten().collect::<Vec<_>>().into_iter().rev() {
        rest.replace_range(mark, "-");
    }
    rest
}

/// Marks the capitals that say something: of units behind numbers, where the small letter is another prefix or unit, and of an `A` that is no
/// article.
fn with_capitals(text: &str) -> String {
    let mut places: Vec<usize> = Vec::new();
    let mut from = 0;
    while let Some(unit) = UNIT.captures_at(text, from).and_then(|found| found.get(1)) {
        from = unit.end();
        places.extend(is_capital_unit(unit.as_str()).then_some(unit.end()));
    }
    from = 0;
    while let Some(letter) = LETTER_A.captures_at(text, from).and_then(|found| found.get(1)) {
        from = letter.end();
        places.extend((!is_article(text, letter.start())).then_some(letter.end()));
    }
    // The unit alone.
    let only = text.trim();
    if only.chars().count() > 1 && only.chars().all(char::is_alphabetic) && is_capital_unit(only) {
        places.push(text.trim_end().len());
    }
    places.sort_unstable();
    places.dedup();
    let mut marked = text.to_owned();
    places.into_iter().rev().for_each(|place| marked.insert(place, CAPITAL));
    marked
}

/// Units of the SI and of information behind a prefix.
const UNITS: [&str; 25] = [
    "w", "wh", "ohm", "v", "va", "a", "ah", "hz", "j", "n", "pa", "g", "m", "s", "l", "ev", "bq", "sv", "gy", "mol",
    "cd", "f", "h", "t", "ω",
];

fn is_capital_unit(word: &str) -> bool {
    let lower = word.to_lowercase();
    let is_capital = |c: char| c.is_uppercase();
    match word.chars().count() {
        // 5 G, 5 M, 5 S; a litre and a kelvin are no others.
        1 => word.starts_with(is_capital) && !["l", "k"].contains(&lower.as_str()),
        _ if ["am", "pm"].contains(&lower.as_str()) => false,
        // Mega and milli, peta and pico.
        _ if lower.starts_with(['m', 'p']) && UNITS.contains(&&lower[1..]) => word.starts_with(is_capital),
        // Bits and bytes, where only the first letter is a capital.
        _ => {
            word.starts_with(is_capital)
                && ["kb", "mb", "gb", "tb", "pb"].contains(&lower.as_str())
                && word.ends_with('b')
        }
    }
}

/// Whether the capital `A` at a place opens a sentence, or is one of many capitals: then it is an article.
fn is_article(text: &str, at: usize) -> bool {
    let (before, behind) = (&text[..at], &text[at + 1..]);
    let is_shouted = |word: Option<&str>| {
        word.is_some_and(|word| {
            word.chars().filter(|c| c.is_alphabetic()).count() > 1 && !word.contains(char::is_lowercase)
        })
    };
    let [last, next] = [before.split_whitespace().next_back(), behind.split_whitespace().next()];
    // Behind a full stop, a bullet, a quotation mark; not in brackets or in a row of letters.
    let opens = before.trim_end().chars().next_back().is_none_or(|c| !c.is_alphanumeric() && !"(,;=+*/&|".contains(c));
    let opens = opens || before.trim_end_matches(' ').ends_with(['*', '+', '\n']);
    let alone = !before.chars().chain(behind.chars()).any(char::is_alphanumeric);
    let leads = behind.strip_prefix(' ').is_some_and(|behind| behind.starts_with(char::is_alphabetic));
    alone || (opens && leads) || is_shouted(last) || is_shouted(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_form() {
        for (text, expected) in [
            ("cafe\u{301} ﬁsh １２％ it’s", "café fish 12% it's"),
            ("x² ½ H₂O", "x^2 ½ h2o"),
            ("a\u{200b}b ✔\u{fe0f}", "ab ✔"),
            ("```python\nprint(1)\n```", "```\nprint(1)\n```"),
            ("1. apples 2. pears", "- apples - pears"),
            ("see 2. there", "see 2. there"),
            ("$x$ and $5 or $6", " x  and $5 or $6"),
            ("5 MW 5 mW 5 GB 5 Gb 10 PM", "5 mw\u{E000} 5 mw 5 gb 5 gb\u{E000} 10 pm"),
            ("A cat. Vitamin A is", "a cat. vitamin a\u{E000} is"),
            ("(A)", "(a)"),
            ("in the U.S. and at 5 p.m.", "in the us and at 5 pm"),
            ("Buy: + Figs + Dates or x + y", "buy:  - figs  - dates or x + y"),
            ("[1,2] (1,2) (1,000)", "[1, 2] (1, 2) (1,000)"),
        ] {
            assert_eq!(bare(text), expected, "{text}");
        }
    }
}
