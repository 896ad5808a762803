//! Texts of models that share a vocabulary: both score them, and their distributions are compared position by position.
//! Some windows the teacher scores again: the noise floor.

use std::collections::BTreeSet;

use hydrometer_answers::{
    ExcludedItem, LikelihoodRow, Outside, Part, PartKind, PlannedTokens, PositionRow, ScoredModel, part,
};
use hydrometer_metrics::Comparer;
use hydrometer_models::{Block, Logits, Scorer, logit_rows};
use hydrometer_probes::Suite;
use hydrometer_probes::families::FamilySizes;
use rayon::prelude::*;

use super::likelihoods::row as likelihood;
use super::{Asking, Gates, Kind};
use crate::instructions::allowed_vectors;
use crate::observer::{Ahead, Costs, Keep};
use crate::shared::{Agreement, Shared};
use crate::units::{Packing, spread};
use crate::windows::{Cut, Window, families, fit, tokens, windows};
use crate::{AskError, AskOptions, Models, Observer, Role};

/// A window, and whether the teacher scores it twice.
struct Scored {
    window: Window,
    again: bool,
}

/// The texts of a suite.
pub(crate) struct Texts {
    units: Vec<Vec<Scored>>,
    excluded: Vec<ExcludedItem>,
    /// Entries of the output distributions that are compared.
    shared: Shared,
    /// What is paid for.
    ahead: Vec<(Role, Ahead)>,
}

impl Texts {
    pub(crate) fn plan(
        models: Models<'_>,
        suite: &Suite,
        options: &AskOptions,
        packing: &Packing,
        shared: Shared,
        agreement: &Agreement,
    ) -> Result<Self, AskError> {
        let teacher = Role::Teacher.scorer(models.teacher)?;
        let Cut { mut windows, mut excluded } =
            windows(teacher.tokens, suite, options.windowing()).map_err(Role::Teacher.failed())?;
        let differently = suite.probes.iter().filter_map(|probe| {
            let excluded = ExcludedItem::new(&probe.id, agreement.refuses(&probe.id)?);
            Some(ExcludedItem { refused_by: Some(Role::Student.to_string()), ..excluded })
        });
        excluded.retain(|item| agreement.refuses(&item.probe).is_none());
        excluded.extend(differently);
        windows.retain(|window| agreement.refuses(&window.probe).is_none());
        for window in &mut windows {
            // What follows must be a token of both.
            let tokens = &window.tokens;
            window.rows.retain(|&row| shared.compares(tokens[row as usize + 1]));
        }
        windows.retain(|window| !window.rows.is_empty());
        for (role, model) in [(Role::Teacher, models.teacher), (Role::Student, models.student)] {
            fit(&windows, role, model.identity())?;
        }
        let units = packing.pack(windows, options.block_tokens as usize, |w| &w.family, |w| w.tokens.len());
        let all = units.iter().map(Vec::len).sum::<usize>();
        let floor = options.floor_windows as usize;
        let again: BTreeSet<_> = match packing {
            // Families stand in random order, and the last ones may never be asked.
            Packing::ByFamily { .. } => (0..all.min(floor)).collect(),
            Packing::InOrder => spread(all, floor).into_iter().collect(),
        };
        let mut place = 0..;
        let scored = |window| Scored { window, again: place.next().is_some_and(|place| again.contains(&place)) };
        let mut scored = scored;
        let units = units.into_iter().map(|windows| windows.into_iter().map(&mut scored).collect()).collect();
        Ok(Self { units, excluded, shared, ahead: Vec::new() })
    }

    /// The families of the scored positions: the scale on which they are watched.
    pub(crate) fn families(&self, suite: &Suite) -> FamilySizes {
        families(self.units.iter().flatten().map(|scored| &scored.window), &suite.probes)
    }
}

impl Kind for Texts {
    fn part(&self) -> PartKind {
        part::Positions::KIND
    }

    fn units(&self) -> usize {
        self.units.len()
    }

    fn excluded(&self) -> &[ExcludedItem] {
        &self.excluded
    }

    fn files(&self, units: u32) -> Vec<(PartKind, u32)> {
        [part::Positions::KIND, part::Floor::KIND, part::Likelihoods::KIND].map(|kind| (kind, units)).into()
    }

    fn tokens(&self, unit: usize) -> PlannedTokens {
        let once = tokens(self.units[unit].iter().map(|scored| &scored.window));
        let again = tokens(self.units[unit].iter().filter(|scored| scored.again).map(|scored| &scored.window));
        PlannedTokens { teacher_tokens: once + again, student_tokens: once, floor_tokens: again, control_tokens: 0 }
    }

    /// What an endpoint is asked that shows its logits: every position of a model, and those of the second look at the teacher's twice, to
    /// be compared with one another.
    fn prepare(&mut self, asking: &Asking<'_>) -> Result<(), AskError> {
        let open = || (0..self.units.len()).filter(|&unit| !asking.run.has(part::Positions::KIND, unit as u32));
        let all = || open().flat_map(|unit| &self.units[unit]);
        let once = || all().map(|scored| &scored.window);
        let again = || all().filter(|scored| scored.again).map(|scored| &scored.window);
        let teacher = Ahead::of_positions(asking.models.teacher, once().chain(again()).chain(again()));
        let student = Ahead::of_positions(asking.models.student, once());
        let both = [(Role::Teacher, teacher), (Role::Student, student)];
        self.ahead = both.into_iter().filter_map(|(role, ahead)| Some((role, ahead?))).collect();
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
        let scored = &self.units[unit];
        let (mut rows, mut floor) = (Vec::new(), Vec::new());
        for block in asking.blocks(scored, |scored| scored.window.tokens.len()) {
            let (positions, again) = self.compared(block, asking, observer)?;
            rows.extend(positions);
            floor.extend(again);
        }
        // The unit counts as done once its positions are there: they are written last.
        let number = unit as u32;
        asking.run.write::<part::Floor>(number, &floor)?;
        asking.run.write::<part::Likelihoods>(number, &likelihoods(scored, &rows))?;
        asking.run.write::<part::Positions>(number, &rows)?;
        asking.done(part::Positions::KIND, number, observer)
    }
}

impl Texts {
    /// The positions of a block of windows, and those of the teacher against itself.
    fn compared(
        &self,
        block: &[Scored],
        asking: &Asking<'_>,
        observer: &mut dyn Observer,
    ) -> Result<(Vec<PositionRow>, Vec<PositionRow>), AskError> {
        asking.go_on(observer)?;
        let teacher = Role::Teacher.scorer(asking.models.teacher)?;
        let student = Role::Student.scorer(asking.models.student)?;
        let windows: Vec<_> = block.iter().map(|scored| &scored.window).collect();
        let sequences = Block { sequences: windows.iter().map(|window| window.sequence()).collect() };
        let mut scores = teacher.scores.score(&sequences).map_err(Role::Teacher.failed())?;
        observer.progress(sequences.tokens() as u64);
        asking.go_on(observer)?;
        let mut other = student.scores.score(&sequences).map_err(Role::Student.failed())?;
        let compare = Compare { left: teacher, right: student, right_is: Role::Student, shared: &self.shared };
        let rows = compare.windows(&windows, &mut *scores, &mut *other, 0)?;
        Costs::Run(asking.run).keep(Keep::IfMuch, observer)?;
        // The student's hidden states are not needed for the rerun.
        drop(other);
        observer.progress(sequences.tokens() as u64);
        let compare = Compare { left: teacher, right: teacher, right_is: Role::Teacher, shared: &self.shared };
        let mut floor = Vec::new();
        let mut first_row = 0;
        for Scored { window, again } in block {
            if *again {
                asking.go_on(observer)?;
                // In another batch, and as exactly as the model can.
                let single = Block { sequences: vec![window.sequence()] };
                let mut rerun = teacher.scores.rerun(&single).map_err(Role::Teacher.failed())?;
                floor.extend(compare.windows(&[window], &mut *scores, &mut *rerun, first_row)?);
                observer.progress(window.tokens.len() as u64);
            }
            first_row += window.rows.len();
        }
        Ok((rows, floor))
    }
}

/// Likelihoods of both models from their compared positions: probe by probe, first the teacher's.
fn likelihoods(scored: &[Scored], rows: &[PositionRow]) -> Vec<LikelihoodRow> {
    let mut at = 0;
    let mut all = Vec::new();
    for probe in scored.chunk_by(|a, b| a.window.probe == b.window.probe) {
        let mut student = Vec::new();
        for Scored { window, .. } in probe {
            let rows = &rows[at..at + window.rows.len()];
            at += window.rows.len();
            let sum = |of: fn(&PositionRow) -> f32| rows.iter().map(|row| f64::from(of(row))).sum();
            all.push(likelihood(window, ScoredModel::Teacher, sum(|row| row.stats.teacher_logprob)));
            student.push(likelihood(window, ScoredModel::Student, sum(|row| row.stats.student_logprob)));
        }
        all.append(&mut student);
    }
    all
}

/// Two models whose logits are compared over the entries they share.
struct Compare<'a> {
    left: Scorer<'a>,
    right: Scorer<'a>,
    right_is: Role,
    shared: &'a Shared,
}

/// What one thread compares with.
struct Desk {
    comparer: Comparer,
    left: Vec<f32>,
    right: Vec<f32>,
}

impl Compare<'_> {
    /// Compares the rows of `windows`; the left logits begin at row `offset` of their block, the right ones at 0.
    fn windows(
        &self,
        windows: &[&Window],
        left: &mut dyn Logits,
        right: &mut dyn Logits,
        offset: usize,
    ) -> Result<Vec<PositionRow>, AskError> {
        let places: Vec<_> = windows.iter().flat_map(|w| (0..w.rows.len()).map(move |row| (*w, row))).collect();
        let [left_width, right_width] = [self.left, self.right].map(|model| model.identity.logit_width() as usize);
        let most = logit_rows(left_width.max(right_width));
        let rows = most.min(places.len());
        let (mut left_rows, mut right_rows) = (vec![0f32; rows * left_width], vec![0f32; rows * right_width]);
        let mut all = Vec::with_capacity(places.len());
        for (start, chunk) in (0..).step_by(most).zip(places.chunks(most)) {
            let end = start + chunk.len();
            let left_rows = &mut left_rows[..chunk.len() * left_width];
            let right_rows = &mut right_rows[..chunk.len() * right_width];
            left.read(offset + start..offset + end, left_rows).map_err(Role::Teacher.failed())?;
            right.read(start..end, right_rows).map_err(self.right_is.failed())?;
            let pairs = left_rows.par_chunks(left_width).zip(right_rows.par_chunks(right_width)).zip(chunk);
            let compared: Result<Vec<_>, _> = pairs
                .map_init(
                    || Desk {
                        comparer: Comparer::new(self.shared.count() as usize).with_vectors(allowed_vectors()),
                        left: Vec::new(),
                        right: Vec::new(),
                    },
                    |desk, ((left, right), &(window, row))| self.row(desk, left, right, window, row),
                )
                .collect();
            all.extend(compared?);
        }
        Ok(all)
    }

    fn row(
        &self,
        desk: &mut Desk,
        left: &[f32],
        right: &[f32],
        window: &Window,
        row: usize,
    ) -> Result<PositionRow, AskError> {
        let Desk { comparer, left: left_space, right: right_space } = desk;
        let failed = |error: &dyn std::fmt::Display| window.failed(window.rows[row], error);
        let target = window.target(row);
        let (ours, theirs) = (self.shared.row(left, left_space), self.shared.row(right, right_space));
        let mut stats = comparer.compare(ours, theirs, self.shared.place(target)).map_err(|error| failed(&error))?;
        for token in [&mut stats.target, &mut stats.teacher_top1, &mut stats.student_top1] {
            *token = self.shared.token(*token);
        }
        let outside = Outside {
            teacher: Some(self.shared.outside(left, target, stats.teacher_logprob)),
            student: Some(self.shared.outside(right, target, stats.student_logprob)),
        };
        if [outside.teacher, outside.student].into_iter().flatten().any(|mass| !mass.is_finite()) {
            return Err(failed(&"a logit beyond the shared tokens is no finite number"));
        }
        Ok(window.measured(row, self.left.tokens, stats, outside))
    }
}
