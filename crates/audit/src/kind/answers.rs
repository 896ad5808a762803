//! Metrics of sampled answers: what both models say when they are free to.

pub(crate) mod cases;
pub(crate) mod copied;
pub(crate) mod cut;
mod descriptive;
pub(crate) mod equivalence;
mod findings;
pub(crate) mod ppi_signals;
pub(crate) mod summary;

use std::collections::BTreeMap;

use hydrometer_answers::{FinishReason, SampleRow, SampleSource};
use hydrometer_metrics::degenerate::{self, Degenerate, degenerate};
use hydrometer_metrics::kernel::{self, Pooled, TruthCells, same};
use hydrometer_metrics::measure::{Definition, Sums, answers as measured};
use hydrometer_probes::kind;
use hydrometer_probes::meaning;
use hydrometer_probes::{Ask, Check, Checked, Decoding, Normal, Probe, normalise};
use rayon::prelude::*;

use self::equivalence::{Meanings, Same};
use crate::AuditError;
use crate::statement::{GapBase, Outcome};

/// Label permutations of the test of distribution match.
const PERMUTATIONS: u32 = 1999;

/// The metrics that compare what both models answer, or what of it is right. All others would praise a student that answers
/// something else in the same manner.
pub(crate) const OF_CONTENT: [&Definition; 8] = [
    &measured::ANSWER_AGREEMENT,
    &measured::AGREEMENT_RATIO,
    &measured::DISTRIBUTION_MATCH,
    &measured::GAP_CLOSED,
    &measured::RARE_ANSWERS_KEPT,
    &measured::ANSWER_LOST,
    &measured::ANSWER_BOTH_RIGHT,
    &measured::ANSWER_NET_LOSS,
];

/// One answer.
pub(crate) struct JudgedSample<'a> {
    pub row: &'a SampleRow,
    /// Its meaning class among all answers to the prompt.
    pub class: u32,
    /// What the checker says, or the file of a given answer; `None` where neither does.
    pub right: Option<bool>,
    /// It says nothing that counts as an answer.
    pub missing: bool,
    /// It is the answer that its model gives most often to all prompts.
    pub favourite: bool,
}

/// All answers to one prompt.
pub(crate) struct Prompt<'a> {
    pub probe: &'a Probe,
    pub text: &'a str,
    pub teacher: Vec<JudgedSample<'a>>,
    pub rerun: Vec<JudgedSample<'a>>,
    pub student: Vec<JudgedSample<'a>>,
    /// The student drew with the random numbers of the rerun.
    paired: bool,
    /// Answers of the student before distillation, as texts; empty where it was not asked.
    base: Vec<&'a str>,
    /// The most frequent form of each class; `None` for those without an answer.
    pub classes: Vec<Option<String>>,
    pub steps: &'a [Normal],
    same: Same<'a>,
}

impl Prompt<'_> {
    /// D2 of the teacher's answers and of others that the student started from; `None` unless both are two or more. It
    /// takes classes of these two together and leaves the prompt's own as they are.
    fn start(&self, base: &[&str]) -> Option<f64> {
        let texts: Vec<&str> = texts(&self.teacher).into_iter().chain(base.iter().copied()).collect();
        let found = meaning::classes(self.steps, &texts, &self.same);
        // Missing answers never agree.
        let class = |(place, &class): (usize, &usize)| match form(self.steps, texts[place]) {
            Some(_) => class as u32,
            None => u32::MAX - place as u32,
        };
        let classes: Vec<u32> = found.class_of.iter().enumerate().map(class).collect();
        let (teacher, base) = classes.split_at(self.teacher.len());
        kernel::d2(teacher, base, &same)
    }

    /// Adds the prompt to the sums of the student, and of the teacher against its own second run.
    pub(crate) fn add_to(&self, [sums, rerun]: [&mut Sums; 2], start: Option<f64>) {
        let [teacher, student, again] = [&self.teacher, &self.student, &self.rerun].map(|said| measurable(said));
        let prompt = measured::Prompt {
            teacher: &teacher,
            student: &student,
            rerun: &again,
            paired: self.paired,
            start,
            whole: self.whole(),
        };
        let add = if is_judged_once(self.probe) { Sums::prompt_once } else { Sums::prompt };
        add(sums, &self.probe.family, &prompt);
        add(rerun, &self.probe.family, &prompt.floor());
    }

    /// Who is right; `None` without a checker.
    pub(crate) fn truth(&self) -> Option<TruthCells> {
        let [teacher, student] = [&self.teacher, &self.student].map(|said| measurable(said));
        let rerun = &[];
        let whole = self.whole();
        measured::Prompt { teacher: &teacher, student: &student, rerun, paired: false, start: None, whole }.cells()
    }

    /// Whether more than the first word of an answer counts: else a cut takes nothing away.
    pub(crate) fn whole(&self) -> bool {
        !self.steps.contains(&Normal::Word)
    }

    /// How far the two distributions of answers are apart: D², plain and not below 0.
    pub(crate) fn distance(&self) -> f64 {
        (0..self.classes.len() as u32)
            .map(|class| (share(&self.teacher, class) - share(&self.student, class)).powi(2))
            .sum()
    }

    /// Lost, gained or moved: by the larger of the two chances, where it is at least an even one.
    pub(crate) fn outcome(&self) -> Outcome {
        match self.truth() {
            Some(cells) if cells.lost >= 0.5 => Outcome::Lost,
            Some(cells) if cells.gained >= 0.5 => Outcome::Gained,
            _ => Outcome::Moved,
        }
    }
}

/// What is compared of answers.
fn texts<'a>(said: &[JudgedSample<'a>]) -> Vec<&'a str> {
    said.iter().map(|said| said.row.compared()).collect()
}

fn ids(said: &[JudgedSample<'_>]) -> Vec<u32> {
    said.iter().map(|said| said.class).collect()
}

/// What metrics read of the answers.
fn measurable<'a>(said: &[JudgedSample<'a>]) -> Vec<measured::Answer<'a>> {
    let of = |said: &JudgedSample<'a>| measured::Answer {
        number: said.row.sample,
        class: said.class,
        missing: said.missing,
        endless: said.row.finish == FinishReason::Length,
        favourite: said.favourite,
        right: said.right,
        text: &said.row.text,
    };
    said.iter().map(of).collect()
}

/// Share of a model's answers that have a class.
pub(crate) fn share(said: &[JudgedSample<'_>], class: u32) -> f64 {
    said.iter().filter(|said| said.class == class).count() as f64 / said.len().max(1) as f64
}

/// Whether a prompt is answered once, without chance, and what is right about it is in no curve and at no boundary: then it is in the
/// numbers on what is right, and in none on how answers vary.
pub(crate) fn is_judged_once(probe: &Probe) -> bool {
    let Ask::Prompt(prompt) = &probe.ask else { return false };
    prompt.decoding == Decoding::Greedy && prompt.check.is_some() && probe.knob.is_none() && probe.boundary.is_none()
}

/// The answers of a run to prompts that the teacher was asked, prompt by prompt in the order of the suite. One answer without
/// chance says nothing about how answers vary: such prompts are left out where nothing else of them counts. `paired`: the student
/// drew with the random numbers of the teacher's second run.
///
/// # Errors
/// As [`checker`].
pub(crate) fn prompts<'a>(
    rows: &'a [SampleRow],
    probes: &'a [Probe],
    meanings: &Meanings<'a>,
    paired: bool,
) -> Result<Vec<Prompt<'a>>, AuditError> {
    let mut of_probe: BTreeMap<&str, Vec<&SampleRow>> = BTreeMap::new();
    for row in rows {
        of_probe.entry(&row.probe).or_default().push(row);
    }
    let counts = |probe: &&Probe| probe.decoding() == Some(Decoding::Sampled) || is_judged_once(probe);
    let asked = probes.iter().filter(counts).filter_map(|probe| Some((probe, of_probe.get(probe.id.as_str())?)));
    let prompts = asked.filter_map(|(probe, rows)| prompt(probe, rows, meanings, paired).transpose());
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
    paired: bool,
) -> Result<Option<Prompt<'a>>, AuditError> {
    let (Ask::Prompt(kind::Prompt { prompt, .. }), Some((steps, same))) = (&probe.ask, meanings.of(probe)) else {
        return Ok(None);
    };
    let checker = checker(probe)?;
    // A control student is in no number of how answers vary.
    let compared = rows.iter().filter(|row| row.source != SampleSource::Control);
    let (base, rows): (Vec<_>, Vec<&SampleRow>) = compared.partition(|row| row.source == SampleSource::Base);
    let texts: Vec<_> = rows.iter().map(|row| row.compared()).collect();
    // Labels are words of a file: equal ones are the same, and near ones are not.
    let same = if rows.iter().any(|row| row.label.is_some()) { Same::Equal } else { same };
    let meanings = meaning::classes(steps, &texts, &same);
    let said = |source: SampleSource| {
        let pairs = rows.iter().zip(&meanings.class_of).filter(|(row, _)| row.source == source);
        pairs
            .map(|(row, &class)| JudgedSample {
                row,
                class: class as u32,
                missing: form(steps, row.compared()).is_none(),
                favourite: false,
                right: row
                    .outcome
                    .right()
                    .or_else(|| checker.as_ref().map(|check| check.check(&row.text) == Checked::Right)),
            })
            .collect()
    };
    Ok(Some(Prompt {
        probe,
        text: prompt,
        teacher: said(SampleSource::Teacher),
        rerun: said(SampleSource::Rerun),
        student: said(SampleSource::Student),
        paired,
        base: base.iter().map(|row| row.text.as_str()).collect(),
        classes: meanings.classes,
        steps,
        same,
    }))
}

/// What counts of an answer; `None` where nothing does.
fn form(steps: &[Normal], text: &str) -> Option<String> {
    normalise(steps, text).filter(|form| !form.trim().is_empty())
}

/// Marks every model's most frequent answer to all prompts.
pub(crate) fn mark_favourites(prompts: &mut [Prompt<'_>]) {
    let answers: [for<'p, 'a> fn(&'p mut Prompt<'a>) -> &'p mut Vec<JudgedSample<'a>>; 3] =
        [|p| &mut p.teacher, |p| &mut p.rerun, |p| &mut p.student];
    for of in answers {
        let mut times: BTreeMap<String, u64> = BTreeMap::new();
        for prompt in prompts.iter_mut() {
            let steps = prompt.steps;
            let forms = of(prompt).iter().filter_map(|said| form(steps, &said.row.text));
            forms.for_each(|form| *times.entry(form).or_default() += 1);
        }
        let Some((favourite, _)) = times.into_iter().max_by_key(|(_, times)| *times) else { continue };
        for prompt in prompts.iter_mut() {
            let steps = prompt.steps;
            for said in of(prompt) {
                said.favourite = form(steps, &said.row.text).is_some_and(|form| form == favourite);
            }
        }
    }
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

/// How far from the teacher the student started, for each prompt, and what that is taken from.
pub(crate) fn starts(prompts: &[Prompt<'_>]) -> (GapBase, Vec<Option<f64>>) {
    let asked = prompts.iter().any(|prompt| !prompt.base.is_empty());
    let from = if asked { GapBase::Model } else { GapBase::AnotherPrompt };
    let start = |place: usize| prompts[place].start(&base(prompts, place, from));
    (from, (0..prompts.len()).into_par_iter().map(start).collect())
}

/// p-value of "both models have the same distribution of answers to every prompt".
fn match_p_value(prompts: &[Prompt<'_>], seed: u64) -> Option<f64> {
    let pooled = prompts.iter().filter_map(|prompt| Pooled::new(&ids(&prompt.teacher), &ids(&prompt.student), same));
    kernel::permutation_p(&pooled.collect::<Vec<_>>(), PERMUTATIONS, seed)
}

/// The ways in which the student gives up, as sentences.
fn degenerate_ways(prompts: &[Prompt<'_>]) -> Vec<String> {
    let forms = |said: &[JudgedSample<'_>], steps: &[Normal]| -> Vec<Option<String>> {
        said.iter().map(|said| form(steps, &said.row.text)).collect()
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
