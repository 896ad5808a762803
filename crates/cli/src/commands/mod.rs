//! One file per command: its flags, its settings, its steps; and one for the suite that several ask.

pub mod answers;
pub mod audit;
pub mod calibrate;
mod canaries;
pub mod check;
pub mod collect;
pub mod compare;
pub mod completions;
pub mod demo;
mod deployed_on;
pub mod distill;
pub mod distributions;
mod evidence;
pub mod export;
pub mod gate;
pub mod import;
pub mod judge;
mod judged;
pub mod label;
pub mod models;
pub mod plan;
mod policy;
pub mod probes;
pub mod quantize;
pub mod report;
mod run_name;
mod sampling;
pub mod spending;
mod suite;
mod trained_on;

use hydrometer_metrics::Verdict;
use hydrometer_report::printable_json;

use crate::arguments::{Arguments, Command};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Runs the command that the user named.
///
/// # Errors
/// In the user's words, with the exit code.
pub fn run(command: Command, terminal: &mut Terminal) -> Result<Exit, Failure> {
    match command {
        Command::Demo(arguments) => demo::run(arguments, terminal),
        Command::Distill(arguments) => distill::run(arguments, terminal),
        Command::Quantize(arguments) => quantize::run(&arguments, terminal),
        Command::Audit(arguments) => audit::run(*arguments, terminal),
        Command::Gate(arguments) => gate::run(&arguments, terminal),
        Command::Label(arguments) => label::run(&arguments, terminal),
        Command::Judge(arguments) => judge::run(&arguments, terminal),
        Command::Report(arguments) => report::run(&arguments, terminal),
        Command::Compare(arguments) => compare::run(&arguments, terminal),
        Command::Probes(command) => probes::run(command, terminal),
        Command::Collect(arguments) => collect::run(*arguments, terminal),
        Command::Answers(command) => answers::run(command, terminal),
        Command::Distributions(command) => distributions::run(command, terminal),
        Command::Plan(arguments) => plan::run(&arguments, terminal),
        Command::Calibrate(arguments) => calibrate::run(*arguments, terminal),
        Command::Import(command) => import::run(command, terminal),
        Command::Export(command) => export::run(command, terminal),
        Command::Check(arguments) => check::run(&arguments, terminal),
        Command::Models(arguments) => models::run(&arguments, terminal),
        Command::Policy => policy::run(terminal),
        Command::Completions(arguments) => completions::run(&arguments, Arguments::command_line(), terminal),
    }
}

/// A value as indented JSON with a line break at its end.
///
/// # Errors
/// The value has no JSON form.
fn as_json(value: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value)
        .map(|text| printable_json(&text) + "\n")
        .map_err(|error| Failure::input(format!("the result has no JSON form: {error}")))
}

/// A verdict as people read it.
fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "PASS",
        Verdict::Fail => "FAIL",
        Verdict::NotEnoughEvidence => "NOT ENOUGH EVIDENCE",
    }
}
