//! Words and signs that decide what a text says where another one is alike otherwise.

use std::collections::BTreeMap;

use unicode_general_category::{GeneralCategory, get_general_category};

use super::signs::{DASHES, QUOTES, brackets, says};
use super::writing::{CAPITAL, bare};
use crate::normalise::{is_currency, number_at};

/// Where two texts are alike otherwise, so many words of their own, and no more, decide what they say.
const DECIDING: usize = 2;
/// Words that turn what is said, among however many others: of English, Chinese, and a few more languages.
const TURNING: [&str; 37] = [
    "never",
    "no",
    "nobody",
    "none",
    "nor",
    "not",
    "nothing",
    "without",
    "不",
    "没",
    "沒",
    "未",
    "无",
    "無",
    "非",
    "勿",
    "別",
    "别",
    "nicht",
    "kein",
    "keine",
    "nie",
    "pas",
    "jamais",
    "ne",
    "nunca",
    "nada",
    "não",
    "nem",
    "niet",
    "geen",
    "inte",
    "ikke",
    "не",
    "нет",
    "никогда",
    "нельзя",
];
/// One way to write what has several.
const SPELLINGS: [(&str, &str); 22] = [
    (" & ", " and "),
    ("i\u{307}", "i"),
    ("can't", "can not"),
    ("cannot", "can not"),
    ("won't", "will not"),
    ("shan't", "shall not"),
    ("n't", " not"),
    ("'s", " is"),
    ("'re", " are"),
    ("'ve", " have"),
    ("'ll", " will"),
    ("'m", " am"),
    (" percent", "%"),
    (" per cent", "%"),
    (" %", "%"),
    ("->", "→"),
    ("=>", "→"),
    ("⇒", "→"),
    (">=", "≥"),
    ("<=", "≤"),
    ("!=", "≠"),
    ("×", "*"),
];
/// Words between the first and the last that two texts do not share, beyond which only words that turn are looked for.
const LONGEST: usize = 200;

/// What a text says: its words, and what of them must be equal where texts are to say the same.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// In lower case, articles aside, short forms in full; of scripts that put no spaces between words every character; numbers in one form,
    /// and the signs that say what a word would.
    pub words: Vec<String>,
    /// The numbers among them.
    pub numbers: Vec<String>,
    /// Question marks: `Is it?` and `It is.` have the same words.
    questions: usize,
}

impl Said {
    /// Reads a text.
    pub fn of(text: &str) -> Self {
        let mut text = bare(text);
        for (one, other) in SPELLINGS {
            text = text.replace(one, other);
        }
        let questions = text.matches('?').count();
        let chars: Vec<char> = text.chars().collect();
        let brackets = brackets(&chars);
        let (mut words, mut numbers) = (vec![String::new()], Vec::new());
        let mut currency = None;
        let mut at = 0;
        while let Some(&c) = chars.get(at) {
            let in_word = words.last().is_some_and(|word| word.ends_with(is_letter));
            if let Some((number, end)) = number_at(&chars, at).filter(|_| !in_word) {
                let behind = behind_a_number(&chars, end);
                // 5 € is €5.
                words.extend(currency.take().or(behind.map(|at| chars[at])).map(String::from));
                // 1,2,3 are three.
                let each: Vec<String> = number.split(',').map(str::to_owned).collect();
                words.extend(each.iter().cloned().chain([String::new()]));
                numbers.extend(each);
                at = behind.map_or(end, |at| at + 1);
                continue;
            }
            if is_currency(c) && before_a_number(&chars, at) {
                currency = Some(c);
                words.push(String::new());
            } else if is_unspaced(c) || brackets.contains(&at) || says(&chars, at) {
                let sign = match c {
                    c if DASHES.contains(&c) => '-',
                    c if QUOTES.contains(&c) && brackets.contains(&at) => '"',
                    c => c,
                };
                words.extend([sign.to_string(), String::new()]);
            } else if is_letter(c) || (c == '_' && in_word && chars.get(at + 1).is_some_and(|c| is_letter(*c))) {
                if let Some(word) = words.last_mut() {
                    word.push(c);
                }
                // H2O.
                if c.is_ascii_digit() {
                    numbers.push(c.to_string());
                }
            } else {
                words.push(String::new());
            }
            at += 1;
        }
        words.retain(|word| !word.is_empty());
        let is_article = |word: &String| ["a", "an", "the"].contains(&word.as_str());
        // An answer of an article alone is a letter.
        if !words.iter().all(is_article) {
            words.retain(|word| !is_article(word));
        }
        Self { words, numbers, questions }
    }

    /// Whether two texts have the same words, whatever stands between them. A text without words says nothing that could be the same.
    pub fn equals(&self, other: &Self) -> bool {
        !self.words.is_empty() && self == other
    }
}

/// A letter, a digit, or a mark on one.
pub(super) fn is_letter(c: char) -> bool {
    use GeneralCategory::{EnclosingMark, NonspacingMark, SpacingMark};
    let is_mark = || matches!(get_general_category(c), NonspacingMark | SpacingMark | EnclosingMark);
    c.is_alphanumeric() || c == CAPITAL || (!c.is_ascii() && is_mark())
}

/// The place of a currency behind a number, with a space or without.
fn behind_a_number(chars: &[char], end: usize) -> Option<usize> {
    let at = end + usize::from(chars.get(end) == Some(&' '));
    (chars.get(at).is_some_and(|c| is_currency(*c)) && !before_a_number(chars, at)).then_some(at)
}

fn before_a_number(chars: &[char], at: usize) -> bool {
    let digit = |at: usize| chars.get(at).is_some_and(char::is_ascii_digit);
    digit(at + 1) || (chars.get(at + 1).is_some_and(|c| [' ', '-', '.'].contains(c)) && digit(at + 2))
}

/// Han, kana, Thai, Lao, Burmese and Khmer, by the blocks that nearly all of their texts are of.
fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{E00}'..='\u{EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}' | '\u{3040}'..='\u{30FF}'
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{323AF}')
        && c.is_alphanumeric()
}

/// Whether two texts that are alike otherwise say something else in a word or two, in the order of two, or with a `not`.
pub(super) fn decided(a: &[String], b: &[String]) -> bool {
    // However many signs: without them nothing is told apart.
    let spoken =
        |words: &'_ [String]| words.iter().filter(|word| word.contains(is_letter)).cloned().collect::<Vec<_>>();
    if a != b && spoken(a) == spoken(b) {
        return true;
    }
    let Some([only_a, only_b]) = apart(a, b) else { return turning(a.iter()) != turning(b.iter()) };
    if turning(only_a.iter().copied()).values().sum::<i32>() != turning(only_b.iter().copied()).values().sum::<i32>() {
        return true;
    }
    let most = only_a.len().max(only_b.len());
    let alike = |(a, b): (&&String, &&String)| a != b && spelled_alike(a, b);
    (1..=DECIDING).contains(&most) && (only_a.len() != only_b.len() || !only_a.iter().zip(&only_b).all(alike))
}

/// How often each of the words that turn what is said is among these.
fn turning<'w>(words: impl Iterator<Item = &'w String>) -> BTreeMap<&'w str, i32> {
    let mut found = BTreeMap::new();
    words
        .filter(|word| TURNING.contains(&word.as_str()))
        .for_each(|word| *found.entry(word.as_str()).or_default() += 1);
    found
}

/// The words of each text that are not in the longest sequence that both have; `None` where that would take long to find.
fn apart<'w>(a: &'w [String], b: &'w [String]) -> Option<[Vec<&'w String>; 2]> {
    let before = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[before..], &b[before..]);
    let after = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[..a.len() - after], &b[..b.len() - after]);
    if a.len().max(b.len()) > LONGEST {
        return None;
    }
    // Words in common from here on.
    let mut common = vec![vec![0_usize; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            common[i][j] = if a[i] == b[j] { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
        }
    }
    let (mut i, mut j, mut only) = (0, 0, [Vec::new(), Vec::new()]);
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            (i, j) = (i + 1, j + 1);
        } else if j == b.len() || (i < a.len() && common[i + 1][j] >= common[i][j + 1]) {
            only[0].push(&a[i]);
            i += 1;
        } else {
            only[1].push(&b[j]);
            j += 1;
        }
    }
    Some(only)
}

/// Whether two words are one: in the plural, or as it is spelled on either side of the Atlantic. A letter may make another word as well
/// (`has` and `had`, `typical` and `atypical`, `filed` and `filled`).
fn spelled_alike(a: &str, b: &str) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let letters = short.chars().count();
    let plural = letters >= 3 && !short.ends_with('s') && long.strip_suffix('s') == Some(short);
    // colour and color, organise and organize; travelled and traveled.
    let american = |word: &str| word.replace("our", "or").replace("is", "iz").replace("ys", "yz");
    plural
        || (letters >= 5 && american(a) == american(b))
        || (letters >= 7 && american(a).replace("ll", "l") == american(b).replace("ll", "l"))
}

#[cfg(test)]
mod tests {
    use super::super::{Equivalence, STANDARD};

    #[test]
    fn one_meaning_in_several_spellings() {
        for (one, other) in [
            (
                "We can't say more than that the bridge is closed today",
                "We cannot say more than that the bridge is closed today",
            ),
            ("The town has 1,000 people who live there all year", "The town has 1000 people who live there all year"),
            ("About 50 percent of all voters came to the polls", "About 50% of all voters came to the polls"),
            (
                "For a cake of this size and kind you will need these things: * apples from the garden * pears",
                "For a cake of this size and kind you will need these things: - apples from the garden - pears",
            ),
            ("The value of $x$ is what the second equation gives", "The value of x is what the second equation gives"),
            ("From A -> B the train takes an hour or so", "From A → B the train takes an hour or so"),
            ("It runs wherever x >= 10 holds for all of them", "It runs wherever x ≥ 10 holds for all of them"),
            ("\"Paris\"", "**Paris**"),
            ("北京。", "北京"),
            ("Yes!", "yes"),
        ] {
            assert!(STANDARD.same(one, other), "{one:?}, {other:?}");
        }
    }

    #[test]
    fn contrary_meanings_in_nearly_one_spelling() {
        for (one, other) in [
            ("He never said to anybody that she lied to them", "He said to anybody that she never lied to them"),
            (
                "They filed all of the forms before the day was over",
                "They filled all of the forms before the day was over",
            ),
            (
                "My verdict on the whole film, all in all: 👍 from me",
                "My verdict on the whole film, all in all: 👎 from me",
            ),
            (
                "Send the whole parcel of books to the princes by noon",
                "Send the whole parcel of books to the princess by noon",
            ),
            ("The area of it all is 3 * 4 square metres of land", "The area of it all is 3 / 4 square metres of land"),
        ] {
            assert!(STANDARD.similarity(one, other) >= STANDARD.threshold, "{one:?}, {other:?}");
            assert!(!STANDARD.same(one, other), "{one:?}, {other:?}");
        }
    }

    /// Words in front of what is told apart, so that all else is alike.
    const LONG: &str = "For whoever wants to know what was found out in the end, after all is said and done: ";

    #[test]
    fn every_symbol_and_bracket_decides() {
        for (one, other) in [
            ("it points ⇑ here", "it points ⇓ here"),
            ("P ⊕ Q holds", "P ⊗ Q holds"),
            ("P ∪ Q is it", "P ∩ Q is it"),
            ("∀x it holds", "∃x it holds"),
            ("the forecast is ☀ today", "the forecast is ☂ today"),
            ("▲ 5 points today", "▼ 5 points today"),
            ("it is written in C# now", "it is written in C now"),
            ("p & q is it", "p | q is it"),
            ("xs[1] is it", "xs(1) is it"),
            ("xs[:5] is it", "xs[5:] is it"),
            ("g(x, [y, z]) is it", "g([x, y], z) is it"),
            ("(p + q) * r is it", "p + (q * r) is it"),
            ("the range is [0, 1) here", "the range is (0, 1] here"),
            ("print(x) is it", "print(\"x\") is it"),
            ("it is 5′ long", "it is 5″ long"),
            ("it is 5' long", "it is 5\" long"),
            ("f'(x) is zero", "f(x) is zero"),
            ("o.p is it", "o, p is it"),
            ("the share is 5% of it", "the share is 5‰ of it"),
            ("it costs €5 then", "it costs £5 then"),
            ("it is –5 degrees", "it is 5 degrees"),
            ("it is −5 degrees", "it is 5 degrees"),
            ("it is - 5 degrees", "it is 5 degrees"),
            ("y is -x there", "y is x there"),
            ("y = - z there", "y = z there"),
            ("the type is B- then", "the type is B then"),
            ("it gives 7 mW of power", "it gives 7 MW of power"),
            ("it takes 7 Gb of it", "it takes 7 GB of it"),
            ("it has vitamin A in it", "it has vitamin in it"),
            ("the area is x² of it", "the area is x³ of it"),
            ("there are ٥ of them", "there are ٦ of them"),
            ("push with --force now", "push with force now"),
        ] {
            let [one, other] = [one, other].map(|end| format!("{LONG}{end}"));
            assert!(STANDARD.similarity(&one, &other) >= STANDARD.threshold, "{one:?}, {other:?}");
            assert!(!STANDARD.same(&one, &other), "{one:?}, {other:?}");
            assert!(!STANDARD.same(&other, &one), "{other:?}, {one:?}");
        }
    }

    #[test]
    fn equal_words_and_numbers_are_the_same_in_any_form() {
        for (one, other) in [
            ("5.0", "5"),
            ("7 %", "7%"),
            ("$1,000", "$1000"),
            ("5 €", "€5"),
            ("1 000", "1000"),
            ("3,5", "3.5"),
            ("4kg", "4 kg"),
            ("(A)", "A"),
            ("B)", "B"),
            ("It’s 4", "It's 4"),
            ("na\u{ef}ve", "nai\u{308}ve"),
            ("４２", "42"),
            ("٤٢", "42"),
            ("Ｙｅｓ", "yes"),
            ("[1,2,3]", "[1, 2, 3]"),
            ("5–10", "5-10"),
            ("# Rome", "**Rome**"),
            ("Salt & pepper", "salt and pepper"),
            ("10 AM", "10 am"),
            ("…", "..."),
            ("Buy: 1. figs 2. dates 3. plums", "Buy: - figs - dates - plums"),
            ("Buy:\n1) figs\n2) dates", "Buy:\n• figs\n• dates"),
            ("```python\nprint(1)\n```", "print(1)"),
            ("$5$", "5"),
            ("US$ 5", "US$5"),
            ("**(C)**", "C"),
            ("x² + 1", "x^2 + 1"),
            ("\\frac{1}{2}", "1/2"),
            ("$\\boxed{5}$", "5"),
        ] {
            assert!(STANDARD.same(one, other), "{one:?}, {other:?}");
        }
        for (one, other) in [
            ("Is it?", "It is."),
            ("yes?", "yes"),
            ("...", "?"),
            ("a", "the"),
            ("1. x", "2. x"),
            ("5", "-5"),
            ("- 5", "5"),
            ("mW", "MW"),
        ] {
            assert!(!STANDARD.same(one, other), "{one:?}, {other:?}");
        }
    }

    #[test]
    fn data_is_compared_by_what_it_holds() {
        let data =
            r#"{"user": {"id": "x7", "tags": ["a", "b"]}, "size": 5.0, "note": "The forms were sent by mail today"}"#;
        let same = |other: &str| STANDARD.same(data, other) && STANDARD.same(other, data);
        let turned = r#"{"size":5,"note":"the forms were sent by mail today.","user":{"tags":["a","b"],"id":"x7"}}"#;
        assert!(same(turned) && same(&format!("```json\n{turned}\n```")));
        assert!(STANDARD.same(&format!("Here it is: {data}"), &format!("Here it is:\n```json\n{turned}\n```")));
        for other in [
            data.replace("\"b\"]}", "\"b\"]").replace("today\"}", "today\"}}"),
            data.replace("[\"a\", \"b\"]", "[\"b\", \"a\"]"),
            data.replace("5.0", "\"5\""),
            data.replace("x7", "x 7"),
            data.replace("were", "were not"),
            data.replace("5.0", "5.01"),
        ] {
            assert!(other != data && !same(&other), "{other}");
        }
        let long = |end: u8| format!("{{\"id\": 1234567890123456789{end:03}}}");
        assert!(!STANDARD.same(&long(1), &long(2)) && STANDARD.same(&long(1), &long(1)));
    }

    #[test]
    fn in_long_texts_words_that_turn_are_counted() {
        let middle = "it is not said here what was meant, and so on and on and on, ".repeat(20);
        let [one, other] = ["First of all, ", "To begin with, "].map(|start| format!("{start}{middle}"));
        assert!(STANDARD.same(&format!("{one}all is well"), &format!("{other}all went well")));
        assert!(!STANDARD.same(&format!("{one}all is well"), &format!("{other}nothing is well")));
    }
}
