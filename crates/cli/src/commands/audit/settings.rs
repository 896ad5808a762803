//! What the flags of an audit come to.

use std::path::PathBuf;

use hydrometer_answers::sparse::Codec;
use hydrometer_answers::{SetKnobs, TeacherAsked, TrainedOn};
use hydrometer_ask::radius::placeable;
use hydrometer_ask::{AskOptions, PlacedDeployment, UntilDecided};
use hydrometer_audit::calibrate::Calibrated;
use hydrometer_audit::{Policy, alpha, planned_looks, watched_gates};
use hydrometer_models::EngineOptions;
use hydrometer_probes::counted::counted;
use hydrometer_probes::{Ask, Probe, Suite};

use super::opening::{check_batch, check_listed_answers, kept_beside};
use super::{Arguments, Stopping};
use crate::arguments::as_typed;
use crate::commands::deployed_on::Deployment;
use crate::commands::judge::JudgeSettings;
use crate::commands::judged::{calibration, policy};
use crate::commands::label::labels_in;
use crate::commands::run_name::{RunNames, default_folder};
use crate::commands::spending::{Counts, Spending};
use crate::commands::trained_on::TrainingPrompts;
use crate::engine::Meaning;
use crate::failure::Failure;
use crate::files;
use crate::terminal::Terminal;

/// Where the teacher's distributions come from.
pub(super) enum Teacher {
    /// The model of this name.
    Model(String),
    /// The cache in this folder.
    Cache(PathBuf),
}

/// Everything decided before a model is opened.
pub(super) struct Settings {
    pub(super) teacher: Teacher,
    pub(super) student: String,
    pub(super) base: Option<String>,
    pub(super) control: Option<String>,
    pub(super) tokenizer: Option<String>,
    /// Whether endpoints are asked for the log-probability of every token.
    pub(super) full_logprobs: bool,
    pub(super) suite: Suite,
    pub(super) options: AskOptions,
    pub(super) engine: EngineOptions,
    pub(super) spending: Spending,
    /// Whether an endpoint may be another model than it was.
    pub(super) accepts_a_change: bool,
    pub(super) batch: bool,
    pub(super) meaning: Option<Meaning>,
    pub(super) policy: Policy,
    pub(super) calibrated: Option<Calibrated>,
    pub(super) labels: Option<PathBuf>,
    pub(super) judge: Option<JudgeSettings>,
    pub(super) out: Option<PathBuf>,
}

impl Settings {
    /// # Errors
    /// Flags that make no sense together, and files that cannot be read.
    pub(super) fn resolve(arguments: &Arguments, terminal: &Terminal) -> Result<Self, Failure> {
        let asked = &arguments.asked;
        let spending = arguments.spending.open()?;
        check_batch(arguments)?;
        check_listed_answers(arguments)?;
        if let Some(out) = &arguments.out {
            spending.go_on(out, Counts::Everything)?;
        }
        let mut suite = asked.texts.suite(asked.seed, terminal)?;
        let audited = [("teacher", &arguments.who.teacher), ("base", &arguments.base), ("control", &arguments.control)];
        let audited = audited.into_iter().filter_map(|(role, name)| Some((role, name.as_deref()?)));
        let audited: Vec<_> = audited.chain([("student", arguments.student.as_str())]).collect();
        let placed = asked.radius.open(&asked.trained_on, &audited, Some(&spending), terminal);
        let placed =
            placed.and_then(|set| set.map(|set| place(set, &asked.used.deployed_on, &mut suite, terminal)).transpose());
        let placed = kept_beside(placed, &spending, arguments.out.as_deref())?;
        let Placed { trained_on, set_knobs, deployed_on } = placed.unwrap_or_default();
        let sampling = arguments.answered.resolve(&suite, asked.seed)?;
        let letters = asked.letters.map(|letters| arguments.answered.letters(letters, asked.seed)).transpose()?;
        let policy = policy(arguments.policy.as_deref())?;
        let calibrated = calibration(arguments.calibration.as_deref())?;
        // What is no file of labels is noticed before anything is asked.
        arguments.labels.as_deref().map(labels_in).transpose()?;
        if arguments.base.is_some() && sampling.is_none() {
            return Err(
                Failure::input("--base only answers prompts, and the suite asks none").hint("add some with --probes")
            );
        }
        if asked.listed_answers.is_some() && sampling.is_none() {
            return Err(Failure::input("--listed-answers lists answers to prompts, and nothing is answered freely")
                .hint("add prompts with --probes, or leave --listed-answers out"));
        }
        let judge = arguments.judge.as_ref().map(|name| {
            JudgeSettings::of_audit(
                (name, &arguments.judged_by),
                &suite,
                sampling.as_ref(),
                &arguments.engine,
                arguments.batch,
            )
        });
        let judge = judge.transpose()?;
        if arguments.control.is_some() && !suite.probes.iter().any(Probe::is_graded) {
            let nothing =
                "--control is asked only what says how hard it is and what is right, and the suite has nothing of it";
            return Err(Failure::input(nothing).hint("add probes with a knob, or place your own with --trained-on"));
        }
        if arguments.meaning.is_given() {
            let nothing = "--sentence-encoder has nothing to read";
            if arguments.who.teacher_cache.is_some() {
                return Err(Failure::input(format!("{nothing}: a teacher cache holds texts only"))
                    .hint("name the teacher with --teacher"));
            }
            if sampling.is_none() || !suite.probes.iter().any(Probe::is_free) {
                let reason = format!("{nothing}: no prompt of the suite is compared by its whole answer");
                return Err(Failure::input(reason).hint("add prompts without a checker with --probes"));
            }
        }
        if sampling.is_none() && suite.probes.iter().all(|probe| matches!(probe.ask, Ask::Prompt(_) | Ask::Episode(_)))
        {
            let reason = format!("{} holds prompts only, and --samples 0 leaves prompts out", suite.name);
            return Err(Failure::input(reason).hint("ask for two samples or more, or add texts or choices"));
        }
        let Stopping { until_decided, cap, ppi, teacher_families } = arguments.stopping;
        let teacher_asked = teacher_families.map(TeacherAsked::Families).or(ppi.then_some(TeacherAsked::UntilDecided));
        Ok(Self {
            teacher: match (&arguments.who.teacher_cache, &arguments.who.teacher) {
                (Some(cache), _) => Teacher::Cache(cache.clone()),
                (None, teacher) => Teacher::Model(teacher.clone().unwrap_or_default()),
            },
            student: arguments.student.clone(),
            base: arguments.base.clone(),
            control: arguments.control.clone(),
            tokenizer: arguments.tokenizer.clone(),
            full_logprobs: asked.full_logprobs,
            suite,
            options: AskOptions {
                n_ctx: asked.texts.ctx,
                block_tokens: asked.block_tokens.max(asked.texts.ctx),
                rotations: asked.rotations,
                floor_windows: asked.floor_windows,
                max_windows: asked.texts.chunks,
                window_order: asked.texts.order(),
                seed: asked.seed,
                sampling,
                teacher_asked,
                until_decided: until_decided.then(|| {
                    let gates = watched_gates(&policy);
                    UntilDecided { alpha: alpha(&policy), cap, looks: planned_looks(&gates), gates }
                }),
                trained_to: asked.trained_to.iter().cloned().collect(),
                set_knobs,
                trained_on,
                deployment: asked.used.deployment.iter().cloned().collect(),
                deployed_on,
                letters,
                listed_answers: asked.listed_answers,
                accepted: arguments.preflight.accepted(),
                arguments: as_typed(),
            },
            engine: arguments.engine.options(),
            spending,
            accepts_a_change: arguments.preflight.accepts_a_change(),
            batch: arguments.batch.batch,
            meaning: arguments.meaning.open(terminal)?,
            policy,
            calibrated,
            labels: arguments.labels.clone(),
            judge,
            out: arguments.out.clone(),
        })
    }

    /// The folder of the run.
    ///
    /// # Errors
    /// It is inside a finished run.
    pub(super) fn folder(&self, models: &RunNames<'_>, cache: Option<&Codec>) -> Result<PathBuf, Failure> {
        let meaning = self.meaning.as_ref().map(|meaning| meaning.closeness().settings());
        let default = || default_folder(models, &self.suite, &self.options, cache, meaning);
        let folder = self.out.clone().unwrap_or_else(default);
        files::outside_runs(&folder)?;
        Ok(folder)
    }
}

/// What a distillation set says of a suite.
#[derive(Default)]
struct Placed {
    trained_on: Option<TrainedOn>,
    set_knobs: Option<SetKnobs>,
    deployed_on: Option<PlacedDeployment>,
}

/// Grades the suite by its distance from the distillation set, and says where the prompts of the deployment lie, where there are
/// any. What has a knob is graded already: it may be counted from what the set carries of that knob.
fn place(
    TrainingPrompts { distances, knobs }: TrainingPrompts,
    deployed_on: &[PathBuf],
    suite: &mut Suite,
    terminal: &Terminal,
) -> Result<Placed, Failure> {
    let words = placeable(suite);
    if words.is_empty() {
        let turned = |probe: &Probe| {
            let name = probe.knob.as_ref().map(|knob| format!("{}.{}", probe.axis, knob.name));
            name.is_some_and(|name| knobs.as_ref().is_some_and(|set| set.knobs.contains_key(&name)))
        };
        if deployed_on.is_empty() && suite.probes.iter().any(turned) {
            return Ok(Placed { set_knobs: knobs, ..Placed::default() });
        }
        let nothing = format!("--trained-on has nothing to place: {} has", suite.name);
        let reason = format!(
            "{nothing} no prompt with a check and no choice with a truth that is without a knob, and the set's prompts carry \
             none of its knobs"
        );
        return Err(Failure::input(reason).hint("add some with --probes, or leave --trained-on out"));
    }
    let deployment = Deployment::read(deployed_on)?;
    let prompts = deployment.iter().flat_map(|deployment| deployment.placed());
    let radii = distances.measure(words.iter().map(String::as_str).chain(prompts))?;
    let placed = radii.place(suite)?;
    terminal.say(&format!("{} placed by distance from the distillation set", counted(placed as u64, "probe")));
    Ok(Placed {
        trained_on: Some(radii.trained_on().clone()),
        set_knobs: knobs,
        deployed_on: deployment.map(|deployment| deployment.place(&radii)),
    })
}
