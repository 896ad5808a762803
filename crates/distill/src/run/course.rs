//! What the measurements of an arm say so far: where it began, which step was best, and whether going on is of use.

use super::Measured;
use super::lines::Line;

/// The course of an arm.
#[derive(Debug, Default)]
pub(super) struct Course {
    /// What was measured before the first step.
    pub(super) start: Option<Measured>,
    best: Option<f64>,
    /// Measurements since the best one.
    since: u64,
    patience: Option<u64>,
}

impl Course {
    /// From the lines that are there.
    pub(super) fn of(lines: Vec<Line>, patience: Option<u64>) -> Course {
        let mut course = Course { patience, ..Course::default() };
        for line in lines {
            if let Some(found) = &line.held_out {
                course.took(line.step, found);
            }
        }
        course
    }

    /// Takes in a measurement; whether it is the best one.
    pub(super) fn took(&mut self, step: u64, found: &Measured) -> bool {
        if step == 0 {
            self.start = Some(found.clone());
        }
        // Of a teacher of whom only answers are there the cross-entropy is all that can fall.
        let kl = found.kl_divergence.as_ref().or(found.kl_lower_bound.as_ref());
        let found = kl.map_or(found.cross_entropy, |kl| kl.value);
        let better = self.best.is_none_or(|best| found < best);
        if better {
            (self.best, self.since) = (Some(found), 0);
        } else {
            self.since += 1;
        }
        better
    }

    /// Whether patience is at its end.
    pub(super) fn is_over(&self) -> bool {
        self.patience.is_some_and(|patience| self.since >= patience)
    }
}
