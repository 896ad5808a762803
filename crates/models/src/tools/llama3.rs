//! Llama 3: one JSON object `{"name": …, "parameters": {…}}`, perhaps behind `<|python_tag|>`. Its template takes one call in
//! an answer.

use hydrometer_probes::world::Said;
use hydrometer_probes::world::protocol::{self, said};

use super::{call, whole};

const TAG: &str = "<|python_tag|>";

pub(super) fn read(text: &str) -> Said {
    let body = text.trim().strip_prefix(TAG);
    if body.is_none() && !protocol::means_calls(text) {
        return Said { text: text.to_owned(), calls: Vec::new(), malformed: None };
    }
    let value = whole(protocol::unfenced(body.unwrap_or(text)));
    match value {
        // In the words of the plain protocol.
        Ok(value) if value.get("parameters").is_none() && body.is_none() => protocol::read(text),
        value => said(text, value.and_then(|value| call(value, "parameters")).map(|call| vec![call])),
    }
}
