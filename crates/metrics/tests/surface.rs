//! Style features and secondary measures of diversity.
#![allow(clippy::unwrap_used)]

use hydrometer_metrics::diversity::{distinct_n, effective_answers, self_bleu, vendi, vendi_of_classes};
use hydrometer_metrics::kernel::same;
use hydrometer_metrics::style::{FEATURES, Manner, SHAPES, Scale, features};
use proptest::prelude::*;

#[track_caller]
fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9, "found {found}, expected {expected}");
}

#[test]
fn shapes_are_counted() {
    let text =
        "# Title\n- one\n* two\n3. three\n**Bold** and **bolder**. Is it? Perhaps.\nSorry, I can\u{2019}t. As an AI.";
    let found = features(text);
    let words = text.split_whitespace().count() as f64;
    near(found[0], words.ln_1p());
    let per_100 = |count: f64| 100.0 * count / words;
    // Headers, bold, list items, hedges, disclaimers, apologies, question marks.
    for (found, count) in found[1..8].iter().zip([1.0, 2.0, 3.0, 1.0, 1.0, 1.0, 1.0]) {
        near(*found, per_100(count));
    }
    near(found[SHAPES..].iter().sum(), 1.0);
    // Sentences of 2 and 4 words.
    let lengths = features("One two. One two three four!");
    near(lengths[8], 3.0);
    near(lengths[9], 1.0);
    assert_eq!(features(""), [0.0; FEATURES]);
    // Not inside other words, not without a space.
    let quiet = features("Unsorry maybes. #tag -x 3.14 1.x *y");
    assert_eq!(quiet[1..8], [0.0; 7]);
}

#[test]
fn content_does_not_enter() {
    let found = features("The red fox ate 12 of the grapes, and then it slept.");
    assert_eq!(found, features("The big cow saw 9876 of the clouds, and then it jumped."));
    assert_ne!(found, features("A red fox ate 12 of the grapes; and then it slept."));
}

#[test]
fn what_comes_with_a_decision_is_taken_off() {
    let says = |decision: char, level: f64| (decision, [level + if decision == 'r' { -3.0 } else { 0.0 }]);
    let teacher: Vec<_> = (0..396).map(|k| says(if k % 4 == 0 { 'r' } else { 'c' }, 1.0)).collect();
    let manner = Manner::of(&teacher);
    let less = |(decision, features): (char, [f64; 1])| manner.less(&decision, &features)[0];
    // The same level is the same style, whatever is decided, but for the four answers that each mean is drawn by.
    let apart = (less(says('r', 1.0)) - less(says('c', 1.0))).abs();
    assert!(apart < 0.12, "{apart}");
    near(less(says('c', 2.0)) - less(says('c', 1.0)), 1.0);
    // What the teacher never decides is compared with the mean of all.
    near(manner.less(&'x', &[0.25])[0], 0.0);
    // One answer says little: a fifth of the way to itself.
    let seldom = Manner::of(&[('c', [0.0]), ('c', [0.0]), ('c', [0.0]), ('c', [0.0]), ('r', [5.0])]);
    near(seldom.less(&'r', &[5.0])[0], 5.0 - (5.0 + 4.0) / 5.0);
    near(Manner::<char, 1>::of(&[]).less(&'r', &[5.0])[0], 5.0);
}

#[test]
fn scores_are_comparable_and_near_texts_are_near() {
    let texts =
        ["Yes.", "No.", "# Answer\n- yes\n- no", "# Reply\n- red\n- blue", "Perhaps it is. Perhaps not. Who knows?"];
    let raw: Vec<_> = texts.iter().map(|text| features(text)).collect();
    let scale = Scale::fit(&raw);
    let mut sum = 0.0;
    for (i, x) in raw.iter().enumerate() {
        near(scale.rbf(x, x), 1.0);
        for y in &raw[..i] {
            sum += -4.0 * scale.rbf(x, y).ln();
        }
    }
    // Differences of z-scores of n values have a mean square of 2n/(n − 1), in each of the two parts.
    near(sum / 10.0, 5.0);
    near(scale.rbf(&raw[0], &raw[1]), 1.0);
    near(scale.rbf(&raw[2], &raw[3]), 1.0);
    assert!(scale.rbf(&raw[0], &raw[2]) < 0.5);
    near(Scale::fit(&[]).rbf(&raw[0], &raw[4]), 1.0);
}

fn words(texts: &[&str]) -> Vec<Vec<String>> {
    texts.iter().map(|text| text.split_whitespace().map(str::to_owned).collect()).collect()
}

#[test]
fn distinct_n_of_small_texts() {
    let answers = words(&["a b a", "a b"]);
    near(distinct_n(&answers, 1).unwrap(), 2.0 / 5.0);
    near(distinct_n(&answers, 2).unwrap(), 2.0 / 3.0);
    assert_eq!(distinct_n(&answers, 4), None);
    assert_eq!(distinct_n(&answers, 0), None);
    assert_eq!(distinct_n::<u8>(&[], 1), None);
}

#[test]
fn self_bleu_of_small_texts() {
    near(self_bleu(&words(&["a b c d e", "a b c d e", "a b c d e"])).unwrap(), 1.0);
    near(self_bleu(&words(&["a b c d e", "f g h i j"])).unwrap(), 0.0);
    // "a b" against "a c": precisions 1/2, 1/2, and 1 where there is no longer n-gram.
    near(self_bleu(&words(&["a b", "a c"])).unwrap(), 0.25_f64.powf(0.25));
    // The shorter pays for its brevity: exp(1 − 4/2); the longer is right in 2/4, 2/4, 1/3 and 1/2.
    let (short, long) = ((-1.0_f64).exp(), (2.0 / 4.0 * 2.0 / 4.0 * 1.0 / 3.0 * 1.0 / 2.0_f64).powf(0.25));
    near(self_bleu(&words(&["a b", "a b c d"])).unwrap(), (short + long) / 2.0);
    near(self_bleu(&words(&["", ""])).unwrap(), 1.0);
    near(self_bleu(&words(&["", "a"])).unwrap(), 0.0);
    assert_eq!(self_bleu(&words(&["a"])), None);
}

#[test]
fn vendi_of_classes_is_the_exponential_of_their_entropy() {
    near(vendi(&[1, 1, 1, 1], same).unwrap(), 1.0);
    near(vendi(&[1, 2, 3, 4, 5], same).unwrap(), 5.0);
    let entropy = -(0.5_f64 * 0.5_f64.ln() + 0.3 * 0.3_f64.ln() + 0.2 * 0.2_f64.ln());
    near(vendi(&[1, 1, 2, 1, 2, 3, 3, 1, 2, 1], same).unwrap(), entropy.exp());
    assert_eq!(vendi(&[], same), None);
    assert_eq!(vendi(&[1, 2], |_: &u32, _: &u32| f64::NAN), None);
    // Two answers with kernel c: eigenvalues (1 ± c)/2.
    let (low, high) = (0.3, 0.7_f64);
    let found = vendi(&[0, 1], |x: &u32, y: &u32| if x == y { 1.0 } else { 0.4 }).unwrap();
    near(found, (-low * f64::ln(low) - high * high.ln()).exp());
    near(effective_answers(0.25).unwrap(), 4.0);
    assert_eq!(effective_answers(0.0), None);
}

#[test]
fn vendi_of_a_ring_matches_its_fourier_eigenvalues() {
    // A circulant kernel has eigenvalues Σ_d k(d) cos(2π j d / n).
    let size = 24_u32;
    let kernel = |d: u32| (-f64::from(d.min(size - d)).powi(2) / 18.0).exp();
    let angle = |j: u32, d: u32| std::f64::consts::TAU * f64::from(j * d) / f64::from(size);
    let entropy: f64 = (0..size)
        .map(|j| (0..size).map(|d| kernel(d) * angle(j, d).cos()).sum::<f64>() / f64::from(size))
        .filter(|&value| value > 0.0)
        .map(|value| -value * value.ln())
        .sum();
    let places: Vec<u32> = (0..size).collect();
    near(vendi(&places, |x, y| kernel(x.abs_diff(*y))).unwrap(), entropy.exp());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_has_features(texts in prop::collection::vec("\\PC{0,40}(\n[-#*0-9. ]{0,5}\\PC{0,20})?", 1..6)) {
        let raw: Vec<_> = texts.iter().map(|text| features(text)).collect();
        let scale = Scale::fit(&raw);
        for text in &raw {
            prop_assert!(text.iter().all(|feature| feature.is_finite() && *feature >= 0.0));
            prop_assert!((0.0..=1.0).contains(&scale.rbf(text, &raw[0])));
            prop_assert_eq!(scale.rbf(text, &raw[0]), scale.rbf(&raw[0], text));
        }
    }

    #[test]
    fn measures_stay_in_range(answers in prop::collection::vec(prop::collection::vec(0_u8..4, 0..9), 0..7)) {
        let count = answers.len() as f64;
        if let Some(found) = distinct_n(&answers, 2) {
            prop_assert!(found > 0.0 && found <= 1.0);
        }
        if let Some(found) = self_bleu(&answers) {
            prop_assert!((0.0..=1.0 + 1e-12).contains(&found));
        }
        let classes: Vec<u32> = answers.iter().map(|answer| answer.len() as u32).collect();
        match (vendi_of_classes(&classes), vendi(&classes, same)) {
            (Some(found), Some(expected)) => prop_assert!((found - expected).abs() < 1e-9, "{found} {expected}"),
            (found, expected) => prop_assert_eq!(found, expected),
        }
        let overlap = |x: &Vec<u8>, y: &Vec<u8>| f64::from(u8::from(x == y));
        if let Some(found) = vendi(&answers, overlap) {
            prop_assert!((1.0 - 1e-9..=count + 1e-9).contains(&found), "{found}");
        }
    }
}
