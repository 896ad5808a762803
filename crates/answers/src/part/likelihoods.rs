//! Log-likelihoods of windows of texts under each model's own tokenizer.

use std::fmt;

use super::positions::ROUNDING;
use super::{AskedProbe, Columns, Part, PartKind, PartRow, Row, Word, column};
use crate::parquet_io::row::known_word;

/// Log-likelihoods of windows of texts.
#[derive(Clone, Copy, Debug)]
pub enum Likelihoods {}

impl Part for Likelihoods {
    const KIND: PartKind = PartKind::new("likelihoods");
    const VERSION: u32 = 1;
    type Row = LikelihoodRow;
}

/// Which of the two models a likelihood belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ScoredModel {
    /// The teacher.
    Teacher,
    /// The student.
    Student,
}

impl ScoredModel {
    /// Both, in the order of the format.
    pub const ALL: [ScoredModel; 2] = [ScoredModel::Teacher, ScoredModel::Student];

    /// `teacher` or `student`.
    pub fn name(self) -> &'static str {
        match self {
            ScoredModel::Teacher => "teacher",
            ScoredModel::Student => "student",
        }
    }
}

impl fmt::Display for ScoredModel {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl Word for ScoredModel {
    fn word(&self) -> &'static str {
        self.name()
    }

    fn read(&mut self, found: &str) -> Result<(), String> {
        *self = known_word(&ScoredModel::ALL, ScoredModel::name, found)?;
        Ok(())
    }
}

/// Log-likelihood of one window of a text probe under one model's own tokenizer.
#[derive(Clone, Debug, PartialEq)]
pub struct LikelihoodRow {
    /// Probe id.
    pub probe: String,
    /// Family, the statistical unit.
    pub family: String,
    /// Window of the probe's text, from 0.
    pub window: u32,
    /// Whose likelihood it is.
    pub model: ScoredModel,
    /// Scored tokens.
    pub tokens: u64,
    /// Bytes of text that the scored tokens cover.
    pub bytes: u64,
    /// Sum of ln p over the scored tokens, nats.
    pub logprob: f64,
}

/// Most tokens or bytes of a window: sums of them stay whole numbers.
const MOST: f64 = (1_u64 << 32) as f64;

impl Row for LikelihoodRow {
    fn blank() -> Self {
        LikelihoodRow {
            probe: String::new(),
            family: String::new(),
            window: 0,
            model: ScoredModel::Teacher,
            tokens: 0,
            bytes: 0,
            logprob: 0.0,
        }
    }

    fn columns(&mut self, columns: &mut dyn Columns) {
        columns.text(column("probe"), &mut self.probe);
        columns.text(column("family"), &mut self.family);
        columns.u32(column("window"), &mut self.window);
        columns.word(column("model"), &mut self.model);
        columns.u64(column("tokens").within(0.0, MOST), &mut self.tokens);
        columns.u64(column("bytes").within(0.0, MOST), &mut self.bytes);
        columns.f64(column("logprob"), &mut self.logprob);
    }
}

impl PartRow for LikelihoodRow {
    fn probe(&self) -> &str {
        &self.probe
    }

    fn key(&self) -> [u64; 2] {
        [self.model as u64, u64::from(self.window)]
    }

    fn check(&self, asked: &AskedProbe<'_>) -> Option<String> {
        if self.logprob > ROUNDING * self.tokens as f64 {
            return Some(format!("logprob of {} tokens is {}, expected at most 0", self.tokens, self.logprob));
        }
        asked.not_a_window(&self.family, self.window)
    }
}
