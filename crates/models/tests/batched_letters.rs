//! First tokens of answers, asked in batches: what goes wrong with a batch loses none of them, and nothing is asked twice.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use hydrometer_answers::SamplingParameters;
use hydrometer_answers::store::BatchRecords;
use hydrometer_models::{
    BatchStep, Budget, EngineOptions, FirstTokens, Message, Model, Network, NoTime, Precision, Prices, Prompt, Purse,
    SampleRequest, SampleStep, ScriptedServer, open_with,
};
use hydrometer_probes::Decoding;
use tempfile::TempDir;

use crate::served;

use served::{Fault, questions, serve};

/// Letters that are asked for.
const LETTERS: usize = 6;

/// A folder of records, a server and its model.
struct Bench {
    home: TempDir,
    server: ScriptedServer,
    model: Box<dyn Model>,
}

/// Lists by the place of their prompt.
type Lists = BTreeMap<usize, FirstTokens>;

impl Bench {
    fn new(fault: Fault, purse: Option<Arc<Purse>>) -> Bench {
        let server = serve("openai", fault);
        let network = Network::without_keys().timed_by(Arc::new(NoTime)).in_batches(true);
        let network = match purse {
            Some(purse) => network.paying(purse),
            None => network,
        };
        let spec = format!("openai:{}#big", server.address());
        let model = open_with(&spec, &EngineOptions { precision: Precision::F32 }, &network).unwrap();
        Bench { home: tempfile::tempdir().unwrap(), server, model }
    }

    fn records(&self) -> BatchRecords {
        BatchRecords::of(self.home.path())
    }

    fn prompt(&self, words: String) -> Prompt {
        self.model.answers().unwrap().prompt(&[Message::user(words)]).unwrap()
    }

    /// Asks for the letters that `has` lacks, and ends after so many steps of which something came or was looked at.
    fn letters(&self, has: &mut Lists, most: usize) -> Vec<String> {
        let open: Vec<usize> = (0..LETTERS).filter(|place| !has.contains_key(place)).collect();
        let prompts: Vec<Prompt> = open.iter().map(|place| self.prompt(format!("letter {place}"))).collect();
        let (mut says, mut steps) = (Vec::new(), 0);
        let together = self.model.answers().unwrap().together().unwrap();
        let prompts: Vec<&Prompt> = prompts.iter().collect();
        let asked = together.first_tokens_together(&prompts, &self.records(), &mut |step| {
            match step {
                BatchStep::Came(None) => return ControlFlow::Continue(()),
                BatchStep::Came(Some((place, found))) => {
                    assert!(has.insert(open[place], found).is_none(), "a list came twice");
                }
                BatchStep::Looked(_) => {}
                BatchStep::Says(words) => says.push(words),
            }
            steps += 1;
            if steps >= most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        asked.unwrap();
        says
    }

    /// Asks two prompts for an answer.
    fn answers(&self) -> usize {
        let request = |place: usize| SampleRequest {
            key: format!("p{place}"),
            prompt: self.prompt(format!("prompt {place}")),
            samples: vec![0],
            max_tokens: Some(8),
            stop: Vec::new(),
            decoding: Decoding::Sampled,
        };
        let parameters =
            SamplingParameters { temperature: 1.0, top_p: 1.0, top_k: 0, max_tokens: 8, stop: Vec::new(), seed: 1 };
        let together = self.model.answers().unwrap().together().unwrap();
        let mut came = 0;
        let requests: Vec<_> = (0..2).map(request).collect();
        let asked = together.answer_together(&requests, &parameters, &self.records(), &mut |step| {
            came += usize::from(matches!(step, BatchStep::Came(SampleStep::Answer(_))));
            ControlFlow::Continue(())
        });
        asked.unwrap();
        came
    }

    fn batches(&self) -> Vec<usize> {
        questions("openai", &self.server)
    }
}

/// The list that the server shows of every first token: A, B and C with a half, a quarter and an eighth.
fn is_the_list(found: &FirstTokens) -> bool {
    let texts: Vec<_> =
        found.listed.iter().map(|(text, logprob)| (text.as_str(), (logprob.exp() * 8.0).round())).collect();
    texts == [("A", 4.0), ("B", 2.0), ("C", 1.0)] && (found.others.exp() - 0.125).abs() < 1e-5
}

#[test]
fn lists_come_whatever_becomes_of_the_batch() {
    let check = |fault: Fault, batches: &[usize], says: &str| {
        let (bench, mut lists) = (Bench::new(fault, None), Lists::new());
        let said = bench.letters(&mut lists, usize::MAX).join("; ");
        assert_eq!(lists.len(), LETTERS, "{fault:?}");
        assert!(lists.values().all(is_the_list), "{fault:?}: {lists:?}");
        assert!(said.contains(says) && said.is_empty() == says.is_empty(), "{fault:?}: {said}");
        assert_eq!(bench.batches(), batches, "{fault:?}");
        assert!(bench.records().all().unwrap().is_empty(), "{fault:?}: nothing is under way");
        let asked = bench.server.asked();
        assert_eq!(asked.iter().filter(|asked| asked.path == "/v1/chat/completions").count(), 2, "who answers");
    };
    check(Fault::Nothing, &[6], "");
    check(Fault::Waits(3), &[6], "");
    check(Fault::OtherOrder, &[6], "");
    check(Fault::Torn(2), &[6], "");
    check(Fault::CreatedUnheard, &[6], "");
    check(Fault::Expired, &[6, 3], "without 3 answers (3 ×");
    check(Fault::PartlyFailed, &[6, 3], "HTTP 529: busy); they are asked again");
    check(Fault::Lost, &[6, 6], "is not known to the server any more");
    check(Fault::Unknown, &[6], "1 result of questions that it was not given");
}

#[test]
fn a_prompt_that_is_too_long_shows_nothing_and_is_not_asked_again() {
    let (bench, mut lists) = (Bench::new(Fault::TooLong, None), Lists::new());
    bench.letters(&mut lists, usize::MAX);
    assert_eq!(lists.values().filter(|found| is_the_list(found)).count(), LETTERS - 1);
    assert_eq!(lists.values().filter(|found| found.listed.is_empty() && found.others == 0.0).count(), 1);
    assert_eq!(bench.batches(), [6]);
}

#[test]
fn whoever_comes_after_an_interruption_goes_on_with_the_same_batch() {
    let (bench, mut lists) = (Bench::new(Fault::Nothing, None), Lists::new());
    // A look at the batch, and two lists.
    bench.letters(&mut lists, 3);
    assert_eq!((lists.len(), bench.records().all().unwrap().len()), (2, 1));
    // As it is on disk before the answer to the creation is.
    let mut record = bench.records().all().unwrap().remove(0);
    record.id = None;
    bench.records().keep(&record).unwrap();
    bench.letters(&mut lists, usize::MAX);
    assert_eq!((lists.len(), bench.batches()), (LETTERS, vec![6]));
    assert!(bench.records().all().unwrap().is_empty());
}

#[test]
fn a_batch_of_other_questions_waits_for_the_one_who_wants_them() {
    let (bench, mut lists) = (Bench::new(Fault::Nothing, None), Lists::new());
    bench.letters(&mut lists, 1);
    assert!(lists.is_empty(), "it is under way");
    assert_eq!(bench.answers(), 2);
    assert_eq!((bench.batches(), bench.records().all().unwrap().len()), (vec![6, 2], 1));
    bench.letters(&mut lists, usize::MAX);
    assert_eq!((lists.len(), bench.batches()), (LETTERS, vec![6, 2]), "nothing is asked twice");
    assert!(bench.records().all().unwrap().is_empty());
}

const PRICES: &str = "format = \"hydrometer.prices/1\"\ndated = \"2026-11-29\"\ncurrency = \"usd\"\n
[[price]]\nmodel = \"openai:*\"\ninput = 1000\noutput = 1000\n
[[price]]\nmodel = \"openai:big\"\nkind = \"batch\"\ninput = 500\noutput = 500\n";

#[test]
fn lists_have_the_price_of_batches() {
    let path = tempfile::tempdir().unwrap();
    let path = path.path().join("prices.toml");
    std::fs::write(&path, PRICES).unwrap();
    let budget = Budget { money: Some(1.0), tokens: None };
    let purse = Arc::new(Purse::new(budget, Some(Prices::read(&path).unwrap())).unwrap());
    let (bench, mut lists) = (Bench::new(Fault::Nothing, Some(purse.clone())), Lists::new());
    let before = purse.spent();
    bench.letters(&mut lists, usize::MAX);
    // Ten tokens read and two drawn each, as the server counts them.
    let spent = purse.spent();
    assert_eq!((spent.questions - before.questions, spent.read - before.read), (6, 60));
    assert!((spent.money - before.money - 6.0 * 12.0 * 500.0 / 1e6).abs() < 1e-9, "{spent:?}");
}
