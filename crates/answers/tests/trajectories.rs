//! Trajectories of tau-bench and tau2: small files of our own in their shape, and those that no reader may accept.

#![allow(clippy::unwrap_used, reason = "test code")]

use std::path::PathBuf;

use hydrometer_answers::logged::{
    BadLines, Columns, Given, GivenRun, LoggedError, Paired, Reading, Wanted, pair, read,
};
use hydrometer_probes::Ask;
use hydrometer_probes::world::{Ending, Event};

const BIG: &str = "big";
const SMALL: &str = "small";

/// What `big.json` and `small.json` of these contents have in common.
fn paired_as(
    big: &str,
    small: &str,
    [teacher, student]: [&str; 2],
    threshold: Option<f64>,
) -> Result<Paired, LoggedError> {
    let folder = tempfile::tempdir().unwrap();
    let write = |(name, content): (&str, &str)| {
        let path: PathBuf = folder.path().join(format!("{name}.json"));
        std::fs::write(&path, content).unwrap();
        path
    };
    let paths = [(BIG, big), (SMALL, small)].map(write);
    let reading = Reading {
        format: None,
        columns: Columns { models: [teacher, student].map(str::to_owned), ..Columns::default() },
        bad_lines: BadLines::Refuse,
    };
    let wanted = Wanted { threshold, ..Wanted::of(teacher, student) };
    pair(&read(&paths, &reading)?, &wanted)
}

fn paired(big: &str, small: &str) -> Result<Paired, LoggedError> {
    paired_as(big, small, [BIG, SMALL], None)
}

fn runs(given: &Given) -> &[GivenRun] {
    let Given::Runs(runs) = given else { panic!("{given:?}") };
    runs
}

fn successes(given: &Given) -> Vec<bool> {
    runs(given).iter().map(|run| run.success).collect()
}

/// A trial of tau-bench.
fn trial(task: u32, trial: &str, reward: &str) -> String {
    format!(
        r#"{{"task_id":{task},"trial":{trial},"reward":{reward},"info":{{"task":{{"instruction":"Do {task}."}}}},
        "traj":[{{"role":"system","content":"Be kind."}},{{"role":"user","content":"hello"}},
        {{"role":"assistant","content":null,"tool_calls":[{{"id":"1","type":"function",
        "function":{{"name":"look","arguments":"{{\"at\": {task}}}"}}}}]}},
        {{"role":"tool","tool_call_id":"1","name":"look","content":"{{\"found\": 2}}"}},
        {{"role":"assistant","content":null,"tool_calls":[{{"id":"2","type":"function",
        "function":{{"name":"take","arguments":"{{}}"}}}}]}},
        {{"role":"tool","tool_call_id":"2","name":"take","content":"Error: nothing is there"}},
        {{"role":"assistant","content":"done {task}"}},{{"role":"user","content":"STOP"}}]}}"#
    )
}

/// A file: the rewards of each trial, task by task.
fn file(tasks: &[&[&str]]) -> String {
    let all: Vec<String> = (0..)
        .zip(tasks)
        .flat_map(|(task, rewards)| (0..).zip(*rewards).map(move |(n, reward)| trial(task, &format!("{n}"), reward)))
        .collect();
    format!("[{}]", all.join(","))
}

#[test]
fn a_task_is_a_family_and_a_trial_a_run_of_it() {
    let big = file(&[&["1.0", "1.0"], &["1.0", "0.0"]]);
    let small = file(&[&["1.0", "0.0"], &["0", "false"]]);
    let paired = paired(&big, &small).unwrap();
    assert_eq!(paired.questions.len(), 2);
    assert_ne!(paired.suite.probes[0].family, paired.suite.probes[1].family);
    let Ask::Trajectory(asked) = &paired.suite.probes[0].ask else { panic!() };
    assert_eq!((asked.task.as_str(), asked.system.as_deref()), ("Do 0.", Some("Be kind.")));
    assert_eq!(successes(&paired.questions[1].teacher), [true, false]);
    assert_eq!(successes(&paired.questions[1].student), [false, false]);

    let run = &runs(&paired.questions[0].teacher)[0];
    let outcome = run.transcript.as_logged(run.success);
    assert_eq!((outcome.steps, outcome.turns, outcome.calls, outcome.failed, outcome.repeated), (3, 2, 2, 1, 0));
    let [Event::User(hello), Event::Model(said), Event::World(found), _, Event::World(failed), ..] =
        run.transcript.events.as_slice()
    else {
        panic!("{:?}", run.transcript)
    };
    assert_eq!((hello.as_str(), said.calls[0].name.as_str()), ("hello", "look"));
    assert_eq!(said.calls[0].arguments["at"], 0);
    assert_eq!(found.value.as_ref().unwrap()["found"], 2);
    assert_eq!((failed.error.as_deref(), &failed.value), (Some("nothing is there"), &None));
}

#[test]
fn a_model_may_stand_against_itself() {
    let one = file(&[&["1.0", "0.0", "1.0"]]);
    let paired = paired_as(&one, &one, [BIG, BIG], None).unwrap();
    assert_eq!(paired.questions[0].teacher, paired.questions[0].student);
    assert_eq!(successes(&paired.questions[0].teacher), [true, false, true]);
}

#[test]
fn a_trial_that_failed_before_it_began_belongs_to_its_task() {
    let failed = r#"{"task_id":0,"trial":1,"reward":0.0,"info":{"error":"no connection"},"traj":[]}"#;
    let big = format!("[{},{failed}]", trial(0, "0", "1.0"));
    let paired = paired(&big, &file(&[&["1.0"]])).unwrap();
    assert_eq!(successes(&paired.questions[0].teacher), [true, false]);
    assert_eq!((paired.questions.len(), paired.report.missing), (1, 1));
    assert!(runs(&paired.questions[0].teacher)[1].transcript.events.is_empty());
}

#[test]
fn a_first_trial_that_failed_before_it_began_asked_in_no_other_words() {
    let failed = |task: u32| {
        format!(r#"{{"task_id":{task},"trial":0,"reward":0.0,"info":{{"error":"no connection"}},"traj":[]}}"#)
    };
    let whole = file(&[&["1.0", "1.0"], &["1.0", "1.0"]]);
    let small = format!("[{},{},{},{}]", failed(0), trial(0, "1", "1"), failed(1), trial(1, "1", "1"));
    // Or no other trial of the task, or of the file, says anything.
    let alone = format!("[{},{},{}]", failed(0), trial(1, "0", "1"), trial(1, "1", "1"));
    let none = format!("[{},{}]", failed(0), failed(1));
    for small in [&small, &alone, &none] {
        let paired = paired(&whole, small).unwrap();
        assert_eq!(paired.report.different_prompts, None, "{small}");
        assert_eq!((paired.questions.len(), paired.report.unworded), (2, 0), "{small}");
        assert!(!successes(&paired.questions[0].student)[0]);
    }
    // Other words are told still, by a trial that shows them.
    let other = small.replace("Be kind.", "Be quick.");
    assert_eq!(paired(&whole, &other).unwrap().report.different_prompts.unwrap().prompts, 2);
}

#[test]
fn a_task_that_is_judged_in_part_is_left_out() {
    let whole = file(&[&["1.0", "0.0"], &["1.0", "1.0"]]);
    let part = file(&[&["1.0", "0.0"], &["1.0", "null"]]);
    let found = paired(&whole, &part).unwrap();
    assert_eq!((found.questions.len(), found.report.unjudged), (1, 1));
    let absent = whole.replacen(r#""reward":0.0,"#, "", 1);
    assert_eq!(paired(&whole, &absent).unwrap().report.unjudged, 1);

    // A reward that is neither 0 nor 1 says nothing about its task, and nothing about the others.
    for reward in ["0.5", "-1", "1e308"] {
        let found = paired(&whole, &file(&[&["1.0", reward], &["1.0", "0.0"]])).unwrap();
        let left = (found.report.unjudged, found.report.not_compared.unusable_of_student);
        assert_eq!((found.questions.len(), left), (1, (1, 1)), "{reward}");
        assert_eq!(successes(&found.questions[0].student), [true, false]);
        let said = found.report.choices.join("\n");
        assert!(said.contains("`reward` is neither 0 nor 1 on 1 run, whose tasks are left out"), "{said}");
    }
    let graded = file(&[&["0.5", "0.25"], &["1.0", "0.7"]]);
    let error = paired(&graded, &graded).unwrap_err().to_string();
    assert!(error.contains("--threshold"), "{error}");
    let found = paired_as(&graded, &graded, [BIG, SMALL], Some(0.5)).unwrap();
    assert_eq!(successes(&found.questions[0].student), [true, false]);
}

#[test]
fn what_no_file_of_trajectories_may_hold() {
    let right = file(&[&["1.0", "0.0"]]);
    let check = |big: String, words: &[&str]| {
        let error = paired(&big, &right).unwrap_err().to_string();
        for word in words {
            assert!(error.contains(word), "{word:?} not in {error}");
        }
    };
    check(
        format!("[{},{}]", trial(0, "0", "1.0"), trial(0, "0", "0.0")),
        &["big.json:2", "each answer once", "big.json:1"],
    );
    for number in ["0.5", "-1", "\"first\"", "4294967295", "18446744073709551615"] {
        check(format!("[{}]", trial(0, number, "1.0")), &["big.json:1", "a whole number from 0 as `trial`"]);
    }
    check(right[..right.len() / 2].to_owned(), &["big.json", "a JSON array"]);
    check(right.replace(r#""task_id":0"#, r#""task_id":null"#), &["big.json:1", "a `task_id`"]);
    check(right.replace(r#""traj":["#, r#""traj":3,"x":["#), &["big.json:1", "a list of messages", "the number 3"]);

    // Arguments that are none are kept as they stand, and said to be malformed.
    let odd = right.replace(r#"{\"at\": 0}"#, "at 0");
    let found = paired(&odd, &right).unwrap();
    let Event::Model(said) = &runs(&found.questions[0].teacher)[0].transcript.events[1] else { panic!() };
    assert_eq!((said.text.as_str(), said.calls.len()), ("look(at 0)", 0));
    assert_eq!(said.malformed.as_deref(), Some("its arguments are no JSON object"));
}

#[test]
fn simulations_of_tau2() {
    let file = |model: &str, reward: &str, ended: &str| {
        format!(
            r#"{{"info":{{"agent_info":{{"llm":"{model}"}},"environment_info":{{"policy":"Be kind."}}}},
            "tasks":[{{"id":"7","user_scenario":{{"instructions":"Do."}}}}],
            "simulations":[{{"task_id":"7","trial":0,"reward_info":{{"reward":{reward}}},"termination_reason":"{ended}",
            "messages":[{{"role":"assistant","content":"so"}},
            {{"role":"user","tool_calls":[{{"id":"1","name":"dial","arguments":{{}},"requestor":"user"}}]}},
            {{"role":"tool","id":"1","content":"busy","requestor":"user","error":false}},
            {{"role":"assistant","tool_calls":[{{"id":"2","name":"look","arguments":{{"at":7}}}}]}},
            {{"role":"tool","id":"2","content":"no such line","requestor":"assistant","error":true}}]}}]}}"#
        )
    };
    let (big, small) = (file("gpt", "1.0", "user_stop"), file("mini", "0.0", "max_steps"));
    let paired = paired_as(&big, &small, ["gpt", "mini"], None).unwrap();
    let Ask::Trajectory(asked) = &paired.suite.probes[0].ask else { panic!() };
    assert_eq!((asked.task.as_str(), asked.system.as_deref()), ("Do.", Some("Be kind.")));
    let [teacher, student] = [&paired.questions[0].teacher, &paired.questions[0].student].map(|given| &runs(given)[0]);
    assert_eq!((teacher.success, teacher.transcript.ending), (true, Ending::Done));
    assert_eq!((student.success, student.transcript.ending), (false, Ending::Steps));
    let outcome = student.transcript.as_logged(false);
    assert_eq!((outcome.steps, outcome.turns, outcome.calls, outcome.failed), (2, 2, 1, 1));
}
