//! `hydrometer report RUN --format …`: a run's statement in the form that its reader needs.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use hydrometer_answers::RunFolder;
use hydrometer_audit::Statement;
use hydrometer_probes::strangers::check_keys;
use hydrometer_report::{Color, TerminalOptions};

use super::judged::{BesideArguments, measured, policy};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::terminal::Terminal;

/// What `report` and `compare` take.
const RUN_HINT: &str = "give a run folder, or the statement.json of one";

/// Form of the report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Summary for the terminal.
    #[default]
    Text,
    /// One self-contained page.
    Html,
    /// For pull requests.
    Md,
    /// The statement itself.
    Json,
    /// For CI: one test case per gate.
    Junit,
    /// One line per number, for spreadsheets.
    Csv,
}

/// Flags of `report`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Folder of a finished run, or a statement.json.
    run: PathBuf,
    /// Form of the report.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    /// Gates and margins; default: `hydrometer policy`.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    #[command(flatten)]
    beside: BesideArguments,
    /// Write to this file instead of stdout.
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Open the report in a browser; needs --out.
    #[arg(long, requires = "out")]
    open: bool,
}

/// Writes the report.
pub fn run(arguments: &Arguments, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let (statement, measured) = if arguments.run.is_dir() {
        let run = RunFolder::open(&arguments.run)?;
        let policy = policy(arguments.policy.as_deref())?;
        (arguments.beside.judge(&run, &policy)?, measured(&run)?)
    } else if (arguments.policy.is_some() || arguments.beside.is_given()) && arguments.run.exists() {
        return Err(Failure::input(format!("{} is no run folder", arguments.run.display()))
            .hint("a statement alone cannot be judged anew: give the folder that it came from"));
    } else {
        (statement(&arguments.run)?, None)
    };
    let text = match arguments.format {
        Format::Text if arguments.out.is_some() => {
            let page = TerminalOptions { width: 100, color: Color::Never, files: &[], measured };
            hydrometer_report::terminal(&statement, &page)
        }
        Format::Text => hydrometer_report::terminal(&statement, &terminal.page(&[], measured)),
        Format::Html => hydrometer_report::html(&statement, measured.as_ref()),
        Format::Md => hydrometer_report::markdown(&statement),
        Format::Json => hydrometer_report::json(&statement),
        Format::Junit => hydrometer_report::junit(&statement),
        Format::Csv => hydrometer_report::csv(&statement),
    };
    files::deliver(&text, arguments.out.as_deref(), terminal)?;
    if let (true, Some(path)) = (arguments.open, &arguments.out) {
        files::open(path, terminal);
    }
    Ok(Exit::Done)
}

/// The statement of a run: issued anew from the folder, or read from a file that somebody kept.
///
/// # Errors
/// Neither a finished run nor a statement of this version.
pub fn statement(run: &Path) -> Result<Statement, Failure> {
    if run.is_dir() {
        return Ok(hydrometer_audit::statement(&RunFolder::open(run)?, &policy(None)?)?);
    }
    let text = files::read_text(run).map_err(|failure| failure.hint(RUN_HINT))?;
    let format = serde_json::from_str::<serde_json::Value>(&text)
        .ok()
        .and_then(|value| value.get("format").and_then(|format| format.as_str().map(str::to_owned)));
    let wanted = hydrometer_audit::statement::FORMAT;
    if format.as_deref() != Some(wanted) {
        let found = format.map_or_else(|| "no format".to_owned(), |format| format!("format `{format}`"));
        return Err(Failure::input(format!(
            "{}: expected a statement, format `{wanted}`, found {found}",
            run.display()
        ))
        .hint(RUN_HINT));
    }
    check_keys(text.as_bytes())
        .and_then(|()| serde_json::from_str(&text))
        .map_err(|error| Failure::input(format!("{}: {error}", run.display())))
}
