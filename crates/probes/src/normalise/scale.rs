//! Words of scale behind a number: `3 million` is 3,000,000, and never `3 thousand`.

/// Words in lower case, with the power of ten that they stand for. `Billion` is taken as English and French write numbers of today, its
/// German plural as German does.
const WORDS: [(&str, i32); 30] = [
    ("thousand", 3),
    ("tausend", 3),
    ("mille", 3),
    ("mil", 3),
    ("тысяча", 3),
    ("тысячи", 3),
    ("тысяч", 3),
    ("lakh", 5),
    ("lakhs", 5),
    ("million", 6),
    ("millions", 6),
    ("millionen", 6),
    ("mio", 6),
    ("millón", 6),
    ("millones", 6),
    ("milhão", 6),
    ("milhões", 6),
    ("миллион", 6),
    ("миллиона", 6),
    ("миллионов", 6),
    ("crore", 7),
    ("crores", 7),
    ("billion", 9),
    ("milliard", 9),
    ("milliards", 9),
    ("milliarde", 9),
    ("milliarden", 9),
    ("mrd", 9),
    ("trillion", 12),
    ("billionen", 12),
];

/// Characters that stand behind a number without a space.
const SIGNS: [(char, i32); 6] = [('千', 3), ('万', 4), ('萬', 4), ('만', 4), ('亿', 8), ('億', 8)];

/// The power of ten of what stands at a place, and the place behind it.
pub(super) fn scale(chars: &[char], at: usize) -> Option<(i32, usize)> {
    let sign = chars.get(at).and_then(|c| SIGNS.iter().find(|(sign, _)| sign == c));
    if let Some((_, power)) = sign {
        return Some((*power, at + 1));
    }
    let from = at + usize::from(chars.get(at) == Some(&' '));
    let word: String = chars.iter().skip(from).take_while(|c| c.is_alphanumeric()).collect();
    let (_, power) = WORDS.iter().find(|(name, _)| *name == word.to_lowercase())?;
    Some((*power, from + word.chars().count()))
}

#[cfg(test)]
mod tests {
    use crate::normalise::number::numbers;

    #[test]
    fn a_scale_is_part_of_its_number() {
        for (text, expected) in [
            ("3.5 million people", "3500000"),
            ("2 Tausend Euro", "2000"),
            ("$5 thousand", "5000"),
            ("3万", "30000"),
            ("1,5 Mio. Menschen", "1500000"),
            ("3 billion", "3000000000"),
            ("3 Billionen", "3000000000000"),
            ("3 millionaires", "3"),
            ("3 miles", "3"),
            ("3, million", "3"),
        ] {
            assert_eq!(numbers(text), [expected], "{text}");
        }
        assert_eq!(numbers("from 3 to 5 million"), ["3", "5000000"]);
    }
}
