//! `hydrometer export`: what another tool can read.

use std::path::PathBuf;

use clap::Subcommand;
use hydrometer_ask::base_file::write_base_file;
use hydrometer_probes::counted::{counted, grouped};

use crate::engine::{EngineArguments, open_model};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::interrupt::listen;
use crate::numbers;
use crate::progress::Chunks;
use crate::terminal::Terminal;

/// What to write.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a llama.cpp base file, for llama-perplexity --kl-divergence. It is large: 2 bytes per position and token.
    LlamaKld(LlamaKld),
}

/// Flags of `export llama-kld`.
#[derive(Debug, clap::Args)]
pub struct LlamaKld {
    /// The teacher.
    #[arg(long, value_name = "MODEL")]
    teacher: String,
    /// The text.
    #[arg(long, value_name = "FILE")]
    text: PathBuf,
    /// The base file to write.
    #[arg(long, short, value_name = "BASE_FILE")]
    out: PathBuf,
    /// Tokens per chunk.
    #[arg(long, default_value_t = 512, value_name = "TOKENS", value_parser = numbers::whole::<u32, 8>)]
    ctx: u32,
    /// Only the first N chunks.
    #[arg(long, value_name = "N", value_parser = numbers::whole::<u32, 1>)]
    chunks: Option<u32>,
    /// Tokens computed together: memory against speed.
    #[arg(long, default_value_t = 2048, value_name = "TOKENS", value_parser = numbers::whole::<u32, 1>)]
    block_tokens: u32,
    #[command(flatten)]
    engine: EngineArguments,
}

/// Runs one of them.
pub fn run(command: Command, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let Command::LlamaKld(arguments) = command;
    files::writable(&arguments.out)?;
    let text = files::read_text(&arguments.text)?;
    let interrupt = listen()?;
    let teacher = open_model("teacher", &arguments.teacher, &arguments.engine.options(), terminal)?;
    interrupt.heeded();
    let progress = Chunks::new(terminal, 0);
    let written = write_base_file(
        &*teacher,
        &text,
        arguments.ctx,
        arguments.chunks,
        arguments.block_tokens,
        &arguments.out,
        &mut |done| {
            progress.done(done);
            !interrupt.asked()
        },
    );
    progress.end();
    let header = written?;
    terminal.say(&format!(
        "written: {}, {} of {}, {} MB",
        arguments.out.display(),
        counted(header.n_chunk as u64, "chunk"),
        counted(header.n_ctx as u64, "token"),
        grouped((header.file_bytes() / 1_000_000) as u64),
    ));
    Ok(Exit::Done)
}
