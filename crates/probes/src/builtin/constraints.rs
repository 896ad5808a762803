//! Instructions whose constraints can be checked, and replies that keep them or break one.

use super::grammar::Scene;
use super::{Chance, Document, Length, Question, Ring};

/// A constraint on a list of words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Constraint {
    Count(usize),
    Without(char),
    Sorted,
    Capitals,
}

impl Constraint {
    /// How it is said.
    fn words(self) -> String {
        match self {
            Constraint::Count(n) => format!("name exactly {n} things"),
            Constraint::Without(letter) => format!("use no word with the letter \"{letter}\""),
            Constraint::Sorted => "put them in alphabetical order".to_owned(),
            Constraint::Capitals => "write everything in capital letters".to_owned(),
        }
    }

    /// Whether a reply keeps it.
    fn keeps(self, words: &[String]) -> bool {
        match self {
            Constraint::Count(n) => words.len() == n,
            Constraint::Without(letter) => words.iter().all(|word| !word.to_lowercase().contains(letter)),
            Constraint::Sorted => words.is_sorted_by_key(|word| word.to_lowercase()),
            Constraint::Capitals => words.iter().all(|word| *word == word.to_uppercase()),
        }
    }
}

/// The constraints of one instruction: one in the centre, up to four at the edge.
fn draw(chance: &mut Chance, ring: Ring) -> Vec<Constraint> {
    let letter = *chance.pick(&['u', 'w', 'k', 'h']);
    let n = 3 + chance.below(2);
    let mut constraints = vec![Constraint::Count(n)];
    let mut more = vec![Constraint::Without(letter), Constraint::Sorted, Constraint::Capitals];
    chance.shuffle(&mut more);
    constraints.extend(more.into_iter().take(ring.either(chance.below(2), 2 + chance.below(2))));
    constraints
}

fn said(constraints: &[Constraint]) -> String {
    let words: Vec<String> = constraints.iter().map(|constraint| constraint.words()).collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => words.concat(),
    }
}

/// A reply that keeps every constraint but the `broken` one; `None` where the words do not allow it.
fn reply(chance: &mut Chance, pool: &[&str], constraints: &[Constraint], broken: Option<usize>) -> Option<Vec<String>> {
    let capital = constraints.contains(&Constraint::Capitals);
    let ordered = constraints.contains(&Constraint::Sorted);
    for _ in 0..4000 {
        let size = 2 + chance.below(4);
        let mut words: Vec<String> = chance.sample(pool, size).into_iter().map(str::to_owned).collect();
        if ordered && chance.percent(60) {
            words.sort();
        }
        if capital && chance.percent(60) {
            words = words.iter().map(|word| word.to_uppercase()).collect();
        }
        let fits = constraints
            .iter()
            .enumerate()
            .all(|(index, constraint)| constraint.keeps(&words) == (broken != Some(index)));
        if fits {
            return Some(words);
        }
    }
    None
}

pub(super) const TOPICS: &[(&str, &str)] = &[
    ("things in a workshop", "object"),
    ("animals", "animal"),
    ("things to eat", "food"),
    ("colours", "colour"),
    ("materials", "material"),
    ("plants", "plant"),
];

/// Which reply keeps every rule? Members are rungs: the same topic under other rules.
pub(super) fn question(chance: &mut Chance, ring: Ring, _nth: usize, members: usize) -> Vec<Question> {
    let &(topic, list) = chance.pick(TOPICS);
    let pool: Vec<&str> =
        super::lexicon::words(list, ring).iter().copied().filter(|word| !word.contains(' ')).collect();
    let mut questions = Vec::new();
    while questions.len() < members {
        let constraints = draw(chance, ring);
        let prompt = format!("The instruction was: list {topic}; {}. Which reply follows it?", said(&constraints));
        if questions.iter().any(|earlier: &Question| earlier.prompt == prompt) {
            continue;
        }
        let Some(truth) = reply(chance, &pool, &constraints, None) else { continue };
        let mut others: Vec<String> = Vec::new();
        for slot in 0..12 {
            let wrong = reply(chance, &pool, &constraints, Some(slot % constraints.len()));
            let wrong = wrong.map(|words| words.join(", "));
            others.extend(wrong.filter(|wrong| !others.contains(wrong)));
            if others.len() == 3 {
                break;
            }
        }
        if others.len() < 3 {
            continue;
        }
        questions
            .push(Question::new(prompt, truth.join(", "), others).tag(format!("constraints:{}", constraints.len())));
    }
    questions
}

const TASKS: &[&str] = &[
    "Write a notice for the door of the <shop>",
    "Describe the <room> to someone who has never seen it",
    "Explain to a~ <job> how to pack <item>",
    "Write a note to <name> about the <animal>",
    "Announce that the <vehicle> to <town> is cancelled",
];
const RULES: &[&str] = &[
    "Use at most [twenty|forty|sixty] words.",
    "Do not [mention money|use the word \"very\"|name any person].",
    "Begin with the word \"<word:w>\" and end with the same word.",
    "Mention <colour> once and <weather> once.",
    "Write in the [past|future] tense throughout.",
    "Give [two|three] reasons, numbered, and no fourth.",
    "If anything is unclear, say which fact is missing instead of guessing.",
    "Address the reader as a~ <job>, [politely|without flattery].",
    "Put the <object> in the second sentence, not in the first.",
];

/// A brief with numbered rules, and a line on which of them is the hard one.
pub(super) fn brief(chance: &mut Chance, ring: Ring, length: Length) -> Document {
    let rules = ring.either(2, 4) + length.of(0, 1, 3);
    let mut scene = Scene::new(chance, ring);
    let first = *scene.chance.pick(&["Today", "Please", "Here", "Listen"]);
    scene.bind("w", first);
    let task = scene.say_one(TASKS);
    let mut order: Vec<&str> = RULES.to_vec();
    scene.chance.shuffle(&mut order);
    let mut text = format!("{task}. Keep to these rules:\n");
    for (number, rule) in order.into_iter().take(rules).enumerate() {
        let rule = scene.say(rule);
        text.push_str(&format!("{}. {rule}\n", number + 1));
    }
    text.push_str(&scene.say_one(&[
        "When you have finished, check each rule once more and [say which you found hardest|correct what does not fit].",
        "A reply that breaks one rule is worth less than a shorter one that keeps them all.",
        "<name> will read it aloud at the <shop> on <day>, so [keep it plain|leave nothing out].",
    ]));
    Document::tagged(text, format!("constraints:{rules}"))
}
