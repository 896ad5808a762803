//! Brings one file: in parts where the connection breaks off, checked against the checksum that the hub names, and under its name
//! only when it is whole.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};

use super::Fetching;
use super::cache::{Cache, is_commit, make_folder_of};
use super::remote::{Facts, Hub, Unanswered};
use crate::ModelError;
use crate::error::shown;

/// How often a file is asked for without a further byte of it.
const ATTEMPTS: u32 = 5;
/// Bytes that are read at once.
const STEP: usize = 1 << 20;

/// Brings a file into the cache; its commit.
pub(super) fn bring(hub: &Hub<'_>, cache: &Cache, revision: &str, file: &str) -> Result<String, ModelError> {
    if is_commit(revision) && cache.snapshot(revision).join(file).exists() {
        return Ok(revision.to_owned());
    }
    let Facts { commit, etag, size } = hub.facts(revision, file)?;
    let lacks =
        |what: &str| hub.refused(format!("{file}: expected {what} from the hub, found none; is HF_ENDPOINT a hub?"));
    let commit = commit.filter(|commit| is_commit(commit)).ok_or_else(|| lacks("a commit"))?;
    let etag = etag.as_deref().and_then(checksum).ok_or_else(|| lacks("a checksum"))?;
    let size = size.ok_or_else(|| lacks("a size"))?;
    let _lock = cache.lock(&etag)?;
    let blob = cache.blob(&etag);
    if !fs::metadata(&blob).is_ok_and(|about| about.len() == size) {
        let coming = Coming { hub, file, etag: &etag, size, path: incomplete(&blob) };
        make_folder_of(&blob)?;
        coming.fetch(&commit)?;
        fs::rename(&coming.path, &blob).map_err(|error| ModelError::io(&blob, "cannot write", error))?;
    }
    cache.link(&commit, file, &etag)?;
    Ok(commit)
}

/// The name of a blob: what stands in an ETag, where it can be a file's name.
fn checksum(etag: &str) -> Option<String> {
    let etag = etag.trim().trim_start_matches("W/").trim_matches('"');
    let plain =
        (1..=128).contains(&etag.len()) && etag.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'-');
    plain.then(|| etag.to_owned())
}

fn incomplete(blob: &Path) -> PathBuf {
    let mut name = blob.file_name().unwrap_or_default().to_owned();
    name.push(".incomplete");
    blob.with_file_name(name)
}

/// A file on its way.
struct Coming<'a> {
    hub: &'a Hub<'a>,
    file: &'a str,
    etag: &'a str,
    size: u64,
    path: PathBuf,
}

impl Coming<'_> {
    /// Fetches what is missing, and checks the whole.
    fn fetch(&self, commit: &str) -> Result<(), ModelError> {
        let failed = |error| ModelError::io(&self.path, "cannot write", error);
        let mut out = OpenOptions::new().create(true).append(true).read(true).open(&self.path).map_err(failed)?;
        let mut attempts = 0;
        loop {
            let before = out.metadata().map_err(failed)?.len();
            if before == self.size {
                break;
            }
            if before > self.size {
                out.set_len(0).map_err(failed)?;
                continue;
            }
            let why = match self.part(commit, before, &mut out) {
                Ok(()) => "the file broke off".to_owned(),
                Err(Stopped::Io(error)) => return Err(failed(error)),
                Err(Stopped::Hub(Unanswered::Refused(reason))) => {
                    return Err(self.hub.refused(format!("{}: {reason}", self.file)));
                }
                Err(Stopped::Hub(Unanswered::Unreached(reason))) => reason,
            };
            let after = out.metadata().map_err(failed)?.len();
            if after == self.size {
                break;
            }
            attempts = if after > before { 1 } else { attempts + 1 };
            if attempts == ATTEMPTS {
                let reason = format!(
                    "{}: {why}; {after} of {} bytes are kept, and the same command goes on",
                    self.file, self.size
                );
                return Err(ModelError::NoAnswer { endpoint: self.hub.named(), reason, attempts });
            }
            self.hub.pause(attempts);
        }
        out.sync_all().map_err(failed)?;
        self.check()
    }

    /// Adds what comes from byte `from` on.
    fn part(&self, commit: &str, from: u64, out: &mut File) -> Result<(), Stopped> {
        let mut response = self.hub.file(commit, self.file, from).map_err(Stopped::Hub)?;
        let status = response.status().as_u16();
        let range = response.headers().get("content-range").and_then(|range| range.to_str().ok());
        let begins = range.and_then(|range| range.strip_prefix("bytes ")?.split('-').next()?.parse::<u64>().ok());
        let mut done = from;
        if status == 416 || (status == 206 && begins != Some(from)) {
            // What is there is not a beginning of what the hub has.
            out.set_len(0).map_err(Stopped::Io)?;
            return Ok(());
        }
        if status != 206 {
            out.set_len(0).map_err(Stopped::Io)?;
            done = 0;
        }
        let mut body = response.body_mut().with_config().limit(self.size - done + 1).reader();
        let mut buffer = vec![0; STEP];
        loop {
            self.hub.tell(&Fetching { file: self.file.to_owned(), done, total: self.size });
            let read = body.read(&mut buffer).map_err(|error| Stopped::Hub(Unanswered::Unreached(broken(&error))))?;
            if read == 0 {
                return Ok(());
            }
            out.write_all(&buffer[..read]).map_err(Stopped::Io)?;
            done += read as u64;
        }
    }

    /// Compares the whole with the hub's checksum: SHA-256 of large files, of small ones the hash under which Git keeps them.
    fn check(&self) -> Result<(), ModelError> {
        let mut context = match self.etag.len() {
            64 => Context::new(&SHA256),
            40 => {
                let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
                context.update(format!("blob {}\0", self.size).as_bytes());
                context
            }
            _ => return Ok(()),
        };
        let failed = |error| ModelError::io(&self.path, "cannot read", error);
        let mut file = File::open(&self.path).map_err(failed)?;
        let mut buffer = vec![0; STEP];
        loop {
            let read = file.read(&mut buffer).map_err(failed)?;
            if read == 0 {
                break;
            }
            context.update(&buffer[..read]);
        }
        let found: String = context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        if found == self.etag {
            return Ok(());
        }
        fs::remove_file(&self.path).map_err(|error| ModelError::io(&self.path, "cannot remove", error))?;
        Err(self.hub.refused(format!(
            "{}: expected bytes with the checksum {}, found {found}: they changed on the way and were removed; the same command \
             fetches them again",
            self.file, self.etag
        )))
    }
}

/// Why a part ended early.
enum Stopped {
    Io(std::io::Error),
    Hub(Unanswered),
}

fn broken(error: &std::io::Error) -> String {
    format!("the file broke off: {}", shown(&error.to_string()))
}
