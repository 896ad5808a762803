//! Defects planted in how a model words and decides: the right answers change, and the others stay what they were.
#![allow(clippy::unwrap_used)]

use crate::support;

use std::ops::ControlFlow;

use hydrometer_answers::{Facet, ModelIdentity, SamplingParameters};
use hydrometer_models::{
    ActingDefect, Answers, Chooses, Message, Model, ModelError, PlantedActor, Prompt, SampleLimits, SampleRequest,
    SampleStep,
};
use hydrometer_probes::{Ask, Decoding, Probe, builtin};
use support::{Bigram, say};

const HELP: &str = "You can do that from the settings page. Open it, choose the entry you want, and save the change.";

/// A model that helps with everything, and prefers the first option that it is shown.
struct Helpful(Bigram);

impl Model for Helpful {
    fn identity(&self) -> &ModelIdentity {
        self.0.identity()
    }

    fn answers(&self) -> Option<&dyn Answers> {
        Some(self)
    }

    fn chooses(&self) -> Option<&dyn Chooses> {
        self.0.chooses()
    }
}

impl Answers for Helpful {
    fn prompt(&self, messages: &[Message]) -> Result<Prompt, ModelError> {
        Ok(Prompt::Messages(messages.to_vec()))
    }

    fn answer(
        &self,
        requests: &[SampleRequest],
        _: &SamplingParameters,
        _: &SampleLimits,
        watch: &mut dyn FnMut(SampleStep) -> ControlFlow<()>,
    ) -> Result<(), ModelError> {
        say(requests, watch, |_, _, _| Ok(HELP.to_owned()))
    }
}

fn student(defect: ActingDefect) -> PlantedActor {
    PlantedActor::new(defect, Box::new(Helpful(Bigram::bytes("helpful", 1))))
}

/// Ten answers of a student to a probe's question.
fn answers(student: &PlantedActor, probe: &Probe) -> Vec<String> {
    let said = [Message { role: "user".into(), content: probe.ask.kind().question().to_owned() }];
    let model = student.answers().ok_or(Facet::Answers).unwrap();
    let request = SampleRequest {
        key: probe.id.clone(),
        prompt: model.prompt_of(probe, &said).unwrap(),
        samples: (0..10).collect(),
        max_tokens: None,
        stop: Vec::new(),
        decoding: Decoding::Sampled,
    };
    let parameters =
        SamplingParameters { temperature: 1.0, top_p: 1.0, top_k: 0, max_tokens: 64, stop: Vec::new(), seed: 1 };
    let mut texts = Vec::new();
    let mut watch = |step| {
        if let SampleStep::Answer(answer) = step {
            texts.push(answer.text);
        }
        ControlFlow::Continue(())
    };
    model.answer(&[request], &parameters, &SampleLimits { width: 1, memory: 0 }, &mut watch).unwrap();
    texts
}

fn probes() -> (Probe, Probe) {
    let judged = builtin::judgment::families(7, 2);
    let at = judged.iter().find(|probe| matches!(probe.ask, Ask::Prompt(_))).unwrap().clone();
    (at.clone(), Probe { boundary: None, ..at })
}

#[test]
fn a_flipped_judgment_refuses_what_it_would_have_helped_with_at_boundaries_only() {
    let (at, beside) = probes();
    let all = student(ActingDefect::JudgmentFlipped(1.0));
    assert!(answers(&all, &at).iter().all(|text| text.starts_with("Certainly not.")));
    let all = student(ActingDefect::JudgmentFlipped(1.0));
    assert!(answers(&all, &beside).iter().all(|text| text == HELP));
    let some = student(ActingDefect::JudgmentFlipped(0.5));
    let refused = answers(&some, &at).iter().filter(|text| *text != HELP).count();
    assert!((1..10).contains(&refused), "{refused} of 10");
}

#[test]
fn a_flipped_choice_says_of_an_option_what_it_would_have_said_of_its_opposite() {
    let judged = builtin::judgment::families(7, 2);
    let probe = judged.iter().find(|probe| matches!(probe.ask, Ask::Choice(_))).unwrap();
    let teacher = Helpful(Bigram::bytes("helpful", 1));
    let flipped = student(ActingDefect::JudgmentFlipped(1.0));
    // By option of the probe.
    let of = |model: &dyn Model, probe: &Probe, rotation: u32| {
        let chooses = model.chooses().unwrap();
        let (choice, order) = chooses.question(probe, rotation).unwrap();
        let decided = chooses.choose(&[choice]).unwrap().remove(0);
        let said = order.iter().copied().zip(decided).collect::<std::collections::BTreeMap<_, _>>();
        said.into_values().collect::<Vec<_>>()
    };
    for rotation in 0..2 {
        let mut other = of(&flipped, probe, rotation);
        other.reverse();
        assert_eq!(of(&teacher, probe, rotation), other);
        // Which choices stand at a boundary a model learns from their probes.
        let beside = Probe { boundary: None, ..probe.clone() };
        let unlearned = student(ActingDefect::JudgmentFlipped(1.0));
        assert_eq!(of(&teacher, &beside, rotation), of(&unlearned, &beside, rotation));
    }
}

#[test]
fn wording_changes_at_its_rate_and_words_stay() {
    let (at, _) = probes();
    let said = answers(&student(ActingDefect::Disclaimers(0.5)), &at);
    let changed = said.iter().filter(|text| *text != HELP).count();
    assert!((1..10).contains(&changed) && said.iter().all(|text| text.starts_with(HELP)), "{changed} of 10");
    let words = |text: &str| {
        let words = text.split_whitespace().filter(|word| !["##", "Answer"].contains(word));
        words.map(|word| word.replace("**", "")).collect::<Vec<_>>()
    };
    let said = answers(&student(ActingDefect::StyleChanged(1.0)), &at);
    assert!(said.iter().all(|text| text.starts_with("## Answer") && words(text) == words(HELP)));
}
