//! What a Parquet file would take to read, from its own bytes and before anything of it is decoded.
//!
//! The footer and the header of each page are structs in Thrift's compact protocol, with lengths that the `parquet`
//! crate reserves memory by. Here they are walked: a length that its struct cannot hold is refused, and so are pages
//! that unpack to more than [`MAX_UNPACKED`] together, whatever the footer says.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

/// Longest file that is read.
const MAX_FILE: u64 = 1 << 30;
/// Longest footer: those that are written have some 20 KB.
const MAX_FOOTER: u64 = 1 << 18;
/// Bytes that all pages of a file may unpack to.
const MAX_UNPACKED: u64 = 1 << 29;
/// Structs in structs; the format needs a handful.
const DEEPEST: usize = 16;
/// Groups in groups of columns, which the `parquet` crate follows one within the other. Lists of structs of lists have ten.
const DEEPEST_SCHEMA: usize = 64;
/// The fields of a footer's schema, and of one of its elements how many are within it.
const SCHEMA: i64 = 2;
const CHILDREN: i64 = 5;

/// Checks the lengths inside the footer.
pub(super) fn check_footer(file: &mut File) -> Result<(), String> {
    let length = file.metadata().map_err(|error| format!("cannot be read: {error}"))?.len();
    if length > MAX_FILE {
        return Err(format!("has {length} bytes, at most {MAX_FILE} are read"));
    }
    let no_parquet = || "is no complete Parquet file".to_owned();
    let tail = length.checked_sub(8).ok_or_else(no_parquet)?;
    let bytes = read(file, tail..length)?;
    let footer = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]).into();
    if &bytes[4..] != b"PAR1" {
        return Err(no_parquet());
    }
    if footer > MAX_FOOTER {
        return Err(format!("has a footer of {footer} bytes, at most {MAX_FOOTER} are read"));
    }
    let start = tail.checked_sub(footer).ok_or_else(no_parquet)?;
    let bytes = read(file, start..tail)?;
    let mut walk = Walk { bytes: &bytes, at: 0 };
    let damaged = || "is damaged: a length in the footer is longer than it".to_owned();
    walk.fields(0, &mut |_, _| {}).ok_or_else(damaged)?;
    match schema_depth(&bytes).ok_or_else(damaged)? {
        deep if deep > DEEPEST_SCHEMA => {
            Err(format!("has columns in {deep} groups one within the other, at most {DEEPEST_SCHEMA} are read"))
        }
        _ => Ok(()),
    }
}

/// How many groups of columns are one within the other.
fn schema_depth(footer: &[u8]) -> Option<usize> {
    let mut walk = Walk { bytes: footer, at: 0 };
    let (mut field, mut deepest) = (0, 0);
    loop {
        let header = walk.byte()?;
        let kind = header & 0x0f;
        if kind == 0 {
            return Some(deepest);
        }
        field = match header >> 4 {
            0 => walk.zigzag()?,
            step => field + i64::from(step),
        };
        match kind {
            1 | 2 => {}
            9 if field == SCHEMA => {
                // What each open group still holds.
                let mut open: Vec<i64> = Vec::new();
                for _ in 0..walk.length()?.1 {
                    let mut children = 0;
                    let mut told = |field, number| children = if field == CHILDREN { number } else { children };
                    walk.fields(1, &mut told)?;
                    while open.pop_if(|left| *left <= 0).is_some() {}
                    open.last_mut().into_iter().for_each(|left| *left -= 1);
                    open.extend((children > 0).then_some(children));
                    deepest = deepest.max(open.len());
                }
            }
            _ => walk.value(kind, 0)?,
        }
    }
}

/// What the pages of all column chunks unpack to is not too much; `chunks` are the chunks' places in the file.
pub(super) fn check_pages(file: &mut File, chunks: impl Iterator<Item = (String, Range<u64>)>) -> Result<(), String> {
    let mut unpacked: u64 = 0;
    for (column, place) in chunks {
        let bytes = read(file, place)?;
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let damaged = || format!("is damaged: column {column} has a page that ends elsewhere");
            let (mut unpacks, mut packed) = (None, None);
            let mut walk = Walk { bytes: rest, at: 0 };
            // Fields 2 and 3 of a page's header.
            let fields = walk.fields(0, &mut |field, number| match field {
                2 => unpacks = u64::try_from(number).ok(),
                3 => packed = usize::try_from(number).ok(),
                _ => {}
            });
            let ends = fields.and(packed).and_then(|packed| walk.at.checked_add(packed)).filter(|end| *end > 0);
            rest = ends.and_then(|end| rest.get(end..)).ok_or_else(damaged)?;
            unpacked = unpacked.saturating_add(unpacks.ok_or_else(damaged)?);
            if unpacked > MAX_UNPACKED {
                return Err(format!("unpacks to more than the {MAX_UNPACKED} bytes that are read (column {column})"));
            }
        }
    }
    Ok(())
}

fn read(file: &mut File, place: Range<u64>) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(place.start))
        .and_then(|_| file.take(place.end - place.start).read_to_end(&mut bytes))
        .map_err(|error| format!("cannot be read: {error}"))?;
    Ok(bytes)
}

/// A walk over a struct of the compact protocol that allocates nothing. `None` where the bytes end too early.
struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Walk<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn zigzag(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    fn pass(&mut self, bytes: u64) -> Option<()> {
        self.at = self.at.checked_add(usize::try_from(bytes).ok()?).filter(|at| *at <= self.bytes.len())?;
        Some(())
    }

    /// The fields of a struct up to its end; `number` is told those of integers.
    fn fields(&mut self, depth: usize, number: &mut dyn FnMut(i64, i64)) -> Option<()> {
        let mut field = 0;
        loop {
            let header = self.byte()?;
            let kind = header & 0x0f;
            if kind == 0 {
                return Some(());
            }
            field = match header >> 4 {
                0 => self.zigzag()?,
                step => field + i64::from(step),
            };
            match kind {
                // The value of a boolean field is in its kind.
                1 | 2 => {}
                4..=6 => number(field, self.zigzag()?),
                _ => self.value(kind, depth)?,
            }
        }
    }

    /// The kind of a list's elements and how many there are.
    fn length(&mut self) -> Option<(u8, usize)> {
        let header = self.byte()?;
        let length = match header >> 4 {
            15 => self.varint()?,
            short => short.into(),
        };
        // Every element takes a byte at least.
        let left = self.bytes.len() - self.at;
        usize::try_from(length).ok().filter(|length| *length <= left).map(|length| (header & 0x0f, length))
    }

    fn value(&mut self, kind: u8, depth: usize) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        match kind {
            1..=3 => self.pass(1),
            4..=6 => self.zigzag().map(|_| ()),
            7 => self.pass(8),
            8 => self.varint().and_then(|length| self.pass(length)),
            9 | 10 => {
                let (kind, length) = self.length()?;
                (0..length).try_for_each(|_| self.value(kind, depth + 1))
            }
            12 => self.fields(depth + 1, &mut |_, _| {}),
            // Maps and what the protocol does not know: Parquet has neither.
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], ends_at: Option<usize>) {
        let mut walk = Walk { bytes, at: 0 };
        let ended = walk.fields(0, &mut |_, _| {});
        assert_eq!(ended.map(|()| walk.at), ends_at, "{bytes:x?}");
    }

    #[test]
    fn lengths_that_do_not_fit_are_seen() {
        check(&[0], Some(1));
        check(&[], None);
        // A text of two bytes, and one that claims more than there is.
        check(&[0x18, 2, b'a', b'b', 0], Some(5));
        check(&[0x18, 200, 1, b'a', b'b', 0], None);
        // Two structs, and a list of a billion.
        check(&[0x19, 0x2c, 0, 0, 0], Some(5));
        check(&[0x19, 0xfc, 0x80, 0x94, 0xeb, 0xdc, 0x03, 0, 0], None);
        // Structs in structs without end.
        check(&[0x1c; 10_000], None);
    }

    #[test]
    fn groups_within_groups_are_counted() {
        // A root of two: a group of a group of a column, and a column.
        let element = |children: u8| match children {
            0 => vec![0x48, 1, b'a', 0],
            some => vec![0x48, 1, b'a', 0x15, 2 * some, 0],
        };
        let schema: Vec<u8> = [2, 1, 1, 0, 0].into_iter().flat_map(element).collect();
        let footer = [&[0x15, 2, 0x19, 0x5c][..], &schema, &[0x16, 0, 0]].concat();
        assert_eq!(schema_depth(&footer), Some(3));
        assert_eq!(schema_depth(&footer[..footer.len() - 4]), None);
        assert_eq!(schema_depth(&[0x15, 2, 0]), Some(0));
    }

    #[test]
    fn numbers_of_fields_are_told() {
        let mut told = Vec::new();
        let bytes = [0x15, 4, 0x15, 0xd0, 0x0f, 0x15, 20, 0];
        Walk { bytes: &bytes, at: 0 }.fields(0, &mut |field, number| told.push((field, number)));
        assert_eq!(told, [(1, 2), (2, 1000), (3, 10)]);
    }
}
