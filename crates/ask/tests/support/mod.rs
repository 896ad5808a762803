//! A small language model for tests: a bigram over bytes whose distributions have a head, a middle and a long tail.
#![allow(clippy::unwrap_used)]

use std::ops::{ControlFlow, Range};
use std::path::Path;

use hydrometer_answers::StopRule;
use hydrometer_answers::{
    CostEntry, EngineIdentity, FinishReason, ModelIdentity, PartKind, RunFolder, SampleSettings, SamplingParameters,
    WindowOrder,
};
use hydrometer_ask::{AskError, AskOptions, Models, Observer, Plan, PlanSummary, Sampling, UntilDecided};
use hydrometer_audit::{Policy, Statement, alpha, planned_looks, statement, watched_gates};
use hydrometer_models::{
    Answer, Answers, Block, Chooses, Feed, Grows, Logits, Message, Model, ModelError, Prompt, SampleLimits,
    SampleRequest, SampleStep, Scores, Session, Tokenizer,
};
use hydrometer_probes::kind;
use hydrometer_probes::{Ask, AskedAs, Families, Probe, Suite};

/// The model: logits depend on the last token and on `world` alone.
pub struct Bigram {
    identity: ModelIdentity,
    tokenizer: Tokenizer,
    world: u64,
    /// Steps of sampling after which it fails.
    fails_after: usize,
}

impl Bigram {
    pub fn new(name: &str, world: u64, tokenizer: Tokenizer) -> Self {
        let identity = ModelIdentity {
            name: name.into(),
            spec: name.into(),
            format: "test".into(),
            architecture: Some("bigram".into()),
            parameters: Some(0),
            quantization: Some("none".into()),
            vocab_size: Some(tokenizer.len() as u32),
            context_length: Some(4096),
            weights: format!("blake3:world-{world}"),
            tokenizer: Some(tokenizer.hash().into()),
            template: None,
            surgery: None,
            engine: EngineIdentity {
                name: "bigram".into(),
                version: "1".into(),
                precision: Some("f32".into()),
                kernel: Some("none".into()),
            },
            unknown: None,
        };
        Self { identity, tokenizer, world, fails_after: usize::MAX }
    }

    /// Fails after so many steps of sampling.
    pub fn that_fails_after(mut self, steps: usize) -> Self {
        self.fails_after = steps;
        self
    }

    /// The same numbers under another identity.
    pub fn engine(mut self, version: &str) -> Self {
        self.identity.engine.version = version.into();
        self
    }

    pub fn bytes(name: &str, world: u64) -> Self {
        Self::new(name, world, Tokenizer::bytes().unwrap())
    }
}

/// A number in [0, 1) that depends on all its arguments (SplitMix64).
fn chance(a: u64, b: u64, c: u64) -> f32 {
    let mut x = a.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ b.wrapping_mul(0xBF58_476D_1CE4_E5B9) ^ c;
    for _ in 0..2 {
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^= x >> 31;
    }
    (x >> 40) as f32 / (1u64 << 24) as f32
}

impl Model for Bigram {
    fn identity(&self) -> &ModelIdentity {
        &self.identity
    }
    fn scores(&self) -> Option<&dyn Scores> {
        Some(self)
    }
    fn tokens(&self) -> Option<&Tokenizer> {
        Some(&self.tokenizer)
    }
    fn grows(&self) -> Option<&dyn Grows> {
        Some(self)
    }
    fn answers(&self) -> Option<&dyn Answers> {
        Some(self)
    }
    fn chooses(&self) -> Option<&dyn Chooses> {
        Some(self)
    }
}

impl Scores for Bigram {
    fn score<'a>(&'a self, block: &Block) -> Result<Box<dyn Logits + 'a>, ModelError> {
        let last = block.sequences.iter().flat_map(|s| s.rows.iter().map(|&r| s.tokens[r as usize]));
        Ok(Box::new(Rows { model: self, last: last.collect() }))
    }
}

impl Grows for Bigram {
    fn session<'a>(&'a self, _: u64) -> Result<Box<dyn Session + 'a>, ModelError> {
        Ok(Box::new(Growing { model: self, sequences: 0, steps: 0 }))
    }
}

/// A bigram model remembers nothing but the last token.
struct Growing<'a> {
    model: &'a Bigram,
    sequences: usize,
    steps: usize,
}

impl Session for Growing<'_> {
    fn open(&mut self) -> usize {
        self.sequences += 1;
        self.sequences - 1
    }
    fn fork(&mut self, _: usize) -> Result<usize, ModelError> {
        Ok(self.open())
    }
    fn close(&mut self, _: usize) {}
    fn advance(&mut self, feeds: &[Feed<'_>], logits: &mut [f32]) -> Result<(), ModelError> {
        if self.steps == self.model.fails_after {
            return Err(ModelError::Request { reason: "out of breath".into() });
        }
        self.steps += 1;
        let last = feeds.iter().filter_map(|feed| feed.tokens.last().copied()).collect();
        Rows { model: self.model, last }.read(0..feeds.len(), logits)
    }
}

struct Rows<'a> {
    model: &'a Bigram,
    last: Vec<u32>,
}

impl Logits for Rows<'_> {
    fn read(&mut self, rows: Range<usize>, out: &mut [f32]) -> Result<(), ModelError> {
        let vocab = self.model.identity.logit_width() as usize;
        for (row, out) in rows.zip(out.chunks_exact_mut(vocab)) {
            let last = u64::from(self.last[row]);
            for (token, logit) in out.iter_mut().enumerate() {
                // About Zipf's law: few tokens are likely, most are rare.
                *logit = -1.7 * (chance(self.model.world, last, token as u64) * vocab as f32 + 0.5).ln();
            }
        }
        Ok(())
    }
}

/// The identity of a model of that name which shows neither tokens nor weights.
pub fn endpoint(name: &str) -> ModelIdentity {
    ModelIdentity {
        name: name.into(),
        spec: format!("test:{name}"),
        format: "endpoint".into(),
        architecture: None,
        parameters: None,
        quantization: None,
        vocab_size: None,
        context_length: None,
        weights: format!("blake3:{name}"),
        tokenizer: None,
        template: None,
        surgery: None,
        engine: EngineIdentity { name: "test".into(), version: "1".into(), precision: None, kernel: None },
        unknown: Some("an endpoint does not say".into()),
    }
}

/// A suite of `families` short texts and as many choices.
pub fn suite(families: usize) -> Suite {
    let words = ["river", "stone", "lamp", "copper", "seven", "quiet", "orchard", "ledger", "winter", "harbour"];
    let mut probes = Vec::new();
    for i in 0..families {
        // What is asked twice in the same words is one family: each text and question has a number of its own.
        let number = i.to_string();
        let words = (0..14).map(|j| words[(i * 7 + j * j + i * j) % words.len()]);
        let text: Vec<_> = words.chain([number.as_str()]).collect();
        let axis = if i % 2 == 0 { "prose" } else { "reasoning" };
        let ask = Ask::Text(kind::Text { text: text.join(" "), context: None, families: Families::Probe });
        probes.push(probe(format!("text-{i}"), format!("t{i}"), axis, ask));
        let ask = Ask::Choice(kind::Choice {
            prompt: format!("{i}. Which word comes after {} and {}?", text[0], text[3]),
            options: vec![text[1].to_owned() + "!", text[2].to_owned() + "?"],
            truth: Some((i % 2) as u32),
            asked_as: AskedAs::Question,
        });
        probes.push(probe(format!("choice-{i}"), format!("c{i}"), axis, ask));
    }
    Suite { name: "test".into(), probes }
}

fn probe(id: String, family: String, axis: &str, ask: Ask) -> Probe {
    Probe { id, family, axis: axis.into(), tags: vec![format!("{axis}-tag")], knob: None, boundary: None, ask }
}

pub fn options() -> AskOptions {
    AskOptions {
        n_ctx: 128,
        block_tokens: 512,
        rotations: 2,
        floor_windows: 3,
        max_windows: None,
        window_order: WindowOrder::Spread,
        seed: 7,
        sampling: None,
        teacher_asked: None,
        until_decided: None,
        trained_to: Default::default(),
        set_knobs: None,
        trained_on: None,
        deployment: Default::default(),
        deployed_on: None,
        letters: None,
        listed_answers: None,
        accepted: Vec::new(),
        arguments: vec!["audit".into()],
    }
}

/// Options that sample so many answers of at most four tokens.
pub fn sampling(store: &Path, per_probe: u32, reruns: u32) -> AskOptions {
    let parameters =
        SamplingParameters { temperature: 1.0, top_p: 1.0, top_k: 0, max_tokens: 4, stop: Vec::new(), seed: 5 };
    let settings = SampleSettings { per_probe, reruns, parameters, paired: false };
    let limits = SampleLimits { width: 16, memory: 1 << 30 };
    AskOptions { sampling: Some(Sampling { settings, store: store.to_owned(), limits }), ..options() }
}

/// Counts units and stops before unit `stop_after`.
#[derive(Default)]
pub struct Watch {
    pub units: u64,
    pub stop_after: Option<u64>,
    pub planned: Option<PlanSummary>,
    pub tokens: u64,
    pub sampled: u64,
    pub answers: u64,
    /// Stops while sampling, after so many answers.
    pub stop_after_answers: Option<u64>,
}

impl Observer for Watch {
    fn planned(&mut self, plan: &PlanSummary) {
        self.planned = Some(*plan);
    }
    fn progress(&mut self, tokens: u64) {
        self.tokens += tokens;
    }
    fn sampled(&mut self, read: u64, drawn: u64) {
        self.sampled += read + drawn;
    }
    fn answered(&mut self, answers: u64) {
        self.answers += answers;
    }
    fn spared(&mut self, answers: u64) {
        self.answers += answers;
    }
    fn finished(&mut self, what: PartKind, unit: u32) -> Option<CostEntry> {
        self.units += 1;
        Some(CostEntry {
            what: what.to_string(),
            unit: Some(unit),
            tokens: 1,
            seconds: 0.5,
            peak_memory: None,
            paid: None,
        })
    }
    fn interrupted(&self) -> bool {
        self.stop_after.is_some_and(|n| self.units >= n) || self.stop_after_answers.is_some_and(|n| self.answers >= n)
    }
}

/// Collects as the command line does: the gates of the plan say when to stop.
pub fn collect(
    models: Models<'_>,
    suite: &Suite,
    options: &AskOptions,
    folder: &Path,
    observer: &mut dyn Observer,
) -> Result<RunFolder, AskError> {
    let plan = Plan::new(models, suite, options)?;
    let rule = hydrometer_audit::Watch::of(plan.manifest(), &suite.probes);
    let mut rule = rule.map_err(|error| AskError::StopRule(error.into()))?;
    hydrometer_ask::collect(plan, rule.as_mut().map(|rule| rule as &mut dyn StopRule), folder, observer)
}

/// Stops once the gates of a policy are decided.
pub fn until(policy: &Policy, cap: Option<u32>) -> UntilDecided {
    let gates = watched_gates(policy);
    UntilDecided { alpha: alpha(policy), cap, looks: planned_looks(&gates), gates }
}

pub fn run(teacher: &dyn Model, student: &dyn Model, suite: &Suite, folder: &Path) -> Result<RunFolder, AskError> {
    collect(Models::pair(teacher, student), suite, &options(), folder, &mut Watch::default())
}

pub fn audit(teacher: &dyn Model, student: &dyn Model, suite: &Suite) -> Statement {
    let folder = tempfile::tempdir().unwrap();
    let run = run(teacher, student, suite, folder.path()).unwrap();
    statement(&run, &Policy::default()).unwrap()
}

/// Answers for a model that has nothing but answers: what it says to a conversation, sample by sample, until somebody breaks off.
pub fn say(
    requests: &[SampleRequest],
    watch: &mut dyn FnMut(SampleStep) -> ControlFlow<()>,
    says: impl Fn(&[Message], &SampleRequest, u32) -> Result<String, ModelError>,
) -> Result<(), ModelError> {
    for (place, request) in requests.iter().enumerate() {
        let Prompt::Messages(messages) = &request.prompt else { panic!("not of this model") };
        for &sample in &request.samples {
            let text = says(messages, request, sample)?;
            let answer = Answer { request: place, sample, text, tokens: Vec::new(), finish: FinishReason::Stop };
            if watch(SampleStep::Answer(answer)).is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}
