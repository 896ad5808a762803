//! A text as the rules see it: sentences in small letters, without code, quotations, markdown and contractions. What an
//! answer quotes is not what it does.

use std::borrow::Cow;

use super::words::Words;

/// A sentence, or a line that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sentence {
    pub text: String,
    /// An item of a list.
    pub item: bool,
    pub question: bool,
}

impl Sentence {
    pub fn words(&self) -> usize {
        self.text.split(' ').count()
    }
}

/// An answer that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reading {
    pub sentences: Vec<Sentence>,
    /// It has a block of code.
    pub code: bool,
    /// Words that stand in quotation marks or in quoted lines.
    pub quoted: usize,
}

/// The first `head` and the last `tail` characters, with a line's end between them; the whole text where it is shorter.
pub(super) fn ends(text: &str, head: usize, tail: usize) -> Cow<'_, str> {
    if text.len() <= head + tail {
        return Cow::Borrowed(text);
    }
    let end = text.char_indices().nth(head).map_or(text.len(), |(at, _)| at);
    let rest = &text[end..];
    let from = rest.char_indices().nth_back(tail.saturating_sub(1)).map(|(at, _)| at);
    match from {
        Some(from) if from > 0 => Cow::Owned(format!("{}\n{}", &text[..end], &rest[from..])),
        _ => Cow::Borrowed(text),
    }
}

/// Nothing that could be read: white space, marks that are not shown, punctuation.
pub(super) fn is_blank(text: &str) -> bool {
    let hidden = |c: char| matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}');
    let marks = |c: char| c.is_ascii_punctuation() || matches!(c, '…' | '–' | '—' | '“' | '”' | '‘' | '’' | '•' | '·');
    text.chars().all(|c| c.is_whitespace() || c.is_control() || hidden(c) || marks(c))
}

/// Lines outside of blocks of code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    text.lines().filter(move |line| {
        let fence = is_fence(line);
        inside ^= fence;
        !fence && !inside
    })
}

fn is_fence(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("```") || line.starts_with("~~~")
}

/// A text without its blocks of code.
pub(super) fn without_code(text: &str) -> String {
    prose(text).collect::<Vec<_>>().join("\n")
}

impl Reading {
    /// An answer: quotations are not read, unless there is nothing else.
    pub fn of_answer(words: &Words, text: &str) -> Self {
        let reading = Self::new(words, text, Quotations::LeftOut);
        if reading.sentences.is_empty() { Self::new(words, text, Quotations::Read) } else { reading }
    }

    /// A prompt: all of it.
    pub fn of_prompt(words: &Words, text: &str) -> Self {
        Self::new(words, text, Quotations::Read)
    }

    fn new(words: &Words, text: &str, quotations: Quotations) -> Self {
        let mut reading = Self { code: text.lines().any(is_fence), ..Self::default() };
        for line in prose(text) {
            let line = line.trim();
            if quotations == Quotations::LeftOut && line.starts_with('>') {
                reading.quoted += line.split_whitespace().count();
                continue;
            }
            let (item, line) = without_marker(line.trim_start_matches('>'));
            let line = match quotations {
                Quotations::LeftOut => reading.unquoted(line),
                Quotations::Read => line.to_owned(),
            };
            for sentence in sentences(&words.plain(&line)) {
                let question = sentence.ends_with('?');
                reading.sentences.push(Sentence { text: sentence.to_owned(), item, question });
            }
        }
        reading
    }

    /// A line without what stands in quotation marks and in marks of code.
    fn unquoted(&mut self, line: &str) -> String {
        let mut kept = String::with_capacity(line.len());
        let (mut rest, mut alone) = (line, String::new());
        // A mark without its second is an inch, or a quotation that goes on: what follows is read.
        while let Some((before, inside, after)) = quotation(rest, &mut alone) {
            kept.push_str(before);
            kept.push_str(" … ");
            self.quoted += inside.split_whitespace().count();
            rest = after;
        }
        kept.push_str(rest);
        kept
    }
}

/// The first quotation of a line: what stands before, in and after it. `alone` keeps the marks that have no second, so that
/// none is looked for twice.
fn quotation<'a>(line: &'a str, alone: &mut String) -> Option<(&'a str, &'a str, &'a str)> {
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        let inside = &line[at + c.len_utf8()..];
        // An apostrophe stands within or behind a word, a single mark of quotation before one.
        let single = !before.is_alphanumeric() && inside.starts_with(char::is_alphanumeric);
        before = c;
        let close = match c {
            '"' | '`' => c,
            '“' => '”',
            '«' => '»',
            '\'' if single => '\'',
            '‘' if single => '’',
            _ => continue,
        };
        if alone.contains(c) {
            continue;
        }
        let end = if matches!(close, '\'' | '’') { closing(inside, close) } else { inside.find(close) };
        match end {
            Some(end) => return Some((&line[..at], &inside[..end], &inside[end + close.len_utf8()..])),
            None => alone.push(c),
        }
    }
    None
}

/// Where a single mark closes: before anything that is no word.
fn closing(inside: &str, mark: char) -> Option<usize> {
    let ends = |&(at, _): &(usize, &str)| !inside[at + mark.len_utf8()..].starts_with(char::is_alphanumeric);
    inside.match_indices(mark).find(ends).map(|(at, _)| at)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quotations {
    Read,
    LeftOut,
}

/// Whether a line is an item of a list, and the line without its marker and without the marks of a heading.
fn without_marker(line: &str) -> (bool, &str) {
    let after_digits = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = line.len() - after_digits.len();
    let marks: &[char] = if (1..=3).contains(&digits) { &['.', ')'] } else { &['-', '*', '+', '•'] };
    match after_digits.strip_prefix(marks).filter(|rest| rest.starts_with([' ', '\t'])) {
        Some(rest) => (true, rest.trim_start()),
        None => (false, line.trim_start_matches('#').trim_start()),
    }
}

/// Sentences of a plain line, with their marks.
fn sentences(line: &str) -> impl Iterator<Item = &str> {
    line.split_inclusive(['.', '!', '?', ';'])
        .map(str::trim)
        .filter(|sentence| sentence.chars().any(char::is_alphanumeric))
}

impl Words {
    /// Small letters, straight quotes, single spaces, no emphasis, no contractions. A full stop within a number or a word
    /// is a space, so that it ends no sentence.
    pub(super) fn plain(&self, line: &str) -> String {
        let mut plain = String::with_capacity(line.len());
        let mut chars = line.chars().flat_map(char::to_lowercase).peekable();
        while let Some(c) = chars.next() {
            match c {
                '\u{2018}' | '\u{2019}' | '\u{2bc}' => plain.push('\''),
                '*' | '_' => {}
                '.' if chars.peek().is_some_and(|next| next.is_alphanumeric()) => push_space(&mut plain),
                c if c.is_whitespace() => push_space(&mut plain),
                c => plain.push(c),
            }
        }
        for (from, to) in &self.rewrites {
            plain = plain.replace(from, to);
        }
        plain
    }
}

fn push_space(text: &mut String) {
    if !text.is_empty() && !text.ends_with(' ') {
        text.push(' ');
    }
}
