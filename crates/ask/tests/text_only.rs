//! A student that has nothing but answers, as a model behind an endpoint has: no logits, no tokens, no template. What
//! answers can say is measured, and the rest is missing with its reason.
#![allow(clippy::unwrap_used)]

use crate::support;

use std::ops::ControlFlow;
use std::path::Path;

use hydrometer_answers::part::{Samples, Scored};
use hydrometer_answers::{Facet, FinishReason, ModelIdentity, SampleSource, SamplingParameters};
use hydrometer_ask::base_file::write_base_file;
use hydrometer_ask::{AskError, Models, Plan};
use hydrometer_audit::{Policy, Statement, statement};
use hydrometer_models::{
    Answer, Answers, Message, Model, ModelError, Prompt, SampleLimits, SampleRequest, SampleStep, Scripted,
};
use hydrometer_probes::kind;
use hydrometer_probes::{Ask, Checker, Families, Normal, Probe, Suite};
use support::{Watch, collect, endpoint, options, sampling};

/// Answers `a` to one in two conversations, `b` to the others: by the conversation, the sample's number and the seed.
pub(crate) struct Remote(ModelIdentity);

impl Remote {
    pub(crate) fn new() -> Self {
        Self(endpoint("far-away"))
    }
}

impl Model for Remote {
    fn identity(&self) -> &ModelIdentity {
        &self.0
    }

    fn answers(&self) -> Option<&dyn Answers> {
        Some(self)
    }
}

impl Answers for Remote {
    fn prompt(&self, messages: &[Message]) -> Result<Prompt, ModelError> {
        Ok(Prompt::Messages(messages.to_vec()))
    }

    fn answer(
        &self,
        requests: &[SampleRequest],
        parameters: &SamplingParameters,
        _: &SampleLimits,
        watch: &mut dyn FnMut(SampleStep) -> ControlFlow<()>,
    ) -> Result<(), ModelError> {
        for (request, asked) in requests.iter().enumerate() {
            for &sample in &asked.samples {
                let draw = blake3::hash(format!("{} {sample} {}", asked.key, parameters.seed).as_bytes());
                let text = if draw.as_bytes()[0] < 128 { "a" } else { "b" }.to_owned();
                let answer = Answer { request, sample, text, tokens: Vec::new(), finish: FinishReason::Stop };
                if watch(SampleStep::Answer(answer)).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// Answers `a` and `b` alike often.
fn teacher() -> Scripted {
    let text = "vocabulary = [\"<s>\", \"</s>\", \"0\", \"1\", \"2\", \"3\", \"a\", \"b\"]\n\
                bos = \"<s>\"\neos = \"</s>\"\n[default]\nprobabilities = { \"</s>\" = 1.0 }\n\
                [[rule]]\nafter = \"0\"\nprobabilities = { a = 0.5, b = 0.5 }\n";
    Scripted::parse(Path::new("model.toml"), text).unwrap()
}

fn probe(id: String, ask: Ask) -> Probe {
    Probe { family: id.clone(), id, axis: "letters".into(), tags: Vec::new(), knob: None, boundary: None, ask }
}

fn texts() -> impl Iterator<Item = Probe> {
    (0..3).map(|i| {
        probe(
            format!("t{i}"),
            Ask::Text(kind::Text { text: "0123a".into(), context: None, families: Families::default() }),
        )
    })
}

fn prompts() -> impl Iterator<Item = Probe> {
    (0..150).map(|i| {
        let digits = [64, 16, 4, 1].map(|place| char::from(b'0' + (i / place % 4) as u8));
        let ask = Ask::Prompt(kind::Prompt {
            prompt: digits.into_iter().chain(['0']).collect(),
            system: None,
            turns: Vec::new(),
            answer: vec![Normal::Whitespace],
            check: Some(Checker::Exact(vec!["a".into()])),
            max_tokens: None,
            stop: Vec::new(),
            decoding: Default::default(),
        });
        probe(format!("p{i}"), ask)
    })
}

fn suite(probes: impl Iterator<Item = Probe>) -> Suite {
    Suite { name: "letters".into(), probes: probes.collect() }
}

fn missing(statement: &Statement, id: &str) -> String {
    statement.metrics.iter().find(|metric| metric.id == id).unwrap().missing.clone().unwrap()
}

#[test]
fn an_audit_takes_the_answers_and_says_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let options = sampling(&folder.path().join("store"), 8, 8);
    let (teacher, student) = (teacher(), Remote::new());
    let models = Models::pair(&teacher, &student);
    let suite = suite(texts().chain(prompts()));
    let run = collect(models, &suite, &options, &folder.path().join("run"), &mut Watch::default()).unwrap();
    let found = statement(&run, &Policy::default()).unwrap();

    let agreement = found.metrics.iter().find(|metric| metric.id == "answer_agreement").unwrap();
    let estimate = agreement.estimate.as_ref().unwrap();
    // Both draw one of two letters: 150 prompts of 64 pairs, a standard error of about 0.01.
    assert!((estimate.value - 0.5).abs() < 0.06, "{estimate:?}");
    for id in ["kl_divergence", "top1_agreement", "tail_kept"] {
        let reason = missing(&found, id);
        assert!(reason.contains("the student shows no logits"), "{id}: {reason}");
    }
    // The folder keeps what could be asked of whom; what nobody knows of the endpoint is null.
    let facets = |role: &str| run.manifest().facets[role].clone();
    assert_eq!((facets("student"), facets("teacher").contains(&Facet::Logits)), (vec![Facet::Answers], true));
    let text = std::fs::read_to_string(folder.path().join("run/manifest.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(json["student"]["vocab_size"].is_null() && json["student"]["unknown"].is_string(), "{text}");
    // Nothing is said of vocabularies: what is missing are logits.
    assert_eq!(found.regime.id, "R4");
    assert!(found.regime.meaning.contains("shows no logits"), "{}", found.regime.meaning);
    assert!(found.findings.iter().all(|finding| finding.id != "different_vocabularies"), "{:?}", found.findings);
    // Sealed, it is judged again without any model.
    let again = statement(&run, &Policy::default()).unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), serde_json::to_string(&found).unwrap());
}

/// Before distillation: `a` three times as often as `b`.
fn before() -> Scripted {
    let text = "vocabulary = [\"<s>\", \"</s>\", \"0\", \"1\", \"2\", \"3\", \"a\", \"b\"]\n\
                bos = \"<s>\"\neos = \"</s>\"\n[default]\nprobabilities = { \"</s>\" = 1.0 }\n\
                [[rule]]\nafter = \"0\"\nprobabilities = { a = 0.75, b = 0.25 }\n";
    Scripted::parse(Path::new("before.toml"), text).unwrap()
}

#[test]
fn a_student_that_shows_its_logits_scores_what_its_teacher_answers() {
    let folder = tempfile::tempdir().unwrap();
    let options = sampling(&folder.path().join("store"), 4, 4);
    let (teacher, student, base) = (Remote::new(), teacher(), before());
    let models = Models { base: Some(&base), ..Models::pair(&teacher, &student) };
    let suite = suite(texts().chain(prompts()));
    let run = collect(models, &suite, &options, &folder.path().join("run"), &mut Watch::default()).unwrap();
    let found = statement(&run, &Policy::default()).unwrap();
    assert_eq!(found.regime.id, "R3");
    let rows = run.rows::<Scored>().unwrap();
    // Each answer of teacher and second run, by student and base.
    assert_eq!(rows.len(), 150 * 8 * 2);
    let answers = run.rows::<Samples>().unwrap();
    let said = |row: &hydrometer_answers::ScoredRow| {
        let same = |answer: &&hydrometer_answers::SampleRow| {
            (&answer.probe, answer.source, answer.sample) == (&row.probe, row.source, row.sample)
        };
        answers.iter().find(same).unwrap().text.clone()
    };
    let mut bits = 0.0;
    for row in &rows {
        let p: f64 = match (row.scorer, said(row).as_str()) {
            (SampleSource::Student, _) => 0.5,
            (_, "a") => 0.75,
            _ => 0.25,
        };
        assert!((row.logprob - p.ln()).abs() < 1e-6, "{row:?}");
        assert_eq!((row.tokens, row.bytes), (1, 1));
        bits -= if row.scorer == SampleSource::Base { p.log2() } else { 0.0 };
    }
    let value = |id: &str| found.metrics.iter().find(|metric| metric.id == id).unwrap().estimate.clone().unwrap();
    let before = bits / (150.0 * 8.0);
    assert!((value("teacher_text_bits_student").value - 1.0).abs() < 1e-6);
    assert!((value("teacher_text_bits_base").value - before).abs() < 1e-6);
    let removed = value("divergence_removed");
    assert!((removed.value - (before - 1.0)).abs() < 1e-6 && removed.n_families == 150, "{removed:?}");
    // The truth, KL(p‖q_B) of a fair coin and one of 3 to 1, lies in the interval.
    let interval = removed.interval.unwrap();
    assert!(interval.low < 0.2076 && interval.high > 0.2074, "{interval:?}");
    assert!(found.notes.iter().any(|note| note.contains("were scored by the student")), "{:?}", found.notes);
    // A teacher that shows its logits says more than its texts.
    let models = Models::pair(&student, &base);
    let run = collect(models, &suite, &options, &folder.path().join("logits"), &mut Watch::default()).unwrap();
    assert!(run.rows::<Scored>().unwrap().is_empty());
    let found = statement(&run, &Policy::default()).unwrap();
    assert!(found.metrics.iter().all(|metric| metric.id != "divergence_removed"));
}

#[test]
fn where_nothing_is_left_to_ask_the_reason_is_the_error() {
    let (teacher, student) = (teacher(), Remote::new());
    let suite = suite(texts());
    for (models, reason) in [
        (Models::pair(&teacher, &student), "the student shows no logits"),
        (Models::pair(&student, &teacher), "the teacher shows no logits"),
    ] {
        let error = Plan::new(models, &suite, &options()).err().unwrap();
        assert!(matches!(error, AskError::NothingToAsk { .. }), "{error}");
        assert!(error.to_string().ends_with(reason), "{error}");
    }
}

#[test]
fn what_needs_logits_refuses_a_model_without() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("base.kld");
    let error = write_base_file(&Remote::new(), "0123", 8, None, 8, &path, &mut |_| true).unwrap_err();
    assert_eq!(error.to_string(), "the model shows no logits");
    assert!(!path.exists());
}
