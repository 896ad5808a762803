//! Features of an answer that need no model.

use super::dot;
use crate::style::hash;

/// Length of a feature vector of [`text_features`].
pub const TEXT_FEATURES: usize = 256;

/// Hashed character 3-grams of a text, case folded and white space collapsed: each adds 1 or −1 to one of
/// [`TEXT_FEATURES`] places, both by its hash, so that collisions cancel on average (Weinberger et al.,
/// arXiv:0902.2206); divided by the Euclidean length. It sees spelling, not sense. A text without a 3-gram is all 0.
pub fn text_features(text: &str) -> [f64; TEXT_FEATURES] {
    let folded = text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
    // A space on either side: the ends of the text are ends of words, and one letter is a 3-gram.
    let chars: Vec<char> = if folded.is_empty() { Vec::new() } else { format!(" {folded} ").chars().collect() };
    let mut features = [0.0; TEXT_FEATURES];
    for gram in chars.windows(3) {
        let hash = hash(gram);
        let sign = if hash >> 63 == 0 { 1.0 } else { -1.0 };
        features[((hash >> 32) % TEXT_FEATURES as u64) as usize] += sign;
    }
    let length = dot(&features, &features).sqrt();
    if length > 0.0 {
        features.iter_mut().for_each(|feature| *feature /= length);
    }
    features
}
