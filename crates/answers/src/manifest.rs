//! The manifest: what was planned, sealed by a hash. Equal hashes mean the same run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sparse::Codec;
use crate::{Difference, EncoderIdentity, ModelIdentity, PartKind, SampleSettings};

/// Format version of the run folder; a breaking change raises the number.
pub const FORMAT: &str = "hydrometer.run/1";

/// Settings that decide which numbers are measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunSettings {
    /// Tokens per window of a text probe.
    pub n_ctx: u32,
    /// Most tokens computed together in one block.
    pub block_tokens: u32,
    /// Rotations of the option order of a choice probe.
    pub rotations: u32,
    /// Windows scored a second time by the teacher to measure the noise floor.
    pub floor_windows: u32,
    /// Only the first windows of each text; `None` for all.
    pub max_windows: Option<u32>,
    /// Precision of the large products: `f32`, `bf16x3`, `bf16`.
    pub precision: String,
    /// Seed of every random draw.
    pub seed: u64,
    /// What is sampled; `None`, and absent from the file, where the run samples nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<SampleSettings>,
    /// Which prompts the teacher is asked; `None`, and absent from the file, where it is asked all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub teacher_asked: Option<TeacherAsked>,
    /// When the run may stop early; `None`, and absent from the file, where it asks the whole suite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deciding: Option<Deciding>,
    /// Who says whether two free texts mean the same; `None`, and absent from the file, where their spelling does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meaning: Option<MeaningSettings>,
    /// How the teacher's distributions were kept, where they came from a cache; `None`, and absent from the file, where the
    /// teacher ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<Codec>,
}

/// Free texts mean the same when their vectors are close.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MeaningSettings {
    /// Who makes the vectors.
    pub encoder: EncoderIdentity,
    /// Least cosine of two texts that mean the same, in (0, 1].
    pub least_cosine: f64,
}

/// Which prompts the teacher is asked, where the student answers more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TeacherAsked {
    /// Those of so many families, chosen at random.
    Families(u32),
    /// Those of families taken in until the gates are decided.
    UntilDecided,
}

/// A run that stops once its gates are decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Deciding {
    /// Error rate of each gate, on either side, in (0, 1).
    pub alpha: f64,
    /// Most families taken in per gate; `None` for as many as the suite has.
    pub cap: Option<u32>,
    /// Scored positions of the largest family of texts: the scale on which families of texts are watched.
    pub largest_text: u64,
    /// Families of texts in the suite; absent from the file, and 0, where an earlier version did not count them.
    #[serde(default, skip_serializing_if = "no_families")]
    pub text_families: u64,
    /// The gates that are watched.
    pub gates: Vec<WatchedGate>,
}

/// A gate that is watched family by family.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WatchedGate {
    /// Metric identifier.
    pub metric: String,
    /// Lowest accepted value.
    pub at_least: Option<f64>,
    /// Highest accepted value.
    pub at_most: Option<f64>,
}

/// Number of units per kind of part. A unit is what one part file holds and what an interruption may lose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnitCounts {
    /// Units of scored positions, teacher against student.
    pub positions: u32,
    /// Units of scored positions, teacher against itself.
    pub floor: u32,
    /// Units of option log-probabilities.
    pub choices: u32,
    /// Units of window log-likelihoods.
    pub likelihoods: u32,
    /// Units of sampled answers; absent from the file where there are none.
    #[serde(default, skip_serializing_if = "none")]
    pub samples: u32,
    /// Units of scored positions, the teacher's distributions from a cache; absent from the file where there are none.
    #[serde(default, skip_serializing_if = "none")]
    pub sparse: u32,
    /// Units of vectors of sampled answers; absent from the file where there are none.
    #[serde(default, skip_serializing_if = "none")]
    pub vectors: u32,
}

// A run without samples, cached distributions or vectors has the hash that it had before there were any.
fn none(units: &u32) -> bool {
    *units == 0
}

fn no_families(families: &u64) -> bool {
    *families == 0
}

impl UnitCounts {
    /// Units of one kind.
    pub fn of(&self, kind: PartKind) -> u32 {
        match kind {
            PartKind::Positions => self.positions,
            PartKind::Floor => self.floor,
            PartKind::Choices => self.choices,
            PartKind::Likelihoods => self.likelihoods,
            PartKind::Samples => self.samples,
            PartKind::Sparse => self.sparse,
            PartKind::Vectors => self.vectors,
        }
    }

    /// So many more units of one kind.
    pub fn add(&mut self, kind: PartKind, units: u32) {
        *match kind {
            PartKind::Positions => &mut self.positions,
            PartKind::Floor => &mut self.floor,
            PartKind::Choices => &mut self.choices,
            PartKind::Likelihoods => &mut self.likelihoods,
            PartKind::Samples => &mut self.samples,
            PartKind::Sparse => &mut self.sparse,
            PartKind::Vectors => &mut self.vectors,
        } += units;
    }

    /// The smaller number of each kind.
    pub(crate) fn at_most(&self, other: &UnitCounts) -> UnitCounts {
        UnitCounts {
            positions: self.positions.min(other.positions),
            floor: self.floor.min(other.floor),
            choices: self.choices.min(other.choices),
            likelihoods: self.likelihoods.min(other.likelihoods),
            samples: self.samples.min(other.samples),
            sparse: self.sparse.min(other.sparse),
            vectors: self.vectors.min(other.vectors),
        }
    }
}

/// Tokens that the plan computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlannedTokens {
    /// By the teacher, its rerun for the noise floor included.
    pub teacher_tokens: u64,
    /// By the student.
    pub student_tokens: u64,
    /// Of the teacher's, those of the rerun.
    pub floor_tokens: u64,
}

/// What was planned: `manifest.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// Version of hydrometer that planned the run.
    pub hydrometer: String,
    /// The teacher.
    pub teacher: ModelIdentity,
    /// The student.
    pub student: ModelIdentity,
    /// The student before distillation; `None`, and absent from the file, where it is not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<ModelIdentity>,
    /// How the two vocabularies relate, in words: `same tokenizer`, `padded to 151,936`, ….
    pub pairing: String,
    /// Entries of the output distribution that both models share and that are compared; `None` when the
    /// vocabularies differ and token metrics are refused.
    pub shared_vocab: Option<u32>,
    /// Name of the suite, for people.
    pub suite_name: String,
    /// Hash of the suite.
    pub suite_hash: String,
    /// Settings.
    pub settings: RunSettings,
    /// Number of units per kind.
    pub units: UnitCounts,
    /// Tokens that the plan computes.
    pub planned: PlannedTokens,
    /// `blake3:` hash of everything above; it is the run id. Set by [`Manifest::sealed`].
    pub plan_hash: String,
    /// Command-line arguments, without secrets; not part of the hash.
    #[serde(default)]
    pub arguments: Vec<String>,
}

impl Manifest {
    /// The same manifest with `format` and `plan_hash` set.
    pub fn sealed(mut self) -> Manifest {
        self.format = FORMAT.to_owned();
        self.plan_hash = self.hash();
        self
    }

    /// The hash of the plan: `blake3:` of the compact JSON of every field above `plan_hash`.
    pub fn hash(&self) -> String {
        let plan = serde_json::Value::Object(self.plan());
        format!("blake3:{}", blake3::hash(plan.to_string().as_bytes()).to_hex())
    }

    /// The run id: the plan hash.
    pub fn run_id(&self) -> &str {
        &self.plan_hash
    }

    /// Fields in which this manifest's plan differs from `wanted`, in the manifest's order.
    pub fn differences(&self, wanted: &Manifest) -> Vec<Difference> {
        let mut differences = Vec::new();
        compare(
            "",
            &serde_json::Value::Object(self.plan()),
            &serde_json::Value::Object(wanted.plan()),
            &mut differences,
        );
        differences
    }

    fn plan(&self) -> serde_json::Map<String, serde_json::Value> {
        // A struct of strings, numbers and options always becomes a JSON object.
        let mut fields = match serde_json::to_value(self) {
            Ok(serde_json::Value::Object(fields)) => fields,
            _ => serde_json::Map::new(),
        };
        fields.shift_remove("plan_hash");
        fields.shift_remove("arguments");
        fields
    }
}

pub(crate) fn compare(field: &str, found: &serde_json::Value, wanted: &serde_json::Value, out: &mut Vec<Difference>) {
    use serde_json::Value::{Null, Object};
    match (found, wanted) {
        (Object(a), Object(b)) => {
            let only_wanted = b.keys().filter(|key| !a.contains_key(*key));
            for key in a.keys().chain(only_wanted) {
                let name = if field.is_empty() { key.clone() } else { format!("{field}.{key}") };
                compare(&name, a.get(key).unwrap_or(&Null), b.get(key).unwrap_or(&Null), out);
            }
        }
        (a, b) if a != b => out.push(Difference { field: field.to_owned(), found: plain(a), wanted: plain(b) }),
        _ => {}
    }
}

fn plain(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => "none".to_owned(),
        other => other.to_string(),
    }
}
