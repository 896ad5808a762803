//! The plan of a run: every kind of question cut into units, the order in which they are asked, and the manifest that
//! says so. The same inputs give the same plan, so an interrupted run continues where it stopped.

use std::collections::BTreeMap;

use hydrometer_answers::part::Samples;
use hydrometer_answers::{
    Deciding, Manifest, NewRun, Part, PlannedTokens, Regime, RunFolder, RunSettings, Stopped, UnitCounts,
};
use hydrometer_models::{Scorer, TokenizerPairing};
use hydrometer_probes::Suite;
use hydrometer_probes::families::FamilySizes;

use crate::kind::likelihoods::Likelihoods;
use crate::kind::texts::Texts;
use crate::kind::{Kind, beside_texts};
use crate::units::Packing;
use crate::{AskError, AskOptions, Models, PlanSummary, Role};

/// The whole work of a run.
pub struct Plan<'a> {
    pub(crate) models: Models<'a>,
    pub(crate) suite: &'a Suite,
    pub(crate) options: &'a AskOptions,
    pub(crate) kinds: Vec<Box<dyn Kind>>,
    manifest: Manifest,
    text_families: FamilySizes,
}

impl<'a> Plan<'a> {
    /// Plans what is asked; nothing is computed yet.
    ///
    /// # Errors
    /// The suite or a setting cannot be used, a model cannot read a probe, or nothing in the suite can be asked.
    pub fn new(models: Models<'a>, suite: &'a Suite, options: &'a AskOptions) -> Result<Self, AskError> {
        options.check()?;
        models.meaning.map_or(Ok(()), |meaning| meaning.check())?;
        suite.validate()?;
        let packing = match &options.until_decided {
            Some(until) => Packing::ByFamily { seed: options.seed, cap: until.cap },
            None => Packing::InOrder,
        };
        let (pairing, shared) = vocabularies(models);
        let mut text_families = FamilySizes::default();
        // Texts first: they say most for what they cost.
        let texts: Box<dyn Kind> = match shared {
            Some(shared) => {
                let texts = Texts::plan(models, suite, options, &packing, shared)?;
                text_families = texts.families();
                Box::new(texts)
            }
            None if lacking(models).is_some() => Box::new(Likelihoods::none()),
            None => Box::new(Likelihoods::plan(models, suite, options, &packing)?),
        };
        let mut kinds = vec![texts];
        kinds.extend(beside_texts(models, suite, options, &packing)?);
        let asks_prompts = kinds.iter().any(|kind| kind.part() == Samples::KIND && kind.units() > 0);
        if kinds.iter().all(|kind| kind.units() == 0) {
            let suite = suite.name.clone();
            return Err(match lacking(models) {
                Some(reason) => AskError::NothingToAsk { suite, reason },
                None => AskError::NoText { suite, needs: "it asks nothing else" },
            });
        }
        let base = models.base.filter(|_| asks_prompts);
        let asked = [(Role::Teacher, Some(models.teacher)), (Role::Student, Some(models.student)), (Role::Base, base)];
        let facets = asked.into_iter().filter_map(|(role, model)| Some((role.to_string(), model?.facets())));
        let manifest = Manifest::plan(NewRun {
            teacher: models.teacher.identity().clone(),
            student: models.student.identity().clone(),
            base: base.map(|base| base.identity().clone()),
            pairing,
            shared_vocab: shared,
            regime: match shared {
                Some(_) => Regime::FullLogits,
                None if lacking(models).is_some() => Regime::AnswersOnly,
                None => Regime::DifferentVocabularies,
            },
            facets: facets.collect(),
            suite,
            settings: settings(models, options, asks_prompts, text_families),
            units: files(kinds.iter().map(|kind| (&**kind, kind.units() as u32))),
            planned: total(kinds.iter().flat_map(|kind| (0..kind.units()).map(|unit| kind.tokens(unit)))),
            arguments: options.arguments.clone(),
        });
        Ok(Self { models, suite, options, kinds, manifest, text_families })
    }

    /// What is planned.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The families of the texts that are scored position by position: none where the models share no vocabulary.
    pub fn text_families(&self) -> FamilySizes {
        self.text_families
    }

    /// The suite that is asked.
    pub fn suite(&self) -> &Suite {
        self.suite
    }

    /// The units, as places in `kinds` and numbers, in the order in which they are asked: kind after kind, or the kinds
    /// in turn where a run may stop before it has asked everything.
    pub(crate) fn order(&self) -> Vec<(usize, usize)> {
        let units = self.kinds.iter().enumerate().flat_map(|(kind, of)| (0..of.units()).map(move |unit| (kind, unit)));
        let mut order: Vec<_> = units.collect();
        if self.options.until_decided.is_some() {
            // A stable sort: within a turn the kinds stand in their order.
            order.sort_by_key(|&(_, unit)| unit);
        }
        order
    }

    /// Where a run stopped that asked so many units of each kind; `None` when that is all of them.
    pub(crate) fn stopped(&self, asked: &BTreeMap<usize, u32>) -> Option<Stopped> {
        let asked: Vec<_> = self
            .kinds
            .iter()
            .enumerate()
            .map(|(place, kind)| (&**kind, asked.get(&place).copied().unwrap_or(0)))
            .collect();
        if asked.iter().all(|(kind, units)| *units as usize == kind.units()) {
            return None;
        }
        let tokens = asked.iter().flat_map(|(kind, units)| (0..*units as usize).map(|unit| kind.tokens(unit)));
        Some(Stopped { computed: total(tokens), units: files(asked.iter().copied()) })
    }

    pub(crate) fn summary(&self, run: &RunFolder) -> PlanSummary {
        let mut summary = PlanSummary {
            planned: self.manifest.planned,
            units: self.kinds.iter().map(|kind| kind.units() as u64).sum(),
            units_done: 0,
            tokens_done: 0,
            answers: 0,
        };
        for (place, unit) in self.order() {
            let kind = &self.kinds[place];
            if run.has(kind.part(), unit as u32) {
                let size = kind.tokens(unit);
                summary.units_done += 1;
                summary.tokens_done += size.teacher_tokens + size.student_tokens;
            } else {
                summary.answers += kind.answers(unit);
            }
        }
        summary
    }
}

/// What one of the two lacks so that no token can be compared, in words.
fn lacking(models: Models<'_>) -> Option<String> {
    let both = [(Role::Teacher, models.teacher), (Role::Student, models.student)];
    both.into_iter().find_map(|(role, model)| Scorer::of(model).err().map(|lacking| format!("the {role} {lacking}")))
}

/// How the vocabularies pair, in words, and the entries of the output distributions that are compared, where some are.
fn vocabularies(models: Models<'_>) -> (String, Option<u32>) {
    match (Scorer::of(models.teacher), Scorer::of(models.student)) {
        (Ok(teacher), Ok(student)) => {
            let pairing = teacher.tokens.pairing(student.tokens);
            (in_words(&pairing), shared_vocabulary(&pairing, models))
        }
        _ => (lacking(models).unwrap_or_default(), None),
    }
}

/// Entries of the output distributions that are compared; `None` when the vocabularies differ.
fn shared_vocabulary(pairing: &TokenizerPairing, models: Models<'_>) -> Option<u32> {
    let widths = models.teacher.identity().logit_width().min(models.student.identity().logit_width());
    match pairing {
        TokenizerPairing::Same => Some(widths),
        TokenizerPairing::Padded { shared } => Some(widths.min(*shared)),
        TokenizerPairing::Different { .. } => None,
    }
}

fn in_words(pairing: &TokenizerPairing) -> String {
    match pairing {
        TokenizerPairing::Same => "same vocabulary".to_owned(),
        TokenizerPairing::Padded { shared } => format!("same vocabulary up to padding beyond {shared}"),
        TokenizerPairing::Different { reason } => reason.clone(),
    }
}

fn settings(models: Models<'_>, options: &AskOptions, asks_prompts: bool, texts: FamilySizes) -> RunSettings {
    let deciding = options.until_decided.as_ref().map(|until| Deciding {
        alpha: until.alpha,
        cap: until.cap,
        largest_text: texts.largest,
        text_families: texts.count,
        gates: until.gates.clone(),
    });
    let AskOptions { n_ctx, block_tokens, max_windows, seed, .. } = *options;
    let precision = models.teacher.identity().engine.precision.clone();
    RunSettings {
        rotations: options.rotations,
        floor_windows: options.floor_windows,
        samples: options.sampling.as_ref().filter(|_| asks_prompts).map(|sampling| sampling.settings.clone()),
        teacher_asked: options.teacher_asked.filter(|_| asks_prompts),
        meaning: models.meaning.filter(|_| asks_prompts).map(|meaning| meaning.settings()),
        deciding,
        ..RunSettings::of_texts(n_ctx, block_tokens, max_windows, precision, seed)
    }
}

/// The files of so many units of each kind.
fn files<'k>(kinds: impl Iterator<Item = (&'k dyn Kind, u32)>) -> UnitCounts {
    let mut counts = UnitCounts::default();
    for (part, files) in kinds.flat_map(|(kind, units)| kind.files(units)) {
        counts.add(part, files);
    }
    counts
}

fn total(units: impl Iterator<Item = PlannedTokens>) -> PlannedTokens {
    units.fold(PlannedTokens::default(), |mut sum, unit| {
        sum.teacher_tokens += unit.teacher_tokens;
        sum.student_tokens += unit.student_tokens;
        sum.floor_tokens += unit.floor_tokens;
        sum
    })
}
