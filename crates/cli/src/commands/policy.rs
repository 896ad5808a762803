//! `hydrometer policy`: the default policy, ready to edit.

use hydrometer_audit::DEFAULT_POLICY;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Prints the default policy.
pub fn run(terminal: &mut Terminal) -> Result<Exit, Failure> {
    terminal.data(DEFAULT_POLICY)?;
    Ok(Exit::Done)
}
