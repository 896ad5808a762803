//! The metrics of episodes say what the geometry says of the same runs, and what their definitions say.
#![allow(clippy::unwrap_used)]

use hydrometer_metrics::geometry::{Dialogue, Ended, Runs, pass_k, survival_ratio};
use hydrometer_metrics::measure::Sums;
use hydrometer_metrics::measure::Undefined;
use hydrometer_metrics::measure::episodes::*;
use hydrometer_metrics::measure::tokens::Scorer;

const LEVEL: f64 = 0.95;

fn acted(runs: u32, passed: u32) -> Acted {
    Acted { runs, passed, calls: 4 * u64::from(runs), repeated: u64::from(runs - passed), damaged: (runs - passed) / 2 }
}

fn added(episodes: &[(u32, u32, Fault)]) -> Sums {
    let mut sums = Sums::new();
    for (place, &(teacher, student, fault)) in episodes.iter().enumerate() {
        let episode =
            Episode { teacher: acted(4, teacher), beside: acted(4, teacher), student: acted(4, student), fault };
        sums.episode(&format!("f{}", place / 2), &episode);
    }
    sums
}

#[test]
fn success_loss_and_repetition_are_what_they_say() {
    let sums = added(&[(4, 4, Fault::Apart), (4, 2, Fault::Apart), (2, 0, Fault::Apart), (2, 4, Fault::Apart)]);
    let check = |value: f64, expected: f64| assert!((value - expected).abs() < 1e-12, "{value} {expected}");
    check(EPISODE_SUCCESS.value(&sums).unwrap(), 10.0 / 16.0);
    check(EPISODE_SUCCESS.estimate(&sums, LEVEL).unwrap().floor.unwrap(), 12.0 / 16.0);
    check(EPISODE_NET_LOSS.value(&sums).unwrap(), 2.0 / 16.0);
    check(EPISODE_LOST.value(&sums).unwrap(), (0.0 + 0.5 + 0.5 + 0.0) / 4.0);
    check(REPEATED_FAILING_CALLS.value(&sums).unwrap(), (2.0 + 4.0) / 64.0);
    check(REPEATED_FAILING_CALLS.estimate(&sums, LEVEL).unwrap().floor.unwrap(), 4.0 / 64.0);
    assert_eq!(RECOVERY_RATIO.value(&sums), Err(Undefined::NoFaults));
}

#[test]
fn recovery_is_paired_with_the_twins() {
    use Fault::{Apart, Planned, Twin};
    let sums = added(&[(4, 4, Twin), (4, 1, Planned), (4, 2, Twin), (2, 1, Planned), (4, 0, Apart), (4, 0, Apart)]);
    // The student keeps 2/6 of its success under a fault, the teacher 6/8.
    assert!((RECOVERY_RATIO.value(&sums).unwrap() - (2.0 / 6.0) / (6.0 / 8.0)).abs() < 1e-12);
    assert_eq!(RECOVERY_RATIO.value(&added(&[(4, 0, Twin), (4, 0, Planned)])), Err(Undefined::StudentNeverSucceeds));
    assert_eq!(RECOVERY_RATIO.value(&added(&[(4, 4, Twin), (0, 4, Planned)])), Err(Undefined::TeacherNeverRecovers));
}

#[test]
fn damage_counts_where_a_fault_is_planned() {
    use Fault::{Apart, Planned, Twin};
    // Every second run that fails leaves damage behind, also where nothing goes wrong.
    let sums =
        added(&[(4, 0, Planned), (2, 2, Planned), (4, 4, Planned), (4, 0, Twin), (0, 0, Apart), (4, 2, Planned)]);
    let found = UNDONE_DAMAGE.estimate(&sums, LEVEL).unwrap();
    assert!((found.value - (0.5 + 0.25 + 0.0 + 0.25) / 4.0).abs() < 1e-12, "{found:?}");
    assert!((found.floor.unwrap() - 0.25 / 4.0).abs() < 1e-12, "{found:?}");
    assert_eq!((found.n_items, found.n_families), (6, 3));
    // Of none one does not know that there is none.
    let none = UNDONE_DAMAGE.estimate(&added(&[(4, 4, Planned); 20]), LEVEL).unwrap();
    let interval = none.interval.unwrap();
    assert!(none.value == 0.0 && interval.low == 0.0 && (0.1..0.5).contains(&interval.high), "{none:?}");
    assert_eq!(UNDONE_DAMAGE.value(&added(&[(4, 4, Twin), (4, 4, Apart)])), Err(Undefined::NoFaults));
}

#[test]
fn two_runs_in_a_row_are_those_of_the_geometry() {
    let passed = [4, 3, 2, 0, 4, 1, 3, 4, 2, 4, 0, 3];
    let sums = added(&passed.map(|student| (4, student, Fault::Apart)));
    let names: Vec<String> = (0..passed.len()).map(|place| format!("f{}", place / 2)).collect();
    let runs: Vec<_> = passed.iter().zip(&names).map(|(&passed, family)| Runs { family, runs: 4, passed }).collect();
    let ours = PASS_K.estimate(&sums, LEVEL).unwrap();
    let theirs = pass_k(&runs, 2, LEVEL).unwrap();
    assert_eq!((ours.value, ours.interval, ours.n_items), (theirs.value, theirs.interval, theirs.n_items));
    assert_eq!(ours.floor, Some(1.0));
}

#[test]
fn survival_is_that_of_the_geometry_up_to_the_last_turn_of_both() {
    let dialogue = |place: usize, turns: u32, ended: Ended| {
        let family: &'static str = ["a", "b", "c", "d", "e", "f"][place % 6];
        Dialogue { family, turns, ended }
    };
    let teacher: Vec<_> = (0..24).map(|place| dialogue(place, 8 + 4 * (place as u32 % 3), Ended::Censored)).collect();
    let student: Vec<_> = (0..24)
        .map(|place| match place % 5 {
            0 => dialogue(place, 3, Ended::Violated),
            1 => dialogue(place, 7, Ended::Violated),
            _ => dialogue(place, 8 + 4 * (place as u32 % 3), Ended::Censored),
        })
        .collect();
    let mut sums = Sums::new();
    teacher.iter().for_each(|of| sums.dialogue(Scorer::Teacher, of));
    student.iter().for_each(|of| sums.dialogue(Scorer::Student, of));
    let ours = SURVIVAL_RATIO.estimate(&sums, LEVEL).unwrap();
    let theirs = survival_ratio(&teacher, &student, 16, LEVEL).unwrap();
    assert_eq!(ours.value, theirs.value);
    let (ours, theirs) = (ours.interval.unwrap(), theirs.interval.unwrap());
    assert!((ours.low - theirs.low).abs() < 1e-12 && (ours.high - theirs.high).abs() < 1e-12);
    assert_eq!(SURVIVAL_RATIO.value(&Sums::new()), Err(Undefined::NoDialogues));
}
