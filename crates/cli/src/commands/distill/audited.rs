//! `distill --audit`: the student before training and every arm audited on the held-out documents, and the first arm beside the
//! others, family by family.

use std::path::Path;

use hydrometer_answers::{Checks, RunFolder, WindowOrder};
use hydrometer_ask::{AskOptions, Models};
use hydrometer_audit::{Comparison, Policy};
use hydrometer_distill::Recipe;
use hydrometer_distill::data::{Content, Document};
use hydrometer_distill::train::KeptTeacher;
use hydrometer_models::EngineOptions;
use hydrometer_probes::counted::counted;
use hydrometer_probes::kind::{Families, Text};
use hydrometer_probes::{Ask, Probe, Suite};
use hydrometer_report::compare_terminal;

use super::served::Served;
use crate::arguments::as_typed;
use crate::commands::audit::{Job, Notices, audit};
use crate::commands::check::{Kept, Reads, preflight};
use crate::commands::collect::documents::asked_in;
use crate::commands::spending::Counts;
use crate::commands::suite::{BLOCK, SEED};
use crate::engine::open_quietly;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::progress::Speeds;
use crate::terminal::Terminal;

/// Windows that the teacher scores twice, for the noise floor.
const FLOOR_WINDOWS: u32 = 4;

/// Refuses what cannot be audited, before anything is trained.
///
/// # Errors
/// The teacher is not there, or nothing is held out.
pub fn possible(recipe: &Recipe) -> Result<(), Failure> {
    if KeptTeacher::is_at(&recipe.teacher) {
        return Err(Failure::input(
            "--audit: the teacher is a cache, which holds the training data's tokens and no other",
        )
        .hint("`hydrometer audit --teacher-cache` audits from a cache of texts"));
    }
    if recipe.data.held_out == 0.0 {
        return Err(Failure::input("--audit: `data.held_out` is 0, so there is nothing to audit on"));
    }
    Ok(())
}

/// The first arm beside another student.
pub struct Compared {
    /// The other: an arm, or `start`.
    pub name: &'static str,
    /// A is the other, B is the first arm.
    pub comparison: Comparison,
    /// The tables of `compare`.
    pub text: String,
}

/// Audits them all and compares the first arm with each of the others.
///
/// # Errors
/// A model or a folder fails, or the user interrupts; the same call continues.
pub fn every_arm(
    (recipe, served): (&Recipe, Option<&Served>),
    documents: &[Document],
    out: &Path,
    engine: &EngineOptions,
    interrupt: &Interrupt,
    terminal: &Terminal,
) -> Result<Vec<Compared>, Failure> {
    let suite = match served {
        Some(_) => Suite { name: "held-out prompts".to_owned(), probes: asked_in(documents) },
        None => suite(documents),
    };
    let unscored = documents.len() - suite.probes.len();
    if unscored > 0 {
        let left_out = counted(unscored as u64, "held-out document");
        let why = match served {
            Some(_) => "there is no prompt that can be asked",
            None => "a conversation with tools is no text without its chat template",
        };
        terminal.warn(&format!("{left_out} not audited: {why}"));
    }
    suite.validate().map_err(Failure::input)?;
    let here = match served {
        Some(_) => None,
        None => Some(open_quietly("teacher", &recipe.teacher.display().to_string(), engine)?),
    };
    let Some(teacher) = here.as_deref().or(served.map(Served::model)) else {
        return Err(Failure::input("expected a teacher"));
    };
    let policy = Policy::default();
    let n_ctx = recipe.data.context.max(8) as u32;
    let options = AskOptions {
        n_ctx,
        block_tokens: BLOCK.max(n_ctx),
        rotations: 1,
        floor_windows: FLOOR_WINDOWS,
        max_windows: None,
        window_order: WindowOrder::Spread,
        seed: SEED,
        sampling: served.map(|served| served.audited(recipe, out, SEED)),
        teacher_asked: None,
        until_decided: None,
        trained_to: Default::default(),
        set_knobs: None,
        trained_on: None,
        deployment: Default::default(),
        deployed_on: None,
        letters: None,
        listed_answers: None,
        accepted: Vec::new(),
        arguments: as_typed(),
    };
    let arms = recipe.arms.iter().map(|arm| (arm.name(), out.join(arm.name()).join("student")));
    let all: Vec<_> = arms.chain([("start", out.join("start"))]).collect();
    let mut runs = Vec::new();
    for (name, model) in all {
        terminal.say(&format!("auditing {name} on the held-out documents"));
        let student = open_quietly("student", &model.display().to_string(), engine)?;
        let folder = out.join("audits").join(name);
        let notices = Notices::None;
        if let Some(served) = served {
            looked_at(recipe, served, (&folder, runs.first()), terminal)?;
        }
        let job = Job {
            suite: &suite,
            options: &options,
            policy: &policy,
            calibrated: None,
            labels: None,
            judge: None,
            folder: &folder,
            notices,
            spending: served.map(Served::spending),
            watched: None,
        };
        let speeds = Speeds { teacher: None, student: None };
        audit(Models::pair(teacher, &*student), &job, speeds, interrupt, terminal)?;
        runs.push((name, RunFolder::open(&folder)?));
    }
    terminal.say(&format!("reports: {}/audits/*/report.html", out.display()));
    let page = terminal.page(&[], None);
    let Some(((first, of_first), others)) = runs.split_first() else { return Ok(Vec::new()) };
    let compared = others.iter().map(|&(name, ref run)| {
        let comparison = Comparison::of(run, of_first, &policy)?;
        let text = format!("\nA is {name}, B is {first}\n\n{}", compare_terminal(&comparison, &page));
        Ok(Compared { name, comparison, text })
    });
    compared.collect()
}

/// Looks at the endpoint of a teacher before its first audit, and counts what an audit cost that goes on.
fn looked_at(
    recipe: &Recipe,
    served: &Served,
    (folder, first): (&Path, Option<&(&str, RunFolder)>),
    terminal: &Terminal,
) -> Result<(), Failure> {
    served.spending().go_on(folder, Counts::Everything)?;
    if folder.join("manifest.json").exists() {
        return Ok(());
    }
    if let Some((_, first)) = first {
        Checks::read(first.path())?.write(folder)?;
    }
    let name = recipe.teacher.display().to_string();
    let kept = Kept { folder, spending: served.spending() };
    preflight(&[("teacher", &name, served.identity().key())], &[], Reads::Answers, &[], kept, terminal)
}

/// What is held out, as texts: of what has a prompt, only what follows it is scored. No template is put around it, so that
/// conversations with tools are none.
fn suite(documents: &[Document]) -> Suite {
    let probe = |document: &Document| {
        let (context, text) = match &document.content {
            Content::Text(text) => (None, text.clone()),
            Content::Completion { prompt, completion } => (Some(prompt.clone()), completion.clone()),
            Content::Conversation(said) => {
                let (last, before) = said.split_last()?;
                let before: Vec<&str> = before.iter().map(|said| said.content.as_str()).collect();
                (Some(before.join("\n\n") + "\n\n"), last.content.clone())
            }
            // Without the chat template there are no calls to score.
            Content::ToolConversation(_) => return None,
        };
        let id = format!("held_out/{}", &document.key()[..16]);
        let ask = Ask::Text(Text { text, context, families: Families::Probe });
        let (axis, tags, knob, boundary) = ("held_out".to_owned(), Vec::new(), None, None);
        Some(Probe { family: id.clone(), id, axis, tags, knob, boundary, ask })
    };
    Suite { name: "held-out documents".to_owned(), probes: documents.iter().filter_map(probe).collect() }
}
