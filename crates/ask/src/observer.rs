//! Who watches a collection: progress, cost and interruption.

use hydrometer_answers::{CostEntry, Ledger, PartKind, PlannedTokens, RunError, RunFolder};
use hydrometer_models::{BatchState, Model};

use crate::Role;
use crate::windows::Window;

/// Size of the work, told once before it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanSummary {
    /// Tokens that the models score.
    pub planned: PlannedTokens,
    /// Units of work.
    pub units: u64,
    /// Units that an earlier, interrupted run finished.
    pub units_done: u64,
    /// Tokens of all models in those.
    pub tokens_done: u64,
    /// Free answers that the run still wants; the answer store may hold some.
    pub answers: u64,
    /// Their tokens, if each is as long as it may be.
    pub longest: PlannedTokens,
}

/// What will be paid for, as far as that is known before anything is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ahead {
    /// What they are.
    pub what: Bought,
    /// How many.
    pub answers: u64,
    /// Tokens of their prompts, taken to be of four bytes each.
    pub read: u64,
    /// Tokens of the answers, at most.
    pub drawn: u64,
    /// Money for all of that; `None` where the price is not known.
    pub money: Option<f64>,
}

impl Ahead {
    /// The positions of windows as questions to an endpoint: each with all that stands in front of it. `None` where nothing is paid for.
    pub(crate) fn of_positions<'w>(model: &dyn Model, windows: impl Iterator<Item = &'w Window>) -> Option<Ahead> {
        let answers = model.answers().filter(|answers| answers.is_paid_for())?;
        let mut ahead = Ahead { what: Bought::Positions, ..Ahead::default() };
        for row in windows.flat_map(|window| &window.rows) {
            ahead.answers += 1;
            ahead.read += u64::from(*row) + 1;
        }
        ahead.drawn = ahead.answers;
        ahead.money = answers.cost(ahead.read, ahead.drawn);
        (ahead.answers > 0).then_some(ahead)
    }
}

/// What is paid for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bought {
    /// Answers.
    #[default]
    Answers,
    /// Next-token distributions, as far as they are shown.
    Positions,
    /// Answers in episodes, at most: one may end before its budget of answers does. What they read grows from answer to answer and is not
    /// known before.
    Turns(Turns),
}

/// How answers in episodes are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turns {
    /// By themselves.
    Alone,
    /// In batches, one for each round of answers to all episodes that go on: so many rounds at most.
    Together(u32),
}

/// Whether what was paid is kept now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Where it is enough to be kept.
    IfMuch,
    /// In any case: the asking ends here.
    Always,
}

/// Where what was paid is kept.
#[derive(Clone, Copy)]
pub(crate) enum Costs<'a> {
    /// In the run that is collected.
    Run(&'a RunFolder),
    /// Beside a finished run or a store, under this name.
    Beside(&'a Ledger, &'static str),
}

impl Costs<'_> {
    /// Keeps what the observer says was paid since it last did.
    pub(crate) fn keep(self, keep: Keep, observer: &mut dyn Observer) -> Result<(), RunError> {
        match (observer.paid(keep), self) {
            (None, _) => Ok(()),
            (Some(paid), Costs::Run(run)) => run.append_cost(&paid),
            (Some(paid), Costs::Beside(ledger, what)) => ledger.append(&CostEntry { what: what.to_owned(), ..paid }),
        }
    }
}

/// Watches a collection.
pub trait Observer {
    /// The plan is made; nothing has been computed yet.
    fn planned(&mut self, plan: &PlanSummary);
    /// `tokens` more tokens (of either model) are computed.
    fn progress(&mut self, tokens: u64);
    /// So many tokens of prompts were read and so many of answers drawn.
    fn sampled(&mut self, read: u64, drawn: u64);
    /// So many more answers are complete.
    fn answered(&mut self, answers: u64);
    /// So many answers need not be asked for: the answer store holds them, or nobody wants them any more.
    fn spared(&mut self, answers: u64);
    /// A unit is on disk. The observer, which may read a clock, returns what it cost, to be kept beside the run.
    fn finished(&mut self, what: PartKind, unit: u32) -> Option<CostEntry>;
    /// What will be paid for that is not there yet. Told before the plan is.
    fn will_pay(&mut self, _role: Role, _ahead: Ahead) {}
    /// What the provider of a model says of a batch that is waited for.
    fn batch(&mut self, _role: Role, _state: &BatchState) {}
    /// Something about a model's answers that somebody should know.
    fn says(&mut self, _role: Role, _words: &str) {}
    /// What was paid since the observer said so last, to be kept beside the run.
    fn paid(&mut self, _keep: Keep) -> Option<CostEntry> {
        None
    }
    /// Should the collection stop? Asked between blocks.
    fn interrupted(&self) -> bool;
}
