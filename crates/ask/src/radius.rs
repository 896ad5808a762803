//! Radius: how far what is asked lies from the prompts that a student was distilled on, by an embedding that is neither the
//! teacher's nor the student's. The distance is measured before a run is planned, and stands in its probes as a knob.

mod encoder;
mod endpoint;
mod ngrams;

use std::collections::{BTreeMap, BTreeSet};

use hydrometer_answers::{EmbedderIdentity, TrainedOn};
use hydrometer_metrics::geometry::{GeometryError, NEIGHBOURS, Nearest, Points, training_unit};
use hydrometer_models::{EmbeddingEndpoint, ModelError, SentenceEncoder};
use hydrometer_probes::{Ask, Knob, Probe, Role as Speaker, Suite};
use rayon::prelude::*;
use thiserror::Error;

/// Knob of a probe whose difficulty is its distance from the distillation set.
pub const DISTANCE: &str = "distance";
/// Most members of the set that are held out of it, each by itself, to measure the unit.
const MOST_HELD_OUT: usize = 5_000;
/// Texts that are turned into vectors, or compared with a block, by one thread at a time.
const TOGETHER: usize = 128;
/// Prompts of the set whose vectors are in memory at once.
const BLOCK: usize = 4_096;
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

/// A sentence encoder behind an endpoint.
#[must_use]
pub fn served(endpoint: EmbeddingEndpoint) -> Box<dyn Embedder> {
    Box::new(endpoint::Served(endpoint))
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
    /// A probe whose words were not measured.
    #[error("probe `{0}`: expected a text whose distance was measured, found another")]
    Unmeasured(String),
}

/// A distillation set as the origin of distances.
pub struct DistillationSet {
    files: Vec<String>,
    prompts: Vec<String>,
    embedder: Box<dyn Embedder>,
}

/// Distances from a distillation set, in its unit.
#[derive(Clone, Debug)]
pub struct Radii {
    trained_on: TrainedOn,
    of: BTreeMap<String, f64>,
}

impl DistillationSet {
    /// The prompts of a set, in the order of its files.
    #[must_use]
    pub fn new(files: Vec<String>, prompts: Vec<String>, embedder: Box<dyn Embedder>) -> Self {
        Self { files, prompts, embedder }
    }

    /// How far texts lie from the set: their mean distance to its nearest prompts. All of the set passes once, in blocks, and is
    /// compared with every text. The unit is measured on those of its prompts that have the least hashes, each without itself:
    /// chance without a seed.
    ///
    /// # Errors
    /// Fewer prompts than neighbours, or nothing but copies; the embedder fails, or has no direction for a text.
    pub fn measure<'t>(&self, texts: impl IntoIterator<Item = &'t str>) -> Result<Radii, RadiusError> {
        let hash = |(place, prompt): (usize, &String)| (*blake3::hash(prompt.as_bytes()).as_bytes(), place);
        let mut order: Vec<([u8; 32], usize)> = self.prompts.iter().enumerate().map(hash).collect();
        order.sort_unstable();
        order.truncate(MOST_HELD_OUT);
        let held_out: Vec<usize> = order.into_iter().map(|(_, place)| place).collect();
        // Several may be the same.
        let asked: Vec<&str> = texts.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        let members = held_out.iter().map(|&place| (self.prompts[place].as_str(), Some(place)));
        let queries: Vec<(&str, Option<usize>)> = members.chain(asked.iter().map(|text| (*text, None))).collect();
        let distances = self.distances(&queries)?;
        let (own, others) = distances.split_at(held_out.len());
        // What rounds to nothing is no extent either.
        let unit = training_unit(own).map(rounded).filter(|&unit| unit > 0.0);
        let unit = unit.ok_or(RadiusError::Copies { members: held_out.len() })?;
        let trained_on = TrainedOn {
            files: self.files.clone(),
            rows: self.prompts.len() as u64,
            held_out: held_out.len() as u64,
            hash: hash_of(&self.prompts),
            embedder: self.embedder.identity(),
            k: NEIGHBOURS as u32,
            unit,
        };
        let radii = others.iter().map(|distance| rounded(distance / unit));
        Ok(Radii { trained_on, of: asked.iter().map(|text| (*text).to_owned()).zip(radii).collect() })
    }

    /// d_k of every query, a member of the set with its place in it.
    fn distances(&self, queries: &[(&str, Option<usize>)]) -> Result<Vec<f64>, RadiusError> {
        let nearest = |queries: &[(&str, Option<usize>)]| {
            let (texts, members): (Vec<&str>, Vec<Option<usize>>) = queries.iter().copied().unzip();
            let points = points(&*self.embedder, &texts)?.map_err(|fault| match (queries.first(), fault) {
                // Of a member its place in the set says more than that among the queries.
                (Some((_, Some(_))), GeometryError::Vector { place, problem }) => {
                    RadiusError::Set(GeometryError::Vector { place: queries[place].1.unwrap_or(place), problem })
                }
                (Some((_, Some(_))), fault) => RadiusError::Set(fault),
                (_, fault) => RadiusError::Probe(fault),
            })?;
            Nearest::new(points, members, NEIGHBOURS).map_err(RadiusError::Set)
        };
        let (members, others) = queries.split_at(queries.iter().take_while(|(_, member)| member.is_some()).count());
        let parts = members.par_chunks(TOGETHER).chain(others.par_chunks(TOGETHER));
        let mut parts = parts.map(nearest).collect::<Result<Vec<_>, _>>()?;
        for (number, block) in self.prompts.chunks(BLOCK).enumerate() {
            let block: Vec<&str> = block.iter().map(String::as_str).collect();
            let block =
                points(&*self.embedder, &block)?.map_err(|fault| RadiusError::Set(fault.further(number * BLOCK)))?;
            parts.par_iter_mut().try_for_each(|part| part.take(&block, number * BLOCK)).map_err(RadiusError::Set)?;
        }
        let distances = parts.into_iter().map(Nearest::distances).collect::<Result<Vec<_>, _>>();
        let distances = distances.map_err(RadiusError::Set)?.concat();
        if distances.is_empty() {
            Err(RadiusError::Set(GeometryError::TooFew { k: NEIGHBOURS, found: 0 }))
        } else {
            Ok(distances)
        }
    }
}

impl Radii {
    /// What distances are measured from, and how.
    #[must_use]
    pub fn trained_on(&self) -> &TrainedOn {
        &self.trained_on
    }

    /// The radius of a text; `None` where it was not measured.
    #[must_use]
    pub fn of(&self, text: &str) -> Option<f64> {
        self.of.get(text).copied()
    }

    /// Gives every probe that [`placeable`] names its radius as a knob; says how many.
    ///
    /// # Errors
    /// A probe with a distance from elsewhere, and one whose words were not measured.
    pub fn place(&self, suite: &mut Suite) -> Result<usize, RadiusError> {
        let distance = |probe: &&Probe| probe.knob.as_ref().is_some_and(|knob| knob.name == DISTANCE);
        if let Some(placed) = suite.probes.iter().find(distance) {
            return Err(RadiusError::Placed(placed.id.clone()));
        }
        let mut placed = 0;
        for probe in suite.probes.iter_mut().filter(|probe| is_open(probe)) {
            let radius = self.of(&words(probe)).ok_or_else(|| RadiusError::Unmeasured(probe.id.clone()))?;
            probe.knob = Some(Knob::new(DISTANCE, radius));
            placed += 1;
        }
        Ok(placed)
    }
}

/// The words of every prompt and choice that knows what is right, and that nobody graded.
#[must_use]
pub fn placeable(suite: &Suite) -> Vec<String> {
    suite.probes.iter().filter(|probe| is_open(probe)).map(words).collect()
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

/// The hash of prompts in their order.
pub(crate) fn hash_of(prompts: &[String]) -> String {
    let mut whole = blake3::Hasher::new();
    prompts.iter().for_each(|prompt| {
        whole.update(blake3::hash(prompt.as_bytes()).as_bytes());
    });
    format!("blake3:{}", whole.finalize().to_hex())
}

fn rounded(value: f64) -> f64 {
    (value * DECIMALS).round() / DECIMALS
}
