//! What a calibration says of the gates of a run: which planted losses this very suite was measured to catch, and whether it
//! resolves a loss as small as the margin.

use hydrometer_answers::{Manifest, RunSettings, SampleSettings};
use hydrometer_metrics::Verdict;
use hydrometer_metrics::measure::{self, Direction};
use hydrometer_probes::{Profile, Suite};

use super::matrix::{Calibrated, DefectRow, Found};
use super::{Asked, Setup, expected, matrix};
use crate::statement::{CalibrationUsed, Caught, FoundLoss, Gate, Resolution};
use crate::{AuditError, GateRule, Policy};

impl Calibrated {
    /// What it is to a planned run: the same suite and budget, and by the same teacher or another.
    ///
    /// # Errors
    /// [`AuditError::OtherCalibration`]: it was made of another suite or with another budget.
    pub fn fits(&self, manifest: &Manifest) -> Result<CalibrationUsed, AuditError> {
        let mut differs = Vec::new();
        differs.extend(other_suite(&self.setup.suite, manifest));
        let here = Setup::without_seeds(&manifest.settings);
        differs.extend(other_budget(&self.setup.settings, &here));
        if self.setup.hydrometer != env!("CARGO_PKG_VERSION") {
            let there = &self.setup.hydrometer;
            differs.push(format!("version {there} of hydrometer there, {} here", env!("CARGO_PKG_VERSION")));
        }
        if !differs.is_empty() {
            return Err(AuditError::OtherCalibration { differs, flags: flags(&self.setup.settings, &here) });
        }
        let (there, here) = (&self.setup.teacher, &manifest.teacher);
        let same = (&there.weights, &there.surgery) == (&here.weights, &here.surgery);
        Ok(CalibrationUsed {
            setup: self.setup_hash.clone(),
            accepted: self.accepted,
            other_teacher: (!same).then(|| there.name.clone()),
            nulls: self.nulls.any.trials,
        })
    }

    /// Says beside every gate that passes what would have been caught, and takes back a PASS whose margin is finer than what
    /// the suite resolves.
    pub(crate) fn back(&self, gates: &mut [Gate], policy: &Policy) {
        for gate in gates.iter_mut().filter(|gate| gate.verdict == Verdict::Pass) {
            let aimed: Vec<&DefectRow> = self.defects.iter().filter(|row| aims(row, &gate.metric)).collect();
            if self.judged_alike(gate, policy) {
                gate.caught = aimed.iter().filter_map(|row| caught(row, &gate.metric)).collect();
            }
            gate.resolution = resolution(gate, &aimed);
            let Some(resolution) = gate.resolution.as_ref().filter(|resolution| !resolution.is_enough()) else {
                continue;
            };
            let margin = resolution.margin;
            let missed = match &resolution.missed {
                Some(missed) => format!("its calibration missed a loss of {:.4} ({})", missed.loss, missed.defect),
                None => "its calibration told none of the losses that were planted from the teacher itself".to_owned(),
            };
            gate.verdict = Verdict::NotEnoughEvidence;
            gate.explanation +=
                &format!("; but a margin of {margin:.4} is finer than what this suite resolves: {missed}");
        }
    }

    /// Whether the calibration judged a number by the same bounds at the same level.
    fn judged_alike(&self, gate: &Gate, policy: &Policy) -> bool {
        let same = |rule: &GateRule| {
            rule.metric == gate.metric && (rule.at_least, rule.at_most) == (gate.at_least, gate.at_most)
        };
        self.setup.policy.level == policy.level && self.setup.policy.gates.iter().any(same)
    }
}

/// Whether a defect is aimed at a number.
fn aims(row: &DefectRow, metric: &str) -> bool {
    expected::expected(&row.defect).is_some_and(|expected| expected.fires.contains(&metric))
}

/// The mildest dose that fails the gate often enough.
fn caught(row: &DefectRow, metric: &str) -> Option<Caught> {
    let defect = row.smallest.get(metric)?.as_ref()?;
    let dose = row.doses.iter().find(|dose| dose.defect == *defect)?;
    let failed = dose.gates.iter().find(|gate| gate.metric == metric)?.failed;
    let number = dose.numbers.iter().find(|number| number.metric == metric)?;
    Some(Caught { defect: defect.clone(), value: number.mean, failed: failed.of, audits: failed.trials })
}

/// The margin of a gate beside the smallest loss that was found and the largest that was missed; `None` where no defect was aimed at its number.
fn resolution(gate: &Gate, aimed: &[&DefectRow]) -> Option<Resolution> {
    let direction = measure::find(&gate.metric)?.direction;
    let found: Vec<&Option<Found>> = aimed.iter().filter_map(|row| row.found.get(&gate.metric)).collect();
    if found.is_empty() {
        return None;
    }
    let smallest = found.into_iter().flatten().min_by(|a, b| a.loss.total_cmp(&b.loss));
    // What is usual of the teacher beside itself: from any number whose loss beyond it is known.
    let usual = smallest.and_then(|found| Some(direction.loss(found.mean)? - found.loss));
    let bounds = [gate.at_least, gate.at_most].into_iter().flatten();
    let margins = bounds.filter_map(|bound| Some(direction.loss(bound)? - usual.unwrap_or(0.0)));
    let margin = margins.filter(|margin| *margin > 0.0).min_by(f64::total_cmp)?;
    let missed = aimed.iter().flat_map(|row| missed(row, &gate.metric, direction, usual.unwrap_or(0.0)));
    let missed = missed.filter(|missed| missed.loss >= margin).max_by(|a, b| a.loss.total_cmp(&b.loss));
    let smallest = smallest.map(|found| FoundLoss { defect: found.defect.clone(), loss: found.loss });
    Some(Resolution { margin, smallest, missed, power: matrix::POWER })
}

/// The doses that were not told from the teacher itself often enough.
fn missed<'a>(
    row: &'a DefectRow,
    metric: &'a str,
    direction: Direction,
    usual: f64,
) -> impl Iterator<Item = FoundLoss> + 'a {
    row.doses.iter().filter_map(move |dose| {
        let number = dose.numbers.iter().find(|number| number.metric == metric)?;
        let is_missed = number.told?.value()? < matrix::POWER;
        let loss = direction.loss(number.mean)? - usual;
        is_missed.then(|| FoundLoss { defect: dose.defect.clone(), loss })
    })
}

/// How the suite of a run is another one, as a fragment.
fn other_suite(asked: &Asked, manifest: &Manifest) -> Option<String> {
    let (name, here) = (asked.name(), &manifest.suite_name);
    match asked {
        Asked::Same { hash, .. } => (*hash != manifest.suite_hash)
            .then(|| format!("suite {name} ({hash}) there, {here} ({}) here", manifest.suite_hash)),
        Asked::Drawn { hash, .. } => {
            let profile = Profile::ALL.into_iter().find(|profile| Suite::builtin(*profile, 1).hash() == *hash);
            let drawn = profile.map(|profile| Suite::builtin(profile, manifest.settings.seed).hash());
            (drawn.as_ref() != Some(&manifest.suite_hash)).then(|| {
                format!("suites drawn by {name} there, {here} ({}) here, which it does not draw", manifest.suite_hash)
            })
        }
    }
}

/// Flags of an audit with the budget of a calibration, those that differ. `calibrate` always draws with temperature 1 and top_p 1, and
/// sets no other end of an answer.
fn flags(there: &RunSettings, here: &RunSettings) -> Vec<String> {
    let sampled = |settings: &RunSettings| {
        let sampled = settings.samples.as_ref();
        sampled.map(|samples| (samples.per_probe, samples.reruns, samples.parameters.max_tokens))
    };
    let (answers, own) = (sampled(there), sampled(here));
    let of = |flag: &str, there: Option<u32>, here: Option<u32>| {
        there.filter(|_| there != here).map(|value| format!("{flag} {value}"))
    };
    let sample = |pick: fn((u32, u32, u32)) -> u32| (answers.map(pick), own.map(pick));
    let [samples, reruns, longest] = [sample(|of| of.0), sample(|of| of.1), sample(|of| of.2)];
    let flags = [
        of("--ctx", Some(there.n_ctx), Some(here.n_ctx)),
        of("--chunks", there.max_windows, here.max_windows),
        of("--rotations", Some(there.rotations), Some(here.rotations)),
        of("--samples", samples.0, samples.1),
        of("--reruns", reruns.0, reruns.1),
        of("--max-tokens", longest.0, longest.1),
    ];
    flags.into_iter().flatten().collect()
}

/// Where two budgets differ, a fragment each: what decides how much is asked, and how it is counted.
fn other_budget(there: &RunSettings, here: &RunSettings) -> Vec<String> {
    const FIELDS: [&str; 9] = [
        "n_ctx",
        "max_windows",
        "window_order",
        "rotations",
        "samples",
        "teacher_asked",
        "deciding",
        "trained_to",
        "trained_on",
    ];
    // A calibration draws independently: of students that do not, it says less than they show, and nothing wrong.
    let json = |settings: &RunSettings| {
        let samples = settings.samples.clone().map(|samples| SampleSettings { paired: false, ..samples });
        let settings = RunSettings { samples, ..settings.clone() };
        serde_json::to_value(settings).expect("settings have no map with other keys")
    };
    let (there, here) = (json(there), json(here));
    let mut found = Vec::new();
    for field in FIELDS {
        super::differences(field, &here[field], &there[field], &mut found);
    }
    found
}
