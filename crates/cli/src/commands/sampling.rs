//! How prompts are answered freely, from a command's flags.

use std::path::PathBuf;

use hydrometer_answers::{SampleSettings, SamplingParameters};
use hydrometer_ask::{Sampling, drawing};
use hydrometer_models::SampleLimits;
use hydrometer_probes::{Ask, Suite};

use crate::failure::Failure;
use crate::files;
use crate::numbers;

/// Answers per prompt and model, and further ones of the teacher, where nobody says how many: a calibration stands beside an audit
/// that draws as many.
pub const SAMPLES: u32 = 4;
/// Tokens of an answer at most, where nobody says how many.
pub const LONGEST: u32 = 256;

/// How prompts are answered freely.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Free answers (to prompt probes)")]
pub struct Answered {
    /// Answers per prompt and model; 0 leaves prompts out.
    #[arg(long, default_value_t = SAMPLES, value_name = "N", value_parser = numbers::whole::<u32, 0>)]
    samples: u32,
    /// Further answers of the teacher per prompt: its agreement with itself is the ceiling.
    #[arg(long, default_value_t = SAMPLES, value_name = "N", value_parser = numbers::whole::<u32, 0>)]
    reruns: u32,
    /// Draws the student's answers with random numbers of their own. Usually a student of this machine draws with those of the
    /// teacher's second run: fewer answers decide then.
    #[arg(long)]
    independent_draws: bool,
    /// Longest answer in tokens, unless the probe says otherwise.
    #[arg(long, default_value_t = LONGEST, value_name = "TOKENS", value_parser = numbers::whole::<u32, 1>)]
    max_tokens: u32,
    /// Text that ends an answer; may be repeated.
    #[arg(long, value_name = "TEXT")]
    stop: Vec<String>,
    /// Sampling temperature. Only 1 draws from the models' own distributions.
    #[arg(long, default_value_t = 1.0, value_name = "T", value_parser = numbers::temperature)]
    temperature: f64,
    /// Nucleus sampling mass. Only 1 draws from the models' own distributions.
    #[arg(long, default_value_t = 1.0, value_name = "P", value_parser = numbers::mass)]
    top_p: f64,
    /// Answer store: what it holds is never asked again. Default: in the user's cache folder.
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Answers under way at once.
    #[arg(long, default_value_t = 64, value_name = "N", value_parser = numbers::whole::<usize, 1>)]
    parallel: usize,
    /// Memory for answers under way and unpacked weights, in GiB.
    #[arg(long, default_value_t = 8.0, value_name = "GIB", value_parser = numbers::gibibytes)]
    memory: f64,
}

impl Answered {
    /// As settings; `None` where nothing is answered freely.
    pub fn resolve(&self, suite: &Suite, seed: u64) -> Result<Option<Sampling>, Failure> {
        let asks = suite.probes.iter().any(|probe| matches!(probe.ask, Ask::Prompt(_) | Ask::Episode(_)));
        if self.samples == 0 || !asks { Ok(None) } else { self.sampling(seed).map(Some) }
    }

    /// How letters are asked for, where `letters` of them are drawn at most for each order of a choice.
    ///
    /// # Errors
    /// There is no place for the answer store.
    pub fn letters(&self, letters: u32, seed: u64) -> Result<Sampling, Failure> {
        Ok(Sampling { settings: drawing(letters, seed), ..self.sampling(seed)? })
    }

    /// As settings.
    ///
    /// # Errors
    /// There is no place for the answer store.
    pub fn sampling(&self, seed: u64) -> Result<Sampling, Failure> {
        let parameters = SamplingParameters {
            temperature: self.temperature,
            top_p: self.top_p,
            top_k: 0,
            max_tokens: self.max_tokens,
            stop: self.stop.clone(),
            seed,
        };
        let store = files::answer_store(self.store.as_deref())?;
        let memory = (self.memory * f64::from(1 << 30)) as u64;
        let limits = SampleLimits { width: self.parallel, memory };
        let settings = SampleSettings {
            per_probe: self.samples,
            reruns: self.reruns,
            parameters,
            paired: !self.independent_draws,
        };
        Ok(Sampling { settings, store, limits })
    }
}
