//! What every command does with a run that is judged: the policy, the statement's files, what is shown of it.

use std::path::{Path, PathBuf};

use clap::Args;
use hydrometer_answers::{CostEntry, ExcludedItem, Money, Paid, RunFolder};
use hydrometer_audit::calibrate::{CALIBRATION_FORMAT, Calibrated};
use hydrometer_audit::{Beside, Policy, Statement};
use hydrometer_models::Spent;
use hydrometer_probes::counted::counted;
use hydrometer_probes::strangers::check_keys;
use hydrometer_report::Measured;

use super::label::labels_of;
use super::spending::{JUDGE, all_costs, sentence, total};
use crate::failure::Failure;
use crate::files;
use crate::terminal::Terminal;

/// The default policy, or the one in a file.
///
/// # Errors
/// The file cannot be read or is no policy.
pub fn policy(file: Option<&Path>) -> Result<Policy, Failure> {
    let Some(file) = file else { return Ok(Policy::default()) };
    let hint = "`hydrometer policy > policy.toml` writes the default policy, ready to edit";
    Policy::parse(&files::read_text(file).map_err(|failure| failure.hint(hint))?).map_err(|error| {
        let failure = Failure::from(error);
        Failure { message: format!("{}: {}", file.display(), failure.message), ..failure }
    })
}

/// What a run may be judged by beside its policy.
#[derive(Debug, Args)]
pub struct BesideArguments {
    /// Labels of the run's answers, as `hydrometer label` writes them: they correct what is read of free answers.
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// The calibration.json of this suite and budget (`hydrometer calibrate`): beside every PASS stands what would have been
    /// caught, and a margin finer than what the suite resolves is no PASS.
    #[arg(long, value_name = "FILE")]
    calibration: Option<PathBuf>,
}

impl BesideArguments {
    /// Whether anything is named.
    pub fn is_given(&self) -> bool {
        self.labels.is_some() || self.calibration.is_some()
    }

    /// The statement of a run.
    ///
    /// # Errors
    /// The run or a file cannot be read, a label is of no answer of the run, or the calibration is of another suite.
    pub fn judge(&self, run: &RunFolder, policy: &Policy) -> Result<Statement, Failure> {
        let labels = self.labels.as_deref().map(|file| labels_of(run, file)).transpose()?;
        let calibration = calibration(self.calibration.as_deref())?;
        let beside = Beside { labels: labels.as_deref(), calibration: calibration.as_ref() };
        Ok(hydrometer_audit::statement_beside(run, policy, beside)?)
    }
}

/// The calibration in a file, where one is named.
///
/// # Errors
/// The file cannot be read or is no calibration of this version.
pub fn calibration(file: Option<&Path>) -> Result<Option<Calibrated>, Failure> {
    let Some(file) = file else { return Ok(None) };
    let hint = "`hydrometer calibrate --out DIR` leaves one in DIR/calibration.json";
    let text = files::read_text(file).map_err(|failure| failure.hint(hint))?;
    let wrong = |found: String| {
        let expected = format!("expected a calibration, format `{CALIBRATION_FORMAT}`");
        Failure::input(format!("{}: {expected}, found {found}", file.display())).hint(hint)
    };
    let calibrated: Calibrated = check_keys(text.as_bytes())
        .and_then(|()| serde_json::from_str(&text))
        .map_err(|error| wrong(format!("something else: {error}")))?;
    if calibrated.format != CALIBRATION_FORMAT {
        return Err(wrong(format!("format `{}`", calibrated.format)));
    }
    Ok(Some(calibrated))
}

/// Says what is not asked, before anything is.
pub fn warn_of(excluded: &[ExcludedItem], terminal: &Terminal) {
    const NAMED: usize = 3;
    let named = excluded.iter().take(NAMED).map(|item| format!("`{}`: {}", item.probe, item.reason));
    let named = named.collect::<Vec<_>>().join("; ");
    let more = if excluded.len() > NAMED { "; …" } else { "" };
    if !excluded.is_empty() {
        terminal.warn(&format!("{} excluded: {named}{more}", counted(excluded.len() as u64, "item")));
    }
}

/// Leaves statement.json and report.html in the run folder.
///
/// # Errors
/// The folder cannot be written.
pub fn publish(run: &RunFolder, statement: &Statement) -> Result<(), Failure> {
    run.write_statement(&hydrometer_report::json(statement))?;
    run.write_report(&hydrometer_report::html(statement, measured(run)?.as_ref()))?;
    Ok(())
}

/// What the run cost, as far as it was measured: interruptions are left out, the peak is that of the worst process.
///
/// # Errors
/// The cost file is damaged.
pub fn measured(run: &RunFolder) -> Result<Option<Measured>, Failure> {
    let costs = all_costs(run.path())?;
    let seconds = costs.iter().map(|cost| cost.seconds).sum();
    let peak_memory_bytes = costs.iter().filter_map(|cost| cost.peak_memory).max();
    let paid = |of: &dyn Fn(&CostEntry) -> bool| {
        let paid: Vec<&Paid> = costs.iter().filter(|cost| of(cost)).filter_map(|cost| cost.paid.as_ref()).collect();
        let currency = paid.iter().find_map(|paid| Some(paid.money.as_ref()?.currency.clone()));
        let Spent { questions, read, drawn, money } = total(paid.into_iter());
        let money = currency.map(|currency| Money { amount: money, currency });
        (questions > 0).then(|| sentence(&Paid { questions, read, drawn, money }))
    };
    let judges = paid(&|cost| cost.what == JUDGE).map(|judge| format!("; of that the judge {judge}"));
    let paid = paid(&|_| true).map(|all| all + &judges.unwrap_or_default());
    Ok((!costs.is_empty()).then_some(Measured { seconds, peak_memory_bytes, paid }))
}

/// The statement as a summary for the terminal.
///
/// # Errors
/// The run's cost cannot be read.
pub fn shown(statement: &Statement, folder: &Path, terminal: &Terminal) -> Result<String, Failure> {
    let measured = measured(&RunFolder::open_unchecked(folder)?)?;
    let file = |name: &str| folder.join(name).display().to_string();
    let files = [("report", file("report.html")), ("statement", file("statement.json"))];
    Ok(hydrometer_report::terminal(statement, &terminal.page(&files, measured)))
}
