//! Files that somebody else may have made: how they are opened, and how other people's code is let at them.

mod keys;

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{Error, ErrorKind, Read, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

pub use keys::check_keys;

/// Opens a file for reading. Anything else of that name, a pipe or a device, could hold the reader up for ever or have
/// no end.
///
/// # Errors
/// It cannot be opened, or is no regular file.
pub fn open_file(path: &Path) -> Result<File> {
    // Before opening, which is where a pipe that nobody writes to would wait.
    regular(&fs::metadata(path)?)?;
    let file = File::open(path)?;
    regular(&file.metadata()?)?;
    Ok(file)
}

/// Reads a whole file, opened by [`open_file`].
///
/// # Errors
/// As [`open_file`], or it cannot be read.
pub fn read_file(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_file(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn regular(about: &fs::Metadata) -> Result<()> {
    match (about.is_file(), about.is_dir()) {
        (true, _) => Ok(()),
        (_, true) => Err(Error::new(ErrorKind::IsADirectory, "it is a folder, expected a file")),
        _ => Err(Error::other("it is no regular file")),
    }
}

thread_local! {
    static CONTAINED: Cell<u32> = const { Cell::new(0) };
}

/// Lets other people's code work on a stranger's file. `None` when it panics: what it chokes on is the file's fault, and
/// the caller says which file.
pub fn contained<T>(work: impl FnOnce() -> T) -> Option<T> {
    CONTAINED.set(CONTAINED.get() + 1);
    // Nothing that a panic left half-done is looked at again: callers give up the file.
    let done = catch_unwind(AssertUnwindSafe(work));
    CONTAINED.set(CONTAINED.get() - 1);
    done.ok()
}

/// Whether a panic of this thread, now, would be caught by [`contained`]: then it is no bug to report.
pub fn is_contained() -> bool {
    CONTAINED.get() > 0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_regular_files_are_opened() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(open_file(home.path()).unwrap_err().kind(), ErrorKind::IsADirectory);
        let path = home.path().join("file");
        fs::write(&path, "text").unwrap();
        assert_eq!(read_file(&path).unwrap(), b"text");
        if cfg!(unix) {
            let error = open_file(Path::new("/dev/zero")).unwrap_err().to_string();
            assert_eq!(error, "it is no regular file");
        }
    }

    #[test]
    fn a_panic_stays_inside() {
        assert_eq!(contained(|| 1), Some(1));
        let nested = contained(|| {
            assert!(is_contained());
            assert_eq!(
                contained(|| {
                    let letters: Vec<char> = "ab".chars().collect();
                    letters[letters.len()]
                }),
                None
            );
            is_contained()
        });
        assert_eq!(nested, Some(true));
        assert!(!is_contained());
    }
}
