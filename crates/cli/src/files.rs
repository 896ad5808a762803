//! Reading and writing the user's files, with errors that name them.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use hydrometer_probes::strangers::read_file;

use crate::failure::Failure;
use crate::terminal::Terminal;

/// Reads a UTF-8 file.
///
/// # Errors
/// It cannot be read, or is not UTF-8: the message names it.
pub fn read_text(path: &Path) -> Result<String, Failure> {
    let bytes = read_file(path).map_err(|error| Failure::file("read", path, &error))?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::input(format!("{} is not UTF-8 text: byte {at} begins no character", path.display()))
    })
}

/// Where this user's programs keep what they can make again; `None` where the environment names no such place.
pub fn cache_folder() -> Option<PathBuf> {
    let named = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = named("XDG_CACHE_HOME")
        .or_else(|| named("LOCALAPPDATA"))
        .or_else(|| named("HOME").map(|home| home.join(".cache")));
    base.map(|base| base.join("hydrometer"))
}

/// The folder of the answer store: the one that the user named, else the one in the cache.
///
/// # Errors
/// None is named, and the environment names no cache.
pub fn answer_store(named: Option<&Path>) -> Result<PathBuf, Failure> {
    named.map(Path::to_path_buf).or_else(|| cache_folder().map(|cache| cache.join("answers"))).ok_or_else(|| {
        Failure::input("there is no cache folder for the answer store")
            .hint("name one with --store, or leave prompts out with --samples 0")
    })
}

/// The folder in the cache where vectors of texts are kept that an endpoint was paid for; `None` where the environment names no cache.
pub fn embeddings() -> Option<PathBuf> {
    cache_folder().map(|cache| cache.join("embeddings"))
}

/// Refuses a path in a finished run, which never changes: a report there would be taken for a part of it, or be the
/// end of one.
///
/// # Errors
/// The path is in a folder with a seal, or below one.
pub fn outside_runs(path: &Path) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // A folder that is not there holds no run.
    let Ok(folder) = folder.canonicalize() else { return Ok(()) };
    let sealed = |folder: &&Path| folder.join("finished.json").exists() && folder.join("manifest.json").exists();
    match folder.ancestors().find(sealed) {
        Some(run) => Err(Failure::input(format!(
            "{} is in the finished run {}, which never changes",
            path.display(),
            run.display()
        ))
        .hint("name a file elsewhere")),
        None => Ok(()),
    }
}

/// Refuses a path that no file can be put at: what is written is moved into place, and would stand where a device was.
///
/// # Errors
/// As [`outside_runs`]; the path is a folder, a device or a pipe; its folder is not there.
pub fn writable(path: &Path) -> Result<(), Failure> {
    let shown = path.display();
    match fs::metadata(path) {
        Ok(there) if there.is_dir() => {
            return Err(Failure::input(format!("cannot write {shown}: it is a folder, expected a file"))
                .hint(format!("name a file in it: {}", path.join("NAME").display())));
        }
        Ok(there) if !there.is_file() => {
            return Err(Failure::input(format!("cannot write {shown}: it is a device or a pipe, expected a file"))
                .hint("name a file"));
        }
        _ => {}
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        return Err(Failure::input(format!("cannot write {shown}: there is no folder {}", folder.display()))
            .hint("make the folder first, or name another"));
    }
    outside_runs(path)
}

/// Refuses a path of what is read: it would be lost.
///
/// # Errors
/// `out` is one of the inputs, by whatever name.
pub fn not_over(out: Option<&Path>, inputs: &[PathBuf]) -> Result<(), Failure> {
    // A file that is not there is no input.
    let Some(real) = out.and_then(|out| out.canonicalize().ok()) else { return Ok(()) };
    match inputs.iter().find(|input| input.canonicalize().is_ok_and(|input| input == real)) {
        Some(input) => Err(Failure::input(format!("{} is read, and would be lost", input.display()))
            .hint("name another file to write")),
        None => Ok(()),
    }
}

/// Writes a file, whole or not at all.
///
/// # Errors
/// It cannot be written, or is in a finished run: the message names it.
pub fn write(path: &Path, content: &[u8]) -> Result<(), Failure> {
    write_pieces(path, std::iter::once(Ok(content)))
}

/// As [`write()`], piece by piece: the whole need not fit in memory.
fn write_pieces<P: AsRef<[u8]>>(path: &Path, pieces: impl Iterator<Item = Result<P, Failure>>) -> Result<(), Failure> {
    writable(path)?;
    let fail = |error: std::io::Error| Failure::file("write", path, &error);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = fs::File::create(&temporary).map_err(fail).and_then(|file| {
        let mut file = BufWriter::new(file);
        for piece in pieces {
            file.write_all(piece?.as_ref()).map_err(fail)?;
        }
        file.into_inner().map_err(|error| fail(error.into_error()))?.sync_all().map_err(fail)
    });
    written.and_then(|()| fs::rename(&temporary, path).map_err(fail)).inspect_err(|_| {
        let _ = fs::remove_file(&temporary);
    })
}

/// Writes lines as they come, to `path` where there is one, to stdout otherwise.
///
/// # Errors
/// A line fails; as [`write()`] and [`Terminal::data`].
pub fn deliver_lines(
    mut lines: impl Iterator<Item = Result<String, Failure>>,
    path: Option<&Path>,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    match path {
        None => lines.try_for_each(|line| terminal.data(&line?)),
        Some(path) => {
            write_pieces(path, lines)?;
            terminal.say(&format!("written: {}", path.display()));
            Ok(())
        }
    }
}

/// Writes to `path` where there is one, to stdout otherwise.
///
/// # Errors
/// As [`write()`] and [`Terminal::data`].
pub fn deliver(text: &str, path: Option<&Path>, terminal: &mut Terminal) -> Result<(), Failure> {
    let Some(path) = path else { return terminal.data(text) };
    write(path, text.as_bytes())?;
    terminal.say(&format!("written: {}", path.display()));
    Ok(())
}

/// Shows a file to the user with whatever the desktop uses for it.
pub fn open(path: &Path, terminal: &Terminal) {
    let (program, first): (&str, &[&str]) = if cfg!(target_os = "macos") {
        ("open", &[])
    } else if cfg!(target_os = "windows") {
        ("cmd", &["/C", "start", ""])
    } else {
        ("xdg-open", &[])
    };
    let started = std::process::Command::new(program)
        .args(first)
        .arg(path)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn();
    if started.is_err() {
        terminal.warn(&format!("cannot open a browser with `{program}`; the report is {}", path.display()));
    }
}
