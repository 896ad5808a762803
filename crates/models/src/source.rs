//! Where the bytes of a checkpoint come from: a file read at positions, or memory (tests, fuzzing, embedded models).
//!
//! There is no memory map: a map is unsafe (another process may truncate the file under us), and the engine reads
//! each tensor once anyway.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hydrometer_probes::strangers::open_file;

use crate::ModelError;

/// Bytes that can be read at any position.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    path: PathBuf,
    len: u64,
    bytes: Bytes,
}

#[derive(Clone, Debug)]
enum Bytes {
    File(Arc<File>),
    Memory(Arc<[u8]>),
}

impl Source {
    pub(crate) fn open(path: &Path) -> Result<Self, ModelError> {
        let file = open_file(path).map_err(|e| ModelError::io(path, "cannot open", e))?;
        let about = file.metadata().map_err(|e| ModelError::io(path, "cannot open", e))?;
        Ok(Self { path: path.to_owned(), len: about.len(), bytes: Bytes::File(Arc::new(file)) })
    }

    pub(crate) fn memory(name: &str, bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes = bytes.into();
        Self { path: PathBuf::from(name), len: bytes.len() as u64, bytes: Bytes::Memory(bytes) }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Fills `out` from `offset`; the caller has checked the range against [`Source::len`].
    pub(crate) fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<(), ModelError> {
        match &self.bytes {
            Bytes::File(file) => {
                read_exact_at(file, offset, out).map_err(|e| ModelError::io(&self.path, "cannot read", e))
            }
            Bytes::Memory(bytes) => {
                let range =
                    usize::try_from(offset).ok().and_then(|start| bytes.get(start..start.checked_add(out.len())?));
                let Some(range) = range else {
                    return Err(ModelError::io(&self.path, "cannot read", std::io::ErrorKind::UnexpectedEof.into()));
                };
                out.copy_from_slice(range);
                Ok(())
            }
        }
    }

    /// The bytes `offset..offset + len`, checked against the size of the file before anything is allocated.
    pub(crate) fn read(&self, at: &str, offset: u64, len: u64) -> Result<Vec<u8>, ModelError> {
        if offset.checked_add(len).is_none_or(|end| end > self.len) {
            return Err(ModelError::malformed(
                &self.path,
                at,
                format!("{len} bytes at {offset}"),
                format!("a file of {} bytes", self.len),
            ));
        }
        let mut bytes = vec![0; usize::try_from(len).map_err(|_| too_large(&self.path, at, len))?];
        self.read_at(offset, &mut bytes)?;
        Ok(bytes)
    }

    /// `blake3:` hash of all bytes.
    pub(crate) fn hash(&self) -> Result<String, ModelError> {
        const STEP: usize = 4 << 20;
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; STEP.min(usize::try_from(self.len).unwrap_or(STEP))];
        let mut done = 0;
        while done < self.len {
            let now = usize::try_from(self.len - done).unwrap_or(STEP).min(buffer.len());
            self.read_at(done, &mut buffer[..now])?;
            hasher.update(&buffer[..now]);
            done += now as u64;
        }
        Ok(format!("blake3:{}", hasher.finalize().to_hex()))
    }
}

fn too_large(path: &Path, at: &str, len: u64) -> ModelError {
    ModelError::malformed(path, at, "a size that this machine can address", format!("{len} bytes"))
}

#[cfg(unix)]
fn read_exact_at(file: &File, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, out, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut offset: u64, mut out: &mut [u8]) -> std::io::Result<()> {
    while !out.is_empty() {
        let read = std::os::windows::fs::FileExt::seek_read(file, out, offset)?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        offset += read as u64;
        out = &mut out[read..];
    }
    Ok(())
}
