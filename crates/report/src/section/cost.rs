//! What the run cost: tokens always, seconds and memory where they were measured.

use hydrometer_audit::statement::Cost;

use super::source::Source;
use crate::document::{Block, Fact, PAGE_AND_TERMINAL, Section};
use crate::measured::Measured;
use crate::show;

pub(super) fn section(source: &Source<'_>) -> Section {
    let facts = facts(&source.statement.cost, source.measured);
    Section::new("cost", "Cost").on(PAGE_AND_TERMINAL).closing().with(Block::facts(facts))
}

fn facts(cost: &Cost, measured: Option<&Measured>) -> Vec<Fact> {
    let (teacher, floor) = (show::count(cost.teacher_tokens), show::count(cost.floor_tokens));
    let mut facts = vec![
        Fact::new("Teacher's tokens", format!("{teacher}, of which {floor} for the noise floor")),
        Fact::new("Student's tokens", show::count(cost.student_tokens)),
    ];
    if cost.teacher_answer_tokens + cost.student_answer_tokens > 0 {
        let (teacher, student) = (show::count(cost.teacher_answer_tokens), show::count(cost.student_answer_tokens));
        let answers = format!("{teacher} by the teacher, {student} by the student{}", of_others(cost));
        facts.push(Fact::new("Tokens of answers", answers));
    }
    if cost.control_tokens > 0 {
        facts.push(Fact::new("Control student's tokens", show::count(cost.control_tokens)));
    }
    facts.push(Fact::new("Rows of logits compared", show::count(cost.rows)));
    match measured {
        Some(measured) => {
            facts.extend(measured.paid.iter().map(|paid| Fact::new("Paid", paid.clone())));
            facts.extend([Fact::new("Time", measured.time()), Fact::new("Peak memory", measured.memory())])
        }
        None => facts.push(Fact::new("Time and memory", "not passed to this report")),
    }
    facts
}

/// What other models answered, as the end of a sentence.
fn of_others(cost: &Cost) -> String {
    let others = [
        (cost.base_answer_tokens, "the student before distillation"),
        (cost.control_answer_tokens, "the control student"),
    ];
    let answered = others.into_iter().filter(|(tokens, _)| *tokens > 0);
    answered.map(|(tokens, who)| format!(", {} by {who}", show::count(tokens))).collect()
}
