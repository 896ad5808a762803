//! Audits from a teacher cache (METRICS: regime R1): the teacher fills it once, and every student is compared with what it
//! holds. Only texts can be audited so.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use hydrometer_answers::cache::{SequenceKey, SequenceRecords, TeacherCache};
use hydrometer_answers::part::{Likelihoods, Sparse};
use hydrometer_answers::sparse::SparseError;
use hydrometer_answers::{
    ExcludedItem, LikelihoodRow, Manifest, ModelIdentity, NewRun, Part, PlannedTokens, Regime, RunError, RunFolder,
    RunSettings, ScoredModel, SparseRow, UnitCounts,
};
use hydrometer_metrics::sparse::SparseComparer;
use hydrometer_models::{Block, Model, Scorer, Sequence, Tokenizer, logit_rows};
use hydrometer_probes::counted::counted;
use hydrometer_probes::{Ask, Suite};
use rayon::prelude::*;

use crate::instructions::allowed_vectors;
use crate::kind::likelihoods::row as likelihood;
use crate::options::{Windowing, check_blocks};
use crate::units::pack;
use crate::windows::{Cut, Window, fit, tokens, windows};
use crate::{AskError, AskOptions, Observer, PlanSummary, Role};

/// What filling a cache did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheReport {
    /// Windows of the texts.
    pub windows: u64,
    /// Windows that the cache held already, or that stand in the texts twice.
    pub held: u64,
    /// Windows that the teacher scored.
    pub scored: u64,
    /// Tokens of those.
    pub tokens: u64,
    /// Positions whose distribution was kept.
    pub positions: u64,
    /// Bytes written.
    pub bytes: u64,
}

/// A sequence whose distributions are to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// What it is part of, for people.
    pub name: String,
    /// Which part.
    pub index: u32,
    /// Its tokens, BOS included where the model wants one.
    pub tokens: Vec<u32>,
    /// The positions whose distributions are kept.
    pub positions: Range<u32>,
}

/// A stretch to be scored.
pub(crate) struct Wanted<'a> {
    pub(crate) stretch: &'a Stretch,
    pub(crate) key: SequenceKey,
    pub(crate) positions: Range<u32>,
}

/// Lets the teacher score the texts of a suite, cut as an audit cuts them, and keeps its distributions. What the cache
/// holds is not scored again; an interruption loses at most one block.
///
/// # Errors
/// The suite has no text, the teacher or the cache fails, or the observer interrupts: the same call continues.
pub fn fill_cache(
    teacher: &dyn Model,
    suite: &Suite,
    cut: Windowing,
    block_tokens: u32,
    cache: &mut TeacherCache,
    observer: &mut dyn Observer,
) -> Result<CacheReport, AskError> {
    check_blocks(cut.n_ctx, block_tokens)?;
    let scorer = Role::Teacher.scorer(teacher)?;
    let stretches = stretches(scorer.tokens, suite, cut)?;
    let longest = stretches.iter().map(|stretch| stretch.tokens.len()).max().unwrap_or(0);
    if let Some(context) = scorer.identity.context_length.filter(|&context| longest > context as usize) {
        return Err(AskError::Context { role: Role::Teacher, longest, context });
    }
    fill_cache_with(teacher, &stretches, block_tokens, cache, observer)
}

/// The texts of a suite, cut as an audit cuts them, with the positions that it scores.
///
/// # Errors
/// The suite has no text, or the tokenizer fails.
pub fn stretches(tokenizer: &Tokenizer, suite: &Suite, cut: Windowing) -> Result<Vec<Stretch>, AskError> {
    let Cut { windows, excluded } = windows(tokenizer, suite, cut).map_err(Role::Teacher.failed())?;
    some_text(&windows, &excluded, suite)?;
    let stretch = |window: Window| Stretch {
        positions: window.positions(),
        name: window.probe,
        index: window.index,
        tokens: window.tokens,
    };
    Ok(windows.into_iter().map(stretch).collect())
}

/// As [`fill_cache`], of sequences that are there already: a student's training data.
///
/// # Errors
/// The teacher or the cache fails, or the observer interrupts: the same call continues.
pub fn fill_cache_with(
    teacher: &dyn Model,
    stretches: &[Stretch],
    block_tokens: u32,
    cache: &mut TeacherCache,
    observer: &mut dyn Observer,
) -> Result<CacheReport, AskError> {
    let teacher = Role::Teacher.scorer(teacher)?;
    let wanted = wanted(stretches, cache)?;
    let scored = wanted.len() as u64;
    let mut kept = CacheReport { windows: stretches.len() as u64, scored, ..CacheReport::default() };
    kept.held = kept.windows - scored;
    let blocks = pack(wanted, block_tokens as usize, |w| w.stretch.tokens.len());
    let teacher_tokens = blocks.iter().flatten().map(|w| w.stretch.tokens.len() as u64).sum();
    observer.planned(&PlanSummary {
        planned: PlannedTokens { teacher_tokens, ..PlannedTokens::default() },
        units: blocks.len() as u64,
        units_done: 0,
        tokens_done: 0,
        answers: 0,
        longest: PlannedTokens::default(),
    });
    for block in blocks {
        if observer.interrupted() {
            return Err(AskError::Interrupted(cache.path().to_owned()));
        }
        let sequences = distributions(teacher, &block, cache)?;
        kept.bytes += cache.put(&sequences)?;
        kept.positions += sequences.iter().map(|sequence| sequence.len() as u64).sum::<u64>();
        let tokens = block.iter().map(|w| w.stretch.tokens.len() as u64).sum();
        kept.tokens += tokens;
        observer.progress(tokens);
    }
    Ok(kept)
}

fn some_text(windows: &[Window], excluded: &[ExcludedItem], suite: &Suite) -> Result<(), AskError> {
    if windows.is_empty() && !excluded.is_empty() {
        return Err(AskError::all_excluded(&suite.name, excluded));
    }
    if windows.is_empty() {
        return Err(AskError::NoText { suite: suite.name.clone(), needs: "only texts can be kept in a cache" });
    }
    Ok(())
}

/// The stretches that the cache does not hold, each once, with all the positions that are wanted of it.
pub(crate) fn wanted<'a>(stretches: &'a [Stretch], cache: &mut TeacherCache) -> Result<Vec<Wanted<'a>>, AskError> {
    let model_key = cache.teacher().key();
    let mut all: Vec<Wanted<'a>> = Vec::new();
    let mut places: BTreeMap<SequenceKey, usize> = BTreeMap::new();
    for stretch in stretches {
        let (key, positions) = (SequenceKey::new(&model_key, &stretch.tokens), stretch.positions.clone());
        if let Some(&place) = places.get(&key) {
            let known = &mut all[place].positions;
            *known = known.start.min(positions.start)..known.end.max(positions.end);
        } else if !cache.covers(&key, &positions)? {
            places.insert(key, all.len());
            all.push(Wanted { stretch, key, positions });
        }
    }
    Ok(all)
}

/// The teacher's distributions of a block of stretches.
fn distributions(
    teacher: Scorer<'_>,
    wanted: &[Wanted<'_>],
    cache: &TeacherCache,
) -> Result<Vec<SequenceRecords>, AskError> {
    let sequence = |w: &Wanted<'_>| Sequence { tokens: w.stretch.tokens.clone(), rows: w.positions.clone().collect() };
    let block = Block { sequences: wanted.iter().map(sequence).collect() };
    let mut sequences: Vec<_> =
        wanted.iter().map(|w| SequenceRecords::new(w.stretch.tokens.clone(), w.positions.start)).collect();
    let mut logits = teacher.scores.score(&block).map_err(Role::Teacher.failed())?;
    let vocab = teacher.identity.logit_width() as usize;
    let places: Vec<_> =
        wanted.iter().enumerate().flat_map(|(i, w)| w.positions.clone().map(move |position| (i, position))).collect();
    let failed = |&(i, position): &(usize, u32), error: &dyn std::fmt::Display| {
        let Stretch { name, index, .. } = wanted[i].stretch;
        AskError::Row { probe: name.clone(), window: *index, position, reason: error.to_string() }
    };
    let codec_failed =
        |error: SparseError| RunError::Encode { file: cache.path().display().to_string(), what: error.to_string() };
    let encoder = cache.codec().encoder().map_err(codec_failed)?.with_vectors(allowed_vectors());
    let most = logit_rows(vocab);
    let mut buffer = vec![0f32; most.min(places.len()) * vocab];
    for (start, chunk) in (0..).step_by(most).zip(places.chunks(most)) {
        let rows = &mut buffer[..chunk.len() * vocab];
        logits.read(start..start + chunk.len(), rows).map_err(Role::Teacher.failed())?;
        let records: Result<Vec<_>, AskError> = rows
            .par_chunks(vocab)
            .zip(chunk)
            .map_init(
                || encoder.clone(),
                |encoder, (row, place)| {
                    let mut record = Vec::new();
                    let seed = wanted[place.0].key.seed(place.1);
                    encoder.encode(row, seed, &mut record).map_err(|error| failed(place, &error))?;
                    Ok(record)
                },
            )
            .collect();
        for (&place, record) in chunk.iter().zip(records?) {
            let add = |bytes: &mut Vec<u8>| {
                bytes.extend(record);
                Ok(())
            };
            sequences[place.0].push(add).map_err(|error| failed(&place, &error))?;
        }
    }
    Ok(sequences)
}

/// As [`collect`](crate::collect()), with the teacher's distributions from a cache: the teacher does not run. Texts only; what else
/// the suite asks is left out, and the run's suite is without it.
///
/// # Errors
/// A window is not in the cache, the student has another vocabulary, the suite has no text, or as
/// [`collect`](crate::collect()).
pub fn collect_cached(
    cache: &mut TeacherCache,
    student: &dyn Model,
    suite: &Suite,
    options: &AskOptions,
    folder: &Path,
    observer: &mut dyn Observer,
) -> Result<RunFolder, AskError> {
    options.check()?;
    suite.validate()?;
    let texts = suite.probes.iter().filter(|probe| matches!(probe.ask, Ask::Text(_)));
    let suite = Suite { name: suite.name.clone(), probes: texts.cloned().collect() };
    let scorer = Role::Student.scorer(student)?;
    comparable(cache, scorer.identity)?;
    let Cut { windows, excluded } =
        windows(scorer.tokens, &suite, options.windowing()).map_err(Role::Student.failed())?;
    some_text(&windows, &excluded, &suite)?;
    fit(&windows, Role::Student, scorer.identity)?;
    all_cached(&windows, cache)?;
    let units = pack(windows, options.block_tokens as usize, |window| window.tokens.len());
    let run = RunFolder::create_or_resume(
        folder,
        &manifest(cache, student, &suite, options, &units, excluded),
        &suite.probes,
    )?;
    let done = |unit: &usize| run.has(Sparse::KIND, *unit as u32);
    let finished: Vec<_> = (0..units.len()).filter(done).collect();
    observer.planned(&PlanSummary {
        planned: run.manifest().planned,
        units: units.len() as u64,
        units_done: finished.len() as u64,
        tokens_done: finished.iter().map(|&unit| tokens(&units[unit])).sum(),
        answers: 0,
        longest: PlannedTokens::default(),
    });
    let mut comparison = Comparison { cache, student: scorer };
    for (unit, windows) in units.iter().enumerate().filter(|(unit, _)| !finished.contains(unit)) {
        if observer.interrupted() {
            return Err(AskError::Interrupted(folder.to_owned()));
        }
        let rows = comparison.rows(windows)?;
        // The unit counts as done once its positions are there: they are written last.
        let number = unit as u32;
        run.write::<Likelihoods>(number, &likelihoods(windows, &rows))?;
        run.write::<Sparse>(number, &rows)?;
        observer.progress(tokens(windows));
        if let Some(cost) = observer.finished(Sparse::KIND, number) {
            run.append_cost(&cost)?;
        }
    }
    run.finish()?;
    Ok(run)
}

/// Whether the student's distributions can be compared with those of the cache.
fn comparable(cache: &TeacherCache, student: &ModelIdentity) -> Result<(), AskError> {
    let (teacher, student, codec) = (cache.teacher(), student, cache.codec());
    let differs = |what: &str, found: &dyn ToString, expected: String| {
        let (cache, what, found) = (cache.path().to_owned(), what.to_owned(), found.to_string());
        Err(AskError::CacheDiffers { cache, what, found, expected })
    };
    if codec.truncation.draws == 0 {
        return differs("number of draws", &0, "at least 1: without draws nothing is known of the tail".to_owned());
    }
    // Two tokenizers of which nothing is known are not the same one.
    if teacher.tokenizer.is_none() || teacher.tokenizer != student.tokenizer {
        let [found, expected] = [teacher, student].map(|model| model.tokenizer.as_deref().unwrap_or("unknown"));
        return differs("tokenizer", &found, format!("the student's, {expected}"));
    }
    if codec.vocab > student.logit_width() {
        return differs("vocabulary", &codec.vocab, format!("at most the student's {}", student.logit_width()));
    }
    Ok(())
}

fn all_cached(windows: &[Window], cache: &mut TeacherCache) -> Result<(), AskError> {
    let model_key = cache.teacher().key();
    let mut missing = Vec::new();
    for window in windows {
        if !cache.covers(&SequenceKey::new(&model_key, &window.tokens), &window.positions())? {
            missing.push(window);
        }
    }
    let Some(first) = missing.first() else { return Ok(()) };
    Err(AskError::NotCached {
        cache: cache.path().to_owned(),
        missing: missing.len() as u64,
        windows: windows.len() as u64,
        probe: first.probe.clone(),
        window: first.index,
    })
}

/// How the vocabularies relate, in words: entries that only the student has are left out, and their probability is not known.
fn pairing(cached: u32, student: u32) -> String {
    match student - cached {
        0 => "same vocabulary".to_owned(),
        beyond => {
            let beyond = counted(u64::from(beyond), "entry");
            format!(
                "same vocabulary; the student's {beyond} beyond the cache's {cached} are left out, whatever they hold"
            )
        }
    }
}

fn manifest(
    cache: &TeacherCache,
    student: &dyn Model,
    suite: &Suite,
    options: &AskOptions,
    units: &[Vec<Window>],
    excluded: Vec<ExcludedItem>,
) -> Manifest {
    let teacher = cache.teacher();
    let (files, precision) = (units.len() as u32, teacher.engine.precision.clone());
    let AskOptions { n_ctx, block_tokens, max_windows, seed, .. } = *options;
    let facets = [(Role::Student.to_string(), student.facets())].into();
    Manifest::plan(NewRun {
        teacher: teacher.clone(),
        student: student.identity().clone(),
        base: None,
        control: None,
        pairing: pairing(cache.codec().vocab, student.identity().logit_width()),
        shared_vocab: Some(cache.codec().vocab),
        regime: Regime::TeacherCache,
        facets,
        suite,
        settings: RunSettings {
            cache: Some(*cache.codec()),
            window_order: options.windowing().remembered_order(),
            ..RunSettings::of_texts(n_ctx, block_tokens, max_windows, precision, seed)
        },
        units: UnitCounts::default().with(Likelihoods::KIND, files).with(Sparse::KIND, files),
        planned: PlannedTokens { student_tokens: units.iter().map(tokens).sum(), ..PlannedTokens::default() },
        excluded,
        arguments: options.arguments.clone(),
    })
}

/// A student against a cache.
struct Comparison<'a> {
    cache: &'a mut TeacherCache,
    student: Scorer<'a>,
}

impl Comparison<'_> {
    /// The positions of a block of windows.
    fn rows(&mut self, windows: &[Window]) -> Result<Vec<SparseRow>, AskError> {
        let model_key = self.cache.teacher().key();
        let mut kept = Vec::with_capacity(windows.len());
        for window in windows {
            let records = self.cache.get(&SequenceKey::new(&model_key, &window.tokens), &window.positions())?;
            // It was there when the run was planned.
            kept.push(records.ok_or_else(|| window.failed(window.rows[0], &"its block has left the cache"))?);
        }
        let block = Block { sequences: windows.iter().map(Window::sequence).collect() };
        let mut logits = self.student.scores.score(&block).map_err(Role::Student.failed())?;
        let width = self.student.identity.logit_width() as usize;
        let places: Vec<_> =
            windows.iter().zip(&kept).flat_map(|(w, k)| (0..w.rows.len()).map(move |row| (w, k, row))).collect();
        let most = logit_rows(width);
        let mut buffer = vec![0f32; most.min(places.len()) * width];
        let mut all = Vec::with_capacity(places.len());
        for (start, chunk) in (0..).step_by(most).zip(places.chunks(most)) {
            let rows = &mut buffer[..chunk.len() * width];
            logits.read(start..start + chunk.len(), rows).map_err(Role::Student.failed())?;
            let compared: Result<Vec<_>, AskError> = rows
                .par_chunks(width)
                .zip(chunk)
                .map_init(
                    || SparseComparer::new(self.cache.codec().vocab as usize).with_vectors(allowed_vectors()),
                    |comparer, (logits, &(window, kept, row))| self.row(comparer, logits, window, kept, row),
                )
                .collect();
            all.extend(compared?);
        }
        Ok(all)
    }

    fn row(
        &self,
        comparer: &mut SparseComparer,
        logits: &[f32],
        window: &Window,
        kept: &SequenceRecords,
        row: usize,
    ) -> Result<SparseRow, AskError> {
        let position = window.rows[row];
        let codec = self.cache.codec();
        let record = kept.record((position - kept.first) as usize);
        let record = record.ok_or_else(|| window.failed(position, &"its record has left the cache"))?;
        let teacher = codec.decode(record).map_err(|error| window.failed(position, &error))?;
        let logits = &logits[..codec.vocab as usize];
        let stats =
            comparer.compare(&teacher, logits, window.target(row)).map_err(|error| window.failed(position, &error))?;
        let tokens = [stats.target, stats.teacher_top1, stats.student_top1];
        Ok(window.estimated(row, self.student.tokens, tokens, stats))
    }
}

/// The student's likelihoods: the cache does not hold the teacher's probability of every token of a text.
fn likelihoods(windows: &[Window], rows: &[SparseRow]) -> Vec<LikelihoodRow> {
    let mut at = 0;
    let of = |window: &Window| {
        let rows = &rows[at..at + window.rows.len()];
        at += window.rows.len();
        let logprob = rows.iter().map(|row| f64::from(row.stats.student_logprob)).sum();
        likelihood(window, ScoredModel::Student, logprob)
    };
    windows.iter().map(of).collect()
}
