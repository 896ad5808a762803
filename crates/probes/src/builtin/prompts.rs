//! Prompts that are answered in the model's own words: short answers, so that a few samples agree now and then.
//!
//! Half of a prompt says what is wanted, the other half leads up to the answer (`Answer:`, `Call:`, a sentence without
//! its end): a chat model follows the first, a base model, which only continues a text, the second.

use serde_json::json;

use super::grammar::Scene;
use super::{
    Chance, Question, Ring, boundary, code, constraints, nth_of, puzzles, reasoning, stories, tools, unlimited,
};
use crate::{Checker, Normal};

/// A generated prompt.
pub(super) struct Message {
    pub(super) tags: Vec<String>,
    pub(super) text: String,
    pub(super) answer: Vec<Normal>,
    pub(super) check: Option<Checker>,
    pub(super) max_tokens: u32,
    pub(super) stop: Vec<String>,
}

/// A kind of prompt; makes the members of one family.
pub(super) struct PromptKind {
    pub(super) name: &'static str,
    pub(super) axis: &'static str,
    /// From chance, ring and the number of a template (taken round the list).
    pub(super) make: fn(&mut Chance, Ring, usize) -> Vec<Message>,
    /// How many families a ring has: two families from one template would not be independent.
    pub(super) families: fn(Ring) -> usize,
}

/// Checked ones and open ones, in the order in which they take turns.
pub(super) const PROMPTS: &[PromptKind] = &[
    PromptKind { name: "steps", axis: "reasoning", make: steps, families: unlimited },
    PromptKind { name: "next", axis: "prose", make: next, families: unlimited },
    PromptKind { name: "call", axis: "tool_use", make: call, families: tools::tools },
    PromptKind { name: "name", axis: "prose", make: name, families: names },
    PromptKind { name: "place", axis: "long_horizon", make: place, families: unlimited },
    PromptKind { name: "refusal", axis: "judgment", make: refusal, families: boundary::refusals },
    PromptKind { name: "repair", axis: "error_recovery", make: repair, families: tools::tools },
    PromptKind { name: "prefer", axis: "judgment", make: prefer, families: unlimited },
    PromptKind { name: "last", axis: "reasoning", make: last, families: unlimited },
    PromptKind { name: "list", axis: "novel_instructions", make: list, families: unlimited },
    PromptKind { name: "pick", axis: "prose", make: pick, families: picks },
    PromptKind { name: "clarify", axis: "judgment", make: clarify, families: boundary::clarifications },
    PromptKind { name: "output", axis: "code", make: output, families: unlimited },
];

/// Answers of one word or number: more tokens than either takes.
const WORD: u32 = 8;
const CUE: &str = "Answer:";

impl Message {
    /// Ends at the end of the line; what counts is the first word, whatever its case.
    fn word(text: String) -> Self {
        let answer = vec![Normal::After(CUE.to_owned()), Normal::Word, Normal::Case];
        Self { tags: Vec::new(), text, answer, check: None, max_tokens: WORD, stop: vec!["\n".to_owned()] }
    }

    /// Ends at the end of the line; what counts is the number.
    fn number(text: String) -> Self {
        Self { answer: vec![Normal::Number], ..Self::word(text) }
    }

    fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    fn tags_of(mut self, question: &Question) -> Self {
        self.tags.extend(question.tags.iter().cloned());
        self
    }

    fn right(self, check: Checker) -> Self {
        Self { check: Some(check), ..self }
    }
}

/// A word problem, worked out in steps; what counts is the last number.
fn steps(chance: &mut Chance, ring: Ring, _nth: usize) -> Vec<Message> {
    // Longer chains would not fit into a short answer.
    let depth = reasoning::depth(chance, ring).min(4);
    let chain = reasoning::draw_chain(&mut Scene::new(chance, ring), depth);
    let text = format!(
        "Work this out in steps, one short line each, and end with the number.\n\n{}\nStep 1:",
        chain.question()
    );
    let check = Checker::Number { value: chain.result() as f64, tolerance: 0.0 };
    // A base model goes on with another problem.
    let message = Message { max_tokens: 24 * depth as u32, stop: vec!["How many".to_owned()], ..Message::number(text) };
    vec![message.right(check).tag(format!("depth:{depth}"))]
}

/// Who is the oldest?
fn last(chance: &mut Chance, ring: Ring, nth: usize) -> Vec<Message> {
    let questions = puzzles::order_question(chance, ring, nth, 1);
    let message = |question: &Question| {
        let lead = "Finish the last sentence with one name, and say only the name.";
        let text = format!("{lead}\n\n{} It can only be", question.prompt);
        Message::word(text).right(true_option(question)).tags_of(question)
    };
    questions.iter().map(message).collect()
}

/// What does the program print?
fn output(chance: &mut Chance, ring: Ring, nth: usize) -> Vec<Message> {
    let questions = code::output_question(chance, ring, nth, 1);
    let message = |question: &Question| {
        let text = format!("Answer with the number only.\n\n{}\n{CUE}", question.prompt);
        Message::number(text).right(true_option(question)).tags_of(question)
    };
    questions.iter().map(message).collect()
}

fn refusal(chance: &mut Chance, ring: Ring, nth: usize) -> Vec<Message> {
    decisions(chance, boundary::refusal_question, ring, nth)
}

fn clarify(chance: &mut Chance, ring: Ring, nth: usize) -> Vec<Message> {
    decisions(chance, boundary::clarify_question, ring, nth)
}

/// Both sides of a boundary, decided in a word of the model's own.
fn decisions(
    chance: &mut Chance,
    make: fn(&mut Chance, Ring, usize, usize) -> Vec<Question>,
    ring: Ring,
    nth: usize,
) -> Vec<Message> {
    let first = chance.below(2);
    let message = |question: Question| {
        // Both sides name the decisions in the same order.
        let mut decisions = question.options.clone();
        decisions.sort();
        let text = format!(
            "Someone asks an assistant: {}\nShould the assistant {} or {}? Answer with one word.\n{CUE}",
            question.prompt,
            decisions[first],
            decisions[1 - first]
        );
        Message::word(text).right(true_option(&question)).tags_of(&question)
    };
    make(chance, ring, nth, 2).into_iter().map(message).collect()
}

fn true_option(question: &Question) -> Checker {
    Checker::Exact(question.options.iter().take(1).cloned().collect())
}

/// Where is the thing that the story began with?
fn place(chance: &mut Chance, ring: Ring, _nth: usize) -> Vec<Message> {
    let (distance, mut scene) = (stories::distance(ring), Scene::new(chance, ring));
    let story = stories::story(&mut scene, distance);
    let question = scene.say("\"Where is the <thing>?\" they asked. \"In the");
    let lead = "Finish the last sentence with the name of the room, and say only that word.";
    // A chat model may begin anew ("In the shed"), a base model may go on (`shed," said Anna, "in`).
    let answer = ["In the", "in the"].map(|lead| Normal::After(lead.to_owned())).into_iter();
    let answer = answer.chain([Normal::Word, Normal::Case]).collect();
    let stop = ["\n", ","].map(str::to_owned).to_vec();
    let message = Message { answer, stop, ..Message::word(format!("{lead}\n\n{story} {question}")) };
    let check = Checker::Exact(vec![scene.bound("place").to_owned()]);
    vec![message.right(check).tag(format!("distance:{distance}"))]
}

/// The call that a request needs.
fn call(chance: &mut Chance, ring: Ring, nth: usize) -> Vec<Message> {
    let request = tools::request(chance, ring, nth, 0);
    let lead = "Write the call that serves the user, in the form get_price({\"item\": \"bread\"}).";
    vec![called(&request, format!("{lead}\n\nTools: {}\nUser: {}\nCall:", request.tools, request.words))]
}

/// The call again, after it failed for want of an argument.
fn repair(chance: &mut Chance, ring: Ring, nth: usize) -> Vec<Message> {
    let request = tools::request(chance, ring, nth, 1);
    let mut lacking = request.arguments.clone();
    let missing = chance.below(lacking.len());
    let missing = lacking.keys().nth(missing).cloned().unwrap_or_default();
    // `remove` would put the last argument into the gap.
    lacking.shift_remove(&missing);
    let failed = serde_json::Value::Object(lacking);
    let text = format!(
        "The first call failed. Write the call that serves the user, in the same form.\n\nUser: {}\nCall: \
         {}({failed})\nResult: failed: missing argument \"{missing}\"\nCall:",
        request.words, request.tool
    );
    vec![called(&request, text).tag("fault")]
}

/// Right when every argument is there, and says what the request says. How a message or a time is put is free.
fn called(request: &tools::Request, text: String) -> Message {
    let free = ["text", "time", "from", "to"];
    let mut properties = serde_json::Map::new();
    for (name, value) in &request.arguments {
        let wanted = if free.contains(&name.as_str()) { json!({"type": "string"}) } else { json!({"const": value}) };
        properties.insert(name.clone(), wanted);
    }
    let required: Vec<&String> = request.arguments.keys().collect();
    let schema = json!({"type": "object", "required": required, "properties": properties});
    let stop = ["\nResult", "\nUser"].map(str::to_owned).to_vec();
    Message { answer: vec![Normal::Json], max_tokens: 48, stop, ..Message::word(text) }
        .right(Checker::JsonSchema(schema))
}

/// A list under rules that can be checked by reading.
fn list(chance: &mut Chance, ring: Ring, _nth: usize) -> Vec<Message> {
    let &(topic, _) = chance.pick(constraints::TOPICS);
    let count = 2 + chance.below(ring.either(2, 4));
    let letter = *chance.pick(&['u', 'w', 'k', 'h']);
    // What is said, and what it forbids within an entry or asks at the end.
    let mut more = [
        (
            format!("use no word with the letter \"{letter}\""),
            letter.to_string() + &letter.to_uppercase().to_string(),
            "",
        ),
        ("write everything in capital letters".to_owned(), "\\p{Ll}".to_owned(), ""),
        ("put an exclamation mark at the end".to_owned(), String::new(), "!"),
    ];
    chance.shuffle(&mut more);
    let rules = &more[..ring.either(chance.below(2), 2 + chance.below(2))];
    let said: String = rules.iter().map(|(said, ..)| format!("; {said}")).collect();
    let forbidden: String = rules.iter().map(|(_, forbidden, _)| forbidden.as_str()).collect();
    let end = if rules.iter().any(|(.., end)| *end == "!") { "!" } else { "\\.?" };
    let text = format!(
        "List {topic}. Rules: name exactly {count}, in one line, with commas between them{said}. Write the list only.\n{CUE}"
    );
    let entry = format!("[^,.!{forbidden}]+");
    let pattern = format!("^{entry}(, {entry}){{{}}}{end}$", count - 1);
    let answer = vec![Normal::After(CUE.to_owned()), Normal::Whitespace];
    let message = Message { answer, max_tokens: 32, ..Message::word(text) };
    vec![message.right(Checker::Regex(pattern)).tag(format!("constraints:{}", 1 + rules.len()))]
}

const NEXT: &[&str] = &[
    "Somebody painted the gate",
    "For [a week|a month|most of the winter] there was nothing but",
    "<name> came by with",
    "At the <shop> they were short of",
    "<hero> felt",
    "In <month> the",
    "<name> wanted to buy a~ <object> made of",
    "That evening <hero> hid a~",
    "Before leaving, <hero> put the",
    "Over the winter <hero> learned the trade of a",
    "They left by",
    "The first to arrive was",
];

/// What comes next? Many words are right.
fn next(chance: &mut Chance, ring: Ring, _nth: usize) -> Vec<Message> {
    let mut scene = Scene::new(chance, ring);
    let story = format!("{} {}", scene.say_one(stories::OPENINGS), scene.say_one(NEXT));
    let message = Message::word(format!("Say the next word of this text, and only that word.\n\n{story}"));
    vec![message.tag("open")]
}

const NAMES: &[&str] = &[
    "a colour",
    "an animal",
    "a fruit",
    "a day of the week",
    "a month",
    "a country",
    "a first name",
    "a tool",
    "a tree",
    "a musical instrument",
    "a drink",
    "a feeling",
    "a part of the body",
    "a piece of furniture",
    "a flower",
    "a metal",
    "a letter of the alphabet",
    "a sport",
    "a verb",
    "something that is cold",
];
const RARE_NAMES: &[&str] = &[
    "a gemstone",
    "a fabric",
    "a spice",
    "a dance",
    "a bone",
    "a constellation",
    "a chess piece",
    "a nautical knot",
    "an extinct animal",
    "an old unit of length",
    "a part of a ship",
    "a legal profession",
    "a mushroom",
    "a metre of verse",
    "a wind with a name",
    "a mineral",
    "a heraldic colour",
    "a craft that hardly anybody practises now",
    "an adverb of more than eight letters",
    "a word that is hard to spell",
];

/// One of many.
fn name(_: &mut Chance, ring: Ring, nth: usize) -> Vec<Message> {
    let what = nth_of(ring.either(NAMES, RARE_NAMES), nth);
    vec![Message::word(format!("Name {what}. Answer with one word.\n{CUE}")).tag("open")]
}

fn names(ring: Ring) -> usize {
    ring.either(NAMES, RARE_NAMES).len()
}

const PICKS: &[&str] = &[
    "Pick a number from 1 to 10.",
    "Roll a die and say what it shows.",
    "Guess how many <item> are in the <container>.",
    "At which full hour shall we meet <name>, from 1 to 12?",
    "On which day of <month> shall we leave for <town>?",
    "How old is <name>, the new <job>?",
    "What is your lucky number?",
    "Choose one of the nine tables in the <shop>.",
    "How many eggs shall I buy for a cake?",
    "Which grade, from 1 to 6, does a painting of a~ <animal> deserve?",
];
const RARE_PICKS: &[&str] = &[
    "Roll two dice and say their sum.",
    "Draw a lot between 1 and 40.",
    "At how many fathoms shall the <vehicle> drop its anchor?",
    "Guess the year in which the <object> was made.",
    "Guess the lot number of the <object> at the auction in <town>.",
    "Name a prime number below 50.",
    "How many <item> does a~ <job> need in a year?",
    "Pick a number between 1 and 100 that nobody else would pick.",
    "Which bearing, in degrees, would you steer from <town>?",
    "Guess the weight of the <animal>, in grams.",
];

/// One number of many.
fn pick(chance: &mut Chance, ring: Ring, nth: usize) -> Vec<Message> {
    let what = Scene::new(chance, ring).say(nth_of(ring.either(PICKS, RARE_PICKS), nth));
    vec![Message::number(format!("{what} Answer with one number.\n{CUE}")).tag("open")]
}

fn picks(ring: Ring) -> usize {
    ring.either(PICKS, RARE_PICKS).len()
}

/// A matter of taste between two.
fn prefer(chance: &mut Chance, ring: Ring, _nth: usize) -> Vec<Message> {
    let mut scene = Scene::new(chance, ring);
    let question = scene.say_one(&[
        "Which would you rather keep from a burning <room>, the <object:a> or the <object:b>?",
        "Which colour suits the <shop> better, <colour:a> or <colour:b>?",
        "Which would you rather eat for a week, <food:a> or <food:b>?",
        "Which animal should live beside the <shop>, a~ <animal:a> or a~ <animal:b>?",
        "Which is worse on a <day>, <weather:a> or <weather:b>?",
        "Should the <container> be made of <material:a> or <material:b>?",
        "Whom would you ask for help in <town>, a~ <job:a> or a~ <job:b>?",
    ]);
    vec![Message::word(format!("{question} Answer with one word.\n{CUE}")).tag("open")]
}
