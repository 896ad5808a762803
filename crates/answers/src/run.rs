//! The run folder: what was planned, what was measured, and the seal that says that it is whole.

mod canaries;
mod checks;
mod complete;
mod cost;
mod deployment;
mod different;
mod excluded;
mod facet;
mod folder;
mod judge;
mod layout;
mod ledger;
mod manifest;
mod not_compared;
mod regime;
mod settings;
mod trained_on;
mod units;
mod verify;

pub use canaries::{CANARIES_FORMAT, Canaries, CanaryAnswer, CanaryAsking, CanaryModel, CanaryPrompt, CanaryTime};
pub use checks::{CHECKS_FORMAT, CheckOutcome, CheckSpoils, CheckedModel, Checks, KeptCheck};
pub use cost::{CostEntry, Money, Paid};
pub use deployment::{DeployedOn, Used};
pub use different::DifferentPrompts;
pub use excluded::ExcludedItem;
pub use facet::Facet;
pub use folder::{RunFolder, Units};
pub use judge::{JUDGE_FORMAT, Judge, JudgedAnswer, judged_rows};
pub use layout::FORMAT;
pub use ledger::Ledger;
pub use manifest::{Manifest, NewRun, PlannedTokens};
pub use not_compared::NotCompared;
pub use regime::Regime;
pub use settings::{
    Deciding, GivenSettings, MeaningSettings, PlannedLook, RunSettings, TeacherAsked, WatchedGate, WindowOrder,
};
pub use trained_on::{EmbedderIdentity, SetKnob, SetKnobs, TrainedOn, TrainedToBy};
pub use units::UnitCounts;
pub use verify::Stopped;
