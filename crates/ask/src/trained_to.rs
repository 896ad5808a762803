//! What a student was trained to: the value of each knob of a suite that counts as radius 1.

use std::collections::{BTreeMap, BTreeSet};

use hydrometer_answers::logged::Prompts;
use hydrometer_answers::{SetKnob, SetKnobs, TrainedToBy};
use hydrometer_metrics::geometry::knob_unit;
use hydrometer_probes::{Suite, builtin};

use crate::radius::{DISTANCE, hash_of};
use crate::{AskError, AskOptions};

/// What the prompts of a distillation set say of knobs; `None` where none of them carries one.
#[must_use]
pub fn set_knobs(files: Vec<String>, prompts: &Prompts) -> Option<SetKnobs> {
    let knob = |(name, values): (&String, &Vec<f64>)| {
        let trained_to = knob_unit(values).unwrap_or(0.0);
        (name.clone(), SetKnob { prompts: values.len() as u64, trained_to })
    };
    (!prompts.knobs.is_empty()).then(|| SetKnobs {
        files,
        rows: prompts.words.len() as u64,
        hash: hash_of(&prompts.words),
        knobs: prompts.knobs.iter().map(knob).collect(),
    })
}

/// What the distillation set says: its prompts carry the knob, or it is their distance that is measured, in its own unit.
fn in_the_set(options: &AskOptions, knob: &str, name: &str) -> Result<Option<f64>, AskError> {
    if knob == DISTANCE && options.trained_on.is_some() {
        return Ok(Some(1.0));
    }
    let found = options.set_knobs.as_ref().and_then(|set| set.knobs.get(name));
    found.map_or(Ok(None), |&SetKnob { prompts, trained_to }| {
        let nowhere = || {
            let found = format!("95 % or more of the {prompts} with {name} at 0");
            AskError::setting(
                "trained_on",
                found,
                format!("prompts farther out, or --trained-to {name}=VALUE beside them"),
            )
        };
        if trained_to > 0.0 { Ok(Some(trained_to)) } else { Err(nowhere()) }
    })
}

/// The knobs of a suite, with their axes.
pub(crate) fn knobs(suite: &Suite) -> BTreeSet<(&str, &str)> {
    let knob = suite.probes.iter().filter_map(|probe| Some((probe.axis.as_str(), probe.knob.as_ref()?.name.as_str())));
    knob.collect()
}

/// What is expected where a knob is named.
pub(crate) fn one_of(knobs: &BTreeSet<(&str, &str)>) -> String {
    let known: Vec<String> = knobs.iter().map(|(axis, knob)| format!("{axis}.{knob}")).collect();
    match known.as_slice() {
        [] => "no knob: no probe of the suite has one".to_owned(),
        known => format!("one of the suite's knobs: {}", known.join(", ")),
    }
}

/// The value of every knob of the suite that has one, and who says so: the user, else the distillation set, else the built-in
/// suite, which documents those of its own.
///
/// # Errors
/// A value that is no distance, or a knob that the suite does not turn.
pub(crate) fn trained_to(
    suite: &Suite,
    options: &AskOptions,
) -> Result<BTreeMap<String, (f64, TrainedToBy)>, AskError> {
    let said = &options.trained_to;
    let knobs = knobs(suite);
    let names: BTreeSet<String> = knobs.iter().map(|(axis, knob)| format!("{axis}.{knob}")).collect();
    for (name, &value) in said {
        if !(value.is_finite() && value > 0.0) {
            return Err(AskError::setting("trained_to", format!("{name}={value}"), "a value above 0"));
        }
        if !names.contains(name) {
            return Err(AskError::setting("trained_to", name, one_of(&knobs)));
        }
    }
    let mut found = BTreeMap::new();
    for (axis, knob) in knobs {
        let name = format!("{axis}.{knob}");
        let value = match said.get(&name) {
            Some(&value) => Some((value, TrainedToBy::Said)),
            None => match in_the_set(options, knob, &name)? {
                Some(value) => Some((value, TrainedToBy::DistillationSet)),
                None => builtin::trained_to(axis, knob).map(|value| (value, TrainedToBy::Documented)),
            },
        };
        found.extend(value.map(|value| (name, value)));
    }
    Ok(found)
}
