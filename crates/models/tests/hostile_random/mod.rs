//! How many damaged inputs the random tests try: some thousands, times `HYDROMETER_FUZZ_FACTOR` where that is set.

/// `base` cases, or more for whoever asks for more.
pub fn cases(base: usize) -> usize {
    let factor = std::env::var("HYDROMETER_FUZZ_FACTOR").ok().and_then(|f| f.parse().ok());
    base * factor.unwrap_or(1)
}
