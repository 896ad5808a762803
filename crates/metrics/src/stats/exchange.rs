//! Has something changed between two times that does not stand still at either? Two observations of each time are taken, of several
//! blocks. Where nothing changed it makes no difference which of a block's four stand together as pairs: the test is exact, whatever
//! the observations are and however much they differ by themselves (Fisher 1935; Pitman 1937; with distances Székely and Rizzo 2004).

/// Most blocks: all 3ⁿ ways of pairing are gone through.
pub const MOST_BLOCKS: usize = 12;
/// What rounding may add to a sum of distances.
const ROUNDING: f64 = 1e-12;

/// Distances among the four observations of a block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quartet {
    /// Between the two of the first time, and between the two of the second.
    pub within: [f64; 2],
    /// From each of the first time to each of the second: 1–1, 1–2, 2–1, 2–2.
    pub across: [f64; 4],
}

/// What four observations of every block say of a change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exchange {
    /// Mean distance of two observations of one time: the floor.
    pub within: f64,
    /// Mean distance of one of the first time from one of the second.
    pub across: f64,
    /// Probability of pairs that are at least so near to each other, if it made no difference which stand together.
    pub p_value: f64,
}

/// `None` without a block, with more than [`MOST_BLOCKS`], or where a distance is no number from 0 on.
pub fn exchange(blocks: &[Quartet]) -> Option<Exchange> {
    let sound = |distance: &f64| distance.is_finite() && *distance >= 0.0;
    let all_sound = blocks.iter().all(|block| block.within.iter().chain(&block.across).all(sound));
    if blocks.is_empty() || blocks.len() > MOST_BLOCKS || !all_sound {
        return None;
    }
    let pairings: Vec<[f64; 3]> = blocks
        .iter()
        .map(|Quartet { within, across }| [within[0] + within[1], across[0] + across[3], across[1] + across[2]])
        .collect();
    let observed: f64 = pairings.iter().map(|sums| sums[0]).sum();
    let limit = observed + ROUNDING * (1.0 + observed);
    let (ways, count) = (3f64.powi(blocks.len() as i32), blocks.len() as f64);
    Some(Exchange {
        within: observed / (2.0 * count),
        across: blocks.iter().flat_map(|block| block.across).sum::<f64>() / (4.0 * count),
        p_value: at_most(&pairings, limit) as f64 / ways,
    })
}

/// Ways of pairing whose sum is at most so large.
fn at_most(pairings: &[[f64; 3]], limit: f64) -> u64 {
    let Some((first, rest)) = pairings.split_first() else { return u64::from(limit >= 0.0) };
    first.iter().map(|sum| at_most(rest, limit - sum)).sum()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Of four numbers: two of the first time, two of the second.
    fn quartet([a, b, c, d]: [f64; 4]) -> Quartet {
        let distance = |x: f64, y: f64| (x - y).abs();
        Quartet {
            within: [distance(a, b), distance(c, d)],
            across: [distance(a, c), distance(a, d), distance(b, c), distance(b, d)],
        }
    }

    #[test]
    fn a_change_of_what_stands_still_is_as_sure_as_there_are_blocks() {
        let check = |changed: usize, same: usize, p: f64| {
            let blocks: Vec<_> = std::iter::repeat_n(quartet([0.0, 0.0, 1.0, 1.0]), changed)
                .chain(std::iter::repeat_n(quartet([0.0; 4]), same))
                .collect();
            let found = exchange(&blocks).unwrap();
            assert!((found.p_value - p).abs() < 1e-12, "{}", found.p_value);
            assert_eq!(found.within, 0.0);
        };
        check(8, 0, 3f64.powi(-8));
        check(5, 3, 3f64.powi(-5));
        check(0, 8, 1.0);
    }

    #[test]
    fn what_moves_by_itself_is_no_change() {
        // The same four values, whichever stand together.
        let crossed = exchange(&[quartet([0.0, 1.0, 0.0, 1.0]); 8]).unwrap();
        assert!(crossed.p_value > 0.99 && crossed.within > crossed.across, "{crossed:?}");
    }

    #[test]
    fn its_level_holds_for_noise_of_any_size() {
        // Four draws of one law a block: at most a share α of all runs says so at level α.
        let mut state = 7u64;
        let mut draw = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as f64 / f64::from(1u32 << 31)
        };
        const RUNS: usize = 4_000;
        let mut said = 0;
        for run in 0..RUNS {
            let scale = 10f64.powi(run as i32 % 5 - 2);
            let blocks: Vec<_> = (0..6).map(|_| quartet([0; 4].map(|_| scale * draw()))).collect();
            said += usize::from(exchange(&blocks).unwrap().p_value <= 0.05);
        }
        // Three standard deviations above 0.05 of 4,000.
        assert!(said <= 200 + 3 * 14, "{said} of {RUNS}");
        assert!(said >= 100, "{said} of {RUNS}: no test at all");
    }

    #[test]
    fn nothing_is_said_of_nothing() {
        assert_eq!(exchange(&[]), None);
        assert_eq!(exchange(&[quartet([0.0; 4]); MOST_BLOCKS + 1]), None);
        assert_eq!(exchange(&[quartet([f64::NAN, 0.0, 0.0, 0.0])]), None);
    }
}
