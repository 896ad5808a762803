//! The statement as one flat table: a row per headline number, metric, gate, slice, band and percentile.

use std::borrow::Cow;

use hydrometer_audit::Statement;
use hydrometer_audit::statement::Quantiles;
use hydrometer_metrics::Estimate;

use crate::show;

const HEADER: [&str; 20] = [
    "kind",
    "metric",
    "slice",
    "value",
    "low",
    "high",
    "level",
    "method",
    "floor",
    "families",
    "items",
    "excluded",
    "unit",
    "at_least",
    "at_most",
    "verdict",
    "p_value",
    "differs",
    "note",
    "detectable",
];

#[derive(Default)]
struct Row<'a> {
    kind: &'static str,
    metric: &'a str,
    slice: Cow<'a, str>,
    estimate: Option<&'a Estimate>,
    value: Option<f64>,
    floor: Option<f64>,
    items: Option<u64>,
    at_least: Option<f64>,
    at_most: Option<f64>,
    verdict: &'static str,
    p_value: Option<f64>,
    differs: Option<bool>,
    note: &'a str,
    detectable: Option<f64>,
}

/// The statement as CSV with a header line. Numbers keep every digit; what was not measured is an empty cell with the
/// reason in `note`. Text that a spreadsheet would take for a formula gets a leading apostrophe.
#[must_use]
pub fn csv(statement: &Statement) -> String {
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    // Writing to memory does not fail, and every record below has as many fields as the header.
    let mut write = |fields: Vec<String>| writer.write_record(&fields).expect("equal lengths, in memory");
    write(HEADER.iter().map(|&name| name.to_owned()).collect());
    for row in rows(statement) {
        write(row.fields());
    }
    let bytes = writer.into_inner().expect("in memory");
    String::from_utf8(bytes).expect("only strings were written")
}

fn rows(statement: &Statement) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    rows.extend(statement.headline.iter().map(|h| Row {
        kind: "headline",
        metric: &h.id,
        estimate: h.estimate.as_ref(),
        verdict: h.verdict.map_or("", show::verdict),
        note: h.missing.as_deref().unwrap_or(""),
        ..Row::default()
    }));
    rows.extend(statement.gates.iter().map(|g| Row {
        kind: "gate",
        metric: &g.metric,
        estimate: g.estimate.as_ref(),
        at_least: g.at_least,
        at_most: g.at_most,
        verdict: show::verdict(g.verdict),
        note: &g.explanation,
        detectable: g.detectable,
        ..Row::default()
    }));
    rows.extend(statement.metrics.iter().map(|m| Row {
        kind: "metric",
        metric: &m.id,
        estimate: m.estimate.as_ref(),
        p_value: statement.answers.as_ref().filter(|_| m.id == "distribution_match").and_then(|a| a.match_p_value),
        note: m.missing.as_deref().unwrap_or(""),
        ..Row::default()
    }));
    let secondary = statement.answers.iter().flat_map(|answers| &answers.secondary);
    rows.extend(secondary.flat_map(|measure| {
        let models = [("student", measure.student), ("teacher", measure.teacher), ("teacher again", measure.rerun)];
        let stands = move |(model, value): (&'static str, Option<f64>)| Row {
            kind: "secondary",
            metric: &measure.id,
            slice: Cow::Borrowed(model),
            value,
            items: Some(measure.answers),
            note: measure.missing.as_deref().unwrap_or(""),
            ..Row::default()
        };
        models.into_iter().filter(|model| model.0 == "student" || model.1.is_some()).map(stands)
    }));
    rows.extend(statement.slices.iter().map(|s| Row {
        kind: "slice",
        metric: &s.metric,
        slice: Cow::Borrowed(&s.name),
        estimate: Some(&s.estimate),
        p_value: s.p_value,
        differs: Some(s.differs),
        ..Row::default()
    }));
    for band in &statement.bands {
        let part = |metric, estimate| Row {
            kind: "band",
            metric,
            slice: Cow::Borrowed(&band.name),
            estimate,
            ..Row::default()
        };
        rows.push(Row { value: Some(band.mass), ..part("mass", None) });
        rows.push(part("kept", band.kept.as_ref()));
        rows.push(part("invented", band.invented.as_ref()));
    }
    rows.extend(statement.quantiles.iter().flat_map(percentiles));
    rows
}

fn percentiles(quantiles: &Quantiles) -> impl Iterator<Item = Row<'_>> {
    quantiles.points.iter().map(|point| Row {
        kind: "percentile",
        metric: &quantiles.metric,
        slice: Cow::Owned(format!("{} %", point.percent)),
        value: Some(point.value),
        floor: quantiles.floor.iter().find(|f| f.percent == point.percent).map(|f| f.value),
        ..Row::default()
    })
}

impl Row<'_> {
    fn fields(&self) -> Vec<String> {
        let number = |value: Option<f64>| value.map(|v| v.to_string()).unwrap_or_default();
        let estimate = self.estimate;
        let interval = estimate.and_then(|e| e.interval.as_ref());
        let excluded = estimate.map(|e| e.excluded.iter().map(|x| x.items).sum::<u64>());
        let unit = if self.kind == "band" { "" } else { show::unit(self.metric) };
        vec![
            self.kind.into(),
            text(self.metric),
            text(&self.slice),
            number(estimate.map(|e| e.value).or(self.value)),
            number(interval.map(|i| i.low)),
            number(interval.map(|i| i.high)),
            number(interval.map(|i| i.level)),
            interval.map(|i| show::method(i.method)).unwrap_or_default().into(),
            number(estimate.and_then(|e| e.floor).or(self.floor)),
            estimate.map(|e| e.n_families.to_string()).unwrap_or_default(),
            estimate.map(|e| e.n_items).or(self.items).map(|n| n.to_string()).unwrap_or_default(),
            excluded.map(|n| n.to_string()).unwrap_or_default(),
            text(unit),
            number(self.at_least),
            number(self.at_most),
            self.verdict.into(),
            number(self.p_value),
            self.differs.map(|d| d.to_string()).unwrap_or_default(),
            text(self.note),
            number(self.detectable),
        ]
    }
}

/// Text that no spreadsheet runs: a leading `=`, `+`, `-`, `@`, tab or carriage return would start a formula.
fn text(text: &str) -> String {
    let starts = text.trim_start().chars().next();
    if matches!(starts, Some('=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠')) || text.starts_with(['\t', '\r', '\n'])
    {
        return format!("'{text}");
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn formulas_are_defused() {
        for hostile in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1"] {
            assert_eq!(text(hostile), format!("'{hostile}"));
        }
        assert_eq!(text("tag:dates"), "tag:dates");
    }
}
