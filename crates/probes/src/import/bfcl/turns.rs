//! Conversations of several turns. The leaderboard runs their functions as programs and compares what these hold in the end;
//! here nothing stands behind a tool. So a conversation can be asked only where what is to be called follows from the user's
//! own words: no argument may be what a tool would have answered. All others are left out.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::literal::{self, Written};
use super::{Asked, Offered, episode, messages};
use crate::Knob;
use crate::import::each_object;
use crate::kind::UserTurn;
use crate::world::{Call, Calls, Goal, WantedCall};

/// The classes of the leaderboard, and what the file with their functions is called.
const CLASSES: [(&str, &str); 8] = [
    ("GorillaFileSystem", "gorilla_file_system"),
    ("MathAPI", "math_api"),
    ("MessageAPI", "message_api"),
    ("TwitterAPI", "posting_api"),
    ("TicketAPI", "ticket_api"),
    ("TradingBot", "trading_bot"),
    ("TravelAPI", "travel_booking"),
    ("VehicleControlAPI", "vehicle_control"),
];

/// The functions of the classes, where they are published: `funcdoc_CLASS.json` beside the file, or `multi_turn_func_doc/CLASS.json`.
pub(super) struct Documents {
    folder: PathBuf,
}

impl Documents {
    pub(super) fn beside(path: &Path) -> Self {
        Self { folder: path.parent().unwrap_or(Path::new("")).to_owned() }
    }

    fn of(&self, class: &str) -> Result<Vec<Value>, String> {
        let file = CLASSES.iter().find(|(name, _)| *name == class).map(|(_, file)| file);
        let file = file.ok_or_else(|| format!("the unknown class {}", crate::quote(class)))?;
        let places = [format!("funcdoc_{file}.json"), format!("multi_turn_func_doc/{file}.json")];
        let path = places.iter().map(|place| self.folder.join(place)).find(|path| path.exists());
        let path = path.ok_or_else(|| format!("the functions of {class} are not there ({})", places.join(" or ")))?;
        let mut functions = Vec::new();
        each_object(&path, |_, _, fields| {
            functions.push(Value::Object(fields.clone()));
            Ok(())
        })
        .map_err(|error| error.to_string())?;
        Ok(functions)
    }
}

/// A row of several turns.
pub(super) fn row(fields: &Map<String, Value>, truth: Option<&Value>, documents: &Documents) -> Result<Asked, String> {
    let (system, said) = messages(fields)?;
    let names = |field: &str| -> Vec<&str> {
        fields.get(field).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
    };
    let (classes, left_out) = (names("involved_classes"), names("excluded_function"));
    let mut functions = Vec::new();
    for class in classes {
        let of_class = documents.of(class)?;
        let is_there = |function: &Value| function["name"].as_str().is_none_or(|name| !left_out.contains(&name));
        functions.extend(of_class.into_iter().filter(is_there));
    }
    let offered = Offered::of(&functions)?;
    let truth = truth.and_then(Value::as_array).ok_or("its possible answers are not there")?;
    if truth.len() != said.len() {
        return Err("answers for another number of turns".to_owned());
    }
    let mut words = String::new();
    let (mut turns, mut calls) = (Vec::new(), Vec::new());
    for (say, expected) in said.iter().zip(truth) {
        words.push_str(say);
        words.push('\n');
        let expected = expected.as_array().ok_or("a turn whose calls are no list")?;
        let wanted = expected.iter().map(|text| wanted(text, &offered, &words)).collect::<Result<Vec<_>, _>>()?;
        let (called, made): (Vec<_>, Vec<_>) = wanted.into_iter().unzip();
        // Where nothing can be done yet, nothing may be done.
        let rule = if called.is_empty() { Calls::Exactly } else { Calls::AtLeast };
        turns.push(UserTurn { called, calls: rule, ..UserTurn::new(say) });
        calls.push(made);
    }
    let every: Vec<WantedCall> = turns.iter().flat_map(|turn| turn.called.clone()).collect();
    let count = every.len();
    let goal = Goal { called: every, ..Goal::default() };
    let knob = Some(Knob::new("messages", turns.len() as f64));
    // Looking around costs a step, and is no mistake.
    let episode = episode(system, turns, offered.tools, goal, 2 * count);
    Ok(Asked { episode, knob, calls })
}

/// A call of the right answer as a wanted one, if all that it needs was said.
fn wanted(text: &Value, offered: &Offered, words: &str) -> Result<(WantedCall, Call), String> {
    let read = text.as_str().and_then(literal::call).ok_or("a call with more than literals in it")?;
    let Written { function, placed, named } = read;
    let tool = offered.tool(&function)?;
    let (mut arguments, mut first) = (Map::new(), named);
    let order: Vec<String> = tool.parameters().into_iter().map(str::to_owned).collect();
    if placed.len() > order.len() {
        return Err("a call with more arguments than are declared".to_owned());
    }
    first.extend(order.into_iter().zip(placed));
    for (key, value) in &first {
        let schema = tool.parameters["properties"].get(key).ok_or("an answer with an argument that is not declared")?;
        // Numbers are equal by what they count.
        let pattern = json!({"$one_of": [value]});
        let by_default = schema.get("default") == Some(value);
        if !by_default && !is_said(value, words) {
            return Err(
                "an argument that the user does not say: a tool's answer, which needs the program behind it".into()
            );
        }
        arguments.insert(key.clone(), if by_default { json!({"$optional": pattern}) } else { pattern });
    }
    let name = tool.name.clone();
    Ok((WantedCall { name: name.clone(), arguments }, Call { name, arguments: first }))
}

/// Whether a value stands in what the user has said so far; whether a thing is so need not.
fn is_said(value: &Value, words: &str) -> bool {
    match value {
        Value::Null | Value::Bool(_) => true,
        Value::Number(number) => {
            let number = number.as_f64();
            let is_part = |c: char| c.is_ascii_digit() || c == '.' || c == ',';
            let figures = words.split(|c: char| !is_part(c)).map(|figures| figures.replace(',', ""));
            figures.filter_map(|figures| figures.trim_matches('.').parse::<f64>().ok()).any(|said| Some(said) == number)
        }
        Value::String(text) => {
            let plain = |text: &str| {
                text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>()
            };
            let text = plain(text);
            !text.is_empty() && plain(words).contains(&text)
        }
        Value::Array(items) => items.iter().all(|item| is_said(item, words)),
        Value::Object(fields) => fields.values().all(|value| is_said(value, words)),
    }
}
