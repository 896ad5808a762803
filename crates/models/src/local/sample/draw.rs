//! One token from one row of logits.

use hydrometer_answers::SamplingParameters;

use crate::ModelError;
use crate::instructions::vectors;
use crate::kernels::elementwise;

/// Tokens whose probabilities are summed together: the draw first finds its block, then the token in it.
const BLOCK: usize = 512;

/// A token that was drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Draw {
    /// The token.
    pub token: u32,
    /// ln p(token) in nats under the model's own distribution, whatever the sampling parameters.
    pub logprob: f32,
}

/// The random numbers of one answer: one for every token, whatever happens before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chance(u64);

impl Chance {
    /// The numbers of sample `sample` of the prompt that `key` names.
    pub(super) fn new(seed: u64, key: &str, sample: u32) -> Chance {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"hydrometer sample");
        hasher.update(&seed.to_le_bytes());
        hasher.update(&sample.to_le_bytes());
        hasher.update(key.as_bytes());
        let mut first = [0; 8];
        hasher.finalize_xof().fill(&mut first);
        Chance(u64::from_le_bytes(first))
    }

    /// A number in [0, 1) for token `index`: SplitMix64 (Steele, Lea and Flood 2014) at that place of its stream.
    pub(super) fn number(self, index: usize) -> f64 {
        let mut z = self.0.wrapping_add((index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Draws by inversion: the first token at which the summed probability exceeds `number`, in the order of ids.
pub(super) fn draw(row: &[f32], parameters: &SamplingParameters, number: f64) -> Result<Draw, ModelError> {
    let arch = vectors();
    let largest = elementwise::largest(arch, row);
    let sums = |factor: f32| elementwise::exp_sums(arch, row, BLOCK, largest, factor);
    let plain = sums(1.0);
    let normaliser = plain.iter().sum::<f64>().ln() + f64::from(largest);
    if !normaliser.is_finite() {
        let found = normaliser.to_string();
        return Err(ModelError::NotFinite { what: "ln Σ exp of the logits".to_owned(), index: 0, found });
    }
    let token = match restricted(row, largest, parameters) {
        Some(kept) => {
            let weights: Vec<_> = kept.iter().map(|&token| weight(row[token], largest, parameters)).collect();
            kept[invert(weights.iter().copied(), number * weights.iter().sum::<f64>())]
        }
        None => {
            let factor = (1.0 / parameters.temperature) as f32;
            let sums = if parameters.temperature == 1.0 { plain } else { sums(factor) };
            let mut rest = number * sums.iter().sum::<f64>();
            let mut block = 0;
            while rest >= sums[block] && sums[block + 1..].iter().any(|&sum| sum > 0.0) {
                rest -= sums[block];
                block += 1;
            }
            let start = block * BLOCK;
            let logits = &row[start..row.len().min(start + BLOCK)];
            let weights = logits.iter().map(|logit| f64::from(elementwise::exp((logit - largest) * factor)));
            start + invert(weights, rest)
        }
    };
    Ok(Draw { token: token as u32, logprob: (f64::from(row[token]) - normaliser) as f32 })
}

/// Weight of a token at the temperature asked for, relative to the largest.
fn weight(logit: f32, largest: f32, parameters: &SamplingParameters) -> f64 {
    (f64::from(logit - largest) / parameters.temperature).exp()
}

/// The tokens that may be drawn, in the order of ids; `None` for all.
fn restricted(row: &[f32], largest: f32, parameters: &SamplingParameters) -> Option<Vec<usize>> {
    if parameters.temperature == 0.0 {
        return Some(most_probable(row, 1));
    }
    if parameters.top_p >= 1.0 && parameters.top_k == 0 {
        return None;
    }
    let count = if parameters.top_k == 0 { row.len() } else { parameters.top_k as usize };
    let mut kept = most_probable(row, count);
    let weights = kept.iter().map(|&token| weight(row[token], largest, parameters));
    let all: f64 = weights.clone().sum();
    let mut sum = 0.0;
    let before = weights.take_while(|weight| {
        let goes_on = sum < parameters.top_p * all;
        sum += weight;
        goes_on
    });
    let nucleus = before.count();
    kept.truncate(nucleus.max(1));
    kept.sort_unstable();
    Some(kept)
}

/// The `count` tokens with the largest logits, largest first, ties by id.
fn most_probable(row: &[f32], count: usize) -> Vec<usize> {
    let order = |a: &usize, b: &usize| row[*b].total_cmp(&row[*a]).then(a.cmp(b));
    let mut tokens: Vec<usize> = (0..row.len()).collect();
    if count < tokens.len() {
        tokens.select_nth_unstable_by(count, order);
        tokens.truncate(count);
    }
    tokens.sort_unstable_by(order);
    tokens
}

/// The first index at which the summed weights exceed `wanted`, or the last with a weight; weights of 0 are never taken.
fn invert(weights: impl Iterator<Item = f64>, wanted: f64) -> usize {
    let (mut sum, mut last) = (0.0, 0);
    for (index, weight) in weights.enumerate().filter(|(_, weight)| *weight > 0.0) {
        sum += weight;
        last = index;
        if sum > wanted {
            break;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn parameters(temperature: f64, top_p: f64, top_k: u32) -> SamplingParameters {
        SamplingParameters { temperature, top_p, top_k, max_tokens: 1, stop: Vec::new(), seed: 0 }
    }

    fn shares(row: &[f32], parameters: &SamplingParameters) -> Vec<f64> {
        let mut counts = vec![0.0; row.len()];
        let draws = 20_000;
        for sample in 0..draws {
            let number = Chance::new(7, "key", sample).number(3);
            counts[draw(row, parameters, number).unwrap().token as usize] += 1.0 / f64::from(draws);
        }
        counts
    }

    fn softmax(row: &[f32], temperature: f64) -> Vec<f64> {
        let weights: Vec<f64> = row.iter().map(|&logit| (f64::from(logit) / temperature).exp()).collect();
        let sum: f64 = weights.iter().sum();
        weights.iter().map(|weight| weight / sum).collect()
    }

    #[test]
    fn draws_follow_the_distribution() {
        let row = [1.0, -2.0, f32::NEG_INFINITY, 0.5, 3.0];
        for temperature in [0.5, 1.0, 2.0] {
            let found = shares(&row, &parameters(temperature, 1.0, 0));
            for (found, expected) in found.iter().zip(softmax(&row, temperature)) {
                // Five standard errors of a share of 20,000 draws.
                assert!((found - expected).abs() < 5.0 * 0.5 / 20_000f64.sqrt(), "{found} {expected}");
            }
        }
    }

    #[test]
    fn the_draw_is_the_inversion_of_the_summed_distribution() {
        // Several blocks, the last one short, one without any mass.
        let row: Vec<f32> = (0..5 * BLOCK + 77)
            .map(|i| if i / BLOCK == 2 { f32::NEG_INFINITY } else { 3.0 * (i as f32 * 0.37).sin() })
            .collect();
        for temperature in [0.7, 1.0, 3.0] {
            let shares = softmax(&row, temperature);
            for step in 0..1000 {
                let number = f64::from(step) / 1000.0 + 0.000_37;
                let drawn = draw(&row, &parameters(temperature, 1.0, 0), number).unwrap().token as usize;
                let before: f64 = shares[..drawn].iter().sum();
                assert!(before <= number + 1e-6 && number <= before + shares[drawn] + 1e-6, "{temperature} {number}");
                assert!(shares[drawn] > 0.0);
            }
        }
        let end = draw(&row, &parameters(1.0, 1.0, 0), 1.0 - f64::EPSILON).unwrap().token as usize;
        assert!(end >= row.len() - 3, "{end}");
    }

    #[test]
    fn only_what_is_allowed_is_drawn() {
        let row = [2.0, 1.0, 0.0, -1.0];
        let all = softmax(&row, 1.0);
        let two = shares(&row, &parameters(1.0, 1.0, 2));
        assert_eq!(two[2..], [0.0, 0.0]);
        assert!((two[0] - all[0] / (all[0] + all[1])).abs() < 0.02);
        // 0.64 alone is not enough for 0.7, 0.64 + 0.24 is.
        assert_eq!(shares(&row, &parameters(1.0, 0.7, 0))[2..], [0.0, 0.0]);
        assert_eq!(shares(&row, &parameters(1.0, 0.6, 0))[1..], [0.0; 3]);
        assert_eq!(shares(&row, &parameters(0.0, 1.0, 0))[1..], [0.0; 3]);
    }

    #[test]
    fn what_is_said_of_a_draw_is_of_the_whole_distribution() {
        let row = [2.0, 1.0, 2.0, -1.0];
        let all = softmax(&row, 1.0);
        let drawn = draw(&row, &parameters(0.0, 1.0, 0), 0.9).unwrap();
        assert_eq!(drawn.token, 0);
        assert!((f64::from(drawn.logprob) - all[0].ln()).abs() < 1e-6);
    }

    #[test]
    fn a_row_without_a_distribution_is_an_error() {
        for row in [[f32::NAN, 0.0], [f32::INFINITY, 0.0], [f32::NEG_INFINITY; 2]] {
            assert!(draw(&row, &parameters(1.0, 1.0, 0), 0.5).is_err(), "{row:?}");
        }
    }

    #[test]
    fn numbers_of_other_samples_prompts_and_seeds_differ() {
        let of = |seed, key, sample, index| Chance::new(seed, key, sample).number(index);
        let all = [of(1, "a", 0, 0), of(2, "a", 0, 0), of(1, "b", 0, 0), of(1, "a", 1, 0), of(1, "a", 0, 1)];
        for (index, one) in all.iter().enumerate() {
            assert!((0.0..1.0).contains(one) && all[..index].iter().all(|other| other != one));
        }
    }
}
