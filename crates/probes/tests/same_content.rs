//! Families that ask the same under several names are one.
#![allow(clippy::unwrap_used)]

use hydrometer_probes::families::SameContent;
use hydrometer_probes::{Probe, read_jsonl};

fn probes(lines: &str) -> Vec<Probe> {
    read_jsonl(lines.as_bytes(), "test").unwrap().probes
}

#[test]
fn copies_of_a_text_are_one_family() {
    let copies: Vec<String> = (0..30)
        .map(|k| {
            format!(
                r#"{{"id":"t{k}","family":"f{k}","axis":"a","kind":"text","text":"The  same text{}"}}"#,
                " ".repeat(k % 2)
            )
        })
        .collect();
    let same = SameContent::of(&probes(&copies.join("\n")));
    assert_eq!((same.merged(), same.kept().get("f0").copied()), (29, Some(29)));
    assert_eq!(same.family_of("f7", "f7"), Some("f0".to_owned()));
    // Windows and sections stay what they are.
    assert_eq!(same.family_of("f7", "f7/00003"), Some("f0/00003".to_owned()));
    assert_eq!(same.family_of("f0", "f0"), None);
}

#[test]
fn capitals_and_signs_that_nobody_sees_make_no_new_question() {
    let texts = [
        "The same text",
        "THE same Text",
        "the sa\\u200bme text",
        "The same text \\u2060\\u00ad",
        "The same\\ufe0f text\\u3164\\udb40\\udd01",
        "The same text 2",
        "The same, text",
    ];
    let line = |(k, text): (usize, &&str)| {
        format!(r#"{{"id":"t{k}","family":"f{k}","axis":"a","kind":"prompt","prompt":"{text}"}}"#)
    };
    let same = SameContent::of(&probes(&texts.iter().enumerate().map(line).collect::<Vec<_>>().join("\n")));
    assert_eq!((same.merged(), same.kept().get("f0").copied()), (4, Some(4)), "{same:?}");
}

#[test]
fn one_shared_question_joins_families_and_other_questions_do_not() {
    let same = SameContent::of(&probes(
        r#"{"id":"1","family":"a","axis":"x","kind":"choice","prompt":"Which?","options":["one","two"]}
{"id":"2","family":"b","axis":"x","kind":"choice","prompt":"Which?","options":["two","one"]}
{"id":"3","family":"c","axis":"x","kind":"choice","prompt":"Which?","options":["two","three"]}
{"id":"4","family":"b","axis":"x","kind":"prompt","prompt":"Say it."}
{"id":"5","family":"d","axis":"x","kind":"prompt","prompt":"Say it."}
{"id":"6","family":"e","axis":"x","kind":"text","text":"Say it."}"#,
    ));
    assert_eq!(same.merged(), 2, "{same:?}");
    assert_eq!(same.family_of("d", "d"), Some("a".to_owned()));
    assert_eq!((same.family_of("c", "c"), same.family_of("e", "e")), (None, None));
}

/// A document may stand in the system message, or in front of the words that are scored.
#[test]
fn what_stands_in_front_belongs_to_the_question() {
    let same = SameContent::of(&probes(
        r#"{"id":"1","family":"a","axis":"x","kind":"prompt","prompt":"Sum it up.","system":"One."}
{"id":"2","family":"b","axis":"x","kind":"prompt","prompt":"Sum it up.","system":"Two."}
{"id":"3","family":"c","axis":"x","kind":"prompt","prompt":"Sum it up.","system":"two."}
{"id":"4","family":"d","axis":"x","kind":"text","text":"end","context":"One"}
{"id":"5","family":"e","axis":"x","kind":"text","text":"end","context":"Two"}"#,
    ));
    assert_eq!((same.merged(), same.kept().get("b").copied()), (1, Some(1)), "{same:?}");
}
