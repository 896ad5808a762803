//! Statistics of ranks: how surely one number tells two groups apart, and whether one rises with another. They ask for no
//! law of the values.

/// Chance that a value of `these` exceeds one of `those`, ties counting half: the area under the curve of a detector that
/// tells the two apart by the value (Mann and Whitney 1947). `None` where either has no value.
pub fn area_under_curve(these: &[f64], those: &[f64]) -> Option<f64> {
    if these.is_empty() || those.is_empty() {
        return None;
    }
    let wins = |a: f64, b: f64| {
        if a > b {
            1.0
        } else if a == b {
            0.5
        } else {
            0.0
        }
    };
    let sum: f64 = these.iter().map(|&a| those.iter().map(|&b| wins(a, b)).sum::<f64>()).sum();
    Some(sum / (these.len() * those.len()) as f64)
}

/// Spearman's ρ (1904): Pearson's correlation of the ranks, equal values sharing their mean rank. `None` with fewer than two
/// pairs, or where either side never varies.
pub fn spearman(pairs: &[(f64, f64)]) -> Option<f64> {
    let (x, y): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let (x, y) = (ranks(&x), ranks(&y));
    // Ranks of n values have this mean, ties or none.
    let mean = (pairs.len() as f64 + 1.0) / 2.0;
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>();
    let scale = (product(&x, &x) * product(&y, &y)).sqrt();
    (scale > 0.0).then(|| product(&x, &y) / scale)
}

/// Ranks from 1 on, equal values sharing their mean rank.
fn ranks(values: &[f64]) -> Vec<f64> {
    let below = |value: f64| values.iter().filter(|&&other| other < value).count() as f64;
    let equal = |value: f64| values.iter().filter(|&&other| other == value).count() as f64;
    values.iter().map(|&value| below(value) + (equal(value) + 1.0) / 2.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_told_apart_as_often_as_one_value_exceeds_the_other() {
        let check = |these: &[f64], those: &[f64], expected| assert_eq!(area_under_curve(these, those), expected);
        check(&[2.0, 3.0], &[0.0, 1.0], Some(1.0));
        check(&[0.0, 1.0], &[2.0, 3.0], Some(0.0));
        check(&[1.0, 1.0], &[1.0], Some(0.5));
        // Of four pairs two are won and one is drawn.
        check(&[1.0, 3.0], &[1.0, 2.0], Some(0.625));
        check(&[], &[1.0], None);
    }

    #[test]
    fn ranks_that_rise_together_correlate() {
        let check = |pairs: &[(f64, f64)], expected: Option<f64>| match (spearman(pairs), expected) {
            (Some(found), Some(expected)) => assert!((found - expected).abs() < 1e-12, "{found} against {expected}"),
            (found, expected) => assert_eq!(found, expected),
        };
        check(&[(1.0, 10.0), (2.0, 100.0), (3.0, 101.0)], Some(1.0));
        check(&[(1.0, 3.0), (2.0, 2.0), (3.0, 1.0)], Some(-1.0));
        // 1 − 6 Σ d² / n(n² − 1) with d = (0, 1, 1).
        check(&[(1.0, 1.0), (2.0, 3.0), (3.0, 2.0)], Some(0.5));
        // Ranks 1, 2½, 2½ against 1, 2, 3: the correlation of the two is √3 / 2.
        check(&[(1.0, 1.0), (2.0, 2.0), (2.0, 3.0)], Some(0.75f64.sqrt()));
        check(&[(1.0, 1.0), (1.0, 2.0)], None);
        check(&[(1.0, 1.0)], None);
    }
}
