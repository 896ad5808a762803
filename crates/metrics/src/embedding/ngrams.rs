//! A text as a direction that needs no model: its n-grams, hashed and projected.

use crate::style::{hash, pieces};

/// Length of a vector of [`ngram_vector`].
pub const NGRAM_WIDTH: usize = 1024;
/// Changes whenever a vector may change.
pub const NGRAM_VERSION: &str = "1";
/// Characters of a text that are read: a longer one is known by its beginning.
const MOST_CHARACTERS: usize = 1 << 16;
/// Lengths of character n-grams.
const LENGTHS: std::ops::RangeInclusive<usize> = 3..=5;
/// Places of the vector that one n-gram moves.
const PLACES: usize = 8;
/// What keeps a word apart from the same characters elsewhere.
const WORD: u64 = 0x9e6c_63d0_876a_3f5b;
/// What keeps the first word of a pair apart from the word.
const PAIR: u64 = 0xc2b2_ae3d_27d4_eb4f;

/// Hashed n-grams of a text, case folded and white space collapsed: characters in threes, fours and fives, words, and pairs
/// of words. Each counts by the root of its number, and adds with signs of its hash to 8 of [`NGRAM_WIDTH`] places of its
/// hash: a sparse random projection (Li, Hastie and Church 2006), which keeps cosines to about 0.03. It sees spelling and
/// words, not sense.
///
/// The same on every processor: whole numbers, roots, and additions in one order. All 0 for a text of white space alone.
pub fn ngram_vector(text: &str) -> Vec<f32> {
    let mut grams = grams(text);
    grams.sort_unstable();
    let mut sums = [0.0f64; NGRAM_WIDTH];
    for same in grams.chunk_by(|a, b| a == b) {
        let weight = (same.len() as f64).sqrt();
        for (place, sign) in same.first().into_iter().flat_map(|&gram| places(gram)) {
            sums[place] += sign * weight;
        }
    }
    sums.iter().map(|&sum| sum as f32).collect()
}

/// Hashes of all n-grams of a text.
fn grams(text: &str) -> Vec<u64> {
    let read: String = text.chars().take(MOST_CHARACTERS).collect();
    let folded = read.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
    if folded.is_empty() {
        return Vec::new();
    }
    // A space on either side: the ends of the text are ends of words, and one letter is a 3-gram.
    let characters: Vec<char> = format!(" {folded} ").chars().collect();
    let mut grams: Vec<u64> = LENGTHS.flat_map(|length| characters.windows(length)).map(hash).collect();
    let is_word = |piece: &&str| piece.starts_with(char::is_alphanumeric);
    let words: Vec<u64> = pieces(&folded).filter(is_word).map(|word| hash(&word.chars().collect::<Vec<_>>())).collect();
    grams.extend(words.iter().map(|word| word ^ WORD));
    grams.extend(words.windows(2).map(|pair| mixed(pair[0] ^ PAIR).wrapping_add(pair[1])));
    grams
}

/// Where an n-gram is in a vector, with its sign there.
fn places(gram: u64) -> impl Iterator<Item = (usize, f64)> {
    let draws = [mixed(gram), mixed(gram.wrapping_add(0x9e37_79b9_7f4a_7c15))];
    (0..PLACES).map(move |which| {
        let draw = (draws[which / 4] >> (16 * (which % 4))) as u16;
        (usize::from(draw) % NGRAM_WIDTH, if draw >> 15 == 0 { 1.0 } else { -1.0 })
    })
}

/// The finish of SplitMix64: every bit of the result depends on every bit.
fn mixed(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
