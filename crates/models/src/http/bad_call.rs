//! Refusals that show a call of the model's that the server could not read. That is what the model answered, not a fault of
//! the connection: asked again, it would answer so again.

use hydrometer_answers::FinishReason;

use super::dialect::Reply;

/// How servers begin to say so; the model's words follow. Ollama puts them between `raw='` and `', err=`.
const WORDS: [&str; 2] = ["error parsing tool call: ", "Failed to parse input at pos "];

/// The answer behind a refusal, where it is of this kind: the words as a call that is malformed.
pub(super) fn reply(status: u16, words: &str) -> Option<Reply> {
    let (_, said) = WORDS.iter().find_map(|begin| words.split_once(begin)).filter(|_| status == 500)?;
    let raw = said.split_once("raw='").map_or(said, |(_, raw)| raw.rsplit_once("', err=").map_or(raw, |(raw, _)| raw));
    let calls = vec![(String::new(), raw.to_owned())];
    let finish = FinishReason::ToolCalls;
    Some(Reply { text: String::new(), calls, finish, model: None, fingerprint: None, read: 0, drawn: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_models_own_words_are_kept_and_are_no_call() {
        let check = |status, words: &str, expected: Option<&str>| {
            let found = reply(status, words);
            assert_eq!(found.is_some(), expected.is_some(), "{words}");
            if let (Some(reply), Some(kept)) = (found.map(|reply| reply.kept(&[])), expected) {
                assert!(reply.text.contains(kept) && !reply.text.contains("err="), "{}", reply.text);
                let said = crate::ToolProtocol::Native.read(&reply.text);
                assert!(said.calls.is_empty() && said.malformed.is_some(), "{said:?}");
            }
        };
        check(500, r#"error parsing tool call: raw='{"a": 1}]', err=invalid character ']'"#, Some(r#"{"a": 1}]"#));
        check(500, "Failed to parse input at pos 9: <function=write>", Some("<function=write>"));
        check(500, "Internal Server Error", None);
        check(400, "Failed to parse input at pos 9: {", None);
    }
}
