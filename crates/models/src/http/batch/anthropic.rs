//! Anthropic's message batches: created from the questions themselves; the results are lines in any order.

use serde_json::{Value, json};

use super::{Limits, Outcome, Phase, Provider, State, text};
use crate::error::shown;
use crate::http::address::Address;
use crate::http::asking::{Failed, Line};
use crate::http::gate::Gate;
use crate::http::waits::rfc3339;

/// How far the clocks of both sides may be apart, in seconds.
const SKEW: f64 = 300.0;

/// The provider.
pub(super) struct Anthropic;

impl Provider for Anthropic {
    fn limits(&self) -> Limits {
        Limits { questions: 100_000, bytes: 256_000_000 }
    }

    fn url(&self, address: &Address) -> String {
        address.below("/messages/batches")
    }

    fn question(&self, name: &str, body: &Value) -> Value {
        json!({"custom_id": name, "params": body})
    }

    fn creation(&self, _: &Line, _: &Gate, questions: &[Value], _: &str) -> Result<Value, Failed> {
        Ok(json!({ "requests": questions }))
    }

    fn state(&self, batch: &Value) -> Result<State, String> {
        let wrong =
            || format!("expected a batch with `id` and `processing_status`, found {}", shown(&batch.to_string()));
        let (id, said) = text(&batch["id"]).zip(text(&batch["processing_status"])).ok_or_else(wrong)?;
        let phase = match said.as_str() {
            "in_progress" | "canceling" => Phase::Waits,
            "ended" if !batch["cancel_initiated_at"].is_null() => Phase::Cancelled,
            "ended" => Phase::Ended,
            _ => return Err(wrong()),
        };
        if phase != Phase::Waits && !batch["archived_at"].is_null() {
            // Its results are there no more.
            return Ok(State { id, phase: Phase::Lost, said, ..State::default() });
        }
        let count = |name: &str| batch["request_counts"][name].as_u64().unwrap_or(0);
        let failed = count("errored") + count("expired") + count("canceled");
        let questions = total(batch);
        Ok(State { id, phase, said, answered: count("succeeded"), failed, questions, ..State::default() })
    }

    /// A batch has no name of ours: one that began no earlier, with as many questions.
    fn is_ours(&self, listed: &Value, _: &str, (begun, questions): (f64, usize)) -> bool {
        let created = text(&listed["created_at"]).and_then(|time| rfc3339(&time));
        created.is_some_and(|created| created >= begun - SKEW) && total(listed) == questions as u64
    }

    fn is_sure(&self) -> bool {
        false
    }

    /// Not where `results_url` says: the key goes to no other place than the one that was named.
    fn results(&self, address: &Address, state: &State) -> Vec<String> {
        vec![format!("{}/{}/results", self.url(address), state.id)]
    }

    fn outcome(&self, line: &Value) -> Option<(String, Outcome)> {
        let (name, result) = (text(&line["custom_id"])?, &line["result"]);
        let outcome = match result["type"].as_str()? {
            "succeeded" => Outcome::Came { status: 200, body: result["message"].clone() },
            "errored" => Outcome::Came { status: status(&result["error"]), body: result["error"].clone() },
            said @ ("expired" | "canceled") => Outcome::NotAsked(said.to_owned()),
            _ => return None,
        };
        Some((name, outcome))
    }
}

/// The questions of a batch, whatever became of them.
fn total(batch: &Value) -> u64 {
    let counts = batch["request_counts"].as_object();
    counts.map_or(0, |counts| counts.values().filter_map(Value::as_u64).sum())
}

/// The status with which an error of this type comes where it comes by itself.
fn status(error: &Value) -> u16 {
    let kind = error["error"]["type"].as_str().or_else(|| error["type"].as_str());
    match kind {
        Some("invalid_request_error") => 400,
        Some("authentication_error") => 401,
        Some("billing_error") => 402,
        Some("permission_error") => 403,
        Some("not_found_error") => 404,
        Some("request_too_large") => 413,
        Some("rate_limit_error") => 429,
        Some("timeout_error") => 504,
        Some("overloaded_error") => 529,
        _ => 500,
    }
}
