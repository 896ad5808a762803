//! `hydrometer answers`: looks after the answer store, and brings in answers that exist already.

mod import;

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use hydrometer_answers::store::{Access, AnswerKey, Store, StoreGroup, StoredAnswer};
use hydrometer_answers::{Problem, RunError};
use hydrometer_probes::counted::{counted, grouped, noun};
use hydrometer_report::{printable_json, visible};
use serde_json::json;

use super::as_json;
use super::probes::summary_of;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::terminal::Terminal;

/// What to do with answers.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List what the store holds: models, parameters, prompts, answers.
    #[command(visible_alias = "list")]
    Ls(Ls),
    /// Show one answer.
    Show(Show),
    /// Read everything and name every damaged segment; exit code 2 when there is one.
    Verify(Plain),
    /// Write the answers as JSON lines.
    Export(Export),
    /// Drop the answers of models. Says what would go; does it with --yes.
    Gc(Gc),
    /// Make few large segments of many small ones.
    Compact(Plain),
    /// Make a finished run of answers that exist already, for `report` and `gate`; no model is asked.
    Import(Box<import::Arguments>),
}

/// Which store.
#[derive(Debug, Args)]
struct StoreArgument {
    /// The answer store. Default: in the user's cache folder, as for `audit`.
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
}

impl StoreArgument {
    fn open(&self, access: Access) -> Result<Store, Failure> {
        Ok(Store::open(&files::answer_store(self.store.as_deref())?, access)?)
    }

    /// For looking: damaged segments are named and left out.
    fn look(&self, terminal: &Terminal) -> Result<Store, Failure> {
        let store = Store::open_despite_damage(&files::answer_store(self.store.as_deref())?, Access::Read)?;
        for Problem { file, what } in store.problems() {
            terminal.warn(&format!("{file} is left out: {what}"));
        }
        Ok(store)
    }
}

/// Flags of `verify` and `compact`.
#[derive(Debug, Args)]
pub struct Plain {
    #[command(flatten)]
    store: StoreArgument,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// Flags of `ls`.
#[derive(Debug, Args)]
pub struct Ls {
    #[command(flatten)]
    store: StoreArgument,
    /// List every answer with its key.
    #[arg(long)]
    each: bool,
    /// Print the list as JSON.
    #[arg(long, conflicts_with = "each")]
    json: bool,
}

/// Flags of `show`.
#[derive(Debug, Args)]
pub struct Show {
    /// Key of the answer, or enough of its beginning; `answers ls --each` prints it.
    #[arg(value_name = "KEY")]
    key: String,
    #[command(flatten)]
    store: StoreArgument,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

/// Flags of `export`.
#[derive(Debug, Args)]
pub struct Export {
    #[command(flatten)]
    store: StoreArgument,
    /// Only the answers of this model, by name or key; may be repeated.
    #[arg(long, value_name = "NAME")]
    model: Vec<String>,
    /// Write to this file instead of stdout.
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Flags of `gc`.
#[derive(Debug, Args)]
pub struct Gc {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    store: StoreArgument,
    /// Drop them; without it nothing is changed.
    #[arg(long)]
    yes: bool,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// Whose answers go.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// Drop the answers of this model, by name or key; may be repeated.
    #[arg(long, value_name = "NAME")]
    model: Vec<String>,
    /// Drop the answers of all models but this one, by name or key; may be repeated.
    #[arg(long, value_name = "NAME")]
    keep_model: Vec<String>,
}

/// Runs one of them.
pub fn run(command: Command, terminal: &mut Terminal) -> Result<Exit, Failure> {
    match command {
        Command::Ls(arguments) => ls(&arguments, terminal),
        Command::Show(arguments) => show(&arguments, terminal),
        Command::Verify(arguments) => verify(&arguments, terminal),
        Command::Export(arguments) => export(&arguments, terminal),
        Command::Gc(arguments) => gc(&arguments, terminal),
        Command::Compact(arguments) => compact(&arguments, terminal),
        Command::Import(arguments) => import::run(*arguments, terminal),
    }
}

fn ls(arguments: &Ls, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let store = arguments.store.look(terminal)?;
    if arguments.each {
        let line = |answer: StoredAnswer| {
            let (key, name) = (digits(&answer.key), visible(&answer.model_name));
            format!("{}  {name}  {}  {}\n", &key[..16], answer.sample, summary_of(&answer.text))
        };
        files::deliver_lines(store.answers().map(|answer| Ok(line(answer?))), None, terminal)?;
        return Ok(Exit::Done);
    }
    let groups = store.groups()?;
    terminal.data(&if arguments.json { as_json(&groups)? } else { table(&groups) })?;
    terminal.say(&format!(
        "{} of {} in {}",
        counted(store.len() as u64, "answer"),
        counted(groups.iter().map(|group| &group.model_key).collect::<BTreeSet<_>>().len() as u64, "model"),
        counted(store.segments() as u64, "segment")
    ));
    Ok(Exit::Done)
}

/// One line per model and parameters.
fn table(groups: &[StoreGroup]) -> String {
    let names: Vec<_> = groups.iter().map(|group| visible(&group.model_name)).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let line = |(name, group): (&String, &StoreGroup)| {
        let (prompts, answers) = (grouped(group.prompts), grouped(group.answers));
        let drawn = visible(&group.parameters);
        let [of_prompts, of_answers] =
            [(group.prompts, "prompt"), (group.answers, "answer")].map(|(number, one)| noun(number, one));
        format!("{name:width$}  {prompts:>7} {of_prompts:7}  {answers:>9} {of_answers:7}  {drawn}\n")
    };
    names.iter().zip(groups).map(line).collect()
}

fn show(arguments: &Show, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let mut store = arguments.store.look(terminal)?;
    let beginning = arguments.key.strip_prefix("blake3:").unwrap_or(&arguments.key);
    let mut fitting: Vec<_> = store.keys().filter(|key| digits(key).starts_with(beginning)).cloned().collect();
    fitting.sort();
    let key = match fitting.as_slice() {
        [key] => key,
        [] => {
            return Err(Failure::input(format!("no answer has a key that begins with `{beginning}`"))
                .hint("`hydrometer answers ls --each` prints every key"));
        }
        [first, second, ..] => {
            let found = format!("{} answers have a key that begins with `{beginning}`", fitting.len());
            return Err(Failure::input(found).hint(format!("give more of it: {first} or {second}, …")));
        }
    };
    let Some(answer) = store.get(key)? else {
        return Err(Failure::input(format!("{key} is gone: another process changes the store")));
    };
    let text = if arguments.json { as_json(&answer)? } else { shown(&answer)? };
    terminal.data(&text)?;
    Ok(Exit::Done)
}

fn shown(answer: &StoredAnswer) -> Result<String, Failure> {
    let logprob: f64 = answer.logprobs.iter().map(|&logprob| f64::from(logprob)).sum();
    let parameters = serde_json::to_string(&answer.parameters).map_err(Failure::input)?;
    Ok(format!(
        "key         {}\nmodel       {}\nmodel key   {}\nprompt      {}\nparameters  {parameters}\nsample      {}\n\
         tokens      {}, ln p {logprob:.3}, ended by {}\n\n{}\n",
        answer.key,
        answer.model_name,
        answer.model_key,
        answer.prompt_hash,
        answer.sample,
        answer.tokens.len(),
        answer.finish,
        answer.text
    ))
}

fn verify(arguments: &Plain, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let folder = files::answer_store(arguments.store.store.as_deref())?;
    let store = Store::open_despite_damage(&folder, Access::Read)?;
    let problems = store.verify()?;
    if arguments.json {
        let problems: Vec<_> =
            problems.iter().map(|problem| json!({ "file": problem.file, "what": problem.what })).collect();
        let answers = store.len();
        terminal.data(&as_json(&json!({ "answers": answers, "segments": store.segments(), "problems": problems }))?)?;
    }
    if !problems.is_empty() {
        return Err(RunError::StoreDamaged { path: folder, problems }.into());
    }
    terminal.say(&format!(
        "{} in {}, all whole",
        counted(store.len() as u64, "answer"),
        counted(store.segments() as u64, "segment")
    ));
    Ok(Exit::Done)
}

fn export(arguments: &Export, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let store = arguments.store.open(Access::Read)?;
    let named = Named::new(&arguments.model, &store)?;
    let wanted = |answer: &StoredAnswer| arguments.model.is_empty() || named.has(&answer.model_name, &answer.model_key);
    let answers = store.answers().filter(|answer| answer.as_ref().map_or(true, wanted));
    let lines = answers.map(|answer| {
        let line = serde_json::to_string(&answer?);
        line.map(|line| printable_json(&line) + "\n")
            .map_err(|error| Failure::input(format!("an answer has no JSON form: {error}")))
    });
    files::deliver_lines(lines, arguments.out.as_deref(), terminal)?;
    Ok(Exit::Done)
}

fn digits(key: &AnswerKey) -> String {
    key.to_string().trim_start_matches("blake3:").to_owned()
}

/// Models that the user named, by name or key.
struct Named<'a>(&'a [String]);

impl<'a> Named<'a> {
    /// Each must be there: a name mistyped after `--keep-model` would drop what it should keep.
    fn new(names: &'a [String], store: &Store) -> Result<Self, Failure> {
        let groups = if names.is_empty() { Vec::new() } else { store.groups()? };
        for name in names {
            if !groups.iter().any(|group| group.model_name == *name || group.model_key == *name) {
                let known: BTreeSet<_> = groups.iter().map(|group| visible(&group.model_name)).collect();
                let known = known.into_iter().collect::<Vec<_>>().join(", ");
                return Err(Failure::input(format!("the store holds no answer of a model `{name}`"))
                    .hint(format!("it holds answers of {}", if known.is_empty() { "no model" } else { &known })));
            }
        }
        Ok(Self(names))
    }

    fn has(&self, name: &str, key: &str) -> bool {
        self.0.iter().any(|named| named == name || named == key)
    }
}

fn gc(arguments: &Gc, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let mut store = arguments.store.open(if arguments.yes { Access::Rewrite } else { Access::Read })?;
    let Which { model, keep_model } = &arguments.which;
    let (named, named_go) = (Named::new(if model.is_empty() { keep_model } else { model }, &store)?, !model.is_empty());
    let goes = |name: &str, key: &str| named.has(name, key) == named_go;
    let groups = store.groups()?;
    let (gone, kept): (Vec<_>, Vec<_>) =
        groups.into_iter().partition(|group| goes(&group.model_name, &group.model_key));
    let rewritten =
        if arguments.yes { Some(store.retain(|answer| !goes(&answer.model_name, &answer.model_key))?) } else { None };
    if arguments.json {
        terminal.data(&as_json(&json!({ "gone": gone, "kept": kept, "rewritten": rewritten }))?)?;
    } else {
        terminal.data(&table(&gone))?;
    }
    let count = |groups: &[StoreGroup]| groups.iter().map(|group| group.answers).sum();
    let (gone, kept) = (counted(count(&gone), "answer"), grouped(count(&kept)));
    terminal.say(&if arguments.yes {
        format!("{gone} dropped, {kept} kept")
    } else {
        format!("{gone} would go, {kept} stay; --yes drops them")
    });
    Ok(Exit::Done)
}

fn compact(arguments: &Plain, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let done = arguments.store.open(Access::Rewrite)?.compact()?;
    if arguments.json {
        terminal.data(&as_json(&done)?)?;
    }
    terminal.say(&format!(
        "{} in {} instead of {}",
        counted(done.kept, "answer"),
        counted(done.segments_after, "segment"),
        done.segments_before
    ));
    Ok(Exit::Done)
}
