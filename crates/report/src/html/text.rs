//! Lines of text: every part escaped, every control character visible, foreign text isolated.

use maud::{Markup, html};

use crate::document::{Span, Style, Text};
use crate::text::visible;

/// A line with all its parts.
pub(super) fn line(text: &Text) -> Markup {
    html! { @for span in &text.0 { (part(span)) } }
}

/// Foreign text inline: visible controls, isolated direction, escaped.
pub(super) fn foreign(text: &str) -> Markup {
    html! { bdi.foreign { (visible(text)) } }
}

fn part(span: &Span) -> Markup {
    let text = visible(&span.text);
    match &span.style {
        Style::Words => html! { (text) },
        Style::Foreign => foreign(&text),
        Style::Quiet => html! { span.quiet { (text) } },
        Style::Strong => html! { strong { (text) } },
        Style::Stated => html! { em { (text) } },
        Style::Code => html! { code { (text) } },
        Style::Hash => html! { code.hash { (foreign(&text)) } },
        Style::Tag => html! { span.tag { (text) } },
        Style::Range => html! { span.range { (text) } },
        Style::Piece => piece(&text),
        Style::Before => html! { span.before { (foreign(&text)) } },
        Style::Link(to) => html! { a href={ "#" (visible(to)) } { (text) } },
    }
}

/// A token with its spaces visible.
pub(super) fn piece(token: &str) -> Markup {
    html! { bdi.piece { (visible(token).replace(' ', "␣")) } }
}
