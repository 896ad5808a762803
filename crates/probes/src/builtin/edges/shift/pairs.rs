//! Prompts before and after, for a person to read: a program cannot know whether a task is about the very spelling of its words.

use std::collections::BTreeMap;
use std::fmt;

use super::{AXIS, id};
use crate::builtin::Chance;
use crate::{Ask, Checker, Probe};

/// A prompt before and after, for a person to read.
#[derive(Clone, Debug, PartialEq)]
pub struct ShiftPair {
    /// Identifier of the changed probe.
    pub id: String,
    /// How strongly it was changed.
    pub strength: f64,
    /// The user's words.
    pub before: String,
    /// The same, changed.
    pub after: String,
    /// What the answer is judged by, before and after.
    pub check: [Option<Checker>; 2],
}

impl fmt::Display for ShiftPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} (strength {})", self.id, self.strength)?;
        for (heading, text) in [("before", &self.before), ("after", &self.after)] {
            writeln!(f, "  {heading}:")?;
            text.lines().try_for_each(|line| writeln!(f, "    {line}"))?;
        }
        let [before, after] = self.check.each_ref().map(|check| serde_json::to_string(check).unwrap_or_default());
        if before == after { Ok(()) } else { writeln!(f, "  right before: {before}\n  right after:  {after}") }
    }
}

/// Some changed prompts beside their originals, at random: whether the right answer is still the same is for a person to
/// say. None twice; all of them where there are fewer than `n`.
#[must_use]
pub fn show_pairs(originals: &[Probe], shifted: &[Probe], seed: u64, n: usize) -> Vec<ShiftPair> {
    let prompt = |probe: &Probe| match &probe.ask {
        Ask::Prompt(prompt) => Some(prompt.clone()),
        _ => None,
    };
    let mut by_id: BTreeMap<String, &Probe> = BTreeMap::new();
    for original in originals {
        by_id.extend(AXIS.rungs.iter().map(|&rung| (id(&original.id, rung), original)));
    }
    let mut pairs: Vec<ShiftPair> = shifted
        .iter()
        .filter_map(|probe| {
            let strength = probe.knob.as_ref().map(|knob| knob.value).filter(|&value| value > 0.0)?;
            let (before, after) = (prompt(by_id.get(&probe.id)?)?, prompt(probe)?);
            let check = [before.check, after.check];
            Some(ShiftPair { id: probe.id.clone(), strength, before: before.prompt, after: after.prompt, check })
        })
        .collect();
    Chance::new("edge/text_shift/pairs", seed, 0).shuffle(&mut pairs);
    pairs.truncate(n);
    pairs
}
