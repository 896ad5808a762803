//! Each instruction against answers that follow it and answers that just do not.

#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::Instruction;

/// `followed` and `not` are answers.
fn check(instruction: Value, followed: &[&str], not: &[&str]) {
    let read: Instruction = serde_json::from_value(instruction.clone()).unwrap();
    read.validate().unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), instruction, "written as read");
    for answer in followed {
        assert!(read.followed(answer), "{instruction} is followed by {answer:?}");
    }
    for answer in not {
        assert!(!read.followed(answer), "{instruction} is not followed by {answer:?}");
    }
}

#[test]
fn case_and_punctuation() {
    let at_least =
        json!({"id": "change_case:capital_word_frequency", "capital_frequency": 2, "capital_relation": "at least"});
    check(at_least, &["The UN and the EU", "A B C"], &["The UN", ""]);
    check(json!({"id": "change_case:english_capital"}), &["ALL OF IT, 1.", "ÄÖ"], &["ALL of it", "123"]);
    check(json!({"id": "change_case:english_lowercase"}), &["all of it, 1."], &["All of it", "123"]);
    check(json!({"id": "punctuation:no_comma"}), &["one; two"], &["one, two"]);
}

#[test]
fn combinations_and_ends() {
    let repeat = json!({"id": "combination:repeat_prompt", "prompt_to_repeat": "Say it. "});
    check(repeat, &[" say it.\nIt."], &["It. Say it."]);
    let two = json!({"id": "combination:two_responses"});
    check(two, &["a ****** b", "******a\n******\nb******"], &["a", "a ****** a", "a****** ******b", "a******b******c"]);
    let end = json!({"id": "startend:end_checker", "end_phrase": "Any questions?"});
    check(end, &["So. any questions? ", "\"So. Any questions?\""], &["Any questions? No."]);
    check(json!({"id": "startend:quotation"}), &[" \"x\" ", "\"\""], &["\"", "\"x", "x"]);
}

#[test]
fn content() {
    let placeholders = json!({"id": "detectable_content:number_placeholders", "num_placeholders": 2});
    check(placeholders, &["[name], [address]", "[a] [b] [c]"], &["[name]", "[a\nb] [c]", "]a[ [b]"]);
    let ps = json!({"id": "detectable_content:postscript", "postscript_marker": "P.S."});
    check(ps, &["Bye.\nP.S. Call.", "p. s. call"], &["PS Call", ""]);
    let pps = json!({"id": "detectable_content:postscript", "postscript_marker": "P.P.S"});
    check(pps, &["P.P.S. Call", "P. P. S Call"], &["P.S. Call"]);
    check(json!({"id": "detectable_format:constrained_response"}), &["My answer is no."], &["my answer is no.", "No."]);
    check(json!({"id": "detectable_format:title"}), &["x\n<<A poem>> y"], &["<<>>", "<< >>", "<A>", "<<A\n>>"]);
}

#[test]
fn formats() {
    let json_format = json!({"id": "detectable_format:json_format"});
    check(
        json_format,
        &["{\"a\": [1]}", "```json\n{}\n```", "```\n[]```", "```JSON {}```"],
        &["Here: {}", "{a: 1}", ""],
    );
    let two_sections =
        json!({"id": "detectable_format:multiple_sections", "section_spliter": "SECTION", "num_sections": 2});
    check(
        two_sections,
        &["SECTION 1\na\nSECTION 2\nb", "SECTION1 SECTION2"],
        &["SECTION 1", "Section 1 Section 2", "SECTION A"],
    );
    let bullets = json!({"id": "detectable_format:number_bullet_lists", "num_bullets": 2});
    check(bullets, &["* a\n  * b", "- a\n* b\nc", "-a\n-b"], &["* a", "* a\n* b\n- c", "**a**\n* b"]);
    let highlights = json!({"id": "detectable_format:number_highlighted_sections", "num_highlights": 2});
    check(
        highlights,
        &["*a* and *b*", "**a** *b*", "***a** *b*"],
        &["*a*", "**a**", "*a\nb* *c*", "** ** *a*", "****"],
    );
}

#[test]
fn words() {
    check(json!({"id": "keywords:existence", "keywords": ["cat", "New York"]}), &["Cats in new york"], &["cat", ""]);
    let forbidden = json!({"id": "keywords:forbidden_words", "forbidden_words": ["cat", "at all"]});
    check(forbidden, &["Concatenate", "all"], &["A Cat.", "not at all"]);
    let often = json!({"id": "keywords:frequency", "keyword": "cat", "frequency": 2, "relation": "at least"});
    check(often, &["Cat, cats"], &["cat"]);
    let seldom = json!({"id": "keywords:frequency", "keyword": "cat", "frequency": 2, "relation": "less than"});
    check(seldom, &["cat", ""], &["Cat, cats"]);
    let letter =
        json!({"id": "keywords:letter_frequency", "letter": "#", "let_frequency": 2, "let_relation": "at least"});
    check(letter, &["##"], &["#"]);
    let letter =
        json!({"id": "keywords:letter_frequency", "letter": "q", "let_frequency": 1, "let_relation": "less than"});
    check(letter, &["none"], &["Q"]);
}

#[test]
fn lengths() {
    let words = json!({"id": "length_constraints:number_words", "num_words": 3, "relation": "less than"});
    check(words, &["one two", ""], &["one two three"]);
    let sentences = json!({"id": "length_constraints:number_sentences", "num_sentences": 2, "relation": "at least"});
    check(sentences, &["One. Two."], &["One, two."]);
    let paragraphs = json!({"id": "length_constraints:number_paragraphs", "num_paragraphs": 2});
    check(paragraphs, &["a\n***\nb", "***a***b***"], &["a", "a***b***c", "a*** ***b"]);
    let first = json!({
        "id": "length_constraints:nth_paragraph_first_word",
        "num_paragraphs": 2, "nth_paragraph": 2, "first_word": "Well"
    });
    check(first, &["a\n\nwell, b", "\n\na\n\n\n\"Well\" b"], &["a\n\nb", "a\n\nwell\n\nc", "well", "a\nwell"]);
}

#[test]
fn language() {
    let german = json!({"id": "language:response_language", "language": "de"});
    let followed = ["Der Zug nach Hamburg fährt heute erst um neun Uhr ab."];
    check(german, &followed, &["The train to Hamburg does not leave before nine today.", "Ja.", "1, 2, 3", ""]);
}

#[test]
fn arguments_that_say_nothing_are_refused() {
    for wrong in [
        json!({"id": "keywords:existence", "keywords": []}),
        json!({"id": "keywords:existence", "keywords": ["a", " "]}),
        json!({"id": "startend:end_checker", "end_phrase": ""}),
        json!({
            "id": "length_constraints:nth_paragraph_first_word",
            "num_paragraphs": 2, "nth_paragraph": 3, "first_word": "a"
        }),
    ] {
        let read: Instruction = serde_json::from_value(wrong.clone()).unwrap();
        assert!(read.validate().is_err(), "{wrong}");
    }
}
