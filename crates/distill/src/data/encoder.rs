//! From documents to samples: tokens, and which of them are learnt.
//!
//! What is given and what is learnt are encoded apart, because a model that answers sees the prompt's tokens as they are alone.
//! The end of a text or turn is always learnt.

use hydrometer_models::{ChatTemplate, GenerationPrompt, ModelError, Tokenizer};

use super::spoken::Spoken;
use super::{Content, Document, Said};
use crate::train::Sample;

/// Turns documents into samples of one model.
#[derive(Clone, Copy)]
pub struct Encoder<'a> {
    /// The model's tokens.
    pub tokenizer: &'a Tokenizer,
    /// Its chat template; a model without one continues the messages as one text.
    pub template: Option<&'a ChatTemplate>,
    /// The token that ends a text.
    pub end: u32,
    /// Most tokens of a sample.
    pub context: usize,
}

/// Stretches of tokens that are given (`false`) or learnt (`true`).
pub(super) type Parts = Vec<(Vec<u32>, bool)>;

/// Why a document gives no sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotEncoded {
    /// It has more tokens than the context; cut off, its end would not be learnt.
    TooLong {
        /// How many it has.
        tokens: usize,
    },
    /// Nothing of it is learnt.
    Empty,
    /// Template or tokenizer refuse, or the template changes earlier messages when later ones come.
    Refused(String),
}

impl Encoder<'_> {
    /// The token that ends a text of this tokenizer, where there is one.
    #[must_use]
    pub fn end_of(tokenizer: &Tokenizer) -> Option<u32> {
        tokenizer.eos().or_else(|| tokenizer.ends().first().copied())
    }

    /// The samples of a document. A text longer than the context becomes several, each of which begins with the last token of
    /// the one before, so that every token is learnt once.
    ///
    /// # Errors
    /// The document gives none.
    pub fn encode(&self, document: &Document) -> Result<Vec<Sample>, NotEncoded> {
        let family = document.key();
        match &document.content {
            Content::Text(text) => self.text(text, &family),
            Content::Completion { prompt, completion } => {
                let given = self.tokenizer.begin(self.plain(prompt)?);
                let learnt = self.plain(completion)?;
                self.whole(vec![(given, false), (learnt, true)], family)
            }
            Content::Conversation(messages) => {
                let parts = match self.template {
                    Some(template) => self.templated(template, messages)?,
                    None => self.joined(messages)?,
                };
                self.whole(parts, family)
            }
            Content::ToolConversation(conversation) => {
                let spoken = Spoken::tools(conversation);
                self.whole(self.with_tools(conversation, &spoken)?, family)
            }
        }
    }

    fn plain(&self, text: &str) -> Result<Vec<u32>, NotEncoded> {
        self.tokenizer.encode(text).map_err(refused)
    }

    fn text(&self, text: &str, family: &str) -> Result<Vec<Sample>, NotEncoded> {
        let mut tokens = self.plain(text)?;
        if tokens.is_empty() {
            return Err(NotEncoded::Empty);
        }
        tokens.push(self.end);
        let tokens = self.tokenizer.begin(tokens);
        let step = self.context.max(2) - 1;
        let starts = (0..tokens.len().saturating_sub(1)).step_by(step);
        let windows = starts.map(|start| tokens[start..tokens.len().min(start + step + 1)].to_vec());
        let sample = |tokens: Vec<u32>| Sample { learnt: learnt(&tokens), tokens, family: family.to_owned() };
        Ok(windows.map(sample).collect())
    }

    /// One sample of parts that are given (`false`) or learnt (`true`); the end is learnt behind every learnt one.
    fn whole(&self, mut parts: Parts, family: String) -> Result<Vec<Sample>, NotEncoded> {
        if !parts.iter().any(|(tokens, is_learnt)| *is_learnt && !tokens.is_empty()) {
            return Err(NotEncoded::Empty);
        }
        let ends = self.tokenizer.ends();
        for (tokens, _) in parts.iter_mut().filter(|(_, is_learnt)| *is_learnt) {
            if !tokens.iter().any(|token| ends.contains(token)) {
                tokens.push(self.end);
            }
        }
        let mut sample = Sample { tokens: Vec::new(), learnt: Vec::new(), family };
        for (tokens, is_learnt) in parts {
            sample.learnt.extend(tokens.iter().map(|_| is_learnt));
            sample.tokens.extend(tokens);
        }
        if sample.tokens.len() > self.context {
            return Err(NotEncoded::TooLong { tokens: sample.tokens.len() });
        }
        // Without a prompt and a BOS nothing stands before the first token.
        if sample.targets() == 0 {
            return Err(NotEncoded::Empty);
        }
        Ok(vec![sample])
    }

    /// As `Answers::prompt` asks a model without a template: the messages before the last as one text, then the last.
    fn joined(&self, messages: &[Said]) -> Result<Parts, NotEncoded> {
        let Some((last, before)) = messages.split_last() else { return Err(NotEncoded::Empty) };
        let before: Vec<&str> = before.iter().map(|said| said.content.as_str()).collect();
        let given = self.tokenizer.begin(self.plain(&before.join("\n\n"))?);
        Ok(vec![(given, false), (self.plain(&last.content)?, true)])
    }

    /// Every answer that its record does not exclude is learnt, with what the template puts behind it.
    fn templated(&self, template: &ChatTemplate, messages: &[Said]) -> Result<Parts, NotEncoded> {
        let answers: Vec<usize> = (0..messages.len()).filter(|&index| messages[index].is_learnt()).collect();
        if answers.iter().any(|&index| messages[index].content.is_empty()) {
            return Err(NotEncoded::Empty);
        }
        let spoken = Spoken::said(messages);
        self.answers(&answers, &|count, prompt| spoken.render(template, count, prompt))
    }

    /// The messages at `answers` are learnt, the others given; `render` puts the first so many into words.
    pub(super) fn answers(
        &self,
        answers: &[usize],
        render: &dyn Fn(usize, GenerationPrompt) -> Result<String, ModelError>,
    ) -> Result<Parts, NotEncoded> {
        let mut parts = Parts::new();
        let mut text = String::new();
        for &index in answers {
            let given = render(index, GenerationPrompt::Add).map_err(refused)?;
            let whole = render(index + 1, GenerationPrompt::Leave).map_err(refused)?;
            let (Some(new), Some(answer)) = (given.strip_prefix(text.as_str()), whole.strip_prefix(given.as_str()))
            else {
                return Err(NotEncoded::Refused(
                    "the template writes earlier messages anew when later ones come".to_owned(),
                ));
            };
            let mut tokens = self.tokenizer.encode_rendered(new).map_err(refused)?;
            if parts.is_empty() {
                tokens = self.tokenizer.begin(tokens);
            }
            parts.push((tokens, false));
            parts.push((self.tokenizer.encode_rendered(answer).map_err(refused)?, true));
            text = whole;
        }
        Ok(parts)
    }
}

fn learnt(tokens: &[u32]) -> Vec<bool> {
    (0..tokens.len()).map(|at| at > 0).collect()
}

pub(super) fn refused(error: ModelError) -> NotEncoded {
    NotEncoded::Refused(error.to_string())
}
