//! Choices whose probabilities are shares of draws: over all that may be drawn, numbers of squares are what the probabilities give.
#![allow(clippy::unwrap_used)]

use hydrometer_metrics::measure::choices::{
    BRIER_TEACHER, CHOICE_ACCURACY_STUDENT, CHOICE_AGREEMENT, CHOICE_DIVERGENCE, CHOICE_DIVERGENCE_RATIO, CHOICE_LOST,
    CHOICE_TOP1_AGREEMENT, Choice, top,
};
use hydrometer_metrics::measure::{Definition, Sums};

const TEACHER: [f64; 2] = [0.75, 0.25];
const STUDENT: [f64; 2] = [0.4, 0.6];
const DRAWS: u32 = 5;

/// The number by the probabilities themselves.
fn exact(definition: &Definition) -> f64 {
    let mut sums = Sums::new();
    sums.choice("one", &Choice::new(&TEACHER, &STUDENT, Some(0)).unwrap());
    definition.value(&sums).unwrap()
}

/// The chance of so many of the draws being the first option.
fn chance(first: u32) -> f64 {
    let ways = [1.0, 5.0, 10.0, 10.0, 5.0, 1.0][first as usize];
    ways * TEACHER[0].powi(first as i32) * TEACHER[1].powi((DRAWS - first) as i32)
}

#[test]
fn squares_of_drawn_shares_are_without_bias() {
    let check = |definition: &Definition| {
        let (mut drawn, mut plain) = (0.0, 0.0);
        for first in 0..=DRAWS {
            let share = f64::from(first) / f64::from(DRAWS);
            let shares = [share, 1.0 - share];
            let variance = 2.0 * share * (1.0 - share) / f64::from(DRAWS - 1);
            let choice = Choice::new(&shares, &STUDENT, Some(0)).unwrap();
            let value = |choice: &Choice<'_>| {
                let mut sums = Sums::new();
                sums.choice("one", choice);
                definition.value(&sums).unwrap()
            };
            drawn += chance(first) * value(&choice.drawn([variance, 0.0]));
            plain += chance(first) * value(&choice);
        }
        let exact = exact(definition);
        assert!((drawn - exact).abs() < 1e-12, "{}: {drawn} instead of {exact}", definition.id);
        plain - exact
    };
    // Shares alone would put the variance of 5 draws, 2 · 3/16 / 5, on top.
    for definition in [&CHOICE_DIVERGENCE, &BRIER_TEACHER] {
        assert!((check(definition) - 0.075).abs() < 1e-12, "{}", definition.id);
    }
    assert!(check(&CHOICE_AGREEMENT).abs() < 1e-12);
}

#[test]
fn a_ratio_takes_the_variance_off_both_sides() {
    let mut sums = Sums::new();
    let choice = Choice::new(&[0.8, 0.2], &STUDENT, None).unwrap();
    sums.choice("one", &choice.drawn([0.08, 0.0]));
    let expected = (2.0 * 0.16 - 0.08) / (2.0 * 0.09 - 0.08);
    assert!((CHOICE_DIVERGENCE_RATIO.value(&sums).unwrap() - expected).abs() < 1e-12);
}

#[test]
fn of_options_that_are_as_probable_chance_picks_one() {
    assert_eq!([0, 1, 2, 3].map(|tie| top(&[0.25; 4], tie)), [0, 1, 2, 3]);
    assert_eq!([4, 5, u64::MAX].map(|tie| top(&[0.25; 4], tie)), [0, 1, 3]);
    // What averages round is a tie, what models say is none.
    assert_eq!([0, 1].map(|tie| top(&[0.3, 0.4, 0.3 + 0.1], tie)), [1, 2]);
    assert_eq!([0, 1].map(|tie| top(&[0.5, 0.5 - 2e-6], tie)), [0, 0]);
    assert_eq!(top(&[], 5), 0);
    // A student that says the same letter in every order, against a teacher that knows the first option to be right: as good as a guess.
    let lost = |student: &[f64]| {
        let mut sums = Sums::new();
        for tie in 0..100 {
            let choice = Choice::new(&[0.7, 0.1, 0.1, 0.1], student, Some(0)).unwrap().tied(tie);
            sums.choice(&tie.to_string(), &choice);
        }
        [&CHOICE_LOST, &CHOICE_TOP1_AGREEMENT, &CHOICE_ACCURACY_STUDENT].map(|of| of.value(&sums).unwrap())
    };
    assert_eq!(lost(&[0.25; 4]), [0.75, 0.25, 0.25]);
    // Whoever has the same ties has the same favourites.
    let both = Choice::new(&[0.5, 0.5], &[0.5, 0.5], Some(0)).unwrap();
    assert!((0..10).all(|tie| both.tied(tie).right().is_some_and(|[teacher, student]| teacher == student)));
}
