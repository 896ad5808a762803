//! Ladders from the command line: made, asked, and what of them to train on.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const TEACHER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/teacher.gguf");

fn hydrometer(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hydrometer"));
    command.current_dir(folder).env("XDG_CACHE_HOME", folder.join("cache")).args(arguments).output().unwrap()
}

fn done(folder: &Path, arguments: &[&str]) -> String {
    let output = hydrometer(folder, arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn refused(folder: &Path, arguments: &[&str], expected: &str) {
    let output = hydrometer(folder, arguments);
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && talk.contains(expected), "{arguments:?}: {talk}");
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_control_student_and_where_the_student_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    done(folder, &["probes", "generate", "--axis", "reasoning", "--ladders", "4", "--out", "ladders.jsonl"]);
    let (student, control) = (format!("planted:narrowed=1({TEACHER})"), format!("planted:narrowed=2({TEACHER})"));
    let models = ["audit", "--teacher", TEACHER, "--student", &student, "--probes", "ladders.jsonl"];
    let more = ["--control", &control, "--deployment", "reasoning.depth=1:70,2:20,40:10", "--out", "run"];
    let output = hydrometer(folder, &[&models[..], &more].concat());
    let (shown, talk) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{talk}");
    // One greedy answer of each of three.
    assert!(talk.contains("72 free answers wanted"), "{talk}");
    // The demo's teacher can do nothing of it, so that there is nothing to weigh.
    let said = |shown: &str| shown.split_whitespace().collect::<Vec<_>>().join(" ");
    let nothing = "Benchmark illusion: not measured: on no axis is the teacher shown to do better than chance";
    assert!(shown.contains("control") && said(&shown).contains(nothing), "{shown}");
    let statement: Value = serde_json::from_slice(&std::fs::read(folder.join("run/statement.json")).unwrap()).unwrap();
    assert!(statement["control"]["surgery"].as_str().unwrap().contains("narrowed"), "{}", statement["control"]);
    let curve = &statement["geometry"]["axes"][0];
    assert!(curve["rings"][5]["control"]["value"].is_number(), "{curve}");
    let table = done(folder, &["report", "run", "--format", "csv"]);
    for metric in ["control_success", "deployment_volume", "benchmark_illusion"] {
        assert!(table.contains(metric), "{metric}: {table}");
    }
    let page = std::fs::read_to_string(folder.join("run/report.html")).unwrap();
    assert!(page.contains("control student") && page.contains("Benchmark illusion"));
    let manifest: Value = serde_json::from_slice(&std::fs::read(folder.join("run/manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["settings"]["deployment"]["reasoning.depth"][2]["weight"], 10.0);

    // Without weights it is said what is missing, on a terminal and in the table.
    let shown = done(folder, &[&models[..], &["--out", "nobody"]].concat());
    assert!(said(&shown).contains("Benchmark illusion: not measured"), "{shown}");
    let expected = "expected AXIS.KNOB=VALUE:WEIGHT";
    for wrong in ["reasoning.depth=1", "depth=1:2", "reasoning.depth=1:-2", "reasoning.depth=1:x"] {
        refused(folder, &[&models[..], &["--deployment", wrong]].concat(), expected);
    }
    refused(
        folder,
        &[&models[..], &["--deployment", "reasoning.tools=1:2"]].concat(),
        "suite's knobs: reasoning.depth",
    );
    refused(folder, &[&models[..], &["--deployed-on", "ladders.jsonl"]].concat(), "--trained-on");
    std::fs::write(
        folder.join("flat.jsonl"),
        "{\"id\":\"a\",\"family\":\"a\",\"axis\":\"a\",\"kind\":\"prompt\",\"prompt\":\"Hi\"}\n",
    )
    .unwrap();
    let flat = ["audit", "--teacher", TEACHER, "--student", &student, "--probes", "flat.jsonl", "--control", &control];
    refused(folder, &flat, "the suite has nothing of it");
}

#[test]
fn what_a_student_lost_is_exported_fresh() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let generate = ["probes", "generate", "--axis", "novel_instructions", "--ladders", "4"];
    let asked = lines(&done(folder, &generate));
    assert_eq!(asked.len(), 24);
    done(folder, &[&generate[..], &["--out", "ladders.jsonl"]].concat());
    let student = format!("planted:narrowed=1({TEACHER})");
    let audit = ["audit", "--teacher", TEACHER, "--student", &student, "--probes", "ladders.jsonl", "--out", "run"];
    done(folder, &[&audit[..], &["--trained-to", "novel_instructions.constraints=2"]].concat());
    let statement: Value = serde_json::from_slice(&std::fs::read(folder.join("run/statement.json")).unwrap()).unwrap();
    let curve = &statement["geometry"]["axes"][0];
    assert_eq!((curve["knob"].as_str(), curve["trained_to"].as_f64()), (Some("constraints"), Some(2.0)));
    assert_eq!(curve["rings"].as_array().unwrap().len(), 6);

    // Ring 4 is four rules, ring 5 is six.
    let export = ["probes", "export", "--from", "run", "--axis", "novel_instructions"];
    let exported = lines(&done(folder, &[&export[..], &["--ring", "5", "--count", "40"]].concat()));
    assert_eq!(exported.len(), 40);
    let words = |line: &Value| line["messages"][0]["content"].as_str().unwrap().to_owned();
    assert!(exported.iter().all(|line| line["knob"]["value"] == 6.0), "{exported:?}");
    let asked: BTreeSet<String> = asked.iter().map(|line| line["prompt"].as_str().unwrap().to_owned()).collect();
    assert!(exported.iter().map(words).collect::<BTreeSet<_>>().is_disjoint(&asked));
    assert_eq!(exported.iter().map(words).collect::<BTreeSet<_>>().len(), 40, "each once");

    // With the seed of the audit its own prompts are the first that are drawn.
    let same = lines(&done(folder, &[&export[..], &["--seed", "1", "--count", "40"]].concat()));
    assert!(same.len() == 40 && same.iter().map(words).collect::<BTreeSet<_>>().is_disjoint(&asked));

    // Trained on, they say what the student was trained to; what is said beside them counts more.
    std::fs::write(folder.join("set.jsonl"), done(folder, &[&export[..], &["--ring", "3"]].concat())).unwrap();
    let statement = |out: &str, more: &[&str]| -> Value {
        done(folder, &[&audit[..7], &["--trained-on", "set.jsonl", "--out", out], more].concat());
        serde_json::from_slice(&std::fs::read(folder.join(out).join("statement.json")).unwrap()).unwrap()
    };
    let again = statement("again", &[]);
    let curve = &again["geometry"]["axes"][0];
    assert_eq!((curve["trained_to"].as_f64(), &curve["trained_to_by"]), (Some(3.0), &"distillation_set".into()));
    assert_eq!(curve["rings"][2]["outer"], 1.0, "{curve}");
    let notes = again["notes"].to_string();
    assert!(notes.contains("novel_instructions.constraints=3, of 500 prompts that carry it"), "{notes}");
    let curve = &statement("said", &["--trained-to", "novel_instructions.constraints=4"])["geometry"]["axes"][0];
    assert_eq!((curve["trained_to"].as_f64(), &curve["trained_to_by"]), (Some(4.0), &"said".into()));
    let elsewhere = "{\"prompt\":\"p\",\"axis\":\"reasoning\",\"knob\":{\"name\":\"depth\",\"value\":3}}\n";
    std::fs::write(folder.join("elsewhere.jsonl"), elsewhere.repeat(20)).unwrap();
    refused(
        folder,
        &[&audit[..7], &["--trained-on", "elsewhere.jsonl"]].concat(),
        "the set's prompts carry none of its knobs",
    );
    refused(folder, &[&export[..], &["--ring", "7"]].concat(), "has rings 1 to 6");
    refused(folder, &[&export[..], &["--episodes"]].concat(), "no built-in ladders of episodes");
    refused(folder, &["probes", "export", "--from", "run", "--axis", "tool_use"], "only on: novel_instructions");
    refused(folder, &["probes", "generate", "--axis", "charm"], "expected one of");
    refused(folder, &["probes", "generate", "--axis", "reasoning", "--episodes"], "leave --episodes out");
    // Whoever asks for more than any audit can would wait for what memory does not hold.
    for (flag, many, most) in
        [("--ladders", "4294967295", "10,000"), ("--judgment", "1001", "1,000"), ("--judgment", "0", "1,000")]
    {
        refused(folder, &["probes", "generate", flag, many], &format!("expected a whole number from 1 to {most}"));
    }
    let wrong = ["--out", "other", "--trained-to", "novel_instructions.depth=2"];
    refused(folder, &[&audit[..7], &wrong].concat(), "one of the suite's knobs: novel_instructions.constraints");
}

#[test]
fn episodes_that_a_student_lost_are_exported_fresh() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let generate =
        ["probes", "generate", "--episodes", "--axis", "tool_use", "--ladders", "3", "--out", "episodes.jsonl"];
    done(folder, &generate);
    let asked = lines(&std::fs::read_to_string(folder.join("episodes.jsonl")).unwrap());
    let student = format!("planted:narrowed=1({TEACHER})");
    let audit = ["audit", "--teacher", TEACHER, "--student", &student, "--probes", "episodes.jsonl", "--out", "run"];
    done(folder, &[&audit[..], &["--samples", "1", "--max-tokens", "8"]].concat());

    // Ring 6 is eight calls, each of which a tool answers, between what the user says and the last words.
    let export = ["probes", "export", "--from", "run", "--axis", "tool_use", "--ring", "6"];
    let exported = lines(&done(folder, &[&export[..], &["--count", "40"]].concat()));
    assert_eq!(exported.len(), 40);
    for line in &exported {
        let messages = line["messages"].as_array().unwrap();
        let of = |role: &str| messages.iter().filter(|message| message["role"] == role).collect::<Vec<_>>();
        let called: Vec<&Value> =
            messages.iter().flat_map(|message| message["tool_calls"].as_array()).flatten().collect();
        assert!(line["axis"] == "tool_use" && line["knob"]["value"] == 8.0, "{line}");
        assert_eq!((called.len(), of("tool").len()), (8, 8), "{line}");
        for (call, answer) in called.iter().zip(of("tool")) {
            assert_eq!(call["id"], answer["tool_call_id"]);
            let function = &call["function"];
            assert!(serde_json::from_str::<Value>(function["arguments"].as_str().unwrap()).unwrap().is_object());
            assert!(line["tools"].as_array().unwrap().iter().any(|tool| tool["function"]["name"] == function["name"]));
            assert!(!answer["content"].as_str().unwrap().starts_with("Error"), "{line}");
        }
        assert_eq!((&messages[0]["role"], &messages[messages.len() - 1]["content"]), (&"user".into(), &"Done.".into()));
    }
    // What the user says in an episode that was asked, and in a conversation.
    let asked: BTreeSet<Vec<String>> = asked
        .iter()
        .map(|line| {
            line["turns"].as_array().unwrap().iter().map(|turn| turn["say"].as_str().unwrap().to_owned()).collect()
        })
        .collect();
    let said = |line: &Value| -> Vec<String> {
        let messages = line["messages"].as_array().unwrap().iter().filter(|message| message["role"] == "user");
        messages.map(|message| message["content"].as_str().unwrap().to_owned()).collect()
    };
    let found: BTreeSet<Vec<String>> = exported.iter().map(said).collect();
    assert_eq!(found.len(), 40, "each once");
    assert!(found.is_disjoint(&asked));
    // With the seed of the audit its own episodes are the first that are drawn.
    let same = lines(&done(folder, &[&export[..], &["--episodes", "--seed", "1", "--count", "40"]].concat()));
    assert!(same.len() == 40 && same.iter().map(said).collect::<BTreeSet<_>>().is_disjoint(&asked));
}

#[test]
fn calls_that_belong_into_one_answer_are_made_and_exported_where_they_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let generate = ["probes", "generate", "--axis", "parallel_calls", "--ladders", "2", "--out", "parallel.jsonl"];
    refused(folder, &generate, "it has episodes: add --episodes");
    done(folder, &[&generate[..], &["--episodes"]].concat());
    let asked = lines(&std::fs::read_to_string(folder.join("parallel.jsonl")).unwrap());
    assert!(asked.len() == 12 && asked.iter().all(|line| line["axis"] == "parallel_calls"), "{asked:?}");
    let student = format!("planted:narrowed=1({TEACHER})");
    let audit = ["audit", "--teacher", TEACHER, "--student", &student, "--probes", "parallel.jsonl", "--out", "run"];
    done(folder, &[&audit[..], &["--samples", "1", "--max-tokens", "8"]].concat());
    let export = ["probes", "export", "--from", "run", "--axis", "parallel_calls", "--ring", "4", "--count", "10"];
    let exported = lines(&done(folder, &export));
    assert_eq!(exported.len(), 10);
    for line in &exported {
        // The user, four calls in one message, their results in their order, the last words. More is beyond what the demo's teacher reads.
        let messages = line["messages"].as_array().unwrap();
        let calls = messages[1]["tool_calls"].as_array().unwrap();
        assert_eq!((messages.len(), calls.len()), (7, 4), "{line}");
        let ids = calls.iter().map(|call| &call["id"]);
        assert!(ids.eq(messages[2..6].iter().map(|message| &message["tool_call_id"])), "{line}");
        assert_eq!(calls.iter().map(|call| call["id"].as_str()).collect::<BTreeSet<_>>().len(), 4);
    }
}
