//! A filled statement for tests and the example: realistic numbers, hostile strings in every place that can hold text
//! of a model or a user.

mod evidence;

use hydrometer_answers::{
    EncoderIdentity, EngineIdentity, MeaningSettings, ModelIdentity, SampleSettings, SamplingParameters,
};
use hydrometer_audit::Statement;
use hydrometer_audit::statement::*;
use hydrometer_metrics::compat::{Compat, Percentile, PlusMinus};
use hydrometer_metrics::{BANDS, Estimate, Exclusion, Interval, IntervalMethod, StudentAlone, Verdict};
use hydrometer_probes::Stratum;

/// Text that would run, reorder, break or widen a report that trusted it.
#[allow(dead_code)]
pub const SCRIPT: &str = "<script>alert(1)</script>";

/// A statement in which everything is measured that can be.
pub fn statement() -> Statement {
    Statement {
        format: FORMAT.into(),
        hydrometer: "0.1.0".into(),
        run: hash('7'),
        verdict: Verdict::Fail,
        verdict_line:
            "4 of 8 gates fail: tail kept, KL divergence, best temperature and diversity kept; 1 is undecided.".into(),
        regime: Regime { id: "R0".into(), meaning: "Full logits of both models: every number is exact.".into() },
        teacher: model("still-1.5b", 1_543_714_304, 'a', None),
        student: model("still-0.5b", 494_032_768, 'b', Some("sharpen(0.7)")),
        base: None,
        control: None,
        pairing: Pairing::Padded { shared: 151_646 },
        suite: suite(),
        headline: headline(),
        gates: gates(),
        metrics: metrics(),
        bands: bands(),
        quantiles: quantiles(),
        slices: slices(),
        calibration: Some(evidence::calibration()),
        truth: Some(TruthCells {
            both_right: 611,
            lost: 83,
            gained: 27,
            both_wrong_same: 49,
            both_wrong_different: 30,
        }),
        compat: Some(compat()),
        findings: evidence::findings(),
        worst_documents: evidence::documents(),
        choices: evidence::choices(),
        answers: Some(answers()),
        answer_cases: evidence::answers(),
        geometry: Some(geometry()),
        illusion: Some(illusion()),
        forgetting: None,
        episodes: None,
        episode_cases: vec![],
        judgment: Some(evidence::judgment()),
        deciding: None,
        calibrated_by: Some(CalibrationUsed {
            setup: "blake3:5e70".into(),
            accepted: true,
            other_teacher: Some("another teacher".into()),
            nulls: 200,
        }),
        cost: Cost {
            teacher_tokens: 28_672,
            student_tokens: 24_576,
            floor_tokens: 4_096,
            rows: 20_480,
            teacher_answer_tokens: 61_440,
            student_answer_tokens: 29_101,
            base_answer_tokens: 0,
            control_tokens: 0,
            control_answer_tokens: 0,
        },
        left_out: vec![],
        excluded: vec![],
        notes: vec![
            "Two windows were shorter than half the context and are not part of the compat block.".into(),
            format!("A probe is named {SCRIPT}; it is text."),
        ],
    }
}

/// A statement of models that do not share a vocabulary, asked nothing: every optional part is absent.
#[allow(dead_code)]
pub fn empty() -> Statement {
    let missing = |id: &str| Headline {
        id: id.into(),
        estimate: None,
        missing: Some("The vocabularies differ.".into()),
        verdict: None,
        beside: None,
    };
    Statement {
        verdict: Verdict::NotEnoughEvidence,
        verdict_line: "No gate could be decided.".into(),
        pairing: Pairing::Different { reason: format!("token 17 is {SCRIPT} against \"the\"") },
        headline: HEADLINE.iter().map(|id| missing(id)).collect(),
        gates: vec![],
        metrics: vec![],
        bands: vec![],
        quantiles: vec![],
        slices: vec![],
        calibration: None,
        truth: None,
        compat: None,
        findings: vec![],
        worst_documents: vec![],
        choices: vec![],
        answers: None,
        answer_cases: vec![],
        illusion: None,
        episodes: None,
        episode_cases: vec![],
        judgment: None,
        suite: SuiteSummary { prompts: 0, ..suite() },
        cost: Cost { teacher_answer_tokens: 0, student_answer_tokens: 0, ..statement().cost },
        left_out: vec![],
        notes: vec![],
        ..statement()
    }
}

/// The sample with what most statements do not have: a student from before distillation, gates decided early, a sentence
/// encoder, families that only the student was asked about, more findings than the short formats show.
#[allow(dead_code)]
pub fn full() -> Statement {
    let mut statement = statement();
    statement.base = Some(model("still-base", 494_032_768, 'f', None));
    // Shown beside what is not known.
    statement.student.context_length = None;
    statement.student.unknown = Some("its file does not say".into());
    statement.forgetting = Some(forgetting());
    statement.deciding = Some(deciding());
    (statement.episodes, statement.episode_cases) = evidence::episodes();
    statement.left_out = vec!["illusion_gap".into()];
    statement.cost.base_answer_tokens = 9_120;
    add_control(&mut statement);
    add_deployment(&mut statement);
    let more = statement.findings.clone();
    statement.findings.extend(more);
    if let Some(answers) = &mut statement.answers {
        answers.meaning = Some(MeaningSettings { encoder: encoder(), least_cosine: 0.85 });
        if let Some(settings) = &mut answers.settings {
            settings.parameters.stop = vec!["</s>".into()];
        }
    }
    for metric in &mut statement.metrics {
        if metric.id == "distribution_match" {
            let reason = "drawn at temperature 0.7".to_owned();
            metric.reservation = Some(Reservation { kind: ReservationKind::AsServed, reason });
        }
        if let Some(estimate) = &mut metric.estimate {
            estimate.student_alone = Some(StudentAlone { families: 900, worth: 341.5 });
            (estimate.effective_families, estimate.unseen) = (Some(161.3), Some(0.0184));
        }
    }
    for gate in &mut statement.gates {
        gate.judged = gate.estimate.as_ref().and_then(|found| found.interval).map(|i| Interval { level: 0.9, ..i });
        if gate.verdict == Verdict::NotEnoughEvidence {
            gate.corrected = Some(Corrected { alone: 0.031, adjusted: 0.093 });
        }
    }
    statement
}

fn encoder() -> EncoderIdentity {
    EncoderIdentity {
        name: "sentences".into(),
        architecture: "bert".into(),
        width: 384,
        max_tokens: 256,
        pooling: "mean".into(),
        weights: hash('1'),
        config: hash('2'),
        tokenizer: hash('3'),
    }
}

fn deciding() -> Deciding {
    let point = |families: u64| EvidencePoint { families, pass: 0.4 * families as f64, fail: -0.5 * families as f64 };
    let watched = |metric: &str, verdict, decided_after| Watched {
        metric: metric.into(),
        at_least: Some(0.8),
        at_most: Some(1.25),
        verdict,
        detectable: Some(0.08),
        families: 9,
        decided_after,
        threshold: 3.0,
        evidence: (1..=9).map(point).collect(),
    };
    let spent = Spent { spent: 1_200, saved: 8_800 };
    Deciding {
        alpha: 0.05,
        cap: Some(300),
        teacher_tokens: spent,
        teacher_answers: spent,
        gates: vec![
            watched("top1_agreement", Verdict::Pass, Some(8)),
            watched("tail_kept", Verdict::NotEnoughEvidence, None),
        ],
        looked: vec![looked("capability_volume", Verdict::Fail, Some(2)), looked("worst_axis", Verdict::Fail, Some(2))],
    }
}

/// A gate that failed at its second look.
fn looked(metric: &str, verdict: Verdict, decided_at: Option<u64>) -> Looked {
    let judged = Interval { low: 0.61, high: 0.78, level: 0.99, method: IntervalMethod::JackknifeT };
    let first = Look {
        families: 24,
        alpha: 0.0025,
        value: Some(0.7),
        judged: None,
        verdict: Verdict::NotEnoughEvidence,
        missing: Some("on some axis the teacher is not shown yet to do better than chance".into()),
    };
    let second = Look { families: 48, alpha: 0.005, value: Some(0.69), judged: Some(judged), verdict, missing: None };
    Looked {
        metric: metric.into(),
        at_least: Some(0.9),
        at_most: Some(1.25),
        verdict,
        decided_at,
        planned: 3,
        families: 96,
        looks: vec![first, second],
    }
}

const HEADLINE: [&str; 7] =
    ["answer_agreement", "tail_kept", "diversity_kept", "capability_volume", "safe_reach", "illusion_gap", "forgotten"];

fn hash(digit: char) -> String {
    format!("blake3:{}", digit.to_string().repeat(64))
}

fn model(name: &str, parameters: u64, digit: char, surgery: Option<&str>) -> ModelIdentity {
    ModelIdentity {
        name: name.into(),
        spec: format!("{name}-q8_0.gguf"),
        format: "gguf".into(),
        architecture: Some("qwen2".into()),
        parameters: Some(parameters),
        quantization: Some("Q8_0".into()),
        vocab_size: Some(if digit == 'a' { 151_936 } else { 151_646 }),
        context_length: Some(32_768),
        weights: hash(digit),
        tokenizer: Some(hash('c')),
        template: Some(hash('d')),
        surgery: surgery.map(Into::into),
        engine: EngineIdentity {
            name: "hydrometer-decoder".into(),
            version: "1".into(),
            precision: Some("f32".into()),
            kernel: Some("avx512".into()),
        },
        unknown: None,
    }
}

fn suite() -> SuiteSummary {
    SuiteSummary {
        name: format!("builtin:standard {SCRIPT}"),
        hash: hash('e'),
        dated: Some("2026-11-29".into()),
        probes: 860,
        families: 212,
        positions: 20_480,
        choices: 800,
        prompts: 120,
        n_ctx: 512,
        rotations: 4,
    }
}

/// An estimate with a 95 % interval.
pub fn estimate(value: f64, half: f64, floor: Option<f64>) -> Estimate {
    Estimate {
        value,
        interval: Some(Interval {
            low: value - half,
            high: value + half,
            level: 0.95,
            method: IntervalMethod::JackknifeT,
        }),
        n_families: 212,
        effective_families: None,
        unseen: None,
        n_items: 20_480,
        excluded: vec![],
        floor,
        student_alone: None,
    }
}

fn illusion() -> Illusion {
    let stratum = |stratum, surface: f64, judgment: Option<f64>| IllusionStratum {
        stratum,
        prompts: 72,
        surface: Some(estimate(surface, 0.06, None)),
        judgment: judgment.map(|judgment| estimate(judgment, 0.2, None)),
        missing: judgment.is_none().then(|| format!("no gap to close: {SCRIPT}")),
    };
    Illusion {
        base: GapBase::Model,
        written: 216,
        at_boundary: 220,
        decided: 216,
        teacher_unread: 0.004,
        student_unread: 0.012,
        student_seldom: 0.035,
        strata: vec![
            stratum(Stratum::NearBoundary, 0.91, None),
            stratum(Stratum::Ambiguous, 0.88, Some(0.71)),
            stratum(Stratum::HighRisk, 0.93, Some(0.42)),
        ],
    }
}

fn forgetting() -> Forgetting {
    let skill = |skill: &str, base: f64, student: f64| ForgottenSkill {
        skill: skill.into(),
        probes: 60,
        base,
        student,
        lost: estimate(base - student, 0.07, None),
    };
    Forgetting {
        skills_are: SkillsAre::BeyondTraining,
        covered: 120,
        skills: vec![skill("translation", 0.71, 0.52), skill(SCRIPT, 0.4, 0.44)],
        negative_flips: estimate(0.21, 0.04, None),
        positive_flips: estimate(0.13, 0.04, None),
        recovered: Some(estimate(0.62, 0.2, None)),
        not_recovered: Some(format!("shown beside what is known: {SCRIPT}")),
    }
}

/// A control student on all axes but the last.
fn add_control(statement: &mut Statement) {
    statement.control = Some(model(SCRIPT, 494_032_768, 'c', None));
    (statement.cost.control_tokens, statement.cost.control_answer_tokens) = (2_048, 8_210);
    let axes = statement.geometry.iter_mut().flat_map(|geometry| &mut geometry.axes);
    for axis in axes.filter(|axis| axis.axis != "own") {
        axis.slope_against_control = Some(estimate(-0.7, 0.4, None));
        for (place, ring) in (0..).zip(&mut axis.rings) {
            ring.control = Some(estimate(0.85 - 0.1 * f64::from(place), 0.07, None));
            ring.relative_fall_off = (place > 0).then(|| estimate(-0.8 * f64::from(place), 0.9, None));
        }
    }
}

/// Where the student is used, on all axes but the last.
fn add_deployment(statement: &mut Statement) {
    let deployed =
        |beyond| Some(Deployed { volume: estimate(0.93, 0.04, None), illusion: estimate(0.21, 0.05, None), beyond });
    let Some(geometry) = &mut statement.geometry else { return };
    (geometry.deployed, geometry.not_deployed) = (deployed(None), None);
    for axis in geometry.axes.iter_mut().filter(|axis| axis.axis != "own") {
        (axis.deployed, axis.not_deployed) = (deployed(Some(0.12)), None);
    }
}

fn geometry() -> Geometry {
    let ring = |number: u32, student: f64, verdict| RingRow {
        inner: f64::from(number - 1) / 2.0,
        outer: f64::from(number) / 2.0,
        mean: f64::from(number) / 2.0 - 0.25,
        probes: 60,
        families: 60,
        teacher: estimate(0.9 - 0.05 * f64::from(number), 0.06, None),
        student: estimate(student, 0.08, None),
        ceiling: Some(estimate(0.91 - 0.05 * f64::from(number), 0.06, None)),
        base: None,
        control: None,
        relative_fall_off: None,
        surplus: Some(student - 0.8),
        bounds: Some([student - 0.86, student - 0.74]),
        verdict,
        probes_needed: (verdict == Verdict::NotEnoughEvidence).then_some(240),
    };
    let axis = |axis: &str, knob: &str, students: [f64; 3], safe_reach, collapse| AxisCurve {
        axis: axis.into(),
        knob: knob.into(),
        trained_to: (axis != "own").then_some(3.0),
        chance: if axis == "own" { 0.25 } else { 0.0 },
        probes: 180,
        families: 60,
        rings: vec![
            ring(1, students[0], Verdict::Pass),
            ring(2, students[1], Verdict::NotEnoughEvidence),
            ring(3, students[2], if collapse == Some(1.0) { Verdict::Fail } else { Verdict::NotEnoughEvidence }),
        ],
        safe_reach,
        collapse,
        teacher_reach: 1.5,
        fewest_probes: Some(60),
        volume: (axis != "own").then(|| estimate(students.iter().sum::<f64>() / 2.4, 0.05, None)),
        slope: Some(estimate(-1.1, 0.3, None)),
        no_slope: (axis == "own").then(|| "the slope is not estimable: all probes have one radius".into()),
        slope_against_control: None,
        embedder: (axis == "tool_use").then(|| SCRIPT.into()),
        deployed: None,
        not_deployed: Some("nobody said where the student is used".into()),
    };
    Geometry {
        delta: 0.1,
        certificate: 200,
        axes: vec![
            axis("reasoning", "depth", [0.82, 0.6, 0.2], 0.5, Some(1.0)),
            axis("tool_use", "tools", [0.84, 0.8, 0.7], 0.5, None),
            axis("own", SCRIPT, [0.3, 0.3, 0.3], 0.0, None),
        ],
        deployed: None,
        not_deployed: Some("nobody said where the student is used".into()),
    }
}

fn headline() -> Vec<Headline> {
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
        explanation: words.into(),
    }
}

fn gates() -> Vec<Gate> {
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

fn metrics() -> Vec<Metric> {
    let measured = |id: &str, estimate: Estimate| Metric {
        id: id.into(),
        estimate: Some(estimate),
        missing: None,
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
            reservation: None,
            corrected: None,
            excess: None,
        },
    ];
    all.extend(evidence::of_judgment());
    all
}

fn answers() -> AnswersSummary {
    let parameters =
        SamplingParameters { temperature: 1.0, top_p: 1.0, top_k: 0, max_tokens: 256, stop: vec![], seed: 17 };
    AnswersSummary {
        prompts: 120,
        checked: 60,
        free: 44,
        meaning: None,
        settings: Some(SampleSettings { per_probe: 4, reruns: 4, parameters }),
        match_p_value: Some(0.0005),
        degenerate: vec!["the student never varies its answer to any of 9 prompts; the teacher does on 7".into()],
        teacher_cut: 0.021,
        student_cut: 0.104,
        other_endings: vec![OtherEnding { finish: hydrometer_answers::FinishReason::Refusal, teacher: 2, student: 5 }],
        gap_base: Some(GapBase::AnotherPrompt),
        secondary: secondary(),
    }
}

fn secondary() -> Vec<Secondary> {
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

fn bands() -> Vec<Band> {
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

fn quantiles() -> Vec<Quantiles> {
    let floor = [2.1e-7, 4.0e-6, 9.3e-6, 5.2e-5, 3.1e-4, 8.8e-4];
    let of = |metric: &str, values| Quantiles { metric: metric.into(), points: points(values), floor: points(floor) };
    vec![
        of("kl_divergence", [0.512, 1.940, 2.610, 4.350, 7.900, 10.20]),
        of("reverse_kl", [0.601, 2.201, 3.004, 5.310, 9.912, 12.007]),
        of("jensen_shannon", [0.121, 0.298, 0.351, 0.487, 0.602, 0.651]),
    ]
}

fn slices() -> Vec<Slice> {
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

fn compat() -> Compat {
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
