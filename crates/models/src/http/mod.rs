//! Models behind endpoints: they show nothing but answers. A connection is synchronous to whoever asks; inside, threads ask
//! many questions at once.
//!
//! `address` is what endpoints are called, `dialect` how they are spoken to, `asking` one question with its repetitions,
//! `waits` how long servers ask to wait, `gate` how many questions are under way, `wire` the HTTP client, `secret` keys,
//! `clock` time, `remote` the model that all of this comes to, `positions` next-token distributions as far as they are shown,
//! `embeddings` what turns texts into vectors, and `check` what is looked at before
//! an endpoint is believed.

mod address;
mod asking;
mod base64;
mod check;
mod clock;
mod dialect;
mod embeddings;
mod gate;
mod logprobs;
mod positions;
mod remote;
mod secret;
mod waits;
mod wire;

use std::sync::Arc;

pub use address::{Address, Named, SCHEMES, Scheme};
pub use check::{CHECK_MARK, Checked, Found, Spoils, check, check_names};
pub use clock::Clock;
use clock::SystemClock;
pub use embeddings::EmbeddingEndpoint;
pub(crate) use remote::Remote;

/// Looks up an environment variable.
type Variable = dyn Fn(&str) -> Option<String> + Send + Sync;

/// What asking an endpoint takes that is not in its name.
pub struct Network {
    variable: Box<Variable>,
    clock: Arc<dyn Clock>,
}

impl Network {
    /// A network whose keys stand in the variables that this function looks up.
    pub fn new(variable: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Network {
        Network { variable: Box::new(variable), clock: Arc::new(SystemClock) }
    }

    /// A network without keys.
    pub fn without_keys() -> Network {
        Network::new(|_| None)
    }

    /// The same under another clock.
    #[must_use]
    pub fn timed_by(self, clock: Arc<dyn Clock>) -> Network {
        Network { clock, ..self }
    }
}
