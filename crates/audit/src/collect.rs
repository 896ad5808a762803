//! Runs both models over a suite, block by block, and writes what is kept of each position to the run folder.
//! Nothing dense is stored: logits live for one chunk of rows. A run that stops once its gates are decided asks whole
//! families in random order, texts, choices and prompts in turn.

mod job;
mod work;

use std::collections::BTreeMap;
use std::path::Path;

use hydrometer_answers::{FORMAT, Manifest, PartKind, RunFolder, RunSettings, TeacherAsked, UnitCounts};
use hydrometer_models::{Model, TokenizerPairing};
use hydrometer_probes::Suite;

use crate::meaning::check_closeness;
use crate::sampling::check_samples;
use crate::watch::{self, Watch};
use crate::{AuditError, AuditOptions, Models, Observer};
use job::Job;
use work::{Plan, plan};

/// Asks both models everything in the suite and fills `folder`; continues a run that was interrupted.
///
/// # Errors
/// A model fails, the folder belongs to another run or cannot be written, or the observer interrupts. What was
/// collected is kept: the same call continues.
pub fn collect(
    models: Models<'_>,
    suite: &Suite,
    options: &AuditOptions,
    folder: &Path,
    observer: &mut dyn Observer,
) -> Result<RunFolder, AuditError> {
    check(options)?;
    models.meaning.map_or(Ok(()), check_closeness)?;
    suite.validate()?;
    let Models { teacher, student, .. } = models;
    let pairing = teacher.tokenizer().pairing(student.tokenizer());
    let shared = shared_vocabulary(&pairing, teacher, student);
    let plan = plan(models, suite, options, shared)?;
    let manifest = manifest(models, suite, options, &pairing, shared, &plan);
    let mut watch = watch(&manifest, suite)?;
    let run = RunFolder::create_or_resume(folder, &manifest, &suite.probes)?;
    observer.planned(&plan.summary(&run));
    let job = Job { models, run: &run, folder, options, shared: shared.unwrap_or(0) };
    let mut store = None;
    let mut done: BTreeMap<PartKind, u32> = BTreeMap::new();
    for (kind, unit) in plan.order(watch.is_some()) {
        let decided = watch.as_ref().is_some_and(|watch| !watch.waits_for(kind));
        let goes_on = kind == PartKind::Samples && options.teacher_asked.is_some();
        if decided && !(goes_on && watch.as_ref().is_some_and(|watch| watch.watches(kind))) {
            continue;
        }
        if !run.has(kind, unit as u32) {
            match kind {
                PartKind::Positions | PartKind::Floor => job.texts(&plan, unit, observer)?,
                PartKind::Likelihoods => job.alone(&plan, unit, observer)?,
                PartKind::Choices => job.choices(unit as u32, &plan.questions[unit], observer)?,
                PartKind::Samples => {
                    let student_alone = decided || unit >= plan.student_from;
                    job.prompts(unit as u32, &plan.prompts[unit], student_alone, &mut store, observer)?;
                }
                // Only a teacher that does not run leaves the first; the second stand beside samples.
                PartKind::Sparse | PartKind::Vectors => {}
            }
        }
        *done.entry(kind).or_default() += 1;
        if let Some(watch) = &mut watch {
            watch.read(&run, kind, unit)?;
        }
    }
    match plan.stopped(&done, &manifest.units) {
        Some(stopped) if watch.is_some() => run.finish_early(stopped)?,
        _ => run.finish()?,
    }
    Ok(run)
}

/// The gates that say when to stop; `None` where the whole suite is asked.
fn watch(manifest: &Manifest, suite: &Suite) -> Result<Option<Watch>, AuditError> {
    let settings = &manifest.settings;
    let Some(deciding) = &settings.deciding else { return Ok(None) };
    let watch = Watch::new(deciding, &suite.probes, settings.samples.as_ref(), settings.seed)?;
    if watch.is_empty() {
        let reason = format!(
            "no gate of the policy can be watched on `{}`; run it without stopping early, or gate one of {}",
            suite.name,
            watch::ids().collect::<Vec<_>>().join(", ")
        );
        return Err(AuditError::Nothing(reason));
    }
    Ok(Some(watch))
}

fn setting(setting: &'static str, found: u32, expected: &str) -> Result<(), AuditError> {
    Err(AuditError::Setting { setting, found: found.to_string(), expected: expected.to_owned() })
}

/// Windows and blocks that can be worked with.
pub(crate) fn check_blocks(n_ctx: u32, block_tokens: u32) -> Result<(), AuditError> {
    if n_ctx < 8 {
        return setting("n_ctx", n_ctx, "at least 8 tokens");
    }
    if block_tokens < n_ctx {
        return setting("block_tokens", block_tokens, &format!("at least n_ctx = {n_ctx}"));
    }
    Ok(())
}

pub(crate) fn check(options: &AuditOptions) -> Result<(), AuditError> {
    check_blocks(options.n_ctx, options.block_tokens)?;
    if options.rotations == 0 {
        return setting("rotations", 0, "at least 1");
    }
    if let Some(0) = options.until_decided.as_ref().and_then(|until| until.cap) {
        return setting("cap", 0, "at least 1 family");
    }
    match (options.teacher_asked, &options.until_decided) {
        (Some(TeacherAsked::Families(families @ 0..2)), None) => {
            return setting("teacher_families", families, "at least 2 families");
        }
        (Some(TeacherAsked::Families(families)), Some(_)) => {
            return setting(
                "teacher_families",
                families,
                "none where the gates say when the teacher has been asked enough",
            );
        }
        (Some(TeacherAsked::UntilDecided), None) => {
            let reason = "the teacher is asked until the gates are decided, but no gates are watched";
            return Err(AuditError::Nothing(reason.to_owned()));
        }
        _ => {}
    }
    options.sampling.as_ref().map_or(Ok(()), |sampling| check_samples(&sampling.settings))
}

/// Entries of the output distributions that are compared; `None` when the vocabularies differ.
fn shared_vocabulary(pairing: &TokenizerPairing, teacher: &dyn Model, student: &dyn Model) -> Option<u32> {
    let widths = teacher.identity().vocab_size.min(student.identity().vocab_size);
    match pairing {
        TokenizerPairing::Same => Some(widths),
        TokenizerPairing::Padded { shared } => Some(widths.min(*shared)),
        TokenizerPairing::Different { .. } => None,
    }
}

fn manifest(
    models: Models<'_>,
    suite: &Suite,
    options: &AuditOptions,
    pairing: &TokenizerPairing,
    shared: Option<u32>,
    plan: &Plan,
) -> Manifest {
    let Models { teacher, student, base, meaning } = models;
    let pairing = match pairing {
        TokenizerPairing::Same => "same vocabulary".to_owned(),
        TokenizerPairing::Padded { shared } => format!("same vocabulary up to padding beyond {shared}"),
        TokenizerPairing::Different { reason } => reason.clone(),
    };
    let texts = plan.texts.len() as u32;
    let scored = plan.texts.iter().flatten().flat_map(|w| w.rows.iter().map(|_| w.family.as_str()));
    let text_families = watch::Families::of(scored);
    let settings = RunSettings {
        n_ctx: options.n_ctx,
        block_tokens: options.block_tokens,
        rotations: options.rotations,
        floor_windows: options.floor_windows,
        max_windows: options.max_windows,
        precision: teacher.identity().engine.precision.clone(),
        seed: options.seed,
        samples: options.sampling.as_ref().filter(|_| !plan.prompts.is_empty()).map(|s| s.settings.clone()),
        teacher_asked: options.teacher_asked.filter(|_| !plan.prompts.is_empty()),
        meaning: meaning.filter(|_| !plan.prompts.is_empty()).map(|meaning| meaning.settings()),
        deciding: options.until_decided.as_ref().map(|u| watch::deciding(&u.policy, u.cap, text_families)),
        cache: None,
    };
    Manifest {
        format: FORMAT.to_owned(),
        hydrometer: env!("CARGO_PKG_VERSION").to_owned(),
        teacher: teacher.identity().clone(),
        student: student.identity().clone(),
        base: base.filter(|_| !plan.prompts.is_empty()).map(|base| base.identity().clone()),
        pairing,
        shared_vocab: shared,
        suite_name: suite.name.clone(),
        suite_hash: suite.hash(),
        settings,
        units: UnitCounts {
            positions: texts,
            floor: texts,
            choices: plan.questions.len() as u32,
            likelihoods: texts + plan.alone.len() as u32,
            samples: plan.prompts.len() as u32,
            sparse: 0,
            vectors: if meaning.is_some() { plan.prompts.len() as u32 } else { 0 },
        },
        planned: plan.tokens(),
        plan_hash: String::new(),
        arguments: options.arguments.clone(),
    }
    .sealed()
}
