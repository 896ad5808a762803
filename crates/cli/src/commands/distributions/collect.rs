//! `hydrometer distributions collect`: the distributions of a teacher that runs here, or of one behind an endpoint.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Instant;

use clap::Args;
use hydrometer_answers::Ledger;
use hydrometer_answers::cache::TeacherCache;
use hydrometer_answers::sparse::{self, Codec, SparseError};
use hydrometer_ask::{CacheReport, Stretch, Windowing, fill_cache, fill_cache_with, stretches};
use hydrometer_distill::data::{Encoder, preflight, read};
use hydrometer_distill::train::Sample;
use hydrometer_metrics::sparse::Truncation;
use hydrometer_models::{ChatTemplate, Checkpoint, Model, ModelError, ModelSpec, Tokenizer};
use hydrometer_probes::counted::{counted, grouped};
use serde_json::json;

use super::served;
use crate::commands::as_json;
use crate::commands::canaries::ChangeArguments;
use crate::commands::distill::{before, warn_of};
use crate::commands::spending::{SpendingArguments, sentence};
use crate::commands::suite::{BLOCK, SEED, Texts};
use crate::engine::{EngineArguments, network, open_model, open_on};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::fetching::watched;
use crate::files;
use crate::interrupt::listen;
use crate::numbers;
use crate::progress::{Progress, Speeds};
use crate::terminal::Terminal;

/// Most probable tokens of a server that are kept, unless the user says otherwise: as many as vLLM lists as it starts.
const LISTED: u32 = 20;

/// Flags of `collect`.
#[derive(Debug, Args)]
pub struct Collect {
    /// The model that was copied: a .gguf file, a Hugging Face folder, scripted:FILE, planted:DEFECT(MODEL); or one behind vllm:,
    /// sglang: or llama-server:, of which its most probable tokens are kept.
    #[arg(long, value_name = "MODEL")]
    teacher: String,
    /// Folder of the cache; made where it is not there.
    #[arg(long, value_name = "DIR")]
    cache: PathBuf,
    #[command(flatten)]
    texts: Texts,
    /// Training data in place of texts: the positions that a student of `distill` learns from. The shapes of docs/distil.md; `--ctx`
    /// is the recipe's `data.context`. May be repeated.
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "What is asked",
        conflicts_with_all = ["probes", "text", "profile", "chunks"]
    )]
    data: Vec<PathBuf>,
    /// Tokens computed together: memory against speed. An interruption loses at most one block.
    #[arg(long, default_value_t = BLOCK, value_name = "TOKENS", help_heading = "What is asked", value_parser = numbers::whole::<u32, 1>)]
    block_tokens: u32,
    /// Seed of the built-in suite.
    #[arg(long, default_value_t = SEED, value_name = "N", help_heading = "What is asked", value_parser = numbers::whole::<u64, 0>)]
    seed: u64,
    #[command(flatten)]
    kept: Kept,
    #[command(flatten)]
    asked: Asked,
    #[command(flatten)]
    spending: SpendingArguments,
    #[command(flatten)]
    change: ChangeArguments,
    #[command(flatten)]
    engine: EngineArguments,
    /// Print what was done as JSON.
    #[arg(long)]
    json: bool,
}

impl Collect {
    /// How texts are cut.
    fn cut(&self) -> Windowing {
        Windowing { n_ctx: self.texts.ctx, max_windows: self.texts.chunks, order: self.texts.order() }
    }
}

/// How much of each distribution is kept.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "What is kept of each position")]
struct Kept {
    /// Keep the most probable tokens that have this mass together, … [default: 0.98]
    #[arg(long, value_name = "MASS", value_parser = numbers::number)]
    mass: Option<f64>,
    /// … but at least so many (with fewer than ten there is no Kendall's tau) … [default: 10]
    #[arg(long, value_name = "N", value_parser = numbers::whole::<u32, 0>)]
    k_min: Option<u32>,
    /// … and at most so many. [default: 128]
    #[arg(long, value_name = "N", value_parser = numbers::whole::<u32, 0>)]
    k_max: Option<u32>,
    /// Tokens drawn from the others, in proportion to their probability. [default: 16]
    #[arg(long, value_name = "N", value_parser = numbers::whole::<u32, 0>)]
    draws: Option<u32>,
}

impl Kept {
    /// As settings; a value out of range is that of a flag.
    fn resolve(self) -> Result<Truncation, Failure> {
        let (mass, k_min) = (self.mass.unwrap_or(0.98), self.k_min.unwrap_or(10));
        let (k_max, draws) = (self.k_max.unwrap_or(128), self.draws.unwrap_or(16));
        let truncation = Truncation { mass, k_min, k_max, draws };
        sparse::check(&truncation).map_err(|error| match error {
            SparseError::Setting { setting: "k_min", .. } => {
                Failure::input(format!("--k-min is {k_min}, expected at most --k-max, which is {k_max}"))
            }
            SparseError::Setting { setting, found, expected } => {
                Failure::input(format!("--{} is {found}, expected {expected}", setting.replace('_', "-")))
            }
            other => Failure::input(other),
        })?;
        Ok(truncation)
    }

    /// Refuses what a server does not do.
    fn refuse(self) -> Result<(), Failure> {
        let Self { mass, k_min, k_max, draws } = self;
        let given = [
            ("mass", mass.is_some()),
            ("k-min", k_min.is_some()),
            ("k-max", k_max.is_some()),
            ("draws", draws.is_some()),
        ];
        let Some((flag, _)) = given.into_iter().find(|(_, given)| *given) else { return Ok(()) };
        Err(Failure::input(format!(
            "--{flag}: a server lists as many of its most probable tokens as it is asked for, and draws none of the others"
        ))
        .hint("--top-k N says how many"))
    }
}

/// How a teacher behind an endpoint is asked.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "A teacher behind an endpoint")]
struct Asked {
    /// Whose tokenizer and template read the texts: a .gguf file or a Hugging Face folder, such as the student that will learn. It must
    /// read texts as the server does.
    #[arg(long, value_name = "MODEL")]
    tokenizer: Option<PathBuf>,
    /// Most probable tokens that are asked for at every position. vLLM lists no more than its --max-logprobs.
    #[arg(long, default_value_t = LISTED, value_name = "N", value_parser = numbers::whole::<u32, 1>)]
    top_k: u32,
    /// Questions under way at once.
    #[arg(long, default_value_t = served::AT_ONCE, value_name = "N", value_parser = numbers::whole::<usize, 1>)]
    parallel: usize,
}

/// Fills the cache.
///
/// # Errors
/// A flag or a file that cannot be used, a model that fails, or an interruption: the same command goes on.
pub fn run(arguments: &Collect, terminal: &mut Terminal) -> Result<Exit, Failure> {
    files::outside_runs(&arguments.cache)?;
    let spec = ModelSpec::from_str(&arguments.teacher).ok();
    if let Some(address) = spec.as_ref().and_then(|spec| spec.endpoint()) {
        served::possible(address)?;
        return from_server(arguments, terminal);
    }
    if let Some(tokenizer) = &arguments.asked.tokenizer {
        let found = format!("--tokenizer {}: a teacher that runs here has its own", tokenizer.display());
        return Err(Failure::input(found).hint("leave it out"));
    }
    let truncation = arguments.kept.resolve()?;
    let suite = match arguments.data.is_empty() {
        true => Some(arguments.texts.suite(arguments.seed, terminal)?),
        false => None,
    };
    let interrupt = listen()?;
    let teacher = open_model("teacher", &arguments.teacher, &arguments.engine.options(), terminal)?;
    let stretches = match suite {
        Some(_) => Vec::new(),
        None => training_data(&arguments.data, arguments.texts.ctx as usize, &*teacher, terminal)?,
    };
    let codec = Codec::of_logits(teacher.identity().logit_width(), truncation);
    let mut cache = TeacherCache::create_or_open(&arguments.cache, teacher.identity(), codec)?;
    let cut = arguments.cut();
    let block_tokens = arguments.block_tokens.max(cut.n_ctx);
    let mut progress = Progress::new(terminal, &interrupt, Speeds { teacher: None, student: None });
    let started = Instant::now();
    let kept = match &suite {
        Some(suite) => fill_cache(&*teacher, suite, cut, block_tokens, &mut cache, &mut progress),
        None => fill_cache_with(&*teacher, &stretches, block_tokens, &mut cache, &mut progress),
    };
    let seconds = started.elapsed().as_secs_f64();
    progress.end();
    told(arguments, &teacher.identity().name, &kept?, seconds, terminal)?;
    Ok(Exit::Done)
}

/// The same from a server.
fn from_server(arguments: &Collect, terminal: &mut Terminal) -> Result<Exit, Failure> {
    arguments.kept.refuse()?;
    let top_k = arguments.asked.top_k;
    if let Err(SparseError::Setting { expected, .. }) = sparse::check(&Codec::listed(1, top_k).truncation) {
        return Err(Failure::input(format!("--top-k is {top_k}, expected {expected}")));
    }
    let Some(tokenizer) = &arguments.asked.tokenizer else {
        let found = "--teacher is behind an endpoint: expected --tokenizer, whose tokenizer reads the texts";
        return Err(Failure::input(found).hint("name the student that will learn, or the teacher's own files"));
    };
    let opened = |error| Failure::input(format!("--tokenizer: {error}"));
    let reader = Reader::of(Checkpoint::open(tokenizer).map_err(opened)?).map_err(opened)?;
    let (texts, stretches) = match arguments.data.is_empty() {
        true => {
            let suite = arguments.texts.suite(arguments.seed, terminal)?;
            (served::texts_of(&suite), stretches(&reader.tokenizer, &suite, arguments.cut())?)
        }
        false => samples(&arguments.data, arguments.texts.ctx as usize, reader.reading(), "--tokenizer", terminal)?,
    };
    let interrupt = listen()?;
    let spending = arguments.spending.open()?;
    let store = TeacherCache::endpoint(&arguments.cache);
    let ledger = Ledger::of_store(&store, "distributions");
    let before = spending.going_on(&ledger, terminal)?;
    terminal.say(&format!("opening teacher {}", arguments.teacher));
    let network = watched(network(), terminal).knowing(served::known(&arguments.cache)?).paying(spending.purse.clone());
    let teacher = open_on("teacher", &arguments.teacher, &arguments.engine.options(), network);
    // Also what was paid to one that was refused then.
    spending.keep_in(&ledger, "endpoints")?;
    let teacher = teacher?;
    let asking = served::Asking {
        teacher: &*teacher,
        reader: &reader,
        cache: &arguments.cache,
        count: top_k,
        width: arguments.asked.parallel,
        paid: (&spending, &ledger),
        canaries: (&store, arguments.change.accepts_a_change()),
    };
    let started = Instant::now();
    let kept = asking.fill(&stretches, &texts, &interrupt, terminal);
    if let Some(paid) = spending.since(before) {
        terminal.say(&sentence(&paid));
    }
    told(arguments, &asking.teacher.identity().name, &kept?, started.elapsed().as_secs_f64(), terminal)?;
    Ok(Exit::Done)
}

/// Says what was kept.
fn told(
    arguments: &Collect,
    teacher: &str,
    kept: &CacheReport,
    seconds: f64,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    terminal.say(&format!(
        "{}: {} held, {} scored; {} kept in {} in {seconds:.1} s",
        counted(kept.windows, if arguments.data.is_empty() { "window" } else { "sample" }),
        grouped(kept.held),
        grouped(kept.scored),
        counted(kept.positions, "position"),
        counted(kept.bytes, "byte")
    ));
    if arguments.json {
        terminal.data(&as_json(&json!({
            "teacher": teacher,
            "cache": arguments.cache,
            "windows": kept.windows,
            "held": kept.held,
            "scored": kept.scored,
            "tokens": kept.tokens,
            "positions": kept.positions,
            "bytes": kept.bytes,
            "seconds": seconds,
        }))?)?;
    }
    Ok(())
}

/// The samples that a student of `distill` learns from, with the positions whose next token is learnt.
pub fn training_data(
    files: &[PathBuf],
    context: usize,
    teacher: &dyn Model,
    terminal: &Terminal,
) -> Result<Vec<Stretch>, Failure> {
    let without = |what: &str| Failure::input(format!("teacher: it has no {what}, so training data cannot be read"));
    let tokenizer = teacher.tokens().ok_or_else(|| without("tokenizer"))?;
    let context_length = teacher.identity().context_length.map(|most| most as usize);
    let reading = Reading { tokenizer, template: teacher.renders(), context_length };
    Ok(samples(files, context, reading, "teacher", terminal)?.1)
}

/// How training data are read.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    tokenizer: &'a Tokenizer,
    template: Option<&'a ChatTemplate>,
    context_length: Option<usize>,
}

/// Whose tokenizer and template read what a server is asked.
pub struct Reader {
    pub checkpoint: Checkpoint,
    pub tokenizer: Tokenizer,
    template: Option<ChatTemplate>,
}

impl Reader {
    /// Those of a model on disk.
    ///
    /// # Errors
    /// It has none that can be used.
    pub fn of(checkpoint: Checkpoint) -> Result<Reader, ModelError> {
        let (tokenizer, template) = (checkpoint.tokenizer()?, checkpoint.template()?);
        Ok(Reader { checkpoint, tokenizer, template })
    }

    fn reading(&self) -> Reading<'_> {
        let context_length = Some(self.checkpoint.config.context);
        Reading { tokenizer: &self.tokenizer, template: self.template.as_ref(), context_length }
    }
}

/// A few texts of the data, and the samples that are learnt.
fn samples(
    files: &[PathBuf],
    context: usize,
    Reading { tokenizer, template, context_length }: Reading<'_>,
    role: &str,
    terminal: &Terminal,
) -> Result<(Vec<String>, Vec<Stretch>), Failure> {
    let end = Encoder::end_of(tokenizer).ok_or_else(|| {
        Failure::input(format!("{role}: it has no end-of-text token, so training data cannot be read"))
    })?;
    if let Some(most) = context_length.filter(|&most| context > most) {
        return Err(Failure::input(format!(
            "--ctx is {context}, the {}'s context holds {most} tokens",
            role.trim_start_matches("--")
        )));
    }
    let (mut documents, mut left_out) = (Vec::new(), Vec::new());
    for file in files {
        let (some, wrong) = read(file, None).map_err(before)?;
        documents.extend(some);
        left_out.extend(wrong);
    }
    let encoder = Encoder { tokenizer, template, end, context };
    // Held-out documents are measured against the teacher, too.
    let data = preflight(&encoder, &documents, &left_out, 0.0);
    warn_of(&data, terminal);
    if let Some(refusal) = data.refusal() {
        return Err(Failure::input(format!("--data: {}", refusal.what)));
    }
    Ok((served::some_texts(&documents), data.train.into_iter().map(stretch).collect()))
}

/// A sample as it is asked for.
pub fn stretch(sample: Sample) -> Stretch {
    Stretch { positions: sample.positions(), name: sample.family, index: 0, tokens: sample.tokens }
}
