//! A server's own calls: they come as data, and are kept as text in the manner of Hermes, arguments in the very words in
//! which they came.

use hydrometer_probes::world::Said;
use hydrometer_probes::world::protocol::said;

use super::hermes;

/// An answer in words: what was said, and the calls behind it, each a name and the JSON of its arguments. Servers leave out
/// arguments where there are none.
pub(crate) fn written(text: &str, calls: &[(String, String)]) -> String {
    let call = |(name, arguments): &(String, String)| {
        let name = serde_json::Value::from(name.as_str());
        let arguments = if ["", "null"].contains(&arguments.trim()) { "{}" } else { arguments };
        hermes::marked(&format!("{{\"name\": {name}, \"arguments\": {arguments}}}"))
    };
    let words = std::iter::once(text.to_owned()).filter(|text| !text.is_empty());
    words.chain(calls.iter().map(call)).collect::<Vec<_>>().join("\n")
}

/// Only what the server knew for a call is one: words stay words.
pub(super) fn read(text: &str) -> Said {
    if hermes::is_marked(text) { hermes::read(text) } else { said(text, Ok(Vec::new())) }
}
