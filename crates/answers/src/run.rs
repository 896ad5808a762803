//! The run folder: what was planned, what was measured, and the seal that says that it is whole.

mod complete;
mod cost;
mod different;
mod excluded;
mod facet;
mod folder;
mod layout;
mod manifest;
mod regime;
mod settings;
mod units;
mod verify;

pub use cost::CostEntry;
pub use different::DifferentPrompts;
pub use excluded::ExcludedItem;
pub use facet::Facet;
pub use folder::{RunFolder, Units};
pub use layout::FORMAT;
pub use manifest::{Manifest, NewRun, PlannedTokens};
pub use regime::Regime;
pub use settings::{Deciding, GivenSettings, MeaningSettings, RunSettings, TeacherAsked, WatchedGate, WindowOrder};
pub use units::UnitCounts;
pub use verify::Stopped;
