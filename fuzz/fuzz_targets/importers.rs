//! Other people's data as probes and answers: real lines of each kind, edited.
#![no_main]

mod edits;

use std::fs;

use edits::{Edit, edited, harmless};
use hydrometer_answers::RunFolder;
use hydrometer_ask::{ImportOptions, import};
use hydrometer_probes::import::{self as shapes, Columns};
use hydrometer_probes::paired::PairedAnswers;
use hydrometer_probes::{Suite, write_jsonl};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    sample: u8,
    edits: Vec<Edit>,
}

const GSM8K: &[u8] = include_bytes!("../../crates/probes/tests/fixtures/gsm8k_shape.jsonl");
const XSTEST: &[u8] = include_bytes!("../../crates/probes/tests/fixtures/xstest_shape.csv");
const PROBES: &[u8] = include_bytes!("../../crates/answers/tests/samples/run-v1-samples/probes.jsonl");
const TABLE: &[u8] = b"q,o,a\nIs water wet?,yes|no,yes\n\"Is \"\"ice\"\" hot?\",\"[\"\"yes\"\",\"\"no\"\"]\",1\n";
const LM_EVAL: &[u8] = br#"{"doc_id":0,"doc":{"question":"2+2?"},"target":"4","arguments":{"gen_args_0":{"arg_0":"2+2?","arg_1":{"until":["\n"]}}},"resps":[["4"]],"filtered_resps":["4"],"filter":"none","metrics":["exact_match"],"exact_match":1.0}
"#;
const FILES: [(&str, &[u8]); 6] = [
    ("probes.jsonl", PROBES),
    ("gsm8k.jsonl", GSM8K),
    ("xstest.csv", XSTEST),
    ("table.csv", TABLE),
    ("samples_task_2026-01-01T00-00-00.jsonl", LM_EVAL),
    ("text.txt", b" = Title = \n some words\n\n = = Part = = \n more\n"),
];

fuzz_target!(|input: Input| {
    let (name, original) = FILES[usize::from(input.sample) % FILES.len()];
    let home = tempfile::tempdir().expect("a folder");
    let bytes = edited(original, &input.edits);
    let path = home.path().join(name);
    fs::write(&path, &bytes).expect("a file");
    let columns = Columns {
        prompt: Some("q".to_owned()),
        options: Some("o".to_owned()),
        truth: Some("a".to_owned()),
        ..Columns::default()
    };
    let suites = [
        Suite::load(&path),
        shapes::text(&path),
        shapes::gsm8k(&path),
        shapes::gsm8k_prompt(&path),
        shapes::xstest(&path),
        shapes::ifeval(&path),
        shapes::mt_bench(&path),
        shapes::self_instruct(&path),
        shapes::csv(&path, &columns),
        shapes::jsonl(&path, &columns),
    ];
    for suite in suites {
        match suite {
            Ok(suite) => {
                suite.validate().expect("an importer makes suites that can be asked");
                write_jsonl(&suite, &mut Vec::new()).expect("a suite can be written");
            }
            Err(error) => harmless(&hydrometer_report::printable(&error.to_string(), hydrometer_report::Color::Never).replace('\t', "")),
        }
    }
    for model in ["teacher", "student"] {
        fs::create_dir(home.path().join(model)).expect("a folder");
        fs::write(home.path().join(model).join(name), if model == "teacher" { original } else { &bytes }).expect("a file");
    }
    let both = [home.path().join("teacher").join(name), home.path().join("student").join(name)];
    for files in [&both[..], &both[1..]] {
        let Ok(answers) = PairedAnswers::load(files) else { continue };
        let mut models: Vec<String> = answers.answers.iter().map(|answer| answer.model.clone()).collect();
        models.sort();
        models.dedup();
        let [teacher, student, ..] = models.as_slice() else { continue };
        let (teacher, student) = (teacher.clone(), student.clone());
        let options = ImportOptions { teacher, student, drawn: None, seed: 1, arguments: Vec::new() };
        let run = home.path().join("run");
        if import(&answers, &options, None, &run).is_ok() {
            RunFolder::open(&run).expect("what was imported can be opened");
        }
        let _ = fs::remove_dir_all(&run);
    }
});
