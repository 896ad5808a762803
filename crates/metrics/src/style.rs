//! The surface of an answer: how it is written, not what it says and not what it decides.
//!
//! [`features`] reads a text, and [`Scale::rbf`] is the kernel of two such readings. "Surface copied" takes off it what comes with
//! their decisions: first from the features ([`Manner`]), then from the kernel ([`crate::kernel::Given`]). Content cannot enter: words outside a closed list of
//! function words count only by their shape. Phrase lists are English; for other languages those features are 0.

use std::collections::BTreeMap;

/// Shape features, in the order of [`features`].
pub const SHAPES: usize = 10;
/// Buckets of hashed character 3-grams.
pub const GRAMS: usize = 128;
/// Length of a feature vector.
pub const FEATURES: usize = SHAPES + GRAMS;

const HEDGES: &[&str] = &[
    "perhaps",
    "maybe",
    "might be",
    "could be",
    "it seems",
    "likely",
    "probably",
    "i think",
    "i believe",
    "it depends",
    "in general",
    "generally speaking",
];
const DISCLAIMERS: &[&str] = &[
    "as an ai",
    "as a language model",
    "i am an ai",
    "i'm an ai",
    "not a lawyer",
    "not a doctor",
    "professional advice",
    "consult a",
    "consult with",
    "for informational purposes",
    "please note",
    "important to note",
];
const APOLOGIES: &[&str] = &["sorry", "apologize", "apologise", "apologies", "unfortunately", "regret"];
/// Words that keep their letters in 3-grams.
const FUNCTION_WORDS: &[&str] = &[
    "a", "about", "after", "all", "also", "an", "and", "any", "are", "as", "at", "be", "because", "been", "but", "by",
    "can", "could", "did", "do", "does", "for", "from", "had", "has", "have", "he", "her", "here", "his", "how", "i",
    "if", "in", "into", "is", "it", "its", "let", "may", "me", "might", "more", "most", "must", "my", "of", "on", "or",
    "our", "out", "shall", "she", "should", "so", "some", "such", "than", "that", "the", "their", "them", "then",
    "there", "these", "they", "this", "those", "to", "up", "us", "was", "we", "were", "what", "when", "where", "which",
    "while", "who", "will", "with", "would", "you", "your",
];

/// Style features of one answer: ln(1 + words); per 100 words: headers, bold spans, list items, hedges, disclaimers,
/// apologies, question marks; mean and standard deviation of sentence lengths in words; then the
/// relative frequencies of hashed character 3-grams of the text's shape. An empty text has all 0.
pub fn features(text: &str) -> [f64; FEATURES] {
    let mut found = [0.0; FEATURES];
    let words = text.split_whitespace().count() as f64;
    let lower = text.to_lowercase().replace('\u{2019}', "'");
    let lines = || text.lines().map(str::trim_start);
    let counts = [
        lines().filter(|line| is_header(line)).count(),
        text.matches("**").count() / 2,
        lines().filter(|line| is_list_item(line)).count(),
        occurrences(&lower, HEDGES),
        occurrences(&lower, DISCLAIMERS),
        occurrences(&lower, APOLOGIES),
        text.matches('?').count(),
    ];
    found[0] = words.ln_1p();
    for (feature, count) in found[1..].iter_mut().zip(counts) {
        *feature = 100.0 * count as f64 / words.max(1.0);
    }
    (found[SHAPES - 2], found[SHAPES - 1]) = sentence_lengths(text);
    grams(&shape(&lower), &mut found[SHAPES..]);
    found
}

fn is_header(line: &str) -> bool {
    let text = line.trim_start_matches('#');
    text.len() < line.len() && text.starts_with(' ')
}

/// "- item", "* item", "+ item", "• item", "1. item" or "1) item".
fn is_list_item(line: &str) -> bool {
    let after_digits = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let marks: &[char] = if after_digits.len() < line.len() { &['.', ')'] } else { &['-', '*', '+', '•'] };
    after_digits.strip_prefix(marks).is_some_and(|rest| rest.starts_with(' '))
}

/// How often one of the phrases stands in the text as whole words.
fn occurrences(lower: &str, phrases: &[&str]) -> usize {
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let whole = |&(start, phrase): &(usize, &str)| {
        !is_word(lower[..start].chars().next_back()) && !is_word(lower[start + phrase.len()..].chars().next())
    };
    phrases.iter().map(|phrase| lower.match_indices(phrase).filter(whole).count()).sum()
}

/// Mean and standard deviation of words per sentence; a sentence ends with `.`, `!`, `?` or its line.
fn sentence_lengths(text: &str) -> (f64, f64) {
    let lengths: Vec<f64> = text
        .split(['.', '!', '?', '\n'])
        .map(|sentence| sentence.split_whitespace().count() as f64)
        .filter(|&words| words > 0.0)
        .collect();
    let count = lengths.len().max(1) as f64;
    let mean = lengths.iter().sum::<f64>() / count;
    let squares: f64 = lengths.iter().map(|length| (length - mean).powi(2)).sum();
    (mean, (squares / count).sqrt())
}

/// The text without its content: function words and marks stay, other words become `x`, numbers `0`.
fn shape(lower: &str) -> Vec<char> {
    let mut shape = Vec::with_capacity(lower.len());
    for piece in pieces(lower) {
        if !piece.starts_with(char::is_alphanumeric) || FUNCTION_WORDS.contains(&piece) {
            shape.extend(piece.chars());
        } else {
            shape.push(if piece.starts_with(char::is_numeric) { '0' } else { 'x' });
        }
    }
    shape
}

/// A text in pieces: words and numbers whole, every other character by itself.
pub fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let end = if first.is_alphanumeric() {
            rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some(piece)
    })
}

/// Relative frequencies of 3-grams by the hash of their characters.
fn grams(shape: &[char], buckets: &mut [f64]) {
    let share = 1.0 / (shape.len().max(3) - 2) as f64;
    for gram in shape.windows(3) {
        buckets[((hash(gram) >> 32) % GRAMS as u64) as usize] += share;
    }
}

/// FNV-1a of characters.
pub(crate) fn hash(gram: &[char]) -> u64 {
    let bytes = gram.iter().flat_map(|&c| (c as u32).to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Answers by which a class is drawn toward all of them: what a decision that is seldom made does to style is hardly known.
pub(crate) const SELDOM: f64 = 4.0;

/// How somebody writes on average, decision by decision: (n·mean of the n answers that decide so + 4·mean of all)/(n + 4).
///
/// A refusal is shorter than help, and an apology comes with it. Taking the mean of its decision off each answer lets the same
/// difference of style be the same difference of features, whatever is decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Manner<C, const N: usize = FEATURES> {
    of_class: BTreeMap<C, [f64; N]>,
    of_all: [f64; N],
}

impl<C: Ord + Clone, const N: usize> Manner<C, N> {
    /// From the teacher's answers and their decisions.
    pub fn of(teacher: &[(C, [f64; N])]) -> Self {
        let mean = |chosen: &[&[f64; N]], more: f64, toward: [f64; N]| -> [f64; N] {
            let count = (chosen.len() as f64 + more).max(1.0);
            std::array::from_fn(|k| (chosen.iter().map(|features| features[k]).sum::<f64>() + more * toward[k]) / count)
        };
        let mut classes: BTreeMap<C, Vec<&[f64; N]>> = BTreeMap::new();
        for (class, features) in teacher {
            classes.entry(class.clone()).or_default().push(features);
        }
        let all: Vec<&[f64; N]> = teacher.iter().map(|(_, features)| features).collect();
        let of_all = mean(&all, 0.0, [0.0; N]);
        let of_class = classes.into_iter().map(|(class, chosen)| (class, mean(&chosen, SELDOM, of_all))).collect();
        Self { of_class, of_all }
    }

    /// Features less what comes with their decision; less the mean of all where the teacher never decides so.
    pub fn less(&self, class: &C, features: &[f64; N]) -> [f64; N] {
        let usual = self.of_class.get(class).unwrap_or(&self.of_all);
        std::array::from_fn(|k| features[k] - usual[k])
    }
}

/// Spread of each feature over pooled answers: what makes features comparable.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    /// 1/sd, 0 for a feature that does not vary.
    sharpness: [f64; FEATURES],
}

impl Scale {
    /// From the answers of teacher and base, pooled, before the student is looked at.
    pub fn fit(answers: &[[f64; FEATURES]]) -> Self {
        let count = answers.len().max(1) as f64;
        let sharpness = std::array::from_fn(|k| {
            let mean = answers.iter().map(|answer| answer[k]).sum::<f64>() / count;
            let variance = answers.iter().map(|answer| (answer[k] - mean).powi(2)).sum::<f64>() / count;
            // A spread that is only rounding is none.
            if variance > 1e-18 { 1.0 / variance.sqrt() } else { 0.0 }
        });
        Self { sharpness }
    }

    /// Gaussian kernel of two answers: exp(−(d_shapes + d_grams)/4), each d the mean over the features of its part that
    /// vary of the squared difference of z-scores, so that 128 3-grams do not drown 10 shapes. Two unrelated answers
    /// have d = 2 in each part on average: the z-scores fix the bandwidth. In [0, 1], and 1 for equal features.
    pub fn rbf(&self, x: &[f64; FEATURES], y: &[f64; FEATURES]) -> f64 {
        let distance = |part: std::ops::Range<usize>| {
            let varying = self.sharpness[part.clone()].iter().filter(|&&sharpness| sharpness > 0.0).count();
            let squares: f64 = part.map(|k| ((x[k] - y[k]) * self.sharpness[k]).powi(2)).sum();
            squares / varying.max(1) as f64
        };
        (-(distance(0..SHAPES) + distance(SHAPES..FEATURES)) / 4.0).exp()
    }
}
