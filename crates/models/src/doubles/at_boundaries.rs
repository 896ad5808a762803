//! `planted:at_boundaries:DEFECT[=DOSE](MODEL)`: a defect in the logits that shows at boundaries of judgment alone. On all that is
//! asked elsewhere, texts included, the model is itself to the bit.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::hash::Hash;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use hydrometer_answers::{ModelIdentity, SamplingParameters};
use hydrometer_probes::{Probe, Suite};

use super::planted::operated;
use crate::part::Part;
use crate::{
    Answers, ChatTemplate, Choice, Chooses, Conversation, Defect, Facet, Grows, Message, Model, ModelError, Planted,
    Prompt, SampleLimits, SampleRequest, SampleStep, Scores, Tokenizer, ToolProtocol,
};

/// A model with a defect in its logits at boundaries of judgment.
pub struct PlantedAtBoundaries {
    /// Everywhere else.
    itself: Arc<dyn Model>,
    /// At boundaries.
    planted: Planted,
    identity: ModelIdentity,
    prompts: Mutex<HashSet<Prompt>>,
    choices: Mutex<HashSet<Choice>>,
}

/// The defect in the words of `planted:`.
struct AtBoundaries(Defect);

impl fmt::Display for AtBoundaries {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{}", PlantedAtBoundaries::PREFIX, self.0)
    }
}

impl PlantedAtBoundaries {
    /// How such a defect begins in `planted:`.
    pub const PREFIX: &'static str = "at_boundaries:";

    /// Plants `defect` in `inner`. The identity keeps the hashes of `inner` and records the surgery.
    pub fn new(defect: Defect, inner: Box<dyn Model>) -> Self {
        let identity = operated(inner.identity(), &AtBoundaries(defect));
        let itself: Arc<dyn Model> = inner.into();
        let planted = Planted::new(defect, Box::new(itself.clone()));
        Self { itself, planted, identity, prompts: Mutex::default(), choices: Mutex::default() }
    }

    fn answers_of(model: &dyn Model) -> Result<&dyn Answers, ModelError> {
        Ok(model.answers().ok_or(Facet::Answers)?)
    }
}

fn remember<T: Hash + Eq>(known: &Mutex<HashSet<T>>, one: T) {
    known.lock().unwrap_or_else(PoisonError::into_inner).insert(one);
}

fn knows<T: Hash + Eq>(known: &Mutex<HashSet<T>>, one: &T) -> bool {
    known.lock().unwrap_or_else(PoisonError::into_inner).contains(one)
}

/// A model that several hold.
impl Model for Arc<dyn Model> {
    fn identity(&self) -> &ModelIdentity {
        (**self).identity()
    }

    fn scores(&self) -> Option<&dyn Scores> {
        (**self).scores()
    }

    fn tokens(&self) -> Option<&Tokenizer> {
        (**self).tokens()
    }

    fn renders(&self) -> Option<&ChatTemplate> {
        (**self).renders()
    }

    fn grows(&self) -> Option<&dyn Grows> {
        (**self).grows()
    }

    fn answers(&self) -> Option<&dyn Answers> {
        (**self).answers()
    }

    fn chooses(&self) -> Option<&dyn Chooses> {
        (**self).chooses()
    }

    fn told(&self, suite: &Suite, trained_to: &BTreeMap<String, f64>) {
        (**self).told(suite, trained_to);
    }
}

impl Model for PlantedAtBoundaries {
    fn identity(&self) -> &ModelIdentity {
        &self.identity
    }

    fn scores(&self) -> Option<&dyn Scores> {
        self.itself.scores()
    }

    fn tokens(&self) -> Option<&Tokenizer> {
        self.itself.tokens()
    }

    fn renders(&self) -> Option<&ChatTemplate> {
        self.itself.renders()
    }

    fn grows(&self) -> Option<&dyn Grows> {
        self.itself.grows()
    }

    // Where there are no logits to cut there is nothing to show at boundaries.
    fn answers(&self) -> Option<&dyn Answers> {
        self.planted.answers().map(|_| self as &dyn Answers)
    }

    fn chooses(&self) -> Option<&dyn Chooses> {
        self.planted.chooses().map(|_| self as &dyn Chooses)
    }

    fn told(&self, suite: &Suite, trained_to: &BTreeMap<String, f64>) {
        self.itself.told(suite, trained_to);
    }
}

impl Chooses for PlantedAtBoundaries {
    fn question(&self, probe: &Probe, rotation: u32) -> Result<(Choice, Vec<usize>), ModelError> {
        let asked = self.itself.chooses().ok_or(Facet::Choices)?.question(probe, rotation)?;
        if probe.boundary.is_some() {
            remember(&self.choices, asked.0.clone());
        }
        Ok(asked)
    }

    fn choose(&self, choices: &[Choice]) -> Result<Vec<Vec<f64>>, ModelError> {
        let cut: Vec<bool> = choices.iter().map(|choice| knows(&self.choices, choice)).collect();
        let of = |wanted: bool| {
            let some = choices.iter().zip(&cut).filter(move |(_, cut)| **cut == wanted);
            some.map(|(choice, _)| choice.clone()).collect::<Vec<_>>()
        };
        let planted = Model::chooses(&self.planted).ok_or(Facet::Choices)?.choose(&of(true))?;
        let itself = self.itself.chooses().ok_or(Facet::Choices)?.choose(&of(false))?;
        let (mut planted, mut itself) = (planted.into_iter(), itself.into_iter());
        let next = |cut: bool| if cut { planted.next() } else { itself.next() };
        Ok(cut.into_iter().map_while(next).collect())
    }
}

impl Answers for PlantedAtBoundaries {
    fn prompt(&self, messages: &[Message]) -> Result<Prompt, ModelError> {
        Self::answers_of(&*self.itself)?.prompt(messages)
    }

    fn prompt_of(&self, probe: &Probe, messages: &[Message]) -> Result<Prompt, ModelError> {
        let prompt = Self::answers_of(&*self.itself)?.prompt_of(probe, messages)?;
        if probe.boundary.is_some() {
            remember(&self.prompts, prompt.clone());
        }
        Ok(prompt)
    }

    fn tool_protocol(&self) -> Result<ToolProtocol, ModelError> {
        self.itself.answers().map_or(Ok(ToolProtocol::Json), |answers| answers.tool_protocol())
    }

    fn draws_by_number(&self) -> bool {
        self.itself.answers().is_some_and(|answers| answers.draws_by_number())
    }

    fn is_paid_for(&self) -> bool {
        self.itself.answers().is_some_and(|answers| answers.is_paid_for())
    }

    fn cost(&self, read: u64, drawn: u64) -> Option<f64> {
        self.itself.answers()?.cost(read, drawn)
    }

    fn converse(&self, conversation: &Conversation<'_>) -> Result<Prompt, ModelError> {
        Self::answers_of(&*self.itself)?.converse(conversation)
    }

    fn answer(
        &self,
        requests: &[SampleRequest],
        parameters: &SamplingParameters,
        limits: &SampleLimits,
        watch: &mut dyn FnMut(SampleStep) -> ControlFlow<()>,
    ) -> Result<(), ModelError> {
        let mut ended = false;
        let (cut, whole): (Vec<_>, Vec<_>) =
            requests.iter().cloned().enumerate().partition(|(_, request)| knows(&self.prompts, &request.prompt));
        for (part, model) in [(whole, &self.itself as &dyn Model), (cut, &self.planted as &dyn Model)] {
            if ended {
                break;
            }
            let part: Part = part.into_iter().collect();
            part.answer(Self::answers_of(model)?, parameters, limits, &mut |step| {
                let flow = watch(step);
                ended = flow.is_break();
                flow
            })?;
        }
        Ok(())
    }
}
