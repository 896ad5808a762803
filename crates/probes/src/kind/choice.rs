//! Forced choices, and the exact words in which they are put to a model: the only place that words a question.
//!
//! Options carry letters, and the answer is the log-probability of a letter: the options' own lengths and rarity do
//! not enter. Models prefer some letters and positions, so the options are asked in several cyclic orders.
//!
//! Letters are returned bare (`A`). Whether `A` or ` A` continues the prompt is a matter of the tokenizer: after a
//! chat template's assistant header it is the bare letter; after the plain form's `Answer:` it is the letter with
//! a space in front. The caller decides and records it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Description, Kind, check_visible};
use crate::error::{Fault, FaultKind, quote};
use crate::fields::{Field, Type};

pub(super) const NAME: &str = "choice";
pub(super) const FIELDS: &[Field] = &[
    ("prompt", true, Type::Text),
    ("options", true, Type::Texts),
    ("truth", false, Type::Index),
    ("asked_as", false, Type::Word(&["question", "decision"])),
];

/// A forced choice among options, answered with their log-probabilities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// The question, without the options.
    pub prompt: String,
    /// Two to eight answers.
    #[schemars(length(min = 2, max = 8))]
    pub options: Vec<String>,
    /// Index into `options` of the true answer, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truth: Option<u32>,
    /// How the prompt is put to a model.
    #[serde(default, skip_serializing_if = "AskedAs::is_question")]
    pub asked_as: AskedAs,
}

/// How the prompt of a choice is put to a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AskedAs {
    /// The prompt is the question itself.
    #[default]
    Question,
    /// The prompt is a message from somebody to an assistant; the question is what the assistant should do.
    Decision,
}

impl AskedAs {
    // serde hands `skip_serializing_if` a reference.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    fn is_question(&self) -> bool {
        *self == AskedAs::Question
    }
}

impl Kind for Choice {
    fn name(&self) -> &'static str {
        NAME
    }

    fn question(&self) -> &str {
        &self.prompt
    }

    fn asked_bytes(&self) -> usize {
        (0..self.rotations()).map(|rotation| self.as_message(rotation).text.len()).sum()
    }

    fn texts(&self) -> Vec<&str> {
        let mut options: Vec<&str> = self.options.iter().map(String::as_str).collect();
        options.sort_unstable();
        [self.prompt.as_str()].into_iter().chain(options).collect()
    }

    fn has_truth(&self) -> Option<bool> {
        Some(self.truth.is_some())
    }

    fn described(&self) -> Description {
        let right = self.truth.and_then(|index| self.options.get(index as usize));
        let orders = self.rotations();
        let order = |order| (format!("order {} of {orders}", order + 1), self.as_message(order).text);
        Description {
            facts: right.map(|right| ("truth", right.clone())).into_iter().collect(),
            texts: (0..orders).map(order).collect(),
        }
    }

    fn check(&self) -> Result<(), Fault> {
        check_visible("prompt", &self.prompt)?;
        check_options(&self.options)?;
        check_truth(self.truth, self.options.len())
    }
}

fn check_options(options: &[String]) -> Result<(), Fault> {
    if !(2..=8).contains(&options.len()) {
        return Err(Fault::new(
            FaultKind::OptionCount,
            "2 to 8 `options`",
            options.len().to_string(),
            "a forced choice needs a second answer, and letters beyond H are not reliable",
        ));
    }
    for (index, option) in options.iter().enumerate() {
        check_visible("options", option)?;
        if let Some(first) = options[..index].iter().position(|earlier| earlier.trim() == option.trim()) {
            return Err(Fault::new(
                FaultKind::DuplicateOption,
                "`options` that all differ",
                format!("{} as option {first} and option {index}", quote(option)),
                "remove or reword one of them",
            ));
        }
    }
    Ok(())
}

fn check_truth(truth: Option<u32>, options: usize) -> Result<(), Fault> {
    match truth {
        Some(index) if index as usize >= options => Err(Fault::new(
            FaultKind::TruthOutOfRange,
            format!("a `truth` of 0 to {}", options - 1),
            index.to_string(),
            "`truth` counts from 0; leave it out where no answer is the true one",
        )),
        _ => Ok(()),
    }
}

/// Most option orders asked for one probe. Eight options in eight orders would cost twice as much for little.
pub const MAX_ROTATIONS: usize = 4;

const LETTERS: [&str; 8] = ["A", "B", "C", "D", "E", "F", "G", "H"];

/// A choice in one order of its options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChoicePrompt {
    /// What the model reads: the content of a user message, or the whole prompt of a base model.
    pub text: String,
    /// Answer letters in the order shown, bare.
    pub letters: Vec<String>,
    /// `order[i]` is the index, in the probe's options, of the option shown under `letters[i]`.
    pub order: Vec<usize>,
}

impl Choice {
    /// In how many orders the options are asked: one per option, at most [`MAX_ROTATIONS`].
    #[must_use]
    pub fn rotations(&self) -> usize {
        self.options.len().min(MAX_ROTATIONS)
    }

    /// The question as a user message.
    ///
    /// `rotation` counts orders and wraps around at [`Choice::rotations`]. Up to four options, every option stands under
    /// every letter exactly once over the rotations; above four, the shifts are spread evenly.
    #[must_use]
    pub fn as_message(&self, rotation: usize) -> ChoicePrompt {
        let shown = Shown::new(self, rotation);
        let question = match shown.asked_as {
            AskedAs::Question => shown.prompt.to_owned(),
            AskedAs::Decision => format!(
                "Someone sends this message to an AI assistant:\n\n{}\n\n{}",
                shown.prompt,
                shown.decision_question()
            ),
        };
        let text = format!("{question}\n\n{}\nAnswer with the letter only.", shown.lines());
        shown.finish(text)
    }

    /// The question for a model without a chat template.
    ///
    /// `Question: …`, one line per option, `Answer:`. The answer's continuation is a space and the letter.
    #[must_use]
    pub fn as_plain_text(&self, rotation: usize) -> ChoicePrompt {
        let shown = Shown::new(self, rotation);
        let question = match shown.asked_as {
            AskedAs::Question => shown.prompt.to_owned(),
            AskedAs::Decision => {
                format!("Someone asks an assistant: {}\n{}", shown.prompt, shown.decision_question())
            }
        };
        let text = format!("Question: {question}\n{}Answer:", shown.lines());
        shown.finish(text)
    }
}

/// A choice whose options are in the order of one rotation.
struct Shown<'a> {
    prompt: &'a str,
    asked_as: AskedAs,
    options: Vec<&'a str>,
    order: Vec<usize>,
}

impl<'a> Shown<'a> {
    fn new(choice: &'a Choice, rotation: usize) -> Self {
        let count = choice.options.len();
        let orders = choice.rotations().max(1);
        let shift = (rotation % orders) * count / orders;
        let order: Vec<usize> = (0..count).map(|position| (position + shift) % count).collect();
        let options = order.iter().map(|&index| choice.options[index].as_str()).collect();
        Self { prompt: &choice.prompt, asked_as: choice.asked_as, options, order }
    }

    /// `A. first option`, a line each.
    fn lines(&self) -> String {
        LETTERS.iter().zip(&self.options).map(|(letter, option)| format!("{letter}. {option}\n")).collect()
    }

    /// Neutral words: names the decisions in the order shown and no reason for either.
    fn decision_question(&self) -> String {
        match self.options.as_slice() {
            [first, second] if !first.contains(' ') && !second.contains(' ') => {
                format!("Should the assistant {first} or {second}?")
            }
            _ => "What should the assistant do?".to_owned(),
        }
    }

    fn finish(self, text: String) -> ChoicePrompt {
        let letters = LETTERS.iter().take(self.options.len()).map(|&letter| letter.to_owned()).collect();
        ChoicePrompt { text, letters, order: self.order }
    }
}
