//! The matrix: defects and doses against gates and numbers.

use std::collections::{BTreeMap, BTreeSet};

use hydrometer_metrics::measure::{self, HEADLINE};
use hydrometer_metrics::stats::interval::clopper_pearson;
use hydrometer_metrics::stats::rank::{area_under_curve, spearman};
use hydrometer_metrics::{Interval, Verdict};
use serde::{Deserialize, Serialize};

use super::acceptance::{self, Criterion};
use super::expected::{self, NULL};
use super::{Asked, Cell, Judged, Setup, name};

/// Version of the format, the first field of every calibration.
pub const CALIBRATION_FORMAT: &str = "hydrometer.calibration/1";
/// Coverage of the intervals of shares.
const LEVEL: f64 = 0.95;
/// Share of audits in which a dose must be found so that it counts as found.
pub(super) const POWER: f64 = 0.9;
/// Share of the nulls above whose loss a number must lie so that it is told from the teacher itself.
const BEYOND: f64 = 0.95;

/// What an instrument was found to find.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibrated {
    /// Always [`CALIBRATION_FORMAT`].
    pub format: String,
    /// What all audits share.
    pub setup: Setup,
    /// Hash of it.
    pub setup_hash: String,
    /// Whether every figure below holds.
    pub accepted: bool,
    /// The figures of acceptance.
    pub acceptance: Vec<Criterion>,
    /// The teacher against itself.
    pub nulls: Nulls,
    /// Students with a known loss.
    pub defects: Vec<DefectRow>,
}

/// The teacher against itself, with other draws.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nulls {
    /// Audits in which any gate failed.
    pub any: Share,
    /// Audits that passed.
    pub passed: Share,
    /// Failures of each gate that was judged.
    pub gates: Vec<GateRow>,
    /// The numbers.
    pub numbers: Vec<NumberRow>,
    /// Audits in which each serious or notable finding was said.
    pub findings: BTreeMap<String, u64>,
}

/// One defect at all its doses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DefectRow {
    /// Its name in `planted:`.
    pub defect: String,
    /// From the mildest to the strongest, which is the declared one.
    pub doses: Vec<DoseRow>,
    /// Of each gate that was judged, the mildest dose from which on it fails in 90 % of audits; `None` where not even the
    /// strongest one does.
    pub smallest: BTreeMap<String, Option<String>>,
    /// Of each number, the smallest loss that is told from the teacher itself in 90 % of audits, at this dose and at every
    /// stronger one; `None` where not even the strongest one is.
    pub found: BTreeMap<String, Option<Found>>,
    /// Of each number, the mean over seeds of Spearman's ρ between dose and loss; only with three doses or more.
    pub dose_response: BTreeMap<String, f64>,
}

/// The smallest loss of a number that is found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// The defect with its dose.
    pub defect: String,
    /// The mean of the number there.
    pub mean: f64,
    /// How much further from the best value that is than the mean of the nulls.
    pub loss: f64,
}

/// One defect at one dose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DoseRow {
    /// The defect with its dose, in the words of `planted:`.
    pub defect: String,
    /// Audits.
    pub audits: u64,
    /// Audits that failed as a whole.
    pub failed: Share,
    /// Audits in which a finding that fits the defect was said; `None` where no finding is expected.
    pub named: Option<Share>,
    /// Failures of each gate that was judged.
    pub gates: Vec<GateRow>,
    /// The numbers.
    pub numbers: Vec<NumberRow>,
    /// Audits in which each serious or notable finding was said.
    pub findings: BTreeMap<String, u64>,
}

/// One gate over some audits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateRow {
    /// Metric it watches.
    pub metric: String,
    /// Audits in which it failed: of a defect the power, of a null the false alarms.
    pub failed: Share,
    /// Audits in which it passed; the others are undecided, or the number was not there.
    pub passed: Share,
}

/// One number over some audits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumberRow {
    /// Its metric.
    pub metric: String,
    /// Its mean.
    pub mean: f64,
    /// Chance that it shows a larger loss than beside the teacher itself, ties counting half; `None` for the nulls, and for
    /// numbers of which neither way is worse.
    pub auc: Option<f64>,
    /// Audits in which it shows a larger loss than 95 % of the nulls; `None` for the nulls, without nulls, and for numbers of
    /// which neither way is worse.
    pub told: Option<Share>,
    /// What it truly is, on average, where that is known.
    pub truth: Option<f64>,
    /// Audits in which its interval holds that; `None` where it is not known or there is no interval.
    pub covered: Option<Share>,
}

/// A share of independent trials.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// Trials in which it was so.
    pub of: u64,
    /// Trials. Audits of one fixed suite that see the same number are one.
    pub trials: u64,
    /// Clopper and Pearson's interval at 95 %; `None` without a trial.
    pub interval: Option<Interval>,
}

impl Share {
    /// Of trials that were so or not.
    fn of(trials: impl IntoIterator<Item = bool>) -> Self {
        let (mut of, mut all) = (0, 0);
        for so in trials {
            of += u64::from(so);
            all += 1;
        }
        Self { of, trials: all, interval: clopper_pearson(of, all, LEVEL) }
    }

    /// As a number; `None` without a trial.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        (self.trials > 0).then(|| self.of as f64 / self.trials as f64)
    }
}

/// Adds up the audits of a calibration. `defects` are the defects with their doses in the words of `planted:`, in the order in
/// which they are shown, the doses of each from the mildest on.
#[must_use]
pub fn calibrate(setup: Setup, defects: &[String], cells: &[Cell]) -> Calibrated {
    let of = |defect: &str| cells.iter().filter(|cell| cell.defect == defect).collect::<Vec<_>>();
    let adding = Adding { asked: &setup.suite, nulls: of(NULL) };
    let mut rows: Vec<DefectRow> = Vec::new();
    for defect in defects {
        let name = name(defect);
        if rows.iter().all(|row| row.defect != name) {
            let doses: Vec<_> = defects.iter().filter(|other| super::name(other) == name).collect();
            let cells: Vec<_> = doses.iter().map(|dose| (dose.as_str(), of(dose))).collect();
            rows.push(adding.defect(name, &cells));
        }
    }
    let nulls = Nulls {
        any: adding.share(&adding.nulls, None, |cell| cell.verdict == Verdict::Fail),
        passed: adding.share(&adding.nulls, None, |cell| cell.verdict == Verdict::Pass),
        gates: adding.gates(&adding.nulls),
        numbers: adding.numbers(&adding.nulls, &[]),
        findings: findings(&adding.nulls),
    };
    let acceptance = acceptance::figures(&setup.policy, (&nulls, adding.nulls.len() as u64), &rows);
    Calibrated {
        format: CALIBRATION_FORMAT.to_owned(),
        setup_hash: setup.hash(),
        accepted: acceptance.iter().all(|one| one.met != Some(false) && !one.is_of_too_few()),
        acceptance,
        nulls,
        defects: rows,
        setup,
    }
}

/// What adding up needs to know of all cells.
struct Adding<'a> {
    asked: &'a Asked,
    nulls: Vec<&'a Cell>,
}

impl Adding<'_> {
    /// The share of cells of which something is so. Of the same suite, cells with the same value of `metric` (without one: the
    /// same numbers) are one trial: they looked at the same evidence.
    fn share(&self, cells: &[&Cell], metric: Option<&str>, so: impl Fn(&Cell) -> bool) -> Share {
        let evidence = |cell: &Cell| match metric {
            Some(metric) => vec![cell.numbers.get(metric).map(|value| value.to_bits())],
            None => cell.numbers.values().map(|value| Some(value.to_bits())).collect(),
        };
        match self.asked {
            Asked::Drawn { .. } => Share::of(cells.iter().map(|cell| so(cell))),
            Asked::Same { .. } => {
                let mut seen = BTreeSet::new();
                Share::of(cells.iter().filter(|cell| seen.insert(evidence(cell))).map(|cell| so(cell)))
            }
        }
    }

    /// The gates that were judged in any of the cells, in the order of their names.
    fn gates(&self, cells: &[&Cell]) -> Vec<GateRow> {
        let metrics: BTreeSet<&String> = cells.iter().flat_map(|cell| cell.gates.keys()).collect();
        let row = |metric: &String| {
            let share =
                |judged: Judged| self.share(cells, Some(metric), |cell| cell.gates.get(metric) == Some(&judged));
            GateRow { metric: metric.clone(), failed: share(Judged::Fail), passed: share(Judged::Pass) }
        };
        metrics.into_iter().map(row).collect()
    }

    /// The numbers of the headline, those of gates, and `targets`.
    fn numbers(&self, cells: &[&Cell], targets: &[&str]) -> Vec<NumberRow> {
        let headline = HEADLINE.iter().map(|place| place.metric.id);
        let gated = cells.iter().flat_map(|cell| cell.gates.keys().map(String::as_str));
        let known = cells.iter().flat_map(|cell| cell.known.keys().map(String::as_str));
        let metrics: BTreeSet<&str> = headline.chain(gated).chain(targets.iter().copied()).chain(known).collect();
        let row = |metric: &str| {
            let values: Vec<f64> = cells.iter().filter_map(|cell| cell.numbers.get(metric).copied()).collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let losses = |cells: &[&Cell]| cells.iter().filter_map(|cell| loss(metric, cell)).collect::<Vec<_>>();
            let itself = std::ptr::eq(cells, self.nulls.as_slice());
            let auc = || area_under_curve(&losses(cells), &losses(&self.nulls));
            let told = || {
                let most = beyond(losses(&self.nulls))?;
                (!losses(cells).is_empty())
                    .then(|| self.share(cells, Some(metric), |cell| loss(metric, cell).is_some_and(|loss| loss > most)))
            };
            let known: Vec<_> = cells.iter().filter_map(|cell| cell.known.get(metric)).collect();
            let with_interval: Vec<&Cell> = cells
                .iter()
                .copied()
                .filter(|cell| cell.known.get(metric).is_some_and(|known| known.covered.is_some()))
                .collect();
            let covers = |cell: &Cell| cell.known.get(metric).and_then(|known| known.covered) == Some(true);
            (!values.is_empty()).then(|| NumberRow {
                metric: metric.to_owned(),
                mean,
                auc: if itself { None } else { auc() },
                told: if itself { None } else { told() },
                truth: (!known.is_empty())
                    .then(|| known.iter().map(|known| known.truth).sum::<f64>() / known.len() as f64),
                covered: (!with_interval.is_empty()).then(|| self.share(&with_interval, Some(metric), covers)),
            })
        };
        metrics.into_iter().filter_map(row).collect()
    }

    fn defect(&self, name: &str, doses: &[(&str, Vec<&Cell>)]) -> DefectRow {
        let expected = expected::expected(name);
        let (fires, named) = expected.map_or((&[][..], &[][..]), |expected| (expected.fires, expected.named));
        let dose = |(defect, cells): &(&str, Vec<&Cell>)| DoseRow {
            defect: (*defect).to_owned(),
            audits: cells.len() as u64,
            failed: self.share(cells, None, |cell| cell.verdict == Verdict::Fail),
            named: (!named.is_empty()).then(|| {
                let fits = |finding: &String| named.contains(&finding.as_str());
                self.share(cells, None, |cell| cell.findings.iter().any(fits))
            }),
            gates: self.gates(cells),
            numbers: self.numbers(cells, fires),
            findings: findings(cells),
        };
        let rows: Vec<DoseRow> = doses.iter().map(dose).collect();
        let gates: BTreeSet<&str> =
            rows.iter().flat_map(|row| row.gates.iter().map(|gate| gate.metric.as_str())).collect();
        let smallest = gates.iter().map(|gate| ((*gate).to_owned(), smallest(gate, &rows))).collect();
        let numbers: BTreeSet<&str> =
            rows.iter().flat_map(|row| row.numbers.iter().map(|number| number.metric.as_str())).collect();
        let found = |metric: &&str| Some(((*metric).to_owned(), self.found(metric, &rows)?));
        let found = numbers.iter().filter_map(found).collect();
        let response = |metric: &&str| Some(((*metric).to_owned(), response(metric, doses)?));
        DefectRow {
            defect: name.to_owned(),
            smallest,
            found,
            dose_response: numbers.iter().filter_map(response).collect(),
            doses: rows,
        }
    }
}

impl Adding<'_> {
    /// The mildest dose from which on a number is told from the teacher itself often enough; `None` of a number of which that
    /// cannot be said.
    fn found(&self, metric: &str, doses: &[DoseRow]) -> Option<Option<Found>> {
        let nulls: Vec<f64> = self.nulls.iter().filter_map(|cell| loss(metric, cell)).collect();
        let usual = nulls.iter().sum::<f64>() / nulls.len() as f64;
        let number = |row: &DoseRow| row.numbers.iter().find(|number| number.metric == metric).cloned();
        doses.iter().find_map(|row| number(row)?.told)?;
        let told =
            |row: &&DoseRow| number(row).and_then(|number| number.told?.value()).is_some_and(|power| power >= POWER);
        let mildest = doses.iter().rev().take_while(told).last();
        Some(mildest.and_then(|row| {
            let mean = number(row)?.mean;
            let loss = measure::find(metric)?.direction.loss(mean)? - usual;
            Some(Found { defect: row.defect.clone(), mean, loss })
        }))
    }
}

/// The loss that 95 % of nulls do not exceed; `None` without nulls.
fn beyond(mut nulls: Vec<f64>) -> Option<f64> {
    nulls.sort_by(f64::total_cmp);
    let place = (BEYOND * nulls.len() as f64).ceil() as usize;
    nulls.get(place.checked_sub(1)?).copied()
}

/// Audits in which each finding was said.
fn findings(cells: &[&Cell]) -> BTreeMap<String, u64> {
    let mut said = BTreeMap::new();
    for finding in cells.iter().flat_map(|cell| cell.findings.iter().collect::<BTreeSet<_>>()) {
        *said.entry(finding.clone()).or_default() += 1;
    }
    said
}

/// How bad a number is; `None` where it was not measured, or neither way is worse.
fn loss(metric: &str, cell: &Cell) -> Option<f64> {
    measure::find(metric)?.direction.loss(*cell.numbers.get(metric)?)
}

/// The mildest dose from which on the gate fails often enough.
fn smallest(metric: &str, doses: &[DoseRow]) -> Option<String> {
    let found = |row: &&DoseRow| {
        let gate = row.gates.iter().find(|gate| gate.metric == metric);
        gate.and_then(|gate| gate.failed.value()).is_some_and(|power| power >= POWER)
    };
    doses.iter().rev().take_while(found).last().map(|row| row.defect.clone())
}

/// The mean over seeds of Spearman's ρ between dose and loss: the doses of one seed share suite and teacher. `None` with fewer
/// than three doses, or where no seed has a number at every dose that varies.
fn response(metric: &str, doses: &[(&str, Vec<&Cell>)]) -> Option<f64> {
    const LEAST: usize = 3;
    if doses.len() < LEAST {
        return None;
    }
    let seeds: BTreeSet<u64> = doses.iter().flat_map(|(_, cells)| cells.iter().map(|cell| cell.seed)).collect();
    let of_seed = |seed: u64| {
        let loss_at = |cells: &[&Cell]| loss(metric, cells.iter().find(|cell| cell.seed == seed)?);
        let losses: Option<Vec<f64>> = doses.iter().map(|(_, cells)| loss_at(cells)).collect();
        let pairs: Vec<(f64, f64)> = losses?.into_iter().enumerate().map(|(dose, loss)| (dose as f64, loss)).collect();
        spearman(&pairs)
    };
    let found: Vec<f64> = seeds.into_iter().filter_map(of_seed).collect();
    (!found.is_empty()).then(|| found.iter().sum::<f64>() / found.len() as f64)
}
