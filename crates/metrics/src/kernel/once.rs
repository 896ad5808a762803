//! How far two writers are apart who gave one answer to each prompt, without chance.

/// The answers of both to one prompt.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a, T> {
    /// Prompts of one family are not compared with each other.
    pub family: &'a str,
    /// One writer's answer.
    pub x: &'a T,
    /// The other's.
    pub y: &'a T,
}

/// What every prompt stands for in D2 of both writers; their mean is D2. `None` where no prompt is of another family.
///
/// Two texts of one manner are never the same, so that one text of each prompt says nothing about the prompt. Over prompts the
/// texts are draws of their writers: h_i, the mean of k(x_i, x_j) + k(y_i, y_j) − k(x_i, y_j) − k(y_i, x_j) over the prompts j of
/// other families, has the mean U, the unbiased D2 (Gretton et al. 2012, eq. 4, for paired answers), and is 0 where both
/// write the same to every prompt. h_i is half of what its prompt adds to U, so 2 h_i − U stands for it: the mean is the
/// same, and the spread over families is that of U (Hoeffding 1948).
pub fn d2_shares<T>(pairs: &[Pair<'_, T>], kernel: &impl Fn(&T, &T) -> f64) -> Vec<Option<f64>> {
    let mut sums = vec![(0.0, 0.0); pairs.len()];
    for (i, a) in pairs.iter().enumerate() {
        for (j, b) in pairs[..i].iter().enumerate().filter(|(_, b)| b.family != a.family) {
            let h = kernel(a.x, b.x) + kernel(a.y, b.y) - kernel(a.x, b.y) - kernel(a.y, b.x);
            for place in [i, j] {
                sums[place].0 += h;
                sums[place].1 += 1.0;
            }
        }
    }
    let means: Vec<Option<f64>> = sums.into_iter().map(|(sum, count)| (count > 0.0).then(|| sum / count)).collect();
    let known: Vec<f64> = means.iter().flatten().copied().collect();
    let whole = known.iter().sum::<f64>() / known.len().max(1) as f64;
    means.into_iter().map(|mean| mean.map(|mean| 2.0 * mean - whole)).collect()
}
