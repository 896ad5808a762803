//! What a judge said of a run's free answers: `judge.json`, beside the statement. It is not of the plan and not under the seal: a run is
//! finished without it, and another judge replaces it whole.

use std::collections::BTreeSet;

use hydrometer_probes::decision::Decision;
use hydrometer_probes::{Ask, Probe};
use serde::{Deserialize, Serialize};

use super::folder::RunFolder;
use super::layout::JUDGE;
use super::manifest::Manifest;
use crate::part::Samples;
use crate::{ModelIdentity, Problem, RunError, SampleRow, SampleSource};

/// Version of the file; a breaking change raises the number.
pub const JUDGE_FORMAT: &str = "hydrometer.judge/2";

/// The version whose judges were not asked about the student before distillation.
const WITHOUT_BASE: &str = "hydrometer.judge/1";

/// A judge and what it said of every answer at a boundary of judgment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judge {
    /// [`JUDGE_FORMAT`], or an earlier version.
    pub format: String,
    /// Id of the run whose answers they are.
    pub run: String,
    /// Who judged.
    pub judge: ModelIdentity,
    /// Version of the words that it was asked with.
    pub prompt: String,
    /// Longest reply that it could give, in tokens.
    pub max_tokens: u32,
    /// What it said, in the order of the run's rows.
    pub answers: Vec<JudgedAnswer>,
}

/// What a judge said of one answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JudgedAnswer {
    /// Probe id.
    pub probe: String,
    /// `teacher`, `rerun`, `student` or `base`.
    pub model: String,
    /// Number of the answer.
    pub sample: u32,
    /// With the options in their order and in its reverse; null where the reply names none.
    pub said: [Option<Decision>; 2],
}

impl JudgedAnswer {
    /// What counts: what was said in both orders.
    pub fn decision(&self) -> Option<Decision> {
        self.said[0].filter(|_| self.said[0] == self.said[1])
    }
}

impl Judge {
    /// Whether it was asked about every model of whose answers judges are asked today.
    pub fn knows_all(&self, manifest: &Manifest) -> bool {
        self.format == JUDGE_FORMAT || manifest.base.is_none()
    }
}

/// The answers of a run that a judge is asked about, with their probes: free ones at boundaries of judgment, of the teacher, its second
/// run, the student and, where no checker judges them, the student before distillation: its decisions are where the way to the teacher
/// begins. What a control decides is in no number.
pub fn judged_rows<'a>(probes: &'a [Probe], rows: &'a [SampleRow]) -> Vec<(&'a Probe, &'a SampleRow)> {
    let at_boundary = probes.iter().filter(|probe| probe.boundary.is_some() && matches!(probe.ask, Ask::Prompt(_)));
    let asked: std::collections::BTreeMap<&str, &Probe> = at_boundary.map(|probe| (probe.id.as_str(), probe)).collect();
    let of = |row: &'a SampleRow| {
        let probe = *asked.get(row.probe.as_str())?;
        let read = match row.source {
            SampleSource::Teacher | SampleSource::Rerun | SampleSource::Student => true,
            SampleSource::Base => probe.is_free(),
            SampleSource::Control => false,
        };
        read.then_some((probe, row))
    };
    rows.iter().filter_map(of).collect()
}

impl RunFolder {
    /// Keeps what a judge said.
    ///
    /// # Errors
    /// The run is not finished, or the system refuses.
    pub fn write_judge(&self, judge: &Judge) -> Result<(), RunError> {
        self.write_derived_json(JUDGE, judge)
    }

    /// What a judge said of this run; `None` where none was asked.
    ///
    /// # Errors
    /// The file cannot be read, is of another version or run, or does not say of every answer at a boundary what was said, once.
    pub fn judge(&self) -> Result<Option<Judge>, RunError> {
        let Some(judge) = self.read_derived_json::<Judge>(JUDGE)? else { return Ok(None) };
        let problem = |what: String| RunError::Damaged {
            path: self.path().to_path_buf(),
            problems: vec![Problem { file: JUDGE.to_owned(), what }],
        };
        if ![JUDGE_FORMAT, WITHOUT_BASE].contains(&judge.format.as_str()) {
            let expected = format!("expected the format {JUDGE_FORMAT}, or {WITHOUT_BASE}");
            return Err(problem(format!("{expected}; found {}", judge.format)));
        }
        if judge.run != self.manifest().run_id() {
            return Err(problem(format!("judges another run, {}; expected {}", judge.run, self.manifest().run_id())));
        }
        let rows = self.rows::<Samples>()?;
        let key = |probe: &str, model: &str, sample: u32| (probe.to_owned(), model.to_owned(), sample);
        let expected: BTreeSet<_> = judged_rows(self.probes(), &rows)
            .into_iter()
            .filter(|(_, row)| row.source != SampleSource::Base || judge.format == JUDGE_FORMAT)
            .map(|(_, row)| key(&row.probe, row.source.name(), row.sample))
            .collect();
        let found: BTreeSet<_> = judge.answers.iter().map(|of| key(&of.probe, &of.model, of.sample)).collect();
        let differs = expected.symmetric_difference(&found).next();
        if let Some((probe, model, sample)) = differs {
            let which = if expected.contains(&key(probe, model, *sample)) { "says nothing of" } else { "judges" };
            let what = format!(
                "{which} answer {sample} of the {model} to `{probe}`; expected every answer at a boundary of judgment and no other"
            );
            return Err(problem(what));
        }
        if found.len() < judge.answers.len() {
            return Err(problem("judges an answer twice; expected each once".to_owned()));
        }
        Ok(Some(judge))
    }
}
