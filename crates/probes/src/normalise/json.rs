//! JSON in answers: where it stands, and one form of it.

use std::ops::Range;

use serde_json::Value;

use super::number::number_at;

/// The first JSON value of a text: the whole text, or else the first object or array in it that is complete. What is empty or only points
/// elsewhere (`[1]`) is passed over where another one follows.
pub(crate) fn first_json(text: &str) -> Option<Value> {
    serde_json::from_str(&text[first(text)?]).ok()
}

/// The same in canonical form: sorted keys, no spaces, numbers without needless zeros and of any length.
pub(super) fn canonical(text: &str) -> Option<String> {
    let span = &text[first(text)?];
    let written = crate::suite::canonical(&exact(span)?);
    Some(written.replace(&format!("\"{NUMBER}"), "").replace(&format!("{END}\""), ""))
}

/// Every object and array in a text that is complete and says something, with its place. Numbers in them are texts, as [`exact`] reads them.
pub(crate) fn values(text: &str) -> Vec<(Range<usize>, Value)> {
    let all = |span: &Range<usize>| text[span.clone()].len() == text.trim().len();
    let spans = spans(text).into_iter().filter(|span| all(span) || !points_elsewhere(&text[span.clone()]));
    spans.filter_map(|span| Some((span.clone(), exact(&text[span])?))).collect()
}

fn first(text: &str) -> Option<Range<usize>> {
    if serde_json::from_str::<Value>(text.trim()).is_ok() {
        let start = text.len() - text.trim_start().len();
        return Some(start..start + text.trim().len());
    }
    let spans = spans(text);
    spans.iter().find(|span| !points_elsewhere(&text[(*span).clone()])).or(spans.first()).cloned()
}

/// The outermost objects and arrays.
fn spans(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for (at, _) in text.match_indices(['{', '[']) {
        if found.last().is_some_and(|last| at < last.end) {
            continue;
        }
        let mut values = serde_json::Deserializer::from_str(&text[at..]).into_iter::<Value>();
        if let Some(Ok(_)) = values.next() {
            found.push(at..at + values.byte_offset());
        }
    }
    found
}

/// Empty, or an array of integers alone: a note, a place in a list.
fn points_elsewhere(json: &str) -> bool {
    !json.contains(|c: char| c.is_alphanumeric())
        || !json.contains(|c: char| !(c.is_ascii_digit() || "[], \n\t".contains(c)))
}

/// Marks around numbers that are kept as texts: private characters. JSON that holds them itself is read with numbers as doubles.
pub(crate) const NUMBER: char = '\u{E001}';
const END: char = '\u{E002}';

/// A JSON value whose numbers are texts in canonical form between two marks, because a double holds no more than 17 digits.
fn exact(json: &str) -> Option<Value> {
    if json.contains([NUMBER, END]) || json.contains("\\uE00") || json.contains("\\ue00") {
        return serde_json::from_str(json).ok();
    }
    let chars: Vec<char> = json.chars().collect();
    let (mut written, mut quoted, mut at) = (String::with_capacity(json.len()), false, 0);
    while let Some(&c) = chars.get(at) {
        if !quoted && (c == '-' || c.is_ascii_digit()) {
            let length = chars[at..].iter().take_while(|c| c.is_ascii_alphanumeric() || "+-.".contains(**c)).count();
            let number: String = chars[at..at + length].iter().collect();
            written.extend(['"', NUMBER]);
            written.push_str(&plain_number(&number));
            written.extend([END, '"']);
            at += length;
            continue;
        }
        written.push(c);
        if quoted && c == '\\' {
            written.extend(chars.get(at + 1));
            at += 1;
        }
        quoted ^= c == '"';
        at += 1;
    }
    serde_json::from_str(&written).ok()
}

/// A number of JSON without needless zeros; as it is written, where its exponent is beyond any quantity.
fn plain_number(json: &str) -> String {
    let (sign, size) = json.strip_prefix('-').map_or(("", json), |size| ("-", size));
    // In JSON there is no doubt about a point: 1.500 is 1.5.
    let is_decimal = size.contains('.') && !size.contains(['e', 'E']);
    let exact = if is_decimal { size.trim_end_matches('0').trim_end_matches('.') } else { size };
    let chars: Vec<char> = exact.chars().collect();
    match number_at(&chars, 0).filter(|(_, end)| *end == chars.len()) {
        Some((zero, _)) if zero == "0" => zero,
        Some((number, _)) => format!("{sign}{number}"),
        None => json.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(canonical(text).as_deref(), expected, "{text}");
    }

    #[test]
    fn the_first_value_that_says_something() {
        check("[1] {\"a\": 1}", Some("{\"a\":1}"));
        check("{} [] {\"a\": 1} {\"a\": 2}", Some("{\"a\":1}"));
        check("see [1, 2]", Some("[1,2]"));
        check("[1]", Some("[1]"));
        check("as [\"a\"] {\"a\": 1}", Some("[\"a\"]"));
        assert_eq!(first_json("[1] {\"a\": 1}"), Some(serde_json::json!({"a": 1})));
    }

    #[test]
    fn numbers_of_any_length() {
        check("{\"a\": 1234567890123456789001}", Some("{\"a\":1234567890123456789001}"));
        check("[5.0, 5, 5e0, -0.0, 1.500, 0.1, 1e3, -2.50]", Some("[5,5,5,0,1.5,0.1,1000,-2.5]"));
        check("[1e-7000, 100, 1200]", Some("[1e-7000,100,1200]"));
        check("{\"a 5\": \"b 5.0 \\\" 6\"}", Some("{\"a 5\":\"b 5.0 \\\" 6\"}"));
        check("5.0", Some("5"));
    }
}
