//! `hydrometer import`: what another tool wrote, compared with a model of ours.

use std::path::PathBuf;

use clap::Subcommand;
use hydrometer_answers::llama_kld::BaseReader;
use hydrometer_ask::base_file::{Against, against_base_file};

use super::as_json;
use crate::engine::{EngineArguments, open_model};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::listen;
use crate::numbers;
use crate::progress::Chunks;
use crate::terminal::Terminal;

/// What to read.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Compare a student with a llama.cpp base file (llama-perplexity --kl-divergence-base) and print its numbers.
    LlamaKld(LlamaKld),
}

/// Flags of `import llama-kld`.
#[derive(Debug, clap::Args)]
pub struct LlamaKld {
    /// The base file: the teacher's answers.
    #[arg(value_name = "BASE_FILE")]
    base: PathBuf,
    /// The student, of the same vocabulary.
    #[arg(long, value_name = "MODEL")]
    student: String,
    /// Tokens computed together: memory against speed.
    #[arg(long, default_value_t = 2048, value_name = "TOKENS", value_parser = numbers::whole::<u32, 1>)]
    block_tokens: u32,
    #[command(flatten)]
    engine: EngineArguments,
    /// Print the numbers as JSON.
    #[arg(long)]
    json: bool,
}

/// Probability left out that is worth a word.
const NOTABLE: f64 = 1e-6;

/// Runs one of them.
pub fn run(command: Command, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let Command::LlamaKld(arguments) = command;
    let mut base = BaseReader::open(&arguments.base).map_err(Failure::input)?;
    let interrupt = listen()?;
    let student = open_model("student", &arguments.student, &arguments.engine.options(), terminal)?;
    terminal.say("a base file names no model and no tokenizer: that they belong together is for you to know");
    interrupt.heeded();
    let progress = Chunks::new(terminal, base.header().n_chunk);
    let compared = against_base_file(&mut base, &*student, arguments.block_tokens, &mut |done| {
        progress.done(done);
        !interrupt.asked()
    });
    progress.end();
    let Against { compat, largest_mass, most_dropped, most_beyond } = compared?;
    if largest_mass > 1.001 {
        terminal.warn(&format!(
            "the base file keeps 16 nats below each row's most probable token and lifts what is less probable to there: \
             its probabilities sum to up to {largest_mass:.4}"
        ));
    }
    if most_dropped > NOTABLE || most_beyond > NOTABLE {
        terminal.warn(&format!(
            "llama.cpp's divergence leaves out tokens of at most e^-16, up to {most_dropped:.1e} of a row's probability; \
             entries of the student beyond the file's {} are left out too, up to {most_beyond:.1e}",
            base.header().n_vocab
        ));
    }
    let Some(compat) = compat else {
        return Err(Failure::input(format!(
            "{} holds {} positions, expected at least 100",
            arguments.base.display(),
            base.header().rows()
        ))
        .hint("make it from more chunks"));
    };
    let shown = if arguments.json { as_json(&compat)? } else { hydrometer_report::compat(&compat) };
    terminal.data(&shown)?;
    Ok(Exit::Done)
}
