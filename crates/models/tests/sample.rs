//! Sampled answers: what is drawn depends on nothing but model, prompt, parameters and number.
#![allow(clippy::unwrap_used)]

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use hydrometer_answers::{FinishReason, ModelIdentity, SamplingParameters};
use hydrometer_models::{
    Answer, Block, EngineOptions, Feed, Grows, Model, ModelError, Precision, Prompt, SampleLimits, SampleRequest,
    SampleStep, Scripted, Sequence, Session, Tokenizer, open, sample,
};

const TINY: [&str; 4] = ["tiny-llama", "tiny-qwen2", "tiny-qwen3", "tiny-gemma3"];

fn tiny(name: &str) -> Box<dyn Model> {
    planted(name, |path| path)
}

fn planted(name: &str, spec: impl Fn(String) -> String) -> Box<dyn Model> {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(name);
    let options = EngineOptions { precision: Precision::F32 };
    open(&spec(path.display().to_string()), &options).unwrap()
}

fn parameters(temperature: f64, max_tokens: u32) -> SamplingParameters {
    SamplingParameters { temperature, top_p: 1.0, top_k: 0, max_tokens, stop: Vec::new(), seed: 11 }
}

const WIDE: SampleLimits = SampleLimits { width: 64, memory: u64::MAX };

/// Answers in the order of requests and samples.
fn answers(
    model: &dyn Model,
    requests: &[SampleRequest],
    parameters: &SamplingParameters,
    limits: &SampleLimits,
) -> Result<Vec<Answer>, ModelError> {
    let mut answers = Vec::new();
    sample(model, requests, parameters, limits, &mut |step| {
        if let SampleStep::Answer(answer) = step {
            answers.push(answer);
        }
        ControlFlow::Continue(())
    })?;
    answers.sort_by_key(|answer| (answer.request, answer.sample));
    Ok(answers)
}

fn request(key: &str, prompt: Vec<u32>, samples: u32) -> SampleRequest {
    SampleRequest {
        key: key.into(),
        prompt: Prompt::Tokens(prompt),
        samples: (0..samples).collect(),
        max_tokens: None,
        stop: Vec::new(),
        decoding: hydrometer_probes::Decoding::Sampled,
    }
}

fn prompt(model: &dyn Model, length: u32, salt: u32) -> Vec<u32> {
    let vocab = model.identity().logit_width();
    (0..length).map(|i| (i * i * 7 + i * salt + salt) % vocab).collect()
}

fn last_row(model: &dyn Model, tokens: &[u32]) -> Vec<f32> {
    let rows = vec![tokens.len() as u32 - 1];
    let block = Block { sequences: vec![Sequence { tokens: tokens.to_vec(), rows }] };
    let mut row = vec![0.0; model.identity().logit_width() as usize];
    model.scores().unwrap().score(&block).unwrap().read(0..1, &mut row).unwrap();
    row
}

#[test]
fn growing_sequences_give_exactly_the_logits_of_scoring() {
    // Without kept weights, with some of them, with all.
    for (name, spare) in TINY.into_iter().flat_map(|name| [0, 100_000, u64::MAX].map(|spare| (name, spare))) {
        let model = tiny(name);
        let vocab = model.identity().logit_width() as usize;
        let (a, b) = (prompt(&*model, 75, 3), prompt(&*model, 40, 5));
        let mut session = model.grows().unwrap().session(spare).unwrap();
        let mut logits = vec![0.0; 2 * vocab];
        let (first, second) = (session.open(), session.open());
        // Unequal pieces that end inside pages and on their borders.
        let pieces = [(30, 1), (2, 31), (1, 1), (31, 6), (11, 1)];
        let (mut at, mut bt) = (0, 0);
        for (n, m) in pieces {
            let feeds =
                [Feed { sequence: second, tokens: &b[bt..bt + m] }, Feed { sequence: first, tokens: &a[at..at + n] }];
            session.advance(&feeds, &mut logits).unwrap();
            (at, bt) = (at + n, bt + m);
            assert_eq!(logits[..vocab], last_row(&*model, &b[..bt]), "{name}");
            assert_eq!(logits[vocab..], last_row(&*model, &a[..at]), "{name}");
        }
        // A fork goes its own way, and what it came from does not notice.
        let fork = session.fork(first).unwrap();
        let feeds = [Feed { sequence: fork, tokens: &[1, 2] }, Feed { sequence: first, tokens: &[3] }];
        session.advance(&feeds, &mut logits).unwrap();
        assert_eq!(logits[..vocab], last_row(&*model, &[&a[..], &[1, 2]].concat()), "{name}");
        assert_eq!(logits[vocab..], last_row(&*model, &[&a[..], &[3]].concat()), "{name}");
        session.close(second);
        assert!(session.advance(&[Feed { sequence: second, tokens: &[1] }], &mut logits[..vocab]).is_err());
        assert!(session.advance(&[Feed { sequence: first, tokens: &[] }], &mut logits[..vocab]).is_err());
        assert!(session.advance(&[], &mut []).is_err());
    }
}

#[test]
fn neither_batching_nor_order_nor_memory_changes_an_answer() {
    for name in ["tiny-qwen2", "tiny-gemma3"] {
        let model = tiny(name);
        let requests: Vec<_> =
            (0..5).map(|i| request(&format!("p{i}"), prompt(&*model, 5 + 9 * i, i + 1), 1 + i % 3)).collect();
        let parameters = parameters(1.0, 24);
        let expected = answers(&*model, &requests, &parameters, &WIDE).unwrap();
        assert_eq!(expected.len(), requests.iter().map(|r| r.samples.len()).sum::<usize>());
        let one = SampleLimits { width: 1, ..WIDE };
        assert_eq!(answers(&*model, &requests, &parameters, &one).unwrap(), expected);
        let poor = SampleLimits { memory: model.grows().unwrap().position_bytes() * 100, ..WIDE };
        assert_eq!(answers(&*model, &requests, &parameters, &poor).unwrap(), expected);
        // Another order, and only a late sample of one prompt.
        let mut turned: Vec<_> = requests.iter().rev().cloned().collect();
        turned[2].samples = vec![2];
        let found = answers(&*model, &turned, &parameters, &WIDE).unwrap();
        for answer in found {
            let same = expected.iter().find(|e| e.request == 4 - answer.request && e.sample == answer.sample).unwrap();
            assert_eq!((&answer.tokens, &answer.text), (&same.tokens, &same.text));
        }
        let texts: std::collections::HashSet<_> = expected.iter().map(|answer| &answer.text).collect();
        assert!(texts.len() > 5, "different prompts and samples give different answers");
    }
}

/// Conversations of several turns, some of which end, begin late or read otherwise what they said.
#[test]
fn conversations_give_the_same_answers_and_read_only_what_is_new() {
    for (name, memory) in ["tiny-qwen2", "tiny-gemma3"].into_iter().flat_map(|name| [(name, 100), (name, 1 << 20)]) {
        let model = tiny(name);
        let limits = SampleLimits { memory: model.grows().unwrap().position_bytes() * memory, ..WIDE };
        let mut conversations = model.answers().unwrap().conversations(&limits).unwrap().unwrap();
        let (parameters, vocab) = (parameters(1.0, 24), model.identity().logit_width());
        let head = prompt(&*model, 40, 9);
        let begin = |talk: u32| {
            let first = [head.clone(), prompt(&*model, 10 + talk, talk)].concat();
            request(&format!("{talk} in 0"), first, if talk == 1 { 2 } else { 1 })
        };
        let mut asked: Vec<SampleRequest> = (0..4).map(begin).collect();
        let mut places: Vec<(u32, u32)> = (0..4).map(|talk| (talk, 0)).collect();
        let (mut came, mut read) = (Vec::new(), 0);
        let first = asked.clone();
        let go_on = &mut |step| {
            let answer = match step {
                SampleStep::Answer(answer) => answer,
                SampleStep::Progress { read: now, .. } => {
                    read += now;
                    return ControlFlow::Continue(Vec::new());
                }
            };
            let (mut next, (talk, turn)) = (Vec::new(), places[answer.request]);
            // The first one ends early, and with it the last one begins.
            if answer.sample == 0 && turn < if talk == 0 { 1 } else { 4 } {
                let drawn = answer.tokens.iter().map(|draw| draw.token);
                let mut tokens: Vec<u32> = prompt_of(&asked[answer.request]).iter().copied().chain(drawn).collect();
                if talk == 2 {
                    // What it said is read otherwise from here on.
                    *tokens.last_mut().unwrap() = (tokens.last().unwrap() + 1) % vocab;
                }
                tokens.extend(prompt(&*model, 3, turn));
                next.push(((talk, turn + 1), request(&format!("{talk} in {}", turn + 1), tokens, 1)));
            } else if talk == 0 {
                next.push(((4, 0), begin(4)));
            }
            places.extend(next.iter().map(|(place, _)| *place));
            asked.extend(next.iter().map(|(_, request)| request.clone()));
            came.push(answer);
            ControlFlow::Continue(next.into_iter().map(|(_, request)| request).collect())
        };
        conversations.answer(first, &parameters, go_on).unwrap();
        assert_eq!((came.len(), asked.len()), (2 + 4 * 5 + 1, 2 + 4 * 5));
        came.sort_by_key(|answer| (answer.request, answer.sample));
        assert_eq!(answers(&*model, &asked, &parameters, &limits).unwrap(), came, "{name}");
        let all: usize = asked.iter().map(|request| prompt_of(request).len()).sum();
        assert!(memory == 100 || read * 3 < all as u64, "{name}: {read} of {all} tokens read");
    }
}

/// A request that is refused in the middle takes no answer with it that is complete.
#[test]
fn an_answer_is_handed_out_beside_a_request_that_is_refused() {
    let model = tiny("tiny-qwen2");
    let mut conversations = model.answers().unwrap().conversations(&WIDE).unwrap().unwrap();
    let requests: Vec<_> = (0..3).map(|i| request(&format!("{i}"), prompt(&*model, 9, i), 1)).collect();
    let mut came = 0;
    let go_on = &mut |step| {
        came += u32::from(matches!(step, SampleStep::Answer(_)));
        let empty = || request("empty", Vec::new(), 1);
        ControlFlow::Continue(if matches!(step, SampleStep::Answer(_)) { vec![empty()] } else { Vec::new() })
    };
    let error = conversations.answer(requests, &parameters(1.0, 1), go_on).unwrap_err();
    assert!(error.to_string().contains("`empty` has no token"), "{error}");
    assert_eq!(came, 3);
}

fn prompt_of(request: &SampleRequest) -> &[u32] {
    let Prompt::Tokens(tokens) = &request.prompt else { unreachable!() };
    tokens
}

#[test]
fn log_probabilities_are_those_of_scoring() {
    let plain = tiny("tiny-qwen3");
    let sharpened = planted("tiny-qwen3", |path| format!("planted:temperature=0.5({path})"));
    let permuted = planted("tiny-qwen3", |path| format!("planted:tail_permuted=0.5({path})"));
    for model in [plain, sharpened, permuted] {
        let request = request("p", prompt(&*model, 12, 2), 2);
        for answer in answers(&*model, std::slice::from_ref(&request), &parameters(1.0, 20), &WIDE).unwrap() {
            let Prompt::Tokens(mut tokens) = request.prompt.clone() else { unreachable!("made of tokens") };
            for draw in answer.tokens {
                let row = last_row(&*model, &tokens);
                let sum: f64 = row.iter().map(|&logit| f64::from(logit).exp()).sum();
                let expected = f64::from(row[draw.token as usize]) - sum.ln();
                assert!((f64::from(draw.logprob) - expected).abs() < 1e-5, "{} {expected}", draw.logprob);
                tokens.push(draw.token);
            }
        }
    }
}

const SCRIPT: &str = r#"
vocabulary = ["<s>", "</s>", "q", "a", "b", "."]
bos = "<s>"
eos = "</s>"

[default]
probabilities = { "</s>" = 1.0 }

[[rule]]
after = "q"
probabilities = { a = 0.75, b = 0.25 }

[[rule]]
after = "a"
probabilities = { "." = 1.0 }

[[rule]]
after = "b"
probabilities = { b = 1.0 }
"#;

fn scripted() -> Scripted {
    Scripted::parse(Path::new("model.toml"), SCRIPT).unwrap()
}

#[test]
fn answers_end_where_they_should() {
    let model = scripted();
    let found = answers(&model, &[request("p", vec![0, 2], 400)], &parameters(1.0, 3), &WIDE).unwrap();
    let short: Vec<_> = found.iter().filter(|answer| answer.text == "a.").collect();
    let long: Vec<_> = found.iter().filter(|answer| answer.text == "bbb").collect();
    assert_eq!(short.len() + long.len(), 400);
    assert!(short.iter().all(|answer| answer.finish == FinishReason::Stop && answer.tokens.len() == 3));
    assert!(long.iter().all(|answer| answer.finish == FinishReason::Length && answer.tokens.len() == 3));
    // Five standard errors of a share of 400 draws.
    assert!((long.len() as f64 / 400.0 - 0.25).abs() < 5.0 * (0.25 * 0.75 / 400f64).sqrt(), "{}", long.len());

    let mut stopping = parameters(1.0, 10);
    stopping.stop = vec!["bb".into()];
    let mut asked = request("p", vec![0, 2], 40);
    asked.stop = vec![".".into(), String::new()];
    for answer in answers(&model, &[asked], &stopping, &WIDE).unwrap() {
        assert!(answer.text == "a" || answer.text.is_empty(), "{}", answer.text);
        assert_eq!(answer.finish, FinishReason::Stop);
    }
}

#[test]
fn a_watcher_can_end_it_and_progress_adds_up() {
    let model = scripted();
    let requests = [request("p", vec![0, 2], 20), request("q", vec![0, 2, 3, 5, 2], 1)];
    let (mut read, mut drawn, mut tokens) = (0, 0, 0);
    sample(&model, &requests, &parameters(1.0, 3), &SampleLimits { width: 4, ..WIDE }, &mut |step| {
        match step {
            SampleStep::Progress { read: r, drawn: d } => (read, drawn) = (read + r, drawn + d),
            SampleStep::Answer(answer) => tokens += answer.tokens.len() as u64,
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!((read, drawn), (7, tokens));

    let mut steps = 0;
    sample(&model, &requests, &parameters(1.0, 3), &WIDE, &mut |_| {
        steps += 1;
        ControlFlow::Break(())
    })
    .unwrap();
    assert_eq!(steps, 1);
}

/// A model whose sequence `broken` has no distribution from step `step` on.
struct Breaking {
    inner: Scripted,
    step: usize,
    broken: usize,
}

impl Model for Breaking {
    fn identity(&self) -> &ModelIdentity {
        self.inner.identity()
    }
    fn tokens(&self) -> Option<&Tokenizer> {
        self.inner.tokens()
    }
    fn grows(&self) -> Option<&dyn Grows> {
        Some(self)
    }
}

impl Grows for Breaking {
    fn session<'a>(&'a self, spare: u64) -> Result<Box<dyn Session + 'a>, ModelError> {
        let inner = self.inner.session(spare)?;
        Ok(Box::new(BreakingSession { inner, step: self.step, broken: self.broken }))
    }
}

struct BreakingSession<'a> {
    inner: Box<dyn Session + 'a>,
    step: usize,
    broken: usize,
}

impl Session for BreakingSession<'_> {
    fn open(&mut self) -> usize {
        self.inner.open()
    }
    fn fork(&mut self, sequence: usize) -> Result<usize, ModelError> {
        self.inner.fork(sequence)
    }
    fn close(&mut self, sequence: usize) {
        self.inner.close(sequence);
    }
    fn advance(&mut self, feeds: &[Feed<'_>], logits: &mut [f32]) -> Result<(), ModelError> {
        self.inner.advance(feeds, logits)?;
        if self.step == 0 {
            let vocab = logits.len() / feeds.len();
            logits[self.broken * vocab..][..vocab].fill(f32::NAN);
        }
        self.step = self.step.saturating_sub(1);
        Ok(())
    }
}

/// Three answers of two, two and five tokens; the longest, which begins first, fails in the very step that completes the short ones.
#[test]
fn what_is_complete_is_handed_out_before_an_error() {
    let of = |key: &str, longest| SampleRequest { max_tokens: Some(longest), ..request(key, vec![0, 2], 1) };
    let requests = [of("p", 2), of("q", 2), of("r", 5)];
    let model = Breaking { inner: scripted(), step: 1, broken: 0 };
    let mut complete = Vec::new();
    let result = sample(&model, &requests, &parameters(1.0, 9), &WIDE, &mut |step| {
        if let SampleStep::Answer(answer) = step {
            complete.push(answer.request);
        }
        ControlFlow::Continue(())
    });
    assert!(matches!(result, Err(ModelError::NotFinite { .. })), "{result:?}");
    assert_eq!(complete, [0, 1]);
}

#[test]
fn who_breaks_off_still_gets_what_is_complete() {
    let requests = [request("p", vec![0, 2], 5)];
    let mut complete = Vec::new();
    sample(&scripted(), &requests, &parameters(1.0, 1), &WIDE, &mut |step| match step {
        SampleStep::Answer(answer) => {
            complete.push(answer.sample);
            ControlFlow::Break(())
        }
        SampleStep::Progress { .. } => ControlFlow::Continue(()),
    })
    .unwrap();
    assert_eq!(complete, [0, 1, 2, 3, 4]);
}

#[test]
fn impossible_requests_are_refused() {
    let model = scripted();
    let check = |request: SampleRequest, parameters: SamplingParameters, expect: &str| {
        let found = answers(&model, &[request], &parameters, &WIDE).unwrap_err().to_string();
        assert!(found.contains(expect), "{found}");
    };
    check(request("p", vec![], 1), parameters(1.0, 3), "the prompt of `p` has no token");
    check(request("p", vec![9], 1), parameters(1.0, 3), "9");
    check(request("p", vec![0], 1), parameters(-1.0, 3), "temperature is -1");
    check(request("p", vec![0], 1), parameters(f64::NAN, 3), "temperature is NaN");
    check(request("p", vec![0], 1), SamplingParameters { top_p: 0.0, ..parameters(1.0, 3) }, "top_p is 0");
    check(request("p", vec![0], 1), parameters(1.0, 0), "max_tokens is 0");
    check(request("p", vec![0; 4000], 1), parameters(1.0, u32::MAX), "context");
}
