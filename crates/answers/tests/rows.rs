//! Whatever a row holds, it is read back exactly.
#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use hydrometer_answers::{ChoiceRow, LikelihoodRow, PositionRow, RunFolder};
use hydrometer_metrics::PositionStats;
use proptest::prelude::*;
use support::{manifest, suite};

fn float() -> impl Strategy<Value = f32> {
    prop_oneof![
        prop::num::f32::ANY.prop_map(|x| if x.is_nan() { f32::INFINITY } else { x }),
        prop::sample::select(vec![0.0, -0.0, f32::MIN_POSITIVE, 1e-45, f32::MAX, f32::MIN, f32::NEG_INFINITY]),
    ]
}

fn double() -> impl Strategy<Value = f64> {
    prop::num::f64::ANY.prop_map(|x| if x.is_nan() { f64::NEG_INFINITY } else { x })
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), Just(String::new()), Just("\0\u{202e}👩‍👩‍👧 ﷽\u{fffd}".to_owned())]
}

prop_compose! {
    fn stats()(
        ids in prop::array::uniform3(any::<u32>()),
        plain in prop::array::uniform14(float()),
        tau in prop_oneof![Just(f32::NAN), -1.0f32..=1.0],
        bands in prop::array::uniform3(prop::array::uniform4(float())),
        curves in prop::array::uniform2(prop::array::uniform9(float())),
        same in any::<bool>(),
    ) -> PositionStats {
        PositionStats {
            target: ids[0],
            teacher_logprob: plain[0],
            student_logprob: plain[1],
            kl: plain[2],
            reverse_kl: plain[3],
            jsd: plain[4],
            overlap: plain[5],
            teacher_entropy: plain[6],
            student_entropy: plain[7],
            floored_mass: plain[8],
            teacher_top1: ids[1],
            student_top1: ids[2],
            teacher_top1_prob: plain[9],
            student_top1_prob: plain[10],
            kendall_tau: tau,
            band_mass: bands[0],
            band_overlap: bands[1],
            band_invented: bands[2],
            kl_at: curves[0],
            kl_slope_at: curves[1],
            compat_nll_base: plain[11],
            compat_nll: plain[12],
            compat_kl: plain[13],
            compat_same_top: same,
        }
    }
}

prop_compose! {
    fn positions()(
        rows in prop::collection::vec(
            ((text(), text()), (text(), text()), any::<bool>(), stats()),
            0..20,
        ),
        start in any::<u16>(),
    ) -> Vec<PositionRow> {
        rows.into_iter().enumerate().map(|(index, ((family, token), (ours, theirs), compat, stats))| PositionRow {
            probe: "text-1".to_owned(),
            family,
            window: u32::from(start),
            position: u32::MAX - 100 + index as u32,
            token_text: token,
            teacher_top1_text: ours,
            student_top1_text: theirs,
            compat,
            stats,
        }).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn rows_are_read_back_exactly(
        positions in positions(),
        choices in prop::collection::vec((text(), double(), double()), 0..10),
        likelihoods in prop::collection::vec((text(), any::<u64>(), any::<u64>(), double()), 0..10),
    ) {
        let choices: Vec<_> = choices.into_iter().enumerate().map(|(index, (family, ours, theirs))| ChoiceRow {
            probe: "choice-1".to_owned(),
            family,
            rotation: 0,
            option: index as u32,
            teacher_logprob: ours,
            student_logprob: theirs,
        }).collect();
        let likelihoods: Vec<_> = likelihoods.into_iter().enumerate().map(|(index, (family, tokens, bytes, logprob))| {
            LikelihoodRow {
                probe: "text-2".to_owned(),
                family,
                window: index as u32,
                model: "student".to_owned(),
                tokens,
                bytes,
                logprob,
            }
        }).collect();
        let home = tempfile::tempdir().unwrap();
        let run = RunFolder::create_or_resume(home.path(), &manifest(), &suite().probes).unwrap();
        run.write_positions(0, &positions).unwrap();
        run.write_choices(0, &choices).unwrap();
        run.write_likelihoods(0, &likelihoods).unwrap();
        // As text: NaN equals itself, −0 differs from 0, and every other float has one shortest form.
        let read = run.positions().next().unwrap().unwrap().rows;
        prop_assert_eq!(format!("{read:?}"), format!("{positions:?}"));
        let read = run.choices().next().unwrap().unwrap().rows;
        prop_assert_eq!(format!("{read:?}"), format!("{choices:?}"));
        let read = run.likelihoods().next().unwrap().unwrap().rows;
        prop_assert_eq!(format!("{read:?}"), format!("{likelihoods:?}"));
    }
}
