//! `hydrometer compare RUN_A RUN_B`: two runs family by family, or two statements side by side.

use std::path::PathBuf;

use clap::ValueEnum;
use hydrometer_answers::RunFolder;
use hydrometer_audit::Comparison;
use hydrometer_report::{SideBySide, compare_markdown, compare_terminal, side_by_side_markdown, side_by_side_terminal};

use super::as_json;
use super::judged::policy;
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
    /// Folder of a finished run; a statement.json alone has no families to pair.
    run_a: PathBuf,
    /// The other one.
    run_b: PathBuf,
    /// Form of the comparison.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
}

/// Prints the comparison.
pub fn run(arguments: &Arguments, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let (a, b) = (&arguments.run_a, &arguments.run_b);
    let page = terminal.page(&[], None);
    let shown = if a.is_dir() && b.is_dir() {
        let comparison = Comparison::of(&RunFolder::open(a)?, &RunFolder::open(b)?, &policy(None)?)?;
        match arguments.format {
            Format::Text => compare_terminal(&comparison, &page),
            Format::Md => compare_markdown(&comparison),
            Format::Json => as_json(&comparison)?,
        }
    } else {
        let comparison = SideBySide::of(&statement(a)?, &statement(b)?);
        match arguments.format {
            Format::Text => side_by_side_terminal(&comparison, &page),
            Format::Md => side_by_side_markdown(&comparison),
            Format::Json => as_json(&comparison)?,
        }
    };
    terminal.data(&shown)?;
    Ok(Exit::Done)
}
