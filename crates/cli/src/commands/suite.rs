//! The suite that a command asks, from its flags.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use hydrometer_answers::WindowOrder;
use hydrometer_probes::{Profile, Suite, import};

use crate::failure::Failure;
use crate::numbers;
use crate::terminal::Terminal;

/// Seed of the built-in suite and of every draw, unless the user gives another.
pub const SEED: u64 = 1;
/// Tokens computed together, unless the user says otherwise: enough for the products to be compute-bound.
pub const BLOCK: u32 = 2048;
/// Option orders asked of each choice, unless the user says otherwise.
pub const ROTATIONS: u32 = 4;

/// The suite, and how its texts are cut.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "What is asked")]
pub struct Texts {
    /// Probe file (.jsonl), table of a known shape or folder of texts; may be repeated.
    #[arg(long, value_name = "FILE")]
    probes: Vec<PathBuf>,
    /// Text to score token by token; may be repeated.
    #[arg(long, value_name = "FILE")]
    text: Vec<PathBuf>,
    /// The built-in suite of this size, added to --probes and --text; `quick` when nothing else is asked.
    #[arg(long, value_parser = profile_parser())]
    profile: Option<Profile>,
    /// Context window in tokens.
    #[arg(long, default_value_t = 512, value_name = "TOKENS", value_parser = numbers::whole::<u32, 8>)]
    pub ctx: u32,
    /// Only N windows of each text, of as many documents and sections as can be.
    #[arg(long, value_name = "N", value_parser = numbers::whole::<u32, 1>)]
    pub chunks: Option<u32>,
    /// Take the first N windows, as llama-perplexity --chunks does, instead of spreading them.
    #[arg(long, requires = "chunks")]
    llama_order: bool,
}

impl Texts {
    /// Which windows `--chunks` takes.
    pub fn order(&self) -> WindowOrder {
        if self.llama_order { WindowOrder::First } else { WindowOrder::Spread }
    }

    /// The built-in suite, where nothing else is asked: `None` of files.
    pub fn built_in(&self) -> Option<Profile> {
        let files = !self.probes.is_empty() || !self.text.is_empty();
        if files { None } else { Some(self.profile.unwrap_or(Profile::Quick)) }
    }

    /// Whether the user left it to the command what is asked.
    pub fn unsaid(&self) -> bool {
        self.profile.is_none() && self.built_in().is_some()
    }

    /// The suite.
    ///
    /// # Errors
    /// A file cannot be read or is no suite, or the parts do not go together.
    pub fn suite(&self, seed: u64, terminal: &Terminal) -> Result<Suite, Failure> {
        let mut parts = loaded(&self.probes)?;
        for file in &self.text {
            parts.push(import::text(file)?);
        }
        match self.profile {
            Some(profile) => {
                if !parts.is_empty() {
                    terminal
                        .say(&format!("the built-in suite `{profile}` is asked beside the files, as --profile says"));
                }
                parts.push(Suite::builtin(profile, seed));
            }
            None if parts.is_empty() => parts.push(Suite::builtin(Profile::Quick, seed)),
            None => {}
        }
        joined(parts)
    }
}

/// The suites in files.
///
/// # Errors
/// A file cannot be read or is no suite.
pub fn loaded(files: &[PathBuf]) -> Result<Vec<Suite>, Failure> {
    files.iter().map(|file| Ok(Suite::load(file)?)).collect()
}

/// Suites as one.
///
/// # Errors
/// They do not go together: an identifier stands there twice.
pub fn joined(parts: Vec<Suite>) -> Result<Suite, Failure> {
    let names: Vec<_> = parts.iter().map(|part| part.name.clone()).collect();
    let suite = Suite { name: names.join(" + "), probes: parts.into_iter().flat_map(|part| part.probes).collect() };
    suite.validate()?;
    Ok(suite)
}

/// Reads `quick`, `standard` or `full`.
pub fn profile_parser() -> impl TypedValueParser<Value = Profile> {
    PossibleValuesParser::new(["quick", "standard", "full"]).try_map(|word| word.parse::<Profile>())
}
