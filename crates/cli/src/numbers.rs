//! Numbers on the command line: what is refused is told what was expected, in words and not in names of types.

use hydrometer_answers::Used;
use hydrometer_probes::counted::grouped;

/// A whole number from `LEAST` on that fits its type.
///
/// # Errors
/// The text is no such number.
pub fn whole<T: TryFrom<u128>, const LEAST: u128>(text: &str) -> Result<T, String> {
    let number = text.parse::<u128>().ok().filter(|&number| number >= LEAST);
    let number = number.ok_or_else(|| format!("expected a whole number from {LEAST} on"))?;
    T::try_from(number).map_err(|_| format!("expected a whole number below 2^{}", 8 * size_of::<T>()))
}

/// A whole number from 1 to `MOST`: of what is made before anything is written.
///
/// # Errors
/// The text is no such number.
pub fn up_to<const MOST: u32>(text: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|number| (1..=MOST).contains(number));
    number.ok_or_else(|| format!("expected a whole number from 1 to {}", grouped(MOST.into())))
}

/// A finite number.
///
/// # Errors
/// The text is no such number.
pub fn number(text: &str) -> Result<f64, &'static str> {
    text.parse().ok().filter(|number: &f64| number.is_finite()).ok_or("expected a number, such as 0.5")
}

/// A sampling temperature.
///
/// # Errors
/// The text is no number, or one below 0.
pub fn temperature(text: &str) -> Result<f64, &'static str> {
    number(text).ok().filter(|&number| number >= 0.0).ok_or("expected a number of at least 0")
}

/// A probability mass to sample from.
///
/// # Errors
/// The text is no number above 0 and at most 1.
pub fn mass(text: &str) -> Result<f64, &'static str> {
    number(text).ok().filter(|&number| number > 0.0 && number <= 1.0).ok_or("expected a number above 0 and at most 1")
}

/// An amount of memory in GiB.
///
/// # Errors
/// The text is no number, or one that allows nothing.
pub fn gibibytes(text: &str) -> Result<f64, &'static str> {
    number(text).ok().filter(|&number| number >= 0.001).ok_or("expected a number of at least 0.001")
}

/// An amount of money with its currency: `5usd`.
///
/// # Errors
/// The amount is no number above 0, or the currency is none of three letters.
pub fn money(text: &str) -> Result<(f64, String), &'static str> {
    const EXPECTED: &str = "expected an amount above 0 and a currency, such as 5usd or 0.50eur";
    let at = text.find(|letter: char| letter.is_ascii_alphabetic()).ok_or(EXPECTED)?;
    let (amount, currency) = (number(text[..at].trim()).map_err(|_| EXPECTED)?, text[at..].to_ascii_lowercase());
    let is_currency = currency.len() == 3 && currency.bytes().all(|letter| letter.is_ascii_lowercase());
    if amount > 0.0 && is_currency { Ok((amount, currency)) } else { Err(EXPECTED) }
}

/// A number of tokens: `20000`, `500k`, `2M`.
///
/// # Errors
/// The text is no such number, or it is 0.
pub fn tokens(text: &str) -> Result<u64, &'static str> {
    const EXPECTED: &str = "expected a number of tokens above 0, such as 20000, 500k or 2M";
    let units = [("k", 1e3), ("M", 1e6), ("G", 1e9)];
    let unit = units.into_iter().find_map(|(unit, size)| Some((text.strip_suffix(unit)?, size)));
    let (digits, size) = unit.unwrap_or((text, 1.0));
    let tokens = number(digits).map_err(|_| EXPECTED)? * size;
    if (1.0..1e15).contains(&tokens) { Ok(tokens as u64) } else { Err(EXPECTED) }
}

/// A chance that is neither impossible nor certain.
///
/// # Errors
/// The text is no number between 0 and 1.
pub fn chance(text: &str) -> Result<f64, &'static str> {
    number(text)
        .ok()
        .filter(|&number| number > 0.0 && number < 1.0)
        .ok_or("expected a number between 0 and 1, such as 0.9")
}

/// How much at which values of a knob: `reasoning.depth=1:70,2:20,5:10`.
///
/// # Errors
/// There is no name, or a value or a weight is no number of at least 0.
pub fn used(text: &str) -> Result<(String, Vec<Used>), &'static str> {
    const EXPECTED: &str = "expected AXIS.KNOB=VALUE:WEIGHT,… with values and weights of at least 0, such as \
                            reasoning.depth=1:70,2:20,5:10";
    let (name, pairs) = text.split_once('=').ok_or(EXPECTED)?;
    let amount = |text: &str| number(text.trim()).ok().filter(|&number| number >= 0.0).ok_or(EXPECTED);
    let pair = |pair: &str| -> Result<Used, &'static str> {
        let (value, weight) = pair.split_once(':').ok_or(EXPECTED)?;
        Ok(Used { value: amount(value)?, weight: amount(weight)? })
    };
    Ok((knob(name).ok_or(EXPECTED)?, pairs.split(',').map(pair).collect::<Result<_, _>>()?))
}

/// The name of a knob, with its axis; `None` where it is none.
fn knob(name: &str) -> Option<String> {
    let name = name.trim();
    let both = name.split_once('.').is_some_and(|(axis, knob)| !axis.is_empty() && !knob.is_empty());
    both.then(|| name.to_owned())
}

/// A number and what it is of: `reasoning.depth=3`.
///
/// # Errors
/// There is no name, or the value is no number above 0.
pub fn named(text: &str) -> Result<(String, f64), &'static str> {
    const EXPECTED: &str = "expected AXIS.KNOB=VALUE with a value above 0, such as reasoning.depth=3";
    let (name, value) = text.split_once('=').ok_or(EXPECTED)?;
    let value = number(value.trim()).ok().filter(|&value| value > 0.0).ok_or(EXPECTED)?;
    Ok((knob(name).ok_or(EXPECTED)?, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_and_tokens_are_read_with_their_units() {
        let check = |text: &str, expected: Option<(f64, &str)>| {
            let expected = expected.map(|(amount, currency)| (amount, currency.to_owned()));
            assert_eq!(money(text).ok(), expected, "{text}");
        };
        check("5usd", Some((5.0, "usd")));
        check("0.50 EUR", Some((0.5, "eur")));
        for wrong in ["5", "usd", "0usd", "-1usd", "5dollars", "5us", "1e400usd"] {
            check(wrong, None);
        }
        let check = |text: &str, expected: Option<u64>| assert_eq!(tokens(text).ok(), expected, "{text}");
        check("20000", Some(20_000));
        check("500k", Some(500_000));
        check("1.5M", Some(1_500_000));
        for wrong in ["", "0", "-1", "M", "2T", "nan"] {
            check(wrong, None);
        }
    }
}
