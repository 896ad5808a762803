//! A student's row of logits against a teacher of which a part was kept: the statistics of the position.

use std::f64::consts::LN_2;

use pulp::Arch;

use super::{ShownDistribution, SparseDistribution, kept_share, log_ratio};
use crate::position::ranks::{RANKED, tau_b};
use crate::position::sums::{FindExtremes, SumExponentials};
use crate::position::vectors::Vectors;
use crate::position::{PositionError, UNIT_TEMPERATURE, check_row, inverse_temperature};

/// Rows are rounded up to a multiple of this, more than the lanes of any vector register.
const PADDING: usize = 64;
/// Head, rest of the 0.9 nucleus, everything beyond: the bands that a sparse distribution tells apart.
pub const SPARSE_BANDS: usize = 3;

/// Statistics of one position whose teacher p was kept in part, against a student q.
///
/// Natural logarithms; divergences in nats. `kl`, `jsd`, `overlap`, `floored_mass`, the bands and the curve are estimates
/// without bias of what [`PositionStats`](crate::PositionStats) has under the same names: a single one may lie outside the
/// range of what it estimates. What needs p of tokens that were not kept is not here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SparsePositionStats {
    /// Token that the text really continues with.
    pub target: u32,
    /// ln p(target); `None` where the target is neither in the head nor drawn.
    pub teacher_logprob: Option<f32>,
    /// ln q(target).
    pub student_logprob: f32,
    /// KL(p‖q), q floored at 1e−12.
    pub kl: f32,
    /// Jensen–Shannon divergence.
    pub jsd: f32,
    /// Σ min(p, q) = 1 − total variation.
    pub overlap: f32,
    /// H(p) in nats.
    pub teacher_entropy: f32,
    /// H(q) in nats.
    pub student_entropy: f32,
    /// Σ p over tokens whose q was floored.
    pub floored_mass: f32,
    /// Teacher's most probable token.
    pub teacher_top1: u32,
    /// Student's most probable token; ties go to the lowest id.
    pub student_top1: u32,
    /// p of the teacher's most probable token.
    pub teacher_top1_prob: f32,
    /// q of the student's most probable token.
    pub student_top1_prob: f32,
    /// Kendall's tau-b over the teacher's ten most probable tokens, in [−1, 1]; `None` where all are tied, or where the head
    /// has fewer and there is a tail.
    pub kendall_tau: Option<f32>,
    /// Σ p per band: top-1, rest of the 0.9 nucleus, everything beyond. Where the last of [`BANDS`](crate::BANDS) begins is
    /// not known.
    pub band_mass: [f32; SPARSE_BANDS],
    /// Σ min(p, q) per band.
    pub band_overlap: [f32; SPARSE_BANDS],
    /// Σ max(q − p, 0) per band.
    pub band_invented: [f32; SPARSE_BANDS],
    /// KL(p ‖ softmax(z_S·β)) at each β of [`INVERSE_TEMPERATURES`](crate::INVERSE_TEMPERATURES).
    pub kl_at: [f32; 9],
    /// d KL / dβ at each β.
    pub kl_slope_at: [f32; 9],
}

/// Why a sparse teacher and a row cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum SparseComparisonError {
    /// The row, the target or a token that was kept does not fit.
    #[error(transparent)]
    Position(#[from] PositionError),
    /// Nothing says what is in the tail.
    #[error("the teacher's distribution keeps nothing of a tail of mass {mass}: expected at least one draw from it")]
    NothingDrawn {
        /// Mass beyond the head.
        mass: f32,
    },
    /// No most probable token.
    #[error("the teacher's distribution has no head: expected at least its most probable token")]
    NoHead,
}

/// What is known of a teacher's distribution at one position, whoever kept it.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'a> {
    pub(super) head: &'a [u32],
    pub(super) head_logprobs: &'a [f32],
    pub(super) draws: &'a [u32],
    pub(super) draw_logprobs: &'a [f32],
    /// What of p each draw stands for; `None` where there is a tail and nothing was drawn from it.
    pub(super) each: Option<f64>,
    pub(super) tail_mass: f32,
    nucleus_head: u32,
    nucleus_draws: u32,
    entropy: f32,
}

impl<'a> From<&'a SparseDistribution> for Kept<'a> {
    fn from(d: &'a SparseDistribution) -> Self {
        let tail_mass = d.tail_mass[0];
        let each = match d.draws.len() {
            0 => (tail_mass <= 0.0).then_some(0.0),
            count => Some(f64::from(tail_mass) / count as f64),
        };
        Kept {
            head: &d.head,
            head_logprobs: &d.head_logprobs,
            draws: &d.draws,
            draw_logprobs: &d.draw_logprobs,
            each,
            tail_mass,
            nucleus_head: d.nucleus_head,
            nucleus_draws: d.nucleus_draws,
            entropy: d.entropy[0],
        }
    }
}

impl<'a> From<&'a ShownDistribution> for Kept<'a> {
    fn from(d: &'a ShownDistribution) -> Self {
        Kept {
            head: &d.head,
            head_logprobs: &d.head_logprobs,
            draws: &d.draws,
            draw_logprobs: &d.draw_logprobs,
            each: Some(1.0 / f64::from(d.drawn)),
            tail_mass: d.tail_mass,
            nucleus_head: d.nucleus,
            nucleus_draws: 0,
            entropy: d.entropy,
        }
    }
}

/// Compares sparse teachers with rows of one vocabulary, keeping scratch space between calls.
///
/// Every sum over the vocabulary is the sum over the head plus what the draws stand for, each for its share of the tail's mass,
/// or, where they were drawn from all of p, of 1 (those that fell into the head are known there): its expectation is what [`Comparer`](crate::Comparer) finds with both rows of logits, floor and temperatures included.
#[derive(Clone, Debug)]
pub struct SparseComparer {
    arch: Arch,
    vocab: usize,
    exponentials: [Vec<f32>; 2],
}

/// What the student's row says by itself.
struct Student<'a> {
    row: &'a [f32],
    largest: f32,
    /// ln Σ e^(βx) and Σ x·e^(βx) / Σ e^(βx) for every β of the grid, x = logit − largest.
    log_sum: [f64; 9],
    mean: [f64; 9],
}

impl Student<'_> {
    /// Logit less the largest; −∞ allowed.
    fn x(&self, token: u32) -> f64 {
        f64::from(self.row[token as usize]) - f64::from(self.largest)
    }

    fn log_prob(&self, token: u32) -> f64 {
        self.x(token) - self.log_sum[UNIT_TEMPERATURE]
    }
}

/// Sums over the vocabulary, estimated.
#[derive(Default)]
struct Sums {
    kl: f64,
    jsd: f64,
    floored: f64,
    /// Σ p·x over the tokens that are not floored.
    pull: f64,
    mass: [f64; SPARSE_BANDS],
    overlap: [f64; SPARSE_BANDS],
    /// Σ max(q − p, 0).
    invented: [f64; SPARSE_BANDS],
    /// Σ q over the nucleus and over the head.
    student_nucleus: f64,
    student_head: f64,
}

impl SparseComparer {
    /// Scratch space for rows of `vocab` logits.
    pub fn new(vocab: usize) -> Self {
        let padded = vec![0.0; vocab.next_multiple_of(PADDING)];
        Self { arch: Vectors::widest().arch(), vocab, exponentials: [padded.clone(), padded] }
    }

    /// The same with other vectors than the widest; the last digits depend on them.
    #[must_use]
    pub fn with_vectors(self, vectors: Vectors) -> Self {
        Self { arch: vectors.arch(), ..self }
    }

    /// Compares the teacher's distribution and the student's logits at one position whose text continues with `target`.
    ///
    /// # Errors
    /// When the row is not `vocab` long, `target` or a kept token is outside it, a logit is `NaN` or +∞, or all of them are
    /// −∞; when the tail has mass and nothing was drawn from it; when there is no head.
    pub fn compare<'t>(
        &mut self,
        teacher: impl Into<Kept<'t>>,
        student: &[f32],
        target: u32,
    ) -> Result<SparsePositionStats, SparseComparisonError> {
        let (teacher, vocab) = (teacher.into(), self.vocab);
        if student.len() != vocab {
            return Err(PositionError::Length { expected: vocab, teacher: vocab, student: student.len() }.into());
        }
        let kept = teacher.head.iter().chain(teacher.draws);
        if let Some(&target) = kept.chain([&target]).find(|&&token| token as usize >= vocab) {
            return Err(PositionError::Target { target, vocab }.into());
        }
        let each = teacher.each.ok_or(SparseComparisonError::NothingDrawn { mass: teacher.tail_mass })?;
        let top = teacher.head.first().zip(teacher.head_logprobs.first());
        let (&teacher_top1, teacher_top1_logprob) = top.ok_or(SparseComparisonError::NoHead)?;
        let student_top = check_row(student, "student")?;
        let student = self.student(student);
        let top = (teacher_top1, teacher_top1_logprob.exp());
        let estimated = sums(&teacher, each, &student);
        Ok(summarise(&teacher, &student, target, top, student_top, &estimated))
    }

    fn student<'a>(&mut self, row: &'a [f32]) -> Student<'a> {
        let largest = self.arch.dispatch(FindExtremes(row)).largest;
        let [teacher_exp, student_exp] = &mut self.exponentials;
        // The pass is made for two rows; the student stands for both.
        let (teacher, student, largest) = (row, row, [largest; 2]);
        let sums = self.arch.dispatch(SumExponentials { teacher, student, largest, teacher_exp, student_exp });
        Student {
            row,
            largest: largest[0],
            log_sum: sums.student.map(f64::ln),
            mean: std::array::from_fn(|k| sums.student_moment[k] / sums.student[k]),
        }
    }
}

fn sums(teacher: &Kept<'_>, each: f64, student: &Student<'_>) -> Sums {
    let mut s = Sums::default();
    for (rank, (&token, &log_p)) in teacher.head.iter().zip(teacher.head_logprobs).enumerate() {
        let (log_p, log_q) = (f64::from(log_p), student.log_prob(token));
        let (p, q) = (log_p.exp(), log_q.exp());
        let band = if rank == 0 { 0 } else { 1 + usize::from(rank >= teacher.nucleus_head as usize) };
        s.add(band, p, log_p, log_q, student.x(token));
        s.student_head += q;
        s.jsd += p * half_js(log_p, log_q) + 0.5 * LN_2 * q;
    }
    for (place, (&token, &log_p)) in teacher.draws.iter().zip(teacher.draw_logprobs).enumerate() {
        let (log_p, log_q) = (f64::from(log_p), student.log_prob(token));
        let band = 1 + usize::from(place >= teacher.nucleus_draws as usize);
        s.add(band, each, log_p, log_q, student.x(token));
        s.jsd += each * half_js(log_p, log_q);
    }
    // All of q is 1: what is beyond the head, and beyond the nucleus, need not be drawn.
    s.jsd += 0.5 * LN_2 * (1.0 - s.student_head);
    s.invented[2] = 1.0 - s.student_nucleus - s.overlap[2];
    s
}

impl Sums {
    /// Takes in a token that stands for `weight` of p.
    fn add(&mut self, band: usize, weight: f64, log_p: f64, log_q: f64, x: f64) {
        let d = log_ratio(log_p, log_q);
        self.kl += weight * d;
        if d < log_p - log_q {
            self.floored += weight;
        } else {
            self.pull += weight * x;
        }
        self.mass[band] += weight;
        self.overlap[band] += weight * kept_share(log_p, log_q);
        if band < 2 {
            let ratio = (log_q - log_p).exp();
            self.invented[band] += weight * (ratio - 1.0).max(0.0);
            self.student_nucleus += weight * ratio;
        }
    }
}

/// The token's term of the Jensen–Shannon divergence per unit of p, less ½ ln 2 · q/p.
///
/// With r = q/p the term is ½ ln(2/(1+r)) + ½ r ln(2r/(1+r)), which grows like r: averaged over draws from p it would vary
/// without bound. Less ½ ln 2 · r it falls like −½ ln r, and what was taken away sums to ½ ln 2 · Σ q, which is known.
pub(super) fn half_js(log_p: f64, log_q: f64) -> f64 {
    let log_r = log_q - log_p;
    if log_r == f64::NEG_INFINITY {
        return 0.5 * LN_2;
    }
    // ln(1 + e^x).
    let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
    0.5 * (LN_2 - softplus(log_r) - log_r.exp() * softplus(-log_r))
}

fn summarise(
    teacher: &Kept<'_>,
    student: &Student<'_>,
    target: u32,
    (teacher_top1, teacher_top1_prob): (u32, f32),
    student_top1: u32,
    sums: &Sums,
) -> SparsePositionStats {
    let unit = UNIT_TEMPERATURE;
    // KL(β) = KL(1) − (β − 1) Σ p·x + (1 − p(floored)) · (ln Z_β − ln Z_1), as for two rows of logits.
    let counted = 1.0 - sums.floored;
    let kl_at = |k: usize| {
        sums.kl + counted * (student.log_sum[k] - student.log_sum[unit]) - (inverse_temperature(k) - 1.0) * sums.pull
    };
    let bands = |bands: [f64; SPARSE_BANDS]| bands.map(|sum| sum as f32);
    let kept = teacher.head.iter().chain(teacher.draws).position(|&token| token == target);
    let logprobs = || teacher.head_logprobs.iter().chain(teacher.draw_logprobs);
    SparsePositionStats {
        target,
        teacher_logprob: kept.and_then(|place| logprobs().nth(place).copied()),
        student_logprob: student.log_prob(target) as f32,
        kl: sums.kl as f32,
        jsd: sums.jsd as f32,
        overlap: sums.overlap.iter().sum::<f64>() as f32,
        teacher_entropy: teacher.entropy,
        student_entropy: (student.log_sum[unit] - student.mean[unit]).max(0.0) as f32,
        floored_mass: sums.floored as f32,
        teacher_top1,
        student_top1,
        teacher_top1_prob,
        student_top1_prob: (-student.log_sum[unit]).exp() as f32,
        kendall_tau: kendall_tau(teacher, student),
        band_mass: bands(sums.mass),
        band_overlap: bands(sums.overlap),
        band_invented: bands(sums.invented),
        kl_at: std::array::from_fn(|k| kl_at(k) as f32),
        kl_slope_at: std::array::from_fn(|k| (counted * student.mean[k] - sums.pull) as f32),
    }
}

/// As for two rows of logits, with the order of the head for the teacher's: rounding ties log-probabilities that were not tied.
fn kendall_tau(teacher: &Kept<'_>, student: &Student<'_>) -> Option<f32> {
    if teacher.head.len() < RANKED && teacher.tail_mass > 0.0 {
        return None;
    }
    let pair = |(rank, &token): (usize, &u32)| (-(rank as f32), student.row[token as usize]);
    let pairs: Vec<_> = teacher.head.iter().take(RANKED).enumerate().map(pair).collect();
    Some(tau_b(&pairs)).filter(|tau| !tau.is_nan())
}
