//! Whatever a row holds, it is read back exactly.
#![allow(clippy::unwrap_used, reason = "test code")]

use crate::support;

use hydrometer_answers::part::{Choices, Likelihoods, Positions};
use hydrometer_answers::{ChoiceRow, LikelihoodRow, OptionSaid, Outside, PositionRow, RunFolder, ScoredModel};
use hydrometer_metrics::PositionStats;
use proptest::prelude::*;
use support::{manifest, suite};

/// Any number from `low` to `high`, often an end, 0 or the smallest there is.
fn float(low: f32, high: f32) -> impl Strategy<Value = f32> {
    let ends = [low, high, 0.0, -0.0, f32::MIN_POSITIVE, 1e-45];
    let ends: Vec<f32> = ends.into_iter().filter(|end| (low..=high).contains(end)).collect();
    let finite = (low.max(f32::MIN / 2.0), high.min(f32::MAX / 2.0));
    prop_oneof![finite.0..=finite.1, prop::sample::select(ends)]
}

/// ln p.
fn low() -> impl Strategy<Value = f32> {
    float(f32::NEG_INFINITY, 0.0)
}

fn share() -> impl Strategy<Value = f32> {
    float(0.0, 1.0)
}

fn double() -> impl Strategy<Value = f64> {
    prop::num::f64::ANY.prop_map(|x| if x.is_nan() { f64::NEG_INFINITY } else { -x.abs() })
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), Just(String::new()), Just("\0\u{202e}👩‍👩‍👧 ﷽\u{fffd}".to_owned())]
}

prop_compose! {
    fn stats()(
        ids in prop::array::uniform3(any::<u32>()),
        logs in prop::array::uniform2(low()),
        divergences in prop::array::uniform2(float(0.0, 28.0)),
        jsd in float(0.0, std::f32::consts::LN_2),
        entropies in prop::array::uniform2(float(0.0, 22.0)),
        shares in prop::array::uniform4(share()),
        tau in prop_oneof![Just(f32::NAN), -1.0f32..=1.0],
        bands in prop::array::uniform3(prop::array::uniform4(share())),
        curves in prop::array::uniform2(prop::array::uniform9(float(0.0, 1000.0))),
        compat in prop::array::uniform3(float(f32::MIN, f32::MAX)),
        same in any::<bool>(),
    ) -> PositionStats {
        PositionStats {
            target: ids[0],
            teacher_logprob: logs[0],
            student_logprob: logs[1],
            kl: divergences[0],
            reverse_kl: divergences[1],
            jsd,
            overlap: shares[0],
            teacher_entropy: entropies[0],
            student_entropy: entropies[1],
            floored_mass: shares[1],
            teacher_top1: ids[1],
            student_top1: ids[2],
            teacher_top1_prob: shares[2],
            student_top1_prob: shares[3],
            kendall_tau: tau,
            band_mass: bands[0],
            band_overlap: bands[1],
            band_invented: bands[2],
            kl_at: curves[0],
            kl_slope_at: curves[1],
            compat_nll_base: compat[0],
            compat_nll: compat[1],
            compat_kl: compat[2],
            compat_same_top: same,
        }
    }
}

prop_compose! {
    fn positions()(
        rows in prop::collection::vec(
            (text(), (text(), text()), any::<bool>(), stats()),
            0..20,
        ),
        start in any::<u16>(),
    ) -> Vec<PositionRow> {
        rows.into_iter().enumerate().map(|(index, (token, (teacher, student), compat, stats))| PositionRow {
            probe: "text-1".to_owned(),
            family: "family-of-text-1".to_owned(),
            window: u32::from(start),
            position: u32::MAX - 100 + index as u32,
            token_text: token,
            teacher_top1_text: teacher,
            student_top1_text: student,
            compat,
            stats,
            outside: Outside { teacher: compat.then_some(0.25), student: Some(0.0) },
        }).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn rows_are_read_back_exactly(
        positions in positions(),
        choices in prop::array::uniform2((double(), double())),
        likelihoods in prop::collection::vec((0..=1u64 << 32, 0..=1u64 << 32, double()), 0..10),
    ) {
        let choices: Vec<_> = choices.into_iter().enumerate().map(|(index, (teacher, student))| ChoiceRow {
            probe: "choice-1".to_owned(),
            family: "family-of-choice-1".to_owned(),
            rotation: 0,
            option: index as u32,
            teacher_logprob: teacher,
            student_logprob: student,
            control_logprob: None,
            teacher_said: OptionSaid::default(),
            student_said: OptionSaid::default(),
        }).collect();
        let likelihoods: Vec<_> = likelihoods.into_iter().enumerate().map(|(index, (tokens, bytes, logprob))| {
            LikelihoodRow {
                probe: "text-2".to_owned(),
                family: "family-of-text-2".to_owned(),
                window: index as u32,
                model: ScoredModel::Student,
                tokens,
                bytes,
                logprob,
            }
        }).collect();
        let home = tempfile::tempdir().unwrap();
        let run = RunFolder::create_or_resume(home.path(), &manifest(), &suite().probes).unwrap();
        run.write::<Positions>(0, &positions).unwrap();
        run.write::<Choices>(0, &choices).unwrap();
        run.write::<Likelihoods>(0, &likelihoods).unwrap();
        // As text: NaN equals itself, −0 differs from 0, and every other float has one shortest form.
        let read = run.read::<Positions>().next().unwrap().unwrap().rows;
        prop_assert_eq!(format!("{read:?}"), format!("{positions:?}"));
        let read = run.read::<Choices>().next().unwrap().unwrap().rows;
        prop_assert_eq!(format!("{read:?}"), format!("{choices:?}"));
        let read = run.read::<Likelihoods>().next().unwrap().unwrap().rows;
        prop_assert_eq!(format!("{read:?}"), format!("{likelihoods:?}"));
    }
}
