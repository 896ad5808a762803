//! A document token by token.
//!
//! No script: a token shows its card under the pointer, on touch (all tokens take focus) and from the keyboard (the
//! most divergent ones are tab stops).

use hydrometer_audit::statement::TokenEvidence;
use maud::{Markup, html};

use super::text::piece;
use crate::document::Strip;
use crate::show;
use crate::text::{right_to_left, visible};

/// All tokens, each marked by the divergence in front of it.
pub(super) fn strip(strip: &Strip) -> Markup {
    let text: String = strip.tokens.iter().map(|token| token.text.as_str()).collect();
    let direction = if right_to_left(&text) { "rtl" } else { "ltr" };
    html! {
        div.tokens dir=(direction) {
            @for (at, token) in strip.tokens.iter().enumerate() {
                @let tab = if strip.stops.contains(&at) { "0" } else { "-1" };
                (marked(token, class(token.kl, &strip.steps), tab))
            }
        }
    }
}

fn class(kl: f64, steps: &[f64; 4]) -> &'static str {
    match steps.iter().filter(|step| kl >= **step).count() {
        0 => "t k0",
        1 => "t k1",
        2 => "t k2",
        3 => "t k3",
        _ => "t k4",
    }
}

fn marked(token: &TokenEvidence, class: &str, tab: &str) -> Markup {
    html! {
        bdi class=(class) tabindex=(tab) role="button" {
            (visible(&token.text))
            span.card dir="ltr" {
                b { "KL " (show::number(token.kl)) " nats" } " before " (piece(&token.text))
                span.said.teacher { "teacher " (piece(&token.teacher)) " " (show::number(token.teacher_prob)) }
                span.said.student { "student " (piece(&token.student)) " " (show::number(token.student_prob)) }
            }
        }
        @if token.text.contains('\n') { br; }
    }
}
