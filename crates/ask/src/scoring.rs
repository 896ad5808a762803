//! The teacher's own answers scored by a model that shows its logits: what a teacher that only answers can be compared by.

use std::collections::BTreeMap;

use hydrometer_answers::{SampleRow, SampleSource, ScoredRow};
use hydrometer_models::{Block, Model, Prompt, Scorer, Sequence, logit_rows};
use rayon::prelude::*;

use crate::answering::Asked;
use crate::units::pack;
use crate::{AskError, Models, Role};

/// Who scores the teacher's answers: nobody where the teacher shows its logits, which say more.
pub(crate) fn scorers(models: Models<'_>) -> Vec<Role> {
    if models.teacher.scores().is_some() || Scorer::of(models.student).is_err() {
        return Vec::new();
    }
    let base = models.base.filter(|base| Scorer::of(*base).is_ok()).map(|_| Role::Base);
    [Role::Student].into_iter().chain(base).collect()
}

/// An answer behind its prompt, as tokens.
struct Item {
    prompt: Vec<u32>,
    answer: Vec<u32>,
}

impl Item {
    fn sequence(&self) -> Sequence {
        let first = self.prompt.len() as u32 - 1;
        let tokens = [&self.prompt, &self.answer[..self.answer.len() - 1]].concat();
        Sequence { tokens, rows: (first..).take(self.answer.len()).collect() }
    }
}

/// Scores the teacher's answers to one prompt each: those that were drawn, hold a text, and fit into the model's context. `asked` is
/// the prompt as the model reads it.
///
/// # Errors
/// The model fails, or `go_on` says so.
pub(crate) fn score(
    (role, model): (Role, &dyn Model),
    answers: &[(&Asked, &SampleRow)],
    block_tokens: usize,
    go_on: &dyn Fn() -> Result<(), AskError>,
) -> Result<Vec<ScoredRow>, AskError> {
    let scorer = role.scorer(model)?;
    let context = scorer.identity.context_length.unwrap_or(u32::MAX) as usize;
    // The same answer to the same prompt is scored once.
    let mut places: BTreeMap<(&str, &str), Option<usize>> = BTreeMap::new();
    let mut items: Vec<Item> = Vec::new();
    for (asked, row) in answers {
        let Prompt::Tokens(prompt) = asked.prompt() else { continue };
        let key = (row.probe.as_str(), row.text.as_str());
        if places.contains_key(&key) {
            continue;
        }
        let answer = scorer.tokens.encode(&row.text).map_err(role.failed())?;
        let fits = !answer.is_empty() && !prompt.is_empty() && prompt.len() + answer.len() <= context;
        places.insert(key, fits.then_some(items.len()));
        if fits {
            items.push(Item { prompt: prompt.clone(), answer });
        }
    }
    let size = |item: &Item| item.prompt.len() + item.answer.len();
    let mut scores = Vec::with_capacity(items.len());
    for block in pack((0..items.len()).collect::<Vec<_>>(), block_tokens, |&item| size(&items[item])) {
        go_on()?;
        let block: Vec<&Item> = block.into_iter().map(|item| &items[item]).collect();
        scores.extend(logprobs(scorer, &block).map_err(role.failed())?);
    }
    let by = if role == Role::Base { SampleSource::Base } else { SampleSource::Student };
    let row = |(_, row): &(&Asked, &SampleRow)| {
        let place = (*places.get(&(row.probe.as_str(), row.text.as_str()))?)?;
        Some(ScoredRow {
            probe: row.probe.clone(),
            family: row.family.clone(),
            source: row.source,
            sample: row.sample,
            scorer: by,
            tokens: items[place].answer.len() as u64,
            bytes: row.text.len() as u64,
            logprob: scores[place],
        })
    };
    Ok(answers.iter().filter_map(row).collect())
}

/// ln P(answer | prompt) of each.
fn logprobs(scorer: Scorer<'_>, items: &[&Item]) -> Result<Vec<f64>, hydrometer_models::ModelError> {
    let block = Block { sequences: items.iter().map(|item| item.sequence()).collect() };
    let mut logits = scorer.scores.score(&block)?;
    let vocab = scorer.identity.logit_width() as usize;
    let targets: Vec<u32> = items.iter().flat_map(|item| item.answer.iter().copied()).collect();
    let mut found = Vec::with_capacity(targets.len());
    let most = logit_rows(vocab);
    let mut buffer = vec![0f32; most.min(targets.len()) * vocab];
    for (start, chunk) in (0..).step_by(most).zip(targets.chunks(most)) {
        let buffer = &mut buffer[..chunk.len() * vocab];
        logits.read(start..start + chunk.len(), buffer)?;
        let rows = buffer.par_chunks(vocab).zip(chunk);
        found.par_extend(rows.map(|(row, &target)| hydrometer_metrics::log_prob(row, target)));
    }
    let mut at = 0;
    let sum = |item: &&Item| {
        at += item.answer.len();
        found[at - item.answer.len()..at].iter().sum()
    };
    Ok(items.iter().map(sum).collect())
}
