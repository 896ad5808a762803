//! Episodes of our own, in ladders: one task asked at several values of its knob. A ladder is a family.
//!
//! - `tool_use`, knob `steps`: calls that the task needs, one after the other, some of them to look up what the next one is
//!   told. Tools that are of no use stand beside the others; in every fourth ladder the last task lacks an argument, which
//!   the user gives when the model has asked for it.
//! - `error_recovery`, knob `fault_step`: the number of the call that goes wrong, which is the last one that the task needs.
//!   Each comes with a twin in which nothing goes wrong; the twin has no knob, so that it is in no curve.
//! - `long_horizon`, knob `ledger_turns`: a ledger kept over so many turns, with a rule said once in the first of them and
//!   receipts that speak against it.
//! - `parallel_calls`, knob `calls`: calls that belong into one answer. In no suite, made where it is asked for by name.
//!
//! A right solution comes with every episode: it is known, because the task was made from it.

mod ledger;
mod parallel;
mod settings;
mod solution;

use serde_json::{Map, Value, json};

use super::chance::Chance;
use crate::kind::{Decoding, Episode, UserTurn};
use crate::world::{At, Call, Goal, PlannedFault, Tool, World, WorldFault};
use crate::{Ask, Knob, Probe};
use settings::{Entry, SETTINGS, Setting, Task, irrelevant};

/// Values of the knob of `tool_use`.
pub const STEPS: [usize; 6] = [1, 2, 3, 4, 6, 8];
/// Values of the knob of `error_recovery`.
pub const FAULT_STEPS: [usize; 6] = [1, 2, 3, 4, 5, 6];
/// Values of the knob of `long_horizon`.
pub const TURNS: [usize; 6] = [2, 4, 8, 16, 24, 40];
/// The value of a knob that stands for radius 1 where nothing says what a student was trained to; `None` for a knob that
/// no episode has.
#[must_use]
pub fn trained_to(axis: &str, knob: &str) -> Option<f64> {
    match (axis, knob) {
        ("tool_use", "steps") | ("error_recovery", "fault_step") => Some(2.0),
        (parallel::AXIS, parallel::KNOB) => Some(2.0),
        ("long_horizon", "ledger_turns") => Some(4.0),
        _ => None,
    }
}

/// Whether a probe is a rung of a ladder of episodes that [`ladders`] can make more of.
#[must_use]
pub fn is_rung(probe: &Probe) -> bool {
    let turned = probe.knob.as_ref().and_then(|knob| trained_to(&probe.axis, &knob.name));
    turned.is_some()
        && probe.id.starts_with(&format!("episode/{}/", probe.axis))
        && matches!(probe.ask, Ask::Episode(_))
}

/// The axes.
pub const AXES: [&str; 3] = ["tool_use", "error_recovery", "long_horizon"];
/// Axes beside them that are made only where they are named.
pub const BY_NAME: [&str; 1] = [parallel::AXIS];

/// The tag of a task that lacks an argument until the model asks for it.
const MISSING: &str = "missing_parameter";

/// Tokens that an answer may take: a call is short.
const MAX_TOKENS: u32 = 96;

/// An episode and how to solve it.
#[derive(Clone, Debug, PartialEq)]
pub struct Solved {
    /// The episode.
    pub probe: Probe,
    /// The calls that each turn of the user wants, in order. One that a fault befalls is made again.
    pub calls: Vec<Vec<Call>>,
}

/// So many ladders of an axis, or of each of [`AXES`] where none is named: the same on every platform. None of an axis without
/// episodes.
#[must_use]
pub fn ladders(axis: Option<&str>, count: usize, seed: u64) -> Vec<Probe> {
    solved(axis, count, seed).into_iter().map(|solved| solved.probe).collect()
}

/// The same with their solutions.
#[must_use]
pub fn solved(axis: Option<&str>, count: usize, seed: u64) -> Vec<Solved> {
    let make = |name: &str, ladder: fn(usize, u64) -> Vec<Solved>| {
        let wanted = axis.is_none_or(|axis| axis == name);
        (0..if wanted { count } else { 0 }).flat_map(|number| ladder(number, seed)).collect::<Vec<_>>()
    };
    let [tools, recovery, horizon] = AXES;
    let named = if axis == Some(parallel::AXIS) { make(parallel::AXIS, parallel::ladder) } else { Vec::new() };
    [make(tools, tool_ladder), make(recovery, recovery_ladder), make(horizon, ledger::ladder), named].concat()
}

/// A task of so many calls: single calls and look-ups with what follows from them.
fn tasks_of(calls: usize, linked: &[Task], direct: &Task) -> Vec<Task> {
    let pairs = linked.iter().take(calls / 2).cloned();
    pairs.chain((calls % 2 == 1).then(|| direct.clone())).collect()
}

fn tool_ladder(number: usize, seed: u64) -> Vec<Solved> {
    let mut chance = Chance::new("episode/tool_use", seed, number as u64);
    let asks = number % 4 == 3;
    let setting = &SETTINGS[number % SETTINGS.len()];
    let scene = Scene::new(setting, &mut chance, if asks { Acts::WithArgument } else { Acts::Any });
    let useless = irrelevant(&mut chance, 2);
    let rung = |steps: usize| {
        let tasks = tasks_of(steps, &scene.linked, &scene.direct);
        let mut episode = scene.episode(&tasks);
        episode.world.tools.extend(useless.clone());
        let mut calls = vec![tasks.iter().flat_map(|task| task.calls.clone()).collect::<Vec<_>>()];
        let mut tags = vec![format!("world:{}", setting.name)];
        if let Some(last) = tasks.last().filter(|_| asks) {
            let said: Vec<&str> = tasks[..tasks.len() - 1].iter().map(|task| task.say.as_str()).collect();
            let first = said.into_iter().chain([last.say_without.as_str()]).collect::<Vec<_>>().join(" ");
            // Whatever it was before, it still is when the model has asked.
            let expect = json!({ setting.collection: { last.target.as_str(): last.before.clone() } });
            episode.turns = vec![
                UserTurn { expect: Some(expect), ..UserTurn::new(first) },
                UserTurn::new(last.say_argument.as_str()),
            ];
            let before = calls[0].len() - last.calls.len();
            let later = calls[0].split_off(before);
            calls.push(later);
            tags.push(MISSING.to_owned());
        }
        let name = format!("{steps:02}");
        let knob = Some(Knob::new("steps", steps as f64));
        Solved { probe: probe("tool_use", number, &name, knob, tags, episode), calls }
    };
    STEPS.into_iter().map(rung).collect()
}

fn recovery_ladder(number: usize, seed: u64) -> Vec<Solved> {
    let mut chance = Chance::new("episode/error_recovery", seed, number as u64);
    let setting = &SETTINGS[number % SETTINGS.len()];
    // There are five settings and six kinds, so that every setting meets every kind within thirty ladders, and six meet all kinds.
    let kind = WorldFault::ALL[number % WorldFault::ALL.len()];
    let scene = Scene::new(setting, &mut chance, Acts::Any);
    let mut ladder = Vec::new();
    for step in FAULT_STEPS {
        let tasks = tasks_of(step, &scene.linked, &scene.direct);
        let calls = vec![tasks.iter().flat_map(|task| task.calls.clone()).collect::<Vec<_>>()];
        // Without chance both go the same way up to the fault.
        let whole = Episode { decoding: Decoding::Greedy, ..scene.episode(&tasks) };
        let tags = |fault: &str| vec![format!("world:{}", setting.name), format!("fault:{fault}")];
        let twin = probe("error_recovery", number, &format!("{step}/none"), None, tags("none"), whole.clone());
        let fault = PlannedFault { at: At::Call(step as u32), kind };
        let episode = Episode { faults: vec![fault], ..whole };
        let knob = Some(Knob::new("fault_step", step as f64));
        let faulty = probe("error_recovery", number, &format!("{step}/fault"), knob, tags(kind.name()), episode);
        ladder.extend([Solved { probe: twin, calls: calls.clone() }, Solved { probe: faulty, calls }]);
    }
    ladder
}

fn probe(axis: &str, number: usize, rung: &str, knob: Option<Knob>, tags: Vec<String>, episode: Episode) -> Probe {
    let family = format!("episode/{axis}/{number:04}");
    let id = format!("{family}/{rung}");
    Probe { id, family, axis: axis.to_owned(), tags, knob, boundary: None, ask: Ask::Episode(episode) }
}

/// Which acts are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Acts {
    Any,
    WithArgument,
}

/// A world with tasks that do not get in each other's way.
struct Scene {
    state: Map<String, Value>,
    tools: Vec<Tool>,
    linked: Vec<Task>,
    direct: Task,
}

impl Scene {
    fn new(setting: &Setting, chance: &mut Chance, acts: Acts) -> Self {
        // One target for each task, and two that nothing should happen to.
        let entries = setting.entries(chance, 7);
        let targets = &entries[..5];
        let mut tasks: Vec<Task> = Vec::new();
        for (place, target) in targets.iter().enumerate() {
            let usable: Vec<_> =
                setting.acts.iter().filter(|act| acts == Acts::Any || act.argument.is_some()).collect();
            let act = *chance.pick(&usable);
            tasks.push(if place == 0 {
                setting.direct(act, target, chance)
            } else {
                setting.linked(act, target, chance)
            });
        }
        let direct = tasks.remove(0);
        let (state, tools) = Self::world(setting, &entries);
        Self { state, tools, linked: tasks, direct }
    }

    /// These entries, and the tools for them.
    fn world(setting: &Setting, entries: &[Entry]) -> (Map<String, Value>, Vec<Tool>) {
        let mut sorted = entries.to_vec();
        sorted.sort_by(|a, b| a.id.cmp(&b.id));
        let collection = sorted.into_iter().map(|entry| (entry.id, entry.value)).collect();
        (Map::from_iter([(setting.collection.to_owned(), Value::Object(collection))]), setting.tools())
    }

    /// The episode that asks for these tasks at once.
    fn episode(&self, tasks: &[Task]) -> Episode {
        Self::asking(&self.state, &self.tools, tasks)
    }

    fn asking(state: &Map<String, Value>, tools: &[Tool], tasks: &[Task]) -> Episode {
        let says: Vec<&str> = tasks.iter().map(|task| task.say.as_str()).collect();
        let calls: usize = tasks.iter().map(|task| task.calls.len()).sum();
        let mut goal = Goal::default();
        for task in tasks {
            task.add_to(&mut goal);
        }
        Episode {
            turns: vec![UserTurn::new(says.join(" "))],
            system: None,
            world: World { state: state.clone(), tools: tools.to_vec() },
            goal,
            // Room for a mistake or two, and for the words at the end.
            steps: 2 * calls as u32 + 4,
            faults: Vec::new(),
            constraints: Vec::new(),
            max_tokens: Some(MAX_TOKENS),
            decoding: Decoding::Sampled,
        }
    }
}
