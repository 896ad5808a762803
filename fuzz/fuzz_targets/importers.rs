//! Other people's data as probes and answers: real lines of each kind, edited.
#![no_main]

mod edits;

use std::fs;

use edits::{Edit, edited, harmless};
use hydrometer_answers::RunFolder;
use hydrometer_answers::logged::{self, BadLines, Reading, Wanted, pair};
use hydrometer_ask::{ImportOptions, import};
use hydrometer_probes::import::{self as shapes, Columns};
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
const INSPECT: &[u8] = include_bytes!("../../crates/answers/tests/logged/inspect/letters_big.eval");
const PROMPTFOO: &[u8] = include_bytes!("../../crates/answers/tests/logged/promptfoo/results.jsonl");
const LIGHTEVAL: &[u8] =
    include_bytes!("../../crates/answers/tests/logged/lighteval/big/details_caps_mc_2026-11-28T21-51-30.parquet");
const CHAT: &[u8] =
    br#"{"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]},{"role":"assistant","content":"ho"}]}
"#;
const BATCH: &[u8] = br#"{"custom_id":"a","response":{"status_code":200,"body":{"model":"m","choices":[{"message":{"content":"x"},"finish_reason":"stop"}]}},"error":null}
"#;
const FILES: [(&str, &[u8]); 11] = [
    ("letters.eval", INSPECT),
    ("results.jsonl", PROMPTFOO),
    ("details_caps_2026.parquet", LIGHTEVAL),
    ("chat.jsonl", CHAT),
    ("batch.jsonl", BATCH),
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
            Err(error) => harmless(
                &hydrometer_report::printable(&error.to_string(), hydrometer_report::Color::Never).replace('\t', ""),
            ),
        }
    }
    for model in ["teacher", "student"] {
        fs::create_dir(home.path().join(model)).expect("a folder");
        fs::write(home.path().join(model).join(name), if model == "teacher" { original } else { &bytes })
            .expect("a file");
    }
    let both = [home.path().join("teacher").join(name), home.path().join("student").join(name)];
    // As a name in the files, and as the files.
    let [a, b] = both.each_ref().map(|path| path.display().to_string());
    for (teacher, student) in [(a, b), ("big".to_owned(), "small".to_owned())] {
        let names = [teacher.clone(), student.clone()];
        let columns = logged::Columns { models: names, ..logged::Columns::default() };
        let reading = Reading { format: None, columns, bad_lines: BadLines::Skip };
        let wanted = Wanted {
            teacher: teacher.clone(),
            student: student.clone(),
            filter: None,
            metric: None,
            epoch: None,
            threshold: None,
        };
        let paired = logged::read(&both, &reading).and_then(|files| pair(&files, &wanted));
        let paired = match paired {
            Ok(paired) => paired,
            Err(error) => {
                let said = hydrometer_report::printable(&error.to_string(), hydrometer_report::Color::Never);
                harmless(&said.replace('\t', ""));
                continue;
            }
        };
        let options = ImportOptions { teacher, student, drawn: None, seed: 1, arguments: Vec::new() };
        let run = home.path().join("run");
        import(&paired, &options, None, &run).expect("what was joined becomes a run");
        RunFolder::open(&run).expect("what was imported can be opened");
        let _ = fs::remove_dir_all(&run);
    }
});
