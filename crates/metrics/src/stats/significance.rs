//! Tests of hypotheses and corrections for many of them.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// Probability that Student's t with `df` degrees of freedom exceeds `t`; `None` unless df > 0 and t is a number.
fn upper_tail(t: f64, df: f64) -> Option<f64> {
    if t.is_nan() {
        return None;
    }
    if t.is_infinite() {
        return Some(if t > 0.0 { 0.0 } else { 1.0 });
    }
    StudentsT::new(0.0, 1.0, df).ok().map(|law| law.sf(t))
}

/// Two-sided p-value of Student's `t` with `df` degrees of freedom; `None` unless df > 0 and t is a number.
pub fn two_sided_p(t: f64, df: f64) -> Option<f64> {
    upper_tail(t.abs(), df).map(|p| (2.0 * p).min(1.0))
}

/// Holm's adjusted p-values (Holm 1979), in the order of the input: reject those ≤ α, and the chance of any false
/// rejection is at most α, whatever the dependence. Inputs that are not numbers count as 1.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let (order, sorted) = rising(p_values);
    let tests = sorted.len();
    let mut adjusted = vec![1.0; tests];
    let mut largest: f64 = 0.0;
    for (rank, (&place, &p)) in order.iter().zip(&sorted).enumerate() {
        largest = largest.max(((tests - rank) as f64 * p).min(1.0));
        adjusted[place] = largest;
    }
    adjusted
}

/// Benjamini and Hochberg's adjusted p-values (1995), in the order of the input: reject those ≤ α, and the
/// expected share of false ones among the rejected is at most α for independent or positively dependent tests.
/// Inputs that are not numbers count as 1.
pub fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    let (order, sorted) = rising(p_values);
    let tests = sorted.len();
    let mut adjusted = vec![1.0; tests];
    let mut smallest: f64 = 1.0;
    for rank in (0..tests).rev() {
        smallest = smallest.min(sorted[rank] * tests as f64 / (rank + 1) as f64);
        adjusted[order[rank]] = smallest;
    }
    adjusted
}

/// Places of the p-values from the smallest to the largest, and the values in that order.
fn rising(p_values: &[f64]) -> (Vec<usize>, Vec<f64>) {
    let clean: Vec<f64> = p_values.iter().map(|&p| if p.is_nan() { 1.0 } else { p.clamp(0.0, 1.0) }).collect();
    let mut order: Vec<usize> = (0..clean.len()).collect();
    order.sort_by(|&a, &b| clean[a].total_cmp(&clean[b]));
    let sorted = order.iter().map(|&place| clean[place]).collect();
    (order, sorted)
}
