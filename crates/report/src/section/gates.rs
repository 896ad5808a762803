//! Every gate of the policy: what was wanted, what was found, and what would decide it.

use hydrometer_audit::Statement;
use hydrometer_audit::statement::Gate;
use hydrometer_metrics::{Estimate, Verdict};
use maud::html;

use super::source::Source;
use crate::document::{
    Block, COMMENT, Cell, Column, PAGE, PAGE_AND_COMMENT, Record, Row, Section, State, Style, TERMINAL, Table, Text,
    Use,
};
use crate::plot::{Scale, extent, graduated};
use crate::show;

pub(super) fn section(source: &Source<'_>) -> Section {
    let gates = &source.statement.gates;
    let records = std::iter::once(verdict(source.statement)).chain(gates.iter().map(record));
    let section = Section::new("gates", "Gates").with_records(records);
    if gates.is_empty() {
        return section.with(Block::absent(format!("{} Nothing could pass or fail.", none(source.statement))));
    }
    let passed = gates.iter().filter(|gate| gate.verdict == Verdict::Pass).count();
    let state = if passed == gates.len() { State::Closed } else { State::Open };
    let how = "A gate passes when the whole interval that it is judged by clears its bound, fails when the whole interval \
               misses it, and is otherwise undecided. Each end of that interval is wrong with the error rate of the policy: at \
               5 % it is a 90 % interval, narrower than the 95 % ones beside other numbers.";
    section
        .folded(format!("Gates: {passed} of {} pass", gates.len()), state)
        .with(Block::lead(how).on(PAGE))
        .with(Block::table(table(gates)))
}

/// What stands in place of gates where a statement has none.
fn none(statement: &Statement) -> &'static str {
    if statement.left_out.is_empty() {
        "There are none in the policy."
    } else {
        "None of the policy's gates could be measured; the notes say why."
    }
}

fn table(gates: &[Gate]) -> Table {
    Table {
        title: None,
        caption: "Gates of the policy, in its order".into(),
        label: "Gates, table".into(),
        style: "numbers stack",
        columns: vec![
            Column::new(Use::Words, "").on(COMMENT),
            Column::new(Use::Name, "Metric"),
            Column::new(Use::Wanted, "Wanted"),
            Column::new(Use::Value, "Found"),
            Column::new(Use::Range, "Judged by").on(PAGE_AND_COMMENT),
            Column::new(Use::Plot, "On its scale").label("Scale"),
            Column::new(Use::Words, "Verdict"),
        ],
        rows: gates.iter().map(row).collect(),
    }
}

fn row(gate: &Gate) -> Row {
    let name = show::metric(&gate.metric);
    let bounds_of = (gate.at_least, gate.at_most);
    let ends = [gate.at_least, gate.at_most].into_iter().flatten();
    let found = match &gate.estimate {
        Some(estimate) => {
            let judged = Estimate { interval: show::judged(gate), ..estimate.clone() };
            let scale = Scale::covering(extent(&judged).chain(ends)).within(&gate.metric);
            let drawn = graduated(&name, &judged, scale, bounds_of);
            [Cell::Number(Some(estimate.value)), Cell::AtLevel(judged.interval), Cell::Drawn(drawn)]
        }
        // Of a number that is nowhere known but between two bounds: what these are stands in the explanation.
        None if gate.judged.is_some() => [Cell::Number(None), Cell::AtLevel(gate.judged), Cell::Drawn(html! {})],
        None => [Cell::Missing(None), Cell::Covered, Cell::Covered],
    };
    let [value, interval, drawn] = found;
    let verdict = Cell::Verdict(Some(gate.verdict));
    let cells = [Cell::Sign(gate.verdict), name.into(), bounds(gate).into(), value, interval, drawn, verdict];
    let (more, seen, catches) = (more_families(gate), detectable(gate), caught(gate));
    let row = Row::new(cells).note(explanation(gate, more.as_deref(), seen.as_deref(), catches.as_deref()), PAGE);
    let judged =
        show::judged(gate).map(|i| format!("{} interval {}", show::percent(i.level), show::interval(Some(&i))));
    // A terminal has no room for another column.
    let said = |parts: Vec<Option<String>>| parts.into_iter().flatten().collect::<Vec<_>>().join("; ");
    let (terminal, comment) = (
        said(vec![judged, more.clone(), seen.clone(), catches.clone(), unresolved(gate)]),
        said(vec![more, seen, catches, unresolved(gate)]),
    );
    let row = if terminal.is_empty() { row } else { row.note(terminal.into(), TERMINAL) };
    if comment.is_empty() { row } else { row.note(comment.into(), COMMENT) }
}

fn explanation(gate: &Gate, more: Option<&str>, seen: Option<&str>, catches: Option<&str>) -> Text {
    let mut text = Text::from(format!("{}.", gate.explanation.trim_end_matches('.')));
    if let Some(more) = more {
        text = text.words(" ").and(Style::Strong, format!("{}.", capital(more)));
    }
    for said in [seen.map(|seen| format!(" It {seen}.")), catches.map(|catches| format!(" {}.", capital(catches)))] {
        text = said.into_iter().fold(text, Text::words);
    }
    text
}

fn capital(words: &str) -> String {
    let mut words = words.to_owned();
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

/// The verdict, and what it rests on.
fn verdict(statement: &Statement) -> Record {
    let verdict = show::verdict(statement.verdict);
    Record { verdict, note: statement.verdict_line.clone(), ..Record::new("verdict", "") }
}

fn record(gate: &Gate) -> Record {
    Record {
        estimate: gate.estimate.clone().map(|estimate| Estimate { interval: show::judged(gate), ..estimate }),
        at_least: gate.at_least,
        at_most: gate.at_most,
        verdict: show::verdict(gate.verdict),
        note: gate.explanation.clone(),
        detectable: gate.detectable,
        regime: gate.regime.clone(),
        ..Record::new("gate", &gate.metric)
    }
}

/// How many families more would decide a gate; `None` where that is not known.
pub(crate) fn more_families(gate: &Gate) -> Option<String> {
    let more = show::counted(gate.more_families?, "more family");
    Some(format!("about {more} would decide it if the value stays"))
}

/// What a PASS could have seen; `None` beside other verdicts and where it is not known.
pub(crate) fn detectable(gate: &Gate) -> Option<String> {
    let seen = gate.detectable.filter(|_| gate.verdict == Verdict::Pass)?;
    let loss = format!("could have seen a loss of {} beyond the bound", show::number(seen));
    Some(match gate.estimate.as_ref().and_then(|estimate| estimate.unseen) {
        Some(unseen) => format!("{loss}, but not {:.1} % of broken families", 100.0 * unseen),
        None => loss,
    })
}

/// What a calibration measured this suite to catch here; `None` without one.
pub fn caught(gate: &Gate) -> Option<String> {
    let each = gate.caught.iter().map(|caught| {
        format!(
            "{} (it is {} there) in {} of {} audits",
            caught.defect,
            show::number(caught.value),
            caught.failed,
            caught.audits
        )
    });
    let each: Vec<String> = each.collect();
    (!each.is_empty()).then(|| format!("this suite caught {}", each.join(", ")))
}

/// That the margin is finer than what a calibration measured the suite to resolve; `None` where it is not, or nobody measured.
pub fn unresolved(gate: &Gate) -> Option<String> {
    let resolution = gate.resolution.as_ref().filter(|resolution| !resolution.is_enough())?;
    let margin = show::number(resolution.margin);
    Some(match &resolution.missed {
        Some(missed) => {
            format!(
                "a margin of {margin} is finer than what this suite resolves: a loss of {} was missed ({})",
                show::number(missed.loss),
                missed.defect
            )
        }
        None => format!("no planted loss was found beside a margin of {margin}"),
    })
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

#[cfg(test)]
mod tests {
    use super::margin;

    #[test]
    fn margins_are_shown_as_written() {
        assert_eq!(margin(0.8), "0.80");
        assert_eq!(margin(0.125), "0.125");
        assert_eq!(margin(2.0), "2.00");
    }
}
