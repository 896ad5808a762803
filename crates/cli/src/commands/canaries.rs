//! Canaries: endpoints are asked a few short prompts before anything else, and by an audit again at the end, so that a model that changes
//! under its name is noticed.

use std::path::Path;
use std::str::FromStr;

use hydrometer_answers::store::Store;
use hydrometer_answers::{Canaries, CanaryAsking, CanaryModel, CanaryPrompt, CanaryTime};
use hydrometer_ask::{CANARY_QUESTIONS, Models, canaries};
use hydrometer_audit::canaries::{Compared, change, in_words};
use hydrometer_models::{Model, ModelError, ModelSpec};

use super::spending::Spending;
use crate::engine::not_opened;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// The name by which a change is accepted.
pub const CANARIES: &str = "canaries";

/// Whether a model may be another one than before, where no other check is made.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Endpoints")]
pub struct ChangeArguments {
    /// Go on although another model is served under an endpoint's name than the one whose answers the store holds.
    #[arg(long, value_name = "CHECK", value_parser = [CANARIES])]
    accept: Option<String>,
}

impl ChangeArguments {
    /// Whether it may.
    pub fn accepts_a_change(&self) -> bool {
        self.accept.is_some()
    }
}

/// Asks a model whose answers will go to a store, and holds it against those that stand there; leaves them there for the next one, where
/// there are none. A change is refused, unless that is accepted.
///
/// # Errors
/// It changed, or gives no answer; what is kept cannot be read or written.
pub fn beside_answers(
    model: &dyn Model,
    role: &str,
    store: &Path,
    accepted: bool,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let key = model.identity().key();
    let stored = Canaries::stored(store, &key)?;
    terminal.say(&format!(
        "{role}: {CANARY_QUESTIONS} short questions (canaries) tell whether another model is served under the name"
    ));
    let prompts = match canaries(model) {
        Ok(prompts) => prompts,
        Err(error @ ModelError::Budget { .. }) => {
            terminal.warn(&format!("{role}: canaries were not asked: {error}"));
            return Ok(());
        }
        Err(error) => return Err(not_opened(role, error)),
    };
    let Some(first) = stored.as_ref().and_then(|stored| stored.asked.first()) else {
        Store::make(store)?;
        let asked = vec![CanaryAsking { at: CanaryTime::Stored, prompts }];
        let model_name = model.identity().name.clone();
        return Ok(Canaries::store(store, CanaryModel { model_key: key, model_name, accepted: false, asked })?);
    };
    let Some(compared) = Compared::of(&first.prompts, &prompts).filter(Compared::changed) else { return Ok(()) };
    let then = in_words(CanaryTime::Stored);
    let said = format!("{role}: another model is served under the name than at {then}: {compared}");
    if !accepted {
        return Err(refused(&said, CanaryTime::Stored));
    }
    terminal.warn(&said);
    Ok(())
}

/// The endpoints among the models of an audit.
pub struct Watched<'a> {
    models: Vec<(&'a str, &'a dyn Model)>,
    folder: &'a Path,
    store: Option<&'a Path>,
    spending: &'a Spending,
    terminal: &'a Terminal,
    /// Questions that were paid for before the audit asked any.
    before: u64,
}

impl<'a> Watched<'a> {
    /// Those among models by role and name. The run stands in `folder`; answers are kept in `store`.
    pub fn of(
        models: Models<'a>,
        named: &[(&'a str, &str, String)],
        (folder, store): (&'a Path, Option<&'a Path>),
        spending: &'a Spending,
        terminal: &'a Terminal,
    ) -> Self {
        let of_role = |role: &str| match role {
            "teacher" => Some(models.teacher),
            "student" => Some(models.student),
            "base" => models.base,
            "control" => models.control,
            _ => None,
        };
        let mut watched: Vec<(&str, &dyn Model)> = Vec::new();
        for (role, name, key) in named {
            let is_endpoint = ModelSpec::from_str(name).is_ok_and(|spec| spec.endpoint().is_some());
            let is_new = watched.iter().all(|(_, model)| model.identity().key() != *key);
            watched.extend(of_role(role).filter(|_| is_endpoint && is_new).map(|model| (*role, model)));
        }
        Watched { models: watched, folder, store, spending, terminal, before: 0 }
    }

    /// Asks before the run begins or goes on. A model that is another one than before is refused, unless that is accepted.
    ///
    /// # Errors
    /// It changed, or gives no answer; what is kept cannot be read or written.
    pub fn begin(&mut self, accepted: bool) -> Result<(), Failure> {
        let goes_on = self.folder.join("manifest.json").exists();
        let mut kept = Canaries::read(self.folder)?;
        for (role, model) in &self.models {
            let key = model.identity().key();
            let mut of_model = match kept.of(&key) {
                // Asked by a command that ended before its run began.
                Some(known) if !goes_on && known.asked.iter().any(|asked| asked.at == CanaryTime::Began) => continue,
                Some(known) => known.clone(),
                None => self.first(&key, &model.identity().name)?,
            };
            self.terminal.say(&format!(
                "{role}: {CANARY_QUESTIONS} short questions (canaries) tell whether another model is served under the name; they are \
                 asked again at the end"
            ));
            let at = if goes_on { CanaryTime::Resumed } else { CanaryTime::Began };
            let Some(asked) = self.ask(role, *model, at)? else { continue };
            let now = CanaryAsking { at, prompts: asked };
            let changed = of_model.asked.first().and_then(|first| {
                let compared = Compared::of(&first.prompts, &now.prompts).filter(Compared::changed)?;
                Some((first.at, compared))
            });
            if let Some((then, compared)) = changed {
                let said =
                    format!("{role}: another model is served under the name than at {}: {compared}", in_words(then));
                if !accepted {
                    return Err(refused(&said, then));
                }
                self.terminal.warn(&said);
                of_model.accepted = true;
            }
            of_model.asked.push(now);
            self.store(&of_model)?;
            kept.models.retain(|of| of.model_key != key);
            kept.models.push(of_model);
            kept.write(self.folder)?;
        }
        self.spending.keep_beside(self.folder, CANARIES)?;
        self.before = self.spending.purse.spent().questions;
        Ok(())
    }

    /// Asks when all is answered. Says what changed meanwhile, and leaves it to the statement.
    ///
    /// # Errors
    /// What is kept cannot be written.
    pub fn end(&self) -> Result<(), Failure> {
        if self.spending.purse.spent().questions == self.before {
            return Ok(());
        }
        let mut kept = Canaries::read(self.folder)?;
        for (role, model) in &self.models {
            let key = model.identity().key();
            let Some(of_model) = kept.models.iter_mut().find(|of| of.model_key == key) else { continue };
            let asked = match canaries(*model) {
                Ok(prompts) => prompts,
                Err(error) => {
                    self.terminal.warn(&format!("{role}: canaries were not asked at the end: {error}"));
                    continue;
                }
            };
            of_model.asked.push(CanaryAsking { at: CanaryTime::Ended, prompts: asked });
            if let Some((then, CanaryTime::Ended, compared)) = change(of_model) {
                let then = in_words(then);
                self.terminal
                    .warn(&format!("{role}: another model is served under the name than at {then}: {compared}"));
            }
        }
        kept.write(self.folder)?;
        self.spending.keep_beside(self.folder, CANARIES)
    }

    /// What is known of a model that this run did not ask yet.
    fn first(&self, key: &str, name: &str) -> Result<CanaryModel, Failure> {
        let stored = self.store.map_or(Ok(None), |store| Canaries::stored(store, key))?;
        let asked = stored.map(|stored| stored.asked).unwrap_or_default();
        Ok(CanaryModel { model_key: key.to_owned(), model_name: name.to_owned(), accepted: false, asked })
    }

    /// Leaves the first canaries of a model beside its answers.
    fn store(&self, model: &CanaryModel) -> Result<(), Failure> {
        let (Some(store), Some(first)) = (self.store, model.asked.first()) else { return Ok(()) };
        if first.at == CanaryTime::Stored || Canaries::stored(store, &model.model_key)?.is_some() {
            return Ok(());
        }
        Store::make(store)?;
        let first = CanaryAsking { at: CanaryTime::Stored, prompts: first.prompts.clone() };
        Ok(Canaries::store(store, CanaryModel { accepted: false, asked: vec![first], ..model.clone() })?)
    }

    fn ask(&self, role: &str, model: &dyn Model, at: CanaryTime) -> Result<Option<Vec<CanaryPrompt>>, Failure> {
        let asked = canaries(model);
        self.spending.keep_beside(self.folder, CANARIES)?;
        match asked {
            Ok(prompts) => Ok(Some(prompts)),
            Err(error @ ModelError::Budget { .. }) => {
                let when = in_words(at);
                self.terminal.warn(&format!("{role}: canaries were not asked at {when}: {error}"));
                Ok(None)
            }
            Err(error) => Err(not_opened(role, error)),
        }
    }
}

fn refused(said: &str, then: CanaryTime) -> Failure {
    let again = match then {
        CanaryTime::Stored => {
            "what the store holds of it is of the model that it was: name another with --store, and all is asked anew"
        }
        _ => {
            "what it answered before is of the model that it was: name another folder with --out and another store with --store, and \
              all is asked anew"
        }
    };
    Failure::input(said).hint(again).hint("--accept canaries goes on all the same, and statements say so")
}
