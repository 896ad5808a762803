//! Importers, on small files of our own and, where `HYDROMETER_DATA` names a folder, on the published ones.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use hydrometer_probes::import::{self, Columns};
use hydrometer_probes::kind;
use hydrometer_probes::{Ask, AskedAs, Checked, Checker, Families, FaultKind, Normal, ProbeError, Role, Suite, Turn};

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
    assert_eq!(
        probe.ask,
        Ask::Text(kind::Text { text, context: None, families: Families::Window }),
        "one newline dropped"
    );

    let (_folder, path) = written("wiki.txt", " \n = First = \n words\n = = Sub = = \n = Second = \n more");
    let suite = Suite::load(&path).unwrap();
    assert!(matches!(suite.probes[0].ask, Ask::Text(kind::Text { families: Families::Heading, .. })));
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
    let Ask::Text(kind::Text { text, context, families }) = &probe.ask else { panic!("{probe:?}") };
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
        Ask::Choice(kind::Choice { options, truth, asked_as, .. }) => (options.clone(), *truth, *asked_as),
        _ => panic!("{probe:?}"),
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
            Ask::Choice(kind::Choice { truth, .. }) => *truth,
            _ => panic!(),
        })
        .collect();
    assert_eq!(truths, [Some(1), Some(1), Some(0), None], "by words, by letter, by index, unknown");
    assert_eq!(suite.probes[0].id, "quiz-1/00001");
    assert_eq!(suite.probes[0].tags, ["easy", "maths"]);
    assert_eq!(suite.probes[0].family, "sums");

    let lines = "{\"q\":\"1+1?\",\"o\":[1,2,3],\"t\":2,\"f\":\"s\",\"tags\":[]}\n";
    let (_folder, jsonl) = written("quiz.jsonl", lines);
    let suite = import::jsonl(&jsonl, &choice_columns()).unwrap();
    assert!(
        matches!(&suite.probes[0].ask, Ask::Choice(kind::Choice { options, truth: Some(1), .. }) if options[1] == "2")
    );

    // Without options a truth is the right answer, a number or a text.
    let lines = "{\"q\":\"1+1?\",\"t\":2.0}\n{\"q\":\"Ice?\",\"t\":\" Cold \"}\n{\"q\":\"Why?\",\"t\":null}\n";
    let (_folder, jsonl) = written("asked.jsonl", lines);
    let columns = Columns { prompt: Some("q".into()), truth: Some("t".into()), ..Columns::default() };
    let suite = import::jsonl(&jsonl, &columns).unwrap();
    let judged = |number: usize, answer: &str| {
        suite.probes[number].checker().unwrap().map(|checker| checker.check(answer) == Checked::Right)
    };
    assert_eq!([judged(0, "It is 2."), judged(0, "It is 3."), judged(2, "So.")], [Some(true), Some(false), None]);
    assert_eq!([judged(1, "cold "), judged(1, "cold it is")], [Some(true), Some(false)]);
    // A truth is a number where the step that reads answers takes all of it for one.
    let lines = r#"{"q":"A?","t":"1,234"}
{"q":"B?","t":"$5"}
{"q":"C?","t":"12%"}
{"q":"D?","t":"2 apples"}
"#;
    let (_folder, figures) = written("figures.jsonl", lines);
    let suite = import::jsonl(&figures, &columns).unwrap();
    let right = |number: usize, answer: &str| {
        let checker = suite.probes[number].checker().unwrap().unwrap();
        checker.check(answer) == Checked::Right
    };
    for (number, answers) in [
        (0, ["The total is 1234.", "1,234", "It is 1234.0"]),
        (1, ["It costs $5.", "5 dollars", "5"]),
        (2, ["12%", "12 percent", "It is 12 %."]),
        (3, ["2 apples", "2 Apples", " 2  apples "]),
    ] {
        assert!(answers.iter().all(|answer| right(number, answer)), "{number}");
        assert!(!right(number, "It is 7."), "{number}");
    }
    assert!(!right(3, "2"));

    let scored = Columns { text: Some("q".into()), truth: Some("t".into()), ..Columns::default() };
    fails(import::jsonl(&jsonl, &scored), FaultKind::UnknownColumns, None, &["a truth of what is scored"]);

    let columns = Columns { text: Some("body".into()), prompt: Some("before".into()), ..Columns::default() };
    let (_folder, csv) = written("texts.csv", "before,body\nOnce,upon a time\n");
    let suite = import::csv(&csv, &columns).unwrap();
    assert!(
        matches!(&suite.probes[0].ask, Ask::Text(kind::Text { text, context: Some(c), .. }) if text == "upon a time" && c == "Once")
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
        let Ask::Choice(kind::Choice { truth: Some(truth), .. }) = &probe.ask else { panic!("{probe:?}") };
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
        let Ask::Text(kind::Text { text, families: Families::Heading, .. }) = &suite.probes[0].ask else { panic!() };
        assert!(hydrometer_probes::families::sections(text).len() > 50);
    }
}

/// The parts of a prompt that importers fill in.
fn prompt_of(probe: &hydrometer_probes::Probe) -> (&str, &[Normal], Option<&Checker>) {
    let Ask::Prompt(kind::Prompt { prompt, answer, check, .. }) = &probe.ask else { panic!("{probe:?}") };
    (prompt, answer, check.as_ref())
}

#[test]
fn gsm8k_as_prompts_checks_the_number_behind_the_marker() {
    let suite = import::gsm8k_prompt(&fixture("gsm8k_shape.jsonl")).unwrap();
    assert_eq!((suite.probes[0].id.as_str(), suite.probes[0].tags[0].as_str()), ("gsm8k/00001", "depth:2"));
    let (prompt, answer, check) = prompt_of(&suite.probes[0]);
    assert!(prompt.starts_with("A shelf holds"), "the question as published");
    assert!(prompt.ends_with("End with the final number after \"####\"."), "{prompt}");
    assert_eq!(answer, [Normal::After("####".into()), Normal::Number]);
    assert_eq!(check, Some(&Checker::Number { value: 10.0, tolerance: 0.0 }));
    let check = suite.probes[0].checker().unwrap().unwrap();
    assert_eq!(check.check("3 and 7 are #### 10"), Checked::Right);
    let (_folder, path) = written("a.jsonl", "{\"question\":\"q\",\"answer\":\"12\\n#### many\"}\n");
    fails(import::gsm8k_prompt(&path), FaultKind::BadRow, Some(1), &["#### many"]);
}

#[test]
fn ifeval_lines_become_prompts_with_instructions() {
    let line = |key: u32, id: &str, kwargs: &str| {
        format!("{{\"key\":{key},\"prompt\":\"Write.\",\"instruction_id_list\":[\"{id}\"],\"kwargs\":[{kwargs}]}}\n")
    };
    let words = "length_constraints:number_words";
    let file = line(7, words, r#"{"num_words":2,"relation":"at least","num_bullets":null}"#)
        + &line(8, "language:response_language", r#"{"language":"ko"}"#)
        + &line(9, "language:response_language", r#"{"language":"sw"}"#);
    let (_folder, path) = written("input_data.jsonl", file);
    let suite = Suite::load(&path).unwrap();
    assert_eq!(
        (suite.probes[0].id.as_str(), suite.probes[0].tags.as_slice()),
        ("ifeval/7", [words.to_owned()].as_slice())
    );
    let check = suite.probes[0].checker().unwrap().unwrap();
    let judged = ["two words", "one", ""].map(|answer| check.check(answer));
    assert_eq!(judged, [Checked::Right, Checked::Wrong, Checked::NoAnswer]);
    let check = suite.probes[1].checker().unwrap().unwrap();
    let judged = ["고양이가 의자에서 자고 있다.", "The cat sleeps on the chair.", ""].map(|answer| check.check(answer));
    assert_eq!(judged, [Checked::Right, Checked::Wrong, Checked::NoAnswer]);
    assert_eq!(suite.probes[1].tags, ["language:response_language"]);
    assert!(suite.probes[2].checker().unwrap().is_none(), "the detector does not know Swahili");
    assert_eq!(suite.probes[2].tags, ["language:response_language", "unchecked", "no_detector:sw"]);

    let (_folder, path) = written("a.jsonl", line(1, "punctuation:no_dash", "{}"));
    fails(Suite::load(&path), FaultKind::BadCheck, Some(1), &["punctuation:no_dash", "punctuation:no_comma"]);
    let (_folder, path) = written("a.jsonl", line(1, words, r#"{"num_words":2}"#));
    fails(Suite::load(&path), FaultKind::BadCheck, Some(1), &["relation"]);
    let (_folder, path) = written("a.jsonl", line(1, "language:response_language", r#"{"language":7}"#));
    fails(Suite::load(&path), FaultKind::BadCheck, Some(1), &["language:response_language", "7"]);
    let (_folder, path) = written("a.jsonl", line(1, words, ""));
    fails(Suite::load(&path), FaultKind::MissingField, Some(1), &["`kwargs`"]);
}

#[test]
fn questions_and_tasks_become_prompts() {
    let file = "{\"question_id\":81,\"category\":\"writing\",\"turns\":[\"First?\",\"Second?\"]}\n";
    let (_folder, path) = written("question.jsonl", file);
    let suite = Suite::load(&path).unwrap();
    assert_eq!((suite.probes[0].id.as_str(), suite.probes[0].axis.as_str()), ("mt-bench/00081", "writing"));
    assert_eq!(suite.probes[0].ask, Ask::from(kind::Prompt::new("First?")));
    let file = "{\"question_id\":1,\"category\":\"generic\",\"text\":\"How?\"}\n";
    let (_folder, path) = written("question.jsonl", file);
    assert_eq!(Suite::load(&path).unwrap().probes[0].id, "vicuna/00001");

    let file = concat!(
        r#"{"id":"user_task_0","motivation_app":"Mail","instruction":"Shorten it.","#,
        r#""instances":[{"input":"A long text.","output":"Text."},{"input":"","output":"x"}]}"#
    );
    let (_folder, path) = written("tasks.jsonl", file);
    let suite = Suite::load(&path).unwrap();
    let ids: Vec<&str> = suite.probes.iter().map(|probe| probe.id.as_str()).collect();
    assert_eq!(ids, ["self-instruct/user_task_0/1", "self-instruct/user_task_0/2"]);
    assert!(suite.probes.iter().all(|probe| probe.family == "self-instruct/user_task_0"));
    assert_eq!(suite.probes[0].ask, Ask::from(kind::Prompt::new("Shorten it.\n\nA long text.")));
    assert_eq!(
        (&suite.probes[1].ask, suite.probes[1].tags[0].as_str()),
        (&Ask::from(kind::Prompt::new("Shorten it.")), "app:Mail")
    );
}

#[test]
fn chats_ask_the_last_message_of_the_user() {
    let message = |role: &str, content: &str| format!("{{\"role\":\"{role}\",\"content\":\"{content}\"}}");
    let chat = |messages: &[String]| format!("{{\"messages\":[{}]}}\n", messages.join(","));
    let whole = [
        message("system", "Be brief."),
        message("user", "Hi"),
        message("assistant", "Hello"),
        message("user", "Why?"),
        message("assistant", "So."),
    ];
    let (_folder, path) = written("My chats.jsonl", chat(&whole) + &chat(&whole[1..2]));
    let suite = Suite::load(&path).unwrap();
    assert_eq!((suite.probes[0].id.as_str(), suite.probes[1].id.as_str()), ("my-chats/00001", "my-chats/00002"));
    let Ask::Prompt(kind::Prompt { prompt, system, turns, .. }) = &suite.probes[0].ask else { panic!() };
    assert_eq!((prompt.as_str(), system.as_deref()), ("Why?", Some("Be brief.")));
    let turn = |role, text: &str| Turn { role, text: text.to_owned() };
    assert_eq!(*turns, [turn(Role::User, "Hi"), turn(Role::Assistant, "Hello")]);
    assert_eq!(suite.probes[1].ask, Ask::from(kind::Prompt::new("Hi")));

    let bad = |messages: &[String], words: &[&str]| {
        let (_folder, path) = written("a.jsonl", chat(messages));
        fails(Suite::load(&path), FaultKind::BadRow, Some(1), words);
    };
    bad(&[], &["message of the user"]);
    bad(&[message("assistant", "Hello")], &["message of the user"]);
    bad(&[message("user", "Hi"), message("tool", "42")], &["message 2", "`tool`"]);
    bad(&[message("user", "Hi"), message("system", "Late.")], &["message 2", "`system`"]);
    bad(&["{\"role\":\"user\",\"content\":null}".to_owned()], &["`content` of message 1", "null"]);
}

#[test]
fn published_prompts() {
    let load = |name: &str| published(name).map(|path| Suite::load(&path).unwrap().probes);
    if let Some(path) = published("gsm8k/test.jsonl") {
        let suite = import::gsm8k_prompt(&path).unwrap();
        assert_eq!(suite.probes.len(), 1319);
        // Their own worked answers are right.
        let scored = import::gsm8k(&path).unwrap();
        for (probe, worked) in suite.probes.iter().zip(&scored.probes) {
            let Ask::Text(kind::Text { text, .. }) = &worked.ask else { panic!() };
            assert_eq!(probe.checker().unwrap().unwrap().check(text), Checked::Right, "{text}");
        }
    }
    if let Some(probes) = load("ifeval/input_data.jsonl") {
        assert_eq!(probes.len(), 541);
        let unchecked = probes.iter().filter(|probe| prompt_of(probe).2.is_none()).count();
        assert_eq!(unchecked, 2, "those that ask for Swahili");
    }
    for (name, expected) in [
        ("mt_bench/question.jsonl", 80),
        ("vicuna80/question.jsonl", 80),
        ("self_instruct/user_oriented_instructions.jsonl", 252),
    ] {
        if let Some(probes) = load(name) {
            assert_eq!(probes.len(), expected, "{name}");
        }
    }
}

#[test]
fn lines_with_a_prompt_are_asked_freely_without_naming_columns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("asked.jsonl");
    let lines = "{\"id\": \"a\", \"system\": null, \"prompt\": \"x\"}\n{\"id\": \"b\", \"system\": \"be brief\", \"prompt\": \"y\"}\n";
    std::fs::write(&path, lines).unwrap();
    let suite = Suite::load(&path).unwrap();
    let asked: Vec<_> = suite
        .probes
        .iter()
        .map(|probe| match &probe.ask {
            Ask::Prompt(kind::Prompt { prompt, system, .. }) => (probe.id.as_str(), prompt.as_str(), system.as_deref()),
            _ => panic!("{probe:?}"),
        })
        .collect();
    assert_eq!(asked, [("a", "x", None), ("b", "y", Some("be brief"))]);
}
