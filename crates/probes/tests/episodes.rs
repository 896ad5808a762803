//! Episodes: the worlds do what their rules say, the generated ones can be solved and only so, and what happened can be
//! played again.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use hydrometer_probes::builtin::Profile;
use hydrometer_probes::builtin::episodes::{AXES, BY_NAME, STEPS, Solved, TURNS, ladders, solved};
use hydrometer_probes::families::SameContent;
use hydrometer_probes::kind::Episode;
use hydrometer_probes::world::{Call, Ending, Event, Outcome, Running, Said, Transcript, protocol};
use hydrometer_probes::{Ask, Probe, Suite, read_jsonl, write_jsonl};
use serde_json::{Value, json};

fn episode(solved: &Solved) -> &Episode {
    let Ask::Episode(episode) = &solved.probe.ask else { panic!("{} is no episode", solved.probe.id) };
    episode
}

fn words(text: &str) -> Said {
    protocol::read(text)
}

fn one(call: &Call) -> Said {
    protocol::read(&protocol::written(call))
}

/// Plays the calls of each turn; one that a fault befell is made again.
fn play(episode: &Episode, turns: &[Vec<Call>]) -> (Outcome, Transcript) {
    let mut running = Running::start(episode);
    for calls in turns {
        for call in calls {
            running.answer(one(call));
            let befallen = |event: &Event| matches!(event, Event::World(result) if result.fault.is_some());
            if running.events().last().is_some_and(befallen) {
                running.answer(one(call));
            }
        }
        running.answer(words("Done."));
    }
    (running.outcome(), running.transcript())
}

/// Where a call that changes something stands: turn and place, the look-ups left out.
fn acts(solved: &Solved) -> Vec<(usize, usize)> {
    let turns = solved.calls.iter().enumerate();
    let all = turns.flat_map(|(turn, calls)| calls.iter().enumerate().map(move |(place, call)| (turn, place, call)));
    all.filter(|(.., call)| !call.name.starts_with("find_")).map(|(turn, place, _)| (turn, place)).collect()
}

#[test]
fn every_generated_episode_is_solved_by_its_solution_and_only_by_it() {
    let all = solved(None, 10, 7);
    assert_eq!(all.len(), 10 * (6 + 12 + 6));
    for solved in &all {
        let (id, episode) = (&solved.probe.id, episode(solved));
        let (outcome, transcript) = play(episode, &solved.calls);
        assert!(outcome.success, "{id}: {outcome:?}\n{}", transcript.to_json());
        assert_eq!(outcome.recovered(), (!episode.faults.is_empty()).then_some(true), "{id}");
        assert_eq!(outcome.violated, None, "{id}");
        let kept = Transcript::from_json(&transcript.to_json()).unwrap();
        assert_eq!(kept.replay(episode).unwrap(), outcome, "{id}");

        let taught = solved.transcript().unwrap_or_else(|| panic!("{id}: no conversation solves it"));
        assert!(taught.replay(episode).unwrap().success, "{id}");
        let unsolved = Solved { calls: vec![Vec::new(); solved.calls.len()], ..solved.clone() };
        assert_eq!(unsolved.transcript(), None, "{id}");

        let fails = |calls: &[Vec<Call>], what: &str| {
            let outcome = play(episode, calls).0;
            assert!(!outcome.success, "{id} is solved with {what}");
            outcome
        };
        fails(&vec![Vec::new(); solved.calls.len()], "nothing done");
        let acts = acts(solved);
        for (turn, place) in [acts[0], acts[acts.len() - 1]] {
            let mut missing = solved.calls.clone();
            missing[turn].remove(place);
            fails(&missing, "a call missing");
            let mut wrong = solved.calls.clone();
            let arguments = &mut wrong[turn][place].arguments;
            let key = arguments.keys().next_back().unwrap().clone();
            arguments[&key] = if arguments[&key].is_i64() { json!(7_777) } else { json!("x99") };
            fails(&wrong, "a wrong argument");
        }
        let mut damaged = solved.calls.clone();
        let bystander = bystander(episode, solved);
        damaged[0].push(bystander);
        assert!(!fails(&damaged, "damage left behind").damage.is_empty(), "{id} sees no damage");
    }
}

#[test]
fn calls_at_once_have_no_room_one_after_the_other_and_are_in_no_suite() {
    assert!(ladders(None, 5, 7).iter().all(|probe| probe.axis != BY_NAME[0]));
    let all = solved(Some(BY_NAME[0]), 10, 7);
    assert_eq!(all.len(), 10 * 6);
    let worlds: BTreeSet<&str> = all.iter().map(|solved| solved.probe.tags[0].as_str()).collect();
    assert_eq!(worlds.len(), 5, "{worlds:?}");
    for solved in &all {
        let (id, episode) = (&solved.probe.id, episode(solved));
        let calls = solved.probe.knob.as_ref().unwrap().value as usize;
        assert_eq!(solved.calls[0].len(), calls, "{id}");
        let at_once = solved.transcript().unwrap_or_else(|| panic!("{id}: not solved in one answer"));
        assert!(at_once.replay(episode).unwrap().success, "{id}");
        let outcome = play(episode, &solved.calls).0;
        let ending = if calls > 2 { Ending::Steps } else { Ending::Done };
        assert_eq!((outcome.success, outcome.ending), (calls <= 2, ending), "{id}: {outcome:?}");
        // One too few, and one too many.
        let written = |calls: &[Call]| calls.iter().map(protocol::written).collect::<Vec<_>>().join("\n");
        for wrong in [&solved.calls[0][1..], &[&solved.calls[0][..], &[bystander(episode, solved)]].concat()] {
            let mut running = Running::start(episode);
            running.answer(words(&written(wrong)));
            running.answer(words("Done."));
            assert!(!running.outcome().success, "{id} is solved by {wrong:?}");
        }
    }
    let suite = Suite { name: "parallel".to_owned(), probes: all.into_iter().map(|solved| solved.probe).collect() };
    suite.validate().unwrap();
    assert_eq!(SameContent::of(&suite.probes).merged(), 0);
}

#[test]
fn every_fault_befalls_episodes_of_the_standard_suite_and_of_every_world() {
    let met = |probes: &[Probe]| -> BTreeSet<(&'static str, String)> {
        let recovery = probes.iter().filter(|probe| probe.axis == "error_recovery");
        let of = |probe: &Probe| {
            let Ask::Episode(episode) = &probe.ask else { return Vec::new() };
            let kinds: Vec<&'static str> = episode.faults.iter().map(|fault| fault.kind.name()).collect();
            assert!(kinds.iter().all(|kind| probe.tags.contains(&format!("fault:{kind}"))), "{}", probe.id);
            kinds.into_iter().map(|kind| (kind, probe.tags[0].clone())).collect::<Vec<_>>()
        };
        recovery.flat_map(of).collect()
    };
    let standard = met(&Suite::builtin(Profile::Standard, 1).probes);
    let kinds: BTreeSet<&str> = standard.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, ["empty", "error", "partial", "stale", "timeout", "wrong_type"].into());
    assert_eq!(met(&ladders(Some("error_recovery"), 30, 2)).len(), 5 * 6, "of every world every kind");
}

/// A call that does something right to an entry that nobody spoke of.
fn bystander(episode: &Episode, solved: &Solved) -> Call {
    let (turn, place) = acts(solved)[0];
    let mut call = solved.calls[turn][place].clone();
    if call.name == "record" {
        call.arguments.insert("item".to_owned(), json!("anchor"));
        return call;
    }
    let (collection, entries) = episode.world.state.iter().next().unwrap();
    let entries = entries.as_object().unwrap();
    let named = |id: &str| {
        episode.goal.state.get(collection).is_some_and(|of| of.get(id).is_some())
            || episode.goal.absent.iter().any(|place| place.ends_with(id))
    };
    let free = entries.keys().find(|id| !named(id)).unwrap();
    let target = call.arguments.values_mut().find(|value| value.as_str().is_some_and(|id| entries.contains_key(id)));
    *target.unwrap() = json!(free);
    call
}

#[test]
fn ladders_are_families_and_differ() {
    let probes = ladders(None, 12, 3);
    let suite = Suite { name: "episodes".to_owned(), probes };
    suite.validate().unwrap();
    assert_eq!(SameContent::of(&suite.probes).merged(), 0);
    assert_eq!(suite.probes, ladders(None, 12, 3), "one seed, one suite");
    assert_ne!(suite.probes, ladders(None, 12, 4));
    let families: BTreeSet<_> = suite.probes.iter().map(|probe| probe.family.as_str()).collect();
    assert_eq!(families.len(), 12 * AXES.len());
    let knobs = |axis: &str, name: &str| -> BTreeSet<u64> {
        let of = suite.probes.iter().filter(|probe| probe.axis == axis).filter_map(|probe| probe.knob.as_ref());
        of.inspect(|knob| assert_eq!(knob.name, name)).map(|knob| knob.value as u64).collect()
    };
    assert_eq!(knobs("tool_use", "steps"), STEPS.iter().map(|of| *of as u64).collect());
    assert_eq!(knobs("error_recovery", "fault_step"), (1..=6).collect());
    assert_eq!(knobs("long_horizon", "ledger_turns"), TURNS.iter().map(|of| *of as u64).collect());
    // Every faulty episode has its twin, and only twins lack the knob.
    let twins = suite.probes.iter().filter(|probe| probe.tags.iter().any(|tag| tag == "fault:none"));
    assert!(twins.clone().all(|probe| probe.knob.is_none()));
    assert_eq!(twins.count(), 12 * 6);
    // What is written is what is read.
    let mut lines = Vec::new();
    write_jsonl(&suite, &mut lines).unwrap();
    assert_eq!(read_jsonl(lines.as_slice(), "episodes").unwrap(), suite);
}

fn small(rules: &Value) -> Episode {
    let episode = json!({
        "turns": [{"say": "Go."}],
        "world": {
            "state": {"n": 5, "list": [1], "boxes": {"a/b": {"owner": "Mia", "open": true}, "c": {"owner": "Noor"}}},
            "tools": [{
                "name": "act",
                "description": "acts",
                "parameters": {"type": "object", "properties": {"box": {"type": "string"}, "by": {"type": "integer"}}},
                "rules": rules.get("rules").cloned().unwrap_or(json!([])),
                "result": rules["result"],
            }],
        },
        "goal": {"may_change": ["/n", "/list", "/boxes"], "called": [{"name": "act"}]},
        "steps": 4,
    });
    serde_json::from_value(episode).unwrap()
}

fn suite_of(episode: Episode) -> Suite {
    let probe = hydrometer_probes::Probe {
        id: "e".to_owned(),
        family: "f".to_owned(),
        axis: "a".to_owned(),
        tags: Vec::new(),
        knob: None,
        boundary: None,
        ask: Ask::Episode(episode),
    };
    Suite { name: "s".to_owned(), probes: vec![probe] }
}

#[test]
fn rules_do_what_is_written() {
    let check = |rules: Value, arguments: Value, expected: &str| {
        let episode = small(&rules);
        suite_of(episode.clone()).validate().unwrap_or_else(|error| panic!("{rules}: {error}"));
        let mut running = Running::start(&episode);
        running.answer(one(&Call { name: "act".to_owned(), arguments: arguments.as_object().unwrap().clone() }));
        let Event::World(result) = running.events().last().unwrap() else { panic!() };
        assert_eq!(protocol::result_line(result), expected, "{rules}");
    };
    let box_c = || json!({"box": "c", "by": 3});
    check(json!({"result": {"$get": "/n"}, "rules": [{"add": {"at": "/n", "by": "{by}"}}]}), box_c(), "Result: 8");
    check(json!({"result": {"$get": "/boxes/{box}/owner"}}), json!({"box": "a/b"}), "Result: \"Mia\"");
    check(json!({"result": {"$get": "/boxes/{box}/owner"}}), json!({"box": "d"}), "Error: there is no boxes d owner");
    check(
        json!({"result": {"$where": {"at": "/boxes", "has": {"owner": "Noor"}}}}),
        box_c(),
        "Result: {\"c\":{\"owner\":\"Noor\"}}",
    );
    check(
        json!({"result": {"$keys": "/boxes"}, "rules": [{"remove": {"at": "/boxes/{box}"}}]}),
        box_c(),
        "Result: [\"a/b\"]",
    );
    check(
        json!({"result": {"$get": "/list"}, "rules": [{"push": {"at": "/list", "value": {"$multiply": [{"$get": "/n"}, "{by}"]}}}]}),
        box_c(),
        "Result: [1,15]",
    );
    check(json!({"result": "{box} has {by}"}), box_c(), "Result: \"c has 3\"");
    check(json!({"result": "{box}"}), json!({}), "Result:");
    let require = |that: Value| json!({"rules": [{"require": {"that": that, "else": "no {box}"}}]});
    check(require(json!({"at": "/boxes/{box}/open", "equals": true})), box_c(), "Error: no c");
    check(require(json!({"at": "/n", "at_least": "{by}", "at_most": 5})), box_c(), "Result: \"done\"");
    check(require(json!({"at": "/n", "at_least": 6})), box_c(), "Error: no c");
    check(require(json!({"at": "/boxes", "each_has": {"open": true}})), box_c(), "Error: no c");
    // What is refused before the world looks at it.
    check(json!({}), json!({"box": 7}), "Error: 7 is not of type \"string\"");
    check(json!({}), json!({"bax": "c"}), "Error: there is no argument `bax`; expected box, by");
    // What would grow without end does not.
    let huge = json!({"rules": [{"set": {"at": "/n", "to": "{box}".repeat(100)}}]});
    check(huge, json!({"box": "x".repeat(8000)}), "Error: the result is too large");
    check(
        json!({"rules": [{"add": {"at": "/n", "by": {"$multiply": [i64::MAX, 2]}}}]}),
        box_c(),
        "Error: the number is too large",
    );
}

#[test]
fn a_call_that_fails_changes_nothing() {
    let rules = json!({"rules": [
        {"set": {"at": "/n", "to": 9}},
        {"require": {"that": {"at": "/boxes/{box}", "exists": true}, "else": "none"}},
    ]});
    let mut episode = small(&rules);
    episode.goal = serde_json::from_value(json!({"state": {"n": 5}})).unwrap();
    let mut running = Running::start(&episode);
    let call = Call { name: "act".to_owned(), arguments: json!({"box": "zzz"}).as_object().unwrap().clone() };
    running.answer(one(&call));
    running.answer(one(&call));
    running.answer(words("Sorry."));
    let outcome = running.outcome();
    assert!(outcome.success, "{outcome:?}");
    assert_eq!((outcome.failed, outcome.repeated, outcome.calls), (2, 1, 2));
}

#[test]
fn answers_are_read_strictly_and_kept() {
    let check = |text: &str, calls: usize, malformed: bool| {
        let said = protocol::read(text);
        assert_eq!((said.calls.len(), said.malformed.is_some()), (calls, malformed), "{text:?}: {said:?}");
        assert_eq!(said.text, text);
    };
    check(r#"{"name": "a", "arguments": {}}"#, 1, false);
    check("\n {\"name\": \"a\", \"arguments\": {\"x\": 1}}\n{\"name\": \"b\", \"arguments\": {}} ", 2, false);
    check("I have done it.", 0, false);
    check("", 0, false);
    check(r#"{"name": "a"}"#, 0, true);
    check(r#"{"name": "a", "arguments": {}, "why": 1}"#, 0, true);
    check(r#"{"name": "a", "arguments": "{}"}"#, 0, true);
    check(r#"{"name": "a", "arguments": {}"#, 0, true);
    check(r#"{"name": "a", "arguments": {}} Done."#, 0, true);
    check("```json\n{\"name\": \"a\", \"arguments\": {}}\n```", 1, false);
    check("```\n{\"name\": \"a\",\n \"arguments\": {}}\n{\"name\": \"b\", \"arguments\": {}}```\n", 2, false);
    check("```json\n{\"name\": \"a\", \"arguments\": {}}\n", 0, true);
    check("```json\n{\"name\": \"a\", \"arguments\": {}}\n```\nDone.", 0, true);
    check("```\n{}\n```\n```\n{\"name\": \"a\", \"arguments\": {}}\n```", 0, true);
    check("[1]", 0, true);
    check("<think>{\"a\": 1}</think>\n{\"name\": \"a\", \"arguments\": {}}", 1, false);
    check("<think>{\"name\": \"a\", \"arguments\": {}}", 0, false);
}

#[test]
fn a_budget_a_context_and_a_condition_end_or_skip() {
    let mut episode = small(&json!({}));
    let turn = |say: &str, when: Value| serde_json::from_value(json!({"say": say, "when": when})).unwrap();
    episode.turns.push(turn("Never.", json!({"at": "/n", "equals": 6})));
    episode.turns.push(turn("Then.", json!({"at": "/n", "equals": 5})));
    let mut running = Running::start(&episode);
    running.answer(words("Well."));
    let said = |event: &Event| matches!(event, Event::User(text) if text == "Then.");
    assert!(running.events().last().is_some_and(said));
    running.answer(words("Good."));
    assert_eq!(running.ending(), Some(Ending::Done));
    assert_eq!(running.outcome().turns, 2);
    let mut running = Running::start(&episode);
    for _ in 0..9 {
        running.answer(words("{"));
    }
    let outcome = running.outcome();
    assert_eq!((outcome.ending, outcome.steps, outcome.malformed, outcome.repeated), (Ending::Steps, 4, 4, 3));
    // Four times the same with the same results is a circle; another word breaks it.
    episode.steps = 9;
    let mut running = Running::start(&episode);
    for said in ["{", "{", "{", "[", "{", "{", "{", "{"] {
        assert_eq!(running.ending(), None);
        running.answer(words(said));
    }
    assert_eq!((running.ending(), running.outcome().success), (Some(Ending::Circle), false));
    assert_eq!(running.transcript().replay(&episode), Ok(running.outcome()));
    // A turn that is violated is the last one.
    episode.turns[0].expect = Some(json!({"n": 6}));
    let mut running = Running::start(&episode);
    running.answer(words("Well."));
    assert_eq!((running.ending(), running.outcome().violated), (Some(Ending::Violated), Some(1)));
    episode.turns[0].expect = None;
    let mut running = Running::start(&episode);
    running.answer(words("{"));
    running.outgrown();
    assert_eq!(running.transcript().replay(&episode).unwrap().ending, Ending::Context);
}

#[test]
fn a_transcript_that_was_changed_is_noticed() {
    let solved = &solved(Some("tool_use"), 1, 1)[1];
    let (_, transcript) = play(episode(solved), &solved.calls);
    let check = |change: fn(&mut Transcript), words: &str| {
        let mut changed = transcript.clone();
        change(&mut changed);
        let error = changed.replay(episode(solved)).unwrap_err();
        assert!(error.contains(words), "{error}");
    };
    check(|of| of.ending = Ending::Steps, "found 6 and steps");
    check(|of| of.events[2] = Event::User("x".to_owned()), "event 2 is not");
    check(|of| drop(of.events.pop()), "the world has");
}

#[test]
fn episodes_that_cannot_be_played_are_refused_with_the_reason() {
    let check = |change: &dyn Fn(&mut Value), words: &str| {
        let mut value =
            serde_json::to_value(small(&json!({"rules": [{"remove": {"at": "/n"}}], "result": 1}))).unwrap();
        change(&mut value);
        let episode: Episode = serde_json::from_value(value).unwrap();
        let error = suite_of(episode).validate().unwrap_err().to_string();
        assert!(error.contains(words), "{words:?} not in {error}");
    };
    check(&|of| of["turns"] = json!([]), "1 to 64 turns");
    check(&|of| of["steps"] = json!(0), "1 to 256 `steps`");
    check(&|of| of["goal"] = json!({}), "something in `goal`");
    check(&|of| of["goal"] = json!({"called": [{"name": "fly"}]}), "`fly`");
    check(&|of| of["goal"] = json!({"absent": ["n"]}), "does not begin with `/`");
    check(&|of| of["world"]["tools"] = json!([]), "1 to 64 tools");
    check(&|of| of["world"]["tools"][0]["rules"] = json!([{"remove": {"at": "/{what}"}}]), "`what`, no parameter");
    check(&|of| of["world"]["tools"][0]["result"] = json!({"$run": "rm"}), "$run");
    check(&|of| of["world"]["tools"][0]["parameters"] = json!({"type": "string"}), "of type `object`");
    check(&|of| of["world"]["tools"][0]["name"] = json!("a b"), "letters, digits");
    check(&|of| of["world"]["state"]["big"] = json!("x".repeat(70_000)), "at most 64 KiB");
    check(&|of| of["faults"] = json!([{"at": {"call": 0}, "kind": "error"}]), "counted from 1");
    check(&|of| of["faults"] = json!([{"at": {"tool": {"name": "fly", "nth": 1}}, "kind": "error"}]), "`fly`");
    check(&|of| of["constraints"] = json!([{"at": "/n"}]), "says 0 things");
}

/// The example of the documents, as it stands there.
fn documented() -> Suite {
    let text = include_str!("../../../docs/episodes.md");
    let example = text.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("library.toml");
    std::fs::write(&path, example).unwrap();
    Suite::load(&path).unwrap()
}

#[test]
fn the_documented_world_works() {
    let suite = documented();
    let of = |place: usize| match &suite.probes[place].ask {
        Ask::Episode(episode) => episode,
        other => panic!("{other:?}"),
    };
    let call = |name: &str, arguments: Value| Call {
        name: name.to_owned(),
        arguments: arguments.as_object().unwrap().clone(),
    };
    let unlock = || call("unlock", json!({"shelf": "low"}));
    let carry = |books: u32| call("carry", json!({"from": "top", "to": "low", "books": books}));
    let (outcome, transcript) = play(of(0), &[vec![unlock(), carry(2)]]);
    assert!(outcome.success, "{outcome:?}");
    assert!(transcript.to_json().contains(r#"{"world":{"tool":"carry","value":{"left":1,"moved":2}}}"#));
    let locked = play(of(0), &[vec![carry(2)]]);
    assert_eq!(locked.0.failed, 1);
    assert!(locked.1.to_json().contains("low is locked"));
    let (outcome, _) = play(of(1), &[vec![unlock(), carry(2)], vec![carry(1)]]);
    assert_eq!((outcome.recovered(), outcome.turns), (Some(true), 2), "{outcome:?}");
    // The second turn is not said to one who has not done the first.
    assert_eq!(play(of(1), &[vec![unlock()]]).0.turns, 1);
}

#[test]
fn a_wrong_toml_file_names_its_line() {
    let check = |text: &str, words: &str| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.toml");
        std::fs::write(&path, text).unwrap();
        let error = Suite::load(&path).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    check("[world]\nstate = {\n", "x.toml:");
    check("wrold = {}\n", "x.toml:1");
    check("\n[[probe]]\nid = \"a\"\n", "x.toml:2: expected a field `family`");
    check(
        "[[probe]]\nid = \"a\"\nfamily = \"f\"\naxis = \"x\"\nturns = []\nsteps = 1\ngoal = {}\n",
        "expected a field `world`",
    );
    check("", "at least one probe");
}
