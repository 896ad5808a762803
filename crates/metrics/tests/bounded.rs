//! What two lists say of two distributions: the numbers of both rows of logits are always within, closer the longer the lists, and
//! met by lists of everything.
#![allow(clippy::unwrap_used)]

use crate::support;

use hydrometer_metrics::PositionStats;
use hydrometer_metrics::sparse::{BoundedStats, ChatList, ListedDistribution, ShownError, Within, bounds};
use proptest::prelude::*;
use support::{by_probability, compare, log_softmax, noisy, random, zipf_row};

/// The `k` most probable tokens of a row, and a token of the text.
fn listed(row: &[f32], k: usize, next: usize) -> ListedDistribution {
    let log_p = log_softmax(row, 1.0);
    let pair = |token: usize| (token as u32, log_p[token] as f32);
    let head: Vec<_> = by_probability(row).into_iter().take(k).map(pair).collect();
    ListedDistribution::new(&head, pair(next), row.len()).unwrap()
}

fn between(teacher: &[f32], student: &[f32], [of_teacher, of_student]: [usize; 2], next: usize) -> BoundedStats {
    bounds(&listed(teacher, of_teacher, next), &listed(student, of_student, next), teacher.len())
}

/// The bounds, each with what it bounds.
fn pairs(s: &BoundedStats, exact: &PositionStats) -> [(&'static str, Within, f32); 9] {
    let tail = |bands: [f32; 4]| bands[2] + bands[3];
    [
        ("kl", s.kl, exact.kl),
        ("reverse_kl", s.reverse_kl, exact.reverse_kl),
        ("jsd", s.jsd, exact.jsd),
        ("overlap", s.overlap, exact.overlap),
        ("teacher_entropy", s.teacher_entropy, exact.teacher_entropy),
        ("student_entropy", s.student_entropy, exact.student_entropy),
        ("tail_mass", s.tail_mass, tail(exact.band_mass)),
        ("tail_kept", s.tail_kept, tail(exact.band_overlap)),
        ("tail_invented", s.tail_invented, tail(exact.band_invented)),
    ]
}

/// Rounding of 32 bits, which the numbers of two rows have, too.
fn rounding(of: f32) -> f32 {
    3e-6 * (1.0 + of.abs())
}

fn check_within(found: &BoundedStats, exact: &PositionStats, what: &str) -> Result<(), TestCaseError> {
    for (name, Within { low, high }, truth) in pairs(found, exact) {
        let allowed = rounding(truth);
        prop_assert!(low <= truth + allowed, "{what}: {name} is {truth}, and the lower bound is {low}");
        prop_assert!(truth <= high + allowed, "{what}: {name} is {truth}, and the upper bound is {high}");
    }
    prop_assert_eq!((found.teacher_top1, found.student_top1), (exact.teacher_top1, exact.student_top1));
    let near = |one: f32, other: f32| (one - other).abs() <= rounding(other);
    prop_assert!(found.teacher_logprob.is_some_and(|found| near(found, exact.teacher_logprob)));
    prop_assert!(found.student_logprob.is_some_and(|found| near(found, exact.student_logprob)));
    if let Some(tau) = found.kendall_tau {
        prop_assert!(near(tau, exact.kendall_tau), "{what}: tau is {}, found {tau}", exact.kendall_tau);
    }
    Ok(())
}

/// A student of a teacher: alike, noisy, another one altogether, the teacher's tokens turned round, or sure of one token.
fn student_of(teacher: &[f32], kind: usize, seed: u64) -> Vec<f32> {
    let mut source = random(seed);
    match kind {
        0 => teacher.to_vec(),
        1 => noisy(teacher, 0.3, &mut source),
        2 => noisy(teacher, 3.0, &mut source),
        3 => zipf_row(teacher.len(), 1.2, &mut source),
        4 => teacher.iter().rev().copied().collect(),
        _ => {
            let mut row = noisy(teacher, 1.0, &mut source);
            row[seed as usize % teacher.len()] += 45.0;
            row
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_truth_is_always_within_and_longer_lists_say_more(
        seed in 0_u64..1 << 40, kind in 0_usize..6, vocab in 12_usize..260, exponent in 0.3_f64..2.5,
        k in prop::array::uniform2(1_usize..80), more in prop::array::uniform2(0_usize..80), next in 0_usize..1 << 20,
    ) {
        let teacher = zipf_row(vocab, exponent, &mut random(seed));
        let student = student_of(&teacher, kind, seed ^ 77);
        let next = next % vocab;
        let exact = compare(&teacher, &student, next as u32);
        let shorter = k.map(|k| k.min(vocab));
        let longer = [0, 1].map(|of| (shorter[of] + more[of]).min(vocab));
        let found = between(&teacher, &student, shorter, next);
        check_within(&found, &exact, "short lists")?;
        let closer = between(&teacher, &student, longer, next);
        check_within(&closer, &exact, "longer lists")?;
        for ((name, wide, _), (_, close, _)) in pairs(&found, &exact).into_iter().zip(pairs(&closer, &exact)) {
            // The mass that rounding may have taken from a sum is added to what is open as long as anything is.
            let allowed = 2e-4 + rounding(wide.high);
            prop_assert!(close.low >= wide.low - allowed, "{name}: {close:?} of longer lists, {wide:?} of shorter ones");
            prop_assert!(close.high <= wide.high + allowed, "{name}: {close:?} of longer lists, {wide:?} of shorter ones");
        }
    }

    #[test]
    fn a_chat_s_list_bounds_a_student_that_is_known(
        seed in 0_u64..1 << 40, kind in 0_usize..6, vocab in 24_usize..260, exponent in 0.3_f64..2.5, k in 2_usize..21,
        next in 0_usize..1 << 20, said in any::<bool>(), strange in 2_usize..40, off in -9e-4_f64..9e-4,
    ) {
        let teacher = zipf_row(vocab, exponent, &mut random(seed));
        let student = student_of(&teacher, kind, seed ^ 77);
        let next = (next % vocab) as u32;
        let exact = compare(&teacher, &student, next);
        // All that is listed is off by the same share, as llama.cpp's sums are.
        let log_p: Vec<f32> = log_softmax(&teacher, 1.0).iter().map(|p| (p + off.ln_1p()).min(0.0) as f32).collect();
        let ranked: Vec<u32> = by_probability(&teacher).into_iter().take(k).map(|token| token as u32).collect();
        let is_strange = |token: u32| (token as usize + seed as usize).is_multiple_of(strange);
        let pair = |token: u32| (token, log_p[token as usize]);
        let listed: Vec<_> = ranked.iter().filter(|token| !is_strange(**token)).map(|token| pair(*token)).collect();
        let nameless: Vec<f32> = ranked.iter().filter(|token| is_strange(**token)).map(|token| pair(*token).1).collect();
        let list = ChatList {
            listed: &listed,
            last: pair(ranked[k - 1]).1,
            nameless: &nameless,
            next: (next, Some(pair(next).1).filter(|_| said && !is_strange(next))),
        };
        if let Some(teacher) = ListedDistribution::of_chat(list, vocab).unwrap() {
            let found = bounds(&teacher, &ListedDistribution::of_logits(&student, next).unwrap(), vocab);
            for (name, Within { low, high }, truth) in pairs(&found, &exact) {
                let allowed = rounding(truth);
                prop_assert!(low <= truth + allowed, "{name} is {truth}, and the lower bound is {low}");
                prop_assert!(truth <= high + allowed, "{name} is {truth}, and the upper bound is {high}");
            }
            prop_assert_eq!((found.teacher_top1, found.student_top1), (exact.teacher_top1, exact.student_top1));
            prop_assert!((found.student_logprob.unwrap() - exact.student_logprob).abs() <= rounding(exact.student_logprob));
            if let Some(tau) = found.kendall_tau {
                prop_assert!((tau - exact.kendall_tau).abs() <= 1e-5, "tau is {}, found {tau}", exact.kendall_tau);
            }
        } else {
            let masses = ranked.iter().scan(0.0, |sum, token| {
                *sum += f64::from(pair(*token).1).exp();
                Some(*sum)
            });
            let narrow = masses.into_iter().any(|mass| (mass - 0.9).abs() < 1.1e-3);
            prop_assert!(!nameless.is_empty() || narrow, "only tokens without an id hide the others, and a narrow end");
        }
    }

    #[test]
    fn lists_of_everything_say_everything(
        seed in 0_u64..1 << 40, kind in 0_usize..6, vocab in 12_usize..200, exponent in 0.3_f64..2.5,
    ) {
        let teacher = zipf_row(vocab, exponent, &mut random(seed));
        let student = student_of(&teacher, kind, seed ^ 77);
        let exact = compare(&teacher, &student, 0);
        let found = between(&teacher, &student, [vocab; 2], 0);
        for (name, Within { low, high }, truth) in pairs(&found, &exact) {
            prop_assert!(high - low <= 1e-6 * (1.0 + truth.abs()), "{name}: {low} to {high}");
            prop_assert!((low - truth).abs() <= rounding(truth), "{name}: {low}, expected {truth}");
        }
        prop_assert_eq!((found.teacher_unlisted, found.student_unlisted), (0.0, 0.0));
    }
}

/// p = (½, ¼, ¼·…) of which two tokens are listed, and q of which two others are: by hand.
#[test]
fn lists_without_a_token_in_common_are_far_apart_for_certain() {
    let half = 0.45_f32.ln();
    let teacher = ListedDistribution::new(&[(0, half), (1, half)], (0, half), 1_000).unwrap();
    let student = ListedDistribution::new(&[(2, half), (3, half)], (0, -20.0), 1_000).unwrap();
    let found = bounds(&teacher, &student, 1_000);
    // Token 0 is known of both. What the student has left, 0.1, can all be on token 1, and so can the teacher's on 2 and 3.
    let q = f64::from((-20.0_f32).exp());
    let expected = 0.45 * (0.45 / q).ln() + 0.45 * (0.45 / 0.1_f64).ln() + 0.1 * (0.1 / 0.9_f64).ln();
    assert!((f64::from(found.kl.low) - expected).abs() < 2e-3, "{} {expected}", found.kl.low);
    assert!(found.overlap.low < 1e-6 && (found.overlap.high - 0.2).abs() < 1e-4, "{:?}", found.overlap);
    assert_eq!((found.teacher_top1, found.student_top1), (0, 2));
}

/// A token that the student's list lacks has at most the probability of its last one: that is more than the mass that is left says.
#[test]
fn what_a_list_lacks_is_no_more_probable_than_its_last_token() {
    let p: Vec<(u32, f32)> = vec![(0, 0.9_f32.ln()), (1, 0.05_f32.ln())];
    let q: Vec<(u32, f32)> = (1..101).map(|token| (token, 0.005_f32.ln())).collect();
    let teacher = ListedDistribution::new(&p, p[1], 10_000).unwrap();
    let student = ListedDistribution::new(&q, q[0], 10_000).unwrap();
    let found = bounds(&teacher, &student, 10_000);
    // Half of q is open, and none of it may be more than 0.005 on token 0.
    assert!(f64::from(found.kl.low) > 0.9 * (0.9 / 0.005_f64).ln() - 0.2, "{:?}", found.kl);
    assert!(found.overlap.high < 0.006 + 0.05 + 0.05, "{:?}", found.overlap);
}

/// Of a student whose logits are there, the worst that the teacher's list allows is known, and far below what the floor would say.
#[test]
fn what_the_teacher_does_not_list_is_at_worst_where_a_known_student_has_least() {
    let q: [f64; 6] = [0.5, 0.3, 0.1, 0.06, 0.03, 0.01];
    // The list of the teacher ends with 0.2; 0.3 is open, on no token more than 0.2.
    let (teacher, worst) = ([(0, 0.5_f32.ln()), (1, 0.2_f32.ln())], [0.5, 0.2, 0.0, 0.0, 0.1, 0.2]);
    let student = ListedDistribution::of_logits(&q.map(|q| q.ln() as f32), 0).unwrap();
    let found = bounds(&ListedDistribution::new(&teacher, teacher[0], 6).unwrap(), &student, 6);
    let term = |(p, q): (f64, f64)| if p > 0.0 { p * (p / q).ln() } else { 0.0 };
    let truth: f64 = worst.into_iter().zip(q).map(term).sum();
    // What is open is taken to be as large as its largest part throughout, and a little larger for rounding.
    let most = truth + 0.1 * 2_f64.ln() + 1e-3;
    assert!((truth..most).contains(&found.kl.high.into()), "{:?}, expected {truth} to {most}", found.kl);
}

#[test]
fn a_list_that_ends_before_the_nucleus_bounds_the_tail() {
    let row: Vec<f32> = (0..400).map(|token| -0.01 * token as f32).collect();
    let exact = compare(&row, &row, 3);
    let found = between(&row, &row, [20, 20], 3);
    assert_eq!((found.tail_mass.low, found.tail_kept.low), (0.0, 0.0));
    assert!(found.tail_mass.high <= 0.1 + 1e-6 && found.tail_mass.high >= exact.band_mass[2], "{:?}", found.tail_mass);
}

#[test]
fn what_is_no_list_is_refused() {
    let check = |listed: &[(u32, f32)], next: (u32, f32), expected: &str| {
        let error = ListedDistribution::new(listed, next, 10).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    let good = [(0, -0.1), (1, -3.0)];
    assert!(ListedDistribution::new(&good, (7, -4.0), 10).is_ok());
    check(&[], (0, -0.1), "no token is listed");
    check(&good, (7, -2.0), "token 7 is not listed with its log-probability of -2, although the list goes down to -3");
    check(&good, (7, 0.5), "log-probability 0.5");
    check(&good, (10, -4.0), "token 10 is outside of a distribution over 10 tokens");
    check(&[(0, -0.1), (0, -3.0)], good[0], "token 0 is listed twice");
    let sum = ListedDistribution::new(&[(0, -0.1), (1, -0.2)], good[0], 10);
    assert!(matches!(sum, Err(ShownError::Sum { .. })), "{sum:?}");
}

#[test]
fn a_token_without_an_id_hides_what_is_less_probable() {
    let list = |listed: &[f64], nameless: &[f64], last: f64| {
        let listed: Vec<(u32, f32)> = (0..).zip(listed).map(|(token, p)| (token, p.ln() as f32)).collect();
        let nameless: Vec<f32> = nameless.iter().map(|p| p.ln() as f32).collect();
        let last = last.ln() as f32;
        let list = ChatList { listed: &listed, last, nameless: &nameless, next: (7, None) };
        ListedDistribution::of_chat(list, 100).unwrap()
    };
    // Beyond the nucleus it is one of those that are not listed, however probable: nothing else may have more.
    assert!(list(&[0.6, 0.32, 0.01], &[0.03], 0.01).is_some());
    // The most probable one, one of the nucleus, one that may be: nobody knows what the others are.
    assert!(list(&[0.3, 0.2], &[0.4], 0.2).is_none());
    assert!(list(&[0.6, 0.2, 0.15], &[0.3], 0.15).is_none());
    assert!(list(&[0.6, 0.2], &[0.15], 0.15).is_none());
    assert!(list(&[], &[0.9], 0.9).is_none());
    // A list that ends within the nucleus with all its tokens.
    assert!(list(&[0.4, 0.2], &[0.15], 0.15).is_some());
    let teacher = list(&[0.6, 0.32, 0.01], &[0.03], 0.01).unwrap();
    let student: Vec<f32> = (0..100).map(|token| if token == 50 { 5.0 } else { 0.0 }).collect();
    let found = bounds(&teacher, &ListedDistribution::of_logits(&student, 7).unwrap(), 100);
    assert_eq!((found.target, found.teacher_logprob), (7, None));
    // Token 50 has 0.6 of q, and 0.03 of p at most.
    assert!(found.overlap.high < 0.1, "{:?}", found.overlap);
    assert!(ListedDistribution::of_logits(&[0.0, f32::NAN], 0).is_err());
    assert!(ListedDistribution::of_logits(&[0.0, 1.0], 2).is_err());
}
