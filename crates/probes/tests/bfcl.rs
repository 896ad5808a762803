//! Rows of the Berkeley Function Calling Leaderboard as episodes: small ones of our own in its shape, those that are left out,
//! and, where `HYDROMETER_DATA` names a folder, the published ones.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "test code")]

use std::collections::BTreeMap;
use std::path::Path;

use hydrometer_probes::import::{Bfcl, bfcl};
use hydrometer_probes::kind::Episode;
use hydrometer_probes::world::{Call, Outcome, Running, Said};
use hydrometer_probes::{Ask, Probe, Suite};
use serde_json::{Map, Value, json};

fn lines(rows: &[Value]) -> String {
    rows.iter().map(|row| format!("{row}\n")).collect()
}

/// What is read of these rows and their possible answers.
fn read(name: &str, rows: &[Value], answers: &[Value]) -> Result<Bfcl, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, lines(rows)).unwrap();
    if !answers.is_empty() {
        std::fs::write(folder.path().join(format!("answer_{name}")), lines(answers)).unwrap();
    }
    let documents = [
        json!({"name": "book", "description": "Books.", "parameters": {"type": "dict", "properties": {
            "city": {"type": "string"}, "nights": {"type": "integer", "default": 1}}, "required": ["city"]}}),
        json!({"name": "pay", "description": "Pays.", "parameters": {"type": "dict", "properties": {
            "bill": {"type": "integer"}}, "required": ["bill"]}}),
    ];
    std::fs::write(folder.path().join("funcdoc_travel_booking.json"), lines(&documents)).unwrap();
    bfcl(&path, None).map_err(|error| error.to_string())
}

fn episode(probe: &Probe) -> &Episode {
    let Ask::Episode(episode) = &probe.ask else { panic!("{} is no episode", probe.id) };
    episode
}

fn call(name: &str, arguments: Value) -> Call {
    let Value::Object(arguments) = arguments else { panic!("{arguments}") };
    Call { name: name.to_owned(), arguments }
}

/// What becomes of these calls, turn by turn.
fn play(episode: &Episode, turns: &[Vec<Call>]) -> Outcome {
    let mut running = Running::start(episode);
    for calls in turns {
        if !calls.is_empty() {
            running.answer(Said { text: String::new(), calls: calls.clone(), malformed: None });
        }
        running.answer(Said { text: "Done.".to_owned(), calls: Vec::new(), malformed: None });
    }
    running.outcome()
}

fn function(name: &str) -> Value {
    json!({"name": name, "description": "Finds a room.", "parameters": {"type": "dict", "properties": {
        "city": {"type": "string"},
        "price": {"type": "float"},
        "corner": {"type": "tuple", "items": {"type": "float"}},
        "wishes": {"type": "array", "items": {"type": "string"}},
        "guest": {"type": "dict", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}},
        "view": {"type": "string", "enum": ["Sea", "Yard"], "default": "Yard", "optional": true},
        "code": {"type": "any"}
    }, "required": ["city", "price"]}})
}

fn question(id: &str, functions: Vec<Value>) -> Value {
    json!({"id": id, "question": [[{"role": "user", "content": format!("A room, please ({id}).")}]], "function": functions})
}

#[test]
fn a_call_is_right_by_any_of_its_possible_answers() {
    let answer = json!({"id": "simple_python_0", "ground_truth": [{"hotel.find": {
        "city": ["New York", "NYC"], "price": [80.0], "corner": [[1.5, 2.0], ""], "wishes": [["a bath", "a bed"], ""],
        "guest": [{"name": ["Ann"], "age": [7, ""]}, ""], "view": ["sea", ""]
    }}]});
    let found = read("rows.json", &[question("simple_python_0", vec![function("hotel.find")])], &[answer]).unwrap();
    let probe = &found.suite.probes[0];
    assert_eq!(
        (probe.axis.as_str(), probe.tags.as_slice(), &probe.knob),
        ("tool_use", &["bfcl:simple_python".to_owned()][..], &None)
    );
    let tool = &episode(probe).world.tools[0];
    assert_eq!((tool.name.as_str(), &tool.parameters["type"]), ("hotel_find", &json!("object")));
    assert_eq!(tool.parameters["properties"]["price"], json!({"type": "number"}));
    assert_eq!(tool.parameters["properties"]["corner"], json!({"type": "array", "items": {"type": "number"}}));
    assert_eq!(tool.parameters["properties"]["code"], json!({}));

    let succeeds = |name: &str, arguments: Value| play(episode(probe), &[vec![call(name, arguments)]]).success;
    let right = |arguments: Value| assert!(succeeds("hotel_find", arguments.clone()), "{arguments}");
    let wrong = |arguments: Value| assert!(!succeeds("hotel_find", arguments.clone()), "{arguments}");
    right(json!({"city": "NYC", "price": 80}));
    right(json!({"city": "new-york", "price": 80.0, "view": "Sea", "corner": [1.5, 2]}));
    right(json!({"city": "NYC", "price": 80, "wishes": ["A bath", "a bed"], "guest": {"name": "ann"}}));
    right(json!({"city": "NYC", "price": 80, "guest": {"name": "Ann", "age": 7}}));
    wrong(json!({"city": "Boston", "price": 80}));
    wrong(json!({"city": "NYC", "price": 81}));
    wrong(json!({"city": "NYC"}));
    wrong(json!({"city": "NYC", "price": 80, "view": "Yard"}));
    wrong(json!({"city": "NYC", "price": 80, "corner": [2, 1.5]}));
    wrong(json!({"city": "NYC", "price": 80, "wishes": ["a bed", "a bath"]}));
    wrong(json!({"city": "NYC", "price": 80, "guest": {"age": 7}}));
    wrong(json!({"city": "NYC", "price": 80, "guest": {"name": "Ann", "age": 7, "hat": 1}}));
    wrong(json!({"city": "NYC", "price": 80, "code": "x"}));
    assert!(!succeeds("hotel.find", json!({"city": "NYC", "price": 80})));
    // Once, and nothing refused on the way.
    let once = call("hotel_find", json!({"city": "NYC", "price": 80}));
    assert!(!play(episode(probe), &[vec![once.clone(), once.clone()]]).success);
    let refused = call("hotel_find", json!({"city": 3, "price": 80}));
    let outcome = play(episode(probe), &[vec![refused, once]]);
    assert_eq!((outcome.success, outcome.unmet.as_slice()), (false, &["1 call refused".to_owned()][..]));
}

#[test]
fn several_calls_in_any_order_and_no_call_at_all() {
    let wanted = |city: &str| json!({"find": {"city": [city], "price": [1, 2]}});
    let answer = json!({"id": "parallel_0", "ground_truth": [wanted("Rome"), wanted("Rome"), wanted("Oslo")]});
    let found = read("rows.json", &[question("parallel_0", vec![function("find")])], &[answer]).unwrap();
    let probe = &found.suite.probes[0];
    assert_eq!(probe.knob.as_ref().map(|knob| (knob.name.as_str(), knob.value)), Some(("calls", 3.0)));
    let find = |city: &str, price: u32| call("find", json!({"city": city, "price": price}));
    let succeeds = |calls: &[Call]| play(episode(probe), &[calls.to_vec()]).success;
    assert!(succeeds(&[find("Oslo", 1), find("Rome", 2), find("Rome", 1)]));
    assert!(!succeeds(&[find("Oslo", 1), find("Rome", 2)]));
    assert!(!succeeds(&[find("Oslo", 1), find("Oslo", 1), find("Rome", 1)]));

    let found = read("rows.json", &[question("irrelevance_0", vec![function("find")])], &[]).unwrap();
    let asked = episode(&found.suite.probes[0]);
    assert!(play(asked, &[Vec::new()]).success);
    for arguments in [json!({"city": "Rome", "price": 1}), json!({})] {
        assert!(!play(asked, &[vec![call("find", arguments)]]).success, "also a call that is refused is one");
    }
    let functions = ["find", "look", "seek"].map(function).to_vec();
    let answer = json!({"id": "multiple_0", "ground_truth": [{"look": {"city": ["Rome"], "price": [1]}}]});
    let found = read("rows.json", &[question("multiple_0", functions)], &[answer]).unwrap();
    assert_eq!(
        found.suite.probes[0].knob.as_ref().map(|knob| (knob.name.as_str(), knob.value)),
        Some(("functions", 3.0))
    );
}

/// A conversation of two turns.
fn conversation(id: &str, first: &str, second: &str) -> Value {
    let say = |text: &str| json!([{"role": "user", "content": text}]);
    json!({"id": id, "question": [say(first), say(second)], "involved_classes": ["TravelAPI"], "initial_config": {}})
}

#[test]
fn a_conversation_is_judged_turn_by_turn_by_what_its_user_says() {
    let row = conversation("multi_turn_base_4", "Book three nights, 3, in Rome.", "Pay the bill 1,205.");
    let answer = json!({"id": "multi_turn_base_4", "ground_truth": [["book('Rome', nights=3)"], ["pay(bill=1205)"]]});
    let found = read("rows.json", std::slice::from_ref(&row), &[answer]).unwrap();
    let probe = &found.suite.probes[0];
    assert_eq!((probe.id.as_str(), probe.family.as_str()), ("bfcl/multi_turn_base_4", "bfcl/multi_turn_4"));
    let book = || call("book", json!({"city": "Rome", "nights": 3}));
    let pay = |bill: u32| call("pay", json!({"bill": bill}));
    let played = |first: Vec<Call>, second: Vec<Call>| play(episode(probe), &[first, second]);
    assert!(played(vec![book()], vec![pay(1205)]).success);
    assert!(played(vec![pay(3), book()], vec![pay(1205)]).success, "looking around is no mistake");
    assert!(played(vec![book(), pay(1205)], Vec::new()).success, "done before it was asked for");
    let late = played(Vec::new(), vec![book(), pay(1205)]);
    assert_eq!((late.success, late.violated), (false, Some(1)));
    assert!(!played(vec![book()], vec![pay(1206)]).success);

    // A turn that wants nothing wants no call.
    let answer = json!({"id": "multi_turn_base_4", "ground_truth": [[], ["book(city='Rome')"]]});
    let found = read("rows.json", std::slice::from_ref(&row), &[answer]).unwrap();
    let asked = episode(&found.suite.probes[0]);
    let plain = || call("book", json!({"city": "Rome"}));
    assert!(play(asked, &[Vec::new(), vec![plain()]]).success);
    assert_eq!(play(asked, &[vec![plain()], vec![plain()]]).violated, Some(1));
}

#[test]
fn what_cannot_be_asked_is_left_out_with_its_reason() {
    let row = |id: &str| question(id, vec![function("find")]);
    let truth = |id: &str, call: Value| json!({"id": id, "ground_truth": [call]});
    let good = truth("simple_0", json!({"find": {"city": ["Rome"], "price": [1]}}));
    let check = |row: Value, answer: Value, word: &str| {
        let found =
            read("rows.json", &[self::question("simple_0", vec![function("find")]), row], &[good.clone(), answer]);
        let found = found.unwrap();
        assert_eq!((found.suite.probes.len(), found.refused.len()), (1, 1), "{word}");
        assert!(found.refused[0].why.contains(word), "{word:?} not in {}", found.refused[0].why);
    };
    check(row("simple_1"), truth("simple_1", json!({"seek": {}})), "not offered");
    check(row("simple_1"), truth("simple_1", json!({"find": {"town": ["Rome"]}})), "not declared");
    check(row("simple_1"), truth("simple_1", json!({"find": {"city": [3], "price": [1]}})), "its schema takes");
    check(row("simple_1"), truth("simple_1", json!({"find": {"city": ["Rome"]}})), "its own answer does not succeed");
    check(row("simple_1"), truth("simple_9", json!({"find": {}})), "not there");
    check(row("simple_1"), truth("simple_1", json!({"find": {"city": "Rome"}})), "no list");
    check(
        question("simple_1", vec![function("a.b"), function("a_b")]),
        truth("simple_1", json!({"a.b": {}})),
        "of one name",
    );
    let odd = json!({"name": "find", "parameters": {"type": "dict", "properties": {"at": {"type": "HashMap"}}}});
    check(question("simple_1", vec![odd]), truth("simple_1", json!({"find": {}})), "`HashMap`");

    let said = conversation("multi_turn_base_1", "Book a room in Rome.", "Pay the bill.");
    let turns = |calls: [&str; 2]| json!({"id": "multi_turn_base_1", "ground_truth": calls.map(|call| vec![call])});
    check(said.clone(), turns(["book(city='Rome')", "pay(bill=77)"]), "a tool's answer");
    check(said.clone(), turns(["book(city='Rome')", "pay(bill=number())"]), "more than literals");
    check(said, json!({"id": "multi_turn_base_1", "ground_truth": [[]]}), "another number of turns");
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let row = question("simple_0", vec![function("find")]);
    let answer = json!({"id": "simple_0", "ground_truth": [{"find": {"city": ["Rome"], "price": [1]}}]});
    let check = |rows: &[Value], answers: &[Value], words: &[&str]| {
        let error = read("rows.json", rows, answers).unwrap_err();
        for word in words {
            assert!(error.contains(word), "{word:?} not in {error}");
        }
    };
    check(std::slice::from_ref(&row), &[], &["answer_rows.json"]);
    check(&[row.clone(), row.clone()], std::slice::from_ref(&answer), &[":2", "each `id` once"]);
    check(std::slice::from_ref(&row), &[answer.clone(), answer], &["answer_rows.json:2", "of each `id` once"]);
    check(std::slice::from_ref(&row), &[json!({"id": "simple_0"})], &["answer_rows.json", "`ground_truth`"]);
    let nothing = json!({"id": "simple_0", "ground_truth": [{"seek": {}}]});
    check(&[row], &[nothing], &["rows that can be asked", "not offered"]);
}

/// The argument with another value than any that is acceptable.
fn altered(value: &Value) -> Value {
    match value {
        Value::String(text) => json!(format!("{text} and more of it")),
        Value::Number(number) => {
            json!(number.as_i64().map_or_else(|| json!(number.as_f64().unwrap() + 12_345.0), |n| json!(n + 12_345)))
        }
        Value::Bool(truth) => json!(!truth),
        Value::Array(items) => {
            Value::Array([items.as_slice(), &items[..1.min(items.len())], &[json!(98_765)]].concat())
        }
        Value::Object(fields) => {
            let fields: Map<String, Value> = fields.iter().map(|(key, value)| (key.clone(), altered(value))).collect();
            Value::Object(if fields.is_empty() { Map::from_iter([("more".to_owned(), json!(1))]) } else { fields })
        }
        Value::Null => json!("something"),
    }
}

#[test]
fn published_rows_are_solved_by_their_own_answers_and_by_no_altered_one() {
    let Some(folder) = std::env::var_os("HYDROMETER_DATA") else {
        eprintln!("SKIPPED: HYDROMETER_DATA is not set, bfcl was not read");
        return;
    };
    // File, rows, episodes made of them.
    let files = [
        ("simple_python", 400, 400),
        ("multiple", 200, 200),
        ("parallel", 200, 200),
        ("irrelevance", 240, 240),
        ("live_simple", 258, 255),
        ("live_parallel_multiple", 24, 23),
        ("multi_turn_base", 200, 20),
        ("multi_turn_long_context", 200, 21),
        ("multi_turn_miss_param", 200, 20),
    ];
    for (name, rows, episodes) in files {
        let path = Path::new(&folder).join(format!("bfcl/BFCL_v4_{name}.json"));
        assert!(path.exists(), "{} is absent", path.display());
        let Bfcl { suite: Suite { probes, .. }, calls, refused } = bfcl(&path, None).unwrap();
        let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
        refused.iter().for_each(|row| *reasons.entry(&row.why).or_default() += 1);
        let mut changed = 0;
        for (probe, turns) in probes.iter().zip(&calls) {
            let asked = episode(probe);
            assert!(play(asked, turns).success, "{}", probe.id);
            // Without any one call, with another value of any one argument, with a call too many.
            for (turn, place) in
                turns.iter().enumerate().flat_map(|(turn, calls)| (0..calls.len()).map(move |place| (turn, place)))
            {
                let mut fewer = turns.clone();
                let call = fewer[turn].remove(place);
                let elsewhere = turns.iter().flatten().filter(|other| **other == call).count() > 1;
                assert!(elsewhere || !play(asked, &fewer).success, "{}: without {}", probe.id, call.name);
                for (key, value) in &call.arguments {
                    let mut other = turns.clone();
                    other[turn][place].arguments.insert(key.clone(), altered(value));
                    let passes = play(asked, &other).success;
                    let either = value.is_boolean() && {
                        let wanted = serde_json::to_string(&asked.goal.called).unwrap();
                        wanted.contains("true") && wanted.contains("false")
                    };
                    assert!(elsewhere || either || !passes, "{}: {key} = {}", probe.id, altered(value));
                    changed += 1;
                }
            }
            if turns.iter().all(Vec::is_empty) {
                let tool = &asked.world.tools[0].name;
                assert!(!play(asked, &[vec![call(tool, json!({}))]]).success, "{}", probe.id);
            }
        }
        eprintln!(
            "{name}: {} of {rows} rows are episodes, {changed} arguments altered; left out: {reasons:?}",
            probes.len()
        );
        assert_eq!((probes.len() + refused.len(), probes.len()), (rows, episodes), "{name}");
    }
}
