//! A sentence encoder as an embedder.

use hydrometer_answers::EmbedderIdentity;
use hydrometer_models::{ModelError, SentenceEncoder};

use super::Embedder;

/// The embedder.
pub(super) struct Sentences(pub SentenceEncoder);

impl Embedder for Sentences {
    fn identity(&self) -> EmbedderIdentity {
        let encoder = self.0.identity();
        EmbedderIdentity { name: encoder.name.clone(), version: encoder.key() }
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
        self.0.encode(texts)
    }
}
