//! Opening models as the flags say, and measuring how fast they are here.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Args, ValueEnum};
use hydrometer_ask::Closeness;
use hydrometer_models::{
    Block, EngineOptions, Instructions, Model, ModelError, Network, Precision, Scorer, SentenceEncoder, Sequence,
    fetch, open_with,
};
use hydrometer_probes::Suite;
use hydrometer_probes::meaning::LEAST_COSINE;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::fetching::watched;
use crate::terminal::Terminal;
use crate::threads;

/// Tokens of the block that is measured: enough to be compute-bound, few enough to be over soon.
const WARM_UP: usize = 384;
/// Tokens of the blocks that are scored before: their time is what a block takes whatever it holds.
const FIRST: usize = 8;

/// Flags of the engine, the same for every command that runs a model.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Engine")]
pub struct EngineArguments {
    /// Arithmetic of the large products; `auto` takes the fastest that keeps f32 accuracy on this processor.
    #[arg(long, value_enum, default_value_t, value_name = "P")]
    pub precision: PrecisionName,
}

/// Precision, as it is called on the command line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PrecisionName {
    /// The fastest that keeps f32 accuracy.
    #[default]
    Auto,
    /// 32-bit floating point.
    F32,
    /// The integers of quantised weights times 16-bit activations; their sums are exact.
    I16,
    /// Three bf16 products that together keep f32 accuracy.
    Bf16x3,
    /// One bf16 product: fastest, with a noise floor that the statement prints.
    Bf16,
}

impl EngineArguments {
    /// The engine's own settings.
    pub fn options(self) -> EngineOptions {
        let precision = match self.precision {
            PrecisionName::Auto => Precision::Auto,
            PrecisionName::F32 => Precision::F32,
            PrecisionName::I16 => Precision::I16,
            PrecisionName::Bf16x3 => Precision::Bf16x3,
            PrecisionName::Bf16 => Precision::Bf16,
        };
        EngineOptions { precision }
    }
}

/// Flags that say which free answers mean the same.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Free answers that mean the same")]
pub struct MeaningArguments {
    /// Folder of a sentence encoder (BERT: all-MiniLM, bge, e5, gte, …), or hf:ORG/NAME: free answers mean the same when it puts them close
    /// together. Default: when they are spelled alike.
    #[arg(long, value_name = "DIR")]
    sentence_encoder: Option<PathBuf>,
    /// Least cosine of answers that mean the same, above 0 and at most 1.
    #[arg(
        long,
        default_value_t = LEAST_COSINE,
        value_name = "COSINE",
        requires = "sentence_encoder",
        value_parser = cosine
    )]
    same_meaning: f64,
}

fn cosine(text: &str) -> Result<f64, &'static str> {
    text.parse().ok().filter(|&c: &f64| c > 0.0 && c <= 1.0).ok_or("expected a cosine above 0 and at most 1")
}

/// An opened sentence encoder and how close it must put two texts.
pub struct Meaning {
    encoder: SentenceEncoder,
    least_cosine: f64,
}

impl MeaningArguments {
    /// Whether an encoder is named.
    pub fn is_given(&self) -> bool {
        self.sentence_encoder.is_some()
    }

    /// Opens the encoder where one is named.
    ///
    /// # Errors
    /// The encoder cannot be used.
    pub fn open(&self, terminal: &Terminal) -> Result<Option<Meaning>, Failure> {
        let Some(folder) = &self.sentence_encoder else { return Ok(None) };
        terminal.say(&format!("opening sentence encoder {}; it reads every free answer", folder.display()));
        Ok(Some(Meaning { encoder: open_encoder(folder)?, least_cosine: self.same_meaning }))
    }
}

/// Opens the sentence encoder in a folder.
///
/// # Errors
/// It cannot be used.
pub fn open_encoder(folder: &Path) -> Result<SentenceEncoder, Failure> {
    let failed = |error: ModelError| {
        Failure::input(format!("sentence encoder: {error}"))
            .hint("an encoder is a sentence-transformers folder with config.json, model.safetensors and tokenizer.json")
    };
    match folder.to_str().filter(|name| name.starts_with("hf:")) {
        Some(name) => {
            let fetched = fetch(name, &network()).map_err(failed)?;
            Ok(SentenceEncoder::open(&fetched.path).map_err(failed)?.called(&fetched.name))
        }
        None => SentenceEncoder::open(folder).map_err(failed),
    }
}

impl Meaning {
    /// As an audit takes it.
    pub fn closeness(&self) -> Closeness<'_> {
        Closeness { encoder: &self.encoder, least_cosine: self.least_cosine }
    }
}

/// Refuses instructions that nobody knows, and says where the processor lacks those that the environment asks for.
///
/// # Errors
/// The environment names none of the known sets.
pub fn check_instructions(terminal: &Terminal) -> Result<(), Failure> {
    let most = Instructions::of_processor();
    match Instructions::asked().map_err(Failure::input)? {
        Some(asked) if asked > most => terminal.say(&format!("this processor has no {asked}; its most is {most}")),
        _ => {}
    }
    Ok(())
}

/// What the engine found on this processor, for `--version`.
pub fn features() -> String {
    let cores = threads::cores();
    let target = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
    let kernels = hydrometer_models::kernel_names().join(", ");
    // A name that nobody knows is refused by every command.
    let instructions: Vec<_> = Instructions::allowed().unwrap_or_default().iter().map(ToString::to_string).collect();
    format!("{target}, {cores} cores\nkernels: {kernels}\ninstructions: {}", instructions.join(", "))
}

/// Opens the model that the user named. Keys of endpoints stand in the environment.
///
/// # Errors
/// It is not there or cannot be used: that is bad input, nothing was asked yet. Or an endpoint gives no answer.
pub fn open_model(
    role: &str,
    spec: &str,
    options: &EngineOptions,
    terminal: &Terminal,
) -> Result<Box<dyn Model>, Failure> {
    terminal.say(&format!("opening {role} {spec}"));
    open_on(role, spec, options, watched(network(), terminal))
}

/// As [`open_model`], without a word.
///
/// # Errors
/// As [`open_model`].
pub fn open_quietly(role: &str, spec: &str, options: &EngineOptions) -> Result<Box<dyn Model>, Failure> {
    open_on(role, spec, options, network())
}

/// How endpoints are reached: their keys stand in the environment.
pub fn network() -> Network {
    Network::new(|name| std::env::var(name).ok())
}

/// As [`open_quietly`], over this network.
///
/// # Errors
/// As [`open_model`].
pub fn open_on(role: &str, spec: &str, options: &EngineOptions, network: Network) -> Result<Box<dyn Model>, Failure> {
    open_with(spec, options, &network).map_err(|error| not_opened(role, error))
}

/// That what the user named cannot be opened, and what to do.
pub fn not_opened(role: &str, error: ModelError) -> Failure {
    let failure = Failure::input(format!("{role}: {error}"));
    match error {
        ModelError::Truncated { .. } | ModelError::Weight { .. } => {
            failure.hint("copy or download the file again, and compare its size and checksum with the publisher's")
        }
        ModelError::Budget { .. } => {
            Failure { exit: Exit::ModelFailed, ..failure }.hint("a higher --budget or --budget-tokens goes on")
        }
        ModelError::NoAnswer { .. } => {
            Failure { exit: Exit::ModelFailed, ..failure }.hint("the same command goes on once the server answers")
        }
        ModelError::Refused { .. } => failure.hint("`hydrometer models` says where keys and addresses come from"),
        // Says itself what to ask for instead.
        ModelError::Request { .. } | ModelError::Kept { .. } => failure,
        _ => failure.hint(
            "a model is a .gguf file, a Hugging Face folder, hf:ORG/NAME, answers:PLACE, scripted:FILE.toml, planted:DEFECT(MODEL) or an endpoint \
             (`hydrometer models` lists them)",
        ),
    }
}

/// Tokens per second of a model on this machine in blocks of `block_tokens`, logits included: measured on a few tokens, which say what it
/// takes to unpack the weights once, and on one short block of the suite's own text.
///
/// # Errors
/// The model fails.
pub fn tokens_per_second(
    role: &str,
    model: &dyn Model,
    suite: &Suite,
    block_tokens: u32,
) -> Result<Option<f64>, Failure> {
    let failed = |error| match error {
        ModelError::Weight { .. } => not_opened(role, error),
        _ => Failure { exit: Exit::ModelFailed, message: format!("{role}: {error}"), hints: Vec::new() },
    };
    let Some(text) =
        suite.probes.iter().map(|probe| probe.ask.kind().question()).max_by_key(|text| text.len().min(8 * WARM_UP))
    else {
        return Ok(None);
    };
    let longest = model.identity().context_length.map_or(WARM_UP, |context| WARM_UP.min(context as usize));
    let text: String = text.chars().take(8 * WARM_UP).collect();
    // What shows no logits is not measured, nor what shows them from afar.
    let here = Scorer::of(model).ok().filter(|_| model.shows().is_err());
    let Some(scorer) = here else { return Ok(None) };
    // What the tokenizer does not take is left out of the audit, and told there.
    let Ok(text) = scorer.tokens.encode(&text) else { return Ok(None) };
    // Short texts are read again and again: a handful of tokens costs nearly as much as a hundred.
    let tokens: Vec<u32> = text.iter().copied().cycle().take(if text.is_empty() { 0 } else { longest }).collect();
    if tokens.len() < 2 {
        return Ok(None);
    }
    let seconds = |tokens: &[u32]| -> Result<f64, Failure> {
        let rows = (0..tokens.len() as u32).collect();
        let block = Block { sequences: vec![Sequence { tokens: tokens.to_vec(), rows }] };
        let started = Instant::now();
        let mut logits = scorer.scores.score(&block).map_err(failed)?;
        let mut buffer = vec![0f32; block.rows() * model.identity().logit_width() as usize];
        logits.read(0..block.rows(), &mut buffer).map_err(failed)?;
        Ok(started.elapsed().as_secs_f64())
    };
    let few = tokens.len().min(FIRST);
    // The first pass reads the weights from the disk.
    seconds(&tokens[..few])?;
    let (of_few, of_all) = (seconds(&tokens[..few])?, seconds(&tokens)?);
    Ok(Some(in_blocks([(few, of_few), (tokens.len(), of_all)], tokens.len().max(block_tokens as usize))))
}

/// Tokens per second in blocks of `block` tokens, on the line through the times of two smaller blocks.
fn in_blocks([(few, of_few), (many, of_many)]: [(usize, f64); 2], block: usize) -> f64 {
    let each =
        if many > few && of_many > of_few { (of_many - of_few) / (many - few) as f64 } else { of_many / many as f64 };
    block as f64 / (of_many + each * (block - many) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_block_takes_whatever_it_holds_is_paid_once_a_block() {
        let check = |times, block, expected: f64| {
            let found = in_blocks(times, block);
            assert!((found - expected).abs() < 1e-9, "{found}, expected {expected}");
        };
        // Two seconds and a hundredth for each token.
        check([(8, 2.08), (384, 5.84)], 4096, 4096.0 / 42.96);
        check([(8, 2.08), (384, 5.84)], 384, 384.0 / 5.84);
        // A few tokens took longer than many, which says nothing of larger blocks.
        check([(8, 9.0), (384, 4.0)], 4096, 96.0);
        // As long in the small block as in the large one.
        check([(384, 4.0), (384, 4.0)], 768, 96.0);
    }
}
