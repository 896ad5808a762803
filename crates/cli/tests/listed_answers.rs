//! Audits of a teacher that lists the most probable tokens at every place of its answers, and of a student that runs here: what is said of
//! tokens are bounds, and the truth, which the script knows, is within.

#![allow(clippy::unwrap_used)]

use crate::support;

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex};

use hydrometer_models::{AskedServer, CHECK_MARK, ScriptedServer, Served};
use serde_json::{Value, json};
use support::{Desk, in_one_line};

/// Letters with a probability of their own.
const LETTERS: usize = 24;
/// The other bytes, which share what is left.
const OTHERS: f64 = (256 - LETTERS) as f64;
const PROMPTS: usize = 40;
/// Most of a list.
const LISTED: usize = 20;
/// The answer with a token that has no spelling, and the one that is shown without its tokens.
const DAMAGED: usize = 3;
const HIDDEN: usize = 4;

/// A next-token distribution: letters by a geometric series, and what they have together.
#[derive(Clone, Copy)]
struct Law {
    ratio: f64,
    letters: f64,
    /// From the last letter on.
    backwards: bool,
}

const TEACHER: Law = Law { ratio: 0.8, letters: 0.97, backwards: false };
/// After an E.
const TEACHER_AFTER_E: Law = Law { ratio: 0.7, letters: 0.99, backwards: true };
const STUDENT: Law = Law { ratio: 0.72, letters: 0.9, backwards: false };

fn letter(place: usize) -> u8 {
    b'A' + place as u8
}

impl Law {
    /// Of a byte.
    fn of(self, byte: u8) -> f64 {
        let place = usize::from(byte.wrapping_sub(b'A'));
        if place >= LETTERS {
            return (1.0 - self.letters) / OTHERS;
        }
        let place = if self.backwards { LETTERS - 1 - place } else { place };
        let all = (1.0 - self.ratio.powi(LETTERS as i32)) / (1.0 - self.ratio);
        self.letters * self.ratio.powi(place as i32) / all
    }

    /// The most probable bytes.
    fn top(self, count: usize) -> Vec<u8> {
        let mut letters: Vec<u8> = (0..LETTERS).map(letter).collect();
        letters.sort_by(|a, b| self.of(*b).total_cmp(&self.of(*a)));
        letters.truncate(count);
        letters
    }

    fn toml(self) -> String {
        let of = |place: usize| format!("{} = {}", char::from(letter(place)), self.of(letter(place)));
        format!("probabilities = {{ {} }}\n", (0..LETTERS).map(of).collect::<Vec<_>>().join(", "))
    }
}

/// What the teacher's next token follows, behind these.
fn law(before: &[u8]) -> Law {
    if before.last() == Some(&b'E') { TEACHER_AFTER_E } else { TEACHER }
}

/// An answer to a prompt: drawn, by the number of the prompt.
fn answer(number: usize) -> Vec<u8> {
    let mut state = number as u64 + 1;
    let mut chance = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / (1u64 << 24) as f64
    };
    let mut said = Vec::new();
    for _ in 0..12 + number % 5 {
        let (of, mut left) = (law(&said), chance());
        let drawn = of.top(LETTERS).into_iter().find(|letter| {
            left -= of.of(*letter);
            left < 0.0
        });
        said.push(drawn.unwrap_or(b'a' + (number % 26) as u8));
    }
    said
}

fn bench(student: &str) -> Desk {
    let desk = Desk::new();
    desk.write("student.toml", student);
    let prompt = |i| {
        json!({
            "id": format!("p{i}"), "family": format!("f{i}"), "axis": "letters", "kind": "prompt",
            "prompt": format!("Say {i}"), "max_tokens": 20,
        })
    };
    let lines: Vec<String> = (0..PROMPTS).map(|i| prompt(i).to_string()).collect();
    desk.write("probes.jsonl", &lines.join("\n"));
    desk
}

fn bytes() -> String {
    format!("vocabulary = \"bytes\"\n[default]\n{}", STUDENT.toml())
}

/// The number of the prompt that is asked.
fn number(asked: &AskedServer) -> Option<usize> {
    asked.last_message().strip_prefix("Say ")?.parse().ok()
}

/// A chat that lists the tokens of its answers.
fn serve(asked: &AskedServer) -> Served {
    serve_spoiled(asked, |_| ())
}

/// The same, where something is wrong with what is listed along the answer that checks look at.
fn serve_spoiled(asked: &AskedServer, spoil: fn(&mut Vec<Value>)) -> Served {
    let number = number(asked);
    let said = number.map_or_else(|| b"CABE7 \xc3\xa9".to_vec(), answer);
    let text = String::from_utf8(said.clone()).unwrap();
    let message = json!({"role": "assistant", "content": text});
    let mut choice = json!({"index": 0, "message": message, "finish_reason": "stop"});
    if asked.body["logprobs"] == true && number != Some(HIDDEN) {
        let count = usize::try_from(asked.body["top_logprobs"].as_u64().unwrap()).unwrap();
        assert!(asked.body["temperature"] == 1.0 || asked.last_message().contains(CHECK_MARK), "{}", asked.body);
        let token = |place: usize| {
            let (byte, law) = (said[place], law(&said[..place]));
            let top = law.top(count);
            let entry = |byte: u8, logprob: f64| {
                // A byte of another character has no text of its own.
                json!({"token": String::from_utf8_lossy(&[byte]), "logprob": logprob, "bytes": [byte]})
            };
            // Odd prompts: the log-probability of a token that is not listed is not said.
            let hides = number.is_some_and(|number| number % 2 == 1) && !top.contains(&byte);
            let mut token = entry(byte, if hides { -9999.0 } else { law.of(byte).ln() });
            if number == Some(DAMAGED) && place == 5 {
                token = json!({"token": "\u{fffd}", "logprob": law.of(byte).ln(), "bytes": null});
            }
            token["top_logprobs"] = top.into_iter().map(|byte| entry(byte, law.of(byte).ln())).collect();
            token
        };
        let mut content: Vec<Value> = (0..said.len()).map(token).collect();
        if asked.last_message().contains("Tell the story") {
            spoil(&mut content);
        }
        choice["logprobs"] = json!({ "content": content });
    }
    let usage = json!({"prompt_tokens": 5, "completion_tokens": said.len()});
    Served::json(200, &json!({"model": "big", "choices": [choice], "usage": usage}))
}

fn arguments<'a>(teacher: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let models = ["audit", "--teacher", teacher, "--student", "scripted:student.toml", "--probes", "probes.jsonl"];
    let asked = ["--samples", "2", "--reruns", "2", "--parallel", "4", "--out", "run"];
    [&models[..], &asked, more].concat()
}

fn statement(desk: &Desk) -> Value {
    serde_json::from_str(&fs::read_to_string(desk.path("run/statement.json")).unwrap()).unwrap()
}

fn metric<'s>(statement: &'s Value, id: &str) -> &'s Value {
    statement["metrics"].as_array().unwrap().iter().find(|metric| metric["id"] == id).unwrap()
}

/// What is true of the positions that count, from both laws.
#[derive(Default)]
struct Truth {
    positions: f64,
    sums: BTreeMap<&'static str, f64>,
}

impl Truth {
    fn add(&mut self, teacher: Law) {
        self.positions += 1.0;
        let mut bytes: Vec<u8> = (0..=255).collect();
        bytes.sort_by(|a, b| teacher.of(*b).total_cmp(&teacher.of(*a)));
        let (mut mass, mut all) = (0.0, BTreeMap::new());
        for byte in bytes {
            let (p, q) = (teacher.of(byte), STUDENT.of(byte));
            let mut add = |name: &'static str, value: f64| *all.entry(name).or_insert(0.0) += value;
            add("kl_divergence", p * (p / q).ln());
            add("reverse_kl", q * (q / p).ln());
            add("jensen_shannon", 0.5 * (p * (2.0 * p / (p + q)).ln() + q * (2.0 * q / (p + q)).ln()));
            add("token_overlap", p.min(q));
            add("teacher_entropy", -p * p.ln());
            add("student_entropy", -q * q.ln());
            // Beyond the smallest set of most probable tokens with 0.9 of the mass.
            if mass >= 0.9 {
                add("tail", p);
                add("kept", p.min(q));
                add("invented", (q - p).max(0.0));
            }
            mass += p;
        }
        let same = teacher.top(1) == STUDENT.top(1);
        all.insert("top1_agreement", f64::from(u8::from(same)));
        all.into_iter().for_each(|(name, value)| *self.sums.entry(name).or_insert(0.0) += value);
    }

    fn of(&self, id: &str) -> f64 {
        match id {
            "tail_kept" => self.sums["kept"] / self.sums["tail"],
            "tail_invented" => self.sums["invented"] / self.sums["tail"],
            "entropy_ratio" => self.sums["student_entropy"] / self.sums["teacher_entropy"],
            id => self.sums[id] / self.positions,
        }
    }
}

/// The truth over the answers to all prompts, as far as their tokens are told.
fn truth() -> Truth {
    let mut truth = Truth::default();
    for number in (0..PROMPTS).filter(|number| *number != HIDDEN) {
        let said = answer(number);
        let told = if number == DAMAGED { 5 } else { said.len() };
        (0..told).for_each(|place| truth.add(law(&said[..place])));
    }
    truth
}

/// A number below a million as a statement has it.
fn grouped(number: f64) -> String {
    let (thousands, rest) = (number as u64 / 1000, number as u64 % 1000);
    if thousands > 0 { format!("{thousands},{rest:03}") } else { rest.to_string() }
}

const BOUNDED: [&str; 7] =
    ["kl_divergence", "reverse_kl", "jensen_shannon", "token_overlap", "tail_kept", "tail_invented", "entropy_ratio"];

#[test]
fn the_truth_along_the_teachers_answers_is_within_the_bounds() {
    let desk = bench(&bytes());
    let server = ScriptedServer::start(serve).unwrap();
    let teacher = format!("openai:{}#big", server.address());
    let [_, talk] = in_one_line(desk.run(0, &arguments(&teacher, &["--listed-answers", "2"])));
    assert!(
        talk.contains("evidence R2: the most probable tokens at each place of the teacher's own answers"),
        "{talk}"
    );
    assert!(talk.contains("Said of tokens, along the teacher's answers: top-1 agreement, exactly; KL"), "{talk}");
    assert!(
        talk.contains("of 80 listed answers 2 are left out") && talk.contains("and 2 from the first token on"),
        "{talk}"
    );
    let (statement, truth) = (statement(&desk), truth());
    assert_eq!(statement["regime"]["id"], "R2");
    assert_eq!(statement["suite"]["positions"].as_f64(), Some(2.0 * truth.positions));
    for id in BOUNDED {
        let (metric, exact) = (metric(&statement, id), truth.of(id));
        assert!(metric["missing"].as_str().unwrap().contains("only known to be at least"), "{metric}");
        assert_eq!((&metric["regime"]["id"], &metric["regime"]["known"]), (&json!("R2"), &json!("bounds")), "{metric}");
        let [low, high] = ["low", "high"].map(|end| metric["bounds"][end].as_f64().unwrap());
        assert!(low < exact && exact < high, "{id}: {low} to {high}, expected {exact}");
        let [wide_low, wide_high] = ["low", "high"].map(|end| metric["bounds"]["interval"][end].as_f64().unwrap());
        assert!(wide_low <= low && high <= wide_high, "{metric}");
    }
    // They say something: about 0.04 of the mass is open.
    let kl = &metric(&statement, "kl_divergence")["bounds"];
    assert!(
        kl["low"].as_f64().unwrap() > 0.9 * truth.of("kl_divergence"),
        "{kl}, expected {}",
        truth.of("kl_divergence")
    );
    let overlap = &metric(&statement, "token_overlap")["bounds"];
    assert!(overlap["high"].as_f64().unwrap() - overlap["low"].as_f64().unwrap() < 0.06, "{overlap}");
    let top = metric(&statement, "top1_agreement")["estimate"]["value"].as_f64().unwrap();
    assert!((top - truth.of("top1_agreement")).abs() < 1e-9, "{top}");
    for id in ["best_temperature", "floored_mass", "fork_kl_divergence", "perplexity_ratio", "bits_per_byte_teacher"] {
        let metric = metric(&statement, id);
        assert_eq!((&metric["estimate"], metric.get("bounds")), (&Value::Null, None), "{metric}");
    }
    let notes = statement["notes"].to_string();
    let tokens: usize = (0..PROMPTS).filter(|number| *number != HIDDEN).map(|number| answer(number).len()).sum();
    let counted =
        format!("means over {} positions of {} tokens", grouped(2.0 * truth.positions), grouped(2.0 * tokens as f64));
    assert!(
        notes.contains("Numbers on tokens are of regime R2: of answers that the teacher drew, 2 to each prompt"),
        "{notes}"
    );
    assert!(
        notes.contains(&counted) && notes.contains("the rest of 78 answers, and 2 answers of which no token"),
        "{notes}"
    );
    assert!(!notes.contains("were cut into disjoint windows"), "{notes}");
    // What answers say is what it was.
    assert!(metric(&statement, "answer_agreement")["estimate"]["value"].is_number());
    assert!(metric(&statement, "teacher_text_bits_student")["estimate"]["value"].is_number());
}

/// Questions for an answer with its tokens.
fn listed(server: &ScriptedServer) -> usize {
    let is = |asked: &&AskedServer| asked.body["top_logprobs"] == LISTED && number(asked).is_some();
    server.asked().iter().filter(is).count()
}

#[test]
fn what_was_listed_is_not_asked_again() {
    let desk = bench(&bytes());
    let fails = Arc::new(Mutex::new(true));
    let out_of_order = fails.clone();
    let server = ScriptedServer::start(move |asked| {
        let is_listed = asked.body["top_logprobs"] == LISTED && number(asked) == Some(30);
        if is_listed && *out_of_order.lock().unwrap() {
            return Served::json(400, &json!({"error": {"message": "out of order"}}));
        }
        serve(asked)
    })
    .unwrap();
    let teacher = format!("openai:{}#big", server.address());
    let lists = ["--listed-answers", "1"];
    desk.run(4, &arguments(&teacher, &lists));
    let before = listed(&server);
    *fails.lock().unwrap() = false;
    desk.run(0, &arguments(&teacher, &lists));
    // The one that failed, and those that were not asked for its sake.
    assert_eq!(listed(&server), PROMPTS + 1, "{before} before");
    let first = statement(&desk);
    // Another run, and then one that is finished, without a server.
    fs::rename(desk.path("run"), desk.path("first")).unwrap();
    desk.run(0, &arguments(&teacher, &lists));
    assert_eq!(listed(&server), PROMPTS + 1);
    assert_eq!(metric(&statement(&desk), "kl_divergence"), metric(&first, "kl_divergence"));
    let address = server.address();
    drop(server);
    let server = ScriptedServer::start_at(&address, |_| Served::bytes(500, "gone")).unwrap();
    desk.run(0, &arguments(&teacher, &lists));
    assert_eq!(server.asked().len(), 0);
}

#[test]
fn lists_that_say_nothing_of_this_student_are_refused() {
    let check = |student: &str, serve: fn(&AskedServer) -> Served, expected: &str| {
        let desk = bench(student);
        let server = ScriptedServer::start(serve).unwrap();
        let teacher = format!("openai:{}#big", server.address());
        let [_, talk] = in_one_line(desk.run(2, &arguments(&teacher, &["--listed-answers", "1"])));
        assert!(talk.contains("--listed-answers is 1, expected none of this teacher: "), "{talk}");
        assert!(talk.contains(expected), "{talk}");
        assert_eq!(listed(&server), 0, "nothing is paid for");
    };
    // Pieces of two bytes, which the student would have used.
    let pieces = (0..LETTERS).map(letter).chain(b'0'..=b'9').map(|byte| format!("\"{}\"", char::from(byte)));
    let pieces: Vec<String> = pieces.collect();
    let pairs = format!(
        "vocabulary = [\"CA\", \" \", \"é\", \"Say \", {}]\n[default]\nprobabilities = {{ A = 0.5 }}\n",
        pieces.join(", ")
    );
    check(&pairs, serve, "an answer of it begins otherwise in the student's tokens, from token 1 on, which is \"C\"");
    check(
        &bytes(),
        |asked| Served::chat("big", if number(asked).is_some() { "A" } else { "yes" }, "stop"),
        "its server lists no tokens of its answers",
    );
}

/// Audits of a teacher that lists wrongly along its answers: only those that read these lists are wrong for it.
#[test]
fn a_check_of_log_probabilities_refuses_the_audit_that_reads_them_and_its_name_accepts_it() {
    let check = |serve: fn(&AskedServer) -> Served, name: &str, expected: &str, refuses: bool| {
        let server = ScriptedServer::start(serve).unwrap();
        let teacher = format!("openai:{}#big", server.address());
        let audit = |code: i32, more: &[&str]| {
            let desk = bench(&bytes());
            let [_, talk] = in_one_line(desk.run(code, &arguments(&teacher, more)));
            assert!(talk.contains(&format!("check `{name}` failed")) && talk.contains(expected), "{talk}");
            (desk, talk)
        };
        let (_, talk) = audit(0, &[]);
        assert!(talk.contains("warning"), "{talk}");
        let lists = ["--listed-answers", "1"];
        let (_, talk) = audit(if refuses { 2 } else { 0 }, &lists);
        assert_eq!(talk.contains(&format!("--accept {name} goes on all the same")), refuses, "{talk}");
        if refuses {
            let (desk, _) = audit(0, &[&lists[..], &["--accept", name]].concat());
            let notes = statement(&desk)["notes"].to_string();
            assert!(notes.contains(&format!("may fail: {name} (`--accept`)")), "{notes}");
        }
    };
    let guessed = |asked: &AskedServer| {
        serve_spoiled(asked, |content| content.iter_mut().skip(1).for_each(|token| token["logprob"] = json!(0.0)))
    };
    check(guessed, "zeros", "7 of 8 are exactly 0, 7 in a row at most", true);
    let fewer = |asked: &AskedServer| serve_spoiled(asked, |content| content.truncate(5));
    check(fewer, "counts", "expected 8 log-probabilities, one for each token, found 5", true);
    // What is not listed is bounded.
    let cut = |asked: &AskedServer| serve_spoiled(asked, |content| content[3]["logprob"] = json!(-9999.0));
    check(cut, "place-holders", "1 of 8 drawn tokens have a place-holder", false);
}

#[test]
fn models_that_never_list_are_refused_before_anything_is_asked() {
    let desk = bench(&bytes());
    let server = ScriptedServer::start(|_| Served::message("big", "yes", "end_turn")).unwrap();
    let check = |teacher: &str, student: &str, expected: &str| {
        let models = ["audit", "--teacher", teacher, "--student", student, "--probes", "probes.jsonl"];
        let [_, talk] = in_one_line(desk.run(2, &[&models[..], &["--listed-answers", "1"]].concat()));
        assert!(talk.contains(expected), "{talk}");
        assert_eq!(server.asked().len(), 0, "nobody is asked");
    };
    let lists = "expected an endpoint that may list the tokens of its answers (openai:, vllm:, sglang:, llama-server:, ollama:, gemini:), found";
    let here = "scripted:student.toml";
    check(&format!("anthropic:{}#big", server.address()), here, &format!("{lists} one that lists none"));
    check(here, here, &format!("{lists} a model that runs here"));
    check("answers:run#teacher", here, &format!("{lists} answers that are kept"));
    let big = format!("openai:{}#big", server.address());
    check(&format!("planted:disclaimers({big})"), here, &format!("{lists} one with a planted defect"));
    check(&big, &format!("ollama:{}#small", server.address()), "expected a model that runs here, found an endpoint");
}

#[test]
fn a_gate_is_decided_where_all_that_its_number_may_be_is_on_one_side() {
    let desk = bench(&bytes());
    let server = ScriptedServer::start(serve).unwrap();
    let teacher = format!("openai:{}#big", server.address());
    let exact = truth().of("kl_divergence");
    let check = |gate: String, code: i32| {
        desk.write("policy.toml", &format!("[[gate]]\n{gate}\n"));
        desk.run(code, &arguments(&teacher, &["--listed-answers", "1", "--gate", "--policy", "policy.toml"]));
    };
    check(format!("metric = \"kl_divergence\"\nat_most = {}", 0.5 * exact), 1);
    // Above the truth, and no pass: what is not listed may be anywhere.
    check(format!("metric = \"kl_divergence\"\nat_most = {}", 1.2 * exact), 3);
    check("metric = \"token_overlap\"\nat_least = 0.1".to_owned(), 0);
}

/// What a server such as llama.cpp says of a token.
fn entry(id: u32, text: &str, bytes: &[u8], p: f64) -> Value {
    json!({"id": id, "token": text, "bytes": bytes, "logprob": p.ln()})
}

/// Even prompts are answered with a letter that is two tokens, which the server shows as one with the list of the second, before the length is
/// reached; the others end by a token without words.
fn serve_as_llama_server(asked: &AskedServer) -> Served {
    let joins = number(asked).is_some_and(|number| number.is_multiple_of(2));
    let listed =
        [entry(1, "A", b"A", 0.5), entry(0, "", b"", 0.3), entry(2, "B", b"B", 0.15), entry(3, "C", b"C", 0.0125)];
    let fragments = [entry(90, "\u{fffd}", &[0xa9], 0.9), entry(91, "\u{fffd}", &[0xa8], 0.05)];
    let token = |entry: &Value, top: &[Value]| {
        let mut token = entry.clone();
        token["top_logprobs"] = json!(top);
        token
    };
    let joined = entry(90, "\u{e9}", "\u{e9}".as_bytes(), 0.01);
    let last = if joins { token(&joined, &fragments) } else { token(&listed[1], &listed) };
    let content = [token(&listed[0], &listed), token(&listed[2], &listed), last];
    let (text, finish, drawn) = if joins { ("AB\u{e9}", "length", 4) } else { ("AB", "stop", 3) };
    let mut choice = json!({"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish});
    if asked.body["logprobs"] == true {
        choice["logprobs"] = json!({ "content": content });
    }
    let usage = json!({"prompt_tokens": 5, "completion_tokens": drawn});
    Served::json(200, &json!({"model": "big", "choices": [choice], "usage": usage}))
}

#[test]
fn joined_tokens_are_left_out_and_the_end_of_an_answer_counts() {
    const PIECES: usize = 20;
    let digits = (0..10).map(|digit| format!("\"{digit}\""));
    let pieces = ["</s>", "A", "B", "C", "\u{e9}", "Say ", "D", "E", "F", "G"].map(|piece| format!("\"{piece}\""));
    let pieces: Vec<String> = pieces.into_iter().chain(digits).collect();
    assert_eq!(pieces.len(), PIECES);
    let desk = bench(&format!(
        "vocabulary = [{}]\neos = \"</s>\"\n[default]\nprobabilities = {{ A = 0.4, \"</s>\" = 0.35, B = 0.1, C = 0.0125 }}\n",
        pieces.join(", ")
    ));
    let server = ScriptedServer::start(serve_as_llama_server).unwrap();
    let teacher = format!("openai:{}#big", server.address());
    let [_, talk] = in_one_line(desk.run(0, &arguments(&teacher, &["--listed-answers", "1"])));
    let half = PROMPTS / 2;
    assert!(talk.contains(&format!("of {PROMPTS} listed answers 0 are left out")), "{talk}");
    assert!(talk.contains(&format!("and {half} from the first token on")), "{talk}");
    let statement = statement(&desk);
    assert_eq!(
        statement["suite"]["positions"].as_u64(),
        Some(5 * half as u64),
        "two of a joined answer, three of another"
    );
    // What is not listed is spread evenly by both.
    let (p, q) = ([0.5, 0.3, 0.15, 0.0125, 0.0375_f64], [0.4, 0.35, 0.1, 0.0125, 0.1375]);
    let exact: f64 = p.iter().zip(q).map(|(p, q)| p * (p / q).ln()).sum();
    let kl = &metric(&statement, "kl_divergence")["bounds"];
    let [low, high] = ["low", "high"].map(|end| kl[end].as_f64().unwrap());
    assert!(0.9 * exact < low && low < exact && exact < high, "{low} to {high}, expected {exact}");
    assert_eq!(metric(&statement, "top1_agreement")["estimate"]["value"], 1.0);
}
