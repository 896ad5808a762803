//! `hydrometer distributions`: a teacher's distributions over texts, kept once and audited from for every student.

mod collect;
pub(super) mod served;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use hydrometer_answers::cache::{SequenceKey, TeacherCache};
use hydrometer_answers::sparse::Sums;
use hydrometer_answers::{Problem, RunError};
use hydrometer_metrics::sparse::Truncation;
use hydrometer_probes::counted::{counted, grouped};
use hydrometer_report::visible;
use serde_json::json;

pub(super) use collect::training_data;

use super::as_json;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Most tokens of a position that `show` lists.
const SHOWN: usize = 5;

/// What to do with distributions.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Let a teacher score texts or training data and keep its distributions, for `audit --teacher-cache` and `distill`. Goes on
    /// where it stopped.
    Collect(Box<collect::Collect>),
    /// Say whose distributions a cache holds, and how many are whole; exit code 2 when a block is damaged.
    #[command(visible_alias = "list")]
    Ls(Ls),
    /// Show the distributions of one sequence: token ids and probabilities.
    Show(Show),
    /// Read everything and name every damaged block; exit code 2 when there is one.
    Verify(Plain),
}

/// Flags of `ls`.
#[derive(Debug, Args)]
pub struct Ls {
    #[command(flatten)]
    plain: Plain,
    /// List the key of every sequence.
    #[arg(long, conflicts_with = "json")]
    each: bool,
}

/// Flags of `show`.
#[derive(Debug, Args)]
pub struct Show {
    /// Key of the sequence, or enough of its beginning; `distributions ls --each` prints it.
    #[arg(value_name = "KEY")]
    key: String,
    #[command(flatten)]
    plain: Plain,
}

/// Flags of `verify`.
#[derive(Debug, Args)]
pub struct Plain {
    /// Folder of the cache.
    #[arg(long, value_name = "DIR")]
    cache: PathBuf,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

impl Plain {
    /// For looking: damaged blocks are named and left out.
    fn look(&self, terminal: &Terminal) -> Result<TeacherCache, Failure> {
        let cache = TeacherCache::open_despite_damage(&self.cache)?;
        for Problem { file, what } in cache.problems() {
            terminal.warn(&format!("{file} is left out: {what}"));
        }
        Ok(cache)
    }
}

/// Runs one of them.
pub fn run(command: Command, terminal: &mut Terminal) -> Result<Exit, Failure> {
    match command {
        Command::Collect(arguments) => collect::run(&arguments, terminal),
        Command::Ls(arguments) => ls(&arguments, terminal),
        Command::Show(arguments) => show(&arguments, terminal),
        Command::Verify(arguments) => verify(&arguments, terminal),
    }
}

fn ls(arguments: &Ls, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let mut cache = TeacherCache::open_what_is_whole(&arguments.plain.cache)?;
    let listed = if arguments.each {
        cache.keys().map(|key| format!("{}\n", digits(key))).collect()
    } else if arguments.plain.json {
        let size = cache.size()?;
        as_json(&json!({ "teacher": cache.teacher(), "codec": cache.codec(), "size": size }))?
    } else {
        summary(&mut cache)?
    };
    terminal.data(&listed)?;
    let problems = cache.problems().to_vec();
    if problems.is_empty() { Ok(Exit::Done) } else { Err(damaged(&arguments.plain.cache, problems)) }
}

fn damaged(cache: &Path, problems: Vec<Problem>) -> Failure {
    RunError::StoreDamaged { path: cache.to_owned(), problems }.into()
}

/// Whose distributions they are, how they are kept, and how many.
fn summary(cache: &mut TeacherCache) -> Result<String, Failure> {
    let size = cache.size()?;
    let Truncation { mass, k_min, k_max, draws } = cache.codec().truncation;
    let each = size.bytes as f64 / size.positions.max(1) as f64;
    let kept = match cache.codec().sums {
        Sums::Vocabulary => {
            format!("mass {mass}, {k_min} to {}, {}", counted(k_max.into(), "token"), counted(draws.into(), "draw"),)
        }
        Sums::Listed => {
            format!("{} as its server lists them, and the mass of all others", counted(k_max.into(), "token"))
        }
    };
    Ok(format!(
        "teacher    {}\nkept       {kept}, of a vocabulary of {}\n\
         sequences  {} in {}\npositions  {}\nbytes      {} ({each:.1} per position)\n",
        visible(&cache.teacher().name),
        grouped(u64::from(cache.codec().vocab)),
        grouped(size.sequences),
        counted(size.blocks, "block"),
        grouped(size.positions),
        grouped(size.bytes),
    ))
}

fn show(arguments: &Show, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let mut cache = arguments.plain.look(terminal)?;
    let beginning = arguments.key.strip_prefix("blake3:").unwrap_or(&arguments.key);
    let mut fitting = cache.keys().filter(|key| digits(key).starts_with(beginning)).copied();
    let (Some(key), None) = (fitting.next(), fitting.next()) else {
        return Err(Failure::input(format!("no sequence, or more than one, has a key that begins with `{beginning}`"))
            .hint("`hydrometer distributions ls --each` prints every key"));
    };
    drop(fitting);
    let codec = *cache.codec();
    let Some(sequence) = cache.get(&key, &(0..0))? else {
        return Err(Failure::input(format!("{key} is gone: its block was taken away")));
    };
    let mut positions = Vec::new();
    let mut text = format!("key        {key}\ntokens     {}\n\n", sequence.tokens.len());
    text += "position  next token  entropy  kept  tail mass  most probable\n";
    for (position, record) in (sequence.first..).zip(sequence.records()) {
        let kept = codec.decode(record).map_err(Failure::input)?;
        let next = sequence.tokens.get(position as usize + 1);
        let probable: Vec<_> = kept.head.iter().zip(&kept.head_logprobs).map(|(t, p)| (*t, p.exp())).collect();
        let shown: Vec<_> = probable.iter().take(SHOWN).map(|(token, p)| format!("{token} {p:.4}")).collect();
        text += &format!(
            "{position:>8}  {:>10}  {:>7.3}  {:>4}  {:>9.4}  {}\n",
            next.map_or_else(String::new, u32::to_string),
            kept.entropy[0],
            kept.head.len(),
            kept.tail_mass[0],
            shown.join("  ")
        );
        positions.push(json!({
            "position": position,
            "next": next,
            "entropy": kept.entropy[0],
            "tail_mass": kept.tail_mass[0],
            "head": probable,
            "draws": kept.draws.iter().zip(&kept.draw_logprobs).map(|(t, p)| (*t, p.exp())).collect::<Vec<_>>(),
        }));
    }
    if arguments.plain.json {
        text = as_json(&json!({ "key": key.to_string(), "tokens": sequence.tokens, "positions": positions }))?;
    }
    terminal.data(&text)?;
    Ok(Exit::Done)
}

fn verify(arguments: &Plain, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let cache = TeacherCache::open_despite_damage(&arguments.cache)?;
    let problems = cache.verify()?;
    let sequences = cache.keys().len();
    if arguments.json {
        let problems: Vec<_> =
            problems.iter().map(|problem| json!({ "file": problem.file, "what": problem.what })).collect();
        terminal.data(&as_json(&json!({ "sequences": sequences, "problems": problems }))?)?;
    }
    if !problems.is_empty() {
        return Err(damaged(&arguments.cache, problems));
    }
    terminal.say(&format!("{}, all whole", counted(sequences as u64, "sequence")));
    Ok(Exit::Done)
}

fn digits(key: &SequenceKey) -> String {
    key.to_string().trim_start_matches("blake3:").to_owned()
}
