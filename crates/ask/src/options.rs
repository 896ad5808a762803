//! What a collection is told.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hydrometer_answers::{
    MOST_SAMPLES, PlannedLook, SampleSettings, SamplingParameters, SetKnobs, TeacherAsked, TrainedOn, Used,
    WatchedGate, WindowOrder,
};
use hydrometer_models::SampleLimits;
use hydrometer_probes::Probe;
use hydrometer_probes::families::FamilyOrder;

use crate::AskError;
use crate::deployment::PlacedDeployment;

/// Settings of one collection. Every field but `arguments` is part of the run's identity.
#[derive(Clone, Debug, PartialEq)]
pub struct AskOptions {
    /// Context window in tokens; longer texts are cut into disjoint windows of this length. At least 8.
    pub n_ctx: u32,
    /// Tokens computed together; a block is also what an interruption can lose. At least `n_ctx`.
    pub block_tokens: u32,
    /// Option orders asked per choice, at most the number of options.
    pub rotations: u32,
    /// Windows that the teacher scores a second time, for the noise floor.
    pub floor_windows: u32,
    /// Only so many windows of each text.
    pub max_windows: Option<u32>,
    /// Which windows those are.
    pub window_order: WindowOrder,
    /// Seed of everything random.
    pub seed: u64,
    /// How free questions are answered; without it they are left out.
    pub sampling: Option<Sampling>,
    /// Which prompts the teacher is asked; `None` for all. The student answers all of them in any case, and what it does
    /// alone narrows the intervals.
    pub teacher_asked: Option<TeacherAsked>,
    /// Asks whole families in random order until a stop rule has seen enough; without it the whole suite is asked.
    pub until_decided: Option<UntilDecided>,
    /// What the student was trained to, by `axis.knob`: the value of the knob that counts as radius 1. Knobs of the suite that
    /// are not named have the value that the distillation set says, else the one that the built-in suite documents for theirs,
    /// if any.
    pub trained_to: BTreeMap<String, f64>,
    /// What the prompts of the distillation set say of knobs ([`set_knobs`](crate::set_knobs)), where they say anything.
    pub set_knobs: Option<SetKnobs>,
    /// The distillation set from which the suite was placed ([`Radii::place`](crate::radius::Radii::place)), where it was.
    pub trained_on: Option<TrainedOn>,
    /// How much the student is used at which values of a knob, by `axis.knob`.
    pub deployment: BTreeMap<String, Vec<Used>>,
    /// Prompts of the deployment, where they were placed: they say it for every distance that is not named.
    pub deployed_on: Option<PlacedDeployment>,
    /// How models that say nothing of options are asked for letters ([`drawing`](crate::drawing)); without it choices of theirs are
    /// left out.
    pub letters: Option<Sampling>,
    /// Answers of the teacher to each prompt that are asked for with the most probable tokens at every place, where nothing else says
    /// anything of its distributions; without it there are none.
    pub listed_answers: Option<u32>,
    /// Checks of endpoints whose failure is accepted by name.
    pub accepted: Vec<String>,
    /// The command line as given, for the manifest; without secrets.
    pub arguments: Vec<String>,
}

/// How texts are cut into windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windowing {
    /// Context window in tokens; longer texts are cut into disjoint windows of this length. At least 8.
    pub n_ctx: u32,
    /// Only so many windows of each text.
    pub max_windows: Option<u32>,
    /// Which windows those are.
    pub order: WindowOrder,
}

impl Windowing {
    /// The order as a run remembers it: where every window is taken, it makes no difference.
    pub(crate) fn remembered_order(&self) -> WindowOrder {
        self.max_windows.map_or(WindowOrder::First, |_| self.order)
    }
}

/// How free questions are answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// How many answers, drawn how: part of the run's identity.
    pub settings: SampleSettings,
    /// Folder of the answer store: what it holds is not asked again.
    pub store: PathBuf,
    /// Sequences and memory at once; the answers do not depend on it.
    pub limits: SampleLimits,
}

/// The gates by which a run says that enough was asked.
#[derive(Clone, Debug, PartialEq)]
pub struct UntilDecided {
    /// Error rate of each gate, on either side, in (0, 1).
    pub alpha: f64,
    /// Most families taken in per gate; `None` for as many as the suite has.
    pub cap: Option<u32>,
    /// The gates that are watched.
    pub gates: Vec<WatchedGate>,
    /// When those are looked at whose numbers are read off curves; none where there are no such gates.
    pub looks: Vec<PlannedLook>,
}

impl UntilDecided {
    /// The looks that this suite has something for.
    pub(crate) fn looks(&self, probes: &[Probe]) -> &[PlannedLook] {
        if probes.iter().any(Probe::is_graded) { &self.looks } else { &[] }
    }

    /// In which order families are asked.
    pub(crate) fn order(&self, seed: u64, probes: &[Probe]) -> FamilyOrder {
        if self.looks(probes).is_empty() { FamilyOrder::random(seed) } else { FamilyOrder::spread(seed, probes) }
    }
}

impl AskOptions {
    pub(crate) fn windowing(&self) -> Windowing {
        Windowing { n_ctx: self.n_ctx, max_windows: self.max_windows, order: self.window_order }
    }

    pub(crate) fn check(&self) -> Result<(), AskError> {
        check_blocks(self.n_ctx, self.block_tokens)?;
        if self.rotations == 0 {
            return Err(AskError::setting("rotations", 0, "at least 1"));
        }
        if let Some(0) = self.until_decided.as_ref().and_then(|until| until.cap) {
            return Err(AskError::setting("cap", 0, "at least 1 family"));
        }
        match self.listed_answers {
            Some(answers) if self.until_decided.is_some() || self.teacher_asked.is_some() => {
                let expected =
                    "none where the teacher is not asked every prompt: bounds are no ground to decide early by";
                return Err(AskError::setting("listed_answers", answers, expected));
            }
            Some(answers) if answers == 0 || answers > MOST_SAMPLES => {
                return Err(AskError::setting("listed_answers", answers, format!("1 to {MOST_SAMPLES}")));
            }
            _ => {}
        }
        match (self.teacher_asked, &self.until_decided) {
            (Some(TeacherAsked::Families(families @ 0..2)), None) => {
                return Err(AskError::setting("teacher_families", families, "at least 2 families"));
            }
            (Some(TeacherAsked::Families(families)), Some(_)) => {
                let expected = "none where the gates say when the teacher has been asked enough";
                return Err(AskError::setting("teacher_families", families, expected));
            }
            (Some(TeacherAsked::UntilDecided), None) => {
                let found = "until the gates are decided";
                return Err(AskError::setting("teacher_asked", found, "gates that are watched"));
            }
            _ => {}
        }
        self.sampling.as_ref().map_or(Ok(()), |sampling| check_samples(&sampling.settings))
    }
}

/// Windows and blocks that can be worked with.
pub(crate) fn check_blocks(n_ctx: u32, block_tokens: u32) -> Result<(), AskError> {
    if n_ctx < 8 {
        return Err(AskError::setting("n_ctx", n_ctx, "at least 8 tokens"));
    }
    if block_tokens < n_ctx {
        return Err(AskError::setting("block_tokens", block_tokens, format!("at least n_ctx = {n_ctx}")));
    }
    Ok(())
}

pub(crate) fn check_samples(settings: &SampleSettings) -> Result<(), AskError> {
    if settings.per_probe == 0 {
        return Err(AskError::setting("samples", 0, "at least 1"));
    }
    let far =
        [("samples", settings.per_probe), ("reruns", settings.reruns)].into_iter().find(|(_, n)| *n > MOST_SAMPLES);
    if let Some((setting, count)) = far {
        return Err(AskError::setting(setting, count, format!("at most {MOST_SAMPLES}")));
    }
    check_parameters(&settings.parameters)
}

pub(crate) fn check_parameters(parameters: &SamplingParameters) -> Result<(), AskError> {
    parameters.fault().map_or(Ok(()), |fault| Err(AskError::Parameters(fault)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_answers_out_of_range_is_called_by_its_own_flag() {
        let check = |per_probe: u32, reruns: u32, expected: Option<(&str, &str)>| {
            let parameters =
                SamplingParameters { temperature: 1.0, top_p: 1.0, top_k: 0, max_tokens: 1, stop: Vec::new(), seed: 0 };
            let found = match check_samples(&SampleSettings { per_probe, reruns, parameters, paired: false }) {
                Err(AskError::Setting { setting, found, .. }) => Some((setting, found)),
                Err(other) => Some(("another", other.to_string())),
                Ok(()) => None,
            };
            assert_eq!(found.as_ref().map(|(setting, found)| (*setting, found.as_str())), expected);
        };
        check(MOST_SAMPLES, MOST_SAMPLES, None);
        check(0, 1, Some(("samples", "0")));
        check(1, MOST_SAMPLES + 1, Some(("reruns", "32769")));
        check(MOST_SAMPLES + 1, 0, Some(("samples", "32769")));
    }
}
