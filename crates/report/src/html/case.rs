//! Cases: one question with both models' shares side by side, and whole texts folded away.

use maud::{Markup, html};

use super::text::{foreign, line};
use crate::document::{Case, Said, Side, Who};
use crate::plot::percent;
use crate::text::visible;

/// All cases of a group.
pub(super) fn cases(cases: &[Case]) -> Markup {
    html! { div.cases { @for one in cases { (case(one)) } } }
}

fn case(case: &Case) -> Markup {
    let (name, caption) = case.rows_are;
    html! {
        article.case {
            p.where { code { (foreign(&case.probe)) } " " span.quiet { (foreign(&case.axis)) " · family " (foreign(&case.family)) } }
            p.prompt dir="auto" { (foreign(&case.prompt)) }
            table.options {
                caption.hidden { (caption) }
                thead { tr { th scope="col" { (name) } th.teacher scope="col" { "Teacher" } th.student scope="col" { "Student" } } }
                tbody { @for side in &case.rows { (row(side)) } }
            }
            @if !case.texts.is_empty() {
                details.texts {
                    summary { "The answers in full" }
                    @for said in &case.texts { (full(said)) }
                }
            }
        }
    }
}

fn row(side: &Side) -> Markup {
    html! {
        tr class=[side.right.map(|_| "true")] {
            th scope="row" { (line(&side.label)) @if let Some(right) = side.right { " " span.right { "✓ " (right) } } }
            (bar("teacher", side.teacher))
            (bar("student", side.student))
        }
    }
}

/// A share between 0 and 1 of one model.
fn bar(class: &str, probability: f64) -> Markup {
    let share = 100.0 * probability.clamp(0.0, 1.0);
    html! {
        td class=(class) {
            span.share { (format!("{share:.0} %")) }
            svg.bar width="100%" height="8" aria-hidden="true" {
                rect.track x="0" y="0" width="100%" height="8" {}
                rect class=(class) x="0" y="0" width=(percent(share)) height="8" {}
            }
        }
    }
}

/// A whole text of a model, line by line.
fn full(said: &Said) -> Markup {
    let (class, who) = match said.who {
        Some(Who::Teacher) => ("who teacher", "Teacher: "),
        Some(Who::Student) => ("who student", "Student: "),
        None => ("who", ""),
    };
    html! {
        p class=(class) { (who) (line(&said.title)) }
        p.full dir="auto" {
            @if said.text.is_empty() { em { "empty" } }
            @for (at, line) in said.text.lines().enumerate() { @if at > 0 { br; } (visible(line)) }
        }
    }
}
