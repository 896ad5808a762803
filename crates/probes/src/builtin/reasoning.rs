//! Arithmetic with a known depth: chains of steps, units and dates, and questions about their results.

use super::grammar::Scene;
use super::{Chance, Document, Length, Question, Ring};

/// One step of a chain: what happens, and to what amount it leads.
struct Step {
    words: String,
    sum: String,
    total: i64,
}

const GAINS: &[&str] =
    &["^buys <n> more", "^finds <n> in the <container>", "^gets <n> from a~ <relative>", "^is given <n> by <name>"];
const LOSSES: &[&str] = &["^gives <n> to <name>", "^sells <n>", "^loses <n> on the way", "^leaves <n> in the <room>"];

fn step(scene: &mut Scene<'_>, total: i64, ring: Ring) -> Step {
    let largest = ring.either(9, 48);
    let die = scene.chance.below(10);
    let (words, sum, next) = if die == 0 && total <= ring.either(12, 60) {
        ("doubles the number".to_owned(), format!("{total} × 2"), total * 2)
    } else if die == 1 && total % 2 == 0 && total > 3 {
        ("uses up half of them".to_owned(), format!("{total} ÷ 2"), total / 2)
    } else if die < 6 || total < 4 {
        let n = scene.chance.between(2, largest);
        scene.bind("n", n.to_string());
        (scene.say_one(GAINS), format!("{total} + {n}"), total + n)
    } else {
        let n = scene.chance.between(1, largest.min(total - 1));
        scene.bind("n", n.to_string());
        (scene.say_one(LOSSES), format!("{total} − {n}"), total - n)
    };
    Step { words, sum, total: next }
}

/// A chain: who has what, how many at first, and the steps.
pub(super) struct Chain {
    hero: String,
    item: String,
    start: i64,
    steps: Vec<Step>,
}

pub(super) fn draw_chain(scene: &mut Scene<'_>, depth: usize) -> Chain {
    let ring = scene.ring;
    let hero = scene.draw("name").to_owned();
    scene.bind("hero", &hero);
    let item = scene.draw("item").to_owned();
    let start = scene.chance.between(3, ring.either(20, 90));
    let mut total = start;
    let mut steps = Vec::new();
    for _ in 0..depth {
        let step = step(scene, total, ring);
        total = step.total;
        steps.push(step);
    }
    Chain { hero, item, start, steps }
}

impl Chain {
    /// The chain in words, and the question.
    pub(super) fn question(&self) -> String {
        format!("{} How many {} does {} have now?", self.told(), self.item, self.hero)
    }

    fn told(&self) -> String {
        let Self { hero, item, start, steps } = self;
        let mut text = format!("{hero} has {start} {item}.");
        for (index, step) in steps.iter().enumerate() {
            let lead = ["Then", "After that", "Next", "Later"][index % 4];
            text.push_str(&format!(" {lead} {hero} {}.", step.words));
        }
        text
    }

    pub(super) fn result(&self) -> i64 {
        self.steps.last().map_or(self.start, |step| step.total)
    }
}

pub(super) fn depth(chance: &mut Chance, ring: Ring) -> usize {
    ring.either(chance.between(1, 2), chance.between(3, 6)) as usize
}

/// A word problem, worked out line by line.
pub(super) fn chain(chance: &mut Chance, ring: Ring, length: Length) -> Document {
    let depth = depth(chance, ring) + length.of(0, 1, 3);
    let mut scene = Scene::new(chance, ring);
    let chain = draw_chain(&mut scene, depth);
    let mut text = chain.question() + "\n";
    for (index, step) in chain.steps.iter().enumerate() {
        text.push_str(&format!("Step {}: {} = {}.\n", index + 1, step.sum, step.total));
    }
    text.push_str(&format!("{} has {} {}.", chain.hero, chain.result(), chain.item));
    Document::tagged(text, format!("depth:{depth}"))
}

/// What is left after so many steps? Members are rungs: the same chain, a step longer each.
pub(super) fn sum_question(chance: &mut Chance, ring: Ring, _nth: usize, members: usize) -> Vec<Question> {
    let first = depth(chance, ring);
    let mut scene = Scene::new(chance, ring);
    let mut chain = draw_chain(&mut scene, first + members - 1);
    let mut questions = Vec::new();
    for depth in (first..first + members).rev() {
        chain.steps.truncate(depth);
        let prompt = chain.question();
        let truth = chain.result();
        let others = near(scene.chance, truth, &chain);
        questions.push(
            Question::new(prompt, truth.to_string(), others.into_iter().map(|n| n.to_string()))
                .tag(format!("depth:{depth}")),
        );
    }
    questions.reverse();
    questions
}

/// Three wrong results: the one before the last step, and small slips.
fn near(chance: &mut Chance, truth: i64, chain: &Chain) -> Vec<i64> {
    let before = chain.steps.len().checked_sub(2).map_or(chain.start, |index| chain.steps[index].total);
    let mut slips = vec![truth + 1, truth - 1, truth + 2, truth - 2, truth + 10, truth - 10, truth + 5];
    chance.shuffle(&mut slips);
    slips.insert(0, before);
    let mut others: Vec<i64> = Vec::new();
    for slip in slips {
        if slip != truth && slip >= 0 && !others.contains(&slip) && others.len() < 3 {
            others.push(slip);
        }
    }
    others
}

/// Conversions of measure, written out.
const UNITS: &[(&str, &str, i64)] = &[
    ("metres", "centimetres", 100),
    ("kilometres", "metres", 1000),
    ("hours", "minutes", 60),
    ("days", "hours", 24),
    ("weeks", "days", 7),
    ("kilograms", "grams", 1000),
];
const RARE_UNITS: &[(&str, &str, i64)] = &[
    ("fathoms", "feet", 6),
    ("furlongs", "yards", 220),
    ("stone", "pounds", 14),
    ("gross", "dozen", 12),
    ("reams", "sheets", 500),
    ("chains", "links", 100),
    ("hands", "inches", 4),
    ("bushels", "pecks", 4),
];

/// A workshop note full of measures.
pub(super) fn units(chance: &mut Chance, ring: Ring, length: Length) -> Document {
    let count = length.of(3, 5, 8);
    let mut scene = Scene::new(chance, ring);
    let mut parts = vec![scene.say_one(&[
        "Notes from the <shop>, kept by <name>, <job>.",
        "<name> measured everything twice before the <vehicle> left.",
        "For the <material> [box|table|gate] we need exact figures.",
        "The new <job> asked how the old measures work.",
    ])];
    for _ in 0..count {
        let (large, small, factor) = *scene.chance.pick(ring.either(UNITS, RARE_UNITS));
        let n = scene.chance.between(2, ring.either(9, 35));
        let one = large.strip_suffix('s').filter(|_| !large.ends_with("ss")).unwrap_or(large);
        let figures = [("large", large), ("small", small), ("one", one)].map(|(slot, word)| (slot, word.to_owned()));
        let numbers = [("n", n), ("m", n * factor), ("f", factor)].map(|(slot, n)| (slot, n.to_string()));
        for (slot, words) in figures.into_iter().chain(numbers) {
            scene.bind(slot, words);
        }
        parts.push(scene.say_one(&[
            "<n> <large> are <m> <small>.",
            "One counts <f> <small> to the <one>, so <n> <large> make <m> <small>.",
            "The <object> [takes|needs|is marked at] <n> <large>, that is <m> <small>.",
            "At <f> <small> to one <one>, <n> <large> [come to|equal|give] <m> <small>.",
        ]));
    }
    Document::new(parts.join(" "))
}

/// A timetable in words: each entry follows from the one before by a stated duration.
pub(super) fn schedule(chance: &mut Chance, ring: Ring, length: Length) -> Document {
    let entries = length.of(3, 5, 9);
    let mut scene = Scene::new(chance, ring);
    let mut clock = scene.chance.between(6, 10) * 60;
    let quarter = ring.either(15, 1);
    let date = scene.chance.between(1, 28).to_string();
    scene.bind("d", date);
    let mut text = scene.say_one(&[
        "Plan for <day>, <month> <d>, at the <shop>:",
        "The <day> of <name>, <job> in <town>:",
        "Timetable of the <vehicle> from <town>, <day>:",
    ]);
    for _ in 0..entries {
        let minutes = scene.chance.between(15 / quarter, 95 / quarter) * quarter;
        let what = scene.say_one(&[
            "^[talk|lunch|coffee] with <name>",
            "^<vehicle> to <town>",
            "^[clean|repair|look for] the <object>",
            "^[buy|count|unpack] <item>",
            "^walk with the <animal>",
        ]);
        let end = clock + minutes;
        text.push_str(&format!("\n{} to {} ({minutes} minutes): {what}", time(clock), time(end)));
        clock = end;
    }
    text.push_str(&format!("\nEverything is done by {}.", time(clock)));
    Document::new(text)
}

fn time(minutes: i64) -> String {
    format!("{:02}:{:02}", minutes / 60 % 24, minutes % 60)
}
