//! A small world of graded prompts, which models of a few million parameters can learn: three axes, a knob each.
//!
//! The words are few and the templates as regular as can be, so that what is measured is the ability and not the
//! language: to follow a trail of pairs, to find a tool among others, to keep several rules at once. Everything that an
//! answer needs stands in the prompt, and nobody guesses it.

use std::collections::BTreeSet;

use super::{Chance, Domain};
use crate::kind;
use crate::{Ask, Checker, Knob, Normal, Probe};

/// How far the knobs are turned in [`Domain::Centre`].
const CENTRE: usize = 2;
/// Questions that a lesson of the corpus asks about one setting, at most.
const QUESTIONS: usize = 4;
/// Longer than any right answer, in the tokens of any usual vocabulary.
const MAX_TOKENS: u32 = 40;

const NAMES: &[&str] =
    &["Ann", "Bob", "Kim", "Joe", "Tom", "Sue", "Max", "Eva", "Leo", "Ida", "Ned", "Pam", "Ray", "Zoe", "Gus", "Meg"];
const GOODS: &[&str] = &["gold", "salt", "rice", "wool", "silk", "tea", "corn", "milk", "wood", "clay"];
const DEVICES: &[&str] = &[
    "door", "lamp", "bell", "gate", "drum", "clock", "radio", "fan", "pump", "lift", "oven", "horn", "crane", "sign",
    "stove", "press",
];
const METHODS: &[&str] = &[
    "push", "pull", "turn", "raise", "slide", "spin", "tap", "set", "paint", "move", "open", "mark", "check", "start",
    "clean", "wrap",
];
const COLOURS: &[&str] = &[
    "red", "blue", "green", "black", "white", "brown", "grey", "pink", "orange", "purple", "yellow", "violet", "cyan",
    "amber", "ivory", "scarlet",
];
const WORDS: &[&str] =
    &["sun", "oak", "sea", "cat", "dog", "hat", "cup", "box", "key", "map", "pen", "jar", "owl", "ice", "net", "rod"];

/// One question about a setting, and its answer.
struct Question {
    /// The line that asks.
    line: String,
    answer: String,
    /// What is asked whatever the knob says: it decides whether suites or the corpus may use the question.
    topic: String,
}

/// One instance of a task: it can be set at every value of its knob, from 1 to `MOST`.
trait Task: Sized {
    const NAME: &'static str;
    const AXIS: &'static str;
    const KNOB: &'static str;
    const MOST: usize;

    /// Values of the knob in a ladder.
    fn rungs() -> Vec<usize> {
        (1..=Self::MOST).collect()
    }

    fn draw(chance: &mut Chance) -> Self;
    /// What the questions are about.
    fn setting(&self, chance: &mut Chance, knob: usize) -> String;
    /// The question that is as hard as the knob says.
    fn question(&self, knob: usize) -> Question;
    /// Another about the same setting, no harder.
    fn another(&self, chance: &mut Chance, knob: usize) -> Question;
}

/// Prompts on three axes, each ladder the same instance at growing values of its knob: `reasoning` by `depth` (1 to 12),
/// `tool_use` by `tools` (1 to 6), `novel_instructions` by `constraints` (1 to 5).
///
/// No two prompts have the same words, and none was ever in a [`super::corpus`]. The words are few: an axis that has
/// told all it can (from some three hundred ladders on) has fewer ladders than were asked for.
#[must_use]
pub fn small_world(ladders_per_axis: usize, seed: u64) -> Vec<Probe> {
    let mut axes = [
        ladders::<LongTrail>(ladders_per_axis, seed).into_iter(),
        ladders::<Call>(ladders_per_axis, seed).into_iter(),
        ladders::<Rules>(ladders_per_axis, seed).into_iter(),
    ];
    // The axes take turns, so that the first part of the suite has something of each.
    let mut probes = Vec::new();
    for _ in 0..ladders_per_axis {
        probes.extend(axes.iter_mut().filter_map(Iterator::next).flatten());
    }
    probes
}

/// Ladders whose prompts are all new.
fn ladders<T: Task>(count: usize, seed: u64) -> Vec<Vec<Probe>> {
    // One draw in four is kept for suites; what is drawn in vain beyond that has been told before.
    const ATTEMPTS: usize = 40;
    let purpose = format!("small_world/{}", T::NAME);
    let mut told = BTreeSet::new();
    let mut ladders: Vec<Vec<Probe>> = Vec::new();
    for attempt in 0..count.saturating_mul(ATTEMPTS) {
        if ladders.len() == count {
            break;
        }
        let mut chance = Chance::new(&purpose, seed, attempt as u64);
        let task = T::draw(&mut chance);
        if !kept_for_suites(&task.question(1).topic) {
            continue;
        }
        let ladder: Vec<Probe> =
            T::rungs().into_iter().map(|knob| probe(&task, &mut chance, knob, ladders.len())).collect();
        if ladder.iter().all(|probe| !told.contains(probe.ask.kind().question())) {
            told.extend(ladder.iter().map(|probe| probe.ask.kind().question().to_owned()));
            ladders.push(ladder);
        }
    }
    ladders
}

fn probe<T: Task>(task: &T, chance: &mut Chance, knob: usize, ladder: usize) -> Probe {
    let family = format!("small/{}/{ladder:04}", T::NAME);
    let Question { line, answer, .. } = task.question(knob);
    Probe {
        id: format!("{family}/{knob}"),
        family,
        axis: T::AXIS.to_owned(),
        tags: vec!["small".to_owned(), T::NAME.to_owned()],
        knob: Some(Knob::new(T::KNOB, knob as f64)),
        boundary: None,
        ask: Ask::Prompt(kind::Prompt {
            answer: vec![Normal::Whitespace],
            check: Some(Checker::Exact(vec![answer])),
            max_tokens: Some(MAX_TOKENS),
            stop: vec!["\n".to_owned()],
            decoding: kind::Decoding::Greedy,
            ..kind::Prompt::new(format!("{}\n{line}", task.setting(chance, knob)))
        }),
    }
}

/// A document of the corpus: a setting and some questions with their answers, in the very form of the prompts.
pub(super) fn lesson(chance: &mut Chance, domain: Domain) -> String {
    match chance.below(3) {
        0 => lesson_in::<Trail>(chance, domain),
        1 => lesson_in::<Call>(chance, domain),
        _ => lesson_in::<Rules>(chance, domain),
    }
}

fn lesson_in<T: Task>(chance: &mut Chance, domain: Domain) -> String {
    let most = match domain {
        Domain::Centre => CENTRE,
        Domain::Whole => T::MOST,
    };
    let knob = 1 + chance.below(most);
    let wanted = 1 + chance.below(QUESTIONS);
    loop {
        let task = T::draw(chance);
        let mut text = task.setting(chance, knob);
        let mut questions = vec![task.question(knob)];
        questions.extend((1..wanted).map(|_| task.another(chance, knob)));
        questions.retain(|question| !kept_for_suites(&question.topic));
        for Question { line, answer, .. } in &questions {
            text.push_str(&format!("\n{line} {answer}"));
        }
        if !questions.is_empty() {
            return text;
        }
    }
}

/// A quarter of all topics is for suites, and never in a corpus, whatever the seeds.
fn kept_for_suites(topic: &str) -> bool {
    blake3::hash(topic.as_bytes()).as_bytes()[0].is_multiple_of(4)
}

/// Pairs of which each leads to the next, told in any order, up to a thing. Knob: pairs to the end.
struct Trail {
    names: Vec<&'static str>,
    thing: &'static str,
    /// A trail of two that leads nowhere near.
    aside: [&'static str; 3],
}

impl Trail {
    /// A trail of at most so many pairs.
    fn of(chance: &mut Chance, most: usize) -> Self {
        let mut names = chance.sample(NAMES, most + 2);
        let aside = names.split_off(most);
        let things = chance.sample(GOODS, 2);
        Self { names, thing: things[0], aside: [aside[0], aside[1], things[1]] }
    }

    /// The trail of so many pairs, from its first name to the thing.
    fn path(&self, depth: usize) -> Vec<&'static str> {
        self.names[..depth].iter().chain([&self.thing]).copied().collect()
    }

    fn from(path: &[&str]) -> Question {
        let (first, last) = (path[0], path[path.len() - 1]);
        Question { line: format!("Trail: {first}"), answer: path[1..].join(" "), topic: format!("{first} {last}") }
    }
}

impl Task for Trail {
    const NAME: &'static str = "trail";
    const AXIS: &'static str = "reasoning";
    const KNOB: &'static str = "depth";
    const MOST: usize = 6;

    fn draw(chance: &mut Chance) -> Self {
        Self::of(chance, Self::MOST)
    }

    fn setting(&self, chance: &mut Chance, depth: usize) -> String {
        let path = self.path(depth);
        let mut pairs: Vec<String> = path.windows(2).chain(self.aside.windows(2)).map(|pair| pair.join(" ")).collect();
        chance.shuffle(&mut pairs);
        format!("Pairs: {}", pairs.join(", "))
    }

    fn question(&self, depth: usize) -> Question {
        Self::from(&self.path(depth))
    }

    fn another(&self, chance: &mut Chance, depth: usize) -> Question {
        match chance.below(depth + 2) {
            0 => Self::from(&self.aside),
            1 => Self::from(&self.aside[1..]),
            start => Self::from(&self.path(depth)[start - 2..]),
        }
    }
}

/// The same for suites: trails longer than any that was ever in a corpus.
struct LongTrail(Trail);

impl Task for LongTrail {
    const NAME: &'static str = Trail::NAME;
    const AXIS: &'static str = Trail::AXIS;
    const KNOB: &'static str = Trail::KNOB;
    const MOST: usize = 12;

    fn rungs() -> Vec<usize> {
        vec![1, 2, 4, 6, 9, 12]
    }

    fn draw(chance: &mut Chance) -> Self {
        Self(Trail::of(chance, Self::MOST))
    }

    fn setting(&self, chance: &mut Chance, depth: usize) -> String {
        self.0.setting(chance, depth)
    }

    fn question(&self, depth: usize) -> Question {
        self.0.question(depth)
    }

    fn another(&self, chance: &mut Chance, depth: usize) -> Question {
        self.0.another(chance, depth)
    }
}

/// One call with its argument, of a tool whose name must be looked up. Knob: tools to choose from.
struct Call {
    /// Devices with their methods.
    tools: Vec<(&'static str, &'static str)>,
    colour: &'static str,
}

impl Call {
    fn of((device, method): (&str, &str), colour: &str) -> Question {
        let line = format!("Request: {device} {colour}\nCall:");
        Question { line, answer: format!("{device}.{method}({colour})"), topic: format!("{device} {colour}") }
    }
}

impl Task for Call {
    const NAME: &'static str = "call";
    const AXIS: &'static str = "tool_use";
    const KNOB: &'static str = "tools";
    const MOST: usize = 6;

    fn draw(chance: &mut Chance) -> Self {
        let (devices, methods) = (chance.sample(DEVICES, Self::MOST), chance.sample(METHODS, Self::MOST));
        Self { tools: devices.into_iter().zip(methods).collect(), colour: *chance.pick(COLOURS) }
    }

    fn setting(&self, chance: &mut Chance, tools: usize) -> String {
        let mut offered: Vec<String> =
            self.tools[..tools].iter().map(|(device, method)| format!("{device}.{method}")).collect();
        chance.shuffle(&mut offered);
        format!("Tools: {}", offered.join(" "))
    }

    fn question(&self, _tools: usize) -> Question {
        Self::of(self.tools[0], self.colour)
    }

    fn another(&self, chance: &mut Chance, tools: usize) -> Question {
        let tool = *chance.pick(&self.tools[..tools]);
        let colour = *chance.pick(COLOURS);
        Self::of(tool, colour)
    }
}

/// What a rule asks of a reply. They are kept together in any order that they are told in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    Capitals,
    Backwards,
    Twice,
    Commas,
    Star,
    Stop,
}

impl Rule {
    const ALL: [Rule; 6] = [Rule::Capitals, Rule::Backwards, Rule::Twice, Rule::Commas, Rule::Star, Rule::Stop];

    fn word(self) -> &'static str {
        match self {
            Rule::Capitals => "capitals",
            Rule::Backwards => "backwards",
            Rule::Twice => "twice",
            Rule::Commas => "commas",
            Rule::Star => "star",
            Rule::Stop => "stop",
        }
    }
}

/// Two words said back under rules. Knob: rules that hold at once.
struct Rules {
    rules: Vec<Rule>,
    words: [&'static str; 2],
}

impl Rules {
    fn of(rules: &[Rule], words: [&str; 2]) -> Question {
        let line = format!("Words: {}\nReply:", words.join(" "));
        Question { line, answer: reply(rules, words), topic: words.join(" ") }
    }
}

fn reply(rules: &[Rule], words: [&str; 2]) -> String {
    let has = |rule| rules.contains(&rule);
    let mut words: Vec<String> = words.map(str::to_owned).to_vec();
    if has(Rule::Backwards) {
        words.reverse();
    }
    if has(Rule::Twice) {
        words = words.into_iter().flat_map(|word| [word.clone(), word]).collect();
    }
    if has(Rule::Capitals) {
        words.iter_mut().for_each(|word| *word = word.to_uppercase());
    }
    let said = words.join(if has(Rule::Commas) { ", " } else { " " });
    let (before, after) = (if has(Rule::Star) { "* " } else { "" }, if has(Rule::Stop) { " !" } else { "" });
    format!("{before}{said}{after}")
}

impl Task for Rules {
    const NAME: &'static str = "rules";
    const AXIS: &'static str = "novel_instructions";
    const KNOB: &'static str = "constraints";
    const MOST: usize = 5;

    fn draw(chance: &mut Chance) -> Self {
        Self { rules: chance.sample(&Rule::ALL, Self::MOST), words: two_words(chance) }
    }

    fn setting(&self, _chance: &mut Chance, constraints: usize) -> String {
        let words: Vec<&str> = self.rules[..constraints].iter().map(|rule| rule.word()).collect();
        format!("Rules: {}", words.join(", "))
    }

    fn question(&self, constraints: usize) -> Question {
        Self::of(&self.rules[..constraints], self.words)
    }

    fn another(&self, chance: &mut Chance, constraints: usize) -> Question {
        Self::of(&self.rules[..constraints], two_words(chance))
    }
}

fn two_words(chance: &mut Chance) -> [&'static str; 2] {
    let words = chance.sample(WORDS, 2);
    [words[0], words[1]]
}
