//! Sequences that grow: prompts are read in steps with the tokens of answers under way, and every place that becomes free goes to
//! the next sample. Whoever is told of an answer may ask on: what follows it reads only what came since.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;

use hydrometer_answers::{FinishReason, SamplingParameters};
use hydrometer_probes::Decoding;
use rayon::prelude::*;

use super::draw::{Chance, draw};
use super::{Answer, Draw, Prompt, SampleLimits, SampleRequest, SampleStep};
use crate::local::prefixes::{LEAST, Part, common, tree, tree_behind};
use crate::{Facet, Feed, Model, ModelError, Session, Tokenizer};

/// Most tokens read in one step.
const STEP_TOKENS: usize = 2048;

/// Told of every step, and says after an answer what is asked on.
pub(super) type GoOn<'g> = dyn FnMut(SampleStep) -> ControlFlow<(), Vec<SampleRequest>> + 'g;

/// Samples every request in sequences of `session`, and what is asked on after an answer. Requests are numbered as they come.
pub(super) fn run(
    model: &dyn Model,
    session: &mut dyn Session,
    requests: Vec<SampleRequest>,
    parameters: &SamplingParameters,
    limits: &SampleLimits,
    go_on: &mut GoOn<'_>,
) -> Result<(), ModelError> {
    let grows = model.grows().ok_or(Facet::Sequences)?;
    let tokenizer = model.tokens().ok_or(Facet::Tokens)?;
    let (ends, vocab) = (tokenizer.ends(), model.identity().logit_width() as usize);
    let mut sampler = Sampler {
        tokenizer,
        position_bytes: grows.position_bytes(),
        context: model.identity().context_length,
        parameters,
        greedy: SamplingParameters { temperature: 0.0, ..parameters.clone() },
        limits,
        requests: Vec::new(),
        session,
        ends,
        vocab,
        waiting: VecDeque::new(),
        beginnings: Vec::new(),
        prompts: VecDeque::new(),
        active: Vec::new(),
        logits: Vec::new(),
    };
    sampler.ask(requests, None)?;
    loop {
        match sampler.step(go_on) {
            Ok(ControlFlow::Continue(())) => {}
            Ok(ControlFlow::Break(())) => return Ok(()),
            Err(error) => {
                // What is complete was paid for; that it ends here is clear already.
                let _ = sampler.finished(go_on);
                return Err(error);
            }
        }
    }
}

pub(super) fn prompt_tokens(request: &SampleRequest) -> Result<&[u32], ModelError> {
    match &request.prompt {
        Prompt::Tokens(tokens) => Ok(tokens),
        Prompt::Messages(_) | Prompt::WithTools(_) => {
            let reason = format!("the prompt of `{}` is a conversation, expected tokens", request.key);
            Err(ModelError::Request { reason })
        }
    }
}

fn check(context: Option<u32>, requests: &[SampleRequest], parameters: &SamplingParameters) -> Result<(), ModelError> {
    let wrong = |reason: String| Err(ModelError::Request { reason });
    if let Some(fault) = parameters.fault() {
        return wrong(fault);
    }
    for request in requests {
        let prompt = prompt_tokens(request)?;
        if prompt.is_empty() {
            return wrong(format!("the prompt of `{}` has no token", request.key));
        }
        let longest = request.max_tokens.unwrap_or(parameters.max_tokens) as usize;
        if longest == 0 {
            return wrong(format!("the longest answer to `{}` has 0 tokens, expected at least 1", request.key));
        }
        // The last token drawn is never read.
        let tokens = prompt.len() + longest - 1;
        if let Some(context) = context.map(|context| context as usize).filter(|&context| tokens > context) {
            return Err(ModelError::TooLong { tokens, context });
        }
    }
    Ok(())
}

/// A part of prompts that is not read yet.
struct Waiting {
    part: Part,
    /// Place of the beginning that it follows.
    behind: Option<usize>,
}

/// A common beginning of prompts, read.
struct Beginning {
    sequence: usize,
    /// Parts that follow it and are not read yet.
    open: usize,
}

/// A prompt that is read and whose samples have not all begun.
struct Read {
    request: usize,
    sequence: usize,
    /// Logits after its last token.
    logits: Vec<f32>,
    /// Samples that have begun.
    begun: usize,
}

/// An answer under way.
struct Growing {
    request: usize,
    sample: u32,
    sequence: usize,
    chance: Chance,
    tokens: Vec<Draw>,
    bytes: Vec<u8>,
    finish: Option<FinishReason>,
}

struct Sampler<'a> {
    tokenizer: &'a Tokenizer,
    /// Memory of one position of a sequence.
    position_bytes: u64,
    /// Tokens that a sequence may have.
    context: Option<u32>,
    parameters: &'a SamplingParameters,
    /// The same, without chance.
    greedy: SamplingParameters,
    limits: &'a SampleLimits,
    requests: Vec<SampleRequest>,
    session: &'a mut (dyn Session + 'a),
    /// Tokens that end an answer.
    ends: Vec<u32>,
    vocab: usize,
    /// Parts of prompts that are not read, what they follow is.
    waiting: VecDeque<Waiting>,
    beginnings: Vec<Beginning>,
    prompts: VecDeque<Read>,
    active: Vec<Growing>,
    /// Working space: the logits of one step.
    logits: Vec<f32>,
}

impl Sampler<'_> {
    /// Takes more requests, as what follows the sequence that is given with its tokens where there is one: what a sequence holds of a
    /// prompt is not read again.
    fn ask(&mut self, requests: Vec<SampleRequest>, ended: Option<(Vec<u32>, usize)>) -> Result<(), ModelError> {
        check(self.context, &requests, self.parameters)?;
        if requests.is_empty() {
            return Ok(());
        }
        let asked = self.requests.len()..self.requests.len() + requests.len();
        self.requests.extend(requests);
        let prompts = self.requests.iter().map(prompt_tokens).collect::<Result<Vec<_>, _>>()?;
        let mut held: Vec<(&[u32], usize)> =
            self.active.iter().map(|growing| (prompts[growing.request], growing.sequence)).collect();
        held.extend(ended.iter().map(|(tokens, sequence)| (tokens.as_slice(), *sequence)));
        // By sequence and by how much of it they begin with.
        let (mut going_on, mut anew) = (BTreeMap::<(usize, usize), Vec<usize>>::new(), Vec::new());
        for request in asked.filter(|&request| !self.requests[request].samples.is_empty()) {
            let shared = held.iter().map(|(tokens, sequence)| (common(prompts[request], tokens), *sequence));
            match shared.max().filter(|&(tokens, _)| tokens >= LEAST) {
                Some((tokens, sequence)) => going_on.entry((sequence, tokens)).or_default().push(request),
                None => anew.push(request),
            }
        }
        let mut waiting = Vec::new();
        for ((sequence, tokens), requests) in going_on {
            let sequence = self.session.fork(sequence)?;
            if !self.session.cut(sequence, tokens) {
                self.session.close(sequence);
                anew.extend(requests);
                continue;
            }
            let parts = tree_behind(&prompts, requests.into_iter(), tokens);
            let behind = Some(self.beginnings.len());
            self.beginnings.push(Beginning { sequence, open: parts.len() });
            waiting.extend(parts.into_iter().map(|part| Waiting { part, behind }));
        }
        waiting.extend(tree(&prompts, anew.into_iter()).into_iter().map(|part| Waiting { part, behind: None }));
        // What may be answered at length begins before the rest, so that few steps at the end have few answers under way.
        waiting.sort_by_key(|waiting| Reverse(self.longest_of(&waiting.part)));
        self.waiting.extend(waiting);
        Ok(())
    }

    /// The longest answer to a prompt that begins with a part.
    fn longest_of(&self, part: &Part) -> usize {
        let behind = part.then.iter().map(|part| self.longest_of(part)).max();
        behind.unwrap_or_else(|| self.longest(part.request))
    }

    /// Begins samples where there is room, reads prompts and drawn tokens, draws the next tokens.
    fn step(&mut self, go_on: &mut GoOn<'_>) -> Result<ControlFlow<()>, ModelError> {
        let mut drawn = self.begin()?;
        let mut flow = self.finished(go_on)?;
        let reading = self.next_prompts();
        if flow.is_break() {
            return Ok(flow);
        }
        if reading.is_empty() && self.active.is_empty() {
            // Samples that end with their first token leave room for those that found none.
            return Ok(if self.prompts.is_empty() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) });
        }
        let opened = reading.into_iter().map(|waiting| Ok((waiting.part, self.begun(waiting.behind)?)));
        let opened: Vec<(Part, usize)> = opened.collect::<Result<_, ModelError>>()?;
        let fed: Vec<_> = self.active.iter().filter_map(|growing| Some([growing.tokens.last()?.token])).collect();
        let going = self.active.iter().zip(&fed);
        let going = going.map(|(growing, token)| Feed { sequence: growing.sequence, tokens: token });
        let read = opened.iter().map(|(part, sequence)| {
            let tokens = prompt_tokens(&self.requests[part.request])?;
            Ok(Feed { sequence: *sequence, tokens: &tokens[part.tokens.clone()] })
        });
        let feeds = going.map(Ok).chain(read).collect::<Result<Vec<_>, ModelError>>()?;
        let read: usize = feeds[fed.len()..].iter().map(|feed| feed.tokens.len()).sum();

        let mut logits = std::mem::take(&mut self.logits);
        logits.resize(feeds.len() * self.vocab, 0.0);
        self.session.advance(&feeds, &mut logits)?;
        let (going, ends) = logits.split_at(fed.len() * self.vocab);
        let ways: Vec<_> = self.active.iter().map(|growing| self.drawn_by(growing.request)).collect();
        let rows = going.par_chunks_exact(self.vocab).zip(&self.active).zip(ways);
        let draws = rows.map(|((row, growing), way)| draw(row, way, growing.number()));
        let draws: Vec<_> = draws.collect();
        drawn += draws.len();
        let mut failed = None;
        for (at, draw) in draws.into_iter().enumerate() {
            match draw {
                Ok(draw) => self.take(at, draw),
                // The others of this step may be complete with their draw.
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        for ((part, sequence), logits) in opened.into_iter().zip(ends.chunks_exact(self.vocab)) {
            if part.then.is_empty() {
                self.prompts.push_back(Read { request: part.request, sequence, logits: logits.to_vec(), begun: 0 });
                continue;
            }
            let behind = Some(self.beginnings.len());
            self.beginnings.push(Beginning { sequence, open: part.then.len() });
            // What follows comes next, so that few beginnings are held at once.
            for part in part.then.into_iter().rev() {
                self.waiting.push_front(Waiting { part, behind });
            }
        }
        self.logits = logits;
        if flow.is_continue() {
            match go_on(SampleStep::Progress { read: read as u64, drawn: drawn as u64 }) {
                ControlFlow::Continue(requests) => self.ask(requests, None)?,
                ControlFlow::Break(()) => flow = ControlFlow::Break(()),
            }
        }
        Ok(flow)
    }

    /// How the tokens of an answer are drawn.
    fn drawn_by(&self, request: usize) -> &SamplingParameters {
        match self.requests[request].decoding {
            Decoding::Sampled => self.parameters,
            Decoding::Greedy => &self.greedy,
        }
    }

    /// A sequence that holds a beginning, which ends with the last one that follows it.
    fn begun(&mut self, behind: Option<usize>) -> Result<usize, ModelError> {
        let Some(beginning) = behind.map(|behind| &mut self.beginnings[behind]) else { return Ok(self.session.open()) };
        beginning.open -= 1;
        if beginning.open == 0 {
            return Ok(beginning.sequence);
        }
        self.session.fork(beginning.sequence)
    }

    /// Begins samples of prompts that are read, as many as there is room for, each with its first token.
    fn begin(&mut self) -> Result<usize, ModelError> {
        let before = self.active.len();
        while let Some(prompt) = self.prompts.front() {
            let (request, root) = (prompt.request, prompt.sequence);
            let Some(&sample) = self.requests[request].samples.get(prompt.begun) else {
                self.session.close(root);
                self.prompts.pop_front();
                continue;
            };
            if !self.has_room(request, self.active.len()) {
                break;
            }
            let chance = Chance::new(self.parameters.seed, &self.requests[request].key, sample);
            let first = draw(&prompt.logits, self.drawn_by(request), chance.number(0))?;
            let sequence = self.session.fork(root)?;
            let (tokens, bytes) = (Vec::new(), Vec::new());
            self.active.push(Growing { request, sample, sequence, chance, tokens, bytes, finish: None });
            self.take(self.active.len() - 1, first);
            if let Some(prompt) = self.prompts.front_mut() {
                prompt.begun += 1;
            }
        }
        Ok(self.active.len() - before)
    }

    /// What of prompts to read now, so that no place stays empty: not more than will find room.
    fn next_prompts(&mut self) -> Vec<Waiting> {
        let unbegun = |prompt: &Read| self.requests[prompt.request].samples.len() - prompt.begun;
        let mut places = self.active.len() + self.prompts.iter().map(unbegun).sum::<usize>();
        let (mut tokens, mut next) = (0, Vec::new());
        while let Some(Waiting { part, .. }) = self.waiting.front() {
            let (request, length) = (part.request, part.tokens.len());
            if !self.has_room(request, places) || (tokens > 0 && tokens + length > STEP_TOKENS) {
                break;
            }
            tokens += length;
            // A beginning alone takes no place.
            if part.then.is_empty() {
                places += self.requests[request].samples.len();
            }
            next.extend(self.waiting.pop_front());
        }
        next
    }

    /// Whether a sample of `request` finds room beside `others`: every one is counted at its longest.
    fn has_room(&self, request: usize, others: usize) -> bool {
        let held: u64 = self.active.iter().map(|growing| self.bytes(growing.request)).sum();
        let beyond = (others - self.active.len()) as u64;
        let wanted = held.saturating_add(self.bytes(request).saturating_mul(beyond + 1));
        others == 0 || (others < self.limits.width && wanted <= self.limits.memory)
    }

    /// Memory of a sample of `request` at its longest.
    fn bytes(&self, request: usize) -> u64 {
        let prompt = prompt_tokens(&self.requests[request]).map_or(0, <[u32]>::len);
        let positions = prompt + self.longest(request);
        self.position_bytes.saturating_mul(positions as u64)
    }

    fn longest(&self, request: usize) -> usize {
        self.requests[request].max_tokens.unwrap_or(self.parameters.max_tokens) as usize
    }

    /// Adds a drawn token to an answer, and ends it where it ends.
    fn take(&mut self, at: usize, draw: Draw) {
        let longest = self.longest(self.active[at].request);
        let growing = &mut self.active[at];
        let token = draw.token;
        growing.tokens.push(draw);
        if self.ends.contains(&token) {
            growing.finish = Some(FinishReason::Stop);
            return;
        }
        let piece = self.tokenizer.piece(token);
        let seen = growing.bytes.len();
        growing.bytes.extend(&piece);
        let stops = self.parameters.stop.iter().chain(&self.requests[growing.request].stop);
        let stop = stops.filter_map(|stop| find(&growing.bytes, stop.as_bytes(), seen)).min();
        if let Some(stop) = stop {
            growing.bytes.truncate(stop);
            growing.finish = Some(FinishReason::Stop);
        } else if growing.tokens.len() >= longest {
            growing.finish = Some(FinishReason::Length);
        }
    }

    /// Hands out the answers that are complete, takes what is asked on, and frees their places.
    fn finished(&mut self, go_on: &mut GoOn<'_>) -> Result<ControlFlow<()>, ModelError> {
        let (done, active) = std::mem::take(&mut self.active).into_iter().partition(|g: &Growing| g.finish.is_some());
        self.active = active;
        let (mut flow, mut asked) = (ControlFlow::Continue(()), Ok(()));
        for Growing { request, sample, sequence, tokens, bytes, finish, .. } in done {
            // The last token drawn was not read.
            let drawn = tokens[..tokens.len() - 1].iter().map(|draw| draw.token);
            let held = prompt_tokens(&self.requests[request])?.iter().copied().chain(drawn).collect();
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let finish = finish.unwrap_or(FinishReason::Stop);
            // Whoever wants no more, and whose next request is refused, still gets what is complete.
            match go_on(SampleStep::Answer(Answer { request, sample, text, tokens, finish })) {
                ControlFlow::Continue(requests) if asked.is_ok() => {
                    asked = self.ask(requests, Some((held, sequence)));
                }
                ControlFlow::Continue(_) => {}
                ControlFlow::Break(()) => flow = ControlFlow::Break(()),
            }
            self.session.close(sequence);
        }
        asked.map(|()| flow)
    }
}

impl Growing {
    /// The random number of the next token.
    fn number(&self) -> f64 {
        self.chance.number(self.tokens.len())
    }
}

/// Where `stop` begins in `bytes`, if it ends behind the first `seen` bytes.
fn find(bytes: &[u8], stop: &[u8], seen: usize) -> Option<usize> {
    if stop.is_empty() {
        return None;
    }
    let from = (seen + 1).saturating_sub(stop.len());
    bytes[from..].windows(stop.len()).position(|window| window == stop).map(|at| from + at)
}
