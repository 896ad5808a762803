//! The teacher's nuclei: the smallest sets of its most probable tokens with mass ≥ 0.9 and ≥ 0.99.
//!
//! Order and ties are exact. Masses are sums of f32 exponentials, right to about eight digits: where a nucleus ends
//! among tokens of probability below 1e−7, it may end one token earlier or later than with exact arithmetic.

/// Mass of the inner nucleus.
const INNER: f64 = 0.9;
/// Mass of the outer nucleus.
const OUTER: f64 = 0.99;
/// Few enough keys to sort rather than to split further.
const SORTED: usize = 32;
/// Entries looked at together.
const CHUNK: usize = 64;

/// Scratch space: tokens ordered by falling logit, ties by rising id.
#[derive(Clone, Debug, Default)]
pub struct Nucleus {
    keys: Vec<u64>,
    inner: usize,
    outer: usize,
    threshold: f32,
}

/// Sorts by falling logit, then by rising id.
#[inline(always)]
fn key(logit: f32, token: usize) -> u64 {
    // Adding 0 makes −0 equal to 0.
    let bits = (logit + 0.0).to_bits();
    let rising = if bits >> 31 == 0 { bits | 1 << 31 } else { !bits };
    u64::from(!rising) << 32 | token as u64
}

/// The token of a key.
#[inline(always)]
fn token(key: u64) -> usize {
    (key & u64::from(u32::MAX)) as usize
}

impl Nucleus {
    /// Finds both nuclei. `exps` holds e^(logit − largest) (and zeros beyond the row), `sum` their sum.
    pub fn find(&mut self, logits: &[f32], exps: &[f32], sum: f64) {
        let floor = threshold(exps, OUTER * sum);
        self.threshold = floor;
        self.keys.clear();
        let chunks = logits.chunks(CHUNK).zip(exps.chunks(CHUNK));
        for (index, (logits, exps)) in chunks.enumerate() {
            if exps.iter().fold(0.0_f32, |most, &e| most.max(e)) < floor {
                continue;
            }
            for (offset, (&logit, &e)) in logits.iter().zip(exps).enumerate() {
                if e >= floor {
                    self.keys.push(key(logit, index * CHUNK + offset));
                }
            }
        }
        self.outer = split(&mut self.keys, exps, OUTER * sum);
        self.inner = split(&mut self.keys[..self.outer], exps, INNER * sum);
    }

    /// Tokens of the 0.9 nucleus, in no order.
    pub fn inner(&self) -> impl Iterator<Item = usize> {
        self.keys[..self.inner].iter().map(|&key| token(key))
    }

    /// Tokens of the 0.99 nucleus that are not in the 0.9 nucleus, in no order.
    pub fn between(&self) -> impl Iterator<Item = usize> {
        self.keys[self.inner..self.outer].iter().map(|&key| token(key))
    }

    /// Candidates that are in neither, in no order.
    pub fn outside(&self) -> impl Iterator<Item = usize> {
        self.keys[self.outer..].iter().map(|&key| token(key))
    }

    /// Exponential at or above which every token is a candidate and below which none is.
    pub fn threshold(&self) -> f32 {
        self.threshold
    }
}

/// A threshold such that the exponentials at or above it certainly add up to `mass`, and not many more do.
fn threshold(exps: &[f32], mass: f64) -> f32 {
    /// e^x of the largest token is 1; each step lowers the threshold eightfold.
    const STEPS: usize = 8;
    let levels: [f32; STEPS] = std::array::from_fn(|k| (-3.0 * (k as f32 + 1.0)).exp2());
    let mut sums = [0.0_f64; STEPS];
    for block in exps.chunks(4096) {
        let mut partial = [[0.0_f32; 16]; STEPS];
        for chunk in block.chunks_exact(16) {
            for (partial, &level) in partial.iter_mut().zip(&levels) {
                for (sum, &e) in partial.iter_mut().zip(chunk) {
                    *sum += if e >= level { e } else { 0.0 };
                }
            }
        }
        for (sum, partial) in sums.iter_mut().zip(&partial) {
            *sum += partial.iter().map(|&p| f64::from(p)).sum::<f64>();
        }
    }
    // A little more than needed, because these sums and `mass` are rounded differently.
    let enough = mass * (1.0 + 1e-6);
    levels.iter().zip(&sums).find(|(_, sum)| **sum >= enough).map_or(f32::MIN_POSITIVE, |(&level, _)| level)
}

/// Orders `keys` so that the first n of them, the result, are the smallest set of largest logits whose exponentials
/// add up to `mass`: quickselect, without sorting the rest.
fn split(keys: &mut [u64], exps: &[f32], mass: f64) -> usize {
    let exp = |key: u64| f64::from(exps[token(key)]);
    let (mut low, mut high, mut before) = (0, keys.len(), 0.0);
    while high - low > SORTED {
        let middle = (high - low) / 2;
        let range = &mut keys[low..high];
        range.select_nth_unstable(middle);
        let half: f64 = range[..middle].iter().map(|&key| exp(key)).sum();
        if before + half >= mass {
            high = low + middle;
        } else {
            before += half;
            low += middle;
        }
    }
    keys[low..high].sort_unstable();
    for place in low..high {
        before += exp(keys[place]);
        if before >= mass {
            return place + 1;
        }
    }
    high
}
