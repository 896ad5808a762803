//! Prints the boundary suite as a probe file, one probe a line.
//!
//!     cargo run -p hydrometer-probes --example judgment -- FAMILIES SEED > judgment.jsonl

use std::io::{BufWriter, Error, ErrorKind, Write};

use hydrometer_probes::builtin::judgment::families;
use hydrometer_probes::{Suite, write_jsonl};

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let usage = || Error::new(ErrorKind::InvalidInput, "usage: judgment FAMILIES SEED");
    let [count, seed] = arguments.as_slice() else { return Err(usage()) };
    let (Ok(count), Ok(seed)) = (count.parse(), seed.parse()) else { return Err(usage()) };
    let mut out = BufWriter::new(std::io::stdout().lock());
    write_jsonl(&Suite { name: "judgment".to_owned(), probes: families(seed, count) }, &mut out)?;
    out.flush()
}
