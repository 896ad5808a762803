//! Hugging Face folders.
use crate::{ChatTemplate, DecoderConfig, ModelError, RawTensor, TensorShape, Tokenizer};
use std::path::Path;
#[derive(Debug)]
pub(crate) struct Folder {}
impl Folder {
    pub(crate) fn open(path: &Path) -> Result<Self, ModelError> {
        Err(ModelError::unsupported(path, "format", "folder", "GGUF files"))
    }
    pub(crate) fn config(&self) -> Result<DecoderConfig, ModelError> {
        unreachable!()
    }
    pub(crate) fn names(&self) -> Vec<String> {
        unreachable!()
    }
    pub(crate) fn has(&self, _: &str) -> bool {
        unreachable!()
    }
    pub(crate) fn shape(&self, _: &str) -> Result<TensorShape, ModelError> {
        unreachable!()
    }
    pub(crate) fn tensor(&self, _: &str) -> Result<RawTensor, ModelError> {
        unreachable!()
    }
    pub(crate) fn hash(&self) -> Result<String, ModelError> {
        unreachable!()
    }
    pub(crate) fn tokenizer(&self) -> Result<Tokenizer, ModelError> {
        unreachable!()
    }
    pub(crate) fn template(&self) -> Result<Option<ChatTemplate>, ModelError> {
        unreachable!()
    }
}
