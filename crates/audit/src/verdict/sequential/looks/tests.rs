//! Looks at students whose curves are known: how often a verdict is wrong, over all looks together.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use hydrometer_answers::UnitCounts;
use hydrometer_probes::builtin::{small_world, trained_to};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::*;
use crate::Policy;
use crate::issue::tests::rows;
use crate::verdict::sequential::{alpha, watched_gates};

const VOLUME: &str = "[[gate]]\nmetric = \"capability_volume\"\nat_least = 0.9";
const WORST: &str = "[[gate]]\nmetric = \"worst_axis\"\nat_least = 0.8";
const REACH: &str = "[[gate]]\nmetric = \"safe_reach\"\nat_least = 1.5";

/// The teacher's success at a radius.
fn teacher(radius: f64) -> f64 {
    0.9 - 0.06 * radius
}

/// A run over so many ladders of three axes, before any look.
fn looks(policy: &str, ladders: usize, cap: Option<u32>, seed: u64) -> Looks {
    let policy = Policy::parse(policy).unwrap();
    let gates = watched_gates(&policy);
    let (looks, alpha) = (planned(&gates), alpha(&policy));
    let deciding = Deciding { alpha, cap, largest_text: 0, text_families: 0, gates, looks };
    let probes = small_world(ladders, 5);
    let mut plan = rows(Vec::new()).manifest;
    plan.settings.seed = seed;
    plan.units = UnitCounts::default().with(Samples::KIND, 1);
    for probe in &probes {
        let knob = &probe.knob.as_ref().unwrap().name;
        plan.settings.trained_to.insert(format!("{}.{knob}", probe.axis), trained_to(&probe.axis, knob).unwrap());
    }
    Looks::new(&deciding, &plan, &probes)
}

/// Answers of a student that keeps this share of the teacher's success at a radius. What probes of a family have in common,
/// and teacher and student on a probe, makes them dependent.
fn answer(looks: &mut Looks, kept: &dyn Fn(f64) -> f64, seed: u64) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut of_families: BTreeMap<&str, f64> = BTreeMap::new();
    for probe in &looks.probes {
        let of_family = *of_families.entry(&probe.family).or_insert_with(|| random.random());
        let of_probe: f64 = random.random();
        let knob = probe.knob.as_ref().unwrap();
        let radius = knob.value / looks.settings.trained_to[&format!("{}.{}", probe.axis, knob.name)];
        // Uniform on its own: success is as frequent as its share says.
        let mut succeeds = |share: f64| {
            let drawn = match random.random::<f64>() {
                which if which < 0.3 => of_family,
                which if which < 0.5 => of_probe,
                _ => random.random(),
            };
            f64::from(u8::from(drawn < share))
        };
        let [teacher, student] = [1.0, kept(radius)].map(|kept| succeeds(kept * teacher(radius)));
        let shares = Shares { teacher, student, ceiling: None, base: None, control: None };
        looks.found.insert(probe.id.clone(), shares);
    }
}

/// What became of the gates of so many audits, audit by audit.
fn audits(policy: &str, ladders: usize, kept: &(dyn Fn(f64) -> f64 + Sync), audits: u64) -> Vec<Looked> {
    let audit = |seed| {
        let mut looks = looks(policy, ladders, None, seed);
        answer(&mut looks, kept, 1_000 + seed);
        (0..looks.stages.len()).for_each(|_| looks.look().unwrap());
        looks.looked()
    };
    (0..audits).into_par_iter().flat_map_iter(audit).collect()
}

/// The share of the audits of a gate for which something is so.
fn share(found: &[Looked], metric: &str, is_so: impl Fn(&Looked) -> bool) -> f64 {
    let of_gate = || found.iter().filter(|looked| looked.metric == metric);
    of_gate().filter(|looked| is_so(looked)).count() as f64 / of_gate().count() as f64
}

const AUDITS: u64 = 150;
/// Two standard errors of 5 % of so many audits above it.
const ABOVE: f64 = 0.05 + 0.036;

#[test]
fn on_the_margin_wrong_verdicts_stay_below_the_error_rate_over_all_looks() {
    // Keeping 90 %, or a hair less, is the margin of the volume and of every ring: a reach is as wrong as none.
    for (policy, kept, metrics) in [
        (format!("{VOLUME}\n{REACH}"), 0.9, &["capability_volume", "safe_reach"][..]),
        (WORST.into(), 0.8, &["worst_axis"]),
    ] {
        let found = audits(&policy, 32, &|_| kept, AUDITS);
        for metric in metrics {
            let [pass, fail] =
                [Verdict::Pass, Verdict::Fail].map(|verdict| share(&found, metric, |l| l.verdict == verdict));
            assert!(pass <= ABOVE && fail <= ABOVE, "{metric}: {pass} PASS, {fail} FAIL");
        }
    }
}

#[test]
fn a_student_that_falls_off_fails_early_and_one_that_keeps_all_passes() {
    let narrow = |radius: f64| if radius <= 1.0 { 1.0 } else { 0.1 };
    let found = audits(&[VOLUME, WORST, REACH].join("\n"), 48, &narrow, 20);
    for (metric, by) in [("capability_volume", 1), ("worst_axis", 1), ("safe_reach", 2)] {
        let early = share(&found, metric, |looked| looked.decided_at.is_some_and(|look| look <= by));
        assert_eq!(share(&found, metric, |looked| looked.verdict == Verdict::Fail), 1.0, "{metric}");
        assert!(early >= 0.75, "{metric}: {early} by look {by}");
    }
    let found = audits(&format!("{VOLUME}\n{WORST}"), 120, &|_| 1.0, 6);
    for metric in ["capability_volume", "worst_axis"] {
        assert!(share(&found, metric, |looked| looked.verdict == Verdict::Pass) >= 0.8, "{metric}");
        assert!(share(&found, metric, |looked| looked.decided_at.is_some_and(|look| look < 3)) > 0.0, "{metric}");
    }
}

#[test]
fn looks_take_in_their_share_of_every_curve_and_spend_the_error_rate_once() {
    let all = looks(VOLUME, 30, None, 3);
    let sizes: Vec<_> = all.stages.iter().map(|stage| stage.families.len()).collect();
    assert_eq!(sizes, [21, 45, 90], "7, 15 and 30 of each axis");
    let spent: f64 = all.stages.iter().map(|stage| stage.alpha).sum();
    assert!((spent - 0.05).abs() < 1e-12, "{spent}");
    assert!(all.stages.is_sorted_by(|a, b| a.families.is_subset(&b.families)));
    for axis in ["reasoning", "tool_use", "novel_instructions"] {
        let of_axis =
            all.probes.iter().filter(|probe| probe.axis == axis && all.stages[0].families.contains(&probe.family));
        let families: BTreeSet<&str> = of_axis.map(|probe| probe.family.as_str()).collect();
        assert_eq!(families.len(), 7, "{axis}");
    }
    // Capped at a third: the looks are shares of that.
    let capped = looks(VOLUME, 30, Some(30), 3);
    let sizes: Vec<_> = capped.stages.iter().map(|stage| stage.families.len()).collect();
    assert_eq!(sizes, [6, 15, 30]);
    // One ladder of each axis is in no early look: the last spends all.
    let few = looks(VOLUME, 1, None, 3);
    assert_eq!((few.stages.len(), few.stages[0].families.len(), few.stages[0].alpha), (1, 3, 0.05));
}

#[test]
fn nothing_is_asked_for_a_gate_that_nobody_could_pass() {
    let awaited = |policy: &str, ladders| looks(policy, ladders, None, 3).gates[0].awaited;
    // What a loss of 10 % at 4.25 % takes: 30 families. And of 20 %: 15.
    assert_eq!([29, 30].map(|ladders| awaited(REACH, ladders)), [false, true]);
    assert_eq!([9, 10].map(|ladders| awaited(VOLUME, ladders)), [false, true]);
    assert_eq!([14, 15].map(|ladders| awaited(WORST, ladders)), [false, true]);
    assert_eq!(looks(REACH, 9, None, 3).wants(Samples::KIND), Wanted::No);
    assert_eq!(looks(REACH, 30, None, 3).wants(Samples::KIND), Wanted::Now);
    // Where nobody said what counts as 1, no reach is looked at.
    let mut plan = rows(Vec::new()).manifest;
    plan.units = UnitCounts::default().with(Samples::KIND, 1);
    let gates = watched_gates(&Policy::parse(REACH).unwrap());
    let looks = planned(&gates);
    let deciding = Deciding { alpha: 0.05, cap: None, largest_text: 0, text_families: 0, gates, looks };
    assert!(Looks::new(&deciding, &plan, &small_world(30, 5)).is_empty());
}

#[test]
fn an_axis_that_does_not_count_yet_lets_nobody_pass_early() {
    let number = |shown_to, value: f64| {
        let mut table = hydrometer_metrics::FamilyTable::new(1);
        (0..400).for_each(|family| table.add(&format!("{family:03}"), &[value + 1e-3 * f64::from(family % 3)], 1));
        let statistic = |sums: &[f64]| Some(sums[0] / 400.0);
        let shape = hydrometer_metrics::stats::limits::Shape::ANY;
        let limits = hydrometer_metrics::stats::limits::Limits::new(&table, shape, |_| 1.0, statistic).unwrap();
        let found = Ok((limits.estimate(0.95, 400), crate::verdict::ground::Ground::One(limits)));
        move |definition| AtALook { definition, found, shown_to }
    };
    let judge = |policy: &str, shown_to, value, is_last| {
        let looks = looks(policy, 48, None, 3);
        let of = LOOKED_AT.into_iter().find(|definition| definition.id == looks.gates[0].rule.metric).unwrap();
        looks.gates[0].judge(&number(shown_to, value)(of), &looks.stages[0], is_last)
    };
    const ALL: f64 = f64::INFINITY;
    for (policy, early_fail) in [(VOLUME, Verdict::NotEnoughEvidence), (WORST, Verdict::Fail), (REACH, Verdict::Fail)] {
        assert_eq!(judge(policy, ALL, 2.0, false).verdict, Verdict::Pass);
        let early = judge(policy, 0.0, 2.0, false);
        assert!(early.verdict == Verdict::NotEnoughEvidence && early.missing.unwrap().contains("may count"));
        assert_eq!(judge(policy, 0.0, 2.0, true).verdict, Verdict::Pass);
        assert_eq!(judge(policy, 0.0, 0.1, false).verdict, early_fail, "{policy}");
    }
    // A reach needs no more than its margin.
    assert_eq!([1.0, 1.5].map(|to| judge(REACH, to, 2.0, false).verdict), [Verdict::NotEnoughEvidence, Verdict::Pass]);
}

/// Prints the table of docs/metrics/deciding_early.md.
#[test]
#[ignore = "prints a table"]
fn looks_table() {
    // Of each of three axes, as the standard profile has them.
    const LADDERS: usize = 30;
    println!("| Student | Gate | PASS % | FAIL % | At look 1, 2, 3 % | Ladders asked |");
    println!("|---|---|---|---|---|---|");
    let narrow = |radius: f64| if radius <= 1.0 { 1.0 } else { 0.4 };
    let students: [(&str, &(dyn Fn(f64) -> f64 + Sync)); 4] = [
        ("keeps all", &|_| 1.0),
        ("keeps 40 % beyond radius 1", &narrow),
        ("keeps 90 %", &|_| 0.9),
        ("keeps 80 %", &|_| 0.8),
    ];
    for (student, kept) in students {
        let found = audits(&[VOLUME, WORST, REACH].join("\n"), LADDERS, kept, AUDITS);
        for (metric, gate) in
            [("capability_volume", "volume 0.9"), ("worst_axis", "worst axis 0.8"), ("safe_reach", "reach 1.5")]
        {
            let percent = |is_so: &dyn Fn(&Looked) -> bool| format!("{:.1}", 100.0 * share(&found, metric, is_so));
            let at = [1, 2, 3].map(|look| percent(&|looked| looked.decided_at == Some(look)));
            let of_gate = found.iter().filter(|looked| looked.metric == metric);
            let asked: u64 = of_gate.filter_map(|looked| looked.looks.last()).map(|look| look.families).sum();
            println!(
                "| {student} | {gate} | {} | {} | {} | {} of {} |",
                percent(&|looked| looked.verdict == Verdict::Pass),
                percent(&|looked| looked.verdict == Verdict::Fail),
                at.join(", "),
                asked / AUDITS,
                3 * LADDERS
            );
        }
    }
}
