//! The numbers of an arm as TensorBoard reads them: a file of events beside `metrics.jsonl`, with the same steps.
//!
//! A file is a row of TFRecords (the length as u64, its masked CRC32C, the bytes, their masked CRC32C; all little-endian), each
//! of them an `Event` in protocol buffers: when, which step, and a summary of scalars. These few fields are written here; no
//! crate that writes them is maintained.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use hydrometer_answers::{RunError, durable};
use hydrometer_probes::strangers::read_file;

use super::Measured;
use crate::DistillError;
use crate::train::StepReport;

/// TensorBoard reads files whose name has `tfevents` in it.
pub(super) const FILE: &str = "events.out.tfevents";
/// What the first event of a file says.
const VERSION: &str = "brain.Event:2";

/// Fields of an `Event`.
const WALL_TIME: u64 = 1;
const STEP: u64 = 2;
const FILE_VERSION: u64 = 3;
const SUMMARY: u64 = 5;
/// The field of a `Summary` and those of its `Value`.
const VALUE: u64 = 1;
const TAG: u64 = 1;
const SIMPLE_VALUE: u64 = 2;

/// How values stand in protocol buffers.
const VARINT: u64 = 0;
const EIGHT_BYTES: u64 = 1;
const BYTES: u64 = 2;
const FOUR_BYTES: u64 = 5;

/// The log of an arm.
pub(super) struct EventLog {
    path: PathBuf,
    /// How long the step took that is written next, where somebody has a clock.
    pub(super) seconds: Cell<Option<f64>>,
}

impl EventLog {
    /// Begins a log, or goes on behind `step`: events of later steps, which will be done again, are taken away, and so is what a
    /// killed process left half-written. `now` is when, in seconds since 1970.
    pub(super) fn open(path: &Path, step: Option<u64>, now: Option<f64>) -> Result<EventLog, DistillError> {
        let mut kept = Vec::new();
        if let Some(step) = step.filter(|_| path.exists()) {
            let bytes = read_file(path).map_err(RunError::io("read", path))?;
            let mut rest = bytes.as_slice();
            while let Some((event, after)) = unframed(rest) {
                if step_of(event).is_none_or(|of| of > step) {
                    break;
                }
                kept.extend_from_slice(&rest[..rest.len() - after.len()]);
                rest = after;
            }
        }
        if kept.is_empty() {
            let mut event = Vec::new();
            put_f64(&mut event, WALL_TIME, now.unwrap_or_default());
            put_bytes(&mut event, FILE_VERSION, VERSION.as_bytes());
            kept = framed(&event);
        }
        durable::replace(path, &kept)?;
        Ok(EventLog { path: path.to_owned(), seconds: Cell::new(None) })
    }

    /// The numbers of a step, as far as there are any.
    pub(super) fn append(
        &self,
        step: u64,
        now: Option<f64>,
        report: Option<&StepReport>,
        held_out: Option<&Measured>,
    ) -> Result<(), DistillError> {
        self.write(step, now, &scalars(report, held_out, self.seconds.take()))
    }

    fn write(&self, step: u64, now: Option<f64>, scalars: &[(&str, f64)]) -> Result<(), DistillError> {
        let mut summary = Vec::new();
        for (tag, number) in scalars {
            let mut value = Vec::new();
            put_bytes(&mut value, TAG, tag.as_bytes());
            put_key(&mut value, SIMPLE_VALUE, FOUR_BYTES);
            value.extend_from_slice(&(*number as f32).to_le_bytes());
            put_bytes(&mut summary, VALUE, &value);
        }
        let mut event = Vec::new();
        put_f64(&mut event, WALL_TIME, now.unwrap_or_default());
        put_key(&mut event, STEP, VARINT);
        put_varint(&mut event, step);
        put_bytes(&mut event, SUMMARY, &summary);
        Ok(durable::append(&self.path, &framed(&event))?)
    }
}

/// The scalars of a step that took so many `seconds`.
fn scalars(report: Option<&StepReport>, held_out: Option<&Measured>, seconds: Option<f64>) -> Vec<(&'static str, f64)> {
    let mut scalars = Vec::new();
    if let Some(report) = report {
        let mean = |sum: f64| sum / report.sums.rows.max(1) as f64;
        scalars.push(("train/loss", report.sums.mean_loss()));
        scalars.push(("train/cross_entropy", mean(report.sums.cross_entropy)));
        scalars.push(("train/divergence", mean(report.sums.divergence)));
        scalars.extend(report.sums.hidden.map(|hidden| ("train/hidden", mean(hidden))));
        scalars.push(("train/gradient_length", report.gradient));
        scalars.push(("train/learning_rate", report.rate));
        if let Some(seconds) = seconds.filter(|seconds| *seconds > 0.0) {
            scalars.push(("train/tokens_per_second", report.tokens as f64 / seconds));
        }
    }
    if let Some(Measured { kl_divergence, kl_lower_bound, cross_entropy, tail_kept }) = held_out {
        scalars.extend(kl_lower_bound.as_ref().map(|bound| ("held_out/kl_lower_bound", bound.value)));
        scalars.extend(kl_divergence.as_ref().map(|kl| ("held_out/kl_divergence", kl.value)));
        if let Some(interval) = kl_divergence.as_ref().and_then(|kl| kl.interval.as_ref()) {
            scalars.push(("held_out/kl_divergence_low", interval.low));
            scalars.push(("held_out/kl_divergence_high", interval.high));
        }
        scalars.push(("held_out/cross_entropy", *cross_entropy));
        scalars.extend(tail_kept.as_ref().map(|tail| ("held_out/tail_kept", tail.value)));
    }
    scalars
}

fn put_varint(to: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

fn put_key(to: &mut Vec<u8>, field: u64, wire: u64) {
    put_varint(to, field << 3 | wire);
}

fn put_f64(to: &mut Vec<u8>, field: u64, number: f64) {
    put_key(to, field, EIGHT_BYTES);
    to.extend_from_slice(&number.to_le_bytes());
}

fn put_bytes(to: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    put_key(to, field, BYTES);
    put_varint(to, bytes.len() as u64);
    to.extend_from_slice(bytes);
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// The step of an event, 0 where it names none; `None` of bytes that are no event.
fn step_of(mut event: &[u8]) -> Option<u64> {
    let mut step = 0;
    while !event.is_empty() {
        let key = varint(&mut event)?;
        let length = match key & 7 {
            VARINT => {
                let number = varint(&mut event)?;
                if key >> 3 == STEP {
                    step = number;
                }
                0
            }
            EIGHT_BYTES => 8,
            FOUR_BYTES => 4,
            BYTES => usize::try_from(varint(&mut event)?).ok()?,
            _ => return None,
        };
        event = event.get(length..)?;
    }
    Some(step)
}

fn framed(event: &[u8]) -> Vec<u8> {
    let length = (event.len() as u64).to_le_bytes();
    [&length[..], &masked(&length).to_le_bytes(), event, &masked(event).to_le_bytes()].concat()
}

/// The first event of a file and what follows; `None` where there is none that is whole.
fn unframed(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    let (of_length, rest) = rest.split_first_chunk::<4>()?;
    let whole = u32::from_le_bytes(*of_length) == masked(length);
    let (event, rest) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    let (of_event, rest) = rest.split_first_chunk::<4>()?;
    (whole && u32::from_le_bytes(*of_event) == masked(event)).then_some((event, rest))
}

/// CRC32C as TFRecords have it: turned and moved, so that the sum of a file that holds sums is no trivial one.
fn masked(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32 by the polynomial of Castagnoli (RFC 3720, appendix B.4), its bits from the lowest.
fn crc32c(bytes: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    let of_bit = |sum: u32, _| if sum & 1 == 1 { sum >> 1 ^ POLYNOMIAL } else { sum >> 1 };
    !bytes.iter().fold(u32::MAX, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), of_bit))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The examples of RFC 3720, appendix B.4, and the usual one.
    #[test]
    fn sums_are_those_of_the_standard() {
        let check = |bytes: &[u8], expected: u32| assert_eq!(crc32c(bytes), expected, "{bytes:?}");
        check(b"123456789", 0xe306_9283);
        check(&[0; 32], 0x8a91_36aa);
        check(&[0xff; 32], 0x62a8_ab43);
        check(&(0..32).collect::<Vec<u8>>(), 0x46dd_794e);
        check(&(0..32).rev().collect::<Vec<u8>>(), 0x113f_db5c);
    }

    #[test]
    fn a_log_goes_on_behind_the_step_that_is_kept() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(FILE);
        let steps = || {
            let bytes = std::fs::read(&path).unwrap();
            let (mut rest, mut steps) = (bytes.as_slice(), Vec::new());
            while let Some((event, after)) = unframed(rest) {
                steps.push(step_of(event).unwrap());
                rest = after;
            }
            (steps, rest.len())
        };
        let log = EventLog::open(&path, None, Some(1.0)).unwrap();
        for step in [0, 1, 200, 300] {
            log.write(step, None, &[("a", 0.5), ("b", f64::from(step as u32))]).unwrap();
        }
        assert_eq!(steps(), (vec![0, 0, 1, 200, 300], 0));
        // Half an event is no event, and neither is one with another byte.
        let whole = std::fs::read(&path).unwrap();
        for cut in 1..30 {
            std::fs::write(&path, &whole[..whole.len() - cut]).unwrap();
            EventLog::open(&path, Some(400), None).unwrap();
            assert_eq!(steps(), (vec![0, 0, 1, 200], 0), "{cut}");
        }
        let mut other = whole.clone();
        let at = other.len() - 6;
        other[at] ^= 1;
        std::fs::write(&path, &other).unwrap();
        EventLog::open(&path, Some(400), None).unwrap();
        assert_eq!(steps(), (vec![0, 0, 1, 200], 0));
        std::fs::write(&path, &whole).unwrap();
        EventLog::open(&path, Some(1), None).unwrap().write(2, None, &[]).unwrap();
        assert_eq!(steps(), (vec![0, 0, 1, 2], 0));
        EventLog::open(&path, None, None).unwrap();
        assert_eq!(steps(), (vec![0], 0));
    }
}
