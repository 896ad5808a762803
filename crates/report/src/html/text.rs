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
        Style::Words => words(&text),
        Style::Foreign => foreign(&text),
        Style::Quiet => html! { span.quiet { (words(&text)) } },
        Style::Strong => html! { strong { (words(&text)) } },
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

/// Words in which what stands between two backticks is code: a command, a flag, a file.
pub(super) fn words(text: &str) -> Markup {
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return html! { (text) };
    }
    html! { @for (place, part) in parts.iter().enumerate() { @if place % 2 == 1 { code { (part) } } @else { (part) } } }
}

/// A token with its spaces visible.
pub(super) fn piece(token: &str) -> Markup {
    html! { bdi.piece { (visible(token).replace(' ', "␣")) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_backticks_is_code_and_nothing_else_changes() {
        let check = |text: &str, expected: &str| assert_eq!(words(text).into_string(), expected);
        check("write `a <b>` or `c`.", "write <code>a &lt;b&gt;</code> or <code>c</code>.");
        check("plain & simple", "plain &amp; simple");
        check("one ` alone", "one ` alone");
    }
}
