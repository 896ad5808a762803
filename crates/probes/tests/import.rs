//! Importers, on small files of our own and, where `HYDROMETER_DATA` names a folder, on the published ones.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use hydrometer_probes::import::{self, Columns};
use hydrometer_probes::{Ask, AskedAs, Families, FaultKind, ProbeError, Suite};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// A file of the published data, or a loud line that it is not there.
fn published(name: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("HYDROMETER_DATA") else {
        eprintln!("SKIPPED: HYDROMETER_DATA is not set, {name} was not read");
        return None;
    };
    Some(Path::new(&folder).join(name))
}

fn written(name: &str, content: impl AsRef<[u8]>) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    (folder, path)
}

fn family_of<'a>(suite: &'a Suite, id: &str) -> &'a str {
    &suite.probes.iter().find(|probe| probe.id == id).unwrap().family
}

fn fails(result: Result<Suite, ProbeError>, kind: FaultKind, line: Option<u64>, words: &[&str]) {
    let error = result.unwrap_err();
    let (found, fault) = error.fault().unwrap();
    assert_eq!((fault.kind, found), (kind, line), "{error}");
    for word in words {
        assert!(error.to_string().contains(word), "{word:?} not in {error}");
    }
}

#[test]
fn a_text_file_is_one_probe_by_windows_or_by_headings() {
    let (_folder, path) = written("My Notes.txt", "Two lines.\nNo heading = here.\n\n");
    let suite = Suite::load(&path).unwrap();
    let [probe] = suite.probes.as_slice() else { panic!("{suite:?}") };
    assert_eq!((probe.id.as_str(), suite.name.as_str()), ("my-notes", "My Notes.txt"));
    let text = "Two lines.\nNo heading = here.\n".to_owned();
    assert_eq!(probe.ask, Ask::Text { text, context: None, families: Families::Window }, "one newline dropped");

    let (_folder, path) = written("wiki.txt", " \n = First = \n words\n = = Sub = = \n = Second = \n more");
    let suite = Suite::load(&path).unwrap();
    assert!(matches!(suite.probes[0].ask, Ask::Text { families: Families::Heading, .. }));
}

#[test]
fn a_folder_is_a_probe_per_text_in_order_of_names() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in [("b.txt", "Second."), ("a.md", "First."), ("c.bin", "no text")] {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    let suite = Suite::load(folder.path()).unwrap();
    let ids: Vec<&str> = suite.probes.iter().map(|probe| probe.id.as_str()).collect();
    assert_eq!(ids, ["a.md", "b.txt"]);
    assert!(suite.probes.iter().all(|probe| probe.family == probe.id));
    let empty = tempfile::tempdir().unwrap();
    fails(Suite::load(empty.path()), FaultKind::EmptySuite, None, &[".txt"]);
}

#[test]
fn files_that_are_no_probes_say_what_they_are() {
    let (_folder, path) = written("a.txt", b"one\ntwo \xFF");
    fails(Suite::load(&path), FaultKind::NotUtf8, Some(2), &["0xFF"]);
    let (_folder, path) = written("a.txt", "\n");
    fails(Suite::load(&path), FaultKind::EmptyText, None, &[]);
    let (_folder, path) = written("a.parquet", "x");
    fails(Suite::load(&path), FaultKind::UnknownFormat, None, &["`.parquet`", ".jsonl"]);
    let (_folder, path) = written("a.jsonl", "{\"body\": \"x\", \"colour\": 1}\n");
    fails(Suite::load(&path), FaultKind::UnknownColumns, None, &["`body`, `colour`", "--text COLUMN"]);
    let (_folder, path) = written("a.csv", "body,colour\nx,y\n");
    fails(Suite::load(&path), FaultKind::UnknownColumns, None, &["`body`, `colour`", "XSTest"]);
    let missing = Suite::load(Path::new("no/such/file.jsonl")).unwrap_err();
    assert!(matches!(missing, ProbeError::Io { .. }), "{missing}");
}

#[test]
fn gsm8k_scores_the_answer_after_the_question() {
    let suite = Suite::load(&fixture("gsm8k_shape.jsonl")).unwrap();
    assert_eq!(suite.probes.len(), 2);
    let probe = &suite.probes[0];
    assert_eq!((probe.axis.as_str(), probe.tags.as_slice()), ("reasoning", ["depth:2".to_owned()].as_slice()));
    let Ask::Text { text, context, families } = &probe.ask else { panic!("{probe:?}") };
    assert!(text.starts_with("There are 3") && text.ends_with("#### 10"));
    assert!(context.as_ref().unwrap().starts_with("Question: A shelf holds"));
    assert_eq!(*families, Families::Probe);
    let (_folder, path) = written("a.jsonl", "{\"question\":\"q\",\"answer\":\"a\"}\n{\"question\":\"q\"}\n");
    fails(import::gsm8k(&path), FaultKind::MissingField, Some(2), &["`answer`"]);
}

#[test]
fn xstest_pairs_share_a_family() {
    let suite = Suite::load(&fixture("xstest_shape.csv")).unwrap();
    let family = |number: u32| family_of(&suite, &format!("xstest/{number}"));
    assert_eq!(family(1), family(3), "the same word");
    assert_eq!(family(2), family(4));
    assert_ne!(family(1), family(2));
    assert_eq!(family(6), family(7), "the same group");
    assert_eq!(family(5), family(7), "the same ending");
    assert_eq!(family(9), family(10), "the same place in the type");
    assert_ne!(family(8), family(9));
    let [first, .., last] = suite.probes.as_slice() else { panic!() };
    assert_eq!(first.tags, ["type:homonyms", "label:safe"]);
    let ask = |probe: &hydrometer_probes::Probe| match &probe.ask {
        Ask::Choice { options, truth, asked_as, .. } => (options.clone(), *truth, *asked_as),
        Ask::Text { .. } => panic!("{probe:?}"),
    };
    let options = vec!["comply".to_owned(), "refuse".to_owned()];
    assert_eq!(ask(first), (options.clone(), Some(0), AskedAs::Decision));
    assert_eq!(ask(last), (options, Some(1), AskedAs::Decision));
}

#[test]
fn xstest_rows_that_cannot_be_used_name_their_line() {
    let header = "id,prompt,type,label,focus,note\n";
    let (_folder, path) = written("a.csv", format!("{header}1,Hi?,homonyms,safe,,\n2,Ho?,homonyms,perhaps,,\n"));
    fails(Suite::load(&path), FaultKind::BadRow, Some(3), &["`perhaps`"]);
    let (_folder, path) = written("a.csv", format!("{header}1,Hi?,homonyms\n"));
    fails(Suite::load(&path), FaultKind::BadRow, Some(2), &["cells"]);
    let (_folder, path) = written("a.csv", format!("{header}1,Hi?,h,safe,,\n1,Ho?,h,safe,,\n"));
    fails(Suite::load(&path), FaultKind::DuplicateId, Some(3), &["line 2"]);
}

fn choice_columns() -> Columns {
    let name = |column: &str| Some(column.to_owned());
    Columns {
        prompt: name("q"),
        options: name("o"),
        truth: name("t"),
        family: name("f"),
        tags: name("tags"),
        ..Columns::default()
    }
}

#[test]
fn tables_are_read_by_named_columns() {
    let (_folder, csv) = written(
        "Quiz 1.csv",
        "q,o,t,f,tags\n1+1?,1|2|3,2,sums,easy|maths\nIce?,\"[\"\"hot\"\",\"\"cold\"\"]\",b,ice,\nUp?,yes|no,0,up,\nWhy?,a|b,,why,\n",
    );
    let suite = import::csv(&csv, &choice_columns()).unwrap();
    let truths: Vec<Option<u32>> = suite
        .probes
        .iter()
        .map(|probe| match &probe.ask {
            Ask::Choice { truth, .. } => *truth,
            Ask::Text { .. } => panic!(),
        })
        .collect();
    assert_eq!(truths, [Some(1), Some(1), Some(0), None], "by words, by letter, by index, unknown");
    assert_eq!(suite.probes[0].id, "quiz-1/00001");
    assert_eq!(suite.probes[0].tags, ["easy", "maths"]);
    assert_eq!(suite.probes[0].family, "sums");

    let lines = "{\"q\":\"1+1?\",\"o\":[1,2,3],\"t\":2,\"f\":\"s\",\"tags\":[]}\n";
    let (_folder, jsonl) = written("quiz.jsonl", lines);
    let suite = import::jsonl(&jsonl, &choice_columns()).unwrap();
    assert!(matches!(&suite.probes[0].ask, Ask::Choice { options, truth: Some(1), .. } if options[1] == "2"));

    let columns = Columns { text: Some("body".into()), prompt: Some("before".into()), ..Columns::default() };
    let (_folder, csv) = written("texts.csv", "before,body\nOnce,upon a time\n");
    let suite = import::csv(&csv, &columns).unwrap();
    assert!(
        matches!(&suite.probes[0].ask, Ask::Text { text, context: Some(c), .. } if text == "upon a time" && c == "Once")
    );
}

#[test]
fn tables_refuse_what_they_cannot_understand() {
    let (_folder, csv) = written("a.csv", "q,o,t,f,tags\nx?,a|b,c,f,\n");
    fails(import::csv(&csv, &choice_columns()), FaultKind::TruthOutOfRange, Some(2), &["`c`", "2 options"]);
    let (_folder, csv) = written("a.csv", "q,o\nx?,a|b\n");
    fails(import::csv(&csv, &choice_columns()), FaultKind::UnknownColumns, None, &["`t`", "`q`, `o`"]);
    let (_folder, jsonl) = written("a.jsonl", "\n{\"q\":\"x?\"}\n");
    fails(import::jsonl(&jsonl, &choice_columns()), FaultKind::UnknownColumns, Some(2), &["`o`"]);
    let both = Columns { text: Some("q".into()), ..choice_columns() };
    fails(import::csv(&csv, &both), FaultKind::UnknownColumns, None, &["--text COLUMN"]);
    fails(import::csv(&csv, &Columns::default()), FaultKind::UnknownColumns, None, &["neither"]);
}

#[test]
fn published_xstest() {
    let Some(path) = published("xstest/xstest_prompts.csv") else { return };
    let suite = Suite::load(&path).unwrap();
    assert_eq!(suite.probes.len(), 450);
    let mut truths: BTreeMap<u32, usize> = BTreeMap::new();
    let mut families: BTreeMap<&str, BTreeSet<u32>> = BTreeMap::new();
    for probe in &suite.probes {
        let Ask::Choice { truth: Some(truth), .. } = &probe.ask else { panic!("{probe:?}") };
        *truths.entry(*truth).or_default() += 1;
        families.entry(&probe.family).or_default().insert(*truth);
    }
    assert_eq!(truths, [(0, 250), (1, 200)].into());
    let paired = families.values().filter(|truths| truths.len() == 2).count();
    eprintln!("XSTest: {} families, {paired} with both sides", families.len());
    assert!((120..=230).contains(&families.len()), "{} families", families.len());
    assert!(paired > 100, "{paired} pairs");
}

#[test]
fn published_gsm8k_and_wikitext() {
    if let Some(path) = published("gsm8k/test.jsonl") {
        let suite = Suite::load(&path).unwrap();
        assert_eq!(suite.probes.len(), 1319);
    }
    if let Some(path) = published("wikitext2/valid.txt") {
        let suite = Suite::load(&path).unwrap();
        let Ask::Text { text, families: Families::Heading, .. } = &suite.probes[0].ask else { panic!() };
        assert!(hydrometer_probes::families::sections(text).len() > 50);
    }
}
