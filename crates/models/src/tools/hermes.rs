//! Qwen, Hermes and their like: each call a JSON object between `<tool_call>` and `</tool_call>`, perhaps after words.

use hydrometer_probes::world::protocol::said;
use hydrometer_probes::world::{Call, Said};

use super::{call, whole};

const OPEN: &str = "<tool_call>";
const CLOSE: &str = "</tool_call>";

/// The words in front of the first call.
pub(super) fn before(text: &str) -> &str {
    text.split(OPEN).next().filter(|_| text.contains(OPEN)).map_or("", str::trim)
}

pub(super) fn read(text: &str) -> Said {
    let bare = text.trim_start().starts_with(['{', '[']) || text.trim_start().starts_with("```");
    if bare && !text.contains(OPEN) {
        return said(text, Err(format!("a call stands between `{OPEN}` and `{CLOSE}`")));
    }
    if !text.contains(OPEN) && !text.contains(CLOSE) {
        return Said { text: text.to_owned(), calls: Vec::new(), malformed: None };
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
