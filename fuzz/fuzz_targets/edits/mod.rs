//! Edits of a real file: most of it stays as it was, so that what is wrong is found deep inside.

use libfuzzer_sys::arbitrary::{self, Arbitrary};

/// One edit; places are taken modulo what there is.
#[derive(Arbitrary, Debug)]
pub enum Edit {
    /// Puts bytes in the place of others.
    Replace { at: u32, bytes: Vec<u8> },
    /// Puts bytes in between.
    Insert { at: u32, bytes: Vec<u8> },
    /// Takes bytes out.
    Remove { at: u32, len: u16 },
    /// Copies a stretch behind itself, some times.
    Repeat { at: u32, len: u8, times: u8 },
    /// Puts a number of those that break things in the place of the number that begins nearest.
    Number { at: u32, which: u8 },
    /// Puts a text of those that break things into the JSON string that begins nearest.
    Text { at: u32, which: u8 },
}

const NUMBERS: [&str; 12] = [
    "0",
    "-1",
    "1e308",
    "-1e308",
    "1e-320",
    "18446744073709551615",
    "18446744073709551616",
    "4294967296",
    "null",
    "1e999",
    "\"x\"",
    "[[[[]]]]",
];
const TEXTS: [&str; 8] =
    ["", "\\u001b[31m\\u0007", "\\u202eevil", "\\u0000", "../../x", "<script>", "\\ud83d\\ude00\\u0301", "blake3:00"];

/// The bytes after all edits.
pub fn edited(original: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut bytes = original.to_vec();
    for edit in edits.iter().take(16) {
        let place = |at: &u32, len: usize| if len == 0 { 0 } else { *at as usize % len };
        match edit {
            Edit::Replace { at, bytes: new } => {
                let at = place(at, bytes.len());
                let end = (at + new.len()).min(bytes.len());
                bytes.splice(at..end, new.iter().copied());
            }
            Edit::Insert { at, bytes: new } => {
                let at = place(at, bytes.len() + 1);
                bytes.splice(at..at, new.iter().copied());
            }
            Edit::Remove { at, len } => {
                let at = place(at, bytes.len());
                let end = (at + usize::from(*len)).min(bytes.len());
                bytes.drain(at..end);
            }
            Edit::Repeat { at, len, times } => {
                let at = place(at, bytes.len());
                let end = (at + usize::from(*len)).min(bytes.len());
                let again = bytes[at..end].repeat(usize::from(*times));
                bytes.splice(end..end, again);
            }
            Edit::Number { at, which } => {
                let at = place(at, bytes.len());
                let digit = |byte: &u8| byte.is_ascii_digit() || b"-.eE".contains(byte);
                let Some(start) = bytes[at..].iter().position(u8::is_ascii_digit).map(|found| at + found) else {
                    continue;
                };
                let end = start + bytes[start..].iter().take_while(|byte| digit(byte)).count();
                bytes.splice(start..end, NUMBERS[usize::from(*which) % NUMBERS.len()].bytes());
            }
            Edit::Text { at, which } => {
                let at = place(at, bytes.len());
                let Some(start) = bytes[at..].iter().position(|byte| *byte == b'"').map(|found| at + found + 1) else {
                    continue;
                };
                bytes.splice(start..start, TEXTS[usize::from(*which) % TEXTS.len()].bytes());
            }
        }
        bytes.truncate(1 << 20);
    }
    bytes
}

/// Nothing in a text acts on a terminal.
#[allow(dead_code, reason = "not every target prints")]
pub fn harmless(text: &str) {
    let turns =
        |c| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if let Some(c) = text.chars().find(|c| turns(*c) || (c.is_control() && *c != '\n')) {
        panic!("{c:?} is printed");
    }
}
