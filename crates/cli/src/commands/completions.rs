//! `hydrometer completions SHELL`: a completion script on stdout.

use clap::Args;
use clap_complete::Shell;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Flags of `completions`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script.
pub fn run(arguments: &Arguments, mut command: clap::Command, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "hydrometer", &mut script);
    terminal.data(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
