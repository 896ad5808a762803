//! Metrics of sampled answers: what both models say when they are free to.

use std::collections::BTreeMap;

use hydrometer_answers::{SampleRow, SampleSource};
use hydrometer_metrics::degenerate::{self, Degenerate, degenerate};
use hydrometer_metrics::kernel::{self, Answers, Graded, PairMeans, Pooled, TruthCells, Undefined, same};
use hydrometer_metrics::{Estimate, FamilyTable, interval, power, ppi};
use hydrometer_probes::kind;
use hydrometer_probes::meaning;
use hydrometer_probes::{Ask, Check, Checked, Normal, Probe, normalise};
use rayon::prelude::*;

use crate::AuditError;
use crate::equivalence::{Meanings, Same};
use crate::ppi_signals::Alone;
use crate::statement::{ChoiceOutcome, GapBase};

/// Label permutations of the test of distribution match.
const PERMUTATIONS: u32 = 1999;

/// One answer.
pub(crate) struct Said<'a> {
    pub row: &'a SampleRow,
    /// Its meaning class among all answers to the prompt.
    pub class: u32,
    /// What the checker says; `None` without one.
    pub right: Option<bool>,
}

/// All answers to one prompt.
pub(crate) struct Prompt<'a> {
    pub probe: &'a Probe,
    pub text: &'a str,
    pub teacher: Vec<Said<'a>>,
    pub rerun: Vec<Said<'a>>,
    pub student: Vec<Said<'a>>,
    /// Answers of the student before distillation, as texts; empty where it was not asked.
    base: Vec<&'a str>,
    /// The most frequent form of each class; `None` for those without an answer.
    pub classes: Vec<Option<String>>,
    pub steps: &'a [Normal],
    same: Same<'a>,
}

impl Prompt<'_> {
    fn pair_means(&self) -> Option<PairMeans> {
        let [teacher, rerun, student] = [&self.teacher, &self.rerun, &self.student].map(|said| ids(said));
        PairMeans::of(&Answers { teacher: &teacher, student: &student, rerun: &rerun, base: &[] }, same)
    }

    /// The same of the teacher against its own second run.
    fn floor(&self) -> Option<PairMeans> {
        let [teacher, rerun] = [&self.teacher, &self.rerun].map(|said| ids(said));
        PairMeans::of(&Answers { teacher: &teacher, student: &rerun, rerun: &[], base: &[] }, same)
    }

    /// The student, and the teacher's second run, on the way from a base to the teacher. D2 of teacher and base takes
    /// classes of these two together and leaves the prompt's own as they are.
    fn beside(&self, base: &[&str]) -> [Option<PairMeans>; 2] {
        let texts: Vec<&str> = texts(&self.teacher).into_iter().chain(base.iter().copied()).collect();
        let classes = meaning::classes(self.steps, &texts, &self.same).class_of;
        let classes: Vec<u32> = classes.into_iter().map(|class| class as u32).collect();
        let (teacher, base) = classes.split_at(self.teacher.len());
        let gap = kernel::d2(teacher, base, &same);
        [self.pair_means(), self.floor()].map(|means| means.map(|means| PairMeans { gap, ..means }))
    }

    /// Who is right; `None` without a checker.
    pub(crate) fn truth(&self) -> Option<TruthCells> {
        TruthCells::of(&graded(&self.teacher)?, &graded(&self.student)?)
    }

    fn truth_of_rerun(&self) -> Option<TruthCells> {
        TruthCells::of(&graded(&self.teacher)?, &graded(&self.rerun)?)
    }

    /// How far the two distributions of answers are apart: D², plain and not below 0.
    pub(crate) fn distance(&self) -> f64 {
        (0..self.classes.len() as u32)
            .map(|class| (share(&self.teacher, class) - share(&self.student, class)).powi(2))
            .sum()
    }

    /// Lost, gained or moved: by the larger of the two chances, where it is at least an even one.
    pub(crate) fn outcome(&self) -> ChoiceOutcome {
        match self.truth() {
            Some(cells) if cells.lost >= 0.5 => ChoiceOutcome::Lost,
            Some(cells) if cells.gained >= 0.5 => ChoiceOutcome::Gained,
            _ => ChoiceOutcome::Moved,
        }
    }
}

fn texts<'a>(said: &[Said<'a>]) -> Vec<&'a str> {
    said.iter().map(|said| said.row.text.as_str()).collect()
}

fn ids(said: &[Said<'_>]) -> Vec<u32> {
    said.iter().map(|said| said.class).collect()
}

fn graded(said: &[Said<'_>]) -> Option<Vec<Graded>> {
    said.iter().map(|said| Some(Graded { class: said.class, right: said.right? })).collect()
}

/// Share of a model's answers that have a class.
pub(crate) fn share(said: &[Said<'_>], class: u32) -> f64 {
    said.iter().filter(|said| said.class == class).count() as f64 / said.len().max(1) as f64
}

/// The answers of a run to prompts that the teacher was asked, prompt by prompt in the order of the suite.
///
/// # Errors
/// As [`checker`].
pub(crate) fn prompts<'a>(
    rows: &'a [SampleRow],
    probes: &'a [Probe],
    meanings: &Meanings<'a>,
) -> Result<Vec<Prompt<'a>>, AuditError> {
    let mut of_probe: BTreeMap<&str, Vec<&SampleRow>> = BTreeMap::new();
    for row in rows {
        of_probe.entry(&row.probe).or_default().push(row);
    }
    let asked = probes.iter().filter_map(|probe| Some((probe, of_probe.get(probe.id.as_str())?)));
    let prompts = asked.filter_map(|(probe, rows)| prompt(probe, rows, meanings).transpose());
    prompts.filter(|prompt| prompt.as_ref().map_or(true, |prompt| !prompt.teacher.is_empty())).collect()
}

/// The compiled checker of a probe; `None` where it has none.
///
/// # Errors
/// It cannot be used. A run whose suite has such a checker is not opened.
pub(crate) fn checker(probe: &Probe) -> Result<Option<Check>, AuditError> {
    probe.checker().map_err(|fault| AuditError::Check { probe: probe.id.clone(), fault: Box::new(fault) })
}

/// `None` for a probe that is no prompt.
fn prompt<'a>(
    probe: &'a Probe,
    rows: &[&'a SampleRow],
    meanings: &Meanings<'a>,
) -> Result<Option<Prompt<'a>>, AuditError> {
    let (Ask::Prompt(kind::Prompt { prompt, .. }), Some((steps, same))) = (&probe.ask, meanings.of(probe)) else {
        return Ok(None);
    };
    let checker = checker(probe)?;
    let (base, rows): (Vec<_>, Vec<&SampleRow>) = rows.iter().partition(|row| row.source == SampleSource::Base);
    let texts: Vec<_> = rows.iter().map(|row| row.text.as_str()).collect();
    let meanings = meaning::classes(steps, &texts, &same);
    let said = |source: SampleSource| {
        let pairs = rows.iter().zip(&meanings.class_of).filter(|(row, _)| row.source == source);
        pairs
            .map(|(row, &class)| Said {
                row,
                class: class as u32,
                right: checker.as_ref().map(|check| check.check(&row.text) == Checked::Right),
            })
            .collect()
    };
    Ok(Some(Prompt {
        probe,
        text: prompt,
        teacher: said(SampleSource::Teacher),
        rerun: said(SampleSource::Rerun),
        student: said(SampleSource::Student),
        base: base.iter().map(|row| row.text.as_str()).collect(),
        classes: meanings.classes,
        steps,
        same,
    }))
}

/// Where the student started from, for one of the prompts: the student before distillation, or where it was not asked
/// the teacher's answers to another prompt, the next one on the same axis that belongs to another family. Empty when
/// there is none.
fn base<'a>(prompts: &[Prompt<'a>], place: usize, from: GapBase) -> Vec<&'a str> {
    if from == GapBase::Model {
        return prompts[place].base.clone();
    }
    let probe = prompts[place].probe;
    let mut next = prompts[place + 1..].iter().chain(&prompts[..place]);
    let elsewhere = next.find(|other| other.probe.axis == probe.axis && other.probe.family != probe.family);
    elsewhere.map_or_else(Vec::new, |other| texts(&other.teacher))
}

/// Which sums a metric reads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sums {
    Pairs,
    Truth,
    Rare,
    Gap,
}

/// A metric of answers.
pub(crate) struct AnswerMetric {
    pub id: &'static str,
    sums: Sums,
    of: fn(&[f64]) -> Result<f64, Undefined>,
}

impl AnswerMetric {
    /// Whether it is a share of answers or of pairs of them.
    pub(crate) fn is_share(&self) -> bool {
        match self.sums {
            Sums::Truth => self.id != "excess_flips",
            Sums::Pairs => ["answer_agreement", "agreement_ceiling"].contains(&self.id),
            Sums::Rare | Sums::Gap => false,
        }
    }

    /// Whether it needs to know what is right.
    pub(crate) fn reads_truth(&self) -> bool {
        self.sums == Sums::Truth
    }
}

const fn metric(id: &'static str, sums: Sums, of: fn(&[f64]) -> Result<f64, Undefined>) -> AnswerMetric {
    AnswerMetric { id, sums, of }
}

/// Every metric of answers, in the order in which it is listed.
pub(crate) const METRICS: &[AnswerMetric] = &[
    metric("answer_agreement", Sums::Pairs, kernel::answer_agreement),
    metric("agreement_ceiling", Sums::Pairs, kernel::agreement_ceiling),
    metric("agreement_ratio", Sums::Pairs, kernel::agreement_ratio),
    metric("diversity_kept", Sums::Pairs, kernel::diversity_kept),
    metric("distribution_match", Sums::Pairs, kernel::distribution_match),
    metric("gap_closed", Sums::Gap, kernel::gap_closed_value),
    metric("rare_answers_kept", Sums::Rare, kernel::rare_answers_kept),
    metric("answer_accuracy_teacher", Sums::Truth, kernel::answer_accuracy_teacher),
    metric("answer_accuracy_student", Sums::Truth, kernel::answer_accuracy_student),
    metric("answer_both_right", Sums::Truth, kernel::answer_both_right),
    metric("answer_lost", Sums::Truth, kernel::answer_lost),
    metric("answer_gained", Sums::Truth, kernel::answer_gained),
    metric("answer_both_wrong_same", Sums::Truth, kernel::answer_both_wrong_same),
    metric("answer_both_wrong_different", Sums::Truth, kernel::answer_both_wrong_different),
    metric("excess_flips", Sums::Truth, kernel::excess_flips),
];

/// The sums of a run's answers per family.
pub(crate) struct Tables {
    /// Teacher against student: pairs, truth, rare answers, pairs beside a base.
    tables: [FamilyTable; 4],
    /// Teacher against its own second run: pairs, truth.
    floors: [FamilyTable; 2],
    /// Teacher against its own second run: pairs beside a base.
    gap_floor: FamilyTable,
    gap_base: GapBase,
    /// Prompts without a checker.
    pub unchecked: u64,
    /// Why the answers say nothing about the models' distributions.
    pub not_draws: Option<String>,
    /// What the student does on prompts that the teacher is not asked.
    alone: Option<Alone>,
    asked: bool,
}

impl Tables {
    pub(crate) fn new(prompts: &[Prompt<'_>], not_draws: Option<String>, alone: Option<Alone>) -> Tables {
        let [mut pairs, mut pairs_floor, gap, gap_floor] = [0; 4].map(|_| FamilyTable::new(kernel::COLUMNS));
        let [mut truth, mut truth_floor] = [0; 2].map(|_| FamilyTable::new(kernel::TRUTH_COLUMNS));
        let mut rare = FamilyTable::new(kernel::RARE_COLUMNS);
        let mut unchecked = 0;
        for prompt in prompts {
            let family = &prompt.probe.family;
            if let Some(means) = prompt.pair_means() {
                pairs.add(family, &means.columns(), 1);
            }
            if let Some(means) = prompt.floor() {
                pairs_floor.add(family, &means.columns(), 1);
            }
            let rerun = prompt.truth_of_rerun();
            match prompt.truth() {
                Some(cells) => truth.add(family, &cells.columns(rerun.as_ref()), 1),
                None => unchecked += 1,
            }
            if let Some(cells) = rerun {
                truth_floor.add(family, &cells.columns(None), 1);
            }
            let [t, s, r] = [&prompt.teacher, &prompt.student, &prompt.rerun].map(|said| ids(said));
            if let Some(columns) = kernel::rare_columns(&t, &s, &r) {
                rare.add(family, &columns, 1);
            }
        }
        let (tables, floors) = ([pairs, truth, rare, gap], [pairs_floor, truth_floor]);
        let gap_base = GapBase::AnotherPrompt;
        Tables { tables, floors, gap_floor, gap_base, unchecked, not_draws, alone, asked: !prompts.is_empty() }
    }

    /// With the pairs beside a base, which take classes of their own.
    pub(crate) fn with_gap(mut self, prompts: &[Prompt<'_>]) -> Self {
        let asked = prompts.iter().any(|prompt| !prompt.base.is_empty());
        let from = if asked { GapBase::Model } else { GapBase::AnotherPrompt };
        self.gap_base = from;
        let beside = (0..prompts.len()).into_par_iter().map(|place| prompts[place].beside(&base(prompts, place, from)));
        let beside: Vec<_> = beside.collect();
        for (prompt, [of_student, of_rerun]) in prompts.iter().zip(beside) {
            let gap = &mut self.tables[Sums::Gap as usize];
            of_student.iter().for_each(|means| gap.add(&prompt.probe.family, &means.columns(), 1));
            of_rerun.iter().for_each(|means| self.gap_floor.add(&prompt.probe.family, &means.columns(), 1));
        }
        self
    }

    /// What the gap is measured from; `None` where no prompt has such answers.
    pub(crate) fn gap_base(&self) -> Option<GapBase> {
        let found = kernel::gap_ratio(&self.tables[Sums::Gap as usize].totals());
        (found != Err(Undefined::NoBase)).then_some(self.gap_base)
    }

    /// Pair means of teacher and student.
    pub(crate) fn pairs(&self) -> &FamilyTable {
        &self.tables[Sums::Pairs as usize]
    }

    /// Right and wrong of teacher and student.
    pub(crate) fn truths(&self) -> &FamilyTable {
        &self.tables[Sums::Truth as usize]
    }

    /// The number, or why there is none.
    pub(crate) fn measure(&self, metric: &AnswerMetric, level: f64) -> Result<Estimate, String> {
        if !self.asked {
            return Err("needs sampled answers of both models: add prompt probes to the suite".to_owned());
        }
        let (of, place) = (metric.of, metric.sums as usize);
        if let (Some(reason), true) = (&self.not_draws, metric.sums != Sums::Truth) {
            return Err(reason.clone());
        }
        let table = &self.tables[place];
        of(&table.totals()).map_err(|undefined| undefined.to_string())?;
        let of_sums = |sums: &[f64]| of(sums).ok();
        let estimate = match (metric.sums, &self.alone) {
            (Sums::Gap, _) => Some(kernel::gap_closed(table, level).map_err(|undefined| undefined.to_string())?),
            (_, Some(alone)) => {
                let (signals, rest) = alone.signals(table, metric.reads_truth());
                ppi::estimate(table, level, of_sums, &signals, &rest)
            }
            (_, None) => interval::estimate(table, level, of_sums),
        };
        let mut estimate = estimate.ok_or("undefined on these answers")?;
        estimate.floor = match metric.id {
            "answer_agreement" => kernel::agreement_ceiling(&table.totals()).ok(),
            "agreement_ceiling" | "agreement_ratio" | "rare_answers_kept" | "excess_flips" => None,
            "gap_closed" => kernel::gap_closed(&self.gap_floor, level).ok().map(|floor| floor.value),
            _ => self.floors.get(place).and_then(|floor| of(&floor.totals()).ok()),
        };
        Ok(estimate)
    }

    /// Standard deviation per family of the number.
    pub(crate) fn family_sd(&self, metric: &AnswerMetric) -> Option<f64> {
        let sd = power::family_sd(&self.tables[metric.sums as usize], |sums| (metric.of)(sums).ok());
        // A gap that is closed entirely is clipped at 1 and shows no spread.
        sd.filter(|&sd| metric.sums != Sums::Gap || sd > 0.0)
    }
}

/// p-value of "both models have the same distribution of answers to every prompt".
pub(crate) fn match_p_value(prompts: &[Prompt<'_>], seed: u64) -> Option<f64> {
    let pooled = prompts.iter().filter_map(|prompt| Pooled::new(&ids(&prompt.teacher), &ids(&prompt.student), same));
    kernel::permutation_p(&pooled.collect::<Vec<_>>(), PERMUTATIONS, seed)
}

/// The ways in which the student gives up, as sentences.
pub(crate) fn degenerate_ways(prompts: &[Prompt<'_>]) -> Vec<String> {
    let forms = |said: &[Said<'_>], steps: &[Normal]| -> Vec<Option<String>> {
        said.iter().map(|said| normalise(steps, &said.row.text).filter(|form| !form.trim().is_empty())).collect()
    };
    let both: Vec<_> = prompts.iter().map(|p| (forms(&p.teacher, p.steps), forms(&p.student, p.steps))).collect();
    let asked: Vec<_> = both.iter().map(|(teacher, student)| degenerate::Prompt { teacher, student }).collect();
    let percent = |share: f64| format!("{:.0} %", 100.0 * share);
    degenerate(&asked)
        .into_iter()
        .map(|way| match way {
            Degenerate::Constant { student, teacher } => format!(
                "{} of the student's answers are one and the same, whatever is asked ({} of the teacher's)",
                percent(student),
                percent(teacher)
            ),
            Degenerate::Silent { student, teacher } => format!(
                "{} of the student's answers are none at all ({} of the teacher's)",
                percent(student),
                percent(teacher)
            ),
            Degenerate::NeverVaries { prompts, teacher_varies } => format!(
                "the student never varies its answer to any of {prompts} prompts; the teacher does on {teacher_varies}"
            ),
        })
        .collect()
}
