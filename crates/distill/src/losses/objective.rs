//! The loss of one row: α · cross-entropy + (1 − α) · T² · divergence at temperature T.
//!
//! T² keeps the size of the gradient when the temperature changes (Hinton et al. 2015). The gradient by the student's logits z
//! is α (q₁ − 1(token)) + (1 − α) · T · ∂D/∂u, because ∂u/∂z = 1/T.

use hydrometer_metrics::sparse::{TEMPERATURES, Truncater, Truncation};
use hydrometer_metrics::{PositionError, Vectors};
use hydrometer_models::Instructions;

use super::{Divergence, Row, cross_entropy, stratified, top_k_tail};

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

/// What a row cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RowLoss {
    /// The loss, of which the gradient is.
    pub loss: f64,
    /// −ln q(token), nats, whatever its share.
    pub cross_entropy: f64,
    /// The divergence at its temperature, nats, without T²; 0 where there is none.
    pub divergence: f64,
}

/// Space between calls.
#[derive(Debug)]
pub struct Scratch {
    teacher: Row,
    student: Row,
    gradient: Vec<f64>,
    truncater: Option<(Truncater, usize)>,
}

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
        if !(soft.temperature.is_finite() && soft.temperature > 0.0) {
            return Some(("temperature", "a number above 0", soft.temperature.to_string()));
        }
        if soft.divergence.over_all().is_none() && place(soft.temperature).is_none() {
            return Some(("temperature", "1, 2 or 4 for a loss of head and tail", soft.temperature.to_string()));
        }
        soft.divergence.fault()
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
    /// `teacher` are the teacher's logits; they are not read where there is no divergence. `seed` decides the draws.
    ///
    /// # Errors
    /// The teacher's row is no distribution.
    pub fn row(
        &self,
        scratch: &mut Scratch,
        (teacher, student): (&[f32], &[f32]),
        token: u32,
        seed: u64,
        gradient: &mut [f32],
    ) -> Result<RowLoss, PositionError> {
        let Scratch { teacher: p, student: q, gradient: partial, truncater } = scratch;
        partial.resize(student.len(), 0.0);
        q.fill(student, 1.0);
        let cross_entropy = cross_entropy::row(q, token, partial);
        let mut found = RowLoss { loss: self.hard * cross_entropy, cross_entropy, divergence: 0.0 };
        for (out, g) in gradient.iter_mut().zip(&*partial) {
            *out = (self.hard * g) as f32;
        }
        let Some(Soft { divergence, temperature }) = self.soft.filter(|_| self.hard < 1.0) else { return Ok(found) };
        if temperature != 1.0 {
            q.fill(student, temperature);
        }
        found.divergence = match (divergence.over_all(), truncater) {
            (Some(over_all), _) => {
                p.fill(teacher, temperature);
                over_all.of(p, q, partial)
            }
            (None, Some((truncater, place))) => {
                let kept = truncater.truncate(teacher, seed)?;
                match divergence {
                    Divergence::TopKTail { .. } => top_k_tail::row(&kept, *place, q, partial),
                    _ => stratified::row(&kept, *place, q, partial),
                }
            }
            // Scratch of another objective.
            (None, None) => return Ok(found),
        };
        let share = 1.0 - self.hard;
        found.loss += share * temperature * temperature * found.divergence;
        for (out, g) in gradient.iter_mut().zip(&*partial) {
            *out += (share * temperature * g) as f32;
        }
        Ok(found)
    }
}

/// The vectors of the draws: no wider than what the models may use.
fn allowed() -> Vectors {
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
