//! A recipe: the TOML file that says who teaches whom what. Paths are taken from the folder that the command runs in.

mod lora;
mod loss;
mod train;

use std::path::{Path, PathBuf};

use hydrometer_answers::RunError;
use hydrometer_models::Address;
use hydrometer_probes::Profile;
use hydrometer_probes::strangers::read_file;
use serde::{Deserialize, Serialize};

use crate::DistillError;
use crate::data::check::BUILT_IN;
use crate::data::format::Format;
use crate::export::ExportRecipe;
use crate::losses::{Divergence, Objective, SENSIBLE_TEMPERATURES, Soft, TokenWeights};
use crate::network::Remember;
use crate::student::Origin;
use crate::train::{AdamWSettings, Schedule, TrainerSettings};

pub use lora::{LoraRecipe, Targets};
pub use loss::{HiddenRecipe, LossRecipe, StateLayers};
pub use train::TrainRecipe;

/// A setting out of range: key, what was expected, what was found.
type Fault = (&'static str, &'static str, String);

/// A recipe as it is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// A `.gguf` file, a Hugging Face folder, the folder of a cache of its distributions, or an endpoint, of which answers are learnt
    /// and, where it lists them, its most probable tokens.
    pub teacher: PathBuf,
    /// A cache of the teacher's distributions, for the arm `sparse`.
    pub cache: Option<PathBuf>,
    /// Where the arm `teacher_text` has the teacher's answers from.
    pub teacher_text: Option<TeacherTextRecipe>,
    /// Where the student begins.
    pub student: Origin,
    /// Adapters that learn instead of the student's weights.
    pub lora: Option<LoraRecipe>,
    /// What it is trained on.
    pub data: DataRecipe,
    /// What is made small; none where no arm learns the teacher's distributions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<LossRecipe>,
    /// How.
    pub train: TrainRecipe,
    /// What is trained, one after the other.
    #[serde(default = "all_arms")]
    pub arms: Vec<Arm>,
    /// In which forms students are written.
    #[serde(default, skip_serializing_if = "ExportRecipe::is_default")]
    pub export: ExportRecipe,
}

/// One training of the same student on the same tokens in the same order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arm {
    /// With the recipe's loss.
    Distilled,
    /// With hard labels alone: what the same tokens teach without the teacher's distributions.
    HardLabels,
    /// With hard labels alone, on the teacher's own answers to the same prompts (sequence-level distillation, Kim and Rush
    /// 2016, arXiv 1606.07947).
    TeacherText,
    /// With the recipe's loss, the teacher from the recipe's cache.
    Sparse,
}

impl Arm {
    /// Its name, which is its folder's, too.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Distilled => "distilled",
            Self::HardLabels => "hard_labels",
            Self::TeacherText => "teacher_text",
            Self::Sparse => "sparse",
        }
    }

    /// Whether it has the recipe's loss.
    #[must_use]
    pub fn is_soft(self) -> bool {
        matches!(self, Self::Distilled | Self::Sparse)
    }
}

/// The teacher's own answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeacherTextRecipe {
    /// An answer store. Prompts to which it holds no answer of the teacher are asked. An endpoint's answers are kept in the folder of the
    /// run.
    pub store: Option<PathBuf>,
    /// Instead, files of documents that hold the teacher's answers.
    #[serde(default)]
    pub files: Vec<PathBuf>,
    /// Answers to a prompt that are asked for.
    #[serde(default = "one_answer")]
    pub samples: u32,
    /// Temperature at which they are drawn.
    #[serde(default = "one")]
    pub temperature: f64,
}

impl TeacherTextRecipe {
    /// Of a recipe without such a table, whose teacher is behind an endpoint.
    pub(crate) const PLAIN: TeacherTextRecipe =
        TeacherTextRecipe { store: None, files: Vec::new(), samples: 1, temperature: 1.0 };
}

fn one_answer() -> u32 {
    1
}

fn all_arms() -> Vec<Arm> {
    vec![Arm::Distilled, Arm::HardLabels]
}

/// The data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataRecipe {
    /// Files of documents.
    pub files: Vec<PathBuf>,
    /// Their shape, where the first record of a file does not say it.
    pub format: Option<Format>,
    /// Share of the documents that only measure, by content hash.
    #[serde(default = "held_out")]
    pub held_out: f64,
    /// Tokens of a sample at most; no more than teacher and student take.
    pub context: usize,
    /// Files of probes that an audit will ask, beside the built-in suites: the data are looked through for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probes: Vec<PathBuf>,
    /// Suites that the data may overlap with: `builtin`, `builtin:PROFILE`, or files of `probes`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_overlap: Vec<String>,
}

impl DataRecipe {
    /// A name that is allowed to overlap and names no suite.
    fn unknown_overlap(&self) -> Option<&String> {
        let is_file = |name: &String| self.probes.iter().any(|path| path.display().to_string() == *name);
        let is_built_in = |name: &String| {
            let profile = name.strip_prefix(BUILT_IN).and_then(|rest| rest.strip_prefix(':'));
            name == BUILT_IN || profile.is_some_and(|profile| profile.parse::<Profile>().is_ok())
        };
        self.allow_overlap.iter().find(|name| !is_file(name) && !is_built_in(name))
    }
}

fn held_out() -> f64 {
    0.05
}

fn one() -> f64 {
    1.0
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_off(switch: &bool) -> bool {
    !switch
}

/// What a loss wants of a teacher that lists its most probable tokens and draws none of the others.
fn fault_of_listed(loss: &LossRecipe) -> Option<Fault> {
    let Divergence::TopKTail { .. } = loss.divergence else {
        let expected =
            "{ top_k_tail = { k = 64 } }, KL over the k tokens that a server lists and one cell for all others";
        let found =
            "another: a server draws no token of the others, so nothing is known of where their mass lies".to_owned();
        return Some(("loss.divergence", expected, found));
    };
    let other = loss.temperature != 1.0;
    other.then(|| ("loss.temperature", "1, at which a server lists probabilities", loss.temperature.to_string()))
}

impl Recipe {
    /// Reads and checks a recipe.
    ///
    /// # Errors
    /// The file cannot be read, is no recipe, or has a setting out of range: with the key.
    pub fn read(path: &Path) -> Result<Recipe, DistillError> {
        let bytes = read_file(path).map_err(RunError::io("read", path))?;
        let text = String::from_utf8(bytes).map_err(|e| DistillError::recipe(path, "file", "UTF-8", e.to_string()))?;
        Recipe::parse(&text, path)
    }

    /// As [`Recipe::read`]; `path` stands in errors.
    ///
    /// # Errors
    /// As [`Recipe::read`].
    pub fn parse(text: &str, path: &Path) -> Result<Recipe, DistillError> {
        let recipe: Recipe = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| 1 + text[..span.start.min(text.len())].matches('\n').count());
            let there = text.lines().nth(line - 1).unwrap_or_default().trim();
            // Of a setting that is one of several, `student` and `loss.divergence`, the library counts elements.
            let found = error.message().replace('\n', " ");
            let several = format!("several keys in `{there}`, where one may stand");
            let found = found.replace("wanted exactly 1 element, more than 1 element", &several);
            let found = ["usize", "u64", "u32"].iter().fold(found, |found, name| {
                found.replace(&format!("expected {name}"), "expected a whole number from 0 on")
            });
            DistillError::recipe(path, format!("line {line}"), "a recipe", found)
        })?;
        match recipe.fault() {
            None => Ok(recipe),
            Some((at, expected, found)) => Err(DistillError::recipe(path, at, expected, found)),
        }
    }

    /// The endpoint behind which the teacher is; `None` where it is not behind any.
    #[must_use]
    pub fn served(&self) -> Option<Address> {
        self.teacher.to_str().and_then(|name| Address::parse(name).ok().flatten())
    }

    /// How the teacher's answers are asked for, where they are learnt and there are no files of them.
    #[must_use]
    pub fn asked_for(&self) -> Option<TeacherTextRecipe> {
        let text = self.teacher_text.clone().unwrap_or(TeacherTextRecipe::PLAIN);
        (self.arms.contains(&Arm::TeacherText) && text.files.is_empty()).then_some(text)
    }

    /// The first setting out of range: key, what was expected, what was found.
    fn fault(&self) -> Option<(String, &'static str, String)> {
        let (data, train) = (&self.data, &self.train);
        let weights = self.loss.as_ref().and_then(|loss| loss.weights.fault(loss.hard < 1.0));
        if let Some((key, expected, found)) = self.objective(Arm::Distilled).fault().or(weights) {
            return Some((format!("loss.{key}"), expected, found));
        }
        if let Some((key, expected, found)) = self.fault_of_hidden() {
            return Some((key.to_owned(), expected, found));
        }
        if data.files.is_empty() {
            return Some(("data.files".to_owned(), "at least one file", "none".to_owned()));
        }
        if let Some(unknown) = data.unknown_overlap() {
            let expected = "builtin, builtin:PROFILE, or a file of data.probes";
            return Some(("data.allow_overlap".to_owned(), expected, unknown.clone()));
        }
        if self.arms.is_empty() {
            return Some((
                "arms".to_owned(),
                "at least one of distilled, hard_labels, teacher_text, sparse",
                "none".to_owned(),
            ));
        }
        let fault_of_lora = self.lora.as_ref().and_then(|lora| lora.fault(&self.student));
        let fault_of_student = self.student.fault();
        if let Some((key, expected, found)) = self.fault_of_teachers().or(fault_of_lora).or(fault_of_student) {
            return Some((key.to_owned(), expected, found));
        }
        if let Some(arm) = self.arms.iter().find(|arm| arm.is_soft() && self.loss.is_none()) {
            let found = format!("none, and the arm {} makes a loss small", arm.name());
            return Some((
                "loss".to_owned(),
                "a table `[loss]` with a divergence, as in divergence = \"forward_kl\"",
                found,
            ));
        }
        if data.held_out == 0.0 {
            let wanting = [("patience", train.patience), ("completions_every", train.completions_every)];
            if let Some((key, Some(_))) = wanting.into_iter().find(|(_, set)| set.is_some()) {
                let expected = "no such key where nothing is held out (`data.held_out` is 0)";
                return Some((format!("train.{key}"), expected, "one".to_owned()));
            }
        }
        let forms = &self.export.formats;
        if forms.is_empty() {
            return Some(("export.formats".to_owned(), "at least one form, as in [\"hf\"]", "none".to_owned()));
        }
        if let Some((_, form)) = forms.iter().enumerate().find(|(at, form)| forms[..*at].contains(form)) {
            return Some(("export.formats".to_owned(), "each form once", format!("{form} twice")));
        }
        let open = |value: f64| (0.0..1.0).contains(&value);
        let positive = |value: f64| value > 0.0 && value.is_finite();
        let natural = |value: f64| value >= 0.0 && value.is_finite();
        let numbers = [
            ("data.held_out", data.held_out, open(data.held_out), "a share from 0 to below 1"),
            ("train.learning_rate", train.learning_rate, positive(train.learning_rate), "a number above 0"),
            ("train.floor", train.floor, (0.0..=1.0).contains(&train.floor), "a share from 0 to 1"),
            ("train.beta1", train.beta1, open(train.beta1), "a number from 0 to below 1"),
            ("train.beta2", train.beta2, open(train.beta2), "a number from 0 to below 1"),
            ("train.epsilon", train.epsilon, positive(train.epsilon), "a number above 0"),
            ("train.weight_decay", train.weight_decay, natural(train.weight_decay), "a number from 0"),
            ("train.clip", train.clip, natural(train.clip), "a number from 0"),
        ];
        // Beyond a most no step would end, or nothing would hold it. "Never" may be as far off as anyone likes.
        let counts = [
            ("data.context", data.context as u64, 2..=u64::MAX, "at least 2"),
            ("train.steps", train.steps, 1..=u64::MAX, "at least 1"),
            ("train.batch_tokens", train.batch_tokens as u64, 1..=1 << 22, "from 1 to 4,194,304"),
            ("train.micro_tokens", train.micro_tokens as u64, 1..=1 << 20, "from 1 to 1,048,576"),
            ("train.evaluate_every", train.evaluate_every, 1..=u64::MAX, "at least 1"),
            ("train.evaluate_tokens", train.evaluate_tokens as u64, 1..=u64::MAX, "at least 1"),
            ("train.checkpoint_every", train.checkpoint_every, 1..=u64::MAX, "at least 1"),
            ("train.completions_every", train.completions_every.unwrap_or(1), 1..=u64::MAX, "at least 1"),
            ("train.patience", train.patience.unwrap_or(1), 1..=u64::MAX, "at least 1"),
        ];
        let wrong = numbers.into_iter().find(|number| !number.2).map(|(key, value, _, e)| (key, e, value.to_string()));
        let far = counts.into_iter().find(|(_, count, range, _)| !range.contains(count));
        let far = far.map(|(key, count, _, expected)| (key, expected, count.to_string()));
        let warm_up = || {
            let expected = "no more steps than `train.steps`, so that the rate gets to `train.learning_rate`";
            let found = format!("{}, and `train.steps` is {}", train.warm_up, train.steps);
            (train.warm_up > train.steps).then_some(("train.warm_up", expected, found))
        };
        wrong.or(far).or_else(warm_up).map(|(key, expected, found)| (key.to_owned(), expected, found))
    }

    /// What is wrong with the hidden states that are compared.
    fn fault_of_hidden(&self) -> Option<Fault> {
        let hidden = self.hidden()?;
        let expected = "no arm sparse where `loss.hidden` compares hidden states: a cache keeps none";
        let sparse = self.arms.contains(&Arm::Sparse);
        hidden.fault().or_else(|| sparse.then(|| ("arms", expected, Arm::Sparse.name().to_owned())))
    }

    /// What arms need of the teacher beside itself.
    fn fault_of_teachers(&self) -> Option<Fault> {
        let missing = || "none".to_owned();
        if self.arms.iter().enumerate().any(|(at, arm)| self.arms[..at].contains(arm)) {
            return Some(("arms", "each arm once", "one twice".to_owned()));
        }
        let named = self.teacher.to_str().map_or(Ok(None), Address::parse);
        let address = match named {
            Ok(address) => address,
            Err(error) => return Some(("teacher", "a model or an endpoint", error.to_string())),
        };
        if let Some(fault) = address.as_ref().and_then(|address| self.fault_of_served(address)) {
            return Some(fault);
        }
        let served = address.is_some();
        if self.arms.contains(&Arm::Sparse) && self.cache.is_none() {
            return Some(("cache", "a folder of the teacher's distributions, for the arm sparse", missing()));
        }
        let Some(text) = &self.teacher_text else {
            let asked = self.arms.contains(&Arm::TeacherText) && !served;
            return asked.then(|| ("teacher_text", "a store or files, for the arm teacher_text", missing()));
        };
        if !served && text.store.is_some() != text.files.is_empty() {
            let found = if text.store.is_some() { "both" } else { "neither" };
            return Some(("teacher_text", "a store or files", found.to_owned()));
        }
        if !(1..=4096).contains(&text.samples) {
            return Some(("teacher_text.samples", "from 1 to 4,096", text.samples.to_string()));
        }
        let wild = !SENSIBLE_TEMPERATURES.contains(&text.temperature);
        wild.then(|| ("teacher_text.temperature", "a number from 0.01 to 1,000", text.temperature.to_string()))
    }

    /// What a teacher cannot give that is behind an endpoint.
    fn fault_of_served(&self, address: &Address) -> Option<Fault> {
        let shown = |what: &str| format!("{what}, and a teacher behind an endpoint does not show it");
        if self.arms.contains(&Arm::Sparse) {
            let found = "sparse, which learns from a cache beside a teacher that runs here".to_owned();
            return Some(("arms", "distilled (from what the server lists), hard_labels, teacher_text", found));
        }
        if self.arms.contains(&Arm::Distilled) {
            if !address.lists_tokens() {
                let found =
                    "distilled, and only vllm:, sglang: and llama-server: list the most probable tokens of texts"
                        .to_owned();
                return Some(("arms", "teacher_text, hard_labels or both", found));
            }
            if let Some(fault) = self.loss.as_ref().and_then(fault_of_listed) {
                return Some(fault);
            }
        }
        if !matches!(self.student, Origin::Model(_)) {
            let expected = "a model that the student begins as: `student.model`";
            return Some((
                "student",
                expected,
                "another, and a teacher behind an endpoint has no layers to begin with".to_owned(),
            ));
        }
        if self.hidden().is_some() {
            return Some(("loss.hidden", "no such key", shown("hidden states")));
        }
        if self.teacher_text.as_ref().is_some_and(|text| text.store.is_some()) {
            let found = "one: the answers are kept in the folder of the run".to_owned();
            return Some(("teacher_text.store", "no such key where the teacher is behind an endpoint", found));
        }
        None
    }

    /// What an arm makes small.
    #[must_use]
    pub fn objective(&self, arm: Arm) -> Objective {
        match (&self.loss, arm) {
            (&Some(LossRecipe { divergence, temperature, hard, .. }), Arm::Distilled | Arm::Sparse) => {
                Objective { hard, soft: Some(Soft { divergence, temperature }) }
            }
            // A recipe whose arms have a loss has one: [`Recipe::parse`] refuses others.
            (None, Arm::Distilled | Arm::Sparse) | (_, Arm::HardLabels | Arm::TeacherText) => Objective::HARD,
        }
    }

    /// The hidden states that are compared.
    #[must_use]
    pub fn hidden(&self) -> Option<&HiddenRecipe> {
        self.loss.as_ref()?.hidden.as_ref()
    }

    /// How many of the most probable tokens a teacher behind an endpoint is asked for at every position; `None` where no arm learns its
    /// distributions, or where it runs here.
    #[must_use]
    pub fn listed(&self) -> Option<u32> {
        let wanted = self.arms.contains(&Arm::Distilled) && self.served().is_some();
        match self.loss.as_ref().filter(|_| wanted)?.divergence {
            Divergence::TopKTail { k } => Some(k),
            _ => None,
        }
    }

    /// The trainer's settings of an arm.
    #[must_use]
    pub fn settings(&self, arm: Arm) -> TrainerSettings {
        let t = &self.train;
        let (peak, warm_up, steps, decay, floor) = (t.learning_rate, t.warm_up, t.steps, t.decay, t.floor);
        let clip = (t.clip > 0.0).then_some(t.clip);
        let (beta1, beta2, epsilon, weight_decay) = (t.beta1, t.beta2, t.epsilon, t.weight_decay);
        TrainerSettings {
            objective: self.objective(arm),
            weights: self.loss.as_ref().filter(|_| arm.is_soft()).map_or(TokenWeights::EVEN, |loss| loss.weights),
            optimiser: AdamWSettings { beta1, beta2, epsilon, weight_decay, clip },
            schedule: Schedule { peak, warm_up, steps, decay, floor },
            micro_tokens: t.micro_tokens,
            remember: if t.checkpointing { Remember::Inputs } else { Remember::Everything },
            seed: t.seed,
        }
    }

    /// BLAKE3 of everything that it says, but for the forms in which students are written, `train.checkpointing`, and the probes
    /// that the data are held against: they change no student, and others may be asked for afterwards.
    #[must_use]
    pub fn hash(&self) -> String {
        let mut trained = Recipe { export: ExportRecipe::default(), ..self.clone() };
        trained.train.checkpointing = false;
        (trained.data.probes, trained.data.allow_overlap) = (Vec::new(), Vec::new());
        let text = serde_json::to_string(&trained).unwrap_or_default();
        format!("blake3:{}", blake3::hash(text.as_bytes()).to_hex())
    }
}
