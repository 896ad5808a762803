//! Prints ladders of the built-in axes as a probe file, one probe a line.
//!
//!     cargo run -p hydrometer-probes --example ladders -- AXIS|all FAMILIES SEED > ladders.jsonl

use std::io::{BufWriter, Error, ErrorKind, Write};

use hydrometer_probes::builtin::edges::ladders;
use hydrometer_probes::{Suite, write_jsonl};

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let usage = || Error::new(ErrorKind::InvalidInput, "usage: ladders AXIS|all FAMILIES SEED");
    let [axis, families, seed] = arguments.as_slice() else { return Err(usage()) };
    let (Ok(families), Ok(seed)) = (families.parse(), seed.parse()) else { return Err(usage()) };
    let probes = ladders((axis != "all").then_some(axis), families, seed);
    let mut out = BufWriter::new(std::io::stdout().lock());
    write_jsonl(&Suite { name: "ladders".to_owned(), probes }, &mut out)?;
    out.flush()
}
