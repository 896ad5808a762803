//! A filled statement for tests and the example: realistic numbers, hostile strings in every place that can hold text
//! of a model or a user.

mod evidence;
mod judgment;
mod numbers;

use hydrometer_answers::{EncoderIdentity, EngineIdentity, ExcludedItem, MeaningSettings, ModelIdentity, TrainedToBy};
use hydrometer_audit::Statement;
use hydrometer_audit::statement::*;
use hydrometer_metrics::{Estimate, Interval, IntervalMethod, StudentAlone, Verdict};
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
        headline: numbers::headline(),
        gates: numbers::gates(),
        metrics: numbers::metrics(),
        bands: numbers::bands(),
        quantiles: numbers::quantiles(),
        slices: numbers::slices(),
        calibration: Some(evidence::calibration()),
        truth: Some(TruthCells {
            both_right: 611,
            lost: 83,
            gained: 27,
            both_wrong_same: 49,
            both_wrong_different: 30,
        }),
        compat: Some(numbers::compat()),
        findings: evidence::findings(),
        worst_documents: evidence::documents(),
        choices: evidence::choices(),
        answers: Some(numbers::answers()),
        answer_cases: evidence::answers(),
        geometry: Some(geometry()),
        illusion: Some(illusion()),
        forgetting: None,
        episodes: None,
        episode_cases: vec![],
        judgment: Some(judgment::judgment()),
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
        bounds: None,
        regime: None,
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
    statement.excluded = vec![
        ExcludedItem {
            context_of: Some("student".into()),
            ..ExcludedItem::new("long-1", "it has 612 tokens and the student takes 512")
        },
        ExcludedItem {
            refused_by: Some("teacher".into()),
            ..ExcludedItem::new("system-1", "the teacher does not take it: chat template: System role not supported")
        },
    ];
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
            settings.paired = true;
        }
    }
    for metric in &mut statement.metrics {
        if metric.id == "answer_agreement" {
            metric.regime = Some(NumberRegime { id: "R4".into(), known: HowKnown::Answered, from: "answers".into() });
        }
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
        gate.regime = Some(NumberRegime { id: "R0".into(), known: HowKnown::Exact, from: "logits".into() });
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
        trained_to_by: (axis == "reasoning").then_some(TrainedToBy::DistillationSet),
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
