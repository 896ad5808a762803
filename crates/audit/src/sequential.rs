//! Watches the gates of a run that stops once they are decided (METRICS: deciding early): sums of families in, evidence
//! and verdicts out. The collection and the statement use the same code, so a run that resumes, and a statement that is
//! issued later, arrive at the same verdicts.
//!
//! Families come in the order of a hash of the seed and their names: a random order that needs no list of them. Their
//! numbers are divided by the largest number of items of any family, which the plan knows before anything is asked.

use std::error::Error;

use hydrometer_answers::part::{Choices, Positions, Samples, Vectors};
use hydrometer_answers::{Deciding, Manifest, Part, PartKind, RunFolder, SampleSettings, StopRule, WatchedGate};
use hydrometer_metrics::sequential::{self, Claim, Evidence, all_of};
use hydrometer_metrics::{FamilyTable, Verdict, kernel};
use hydrometer_probes::families::{FamilySizes, order_in};
use hydrometer_probes::kind;
use hydrometer_probes::{Ask, Probe};

use crate::equivalence::Meanings;
use crate::evidence::POWER;
use crate::policy::{GateRule, Policy};
use crate::statement::{EvidencePoint, Watched};
use crate::{AuditError, answers, choices, tokens};

/// Most points of a history that are kept.
const POINTS: usize = 400;
/// Families that a loss is looked for in, at most: more would only find a smaller one, and a folder from elsewhere may
/// claim any number.
const MOST_FAMILIES: usize = 20_000;
/// Shares of f32 sums: how far rounding may carry them beyond their bounds, relative to them.
const ROUNDING: f64 = 1e-4;

/// The sums that a watched metric reads, one row per family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sums {
    /// Scored positions.
    Tokens,
    /// Choices.
    Choices,
    /// Choices with a true answer.
    Truths,
    /// Prompts of which the teacher, its rerun and the student are asked at least so often each.
    Pairs { answers: u32, reruns: u32 },
    /// Prompts with a checker.
    Graded { reruns: u32 },
}

impl Sums {
    /// The parts of the run folder behind them.
    fn kind(self) -> PartKind {
        match self {
            Sums::Tokens => Positions::KIND,
            Sums::Choices | Sums::Truths => Choices::KIND,
            Sums::Pairs { .. } | Sums::Graded { .. } => Samples::KIND,
        }
    }

    /// Whether a probe is an item of a family.
    fn counts(self, probe: &Probe) -> bool {
        match (self, &probe.ask) {
            (Sums::Choices, Ask::Choice(_)) | (Sums::Pairs { .. }, Ask::Prompt(_)) => true,
            (Sums::Truths, Ask::Choice(kind::Choice { truth, .. })) => truth.is_some(),
            (Sums::Graded { .. }, Ask::Prompt(kind::Prompt { check, .. })) => check.is_some(),
            _ => false,
        }
    }

    /// Whether answers are sampled in the way that these sums need.
    fn sampled(self, settings: Option<&SampleSettings>) -> bool {
        let enough = |answers, reruns| settings.is_some_and(|s| s.per_probe >= answers && s.reruns >= reruns);
        match self {
            Sums::Pairs { answers, reruns } => {
                enough(answers, reruns) && settings.is_some_and(|s| s.parameters.is_distribution())
            }
            Sums::Graded { reruns } => enough(1, reruns),
            _ => true,
        }
    }
}

/// What is known of a family's numerator n and denominator d before it is asked.
#[derive(Clone, Copy, Debug)]
enum Bounds {
    /// low · d ≤ n ≤ high · d, and d is at most `most` per item; rounding may carry f32 sums beyond.
    Ratio { low: f64, high: f64, most: f64, rounding: f64 },
    /// n and d are each in [0, 1] per item.
    Apart,
}

/// A part of the whole.
const SHARE: Bounds = Bounds::Ratio { low: 0.0, high: 1.0, most: 1.0, rounding: 0.0 };
/// A squared distance of two distributions, or a Brier score.
const SQUARES: Bounds = Bounds::Ratio { low: 0.0, high: 2.0, most: 1.0, rounding: 0.0 };

/// A metric that can be watched.
struct Watchable {
    id: &'static str,
    sums: Sums,
    /// Column of the number of items.
    items: usize,
    /// Numerator and denominator of a family from its sums.
    of: fn(&[f64]) -> (f64, f64),
    bounds: Bounds,
}

const PAIRS: Sums = Sums::Pairs { answers: 1, reruns: 0 };
const RERUN: Sums = Sums::Pairs { answers: 1, reruns: 1 };
const GRADED: Sums = Sums::Graded { reruns: 0 };

const fn metric(id: &'static str, sums: Sums, items: usize, bounds: Bounds, of: fn(&[f64]) -> (f64, f64)) -> Watchable {
    Watchable { id, sums, items, of, bounds }
}

/// Every metric that can be watched. Columns of answers: `PairMeans::columns` and `TruthCells::columns` of
/// `hydrometer_metrics::kernel`.
const WATCHABLE: &[Watchable] = &[
    metric("top1_agreement", Sums::Tokens, tokens::COUNT, SHARE, |s| (s[tokens::SAME_TOP], s[tokens::COUNT])),
    metric(
        "token_overlap",
        Sums::Tokens,
        tokens::COUNT,
        Bounds::Ratio { low: 0.0, high: 1.0, most: 1.0, rounding: ROUNDING },
        |s| (s[tokens::OVERLAP], s[tokens::COUNT]),
    ),
    metric(
        "tail_kept",
        Sums::Tokens,
        tokens::COUNT,
        // Outside a nucleus of at least 0.9 there is at most 0.1.
        Bounds::Ratio { low: 0.0, high: 1.0, most: 0.1, rounding: ROUNDING },
        |s| (s[tokens::KEPT + 2] + s[tokens::KEPT + 3], s[tokens::MASS + 2] + s[tokens::MASS + 3]),
    ),
    metric("choice_top1_agreement", Sums::Choices, choices::COUNT, SHARE, |s| {
        (s[choices::SAME_TOP], s[choices::COUNT])
    }),
    metric("choice_agreement", Sums::Choices, choices::COUNT, SHARE, |s| (s[choices::AGREEMENT], s[choices::COUNT])),
    metric("choice_divergence", Sums::Choices, choices::COUNT, SQUARES, |s| (s[choices::D2], s[choices::COUNT])),
    metric("choice_accuracy_teacher", Sums::Truths, choices::WITH_TRUTH, SHARE, |s| {
        (s[choices::TEACHER_RIGHT], s[choices::WITH_TRUTH])
    }),
    metric("choice_accuracy_student", Sums::Truths, choices::WITH_TRUTH, SHARE, |s| {
        (s[choices::STUDENT_RIGHT], s[choices::WITH_TRUTH])
    }),
    metric("choice_lost", Sums::Truths, choices::WITH_TRUTH, SHARE, |s| (s[choices::LOST], s[choices::WITH_TRUTH])),
    metric("choice_gained", Sums::Truths, choices::WITH_TRUTH, SHARE, |s| (s[choices::GAINED], s[choices::WITH_TRUTH])),
    metric("brier_teacher", Sums::Truths, choices::WITH_TRUTH, SQUARES, |s| {
        (s[choices::TEACHER_BRIER], s[choices::WITH_TRUTH])
    }),
    metric("brier_student", Sums::Truths, choices::WITH_TRUTH, SQUARES, |s| {
        (s[choices::STUDENT_BRIER], s[choices::WITH_TRUTH])
    }),
    metric("answer_agreement", PAIRS, 0, SHARE, |s| (s[1], s[0])),
    metric("agreement_ceiling", RERUN, 6, SHARE, |s| (s[7], s[6])),
    metric("agreement_ratio", RERUN, 6, Bounds::Apart, |s| (s[8], s[7])),
    metric("diversity_kept", Sums::Pairs { answers: 2, reruns: 0 }, 2, Bounds::Apart, |s| (s[3], s[4])),
    metric("answer_accuracy_teacher", GRADED, 0, SHARE, |s| (s[1] + s[2], s[0])),
    metric("answer_accuracy_student", GRADED, 0, SHARE, |s| (s[1] + s[3], s[0])),
    metric("answer_both_right", GRADED, 0, SHARE, |s| (s[1], s[0])),
    metric("answer_lost", GRADED, 0, SHARE, |s| (s[2], s[0])),
    metric("answer_gained", GRADED, 0, SHARE, |s| (s[3], s[0])),
    metric("answer_both_wrong_same", GRADED, 0, SHARE, |s| (s[4], s[0])),
    metric("answer_both_wrong_different", GRADED, 0, SHARE, |s| (s[5], s[0])),
    metric(
        "excess_flips",
        Sums::Graded { reruns: 1 },
        6,
        Bounds::Ratio { low: -1.0, high: 1.0, most: 1.0, rounding: 0.0 },
        |s| (s[7] - s[8], s[6]),
    ),
];

fn find(id: &str) -> Option<&'static Watchable> {
    WATCHABLE.iter().find(|watchable| watchable.id == id)
}

/// Why some metrics are not watched.
pub(crate) const UNWATCHED: &str = "which cannot be watched: no tight bounds on what one family adds are known \
    beforehand, and an ordinary interval is not valid where the evidence itself says when to stop";

/// Why a metric is not watched; `None` where it is.
pub(crate) fn unwatched(id: &str) -> Option<String> {
    find(id).is_none().then(|| format!("a number {UNWATCHED}"))
}

/// The gates of a policy that can be watched, under its error rate.
pub(crate) fn deciding(policy: &Policy, cap: Option<u32>, texts: FamilySizes) -> Deciding {
    let FamilySizes { count: text_families, largest: largest_text } = texts;
    Deciding { alpha: alpha(policy), cap, largest_text, text_families, gates: watched_gates(policy) }
}

/// The gates of a policy that can be watched.
#[must_use]
pub fn watched_gates(policy: &Policy) -> Vec<WatchedGate> {
    let watched = policy.gates.iter().filter(|rule| find(&rule.metric).is_some());
    let gate =
        |rule: &GateRule| WatchedGate { metric: rule.metric.clone(), at_least: rule.at_least, at_most: rule.at_most };
    watched.map(gate).collect()
}

/// Error rate of each gate of a policy: 1 − level without the rounding that a hash would show.
#[must_use]
pub fn alpha(policy: &Policy) -> f64 {
    ((1.0 - policy.level) * 1e12).round() / 1e12
}

/// The gates of a run, family by family: the stop rule of a collection, and the judge of what it collected.
pub struct Watch {
    seed: u64,
    gates: Vec<Gate>,
}

/// One gate: a claim for each of its margins.
struct Gate {
    rule: WatchedGate,
    watchable: &'static Watchable,
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
    pub(crate) fn new(
        deciding: &Deciding,
        probes: &[Probe],
        samples: Option<&SampleSettings>,
        seed: u64,
    ) -> Result<Self, AuditError> {
        let mut gates = Vec::new();
        for rule in &deciding.gates {
            let Some(watchable) = find(&rule.metric) else { continue };
            let families = match watchable.sums {
                Sums::Tokens => FamilySizes { count: deciding.text_families, largest: deciding.largest_text },
                sums if !sums.sampled(samples) => continue,
                sums => FamilySizes::of(probes.iter().filter(|p| sums.counts(p)).map(|p| p.family.as_str())),
            };
            if families.largest > 0 {
                gates.push(Gate::new(rule, watchable, families, deciding)?);
            }
        }
        Ok(Self { seed, gates })
    }

    /// The stop rule of a planned run; `None` where it asks its whole suite.
    ///
    /// # Errors
    /// None of the plan's gates can be watched on this suite, or a margin that the bounds of its metric already decide.
    pub fn of(plan: &Manifest, probes: &[Probe]) -> Result<Option<Self>, AuditError> {
        let settings = &plan.settings;
        let Some(deciding) = &settings.deciding else { return Ok(None) };
        let watch = Self::new(deciding, probes, settings.samples.as_ref(), settings.seed)?;
        if watch.gates.is_empty() {
            let watchable = WATCHABLE.iter().map(|watchable| watchable.id).collect();
            return Err(AuditError::NothingWatched { suite: plan.suite_name.clone(), watchable });
        }
        Ok(Some(watch))
    }

    /// Takes in the families of one unit of a run.
    fn take_unit(&mut self, run: &RunFolder, kind: PartKind, unit: u32) -> Result<(), AuditError> {
        match kind {
            Positions::KIND => self.texts(&tokens::table(run.rows_of::<Positions>(unit)?.iter())),
            Choices::KIND => {
                let probes = run.probes().iter().map(|probe| (probe.id.as_str(), probe)).collect();
                let choices = run.rows_of::<Choices>(unit)?;
                self.choices(&choices::table(choices::decisions(&choices, &probes).iter()))
            }
            Samples::KIND => {
                let samples = run.rows_of::<Samples>(unit)?;
                let settings = run.manifest().settings.meaning.as_ref();
                let vectors = if settings.is_some() { run.rows_of::<Vectors>(unit)? } else { Vec::new() };
                let meanings = Meanings::new(&vectors, settings);
                let prompts = answers::prompts(&samples, run.probes(), &meanings)?;
                self.answers(&answers::Tables::new(&prompts, None, None))
            }
            // No watchable metric reads other parts.
            _ => Ok(()),
        }
    }

    /// Takes in families of texts: all of each.
    pub(crate) fn texts(&mut self, table: &FamilyTable) -> Result<(), AuditError> {
        self.take(table, |sums| sums == Sums::Tokens)
    }

    /// Takes in families of choices.
    pub(crate) fn choices(&mut self, table: &FamilyTable) -> Result<(), AuditError> {
        self.take(table, |sums| sums.kind() == Choices::KIND)
    }

    /// Takes in families of free answers.
    pub(crate) fn answers(&mut self, tables: &answers::Tables) -> Result<(), AuditError> {
        self.take(tables.pairs(), |sums| matches!(sums, Sums::Pairs { .. }))?;
        self.take(tables.truths(), |sums| matches!(sums, Sums::Graded { .. }))
    }

    fn take(&mut self, table: &FamilyTable, reads: impl Fn(Sums) -> bool) -> Result<(), AuditError> {
        let mut families: Vec<_> = table.rows().collect();
        families.sort_by_cached_key(|(family, ..)| order_in(self.seed, family));
        for gate in self.gates.iter_mut().filter(|gate| reads(gate.watchable.sums)) {
            for (_, sums, _) in families.iter().filter(|(_, sums, _)| sums[gate.watchable.items] > 0.0) {
                gate.take(sums)?;
            }
        }
        Ok(())
    }

    /// Where each gate stands.
    pub(crate) fn watched(&self) -> Vec<Watched> {
        self.gates.iter().map(Gate::watched).collect()
    }
}

impl StopRule for Watch {
    fn watches(&self, kind: PartKind) -> bool {
        self.gates.iter().any(|gate| gate.watchable.sums.kind() == kind)
    }

    fn waits_for(&self, kind: PartKind) -> bool {
        self.gates.iter().any(|gate| gate.watchable.sums.kind() == kind && gate.decided.is_none())
    }

    fn read(&mut self, run: &RunFolder, kind: PartKind, unit: u32) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(self.take_unit(run, kind, unit)?)
    }
}

impl Gate {
    fn new(
        rule: &WatchedGate,
        watchable: &'static Watchable,
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
            let (centre, reach, claim) = match watchable.bounds {
                Bounds::Apart => {
                    let reach = if least { margin } else { f64::INFINITY };
                    (None, reach, claim(margin, 0.0..=1.0, 0.0..=1.0))
                }
                Bounds::Ratio { low, high, most, rounding } => {
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

    fn take(&mut self, sums: &[f64]) -> Result<(), AuditError> {
        let (n, d) = (self.watchable.of)(sums);
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

const _: () = assert!(kernel::COLUMNS == 12 && kernel::TRUTH_COLUMNS == 9, "the columns that are read by number");

#[cfg(test)]
mod tests;
