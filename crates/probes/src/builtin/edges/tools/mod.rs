//! Tool use in one call: which of the tools offered serves the request, with which values; or which value is missing.

mod catalogue;

use serde_json::{Map, Value, json};

use super::EdgeAxis;
use crate::builtin::Chance;
use crate::kind::{Prompt, Role, Turn};
use crate::{Checker, Normal};
use catalogue::{Parameter, TOOLS, Tool};

pub(super) const AXIS: EdgeAxis = EdgeAxis {
    axis: "tool_use",
    knob: "tools",
    unit: "tools offered",
    meaning: "tools among which the one that serves the request is found, some of them with similar names",
    chance: 0.05,
    trained_to: 3.0,
    rungs: &[1.0, 2.0, 4.0, 6.0, 8.0, 12.0],
};

/// The call for a value that the request does not give.
const ASK: &str = "ask_user";
const MISSING: &str = "missing";
const CUE: &str = "Call:";
/// Tokens of a call, also where it is set over several lines.
const TOKENS: u32 = 64;

/// A request, and the tools among which its tool is offered, nearest first.
struct Scene {
    tool: &'static Tool,
    lead: &'static str,
    values: Vec<Value>,
    others: Vec<&'static Tool>,
    /// Where each tool stands among those offered, whatever their number.
    places: Vec<usize>,
}

/// Every value is given.
pub(super) fn call(chance: &mut Chance, rungs: &[f64]) -> Vec<Prompt> {
    let tool = chance.pick(TOOLS);
    let scene = Scene::draw(chance, tool);
    let rung = |&tools: &f64| {
        let text = format!("{}User: {}\n{CUE}", scene.offered(tools), scene.request(None));
        called(text, Vec::new(), scene.tool.name, &scene.arguments())
    };
    rungs.iter().map(rung).collect()
}

/// One value is missing: the call that asks for it.
pub(super) fn ask(chance: &mut Chance, rungs: &[f64]) -> Vec<Prompt> {
    let (scene, missing) = lacking(chance);
    let name = scene.tool.parameters[missing].name;
    let rung = |&tools: &f64| {
        let text = format!("{}User: {}\n{CUE}", scene.offered(tools), scene.request(Some(missing)));
        called(text, Vec::new(), ASK, &[(MISSING, Value::from(name))])
    };
    rungs.iter().map(rung).collect()
}

/// One value was missing, was asked for and is given: the call with every value.
pub(super) fn supplied(chance: &mut Chance, rungs: &[f64]) -> Vec<Prompt> {
    let (scene, missing) = lacking(chance);
    let name = scene.tool.parameters[missing].name;
    let rung = |&tools: &f64| {
        let asked = json!({"name": ASK, "arguments": {MISSING: name}}).to_string();
        let turns = vec![
            Turn {
                role: Role::User,
                text: format!("{}User: {}\n{CUE}", scene.offered(tools), scene.request(Some(missing))),
            },
            Turn { role: Role::Assistant, text: asked },
        ];
        let text = format!("User: The {name} is {}.\n{CUE}", shown(&scene.values[missing]));
        called(text, turns, scene.tool.name, &scene.arguments())
    };
    rungs.iter().map(rung).collect()
}

/// A scene, and one of its values to leave out: every name of a parameter equally often, so that none is a good guess.
fn lacking(chance: &mut Chance) -> (Scene, usize) {
    let names = catalogue::parameter_names();
    let name = *chance.pick(&names);
    let place = |tool: &Tool| tool.parameters.iter().position(|parameter| parameter.name == name);
    let having: Vec<(&'static Tool, usize)> =
        TOOLS.iter().filter(|tool| tool.parameters.len() > 1).filter_map(|tool| Some((tool, place(tool)?))).collect();
    let (tool, missing) = *chance.pick(&having);
    (Scene::draw(chance, tool), missing)
}

impl Scene {
    fn draw(chance: &mut Chance, tool: &'static Tool) -> Self {
        let values = tool.parameters.iter().map(|parameter| parameter.value.draw(chance)).collect();
        let mut others: Vec<&'static Tool> = TOOLS.iter().filter(|other| other.name != tool.name).collect();
        chance.shuffle(&mut others);
        let (near, far): (Vec<_>, Vec<_>) = others.into_iter().partition(|other| other.resembles(tool));
        // In turn, so that already two tools may be alike and twelve hold some that have nothing to do with it.
        let (mut near, mut far) = (near.into_iter(), far.into_iter());
        let mut others = Vec::new();
        loop {
            let next = [near.next(), far.next()];
            if next.iter().all(Option::is_none) {
                break;
            }
            others.extend(next.into_iter().flatten());
        }
        let mut places: Vec<usize> = (0..TOOLS.len()).collect();
        chance.shuffle(&mut places);
        Self { tool, lead: chance.pick::<&str>(&tool.leads), values, others, places }
    }

    /// What stands before the request: the form of a call, the same for all, and so many tools.
    fn offered(&self, tools: f64) -> String {
        let mut offered: Vec<(usize, String)> = std::iter::once(&self.tool)
            .chain(&self.others)
            .zip(&self.places)
            .take(tools as usize)
            .map(|(tool, &place)| (place, tool.signature()))
            .collect();
        offered.sort_unstable();
        let offered: String = offered.into_iter().map(|(_, signature)| signature + "\n").collect();
        format!(
            "Write the one call that serves the user as JSON, like {{\"name\": \"get_time\", \"arguments\": {{\"zone\": \
             \"CET\"}}}}. Every parameter is needed. Where the user does not give one, call {ASK} with its name.\n\nTools:\n\
             {offered}{ASK}({MISSING})\n\n"
        )
    }

    /// What the user wants, without one of the values where one is left out.
    fn request(&self, missing: Option<usize>) -> String {
        let clauses = self.tool.parameters.iter().zip(&self.values).enumerate();
        let said: String = clauses
            .filter(|(at, _)| Some(*at) != missing)
            .map(|(_, (Parameter { clause, .. }, value))| clause.replace("{}", &shown(value)))
            .collect();
        format!("{}{said}.", self.lead)
    }

    fn arguments(&self) -> Vec<(&'static str, Value)> {
        self.tool.parameters.iter().map(|parameter| parameter.name).zip(self.values.iter().cloned()).collect()
    }
}

/// A value as a person writes it.
fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Right is this tool with these values and no others; a number may be written as a string, a name in lower case.
fn called(text: String, turns: Vec<Turn>, tool: &str, arguments: &[(&str, Value)]) -> Prompt {
    let accepted = |value: &Value| match value {
        Value::String(text) if text.to_lowercase() != *text => json!({"enum": [text, text.to_lowercase()]}),
        Value::Number(number) => json!({"enum": [number, number.to_string()]}),
        other => json!({"const": other}),
    };
    let properties: Map<String, Value> =
        arguments.iter().map(|(name, value)| ((*name).to_owned(), accepted(value))).collect();
    let required: Vec<&str> = arguments.iter().map(|(name, _)| *name).collect();
    let arguments =
        json!({"type": "object", "required": required, "properties": properties, "additionalProperties": false});
    let schema = json!({
        "type": "object",
        "required": ["name", "arguments"],
        "properties": {"name": {"const": tool}, "arguments": arguments},
    });
    Prompt {
        turns,
        answer: vec![Normal::Json],
        check: Some(Checker::JsonSchema(schema)),
        max_tokens: Some(TOKENS),
        stop: vec!["\nUser".to_owned()],
        ..Prompt::new(text)
    }
}
