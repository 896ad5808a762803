//! Text that nothing in Markdown or HTML acts on.

use std::fmt::Write as _;

use crate::document::{Style, Text};
use crate::text::visible;

/// A text in one line, every part as safe as its style asks for.
pub(super) fn inline(text: &Text) -> String {
    let part = |style: &Style, text: &str| match style {
        Style::Words | Style::Quiet | Style::Stated | Style::Range | Style::Link(_) => prose(text),
        Style::Strong => format!("**{}**", prose(text)),
        Style::Tag => format!("**{}**:", prose(text)),
        Style::Foreign | Style::Code | Style::Hash | Style::Piece | Style::Before => code(text),
    };
    text.0.iter().map(|span| part(&span.style, &span.text)).collect()
}

/// Foreign text as code: inside it GitHub makes no mentions, references or links.
pub(crate) fn code(text: &str) -> String {
    let limit = 160;
    let text = visible(text);
    let cut: String = text.chars().take(limit).collect();
    let more = if text.chars().count() > limit { "…" } else { "" };
    format!("<code>{}{more}</code>", prose(&cut))
}

/// Text in which every character that Markdown or HTML could act on is an entity.
pub(crate) fn prose(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in visible(text).chars() {
        match c {
            '@' | '#' => {
                // An entity is decoded before GitHub looks for mentions and references: a zero-width space parts it.
                let _ = write!(safe, "&#{};&#8203;", c as u32);
            }
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '|' | '~' | '&' | '"' | '\'' | '!' | '$' => {
                let _ = write!(safe, "&#{};", c as u32);
            }
            // `https:` and `www.` would become links.
            ':' => safe.push_str("&#58;"),
            '.' if safe.to_ascii_lowercase().ends_with("www") => safe.push_str("&#46;"),
            _ => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expect: &str) {
        assert_eq!(prose(input), expect);
    }

    #[test]
    fn nothing_in_foreign_text_takes_effect() {
        check("a|b", "a&#124;b");
        check("`x`", "&#96;x&#96;");
        check("<script>", "&#60;script&#62;");
        check("@octocat #12", "&#64;&#8203;octocat &#35;&#8203;12");
        check("https://x www.x", "https&#58;//x www&#46;x");
        check("two\nlines", "two↵lines");
    }
}
