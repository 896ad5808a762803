//! How hard a prompt of a distillation set is, where its row says so: the fields `axis` and `knob`, as `probes export` writes
//! them and probes carry them.

use hydrometer_probes::quote;
use serde_json::{Map, Value};

use super::super::LoggedError;
use super::super::error::shown;

const AXIS: &str = "axis";
const KNOB: &str = "knob";
/// Farthest that a knob of a probe is turned, too.
const LARGEST: f64 = 1e12;
/// What to do about a row whose knob cannot be read.
const NEXT: &str = "write it so, or call the column something else";

/// `AXIS.KNOB` and how far it is turned; `None` where the row has no knob. Cells that hold texts have it as `NAME=VALUE`.
///
/// # Errors
/// A knob that is none, or one without its axis.
pub(super) fn of(
    fields: &Map<String, Value>,
    place: impl Fn() -> String,
) -> Result<Option<(String, f64)>, LoggedError> {
    let Some(cell) = fields.get(KNOB).filter(|cell| !cell.is_null()) else {
        return Ok(None);
    };
    let turned = match cell {
        Value::Object(knob) => {
            let value = knob.get("value").and_then(Value::as_f64);
            knob.get("name").and_then(Value::as_str).zip(value)
        }
        Value::String(text) => text.split_once('=').and_then(|(name, value)| Some((name, value.trim().parse().ok()?))),
        _ => None,
    };
    let turned = turned.map(|(name, value)| (name.trim(), value));
    let turned = turned.filter(|(name, value)| !name.is_empty() && (0.0..=LARGEST).contains(value));
    let Some((name, value)) = turned else {
        let expected =
            "an object with `name` and `value`, or a text NAME=VALUE, with a value from 0 to 1e12, in `knob`";
        let found = match cell {
            Value::Object(_) => quote(&cell.to_string()),
            cell => shown(Some(cell)),
        };
        return Err(LoggedError::wrong(place(), expected, found, NEXT));
    };
    match fields.get(AXIS).and_then(Value::as_str).map(str::trim).filter(|axis| !axis.is_empty()) {
        Some(axis) => Ok(Some((format!("{axis}.{name}"), value))),
        None => {
            let expected = "the axis of the knob in `axis`";
            Err(LoggedError::wrong(place(), expected, shown(fields.get(AXIS)), "name it, or take `knob` out"))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::{Prompts, prompts};

    fn read(name: &str, content: &str) -> Result<Prompts, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        prompts(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn rows_may_say_how_hard_they_are() {
        let check = |name: &str, content: &str, expected: &[(&str, &[f64])]| {
            let found = read(name, content).unwrap().knobs;
            let found: Vec<(&str, &[f64])> = found.iter().map(|(name, values)| (name.as_str(), &values[..])).collect();
            assert_eq!(found, expected, "{content}");
        };
        let row = |axis: &str, knob: &str| format!("{{\"prompt\":\"p\",\"axis\":{axis},\"knob\":{knob}}}\n");
        let depth = |value: f64| row("\"reasoning\"", &format!("{{\"name\":\"depth\",\"value\":{value}}}"));
        check(
            "a.jsonl",
            &[depth(3.0), depth(1.0), row("\"tool_use\"", "\"tools=2\""), depth(2.5)].concat(),
            &[("reasoning.depth", &[3.0, 1.0, 2.5]), ("tool_use.tools", &[2.0])],
        );
        check("a.csv", "prompt,axis,knob\none,reasoning,depth = 4\ntwo,,\n", &[("reasoning.depth", &[4.0])]);
        // An axis alone says nothing of how hard a prompt is.
        check("a.jsonl", &row("\"facts\"", "null"), &[]);
        check("a.jsonl", "{\"prompt\":\"p\",\"axis\":7}", &[]);
        let mut both = read("a.jsonl", &depth(3.0)).unwrap();
        both.append(read("b.jsonl", &depth(5.0)).unwrap());
        assert_eq!((both.words.len(), &both.knobs["reasoning.depth"][..]), (2, &[3.0, 5.0][..]));
    }

    #[test]
    fn a_knob_that_cannot_be_read_is_refused_by_its_line() {
        let check = |axis: &str, knob: &str, expected: &str| {
            let content = format!("{{\"prompt\":\"p\"}}\n{{\"prompt\":\"p\",\"axis\":{axis},\"knob\":{knob}}}\n");
            let found = read("a.jsonl", &content).unwrap_err();
            assert!(found.starts_with("a.jsonl:2: expected ") && found.contains(expected), "{knob}: {found}");
        };
        let knobs = [
            "3",
            "\"depth\"",
            "\"=3\"",
            "\"depth=deep\"",
            "\"depth=-1\"",
            "\"depth=nan\"",
            "[]",
            "{\"name\":\"depth\"}",
        ];
        for knob in knobs.into_iter().chain(["{\"name\":\"\",\"value\":3}", "{\"name\":\"depth\",\"value\":2e12}"]) {
            check("\"reasoning\"", knob, "an object with `name` and `value`, or a text NAME=VALUE");
        }
        check("\"reasoning\"", "{\"name\":\"depth\"}", "found `{\"name\":\"depth\"}`");
        check("null", "\"depth=3\"", "the axis of the knob in `axis`, found null");
        check("\" \"", "\"depth=3\"", "the axis of the knob in `axis`");
    }
}
