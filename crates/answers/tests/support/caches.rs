//! Made-up teacher caches: one of a teacher that shows its logits, one of what a server lists.

use std::path::Path;

use hydrometer_answers::cache::{SequenceKey, SequenceRecords, TeacherCache};
use hydrometer_answers::sparse::Codec;
use hydrometer_metrics::sparse::{SparseDistribution, Truncation};

use super::model;

/// The codec of the cache of logits.
pub fn codec_of_logits() -> Codec {
    Codec::of_logits(8, Truncation { mass: 1.0, k_min: 2, k_max: 2, draws: 2 })
}

/// That of the cache of lists.
pub fn codec_of_lists() -> Codec {
    Codec::listed(16, 3)
}

/// What a server lists behind a position: powers of one half, of which the last leave 1/8 or nothing.
pub fn listed(position: u32) -> Vec<(u32, f32)> {
    let [first, second, third] = [3 + position, 9, 0];
    let of = |p: f32| p.ln();
    if position.is_multiple_of(2) {
        vec![(first, of(0.5)), (second, of(0.25)), (third, of(0.125))]
    } else {
        vec![(first, of(0.75)), (second, of(0.25))]
    }
}

/// A sequence of eight tokens with records of positions 2 to 4, and one of three with all that it has.
pub fn cache_of_logits(path: &Path) {
    let codec = codec_of_logits();
    let mut cache = TeacherCache::create_or_open(path, &model("teacher"), codec).unwrap();
    let mut encoder = codec.encoder().unwrap();
    let mut sequence = |tokens: &[u32], positions: std::ops::Range<u32>| {
        let key = SequenceKey::new(&model("teacher").key(), tokens);
        let mut records = SequenceRecords::new(tokens.to_vec(), positions.start);
        for position in positions {
            let row = [1.0, 0.0, 2.0, -1.0, f32::NEG_INFINITY, 0.5, position as f32, 0.25];
            records.push(|out| encoder.encode(&row, key.seed(position), out)).unwrap();
        }
        records
    };
    let both = [sequence(&[1, 2, 3, 4, 5, 6, 7, 0], 2..5), sequence(&[7, 7, 1], 0..2)];
    cache.put(&both).unwrap();
}

/// A sequence of six tokens with records of positions 1 to 4 in a block, and one of which a single position came so far.
pub fn cache_of_lists(path: &Path) {
    let codec = codec_of_lists();
    let mut cache = TeacherCache::create_or_open(path, &model("teacher"), codec).unwrap();
    let record = |position: u32, out: &mut Vec<u8>| {
        codec.encode_listed(&SparseDistribution::listed(&listed(position)).unwrap(), out)
    };
    let mut whole = SequenceRecords::new((0..6).collect(), 1);
    (1..5).for_each(|position| whole.push(|out| record(position, out)).unwrap());
    cache.put(&[whole]).unwrap();
    let mut alone = Vec::new();
    record(2, &mut alone).unwrap();
    let key = SequenceKey::new(&model("teacher").key(), &[15, 14, 13, 12]);
    cache.keep(key, 2, vec![alone]).unwrap();
}
