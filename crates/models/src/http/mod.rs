//! Models behind endpoints: they show nothing but answers. A connection is synchronous to whoever asks; inside, threads ask
//! many questions at once.
//!
//! `address` is what endpoints are called, `dialect` how they are spoken to, `asking` one question with its repetitions,
//! `too_long` refusals of prompts that do not fit, `bad_call` of calls that are none, `waits` how long servers ask to wait, `gate` how many questions are under way, `wire`
//! the HTTP client, `secret` keys, `headers` those that the user wants, `clock` time, `prices` what is paid, `purse` what may be, `paying` the one place where it is, `introducing` who answers and what it takes, `offers` what each kind of server shows, `remote` the model that all of this comes
//! to, `under_way` many questions at once, `batch` many that are given together, `letters` first tokens of answers, `listed_answers` all of them with what else was probable, `positions` next-token distributions as far as they are shown, `listings` what is listed along a text, `embeddings` what turns texts into vectors, and `check` what is
//! looked at before an endpoint is believed.

mod address;
mod asking;
mod bad_call;
mod base64;
mod batch;
mod check;
mod clock;
mod dialect;
mod embeddings;
mod full;
mod gate;
mod headers;
mod introducing;
mod letters;
mod listed_answers;
mod listings;
mod logprobs;
mod offers;
mod paying;
mod positions;
mod prices;
mod purse;
mod remote;
mod secret;
mod too_long;
mod top_tokens;
mod under_way;
mod waits;
mod wire;

use std::sync::Arc;

use hydrometer_answers::ModelIdentity;

use crate::hub::Fetching;
use crate::{Tokenizer, ToolProtocol};

pub use address::{Address, Named, SCHEMES, Scheme};
pub use check::{CHECK_MARK, Checked, Found, MANY_SCRIPTS, NOT_ALLOWED, Spoils, check, check_beside, check_names};
pub use clock::Clock;
use clock::SystemClock;
pub use embeddings::EmbeddingEndpoint;
pub use offers::Offer;
pub use prices::{PRICES_FORMAT, Prices};
pub use purse::{Budget, Purse, SetAside, Spent};
pub(crate) use remote::Remote;
pub(crate) use secret::Secret;
pub(crate) use wire::{Place, Secure, agent, in_words};

/// Looks up an environment variable.
type Variable = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Is told how far a file is that is fetched.
type Told = dyn Fn(&Fetching) + Send + Sync;

/// A model that answered before.
#[derive(Clone, Debug)]
pub struct Known {
    /// Who it is.
    pub identity: ModelIdentity,
    /// How it calls tools, where it acted.
    pub tools: Option<ToolProtocol>,
}

/// What asking an endpoint takes that is not in its name.
pub struct Network {
    pub(crate) variable: Box<Variable>,
    pub(crate) clock: Arc<dyn Clock>,
    known: Vec<Known>,
    any_identity: bool,
    purse: Option<Arc<Purse>>,
    together: bool,
    full: Option<Tokenizer>,
    pub(crate) told: Option<Box<Told>>,
}

impl Network {
    /// A network whose keys stand in the variables that this function looks up.
    pub fn new(variable: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Network {
        Network {
            variable: Box::new(variable),
            clock: Arc::new(SystemClock),
            known: Vec::new(),
            any_identity: false,
            purse: None,
            together: false,
            full: None,
            told: None,
        }
    }

    /// A network without keys.
    pub fn without_keys() -> Network {
        Network::new(|_| None)
    }

    /// The same, where these models answered before: who answers at an endpoint that one of them names is taken from there,
    /// and nothing is asked to find it out. When the endpoint is asked, it must be the same model.
    #[must_use]
    pub fn knowing(self, known: Vec<Known>) -> Network {
        Network { known, ..self }
    }

    /// The same, where another model may answer under a name than the one that answered first: somebody said so.
    #[must_use]
    pub fn accepting_any_identity(self, any_identity: bool) -> Network {
        Network { any_identity, ..self }
    }

    /// The same, where what is asked is paid from this purse.
    #[must_use]
    pub fn paying(self, purse: Arc<Purse>) -> Network {
        Network { purse: Some(purse), ..self }
    }

    /// The same, where answers are asked for in batches; an endpoint without any is refused.
    #[must_use]
    pub fn in_batches(self, together: bool) -> Network {
        Network { together, ..self }
    }

    /// The same, where endpoints are asked for the log-probability of every token, and read texts as this tokenizer does: they show
    /// their logits. An endpoint that does not list so many is refused.
    #[must_use]
    pub fn with_full_logprobs(self, tokenizer: Option<Tokenizer>) -> Network {
        Network { full: tokenizer, ..self }
    }

    /// The same, which says how far the files are that it fetches.
    #[must_use]
    pub fn telling(self, told: impl Fn(&Fetching) + Send + Sync + 'static) -> Network {
        Network { told: Some(Box::new(told)), ..self }
    }

    /// The same under another clock.
    #[must_use]
    pub fn timed_by(self, clock: Arc<dyn Clock>) -> Network {
        Network { clock, ..self }
    }
}
