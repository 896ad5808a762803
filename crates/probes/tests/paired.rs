//! Answers that already exist, on small files of our own and, where `HYDROMETER_DATA` names a folder, on the published
//! ones.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hydrometer_probes::kind;
use hydrometer_probes::paired::{GivenAnswer, PairedAnswers};
use hydrometer_probes::{Ask, Check, Checked, FaultKind, ProbeError};

/// A file or folder of the published data, or a loud line that it is not there.
fn published(name: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("HYDROMETER_DATA") else {
        eprintln!("SKIPPED: HYDROMETER_DATA is not set, {name} was not read");
        return None;
    };
    Some(Path::new(&folder).join(name))
}

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    folder
}

fn load(folder: &tempfile::TempDir, names: &[&str]) -> Result<PairedAnswers, ProbeError> {
    let paths: Vec<PathBuf> = names.iter().map(|name| folder.path().join(name)).collect();
    PairedAnswers::load(&paths)
}

fn fails(result: Result<PairedAnswers, ProbeError>, kind: FaultKind, line: Option<u64>, words: &[&str]) {
    let error = result.unwrap_err();
    let (found, fault) = error.fault().unwrap();
    assert_eq!((fault.kind, found), (kind, line), "{error}");
    for word in words {
        assert!(error.to_string().contains(word), "{word:?} not in {error}");
    }
}

fn short(answer: &GivenAnswer) -> (&str, &str, u32, &str, Option<bool>) {
    (&answer.probe, &answer.model, answer.sample, &answer.text, answer.correct)
}

/// How many prompts are right by both, only the first, only the second, neither.
fn cells(paired: &PairedAnswers, first: &str, second: &str) -> [usize; 4] {
    let mut right: BTreeMap<&str, [bool; 2]> = BTreeMap::new();
    for answer in &paired.answers {
        for (place, model) in [first, second].into_iter().enumerate() {
            if answer.model == model {
                right.entry(&answer.probe).or_default()[place] = answer.correct.unwrap();
            }
        }
    }
    let count = |cell: [bool; 2]| right.values().filter(|&&found| found == cell).count();
    [count([true, true]), count([true, false]), count([false, true]), count([false, false])]
}

const SOLUTIONS: &str = r#"{"question":"1+1?","ground_truth":"Count.\nA: 2","big":{"is_correct":true,"solution":"A: 2"},"small":{"is_correct":false,"solution":"A: 3"}}
"#;

#[test]
fn solutions_have_a_field_per_model() {
    let files = folder(&[("solutions.jsonl", SOLUTIONS)]);
    let paired = load(&files, &["solutions.jsonl"]).unwrap();
    let given: Vec<_> = paired.answers.iter().map(short).collect();
    let (big, small) =
        (("gsm8k/00001", "big", 0, "A: 2", Some(true)), ("gsm8k/00001", "small", 0, "A: 3", Some(false)));
    assert_eq!(given, [big, small]);
    assert_eq!(paired.suite.probes[0].tags, ["depth:1"]);
    let check = paired.suite.probes[0].checker().unwrap().unwrap();
    assert_eq!((check.check("A: 2"), check.check("A: 3")), (Checked::Right, Checked::Wrong));

    let broken = SOLUTIONS.replace("\"is_correct\":true", "\"is_correct\":1");
    let files = folder(&[("solutions.jsonl", &broken)]);
    fails(load(&files, &["solutions.jsonl"]), FaultKind::MissingField, Some(1), &["`big`", "is_correct"]);
}

#[test]
fn a_folder_has_a_file_per_model() {
    let questions = "{\"question_id\":1,\"text\":\"How?\",\"category\":\"generic\"}\n";
    let answer = |id: u32| format!("{{\"question_id\":{id},\"text\":\"So.\",\"model_id\":\"x\"}}\n");
    let files = folder(&[
        ("set/question.jsonl", questions),
        ("set/answer_b.jsonl", &answer(1)),
        ("set/answer_a.jsonl", &answer(1)),
        ("set/notes.txt", "none"),
    ]);
    let paired = load(&files, &["set"]).unwrap();
    let given: Vec<_> = paired.answers.iter().map(short).collect();
    assert_eq!(given, [("vicuna/00001", "a", 0, "So.", None), ("vicuna/00001", "b", 0, "So.", None)]);

    let files = folder(&[("set/question.jsonl", questions), ("set/answer_a.jsonl", &answer(2))]);
    fails(load(&files, &["set"]), FaultKind::BadRow, None, &["vicuna/00002"]);
    let files = folder(&[("set/question.jsonl", questions), ("set/answer_a.jsonl", &answer(1).repeat(2))]);
    fails(load(&files, &["set"]), FaultKind::DuplicateId, None, &["`a`"]);
    let files = folder(&[("set/question.jsonl", questions)]);
    fails(load(&files, &["set"]), FaultKind::MissingField, None, &["answer_MODEL.jsonl"]);
}

#[test]
fn xstest_labels_say_what_is_correct() {
    let header = "id,type,prompt,completion,final_label\n";
    let rows = |safe: &str, other: &str| {
        format!("{header}v2-1,homonyms,Kill it?,\"Yes, so.\",{safe}\nv2-2,contrast_homonyms,Kill him?,No.,{other}\n")
    };
    let one = rows("1_full_compliance", "2_full_refusal");
    let two = rows("3_partial_refusal", "");
    let files = folder(&[("one.csv", &one), ("two.csv", &two)]);
    let paired = load(&files, &["one.csv", "two.csv"]).unwrap();
    let correct: Vec<_> = paired.answers.iter().map(|answer| (answer.model.as_str(), answer.correct)).collect();
    assert_eq!(correct, [("one", Some(true)), ("one", Some(true)), ("two", Some(false)), ("two", None)]);
    assert_eq!(paired.answers[2].label.as_deref(), Some("3_partial_refusal"));
    assert_eq!(paired.answers[3].label, None);
    let [safe, contrast] = paired.suite.probes.as_slice() else { panic!() };
    assert_eq!((safe.id.as_str(), &safe.ask), ("xstest/1", &Ask::from(kind::Prompt::new("Kill it?"))));
    assert_eq!(safe.family, contrast.family, "the pair is a family");

    let files = folder(&[("one.csv", &rows("maybe", ""))]);
    fails(load(&files, &["one.csv"]), FaultKind::BadRow, Some(2), &["`maybe`"]);
    let files = folder(&[("one.csv", &one), ("two.csv", &one.replace("Kill it", "Stop it"))]);
    fails(load(&files, &["one.csv", "two.csv"]), FaultKind::BadRow, Some(2), &["xstest/1"]);
    let files = folder(&[("one.csv", "id,prompt\n1,x\n")]);
    fails(load(&files, &["one.csv"]), FaultKind::UnknownColumns, None, &["completion"]);
}

#[test]
fn lm_eval_samples_are_read_once_per_document() {
    let line = |id: u32, doc: &str, resps: &str, filter: &str, score: &str| {
        format!(
            "{{\"doc_id\":{id},\"doc\":{{\"q\":\"{doc}\"}},\"target\":\"2\",\
             \"arguments\":{{\"gen_args_0\":{{\"arg_0\":\"Q: {doc}\",\"arg_1\":{{}}}}}},\"resps\":{resps},\
             \"filter\":\"{filter}\",\"metrics\":[\"exact_match\"],\"exact_match\":{score}}}\n"
        )
    };
    let big =
        line(0, "1+1", r#"[["2","two"]]"#, "strict", "1.0") + &line(0, "1+1", r#"[["2","two"]]"#, "flexible", "0.0");
    let small = line(0, "1+1", r#"[["3"]]"#, "strict", "0.0");
    // An older version: a list of lists, no filter and no metric named.
    let old = r#"{"doc_id":0,"doc":{"q":"1+1"},"arguments":[["Q: 1+1",{}]],"resps":[["4"]],"acc":false}"#;
    let file = "samples_gsm8k_cot_2024-05-01T10-00-00.jsonl";
    let paths = [format!("big/{file}"), format!("small/{file}"), format!("old/{file}")];
    let names: Vec<&str> = paths.iter().map(String::as_str).collect();
    let files = folder(&[(names[0], &big), (names[1], &small), (names[2], old)]);
    let paired = load(&files, &names).unwrap();
    let given: Vec<_> = paired.answers.iter().map(short).collect();
    let id = "gsm8k_cot/00000";
    assert_eq!(
        given,
        [
            (id, "big", 0, "2", Some(true)),
            (id, "big", 1, "two", None),
            (id, "small", 0, "3", Some(false)),
            (id, "old", 0, "4", Some(false)),
        ]
    );
    assert_eq!(paired.suite.probes[0].ask, Ask::from(kind::Prompt::new("Q: 1+1")));

    let files = folder(&[(names[0], &big), (names[1], &line(0, "2+2", r#"[["4"]]"#, "strict", "1.0"))]);
    fails(load(&files, &names[..2]), FaultKind::BadRow, Some(1), &["gsm8k_cot/00000"]);
    let files = folder(&[(names[0], &line(0, "1+1", r#"[[["-1.5","False"]],[["-2.5","True"]]]"#, "none", "1.0"))]);
    fails(load(&files, &names[..1]), FaultKind::MissingField, Some(1), &["log-likelihood"]);
    let files = folder(&[(names[0], &line(0, "1+1", r#"[["2"]]"#, "strict", "1.0").repeat(2))]);
    fails(load(&files, &names[..1]), FaultKind::DuplicateId, Some(2), &["gsm8k_cot/00000"]);
}

#[test]
fn published_gsm8k_solutions() {
    let Some(path) = published("gsm8k/example_model_solutions.jsonl") else { return };
    let paired = PairedAnswers::load(&[path]).unwrap();
    assert_eq!((paired.suite.probes.len(), paired.answers.len()), (1319, 4 * 1319));
    assert_eq!(cells(&paired, "175b_finetuning", "6b_finetuning"), [198, 260, 88, 773]);
    assert_eq!(cells(&paired, "175b_verification", "6b_verification"), [436, 306, 79, 498]);
    // Our checker against the file's judgement.
    let checks: BTreeMap<&str, Check> =
        paired.suite.probes.iter().map(|probe| (probe.id.as_str(), probe.checker().unwrap().unwrap())).collect();
    let judged = |answer: &GivenAnswer| checks[answer.probe.as_str()].check(&answer.text) == Checked::Right;
    for answer in &paired.answers {
        assert_eq!(Some(judged(answer)), answer.correct, "{answer:?}");
    }
}

#[test]
fn published_vicuna_and_xstest() {
    if let Some(path) = published("vicuna80") {
        let paired = PairedAnswers::load(&[path]).unwrap();
        assert_eq!((paired.suite.probes.len(), paired.answers.len()), (80, 6 * 80));
    }
    let files = ["instruct", "guard"]
        .map(|model| published(&format!("xstest/xstest_v2_completions_mistral{model}_gpteval.csv")));
    if let [Some(instruct), Some(guard)] = files {
        let paired = PairedAnswers::load(&[instruct, guard]).unwrap();
        assert_eq!((paired.suite.probes.len(), paired.answers.len()), (450, 900));
        let [instruct, guard] =
            ["instruct", "guard"].map(|model| format!("xstest_v2_completions_mistral{model}_gpteval"));
        assert_eq!(cells(&paired, &instruct, &guard), [273, 45, 123, 9]);
    }
}
