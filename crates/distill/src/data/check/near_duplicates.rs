//! Documents that are nearly the same as an earlier one: at least [`NEAR`] of the sequences of five words that either has are
//! in both (the Jaccard index).
//!
//! MinHash (Broder 1997) finds candidates: a document has [`BANDS`] hashes of [`ROWS`] minima each, and one hash in common
//! makes two documents candidates, for whom the index is then computed. At an index of 0.8 a pair is missed once in 2,800
//! times, at 0.9 once in 57 million. Of many documents with one hash the first on either side of the split is compared, so that the work does not grow
//! with the square of a heap of copies. Kept are 160 bytes a document and a table of its hashes.

use std::collections::HashMap;

use rayon::prelude::*;

use super::Used;
use crate::chance::seed_of;
use crate::data::finding::{Findings, Weight};
use crate::data::words::{grams, words};

/// Least Jaccard index.
const NEAR: f64 = 0.8;
/// Words of a sequence.
const GRAM: usize = 5;
const BANDS: usize = 20;
const ROWS: usize = 5;

pub(super) fn look(used: &[Used<'_>], found: &mut Findings) {
    let orders = orders();
    let signatures: Vec<Option<[u64; BANDS]>> =
        used.par_iter().map(|used| signature(&sequences(used), &orders)).collect();
    // For each hash the first document that has it on either side of the split.
    let mut first: HashMap<(u8, bool, u64), u32> = HashMap::new();
    let mut pairs = Vec::new();
    for (at, signature) in signatures.iter().enumerate() {
        let mut candidates = Vec::new();
        for (band, hash) in signature.iter().flatten().enumerate() {
            let key = |held_out| (band as u8, held_out, *hash);
            candidates.extend([true, false].iter().filter_map(|side| first.get(&key(*side))).map(|at| *at as usize));
            first.entry(key(used[at].held_out)).or_insert(at as u32);
        }
        candidates.sort_unstable();
        candidates.dedup();
        if !candidates.is_empty() {
            pairs.push((at, candidates));
        }
    }
    // The first that is near, and the first of those on the other side of the split.
    let nearest = |(at, candidates): &(usize, Vec<usize>)| {
        let own = sequences(&used[*at]);
        let is_near = |earlier: &&usize| jaccard(&own, &sequences(&used[**earlier])) >= NEAR;
        let near: Vec<usize> = candidates.iter().filter(is_near).copied().collect();
        let across = near.iter().find(|earlier| used[**earlier].held_out != used[*at].held_out).copied();
        near.first().map(|first| (*at, *first, across))
    };
    let near: Vec<_> = pairs.par_iter().filter_map(nearest).collect();
    for (at, earlier, across) in near {
        let example = |earlier: usize| format!("{} is like {}", used[at].document.place, used[earlier].document.place);
        let what = "nearly the same as an earlier document (0.8 or more of the five-word sequences of both)";
        found.add(Weight::Note, what, example(earlier));
        if let Some(across) = across {
            let what = "held out, and nearly the same as one that is trained on, or the other way round: held-out numbers flatter";
            found.add(Weight::Note, what, example(across));
        }
    }
}

/// The sequences of a document, each once, in order of their hashes.
fn sequences(used: &Used<'_>) -> Vec<u64> {
    let mut grams = grams(&words(&used.document.content.texts().join("\n")), GRAM);
    grams.sort_unstable();
    grams.dedup();
    grams
}

/// For each minimum the factor that puts all hashes into another order.
fn orders() -> Vec<u64> {
    (0..(BANDS * ROWS) as u64).map(|minimum| seed_of("near duplicates", &[minimum]) | 1).collect()
}

/// `None` of a document that has no sequence.
fn signature(grams: &[u64], orders: &[u64]) -> Option<[u64; BANDS]> {
    if grams.is_empty() {
        return None;
    }
    let mut bands = [0; BANDS];
    for (band, factors) in bands.iter_mut().zip(orders.chunks(ROWS)) {
        let least = |factor: &u64| grams.iter().map(|gram| gram.wrapping_mul(*factor)).min().unwrap_or_default();
        let minima: Vec<u64> = factors.iter().map(least).collect();
        *band = seed_of("band", &minima);
    }
    Some(bands)
}

/// Of two sorted lists without repetitions.
fn jaccard(a: &[u64], b: &[u64]) -> f64 {
    let (mut i, mut j, mut both) = (0, 0, 0usize);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                (i, j, both) = (i + 1, j + 1, both + 1);
            }
        }
    }
    both as f64 / (a.len() + b.len() - both).max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of pairs with an index of 0.8 nearly all have a hash in common, of pairs with one of 0.3 few.
    #[test]
    fn alike_documents_become_candidates() {
        let orders = orders();
        let share = |both: u64, own: u64| {
            let trials = 400;
            let set = |trial: u64, side: u64| {
                let hash = |of: u64| seed_of("test", &[trial, of]);
                let mut set: Vec<u64> =
                    (0..both).map(&hash).chain((0..own).map(|n| hash(1_000 + 1_000 * side + n))).collect();
                set.sort_unstable();
                set
            };
            let alike = (0..trials).filter(|&trial| {
                let (a, b) = (set(trial, 0), set(trial, 1));
                assert!((jaccard(&a, &b) - both as f64 / (both + 2 * own) as f64).abs() < 1e-9);
                let [a, b] = [a, b].map(|grams| signature(&grams, &orders).unwrap_or_default());
                a.iter().zip(b).any(|(a, b)| *a == b)
            });
            alike.count() as f64 / trials as f64
        };
        assert!(share(80, 10) > 0.99);
        assert!(share(30, 35) < 0.15);
        assert_eq!(signature(&[], &orders), None);
    }
}
