//! Before anything is asked of the models of an audit: they are opened, endpoints are looked at, and what that cost is kept.

use std::path::Path;
use std::str::FromStr;

use hydrometer_answers::RunFolder;
use hydrometer_answers::store::Store;
use hydrometer_ask::Models;
use hydrometer_audit::Statement;
use hydrometer_models::{Model, ModelSpec, SCHEMES, Tokenizer, open_tokenizer};

use super::super::canaries::Watched;
use super::super::check::{Kept, Reads, preflight};
use super::super::run_name::models_of_run;
use super::super::spending::Spending;
use super::{Arguments, Job, Notices, Settings, audit, expected_speeds};
use crate::engine::{network, not_opened, open_on};
use crate::failure::Failure;
use crate::fetching::watched;
use crate::interrupt::Interrupt;
use crate::terminal::Terminal;

/// What came of something that may have been paid for; that is kept beside the run, where its folder is known, whatever came of it.
pub(super) fn kept_beside<T>(
    came: Result<T, Failure>,
    spending: &Spending,
    folder: Option<&Path>,
) -> Result<T, Failure> {
    let kept = folder.map_or(Ok(()), |folder| spending.keep_beside(folder, "endpoints"));
    let came = came?;
    kept.map(|()| came)
}

/// Looks at endpoints, and audits.
pub(super) fn begin(
    settings: &Settings,
    models: Models<'_>,
    named: &[(&str, &str, String)],
    folder: &Path,
    interrupt: &Interrupt,
    terminal: &Terminal,
) -> Result<Statement, Failure> {
    // A run that goes on was looked at when it began.
    if !folder.join("manifest.json").exists() {
        let kept = Kept { folder, spending: &settings.spending };
        let reads = if settings.options.listed_answers.is_some() { Reads::ListedAnswers } else { Reads::Answers };
        let beside = [("teacher", models.student), ("student", models.teacher)];
        preflight(named, &beside, reads, &settings.options.accepted, kept, terminal)?;
    }
    let store = settings.options.sampling.as_ref().map(|sampling| &*sampling.store);
    let mut watched = Watched::of(models, named, (folder, store), &settings.spending, terminal);
    // A finished run asks nothing.
    let asks = !RunFolder::open_unchecked(folder).is_ok_and(|run| run.is_finished());
    if asks {
        watched.begin(settings.accepts_a_change)?;
    }
    let watched = asks.then_some(&watched);
    let speeds = expected_speeds(models, settings, folder)?;
    let Settings { suite, options, policy, calibrated, labels, judge, spending, .. } = settings;
    let (calibrated, labels, notices) = (calibrated.as_ref(), labels.as_deref(), Notices::FewFamilies);
    let (judge, spending) = (judge.as_ref(), Some(spending));
    let job = Job { suite, options, policy, calibrated, labels, judge, folder, notices, spending, watched };
    audit(models, &job, speeds, interrupt, terminal)
}

/// Models by their roles.
pub(super) type Opened<'n> = Vec<(&'n str, Box<dyn Model>)>;

/// Opens the models of these roles and names.
pub(super) fn open_all<'n>(
    settings: &Settings,
    named: &[(&'n str, &str)],
    terminal: &Terminal,
) -> Result<Opened<'n>, Failure> {
    // A finished run needs no endpoint: who answered stands in its manifest.
    let known = models_of_run(settings.out.as_deref(), &settings.options.arguments);
    let asks = |(_, name): &(&str, &str)| ModelSpec::from_str(name).is_ok_and(|spec| spec.endpoint().is_some());
    // Who is not known yet is asked, and that is paid for: not where what comes then could not be stored.
    if let (Some(sampling), true) = (&settings.options.sampling, known.is_empty() && named.iter().any(asks)) {
        Store::refuse_locked(&sampling.store)?;
    }
    let read_by = settings.full_logprobs.then(|| tokenizer_of_servers(settings, named, terminal)).transpose()?;
    let any_identity = settings.options.accepted.iter().any(|check| check == "identity");
    let open = |(role, name): &(&'n str, &str)| {
        terminal.say(&format!("opening {role} {name}"));
        let network = watched(network(), terminal).knowing(known.clone()).accepting_any_identity(any_identity);
        let network = network.paying(settings.spending.purse.clone()).in_batches(settings.batch);
        let compared = ["teacher", "student"].contains(role);
        let network = network.with_full_logprobs(read_by.clone().filter(|_| compared));
        let model = open_on(role, name, &settings.engine, network)?;
        let one_by_one = model.answers().is_some_and(|answers| answers.is_paid_for() && answers.together().is_none());
        if settings.batch && one_by_one {
            return Err(Failure::input(format!(
                "--batch: {role} {name}: expected an endpoint by itself, found one that something is planted in"
            ))
            .hint("leave --batch out"));
        }
        Ok((*role, model))
    };
    let opened: Opened<'n> = named.iter().map(open).collect::<Result<_, Failure>>()?;
    let replays = |role: &str| named.iter().any(|(of, name)| *of == role && name.starts_with("answers:"));
    let key = |role: &str| opened.iter().find(|(of, _)| *of == role).map(|(_, model)| model.identity().key());
    if replays("teacher") && replays("student") && key("teacher") == key("student") {
        return Err(Failure::input("teacher and student are the same kept answers: nothing is left to compare"));
    }
    Ok(opened)
}

/// How servers read texts that are asked for every token: the tokenizer that is named, else that of the model beside them that runs here.
fn tokenizer_of_servers(
    settings: &Settings,
    named: &[(&str, &str)],
    terminal: &Terminal,
) -> Result<Tokenizer, Failure> {
    let runs_here = |name: &str| ModelSpec::from_str(name).is_ok_and(|spec| spec.endpoint().is_none());
    let mut compared = named.iter().filter(|(role, _)| ["teacher", "student"].contains(role)).map(|(_, name)| *name);
    let planted = |name: &&str| {
        let spec = ModelSpec::from_str(name).ok();
        spec.is_some_and(|spec| spec.endpoint().is_some() && !matches!(spec, ModelSpec::Endpoint(_)))
    };
    if let Some(name) = compared.clone().find(planted) {
        return Err(Failure::input(format!(
            "--full-logprobs: {name}: expected an endpoint by itself, found one that something is planted in"
        ))
        .hint("leave --full-logprobs out, or plant the defect in a model that runs here"));
    }
    if compared.clone().all(runs_here) {
        return Err(Failure::input("--full-logprobs is for models behind servers, and both of these run here")
            .hint("leave it out: models that run here show their whole distributions"));
    }
    let name = settings.tokenizer.as_deref().or_else(|| compared.find(|name| runs_here(name)));
    let name = name.ok_or_else(|| {
        Failure::input(
            "--full-logprobs: teacher and student both stand behind servers, and nobody here says how they read a text",
        )
        .hint("--tokenizer MODEL names a .gguf file, a Hugging Face folder or hf:ORG/NAME with their tokenizer")
    })?;
    open_tokenizer(name, &watched(network(), terminal)).map_err(|error| not_opened("tokenizer", error))
}

/// Refuses batches where they make no sense, before anything is asked.
pub(super) fn check_batch(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.batch.batch && arguments.stopping.until_decided {
        let reason = "--batch asks everything at once, and --until-decided a little at a time";
        return Err(Failure::input(reason).hint("leave one of them out"));
    }
    let named = [
        ("teacher", arguments.who.teacher.as_deref()),
        ("student", Some(arguments.student.as_str())),
        ("base", arguments.base.as_deref()),
        ("control", arguments.control.as_deref()),
        ("judge", arguments.judge.as_deref()),
    ];
    arguments.batch.check(named.into_iter().filter_map(|(role, name)| Some((role, name?))))
}

/// Refuses lists of answers of models that have none, before anything is asked.
pub(super) fn check_listed_answers(arguments: &Arguments) -> Result<(), Failure> {
    let (Some(_), Some(teacher)) = (arguments.asked.listed_answers, arguments.who.teacher.as_deref()) else {
        return Ok(());
    };
    let spec = |role, name| ModelSpec::from_str(name).map_err(|error| not_opened(role, error));
    let (found, hint) = match spec("teacher", teacher)? {
        ModelSpec::Endpoint(address) if address.may_list_tokens() => {
            let student = &arguments.student;
            return match spec("student", student)?.endpoint() {
                None => Ok(()),
                Some(_) => Err(Failure::input(format!(
                    "--listed-answers: student {student}: expected a model that runs here, found an endpoint"
                ))
                .hint("the teacher's answers are scored by the student: name its file or folder")),
            };
        }
        ModelSpec::Endpoint(_) => {
            ("one that lists none", "leave it out: what both answer is compared without lists, too")
        }
        ModelSpec::Answers(_) => {
            ("answers that are kept", "leave it out: what both answered is compared without lists, too")
        }
        spec if spec.endpoint().is_some() => {
            ("one with a planted defect", "leave it out: lists would be those of the model without the defect")
        }
        _ => ("a model that runs here", "leave it out: such a teacher shows its whole distributions, on texts"),
    };
    let schemes = SCHEMES.iter().filter(|scheme| scheme.may_list_tokens());
    let schemes: Vec<String> = schemes.map(|scheme| format!("{}:", scheme.name)).collect();
    let expected = format!("an endpoint that may list the tokens of its answers ({})", schemes.join(", "));
    Err(Failure::input(format!("--listed-answers: teacher {teacher}: expected {expected}, found {found}")).hint(hint))
}
