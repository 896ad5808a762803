//! Budgets of endpoints: reserved before, settled after, never passed.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::ops::ControlFlow;
use std::sync::Arc;

use hydrometer_answers::SamplingParameters;
use hydrometer_models::{
    Address, Budget, Checked, EmbeddingEndpoint, EngineOptions, Found, Message, Model, ModelError, NOT_ALLOWED,
    Network, Precision, Prices, Purse, SampleLimits, SampleRequest, SampleStep, ScriptedServer, Served, Spent, check,
    open_with,
};
use hydrometer_probes::Decoding;
use serde_json::{Value, json};

const PRICES: &str = "format = \"hydrometer.prices/1\"\ndated = \"2026-11-29\"\ncurrency = \"usd\"\n
[[price]]\nmodel = \"openai:big\"\ninput = 100\noutput = 1000\n";

fn prices() -> Prices {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prices.toml");
    std::fs::write(&path, PRICES).unwrap();
    Prices::read(&path).unwrap()
}

/// A chat completion whose usage is so many tokens; none where that is `None`.
fn chat(usage: Option<(u64, u64)>) -> Served {
    saying("four", usage)
}

/// The same, with other words.
fn saying(words: &str, usage: Option<(u64, u64)>) -> Served {
    let choice = json!({"message": {"role": "assistant", "content": words}, "finish_reason": "stop"});
    let usage = usage.map_or(Value::Null, |(read, drawn)| json!({"prompt_tokens": read, "completion_tokens": drawn}));
    Served::json(200, &json!({"model": "big", "choices": [choice], "usage": usage}))
}

fn open(server: &ScriptedServer, purse: &Arc<Purse>) -> Result<Box<dyn Model>, ModelError> {
    let spec = format!("openai:{}#big", server.address());
    let network = Network::without_keys().paying(purse.clone());
    open_with(&spec, &EngineOptions { precision: Precision::F32 }, &network)
}

/// Asks so often, eight at once; how many answers came, and how it ended.
fn ask(model: &dyn Model, samples: u32) -> (usize, Result<(), ModelError>) {
    let request = SampleRequest {
        key: "2+2?".to_owned(),
        prompt: model.answers().unwrap().prompt(&[Message::user("2+2?")]).unwrap(),
        samples: (0..samples).collect(),
        max_tokens: Some(64),
        stop: Vec::new(),
        decoding: Decoding::Sampled,
    };
    let parameters =
        SamplingParameters { temperature: 1.0, top_p: 1.0, top_k: 0, max_tokens: 9, stop: Vec::new(), seed: 1 };
    let (mut answers, limits) = (0, SampleLimits { width: 8, memory: 0 });
    let ended = model.answers().unwrap().answer(&[request], &parameters, &limits, &mut |step| {
        answers += usize::from(matches!(step, SampleStep::Answer(_)));
        ControlFlow::Continue(())
    });
    (answers, ended)
}

fn purse(money: Option<f64>, tokens: Option<u64>) -> Arc<Purse> {
    Arc::new(Purse::new(Budget { money, tokens }, Some(prices())).unwrap())
}

#[test]
fn a_budget_of_tokens_is_used_to_its_end_and_never_passed() {
    let server = ScriptedServer::start(|_| chat(Some((10, 2)))).unwrap();
    // Two questions of the introduction with 12 tokens each; 4 + 32 + 64 are reserved for each of the others.
    let purse = purse(None, Some(1000));
    let model = open(&server, &purse).unwrap();
    let (answers, ended) = ask(&*model, 500);
    let error = ended.unwrap_err();
    assert!(matches!(error, ModelError::Budget { .. }), "{error}");
    assert!(error.to_string().contains("of 1000 tokens are spent, and the next question may take 100"), "{error}");
    let spent = purse.spent();
    assert_eq!((spent.questions, spent.read + spent.drawn), (answers as u64 + 2, 12 * (answers as u64 + 2)));
    assert!((901..=1000).contains(&(spent.read + spent.drawn)), "{spent:?}");
    assert_eq!(server.asked().len(), answers + 2, "nothing is asked that is not paid for");
}

/// What one answer costs beside the two of the introduction, of a server that answers `served`.
fn cost_of(served: fn() -> Served) -> (u64, u64) {
    let server = ScriptedServer::start(move |asked| if asked.number < 2 { chat(Some((0, 0))) } else { served() });
    let server = server.unwrap();
    let purse = purse(None, None);
    let model = open(&server, &purse).unwrap();
    let before = purse.spent();
    let (answers, ended) = ask(&*model, 1);
    ended.unwrap();
    assert_eq!(answers, 1);
    let spent = purse.spent();
    (spent.read - before.read, spent.drawn - before.drawn)
}

#[test]
fn what_a_server_does_not_count_is_counted_as_reserved() {
    // 4 bytes and 32 around them; 64 are the longest answer.
    let check = |served: fn() -> Served, expected| assert_eq!(cost_of(served), expected);
    check(|| chat(Some((10, 2))), (10, 2));
    check(|| chat(None), (36, 64));
    check(|| chat(Some((10, 0))), (10, 64));
    check(|| chat(Some((0, 2))), (36, 2));
    // A number that no answer has is none.
    check(|| chat(Some((u64::MAX, u64::MAX))), (36, 64));
    check(|| saying("", None), (36, 64));
    // An answer without a word may have taken no tokens, where the prompt is counted.
    check(|| saying("", Some((10, 0))), (10, 0));
    // A prompt that is too long is answered by nobody.
    check(|| Served::json(400, &json!({"error": {"code": "context_length_exceeded", "message": "too long"}})), (0, 0));
}

#[test]
fn a_budget_in_money_counts_by_the_prices_and_what_was_spent_before() {
    let server = ScriptedServer::start(|_| chat(Some((10, 2)))).unwrap();
    let purse = purse(Some(1.0), None);
    let model = open(&server, &purse).unwrap();
    purse.spent_before(Spent { questions: 3, read: 0, drawn: 900, money: 0.9 });
    let (answers, ended) = ask(&*model, 500);
    let error = ended.unwrap_err().to_string();
    assert!(error.contains("of 1 usd are spent, and the next question may cost 0.0676"), "{error}");
    // 10 tokens of prompts and 2 of answers cost 0.003.
    let money = 0.9 + 0.003 * (answers as f64 + 2.0);
    assert!((purse.spent().money - money).abs() < 1e-9 && money <= 1.0 && money > 1.0 - 0.0676, "{money}");
    // A higher budget goes on.
    let higher = self::purse(Some(2.0), None);
    higher.spent_before(purse.spent());
    let (_, ended) = ask(&*open(&server, &higher).unwrap(), 20);
    ended.unwrap();
}

#[test]
fn a_server_that_does_not_count_is_taken_to_have_counted_the_most() {
    let server = ScriptedServer::start(|_| chat(None)).unwrap();
    let purse = purse(None, None);
    let (answers, ended) = ask(&*open(&server, &purse).unwrap(), 3);
    ended.unwrap();
    assert_eq!(answers, 3);
    let Spent { questions, read, drawn, .. } = purse.spent();
    assert_eq!(questions, 5);
    assert_eq!((read, drawn), (3 * 36 + 2 * (36 + 32), 3 * 64 + 2 * 256));
}

#[test]
fn failures_cost_nothing_and_give_back_what_was_reserved() {
    let server = ScriptedServer::start(|asked| match asked.number {
        0..2 => chat(Some((1, 1))),
        _ => Served::json(400, &json!({"error": {"message": "no"}})),
    })
    .unwrap();
    let purse = purse(None, Some(400));
    let model = open(&server, &purse).unwrap();
    for _ in 0..9 {
        assert!(matches!(ask(&*model, 1).1, Err(ModelError::Refused { .. })));
    }
    assert_eq!(purse.spent().questions, 2);
}

#[test]
fn a_budget_in_money_takes_a_price_for_every_endpoint() {
    let error = Purse::new(Budget { money: Some(1.0), tokens: None }, None).err().unwrap().to_string();
    assert!(error.contains("takes prices"), "{error}");
    let server = ScriptedServer::start(|_| chat(None)).unwrap();
    let network = Network::without_keys().paying(purse(Some(1.0), None));
    let spec = format!("openai:{}#small", server.address());
    let error = open_with(&spec, &EngineOptions { precision: Precision::F32 }, &network).err().unwrap().to_string();
    assert!(error.contains("the prices have none of openai:small"), "{error}");
    assert!(server.asked().is_empty());
}

/// What is left of a server's kinds of questions: a limit of tokens, and what it costs until that is reached.
const KINDS: &str = "format = \"hydrometer.prices/1\"\ndated = \"2026-11-29\"\ncurrency = \"usd\"\n
[[price]]\nmodel = \"vllm:big\"\ninput = 100\noutput = 1000\n
[[price]]\nmodel = \"openai:small\"\nkind = \"embeddings\"\ninput = 50\n";

fn of_kinds(budget: Budget) -> Arc<Purse> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prices.toml");
    std::fs::write(&path, KINDS).unwrap();
    Arc::new(Purse::new(budget, Some(Prices::read(&path).unwrap())).unwrap())
}

#[test]
fn embeddings_are_paid_for_at_their_own_price_and_never_beyond_the_budget() {
    let server = ScriptedServer::start(|asked| {
        let texts = asked.body["input"].as_array().unwrap().len();
        let data: Vec<Value> = (0..texts).map(|index| json!({"index": index, "embedding": [1, 2]})).collect();
        Served::json(
            200,
            &json!({"model": "small", "data": data, "usage": {"prompt_tokens": 7 * texts, "total_tokens": 7}}),
        )
    })
    .unwrap();
    let address = |model: &str| Address::parse(&format!("openai:{}#{model}", server.address())).unwrap().unwrap();
    let purse = of_kinds(Budget { money: Some(1.0), tokens: Some(200) });
    let network = || Network::without_keys().paying(purse.clone());
    let endpoint = EmbeddingEndpoint::connect(address("small"), &network(), None).unwrap();
    endpoint.encode(&["one", "two"]).unwrap();
    let Spent { questions, read, drawn, money } = purse.spent();
    assert_eq!((questions, read, drawn), (2, 21, 0));
    assert!((money - 21.0 * 50.0 / 1e6).abs() < 1e-12, "{money}");
    // Thirty texts may take 32 tokens and their bytes each.
    let texts: Vec<String> = (0..30).map(|number| format!("text {number}")).collect();
    let error = endpoint.encode(&texts.iter().map(String::as_str).collect::<Vec<_>>()).unwrap_err();
    assert!(matches!(error, ModelError::Budget { .. }), "{error}");
    assert_eq!(server.asked().len(), 2, "nothing is asked that is not paid for");
    let error = EmbeddingEndpoint::connect(address("other"), &network(), None).err().unwrap().to_string();
    assert!(error.contains("the prices have none of openai:other with kind = \"embeddings\""), "{error}");
}

/// A server of vLLM's kind that shows one position after another, and what it counts of it.
fn positions(usage: Value) -> ScriptedServer {
    ScriptedServer::start(move |asked| match asked.path.as_str() {
        "/v1/chat/completions" => chat(Some((0, 0))),
        "/tokenize" => Served::json(200, &json!({"tokens": [4, 5]})),
        "/v1/completions" => {
            let logprobs =
                json!({"tokens": ["token_id:9"], "token_logprobs": [-0.1], "top_logprobs": [{"token_id:9": -0.1}]});
            Served::json(200, &json!({"choices": [{"text": "x", "logprobs": logprobs}], "usage": usage}))
        }
        _ => Served::json(404, &json!({"error": {"message": "not here"}})),
    })
    .unwrap()
}

#[test]
fn positions_are_paid_for_and_end_with_the_budget() {
    let ask = |usage: Value, tokens: u64| {
        let server = positions(usage);
        let purse = of_kinds(Budget { money: Some(5.0), tokens: Some(tokens) });
        let spec = format!("vllm:{}#big", server.address());
        let network = Network::without_keys().paying(purse.clone());
        let model = open_with(&spec, &EngineOptions { precision: Precision::F32 }, &network).unwrap();
        let shows = model.shows().unwrap();
        let before = purse.spent();
        let context: Vec<u32> = (0..20).collect();
        let found = shows.after(&[&context[..], &context[..10]]).map(|found| found.len());
        let spent = purse.spent();
        (found, spent.questions - before.questions, spent.read - before.read, spent.drawn - before.drawn)
    };
    let counted = json!({"prompt_tokens": 3, "completion_tokens": 1});
    let (found, questions, read, drawn) = ask(counted, 100_000);
    assert_eq!((found.unwrap(), questions, read, drawn), (2, 2, 6, 2));
    // Ids that nobody counts are taken to be as many as were sent, and 32 around them.
    let (found, questions, read, drawn) = ask(Value::Null, 100_000);
    assert_eq!((found.unwrap(), questions, read, drawn), (2, 2, 52 + 42, 2));
    // The connection takes two answers of up to 256 tokens that no server counted, and a first position.
    let spent = 2 * (37 + 32 + 256) + 2 + 32 + 1;
    let (found, ..) = ask(Value::Null, spent + 10);
    let error = found.unwrap_err();
    assert!(matches!(error, ModelError::Budget { .. }), "{error}");
}

#[test]
fn checks_are_paid_for_and_what_the_budget_does_not_allow_is_not_passed() {
    let checked = |tokens| {
        let server = ScriptedServer::start(|_| chat(Some((30, 2)))).unwrap();
        let purse = of_kinds(Budget { money: None, tokens: Some(tokens) });
        let address = Address::parse(&format!("openai:{}#big", server.address())).unwrap().unwrap();
        let all = check(address, &Network::without_keys().paying(purse.clone()), None).ok()?;
        let not_allowed =
            |checked: &&Checked| matches!(&checked.found, Found::NotOffered(why) if why.starts_with(NOT_ALLOWED));
        Some((purse.spent(), server.asked().len() as u64, all.iter().filter(not_allowed).count()))
    };
    let (spent, asked, not_allowed) = checked(100_000).unwrap();
    assert_eq!((spent.questions, spent.read, not_allowed), (asked, 30 * asked, 0));
    assert!(asked > 3);
    // The least with which there is something to look at.
    let (tokens, (spent, asked, not_allowed)) =
        (100..400).step_by(4).find_map(|tokens| Some((tokens, checked(tokens)?))).unwrap();
    assert!(
        spent.questions == asked && spent.read + spent.drawn <= tokens && not_allowed > 0,
        "{spent:?} {not_allowed}"
    );
}
