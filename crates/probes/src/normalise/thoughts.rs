//! Thoughts that a model writes in front of its answer, and the answer behind them.

/// Names of elements that hold thoughts: `<think>`.
const ELEMENTS: [&str; 11] = [
    "think",
    "thinking",
    "thought",
    "thoughts",
    "reason",
    "reasoning",
    "reflection",
    "analysis",
    "scratchpad",
    "inner_monologue",
    "seed:think",
];
/// Other marks around thoughts, in lower case, as the templates of models write them.
const MARKS: [(&str, &str); 8] = [
    ("[think]", "[/think]"),
    ("◁think▷", "◁/think▷"),
    ("<|think|>", "<|/think|>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|start_thinking|>", "<|end_thinking|>"),
    ("<|thinking_start|>", "<|thinking_end|>"),
    ("<unused94>thought", "<unused95>"),
    ("<|channel>thought", "<channel|>"),
];
/// Marks around the answer, where it stands behind thoughts.
const ANSWERS: [(&str, &str); 6] = [
    ("<answer>", "</answer>"),
    ("<response>", "</response>"),
    ("<output>", "</output>"),
    ("<solution>", "</solution>"),
    ("<|begin_of_solution|>", "<|end_of_solution|>"),
    ("<|start_response|>", "<|end_response|>"),
];
/// A message of harmony: its channel, its text, and what may stand behind it.
const CHANNEL: &str = "<|channel|>";
const MESSAGE: &str = "<|message|>";
const ENDS: [&str; 4] = ["<|end|>", "<|return|>", "<|call|>", "<|start|>"];

/// The answer behind the thoughts that a text begins with: `<think>…</think>` and what other models write.
///
/// Where the template puts the opening mark into the prompt, a text begins inside its thoughts: all before a closing mark at the end or the
/// beginning of a line is thoughts as well. `None` where thoughts do not end: they were cut, and there is no answer. A text without thoughts
/// is returned as it is.
#[must_use]
pub fn without_thoughts(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some(behind) = behind_a_block(rest) {
        rest = behind?;
    }
    if let Some(behind) = behind_a_closing_mark(rest) {
        rest = behind;
    }
    let thought = rest.len() < text.len();
    Some(if thought { unwrapped(rest.trim()) } else { text })
}

/// What stands behind the thoughts at the beginning: `Some(None)` where they do not end, `None` where there are none.
fn behind_a_block(text: &str) -> Option<Option<&str>> {
    let text = text.trim_start();
    if let Some(channel) = text.strip_prefix("<|start|>assistant").unwrap_or(text).strip_prefix(CHANNEL) {
        return behind_a_channel(channel);
    }
    if let Some((open, close)) = MARKS.iter().find(|(open, _)| starts_with(text, open)) {
        return Some(behind(&text[open.len()..], close));
    }
    let inside = text.strip_prefix('<')?;
    let name = ELEMENTS.iter().filter(|name| starts_with(inside, name)).max_by_key(|name| name.len())?;
    // An element may have attributes.
    let (attributes, inside) = inside[name.len()..].split_once('>')?;
    let is_tag = attributes.is_empty() || (attributes.starts_with(char::is_whitespace) && !attributes.contains('<'));
    let is_empty = attributes.trim_end().ends_with('/');
    is_tag.then(|| if is_empty { Some(inside) } else { behind(inside, &format!("</{name}>")) })
}

/// Harmony: `analysis` and `commentary` are thoughts, `final` is the answer.
fn behind_a_channel(channel: &str) -> Option<Option<&str>> {
    let (name, message) = channel.split_once(MESSAGE)?;
    let end = ENDS.iter().filter_map(|end| message.find(end)).min();
    if name.trim() == "final" {
        return Some(Some(&message[..end.unwrap_or(message.len())]));
    }
    Some(end.map(|end| {
        let rest = &message[end..];
        ENDS[..3].iter().find_map(|end| rest.strip_prefix(end)).unwrap_or(rest)
    }))
}

/// What stands behind a closing mark whose opening one is not in the text.
fn behind_a_closing_mark(text: &str) -> Option<&str> {
    let elements = ELEMENTS[..3].iter().map(|name| (format!("<{name}>"), format!("</{name}>")));
    let marks = MARKS.iter().map(|&(open, close)| (open.to_owned(), close.to_owned()));
    elements.chain(marks).find_map(|(open, close)| {
        let at = find(text, &close)?;
        let (before, rest) = (&text[..at], &text[at + close.len()..]);
        let at_an_edge = before.is_empty() || before.ends_with('\n') || rest.is_empty() || rest.starts_with('\n');
        (at_an_edge && find(before, &open).is_none()).then_some(rest)
    })
}

/// An answer without the marks around it.
fn unwrapped(text: &str) -> &str {
    let of = |(open, close): &(&str, &str)| {
        let inside = starts_with(text, open).then(|| &text[open.len()..])?;
        // A cut answer has no end.
        Some(find(inside, close).map_or(inside, |end| &inside[..end]).trim())
    };
    ANSWERS.iter().find_map(of).unwrap_or(text)
}

fn behind<'t>(text: &'t str, mark: &str) -> Option<&'t str> {
    find(text, mark).map(|at| &text[at + mark.len()..])
}

fn starts_with(text: &str, mark: &str) -> bool {
    text.get(..mark.len()).is_some_and(|start| start.eq_ignore_ascii_case(mark))
}

/// The first place of a mark, whatever the case of its letters.
fn find(text: &str, mark: &str) -> Option<usize> {
    text.char_indices().map(|(at, _)| at).find(|&at| starts_with(&text[at..], mark))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise::{Normal, normalise};

    #[test]
    fn thoughts_in_front_are_no_answer() {
        for (text, expected) in [
            ("<think>\nIs it 5? No.\n</think>\n\nIt is 7.", Some("It is 7.")),
            ("<think></think>7", Some("7")),
            ("<thinking>a</thinking> b", Some("b")),
            ("<Reasoning lang=\"en\">a <b> c</Reasoning>b", Some("b")),
            ("<thought>a</thought><reflection>b</reflection><answer>c</answer>", Some("c")),
            ("[THINK]a[/THINK]b", Some("b")),
            ("◁think▷a◁/think▷b", Some("b")),
            ("<|begin_of_thought|>a<|end_of_thought|>\n<|begin_of_solution|>b<|end_of_solution|>", Some("b")),
            (
                "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b<|return|>",
                Some("b"),
            ),
            // The template opened it.
            ("It may be 5.\n</think>\n\nIt is 7.", Some("It is 7.")),
            // Cut.
            ("<think>\nIs it 5", None),
            ("<think>a</think><think>b", None),
            ("<|channel|>analysis<|message|>a", None),
            // No thoughts.
            (" as it is ", Some(" as it is ")),
            ("<thinker>a</thinker>", Some("<thinker>a</thinker>")),
            ("The tag `</think>` ends it.", Some("The tag `</think>` ends it.")),
            ("I <think>a</think>\nb", Some("I <think>a</think>\nb")),
            ("<answer>b</answer>", Some("<answer>b</answer>")),
            ("İ<think>", Some("İ<think>")),
        ] {
            assert_eq!(without_thoughts(text), expected, "{text}");
        }
    }

    #[test]
    fn nothing_behind_thoughts_is_a_missing_answer() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(normalise(&[Normal::Whitespace], text).as_deref(), expected, "{text}");
        };
        check("<think>a</think>\n", None);
        check("<think>a", None);
        check("<think>a</think> b  c", Some("b c"));
        assert_eq!(normalise(&[Normal::Number], "<think>5</think>no number"), None);
    }
}
