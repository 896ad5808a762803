//! Why a command failed, in the user's words: what happened, and what to do about it.

use std::fmt::Display;
use std::path::Path;

use hydrometer_answers::RunError;
use hydrometer_answers::logged::LoggedError;
use hydrometer_ask::AskError;
use hydrometer_ask::base_file::BaseFileError;
use hydrometer_audit::AuditError;
use hydrometer_models::ModelError;
use hydrometer_probes::ProbeError;

use crate::engine::not_opened;
use crate::exit::Exit;

/// A failed command.
#[derive(Debug)]
pub struct Failure {
    /// How the process ends.
    pub exit: Exit,
    /// What happened: expected, found. A lower-case fragment.
    pub message: String,
    /// What to do next, one line each.
    pub hints: Vec<String>,
}

impl Failure {
    /// The user gave something that cannot be used.
    pub fn input(message: impl Display) -> Self {
        Self { exit: Exit::BadInput, message: without_numbers(&message.to_string()), hints: Vec::new() }
    }

    /// A file cannot be read or written.
    pub fn file(verb: &str, path: &Path, cause: &std::io::Error) -> Self {
        Self::input(format!("cannot {verb} {}: {}", path.display(), lower_first(&cause.to_string())))
    }

    /// Adds a next step.
    pub fn hint(mut self, hint: impl Display) -> Self {
        self.hints.push(hint.to_string());
        self
    }
}

impl From<ProbeError> for Failure {
    fn from(error: ProbeError) -> Self {
        match error {
            ProbeError::Io { .. } => Self::input(error).hint("check the path; `hydrometer probes ls` needs no file"),
            ProbeError::Line { .. } | ProbeError::File { .. } => {
                Self::input(error).hint("`hydrometer probes schema` prints the format of a probe file")
            }
        }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        // What is not there at all is not said to lack a file.
        let absent = match &error {
            RunError::NoRun { path } => Some((path, "run", "an audit makes one: hydrometer audit --out RUN")),
            RunError::NoStore { path } => {
                Some((path, "answer store", "none was collected yet, or it stands elsewhere: name it with --store"))
            }
            RunError::NoCache { path } => Some((
                path,
                "teacher cache",
                "hydrometer distributions collect --teacher MODEL --cache DIR --text FILE makes one",
            )),
            _ => None,
        };
        match absent.filter(|(path, ..)| !path.exists()) {
            Some((path, what, hint)) => {
                Self::input(format!("{} holds no {what}: there is nothing of that name", path.display())).hint(hint)
            }
            None if error.is_no_room() => Self { exit: Exit::ModelFailed, ..Self::input(error) },
            None => Self::input(error),
        }
    }
}

impl From<LoggedError> for Failure {
    fn from(error: LoggedError) -> Self {
        let hint = match &error {
            LoggedError::UnknownModel { .. } => {
                "--teacher and --student take a name that a file gives, or a file or folder"
            }
            LoggedError::SameAnswers { .. } => {
                "name two models or their files: --teacher big.jsonl --student small.jsonl; only runs of tasks can stand against \
                 themselves"
            }
            LoggedError::NoCommonFilter { .. } => {
                "answers are compared that were extracted alike: let the harness filter those of both models by one name"
            }
            LoggedError::NothingInCommon { .. } => "both models must have answered the same questions",
            LoggedError::UnknownChoice { .. } | LoggedError::LacksChoice { .. } => {
                "leave it out to take the first that both have"
            }
            LoggedError::Io { .. } | LoggedError::Wrong { .. } | LoggedError::Collection(_) => {
                "docs/importing-answers.md lists the formats"
            }
        };
        Self::input(error).hint(hint)
    }
}

impl From<AskError> for Failure {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Suite(error) => error.into(),
            AskError::Run(error) => error.into(),
            AskError::StopRule(error) => match error.downcast::<AuditError>() {
                Ok(error) => (*error).into(),
                Err(error) => Self::input(error),
            },
            AskError::Model { source: ModelError::NotKept { .. }, .. } => Self::input(error)
                .hint("answers serve the same prompts under the same --samples, --reruns, --max-tokens, --temperature, --top-p, --stop and --seed")
                .hint("`hydrometer answers ls` says what a store holds; --reruns 0 wants no second run of the teacher"),
            AskError::Model { source: ModelError::Budget { .. }, .. } => Self {
                exit: Exit::ModelFailed,
                message: error.to_string(),
                hints: vec!["what was collected is kept; the same command with a higher budget goes on".to_owned()],
            },
            AskError::Model { role, source: source @ ModelError::Weight { .. } } => not_opened(&role.to_string(), source),
            AskError::Model { .. } | AskError::Row { .. } => Self {
                exit: Exit::ModelFailed,
                message: error.to_string(),
                hints: vec!["what was collected is kept; the same command resumes".to_owned()],
            },
            AskError::Interrupted(_) => Self { exit: Exit::Interrupted, message: error.to_string(), hints: Vec::new() },
            AskError::NotCached { .. } => Self::input(error).hint(
                "collect them with the same texts, --ctx and --chunks: \
                 hydrometer distributions collect --teacher MODEL --cache DIR --text FILE",
            ),
            AskError::CacheDiffers { .. } => Self::input(error)
                .hint("a cache serves students with the teacher's own tokenizer; let the teacher run instead"),
            AskError::OtherTokenizer { .. } => Self::input(error).hint(
                "a server must serve a model of the tokenizer that --tokenizer names, or of that of the model that runs here, and read text \
                 without a template: is it the right model, behind the right address?",
            ),
            AskError::ReadsOtherwise { .. } => Self::input(error)
                .hint("serve the model with its own tokenizer, or name a student that has the tokenizer of the served model"),
            AskError::AnswerLost { .. } => Self::input(error).hint("the same command asks it again"),
            AskError::Context { context, .. } => {
                Self::input(error).hint(format!("--ctx {context} cuts windows that fit"))
            }
            AskError::Setting { setting, found, expected } => {
                Self::input(format!("{} is {found}, expected {expected}", flag(setting)))
            }
            AskError::NoPrompt { .. } => Self::input(error)
                .hint("name a file of prompts with --probes; texts and choices are asked by `hydrometer audit`"),
            AskError::AllExcluded { .. }
            | AskError::Tokenizer(_)
            | AskError::Parameters(_)
            | AskError::NoText { .. }
            | AskError::NothingToAsk { .. }
            | AskError::NothingToJudge { .. }
            | AskError::NothingToEncode => Self::input(error),
        }
    }
}

impl From<AuditError> for Failure {
    fn from(error: AuditError) -> Self {
        match error {
            AuditError::Run(error) => error.into(),
            AuditError::Policy(_) => {
                Self::input(error).hint("`hydrometer policy` prints the default policy, ready to edit")
            }
            AuditError::OtherCalibration { ref flags, .. } => {
                let flags = flags.join(" ");
                let audited = (!flags.is_empty()).then(|| format!("an audit with its budget takes {flags}"));
                let hint = "make one of this suite and budget: `hydrometer calibrate` with the same probes, --ctx, --chunks, --rotations, \
                            --samples, --reruns and --max-tokens";
                audited.into_iter().fold(Self::input(error), Self::hint).hint(hint)
            }
            AuditError::OtherQuestion { .. } | AuditError::NothingShared { .. } => {
                Self::input(error).hint("compare two students of one teacher that were asked the same probes")
            }
            AuditError::Setting { .. }
            | AuditError::Check { .. }
            | AuditError::Choice { .. }
            | AuditError::Geometry { .. }
            | AuditError::Label { .. }
            | AuditError::NothingWatched { .. } => Self::input(error),
        }
    }
}

impl From<BaseFileError> for Failure {
    fn from(error: BaseFileError) -> Self {
        match error {
            BaseFileError::Model(_) | BaseFileError::Row { .. } => {
                Self { exit: Exit::ModelFailed, message: error.to_string(), hints: Vec::new() }
            }
            BaseFileError::Short { .. } => Self::input(error).hint("give a longer text, or a smaller --ctx"),
            BaseFileError::Interrupted => {
                let hints = vec!["base files cannot be resumed; nothing was kept".to_owned()];
                Self { exit: Exit::Interrupted, message: error.to_string(), hints }
            }
            _ => Self::input(error),
        }
    }
}

/// What a setting is called on the command line.
fn flag(setting: &str) -> String {
    match setting {
        "n_ctx" => "--ctx".to_owned(),
        _ => format!("--{}", setting.replace('_', "-")),
    }
}

/// The operating system's messages end with `(os error 2)`, which helps nobody.
fn without_numbers(message: &str) -> String {
    let Some((before, after)) = message.split_once(" (os error ") else { return message.to_owned() };
    match after.split_once(')') {
        Some((number, rest)) if number.bytes().all(|byte| byte.is_ascii_digit()) => format!("{before}{rest}"),
        _ => message.to_owned(),
    }
}

/// The operating system's messages begin with a capital letter; ours do not.
fn lower_first(message: &str) -> String {
    let mut characters = message.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}
