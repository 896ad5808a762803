//! One collection under way: each unit asked, compared, and written.

use std::ops::Range;
use std::path::Path;

use hydrometer_answers::store::{Access, Store};
use hydrometer_answers::{ChoiceRow, LikelihoodRow, PartKind, PositionRow, RunFolder, SampleSource, ScoredModel};
use hydrometer_metrics::Comparer;
use hydrometer_models::{Block, Logits, Model, ModelError, choose};
use rayon::prelude::*;

use super::work::{Plan, Question, question_tokens};
use crate::meaning::vectors;
use crate::plan::{Window, pack};
use crate::sampling::{Asked, Asker};
use crate::{AuditError, AuditOptions, Closeness, Models, Observer, Sampling};

/// Logit rows held at a time, per model: with a vocabulary of 151,936 one chunk is 311 MB. The engine unpacks the whole
/// output matrix for each read, so few rows at a time would cost more than the memory is worth.
const ROWS: usize = hydrometer_models::LOGIT_ROWS;

/// One collection under way.
pub(super) struct Job<'a> {
    pub(super) models: Models<'a>,
    pub(super) run: &'a RunFolder,
    pub(super) folder: &'a Path,
    pub(super) options: &'a AuditOptions,
    /// Entries of the output distributions that are compared.
    pub(super) shared: u32,
}

impl Job<'_> {
    fn go_on(&self, observer: &dyn Observer) -> Result<(), AuditError> {
        if observer.interrupted() { Err(AuditError::Interrupted(self.folder.to_owned())) } else { Ok(()) }
    }

    fn done(&self, kind: PartKind, unit: u32, observer: &mut dyn Observer) -> Result<(), AuditError> {
        match observer.finished(kind, unit) {
            Some(cost) => Ok(self.run.append_cost(&cost)?),
            None => Ok(()),
        }
    }

    /// Items in stretches of at most a block of tokens: a family larger than a block is one unit all the same.
    fn blocks(&self, items: usize, size: impl Fn(usize) -> usize) -> impl Iterator<Item = Range<usize>> {
        let blocks = pack((0..items).collect(), self.options.block_tokens as usize, |&item| size(item));
        blocks.into_iter().filter_map(|block| Some(*block.first()?..*block.last()? + 1))
    }

    /// One unit of texts: both models, the noise floor of some windows, and the likelihoods.
    pub(super) fn texts(&self, plan: &Plan, unit: usize, observer: &mut dyn Observer) -> Result<(), AuditError> {
        let windows = &plan.texts[unit];
        let (mut rows, mut floor) = (Vec::new(), Vec::new());
        for block in self.blocks(windows.len(), |i| windows[i].tokens.len()) {
            let again = plan.floor.iter().filter(|f| f.0 == unit && block.contains(&f.1));
            let again: Vec<_> = again.map(|f| f.1 - block.start).collect();
            let (scored, scored_again) = self.compared(&windows[block], &again, observer)?;
            rows.extend(scored);
            floor.extend(scored_again);
        }
        // The unit counts as done once its positions are there: they are written last.
        let unit = unit as u32;
        self.run.write_floor(unit, &floor)?;
        self.run.write_likelihoods(unit, &likelihoods(windows, &rows))?;
        self.run.write_positions(unit, &rows)?;
        self.done(PartKind::Positions, unit, observer)
    }

    /// The positions of a block of windows, and those of the windows in `again` for the teacher against itself.
    fn compared(
        &self,
        windows: &[Window],
        again: &[usize],
        observer: &mut dyn Observer,
    ) -> Result<(Vec<PositionRow>, Vec<PositionRow>), AuditError> {
        self.go_on(observer)?;
        let shared = self.shared as usize;
        let block = Block { sequences: windows.iter().map(Window::sequence).collect() };
        let mut teacher = self.models.teacher.score(&block).map_err(AuditError::teacher)?;
        observer.progress(block.tokens() as u64);
        self.go_on(observer)?;
        let mut student = self.models.student.score(&block).map_err(AuditError::student)?;
        let compare = Compare { left: self.models.teacher, right: self.models.student, shared };
        let rows = compare.windows(windows, &mut *teacher, &mut *student, 0, AuditError::student)?;
        drop(student);
        observer.progress(block.tokens() as u64);
        let mut floor = Vec::new();
        let mut row = 0;
        for (i, window) in windows.iter().enumerate() {
            if again.contains(&i) {
                self.go_on(observer)?;
                let single = Block { sequences: vec![window.sequence()] };
                let mut rerun = self.models.teacher.rerun(&single).map_err(AuditError::teacher)?;
                let compare = Compare { left: self.models.teacher, right: self.models.teacher, shared };
                let one = std::slice::from_ref(window);
                floor.extend(compare.windows(one, &mut *teacher, &mut *rerun, row, AuditError::teacher)?);
                observer.progress(window.tokens.len() as u64);
            }
            row += window.rows.len();
        }
        Ok((rows, floor))
    }

    /// One unit of texts for one model alone.
    pub(super) fn alone(&self, plan: &Plan, unit: usize, observer: &mut dyn Observer) -> Result<(), AuditError> {
        self.go_on(observer)?;
        let (teachers, windows) = &plan.alone[unit];
        let unit = unit as u32;
        type Blame = fn(ModelError) -> AuditError;
        let (model, name, blame): (_, _, Blame) = if *teachers {
            (self.models.teacher, ScoredModel::Teacher, AuditError::teacher)
        } else {
            (self.models.student, ScoredModel::Student, AuditError::student)
        };
        let block = Block { sequences: windows.iter().map(Window::sequence).collect() };
        let mut logits = model.score(&block).map_err(blame)?;
        let vocab = model.identity().vocab_size as usize;
        let targets: Vec<_> = windows.iter().flat_map(|w| (0..w.rows.len()).map(|r| w.target(r))).collect();
        let mut logprobs = Vec::with_capacity(targets.len());
        let mut buffer = vec![0f32; ROWS.min(targets.len()) * vocab];
        for (start, chunk) in (0..).step_by(ROWS).zip(targets.chunks(ROWS)) {
            let buffer = &mut buffer[..chunk.len() * vocab];
            logits.read(start..start + chunk.len(), buffer).map_err(blame)?;
            logprobs
                .par_extend(buffer.par_chunks(vocab).zip(chunk).map(|(row, &t)| hydrometer_metrics::log_prob(row, t)));
        }
        let mut at = 0;
        let mut rows = Vec::new();
        for window in windows {
            let end = at + window.rows.len();
            rows.push(likelihood(window, name, logprobs[at..end].iter().sum()));
            at = end;
        }
        self.run.write_likelihoods(unit, &rows)?;
        observer.progress(block.tokens() as u64);
        self.done(PartKind::Likelihoods, unit, observer)
    }

    /// One unit of choices.
    pub(super) fn choices(
        &self,
        unit: u32,
        questions: &[Question],
        observer: &mut dyn Observer,
    ) -> Result<(), AuditError> {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for block in self.blocks(questions.len(), |i| questions[i].teacher.tokens()) {
            self.go_on(observer)?;
            let block = &questions[block];
            let (t, s) = question_tokens(block);
            let asked: Vec<_> = block.iter().map(|q| q.teacher.clone()).collect();
            ours.extend(choose(self.models.teacher, &asked).map_err(AuditError::teacher)?);
            observer.progress(t as u64);
            self.go_on(observer)?;
            let asked: Vec<_> = block.iter().map(|q| q.student.clone()).collect();
            theirs.extend(choose(self.models.student, &asked).map_err(AuditError::student)?);
            observer.progress(s as u64);
        }
        let mut rows = Vec::new();
        for (question, (ours, theirs)) in questions.iter().zip(ours.iter().zip(&theirs)) {
            let mut places: Vec<_> = question.order.iter().enumerate().collect();
            places.sort_by_key(|p| p.1);
            for (place, &option) in places {
                rows.push(ChoiceRow {
                    probe: question.probe.clone(),
                    family: question.family.clone(),
                    rotation: question.rotation,
                    option: option as u32,
                    teacher_logprob: ours[place],
                    student_logprob: theirs[place],
                });
            }
        }
        self.run.write_choices(unit, &rows)?;
        self.done(PartKind::Choices, unit, observer)
    }

    /// One unit of free questions, to all models or to the student alone. The store is opened with the first.
    pub(super) fn prompts(
        &self,
        unit: u32,
        prompts: &[Vec<Asked>],
        student_alone: bool,
        store: &mut Option<Store>,
        observer: &mut dyn Observer,
    ) -> Result<(), AuditError> {
        let Some(Sampling { settings, store: folder, limits }) = &self.options.sampling else { return Ok(()) };
        let store = match store {
            Some(store) => store,
            None => store.insert(Store::open(folder, Access::Write)?),
        };
        let asker =
            |model, blame: fn(ModelError) -> AuditError, sources| Asker { model, blame, sources, settings, limits };
        let Models { teacher, student, base, meaning } = self.models;
        let mut askers = vec![
            asker(teacher, AuditError::teacher, &[SampleSource::Teacher, SampleSource::Rerun][..]),
            asker(student, AuditError::student, &[SampleSource::Student][..]),
        ];
        askers.extend(base.map(|base| asker(base, AuditError::base, &[SampleSource::Base][..])));
        let asked = if student_alone { 1..2 } else { 0..askers.len() };
        for role in asked.clone() {
            let asker = &askers[role];
            self.go_on(observer)?;
            let asked: Vec<_> = prompts.iter().map(|of_models| &of_models[role]).collect();
            if asker.ask(&asked, store, observer)?.is_break() {
                return Err(AuditError::Interrupted(self.folder.to_owned()));
            }
        }
        let mut rows = Vec::new();
        for of_models in prompts {
            for role in asked.clone() {
                rows.extend(askers[role].rows(&of_models[role], store)?);
            }
        }
        if let Some(Closeness { encoder, .. }) = meaning {
            self.run.write_vectors(unit, &vectors(&rows, self.run.probes(), encoder)?)?;
        }
        self.run.write_samples(unit, &rows)?;
        self.done(PartKind::Samples, unit, observer)
    }
}

fn likelihood(window: &Window, model: ScoredModel, logprob: f64) -> LikelihoodRow {
    LikelihoodRow {
        probe: window.probe.clone(),
        family: window.family.clone(),
        window: window.index,
        model: model.name().to_owned(),
        tokens: window.rows.len() as u64,
        bytes: window.bytes,
        logprob,
    }
}

/// Likelihoods of both models from their compared positions: probe by probe, first the teacher's.
fn likelihoods(windows: &[Window], rows: &[PositionRow]) -> Vec<LikelihoodRow> {
    let mut at = 0;
    let mut all = Vec::new();
    for probe in windows.chunk_by(|a, b| a.probe == b.probe) {
        let mut theirs = Vec::new();
        for window in probe {
            let rows = &rows[at..at + window.rows.len()];
            at += window.rows.len();
            let sum = |f: fn(&PositionRow) -> f32| rows.iter().map(|r| f64::from(f(r))).sum();
            all.push(likelihood(window, ScoredModel::Teacher, sum(|r| r.stats.teacher_logprob)));
            theirs.push(likelihood(window, ScoredModel::Student, sum(|r| r.stats.student_logprob)));
        }
        all.append(&mut theirs);
    }
    all
}

/// Two models whose logits are compared over the entries they share.
struct Compare<'a> {
    left: &'a dyn Model,
    right: &'a dyn Model,
    shared: usize,
}

impl Compare<'_> {
    /// Compares the rows of `windows`; the left logits begin at row `offset` of their block, the right ones at 0.
    fn windows(
        &self,
        windows: &[Window],
        left: &mut dyn Logits,
        right: &mut dyn Logits,
        offset: usize,
        blame_right: fn(ModelError) -> AuditError,
    ) -> Result<Vec<PositionRow>, AuditError> {
        let places: Vec<_> = windows.iter().flat_map(|w| (0..w.rows.len()).map(move |r| (w, r))).collect();
        let widths = [self.left, self.right].map(|m| m.identity().vocab_size as usize);
        let rows = ROWS.min(places.len());
        let (mut ours, mut theirs) = (vec![0f32; rows * widths[0]], vec![0f32; rows * widths[1]]);
        let mut all = Vec::with_capacity(places.len());
        for (start, chunk) in (0..).step_by(ROWS).zip(places.chunks(ROWS)) {
            let end = start + chunk.len();
            let (ours, theirs) = (&mut ours[..chunk.len() * widths[0]], &mut theirs[..chunk.len() * widths[1]]);
            left.read(offset + start..offset + end, ours).map_err(AuditError::teacher)?;
            right.read(start..end, theirs).map_err(blame_right)?;
            let pairs = ours.par_chunks(widths[0]).zip(theirs.par_chunks(widths[1])).zip(chunk);
            let compared: Result<Vec<_>, _> = pairs
                .map_init(
                    || Comparer::new(self.shared),
                    |comparer, ((ours, theirs), (window, row))| {
                        self.row(comparer, &ours[..self.shared], &theirs[..self.shared], window, *row)
                    },
                )
                .collect();
            all.extend(compared?);
        }
        Ok(all)
    }

    fn row(
        &self,
        comparer: &mut Comparer,
        ours: &[f32],
        theirs: &[f32],
        window: &Window,
        row: usize,
    ) -> Result<PositionRow, AuditError> {
        let position = window.rows[row];
        let stats = comparer.compare(ours, theirs, window.target(row)).map_err(|e| AuditError::Row {
            probe: window.probe.clone(),
            window: window.index,
            position,
            reason: e.to_string(),
        })?;
        Ok(window.measured(row, self.left.tokenizer(), window.full, stats))
    }
}
