//! Llama 3: one JSON object `{"name": …, "parameters": {…}}`, perhaps behind `<|python_tag|>`. Its template takes one call in
//! an answer.

use hydrometer_probes::world::Said;
use hydrometer_probes::world::protocol::said;

use super::{call, whole};

const TAG: &str = "<|python_tag|>";

pub(super) fn read(text: &str) -> Said {
    let trimmed = text.trim();
    let body = trimmed.strip_prefix(TAG);
    if body.is_none() && !trimmed.starts_with(['{', '[']) && !trimmed.starts_with("```") {
        return Said { text: text.to_owned(), calls: Vec::new(), malformed: None };
    }
    let read = whole(body.unwrap_or(trimmed)).and_then(|value| call(value, "parameters"));
    said(text, read.map(|call| vec![call]))
}
