//! Trajectories: tasks that a model carried out elsewhere, in a world that is not at hand. Nothing can be played again, so
//! the log that they come from says whether they succeeded. They are imported and never asked.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Description, Kind, check_visible};
use crate::error::Fault;
use crate::fields::{Field, Type};

pub(super) const NAME: &str = "trajectory";
pub(super) const FIELDS: &[Field] = &[("task", true, Type::Text), ("system", false, Type::Text)];

/// A task that was carried out elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Trajectory {
    /// What was to be done, in the log's words. The model need not have seen them: a simulated user may have.
    pub task: String,
    /// System message that the model had, where the log has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
}

impl Kind for Trajectory {
    fn name(&self) -> &'static str {
        NAME
    }

    fn question(&self) -> &str {
        &self.task
    }

    /// Nothing is put to a model.
    fn asked_bytes(&self) -> usize {
        0
    }

    fn texts(&self) -> Vec<&str> {
        vec![self.system.as_deref().unwrap_or(""), &self.task]
    }

    fn has_truth(&self) -> Option<bool> {
        Some(true)
    }

    fn described(&self) -> Description {
        let system = self.system.iter().map(|system| ("system".to_owned(), system.clone()));
        let task = ("task, carried out elsewhere and judged by its log".to_owned(), self.task.clone());
        Description { facts: Vec::new(), texts: system.chain([task]).collect() }
    }

    fn check(&self) -> Result<(), Fault> {
        check_visible("task", &self.task)?;
        self.system.iter().try_for_each(|text| check_visible("system", text))
    }
}
