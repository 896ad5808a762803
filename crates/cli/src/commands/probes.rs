//! `hydrometer probes`: what models are asked, without asking any.

mod export;
mod generate;
mod radius;
mod shift;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use hydrometer_probes::counted::{counted, grouped, noun};
use hydrometer_probes::import::{self, Bfcl, Columns, RefusedRow};
use hydrometer_probes::kind::Description;
use hydrometer_probes::{Probe, Profile, Suite, lint, probe_schema, write_jsonl};
use hydrometer_report::{printable_json, visible};
use serde::Serialize;

use super::suite::{SEED, profile_parser};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::numbers;
use crate::terminal::Terminal;

/// What to do with probes.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List what a file, or the built-in suite, asks: kinds, axes, families, probes.
    #[command(visible_alias = "list")]
    Ls(Ls),
    /// Show one probe as a model sees it, choices in every option order.
    Show(ShowArguments),
    /// Turn other data into a probe file (JSONL) on stdout or in a file.
    Import(Box<ImportArguments>),
    /// Write fresh ladders of the built-in axes: the same thing asked harder and harder.
    Generate(generate::Arguments),
    /// Write prompts of the kind that a student lost in an audit, to train it on: fresh ones, none that it was asked.
    Export(export::Arguments),
    /// Put your own prompts in other words, more and more strongly, the right answers being what they were: ladders of text shift.
    Shift(shift::Arguments),
    /// Say how far probes lie from the prompts that a student was distilled on.
    Radius(radius::Arguments),
    /// Check a probe file: errors, and habits that weaken an audit.
    Lint(LintArguments),
    /// Print the JSON Schema of one line of a probe file.
    Schema,
}

/// Which suite.
#[derive(Clone, Debug, Args)]
pub struct SuiteArguments {
    /// A probe file (.jsonl), a table of a known shape (.csv, .jsonl) or texts (.txt, .md, a folder).
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The built-in suite of this size, when no file is given.
    #[arg(long, value_parser = profile_parser(), default_value = "quick", conflicts_with = "file")]
    profile: Profile,
    /// Seed of the built-in suite.
    #[arg(long, default_value_t = SEED, conflicts_with = "file", value_parser = numbers::whole::<u64, 0>)]
    seed: u64,
}

/// Flags of `ls`.
#[derive(Debug, Args)]
pub struct Ls {
    #[command(flatten)]
    suite: SuiteArguments,
    /// List every probe with its id.
    #[arg(long)]
    each: bool,
    /// Print the list as JSON.
    #[arg(long, conflicts_with = "each")]
    json: bool,
}

/// What a suite asks of one kind on one axis.
#[derive(Debug, Default, Serialize)]
struct Asked {
    families: u64,
    probes: u64,
}

/// Flags of `show`.
#[derive(Debug, Args)]
pub struct ShowArguments {
    /// Identifier of the probe, as `probes ls --each` prints it.
    id: String,
    #[command(flatten)]
    suite: SuiteArguments,
}

/// Flags of `lint`.
#[derive(Debug, Args)]
pub struct LintArguments {
    /// The probe file.
    file: PathBuf,
    /// Exit with code 1 when there is a warning.
    #[arg(long)]
    strict: bool,
}

/// Shapes of data that can be imported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Shape {
    /// By file type, columns and content.
    #[default]
    Auto,
    /// Plain text, or a folder of texts.
    Text,
    /// JSON objects line by line, columns named by flags.
    Jsonl,
    /// CSV with a header, columns named by flags.
    Csv,
    /// GSM8K: `question` and `answer`.
    Gsm8k,
    /// GSM8K as prompts: answered freely, right when the last number is.
    Gsm8kPrompt,
    /// XSTest: prompts with comply or refuse as options.
    Xstest,
    /// IFEval: prompts with verifiable instructions.
    Ifeval,
    /// MT-bench or Vicuna questions: the first turn of each.
    MtBench,
    /// Self-instruct tasks: `instruction` and `instances`.
    SelfInstruct,
    /// Berkeley Function Calling Leaderboard: episodes whose calls are judged by its possible answers.
    Bfcl,
    /// Chats: `messages` of `role` and `content`; the user's last one is asked.
    Chat,
}

/// Flags of `import`.
#[derive(Debug, Args)]
pub struct ImportArguments {
    /// The data.
    file: PathBuf,
    /// Shape of the data.
    #[arg(long, value_enum, default_value_t)]
    shape: Shape,
    /// Possible answers of the Berkeley Function Calling Leaderboard; without it `answer_FILE` beside the data, or
    /// `possible_answer/FILE`.
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// Column with a text to score.
    #[arg(long, value_name = "COLUMN")]
    text: Option<String>,
    /// Column with the message that is answered freely, or with --options the question of a choice; beside --text, the
    /// unscored context in front.
    #[arg(long, value_name = "COLUMN")]
    prompt: Option<String>,
    /// Column with the system message in front of the prompt.
    #[arg(long, value_name = "COLUMN", requires = "prompt")]
    system: Option<String>,
    /// Column with the options: a JSON array, or separated by `|`.
    #[arg(long, value_name = "COLUMN", requires = "prompt")]
    options: Option<String>,
    /// Column with the true option: index from 0, letter, or words; without --options with the right answer to the prompt, a
    /// number or a text.
    #[arg(long, value_name = "COLUMN", requires = "prompt")]
    truth: Option<String>,
    /// Column with the family; rows that share one are not independent.
    #[arg(long, value_name = "COLUMN")]
    family: Option<String>,
    /// Column with the identifier.
    #[arg(long, value_name = "COLUMN")]
    id: Option<String>,
    /// Column with the axis.
    #[arg(long, value_name = "COLUMN")]
    axis: Option<String>,
    /// Column with tags: a JSON array, or separated by `|`.
    #[arg(long, value_name = "COLUMN")]
    tags: Option<String>,
    /// Write to this file instead of stdout.
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs one of them.
pub fn run(command: Command, terminal: &mut Terminal) -> Result<Exit, Failure> {
    match command {
        Command::Ls(arguments) => ls(&arguments, terminal),
        Command::Show(arguments) => show(&arguments, terminal),
        Command::Import(arguments) => convert(*arguments, terminal),
        Command::Generate(arguments) => generate::run(&arguments, terminal),
        Command::Export(arguments) => export::run(&arguments, terminal),
        Command::Shift(arguments) => shift::run(&arguments, terminal),
        Command::Radius(arguments) => radius::run(&arguments, terminal),
        Command::Lint(arguments) => check(&arguments, terminal),
        Command::Schema => {
            terminal.data(&super::as_json(&probe_schema())?)?;
            Ok(Exit::Done)
        }
    }
}

fn suite(arguments: &SuiteArguments) -> Result<Suite, Failure> {
    match &arguments.file {
        Some(file) => Ok(Suite::load(file)?),
        None => Ok(Suite::builtin(arguments.profile, arguments.seed)),
    }
}

fn ls(arguments: &Ls, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let suite = suite(&arguments.suite)?;
    terminal.data(&match (arguments.each, arguments.json) {
        (true, _) => each(&suite),
        (false, true) => super::as_json(&groups(&suite))?,
        (false, false) => table(&groups(&suite)),
    })?;
    let families: BTreeSet<_> = suite.probes.iter().map(|probe| &probe.family).collect();
    terminal.say(&format!(
        "{}: {} in {}, about {} for each model",
        suite.name,
        counted(suite.probes.len() as u64, "probe"),
        counted(families.len() as u64, "family"),
        counted(suite.estimated_tokens(), "token"),
    ));
    Ok(Exit::Done)
}

/// By kind and axis.
fn groups(suite: &Suite) -> BTreeMap<&str, BTreeMap<&str, Asked>> {
    let mut groups: BTreeMap<&str, BTreeMap<&str, Asked>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for probe in &suite.probes {
        let kind = probe.ask.kind().name();
        let group = groups.entry(kind).or_default().entry(&probe.axis).or_default();
        group.probes += 1;
        group.families += u64::from(seen.insert((kind, &probe.axis, &probe.family)));
    }
    groups
}

/// One line per kind and axis.
fn table(groups: &BTreeMap<&str, BTreeMap<&str, Asked>>) -> String {
    let rows =
        || groups.iter().flat_map(|(kind, axes)| axes.iter().map(move |(axis, asked)| (kind, visible(axis), asked)));
    let width = rows().map(|(_, axis, _)| axis.chars().count()).max().unwrap_or(0);
    let line = |(kind, axis, asked): (&&str, String, &Asked)| {
        let (families, probes) = (grouped(asked.families), grouped(asked.probes));
        let [of_families, of_probes] =
            [(asked.families, "family"), (asked.probes, "probe")].map(|(n, one)| noun(n, one));
        format!("{kind:6}  {axis:width$}  {families:>7} {of_families:8}  {probes:>7} {of_probes}\n")
    };
    rows().map(line).collect()
}

/// One line per probe.
fn each(suite: &Suite) -> String {
    let width = suite.probes.iter().map(|probe| probe.id.chars().count()).max().unwrap_or(0).clamp(2, 40);
    let mut lines = String::new();
    for probe in &suite.probes {
        let (kind, asked) = (probe.ask.kind().name(), summary(probe));
        lines.push_str(&format!("{:width$}  {kind:6}  {:12}  {asked}\n", visible(&probe.id), visible(&probe.axis)));
    }
    lines
}

/// The beginning of what is asked, on one line. Somebody's text: control characters are taken out.
fn summary(probe: &Probe) -> String {
    summary_of(probe.ask.kind().question())
}

/// The beginning of a text on one line, harmless on a terminal.
pub(super) fn summary_of(text: &str) -> String {
    const SHOWN: usize = 50;
    let mut words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = words.char_indices().nth(SHOWN) {
        words.truncate(end);
        words.push('…');
    }
    words
}

fn show(arguments: &ShowArguments, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let suite = suite(&arguments.suite)?;
    let Some(probe) = suite.probes.iter().find(|probe| probe.id == arguments.id) else {
        return Err(Failure::input(format!("no probe of {} has the id `{}`", suite.name, arguments.id))
            .hint("`hydrometer probes ls --each` prints every id"));
    };
    let mut lines = format!("id      {}\nfamily  {}\naxis    {}\n", probe.id, probe.family, probe.axis);
    if !probe.tags.is_empty() {
        lines.push_str(&format!("tags    {}\n", probe.tags.join(", ")));
    }
    let Description { facts, texts } = probe.ask.kind().described();
    for (name, value) in facts {
        lines.push_str(&format!("{name:<7} {value}\n"));
    }
    for (heading, text) in texts {
        lines.push_str(&format!("\n{heading}\n{text}\n"));
    }
    terminal.data(&lines)?;
    Ok(Exit::Done)
}

fn convert(arguments: ImportArguments, terminal: &mut Terminal) -> Result<Exit, Failure> {
    files::not_over(arguments.out.as_deref(), std::slice::from_ref(&arguments.file))?;
    files::not_over(arguments.out.as_deref(), arguments.answers.as_slice())?;
    let columns = arguments.columns();
    let is_bfcl = arguments.shape == Shape::Bfcl
        || (arguments.shape == Shape::Auto && columns.is_none() && import::is_bfcl(&arguments.file)?);
    let suite = match (is_bfcl, &columns, &arguments.answers) {
        (true, None, answers) => {
            let Bfcl { suite, refused, .. } = import::bfcl(&arguments.file, answers.as_deref())?;
            say_refused(&refused, terminal);
            suite
        }
        (false, _, Some(_)) => {
            return Err(Failure::input(
                "only rows of the Berkeley Function Calling Leaderboard have answers of their own",
            )
            .hint("leave --answers out"));
        }
        _ => imported(&arguments.file, arguments.shape, columns)?,
    };
    let mut lines = Vec::new();
    write_jsonl(&suite, &mut lines)
        .map_err(|error| Failure::input(format!("the probes cannot be written: {error}")))?;
    files::deliver(&printable_json(&String::from_utf8_lossy(&lines)), arguments.out.as_deref(), terminal)?;
    terminal.say(&format!("{} imported from {}", counted(suite.probes.len() as u64, "probe"), suite.name));
    Ok(Exit::Done)
}

/// Which rows are no episodes, by their reasons.
fn say_refused(refused: &[RefusedRow], terminal: &mut Terminal) {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for RefusedRow { id, why } in refused {
        reasons.entry(why).or_default().push(id);
    }
    for (why, ids) in reasons {
        let rows = counted(ids.len() as u64, "row");
        terminal.warn(&format!("left out: {rows}, first {}: {}", visible(ids[0]), visible(why)));
    }
}

impl ImportArguments {
    /// The named columns; `None` when none is named.
    fn columns(&self) -> Option<Columns> {
        let columns = Columns {
            text: self.text.clone(),
            prompt: self.prompt.clone(),
            system: self.system.clone(),
            options: self.options.clone(),
            truth: self.truth.clone(),
            family: self.family.clone(),
            id: self.id.clone(),
            axis: self.axis.clone(),
            tags: self.tags.clone(),
        };
        (columns != Columns::default()).then_some(columns)
    }
}

fn imported(file: &Path, shape: Shape, columns: Option<Columns>) -> Result<Suite, Failure> {
    let is_csv = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let suite = match (shape, columns) {
        (Shape::Auto, None) => Suite::load(file)?,
        (Shape::Text, None) => import::text(file)?,
        (Shape::Gsm8k, None) => import::gsm8k(file)?,
        (Shape::Gsm8kPrompt, None) => import::gsm8k_prompt(file)?,
        (Shape::Xstest, None) => import::xstest(file)?,
        (Shape::Ifeval, None) => import::ifeval(file)?,
        (Shape::MtBench, None) => import::mt_bench(file)?,
        (Shape::SelfInstruct, None) => import::self_instruct(file)?,
        (Shape::Chat, None) => import::chat(file)?,
        (Shape::Bfcl, None) => import::bfcl(file, None)?.suite,
        (Shape::Csv, columns) => import::csv(file, &columns.unwrap_or_default())?,
        (Shape::Jsonl, columns) => import::jsonl(file, &columns.unwrap_or_default())?,
        (Shape::Auto, Some(columns)) if is_csv => import::csv(file, &columns)?,
        (Shape::Auto, Some(columns)) => import::jsonl(file, &columns)?,
        (_, Some(_)) => {
            return Err(Failure::input("this shape has columns of its own").hint("leave the column flags out"));
        }
    };
    Ok(suite)
}

fn check(arguments: &LintArguments, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let suite = Suite::load(&arguments.file)?;
    let warnings = lint(&suite);
    for warning in &warnings {
        terminal.line(&warning.to_string())?;
    }
    terminal.say(&match warnings.len() {
        0 => format!("{}: no warnings", suite.name),
        n => format!("{}: {}", suite.name, counted(n as u64, "warning")),
    });
    Ok(if arguments.strict && !warnings.is_empty() { Exit::GateFailed } else { Exit::Done })
}
