//! Logic: orders that follow from comparisons, and statements that follow or do not.

use super::grammar::Scene;
use super::{Chance, Document, Length, Question, Ring};

/// Comparisons: "is older than", the question for the first, the question for the last.
const RELATIONS: &[(&str, &str, &str)] = &[
    ("is older than", "oldest", "youngest"),
    ("is taller than", "tallest", "shortest"),
    ("runs faster than", "fastest", "slowest"),
    ("arrived before", "first to arrive", "last to arrive"),
    ("lives further north than", "furthest north", "furthest south"),
];
const RARE_RELATIONS: &[(&str, &str, &str)] = &[
    ("outranks", "highest in rank", "lowest in rank"),
    ("was ordained before", "first to be ordained", "last to be ordained"),
    ("holds more acreage than", "largest landholder", "smallest landholder"),
    ("owes more than", "deepest in debt", "least in debt"),
];

/// People in an order, and the comparisons that fix it.
struct Ranking {
    people: Vec<&'static str>,
    relation: (&'static str, &'static str, &'static str),
    facts: Vec<String>,
}

fn draw(scene: &mut Scene<'_>, people: usize) -> Ranking {
    let people: Vec<&str> = (0..people)
        .map(|number| {
            let name = scene.draw("name");
            scene.bind(&format!("p{number}"), name);
            name
        })
        .collect();
    let relation = *scene.chance.pick(scene.ring.either(RELATIONS, RARE_RELATIONS));
    let mut facts: Vec<String> =
        people.windows(2).map(|pair| format!("{} {} {}.", pair[0], relation.0, pair[1])).collect();
    // In order the answer could be read off the ends.
    scene.chance.shuffle(&mut facts);
    Ranking { people, relation, facts }
}

fn size(ring: Ring, chance: &mut Chance) -> usize {
    ring.either(3, 4 + chance.below(3))
}

/// Comparisons, the order that they give, and what follows.
pub(super) fn ranking_text(chance: &mut Chance, ring: Ring, length: Length) -> Document {
    let people = size(ring, chance) + length.of(0, 1, 2);
    let mut scene = Scene::new(chance, ring);
    let ranking = draw(&mut scene, people);
    let mut text = scene.say_one(&[
        "At the <shop> in <town> there was a question of order.",
        "<name>, a~ <job>, wrote down what was known.",
        "Here is what the neighbours agreed on.",
        "The riddle on the wall of the <room> read:",
    ]);
    text = format!("{text} {}", ranking.facts.join(" "));
    let (first, last) = (ranking.people[0], ranking.people[people - 1]);
    scene.bind("first", first);
    scene.bind("last", last);
    scene.bind("order", ranking.people.join(", "));
    scene.bind("top", ranking.relation.1);
    scene.bind("bottom", ranking.relation.2);
    text.push(' ');
    text.push_str(&scene.say_one(&[
        "[Put together|Taken together], this gives the order <order>. The <top> is <first>, and the <bottom> is <last>.",
        "So, from one end to the other: <order>. <first> is the <top>; <last> is the <bottom>.",
        "Who is the <bottom>? It can only be <last>, because the order is <order>.",
    ]));
    Document::tagged(text, format!("depth:{}", people - 1))
}

/// Who is the oldest, the youngest? Members ask for both ends.
pub(super) fn order_question(chance: &mut Chance, ring: Ring, _nth: usize, members: usize) -> Vec<Question> {
    let people = size(ring, chance).max(4);
    let mut scene = Scene::new(chance, ring);
    let ranking = draw(&mut scene, people);
    let from = scene.chance.below(2);
    (0..members)
        .map(|member| {
            let (asked, truth) = match (from + member) % 2 {
                0 => (ranking.relation.1, ranking.people[0]),
                _ => (ranking.relation.2, ranking.people[people - 1]),
            };
            let mut facts = ranking.facts.clone();
            scene.chance.shuffle(&mut facts);
            let words = ["Who is the", "Tell me: who is the", "Of these people, who is the"][member % 3];
            let prompt = format!("{} {words} {asked}?", facts.join(" "));
            let mut others = ranking.people.clone();
            others.retain(|name| *name != truth);
            let others = scene.chance.sample(&others, 3);
            Question::new(prompt, truth, others.into_iter().map(str::to_owned)).tag(format!("depth:{}", people - 1))
        })
        .collect()
}

/// Rules of the form "all A are B", as nouns.
const KINDS: &[[&str; 4]] = &[
    ["red boxes", "heavy boxes", "boxes from the harbour", "boxes with a label"],
    ["members of the choir", "members of the club", "people with a key", "people on the list"],
    ["books on the lower shelf", "books about the sea", "books with pictures", "books for sale"],
    ["houses by the river", "houses with a garden", "houses built of stone", "houses with a cellar"],
];
const INVENTED: &[[&str; 4]] = &[
    ["blickets", "dorms", "vaxes", "things that hum"],
    ["grelks", "tovals", "mirps", "members of the guild"],
    ["quonsets", "pelliforms", "ostracs", "things kept cold"],
    ["wardens", "almoners", "prebends", "holders of a seal"],
];

/// Does the statement follow? Members are a minimal pair: the valid chain and the same with one rule turned round.
pub(super) fn follows_question(chance: &mut Chance, ring: Ring, _nth: usize, members: usize) -> Vec<Question> {
    let kinds = *chance.pick(ring.either(KINDS, INVENTED));
    let rules = ring.either(2, 3);
    let mut scene = Scene::new(chance, ring);
    let name = scene.draw("name").to_owned();
    let turned = scene.chance.below(rules);
    let first_valid = scene.chance.below(2) == 0;
    let answers = ["Yes, it must be true.", "No, it need not be true."];
    (0..members)
        .map(|member| {
            let valid = first_valid == (member % 2 == 0);
            let mut facts: Vec<String> = (0..rules)
                .map(|rule| match (valid, rule == turned) {
                    (false, true) => format!("All {} are {}.", kinds[rule + 1], kinds[rule]),
                    _ => format!("All {} are {}.", kinds[rule], kinds[rule + 1]),
                })
                .collect();
            scene.chance.shuffle(&mut facts);
            let asker = [format!("{name} knows this."), format!("{name} reads these rules."), name.clone() + " asks:"]
                [member % 3]
                .clone();
            let prompt =
                format!("{asker} {} Does it follow that all {} are {}?", facts.join(" "), kinds[0], kinds[rules]);
            let (truth, other) = if valid { (0, 1) } else { (1, 0) };
            Question::new(prompt, answers[truth], [answers[other].to_owned()]).tag(format!("depth:{rules}"))
        })
        .collect()
}
