//! The seven headline numbers, each with its interval, its floor and its place on a scale.

use hydrometer_audit::Statement;
use hydrometer_audit::statement::{Gate, Headline};
use maud::{Markup, html};

use super::source::Source;
use crate::document::{
    Block, COMMENT, Cell, Column, EVERYWHERE, Fold, PAGE, PAGE_AND_TERMINAL, Record, Row, Section, State, Style, Table,
    Text, Use,
};
use crate::plot::{Scale, extent, graduated};
use crate::show;

const NO_REASON: &str = "No reason was given.";

pub(super) fn section(source: &Source<'_>) -> Section {
    let statement = source.statement;
    Section::new("headline", "Seven numbers")
        .with(Block::table(table(statement)))
        .with(Block::key(legend(&show::level(statement))).on(PAGE))
        .with_all(missing(statement))
        .with_records(statement.headline.iter().map(record))
}

fn table(statement: &Statement) -> Table {
    let level = show::level(statement);
    Table {
        title: None,
        caption: Text::from(format!(
            "Value with its {level} interval. Teacher itself is the same number for the teacher measured against \
             itself: a floor under a divergence, a ceiling over an agreement, and no student can be asked to do better. Families in brackets are those of equal weight that would be worth as much."
        )),
        label: "Seven numbers, table".into(),
        style: "numbers stack",
        columns: vec![
            Column::new(Use::Name, "Number"),
            Column::new(Use::Value, "Value"),
            Column::new(Use::Range, format!("{level} interval")).label("Interval"),
            Column::new(Use::Plot, "On its scale").label("Scale"),
            Column::new(Use::Number, "Teacher itself").if_room(),
            Column::new(Use::Number, "Families").if_room(),
            Column::new(Use::Words, "Verdict"),
        ],
        rows: statement.headline.iter().map(|row| headline(statement, row)).collect(),
    }
}

fn headline(statement: &Statement, row: &Headline) -> Row {
    let name = match show::in_regime(statement, row.regime.as_ref()) {
        Some(regime) => format!("{} ({regime})", show::metric(&row.id)),
        None => show::metric(&row.id),
    };
    if let Some(bounds) = &row.bounds {
        let [value, interval, floor, families] = Cell::of_bounds(bounds);
        let verdict = Cell::Verdict(row.verdict);
        return Row::new([name.into(), value, interval, Cell::Drawn(html! {}), floor, families, verdict]);
    }
    let Some(estimate) = &row.estimate else {
        let why = row.missing.clone().unwrap_or_else(|| NO_REASON.into());
        let covered = std::iter::repeat_n(Cell::Covered, 5);
        return Row::new([name.into(), Cell::Missing(Some(why))].into_iter().chain(covered)).on(PAGE_AND_TERMINAL);
    };
    let bounds = Gate::on(&statement.gates, &row.id).map_or((None, None), |g| (g.at_least, g.at_most));
    let ends = [bounds.0, bounds.1].into_iter().flatten();
    let scale = Scale::covering(extent(estimate).chain(ends).chain([0.0])).within(&row.id);
    let drawn = Cell::Drawn(graduated(&name, estimate, scale, bounds));
    let [value, interval, floor, families] = Cell::of_estimate(&row.id, estimate);
    let shown = Row::new([name.into(), value, interval, drawn, floor, families, Cell::Verdict(row.verdict)]);
    match &row.beside {
        Some(beside) => shown.note(Text::foreign(beside), EVERYWHERE),
        None => shown,
    }
}

fn legend(level: &str) -> Markup {
    html! {
        ul.legend aria-label="Signs used in the drawings" {
            li { svg.key width="26" height="16" aria-hidden="true" { line.interval x1="2" x2="24" y1="8" y2="8" {} circle.point cx="13" cy="8" r="4.5" {} } " value and " (level) " interval (a gate is judged by its own)" }
            li { svg.key width="26" height="16" aria-hidden="true" { line.floor x1="13" x2="13" y1="1" y2="15" {} } " teacher against itself" }
            li { svg.key width="26" height="16" aria-hidden="true" { rect.accepted x="6" y="1" width="20" height="14" {} line.bound x1="6" x2="6" y1="0" y2="16" {} } " accepted by the gate" }
        }
    }
}

/// What a comment folds away: the numbers that are not there.
fn missing(statement: &Statement) -> Option<Block> {
    let missing: Vec<&Headline> =
        statement.headline.iter().filter(|row| row.estimate.is_none() && row.bounds.is_none()).collect();
    if missing.is_empty() {
        return None;
    }
    let names: Vec<String> = missing.iter().map(|row| show::metric(&row.id)).collect();
    let item = |row: &&Headline| {
        let why = row.missing.as_deref().unwrap_or(NO_REASON);
        Text::of(Style::Strong, show::metric(&row.id)).words(format!(": {why}"))
    };
    let fold = Fold {
        title: Text::default(),
        about: format!("Not measured: {}", names.join(", ")).into(),
        state: State::Closed,
        style: "",
        blocks: vec![Block::list(missing.iter().map(item))],
    };
    Some(Block::fold(fold).on(COMMENT))
}

fn record(row: &Headline) -> Record {
    Record {
        estimate: row.estimate.clone(),
        verdict: row.verdict.map_or("", show::verdict),
        note: row.missing.clone().unwrap_or_default(),
        regime: row.regime.clone(),
        ..Record::new("headline", &row.id)
    }
}
