//! `hydrometer check`: looks at an endpoint before it is believed; an audit of an endpoint does the same before it asks.

mod canaries;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use hydrometer_answers::{CheckOutcome as Outcome, CheckSpoils, CheckedModel, Checks, KeptCheck};
use hydrometer_models::{
    Address, Checked, Found, Model, ModelSpec, NOT_ALLOWED, Spoils, check, check_beside, check_names, open_with,
};
use hydrometer_probes::counted::counted;
use hydrometer_report::visible;
use serde_json::json;

use super::as_json;
use super::canaries::CANARIES;
use super::spending::{Spending, SpendingArguments, sentence};
use crate::engine::{EngineArguments, network, not_opened, open_model};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files::answer_store;
use crate::terminal::Terminal;

/// Flags of `check`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The endpoint (`hydrometer models` lists what it can be).
    #[arg(value_name = "MODEL")]
    model: String,
    /// A model that runs here, with whose tokenizer, chat template and end of answers it is compared.
    #[arg(long, value_name = "MODEL")]
    against: Option<String>,
    /// Answer store with whose canaries the model is compared. Default: in the user's cache folder.
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    #[command(flatten)]
    spending: SpendingArguments,
    #[command(flatten)]
    engine: EngineArguments,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// Flags of commands that look at endpoints before they ask.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Endpoints")]
pub struct PreflightArguments {
    /// Go on although this check of an endpoint fails (`hydrometer check` names them), or, with `canaries`, although another model is
    /// served under its name than before; the statement says so. May be repeated.
    #[arg(long, value_name = "CHECK", value_parser = name_of_check)]
    accept: Vec<String>,
}

impl PreflightArguments {
    /// The names of checks, each once, in order.
    pub fn accepted(&self) -> Vec<String> {
        let checks = self.accept.iter().filter(|name| *name != CANARIES).cloned();
        checks.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Whether a model may be another one than before. That is found out while a run goes on, and so no part of its plan.
    pub fn accepts_a_change(&self) -> bool {
        self.accept.iter().any(|name| name == CANARIES)
    }
}

fn name_of_check(text: &str) -> Result<String, String> {
    let names = || check_names().chain([CANARIES]);
    if names().any(|name| name == text) {
        return Ok(text.to_owned());
    }
    Err(format!("expected one of {}", names().collect::<Vec<_>>().join(", ")))
}

/// Runs the command.
pub fn run(arguments: &Arguments, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let spec = ModelSpec::from_str(&arguments.model).map_err(|error| not_opened("model", error))?;
    let Some(address) = spec.endpoint() else {
        return Err(Failure::input(format!("{} runs here, expected a model behind an endpoint", arguments.model))
            .hint("`hydrometer models` lists what an endpoint can be; name the local model with --against"));
    };
    let against = arguments.against.as_ref();
    let against =
        against.map(|name| open_model("--against", name, &arguments.engine.options(), terminal)).transpose()?;
    let spending = arguments.spending.open()?;
    terminal.say(&format!("checking {address}"));
    let all = looked(arguments, address, against.as_deref(), &spending);
    // Also what was paid for checks that came to nothing.
    if let Some(paid) = spending.take() {
        terminal.say(&sentence(&paid));
    }
    let all = all?;
    let result = if arguments.json { as_json(&of_json(address, &all))? } else { table(&all) };
    terminal.data(&result)?;
    let failed = all.iter().any(|checked| matches!(checked.found, Found::Failed { .. }));
    Ok(if failed { Exit::GateFailed } else { Exit::Done })
}

/// All checks, and what the answer store has of the model.
fn looked(
    arguments: &Arguments,
    address: &Address,
    against: Option<&dyn Model>,
    spending: &Spending,
) -> Result<Vec<Checked>, Failure> {
    let network = || network().paying(spending.purse.clone());
    let mut all = check(address.clone(), &network(), against).map_err(|error| not_opened("model", error))?;
    let store = answer_store(arguments.store.as_deref()).ok();
    let open = || open_with(&arguments.model, &arguments.engine.options(), &network());
    all.push(canaries::look(store.as_deref(), open)?);
    Ok(all)
}

fn of_json(address: &Address, all: &[Checked]) -> serde_json::Value {
    let one = |checked: &Checked| {
        let (found, evidence, hint) = parts(&checked.found);
        let spoils = match checked.spoils {
            Spoils::Nothing => "nothing",
            Spoils::LogProbabilities => "log_probabilities",
            Spoils::Answers => "answers",
        };
        let found = found.replace(' ', "_");
        json!({"name": checked.name, "what": checked.what, "spoils": spoils, "found": found, "evidence": evidence, "hint": hint})
    };
    json!({"endpoint": address.to_string(), "checks": all.iter().map(one).collect::<Vec<_>>()})
}

/// What was found, the evidence or the reason, and what to do.
fn parts(found: &Found) -> (&'static str, &str, Option<&str>) {
    match found {
        Found::Passed(evidence) => ("passed", evidence, None),
        Found::Failed { evidence, hint } => ("failed", evidence, Some(hint)),
        Found::NotOffered(why) => ("not offered", why, None),
    }
}

fn table(all: &[Checked]) -> String {
    let width = all.iter().map(|checked| checked.name.len()).max().unwrap_or(0);
    let mut lines = String::new();
    for checked in all {
        let (found, evidence, hint) = parts(&checked.found);
        let found = if hint.is_some() { "FAILED" } else { found };
        lines += &format!("{found:<11}  {:<width$}  {}\n", checked.name, checked.what);
        lines += &format!("{:<11}  {:<width$}  {}\n", "", "", visible(evidence));
        lines += &hint.map_or_else(String::new, |hint| format!("{:<11}  {:<width$}  what to do: {hint}\n", "", ""));
    }
    lines
}

/// What a command reads of what an endpoint says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// Answers, and log-probabilities of single tokens, each of which is looked at.
    Answers,
    /// Of the teacher's answers also the log-probabilities along them (`--listed-answers`).
    ListedAnswers,
}

impl Reads {
    /// Whether numbers would be wrong where this check fails.
    fn are_spoiled(self, role: &str, checked: &KeptCheck) -> bool {
        let along = self == Reads::ListedAnswers && role == "teacher";
        checked.outcome == Outcome::Failed
            && match checked.spoils {
                CheckSpoils::Answers => true,
                CheckSpoils::LogProbabilities => along,
                CheckSpoils::Nothing => false,
            }
    }
}

/// Where what checks found and cost is kept.
#[derive(Clone, Copy)]
pub struct Kept<'a> {
    /// The folder of the run that will begin.
    pub folder: &'a Path,
    /// From what they are paid.
    pub spending: &'a Spending,
}

/// Looks at every endpoint among models (by role, name and key) before they are asked; one that stands in two roles is looked at once,
/// and one that an earlier command looked at for the same run not again. What spoils nothing that is read is said and not refused.
/// `beside` is the other model of an audit, by the role of the one that is looked at.
///
/// # Errors
/// A check fails that would make numbers wrong and is not accepted, or an endpoint gives no answer.
pub fn preflight(
    models: &[(&str, &str, String)],
    beside: &[(&str, &dyn Model)],
    reads: Reads,
    accepted: &[String],
    kept: Kept<'_>,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let mut looked: Vec<Address> = Vec::new();
    for (role, name, key) in models {
        let Ok(spec) = ModelSpec::from_str(name) else { continue };
        let Some(address) = spec.endpoint().filter(|address| !looked.contains(address)) else { continue };
        looked.push(address.clone());
        let refuses = |checked: &KeptCheck| reads.are_spoiled(role, checked);
        let other = beside.iter().find(|(of, _)| of == role).map(|(_, other)| *other);
        let all = look((role, address, key), other, &refuses, kept, terminal)?;
        let count = |of: Outcome| all.iter().filter(|checked| checked.outcome == of).count() as u64;
        terminal.say(&format!(
            "{} passed, {} not offered (`hydrometer check {name}` shows them)",
            counted(count(Outcome::Passed), "check"),
            count(Outcome::NotOffered),
        ));
        let mut refused = Vec::new();
        for checked in all.iter().filter(|checked| checked.outcome == Outcome::Failed) {
            let said = format!("{role}: check `{}` failed ({}): {}", checked.name, checked.what, checked.evidence);
            if refuses(checked) && !accepted.contains(&checked.name) {
                refused.push((said, checked));
            } else {
                terminal.warn(&said);
            }
        }
        if let Some((said, first)) = refused.first() {
            let others: Vec<_> = refused[1..].iter().map(|(_, checked)| format!("`{}`", checked.name)).collect();
            let more = if others.is_empty() { String::new() } else { format!("; so did {}", others.join(", ")) };
            return Err(Failure::input(format!("{said}{more}"))
                .hint(first.hint.as_deref().unwrap_or_default())
                .hint(format!("--accept {} goes on all the same, and the statement says so", first.name)));
        }
    }
    Ok(())
}

/// What the checks of an endpoint find, or found when an earlier command looked for this run.
fn look(
    (role, address, key): (&str, &Address, &str),
    other: Option<&dyn Model>,
    refuses: &dyn Fn(&KeptCheck) -> bool,
    Kept { folder, spending }: Kept<'_>,
    terminal: &Terminal,
) -> Result<Vec<KeptCheck>, Failure> {
    let mut known = Checks::read(folder)?;
    let is_whole = |of: &&CheckedModel| of.checks.iter().map(|kept| kept.name.as_str()).eq(check_names());
    let beside = other.map(|other| other.identity().key());
    let goes_on = |of: &&CheckedModel| of.model_key == key && of.beside == beside && !of.checks.iter().any(refuses);
    if let Some(found) = known.models.iter().filter(is_whole).find(goes_on) {
        terminal.say(&format!("{role} {address} was checked when this run began"));
        return Ok(found.checks.clone());
    }
    terminal.say(&format!("checking {role} {address}"));
    let network = network().paying(spending.purse.clone());
    let found = match other {
        Some(other) => check_beside(address.clone(), &network, other),
        None => check(address.clone(), &network, None),
    };
    let found = found.map(|all| all.into_iter().map(as_kept).collect::<Vec<_>>());
    if let Ok(checks) = &found {
        // What the budget did not allow is looked at by the command that may spend more, and what refuses by the one that comes once
        // the server is as it should be.
        let open = |kept: &KeptCheck| refuses(kept) || kept.evidence.starts_with(NOT_ALLOWED);
        known.models.retain(|of| of.model_key != key);
        if !checks.iter().any(open) {
            known.models.push(CheckedModel { model_key: key.to_owned(), beside, checks: checks.clone() });
            known.write(folder)?;
        }
    }
    spending.keep_beside(folder, "checks")?;
    found.map_err(|error| not_opened(role, error))
}

fn as_kept(Checked { name, what, spoils, found }: Checked) -> KeptCheck {
    let (outcome, evidence, hint) = match found {
        Found::Passed(evidence) => (Outcome::Passed, evidence, None),
        Found::Failed { evidence, hint } => (Outcome::Failed, evidence, Some(hint)),
        Found::NotOffered(why) => (Outcome::NotOffered, why, None),
    };
    let spoils = match spoils {
        Spoils::Nothing => CheckSpoils::Nothing,
        Spoils::LogProbabilities => CheckSpoils::LogProbabilities,
        Spoils::Answers => CheckSpoils::Answers,
    };
    KeptCheck { name: name.to_owned(), what: what.to_owned(), spoils, outcome, evidence, hint }
}
