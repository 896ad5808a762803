//! From a row of logits to what is kept of it.

use pulp::{Arch, Simd, WithSimd};

use super::{SparseDistribution, TEMPERATURES};
use crate::position::lanes::{LOWEST_EXPONENT, Lanes};
use crate::position::nucleus::{key, token};
use crate::position::sums::{FindExtremes, MOST_ADDED};
use crate::position::vectors::Vectors;
use crate::position::{PositionError, check_row};

/// Entries between two emptyings of the f32 lanes, and between two steps of the search for a draw.
const BLOCK: usize = 1024;
/// More than the lanes of any vector register.
const WIDEST: usize = 64;
/// Mass of the nucleus beyond which the tail of "tail kept" begins.
const NUCLEUS: f64 = 0.9;

/// How much of a distribution is kept.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct Truncation {
    /// The head is the smallest set of most probable tokens with at least this mass, in [0, 1], …
    pub mass: f64,
    /// … but at least so many tokens …
    pub k_min: u32,
    /// … and at most so many.
    pub k_max: u32,
    /// Tokens drawn from the tail.
    pub draws: u32,
}

/// Truncates rows of logits, keeping scratch space between calls.
///
/// A token more than 70 nats below the most probable one counts as probability 0. As with
/// [`Comparer`](crate::Comparer), the last digits may differ between widths of vectors, and with them, rarely,
/// a draw.
#[derive(Clone, Debug)]
pub struct Truncater {
    arch: Arch,
    truncation: Truncation,
    /// e^(x/4) for x = logit − largest: its square and fourth power serve the lower temperatures. Zero past the row.
    quarters: Vec<f32>,
    keys: Vec<u64>,
    /// Mass of the tail up to the end of each block.
    blocks: Vec<f64>,
}

/// Σ w and Σ x·w at each temperature, for x = logit − largest and w = e^(x/τ).
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    weight: [f64; 3],
    moment: [f64; 3],
}

impl Truncater {
    /// Rows will be truncated like this.
    pub fn new(truncation: Truncation) -> Truncater {
        let (arch, quarters, keys, blocks) = (Vectors::widest().arch(), Vec::new(), Vec::new(), Vec::new());
        Truncater { arch, truncation, quarters, keys, blocks }
    }

    /// The same with other vectors than the widest; the last digits depend on them.
    #[must_use]
    pub fn with_vectors(self, vectors: Vectors) -> Self {
        Self { arch: vectors.arch(), ..self }
    }

    /// Keeps a part of the distribution that `row` gives. The draws are a function of the row and `seed` alone.
    ///
    /// # Errors
    /// A logit is `NaN` or +∞, or all of them are −∞.
    pub fn truncate(&mut self, row: &[f32], seed: u64) -> Result<SparseDistribution, PositionError> {
        let extremes = self.arch.dispatch(FindExtremes(row));
        let largest = extremes.largest;
        if !extremes.logits || largest == f32::NEG_INFINITY {
            // The slow check only says what is wrong.
            check_row(row, "teacher")?;
        }
        self.quarters.resize(row.len().next_multiple_of(WIDEST), 0.0);
        self.quarters[row.len()..].fill(0.0);
        let sums = self.arch.dispatch(Weigh { row, largest, quarters: &mut self.quarters });
        let total = sums.weight[0];
        let log_total = total.ln();

        self.select(row, largest, self.truncation.k_max.max(1) as usize);
        let reached = self.reach(self.truncation.mass * total);
        let k = reached.unwrap_or(self.keys.len()).max(self.truncation.k_min as usize).min(self.keys.len());
        let mut nucleus = self.reach(NUCLEUS * total).filter(|&n| n <= k);
        let head: Vec<u32> = self.keys[..k].iter().map(|&key| token(key) as u32).collect();
        // Before the head is taken out of the weights.
        let edge = match nucleus {
            Some(_) => None,
            None => self.edge(row, largest, NUCLEUS * total),
        };
        let tail = self.take_out(&head);
        let draws = self.draw(row, tail[0], seed);
        let nucleus_draws = edge.map_or(0, |edge| draws.iter().filter(|&&key| key <= edge).count());
        let nucleus_head = *nucleus.get_or_insert(k);

        let draws: Vec<u32> = draws.iter().map(|&key| token(key) as u32).collect();
        let logprob = |&token: &u32| (f64::from(row[token as usize] - largest) - log_total) as f32;
        let at = |f: fn(&Sums, usize, f64) -> f64| std::array::from_fn(|i| f(&sums, i, TEMPERATURES[i]) as f32);
        Ok(SparseDistribution {
            head_logprobs: head.iter().map(logprob).collect(),
            draw_logprobs: draws.iter().map(logprob).collect(),
            head,
            draws,
            // H = ln Σw − E[x]/τ.
            entropy: at(|s, i, tau| (s.weight[i].ln() - s.moment[i] / s.weight[i] / tau).max(0.0)),
            tail_mass: std::array::from_fn(|i| (tail[i] / sums.weight[i]) as f32),
            log_normaliser: at(|s, i, tau| s.weight[i].ln() - s.weight[0].ln() / tau),
            nucleus_head: nucleus_head as u32,
            nucleus_draws: nucleus_draws as u32,
        })
    }

    fn weight(&self, token: usize) -> f64 {
        f64::from(self.quarters[token]).powi(4)
    }

    /// Sorts the keys of the `count` most probable tokens of probability above 0 into `keys`.
    fn select(&mut self, row: &[f32], largest: f32, count: usize) {
        let keys = &mut self.keys;
        keys.clear();
        let mut lowest = largest + LOWEST_EXPONENT;
        for (token, &logit) in row.iter().enumerate() {
            if logit > lowest {
                keys.push(key(logit, token));
                if keys.len() >= 2 * count + WIDEST {
                    // A later token with the last one's logit comes after it: only greater ones are looked at from now on.
                    let (_, &mut last, _) = keys.select_nth_unstable(count - 1);
                    keys.truncate(count);
                    lowest = row[self::token(last)];
                }
            }
        }
        keys.sort_unstable();
        keys.truncate(count);
    }

    /// How many of the selected tokens have at least this mass together.
    fn reach(&self, mass: f64) -> Option<usize> {
        let mut sum = 0.0;
        let within = self.keys.iter().position(|&key| {
            sum += self.weight(token(key));
            sum >= mass
        });
        within.map(|last| last + 1)
    }

    /// The last key of the nucleus of this mass, which may lie beyond the selected ones: those are replaced then.
    fn edge(&mut self, row: &[f32], largest: f32, mass: f64) -> Option<u64> {
        let mut count = self.keys.len();
        loop {
            if let Some(reached) = self.reach(mass) {
                return Some(self.keys[reached - 1]);
            }
            if count >= row.len() {
                // Rounding: the whole row does not sum to its mass.
                return self.keys.last().copied();
            }
            count = (8 * count).max(WIDEST).min(row.len());
            self.select(row, largest, count);
        }
    }

    /// Takes the head out of the weights; what is left at each temperature.
    fn take_out(&mut self, head: &[u32]) -> [f64; 3] {
        for &token in head {
            self.quarters[token as usize] = 0.0;
        }
        let mut left = [0.0; 3];
        self.blocks.clear();
        for block in self.quarters.chunks(BLOCK) {
            let mut lanes = [[0.0f32; 16]; 3];
            for chunk in block.chunks_exact(16) {
                for (lane, &quarter) in chunk.iter().enumerate() {
                    let half = quarter * quarter;
                    lanes[0][lane] += half * half;
                    lanes[1][lane] += half;
                    lanes[2][lane] += quarter;
                }
            }
            for (left, lanes) in left.iter_mut().zip(lanes) {
                *left += lanes.iter().map(|&lane| f64::from(lane)).sum::<f64>();
            }
            self.blocks.push(left[0]);
        }
        left
    }

    /// Draws tokens from the weights that are left, by their keys, sorted.
    ///
    /// Stratified: draw i falls into the i-th of equal shares of the mass in the order of ids. Each share is drawn from in
    /// proportion to p, so the mean over the draws is unbiased, and it varies less than with independent draws (Owen,
    /// Monte Carlo theory, methods and examples, section 8.4).
    fn draw(&self, row: &[f32], mass: f64, seed: u64) -> Vec<u64> {
        let count = if mass > 0.0 { self.truncation.draws } else { 0 };
        let mut keys: Vec<u64> = (0..count)
            .filter_map(|i| {
                let wanted = mass * (f64::from(i) + uniform(seed, i)) / f64::from(count);
                self.at(wanted).map(|token| key(row[token], token))
            })
            .collect();
        keys.sort_unstable();
        keys
    }

    /// The token at which the weights that are left, summed in the order of ids, exceed `wanted`.
    fn at(&self, wanted: f64) -> Option<usize> {
        let block = self.blocks.partition_point(|&end| end <= wanted).min(self.blocks.len() - 1);
        let mut sum = if block == 0 { 0.0 } else { self.blocks[block - 1] };
        let mut last = None;
        let end = self.quarters.len().min((block + 1) * BLOCK);
        for token in block * BLOCK..end {
            let weight = self.weight(token);
            if weight > 0.0 {
                sum += weight;
                last = Some(token);
                if sum > wanted {
                    break;
                }
            }
        }
        // The lanes of a block round otherwise than this sum: then it is the block's last token.
        last
    }
}

/// Uniform in [0, 1): draw `index` of `seed` (SplitMix64, Steele, Lea and Flood, OOPSLA 2014).
fn uniform(seed: u64, index: u32) -> f64 {
    let mut z = seed.wrapping_add((u64::from(index) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ z >> 31) >> 11) as f64 / (1u64 << 53) as f64
}

/// Fills the quarters and sums weights and moments.
struct Weigh<'a> {
    row: &'a [f32],
    largest: f32,
    quarters: &'a mut [f32],
}

impl WithSimd for Weigh<'_> {
    type Output = Sums;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Sums {
        let mut sums = Sums::default();
        let (row, rest) = S::as_simd_f32s(self.row);
        let (quarters, last) = S::as_mut_simd_f32s(self.quarters).0.split_at_mut(row.len());
        let step = (BLOCK / S::F32_LANES).min(MOST_ADDED);
        for (row, quarters) in row.chunks(step).zip(quarters.chunks_mut(step)) {
            weigh_block(simd, row, quarters, self.largest, &mut sums);
        }
        if !rest.is_empty() {
            let mut lanes = [f32::NEG_INFINITY; WIDEST];
            lanes[..rest.len()].copy_from_slice(rest);
            weigh_block(simd, &S::as_simd_f32s(&lanes).0[..1], &mut last[..1], self.largest, &mut sums);
        }
        sums
    }
}

#[inline(always)]
fn weigh_block<S: Simd>(simd: S, row: &[S::f32s], quarters: &mut [S::f32s], largest: f32, sums: &mut Sums) {
    let [zero, lowest, quarter, largest] = [0.0, LOWEST_EXPONENT, 0.25, largest].map(|value| Lanes::splat(simd, value));
    let (mut weight, mut moment) = ([zero; 3], [zero; 3]);
    for (&logits, out) in row.iter().zip(quarters) {
        let x = (Lanes::new(simd, logits) - largest).max(lowest);
        let w4 = lowest.below(x, (x * quarter).exp(), zero);
        *out = w4.register();
        let w2 = w4 * w4;
        for (i, w) in [w2 * w2, w2, w4].into_iter().enumerate() {
            weight[i] = weight[i] + w;
            moment[i] = x.mul_add(w, moment[i]);
        }
    }
    for i in 0..3 {
        sums.weight[i] += f64::from(weight[i].sum());
        sums.moment[i] += f64::from(moment[i].sum());
    }
}
