//! One row: 16-bit encoding of the teacher's log-probabilities, and one token's terms against the student.
//!
//! Arithmetic is in f32 where llama.cpp's is, so that equal logits give equal numbers.

use crate::position::{PositionError, check_row};

/// Log-probabilities below this are not encoded: the row keeps 16 nats below the largest logit.
const ENCODED_RANGE: f32 = 16.0;
/// Teacher's log-probabilities at or below this do not enter the divergence.
pub const DROPPED: f32 = -16.0;
/// A student's −∞ logit stands for this log-probability, ln 1e−12: llama.cpp would print an infinite mean.
pub const LEAST_LOG_PROB: f32 = crate::position::sums::LEAST_LOG_PROB;

/// One token's terms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CompatToken {
    /// −ln p(target) from the encoded row.
    pub nll_base: f32,
    /// −ln q(target).
    pub nll: f32,
    /// KL of the encoded row against the student; may be slightly negative.
    pub kl: f32,
    /// The most probable token of the encoded row is the student's.
    pub same_top: bool,
}

/// Largest logit and ln Σ exp(l − largest), the sum in f64.
fn log_sum_exp(row: &[f32]) -> (f32, f32) {
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = row.iter().map(|l| f64::from((l - largest).exp())).sum();
    (largest, sum.ln() as f32)
}

/// Encodes a row of logits as llama.cpp's base files do: `codes` is replaced by one 16-bit code per entry.
///
/// Returns (scale, min_log_prob), from which [`decode`] gives a log-probability back. Entries 16 nats or more
/// below the largest (−∞ among them) all get code 0. The row must have a finite largest entry and no `NaN`: see
/// [`check_row`].
pub fn encode_row(row: &[f32], codes: &mut Vec<u16>) -> (f32, f32) {
    let (largest, log_sum) = log_sum_exp(row);
    let smallest = row.iter().copied().fold(f32::INFINITY, f32::min);
    let encoding = Encoding::new(smallest, largest, log_sum);
    codes.clear();
    codes.extend(row.iter().map(|&logit| encoding.code(logit)));
    (encoding.step, encoding.min_log_prob)
}

/// How one row is encoded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Encoding {
    /// Logit of code 0.
    pub smallest: f32,
    /// Logits per code.
    pub step: f32,
    /// Codes per logit; 0 when every logit is the same, and every code 0.
    pub per_step: f32,
    /// Log-probability of code 0.
    pub min_log_prob: f32,
}

impl Encoding {
    /// From the extremes of a row and ln Σ exp(l − largest).
    pub fn new(smallest: f32, largest: f32, log_sum: f32) -> Self {
        let smallest = smallest.max(largest - ENCODED_RANGE);
        let step = (largest - smallest) / 65535.0;
        Self {
            smallest,
            step,
            per_step: if step == 0.0 { 0.0 } else { 1.0 / step },
            min_log_prob: smallest - largest - log_sum,
        }
    }

    /// Code of a logit: the nearest step, ties to even.
    pub fn code(&self, logit: f32) -> u16 {
        if logit > self.smallest { (self.per_step * (logit - self.smallest)).round_ties_even() as u16 } else { 0 }
    }

    /// Log-probability that comes back for a logit.
    pub fn log_prob(&self, logit: f32) -> f32 {
        decode(self.code(logit), self.step, self.min_log_prob)
    }
}

/// Log-probability of a code.
pub fn decode(code: u16, scale: f32, min_log_prob: f32) -> f32 {
    scale * f32::from(code) + min_log_prob
}

/// One token's terms from an encoded teacher row and the student's logits.
///
/// # Errors
/// When the two rows differ in length, `target` is outside them, or the student's row is not a row of logits.
pub fn token_from_encoded(
    codes: &[u16],
    scale: f32,
    min_log_prob: f32,
    student: &[f32],
    target: u32,
) -> Result<CompatToken, PositionError> {
    if codes.len() != student.len() {
        return Err(PositionError::Length { expected: codes.len(), teacher: codes.len(), student: student.len() });
    }
    let place = target as usize;
    if place >= student.len() {
        return Err(PositionError::Target { target, vocab: student.len() });
    }
    let top = check_row(student, "student")?;
    let (largest, log_sum) = log_sum_exp(student);
    let normaliser = largest + log_sum;
    let lowest = normaliser + LEAST_LOG_PROB;
    let logit = |l: f32| if l == f32::NEG_INFINITY { lowest } else { l };

    let (mut kl, mut best_code, mut base_top) = (0.0_f64, None, 0);
    for (token, (&code, &l)) in codes.iter().zip(student).enumerate() {
        // Decoding is monotone, so the largest code is the most probable token.
        if best_code.is_none_or(|best| code > best) {
            best_code = Some(code);
            base_top = token;
        }
        let log_p = decode(code, scale, min_log_prob);
        if log_p > DROPPED {
            kl += f64::from(log_p.exp() * (log_p - logit(l) + normaliser));
        }
    }
    Ok(CompatToken {
        nll_base: -decode(codes[place], scale, min_log_prob),
        nll: normaliser - logit(student[place]),
        kl: kl as f32,
        same_top: base_top == top as usize,
    })
}

/// One token's terms from both rows of logits: the teacher's is encoded into `codes` first.
///
/// # Errors
/// As [`token_from_encoded`], for either row.
pub fn token_from_rows(
    teacher: &[f32],
    student: &[f32],
    target: u32,
    codes: &mut Vec<u16>,
) -> Result<CompatToken, PositionError> {
    check_row(teacher, "teacher")?;
    let (scale, min_log_prob) = encode_row(teacher, codes);
    token_from_encoded(codes, scale, min_log_prob, student, target)
}
