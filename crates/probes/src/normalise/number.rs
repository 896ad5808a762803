//! Numbers as texts write them, in one form: separators of thousands, decimal points and commas, signs, powers of ten, digits of any script.
//!
//! What is no one number for sure (`1/2`, `10:30`, `2.5.1`) is read as a whole and left as it is written: two that differ never become one.

use unicode_general_category::{GeneralCategory, get_general_category};
use unicode_normalization_alignments::UnicodeNormalization as _;

use super::scale::scale;

/// Every number of a text in canonical form, in order.
///
/// Digits of any script; groups of three behind commas, points, apostrophes and spaces, and Indian ones; a decimal point or comma; an
/// exponent or a power of ten. One comma before exactly three digits groups (`1,234`, but not `0,234`), one point never does (`1.234`). A
/// minus sign counts where it does not stand behind a letter or digit, so that `16-3` holds 16 and 3. Words of scale are part of a number (`3 million`),
/// other number words are not understood.
///
/// A run that is no decimal number, or none for sure, is one entry as it is written: fractions, times, dates, ranges, versions, powers; `1.500`, which
/// may be 1500, with its zeros.
pub(crate) fn numbers(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().map(plain).collect();
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
    let chars: Vec<char> = text.trim().chars().map(plain).collect();
    let start = chars.iter().position(|c| c.is_ascii_digit() || *c == '.')?;
    let (number, end) = number_at(&chars, start)?;
    let (before, behind): (String, String) = (chars[..start].iter().collect(), chars[end..].iter().collect());
    let is_one = |text: &str| text.chars().count() == 1 && text.starts_with(is_currency);
    let is_sign = |text: &str| ["-", "–", "+"].contains(&text);
    let sign_of = |text: &str| text.strip_prefix(['-', '–', '+']).is_some_and(is_one);
    let currency_of = |text: &str| text.strip_prefix(is_currency).is_some_and(is_sign);
    let in_front = before.is_empty() || is_sign(&before) || sign_of(&before) || currency_of(&before);
    // Behind a currency there may be a space.
    let in_front = in_front || is_one(before.trim_end());
    let rest = behind.strip_suffix('.').unwrap_or(&behind).trim();
    let is_whole = in_front && (rest.is_empty() || rest == "%" || is_one(rest));
    number.parse().ok().filter(|number: &f64| is_whole && number.is_finite())
}

/// Whether it is the sign of a currency.
pub(crate) fn is_currency(c: char) -> bool {
    get_general_category(c) == GeneralCategory::CurrencySymbol
}

/// A character as programs write it: digits of any script, the signs beside them and quotation marks in ASCII.
pub(crate) fn plain(c: char) -> char {
    match c {
        _ if c.is_ascii() => c,
        '٫' | '．' => '.',
        '٬' | '，' => ',',
        '‘' | '’' | '＇' => '\'',
        '“' | '”' | '„' | '«' | '»' | '＂' => '"',
        '：' => ':',
        '⁄' | '∕' | '／' => '/',
        '−' | '﹣' | '－' => '-',
        '\u{a0}' | '\u{2007}' | '\u{2009}' | '\u{202f}' | '\u{3000}' => ' ',
        _ => digit(c).unwrap_or(c),
    }
}

/// The value of a decimal digit of any script, as an ASCII digit. Scripts have their ten in a row, from zero.
fn digit(c: char) -> Option<char> {
    let is_digit =
        |code: u32| char::from_u32(code).is_some_and(|c| get_general_category(c) == GeneralCategory::DecimalNumber);
    let code = u32::from(c);
    let first = (0..code).rev().take_while(|&before| is_digit(before)).last().unwrap_or(code);
    is_digit(code).then(|| char::from_digit((code - first) % 10, 10)).flatten()
}

/// The number whose first digit (or decimal point) stands at `start`, and the place behind it. The characters are [`plain`].
pub(crate) fn number_at(chars: &[char], start: usize) -> Option<(String, usize)> {
    let stands_free = |at: usize| at.checked_sub(1).is_none_or(|before| !chars[before].is_alphanumeric());
    let (mut form, mut end) = one_at(chars, start)?;
    // Times, ratios, fractions, ranges: `10:30`, `1/2`, `1 / 2`, `5–10`.
    while let Some((sign, at)) = joint(chars, end) {
        let Some((next, behind)) = digits(chars, at).and(one_at(chars, at)) else { break };
        (form, end) = (format!("{form}{sign}{next}"), behind);
    }
    if let Some((over, behind)) = below(chars, start, end) {
        (form, end) = (format!("{form}/{over}"), behind);
    }
    // 3 1/2.
    let mixed = (chars.get(end) == Some(&' ')).then(|| digits(chars, end + 1)).flatten();
    if let Some((over, slash)) = mixed.filter(|(_, slash)| chars.get(*slash) == Some(&'/'))
        && let Some((under, behind)) = digits(chars, slash + 1)
    {
        (form, end) = (format!("{form} {over}/{under}"), behind);
    }
    if let Some(day) = day(chars, start, end) {
        return Some((day, start + "2024-01-05".len()));
    }
    let before = start.checked_sub(1).filter(|&at| is_currency(chars[at])).unwrap_or(start);
    let negative = before.checked_sub(1).is_some_and(|at| {
        // `x = - 5`: behind a relation nothing but a number can stand.
        let apart =
            || chars[at] == ' ' && at >= 2 && is_minus(chars[at - 1]) && stands_behind_a_relation(&chars[..at - 1]);
        (is_minus(chars[at]) && stands_free(at)) || apart()
    });
    let is_zero = form.parse() == Ok(0.0);
    Some((if negative && !is_zero { format!("-{form}") } else { form }, end))
}

/// A sign that joins two numbers, and the place behind it.
fn joint(chars: &[char], at: usize) -> Option<(char, usize)> {
    match chars.get(at..)? {
        [sign @ (':' | '/' | '–'), ..] => Some((*sign, at + 1)),
        [' ', '/', ' ', ..] => Some(('/', at + 3)),
        _ => None,
    }
}

/// What stands below in `\\frac{1}{2}`, where the number is what stands above.
fn below(chars: &[char], start: usize, end: usize) -> Option<(String, usize)> {
    let above = chars[..start].ends_with(&['f', 'r', 'a', 'c', '{']) && chars[end..].starts_with(&['}', '{']);
    let (below, behind) = above.then(|| one_at(chars, end + 2)).flatten()?;
    (chars.get(behind) == Some(&'}')).then_some((below, behind + 1))
}

fn is_minus(c: char) -> bool {
    ['-', '–', '‐', '‑', '‒'].contains(&c)
}

fn stands_behind_a_relation(before: &[char]) -> bool {
    before.iter().rev().find(|c| **c != ' ').is_some_and(|c| ['=', '≈', '≠', '<', '>', '≤', '≥'].contains(c))
}

/// Digits from a place on, and the place behind them; `None` where there are none.
fn digits(chars: &[char], from: usize) -> Option<(String, usize)> {
    let digits: String = chars.iter().skip(from).take_while(|c| c.is_ascii_digit()).collect();
    let end = from + digits.len();
    (!digits.is_empty()).then_some((digits, end))
}

/// A day in the order of ISO 8601.
fn day(chars: &[char], start: usize, end: usize) -> Option<String> {
    let [month, rest] = [end, end + 3].map(|at| (chars.get(at) == Some(&'-')).then(|| digits(chars, at + 1)).flatten());
    let is_day = end - start == 4 && month?.1 == end + 3 && rest?.1 == end + 6;
    is_day.then(|| chars[start..end + 6].iter().collect())
}

/// Digits with what separates them, an exponent, a fraction in one character.
fn one_at(chars: &[char], start: usize) -> Option<(String, usize)> {
    let stands_free = start.checked_sub(1).is_none_or(|before| !chars[before].is_alphanumeric());
    if let Some(fraction) = chars.get(start).and_then(|&c| fraction_of(c)) {
        return Some((fraction, start + 1));
    }
    let (parts, mut end) = match chars.get(start)? {
        '.' if stands_free => {
            let (behind, end) = digits(chars, start + 1)?;
            (vec![(' ', "0".to_owned()), ('.', behind)], end)
        }
        _ => parts(chars, start, stands_free)?,
    };
    let mut read = read(&parts);
    if let Some((exponent, behind)) = exponent(chars, end).or_else(|| scale(chars, end)) {
        end = behind;
        match &mut read {
            Read::Decimal { whole, fraction, .. } => return Some((canonical(whole, fraction, exponent), end)),
            Read::Run(run) => run.push_str(&format!("e{exponent}")),
        }
    }
    let mut form = match &read {
        Read::Decimal { whole, fraction, in_doubt: true } => format!("{whole}.{fraction}"),
        Read::Decimal { whole, fraction, in_doubt: false } => canonical(whole, fraction, 0),
        Read::Run(run) => run.clone(),
    };
    if let Some((power, behind)) = power(chars, end) {
        // 10^3 is 1000; any other power stays one.
        form = if form == "10" { canonical("1", "", power) } else { format!("{form}^{power}") };
        end = behind;
    }
    if let Some(fraction) = chars.get(end).and_then(|&c| fraction_of(c)) {
        (form, end) = (format!("{form} {fraction}"), end + 1);
    }
    Some((form, end))
}

/// `1/2` of `½`.
fn fraction_of(c: char) -> Option<String> {
    if get_general_category(c) != GeneralCategory::OtherNumber {
        return None;
    }
    let written: String = std::iter::once(c).nfkd().map(|(c, _)| plain(c)).collect();
    written.contains('/').then_some(written)
}

/// Runs of digits, each with the sign before it.
fn parts(chars: &[char], start: usize, stands_free: bool) -> Option<(Vec<(char, String)>, usize)> {
    let (first, mut end) = digits(chars, start)?;
    let mut parts = vec![(' ', first)];
    while let Some(&sign) = chars.get(end) {
        let Some((next, behind)) = digits(chars, end + 1) else { break };
        let fits = match sign {
            '.' | ',' | '\'' | '_' => true,
            // 3 000, and never 3 eggs of 12.
            ' ' => stands_free && groups(&parts[0].1, &[&parts[1..], &[(' ', next.clone())]].concat()),
            _ => false,
        };
        if !fits {
            break;
        }
        parts.push((sign, next));
        end = behind;
    }
    Some((parts, end))
}

enum Read {
    /// `in_doubt`: the digits behind the point may be a group of thousands, and end in zeros that would go.
    Decimal {
        whole: String,
        fraction: String,
        in_doubt: bool,
    },
    Run(String),
}

/// Whether the digits behind the first are groups of thousands, or of lakhs and crores.
fn groups(first: &str, rest: &[(char, String)]) -> bool {
    let [before @ .., (sign, last)] = rest else { return true };
    let lengths = |length: usize| before.iter().all(|(other, digits)| other == sign && digits.len() == length);
    let indian = *sign == ',' && first.len() <= 2 && !before.is_empty() && lengths(2);
    (1..=3).contains(&first.len()) && !first.starts_with('0') && last.len() == 3 && (lengths(3) || indian)
}

fn read(parts: &[(char, String)]) -> Read {
    let [(_, first), rest @ ..] = parts else { return Read::Run(String::new()) };
    let joined = |rest: &[(char, String)]| rest.iter().fold(first.clone(), |all, (_, digits)| all + digits);
    let run = || rest.iter().fold(first.clone(), |all, (sign, digits)| format!("{all}{sign}{digits}"));
    let Some(((sign, last), before)) = rest.split_last() else {
        return Read::Decimal { whole: first.clone(), fraction: String::new(), in_doubt: false };
    };
    // One point before three digits is a decimal point.
    if groups(first, rest) && (*sign != '.' || rest.len() > 1) {
        return Read::Decimal { whole: joined(rest), fraction: String::new(), in_doubt: false };
    }
    let is_decimal =
        ['.', ','].contains(sign) && groups(first, before) && before.iter().all(|(other, _)| other != sign);
    if !is_decimal {
        return Read::Run(run());
    }
    let in_doubt = before.is_empty() && !first.starts_with('0') && last.len() >= 3 && last.ends_with('0');
    Read::Decimal { whole: joined(before), fraction: last.clone(), in_doubt }
}

/// `e3`, `×10^3`, `· 10³`: the exponent, and the place behind it.
fn exponent(chars: &[char], at: usize) -> Option<(i32, usize)> {
    if chars.get(at).is_some_and(|c| ['e', 'E'].contains(c)) {
        return signed(chars, at + 1);
    }
    let skip = |at: usize| at + usize::from(chars.get(at) == Some(&' '));
    let sign = skip(at);
    let behind = ["×", "*", "·", "⋅", "x", "\\times", "\\cdot"].into_iter().find_map(|times| {
        let is_there = times.chars().enumerate().all(|(i, c)| chars.get(sign + i) == Some(&c));
        is_there.then(|| skip(sign + times.chars().count()))
    })?;
    let (ten, end) = digits(chars, behind)?;
    (ten == "10").then(|| power(chars, end)).flatten()
}

/// `^3`, `^{-3}`, `**3`, `³`: the exponent, and the place behind it.
fn power(chars: &[char], at: usize) -> Option<(i32, usize)> {
    let is = |at: usize, wanted: char| chars.get(at) == Some(&wanted);
    let sign = if is(at, '^') { 1 } else { 2 * usize::from(is(at, '*') && is(at + 1, '*')) };
    if sign > 0 {
        let opened = at + sign;
        let bracket = usize::from(is(opened, '{') || is(opened, '('));
        let (exponent, end) = signed(chars, opened + bracket)?;
        return Some((exponent, end + usize::from(bracket > 0 && (is(end, '}') || is(end, ')')))));
    }
    let raised = chars[at.min(chars.len())..].iter().map_while(|&c| raised(c));
    let raised: Vec<char> = raised.collect();
    let (exponent, end) = signed(&raised, 0)?;
    Some((exponent, at + end))
}

/// What a raised digit or sign is on the line.
pub(crate) fn raised(c: char) -> Option<char> {
    Some(match c {
        '⁻' => '-',
        '⁺' => '+',
        '¹' => '1',
        '²' => '2',
        '³' => '3',
        '⁰' | '⁴'..='⁹' => char::from_digit(u32::from(c) - u32::from('⁰'), 10)?,
        _ => return None,
    })
}

/// An integer of at most three digits: more is no exponent of a quantity, and the limit bounds the zeros written out.
fn signed(chars: &[char], at: usize) -> Option<(i32, usize)> {
    let sign = usize::from(chars.get(at).is_some_and(|c| ['-', '+'].contains(c)));
    let (size, end) = digits(chars, at + sign).filter(|(size, _)| size.len() <= 3)?;
    let size: i32 = size.parse().ok()?;
    Some((if chars[at] == '-' { -size } else { size }, end))
}

/// A decimal number without needless zeros; the exponent moves the point.
pub(crate) fn canonical(whole: &str, fraction: &str, exponent: i32) -> String {
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
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{whole}{point}{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(text: &str) -> Option<String> {
        numbers(text).pop()
    }

    #[test]
    fn other_notations_of_one_number() {
        for (text, expected) in [
            ("Es sind 3,5 Liter.", "3.5"),
            ("0,123", "0.123"),
            ("1.000,5", "1000.5"),
            ("1.234.567", "1234567"),
            ("1 234 567,50", "1234567.5"),
            ("3 000", "3000"),
            ("3\u{a0}000 m", "3000"),
            ("3\u{202f}000", "3000"),
            ("1'000.50", "1000.5"),
            ("1’000", "1000"),
            ("1_000", "1000"),
            ("12,34,567", "1234567"),
            ("It is –7.", "-7"),
            ("It is −7.", "-7"),
            ("x = - 7", "-7"),
            ("３，０００．５", "3000.5"),
            ("الجواب ١٢٫٥", "12.5"),
            ("१२३", "123"),
            ("𝟗𝟖", "98"),
            ("2×10^3", "2000"),
            ("2 · 10³ m", "2000"),
            ("2.5 \\times 10^{-3}", "0.0025"),
            ("10^3", "1000"),
            // Documented: one comma before three digits groups, one point does not.
            ("1,234", "1234"),
            ("1.234", "1.234"),
            ("in 1999 the 200", "200"),
            ("5-10", "10"),
            ("5–10", "5–10"),
            ("48/2 = 24", "24"),
            ("things: - 5", "5"),
        ] {
            assert_eq!(last(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_differs_never_becomes_one() {
        for (one, other) in [
            ("3,5 l", "4,5 l"),
            ("3 000", "4 000"),
            ("3.500,00", "4.500,00"),
            ("1.500", "1.5"),
            ("2/3", "3/3"),
            ("1 / 2", "3 / 2"),
            ("\\frac{1}{2}", "\\frac{3}{2}"),
            ("3 1/2", "4 1/2"),
            ("5–10", "6–10"),
            ("10:30", "11:30"),
            ("2.5.1", "3.5.1"),
            ("1,2,3", "2,2,3"),
            ("2^3", "3^3"),
            ("10²", "11²"),
            ("3½", "3¼"),
            ("½", "¼"),
            ("2×10^3", "3×10^3"),
            ("2024-01-05", "2024-02-05"),
            ("5/6/2024", "5/7/2024"),
            ("5'10", "6'10"),
            ("1.000,5.6", "2.000,5.6"),
            ("٣", "٤"),
        ] {
            assert!(last(one).is_some() && last(one) != last(other), "{one}, {other}: {:?}", last(one));
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
            ("1,2", "1.2"),
            ("12,3456", "12.3456"),
            (".5 litres", "0.5"),
            ("1e3", "1000"),
            ("2.5E-3 m", "0.0025"),
            ("3 eggs", "3"),
            ("3e", "3"),
            ("7e12345", "12345"),
            ("<<16-7=9>>9 eggs", "9"),
            ("version 2.5.1", "2.5.1"),
        ];
        for (text, expected) in cases {
            assert_eq!(last(text).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(last("no number, only words. And ..."), None);
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
            ("1.000,50", 1000.5),
            ("1,2", 1.2),
            ("１２", 12.0),
        ] {
            check(text, Some(number));
        }
        for text in [
            "",
            "A",
            "1/2",
            "10:30",
            "2 apples",
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
}
