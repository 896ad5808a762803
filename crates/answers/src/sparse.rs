//! Sparse distributions as bytes: one record per position. Format: `docs/sparse-distributions.md`.

use hydrometer_metrics::sparse::{SparseDistribution, TEMPERATURES, Truncater, Truncation};
use hydrometer_metrics::{PositionError, Vectors};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod bits;

use bits::{Ended, Reader, Writer};

/// Steps of a log-probability per nat.
const STEPS: f64 = 256.0;
/// Lowest log-probability in steps: 70 nats below the most probable token, which is at most ln 2²³ below certainty.
const MAX_CODE: u32 = 86 * STEPS as u32;
/// Steps of entropy, tail mass and normaliser per nat.
const FINE_STEPS: f64 = 4096.0;
/// Code of a tail without mass.
const NO_TAIL: u32 = u16::MAX as u32;
/// Largest vocabulary believed: its logarithm fits in 16 bits of fine steps.
const MAX_VOCAB: u32 = 1 << 23;
/// Most tokens kept of a head or drawn from a tail.
const MAX_KEPT: u32 = 1 << 12;
/// Above this tail mass the mass of the head is better known from its tokens than from the tail.
const LARGE_TAIL: f32 = 0.5;

/// How distributions become records: equal for all records of a file.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Codec {
    /// Entries of a distribution, 1 to 2²³.
    pub vocab: u32,
    /// What is kept of each; at most 4,096 tokens of the head and as many draws.
    pub truncation: Truncation,
    /// What the sums of a record are of.
    #[serde(default, skip_serializing_if = "Sums::is_vocabulary")]
    pub sums: Sums,
}

/// What entropy and tail mass of a record are of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sums {
    /// Of the whole vocabulary, at every temperature: the teacher showed its logits.
    #[default]
    Vocabulary,
    /// Of the tokens that a server listed and one cell for all others, at temperature 1: nothing else is known.
    Listed,
}

impl Sums {
    fn is_vocabulary(&self) -> bool {
        *self == Sums::Vocabulary
    }

    /// How many of the temperatures have sums.
    fn temperatures(self) -> usize {
        match self {
            Sums::Vocabulary => TEMPERATURES.len(),
            Sums::Listed => 1,
        }
    }
}

/// Why a distribution has no record, or a record no distribution.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SparseError {
    /// A setting outside its range.
    #[error("{setting} is {found}, expected {expected}")]
    Setting {
        /// The field of the codec.
        setting: &'static str,
        /// Its value.
        found: f64,
        /// The range.
        expected: &'static str,
    },
    /// The row has not the vocabulary's length.
    #[error("a row of logits has {found} entries, the codec is for a vocabulary of {expected}")]
    Length {
        /// Entries of the row.
        found: usize,
        /// Entries of the vocabulary.
        expected: u32,
    },
    /// The row is no distribution.
    #[error(transparent)]
    Logits(#[from] PositionError),
    /// The record ends too early.
    #[error("the record of {bytes} bytes ends within {field}: it is truncated or damaged")]
    Ended {
        /// What was being read.
        field: &'static str,
        /// Length of the record.
        bytes: usize,
    },
    /// A number that no record holds.
    #[error("the record says {field} {found}, expected {expected}: it is damaged, or of another codec")]
    Field {
        /// What was read.
        field: &'static str,
        /// What was found.
        found: u64,
        /// What a record may hold.
        expected: String,
    },
}

impl Codec {
    /// The codec, when its settings are in range.
    ///
    /// # Errors
    /// [`SparseError::Setting`] names the first that is not.
    pub fn checked(self) -> Result<Codec, SparseError> {
        let known = (1..=MAX_VOCAB).contains(&self.vocab);
        first_wrong([("vocab", f64::from(self.vocab), known, "1 to 8388608")])?;
        check(&self.truncation)?;
        let draws = self.truncation.draws;
        let possible = self.sums == Sums::Vocabulary || draws == 0;
        first_wrong([(
            "draws",
            f64::from(draws),
            possible,
            "0 where a server lists tokens: it draws none from the rest",
        )])?;
        Ok(self)
    }

    /// The codec of distributions of a teacher that shows its logits.
    #[must_use]
    pub fn of_logits(vocab: u32, truncation: Truncation) -> Codec {
        Codec { vocab, truncation, sums: Sums::Vocabulary }
    }

    /// The codec of the `count` most probable tokens of each distribution and the mass of all others, as servers list them.
    #[must_use]
    pub fn listed(vocab: u32, count: u32) -> Codec {
        let truncation = Truncation { mass: 1.0, k_min: count, k_max: count, draws: 0 };
        Codec { vocab, truncation, sums: Sums::Listed }
    }

    /// Appends the record of what a server lists of a distribution: [`SparseDistribution::listed`].
    ///
    /// # Errors
    /// A codec of logits, more tokens than it keeps, none, or one beyond the vocabulary; `out` is then as it was.
    pub fn encode_listed(&self, distribution: &SparseDistribution, out: &mut Vec<u8>) -> Result<(), SparseError> {
        let d = distribution;
        let wrong = |field, found: u64, expected: String| Err(SparseError::Field { field, found, expected });
        if self.sums != Sums::Listed {
            return wrong(
                "tokens of a list",
                d.head.len() as u64,
                "rows of logits, which this codec is for".to_owned(),
            );
        }
        let most = self.truncation.k_max;
        if d.head.is_empty() || d.head.len() > most as usize {
            return wrong("a list of", d.head.len() as u64, format!("1 to {most}"));
        }
        if let Some(&id) = d.head.iter().find(|&&id| id >= self.vocab) {
            return wrong("token", u64::from(id), format!("an id below {}", self.vocab));
        }
        self.write(d, out);
        Ok(())
    }

    /// An encoder with its scratch space.
    ///
    /// # Errors
    /// A setting outside its range.
    pub fn encoder(&self) -> Result<Encoder, SparseError> {
        let codec = self.checked()?;
        Ok(Encoder { codec, truncater: Truncater::new(codec.truncation) })
    }

    /// Largest head, draws, and nucleus in each.
    fn counts(&self) -> [u32; 4] {
        let Truncation { k_max, draws, .. } = self.truncation;
        [k_max, draws, k_max, draws]
    }

    /// Appends the record of a distribution that was truncated as this codec says.
    fn write(&self, distribution: &SparseDistribution, out: &mut Vec<u8>) {
        let d = distribution;
        let mut writer = Writer::new(out);
        let counts = [d.head.len() as u32, d.draws.len() as u32, d.nucleus_head, d.nucleus_draws];
        for (count, most) in counts.into_iter().zip(self.counts()) {
            writer.bits(count, width(most));
        }
        for temperature in 0..self.sums.temperatures() {
            writer.bits(fine(d.entropy[temperature]), 16);
            writer.bits(mass_code(d.tail_mass[temperature]), 16);
            if temperature > 0 {
                writer.bits(fine(d.log_normaliser[temperature]), 16);
            }
        }
        for (ids, logprobs) in [(&d.head, &d.head_logprobs), (&d.draws, &d.draw_logprobs)] {
            if ids.is_empty() {
                continue;
            }
            writer.coded(ids);
            let mut above = 0;
            let falls: Vec<u32> = logprobs
                .iter()
                .map(|&logprob| {
                    let code = (f64::from(-logprob) * STEPS).round().max(0.0) as u32;
                    let fall = code.saturating_sub(above);
                    above = code;
                    fall
                })
                .collect();
            writer.coded(&falls);
        }
    }

    /// The distribution of a record.
    ///
    /// # Errors
    /// The record is truncated, too long, or holds what no record of this codec does.
    pub fn decode(&self, record: &[u8]) -> Result<SparseDistribution, SparseError> {
        let ended = |field| move |Ended| SparseError::Ended { field, bytes: record.len() };
        let mut reader = Reader::new(record);
        let mut counts = [0; 4];
        for (count, most) in counts.iter_mut().zip(self.counts()) {
            *count = reader.bits(width(most)).map_err(ended("its counts"))?;
        }
        self.check_counts(counts)?;
        let [k, draws, nucleus_head, nucleus_draws] = counts;
        let mut d = SparseDistribution { nucleus_head, nucleus_draws, ..SparseDistribution::default() };
        d.forget_tempered();
        for temperature in 0..self.sums.temperatures() {
            let mut code = || reader.bits(16).map_err(ended("its sums"));
            d.entropy[temperature] = unfine(code()?);
            d.tail_mass[temperature] = match code()? {
                NO_TAIL => 0.0,
                code => (-unfine(code)).exp(),
            };
            if temperature > 0 {
                d.log_normaliser[temperature] = unfine(code()?);
            }
        }
        (d.head, d.head_logprobs) = self.read_list(&mut reader, k, ended("its head"))?;
        (d.draws, d.draw_logprobs) = self.read_list(&mut reader, draws, ended("its draws"))?;
        if reader.bytes() != record.len() {
            let (found, expected) = (record.len() as u64, format!("{} bytes", reader.bytes()));
            return Err(SparseError::Field { field: "by its length", found, expected });
        }
        restore_head_mass(&mut d);
        Ok(d)
    }

    fn check_counts(&self, [k, draws, nucleus_head, nucleus_draws]: [u32; 4]) -> Result<(), SparseError> {
        let most_head = self.truncation.k_max.min(self.vocab);
        let checks = [
            ("a head of", k, 1, most_head),
            ("a number of draws of", draws, 0, self.truncation.draws),
            ("a nucleus of", nucleus_head, 1, k),
            // The nucleus goes on in the tail only when it takes the whole head.
            ("a nucleus with draws of", nucleus_draws, 0, if nucleus_head == k { draws } else { 0 }),
        ];
        for (field, found, least, most) in checks {
            if !(least..=most).contains(&found) {
                let expected = format!("{least} to {most}");
                return Err(SparseError::Field { field, found: u64::from(found), expected });
            }
        }
        Ok(())
    }

    fn read_list(
        &self,
        reader: &mut Reader<'_>,
        count: u32,
        ended: impl Fn(Ended) -> SparseError,
    ) -> Result<(Vec<u32>, Vec<f32>), SparseError> {
        if count == 0 {
            return Ok((Vec::new(), Vec::new()));
        }
        let ids = reader.coded(count as usize).map_err(&ended)?;
        if let Some(&id) = ids.iter().find(|&&id| id >= self.vocab) {
            let expected = format!("an id below {}", self.vocab);
            return Err(SparseError::Field { field: "token", found: u64::from(id), expected });
        }
        let (mut code, mut logprobs) = (0, Vec::with_capacity(ids.len()));
        for fall in reader.coded(count as usize).map_err(&ended)? {
            code = fall.saturating_add(code);
            if code > MAX_CODE {
                let expected = format!("at most {MAX_CODE} steps");
                return Err(SparseError::Field {
                    field: "a log-probability of minus",
                    found: u64::from(code),
                    expected,
                });
            }
            logprobs.push((-f64::from(code) / STEPS) as f32);
        }
        Ok((ids, logprobs))
    }
}

/// Whether the settings of a truncation are in range.
///
/// # Errors
/// [`SparseError::Setting`] names the first that is not.
pub fn check(truncation: &Truncation) -> Result<(), SparseError> {
    let &Truncation { mass, k_min, k_max, draws } = truncation;
    first_wrong([
        ("mass", mass, (0.0..=1.0).contains(&mass), "0 to 1"),
        ("k_max", f64::from(k_max), (1..=MAX_KEPT).contains(&k_max), "1 to 4096"),
        ("k_min", f64::from(k_min), k_min <= k_max, "at most k_max"),
        ("draws", f64::from(draws), draws <= MAX_KEPT, "at most 4096"),
    ])
}

/// Settings with their values, whether those are in range, and the range.
fn first_wrong<const N: usize>(settings: [(&'static str, f64, bool, &'static str); N]) -> Result<(), SparseError> {
    match settings.into_iter().find(|(_, _, fine, _)| !fine) {
        Some((setting, found, _, expected)) => Err(SparseError::Setting { setting, found, expected }),
        None => Ok(()),
    }
}

/// Turns rows of logits into records, keeping scratch space between calls.
#[derive(Clone, Debug)]
pub struct Encoder {
    codec: Codec,
    truncater: Truncater,
}

impl Encoder {
    /// The codec of the records.
    pub fn codec(&self) -> &Codec {
        &self.codec
    }

    /// The same with other vectors than the processor's widest; the last digits depend on them.
    #[must_use]
    pub fn with_vectors(self, vectors: Vectors) -> Self {
        Encoder { truncater: self.truncater.with_vectors(vectors), ..self }
    }

    /// Appends the record of one row of `vocab` raw logits to `out`, and gives what was kept before it was rounded.
    ///
    /// The draws are a function of the row and `seed` alone: [`SequenceKey::seed`](crate::cache::SequenceKey::seed).
    ///
    /// # Errors
    /// A row of another length, with NaN or +∞, or without any finite entry; `out` is then as it was.
    pub fn encode(&mut self, logits: &[f32], seed: u64, out: &mut Vec<u8>) -> Result<SparseDistribution, SparseError> {
        if logits.len() != self.codec.vocab as usize {
            return Err(SparseError::Length { found: logits.len(), expected: self.codec.vocab });
        }
        let distribution = self.truncater.truncate(logits, seed)?;
        self.codec.write(&distribution, out);
        Ok(distribution)
    }
}

/// Bits that hold any number up to `most`.
fn width(most: u32) -> u32 {
    u32::BITS - most.leading_zeros()
}

fn fine(nats: f32) -> u32 {
    (f64::from(nats) * FINE_STEPS).round().clamp(0.0, f64::from(NO_TAIL)) as u32
}

fn unfine(code: u32) -> f32 {
    (f64::from(code) / FINE_STEPS) as f32
}

fn mass_code(mass: f32) -> u32 {
    if mass > 0.0 { fine(-mass.ln()).min(NO_TAIL - 1) } else { NO_TAIL }
}

/// Scales the head to the mass that the tail leaves it, which was rounded less: most of what rounding did to the
/// probabilities of a peaked distribution is undone.
fn restore_head_mass(distribution: &mut SparseDistribution) {
    let tail = distribution.tail_mass[0];
    if tail > LARGE_TAIL {
        return;
    }
    let head: f64 = distribution.head_logprobs.iter().map(|&logprob| f64::from(logprob).exp()).sum();
    let shift = ((1.0 - f64::from(tail)).ln() - head.ln()) as f32;
    for logprob in &mut distribution.head_logprobs {
        *logprob = (*logprob + shift).min(0.0);
    }
}
