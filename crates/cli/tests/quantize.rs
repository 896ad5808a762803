//! `hydrometer quantize` from the command line, on the embedded teacher and on a folder.

#![allow(clippy::unwrap_used)]

use crate::support;

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use support::Desk;

fn bench() -> Desk {
    let bench = Desk::new();
    bench.copy_teacher("teacher.gguf");
    bench
}

/// The audit that is printed is one that runs, and finds what four bits cost.
#[test]
fn a_quantised_model_is_written_and_the_audit_that_is_named_accounts_for_it() {
    let bench = bench();
    let [table, talk] = bench.run(0, &["quantize", "teacher.gguf", "--to", "q4_k"]);
    insta::assert_snapshot!(table, @r"
    type   tensors            bytes
    Q5_0        42        1,317,888
    Q8_0         1          417,792
    F32         13            9,984
    weights: 2,833,152 bytes before, 1,745,664 after (61.6 %, 6.04 bits a weight); file: 1,809,344 bytes
    ");
    assert!(talk.contains("rows of 192 are no multiple of 256, so Q5_0 instead of Q4_K (blk.0.attn_"), "{talk}");
    let line = talk.lines().find_map(|line| line.strip_prefix("what did it cost? hydrometer ")).unwrap();
    assert_eq!(line, "audit --teacher teacher.gguf --student teacher-q4_k.gguf");
    fs::write(bench.path("text.txt"), "The keeper wrote down the weather every evening, and so on. ".repeat(30))
        .unwrap();
    let audit: Vec<&str> =
        line.split(' ').chain("--text text.txt --ctx 64 --chunks 4 --out run --json".split(' ')).collect();
    let [statement, _] = bench.run(0, &audit);
    let statement: Value = serde_json::from_str(&statement).unwrap();
    let kl = statement["metrics"].as_array().unwrap().iter().find(|metric| metric["id"] == "kl_divergence").unwrap();
    let kl = kl["estimate"]["value"].as_f64().unwrap();
    assert!(kl > 0.0 && kl < 0.2, "{kl}");
}

#[test]
fn nothing_is_replaced_unasked() {
    let bench = bench();
    fs::write(bench.path("teacher-f16.gguf"), "old").unwrap();
    let [_, talk] = bench.run(2, &["quantize", "teacher.gguf", "--to", "f16"]);
    assert!(talk.contains("teacher-f16.gguf is there already") && talk.contains("--force"), "{talk}");
    assert_eq!(fs::read_to_string(bench.path("teacher-f16.gguf")).unwrap(), "old");
    bench.run(0, &["quantize", "teacher.gguf", "--to", "f16", "--force"]);
    assert!(fs::read(bench.path("teacher-f16.gguf")).unwrap().starts_with(b"GGUF"));
    let [_, talk] = bench.run(2, &["quantize", "teacher.gguf", "--to", "q8_0", "--out", "./teacher.gguf", "--force"]);
    assert!(talk.contains("is the model itself"), "{talk}");
}

#[test]
fn a_folder_becomes_a_file_and_json_says_everything() {
    let bench = bench();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/reference/tiny-llama");
    let folder = folder.to_str().unwrap();
    let arguments = ["quantize", folder, "--to", "q8_0", "--output-tensor-type", "f16", "--out", "it's.gguf", "--json"];
    let [json, _] = bench.run(0, &arguments);
    let json: Value = serde_json::from_str(&json).unwrap();
    let tensors = json["tensors"].as_array().unwrap();
    let output = tensors.iter().find(|tensor| tensor["name"] == "output.weight").unwrap();
    assert_eq!((&output["from"], &output["to"], &output["instead_of"]), (&"BF16".into(), &"F16".into(), &Value::Null));
    let sum = |key: &str| tensors.iter().map(|tensor| tensor[key].as_u64().unwrap()).sum::<u64>();
    assert_eq!(json["bytes_after"].as_u64().unwrap(), sum("bytes"));
    assert!(json["audit"].as_str().unwrap().ends_with(r"--student 'it'\''s.gguf'"), "{json}");
    assert_eq!(json["file_bytes"].as_u64().unwrap(), fs::metadata(bench.path("it's.gguf")).unwrap().len());
}

#[test]
fn mistakes_are_named() {
    let bench = bench();
    let check = |arguments: &[&str], expected: &str| {
        let [_, talk] = bench.run(2, &[&["quantize"], arguments].concat());
        assert!(talk.contains(expected), "{talk}");
    };
    check(&["teacher.gguf", "--to", "q3_k"], "no tensor type to write is called \"q3_k\"; there are f32, bf16,");
    check(&["scripted:x.toml", "--to", "q8_0"], "scripted:x.toml has no weights on disk");
    check(&["gone.gguf", "--to", "q8_0"], "gone.gguf");
    check(&["teacher.gguf", "--to", "q8_0", "--out", "no/where.gguf"], "there is no folder no");
}

/// A disk that is full: the message says so, and nothing half-written stays.
#[cfg(unix)]
#[test]
fn a_full_disk_leaves_nothing_behind() {
    let bench = bench();
    let binary = env!("CARGO_BIN_EXE_hydrometer");
    // A limit on the size of files, in blocks of 1,024 bytes, stands for a disk with no more room.
    let script = format!("trap '' XFSZ; ulimit -f 500; exec '{binary}' quantize teacher.gguf --to f16");
    let output = Command::new("bash").args(["-c", &script]).current_dir(bench.root()).output().unwrap();
    let talk = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{talk}");
    assert!(talk.contains("teacher-f16.gguf: cannot write: ") && talk.contains("hint: nothing was kept"), "{talk}");
    let names: Vec<_> = fs::read_dir(bench.root()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["teacher.gguf"]);
}
