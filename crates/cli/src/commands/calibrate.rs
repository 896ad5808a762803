//! `hydrometer calibrate`: what an audit with this suite would find. Students with a planted defect are audited at several
//! doses, and the teacher against itself; every audit is an ordinary one, and one small file is kept of each.

mod cells;
mod suite;

use std::path::{Path, PathBuf};

use hydrometer_answers::{SampleSettings, SamplingParameters, WindowOrder};
use hydrometer_ask::{AskOptions, Models, Plan, Sampling};
use hydrometer_audit::calibrate::expected::{EXPECTED, NULL, Needs};
use hydrometer_audit::calibrate::{Asked, Calibrated, Setup, calibrate};
use hydrometer_models::{
    ActingDefect, Model, ModelSpec, Planted, PlantedActor, PlantedAtBoundaries, Remembering, SampleLimits,
};
use hydrometer_probes::{Ask, Suite};

use self::cells::{Cells, Sorted};
use self::suite::Source;
use super::as_json;
use super::demo::{CONTEXT, TEACHER, unpack};
use super::judged::policy;
use super::sampling::{LONGEST, SAMPLES};
use super::suite::{BLOCK, ROTATIONS, SEED, Texts};
use crate::arguments::as_typed;
use crate::engine::{EngineArguments, open_quietly};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::interrupt::listen;
use crate::numbers;
use crate::progress::Audits;
use crate::terminal::Terminal;

/// Audits of the teacher against itself, of the small one that ships: as many as the figures of acceptance ask for.
const NULLS: u32 = 200;
/// Of another: the fewest that can show that at most 5 % of them fail.
const FEWEST_NULLS: u32 = 59;
/// Longest answer of the teacher that ships.
const SHORT: u32 = 48;

/// Flags of `calibrate`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The model in which defects are planted. Default: the small teacher that ships with hydrometer, with a judgment that is
    /// given to it (planted:careful).
    #[arg(long, value_name = "MODEL")]
    teacher: Option<String>,
    /// The student before distillation, from which gaps and forgetting are measured. Default: the teacher itself with the
    /// contrary judgment, in another style.
    #[arg(long, value_name = "MODEL")]
    base: Option<String>,
    /// Folder of the calibration: what is there is not done again.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Audits of every defect at every dose. The built-in suite is drawn anew for each; files are asked every time.
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = numbers::whole::<u32, 1>)]
    seeds: u32,
    /// Audits of the teacher against itself. Default: 200 of the teacher that ships, else as many as --seeds, and 59 at
    /// least: fewer cannot show that at most 5 % of them fail.
    #[arg(long, value_name = "N", value_parser = numbers::whole::<u32, 1>)]
    nulls: Option<u32>,
    /// Defect as in planted:DEFECT(MODEL), such as temperature=0.9; may be repeated, the doses of a defect from the mildest
    /// to the declared one. Default: every known one that the suite can show.
    #[arg(long, value_name = "DEFECT[=DOSE]")]
    defect: Vec<String>,
    /// First seed.
    #[arg(long, default_value_t = SEED, value_name = "N", value_parser = numbers::whole::<u64, 0>)]
    seed: u64,
    #[command(flatten)]
    texts: Texts,
    /// Option orders asked of each choice, at most as many as there are options.
    #[arg(long, default_value_t = ROTATIONS, value_name = "N", value_parser = numbers::whole::<u32, 1>)]
    rotations: u32,
    #[command(flatten)]
    answered: Answered,
    #[command(flatten)]
    engine: EngineArguments,
    /// Gates and margins; default: `hydrometer policy`.
    #[arg(long, value_name = "FILE", help_heading = "Verdict")]
    policy: Option<PathBuf>,
    /// Print the calibration as JSON instead of the summary.
    #[arg(long, help_heading = "Output")]
    json: bool,
}

/// How prompts are answered freely: always by draws from the models' own distributions, kept as long as a seed is under way.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Free answers (to prompt probes)")]
struct Answered {
    /// Answers per prompt and model; 0 leaves prompts out.
    #[arg(long, default_value_t = SAMPLES, value_name = "N", value_parser = numbers::whole::<u32, 0>)]
    samples: u32,
    /// Further answers of the teacher per prompt: its agreement with itself is the ceiling.
    #[arg(long, default_value_t = SAMPLES, value_name = "N", value_parser = numbers::whole::<u32, 0>)]
    reruns: u32,
    /// Longest answer in tokens. Default: 256, of the teacher that ships 48.
    #[arg(long, value_name = "TOKENS", value_parser = numbers::whole::<u32, 1>)]
    max_tokens: Option<u32>,
    /// Answers under way at once.
    #[arg(long, default_value_t = 256, value_name = "N", value_parser = numbers::whole::<usize, 1>)]
    parallel: usize,
    /// Memory for answers under way, and as much for the logits of the teacher that are used again, in GiB.
    #[arg(long, default_value_t = 1.0, value_name = "GIB", value_parser = numbers::gibibytes)]
    memory: f64,
}

/// Runs the command.
pub fn run(arguments: Arguments, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let interrupt = listen()?;
    files::outside_runs(&arguments.out.join("cells"))?;
    let policy = policy(arguments.policy.as_deref())?;
    let source = Source::of(&arguments.texts, arguments.teacher.is_none(), terminal)?;
    let first = source.suite(arguments.seed);
    let defects = defects(&arguments.defect, &first)?;
    let bytes = (arguments.answered.memory * f64::from(1 << 30)) as u64;
    let planter = Planter::open(&arguments, usize::try_from(bytes).unwrap_or(usize::MAX))?;
    let base = match &arguments.base {
        Some(base) => open_quietly("base", base, &arguments.engine.options())?,
        None => planter.contrary(),
    };

    let budget = Budget { arguments: &arguments, bytes };
    let options = budget.options(arguments.seed, &first, &arguments.out.join("answers"));
    let teacher = planter.itself();
    let null = planter.planted(NULL)?;
    let plan = Plan::new(Models { base: Some(&*base), ..Models::pair(&*teacher, &*null) }, &first, &options)?;
    let setup = Setup {
        hydrometer: env!("CARGO_PKG_VERSION").to_owned(),
        teacher: teacher.identity().clone(),
        base: plan.manifest().base.clone(),
        suite: source.asked(),
        settings: Setup::without_seeds(&plan.manifest().settings),
        policy,
    };
    drop(plan);
    let cells = Cells::open(&arguments.out, &setup)?;
    let nulls =
        arguments.nulls.unwrap_or(if arguments.teacher.is_none() { NULLS } else { arguments.seeds.max(FEWEST_NULLS) });
    let jobs = jobs(&defects, arguments.seed, arguments.seeds, nulls);
    let wanted = jobs.iter().map(|(seed, defects)| (*seed, defects.as_slice()));
    let Sorted { there, missing } = cells.sorted(wanted)?;
    if !there.is_empty() && !missing.is_empty() {
        terminal.say(&format!("resuming: {} of {} audits are there", there.len(), there.len() + missing.len()));
    }
    let mut progress = Audits::new(terminal, &interrupt, (there.len() + missing.len()) as u64, there.len() as u64);
    let mut done = there;
    let mut drawn: Option<(u64, Suite)> = None;
    for (seed, defect) in missing {
        // Students of one seed share its suite and what their teacher said to it.
        let suite = match drawn.take() {
            Some((at, suite)) if at == seed => suite,
            _ => {
                planter.model.forget();
                source.suite(seed)
            }
        };
        let options = budget.options(seed, &suite, &cells.store(seed));
        let student = planter.planted(&defect)?;
        progress.begins(&defect, seed);
        let models = Models { base: Some(&*base), ..Models::pair(&*teacher, &*student) };
        done.push(cells.audit(models, &suite, &options, &setup.policy, (&defect, seed), &mut progress)?);
        progress.done();
        drawn = Some((seed, suite));
    }
    progress.end();
    cells.clear()?;
    let calibrated = calibrate(setup, &defects, &done);
    publish(&calibrated, &arguments, terminal)
}

/// Writes calibration.json, .html and .md, and shows the summary.
fn publish(calibrated: &Calibrated, arguments: &Arguments, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let out = &arguments.out;
    let json = as_json(calibrated)?;
    files::write(&out.join("calibration.json"), json.as_bytes())?;
    files::write(&out.join("calibration.html"), hydrometer_report::calibration_html(calibrated).as_bytes())?;
    files::write(&out.join("calibration.md"), hydrometer_report::calibration_markdown(calibrated).as_bytes())?;
    if arguments.json {
        terminal.data(&json)?;
    } else {
        let file = |name: &str| out.join(name).display().to_string();
        let files = [("page", file("calibration.html")), ("numbers", file("calibration.json"))];
        terminal.data(&hydrometer_report::calibration_terminal(calibrated, &terminal.page(&files, None)))?;
    }
    let fails = calibrated.acceptance.iter().any(|criterion| criterion.met == Some(false));
    Ok(match (calibrated.accepted, fails) {
        (true, _) => Exit::Done,
        (false, true) => Exit::GateFailed,
        (false, false) => Exit::NotEnoughEvidence,
    })
}

/// Seed by seed, so that the students of one seed share the teacher's answers: the null first, and of the first seeds every
/// defect.
fn jobs(defects: &[String], first: u64, seeds: u32, nulls: u32) -> Vec<(u64, Vec<String>)> {
    let job = |number: u32| {
        let null = (number < nulls).then(|| NULL.to_owned());
        let planted = if number < seeds { defects } else { &[] };
        (first.wrapping_add(u64::from(number)), null.into_iter().chain(planted.iter().cloned()).collect())
    };
    (0..seeds.max(nulls)).map(job).collect()
}

/// The defects with their doses, as the user names them or as the table of what is expected has them.
///
/// # Errors
/// A name or a dose that nobody knows, or one that stands there twice.
fn defects(named: &[String], suite: &Suite) -> Result<Vec<String>, Failure> {
    if named.is_empty() {
        let shows = |needs: Needs| match needs {
            Needs::Nothing => true,
            Needs::Ladders => suite.probes.iter().any(|probe| probe.knob.is_some()),
            Needs::Episodes => suite.probes.iter().any(|probe| matches!(probe.ask, Ask::Episode(_))),
            Needs::Boundaries => {
                suite.probes.iter().any(|probe| probe.boundary.is_some() && matches!(probe.ask, Ask::Choice(_)))
            }
            Needs::FreeBoundaries => suite.probes.iter().any(|probe| probe.boundary.is_some() && probe.is_free()),
        };
        let words = EXPECTED.iter().filter(|expected| shows(expected.needs)).flat_map(|expected| {
            let name = expected.defect.trim_end_matches("=-");
            let dosed = expected.doses.iter().map(move |dose| format!("{name}={dose}"));
            let plain = expected.doses.is_empty().then(|| expected.defect.to_owned());
            dosed.chain(plain)
        });
        return Ok(words.collect());
    }
    let mut found: Vec<String> = Vec::new();
    for words in named {
        let canonical = match spec(words)? {
            ModelSpec::Planted(defect, _) => defect.to_string(),
            ModelSpec::PlantedActor(defect, _) => defect.to_string(),
            ModelSpec::PlantedAtBoundaries(defect, _) => format!("{}{defect}", PlantedAtBoundaries::PREFIX),
            ModelSpec::Local(_)
            | ModelSpec::Scripted(_)
            | ModelSpec::Endpoint(_)
            | ModelSpec::Answers(_)
            | ModelSpec::Hub(_) => words.clone(),
        };
        if canonical == NULL {
            return Err(Failure::input("--defect null: the teacher against itself is always audited")
                .hint("--nulls says how often"));
        }
        if found.contains(&canonical) {
            return Err(Failure::input(format!("--defect {words} stands there twice")));
        }
        found.push(canonical);
    }
    Ok(found)
}

fn spec(defect: &str) -> Result<ModelSpec, Failure> {
    format!("planted:{defect}(teacher)").parse().map_err(|error| {
        Failure::input(format!("--defect {defect}: {error}"))
            .hint("docs/test-models.md lists the defects and their doses")
    })
}

/// The teacher, in which defects are planted.
struct Planter {
    model: Remembering,
    /// Whether a judgment is given to it (`planted:careful`).
    careful: bool,
}

impl Planter {
    /// How a teacher is named that a judgment is given to.
    const CAREFUL: &'static str = "planted:careful(";

    fn open(arguments: &Arguments, room: usize) -> Result<Self, Failure> {
        let engine = arguments.engine.options();
        let (name, careful) = match &arguments.teacher {
            Some(teacher) => match teacher.strip_prefix(Self::CAREFUL).and_then(|inner| inner.strip_suffix(')')) {
                Some(inner) => (inner.to_owned(), true),
                None => (teacher.clone(), false),
            },
            None => (unpack(&arguments.out, "teacher.gguf", TEACHER)?, true),
        };
        Ok(Self { model: Remembering::up_to(room, open_quietly("teacher", &name, &engine)?), careful })
    }

    /// A model with the judgment that is given to it, where one is. It lies above surgery on logits, which it would not survive.
    fn judging(&self, model: Box<dyn Model>) -> Box<dyn Model> {
        if self.careful { Box::new(PlantedActor::new(ActingDefect::Careful, model)) } else { model }
    }

    fn itself(&self) -> Box<dyn Model> {
        self.judging(Box::new(self.model.clone()))
    }

    /// The teacher itself with the contrary judgment, in another style: it can do what the teacher can, and is a whole way from how
    /// it decides and words.
    fn contrary(&self) -> Box<dyn Model> {
        let flipped = PlantedActor::new(ActingDefect::JudgmentFlipped(1.0), self.itself());
        Box::new(PlantedActor::new(ActingDefect::StyleChanged(1.0), Box::new(flipped)))
    }

    /// The teacher with a defect.
    fn planted(&self, defect: &str) -> Result<Box<dyn Model>, Failure> {
        Ok(match spec(defect)? {
            ModelSpec::Planted(defect, _) => self.judging(Box::new(Planted::new(defect, Box::new(self.model.clone())))),
            ModelSpec::PlantedActor(defect, _) => Box::new(PlantedActor::new(defect, self.itself())),
            ModelSpec::PlantedAtBoundaries(..) if self.careful => {
                let reason = format!("--defect {defect}: at boundaries the judgment of this teacher is given to it");
                return Err(Failure::input(reason).hint("name a --teacher that judges by its own logits"));
            }
            ModelSpec::PlantedAtBoundaries(defect, _) => {
                Box::new(PlantedAtBoundaries::new(defect, Box::new(self.model.clone())))
            }
            ModelSpec::Local(_)
            | ModelSpec::Scripted(_)
            | ModelSpec::Endpoint(_)
            | ModelSpec::Answers(_)
            | ModelSpec::Hub(_) => self.itself(),
        })
    }
}

/// What every audit spends.
struct Budget<'a> {
    arguments: &'a Arguments,
    bytes: u64,
}

impl Budget<'_> {
    fn options(&self, seed: u64, suite: &Suite, store: &Path) -> AskOptions {
        let Arguments { texts, rotations, teacher, .. } = self.arguments;
        let Answered { samples, reruns, max_tokens, parallel, .. } = &self.arguments.answered;
        let ships = teacher.is_none();
        let n_ctx = if ships { texts.ctx.min(CONTEXT) } else { texts.ctx };
        let asks = suite.probes.iter().any(|probe| matches!(probe.ask, Ask::Prompt(_) | Ask::Episode(_)));
        let parameters = SamplingParameters {
            temperature: 1.0,
            top_p: 1.0,
            top_k: 0,
            max_tokens: max_tokens.unwrap_or(if ships { SHORT } else { LONGEST }),
            stop: Vec::new(),
            seed,
        };
        AskOptions {
            n_ctx,
            block_tokens: BLOCK.max(n_ctx),
            rotations: *rotations,
            floor_windows: 4,
            max_windows: texts.chunks,
            window_order: if texts.chunks.is_some() { texts.order() } else { WindowOrder::Spread },
            seed,
            sampling: (*samples > 0 && asks).then(|| Sampling {
                settings: SampleSettings { per_probe: *samples, reruns: *reruns, parameters, paired: false },
                store: store.to_path_buf(),
                limits: SampleLimits { width: *parallel, memory: self.bytes },
            }),
            teacher_asked: None,
            until_decided: None,
            trained_to: if ships && texts.unsaid() { suite::trained_to() } else { Default::default() },
            set_knobs: None,
            trained_on: None,
            deployment: Default::default(),
            deployed_on: None,
            letters: None,
            listed_answers: None,
            accepted: Vec::new(),
            arguments: as_typed(),
        }
    }
}

impl Source {
    /// What a calibration remembers of it.
    fn asked(&self) -> Asked {
        match self {
            Self::Drawn(draw) => Asked::drawn(draw),
            Self::Same(suite) => Asked::same(suite),
        }
    }
}
