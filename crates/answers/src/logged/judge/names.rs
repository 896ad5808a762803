//! What names of metrics say of them: their words, as harnesses use them.

use super::super::table::words;

/// Columns that say of an answer that it is right, and nothing else: the same verdict by other names.
const RIGHT: &[&str] = &["correct", "is_correct", "passed", "right"];

/// Words of what often says of a call that it went well, and not of its answer that it is right.
const OF_CALLS: &[&str] = &[
    "success",
    "successful",
    "succeeded",
    "status",
    "ok",
    "valid",
    "format",
    "formatted",
    "complete",
    "completed",
    "finish",
    "finished",
    "done",
    "parsed",
    "parseable",
    "pass",
];

/// Words that stand beside those.
const BESIDE: &[&str] = &["is", "was", "has", "call", "request", "response", "run", "api", "json"];

/// Words of what looks at the form of an answer.
const OF_FORM: &[&str] = &[
    "format",
    "formatted",
    "formatting",
    "parsed",
    "parses",
    "parseable",
    "parsable",
    "schema",
    "syntax",
    "wellformed",
    "valid",
    "fluency",
    "style",
    "length",
];

/// Words of metrics that say how well, whatever else their names say.
const HOW_WELL: &[&str] = &[
    "acc",
    "accuracy",
    "correct",
    "correctly",
    "correctness",
    "match",
    "exact",
    "em",
    "f1",
    "precision",
    "recall",
    "auc",
    "auroc",
    "detect",
    "detected",
    "detection",
    "classification",
    "recognition",
    "avoided",
    "avoidance",
    "free",
    "no",
    "non",
    "not",
    "without",
    "anti",
    "robust",
    "robustness",
    "resistance",
    "resisted",
    "recovered",
    "handled",
];

/// Words of metrics of which less is better.
const LESS: &[&str] = &[
    "abuse",
    "asr",
    "attack",
    "bias",
    "biased",
    "biases",
    "bpb",
    "bpc",
    "cer",
    "cost",
    "crash",
    "crashed",
    "danger",
    "defect",
    "defects",
    "delay",
    "dishonest",
    "distance",
    "duration",
    "ece",
    "err",
    "error",
    "errors",
    "evasive",
    "fail",
    "failed",
    "fails",
    "failure",
    "failures",
    "flagged",
    "fnr",
    "fpr",
    "harm",
    "harmed",
    "harms",
    "hate",
    "incorrect",
    "invalid",
    "kl",
    "leak",
    "leakage",
    "leaked",
    "levenshtein",
    "lie",
    "lied",
    "loss",
    "mae",
    "missed",
    "mistake",
    "mistakes",
    "mse",
    "nll",
    "ppl",
    "risk",
    "rmse",
    "spam",
    "surprisal",
    "ter",
    "timeout",
    "truncated",
    "typos",
    "wer",
    "wrong",
];

/// What longer words of such metrics begin with.
const LESS_BEGIN: &[&str] = &[
    "brier",
    "contradict",
    "decept",
    "degenerat",
    "disagree",
    "divergen",
    "hallucinat",
    "harmful",
    "inaccura",
    "incoheren",
    "insult",
    "irrelevan",
    "jailbr",
    "latenc",
    "malicious",
    "memori",
    "misinform",
    "obscen",
    "offens",
    "overrefus",
    "perplex",
    "plagiar",
    "profan",
    "racis",
    "refus",
    "reject",
    "repetit",
    "sexis",
    "stereotyp",
    "sycophan",
    "threat",
    "toxi",
    "unfaithful",
    "ungrounded",
    "unhelpful",
    "unsafe",
    "unsupport",
    "untruth",
    "violat",
    "violen",
    "vulgar",
];

/// Words of what an answer takes, which no quality is.
const TAKES: &[&str] = &["latency", "latencies", "cost", "duration", "delay", "time", "seconds"];

/// Whether two names are of the same verdict.
pub(in super::super) fn alike(a: &str, b: &str) -> bool {
    a == b || (RIGHT.contains(&a) && RIGHT.contains(&b))
}

/// Whether a metric often says of a call that it went well.
pub(super) fn is_of_calls(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    let words = words(last);
    let known = |word: &String| OF_CALLS.contains(&word.as_str()) || BESIDE.contains(&word.as_str());
    words.iter().all(known) && words.iter().any(|word| OF_CALLS.contains(&word.as_str()))
}

/// Whether a metric looks at the form of an answer, and not at what it says.
pub(super) fn is_of_form(name: &str) -> bool {
    words(name).iter().any(|word| OF_FORM.contains(&word.as_str()))
}

/// Whether less of a metric is better.
pub(super) fn less_is_better(name: &str) -> bool {
    let words = words(name);
    let less = |word: &String| {
        let word = word.as_str();
        LESS.contains(&word) || TAKES.contains(&word) || LESS_BEGIN.iter().any(|begin| word.starts_with(begin))
    };
    let bits = words.windows(2).any(|pair| pair[0] == "bits" && pair[1] == "per");
    (bits || words.iter().any(less)) && !words.iter().any(|word| HOW_WELL.contains(&word.as_str()))
}

/// Whether a metric says what an answer took, and nothing of the answer.
pub(super) fn is_of_effort(name: &str) -> bool {
    words(name).iter().any(|word| TAKES.contains(&word.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_of_what_less_is_better() {
        for name in [
            "toxicity",
            "pct_stereotype",
            "hallucination",
            "error",
            "is_error",
            "wer",
            "ter",
            "refused",
            "refusal_rate",
            "m.harm",
            "harmful",
            "bias",
            "word_perplexity",
            "loss",
            "latency",
            "responseTime",
            "jailbreakSuccess",
            "bits_per_byte",
            "isWrong",
            "attack.unsafe",
            "brier_score",
            "num_violations",
            "attack_success_rate",
        ] {
            assert!(less_is_better(name), "{name}");
        }
        for name in [
            "acc",
            "acc_norm",
            "exact_match",
            "m.acc",
            "harmless",
            "safe",
            "toxicity_accuracy",
            "hallucination_detected",
            "no_error",
            "non_toxic",
            "f1",
            "rouge_l",
            "chrf",
            "correct",
            "reward",
            "filter",
            "water",
            "inter",
            "error_free",
            "costume",
            "score",
            "flawless",
            "mc1",
            "likelihood_diff",
            "timeline",
        ] {
            assert!(!less_is_better(name), "{name}");
        }
    }

    #[test]
    fn names_say_what_is_of_calls_and_of_form() {
        for name in ["success", "status", "ok", "valid", "pass", "is_valid", "call_success", "m.completed", "isDone"] {
            assert!(is_of_calls(name), "{name}");
        }
        for name in ["pass@1", "correct", "passed", "score", "valid_answer", "exact_match", "is", "response"] {
            assert!(!is_of_calls(name), "{name}");
        }
        assert!(["format", "format_match", "json_valid", "schema"].into_iter().all(is_of_form));
        assert!(["match", "information", "exact_match"].into_iter().all(|name| !is_of_form(name)));
    }
}
