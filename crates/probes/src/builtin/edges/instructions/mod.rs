//! Novel instructions: rules on a few words or numbers, composed.
//!
//! Five places of a rule speak of the items, five of their form. In the centre rules of one half stand together only;
//! that one of each half must be followed at once is asked outside alone.

mod items;
mod rule;

use std::fmt::Write;

use super::EdgeAxis;
use super::words::SAID;
use crate::builtin::Chance;
use crate::kind::Prompt;
use crate::{Checker, Normal};
use items::Items;
use rule::{Half, Place, Rule};

pub(super) const AXIS: EdgeAxis = EdgeAxis {
    axis: "novel_instructions",
    knob: "constraints",
    unit: "rules",
    meaning: "rules that one short answer must follow at once",
    chance: 0.0,
    trained_to: 2.0,
    rungs: &[1.0, 2.0, 3.0, 4.0, 6.0, 8.0],
};

const CUE: &str = super::said::CUE;
/// Items of a scene: few enough for an answer of some twenty tokens.
const ITEMS: usize = 4;
/// Tokens of an answer: the longest takes about thirty.
const TOKENS: u32 = 40;

/// Rules on words.
pub(super) fn words(chance: &mut Chance, rungs: &[f64]) -> Vec<Prompt> {
    ladder(chance, rungs, |chance| Items::Words(chance.sample(SAID, ITEMS).into_iter().map(str::to_owned).collect()))
}

/// Rules on numbers.
pub(super) fn numbers(chance: &mut Chance, rungs: &[f64]) -> Vec<Prompt> {
    ladder(chance, rungs, |chance| Items::Numbers(chance.sample(&items::NUMBERS, ITEMS)))
}

fn ladder(chance: &mut Chance, rungs: &[f64], draw: fn(&mut Chance) -> Items) -> Vec<Prompt> {
    loop {
        let (items, places) = (draw(chance), places(chance));
        let mut each = items.each();
        chance.shuffle(&mut each);
        let draw = |place| Rule::draw(place, &items, &each, chance);
        let rules: Vec<Rule> = places.into_iter().map(draw).collect();
        let shown = |&count: &f64| {
            let mut shown = rules[..(count as usize).min(rules.len())].to_vec();
            shown.sort_by_key(Rule::place);
            shown
        };
        let ladder: Vec<Vec<Rule>> = rungs.iter().map(shown).collect();
        if ladder.iter().all(|rules| every_rule_shows(&items, rules)) {
            return ladder.iter().map(|rules| prompt(&items, rules)).collect();
        }
    }
}

/// The order in which places join a ladder: as many as the centre has from one half, then one of the other, then all.
fn places(chance: &mut Chance) -> Vec<Place> {
    let centre = AXIS.trained_to as usize;
    let (mut first, mut second): (Vec<Place>, Vec<Place>) =
        Place::ALL.into_iter().partition(|place| place.half() == Half::Content);
    if chance.percent(50) {
        std::mem::swap(&mut first, &mut second);
    }
    chance.shuffle(&mut first);
    chance.shuffle(&mut second);
    let later = first.split_off(centre);
    let novel = second.split_off(second.len() - 1);
    let mut rest: Vec<Place> = later.into_iter().chain(second).collect();
    chance.shuffle(&mut rest);
    first.into_iter().chain(novel).chain(rest).collect()
}

/// Whether an answer that forgets one of the rules is wrong, whichever it is.
fn every_rule_shows(items: &Items, rules: &[Rule]) -> bool {
    let pattern = pattern(items, rules);
    let Ok(right) = regex::Regex::new(&pattern) else { return false };
    let forgotten = |number: usize| {
        let kept: Vec<Rule> =
            rules.iter().enumerate().filter(|(at, _)| *at != number).map(|(_, rule)| rule.clone()).collect();
        answer(items, &kept)
    };
    items.followed(rules).len() >= 2
        && right.is_match(&answer(items, rules))
        && (0..rules.len()).all(|number| !right.is_match(&forgotten(number)))
}

fn prompt(items: &Items, rules: &[Rule]) -> Prompt {
    let kind = items.noun();
    let mut text = format!(
        "Say these {kind}s again in one line and follow the rules from first to last. Write nothing else.\n\n{}: {}\nRules:\n",
        items.heading(),
        items.given()
    );
    for (number, rule) in rules.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}. {}", number + 1, rule.said(kind));
    }
    Prompt {
        answer: vec![Normal::After(CUE.to_owned()), Normal::Whitespace],
        check: Some(Checker::Regex(pattern(items, rules))),
        max_tokens: Some(TOKENS),
        stop: vec!["\n".to_owned()],
        ..Prompt::new(text + CUE)
    }
}

/// The answer as one would write it.
fn answer(items: &Items, rules: &[Rule]) -> String {
    let form = Form::of(rules);
    let body = items.followed(rules).join(form.separator.unwrap_or(" "));
    let front = form.front.map(|word| format!("{word} ")).unwrap_or_default();
    let end = form.end.map(|end| if end == "!" { end.to_owned() } else { format!(" {end}") }).unwrap_or_default();
    format!("{front}{body}{end}")
}

/// What an answer must look like. Free is what no rule speaks of: marks of quotation round it, a full stop, commas.
fn pattern(items: &Items, rules: &[Rule]) -> String {
    let form = Form::of(rules);
    let separator = form.separator.map_or(",? ".to_owned(), regex::escape);
    let body: Vec<String> = items.followed(rules).iter().map(|item| regex::escape(item)).collect();
    let any_case = if rules.iter().any(|rule| rule.place() == Place::Case) { "" } else { "(?i)" };
    let front = form.front.map(|word| format!("(?i:{}) ", regex::escape(word))).unwrap_or_default();
    let end = form.end.map(|end| format!(" ?(?i:{})", regex::escape(end))).unwrap_or_default();
    format!("{any_case}^[\"'`*]*{front}{}{end}[.\"'`*]*$", body.join(&separator))
}

/// What the rules say of the line as a whole.
struct Form {
    separator: Option<&'static str>,
    front: Option<&'static str>,
    end: Option<&'static str>,
}

impl Form {
    fn of(rules: &[Rule]) -> Self {
        let mut form = Self { separator: None, front: None, end: None };
        for rule in rules {
            match rule {
                Rule::Between(text) => form.separator = Some(text),
                Rule::Front(text) => form.front = Some(text),
                Rule::End(text) => form.end = Some(text),
                _ => {}
            }
        }
        form
    }
}
