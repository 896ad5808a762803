//! The statement as one flat table: a row for the verdict, one per headline number, metric, gate, slice, band and percentile.

use hydrometer_audit::Statement;

use crate::document::{Document, Record};
use crate::section::{Source, document};
use crate::show;
use crate::text::visible;

const HEADER: [&str; 24] = [
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
    "effective_families",
    "unseen",
    "regime",
    "known",
];

/// Kinds of rows in the order in which they have always come; others follow in the order of their sections.
const KINDS: [&str; 8] = ["verdict", "headline", "gate", "metric", "secondary", "slice", "band", "percentile"];

/// The statement as CSV with a header line. Numbers keep every digit; what was not measured is an empty cell with the
/// reason in `note`. Text that a spreadsheet would take for a formula gets a leading apostrophe.
#[must_use]
pub fn csv(statement: &Statement) -> String {
    rows(&document(&Source { statement, measured: None }))
}

/// The rows of all sections under one header.
pub(crate) fn rows(document: &Document) -> String {
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    // Writing to memory does not fail, and every record below has as many fields as the header.
    let mut write = |fields: [String; HEADER.len()]| writer.write_record(&fields).expect("equal lengths, in memory");
    write(HEADER.map(str::to_owned));
    let mut records: Vec<&Record> = document.sections.iter().flat_map(|section| &section.records).collect();
    records.sort_by_key(|record| KINDS.iter().position(|kind| *kind == record.kind).unwrap_or(KINDS.len()));
    for record in records {
        write(fields(record));
    }
    let bytes = writer.into_inner().expect("in memory");
    String::from_utf8(bytes).expect("only strings were written")
}

fn fields(record: &Record) -> [String; HEADER.len()] {
    let number = |value: Option<f64>| value.map(|v| v.to_string()).unwrap_or_default();
    let estimate = record.estimate.as_ref();
    let interval = estimate.and_then(|e| e.interval.as_ref());
    let excluded = estimate.map(|e| e.excluded.iter().map(|x| x.items).sum::<u64>());
    [
        record.kind.into(),
        text(&record.metric),
        text(&record.slice),
        number(estimate.map(|e| e.value).or(record.value)),
        number(interval.map(|i| i.low)),
        number(interval.map(|i| i.high)),
        number(interval.map(|i| i.level)),
        interval.map(|i| show::method(i.method)).unwrap_or_default().into(),
        number(estimate.and_then(|e| e.floor).or(record.floor)),
        estimate.map(|e| e.n_families.to_string()).unwrap_or_default(),
        estimate.map(|e| e.n_items).or(record.items).map(|n| n.to_string()).unwrap_or_default(),
        excluded.map(|n| n.to_string()).unwrap_or_default(),
        text(show::unit(&record.metric)),
        number(record.at_least),
        number(record.at_most),
        record.verdict.into(),
        number(record.p_value),
        record.differs.map(|d| d.to_string()).unwrap_or_default(),
        text(&record.note),
        number(record.detectable),
        number(estimate.and_then(|e| e.effective_families)),
        number(estimate.and_then(|e| e.unseen)),
        record.regime.as_ref().map(|regime| text(&regime.id)).unwrap_or_default(),
        record.regime.as_ref().map(|regime| regime.known.word()).unwrap_or_default().into(),
    ]
}

/// Text that no spreadsheet runs and that no terminal obeys: a leading `=`, `+`, `-`, `@`, tab or carriage return would start a formula.
fn text(text: &str) -> String {
    let starts = text.trim_start().chars().next();
    if matches!(starts, Some('=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠')) || text.starts_with(['\t', '\r', '\n'])
    {
        return format!("'{}", visible(text));
    }
    visible(text)
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn formulas_are_defused() {
        for hostile in ["=1+1", "+1", "-1", "@SUM(A1)", " =1"] {
            assert_eq!(text(hostile), format!("'{hostile}"));
        }
        assert_eq!(["\t=1", "\r=1", "\n=1"].map(text), ["'⇥=1", "'␍=1", "'↵=1"]);
        assert_eq!(text("tag:dates"), "tag:dates");
    }
}
