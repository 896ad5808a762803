//! Watches the gates of a run that stops once they are decided (METRICS: deciding early): sums of families in, evidence
//! and verdicts out. The collection and the statement use the same code, so a run that resumes, and a statement that is
//! issued later, arrive at the same verdicts.
//!
//! Families come in the random order in which they were asked. Their numbers are divided by the largest number of items of
//! any family, which the plan knows before anything is asked. Numbers that are read off curves are looked at a few times
//! instead ([`looks`]).

mod looks;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;

use hydrometer_answers::part::{Choices, Episodes, Positions, Samples, Vectors};
use hydrometer_answers::{
    Deciding, Manifest, Part, PartKind, PlannedLook, RunFolder, SampleSettings, StopRule, Wanted, WatchedGate,
};
use hydrometer_metrics::Verdict;
use hydrometer_metrics::measure::{self, Definition, FamilyBounds, Known, Measure, Need, Sums};
use hydrometer_metrics::stats::sequential::{self, Claim, Evidence, all_of};
use hydrometer_probes::families::{FamilyOrder, FamilySizes, SameContent};
use hydrometer_probes::kind;
use hydrometer_probes::{Ask, Decoding, Probe};

use super::policy::{GateRule, Policy};
use crate::AuditError;
use crate::evidence::{POWER, copies};
use crate::geometry::success::Answers;
use crate::kind::answers::equivalence::Meanings;
use crate::kind::choices::AskedChoice;
use crate::kind::{answers, choices, part};
use crate::statement::{EvidencePoint, Looked, Watched};
use looks::{LOOKED_AT, Looks, is_looked_at};

/// Most points of a history that are kept.
const POINTS: usize = 400;
/// Families that a loss is looked for in, at most: more would only find a smaller one, and a folder from elsewhere may
/// claim any number.
const MOST_FAMILIES: usize = 20_000;

/// A metric that can be watched: one whose bounds of a family are known.
#[derive(Clone, Copy)]
struct Watchable {
    metric: &'static Definition,
    measure: &'static Measure,
    bounds: &'static FamilyBounds,
}

impl Watchable {
    fn of(metric: &'static Definition) -> Option<Self> {
        Some(Self { metric, measure: metric.measure().ok()?, bounds: metric.bounds()? })
    }

    /// The part of the run folder that its items come from.
    fn part(self) -> PartKind {
        part(self.measure.table.items())
    }

    fn needs(self, need: Need) -> bool {
        self.metric.needs(need)
    }

    /// Whether a probe is an item of a family.
    fn counts(self, probe: &Probe) -> bool {
        let knows = |truth: bool| truth || !self.needs(Need::Truth);
        match (self.part(), &probe.ask) {
            (Choices::KIND, Ask::Choice(kind::Choice { truth, .. })) => knows(truth.is_some()),
            (Samples::KIND, Ask::Prompt(kind::Prompt { check, decoding: Decoding::Sampled, .. })) => {
                knows(check.is_some())
            }
            (Samples::KIND, Ask::Prompt(_)) => self.needs(Need::Truth) && answers::is_judged_once(probe),
            _ => false,
        }
    }

    /// Whether what is asked is asked in the way that the metric needs.
    fn is_asked(self, samples: Option<&SampleSettings>) -> bool {
        if self.part() != Samples::KIND {
            return true;
        }
        let (answers, reruns) =
            (if self.needs(Need::TwoAnswers) { 2 } else { 1 }, if self.needs(Need::Rerun) { 1 } else { 0 });
        let drawn = |s: &SampleSettings| s.parameters.is_distribution() || !self.needs(Need::Draws);
        samples.is_some_and(|s| s.per_probe >= answers && s.reruns >= reruns && drawn(s))
    }
}

fn find(id: &str) -> Option<Watchable> {
    Watchable::of(measure::find(id)?)
}

/// Why a metric is not watched; `None` where it is.
pub(crate) fn unwatched(id: &str) -> Option<String> {
    if is_looked_at(id) {
        return Some(
            "a number which this run did not look at on its way: audit again with a policy that has this gate"
                .to_owned(),
        );
    }
    find(id).is_none().then(|| {
        "a number which cannot be watched: no tight bounds on what one family adds are known beforehand, and an ordinary \
         interval is not valid where the evidence itself says when to stop"
            .to_owned()
    })
}

/// The gates of a policy that can be watched, under its error rate, in a run that was planned so.
pub(crate) fn deciding(policy: &Policy, planned: &Deciding) -> Deciding {
    Deciding { alpha: alpha(policy), gates: watched_gates(policy), ..planned.clone() }
}

/// The gates of a policy that can be watched.
#[must_use]
pub fn watched_gates(policy: &Policy) -> Vec<WatchedGate> {
    let watched = policy.gates.iter().filter(|rule| find(&rule.metric).is_some() || is_looked_at(&rule.metric));
    let gate =
        |rule: &GateRule| WatchedGate { metric: rule.metric.clone(), at_least: rule.at_least, at_most: rule.at_most };
    watched.map(gate).collect()
}

/// When a run looks at those of its watched gates whose numbers are read off curves; never, where there are none.
#[must_use]
pub fn planned_looks(gates: &[WatchedGate]) -> Vec<PlannedLook> {
    looks::planned(gates)
}

/// Error rate of each gate of a policy: 1 − level without the rounding that a hash would show.
#[must_use]
pub fn alpha(policy: &Policy) -> f64 {
    ((1.0 - policy.level) * 1e12).round() / 1e12
}

/// The gates of a run, family by family: the stop rule of a collection, and the judge of what it collected.
pub struct Watch {
    order: FamilyOrder,
    same: SameContent,
    gates: Vec<Gate>,
    looks: Looks,
}

/// One gate: a claim for each of its margins.
struct Gate {
    rule: WatchedGate,
    watchable: Watchable,
    /// Those of the suite; the largest is the scale.
    families: FamilySizes,
    /// Sum of denominators so far.
    denominators: f64,
    claims: Vec<Watching>,
    decided: Option<(Verdict, usize)>,
}

/// One claim under watch.
struct Watching {
    /// The margin, where numerator − margin · denominator is watched as a whole.
    centre: Option<f64>,
    /// The largest loss beyond the margin that there can be.
    reach: f64,
    gate: sequential::Gate,
}

impl Watch {
    /// Watches the gates for which the suite has families; the others are left out.
    ///
    /// # Errors
    /// A margin that the bounds of its metric already decide.
    pub(crate) fn new(deciding: &Deciding, plan: &Manifest, probes: &[Probe]) -> Result<Self, AuditError> {
        let seed = plan.settings.seed;
        let order = match deciding.looks[..] {
            [] => FamilyOrder::random(seed),
            _ => FamilyOrder::spread(seed, probes),
        };
        let gates = gates(deciding, probes, plan.settings.samples.as_ref())?;
        Ok(Self { order, same: SameContent::of(probes), gates, looks: Looks::new(deciding, plan, probes) })
    }

    /// The stop rule of a planned run; `None` where it asks its whole suite.
    ///
    /// # Errors
    /// None of the plan's gates can be watched on this suite, or a margin that the bounds of its metric already decide.
    pub fn of(plan: &Manifest, probes: &[Probe]) -> Result<Option<Self>, AuditError> {
        let Some(deciding) = &plan.settings.deciding else { return Ok(None) };
        let watch = Self::new(deciding, plan, probes)?;
        if watch.gates.is_empty() && watch.looks.is_empty() {
            let families = measure::measured().filter_map(Watchable::of).map(|watchable| watchable.metric);
            let watchable = families.chain(LOOKED_AT).map(|metric| metric.id).collect();
            return Err(AuditError::NothingWatched { suite: plan.suite_name.clone(), watchable });
        }
        Ok(Some(watch))
    }

    /// Takes in the families of one unit of a run.
    fn take_unit(&mut self, run: &RunFolder, kind: PartKind, unit: u32) -> Result<(), AuditError> {
        let (mut sums, mut rerun) = (Sums::new(), Sums::new());
        // The same text under many names is one piece of evidence: that of its first name.
        let copies: BTreeSet<&str> = copies(run.probes(), &self.same).collect();
        let counts = |probe: &str| !copies.contains(probe);
        let probes: BTreeMap<&str, &Probe> = run.probes().iter().map(|probe| (probe.id.as_str(), probe)).collect();
        let (mut asked, mut samples, mut episodes) = (Vec::new(), Vec::new(), Vec::new());
        match kind {
            Positions::KIND => {
                for row in run.rows_of::<Positions>(unit)?.iter().filter(|row| counts(&row.probe)) {
                    sums.position(&row.family, &row.stats);
                }
            }
            Choices::KIND => {
                let mut rows = run.rows_of::<Choices>(unit)?;
                rows.retain(|row| counts(&row.probe));
                asked = choices::choices(&rows, &probes);
                for choice in &asked {
                    sums.choice(&choice.probe.family, &choice.choice()?);
                }
            }
            Samples::KIND => {
                samples = run.rows_of::<Samples>(unit)?;
                samples.retain(|row| counts(&row.probe));
                let settings = run.manifest().settings.meaning.as_ref();
                let vectors = if settings.is_some() { run.rows_of::<Vectors>(unit)? } else { Vec::new() };
                let meanings = Meanings::new(&vectors, settings);
                for prompt in answers::prompts(&samples, run.probes(), &meanings, run.manifest().settings.paired())? {
                    prompt.add_to([&mut sums, &mut rerun], None);
                }
            }
            Episodes::KIND => {
                episodes = run.rows_of::<Episodes>(unit)?;
                episodes.retain(|row| counts(&row.probe));
            }
            // No watchable metric reads other parts.
            _ => {}
        }
        self.take(&sums)?;
        let paired = run.manifest().settings.paired();
        self.look(&Answers { probes: run.probes(), samples: &samples, episodes: &episodes, paired }, &asked)
    }

    /// Takes in answers for the numbers that are read off curves.
    pub(crate) fn look(&mut self, answers: &Answers<'_>, choices: &[AskedChoice<'_>]) -> Result<(), AuditError> {
        if self.looks.is_empty() { Ok(()) } else { self.looks.take(answers, choices) }
    }

    /// Takes in families: all items of each.
    pub(crate) fn take(&mut self, sums: &Sums) -> Result<(), AuditError> {
        for gate in &mut self.gates {
            let mut families: Vec<_> = sums.table(gate.watchable.measure.table).rows().collect();
            families.sort_by_cached_key(|(family, ..)| self.order.place(family));
            for (n, d) in families.iter().filter_map(|(_, sums, _)| gate.watchable.bounds.ratio(sums)) {
                gate.take(n, d)?;
            }
        }
        Ok(())
    }

    /// Where each gate stands.
    pub(crate) fn watched(&self) -> Vec<Watched> {
        self.gates.iter().map(Gate::watched).collect()
    }

    /// Where each gate stands whose number is read off curves.
    pub(crate) fn looked(&self) -> Vec<Looked> {
        self.looks.looked()
    }
}

/// The gates that are watched family by family and for which the suite has families.
fn gates(deciding: &Deciding, probes: &[Probe], samples: Option<&SampleSettings>) -> Result<Vec<Gate>, AuditError> {
    let same = SameContent::of(probes);
    let mut gates = Vec::new();
    for rule in &deciding.gates {
        let Some(watchable) = find(&rule.metric) else { continue };
        if !watchable.is_asked(samples) {
            continue;
        }
        let families = match watchable.part() {
            Positions::KIND => FamilySizes { count: deciding.text_families, largest: deciding.largest_text },
            _ => FamilySizes::of(
                probes.iter().filter(|p| watchable.counts(p) && !same.is_copy(&p.family)).map(|p| p.family.as_str()),
            ),
        };
        if families.largest > 0 {
            gates.push(Gate::new(rule, watchable, families, deciding)?);
        }
    }
    Ok(gates)
}

impl StopRule for Watch {
    fn watches(&self, kind: PartKind) -> bool {
        self.gates.iter().any(|gate| gate.watchable.part() == kind) || self.looks.watches(kind)
    }

    fn wants(&self, kind: PartKind) -> Wanted {
        let is_open = |gate: &Gate| gate.watchable.part() == kind && gate.decided.is_none();
        if self.gates.iter().any(is_open) { Wanted::Now } else { self.looks.wants(kind) }
    }

    fn read(&mut self, run: &RunFolder, kind: PartKind, unit: u32) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(self.take_unit(run, kind, unit)?)
    }
}

impl Gate {
    fn new(
        rule: &WatchedGate,
        watchable: Watchable,
        families: FamilySizes,
        deciding: &Deciding,
    ) -> Result<Self, AuditError> {
        let cap = deciding.cap.map_or(usize::MAX, |cap| cap as usize);
        let margins = [(rule.at_least, true), (rule.at_most, false)];
        let margins: Vec<_> = margins.into_iter().filter_map(|(margin, least)| Some((margin?, least))).collect();
        // The chances of a wrong FAIL add up over the margins.
        let alpha = deciding.alpha / margins.len() as f64;
        let mut claims = Vec::new();
        for (margin, least) in margins {
            let claim = if least { Claim::at_least } else { Claim::at_most };
            let (centre, reach, claim) = match watchable.bounds.known {
                Known::Apart { over, under } => {
                    // A family smaller than the largest has smaller sums.
                    let scaled = |[low, high]: [f64; 2]| low.min(0.0)..=high.max(0.0);
                    let reach = if least { margin } else { f64::INFINITY };
                    (None, reach, claim(margin, scaled(over), scaled(under)))
                }
                Known::Ratio { low, high, most, rounding } => {
                    // n − margin · d itself: its bounds are tighter than those of n and d apart.
                    let ends = [low, high].map(|end| most * (end - margin));
                    let z = ends[0].min(0.0) - most * rounding..=ends[1].max(0.0) + most * rounding;
                    let reach = if least { margin - low } else { high - margin };
                    (Some(margin), reach, claim(0.0, z, 0.0..=0.0))
                }
            };
            let gate = claim.and_then(|claim| sequential::Gate::new(claim, alpha, cap));
            let gate = gate.map_err(|error| refused(&rule.metric, &error))?;
            claims.push(Watching { centre, reach, gate });
        }
        Ok(Self { rule: rule.clone(), watchable, families, denominators: 0.0, claims, decided: None })
    }

    /// Takes in the numerator and the denominator of a family.
    fn take(&mut self, n: f64, d: f64) -> Result<(), AuditError> {
        let scale = self.families.largest as f64;
        let (n, d) = (n / scale, d / scale);
        self.denominators += d;
        for Watching { centre, gate, .. } in &mut self.claims {
            let watched = match centre {
                Some(margin) => gate.watch(n - *margin * d, 0.0),
                None => gate.watch(n, d),
            };
            watched.map_err(|error| refused(&self.rule.metric, &error))?;
        }
        let verdicts: Vec<_> = self.claims.iter().map(|claim| claim.gate.verdict()).collect();
        self.decided = self.decided.or_else(|| Some((all_of(&verdicts)?, self.taken())));
        Ok(())
    }

    /// Smallest loss beyond a bound that this gate would have found in the whole suite, with a chance of [`POWER`]; `None`
    /// where not even the largest one that there can be is found.
    fn detectable(&self) -> Option<f64> {
        let seen = self.taken();
        let families = seen.max((self.families.count as usize).min(MOST_FAMILIES));
        let loss = |Watching { gate, reach, .. }: &Watching| {
            let loss = gate.detectable(families, POWER)? * seen as f64 / self.denominators;
            (loss <= *reach).then_some(loss)
        };
        let losses: Option<Vec<f64>> = self.claims.iter().map(loss).collect();
        losses?.into_iter().reduce(f64::max)
    }

    fn taken(&self) -> usize {
        self.claims.first().map_or(0, |claim| claim.gate.history().len())
    }

    fn watched(&self) -> Watched {
        let families = self.taken();
        let step = families.div_ceil(POINTS).max(1);
        // Every step-th point, and the last.
        let places = (0..families).filter(|i| (families - 1 - i).is_multiple_of(step));
        let evidence = |i: usize| {
            // PASS needs the evidence of every claim, FAIL that of one.
            let all = self.claims.iter().map(|claim| claim.gate.history()[i]);
            let worst = all.reduce(|a, b| Evidence { pass: a.pass.min(b.pass), fail: a.fail.max(b.fail) });
            worst.map(|Evidence { pass, fail }| EvidencePoint { families: i as u64 + 1, pass, fail })
        };
        let verdict = self.decided.map_or(Verdict::NotEnoughEvidence, |(verdict, _)| verdict);
        Watched {
            metric: self.rule.metric.clone(),
            at_least: self.rule.at_least,
            at_most: self.rule.at_most,
            verdict,
            detectable: if verdict == Verdict::Pass { self.detectable() } else { None },
            families: families as u64,
            decided_after: self.decided.map(|(_, families)| families as u64),
            threshold: self.claims.first().map_or(0.0, |claim| claim.gate.threshold()),
            evidence: places.filter_map(evidence).collect(),
        }
    }
}

fn refused(metric: &str, error: &sequential::SequentialError) -> AuditError {
    AuditError::Policy(format!("the gate on `{metric}` cannot be watched: {error}"))
}

#[cfg(test)]
mod tests;
