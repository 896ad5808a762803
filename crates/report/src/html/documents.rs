//! The worst documents with every token marked by its divergence, and what each model would have said there.
//!
//! No script: a token shows its card under the pointer, on touch (all tokens take focus) and from the keyboard (the
//! most divergent ones are tab stops). The same positions follow as a table.

use hydrometer_audit::statement::{TokenEvidence, WorstDocument};
use maud::{Markup, html};

use super::{absent, foreign};
use crate::show;
use crate::text::{right_to_left, visible};

/// Divergence in nats at which the marking grows stronger.
const STEPS: [f64; 4] = [0.1, 0.5, 1.0, 2.0];
/// Tab stops and table rows per document.
const STOPS: usize = 16;

/// All documents.
pub(super) fn documents(documents: &[WorstDocument]) -> Markup {
    if documents.is_empty() {
        return absent("No document was scored token by token.");
    }
    html! {
        p.lead {
            "Each token is marked by the KL divergence in front of it, in nats: how far the student's expectation was from the "
            "teacher's. Point at, tap or tab to a token to see what each model would have said; Tab visits the "
            (STOPS) " most divergent tokens of a document."
        }
        (legend())
        @for (at, document) in documents.iter().enumerate() { (one(document, at == 0)) }
    }
}

fn legend() -> Markup {
    let classes = ["k0", "k1", "k2", "k3", "k4"];
    let name = |at: usize| match at {
        0 => format!("below {}", STEPS[0]),
        4 => format!("{} and more", STEPS[3]),
        n => format!("{} to {}", STEPS[n - 1], STEPS[n]),
    };
    html! {
        ul.legend.heat aria-label="Marks of divergence, nats" {
            @for (at, class) in classes.iter().enumerate() { li { span class={ "t " (class) } { "token" } " " (name(at)) } }
        }
    }
}

fn class(kl: f64) -> &'static str {
    match STEPS.iter().filter(|step| kl >= **step).count() {
        0 => "t k0",
        1 => "t k1",
        2 => "t k2",
        3 => "t k3",
        _ => "t k4",
    }
}

fn one(document: &WorstDocument, open: bool) -> Markup {
    let worst = worst(&document.tokens);
    let text: String = document.tokens.iter().map(|t| t.text.as_str()).collect();
    let direction = if right_to_left(&text) { "rtl" } else { "ltr" };
    html! {
        details.document open[open] {
            summary {
                h3 { (foreign(&document.id)) }
                span.quiet {
                    "mean KL " (show::number(document.mean_kl)) " nats · " (show::counted(document.tokens.len() as u64, "token"))
                    " · family " (foreign(&document.family))
                }
            }
            div.tokens dir=(direction) {
                @for (at, token) in document.tokens.iter().enumerate() { (marked(token, worst.contains(&at))) }
            }
            (table(document, &worst))
        }
    }
}

/// Positions of the most divergent tokens, in the order of the text.
fn worst(tokens: &[TokenEvidence]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..tokens.len()).collect();
    order.sort_by(|a, b| tokens[*b].kl.total_cmp(&tokens[*a].kl));
    order.truncate(STOPS);
    order.sort_unstable();
    order
}

fn marked(token: &TokenEvidence, stop: bool) -> Markup {
    let shown = visible(&token.text);
    html! {
        bdi class=(class(token.kl)) tabindex=(if stop { "0" } else { "-1" }) role="button" {
            (shown)
            span.card dir="ltr" {
                b { "KL " (show::number(token.kl)) " nats" } " before " bdi.piece { (quoted(&token.text)) }
                span.said.teacher { "teacher " bdi.piece { (quoted(&token.teacher)) } " " (show::number(token.teacher_prob)) }
                span.said.student { "student " bdi.piece { (quoted(&token.student)) } " " (show::number(token.student_prob)) }
            }
        }
        @if token.text.contains('\n') { br; }
    }
}

/// A token with its spaces visible.
fn quoted(token: &str) -> String {
    visible(token).replace(' ', "␣")
}

fn table(document: &WorstDocument, worst: &[usize]) -> Markup {
    let mut rows: Vec<usize> = worst.to_vec();
    rows.sort_by(|a, b| document.tokens[*b].kl.total_cmp(&document.tokens[*a].kl));
    html! {
        div.scroll tabindex="0" role="region" aria-label={ "Most divergent tokens of " (visible(&document.id)) } {
            table.numbers.pieces {
                caption { "The most divergent positions of this document" }
                thead {
                    tr {
                        th scope="col" { "Text, then the token" }
                        th.num scope="col" { "KL, nats" }
                        th.teacher scope="col" { "Teacher would say" }
                        th.student scope="col" { "Student would say" }
                    }
                }
                tbody {
                    @for at in rows {
                        @let token = &document.tokens[at];
                        tr {
                            th scope="row" { span.before { (foreign(&before(&document.tokens, at))) } " " bdi.piece { (quoted(&token.text)) } }
                            td.num { (show::number(token.kl)) }
                            td.teacher { bdi.piece { (quoted(&token.teacher)) } " " (show::number(token.teacher_prob)) }
                            td.student { bdi.piece { (quoted(&token.student)) } " " (show::number(token.student_prob)) }
                        }
                    }
                }
            }
        }
    }
}

/// The end of the text in front of a token.
fn before(tokens: &[TokenEvidence], at: usize) -> String {
    let from = at.saturating_sub(6);
    let text: String = tokens[from..at].iter().map(|t| t.text.as_str()).collect();
    let skip = text.chars().count().saturating_sub(40);
    let cut: String = text.chars().skip(skip).collect();
    if skip > 0 || from > 0 { format!("…{cut}") } else { cut }
}
