//! Numbers, verdicts and names as people read them, the same in every format.

use hydrometer_answers::{MeaningSettings, ModelIdentity, SampleSettings, SamplingParameters};
use hydrometer_audit::statement::{
    AnswersSummary, Cost, GapBase, Gate, Metric, Secondary, Severity, Statement, SuiteSummary,
};
use hydrometer_metrics::catalog::{SECONDARY, find};
use hydrometer_metrics::{Estimate, Interval, IntervalMethod, Verdict};
pub(crate) use hydrometer_probes::counted::{counted, grouped as count};

/// The words for a verdict.
pub(crate) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "PASS",
        Verdict::Fail => "FAIL",
        Verdict::NotEnoughEvidence => "NOT ENOUGH EVIDENCE",
    }
}

/// The word for a severity.
pub(crate) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Serious => "serious",
        Severity::Notable => "notable",
        Severity::Informative => "for information",
    }
}

/// How many families more would decide a gate; `None` where that is not known.
pub(crate) fn more_families(gate: &Gate) -> Option<String> {
    let more = counted(gate.more_families?, "more family");
    Some(format!("about {more} would decide it if the value stays"))
}

/// What stands in place of gates where a statement has none.
pub(crate) fn no_gates(statement: &Statement) -> &'static str {
    if !statement.left_out.is_empty() {
        "none of the policy's gates could be measured; the notes say why"
    } else {
        "none in the policy"
    }
}

/// What a PASS could have seen; `None` beside other verdicts and where it is not known.
pub(crate) fn detectable(gate: &Gate) -> Option<String> {
    let seen = gate.detectable.filter(|_| gate.verdict == Verdict::Pass)?;
    Some(format!("could have seen a loss of {} beyond the bound", number(seen)))
}

/// Name of a metric for people: from the catalogue, else its identifier spelled with spaces.
pub(crate) fn metric(id: &str) -> String {
    match find(id).or_else(|| SECONDARY.iter().find(|measure| measure.id == id)) {
        Some(info) => info.name.to_owned(),
        None => {
            let mut name = id.replace('_', " ");
            if let Some(first) = name.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            name
        }
    }
}

/// Unit of a metric; empty for a pure number.
pub(crate) fn unit(id: &str) -> &'static str {
    find(id).map_or("", |info| info.unit)
}

/// A number with about three figures that matter: `0.0123`, `12.3`, `4,080`, `3.2e-6`, `1.23e6`.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    let shown = match size {
        _ if !value.is_finite() => return "not a number".into(),
        _ if size == 0.0 => "0".into(),
        _ if size < 1e-3 => format!("{value:.1e}"),
        _ if size < 0.0995 => format!("{value:.4}"),
        _ if size < 9.9995 => format!("{value:.3}"),
        _ if size < 99.995 => format!("{value:.2}"),
        _ if size < 999.95 => format!("{value:.1}"),
        _ if size < 999_999.5 => format!("{}{}", if value < 0.0 { "-" } else { "" }, count(size.round() as u64)),
        _ => format!("{value:.2e}"),
    };
    shown.replace('-', "−").replace("e−", "e-")
}

/// A number of parameters: `1.54 B`, `135 M`, `none` for a scripted model.
pub(crate) fn parameters(value: u64) -> String {
    match value {
        0 => "none".into(),
        1..1_000_000 => count(value),
        1_000_000..1_000_000_000 => format!("{:.0} M", value as f64 / 1e6),
        _ => format!("{:.2} B", value as f64 / 1e9),
    }
}

/// `[0.587, 0.640]`, or that there is none.
pub(crate) fn interval(estimate: &Estimate) -> String {
    match &estimate.interval {
        Some(Interval { low, high, .. }) => format!("[{}, {}]", number(*low), number(*high)),
        None => "no interval".into(),
    }
}

/// The floor or ceiling, the same number for the teacher against itself; a dash when it was not measured.
pub(crate) fn floor(estimate: &Estimate) -> String {
    estimate.floor.map_or_else(|| "–".into(), number)
}

/// How an interval was computed.
pub(crate) fn method(method: IntervalMethod) -> &'static str {
    match method {
        IntervalMethod::JackknifeT => "family jackknife, t",
        IntervalMethod::Bca => "BCa bootstrap over families",
        IntervalMethod::BootstrapT => "studentised bootstrap over families",
        IntervalMethod::Wilson => "Wilson score",
        IntervalMethod::ClopperPearson => "Clopper–Pearson, exact",
    }
}

/// `≥ 0.80`, `≤ 0.05`, `0.80 to 1.25`.
pub(crate) fn bounds(gate: &Gate) -> String {
    match (gate.at_least, gate.at_most) {
        (Some(low), Some(high)) => format!("{} to {}", margin(low), margin(high)),
        (Some(low), None) => format!("≥ {}", margin(low)),
        (None, Some(high)) => format!("≤ {}", margin(high)),
        (None, None) => "no bound".into(),
    }
}

/// A bound as somebody wrote it: no zeros that were not there, at least two decimals.
fn margin(value: f64) -> String {
    let short = format!("{value}");
    let decimals = short.split_once('.').map_or(0, |(_, tail)| tail.len());
    if decimals < 2 && value.abs() < 10.0 { format!("{value:.2}") } else { short }
}

/// The metric of a statement with this identifier.
pub(crate) fn find_metric<'a>(statement: &'a Statement, id: &str) -> Option<&'a Metric> {
    statement.metrics.iter().find(|metric| metric.id == id)
}

/// The number of a metric; `None` when the statement does not have it.
pub(crate) fn estimate<'a>(statement: &'a Statement, id: &str) -> Option<&'a Estimate> {
    find_metric(statement, id)?.estimate.as_ref()
}

/// What is said about sampled answers as numbers, in the order in which it is shown.
pub(crate) const ANSWERS: [&str; 12] = [
    "answer_agreement",
    "agreement_ratio",
    "diversity_kept",
    "distribution_match",
    "gap_closed",
    "rare_answers_kept",
    "answer_both_right",
    "answer_lost",
    "answer_gained",
    "answer_both_wrong_same",
    "answer_both_wrong_different",
    "excess_flips",
];

/// A p-value.
pub(crate) fn probability(p: f64) -> String {
    if p < 0.001 { "< 0.001".into() } else { format!("{p:.3}") }
}

/// What the test of one distribution of answers found, as a sentence.
pub(crate) fn match_test(p_value: Option<f64>) -> String {
    p_value.map_or_else(
        || "Whether both models draw from one distribution of answers was not tested.".into(),
        |p| format!("Permutation test that both models draw from one distribution of answers: p {}.", probability(p)),
    )
}

/// What the student before distillation answered, as the end of a sentence.
pub(crate) fn of_base(cost: &Cost) -> String {
    match cost.base_answer_tokens {
        0 => String::new(),
        tokens => format!(", {} by the student before distillation", count(tokens)),
    }
}

/// When two free answers mean the same, as a sentence; `None` where no answer is free.
pub(crate) fn meaning(answers: &AnswersSummary) -> Option<String> {
    let rule = match &answers.meaning {
        Some(MeaningSettings { encoder, least_cosine }) => {
            format!("the cosine of their vectors by the sentence encoder {} is at least {least_cosine}", encoder.name)
        }
        None => "they are spelled alike (character 3-grams, Dice coefficient at least 0.8)".to_owned(),
    };
    let free = count(answers.free);
    (answers.free > 0)
        .then(|| format!("Whole texts are compared on {free} of the prompts: they mean the same when {rule}."))
}

/// What the closed gap is measured from, as a sentence.
pub(crate) fn gap_base(base: GapBase) -> &'static str {
    match base {
        GapBase::Model => "Gap closed starts from the student before distillation.",
        GapBase::AnotherPrompt => {
            "Gap closed starts from the teacher's answers to other prompts of the same axis: no student from before \
             distillation was named."
        }
    }
}

/// A secondary measure of the student, of the teacher and of its second run; a dash where there is none.
pub(crate) fn secondary(measure: &Secondary) -> [String; 3] {
    [measure.student, measure.teacher, measure.rerun].map(|value| value.map_or_else(|| "–".into(), number))
}

/// What a table of secondary measures needs to be read: equal numbers, and what is against the teacher.
pub(crate) fn secondary_note(measures: &[Secondary]) -> String {
    let answers = measures.iter().map(|measure| measure.answers).max().unwrap_or(0);
    format!(
        "Described, never gated: they depend on the number of answers, so all models enter with equally many (at most {} \
         each), and the student is to be read beside the teacher's second run. Where the teacher has no number of its \
         own, both are measured against it.",
        count(answers)
    )
}

/// `212 families, 20,480 positions, 800 choices`, and prompts where there are any.
pub(crate) fn asked(suite: &SuiteSummary) -> String {
    let prompts = match suite.prompts {
        0 => String::new(),
        n => format!(", {}", counted(n, "prompt")),
    };
    let asked = [(suite.families, "family"), (suite.positions, "position"), (suite.choices, "choice")];
    format!("{}{prompts}", asked.map(|(number, one)| counted(number, one)).join(", "))
}

/// How many answers were drawn, and how.
pub(crate) fn sampling(settings: Option<&SampleSettings>) -> String {
    let Some(settings) = settings else { return "answers given, drawn nobody said how".to_owned() };
    let reruns = match settings.reruns {
        0 => "none of the teacher again".into(),
        n => format!("{n} of the teacher again"),
    };
    let each = counted(settings.per_probe.into(), "answer");
    format!("{each} of each model per prompt and {reruns}; {}", drawn(&settings.parameters))
}

/// How answers were drawn; the seed is left out, for it says nothing about what they measure, and so is a longest length
/// that nobody set.
pub(crate) fn drawn(how: &SamplingParameters) -> String {
    let top_k = if how.top_k == 0 { String::new() } else { format!(", top_k {}", how.top_k) };
    let most = match how.max_tokens {
        u32::MAX => String::new(),
        most => format!(", at most {}", counted(most.into(), "token")),
    };
    format!("temperature {}, top_p {}{top_k}{most}", how.temperature, how.top_p)
}

/// Whether nobody was asked: the model is known by answers that somebody gave.
pub(crate) fn is_given(model: &ModelIdentity) -> bool {
    model.format == "answers"
}

/// `95 %`, from the first interval found; the level is one for the whole statement.
pub(crate) fn level(statement: &Statement) -> String {
    let estimates = statement.headline.iter().filter_map(|h| h.estimate.as_ref());
    let all = estimates.chain(statement.metrics.iter().filter_map(|m| m.estimate.as_ref()));
    let level = all.filter_map(|e| e.interval.as_ref()).map(|i| i.level).next().unwrap_or(0.95);
    format!("{} %", (level * 1000.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: f64, expect: &str) {
        assert_eq!(number(input), expect);
    }

    #[test]
    fn a_longest_length_that_nobody_set_is_not_shown() {
        let mut how =
            SamplingParameters { temperature: 1.0, top_p: 0.9, top_k: 0, max_tokens: 1, stop: vec![], seed: 1 };
        assert_eq!(drawn(&how), "temperature 1, top_p 0.9, at most 1 token");
        how.max_tokens = u32::MAX;
        assert_eq!(drawn(&how), "temperature 1, top_p 0.9");
    }

    #[test]
    fn numbers_keep_three_figures() {
        check(0.0, "0");
        check(0.000_012_34, "1.2e-5");
        check(-0.25, "−0.250");
        check(0.8504, "0.850");
        check(21.18, "21.18");
        check(4080.4, "4,080");
        check(-123_456.7, "−123,457");
        check(-1_234_567.0, "−1.23e6");
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!(count(999), "999");
        assert_eq!(count(1000), "1,000");
        assert_eq!(parameters(1_543_714_304), "1.54 B");
    }

    #[test]
    fn one_is_singular() {
        let suite = SuiteSummary {
            name: "one".into(),
            hash: String::new(),
            probes: 1,
            families: 1,
            positions: 1,
            choices: 1,
            prompts: 1,
            n_ctx: 1,
            rotations: 1,
        };
        assert_eq!(asked(&suite), "1 family, 1 position, 1 choice, 1 prompt");
    }

    #[test]
    fn margins_are_shown_as_written() {
        assert_eq!(margin(0.8), "0.80");
        assert_eq!(margin(0.125), "0.125");
        assert_eq!(margin(2.0), "2.00");
    }
}
