//! A server of either provider, in memory, whose first batch goes wrong in one way.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::sync::Mutex;

use hydrometer_models::{AskedServer, ScriptedServer, Served};
use serde_json::{Value, json};

/// What goes wrong with the first batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Nothing,
    /// It is looked at so often before it has ended.
    Waits(u32),
    /// Time was over before the second half was asked.
    Expired,
    /// Somebody cancelled it before that.
    Cancelled,
    /// The second half met servers that had too much to do.
    PartlyFailed,
    /// The last question is refused.
    PartlyRefused,
    /// The last prompt is too long.
    TooLong,
    /// The results break off in the last line, so often.
    Torn(u32),
    /// Lines in another order, one of them twice.
    OtherOrder,
    /// A line of a question that nobody asked.
    Unknown,
    /// All lines are of such questions.
    AllUnknown,
    /// Nobody knows it any more.
    Lost,
    /// It is refused as a whole.
    Refused,
    /// It is created, and nobody hears of it.
    CreatedUnheard,
    /// Another model answers.
    OtherModel,
}

struct Batch {
    mark: Value,
    asked: Vec<(String, Value)>,
    looks: u32,
    reads: u32,
}

#[derive(Default)]
pub struct Kept {
    files: Vec<Vec<(String, Value)>>,
    batches: Vec<Batch>,
}

/// A server of this provider whose first batch has this fault.
pub fn serve(provider: &'static str, fault: Fault) -> ScriptedServer {
    let kept = Mutex::new(Kept::default());
    ScriptedServer::start(move |asked| {
        let mut kept = kept.lock().unwrap();
        if provider == "openai" { openai(asked, fault, &mut kept) } else { anthropic(asked, fault, &mut kept) }
    })
    .unwrap()
}

pub fn no(status: u16, kind: &str, message: &str) -> (u16, Value) {
    (status, json!({"type": "error", "error": {"type": kind, "message": message, "code": null}}))
}

/// The first token of an answer, A, and what else it might have been.
fn letters() -> Value {
    let entry = |(token, p): (&str, f64)| json!({"token": token, "logprob": p.ln()});
    let top: Vec<Value> = [("A", 0.5), ("B", 0.25), ("C", 0.125)].map(entry).into();
    let mut first = top[0].clone();
    first["top_logprobs"] = top.into();
    json!({ "content": [first] })
}

/// How many questions each batch held that a server of this provider was given.
pub fn questions(provider: &str, server: &ScriptedServer) -> Vec<usize> {
    let asked = server.asked();
    let posts = |path: &'static str| asked.iter().filter(move |asked| asked.method == "POST" && asked.path == path);
    if provider == "openai" {
        let lines = |asked: &AskedServer| String::from_utf8_lossy(&asked.bytes).matches("custom_id").count();
        assert_eq!(posts("/v1/files").count(), posts("/v1/batches").count());
        return posts("/v1/files").map(lines).collect();
    }
    posts("/v1/messages/batches").map(|asked| asked.body["requests"].as_array().unwrap().len()).collect()
}

/// What becomes of each question: status and body, or nothing where it was not asked.
fn outcomes(provider: &str, fault: Fault, batch: &Batch) -> Vec<(String, Option<(u16, Value)>)> {
    let count = batch.asked.len();
    let one = |(place, (name, body)): (usize, &(String, Value))| {
        let words = body["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap();
        let model = if fault == Fault::OtherModel { "small" } else { "big" };
        let listed = body["logprobs"] == true;
        let is_letter = listed || words.contains("Answer with the letter");
        let text = if is_letter { "A".to_owned() } else { format!("to {words}") };
        let answer = match provider {
            "openai" => json!({"object": "chat.completion", "model": model, "choices": [{"index": 0, "message":
                {"role": "assistant", "content": text}, "finish_reason": "stop",
                "logprobs": if listed { letters() } else { Value::Null }}],
                "usage": {"prompt_tokens": 10, "completion_tokens": 2}}),
            _ => json!({"type": "message", "model": model, "content": [{"type": "text", "text": text}],
                "stop_reason": "end_turn", "usage": {"input_tokens": 10, "output_tokens": 2}}),
        };
        let (second_half, last) = (place >= count / 2, place + 1 == count);
        let outcome = match fault {
            Fault::Expired | Fault::Cancelled if second_half => None,
            Fault::PartlyFailed if second_half => Some(no(529, "overloaded_error", "busy")),
            Fault::PartlyRefused if last => Some(no(400, "invalid_request_error", "this is not allowed")),
            Fault::TooLong if last => {
                Some(no(400, "invalid_request_error", "prompt is too long: 9 tokens > 8 maximum"))
            }
            _ => Some((200, answer)),
        };
        (name.clone(), outcome)
    };
    batch.asked.iter().enumerate().map(one).collect()
}

/// Lines as text, with what is wrong with them.
fn lines(mut lines: Vec<Value>, fault: Fault, reads: u32, strange: impl Fn(&Value) -> Value) -> Served {
    match fault {
        Fault::OtherOrder => {
            lines.reverse();
            lines.push(strange(&lines[0]));
            let name = lines[0]["custom_id"].clone();
            lines.last_mut().unwrap()["custom_id"] = name;
        }
        Fault::Unknown => lines.insert(0, strange(&lines[0])),
        Fault::AllUnknown => lines.iter_mut().for_each(|line| *line = strange(line)),
        _ => {}
    }
    let mut text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    if matches!(fault, Fault::Torn(times) if reads <= times) {
        text.truncate(text.len() - 40);
    }
    Served::bytes(200, text)
}

fn fault_of(place: usize, fault: Fault) -> Fault {
    if place == 0 { fault } else { Fault::Nothing }
}

pub fn openai(asked: &AskedServer, fault: Fault, kept: &mut Kept) -> Served {
    let state = |place: usize, batch: &Batch| {
        let fault = fault_of(place, fault);
        let done = outcomes("openai", fault, batch);
        let answered = done.iter().filter(|(_, outcome)| matches!(outcome, Some((200, _)))).count();
        let status = match fault {
            Fault::Waits(looks) if batch.looks <= looks => "in_progress",
            Fault::Expired => "expired",
            Fault::Cancelled => "cancelled",
            Fault::Refused => "failed",
            _ => "completed",
        };
        let errors = json!({"object": "list", "data": [{"code": "token_limit_exceeded", "message": "Enqueued token limit reached"}]});
        let file = |kind: &str| (status != "in_progress").then(|| format!("file-{kind}-{place}"));
        json!({
            "id": format!("batch_{place}"), "object": "batch", "status": status, "metadata": batch.mark,
            "output_file_id": file("output"), "error_file_id": if answered < done.len() { file("error") } else { None },
            "errors": if fault == Fault::Refused { errors } else { Value::Null },
            "request_counts": {"total": done.len(), "completed": answered, "failed": done.len() - answered},
        })
    };
    let path = asked.path.as_str();
    match (asked.method.as_str(), path) {
        ("POST", "/v1/chat/completions") => Served::chat("big", "yes", "stop"),
        ("POST", "/v1/files") => {
            let form = String::from_utf8(asked.bytes.clone()).unwrap();
            assert!(asked.header("content-type").unwrap().starts_with("multipart/form-data; boundary="));
            assert!(form.contains("name=\"purpose\"\r\n\r\nbatch\r\n"), "{form}");
            let questions = form.lines().filter(|line| line.starts_with('{'));
            let questions = questions.map(|line| serde_json::from_str::<Value>(line).unwrap()).map(|question| {
                assert_eq!((&question["method"], &question["url"]), (&json!("POST"), &json!("/v1/chat/completions")));
                (question["custom_id"].as_str().unwrap().to_owned(), question["body"].clone())
            });
            kept.files.push(questions.collect());
            Served::json(
                200,
                &json!({"id": format!("file-{}", kept.files.len() - 1), "object": "file", "purpose": "batch"}),
            )
        }
        ("POST", "/v1/batches") => {
            assert_eq!(asked.body["completion_window"], "24h");
            assert_eq!(asked.body["endpoint"], "/v1/chat/completions");
            let file: usize = asked.body["input_file_id"].as_str().unwrap()[5..].parse().unwrap();
            let batch =
                Batch { mark: asked.body["metadata"].clone(), asked: kept.files[file].clone(), looks: 0, reads: 0 };
            kept.batches.push(batch);
            let place = kept.batches.len() - 1;
            if fault_of(place, fault) == Fault::CreatedUnheard {
                return Served::json(500, &json!({"error": {"message": "something broke"}}));
            }
            Served::json(200, &state(place, &kept.batches[place]))
        }
        ("GET", "/v1/batches?limit=100") => {
            let all: Vec<Value> = kept.batches.iter().enumerate().map(|(place, batch)| state(place, batch)).collect();
            Served::json(200, &json!({"object": "list", "data": all, "has_more": false}))
        }
        ("GET", path) if path.starts_with("/v1/batches/batch_") => {
            let place: usize = path.rsplit('_').next().unwrap().parse().unwrap();
            if fault_of(place, fault) == Fault::Lost {
                return Served::json(404, &json!({"error": {"message": "No such batch"}}));
            }
            kept.batches[place].looks += 1;
            Served::json(200, &state(place, &kept.batches[place]))
        }
        ("GET", path) => {
            let id = path.strip_prefix("/v1/files/file-").unwrap().strip_suffix("/content").unwrap();
            let (kind, place) = id.split_once('-').unwrap();
            let place: usize = place.parse().unwrap();
            let batch = &mut kept.batches[place];
            batch.reads += 1;
            let fault = fault_of(place, fault);
            let all = outcomes("openai", fault, batch).into_iter().filter_map(|(name, outcome)| {
                let ours = matches!(outcome, Some((200, _))) == (kind == "output");
                let line = match outcome {
                    Some((status, body)) => json!({"id": "r", "custom_id": name, "response": {"status_code": status,
                        "request_id": "q", "body": body}, "error": null}),
                    None => json!({"id": "r", "custom_id": name, "response": null,
                        "error": {"code": "batch_expired", "message": "the completion window expired"}}),
                };
                ours.then_some(line)
            });
            lines(all.collect(), fault, batch.reads, |line| {
                let mut line = line.clone();
                line["custom_id"] = format!("x{}", line["custom_id"].as_str().unwrap()).into();
                line["response"]["body"]["choices"][0]["message"]["content"] = "another".into();
                line
            })
        }
        other => panic!("{other:?}"),
    }
}

pub fn anthropic(asked: &AskedServer, fault: Fault, kept: &mut Kept) -> Served {
    let state = |place: usize, batch: &Batch| {
        let fault = fault_of(place, fault);
        let done = outcomes("anthropic", fault, batch);
        let of = |wanted: fn(&Option<(u16, Value)>) -> bool| done.iter().filter(|(_, outcome)| wanted(outcome)).count();
        let waits = matches!(fault, Fault::Waits(looks) if batch.looks <= looks);
        let cancelled = fault == Fault::Cancelled;
        json!({
            "id": format!("msgbatch_{place}"), "type": "message_batch", "created_at": "2026-11-29T00:00:00Z",
            "processing_status": if waits { "in_progress" } else { "ended" },
            "cancel_initiated_at": if cancelled { json!("2026-11-29T00:00:01Z") } else { Value::Null }, "archived_at": null,
            // Nobody is to follow it: the key would go there.
            "results_url": if waits { Value::Null } else { json!("http://127.0.0.1:1/elsewhere") },
            "request_counts": if waits { json!({"processing": done.len(), "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0}) } else {
                json!({"processing": 0, "succeeded": of(|outcome| matches!(outcome, Some((200, _)))),
                    "errored": of(|outcome| matches!(outcome, Some((400.., _)))),
                    "canceled": if cancelled { of(Option::is_none) } else { 0 }, "expired": if cancelled { 0 } else { of(Option::is_none) }})
            },
        })
    };
    match (asked.method.as_str(), asked.path.as_str()) {
        ("POST", "/v1/messages") => Served::message("big", "yes", "end_turn"),
        ("POST", "/v1/messages/batches") => {
            if fault == Fault::Refused && kept.batches.is_empty() {
                return Served::json(400, &no(400, "invalid_request_error", "Enqueued token limit reached").1);
            }
            let requests = asked.body["requests"].as_array().unwrap().iter();
            let requests = requests.map(|one| (one["custom_id"].as_str().unwrap().to_owned(), one["params"].clone()));
            kept.batches.push(Batch { mark: Value::Null, asked: requests.collect(), looks: 0, reads: 0 });
            let place = kept.batches.len() - 1;
            if fault_of(place, fault) == Fault::CreatedUnheard {
                return Served::json(500, &no(500, "api_error", "something broke").1);
            }
            Served::json(200, &state(place, &kept.batches[place]))
        }
        ("GET", "/v1/messages/batches?limit=100") => {
            let all: Vec<Value> = kept.batches.iter().enumerate().map(|(place, batch)| state(place, batch)).collect();
            Served::json(200, &json!({"data": all, "has_more": false, "first_id": null, "last_id": null}))
        }
        ("GET", path) => {
            let rest = path.strip_prefix("/v1/messages/batches/msgbatch_").unwrap();
            let (place, results) = rest.split_once('/').map_or((rest, false), |(place, _)| (place, true));
            let place: usize = place.parse().unwrap();
            let fault = fault_of(place, fault);
            if fault == Fault::Lost {
                return Served::json(404, &no(404, "not_found_error", "no such batch").1);
            }
            let batch = &mut kept.batches[place];
            if !results {
                batch.looks += 1;
                return Served::json(200, &state(place, &kept.batches[place]));
            }
            batch.reads += 1;
            let all = outcomes("anthropic", fault, batch).into_iter().map(|(name, outcome)| {
                let result = match outcome {
                    Some((200, message)) => json!({"type": "succeeded", "message": message}),
                    Some((_, error)) => json!({"type": "errored", "error": error}),
                    None => json!({"type": if fault == Fault::Cancelled { "canceled" } else { "expired" }}),
                };
                json!({"custom_id": name, "result": result})
            });
            lines(all.collect(), fault, batch.reads, |line| {
                let mut line = line.clone();
                line["custom_id"] = format!("x{}", line["custom_id"].as_str().unwrap()).into();
                line["result"]["message"]["content"][0]["text"] = "another".into();
                line
            })
        }
        other => panic!("{other:?}"),
    }
}
