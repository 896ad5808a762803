//! `parallel_calls`: things that have nothing to do with each other, and no room to do them one after the other.

use super::{MAX_TOKENS, SETTINGS, Scene, Solved, probe};
use crate::Knob;
use crate::builtin::chance::Chance;
use crate::kind::{Episode, UserTurn};

/// Its name, asked for by name alone.
pub(super) const AXIS: &str = "parallel_calls";
/// What is turned.
pub(super) const KNOB: &str = "calls";
/// The tag of an episode whose calls belong into one answer.
pub(super) const TAG: &str = "parallel";
/// Values of the knob.
const CALLS: [usize; 6] = [1, 2, 3, 4, 6, 8];
/// Answers of the model: the calls, an answer to mend them, and the words at the end. One and two calls fit one after the other.
const STEPS: u32 = 3;
/// Tokens that a call takes more.
const MORE_TOKENS: u32 = 48;

/// One ladder.
pub(super) fn ladder(number: usize, seed: u64) -> Vec<Solved> {
    let mut chance = Chance::new("episode/parallel_calls", seed, number as u64);
    let setting = &SETTINGS[number % SETTINGS.len()];
    // One target for each task, and two that nothing should happen to.
    let most = CALLS[CALLS.len() - 1];
    let entries = setting.entries(&mut chance, most + 2);
    let mut tasks = Vec::new();
    for target in &entries[..most] {
        let act = chance.pick(setting.acts);
        tasks.push(setting.direct(act, target, &mut chance));
    }
    let (state, tools) = Scene::world(setting, &entries);
    let rung = |calls: usize| {
        let tasks = &tasks[..calls];
        let whole = Scene::asking(&state, &tools, tasks);
        let say = format!("{} Make all the calls that this takes in one answer.", whole.turns[0].say);
        let episode = Episode {
            turns: vec![UserTurn::new(say)],
            steps: STEPS,
            max_tokens: Some(MAX_TOKENS + MORE_TOKENS * calls as u32),
            ..whole
        };
        let tags = vec![format!("world:{}", setting.name), TAG.to_owned()];
        let knob = Some(Knob::new(KNOB, calls as f64));
        let wanted = tasks.iter().flat_map(|task| task.calls.clone()).collect();
        Solved { probe: probe(AXIS, number, &format!("{calls:02}"), knob, tags, episode), calls: vec![wanted] }
    };
    CALLS.into_iter().map(rung).collect()
}
