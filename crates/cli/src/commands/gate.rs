//! `hydrometer gate RUN --policy FILE`: the verdict as an exit code, without any model.

use std::path::PathBuf;

use hydrometer_answers::RunFolder;
use hydrometer_audit::Statement;
use hydrometer_metrics::Verdict;
use hydrometer_probes::counted::counted;

use super::judged::{BesideArguments, policy};
use super::{as_json, word};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Flags of `gate`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Folder of a finished run.
    run: PathBuf,
    /// Gates and margins; default: `hydrometer policy`.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    #[command(flatten)]
    beside: BesideArguments,
    /// Print the gates as JSON.
    #[arg(long)]
    json: bool,
}

/// Judges the run anew; the folder stays as it is.
pub fn run(arguments: &Arguments, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let policy = policy(arguments.policy.as_deref())?;
    let statement = arguments.beside.judge(&RunFolder::open(&arguments.run)?, &policy)?;
    if statement.gates.is_empty() {
        terminal
            .warn("the policy has no gate that this run can answer; `hydrometer report RUN` shows what was measured");
    }
    let shown = if arguments.json { as_json(&gates(&statement))? } else { as_text(&statement) };
    terminal.data(&shown)?;
    Ok(statement.verdict.into())
}

fn as_text(statement: &Statement) -> String {
    let width = statement.gates.iter().map(|gate| gate.metric.len()).max().unwrap_or(0);
    let mut lines = format!("{}\n", statement.verdict_line);
    for gate in &statement.gates {
        lines.push_str(&format!("{:19}  {:width$}  {}", word(gate.verdict), gate.metric, gate.explanation));
        if let Some(more) = gate.more_families {
            lines.push_str(&format!("; about {} would decide", counted(more, "more family")));
        }
        if let Some(seen) = gate.detectable.filter(|_| gate.verdict == Verdict::Pass) {
            lines.push_str(&format!("; could have seen a loss of {seen:.4} beyond the bound"));
        }
        if let Some(caught) = hydrometer_report::caught(gate) {
            lines.push_str(&format!("; {caught}"));
        }
        lines.push('\n');
    }
    lines
}

fn gates(statement: &Statement) -> serde_json::Value {
    serde_json::json!({
        "run": statement.run,
        "verdict": statement.verdict,
        "verdict_line": statement.verdict_line,
        "gates": statement.gates,
        "calibrated_by": statement.calibrated_by,
    })
}
