//! A model that is asked in batches: what comes so is counted once, as what comes one by one is.
#![allow(clippy::unwrap_used)]

use crate::support;

use std::ops::ControlFlow;
use std::path::Path;

use hydrometer_answers::store::BatchRecords;
use hydrometer_answers::{ModelIdentity, SamplingParameters};
use hydrometer_ask::{AskOptions, Models, Sampling, drawing};
use hydrometer_models::{
    Answers, AnswersTogether, BatchState, BatchStep, FirstTokens, Letters, ListCame, Message, Model, ModelError,
    Prompt, SampleLimits, SampleRequest, SampleStep,
};
use hydrometer_probes::kind;
use hydrometer_probes::{Ask, Probe, Suite};
use support::{Bigram, Watch, collect, endpoint, sampling, say, suite};

/// A model behind an endpoint that answers `a`, one by one or in batches, and lists letters or draws them.
struct Far {
    identity: ModelIdentity,
    in_batches: bool,
    lists: bool,
}

impl Model for Far {
    fn identity(&self) -> &ModelIdentity {
        &self.identity
    }

    fn answers(&self) -> Option<&dyn Answers> {
        Some(self)
    }

    fn letters(&self) -> Option<&dyn Letters> {
        Some(self)
    }
}

impl Answers for Far {
    fn prompt(&self, messages: &[Message]) -> Result<Prompt, ModelError> {
        Ok(Prompt::Messages(messages.to_vec()))
    }

    fn is_paid_for(&self) -> bool {
        true
    }

    fn together(&self) -> Option<&dyn AnswersTogether> {
        self.in_batches.then_some(self)
    }

    fn answer(
        &self,
        requests: &[SampleRequest],
        _: &SamplingParameters,
        _: &SampleLimits,
        watch: &mut dyn FnMut(SampleStep) -> ControlFlow<()>,
    ) -> Result<(), ModelError> {
        say(requests, watch, |_, _, _| Ok("A".to_owned()))
    }
}

impl Letters for Far {
    fn shows_first_tokens(&self) -> Result<bool, ModelError> {
        Ok(self.lists)
    }

    fn first_tokens(
        &self,
        prompts: &[&Prompt],
        _: usize,
        watch: &mut dyn FnMut(ListCame) -> ControlFlow<()>,
    ) -> Result<(), ModelError> {
        for place in 0..prompts.len() {
            let listed = vec![("A".to_owned(), -0.5), ("B".to_owned(), -1.5)];
            let _ = watch(Some((place, FirstTokens { listed, others: -3.0, read: 5, drawn: 1 })));
        }
        Ok(())
    }
}

impl AnswersTogether for Far {
    fn cost(&self, _: u64, _: u64) -> Option<f64> {
        None
    }

    fn answer_together(
        &self,
        requests: &[SampleRequest],
        parameters: &SamplingParameters,
        _: &BatchRecords,
        watch: &mut dyn FnMut(BatchStep<SampleStep>) -> ControlFlow<()>,
    ) -> Result<(), ModelError> {
        let _ = watch(BatchStep::Looked(BatchState::default()));
        let limits = SampleLimits { width: 1, memory: 0 };
        self.answer(requests, parameters, &limits, &mut |step| watch(BatchStep::Came(step)))
    }

    fn first_tokens_together(
        &self,
        prompts: &[&Prompt],
        _: &BatchRecords,
        watch: &mut dyn FnMut(BatchStep<ListCame>) -> ControlFlow<()>,
    ) -> Result<(), ModelError> {
        self.first_tokens(prompts, 1, &mut |came| watch(BatchStep::Came(came)))
    }
}

/// Choices and more than a unit of prompts.
fn asked() -> Suite {
    let mut asked = suite(6);
    asked.probes.extend((0..90).map(|i| Probe {
        id: format!("p{i}"),
        family: format!("p{i}"),
        axis: "letters".into(),
        tags: Vec::new(),
        knob: None,
        boundary: None,
        ask: Ask::Prompt(kind::Prompt::new(format!("Letter {i}?"))),
    }));
    asked
}

fn options(folder: &Path) -> AskOptions {
    let options = sampling(&folder.join("store"), 2, 1);
    let letters = options.sampling.clone().map(|sampling| Sampling { settings: drawing(3, 5), ..sampling });
    AskOptions { letters, ..options }
}

#[test]
fn answers_that_come_in_batches_are_counted_once() {
    let (suite, student) = (asked(), Bigram::bytes("student", 1));
    for (in_batches, lists) in [(false, true), (true, true), (false, false), (true, false)] {
        let folder = tempfile::tempdir().unwrap();
        let teacher = Far { identity: endpoint("far"), in_batches, lists };
        let options = options(folder.path());
        let mut watch = Watch::default();
        collect(Models::pair(&teacher, &student), &suite, &options, &folder.path().join("run"), &mut watch).unwrap();
        let wanted = watch.planned.unwrap().answers;
        // Three of the teacher and two of the student to each prompt; a list, or three letters, for each of two orders of a choice.
        assert_eq!(wanted, 90 * 5 + 6 * 2 * if lists { 1 } else { 3 });
        assert_eq!(watch.answers, wanted, "in batches: {in_batches}, lists: {lists}");
        // And where the store holds all of it.
        let mut watch = Watch::default();
        collect(Models::pair(&teacher, &student), &suite, &options, &folder.path().join("again"), &mut watch).unwrap();
        assert_eq!((watch.answers, watch.sampled), (wanted, 0));
    }
}
