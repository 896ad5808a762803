//! `hydrometer distributions`: a teacher's distributions over texts, kept once and audited from for every student.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Args, Subcommand};
use hydrometer_answers::cache::{SequenceKey, TeacherCache};
use hydrometer_answers::sparse::{self, Codec, SparseError};
use hydrometer_answers::{Problem, RunError};
use hydrometer_ask::{Stretch, Windowing, fill_cache, fill_cache_with};
use hydrometer_distill::data::{Encoder, preflight, read};
use hydrometer_distill::train::Sample;
use hydrometer_metrics::sparse::Truncation;
use hydrometer_models::Model;
use hydrometer_probes::counted::{counted, grouped};
use hydrometer_report::visible;
use serde_json::json;

use super::as_json;
use super::suite::{BLOCK, SEED, Texts};
use crate::engine::{EngineArguments, open_model};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::interrupt::listen;
use crate::numbers;
use crate::progress::{Progress, Speeds};
use crate::terminal::Terminal;

/// Most tokens of a position that `show` lists.
const SHOWN: usize = 5;

/// What to do with distributions.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Let a teacher score texts or training data and keep its distributions, for `audit --teacher-cache` and `distill`. Goes on
    /// where it stopped.
    Collect(Box<Collect>),
    /// Say whose distributions a cache holds, and how many are whole; exit code 2 when a block is damaged.
    #[command(visible_alias = "list")]
    Ls(Ls),
    /// Show the distributions of one sequence: token ids and probabilities.
    Show(Show),
    /// Read everything and name every damaged block; exit code 2 when there is one.
    Verify(Plain),
}

/// Flags of `collect`.
#[derive(Debug, Args)]
pub struct Collect {
    /// The model that was copied: a .gguf file, a Hugging Face folder, scripted:FILE, planted:DEFECT(MODEL).
    #[arg(long, value_name = "MODEL")]
    teacher: String,
    /// Folder of the cache; made where it is not there.
    #[arg(long, value_name = "DIR")]
    cache: PathBuf,
    #[command(flatten)]
    texts: Texts,
    /// Training data in place of texts: the positions that a student of `distill` learns from. The shapes of docs/distil.md; `--ctx`
    /// is the recipe's `data.context`. May be repeated.
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "What is asked",
        conflicts_with_all = ["probes", "text", "profile", "chunks"]
    )]
    data: Vec<PathBuf>,
    /// Tokens computed together: memory against speed. An interruption loses at most one block.
    #[arg(long, default_value_t = BLOCK, value_name = "TOKENS", help_heading = "What is asked", value_parser = numbers::whole::<u32, 1>)]
    block_tokens: u32,
    /// Seed of the built-in suite.
    #[arg(long, default_value_t = SEED, value_name = "N", help_heading = "What is asked", value_parser = numbers::whole::<u64, 0>)]
    seed: u64,
    #[command(flatten)]
    kept: Kept,
    #[command(flatten)]
    engine: EngineArguments,
    /// Print what was done as JSON.
    #[arg(long)]
    json: bool,
}

/// How much of each distribution is kept.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "What is kept of each position")]
struct Kept {
    /// Keep the most probable tokens that have this mass together, …
    #[arg(long, default_value_t = 0.98, value_name = "MASS", value_parser = numbers::number)]
    mass: f64,
    /// … but at least so many (with fewer than ten there is no Kendall's tau) …
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = numbers::whole::<u32, 0>)]
    k_min: u32,
    /// … and at most so many.
    #[arg(long, default_value_t = 128, value_name = "N", value_parser = numbers::whole::<u32, 0>)]
    k_max: u32,
    /// Tokens drawn from the others, in proportion to their probability.
    #[arg(long, default_value_t = 16, value_name = "N", value_parser = numbers::whole::<u32, 0>)]
    draws: u32,
}

impl Kept {
    /// As settings; a value out of range is that of a flag.
    fn resolve(self) -> Result<Truncation, Failure> {
        let Self { mass, k_min, k_max, draws } = self;
        let truncation = Truncation { mass, k_min, k_max, draws };
        sparse::check(&truncation).map_err(|error| match error {
            SparseError::Setting { setting: "k_min", .. } => {
                Failure::input(format!("--k-min is {k_min}, expected at most --k-max, which is {k_max}"))
            }
            SparseError::Setting { setting, found, expected } => {
                Failure::input(format!("--{} is {found}, expected {expected}", setting.replace('_', "-")))
            }
            other => Failure::input(other),
        })?;
        Ok(truncation)
    }
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
        Command::Collect(arguments) => collect(&arguments, terminal),
        Command::Ls(arguments) => ls(&arguments, terminal),
        Command::Show(arguments) => show(&arguments, terminal),
        Command::Verify(arguments) => verify(&arguments, terminal),
    }
}

fn collect(arguments: &Collect, terminal: &mut Terminal) -> Result<Exit, Failure> {
    files::outside_runs(&arguments.cache)?;
    let truncation = arguments.kept.resolve()?;
    let suite = match arguments.data.is_empty() {
        true => Some(arguments.texts.suite(arguments.seed, terminal)?),
        false => None,
    };
    let interrupt = listen()?;
    let teacher = open_model("teacher", &arguments.teacher, &arguments.engine.options(), terminal)?;
    let stretches = match suite {
        Some(_) => Vec::new(),
        None => training_data(&arguments.data, arguments.texts.ctx as usize, &*teacher, terminal)?,
    };
    let codec = Codec { vocab: teacher.identity().logit_width(), truncation };
    let mut cache = TeacherCache::create_or_open(&arguments.cache, teacher.identity(), codec)?;
    let cut =
        Windowing { n_ctx: arguments.texts.ctx, max_windows: arguments.texts.chunks, order: arguments.texts.order() };
    let block_tokens = arguments.block_tokens.max(cut.n_ctx);
    let mut progress = Progress::new(terminal, &interrupt, Speeds { teacher: None, student: None });
    let started = Instant::now();
    let kept = match &suite {
        Some(suite) => fill_cache(&*teacher, suite, cut, block_tokens, &mut cache, &mut progress),
        None => fill_cache_with(&*teacher, &stretches, block_tokens, &mut cache, &mut progress),
    };
    let seconds = started.elapsed().as_secs_f64();
    progress.end();
    let kept = kept?;
    terminal.say(&format!(
        "{}: {} held, {} scored; {} kept in {} in {seconds:.1} s",
        counted(kept.windows, if suite.is_some() { "window" } else { "sample" }),
        grouped(kept.held),
        grouped(kept.scored),
        counted(kept.positions, "position"),
        counted(kept.bytes, "byte")
    ));
    if arguments.json {
        terminal.data(&as_json(&json!({
            "teacher": teacher.identity().name,
            "cache": arguments.cache,
            "windows": kept.windows,
            "held": kept.held,
            "scored": kept.scored,
            "tokens": kept.tokens,
            "positions": kept.positions,
            "bytes": kept.bytes,
            "seconds": seconds,
        }))?)?;
    }
    Ok(Exit::Done)
}

/// The samples that a student of `distill` learns from, with the positions whose next token is learnt.
pub(super) fn training_data(
    files: &[PathBuf],
    context: usize,
    teacher: &dyn Model,
    terminal: &Terminal,
) -> Result<Vec<Stretch>, Failure> {
    let without = |what: &str| Failure::input(format!("teacher: it has no {what}, so training data cannot be read"));
    let tokenizer = teacher.tokens().ok_or_else(|| without("tokenizer"))?;
    let end = Encoder::end_of(tokenizer).ok_or_else(|| without("end-of-text token"))?;
    if let Some(most) = teacher.identity().context_length.filter(|&most| context > most as usize) {
        return Err(Failure::input(format!("--ctx is {context}, the teacher's context holds {most} tokens")));
    }
    let (mut documents, mut left_out) = (Vec::new(), Vec::new());
    for file in files {
        let (some, wrong) = read(file, None).map_err(super::distill::before)?;
        documents.extend(some);
        left_out.extend(wrong);
    }
    let encoder = Encoder { tokenizer, template: teacher.renders(), end, context };
    // Held-out documents are measured against the teacher, too.
    let data = preflight(&encoder, &documents, &left_out, 0.0);
    super::distill::warn_of(&data, terminal);
    if let Some(refusal) = data.refusal() {
        return Err(Failure::input(format!("--data: {}", refusal.what)));
    }
    let stretch = |sample: Sample| Stretch {
        positions: sample.positions(),
        name: sample.family,
        index: 0,
        tokens: sample.tokens,
    };
    Ok(data.train.into_iter().map(stretch).collect())
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
    Ok(format!(
        "teacher    {}\nkept       mass {mass}, {k_min} to {}, {}, of a vocabulary of {}\n\
         sequences  {} in {}\npositions  {}\nbytes      {} ({each:.1} per position)\n",
        visible(&cache.teacher().name),
        counted(k_max.into(), "token"),
        counted(draws.into(), "draw"),
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
