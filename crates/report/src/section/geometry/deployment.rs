//! What is left where the student is used, and how much better that looks than what is left everywhere.

use hydrometer_audit::statement::{AxisCurve, Deployed, Geometry};
use hydrometer_metrics::Estimate;
use hydrometer_metrics::measure::CAPABILITY_VOLUME;

use super::super::source::Source;
use super::name;
use crate::document::{Block, Cell, Column, Record, Row, Table, Text, Use};
use crate::plot::{Scale, axis, extent, strip};
use crate::show;

/// What the mean over the axes is called.
const ALL: &str = "all axes";

/// A table where it is known of any axis where the student is used, else what is missing.
pub(super) fn block(source: &Source<'_>, geometry: &Geometry) -> Block {
    if geometry.deployed.is_none() && geometry.axes.iter().all(|curve| curve.deployed.is_none()) {
        let missing = geometry.not_deployed.as_deref().unwrap_or("this version of the statement did not say");
        return Block::absent(Text::from("Benchmark illusion: not measured: ").words(missing));
    }
    let each = geometry.axes.iter().filter_map(|curve| curve.deployed.as_ref());
    let scale =
        Scale::covering(each.chain(&geometry.deployed).flat_map(|found| extent(&found.illusion)).chain([0.0, 0.5]));
    let uniform = geometry.axes.iter().map(|curve| curve.volume.as_ref());
    let rows = geometry.axes.iter().zip(uniform).map(|(curve, uniform)| {
        row(Text::foreign(name(curve)), (curve.deployed.as_ref(), curve.not_deployed.as_deref()), uniform, scale)
    });
    let mean = source.statement.metrics.iter().find(|metric| metric.id == CAPABILITY_VOLUME.id);
    let mean = mean.and_then(|metric| metric.estimate.as_ref());
    let of_all = (geometry.deployed.as_ref(), geometry.not_deployed.as_deref());
    let last = row(ALL.into(), of_all, mean, scale);
    Block::table(Table {
        title: None,
        caption: format!(
            "Capability volume where the student is used, every ring counting as much as that was said to be, beside the one in which every \
             distance counts alike. Benchmark illusion is the first less the second, with its {} interval: what a benchmark of the \
             usual does not show. No gate rests on it.",
            show::level(source.statement)
        )
        .into(),
        label: "Where it is used, table".into(),
        style: "numbers stack",
        columns: vec![
            Column::new(Use::Name, "Where it is used"),
            Column::new(Use::Plot, "Illusion, drawn").axis(axis(scale)),
            Column::new(Use::Value, "Illusion"),
            Column::new(Use::Range, "Interval"),
            Column::new(Use::Number, "Volume there"),
            Column::new(Use::Number, "Volume evenly"),
            Column::new(Use::Words, "Beyond all rings"),
        ],
        rows: rows.chain([last]).collect(),
    })
}

fn row(
    label: Text,
    (found, missing): (Option<&Deployed>, Option<&str>),
    uniform: Option<&Estimate>,
    scale: Scale,
) -> Row {
    let name = label.0.iter().map(|span| span.text.as_str()).collect::<String>();
    let label = Cell::Text(label);
    let Some(Deployed { volume, illusion, beyond }) = found else {
        let rest = std::iter::repeat_n(Cell::Covered, 5);
        return Row::new([label, Cell::Missing(missing.map(str::to_owned))].into_iter().chain(rest));
    };
    Row::new([
        label,
        Cell::Drawn(strip(&name, illusion, scale, (None, None))),
        Cell::Number(Some(illusion.value)),
        Cell::Interval(illusion.interval),
        Cell::Estimate(volume.clone()),
        uniform.cloned().map_or(Cell::Number(None), Cell::Estimate),
        beyond.map_or_else(|| "–".to_owned(), show::percent).into(),
    ])
}

/// As rows of a spreadsheet.
pub(super) fn records(geometry: &Geometry) -> Vec<Record> {
    let all = (ALL.to_owned(), geometry.deployed.as_ref(), geometry.not_deployed.as_deref());
    let axis = |curve: &AxisCurve| (name(curve), curve.deployed.clone(), curve.not_deployed.clone());
    let axes: Vec<_> = geometry.axes.iter().map(axis).collect();
    let axes = axes.iter().map(|(name, found, missing)| (name.clone(), found.as_ref(), missing.as_deref()));
    axes.chain([all])
        .flat_map(|(slice, found, missing)| {
            let of = |metric: &str, estimate: Option<&Estimate>| Record {
                slice: slice.clone(),
                estimate: estimate.cloned(),
                note: missing.unwrap_or_default().to_owned(),
                ..Record::new("edge", metric)
            };
            [
                of("deployment_volume", found.map(|found| &found.volume)),
                of("benchmark_illusion", found.map(|found| &found.illusion)),
            ]
        })
        .collect()
}
