//! `hydrometer compare RUN_A RUN_B`: two statements side by side.

use std::path::PathBuf;

use clap::ValueEnum;
use hydrometer_report::{Comparison, compare_markdown, compare_terminal};

use super::as_json;
use super::report::statement;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Form of the comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For the terminal.
    #[default]
    Text,
    /// For pull requests.
    Md,
    /// For programs.
    Json,
}

/// Flags of `compare`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Folder of a finished run, or a statement.json.
    run_a: PathBuf,
    /// The other one.
    run_b: PathBuf,
    /// Form of the comparison.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
}

/// Prints the comparison.
pub fn run(arguments: &Arguments, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let (a, b) = (statement(&arguments.run_a)?, statement(&arguments.run_b)?);
    let comparison = Comparison::of(&a, &b);
    let shown = match arguments.format {
        Format::Text => compare_terminal(&comparison, &terminal.page(&[], None)),
        Format::Md => compare_markdown(&comparison),
        Format::Json => as_json(&comparison)?,
    };
    terminal.data(&shown)?;
    Ok(Exit::Done)
}
