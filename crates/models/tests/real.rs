//! Tests of models that want real models or data, and say loudly what is absent.

mod choose_real;
mod decoder_reference;
mod encoder;
mod tokenizer_reference;
mod tools_real;
