//! One token's log-probability from a row of logits.

/// ln softmax(`row`) at `token`, summed in f64; −∞ where the logit is −∞.
///
/// `row` is raw logits of one position, at least one of them finite; `token` indexes it.
pub fn log_prob(row: &[f32], token: u32) -> f64 {
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = row.iter().map(|&l| f64::from((l - largest).exp())).sum();
    f64::from(row[token as usize] - largest) - sum.ln()
}

#[cfg(test)]
mod tests {
    use super::log_prob;

    #[test]
    fn probabilities_sum_to_one_and_follow_the_logits() {
        let row = [1.0f32, 3.0, f32::NEG_INFINITY, 2.0];
        let sum: f64 = (0..4).map(|t| log_prob(&row, t).exp()).sum();
        assert!((sum - 1.0).abs() < 1e-7);
        assert!((log_prob(&row, 1) - log_prob(&row, 0) - 2.0).abs() < 1e-12);
        assert_eq!(log_prob(&row, 2), f64::NEG_INFINITY);
    }
}
