//! Writes a tiny finished run of made-up numbers: the samples of the format that a test opens for ever.
//!
//! `cargo run -p hydrometer-answers --example sample_run -- FOLDER [positions|samples|judged|sparse|bounded|answered|vectors]`
#![allow(clippy::unwrap_used, reason = "an example of a few lines")]

#[path = "../tests/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with the tests")]
mod support;

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let folder =
        arguments.next().expect("usage: sample_run FOLDER [positions|samples|judged|sparse|bounded|answered|vectors]");
    let kind = arguments.next().map(|kind| kind.to_string_lossy().into_owned());
    let write = match kind.as_deref() {
        None | Some("positions") => support::finished,
        Some("samples") => support::finished_samples,
        Some("judged") => support::finished_judged,
        Some("sparse") => support::finished_sparse,
        Some("bounded") => support::finished_bounded,
        Some("answered") => support::finished_answered,
        Some("vectors") => support::finished_vectors,
        Some(other) => panic!("{other}: expected positions, samples, judged, sparse, bounded, answered or vectors"),
    };
    write(folder.as_ref());
}
