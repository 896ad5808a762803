//! The student against a control student: who falls off more steeply, axis by axis.

use hydrometer_audit::statement::{AxisCurve, Geometry, RingRow};

use super::super::source::Source;
use super::name;
use crate::document::{Cell, Column, PAGE, Row, Style, Table, Text, Use};
use crate::plot::{Scale, axis, extent, strip};
use crate::show;

/// `None` without a control student. On a terminal an axis has the line of its outermost ring that can be compared.
pub(super) fn table(source: &Source<'_>, geometry: &Geometry) -> Option<Table> {
    let control = source.statement.control.as_ref()?;
    let found =
        || geometry.axes.iter().flat_map(|curve| curve.rings.iter().filter_map(|ring| ring.relative_fall_off.as_ref()));
    let scale = Scale::covering(found().flat_map(extent).chain([-1.0, 1.0]));
    let caption = Text::from("Relative fall-off against ").and(Style::Foreign, &control.name).words(format!(
        ": how much more the student's log-odds of success change from the innermost ring outwards than the control student's, \
         with {} intervals. Below 0 the student falls off more steeply than what makes these tasks harder for another student \
         explains",
        show::level(source.statement)
    ));
    Some(Table {
        title: None,
        caption,
        label: "Against the control student, table".into(),
        style: "numbers stack",
        columns: vec![
            Column::new(Use::Name, "Axis, up to"),
            Column::new(Use::Plot, "Relative fall-off, drawn").axis(axis(scale)),
            Column::new(Use::Value, "Relative fall-off"),
            Column::new(Use::Range, "Interval"),
            Column::new(Use::Number, "Families").if_room(),
        ],
        rows: geometry.axes.iter().flat_map(|curve| rows(curve, scale)).collect(),
    })
}

fn rows(curve: &AxisCurve, scale: Scale) -> Vec<Row> {
    let outermost = curve.rings.iter().rposition(|ring| ring.relative_fall_off.is_some());
    let Some(outermost) = outermost else {
        let why = "not measured: a log-odds needs some success and some failure of both, in the innermost ring and in another";
        let label = Cell::Text(Text::foreign(name(curve)));
        return vec![Row::new([label, Cell::Missing(Some(why.into())), Cell::Covered, Cell::Covered, Cell::Covered])];
    };
    let row = |(place, ring): (usize, &RingRow)| {
        let found = ring.relative_fall_off.as_ref()?;
        let label = format!("{}, {}", name(curve), show::number(ring.outer));
        let row = Row::new([
            Cell::Text(Text::foreign(label.clone())),
            Cell::Drawn(strip(&label, found, scale, (None, None))),
            Cell::Number(Some(found.value)),
            Cell::Interval(found.interval),
            Cell::Families(found.n_families, None),
        ]);
        Some(if place == outermost { row } else { row.on(PAGE) })
    };
    curve.rings.iter().enumerate().filter_map(row).collect()
}
