//! Batches of both providers that have them: every way in which one may end, and who is killed in between. Shapes as the providers' own
//! libraries declare them.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use hydrometer_answers::SamplingParameters;
use hydrometer_answers::store::BatchRecords;
use hydrometer_models::{
    BatchStep, Budget, EngineOptions, Message, Model, ModelError, Network, NoTime, Precision, Prices, Purse,
    SampleRequest, SampleStep, ScriptedServer, Served, Spent, open_with,
};
use hydrometer_probes::Decoding;
use tempfile::TempDir;

use crate::served;

use served::{Fault, Kept, anthropic, no, questions, serve};

const PROVIDERS: [&str; 2] = ["openai", "anthropic"];

/// A folder of records, and who asks.
struct Bench {
    home: TempDir,
    server: ScriptedServer,
    provider: &'static str,
}

/// What came of asking.
#[derive(Debug)]
struct Came {
    /// By request and sample.
    answers: BTreeMap<(usize, u32), String>,
    says: Vec<String>,
    looks: Vec<String>,
    ended: Result<(), ModelError>,
}

impl Bench {
    fn new(provider: &'static str, fault: Fault) -> Bench {
        Bench { home: tempfile::tempdir().unwrap(), server: serve(provider, fault), provider }
    }

    fn records(&self) -> BatchRecords {
        BatchRecords::of(self.home.path())
    }

    fn open(&self, purse: Option<Arc<Purse>>) -> Result<Box<dyn Model>, ModelError> {
        let spec = format!("{}:{}#big", self.provider, self.server.address());
        let network = Network::without_keys().timed_by(Arc::new(NoTime)).in_batches(true);
        let network = match purse {
            Some(purse) => network.paying(purse),
            None => network,
        };
        open_with(&spec, &EngineOptions { precision: Precision::F32 }, &network)
    }

    /// Asks four prompts twice each, but for what `has` says is there; ends after so many answers.
    fn ask(&self, model: &dyn Model, has: &BTreeMap<(usize, u32), String>, most: usize) -> Came {
        let request = |place: usize| SampleRequest {
            key: format!("p{place}"),
            prompt: model.answers().unwrap().prompt(&[Message::user(format!("prompt {place}"))]).unwrap(),
            samples: (0..2).filter(|sample| !has.contains_key(&(place, *sample))).collect(),
            max_tokens: Some(8),
            stop: Vec::new(),
            decoding: Decoding::Sampled,
        };
        let requests: Vec<_> = (0..4).map(request).collect();
        let parameters =
            SamplingParameters { temperature: 1.0, top_p: 1.0, top_k: 0, max_tokens: 8, stop: Vec::new(), seed: 1 };
        let mut came = Came { answers: has.clone(), says: Vec::new(), looks: Vec::new(), ended: Ok(()) };
        let mut new = 0;
        let together = model.answers().unwrap().together().unwrap();
        let ended = together.answer_together(&requests, &parameters, &self.records(), &mut |step| {
            match step {
                BatchStep::Came(SampleStep::Answer(answer)) => {
                    new += 1;
                    let before = came.answers.insert((answer.request, answer.sample), answer.text);
                    assert!(before.is_none(), "an answer came twice");
                }
                BatchStep::Came(SampleStep::Progress { .. }) => {}
                BatchStep::Looked(state) => came.looks.push(state.said),
                BatchStep::Says(words) => came.says.push(words),
            }
            if new >= most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        Came { ended, ..came }
    }

    /// In one go.
    fn all(provider: &'static str, fault: Fault) -> (Bench, Came) {
        let bench = Bench::new(provider, fault);
        let model = bench.open(None).unwrap();
        let came = bench.ask(&*model, &BTreeMap::new(), usize::MAX);
        (bench, came)
    }

    /// How many questions each batch held.
    fn batches(&self) -> Vec<usize> {
        questions(self.provider, &self.server)
    }
}

fn whole() -> BTreeMap<(usize, u32), String> {
    (0..4).flat_map(|place| (0..2).map(move |sample| ((place, sample), format!("to prompt {place}")))).collect()
}

/// All answers come, in batches of these sizes, and something is said.
fn check(fault: Fault, batches: &[usize], says: &str) {
    for provider in PROVIDERS {
        let (bench, came) = Bench::all(provider, fault);
        came.ended.as_ref().unwrap_or_else(|error| panic!("{provider} {fault:?}: {error}"));
        assert_eq!(came.answers, whole(), "{provider} {fault:?}");
        assert_eq!(bench.batches(), batches, "{provider} {fault:?}");
        let said = came.says.join("; ");
        assert!(said.contains(says) && said.is_empty() == says.is_empty(), "{provider} {fault:?}: {said}");
        assert!(bench.records().all().unwrap().is_empty(), "{provider} {fault:?}: nothing is under way");
    }
}

/// Asking ends with an error and so many answers; the same command then has the rest, in batches of these sizes.
fn check_end(fault: Fault, answers: usize, error: &str, batches: &[usize]) {
    for provider in PROVIDERS {
        let (bench, came) = Bench::all(provider, fault);
        let found = came.ended.unwrap_err().to_string();
        assert!(found.contains(error), "{provider} {fault:?}: {found}");
        assert_eq!(came.answers.len(), answers, "{provider} {fault:?}");
        let model = bench.open(None).unwrap();
        let then = bench.ask(&*model, &came.answers, usize::MAX);
        then.ended.unwrap();
        assert_eq!(then.answers, whole(), "{provider} {fault:?}");
        assert_eq!(bench.batches(), batches, "{provider} {fault:?}");
    }
}

#[test]
fn answers_come_whatever_the_order_and_however_long_it_takes() {
    check(Fault::Nothing, &[8], "");
    check(Fault::Waits(5), &[8], "");
    check(Fault::OtherOrder, &[8], "");
    let (_, came) = Bench::all("openai", Fault::Waits(2));
    assert_eq!(came.looks, ["in_progress", "in_progress", "completed"]);
    let (_, came) = Bench::all("anthropic", Fault::Waits(2));
    assert_eq!(came.looks, ["in_progress", "in_progress", "ended"]);
}

#[test]
fn what_a_batch_did_not_ask_is_asked_again() {
    check(Fault::Expired, &[8, 4], "without 4 answers (4 ×");
    check(Fault::PartlyFailed, &[8, 4], "HTTP 529: busy); they are asked again");
    check(Fault::Lost, &[8, 8], "is not known to the server any more");
    check(Fault::Unknown, &[8], "1 result of questions that it was not given");
}

#[test]
fn torn_results_are_read_again_before_anything_is_asked_again() {
    check(Fault::Torn(2), &[8], "");
    check(Fault::Torn(99), &[8, 1], "1 without a result); they are asked again");
}

#[test]
fn what_ends_a_command_keeps_what_there_is() {
    check_end(Fault::Cancelled, 4, "it was cancelled", &[8, 4]);
    check_end(Fault::PartlyRefused, 7, "this is not allowed", &[8, 1]);
    check_end(Fault::OtherModel, 0, "another model is served under the name", &[8, 8]);
}

#[test]
fn a_batch_that_is_refused_is_an_error_and_nothing_is_under_way() {
    for provider in PROVIDERS {
        let (bench, came) = Bench::all(provider, Fault::Refused);
        let found = came.ended.unwrap_err().to_string();
        assert!(found.contains("Enqueued token limit reached"), "{found}");
        assert!(bench.records().all().unwrap().is_empty());
    }
}

#[test]
fn results_of_something_else_are_no_reason_to_ask_again() {
    for provider in PROVIDERS {
        let (bench, came) = Bench::all(provider, Fault::AllUnknown);
        let found = came.ended.unwrap_err().to_string();
        assert!(found.contains("found 8 lines of something else"), "{found}");
        assert_eq!(bench.batches(), [8], "what may be paid for is not asked again");
        assert_eq!(bench.records().all().unwrap().len(), 1);
    }
}

#[test]
fn a_prompt_that_is_too_long_is_an_answer_as_when_it_is_asked_by_itself() {
    for provider in PROVIDERS {
        let (bench, came) = Bench::all(provider, Fault::TooLong);
        came.ended.unwrap();
        assert_eq!(came.answers.values().filter(|text| text.is_empty()).count(), 1, "{provider}");
        assert_eq!(bench.batches(), [8]);
    }
}

#[test]
fn a_batch_whose_creation_was_not_heard_of_is_found_and_not_created_again() {
    check(Fault::CreatedUnheard, &[8], "");
}

#[test]
fn whoever_comes_after_an_interruption_goes_on_with_the_same_batch() {
    for provider in PROVIDERS {
        let bench = Bench::new(provider, Fault::Nothing);
        let model = bench.open(None).unwrap();
        let first = bench.ask(&*model, &BTreeMap::new(), 3);
        first.ended.unwrap();
        assert_eq!(first.answers.len(), 3);
        assert_eq!(bench.records().all().unwrap().len(), 1, "it is under way until all of it is kept");
        let then = bench.ask(&*bench.open(None).unwrap(), &first.answers, usize::MAX);
        then.ended.unwrap();
        assert_eq!((then.answers, bench.batches()), (whole(), vec![8]), "{provider}");
        assert!(bench.records().all().unwrap().is_empty());
    }
}

#[test]
fn one_who_was_killed_between_creation_and_its_answer_finds_the_batch() {
    for provider in PROVIDERS {
        let bench = Bench::new(provider, Fault::Nothing);
        let model = bench.open(None).unwrap();
        bench.ask(&*model, &BTreeMap::new(), 1).ended.unwrap();
        // As it is on disk before the answer to the creation is.
        let mut record = bench.records().all().unwrap().remove(0);
        record.id = None;
        bench.records().keep(&record).unwrap();
        let then = bench.ask(&*bench.open(None).unwrap(), &BTreeMap::new(), usize::MAX);
        then.ended.unwrap();
        assert_eq!((then.answers, bench.batches()), (whole(), vec![8]), "{provider}");
        // And where it was killed before anything was created, everything is asked once.
        record.mark = "0".repeat(32);
        record.questions.push("of a batch that never was".to_owned());
        bench.records().keep(&record).unwrap();
        let then = bench.ask(&*bench.open(None).unwrap(), &BTreeMap::new(), usize::MAX);
        then.ended.unwrap();
        assert_eq!((then.answers, bench.batches()), (whole(), vec![8, 8]), "{provider}");
    }
}

#[test]
fn a_batch_of_somebody_else_is_not_taken_for_the_one_that_is_looked_for() {
    for provider in PROVIDERS {
        let bench = Bench::new(provider, Fault::Nothing);
        let model = bench.open(None).unwrap();
        let half = |sample: u32| (0..4).map(|place| ((place, sample), format!("to prompt {place}"))).collect();
        bench.ask(&*model, &half(0), usize::MAX).ended.unwrap();
        let (home, server) = (tempfile::tempdir().unwrap(), bench.server);
        // Of as many questions, by one who knows nothing of the first.
        let bench = Bench { home, server, provider };
        bench.ask(&*model, &half(1), 1).ended.unwrap();
        let mut record = bench.records().all().unwrap().remove(0);
        record.id = None;
        bench.records().keep(&record).unwrap();
        let then = bench.ask(&*bench.open(None).unwrap(), &half(1), usize::MAX);
        then.ended.unwrap();
        assert_eq!((then.answers, bench.batches()), (whole(), vec![4, 4]), "{provider}");
    }
}

#[test]
fn a_creation_that_failed_twice_does_not_take_the_batch_before_for_its_own() {
    // The second batch of as many questions is created at the third attempt only.
    let (attempts, kept) = (Mutex::new(0), Mutex::new(Kept::default()));
    let server = ScriptedServer::start(move |asked| {
        let creates = asked.method == "POST" && asked.path == "/v1/messages/batches";
        let mut attempts = attempts.lock().unwrap();
        *attempts += u32::from(creates);
        if creates && matches!(*attempts, 2 | 3) {
            return Served::json(500, &no(500, "api_error", "not now").1);
        }
        anthropic(asked, Fault::Nothing, &mut kept.lock().unwrap())
    });
    let bench = Bench { home: tempfile::tempdir().unwrap(), server: server.unwrap(), provider: "anthropic" };
    let model = bench.open(None).unwrap();
    let half = |sample: u32| (0..4).map(|place| ((place, sample), format!("to prompt {place}"))).collect();
    bench.ask(&*model, &half(0), usize::MAX).ended.unwrap();
    let came = bench.ask(&*model, &half(1), usize::MAX);
    came.ended.unwrap();
    assert_eq!((came.answers, bench.batches()), (whole(), vec![4, 4, 4, 4]));
}

#[test]
fn a_damaged_record_stops_before_anything_is_asked() {
    let (bench, _) = Bench::all("openai", Fault::AllUnknown);
    let folder = bench.home.path().join("batches");
    let file = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    std::fs::write(file, "{").unwrap();
    let error = bench.ask(&*bench.open(None).unwrap(), &BTreeMap::new(), usize::MAX).ended.unwrap_err().to_string();
    assert!(error.contains("cannot be kept"), "{error}");
    assert_eq!(bench.batches(), [8]);
}

const PRICES: &str = "format = \"hydrometer.prices/1\"\ndated = \"2026-11-29\"\ncurrency = \"usd\"\n
[[price]]\nmodel = \"openai:*\"\ninput = 1000\noutput = 1000\n
[[price]]\nmodel = \"openai:big\"\nkind = \"batch\"\ninput = 500\noutput = 500\n";

fn purse(prices: &str, money: f64) -> Arc<Purse> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prices.toml");
    std::fs::write(&path, prices).unwrap();
    let budget = Budget { money: Some(money), tokens: None };
    Arc::new(Purse::new(budget, Some(Prices::read(&path).unwrap())).unwrap())
}

#[test]
fn batches_have_their_own_price_and_hold_what_the_budget_allows() {
    // A question may take 8 + 32 + 8 tokens, 0.024 in a batch, and takes 10 + 2, for 0.006.
    let bench = Bench::new("openai", Fault::Nothing);
    let purse = purse(PRICES, 0.95);
    let model = bench.open(Some(purse.clone())).unwrap();
    let opened = purse.spent();
    let came = bench.ask(&*model, &BTreeMap::new(), usize::MAX);
    came.ended.unwrap();
    assert_eq!(came.answers, whole());
    let spent = purse.spent();
    assert_eq!((spent.questions - opened.questions, spent.read - opened.read), (8, 80));
    assert!((spent.money - opened.money - 8.0 * 0.006).abs() < 1e-9, "{spent:?}");
    assert_eq!(bench.batches(), [8]);
    // Three fit into what is left; what they do cost leaves room for two more, and so on.
    let bench = Bench::new("openai", Fault::Nothing);
    let purse = self::purse(PRICES, 0.5);
    let model = bench.open(Some(purse.clone())).unwrap();
    purse.spent_before(Spent { questions: 1, read: 1, drawn: 0, money: 0.5 - 0.08 - purse.spent().money });
    let came = bench.ask(&*model, &BTreeMap::new(), usize::MAX);
    came.ended.unwrap();
    assert_eq!((came.answers, bench.batches()), (whole(), vec![3, 2, 2, 1]));
    // Where not one more fits, the budget is spent.
    let came = bench.ask(&*model, &BTreeMap::new(), usize::MAX);
    let error = came.ended.unwrap_err();
    assert!(matches!(error, ModelError::Budget { .. }) && came.answers.len() == 2, "{error}");
    assert!(purse.spent().money <= 0.5);
}

#[test]
fn a_budget_takes_a_price_of_batches_and_a_scheme_that_has_them() {
    let bench = Bench::new("anthropic", Fault::Nothing);
    let error = bench.open(Some(purse(&PRICES.replace("openai:*", "anthropic:*"), 9.0))).err().unwrap().to_string();
    assert!(error.contains("the prices have none of anthropic:big with kind = \"batch\""), "{error}");
    assert!(bench.server.asked().is_empty());
    for scheme in ["vllm", "sglang", "llama-server", "ollama", "gemini"] {
        let network = Network::without_keys().in_batches(true);
        let spec = format!("{scheme}:{}#big", bench.server.address());
        let error = open_with(&spec, &EngineOptions { precision: Precision::F32 }, &network).err().unwrap().to_string();
        assert!(error.contains(&format!("{scheme}: expected an endpoint with batches")), "{error}");
    }
    assert!(bench.server.asked().is_empty());
}

#[test]
fn what_is_under_way_is_reserved_by_the_next_process_whatever_its_budget() {
    let bench = Bench::new("openai", Fault::Nothing);
    let model = bench.open(None).unwrap();
    bench.ask(&*model, &BTreeMap::new(), 1).ended.unwrap();
    // Too little for a single question: what was asked is paid for all the same, and counted.
    let purse = purse(PRICES, 0.5);
    let model = bench.open(Some(purse.clone())).unwrap();
    purse.spent_before(Spent { questions: 1, read: 1, drawn: 1, money: 0.5 - purse.spent().money });
    let came = bench.ask(&*model, &BTreeMap::new(), usize::MAX);
    came.ended.unwrap();
    assert_eq!(came.answers, whole());
    assert!((purse.spent().money - 0.5 - 8.0 * 0.006).abs() < 1e-9, "{:?}", purse.spent());
}

#[test]
fn without_the_flag_a_model_has_no_batches() {
    let bench = Bench::new("openai", Fault::Nothing);
    let spec = format!("openai:{}#big", bench.server.address());
    let model = open_with(&spec, &EngineOptions { precision: Precision::F32 }, &Network::without_keys()).unwrap();
    assert!(model.answers().unwrap().together().is_none());
}
