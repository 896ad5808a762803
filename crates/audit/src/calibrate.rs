//! Is the instrument calibrated? Audits of students whose loss is known, and of the teacher against itself, added up: what
//! this suite finds at which dose, what it leaves alone, and how often it raises a false alarm. A function of what was kept of
//! each audit; it runs none.

mod acceptance;
mod backing;
mod cell;
pub mod expected;
mod matrix;
mod truth;

pub use acceptance::{Criterion, Figure, Target};
pub use cell::{CELL_FORMAT, Cell, Judged};
pub use matrix::{
    CALIBRATION_FORMAT, Calibrated, DefectRow, DoseRow, Found, GateRow, Nulls, NumberRow, Share, calibrate,
};
pub use truth::Known;

use std::collections::BTreeSet;

use hydrometer_answers::{ModelIdentity, RunSettings};
use hydrometer_probes::Suite;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Policy;

/// What all audits of a calibration share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setup {
    /// Version of hydrometer: another one may draw other suites.
    pub hydrometer: String,
    /// Who was copied.
    pub teacher: ModelIdentity,
    /// The student before distillation, from which gaps and forgetting are measured; `None` where the suite asks nothing freely.
    pub base: Option<ModelIdentity>,
    /// What was asked.
    pub suite: Asked,
    /// Settings of every audit, seeds left out.
    pub settings: RunSettings,
    /// Gates and margins.
    pub policy: Policy,
}

impl Setup {
    /// Settings of a run as a calibration knows them: without the seeds, which every audit has of its own.
    #[must_use]
    pub fn without_seeds(settings: &RunSettings) -> RunSettings {
        let mut settings = RunSettings { seed: 0, ..settings.clone() };
        if let Some(samples) = &mut settings.samples {
            samples.parameters.seed = 0;
        }
        settings
    }

    /// What differs from another setup, a line each: where, what is here, what is there.
    #[must_use]
    pub fn differences(&self, there: &Self) -> Vec<String> {
        let mut found = Vec::new();
        let json = |setup: &Self| serde_json::to_value(setup).expect("a setup has no map with other keys");
        differences("", &json(self), &json(there), &mut found);
        found
    }

    /// `blake3:` hash of all of it.
    #[must_use]
    pub fn hash(&self) -> String {
        // Serialising to memory fails only on maps whose keys are not strings; there are none.
        let json = serde_json::to_vec(self).expect("a setup has no map with other keys");
        format!("blake3:{}", blake3::hash(&json).to_hex())
    }
}

/// What the audits of a calibration ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "suite", rename_all = "snake_case")]
pub enum Asked {
    /// Every audit draws a suite of its own by its seed: what varies between audits is all that would vary between two people
    /// who audit the same student.
    Drawn {
        /// Name of the generator.
        name: String,
        /// `blake3:` hash of the suite that it draws by seed 1: another hash, another generator.
        hash: String,
    },
    /// The same probes every time: only the draws of answers vary. What does not depend on them is one trial, however often it
    /// is repeated.
    Same {
        /// Name for people.
        name: String,
        /// `blake3:` hash of the probes.
        hash: String,
    },
}

impl Asked {
    /// Suites of a generator.
    #[must_use]
    pub fn drawn(draw: impl Fn(u64) -> Suite) -> Self {
        let suite = draw(1);
        Self::Drawn { name: suite.name.clone(), hash: suite.hash() }
    }

    /// The same suite every time.
    #[must_use]
    pub fn same(suite: &Suite) -> Self {
        Self::Same { name: suite.name.clone(), hash: suite.hash() }
    }

    /// Name for people.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Drawn { name, .. } | Self::Same { name, .. } => name,
        }
    }
}

/// A defect without its dose, as rows name it: doses below 0 are a row of their own, `boundary_moved=-`.
fn name(defect: &str) -> &str {
    match defect.find('=') {
        Some(at) if defect[at..].starts_with("=-") => &defect[..at + 2],
        Some(at) => &defect[..at],
        None => defect,
    }
}

/// Where two values differ, leaf by leaf.
fn differences(path: &str, here: &Value, there: &Value, found: &mut Vec<String>) {
    match (here, there) {
        (Value::Object(these), Value::Object(those)) => {
            let names: BTreeSet<&String> = these.keys().chain(those.keys()).collect();
            for name in names {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                let of = |values: &serde_json::Map<String, Value>| values.get(name).cloned().unwrap_or_default();
                differences(&path, &of(these), &of(those), found);
            }
        }
        _ if here == there => {}
        _ => found.push(format!("{path}: {here} here, {there} there")),
    }
}
