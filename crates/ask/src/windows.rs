//! Windows: stretches of the suite's texts, tokenised as one model reads them. The same inputs give the same windows, so
//! an interrupted run continues where it stopped.

use std::ops::Range;

use hydrometer_answers::{PositionRow, SparseRow};
use hydrometer_metrics::PositionStats;
use hydrometer_metrics::sparse::SparsePositionStats;
use hydrometer_models::{ModelError, Sequence, Tokenizer};
use hydrometer_probes::families::WindowFamilies;
use hydrometer_probes::kind;
use hydrometer_probes::{Ask, Probe, Suite};

use crate::AskError;
use crate::options::Windowing;

/// A stretch of a text that is scored in one go.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Window {
    /// Probe id.
    pub probe: String,
    /// Family: the statistical unit.
    pub family: String,
    /// Window within the probe.
    pub index: u32,
    /// Tokens of the text; the first is BOS where the model wants one.
    pub tokens: Vec<u32>,
    /// Positions whose next token is scored.
    pub rows: Vec<u32>,
    /// Bytes of text that the scored tokens stand for.
    pub bytes: u64,
    /// A full window of a long text, scored in its second half as llama.cpp does.
    pub full: bool,
}

impl Window {
    pub(crate) fn sequence(&self) -> Sequence {
        Sequence { tokens: self.tokens.clone(), rows: self.rows.clone() }
    }

    /// What was measured at one of its rows.
    pub(crate) fn measured(
        &self,
        row: usize,
        tokenizer: &Tokenizer,
        compat: bool,
        stats: PositionStats,
    ) -> PositionRow {
        PositionRow {
            probe: self.probe.clone(),
            family: self.family.clone(),
            window: self.index,
            position: self.rows[row],
            token_text: text(tokenizer, stats.target),
            teacher_top1_text: text(tokenizer, stats.teacher_top1),
            student_top1_text: text(tokenizer, stats.student_top1),
            compat,
            stats,
        }
    }

    /// What was estimated at one of its rows, the teacher from a cache.
    pub(crate) fn estimated(&self, row: usize, tokenizer: &Tokenizer, stats: SparsePositionStats) -> SparseRow {
        SparseRow {
            probe: self.probe.clone(),
            family: self.family.clone(),
            window: self.index,
            position: self.rows[row],
            token_text: text(tokenizer, stats.target),
            teacher_top1_text: text(tokenizer, stats.teacher_top1),
            student_top1_text: text(tokenizer, stats.student_top1),
            stats,
        }
    }

    /// The scored positions, which are successive.
    pub(crate) fn positions(&self) -> Range<u32> {
        self.rows.first().copied().unwrap_or(0)..self.rows.last().map_or(0, |last| last + 1)
    }

    /// A position of it could not be used.
    pub(crate) fn failed(&self, position: u32, reason: &dyn std::fmt::Display) -> AskError {
        AskError::Row { probe: self.probe.clone(), window: self.index, position, reason: reason.to_string() }
    }

    /// The token that the text continues with after the window's `row`-th scored position.
    pub(crate) fn target(&self, row: usize) -> u32 {
        self.tokens[self.rows[row] as usize + 1]
    }
}

fn text(tokenizer: &Tokenizer, token: u32) -> String {
    String::from_utf8_lossy(&tokenizer.piece(token)).into_owned()
}

/// All windows of a suite's texts under one tokenizer, in suite order.
pub(crate) fn windows(tokenizer: &Tokenizer, suite: &Suite, cut: Windowing) -> Result<Vec<Window>, ModelError> {
    let mut all = Vec::new();
    for probe in &suite.probes {
        if let Ask::Text(text) = &probe.ask {
            all.extend(windows_of(tokenizer, probe, text, cut)?);
        }
    }
    Ok(all)
}

fn windows_of(
    tokenizer: &Tokenizer,
    probe: &Probe,
    text: &kind::Text,
    cut: Windowing,
) -> Result<Vec<Window>, ModelError> {
    // An absent context and an empty one are the same.
    let context = text.context.as_deref().unwrap_or("");
    let whole = format!("{context}{}", text.text);
    let body = tokenizer.encode(&whole)?;
    let specials = tokenizer.begin(body.clone()).len() - body.len();
    let tokens = tokenizer.begin(body);
    // Byte offset at which each token begins; a token in front of `text` is context and is not scored.
    let mut starts = Vec::with_capacity(tokens.len() + 1);
    let mut at = 0usize;
    for (i, &token) in tokens.iter().enumerate() {
        starts.push(at);
        at += if i < specials { 0 } else { tokenizer.piece(token).len() };
    }
    starts.push(at);
    let first = (specials..tokens.len()).find(|&i| starts[i] >= context.len()).unwrap_or(tokens.len());

    let n_ctx = cut.n_ctx as usize;
    let long = tokens.len() > n_ctx;
    let families = WindowFamilies::new(&probe.family, text);
    let pieces: Vec<_> = if long { tokens.chunks_exact(n_ctx).collect() } else { vec![tokens.as_slice()] };
    let mut windows = Vec::new();
    for (index, piece) in pieces.into_iter().enumerate().take(cut.max_windows.unwrap_or(u32::MAX) as usize) {
        let offset = index * n_ctx;
        let half = if long { n_ctx / 2 } else { 0 };
        let rows: Vec<u32> = (half..piece.len().saturating_sub(1))
            .filter(|&row| offset + row + 1 >= first)
            .map(|row| row as u32)
            .collect();
        let Some(&start) = rows.first() else { continue };
        let bytes = rows.iter().map(|&r| (starts[offset + r as usize + 2] - starts[offset + r as usize + 1]) as u64);
        let family = families.of(index as u32, starts[offset + start as usize + 1].saturating_sub(context.len()));
        let bytes = bytes.sum();
        let mut tokens = piece.to_vec();
        if let (true, Some(bos)) = (specials > 0, tokenizer.bos()) {
            tokens[0] = bos;
        }
        windows.push(Window { probe: probe.id.clone(), family, index: index as u32, tokens, rows, bytes, full: long });
    }
    Ok(windows)
}

/// Tokens of some windows.
pub(crate) fn tokens<'a>(windows: impl IntoIterator<Item = &'a Window>) -> u64 {
    windows.into_iter().map(|window| window.tokens.len() as u64).sum()
}
