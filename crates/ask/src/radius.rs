//! Radius: how far what is asked lies from the prompts that a student was distilled on, by an embedding that is neither the
//! teacher's nor the student's. The distance is measured before a run is planned, and stands in its probes as a knob.

mod encoder;
mod ngrams;

use std::collections::BTreeMap;

use hydrometer_answers::{EmbedderIdentity, TrainedOn};
use hydrometer_metrics::geometry::{GeometryError, MOST_POINTS, NEIGHBOURS, Points, mean_distance, training_unit};
use hydrometer_models::{ModelError, SentenceEncoder};
use hydrometer_probes::{Ask, Knob, Probe, Role as Speaker, Suite};
use rayon::prelude::*;
use thiserror::Error;

/// Knob of a probe whose difficulty is its distance from the distillation set.
pub const DISTANCE: &str = "distance";
/// Most members of the set whose own distances make the unit.
const MOST_MEMBERS: usize = 5_000;
/// Texts that are turned into vectors, or compared, by one thread at a time.
const TOGETHER: usize = 128;
/// Decimals of a radius: what is behind them is rounding.
const DECIMALS: f64 = 1e6;

/// Turns texts into vectors; knows neither teacher nor student.
pub trait Embedder: Send + Sync {
    /// Who it is.
    fn identity(&self) -> EmbedderIdentity;

    /// A vector for each text; only its direction counts.
    ///
    /// # Errors
    /// A text cannot be read.
    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError>;
}

/// Hashed n-grams: needs no file.
#[must_use]
pub fn ngrams() -> Box<dyn Embedder> {
    Box::new(ngrams::Ngrams)
}

/// A sentence encoder.
#[must_use]
pub fn sentences(encoder: SentenceEncoder) -> Box<dyn Embedder> {
    Box::new(encoder::Sentences(encoder))
}

/// Why a distance cannot be measured.
#[derive(Debug, Error)]
pub enum RadiusError {
    /// A text has no vector.
    #[error("embedder: {0}")]
    Embedder(#[from] ModelError),
    /// The distillation set is too small, or its vectors cannot be compared.
    #[error("distillation set: {0}")]
    Set(GeometryError),
    /// Every prompt of the set has its copies in it.
    #[error(
        "distillation set: its {members} prompts have no distance from one another, expected at least {} different ones",
        NEIGHBOURS + 1
    )]
    Copies {
        /// Prompts whose distances were measured.
        members: usize,
    },
    /// A text that is to be placed cannot be compared.
    #[error("probe: {0}")]
    Probe(GeometryError),
    /// A probe that has a distance already, of unknown origin.
    #[error(
        "probe `{0}` has a knob `{DISTANCE}` already, expected none: take it out to have it measured from this set"
    )]
    Placed(String),
}

/// A distillation set as the origin of distances.
pub struct Radius {
    trained_on: TrainedOn,
    set: Points,
    embedder: Box<dyn Embedder>,
}

impl Radius {
    /// The prompts of a set, in the order of its files. Of more than [`MOST_POINTS`] those of the least hashes are compared
    /// with; the unit is that of the least hashes, too: chance without a seed.
    ///
    /// # Errors
    /// Fewer prompts than neighbours, or nothing but copies; the embedder fails.
    pub fn new(files: Vec<String>, prompts: &[String], embedder: Box<dyn Embedder>) -> Result<Self, RadiusError> {
        let mut whole = blake3::Hasher::new();
        let mut order: Vec<([u8; 32], &str)> = Vec::with_capacity(prompts.len());
        for prompt in prompts {
            let hash = blake3::hash(prompt.as_bytes());
            whole.update(hash.as_bytes());
            order.push((*hash.as_bytes(), prompt));
        }
        order.sort_unstable();
        order.truncate(MOST_POINTS);
        let compared: Vec<&str> = order.into_iter().map(|(_, prompt)| prompt).collect();
        let set = points(&*embedder, &compared)?.map_err(RadiusError::Set)?;
        let members: Vec<usize> = (0..set.len().min(MOST_MEMBERS)).collect();
        let own = members.par_chunks(TOGETHER).map(|members| set.nearest_others_of(members, NEIGHBOURS));
        let own = distances(own.collect::<Result<Vec<_>, _>>().map_err(RadiusError::Set)?);
        let unit = training_unit(&own).ok_or(RadiusError::Copies { members: members.len() })?;
        let trained_on = TrainedOn {
            files,
            rows: prompts.len() as u64,
            compared: set.len() as u64,
            hash: format!("blake3:{}", whole.finalize().to_hex()),
            embedder: embedder.identity(),
            k: NEIGHBOURS as u32,
            unit: rounded(unit),
        };
        Ok(Self { trained_on, set, embedder })
    }

    /// What distances are measured from, and how.
    #[must_use]
    pub fn trained_on(&self) -> &TrainedOn {
        &self.trained_on
    }

    /// The radius of each text: its mean distance to the nearest prompts of the set, in units of the set.
    ///
    /// # Errors
    /// The embedder fails, or has no direction for a text.
    pub fn of(&self, texts: &[&str]) -> Result<Vec<f64>, RadiusError> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let radii = texts.par_chunks(TOGETHER).map(|texts| {
            let queries = points(&*self.embedder, texts)?.map_err(RadiusError::Probe)?;
            self.set.nearest(&queries, NEIGHBOURS).map_err(RadiusError::Probe)
        });
        let radii = distances(radii.collect::<Result<Vec<_>, _>>()?);
        Ok(radii.into_iter().map(|distance| rounded(distance / self.trained_on.unit)).collect())
    }

    /// Gives every prompt and choice that knows what is right, and that nobody graded, its radius as a knob; says how many.
    ///
    /// # Errors
    /// As [`of`](Self::of), and a probe with a distance from elsewhere.
    pub fn place(&self, suite: &mut Suite) -> Result<usize, RadiusError> {
        let distance = |probe: &&Probe| probe.knob.as_ref().is_some_and(|knob| knob.name == DISTANCE);
        if let Some(placed) = suite.probes.iter().find(distance) {
            return Err(RadiusError::Placed(placed.id.clone()));
        }
        let open: Vec<&mut Probe> = suite.probes.iter_mut().filter(|probe| is_open(probe)).collect();
        // Several probes may ask in the same words.
        let words: Vec<String> = open.iter().map(|probe| words(probe)).collect();
        let mut different: Vec<&str> = words.iter().map(String::as_str).collect();
        different.sort_unstable();
        different.dedup();
        let radii: BTreeMap<&str, f64> = different.iter().copied().zip(self.of(&different)?).collect();
        let placed = open.len();
        for (probe, words) in open.into_iter().zip(&words) {
            probe.knob = radii.get(words.as_str()).map(|&radius| Knob::new(DISTANCE, radius));
        }
        Ok(placed)
    }
}

/// Whether a probe knows what is right, and not how hard it is.
fn is_open(probe: &Probe) -> bool {
    let kind = matches!(probe.ask, Ask::Prompt(_) | Ask::Choice(_));
    kind && probe.knob.is_none() && probe.ask.kind().has_truth() == Some(true)
}

/// What the user says in a probe, as in a row of a distillation set: every message of a conversation, a question without its
/// options, what stands in front of a text if anything does.
#[must_use]
pub fn words(probe: &Probe) -> String {
    match &probe.ask {
        Ask::Prompt(prompt) => {
            let earlier = prompt.turns.iter().filter(|turn| turn.role == Speaker::User).map(|turn| turn.text.as_str());
            earlier.chain([prompt.prompt.as_str()]).collect::<Vec<_>>().join("\n")
        }
        Ask::Text(text) => {
            text.context.clone().filter(|context| !context.trim().is_empty()).unwrap_or(text.text.clone())
        }
        Ask::Choice(_) | Ask::Episode(_) | Ask::Trajectory(_) => probe.ask.kind().question().to_owned(),
    }
}

/// Texts as directions.
fn points(embedder: &dyn Embedder, texts: &[&str]) -> Result<Result<Points, GeometryError>, ModelError> {
    let vectors = texts.par_chunks(TOGETHER).map(|texts| embedder.embed(texts)).collect::<Result<Vec<_>, _>>()?;
    Ok(Points::new(&vectors.into_iter().flatten().collect::<Vec<_>>()))
}

/// d_k of every query.
fn distances(nearest: Vec<Vec<Vec<f32>>>) -> Vec<f64> {
    nearest.into_iter().flatten().filter_map(|rising| mean_distance(rising, NEIGHBOURS)).collect()
}

fn rounded(value: f64) -> f64 {
    (value * DECIMALS).round() / DECIMALS
}
