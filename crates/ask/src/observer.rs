//! Who watches a collection: progress, cost and interruption.

use hydrometer_answers::{CostEntry, PartKind, PlannedTokens};

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
    /// A unit is on disk. The observer, which may read a clock, returns what it cost, to be kept beside the run.
    fn finished(&mut self, what: PartKind, unit: u32) -> Option<CostEntry>;
    /// Should the collection stop? Asked between blocks.
    fn interrupted(&self) -> bool;
}
