//! Asks canaries: a few short prompts, each twice at a time, from whose answers a model that changes under its name is noticed. Providers
//! do not answer twice alike even without chance, so one asking says nothing: two at a time say how far apart a model's own answers are.

use std::ops::ControlFlow;

use hydrometer_answers::{CanaryAnswer, CanaryPrompt, SamplingParameters};
use hydrometer_models::{
    Answers, CHECK_MARK, Facet, FirstTokens, Letters, Message, Model, ModelError, Prompt, SampleLimits, SampleRequest,
    SampleStep,
};
use hydrometer_probes::Decoding;

/// What is asked: what each model puts in words of its own, and no two alike. Enough that a change of all of them is no chance.
const PROMPTS: [&str; 8] = [
    "Begin a story about a lighthouse keeper.",
    "Describe the taste of rain in one sentence.",
    "Invent a name for a small boat and say why.",
    "Name an unusual use of a spoon.",
    "Write the first line of a poem about bread.",
    "Explain in one sentence why the sky is blue.",
    "Go on: The old clock on the wall",
    "Say something surprising about numbers.",
];
/// How often each is asked at a time.
const TIMES: usize = 2;
/// Longest answer in tokens, where words are compared.
const LONGEST: u32 = 12;
/// Questions under way at once.
const AT_ONCE: usize = 4;

/// Questions of one time.
pub const CANARY_QUESTIONS: usize = PROMPTS.len() * TIMES;

/// Asks an endpoint its canaries: for the most probable first tokens where it shows them, else for the most probable words.
///
/// # Errors
/// The model answers nothing, or it fails.
pub fn canaries(model: &dyn Model) -> Result<Vec<CanaryPrompt>, ModelError> {
    let answers = model.answers().ok_or(ModelError::from(Facet::Answers))?;
    let words: Vec<String> = PROMPTS.iter().map(|prompt| format!("{CHECK_MARK} {prompt}")).collect();
    let ask = |words: &String| answers.prompt(&[Message { role: "user".to_owned(), content: words.clone() }]);
    let prompts: Vec<Prompt> = words.iter().map(ask).collect::<Result<_, _>>()?;
    let found = match model.letters() {
        Some(letters) if letters.shows_first_tokens()? => first_tokens(letters, &prompts)?,
        _ => most_probable_words(answers, &prompts)?,
    };
    let pair = |(prompt, found): (String, [Option<CanaryAnswer>; TIMES])| {
        let [first, second] = found;
        Some(CanaryPrompt { prompt, answers: [first?, second?] })
    };
    Ok(words.into_iter().zip(found).filter_map(pair).collect())
}

type Found = Vec<[Option<CanaryAnswer>; TIMES]>;

fn first_tokens(letters: &dyn Letters, prompts: &[Prompt]) -> Result<Found, ModelError> {
    let mut found: Found = vec![[None, None]; prompts.len()];
    // The second time after all of the first: what a server gives because of what it was asked just before is part of the floor.
    let jobs: Vec<&Prompt> = prompts.iter().chain(prompts.iter().rev()).collect();
    let place = |job: usize| if job < prompts.len() { (job, 0) } else { (2 * prompts.len() - 1 - job, 1) };
    letters.first_tokens(&jobs, AT_ONCE, &mut |came| {
        if let Some((job, FirstTokens { listed, others, .. })) = came {
            let (prompt, time) = place(job);
            let shown = !listed.is_empty();
            found[prompt][time] = shown.then_some(CanaryAnswer::FirstTokens { listed, others });
        }
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

fn most_probable_words(answers: &dyn Answers, prompts: &[Prompt]) -> Result<Found, ModelError> {
    let mut found: Found = vec![[None, None]; prompts.len()];
    let request = |(place, prompt): (usize, &Prompt)| SampleRequest {
        key: format!("canary {place}"),
        prompt: prompt.clone(),
        samples: (0..TIMES as u32).collect(),
        max_tokens: Some(LONGEST),
        stop: Vec::new(),
        decoding: Decoding::Greedy,
    };
    let requests: Vec<SampleRequest> = prompts.iter().enumerate().map(request).collect();
    let parameters =
        SamplingParameters { temperature: 1.0, top_p: 1.0, top_k: 0, max_tokens: LONGEST, stop: Vec::new(), seed: 0 };
    let limits = SampleLimits { width: AT_ONCE, memory: 1 << 30 };
    answers.answer(&requests, &parameters, &limits, &mut |step| {
        if let SampleStep::Answer(answer) = step {
            // Thoughts are not shown: no words say nothing of the model.
            let said = Some(answer.text).filter(|text| !text.trim().is_empty());
            found[answer.request][answer.sample as usize] = said.map(CanaryAnswer::Words);
        }
        ControlFlow::Continue(())
    })?;
    Ok(found)
}
