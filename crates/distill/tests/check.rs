//! What the check of training data finds, each with its count and where it stands.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use hydrometer_distill::data::{Document, Encoder, Finding, Preflight, Weight, held_out, preflight, read};
use hydrometer_distill::export::hugging_face;
use hydrometer_distill::network::Network;
use hydrometer_distill::{Plan, Recipe};
use hydrometer_models::gguf::Gguf;
use hydrometer_models::{ChatTemplate, Checkpoint, EngineOptions, Precision, Tokenizer};
use hydrometer_probes::{Profile, Suite};
use serde_json::{Value, json};
use tempfile::TempDir;

fn tokenizer() -> Tokenizer {
    let bytes = include_bytes!("../../../demo/teacher.gguf").to_vec();
    Checkpoint::from_gguf(Gguf::from_bytes("teacher.gguf", bytes).unwrap()).unwrap().tokenizer().unwrap()
}

/// The documents of these records.
fn documents(records: &[Value]) -> Vec<Document> {
    let home = TempDir::new().unwrap();
    let path = home.path().join("f.jsonl");
    fs::write(&path, records.iter().map(|record| record.to_string() + "\n").collect::<String>()).unwrap();
    let documents = read(&path, None).unwrap().0;
    let short = |document: Document| {
        let place = document.place.rsplit('/').next().unwrap_or_default().to_owned();
        Document { place, ..document }
    };
    documents.into_iter().map(short).collect()
}

fn looked_at(records: &[Value], share: f64) -> Preflight {
    let tokenizer = tokenizer();
    let encoder = Encoder { tokenizer: &tokenizer, template: None, end: tokenizer.eos().unwrap(), context: 2048 };
    preflight(&encoder, &documents(records), &[], share)
}

fn finding<'a>(found: &'a Preflight, what: &str) -> Option<&'a Finding> {
    found.findings.iter().find(|finding| finding.what.contains(what))
}

/// One finding: its weight, count and examples.
fn check(found: &Preflight, what: &str, weight: Weight, count: u64, examples: &str) {
    let finding = finding(found, what).unwrap_or_else(|| panic!("no finding of `{what}`: {:?}", found.findings));
    let are = (finding.weight, finding.count, finding.examples.join(", "));
    assert_eq!(are, (weight, count, examples.to_owned()), "{what}");
}

/// Words that stand in no other text of the same number.
fn prose(number: usize, words: usize) -> String {
    (0..words).map(|word| format!("w{number}x{word} ")).collect()
}

#[test]
fn near_duplicates_are_found_on_both_sides_of_the_split() {
    let text = |text: String| json!({ "text": text });
    let mut records: Vec<Value> = (0..40).map(|n| text(prose(n, 60))).collect();
    // One word of sixty is another; then half of them.
    records.push(text(prose(3, 60).replace("w3x59", "other")));
    records.push(text(prose(5, 30) + &prose(99, 30)));
    // The same words with other signs and letters.
    records.push(text(prose(7, 60).to_uppercase().replace(' ', ", ")));
    let found = looked_at(&records, 0.0);
    check(
        &found,
        "nearly the same as an earlier",
        Weight::Note,
        2,
        "f.jsonl:41 is like f.jsonl:4, f.jsonl:43 is like f.jsonl:8",
    );
    assert!(finding(&found, "held-out numbers flatter").is_none());
    // Some share puts one of the two on the other side.
    let split = (1..20).map(|share| looked_at(&records, f64::from(share) / 20.0));
    assert!(split.into_iter().any(|found| finding(&found, "held-out numbers flatter").is_some()));
}

/// Of a heap of near duplicates every document behind the first on the other side is near one across the split, whichever side
/// the first of all is on.
#[test]
fn every_near_duplicate_across_the_split_is_counted() {
    let records: Vec<Value> = (0..12).map(|n| json!({ "text": prose(1, 60) + &format!("end{n}") })).collect();
    let sides: Vec<bool> = documents(&records).iter().map(|document| held_out(document, 0.5)).collect();
    let across = (1..12).filter(|&at| sides[..at].iter().any(|side| *side != sides[at])).count() as u64;
    let same = sides.iter().filter(|side| **side == sides[0]).count() as u64;
    assert!(across > 12 - same, "{sides:?}");
    let found = looked_at(&records, 0.5);
    assert_eq!(finding(&found, "held-out numbers flatter").map(|finding| finding.count), Some(across));
}

#[test]
fn languages_are_told_where_they_are_certain() {
    let english = "The tide was low and the fishermen walked across the sand to look after their nets before the water came back.";
    let german = "Das Wasser war niedrig, und die Fischer gingen über den Sand, um nach ihren Netzen zu sehen, bevor es zurückkam.";
    let answered = |text: &str| json!({"prompt": "Translate", "completion": text});
    let records = [answered(english), answered(german), answered("42"), answered(&format!("Then {english}"))];
    let found = looked_at(&records, 0.0);
    check(&found, "language: English", Weight::Fact, 2, "f.jsonl:1, f.jsonl:4");
    check(&found, "language: German", Weight::Fact, 1, "f.jsonl:2");
    check(&found, "not told for certain", Weight::Fact, 1, "f.jsonl:3");
}

#[test]
fn licences_and_writers_are_counted_by_what_records_say() {
    let text = |n: usize, more: Value| {
        let mut record = json!({"text": format!("text {n}")});
        record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        record
    };
    let records = [
        text(1, json!({"license": "mit"})),
        text(2, json!({"metadata": {"licence": "mit"}})),
        text(3, json!({"metadata": "{\"license\": [\"cc-by-4.0\", \"mit\"]}", "model": "oracle-1"})),
        text(4, json!({"model": "oracle-1"})),
        text(5, json!({"meta": {"generator": "oracle-2"}, "license": null})),
    ];
    let found = looked_at(&records, 0.0);
    check(&found, "licence: mit", Weight::Fact, 2, "f.jsonl:1, f.jsonl:2");
    check(&found, "licence: cc-by-4.0, mit", Weight::Fact, 1, "f.jsonl:3");
    check(&found, "names no licence, others do", Weight::Note, 2, "f.jsonl:4, f.jsonl:5");
    check(&found, "written by `oracle-1` under no licence", Weight::Note, 1, "f.jsonl:4");
    check(&found, "written by `oracle-2` under no licence", Weight::Note, 1, "f.jsonl:5");
    assert!(finding(&looked_at(&[text(1, json!({}))], 0.0), "licence").is_none());
}

/// In what a template renders a control token's text is the token; in a plain text it is characters.
#[test]
fn texts_of_control_tokens_are_named() {
    let tokenizer = tokenizer();
    let end = String::from_utf8(tokenizer.decode(&[tokenizer.eos().unwrap()])).unwrap();
    let found = looked_at(&[json!({"text": "one two"}), json!({"text": format!("one{end}two")})], 0.0);
    check(&found, &format!("a text holds `{end}`, which is read as characters"), Weight::Note, 1, "f.jsonl:2");
    let said =
        |text: &str| json!({"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": "b"}]});
    let records = [said("a"), said(&format!("a{end}"))];
    check(&looked_at(&records, 0.0), "a text holds", Weight::Note, 1, "f.jsonl:2");
    let template = ChatTemplate::new("{% for m in messages %}{{ m.content }}{% endfor %}", None, None).unwrap();
    let encoder =
        Encoder { tokenizer: &tokenizer, template: Some(&template), end: tokenizer.eos().unwrap(), context: 2048 };
    let found = preflight(&encoder, &documents(&records), &[], 0.0);
    check(&found, "is read as the control token and begins or ends a turn", Weight::Note, 1, "f.jsonl:2");
}

#[test]
fn answers_that_were_cut_off_are_left_out_or_named() {
    let answered = |answer: &str, finish: Value| json!({"messages": [{"role": "user", "content": "Go on"}, {"role": "assistant", "content": answer, "stop_reason": finish}]});
    let records = [
        answered("whole", json!("stop")),
        answered("cut of", json!("max_tokens")),
        json!({"prompt": "a", "completion": "b c", "finish_reason": "length"}),
        answered("Look:\n```rust\nfn main() {", Value::Null),
        answered("half a \u{fffd}", Value::Null),
        answered("Look:\n```\nx\n```", Value::Null),
    ];
    // Prompts and completions are of another shape than the first record.
    let (mut found, other) = (records.to_vec(), records[2].clone());
    found.remove(2);
    let found = looked_at(&found, 0.0);
    check(&found, "cut off, says its record (`max_tokens`)", Weight::Note, 1, "f.jsonl:2");
    check(&found, "ends within a block of code", Weight::Note, 1, "f.jsonl:3");
    check(&found, "ends within a character", Weight::Note, 1, "f.jsonl:4");
    assert_eq!(found.documents, 4);
    assert!(finding(&looked_at(&[other], 0.0), "cut off, says its record (`length`)").is_some());
}

#[test]
fn samples_begin_alike() {
    let tokenizer = tokenizer();
    let bos = String::from_utf8(tokenizer.piece(tokenizer.bos().unwrap())).unwrap();
    let source = format!(
        "{bos}{{% if messages[0].content == 'twice' %}}{bos}{{% endif %}}{{% for m in messages %}}{{{{ m.role }}}}: {{{{ m.content }}}}\n{{% endfor %}}{{% if add_generation_prompt %}}assistant: {{% endif %}}"
    );
    let template = ChatTemplate::new(&source, None, None).unwrap();
    let end = tokenizer.eos().unwrap();
    let encoder = Encoder { tokenizer: &tokenizer, template: Some(&template), end, context: 256 };
    let said =
        |text: &str| json!({"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": "Yes"}]});
    let mut all = documents(&[said("Hi"), said("twice")]);
    all.extend(documents(&[json!({"text": "a text"})]));
    let found = preflight(&encoder, &all, &[], 0.0);
    check(&found, "begins with two BOS tokens", Weight::Note, 1, "f.jsonl:2");
    assert_eq!(
        finding(&found, "without the BOS token that other").map(|f| f.count),
        (!tokenizer.adds_bos()).then_some(1)
    );
}

#[test]
fn lengths_are_ranks_and_shares() {
    let records: Vec<Value> =
        (1..=20).map(|n| json!({"prompt": "a", "completion": format!("{n}{}", " b".repeat(n))})).collect();
    let found = looked_at(&records, 0.0);
    let lengths = found.lengths().unwrap();
    let mut tokens: Vec<usize> = found.train.iter().map(|sample| sample.tokens.len()).collect();
    tokens.sort_unstable();
    assert_eq!((lengths.p50, lengths.p95, lengths.max), (tokens[9], tokens[18], tokens[19]));
    let learnt: usize = found.train.iter().map(|sample| sample.targets()).sum();
    assert_eq!(lengths.learnt, learnt as f64 / tokens.iter().sum::<usize>() as f64);
}

/// A recipe on these texts, and what the look at its data finds.
fn planned(texts: &[String], more: &str, student: &str) -> Preflight {
    let home = TempDir::new().unwrap();
    let lines = texts.iter().map(|text| json!({ "text": text }).to_string() + "\n");
    fs::write(home.path().join("f.jsonl"), lines.collect::<String>()).unwrap();
    let own = json!({"id": "mine/1", "family": "mine", "axis": "own", "kind": "text", "text": prose(1, 20)});
    fs::write(home.path().join("own.jsonl"), own.to_string() + "\n").unwrap();
    let teacher = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/teacher.gguf");
    let more = more.replace("OWN", &home.path().join("own.jsonl").display().to_string());
    let text = format!(
        "teacher = {teacher:?}\n[student]\n{student}\n[data]\nfiles = [{:?}]\nheld_out = 0\ncontext = 128\n{more}\n\
         [loss]\ndivergence = \"forward_kl\"\n[train]\nsteps = 1\nbatch_tokens = 10\nlearning_rate = 1e-3\nseed = 1\n",
        home.path().join("f.jsonl")
    );
    let recipe = Recipe::parse(&text, Path::new("recipe.toml")).unwrap();
    Plan::new(recipe, &EngineOptions { precision: Precision::F32 }).unwrap().data
}

#[test]
fn what_an_audit_asks_is_refused_unless_it_is_allowed() {
    let suite = Suite::builtin(Profile::Quick, 1);
    let long = suite
        .probes
        .iter()
        .flat_map(|probe| probe.ask.kind().texts())
        .find(|text| text.split_whitespace().count() > 30);
    let middle: Vec<&str> = long.unwrap().split_whitespace().skip(4).take(16).collect();
    let short = suite
        .probes
        .iter()
        .map(|probe| probe.ask.kind().question())
        .find(|text| (3..12).contains(&text.split_whitespace().count()));
    let layers = "layers = [0, 1]";
    let texts = [
        prose(0, 30),
        format!("He said: {} And so on.", middle.join("  ")),
        short.unwrap().to_uppercase(),
        prose(1, 15),
        prose(1, 12),
    ];
    let found = planned(&texts, "", layers);
    let refused = finding(&found, "of a probe of builtin:quick; take the documents out").unwrap();
    assert_eq!((refused.weight, refused.count), (Weight::Refusal, 2), "{refused:?}");
    assert!(
        refused.examples[0].contains("f.jsonl:2 has ") && refused.examples[1].contains("f.jsonl:3 has "),
        "{refused:?}"
    );
    assert!(found.refusal().is_some());
    // Own probes are looked for where the recipe names them; thirteen words in a row are enough, twelve are not.
    let found = planned(&texts, "probes = [\"OWN\"]\nallow_overlap = [\"builtin\"]", layers);
    let refused = found.refusal().unwrap();
    assert!(refused.what.contains("own.jsonl") && refused.examples.len() == 1, "{refused:?}");
    assert!(refused.examples[0].ends_with("f.jsonl:4 has mine/1"), "{refused:?}");
    let allowed = planned(&texts, "probes = [\"OWN\"]\nallow_overlap = [\"builtin\", \"OWN\"]", layers);
    assert!(allowed.refusal().is_none());
    assert_eq!(finding(&allowed, "builtin:quick; allowed by the recipe").unwrap().weight, Weight::Note);
    let clean = planned(&[prose(0, 30)], "", layers);
    assert!(clean.refusal().is_none() && finding(&clean, "of a probe of").is_none());
}

#[test]
fn a_student_that_reads_or_ends_texts_otherwise_is_named() {
    let home = TempDir::new().unwrap();
    let teacher = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/teacher.gguf");
    let teacher = Checkpoint::open(teacher).unwrap();
    hugging_face(home.path(), &Network::open(&teacher, &[0]).unwrap(), &teacher).unwrap();
    let student = format!("model = {:?}", home.path());
    let same = planned(&[prose(0, 30)], "", &student);
    assert!(finding(&same, "teacher").is_none(), "{:?}", same.findings);
    fs::write(home.path().join("chat_template.jinja"), "{{ messages[0].content }}").unwrap();
    let path = home.path().join("tokenizer_config.json");
    let mut settings: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let other = (0..).find(|token| Some(*token) != teacher.tokenizer().unwrap().eos()).unwrap();
    let other = String::from_utf8(teacher.tokenizer().unwrap().piece(other)).unwrap();
    settings["eos_token"] = other.clone().into();
    fs::write(&path, settings.to_string()).unwrap();
    let found = planned(&[prose(0, 30)], "", &student);
    check(&found, "the student has a chat template, the teacher none", Weight::Note, 1, "");
    check(&found, &format!("by the teacher's tokenizer, with {other} by the student's"), Weight::Note, 1, "");
}

#[test]
fn only_suites_that_are_looked_for_can_be_allowed() {
    let text = "teacher = \"t\"\n[student]\nevery = 2\n[data]\nfiles = [\"f\"]\ncontext = 8\nallow_overlap = [\"builtin:huge\"]\n\
                [loss]\ndivergence = \"forward_kl\"\n[train]\nsteps = 1\nbatch_tokens = 1\nlearning_rate = 1\nseed = 1\n";
    let error = Recipe::parse(text, Path::new("r.toml")).unwrap_err().to_string();
    assert!(
        error.contains("data.allow_overlap: expected builtin, builtin:PROFILE, or a file of data.probes"),
        "{error}"
    );
    let other = Recipe::parse(&text.replace("huge", "full"), Path::new("r.toml")).unwrap();
    let without =
        Recipe::parse(&text.replace("allow_overlap = [\"builtin:huge\"]\n", ""), Path::new("r.toml")).unwrap();
    assert_eq!(other.hash(), without.hash());
}

#[test]
fn a_number_that_a_recipe_cannot_hold_is_asked_for_in_plain_words() {
    let text = "teacher = \"t\"\n[student]\nevery = 2\n[data]\nfiles = [\"f\"]\ncontext = -8\n";
    let error = Recipe::parse(text, Path::new("r.toml")).unwrap_err().to_string();
    assert!(error.contains("integer `-8`, expected a whole number from 0 on"), "{error}");
}
