//! Forced choices as they were asked: what both models would choose, and who is right.

pub(crate) mod cases;
mod findings;
pub(crate) mod known;

use std::collections::BTreeMap;

use hydrometer_answers::{ChoiceRow, Regime, Told};
use hydrometer_metrics::calibration;
use hydrometer_metrics::measure::choices::{Choice, distance, top};
use hydrometer_probes::kind;
use hydrometer_probes::{Ask, Probe};

use self::known::{Known, Letters, of_order, settled};
use crate::AuditError;
use crate::evidence::Rows;
use crate::statement::{Calibration, Outcome, TruthCells};

/// One choice, averaged over option orders.
pub(crate) struct AskedChoice<'a> {
    pub probe: &'a Probe,
    pub prompt: &'a str,
    pub options: &'a [String],
    pub truth: Option<usize>,
    /// Teacher's probability of each option.
    pub teacher: Vec<f64>,
    /// Student's probability of each option.
    pub student: Vec<f64>,
    /// A control student's probability of each option; `None` where it was not asked.
    pub control: Option<Vec<f64>>,
    /// How well the options of teacher and student are known.
    pub known: [Known; 2],
    /// Their letters, where they were drawn.
    pub letters: [Option<Letters>; 2],
    /// Whether a server listed options of one of them in part.
    pub is_listed: bool,
    /// Which of several most probable options is the favourite.
    tie: u64,
}

impl AskedChoice<'_> {
    /// What its metrics are made of.
    ///
    /// # Errors
    /// The suite or the folder calls something a choice that is none.
    pub(crate) fn choice(&self) -> Result<Choice<'_>, AuditError> {
        let variance = self.known.map(|known| known.variance.unwrap_or(0.0));
        Choice::new(&self.teacher, &self.student, self.truth)
            .map(|choice| choice.drawn(variance).tied(self.tie))
            .map_err(|source| AuditError::Choice { probe: self.probe.id.clone(), source })
    }

    pub(crate) fn outcome(&self) -> Outcome {
        match (self.right(0), self.right(1)) {
            (Some(true), Some(false)) => Outcome::Lost,
            (Some(false), Some(true)) => Outcome::Gained,
            _ => Outcome::Moved,
        }
    }

    /// Whether a model's most probable option is the true one; `None` where nobody knows the true one or the most probable.
    pub(crate) fn right(&self, model: usize) -> Option<bool> {
        let shares = self.shares(model);
        let Known { unlisted, variance } = self.known[model];
        let sure = variance.is_none() && settled(shares, unlisted);
        self.truth.filter(|_| sure).map(|truth| self.favourite(shares) == truth)
    }

    /// The most probable option of these shares of its options: of several the same one for every model.
    pub(crate) fn favourite(&self, shares: &[f64]) -> usize {
        top(shares, self.tie)
    }

    /// Whether a model holds several options for the most probable.
    pub(crate) fn is_tied(&self, model: usize) -> bool {
        let shares = self.shares(model);
        (1..shares.len() as u64).any(|tie| top(shares, tie) != top(shares, 0))
    }

    /// A model's probability of each option.
    pub(crate) fn shares(&self, model: usize) -> &[f64] {
        if model == 0 { &self.teacher } else { &self.student }
    }

    /// Squared distance of the two option distributions.
    pub(crate) fn distance(&self) -> f64 {
        distance(&self.teacher, &self.student)
    }
}

/// Choices from their rows: log-probabilities become probabilities over the options of each order, then the orders
/// are averaged, so that a preference for a letter cancels out.
pub(crate) fn choices<'a>(rows: &[ChoiceRow], probes: &BTreeMap<&str, &'a Probe>) -> Vec<AskedChoice<'a>> {
    let mut all = Vec::new();
    for group in rows.chunk_by(|a, b| a.probe == b.probe) {
        let Some(probe) = probes.get(group[0].probe.as_str()) else { continue };
        let Ask::Choice(kind::Choice { prompt, options, truth, .. }) = &probe.ask else { continue };
        let of = |logprob: fn(&ChoiceRow) -> Option<f64>| probabilities(group, options.len(), logprob);
        let (Some(teacher), Some(student)) = (
            of(|row| Some(taken(row.teacher_logprob, row.teacher_said.told))),
            of(|row| Some(taken(row.student_logprob, row.student_said.told))),
        ) else {
            continue;
        };
        let (Some(of_teacher), Some(of_student)) = (known(group, 0), known(group, 1)) else { continue };
        let control = of(|row| row.control_logprob.map(f64::from));
        let truth = truth.map(|t| t as usize);
        all.push(AskedChoice {
            probe,
            prompt,
            options,
            truth,
            teacher,
            student,
            control,
            known: [of_teacher, of_student],
            is_listed: group.iter().any(|row| row.said().iter().any(|said| said.told == Told::AtMost)),
            letters: [0, 1].map(|model| Letters::of(group, options.len(), model)),
            tie: tie(&probe.family),
        });
    }
    all
}

/// Which of several most probable options is the favourite in this family: rungs of a ladder and members of a pair have the same one, so
/// that chance moves no boundary.
pub(crate) fn tie(family: &str) -> u64 {
    let hash = blake3::hash(family.as_bytes());
    hash.as_bytes()[..8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Probability of all options of a choice below which a model says something else than one of them. Of real models that know how a letter is
/// asked for the least capable gave them a quarter.
const ANSWERED: f64 = 0.01;

/// Choices to which a model says something else than an option.
#[derive(Default)]
pub(crate) struct Unanswered {
    pub by_teacher: u64,
    /// Of those that the teacher answers.
    pub by_student: u64,
    /// Those that the teacher answers.
    pub asked: u64,
}

/// Choices that a model does not answer: other words are nearly certain, or no letter that was drawn names an option. Likelihoods of whole
/// options, as other tools log them, say nothing of that.
pub(crate) fn unanswered(rows: &Rows) -> Unanswered {
    let mut found = Unanswered::default();
    if rows.manifest.regime() == Regime::GivenAnswers {
        return found;
    }
    let answers = |group: &[ChoiceRow], model: usize| {
        let mass = |row: &ChoiceRow| match row.said()[model].told {
            Told::Exact => [row.teacher_logprob, row.student_logprob][model].exp(),
            Told::AtMost | Told::Drawn => 1.0,
        };
        let orders = group.chunk_by(|a, b| a.rotation == b.rotation).count() as f64;
        known(group, model).is_some() && group.iter().map(mass).sum::<f64>() >= ANSWERED * orders
    };
    for group in rows.choices.chunk_by(|a, b| a.probe == b.probe) {
        if answers(group, 0) {
            found.asked += 1;
            found.by_student += u64::from(!answers(group, 1));
        } else {
            found.by_teacher += 1;
        }
    }
    found
}

/// The log-probability that is counted with: of an option that is not listed half of the most that it can have.
fn taken(logprob: f64, told: Told) -> f64 {
    if told == Told::AtMost { logprob - std::f64::consts::LN_2 } else { logprob }
}

/// What of a model's options is known over all orders; `None` where too few letters were drawn in one of them.
fn known(rows: &[ChoiceRow], model: usize) -> Option<Known> {
    let orders: Vec<Known> =
        rows.chunk_by(|a, b| a.rotation == b.rotation).map(|order| of_order(order, model)).collect::<Option<_>>()?;
    let n = orders.len() as f64;
    let variance: Option<Vec<f64>> = orders.iter().map(|order| order.variance).collect();
    Some(Known {
        unlisted: orders.iter().map(|order| order.unlisted).sum::<f64>() / n,
        // The variance of a mean of orders.
        variance: variance.filter(|all| !all.is_empty()).map(|all| all.iter().sum::<f64>() / (n * n)),
    })
}

/// Whether enough is known of a model's options to be in a number.
pub(crate) fn letters_told(rows: &[ChoiceRow], model: usize) -> bool {
    known(rows, model).is_some()
}

/// A model's probability of each option, from the rows of one choice; `None` where it was not asked.
fn probabilities(rows: &[ChoiceRow], options: usize, logprob: fn(&ChoiceRow) -> Option<f64>) -> Option<Vec<f64>> {
    let mut sums = vec![0.0; options];
    let orders = rows.chunk_by(|a, b| a.rotation == b.rotation);
    let n = orders.clone().count() as f64;
    for order in orders {
        let known: Vec<f64> = order.iter().map(logprob).collect::<Option<_>>()?;
        let most = known.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weight = |logprob: &f64| if most == f64::NEG_INFINITY { 1.0 } else { (logprob - most).exp() };
        let weights: Vec<_> = known.iter().map(weight).collect();
        let total: f64 = weights.iter().sum();
        for (row, weight) in order.iter().zip(weights) {
            // The folder was held against its suite: each order has every option once.
            sums[row.option as usize] += weight / total / n;
        }
    }
    Some(sums)
}

/// Reliability diagrams of teacher and student on the choices with a truth; `None` where no choice has one, or probabilities of
/// options are not known.
pub(crate) fn calibration(choices: &[AskedChoice<'_>]) -> Option<Calibration> {
    let in_part = |choice: &AskedChoice<'_>| choice.known.iter().any(|known| *known != Known::default());
    if choices.iter().all(|choice| choice.truth.is_none()) || choices.iter().any(in_part) {
        return None;
    }
    let [teacher, student] = [0, 1].map(|model| {
        let pair = |choice: &AskedChoice<'_>| {
            let favourite = choice.favourite(choice.shares(model));
            Some((choice.shares(model)[favourite].min(1.0), favourite == choice.truth?))
        };
        calibration::reliability(&choices.iter().filter_map(pair).collect::<Vec<_>>(), calibration::BINS)
    });
    Some(Calibration { teacher, student })
}

/// The four cells, the last one split, of the choices on which both models' favourites are known; `None` when none of them has a
/// truth.
pub(crate) fn truth_cells(choices: &[AskedChoice<'_>]) -> Option<TruthCells> {
    let mut cells = TruthCells { both_right: 0, lost: 0, gained: 0, both_wrong_same: 0, both_wrong_different: 0 };
    let mut any = false;
    for choice in choices {
        let (Some(teacher), Some(student)) = (choice.right(0), choice.right(1)) else { continue };
        any = true;
        let [t, s] = [0, 1].map(|model| choice.favourite(choice.shares(model)));
        let cell = match (teacher, student) {
            (true, true) => &mut cells.both_right,
            (true, false) => &mut cells.lost,
            (false, true) => &mut cells.gained,
            (false, false) if t == s => &mut cells.both_wrong_same,
            (false, false) => &mut cells.both_wrong_different,
        };
        *cell += 1;
    }
    any.then_some(cells)
}
