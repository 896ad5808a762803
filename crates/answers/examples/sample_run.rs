//! Writes a tiny finished run of made-up numbers: the sample of the format that a test opens for ever.
//!
//! `cargo run -p hydrometer-answers --example sample_run -- FOLDER`
#![allow(clippy::unwrap_used, reason = "an example of a few lines")]

#[path = "../tests/support/mod.rs"]
mod support;

fn main() {
    let folder = std::env::args_os().nth(1).expect("usage: sample_run FOLDER");
    support::finished(folder.as_ref());
}
