//! Looks at the gates whose numbers are read off curves. Such a number is no mean over families, so that nobody can bet on
//! it family by family; it is judged a few times in the course of a run, as a whole audit of the families so far would, each
//! time at a part of the error rate (METRICS: deciding early). The first verdict stands.

use std::collections::{BTreeMap, BTreeSet};

use hydrometer_answers::part::{Choices, Episodes, Samples};
use hydrometer_answers::{
    Deciding, Manifest, Part, PartKind, PlannedLook, RunSettings, SampleSource, Wanted, WatchedGate,
};
use hydrometer_metrics::Verdict;
use hydrometer_metrics::measure::{CAPABILITY_VOLUME, Definition, SAFE_REACH, WORST_AXIS};
use hydrometer_metrics::stats::gate::Bounds;
use hydrometer_metrics::stats::limits::families_to_exclude;
use hydrometer_probes::families::{FamilyOrder, SameContent};
use hydrometer_probes::{Ask, Knob, Probe};

use crate::AuditError;
use crate::geometry::success::{Answers, Graded, graded};
use crate::geometry::{AtALook, DELTA, at_a_look, trained_to};
use crate::kind::choices::AskedChoice;
use crate::statement::{Look, Looked};
use crate::verdict::gate::judged_by;

/// The gates that are looked at.
pub(super) static LOOKED_AT: [&Definition; 3] = [&CAPABILITY_VOLUME, &WORST_AXIS, &SAFE_REACH];

/// A quarter, half and all of the families. Little of the error rate is spent before the end: a student that falls off is found
/// out at once all the same, and one that keeps everything passes at the end with hardly more families than a whole audit
/// needs (30 of an axis in place of 29 for a loss of 10 %).
const LOOKS: [PlannedLook; 3] = [
    PlannedLook { families: 0.25, error: 0.05 },
    PlannedLook { families: 0.5, error: 0.1 },
    PlannedLook { families: 1.0, error: 0.85 },
];

/// When a run looks at these gates; never, where none is read off curves.
pub(super) fn planned(gates: &[WatchedGate]) -> Vec<PlannedLook> {
    if gates.iter().any(|gate| is_looked_at(&gate.metric)) { LOOKS.to_vec() } else { Vec::new() }
}

pub(super) fn is_looked_at(metric: &str) -> bool {
    LOOKED_AT.iter().any(|definition| definition.id == metric)
}

/// The looks of a run: those that were taken, and what the next one waits for.
pub(super) struct Looks {
    settings: RunSettings,
    level: f64,
    /// The probes that are looked at, in the order of the suite.
    probes: Vec<Probe>,
    stages: Vec<Stage>,
    /// Stages that were looked at.
    taken: usize,
    gates: Vec<Gate>,
    seen: BTreeSet<Asked>,
    found: BTreeMap<String, Shares>,
}

/// A family in one kind of questions.
type Asked = (PartKind, String);

/// What a look takes in.
struct Stage {
    /// Error rate of a gate at this look.
    alpha: f64,
    families: BTreeSet<String>,
    /// All of them must have been asked.
    awaited: BTreeSet<Asked>,
}

struct Gate {
    rule: WatchedGate,
    /// Whether the run asks on for its sake: not where not even a student that keeps everything could pass.
    awaited: bool,
    /// The verdict, and the look at which it fell, from 0.
    decided: Option<(Verdict, usize)>,
    looks: Vec<Look>,
}

/// How every model did on a probe.
struct Shares {
    teacher: f64,
    student: f64,
    ceiling: Option<f64>,
    base: Option<f64>,
    control: Option<f64>,
}

impl Looks {
    /// The looks at those of the gates that the plan asks something for.
    pub(super) fn new(deciding: &Deciding, plan: &Manifest, probes: &[Probe]) -> Self {
        let (settings, same) = (&plan.settings, SameContent::of(probes));
        let excluded: BTreeSet<&str> = plan.excluded.iter().flatten().map(|item| item.probe.as_str()).collect();
        let is_asked = |probe: &&Probe| {
            let has_units = part(probe).is_some_and(|kind| plan.units.of(kind) > 0);
            probe.is_graded() && has_units && !same.is_copy(&probe.family) && !excluded.contains(probe.id.as_str())
        };
        let asked: Vec<Probe> = probes.iter().filter(is_asked).cloned().collect();
        let order = FamilyOrder::spread(settings.seed, probes);
        let stages = stages(deciding, &asked, &order);
        let has_unit = |probe: &Probe| {
            probe.knob.as_ref().is_some_and(|knob| trained_to(settings, &probe.axis, &knob.name).is_some())
        };
        let is_measured =
            |metric: &str| is_looked_at(metric) && (metric != SAFE_REACH.id || asked.iter().any(has_unit));
        let rules = deciding.gates.iter().filter(|rule| !stages.is_empty() && is_measured(&rule.metric));
        let gate = |rule: &WatchedGate| Gate {
            rule: rule.clone(),
            awaited: can_pass(rule, &asked, &stages),
            decided: None,
            looks: Vec::new(),
        };
        Self {
            level: 1.0 - deciding.alpha,
            settings: settings.clone(),
            gates: rules.map(gate).collect(),
            probes: asked,
            stages,
            taken: 0,
            seen: BTreeSet::new(),
            found: BTreeMap::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.gates.is_empty()
    }

    /// Whether any look reads parts of a kind.
    pub(super) fn watches(&self, kind: PartKind) -> bool {
        !self.is_empty() && self.stages.iter().any(|stage| stage.awaited.iter().any(|asked| asked.0 == kind))
    }

    /// Whether the looks want further parts of a kind.
    pub(super) fn wants(&self, kind: PartKind) -> Wanted {
        let lacks = |stage: &Stage| stage.awaited.iter().any(|asked| asked.0 == kind && !self.seen.contains(asked));
        let mut open = self.stages[self.taken..].iter();
        match open.next() {
            _ if self.gates.iter().all(|gate| !gate.awaited || gate.decided.is_some()) => Wanted::No,
            Some(next) if lacks(next) => Wanted::Now,
            _ if open.any(lacks) => Wanted::Later,
            _ => Wanted::No,
        }
    }

    /// Takes in what was answered, and looks where a look has all that it takes in.
    ///
    /// # Errors
    /// A checker that cannot be used, or an axis that cannot be laid out.
    pub(super) fn take(&mut self, answers: &Answers<'_>, choices: &[AskedChoice<'_>]) -> Result<(), AuditError> {
        // What the student answered alone is no evidence.
        let teacher = SampleSource::Teacher;
        let samples = answers.samples.iter().filter(|row| row.source == teacher);
        let episodes = answers.episodes.iter().filter(|row| row.source == teacher);
        self.seen.extend(samples.map(|row| (Samples::KIND, row.family.clone())));
        self.seen.extend(episodes.map(|row| (Episodes::KIND, row.family.clone())));
        self.seen.extend(choices.iter().map(|choice| (Choices::KIND, choice.probe.family.clone())));
        for Graded { probe, teacher, student, ceiling, base, control, .. } in graded(answers, choices)? {
            self.found.insert(probe.id.clone(), Shares { teacher, student, ceiling, base, control });
        }
        while let Some(stage) = self.stages.get(self.taken)
            && stage.awaited.is_subset(&self.seen)
        {
            self.look()?;
        }
        Ok(())
    }

    /// Takes the next look.
    fn look(&mut self) -> Result<(), AuditError> {
        let stage = &self.stages[self.taken];
        let is_last = self.taken + 1 == self.stages.len();
        if self.gates.iter().any(|gate| gate.decided.is_none()) {
            let inside = self.probes.iter().filter(|probe| stage.families.contains(&probe.family));
            let graded: Vec<Graded<'_>> = inside.filter_map(|probe| self.found.get(&probe.id)?.of(probe)).collect();
            let numbers = at_a_look(&self.settings, &graded, self.level)?;
            for gate in self.gates.iter_mut().filter(|gate| gate.decided.is_none()) {
                let Some(number) = numbers.iter().find(|number| number.definition.id == gate.rule.metric) else {
                    continue;
                };
                let look = gate.judge(number, stage, is_last);
                gate.decided = (look.verdict != Verdict::NotEnoughEvidence).then_some((look.verdict, self.taken));
                gate.looks.push(look);
            }
        }
        self.taken += 1;
        Ok(())
    }

    /// Where each gate stands.
    pub(super) fn looked(&self) -> Vec<Looked> {
        let of = |gate: &Gate| Looked {
            metric: gate.rule.metric.clone(),
            at_least: gate.rule.at_least,
            at_most: gate.rule.at_most,
            verdict: gate.decided.map_or(Verdict::NotEnoughEvidence, |(verdict, _)| verdict),
            decided_at: gate.decided.map(|(_, look)| look as u64 + 1),
            planned: self.stages.len() as u64,
            families: self.stages.last().map_or(0, |stage| stage.families.len() as u64),
            looks: gate.looks.clone(),
        };
        self.gates.iter().map(of).collect()
    }
}

impl Gate {
    fn judge(&self, number: &AtALook, stage: &Stage, is_last: bool) -> Look {
        let bounds = Bounds { at_least: self.rule.at_least, at_most: self.rule.at_most };
        let margins = [bounds.at_least, bounds.at_most].into_iter().flatten().count();
        // The chances of a wrong FAIL add up over the margins.
        let alpha = stage.alpha / margins.max(1) as f64;
        let ground = number.found.as_ref().ok().map(|(_, ground)| ground);
        let ends = ground.and_then(|ground| ground.ends(alpha, 1.0));
        let verdict = ends.map_or(Verdict::NotEnoughEvidence, |ends| bounds.verdict(ends));
        // An axis that does not count yet may count in the end: it could raise a mean and lower the least, but no longer raise it.
        let of_the_least = number.definition.id != CAPABILITY_VOLUME.id && bounds.at_most.is_none();
        // For a reach it matters up to the margin: what lies beyond is not asked of it.
        let enough = if number.definition.id == SAFE_REACH.id {
            bounds.at_least.unwrap_or(f64::INFINITY)
        } else {
            f64::INFINITY
        };
        let stands = is_last || number.shown_to >= enough || (verdict == Verdict::Fail && of_the_least);
        Look {
            families: stage.families.len() as u64,
            alpha,
            value: number.found.as_ref().ok().map(|(estimate, _)| estimate.value),
            judged: judged_by(ground, alpha),
            verdict: if stands { verdict } else { Verdict::NotEnoughEvidence },
            missing: match &number.found {
                Err(missing) => Some(missing.clone()),
                Ok(_) if stands => None,
                Ok(_) => Some(
                    "on some axis the teacher is not shown yet to do better than chance: with more families it may count"
                        .to_owned(),
                ),
            },
        }
    }
}

impl Shares {
    fn of<'a>(&self, probe: &'a Probe) -> Option<Graded<'a>> {
        let knob: &'a Knob = probe.knob.as_ref()?;
        let Shares { teacher, student, ceiling, base, control } = *self;
        Some(Graded { probe, knob, teacher, student, ceiling, base, control })
    }
}

/// The part of the run folder that answers to a probe are in; `None` where nothing of it is graded.
fn part(probe: &Probe) -> Option<PartKind> {
    match probe.ask {
        Ask::Choice(_) => Some(Choices::KIND),
        Ask::Prompt(_) => Some(Samples::KIND),
        Ask::Episode(_) => Some(Episodes::KIND),
        Ask::Text(_) | Ask::Trajectory(_) => None,
    }
}

/// What each look takes in: of every curve its first families, at most so many of all as the cap allows. A look that takes in
/// no family more than the one before is left out, and the next one spends its error.
fn stages(deciding: &Deciding, asked: &[Probe], order: &FamilyOrder) -> Vec<Stage> {
    let families: BTreeSet<&str> = asked.iter().map(|probe| probe.family.as_str()).collect();
    let capped = deciding.cap.map_or(1.0, |cap| f64::from(cap) / families.len().max(1) as f64).min(1.0);
    let (mut stages, mut unspent): (Vec<Stage>, f64) = (Vec::new(), 0.0);
    for look in &deciding.looks {
        let is_inside = |family: &str| {
            let standing = order.standing(family);
            standing.is_some_and(|standing| standing.rank < (look.families * capped * standing.of as f64) as u64)
        };
        let inside: BTreeSet<String> =
            families.iter().filter(|family| is_inside(family)).map(|&f| f.to_owned()).collect();
        unspent += look.error;
        if inside.len() == stages.last().map_or(0, |stage| stage.families.len()) {
            continue;
        }
        let of_inside = asked.iter().filter(|probe| inside.contains(&probe.family));
        let awaited = of_inside.filter_map(|probe| Some((part(probe)?, probe.family.clone()))).collect();
        stages.push(Stage { alpha: deciding.alpha * unspent, families: inside, awaited });
        unspent = 0.0;
    }
    stages
}

/// Whether a student that keeps everything could pass at the last look.
fn can_pass(rule: &WatchedGate, asked: &[Probe], stages: &[Stage]) -> bool {
    let (Some(last), Some(margin)) = (stages.last(), rule.at_least) else { return true };
    let mut curves: Vec<(&Probe, BTreeSet<&str>)> = Vec::new();
    for probe in asked.iter().filter(|probe| last.families.contains(&probe.family)) {
        match curves.iter_mut().find(|(first, _)| first.is_of_one_curve_with(probe)) {
            Some((_, families)) => _ = families.insert(&probe.family),
            None => curves.push((probe, BTreeSet::from([probe.family.as_str()]))),
        }
    }
    let of_curves = curves.iter().map(|(_, families)| families.len() as u64);
    let (families, share) = match rule.metric.as_str() {
        id if id == CAPABILITY_VOLUME.id => (of_curves.sum(), 1.0 - margin),
        id if id == WORST_AXIS.id => (of_curves.min().unwrap_or(0), 1.0 - margin),
        _ => (of_curves.min().unwrap_or(0), DELTA),
    };
    // A margin outside the shares excludes no share.
    !(share > 0.0 && share < 1.0) || families >= families_to_exclude(share, last.alpha)
}

#[cfg(test)]
mod tests;
