//! Sampled answers.

use std::fmt;

use hydrometer_probes::Ask;

use super::positions::ROUNDING;
use super::{AskedProbe, Columns, Part, PartKind, PartRow, Row, Word, column};
use crate::FinishReason;
use crate::parquet_io::row::known_word;

/// Sampled answers.
#[derive(Clone, Copy, Debug)]
pub enum Samples {}

impl Part for Samples {
    const KIND: PartKind = PartKind::new("samples");
    const VERSION: u32 = 2;
    type Row = SampleRow;
}

/// Most answers of one source to one prompt.
pub const MOST_SAMPLES: u32 = 1 << 15;

/// Who gave a sampled answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SampleSource {
    /// The teacher.
    Teacher,
    /// The teacher again, with draws of its own: the ceiling of every agreement.
    Rerun,
    /// The student.
    Student,
    /// The student before distillation.
    Base,
    /// Another student, for whom graded probes become as hard.
    Control,
}

impl SampleSource {
    /// All sources, in the order of the format.
    pub const ALL: [SampleSource; 5] =
        [SampleSource::Teacher, SampleSource::Rerun, SampleSource::Student, SampleSource::Base, SampleSource::Control];

    /// Number of its first sample in the answer store, so far apart that no two sources ever share one: a model that is its
    /// own student must not be compared with the very same draws.
    pub fn first_sample(self) -> u32 {
        MOST_SAMPLES * self as u32
    }

    /// Whose sample has this number in the store, and which of its samples it is; `None` beyond the last source.
    pub fn of_sample(number: u32) -> Option<(SampleSource, u32)> {
        let source = SampleSource::ALL.get((number / MOST_SAMPLES) as usize)?;
        Some((*source, number % MOST_SAMPLES))
    }

    /// `teacher`, `rerun`, `student`, `base` or `control`.
    pub fn name(self) -> &'static str {
        match self {
            SampleSource::Teacher => "teacher",
            SampleSource::Rerun => "rerun",
            SampleSource::Student => "student",
            SampleSource::Base => "base",
            SampleSource::Control => "control",
        }
    }
}

impl fmt::Display for SampleSource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl Word for SampleSource {
    fn word(&self) -> &'static str {
        self.name()
    }

    fn read(&mut self, found: &str) -> Result<(), String> {
        *self = known_word(&SampleSource::ALL, SampleSource::name, found)?;
        Ok(())
    }
}

/// What the file of a given answer says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GivenJudgment {
    /// Nothing.
    Unjudged,
    /// That it is right.
    Right,
    /// That it is wrong.
    Wrong,
}

impl GivenJudgment {
    /// All, in the order of the format.
    pub const ALL: [GivenJudgment; 3] = [GivenJudgment::Unjudged, GivenJudgment::Right, GivenJudgment::Wrong];

    /// `unjudged`, `right` or `wrong`.
    pub fn name(self) -> &'static str {
        match self {
            GivenJudgment::Unjudged => "unjudged",
            GivenJudgment::Right => "right",
            GivenJudgment::Wrong => "wrong",
        }
    }

    /// Whether the answer is right; `None` where nothing says so.
    pub fn right(self) -> Option<bool> {
        match self {
            GivenJudgment::Unjudged => None,
            GivenJudgment::Right => Some(true),
            GivenJudgment::Wrong => Some(false),
        }
    }
}

impl From<Option<bool>> for GivenJudgment {
    fn from(right: Option<bool>) -> Self {
        match right {
            None => GivenJudgment::Unjudged,
            Some(true) => GivenJudgment::Right,
            Some(false) => GivenJudgment::Wrong,
        }
    }
}

impl Word for GivenJudgment {
    fn word(&self) -> &'static str {
        self.name()
    }

    fn read(&mut self, found: &str) -> Result<(), String> {
        *self = known_word(&GivenJudgment::ALL, GivenJudgment::name, found)?;
        Ok(())
    }
}

/// Whether an answer is compared by its label, as a file has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Labelled(bool);

impl Word for Labelled {
    fn word(&self) -> &'static str {
        if self.0 { "label" } else { "text" }
    }

    fn read(&mut self, found: &str) -> Result<(), String> {
        let labelled = [Labelled(false), Labelled(true)];
        *self = known_word(&labelled, |labelled| labelled.word(), found)?;
        Ok(())
    }
}

/// One sampled answer to a prompt probe.
#[derive(Clone, Debug, PartialEq)]
pub struct SampleRow {
    /// Probe id.
    pub probe: String,
    /// Family, the statistical unit.
    pub family: String,
    /// Who gave it.
    pub source: SampleSource,
    /// Sample of that source, from 0.
    pub sample: u32,
    /// The answer.
    pub text: String,
    /// Tokens sampled, the end token included where one came.
    pub tokens: u32,
    /// Sum of ln p over the sampled tokens at temperature 1, nats.
    pub logprob: f64,
    /// How it ended.
    pub finish: FinishReason,
    /// What the file of a given answer says of it; nothing of one that a model of ours gave.
    pub outcome: GivenJudgment,
    /// The given file's word for the answer, by which it is compared instead of by its text; an empty one where the file
    /// found no answer in the text. `None` where the text counts.
    pub label: Option<String>,
}

impl SampleRow {
    /// What is compared: the label where there is one, else the text.
    pub fn compared(&self) -> &str {
        self.label.as_deref().unwrap_or(&self.text)
    }
}

impl Row for SampleRow {
    fn blank() -> Self {
        SampleRow {
            probe: String::new(),
            family: String::new(),
            source: SampleSource::Teacher,
            sample: 0,
            text: String::new(),
            tokens: 0,
            logprob: 0.0,
            finish: FinishReason::Stop,
            outcome: GivenJudgment::Unjudged,
            label: None,
        }
    }

    fn columns(&mut self, columns: &mut dyn Columns) {
        columns.text(column("probe"), &mut self.probe);
        columns.text(column("family"), &mut self.family);
        columns.word(column("source"), &mut self.source);
        columns.u32(column("sample"), &mut self.sample);
        columns.text(column("text"), &mut self.text);
        columns.u32(column("tokens"), &mut self.tokens);
        columns.f64(column("logprob").within(f64::MIN, f64::MAX), &mut self.logprob);
        columns.word(column("finish"), &mut self.finish);
        columns.word(column("outcome").since(2), &mut self.outcome);
        // Two columns for one optional text: a file has no null texts.
        let (mut labelled, mut label) = (Labelled(self.label.is_some()), self.label.take().unwrap_or_default());
        columns.word(column("compared").since(2), &mut labelled);
        columns.text(column("label").since(2), &mut label);
        self.label = labelled.0.then_some(label);
    }
}

impl PartRow for SampleRow {
    fn probe(&self) -> &str {
        &self.probe
    }

    fn key(&self) -> [u64; 2] {
        [self.source as u64, u64::from(self.sample)]
    }

    fn check(&self, asked: &AskedProbe<'_>) -> Option<String> {
        if self.logprob > ROUNDING * f64::from(self.tokens) {
            return Some(format!("logprob of {} tokens is {}, expected at most 0", self.tokens, self.logprob));
        }
        // The first sample of the format has continuations of a text. No audit reads them.
        let text = matches!(asked.probe().ask, Ask::Text(_));
        let kind = if text { None } else { asked.not_a_prompt() };
        kind.or_else(|| asked.not_its_family(&self.family))
    }
}
