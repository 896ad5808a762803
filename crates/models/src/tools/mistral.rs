//! Mistral: `[TOOL_CALLS]` and a list of JSON objects `{"name": …, "arguments": {…}}`.

use hydrometer_probes::world::protocol::{self, said};
use hydrometer_probes::world::{Call, Said};
use serde_json::Value;

use super::{call, whole};

const MARK: &str = "[TOOL_CALLS]";

pub(super) fn read(text: &str) -> Said {
    let trimmed = text.trim();
    let body = trimmed.strip_prefix(MARK);
    let listed = protocol::unfenced(text).starts_with('[');
    if body.is_none() && !listed && !trimmed.contains(MARK) {
        return protocol::read(text);
    }
    said(text, calls(protocol::unfenced(body.unwrap_or(trimmed))))
}

fn calls(body: &str) -> Result<Vec<Call>, String> {
    match whole(body)? {
        Value::Array(items) if !items.is_empty() => items.into_iter().map(|item| call(item, "arguments")).collect(),
        _ => Err("expected a list of calls".to_owned()),
    }
}
