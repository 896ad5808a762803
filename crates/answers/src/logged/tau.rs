//! Trajectories of tau-bench (`task_id`, `reward`, `traj`) and tau2 (`tasks`, `simulations`): a question per task, an answer
//! per trial, right by its reward.

use std::collections::HashMap;

use hydrometer_probes::kind;
use serde_json::{Map, Value};

use super::LoggedError;
use super::error::shown;
use super::message::{Who, role, said};
use super::record::{Answer, Content, Place, Record, Score, TextAnswer};
use super::scores::score;
use super::source::Source;
use super::table::word;
use crate::FinishReason;

/// The record of a trajectory of tau-bench.
///
/// # Errors
/// It has no task or no trajectory.
pub(super) fn record(fields: &Map<String, Value>, place: &Place) -> Result<Record, LoggedError> {
    let task = fields.get("info").and_then(|info| info.get("task"));
    let instruction = task.and_then(|task| task.get("instruction")).and_then(Value::as_str);
    trial(fields, fields.get("traj"), fields.get("reward"), instruction, place)
}

/// The records of a file of tau2.
///
/// # Errors
/// A simulation has no task or no messages.
pub(super) fn json(source: &Source, fields: &Map<String, Value>) -> Result<Vec<Record>, LoggedError> {
    let agent = fields.get("info").and_then(|info| info.get("agent_info")).and_then(|agent| agent.get("llm"));
    let models: Vec<String> = agent.and_then(Value::as_str).map(str::to_owned).into_iter().collect();
    let tasks = fields.get("tasks").and_then(Value::as_array);
    let instructions: HashMap<String, String> = tasks
        .into_iter()
        .flatten()
        .filter_map(|task| {
            let scenario = task.get("user_scenario")?;
            let instructions = scenario.get("instructions").unwrap_or(scenario);
            let text = instructions.as_str().map_or_else(|| instructions.to_string(), str::to_owned);
            Some((word(task.get("id")?)?, text))
        })
        .collect();
    let simulations = fields.get("simulations").and_then(Value::as_array);
    let simulations = simulations.ok_or_else(|| {
        let next = "give the results as tau2 wrote them";
        LoggedError::wrong(&*source.name, "`simulations`", shown(fields.get("simulations")), next)
    })?;
    let record = |(number, simulation): (u64, &Value)| {
        let place = source.place(number);
        let next = "give the results as tau2 wrote them";
        let fields = simulation
            .as_object()
            .ok_or_else(|| LoggedError::wrong(place.to_string(), "a simulation", shown(Some(simulation)), next))?;
        let instruction = fields.get("task_id").and_then(word).and_then(|task| instructions.get(&task));
        let reward = fields.get("reward_info").and_then(|info| info.get("reward"));
        let record = trial(fields, fields.get("messages"), reward, instruction.map(String::as_str), &place)?;
        Ok(Record { models: models.clone(), ..record })
    };
    (1..).zip(simulations).map(record).collect()
}

fn trial(
    fields: &Map<String, Value>,
    messages: Option<&Value>,
    reward: Option<&Value>,
    instruction: Option<&str>,
    place: &Place,
) -> Result<Record, LoggedError> {
    let wrong = |expected: &str, found: Option<&Value>| {
        LoggedError::wrong(place.to_string(), expected, shown(found), "give the trajectories as they were written")
    };
    let task = fields.get("task_id").and_then(word);
    let task = task.ok_or_else(|| wrong("a `task_id`", fields.get("task_id")))?;
    // A trial that failed before it began has no messages.
    let messages = messages.filter(|messages| !messages.is_null()).map(|all| all.as_array().ok_or(all)).transpose();
    let messages = messages.map_err(|found| wrong("a list of messages", Some(found)))?;
    let ended = fields.get("termination_reason").and_then(Value::as_str);
    let finish = if ended == Some("max_steps") { FinishReason::Length } else { FinishReason::Stop };
    Ok(Record {
        task: "tau".to_owned(),
        id: Some(task),
        question: instruction.map(|text| kind::Prompt::new(text).into()),
        content: instruction.map_or(Content::Unknown, |text| Content::Document(text.to_owned())),
        epoch: fields.get("trial").and_then(Value::as_u64).and_then(|trial| u32::try_from(trial + 1).ok()),
        scores: vec![("reward".to_owned(), reward.map_or(Score::Missing, score))],
        ..Record::new(
            place.clone(),
            Answer::Text(TextAnswer { text: messages.and_then(|all| by_model(all)), label: None, finish }),
        )
    })
}

/// All that the model said and called, in order.
fn by_model(messages: &[Value]) -> Option<String> {
    let objects = messages.iter().filter_map(Value::as_object).filter(|message| role(message) == Who::Model);
    let all: Vec<String> = objects.filter_map(said).collect();
    (!all.is_empty()).then(|| all.join("\n\n"))
}
