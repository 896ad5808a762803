//! Reads the header front to back; every length is compared with what is left of the file before it is believed.

use std::path::Path;

use crate::ModelError;
use crate::error::shown;
use crate::source::Source;

/// Bytes that are fetched from the file at a time.
const WINDOW: usize = 1 << 20;

/// No header is longer: a count that asks for more is nonsense, one that asks for less is of a file that broke off.
const LONGEST_HEADER: u64 = 1 << 30;

pub(super) struct Cursor<'a> {
    source: &'a Source,
    position: u64,
    window: Vec<u8>,
    window_start: u64,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(source: &'a Source) -> Self {
        Self { source, position: 0, window: Vec::new(), window_start: 0 }
    }

    pub(super) fn path(&self) -> &'a Path {
        self.source.path()
    }

    pub(super) fn position(&self) -> u64 {
        self.position
    }

    pub(super) fn left(&self) -> u64 {
        self.source.len() - self.position
    }

    pub(super) fn error(&self, at: &str, expected: impl Into<String>, found: impl Into<String>) -> ModelError {
        ModelError::malformed(self.path(), at, expected, found)
    }

    /// Refuses `count` items that cannot fit because each takes at least `smallest` bytes.
    pub(super) fn expect(&self, at: &str, count: u64, smallest: u64) -> Result<(), ModelError> {
        if count > self.left() / smallest {
            let promised = count.checked_mul(smallest).and_then(|bytes| bytes.checked_add(self.position));
            if let Some(promised) = promised.filter(|&end| end <= LONGEST_HEADER) {
                return Err(ModelError::truncated(self.path(), at, promised, self.source.len()));
            }
            let most = self.left() / smallest;
            let expected = format!("at most {most}, for the {} bytes that are left of the file", self.left());
            return Err(self.error(at, expected, count.to_string()));
        }
        Ok(())
    }

    /// The next `len` bytes; `len` must have been checked with [`Cursor::expect`] or be small.
    pub(super) fn bytes(&mut self, at: &str, len: usize) -> Result<&[u8], ModelError> {
        if len as u64 > self.left() {
            let promised = self.position + len as u64;
            return Err(ModelError::truncated(self.path(), at, promised, self.source.len()));
        }
        let inside = usize::try_from(self.position - self.window_start).unwrap_or(usize::MAX);
        let ready = self.window.len().saturating_sub(inside);
        let start = if ready >= len {
            inside
        } else {
            let left = usize::try_from(self.left()).unwrap_or(usize::MAX);
            self.window.resize(len.max(WINDOW).min(left), 0);
            self.window_start = self.position;
            self.source.read_at(self.position, &mut self.window)?;
            0
        };
        self.position += len as u64;
        Ok(&self.window[start..start + len])
    }

    pub(super) fn array<const N: usize>(&mut self, at: &str) -> Result<[u8; N], ModelError> {
        let mut out = [0; N];
        out.copy_from_slice(self.bytes(at, N)?);
        Ok(out)
    }

    pub(super) fn u32(&mut self, at: &str) -> Result<u32, ModelError> {
        Ok(u32::from_le_bytes(self.array(at)?))
    }

    pub(super) fn u64(&mut self, at: &str) -> Result<u64, ModelError> {
        Ok(u64::from_le_bytes(self.array(at)?))
    }

    /// A string with its length in front, at most `longest` bytes.
    pub(super) fn string(&mut self, at: &str, longest: u64) -> Result<String, ModelError> {
        let len = self.u64(at)?;
        if len > longest {
            return Err(self.error(at, format!("a string of at most {longest} bytes"), len.to_string()));
        }
        self.expect(at, len, 1)?;
        let bytes = self.bytes(at, usize::try_from(len).unwrap_or(usize::MAX))?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => {
                let found = shown(&String::from_utf8_lossy(&bytes[..bytes.len().min(80)]));
                Err(self.error(at, "UTF-8 text", found))
            }
        }
    }
}
