//! Writes a tiny teacher cache of made-up numbers: the samples of the formats that a test opens for ever.
//!
//! `cargo run -p hydrometer-answers --example sample_cache -- FOLDER [logits|lists]`
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "an example of a few lines")]

#[path = "../tests/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with the tests")]
mod support;

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let folder = arguments.next().expect("usage: sample_cache FOLDER [logits|lists]");
    let kind = arguments.next().map(|kind| kind.to_string_lossy().into_owned());
    match kind.as_deref() {
        None | Some("logits") => support::cache_of_logits(folder.as_ref()),
        Some("lists") => support::cache_of_lists(folder.as_ref()),
        Some(other) => panic!("{other}: expected logits or lists"),
    }
}
