//! The illusion gap on students whose truth is known: mixtures of the teacher and the starting point, which go a given
//! share of the way in how they write and another in what they decide.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use crate::support;

use hydrometer_metrics::Estimate;
use hydrometer_metrics::kernel::{Given, Pair, Placed, d2, d2_shares, same};
use hydrometer_metrics::measure::forgetting::{Attempt, Forgetting, forgetting, recovered};
use hydrometer_metrics::measure::illusion::{Copied, Distances, illusion_gap};
use hydrometer_metrics::measure::{Sums, Undefined};
use hydrometer_metrics::stats::difference::Difference;
use hydrometer_metrics::style::Manner;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use support::random;

/// What an audit asks.
#[derive(Clone, Copy)]
struct Asked {
    families: usize,
    prompts: usize,
    answers: usize,
}

/// How far the student went.
#[derive(Clone, Copy)]
struct Truth {
    surface: f64,
    judgment: f64,
}

/// Style of one answer: two features with the level of their model, in units of the spread between answers. Refusals are two
/// units lower, whoever writes.
fn style(level: f64, refuses: bool, random: &mut ChaCha8Rng) -> [f64; 2] {
    let mut normal = || (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0;
    let shift = if refuses { -2.0 } else { 0.0 };
    [level + shift + normal(), level + shift + normal()]
}

/// A Gaussian kernel of the bandwidth that `Scale` has: two unrelated answers are exp(−1) on average.
fn rbf(x: &[f64; 2], y: &[f64; 2]) -> f64 {
    (-((x[0] - y[0]).powi(2) + (x[1] - y[1]).powi(2)) / 4.0).exp()
}

/// Decision and style of the answers of teacher, student and starting point to one prompt.
struct Said([Vec<(bool, [f64; 2])>; 3]);

/// The student decides as the teacher with one chance and writes as it with another, else as its starting point.
fn said(asked: Asked, truth: Truth, (refuses, styles): (f64, f64), random: &mut ChaCha8Rng) -> Said {
    let answers = [(1.0, 1.0), (truth.judgment, truth.surface), (0.0, 0.0)];
    Said(answers.map(|(judgment, surface)| {
        let one = |_| {
            let mut with = |chance: f64| random.random::<f64>() < chance;
            let (decides, writes) = (with(judgment), with(surface));
            let refused = with(if decides { refuses } else { 1.0 - refuses });
            (refused, style(if writes { styles } else { 0.0 }, refused, random))
        };
        (0..asked.answers).map(one).collect()
    }))
}

/// One answer each, without chance: a student decides a prompt as its teacher or as its starting point does, and writes as one of both.
fn said_once(truth: Truth, (refuses, styles): (f64, f64), random: &mut ChaCha8Rng) -> Said {
    let mut with = |chance: f64| random.random::<f64>() < chance;
    let (teacher, base) = (with(refuses), with(1.0 - refuses));
    let (decides, writes) = (with(truth.judgment), with(truth.surface));
    let student = if decides { teacher } else { base };
    let answers = [(teacher, true), (student, writes), (base, false)];
    // The same writer says the same to a prompt.
    let own = [styles, 0.0].map(|level| [false, true].map(|refused| style(level, refused, random)));
    Said(answers.map(|(refused, taught)| vec![(refused, own[usize::from(!taught)][usize::from(refused)])]))
}

/// Families that share how firmly both models decide, and how far their styles are apart. Half of them are mostly refused.
fn audit(asked: Asked, truth: Truth, random: &mut ChaCha8Rng) -> Sums {
    let mut prompts: Vec<(String, Said)> = Vec::new();
    for family in 0..asked.families {
        let firm: f64 = random.random_range(0.6..1.0);
        let shared = (if family % 2 == 0 { firm } else { 1.0 - firm }, random.random_range(1.0..2.0));
        let one = |random: &mut ChaCha8Rng| match asked.answers {
            1 => said_once(truth, shared, random),
            _ => said(asked, truth, shared, random),
        };
        prompts.extend((0..asked.prompts).map(|_| (format!("{family:04}"), one(random))));
    }
    let teacher: Vec<(bool, [f64; 2])> = prompts.iter().flat_map(|(_, Said([teacher, ..]))| teacher.clone()).collect();
    let manner = Manner::of(&teacher);
    let less = |(refused, style): &(bool, [f64; 2])| (*refused, manner.less(refused, style));
    let given = Given::new(&teacher.iter().map(less).collect::<Vec<_>>(), rbf);
    let mut sums = Sums::new();
    if asked.answers == 1 {
        return once(&prompts, &given, less);
    }
    for (number, (family, Said(models))) in prompts.iter().enumerate() {
        let placed: Vec<Vec<Placed<[f64; 2]>>> = (0..3)
            .map(|model| {
                let own = |k: usize| (model == 0).then_some(number * asked.answers + k);
                let place = |(k, said): (usize, &(bool, [f64; 2]))| given.place(&said.0, less(said).1, own(k));
                models[model].iter().enumerate().map(place).collect()
            })
            .collect();
        let decided = models.each_ref().map(|said| said.iter().map(|(refused, _)| u32::from(*refused)).collect());
        let [teacher, student, base]: [Vec<u32>; 3] = decided;
        let style = |other: usize| d2(&placed[0], &placed[other], &|x, y| given.kernel(x, y)).unwrap();
        let decision = |other: &Vec<u32>| d2(&teacher, other, &same).unwrap();
        let prompt = Copied {
            style: Some(Distances { left: style(1), whole: style(2) }),
            at_boundary: true,
            decision: Some(Distances { left: decision(&student), whole: decision(&base) }),
        };
        sums.copied(family, &prompt);
    }
    sums
}

type Style = [f64; 2];

/// Where everybody answers once: a decision is all that a model would ever decide, and styles are compared over the prompts.
fn once<K: Fn(&Style, &Style) -> f64>(
    prompts: &[(String, Said)],
    given: &Given<bool, Style, K>,
    less: impl Fn(&(bool, Style)) -> (bool, Style),
) -> Sums {
    let place = |number: usize, model: usize| {
        let said = &prompts[number].1.0[model][0];
        given.place(&said.0, less(said).1, (model == 0).then_some(number))
    };
    let [teacher, student, base] =
        [0, 1, 2].map(|model| (0..prompts.len()).map(|number| place(number, model)).collect::<Vec<_>>());
    let apart = |other: &[Placed<Style>]| {
        let pair = |k: usize| Pair { family: &prompts[k].0, x: &teacher[k], y: &other[k] };
        d2_shares(&(0..prompts.len()).map(pair).collect::<Vec<_>>(), &|x, y| given.kernel(x, y))
    };
    let mut sums = Sums::new();
    for ((family, Said(models)), (left, whole)) in prompts.iter().zip(apart(&student).into_iter().zip(apart(&base))) {
        let differs = |other: usize| if models[0][0].0 == models[other][0].0 { 0.0 } else { 2.0 };
        let prompt = Copied {
            style: left.zip(whole).map(|(left, whole)| Distances { left, whole }),
            at_boundary: true,
            decision: Some(Distances { left: differs(1), whole: differs(2) }),
        };
        sums.copied(family, &prompt);
    }
    sums
}

const TEXT: Asked = Asked { families: 60, prompts: 4, answers: 4 };
/// As the built-in profiles ask, with the student from before distillation beside.
const ONCE: Asked = Asked { families: 60, prompts: 2, answers: 1 };

impl Truth {
    /// The gap between both shares of the way. Of decisions without chance the student's differ from the teacher's at 1 − j of the
    /// prompts at which the starting point's do, and √(1 − j) of the way is left.
    fn gap(self, asked: Asked) -> f64 {
        let judgment = if asked.answers == 1 { 1.0 - (1.0 - self.judgment).sqrt() } else { self.judgment };
        self.surface - judgment
    }
}

fn found(asked: Asked, truth: Truth, random: &mut ChaCha8Rng) -> Option<(Estimate, Difference)> {
    illusion_gap(&audit(asked, truth, random), 0.95).ok()
}

/// Share of audits whose interval holds the truth.
fn coverage(asked: Asked, truth: Truth, audits: usize) -> f64 {
    let mut random = random(asked.families as u64 + 5000);
    let hits = (0..audits).filter(|_| {
        let interval = found(asked, truth, &mut random).and_then(|(found, _)| found.interval);
        interval.is_some_and(|i| (i.low..=i.high).contains(&truth.gap(asked)))
    });
    hits.count() as f64 / audits as f64
}

const TRUTHS: [Truth; 6] = [
    Truth { surface: 1.0, judgment: 1.0 },
    Truth { surface: 1.0, judgment: 0.8 },
    Truth { surface: 0.9, judgment: 0.7 },
    Truth { surface: 0.8, judgment: 0.3 },
    Truth { surface: 1.0, judgment: 0.0 },
    Truth { surface: 0.3, judgment: 0.9 },
];

/// Audits behind each cell of the tables.
const AUDITS: usize = 400;

#[test]
fn intervals_of_the_illusion_gap_cover() {
    for truth in [TRUTHS[1], TRUTHS[3]] {
        let found = coverage(TEXT, truth, 200);
        let slack = 2.0 * (0.95 * 0.05 / 200.0_f64).sqrt();
        // The interval is a little too wide where nothing is left of one of both ways.
        assert!((0.93 - slack..=0.985 + slack).contains(&found), "{found}");
    }
}

#[test]
fn without_a_gap_to_close_there_is_no_illusion() {
    let mut sums = Sums::new();
    assert_eq!(illusion_gap(&sums, 0.95).err(), Some(Undefined::NothingDecided));
    let at = |left, whole| Some(Distances { left, whole });
    for family in 0..40 {
        let chance = if family % 2 == 0 { 0.2 } else { -0.2 };
        let prompt = Copied { style: at(0.1, 0.5), at_boundary: true, decision: at(0.1, chance) };
        sums.copied(&format!("{family:02}"), &prompt);
    }
    assert_eq!(illusion_gap(&sums, 0.95).err(), Some(Undefined::NoGap));
    let written = Copied { style: at(0.1, 0.5), at_boundary: false, decision: None };
    let mut sums = Sums::new();
    (0..9).for_each(|family| sums.copied(&family.to_string(), &written));
    assert_eq!(illusion_gap(&sums, 0.95).err(), Some(Undefined::NothingDecided));
}

#[test]
fn what_rounding_leaves_of_a_way_is_no_gap() {
    let mut sums = Sums::new();
    for family in 0..20 {
        let way = |left: f64| Some(Distances { left, whole: 1.0 });
        // As sums of a kernel over the same answers in another order come out.
        let prompt = Copied { style: way(2e-18), at_boundary: true, decision: way(0.0) };
        sums.copied(&format!("family-{family}"), &prompt);
    }
    assert_eq!(illusion_gap(&sums, 0.95).unwrap().0.value, 0.0);
}

#[test]
fn the_gap_of_a_known_audit() {
    // A quarter of the way is left in style, all of it in decisions: 1 − ½ less 1 − 1.
    let mut sums = Sums::new();
    for family in 0..30 {
        let (style, decision) = (Distances { left: 0.1, whole: 0.4 }, Distances { left: 0.5, whole: 0.5 });
        let prompt = Copied { style: Some(style), at_boundary: true, decision: Some(decision) };
        sums.copied(&format!("{family:02}"), &prompt);
    }
    let (found, limits) = illusion_gap(&sums, 0.95).unwrap();
    assert!((found.value - 0.5).abs() < 1e-12, "{found:?}");
    assert_eq!((found.n_families, found.n_items), (30, 30));
    // Nothing varies; a family like none of those seen may still be.
    let interval = limits.interval(0.95).unwrap();
    assert!(interval.low < 0.5 && interval.high > 0.5 - 1e-12, "{interval:?}");
}

/// Skills of so many families of three probes, four answers of each model, that answer with a success of their own.
fn attempts(skills: usize, families: usize, lost: impl Fn(usize) -> f64, random: &mut ChaCha8Rng) -> Vec<[f64; 3]> {
    let mut all = Vec::new();
    for skill in 0..skills {
        for _ in 0..families {
            let level: f64 = random.random_range(0.4..0.9);
            for _ in 0..3 {
                let mut share = |success: f64| (0..4).filter(|_| random.random::<f64>() < success).count() as f64 / 4.0;
                all.push([share(0.95), share(level - lost(skill)), share(level)]);
            }
        }
    }
    all
}

fn forgotten(skills: usize, families: usize, lost: impl Fn(usize) -> f64, random: &mut ChaCha8Rng) -> Forgetting {
    let found = attempts(skills, families, lost, random);
    let names: Vec<[String; 2]> =
        (0..found.len()).map(|k| [format!("skill {}", k / 3 / families), format!("family {}", k / 3)]).collect();
    let all: Vec<Attempt<'_>> = found
        .iter()
        .zip(&names)
        .map(|(&[teacher, student, base], [skill, family])| Attempt { family, skill, teacher, student, base })
        .collect();
    forgetting(&all, 0.9).unwrap()
}

#[test]
fn nothing_forgotten_alarms_nobody() {
    let mut random = random(61);
    for (skills, families) in [(1, 20), (6, 20), (20, 8)] {
        let audits = 500;
        let (mut alarms, mut misses, mut mean) = (0, 0, 0.0);
        for _ in 0..audits {
            let found = forgotten(skills, families, |_| 0.0, &mut random);
            // One-sided bounds at 5 % each.
            let interval = found.estimate.interval.unwrap();
            alarms += usize::from(interval.low > 0.0);
            misses += usize::from(interval.high < 0.0);
            mean += found.estimate.value / audits as f64;
        }
        eprintln!("{skills} skills of {families} families: {alarms} alarms of {audits}, mean {mean:.4}");
        assert!(alarms as f64 <= (0.05 + 2.0 * (0.05 * 0.95 / audits as f64).sqrt()) * audits as f64, "{alarms}");
        assert_eq!(misses, 0);
        assert!(mean.abs() < 0.005, "a positive part of noise: {mean}");
    }
}

#[test]
fn what_is_forgotten_is_found_and_held() {
    let mut random = random(62);
    // Half of the skills lose 0.2, the others gain 0.1: 0.1 is forgotten, of which a signed mean would see half.
    let lost = |skill: usize| if skill.is_multiple_of(2) { 0.2 } else { -0.1 };
    let audits = 200;
    let (mut held, mut found_it, mut mean) = (0, 0, 0.0);
    for _ in 0..audits {
        let found = forgotten(6, 20, lost, &mut random);
        let interval = found.estimate.interval.unwrap();
        held += usize::from((interval.low..=interval.high).contains(&0.1));
        found_it += usize::from(interval.low > 0.02);
        mean += found.estimate.value / audits as f64;
        assert!(found.skills.windows(2).all(|pair| pair[0].lost.value >= pair[1].lost.value));
    }
    eprintln!("held {held}, found {found_it} of {audits}, mean {mean:.4}");
    assert!(held >= 180 && found_it >= 190, "held {held}, found {found_it}");
    assert!((mean - 0.1).abs() < 0.01, "{mean}");
}

#[test]
fn recovered_needs_a_teacher_that_is_better() {
    let names: Vec<String> = (0..60).map(|family| format!("family {family}")).collect();
    let all = |teacher: f64| -> Vec<Attempt<'_>> {
        names
            .iter()
            .enumerate()
            .map(|(k, family)| {
                let base = if k % 2 == 0 { 0.5 } else { 0.4 };
                Attempt { family, skill: "one", teacher, student: base + 0.25, base }
            })
            .collect()
    };
    // 0.25 of 0.5 and 0.6.
    assert!((recovered(&all(1.0), 0.95).unwrap().value - 0.25 / 0.55).abs() < 1e-9);
    assert_eq!(recovered(&all(0.45), 0.95), Err(Undefined::NothingToRecover));
    assert_eq!(forgetting(&all(1.0)[..1], 0.95).err(), Some(Undefined::NoSkill));
    assert_eq!(recovered(&[], 0.95), Err(Undefined::NoSkill));
}

#[test]
#[ignore = "writes the first table of docs/metrics/illusion_gap.md: run it alone, optimised, with --nocapture"]
fn coverage_table() {
    for truth in TRUTHS {
        let cell = |families: usize| format!("{:.1}", 100.0 * coverage(Asked { families, ..TEXT }, truth, AUDITS));
        let cells = [20, 60, 100, 200].map(cell);
        eprintln!("| {:.1} | {:.1} | {} |", truth.surface, truth.judgment, cells.join(" | "));
    }
}

#[test]
#[ignore = "writes the second table of docs/metrics/illusion_gap.md: run it alone, optimised, with --nocapture"]
fn coverage_table_of_one_answer() {
    for truth in TRUTHS {
        let cell = |families: usize| format!("{:.1}", 100.0 * coverage(Asked { families, ..ONCE }, truth, AUDITS));
        let cells = [20, 60, 100, 200].map(cell);
        eprintln!("| {:.1} | {:.2} | {} |", truth.surface, truth.surface - truth.gap(ONCE), cells.join(" | "));
    }
}

/// What intervals do over many audits of one kind.
struct Intervals {
    /// Shares that hold the truth, and that lie wholly below it, where a gate passes what it should not.
    held: f64,
    below: f64,
    /// Mean width, and the width between the percentiles of the estimate that 95 % of audits lie between: that of an interval that knew its law.
    width: f64,
    needed: f64,
    /// How often a student at the margin passes a gate at 5 %.
    passes: f64,
}

fn intervals(asked: Asked, truth: Truth, audits: usize) -> Intervals {
    let mut random = random(asked.families as u64 + 7000);
    let gap = truth.gap(asked);
    let found: Vec<(Estimate, Difference)> = (0..audits).filter_map(|_| found(asked, truth, &mut random)).collect();
    let share = |of: &dyn Fn(&(Estimate, Difference)) -> bool| {
        found.iter().filter(|found| of(found)).count() as f64 / audits as f64
    };
    let interval =
        |(estimate, _): &(Estimate, Difference)| estimate.interval.map(|interval| (interval.low, interval.high));
    let mut values: Vec<f64> = found.iter().map(|(estimate, _)| estimate.value).collect();
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values[((values.len() - 1) as f64 * share).round() as usize];
    let widths = found.iter().filter_map(interval).map(|(low, high)| high - low);
    let passes = |(_, limits): &(Estimate, Difference)| {
        limits.gate_ends(0.05, 1.0).is_some_and(|ends| ends.clear.1 <= gap + 1e-9)
    };
    Intervals {
        held: share(&|found| interval(found).is_some_and(|(low, high)| low <= gap && gap <= high)),
        below: share(&|found| interval(found).is_some_and(|(_, high)| high < gap)),
        width: widths.sum::<f64>() / found.len().max(1) as f64,
        needed: at(0.975) - at(0.025),
        passes: share(&passes),
    }
}

#[test]
#[ignore = "writes the third table of docs/metrics/illusion_gap.md: run it alone, optimised, with --nocapture"]
fn width_table_of_one_answer() {
    for truth in TRUTHS {
        let cell = |families: usize| {
            let found = intervals(Asked { families, ..ONCE }, truth, AUDITS / 2);
            let [held, below, passes] = [found.held, found.below, found.passes].map(|share| 100.0 * share);
            format!("{held:.1}, {below:.1}, {passes:.1}; {:.2} of {:.2}", found.width, found.needed)
        };
        let cells = [20, 60, 200].map(cell);
        eprintln!("| {:.1} | {:.2} | {} |", truth.surface, truth.surface - truth.gap(ONCE), cells.join(" | "));
    }
}

#[test]
#[ignore = "writes the fourth table of docs/metrics/illusion_gap.md: run it alone, optimised, with --nocapture"]
fn width_table_of_more_answers() {
    // A student without a gap, and one whose gap is 0.3, of each way to answer.
    for (gap, once) in [(0.0, 1.0), (0.3, 0.91)] {
        for families in [60, 200] {
            let cell = |answers: usize| {
                let judgment = if answers == 1 { once } else { 1.0 - gap };
                let asked = Asked { families, answers, ..ONCE };
                let found = intervals(asked, Truth { surface: 1.0, judgment }, AUDITS / 4);
                format!("{:.2} of {:.2}", found.width, found.needed)
            };
            eprintln!("| {gap:.1} | {families} | {} |", [1, 2, 4].map(cell).join(" | "));
        }
    }
}

#[test]
#[ignore = "writes the fifth table of docs/metrics/illusion_gap.md: run it alone, optimised, with --nocapture"]
fn power_table() {
    for gap in [0.0, 0.1, 0.2, 0.3] {
        let truth = Truth { surface: 1.0, judgment: 1.0 - gap };
        let cell = |families: usize| {
            let mut random = random(families as u64 + 6000);
            let clear = (0..AUDITS).filter(|_| {
                let found = found(Asked { families, ..TEXT }, truth, &mut random);
                found.and_then(|(found, _)| found.interval).is_some_and(|interval| interval.low > 0.0)
            });
            format!("{:.0}", 100.0 * clear.count() as f64 / AUDITS as f64)
        };
        eprintln!("| {gap:.1} | {} |", [60, 100, 200].map(cell).join(" | "));
    }
}

#[test]
fn a_manner_that_only_the_decision_brings_is_no_distance() {
    // Both write alike wherever they decide alike; one always refuses, the other never but in ten of a hundred answers.
    let mut random = random(71);
    // Refusals do not only lie elsewhere, they vary less, too.
    let mut says = |refused: bool| {
        let [x, y] = style(1.0, refused, &mut random);
        (refused, if refused { [x / 4.0, y / 4.0] } else { [x, y] })
    };
    let teacher: Vec<_> = (0..200).map(|k| says(k % 10 == 0)).collect();
    let student: Vec<_> = (0..200).map(|_| says(true)).collect();
    let given = Given::new(&teacher, rbf);
    let place = |said: &[(bool, [f64; 2])], own: bool| -> Vec<Placed<[f64; 2]>> {
        said.iter().enumerate().map(|(k, (refused, style))| given.place(refused, *style, own.then_some(k))).collect()
    };
    let found = d2(&place(&teacher, true), &place(&student, false), &|x, y| given.kernel(x, y)).unwrap();
    let plain = |said: &[(bool, [f64; 2])]| said.iter().map(|(_, style)| *style).collect::<Vec<_>>();
    let raw = d2(&plain(&teacher), &plain(&student), &rbf).unwrap();
    assert!(raw > 0.4 && found.abs() < 0.05, "raw {raw}, given the decision {found}");
}

#[test]
fn one_answer_to_each_prompt_stands_for_its_writer() {
    let mut random = random(72);
    let families: Vec<String> = (0..40).map(|k| format!("{:02}", k / 2)).collect();
    let mut writes = |level: f64| (0..40).map(|_| style(level, false, &mut random)).collect::<Vec<_>>();
    let (x, alike, other) = (writes(0.0), writes(0.0), writes(2.0));
    let shares = |y: &[[f64; 2]]| -> Vec<f64> {
        let pair = |k: usize| Pair { family: &families[k], x: &x[k], y: &y[k] };
        d2_shares(&(0..40).map(pair).collect::<Vec<_>>(), &rbf).into_iter().flatten().collect()
    };
    let mean = |shares: Vec<f64>| shares.iter().sum::<f64>() / shares.len() as f64;
    assert!(shares(&x).iter().all(|&share| share == 0.0), "the same text is at no distance");
    assert!(mean(shares(&alike)).abs() < 0.06, "{}", mean(shares(&alike)));
    // Normal laws of two features that lie 2 apart: D2 = 2 · (1/2) · (1 − exp(−(2² + 2²)/8)).
    let truth = 1.0 - (-1.0_f64).exp();
    assert!((mean(shares(&other)) - truth).abs() < 0.25, "{}", mean(shares(&other)));
    let one = [Pair { family: "a", x: &x[0], y: &x[1] }, Pair { family: "a", x: &x[2], y: &x[3] }];
    assert_eq!(d2_shares(&one, &rbf), [None, None]);
}
