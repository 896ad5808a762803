//! Asks a model for free answers. What the answer store holds is not asked again, and complete answers go there a few at
//! a time: a process that is killed loses only those few and the answers under way.

use std::ops::ControlFlow;

use hydrometer_answers::store::{Access, AnswerKey, BatchRecords, Store, StoredAnswer};
use hydrometer_answers::{
    ExcludedItem, GivenJudgment, Ledger, ModelIdentity, PlannedTokens, SampleRow, SampleSettings, SampleSource,
    SamplingParameters,
};
use hydrometer_models::{
    Answer, Answers, AnswersTogether, BatchStep, Facet, Message, Model, ModelError, Prompt, SampleLimits,
    SampleRequest, SampleStep,
};
use hydrometer_probes::counted::counted;
use hydrometer_probes::{Ask, Decoding, Probe, Suite};

use crate::keeping::Keeping;
use crate::observer::{Ahead, Costs};
use crate::options::check_samples;
use crate::{AskError, Observer, PlanSummary, Role, Sampling};

/// Free questions of a unit: several times as many as are answered at once. Every unit ends with few answers under way, and a model
/// unpacks its weights anew for each.
pub(crate) const UNIT_PROMPTS: usize = 2048;

/// A free question as one model reads it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub probe: String,
    pub family: String,
    prompt: Prompt,
    prompt_hash: String,
    parameters: SamplingParameters,
    decoding: Decoding,
}

impl Asked {
    /// The question of a prompt probe; `None` for other kinds.
    pub(crate) fn new(
        model: &dyn Model,
        probe: &Probe,
        settings: &SampleSettings,
    ) -> Result<Option<Asked>, ModelError> {
        let Ask::Prompt(asked) = &probe.ask else { return Ok(None) };
        let messages = Message::of_prompt(asked);
        let prompt = model.answers().ok_or(Facet::Answers)?.prompt_of(probe, &messages)?;
        Ok(Some(Asked::of(probe, prompt, (asked.max_tokens, &asked.stop), settings)))
    }

    /// What is put to a model on behalf of a probe, how long the answer may be and what ends it.
    pub(crate) fn of(
        probe: &Probe,
        prompt: Prompt,
        (max_tokens, stop): (Option<u32>, &[String]),
        settings: &SampleSettings,
    ) -> Asked {
        let decoding = probe.decoding().unwrap_or_default();
        let parameters = settings.parameters.of_question(decoding, max_tokens, stop);
        let prompt_hash = prompt.hash();
        Asked { probe: probe.id.clone(), family: probe.family.clone(), prompt, prompt_hash, parameters, decoding }
    }

    /// The same for an answer that is drawn from all of the distribution and listed token by token: another question to the store.
    pub(crate) fn listed(&self) -> Asked {
        let parameters =
            SamplingParameters { temperature: 1.0, top_p: 1.0, top_k: 0, seed: 0, ..self.parameters.clone() };
        let prompt_hash = format!("listed answer to {}", self.prompt_hash);
        Asked { prompt_hash, parameters, decoding: Decoding::Sampled, ..self.clone() }
    }

    /// A question of no suite, answered once and without chance; the name stands in errors.
    pub(crate) fn without_chance(name: &str, prompt: Prompt, settings: &SampleSettings) -> Asked {
        let decoding = Decoding::Greedy;
        let parameters = settings.parameters.of_question(decoding, None, &[]);
        let prompt_hash = prompt.hash();
        Asked { probe: name.to_owned(), family: name.to_owned(), prompt, prompt_hash, parameters, decoding }
    }

    /// How many answers its model gives.
    pub(crate) fn answers(&self, role: Role, settings: &SampleSettings) -> u64 {
        role.sources().iter().map(|&source| u64::from(settings.answers(source, self.decoding))).sum()
    }

    /// Why its model cannot be asked; `None` when it can.
    pub(crate) fn too_long(&self, role: Role, model: &dyn Model) -> Option<ExcludedItem> {
        let Prompt::Tokens(tokens) = &self.prompt else { return None };
        let (prompt, answer) = (tokens.len(), self.parameters.max_tokens as usize);
        let context = model.identity().context_length.filter(|&context| prompt + answer > context as usize)?;
        let prompt = counted(prompt as u64, "token");
        let reason = format!("it takes {prompt} and {answer} for its answer, the {role}'s context holds {context}");
        Some(role.too_short_for(&self.probe, reason))
    }

    /// The question as its model reads it.
    pub(crate) fn prompt(&self) -> &Prompt {
        &self.prompt
    }

    /// Whether answers to it are drawn.
    pub(crate) fn is_drawn(&self) -> bool {
        self.decoding == Decoding::Sampled
    }

    /// Tokens of the question; 0 where its model shows none.
    pub(crate) fn tokens(&self) -> u64 {
        let Prompt::Tokens(tokens) = &self.prompt else { return 0 };
        tokens.len() as u64
    }

    /// Tokens of the longest answer.
    pub(crate) fn longest(&self) -> u32 {
        self.parameters.max_tokens
    }

    /// The question as the model reads it; `None` where it shows no tokens.
    pub(crate) fn words(&self, model: &dyn Model) -> Option<String> {
        let Prompt::Tokens(tokens) = &self.prompt else { return None };
        Some(String::from_utf8_lossy(&model.tokens()?.decode(tokens)).into_owned())
    }

    /// The request for these of its answers.
    pub(crate) fn request(&self, samples: Vec<u32>) -> SampleRequest {
        SampleRequest {
            key: self.prompt_hash.clone(),
            prompt: self.prompt.clone(),
            samples,
            max_tokens: Some(self.parameters.max_tokens),
            stop: self.parameters.stop.clone(),
            decoding: self.decoding,
        }
    }

    /// An answer as the store keeps it.
    pub(crate) fn stored(&self, model_key: &str, identity: &ModelIdentity, answer: Answer) -> StoredAnswer {
        StoredAnswer {
            key: self.key(model_key, answer.sample),
            model_key: model_key.to_owned(),
            model_name: identity.name.clone(),
            prompt_hash: self.prompt_hash.clone(),
            parameters: self.parameters.clone(),
            sample: answer.sample,
            text: answer.text,
            tokens: answer.tokens.iter().map(|draw| draw.token).collect(),
            logprobs: answer.tokens.iter().map(|draw| draw.logprob).collect(),
            finish: answer.finish,
        }
    }

    /// The key of its answer in the store; equal ones are one answer.
    pub(crate) fn key(&self, model_key: &str, sample: u32) -> AnswerKey {
        AnswerKey::new(model_key, &self.prompt_hash, &self.parameters, sample)
    }
}

/// A question and the numbers, in the store, of the answers wanted to it.
pub(crate) struct Wanted<'q> {
    pub asked: &'q Asked,
    pub samples: Vec<u32>,
}

/// How answers are had.
enum How<'h> {
    /// As many at once as there is room for.
    Each,
    /// In batches, which are kept here.
    Together(&'h dyn AnswersTogether, &'h BatchRecords),
}

/// One model with its questions, and the store.
pub(crate) struct Asker<'a> {
    pub model: &'a dyn Model,
    pub role: Role,
    pub settings: &'a SampleSettings,
    pub limits: &'a SampleLimits,
    /// Where what was paid is kept.
    pub costs: Option<Costs<'a>>,
}

impl Asker<'_> {
    /// Fills the store with every answer to `asked` that it does not hold; goes on with the tokens of those.
    ///
    /// # Errors
    /// The model or the store fails, or the observer interrupts; what is complete is kept.
    pub(crate) fn ask(
        &self,
        asked: &[&Asked],
        store: &mut Store,
        observer: &mut dyn Observer,
    ) -> Result<ControlFlow<(), u64>, AskError> {
        self.fill(&self.every(asked), store, observer)
    }

    /// What of its model answers.
    pub(crate) fn answers(&self) -> Result<&dyn Answers, AskError> {
        self.model.answers().ok_or(Facet::Answers.into()).map_err(self.role.failed())
    }

    /// Fills the store with the answers wanted that it does not hold; goes on with the tokens of those.
    ///
    /// # Errors
    /// As [`Asker::ask`].
    pub(crate) fn fill(
        &self,
        wanted: &[Wanted<'_>],
        store: &mut Store,
        observer: &mut dyn Observer,
    ) -> Result<ControlFlow<(), u64>, AskError> {
        self.had(wanted, How::Each, store, observer)
    }

    /// Where the model is asked in batches, fills the store with every answer to `asked` that it does not hold: unit by unit each would
    /// wait for a batch of its own.
    ///
    /// # Errors
    /// As [`Asker::ask`].
    pub(crate) fn ask_together(
        &self,
        asked: &[&Asked],
        store: &mut Store,
        observer: &mut dyn Observer,
    ) -> Result<ControlFlow<(), u64>, AskError> {
        self.fill_together(&self.every(asked), store, observer)
    }

    /// The same for the answers wanted.
    ///
    /// # Errors
    /// As [`Asker::ask`].
    pub(crate) fn fill_together(
        &self,
        wanted: &[Wanted<'_>],
        store: &mut Store,
        observer: &mut dyn Observer,
    ) -> Result<ControlFlow<(), u64>, AskError> {
        let Some(together) = self.answers()?.together() else { return Ok(ControlFlow::Continue(0)) };
        let records = BatchRecords::of(store.path());
        self.had(wanted, How::Together(together, &records), store, observer)
    }

    fn had(
        &self,
        wanted: &[Wanted<'_>],
        how: How<'_>,
        store: &mut Store,
        observer: &mut dyn Observer,
    ) -> Result<ControlFlow<(), u64>, AskError> {
        let model_key = self.model.identity().key();
        let requests: Vec<_> = wanted.iter().map(|wanted| request(wanted, &model_key, store)).collect();
        let all: u64 = wanted.iter().map(|wanted| wanted.samples.len() as u64).sum();
        // What came in batches is counted when it is taken out of the store, unit by unit, as what was there before.
        let is_counted = !matches!(how, How::Together(..));
        if is_counted {
            observer.spared(all - number_of(&requests));
        }
        // An endpoint that has nothing to answer is not asked who it is either.
        if number_of(&requests) == 0 {
            return Ok(ControlFlow::Continue(0));
        }
        let answers = self.answers()?;
        let mut keeping = Keeping::new(self, store, observer)?;
        let mut watch = |step| {
            match step {
                BatchStep::Looked(state) => keeping.observer.batch(self.role, &state),
                BatchStep::Says(words) => keeping.observer.says(self.role, &words),
                BatchStep::Came(SampleStep::Progress { read, drawn }) => keeping.observer.sampled(read, drawn),
                BatchStep::Came(SampleStep::Answer(answer)) => {
                    if is_counted {
                        keeping.observer.answered(1);
                    }
                    keeping.came(wanted[answer.request].asked, answer);
                }
            }
            keeping.goes_on()
        };
        let parameters = &self.settings.parameters;
        let sampled = match how {
            How::Each => answers.answer(&requests, parameters, self.limits, &mut |step| watch(BatchStep::Came(step))),
            How::Together(model, records) => model.answer_together(&requests, parameters, records, &mut watch),
        };
        keeping.end(sampled)
    }

    /// Answers to `asked` that the store does not hold.
    pub(crate) fn missing(&self, asked: &[&Asked], store: &Store) -> u64 {
        let model_key = self.model.identity().key();
        let requests: Vec<_> = self.every(asked).iter().map(|wanted| request(wanted, &model_key, store)).collect();
        number_of(&requests)
    }

    /// What the answers to `asked` take that are paid for and that the store lacks; `None` where none is.
    pub(crate) fn ahead(&self, asked: &[&Asked], store: &Store) -> Option<Ahead> {
        const BYTES: u64 = 4;
        let answers = self.model.answers().filter(|answers| answers.is_paid_for())?;
        let model_key = self.model.identity().key();
        let mut ahead = Ahead::default();
        for request in self.every(asked).iter().map(|wanted| request(wanted, &model_key, store)) {
            let (answers, drawn) = (request.samples.len() as u64, u64::from(request.max_tokens.unwrap_or(0)));
            ahead.answers += answers;
            ahead.read += answers * request.prompt.bytes().div_ceil(BYTES);
            ahead.drawn += answers * drawn;
        }
        ahead.money = match answers.together() {
            Some(together) => together.cost(ahead.read, ahead.drawn),
            None => answers.cost(ahead.read, ahead.drawn),
        };
        (ahead.answers > 0).then_some(ahead)
    }

    /// Refuses where the store lacks an answer to `asked` that the model cannot give.
    ///
    /// # Errors
    /// Which.
    pub(crate) fn check(&self, asked: &[&Asked], store: &Store) -> Result<(), AskError> {
        let answers = self.answers()?;
        let model_key = self.model.identity().key();
        let requests: Vec<_> = self.every(asked).iter().map(|wanted| request(wanted, &model_key, store)).collect();
        answers.check(&requests, &self.settings.parameters).map_err(self.role.failed())
    }

    /// All answers to each question.
    fn every<'q>(&self, asked: &[&'q Asked]) -> Vec<Wanted<'q>> {
        let samples = |asked: &Asked| {
            let numbers = self.numbers(asked.decoding).into_iter();
            numbers.map(|(source, sample)| self.kept_as(source, sample)).collect()
        };
        asked.iter().map(|asked| Wanted { asked, samples: samples(asked) }).collect()
    }

    /// Answers to these questions.
    pub(crate) fn wanted(&self, asked: &[&Asked]) -> u64 {
        asked.iter().map(|asked| asked.answers(self.role, self.settings)).sum()
    }

    /// Source and number of every sample of one probe.
    pub(crate) fn numbers(&self, decoding: Decoding) -> Vec<(SampleSource, u32)> {
        let number = |&source| (0..self.settings.answers(source, decoding)).map(move |number| (source, number));
        self.role.sources().iter().flat_map(number).collect()
    }

    /// The number of a sample in the store, and that of its random numbers.
    pub(crate) fn kept_as(&self, source: SampleSource, sample: u32) -> u32 {
        let by_number = self.model.answers().is_some_and(Answers::draws_by_number);
        let drawn_like = if by_number { self.settings.draws_like(source) } else { source };
        drawn_like.first_sample() + sample
    }

    /// The rows of each probe, from the store.
    ///
    /// # Errors
    /// The store is damaged.
    pub(crate) fn rows(&self, asked: &[&Asked], store: &mut Store) -> Result<Vec<Vec<SampleRow>>, AskError> {
        let model_key = self.model.identity().key();
        let key = |asked: &Asked, source: SampleSource, sample| asked.key(&model_key, self.kept_as(source, sample));
        let keys: Vec<_> = asked
            .iter()
            .flat_map(|asked| {
                self.numbers(asked.decoding).into_iter().map(|(source, sample)| key(asked, source, sample))
            })
            .collect();
        let mut answers = store.get_all(&keys)?.into_iter();
        let mut of_probe = |asked: &&Asked| {
            let row = |(source, sample): (SampleSource, u32)| {
                let lost = || AskError::AnswerLost { probe: asked.probe.clone(), sample: self.kept_as(source, sample) };
                let answer = answers.next().flatten().ok_or_else(lost)?;
                Ok(SampleRow {
                    probe: asked.probe.clone(),
                    family: asked.family.clone(),
                    source,
                    sample,
                    text: answer.text,
                    tokens: answer.tokens.len() as u32,
                    logprob: answer.logprobs.iter().map(|&logprob| f64::from(logprob)).sum(),
                    finish: answer.finish,
                    outcome: GivenJudgment::Unjudged,
                    label: None,
                })
            };
            self.numbers(asked.decoding).into_iter().map(row).collect()
        };
        asked.iter().map(&mut of_probe).collect()
    }
}

/// The answers wanted that the store does not hold.
fn request(Wanted { asked, samples }: &Wanted<'_>, model_key: &str, store: &Store) -> SampleRequest {
    let missing = |sample: &u32| !store.contains(&asked.key(model_key, *sample));
    asked.request(samples.iter().copied().filter(missing).collect())
}

/// Answers that are asked for.
fn number_of(requests: &[SampleRequest]) -> u64 {
    requests.iter().map(|request| request.samples.len() as u64).sum()
}

/// What [`ask()`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectReport {
    /// Free questions of the suite.
    pub prompts: u64,
    /// Answers that the store held before.
    pub held: u64,
    /// Answers that were asked for.
    pub asked: u64,
    /// Their tokens.
    pub tokens: u64,
    /// Free questions that do not fit into the model's context.
    pub excluded: Vec<ExcludedItem>,
}

/// The answers that [`ask()`] left in the store, probe by probe. Nothing is asked.
///
/// # Errors
/// The store is damaged, or an answer is not there.
pub fn held(model: &dyn Model, role: Role, suite: &Suite, sampling: &Sampling) -> Result<Vec<SampleRow>, AskError> {
    let Sampling { settings, store: folder, limits } = sampling;
    let mut asked = Vec::new();
    for probe in suite.probes.iter().filter(|probe| role.is_asked(probe)) {
        asked.extend(Asked::new(model, probe, settings).map_err(role.failed())?);
    }
    asked.retain(|asked| asked.too_long(role, model).is_none());
    let mut store = Store::open(folder, Access::Read)?;
    let asker = Asker { model, role, settings, limits, costs: None };
    Ok(asker.rows(&asked.iter().collect::<Vec<_>>(), &mut store)?.concat())
}

/// Asks one model the free questions of a suite, as teacher (its rerun included), student, base or control (which is asked what
/// is graded), and keeps the answers in the store. An audit with the same probes and settings finds them there. What is paid goes to the
/// ledger while it is paid.
///
/// # Errors
/// The suite asks nothing freely, the model or the store fails, or the observer interrupts. What is complete is kept:
/// the same call continues.
pub fn ask(
    model: &dyn Model,
    role: Role,
    suite: &Suite,
    sampling: &Sampling,
    ledger: &Ledger,
    observer: &mut dyn Observer,
) -> Result<CollectReport, AskError> {
    let Sampling { settings, store: folder, limits } = sampling;
    check_samples(settings)?;
    suite.validate()?;
    let (mut asked, mut excluded) = (Vec::new(), Vec::new());
    for probe in suite.probes.iter().filter(|probe| role.is_asked(probe)) {
        let Some(question) = Asked::new(model, probe, settings).map_err(role.failed())? else { continue };
        match question.too_long(role, model) {
            Some(item) => excluded.push(item),
            None => asked.push(question),
        }
    }
    if asked.is_empty() && !excluded.is_empty() {
        return Err(AskError::all_excluded(&suite.name, &excluded));
    }
    if asked.is_empty() {
        return Err(AskError::NoPrompt { suite: suite.name.clone() });
    }
    let (mut store, refusal) = Store::open_to_extend(folder)?;
    let before = store.len();
    let asker = Asker { model, role, settings, limits, costs: Some(Costs::Beside(ledger, "answers")) };
    if let Some(refusal) = refusal
        && asker.missing(&asked.iter().collect::<Vec<_>>(), &store) > 0
    {
        return Err(refusal.into());
    }
    let every: Vec<_> = asked.iter().collect();
    asker.check(&every, &store)?;
    if let Some(ahead) = asker.ahead(&every, &store) {
        observer.will_pay(role, ahead);
    }
    let answers = asker.wanted(&asked.iter().collect::<Vec<_>>());
    let (planned, units) = (PlannedTokens::default(), asked.len().div_ceil(UNIT_PROMPTS) as u64);
    observer.planned(&PlanSummary { planned, units, units_done: 0, tokens_done: 0, answers, longest: planned });
    let mut tokens = 0;
    if asker.ask_together(&every, &mut store, observer)?.is_break() {
        return Err(AskError::Interrupted(folder.clone()));
    }
    for unit in asked.chunks(UNIT_PROMPTS) {
        let unit: Vec<_> = unit.iter().collect();
        match asker.ask(&unit, &mut store, observer)? {
            ControlFlow::Continue(drawn) => tokens += drawn,
            ControlFlow::Break(()) => return Err(AskError::Interrupted(folder.clone())),
        }
    }
    let new = (store.len() - before) as u64;
    Ok(CollectReport { prompts: asked.len() as u64, held: answers.saturating_sub(new), asked: new, tokens, excluded })
}
