//! How the numbers were made and how to read them: notes on this run, then a note per metric from the catalogue.

use std::collections::BTreeSet;

use hydrometer_audit::Statement;
use hydrometer_metrics::measure::{self, Definition};

use super::source::Source;
use crate::document::{Block, Entry, PAGE, Paragraph, Role, Section, Style, Text};
use crate::show;

pub(super) fn section(source: &Source<'_>) -> Section {
    let statement = source.statement;
    let shown = shown(statement);
    Section::new("method", "Method")
        .on(PAGE)
        .with_all(notes(statement))
        .with(Block::heading("How intervals are made"))
        .with(Block::paragraph(
            "The probe family is the statistical unit: paraphrases, chunks of one document and rungs of one ladder share \
             one. Every interval comes from sums per family. Hold the pointer over an interval to see its method; the \
             statement and the CSV name it too.",
        ))
        .with_all(methods(statement))
        .with(Block::heading("The metrics"))
        .with(Block::entries(measure::catalogue().filter(|metric| shown.contains(metric.id)).map(entry)))
}

fn notes(statement: &Statement) -> Vec<Block> {
    if statement.notes.is_empty() {
        return Vec::new();
    }
    let notes = statement.notes.iter().map(|note| Text::from(note.as_str()));
    vec![Block::heading("Notes on this run"), Block::list(notes)]
}

/// The methods of the intervals with the number of metrics that use each.
fn methods(statement: &Statement) -> Option<Block> {
    let intervals = statement.metrics.iter().filter_map(|metric| metric.estimate.as_ref()?.interval.as_ref());
    let mut used: Vec<(&str, u64)> = Vec::new();
    for interval in intervals {
        let name = show::method(interval.method);
        match used.iter_mut().find(|(known, _)| *known == name) {
            Some((_, n)) => *n += 1,
            None => used.push((name, 1)),
        }
    }
    let item = |(name, n): (&str, u64)| Text::from(format!("{name}: {}", show::counted(n, "metric")));
    (!used.is_empty()).then(|| Block::list(used.into_iter().map(item)))
}

/// Every metric that the report shows.
fn shown(statement: &Statement) -> BTreeSet<&str> {
    (statement.headline.iter().map(|h| h.id.as_str()))
        .chain(statement.metrics.iter().map(|m| m.id.as_str()))
        .chain(statement.gates.iter().map(|g| g.metric.as_str()))
        .chain(statement.slices.iter().map(|s| s.metric.as_str()))
        .chain(statement.quantiles.iter().map(|q| q.metric.as_str()))
        .collect()
}

fn entry(metric: &Definition) -> Entry {
    let info = &metric.text;
    let unit = if info.unit.is_empty() { String::new() } else { format!(", {}", info.unit) };
    let small = format!("{}{unit}, {}. {}", metric.range, metric.direction.words(), info.source);
    let paragraph = |role, text| Paragraph { role, text };
    Entry {
        id: format!("about-{}", metric.id),
        title: Text::from(info.name).words(" ").and(Style::Code, metric.id),
        body: vec![
            paragraph(Role::Plain, info.what.into()),
            paragraph(Role::Misleads, Text::of(Style::Tag, "Misleads").words(format!(" {}", info.misleads))),
            paragraph(Role::Formula, Text::of(Style::Code, info.formula)),
            paragraph(Role::Quiet, small.into()),
        ],
    }
}
