//! Clopper and Pearson's exact bounds of a share (1934), of whole and of fractional counts: all such bounds of this crate come from here. Apart
//! from the library's own quantiles, which do not end for some counts, and whose law is wrong near the middle of more than 100,000 trials.

use statrs::function::gamma::ln_gamma;

/// Of a bound, to its last digits; the chance itself is known to six digits among 10⁹ trials, and to nine among 10⁶.
const PRECISION: f64 = 4.0 * f64::EPSILON;
/// Steps of a continued fraction: near the middle of n trials it takes about a fifth of √n, in the tails a few hundred.
const STEPS: usize = 1_000_000;
/// What stands for 0 in a denominator.
const TINY: f64 = 1e-300;

/// The least share under which so many `events` of `trials` or more have a chance of `alpha`; 0 where there are none. `None` for counts and
/// chances that are none, and in the middle of more trials than 10¹³.
pub(super) fn below(events: f64, trials: f64, alpha: f64) -> Option<f64> {
    if events <= 0.0 {
        return Some(0.0);
    }
    share_at(|share| Some(tails(events, trials - events + 1.0, share)?[0] >= alpha))
}

/// The largest share under which so many `events` of `trials` or fewer have a chance of `alpha`; 1 where all are events. `None` as for
/// [`below`].
pub(super) fn above(events: f64, trials: f64, alpha: f64) -> Option<f64> {
    if trials - events <= 0.0 {
        return Some(1.0);
    }
    share_at(|share| Some(tails(events + 1.0, trials - events, share)?[1] <= alpha))
}

/// Where something that is so of large shares begins to be so, by bisection.
fn share_at(is_so: impl Fn(f64) -> Option<bool>) -> Option<f64> {
    let (mut low, mut high) = (0.0, 1.0);
    while high - low > PRECISION * high {
        let middle = 0.5 * (low + high);
        if middle < f64::MIN_POSITIVE {
            return Some(0.0);
        }
        if is_so(middle)? { high = middle } else { low = middle }
    }
    Some(high)
}

/// The chances that a value of the law Beta(a, b) lies below x, in (0, 1), and above it: the smaller one to its own last digits.
fn tails(a: f64, b: f64, x: f64) -> Option<[f64; 2]> {
    let counts = a > 0.0 && b > 0.0 && a.is_finite() && b.is_finite();
    let density = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p();
    let chance = |a: f64, b: f64, x: f64| Some((density.exp() / (a * fraction(a, b, x)?)).min(1.0));
    match x < (a + 1.0) / (a + b + 2.0) {
        _ if !counts => None,
        true => chance(a, b, x).map(|below| [below, 1.0 - below]),
        false => chance(b, a, 1.0 - x).map(|above| [1.0 - above, above]),
    }
}

/// The continued fraction of the incomplete beta function (DLMF 8.17.22), by Lentz's method as Thompson and Barnett changed it (Journal of
/// Computational Physics 64, 1986). It converges fast for x below (a + 1)/(a + b + 2).
fn fraction(a: f64, b: f64, x: f64) -> Option<f64> {
    let apart = |value: f64| if value.abs() < TINY { TINY } else { value };
    let (mut whole, mut over, mut under) = (1.0_f64, 1.0_f64, 0.0_f64);
    for step in 1..=STEPS {
        let (m, last) = ((step / 2) as f64, a + step as f64);
        let term = match step % 2 {
            0 => m * (b - m) * x / ((last - 1.0) * last),
            _ => -(a + m) * (a + b + m) * x / ((last - 1.0) * last),
        };
        under = 1.0 / apart(1.0 + term * under);
        over = apart(1.0 + term / over);
        whole *= over * under;
        if (over * under - 1.0).abs() <= 2.0 * f64::EPSILON {
            return Some(whole);
        }
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const ALPHAS: [f64; 7] = [0.5, 0.05, 0.025, 1e-3, 1e-6, 1e-12, 1e-30];

    /// Logarithm of the chance of just so many events.
    fn ln_chance(events: f64, trials: f64, share: f64) -> f64 {
        ln_gamma(trials + 1.0) - ln_gamma(events + 1.0) - ln_gamma(trials - events + 1.0)
            + events * share.ln()
            + (trials - events) * (-share).ln_1p()
    }

    /// The chance of so many events or more, term by term.
    fn at_least(events: f64, trials: f64, share: f64) -> f64 {
        let odds = share / (1.0 - share);
        let (mut term, mut sum, mut k) = (1.0, 0.0, events);
        while k <= trials && term > 1e-18 * sum {
            sum += term;
            term *= (trials - k) / (k + 1.0) * odds;
            k += 1.0;
        }
        ln_chance(events, trials, share).exp() * sum
    }

    /// Of more trials a chance is known to fewer digits.
    fn near(found: f64, alpha: f64, trials: f64, of: &str) {
        let slack = alpha * (1e-8 + 1e-11 * trials.sqrt() + 3e-14 * trials);
        assert!((found - alpha).abs() <= slack, "{of}: {found:e} for {alpha:e}");
    }

    #[test]
    fn whole_counts_have_the_binomial_law() {
        for trials in [1.0, 2.0, 10.0, 146.0, 1000.0, 9999.0, 1e5, 1e6, 1e9] {
            for events in [0.0, 1.0, 2.0, 5.0, 40.0, 0.01 * trials, 0.5 * trials, trials - 1.0, trials] {
                let events = f64::floor(events);
                if events > trials {
                    continue;
                }
                for alpha in ALPHAS {
                    let of = format!("{events} of {trials}");
                    let (low, high) = (below(events, trials, alpha).unwrap(), above(events, trials, alpha).unwrap());
                    assert!(low <= high || alpha >= 0.5, "{of} at {alpha}: {low} {high}");
                    match events > 0.0 {
                        true => near(at_least(events, trials, low), alpha, trials, &of),
                        false => assert_eq!(low, 0.0),
                    }
                    match events < trials {
                        // What is left of a share so near 1 has too few digits.
                        true if high > 0.999 => {}
                        // No more than k events are no fewer than n − k others.
                        true => near(at_least(trials - events, trials, 1.0 - high), alpha, trials, &of),
                        false => assert_eq!(high, 1.0),
                    }
                }
            }
        }
    }

    /// The chance of less than x under Beta(a, b), by Simpson's rule over s with t = x sᵐ, which leaves no pole at 0.
    fn integral(a: f64, b: f64, x: f64) -> f64 {
        const PIECES: usize = 20_000;
        let m = f64::max(1.0, 4.0 / a);
        let density = |s: f64| s.powf(m * a - 1.0) * (1.0 - x * s.powf(m)).powf(b - 1.0);
        let weight = |k: usize| if k == 0 || k == PIECES { 1.0 } else { [2.0, 4.0][k % 2] };
        let sum: f64 = (0..=PIECES).map(|k| weight(k) * density(k as f64 / PIECES as f64)).sum();
        sum / (3.0 * PIECES as f64) * m * (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln()).exp()
    }

    #[test]
    fn fractional_counts_have_the_law_between() {
        for trials in [1.5, 7.3, 60.25, 812.5] {
            for events in [0.01, 0.4, 1.0, 2.7, 6.1, 30.5] {
                if events >= trials {
                    continue;
                }
                for alpha in [0.5, 0.05, 1e-3] {
                    let of = format!("{events} of {trials} at {alpha}");
                    let (low, high) = (below(events, trials, alpha).unwrap(), above(events, trials, alpha).unwrap());
                    let slack = 1e-5 * alpha;
                    // A share below the least number there is has no digits.
                    if low > 1e-300 {
                        let found = integral(events, trials - events + 1.0, low);
                        assert!((found - alpha).abs() <= slack, "{of}, below: {found}");
                    }
                    let found = integral(trials - events, events + 1.0, 1.0 - high);
                    assert!((found - alpha).abs() <= slack, "{of}, above: {found}");
                }
            }
        }
    }

    #[test]
    fn bounds_move_with_their_arguments_and_end() {
        for trials in [0.3, 1.0, 3.7, 59.0, 300.2, 1e4, 1e6, 1e10] {
            let mut last = [0.0, 0.0];
            for k in 0..=40 {
                let events = trials * f64::from(k) / 40.0;
                let found = [below(events, trials, 0.05).unwrap(), above(events, trials, 0.05).unwrap()];
                assert!(last[0] <= found[0] && last[1] <= found[1], "{events} of {trials}: {last:?} {found:?}");
                assert!((0.0..=1.0).contains(&found[0]) && (0.0..=1.0).contains(&found[1]), "{found:?}");
                last = found;
            }
        }
        // No event: 1 − α^(1/n), also where it is tiny.
        for (trials, alpha) in [(60.0, 0.05), (1e9, 1e-12), (0.5, 0.025)] {
            let exact = -(f64::ln(alpha) / trials).exp_m1();
            assert!((above(0.0, trials, alpha).unwrap() / exact - 1.0).abs() < 1e-6, "{trials} {alpha}");
        }
        assert_eq!(
            (below(f64::NAN, 9.0, 0.05), above(1.0, f64::NAN, 0.05), above(-2.0, 9.0, 0.05)),
            (None, None, None)
        );
    }
}
