//! Words of texts, and sequences of them as hashes: what near duplicates and overlaps are found by.

use std::hash::{DefaultHasher, Hash, Hasher};

/// The words of a text in lower case; what is neither letter nor digit parts them. Where a script writes no spaces, every
/// character is a word.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let end = |word: &mut String, words: &mut Vec<String>| {
        if !word.is_empty() {
            words.push(std::mem::take(word));
        }
    };
    for c in text.chars() {
        if is_written_without_spaces(c) {
            end(&mut word, &mut words);
            words.push(c.to_string());
        } else if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        } else {
            end(&mut word, &mut words);
        }
    }
    end(&mut word, &mut words);
    words
}

/// Thai, Lao, Myanmar, Khmer, kana, Han.
fn is_written_without_spaces(c: char) -> bool {
    c.is_alphanumeric()
        && matches!(u32::from(c), 0x0e00..=0x0eff | 0x1000..=0x109f | 0x1780..=0x17ff | 0x3040..=0x30ff | 0x3400..=0x9fff | 0x20000..=0x3ffff)
}

/// A hash of every sequence of `n` words, in order. The same in every run of the same program.
pub(super) fn grams(words: &[String], n: usize) -> Vec<u64> {
    words.windows(n).map(hash).collect()
}

/// A hash of these words.
pub(super) fn hash(words: &[String]) -> u64 {
    let mut hasher = DefaultHasher::new();
    words.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_what_spaces_and_signs_part() {
        let check = |text: &str, expected: &str| assert_eq!(words(text).join("|"), expected, "{text}");
        check("It's THE Straße, 2nd.", "it|s|the|straße|2nd");
        check("潮が low", "潮|が|low");
        check("… \n", "");
        assert_eq!(grams(&words("a b c d"), 2).len(), 3);
        assert_eq!(grams(&words("a, B c"), 3), grams(&words("A b. C"), 3));
        assert!(grams(&words("a b"), 3).is_empty());
    }
}
