//! Sampled answers of two models, compared by one estimator: pair means of a kernel within each prompt.
//!
//! A kernel k(x, y) in [0, 1] says how much two answers to one prompt are the same: same class ([`same`]), same
//! decision, same style ([`crate::style::Scale::rbf`]). For models X and Y, C_XY is the mean of k over pairs of their answers
//! to one prompt, an answer never paired with itself (Gretton et al. 2012, A Kernel Two-Sample Test, eq. 3;
//! Gao et al., arXiv:2410.20247). [`crate::measure::answers`] sums what is here per family and divides the sums.

mod given;
mod once;
mod permutation;
mod rare;
mod truth;

pub use given::{Given, Placed};
pub use once::{Pair, d2_shares};
pub use permutation::{Pooled, permutation_p};
pub use rare::{RARE_ANSWERS, RARE_DRAWS, RARE_SHARE, RareAnswers};
pub use truth::{Graded, TruthCells};

/// Sampled answers to one prompt: class ids, feature vectors, or places in a kernel matrix.
///
/// "No answer" is a class of its own. Answers of one model must be exchangeable: drawn independently, in no order.
#[derive(Clone, Copy, Debug)]
pub struct Answers<'a, T> {
    /// The teacher's.
    pub teacher: &'a [T],
    /// The student's.
    pub student: &'a [T],
    /// A second, independent run of the teacher; empty when it was not asked again.
    pub rerun: &'a [T],
}

/// 1 when two answers have the same class, else 0.
pub fn same(x: &u32, y: &u32) -> f64 {
    f64::from(u8::from(x == y))
}

/// Mean of a symmetric kernel over pairs of different answers of one model; `None` with fewer than two.
pub fn within<T>(answers: &[T], kernel: &impl Fn(&T, &T) -> f64) -> Option<f64> {
    let count = answers.len() as f64;
    let pairs = answers.iter().enumerate().flat_map(|(i, x)| answers[..i].iter().map(move |y| kernel(x, y)));
    (answers.len() >= 2).then(|| 2.0 * pairs.sum::<f64>() / (count * (count - 1.0)))
}

/// Mean of a kernel over pairs of one answer of each model; `None` when either has none.
pub fn between<T>(xs: &[T], ys: &[T], kernel: &impl Fn(&T, &T) -> f64) -> Option<f64> {
    let pairs = xs.iter().flat_map(|x| ys.iter().map(move |y| kernel(x, y)));
    (!xs.is_empty() && !ys.is_empty()).then(|| pairs.sum::<f64>() / (xs.len() * ys.len()) as f64)
}

/// The same where answers carry the number of their draw, over pairs of different numbers: those of one number were drawn with the
/// same random numbers, and are not independent. `None` without a pair.
pub fn apart<T>(xs: &[(u32, T)], ys: &[(u32, T)], kernel: &impl Fn(&T, &T) -> f64) -> Option<f64> {
    let (mut sum, mut pairs) = (0.0, 0_usize);
    for (number, x) in xs {
        for (_, y) in ys.iter().filter(|(other, _)| other != number) {
            sum += kernel(x, y);
            pairs += 1;
        }
    }
    (pairs > 0).then(|| sum / pairs as f64)
}

/// D2 = C_XX + C_YY − 2 C_XY, the unbiased squared maximum mean discrepancy: expectation 0 when both models have one
/// distribution, so it can be negative. `None` unless each has two answers.
pub fn d2<T>(xs: &[T], ys: &[T], kernel: &impl Fn(&T, &T) -> f64) -> Option<f64> {
    Some(within(xs, kernel)? + within(ys, kernel)? - 2.0 * between(xs, ys, kernel)?)
}

/// The pair means of one prompt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairMeans {
    /// C_TS.
    pub teacher_student: f64,
    /// C_TT; `None` with fewer than two answers of the teacher.
    pub teacher: Option<f64>,
    /// C_SS; `None` with fewer than two answers of the student.
    pub student: Option<f64>,
    /// C_TT'; `None` without a rerun.
    pub teacher_rerun: Option<f64>,
}

impl PairMeans {
    /// The pair means of a symmetric kernel; `None` when the teacher or the student has no answer at all.
    ///
    /// For a kernel matrix let the answers be places in it and the kernel look them up. The same numbers for the
    /// teacher against itself are those with the rerun in the student's place.
    pub fn of<T>(answers: &Answers<'_, T>, kernel: impl Fn(&T, &T) -> f64) -> Option<Self> {
        Some(Self {
            teacher_student: between(answers.teacher, answers.student, &kernel)?,
            teacher: within(answers.teacher, &kernel),
            student: within(answers.student, &kernel),
            teacher_rerun: between(answers.teacher, answers.rerun, &kernel),
        })
    }

    /// The pair means of two runs whose answers of one number were drawn with the same random numbers: the first in the teacher's
    /// place. D2 of these is the mean of h(z_i, z_j) over pairs i ≠ j of z = (x, y) (Gretton et al. 2012, eq. 4): unbiased
    /// whatever x_i and y_i have in common, and 0 without any chance where both say the same.
    pub fn paired<T>(xs: &[(u32, T)], ys: &[(u32, T)], kernel: impl Fn(&T, &T) -> f64) -> Option<Self> {
        let plain = |x: &(u32, T), y: &(u32, T)| kernel(&x.1, &y.1);
        Some(Self {
            teacher_student: apart(xs, ys, &kernel)?,
            teacher: within(xs, &plain),
            student: within(ys, &plain),
            teacher_rerun: None,
        })
    }

    /// D2 of teacher and student; `None` unless both have two answers.
    pub fn d2(&self) -> Option<f64> {
        Some(self.teacher? + self.student? - 2.0 * self.teacher_student)
    }
}
