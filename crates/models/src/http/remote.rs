//! A model behind an endpoint: its answers, and what else it shows.

use std::ops::ControlFlow;
use std::sync::OnceLock;

use hydrometer_answers::{FinishReason, ModelIdentity, SampleSource, SamplingParameters};
use hydrometer_probes::Decoding;
use serde_json::json;

use super::address::{Address, Fingerprint};
use super::asking::{Failed, Line};
use super::batch::{self, Provider};
use super::check::NOT_ALLOWED;
use super::dialect::{Question, Reply};
use super::full::Full;
use super::gate::Gate;
use super::introducing::{FIRST_ANSWER, FIRST_QUESTION, FORMAT, Introduced, Manner, identity, introduce};
use super::listings::Listings;
use super::positions::{Positions, Way};
use super::prices::{Kind, Price};
use super::top_tokens;
use super::under_way::ask_all;
use super::{Known, Network};
use crate::{
    Answer, Answers, AnswersTogether, Conversation, Declared, Letters, Listed, ListedAnswer, ListedPosition, Lists,
    ListsAnswers, Message, Model, ModelError, Prompt, SampleLimits, SampleRequest, SampleStep, Scores, Sequence,
    SetAside, ShownPosition, Shows, Tokenizer, ToolProtocol, TopTokens, Turn, Unlisted, WithTools,
};

/// A model behind an endpoint.
pub(crate) struct Remote {
    pub(super) identity: ModelIdentity,
    pub(super) line: Line,
    introduced: OnceLock<Introduced>,
    /// Whether another model may answer than the one that answered first.
    any_identity: bool,
    /// How its positions are asked for, or why it shows none: found out when somebody wants to know.
    positions: OnceLock<Result<Positions, String>>,
    /// How it lists tokens along a text, or why it does not: found out the same way.
    listings: OnceLock<Result<Listings, String>>,
    /// An answer with the most probable tokens at every place, or why it shows none: found out the same way.
    pub(super) example: OnceLock<Result<ListedAnswer, String>>,
    /// How it calls tools: found out the same way, where no run that goes on says it.
    tools: OnceLock<ToolProtocol>,
    /// Whether it shows the most probable first tokens of answers: found out when somebody wants to know.
    pub(super) first_tokens: OnceLock<bool>,
    /// How it is asked in batches, and what those cost, where it is to be.
    pub(super) together: Option<(&'static dyn Provider, Option<Price>)>,
    /// How it reads texts, where it is asked for the log-probability of every token.
    pub(super) full: Option<Full>,
}

impl Remote {
    /// Opens a connection, and finds out who answers and which settings the server takes. That takes two short questions, which
    /// wait for the first answer that is wanted where the network knows who answers.
    ///
    /// # Errors
    /// The key cannot be read, the server refuses, or it gives no answer.
    pub(crate) fn connect(address: Address, network: &Network) -> Result<Remote, ModelError> {
        let together = network.together.then(|| batches(&address, network)).transpose()?;
        let line = Line::open(address, network, Kind::Answers)?;
        let spec = line.address.for_records();
        let same = |known: &&Known| {
            let identity = &known.identity;
            let shown_alike = identity.vocab_size.is_some() == network.full.is_some();
            identity.format == FORMAT && identity.spec == spec && shown_alike
        };
        let (identity, introduced, tools) = match network.known.iter().find(same) {
            Some(Known { identity, tools }) => {
                (identity.clone(), OnceLock::new(), tools.map_or_else(OnceLock::new, OnceLock::from))
            }
            None => {
                let introduced = introduce(&line)?;
                (identity(&line.address, &introduced), introduced.into(), OnceLock::new())
            }
        };
        let (positions, first_tokens, any_identity) = (OnceLock::new(), OnceLock::new(), network.any_identity);
        let (listings, example) = (OnceLock::new(), OnceLock::new());
        let remote = Remote {
            identity,
            line,
            introduced,
            any_identity,
            positions,
            listings,
            example,
            tools,
            first_tokens,
            together,
            full: None,
        };
        match &network.full {
            Some(tokenizer) => remote.in_full(tokenizer.clone()),
            None => Ok(remote),
        }
    }

    /// What the first questions found; they are asked where they were not yet.
    pub(super) fn introduced(&self) -> Result<&Introduced, ModelError> {
        if let Some(introduced) = self.introduced.get() {
            return Ok(introduced);
        }
        let introduced = introduce(&self.line)?;
        let found = identity(&self.line.address, &introduced);
        if found.key() != self.identity.key() && !self.any_identity {
            let (then, now) = (&self.identity, &found);
            let unknown = |of: &ModelIdentity| of.unknown.clone().unwrap_or_default();
            let reason = format!(
                "`{}` answered before ({}), `{}` answers now ({}): an audit of it is another run",
                then.name,
                unknown(then),
                now.name,
                unknown(now)
            );
            return Err(ModelError::Refused { endpoint: self.line.address.to_string(), reason });
        }
        Ok(self.introduced.get_or_init(|| introduced))
    }

    /// Refuses parameters that no endpoint takes.
    pub(super) fn refuse(&self, parameters: &SamplingParameters) -> Result<(), ModelError> {
        let fault = parameters.fault().or_else(|| {
            (parameters.top_k != 0).then(|| format!("top_k is {}, and endpoints take none", parameters.top_k))
        });
        fault.map_or(Ok(()), |reason| Err(ModelError::Request { reason }))
    }

    fn one(
        &self,
        request: &SampleRequest,
        parameters: &SamplingParameters,
        Introduced { manner, first, .. }: &Introduced,
        gate: &Gate,
    ) -> Result<Reply, Failed> {
        self.put(request, parameters, *manner, |question| {
            let reply = self.line.ask(question, gate)?;
            self.is_the_same(&reply, first)?;
            Ok(reply)
        })
    }

    /// Puts a request as the question that it is.
    pub(super) fn put<R>(
        &self,
        request: &SampleRequest,
        parameters: &SamplingParameters,
        manner: Manner,
        put: impl FnOnce(&Question<'_>) -> Result<R, Failed>,
    ) -> Result<R, Failed> {
        let plain: Vec<Turn>;
        let (turns, tools) = match &request.prompt {
            Prompt::Messages(messages) => {
                plain = messages.iter().map(Turn::of).collect();
                (plain.as_slice(), [].as_slice())
            }
            Prompt::WithTools(WithTools { turns, tools }) => (turns.as_slice(), tools.as_slice()),
            Prompt::Tokens(_) => {
                let reason = format!("the prompt of `{}` is tokens, expected a conversation", request.key);
                return Err(Failed::Refused { status: None, reason });
            }
        };
        let mut stop = parameters.stop.clone();
        stop.extend(request.stop.iter().filter(|text| !parameters.stop.contains(text)).cloned());
        let (settings, temperature) = match request.decoding {
            Decoding::Greedy => match manner.greedy {
                Some(settings) => (settings, 0.0),
                None => (manner.drawn, 1.0),
            },
            Decoding::Sampled => (manner.drawn, parameters.temperature),
        };
        put(&Question {
            model: self.line.address.model.as_deref(),
            turns,
            tools,
            max_tokens: request.max_tokens.unwrap_or(parameters.max_tokens),
            stop: &stop,
            temperature,
            top_p: if request.decoding == Decoding::Greedy { 1.0 } else { parameters.top_p },
            settings,
            limit: manner.limit,
        })
    }

    /// Refuses the answer of another model than the one that answered first.
    pub(super) fn is_the_same(&self, reply: &Reply, first: &Reply) -> Result<(), Failed> {
        let changed = |what: &str, now: &Option<String>, then: &Option<String>| match (now, then) {
            (Some(now), Some(then)) if now != then && !self.any_identity => {
                let reason = format!(
                    "the {what} was `{then}` when this began and is `{now}` now: another model is served under the name. \
                     What it answered before is kept; an audit of the new one is another run"
                );
                Err(Failed::Refused { status: None, reason })
            }
            _ => Ok(()),
        };
        changed("model", &reply.model, &first.model)?;
        match self.line.address.scheme.fingerprint {
            Fingerprint::Build => changed("server's fingerprint", &reply.fingerprint, &first.fingerprint),
            Fingerprint::Machine => Ok(()),
        }
    }
}

/// How an endpoint is asked in batches.
///
/// # Errors
/// It has none, or a budget in money has no price for them.
fn batches(address: &Address, network: &Network) -> Result<(&'static dyn Provider, Option<Price>), ModelError> {
    let (scheme, model) = (address.scheme.name, address.model.as_deref().unwrap_or_default());
    let Some(provider) = batch::provider(scheme) else {
        let reason =
            format!("{scheme}: expected an endpoint with batches (openai: or anthropic:), and {scheme} has none");
        return Err(ModelError::Request { reason });
    };
    let price = network.purse.as_ref().map_or(Ok(None), |purse| purse.price(Kind::Batch, scheme, model))?;
    Ok((provider, price))
}

/// When an answer is asked for: the teacher's second run after all others, and shuffled. What a server gives because of what it was
/// asked just before belongs to the noise that the second run measures.
pub(super) fn turn(request: &SampleRequest, sample: u32) -> Option<[u8; 32]> {
    let (source, _) = SampleSource::of_sample(sample)?;
    let name = || [request.key.as_bytes(), &sample.to_le_bytes()].concat();
    (source == SampleSource::Rerun).then(|| *blake3::hash(&name()).as_bytes())
}

impl Model for Remote {
    fn identity(&self) -> &ModelIdentity {
        &self.identity
    }

    fn scores(&self) -> Option<&dyn Scores> {
        self.full.as_ref().map(|_| self as &dyn Scores)
    }

    fn tokens(&self) -> Option<&Tokenizer> {
        self.full.as_ref().map(|full| &full.tokenizer)
    }

    fn answers(&self) -> Option<&dyn Answers> {
        Some(self)
    }

    fn letters(&self) -> Option<&dyn Letters> {
        Some(self)
    }

    fn shows(&self) -> Result<&dyn Shows, String> {
        self.positions().map(|_| self as &dyn Shows)
    }

    fn not_found_out(&self) -> Option<ModelError> {
        let tried = [
            self.positions.get().and_then(|of| of.as_ref().err()),
            self.listings.get().and_then(|of| of.as_ref().err()),
            self.example.get().and_then(|of| of.as_ref().err()),
        ];
        let reason = tried.into_iter().flatten().find_map(|reason| reason.strip_prefix(NOT_ALLOWED))?;
        let reason = reason.trim_start_matches(": ").to_owned();
        Some(ModelError::Budget { endpoint: self.line.address.to_string(), reason })
    }

    fn lists(&self) -> Result<&dyn Lists, String> {
        self.listings().map(|_| self as &dyn Lists)
    }

    fn lists_answers(&self) -> Result<&dyn ListsAnswers, String> {
        self.example_found().as_ref().map(|_| self as &dyn ListsAnswers).map_err(Clone::clone)
    }

    fn top_tokens(&self) -> Result<&dyn TopTokens, String> {
        Way::of(&self.line.address).map(|_| self as &dyn TopTokens)
    }
}

impl Remote {
    /// Its own way where the server takes tools and its count of tokens says that the model reads them: one that leaves them out
    /// without a word is asked by the plain protocol.
    fn tools(&self) -> Result<ToolProtocol, ModelError> {
        if let Some(found) = self.tools.get() {
            return Ok(*found);
        }
        let Introduced { manner, first, .. } = self.introduced()?;
        let turns = [Turn::User(FIRST_QUESTION.to_owned())];
        let tools = [Declared {
            name: "write_note".to_owned(),
            description: "Keeps a note for the user.".to_owned(),
            parameters: json!({"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}),
        }];
        let question = Question { tools: &tools, ..manner.question(&self.line, &turns, FIRST_ANSWER) };
        let found = match self.line.ask(&question, &Gate::new(1)) {
            Ok(reply) if reply.read > first.read || reply.finish == FinishReason::ToolCalls => ToolProtocol::Native,
            Ok(_) | Err(Failed::Refused { status: Some(400 | 404 | 422 | 500 | 501), .. }) => ToolProtocol::Json,
            Err(failed) => {
                let interrupted = || ModelError::Request { reason: "interrupted".to_owned() };
                return Err(failed.of(&self.line.address).unwrap_or_else(interrupted));
            }
        };
        Ok(*self.tools.get_or_init(|| found))
    }

    pub(super) fn positions(&self) -> Result<&Positions, String> {
        self.positions.get_or_init(|| Positions::of(&self.line)).as_ref().map_err(Clone::clone)
    }

    fn listings(&self) -> Result<&Listings, String> {
        self.listings.get_or_init(|| Listings::of(&self.line)).as_ref().map_err(Clone::clone)
    }

    pub(super) fn refused(&self, reason: String) -> ModelError {
        ModelError::Refused { endpoint: self.line.address.to_string(), reason }
    }

    /// The tokens that a server showed of a text.
    fn shown_ids(&self, ids: Result<Option<Vec<u32>>, Failed>) -> Result<Vec<u32>, ModelError> {
        let failed =
            |failed: Failed| failed.of(&self.line.address).unwrap_or_else(|| self.refused("interrupted".to_owned()));
        ids.map_err(failed)?.ok_or_else(|| self.refused("expected the tokens of a text, found none".to_owned()))
    }
}

impl Shows for Remote {
    fn ids(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        let positions = self.positions().map_err(|reason| self.refused(reason))?;
        self.shown_ids(positions.tokenize(&self.line, text))
    }

    fn after(&self, contexts: &[&[u32]]) -> Result<Vec<ShownPosition>, ModelError> {
        self.positions().map_err(|reason| self.refused(reason))?.after(&self.line, contexts)
    }
}

impl Lists for Remote {
    fn ids(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        let listings = self.listings().map_err(|reason| self.refused(reason))?;
        self.shown_ids(listings.tokenize(&self.line, text))
    }

    fn along(&self, sequences: &[&Sequence]) -> Result<Vec<Vec<ListedPosition>>, ModelError> {
        self.listings().map_err(|reason| self.refused(reason))?.along(&self.line, sequences)
    }

    fn set_aside(&self, sequences: &[&Sequence]) -> Result<SetAside, ModelError> {
        let questions = sequences.iter().flat_map(|sequence| Lists::questions(self, sequence));
        self.line.set_aside(questions)
    }

    fn questions(&self, sequence: &Sequence) -> Vec<u64> {
        self.listings().map(|listings| listings.questions(sequence)).unwrap_or_default()
    }
}

impl TopTokens for Remote {
    fn ids(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        let way = Way::of(&self.line.address).map_err(|reason| self.refused(reason))?;
        self.shown_ids(way.tokenize(&self.line, text, &Gate::new(1)))
    }

    fn listed(
        &self,
        wanted: &[Unlisted<'_>],
        count: u32,
        width: usize,
        watch: &mut dyn FnMut(Option<Listed>) -> ControlFlow<()>,
    ) -> Result<(), ModelError> {
        top_tokens::of(&self.line, wanted, (count, width), watch)
    }
}

impl Answers for Remote {
    fn prompt(&self, messages: &[Message]) -> Result<Prompt, ModelError> {
        Ok(Prompt::Messages(messages.to_vec()))
    }

    fn tool_protocol(&self) -> Result<ToolProtocol, ModelError> {
        self.tools()
    }

    fn converse(&self, conversation: &Conversation<'_>) -> Result<Prompt, ModelError> {
        match self.tools()? {
            ToolProtocol::Native => Ok(Prompt::WithTools(conversation.with_tools())),
            _ => self.prompt(&conversation.plain()),
        }
    }

    fn is_paid_for(&self) -> bool {
        true
    }

    fn cost(&self, read: u64, drawn: u64) -> Option<f64> {
        self.line.price.as_ref().map(|price| price.of(read, drawn))
    }

    fn together(&self) -> Option<&dyn AnswersTogether> {
        self.together.as_ref().map(|_| self as &dyn AnswersTogether)
    }

    fn answer(
        &self,
        requests: &[SampleRequest],
        parameters: &SamplingParameters,
        limits: &SampleLimits,
        watch: &mut dyn FnMut(SampleStep) -> ControlFlow<()>,
    ) -> Result<(), ModelError> {
        self.refuse(parameters)?;
        let introduced = self.introduced()?;
        let wanted = |(place, request): (usize, &SampleRequest)| {
            request.samples.iter().map(move |&sample| (place, sample)).collect::<Vec<_>>()
        };
        let mut jobs: Vec<(usize, u32)> = requests.iter().enumerate().flat_map(wanted).collect();
        jobs.sort_by_cached_key(|&(place, sample)| turn(&requests[place], sample));
        let one = |job: usize, gate: &Gate| self.one(&requests[jobs[job].0], parameters, introduced, gate);
        ask_all(jobs.len(), limits.width, &self.line.address, &one, &mut |came| match came {
            None => watch(SampleStep::Progress { read: 0, drawn: 0 }),
            Some((job, Reply { text, finish, read, drawn, .. })) => {
                let _ = watch(SampleStep::Progress { read, drawn });
                let (request, sample) = jobs[job];
                watch(SampleStep::Answer(Answer { request, sample, text, tokens: Vec::new(), finish }))
            }
        })
    }
}
