//! Signs that say what a word would, told from those that only lay a text out.

use std::collections::BTreeSet;

use unicode_general_category::{GeneralCategory, get_general_category};

use super::deciding::is_letter;

/// Minus signs and what is written for them.
pub(super) const DASHES: [char; 4] = ['-', '–', '‐', '‒'];

/// Quotation marks of code.
pub(super) const QUOTES: [char; 2] = ['"', '\''];

/// The brackets that say something: square and curly ones, unless a backslash stands before them, and round ones directly behind a word or
/// bracket, within such ones, and around or beside operators. Those of prose (`rice (white)`) do not. Quotation marks and colons within them
/// say something as well: `f(x)` and `f("x")`, `a[:5]` and `a[5:]`.
pub(super) fn brackets(chars: &[char]) -> BTreeSet<usize> {
    let operators = ['+', '*', '/', '^', '=', '<', '>', '&', '|', '÷', '∧', '∨', '∪', '∩'];
    // An asterisk is one only where it stands as far from what is before it as from what is behind it; else it is emphasis.
    let operates = |at: usize| {
        let around = [at.checked_sub(1).map(|at| chars[at]), chars.get(at + 1).copied()];
        let multiplies =
            || around[0].zip(around[1]).is_some_and(|(a, b)| (a == ' ') == (b == ' ') && a != '*' && b != '*');
        operators.contains(&chars[at]) && (chars[at] != '*' || multiplies())
    };
    let next = |at: usize| (at + 1..chars.len()).find(|&at| chars[at] != ' ').is_some_and(operates);
    let last = |at: usize| (0..at).rev().find(|&at| chars[at] != ' ').is_some_and(operates);
    let (mut open, mut found): (Vec<(usize, bool)>, _) = (Vec::new(), BTreeSet::new());
    for (at, &c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| chars[at]);
        if before == Some('\\') {
            continue;
        }
        match c {
            '[' | '{' => {
                found.insert(at);
                open.push((at, true));
            }
            '(' => {
                let inside = open.last().is_some_and(|&(_, says)| says);
                let behind = before.is_some_and(|c| is_letter(c) || [')', ']', '}', '_'].contains(&c));
                open.push((at, inside || behind || last(at)));
            }
            ']' | '}' => {
                found.insert(at);
                open.pop();
            }
            ')' => {
                if let Some((start, says)) = open.pop() {
                    let is_sum = || chars[start..at].iter().any(|c| operators.contains(c));
                    if says || is_sum() || next(at) {
                        found.extend([start, at]);
                    }
                }
            }
            c if QUOTES.contains(&c) && open.last().is_some_and(|&(_, says)| says) => {
                let inside =
                    [before, chars.get(at + 1).copied()].iter().flatten().filter(|c| is_letter(**c)).count() == 2;
                found.extend((!inside).then_some(at));
            }
            ':' if open.last().is_some_and(|&(start, _)| chars[start] == '[') => {
                found.insert(at);
            }
            _ => {}
        }
    }
    found
}

/// Bullets, where a space stands behind them.
const BULLETS: [char; 13] = ['■', '□', '▪', '▫', '●', '○', '◦', '◆', '◇', '▸', '▹', '►', '▶'];

/// Whether a sign says what a word would: every symbol, and of punctuation what stands where only an operator or a unit can. Signs that mark
/// lists, quotations, tables and formulas as well do where they can be nothing else but operators.
pub(super) fn says(chars: &[char], at: usize) -> bool {
    let place = |far: isize| at.checked_add_signed(far).and_then(|at| chars.get(at)).copied();
    let word = |far: isize| place(far).is_some_and(char::is_alphanumeric);
    let digit = |far: isize| place(far).is_some_and(|c| c.is_ascii_digit());
    let spaced = [place(-1), place(1)] == [Some(' '); 2];
    // One letter or number: x * y, and no item of a list.
    let bracket = |far: isize| place(far).is_some_and(|c| "()[]{}".contains(c));
    let single = |step: isize| bracket(2 * step) || (word(2 * step) && (digit(2 * step) || !word(3 * step)));
    let starts_line = || chars[..at].iter().rev().find(|c| **c != ' ').is_none_or(|c| *c == '\n');
    let quotes = |quote: char| chars[..at].iter().filter(|c| **c == quote).count();
    match chars[at] {
        '%' | '‰' | '‱' | '^' | '′' => true,
        '+' => !(starts_line() && (place(1) == Some(' ') || digit(1))),
        '*' | '>' => (word(-1) && word(1)) || (spaced && single(-1) && single(1)),
        '/' => (word(-1) && word(1)) || (spaced && word(-2) && word(2)),
        '!' => place(1).is_some_and(|c| c.is_ascii_alphanumeric()),
        '&' => true,
        '|' => {
            let touches = |far: isize| word(far) || (place(far) == Some(' ') && word(2 * far));
            [place(-1), place(1)].contains(&Some('|')) || (touches(-1) && touches(1))
        }
        '#' => word(-1) || (word(1) && place(-1) != Some('#')),
        '.' => word(-1) && !digit(-1) && place(1).is_some_and(char::is_alphabetic),
        // Feet and inches, and no closing quotation mark.
        c @ ('"' | '\'') => (digit(-1) || (word(-1) && !word(-2))) && !word(1) && quotes(c) % 2 == 0,
        '@' => word(1),
        '~' => word(1) && place(-1) != Some('~'),
        '=' => ![[place(-1), place(1)], [place(-2), place(-1)], [place(1), place(2)]].contains(&[Some('='); 2]),
        '$' => false,
        c if DASHES.contains(&c) => {
            let is_charge =
                word(-1) && (2..=4).any(|far| !word(-far)) && !place(1).is_some_and(is_letter) && place(1) != Some('-');
            // -x, -∞, x -= 1, --force; no item of a list, and no dash between words.
            let opens = place(-1).is_some_and(|c| [' ', '(', '[', '=', '^', ',', '/'].contains(&c)) && !starts_line();
            let is_variable = opens && word(1) && !place(2).is_some_and(is_letter);
            let is_flag = place(-1) == Some(' ') && place(1) == Some('-') && word(2);
            let is_sign = place(1).is_some_and(|c| get_general_category(c) == GeneralCategory::MathSymbol);
            (digit(-1) && digit(1))
                || (spaced && single(-1) && single(1))
                || (is_charge || is_variable || is_flag || is_sign)
                || is_apart(chars, at)
        }
        c if BULLETS.contains(&c) => place(1) != Some(' '),
        // Lines and blocks that draw tables.
        '\u{2500}'..='\u{259F}' => false,
        c => matches!(
            get_general_category(c),
            GeneralCategory::MathSymbol | GeneralCategory::OtherSymbol | GeneralCategory::CurrencySymbol
        ),
    }
}

/// Whether a dash is a minus sign apart from its number: `the water is - 5 degrees`. Several such dashes mark a list.
fn is_apart(chars: &[char], at: usize) -> bool {
    let is = |at: usize| {
        let around = [at.wrapping_sub(1), at + 1].map(|at| chars.get(at).copied());
        DASHES.contains(&chars[at]) && around == [Some(' '); 2]
    };
    let lone = || (0..chars.len()).filter(|&at| is(at)).count() <= 1;
    let digit = || chars.get(at + 2).is_some_and(char::is_ascii_digit);
    let starts = at == 0 && chars.get(1) == Some(&' ');
    let behind_a_relation = || {
        let before = chars[..at].iter().rev().find(|c| **c != ' ');
        before.is_some_and(|c| ['=', '≈', '≠', '<', '>', '≤', '≥'].contains(c))
    };
    let behind_a_word = || at >= 2 && chars[at - 2].is_alphabetic();
    ((starts || (is(at) && behind_a_word())) && digit() && lone()) || (is(at) && behind_a_relation())
}
