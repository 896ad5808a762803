//! Checks of endpoints against scripted servers: one that is healthy, and others that are wrong in one way each.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::sync::Arc;

use hydrometer_models::{
    Address, AskedServer, Checked, EngineOptions, Found, Model, Network, NoTime, Precision, ScriptedServer, Served,
    Spoils, check, check_beside, check_names, open,
};
use serde_json::{Value, json};

/// What is wrong with a server of llama.cpp's kind whose tokens are the bytes of a text, behind 256 where a text begins.
#[derive(Clone, Copy, Debug, Default)]
struct Wrong {
    speculative: bool,
    cuts: bool,
    begins_twice: bool,
    counts_more: bool,
    scales: bool,
    drifts: bool,
    sentinel: bool,
    fewer: bool,
    renames: bool,
    no_logprobs: bool,
    other_tokens: bool,
    drawn_first: bool,
    joins: bool,
}

const CONTEXT: usize = 400;
/// Characters that are shown as one token, where tokens are joined.
const JOINED: u64 = 4;

fn rendered(asked: &AskedServer) -> String {
    let messages = asked.body["messages"].as_array().unwrap().iter();
    messages
        .map(|message| format!("{}: {}\n", message["role"].as_str().unwrap(), message["content"].as_str().unwrap()))
        .collect()
}

impl Wrong {
    fn serve(self, asked: &AskedServer) -> Served {
        match asked.path.as_str() {
            "/props" => {
                let settings = json!({"n_ctx": CONTEXT});
                Served::json(
                    200,
                    &json!({"default_generation_settings": settings, "build_info": "b7000", "eos_token": "</s>"}),
                )
            }
            "/apply-template" => Served::json(200, &json!({"prompt": rendered(asked)})),
            "/tokenize" => {
                let text = asked.body["content"].as_str().unwrap();
                let shift = u32::from(self.other_tokens);
                let mut ids: Vec<u32> = text.bytes().map(|byte| u32::from(byte) + shift).collect();
                if asked.body["add_special"] == true {
                    ids.splice(0..0, vec![256; if self.begins_twice { 2 } else { 1 }]);
                }
                Served::json(200, &json!({ "tokens": ids }))
            }
            "/v1/chat/completions" => self.chat(asked),
            _ => Served::json(404, &json!({"error": {"message": "not here"}})),
        }
    }

    fn chat(self, asked: &AskedServer) -> Served {
        let prompt = rendered(asked).len() + if self.begins_twice { 2 } else { 1 };
        if prompt > CONTEXT && !self.cuts {
            return Served::json(400, &json!({"error": {"message": "the request exceeds the available context size"}}));
        }
        let temperature = asked.body["temperature"].as_f64().unwrap();
        let scale = if self.scales && temperature > 0.0 { temperature } else { 1.0 };
        let most = asked.body["max_tokens"].as_u64().unwrap().min(9);
        // Where answers are compared, four tokens are asked for.
        let noise = if self.drifts && most == 4 { asked.number as f64 / 10.0 } else { 0.0 };
        let token = |place: u64| {
            // Scaled, and normalised as well as two tokens need it.
            let listed = |logprob: f64| logprob / scale - if scale > 1.0 { 0.6 } else { 0.0 };
            let list = [("a", -0.2), ("b", -2.0 - noise)];
            let list = list.map(|(text, logprob)| json!({"token": text, "logprob": listed(logprob)}));
            // As vLLM does: what was drawn stands in front, however improbable it is.
            let drawn = (self.drawn_first && temperature > 1.0).then(|| json!({"token": "z", "logprob": listed(-7.0)}));
            let list: Vec<Value> = drawn.into_iter().chain(list).collect();
            let logprob = match place {
                _ if self.sentinel => -9999.0,
                1.. if self.speculative => 0.0,
                _ => listed(-0.2),
            };
            match self.joins && place < JOINED {
                // Three tokens make the character; the list is that of the last.
                true => json!({"token": "近", "logprob": -9.0, "top_logprobs": list}),
                false => json!({"token": "a", "logprob": logprob, "top_logprobs": list}),
            }
        };
        let content: Vec<Value> = (0..most - if self.fewer { most / 2 } else { 0 }).map(token).collect();
        let mut choice = json!({"message": {"content": "a".repeat(most as usize)}, "finish_reason": "length"});
        if !self.no_logprobs {
            choice["logprobs"] = json!({ "content": content });
        }
        let usage = json!({"prompt_tokens": prompt + usize::from(self.counts_more), "completion_tokens": most + if self.joins { 2 * JOINED } else { 0 }});
        let name = if self.renames && asked.number > 0 { "other" } else { "fox" };
        Served::json(200, &json!({"model": name, "system_fingerprint": "b7000", "choices": [choice], "usage": usage}))
    }
}

fn look(wrong: Wrong, against: Option<&dyn Model>) -> Vec<Checked> {
    let server = ScriptedServer::start(move |asked| wrong.serve(asked)).unwrap();
    let address = Address::parse(&format!("llama-server:{}", server.address())).unwrap().unwrap();
    check(address, &Network::without_keys().timed_by(Arc::new(NoTime)), against).unwrap()
}

fn failed(all: &[Checked]) -> Vec<&'static str> {
    all.iter().filter(|checked| matches!(checked.found, Found::Failed { .. })).map(|checked| checked.name).collect()
}

fn found<'a>(all: &'a [Checked], name: &str) -> &'a Found {
    &all.iter().find(|checked| checked.name == name).unwrap().found
}

fn evidence(all: &[Checked], name: &str) -> String {
    match found(all, name) {
        Found::Passed(text) | Found::NotOffered(text) => text.clone(),
        Found::Failed { evidence, hint } => format!("{evidence} / {hint}"),
    }
}

#[test]
fn a_healthy_server_passes_what_it_offers() {
    let all = look(Wrong::default(), None);
    let names: Vec<_> = all.iter().map(|checked| checked.name).collect();
    assert_eq!(names, check_names().collect::<Vec<_>>());
    for checked in &all {
        let compares = ["template", "tokenizer", "spelling", "end"].contains(&checked.name);
        let as_it_should = match &checked.found {
            Found::Passed(_) => !compares,
            Found::NotOffered(why) => compares && why.contains("--against"),
            Found::Failed { .. } => false,
        };
        assert!(as_it_should, "{checked:?}");
    }
    assert_eq!(evidence(&all, "identity"), "model `fox`, fingerprint b7000, build b7000");
    assert!(
        evidence(&all, "repetition").starts_with("log-probabilities of the first tokens of 3 answers are 0.0e0 nats")
    );
}

#[test]
fn a_list_with_the_drawn_token_in_front_shows_its_temperature_all_the_same() {
    let drawn_first = Wrong { drawn_first: true, ..Wrong::default() };
    let healthy = look(drawn_first, None);
    assert!(matches!(found(&healthy, "temperature"), Found::Passed(_)), "{healthy:?}");
    assert_eq!(failed(&look(Wrong { scales: true, ..drawn_first }, None)), ["temperature"]);
}

#[test]
fn every_defect_fails_its_check_and_no_other() {
    let check = |wrong: Wrong, names: &[&str], words: &str| {
        let all = look(wrong, None);
        assert_eq!(failed(&all), names, "{wrong:?}: {all:?}");
        let said = evidence(&all, names[0]);
        assert!(said.contains(words), "{wrong:?}: {said}");
    };
    let none = Wrong::default();
    check(
        Wrong { speculative: true, ..none },
        &["zeros"],
        "8 of 9 are exactly 0, 8 in a row at most / start the server without",
    );
    check(Wrong { cuts: true, ..none }, &["long-prompt"], "464 words for a context of 400 tokens were answered");
    check(Wrong { begins_twice: true, ..none }, &["begin"], "the conversation begins with token 256 twice");
    check(Wrong { counts_more: true, ..none }, &["prompt-tokens"], "as its own tokenizer counts them, found");
    check(
        Wrong { scales: true, ..none },
        &["temperature"],
        "1.800 nats apart at temperature 1 and -0.900 at temperature 2",
    );
    check(Wrong { drifts: true, ..none }, &["repetition"], "nats apart at most / ");
    check(Wrong { sentinel: true, ..none }, &["place-holders"], "9 of 9 drawn tokens have a place-holder");
    check(Wrong { fewer: true, ..none }, &["counts"], "expected 9 log-probabilities, one for each token, found 5");
    check(Wrong { renames: true, ..none }, &["identity"], "the model was `fox` and is `other` a moment later");
}

#[test]
fn what_is_not_shown_is_not_offered_and_never_passed() {
    let all = look(Wrong { no_logprobs: true, ..Wrong::default() }, None);
    assert!(failed(&all).is_empty(), "{all:?}");
    for name in ["counts", "place-holders", "zeros", "temperature"] {
        assert!(matches!(found(&all, name), Found::NotOffered(_)), "{all:?}");
    }
    // Anthropic shows neither tokens nor log-probabilities, and says no length.
    let server = ScriptedServer::start(|_| Served::message("clever", "A fox.", "end_turn")).unwrap();
    let address = Address::parse(&format!("anthropic:{}#clever", server.address())).unwrap().unwrap();
    let all = check(address, &Network::without_keys(), None).unwrap();
    assert_eq!(evidence(&all, "repetition"), "3 of 3 greedy answers are the same");
    let passed: Vec<_> =
        all.iter().filter(|checked| matches!(checked.found, Found::Passed(_))).map(|c| c.name).collect();
    assert_eq!((passed, failed(&all)), (vec!["identity", "repetition"], vec![]));
    assert!(server.asked().iter().all(|asked| asked.path == "/v1/messages"));
}

/// A server that takes no temperature refuses for it, and not because a prompt is too long.
#[test]
fn a_refusal_of_settings_is_no_refusal_of_a_long_prompt() {
    let healthy = Wrong { cuts: true, no_logprobs: true, ..Wrong::default() };
    let server = ScriptedServer::start(move |asked| {
        let refused =
            |what: &str| Served::json(400, &json!({"error": {"message": format!("{what} is not supported")}}));
        let mut asked = asked.clone();
        if asked.path == "/v1/chat/completions" {
            match asked.body.as_object_mut().unwrap() {
                body if body.contains_key("logprobs") => return refused("logprobs"),
                body if body.contains_key("temperature") => return refused("temperature"),
                body => body.insert("temperature".to_owned(), json!(1.0)),
            };
        }
        healthy.serve(&asked)
    })
    .unwrap();
    let address = Address::parse(&format!("llama-server:{}", server.address())).unwrap().unwrap();
    let all = check(address, &Network::without_keys().timed_by(Arc::new(NoTime)), None).unwrap();
    assert_eq!(failed(&all), ["long-prompt"], "{all:?}");
    assert!(evidence(&all, "zeros").contains("logprobs is not supported"), "{all:?}");
}

#[test]
fn a_local_model_shows_where_tokens_and_template_differ() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("local.toml");
    std::fs::write(&path, "vocabulary = \"bytes\"\n[default]\nprobabilities = { a = 1.0 }\n").unwrap();
    let local = open(&format!("scripted:{}", path.display()), &EngineOptions { precision: Precision::F32 }).unwrap();
    let text = "ü";
    let ids = local.tokens().unwrap().encode(text).unwrap();
    let all = look(Wrong::default(), Some(&*local));
    // The bytes of the two are the same tokens only where the local vocabulary numbers them so.
    let same = ids == text.bytes().map(u32::from).collect::<Vec<_>>();
    assert_eq!(matches!(found(&all, "tokenizer"), Found::Passed(_)), same, "{all:?}");
    let all = look(Wrong { other_tokens: true, ..Wrong::default() }, Some(&*local));
    assert!(evidence(&all, "tokenizer").starts_with("from byte 0 on, expected token Some("), "{all:?}");
    assert!(failed(&all).contains(&"end"), "{all:?}");
    assert_eq!(evidence(&all, "spelling"), "27 of 27 that 9 places show are tokens of it");
    let all = look(Wrong { joins: true, ..Wrong::default() }, Some(&*local));
    assert_eq!(evidence(&all, "spelling"), "15 of 15 that 5 places show are tokens of it");
    let path = folder.path().join("other.toml");
    std::fs::write(&path, "vocabulary = [\"aa\", \"b\"]\n[default]\nprobabilities = { b = 1.0 }\n").unwrap();
    let other = open(&format!("scripted:{}", path.display()), &EngineOptions { precision: Precision::F32 }).unwrap();
    let all = look(Wrong::default(), Some(&*other));
    assert!(failed(&all).contains(&"spelling"), "{all:?}");
    assert!(evidence(&all, "spelling").starts_with("18 of 27 that 9 places show are no token of it, \"a\" is one / "));
}

/// vLLM says the tokens of a conversation, and the text of tokens.
fn as_vllm(asked: &AskedServer) -> Served {
    match asked.path.as_str() {
        "/tokenize" => {
            let plain = asked.body["prompt"].as_str().map(str::to_owned);
            let begin = plain.is_none().then_some(256);
            let text = plain.unwrap_or_else(|| rendered(asked));
            let ids: Vec<u32> = begin.into_iter().chain(text.bytes().map(u32::from)).collect();
            Served::json(200, &json!({ "tokens": ids }))
        }
        "/detokenize" => {
            let ids = asked.body["tokens"].as_array().unwrap().iter();
            let bytes: Vec<u8> = ids.filter_map(|id| u8::try_from(id.as_u64().unwrap()).ok()).collect();
            Served::json(200, &json!({"prompt": String::from_utf8(bytes).unwrap()}))
        }
        _ => Wrong::default().serve(asked),
    }
}

#[test]
fn another_model_is_compared_by_its_template_alone_and_may_have_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let model = |name: &str, template: &str| {
        let path = folder.path().join(name);
        let words = "vocabulary = [\"aa\", \"b\"]\n[default]\nprobabilities = { b = 1.0 }\n";
        std::fs::write(&path, format!("{template}{words}")).unwrap();
        open(&format!("scripted:{}", path.display()), &EngineOptions { precision: Precision::F32 }).unwrap()
    };
    let template = |first: &str| {
        format!(
            "template = \"{first}{{% for m in messages %}}{{{{ m.role }}}}: {{{{ m.content }}}}\\n{{% endfor %}}\"\n"
        )
    };
    let check = |scheme: &str, serve: fn(&AskedServer) -> Served, other: &dyn Model, expected: Option<&str>| {
        let server = ScriptedServer::start(serve).unwrap();
        let address = Address::parse(&format!("{scheme}:{}#fox", server.address())).unwrap().unwrap();
        let all = check_beside(address, &Network::without_keys().timed_by(Arc::new(NoTime)), other).unwrap();
        let template = all.iter().find(|checked| checked.name == "template").unwrap();
        match (&template.found, expected) {
            (Found::Failed { evidence, .. }, Some(expected)) => assert!(evidence.contains(expected), "{evidence}"),
            (Found::Passed(_), None) => {}
            (found, expected) => panic!("{found:?}, expected {expected:?}"),
        }
        assert_eq!(template.spoils, Spoils::Nothing);
        assert_eq!(failed(&all).into_iter().filter(|name| *name != "template").count(), 0, "{all:?}");
        assert!(matches!(found(&all, "tokenizer"), Found::NotOffered(_)), "its tokens are its own: {all:?}");
    };
    let healthy = |asked: &AskedServer| Wrong::default().serve(asked);
    let (same, differs) = (model("same.toml", &template("")), model("other.toml", &template("s")));
    for (scheme, serve) in [("llama-server", healthy as fn(&AskedServer) -> Served), ("vllm", as_vllm)] {
        check(scheme, serve, &*same, None);
        let words = "from byte 1 on, the other model of the audit reads `system: You are";
        check(scheme, serve, &*differs, Some(words));
        check(scheme, serve, &*differs, Some("no fault where the two were made with templates of their own"));
    }
    let plain = model("plain.toml", "");
    let server = ScriptedServer::start(healthy).unwrap();
    let address = Address::parse(&format!("llama-server:{}", server.address())).unwrap().unwrap();
    let all = check_beside(address, &Network::without_keys().timed_by(Arc::new(NoTime)), &*plain).unwrap();
    assert_eq!(evidence(&all, "template"), "the other model of the audit shows no chat template");
}
