//! What was answered, on disk: the run folder. Knows nothing about who answered or what it means.

mod identity;

pub use identity::{EngineIdentity, ModelIdentity};
