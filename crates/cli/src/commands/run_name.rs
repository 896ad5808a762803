//! The folder of a run that the user did not name: the same models, suite and settings give the same one.

use std::path::{Path, PathBuf};

use hydrometer_answers::sparse::Codec;
use hydrometer_answers::{MeaningSettings, ModelIdentity, RunFolder};
use hydrometer_ask::{AskOptions, Models, Role};
use hydrometer_models::{Known, Model, Tokenizer, ToolProtocol};
use hydrometer_probes::Suite;

/// Folder that collects the runs without a name of their own.
const RUNS: &str = "hydrometer-runs";

/// The models of a run.
pub struct RunNames<'a> {
    /// Teacher, student and, where it is asked, the student before distillation.
    pub models: Vec<&'a ModelIdentity>,
    /// A control student.
    pub control: Option<&'a ModelIdentity>,
    /// Hash of a tokenizer that was named beside them.
    pub tokenizer: Option<&'a str>,
}

impl<'a> RunNames<'a> {
    /// Of models that are asked.
    pub fn of(models: Models<'a>) -> Self {
        let both = [models.teacher.identity(), models.student.identity()];
        Self {
            models: both.into_iter().chain(models.base.map(Model::identity)).collect(),
            control: models.control.map(Model::identity),
            tokenizer: models.tokenizer.map(Tokenizer::hash),
        }
    }
}

/// The same models, suite and settings give the same name: the same command finds its run again.
pub fn default_folder(
    names: &RunNames<'_>,
    suite: &Suite,
    options: &AskOptions,
    cache: Option<&Codec>,
    meaning: Option<MeaningSettings>,
) -> PathBuf {
    let key = serde_json::json!([
        names.models,
        names.control,
        suite.hash(),
        options.n_ctx,
        options.block_tokens,
        options.rotations,
        options.floor_windows,
        options.max_windows.map(|most| (most, options.window_order)),
        options.seed,
        options.sampling.as_ref().map(|sampling| &sampling.settings),
        options.teacher_asked,
        options.until_decided.as_ref().map(|until| (until.alpha, until.cap, &until.gates, &until.looks)),
        cache,
        meaning,
    ]);
    // Runs without one keep the names that they have.
    let key = names.tokenizer.map_or_else(|| key.to_string(), |tokenizer| format!("{key} {tokenizer}"));
    let hash = blake3::hash(key.as_bytes()).to_hex();
    let models = names.models.iter().copied().chain(names.control);
    let names = models.map(|model| &model.name).chain([&suite.name]);
    let name = names.map(|name| file_name(name)).collect::<Vec<_>>().join("--");
    Path::new(RUNS).join(format!("{name}-{}", &hash[..8]))
}

/// The models of the run that the same command began or made before: in the folder that the user named, or in one with a name of
/// ours. None where there is no such run.
pub fn models_of_run(named: Option<&Path>, arguments: &[String]) -> Vec<Known> {
    let folders = match named {
        Some(folder) => vec![folder.to_path_buf()],
        None => std::fs::read_dir(RUNS).into_iter().flatten().flatten().map(|entry| entry.path()).collect(),
    };
    let of_run = |run: RunFolder| {
        let manifest = run.manifest();
        let same = named.is_some() || manifest.arguments == arguments;
        let models = [
            (Role::Teacher, Some(&manifest.teacher)),
            (Role::Student, Some(&manifest.student)),
            (Role::Base, manifest.base.as_ref()),
            (Role::Control, manifest.control.as_ref()),
        ];
        let known = |(role, identity): (Role, Option<&ModelIdentity>)| {
            let way = manifest.settings.tool_protocols.get(role.to_string().as_str());
            Some(Known { identity: identity?.clone(), tools: way.and_then(|way| ToolProtocol::named(way)) })
        };
        same.then(|| models.into_iter().filter_map(known).collect::<Vec<_>>())
    };
    folders.iter().filter_map(|folder| of_run(RunFolder::open_unchecked(folder).ok()?)).next().unwrap_or_default()
}

/// A model's or suite's name is somebody's text: only harmless characters reach a path.
fn file_name(name: &str) -> String {
    const LONGEST: usize = 40;
    let harmless = |c: char| if c.is_ascii_alphanumeric() || c == '.' || c == '_' { c } else { '-' };
    let name: String = name.chars().map(harmless).take(LONGEST).collect();
    let name = name.trim_matches(['-', '.']);
    if name.is_empty() { "model".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_models_cannot_leave_the_folder() {
        let check = |name: &str, expected: &str| assert_eq!(file_name(name), expected, "{name}");
        check("qwen-1.5b", "qwen-1.5b");
        check("builtin:quick", "builtin-quick");
        check("../../etc/passwd", "etc-passwd");
        check("..", "model");
        check("", "model");
        check("a/b\\c\u{1b}[31m", "a-b-c--31m");
        check(&"x".repeat(99), &"x".repeat(40));
    }
}
