//! Long-horizon coherence: how many turns until a dialogue first violates what was agreed.

use super::{GeometryError, share};
use crate::stats::estimate::Estimate;
use crate::stats::families::FamilyTable;
use crate::stats::limits::{Limits, Shape};

/// How a dialogue ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Its first violation came at its last turn.
    Violated,
    /// Nothing had been violated when it was watched no longer.
    Censored,
}

/// A dialogue with one model up to its first violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialogue<'a> {
    /// Family, the statistical unit.
    pub family: &'a str,
    /// Last turn that was watched, 1 or more: that of the first violation, where there is one.
    pub turns: u32,
    /// How it ended.
    pub ended: Ended,
}

/// Kaplan–Meier's estimate of how many dialogues are still coherent after each turn.
#[derive(Clone, Debug, PartialEq)]
pub struct Survival {
    /// Share without a violation after turn 1, 2, … up to the horizon, in [0, 1], each with Korn and Graubard's interval
    /// over families.
    pub curve: Vec<Estimate>,
    /// Restricted mean: turns up to the first violation, or to the horizon where it comes later; in [1, horizon].
    pub restricted_mean: Estimate,
}

impl Survival {
    /// Of one model's dialogues, up to turn `horizon` (Kaplan and Meier, JASA 53, 1958): S(t) = Π_{u ≤ t} (1 − d_u/n_u) with
    /// d_u violations at turn u among the n_u dialogues that were watched at it; the restricted mean is ∫₀^τ S(t) dt
    /// (Irwin 1949; Royston and Parmar, Statistics in Medicine 30, 2011).
    ///
    /// A dialogue that ends without a violation was watched at its last turn. Fails without dialogues, for a turn or a
    /// horizon of 0, a level out of its range, and when nobody was watched up to the horizon while the curve is above 0.
    pub fn new(dialogues: &[Dialogue<'_>], horizon: u32, level: f64) -> Result<Self, GeometryError> {
        let level = share("level", level)?;
        let turns = turns(horizon)?;
        let mut table = FamilyTable::new(2 * turns);
        add(&mut table, 0, dialogues, turns)?;
        let items = dialogues.len() as u64;
        let watched = |sums: &[f64]| sums[0];
        let at = |turn: usize| {
            let share = move |sums: &[f64]| kaplan_meier(sums).map(|curve| curve[turn]);
            Some(Limits::of_strata(&until(&table, turn), Shape::Events, watched, share)?.estimate(level, items))
        };
        let mean = Limits::of_strata(&table, Shape::AMOUNT, watched, restricted_mean);
        let curve = (0..turns).map(at).collect::<Option<_>>();
        let horizon_error = || GeometryError::Horizon { horizon, followed: followed(dialogues) };
        Ok(Self {
            curve: curve.ok_or_else(horizon_error)?,
            restricted_mean: mean.ok_or_else(horizon_error)?.estimate(level, items),
        })
    }
}

/// The student's restricted mean over the teacher's up to turn `horizon`, in [1/horizon, horizon]: 1 is as long as the
/// teacher. Its interval is that of the whole ratio over families; dialogues of one family may be of both models.
///
/// Fails as [`Survival::new`] does, for either model.
pub fn survival_ratio(
    teacher: &[Dialogue<'_>],
    student: &[Dialogue<'_>],
    horizon: u32,
    level: f64,
) -> Result<Estimate, GeometryError> {
    let level = share("level", level)?;
    let turns = turns(horizon)?;
    let mut table = FamilyTable::new(4 * turns);
    add(&mut table, 0, teacher, turns)?;
    add(&mut table, 2 * turns, student, turns)?;
    let ratio = |sums: &[f64]| {
        let (teacher, student) = sums.split_at(2 * turns);
        Some(restricted_mean(student)? / restricted_mean(teacher)?)
    };
    let limits = Limits::of_strata(&table, Shape::AMOUNT, |sums| sums[0], ratio)
        .ok_or_else(|| GeometryError::Horizon { horizon, followed: followed(teacher).min(followed(student)) })?;
    Ok(limits.estimate(level, (teacher.len() + student.len()) as u64))
}

/// The curves of teacher and student up to the last turn at which both are known: dialogues were watched at it, or none was
/// left.
///
/// Fails as [`Survival::new`] does, for either model.
pub fn survival_curves(
    teacher: &[Dialogue<'_>],
    student: &[Dialogue<'_>],
    level: f64,
) -> Result<[Survival; 2], GeometryError> {
    let longest = followed(teacher).max(followed(student));
    let known = |dialogues: &[Dialogue<'_>]| {
        let mut table = FamilyTable::new(2 * turns(longest)?);
        add(&mut table, 0, dialogues, longest as usize)?;
        Ok(watched_up_to(&table.totals()) as u32)
    };
    let horizon = known(teacher)?.min(known(student)?);
    Ok([Survival::new(teacher, horizon, level)?, Survival::new(student, horizon, level)?])
}

fn turns(horizon: u32) -> Result<usize, GeometryError> {
    if horizon == 0 {
        return Err(GeometryError::Setting { name: "horizon", expected: "1 turn or more", found: 0.0 });
    }
    Ok(horizon as usize)
}

/// Adds dialogues at the columns from `first` on: per turn how many were watched at it, and how many violated there.
fn add(table: &mut FamilyTable, first: usize, dialogues: &[Dialogue<'_>], turns: usize) -> Result<(), GeometryError> {
    if dialogues.is_empty() {
        return Err(GeometryError::Empty("dialogue of each model"));
    }
    for (place, dialogue) in dialogues.iter().enumerate() {
        let last = dialogue.turns as usize;
        if last == 0 {
            return Err(GeometryError::Turn { place });
        }
        let mut row = vec![0.0; table.columns()];
        for turn in 0..last.min(turns) {
            row[first + 2 * turn] = 1.0;
        }
        if dialogue.ended == Ended::Violated && last <= turns {
            row[first + 2 * last - 1] = 1.0;
        }
        table.add(dialogue.family, &row, 1);
    }
    Ok(())
}

/// The columns up to a turn, from 0.
fn until(table: &FamilyTable, turn: usize) -> FamilyTable {
    let mut narrow = FamilyTable::new(2 * (turn + 1));
    for (family, sums, items) in table.rows() {
        narrow.add(family, &sums[..2 * (turn + 1)], items);
    }
    narrow
}

/// S after each turn; `None` when nobody was watched at a turn that the curve reaches above 0.
fn kaplan_meier(sums: &[f64]) -> Option<Vec<f64>> {
    let mut share = 1.0;
    sums.chunks_exact(2)
        .map(|turn| {
            if share > 0.0 {
                share *= (turn[0] > 0.0).then(|| 1.0 - turn[1] / turn[0])?;
            }
            Some(share)
        })
        .collect()
}

/// ∫₀^τ S(t) dt: S is 1 up to the first turn, and falls at turns. What happens at the horizon itself no longer counts.
pub(crate) fn restricted_mean(sums: &[f64]) -> Option<f64> {
    let curve = kaplan_meier(sums)?;
    Some(1.0 + curve[..curve.len() - 1].iter().sum::<f64>())
}

/// The last turn up to which a curve is known: dialogues were watched at it, or none was left. Sums as those of
/// [`restricted_mean`], over any number of turns.
pub(crate) fn watched_up_to(sums: &[f64]) -> usize {
    let watched = sums.chunks_exact(2).take_while(|turn| turn[0] > 0.0).count();
    let over =
        kaplan_meier(&sums[..2 * watched]).and_then(|curve| curve.last().copied()).is_some_and(|left| left <= 0.0);
    if over { sums.len() / 2 } else { watched }
}

/// Last turn at which any dialogue was watched.
fn followed(dialogues: &[Dialogue<'_>]) -> u32 {
    dialogues.iter().map(|dialogue| dialogue.turns).max().unwrap_or(0)
}
