//! Prints documents of the built-in suite's kind, one JSON object `{"text": …}` a line: the training corpus of the
//! demo models.
//!
//!     cargo run --release -p hydrometer-probes --example corpus -- SEED DOCUMENTS centre|whole

use std::io::{BufWriter, Write};

use hydrometer_probes::builtin::{Domain, corpus};

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((seed, documents, domain)) = parse(&arguments) else {
        let usage = "usage: corpus SEED DOCUMENTS centre|whole";
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, usage));
    };
    let mut out = BufWriter::new(std::io::stdout().lock());
    for text in corpus(seed, documents, domain) {
        serde_json::to_writer(&mut out, &serde_json::json!({ "text": text }))?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

fn parse(arguments: &[String]) -> Option<(u64, u64, Domain)> {
    let [seed, documents, domain] = arguments else { return None };
    let domain = match domain.as_str() {
        "centre" => Domain::Centre,
        "whole" => Domain::Whole,
        _ => return None,
    };
    Some((seed.parse().ok()?, documents.parse().ok()?, domain))
}
