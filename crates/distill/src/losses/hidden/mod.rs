//! Distances between hidden states: the residual stream behind a layer of the student, and behind one of the teacher. They
//! look inside of both models, where divergences see what comes out.
//!
//! Where the student is narrower, or wider, its state goes through a projector first: P s, P `[teacher's width, student's width]`,
//! learnt with the student and left behind when it is written (TinyBERT, Jiao et al. 2019, arXiv 1909.10351).

mod cosine;
mod mean_square;

use serde::{Deserialize, Serialize};

use crate::network::{Products, Sheet};

/// How far two states are apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateDistance {
    /// 1 − cos(s, t), from 0 to 2.
    Cosine,
    /// Mean of (s − t)² over the width, in squares of what the teacher's residual stream is counted in.
    MeanSquare,
}

/// What the states of one pair of layers cost, and what follows from it.
#[derive(Clone, Debug)]
pub struct Pulled {
    /// The distance of each row.
    pub distances: Vec<f64>,
    /// Gradient of Σ factor · distance by the student's states, before the projector.
    pub d_student: Sheet,
}

impl StateDistance {
    /// The distance of two states of one width, and its derivative by the student's.
    pub fn row(self, student: &[f32], teacher: &[f32], gradient: &mut [f64]) -> f64 {
        match self {
            Self::Cosine => cosine::row(student, teacher, gradient),
            Self::MeanSquare => mean_square::row(student, teacher, gradient),
        }
    }

    /// The distances of rows of states, each counted `factors` times, through a projector where there is one: its gradient is
    /// added to `d_projector`.
    #[must_use]
    pub fn rows(
        self,
        products: &Products,
        projector: Option<(&Vec<f32>, &mut [f32])>,
        (student, teacher): (&Sheet, &Sheet),
        factors: &[f64],
    ) -> Pulled {
        let width = teacher.columns;
        let projected = projector.as_ref().map(|(weights, _)| products.forward(student, *weights, None, width));
        let seen = projected.as_ref().unwrap_or(student);
        let mut d_seen = Sheet::zeros(seen.rows, width, width);
        let (mut distances, mut row_gradient) = (Vec::with_capacity(seen.rows), vec![0.0; width]);
        for (row, (&factor, out)) in factors.iter().zip(d_seen.values.chunks_exact_mut(width)).enumerate() {
            distances.push(self.row(seen.row(row), teacher.row(row), &mut row_gradient));
            out.iter_mut().zip(&row_gradient).for_each(|(out, g)| *out = (factor * g) as f32);
        }
        let d_student = match projector {
            None => d_seen,
            Some((weights, d_projector)) => {
                products.weights(&d_seen, student, d_projector);
                products.backward(&d_seen, weights, student.columns)
            }
        };
        Pulled { distances, d_student }
    }
}
