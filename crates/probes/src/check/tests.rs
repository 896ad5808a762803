//! Checkers against answers whose judgement is known.

#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;

fn compile(steps: &[Normal], checker: Value) -> Result<Check, String> {
    let checker: Checker = serde_json::from_value(checker).map_err(|error| error.to_string())?;
    Check::new(steps, &checker).map_err(|fault| fault.to_string())
}

fn check(steps: &[Normal], checker: Value, answers: &[(&str, Checked)]) {
    let compiled = compile(steps, checker.clone()).unwrap();
    for (answer, expected) in answers {
        assert_eq!(compiled.check(answer), *expected, "{checker} on {answer:?}");
    }
}

use Checked::{NoAnswer, Right, Wrong};

#[test]
fn exact_texts_pass_through_the_same_steps() {
    let steps = [Normal::Whitespace, Normal::Case];
    check(
        &steps,
        json!({"exact": ["New  York", "NYC"]}),
        &[("new york", Right), ("  nyc\n", Right), ("New York City", Wrong), (" ", NoAnswer)],
    );
    check(&[Normal::Number], json!({"exact": ["12.0"]}), &[("It is 12", Right), ("twelve", NoAnswer)]);
    assert!(compile(&[Normal::Number], json!({"exact": ["twelve"]})).unwrap_err().contains("`twelve`"));
    assert!(compile(&steps, json!({"exact": []})).unwrap_err().contains("at least one"));
}

#[test]
fn numbers_within_a_tolerance() {
    let steps = [Normal::After("####".into()), Normal::Number];
    let answers =
        [("3 + 4 = 7\n#### 7", Right), ("so 7.0.", Right), ("#### 8", Wrong), ("seven", NoAnswer), ("", NoAnswer)];
    check(&steps, json!({"number": {"value": 7}}), &answers);
    let answers = [("$1,000.4", Right), ("1000.6", Wrong), ("-1000", Wrong)];
    check(&[Normal::Whitespace], json!({"number": {"value": 1000, "tolerance": 0.5}}), &answers);
    assert!(compile(&[], json!({"number": {"value": 1, "tolerance": -1}})).unwrap_err().contains("-1"));
    assert!(compile(&[], json!({"number": {"value": 1, "tolerence": 1}})).unwrap_err().contains("tolerence"));
}

#[test]
fn letters() {
    let answers = [("(B)", Right), ("The answer is A", Wrong), ("neither", NoAnswer)];
    check(&[Normal::Whitespace], json!({"choice": "b"}), &answers);
    check(&[Normal::Letter], json!({"choice": "B"}), &answers);
    assert!(compile(&[], json!({"choice": "?"})).unwrap_err().contains("A to H"));
}

#[test]
fn patterns_are_bounded() {
    let answers = [("on 2024-02-29.", Right), ("in 2024", Wrong), (" ", NoAnswer)];
    check(&[Normal::Whitespace], json!({"regex": r"\b\d{4}-\d\d-\d\d\b"}), &answers);
    for pattern in ["(", r"(?=a)", r"(\w{1000}){1000}"] {
        assert!(compile(&[], json!({"regex": pattern})).is_err(), "{pattern}");
    }
}

#[test]
fn schemas_look_at_the_first_json_value() {
    let schema = json!({"json_schema": {
        "type": "object", "required": ["city"], "properties": {"city": {"type": "string", "pattern": "^[A-Z]"}}
    }});
    let answers = [
        ("Sure:\n```json\n{\"city\": \"Rome\"}\n```", Right),
        ("{\"city\": \"rome\"}", Wrong),
        ("{\"town\": \"Rome\"}", Wrong),
        ("Rome", NoAnswer),
    ];
    check(&[Normal::Whitespace], schema, &answers);
    assert!(compile(&[], json!({"json_schema": {"type": "colour"}})).is_err());
    let remote = json!({"json_schema": {"$ref": "https://example.com/schema.json"}});
    assert!(compile(&[], remote).is_err(), "nothing is fetched");
    // References in a circle end neither in an endless loop nor in a full stack.
    for circle in [json!({"$ref": "#"}), json!({"$ref": "#/$defs/a", "$defs": {"a": {"allOf": [{"$ref": "#"}]}}})] {
        if let Ok(check) = compile(&[], json!({"json_schema": circle})) {
            assert_ne!(check.check("{}"), NoAnswer);
        }
    }
}

#[test]
fn thoughts_in_front_are_not_judged() {
    let schema = json!({"json_schema": {"type": "object", "required": ["city"]}});
    check(&[], schema, &[("<think>{}</think>{\"city\": \"Rome\"}", Right), ("<think>{\"city\": \"Rome\"}", NoAnswer)]);
    let no_comma = json!({"instructions": [{"id": "punctuation:no_comma"}]});
    check(&[], no_comma, &[("<think>Well, no comma.</think>None here", Right), ("<think>None here", NoAnswer)]);
}

#[test]
fn unknown_checkers_and_instructions_name_those_known() {
    assert!(compile(&[], json!({"exactly": ["a"]})).unwrap_err().contains("json_schema"));
    let unknown = json!({"instructions": [{"id": "punctuation:no_dash"}]});
    let message = compile(&[], unknown).unwrap_err();
    assert!(message.contains("punctuation:no_dash") && message.contains("punctuation:no_comma"), "{message}");
    let extra = json!({"instructions": [{"id": "punctuation:no_comma", "keywords": ["a"]}]});
    assert!(compile(&[], extra).unwrap_err().contains("keywords"));
    assert!(compile(&[], json!({"instructions": []})).is_err());
}
