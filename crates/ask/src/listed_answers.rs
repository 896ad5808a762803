//! A model whose answers are listed token by token, as one that answers: what it says is what is kept of an answer and its lists, so
//! that asking, paying and keeping are those of every other answer.

use std::ops::ControlFlow;

use hydrometer_answers::{ModelIdentity, SampleSettings, SamplingParameters};
use hydrometer_models::{
    Answer, Answers, ListsAnswers, Message, Model, ModelError, Prompt, SampleLimits, SampleRequest, SampleStep,
};

/// The model, with what it lists.
pub(crate) struct ListedAnswers<'a> {
    model: &'a dyn Model,
    answers: &'a dyn Answers,
}

impl<'a> ListedAnswers<'a> {
    /// `None` where the model does not answer.
    pub(crate) fn of(model: &'a dyn Model) -> Option<Self> {
        model.answers().map(|answers| Self { model, answers })
    }

    fn lists(&self) -> Result<&dyn ListsAnswers, ModelError> {
        self.model.lists_answers().map_err(|reason| ModelError::Request { reason })
    }
}

/// So many answers to each prompt, drawn at temperature 1 and never a second time.
pub(crate) fn listing(answers: u32, of: &SampleSettings) -> SampleSettings {
    SampleSettings { per_probe: answers, reruns: 0, parameters: of.parameters.clone(), paired: false }
}

impl Model for ListedAnswers<'_> {
    fn identity(&self) -> &ModelIdentity {
        self.model.identity()
    }

    fn answers(&self) -> Option<&dyn Answers> {
        Some(self)
    }
}

impl Answers for ListedAnswers<'_> {
    fn prompt(&self, messages: &[Message]) -> Result<Prompt, ModelError> {
        self.answers.prompt(messages)
    }

    fn is_paid_for(&self) -> bool {
        self.answers.is_paid_for()
    }

    fn cost(&self, read: u64, drawn: u64) -> Option<f64> {
        self.answers.cost(read, drawn)
    }

    fn answer(
        &self,
        requests: &[SampleRequest],
        parameters: &SamplingParameters,
        limits: &SampleLimits,
        watch: &mut dyn FnMut(SampleStep) -> ControlFlow<()>,
    ) -> Result<(), ModelError> {
        self.lists()?.listed_answers(requests, parameters, limits.width, &mut |came| match came {
            None => watch(SampleStep::Progress { read: 0, drawn: 0 }),
            Some(((request, sample), listed)) => {
                let _ = watch(SampleStep::Progress { read: listed.read, drawn: listed.drawn });
                let text = listed.as_kept();
                watch(SampleStep::Answer(Answer { request, sample, text, tokens: Vec::new(), finish: listed.finish }))
            }
        })
    }
}
