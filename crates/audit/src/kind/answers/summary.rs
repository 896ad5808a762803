//! What was sampled, and what a table of numbers does not say about it.

use hydrometer_answers::FinishReason;
use hydrometer_probes::Ask;

use super::{JudgedSample, Prompt, degenerate_ways, descriptive, match_p_value};
use crate::evidence::{Evidence, Rows};
use crate::statement::{AnswersSummary, OtherEnding};

/// What was sampled; `None` when nothing was.
pub(crate) fn summary(rows: &Rows, evidence: &Evidence<'_>) -> Option<AnswersSummary> {
    if evidence.prompts.is_empty() {
        return None;
    }
    let settings = rows.manifest.settings.samples.clone();
    let whole = || evidence.prompts.iter().filter(|prompt| prompt.whole());
    let cut = |said: Vec<&JudgedSample<'_>>| {
        let cut = said.iter().filter(|said| said.row.finish == FinishReason::Length).count();
        cut as f64 / said.len().max(1) as f64
    };
    let ended = |said: &[JudgedSample<'_>], finish| said.iter().filter(|said| said.row.finish == finish).count() as u64;
    let all = || evidence.prompts.iter();
    let other = |finish| OtherEnding {
        finish,
        teacher: all().map(|prompt| ended(&prompt.teacher, finish)).sum(),
        student: all().map(|prompt| ended(&prompt.student, finish)).sum(),
    };
    let others = FinishReason::ALL.into_iter().filter(|way| !matches!(way, FinishReason::Stop | FinishReason::Length));
    let says_how_long =
        |prompt: &&Prompt<'_>| matches!(&prompt.probe.ask, Ask::Prompt(asked) if asked.max_tokens.is_some());
    let draws = settings.as_ref().is_some_and(|settings| settings.parameters.is_distribution());
    let p_value = || match_p_value(&evidence.prompts, rows.manifest.settings.seed);
    Some(AnswersSummary {
        prompts: evidence.prompts.len() as u64,
        checked: evidence.prompts.iter().filter(|prompt| prompt.truth().is_some()).count() as u64,
        free: evidence.prompts.iter().filter(|prompt| prompt.probe.is_free()).count() as u64,
        beyond_first_word: whole().count() as u64,
        own_length: all().filter(says_how_long).count() as u64,
        meaning: rows.manifest.settings.meaning.clone(),
        match_p_value: draws.then(p_value).flatten(),
        degenerate: degenerate_ways(&evidence.prompts),
        teacher_cut: cut(whole().flat_map(|prompt| &prompt.teacher).collect()),
        student_cut: cut(whole().flat_map(|prompt| &prompt.student).collect()),
        other_endings: others.map(other).filter(|way| way.teacher + way.student > 0).collect(),
        gap_base: evidence.gap_base(),
        secondary: descriptive::secondary(&evidence.prompts, rows.manifest.settings.seed),
        settings,
    })
}
