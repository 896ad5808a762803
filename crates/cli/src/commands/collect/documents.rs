//! Prompts of training data as questions, and a model's answers to them as documents that `distill` reads: sequence-level
//! distillation (Kim and Rush 2016, arXiv 1606.07947) from whatever answers, an endpoint, too.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use hydrometer_answers::{FinishReason, SampleRow};
use hydrometer_distill::data::{Content, Document, Said, read};
use hydrometer_probes::kind::Prompt;
use hydrometer_probes::{Ask, Decoding, Probe, Role, Suite, Turn};
use serde_json::json;

use crate::commands::distill::before;
use crate::failure::Failure;
use crate::files;

/// The prompts of some training data.
pub(crate) struct Questions {
    /// What is asked, a probe a prompt.
    pub(crate) suite: Suite,
    /// The document whose prompt a probe asks.
    of: BTreeMap<String, Document>,
    /// Documents without a prompt that can be asked.
    pub(crate) left_out: u64,
}

/// What became of the answers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Written {
    /// Documents.
    pub(crate) documents: u64,
    /// Answers that are no whole text: cut off, refused, filtered, calls of tools, nothing.
    pub(crate) left_out: u64,
}

impl Questions {
    /// Each prompt of the data once: what stands before the last answer of a conversation, or before a completion.
    ///
    /// # Errors
    /// A file that cannot be read, or no prompt in any of them.
    pub(crate) fn of(files: &[PathBuf]) -> Result<Questions, Failure> {
        Questions::of_those(files, |_| true)
    }

    /// The same of the documents that are `wanted`.
    ///
    /// # Errors
    /// As [`Questions::of`].
    pub(crate) fn of_those(files: &[PathBuf], wanted: impl Fn(&Document) -> bool) -> Result<Questions, Failure> {
        let mut questions = Questions {
            suite: Suite { name: "data".to_owned(), probes: Vec::new() },
            of: BTreeMap::new(),
            left_out: 0,
        };
        let mut seen = HashSet::new();
        for file in files {
            let (documents, wrong) = read(file, None).map_err(before)?;
            questions.left_out += wrong.len() as u64;
            for document in documents.into_iter().filter(&wanted) {
                let Some(probe) = probe(&document).filter(is_sound) else {
                    questions.left_out += 1;
                    continue;
                };
                if seen.insert(serde_json::to_string(&probe.ask).map_err(Failure::input)?) {
                    questions.of.insert(probe.id.clone(), document);
                    questions.suite.probes.push(probe);
                }
            }
        }
        if questions.suite.probes.is_empty() {
            let found = "--data: no document has a prompt that can be asked";
            return Err(Failure::input(found).hint("conversations that end with an answer, and completions, have one"));
        }
        // A file of documents has one shape.
        let completions =
            questions.of.values().filter(|document| matches!(document.content, Content::Completion { .. }));
        if ![0, questions.of.len()].contains(&completions.count()) {
            let found = "--data: conversations in one file and completions in another, and --documents holds one shape";
            return Err(Failure::input(found).hint("ask them one after the other, each with --documents of its own"));
        }
        Ok(questions)
    }

    /// Writes the whole answers as documents, each behind the prompt that it answers.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn write(&self, path: &Path, model: &str, rows: &[SampleRow]) -> Result<Written, Failure> {
        let (mut lines, mut written) = (String::new(), Written::default());
        for row in rows {
            let whole = row.finish == FinishReason::Stop && !row.text.trim().is_empty();
            let Some(document) = self.of.get(&row.probe).filter(|_| whole) else {
                written.left_out += 1;
                continue;
            };
            let record = match &document.content {
                Content::Completion { prompt, .. } => {
                    json!({ "prompt": prompt, "completion": row.text, "model": model })
                }
                Content::Conversation(said) => {
                    let mut messages = said[..said.len() - 1].to_vec();
                    messages.push(Said::new("assistant", row.text.as_str()));
                    json!({ "messages": messages, "model": model })
                }
                Content::Text(_) | Content::ToolConversation(_) => continue,
            };
            lines += &(record.to_string() + "\n");
            written.documents += 1;
        }
        files::write(path, lines.as_bytes())?;
        Ok(written)
    }
}

/// The prompts of documents.
pub(crate) fn asked_in(documents: &[Document]) -> Vec<Probe> {
    documents.iter().filter_map(probe).filter(is_sound).collect()
}

/// The prompt of a document; `None` where it has none, or one that only its own tools make sense of.
fn probe(document: &Document) -> Option<Probe> {
    let prompt = |prompt: &str, system: Option<String>, turns: Vec<Turn>| Prompt {
        prompt: prompt.to_owned(),
        system,
        turns,
        answer: Vec::new(),
        check: None,
        max_tokens: None,
        stop: Vec::new(),
        decoding: Decoding::Sampled,
    };
    let prompt = match &document.content {
        Content::Completion { prompt: given, .. } => prompt(given, None, Vec::new()),
        Content::Conversation(said) => {
            let [given @ .., asked, answer] = &said[..] else { return None };
            let (system, turns) = match given {
                [first, turns @ ..] if first.role == "system" => (Some(first.content.clone()), turns),
                turns => (None, turns),
            };
            let turn = |said: &Said| match said.role.as_str() {
                "user" => Some(Turn { role: Role::User, text: said.content.clone() }),
                "assistant" => Some(Turn { role: Role::Assistant, text: said.content.clone() }),
                _ => None,
            };
            let turns = turns.iter().map(turn).collect::<Option<Vec<_>>>()?;
            let answered = asked.role == "user" && answer.role == "assistant";
            answered.then(|| prompt(&asked.content, system, turns))?
        }
        Content::Text(_) | Content::ToolConversation(_) => return None,
    };
    let id = document.key();
    let (family, axis) = (id.clone(), "data".to_owned());
    Some(Probe { id, family, axis, tags: Vec::new(), knob: None, boundary: None, ask: Ask::Prompt(prompt) })
}

/// Whether it may be asked: no empty prompt, no turns in a row of one side.
fn is_sound(probe: &Probe) -> bool {
    Suite { name: String::new(), probes: vec![probe.clone()] }.validate().is_ok()
}
