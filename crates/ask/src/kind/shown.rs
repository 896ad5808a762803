//! Texts of a teacher that shows a part of its distributions, behind an endpoint: after every stretch of a text it is asked for its
//! most probable tokens and one draw, and the student's logits are compared with them (METRICS: regime R1).

use std::collections::BTreeMap;

use hydrometer_answers::{ExcludedItem, LikelihoodRow, Part, PartKind, PlannedTokens, ScoredModel, SparseRow, part};
use hydrometer_metrics::sparse::{ShownDistribution, SparseComparer};
use hydrometer_models::{Block, Scorer, ShownPosition, Shows, logit_rows};
use hydrometer_probes::Suite;
use hydrometer_probes::families::FamilySizes;
use rayon::prelude::*;

use super::likelihoods::row as likelihood;
use super::{Asking, Gates, Kind};
use crate::instructions::allowed_vectors;
use crate::observer::{Ahead, Bought, Costs, Keep};
use crate::shared::whole_text;
use crate::units::Packing;
use crate::windows::{Cut, Window, fit, tokens, windows};
use crate::{AskError, AskOptions, Models, Observer, Role};

/// Positions that are asked for between two looks at whether to go on.
const TOGETHER: usize = 16;

/// The texts of a suite.
pub(crate) struct ShownTexts {
    units: Vec<Vec<Window>>,
    excluded: Vec<ExcludedItem>,
    /// What is paid for.
    ahead: Vec<(Role, Ahead)>,
}

impl ShownTexts {
    /// The windows of the texts that the teacher's server reads as the student's tokenizer does.
    pub(crate) fn plan(
        models: Models<'_>,
        suite: &Suite,
        options: &AskOptions,
        packing: &Packing,
    ) -> Result<Self, AskError> {
        let (teacher, student) = both(models)?;
        let Cut { mut windows, mut excluded } =
            windows(student.tokens, suite, options.windowing()).map_err(Role::Student.failed())?;
        let mut differently = BTreeMap::new();
        for probe in &suite.probes {
            let Some(whole) = whole_text(probe) else { continue };
            let theirs = teacher.ids(&whole).map_err(Role::Teacher.failed())?;
            let ours = student.tokens.encode(&whole).map_err(Role::Student.failed())?;
            if ours != theirs {
                let same = ours.iter().zip(&theirs).take_while(|(one, other)| one == other).count();
                let byte: usize = ours[..same].iter().map(|&id| student.tokens.piece(id).len()).sum();
                differently.insert(probe.id.clone(), byte);
            }
        }
        excluded.retain(|item| !differently.contains_key(&item.probe));
        windows.retain(|window| !differently.contains_key(&window.probe));
        excluded.extend(differently.into_iter().map(|(probe, byte)| ExcludedItem {
            probe,
            reason: format!("the teacher's server and the student's tokenizer disagree on it from byte {byte} on"),
        }));
        fit(&windows, Role::Student, student.identity)?;
        let units = packing.pack(windows, options.block_tokens as usize, |w| &w.family, |w| w.tokens.len());
        Ok(Self { units, excluded, ahead: Vec::new() })
    }

    /// The families of the scored positions: the scale on which they are watched.
    pub(crate) fn families(&self) -> FamilySizes {
        let windows = self.units.iter().flatten();
        FamilySizes::of(windows.flat_map(|window| window.rows.iter().map(|_| window.family.as_str())))
    }
}

/// The teacher, as far as it shows itself, and the student's logits.
fn both(models: Models<'_>) -> Result<(&dyn Shows, Scorer<'_>), AskError> {
    let lacks = |reason| Role::Teacher.failed()(hydrometer_models::ModelError::Request { reason });
    Ok((models.teacher.shows().map_err(lacks)?, Role::Student.scorer(models.student)?))
}

impl Kind for ShownTexts {
    fn part(&self) -> PartKind {
        part::Sparse::KIND
    }

    fn units(&self) -> usize {
        self.units.len()
    }

    fn excluded(&self) -> &[ExcludedItem] {
        &self.excluded
    }

    fn files(&self, units: u32) -> Vec<(PartKind, u32)> {
        [part::Sparse::KIND, part::Likelihoods::KIND].map(|kind| (kind, units)).into()
    }

    /// The teacher is asked for the positions that are compared, each by itself.
    fn tokens(&self, unit: usize) -> PlannedTokens {
        let asked = self.units[unit].iter().map(|window| window.rows.len() as u64).sum();
        PlannedTokens { teacher_tokens: asked, student_tokens: tokens(&self.units[unit]), ..PlannedTokens::default() }
    }

    /// Every position is a question with all that stands in front of it.
    fn prepare(&mut self, asking: &Asking<'_>) -> Result<(), AskError> {
        let Some(answers) = asking.models.teacher.answers().filter(|answers| answers.is_paid_for()) else {
            return Ok(());
        };
        let open = self.units.iter().enumerate().filter(|(unit, _)| !asking.run.has(part::Sparse::KIND, *unit as u32));
        let mut ahead = Ahead { what: Bought::Positions, ..Ahead::default() };
        for row in open.flat_map(|(_, windows)| windows).flat_map(|window| &window.rows) {
            ahead.answers += 1;
            ahead.read += u64::from(*row) + 1;
        }
        ahead.drawn = ahead.answers;
        ahead.money = answers.cost(ahead.read, ahead.drawn);
        self.ahead.extend((ahead.answers > 0).then_some((Role::Teacher, ahead)));
        Ok(())
    }

    fn ahead(&self) -> &[(Role, Ahead)] {
        &self.ahead
    }

    fn run_unit(
        &mut self,
        unit: usize,
        asking: &Asking<'_>,
        _: Gates,
        observer: &mut dyn Observer,
    ) -> Result<(), AskError> {
        let (teacher, student) = both(asking.models)?;
        let (mut rows, mut scored): (Vec<SparseRow>, Vec<LikelihoodRow>) = (Vec::new(), Vec::new());
        for window in &self.units[unit] {
            let mut shown = Vec::with_capacity(window.rows.len());
            for places in window.rows.chunks(TOGETHER) {
                asking.go_on(observer)?;
                let contexts: Vec<&[u32]> = places.iter().map(|&place| &window.tokens[..=place as usize]).collect();
                shown.extend(teacher.after(&contexts).map_err(Role::Teacher.failed())?);
                observer.progress(contexts.len() as u64);
                Costs::Run(asking.run).keep(Keep::IfMuch, observer)?;
            }
            let compared = compared(window, &shown, student)?;
            observer.progress(window.tokens.len() as u64);
            let logprob = compared.iter().map(|row| f64::from(row.stats.student_logprob)).sum();
            scored.push(likelihood(window, ScoredModel::Student, logprob));
            rows.extend(compared);
        }
        // The unit counts as done once its positions are there: they are written last.
        let number = unit as u32;
        asking.run.write::<part::Likelihoods>(number, &scored)?;
        asking.run.write::<part::Sparse>(number, &rows)?;
        asking.done(part::Sparse::KIND, number, observer)
    }
}

/// The positions of a window: what the teacher showed against the student's logits.
fn compared(window: &Window, shown: &[ShownPosition], student: Scorer<'_>) -> Result<Vec<SparseRow>, AskError> {
    let block = Block { sequences: vec![window.sequence()] };
    let mut logits = student.scores.score(&block).map_err(Role::Student.failed())?;
    let width = student.identity.logit_width() as usize;
    let most = logit_rows(width);
    let mut buffer = vec![0f32; most.min(shown.len()) * width];
    let mut all = Vec::with_capacity(shown.len());
    for (start, chunk) in (0..).step_by(most).zip(shown.chunks(most)) {
        let rows = &mut buffer[..chunk.len() * width];
        logits.read(start..start + chunk.len(), rows).map_err(Role::Student.failed())?;
        let comparer = || SparseComparer::new(width).with_vectors(allowed_vectors());
        let compared: Result<Vec<_>, AskError> = rows
            .par_chunks(width)
            .zip(chunk)
            .enumerate()
            .map_init(comparer, |comparer, (place, (logits, shown))| {
                let row = start + place;
                let failed = |error: &dyn std::fmt::Display| window.failed(window.rows[row], error);
                let teacher = ShownDistribution::new(&shown.listed, &shown.drawn).map_err(|error| failed(&error))?;
                let stats = comparer.compare(&teacher, logits, window.target(row)).map_err(|error| failed(&error))?;
                Ok(window.estimated(row, student.tokens, stats))
            })
            .collect();
        all.extend(compared?);
    }
    Ok(all)
}
