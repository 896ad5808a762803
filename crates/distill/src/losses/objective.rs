//! The loss of one row: α · cross-entropy + (1 − α) · T² · divergence at temperature T.
//!
//! T² keeps the size of the gradient when the temperature changes (Hinton et al. 2015). The gradient by the student's logits z
//! is α (q₁ − 1(token)) + (1 − α) · T · ∂D/∂u, because ∂u/∂z = 1/T.

use std::ops::RangeInclusive;

use hydrometer_answers::sparse::{Codec, Sums};
use hydrometer_metrics::Vectors;
use hydrometer_metrics::sparse::{SparseDistribution, TEMPERATURES, Truncater, Truncation};
use hydrometer_models::{Instructions, vectors};

use super::{Divergence, Row, cross_entropy, stratified, top_k_tail};
use crate::DistillError;

/// What is made small.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Objective {
    /// Share of the cross-entropy with hard labels, in [0, 1].
    pub hard: f64,
    /// The rest; `None` where hard labels are everything.
    pub soft: Option<Soft>,
}

/// A divergence at a temperature.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Soft {
    /// The divergence.
    pub divergence: Divergence,
    /// T > 0.
    pub temperature: f64,
}

/// What is known of the teacher at a row.
#[derive(Clone, Copy, Debug)]
pub enum TeacherRow<'a> {
    /// Nothing: hard labels are everything.
    Unknown,
    /// All its logits.
    Logits(&'a [f32]),
    /// What a cache keeps of its distribution.
    Kept(&'a SparseDistribution),
}

/// What a row cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RowLoss {
    /// The loss, of which the gradient is.
    pub loss: f64,
    /// −ln q(token), nats, whatever its share.
    pub cross_entropy: f64,
    /// The divergence at its temperature, nats, without T²; 0 where there is none.
    pub divergence: f64,
    /// Entropy of the teacher at that temperature, nats; 0 where there is none.
    pub teacher_entropy: f64,
}

/// Space between calls.
#[derive(Debug)]
pub struct Scratch {
    teacher: Row,
    student: Row,
    gradient: Vec<f64>,
    truncater: Option<(Truncater, usize)>,
}

/// Temperatures at which distributions say anything: below, all but the most probable token has no probability in f32; above, all
/// tokens have the same.
pub(crate) const SENSIBLE: RangeInclusive<f64> = 0.01..=1000.0;

impl Objective {
    /// Hard labels alone.
    pub const HARD: Objective = Objective { hard: 1.0, soft: None };

    /// What is wrong with its settings: the setting, what was expected, what was found.
    #[must_use]
    pub fn fault(&self) -> Option<(&'static str, &'static str, String)> {
        if !(0.0..=1.0).contains(&self.hard) {
            return Some(("hard", "a number from 0 to 1", self.hard.to_string()));
        }
        let Some(soft) = self.soft else {
            return (self.hard < 1.0).then(|| ("hard", "1 without a divergence", self.hard.to_string()));
        };
        if !SENSIBLE.contains(&soft.temperature) {
            return Some(("temperature", "a number from 0.01 to 1,000", soft.temperature.to_string()));
        }
        if soft.divergence.over_all().is_none() && place(soft.temperature).is_none() {
            return Some(("temperature", "1, 2 or 4 for a loss of head and tail", soft.temperature.to_string()));
        }
        soft.divergence.fault()
    }

    /// What it needs of a distribution of which a part is kept, and what is kept instead: the setting, what is needed, what
    /// is there.
    #[must_use]
    pub fn lacks(&self, kept: &Codec) -> Option<(&'static str, String, String)> {
        let Soft { divergence, temperature } = self.soft.filter(|_| self.hard < 1.0)?;
        let (head, draws) = match divergence {
            Divergence::ForwardKl => (1, 1),
            Divergence::TopKTail { k } => (k, 0),
            Divergence::Stratified { k, draws } => (k, draws),
            _ => {
                let possible = "forward_kl, stratified or top_k_tail, which need no more than a head and draws";
                return Some(("loss.divergence", possible.to_owned(), "one that needs every logit".to_owned()));
            }
        };
        if kept.sums == Sums::Listed && temperature != 1.0 {
            let listed = "1, at which servers list probabilities".to_owned();
            return Some(("loss.temperature", listed, temperature.to_string()));
        }
        if place(temperature).is_none() {
            let kept = "1, 2 or 4, whose sums over the vocabulary are kept".to_owned();
            return Some(("loss.temperature", kept, temperature.to_string()));
        }
        let few = |what, least: u32, there: u32| {
            (there < least).then(|| (what, format!("at least {least}"), there.to_string()))
        };
        let Truncation { k_min, draws: there, .. } = kept.truncation;
        few("k_min", head, k_min.max(1)).or_else(|| few("draws", draws, there))
    }

    /// Space for its rows.
    #[must_use]
    pub fn scratch(&self) -> Scratch {
        let truncater = self.soft.and_then(|soft| {
            let (k, draws) = match soft.divergence {
                Divergence::TopKTail { k } => (k, 0),
                Divergence::Stratified { k, draws } => (k, draws),
                _ => return None,
            };
            let truncation = Truncation { mass: 1.0, k_min: k, k_max: k, draws };
            Some((Truncater::new(truncation).with_vectors(allowed()), place(soft.temperature)?))
        });
        Scratch { teacher: Row::default(), student: Row::default(), gradient: Vec::new(), truncater }
    }

    /// The loss of a row whose text goes on with `token`, and its gradient by the student's logits.
    ///
    /// The teacher is not read where there is no divergence. `seed` decides what is drawn of its logits; of what is kept
    /// everything is used.
    ///
    /// # Errors
    /// The teacher's row is no distribution, or not enough of it is known: [`Objective::lacks`] says so beforehand.
    pub fn row(
        &self,
        scratch: &mut Scratch,
        (teacher, student): (TeacherRow<'_>, &[f32]),
        token: u32,
        seed: u64,
        gradient: &mut [f32],
    ) -> Result<RowLoss, DistillError> {
        let Scratch { teacher: p, student: q, gradient: partial, truncater } = scratch;
        let soft = self.soft.filter(|_| self.hard < 1.0);
        let cross_entropy = if self.hard > 0.0 || soft.is_none() {
            q.fill(student, 1.0);
            cross_entropy::row(q, token, self.hard, gradient)
        } else {
            gradient.fill(0.0);
            cross_entropy::value(student, token)
        };
        let mut found = RowLoss { loss: self.hard * cross_entropy, cross_entropy, ..RowLoss::default() };
        let Some(Soft { divergence, temperature }) = soft else { return Ok(found) };
        partial.resize(student.len(), 0.0);
        if self.hard == 0.0 || temperature != 1.0 {
            q.fill(student, temperature);
        }
        let known = place(temperature);
        (found.divergence, found.teacher_entropy) = match (teacher, divergence.over_all(), truncater) {
            (TeacherRow::Logits(teacher), Some(over_all), _) => {
                p.fill(teacher, temperature);
                (over_all.of(p, q, partial), p.entropy())
            }
            (TeacherRow::Logits(teacher), None, Some((truncater, place))) => {
                let kept = truncater.truncate(teacher, seed)?;
                (of_part(divergence, &kept, *place, q, partial)?, f64::from(kept.entropy[*place]))
            }
            (TeacherRow::Kept(kept), ..) if known.is_some() => {
                let place = known.unwrap_or(0);
                (of_part(divergence, kept, place, q, partial)?, f64::from(kept.entropy[place]))
            }
            _ => return Err(too_little_known()),
        };
        let share = 1.0 - self.hard;
        found.loss += share * temperature * temperature * found.divergence;
        let factor = share * temperature;
        vectors().dispatch(
            #[inline(always)]
            || gradient.iter_mut().zip(&*partial).for_each(|(out, g)| *out += (factor * g) as f32),
        );
        Ok(found)
    }
}

/// The divergence from a teacher of which a part is known.
fn of_part(
    divergence: Divergence,
    kept: &SparseDistribution,
    temperature: usize,
    student: &Row,
    gradient: &mut [f64],
) -> Result<f64, DistillError> {
    match divergence {
        Divergence::TopKTail { k } => Ok(top_k_tail::row(kept, k as usize, temperature, student, gradient)),
        Divergence::ForwardKl | Divergence::Stratified { .. } => {
            Ok(stratified::row(kept, temperature, student, gradient))
        }
        _ => Err(too_little_known()),
    }
}

fn too_little_known() -> DistillError {
    DistillError::Pair { reason: "the loss needs more of the teacher than is there".to_owned() }
}

/// The vectors of the draws: no wider than what the models may use.
pub(crate) fn allowed() -> Vectors {
    match Instructions::asked() {
        Ok(Some(instructions)) => Vectors::at_most(instructions.lanes()),
        // A name that nobody knows was refused when the models were opened.
        Ok(None) | Err(_) => Vectors::widest(),
    }
}

/// The place of a temperature among those of sparse distributions.
fn place(temperature: f64) -> Option<usize> {
    TEMPERATURES.iter().position(|&known| known == temperature)
}
