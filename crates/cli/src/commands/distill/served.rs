//! `distill` from a teacher behind an endpoint: its answers to the prompts of the data are asked for in the folder of the run, as `collect`
//! asks for them, and learnt as teacher text; and where it lists its most probable tokens, these are kept in a cache of the run, as
//! `distributions collect` keeps them, and learnt as distributions.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use hydrometer_answers::store::Store;
use hydrometer_answers::{Ledger, ModelIdentity, SampleSettings, SamplingParameters, durable};
use hydrometer_ask::{Role, Sampling};
use hydrometer_distill::{Plan, Recipe};
use hydrometer_models::{Address, Checkpoint, Known, Model, SampleLimits};
use hydrometer_probes::counted::{counted, grouped};
use hydrometer_probes::strangers::read_file;

use super::before;
use crate::commands::canaries::CANARIES;
use crate::commands::collect::documents::Questions;
use crate::commands::collect::{fill, told, watched_by_canaries};
use crate::commands::distributions::served::{AT_ONCE as POSITIONS_AT_ONCE, Asking, Reader, some_texts, stretch};
use crate::commands::spending::{Spending, sentence};
use crate::engine::{EngineArguments, network, open_on};
use crate::failure::Failure;
use crate::fetching::watched;
use crate::interrupt::Interrupt;
use crate::terminal::Terminal;

/// Who answered, in the folder of the run: a command that goes on and has all answers asks nobody.
const TEACHER: &str = "teacher.json";
/// The answer store of the run.
const STORE: &str = "teacher_text";
/// The answers as documents.
const DOCUMENTS: &str = "teacher_text.jsonl";
/// The cache of what it lists.
const DISTRIBUTIONS: &str = "distributions";
/// Answers under way at once.
const AT_ONCE: usize = 64;

/// A teacher behind an endpoint.
pub struct Served {
    model: Box<dyn Model>,
    ledger: Ledger,
    spending: Spending,
}

/// The plan of a recipe that is only looked at: nobody is asked who answers.
///
/// # Errors
/// As [`Plan::of_answers`].
pub(super) fn looked_at(recipe: Recipe, address: &Address) -> Result<Plan, Failure> {
    let (name, hash) = (address.to_string(), blake3::hash(address.to_string().as_bytes()));
    let unknown = "it was not asked".to_owned();
    let teacher = ModelIdentity::unseen(&name, name.clone(), "endpoint", hash, "endpoint", unknown);
    Plan::of_answers(recipe, teacher).map_err(before)
}

impl Served {
    /// Finds out who answers, which is paid for, unless an earlier command did.
    ///
    /// # Errors
    /// The endpoint refuses or gives no answer, the budget does not allow it, or the folder cannot be written.
    pub(super) fn open(
        recipe: &Recipe,
        out: &Path,
        engine: &EngineArguments,
        spending: Spending,
        terminal: &Terminal,
    ) -> Result<Served, Failure> {
        let ledger = Ledger::of_store(&out.join(STORE), "answers");
        spending.going_on(&ledger, terminal)?;
        fs::create_dir_all(out).map_err(|error| Failure::input(format!("{}: {error}", out.display())))?;
        let path = out.join(TEACHER);
        let known = if path.exists() {
            let wrong =
                |what: String| Failure::input(format!("{}: expected who answers, found {what}", path.display()));
            let bytes = read_file(&path).map_err(|error| wrong(error.to_string()))?;
            let identity = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
            vec![Known { identity, tools: None }]
        } else {
            Store::refuse_locked(&out.join(STORE))?;
            Vec::new()
        };
        let network = watched(network(), terminal).knowing(known).paying(spending.purse.clone());
        let model = open_on("teacher", &recipe.teacher.display().to_string(), &engine.options(), network);
        spending.keep_in(&ledger, "endpoints")?;
        let model = model?;
        if !path.exists() {
            let text = serde_json::to_string_pretty(model.identity()).map_err(Failure::input)?;
            durable::replace(&path, (text + "\n").as_bytes())?;
        }
        Ok(Served { model, ledger, spending })
    }

    /// Who answers.
    pub(super) fn identity(&self) -> &ModelIdentity {
        self.model.identity()
    }

    /// How much may be spent.
    pub(super) fn spending(&self) -> &Spending {
        &self.spending
    }

    /// Asks for the answers that the arm `teacher_text` learns, where no file of the recipe holds them; those to prompts that are held out
    /// are nobody's to learn, and are not paid for.
    ///
    /// # Errors
    /// The endpoint fails, the budget is spent, or the user interrupts; the same command goes on.
    pub(super) fn answers(
        &self,
        (recipe, out): (&Recipe, &Path),
        plan: Plan,
        accepted: bool,
        interrupt: &Interrupt,
        terminal: &Terminal,
    ) -> Result<Plan, Failure> {
        let Some(text) = recipe.asked_for() else { return Ok(plan) };
        let held_out: BTreeSet<String> = plan.data.held_out_documents.iter().map(|document| document.key()).collect();
        let questions = Questions::of_those(&recipe.data.files, |document| !held_out.contains(&document.key()))?;
        let parameters = SamplingParameters {
            temperature: text.temperature,
            top_p: 1.0,
            top_k: 0,
            max_tokens: recipe.data.context as u32,
            stop: Vec::new(),
            seed: recipe.train.seed,
        };
        let settings = SampleSettings { per_probe: text.samples, reruns: 0, parameters, paired: false };
        let limits = SampleLimits { width: AT_ONCE, memory: 1 << 30 };
        let sampling = Sampling { settings, store: out.join(STORE), limits };
        let asked = (&questions.suite, &sampling);
        let watched = watched_by_canaries(&*self.model, Role::Teacher, asked, accepted, terminal);
        self.spending.keep_in(&self.ledger, CANARIES)?;
        watched?;
        let paid = (&self.spending, &self.ledger, self.spending.purse.spent());
        fill(&*self.model, Role::Teacher, asked, paid, interrupt, terminal)?;
        let path = out.join(DOCUMENTS);
        let held = hydrometer_ask::held(&*self.model, Role::Teacher, &questions.suite, &sampling)?;
        let written = questions.write(&path, &self.model.identity().name, &held)?;
        terminal.say(&told(&questions, written, &path));
        Ok(plan.answered_in(path))
    }

    /// Asks for what the server lists at the positions that the arm `distilled` learns and at those that are measured.
    ///
    /// # Errors
    /// As [`Served::answers`], or the student's tokenizer is another one than the server's.
    pub(super) fn distributions(
        &self,
        (recipe, out): (&Recipe, &Path),
        plan: Plan,
        accepted: bool,
        interrupt: &Interrupt,
        terminal: &Terminal,
    ) -> Result<Plan, Failure> {
        let Some(count) = recipe.listed() else { return Ok(plan) };
        let cache = out.join(DISTRIBUTIONS);
        let reader =
            Reader::of(Checkpoint::open(plan.speaker().path()).map_err(Failure::input)?).map_err(Failure::input)?;
        let stretches: Vec<_> = plan.to_be_listed().cloned().map(stretch).collect();
        let texts = some_texts(&plan.data.held_out_documents);
        let asking = Asking {
            teacher: &*self.model,
            reader: &reader,
            cache: &cache,
            count,
            width: POSITIONS_AT_ONCE,
            paid: (&self.spending, &self.ledger),
            canaries: (&out.join(STORE), accepted),
        };
        let spent = self.spending.purse.spent();
        let kept = asking.fill(&stretches, &texts, interrupt, terminal);
        if let Some(paid) = self.spending.since(spent) {
            terminal.say(&sentence(&paid));
        }
        let kept = kept?;
        terminal.say(&format!(
            "{}: {} held, {} asked; {count} tokens a position in {}",
            counted(kept.windows, "sample"),
            grouped(kept.held),
            grouped(kept.scored),
            cache.display()
        ));
        plan.listed_in(&cache).map_err(before)
    }

    /// The teacher.
    pub(super) fn model(&self) -> &dyn Model {
        &*self.model
    }

    /// How the teacher and its students answer prompts that are held out: as an audit asks, with answers that leave room in the context.
    pub(super) fn audited(&self, recipe: &Recipe, out: &Path, seed: u64) -> Sampling {
        const ANSWERS: u32 = 4;
        const LONGEST: u32 = 256;
        let max_tokens = LONGEST.min(recipe.data.context as u32 / 2).max(1);
        let parameters =
            SamplingParameters { temperature: 1.0, top_p: 1.0, top_k: 0, max_tokens, stop: Vec::new(), seed };
        let settings = SampleSettings { per_probe: ANSWERS, reruns: ANSWERS, parameters, paired: true };
        Sampling { settings, store: out.join(STORE), limits: SampleLimits { width: AT_ONCE, memory: 1 << 30 } }
    }
}
