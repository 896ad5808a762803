//! What a recipe names, opened and looked at before anything is trained.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use hydrometer_answers::ModelIdentity;
use hydrometer_models::{Checkpoint, Decoder, EngineOptions, Model};

use crate::data::check::{Overlap, Probes};
use crate::data::preflight_against;
use crate::data::{Encoder, Preflight, read};
use crate::network::{Network, Reading};
use crate::recipe::{Arm, Recipe, TeacherTextRecipe};
use crate::student::{Origin, Speaker};
use crate::teacher_text::{Wanted, prompt};
use crate::train::{HiddenStates, KeptTeacher, Sample, Teacher};
use crate::{DistillError, chance};

use super::{Observer, pair};

/// A recipe whose models are open and whose data are read.
pub struct Plan {
    pub(super) recipe: Recipe,
    source: Source,
    /// For the arm `sparse`.
    pub(super) cache: Option<KeptTeacher>,
    /// The teacher in the trainer's own decoder, where hidden states are compared.
    inside: Option<Network>,
    /// Documents with the answers of a teacher that is behind an endpoint.
    answers: Option<PathBuf>,
    /// The data, and what was found in them.
    pub data: Preflight,
}

/// Who teaches.
enum Source {
    Live {
        checkpoint: Box<Checkpoint>,
        engine: Box<Decoder>,
    },
    /// Distributions alone; the student's own model says how texts are read.
    Kept {
        teacher: Box<KeptTeacher>,
        student: Box<Checkpoint>,
    },
    /// Answers alone: who gives them, and the student's own model.
    Text {
        teacher: Box<ModelIdentity>,
        student: Box<Checkpoint>,
    },
}

impl Plan {
    /// Opens the teacher and reads the data.
    ///
    /// # Errors
    /// A model, a cache or a file that cannot be used; a context that the teacher does not have; a cache of another teacher, or
    /// one that keeps too little for the loss.
    pub fn new(recipe: Recipe, options: &EngineOptions) -> Result<Plan, DistillError> {
        recipe.train.precision.available()?;
        let source = Source::open(&recipe, options)?;
        Plan::of(recipe, source)
    }

    /// The plan of a recipe whose teacher is behind an endpoint: who it is. Its answers come to the plan by [`Plan::answered_in`].
    ///
    /// # Errors
    /// As [`Plan::new`].
    pub fn of_answers(recipe: Recipe, teacher: ModelIdentity) -> Result<Plan, DistillError> {
        let Origin::Model(path) = &recipe.student else {
            let reason = "a teacher behind an endpoint has no layers and no tokenizer to begin with".to_owned();
            let hint = "name a model that the student begins as: `student.model`".to_owned();
            return Err(DistillError::Student { reason, hint });
        };
        let student = Box::new(Checkpoint::open(path)?);
        Plan::of(recipe, Source::Text { teacher: Box::new(teacher), student })
    }

    /// The documents with the teacher's answers, where it is behind an endpoint.
    #[must_use]
    pub fn answered_in(self, documents: PathBuf) -> Plan {
        Plan { answers: Some(documents), ..self }
    }

    /// The samples whose distributions a teacher behind an endpoint is asked for: what the arm `distilled` learns, and the held-out ones
    /// that are measured.
    pub fn to_be_listed(&self) -> impl Iterator<Item = &Sample> {
        self.data.train.iter().chain(self.measured_samples())
    }

    /// The cache of what the teacher lists of its distributions, where it is behind an endpoint: from now on all that is known of it.
    ///
    /// # Errors
    /// No cache, one that is damaged, or that lacks a sample.
    pub fn listed_in(self, cache: &Path) -> Result<Plan, DistillError> {
        let source = match self.source {
            Source::Text { student, .. } => Source::Kept { teacher: Box::new(KeptTeacher::open(cache)?), student },
            source => source,
        };
        let plan = Plan { source, ..self };
        plan.check_caches()?;
        Ok(plan)
    }

    fn of(recipe: Recipe, source: Source) -> Result<Plan, DistillError> {
        let checkpoint = source.speaker();
        let context = checkpoint.config.context;
        if recipe.data.context > context {
            let whose = if matches!(source, Source::Live { .. }) { "teacher" } else { "student" };
            let reason = format!("the recipe's context is {}, the {whose}'s {context}", recipe.data.context);
            return Err(DistillError::Pair { reason });
        }
        // A student without its tokenizer's files is none, and that is known before an hour of training.
        match &recipe.student {
            Origin::Model(path) => Checkpoint::open(path)?.tokenizer_files()?,
            _ => checkpoint.tokenizer_files()?,
        };
        let mut data = of_files(&recipe, checkpoint, &recipe.data.files, recipe.data.held_out)?;
        if let (Origin::Model(path), Source::Live { checkpoint, .. }) = (&recipe.student, &source) {
            pair::look(checkpoint, &Checkpoint::open(path)?, &mut data.findings)?;
        }
        if let Source::Kept { teacher, student } = &source {
            pair::look_at_kept(teacher.identity(), student, &mut data.findings)?;
        }
        let cache = match &recipe.cache {
            Some(path) if recipe.arms.contains(&Arm::Sparse) => Some(source.beside(KeptTeacher::open(path)?)?),
            _ => None,
        };
        let inside = source.inside(&recipe)?;
        let plan = Plan { recipe, source, cache, inside, answers: None, data };
        plan.check_caches()?;
        Ok(plan)
    }

    /// Refuses caches that keep too little for the loss, or lack the data.
    fn check_caches(&self) -> Result<(), DistillError> {
        let data = &self.data;
        if let Source::Kept { teacher, .. } = &self.source {
            let soft = self.recipe.arms.contains(&Arm::Distilled);
            teacher.serves(&self.recipe.objective(if soft { Arm::Distilled } else { Arm::HardLabels }))?;
            let trained = data.train.iter().filter(|_| soft);
            teacher.covers(trained.chain(self.measured_samples()))?;
        }
        if let Some(cache) = &self.cache {
            cache.serves(&self.recipe.objective(Arm::Sparse))?;
            cache.covers(data.train.iter())?;
        }
        Ok(())
    }

    /// The student as an arm trains it: with adapters where the recipe has them, parts that do not learn, and projectors where hidden
    /// states of another width are compared.
    ///
    /// # Errors
    /// A part to freeze that it does not have, adapters wider than itself, nothing of it would learn, or states of layers that are not
    /// there.
    pub(super) fn learner(&self, arm: Arm) -> Result<(Network, Option<HiddenStates>), DistillError> {
        let (mut network, _) = self.start()?;
        network.train_in(self.recipe.train.precision)?;
        network.frozen = self.recipe.train.freeze.clone();
        if let Some(part) = network.missing() {
            let part = serde_json::to_string(&part).unwrap_or_default();
            let reason = format!("`train.freeze` names {part}, and the student has no such part");
            let hint = format!(
                "it has the layers 0 to {}; where its head is the embedding, `embedding` freezes both",
                network.config.layers.saturating_sub(1)
            );
            return Err(DistillError::Student { reason, hint });
        }
        if let Some(lora) = &self.recipe.lora {
            let width = network.config.d_model;
            if lora.rank > width {
                let reason = format!(
                    "`lora.rank` is {}, and no matrix has a higher rank than {width}, the student's width",
                    lora.rank
                );
                return Err(DistillError::Student { reason, hint: "ranks of 8 to 64 are usual".to_owned() });
            }
            let seed = chance::seed_of("adapters", &[self.recipe.train.seed]);
            network.adapt(lora.shape(), &lora.places(), seed);
        }
        if network.learning() == 0 {
            let reason = "`train.freeze` leaves nothing that learns".to_owned();
            return Err(DistillError::Student { reason, hint: "freeze less".to_owned() });
        }
        let Some(hidden) = self.recipe.hidden().filter(|_| arm.is_soft()) else {
            return Ok((network, None));
        };
        let teacher = &self.speaker().config;
        let hidden = hidden.states(&self.recipe.student, network.config.layers, teacher.layers)?;
        if network.config.d_model != teacher.d_model {
            let seed = chance::seed_of("projectors", &[self.recipe.train.seed]);
            network.project(hidden.pairs.len(), teacher.d_model, seed);
        }
        Ok((network, Some(hidden)))
    }

    /// Whom an arm learns from.
    pub(super) fn learnt_from(&self, arm: Arm, vocab: usize) -> Result<Teacher<'_>, DistillError> {
        match (&self.cache, &self.inside) {
            (Some(cache), _) if arm == Arm::Sparse => Teacher::kept(cache, vocab),
            (_, Some(inside)) if arm == Arm::Distilled => Teacher::network(inside, vocab),
            _ => self.teacher(vocab),
        }
    }

    /// The student before it learns anything, and whose tokenizer it has.
    pub(super) fn start(&self) -> Result<(Network, Option<Checkpoint>), DistillError> {
        let seed = chance::seed_of("weights", &[self.recipe.train.seed]);
        let speaker = match &self.source {
            Source::Live { checkpoint, .. } => Speaker::Teacher(checkpoint),
            Source::Kept { student, .. } | Source::Text { student, .. } => Speaker::Student(student),
        };
        let as_stored = self.recipe.lora.as_ref().is_some_and(|lora| lora.quantized);
        let reading = if as_stored { Reading::AsStored } else { Reading::Numbers };
        let (network, origin) = self.recipe.student.build(speaker, reading, seed)?;
        if self.recipe.data.context > network.config.context {
            let (asked, there) = (self.recipe.data.context, network.config.context);
            return Err(DistillError::Pair {
                reason: format!("the recipe's context is {asked}, the student's {there}"),
            });
        }
        self.teacher(network.config.vocab)?;
        Ok((network, origin))
    }

    /// The checkpoint whose tokenizer and template a student has that brings none of its own.
    #[must_use]
    pub fn speaker(&self) -> &Checkpoint {
        self.source.speaker()
    }

    /// Who the teacher is.
    #[must_use]
    pub fn identity(&self) -> &ModelIdentity {
        match &self.source {
            Source::Live { engine, .. } => engine.identity(),
            Source::Kept { teacher, .. } => teacher.identity(),
            Source::Text { teacher, .. } => teacher,
        }
    }

    /// The teacher, for a student with so many logits: what every arm is measured by.
    pub(super) fn teacher(&self, vocab: usize) -> Result<Teacher<'_>, DistillError> {
        match &self.source {
            Source::Live { engine, .. } => Teacher::of(engine.as_ref(), vocab),
            Source::Kept { teacher, .. } => Teacher::kept(teacher, vocab),
            Source::Text { .. } => Ok(Teacher::Text),
        }
    }

    /// The teacher's own answers, for the arm `teacher_text`; none where it is not trained.
    pub(super) fn teacher_text(&self, observer: &mut dyn Observer) -> Result<Vec<Sample>, DistillError> {
        if !self.recipe.arms.contains(&Arm::TeacherText) {
            return Ok(Vec::new());
        }
        let text = self.recipe.teacher_text.clone().unwrap_or(TeacherTextRecipe::PLAIN);
        let mut samples = match &text.store {
            None => {
                let files: Vec<PathBuf> = text.files.iter().chain(&self.answers).cloned().collect();
                let data = of_files(&self.recipe, self.speaker(), &files, 0.0)?;
                if let Some(refusal) = data.refusal() {
                    return Err(DistillError::Pair { reason: format!("teacher_text.files: {}", refusal.what) });
                }
                data.train
            }
            Some(store) => {
                let engine: Option<&dyn Model> = match &self.source {
                    Source::Live { engine, .. } => Some(engine.as_ref()),
                    Source::Kept { .. } | Source::Text { .. } => None,
                };
                let (context, seed) = (self.recipe.data.context, self.recipe.train.seed);
                let (samples, temperature) = (text.samples, text.temperature);
                let wanted = Wanted { store, samples, temperature, context, seed };
                let mut watch = |done, all| {
                    observer.answered(done, all);
                    !observer.interrupted()
                };
                wanted.samples(engine, self.identity(), &self.data.train, &mut watch)?
            }
        };
        // A prompt that is held out stays so, whoever answers it.
        let held_out: HashSet<&[u32]> = self.data.held_out.iter().map(prompt).collect();
        samples.retain(|sample| !held_out.contains(prompt(sample)));
        if samples.is_empty() {
            let reason =
                "the teacher has no whole answer to any prompt of the data: nothing to train `teacher_text` on";
            return Err(DistillError::Pair { reason: reason.to_owned() });
        }
        Ok(samples)
    }
}

impl Source {
    fn open(recipe: &Recipe, options: &EngineOptions) -> Result<Source, DistillError> {
        if !KeptTeacher::is_at(&recipe.teacher) {
            let checkpoint = Checkpoint::open(&recipe.teacher)?;
            let engine = Decoder::open(&checkpoint, options)?;
            return Ok(Source::Live { checkpoint: Box::new(checkpoint), engine: Box::new(engine) });
        }
        let teacher = KeptTeacher::open(&recipe.teacher)?;
        let Origin::Model(path) = &recipe.student else {
            let reason = "the teacher is a cache of distributions, which has no layers and no tokenizer to begin with";
            let hint = "name a model that the student begins as: `student.model`";
            return Err(DistillError::Student { reason: reason.to_owned(), hint: hint.to_owned() });
        };
        let student = Checkpoint::open(path)?;
        // Hashes of tokenizers in files of two formats differ. Records are found by the tokens of whole samples: another
        // tokenizer would find none.
        Ok(Source::Kept { teacher: Box::new(teacher), student: Box::new(student) })
    }

    /// The teacher's own network, as its file stores it, where the recipe's loss looks at hidden states.
    fn inside(&self, recipe: &Recipe) -> Result<Option<Network>, DistillError> {
        if recipe.hidden().is_none() {
            return Ok(None);
        }
        let Source::Live { checkpoint, .. } = self else {
            let reason =
                "`loss.hidden` compares hidden states, and the teacher is a cache, which keeps distributions only";
            return Err(DistillError::Pair { reason: reason.to_owned() });
        };
        if !recipe.arms.contains(&Arm::Distilled) {
            return Ok(None);
        }
        let layers: Vec<usize> = (0..checkpoint.config.layers).collect();
        let network = Network::open_with(checkpoint, &layers, Reading::AsStored);
        network.map(Some).map_err(|error| match error {
            DistillError::Student { reason, hint } => {
                let reason = format!("`loss.hidden` runs the teacher as students are run: {reason}");
                DistillError::Student { reason, hint }
            }
            error => error,
        })
    }

    fn speaker(&self) -> &Checkpoint {
        match self {
            Source::Live { checkpoint, .. } => checkpoint,
            Source::Kept { student, .. } | Source::Text { student, .. } => student,
        }
    }

    /// The cache, where it is the teacher's.
    fn beside(&self, cache: KeptTeacher) -> Result<KeptTeacher, DistillError> {
        let refuse = |reason: &str| Err(DistillError::Pair { reason: reason.to_owned() });
        let Source::Live { engine, .. } = self else {
            return refuse(
                "the teacher is a cache: the arm `distilled` learns from it, and `sparse` would be the same",
            );
        };
        if cache.identity().weights != engine.identity().weights {
            return refuse("the recipe's cache holds the distributions of another teacher");
        }
        Ok(cache)
    }
}

/// The documents of some files, encoded as a model reads them.
fn of_files(
    recipe: &Recipe,
    checkpoint: &Checkpoint,
    files: &[PathBuf],
    held_out: f64,
) -> Result<Preflight, DistillError> {
    let tokenizer = checkpoint.tokenizer()?;
    let template = checkpoint.template()?;
    let Some(end) = Encoder::end_of(&tokenizer) else {
        let reason = "the teacher's tokenizer has no end-of-text token, so its student could never learn to stop";
        return Err(DistillError::Pair { reason: reason.to_owned() });
    };
    let (mut documents, mut left_out) = (Vec::new(), Vec::new());
    for path in files {
        let (some, wrong) = read(path, recipe.data.format)?;
        documents.extend(some);
        left_out.extend(wrong);
    }
    let encoder = Encoder { tokenizer: &tokenizer, template: template.as_ref(), end, context: recipe.data.context };
    let own = recipe.data.probes.iter().map(|path| Probes::load(path)).collect::<Result<Vec<_>, _>>()?;
    let suites: Vec<&Probes> = Probes::built_in().iter().chain(&own).collect();
    let overlap = Overlap { suites: &suites, allowed: &recipe.data.allow_overlap };
    Ok(preflight_against(&encoder, &documents, &left_out, held_out, overlap))
}
