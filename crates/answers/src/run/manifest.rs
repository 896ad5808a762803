//! The manifest: what was planned, sealed by a hash. Equal hashes mean the same run.

use std::collections::BTreeMap;
use std::path::Path;

use hydrometer_probes::Suite;
use serde::{Deserialize, Serialize};

use super::excluded::ExcludedItem;
use super::facet::Facet;
use super::layout::FORMAT;
use super::regime::Regime;
use super::settings::{Deciding, RunSettings};
use super::units::UnitCounts;
use crate::difference::compare;
use crate::json::read_json;
use crate::{Difference, GIVEN, ModelIdentity, RunError};

/// Most units of one kind that are believed.
const MAX_UNITS: u32 = 1_000_000;

/// Tokens that the plan computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedTokens {
    /// By the teacher, its rerun for the noise floor included.
    pub teacher_tokens: u64,
    /// By the student.
    pub student_tokens: u64,
    /// Of the teacher's, those of the rerun.
    pub floor_tokens: u64,
    /// By a control student; absent from the file where there are none.
    #[serde(default, skip_serializing_if = "none")]
    pub control_tokens: u64,
}

impl PlannedTokens {
    /// By all models.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.teacher_tokens + self.student_tokens + self.control_tokens
    }
}

fn none(tokens: &u64) -> bool {
    *tokens == 0
}

/// What was planned: `manifest.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// A control student, asked what is graded; `None`, and absent from the file, where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<ModelIdentity>,
    /// How the two vocabularies relate, in words: `same tokenizer`, `padded to 151,936`, ….
    pub pairing: String,
    /// Entries of the output distribution that both models share and that are compared; `None` when the
    /// vocabularies differ and token metrics are refused.
    pub shared_vocab: Option<u32>,
    /// What the models showed of themselves; absent from the file where an earlier version planned the run: ask
    /// [`Manifest::regime`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regime: Option<Regime>,
    /// What the models that are asked can be asked, by role: `teacher`, `student`, `base`, `control`. Absent from the file where
    /// no model is asked or an earlier version planned the run.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facets: BTreeMap<String, Vec<Facet>>,
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
    /// Probes of the suite that cannot be asked, in its order. `None`, and absent from the file, where an earlier version
    /// planned the run: it left out texts without a token to score and did not say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excluded: Option<Vec<ExcludedItem>>,
    /// `blake3:` hash of everything above; it is the run id. Set by [`Manifest::sealed`].
    pub plan_hash: String,
    /// Command-line arguments, without secrets; not part of the hash.
    #[serde(default)]
    pub arguments: Vec<String>,
}

/// What a run is planned with. The one way to a manifest of this version.
#[derive(Clone, Debug)]
pub struct NewRun<'a> {
    /// The teacher.
    pub teacher: ModelIdentity,
    /// The student.
    pub student: ModelIdentity,
    /// The student before distillation, where it is asked.
    pub base: Option<ModelIdentity>,
    /// A control student, where one is asked.
    pub control: Option<ModelIdentity>,
    /// How the two vocabularies relate, in words.
    pub pairing: String,
    /// [`Manifest::shared_vocab`].
    pub shared_vocab: Option<u32>,
    /// What the models show of themselves.
    pub regime: Regime,
    /// [`Manifest::facets`].
    pub facets: BTreeMap<String, Vec<Facet>>,
    /// What is asked.
    pub suite: &'a Suite,
    /// Settings.
    pub settings: RunSettings,
    /// Number of units per kind.
    pub units: UnitCounts,
    /// Tokens that the plan computes.
    pub planned: PlannedTokens,
    /// Probes of the suite that cannot be asked, in its order.
    pub excluded: Vec<ExcludedItem>,
    /// Command-line arguments, without secrets.
    pub arguments: Vec<String>,
}

impl Manifest {
    /// The manifest of a run that is planned now, sealed.
    pub fn plan(run: NewRun<'_>) -> Manifest {
        let NewRun { teacher, student, base, control, pairing, shared_vocab, regime, .. } = run;
        let NewRun { facets, suite, settings, units, planned, excluded, arguments, .. } = run;
        Manifest {
            format: String::new(),
            hydrometer: env!("CARGO_PKG_VERSION").to_owned(),
            teacher,
            student,
            base,
            control,
            pairing,
            shared_vocab,
            regime: Some(regime),
            facets,
            suite_name: suite.name.clone(),
            suite_hash: suite.hash(),
            settings,
            units,
            planned,
            excluded: Some(excluded),
            plan_hash: String::new(),
            arguments,
        }
        .sealed()
    }

    /// What the models showed of themselves. Where an earlier version planned the run, it follows from its other fields.
    pub fn regime(&self) -> Regime {
        let of_earlier_versions = || {
            if self.teacher.format == GIVEN {
                Regime::GivenAnswers
            } else if self.settings.cache.is_some() {
                Regime::TeacherCache
            } else if self.shared_vocab.is_some() {
                Regime::FullLogits
            } else {
                Regime::DifferentVocabularies
            }
        };
        self.regime.unwrap_or_else(of_earlier_versions)
    }

    /// Reads the manifest of a run folder.
    ///
    /// # Errors
    /// Another format, a field or a kind of part that this version does not know, a plan that does not belong to its
    /// hash, or the system refuses.
    pub(crate) fn read(path: &Path) -> Result<Manifest, RunError> {
        let value: serde_json::Value = read_json(path)?;
        // The format is looked at before the fields: a later format may have others.
        let found = value.get("format").and_then(serde_json::Value::as_str).unwrap_or("none").to_owned();
        if found != FORMAT {
            return Err(RunError::Format { path: path.to_path_buf(), found, expected: FORMAT.to_owned() });
        }
        let manifest: Manifest = read_json(path)?;
        manifest.check_sealed(path)?;
        Ok(manifest)
    }

    /// Refuses another format, a plan that does not belong to its hash, and absurd numbers of units.
    pub(crate) fn check_sealed(&self, path: &Path) -> Result<(), RunError> {
        if self.format != FORMAT {
            let (found, expected) = (self.format.clone(), FORMAT.to_owned());
            return Err(RunError::Format { path: path.to_path_buf(), found, expected });
        }
        let expected = self.hash();
        if self.plan_hash != expected {
            let found = self.plan_hash.clone();
            return Err(RunError::PlanHash { path: path.to_path_buf(), found, expected });
        }
        if let Some((kind, units)) = self.units.kinds().find(|(_, units)| *units > MAX_UNITS) {
            let what = format!("units.{kind} is {units}, at most {MAX_UNITS} are allowed");
            return Err(RunError::Json { path: path.to_path_buf(), line: 1, what });
        }
        if let Some(what) = self.settings.deciding.as_ref().and_then(Deciding::fault) {
            return Err(RunError::Json { path: path.to_path_buf(), line: 1, what });
        }
        Ok(())
    }

    /// The same manifest with `format` and `plan_hash` set.
    pub fn sealed(mut self) -> Manifest {
        self.format = FORMAT.to_owned();
        self.plan_hash = self.hash();
        self
    }

    /// The hash of the plan: `blake3:` of the compact JSON of every field above `plan_hash`.
    pub fn hash(&self) -> String {
        let plan = serde_json::Value::Object(self.plan_fields());
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
            &serde_json::Value::Object(self.plan_fields()),
            &serde_json::Value::Object(wanted.plan_fields()),
            &mut differences,
        );
        differences
    }

    fn plan_fields(&self) -> serde_json::Map<String, serde_json::Value> {
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
