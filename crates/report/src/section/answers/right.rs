//! Who is right, as shares of the pairs of answers.

use hydrometer_audit::Statement;
use hydrometer_metrics::Estimate;
use hydrometer_metrics::measure::{Definition, answers};
use maud::{Markup, html};

use crate::document::{Block, Cell, Column, PAGE, Row, Table, Use};
use crate::plot::percent;
use crate::show;

/// The five cells of right and wrong over pairs of answers: metric, mark, short name.
static CELLS: [(&Definition, &str, &str); 5] = [
    (&answers::ANSWER_BOTH_RIGHT, "both-right", "both right"),
    (&answers::ANSWER_LOST, "lost", "lost"),
    (&answers::ANSWER_GAINED, "gained", "gained"),
    (&answers::ANSWER_BOTH_WRONG_SAME, "wrong-same", "both wrong, same"),
    (&answers::ANSWER_BOTH_WRONG_DIFFERENT, "wrong-different", "both wrong, different"),
];

/// One cell: mark, name, share of the pairs.
type Share<'a> = (&'static str, &'static str, &'a Estimate);

/// The bar of the cells and their table.
pub(super) fn blocks(statement: &Statement) -> Vec<Block> {
    let shares: Vec<Share<'_>> = CELLS
        .iter()
        .filter_map(|&(cell, class, name)| Some((class, name, show::estimate(statement, cell.id)?)))
        .collect();
    if shares.len() < CELLS.len() {
        let words = "Who is right was not measured: no prompt of this suite has a checker.";
        return vec![Block::absent(words).on(PAGE)];
    }
    let said: Vec<String> = shares.iter().map(|(_, name, e)| format!("{name} {}", show::share(e.value))).collect();
    let said = said.join(", ");
    let blocks = [
        Block::heading("Who is right"),
        Block::figure(bar(&shares, &said), said),
        Block::table(table(&shares, show::estimate(statement, answers::EXCESS_FLIPS.id))),
    ];
    blocks.map(|block| block.on(PAGE)).into()
}

fn bar(shares: &[Share<'_>], said: &str) -> Markup {
    let starts = shares.iter().scan(0.0, |sum, (_, _, e)| {
        let start = *sum;
        *sum += 100.0 * e.value;
        Some(start)
    });
    html! {
        svg.cells width="100%" height="44" role="img" aria-label=(said) {
            @for ((class, name, estimate), start) in shares.iter().zip(starts) {
                @let width = 100.0 * estimate.value;
                rect class={ "cell-" (class) } x=(percent(start)) y="18" width=(percent(width)) height="26" { title { (name) ": " (show::share(estimate.value)) } }
                @if width >= 8.0 { text.label x=(percent(start)) y="12" { (format!("{width:.0} %")) } }
            }
        }
    }
}

fn table(shares: &[Share<'_>], excess: Option<&Estimate>) -> Table {
    let cells = |name: String, estimate: &Estimate| {
        let (value, interval) = (Cell::Number(Some(estimate.value)), Cell::Interval(estimate.interval));
        Row::new([name.into(), value, interval, Cell::Number(estimate.floor)])
    };
    let row = |&(class, name, estimate): &Share<'_>| cells(name.into(), estimate).swatch(swatch(class));
    let excess = excess.map(|excess| cells(show::metric(answers::EXCESS_FLIPS.id), excess));
    Table {
        title: None,
        caption: "Pairs of a teacher's and a student's answer to one prompt, in the order of the bar".into(),
        label: "Right and wrong answers, table".into(),
        style: "numbers stack",
        columns: vec![
            Column::new(Use::Name, "Answers"),
            Column::new(Use::Value, "Share"),
            Column::new(Use::Range, "Interval"),
            Column::new(Use::Number, "Teacher against itself").label("Teacher itself"),
        ],
        rows: shares.iter().map(row).chain(excess).collect(),
    }
}

fn swatch(class: &str) -> Markup {
    html! { svg width="12" height="12" aria-hidden="true" { rect class={ "cell-" (class) } width="12" height="12" {} } }
}
