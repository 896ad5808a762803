//! What the student does without its teacher: signals by which its answers to prompts that the teacher was never asked
//! narrow the intervals of those that it was (PPI++, `hydrometer_metrics::stats::ppi`).

use std::collections::BTreeMap;

use hydrometer_answers::{FinishReason, SampleRow, SampleSource};
use hydrometer_metrics::FamilyTable;
use hydrometer_metrics::kernel::{same, within};
use hydrometer_metrics::measure::Help;
use hydrometer_probes::{Check, Checked, Decoding, Probe, meaning};

use super::equivalence::Meanings;
use super::{checker, is_judged_once};
use crate::AuditError;

/// Signals of a prompt: agreement of the student with itself, mean ln p per token, ln(1 + mean length), share cut at the
/// longest length, share right (0 without a checker).
const SIGNALS: usize = 5;

/// One family's sums of signals.
#[derive(Default)]
struct Family {
    sums: [f64; SIGNALS],
    prompts: f64,
    checked: bool,
    /// The teacher was asked too.
    asked: bool,
}

/// The student's signals, family by family.
pub(crate) struct Alone(BTreeMap<String, Family>);

impl Alone {
    /// From all answers of a run.
    pub(crate) fn new(rows: &[SampleRow], probes: &[Probe], meanings: &Meanings<'_>) -> Result<Alone, AuditError> {
        let mut of_probe: BTreeMap<&str, (bool, Vec<&SampleRow>)> = BTreeMap::new();
        for row in rows {
            let (asked, student) = of_probe.entry(&row.probe).or_default();
            if row.source == SampleSource::Student {
                student.push(row);
            } else {
                *asked = true;
            }
        }
        let mut families: BTreeMap<String, Family> = BTreeMap::new();
        for probe in probes.iter().filter(|probe| probe.decoding() == Some(Decoding::Sampled) || is_judged_once(probe))
        {
            let Some((asked, rows)) = of_probe.get(probe.id.as_str()) else { continue };
            let checker = checker(probe)?;
            let family = families.entry(probe.family.clone()).or_default();
            for (sum, signal) in family.sums.iter_mut().zip(signals(probe, rows, checker.as_ref(), meanings)) {
                *sum += signal;
            }
            family.prompts += 1.0;
            family.checked |= checker.is_some();
            family.asked |= asked;
        }
        Ok(Alone(families))
    }

    /// Signals of the families of a table, in its order, and of those that the teacher was not asked about: where the
    /// table is about right and wrong, of those with a checker.
    pub(crate) fn help(&self, table: &FamilyTable, truth: bool) -> Help {
        let asked = table.rows().filter_map(|(name, ..)| self.0.get(name)).map(Family::means);
        let others = self.0.values().filter(|family| !family.asked && (family.checked || !truth));
        Help { asked: asked.collect(), others: others.map(Family::means).collect() }
    }
}

impl Family {
    fn means(&self) -> Vec<f64> {
        self.sums.iter().map(|sum| sum / self.prompts).collect()
    }
}

fn signals(probe: &Probe, rows: &[&SampleRow], checker: Option<&Check>, meanings: &Meanings<'_>) -> [f64; SIGNALS] {
    let Some((steps, same_meaning)) = meanings.of(probe) else { return [0.0; SIGNALS] };
    let texts: Vec<_> = rows.iter().map(|row| row.text.as_str()).collect();
    let classes: Vec<_> =
        meaning::classes(steps, &texts, &same_meaning).class_of.iter().map(|&class| class as u32).collect();
    let count = rows.len().max(1) as f64;
    let tokens: f64 = rows.iter().map(|row| f64::from(row.tokens)).sum();
    let logprob: f64 = rows.iter().map(|row| row.logprob).sum();
    let share = |of: &dyn Fn(&SampleRow) -> bool| rows.iter().filter(|row| of(row)).count() as f64 / count;
    [
        within(&classes, &same).unwrap_or(0.0),
        logprob / tokens.max(1.0),
        (tokens / count).ln_1p(),
        share(&|row| row.finish == FinishReason::Length),
        share(&|row| checker.is_some_and(|check| check.check(&row.text) == Checked::Right)),
    ]
}
