//! What of a text is never touched: code, what stands in quotation marks, words that carry a label.

use crate::Checker;

/// Marks of quotation, opening and closing.
const QUOTES: &[(char, char)] = &[('"', '"'), ('“', '”'), ('«', '»'), ('„', '“'), ('`', '`'), ('‘', '’')];

/// The words of a text that may be written in another way, as byte ranges: runs of letters on lines that are no code,
/// outside quotation marks, with white space or a mark of a sentence on both sides.
pub(super) fn free_words(text: &str) -> Vec<std::ops::Range<usize>> {
    let fixed = fixed_bytes(text);
    let mut words = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match (c.is_alphabetic(), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                start = None;
                let before = text[..from].chars().next_back().is_none_or(|c| c.is_whitespace() || c == '(');
                // Neither a cue (`Answer:`) nor a part of something longer (`you're`, `file.txt`, `a-b`).
                let after = c.is_whitespace() || matches!(c, ',' | '?' | '!' | ')') || ends_sentence(text, at);
                if before && after && !fixed[from..at].contains(&true) {
                    words.push(from..at);
                }
            }
            _ => {}
        }
    }
    words
}

/// A full stop at this place with white space behind it.
fn ends_sentence(text: &str, at: usize) -> bool {
    let mut rest = text[at..].chars();
    rest.next() == Some('.') && rest.next().is_none_or(char::is_whitespace)
}

/// For each byte whether it belongs to code or stands in quotation marks.
fn fixed_bytes(text: &str) -> Vec<bool> {
    let mut fixed = vec![false; text.len()];
    let mut fenced = false;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let fence = line.trim_start().starts_with("```");
        if fenced || fence || is_code(line) {
            fixed[at..at + line.len()].fill(true);
        }
        fenced ^= fence;
        at += line.len();
    }
    for range in quoted(text) {
        fixed[range].fill(true);
    }
    fixed
}

/// Whether a line looks like code, data or a formula.
fn is_code(line: &str) -> bool {
    line.starts_with("    ") || line.starts_with('\t') || line.contains(['{', '}', '=', '<', '>', '|', '_', '\\', ';'])
}

/// What stands in quotation marks, the marks included. A mark that nothing closes opens nothing.
fn quoted(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let inside = at + c.len_utf8();
        let end = QUOTES
            .iter()
            .filter(|(open, _)| *open == c)
            .find_map(|(_, close)| text[inside..].find(*close).map(|end| inside + end + close.len_utf8()))
            .or_else(|| (c == '\'' && opens(text, at)).then(|| closing_apostrophe(text, inside)).flatten());
        match end {
            Some(end) => {
                found.push(at..end);
                at = end;
            }
            None => at = inside,
        }
    }
    found
}

/// Whether an apostrophe at this place may open a quotation: there is no letter before it.
fn opens(text: &str, at: usize) -> bool {
    text[..at].chars().next_back().is_none_or(|before| !before.is_alphanumeric())
}

/// The place behind the first apostrophe that no letter follows.
fn closing_apostrophe(text: &str, from: usize) -> Option<usize> {
    let closes =
        |&(at, _): &(usize, &str)| text[from + at + 1..].chars().next().is_none_or(|after| !after.is_alphanumeric());
    text[from..].match_indices('\'').find(closes).map(|(at, _)| from + at + 1)
}

/// What a checker expects, as lower-case text: a word of it is never touched.
pub(super) fn expected(check: Option<&Checker>) -> String {
    // A checker holds nothing that JSON cannot say.
    check.and_then(|check| serde_json::to_string(check).ok()).unwrap_or_default().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        free_words(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn quotations_code_cues_and_parts_of_words_are_fixed() {
        assert_eq!(words("Say \"the end\" and ‘the rest’, then 'the last' of it."), ["Say", "and", "then", "of", "it"]);
        assert_eq!(words("the\n```\nthe code\n```\nwith x\nthe = 1\n    the\n"), ["the", "with", "x"]);
        assert_eq!(words("the answer: Anna's the-file the.txt you're (the) a1 1a"), ["the", "the"]);
        assert_eq!(words("don't stop, it's the dogs' house"), ["stop", "the", "house"]);
    }
}
