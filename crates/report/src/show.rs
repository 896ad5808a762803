//! Numbers, verdicts and names as people read them, the same in every format.

use hydrometer_audit::statement::{Gate, HowKnown, Metric, NumberRegime, ReservationKind, Severity, Statement};
use hydrometer_metrics::measure::{find, text};
use hydrometer_metrics::{Estimate, Interval, IntervalMethod, Verdict};
pub(crate) use hydrometer_probes::counted::{counted, grouped as count};

use crate::text::visible;

/// The words for a verdict.
pub(crate) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "PASS",
        Verdict::Fail => "FAIL",
        Verdict::NotEnoughEvidence => "NOT ENOUGH EVIDENCE",
    }
}

/// The sign for a verdict where there is no colour to give it.
pub(crate) fn sign(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "✅",
        Verdict::Fail => "❌",
        Verdict::NotEnoughEvidence => "❔",
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

/// Name of a metric in the catalogue; `None` for one that is not there.
pub(crate) fn catalogued(id: &str) -> Option<&'static str> {
    find(id).map(|metric| metric.text.name)
}

/// What is to be said beside a number that no gate rests on.
fn reserved(metric: &Metric) -> Option<&'static str> {
    Some(match metric.reservation.as_ref()?.kind {
        ReservationKind::AsServed => "as served",
        ReservationKind::AnswersMissing => "too many answers missing",
        ReservationKind::StudentsDoing => "undefined by the student",
        ReservationKind::NothingAtStake => "nothing at stake",
        ReservationKind::TooFewFamilies => "too few families to pass",
    })
}

/// The evidence regime of a number, where it is another one than the statement's and not that of everything that is read off answers.
pub(crate) fn in_regime(statement: &Statement, regime: Option<&NumberRegime>) -> Option<String> {
    let found = regime.filter(|found| found.id != statement.regime.id && found.known != HowKnown::Answered)?;
    let id = visible(&found.id);
    Some(if found.known == HowKnown::Exact { id } else { format!("{id}, {}", found.known.word()) })
}

/// What is to be said beside a number: its regime, why no gate rests on it.
pub(crate) fn beside(statement: &Statement, metric: &Metric) -> Option<String> {
    let said: Vec<String> =
        in_regime(statement, metric.regime.as_ref()).into_iter().chain(reserved(metric).map(str::to_owned)).collect();
    (!said.is_empty()).then(|| said.join("; "))
}

/// A metric's name, and what is to be said beside it.
pub(crate) fn as_judged(statement: &Statement, id: &str) -> String {
    let name = metric(id);
    match find_metric(statement, id).and_then(|metric| beside(statement, metric)) {
        Some(beside) => format!("{name} ({beside})"),
        None => name,
    }
}

/// Name of a metric for people: from the catalogue, else its identifier spelled with spaces, safe to show.
pub(crate) fn metric(id: &str) -> String {
    match text(id) {
        Some(text) => text.name.to_owned(),
        None => {
            let mut name = visible(id).replace('_', " ");
            if let Some(first) = name.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            name
        }
    }
}

/// Unit of a metric; empty for a pure number.
pub(crate) fn unit(id: &str) -> &'static str {
    find(id).map_or("", |metric| metric.text.unit)
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
pub(crate) fn interval(interval: Option<&Interval>) -> String {
    match interval {
        Some(Interval { low, high, .. }) => format!("[{}, {}]", number(*low), number(*high)),
        None => "no interval".into(),
    }
}

/// A number of families; behind it in brackets how many of equal weight they are worth, where that is a tenth less.
pub(crate) fn families(families: u64, effective: Option<f64>) -> String {
    match effective {
        Some(effective) if effective < 0.9 * families as f64 => format!("{} ({effective:.0})", count(families)),
        _ => count(families),
    }
}

/// How an interval was computed.
pub(crate) fn method(method: IntervalMethod) -> &'static str {
    match method {
        IntervalMethod::JackknifeT => "family jackknife, t",
        IntervalMethod::BootstrapT => "studentised bootstrap over families",
        IntervalMethod::HallBootstrap => "family jackknife, t and Hall's transformed t by bootstrap",
        IntervalMethod::HallT => "family jackknife, t and Hall's transformed t",
        IntervalMethod::KornGraubard => "Korn–Graubard, exact over families",
        IntervalMethod::ClopperPearson => "Clopper–Pearson, exact",
        IntervalMethod::VarianceRecovery => "bounds of both numbers and how they vary together over families",
        IntervalMethod::FixedSequence => "rings tested one after the other from the inside",
    }
}

/// The metric of a statement with this identifier.
pub(crate) fn find_metric<'a>(statement: &'a Statement, id: &str) -> Option<&'a Metric> {
    statement.metrics.iter().find(|metric| metric.id == id)
}

/// The number of a metric; `None` when the statement does not have it.
pub(crate) fn estimate<'a>(statement: &'a Statement, id: &str) -> Option<&'a Estimate> {
    find_metric(statement, id)?.estimate.as_ref()
}

/// A share of one in per cent: `38.1 %`.
pub(crate) fn share(of_one: f64) -> String {
    format!("{:.1} %", 100.0 * of_one)
}

/// A p-value.
pub(crate) fn probability(p: f64) -> String {
    if p < 0.001 { "< 0.001".into() } else { format!("{p:.3}") }
}

/// `95 %`, from the first interval found; the level is one for the whole statement.
pub(crate) fn level(statement: &Statement) -> String {
    let estimates = statement.headline.iter().filter_map(|h| h.estimate.as_ref());
    let all = estimates.chain(statement.metrics.iter().filter_map(|m| m.estimate.as_ref()));
    let level = all.filter_map(|e| e.interval.as_ref()).map(|i| i.level).next().unwrap_or(0.95);
    percent(level)
}

/// A level: `95 %`, `98.333 %`.
pub(crate) fn percent(level: f64) -> String {
    format!("{} %", (level * 1e5).round() / 1e3)
}

/// The interval that a gate was judged by, or where there is none that of its number.
pub(crate) fn judged(gate: &Gate) -> Option<Interval> {
    gate.judged.or_else(|| gate.estimate.as_ref()?.interval)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: f64, expect: &str) {
        assert_eq!(number(input), expect);
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
}
