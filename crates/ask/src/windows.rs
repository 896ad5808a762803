//! Windows: stretches of the suite's texts, tokenised as one model reads them. The same inputs give the same windows, so
//! an interrupted run continues where it stopped.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use hydrometer_answers::{EstimatedRow, ExcludedItem, ModelIdentity, Outside, PositionRow, WindowOrder};
use hydrometer_metrics::PositionStats;
use hydrometer_models::{ModelError, Sequence, Tokenizer};
use hydrometer_probes::counted::counted;
use hydrometer_probes::families::{FamilySizes, SameContent, WindowFamilies, order_in};
use hydrometer_probes::kind;
use hydrometer_probes::{Ask, Probe, Suite};

use crate::options::Windowing;
use crate::units::spread;
use crate::{AskError, Role};

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

/// The families of the rows of windows. Those of a text that another family has, too, are in no number of a statement.
pub(crate) fn families<'w>(windows: impl Iterator<Item = &'w Window>, probes: &[Probe]) -> FamilySizes {
    let same = SameContent::of(probes);
    let copies: BTreeSet<&str> =
        probes.iter().filter(|probe| same.is_copy(&probe.family)).map(|probe| probe.id.as_str()).collect();
    let own = windows.filter(|window| !copies.contains(window.probe.as_str()));
    FamilySizes::of(own.flat_map(|window| window.rows.iter().map(|_| window.family.as_str())))
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
        stats: PositionStats,
        outside: Outside,
    ) -> PositionRow {
        PositionRow {
            probe: self.probe.clone(),
            family: self.family.clone(),
            window: self.index,
            position: self.rows[row],
            token_text: text(tokenizer, stats.target),
            teacher_top1_text: text(tokenizer, stats.teacher_top1),
            student_top1_text: text(tokenizer, stats.student_top1),
            compat: self.full,
            stats,
            outside,
        }
    }

    /// What was estimated at one of its rows; `tokens` are the target and the most probable ones of teacher and student.
    pub(crate) fn estimated<S>(
        &self,
        row: usize,
        tokenizer: &Tokenizer,
        tokens: [u32; 3],
        stats: S,
    ) -> EstimatedRow<S> {
        let [token_text, teacher_top1_text, student_top1_text] = tokens.map(|token| text(tokenizer, token));
        EstimatedRow {
            probe: self.probe.clone(),
            family: self.family.clone(),
            window: self.index,
            position: self.rows[row],
            token_text,
            teacher_top1_text,
            student_top1_text,
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

/// The windows of a suite's texts under one tokenizer, in suite order, and the texts that have none.
#[derive(Debug, Default)]
pub(crate) struct Cut {
    pub windows: Vec<Window>,
    pub excluded: Vec<ExcludedItem>,
}

/// Cuts the texts of a suite.
pub(crate) fn windows(tokenizer: &Tokenizer, suite: &Suite, cut: Windowing) -> Result<Cut, ModelError> {
    let mut all = Cut::default();
    for probe in &suite.probes {
        let Ask::Text(text) = &probe.ask else { continue };
        match windows_of(tokenizer, probe, text, cut)? {
            Ok(windows) => all.windows.extend(taken(windows, cut)),
            Err(reason) => all.excluded.push(ExcludedItem::new(&probe.id, reason)),
        }
    }
    Ok(all)
}

/// The windows of a text, at least one, or why it has none.
fn windows_of(
    tokenizer: &Tokenizer,
    probe: &Probe,
    text: &kind::Text,
    cut: Windowing,
) -> Result<Result<Vec<Window>, String>, ModelError> {
    // An absent context and an empty one are the same.
    let context = text.context.as_deref().unwrap_or("");
    let whole = format!("{context}{}", text.text);
    let body = match tokenizer.encode(&whole) {
        Err(error @ ModelError::Tokenizer { .. }) => return Ok(Err(error.to_string())),
        encoded => encoded?,
    };
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
    for (index, piece) in pieces.into_iter().enumerate() {
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
    if windows.is_empty() {
        let length = counted(tokens.len() as u64, "token");
        return Ok(Err(match context {
            "" => format!("no token of it can be scored: it has {length}, and the first is what the next follows from"),
            _ => format!(
                "no token of it can be scored behind its context: the context takes {first} of its {length}, in windows of \
                 {n_ctx}"
            ),
        }));
    }
    Ok(Ok(windows))
}

/// The windows that are taken of a text's, in their order.
///
/// Spread, they are of as many families (documents, sections) as can be; which families is a matter of their names alone,
/// so that other tokenizers take the same ones. Of each family they stand evenly over what it has.
fn taken(windows: Vec<Window>, cut: Windowing) -> Vec<Window> {
    let most = cut.max_windows.map_or(usize::MAX, |most| most as usize);
    if most >= windows.len() || cut.order == WindowOrder::First {
        return windows.into_iter().take(most).collect();
    }
    let mut families: BTreeMap<[u8; 32], Vec<usize>> = BTreeMap::new();
    for (place, window) in windows.iter().enumerate() {
        families.entry(order_in(0, &window.family)).or_default().push(place);
    }
    let mut of_each = vec![0; families.len()];
    let mut left = most;
    while left > 0 {
        for (count, places) in of_each.iter_mut().zip(families.values()) {
            if left > 0 && *count < places.len() {
                *count += 1;
                left -= 1;
            }
        }
    }
    let of_family = |(places, count): (&Vec<usize>, usize)| -> Vec<usize> {
        spread(places.len(), count).into_iter().map(|place| places[place]).collect()
    };
    let chosen: BTreeSet<usize> = families.values().zip(of_each).flat_map(of_family).collect();
    windows.into_iter().enumerate().filter(|(place, _)| chosen.contains(place)).map(|(_, window)| window).collect()
}

/// Refuses windows that are longer than a model's context, before any is scored.
pub(crate) fn fit(windows: &[Window], role: Role, model: &ModelIdentity) -> Result<(), AskError> {
    let longest = windows.iter().map(|window| window.tokens.len()).max().unwrap_or(0);
    match model.context_length {
        Some(context) if longest > context as usize => Err(AskError::Context { role, longest, context }),
        _ => Ok(()),
    }
}

/// Tokens of some windows.
pub(crate) fn tokens<'a>(windows: impl IntoIterator<Item = &'a Window>) -> u64 {
    windows.into_iter().map(|window| window.tokens.len() as u64).sum()
}
