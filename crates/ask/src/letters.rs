//! Choices put to a model that says nothing of options: it is asked for a letter. Either its server shows how probable first tokens
//! are, or letters are drawn and counted, one by one or in batches. What was paid for is in the answer store, and is not asked again.

use std::ops::ControlFlow;

use hydrometer_answers::store::{AnswerKey, BatchRecords, Store, StoredAnswer};
use hydrometer_answers::{FinishReason, OptionSaid, SamplingParameters, Told};
use hydrometer_models::{AnswersTogether, BatchStep, Facet, FirstTokens, ListCame, Message, Model, ModelError, Prompt};
use hydrometer_probes::kind::Choice;
use hydrometer_probes::{Ask, Probe, without_thoughts};

use crate::answering::{Asked, Asker};
use crate::observer::{Ahead, Bought, Costs, Keep};
use crate::{AskError, Observer, Role, Sampling};

/// Longest answer of which the letter is read: room for `**A**`.
const LONGEST: u32 = 8;
/// Bytes of a token, where the cost is not known before.
const BYTES: u64 = 4;

/// How letters are drawn where first tokens are not shown: so many for each order of a choice, at temperature 1.
#[must_use]
pub fn drawing(letters: u32, seed: u64) -> hydrometer_answers::SampleSettings {
    let parameters =
        SamplingParameters { temperature: 1.0, top_p: 1.0, top_k: 0, max_tokens: LONGEST, stop: Vec::new(), seed };
    hydrometer_answers::SampleSettings { per_probe: letters, reruns: 0, parameters, paired: false }
}

/// A choice in one order, as a question for a letter.
pub(crate) struct Lettered {
    asked: Asked,
    prompt: Prompt,
    /// In the order shown.
    letters: Vec<String>,
}

/// How its model says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// First tokens are shown.
    List,
    /// Letters are drawn.
    Draws,
}

/// How lists are had.
enum How<'h> {
    /// One by one.
    Each,
    /// In batches, which are kept here.
    Together(&'h dyn AnswersTogether, &'h BatchRecords),
}

/// What a model says of the options, in the order shown: log-probabilities, and how they were had.
pub(crate) type Said = Vec<(f64, OptionSaid)>;

impl Lettered {
    pub(crate) fn new(
        model: &dyn Model,
        probe: &Probe,
        rotation: u32,
        sampling: &Sampling,
    ) -> Result<(Self, Vec<usize>), ModelError> {
        let Ask::Choice(choice) = &probe.ask else {
            return Err(ModelError::Request { reason: format!("probe `{}` asks no choice", probe.id) });
        };
        let asked = Choice::as_message(choice, rotation as usize);
        let prompt = model.answers().ok_or(Facet::Answers)?.prompt_of(probe, &[Message::user(asked.text)])?;
        let question = Asked::of(probe, prompt.clone(), (None, &[]), &sampling.settings);
        Ok((Self { asked: question, prompt, letters: asked.letters }, asked.order))
    }

    fn first_token_key(&self, model_key: &str, parameters: &SamplingParameters) -> AnswerKey {
        AnswerKey::new(model_key, &self.first_token_hash(), parameters, 0)
    }

    /// Another question than that for an answer: nothing that is stored for the one serves for the other.
    fn first_token_hash(&self) -> String {
        format!("first tokens of {}", self.prompt.hash())
    }
}

/// One model that is asked for letters.
pub(crate) struct LetterAsker<'a> {
    pub model: &'a dyn Model,
    pub role: Role,
    pub sampling: &'a Sampling,
    pub costs: Option<Costs<'a>>,
}

impl LetterAsker<'_> {
    fn drawer(&self) -> Asker<'_> {
        let Sampling { settings, limits, .. } = self.sampling;
        Asker { model: self.model, role: self.role, settings, limits, costs: self.costs }
    }

    fn parameters(&self) -> SamplingParameters {
        listing(&self.sampling.settings.parameters)
    }

    fn unlisted<'q>(&self, questions: &[&'q Lettered], store: &Store) -> Vec<&'q Lettered> {
        let (key, parameters) = (self.model.identity().key(), self.parameters());
        let lacks = |question: &&&Lettered| !store.contains(&question.first_token_key(&key, &parameters));
        questions.iter().filter(lacks).copied().collect()
    }

    fn asked<'q>(questions: &[&'q Lettered]) -> Vec<&'q Asked> {
        questions.iter().map(|question| &question.asked).collect()
    }

    /// How the model says it: as it did before where all is in the store, else as its server does now.
    pub(crate) fn by(&self, questions: &[&Lettered], store: &Store) -> Result<By, AskError> {
        if self.unlisted(questions, store).is_empty() {
            return Ok(By::List);
        }
        if self.drawer().missing(&Self::asked(questions), store) == 0 {
            return Ok(By::Draws);
        }
        let letters = self.model.letters().ok_or(Facet::Choices.into()).map_err(self.role.failed())?;
        let shows = letters.shows_first_tokens().map_err(self.role.failed())?;
        Ok(if shows { By::List } else { By::Draws })
    }

    /// Answers that the store lacks.
    pub(crate) fn missing(&self, questions: &[&Lettered], by: By, store: &Store) -> u64 {
        match by {
            By::List => self.unlisted(questions, store).len() as u64,
            By::Draws => self.drawer().missing(&Self::asked(questions), store),
        }
    }

    /// What they will cost.
    pub(crate) fn ahead(&self, questions: &[&Lettered], by: By, store: &Store) -> Option<Ahead> {
        if by == By::Draws {
            return self.drawer().ahead(&Self::asked(questions), store);
        }
        let answers = self.model.answers().filter(|answers| answers.is_paid_for())?;
        let missing = self.unlisted(questions, store);
        let read = missing.iter().map(|question| question.prompt.bytes().div_ceil(BYTES)).sum();
        let drawn = missing.len() as u64;
        let money = match answers.together() {
            Some(together) => together.cost(read, drawn),
            None => answers.cost(read, drawn),
        };
        (drawn > 0).then_some(Ahead { what: Bought::Answers, answers: drawn, read, drawn, money })
    }

    /// Where the model is asked in batches, has everything that the store lacks of these questions, as
    /// [`Asker::ask_together`] does.
    pub(crate) fn ask_together(
        &self,
        questions: &[&Lettered],
        by: By,
        store: &mut Store,
        observer: &mut dyn Observer,
    ) -> Result<ControlFlow<()>, AskError> {
        if by == By::Draws {
            let asked = self.drawer().ask_together(&Self::asked(questions), store, observer)?;
            return Ok(if asked.is_break() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) });
        }
        let missing = self.unlisted(questions, store);
        match self.model.answers().and_then(|answers| answers.together()) {
            Some(together) if !missing.is_empty() => {
                let records = BatchRecords::of(store.path());
                self.list(&missing, How::Together(together, &records), store, observer)
            }
            _ => Ok(ControlFlow::Continue(())),
        }
    }

    /// What the model says of the options of each question.
    pub(crate) fn ask(
        &self,
        questions: &[&Lettered],
        by: By,
        store: &mut Store,
        observer: &mut dyn Observer,
    ) -> Result<ControlFlow<(), Vec<Said>>, AskError> {
        match by {
            By::List => self.lists(questions, store, observer),
            By::Draws => self.draws(questions, store, observer),
        }
    }

    fn draws(
        &self,
        questions: &[&Lettered],
        store: &mut Store,
        observer: &mut dyn Observer,
    ) -> Result<ControlFlow<(), Vec<Said>>, AskError> {
        let (drawer, asked) = (self.drawer(), Self::asked(questions));
        if drawer.ask(&asked, store, observer)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        let rows = drawer.rows(&asked, store)?;
        let count = |(question, rows): (&&Lettered, Vec<hydrometer_answers::SampleRow>)| {
            let mut counts = vec![0; question.letters.len()];
            let said = rows.iter().filter_map(|row| without_thoughts(&row.text));
            for place in said.filter_map(|said| letter(said, &question.letters)) {
                counts[place] += 1;
            }
            shares(&counts)
        };
        Ok(ControlFlow::Continue(questions.iter().zip(rows).map(count).collect()))
    }

    fn lists(
        &self,
        questions: &[&Lettered],
        store: &mut Store,
        observer: &mut dyn Observer,
    ) -> Result<ControlFlow<(), Vec<Said>>, AskError> {
        let (key, parameters) = (self.model.identity().key(), self.parameters());
        let missing = self.unlisted(questions, store);
        observer.spared((questions.len() - missing.len()) as u64);
        if !missing.is_empty() && self.list(&missing, How::Each, store, observer)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        let keys: Vec<_> = questions.iter().map(|question| question.first_token_key(&key, &parameters)).collect();
        let answers = store.get_all(&keys)?;
        let read = |(question, answer): (&&Lettered, Option<StoredAnswer>)| {
            let found = answer.and_then(|answer| FirstTokens::of_kept(&answer.text));
            let lost = || AskError::AnswerLost { probe: question.asked.probe.clone(), sample: 0 };
            found.map(|found| weighed(&found, &question.letters)).ok_or_else(lost)
        };
        let said: Result<Vec<Said>, AskError> = questions.iter().zip(answers).map(read).collect();
        Ok(ControlFlow::Continue(said?))
    }

    /// Fills the store with the first tokens of all these questions.
    fn list(
        &self,
        questions: &[&Lettered],
        how: How<'_>,
        store: &mut Store,
        observer: &mut dyn Observer,
    ) -> Result<ControlFlow<()>, AskError> {
        let identity = self.model.identity();
        let (key, parameters) = (identity.key(), self.parameters());
        let (mut stopped, mut kept) = (false, Ok(()));
        // What came in batches is counted when it is taken out of the store, unit by unit, as what was there before.
        let is_counted = matches!(how, How::Each);
        let mut watch = |step: BatchStep<ListCame>| {
            match step {
                BatchStep::Looked(state) => observer.batch(self.role, &state),
                BatchStep::Says(words) => observer.says(self.role, &words),
                BatchStep::Came(None) => {}
                BatchStep::Came(Some((place, found))) => {
                    observer.sampled(found.read, found.drawn);
                    if is_counted {
                        observer.answered(1);
                    }
                    let question = questions[place];
                    let answer = StoredAnswer {
                        key: question.first_token_key(&key, &parameters),
                        model_key: key.clone(),
                        model_name: identity.name.clone(),
                        prompt_hash: question.first_token_hash(),
                        parameters: parameters.clone(),
                        sample: 0,
                        text: found.as_kept(),
                        tokens: Vec::new(),
                        logprobs: Vec::new(),
                        finish: FinishReason::Length,
                    };
                    if kept.is_ok() {
                        kept = store.keep(answer);
                    }
                    if let (Ok(()), Some(costs)) = (&kept, self.costs) {
                        kept = costs.keep(Keep::IfMuch, observer);
                    }
                }
            }
            stopped = observer.interrupted();
            if stopped || kept.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let prompts: Vec<&Prompt> = questions.iter().map(|question| &question.prompt).collect();
        let asked = match how {
            How::Each => {
                let letters = self.model.letters().ok_or(Facet::Choices.into()).map_err(self.role.failed())?;
                let width = self.sampling.limits.width;
                letters.first_tokens(&prompts, width, &mut |came| watch(BatchStep::Came(came)))
            }
            How::Together(together, records) => together.first_tokens_together(&prompts, records, &mut watch),
        };
        if let (true, Ok(()), Some(costs)) = (asked.is_err() || stopped, &kept, self.costs) {
            kept = costs.keep(Keep::Always, observer);
        }
        asked.map_err(self.role.failed())?;
        kept?;
        Ok(if stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }
}

/// How a list is asked for where letters would be drawn so: nothing of it is drawn, and it is the same whatever the seed.
fn listing(drawn: &SamplingParameters) -> SamplingParameters {
    SamplingParameters { max_tokens: 1, seed: 0, ..drawn.clone() }
}

/// What is known of each letter: its log-probability, or the most that it can have.
fn weighed(found: &FirstTokens, letters: &[String]) -> Said {
    let of = |letter: &String| match found.listed.iter().find(|(text, _)| text == letter) {
        Some((_, logprob)) => (*logprob, OptionSaid::default()),
        None => (found.others.min(0.0), OptionSaid { told: Told::AtMost, letters: 0 }),
    };
    letters.iter().map(of).collect()
}

/// Log-probabilities of the shares of drawn letters; −∞ where none was drawn.
fn shares(counts: &[u32]) -> Said {
    let all: u32 = counts.iter().sum();
    let share = |count: &u32| (f64::from(*count) / f64::from(all.max(1))).ln();
    counts.iter().map(|count| (share(count), OptionSaid { told: Told::Drawn, letters: *count })).collect()
}

/// The place of the letter that an answer begins with, whatever stands around it.
fn letter(answer: &str, letters: &[String]) -> Option<usize> {
    let answer = answer.trim_start_matches(|c: char| c.is_whitespace() || "*_`\"'([".contains(c));
    letters.iter().position(|letter| {
        answer
            .strip_prefix(letter.as_str())
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '\''))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_read_where_an_answer_begins_with_it_alone() {
        let letters: Vec<String> = ["A", "B"].map(String::from).to_vec();
        let check = |answer: &str, expected: Option<usize>| assert_eq!(letter(answer, &letters), expected, "{answer}");
        check("A", Some(0));
        check(" **B**.", Some(1));
        check("(B) because", Some(1));
        check("B: the second", Some(1));
        check("An apple", None);
        check("C", None);
        check("b", None);
        check("", None);
    }

    #[test]
    fn a_list_is_asked_for_once_whatever_the_seed() {
        let [one, two] = [1, 2].map(|seed| drawing(4, seed).parameters);
        assert_ne!(one, two);
        assert_eq!(listing(&one), listing(&two));
    }

    #[test]
    fn what_is_not_listed_is_bounded_and_not_nothing() {
        let found =
            FirstTokens { listed: vec![("B".into(), -0.1), (" A".into(), -3.0)], others: -4.0, read: 0, drawn: 0 };
        assert_eq!(FirstTokens::of_kept(&found.as_kept()).as_ref(), Some(&found));
        let said = weighed(&found, &["A", "B"].map(String::from));
        assert_eq!(said[0], (-4.0, OptionSaid { told: Told::AtMost, letters: 0 }));
        assert_eq!(said[1], (-0.1, OptionSaid::default()));
        assert_eq!(shares(&[0, 0])[0].0, f64::NEG_INFINITY);
        assert_eq!(shares(&[3, 1])[1].1, OptionSaid { told: Told::Drawn, letters: 1 });
    }
}
