//! Log-probabilities in chat answers: read, whatever the dialect. A place-holder is never a log-probability.

use serde_json::Value;

use crate::error::shown;
use crate::{ListedToken, unspelled};

/// At or below this a number says that nobody knows: −9999 of OpenAI and vLLM, −3.4e38 of llama.cpp and SGLang.
const SENTINEL: f64 = -9_000.0;
/// What stands for a log-probability that nobody knows.
pub(super) const UNKNOWN: f64 = -9_999.0;
/// How far rounding may lift a log-probability above 0, or a sum of probabilities above 1.
const ROUNDING: f64 = 1e-3;

/// One token of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ShownToken {
    pub text: String,
    /// Natural logarithm; `None` where a place-holder stands.
    pub logprob: Option<f64>,
    /// The most probable tokens there, without those that a place-holder stands for.
    pub top: Vec<(String, f64)>,
}

/// The tokens of an answer.
///
/// # Errors
/// They have no log-probabilities: what was expected, and what was found.
pub(super) fn read(tokens: &[Value]) -> Result<Vec<ShownToken>, String> {
    tokens.iter().map(token).collect()
}

/// The same by what tokens are spelled with: bytes, where the server says them.
///
/// # Errors
/// As [`read`].
pub(super) fn spelled(tokens: &[Value]) -> Result<Vec<ListedToken>, String> {
    let spelled = |value: &Value| {
        let ShownToken { logprob, .. } = token(value)?;
        let listed = value["top_logprobs"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut top = Vec::with_capacity(listed.len());
        for entry in listed {
            let (text, logprob) = weighed(entry)?;
            top.extend(logprob.map(|logprob| (bytes(entry, &text), logprob)));
        }
        let (text, _) = weighed(value)?;
        Ok(ListedToken { bytes: bytes(value, &text), logprob, top })
    };
    tokens.iter().map(spelled).collect()
}

/// What a token is spelled with: a part of a character has bytes, and no text. llama.cpp spells the tokens that end answers with nothing,
/// and says their ids.
fn bytes(entry: &Value, text: &str) -> Vec<u8> {
    let id = entry["id"].as_u64().and_then(|id| u32::try_from(id).ok());
    if let (true, Some(id)) = (text.is_empty() && entry["bytes"].as_array().is_none_or(Vec::is_empty), id) {
        return unspelled(id);
    }
    let byte = |number: &Value| u8::try_from(number.as_u64()?).ok();
    let said: Option<Vec<u8>> = entry["bytes"].as_array().and_then(|bytes| bytes.iter().map(byte).collect());
    said.filter(|bytes| !bytes.is_empty()).unwrap_or_else(|| text.as_bytes().to_vec())
}

fn token(value: &Value) -> Result<ShownToken, String> {
    let (text, logprob) = weighed(value)?;
    let listed = value["top_logprobs"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut top = Vec::with_capacity(listed.len());
    for entry in listed {
        let (text, logprob) = weighed(entry)?;
        top.extend(logprob.map(|logprob| (text, logprob)));
    }
    let sum: f64 = top.iter().map(|(_, logprob)| logprob.exp()).sum();
    if sum > 1.0 + ROUNDING {
        return Err(format!("expected probabilities that sum to at most 1, found {sum:.4}"));
    }
    Ok(ShownToken { text, logprob, top })
}

/// A token and what stands for its log-probability.
fn weighed(entry: &Value) -> Result<(String, Option<f64>), String> {
    let of = |entry: &Value| Some((entry["token"].as_str()?.to_owned(), logprob(&entry["logprob"])?));
    of(entry).ok_or_else(|| format!("expected a token with its log-probability, found {}", shown(&entry.to_string())))
}

/// A log-probability: `Some(None)` for a place-holder, `None` for what is neither.
pub(super) fn logprob(value: &Value) -> Option<Option<f64>> {
    let number = value.as_f64().filter(|number| !number.is_nan() && *number <= ROUNDING)?;
    Some((number > SENTINEL).then_some(number.min(0.0)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;
    use crate::http::dialect::Dialect;
    use crate::http::dialect::openai::PLAIN;

    fn chat(content: &Value) -> Value {
        json!({"choices": [{"logprobs": {"content": content}}]})
    }

    #[test]
    fn both_dialects_are_read_and_place_holders_are_unknown() {
        let list = json!([{"token": "A", "logprob": -0.5}, {"token": "B", "logprob": -9999.0}]);
        let tokens = json!([
            {"token": "A", "logprob": -0.5, "top_logprobs": list},
            {"token": "B", "logprob": -3.402_823_466_385_288_6e38, "top_logprobs": []},
        ]);
        let expected = [
            ShownToken { text: "A".into(), logprob: Some(-0.5), top: vec![("A".into(), -0.5)] },
            ShownToken { text: "B".into(), logprob: None, top: vec![] },
        ];
        for answer in [chat(&tokens), json!({ "logprobs": tokens })] {
            let shown = PLAIN.tokens(&answer).unwrap().unwrap();
            assert_eq!(read(&shown).unwrap(), expected);
        }
        assert_eq!(PLAIN.tokens(&json!({"choices": [{"message": {}}]})).unwrap(), None);
    }

    #[test]
    fn a_part_of_a_character_is_spelled_by_its_bytes() {
        let list = json!([
            {"token": "\u{fffd}", "logprob": -0.5, "bytes": [0xc3]},
            {"token": "é", "logprob": -1.0, "bytes": null},
            {"token": "z", "logprob": -9999.0},
        ]);
        let list =
            [list.as_array().unwrap().clone(), vec![json!({"id": 2, "token": "", "logprob": -6.0, "bytes": []})]]
                .concat();
        let tokens = json!([{"token": "\u{fffd}", "logprob": -0.5, "bytes": [0xc3], "top_logprobs": list}]);
        let top = vec![(vec![0xc3], -0.5), ("é".as_bytes().to_vec(), -1.0), (unspelled(2), -6.0)];
        let expected = ListedToken { bytes: vec![0xc3], logprob: Some(-0.5), top };
        assert_eq!(spelled(tokens.as_array().unwrap()).unwrap(), [expected]);
    }

    #[test]
    fn what_is_no_log_probability_is_refused() {
        let check = |tokens: Value, expected: &str| {
            let error = read(tokens.as_array().unwrap()).unwrap_err();
            assert!(error.contains(expected), "{error}");
        };
        check(json!([{"token": "A", "logprob": 0.5}]), "expected a token with its log-probability");
        check(json!([{"token": "A", "logprob": null}]), "expected a token with its log-probability");
        check(json!([{"logprob": -1.0}]), "expected a token with its log-probability");
        // What is shown is the entry that is wrong.
        let list = json!([{"token": "A", "logprob": -0.1}, {"token": "B", "logprob": 0.5}]);
        check(
            json!([{"token": "A", "logprob": -0.1, "top_logprobs": list}]),
            r#"found `{\"token\":\"B\",\"logprob\":0.5}`"#,
        );
        let list = json!([{"token": "A", "logprob": -0.1}, {"token": "B", "logprob": -0.2}]);
        check(json!([{"token": "A", "logprob": -0.1, "top_logprobs": list}]), "sum to at most 1, found 1.72");
    }
}
