//! Eigenvalues of symmetric matrices, for measures that are entropies of a spectrum.

/// All eigenvalues of a symmetric matrix, row by row, in ascending order and exact to about 1e-15 of the largest: Householder's
/// tridiagonal form, then bisection by Sturm counts (Golub and Van Loan, sections 8.3.1 and 8.4.1).
pub(crate) fn eigenvalues(matrix: &mut [f64], size: usize) -> Vec<f64> {
    let off = tridiagonal(matrix, size);
    let diagonal: Vec<f64> = (0..size).map(|i| matrix[i * size + i]).collect();
    let around = |i: usize| off.get(i).map_or(0.0, |e| e.abs()) + i.checked_sub(1).map_or(0.0, |i| off[i].abs());
    // Gershgorin: no eigenvalue lies outside.
    let lowest = (0..size).map(|i| diagonal[i] - around(i)).fold(f64::INFINITY, f64::min);
    let highest = (0..size).map(|i| diagonal[i] + around(i)).fold(f64::NEG_INFINITY, f64::max);
    let tolerance = f64::EPSILON * lowest.abs().max(highest.abs());
    let mut from = lowest;
    let found = (0..size).map(|place| {
        let (mut low, mut high) = (from, highest);
        while high - low > tolerance {
            let middle = low + 0.5 * (high - low);
            if middle <= low || middle >= high {
                break;
            }
            if below(&diagonal, &off, middle) > place { high = middle } else { low = middle }
        }
        from = low;
        low + 0.5 * (high - low)
    });
    found.collect()
}

/// Brings the matrix to tridiagonal form by reflections, its diagonal in place; returns the elements beside it.
fn tridiagonal(matrix: &mut [f64], size: usize) -> Vec<f64> {
    let mut off = vec![0.0; size.saturating_sub(1)];
    for k in 0..off.len() {
        let (above, rest) = matrix.split_at_mut((k + 1) * size);
        let mut mirror = above[k * size + k + 1..].to_vec();
        off[k] = mirror[0];
        if mirror[1..].iter().all(|&value| value == 0.0) {
            continue;
        }
        let length = mirror.iter().map(|value| value * value).sum::<f64>().sqrt();
        off[k] = if mirror[0] > 0.0 { -length } else { length };
        mirror[0] -= off[k];
        let squares: f64 = mirror.iter().map(|value| value * value).sum();
        let mut shift: Vec<f64> = rest
            .chunks_exact(size)
            .map(|row| 2.0 / squares * row[k + 1..].iter().zip(&mirror).map(|(a, v)| a * v).sum::<f64>())
            .collect();
        let along = shift.iter().zip(&mirror).map(|(p, v)| p * v).sum::<f64>() / squares;
        shift.iter_mut().zip(&mirror).for_each(|(p, v)| *p -= along * v);
        for (row, (v, w)) in rest.chunks_exact_mut(size).zip(mirror.iter().zip(&shift)) {
            let others = mirror.iter().zip(&shift);
            row[k + 1..].iter_mut().zip(others).for_each(|(a, (other_v, other_w))| *a -= v * other_w + w * other_v);
        }
    }
    off
}

/// How many eigenvalues of a tridiagonal matrix lie below `bound`: the negative pivots of its elimination.
fn below(diagonal: &[f64], off: &[f64], bound: f64) -> usize {
    let mut pivot = 1.0;
    let pivots = diagonal.iter().enumerate().map(|(i, value)| {
        let carried = i.checked_sub(1).map_or(0.0, |i| off[i] * off[i] / pivot);
        pivot = value - bound - carried;
        if pivot == 0.0 {
            pivot = -f64::MIN_POSITIVE;
        }
        pivot
    });
    pivots.filter(|pivot| *pivot < 0.0).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(mut matrix: Vec<f64>, expected: &[f64]) {
        let found = eigenvalues(&mut matrix, expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-13 * (1.0 + expected.abs()), "{found} {expected}");
        }
    }

    #[test]
    fn spectra_that_are_known() {
        check(vec![], &[]);
        check(vec![3.0], &[3.0]);
        check(vec![0.0; 9], &[0.0; 3]);
        check(vec![2.0, 1.0, 1.0, 2.0], &[1.0, 3.0]);
        check(vec![0.0, 0.0, 5.0, 0.0, -1.0, 0.0, 5.0, 0.0, 0.0], &[-5.0, -1.0, 5.0]);
        // All ones: n once and 0 else.
        let mut ones = vec![0.0; 40];
        ones[39] = 40.0;
        check(vec![1.0; 1600], &ones);
        // The second difference of n points: 2 − 2 cos(jπ/(n + 1)).
        let size = 30;
        let cell = |i: usize, j: usize| [2.0, -1.0].get(i.abs_diff(j)).copied().unwrap_or(0.0);
        let expected = |j: usize| 2.0 - 2.0 * (j as f64 * std::f64::consts::PI / (size + 1) as f64).cos();
        check(
            (0..size * size).map(|at| cell(at / size, at % size)).collect(),
            &(1..=size).map(expected).collect::<Vec<_>>(),
        );
    }

    #[test]
    fn the_trace_and_the_squares_are_kept() {
        let size = 25;
        let value = |i: usize, j: usize| ((i * j + i + j) as f64).sin();
        let mut matrix: Vec<f64> = (0..size * size).map(|at| value(at / size, at % size)).collect();
        let trace: f64 = (0..size).map(|i| value(i, i)).sum();
        let squares: f64 = matrix.iter().map(|v| v * v).sum();
        let found = eigenvalues(&mut matrix, size);
        assert!((found.iter().sum::<f64>() - trace).abs() < 1e-12);
        assert!((found.iter().map(|v| v * v).sum::<f64>() - squares).abs() < 1e-11);
    }
}
