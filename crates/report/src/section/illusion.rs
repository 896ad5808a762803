//! Style against judgment: how much of each the student copied, at every kind of boundary.

mod quadrant;

use hydrometer_audit::Statement;
use hydrometer_audit::statement::{GapBase, Illusion, IllusionStratum, stratum_name};
use hydrometer_metrics::measure::{self, Group};

use super::numbers::numbers;
use super::source::Source;
use crate::document::{Block, Cell, Column, EVERYWHERE, PAGE, Record, Row, SHORT, Section, Table, Use};
use crate::show;

pub(super) fn section(source: &Source<'_>) -> Section {
    let statement = source.statement;
    let section = Section::new("illusion", "Style and judgment");
    let Some(illusion) = &statement.illusion else {
        return section.on(PAGE).with(Block::absent("Not measured: the suite asks nothing that is answered freely."));
    };
    section
        .with_all(numbers(statement, "Style and judgment", measure::group(Group::Illusion), SHORT))
        .with(Block::lead(compared(illusion)))
        .with(picture(statement, illusion).on(PAGE))
        .with_all(strata(statement, illusion))
        .with_records(illusion.strata.iter().flat_map(records))
}

/// What was compared, from where, and what could not be read.
fn compared(illusion: &Illusion) -> String {
    let from = match illusion.base {
        GapBase::Model => "from the student before distillation",
        GapBase::AnotherPrompt => {
            "from the teacher's answers to other prompts of the same kind, for no student from before distillation was named"
        }
    };
    let written = show::counted(illusion.written, "prompt");
    if illusion.at_boundary == 0 {
        return format!("Style is compared on {written}, {from}. No prompt stands at a boundary of judgment.");
    }
    format!(
        "How much of the way to the teacher the student went, {from}: in style on {written}, in decisions on {} of {} at a \
         boundary of judgment. The decision of {} of the teacher's and {} of the student's answers could not be read. Style is compared \
         given the decision; {} of the student's answers decide what the teacher seldom decides.",
        show::count(illusion.decided),
        show::count(illusion.at_boundary),
        show::share(illusion.teacher_unread),
        show::share(illusion.student_unread),
        show::share(illusion.student_seldom)
    )
}

fn picture(statement: &Statement, illusion: &Illusion) -> Block {
    let drawn = quadrant::points(statement, illusion);
    if drawn.is_empty() {
        return Block::absent("Not drawn: it needs surface copied and judgment copied.");
    }
    Block::figure(quadrant::picture(&drawn), quadrant::in_words(&drawn))
}

fn strata(statement: &Statement, illusion: &Illusion) -> Option<Block> {
    let row = |stratum: &IllusionStratum| {
        let cell = |found: &Option<_>| found.clone().map_or(Cell::Number(None), Cell::Estimate);
        let row = Row::new([
            Cell::Text(stratum_name(stratum.stratum).into()),
            cell(&stratum.surface),
            cell(&stratum.judgment),
            Cell::Count(stratum.prompts),
        ]);
        match &stratum.missing {
            Some(missing) => row.note(missing.clone().into(), EVERYWHERE),
            None => row,
        }
    };
    let table = Table {
        title: None,
        caption: format!("Both at each kind of boundary, with {} intervals", show::level(statement)).into(),
        label: "Kinds of boundary, table".into(),
        style: "numbers stack",
        columns: vec![
            Column::new(Use::Name, "Boundary"),
            Column::new(Use::Number, "Surface copied"),
            Column::new(Use::Number, "Judgment copied"),
            Column::new(Use::Number, "Prompts"),
        ],
        rows: illusion.strata.iter().map(row).collect(),
    };
    (!illusion.strata.is_empty()).then(|| Block::table(table))
}

fn records(stratum: &IllusionStratum) -> [Record; 2] {
    let of = |metric: &str, found: &Option<_>| Record {
        slice: stratum_name(stratum.stratum).to_owned(),
        estimate: found.clone(),
        items: Some(stratum.prompts),
        note: stratum.missing.clone().unwrap_or_default(),
        ..Record::new("illusion", metric)
    };
    [
        of(measure::illusion::SURFACE_COPIED.id, &stratum.surface),
        of(measure::illusion::JUDGMENT_COPIED.id, &stratum.judgment),
    ]
}
