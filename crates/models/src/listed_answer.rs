//! Answers of which every token is shown with the most probable ones at its place. Tokens have no ids here, only the bytes that they are
//! spelled with: whoever has the tokenizer says which they are.

use std::ops::ControlFlow;

use hydrometer_answers::{FinishReason, SamplingParameters};
use serde_json::{Value, json};

use crate::{ModelError, SampleRequest};

/// One token of an answer, and the most probable ones at its place.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedToken {
    /// What it is spelled with; [`unspelled`] where the server spells it with nothing and says its id.
    pub bytes: Vec<u8>,
    /// Its log-probability in nats at temperature 1; `None` where the server does not say it, which may be because it is not listed.
    pub logprob: Option<f64>,
    /// The most probable tokens with their log-probabilities, as the server has them. Some put the token itself among them, in the place
    /// of the last.
    pub top: Vec<(Vec<u8>, f64)>,
}

/// Stands in front of an id where nothing is spelled: no text has this byte.
const UNSPELLED: u8 = 0xff;

/// What stands for a token that has no words, such as the one that ends an answer, where its id is known.
#[must_use]
pub fn unspelled(id: u32) -> Vec<u8> {
    [&[UNSPELLED], &id.to_le_bytes()[..]].concat()
}

/// The id that [`unspelled`] was made of; `None` of a spelling.
#[must_use]
pub fn id_unspelled(bytes: &[u8]) -> Option<u32> {
    bytes.strip_prefix(&[UNSPELLED])?.try_into().ok().map(u32::from_le_bytes)
}

/// An answer, token by token.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedAnswer {
    /// Its words.
    pub text: String,
    /// How it ended.
    pub finish: FinishReason,
    /// Its tokens; empty where none are shown.
    pub tokens: Vec<ListedToken>,
    /// Tokens of the question, as the server counts them.
    pub read: u64,
    /// Tokens of the answer, counted the same way.
    pub drawn: u64,
}

impl ListedAnswer {
    /// Its words and tokens as they are kept: JSON.
    #[must_use]
    pub fn as_kept(&self) -> String {
        let token = |token: &ListedToken| {
            let top: Vec<Value> = token.top.iter().map(|(bytes, logprob)| json!([spelled(bytes), logprob])).collect();
            json!([spelled(&token.bytes), token.logprob, top])
        };
        let tokens: Vec<Value> = self.tokens.iter().map(token).collect();
        json!({"text": self.text, "tokens": tokens}).to_string()
    }

    /// What was kept of an answer that ended so; `None` where it is something else.
    #[must_use]
    pub fn of_kept(kept: &str, finish: FinishReason) -> Option<ListedAnswer> {
        let kept: Value = serde_json::from_str(kept).ok()?;
        let entry = |entry: &Value| Some((bytes(&entry[0])?, entry[1].as_f64()?));
        let token = |token: &Value| {
            let logprob = if token[1].is_null() { None } else { Some(token[1].as_f64()?) };
            let top = token[2].as_array()?.iter().map(entry).collect::<Option<_>>()?;
            Some(ListedToken { bytes: bytes(&token[0])?, logprob, top })
        };
        let tokens = kept["tokens"].as_array()?.iter().map(token).collect::<Option<_>>()?;
        Some(ListedAnswer { text: kept["text"].as_str()?.to_owned(), finish, tokens, read: 0, drawn: 0 })
    }
}

/// A text where bytes are one, else their numbers.
fn spelled(bytes: &[u8]) -> Value {
    std::str::from_utf8(bytes).map_or_else(|_| json!(bytes), Value::from)
}

fn bytes(spelled: &Value) -> Option<Vec<u8>> {
    let byte = |number: &Value| u8::try_from(number.as_u64()?).ok();
    match spelled {
        Value::String(text) => Some(text.clone().into_bytes()),
        numbers => numbers.as_array()?.iter().map(byte).collect(),
    }
}

/// A [`ListedAnswer`] to a request by its place, and the number of its sample; nothing from time to time.
pub type ListedAnswerCame = Option<((usize, u32), ListedAnswer)>;

/// A model that answers conversations and shows each token of an answer with the most probable ones at its place.
pub trait ListsAnswers: Send + Sync {
    /// An answer in many scripts, by which one can tell whether its tokens are those of a tokenizer.
    ///
    /// # Errors
    /// The model fails.
    fn example(&self) -> Result<ListedAnswer, ModelError>;

    /// Answers drawn at temperature 1 from all of the distribution, whatever the parameters say of it, at most `width` asked at once:
    /// handed over as they come. `Break` ends early, and what is under way is handed over all the same.
    ///
    /// # Errors
    /// A prompt that is not of this model's making, parameters without meaning, or the model fails.
    fn listed_answers(
        &self,
        requests: &[SampleRequest],
        parameters: &SamplingParameters,
        width: usize,
        watch: &mut dyn FnMut(ListedAnswerCame) -> ControlFlow<()>,
    ) -> Result<(), ModelError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_stands_where_nothing_is_spelled() {
        for id in [0, 2, 255, 128_009, u32::MAX] {
            assert_eq!(id_unspelled(&unspelled(id)), Some(id));
        }
        for spelling in [&b""[..], &[0xff], b"<|im_end|>", &[0xff, 0xff]] {
            assert_eq!(id_unspelled(spelling), None, "{spelling:?}");
        }
    }

    #[test]
    fn what_is_kept_is_what_was_shown() {
        let tokens = vec![
            ListedToken {
                bytes: b" caf".to_vec(),
                logprob: Some(-0.5),
                top: vec![(b" caf".to_vec(), -0.5), (vec![0xc3], -1.25)],
            },
            ListedToken { bytes: vec![0xc3], logprob: None, top: vec![(unspelled(70_000), -2.0)] },
        ];
        let answer = ListedAnswer { text: "café \"x\"".into(), finish: FinishReason::Stop, tokens, read: 0, drawn: 0 };
        assert_eq!(ListedAnswer::of_kept(&answer.as_kept(), FinishReason::Stop).as_ref(), Some(&answer));
        for other in ["", "{}", r#"{"listed": [], "others": -1}"#, r#"{"text": "a", "tokens": [["a", "b", []]]}"#] {
            assert_eq!(ListedAnswer::of_kept(other, FinishReason::Stop), None, "{other}");
        }
    }
}
