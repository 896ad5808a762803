//! Who is asked, and as what.

use std::fmt;

use hydrometer_answers::{ExcludedItem, MeaningSettings, SampleSource};
use hydrometer_models::{Model, ModelError, Scorer, SentenceEncoder, Tokenizer};
use hydrometer_probes::Probe;

use crate::AskError;

/// As what a model answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Who was copied; its second run is the noise floor.
    Teacher,
    /// The copy.
    Student,
    /// The copy before distillation.
    Base,
    /// Another copy: the student's fall-off is compared with its own.
    Control,
    /// Who says whether two free texts mean the same.
    SentenceEncoder,
    /// Who says what free answers decide.
    Judge,
}

impl Role {
    /// Whose answers it samples, in the order in which they are drawn.
    pub fn sources(self) -> &'static [SampleSource] {
        match self {
            Role::Teacher => &[SampleSource::Teacher, SampleSource::Rerun],
            Role::Student => &[SampleSource::Student],
            Role::Base => &[SampleSource::Base],
            Role::Control => &[SampleSource::Control],
            Role::SentenceEncoder => &[],
            // It answers once, without chance: by whose numbers it is kept makes no difference.
            Role::Judge => &[SampleSource::Teacher],
        }
    }

    /// A probe for which its context is too short.
    pub(crate) fn too_short_for(self, probe: &str, reason: String) -> ExcludedItem {
        ExcludedItem { context_of: Some(self.to_string()), ..ExcludedItem::new(probe, reason) }
    }

    /// What became of a probe that it could not be asked: it is excluded where its tokenizer or chat template does not take it.
    ///
    /// # Errors
    /// The model failed in another way.
    pub(crate) fn does_not_take(self, probe: &str, error: ModelError) -> Result<ExcludedItem, AskError> {
        match error {
            ModelError::Template { .. } | ModelError::Tokenizer { .. } => {
                let excluded = ExcludedItem::new(probe, format!("the {self} does not take it: {error}"));
                Ok(ExcludedItem { refused_by: Some(self.to_string()), ..excluded })
            }
            error => Err(self.failed()(error)),
        }
    }

    /// Whether it is asked a probe: the control student only where success is set against a distance.
    pub(crate) fn is_asked(self, probe: &Probe) -> bool {
        self != Role::Control || probe.is_graded()
    }

    /// The model's logits and tokens.
    ///
    /// # Errors
    /// It shows none.
    pub(crate) fn scorer(self, model: &dyn Model) -> Result<Scorer<'_>, AskError> {
        Scorer::of(model).map_err(|lacking| self.failed()(lacking.into()))
    }

    /// Blames a model's failure on it.
    pub(crate) fn failed(self) -> impl Fn(ModelError) -> AskError {
        move |source| AskError::Model { role: self, source }
    }
}

/// A question as its models read it; `None` where one does not take it: that costs the question, and not the run.
///
/// # Errors
/// A model failed in another way.
pub(crate) fn taken<T>(
    read: Result<T, Result<ExcludedItem, AskError>>,
    excluded: &mut Vec<ExcludedItem>,
) -> Result<Option<T>, AskError> {
    read.map(Some).or_else(|refused| {
        excluded.push(refused?);
        Ok(None)
    })
}

impl From<SampleSource> for Role {
    fn from(source: SampleSource) -> Self {
        match source {
            SampleSource::Teacher | SampleSource::Rerun => Role::Teacher,
            SampleSource::Student => Role::Student,
            SampleSource::Base => Role::Base,
            SampleSource::Control => Role::Control,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Role::Teacher => "teacher",
            Role::Student => "student",
            Role::Base => "base",
            Role::Control => "control",
            Role::SentenceEncoder => "sentence encoder",
            Role::Judge => "judge",
        })
    }
}

/// Who is asked.
#[derive(Clone, Copy)]
pub struct Models<'a> {
    /// Who was copied.
    pub teacher: &'a dyn Model,
    /// The copy.
    pub student: &'a dyn Model,
    /// The copy before distillation, where it is known: it answers prompts, and "gap closed" is measured from it.
    pub base: Option<&'a dyn Model>,
    /// Another copy, where there is one: it answers what is graded, and the student's fall-off is compared with its own.
    pub control: Option<&'a dyn Model>,
    /// Whether two free answers mean the same; without it their spelling says so.
    pub meaning: Option<Closeness<'a>>,
    /// How both models read texts, where both stand behind servers: what a server lists is cut into windows by it.
    pub tokenizer: Option<&'a Tokenizer>,
}

impl<'a> Models<'a> {
    /// A teacher and a student of which no earlier state is known.
    pub fn pair(teacher: &'a dyn Model, student: &'a dyn Model) -> Self {
        Self { teacher, student, base: None, control: None, meaning: None, tokenizer: None }
    }

    /// The models that answer, in the order in which they are asked.
    pub(crate) fn who_answer(&self) -> impl Iterator<Item = (Role, &'a dyn Model)> {
        let base = self.base.map(|base| (Role::Base, base));
        let control = self.control.map(|control| (Role::Control, control));
        [(Role::Teacher, self.teacher), (Role::Student, self.student)].into_iter().chain(base).chain(control)
    }

    /// Those that answer this probe.
    pub(crate) fn who_answer_to(&self, probe: &Probe) -> impl Iterator<Item = (Role, &'a dyn Model)> {
        self.who_answer().filter(|(role, _)| role.is_asked(probe))
    }
}

/// Texts mean the same when a sentence encoder puts them close together.
#[derive(Clone, Copy)]
pub struct Closeness<'a> {
    /// Who reads them.
    pub encoder: &'a SentenceEncoder,
    /// Least cosine of texts that mean the same, in (0, 1].
    pub least_cosine: f64,
}

impl Closeness<'_> {
    /// As settings of a run.
    pub fn settings(&self) -> MeaningSettings {
        MeaningSettings { encoder: self.encoder.identity().clone(), least_cosine: self.least_cosine }
    }

    /// A cosine that two texts can have.
    pub(crate) fn check(&self) -> Result<(), AskError> {
        if self.least_cosine > 0.0 && self.least_cosine <= 1.0 {
            return Ok(());
        }
        Err(AskError::setting("least_cosine", self.least_cosine, "a cosine above 0 and at most 1"))
    }
}
