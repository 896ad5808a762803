//! Words that decide what a text says where another one is alike otherwise.

use std::collections::BTreeMap;

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
const SPELLINGS: [(&str, &str); 20] = [
    ("’", "'"),
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
    (">=", "≥"),
    ("<=", "≤"),
    ("!=", "≠"),
    ("×", "*"),
];
/// Words between the first and the last that two texts do not share, beyond which only words that turn are looked for.
const LONGEST: usize = 200;

/// The words of a text in lower case, articles aside, short forms in full; of scripts that put no spaces between words every character; and
/// the signs that say what a word would.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut text = text.to_lowercase();
    for (one, other) in SPELLINGS {
        text = text.replace(one, other);
    }
    let chars: Vec<char> = text.chars().collect();
    let digit = |at: Option<usize>| at.and_then(|at| chars.get(at)).is_some_and(char::is_ascii_digit);
    let mut words = vec![String::new()];
    for (at, &c) in chars.iter().enumerate() {
        // 1,000 is 1000.
        if c == ',' && digit(at.checked_sub(1)) && digit(Some(at + 1)) {
            continue;
        }
        let alone = is_unspaced(c) || says(&chars, at);
        if alone || !c.is_alphanumeric() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| alone || c.is_alphanumeric()) {
            word.push(c);
        }
        if alone {
            words.push(String::new());
        }
    }
    words.retain(|word| !["", "a", "an", "the"].contains(&word.as_str()));
    words
}

/// Han, kana, Thai, Lao, Burmese and Khmer, by the blocks that nearly all of their texts are of.
fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{E00}'..='\u{EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}' | '\u{3040}'..='\u{30FF}'
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{323AF}')
        && c.is_alphanumeric()
}

/// Whether a sign says what a word would: a relation, an operator, a thumb; a currency beside a number. Signs that mark lists, quotations
/// and formulas as well do where they can be nothing else but operators; a hyphen or a dash never does.
fn says(chars: &[char], at: usize) -> bool {
    let place = |far: isize| at.checked_add_signed(far).and_then(|at| chars.get(at)).copied();
    let word = |far: isize| place(far).is_some_and(char::is_alphanumeric);
    let digit = |far: isize| place(far).is_some_and(|c| c.is_ascii_digit());
    let spaced = [place(-1), place(1)] == [Some(' '); 2];
    // One letter or number: x * y, and no item of a list.
    let single = |step: isize| word(2 * step) && (digit(2 * step) || !word(3 * step));
    match chars[at] {
        '$' | '£' | '€' | '¥' | '₹' | '₩' | '₽' | '¢' => {
            digit(1) || digit(-1) || (place(1) == Some(' ') && digit(2))
        }
        '%' | '<' | '=' | '+' | '^' | '≤' | '≥' | '≠' | '±' | '÷' | '√' | '∞' | '¬' | '∧' | '∨' | '∈' | '∉' | '⊂'
        | '→' | '←' => true,
        '👍' | '👎' | '✅' | '❌' | '✓' | '✗' | '✔' | '✘' => true,
        '*' | '>' => (word(-1) && word(1)) || (spaced && single(-1) && single(1)),
        '/' => (word(-1) && word(1)) || (spaced && word(-2) && word(2)),
        '!' => place(1).is_some_and(|c| c.is_ascii_alphanumeric()),
        c @ ('&' | '|') => [place(-1), place(1)].contains(&Some(c)),
        _ => false,
    }
}

/// Whether two texts that are alike otherwise say something else in a word or two, in the order of two, or with a `not`.
pub(super) fn decided(a: &[String], b: &[String]) -> bool {
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

    #[test]
    fn in_long_texts_words_that_turn_are_counted() {
        let middle = "it is not said here what was meant, and so on and on and on, ".repeat(20);
        let [one, other] = ["First of all, ", "To begin with, "].map(|start| format!("{start}{middle}"));
        assert!(STANDARD.same(&format!("{one}all is well"), &format!("{other}all went well")));
        assert!(!STANDARD.same(&format!("{one}all is well"), &format!("{other}nothing is well")));
    }
}
