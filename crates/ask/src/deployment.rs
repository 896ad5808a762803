//! Where a student is used: how much at which values of the knobs of a suite.

use std::collections::BTreeMap;

use hydrometer_answers::{DeployedOn, Used};
use hydrometer_probes::Suite;

use crate::radius::{DISTANCE, Radii, hash_of};
use crate::trained_to::{knobs, one_of};
use crate::{AskError, AskOptions};

/// Prompts of a deployment, placed by their distance from the distillation set.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedDeployment {
    /// Which prompts.
    pub prompts: DeployedOn,
    /// How many of them lie at which distance.
    pub used: Vec<Used>,
}

/// Prompts of a deployment that are placed, at most: more would make its shares only a little finer.
const MOST_PLACED: usize = 5_000;
/// Steps of a radius in which prompts are counted.
const STEPS: f64 = 1e3;

impl PlacedDeployment {
    /// The prompts that are placed: all, or those of the least hashes.
    #[must_use]
    pub fn chosen(prompts: &[String]) -> Vec<&str> {
        let mut order: Vec<([u8; 32], &str)> =
            prompts.iter().map(|prompt| (*blake3::hash(prompt.as_bytes()).as_bytes(), prompt.as_str())).collect();
        order.sort_unstable();
        order.truncate(MOST_PLACED);
        order.into_iter().map(|(_, prompt)| prompt).collect()
    }

    /// Counts how many of the prompts that are placed lie at which distance, to a thousandth of a radius. A prompt that comes
    /// several times counts as often.
    #[must_use]
    pub fn new(files: Vec<String>, prompts: &[String], radii: &Radii) -> Self {
        let chosen = Self::chosen(prompts);
        let mut counts: BTreeMap<u64, f64> = BTreeMap::new();
        for radius in chosen.iter().filter_map(|prompt| radii.of(prompt)) {
            *counts.entry((radius * STEPS).round() as u64).or_default() += 1.0;
        }
        let prompts =
            DeployedOn { files, rows: prompts.len() as u64, placed: chosen.len() as u64, hash: hash_of(prompts) };
        let used = counts.into_iter().map(|(step, weight)| Used { value: step as f64 / STEPS, weight });
        Self { prompts, used: used.collect() }
    }
}

/// How much the student is used at every knob of the suite of which that is known: what was said, and for a distance where the
/// prompts of the deployment lie.
///
/// # Errors
/// A knob that the suite does not turn, a value or a weight below 0, or no weight above 0.
pub(crate) fn deployment(suite: &Suite, options: &AskOptions) -> Result<BTreeMap<String, Vec<Used>>, AskError> {
    let knobs = knobs(suite);
    for (name, used) in &options.deployment {
        let known = |(axis, knob): &(&str, &str)| *name == format!("{axis}.{knob}");
        if !knobs.iter().any(known) {
            return Err(AskError::setting("deployment", name, one_of(&knobs)));
        }
        let fine = |number: f64| number.is_finite() && number >= 0.0;
        if let Some(wrong) = used.iter().find(|used| !(fine(used.value) && fine(used.weight))) {
            let found = format!("{name}={}:{}", wrong.value, wrong.weight);
            return Err(AskError::setting("deployment", found, "a value and a weight of 0 or more"));
        }
        if !used.iter().any(|used| used.weight > 0.0) {
            return Err(AskError::setting("deployment", name, "a weight above 0"));
        }
    }
    let mut all = options.deployment.clone();
    if let Some(placed) = &options.deployed_on {
        for (axis, knob) in knobs.iter().filter(|(_, knob)| *knob == DISTANCE) {
            all.entry(format!("{axis}.{knob}")).or_insert_with(|| placed.used.clone());
        }
    }
    Ok(all)
}
