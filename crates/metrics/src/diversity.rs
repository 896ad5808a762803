//! Secondary measures of diversity within a prompt: described, never gated.
//!
//! All but [`effective_answers`] depend on the number of answers: compare models at equal numbers (the first n of
//! each) and show the teacher against its rerun beside. [`crate::measure::answers::DIVERSITY_KEPT`] is the number to judge by.

use std::collections::{BTreeMap, BTreeSet};

use crate::spectrum::eigenvalues;

/// Effective number of answers, 1/C with C the mean kernel over pairs of different answers of one model
/// ([`crate::kernel::within`]): the Hill number of order 2 without its small-sample bias. `None` unless C > 0.
pub fn effective_answers(pair_mean: f64) -> Option<f64> {
    (pair_mean > 0.0).then(|| 1.0 / pair_mean)
}

/// distinct-n: different n-grams over all n-grams of the answers (Li et al., arXiv:1510.03055), in (0, 1].
/// `None` when no answer has `n` tokens or n = 0.
pub fn distinct_n<T: Ord>(answers: &[Vec<T>], n: usize) -> Option<f64> {
    if n == 0 {
        return None;
    }
    let grams = || answers.iter().flat_map(|answer| answer.windows(n));
    let different: BTreeSet<&[T]> = grams().collect();
    (!different.is_empty()).then(|| different.len() as f64 / grams().count() as f64)
}

/// Self-BLEU (Zhu et al., arXiv:1802.01886): the mean over answers of their BLEU against all others, in [0, 1];
/// 1 when all are equal. BLEU is Papineni et al.'s (2002) with n-grams up to 4, clipped by the most generous
/// reference, 1 added to numerator and denominator for n > 1 (Lin and Och 2004) so that short answers have one, and
/// the brevity penalty of the reference closest in length. An empty answer scores 1 beside another empty one, else 0.
/// `None` with fewer than two answers.
pub fn self_bleu<T: Ord>(answers: &[Vec<T>]) -> Option<f64> {
    if answers.len() < 2 {
        return None;
    }
    let mut logs: Vec<f64> = (0..answers.len()).map(|place| brevity(answers, place)).collect();
    for n in 1..=4 {
        let counts: Vec<_> = answers.iter().map(|answer| gram_counts(answer, n)).collect();
        let most = most_counts(&counts);
        let smooth = usize::from(n > 1);
        for ((log, answer), counts) in logs.iter_mut().zip(answers).zip(&counts) {
            let clipped = |(gram, &count): (&&[T], &usize)| {
                let [largest, second] = most[gram];
                // The largest is this answer's own, or another answer's too, and then also the second.
                count.min(if count == largest { second } else { largest })
            };
            let matched: usize = counts.iter().map(clipped).sum();
            let all = (answer.len() + 1).saturating_sub(n);
            *log += ((matched + smooth) as f64 / (all + smooth) as f64).ln() / 4.0;
        }
    }
    let empty = answers.iter().filter(|answer| answer.is_empty()).count();
    let beside_empty = f64::from(u8::from(empty > 1));
    let scores = answers.iter().zip(logs).map(|(answer, log)| if answer.is_empty() { beside_empty } else { log.exp() });
    Some(scores.sum::<f64>() / answers.len() as f64)
}

/// Logarithm of BLEU's brevity penalty of one answer against all others.
fn brevity<T>(answers: &[Vec<T>], place: usize) -> f64 {
    let length = answers[place].len();
    let others = answers.iter().enumerate().filter(|&(other, _)| other != place).map(|(_, answer)| answer.len());
    let closest = others.min_by_key(|&other| (other.abs_diff(length), other)).unwrap_or(length);
    (1.0 - closest as f64 / length.max(1) as f64).min(0.0)
}

fn gram_counts<T: Ord>(answer: &[T], n: usize) -> BTreeMap<&[T], usize> {
    let mut counts = BTreeMap::new();
    for gram in answer.windows(n) {
        *counts.entry(gram).or_insert(0) += 1;
    }
    counts
}

/// The two largest counts of each n-gram in any answer, equal ones included.
fn most_counts<'a, T: Ord>(counts: &[BTreeMap<&'a [T], usize>]) -> BTreeMap<&'a [T], [usize; 2]> {
    let mut most: BTreeMap<&[T], [usize; 2]> = BTreeMap::new();
    for (gram, &count) in counts.iter().flatten() {
        let [largest, second] = most.entry(gram).or_insert([0; 2]);
        *second = (*second).max(count.min(*largest));
        *largest = (*largest).max(count);
    }
    most
}

/// Vendi score (Friedman and Dieng, arXiv:2210.02410): exp of the Shannon entropy of the eigenvalues of K/n, for the
/// answers of one model to one prompt under a symmetric kernel with k(x, x) = 1; in [1, n]. `None` without answers, or
/// when a kernel value is not finite.
pub fn vendi<T>(answers: &[T], kernel: impl Fn(&T, &T) -> f64) -> Option<f64> {
    let count = answers.len();
    let mut matrix: Vec<f64> =
        answers.iter().flat_map(|x| answers.iter().map(|y| kernel(x, y) / count as f64)).collect();
    if count == 0 || matrix.iter().any(|value| !value.is_finite()) {
        return None;
    }
    Some(hill_of_order_one(eigenvalues(&mut matrix, count)))
}

/// The Vendi score of [`crate::kernel::same`] on classes: the eigenvalues of K/n are the shares of the classes. `None`
/// without answers.
pub fn vendi_of_classes(classes: &[u32]) -> Option<f64> {
    let mut counts = BTreeMap::new();
    for class in classes {
        *counts.entry(class).or_insert(0_usize) += 1;
    }
    let shares = counts.into_values().map(|count| count as f64 / classes.len() as f64);
    (!classes.is_empty()).then(|| hill_of_order_one(shares))
}

/// exp of the Shannon entropy of shares.
fn hill_of_order_one(shares: impl IntoIterator<Item = f64>) -> f64 {
    shares.into_iter().filter(|&share| share > 0.0).map(|share| -share * share.ln()).sum::<f64>().exp()
}
