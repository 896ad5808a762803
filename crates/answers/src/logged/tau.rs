//! Trajectories of tau-bench (`task_id`, `reward`, `traj`) and tau2 (`tasks`, `simulations`): a task is a question, a trial is
//! a run of it, and its reward says whether it succeeded.

use std::collections::HashMap;

use hydrometer_probes::kind;
use hydrometer_probes::world::Ending;
use serde_json::{Map, Value};

use super::LoggedError;
use super::error::shown;
use super::record::{Answer, Content, Place, Record, Score};
use super::scores::score;
use super::source::Source;
use super::table::word;
use super::trajectory;

/// What to do about a trial that cannot be read.
const NEXT: &str = "give the trajectories as they were written";

/// What is known of the tasks of a file: a trial that failed before it began does not say what was to be done.
#[derive(Default)]
pub(super) struct Tasks {
    instructions: HashMap<String, String>,
    /// What the file says that the model was told before all tasks.
    policy: Option<String>,
    /// Else what the first trial shows that shows it.
    system: Option<String>,
}

impl Tasks {
    /// Of the trials of tau-bench.
    pub(super) fn of<'r>(rows: impl Iterator<Item = &'r Map<String, Value>>) -> Self {
        let mut tasks = Self::default();
        for fields in rows {
            let told = fields.get("info").and_then(instruction);
            if let (Some(task), Some(text)) = (fields.get("task_id").and_then(word), told) {
                tasks.instructions.entry(task).or_insert_with(|| text.to_owned());
            }
            let messages = fields.get("traj").and_then(Value::as_array);
            tasks.system = tasks.system.or_else(|| trajectory::system(messages?));
        }
        tasks
    }
}

/// What the simulated user of a trial of tau-bench was told.
fn instruction(info: &Value) -> Option<&str> {
    info.get("task")?.get("instruction")?.as_str().filter(|text| !text.trim().is_empty())
}

/// The record of a trial of tau-bench.
///
/// # Errors
/// It has no task, no whole number for the trial, or something else than a list of messages.
pub(super) fn record(fields: &Map<String, Value>, tasks: &Tasks, place: &Place) -> Result<Record, LoggedError> {
    trial(fields, fields.get("traj"), fields.get("reward"), tasks, place)
}

/// The records of a file of tau2.
///
/// # Errors
/// There are no simulations, or one is as no trial may be.
pub(super) fn json(source: &Source, fields: &Map<String, Value>) -> Result<Vec<Record>, LoggedError> {
    let info = fields.get("info");
    let agent = info.and_then(|info| info.get("agent_info")).and_then(|agent| agent.get("llm"));
    let models: Vec<String> = agent.and_then(Value::as_str).map(str::to_owned).into_iter().collect();
    let policy = info.and_then(|info| info.get("environment_info")).and_then(|world| world.get("policy"));
    let told = |task: &Value| {
        let scenario = task.get("user_scenario")?;
        let instructions = scenario.get("instructions").unwrap_or(scenario);
        let text = instructions.as_str().map_or_else(|| instructions.to_string(), str::to_owned);
        Some((word(task.get("id")?)?, text))
    };
    let simulations = fields.get("simulations").and_then(Value::as_array);
    let shown_first = |simulation: &Value| trajectory::system(simulation.get("messages")?.as_array()?);
    let tasks = Tasks {
        instructions: fields.get("tasks").and_then(Value::as_array).into_iter().flatten().filter_map(told).collect(),
        policy: policy.and_then(Value::as_str).filter(|text| !text.trim().is_empty()).map(str::to_owned),
        system: simulations.into_iter().flatten().find_map(shown_first),
    };
    let next = "give the results as tau2 wrote them";
    let simulations = simulations
        .ok_or_else(|| LoggedError::wrong(&*source.name, "`simulations`", shown(fields.get("simulations")), next))?;
    let record = |(number, simulation): (u64, &Value)| {
        let place = source.place(number);
        let fields = simulation
            .as_object()
            .ok_or_else(|| LoggedError::wrong(place.to_string(), "a simulation", shown(Some(simulation)), next))?;
        let reward = fields.get("reward_info").and_then(|info| info.get("reward"));
        let record = trial(fields, fields.get("messages"), reward, &tasks, &place)?;
        Ok(Record { models: models.clone(), ..record })
    };
    (1..).zip(simulations).map(record).collect()
}

fn trial(
    fields: &Map<String, Value>,
    messages: Option<&Value>,
    reward: Option<&Value>,
    tasks: &Tasks,
    place: &Place,
) -> Result<Record, LoggedError> {
    let wrong =
        |expected: &str, found: Option<&Value>| LoggedError::wrong(place.to_string(), expected, shown(found), NEXT);
    let task = fields.get("task_id").and_then(word);
    let task = task.ok_or_else(|| wrong("a `task_id`", fields.get("task_id")))?;
    let epoch = match fields.get("trial") {
        None | Some(Value::Null) => None,
        found @ Some(trial) => {
            let number = trial.as_u64().and_then(|trial| u32::try_from(trial).ok()?.checked_add(1));
            Some(number.ok_or_else(|| wrong("a whole number from 0 as `trial`", found))?)
        }
    };
    // A trial that failed before it began has no messages.
    let messages = match messages {
        None | Some(Value::Null) => &[],
        Some(chat @ Value::Array(all)) => {
            super::message::known_roles(chat, || place.to_string())?;
            all.as_slice()
        }
        found => return Err(wrong("a list of messages", found)),
    };
    let ended = fields.get("termination_reason").and_then(Value::as_str);
    let ending = if ended == Some("max_steps") { Ending::Steps } else { Ending::Done };
    let own = fields.get("info").and_then(instruction);
    let instruction = own.map(str::to_owned).or_else(|| tasks.instructions.get(&task).cloned());
    let own = || trajectory::system(messages);
    let system = tasks.policy.clone().or_else(own).or_else(|| tasks.system.clone());
    // Without messages nobody knows what the model was told, where no other trial says so either.
    let asked = instruction.clone().filter(|_| system.is_some() || !messages.is_empty());
    Ok(Record {
        task: "tau".to_owned(),
        id: Some(task),
        question: asked.map(|task| kind::Trajectory { task, system }.into()),
        content: instruction.map_or(Content::Unknown, Content::Document),
        epoch,
        scores: vec![("reward".to_owned(), reward.map_or(Score::Missing, score))],
        ..Record::new(place.clone(), Answer::Run(trajectory::transcript(messages, ending)))
    })
}
