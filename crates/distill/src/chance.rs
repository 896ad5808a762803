//! Numbers by chance, from seeds alone.

use rand::Rng;

/// A draw from the standard normal distribution (Box and Muller 1958).
pub(crate) fn normal(chance: &mut impl Rng) -> f64 {
    let (radius, angle): (f64, f64) = (chance.random(), chance.random());
    (-2.0 * (1.0 - radius).ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

/// A seed that depends on all of `parts` and on what it is for.
pub(crate) fn seed_of(purpose: &str, parts: &[u64]) -> u64 {
    let mut hasher = blake3::Hasher::new_derive_key("hydrometer distill seed 1");
    hasher.update(purpose.as_bytes()).update(&[0]);
    parts.iter().for_each(|part| {
        hasher.update(&part.to_le_bytes());
    });
    let mut seed = [0; 8];
    hasher.finalize_xof().fill(&mut seed);
    u64::from_le_bytes(seed)
}
