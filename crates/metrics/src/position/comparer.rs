//! Comparison of two rows of logits.

use super::{INVERSE_TEMPERATURES, PositionError, PositionStats, check_row};
use crate::compat;

/// Log-probability that stands in for probability 0: ln 1e−12.
const FLOOR: f64 = -27.631_021_115_928_547;

/// Compares rows of one vocabulary, keeping scratch space between calls.
#[derive(Clone, Debug)]
pub struct Comparer {
    vocab: usize,
    codes: Vec<u16>,
}

fn log_softmax(row: &[f32], beta: f64) -> Vec<f64> {
    let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let scaled: Vec<f64> = row.iter().map(|&l| beta * (f64::from(l) - f64::from(top))).collect();
    let lse = scaled.iter().map(|l| l.exp()).sum::<f64>().ln();
    scaled.iter().map(|l| l - lse).collect()
}

impl Comparer {
    /// Scratch space for rows of `vocab` logits.
    pub fn new(vocab: usize) -> Self {
        Self { vocab, codes: Vec::with_capacity(vocab) }
    }

    /// Compares the teacher's and the student's logits at one position whose text continues with `target`.
    ///
    /// # Errors
    /// When a row is not `vocab` long, `target` is outside it, or a row is not a row of logits.
    pub fn compare(&mut self, teacher: &[f32], student: &[f32], target: u32) -> Result<PositionStats, PositionError> {
        if teacher.len() != self.vocab || student.len() != self.vocab {
            return Err(PositionError::Length { expected: self.vocab, teacher: teacher.len(), student: student.len() });
        }
        if target as usize >= self.vocab {
            return Err(PositionError::Target { target, vocab: self.vocab });
        }
        let teacher_top1 = check_row(teacher, "teacher")?;
        let student_top1 = check_row(student, "student")?;
        let lp = log_softmax(teacher, 1.0);
        let lq = log_softmax(student, 1.0);
        let capped = |a: f64, b: f64| {
            if a == f64::NEG_INFINITY {
                return 0.0;
            }
            (a - b).min((a - FLOOR).max(0.0))
        };
        let (mut kl, mut reverse, mut jsd, mut overlap) = (0.0, 0.0, 0.0, 0.0);
        let (mut hp, mut hq, mut floored) = (0.0, 0.0, 0.0);
        let xlogx = |lx: f64| if lx == f64::NEG_INFINITY { 0.0 } else { lx.exp() * lx };
        for (&a, &b) in lp.iter().zip(&lq) {
            let (p, q) = (a.exp(), b.exp());
            kl += p * capped(a, b);
            reverse += q * capped(b, a);
            let m = (0.5 * (p + q)).ln();
            if p > 0.0 {
                jsd += 0.5 * p * (a - m);
            }
            if q > 0.0 {
                jsd += 0.5 * q * (b - m);
            }
            overlap += p.min(q);
            hp -= xlogx(a);
            hq -= xlogx(b);
            if p > 0.0 && a - b > (a - FLOOR).max(0.0) {
                floored += p;
            }
        }
        let mut order: Vec<usize> = (0..self.vocab).collect();
        order.sort_by(|&i, &j| teacher[j].total_cmp(&teacher[i]).then(i.cmp(&j)));
        let (mut band_mass, mut band_overlap, mut band_invented) = ([0.0; 4], [0.0; 4], [0.0; 4]);
        let mut cumulative = 0.0;
        for (rank, &token) in order.iter().enumerate() {
            let band = match rank {
                0 => 0,
                _ if cumulative < 0.9 => 1,
                _ if cumulative < 0.99 => 2,
                _ => 3,
            };
            let (p, q) = (lp[token].exp(), lq[token].exp());
            cumulative += p;
            band_mass[band] += p as f32;
            band_overlap[band] += p.min(q) as f32;
            band_invented[band] += (q - p).max(0.0) as f32;
        }
        let (mut kl_at, mut kl_slope_at) = ([0.0; 9], [0.0; 9]);
        for (k, &beta) in INVERSE_TEMPERATURES.iter().enumerate() {
            let lb = log_softmax(student, f64::from(beta));
            let mut slope = 0.0;
            let mut value = 0.0;
            for i in 0..self.vocab {
                let z = f64::from(student[i] - student[student_top1 as usize]).max(-1e4);
                value += lp[i].exp() * capped(lp[i], lb[i]);
                slope += (lb[i].exp() - lp[i].exp()) * z;
            }
            kl_at[k] = value as f32;
            kl_slope_at[k] = slope as f32;
        }
        let compat = compat::token_from_rows(teacher, student, target, &mut self.codes)?;
        let place = target as usize;
        Ok(PositionStats {
            target,
            teacher_logprob: lp[place] as f32,
            student_logprob: lq[place] as f32,
            kl: kl as f32,
            reverse_kl: reverse as f32,
            jsd: jsd as f32,
            overlap: overlap as f32,
            teacher_entropy: hp as f32,
            student_entropy: hq as f32,
            floored_mass: floored as f32,
            teacher_top1,
            student_top1,
            teacher_top1_prob: lp[teacher_top1 as usize].exp() as f32,
            student_top1_prob: lq[student_top1 as usize].exp() as f32,
            kendall_tau: f32::NAN,
            band_mass,
            band_overlap,
            band_invented,
            kl_at,
            kl_slope_at,
            compat_nll_base: compat.nll_base,
            compat_nll: compat.nll,
            compat_kl: compat.kl,
            compat_same_top: compat.same_top,
        })
    }
}
