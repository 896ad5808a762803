//! The Berkeley Function Calling Leaderboard (Patil et al., ICML 2025): functions that are offered, what the user says, and
//! beside it, in a file of their own, the possible answers. A row becomes an episode whose tools take a call down and say
//! `done`: the classes behind the leaderboard's functions are programs, and are not here.
//!
//! A row that cannot be asked that way is left out, with its reason; so is one whose own possible answer does not succeed.

mod literal;
mod turns;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::{each_object, name, string, wrong};
use crate::error::{Fault, FaultKind, ProbeError, quote};
use crate::kind::{Decoding, Episode, UserTurn};
use crate::validate::validate_at;
use crate::world::{Call, Calls, Goal, Running, Said, Tool, WantedCall, World, pattern_fits};
use crate::{Knob, Probe, Suite};

/// The axis of all of it.
const AXIS: &str = "tool_use";
/// What a possible answer calls an argument that may be left out.
const LEFT_OUT: &str = "";
/// Answers of the model beside one for each call: the last words, and one that is no call.
const SPARE_STEPS: u32 = 2;

/// Rows of the leaderboard as episodes.
#[derive(Clone, Debug)]
pub struct Bfcl {
    /// The episodes.
    pub suite: Suite,
    /// For each of them the first of its possible answers: the calls that each turn of the user wants.
    pub calls: Vec<Vec<Vec<Call>>>,
    /// Rows that are no episodes.
    pub refused: Vec<RefusedRow>,
}

/// A row that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedRow {
    /// Its identifier.
    pub id: String,
    /// Why, as a fragment that rows of the same trouble share.
    pub why: String,
}

/// An episode with the calls that solve it.
struct Asked {
    episode: Episode,
    knob: Option<Knob>,
    calls: Vec<Vec<Call>>,
}

/// Whether the first row of a file is one of the leaderboard.
pub(super) fn is(first: &Map<String, Value>) -> bool {
    let turns = first.get("question").is_some_and(|turns| turns.get(0).is_some_and(Value::is_array));
    turns && (first.contains_key("function") || first.contains_key("involved_classes"))
}

/// Reads rows of `id`, `question` and `function` (or `involved_classes`), and their possible answers: from `answers`, or where
/// they are published, in `answer_FILE` beside it or in `possible_answer/FILE`. Rows called `irrelevance` have none: no call may
/// be made.
///
/// # Errors
/// A file that cannot be read, of another shape, or without its answers; no row of it can be asked.
pub fn bfcl(path: &Path, answers: Option<&Path>) -> Result<Bfcl, ProbeError> {
    let name = name(path);
    let mut rows = Vec::new();
    each_object(path, |_, line, fields| {
        let id = string(fields, "id")?.to_owned();
        if rows.iter().any(|(_, known, _)| *known == id) {
            let next = "remove one of them";
            return Err(Fault::new(FaultKind::BadRow, "each `id` once", format!("a second {}", quote(&id)), next));
        }
        rows.push((line, id, fields.clone()));
        Ok(())
    })?;
    let wants_none = rows.iter().all(|(_, id, _)| no_call(id));
    let answers = match answers.map(Path::to_owned).or_else(|| beside(path)) {
        Some(file) => possible_answers(&file)?,
        None if wants_none => BTreeMap::new(),
        None => {
            let expected = format!("the possible answers in `answer_{name}` beside it, or named with --answers");
            let next = "without them nobody can say which calls are right";
            return Err(ProbeError::file(&name, Fault::new(FaultKind::MissingField, expected, "no such file", next)));
        }
    };
    let documents = turns::Documents::beside(path);
    let (mut made, mut lines) = (
        Bfcl { suite: Suite { name: name.clone(), probes: Vec::new() }, calls: Vec::new(), refused: Vec::new() },
        Vec::new(),
    );
    for (line, id, fields) in rows {
        let asked = if fields.contains_key("involved_classes") {
            turns::row(&fields, answers.get(&id), &documents)
        } else {
            row(&id, &fields, answers.get(&id))
        };
        match asked.and_then(|asked| solved(&asked).map(|()| asked)) {
            Ok(Asked { episode, knob, calls }) => {
                made.suite.probes.push(Probe {
                    id: format!("bfcl/{}", super::slug(&id)),
                    family: family(&id),
                    axis: AXIS.to_owned(),
                    tags: vec![format!("bfcl:{}", category(&id))],
                    knob,
                    boundary: None,
                    ask: episode.into(),
                });
                made.calls.push(calls);
                lines.push(line);
            }
            Err(why) => made.refused.push(RefusedRow { id, why }),
        }
    }
    if let Some(RefusedRow { id, why }) = made.refused.first().filter(|_| made.suite.probes.is_empty()) {
        let found = format!("{}: {why}", quote(id));
        let next = "no row of this file can be asked as an episode";
        return Err(ProbeError::file(&name, Fault::new(FaultKind::BadRow, "rows that can be asked", found, next)));
    }
    validate_at(&name, &made.suite.probes, &lines)?;
    Ok(made)
}

/// Where the possible answers of a file are published.
fn beside(path: &Path) -> Option<PathBuf> {
    let file = path.file_name()?;
    let named = path.with_file_name(format!("answer_{}", file.to_string_lossy()));
    let folder = path.parent()?.join("possible_answer").join(file);
    [named, folder].into_iter().find(|path| path.exists())
}

fn possible_answers(path: &Path) -> Result<BTreeMap<String, Value>, ProbeError> {
    let mut all = BTreeMap::new();
    each_object(path, |_, _, fields| {
        let id = string(fields, "id")?.to_owned();
        let truth = fields.get("ground_truth").filter(|truth| truth.is_array());
        let truth = truth.ok_or_else(|| wrong(fields, "ground_truth", "an array"))?;
        match all.insert(id.clone(), truth.clone()) {
            Some(_) => {
                let found = format!("a second one of {}", quote(&id));
                Err(Fault::new(FaultKind::BadRow, "the answers of each `id` once", found, "remove one of them"))
            }
            None => Ok(()),
        }
    })?;
    Ok(all)
}

/// `live_simple` of `live_simple_3-2-1`.
fn category(id: &str) -> &str {
    id.rsplit_once('_').map_or(id, |(category, _)| category)
}

/// Live rows of one function share a family (`live_simple_NUMBER-FUNCTION-WORDING`), and so do the shapes of one conversation.
fn family(id: &str) -> String {
    let (category, number) = id.rsplit_once('_').unwrap_or((id, ""));
    let function = number.split('-').nth(1);
    let shared = match function {
        Some(function) => format!("{category}_{function}"),
        None if category.starts_with("multi_turn") => format!("multi_turn_{number}"),
        None => id.to_owned(),
    };
    format!("bfcl/{}", super::slug(&shared))
}

/// Whether the right answer to rows of this name is no call.
fn no_call(id: &str) -> bool {
    category(id).ends_with("irrelevance")
}

/// A row of one message.
fn row(id: &str, fields: &Map<String, Value>, truth: Option<&Value>) -> Result<Asked, String> {
    let (system, said) = messages(fields)?;
    let [say] = said.as_slice() else { return Err(format!("{} turns in a row of single turns", said.len())) };
    let functions = fields.get("function").and_then(Value::as_array).ok_or("no list of functions")?;
    let offered = Offered::of(functions)?;
    let wanted = match truth.and_then(Value::as_array) {
        Some(truth) => truth.iter().map(|call| offered.wanted(call)).collect::<Result<Vec<_>, _>>()?,
        None if no_call(id) => Vec::new(),
        None => return Err("its possible answers are not there".to_owned()),
    };
    let (wanted, calls): (Vec<_>, Vec<_>) = wanted.into_iter().unzip();
    // What is turned is what differs among the rows of such a file: calls that are wanted, or functions among which to find one.
    let knob = match (wanted.len(), functions.len()) {
        (0 | 1, 0 | 1) => None,
        (0 | 1, offered) => Some(Knob::new("functions", offered as f64)),
        (calls, _) => Some(Knob::new("calls", calls as f64)),
    };
    let goal = Goal { called: wanted, calls: Calls::Exactly, ..Goal::default() };
    let episode = episode(system, vec![UserTurn::new(say)], offered.tools, goal, calls.len());
    Ok(Asked { episode, knob, calls: vec![calls] })
}

fn episode(system: Option<String>, turns: Vec<UserTurn>, tools: Vec<Tool>, goal: Goal, calls: usize) -> Episode {
    let steps = calls as u32 + turns.len() as u32 - 1 + SPARE_STEPS;
    Episode {
        turns,
        system,
        world: World { state: Map::new(), tools },
        goal,
        steps,
        faults: Vec::new(),
        constraints: Vec::new(),
        max_tokens: None,
        decoding: Decoding::Sampled,
    }
}

/// The system message, and what the user says in each turn.
fn messages(fields: &Map<String, Value>) -> Result<(Option<String>, Vec<String>), String> {
    let turns = fields.get("question").and_then(Value::as_array).ok_or("no turns in `question`")?;
    let mut system = None;
    let mut said = Vec::new();
    for turn in turns {
        let messages = turn.as_array().ok_or("a turn that is no list of messages")?;
        let mut words = None;
        for message in messages {
            let text = message.get("content").and_then(Value::as_str).filter(|text| !text.trim().is_empty());
            let text = text.ok_or("a message without text")?.to_owned();
            match message.get("role").and_then(Value::as_str) {
                Some("system") if said.is_empty() && words.is_none() && system.is_none() => system = Some(text),
                Some("user") if words.is_none() => words = Some(text),
                _ => return Err("a turn with other messages than one of the user".to_owned()),
            }
        }
        said.push(words.ok_or("a turn in which the user says nothing")?);
    }
    Ok((system, said))
}

/// The functions of a row as tools, by their names in the row.
struct Offered {
    tools: Vec<Tool>,
    places: BTreeMap<String, usize>,
}

impl Offered {
    fn of(functions: &[Value]) -> Result<Self, String> {
        let (mut tools, mut places) = (Vec::<Tool>::new(), BTreeMap::new());
        for function in functions {
            let text = |field: &str| function.get(field).and_then(Value::as_str);
            let named = text("name").ok_or("a function without a name")?;
            let name: String =
                named.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect();
            if tools.iter().any(|tool| tool.name == name) {
                return Err("two functions of one name".to_owned());
            }
            places.insert(named.to_owned(), tools.len());
            tools.push(Tool {
                name,
                description: text("description").unwrap_or_default().to_owned(),
                parameters: schema(function.get("parameters").unwrap_or(&json!({"type": "dict"})))?,
                rules: Vec::new(),
                result: None,
            });
        }
        Ok(Self { tools, places })
    }

    fn tool(&self, name: &str) -> Result<&Tool, String> {
        let place = self.places.get(name).ok_or("an answer that calls a function which is not offered")?;
        Ok(&self.tools[*place])
    }

    /// A possible answer, `{function: {argument: [acceptable, …]}}`, as a wanted call, and the first call that it accepts.
    fn wanted(&self, answer: &Value) -> Result<(WantedCall, Call), String> {
        let one = answer.as_object().filter(|calls| calls.len() == 1).and_then(|calls| calls.iter().next());
        let (function, acceptable) = one.ok_or("an answer that is not one call")?;
        let acceptable = acceptable.as_object().ok_or("an answer without arguments")?;
        let tool = self.tool(function)?;
        let required = tool.parameters.get("required").and_then(Value::as_array);
        let (mut arguments, mut first) = (Map::new(), Map::new());
        for (key, values) in acceptable {
            let schema =
                tool.parameters["properties"].get(key).ok_or("an answer with an argument that is not declared")?;
            let values = values.as_array().ok_or("acceptable values that are no list")?;
            let needed = required.is_some_and(|names| names.iter().any(|name| name == key));
            let may_lack = !needed && values.iter().any(|value| value == LEFT_OUT);
            let (patterns, samples) = possible(values, schema)?;
            match samples.into_iter().next() {
                Some(sample) if !may_lack => {
                    first.insert(key.clone(), sample);
                }
                // A call that leaves out what it may is as right.
                Some(_) => {}
                None if may_lack => {}
                None => return Err("no acceptable value of an argument is one that its schema takes".to_owned()),
            }
            // Where no value is accepted, it can only be left out: naming nothing refuses every one.
            if !patterns.is_empty() {
                let one_of = json!({"$one_of": patterns});
                arguments.insert(key.clone(), if may_lack { json!({"$optional": one_of}) } else { one_of });
            }
        }
        let name = tool.name.clone();
        Ok((WantedCall { name: name.clone(), arguments }, Call { name, arguments: first }))
    }
}

/// The acceptable values that a schema takes, as patterns, and one value that each of them accepts.
fn possible(values: &[Value], schema: &Value) -> Result<(Vec<Value>, Vec<Value>), String> {
    let check = crate::check::validator(schema).map_err(|_| "a schema that cannot be read")?;
    let is_list = schema.get("type").and_then(Value::as_str) == Some("array");
    let (mut patterns, mut samples) = (Vec::new(), Vec::new());
    for value in values {
        let value = match value.as_str() {
            // The leaderboard takes an empty list for a list that may be left out.
            Some(LEFT_OUT) if is_list => json!([]),
            _ => value.clone(),
        };
        let (pattern, sample) = acceptable(&value)?;
        let choices = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
        let sample = [&sample]
            .into_iter()
            .chain(choices)
            .find(|sample| check.is_valid(sample) && pattern_fits(&pattern, sample));
        if let Some(sample) = sample {
            samples.push(sample.clone());
            patterns.push(pattern);
        }
    }
    // An empty text stands for leaving it out; the first call says something where anything can be said.
    samples.sort_by_key(|sample| sample == LEFT_OUT || *sample == json!([]));
    Ok((patterns, samples))
}

/// A pattern of an acceptable value, and the first value that it accepts: texts need not be spelled alike, and in an object each
/// field is a list of acceptable values again.
fn acceptable(value: &Value) -> Result<(Value, Value), String> {
    Ok(match value {
        Value::String(text) => (json!({"$like": text}), value.clone()),
        Value::Array(items) => {
            let items = items.iter().map(acceptable).collect::<Result<Vec<_>, _>>()?;
            let (patterns, samples): (Vec<_>, Vec<_>) = items.into_iter().unzip();
            (Value::Array(patterns), Value::Array(samples))
        }
        Value::Object(fields) => {
            let (mut patterns, mut first) = (Map::new(), Map::new());
            for (key, values) in fields {
                let values = values.as_array().filter(|values| !values.is_empty());
                let values = values.ok_or("a field of an acceptable object that is no list of values")?;
                let all = values.iter().map(acceptable).collect::<Result<Vec<_>, _>>()?;
                let said = all.iter().map(|(_, sample)| sample).find(|sample| *sample != LEFT_OUT);
                let may_lack = values.iter().any(|value| value == LEFT_OUT);
                if let Some(sample) = said {
                    first.insert(key.clone(), sample.clone());
                }
                let one_of = json!({"$one_of": all.into_iter().map(|(pattern, _)| pattern).collect::<Vec<_>>()});
                patterns.insert(key.clone(), if may_lack { json!({"$optional": one_of}) } else { one_of });
            }
            (Value::Object(patterns), Value::Object(first))
        }
        value => (value.clone(), value.clone()),
    })
}

/// The leaderboard's names of types as those of JSON Schema. What may be null by its default may be null.
fn schema(function: &Value) -> Result<Value, String> {
    let fields = function.as_object().ok_or("a parameter that is no object")?;
    let mut schema = Map::new();
    for (key, value) in fields {
        match key.as_str() {
            "type" => {
                let named = match value.as_str() {
                    Some("dict" | "object") => "object",
                    Some("float" | "double" | "number") => "number",
                    Some("tuple" | "list" | "array") => "array",
                    Some("integer" | "long") => "integer",
                    Some("string" | "char") => "string",
                    Some("boolean") => "boolean",
                    // Anything at all.
                    Some("any") => continue,
                    _ => return Err(format!("a type `{}` that JSON has not", value.as_str().unwrap_or("…"))),
                };
                let nullable = fields.get("default").is_some_and(Value::is_null);
                let named = if nullable { json!([named, "null"]) } else { json!(named) };
                schema.insert(key.clone(), named);
            }
            "properties" => {
                let properties = value.as_object().ok_or("properties that are no object")?;
                let each = properties.iter().map(|(name, of)| Ok((name.clone(), self::schema(of)?)));
                schema.insert(key.clone(), Value::Object(each.collect::<Result<_, String>>()?));
            }
            "items" | "additionalProperties" if value.is_object() => {
                schema.insert(key.clone(), self::schema(value)?);
            }
            // Words of the leaderboard's own.
            "optional" => {}
            "required" if !value.is_array() => {}
            _ => {
                schema.insert(key.clone(), value.clone());
            }
        }
    }
    if schema.get("type").is_some_and(|named| named == "object") && !schema.contains_key("properties") {
        schema.insert("properties".to_owned(), json!({}));
    }
    Ok(Value::Object(schema))
}

/// That the first of its possible answers succeeds.
fn solved(asked: &Asked) -> Result<(), String> {
    let Asked { episode, calls, .. } = asked;
    let mut running = Running::start(episode);
    for calls in calls {
        if !calls.is_empty() {
            running.answer(Said { text: String::new(), calls: calls.clone(), malformed: None });
        }
        running.answer(Said { text: "Done.".to_owned(), calls: Vec::new(), malformed: None });
    }
    let outcome = running.outcome();
    if outcome.success {
        return Ok(());
    }
    let unmet = outcome.unmet.first().cloned().unwrap_or_else(|| format!("turn {:?} is violated", outcome.violated));
    Err(format!("its own answer does not succeed: {unmet}"))
}
