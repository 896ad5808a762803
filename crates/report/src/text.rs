//! Text of models and users made safe to show: control and direction characters become visible, columns are counted
//! as a terminal shows them.

use crate::terminal::{Color, PAINT};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Text of one line with every control character, bidirectional control and invisible character replaced by a visible symbol.
///
/// C0 becomes its control picture (`␀`, `␛`), line ends become `↵`, the rest `⟨U+202E⟩`. The joiners U+200C and U+200D
/// stay: scripts and emoji need them, and they reorder nothing.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => shown.push('↵'),
            '\t' => shown.push('⇥'),
            '\u{7f}' => shown.push('␡'),
            '\0'..='\u{1f}' => shown.push(char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}')),
            _ if acts(c) || hides(c) => shown.push_str(&format!("⟨U+{:04X}⟩", c as u32)),
            _ => shown.push(c),
        }
    }
    shown
}

/// Does a character act on a terminal or on the order of what stands beside it, instead of being shown?
fn acts(c: char) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || c.is_control()
}

/// Is a character there that nobody sees, so that a text says more than it shows?
fn hides(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{180e}' | '\u{200b}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A text of several lines as it may be printed: what would act or hide becomes visible, but for the ends of lines, tabs and,
/// with [`Color::Always`], the colours that this crate paints with.
#[must_use]
pub fn printable(text: &str, color: Color) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c| acts(c) || hides(c)) {
        let (before, from) = rest.split_at(at);
        shown.push_str(before);
        let own = PAINT.iter().find(|own| color == Color::Always && from.starts_with(*own));
        let length = own.map_or_else(|| from.chars().next().map_or(0, char::len_utf8), |own| own.len());
        let (one, after) = from.split_at(length);
        if own.is_some() || matches!(one, "\n" | "\t") {
            shown.push_str(one)
        } else {
            shown.push_str(&visible(one))
        }
        rest = after;
    }
    shown + rest
}

/// JSON as it may be printed: the same value, with `\u` escapes for what JSON allows and a terminal acts on
/// or nobody sees.
#[must_use]
pub fn printable_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for c in json.chars() {
        // They can stand in strings only.
        if hides(c) || acts(c) && !matches!(c, '\n' | '\r' | '\t') {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| shown.push_str(&format!("\\u{unit:04x}")));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Does the text begin, as the bidirectional algorithm sees it, from right to left?
pub(crate) fn right_to_left(text: &str) -> bool {
    let strong = |c: char| match c {
        '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefe}' | '\u{10800}'..='\u{10fff}' => {
            Some(true)
        }
        _ => c.is_alphabetic().then_some(false),
    };
    text.chars().find_map(strong).unwrap_or(false)
}

/// Columns that a terminal uses for the text.
pub(crate) fn columns(text: &str) -> usize {
    // The larger of the two counts: terminals that do not join emoji sequences show their parts side by side.
    text.width().max(text.chars().map(|c| c.width().unwrap_or(0)).sum())
}

/// The text, cut to at most `width` columns with `…` at the cut.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut kept = take(text, width.saturating_sub(1)).to_owned();
    kept.push('…');
    kept
}

/// The text, cut or filled with spaces on the right to exactly `width` columns.
pub(crate) fn left(text: &str, width: usize) -> String {
    let mut cell = cut(text, width);
    cell.extend(std::iter::repeat_n(' ', width.saturating_sub(columns(&cell))));
    cell
}

/// The text, cut or filled with spaces on the left to exactly `width` columns.
pub(crate) fn right(text: &str, width: usize) -> String {
    let cell = cut(text, width);
    let fill = width.saturating_sub(columns(&cell));
    format!("{}{cell}", " ".repeat(fill))
}

/// The text in lines of at most `width` columns, broken at spaces where there are any and inside words where not.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(2);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if !line.is_empty() && columns(&line) + 1 + columns(word) > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        let mut rest = word;
        while columns(rest) > width {
            let head = take(rest, width);
            lines.push(head.to_owned());
            rest = &rest[head.len()..];
        }
        line.push_str(rest);
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// The longest beginning of at most `width` columns; at least one character, so that a loop over it ends.
fn take(text: &str, width: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += c.width().unwrap_or(0);
        if used > width && at > 0 {
            return &text[..at];
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn check(input: &str, expect: &str) {
        assert_eq!(visible(input), expect);
    }

    #[test]
    fn controls_become_symbols() {
        check("a\0b\u{1b}[31m", "a␀b␛[31m");
        check("line\nnext\tcell", "line↵next⇥cell");
        check("\u{202e}desrever", "⟨U+202E⟩desrever");
        check("👩\u{200d}💻 naïve 日本", "👩\u{200d}💻 naïve 日本");
    }

    #[test]
    fn what_acts_is_not_printed() {
        let check = |text: &str, color, expect: &str| assert_eq!(printable(text, color), expect, "{text:?}");
        check("plain\n\ttext", Color::Never, "plain\n\ttext");
        check("a\u{1b}]0;x\u{7}b\r\u{9b}2J", Color::Never, "a␛]0;x␇b␍⟨U+009B⟩2J");
        check("\u{1b}[1;31mFAIL\u{1b}[0m", Color::Never, "␛[1;31mFAIL␛[0m");
        check("\u{1b}[1;31mFAIL\u{1b}[0m \u{1b}[8mx", Color::Always, "\u{1b}[1;31mFAIL\u{1b}[0m ␛[8mx");
        check("x\u{202e}y\u{200d}", Color::Always, "x⟨U+202E⟩y\u{200d}");
        check("a\u{200b}b\u{ad}c\u{e0041}", Color::Never, "a⟨U+200B⟩b⟨U+00AD⟩c⟨U+E0041⟩");
    }

    #[test]
    fn printed_json_is_the_same_value() {
        let value = serde_json::json!({"k\u{9b}": "a\u{202e}b\u{7f}\u{1b}\n\u{ad}\u{e0041}", "שלום\u{200f}": 1});
        let shown = printable_json(&serde_json::to_string_pretty(&value).unwrap());
        assert!(!shown.contains(|c| (acts(c) || hides(c)) && c != '\n'), "{shown:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }

    #[test]
    fn wide_characters_count_twice() {
        assert_eq!(left("日本語", 5), "日本…");
        assert_eq!(columns(&left("日本語", 6)), 6);
        assert_eq!(right("né", 4), "  né");
    }

    #[test]
    fn long_words_are_broken() {
        let lines = wrap(&format!("so {} it ends", "x".repeat(50)), 20);
        assert!(lines.iter().all(|l| columns(l) <= 20), "{lines:?}");
        assert_eq!(lines.concat().matches('x').count(), 50);
    }

    #[test]
    fn direction_comes_from_the_first_strong_character() {
        assert!(right_to_left("12 שלום world"));
        assert!(!right_to_left("world שלום"));
    }
}
