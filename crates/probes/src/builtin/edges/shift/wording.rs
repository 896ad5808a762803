//! The same request in other words: a template around what is asked for.
//!
//! `Write a letter.` becomes `I want you to write a letter.`, `Who is it?` becomes `Tell me this: who is it?`. Only sentences that
//! can be nothing but an order or a question are put so, and nothing of them but their first letter is touched.

use super::fixed::free_words;
use crate::builtin::Chance;

const ORDERS: &[&str] = &["I want you to", "Your task is to", "You are asked to", "I would like you to"];
const QUESTIONS: &[&str] = &["Tell me this:", "I want to know this:", "Here is what I ask:", "Please tell me:"];

/// Words that begin an order where one of [`OBJECTS`] comes next.
const VERBS: &[&str] = &[
    "Answer",
    "Calculate",
    "Classify",
    "Compute",
    "Count",
    "Create",
    "Decide",
    "Describe",
    "Explain",
    "Find",
    "Give",
    "List",
    "Name",
    "Reply",
    "Respond",
    "Return",
    "Say",
    "Show",
    "State",
    "Summarise",
    "Summarize",
    "Tell",
    "Translate",
    "Write",
];
const OBJECTS: &[&str] = &[
    "a", "all", "an", "each", "every", "how", "in", "it", "me", "only", "the", "these", "this", "to", "what",
    "whether", "which", "who", "with", "your",
];
const ASKING: &[&str] = &["How", "What", "When", "Where", "Which", "Who", "Whose", "Why"];

/// The last sentence that is an order or a question, put in another way; none where there is no such.
pub(super) fn reworded(text: &str, chance: &mut Chance) -> Option<String> {
    let words = free_words(text);
    let begins = |at: usize| {
        let before = text[..at].trim_end_matches(' ');
        before.is_empty() || before.ends_with('\n') || (before.len() < at && before.ends_with(['.', '?', '!']))
    };
    let (place, templates) = words.iter().enumerate().rev().find_map(|(number, place)| {
        let word = &text[place.clone()];
        let next =
            words.get(number + 1).filter(|next| text[place.end..next.start] == *" ").map(|next| &text[next.clone()]);
        let templates = if VERBS.contains(&word) && next.is_some_and(|next| OBJECTS.contains(&next)) {
            ORDERS
        } else if ASKING.contains(&word) && is_question(&text[place.end..]) {
            QUESTIONS
        } else {
            return None;
        };
        begins(place.start).then_some((place, templates))
    })?;
    let (before, sentence) = text.split_at(place.start);
    let (initial, rest) = sentence.split_at(1);
    Some(format!("{before}{} {}{rest}", chance.pick(templates), initial.to_lowercase()))
}

/// Whether a sentence ends with a question mark.
fn is_question(rest: &str) -> bool {
    rest.find(['.', '?', '!', '\n']).is_some_and(|end| rest[end..].starts_with('?'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reworded(text: &str) -> Option<String> {
        super::reworded(text, &mut Chance::new("test", 1, 0))
    }

    #[test]
    fn orders_and_questions_are_put_in_another_way() {
        for (text, templates, rest) in [
            ("Write a letter.", ORDERS, " write a letter."),
            ("Anna met Ben. Who is it?\nAnswer:", QUESTIONS, " who is it?\nAnswer:"),
            ("Which of them? Answer with a number.", ORDERS, " answer with a number."),
        ] {
            let new = reworded(text).unwrap_or_else(|| panic!("left as it is: {text}"));
            assert!(new.ends_with(rest), "{new}");
            let before = &text[..text.len() + 1 - rest.len()];
            assert!(templates.iter().any(|template| new == [before, template, rest].concat()), "{new}");
        }
    }

    #[test]
    fn what_could_be_something_else_stays() {
        for text in [
            "Name tags are blue.",
            "State law says so.",
            "What a day!",
            "Say \"Who is it?\"",
            "```\nWhat is it?\n```",
            "Answer:",
            "The sign says: Write a letter.",
            "He, Who is it?",
        ] {
            assert_eq!(reworded(text), None, "{text}");
        }
    }
}
