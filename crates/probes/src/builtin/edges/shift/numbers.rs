//! Numbers, swapped for others where the truth can be computed again.
//!
//! That is so where the prompt spells out one calculation, holds no other number, and asks for nothing but its value: around the
//! calculation stand words of a closed list alone, and what the checker wants is what the calculation gives.

use std::ops::Range;

use crate::builtin::Chance;
use crate::kind::Prompt;
use crate::{Checker, Normal};

/// The words that may stand around a calculation: each asks for its value, or says how to answer.
const ASKING: &[&str] = &[
    "a",
    "again",
    "and",
    "answer",
    "as",
    "calculate",
    "compute",
    "else",
    "evaluate",
    "equal",
    "equals",
    "find",
    "following",
    "give",
    "how",
    "is",
    "it",
    "just",
    "me",
    "much",
    "nothing",
    "number",
    "of",
    "only",
    "out",
    "please",
    "reply",
    "respond",
    "result",
    "tell",
    "the",
    "this",
    "value",
    "what",
    "with",
    "work",
    "write",
    "you",
    "can",
];
/// A calculation that is drawn so often in vain has hardly another whole result.
const ATTEMPTS: usize = 2000;
/// A checker holds no whole number beyond.
const LARGEST: i64 = 1 << 53;

/// An operator, as words and signs write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
}

impl Operator {
    const WRITTEN: &[(&str, Self)] = &[
        ("+", Self::Add),
        ("-", Self::Subtract),
        ("−", Self::Subtract),
        ("*", Self::Multiply),
        ("×", Self::Multiply),
        ("·", Self::Multiply),
        ("/", Self::Divide),
        ("÷", Self::Divide),
        ("plus", Self::Add),
        ("minus", Self::Subtract),
        ("times", Self::Multiply),
        ("multiplied by", Self::Multiply),
        ("divided by", Self::Divide),
    ];

    /// Whole numbers only: none where the result is none, or too large.
    fn of(self, left: i64, right: i64) -> Option<i64> {
        match self {
            Self::Add => left.checked_add(right),
            Self::Subtract => left.checked_sub(right),
            Self::Multiply => left.checked_mul(right),
            Self::Divide => left.checked_rem(right).filter(|rest| *rest == 0).and_then(|_| left.checked_div(right)),
        }
    }

    fn binds_more(self) -> bool {
        matches!(self, Self::Multiply | Self::Divide)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Number(i64),
    Operator(Operator),
    Open,
    Close,
}

/// A calculation, part by part, with the bytes of each.
struct Calculation(Vec<(Part, Range<usize>)>);

impl Calculation {
    /// The one that holds every digit of a text; none where there is no such.
    fn of(text: &str) -> Option<Self> {
        let digits = || text.char_indices().filter(|(_, c)| c.is_numeric());
        let (first, last) = (digits().next()?.0, digits().next_back()?.0 + 1);
        let start = text[..first].trim_end_matches(['(', ' ']).len();
        let start = text[..first].len() - text[start..first].trim_start().len();
        let end = last + text[last..].chars().take_while(|c| *c == ')').count();
        // Neither a part of something longer (`$3`, `-3`, `f(3)`, `x3`) nor with a unit (`3%`, `3rd`, `3.5`).
        let free = text[..start].chars().next_back().is_none_or(|c| c.is_whitespace() || c == ':');
        let mut after = text[end..].chars();
        let ends = match after.next() {
            None | Some('?' | '!' | ',') => true,
            Some('.') => after.next().is_none_or(char::is_whitespace),
            Some(c) => c.is_whitespace(),
        };
        let calculation = Self(parts(text, start..end)?);
        let operands = calculation.0.iter().filter(|(part, _)| matches!(part, Part::Number(_))).count();
        (free && ends && operands > 1 && only_asks(&text[..start], &text[end..])).then_some(calculation)
    }

    fn value(&self) -> Option<i64> {
        let parts: Vec<Part> = self.0.iter().map(|(part, _)| *part).collect();
        let (value, rest) = sum(&parts)?;
        rest.is_empty().then_some(value)
    }

    /// The same with other numbers of as many digits each.
    fn redrawn(&self, chance: &mut Chance) -> Self {
        let other = |old: i64, chance: &mut Chance| {
            let low = 10_i64.pow(old.max(1).ilog10());
            // Neither 0 nor 1 is one number among others.
            let new = chance.between(low.max(2), low * 10 - 2);
            if new >= old.max(2) { new + 1 } else { new }
        };
        Self(
            self.0
                .iter()
                .map(|(part, range)| match part {
                    Part::Number(old) => (Part::Number(other(*old, chance)), range.clone()),
                    other => (*other, range.clone()),
                })
                .collect(),
        )
    }

    /// The text with these numbers.
    fn written(&self, text: &str) -> String {
        let mut out = text.to_owned();
        for (part, range) in self.0.iter().rev() {
            if let Part::Number(number) = part {
                out.replace_range(range.clone(), &number.to_string());
            }
        }
        out
    }
}

/// Whether what stands around a calculation asks for its value and for nothing else.
fn only_asks(before: &str, after: &str) -> bool {
    let words = |text: &str| {
        let mut words = text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
        words.all(|word| ASKING.contains(&word.to_lowercase().as_str()))
    };
    let marks = |text: &str| text.chars().all(|c| c.is_alphabetic() || c.is_whitespace() || ".,:?!".contains(c));
    [before, after].into_iter().all(|text| words(text) && marks(text))
}

/// A stretch of text part by part; none where something else stands in it.
fn parts(text: &str, stretch: Range<usize>) -> Option<Vec<(Part, Range<usize>)>> {
    let mut parts = Vec::new();
    let mut at = stretch.start;
    while at < stretch.end {
        let rest = &text[at..stretch.end];
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (part, length) = if digits > 0 {
            // Nine digits at most: their products are whole numbers, too. `007` is no quantity.
            let number =
                rest[..digits].parse().ok().filter(|_| digits < 10 && (digits == 1 || !rest.starts_with('0')))?;
            (Part::Number(number), digits)
        } else if rest.starts_with('(') {
            (Part::Open, 1)
        } else if rest.starts_with(')') {
            (Part::Close, 1)
        } else if rest.starts_with(' ') {
            at += 1;
            continue;
        } else {
            let (sign, operator) = Operator::WRITTEN.iter().find(|(sign, _)| rest.starts_with(sign))?;
            (Part::Operator(*operator), sign.len())
        };
        parts.push((part, at..at + length));
        at += length;
    }
    Some(parts)
}

/// A value and the parts that stand behind it.
type Read<'p> = Option<(i64, &'p [Part])>;

/// The value of terms that are added.
fn sum(parts: &[Part]) -> Read<'_> {
    chain(parts, product, |operator| !operator.binds_more())
}

fn product(parts: &[Part]) -> Read<'_> {
    chain(parts, operand, Operator::binds_more)
}

fn chain(parts: &[Part], of: fn(&[Part]) -> Read<'_>, takes: fn(Operator) -> bool) -> Read<'_> {
    let (mut value, mut rest) = of(parts)?;
    while let [Part::Operator(operator), after @ ..] = rest
        && takes(*operator)
    {
        let (right, behind) = of(after)?;
        value = operator.of(value, right)?;
        rest = behind;
    }
    Some((value, rest))
}

fn operand(parts: &[Part]) -> Read<'_> {
    match parts {
        [Part::Number(number), rest @ ..] => Some((*number, rest)),
        [Part::Open, inside @ ..] => match sum(inside)? {
            (value, [Part::Close, rest @ ..]) => Some((value, rest)),
            _ => None,
        },
        _ => None,
    }
}

/// The prompt with another calculation and the checker with its value; none where no program could say what is right.
pub(super) fn swapped(prompt: &Prompt, chance: &mut Chance) -> Option<Prompt> {
    let around = prompt.system.iter().chain(prompt.turns.iter().map(|turn| &turn.text));
    if around.into_iter().any(|text| text.contains(char::is_numeric)) {
        return None;
    }
    let calculation = Calculation::of(&prompt.prompt)?;
    let old = calculation.value().filter(|value| is_truth(prompt, *value))?;
    let (new, value) = (0..ATTEMPTS).find_map(|_| {
        let new = calculation.redrawn(chance);
        let value = new.value().filter(|value| *value != old && (*value < 0) == (old < 0) && value.abs() < LARGEST)?;
        Some((new, value))
    })?;
    let check = match prompt.check.as_ref()? {
        Checker::Number { tolerance, .. } => Checker::Number { value: value as f64, tolerance: *tolerance },
        _ => Checker::Exact(vec![value.to_string()]),
    };
    Some(Prompt { prompt: new.written(&prompt.prompt), check: Some(check), ..prompt.clone() })
}

/// Whether this number is what the checker wants.
fn is_truth(prompt: &Prompt, number: i64) -> bool {
    let plain =
        prompt.answer.iter().all(|step| !matches!(step, Normal::After(marker) if marker.contains(char::is_numeric)));
    plain
        && match &prompt.check {
            Some(Checker::Number { value, .. }) => *value == number as f64,
            Some(Checker::Exact(texts)) => matches!(texts.as_slice(), [text] if text.trim() == number.to_string()),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn asked(text: &str, value: f64) -> Prompt {
        Prompt { check: Some(Checker::Number { value, tolerance: 0.0 }), ..Prompt::new(text) }
    }

    fn swapped(prompt: &Prompt) -> Option<Prompt> {
        super::swapped(prompt, &mut Chance::new("test", 1, 0))
    }

    #[test]
    fn a_calculation_is_set_anew_and_its_truth_computed_again() {
        for (text, value) in [
            ("What is 12 + 7?", 19.0),
            ("Compute (3 + 4) * 12. Answer with the number only.", 84.0),
            ("How much is 84 divided by 7 minus 2?", 10.0),
            ("Calculate: 2 − 3 × 4\nAnswer:", -10.0),
        ] {
            let new = swapped(&asked(text, value)).unwrap_or_else(|| panic!("left as it is: {text}"));
            let Some(Checker::Number { value: truth, .. }) = new.check else { panic!("another checker") };
            assert!(new.prompt != text && truth != value && (truth < 0.0) == (value < 0.0), "{new:?}");
            assert_eq!(Calculation::of(&new.prompt).and_then(|new| new.value()).map(|value| value as f64), Some(truth));
            let words = |text: &str| text.split(|c: char| c.is_ascii_digit()).collect::<String>();
            assert_eq!((words(&new.prompt), new.prompt.len()), (words(text), text.len()));
        }
        let exact = Prompt { check: Some(Checker::Exact(vec!["19".to_owned()])), ..Prompt::new("12 + 7") };
        let new = swapped(&exact).unwrap();
        let value = Calculation::of(&new.prompt).unwrap().value().unwrap();
        assert_eq!(new.check, Some(Checker::Exact(vec![value.to_string()])));
    }

    #[test]
    fn what_no_program_can_compute_keeps_its_numbers() {
        for (text, value) in [
            ("What is 12 + 7?", 20.0),
            ("Double 12 + 7.", 19.0),
            ("How many letters has the word for 2 + 2?", 4.0),
            ("Anna has 2 eggs and 2 more. How many?", 4.0),
            ("What is 12 + 7? And 3?", 19.0),
            ("What is 3.5 + 4?", 7.5),
            ("What is -3 + 4?", 1.0),
            ("What is $3 + 4?", 7.0),
            ("What is 3 + 4%?", 7.0),
            ("What is 007 + 1?", 8.0),
            ("What is 7 / 2?", 3.5),
            ("What is (3 + 4?", 7.0),
            ("What is 7?", 7.0),
            ("What is \"3 + 4\"?", 7.0),
        ] {
            assert_eq!(swapped(&asked(text, value)), None, "{text}");
        }
        let system = Prompt { system: Some("Add 1 to all.".to_owned()), ..asked("What is 2 + 2?", 4.0) };
        assert_eq!(swapped(&system), None);
        assert_eq!(swapped(&Prompt::new("What is 2 + 2?")), None, "without a truth there is none to compute");
    }
}
