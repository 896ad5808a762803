//! `hydrometer probes shift`: ladders of the user's own prompts, each put in other words more and more strongly.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hydrometer_probes::builtin::edges::{NoLadder, shift_ladder, show_pairs};
use hydrometer_probes::counted::counted;
use hydrometer_probes::{Ask, Probe, Suite, write_jsonl};
use hydrometer_report::{printable_json, visible};

use crate::commands::suite::{SEED, joined, loaded};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::numbers;
use crate::terminal::Terminal;

/// Flags of `shift`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Files with the prompts: probes, tables of a known shape, lines with `prompt` or `messages`.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Other seed, other changes.
    #[arg(long, default_value_t = SEED, value_name = "N", value_parser = numbers::whole::<u64, 0>)]
    seed: u64,
    /// Print N changed prompts at random beside what they were, for a person to read; the suite goes to --out alone.
    #[arg(long, value_name = "N", value_parser = numbers::whole::<u32, 1>)]
    show: Option<u32>,
    /// File to write instead of stdout.
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, terminal: &mut Terminal) -> Result<Exit, Failure> {
    files::not_over(arguments.out.as_deref(), &arguments.files)?;
    let originals = joined(loaded(&arguments.files)?)?;
    let mut probes = Vec::new();
    let mut left_out: BTreeMap<NoLadder, Vec<&str>> = BTreeMap::new();
    for original in &originals.probes {
        match shift_ladder(original, arguments.seed) {
            Ok(ladder) => probes.extend(ladder),
            Err(why) => left_out.entry(why).or_default().push(&original.id),
        }
    }
    for (why, ids) in &left_out {
        terminal.warn(&format!("left out: {}, first {}: {why}", counted(ids.len() as u64, "probe"), visible(ids[0])));
    }
    if probes.is_empty() {
        return Err(Failure::input(format!("{} holds no prompt that can be put in other words", originals.name))
            .hint("texts and choices have no ladders; `probes import FILE --prompt COLUMN` makes prompts of a table"));
    }
    let suite = Suite { name: originals.name.clone(), probes };
    suite.validate()?;
    if let Some(n) = arguments.show {
        for pair in show_pairs(&originals.probes, &suite.probes, arguments.seed, n as usize) {
            terminal.line(&pair.to_string())?;
        }
        terminal.say("read them: is what was right before right after, or else what the checker now wants?");
    }
    if arguments.show.is_none() || arguments.out.is_some() {
        let mut lines = Vec::new();
        write_jsonl(&suite, &mut lines)
            .map_err(|error| Failure::input(format!("the probes cannot be written: {error}")))?;
        files::deliver(&printable_json(&String::from_utf8_lossy(&lines)), arguments.out.as_deref(), terminal)?;
    }
    let ladders = originals.probes.len() - left_out.values().map(Vec::len).sum::<usize>();
    let [all, ladders] = [(suite.probes.len(), "probe"), (ladders, "ladder")].map(|(n, one)| counted(n as u64, one));
    terminal.say(&format!("{all} in {ladders}, seed {}", arguments.seed));
    let unjudged = suite.probes.iter().filter(|probe| !is_judged(probe)).count();
    if unjudged > 0 {
        terminal.say(&format!(
            "{} without a right answer: they count in how answers agree, and in no curve",
            counted(unjudged as u64, "probe")
        ));
    }
    Ok(Exit::Done)
}

fn is_judged(probe: &Probe) -> bool {
    matches!(&probe.ask, Ask::Prompt(prompt) if prompt.check.is_some())
}
