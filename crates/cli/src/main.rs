//! The `hydrometer` binary: the only reader of the environment and the clock, the only printer.
//!
//! Every command is one file in `commands/`; it parses flags into values, resolves them into settings, calls the
//! library crates, and hands strings to the [`terminal`]. No command computes a metric.

mod arguments;
mod commands;
mod engine;
mod exit;
mod failure;
mod fetching;
mod files;
mod interrupt;
mod numbers;
mod progress;
mod terminal;
mod threads;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use crate::arguments::Arguments;
use crate::exit::Exit;
use crate::terminal::Terminal;

fn main() -> ExitCode {
    terminal::report_panics_as_bugs();
    catch_unwind(AssertUnwindSafe(run)).unwrap_or(Exit::Bug).into()
}

fn run() -> Exit {
    let arguments = match Arguments::read() {
        Ok(arguments) => arguments,
        Err(answered) => return answered,
    };
    let mut terminal = Terminal::new(arguments.color, arguments.quiet);
    if let Err(error) = interrupt::end_orderly_without_memory() {
        terminal.warn(&format!("the exit code will be the system's if memory runs out: {error}"));
    }
    let outcome = engine::check_instructions(&terminal)
        .and_then(|()| threads::start(arguments.threads))
        .and_then(|()| commands::run(arguments.command, &mut terminal));
    match outcome {
        Ok(exit) => exit,
        Err(failure) => {
            terminal.fail(&failure);
            failure.exit
        }
    }
}
