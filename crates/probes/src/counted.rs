//! How many of something, in words. Here because every crate that writes sentences stands below this one.

/// A number with its thousands separated: `1,234,567`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number and what is counted, given in the singular: `1 family`, `1,200 families`.
#[must_use]
pub fn counted(number: u64, one: &str) -> String {
    format!("{} {}", grouped(number), noun(number, one))
}

/// The noun alone, as it stands behind such a number.
#[must_use]
pub fn noun(number: u64, one: &str) -> String {
    match (number, one.strip_suffix('y')) {
        (1, _) => one.to_owned(),
        (_, Some(stem)) => format!("{stem}ies"),
        (_, None) => format!("{one}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let check = |number, expected: &str| assert_eq!(grouped(number), expected);
        check(0, "0");
        check(999, "999");
        check(1000, "1,000");
        check(1_234_567, "1,234,567");
    }

    #[test]
    fn one_is_singular_and_nothing_else_is() {
        let check = |number, one, expected: &str| assert_eq!(counted(number, one), expected);
        check(0, "family", "0 families");
        check(1, "family", "1 family");
        check(2, "more family", "2 more families");
        check(1, "token", "1 token");
        check(1001, "token", "1,001 tokens");
    }
}
