//! The one `Model` trait: who a model is, and what it has of all that a model may have.
//!
//! Every facet is optional. A local model shows logits and a tokenizer, and answers by sampling them; a model behind an
//! endpoint may have nothing but answers. Whoever asks takes what is there, and says what is missing.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::ops::Range;

use hydrometer_answers::{ModelIdentity, SamplingParameters};
use hydrometer_probes::{Probe, Suite};

use crate::{
    AnswersTogether, ChatTemplate, Choice, Conversation, Facet, ListsAnswers, Message, ModelError, Prompt,
    SampleLimits, SampleRequest, SampleStep, Session, SetAside, Tokenizer, ToolProtocol,
};

/// A token sequence and the positions whose next-token distribution is wanted.
///
/// Row `i` is the distribution of the token after `tokens[..=i]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// Token ids, BOS included where the model wants one.
    pub tokens: Vec<u32>,
    /// Positions in `tokens`, increasing.
    pub rows: Vec<u32>,
}

/// Sequences that are computed together. The rows of a block are the rows of its sequences, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// The sequences; they never attend to one another.
    pub sequences: Vec<Sequence>,
}

impl Block {
    /// Number of logit rows of the whole block.
    pub fn rows(&self) -> usize {
        self.sequences.iter().map(|s| s.rows.len()).sum()
    }

    /// Number of tokens of the whole block.
    pub fn tokens(&self) -> usize {
        self.sequences.iter().map(|s| s.tokens.len()).sum()
    }
}

/// The logit rows of one block, computed when they are read: never all at once.
pub trait Logits {
    /// Writes the rows `rows` of the block, row-major `[rows.len(), vocab_size]`, raw logits before softmax.
    ///
    /// # Errors
    /// A row that holds NaN or an infinity of the wrong sign is an error that names the row.
    fn read(&mut self, rows: Range<usize>, out: &mut [f32]) -> Result<(), ModelError>;
}

/// Anything that answers. What a model does not say that it has, it has not.
pub trait Model: Send + Sync {
    /// Who it is.
    fn identity(&self) -> &ModelIdentity;

    /// Full next-token distributions at every position.
    fn scores(&self) -> Option<&dyn Scores> {
        None
    }

    /// Text to token ids and back.
    fn tokens(&self) -> Option<&Tokenizer> {
        None
    }

    /// A conversation as the text that the model continues.
    fn renders(&self) -> Option<&ChatTemplate> {
        None
    }

    /// Sequences that grow token by token.
    fn grows(&self) -> Option<&dyn Grows> {
        None
    }

    /// Free answers to conversations.
    fn answers(&self) -> Option<&dyn Answers> {
        None
    }

    /// Log-probabilities of given options.
    fn chooses(&self) -> Option<&dyn Chooses> {
        None
    }

    /// Letters for options, where it answers and nothing says how probable an option is.
    fn letters(&self) -> Option<&dyn Letters> {
        None
    }

    /// A part of its next-token distributions.
    ///
    /// # Errors
    /// Why it shows none, in words that follow "the model".
    fn shows(&self) -> Result<&dyn Shows, String> {
        Err("shows no part of its distributions".to_owned())
    }

    /// That a budget did not allow the question by which it is found out what the model shows: nothing can be planned then, because it may
    /// show more than it seems to. `None` where all that was wanted is known.
    fn not_found_out(&self) -> Option<ModelError> {
        None
    }

    /// Its most probable tokens at every position of a text.
    ///
    /// # Errors
    /// Why it lists none, in words that follow "the model".
    fn lists(&self) -> Result<&dyn Lists, String> {
        Err("lists no tokens of a text".to_owned())
    }

    /// Its answers with the most probable tokens at every place.
    ///
    /// # Errors
    /// Why it lists none, in words.
    fn lists_answers(&self) -> Result<&dyn ListsAnswers, String> {
        Err("it lists no tokens of its answers".to_owned())
    }

    /// Its most probable tokens behind positions of token sequences.
    ///
    /// # Errors
    /// Why it lists none, in words that follow "the model".
    fn top_tokens(&self) -> Result<&dyn TopTokens, String> {
        Err("lists none of its most probable tokens".to_owned())
    }

    /// What it is about to be asked, and what its knobs count from (`axis.knob`), told before anything is asked. Only a model with
    /// a defect that depends on other probes listens.
    fn told(&self, _suite: &Suite, _trained_to: &BTreeMap<String, f64>) {}

    /// What it has, in the order of [`Facet::ALL`].
    fn facets(&self) -> Vec<Facet> {
        let has = |facet: &Facet| match facet {
            Facet::Logits => self.scores().is_some(),
            Facet::Tokens => self.tokens().is_some(),
            Facet::Sequences => self.grows().is_some(),
            Facet::Answers => self.answers().is_some(),
            Facet::Choices => self.chooses().is_some(),
            Facet::Shown => self.shows().is_ok(),
        };
        Facet::ALL.into_iter().filter(has).collect()
    }
}

/// A model that shows its logits.
pub trait Scores: Send + Sync {
    /// Runs the block through the model up to, but not including, the output head.
    ///
    /// # Errors
    /// A token id outside the vocabulary, a sequence longer than the context, or numbers that stopped being finite.
    fn score<'a>(&'a self, block: &Block) -> Result<Box<dyn Logits + 'a>, ModelError>;

    /// Scores the block again, as exactly as this model can: the noise floor of an audit compares the two.
    ///
    /// A model whose engine computes in reduced precision answers in full precision here.
    ///
    /// # Errors
    /// As [`Scores::score`].
    fn rerun<'a>(&'a self, block: &Block) -> Result<Box<dyn Logits + 'a>, ModelError> {
        self.score(block)
    }
}

/// A model whose sequences grow here, token by token: it answers by [sampling](crate::sample()).
pub trait Grows: Send + Sync {
    /// Sequences of this model. Besides what they need, the session may take `spare` bytes of memory to be faster.
    ///
    /// # Errors
    /// The model has lost what it grows from.
    fn session<'a>(&'a self, spare: u64) -> Result<Box<dyn Session + 'a>, ModelError>;

    /// Memory that one position of a growing sequence takes, in bytes; 0 where it hardly matters.
    fn position_bytes(&self) -> u64 {
        0
    }
}

/// A model that answers conversations freely.
pub trait Answers: Send + Sync {
    /// A conversation as this model takes it.
    ///
    /// # Errors
    /// The template or the tokenizer refuses.
    fn prompt(&self, messages: &[Message]) -> Result<Prompt, ModelError>;

    /// The conversation of a probe as this model takes it: [`Answers::prompt`], but for a model with a defect that depends on
    /// how far out a probe lies.
    ///
    /// # Errors
    /// As [`Answers::prompt`].
    fn prompt_of(&self, _probe: &Probe, messages: &[Message]) -> Result<Prompt, ModelError> {
        self.prompt(messages)
    }

    /// How this model puts tools and calls into words.
    ///
    /// # Errors
    /// Whoever has to be asked for it does not answer.
    fn tool_protocol(&self) -> Result<ToolProtocol, ModelError> {
        Ok(ToolProtocol::Json)
    }

    /// An episode as this model takes it, where it is to answer next.
    ///
    /// # Errors
    /// As [`Answers::prompt`].
    fn converse(&self, conversation: &Conversation<'_>) -> Result<Prompt, ModelError> {
        self.prompt(&conversation.plain())
    }

    /// Whether every answer is paid for, in money or in time of a far machine: then each is kept the moment it is whole.
    fn is_paid_for(&self) -> bool {
        false
    }

    /// Whether it draws by random numbers that the number of a sample decides ([`SampleRequest::samples`]): another model that
    /// does so has the same ones at the same number.
    fn draws_by_number(&self) -> bool {
        false
    }

    /// What so many tokens of prompts and answers cost, where answers are paid for and the price is known.
    fn cost(&self, _read: u64, _drawn: u64) -> Option<f64> {
        None
    }

    /// Refuses requests of which it knows beforehand that it has no answer to them: a model that replays answers may lack some.
    ///
    /// # Errors
    /// How many answers it lacks, and one of them.
    fn check(&self, _requests: &[SampleRequest], _parameters: &SamplingParameters) -> Result<(), ModelError> {
        Ok(())
    }

    /// Answers every request; answers come as they are complete, in no particular order. `Break` ends early. Whatever
    /// ends it, every answer that is complete has been handed out.
    ///
    /// # Errors
    /// A prompt that is not of this model's making, parameters without meaning, or the model fails.
    fn answer(
        &self,
        requests: &[SampleRequest],
        parameters: &SamplingParameters,
        limits: &SampleLimits,
        watch: &mut dyn FnMut(SampleStep) -> ControlFlow<()>,
    ) -> Result<(), ModelError>;

    /// Its batches, where it is to be asked so.
    fn together(&self) -> Option<&dyn AnswersTogether> {
        None
    }

    /// Conversations that go on answer by answer: the same answers, sooner. `None` where that saves nothing.
    ///
    /// # Errors
    /// The model has lost what it answers from.
    fn conversations<'a>(&'a self, _limits: &SampleLimits) -> Result<Option<Box<dyn Conversations + 'a>>, ModelError> {
        Ok(None)
    }
}

/// How much can go on together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Conversations.
    pub conversations: usize,
    /// Their tokens in all.
    pub tokens: u64,
}

impl Room {
    /// For anything.
    pub const ALL: Room = Room { conversations: usize::MAX, tokens: u64::MAX };
}

/// Conversations with one model, which go on as soon as it has answered.
pub trait Conversations {
    /// What it can hold at a time.
    fn room(&self) -> Room;

    /// As [`Answers::answer`], but whoever is told of a step says what is to be asked beside the rest: what the model holds of a
    /// conversation when it has answered is there when that begins with it. Requests are numbered as they come.
    ///
    /// # Errors
    /// As [`Answers::answer`]; then it is of no further use.
    fn answer(
        &mut self,
        requests: Vec<SampleRequest>,
        parameters: &SamplingParameters,
        go_on: &mut dyn FnMut(SampleStep) -> ControlFlow<(), Vec<SampleRequest>>,
    ) -> Result<(), ModelError>;
}

/// A model that says how probable given options are.
pub trait Chooses: Send + Sync {
    /// A choice probe in one rotation as this model reads it, and the probe's option index behind each answer.
    ///
    /// # Errors
    /// A text probe, answers that the tokenizer cannot tell apart, or the template or tokenizer refuses.
    fn question(&self, probe: &Probe, rotation: u32) -> Result<(Choice, Vec<usize>), ModelError>;

    /// ln p(option | prompt) in nats for every option of every choice, in their order.
    ///
    /// # Errors
    /// An empty prompt or option, a token outside the vocabulary, or the model fails.
    fn choose(&self, choices: &[Choice]) -> Result<Vec<Vec<f64>>, ModelError>;
}

/// The most probable first tokens of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct FirstTokens {
    /// Their texts with their log-probabilities in nats at temperature 1, each text once. Empty where nothing is shown.
    pub listed: Vec<(String, f64)>,
    /// The log-probability that any other has at most.
    pub others: f64,
    /// Tokens of the question and of the answer.
    pub read: u64,
    /// Of the answer.
    pub drawn: u64,
}

impl FirstTokens {
    /// As it is kept: JSON of the list, and what any other has at most.
    #[must_use]
    pub fn as_kept(&self) -> String {
        serde_json::json!({"listed": self.listed, "others": self.others}).to_string()
    }

    /// What was kept; `None` where it is something else.
    #[must_use]
    pub fn of_kept(text: &str) -> Option<FirstTokens> {
        let value: serde_json::Value = serde_json::from_str(text).ok()?;
        let pair = |pair: &serde_json::Value| Some((pair[0].as_str()?.to_owned(), pair[1].as_f64()?));
        let listed = value["listed"].as_array()?.iter().map(pair).collect::<Option<_>>()?;
        Some(FirstTokens { listed, others: value["others"].as_f64()?, read: 0, drawn: 0 })
    }
}

/// A model that is asked for a letter: it answers conversations, and may show how probable first tokens are.
pub trait Letters: Send + Sync {
    /// Whether it shows the most probable first tokens of its answers. Asked once.
    ///
    /// # Errors
    /// The model fails.
    fn shows_first_tokens(&self) -> Result<bool, ModelError>;

    /// The most probable first tokens of the answer to each prompt, at most `width` asked at once: handed over as they come, with the
    /// place of the prompt; nothing from time to time. `Break` ends early, and what is under way is handed over all the same.
    ///
    /// # Errors
    /// A prompt that is not of this model's making, or the model fails.
    fn first_tokens(
        &self,
        prompts: &[&Prompt],
        width: usize,
        watch: &mut dyn FnMut(Option<(usize, FirstTokens)>) -> ControlFlow<()>,
    ) -> Result<(), ModelError>;
}

/// What a model shows of the distribution of the next token at one position.
#[derive(Clone, Debug, PartialEq)]
pub struct ShownPosition {
    /// The most probable tokens with their log-probabilities in nats, falling.
    pub listed: Vec<(u32, f32)>,
    /// Tokens drawn from the whole distribution, whether they are listed or not.
    pub drawn: Vec<(u32, f32)>,
}

/// A model that shows a part of its next-token distributions: after token ids, and no logits.
pub trait Shows: Send + Sync {
    /// The ids of an ordinary text, nothing in front.
    ///
    /// # Errors
    /// The model fails, or shows no ids.
    fn ids(&self, text: &str) -> Result<Vec<u32>, ModelError>;

    /// What follows each of these contexts, in their order.
    ///
    /// # Errors
    /// The model fails, or what it shows are no log-probabilities.
    fn after(&self, contexts: &[&[u32]]) -> Result<Vec<ShownPosition>, ModelError>;
}

/// What a model lists of the distribution of the next token at one position of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedPosition {
    /// The most probable tokens with their log-probabilities in nats, falling.
    pub listed: Vec<(u32, f32)>,
    /// The token that the text goes on with, listed or not, and its log-probability.
    pub next: (u32, f32),
}

/// A model that lists its most probable tokens along a text that is given as token ids, and says how probable the text's own are.
pub trait Lists: Send + Sync {
    /// The ids of an ordinary text, nothing in front.
    ///
    /// # Errors
    /// The model fails, or shows no ids.
    fn ids(&self, text: &str) -> Result<Vec<u32>, ModelError>;

    /// What is listed at the rows of these sequences, in their order. Every row has a token behind it: the text's own.
    ///
    /// # Errors
    /// The model fails, or what it lists are no log-probabilities.
    fn along(&self, sequences: &[&Sequence]) -> Result<Vec<Vec<ListedPosition>>, ModelError>;

    /// Sets aside what [`Lists::along`] may cost of a budget; it is free again when what comes goes.
    ///
    /// # Errors
    /// It is not left.
    fn set_aside(&self, sequences: &[&Sequence]) -> Result<SetAside, ModelError>;

    /// The tokens that each question holds which the model is put for a sequence.
    fn questions(&self, sequence: &Sequence) -> Vec<u64>;
}

/// A model that lists the most probable tokens behind positions of token sequences, and draws none: what distillation from a served
/// teacher needs.
pub trait TopTokens: Send + Sync {
    /// The ids of an ordinary text, nothing in front.
    ///
    /// # Errors
    /// The model fails, or shows no ids.
    fn ids(&self, text: &str) -> Result<Vec<u32>, ModelError>;

    /// The `count` most probable tokens behind positions of sequences: what a server lists of a whole prompt at once where
    /// it does. At most `width` questions are under way at once; what comes is handed over as it comes, and nothing from time to time.
    /// `Break` ends early, and what is under way is handed over all the same.
    ///
    /// # Errors
    /// The model fails, lists fewer tokens than that although they have not all the mass, or what it shows are no log-probabilities.
    fn listed(
        &self,
        wanted: &[Unlisted<'_>],
        count: u32,
        width: usize,
        watch: &mut dyn FnMut(Option<Listed>) -> ControlFlow<()>,
    ) -> Result<(), ModelError>;
}

/// Positions of a sequence whose next-token distributions are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unlisted<'a> {
    /// The sequence.
    pub tokens: &'a [u32],
    /// Positions in it, rising; behind each stands a token.
    pub positions: Vec<u32>,
}

/// The most probable tokens behind successive positions of a sequence.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// Which of the sequences that were asked for.
    pub sequence: usize,
    /// The first of the positions.
    pub first: u32,
    /// The tokens behind each with their log-probabilities in nats, falling.
    pub rows: Vec<Vec<(u32, f32)>>,
}

/// A model that shows logits of tokens that it names: what token metrics need of it.
#[derive(Clone, Copy)]
pub struct Scorer<'a> {
    /// Who it is.
    pub identity: &'a ModelIdentity,
    /// Its logits.
    pub scores: &'a dyn Scores,
    /// Its tokens.
    pub tokens: &'a Tokenizer,
}

impl<'a> Scorer<'a> {
    /// The model's, where it shows both.
    ///
    /// # Errors
    /// What it lacks.
    pub fn of(model: &'a dyn Model) -> Result<Self, Facet> {
        let scores = model.scores().ok_or(Facet::Logits)?;
        let tokens = model.tokens().ok_or(Facet::Tokens)?;
        Ok(Self { identity: model.identity(), scores, tokens })
    }
}
