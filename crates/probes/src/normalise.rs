//! Making free answers comparable: steps that take the spacing, the case, or everything but the final answer away.
//!
//! A text in which a step finds nothing has no answer: `None`, a class of its own, never an empty string.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One step of a probe's `answer`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Normal {
    /// White space at the ends goes, a run of it inside becomes one space.
    Whitespace,
    /// Lower case.
    Case,
    /// The last number of the text: without thousands commas and currency, `12.0` as `12`, `1e3` as `1000`.
    Number,
    /// The first word of the text: letters and digits, with apostrophes and hyphens inside it.
    Word,
    /// An option letter, `A` to `H`, said as `B`, `(B)`, `B) because …` or `… the answer is B`.
    Letter,
    /// The first JSON value of the text, in a code fence or not, with sorted keys and no spaces.
    Json,
    /// The text after the last of these markers; the whole text where the marker does not occur, because models
    /// often answer without it and the next step decides whether there is an answer.
    After(#[schemars(length(min = 1))] String),
}

/// Applies the steps in order; `None` where one finds nothing or only white space is left: no answer.
#[must_use]
pub fn normalise(steps: &[Normal], text: &str) -> Option<String> {
    let mut text = Cow::Borrowed(text);
    for step in steps {
        text = Cow::Owned(step.apply(&text)?);
    }
    (!text.trim().is_empty()).then(|| text.into_owned())
}

impl Normal {
    fn apply(&self, text: &str) -> Option<String> {
        match self {
            Self::Whitespace => Some(collapsed(text)),
            Self::Case => Some(text.to_lowercase()),
            Self::Number => numbers(text).pop(),
            Self::Word => first_word(text),
            Self::Letter => letter(text).map(String::from),
            Self::Json => first_json(text).map(|value| crate::suite::canonical(&value)),
            Self::After(marker) => Some(text.rsplit(marker.as_str()).next().unwrap_or(text).to_owned()),
        }
    }
}

/// White space at the ends removed, runs of it inside as one space.
pub(crate) fn collapsed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn first_word(text: &str) -> Option<String> {
    let words = text.split(|c: char| !(c.is_alphanumeric() || "'’-".contains(c)));
    words.map(|word| word.trim_matches(|c: char| !c.is_alphanumeric())).find(|word| !word.is_empty()).map(str::to_owned)
}

/// Every number of a text in canonical form, in order.
///
/// Digits with commas between groups of three, a decimal point, an exponent; a minus sign counts where it does not
/// stand behind a letter or digit, so that `16-3` holds 16 and 3. Fractions and number words are not understood.
pub(crate) fn numbers(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        at = match number_at(&chars, at) {
            Some((number, end)) => {
                found.push(number);
                end
            }
            None => at + 1,
        };
    }
    found
}

/// The number that a text is as a whole: what [`numbers`] reads of it, where nothing but a sign, a currency and a percent sign stands
/// around it. `12%` is 12, as in answers.
pub(crate) fn whole_number(text: &str) -> Option<f64> {
    let text = text.trim();
    let chars: Vec<char> = text.chars().collect();
    let start = chars.iter().position(|c| c.is_ascii_digit() || *c == '.')?;
    let (number, end) = number_at(&chars, start)?;
    let (before, behind): (String, String) = (chars[..start].iter().collect(), chars[end..].iter().collect());
    let is_currency = |text: &str| text.chars().count() == 1 && text.starts_with(CURRENCIES);
    let is_sign = |text: &str| ["-", "−", "+"].contains(&text);
    let sign_of = |text: &str| text.strip_prefix(['-', '−', '+']).is_some_and(is_currency);
    let currency_of = |text: &str| text.strip_prefix(CURRENCIES).is_some_and(is_sign);
    let in_front = before.is_empty() || is_sign(&before) || sign_of(&before) || currency_of(&before);
    // Behind a currency there may be a space.
    let in_front = in_front || is_currency(before.trim_end());
    let rest = behind.strip_suffix('.').unwrap_or(&behind).trim();
    let is_whole = in_front && (rest.is_empty() || rest == "%" || is_currency(rest));
    number.parse().ok().filter(|number: &f64| is_whole && number.is_finite())
}

/// Signs of currencies.
const CURRENCIES: [char; 5] = ['$', '€', '£', '¥', '₹'];

/// The number whose first digit (or decimal point) stands at `start`, and the place behind it.
fn number_at(chars: &[char], start: usize) -> Option<(String, usize)> {
    let digits = |from: usize| chars.iter().skip(from).take_while(|c| c.is_ascii_digit()).count();
    let is = |at: usize, wanted: &[char]| chars.get(at).is_some_and(|c| wanted.contains(c));
    let stands_free = |at: usize| at.checked_sub(1).is_none_or(|before| !chars[before].is_alphanumeric());

    let mut end = start + digits(start);
    let mut whole: String = chars[start..end].iter().collect();
    if whole.is_empty() && !(is(start, &['.']) && stands_free(start)) {
        return None;
    }
    if (1..=3).contains(&whole.len()) {
        while is(end, &[',']) && digits(end + 1) == 3 {
            whole.extend(&chars[end + 1..end + 4]);
            end += 4;
        }
    }
    let mut fraction = String::new();
    if is(end, &['.']) {
        let length = digits(end + 1);
        if length > 0 {
            fraction.extend(&chars[end + 1..=end + length]);
            end += 1 + length;
        }
    }
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut exponent = 0;
    if is(end, &['e', 'E']) {
        let sign = usize::from(is(end + 1, &['-', '+']));
        let length = digits(end + 1 + sign);
        // More than three digits is no quantity; the limit also bounds the zeros written out.
        if (1..=3).contains(&length) {
            let size: String = chars[end + 1 + sign..=end + sign + length].iter().collect();
            exponent = size.parse().unwrap_or(0);
            if is(end + 1, &['-']) {
                exponent = -exponent;
            }
            end += 1 + sign + length;
        }
    }
    let before = start.checked_sub(1).filter(|&at| is(at, &CURRENCIES)).unwrap_or(start);
    let negative = before.checked_sub(1).is_some_and(|at| is(at, &['-', '−']) && stands_free(at));
    Some((canonical(&whole, &fraction, exponent, negative), end))
}

/// A decimal number without needless zeros; the exponent moves the point.
fn canonical(whole: &str, fraction: &str, exponent: i32, negative: bool) -> String {
    let mut digits = format!("{whole}{fraction}");
    let point = whole.len() as i64 + i64::from(exponent);
    if point < 0 {
        digits.insert_str(0, &"0".repeat(point.unsigned_abs() as usize));
    }
    let point = point.max(0) as usize;
    if point > digits.len() {
        digits.push_str(&"0".repeat(point - digits.len()));
    }
    let (whole, fraction) = digits.split_at(point);
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let sign = if negative && !(whole.is_empty() && fraction.is_empty()) { "-" } else { "" };
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

/// The option letter that a text names, upper case.
///
/// In this order: the letter alone; behind the last `answer` (`answer: B`, `the answer is option B`); at the start
/// (`B) …`, `B. …`, `Option B …`); the last one in brackets.
pub(crate) fn letter(text: &str) -> Option<char> {
    let words = words(text);
    alone(text).or_else(|| after_answer(&words)).or_else(|| leading(&words)).or_else(|| bracketed(text))
}

/// Words that may stand between `answer` and its letter.
const BETWEEN: [&str; 8] = ["is", "the", "correct", "option", "choice", "letter", "would", "be"];

fn alone(text: &str) -> Option<char> {
    let mut chars = text.trim_matches(|c: char| !c.is_alphanumeric()).chars();
    let only = chars.next().filter(|_| chars.next().is_none())?.to_ascii_uppercase();
    ('A'..='H').contains(&only).then_some(only)
}

/// The words of a text, each with the character behind it.
fn words(text: &str) -> Vec<(&str, Option<char>)> {
    let not_alphanumeric = |c: char| !c.is_alphanumeric();
    text.split_inclusive(not_alphanumeric)
        .map(|piece| {
            (piece.trim_end_matches(not_alphanumeric), piece.chars().next_back().filter(|c| not_alphanumeric(*c)))
        })
        .filter(|(word, _)| !word.is_empty())
        .collect()
}

fn capital(word: &str) -> Option<char> {
    let mut chars = word.chars();
    chars.next().filter(|first| ('A'..='H').contains(first) && chars.next().is_none())
}

fn after_answer(words: &[(&str, Option<char>)]) -> Option<char> {
    let behind = |at: usize| {
        let next = words[at + 1..].iter().find(|(word, _)| !BETWEEN.contains(&word.to_lowercase().as_str()));
        next.and_then(|(word, _)| capital(word))
    };
    (0..words.len()).rev().filter(|&at| words[at].0.eq_ignore_ascii_case("answer")).find_map(behind)
}

fn leading(words: &[(&str, Option<char>)]) -> Option<char> {
    match words {
        [(word, _), (letter, _), ..] if word.eq_ignore_ascii_case("option") || word.eq_ignore_ascii_case("choice") => {
            capital(letter)
        }
        [(letter, Some(')')), ..] => capital(&letter.to_ascii_uppercase()),
        [(letter, Some('.' | ':')), ..] => capital(letter),
        _ => None,
    }
}

fn bracketed(text: &str) -> Option<char> {
    text.rmatch_indices('(').find_map(|(at, _)| match text.as_bytes().get(at + 1..at + 3) {
        Some(&[letter @ b'A'..=b'H', b')']) => Some(char::from(letter)),
        _ => None,
    })
}

/// The first JSON value of a text: the whole text, or else the first object or array in it that is complete.
pub(crate) fn first_json(text: &str) -> Option<Value> {
    serde_json::from_str(text.trim()).ok().or_else(|| {
        text.match_indices(['{', '[']).find_map(|(at, _)| {
            let mut values = serde_json::Deserializer::from_str(&text[at..]).into_iter::<Value>();
            values.next()?.ok()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(steps: &[Normal], text: &str, expected: Option<&str>) {
        assert_eq!(normalise(steps, text).as_deref(), expected, "{steps:?} on {text:?}");
    }

    #[test]
    fn spacing_case_and_markers() {
        check(&[Normal::Whitespace], "  a\t b\n\nc ", Some("a b c"));
        check(&[Normal::Whitespace, Normal::Case], " Ä B", Some("ä b"));
        check(&[], " as it is ", Some(" as it is "));
        let after = Normal::After("####".into());
        check(&[after.clone(), Normal::Whitespace], "1 #### 2 #### 3", Some("3"));
        check(&[after.clone(), Normal::Number], "so it is 18.", Some("18"));
        check(&[after], "1 #### \n", None);
        for steps in [vec![], vec![Normal::Whitespace], vec![Normal::Number], vec![Normal::Letter], vec![Normal::Json]]
        {
            check(&steps, "", None);
            check(&steps, " \n\t", None);
        }
    }

    #[test]
    fn the_last_number_in_canonical_form() {
        let cases = [
            ("He has 3 and then $1,234.50 left.", "1234.5"),
            ("12.0", "12"),
            ("0012", "12"),
            ("-0.0", "0"),
            ("It is -$5", "-5"),
            ("It is $-5.", "-5"),
            ("16-3", "3"),
            ("x = −7", "-7"),
            ("50%", "50"),
            ("1,000,000 people", "1000000"),
            ("1,2", "2"),
            ("12,3456", "3456"),
            (".5 litres", "0.5"),
            ("1e3", "1000"),
            ("2.5E-3 m", "0.0025"),
            ("3 eggs", "3"),
            ("3e", "3"),
            ("7e12345", "12345"),
            ("<<16-7=9>>9 eggs", "9"),
            ("version 2.5.1", "1"),
        ];
        for (text, expected) in cases {
            check(&[Normal::Number], text, Some(expected));
        }
        check(&[Normal::Number], "no number, only words. And ...", None);
    }

    #[test]
    fn a_text_that_is_a_number_as_a_whole() {
        let check = |text: &str, expected: Option<f64>| {
            assert_eq!(whole_number(text), expected, "{text}");
            if let Some(expected) = expected {
                let read: Vec<f64> = numbers(text).iter().map(|number| number.parse().unwrap_or(f64::NAN)).collect();
                assert_eq!(read, [expected], "as in an answer: {text}");
            }
        };
        for (text, number) in [
            (" 7 ", 7.0),
            ("-3", -3.0),
            ("−3", -3.0),
            ("+5", 5.0),
            ("1,234", 1234.0),
            ("$1,234.50", 1234.5),
            ("$5", 5.0),
            ("€ 5", 5.0),
            ("5 €", 5.0),
            ("-$5", -5.0),
            ("$-5", -5.0),
            ("12%", 12.0),
            ("12.5 %", 12.5),
            ("18.", 18.0),
            (".5", 0.5),
            ("1e3", 1000.0),
            ("007", 7.0),
        ] {
            check(text, Some(number));
        }
        for text in [
            "",
            "A",
            "1/2",
            "10:30",
            "2 apples",
            "1.000,50",
            "1,2",
            "2024-01-05",
            "0x10",
            "½",
            "inf",
            "nan",
            "1e400",
            "3-",
            "- 5",
            "-$ 5",
            "--5",
            "5%%",
            "$$5",
            "5 %.5",
            "7e12345",
            "(5)",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn the_first_word() {
        let cases = [
            (" kitchen, and then", "kitchen"),
            ("**Blue**!", "Blue"),
            ("\"Sigrún\"", "Sigrún"),
            ("- '12'", "12"),
            ("butcher's broom", "butcher's"),
            ("great-aunt -", "great-aunt"),
        ];
        for (text, expected) in cases {
            check(&[Normal::Word], text, Some(expected));
        }
        check(&[Normal::Word], "… -- '", None);
    }

    #[test]
    fn option_letters() {
        let cases = [
            ("B", "B"),
            (" b.", "B"),
            ("(B)", "B"),
            ("**C**", "C"),
            ("Answer: B", "B"),
            ("A seems right at first, but the answer is (D) Paris", "D"),
            ("The correct answer is option C because B is wrong.", "C"),
            ("Answer: A. No, wait. Answer: B", "B"),
            ("B) because", "B"),
            ("c) because", "C"),
            ("B. Paris", "B"),
            ("Option E, since", "E"),
            ("I would take (F), not G", "F"),
        ];
        for (text, expected) in cases {
            check(&[Normal::Letter], text, Some(expected));
        }
        for text in ["A good question", "I think so", "the answer is a mystery", "Z", "no letter", "Answer I gave"] {
            check(&[Normal::Letter], text, None);
        }
    }

    #[test]
    fn the_first_json_value() {
        let cases = [
            ("{\"b\": 1, \"a\": [1, 2]}", "{\"a\":[1,2],\"b\":1}"),
            ("Here:\n```json\n{ \"x\" : true }\n```\nand {\"y\":1}", "{\"x\":true}"),
            ("[broken {\"x\": \"[\"} ]", "{\"x\":\"[\"}"),
            (" 42 ", "42"),
        ];
        for (text, expected) in cases {
            check(&[Normal::Json], text, Some(expected));
        }
        check(&[Normal::Json], "{\"open\": [1, 2", None);
        check(&[Normal::Json], &"[".repeat(10_000), None);
    }
}
