//! The numbers of the filled statement: headline, gates, metrics and what stands beside them.

use hydrometer_answers::{SampleSettings, SamplingParameters};
use hydrometer_audit::statement::*;
use hydrometer_metrics::compat::{Compat, Percentile, PlusMinus};
use hydrometer_metrics::{BANDS, Estimate, Exclusion, Interval, IntervalMethod, Verdict};

use super::{HEADLINE, SCRIPT, estimate, judgment};

pub fn headline() -> Vec<Headline> {
    let missing = |text: &str| (None, Some(text.to_owned()), None);
    let rows = [
        (Some(estimate(0.447, 0.038, Some(0.431))), None, None),
        (Some(estimate(0.612, 0.027, Some(0.9998))), None, Some(Verdict::Fail)),
        (Some(estimate(0.613, 0.058, Some(0.987))), None, Some(Verdict::Fail)),
        missing("Probes with a difficulty knob on at least one capability axis."),
        missing("Probes at known distances from the distillation data."),
        (Some(estimate(0.041, 0.083, Some(0.0))), None, Some(Verdict::NotEnoughEvidence)),
        missing("The student before distillation (--base)."),
    ];
    let headline = |(id, (estimate, missing, verdict)): (&&str, _)| Headline {
        id: (*id).into(),
        estimate,
        missing,
        bounds: None,
        regime: None,
        verdict,
        beside: (*id == "tail_kept").then(|| format!("to be read with {SCRIPT}")),
    };
    HEADLINE.iter().zip(rows).map(headline).collect()
}

fn gate(metric: &str, bounds: (Option<f64>, Option<f64>), verdict: Verdict, found: Estimate, words: &str) -> Gate {
    Gate {
        metric: metric.into(),
        at_least: bounds.0,
        at_most: bounds.1,
        verdict,
        more_families: (verdict == Verdict::NotEnoughEvidence).then_some(1_340),
        judged: None,
        corrected: None,
        detectable: Some(0.125),
        caught: match verdict {
            Verdict::Pass => {
                vec![Caught { defect: "temperature=0.8".into(), value: 0.71, failed: 19, audits: 20 }]
            }
            _ => Vec::new(),
        },
        resolution: Some(Resolution {
            margin: 0.2,
            smallest: Some(FoundLoss { defect: "temperature=0.95".into(), loss: 0.043 }),
            missed: (verdict == Verdict::NotEnoughEvidence)
                .then(|| FoundLoss { defect: "temperature=0.97".into(), loss: 0.21 }),
            power: 0.9,
        }),
        estimate: Some(found),
        regime: None,
        explanation: words.into(),
    }
}

pub fn gates() -> Vec<Gate> {
    use Verdict::{Fail, NotEnoughEvidence, Pass};
    let low = |b| (Some(b), None);
    vec![
        gate(
            "tail_kept",
            low(0.8),
            Fail,
            estimate(0.612, 0.027, Some(0.9998)),
            "At least 0.80 was wanted; even the upper bound, 0.639, is below it.",
        ),
        gate(
            "kl_divergence",
            (None, Some(0.2)),
            Fail,
            estimate(0.8305, 0.0412, Some(0.000_003)),
            "At most 0.20 was wanted; even the lower bound, 0.789, is above it.",
        ),
        gate(
            "entropy_ratio",
            (Some(0.8), Some(1.25)),
            Pass,
            estimate(0.913, 0.031, Some(1.0)),
            "Between 0.80 and 1.25, and the whole interval is inside.",
        ),
        gate(
            "best_temperature",
            (Some(0.8), Some(1.25)),
            Fail,
            estimate(1.402, 0.022, Some(1.0)),
            "Between 0.80 and 1.25 was wanted; the whole interval is above.",
        ),
        gate(
            "token_overlap",
            low(0.6),
            Pass,
            estimate(0.6551, 0.0102, Some(0.9999)),
            "At least 0.60 was wanted, and the lower bound, 0.645, clears it.",
        ),
        gate(
            "agreement_ratio",
            low(0.95),
            Pass,
            estimate(1.037, 0.071, None),
            "At least 0.95 was wanted, and the lower bound, 0.966, clears it.",
        ),
        gate(
            "diversity_kept",
            (Some(0.8), Some(1.25)),
            Fail,
            estimate(0.613, 0.058, Some(0.987)),
            "Between 0.80 and 1.25 was wanted; the whole interval is below.",
        ),
        gate(
            "choice_top1_agreement",
            low(0.9),
            NotEnoughEvidence,
            estimate(0.8985, 0.024, Some(1.0)),
            "At least 0.90 was wanted; the interval lies on both sides.",
        ),
    ]
}

pub fn metrics() -> Vec<Metric> {
    let measured = |id: &str, estimate: Estimate| Metric {
        id: id.into(),
        estimate: Some(estimate),
        missing: None,
        bounds: None,
        regime: None,
        reservation: None,
        corrected: None,
        excess: None,
    };
    let mut excluded = estimate(0.734, 0.012, Some(1.0));
    excluded.excluded = vec![Exclusion { reason: "all ten tokens tied".into(), items: 12 }];
    let mut exact = estimate(0.104, 0.021, Some(0.0));
    exact.interval = exact.interval.map(|i| Interval { method: IntervalMethod::ClopperPearson, ..i });
    let mut alone = estimate(12.4, 0.0, None);
    alone.interval = None;
    alone.n_families = 1;
    let mut all = vec![
        measured("kl_divergence", estimate(0.8305, 0.0412, Some(0.000_003))),
        measured("reverse_kl", estimate(0.9127, 0.05, Some(0.000_003))),
        measured("jensen_shannon", estimate(0.1431, 0.006, Some(0.000_001))),
        measured("token_overlap", estimate(0.6551, 0.0102, Some(0.9999))),
        measured("top1_agreement", estimate(0.5875, 0.0151, Some(0.9998))),
        measured("kendall_tau", excluded),
        measured("entropy_ratio", estimate(0.913, 0.031, Some(1.0))),
        measured("best_temperature", estimate(1.402, 0.022, Some(1.0))),
        measured("temperature_share", estimate(0.31, 0.04, None)),
        measured("tail_kept", estimate(0.612, 0.027, Some(0.9998))),
        measured("tail_invented", estimate(0.224, 0.019, Some(0.0002))),
        measured("perplexity_ratio", alone),
        measured("choice_top1_agreement", estimate(0.8985, 0.024, Some(1.0))),
        measured("choice_lost", exact),
        measured("brier_teacher", estimate(0.121, 0.01, None)),
        measured("brier_student", estimate(0.187, 0.012, None)),
        measured("ece2_teacher", estimate(0.0012, 0.0009, None)),
        measured("ece2_student", estimate(0.0191, 0.004, None)),
        measured("calibration_slope", estimate(0.71, 0.05, Some(1.0))),
        measured("answer_agreement", estimate(0.447, 0.038, Some(0.431))),
        measured("agreement_ceiling", estimate(0.431, 0.035, None)),
        measured("agreement_ratio", estimate(1.037, 0.071, None)),
        measured("diversity_kept", estimate(0.613, 0.058, Some(0.987))),
        measured("distribution_match", estimate(0.804, 0.041, Some(0.996))),
        measured("gap_closed", estimate(0.713, 0.048, Some(0.991))),
        Metric {
            id: "rare_answers_kept".into(),
            estimate: None,
            missing: Some("Fewer than 20 answers of the teacher per prompt.".into()),
            bounds: None,
            regime: None,
            reservation: None,
            corrected: None,
            excess: None,
        },
        measured("answer_both_right", estimate(0.381, 0.052, Some(0.492))),
        measured("answer_lost", estimate(0.212, 0.036, Some(0.101))),
        measured("answer_gained", estimate(0.058, 0.017, Some(0.098))),
        measured("answer_both_wrong_same", estimate(0.141, 0.031, Some(0.139))),
        measured("answer_both_wrong_different", estimate(0.208, 0.04, Some(0.17))),
        measured("excess_flips", estimate(0.071, 0.033, None)),
        Metric {
            id: "fork_tail_kept".into(),
            estimate: None,
            missing: Some("Fewer than 100 fork positions.".into()),
            bounds: None,
            regime: None,
            reservation: None,
            corrected: None,
            excess: None,
        },
    ];
    all.extend(judgment::of_judgment());
    all
}

pub fn answers() -> AnswersSummary {
    let parameters =
        SamplingParameters { temperature: 1.0, top_p: 1.0, top_k: 0, max_tokens: 256, stop: vec![], seed: 17 };
    AnswersSummary {
        prompts: 120,
        checked: 60,
        free: 44,
        beyond_first_word: 84,
        own_length: 36,
        meaning: None,
        settings: Some(SampleSettings { per_probe: 4, reruns: 4, parameters, paired: false }),
        match_p_value: Some(0.0005),
        degenerate: vec!["the student never varies its answer to any of 9 prompts; the teacher does on 7".into()],
        teacher_cut: 0.021,
        student_cut: 0.104,
        other_endings: vec![OtherEnding { finish: hydrometer_answers::FinishReason::Refusal, teacher: 2, student: 5 }],
        gap_base: Some(GapBase::AnotherPrompt),
        secondary: secondary(),
    }
}

pub fn secondary() -> Vec<Secondary> {
    let measure = |id: &str, student, teacher, rerun| Secondary {
        id: id.into(),
        student,
        teacher,
        rerun,
        prompts: 120,
        answers: 480,
        missing: None,
    };
    vec![
        measure("vendi", Some(1.82), Some(2.61), Some(2.58)),
        measure("self_bleu", Some(0.512), Some(0.401), Some(0.404)),
        measure("mauve", Some(0.711), None, Some(0.968)),
        Secondary {
            missing: Some("No prompt has two answers of every model with words enough to compare.".into()),
            ..measure("distinct_2", None, None, None)
        },
    ]
}

pub fn bands() -> Vec<Band> {
    let numbers = [(0.587, 0.842, 0.061), (0.309, 0.721, 0.184), (0.089, 0.644, 0.402), (0.015, 0.431, 1.27)];
    let band = |(name, (mass, kept, invented)): (&&str, (f64, f64, f64))| Band {
        name: (*name).into(),
        mass,
        kept: Some(estimate(kept, 0.025, Some(1.0))),
        invented: Some(estimate(invented, 0.05 * (1.0 + invented), Some(0.0))),
    };
    BANDS.iter().zip(numbers).map(band).collect()
}

fn points(values: [f64; 6]) -> Vec<Percentile> {
    let point = |(percent, value)| Percentile { percent, value };
    [50.0, 90.0, 95.0, 99.0, 99.9, 100.0].into_iter().zip(values).map(point).collect()
}

pub fn quantiles() -> Vec<Quantiles> {
    let floor = [2.1e-7, 4.0e-6, 9.3e-6, 5.2e-5, 3.1e-4, 8.8e-4];
    let of = |metric: &str, values| Quantiles { metric: metric.into(), points: points(values), floor: points(floor) };
    vec![
        of("kl_divergence", [0.512, 1.940, 2.610, 4.350, 7.900, 10.20]),
        of("reverse_kl", [0.601, 2.201, 3.004, 5.310, 9.912, 12.007]),
        of("jensen_shannon", [0.121, 0.298, 0.351, 0.487, 0.602, 0.651]),
    ]
}

pub fn slices() -> Vec<Slice> {
    let names = [
        "axis:prose",
        "axis:code",
        "axis:reasoning",
        "axis:refusal",
        "forks",
        "tag:dates",
        "tag:names",
        "tag:arithmetic",
        "tag:units",
        "tag:日本語",
        SCRIPT,
    ];
    let values = [0.792, 1.204, 0.911, 0.688, 1.661, 0.84, 1.402, 1.02, 0.79, 0.93, 0.81];
    let slice = |(at, (name, value)): (usize, (&&str, f64))| Slice {
        name: (*name).into(),
        metric: "kl_divergence".into(),
        estimate: Estimate {
            n_families: 12 + 7 * at as u64,
            effective_families: None,
            unseen: None,
            ..estimate(value, 0.06 + 0.02 * at as f64, Some(0.000_003))
        },
        p_value: (at != 0).then_some(if value > 1.1 { 0.0002 } else { 0.08 + 0.07 * at as f64 }),
        differs: value > 1.1,
    };
    let mut slices: Vec<Slice> = names.iter().zip(values).enumerate().map(slice).collect();
    slices.extend(["axis:prose", "axis:code"].map(|name| Slice {
        name: name.into(),
        metric: "tail_kept".into(),
        estimate: estimate(0.61, 0.05, Some(0.9998)),
        p_value: Some(0.4),
        differs: false,
    }));
    slices
}

pub fn compat() -> Compat {
    let pm = |value, error| PlusMinus { value, error };
    let at = |pairs: &[(f64, f64)]| pairs.iter().map(|&(percent, value)| Percentile { percent, value }).collect();
    Compat {
        tokens: 4_080,
        chunks: 16,
        n_ctx: 512,
        ppl_student: pm(18.25, 0.75),
        ppl_teacher: pm(9.5, 0.375),
        correlation: 0.8125,
        ln_ppl_ratio: pm(0.652_9, 0.021_5),
        ppl_ratio: pm(1.921_053, 0.041_25),
        ppl_difference: pm(8.75, 0.5),
        mean_kl: pm(0.8305, 0.0125),
        kl_percentiles: at(&[
            (100.0, 10.2),
            (99.9, 7.9),
            (99.0, 4.35),
            (95.0, 2.61),
            (90.0, 1.94),
            (50.0, 0.512),
            (10.0, 0.006),
            (5.0, 0.0025),
            (1.0, 0.0005),
            (0.1, 0.000_03),
            (0.0, -0.000_01),
        ]),
        mean_delta_p: pm(-0.0625, 0.0025),
        delta_p_percentiles: at(&[
            (100.0, 1.0),
            (99.9, 0.625),
            (99.0, 0.25),
            (95.0, 0.125),
            (90.0, 0.05),
            (75.0, 0.001),
            (50.0, -0.01),
            (25.0, -0.125),
            (10.0, -0.375),
            (5.0, -0.5),
            (1.0, -0.75),
            (0.1, -0.875),
            (0.0, -1.0),
        ]),
        rms_delta_p: pm(0.1875, 0.005),
        same_top: pm(0.5875, 0.0075),
    }
}
