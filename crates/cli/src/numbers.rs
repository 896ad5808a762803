//! Numbers on the command line: what is refused is told what was expected, in words and not in names of types.

use hydrometer_answers::Used;

/// A whole number from `LEAST` on that fits its type.
///
/// # Errors
/// The text is no such number.
pub fn whole<T: TryFrom<u128>, const LEAST: u128>(text: &str) -> Result<T, String> {
    let number = text.parse::<u128>().ok().filter(|&number| number >= LEAST);
    let number = number.ok_or_else(|| format!("expected a whole number from {LEAST} on"))?;
    T::try_from(number).map_err(|_| format!("expected a whole number below 2^{}", 8 * size_of::<T>()))
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
