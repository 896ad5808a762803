//! Old formats of distributions are opened for ever: a checked-in teacher cache per version, with its files and their records.
#![allow(clippy::unwrap_used, reason = "test code")]

use crate::support;

use std::fs;
use std::path::{Path, PathBuf};

use hydrometer_answers::cache::{
    CacheSize, DISTRIBUTIONS_FORMAT, DISTRIBUTIONS_LISTED_FORMAT, DistributionReader, SequenceKey,
    TEACHER_CACHE_FORMAT, TEACHER_CACHE_LISTED_FORMAT, TeacherCache,
};
use hydrometer_answers::sparse::Codec;
use hydrometer_metrics::sparse::SparseDistribution;
use support::model;

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples").join(name)
}

fn key(tokens: &[u32]) -> SequenceKey {
    SequenceKey::new(&model("teacher").key(), tokens)
}

/// A copy that may be written to.
fn copied(name: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    copy(&sample(name), home.path());
    home
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// What all samples have in common: the folder's format and its file's, and that all of it is whole.
fn opened(name: &str, formats: [&str; 2], codec: Codec, size: [u64; 3]) -> TeacherCache {
    let folder = sample(name);
    let description: serde_json::Value = serde_json::from_slice(&fs::read(folder.join("cache.json")).unwrap()).unwrap();
    let block = folder.join("blocks/00000000.hsd");
    let reader = DistributionReader::open(&block).unwrap();
    assert_eq!((description["format"].as_str().unwrap(), reader.header().format.as_str()), (formats[0], formats[1]));
    assert_eq!((reader.header().model_name.as_str(), reader.header().codec), ("teacher", codec));
    assert_eq!(reader.header().model_key, model("teacher").key());
    let mut cache = TeacherCache::open(&folder).unwrap();
    assert_eq!((cache.teacher(), cache.codec()), (&model("teacher"), &codec));
    assert_eq!(cache.verify().unwrap(), []);
    let [blocks, sequences, positions] = size;
    let bytes = fs::metadata(block).unwrap().len();
    assert_eq!(cache.size().unwrap(), CacheSize { blocks, sequences, positions, bytes });
    cache
}

fn decoded(cache: &mut TeacherCache, tokens: &[u32], position: u32) -> SparseDistribution {
    let found = cache.get(&key(tokens), &(position..position + 1)).unwrap().unwrap();
    assert_eq!(found.tokens, tokens);
    cache.codec().decode(found.record((position - found.first) as usize).unwrap()).unwrap()
}

fn close(found: &[f32], expected: &[f64], within: f64) {
    let close = |(found, expected): (&f32, &f64)| (f64::from(*found) - expected).abs() <= within;
    assert!(found.len() == expected.len() && found.iter().zip(expected).all(close), "{found:?} {expected:?}");
}

/// The numbers are written out here, not taken from the writer: a change of meaning must be seen.
#[test]
fn teacher_cache_version_1() {
    let formats = ["hydrometer.teacher-cache/1", "hydrometer.distributions/1"];
    assert_eq!(formats, [TEACHER_CACHE_FORMAT, DISTRIBUTIONS_FORMAT]);
    let mut cache = opened("teacher-cache-v1", formats, support::codec_of_logits(), [1, 2, 5]);
    let tokens = [1, 2, 3, 4, 5, 6, 7, 0];
    // The logits were 1, 0, 2, −1, −∞, ½, the position, ¼.
    let logits = [1.0, 0.0, 2.0, -1.0, f64::NEG_INFINITY, 0.5, 3.0, 0.25];
    let sum: f64 = logits.iter().map(|logit: &f64| logit.exp()).sum();
    let ln_p = |token: usize| logits[token] - sum.ln();
    let found = decoded(&mut cache, &tokens, 3);
    assert_eq!((&found.head[..], found.nucleus_head), (&[6, 2][..], 2));
    close(&found.head_logprobs, &[ln_p(6), ln_p(2)], 0.0042);
    close(&found.tail_mass[..1], &[1.0 - ln_p(6).exp() - ln_p(2).exp()], 1e-4);
    let entropy: f64 = (0..8).filter(|token| *token != 4).map(|token| -ln_p(token) * ln_p(token).exp()).sum();
    close(&found.entropy[..1], &[entropy], 2e-4);
    // ln Σ p^(1/τ) at τ = 2.
    let halves: f64 = (0..8).map(|token| (ln_p(token) / 2.0).exp()).sum();
    close(&found.log_normaliser[1..2], &[halves.ln()], 2e-4);
    // The draws of this sequence and position, as docs/sparse-distributions.md has them worked out by hand.
    assert_eq!((found.draws.as_slice(), found.nucleus_draws), (&[0, 3][..], 1));
    close(&found.draw_logprobs, &[ln_p(0), ln_p(3)], 0.002);
    assert!(!cache.covers(&key(&tokens), &(1..3)).unwrap() && !cache.covers(&key(&tokens), &(4..6)).unwrap());
    assert!(cache.covers(&key(&[7, 7, 1]), &(0..2)).unwrap());
}

#[test]
fn teacher_cache_version_2() {
    let formats = ["hydrometer.teacher-cache/2", "hydrometer.distributions/2"];
    assert_eq!(formats, [TEACHER_CACHE_LISTED_FORMAT, DISTRIBUTIONS_LISTED_FORMAT]);
    let mut cache = opened("teacher-cache-v2", formats, support::codec_of_lists(), [1, 1, 4]);
    let tokens = [0, 1, 2, 3, 4, 5];
    let check = |found: SparseDistribution, head: &[u32], p: &[f64], rest: f64, nucleus: u32| {
        assert_eq!((found.head.as_slice(), found.nucleus_head, found.draws.len()), (head, nucleus, 0));
        close(&found.head_logprobs, &p.iter().map(|p: &f64| p.ln()).collect::<Vec<_>>(), 0.0042);
        close(&found.tail_mass[..1], &[rest], 1e-4);
        let of = |p: f64| if p > 0.0 { -p * p.ln() } else { 0.0 };
        close(&found.entropy[..1], &[p.iter().copied().map(of).sum::<f64>() + of(rest)], 2e-4);
        // At other temperatures nothing is known.
        assert!(found.entropy[1..].iter().chain(&found.log_normaliser[1..]).all(|sum| sum.is_nan()));
    };
    // A list that leaves an eighth; it ends within the 0.9 nucleus, so all of it is in it.
    check(decoded(&mut cache, &tokens, 2), &[5, 9, 0], &[0.5, 0.25, 0.125], 0.125, 3);
    // One that has all the mass with fewer tokens than were asked for.
    check(decoded(&mut cache, &tokens, 3), &[6, 9], &[0.75, 0.25], 0.0, 2);
    assert!(cache.covers(&key(&tokens), &(1..5)).unwrap() && !cache.covers(&key(&tokens), &(0..2)).unwrap());

    // What came of a sequence that is in no block yet: its writer goes on with it.
    let home = copied("teacher-cache-v2");
    let cache = TeacherCache::create_or_open(home.path(), &model("teacher"), support::codec_of_lists()).unwrap();
    let begun = key(&[15, 14, 13, 12]);
    let kept = cache.kept(&begun, 2).unwrap();
    check(cache.codec().decode(kept).unwrap(), &[5, 9, 0], &[0.5, 0.25, 0.125], 0.125, 3);
    assert_eq!((cache.kept(&begun, 1), cache.kept(&begun, 3), cache.keys().len()), (None, None, 1));
}

/// Records depend on nothing but what they are of, so files come out byte for byte.
#[test]
fn today_s_writer_still_writes_both_versions() {
    let check = |name: &str, write: fn(&Path)| {
        let home = tempfile::tempdir().unwrap();
        write(home.path());
        for file in ["cache.json", "blocks/00000000.hsd", "pending"] {
            let [old, new] = [sample(name).join(file), home.path().join(file)].map(|path| fs::read(path).ok());
            assert!(old == new, "{name}: {file}");
        }
    };
    check("teacher-cache-v1", support::cache_of_logits);
    check("teacher-cache-v2", support::cache_of_lists);
}
