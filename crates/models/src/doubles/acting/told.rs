//! What a model with a defect was told before it is asked: which rungs a ladder has, and what the student was trained to.

use std::collections::BTreeMap;

use hydrometer_probes::{Ask, Lean, MemberRole, Probe, Stratum, Suite, builtin};

use super::chance;

/// The suite that is about to be asked, as far as a defect needs it.
#[derive(Default)]
pub(super) struct Told {
    /// Probes on ladders, and requests that would do harm with their twins.
    boundaries: Vec<Probe>,
    /// What the student was trained to, by `axis.knob`.
    trained_to: BTreeMap<String, f64>,
    /// Whether some probe says how far it is from that.
    graded: bool,
}

impl Told {
    pub(super) fn of(suite: &Suite, trained_to: &BTreeMap<String, f64>) -> Self {
        let moves = |probe: &&Probe| {
            probe.boundary.as_ref().is_some_and(|boundary| {
                matches!(boundary.role, MemberRole::Rung(_)) || boundary.stratum == Stratum::HighRisk
            })
        };
        let mut told = Self {
            boundaries: suite.probes.iter().filter(moves).cloned().collect(),
            trained_to: trained_to.clone(),
            graded: false,
        };
        told.graded = suite.probes.iter().any(|probe| probe.is_graded() && told.trained_radius(probe).is_some());
        told
    }

    /// How far out a probe lies, in units of what the student was trained to; `None` without a knob, or where nobody says that.
    fn trained_radius(&self, probe: &Probe) -> Option<f64> {
        let knob = probe.knob.as_ref()?;
        let said = self.trained_to.get(&format!("{}.{}", probe.axis, knob.name)).copied();
        Some(knob.value / said.or_else(|| builtin::trained_to(&probe.axis, &knob.name))?)
    }

    /// The same, or the value of the knob where nobody says what the student was trained to.
    pub(super) fn radius(&self, probe: &Probe) -> Option<f64> {
        self.trained_radius(probe).or_else(|| probe.knob.as_ref().map(|knob| knob.value))
    }

    /// Whether a probe asks for something that is graded and that distillation does not cover: what lies beyond radius 1, or
    /// where nothing says how far out it lies all that has a right answer.
    pub(super) fn is_uncovered(&self, probe: &Probe) -> bool {
        match self.trained_radius(probe) {
            Some(radius) => radius > 1.0 && probe.is_graded(),
            None => !self.graded && probe.ask.kind().has_truth() == Some(true),
        }
    }

    /// The probe as which a model decides whose boundary is so many rungs further on the permissive side; `None` of one that
    /// stands on no ladder and is no harmful request or its twin, or where the suite has no other.
    pub(super) fn moved(&self, probe: &Probe, rungs: f64) -> Option<&Probe> {
        let boundary = probe.boundary.as_ref()?;
        let part = f64::from(u8::from(chance(&format!("moved {}", probe.family)) < rungs.abs().fract()));
        let rungs = (rungs.abs().floor() + part).copysign(rungs) as i64;
        if rungs == 0 {
            return None;
        }
        let alike = |other: &&Probe| {
            let same_options = match (&probe.ask, &other.ask) {
                (Ask::Choice(own), Ask::Choice(others)) => own.options == others.options,
                (Ask::Prompt(_), Ask::Prompt(_)) => true,
                _ => false,
            };
            other.family == probe.family && same_options
        };
        let mut family = self.boundaries.iter().filter(alike);
        match &boundary.role {
            MemberRole::Rung(rung) => {
                let up = if rung.lean == Some(Lean::Restrictive) { -rungs } else { rungs };
                let number = i64::from(rung.number).saturating_add(up).clamp(1, i64::from(rung.of));
                family.find(|other| match other.boundary.as_ref().map(|boundary| &boundary.role) {
                    Some(MemberRole::Rung(at)) => {
                        i64::from(at.number) == number && (at.of, &at.toward) == (rung.of, &rung.toward)
                    }
                    _ => false,
                })
            }
            role if boundary.stratum == Stratum::HighRisk => {
                let harmful_as_twin = (MemberRole::Original, MemberRole::Twin);
                let twin_as_harmful = (MemberRole::Twin, MemberRole::Original);
                let (from, to) = if rungs > 0 { harmful_as_twin } else { twin_as_harmful };
                let is = |other: &&Probe| other.boundary.as_ref().is_some_and(|boundary| boundary.role == to);
                if *role == from { family.find(is) } else { None }
            }
            _ => None,
        }
    }
}
