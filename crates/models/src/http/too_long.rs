//! Refusals that say that a prompt, with its answer, does not fit into the model's context. That is how this question ends,
//! not a fault of the connection: the other questions are asked all the same.

use hydrometer_answers::FinishReason;

use super::dialect::Reply;

/// Codes and types of errors that say so.
const NAMES: [&str; 2] = ["context_length_exceeded", "exceed_context_size_error"];
/// The same in words, in lower case.
const WORDS: [&str; 12] = [
    // OpenAI, vLLM and many gateways.
    "maximum context length",
    "model's context length",
    "exceeds the context window",
    // vLLM, older ones.
    "longer than the maximum model length",
    // llama.cpp's server.
    "exceeds the available context size",
    // Ollama.
    "input length exceeds the context length",
    "exceeded max context length",
    // Anthropic.
    "prompt is too long",
    "exceed context limit",
    // Gemini.
    "exceeds the maximum number of tokens allowed",
    // Mistral, xAI and others.
    "maximum prompt length",
    "maximum allowed input length",
];

/// Whether a refusal says so.
pub(super) fn says(status: u16, names: &[String], words: &str) -> bool {
    let words = words.to_lowercase();
    matches!(status, 400 | 413 | 422)
        && (names.iter().any(|name| NAMES.contains(&name.as_str()))
            || NAMES.iter().chain(&WORDS).any(|text| words.contains(text)))
}

/// What stands in the place of the answer.
pub(super) fn reply() -> Reply {
    Reply {
        text: String::new(),
        calls: Vec::new(),
        finish: FinishReason::ContextExceeded,
        model: None,
        fingerprint: None,
        read: 0,
        drawn: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_server_says_it_in_its_own_words() {
        let check = |status, name: &str, words: &str, expected: bool| {
            assert_eq!(says(status, &[name.to_owned()], words), expected, "{words}");
        };
        let openai = "This model's maximum context length is 128000 tokens. However, you requested 150000 tokens";
        check(400, "context_length_exceeded", openai, true);
        check(400, "BadRequestError", openai, true);
        check(400, "", "The decoder prompt (length 140000) is longer than the maximum model length of 131072.", true);
        check(400, "", "The input (9000 tokens) is longer than the model's context length (4096 tokens).", true);
        let llama = "request (9412 tokens) exceeds the available context size (8192 tokens), try increasing it";
        check(400, "exceed_context_size_error", llama, true);
        check(400, "", "{\"error\":{\"type\":\"exceed_context_size_error\"}}", true);
        check(400, "", "the input length exceeds the context length", true);
        check(400, "invalid_request_error", "prompt is too long: 215000 tokens > 200000 maximum", true);
        check(400, "", "input length and `max_tokens` exceed context limit: 178902 + 32000 > 200000", true);
        check(
            400,
            "INVALID_ARGUMENT",
            "The input token count (1300000) exceeds the maximum number of tokens allowed (1048575).",
            true,
        );
        check(429, "rate_limit_exceeded", "Request too large: maximum context length", false);
        check(400, "invalid_request_error", "max_tokens is too large: 9000", false);
        check(500, "", "Context size has been exceeded.", false);
    }
}
