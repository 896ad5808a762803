//! A model in one string: what the user wrote, and the model that it names. A new kind of model is a file of this crate, a
//! variant of [`ModelSpec`] and a line each in `parse` and `build`.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::gguf::Gguf;
use crate::http::Remote;
use crate::hub::{self, HubName};
use crate::mistaken::refuse_name;
use crate::replay::{self, Replay};
use crate::safetensors::tokenizer_of;
use crate::{
    ActingDefect, Address, Checkpoint, Decoder, Defect, EngineOptions, Model, ModelError, Network, Planted,
    PlantedActor, PlantedAtBoundaries, Scripted, Tokenizer,
};

/// Deepest nesting of `planted:` that is followed.
const DEEPEST: usize = 16;

/// How a model is named.
#[derive(Clone, Debug, PartialEq)]
pub enum ModelSpec {
    /// A `.gguf` file or a Hugging Face folder.
    Local(PathBuf),
    /// `scripted:FILE.toml`.
    Scripted(PathBuf),
    /// `planted:DEFECT[=DOSE](MODEL)`.
    Planted(Defect, Box<ModelSpec>),
    /// `openai:URL#MODEL`, `anthropic:MODEL`, …: a model behind an endpoint.
    Endpoint(Address),
    /// `hf:ORG/NAME[@REV][/FILE]`: a model of the Hugging Face hub.
    Hub(HubName),
    /// `answers:PLACE` or `answers:PLACE#MODEL`: answers that are kept, and no model.
    Answers(String),
    /// The same with a defect in how the model acts.
    PlantedActor(ActingDefect, Box<ModelSpec>),
    /// `planted:at_boundaries:DEFECT[=DOSE](MODEL)`.
    PlantedAtBoundaries(Defect, Box<ModelSpec>),
}

impl ModelSpec {
    /// The endpoint that it comes to, whatever defects are planted in it; `None` where the model runs here.
    #[must_use]
    pub fn endpoint(&self) -> Option<&Address> {
        match self {
            ModelSpec::Endpoint(address) => Some(address),
            ModelSpec::Planted(_, inner)
            | ModelSpec::PlantedActor(_, inner)
            | ModelSpec::PlantedAtBoundaries(_, inner) => inner.endpoint(),
            ModelSpec::Local(_) | ModelSpec::Scripted(_) | ModelSpec::Hub(_) | ModelSpec::Answers(_) => None,
        }
    }
}

impl FromStr for ModelSpec {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<ModelSpec, ModelError> {
        parse(text, 0)
    }
}

fn parse(text: &str, depth: usize) -> Result<ModelSpec, ModelError> {
    let wrong = |reason: String| Err(ModelError::Request { reason });
    if text.is_empty() {
        return wrong("no model is named".to_owned());
    }
    if depth > DEEPEST {
        return wrong(format!("more than {DEEPEST} planted defects in one another"));
    }
    if let Some(planted) = text.strip_prefix("planted:") {
        let (words, inner) = Defect::split_spec(planted)?;
        if let Some(words) = words.strip_prefix(PlantedAtBoundaries::PREFIX) {
            let defect = words.parse()?;
            return Ok(ModelSpec::PlantedAtBoundaries(defect, Box::new(parse(inner, depth + 1)?)));
        }
        return match ActingDefect::parse(words)? {
            Some(acting) => Ok(ModelSpec::PlantedActor(acting, Box::new(parse(inner, depth + 1)?))),
            None => Ok(ModelSpec::Planted(words.parse()?, Box::new(parse(inner, depth + 1)?))),
        };
    }
    if let Some(address) = Address::parse(text)? {
        return Ok(ModelSpec::Endpoint(address));
    }
    if let Some(name) = text.strip_prefix(hub::PREFIX) {
        return Ok(ModelSpec::Hub(name.parse()?));
    }
    if let Some(place) = text.strip_prefix(replay::PREFIX) {
        return match place {
            "" => wrong("`answers:` without a place; write answers:STORE#MODEL or answers:RUN#teacher".to_owned()),
            place => Ok(ModelSpec::Answers(place.to_owned())),
        };
    }
    match text.strip_prefix("scripted:") {
        Some("") => wrong("`scripted:` without a file; write scripted:FILE.toml".to_owned()),
        Some(file) => Ok(ModelSpec::Scripted(PathBuf::from(file))),
        None => Ok(ModelSpec::Local(PathBuf::from(text))),
    }
}

/// Opens the model that `spec` names: `path.gguf`, a Hugging Face folder, `scripted:FILE.toml`,
/// `planted:DEFECT[=DOSE](MODEL)` or an endpoint, which is asked without a key.
///
/// # Errors
/// A name that means nothing here, files that are missing or broken, a precision that this processor lacks, or an endpoint
/// that refuses.
pub fn open(spec: &str, options: &EngineOptions) -> Result<Box<dyn Model>, ModelError> {
    open_with(spec, options, &Network::without_keys())
}

/// As [`open()`], with the keys and the time that endpoints take.
///
/// # Errors
/// As [`open()`].
pub fn open_with(spec: &str, options: &EngineOptions, network: &Network) -> Result<Box<dyn Model>, ModelError> {
    build(&spec.parse()?, options, network)
}

/// Opens a model that is files, without its weights: what a command needs that reads them one by one.
///
/// # Errors
/// Files that are missing or broken, and names of models that are no files.
pub fn open_files(spec: &str) -> Result<Checkpoint, ModelError> {
    match spec.parse()? {
        ModelSpec::Local(path) => {
            refuse_name(&path)?;
            Checkpoint::open(&path)
        }
        _ => Err(ModelError::Request {
            reason: format!("{spec} has no weights on disk; name a .gguf file or a Hugging Face folder"),
        }),
    }
}

/// The tokenizer of the model that `spec` names, whatever its weights are: a .gguf file, a folder with a `tokenizer.json`,
/// `hf:ORG/NAME`, of which nothing else is fetched, `scripted:FILE.toml`, or one of these with a planted defect.
///
/// # Errors
/// Files that are missing or broken, and names of models that show no tokens.
pub fn open_tokenizer(spec: &str, network: &Network) -> Result<Tokenizer, ModelError> {
    tokenizer_named(&spec.parse()?, spec, network)
}

fn tokenizer_named(named: &ModelSpec, spec: &str, network: &Network) -> Result<Tokenizer, ModelError> {
    match named {
        ModelSpec::Local(path) => {
            refuse_name(path)?;
            of_files(path)
        }
        ModelSpec::Hub(name) if name.is_file() => of_files(&hub::fetch_named(name, network)?.path),
        ModelSpec::Hub(name) => {
            hub::fetch_named(&name.file("tokenizer_config.json"), network)?;
            let path = hub::fetch_named(&name.file("tokenizer.json"), network)?.path;
            tokenizer_of(path.parent().unwrap_or(&path))
        }
        ModelSpec::Scripted(path) => Scripted::open(path)?.tokens().cloned().ok_or_else(|| no_tokens(spec)),
        ModelSpec::Planted(_, inner) | ModelSpec::PlantedActor(_, inner) | ModelSpec::PlantedAtBoundaries(_, inner) => {
            tokenizer_named(inner, spec, network)
        }
        ModelSpec::Endpoint(_) | ModelSpec::Answers(_) => Err(no_tokens(spec)),
    }
}

/// The tokenizer of a file or folder.
fn of_files(path: &Path) -> Result<Tokenizer, ModelError> {
    if path.is_dir() { tokenizer_of(path) } else { Tokenizer::from_gguf(&Gguf::open(path)?) }
}

fn no_tokens(spec: &str) -> ModelError {
    let reason = format!("{spec} shows no tokens; name a .gguf file, a Hugging Face folder or hf:ORG/NAME");
    ModelError::Request { reason }
}

fn build(spec: &ModelSpec, options: &EngineOptions, network: &Network) -> Result<Box<dyn Model>, ModelError> {
    Ok(match spec {
        ModelSpec::Local(path) => {
            refuse_name(path)?;
            Box::new(Decoder::open(&Checkpoint::open(path)?, options)?)
        }
        ModelSpec::Scripted(path) => Box::new(Scripted::open(path)?),
        ModelSpec::Hub(name) => {
            let fetched = hub::fetch_named(name, network)?;
            refuse_name(&fetched.path)?;
            Box::new(Decoder::open(&fetched.open()?, options)?)
        }
        ModelSpec::Answers(place) => Box::new(Replay::open(place)?),
        ModelSpec::Endpoint(address) => Box::new(Remote::connect(address.clone(), network)?),
        ModelSpec::PlantedActor(defect, inner) => Box::new(PlantedActor::new(*defect, build(inner, options, network)?)),
        ModelSpec::PlantedAtBoundaries(defect, inner) => {
            Box::new(PlantedAtBoundaries::new(*defect, build(inner, options, network)?))
        }
        ModelSpec::Planted(defect, inner) => Box::new(Planted::new(*defect, build(inner, options, network)?)),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_kind_is_read() {
        let check = |text: &str, expect: ModelSpec| assert_eq!(text.parse::<ModelSpec>().unwrap(), expect);
        let local = || ModelSpec::Local("a b/model (1).gguf".into());
        check("a b/model (1).gguf", local());
        check("hf:org/name@v1/a.gguf", ModelSpec::Hub("org/name@v1/a.gguf".parse().unwrap()));
        check("folder/", ModelSpec::Local("folder/".into()));
        check("scripted:x.toml", ModelSpec::Scripted("x.toml".into()));
        check("answers:a b/run#teacher", ModelSpec::Answers("a b/run#teacher".into()));
        let endpoint = ModelSpec::Endpoint(Address::parse("openai:http://h/v1#m").unwrap().unwrap());
        check("openai:http://h#m", endpoint);
        let actor =
            |defect: ActingDefect| ModelSpec::PlantedActor(defect, Box::new(ModelSpec::Scripted("x.toml".into())));
        check("planted:no_recovery(scripted:x.toml)", actor(ActingDefect::NoRecovery));
        check("planted:short_horizon=6(scripted:x.toml)", actor(ActingDefect::ShortHorizon(6)));
        check("planted:tools_garbled(scripted:x.toml)", actor(ActingDefect::ToolsGarbled(0.5)));
        check("planted:judgment_flipped=0.25(scripted:x.toml)", actor(ActingDefect::JudgmentFlipped(0.25)));
        check("planted:disclaimers(scripted:x.toml)", actor(ActingDefect::Disclaimers(0.5)));
        check("planted:boundary_moved=-2(scripted:x.toml)", actor(ActingDefect::BoundaryMoved(-2.0)));
        check("planted:forgetting=0.25(scripted:x.toml)", actor(ActingDefect::Forgetting(0.25)));
        check("planted:careful(scripted:x.toml)", actor(ActingDefect::Careful));
        check(
            "planted:at_boundaries:temperature=0.5(scripted:x.toml)",
            ModelSpec::PlantedAtBoundaries(Defect::Temperature(0.5), Box::new(ModelSpec::Scripted("x.toml".into()))),
        );
        check("planted:null(a b/model (1).gguf)", ModelSpec::Planted(Defect::Null, Box::new(local())));
        check(
            "planted:noise=0.5(planted:greedy(scripted:x.toml))",
            ModelSpec::Planted(
                Defect::Noise(0.5),
                Box::new(ModelSpec::Planted(Defect::Greedy(0.999_999), Box::new(ModelSpec::Scripted("x.toml".into())))),
            ),
        );
    }

    #[test]
    fn what_this_version_cannot_open_says_what_to_do() {
        let check = |text: &str, expect: &str| {
            let found = text.parse::<ModelSpec>().unwrap_err().to_string();
            assert!(found.contains(expect), "{found}");
        };
        check("hf:name", "expected hf:ORG/NAME");
        check("gemini:", "no name of a model");
        check("openai:", "no name of a model");
        check("answers:", "without a place");
        check("planted:melted(x)", "unknown defect `melted`");
        check("planted:short_horizon=0(x)", "expected a number of turns");
        check("planted:tools_garbled=1.5(x)", "expected a share");
        check("planted:style_changed=0(x)", "expected a share");
        check("planted:no_recovery=1(x)", "expected none");
        check("planted:boundary_moved=0(x)", "expected a number of rungs other than 0");
        check("planted:at_boundaries:careful(x)", "unknown defect `careful`");
        check("planted:null", "no model in parentheses");
        check("scripted:", "without a file");
        check("", "no model is named");
        let deep = format!("{}x{}", "planted:null(".repeat(20), ")".repeat(20));
        check(&deep, "more than 16 planted defects");
    }
}
