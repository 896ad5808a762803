//! Text shift: the same question put in other words, more and more of them, with the same right answer.
//!
//! Nothing that could carry the label is touched. Words are misspelt or set in capitals only where they stand in a closed
//! list of small words, outside quotation marks and code, and are no part of what the checker expects. Names are swapped
//! everywhere at once, in the checker too, or not at all; numbers only where a program can compute the truth again. An order or
//! a question is put into a template whole. Everything else is put in front and says that it does not belong to the task.

mod fixed;
mod front;
mod names;
mod numbers;
mod pairs;
mod small_words;
mod wording;

use std::fmt;

use super::{AXES, EdgeAxis, LADDER, knob, of_axis, rung_name};
use crate::builtin::Chance;
use crate::check::Instruction;
use crate::kind::Prompt;
use crate::{Ask, Checker, Probe};

pub use pairs::{ShiftPair, show_pairs};

pub(super) const AXIS: EdgeAxis = EdgeAxis {
    axis: "text_shift",
    knob: "strength",
    unit: "kinds of change",
    meaning: "kinds of change made at once to a prompt whose right answer stays the same; 0 is the prompt itself",
    chance: 0.0,
    trained_to: 1.0,
    rungs: &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0],
};

/// A kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    Names,
    Numbers,
    Wording,
    Spelling,
    Layout,
    Frame,
    Language,
    Distractor,
    Padding,
}

impl Change {
    const ALL: [Self; 9] = [
        Self::Names,
        Self::Numbers,
        Self::Wording,
        Self::Spelling,
        Self::Layout,
        Self::Frame,
        Self::Language,
        Self::Distractor,
        Self::Padding,
    ];

    fn tag(self) -> &'static str {
        match self {
            Self::Names => "shift:names",
            Self::Numbers => "shift:numbers",
            Self::Wording => "shift:wording",
            Self::Spelling => "shift:spelling",
            Self::Layout => "shift:layout",
            Self::Frame => "shift:frame",
            Self::Language => "shift:language",
            Self::Distractor => "shift:distractor",
            Self::Padding => "shift:padding",
        }
    }

    /// The prompt with this change; none where there is nothing to change. `strength` is how much of it.
    fn made(self, prompt: &Prompt, strength: usize, chance: &mut Chance) -> Option<Prompt> {
        let text = match self {
            Self::Names => return names::swapped(prompt, chance),
            Self::Numbers => return numbers::swapped(prompt, chance),
            Self::Wording => wording::reworded(&prompt.prompt, chance)?,
            Self::Spelling => small_words::misspelt(prompt, strength, chance)?,
            Self::Layout => front::laid_out(&prompt.prompt, chance),
            Self::Frame => front::framed(&prompt.prompt, chance),
            Self::Language => front::greeted(prompt, chance)?,
            Self::Distractor => front::distracted(&prompt.prompt, chance)?,
            Self::Padding => front::padded(&prompt.prompt, strength, chance),
        };
        Some(Prompt { prompt: text, ..prompt.clone() })
    }
}

/// Why there is no ladder of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoLadder {
    /// It is no prompt.
    NoPrompt,
    /// It speaks of its own wording: another wording is another question.
    OfItself,
}

impl fmt::Display for NoLadder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoPrompt => "it is no prompt",
            Self::OfItself => "it speaks of its own wording, so that another wording is another question",
        })
    }
}

/// Ladders of the user's own prompts: each at every strength, the strength 0 being the prompt itself. What has no ladder is
/// left out.
#[must_use]
pub fn shifted(probes: &[Probe], seed: u64) -> Vec<Probe> {
    probes.iter().filter_map(|probe| shift_ladder(probe, seed).ok()).flatten().collect()
}

/// The ladder of one prompt, as strong as there are kinds of change for it: almost always to the last rung.
///
/// Family and tags are those of the original, whose axis stays as the tag `of:AXIS`; so is its checker, where names and numbers
/// are not swapped. Without a checker there is no truth to keep, and they are not.
///
/// # Errors
/// There is none.
pub fn shift_ladder(original: &Probe, seed: u64) -> Result<Vec<Probe>, NoLadder> {
    let Ask::Prompt(prompt) = &original.ask else { return Err(NoLadder::NoPrompt) };
    if speaks_of_itself(prompt) {
        return Err(NoLadder::OfItself);
    }
    let stream = |purpose: &str| Chance::new(&format!("edge/text_shift/{purpose}/{}", original.id), seed, 0);
    // In which order the kinds of change join the ladder.
    let mut order = Change::ALL;
    stream("order").shuffle(&mut order);
    let rung = |&value: &f64| {
        let strength = value as usize;
        let changes = chosen(prompt, &order, strength, &stream)?;
        // Each change draws from a stream of its own, so that it is the same at every strength, only more of it.
        let text = changes
            .iter()
            .try_fold(prompt.clone(), |prompt, change| change.made(&prompt, strength, &mut stream(change.tag())))?;
        let mut tags = original.tags.clone();
        tags.retain(|tag| tag != LADDER);
        tags.push(format!("of:{}", original.axis));
        tags.extend(changes.iter().map(|change| change.tag().to_owned()));
        Some(Probe {
            id: id(&original.id, value),
            family: original.family.clone(),
            axis: AXIS.axis.to_owned(),
            tags,
            knob: Some(crate::Knob { chance: Some(original.chance()), ..knob(&AXIS, value) }),
            // What it says of the words of the original may not hold of these.
            boundary: None,
            ask: Ask::Prompt(text),
        })
    };
    Ok(AXIS.rungs.iter().map_while(rung).collect())
}

/// Whether another wording would be another question.
fn speaks_of_itself(prompt: &Prompt) -> bool {
    const ITSELF: &[&str] = &[
        "this message",
        "this prompt",
        "my message",
        "my prompt",
        "the prompt",
        "this sentence",
        "text above",
        "words above",
        "everything above",
        "the above",
        "request above",
        "repeat the request",
        "repeat this request",
        "word by word",
        "word for word",
        "verbatim",
    ];
    let text = prompt.prompt.to_lowercase();
    let repeats = |instruction: &Instruction| matches!(instruction, Instruction::RepeatPrompt { .. });
    let repeated = matches!(&prompt.check, Some(Checker::Instructions(list)) if list.iter().any(repeats));
    repeated || ITSELF.iter().any(|words| text.contains(words))
}

/// The first so many of them that find something to change, in the order in which they are made; none where there are fewer.
fn chosen(prompt: &Prompt, order: &[Change], strength: usize, stream: &impl Fn(&str) -> Chance) -> Option<Vec<Change>> {
    let finds = |change: &&Change| change.made(prompt, 1, &mut stream(change.tag())).is_some();
    let mut changes: Vec<Change> = order.iter().filter(finds).take(strength).copied().collect();
    changes.sort_unstable();
    (changes.len() == strength).then_some(changes)
}

/// The identifier of a rung; a hash stands for an identifier that would make it too long.
fn id(original: &str, strength: f64) -> String {
    const LONGEST: usize = 160;
    let short = blake3::hash(original.as_bytes()).to_hex();
    let name = if original.len() > LONGEST { short.as_str() } else { original };
    format!("edge/{}/{name}/{}", AXIS.axis, rung_name(&AXIS, strength))
}

/// Ladders of the easiest questions of the other axes: what is asked is easy, how it is put is not.
pub(super) fn centre(count: usize, seed: u64) -> Vec<Probe> {
    let axes: Vec<&EdgeAxis> = AXES.iter().filter(|axis| axis.axis != AXIS.axis).collect();
    let easiest = |probe: &Probe, axis: &EdgeAxis| {
        probe.knob.as_ref().is_some_and(|knob| axis.rungs.first().is_some_and(|&first| knob.value <= first))
    };
    let mut of: Vec<_> = axes
        .iter()
        .map(|axis| {
            // The families behind those that the axis asks itself: no text is asked twice.
            let probes = of_axis(axis, count + count.div_ceil(axes.len()), seed);
            let easiest: Vec<Probe> = probes.into_iter().filter(|probe| easiest(probe, axis)).skip(count).collect();
            easiest.into_iter()
        })
        .collect();
    let turns = (0..count).filter_map(|number| of[number % axes.len()].next());
    let originals: Vec<Probe> = turns
        .map(|mut probe| {
            probe.id = probe.family.replacen("edge/", "", 1);
            probe.family = format!("edge/{}/{}", AXIS.axis, probe.id);
            probe.tags.clear();
            probe
        })
        .collect();
    let mut rungs = shifted(&originals, seed);
    rungs.iter_mut().for_each(|rung| rung.tags.insert(0, LADDER.to_owned()));
    rungs
}
