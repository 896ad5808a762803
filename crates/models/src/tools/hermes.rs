//! Qwen, Hermes and their like: each call a JSON object between `<tool_call>` and `</tool_call>`, perhaps after words.

use hydrometer_probes::world::protocol::{self, said};
use hydrometer_probes::world::{Call, Said};

use super::{call, whole};

const OPEN: &str = "<tool_call>";
const CLOSE: &str = "</tool_call>";

/// The words in front of the first call.
pub(super) fn before(text: &str) -> &str {
    text.split(OPEN).next().filter(|_| text.contains(OPEN)).map_or("", str::trim)
}

/// Whether the marks of a call stand in an answer.
pub(super) fn is_marked(text: &str) -> bool {
    text.contains(OPEN) || text.contains(CLOSE)
}

/// A text whose marks are none any more: `less` stands in them for `<`.
pub(super) fn unmarked(text: &str, less: &str) -> String {
    let rest = |mark: &str| format!("{less}{}", &mark[1..]);
    text.replace(OPEN, &rest(OPEN)).replace(CLOSE, &rest(CLOSE))
}

/// A call between its marks.
pub(super) fn marked(call: &str) -> String {
    format!("{OPEN}\n{call}\n{CLOSE}")
}

pub(super) fn read(text: &str) -> Said {
    // Models of this way often leave the marks out: then an answer that is nothing but calls is read as in the plain protocol.
    if !is_marked(text) {
        return protocol::read(text);
    }
    said(text, calls(text))
}

fn calls(text: &str) -> Result<Vec<Call>, String> {
    let mut parts = text.split(OPEN);
    if parts.next().is_some_and(|words| words.contains(CLOSE)) {
        return Err(format!("`{CLOSE}` without `{OPEN}`"));
    }
    let one = |part: &str| {
        let (body, after) = part.split_once(CLOSE).ok_or_else(|| format!("`{OPEN}` without `{CLOSE}`"))?;
        if !after.trim().is_empty() {
            return Err(format!("words behind `{CLOSE}`"));
        }
        call(whole(body)?, "arguments")
    };
    parts.map(one).collect()
}
