//! Base64 (RFC 4648), read strictly: some servers send vectors so.

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The bytes; `None` where the text is no base64.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let body = text.trim_end_matches('=');
    if !text.len().is_multiple_of(4) || text.len() - body.len() > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(body.len() * 3 / 4);
    for letters in body.as_bytes().chunks(4) {
        let values = letters.iter().map(|letter| LETTERS.iter().position(|known| known == letter));
        let bits =
            values.map(|value| value.map(|value| value as u32)).try_fold(0, |bits, value| Some(bits << 6 | value?))?;
        // Letters carry six bits each; those that fill no byte are padding.
        let bits = bits << (6 * (4 - letters.len()));
        bytes.extend(&bits.to_be_bytes()[1..letters.len()]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn texts_of_the_standard_are_read_and_others_are_not() {
        let check = |text: &str, expected: Option<&[u8]>| assert_eq!(decode(text).as_deref(), expected, "{text}");
        check("", Some(b""));
        check("Zg==", Some(b"f"));
        check("Zm8=", Some(b"fo"));
        check("Zm9v", Some(b"foo"));
        check("Zm9vYmFy", Some(b"foobar"));
        check("AACAPw==", Some(&1f32.to_le_bytes()));
        for wrong in ["Zg", "Zg=", "Z===", "Zm9?", "Zm 9", "===="] {
            check(wrong, None);
        }
    }
}
