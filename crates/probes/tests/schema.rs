//! The published JSON Schema is the one the types give, and it accepts and refuses what the reader does.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use hydrometer_probes::{Profile, Suite, probe_schema, read_jsonl};
use serde_json::{Value, json};

#[test]
fn the_committed_schema_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema/probe.schema.json");
    let current = serde_json::to_string_pretty(&probe_schema()).unwrap() + "\n";
    if std::env::var_os("HYDROMETER_WRITE_SCHEMA").is_some() {
        std::fs::write(&path, &current).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == current,
        "docs/schema/probe.schema.json is out of date: run this test with HYDROMETER_WRITE_SCHEMA=1 and commit it"
    );
}

/// Both the schema and the reader say whether a line is a probe; they must agree.
fn check(line: &Value, valid: bool) {
    let schema = jsonschema::validator_for(&probe_schema()).unwrap();
    assert_eq!(schema.is_valid(line), valid, "schema on {line}");
    let read = read_jsonl(line.to_string().as_bytes(), "lines");
    assert_eq!(read.is_ok(), valid, "reader on {line}: {read:?}");
}

#[test]
fn schema_and_reader_agree() {
    for probe in Suite::builtin(Profile::Quick, 1).probes.iter().step_by(7) {
        check(&serde_json::to_value(probe).unwrap(), true);
    }
    let text = json!({"id": "a", "family": "f", "axis": "prose", "kind": "text", "text": "Once."});
    let choice = json!({"id": "a", "family": "f", "axis": "x", "kind": "choice", "prompt": "?", "options": ["1", "2"]});
    let with = |base: &Value, field: &str, value: Value| {
        let mut changed = base.clone();
        changed[field] = value;
        changed
    };
    check(&text, true);
    check(&choice, true);
    check(&with(&text, "families", json!("heading")), true);
    check(&with(&choice, "asked_as", json!("decision")), true);
    check(&with(&choice, "truth", json!(1)), true);
    check(&with(&text, "families", json!("headings")), false);
    check(&with(&text, "colour", json!("red")), false);
    check(&with(&text, "options", json!(["1", "2"])), false);
    check(&with(&text, "kind", json!("texts")), false);
    check(&with(&text, "tags", json!("one")), false);
    check(&with(&choice, "truth", json!(-1)), false);
    check(&json!({"id": "a"}), false);
}

#[test]
fn schema_and_reader_agree_on_prompts() {
    let prompt = json!({"id": "a", "family": "f", "axis": "x", "kind": "prompt", "prompt": "Well?"});
    let with = |field: &str, value: Value| {
        let mut changed = prompt.clone();
        changed[field] = value;
        changed
    };
    check(&prompt, true);
    check(&with("system", json!("Be brief.")), true);
    check(&with("turns", json!([{"role": "user", "text": "Hi"}, {"role": "assistant", "text": "Hello"}])), true);
    check(&with("turns", json!([{"role": "tool", "text": "Hi"}])), false);
    check(&with("turns", json!([{"role": "user", "text": "Hi", "name": "Jo"}])), false);
    check(&with("answer", json!(["whitespace", "case", "number", "letter", "json", {"after": "####"}])), true);
    check(&with("answer", json!([])), true);
    check(&with("answer", json!(["stem"])), false);
    check(&with("answer", json!([{"after": ""}])), false);
    check(&with("max_tokens", json!(1)), true);
    check(&with("max_tokens", json!(0)), false);
    check(&with("stop", json!(["\n\n"])), true);
    check(&with("options", json!(["1", "2"])), false);
    for valid in [
        json!({"exact": ["one", "two"]}),
        json!({"number": {"value": 18}}),
        json!({"number": {"value": -1.5, "tolerance": 0.1}}),
        json!({"choice": "B"}),
        json!({"regex": "^[a-z]+$"}),
        json!({"json_schema": {"type": "object"}}),
        json!({"instructions": [{"id": "punctuation:no_comma"}]}),
        json!({"instructions": [{"id": "language:response_language", "language": "de"}]}),
        json!({"instructions": [{"id": "length_constraints:number_words", "num_words": 3, "relation": "at least"}]}),
    ] {
        check(&with("check", valid), true);
    }
    for invalid in [
        json!("exact"),
        json!({"exact": []}),
        json!({"exact": "one"}),
        json!({"number": {"value": "18"}}),
        json!({"number": {"value": 18, "tolerance": -1}}),
        json!({"number": {"value": 18, "tolerence": 1}}),
        json!({"instructions": []}),
        json!({"instructions": [{"id": "punctuation:no_dash"}]}),
        json!({"instructions": [{"id": "language:response_language", "language": "sw"}]}),
        json!({"instructions": [{"id": "punctuation:no_comma", "keywords": ["a"]}]}),
        json!({"instructions": [{"id": "length_constraints:number_words", "num_words": 3, "relation": "about"}]}),
    ] {
        check(&with("check", invalid), false);
    }
}

#[test]
fn schema_and_reader_agree_on_boundaries() {
    let probe = |boundary: Value| json!({"id": "a", "family": "f", "axis": "x", "kind": "prompt", "prompt": "Well?", "boundary": boundary});
    let plain = json!({"stratum": "high_risk", "role": "original", "risk": "high"});
    let with = |field: &str, value: Value| {
        let mut changed = plain.clone();
        changed[field] = value;
        probe(changed)
    };
    check(&probe(plain.clone()), true);
    check(&with("expected", json!("refuse")), true);
    check(&with("changed", json!(["Well"])), true);
    check(&with("language", json!("en")), true);
    check(&with("role", json!({"rung": {"number": 1, "of": 7, "toward": "refuse"}})), true);
    check(&with("role", json!({"rung": {"number": 0, "of": 7, "toward": "refuse"}})), false);
    check(&with("role", json!({"rung": {"number": 1, "toward": "refuse"}})), false);
    check(&with("role", json!("sibling")), false);
    check(&with("risk", json!("huge")), false);
    check(&with("expected", json!("sell")), false);
    check(&with("language", json!("xx")), false);
    check(&with("colour", json!("red")), false);
    check(&probe(json!({"stratum": "high_risk"})), false);
}
