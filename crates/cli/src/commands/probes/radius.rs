//! `hydrometer probes radius`: how far probes lie from a distillation set, before any model is asked.

use std::path::PathBuf;

use hydrometer_ask::radius::{Radii, words};
use hydrometer_metrics::stats::quantile::percentiles;
use hydrometer_probes::Suite;
use hydrometer_probes::counted::{counted, grouped};
use hydrometer_report::visible;
use serde::Serialize;
use serde_json::json;

use super::super::as_json;
use super::super::spending::{SpendingArguments, sentence};
use super::super::suite::loaded;
use super::super::trained_on::RadiusArguments;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Flags of `radius`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Files that hold what is placed: probes, tables of a known shape, texts.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The prompts that the student was distilled on (.jsonl, .csv, .parquet with `messages`, or a `prompt`, `instruction`,
    /// `question` or `text`). May be repeated.
    #[arg(long, value_name = "FILE", required = true)]
    trained_on: Vec<PathBuf>,
    #[command(flatten)]
    radius: RadiusArguments,
    #[command(flatten)]
    spending: SpendingArguments,
    /// Print the table as JSON, with the embedder and the set.
    #[arg(long)]
    json: bool,
}

/// Where the probes of a file lie.
#[derive(Serialize)]
struct Source {
    source: String,
    probes: u64,
    low: f64,
    median: f64,
    high: f64,
}

/// Prints the table.
pub(super) fn run(arguments: &Arguments, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let suites = loaded(&arguments.files)?;
    let spending = arguments.spending.open()?;
    let Some(set) = arguments.radius.open(&arguments.trained_on, &[], Some(&spending), terminal)? else {
        return Err(Failure::input("expected --trained-on FILE"));
    };
    let words: Vec<Vec<String>> = suites.iter().map(|suite| suite.probes.iter().map(words).collect()).collect();
    let radii = set.distances.measure(words.iter().flatten().map(String::as_str));
    if let Some(paid) = spending.take() {
        terminal.say(&sentence(&paid));
    }
    let radii = radii?;
    let sources = suites.iter().zip(&words).map(|(suite, words)| source(suite, words, &radii));
    let sources = sources.collect::<Result<Vec<_>, _>>()?;
    let set = radii.trained_on();
    if arguments.json {
        terminal.data(&as_json(&json!({ "trained_on": set, "sources": sources }))?)?;
        return Ok(Exit::Done);
    }
    let named = |source: &Source| visible(&source.source);
    let width = sources.iter().map(|source| named(source).chars().count()).max().unwrap_or(0).max("source".len());
    let mut lines = format!("{:width$}  {:>7}  {:>7}  {:>7}  {:>7}\n", "source", "probes", "median", "5 %", "95 %");
    for source in &sources {
        let Source { probes, low, median, high, .. } = source;
        lines.push_str(&format!("{:width$}  {probes:>7}  {median:>7.3}  {low:>7.3}  {high:>7.3}\n", named(source)));
    }
    terminal.data(&lines)?;
    terminal.say(&format!(
        "radius 1 is {:.3}, within which 95 % of {} of the {} of {} lie, each held out by itself; embedding: {}",
        set.unit,
        grouped(set.held_out),
        counted(set.rows, "prompt"),
        visible(&set.files.join(" + ")),
        visible(&set.embedder.name)
    ));
    Ok(Exit::Done)
}

fn source(suite: &Suite, words: &[String], radii: &Radii) -> Result<Source, Failure> {
    let mut radii: Vec<f64> = words.iter().filter_map(|words| radii.of(words)).collect();
    let found = percentiles(&mut radii, &[5.0, 50.0, 95.0]).unwrap_or_default();
    let [low, median, high] = found.as_slice() else {
        return Err(Failure::input(format!("{} has no probe to place", suite.name)));
    };
    let [low, median, high] = [low, median, high].map(|percentile| percentile.value);
    Ok(Source { source: suite.name.clone(), probes: suite.probes.len() as u64, low, median, high })
}
