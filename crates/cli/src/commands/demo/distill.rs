//! `hydrometer demo distill`: the embedded teacher teaches a student of half its layers in four ways, and the four are set side by
//! side on documents that none of them saw.

use std::path::{Path, PathBuf};

use hydrometer_answers::cache::TeacherCache;
use hydrometer_answers::sparse::Codec;
use hydrometer_ask::fill_cache_with;
use hydrometer_distill::{Plan, Recipe};
use hydrometer_metrics::sparse::Truncation;
use hydrometer_models::Model;
use hydrometer_probes::builtin::{Domain, corpus};

use super::{TEACHER, unpack};
use crate::commands::distill::{audited, before, shown, train};
use crate::commands::distributions::training_data;
use crate::commands::suite::BLOCK;
use crate::engine::{EngineArguments, open_quietly};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::interrupt::{Interrupt, listen};
use crate::numbers;
use crate::progress::{Progress, Speeds};
use crate::terminal::Terminal;

/// Seed of the documents: of the kind that the teacher was trained on, and none of its own.
const DOCUMENTS: u64 = 910_002;
/// Most tokens of a sample.
const SAMPLE: usize = 256;
/// What the cache keeps of each position.
const KEPT: Truncation = Truncation { mass: 0.98, k_min: 10, k_max: 128, draws: 16 };

/// Flags of `demo distill`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Folder for the model, the data, the recipe and the students. The same command goes on where it stopped.
    #[arg(long, default_value = "hydrometer-demo", value_name = "FOLDER")]
    out: PathBuf,
    /// Steps of each of the four trainings.
    #[arg(long, default_value_t = 40, value_name = "N", value_parser = numbers::whole::<u32, 1>)]
    steps: u32,
    /// Documents to train on and to measure by.
    #[arg(long, default_value_t = 2000, value_name = "N", value_parser = numbers::whole::<u32, 100>)]
    documents: u32,
    #[command(flatten)]
    engine: EngineArguments,
}

/// Runs the tour.
pub fn run(arguments: &Arguments, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let interrupt = listen()?;
    let folder = arguments.out.join("distill");
    files::outside_runs(&folder.join("recipe.toml"))?;
    let teacher = unpack(&arguments.out, "teacher.gguf", TEACHER)?;
    std::fs::create_dir_all(&folder).map_err(|error| Failure::file("create", &folder, &error))?;
    let line = |text: String| serde_json::json!({ "text": text }).to_string() + "\n";
    let documents: String = corpus(DOCUMENTS, arguments.documents.into(), Domain::Centre).map(line).collect();
    let text = recipe(&teacher, &folder, arguments.steps);
    for (name, text) in [("corpus.jsonl", &documents), ("recipe.toml", &text)] {
        replace(&folder, name, text)?;
    }
    let recipe = Recipe::read(&folder.join("recipe.toml")).map_err(before)?;

    keep(&*open_quietly("teacher", &teacher, &arguments.engine.options())?, &folder, &interrupt, terminal)?;
    let plan = Plan::new(recipe.clone(), &arguments.engine.options()).map_err(before)?;
    let students = folder.join("students");
    let outcome = train(&plan, &students, &interrupt, terminal)?;
    let documents = &plan.data.held_out_documents;
    let compared =
        audited::every_arm((&recipe, None), documents, &students, &arguments.engine.options(), &interrupt, terminal)?;
    terminal.data(&format!(
        "One teacher, one student, four ways to learn\n\n{}{}",
        shown::table(&outcome),
        shown::differences(&outcome)
    ))?;
    let control = compared.into_iter().find(|compared| compared.name == "hard_labels");
    terminal.data(&control.map_or(String::new(), |control| control.text))?;
    terminal.say(&format!("the page: {}", students.join("report.md").display()));
    terminal.say(&format!("the recipe, for your own models: {}", folder.join("recipe.toml").display()));
    Ok(Exit::Done)
}

/// Writes a file of the demo's, unless students were trained by another one of this name.
fn replace(folder: &Path, name: &str, text: &str) -> Result<(), Failure> {
    let path = folder.join(name);
    let trained = folder.join("students/run.json").exists();
    if trained && std::fs::read(&path).is_ok_and(|there| there != text.as_bytes()) {
        let found = format!("{} is another one, and {}/students were trained by it", path.display(), folder.display());
        return Err(Failure::input(found).hint("name another folder for other --steps or --documents: --out FOLDER"));
    }
    files::write(&path, text.as_bytes())
}

/// The teacher's distributions over all the data, for the arm that learns from a cache.
fn keep(teacher: &dyn Model, folder: &Path, interrupt: &Interrupt, terminal: &Terminal) -> Result<(), Failure> {
    let stretches = training_data(&[folder.join("corpus.jsonl")], SAMPLE, teacher, terminal)?;
    let codec = Codec::of_logits(teacher.identity().logit_width(), KEPT);
    let mut cache = TeacherCache::create_or_open(&folder.join("cache"), teacher.identity(), codec)?;
    let mut progress = Progress::new(terminal, interrupt, Speeds { teacher: None, student: None });
    let filled = fill_cache_with(teacher, &stretches, BLOCK, &mut cache, &mut progress);
    progress.end();
    filled?;
    Ok(())
}

fn recipe(teacher: &str, folder: &Path, steps: u32) -> String {
    let path = |path: &Path| toml_text(&path.display().to_string());
    format!(
        "# What `hydrometer demo distill` trains. docs/distil.md explains every key.\n\
         teacher = {}\n\
         cache = {}\n\
         arms = [\"distilled\", \"sparse\", \"teacher_text\", \"hard_labels\"]\n\
         \n\
         [teacher_text]\n\
         store = {}\n\
         \n\
         [student]\n\
         layers = [0, 1, 4]\n\
         \n\
         [data]\n\
         files = [{}]\n\
         context = {SAMPLE}\n\
         # These documents and the built-in suites come from one generator. Leave this out of a recipe of your own.\n\
         allow_overlap = [\"builtin\"]\n\
         \n\
         [loss]\n\
         divergence = \"forward_kl\"\n\
         \n\
         [train]\n\
         steps = {steps}\n\
         batch_tokens = 2048\n\
         learning_rate = 1e-3\n\
         warm_up = {}\n\
         seed = 1\n",
        toml_text(teacher),
        path(&folder.join("cache")),
        path(&folder.join("answers")),
        path(&folder.join("corpus.jsonl")),
        steps.min(10),
    )
}

/// A basic string of TOML.
fn toml_text(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
