//! llama.cpp's numbers: its encoding, its per-token terms and its printed block.
#![allow(clippy::unwrap_used)]

use crate::support;

use hydrometer_metrics::compat::{
    CompatAccumulator, CompatToken, PlusMinus, decode, encode_row, token_from_encoded, token_from_rows,
};
use support::{compare, noisy, random, zipf_row};

#[test]
fn codes_decode_to_half_a_step() {
    let mut random = random(41);
    let row = zipf_row(1001, 1.2, &mut random);
    let mut codes = Vec::new();
    let (scale, min_log_prob) = encode_row(&row, &mut codes);
    let exact = support::log_softmax(&row, 1.0);
    let largest = exact.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    assert_eq!(codes.iter().max(), Some(&65535));
    for (&code, &log_p) in codes.iter().zip(&exact) {
        let found = f64::from(decode(code, scale, min_log_prob));
        let kept = log_p.max(largest - 16.0);
        assert!((found - kept).abs() <= 0.51 * f64::from(scale) + 4e-6, "{found} {kept}");
    }
}

#[test]
fn flat_and_truncated_rows_encode() {
    let mut codes = Vec::new();
    let (scale, min_log_prob) = encode_row(&[2.0; 4], &mut codes);
    assert_eq!((scale, codes.as_slice()), (0.0, [0; 4].as_slice()));
    assert!((min_log_prob + 4.0_f32.ln()).abs() < 1e-6);
    let (scale, _) = encode_row(&[0.0, f32::NEG_INFINITY, -20.0], &mut codes);
    assert_eq!(codes, [65535, 0, 0]);
    assert!((scale - 16.0 / 65535.0).abs() < 1e-9);
}

#[test]
fn terms_follow_the_definition() {
    let teacher = [2.0_f32, 1.0, 0.0, -30.0];
    let student = [1.0_f32, 1.5, f32::NEG_INFINITY, 0.0];
    let mut codes = Vec::new();
    let (scale, min) = encode_row(&teacher, &mut codes);
    let token = token_from_encoded(&codes, scale, min, &student, 1).unwrap();
    let norm = (1.0_f64.exp() + 1.5_f64.exp() + 1.0).ln();
    assert!((f64::from(token.nll) - (norm - 1.5)).abs() < 1e-6);
    let log_p = |k: usize| f64::from(decode(codes[k], scale, min));
    // The last token's code is 0, 16 nats below the largest and so below −16: dropped. The third is floored.
    let log_q = [1.0 - norm, 1.5 - norm, 1e-12_f64.ln()];
    let expected: f64 = (0..3).map(|k| log_p(k).exp() * (log_p(k) - log_q[k])).sum();
    assert!((f64::from(token.kl) - expected).abs() < 2e-6 * expected, "{} {expected}", token.kl);
    assert!((f64::from(token.nll_base) + log_p(1)).abs() < 1e-7);
    assert!(!token.same_top);
    let floored = token_from_encoded(&codes, scale, min, &student, 2).unwrap();
    assert!((f64::from(floored.nll) + 1e-12_f64.ln()).abs() < 1e-4);
    assert!(token_from_encoded(&codes, scale, min, &student, 4).is_err());
    assert!(token_from_encoded(&codes, scale, min, &student[1..], 0).is_err());
}

#[test]
fn the_comparer_computes_the_same_terms() {
    let mut random = random(42);
    let mut codes = Vec::new();
    // Sharp and flat rows, and one whose logits all lie within 16 nats, where code 0 counts.
    for (vocab, exponent) in [(3, 1.0), (64, 0.1), (257, 1.5), (5000, 3.0), (1003, 1.0)] {
        let teacher = zipf_row(vocab, exponent, &mut random);
        let mut student = noisy(&teacher, 0.5, &mut random);
        student[1] = f32::NEG_INFINITY;
        for target in [0, 1, 2] {
            let found = compare(&teacher, &student, target);
            let token = token_from_rows(&teacher, &student, target, &mut codes).unwrap();
            // One unit in the last place of the normaliser, which is an f32 near 15 as in llama.cpp; and sums in another
            // order, of terms of both signs: Σ |term| of a KL is below KL + 2.
            let allowed = support::rounding(vocab) as f32;
            let close = |a: f32, b: f32| (a - b).abs() <= allowed * (b.abs() + 2.0) + 2e-6;
            assert!(close(found.compat_nll, token.nll));
            assert!(close(found.compat_nll_base, token.nll_base));
            assert!(close(found.compat_kl, token.kl), "{} {}", found.compat_kl, token.kl);
            assert_eq!(found.compat_same_top, token.same_top);
        }
    }
}

#[test]
fn codes_tie_where_logits_do_not() {
    // Token 0 lies less than half a step below token 1, which the student prefers too.
    let teacher = [5.0 - 1e-5_f32, 5.0, -20.0];
    let student = [1.0_f32, 2.0, 0.0];
    let found = compare(&teacher, &student, 0);
    assert_eq!((found.teacher_top1, found.student_top1), (1, 1));
    assert!(!found.compat_same_top);
    // Equal codes: the lowest id is the most probable.
    let top = |student: &[f32]| token_from_encoded(&[7, 9, 9], 0.1, -1.5, student, 0).unwrap().same_top;
    assert!(top(&[0.0, 2.0, 1.0]) && !top(&[0.0, 1.0, 2.0]));
}

/// Tokens with known nll, nll_base and kl.
fn tokens(count: u32) -> Vec<CompatToken> {
    (0..count)
        .map(|k| CompatToken {
            nll_base: (k * 7 % 13) as f32 * 0.25,
            nll: (k * 5 % 11) as f32 * 0.5,
            kl: (k * 3 % 101) as f32 * 0.03125,
            same_top: k % 3 != 0,
        })
        .collect()
}

fn accumulate(tokens: &[CompatToken]) -> CompatAccumulator {
    let mut sums = CompatAccumulator::new();
    tokens.iter().for_each(|token| sums.update(token));
    sums
}

include!("reference/compat_values.rs");

#[test]
fn the_block_agrees_with_its_definitions() {
    // Reference: tests/reference/compat.py, the definitions of KL-COMPAT in numpy.
    let block = accumulate(&tokens(500)).finish(2, 512).unwrap();
    assert_eq!((block.tokens, block.chunks, block.n_ctx), (500, 2, 512));
    let pair = |value: PlusMinus| [value.value, value.error];
    let mut found = Vec::new();
    for value in [
        block.ppl_student,
        block.ppl_teacher,
        block.ln_ppl_ratio,
        block.ppl_ratio,
        block.ppl_difference,
        block.mean_kl,
        block.mean_delta_p,
        block.rms_delta_p,
        block.same_top,
    ] {
        found.extend(pair(value));
    }
    found.push(block.correlation);
    found.extend(block.kl_percentiles.iter().map(|point| point.value));
    found.extend(block.delta_p_percentiles.iter().map(|point| point.value));
    assert_eq!(found.len(), BLOCK.len());
    for (k, (found, expected)) in found.iter().zip(BLOCK).enumerate() {
        assert!((found - expected).abs() <= 1e-6 * expected.abs() + 1e-8, "{k}: {found} {expected}");
    }
}

#[test]
fn merging_is_adding_and_few_tokens_print_nothing() {
    let all = tokens(300);
    let mut merged = accumulate(&all[..120]);
    merged.merge(&accumulate(&all[120..]));
    let (merged, whole) = (merged.finish(1, 512).unwrap(), accumulate(&all).finish(1, 512).unwrap());
    assert!((merged.mean_kl.value - whole.mean_kl.value).abs() < 1e-12);
    assert_eq!(merged.kl_percentiles, whole.kl_percentiles);
    assert_eq!(merged.same_top, whole.same_top);
    assert_eq!(accumulate(&all[..99]).finish(1, 512), None);
}
