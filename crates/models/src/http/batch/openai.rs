//! OpenAI's batches: a file of questions is uploaded, a batch is created from it, and its answers and errors are two files.

use serde_json::{Value, json};

use super::{Limits, Outcome, Phase, Provider, State, text};
use crate::error::shown;
use crate::http::address::Address;
use crate::http::asking::{Failed, Line};
use crate::http::gate::Gate;

/// Where the questions of a batch go, whatever the address of the server.
const ENDPOINT: &str = "/v1/chat/completions";
/// Under this name a batch keeps its mark.
const MARK: &str = "hydrometer";

/// The provider.
pub(super) struct OpenAi;

impl Provider for OpenAi {
    fn limits(&self) -> Limits {
        Limits { questions: 50_000, bytes: 200_000_000 }
    }

    fn url(&self, address: &Address) -> String {
        address.below("/batches")
    }

    fn question(&self, name: &str, body: &Value) -> Value {
        json!({"custom_id": name, "method": "POST", "url": ENDPOINT, "body": body})
    }

    fn creation(&self, line: &Line, gate: &Gate, questions: &[Value], mark: &str) -> Result<Value, Failed> {
        let file: String = questions.iter().map(|question| format!("{question}\n")).collect();
        let name = format!("hydrometer-{mark}.jsonl");
        let form = multipart(mark, &name, &file);
        let id = line.upload(&line.address.below("/files"), &content_type(mark), form.as_bytes(), gate, &|answer| {
            text(&answer["id"])
                .ok_or_else(|| format!("expected a file with an `id`, found {}", shown(&answer.to_string())))
        })?;
        Ok(json!({
            "input_file_id": id, "endpoint": ENDPOINT, "completion_window": "24h", "metadata": {(MARK): mark},
        }))
    }

    fn state(&self, batch: &Value) -> Result<State, String> {
        let wrong = || format!("expected a batch with `id` and `status`, found {}", shown(&batch.to_string()));
        let (id, said) = text(&batch["id"]).zip(text(&batch["status"])).ok_or_else(wrong)?;
        let phase = match said.as_str() {
            "validating" | "in_progress" | "finalizing" | "cancelling" => Phase::Waits,
            "completed" | "expired" => Phase::Ended,
            "cancelled" => Phase::Cancelled,
            "failed" => Phase::Refused,
            _ => return Err(wrong()),
        };
        let count = |name: &str| batch["request_counts"][name].as_u64().unwrap_or(0);
        let errors = batch["errors"]["data"].as_array().map(Vec::as_slice).unwrap_or_default();
        let error = |error: &Value| {
            let (code, words) = (text(&error["code"]).unwrap_or_default(), text(&error["message"]).unwrap_or_default());
            let line = error["line"].as_u64().map(|line| format!(" (line {line})")).unwrap_or_default();
            shown(format!("{code}: {words}{line}").trim_start_matches(": "))
        };
        let reason = errors.iter().map(error).collect::<Vec<_>>().join("; ");
        let files = [&batch["output_file_id"], &batch["error_file_id"]].into_iter().filter_map(text).collect();
        let (answered, failed, questions) = (count("completed"), count("failed"), count("total"));
        Ok(State { id, phase, said, answered, failed, questions, reason, files })
    }

    fn is_ours(&self, listed: &Value, mark: &str, _: (f64, usize)) -> bool {
        listed["metadata"][MARK] == mark
    }

    fn is_sure(&self) -> bool {
        true
    }

    fn results(&self, address: &Address, state: &State) -> Vec<String> {
        state.files.iter().map(|id| address.below(&format!("/files/{id}/content"))).collect()
    }

    fn outcome(&self, line: &Value) -> Option<(String, Outcome)> {
        let name = text(&line["custom_id"])?;
        let response = &line["response"];
        let status = response["status_code"].as_u64().and_then(|status| u16::try_from(status).ok());
        let outcome = match status {
            Some(status) => Outcome::Came { status, body: response["body"].clone() },
            None => {
                let error = &line["error"];
                let said = text(&error["message"]).or_else(|| text(&error["code"]))?;
                Outcome::NotAsked(said)
            }
        };
        Some((name, outcome))
    }
}

fn content_type(mark: &str) -> String {
    format!("multipart/form-data; boundary=hydrometer-{mark}")
}

/// A form with the purpose and the file. The boundary is a hash of the questions, so none of them holds it.
fn multipart(mark: &str, name: &str, file: &str) -> String {
    let part = |head: &str, body: &str| {
        format!("--hydrometer-{mark}\r\ncontent-disposition: form-data; {head}\r\n\r\n{body}\r\n")
    };
    let purpose = part("name=\"purpose\"", "batch");
    let head = format!("name=\"file\"; filename=\"{name}\"\r\ncontent-type: application/jsonl");
    format!("{purpose}{}--hydrometer-{mark}--\r\n", part(&head, file))
}
