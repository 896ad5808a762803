//! How answers are sampled: the settings that are part of every answer's identity, and how an answer ended.

use std::fmt;

use hydrometer_probes::Decoding;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::SampleSource;
use crate::parquet_io::row::{Word, known_word};

/// Settings of sampling. The order of the fields is part of the answer key (`docs/answer-store.md`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SamplingParameters {
    /// Logits are divided by it; finite and ≥ 0, where 0 takes the most probable token always.
    pub temperature: f64,
    /// Mass of the smallest set of most probable tokens that is sampled from, in (0, 1]; 1 for all.
    pub top_p: f64,
    /// Number of most probable tokens that are sampled from; 0 for all.
    pub top_k: u32,
    /// Most tokens of an answer, at least 1.
    pub max_tokens: u32,
    /// Texts that end an answer; none is empty.
    pub stop: Vec<String>,
    /// Seed of every draw.
    pub seed: u64,
}

impl SamplingParameters {
    /// Whether samples are draws from the model's own distribution: temperature 1, top_p 1, no top_k.
    ///
    /// Only then do they say anything about that distribution (METRICS: evidence regimes).
    pub fn is_distribution(&self) -> bool {
        self.temperature == 1.0 && self.top_p == 1.0 && self.top_k == 0
    }

    /// As they are for one question: with its own longest answer and texts that end one, and without chance where it is
    /// answered greedily.
    pub fn of_question(&self, decoding: Decoding, max_tokens: Option<u32>, stop: &[String]) -> SamplingParameters {
        let mut parameters = self.clone();
        parameters.max_tokens = max_tokens.unwrap_or(self.max_tokens);
        parameters.stop.extend(stop.iter().cloned());
        if decoding == Decoding::Greedy {
            parameters.temperature = 0.0;
        }
        parameters
    }

    /// The first setting outside its range, as a lower-case fragment.
    pub fn fault(&self) -> Option<String> {
        if !(self.temperature.is_finite() && self.temperature >= 0.0) {
            return Some(format!("temperature is {}, expected a number of at least 0", self.temperature));
        }
        if !(self.top_p > 0.0 && self.top_p <= 1.0) {
            return Some(format!("top_p is {}, expected a number above 0 and at most 1", self.top_p));
        }
        if self.max_tokens == 0 {
            return Some("max_tokens is 0, expected at least 1".to_owned());
        }
        self.stop.iter().any(String::is_empty).then(|| "a stop text is empty".to_owned())
    }
}

/// What a run samples: part of its plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SampleSettings {
    /// Answers per probe of the teacher, and of the student.
    pub per_probe: u32,
    /// Further answers per probe of the teacher: its agreement with itself is the ceiling.
    pub reruns: u32,
    /// How they are drawn.
    pub parameters: SamplingParameters,
    /// The student draws with the random numbers of the teacher's second run: answer `i` of the one and of the other are a pair
    /// ([`SampleSettings::draws_like`]), where that has as many. It is independent of the teacher's first run all the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paired: bool,
}

impl SampleSettings {
    /// Whether every answer of the student has one of the teacher's second run to be a pair with. Fewer of them would say less of
    /// the teacher than its first run does.
    pub fn pairs(&self) -> bool {
        self.paired && self.reruns >= self.per_probe
    }

    /// The source whose random numbers a source draws with.
    ///
    /// With its teacher's numbers a student that is close to it says much the same, and what it scores beside the teacher's second
    /// run varies little: common random numbers (Benz et al., Evaluation of Large Language Models via Coupled Token
    /// Generation, arXiv:2502.01754).
    pub fn draws_like(&self, source: SampleSource) -> SampleSource {
        match source {
            SampleSource::Student if self.pairs() => SampleSource::Rerun,
            source => source,
        }
    }

    /// Answers of a source to one probe. Without chance a second answer says nothing new.
    pub fn answers(&self, source: SampleSource, decoding: Decoding) -> u32 {
        match (source, decoding) {
            (SampleSource::Rerun, Decoding::Greedy) => 0,
            (_, Decoding::Greedy) => 1,
            (SampleSource::Rerun, Decoding::Sampled) => self.reruns,
            (_, Decoding::Sampled) => self.per_probe,
        }
    }
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The model ended it, or a stop text came.
    Stop,
    /// It reached the most tokens allowed.
    Length,
    /// The model, or who serves it, declined to answer.
    Refusal,
    /// A filter of the provider took the answer, or its rest.
    ContentFilter,
    /// The model called tools in the provider's own way instead of answering in words.
    ToolCalls,
    /// There is none: prompt and answer do not fit into the model's context.
    ContextExceeded,
}

impl FinishReason {
    /// All of them.
    pub const ALL: [FinishReason; 6] = [
        FinishReason::Stop,
        FinishReason::Length,
        FinishReason::Refusal,
        FinishReason::ContentFilter,
        FinishReason::ToolCalls,
        FinishReason::ContextExceeded,
    ];

    /// `stop`, `length`, `refusal`, `content_filter`, `tool_calls` or `context_exceeded`.
    pub fn name(self) -> &'static str {
        match self {
            FinishReason::Stop => "stop",
            FinishReason::Length => "length",
            FinishReason::Refusal => "refusal",
            FinishReason::ContentFilter => "content_filter",
            FinishReason::ToolCalls => "tool_calls",
            FinishReason::ContextExceeded => "context_exceeded",
        }
    }
}

impl fmt::Display for FinishReason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl Word for FinishReason {
    fn word(&self) -> &'static str {
        self.name()
    }

    fn read(&mut self, found: &str) -> Result<(), String> {
        *self = known_word(&FinishReason::ALL, FinishReason::name, found)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn plain() -> SamplingParameters {
        SamplingParameters { temperature: 1.0, top_p: 1.0, top_k: 0, max_tokens: 8, stop: Vec::new(), seed: 0 }
    }

    #[test]
    fn only_untouched_sampling_is_a_draw_from_the_distribution() {
        let check = |change: fn(&mut SamplingParameters), expected: bool| {
            let mut parameters = plain();
            change(&mut parameters);
            assert_eq!(parameters.is_distribution(), expected, "{parameters:?}");
        };
        check(|_| {}, true);
        check(|p| p.temperature = 0.7, false);
        check(|p| p.top_p = 0.95, false);
        check(|p| p.top_k = 40, false);
        check(|p| p.seed = 9, true);
    }

    #[test]
    fn settings_outside_their_range_are_named() {
        let check = |change: fn(&mut SamplingParameters), expected: &str| {
            let mut parameters = plain();
            change(&mut parameters);
            let found = parameters.fault().unwrap();
            assert!(found.contains(expected), "{found}");
        };
        assert_eq!(plain().fault(), None);
        check(|p| p.temperature = f64::NAN, "temperature is NaN");
        check(|p| p.temperature = -1.0, "temperature is -1");
        check(|p| p.top_p = 0.0, "top_p is 0");
        check(|p| p.top_p = 1.5, "top_p is 1.5");
        check(|p| p.max_tokens = 0, "max_tokens is 0");
        check(|p| p.stop = vec![String::new()], "a stop text is empty");
    }
}
