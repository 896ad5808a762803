//! Answers that end too early, as far as their end shows it for certain: a block of code that is still open, or half a
//! character. Whether a sentence is whole is not looked at: answers may end in any word. (An answer whose record says that it
//! was cut off is left out before.)

use super::Used;
use crate::data::finding::{Findings, Weight};

pub(super) fn look(used: &[Used<'_>], found: &mut Findings) {
    for used in used {
        for answer in used.document.content.answers() {
            let what = if answer.trim_end().ends_with('\u{fffd}') {
                "an answer ends within a character"
            } else if is_open(answer) {
                "an answer ends within a block of code (``` without its end)"
            } else {
                continue;
            };
            found.add(Weight::Note, what, used.document.place.clone());
            break;
        }
    }
}

/// Whether a fence of code is open at the end: as in CommonMark, one is closed by as many of the same marks or more, alone on
/// a line.
fn is_open(text: &str) -> bool {
    let mut open: Option<(char, usize)> = None;
    for line in text.lines().map(str::trim) {
        let Some(mark) = line.chars().next().filter(|mark| ['`', '~'].contains(mark)) else { continue };
        let length = line.chars().take_while(|c| *c == mark).count();
        let rest = &line[length..];
        match open {
            Some((of, least)) if of == mark && length >= least && rest.is_empty() => open = None,
            // A line such as ```x``` is a word in code.
            None if length >= 3 && !(mark == '`' && rest.contains('`')) => open = Some((mark, length)),
            _ => {}
        }
    }
    open.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fences_are_open_or_closed() {
        let check = |text: &str, open: bool| assert_eq!(is_open(text), open, "{text}");
        check("```rust\nfn main() {", true);
        check("```rust\nfn main() {}\n```\nDone.", false);
        check("```\na\n```\n\n  ```python\nb", true);
        check("````md\n```\nx\n```\n````", false);
        check("````md\n```\nx\n```", true);
        check("~~~\nx\n```", true);
        check("Use ```x``` here", false);
        check("```x``` here", false);
        check("", false);
    }
}
