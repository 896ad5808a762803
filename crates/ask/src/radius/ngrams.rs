//! Hashed n-grams: an embedder that needs no file and is the same everywhere.

use hydrometer_answers::EmbedderIdentity;
use hydrometer_metrics::embedding::{NGRAM_VERSION, ngram_vector};
use hydrometer_models::ModelError;

use super::Embedder;

/// The embedder.
pub(super) struct Ngrams;

impl Embedder for Ngrams {
    fn identity(&self) -> EmbedderIdentity {
        EmbedderIdentity { name: "hashed n-grams".to_owned(), version: NGRAM_VERSION.to_owned() }
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
        Ok(texts.iter().map(|text| ngram_vector(text)).collect())
    }
}
