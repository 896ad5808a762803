//! A small template language. Plain English with three marks, so that the templates stay readable:
//!
//! - `<noun>` draws from the word list `noun`; `<noun:x>` also remembers the draw, and `<x>` repeats it.
//!   Remembered draws of one list differ from each other.
//! - `[a|b|c]` draws one alternative, which may hold marks itself.
//! - `a~` is `a` or `an`, by the word after it; a sentence's first letter is made a capital, unless the template
//!   begins with `^`: then it goes on with somebody else's sentence.

use std::collections::BTreeMap;

use super::Ring;
use super::chance::Chance;
use super::lexicon;

/// Words already drawn, by name.
pub(super) struct Scene<'a> {
    pub(super) chance: &'a mut Chance,
    pub(super) ring: Ring,
    bound: BTreeMap<String, String>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(chance: &'a mut Chance, ring: Ring) -> Self {
        Self { chance, ring, bound: BTreeMap::new() }
    }

    /// Binds a name to words of the caller's.
    pub(super) fn bind(&mut self, name: &str, words: impl Into<String>) {
        self.bound.insert(name.to_owned(), words.into());
    }

    /// What a name is bound to; empty where it is not.
    pub(super) fn bound(&self, name: &str) -> &str {
        self.bound.get(name).map_or("", String::as_str)
    }

    /// A template in words.
    pub(super) fn say(&mut self, template: &str) -> String {
        let mut raw = String::new();
        self.expand(template, &mut raw);
        finish(&raw)
    }

    /// One of the templates in words.
    pub(super) fn say_one(&mut self, templates: &[&str]) -> String {
        let template = *self.chance.pick(templates);
        self.say(template)
    }

    /// Some of the templates, in order, as one paragraph.
    pub(super) fn say_some(&mut self, templates: &[&str], count: usize) -> String {
        let mut chosen: Vec<usize> = (0..templates.len()).collect();
        self.chance.shuffle(&mut chosen);
        chosen.truncate(count);
        chosen.sort_unstable();
        let sentences: Vec<String> = chosen.into_iter().map(|index| self.say(templates[index])).collect();
        sentences.join(" ")
    }

    /// A word of a list that no name is bound to yet.
    pub(super) fn draw(&mut self, list: &str) -> &'static str {
        let words = lexicon::words(list, self.ring);
        let start = self.chance.below(words.len());
        let free = |word: &&&str| !self.bound.values().any(|taken| taken == **word);
        let mut from_start = words[start..].iter().chain(&words[..start]);
        from_start.find(free).copied().unwrap_or(words[start])
    }

    fn expand(&mut self, template: &str, out: &mut String) {
        let mut rest = template;
        while let Some(at) = rest.find(['<', '[']) {
            out.push_str(&rest[..at]);
            let close = closing(&rest[at..]);
            let inside = &rest[at + 1..at + close];
            if rest[at..].starts_with('<') {
                let words = self.slot(inside);
                out.push_str(&words);
            } else {
                let alternatives = alternatives(inside);
                let chosen = *self.chance.pick(&alternatives);
                self.expand(chosen, out);
            }
            rest = &rest[at + close + 1..];
        }
        out.push_str(rest);
    }

    fn slot(&mut self, inside: &str) -> String {
        if let Some(words) = self.bound.get(inside) {
            return words.clone();
        }
        let (list, name) = inside.split_once(':').unwrap_or((inside, ""));
        if let Some(words) = self.bound.get(name) {
            return words.clone();
        }
        let word = self.draw(list).to_owned();
        if !name.is_empty() {
            self.bind(name, &word);
        }
        word
    }
}

/// Where the bracket that opens `text` closes. Templates are ours: a test expands each of them.
fn closing(text: &str) -> usize {
    let (open, close) = if text.starts_with('<') { ('<', '>') } else { ('[', ']') };
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        if c == open {
            depth += 1;
        } else if c == close {
            depth -= 1;
            if depth == 0 {
                return at;
            }
        }
    }
    unreachable!("template without its closing bracket: {text}")
}

/// Splits at the bars that stand outside inner brackets.
fn alternatives(inside: &str) -> Vec<&str> {
    let (mut depth, mut from, mut parts) = (0, 0, Vec::new());
    for (at, c) in inside.char_indices() {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            '|' if depth == 0 => {
                parts.push(&inside[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&inside[from..]);
    parts
}

/// Articles and capitals.
fn finish(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let (raw, mut start) = raw.strip_prefix('^').map_or((raw, true), |rest| (rest, false));
    let mut rest = raw.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '~' {
            let next = rest.clone().find(|c| c.is_alphanumeric()).unwrap_or(' ');
            if "aeiouAEIOU8".contains(next) {
                out.push('n');
            }
        } else if start && c.is_alphanumeric() {
            out.extend(c.to_uppercase());
            start = false;
        } else {
            // After `?"` the sentence may go on (she asked), after `."` it does not.
            let closes = match c {
                '.' => rest.peek().is_none_or(|next| next.is_whitespace() || *next == '"'),
                '!' | '?' => rest.peek().is_none_or(|next| next.is_whitespace()),
                _ => false,
            };
            start = if c.is_whitespace() || "\"'(“".contains(c) { start } else { closes };
            out.push(c);
        }
    }
    out
}
