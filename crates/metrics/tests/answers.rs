//! Kernels of sampled answers against closed forms, full enumeration and simulations whose truth is known.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use crate::asked;
use crate::support;

use asked::{Asked, add, answers, asked, near, sums};
use hydrometer_metrics::Verdict;
use hydrometer_metrics::degenerate::{self, Degenerate, degenerate};
use hydrometer_metrics::kernel::{Answers, Graded, PairMeans, RareAnswers, TruthCells, d2, same};
use hydrometer_metrics::measure::answers::*;
use hydrometer_metrics::measure::{Definition, Sums, Undefined};
use hydrometer_metrics::stats::gate::{Bounds, judge};
use proptest::prelude::*;
use rand::Rng;
use support::random;

fn pair_means(teacher: &[u32], student: &[u32], rerun: &[u32]) -> Option<PairMeans> {
    PairMeans::of(&Answers { teacher, student, rerun }, same)
}

#[test]
fn pair_means_of_a_small_prompt() {
    let found = pair_means(&[1, 1, 2], &[1, 3], &[2, 2]).unwrap();
    near(found.teacher.unwrap(), 1.0 / 3.0, 1e-15);
    near(found.student.unwrap(), 0.0, 0.0);
    near(found.teacher_student, 1.0 / 3.0, 1e-15);
    near(found.teacher_rerun.unwrap(), 1.0 / 3.0, 1e-15);
    near(found.d2().unwrap(), -1.0 / 3.0, 1e-15);
    near(d2(&[1, 1, 2], &[9, 9], &same).unwrap(), 4.0 / 3.0, 1e-15);
    // One answer each: agreement, and nothing within.
    let single = pair_means(&[1], &[1], &[]).unwrap();
    assert_eq!((single.teacher_student, single.teacher, single.d2()), (1.0, None, None));
    assert_eq!(pair_means(&[], &[1], &[]), None);
    assert_eq!(pair_means(&[1], &[], &[]), None);
}

#[test]
fn a_kernel_matrix_gives_the_same_as_its_classes() {
    let classes = [1, 1, 2, 1, 3];
    let by_class = pair_means(&classes[..3], &classes[3..], &[]).unwrap();
    let matrix: Vec<Vec<f64>> = classes.iter().map(|x| classes.iter().map(|y| same(x, y)).collect()).collect();
    let places = Answers { teacher: &[0, 1, 2], student: &[3, 4], rerun: &[] };
    assert_eq!(PairMeans::of(&places, |&x: &usize, &y: &usize| matrix[x][y]), Some(by_class));
}

#[test]
fn pair_means_are_unbiased() {
    // Every outcome of three answers of a teacher (0.3, 0.7) and two of a student (0.6, 0.4), weighed by its chance.
    let (p, q) = ([0.3, 0.7], [0.6, 0.4]);
    let mut expected = [0.0; 4];
    for outcome in 0..32_u32 {
        let drawn: Vec<u32> = (0..5).map(|bit| outcome >> bit & 1).collect();
        let (teacher, student) = drawn.split_at(3);
        let chance: f64 = teacher.iter().map(|&c| p[c as usize]).product::<f64>()
            * student.iter().map(|&c| q[c as usize]).product::<f64>();
        let found = pair_means(teacher, student, &[]).unwrap();
        let values = [found.teacher.unwrap(), found.student.unwrap(), found.teacher_student, found.d2().unwrap()];
        for (sum, value) in expected.iter_mut().zip(values) {
            *sum += chance * value;
        }
    }
    for (found, truth) in expected.into_iter().zip([0.58, 0.52, 0.46, 0.18]) {
        near(found, truth, 1e-12);
    }
}

#[test]
fn undefined_numbers_say_why() {
    let all = [
        &ANSWER_AGREEMENT,
        &AGREEMENT_CEILING,
        &AGREEMENT_RATIO,
        &DIVERSITY_KEPT,
        &DISTRIBUTION_MATCH,
        &GAP_CLOSED,
        &RARE_ANSWERS_KEPT,
        &EXCESS_FLIPS,
    ];
    use Undefined::*;
    let check = |prompts: &[Asked], expected: [Result<f64, Undefined>; 6]| {
        let sums = sums(prompts);
        let expected = expected.into_iter().chain([Err(TooFewForRare), Err(NoTruth)]);
        for (definition, expected) in all.iter().zip(expected) {
            assert_eq!(definition.value(&sums), expected, "{}", definition.id);
            if let Err(undefined) = expected {
                assert_eq!(definition.estimate(&sums, 0.95), Err(undefined), "{}", definition.id);
            }
        }
    };
    check(&[], [Err(NoAnswers), Err(NoRerun), Err(NoRerun), Err(SingleAnswers), Err(SingleAnswers), Err(NoBase)]);
    check(
        &[asked(&[1], &[1], &[1], &[])],
        [Ok(1.0), Ok(1.0), Ok(1.0), Err(SingleAnswers), Err(SingleAnswers), Err(NoBase)],
    );
    // Every answer of the teacher is new.
    check(
        &[asked(&[1, 2], &[5, 5], &[3, 4], &[])],
        [Ok(0.0), Ok(0.0), Err(TeacherNeverRepeats), Err(TeacherNeverRepeats), Err(TeacherNeverRepeats), Err(NoBase)],
    );
    check(
        &[asked(&[1, 1], &[2, 3], &[1, 1], &[1, 1])],
        [Ok(0.0), Ok(1.0), Ok(0.0), Err(StudentNeverRepeats), Err(StudentNeverRepeats), Err(NoGap)],
    );
    check(
        &[asked(&[1, 1], &[2, 2], &[], &[3, 3])],
        [Ok(0.0), Err(NoRerun), Err(NoRerun), Err(NoDiversity), Ok(0.0), Ok(0.0)],
    );
}

/// Audits of `prompts` prompts whose teacher has its favourite with probability `mode`, four answers each.
fn audit(prompts: usize, mode: f64, student: impl Fn(&mut rand_chacha::ChaCha8Rng) -> Vec<u32>) -> Sums {
    let mut random = random(11);
    let prompts: Vec<Asked> = (0..prompts)
        .map(|_| {
            let (teacher, rerun) = (answers(mode, 4, &mut random), answers(mode, 4, &mut random));
            Asked { teacher, student: student(&mut random), rerun, base: Vec::new() }
        })
        .collect();
    sums(&prompts)
}

fn verdict(sums: &Sums, definition: &Definition, bounds: Bounds) -> Verdict {
    let limits = definition.helped(sums, 0.95, None).unwrap().limits;
    let ends = |alpha, growth| limits.gate_ends(alpha, growth);
    judge(limits.value(), limits.families(), ends, &bounds, 0.05).verdict
}

#[test]
fn a_student_of_modes_agrees_too_much_and_is_caught() {
    let agreement = Bounds { at_least: Some(0.95), at_most: None };
    let diversity = Bounds { at_least: Some(0.8), at_most: Some(1.25) };
    let greedy = audit(200, 0.6, |_| vec![0; 4]);
    let ratio = AGREEMENT_RATIO.value(&greedy).unwrap();
    // The favourite alone: 0.6 / (0.36 + 0.04).
    near(ratio, 1.5, 0.1);
    assert_eq!(verdict(&greedy, &AGREEMENT_RATIO, agreement), Verdict::Pass, "agreement alone is fooled");
    assert_eq!(verdict(&greedy, &DIVERSITY_KEPT, diversity), Verdict::Fail);
    near(DISTRIBUTION_MATCH.value(&greedy).unwrap(), 0.6 / 0.4_f64.sqrt(), 0.05);

    let honest = audit(800, 0.6, |random| answers(0.6, 4, random));
    assert_eq!(verdict(&honest, &AGREEMENT_RATIO, agreement), Verdict::Pass);
    assert_eq!(verdict(&honest, &DIVERSITY_KEPT, diversity), Verdict::Pass);
    near(DISTRIBUTION_MATCH.value(&honest).unwrap(), 1.0, 0.05);

    let wild = audit(200, 0.6, |random| answers(0.2, 4, random));
    assert_eq!(verdict(&wild, &DIVERSITY_KEPT, diversity), Verdict::Fail, "too much diversity");
}

#[test]
fn students_that_give_up_are_named() {
    let mut random = random(3);
    let mut texts = |mode: f64, prompt: usize| -> Vec<Option<String>> {
        answers(mode, 4, &mut random).iter().map(|class| Some(format!("{prompt}: {class}"))).collect()
    };
    let teacher: Vec<_> = (0..20).map(|prompt| texts(0.5, prompt)).collect();
    let honest: Vec<_> = (0..20).map(|prompt| texts(0.5, prompt)).collect();
    let modes: Vec<_> = (0..20).map(|prompt| texts(1.0, prompt)).collect();
    let constant = vec![vec![Some("42".to_owned()); 4]; 20];
    let silent = vec![vec![None; 4]; 20];
    let names = |student: &[Vec<Option<String>>]| -> Vec<&str> {
        let prompts: Vec<_> =
            teacher.iter().zip(student).map(|(teacher, student)| degenerate::Prompt { teacher, student }).collect();
        let name = |found: &Degenerate| match found {
            Degenerate::Constant { .. } => "constant",
            Degenerate::Silent { .. } => "silent",
            Degenerate::NeverVaries { .. } => "never varies",
        };
        degenerate(&prompts).iter().map(name).collect()
    };
    assert_eq!(names(&honest), [""; 0]);
    assert_eq!(names(&teacher), [""; 0]);
    assert_eq!(names(&modes), ["never varies"]);
    assert_eq!(names(&constant), ["constant", "never varies"]);
    assert_eq!(names(&silent), ["constant", "silent", "never varies"]);
    assert_eq!(names(&constant[..4]), [""; 0], "too few prompts to say");
    assert_eq!(names(&vec![Vec::new(); 20]), [""; 0], "no answers at all");

    // A suite where refusing is right nearly always: a student that always refuses is no worse than its teacher.
    let refusing: Vec<Vec<Option<&str>>> = (0..20).map(|k| vec![Some(if k == 0 { "yes" } else { "no" })]).collect();
    let always = vec![vec![Some("no")]; 20];
    let prompts: Vec<_> =
        refusing.iter().zip(&always).map(|(teacher, student)| degenerate::Prompt { teacher, student }).collect();
    assert_eq!(degenerate(&prompts), []);
}

#[test]
fn gap_closed_is_the_share_of_the_teacher_in_a_mixture() {
    let mut random = random(31);
    // How often each model gives the answer that only a teacher gives.
    let mut run = |teacher: f64, student: f64, base: f64| {
        let prompts: Vec<Asked> = (0..400)
            .map(|_| {
                let mut mixed = |share: f64| -> Vec<u32> {
                    (0..8).map(|_| if random.random::<f64>() < share { 0 } else { random.random_range(5..8) }).collect()
                };
                let (teacher, student, base) = (mixed(teacher), mixed(student), mixed(base));
                Asked { teacher, student, base, ..Asked::default() }
            })
            .collect();
        GAP_CLOSED.estimate(&sums(&prompts), 0.95)
    };
    for share in [0.0, 0.3, 0.8] {
        let found = run(1.0, share, 0.0).unwrap();
        near(found.value, share, 0.06);
        let interval = found.interval.unwrap();
        assert!(interval.low < share && share < interval.high, "{share}: {interval:?}");
    }
    // A second teacher: the interval reaches 1 and keeps a width, although the value is 1 in half of such audits.
    let interval = run(0.6, 0.6, 0.0).unwrap().interval.unwrap();
    assert!(interval.high == 1.0 && interval.low < 0.97, "{interval:?}");
    assert_eq!(run(1.0, 0.5, 1.0), Err(Undefined::NoGap));
}

#[test]
fn rare_answers_of_known_prompts() {
    // Class 1 at an even and at an odd place, so rare and of weight 1/10; class 2 at odd places only: 2/10.
    let mut teacher = [0; 20];
    (teacher[4], teacher[5], teacher[7], teacher[9]) = (1, 1, 2, 2);
    // One of twenty is among ten draws with chance one half; 20 of 20 always.
    let mut student = [0; 20];
    student[0] = 1;
    let found = RareAnswers::of(&teacher, &student, &[2; 20]).unwrap();
    for (found, expected) in [found.weight, found.student, found.rerun].into_iter().zip([0.3, 0.1 * 0.5, 0.2]) {
        near(found, expected, 1e-12);
    }
    let kept = |teacher: &[u32], student: &[u32], rerun: &[u32]| {
        RARE_ANSWERS_KEPT.value(&sums(&[asked(teacher, student, rerun, &[])]))
    };
    near(kept(&teacher, &student, &[2; 20]).unwrap(), 0.25, 1e-12);
    assert_eq!(RareAnswers::of(&teacher, &student[..19], &[2; 20]), None);
    assert_eq!(kept(&teacher, &student[..19], &[2; 20]), Err(Undefined::TooFewForRare));
    assert_eq!(kept(&[0; 20], &student, &[0; 20]), Err(Undefined::NothingRare));
}

#[test]
fn rare_answers_are_kept_by_a_rerun_and_lost_by_a_truncated_tail() {
    let mut random = random(41);
    // A favourite of 0.8 and twenty rare answers of 0.01.
    let mut draw = |rare: u32| -> Vec<u32> {
        (0..24).map(|_| if random.random::<f64>() < 0.8 { 0 } else { random.random_range(1..=rare) }).collect()
    };
    let (mut all, mut weight) = ([Sums::new(), Sums::new(), Sums::new()], 0.0);
    for prompt in 0..4000 {
        let (teacher, rerun) = (draw(20), draw(20));
        for (sums, rare) in all.iter_mut().zip([20, 10, 1]) {
            add(sums, prompt, &asked(&teacher, &draw(rare), &rerun, &[]));
        }
        weight += RareAnswers::of(&teacher, &rerun, &rerun).unwrap().weight;
    }
    // Seen in ten draws: 1 − (1 − q)¹⁰.
    let seen = |q: f64| 1.0 - (1.0 - q).powi(10);
    near(weight / 4000.0, 0.2, 0.01);
    let kept = |place: usize| RARE_ANSWERS_KEPT.value(&all[place]).unwrap();
    near(kept(0), 1.0, 0.06);
    near(kept(1), 0.5 * seen(0.02) / seen(0.01), 0.06);
    near(kept(2), 0.05 * seen(0.2) / seen(0.01), 0.06);
}

fn graded(right: bool, class: u32) -> Answer<'static> {
    Answer { right: Some(right), ..Answer::new(class, "") }
}

/// Adds a prompt with a family of its own.
fn add_answers(sums: &mut Sums, family: usize, teacher: &[Answer<'_>], student: &[Answer<'_>], rerun: &[Answer<'_>]) {
    sums.prompt(&format!("{family:04}"), &Prompt { teacher, student, rerun, paired: false, start: None, whole: true });
}

#[test]
fn cells_of_single_answers_are_a_plain_table() {
    // Counts (both right, lost, gained, both wrong the same, both wrong differently).
    let counts = [198, 260, 88, 70, 703];
    let cases = [(true, true, 0), (true, false, 1), (false, true, 1), (false, false, 0), (false, false, 1)];
    let mut sums = Sums::new();
    let mut prompt = 0;
    for (count, (t, s, class)) in counts.into_iter().zip(cases) {
        for _ in 0..count {
            add_answers(&mut sums, prompt, &[graded(t, 0)], &[graded(s, class)], &[]);
            prompt += 1;
        }
    }
    let share = |count: u32| f64::from(count) / 1319.0;
    near(ANSWER_BOTH_RIGHT.value(&sums).unwrap(), share(198), 1e-12);
    near(ANSWER_LOST.value(&sums).unwrap(), share(260), 1e-12);
    near(ANSWER_GAINED.value(&sums).unwrap(), share(88), 1e-12);
    near(ANSWER_BOTH_WRONG_SAME.value(&sums).unwrap(), share(70), 1e-12);
    near(ANSWER_BOTH_WRONG_DIFFERENT.value(&sums).unwrap(), share(703), 1e-12);
    near(ANSWER_ACCURACY_TEACHER.value(&sums).unwrap(), share(458), 1e-12);
    near(ANSWER_ACCURACY_STUDENT.value(&sums).unwrap(), share(286), 1e-12);
    assert_eq!(EXCESS_FLIPS.value(&sums), Err(Undefined::NoRerun));
    assert_eq!(EXCESS_FLIPS.value(&Sums::new()), Err(Undefined::NoTruth));
    assert_eq!(TruthCells::of(&[], &[Graded { right: true, class: 0 }]), None);
    let lost = ANSWER_LOST.estimate(&sums, 0.95).unwrap();
    assert!(lost.interval.unwrap().low > 0.17 && lost.interval.unwrap().high < 0.22);
}

#[test]
fn excess_flips_leave_out_what_the_teacher_flips_itself() {
    let mut random = random(51);
    let mut draw = |right: f64| -> Vec<Answer<'static>> {
        (0..4).map(|_| random.random::<f64>() < right).map(|right| graded(right, u32::from(right))).collect()
    };
    let mut sums = Sums::new();
    for prompt in 0..2000 {
        let (teacher, rerun, student) = (draw(0.8), draw(0.8), draw(0.5));
        add_answers(&mut sums, prompt, &teacher, &student, &rerun);
    }
    // 0.8·0.5 + 0.2·0.5 against 2·0.8·0.2.
    near(EXCESS_FLIPS.value(&sums).unwrap(), 0.18, 0.02);
}

/// Ten prompts on which the two never agree: to a prompt like none of them they may, on every answer.
#[test]
fn an_agreement_of_nothing_keeps_a_width() {
    let prompts: Vec<Asked> = (0..10).map(|_| asked(&[0, 0], &[1, 2], &[0, 3], &[])).collect();
    let found = AGREEMENT_RATIO.estimate(&sums(&prompts), 0.95).unwrap();
    let interval = found.interval.unwrap();
    assert_eq!((found.value, interval.low), (0.0, 0.0));
    // The teacher agrees with itself in half of the pairs, so all of a student's agreeing would be 2.
    near(interval.high, 2.0 * (1.0 - 0.025_f64.powf(1.0 / 10.0)), 1e-9);
}

#[test]
fn a_difference_that_no_family_shows_keeps_a_width() {
    let mut sums = Sums::new();
    for prompt in 0..30 {
        add_answers(&mut sums, prompt, &[graded(true, 0)], &[graded(true, 0)], &[graded(true, 0)]);
    }
    let found = EXCESS_FLIPS.estimate(&sums, 0.95).unwrap();
    let interval = found.interval.unwrap();
    // Clopper–Pearson of none of 30: 1 − 0.025^(1/30).
    near(interval.high, 1.0 - 0.025_f64.powf(1.0 / 30.0), 1e-9);
    near(interval.low, -interval.high, 1e-12);
}

#[test]
fn prompts_without_a_checker_are_named() {
    let mut sums = Sums::new();
    add_answers(&mut sums, 0, &[graded(true, 0)], &[graded(false, 1)], &[]);
    add(&mut sums, 1, &asked(&[1], &[1], &[], &[]));
    let found = ANSWER_LOST.estimate(&sums, 0.95).unwrap();
    assert_eq!((found.value, found.n_items, found.n_families), (1.0, 1, 1));
    assert_eq!(found.excluded[0].items, 1);
    assert_eq!(ANSWER_AGREEMENT.estimate(&sums, 0.95).unwrap().n_items, 2);
}

#[test]
fn the_floor_is_the_teacher_against_its_own_rerun() {
    let prompts: Vec<_> = (0..6).map(|k| asked(&[0, 0, 1, k], &[2, 2, 2, 2], &[0, 0, k, 1], &[])).collect();
    let (mut sums, mut floor) = (Sums::new(), Sums::new());
    for (family, prompt) in prompts.iter().enumerate() {
        add(&mut sums, family, prompt);
        let Asked { teacher, rerun, .. } = prompt;
        add(&mut floor, family, &asked(teacher, rerun, &[], &[]));
    }
    assert_eq!(DIVERSITY_KEPT.floor(&floor, 0.95), DIVERSITY_KEPT.value(&floor).ok());
    assert_eq!(ANSWER_AGREEMENT.floor(&floor, 0.95), None);
    // Its ceiling comes from the same sums.
    let ceiling = ANSWER_AGREEMENT.estimate(&sums, 0.95).unwrap().floor;
    assert_eq!(ceiling, AGREEMENT_CEILING.value(&sums).ok());
    assert_eq!(ceiling, ANSWER_AGREEMENT.value(&floor).ok());
}

/// One to seven answers of five classes.
fn some() -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(0_u32..5, 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn order_and_names_do_not_matter(mut teacher in some(), student in some(), rerun in some()) {
        let found = pair_means(&teacher, &student, &rerun).unwrap();
        let rename = |answers: &[u32]| -> Vec<u32> { answers.iter().map(|class| 900 - class * 7).collect() };
        prop_assert_eq!(pair_means(&rename(&teacher), &rename(&student), &rename(&rerun)), Some(found));
        teacher.reverse();
        let turned = pair_means(&teacher, &student, &rerun).unwrap();
        let all = |means: PairMeans| {
            let PairMeans { teacher_student, teacher, student, teacher_rerun } = means;
            [Some(teacher_student), teacher, student, teacher_rerun].map(|mean| mean.unwrap_or(2.0))
        };
        for (a, b) in all(turned).into_iter().zip(all(found)) {
            prop_assert!((a - b).abs() < 1e-12);
        }
    }

    #[test]
    fn parts_merge_to_the_whole(prompts in prop::collection::vec((some(), some(), some()), 1..6)) {
        let prompts: Vec<Asked> =
            prompts.into_iter().map(|(teacher, student, rerun)| Asked { base: rerun.clone(), teacher, student, rerun }).collect();
        let mut merged = Sums::new();
        for (family, prompt) in prompts.iter().enumerate() {
            let mut part = Sums::new();
            add(&mut part, family, prompt);
            merged.merge(&part);
        }
        prop_assert_eq!(merged, sums(&prompts));
    }

    #[test]
    fn pair_means_are_counts_of_pairs(teacher in some(), student in some()) {
        let found = pair_means(&teacher, &student, &teacher).unwrap();
        let share = |answers: &[u32], class| answers.iter().filter(|&&c| c == class).count() as f64;
        let (n, m) = (teacher.len() as f64, student.len() as f64);
        let both: f64 = (0..5).map(|class| share(&teacher, class) * share(&student, class)).sum();
        prop_assert!((found.teacher_student - both / (n * m)).abs() < 1e-12);
        if let Some(within) = found.teacher {
            let pairs: f64 = (0..5).map(|class| share(&teacher, class) * (share(&teacher, class) - 1.0)).sum();
            prop_assert!((within - pairs / (n * (n - 1.0))).abs() < 1e-12);
        }
        if let (Some(left), Some(gap)) = (found.d2(), d2(&teacher, &student, &same)) {
            prop_assert!((left - gap).abs() < 1e-12);
        }
    }

    #[test]
    fn cells_are_shares(pairs in prop::collection::vec((any::<bool>(), 0_u32..3, any::<bool>(), 0_u32..3), 1..9)) {
        let teacher: Vec<_> = pairs.iter().map(|p| graded(p.0, p.1)).collect();
        let student: Vec<_> = pairs.iter().map(|p| graded(p.2, p.3)).collect();
        let mut sums = Sums::new();
        add_answers(&mut sums, 0, &teacher, &student, &student);
        let cells = [
            &ANSWER_BOTH_RIGHT,
            &ANSWER_LOST,
            &ANSWER_GAINED,
            &ANSWER_BOTH_WRONG_SAME,
            &ANSWER_BOTH_WRONG_DIFFERENT,
        ];
        let total: f64 = cells.iter().map(|cell| cell.value(&sums).unwrap()).sum();
        prop_assert!((total - 1.0).abs() < 1e-12);
        let rate = pairs.iter().filter(|p| p.0).count() as f64 / pairs.len() as f64;
        prop_assert!((ANSWER_ACCURACY_TEACHER.value(&sums).unwrap() - rate).abs() < 1e-12);
        prop_assert!(EXCESS_FLIPS.value(&sums).unwrap().abs() < 1e-12);
    }
}

#[test]
fn missing_answers_never_agree_and_are_counted() {
    let missing = Answer { missing: true, right: Some(false), ..Answer::new(9, "") };
    let right = graded(true, 0);
    let mut sums = Sums::new();
    for family in 0..10 {
        add_answers(&mut sums, family, &[right, missing, missing, right], &[missing, missing, right, missing], &[]);
    }
    // Of 16 pairs two are both right; the six of missing ones agree in nothing.
    near(ANSWER_AGREEMENT.value(&sums).unwrap(), 2.0 / 16.0, 1e-12);
    near(ANSWER_BOTH_WRONG_SAME.value(&sums).unwrap(), 0.0, 1e-12);
    near(MISSING_ANSWERS.value(&sums).unwrap(), 0.75, 1e-12);
    near(MISSING_ANSWERS.estimate(&sums, 0.95).unwrap().floor.unwrap(), 0.5, 1e-12);
    near(MISSING_EXCESS.value(&sums).unwrap(), 0.25, 1e-12);
    // Over all, and over those that there are.
    near(ANSWER_ACCURACY_STUDENT.value(&sums).unwrap(), 0.25, 1e-12);
    near(ANSWERED_ACCURACY_STUDENT.value(&sums).unwrap(), 1.0, 1e-12);
    near(ANSWER_NET_LOSS.value(&sums).unwrap(), 0.25, 1e-12);
    // One pair of six of the teacher's answers is the same; of the student's none.
    near(VARIETY_KEPT.value(&sums).unwrap(), 1.0 / (5.0 / 6.0), 1e-12);
}

#[test]
fn endings_and_favourites_are_shares_of_answers() {
    let endless = Answer { endless: true, favourite: true, ..Answer::new(1, "on and on") };
    let plain = Answer::new(0, "so");
    let mut sums = Sums::new();
    for (family, whole) in [(0, true), (1, false)] {
        let (teacher, student) = ([plain, plain], [endless, plain]);
        let prompt = Prompt { teacher: &teacher, student: &student, rerun: &[], paired: false, start: None, whole };
        sums.prompt(&format!("{family}"), &prompt);
    }
    near(ENDLESS_ANSWERS.value(&sums).unwrap(), 0.5, 1e-12);
    // Where only the first word counts nothing is cut.
    near(CUT_EXCESS.value(&sums).unwrap(), 0.5, 1e-12);
    near(CONSTANT_EXCESS.value(&sums).unwrap(), 0.5, 1e-12);
}

#[test]
fn a_student_that_never_varies_keeps_no_variety() {
    let mut sums = Sums::new();
    for family in 0..20 {
        let varied: Vec<Answer<'_>> = (0..4).map(|class| Answer::new(class % 2, "")).collect();
        add_answers(&mut sums, family, &varied, &[Answer::new(0, ""); 4], &[]);
    }
    assert_eq!(VARIETY_KEPT.value(&sums), Ok(0.0));
    assert_eq!(VARIETY_KEPT.nothing_at_stake(&sums, 0.95), None);
    let mut still = Sums::new();
    for family in 0..20 {
        let same = [Answer::new(0, ""); 4];
        add_answers(&mut still, family, &same, &same, &[]);
    }
    assert_eq!(VARIETY_KEPT.value(&still), Err(Undefined::NothingVaries));
}
