//! Answers that were cut at their longest length.

use hydrometer_answers::FinishReason;
use hydrometer_probes::Normal;

use super::{JudgedSample, Prompt};

/// Why answers cannot be compared; `None` unless more than `most` of a model's were cut before they ended, where more than a word or a letter
/// counts.
pub(crate) fn too_many(prompts: &[Prompt<'_>], most: f64) -> Option<String> {
    let cut = |of: for<'p, 'a> fn(&'p Prompt<'a>) -> &'p [JudgedSample<'a>]| {
        let of_prompt = |prompt: &Prompt<'_>| {
            let said = of(prompt);
            let counts = prompt.whole() && !prompt.steps.contains(&Normal::Letter);
            let cut = said.iter().filter(|said| counts && said.row.finish == FinishReason::Length).count();
            cut as f64 / said.len().max(1) as f64
        };
        prompts.iter().map(of_prompt).sum::<f64>() / prompts.len().max(1) as f64
    };
    let [teacher, student] = [cut(|prompt| &prompt.teacher), cut(|prompt| &prompt.student)];
    (teacher.max(student) > most).then(|| {
        format!(
            "{:.0} % of the teacher's and {:.0} % of the student's answers were cut at their longest length: what would have followed is \
             not compared (a longer --max-tokens is)",
            100.0 * teacher,
            100.0 * student
        )
    })
}
