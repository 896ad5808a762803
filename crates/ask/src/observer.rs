//! Who watches a collection: progress, cost and interruption.

use hydrometer_answers::{CostEntry, PartKind, PlannedTokens};

use crate::Role;

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

/// Answers that will be paid for, as far as that is known before anything is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ahead {
    /// How many.
    pub answers: u64,
    /// Tokens of their prompts, taken to be of four bytes each.
    pub read: u64,
    /// Tokens of the answers, at most.
    pub drawn: u64,
    /// Money for all of that; `None` where the price is not known.
    pub money: Option<f64>,
}

/// Whether what was paid is kept now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Where it is enough to be kept.
    IfMuch,
    /// In any case: the asking ends here.
    Always,
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
    /// What a model's answers will take that are paid for and that the answer store lacks. Told before the plan is.
    fn will_pay(&mut self, _role: Role, _ahead: Ahead) {}
    /// What was paid since the observer said so last, to be kept beside the run.
    fn paid(&mut self, _keep: Keep) -> Option<CostEntry> {
        None
    }
    /// Should the collection stop? Asked between blocks.
    fn interrupted(&self) -> bool;
}
