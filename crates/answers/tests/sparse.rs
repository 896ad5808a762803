//! Records of sparse distributions: what rounding does, what damage does, and files of them.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::fs;
use std::path::Path;

use hydrometer_answers::RunError;
use hydrometer_answers::cache::{DistributionReader, DistributionWriter, SequenceKey, SequenceRecords};
use hydrometer_answers::sparse::{Codec, SparseError};
use hydrometer_metrics::sparse::{SparseDistribution, Truncation};
use proptest::prelude::*;

const VOCAB: u32 = 500;

fn codec() -> Codec {
    Codec::of_logits(VOCAB, Truncation { mass: 0.95, k_min: 4, k_max: 24, draws: 6 })
}

/// A deterministic stream of numbers.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

/// Logits of a noisy Zipf law in an order that depends on `seed`; `sharpness` 0 is flat.
fn row(seed: u64, sharpness: f32) -> Vec<f32> {
    let mut state = seed;
    (0..VOCAB).map(|_| -sharpness * ((next(&mut state) % 100_000) as f32 / 100.0 + 1.0).ln()).collect()
}

fn record(row: &[f32], seed: u64) -> (SparseDistribution, Vec<u8>) {
    let mut bytes = Vec::new();
    let exact = codec().encoder().unwrap().encode(row, seed, &mut bytes).unwrap();
    (exact, bytes)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn decoding_gives_what_was_kept_within_a_step(seed in any::<u64>(), sharpness in 0.0f32..8.0) {
        let (exact, bytes) = record(&row(seed, sharpness), seed);
        let found = codec().decode(&bytes).unwrap();
        prop_assert_eq!((&found.head, &found.draws), (&exact.head, &exact.draws));
        prop_assert_eq!((found.nucleus_head, found.nucleus_draws), (exact.nucleus_head, exact.nucleus_draws));
        let near = |a: &[f32], b: &[f32], most: f32| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= most);
        // Half a step of 1/256, and in the head the shift that gives it its mass back.
        prop_assert!(near(&found.draw_logprobs, &exact.draw_logprobs, 0.00196));
        prop_assert!(near(&found.head_logprobs, &exact.head_logprobs, 0.0042));
        prop_assert!(near(&found.entropy, &exact.entropy, 0.00013));
        prop_assert!(near(&found.log_normaliser, &exact.log_normaliser, 0.00013));
        for (found, exact) in found.tail_mass.iter().zip(exact.tail_mass) {
            prop_assert!((found - exact).abs() <= 0.00013 * exact + 1.2e-7);
        }
        let head: f64 = found.head_logprobs.iter().map(|l| f64::from(*l).exp()).sum();
        if found.tail_mass[0] <= 0.5 {
            prop_assert!((head + f64::from(found.tail_mass[0]) - 1.0).abs() < 1e-5);
        }
    }

    #[test]
    fn estimates_move_little_by_rounding(seed in any::<u64>(), sharpness in 0.5f32..8.0) {
        let (exact, bytes) = record(&row(seed, sharpness), seed);
        let found = codec().decode(&bytes).unwrap();
        let student = row(seed ^ 1, sharpness);
        let most = student.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let total: f64 = student.iter().map(|l| f64::from(l - most).exp()).sum();
        let log_q = |token: u32| f64::from(student[token as usize] - most) - total.ln();
        let (a, b) = (found.compare(log_q), exact.compare(log_q));
        // |Σ p̂ (ln p̂ − ln q) − Σ p (ln p − ln q)| ≤ step · (1 + KL's size).
        let scale = 1.0 + b.kl.unwrap().abs();
        prop_assert!((a.kl.unwrap() - b.kl.unwrap()).abs() <= 0.006 * scale, "{a:?} {b:?}");
        prop_assert!((a.overlap.unwrap() - b.overlap.unwrap()).abs() <= 0.005);
    }

    #[test]
    fn no_damage_makes_the_decoder_panic(seed in any::<u64>(), sharpness in 0.0f32..8.0, cut in 0usize..200, flips in prop::collection::vec((0usize..200, any::<u8>()), 0..4)) {
        let (_, whole) = record(&row(seed, sharpness), seed);
        let mut bytes = whole.clone();
        for (at, value) in flips {
            let length = bytes.len();
            bytes[at % length] = value;
        }
        if let Ok(found) = codec().decode(&bytes) {
            prop_assert!(found.head.len() <= 24 && found.draws.len() <= 6);
            prop_assert!(found.head.iter().chain(&found.draws).all(|token| *token < VOCAB));
            prop_assert!(found.head_logprobs.iter().chain(&found.draw_logprobs).all(|l| *l <= 0.0 && l.is_finite()));
        }
        let cut = cut % whole.len();
        prop_assert!(codec().decode(&whole[..cut]).is_err(), "cut at {cut} of {}", whole.len());
        let longer = [&whole[..], &[0]].concat();
        let refused = matches!(codec().decode(&longer), Err(SparseError::Field { field: "by its length", .. }));
        prop_assert!(refused);
    }
}

#[test]
fn settings_rows_and_other_codecs_are_refused_by_name() {
    let check = |change: fn(&mut Codec), expected: &str| {
        let mut codec = codec();
        change(&mut codec);
        let text = codec.encoder().unwrap_err().to_string();
        assert!(text.contains(expected), "{text}");
    };
    check(|codec| codec.vocab = 0, "vocab is 0, expected 1 to 8388608");
    check(|codec| codec.truncation.mass = f64::NAN, "mass is NaN");
    check(|codec| codec.truncation.k_max = 0, "k_max is 0");
    check(|codec| codec.truncation.k_min = 25, "k_min is 25, expected at most k_max");
    check(|codec| codec.truncation.draws = 5000, "draws is 5000");

    let mut encoder = codec().encoder().unwrap();
    let mut out = vec![7];
    let error = encoder.encode(&[0.0; 3], 0, &mut out).unwrap_err();
    assert_eq!(error, SparseError::Length { found: 3, expected: VOCAB });
    let error = encoder.encode(&[f32::NAN; VOCAB as usize], 0, &mut out).unwrap_err();
    assert!(matches!(error, SparseError::Logits(_)), "{error}");
    assert_eq!(out, [7]);
}

/// Old records are read for ever: these bytes were written by version 1.
#[test]
fn records_of_version_1() {
    let codec = Codec::of_logits(8, Truncation { mass: 1.0, k_min: 2, k_max: 2, draws: 2 });
    let logits = [1.0, 0.0, 2.0, -1.0, f32::NEG_INFINITY, 0.5, -2.0, 0.25];
    let mut bytes = Vec::new();
    codec.encoder().unwrap().encode(&logits, 5, &mut bytes).unwrap();
    assert_eq!(hex(&bytes), GOLDEN);
    let found = codec.decode(&bytes).unwrap();
    assert_eq!(found.head, [2, 0]);
    let sum: f64 = logits.iter().map(|l| f64::from(*l).exp()).sum();
    for (logprob, logit) in found.head_logprobs.iter().zip([2.0, 1.0]) {
        assert!((f64::from(*logprob) - (logit - sum.ln())).abs() < 0.003, "{logprob}");
    }
    assert!((f64::from(found.tail_mass[0]) - (1.0 - (2f64.exp() + 1f64.exp()) / sum)).abs() < 1e-4);
    assert_eq!(found.draws.len(), 2);
}

const GOLDEN: &str = "aa07170013a11c0c0b4e0d731eea079015e0e69601417eac1d08";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sequence(n: u32) -> SequenceRecords {
    let tokens: Vec<u32> = (0..20).map(|i| (i * 7 + n) % VOCAB).collect();
    let key = SequenceKey::new("blake3:model", &tokens);
    let mut records = SequenceRecords::new(tokens, 10);
    let mut encoder = codec().encoder().unwrap();
    for position in 10..19 {
        records.push(|out| encoder.encode(&row(u64::from(n * 100 + position), 2.0), key.seed(position), out)).unwrap();
    }
    records
}

fn write(path: &Path, order: &[u32]) -> u64 {
    let mut writer = DistributionWriter::create(path, "blake3:model", "model", codec()).unwrap();
    for &n in order {
        writer.add(&sequence(n)).unwrap();
    }
    writer.finish().unwrap()
}

#[test]
fn sequences_come_back_by_key_whatever_the_order() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("teacher.hsd");
    let length = write(&path, &[0, 1, 2, 1]);
    assert_eq!(fs::metadata(&path).unwrap().len(), length);
    let mut reader = DistributionReader::open(&path).unwrap();
    assert_eq!((reader.header().codec, reader.keys().len()), (codec(), 3));
    for n in [2, 0, 1] {
        let expected = sequence(n);
        let found = reader.get(&SequenceKey::new("blake3:model", &expected.tokens)).unwrap().unwrap();
        assert_eq!(found, expected);
        assert_eq!((found.len(), found.first), (9, 10));
        assert!(found.records().all(|record| codec().decode(record).is_ok()));
    }
    assert_eq!(reader.get(&SequenceKey::new("blake3:other", &sequence(0).tokens)).unwrap(), None);
    assert_eq!(reader.verify().unwrap(), []);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
}

#[test]
fn a_writer_that_is_dropped_leaves_the_old_file_and_nothing_else() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("teacher.hsd");
    write(&path, &[0]);
    let before = fs::read(&path).unwrap();
    let mut writer = DistributionWriter::create(&path, "blake3:model", "model", codec()).unwrap();
    writer.add(&sequence(1)).unwrap();
    let mut beyond = SequenceRecords::new(vec![1, 2], 2);
    beyond
        .push(|out| {
            out.push(0);
            Ok(())
        })
        .unwrap();
    let text = writer.add(&beyond).unwrap_err().to_string();
    assert!(text.contains("do not fit a sequence of 2 tokens"), "{text}");
    drop(writer);
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
}

#[test]
fn damage_to_a_file_is_found_and_never_read_past() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("teacher.hsd");
    write(&path, &[0, 1]);
    let whole = fs::read(&path).unwrap();
    let mut state = 3;
    for round in 0..400 {
        let mut bytes = whole.clone();
        if round % 2 == 0 {
            bytes.truncate(next(&mut state) as usize % whole.len());
        } else {
            let at = next(&mut state) as usize % whole.len();
            bytes[at] ^= 1 << (next(&mut state) % 8);
        }
        fs::write(&path, &bytes).unwrap();
        // Every byte is under a hash: no damage stays unseen.
        let seen = match DistributionReader::open(&path) {
            Ok(mut reader) => !reader.verify().unwrap().is_empty(),
            Err(RunError::StoreDamaged { .. } | RunError::Format { .. }) => true,
            Err(other) => panic!("{other}"),
        };
        assert!(seen, "round {round}");
    }
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let text = DistributionReader::open(&path).unwrap_err().to_string();
    assert!(text.contains("teacher.hsd: has no index at its end: it is truncated or damaged"), "{text}");
}

/// What a server lists, as a record of it has it again.
#[test]
fn a_list_of_a_server_is_kept_with_its_rest_and_nothing_more() {
    let codec = Codec::listed(VOCAB, 4).checked().unwrap();
    let listed = [(7, 0.5f32.ln()), (3, 0.2f32.ln()), (400, 0.1f32.ln()), (11, 0.05f32.ln())];
    let distribution = SparseDistribution::listed(&listed).unwrap();
    let mut record = Vec::new();
    codec.encode_listed(&distribution, &mut record).unwrap();
    let found = codec.decode(&record).unwrap();
    assert_eq!((&found.head, found.draws.len(), found.nucleus_head), (&vec![7, 3, 400, 11], 0, 4));
    assert!((found.tail_mass[0] - 0.15).abs() < 1e-4 && (found.entropy[0] - distribution.entropy[0]).abs() < 1e-3);
    for (found, (_, expected)) in found.head_logprobs.iter().zip(&listed) {
        assert!((found - expected).abs() < 1.0 / 256.0, "{found} {expected}");
    }
    // No number stands where none is known.
    for sums in [found.entropy, found.tail_mass, found.log_normaliser] {
        assert!(sums[1].is_nan() && sums[2].is_nan());
    }
    assert_eq!(found.log_normaliser[0], 0.0);
    let mut untouched = vec![1];
    let mut refused = |codec: &Codec, of: &SparseDistribution, expected: &str| {
        let error = codec.encode_listed(of, &mut untouched).unwrap_err().to_string();
        assert!(error.contains(expected) && untouched == [1], "{error}");
    };
    refused(&Codec::listed(VOCAB, 3), &distribution, "a list of 4, expected 1 to 3");
    refused(&Codec::listed(400, 4), &distribution, "token 400, expected an id below 400");
    refused(&self::codec(), &distribution, "rows of logits");
    let drawn = Codec { truncation: Truncation { draws: 2, ..codec.truncation }, ..codec };
    assert!(drawn.checked().unwrap_err().to_string().contains("draws is 2, expected 0 where a server lists tokens"));
}
