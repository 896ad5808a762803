//! What the evidence of a run is: decided once, when the run is planned, and never guessed again.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the models showed of themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Regime {
    /// Full logits of both models over one vocabulary.
    FullLogits,
    /// The student's full logits; of the teacher its most probable tokens and draws from its tail, kept in a cache.
    TeacherCache,
    /// The student's full logits; of the teacher its most probable tokens and a draw at each position, as its server shows them.
    ShownDistributions,
    /// The teacher's full logits; of the student its most probable tokens and a draw at each position, as its server shows them.
    ShownStudent,
    /// Lists of the most probable tokens of both, and the probability of the text's own token, as their servers show them.
    ShownBoth,
    /// The student's full logits; of the teacher the most probable tokens at each place of its own answers, as its server lists them.
    ListedAnswers,
    /// Full logits of both, over vocabularies that cannot be compared.
    DifferentVocabularies,
    /// The teacher's answers, and the student's logits.
    TeacherTexts,
    /// A model that was asked shows no logits: only its answers.
    AnswersOnly,
    /// Answers that were given as texts: no model was asked.
    GivenAnswers,
}

impl Regime {
    /// Its name in statements: `R0` (everything exact) to `R4` (texts only).
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Regime::FullLogits => "R0",
            Regime::TeacherCache | Regime::ShownDistributions | Regime::ShownStudent | Regime::ShownBoth => "R1",
            Regime::ListedAnswers => "R2",
            Regime::TeacherTexts => "R3",
            Regime::DifferentVocabularies | Regime::AnswersOnly | Regime::GivenAnswers => "R4",
        }
    }

    /// What it allows, for people.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Regime::FullLogits => "full logits of both models over one vocabulary: every token metric is exact",
            Regime::TeacherCache => {
                "the teacher's most probable tokens and draws from its tail, from a cache: KL and Jensen–Shannon \
                 divergence, overlap and tail are estimated without bias"
            }
            Regime::ShownDistributions => {
                "the teacher's most probable tokens and one drawn token at each position, from its server: KL and \
                 Jensen–Shannon divergence, overlap and tail are estimated without bias"
            }
            Regime::ShownStudent => {
                "the student's most probable tokens and one drawn token at each position, from its server, and the teacher's \
                 logits: reverse KL and Jensen–Shannon divergence, overlap and tail are estimated without bias, KL is bounded"
            }
            Regime::ShownBoth => {
                "the most probable tokens of both models at each position, and the probability of the text's own token, from their \
                 servers: perplexity and the most probable token are exact, divergences, overlap, tail and entropy have a lower and an \
                 upper bound"
            }
            Regime::ListedAnswers => {
                "the most probable tokens at each place of the teacher's own answers, from its server, and the student's logits: the \
                 most probable token is exact, divergences, overlap, tail and entropy along these answers have a lower and an upper bound"
            }
            Regime::TeacherTexts => {
                "the teacher's answers and the student's logits: what both answer can be compared, the student scores what its \
                 teacher answers, and differences of such scores between students are exact"
            }
            Regime::DifferentVocabularies => {
                "different vocabularies: choices, free answers and bits per byte only, token metrics are refused"
            }
            Regime::AnswersOnly => "a model shows no logits: what both answer can be compared, nothing about tokens",
            Regime::GivenAnswers => "answers given as texts: what they say can be compared, nothing about tokens",
        }
    }
}

impl fmt::Display for Regime {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.id())
    }
}
