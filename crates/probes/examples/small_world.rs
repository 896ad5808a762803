//! Prints the small world as a suite, one probe a line: graded prompts that the demo models can answer.
//!
//!     cargo run --release -p hydrometer-probes --example small_world -- SEED LADDERS

use std::error::Error;
use std::io::{BufWriter, Write};

use hydrometer_probes::builtin::small_world;
use hydrometer_probes::{Suite, write_jsonl};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [seed, ladders] = &arguments[..] else { return Err("usage: small_world SEED LADDERS".into()) };
    let probes = small_world(ladders.parse()?, seed.parse()?);
    let mut out = BufWriter::new(std::io::stdout().lock());
    write_jsonl(&Suite { name: "small".to_owned(), probes }, &mut out)?;
    Ok(out.flush()?)
}
