//! Models of the Hugging Face hub: fetched once, into the cache that the hub's own tools use, so that either finds what the other
//! fetched.
//!
//! This file holds names and what of a repository is wanted; `cache` is the cache on disk, `remote` asks the hub, `download`
//! brings one file.

mod cache;
mod download;
mod remote;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::http::Network;
use crate::{Checkpoint, ModelError};
use cache::Cache;
use remote::{Hub, Listing};

/// What stands in front of a name.
pub(crate) const PREFIX: &str = "hf:";
/// The branch where no revision is named.
const MAIN: &str = "main";
/// Files beside the weights that are read where they are there.
const BESIDE: [&str; 9] = [
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "modules.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
];
/// The weights in one file, and what says in which files they are.
const WEIGHTS: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// `ORG/NAME[@REV][/FILE]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubName {
    /// `ORG/NAME`.
    repo: String,
    /// A branch, a tag or a commit.
    revision: String,
    /// One file of the repository.
    file: Option<String>,
}

/// How far a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetching {
    /// Its name in the repository.
    pub file: String,
    /// Bytes that are there.
    pub done: u64,
    /// Bytes of the whole.
    pub total: u64,
}

/// What was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The file that was named, or the folder of the revision.
    pub path: PathBuf,
    /// A short name for people.
    pub name: String,
    /// The name with the commit that it stands for.
    pub spec: String,
}

impl fmt::Display for HubName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.repo)?;
        if self.revision != MAIN {
            write!(f, "@{}", self.revision)?;
        }
        self.file.iter().try_for_each(|file| write!(f, "/{file}"))
    }
}

impl HubName {
    /// Whether it names one file of a repository.
    pub(crate) fn is_file(&self) -> bool {
        self.file.is_some()
    }

    /// One file of the repository that it names.
    pub(crate) fn file(&self, name: &str) -> HubName {
        HubName { file: Some(name.to_owned()), ..self.clone() }
    }
}

impl FromStr for HubName {
    type Err = ModelError;

    /// Reads `ORG/NAME[@REV][/FILE]`, without the prefix. A slash of a revision is written `%2F`.
    fn from_str(text: &str) -> Result<HubName, ModelError> {
        let wrong = || ModelError::Request {
            reason: format!("{PREFIX}{text}: expected {PREFIX}ORG/NAME, {PREFIX}ORG/NAME@REV or {PREFIX}ORG/NAME/FILE"),
        };
        let (owner, rest) = text.split_once('/').ok_or_else(wrong)?;
        let (repo, file) = rest.split_once('/').map_or((rest, None), |(repo, file)| (repo, Some(file)));
        let (name, revision) = repo.split_once('@').map_or((repo, None), |(name, revision)| (name, Some(revision)));
        let revision = revision.map_or(MAIN.to_owned(), |revision| revision.replace("%2F", "/"));
        let is_name = |part: &str| {
            !part.is_empty()
                && !part.starts_with('.')
                && !part.contains("--")
                && part.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
        };
        if !is_name(owner) || !is_name(name) || !is_inside(&revision) || file.is_some_and(|file| !is_inside(file)) {
            return Err(wrong());
        }
        Ok(HubName { repo: format!("{owner}/{name}"), revision, file: file.map(str::to_owned) })
    }
}

/// Whether a name with slashes stays where it is put: the hub's names become paths.
fn is_inside(name: &str) -> bool {
    let plain = |part: &str| {
        !matches!(part, "" | "." | "..") && part.chars().all(|letter| !letter.is_control() && !"\\:?#".contains(letter))
    };
    name.split('/').all(plain)
}

/// Fetches what of a model is not in the cache yet.
///
/// # Errors
/// The name means nothing, the hub refuses or cannot be reached, a file is not what its checksum says, or nothing of the
/// repository is a model.
pub fn fetch(name: &str, network: &Network) -> Result<Fetched, ModelError> {
    fetch_named(&name.trim_start_matches(PREFIX).parse()?, network)
}

pub(crate) fn fetch_named(name: &HubName, network: &Network) -> Result<Fetched, ModelError> {
    let cache = Cache::of(name, &*network.variable)?;
    let hub = Hub::of(name, network)?;
    let commit = match &name.file {
        Some(file) => one_file(name, file, &cache, &hub)?,
        None => folder(name, &cache, &hub)?,
    };
    let short = name.repo.rsplit('/').next().unwrap_or(&name.repo);
    let within = match (&name.file, cache.only_gguf(&commit)?) {
        (Some(file), _) => Some(file.clone()),
        (None, found) => found,
    };
    let stem = within.as_deref().map(|file| file.rsplit('/').next().unwrap_or(file));
    let spec = HubName { revision: commit.clone(), file: within.clone(), ..name.clone() }.to_string();
    Ok(Fetched {
        path: within.as_ref().map_or_else(|| cache.snapshot(&commit), |file| cache.snapshot(&commit).join(file)),
        name: stem.map_or(short, |file| file.strip_suffix(".gguf").unwrap_or(file)).to_owned(),
        spec,
    })
}

/// One file; its commit. What is in the cache is not asked for.
fn one_file(name: &HubName, file: &str, cache: &Cache, hub: &Hub<'_>) -> Result<String, ModelError> {
    if let Some(commit) = cache.commit(&name.revision)?
        && cache.snapshot(&commit).join(file).exists()
    {
        return Ok(commit);
    }
    if hub.is_offline() {
        return Err(hub.refused(format!("{file} is not in {}, and HF_HUB_OFFLINE forbids to fetch it", cache.place())));
    }
    let commit = download::bring(hub, cache, &name.revision, file)?;
    cache.remember(&name.revision, &commit)?;
    Ok(commit)
}

/// All that is wanted of a repository; its commit.
fn folder(name: &HubName, cache: &Cache, hub: &Hub<'_>) -> Result<String, ModelError> {
    let kept = cache.commit(&name.revision)?;
    let in_cache = |why: ModelError| match &kept {
        // What is there serves where it is a whole model.
        Some(commit) if wanted(&cache.names(commit)?, |index| cache.read(commit, index)).is_ok() => Ok(commit.clone()),
        _ => Err(why),
    };
    if hub.is_offline() {
        let place = cache.place();
        return in_cache(hub.refused(format!("no whole model is in {place}, and HF_HUB_OFFLINE forbids to fetch it")));
    }
    let Listing { commit, names } = match hub.listing(&name.revision) {
        Ok(listing) => listing,
        Err(unreached @ ModelError::NoAnswer { .. }) => return in_cache(unreached),
        Err(refused) => return Err(refused),
    };
    let bring = |file: &str| download::bring(hub, cache, &commit, file);
    let index = |index: &str| {
        bring(index)?;
        cache.read(&commit, index)
    };
    for file in wanted(&names, index).map_err(|why| why.unwrap_or_else(|reason| hub.refused(reason)))? {
        bring(&file)?;
    }
    cache.remember(&name.revision, &commit)?;
    Ok(commit)
}

/// Why nothing is wanted: in words, or what went wrong on the way.
type Unwanted = Result<ModelError, String>;

/// The files that make a model of a repository, of those with these names; `read` reads the index of its weights.
fn wanted(names: &[String], read: impl FnOnce(&str) -> Result<Vec<u8>, ModelError>) -> Result<Vec<String>, Unwanted> {
    let has = |name: &str| names.iter().any(|of| of == name);
    let ggufs: Vec<&String> = names.iter().filter(|name| name.ends_with(".gguf")).collect();
    let weights = if has(INDEX) {
        let index: serde_json::Value = serde_json::from_slice(&read(INDEX).map_err(Ok)?)
            .map_err(|error| Err(format!("{INDEX}: expected JSON, found something else: {error}")))?;
        let files = index["weight_map"].as_object().into_iter().flat_map(|map| map.values());
        let mut files: Vec<String> = files.filter_map(|file| file.as_str().map(str::to_owned)).collect();
        files.sort();
        files.dedup();
        if let Some(missing) = files.iter().find(|file| !is_inside(file) || !has(file)) {
            return Err(Err(format!("{INDEX} names {missing}, which is not there")));
        }
        files.push(INDEX.to_owned());
        files
    } else if has(WEIGHTS) {
        vec![WEIGHTS.to_owned()]
    } else if let [only] = ggufs[..] {
        return Ok(vec![only.clone()]);
    } else if !ggufs.is_empty() {
        const NAMED: usize = 12;
        let named: Vec<&str> = ggufs.iter().take(NAMED).map(|name| name.as_str()).collect();
        let more = if ggufs.len() > NAMED { ", …" } else { "" };
        return Err(Err(format!("it has several GGUF files; name one behind a slash: {}{more}", named.join(", "))));
    } else {
        return Err(Err(format!("expected {WEIGHTS}, {INDEX} or a GGUF file, found none")));
    };
    // A sentence encoder keeps the settings of its layers in folders.
    let layers =
        |name: &&String| has("modules.json") && name.split_once('/').is_some_and(|(_, file)| file == "config.json");
    let beside = names.iter().filter(|name| BESIDE.contains(&name.as_str()) || layers(name)).cloned();
    Ok(beside.chain(weights).collect())
}

impl Fetched {
    /// Opens it as a model that is called by its name on the hub.
    pub(crate) fn open(&self) -> Result<Checkpoint, ModelError> {
        Ok(Checkpoint::open(&self.path)?.called(&self.name, &self.spec))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn names_are_read_with_revision_and_file() {
        let check = |text: &str, repo: &str, revision: &str, file: Option<&str>| {
            let name: HubName = text.parse().unwrap();
            assert_eq!((name.repo.as_str(), name.revision.as_str(), name.file.as_deref()), (repo, revision, file));
        };
        check("org/name", "org/name", "main", None);
        check("org/name@v1.0", "org/name", "v1.0", None);
        check("org/name-GGUF/q4/m.gguf", "org/name-GGUF", "main", Some("q4/m.gguf"));
        check("org/name@refs%2Fpr%2F1/m.gguf", "org/name", "refs/pr/1", Some("m.gguf"));
        for wrong in
            ["", "name", "org/", "/name", "../name", "org/name/../../x", "org/name@", "a/b c", "a--b/c", "a/b/c\\d"]
        {
            assert!(wrong.parse::<HubName>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_a_model_needs_is_wanted_and_nothing_else() {
        let check = |names: &[&str], index: &str, expected: Result<&[&str], &str>| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            match (wanted(&names, |_| Ok(index.as_bytes().to_vec())), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected),
                (Err(Err(found)), Err(expected)) => assert!(found.contains(expected), "{found}"),
                (found, expected) => panic!("{found:?}, expected {expected:?}"),
            }
        };
        check(
            &[
                "README.md",
                "config.json",
                "model.safetensors",
                "pytorch_model.bin",
                "tokenizer.json",
                "onnx/config.json",
            ],
            "",
            Ok(&["config.json", "tokenizer.json", "model.safetensors"]),
        );
        check(
            &["modules.json", "1_Pooling/config.json", "config.json", "model.safetensors"],
            "",
            Ok(&["modules.json", "1_Pooling/config.json", "config.json", "model.safetensors"]),
        );
        let sharded = ["config.json", "a-1.safetensors", "a-2.safetensors", INDEX, "other.safetensors"];
        let index = r#"{"weight_map": {"x": "a-2.safetensors", "y": "a-1.safetensors", "z": "a-2.safetensors"}}"#;
        check(&sharded, index, Ok(&["config.json", "a-1.safetensors", "a-2.safetensors", INDEX]));
        check(&sharded, r#"{"weight_map": {"x": "../../etc/passwd"}}"#, Err("names ../../etc/passwd"));
        check(&sharded, "{", Err("expected JSON"));
        check(&["README.md", "m.gguf"], "", Ok(&["m.gguf"]));
        check(&["m.Q4.gguf", "m.Q8.gguf"], "", Err("name one behind a slash: m.Q4.gguf, m.Q8.gguf"));
        check(&["README.md"], "", Err("found none"));
    }
}
