//! What a student could do before distillation and cannot do any more.
//!
//! A mean over skills of a positive part: no ratio of sums, so it is read off graded attempts and not off
//! [`super::Sums`]. The reference is the student before distillation, never the best of several checkpoints: the best of
//! noisy numbers is too good, and invents forgetting.

use std::collections::BTreeMap;

use super::definition::{Definition, Direction, Group, Range, Text};
use super::formula::Undefined;
use crate::stats::estimate::{Estimate, Interval, IntervalMethod};
use crate::stats::families::FamilyTable;
use crate::stats::gate::Ends;
use crate::stats::limits::{Limits, Shape};
use crate::style::hash;

/// Families of a skill without which nothing tells chance from loss: one in each half.
const FEWEST_FAMILIES: usize = 2;
/// Sums of one half of a skill: attempts, and how much less of them succeeds than before.
const OF_HALF: usize = 2;

/// Forgotten.
pub static FORGOTTEN: Definition = Definition {
    id: "forgotten",
    text: Text {
        page: "forgotten",
        name: "Forgotten",
        unit: "",
        what: "How much accuracy the student lost, against its own starting point, on skills that the distillation data do not cover.",
        misleads: "It needs the student from before distillation; the best of several checkpoints as a reference invents forgetting where there is none. Without the distillation set nobody knows which skills it covers, and all that can be graded are counted.",
        formula: "mean over skills of max(acc_B − acc_S, 0), paired; estimated by letting one half of a skill's families say whether it lost, and the other half how much",
        source: "Chaudhry et al., arXiv:1801.10112",
    },
    direction: Direction::Lower,
    range: Range::closed(-1.0, 1.0),
    group: Group::Forgetting,
    measure: None,
};

/// In the order in which they are listed.
pub static DEFINITIONS: &[&Definition] = &[&FORGOTTEN];

/// One probe at which it is known what is right, and how every model did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attempt<'a> {
    /// Its family.
    pub family: &'a str,
    /// The skill that it asks for.
    pub skill: &'a str,
    /// Share of the teacher's answers that are right.
    pub teacher: f64,
    /// Of the student's.
    pub student: f64,
    /// Of the student's before distillation.
    pub base: f64,
}

/// A skill before and after.
#[derive(Clone, Debug, PartialEq)]
pub struct Skill {
    /// Its name.
    pub name: String,
    /// Probes.
    pub probes: u64,
    /// Success before distillation.
    pub base: f64,
    /// Success of the student.
    pub student: f64,
    /// Success before less success after: below 0 where it learned.
    pub lost: Estimate,
}

/// What was forgotten, in all and by skill.
#[derive(Clone, Debug)]
pub struct Forgetting {
    /// The mean over skills.
    pub estimate: Estimate,
    /// Its bounds at any level.
    pub limits: ForgottenLimits,
    /// The skills, the one that lost most first.
    pub skills: Vec<Skill>,
    /// Chance that an answer was right before and one after is wrong.
    pub negative_flips: Estimate,
    /// Chance that an answer was wrong before and one after is right.
    pub positive_flips: Estimate,
}

/// Bounds of what was forgotten.
///
/// The lower one is that of the estimate, whose mean is at most the truth. The upper one starts from the plain mean of
/// positive parts, whose mean is at least the truth and whose spread is at most that of the signed mean: a positive part never
/// moves more than what it is taken of.
#[derive(Clone, Debug)]
pub struct ForgottenLimits {
    lost: Limits,
    signed: Limits,
    most: f64,
}

impl ForgottenLimits {
    /// One-sided bounds, each missed with a chance of at most `alpha`, with `growth` times as many families.
    pub fn bounds_of_more(&self, alpha: f64, growth: f64) -> Option<(f64, f64)> {
        let (low, _) = self.lost.bounds_of_more(alpha, growth)?;
        let (_, high) = self.signed.bounds_of_more(alpha, growth)?;
        Some((low, self.most + (high - self.signed.value()).max(0.0)))
    }

    /// The same for a gate.
    pub fn gate_ends(&self, alpha: f64, growth: f64) -> Option<Ends> {
        self.bounds_of_more(alpha, growth).map(Ends::from)
    }

    /// The two-sided interval.
    pub fn interval(&self, level: f64) -> Option<Interval> {
        let (low, high) = self.bounds_of_more((1.0 - level) / 2.0, 1.0)?;
        Some(Interval { low, high, level, method: IntervalMethod::JackknifeT })
    }
}

/// What the student forgot, over the skills that two families or more ask for.
///
/// # Errors
/// [`Undefined::NoSkill`].
pub fn forgetting(attempts: &[Attempt<'_>], level: f64) -> Result<Forgetting, Undefined> {
    let skills = Skills::of(attempts);
    let attempts: Vec<&Attempt<'_>> =
        attempts.iter().filter(|attempt| skills.halves.contains_key(attempt.skill)).collect();
    if attempts.is_empty() {
        return Err(Undefined::NoSkill);
    }
    let table = skills.table(&attempts);
    let totals = table.totals();
    let lost_in = |half: &[f64]| half[1] > 0.0;
    // Which halves lost: fixed before the spread is looked at, for their signs are the other half's weights.
    let lost: Vec<[bool; 2]> = totals.chunks(2 * OF_HALF).map(|of| [lost_in(&of[..2]), lost_in(&of[2..])]).collect();
    let over_skills = |sums: &[f64], of: &dyn Fn(&[f64], usize) -> f64| -> Option<f64> {
        let each = sums.chunks(2 * OF_HALF).enumerate().map(|(k, skill)| {
            let attempts = skill[0] + skill[2];
            (attempts > 0.0).then(|| of(skill, k) / attempts)
        });
        Some(each.sum::<Option<f64>>()? / skills.halves.len() as f64)
    };
    let crossed = |sums: &[f64]| {
        over_skills(sums, &|skill, k| {
            let [first, second] = lost[k];
            f64::from(u8::from(second)) * skill[1] + f64::from(u8::from(first)) * skill[3]
        })
    };
    let signed = |sums: &[f64]| over_skills(sums, &|skill, _| skill[1] + skill[3]);
    let most = over_skills(&totals, &|skill, _| (skill[1] + skill[3]).max(0.0)).ok_or(Undefined::NoSkill)?;
    let weight = |sums: &[f64]| sums.iter().step_by(OF_HALF).sum::<f64>();
    let shape = Shape::Between { low: Some(-1.0), high: Some(1.0) };
    let limits = ForgottenLimits {
        lost: Limits::of_strata(&table, shape, weight, crossed).ok_or(Undefined::NoSkill)?,
        signed: Limits::of_strata(&table, shape, weight, signed).ok_or(Undefined::NoSkill)?,
        most,
    };
    let items = attempts.len() as u64;
    let mut each: Vec<Skill> = skills.halves.keys().filter_map(|name| skill(name, &attempts, level)).collect();
    each.sort_by(|a, b| b.lost.value.total_cmp(&a.lost.value));
    let share = |of: fn(&Attempt<'_>) -> f64| mean(&attempts, Shape::Between { low: Some(0.0), high: Some(1.0) }, of);
    let flips = |of: fn(&Attempt<'_>) -> f64| Some(share(of)?.estimate(level, items));
    Ok(Forgetting {
        estimate: Estimate { interval: limits.interval(level), ..limits.lost.estimate(level, items) },
        limits,
        skills: each,
        negative_flips: flips(|attempt| attempt.base * (1.0 - attempt.student)).ok_or(Undefined::NoSkill)?,
        positive_flips: flips(|attempt| (1.0 - attempt.base) * attempt.student).ok_or(Undefined::NoSkill)?,
    })
}

/// How much of the teacher's advantage over the student's starting point the student has: (S − B)/(T − B).
///
/// # Errors
/// [`Undefined::NoSkill`] without attempts, [`Undefined::NothingToRecover`] where the teacher is not shown to be better.
pub fn recovered(attempts: &[Attempt<'_>], level: f64) -> Result<Estimate, Undefined> {
    let mut table = FamilyTable::new(2);
    for attempt in attempts {
        table.add(attempt.family, &[attempt.student - attempt.base, attempt.teacher - attempt.base], 1);
    }
    let all: Vec<&Attempt<'_>> = attempts.iter().collect();
    let difference = Shape::Between { low: Some(-1.0), high: Some(1.0) };
    let gap = mean(&all, difference, |attempt| attempt.teacher - attempt.base).ok_or(Undefined::NoSkill)?;
    if gap.interval(level).is_none_or(|interval| interval.low <= 0.0) {
        return Err(Undefined::NothingToRecover);
    }
    let found = Limits::new(&table, Shape::ANY, |sums| sums[1], |sums| (sums[1] > 0.0).then(|| sums[0] / sums[1]));
    Ok(found.ok_or(Undefined::NothingToRecover)?.estimate(level, table.items()))
}

/// Limits of a mean over attempts.
fn mean(attempts: &[&Attempt<'_>], shape: Shape, of: fn(&Attempt<'_>) -> f64) -> Option<Limits> {
    let mut table = FamilyTable::new(2);
    for attempt in attempts {
        table.add(attempt.family, &[of(attempt), 1.0], 1);
    }
    Limits::new(&table, shape, |sums| sums[1], |sums| (sums[1] > 0.0).then(|| sums[0] / sums[1]))
}

fn skill(name: &str, attempts: &[&Attempt<'_>], level: f64) -> Option<Skill> {
    let own: Vec<&Attempt<'_>> = attempts.iter().copied().filter(|attempt| attempt.skill == name).collect();
    let probes = own.len() as u64;
    let success = |of: fn(&Attempt<'_>) -> f64| own.iter().map(|attempt| of(attempt)).sum::<f64>() / probes as f64;
    let lost = mean(&own, Shape::Between { low: Some(-1.0), high: Some(1.0) }, |a| a.base - a.student)?;
    Some(Skill {
        name: name.to_owned(),
        probes,
        base: success(|attempt| attempt.base),
        student: success(|attempt| attempt.student),
        lost: lost.estimate(level, probes),
    })
}

/// The families of each skill, in two halves that nothing but their names decides.
struct Skills<'a> {
    halves: BTreeMap<&'a str, BTreeMap<&'a str, usize>>,
}

impl<'a> Skills<'a> {
    fn of(attempts: &[Attempt<'a>]) -> Self {
        let mut halves: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
        for attempt in attempts {
            halves.entry(attempt.skill).or_default().insert(attempt.family, 0);
        }
        halves.retain(|_, families| families.len() >= FEWEST_FAMILIES);
        for families in halves.values_mut() {
            let mut drawn: Vec<&str> = families.keys().copied().collect();
            drawn.sort_by_key(|name| hash(&name.chars().collect::<Vec<_>>()));
            drawn.iter().enumerate().for_each(|(place, name)| _ = families.insert(name, place % 2));
        }
        Self { halves }
    }

    /// Sums of every family in the halves that it is in: attempts, and losses.
    fn table(&self, attempts: &[&Attempt<'_>]) -> FamilyTable {
        let columns = 2 * OF_HALF * self.halves.len();
        let mut table = FamilyTable::new(columns);
        let place: BTreeMap<&str, usize> = self.halves.keys().enumerate().map(|(k, name)| (*name, k)).collect();
        for attempt in attempts {
            let (Some(k), Some(half)) = (
                place.get(attempt.skill),
                self.halves.get(attempt.skill).and_then(|families| families.get(attempt.family)),
            ) else {
                continue;
            };
            let mut row = vec![0.0; columns];
            let first = 2 * OF_HALF * k + OF_HALF * half;
            row[first] = 1.0;
            row[first + 1] = attempt.base - attempt.student;
            table.add(attempt.family, &row, 1);
        }
        table
    }
}
