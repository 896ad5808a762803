//! The teacher's answers as models score them that show their logits.

use super::positions::ROUNDING;
use super::{AskedProbe, Columns, Part, PartKind, PartRow, Row, SampleSource, column};

/// The teacher's answers, scored.
#[derive(Clone, Copy, Debug)]
pub enum Scored {}

impl Part for Scored {
    const KIND: PartKind = PartKind::new("scored");
    const VERSION: u32 = 1;
    type Row = ScoredRow;
}

/// One answer of the teacher as one model scores it.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoredRow {
    /// Probe id.
    pub probe: String,
    /// Family, the statistical unit.
    pub family: String,
    /// Whose answer it is: the teacher's, or that of its second run.
    pub source: SampleSource,
    /// Which of them.
    pub sample: u32,
    /// Who scored it: the student, or the student before distillation.
    pub scorer: SampleSource,
    /// Its length in the scorer's own tokens.
    pub tokens: u64,
    /// Its length in bytes.
    pub bytes: u64,
    /// Sum of the log-probabilities of its tokens after the prompt, nats; how it ends is not in it.
    pub logprob: f64,
}

impl Row for ScoredRow {
    fn blank() -> Self {
        ScoredRow {
            probe: String::new(),
            family: String::new(),
            source: SampleSource::Teacher,
            sample: 0,
            scorer: SampleSource::Student,
            tokens: 0,
            bytes: 0,
            logprob: 0.0,
        }
    }

    fn columns(&mut self, columns: &mut dyn Columns) {
        columns.text(column("probe"), &mut self.probe);
        columns.text(column("family"), &mut self.family);
        columns.word(column("source"), &mut self.source);
        columns.u32(column("sample"), &mut self.sample);
        columns.word(column("scorer"), &mut self.scorer);
        columns.u64(column("tokens"), &mut self.tokens);
        columns.u64(column("bytes"), &mut self.bytes);
        columns.f64(column("logprob").within(f64::NEG_INFINITY, ROUNDING), &mut self.logprob);
    }
}

impl PartRow for ScoredRow {
    fn probe(&self) -> &str {
        &self.probe
    }

    fn key(&self) -> [u64; 2] {
        [self.scorer as u64, u64::from(self.source.first_sample()) + u64::from(self.sample)]
    }

    fn check(&self, asked: &AskedProbe<'_>) -> Option<String> {
        const LARGEST: u64 = 1 << 32;
        if !matches!(self.source, SampleSource::Teacher | SampleSource::Rerun) {
            return Some(format!("source is {:?}, expected \"teacher\" or \"rerun\"", self.source.name()));
        }
        if !matches!(self.scorer, SampleSource::Student | SampleSource::Base) {
            return Some(format!("scorer is {:?}, expected \"student\" or \"base\"", self.scorer.name()));
        }
        if self.sample >= super::MOST_SAMPLES {
            return Some(format!("sample is {}, expected less than {}", self.sample, super::MOST_SAMPLES));
        }
        if self.bytes == 0 || self.tokens == 0 || self.bytes > LARGEST || self.tokens > LARGEST {
            let (tokens, bytes) = (self.tokens, self.bytes);
            return Some(format!("an answer has {tokens} tokens and {bytes} bytes, expected 1 to {LARGEST} of both"));
        }
        asked.not_a_prompt().or_else(|| asked.not_its_family(&self.family))
    }
}
