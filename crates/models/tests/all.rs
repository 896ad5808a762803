//! Tests of models. One program: linking one for each file took longer than the tests.

mod batched_letters;
mod batches;
mod budgets;
mod check;
mod choose;
mod embeddings;
mod endpoints;
mod endpoints_known;
mod endpoints_named;
mod endpoints_tools;
mod fetch_models;
mod formats;
mod gemini;
mod gemini_lists;
mod gguf_conversion;
mod hostile_folder;
mod hostile_gguf;
mod hostile_random;
mod hostile_template;
mod hostile_text;
mod hub;
mod listings;
mod open;
mod planted;
mod positions;
mod quantize;
mod recorded;
mod remembering;
mod sample;
mod scripted;
#[path = "batches/served.rs"]
mod served;
#[path = "formats_tiny/mod.rs"]
mod tiny;
mod tokenizer_cases;
