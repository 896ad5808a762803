//! One row: 16-bit encoding of the teacher's log-probabilities, and one token's terms against the student.
//!
//! Arithmetic is in f32 where llama.cpp's is, so that equal logits give equal numbers.

use crate::position::{PositionError, check_row};

/// Log-probabilities below this are not encoded: the row keeps 16 nats below the largest logit.
const ENCODED_RANGE: f32 = 16.0;
/// Teacher's log-probabilities at or below this do not enter the divergence.
const DROPPED: f32 = -16.0;
/// A student's −∞ logit stands for this log-probability, ln 1e−12: llama.cpp would print an infinite mean.
pub const FLOOR_LOGPROB: f32 = -27.631_021;

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
    encode_with(row, largest, log_sum, codes)
}

/// [`encode_row`] with the two reductions known.
pub(crate) fn encode_with(row: &[f32], largest: f32, log_sum: f32, codes: &mut Vec<u16>) -> (f32, f32) {
    let smallest = row.iter().copied().fold(f32::INFINITY, f32::min);
    let smallest = smallest.max(largest - ENCODED_RANGE);
    let min_log_prob = smallest - largest - log_sum;
    let scale = (largest - smallest) / 65535.0;
    codes.clear();
    if scale == 0.0 {
        codes.resize(row.len(), 0);
    } else {
        let per_step = 1.0 / scale;
        codes.extend(
            row.iter().map(
                |&logit| {
                    if logit > smallest { (per_step * (logit - smallest)).round_ties_even() as u16 } else { 0 }
                },
            ),
        );
    }
    (scale, min_log_prob)
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
    let lowest = normaliser + FLOOR_LOGPROB;
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
