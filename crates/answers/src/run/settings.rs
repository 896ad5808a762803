//! The settings of a run: what decides which numbers are measured.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::deployment::{DeployedOn, Used};
use super::different::DifferentPrompts;
use super::not_compared::NotCompared;
use super::trained_on::{SetKnobs, TrainedOn, TrainedToBy};
use crate::sparse::Codec;
use crate::{EncoderIdentity, SampleSettings};

/// Settings that decide which numbers are measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunSettings {
    /// Tokens per window of a text probe.
    pub n_ctx: u32,
    /// Most tokens computed together in one block.
    pub block_tokens: u32,
    /// Rotations of the option order of a choice probe.
    pub rotations: u32,
    /// Windows scored a second time by the teacher to measure the noise floor.
    pub floor_windows: u32,
    /// Only so many windows of each text; `None` for all.
    pub max_windows: Option<u32>,
    /// Which windows those are; absent from the file for the first ones, as earlier versions took them.
    #[serde(default = "WindowOrder::of_earlier_versions", skip_serializing_if = "WindowOrder::is_first")]
    pub window_order: WindowOrder,
    /// Precision of the teacher's large products: `f32`, `i16`, `bf16x3`, `bf16`; `None` where that is not known.
    pub precision: Option<String>,
    /// Seed of every random draw.
    pub seed: u64,
    /// What is sampled; `None`, and absent from the file, where the run samples nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<SampleSettings>,
    /// Which prompts the teacher is asked; `None`, and absent from the file, where it is asked all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub teacher_asked: Option<TeacherAsked>,
    /// When the run may stop early; `None`, and absent from the file, where it asks the whole suite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deciding: Option<Deciding>,
    /// Who says whether two free texts mean the same; `None`, and absent from the file, where their spelling does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meaning: Option<MeaningSettings>,
    /// How the teacher's distributions were kept, where they came from a cache; `None`, and absent from the file, where the
    /// teacher ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<Codec>,
    /// What was chosen and found when given answers were joined; `None`, and absent from the file, where models answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given: Option<GivenSettings>,
    /// Prompts and choices that teacher and student read as different texts, each by its own template; `None`, and absent
    /// from the file, where they read the same or an earlier version did not look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rendered_differently: Option<DifferentPrompts>,
    /// What the student was trained to, by `axis.knob`: the value of the knob that counts as radius 1. Empty, and absent from
    /// the file, where nobody said.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub trained_to: BTreeMap<String, f64>,
    /// Who says so, by the same names. Empty, and absent from the file, where nobody did or an earlier version did not keep it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub trained_to_by: BTreeMap<String, TrainedToBy>,
    /// What the prompts of the distillation set say of it; `None`, and absent from the file, where none of them says anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_knobs: Option<SetKnobs>,
    /// The distillation set that probes with the knob `distance` are that far from; `None`, and absent from the file, where
    /// none was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trained_on: Option<TrainedOn>,
    /// How much the student is used at which values of a knob, by `axis.knob`. Empty, and absent from the file, where nobody said.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub deployment: BTreeMap<String, Vec<Used>>,
    /// The prompts that say so of the knob `distance`; `None`, and absent from the file, where none were named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployed_on: Option<DeployedOn>,
    /// How each model that acts in episodes puts tools and calls into words, by role; absent from the file where the run has
    /// no episodes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tool_protocols: BTreeMap<String, String>,
    /// Letters drawn for each order of a choice from a model that says nothing of options and shows no first tokens; `None`, and absent
    /// from the file, where no model was asked for letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub letters: Option<u32>,
    /// Answers of the teacher to each prompt that were asked for with the most probable tokens at every place; `None`, and absent from the
    /// file, where none were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listed_answers: Option<u32>,
    /// Checks of endpoints whose failure was accepted by name before anything was asked. Empty, and absent from the file, where
    /// none was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepted: Vec<String>,
}

/// Which windows of a text are taken, where not all of them are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WindowOrder {
    /// The first ones, as llama.cpp takes its chunks.
    First,
    /// Of as many families (documents, sections) as can be, and spread over each of them.
    Spread,
}

impl WindowOrder {
    fn of_earlier_versions() -> WindowOrder {
        WindowOrder::First
    }

    fn is_first(&self) -> bool {
        *self == WindowOrder::First
    }
}

impl RunSettings {
    /// Whether the student drew with the random numbers of the teacher's second run.
    pub fn paired(&self) -> bool {
        self.samples.as_ref().is_some_and(|samples| samples.paired)
    }

    /// Settings of a run that scores texts in windows of `n_ctx` tokens, the first of each, and asks nothing else.
    pub fn of_texts(
        n_ctx: u32,
        block_tokens: u32,
        max_windows: Option<u32>,
        precision: Option<String>,
        seed: u64,
    ) -> RunSettings {
        RunSettings {
            n_ctx,
            block_tokens,
            rotations: 0,
            floor_windows: 0,
            max_windows,
            window_order: WindowOrder::First,
            precision,
            seed,
            samples: None,
            teacher_asked: None,
            deciding: None,
            meaning: None,
            cache: None,
            given: None,
            rendered_differently: None,
            trained_to: BTreeMap::new(),
            trained_to_by: BTreeMap::new(),
            set_knobs: None,
            trained_on: None,
            deployment: BTreeMap::new(),
            deployed_on: None,
            tool_protocols: BTreeMap::new(),
            letters: None,
            listed_answers: None,
            accepted: Vec::new(),
        }
    }

    /// Settings of a run whose answers were given: nothing is known of how they were computed.
    pub fn of_given_answers(seed: u64) -> RunSettings {
        RunSettings::of_texts(0, 0, None, None, seed)
    }
}

/// How the given answers of two models were joined.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GivenSettings {
    /// Which of several filters, metrics and answers was taken, as sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// Questions that were put to the two models in different words; `None` where all words are the same or unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub different_prompts: Option<DifferentPrompts>,
    /// Questions that are in no number or not judged for want of one model's answers; `None`, and absent from the file, where there
    /// are none, and in runs of earlier versions, which did not keep them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_compared: Option<NotCompared>,
}

/// Free texts mean the same when their vectors are close.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MeaningSettings {
    /// Who makes the vectors.
    pub encoder: EncoderIdentity,
    /// Least cosine of two texts that mean the same, in (0, 1].
    pub least_cosine: f64,
}

/// Which prompts the teacher is asked, where the student answers more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TeacherAsked {
    /// Those of so many families, chosen at random.
    Families(u32),
    /// Those of families taken in until the gates are decided.
    UntilDecided,
}

/// A run that stops once its gates are decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Deciding {
    /// Error rate of each gate, on either side, in (0, 1).
    pub alpha: f64,
    /// Most families taken in per gate; `None` for as many as the suite has.
    pub cap: Option<u32>,
    /// Scored positions of the largest family of texts: the scale on which families of texts are watched.
    pub largest_text: u64,
    /// Families of texts in the suite; absent from the file, and 0, where an earlier version did not count them.
    #[serde(default, skip_serializing_if = "no_families")]
    pub text_families: u64,
    /// The gates that are watched.
    pub gates: Vec<WatchedGate>,
    /// When the gates are looked at whose numbers are read off curves, in the order of the looks; empty, and absent from the
    /// file, where none is watched. With them the families of every curve are spread over the order in which they are asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub looks: Vec<PlannedLook>,
}

/// A look at the gates whose numbers are read off curves.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlannedLook {
    /// Share of the families of every curve that it takes in, in (0, 1].
    pub families: f64,
    /// Share of the error rate of a gate that it spends; those of all looks add up to 1 at most.
    pub error: f64,
}

impl Deciding {
    /// What its looks may not be, as a lower-case fragment.
    pub(super) fn fault(&self) -> Option<String> {
        let shares = self.looks.iter().map(|look| look.families);
        let rising =
            shares.clone().is_sorted_by(|a, b| a < b) && shares.clone().all(|share| share > 0.0 && share <= 1.0);
        let errors = self.looks.iter().map(|look| look.error);
        let spends = errors.clone().all(|error| error > 0.0) && errors.sum::<f64>() <= 1.0 + 1e-9;
        (!(rising && spends)).then(|| {
            "settings.deciding.looks: expected rising shares of families in (0, 1] and errors above 0 that add up to 1 at most"
                .to_owned()
        })
    }
}

/// A gate that is watched while a run goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WatchedGate {
    /// Metric identifier.
    pub metric: String,
    /// Lowest accepted value.
    pub at_least: Option<f64>,
    /// Highest accepted value.
    pub at_most: Option<f64>,
}

fn no_families(families: &u64) -> bool {
    *families == 0
}
