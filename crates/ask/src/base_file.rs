//! Audits against llama.cpp's `_logits_` base files, in both directions, for teams whose numbers come from there. A
//! base file holds the teacher's answers without its name, so there is no statement here: only the compat block.

use std::path::Path;

use hydrometer_answers::llama_kld::{BaseError, BaseHeader, BaseReader, BaseWriter, EncodedRow};
use hydrometer_metrics::PositionError;
use hydrometer_metrics::compat::{Compat, CompatAccumulator, CompatToken, token_from_encoded};
use hydrometer_models::{Block, Logits, Model, ModelError, Scorer, Sequence, logit_rows};
use rayon::prelude::*;
use thiserror::Error;

/// Why a base file could not be compared or written.
#[derive(Debug, Error)]
pub enum BaseFileError {
    /// The file.
    #[error(transparent)]
    File(#[from] BaseError),
    /// The model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A row cannot be compared.
    #[error("row {row}: {source}")]
    Row {
        /// Row of the file, from 0.
        row: u64,
        /// Why.
        source: PositionError,
    },
    /// The model's distributions are shorter than the file's.
    #[error(
        "the base file has {base} vocabulary entries, the model {model}; the model needs at least as many: \
         is it a student of the model that the file was made with?"
    )]
    Vocabulary {
        /// Entries of a row of the file.
        base: u32,
        /// Entries of the model's distributions.
        model: u32,
    },
    /// The model has tokens that the file has no entries for.
    #[error(
        "the base file has {base} vocabulary entries, and the model has tokens beyond them, the first of them {first}: \
         it is no student of the model that the file was made with"
    )]
    Tokens {
        /// Entries of a row of the file.
        base: u32,
        /// The first token beyond them that is no padding.
        first: u32,
    },
    /// A row of the file is no distribution.
    #[error("row {row} of the base file: its probabilities sum to {mass:.4}, expected {least:.2} to {most:.2}")]
    Mass {
        /// Row of the file, from 0.
        row: u64,
        /// Their sum.
        mass: f64,
        /// The least that an encoding of probabilities can give.
        least: f64,
        /// The most.
        most: f64,
    },
    /// The chunks do not fit into the model's context.
    #[error("chunks of {n_ctx} tokens are longer than the model's context of {context}")]
    Context {
        /// Tokens per chunk.
        n_ctx: u32,
        /// The model's context.
        context: u32,
    },
    /// The text gives fewer tokens than llama.cpp asks for.
    #[error("the text has {found} tokens, expected at least two chunks of {n_ctx}")]
    Short {
        /// Tokens of the text.
        found: usize,
        /// Tokens per chunk.
        n_ctx: u32,
    },
    /// Stopped by the watcher.
    #[error("interrupted")]
    Interrupted,
}

/// What to do after each block: told how many chunks are done, answers whether to go on.
pub type Watch<'a> = &'a mut dyn FnMut(u32) -> bool;

/// A model compared with a base file.
#[derive(Clone, Debug)]
pub struct Against {
    /// llama.cpp's numbers; `None` below 100 rows, where it prints none.
    pub compat: Option<Compat>,
    /// The largest sum of a row's probabilities. What it is above 1 was added by the file's 16-nat window; the mass of the
    /// tokens below that window is not known.
    pub largest_mass: f64,
    /// The most probability of a row on tokens of at most e⁻¹⁶, which llama.cpp leaves out of its divergence.
    pub most_dropped: f64,
    /// The most probability that the student gives to entries beyond the file's, which are left out and whose share the
    /// others take.
    pub most_beyond: f64,
}

/// `student` against the teacher whose rows the file holds, `block_tokens` tokens at a time.
///
/// # Errors
/// The file is damaged, is of another vocabulary than the student's (padding aside), or the student fails.
pub fn against_base_file(
    base: &mut BaseReader,
    student: &dyn Model,
    block_tokens: u32,
    watch: Watch<'_>,
) -> Result<Against, BaseFileError> {
    let header = base.header();
    let student = Scorer::of(student).map_err(ModelError::from)?;
    let vocab = student.identity.logit_width();
    if vocab < header.n_vocab {
        return Err(BaseFileError::Vocabulary { base: header.n_vocab, model: vocab });
    }
    let beyond = |id: &u32| !student.tokens.piece(*id).is_empty();
    if let Some(first) = (header.n_vocab..vocab).find(beyond) {
        return Err(BaseFileError::Tokens { base: header.n_vocab, first });
    }
    fits(student, header.n_ctx)?;
    let tokens = base.tokens().to_vec();
    base.seek(0)?;
    let (mut sums, mut done, mut row) = (CompatAccumulator::new(), 0, 0u64);
    let (mut largest_mass, mut most_dropped, mut most_beyond) = (0f64, 0f64, 0f64);
    for chunks in tokens.chunks(chunks_per_block(header.n_ctx, block_tokens) * header.n_ctx as usize) {
        let block = block_of(student, chunks, header);
        let mut logits = student.scores.score(&block)?;
        let targets: Vec<u32> = targets(chunks, header);
        each_rows(&mut *logits, block.rows(), vocab as usize, |first, rows| {
            let mut encoded = vec![EncodedRow::default(); rows.len() / vocab as usize];
            for place in &mut encoded {
                base.read_row(place)?;
            }
            largest_mass = largest_mass.max(most_mass(&encoded, row)?);
            most_dropped = encoded
                .par_iter()
                .map(EncodedRow::dropped)
                .collect::<Vec<_>>()
                .into_iter()
                .fold(most_dropped, f64::max);
            let beyond = rows.par_chunks(vocab as usize).map(|row| mass_beyond(row, header.n_vocab as usize));
            most_beyond = beyond.collect::<Vec<_>>().into_iter().fold(most_beyond, f64::max);
            for token in compared(&encoded, rows, vocab as usize, &targets[first..], row)? {
                sums.update(&token);
            }
            row += encoded.len() as u64;
            Ok(())
        })?;
        done += (chunks.len() / header.n_ctx as usize) as u32;
        if !watch(done) {
            return Err(BaseFileError::Interrupted);
        }
    }
    Ok(Against {
        compat: sums.finish(u64::from(header.n_chunk), header.n_ctx),
        largest_mass,
        most_dropped,
        most_beyond,
    })
}

/// Writes the base file of `teacher` on a text, as `llama-perplexity --kl-divergence-base` would.
///
/// # Errors
/// The text is shorter than two chunks, the teacher fails, or the file cannot be written.
pub fn write_base_file(
    teacher: &dyn Model,
    text: &str,
    n_ctx: u32,
    max_chunks: Option<u32>,
    block_tokens: u32,
    path: &Path,
    watch: Watch<'_>,
) -> Result<BaseHeader, BaseFileError> {
    let teacher = Scorer::of(teacher).map_err(ModelError::from)?;
    fits(teacher, n_ctx)?;
    let tokenizer = teacher.tokens;
    // llama.cpp takes one line break off the end of a file.
    let tokens = tokenizer.begin(tokenizer.encode(text.strip_suffix('\n').unwrap_or(text))?);
    if tokens.len() < 2 * n_ctx as usize {
        return Err(BaseFileError::Short { found: tokens.len(), n_ctx });
    }
    let n_chunk = (tokens.len() as u32 / n_ctx).min(max_chunks.unwrap_or(u32::MAX)).max(1);
    let vocab = teacher.identity.logit_width();
    let header = BaseHeader { n_ctx, n_vocab: vocab, n_chunk };
    let tokens = &tokens[..header.tokens() as usize];
    let mut file = BaseWriter::create(path, header, tokens)?;
    let mut done = 0;
    for chunks in tokens.chunks(chunks_per_block(n_ctx, block_tokens) * n_ctx as usize) {
        let block = block_of(teacher, chunks, header);
        let mut logits = teacher.scores.score(&block)?;
        each_rows(&mut *logits, block.rows(), vocab as usize, |_, rows| {
            rows.chunks(vocab as usize).try_for_each(|row| file.write_logits(row)).map_err(BaseFileError::from)
        })?;
        done += (chunks.len() / n_ctx as usize) as u32;
        if !watch(done) {
            return Err(BaseFileError::Interrupted);
        }
    }
    file.finish()?;
    Ok(header)
}

fn fits(model: Scorer<'_>, n_ctx: u32) -> Result<(), BaseFileError> {
    let context = model.identity.context_length;
    match context.filter(|&context| n_ctx > context) {
        Some(context) => Err(BaseFileError::Context { n_ctx, context }),
        None => Ok(()),
    }
}

fn chunks_per_block(n_ctx: u32, block_tokens: u32) -> usize {
    (block_tokens / n_ctx).max(1) as usize
}

/// The scored positions of some chunks, token 0 of each replaced by BOS where the model wants one.
fn block_of(model: Scorer<'_>, chunks: &[u32], header: BaseHeader) -> Block {
    let begin = model.tokens.bos().filter(|_| model.tokens.adds_bos());
    let rows: Vec<u32> = (header.first_row()..header.first_row() + header.rows_per_chunk()).collect();
    let sequences = chunks.chunks(header.n_ctx as usize).map(|chunk| {
        let mut tokens = chunk.to_vec();
        if let Some(begin) = begin {
            tokens[0] = begin;
        }
        Sequence { tokens, rows: rows.clone() }
    });
    Block { sequences: sequences.collect() }
}

fn targets(chunks: &[u32], header: BaseHeader) -> Vec<u32> {
    let first = header.first_row() as usize + 1;
    let scored = first..first + header.rows_per_chunk() as usize;
    chunks.chunks(header.n_ctx as usize).flat_map(|chunk| chunk[scored.clone()].iter().copied()).collect()
}

/// Hands over the rows of a block, some at a time, with the number of the first.
fn each_rows(
    logits: &mut dyn Logits,
    rows: usize,
    vocab: usize,
    mut use_rows: impl FnMut(usize, &[f32]) -> Result<(), BaseFileError>,
) -> Result<(), BaseFileError> {
    let most = logit_rows(vocab);
    let mut buffer = vec![0f32; most.min(rows) * vocab];
    for first in (0..rows).step_by(most) {
        let count = most.min(rows - first);
        let buffer = &mut buffer[..count * vocab];
        logits.read(first..first + count, buffer)?;
        use_rows(first, buffer)?;
    }
    Ok(())
}

/// The largest sum of a row's probabilities; every row must be a distribution.
fn most_mass(encoded: &[EncodedRow], first: u64) -> Result<f64, BaseFileError> {
    let masses: Vec<f64> = encoded.par_iter().map(EncodedRow::mass).collect();
    for (i, (row, mass)) in encoded.iter().zip(&masses).enumerate() {
        let possible = EncodedRow::masses(row.codes.len());
        if !possible.contains(mass) {
            let (least, most) = (*possible.start(), *possible.end());
            return Err(BaseFileError::Mass { row: first + i as u64, mass: *mass, least, most });
        }
    }
    Ok(masses.into_iter().fold(0.0, f64::max))
}

/// The probability of a row of logits on the entries from `width` on.
fn mass_beyond(row: &[f32], width: usize) -> f64 {
    if width == row.len() {
        return 0.0;
    }
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum = |logits: &[f32]| logits.iter().map(|&logit| f64::from(logit - largest).exp()).sum::<f64>();
    sum(&row[width..]) / sum(row)
}

/// Compares encoded teacher rows with the student's; padding of the student's vocabulary beyond the file's is left out.
fn compared(
    encoded: &[EncodedRow],
    rows: &[f32],
    vocab: usize,
    targets: &[u32],
    first: u64,
) -> Result<Vec<CompatToken>, BaseFileError> {
    let pairs = encoded.par_iter().zip(rows.par_chunks(vocab)).zip(&targets[..encoded.len()]).enumerate();
    pairs
        .map(|(i, ((base, student), &target))| {
            let student = &student[..base.codes.len()];
            token_from_encoded(&base.codes, base.scale, base.min_log_prob, student, target)
                .map_err(|source| BaseFileError::Row { row: first + i as u64, source })
        })
        .collect()
}
