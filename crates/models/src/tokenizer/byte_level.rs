//! GPT-2's alphabet: every byte written as one printable character, so that vocabularies are text.
//!
//! The bytes that print (`!`–`~`, `¡`–`¬`, `®`–`ÿ`) stand for themselves; the others, in order, for U+0100 and up.

/// The character of each byte.
pub(super) fn alphabet() -> [char; 256] {
    let mut next = 0x100;
    std::array::from_fn(|byte| {
        if matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff) {
            char::from(byte as u8)
        } else {
            next += 1;
            char::from_u32(next - 1).unwrap_or(char::REPLACEMENT_CHARACTER)
        }
    })
}

/// The byte of a character of the alphabet.
pub(super) fn byte_of(c: char) -> Option<u8> {
    let code = u32::from(c);
    match code {
        0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff => u8::try_from(code).ok(),
        // The 68 others in the order of `alphabet`: 0–32, 127–160, 173.
        0x100..=0x120 => u8::try_from(code - 0x100).ok(),
        0x121..=0x142 => u8::try_from(code - 0x121 + 127).ok(),
        0x143 => Some(173),
        _ => None,
    }
}

/// The bytes of a vocabulary entry; characters outside the alphabet stand for themselves.
pub(super) fn decode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match byte_of(c) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_byte_has_its_own_character_and_comes_back() {
        let alphabet = alphabet();
        for (byte, &c) in alphabet.iter().enumerate() {
            assert_eq!(byte_of(c), Some(byte as u8), "{c:?}");
        }
        // The two that everybody has seen: space and newline.
        assert_eq!((alphabet[32], alphabet[10]), ('Ġ', 'Ċ'));
        assert_eq!(decode("ĠcafÃ©"), " café".as_bytes());
    }
}
