//! Texts of models that share no vocabulary: each scores them alone, and only their likelihoods can be compared.

use std::collections::BTreeSet;

use hydrometer_answers::{ExcludedItem, LikelihoodRow, Part, PartKind, PlannedTokens, ScoredModel, part};
use hydrometer_models::{Block, logit_rows};
use hydrometer_probes::Suite;
use rayon::prelude::*;

use super::{Asking, Gates, Kind};
use crate::units::Packing;
use crate::windows::{Window, fit, tokens, windows};
use crate::{AskError, AskOptions, Models, Observer, Role};

/// The texts of a suite under each model's own tokenizer.
pub(crate) struct Likelihoods {
    units: Vec<(ScoredModel, Vec<Window>)>,
    excluded: Vec<ExcludedItem>,
}

impl Likelihoods {
    /// No text is scored: a model shows no logits or no tokens.
    pub(crate) fn none() -> Self {
        Self { units: Vec::new(), excluded: Vec::new() }
    }

    pub(crate) fn plan(
        models: Models<'_>,
        suite: &Suite,
        options: &AskOptions,
        packing: &Packing,
    ) -> Result<Self, AskError> {
        let mut units = Vec::new();
        let mut excluded: Vec<ExcludedItem> = Vec::new();
        let mut cuts = Vec::new();
        for scored in [ScoredModel::Teacher, ScoredModel::Student] {
            let (model, role) = who(models, scored);
            let tokens = role.scorer(model)?.tokens;
            let cut = windows(tokens, suite, options.windowing()).map_err(role.failed())?;
            fit(&cut.windows, role, model.identity())?;
            cuts.push((scored, cut.windows));
            excluded.extend(
                cut.excluded
                    .into_iter()
                    .map(|item| ExcludedItem { reason: format!("as the {role} reads it, {}", item.reason), ..item }),
            );
        }
        // Nothing is scored that could not be compared.
        let excluded_by_either: BTreeSet<String> = excluded.iter().map(|item| item.probe.clone()).collect();
        for (scored, mut windows) in cuts {
            windows.retain(|window| !excluded_by_either.contains(&window.probe));
            let packed = packing.pack(windows, options.block_tokens as usize, |w| &w.family, |w| w.tokens.len());
            units.extend(packed.into_iter().map(|windows| (scored, windows)));
        }
        Ok(Self { units, excluded })
    }
}

fn who<'a>(models: Models<'a>, scored: ScoredModel) -> (&'a dyn hydrometer_models::Model, Role) {
    match scored {
        ScoredModel::Teacher => (models.teacher, Role::Teacher),
        ScoredModel::Student => (models.student, Role::Student),
    }
}

impl Kind for Likelihoods {
    fn part(&self) -> PartKind {
        part::Likelihoods::KIND
    }

    fn units(&self) -> usize {
        self.units.len()
    }

    fn excluded(&self) -> &[ExcludedItem] {
        &self.excluded
    }

    fn files(&self, units: u32) -> Vec<(PartKind, u32)> {
        vec![(part::Likelihoods::KIND, units)]
    }

    fn tokens(&self, unit: usize) -> PlannedTokens {
        let (scored, windows) = &self.units[unit];
        let nothing = PlannedTokens::default();
        match scored {
            ScoredModel::Teacher => PlannedTokens { teacher_tokens: tokens(windows), ..nothing },
            ScoredModel::Student => PlannedTokens { student_tokens: tokens(windows), ..nothing },
        }
    }

    fn run_unit(
        &mut self,
        unit: usize,
        asking: &Asking<'_>,
        _: Gates,
        observer: &mut dyn Observer,
    ) -> Result<(), AskError> {
        asking.go_on(observer)?;
        let (scored, windows) = &self.units[unit];
        let (model, role) = who(asking.models, *scored);
        let block = Block { sequences: windows.iter().map(Window::sequence).collect() };
        let scorer = role.scorer(model)?;
        let mut logits = scorer.scores.score(&block).map_err(role.failed())?;
        let vocab = scorer.identity.logit_width() as usize;
        let targets: Vec<_> = windows.iter().flat_map(|w| (0..w.rows.len()).map(|row| w.target(row))).collect();
        let mut logprobs = Vec::with_capacity(targets.len());
        let most = logit_rows(vocab);
        let mut buffer = vec![0f32; most.min(targets.len()) * vocab];
        for (start, chunk) in (0..).step_by(most).zip(targets.chunks(most)) {
            let buffer = &mut buffer[..chunk.len() * vocab];
            logits.read(start..start + chunk.len(), buffer).map_err(role.failed())?;
            let rows = buffer.par_chunks(vocab).zip(chunk);
            logprobs.par_extend(rows.map(|(row, &target)| hydrometer_metrics::log_prob(row, target)));
        }
        let mut at = 0;
        let mut rows = Vec::new();
        for window in windows {
            let end = at + window.rows.len();
            rows.push(row(window, *scored, logprobs[at..end].iter().sum()));
            at = end;
        }
        asking.run.write::<part::Likelihoods>(unit as u32, &rows)?;
        observer.progress(block.tokens() as u64);
        asking.done(part::Likelihoods::KIND, unit as u32, observer)
    }
}

/// The likelihood of a window.
pub(crate) fn row(window: &Window, model: ScoredModel, logprob: f64) -> LikelihoodRow {
    LikelihoodRow {
        probe: window.probe.clone(),
        family: window.family.clone(),
        window: window.index,
        model,
        tokens: window.rows.len() as u64,
        bytes: window.bytes,
        logprob,
    }
}
