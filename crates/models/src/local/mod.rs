//! Models that run here: the decoder, and what every model with logits of its own can do with them.

pub(crate) mod choose;
pub(crate) mod decoder;
mod prefixes;
pub(crate) mod sample;
pub(crate) mod session;
