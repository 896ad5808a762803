//! A model that remembers what it scored and answered: audits of several students ask their teacher the same blocks, and most of
//! those students answer as it does before something is done to their words.

use std::collections::{BTreeMap, HashMap};
use std::ops::{ControlFlow, Range};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hydrometer_answers::{ModelIdentity, SamplingParameters};
use hydrometer_probes::{Decoding, Probe, Suite};

use crate::part::Part;
use crate::{
    Answer, Answers, Block, ChatTemplate, Chooses, Conversation, Conversations, Facet, Grows, Logits, Message, Model,
    ModelError, Prompt, SampleLimits, SampleRequest, SampleStep, Scores, Tokenizer, ToolProtocol,
};

/// A model whose logits of every block are kept in memory, 4 bytes each, for the life of all its clones or until they are
/// forgotten, as far as there is room; its answers, which are small, all.
///
/// What it says is what the model says, to the bit: an answer is a function of the request, and one without chance not even of the
/// number of the sample. Growing sequences are not remembered.
#[derive(Clone)]
pub struct Remembering(Arc<Inner>);

struct Inner {
    model: Box<dyn Model>,
    /// Most bytes of logits.
    room: usize,
    scored: Mutex<Vec<Scored>>,
    answered: Mutex<Vec<Answered>>,
}

/// The answers that were drawn with the same parameters.
struct Answered {
    parameters: SamplingParameters,
    /// By request, without the samples that it wants, and number of the sample.
    answers: HashMap<SampleRequest, BTreeMap<u32, Answer>>,
}

/// A block and all its rows.
struct Scored {
    pass: Pass,
    block: Block,
    logits: Arc<Vec<f32>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    Score,
    Rerun,
}

impl Remembering {
    /// A model that begins to remember, everything: for small models.
    pub fn new(model: Box<dyn Model>) -> Remembering {
        Remembering::up_to(usize::MAX, model)
    }

    /// A model that remembers at most so many bytes of logits; what does not fit is computed again.
    pub fn up_to(room: usize, model: Box<dyn Model>) -> Remembering {
        Remembering(Arc::new(Inner { model, room, scored: Mutex::default(), answered: Mutex::default() }))
    }

    /// Forgets all logits and answers.
    pub fn forget(&self) {
        self.scored().clear();
        self.answered().clear();
    }

    fn scored(&self) -> MutexGuard<'_, Vec<Scored>> {
        self.0.scored.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answered(&self) -> MutexGuard<'_, Vec<Answered>> {
        self.0.answered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An answer that was given before.
    fn said(&self, parameters: &SamplingParameters, request: &SampleRequest, sample: u32) -> Option<Answer> {
        let answered = self.answered();
        let drawn = answered.iter().find(|drawn| drawn.parameters == *parameters)?;
        drawn.answers.get(&named(request))?.get(&number(request, sample)).cloned()
    }

    fn remember(&self, parameters: &SamplingParameters, request: &SampleRequest, answer: &Answer) {
        let mut answered = self.answered();
        let place = answered.iter().position(|drawn| drawn.parameters == *parameters).unwrap_or_else(|| {
            answered.push(Answered { parameters: parameters.clone(), answers: HashMap::new() });
            answered.len() - 1
        });
        let of_request = answered[place].answers.entry(named(request)).or_default();
        of_request.insert(number(request, answer.sample), answer.clone());
    }

    fn of_model(&self) -> Result<&dyn Answers, ModelError> {
        Ok(self.0.model.answers().ok_or(Facet::Answers)?)
    }

    fn recall(&self, pass: Pass, block: &Block) -> Result<Box<dyn Logits>, ModelError> {
        let Inner { model, room, .. } = &*self.0;
        let vocab = model.identity().logit_width() as usize;
        let known =
            self.scored().iter().find(|known| known.pass == pass && known.block == *block).map(|k| k.logits.clone());
        if let Some(logits) = known {
            return Ok(Box::new(Remembered { logits, vocab }));
        }
        let mut rows = vec![0.0; block.rows() * vocab];
        let scores = model.scores().ok_or(Facet::Logits)?;
        match pass {
            Pass::Score => scores.score(block)?,
            Pass::Rerun => scores.rerun(block)?,
        }
        .read(0..block.rows(), &mut rows)?;
        let logits = Arc::new(rows);
        let mut scored = self.scored();
        let held: usize = scored.iter().map(|known| size_of_val(known.logits.as_slice())).sum();
        if held.saturating_add(size_of_val(logits.as_slice())) <= *room {
            scored.push(Scored { pass, block: block.clone(), logits: logits.clone() });
        }
        Ok(Box::new(Remembered { logits, vocab }))
    }
}

impl Model for Remembering {
    fn identity(&self) -> &ModelIdentity {
        self.0.model.identity()
    }

    fn scores(&self) -> Option<&dyn Scores> {
        self.0.model.scores().map(|_| self as &dyn Scores)
    }

    fn tokens(&self) -> Option<&Tokenizer> {
        self.0.model.tokens()
    }

    fn renders(&self) -> Option<&ChatTemplate> {
        self.0.model.renders()
    }

    fn grows(&self) -> Option<&dyn Grows> {
        self.0.model.grows()
    }

    fn answers(&self) -> Option<&dyn Answers> {
        self.0.model.answers().map(|_| self as &dyn Answers)
    }

    fn chooses(&self) -> Option<&dyn Chooses> {
        self.scores().map(|_| self as &dyn Chooses)
    }

    fn told(&self, suite: &Suite, trained_to: &BTreeMap<String, f64>) {
        self.0.model.told(suite, trained_to);
    }
}

impl Scores for Remembering {
    fn score<'a>(&'a self, block: &Block) -> Result<Box<dyn Logits + 'a>, ModelError> {
        self.recall(Pass::Score, block)
    }

    fn rerun<'a>(&'a self, block: &Block) -> Result<Box<dyn Logits + 'a>, ModelError> {
        self.recall(Pass::Rerun, block)
    }
}

/// A request without the samples that it wants.
fn named(request: &SampleRequest) -> SampleRequest {
    SampleRequest { samples: Vec::new(), ..request.clone() }
}

/// The number by which an answer is remembered.
fn number(request: &SampleRequest, sample: u32) -> u32 {
    if request.decoding == Decoding::Greedy { 0 } else { sample }
}

impl Answers for Remembering {
    fn prompt(&self, messages: &[Message]) -> Result<Prompt, ModelError> {
        self.of_model()?.prompt(messages)
    }

    fn prompt_of(&self, probe: &Probe, messages: &[Message]) -> Result<Prompt, ModelError> {
        self.of_model()?.prompt_of(probe, messages)
    }

    fn tool_protocol(&self) -> Result<ToolProtocol, ModelError> {
        self.0.model.answers().map_or(Ok(ToolProtocol::Json), |answers| answers.tool_protocol())
    }

    fn converse(&self, conversation: &Conversation<'_>) -> Result<Prompt, ModelError> {
        self.of_model()?.converse(conversation)
    }

    /// Conversations that go on are the model's own: what one of them says next is seldom asked again.
    fn conversations<'a>(&'a self, limits: &SampleLimits) -> Result<Option<Box<dyn Conversations + 'a>>, ModelError> {
        self.of_model()?.conversations(limits)
    }

    fn draws_by_number(&self) -> bool {
        self.0.model.answers().is_some_and(|answers| answers.draws_by_number())
    }

    fn is_paid_for(&self) -> bool {
        self.0.model.answers().is_some_and(|answers| answers.is_paid_for())
    }

    fn answer(
        &self,
        requests: &[SampleRequest],
        parameters: &SamplingParameters,
        limits: &SampleLimits,
        watch: &mut dyn FnMut(SampleStep) -> ControlFlow<()>,
    ) -> Result<(), ModelError> {
        let mut asked = Part::default();
        for (request, wanted) in requests.iter().enumerate() {
            let mut samples = Vec::new();
            for &sample in &wanted.samples {
                match self.said(parameters, wanted, sample) {
                    Some(known) => {
                        if watch(SampleStep::Answer(Answer { request, sample, ..known })).is_break() {
                            return Ok(());
                        }
                    }
                    None => samples.push(sample),
                }
            }
            if !samples.is_empty() {
                asked.push(request, SampleRequest { samples, ..wanted.clone() });
            }
        }
        asked.answer(self.of_model()?, parameters, limits, &mut |step| {
            if let SampleStep::Answer(answer) = &step {
                self.remember(parameters, &requests[answer.request], answer);
            }
            watch(step)
        })
    }
}

struct Remembered {
    logits: Arc<Vec<f32>>,
    vocab: usize,
}

impl Logits for Remembered {
    fn read(&mut self, rows: Range<usize>, out: &mut [f32]) -> Result<(), ModelError> {
        let known = self.logits.len() / self.vocab.max(1);
        let found = self.logits.get(rows.start * self.vocab..rows.end * self.vocab);
        let Some(found) = found.filter(|found| found.len() == out.len()) else {
            return Err(ModelError::Request { reason: format!("rows {rows:?} of a block of {known}") });
        };
        out.copy_from_slice(found);
        Ok(())
    }
}
