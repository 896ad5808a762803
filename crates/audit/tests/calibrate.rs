//! Calibrations of audits that were made up: shares, doses, correlations and figures whose truth is known.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use hydrometer_answers::{EngineIdentity, ModelIdentity, RunSettings};
use hydrometer_audit::Policy;
use hydrometer_audit::calibrate::{
    Asked, CELL_FORMAT, Calibrated, Cell, Criterion, Figure, Judged, Known, Setup, Share, calibrate,
};
use hydrometer_metrics::Verdict;

fn setup(suite: Asked) -> Setup {
    let engine = EngineIdentity { name: "scripted".into(), version: "1".into(), precision: None, kernel: None };
    let teacher = ModelIdentity {
        name: "teacher".into(),
        spec: "teacher.gguf".into(),
        format: "gguf".into(),
        architecture: None,
        parameters: None,
        quantization: None,
        vocab_size: None,
        context_length: None,
        weights: "blake3:0".into(),
        tokenizer: None,
        template: None,
        surgery: None,
        engine,
        unknown: None,
    };
    let settings = RunSettings::of_texts(256, 2048, None, None, 0);
    Setup { hydrometer: "0".into(), teacher, base: None, suite, settings, policy: Policy::default() }
}

fn drawn() -> Asked {
    Asked::Drawn { name: "made up".into(), hash: "0".into() }
}

/// An audit of which the gate on one number says this.
fn cell(defect: &str, seed: u64, tail_kept: f64, judged: Judged) -> Cell {
    let verdict = match judged {
        Judged::Pass => Verdict::Pass,
        Judged::Undecided => Verdict::NotEnoughEvidence,
        Judged::Fail => Verdict::Fail,
    };
    let findings = if judged == Judged::Fail { vec!["tail_lost".to_owned()] } else { Vec::new() };
    Cell {
        format: CELL_FORMAT.into(),
        setup: String::new(),
        defect: defect.into(),
        seed,
        run: String::new(),
        verdict,
        gates: BTreeMap::from([("tail_kept".to_owned(), judged)]),
        numbers: BTreeMap::from([("tail_kept".to_owned(), tail_kept)]),
        known: BTreeMap::new(),
        findings,
    }
}

const DOSES: [&str; 3] = ["tail_truncated=0.99", "tail_truncated=0.95", "tail_truncated=0.9"];

/// Ten seeds: the mildest dose is never found, the middle one in `middle` of them, the strongest always. 60 nulls, of which
/// `alarms` fail.
fn cells(middle: u64, alarms: u64) -> Vec<Cell> {
    let found = |so: bool| if so { Judged::Fail } else { Judged::Pass };
    let of_seed = |seed: u64| {
        let jitter = seed as f64 / 1000.0;
        [
            cell(DOSES[0], seed, 0.95 - jitter, Judged::Undecided),
            cell(DOSES[1], seed, 0.7 - jitter, found(seed < middle)),
            cell(DOSES[2], seed, 0.1 - jitter, Judged::Fail),
        ]
    };
    let null = |seed: u64| cell("null", seed, 1.0 - (seed % 10) as f64 / 10_000.0, found(seed < alarms));
    (0..60).map(null).chain((0..10).flat_map(of_seed)).collect()
}

fn of(suite: Asked, cells: &[Cell]) -> Calibrated {
    calibrate(setup(suite), &DOSES.map(str::to_owned), cells)
}

fn figure(calibrated: &Calibrated, figure: Figure) -> &Criterion {
    calibrated.acceptance.iter().find(|criterion| criterion.figure == figure).unwrap()
}

fn counts(share: Share) -> (u64, u64) {
    (share.of, share.trials)
}

#[test]
fn an_instrument_that_finds_what_it_should_is_calibrated() {
    let found = of(drawn(), &cells(9, 0));
    assert!(found.accepted, "{:?}", found.acceptance);
    let row = &found.defects[0];
    let power: Vec<_> = row.doses.iter().map(|dose| counts(dose.gates[0].failed)).collect();
    assert_eq!(power, [(0, 10), (9, 10), (10, 10)]);
    assert_eq!(row.smallest["tail_kept"].as_deref(), Some(DOSES[1]));
    assert_eq!(row.dose_response["tail_kept"], 1.0);
    assert_eq!(figure(&found, Figure::Auc).found, Some(1.0));
    // Clopper and Pearson: 10 of 10 at 95 % is at least 0.025^(1/10).
    let low = figure(&found, Figure::Power).interval.unwrap().low;
    assert!((low - 0.025f64.powf(0.1)).abs() < 1e-9, "{low}");
    assert_eq!(figure(&found, Figure::Named).found, Some(1.0));
    assert_eq!((row.doses[1].findings["tail_lost"], found.nulls.findings.len()), (9, 0));
}

#[test]
fn the_smallest_loss_found_is_told_from_the_teacher_itself() {
    let row = |cells: &[Cell]| of(drawn(), cells).defects.remove(0);
    // 0.95 − jitter lies beyond every null, although no gate fails there.
    let found = row(&cells(9, 0)).found["tail_kept"].clone().unwrap();
    assert_eq!((found.defect.as_str(), row(&cells(9, 0)).smallest["tail_kept"].as_deref()), (DOSES[0], Some(DOSES[1])));
    // The means of ten seeds: 0.95 − 0.0045 beside 1 − 0.00045.
    assert!((found.mean - 0.9455).abs() < 1e-9 && (found.loss - 0.05405).abs() < 1e-9, "{found:?}");
    let mut blind = cells(9, 0);
    blind.iter_mut().filter(|cell| cell.defect == DOSES[0] && cell.seed < 2).for_each(|cell| {
        cell.numbers.insert("tail_kept".into(), 1.0);
    });
    assert_eq!(row(&blind).found["tail_kept"].as_ref().unwrap().defect, DOSES[1]);
    assert_eq!(row(&cells(9, 0)[..0]).found.len(), 0);
}

#[test]
fn intervals_are_held_against_what_is_known() {
    let mut cells = cells(9, 0);
    for cell in cells.iter_mut().filter(|cell| cell.defect == "null") {
        cell.known.insert("tail_kept".into(), Known { truth: 1.0, covered: Some(cell.seed != 3) });
    }
    let found = of(drawn(), &cells);
    let number = found.nulls.numbers.iter().find(|number| number.metric == "tail_kept").unwrap();
    assert_eq!((number.truth, number.covered.map(counts)), (Some(1.0), Some((59, 60))));
}

#[test]
fn doses_below_0_are_a_row_of_their_own_and_what_has_no_gate_is_seen_by_its_number() {
    let of_seed = |seed: u64| {
        ["null", "boundary_moved=0.5", "boundary_moved=1", "boundary_moved=-1"].map(|defect| {
            let shift = defect.split_once('=').map_or(0.0, |(_, dose)| dose.parse().unwrap());
            let numbers = BTreeMap::from([("boundary_shift".to_owned(), shift)]);
            Cell { numbers, gates: BTreeMap::new(), ..cell(defect, seed, 0.0, Judged::Pass) }
        })
    };
    let cells: Vec<Cell> = (0..5).flat_map(of_seed).collect();
    let doses = ["boundary_moved=0.5", "boundary_moved=1", "boundary_moved=-1"].map(str::to_owned);
    let found = calibrate(setup(drawn()), &doses, &cells);
    let rows: Vec<_> = found.defects.iter().map(|row| (row.defect.as_str(), row.doses.len())).collect();
    assert_eq!(rows, [("boundary_moved", 2), ("boundary_moved=-", 1)]);
    let aucs: Vec<_> = found
        .acceptance
        .iter()
        .filter(|one| one.figure == Figure::Auc && one.metric.as_deref() == Some("boundary_shift"))
        .map(|one| one.met)
        .collect();
    assert_eq!(aucs, [Some(true), Some(true)]);
    // The default policy has no gate on it, so there is no power to want.
    let wants_power = |one: &Criterion| one.figure == Figure::Power && one.metric.as_deref() == Some("boundary_shift");
    assert!(!found.acceptance.iter().any(wants_power));
}

#[test]
fn what_does_not_hold_is_said() {
    let check = |cells: &[Cell], which: Figure| {
        let found = of(drawn(), cells);
        assert!(!found.accepted);
        assert_eq!(figure(&found, which).met, Some(false), "{which:?}");
    };
    // Four nulls in sixty are more than 5 %.
    check(&cells(9, 4), Figure::FalseAlarms);
    let mut blind = cells(9, 0);
    blind.iter_mut().filter(|cell| cell.defect == DOSES[2] && cell.seed < 2).for_each(|cell| {
        cell.gates.insert("tail_kept".into(), Judged::Undecided);
    });
    check(&blind, Figure::Power);
    let mut unnamed = cells(9, 0);
    unnamed.iter_mut().filter(|cell| cell.seed < 3).for_each(|cell| cell.findings.clear());
    check(&unnamed, Figure::Named);
    let mut loud = cells(9, 0);
    loud.iter_mut().filter(|cell| cell.defect == DOSES[0] && cell.seed < 2).for_each(|cell| {
        cell.gates.insert("top1_agreement".into(), Judged::Fail);
    });
    check(&loud, Figure::Quiet);
    let mut ungated = cells(9, 0);
    ungated.iter_mut().for_each(|cell| cell.gates.clear());
    check(&ungated, Figure::Power);
    let nothing = of(drawn(), &[]);
    assert!(!nothing.accepted && nothing.acceptance[0].missing.is_some());
}

#[test]
fn too_few_runs_say_nothing_that_holds() {
    let seeds = |nulls: u64, planted: u64| {
        let most = |cell: &Cell| if cell.defect == "null" { nulls } else { planted };
        cells(10, 0).into_iter().filter(|cell| cell.seed < most(cell)).collect::<Vec<_>>()
    };
    let check = |cells: &[Cell], suite: Asked, which: Figure, met: Option<bool>, accepted: bool| {
        let found = of(suite, cells);
        let figure = figure(&found, which);
        assert_eq!((figure.met, found.accepted), (met, accepted), "{figure:?}");
        assert_eq!(figure.is_of_too_few(), met.is_none());
        let says = figure.missing.as_ref().is_some_and(|missing| missing.starts_with("too few runs to say: "));
        assert_eq!(says, met.is_none(), "{figure:?}");
    };
    check(&seeds(59, 5), drawn(), Figure::FalseAlarms, Some(true), true);
    check(&seeds(58, 5), drawn(), Figure::FalseAlarms, None, false);
    for which in [Figure::Power, Figure::Auc, Figure::DoseResponse, Figure::Named, Figure::Quiet] {
        let mut quiet = seeds(59, 4);
        quiet.iter_mut().for_each(|cell| {
            cell.gates.insert("top1_agreement".into(), Judged::Pass);
        });
        check(&quiet, drawn(), which, None, false);
    }
    // What fails on two audits fails.
    let mut blind = seeds(59, 2);
    blind.iter_mut().filter(|cell| cell.defect == DOSES[2]).for_each(|cell| {
        cell.gates.insert("tail_kept".into(), Judged::Undecided);
    });
    check(&blind, drawn(), Figure::Power, Some(false), false);
    // Where no draw has a say, five nulls are one, and so would fifty-nine be.
    let mut fixed = seeds(5, 5);
    let nulls = fixed.iter_mut().filter(|cell| cell.defect == "null");
    nulls.for_each(|cell| cell.numbers = BTreeMap::from([("tail_kept".to_owned(), 1.0)]));
    let same = Asked::Same { name: "texts".into(), hash: "0".into() };
    check(&fixed, same, Figure::FalseAlarms, Some(true), true);
    check(&fixed, drawn(), Figure::FalseAlarms, None, false);
}

#[test]
fn a_dose_is_found_only_where_every_stronger_one_is() {
    let mut odd = cells(10, 0);
    odd.iter_mut().filter(|cell| cell.defect == DOSES[2]).for_each(|cell| {
        cell.gates.insert("tail_kept".into(), Judged::Pass);
    });
    assert_eq!(of(drawn(), &odd).defects[0].smallest["tail_kept"], None);
}

#[test]
fn the_same_evidence_is_one_trial() {
    let same = Asked::Same { name: "texts".into(), hash: "0".into() };
    let mut cells = cells(10, 0);
    assert_eq!(counts(of(same.clone(), &cells).defects[0].doses[2].gates[0].failed), (10, 10), "numbers differ");
    for cell in &mut cells {
        cell.numbers.insert("tail_kept".into(), 0.5);
    }
    assert_eq!(counts(of(same, &cells).defects[0].doses[2].gates[0].failed), (1, 1));
    assert_eq!(counts(of(drawn(), &cells).defects[0].doses[2].gates[0].failed), (10, 10), "other suites");
}

#[test]
fn setups_say_where_they_differ() {
    let here = setup(drawn());
    let mut there = here.clone();
    assert_eq!(here.differences(&there), Vec::<String>::new());
    there.settings.n_ctx = 512;
    there.teacher.weights = "blake3:1".into();
    let expected = ["settings.n_ctx: 256 here, 512 there", "teacher.weights: \"blake3:0\" here, \"blake3:1\" there"];
    assert_eq!(here.differences(&there), expected);
    assert_ne!(here.hash(), there.hash());
}
