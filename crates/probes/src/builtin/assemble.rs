//! Puts generated documents and questions together: suites with balanced truths, and the endless corpus.

use std::collections::BTreeSet;

use super::prompts::{Message, PROMPTS, PromptKind};
use super::small;
use super::{
    Chance, Document, Domain, Length, Order, Profile, QUESTIONS, Question, QuestionKind, Ring, TEXTS, TextKind,
};
use super::{edges, episodes, judgment};
use crate::kind;
use crate::{Ask, Decoding, Families, Probe, Suite};

/// What a profile holds.
struct Plan {
    texts: usize,
    length: fn(usize) -> Length,
    questions: usize,
    members: usize,
    /// Most options of a question: fewer options, fewer orders to ask.
    options: usize,
    prompts: usize,
    /// Ladders of each axis, and of each axis of episodes.
    ladders: usize,
    episodes: usize,
    /// Families of each kind of boundary of judgment.
    judgment: usize,
}

impl Profile {
    fn plan(self) -> Plan {
        match self {
            Profile::Quick => Plan {
                texts: 60,
                length: |_| Length::Short,
                questions: 60,
                members: 1,
                options: 3,
                prompts: 2 * PROMPTS.len(),
                ladders: 8,
                episodes: 0,
                judgment: 4,
            },
            Profile::Standard => Plan {
                texts: 120,
                length: |family| if family % 8 == 0 { Length::Medium } else { Length::Short },
                questions: 120,
                members: 2,
                options: 3,
                prompts: 8 * PROMPTS.len(),
                ladders: 30,
                episodes: 6,
                judgment: judgment::STANDARD,
            },
            Profile::Full => Plan {
                texts: 640,
                length: |family| if family % 4 == 0 { Length::Long } else { Length::Medium },
                questions: 640,
                members: 3,
                options: 4,
                prompts: 400,
                ladders: 120,
                episodes: 30,
                judgment: 60,
            },
        }
    }
}

/// Axes of which the built-in suite has ladders; text shift is of a user's own prompts.
const LADDERS: [&str; 4] = ["reasoning", "novel_instructions", "tool_use", "long_horizon"];

/// The built-in suite. A larger profile asks other questions than a smaller one, not only more of them.
pub(crate) fn suite(profile: Profile, seed: u64) -> Suite {
    let plan = profile.plan();
    let mut probes = Vec::new();
    let mut told = BTreeSet::new();
    for family in 0..plan.texts {
        let kind = &TEXTS[family % TEXTS.len()];
        let ring = ring_of(family / TEXTS.len(), kind.edge_only);
        let purpose = format!("{profile}/text/{}", kind.name);
        let document = fresh(&purpose, seed, family, &mut told, |chance| {
            let document = (kind.make)(chance, ring, (plan.length)(family));
            (vec![document.text.clone()], document)
        });
        probes.push(text_probe(kind, family, ring, document));
    }
    let mut places = Places::default();
    for (family, (kind, ring, round)) in turns(QUESTIONS, |kind| kind.families).take(plan.questions).enumerate() {
        let purpose = format!("{profile}/choice/{}", kind.name);
        let nth = template(kind.name, (kind.families)(ring), ring, seed, round);
        let mut questions = fresh(&purpose, seed, family, &mut told, |chance| {
            let questions = (kind.make)(chance, ring, nth, plan.members);
            (questions.iter().map(Question::words).collect(), questions)
        });
        questions.iter_mut().for_each(|question| question.options.truncate(plan.options));
        let mut chance = Chance::new(&format!("{purpose}/places"), seed, family as u64);
        probes.extend(choice_probes(kind, family, ring, questions, &mut places, &mut chance));
    }
    for (family, (kind, ring, round)) in turns(PROMPTS, |kind| kind.families).take(plan.prompts).enumerate() {
        let nth = template(kind.name, (kind.families)(ring), ring, seed, round);
        let messages = fresh(&format!("{profile}/prompt/{}", kind.name), seed, family, &mut told, |chance| {
            let messages = (kind.make)(chance, ring, nth);
            (messages.iter().map(|message| message.text.clone()).collect(), messages)
        });
        probes.extend(prompt_probes(kind, family, ring, messages));
    }
    for axis in LADDERS {
        probes.extend(edges::ladders(Some(axis), plan.ladders, seed));
    }
    probes.extend(episodes::ladders(None, plan.episodes, seed).into_iter().map(asked_once));
    probes.extend(judgment::families(seed, plan.judgment).into_iter().map(asked_once));
    Suite { name: format!("builtin:{profile}"), probes }
}

/// What each model runs or answers once, without chance: several long answers would cost more than all else together.
fn asked_once(mut probe: Probe) -> Probe {
    match &mut probe.ask {
        Ask::Episode(episode) => episode.decoding = Decoding::Greedy,
        Ask::Prompt(prompt) => prompt.decoding = Decoding::Greedy,
        Ask::Text(_) | Ask::Choice(_) | Ask::Trajectory(_) => {}
    }
    probe
}

/// Draws until nothing in it has been told before. The small templates have few outcomes, and a question that is
/// asked twice counts twice.
fn fresh<T>(
    purpose: &str,
    seed: u64,
    family: usize,
    told: &mut BTreeSet<String>,
    draw: impl Fn(&mut Chance) -> (Vec<String>, T),
) -> T {
    // After so many attempts a repetition is better than none; the lint test watches that it never comes to that.
    const ATTEMPTS: u64 = 64;
    let mut attempt = 0;
    loop {
        let (words, drawn) = draw(&mut Chance::new(purpose, seed, family as u64 * ATTEMPTS + attempt));
        let new = words.iter().collect::<BTreeSet<_>>().len() == words.len()
            && words.iter().all(|words| !told.contains(words));
        attempt += 1;
        if new || attempt == ATTEMPTS {
            told.extend(words);
            return drawn;
        }
    }
}

/// The kinds in turn, centre and edge alternating; a kind that has used all its templates at a ring sits out.
fn turns<K>(
    kinds: &'static [K],
    families: fn(&K) -> fn(Ring) -> usize,
) -> impl Iterator<Item = (&'static K, Ring, usize)> {
    (0..).flat_map(move |turn| {
        let (ring, round) = (ring_of(turn, false), turn / 2);
        kinds.iter().filter(move |kind| round < families(kind)(ring)).map(move |kind| (kind, ring, round))
    })
}

/// The template of a round, of so many: each once, in an order drawn from the seed.
fn template(kind: &str, count: usize, ring: Ring, seed: u64, round: usize) -> usize {
    if count == usize::MAX {
        return round;
    }
    let mut order: Vec<usize> = (0..count).collect();
    Chance::new(&format!("templates/{kind}"), seed, ring as u64).shuffle(&mut order);
    order[round]
}

fn ring_of(round: usize, edge_only: bool) -> Ring {
    if edge_only || round % 2 == 1 { Ring::Edge } else { Ring::Centre }
}

fn text_probe(kind: &TextKind, family: usize, ring: Ring, document: Document) -> Probe {
    let id = format!("text/{}/{family:04}", kind.name);
    let mut tags = vec![kind.name.to_owned(), ring.tag().to_owned()];
    tags.extend(document.tags);
    Probe {
        family: id.clone(),
        id,
        axis: kind.axis.to_owned(),
        tags,
        knob: None,
        boundary: None,
        ask: Ask::Text(kind::Text { text: document.text, context: None, families: Families::Probe }),
    }
}

fn prompt_probes(kind: &PromptKind, family: usize, ring: Ring, messages: Vec<Message>) -> Vec<Probe> {
    let family = format!("prompt/{}/{family:04}", kind.name);
    let probe = |(member, message): (usize, Message)| {
        let mut tags = vec![kind.name.to_owned(), ring.tag().to_owned()];
        tags.extend(message.tags);
        Probe {
            id: format!("{family}/{member}"),
            family: family.clone(),
            axis: kind.axis.to_owned(),
            tags,
            knob: None,
            boundary: None,
            ask: Ask::Prompt(kind::Prompt {
                prompt: message.text,
                system: None,
                turns: Vec::new(),
                answer: message.answer,
                check: message.check,
                max_tokens: Some(message.max_tokens),
                stop: message.stop,
                decoding: Decoding::Sampled,
            }),
        }
    };
    messages.into_iter().enumerate().map(probe).collect()
}

/// Counts where truths were placed, so that each place is used equally often.
#[derive(Default)]
struct Places {
    /// By number of options.
    next: [usize; 9],
    /// For pairs of decisions: which of the two stands first.
    decisions: usize,
}

fn choice_probes(
    kind: &QuestionKind,
    family: usize,
    ring: Ring,
    questions: Vec<Question>,
    places: &mut Places,
    chance: &mut Chance,
) -> Vec<Probe> {
    let family = format!("choice/{}/{family:04}", kind.name);
    let first_decision = decisions_of(&questions, places);
    let mut probes = Vec::new();
    for (member, question) in questions.into_iter().enumerate() {
        let mut tags = vec![kind.name.to_owned(), ring.tag().to_owned()];
        tags.extend(question.tags.iter().cloned());
        let asked_as = question.asked_as;
        let (prompt, options, truth) = placed(question, first_decision.as_deref(), places, chance);
        probes.push(Probe {
            id: format!("{family}/{member}"),
            family: family.clone(),
            axis: kind.axis.to_owned(),
            tags,
            knob: None,
            boundary: None,
            ask: Ask::Choice(kind::Choice { prompt, options, truth: Some(truth), asked_as }),
        });
    }
    probes
}

/// The decision that a family shows first; families take turns.
fn decisions_of(questions: &[Question], places: &mut Places) -> Option<String> {
    let first = questions.iter().find(|question| question.order == Order::Decisions)?;
    let mut decisions = first.options.clone();
    decisions.sort();
    places.decisions += 1;
    Some(decisions.swap_remove(places.decisions % 2))
}

/// Puts the true option in its place.
fn placed(
    question: Question,
    first_decision: Option<&str>,
    places: &mut Places,
    chance: &mut Chance,
) -> (String, Vec<String>, u32) {
    let mut options = question.options;
    let truth = options.remove(0);
    let place = match (question.order, first_decision) {
        (Order::Decisions, Some(first)) => usize::from(truth != first),
        _ => {
            chance.shuffle(&mut options);
            let next = &mut places.next[options.len() + 1];
            *next += 1;
            *next % (options.len() + 1)
        }
    };
    options.insert(place, truth);
    (question.prompt, options, place as u32)
}

/// Texts of the built-in suite's kind, without end to their variety: training material for small models.
///
/// Three documents in five are lessons of the [`super::small_world`]. Of the others two in three are texts; one is a
/// question in the base model's form of [`crate::kind::Choice::as_plain_text`] with its true letter. The streams of
/// chance differ from every suite's, whatever the seeds.
pub fn corpus(seed: u64, documents: u64, domain: Domain) -> impl Iterator<Item = String> {
    (0..documents).map(move |number| document(seed, number, domain))
}

fn document(seed: u64, number: u64, domain: Domain) -> String {
    let mut chance = Chance::new("corpus", seed, number);
    if chance.percent(60) {
        return small::lesson(&mut chance, domain);
    }
    let ring = match domain {
        Domain::Centre => Ring::Centre,
        Domain::Whole => [Ring::Centre, Ring::Edge][chance.below(2)],
    };
    if chance.below(3) == 0 { question(&mut chance, ring) } else { text(&mut chance, ring) }
}

fn text(chance: &mut Chance, ring: Ring) -> String {
    let allowed: Vec<&TextKind> = TEXTS.iter().filter(|kind| ring == Ring::Edge || !kind.edge_only).collect();
    let kind = *chance.pick(&allowed);
    let length = *chance.pick(&[Length::Short, Length::Medium]);
    (kind.make)(chance, ring, length).text
}

fn question(chance: &mut Chance, ring: Ring) -> String {
    let kind = chance.pick(QUESTIONS);
    let nth = chance.below(1 << 16);
    let questions = (kind.make)(chance, ring, nth, 2);
    // A corpus has nobody to take turns with: chance decides which decision stands first and where truths stand.
    let mut places = Places { next: std::array::from_fn(|_| chance.below(8)), decisions: chance.below(2) };
    let probes = choice_probes(kind, 0, ring, questions, &mut places, chance);
    let probe = chance.pick(&probes);
    let rotation = chance.below(kind::MAX_ROTATIONS);
    let Ask::Choice(choice @ kind::Choice { truth: Some(truth), .. }) = &probe.ask else {
        unreachable!("a question kind makes choices with truth")
    };
    let asked = choice.as_plain_text(rotation);
    let position = asked.order.iter().position(|&option| option == *truth as usize).unwrap_or(0);
    format!("{} {}", asked.text, asked.letters[position])
}
