//! Survival and pass^k.

use hydrometer_metrics::geometry::*;

use super::{names, near};

/// Remission times of 42 patients (Freireich et al., Blood 21, 1963), 6-MP and placebo: turns, and whether it ended.
fn leukaemia(names: &[String]) -> [Vec<Dialogue<'_>>; 2] {
    let ended = [6, 6, 6, 7, 10, 13, 16, 22, 23];
    let watched = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35];
    let placebo = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23];
    let with = |turns: &[u32], ended: Ended| turns.iter().map(move |&turns| (turns, ended)).collect::<Vec<_>>();
    let drug = [with(&ended, Ended::Violated), with(&watched, Ended::Censored)].concat();
    [drug, with(&placebo, Ended::Violated)].map(|group| {
        let patients = group.into_iter().zip(names);
        patients.map(|((turns, ended), family)| Dialogue { family, turns, ended }).collect()
    })
}

#[test]
fn survival_is_that_of_kaplan_and_meier() {
    // The table in every textbook (for example Kleinbaum and Klein, Survival Analysis), restricted means of lifelines 0.30.
    let names = names(21);
    let [drug, placebo] = leukaemia(&names);
    let found = Survival::new(&drug, 23, 0.95).unwrap();
    for (turn, share) in
        [(5, 1.0), (6, 0.8571), (7, 0.8067), (10, 0.7529), (13, 0.6902), (16, 0.6275), (22, 0.5378), (23, 0.4482)]
    {
        near(found.curve[turn - 1].value, share, 5e-5);
    }
    near(found.restricted_mean.value, 17.909_243_697_478_99, 1e-9);
    let other = Survival::new(&placebo, 23, 0.95).unwrap();
    near(other.curve[7].value, 8.0 / 21.0, 1e-12);
    near(other.curve[22].value, 0.0, 1e-12);
    near(other.restricted_mean.value, 8.666_666_666_666_666, 1e-9);
    let ratio = survival_ratio(&drug, &placebo, 23, 0.95).unwrap();
    near(ratio.value, 8.666_666_666_666_666 / 17.909_243_697_478_99, 1e-12);
    assert!(ratio.interval.unwrap().high < 1.0, "{ratio:?}");
    assert_eq!(ratio.n_families, 21);
    // Beyond turn 35 nobody knows; the placebo's curve is 0 from turn 23 on, and known.
    assert_eq!(Survival::new(&drug, 36, 0.95).unwrap_err(), GeometryError::Horizon { horizon: 36, followed: 35 });
    near(Survival::new(&placebo, 36, 0.95).unwrap().restricted_mean.value, 8.666_666_666_666_666, 1e-9);
}

#[test]
fn pass_k_is_that_of_the_formula() {
    // scipy.special.comb(c, 3) / comb(n, 3).
    let runs = |family, runs, passed| Runs { family, runs, passed };
    let student =
        [runs("a", 5, 5), runs("b", 5, 4), runs("c", 5, 3), runs("d", 5, 2), runs("e", 5, 0), runs("f", 8, 6)];
    let found = pass_k(&student, 3, 0.95).unwrap();
    near(found.value, 0.309_523_809_523_809_53, 1e-12);
    assert_eq!((found.n_items, found.excluded.len()), (6, 0));
    // pass^1 is the mean share.
    near(pass_k(&student, 1, 0.95).unwrap().value, (1.0 + 0.8 + 0.6 + 0.4 + 0.75) / 6.0, 1e-12);
    let of_six = pass_k(&student, 6, 0.95).unwrap();
    near(of_six.value, 1.0 / 28.0, 1e-12);
    assert_eq!((of_six.n_items, of_six.excluded[0].items), (1, 5));
    let pairs: Vec<_> = student.iter().map(|&student| (runs(student.family, 5, 5), student)).collect();
    near(pass_k_lost(&pairs, 3, 0.95).unwrap().value, 1.0 - 0.309_523_809_523_809_53, 1e-12);
    assert!(matches!(pass_k(&student, 9, 0.95), Err(GeometryError::Empty(_))));
    assert!(matches!(pass_k(&student, 0, 0.95), Err(GeometryError::Setting { .. })));
    let broken = GeometryError::Runs { place: 0, runs: 2, passed: 3 };
    assert_eq!(pass_k(&[runs("a", 2, 3)], 1, 0.95).unwrap_err(), broken);
}
