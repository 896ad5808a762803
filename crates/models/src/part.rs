//! Some of the requests that were put to a model, handed on to another one: its answers come back numbered as among all.

use std::ops::ControlFlow;

use hydrometer_answers::SamplingParameters;

use crate::{Answer, Answers, ModelError, SampleLimits, SampleRequest, SampleStep};

/// Requests and their places among all.
#[derive(Default)]
pub(crate) struct Part {
    places: Vec<usize>,
    requests: Vec<SampleRequest>,
}

impl Part {
    pub(crate) fn push(&mut self, place: usize, request: SampleRequest) {
        self.places.push(place);
        self.requests.push(request);
    }

    /// Lets a model answer them; nothing is asked where there are none.
    ///
    /// # Errors
    /// As [`Answers::answer`].
    pub(crate) fn answer(
        &self,
        model: &dyn Answers,
        parameters: &SamplingParameters,
        limits: &SampleLimits,
        watch: &mut dyn FnMut(SampleStep) -> ControlFlow<()>,
    ) -> Result<(), ModelError> {
        if self.requests.is_empty() {
            return Ok(());
        }
        model.answer(&self.requests, parameters, limits, &mut |step| {
            watch(match step {
                SampleStep::Answer(answer) => {
                    SampleStep::Answer(Answer { request: self.places[answer.request], ..answer })
                }
                progress @ SampleStep::Progress { .. } => progress,
            })
        })
    }
}

impl FromIterator<(usize, SampleRequest)> for Part {
    fn from_iter<I: IntoIterator<Item = (usize, SampleRequest)>>(all: I) -> Self {
        let (places, requests) = all.into_iter().unzip();
        Self { places, requests }
    }
}
