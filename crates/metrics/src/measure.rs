//! What is measured: one [`Definition`] per metric, beside the sums that it divides and the texts that explain it.
//!
//! [`Sums`] are the state: add what the models did item by item, merge, and let a definition make its number of them.
//!
//! ```
//! use hydrometer_metrics::measure::{Sums, choices::{self, Choice}};
//!
//! let mut sums = Sums::new();
//! // The probabilities of three options by teacher and student, and the true one.
//! sums.choice("capitals", &Choice::new(&[0.7, 0.2, 0.1], &[0.1, 0.8, 0.1], Some(0))?);
//! sums.choice("rivers", &Choice::new(&[0.6, 0.2, 0.2], &[0.5, 0.2, 0.3], Some(0))?);
//! let lost = choices::CHOICE_LOST.estimate(&sums, 0.95)?;
//! assert_eq!((lost.value, lost.n_families), (0.5, 2));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A new metric is a `Definition` in the file of the items that it is about, with its columns where those are missing, a
//! line in that file's `DEFINITIONS`, and a page in `docs/metrics`. Sums that fit no table are a [`Table`] more.

pub mod answers;
pub mod choices;
mod definition;
pub mod episodes;
pub mod forgetting;
mod formula;
mod geometry;
mod headline;
pub mod illusion;
pub mod judgment;
mod paired;
mod range;
mod reference;
mod secondary;
mod sums;
pub mod teacher_text;
pub mod tokens;

pub use definition::{
    Definition, Direction, End, FamilyBounds, Floor, Group, Help, IntervalRule, Known, LeftOut, Measure, Measured,
    Need, Range, Reference, Text,
};
pub use forgetting::FORGOTTEN;
pub use formula::{Block, Column, Formula, Ratio, Row, Sum, Undefined};
pub use geometry::{CAPABILITY_VOLUME, SAFE_REACH, WORST_AXIS};
pub use headline::{HEADLINE, Place};
pub use illusion::ILLUSION_GAP;
pub use paired::{Compared, Side};
pub use secondary::{Of, SECONDARY, Secondary};
pub use sums::Sums;

/// What the items of a table are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Items {
    /// Scored positions.
    Positions,
    /// Scored texts.
    Texts,
    /// Forced choices.
    Choices,
    /// Prompts that were answered.
    Prompts,
    /// Episodes that were run.
    Episodes,
    /// Probes at boundaries of judgment: choices and prompts.
    Boundaries,
}

/// The tables of sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// Scored positions of texts.
    Positions,
    /// Those of them where the teacher hesitates most.
    Forks,
    /// Texts as the teacher scores them.
    TeacherTexts,
    /// Texts as the student scores them.
    StudentTexts,
    /// Forced choices.
    Choices,
    /// Prompts with an answer of both models: pair means.
    Pairs,
    /// Prompts with graded answers of both models.
    Truth,
    /// Prompts with an answer of both models: how the answers come out.
    Outcomes,
    /// Prompts with answers enough to speak of rare ones.
    Rare,
    /// Prompts with an answer of both models: the way from where the student started.
    Gap,
    /// Prompts that both models answered freely: by style, and by decision.
    Copied,
    /// Episodes that both models ran.
    Episodes,
    /// Episodes with something that a turn may violate, one model each.
    Dialogues,
    /// Ladders of one thing that grows.
    Ladders,
    /// Pairs that differ in one thing.
    Contrasts,
    /// Requests decided about among options.
    ForcedDecisions,
    /// Requests decided about freely.
    FreeDecisions,
    /// Attacks beside their twins, decided about among options.
    ForcedAttacks,
    /// Attacks beside their twins, decided about freely.
    FreeAttacks,
    /// Requests that were put both ways.
    BothWays,
    /// Answers of the teacher as the student scores them.
    TeacherAnswers,
}

impl Table {
    /// All of them, in their order.
    pub const ALL: [Self; 21] = [
        Self::Positions,
        Self::Forks,
        Self::TeacherTexts,
        Self::StudentTexts,
        Self::Choices,
        Self::Pairs,
        Self::Truth,
        Self::Outcomes,
        Self::Rare,
        Self::Gap,
        Self::Copied,
        Self::Episodes,
        Self::Dialogues,
        Self::Ladders,
        Self::Contrasts,
        Self::ForcedDecisions,
        Self::FreeDecisions,
        Self::ForcedAttacks,
        Self::FreeAttacks,
        Self::BothWays,
        Self::TeacherAnswers,
    ];

    /// What is counted in it.
    pub fn items(self) -> Items {
        match self {
            Self::Positions | Self::Forks => Items::Positions,
            Self::TeacherTexts | Self::StudentTexts | Self::TeacherAnswers => Items::Texts,
            Self::Choices => Items::Choices,
            Self::Pairs | Self::Truth | Self::Outcomes | Self::Rare | Self::Gap | Self::Copied => Items::Prompts,
            Self::Episodes | Self::Dialogues => Items::Episodes,
            Self::Ladders
            | Self::Contrasts
            | Self::ForcedDecisions
            | Self::FreeDecisions
            | Self::ForcedAttacks
            | Self::FreeAttacks
            | Self::BothWays => Items::Boundaries,
        }
    }

    /// Number of columns.
    pub fn width(self) -> usize {
        match self {
            Self::Positions | Self::Forks => tokens::position::WIDTH,
            Self::TeacherTexts | Self::StudentTexts => tokens::text::WIDTH,
            Self::Choices => choices::choice::WIDTH,
            Self::Pairs => answers::pairs::WIDTH,
            Self::Truth => answers::truth::WIDTH,
            Self::Outcomes => answers::outcome::WIDTH,
            Self::Rare => answers::rare::WIDTH,
            Self::Gap => answers::gap::WIDTH,
            Self::Copied => illusion::copied::WIDTH,
            Self::Episodes => episodes::episode::WIDTH,
            Self::Dialogues => episodes::dialogue::WIDTH,
            Self::Ladders => judgment::ladder::WIDTH,
            Self::Contrasts => judgment::contrast::WIDTH,
            Self::ForcedDecisions | Self::FreeDecisions => judgment::decision::WIDTH,
            Self::ForcedAttacks | Self::FreeAttacks => judgment::attack::WIDTH,
            Self::BothWays => judgment::both_ways::WIDTH,
            Self::TeacherAnswers => teacher_text::answer::WIDTH,
        }
    }
}

/// Every metric, in the order in which a statement lists them.
pub fn all() -> impl Iterator<Item = &'static Definition> {
    let of_sums = [tokens::DEFINITIONS, choices::DEFINITIONS, answers::DEFINITIONS, episodes::DEFINITIONS];
    of_sums
        .into_iter()
        .chain([judgment::DEFINITIONS, geometry::DEFINITIONS, illusion::DEFINITIONS, forgetting::DEFINITIONS])
        .chain([teacher_text::DEFINITIONS])
        .flatten()
        .copied()
}

/// Every metric, the seven of the headline first: the order in which they are explained.
pub fn catalogue() -> impl Iterator<Item = &'static Definition> {
    let headline = || HEADLINE.iter().map(|place| place.metric);
    headline().chain(all().filter(move |metric| headline().all(|first| first.id != metric.id)))
}

/// The metrics that this version computes, in the order in which a statement lists them.
pub fn measured() -> impl Iterator<Item = &'static Definition> {
    all().filter(|definition| definition.measure.is_some())
}

/// The metrics that are compared between parts of a suite, in the order in which they are shown.
pub fn on_slices() -> impl Iterator<Item = &'static Definition> {
    [tokens::ON_SLICES, choices::ON_SLICES, answers::ON_SLICES, episodes::ON_SLICES].into_iter().flatten().copied()
}

/// Whether a number is of models other than the student alone: it says how hard a suite is, and nothing of what was kept.
pub fn is_without_student(definition: &Definition) -> bool {
    let without = [
        &tokens::BITS_PER_BYTE_TEACHER,
        &choices::CHOICE_ACCURACY_TEACHER,
        &choices::BRIER_TEACHER,
        &choices::ECE2_TEACHER,
        &answers::AGREEMENT_CEILING,
        &answers::ANSWER_ACCURACY_TEACHER,
        &answers::ANSWERED_ACCURACY_TEACHER,
        &teacher_text::TEACHER_TEXT_BITS_BASE,
    ];
    without.iter().any(|other| other.id == definition.id)
}

/// Whether a bound on the worse side of a number means anything by itself: a suite may be too easy, and what is gained departs
/// from the teacher as what is lost does.
pub fn may_be_too_good(definition: &Definition) -> bool {
    let gains = [&choices::CHOICE_GAINED, &answers::ANSWER_GAINED];
    is_without_student(definition) || gains.iter().any(|gained| gained.id == definition.id)
}

/// The metrics that are shown together, in their order.
pub fn group(group: Group) -> impl Iterator<Item = &'static Definition> {
    all().filter(move |definition| definition.group == group)
}

/// The metric with this identifier.
pub fn find(id: &str) -> Option<&'static Definition> {
    all().find(|definition| definition.id == id)
}

/// The texts of the metric or the secondary measure with this identifier.
pub fn text(id: &str) -> Option<&'static Text> {
    let secondary = || SECONDARY.iter().find(|measure| measure.id == id).map(|measure| &measure.text);
    find(id).map(|definition| &definition.text).or_else(secondary)
}
