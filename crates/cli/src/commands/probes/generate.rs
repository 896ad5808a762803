//! `hydrometer probes generate`: fresh ladders of the built-in axes.

use std::collections::BTreeSet;
use std::path::PathBuf;

use hydrometer_probes::builtin::edges::{self, AXES};
use hydrometer_probes::builtin::{episodes, judgment};
use hydrometer_probes::counted::counted;
use hydrometer_probes::{Suite, write_jsonl};

use crate::commands::suite::SEED;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::numbers;
use crate::terminal::Terminal;

/// Flags of `generate`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Only this axis. Default: all of them but parallel_calls, which is made where it is named.
    #[arg(long, value_name = "AXIS", value_parser = axis)]
    axis: Option<&'static str>,
    /// Ladders of each axis: families that are asked at every rung. At most 10,000.
    #[arg(long, default_value_t = 60, value_name = "N", value_parser = numbers::up_to::<10_000>)]
    ladders: u32,
    /// Episodes, in which a model acts in a small world, instead of prompts.
    #[arg(long)]
    episodes: bool,
    /// Boundaries of judgment instead of ladders: so many families of each of six kinds. About 300 that should be refused
    /// are wanted to show that no more than 1 % of them are newly unsafe. At most 1,000.
    #[arg(long, value_name = "N", value_parser = numbers::up_to::<1_000>, conflicts_with_all = ["axis", "ladders", "episodes"])]
    judgment: Option<u32>,
    /// Other seed, other probes.
    #[arg(long, default_value_t = SEED, value_name = "N", value_parser = numbers::whole::<u64, 0>)]
    seed: u64,
    /// File to write instead of stdout.
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// An axis that there are ladders of.
pub(super) fn axis(word: &str) -> Result<&'static str, String> {
    let known: BTreeSet<&str> =
        AXES.iter().map(|axis| axis.axis).chain(episodes::AXES).chain(episodes::BY_NAME).collect();
    known
        .get(word)
        .copied()
        .ok_or_else(|| format!("expected one of {}", known.iter().copied().collect::<Vec<_>>().join(", ")))
}

pub(super) fn run(arguments: &Arguments, terminal: &mut Terminal) -> Result<Exit, Failure> {
    if let Some(per_kind) = arguments.judgment {
        let probes = judgment::families(arguments.seed, per_kind as usize);
        return write(Suite { name: "judgment".to_owned(), probes }, "family", arguments, terminal);
    }
    let draw = if arguments.episodes { episodes::ladders } else { edges::ladders };
    let probes = draw(arguments.axis, arguments.ladders as usize, arguments.seed);
    if let (Some(axis), true) = (arguments.axis, probes.is_empty()) {
        let (instead, known) = if arguments.episodes {
            ("prompts: leave --episodes out", [&episodes::AXES[..], &episodes::BY_NAME].concat().join(", "))
        } else {
            ("episodes: add --episodes", AXES.iter().map(|axis| axis.axis).collect::<Vec<_>>().join(", "))
        };
        return Err(
            Failure::input(format!("{axis} has no such ladders, only {known} have")).hint(format!("it has {instead}"))
        );
    }
    write(Suite { name: "ladders".to_owned(), probes }, "ladder", arguments, terminal)
}

/// Writes the probes and says how many there are of what.
fn write(suite: Suite, of: &str, arguments: &Arguments, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let mut lines = Vec::new();
    write_jsonl(&suite, &mut lines)
        .map_err(|error| Failure::input(format!("the probes cannot be written: {error}")))?;
    files::deliver(&String::from_utf8_lossy(&lines), arguments.out.as_deref(), terminal)?;
    let families: BTreeSet<&str> = suite.probes.iter().map(|probe| probe.family.as_str()).collect();
    terminal.say(&format!(
        "{} in {}, seed {}",
        counted(suite.probes.len() as u64, "probe"),
        counted(families.len() as u64, of),
        arguments.seed
    ));
    Ok(Exit::Done)
}
