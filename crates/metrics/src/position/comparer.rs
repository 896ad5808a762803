//! Comparison of two rows of logits.

use std::collections::BTreeMap;

use pulp::Arch;

use super::nucleus::{Bracket, Nucleus};
use super::ranks::kendall_tau;
use super::sums::{DivergenceSums, ExponentialSums, Extremes, FindExtremes, Scale, SumDivergences, SumExponentials};
use super::vectors::Vectors;
use super::{PositionError, PositionStats, UNIT_TEMPERATURE, check_row, inverse_temperature};
use crate::compat::{Encoding, LEAST_LOG_PROB};

/// Rows are rounded up to a multiple of this, more than the lanes of any vector register.
const PADDING: usize = 64;

/// Compares rows of one vocabulary, keeping scratch space between calls.
///
/// The processor's widest vectors are found at run time, unless others are given: results are equal from call to call
/// with one width and differ in the last digits between widths.
///
/// A logit of −∞ is probability 0. Where the student gives a token less than 1e−12, ln p − ln q is capped at
/// ln p − ln 1e−12 (and likewise for the reverse direction), so every divergence is finite; `floored_mass` is the
/// teacher's mass on such tokens. At other temperatures (`kl_at`) the tokens floored at temperature 1 keep the
/// same cap, which leaves the curve convex and equal to `kl` at temperature 1.
/// Sums that rounding leaves below 0 are given as 0.
#[derive(Clone, Debug)]
pub struct Comparer {
    arch: Arch,
    vocab: usize,
    teacher_exp: Vec<f32>,
    student_exp: Vec<f32>,
    nucleus: Nucleus,
    /// Where the nuclei of the last teacher end.
    brackets: Option<[Bracket; 2]>,
}

/// The two most probable tokens, and the extremes of both rows.
struct Heads {
    extremes: [Extremes; 2],
    top: [usize; 2],
}

impl Comparer {
    /// Scratch space for rows of `vocab` logits.
    pub fn new(vocab: usize) -> Self {
        let padded = vocab.next_multiple_of(PADDING);
        Self {
            arch: Vectors::widest().arch(),
            vocab,
            teacher_exp: vec![0.0; padded],
            student_exp: vec![0.0; padded],
            nucleus: Nucleus::default(),
            brackets: None,
        }
    }

    /// The same with other vectors than the widest; the last digits depend on them.
    #[must_use]
    pub fn with_vectors(self, vectors: Vectors) -> Self {
        Self { arch: vectors.arch(), ..self }
    }

    /// Compares the teacher's and the student's logits at one position whose text continues with `target`.
    ///
    /// # Errors
    /// When a row is not `vocab` long, `target` is outside it, a logit is `NaN` or +∞, or all of them are −∞.
    pub fn compare(&mut self, teacher: &[f32], student: &[f32], target: u32) -> Result<PositionStats, PositionError> {
        let heads = self.check(teacher, student, target)?;
        let largest = heads.extremes.map(|extremes| extremes.largest);
        let exponentials = self.arch.dispatch(SumExponentials {
            teacher,
            student,
            largest,
            teacher_exp: &mut self.teacher_exp,
            student_exp: &mut self.student_exp,
        });
        let brackets = self.nucleus.find(self.arch, teacher, &self.teacher_exp, exponentials.teacher);
        self.brackets = Some(brackets);
        let encoding = Encoding::new(heads.extremes[0].smallest, largest[0], exponentials.teacher.ln() as f32);
        let scale = scale(&heads, &exponentials, &encoding, brackets);
        let divergences = self.arch.dispatch(SumDivergences {
            teacher,
            student,
            teacher_exp: &self.teacher_exp,
            student_exp: &self.student_exp,
            scale,
        });
        let mut stats = summarise([teacher, student], target, &heads, &exponentials, &divergences);
        self.fill_bands(&mut stats, heads.top[0], &scale, &divergences);
        fill_compat(&mut stats, [teacher, student], heads.top, &encoding, &scale);
        Ok(stats)
    }

    /// The bands of the last teacher's tokens that are not far from the end of a nucleus.
    pub(crate) fn settled_bands(&self) -> BTreeMap<usize, usize> {
        self.nucleus.settled().iter().copied().collect()
    }

    /// The band of a token of the last teacher, whose most probable token is `top`; `settled` as above.
    pub(crate) fn band(&self, token: usize, top: usize, settled: &BTreeMap<usize, usize>) -> usize {
        if token == top {
            return 0;
        }
        let above = |nucleus: usize| self.brackets.is_some_and(|ends| self.teacher_exp[token] >= ends[nucleus].high);
        let clear = || {
            if above(0) {
                1
            } else if above(1) {
                2
            } else {
                3
            }
        };
        settled.get(&token).copied().unwrap_or_else(clear)
    }

    /// Lengths, target, legal logits, and the most probable tokens.
    fn check(&self, teacher: &[f32], student: &[f32], target: u32) -> Result<Heads, PositionError> {
        if teacher.len() != self.vocab || student.len() != self.vocab {
            return Err(PositionError::Length { expected: self.vocab, teacher: teacher.len(), student: student.len() });
        }
        if target as usize >= self.vocab {
            return Err(PositionError::Target { target, vocab: self.vocab });
        }
        let look = |row, model| {
            let extremes = self.arch.dispatch(FindExtremes(row));
            // The slow check only says what is wrong.
            if !extremes.logits || extremes.largest == f32::NEG_INFINITY {
                check_row(row, model)?;
            }
            Ok((extremes, first_at_least(row, extremes.largest)))
        };
        let (teacher, teacher_top) = look(teacher, "teacher")?;
        let (student, student_top) = look(student, "student")?;
        Ok(Heads { extremes: [teacher, student], top: [teacher_top, student_top] })
    }

    /// Probabilities of one token under both models.
    fn probabilities(&self, token: usize, scale: &Scale) -> (f32, f32) {
        (self.teacher_exp[token] * scale.inverse_sum[0], self.student_exp[token] * scale.inverse_sum[1])
    }

    /// Mass, overlap and invention per band of the teacher's distribution.
    fn fill_bands(&self, stats: &mut PositionStats, top: usize, scale: &Scale, divergences: &DivergenceSums) {
        let [head, middle, tail] = divergences.regions;
        let mut bands = [[0.0; 3], head, middle, tail];
        let shares = |token: usize| {
            let (p, q) = self.probabilities(token, scale);
            [p, p.min(q), (q - p).max(0.0)].map(f64::from)
        };
        for &(token, band) in self.nucleus.settled() {
            for (sum, share) in bands[band].iter_mut().zip(shares(token)) {
                *sum += share;
            }
        }
        bands[0] = shares(top);
        // The head's sum includes the top token.
        let first = bands[0];
        for (rest, top) in bands[1].iter_mut().zip(first) {
            *rest = (*rest - top).max(0.0);
        }
        for (band, [mass, overlap, invented]) in bands.into_iter().enumerate() {
            stats.band_mass[band] = mass as f32;
            stats.band_overlap[band] = overlap as f32;
            stats.band_invented[band] = invented as f32;
        }
    }
}

/// First entry ≥ `value`; 0 when there is none.
fn first_at_least(row: &[f32], value: f32) -> usize {
    const CHUNK: usize = 256;
    let within = |chunk: &[f32]| chunk.iter().fold(f32::NEG_INFINITY, |most, &x| most.max(x)) >= value;
    row.chunks(CHUNK)
        .position(within)
        .and_then(|index| {
            let start = index * CHUNK;
            row[start..].iter().position(|&x| x >= value).map(|offset| start + offset)
        })
        .unwrap_or(0)
}

/// What turns exponentials and logits into probabilities, and the parameters of llama.cpp's encoding.
fn scale(heads: &Heads, sums: &ExponentialSums, encoding: &Encoding, brackets: [Bracket; 2]) -> Scale {
    let [teacher, student] = heads.extremes;
    let logs = [sums.teacher.ln(), sums.student[UNIT_TEMPERATURE].ln()];
    let wide = [f64::from(teacher.largest) + logs[0], f64::from(student.largest) + logs[1]];
    Scale {
        inverse_sum: [(1.0 / sums.teacher) as f32, (1.0 / sums.student[UNIT_TEMPERATURE]) as f32],
        // Rounded as llama.cpp rounds them.
        normaliser: [teacher.largest + logs[0] as f32, student.largest + logs[1] as f32],
        normaliser_difference: (wide[0] - wide[1]) as f32,
        student_largest: student.largest,
        brackets,
        encoded_smallest: encoding.smallest,
        encoded_per_step: encoding.per_step,
        encoded_step: encoding.step,
        encoded_min: encoding.min_log_prob,
    }
}

/// The statistics that need no nucleus.
fn summarise(
    [teacher, student]: [&[f32]; 2],
    target: u32,
    heads: &Heads,
    sums: &ExponentialSums,
    divergences: &DivergenceSums,
) -> PositionStats {
    let [teacher_top, student_top] = heads.top;
    let student_sum = sums.student[UNIT_TEMPERATURE];
    let logs = [sums.teacher.ln(), student_sum.ln()];
    let logprob = |row: &[f32], model: usize| {
        let log = f64::from(row[target as usize]) - f64::from(heads.extremes[model].largest);
        (log - logs[model]) as f32
    };
    let kl = divergences.kl.max(0.0);
    let (kl_at, kl_slope_at) = temperatures(kl, sums, divergences);
    PositionStats {
        target,
        teacher_logprob: logprob(teacher, 0),
        student_logprob: logprob(student, 1),
        kl: kl as f32,
        reverse_kl: divergences.reverse_kl.max(0.0) as f32,
        jsd: divergences.jsd.clamp(0.0, std::f64::consts::LN_2) as f32,
        overlap: (divergences.overlap.min(1.0)) as f32,
        teacher_entropy: (logs[0] - sums.teacher_moment / sums.teacher).max(0.0) as f32,
        student_entropy: (logs[1] - sums.student_moment[UNIT_TEMPERATURE] / student_sum).max(0.0) as f32,
        floored_mass: divergences.floored_mass.clamp(0.0, 1.0) as f32,
        teacher_top1: teacher_top as u32,
        student_top1: student_top as u32,
        teacher_top1_prob: (1.0 / sums.teacher) as f32,
        student_top1_prob: (1.0 / student_sum) as f32,
        kendall_tau: kendall_tau(teacher, student),
        band_mass: [0.0; 4],
        band_overlap: [0.0; 4],
        band_invented: [0.0; 4],
        kl_at,
        kl_slope_at,
        compat_nll_base: 0.0,
        compat_nll: 0.0,
        compat_kl: divergences.compat_kl as f32,
        compat_same_top: false,
    }
}

/// KL and its slope over the inverse temperature β.
///
/// With x the student's logits minus their largest, Z_β = Σ e^(βx) and F the floored tokens,
/// KL(β) = KL(1) − (β − 1) Σ_{not F} p·x + (1 − p(F)) · (ln Z_β − ln Z_1).
fn temperatures(kl: f64, sums: &ExponentialSums, divergences: &DivergenceSums) -> ([f32; 9], [f32; 9]) {
    let mean_at = |k: usize| sums.student_moment[k] / sums.student[k];
    let unit = mean_at(UNIT_TEMPERATURE);
    let teacher_mean = unit - divergences.slope;
    let counted = 1.0 - divergences.floored_mass;
    let (mut kl_at, mut kl_slope_at) = ([0.0; 9], [0.0; 9]);
    for k in 0..kl_at.len() {
        let change = counted * (sums.student[k] / sums.student[UNIT_TEMPERATURE]).ln()
            - (inverse_temperature(k) - 1.0) * teacher_mean;
        kl_at[k] = (kl + change).max(0.0) as f32;
        kl_slope_at[k] = (counted * mean_at(k) - teacher_mean) as f32;
    }
    (kl_at, kl_slope_at)
}

/// llama.cpp's terms that look at single tokens, in its f32 arithmetic.
fn fill_compat(
    stats: &mut PositionStats,
    [teacher, student]: [&[f32]; 2],
    [teacher_top, student_top]: [usize; 2],
    encoding: &Encoding,
    scale: &Scale,
) {
    let target = stats.target as usize;
    let normaliser = scale.normaliser[1];
    stats.compat_nll_base = -encoding.log_prob(teacher[target]);
    stats.compat_nll =
        if student[target] == f32::NEG_INFINITY { -LEAST_LOG_PROB } else { normaliser - student[target] };
    // A smaller logit can have the largest code, but only within a step of the largest logit.
    let best = encoding.code(teacher[teacher_top]);
    let near = teacher[teacher_top] - 2.0 * encoding.step;
    let encoded_top = teacher[..=teacher_top]
        .iter()
        .position(|&logit| logit >= near && encoding.code(logit) == best)
        .unwrap_or(teacher_top);
    stats.compat_same_top = encoded_top == student_top;
}
