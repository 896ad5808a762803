//! What every reader makes of its file: records of who was asked what, and what came back.

use std::fmt;
use std::path::PathBuf;
use std::rc::Rc;

use hydrometer_probes::Ask;
use hydrometer_probes::world::Transcript;

use super::Format;
use crate::FinishReason;

/// One file, read.
#[derive(Clone, Debug)]
pub struct LoggedFile {
    /// Its name.
    pub name: Rc<str>,
    /// Where it is.
    pub path: PathBuf,
    /// What the user may call the model that it is of: path, file name, stem, folders.
    pub called: Vec<String>,
    /// What it was read as.
    pub format: Format,
    /// What it holds.
    pub records: Vec<Record>,
    /// Lines that are no JSON or no text, left out because it was asked for.
    pub bad_lines: u64,
    /// Lines with `NaN`, `Infinity` or half a character, which JSON does not have: read as null, as U+FFFD.
    pub mended: u64,
    /// What is particular to it, as sentences.
    pub notes: Vec<String>,
    /// Its column of verdicts, where somebody named it: else its name alone says that it is one.
    pub verdicts: Option<String>,
}

/// Where something stands: file, and line of a text, item of a JSON array, entry of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// File name.
    pub file: Rc<str>,
    /// Line, item or row, from 1.
    pub number: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.file, self.number)
    }
}

/// One answer of one model to one question, as its tool logged it.
#[derive(Clone, Debug)]
pub struct Record {
    /// Where it stands.
    pub place: Place,
    /// Whom the file calls its author, by all names that it has; empty where it does not say.
    pub models: Vec<String>,
    /// Task, category or data set; empty where the file does not say.
    pub task: String,
    /// What the file calls the question.
    pub id: Option<String>,
    /// What was asked; `None` where the file does not say.
    pub question: Option<Ask>,
    /// What makes two questions the same.
    pub content: Content,
    /// Texts of the row that may belong to the question, by column.
    pub beside: Vec<(String, String)>,
    /// Questions that are not independent of each other.
    pub family: Option<String>,
    /// Free tags of the question.
    pub tags: Vec<String>,
    /// Which of several ways to extract the answer this record is of.
    pub filter: Option<String>,
    /// Which of several answers to the question; `None` where the file does not number them.
    pub epoch: Option<u32>,
    /// What the file says of the answer, by metric, in its order.
    pub scores: Vec<(String, Score)>,
    /// What the file says of all answers to the question together, by metric: it judges none of them.
    pub on_all: Vec<(String, Score)>,
    /// What came back.
    pub answer: Answer,
}

/// What makes two questions the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// The entry of a data set, whatever words it was put in.
    Document(String),
    /// The words that were put to the model: another template or system message makes others.
    Asked(String),
    /// The file does not say what was asked.
    Unknown,
}

/// A value of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Score {
    /// A number; truth values and letters are 0 and 1.
    Number(f64),
    /// Nothing, or nothing that judges one answer.
    Missing,
}

/// What came back.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A text.
    Text(TextAnswer),
    /// All that happened while the model carried out a task.
    Run(Transcript),
    /// Log-likelihood of each option, nats.
    Options(Vec<f64>),
    /// Log-likelihood of the whole text that was asked, nats.
    Likelihood(f64),
    /// Log-likelihoods that are all 0: nothing was measured.
    Unmeasured,
    /// Nothing: the record says what was asked, for answers in other files.
    Question,
    /// Nothing but a verdict on an answer that stands in another file.
    Verdict,
}

/// An answer in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextAnswer {
    /// What was said; `None` where the model gave no answer.
    pub text: Option<String>,
    /// What the file took for the answer within the text, where it says; an empty one where it found none.
    pub label: Option<String>,
    /// How it ended.
    pub finish: FinishReason,
}

impl TextAnswer {
    /// A text of which nothing else is known.
    pub fn new(text: Option<String>) -> Self {
        Self { text, label: None, finish: FinishReason::Stop }
    }
}

impl Record {
    /// A text answer at a place; what else is known is set by the reader.
    pub(super) fn new(place: Place, answer: Answer) -> Self {
        Self {
            place,
            models: Vec::new(),
            task: String::new(),
            id: None,
            question: None,
            content: Content::Unknown,
            beside: Vec::new(),
            family: None,
            tags: Vec::new(),
            filter: None,
            epoch: None,
            scores: Vec::new(),
            on_all: Vec::new(),
            answer,
        }
    }

    /// What the file says of the answer, and of all answers to its question.
    pub(super) fn metrics(&self) -> impl Iterator<Item = &(String, Score)> {
        self.scores.iter().chain(&self.on_all)
    }
}
