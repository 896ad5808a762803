//! Where the student is used, as the user says it: how much at which values of a knob, or by the prompts of the deployment.

use std::path::PathBuf;

use hydrometer_answers::Used;
use hydrometer_ask::PlacedDeployment;
use hydrometer_ask::radius::Radii;

use super::trained_on::{names, read};
use crate::failure::Failure;
use crate::numbers;

/// Where the student is used.
#[derive(Debug, clap::Args)]
pub struct UsedArguments {
    /// How much the student is used at which values of a knob, such as reasoning.depth=1:70,2:20,5:10. The benchmark illusion is
    /// what is left there less what is left at every distance. May be repeated.
    #[arg(long, value_name = "AXIS.KNOB=VALUE:WEIGHT,…", value_parser = numbers::used, conflicts_with = "teacher_cache")]
    pub deployment: Vec<(String, Vec<Used>)>,
    /// Prompts that the student is used on, in the formats of --trained-on: their distances say where it is used. May be repeated.
    #[arg(long, value_name = "FILE", requires = "trained_on")]
    pub deployed_on: Vec<PathBuf>,
}

/// The prompts of a deployment.
pub struct Deployment {
    files: Vec<String>,
    prompts: Vec<String>,
}

impl Deployment {
    /// Reads the prompts in these files; `None` without any.
    ///
    /// # Errors
    /// A file cannot be read, or a row of it has no prompt.
    pub fn read(files: &[PathBuf]) -> Result<Option<Self>, Failure> {
        if files.is_empty() {
            return Ok(None);
        }
        let prompts = read(files)?.words;
        if prompts.is_empty() {
            return Err(Failure::input("--deployed-on: expected at least one prompt, found none"));
        }
        Ok(Some(Self { files: names(files), prompts }))
    }

    /// Those of its prompts that are placed.
    pub fn placed(&self) -> impl Iterator<Item = &str> {
        PlacedDeployment::chosen(&self.prompts).into_iter()
    }

    /// Where they lie.
    pub fn place(self, radii: &Radii) -> PlacedDeployment {
        PlacedDeployment::new(self.files, &self.prompts, radii)
    }
}
