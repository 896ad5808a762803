//! A student that is shown in part, its most probable tokens and draws, against all of its teacher: the estimators of a sparse
//! teacher with the models exchanged, and what they then cannot say.

use std::collections::BTreeMap;
use std::f64::consts::LN_2;

use super::comparer::half_js;
use super::{Kept, SparseComparisonError, kept_share, log_ratio};
use crate::position::ranks::{tau_b, top};
use crate::position::sums::LEAST_LOG_PROB;
use crate::position::{Comparer, PositionError, Vectors};

/// Bands of the teacher's distribution: all of it is known, and so are all bands.
const BANDS: usize = crate::BANDS.len();

/// How far log-probabilities of 32 bits may leave a sum of probabilities from 1.
const ROUNDING: f64 = 1e-5;

/// Statistics of one position: all of the teacher's p, and of the student's q what its server shows.
///
/// Natural logarithms; divergences in nats. `reverse_kl`, `jsd`, `overlap`, `student_entropy` and the bands are estimates without bias
/// of what [`PositionStats`](crate::PositionStats) has under the same names: a single one may lie outside the range of what it estimates. What needs q of
/// tokens that are not listed, where p is not small, is not here: of KL(p‖q) there is a bound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShownStudentStats {
    /// Token that the text really continues with.
    pub target: u32,
    /// ln p(target).
    pub teacher_logprob: f32,
    /// ln q(target); `None` where the target is neither listed nor drawn.
    pub student_logprob: Option<f32>,
    /// KL(p‖q) with all tokens that are not listed as one cell: KL(p‖q) is at least that. Where all of p is on listed tokens it is
    /// KL(p‖q) itself.
    pub kl_at_least: f32,
    /// Σ p over tokens that are not listed.
    pub unlisted: f32,
    /// KL(q‖p), p floored at 1e−12.
    pub reverse_kl: f32,
    /// Jensen–Shannon divergence.
    pub jsd: f32,
    /// Σ min(p, q) = 1 − total variation.
    pub overlap: f32,
    /// H(p) in nats.
    pub teacher_entropy: f32,
    /// H(q) in nats.
    pub student_entropy: f32,
    /// Teacher's most probable token.
    pub teacher_top1: u32,
    /// Student's most probable token; ties go to the lowest id.
    pub student_top1: u32,
    /// p of the teacher's most probable token.
    pub teacher_top1_prob: f32,
    /// q of the student's most probable token.
    pub student_top1_prob: f32,
    /// Kendall's tau-b over the teacher's ten most probable tokens, in [−1, 1]; `None` where two of them or more are not listed, so
    /// that nobody knows their order, or where all are tied.
    pub kendall_tau: Option<f32>,
    /// Σ p per band ([`BANDS`](crate::BANDS)).
    pub band_mass: [f32; BANDS],
    /// Σ min(p, q) per band.
    pub band_overlap: [f32; BANDS],
    /// Σ max(q − p, 0) per band.
    pub band_invented: [f32; BANDS],
}

impl ShownStudentStats {
    /// KL(p‖q), where no token that p has is beyond the list.
    #[must_use]
    pub fn kl(&self) -> Option<f32> {
        (self.unlisted <= 0.0).then_some(self.kl_at_least)
    }
}

/// Compares rows of a teacher with what a student's server shows, keeping scratch space between calls.
#[derive(Clone, Debug)]
pub struct ShownStudentComparer {
    teacher: Comparer,
}

/// Sums over the vocabulary, estimated: what is listed counts with its q, a draw with its share of all draws.
#[derive(Default)]
struct Sums {
    reverse_kl: f64,
    jsd: f64,
    entropy: f64,
    student: [f64; BANDS],
    overlap: [f64; BANDS],
}

impl ShownStudentComparer {
    /// Scratch space for rows of `vocab` logits.
    pub fn new(vocab: usize) -> Self {
        Self { teacher: Comparer::new(vocab) }
    }

    /// The same with other vectors than the widest; the last digits depend on them.
    #[must_use]
    pub fn with_vectors(self, vectors: Vectors) -> Self {
        Self { teacher: self.teacher.with_vectors(vectors) }
    }

    /// Compares the teacher's logits and the student's distribution at one position whose text continues with `target`.
    ///
    /// # Errors
    /// As [`SparseComparer::compare`](super::SparseComparer::compare), with the models exchanged.
    pub fn compare<'s>(
        &mut self,
        teacher: &[f32],
        student: impl Into<Kept<'s>>,
        target: u32,
    ) -> Result<ShownStudentStats, SparseComparisonError> {
        let student = student.into();
        let alone = self.teacher.compare(teacher, teacher, target)?;
        let kept = student.head.iter().chain(student.draws);
        if let Some(&target) = kept.clone().find(|&&token| token as usize >= teacher.len()) {
            return Err(PositionError::Target { target, vocab: teacher.len() }.into());
        }
        let each = student.each.ok_or(SparseComparisonError::NothingDrawn { mass: student.tail_mass })?;
        let top = student.head.first().zip(student.head_logprobs.first());
        let (&student_top1, student_top1_logprob) = top.ok_or(SparseComparisonError::NoHead)?;
        // ln p of any token, from that of one.
        let normaliser = f64::from(teacher[alone.teacher_top1 as usize]) - f64::from(alone.teacher_top1_prob).ln();
        let log_p = |token: u32| f64::from(teacher[token as usize]) - normaliser;
        let settled = self.teacher.settled_bands();
        let band = |token: u32| self.teacher.band(token as usize, alone.teacher_top1 as usize, &settled);
        let mut sums = Sums::default();
        for (&token, &log_q) in student.head.iter().zip(student.head_logprobs) {
            let log_q = f64::from(log_q);
            sums.add(band(token), log_q.exp(), log_q, log_p(token));
        }
        for (&token, &log_q) in student.draws.iter().zip(student.draw_logprobs) {
            sums.add(band(token), each, f64::from(log_q), log_p(token));
        }
        let head: Vec<(f64, f64)> = student
            .head
            .iter()
            .zip(student.head_logprobs)
            .map(|(&token, &log_q)| (log_p(token), f64::from(log_q)))
            .collect();
        let listed: f64 = head.iter().map(|(log_p, _)| log_p.exp()).sum();
        let possible = |log_p: f64| log_p > f64::NEG_INFINITY;
        let all_listed = head.iter().filter(|(log_p, _)| possible(*log_p)).count()
            == teacher.iter().filter(|&&logit| possible(logit.into())).count();
        // Rounding leaves a little of 1 even where nothing is left.
        let unlisted = if all_listed { 0.0 } else { (1.0 - listed).max(f64::from(f32::MIN_POSITIVE)) };
        let of_target = kept.clone().position(|&token| token == target);
        let logprobs = || student.head_logprobs.iter().chain(student.draw_logprobs);
        let bands = |bands: [f64; BANDS]| bands.map(|sum| sum as f32);
        Ok(ShownStudentStats {
            target,
            teacher_logprob: alone.teacher_logprob,
            student_logprob: of_target.and_then(|place| logprobs().nth(place).copied()),
            kl_at_least: kl_at_least(&head, unlisted, teacher.len() - head.len()) as f32,
            unlisted: unlisted as f32,
            reverse_kl: sums.reverse_kl as f32,
            // Half of ln 2 · p, taken off every term, sums to this.
            jsd: (sums.jsd + 0.5 * LN_2) as f32,
            overlap: sums.overlap.iter().sum::<f64>() as f32,
            teacher_entropy: alone.teacher_entropy,
            student_entropy: sums.entropy as f32,
            teacher_top1: alone.teacher_top1,
            student_top1,
            teacher_top1_prob: alone.teacher_top1_prob,
            student_top1_prob: student_top1_logprob.exp(),
            kendall_tau: kendall_tau(teacher, &student),
            band_mass: alone.band_mass,
            band_overlap: bands(sums.overlap),
            band_invented: bands(std::array::from_fn(|band| sums.student[band] - sums.overlap[band])),
        })
    }
}

impl Sums {
    /// Takes in a token that stands for `weight` of q.
    fn add(&mut self, band: usize, weight: f64, log_q: f64, log_p: f64) {
        self.reverse_kl += weight * log_ratio(log_q, log_p);
        self.jsd += weight * half_js(log_q, log_p);
        self.entropy -= weight * log_q;
        self.student[band] += weight;
        self.overlap[band] += weight * kept_share(log_q, log_p);
    }
}

/// KL(p‖q) of the listed tokens, and of `others` that are not listed, p of which is `unlisted`, as one cell: by the log-sum inequality
/// at most the KL of all. The cell has at most what the list leaves of 1, what rounding may have taken from it, and 1e−12 for each
/// token whose q is floored.
fn kl_at_least(listed: &[(f64, f64)], unlisted: f64, others: usize) -> f64 {
    let possible = listed.iter().filter(|(log_p, _)| *log_p > f64::NEG_INFINITY);
    let exact: f64 = possible.map(|&(log_p, log_q)| log_p.exp() * log_ratio(log_p, log_q)).sum();
    if unlisted <= 0.0 {
        return exact;
    }
    let left = 1.0 - listed.iter().map(|(_, log_q)| log_q.exp()).sum::<f64>();
    let cell = left.max(0.0) + ROUNDING + others as f64 * f64::from(LEAST_LOG_PROB).exp();
    exact + unlisted * (unlisted.ln() - cell.ln())
}

/// As for two rows of logits: a token that is not listed stands behind all that are.
fn kendall_tau(teacher: &[f32], student: &Kept<'_>) -> Option<f32> {
    let (tokens, count) = top(teacher);
    let listed: BTreeMap<u32, f32> = student.head.iter().copied().zip(student.head_logprobs.iter().copied()).collect();
    let of = |token: usize| listed.get(&(token as u32)).copied();
    let tokens = &tokens[..count];
    if tokens.iter().filter(|&&token| of(token).is_none()).count() > 1 {
        return None;
    }
    let pairs: Vec<_> = tokens.iter().map(|&token| (teacher[token], of(token).unwrap_or(f32::NEG_INFINITY))).collect();
    Some(tau_b(&pairs)).filter(|tau| !tau.is_nan())
}
