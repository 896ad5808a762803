//! The command line as values. What they mean is settled by each command, in its own file.

use std::io::Write;
use std::sync::LazyLock;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::commands::{
    answers, audit, calibrate, check, collect, compare, completions, demo, distill, distributions, export, gate,
    import, judge, label, models, plan, probes, quantize, report,
};
use crate::engine;
use crate::exit::Exit;
use crate::terminal::Color;
use crate::threads;

/// Tells how much of a teacher is left in a distilled, quantised, pruned or fine-tuned language model.
#[derive(Debug, Parser)]
#[command(name = "hydrometer", version, propagate_version = false, subcommand_required = true, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 done or passed · 1 gate failed · 2 wrong usage or bad input · 3 not enough \
                        evidence · 4 a model failed · 130 interrupted, the same command resumes")]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// When to colour the output; `auto` looks at the terminal and at NO_COLOR.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub color: Color,
    /// Threads that compute, models and statistics alike; default: one per core. The numbers do not depend on it.
    #[arg(long, global = true, value_name = "N", value_parser = threads::parse)]
    pub threads: Option<usize>,
    /// Say nothing on stderr but warnings and errors.
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

/// The arguments of this process, for the record. What is no Unicode is shown as well as can be.
pub fn as_typed() -> Vec<String> {
    std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect()
}

/// The commands, in the order in which a newcomer needs them.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Audit embedded models: a complete tour, without network or files.
    Demo(demo::Arguments),
    /// Train a student from its teacher as a recipe says, beside a control without the teacher's distributions.
    Distill(distill::Arguments),
    /// Write a model as a GGUF file in another type of tensor, and say which audit accounts for it.
    Quantize(quantize::Arguments),
    /// Compare a student with its teacher and issue a Distillation Loss Statement.
    Audit(Box<audit::Arguments>),
    /// Judge a finished run under a policy; the exit code is the verdict.
    Gate(gate::Arguments),
    /// Say what a sample of a run's answers decide, so that rates are corrected for misread ones.
    Label(label::Arguments),
    /// Let a model say what a run's free answers decide, beside the rules that read them.
    Judge(Box<judge::Arguments>),
    /// Show a run's statement as text, HTML, Markdown, JSON, JUnit or CSV.
    Report(report::Arguments),
    /// Put two runs side by side: two students of one teacher, or one over time.
    Compare(compare::Arguments),
    /// List, show, import and check probes: what models are asked.
    #[command(subcommand)]
    Probes(probes::Command),
    /// Ask one model ahead of an audit: its free answers go to the answer store.
    Collect(Box<collect::Arguments>),
    /// Look after the answer store, and bring in answers that exist already.
    #[command(subcommand)]
    Answers(answers::Command),
    /// Keep a teacher's distributions over texts, for audits without it.
    #[command(subcommand)]
    Distributions(distributions::Command),
    /// How many families a gate needs, from a pilot run or from assumptions.
    Plan(plan::Arguments),
    /// Show what an audit would find: planted defects at several doses, and the teacher against itself.
    Calibrate(Box<calibrate::Arguments>),
    /// Read what another tool wrote.
    #[command(subcommand)]
    Import(import::Command),
    /// Write what another tool reads.
    #[command(subcommand)]
    Export(export::Command),
    /// Look at a model behind an endpoint before it is believed: what it answers twice, cuts, renders and counts.
    Check(check::Arguments),
    /// List what a model can be: files, test doubles, endpoints, what they show and their keys.
    Models(models::Arguments),
    /// Print the default policy as TOML, ready to edit.
    Policy,
    /// Print a completion script for a shell.
    Completions(completions::Arguments),
}

/// `--version` tells what the engine found on this processor; `-V` is the short form.
static LONG_VERSION: LazyLock<String> =
    LazyLock::new(|| format!("{}\n{}", env!("CARGO_PKG_VERSION"), engine::features()));

impl Arguments {
    /// The clap command, as documented.
    pub fn command_line() -> clap::Command {
        with_negative_numbers(Self::command()).long_version(LONG_VERSION.as_str())
    }

    /// Reads the process's arguments; help, version and mistakes are answered here.
    pub fn read() -> Result<Self, Exit> {
        Self::command_line()
            .try_get_matches()
            .and_then(|matches| Self::from_arg_matches(&matches))
            .map_err(|answer| answered(&answer))
    }
}

/// Lets a number below zero be the value of a flag, so that it is refused for what it is and not as an unknown flag.
fn with_negative_numbers(command: clap::Command) -> clap::Command {
    let takes_value = |argument: &clap::Arg| argument.get_long().is_some() && argument.get_action().takes_values();
    command
        .mut_args(|argument| if takes_value(&argument) { argument.allow_negative_numbers(true) } else { argument })
        .mut_subcommands(with_negative_numbers)
}

fn answered(answer: &clap::Error) -> Exit {
    // A reader that went away needs no answer.
    let _ = answer.print();
    let _ = std::io::stdout().flush();
    match answer.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Done,
        _ => Exit::BadInput,
    }
}
