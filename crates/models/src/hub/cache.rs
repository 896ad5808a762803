//! The hub's cache on disk, laid out as `huggingface_hub` lays it out: `models--ORG--NAME` with `blobs`, `refs` and `snapshots`.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use hydrometer_probes::strangers::read_file;

use super::HubName;
use crate::ModelError;

/// The part of the cache that belongs to one repository.
pub(super) struct Cache {
    repo: PathBuf,
    locks: PathBuf,
}

impl Cache {
    /// The cache that the variables name: `HF_HUB_CACHE`, `HF_HOME`, `XDG_CACHE_HOME`, or `~/.cache/huggingface/hub`.
    pub(super) fn of(name: &HubName, variable: &dyn Fn(&str) -> Option<String>) -> Result<Cache, ModelError> {
        let root = root(variable).ok_or_else(|| ModelError::Request {
            reason: format!("{name}: there is no place for the hub's cache; name one with HF_HOME"),
        })?;
        let folder = format!("models--{}", name.repo.replace('/', "--"));
        Ok(Cache { locks: root.join(".locks").join(&folder), repo: root.join(folder) })
    }

    /// Where it is, for people.
    pub(super) fn place(&self) -> String {
        self.repo.display().to_string()
    }

    /// The commit that a revision stands for here; `None` where it was never fetched.
    pub(super) fn commit(&self, revision: &str) -> Result<Option<String>, ModelError> {
        if is_commit(revision) {
            return Ok(self.snapshot(revision).is_dir().then(|| revision.to_owned()));
        }
        let path = self.repo.join("refs").join(revision);
        match read_file(&path) {
            Ok(bytes) => {
                Ok(String::from_utf8(bytes).ok().map(|text| text.trim().to_owned()).filter(|text| is_commit(text)))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(ModelError::io(&path, "cannot read", error)),
        }
    }

    /// Keeps which commit a revision stands for.
    pub(super) fn remember(&self, revision: &str, commit: &str) -> Result<(), ModelError> {
        if revision == commit {
            return Ok(());
        }
        let path = self.repo.join("refs").join(revision);
        make_folder_of(&path)?;
        fs::write(&path, commit).map_err(|error| ModelError::io(&path, "cannot write", error))
    }

    /// The folder of a commit.
    pub(super) fn snapshot(&self, commit: &str) -> PathBuf {
        self.repo.join("snapshots").join(commit)
    }

    /// Where the bytes with this checksum are, and where they are while they come.
    pub(super) fn blob(&self, etag: &str) -> PathBuf {
        self.repo.join("blobs").join(etag)
    }

    /// Holds others off from the bytes with this checksum, for as long as the file is open: the hub's own tools lock the same.
    pub(super) fn lock(&self, etag: &str) -> Result<fs::File, ModelError> {
        let path = self.locks.join(format!("{etag}.lock"));
        make_folder_of(&path)?;
        let failed = |error| ModelError::io(&path, "cannot lock", error);
        let file = fs::OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        file.lock().map_err(failed)?;
        Ok(file)
    }

    /// Gives a blob its name in a commit.
    pub(super) fn link(&self, commit: &str, file: &str, etag: &str) -> Result<(), ModelError> {
        let path = self.snapshot(commit).join(file);
        make_folder_of(&path)?;
        if path.exists() {
            return Ok(());
        }
        // One that points to nothing would be in the way.
        let _ = fs::remove_file(&path);
        let up = "../".repeat(file.split('/').count() + 1);
        place(&self.blob(etag), &format!("{up}blobs/{etag}"), &path)
            .map_err(|error| ModelError::io(&path, "cannot write", error))
    }

    /// A file of a commit.
    pub(super) fn read(&self, commit: &str, file: &str) -> Result<Vec<u8>, ModelError> {
        let path = self.snapshot(commit).join(file);
        read_file(&path).map_err(|error| ModelError::io(&path, "cannot read", error))
    }

    /// The names of the files of a commit that are there, those in a folder with its name in front.
    pub(super) fn names(&self, commit: &str) -> Result<Vec<String>, ModelError> {
        let mut names = Vec::new();
        list(&self.snapshot(commit), "", &mut names)?;
        names.sort();
        Ok(names)
    }

    /// The file of a commit that is a model by itself, where there is no folder of one.
    pub(super) fn only_gguf(&self, commit: &str) -> Result<Option<String>, ModelError> {
        let names = self.names(commit)?;
        let is_folder = names.iter().any(|name| name == "config.json");
        Ok(names.into_iter().find(|name| name.ends_with(".gguf")).filter(|_| !is_folder))
    }
}

fn root(variable: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let named = |name: &str| variable(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    named("HF_HUB_CACHE").or_else(|| home(variable).map(|home| home.join("hub")))
}

/// Where the hub's tools keep what is theirs.
pub(super) fn home(variable: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let named = |name: &str| variable(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    let cache = || {
        let of_user = || named("HOME").or_else(|| named("USERPROFILE")).map(|home| home.join(".cache"));
        named("XDG_CACHE_HOME").or_else(of_user)
    };
    named("HF_HOME").or_else(|| cache().map(|cache| cache.join("huggingface")))
}

/// Whether a revision is a commit, and not a branch or a tag.
pub(super) fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

pub(super) fn make_folder_of(path: &Path) -> Result<(), ModelError> {
    let Some(folder) = path.parent() else { return Ok(()) };
    fs::create_dir_all(folder).map_err(|error| ModelError::io(folder, "cannot create", error))
}

fn list(folder: &Path, before: &str, names: &mut Vec<String>) -> Result<(), ModelError> {
    let failed = |error| ModelError::io(folder, "cannot list", error);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let name = format!("{before}{}", entry.file_name().to_string_lossy());
        let path = entry.path();
        // A link that points to nothing is no file.
        match fs::metadata(&path) {
            Ok(about) if about.is_dir() => list(&path, &format!("{name}/"), names)?,
            Ok(_) => names.push(name),
            Err(_) => {}
        }
    }
    Ok(())
}

#[cfg(unix)]
fn place(_: &Path, relative: &str, path: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(relative, path)
}

/// Links take rights here that not everybody has: the file itself stands there, as with the hub's own tools.
#[cfg(not(unix))]
fn place(blob: &Path, _: &str, path: &Path) -> std::io::Result<()> {
    fs::copy(blob, path).map(|_| ())
}
