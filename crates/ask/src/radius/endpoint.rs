//! A sentence encoder behind an endpoint as an embedder.

use hydrometer_answers::EmbedderIdentity;
use hydrometer_models::{EmbeddingEndpoint, ModelError};

use super::Embedder;

/// The embedder.
pub(super) struct Served(pub EmbeddingEndpoint);

impl Embedder for Served {
    fn identity(&self) -> EmbedderIdentity {
        EmbedderIdentity { name: self.0.name().to_owned(), version: self.0.version() }
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
        self.0.encode(texts)
    }
}
