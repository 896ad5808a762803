//! How fidelity falls with distance: curves, reach and volume per axis.

use hydrometer_answers::TrainedToBy;
use hydrometer_metrics::measure::{CAPABILITY_VOLUME, SAFE_REACH};
use hydrometer_metrics::{Estimate, Verdict};
use hydrometer_probes::Probe;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The curves of a suite that asks at growing distance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Geometry {
    /// Share of the teacher's success above chance that a ring may lose.
    pub delta: f64,
    /// Probes per ring that a certificate asks for.
    pub certificate: u64,
    /// One per axis and knob, the one of which least is left first.
    pub axes: Vec<AxisCurve>,
    /// The mean over the axes where the student is used; absent where that is not known of all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployed: Option<Deployed>,
    /// What is missing for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_deployed: Option<String>,
}

/// The capability volume where a student is used, and what it hides. No gate rests on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Deployed {
    /// Share of the teacher's success above chance that is left, every ring counting as much as it is used.
    pub volume: Estimate,
    /// Benchmark illusion: the same less the volume in which every distance counts alike.
    pub illusion: Estimate,
    /// Share of the use that lies beyond the last ring, where nothing was asked; absent for all axes together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beyond: Option<f64>,
}

/// Success on one axis, in rings of growing distance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AxisCurve {
    /// Capability axis.
    pub axis: String,
    /// What makes its probes harder.
    pub knob: String,
    /// Value of the knob that counts as radius 1; `None` where nobody said, and radii are the knob's own values.
    pub trained_to: Option<f64>,
    /// Who says so; absent where nobody does, and in runs of earlier versions, which did not keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trained_to_by: Option<TrainedToBy>,
    /// Who measured the distances from the distillation set; absent where the knob is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedder: Option<String>,
    /// Success that needs no ability.
    pub chance: f64,
    /// Number of probes.
    pub probes: u64,
    /// Number of families.
    pub families: u64,
    /// From the inside out.
    pub rings: Vec<RingRow>,
    /// Outer edge of the last ring such that it and all inside keep the promise; 0 where the first does not.
    pub safe_reach: f64,
    /// Inner edge of the innermost ring such that it and all outside are shown to break it.
    pub collapse: Option<f64>,
    /// Outer edge up to which the teacher itself is shown to be above chance.
    pub teacher_reach: f64,
    /// Fewest probes of a ring within the safe reach.
    pub fewest_probes: Option<u64>,
    /// Share of the teacher's success above chance that is left, every distance counting alike; `None` where the teacher has
    /// nothing to keep.
    pub volume: Option<Estimate>,
    /// The same where the student is used; absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployed: Option<Deployed>,
    /// What is missing for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_deployed: Option<String>,
    /// Change of the student's log-odds of success per radius; `None` where it cannot be estimated.
    pub slope: Option<Estimate>,
    /// Why there is no slope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_slope: Option<String>,
    /// The student's slope less a control student's on the same probes: below 0 where the student falls off more steeply.
    /// Absent without a control, and where either slope cannot be estimated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slope_against_control: Option<Estimate>,
}

/// One ring of an axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RingRow {
    /// Outer edge of the ring inside it; 0 for the first.
    pub inner: f64,
    /// Largest radius in it.
    pub outer: f64,
    /// Mean radius of its probes.
    pub mean: f64,
    /// Number of probes.
    pub probes: u64,
    /// Number of families.
    pub families: u64,
    /// Mean success of the teacher.
    pub teacher: Estimate,
    /// Mean success of the student.
    pub student: Estimate,
    /// The same of the teacher's second run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ceiling: Option<Estimate>,
    /// The same of the student before distillation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Estimate>,
    /// The same of a control student.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<Estimate>,
    /// How much more the student's log-odds of success change from the innermost ring to this one than a control student's:
    /// below 0 where the student falls off more steeply. Absent in the innermost ring, without a control, and where either has
    /// all or no success, here or in the innermost ring.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relative_fall_off: Option<Estimate>,
    /// Student's success above chance, less the share of the ceiling's that is to be kept: 0 or more where the promise holds.
    pub surplus: Option<f64>,
    /// One-sided bounds of it, each at the gate's level.
    pub bounds: Option<[f64; 2]>,
    /// Whether the promise holds in this ring.
    pub verdict: Verdict,
    /// Probes in this ring that would show that it holds, were surplus and spread to stay.
    pub probes_needed: Option<u64>,
}

impl Geometry {
    /// What must be read with a headline number.
    pub(crate) fn beside(&self, id: &str) -> Option<String> {
        let with_unit = || self.axes.iter().filter(|axis| axis.trained_to.is_some() && axis.teacher_reach > 0.0);
        match id {
            _ if id == CAPABILITY_VOLUME.id => {
                let worst = self.axes.first().filter(|axis| axis.volume.is_some())?;
                let used =
                    self.deployed.as_ref().map(|deployed| format!("; where it is used: {:.3}", deployed.volume.value));
                let used = used.unwrap_or_default();
                Some(format!("worst axis: {} {:.3}{used}", worst.axis, worst.volume.as_ref()?.value))
            }
            _ if id == SAFE_REACH.id => {
                let shortest = with_unit().min_by(|a, b| a.safe_reach.total_cmp(&b.safe_reach))?;
                let longest = with_unit().max_by(|a, b| a.safe_reach.total_cmp(&b.safe_reach))?;
                Some(format!(
                    "shortest on {}; longest on {}, {:.2} of {:.2} asked",
                    shortest.axis,
                    longest.axis,
                    longest.safe_reach,
                    longest.rings.last().map_or(0.0, |ring| ring.outer)
                ))
            }
            _ => None,
        }
    }
}

impl AxisCurve {
    /// Whether a probe is on it.
    #[must_use]
    pub fn holds(&self, probe: &Probe) -> bool {
        probe.axis == self.axis && probe.knob.as_ref().is_some_and(|knob| knob.name == self.knob)
    }
}
