//! Numbers on decisions by kind of boundary, risk and language.

use hydrometer_audit::statement::Slice;

use crate::document::{Block, Cell, Column, Fold, Record, Row, SHORT, State, Style, Table, Text, Tone, Use};
use crate::show;

/// What is said of many looks at once.
const MULTIPLICITY: &str = "Each interval holds by itself: of twenty one misses its truth by chance. “Differs” means that a slice is not \
                            like the rest of what was asked, at a false discovery rate of 5 % over all rows here (Benjamini–Hochberg). \
                            No gate rests on them. Free decisions are as they are read, not corrected.";

/// What stands without a table: how many there are, and which differ.
pub(super) fn told(slices: &[Slice]) -> Option<Block> {
    let differ: Vec<&Slice> = slices.iter().filter(|slice| slice.differs).collect();
    let named = |slice: &Slice| {
        let estimate = &slice.estimate;
        let interval = estimate
            .interval
            .map_or_else(String::new, |at| format!(" [{}, {}]", show::number(at.low), show::number(at.high)));
        Text::from(format!("{} differs on ", show::metric(&slice.metric)))
            .and(Style::Foreign, &slice.name)
            .words(format!(": {}{interval}", show::number(estimate.value)))
    };
    let all = Text::from(format!(
        "By kind of boundary, risk and language: {} of {} differ from the rest, at a false discovery rate of 5 %",
        differ.len(),
        show::counted(slices.len() as u64, "number")
    ));
    let lines = std::iter::once(all).chain(differ.into_iter().map(named));
    (!slices.is_empty()).then(|| Block::list(lines).on(SHORT))
}

/// All of them, the numbers in their order.
pub(super) fn table(slices: &[Slice]) -> Option<Block> {
    let differ = slices.iter().filter(|slice| slice.differs).count();
    let mut metrics: Vec<&str> = Vec::new();
    slices.iter().for_each(|slice| {
        if !metrics.contains(&slice.metric.as_str()) {
            metrics.push(&slice.metric);
        }
    });
    let ordered = metrics.iter().flat_map(|metric| slices.iter().filter(move |slice| slice.metric == *metric));
    let table = Table {
        title: Some("By kind, risk and language"),
        caption: MULTIPLICITY.into(),
        label: "Decisions by kind, risk and language, table".into(),
        style: "numbers stack",
        columns: vec![
            Column::new(Use::Name, "Metric"),
            Column::new(Use::Words, "Slice"),
            Column::new(Use::Value, "Value"),
            Column::new(Use::Range, "Interval"),
            Column::new(Use::Number, "Families").if_room(),
            Column::new(Use::Words, "Against the rest"),
        ],
        rows: ordered.map(row).collect(),
    };
    (!slices.is_empty()).then(|| {
        Block::fold(Fold {
            title: "By kind of boundary, risk and language".into(),
            about: Text::of(Style::Quiet, format!("{}, {differ} differ", show::counted(slices.len() as u64, "number"))),
            state: State::Closed,
            style: "document",
            blocks: vec![Block::table(table)],
        })
    })
}

fn row(slice: &Slice) -> Row {
    let p = slice.p_value.map_or_else(|| "not compared".into(), |p| format!("p {}", show::probability(p)));
    let against = match slice.differs {
        true => Text::of(Style::Strong, "◆ differs").words(" ").and(Style::Quiet, p),
        false => Text::of(Style::Quiet, p),
    };
    let [value, interval, _, families] = Cell::of_estimate(&slice.metric, &slice.estimate);
    let tone = if slice.differs { Tone::Marked } else { Tone::Plain };
    let name = Cell::Text(Text::foreign(&slice.name));
    Row::new([show::metric(&slice.metric).into(), name, value, interval, families, against.into()]).tone(tone)
}

pub(super) fn record(slice: &Slice) -> Record {
    Record {
        slice: slice.name.clone(),
        estimate: Some(slice.estimate.clone()),
        p_value: slice.p_value,
        differs: Some(slice.differs),
        ..Record::new("judgment_slice", &slice.metric)
    }
}
