//! Made-up runs for the tests: no model is needed to write a run folder.
#![allow(clippy::unwrap_used, missing_docs, reason = "test code")]

mod caches;
mod in_part;
pub mod logged;

use std::collections::BTreeMap;
use std::path::Path;

use hydrometer_answers::part::{Choices, Floor, Likelihoods, Positions, Samples, Scored, Vectors};
use hydrometer_answers::store::{AnswerKey, StoredAnswer, prompt_hash};
use hydrometer_answers::{
    ChoiceRow, CostEntry, DifferentPrompts, EncoderIdentity, EngineIdentity, FinishReason, GivenJudgment,
    GivenSettings, LikelihoodRow, Manifest, MeaningSettings, ModelIdentity, NewRun, OptionSaid, Outside, Part,
    PlannedTokens, PositionRow, Regime, RunFolder, RunSettings, SampleRow, SampleSettings, SampleSource,
    SamplingParameters, ScoredModel, ScoredRow, Told, UnitCounts, VectorRow,
};
use hydrometer_metrics::PositionStats;
use hydrometer_probes::kind::{Choice, Prompt, Text};
use hydrometer_probes::{Ask, Probe, Suite};

pub use caches::*;
pub use in_part::*;

pub fn model(name: &str) -> ModelIdentity {
    ModelIdentity {
        name: name.to_owned(),
        spec: format!("scripted:{name}.toml"),
        format: "scripted".to_owned(),
        architecture: Some("scripted".to_owned()),
        parameters: Some(0),
        quantization: Some("none".to_owned()),
        vocab_size: Some(16),
        context_length: Some(128),
        weights: format!("blake3:weights-of-{name}"),
        tokenizer: Some("blake3:tokenizer".to_owned()),
        template: None,
        surgery: None,
        engine: EngineIdentity {
            name: "scripted".to_owned(),
            version: "1".to_owned(),
            precision: Some("f32".to_owned()),
            kernel: Some("none".to_owned()),
        },
        unknown: None,
    }
}

fn probe(id: &str, ask: Ask) -> Probe {
    Probe {
        id: id.to_owned(),
        family: format!("family-of-{id}"),
        axis: "prose".to_owned(),
        tags: vec!["made-up".to_owned()],
        knob: None,
        boundary: None,
        ask,
    }
}

pub fn suite() -> Suite {
    let text = |text: &str| Ask::Text(Text::new(text));
    let choice = Ask::Choice(Choice {
        prompt: "Which one is a fruit?".to_owned(),
        options: vec!["apple".to_owned(), "hammer".to_owned()],
        truth: Some(0),
        asked_as: Default::default(),
    });
    let probes = vec![
        probe("text-1", text("The cat sat on the mat.")),
        probe("text-2", text("Ünïcödé: 猫が座った. עברית")),
        probe("choice-1", choice),
    ];
    Suite { name: "made-up".to_owned(), probes }
}

/// [`suite`] with a prompt.
pub fn suite_with_prompt() -> Suite {
    let mut suite = suite();
    suite.probes.push(probe("prompt-1", Ask::Prompt(Prompt::new("Say hello."))));
    suite
}

pub fn settings() -> RunSettings {
    RunSettings { rotations: 2, floor_windows: 1, ..RunSettings::of_texts(8, 16, None, Some("f32".to_owned()), 7) }
}

/// A plan of this suite as version 0.1.0 made it.
pub fn planned(suite: &Suite, settings: RunSettings, units: UnitCounts) -> Manifest {
    let mut manifest = Manifest::plan(NewRun {
        teacher: model("teacher"),
        student: model("student"),
        base: None,
        control: None,
        pairing: "same vocabulary".to_owned(),
        shared_vocab: Some(16),
        regime: Regime::FullLogits,
        facets: BTreeMap::new(),
        suite,
        settings,
        units,
        planned: PlannedTokens { teacher_tokens: 40, student_tokens: 32, floor_tokens: 8, control_tokens: 0 },
        excluded: Vec::new(),
        arguments: vec!["audit".to_owned()],
    });
    manifest.hydrometer = "0.1.0".to_owned();
    // It did not say so.
    manifest.regime = None;
    manifest.excluded = None;
    manifest.sealed()
}

pub fn manifest() -> Manifest {
    let units = UnitCounts::default()
        .with(Positions::KIND, 2)
        .with(Floor::KIND, 1)
        .with(Choices::KIND, 1)
        .with(Likelihoods::KIND, 1);
    planned(&suite(), settings(), units)
}

/// Statistics made of simple numbers that depend on `n`.
pub fn stats(n: u32) -> PositionStats {
    let x = n as f32;
    PositionStats {
        target: n,
        teacher_logprob: -0.5 - x,
        student_logprob: -0.75 - x,
        kl: 0.25 + x / 16.0,
        reverse_kl: 0.5,
        jsd: 0.125,
        overlap: 0.875,
        teacher_entropy: 1.5,
        student_entropy: 1.25,
        floored_mass: 0.0,
        teacher_top1: n,
        student_top1: n + 1,
        teacher_top1_prob: 0.5,
        student_top1_prob: 0.375,
        kendall_tau: if n.is_multiple_of(2) { 0.5 } else { f32::NAN },
        band_mass: [0.5, 0.25, 0.125, 0.125],
        band_overlap: [0.375, 0.25, 0.125, 0.0625],
        band_invented: [0.0, 0.0625, 0.0, 0.0],
        kl_at: [0.9, 0.7, 0.5, 0.375, 0.25, 0.375, 0.5, 0.7, 0.9],
        kl_slope_at: [-4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0],
        compat_nll_base: 0.5,
        compat_nll: 0.75,
        compat_kl: 0.25,
        compat_same_top: n.is_multiple_of(2),
    }
}

pub fn position(probe: &str, window: u32, position: u32) -> PositionRow {
    PositionRow {
        probe: probe.to_owned(),
        family: format!("family-of-{probe}"),
        window,
        position,
        token_text: " cat".to_owned(),
        teacher_top1_text: " 猫".to_owned(),
        student_top1_text: "\u{202e}<script>".to_owned(),
        compat: position >= 4,
        stats: stats(position),
        outside: Outside::default(),
    }
}

pub fn choice(rotation: u32, option: u32) -> ChoiceRow {
    ChoiceRow {
        probe: "choice-1".to_owned(),
        family: "family-of-choice-1".to_owned(),
        rotation,
        option,
        teacher_logprob: -0.25 - f64::from(option),
        student_logprob: if option == 1 { f64::NEG_INFINITY } else { -0.5 },
        control_logprob: None,
        teacher_said: OptionSaid::default(),
        student_said: OptionSaid::default(),
    }
}

pub fn likelihood(model: ScoredModel) -> LikelihoodRow {
    LikelihoodRow {
        probe: "text-1".to_owned(),
        family: "family-of-text-1".to_owned(),
        window: 0,
        model,
        tokens: 7,
        bytes: 23,
        logprob: -12.5,
    }
}

pub fn positions(unit: u32) -> Vec<PositionRow> {
    match unit {
        0 => vec![position("text-1", 0, 1), position("text-1", 0, 2), position("text-1", 1, 0)],
        _ => vec![position("text-2", 0, 4), position("text-2", 0, 5)],
    }
}

pub fn choices() -> Vec<ChoiceRow> {
    vec![choice(0, 0), choice(0, 1), choice(1, 0), choice(1, 1)]
}

pub fn likelihoods() -> Vec<LikelihoodRow> {
    vec![likelihood(ScoredModel::Teacher), likelihood(ScoredModel::Student)]
}

pub fn cost() -> CostEntry {
    CostEntry {
        what: "positions".to_owned(),
        unit: Some(0),
        tokens: 16,
        seconds: 0.5,
        peak_memory: Some(1 << 20),
        paid: None,
    }
}

pub fn begin(path: &Path) -> RunFolder {
    RunFolder::create_or_resume(path, &manifest(), &suite().probes).unwrap()
}

/// Writes every part and leaves the run unfinished.
pub fn fill(run: &RunFolder) {
    run.write::<Positions>(0, &positions(0)).unwrap();
    run.write::<Positions>(1, &positions(1)).unwrap();
    run.write::<Floor>(0, &[]).unwrap();
    run.write::<Choices>(0, &choices()).unwrap();
    run.write::<Likelihoods>(0, &likelihoods()).unwrap();
    run.append_cost(&cost()).unwrap();
}

/// A finished run.
pub fn finished(path: &Path) {
    let run = begin(path);
    fill(&run);
    run.finish().unwrap();
}

fn with_samples() -> RunSettings {
    RunSettings {
        samples: Some(SampleSettings { per_probe: 2, reruns: 1, parameters: sampling(), paired: false }),
        ..settings()
    }
}

/// The plan of a run that samples continuations of a text, as the first sample of the format does.
pub fn sampled_manifest() -> Manifest {
    planned(&suite(), with_samples(), UnitCounts::default().with(Samples::KIND, 1))
}

/// The plan of a run that samples answers to a prompt and has their vectors.
pub fn vectors_manifest() -> Manifest {
    let encoder = EncoderIdentity {
        name: "encoder".to_owned(),
        architecture: "bert".to_owned(),
        width: 2,
        max_tokens: 64,
        pooling: "mean".to_owned(),
        weights: "blake3:weights-of-encoder".to_owned(),
        config: "blake3:config-of-encoder".to_owned(),
        tokenizer: "blake3:tokenizer-of-encoder".to_owned(),
    };
    let settings = RunSettings { meaning: Some(MeaningSettings { encoder, least_cosine: 0.75 }), ..with_samples() };
    planned(&suite_with_prompt(), settings, UnitCounts::default().with(Samples::KIND, 1).with(Vectors::KIND, 1))
}

pub fn vectors() -> Vec<VectorRow> {
    let row = |place: u32, vector: Vec<f32>| VectorRow {
        probe: "prompt-1".to_owned(),
        place,
        text: format!("answer {place}\0 猫"),
        vector,
    };
    vec![row(0, vec![1.0, 0.0]), row(1, vec![0.6, -0.8])]
}

pub fn sampling() -> SamplingParameters {
    let stop = vec!["\n\n".to_owned()];
    SamplingParameters { temperature: 1.0, top_p: 1.0, top_k: 0, max_tokens: 16, stop, seed: 7 }
}

pub fn sample(source: SampleSource, sample: u32) -> SampleRow {
    SampleRow {
        probe: "text-1".to_owned(),
        family: "family-of-text-1".to_owned(),
        source,
        sample,
        text: format!("\u{202e}<b>answer {sample}</b>\0 猫\n"),
        tokens: 5 + sample,
        logprob: -4.25 - f64::from(sample),
        finish: if sample == 0 { FinishReason::Stop } else { FinishReason::Length },
        outcome: GivenJudgment::Unjudged,
        label: None,
    }
}

pub fn samples() -> Vec<SampleRow> {
    use SampleSource::{Rerun, Student, Teacher};
    [(Teacher, 0), (Teacher, 1), (Rerun, 0), (Student, 0), (Student, 1)].map(|(from, n)| sample(from, n)).to_vec()
}

/// Answers to the prompt.
pub fn prompted() -> Vec<SampleRow> {
    let to_prompt =
        |row: SampleRow| SampleRow { probe: "prompt-1".to_owned(), family: "family-of-prompt-1".to_owned(), ..row };
    samples().into_iter().map(to_prompt).collect()
}

/// Positions that say what stands outside of the shared vocabulary; the last one does not know the student's.
pub fn outside() -> Vec<PositionRow> {
    let row = |place: u32, teacher, student| PositionRow {
        outside: Outside { teacher: Some(teacher), student },
        ..position("text-1", 0, place)
    };
    vec![row(1, 0.25, Some(0.0)), row(2, 0.0, None)]
}

/// A finished run of such positions.
pub fn finished_outside(path: &Path) {
    let units = UnitCounts::default().with(Positions::KIND, 1).with(Floor::KIND, 1);
    let run = RunFolder::create_or_resume(path, &planned(&suite(), settings(), units), &suite().probes).unwrap();
    run.write::<Positions>(0, &outside()).unwrap();
    run.write::<Floor>(0, &outside()).unwrap();
    run.finish().unwrap();
}

/// Choices that a control student was asked, too.
pub fn controlled() -> Vec<ChoiceRow> {
    let row = |(rotation, option)| ChoiceRow {
        control_logprob: Some(if option == 0 { f32::NEG_INFINITY } else { -0.5 - rotation as f32 }),
        ..choice(rotation, option)
    };
    [(0, 0), (0, 1), (1, 0), (1, 1)].map(row).to_vec()
}

/// A finished run with a control student.
pub fn finished_control(path: &Path) {
    let mut manifest = planned(&suite(), settings(), UnitCounts::default().with(Choices::KIND, 1));
    manifest.control = Some(model("control"));
    manifest.planned.control_tokens = 16;
    let run = RunFolder::create_or_resume(path, &manifest.sealed(), &suite().probes).unwrap();
    run.write::<Choices>(0, &controlled()).unwrap();
    run.finish().unwrap();
}

/// Choices of a teacher whose server lists first tokens and of a student whose letters were drawn.
pub fn lettered() -> Vec<ChoiceRow> {
    let row = |(rotation, option)| {
        let (told, letters) = if option == 0 { (Told::Exact, 3) } else { (Told::AtMost, 5) };
        ChoiceRow {
            teacher_said: OptionSaid { told, letters: 0 },
            student_logprob: (f64::from(letters) / 8.0).ln(),
            student_said: OptionSaid { told: Told::Drawn, letters },
            ..choice(rotation, option)
        }
    };
    [(0, 0), (0, 1), (1, 0), (1, 1)].map(row).to_vec()
}

/// A finished run of such choices.
pub fn finished_letters(path: &Path) {
    let mut settings = settings();
    settings.letters = Some(8);
    let manifest = planned(&suite(), settings, UnitCounts::default().with(Choices::KIND, 1));
    let run = RunFolder::create_or_resume(path, &manifest, &suite().probes).unwrap();
    run.write::<Choices>(0, &lettered()).unwrap();
    run.finish().unwrap();
}

/// The teacher's answers as the student and the student before distillation score them.
pub fn scored() -> Vec<ScoredRow> {
    let row = |(scorer, source, sample): (SampleSource, SampleSource, u32)| ScoredRow {
        probe: "prompt-1".to_owned(),
        family: "family-of-prompt-1".to_owned(),
        source,
        sample,
        scorer,
        tokens: 3,
        bytes: 11,
        logprob: if scorer == SampleSource::Base { f64::NEG_INFINITY } else { -2.5 },
    };
    use SampleSource::{Base, Rerun, Student, Teacher};
    [(Student, Teacher, 0), (Student, Rerun, 0), (Base, Teacher, 0), (Base, Rerun, 0)].map(row).to_vec()
}

/// A plan of them.
pub fn scored_manifest() -> Manifest {
    planned(&suite_with_prompt(), settings(), UnitCounts::default().with(Scored::KIND, 1))
}

/// A finished run of such answers.
pub fn finished_scored(path: &Path) {
    let run = RunFolder::create_or_resume(path, &scored_manifest(), &suite_with_prompt().probes).unwrap();
    run.write::<Scored>(0, &scored()).unwrap();
    run.finish().unwrap();
}

/// A finished run of samples only.
pub fn finished_samples(path: &Path) {
    let run = RunFolder::create_or_resume(path, &sampled_manifest(), &suite().probes).unwrap();
    run.write::<Samples>(0, &samples()).unwrap();
    run.finish().unwrap();
}

/// Samples that their file judges and labels.
pub fn judged() -> Vec<SampleRow> {
    let outcomes = [
        GivenJudgment::Right,
        GivenJudgment::Unjudged,
        GivenJudgment::Unjudged,
        GivenJudgment::Wrong,
        GivenJudgment::Unjudged,
    ];
    let labels = [Some("yes"), Some(""), None, Some("no"), None];
    let rows = prompted().into_iter().zip(outcomes).zip(labels);
    rows.map(|((row, outcome), label)| SampleRow { outcome, label: label.map(str::to_owned), ..row }).collect()
}

/// A finished run of samples that their file judges.
pub fn finished_judged(path: &Path) {
    let different = DifferentPrompts {
        prompts: 1,
        first: "prompt-1".to_owned(),
        at: None,
        teacher: "So?".to_owned(),
        student: "<s>So?".to_owned(),
    };
    let given = GivenSettings {
        choices: vec!["metric `acc`".to_owned()],
        different_prompts: Some(different),
        not_compared: None,
    };
    let settings = RunSettings { given: Some(given), ..with_samples() };
    let manifest = planned(&suite_with_prompt(), settings, UnitCounts::default().with(Samples::KIND, 1));
    let run = RunFolder::create_or_resume(path, &manifest, &suite_with_prompt().probes).unwrap();
    run.write::<Samples>(0, &judged()).unwrap();
    run.finish().unwrap();
}

/// A finished run of samples and their vectors.
pub fn finished_vectors(path: &Path) {
    let run = RunFolder::create_or_resume(path, &vectors_manifest(), &suite_with_prompt().probes).unwrap();
    run.write::<Samples>(0, &prompted()).unwrap();
    run.write::<Vectors>(0, &vectors()).unwrap();
    run.finish().unwrap();
}

pub fn stored_answer(model_name: &str, prompt: &[u32], sample: u32) -> StoredAnswer {
    let (model_key, prompt_hash, parameters) = (model(model_name).key(), prompt_hash(prompt), sampling());
    StoredAnswer {
        key: AnswerKey::new(&model_key, &prompt_hash, &parameters, sample),
        model_key,
        model_name: model_name.to_owned(),
        prompt_hash,
        parameters,
        sample,
        text: format!("\u{202e}<b>{model_name}</b>\0 猫 {sample}\n"),
        tokens: (0..sample).map(|token| token + u32::MAX / 2).collect(),
        logprobs: (0..sample).map(|token| -(token as f32) / 2.0).collect(),
        finish: if sample == 0 { FinishReason::Stop } else { FinishReason::Length },
    }
}
