//! Texts of a model that shows a part of its distributions, behind an endpoint: after every stretch of a text it is asked for its
//! most probable tokens and one draw, and the logits of the other model, which runs here, are compared with them (METRICS: regime R1).

use hydrometer_answers::{
    ExcludedItem, LikelihoodRow, Part, PartKind, PlannedTokens, ScoredModel, ShownStudentRow, SparseRow, part,
};
use hydrometer_metrics::sparse::{ShownDistribution, ShownStudentComparer, SparseComparer};
use hydrometer_models::{Block, Model, ModelError, Scorer, ShownPosition, Shows, logit_rows};
use hydrometer_probes::Suite;
use hydrometer_probes::families::FamilySizes;
use rayon::prelude::*;

use super::likelihoods::row as likelihood;
use super::{Asking, Gates, Kind};
use crate::instructions::allowed_vectors;
use crate::observer::{Ahead, Costs, Keep};
use crate::shared::ReadOtherwise;
use crate::units::Packing;
use crate::windows::{Cut, Window, families, fit, tokens, windows};
use crate::{AskError, AskOptions, Models, Observer, Role};

/// Positions that are asked for between two looks at whether to go on.
const TOGETHER: usize = 16;

/// Which model shows a part of its distributions; the other runs here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    Teacher,
    Student,
}

impl Shown {
    /// The model of which a part is shown, where the other shows its logits; the teacher of two.
    pub(crate) fn of(models: Models<'_>) -> Option<Shown> {
        [Shown::Teacher, Shown::Student].into_iter().find(|shown| {
            let (there, here) = shown.models(models);
            there.scores().is_none() && Scorer::of(here).is_ok() && there.shows().is_ok()
        })
    }

    fn models(self, models: Models<'_>) -> (&dyn Model, &dyn Model) {
        match self {
            Shown::Teacher => (models.teacher, models.student),
            Shown::Student => (models.student, models.teacher),
        }
    }

    /// The model that runs here.
    pub(crate) fn here(self, models: Models<'_>) -> &dyn Model {
        self.models(models).1
    }

    /// Who stands behind the server.
    pub(crate) fn role(self) -> Role {
        match self {
            Shown::Teacher => Role::Teacher,
            Shown::Student => Role::Student,
        }
    }

    /// Who runs here.
    pub(crate) fn scorer(self) -> Role {
        match self {
            Shown::Teacher => Role::Student,
            Shown::Student => Role::Teacher,
        }
    }

    /// The part of the run folder in which its positions stand.
    fn part(self) -> PartKind {
        match self {
            Shown::Teacher => part::Sparse::KIND,
            Shown::Student => part::ShownStudents::KIND,
        }
    }

    /// What is shown, and the logits of the other.
    fn both(self, models: Models<'_>) -> Result<(&dyn Shows, Scorer<'_>), AskError> {
        let (there, here) = self.models(models);
        let lacks = |reason| self.role().failed()(ModelError::Request { reason });
        Ok((there.shows().map_err(lacks)?, self.scorer().scorer(here)?))
    }
}

/// The texts of a suite.
pub(crate) struct ShownTexts {
    shown: Shown,
    units: Vec<Vec<Window>>,
    excluded: Vec<ExcludedItem>,
    /// What is paid for.
    ahead: Vec<(Role, Ahead)>,
}

impl ShownTexts {
    /// The windows of the texts that the server reads as the tokenizer of the model does that runs here.
    pub(crate) fn plan(
        shown: Shown,
        models: Models<'_>,
        suite: &Suite,
        options: &AskOptions,
        packing: &Packing,
    ) -> Result<Self, AskError> {
        let (there, here) = shown.both(models)?;
        let Cut { mut windows, mut excluded } =
            windows(here.tokens, suite, options.windowing()).map_err(shown.scorer().failed())?;
        let differently = ReadOtherwise::of(shown.role(), suite, here.tokens, |text| there.ids(text))?.texts;
        excluded.retain(|item| !differently.contains_key(&item.probe));
        windows.retain(|window| !differently.contains_key(&window.probe));
        excluded.extend(differently.into_iter().map(|(probe, byte)| {
            let (there, here) = (shown.role(), shown.scorer());
            let reason = format!("the {there}'s server and the {here}'s tokenizer disagree on it from byte {byte} on");
            ExcludedItem::new(&probe, reason)
        }));
        fit(&windows, shown.scorer(), here.identity)?;
        let units = packing.pack(windows, options.block_tokens as usize, |w| &w.family, |w| w.tokens.len());
        Ok(Self { shown, units, excluded, ahead: Vec::new() })
    }

    /// The families of the scored positions: the scale on which they are watched.
    pub(crate) fn families(&self, suite: &Suite) -> FamilySizes {
        families(self.units.iter().flatten(), &suite.probes)
    }
}

impl Kind for ShownTexts {
    fn part(&self) -> PartKind {
        self.shown.part()
    }

    fn units(&self) -> usize {
        self.units.len()
    }

    fn excluded(&self) -> &[ExcludedItem] {
        &self.excluded
    }

    fn files(&self, units: u32) -> Vec<(PartKind, u32)> {
        [self.shown.part(), part::Likelihoods::KIND].map(|kind| (kind, units)).into()
    }

    /// The server is asked for the positions that are compared, each by itself.
    fn tokens(&self, unit: usize) -> PlannedTokens {
        let asked = self.units[unit].iter().map(|window| window.rows.len() as u64).sum();
        let scored = tokens(&self.units[unit]);
        let (teacher_tokens, student_tokens) = match self.shown {
            Shown::Teacher => (asked, scored),
            Shown::Student => (scored, asked),
        };
        PlannedTokens { teacher_tokens, student_tokens, ..PlannedTokens::default() }
    }

    /// Every position is a question with all that stands in front of it.
    fn prepare(&mut self, asking: &Asking<'_>) -> Result<(), AskError> {
        let (there, _) = self.shown.models(asking.models);
        let open = self.units.iter().enumerate().filter(|(unit, _)| !asking.run.has(self.shown.part(), *unit as u32));
        let ahead = Ahead::of_positions(there, open.flat_map(|(_, windows)| windows));
        self.ahead.extend(ahead.map(|ahead| (self.shown.role(), ahead)));
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
        let (there, here) = self.shown.both(asking.models)?;
        let (mut of_teacher, mut of_student): (Vec<SparseRow>, Vec<ShownStudentRow>) = (Vec::new(), Vec::new());
        let mut scored: Vec<LikelihoodRow> = Vec::new();
        for window in &self.units[unit] {
            let mut shown = Vec::with_capacity(window.rows.len());
            for places in window.rows.chunks(TOGETHER) {
                asking.go_on(observer)?;
                let contexts: Vec<&[u32]> = places.iter().map(|&place| &window.tokens[..=place as usize]).collect();
                shown.extend(there.after(&contexts).map_err(self.shown.role().failed())?);
                observer.progress(contexts.len() as u64);
                Costs::Run(asking.run).keep(Keep::IfMuch, observer)?;
            }
            let (model, logprob) = match self.shown {
                Shown::Teacher => {
                    let compared = shown_teacher(window, &shown, here)?;
                    let logprob = compared.iter().map(|row| f64::from(row.stats.student_logprob)).sum();
                    of_teacher.extend(compared);
                    (ScoredModel::Student, logprob)
                }
                Shown::Student => {
                    let compared = shown_student(window, &shown, here)?;
                    let logprob = compared.iter().map(|row| f64::from(row.stats.teacher_logprob)).sum();
                    of_student.extend(compared);
                    (ScoredModel::Teacher, logprob)
                }
            };
            observer.progress(window.tokens.len() as u64);
            scored.push(likelihood(window, model, logprob));
        }
        // The unit counts as done once its positions are there: they are written last.
        let number = unit as u32;
        asking.run.write::<part::Likelihoods>(number, &scored)?;
        match self.shown {
            Shown::Teacher => asking.run.write::<part::Sparse>(number, &of_teacher)?,
            Shown::Student => asking.run.write::<part::ShownStudents>(number, &of_student)?,
        }
        asking.done(self.shown.part(), number, observer)
    }
}

/// The positions of a window: what the teacher showed against the student's logits.
fn shown_teacher(window: &Window, shown: &[ShownPosition], student: Scorer<'_>) -> Result<Vec<SparseRow>, AskError> {
    let comparer = |width| SparseComparer::new(width).with_vectors(allowed_vectors());
    scored(Role::Student, window, shown, student, comparer, |comparer, logits, shown, row| {
        let teacher = &distribution(shown)?;
        let stats = comparer.compare(teacher, logits, window.target(row)).map_err(|error| error.to_string())?;
        let tokens = [stats.target, stats.teacher_top1, stats.student_top1];
        Ok(window.estimated(row, student.tokens, tokens, stats))
    })
}

/// The positions of a window: what the student showed against the teacher's logits.
fn shown_student(
    window: &Window,
    shown: &[ShownPosition],
    teacher: Scorer<'_>,
) -> Result<Vec<ShownStudentRow>, AskError> {
    let comparer = |width| ShownStudentComparer::new(width).with_vectors(allowed_vectors());
    scored(Role::Teacher, window, shown, teacher, comparer, |comparer, logits, shown, row| {
        let student = &distribution(shown)?;
        let stats = comparer.compare(logits, student, window.target(row)).map_err(|error| error.to_string())?;
        let tokens = [stats.target, stats.teacher_top1, stats.student_top1];
        Ok(window.estimated(row, teacher.tokens, tokens, stats))
    })
}

fn distribution(shown: &ShownPosition) -> Result<ShownDistribution, String> {
    ShownDistribution::new(&shown.listed, &shown.drawn).map_err(|error| error.to_string())
}

/// Scores a window, and compares each row of logits with what the other model showed there.
pub(super) fn scored<S: Sync, C: Send, R: Send>(
    role: Role,
    window: &Window,
    shown: &[S],
    here: Scorer<'_>,
    comparer: impl Fn(usize) -> C + Sync,
    compare: impl Fn(&mut C, &[f32], &S, usize) -> Result<R, String> + Sync,
) -> Result<Vec<R>, AskError> {
    let block = Block { sequences: vec![window.sequence()] };
    let mut logits = here.scores.score(&block).map_err(role.failed())?;
    let width = here.identity.logit_width() as usize;
    let most = logit_rows(width);
    let mut buffer = vec![0f32; most.min(shown.len()) * width];
    let mut all = Vec::with_capacity(shown.len());
    for (start, chunk) in (0..).step_by(most).zip(shown.chunks(most)) {
        let rows = &mut buffer[..chunk.len() * width];
        logits.read(start..start + chunk.len(), rows).map_err(role.failed())?;
        let compared: Result<Vec<_>, AskError> = rows
            .par_chunks(width)
            .zip(chunk)
            .enumerate()
            .map_init(
                || comparer(width),
                |comparer, (place, (logits, shown))| {
                    let row = start + place;
                    compare(comparer, logits, shown, row).map_err(|error| window.failed(window.rows[row], &error))
                },
            )
            .collect();
        all.extend(compared?);
    }
    Ok(all)
}
