//! What a student was trained to: the value of each knob of a suite that counts as radius 1.

use std::collections::{BTreeMap, BTreeSet};

use hydrometer_probes::{Suite, builtin};

use crate::radius::DISTANCE;
use crate::{AskError, AskOptions};

/// What the built-in suite documents; a distance from the distillation set is measured in its own unit.
fn documented(options: &AskOptions, axis: &str, knob: &str) -> Option<f64> {
    if knob == DISTANCE && options.trained_on.is_some() {
        return Some(1.0);
    }
    builtin::trained_to(axis, knob)
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

/// The value of every knob of the suite that has one: the one that was said, else the one that the built-in suite documents.
///
/// # Errors
/// A value that is no distance, or a knob that the suite does not turn.
pub(crate) fn trained_to(suite: &Suite, options: &AskOptions) -> Result<BTreeMap<String, f64>, AskError> {
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
    let value = |axis, knob, name: &str| said.get(name).copied().or_else(|| documented(options, axis, knob));
    let found = knobs.into_iter().filter_map(|(axis, knob)| {
        let name = format!("{axis}.{knob}");
        Some((name.clone(), value(axis, knob, &name)?))
    });
    Ok(found.collect())
}
