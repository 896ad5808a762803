//! Trajectories that other harnesses logged, through the command line: what succeeded, what was lost, how often runs in a row
//! succeed, what the teacher scores against itself, and transcripts side by side.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "test code")]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

const GPT4O: &str = "tau_bench/gpt-4o-airline.json";

/// The statement on two files, or on one model against itself.
fn import(files: &[&Path], teacher: &str, student: &str) -> (tempfile::TempDir, Value) {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_hydrometer"))
        .args(["answers", "import", "--teacher", teacher, "--student", student, "--json", "--out"])
        .arg(folder.path().join("run"))
        .args(files)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    (folder, serde_json::from_slice(&output.stdout).unwrap())
}

fn estimate<'s>(statement: &'s Value, id: &str) -> &'s Value {
    let metric = statement["metrics"].as_array().unwrap().iter().find(|metric| metric["id"] == id).unwrap();
    &metric["estimate"]
}

fn near(value: &Value, expected: f64) {
    let value = value.as_f64().unwrap();
    assert!((value - expected).abs() < 1e-12, "{value}, expected {expected}");
}

/// pass^k for k from 1 on, of teacher and student.
fn pass(statement: &Value, whose: &str) -> Vec<f64> {
    let all = statement["episodes"]["axes"][0]["pass"].as_array().unwrap();
    all.iter().map(|of| of[whose].as_f64().unwrap()).collect()
}

/// mean of C(c, k)/C(n, k) by its definition.
fn expected(passed: &[u32], n: u32) -> Vec<f64> {
    let choose = |n: u32, k: u32| (0..k).map(|i| f64::from(n.saturating_sub(i)) / f64::from(i + 1)).product::<f64>();
    (1..=n).map(|k| passed.iter().map(|&c| choose(c, k) / choose(n, k)).sum::<f64>() / passed.len() as f64).collect()
}

fn same(found: &[f64], expected: &[f64]) {
    let close = found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12);
    assert!(found.len() == expected.len() && close, "{found:?}, expected {expected:?}");
}

/// A file of tau-bench: the rewards of the trials of each task. Tasks differ in their words.
fn file(folder: &Path, name: &str, tasks: &[[u32; 4]]) -> PathBuf {
    let trial = |task: usize, trial: usize, reward: u32| {
        json!({
            "task_id": task, "trial": trial, "reward": f64::from(reward),
            "info": {"task": {"instruction": format!("Return parcel {task}.")}},
            "traj": [
                {"role": "system", "content": "Be kind."},
                {"role": "user", "content": format!("I return parcel {task}.")},
                {"role": "assistant", "content": null, "tool_calls": [
                    {"id": "c", "type": "function", "function": {"name": "refund", "arguments": format!("{{\"parcel\": {}}}", task + 1 - reward as usize)}}
                ]},
                {"role": "tool", "tool_call_id": "c", "name": "refund", "content": "done"},
                {"role": "assistant", "content": "It is refunded."}
            ]
        })
    };
    let trials = tasks.iter().enumerate().flat_map(|(task, rewards)| {
        rewards.iter().enumerate().map(move |(number, &reward)| trial(task, number, reward))
    });
    let path = folder.join(format!("{name}.json"));
    std::fs::write(&path, Value::Array(trials.collect()).to_string()).unwrap();
    path
}

#[test]
fn rewards_judge_and_the_teachers_own_trials_are_the_floor() {
    let folder = tempfile::tempdir().unwrap();
    let teacher = file(folder.path(), "big", &[[1, 1, 1, 1], [1, 1, 1, 0], [0, 1, 1, 1], [1, 1, 1, 1]]);
    let student = file(folder.path(), "small", &[[1, 1, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1], [1, 0, 0, 0]]);
    let (run, statement) = import(&[&teacher, &student], "big", "small");
    let success = estimate(&statement, "episode_success");
    near(&success["value"], 7.0 / 16.0);
    near(&success["floor"], 14.0 / 16.0);
    // Teacher's success times the student's failure, task by task.
    near(&estimate(&statement, "episode_lost")["value"], (0.5 + 0.75 + 0.0 + 0.75) / 4.0);
    near(&estimate(&statement, "episode_net_loss")["value"], 7.0 / 16.0);
    // First two trials against the last two: half a loss on the second task, half a gain on the third.
    near(&estimate(&statement, "episode_lost")["floor"], 0.5 / 4.0);
    near(&estimate(&statement, "episode_net_loss")["floor"], 0.0);
    same(&pass(&statement, "teacher"), &expected(&[4, 3, 3, 4], 4));
    same(&pass(&statement, "student"), &expected(&[2, 0, 4, 1], 4));
    let runs = &statement["episodes"]["student"];
    assert_eq!((&runs["succeeded"], &runs["succeeded_by_number"]), (&json!(7), &json!([3, 2, 1, 1])));
    let notes = statement["notes"].to_string();
    assert!(notes.contains("4 tasks were carried out elsewhere") && notes.contains("its log, the reward"), "{notes}");

    // Side by side: together up to the call that differs.
    let case = &statement["episode_cases"][0];
    assert_eq!(
        (case["teacher_ended"].as_str(), case["student_ended"].as_str()),
        (Some("a success by its log"), Some("a failure by its log"))
    );
    assert_eq!(case["together"].as_array().unwrap().len(), 1, "{case}");
    assert_eq!(
        (&case["teacher"][0]["text"], &case["student"][0]["text"]),
        (&json!("refund({\"parcel\": 1})"), &json!("refund({\"parcel\": 2})"))
    );
    let page = std::fs::read_to_string(run.path().join("run/report.html")).unwrap();
    assert!(page.contains("here they part") && page.contains("Runs in a row"), "the transcripts are not on the page");

    // What was imported is opened again and judged again like any other run.
    let again =
        Command::new(env!("CARGO_BIN_EXE_hydrometer")).arg("report").arg(run.path().join("run")).output().unwrap();
    assert_eq!(again.status.code(), Some(0), "{}", String::from_utf8_lossy(&again.stderr));
}

#[test]
fn gpt_4o_on_airlines_against_itself() {
    let Some(folder) = std::env::var_os("HYDROMETER_DATA") else {
        eprintln!("SKIPPED: HYDROMETER_DATA is not set, {GPT4O} was not read");
        return;
    };
    let path = PathBuf::from(folder).join(GPT4O);
    assert!(path.exists(), "{} is absent", path.display());
    // The file by itself: how often each of 50 tasks succeeded in four trials.
    let trials: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let (mut by_task, mut by_trial) = ([0_u32; 50], [0_u32; 4]);
    for trial in &trials {
        let right = u32::from(trial["reward"] == 1.0);
        by_task[trial["task_id"].as_u64().unwrap() as usize] += right;
        by_trial[trial["trial"].as_u64().unwrap() as usize] += right;
    }
    assert_eq!((by_trial, by_task.iter().sum::<u32>()), ([21, 22, 20, 21], 84));

    let name = "gpt-4o-airline";
    let (run, statement) = import(&[&path], name, name);
    near(&estimate(&statement, "episode_success")["value"], 84.0 / 200.0);
    near(&estimate(&statement, "episode_net_loss")["value"], 0.0);
    near(&estimate(&statement, "episode_net_loss")["floor"], (21.0 + 22.0 - 20.0 - 21.0) / 100.0);
    for whose in ["teacher", "student"] {
        same(&pass(&statement, whose), &expected(&by_task, 4));
    }
    let runs = &statement["episodes"]["teacher"];
    assert_eq!((&statement["episodes"]["logged"], &runs["runs"]), (&json!(50), &json!(200)));
    assert_eq!((&runs["succeeded"], &runs["succeeded_by_number"]), (&json!(84), &json!([21, 22, 20, 21])));
    let shown =
        Command::new(env!("CARGO_BIN_EXE_hydrometer")).arg("report").arg(run.path().join("run")).output().unwrap();
    let text: Vec<&str> = std::str::from_utf8(&shown.stdout).unwrap().split_whitespace().collect();
    assert!(text.join(" ").contains("200 runs, 84 succeed (21, 22, 20, 21 by the number of the run)"), "{text:?}");
}

#[test]
fn trials_that_the_student_lacks_are_missing() {
    let folder = tempfile::tempdir().unwrap();
    let tasks = |rewards: fn(usize) -> [u32; 4]| (0..80).map(rewards).collect::<Vec<_>>();
    let big = file(folder.path(), "big", &tasks(|_| [1; 4]));
    let whole = file(folder.path(), "whole", &tasks(|task| [1, u32::from(task % 2 > 0), 1, 1]));
    let all: Vec<Value> = serde_json::from_slice(&std::fs::read(&whole).unwrap()).unwrap();
    let kept = |name: &str, keep: fn(&Value) -> bool| {
        let path = folder.path().join(format!("{name}.json"));
        std::fs::write(&path, Value::Array(all.iter().filter(|trial| keep(trial)).cloned().collect()).to_string())
            .unwrap();
        path
    };
    let policy = folder.path().join("policy.toml");
    std::fs::write(&policy, "[[gate]]\nmetric = \"episode_net_loss\"\nat_most = 0.05\n").unwrap();
    let gate = |student: &Path| {
        let name = student.file_stem().unwrap().to_str().unwrap();
        let (run, _) = import(&[&big, student], "big", name);
        let run = run.path().join("run");
        let mut command = Command::new(env!("CARGO_BIN_EXE_hydrometer"));
        let output = command.arg("gate").arg(run).arg("--policy").arg(&policy).output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" "),
        )
    };
    // Without the trials that went wrong nothing is lost.
    let (code, said) = gate(&kept("drops", |trial| trial["reward"] == 1.0));
    assert!(code == Some(3) && said.contains("no answer that can be used to 10 of 80 questions"), "{said}");
    // Fewer of every task are a smaller sample and hide nothing.
    let (code, said) = gate(&kept("fewer", |trial| trial["trial"] == 0));
    assert_eq!(code, Some(0), "{said}");
}
