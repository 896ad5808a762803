//! Durable file steps: a file is either the old one or the whole new one, whenever the power goes.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use hydrometer_probes::strangers::open_file;

use crate::RunError;

/// Marks temporary files; what stands after it is the process id and a counter.
const TEMPORARY: &str = ".tmp-";
/// Tells apart the temporary files of threads of this process.
static COUNTER: AtomicU64 = AtomicU64::new(0);

/// What the file managers of some systems leave in every folder that somebody looks at.
const LITTER: [&str; 3] = [".DS_Store", "Thumbs.db", "desktop.ini"];

/// Begins the name of what such a system keeps about the file of the rest of the name.
const ABOUT: &str = "._";

/// Names in a folder, sorted, but for [`LITTER`]; an absent folder has none.
pub(crate) fn entries(folder: &Path) -> Result<Vec<String>, RunError> {
    let listing = match fs::read_dir(folder) {
        Ok(listing) => listing,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(RunError::io("list", folder)(error)),
    };
    let mut names = listing
        .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(RunError::io("list", folder))?;
    names.retain(|name| !LITTER.contains(&name.as_str()) && !name.starts_with(ABOUT));
    names.sort();
    Ok(names)
}

/// Replaces `path` by a file with these bytes: temporary file in the same folder, fsync, rename, fsync of the folder.
///
/// # Errors
/// Any refusal of the system; nothing half-written stays, a former file at `path` is untouched.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), RunError> {
    replace_with(path, |file| file.write_all(bytes))
}

/// [`replace`] with a function that writes the bytes.
pub fn replace_with(path: &Path, write: impl FnOnce(&mut File) -> std::io::Result<()>) -> Result<(), RunError> {
    let temporary = temporary_for(path);
    let result = File::create(&temporary)
        .and_then(|mut file| {
            write(&mut file)?;
            file.sync_all()
        })
        .map_err(RunError::io("write", path))
        .and_then(|()| publish(&temporary, path));
    if result.is_err() {
        // The first error is the one to report; the temporary file may not even exist.
        let _ = fs::remove_file(&temporary);
    }
    result
}

/// Gives a finished temporary file its name, durably.
pub(crate) fn publish(temporary: &Path, path: &Path) -> Result<(), RunError> {
    fs::rename(temporary, path).map_err(RunError::io("rename into place", path))?;
    sync_folder(folder_of(path))
}

/// Name of a temporary file beside `path`.
pub(crate) fn temporary_for(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or(OsStr::new("file")).to_owned();
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    name.push(format!("{TEMPORARY}{}-{count}", std::process::id()));
    path.with_file_name(name)
}

/// Whether a file name is that of a temporary file.
pub(crate) fn is_temporary(name: &str) -> bool {
    name.contains(TEMPORARY)
}

/// Removes the temporary files that killed processes left; the caller holds the lock on these folders.
pub fn remove_leftovers(folders: &[&Path]) -> Result<(), RunError> {
    for folder in folders {
        for name in entries(folder)?.iter().filter(|name| is_temporary(name)) {
            let leftover = folder.join(name);
            fs::remove_file(&leftover).map_err(RunError::io("remove", &leftover))?;
        }
    }
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes renames and new names in a folder survive a crash.
#[cfg(unix)]
pub(crate) fn sync_folder(folder: &Path) -> Result<(), RunError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(RunError::io("sync", folder))
}

/// Folders cannot be opened for syncing on this system; a rename is as durable as the system makes it.
#[cfg(not(unix))]
pub(crate) fn sync_folder(_: &Path) -> Result<(), RunError> {
    Ok(())
}

/// Appends one line, durably.
pub fn append_line(path: &Path, line: &str) -> Result<(), RunError> {
    append(path, format!("{line}\n").as_bytes())
}

/// Appends these bytes, durably: all of them or none.
pub fn append(path: &Path, bytes: &[u8]) -> Result<(), RunError> {
    // One that is there may be anything; one that is not will be a file.
    if path.exists() {
        open_file(path).map_err(RunError::io("append to", path))?;
    }
    let mut file = OpenOptions::new().create(true).append(true).open(path).map_err(RunError::io("append to", path))?;
    let before = file.metadata().map_err(RunError::io("read the length of", path))?.len();
    file.write_all(bytes).and_then(|()| file.sync_data()).map_err(|error| {
        // Half of it would spoil what comes next. The first error is the one to report.
        let _ = file.set_len(before);
        RunError::io("append to", path)(error)
    })
}

/// Cuts off a last line that a killed process did not finish.
pub fn drop_torn_line(path: &Path) -> Result<(), RunError> {
    let mut text = Vec::new();
    match open_file(path).and_then(|mut file| file.read_to_end(&mut text)) {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(RunError::io("read", path)(error)),
    };
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    if whole == text.len() {
        return Ok(());
    }
    OpenOptions::new()
        .write(true)
        .open(path)
        .and_then(|file| file.set_len(whole as u64))
        .map_err(RunError::io("repair", path))
}

/// The writer's lock on a folder: held by the operating system for as long as the process lives, so `kill -9`
/// releases it. The file itself stays, and holds the process id for the message to others.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock.
    ///
    /// # Errors
    /// Another process holds it ([`RunError::Locked`]), or the file system refuses.
    pub fn take(folder: &Path, name: &str) -> Result<Lock, RunError> {
        let path = folder.join(name);
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(RunError::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // The pid only makes the message better: an unreadable one is left out.
                let pid = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
                return Err(RunError::Locked { path: folder.to_path_buf(), pid });
            }
            Err(TryLockError::Error(error)) => return Err(RunError::io("lock", &path)(error)),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(RunError::io("write", &path))?;
        Ok(Lock { _file: file })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::ErrorKind;

    use super::*;

    #[test]
    fn a_full_disk_leaves_the_old_file_and_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("file");
        replace(&path, b"old").unwrap();
        let result = replace_with(&path, |file| {
            file.write_all(b"half of the ne")?;
            Err(ErrorKind::StorageFull.into())
        });
        let text = result.unwrap_err().to_string();
        assert!(text.contains("free some space and repeat the command"), "{text}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }

    #[test]
    fn temporary_names_are_told_apart_and_recognised() {
        let (a, b) = (temporary_for(Path::new("x/manifest.json")), temporary_for(Path::new("x/manifest.json")));
        assert_ne!(a, b);
        assert_eq!(a.parent(), Some(Path::new("x")));
        assert!(is_temporary(&a.display().to_string()) && !is_temporary("manifest.json"));
    }

    #[test]
    fn only_a_torn_last_line_is_dropped() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("lines");
        let check = |text: &str, expect: &str| {
            fs::write(&path, text).unwrap();
            drop_torn_line(&path).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), expect);
        };
        check("a\nb\nto", "a\nb\n");
        check("a\nb\n", "a\nb\n");
        check("torn", "");
        check("", "");
        drop_torn_line(&home.path().join("absent")).unwrap();
    }
}
