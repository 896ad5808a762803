//! Who was compared, and what it cost.

use hydrometer_answers::ModelIdentity;
use hydrometer_audit::Statement;
use hydrometer_audit::statement::{Cost, Pairing};
use maud::{Markup, html};

use super::foreign;
use crate::measured::Measured;
use crate::show;

/// Both models and the suite.
pub(super) fn identities(statement: &Statement) -> Markup {
    let suite = &statement.suite;
    html! {
        div.scroll tabindex="0" role="region" aria-label="Identities of the models, table" {
            table.identities {
                caption { "Hashes are BLAKE3 of what was really used" }
                thead { tr { th scope="col" { "Property" } th.teacher scope="col" { "Teacher" } th.student scope="col" { "Student" } } }
                tbody {
                    @for ((name, teacher), (_, student)) in rows(&statement.teacher).into_iter().zip(rows(&statement.student)) {
                        tr {
                            th scope="row" { (name) }
                            @if teacher == student {
                                td.same colspan="2" { (foreign(&teacher)) " " span.quiet { "both" } }
                            } @else {
                                td.teacher { (foreign(&teacher)) }
                                td.student { (foreign(&student)) }
                            }
                        }
                    }
                }
            }
        }
        dl.inline {
            @if let Some(base) = &statement.base {
                div { dt { "Before distillation" } dd { (foreign(&base.name)) " " code.hash { (foreign(&base.weights)) } } }
            }
            @if !show::is_given(&statement.teacher) {
                div { dt { "Vocabularies" } dd { (pairing(&statement.pairing)) } }
            }
            div { dt { "Suite" } dd { (foreign(&suite.name)) " " code.hash { (foreign(&suite.hash)) } } }
            div { dt { "Probes" } dd { (show::counted(suite.probes, "probe")) " in " (show::counted(suite.families, "family")) } }
            div { dt { "Context window" } dd { (show::counted(u64::from(suite.n_ctx), "token")) } }
            div { dt { "Option orders" } dd { "up to " (suite.rotations) " per choice" } }
            div { dt { "Evidence regime" } dd { (foreign(&statement.regime.id)) ": " (foreign(&statement.regime.meaning)) } }
        }
    }
}

fn rows(model: &ModelIdentity) -> Vec<(&'static str, String)> {
    let none = || "none".to_owned();
    vec![
        ("Name", model.name.clone()),
        ("Given as", model.spec.clone()),
        ("Format", model.format.clone()),
        ("Architecture", model.architecture.clone()),
        ("Parameters", show::parameters(model.parameters)),
        ("Quantization", model.quantization.clone()),
        ("Vocabulary", show::count(u64::from(model.vocab_size))),
        ("Context length", show::count(u64::from(model.context_length))),
        ("Planted defect", model.surgery.clone().unwrap_or_else(none)),
        ("Weights", model.weights.clone()),
        ("Tokenizer", model.tokenizer.clone()),
        ("Chat template", model.template.clone().unwrap_or_else(none)),
        ("Engine", format!("{} {}", model.engine.name, model.engine.version)),
        ("Precision", format!("{}, kernel {}", model.engine.precision, model.engine.kernel)),
    ]
}

fn pairing(pairing: &Pairing) -> Markup {
    match pairing {
        Pairing::Same => html! { "the same" },
        Pairing::Padded { shared } => {
            html! { "the same up to padding at the end; the first " (show::count(u64::from(*shared))) " entries are used" }
        }
        Pairing::Different { reason } => html! { "different, so token metrics are refused: " (foreign(reason)) },
    }
}

/// Tokens, and seconds and memory where they were measured.
pub(super) fn cost(cost: &Cost, measured: Option<&Measured>) -> Markup {
    html! {
        dl.inline {
            div { dt { "Teacher's tokens" } dd { (show::count(cost.teacher_tokens)) ", of which " (show::count(cost.floor_tokens)) " for the noise floor" } }
            div { dt { "Student's tokens" } dd { (show::count(cost.student_tokens)) } }
            @if cost.teacher_answer_tokens + cost.student_answer_tokens > 0 {
                div {
                    dt { "Tokens of answers" }
                    dd { (show::count(cost.teacher_answer_tokens)) " by the teacher, " (show::count(cost.student_answer_tokens)) " by the student" (show::of_base(cost)) }
                }
            }
            div { dt { "Rows of logits compared" } dd { (show::count(cost.rows)) } }
            @match measured {
                Some(measured) => {
                    div { dt { "Time" } dd { (measured.time()) } }
                    div { dt { "Peak memory" } dd { (measured.memory()) } }
                }
                None => { div { dt { "Time and memory" } dd { "not passed to this report" } } }
            }
        }
    }
}
