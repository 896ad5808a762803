//! How far the student reaches: curves over the distance from what it was trained on, axis by axis.

mod certificate;
mod control;
mod curve;
mod deployment;

use hydrometer_answers::TrainedToBy;
use hydrometer_audit::statement::{AxisCurve, Geometry, RingRow};
use hydrometer_metrics::Estimate;
use hydrometer_metrics::measure::SAFE_REACH;

use super::source::Source;
use crate::document::{
    Block, Cell, Column, EVERYWHERE, Fold, PAGE, Record, Row, Section, State, Style, Table, Text, Use,
};
use crate::plot::{Scale, axis, extent, strip};
use crate::show;

pub(super) fn section(source: &Source<'_>) -> Section {
    let section = Section::new("edges", "How far it reaches");
    let Some(geometry) = &source.statement.geometry else {
        return section
            .on(PAGE)
            .with(Block::absent("Not measured: no probe of this suite says how hard it is and what is right."));
    };
    let lead = format!(
        "Every axis asks farther and farther from what the student was trained on. A ring holds where the student keeps {} of what the teacher has \
         above chance; safe reach is where the last ring ends up to which all hold, volume the share of the teacher's success \
         that is left, every distance counting alike. Radius 1 is what the student was trained to.",
        show::percent(1.0 - geometry.delta)
    );
    let certificates = certificate::certificates(source.statement, geometry);
    section
        .with(Block::lead(lead).on(PAGE))
        .with(Block::table(volumes(source, geometry)))
        .with_all((!certificates.is_empty()).then(|| Block::facts(certificates)))
        .with_all(control::table(source, geometry).map(Block::table))
        .with(deployment::block(source, geometry))
        .with_all(geometry.axes.iter().map(|axis| Block::figure(curve::picture(axis), curve::in_words(axis)).on(PAGE)))
        .with_all(geometry.axes.iter().map(rings))
        .with_records(geometry.axes.iter().flat_map(records).chain(deployment::records(geometry)))
}

/// `reasoning by depth`
fn name(curve: &AxisCurve) -> String {
    format!("{} by {}", curve.axis, curve.knob)
}

/// `1 = 3, from the distillation set`: what counts as radius 1, and who says so; `None` where nobody does.
fn radius_one(curve: &AxisCurve) -> Option<String> {
    let by = match curve.trained_to_by {
        Some(TrainedToBy::Said) => ", as was said",
        Some(TrainedToBy::DistillationSet) => ", from the distillation set",
        Some(TrainedToBy::Documented) => ", by convention",
        None => "",
    };
    curve.trained_to.map(|value| format!("1 = {value}{by}"))
}

fn volumes(source: &Source<'_>, geometry: &Geometry) -> Table {
    let level = show::level(source.statement);
    let kept = || geometry.axes.iter().filter_map(|axis| axis.volume.as_ref());
    let scale = Scale::covering(kept().flat_map(extent).chain([0.0, 1.0]));
    Table {
        title: None,
        caption: format!(
            "Capability volume per axis with its {level} interval, least first, and how far the student holds. The teacher \
             itself ends where it is no longer shown to do better than chance."
        )
        .into(),
        label: "Axes, table".into(),
        style: "numbers stack",
        columns: vec![
            Column::new(Use::Name, "Axis"),
            Column::new(Use::Plot, "Volume, drawn").axis(axis(scale)),
            Column::new(Use::Value, "Volume"),
            Column::new(Use::Range, "Interval"),
            Column::new(Use::Number, "Safe reach"),
            Column::new(Use::Words, "Collapse from"),
            Column::new(Use::Number, "Teacher ends").if_room(),
            Column::new(Use::Number, "Slope").on(PAGE),
            Column::new(Use::Number, "Families").if_room(),
        ],
        rows: geometry.axes.iter().map(|axis| volume(axis, scale)).collect(),
    }
}

fn volume(curve: &AxisCurve, scale: Scale) -> Row {
    let label = Cell::Text(Text::foreign(name(curve)));
    let reach = |value: f64| Cell::Text(show::number(value).into());
    let rest = [
        reach(curve.safe_reach),
        curve.collapse.map_or_else(|| "not shown".to_owned(), show::number).into(),
        reach(curve.teacher_reach),
        Cell::Number(curve.slope.as_ref().map(|slope| slope.value)),
        Cell::Families(curve.families, None),
    ];
    let measured = match &curve.volume {
        Some(volume) => [
            Cell::Drawn(strip(&name(curve), volume, scale, (None, None))),
            Cell::Number(Some(volume.value)),
            Cell::Interval(volume.interval),
        ],
        None => [Cell::Missing(Some("nothing to keep: the teacher is at chance".into())), Cell::Covered, Cell::Covered],
    };
    let row = Row::new([label].into_iter().chain(measured).chain(rest));
    match curve.trained_to {
        Some(_) => row,
        None => row.note(
            format!("Radii are values of {}: nobody said what the student was trained to.", curve.knob).into(),
            EVERYWHERE,
        ),
    }
}

/// The rings of one axis.
fn rings(curve: &AxisCurve) -> Block {
    let has = |model: fn(&RingRow) -> Option<&Estimate>| curve.rings.iter().any(|ring| model(ring).is_some());
    let (ceiling, base) = (has(|ring| ring.ceiling.as_ref()), has(|ring| ring.base.as_ref()));
    let control = has(|ring| ring.control.as_ref());
    let mut columns = vec![
        Column::new(Use::Name, "Ring"),
        Column::new(Use::Teacher, "Teacher"),
        Column::new(Use::Student, "Student"),
    ];
    if ceiling {
        columns.push(Column::new(Use::Number, "Teacher again"));
    }
    if base {
        columns.push(Column::new(Use::Number, "Before distillation"));
    }
    if control {
        columns.push(Column::new(Use::Number, "Control student"));
    }
    columns.extend([
        Column::new(Use::Number, "Surplus"),
        Column::new(Use::Number, "Probes"),
        Column::new(Use::Words, "Holds"),
        Column::new(Use::Words, "Probes that would show it"),
    ]);
    let row = |ring: &RingRow| {
        let optional = [(ceiling, &ring.ceiling), (base, &ring.base), (control, &ring.control)];
        let optional = optional.into_iter().filter(|(shown, _)| *shown);
        let optional = optional.map(|(_, found)| found.clone().map_or(Cell::Number(None), Cell::Estimate));
        let edges = format!("{} to {}", show::number(ring.inner), show::number(ring.outer));
        let needed = ring.probes_needed.map_or_else(|| "–".to_owned(), show::count);
        Row::new(
            [edges.into(), Cell::Estimate(ring.teacher.clone()), Cell::Estimate(ring.student.clone())]
                .into_iter()
                .chain(optional)
                .chain([
                    Cell::Number(ring.surplus),
                    Cell::Count(ring.probes),
                    Cell::Verdict(Some(ring.verdict)),
                    needed.into(),
                ]),
        )
    };
    let chance = if curve.chance > 0.0 { format!(", chance {}", show::number(curve.chance)) } else { String::new() };
    let table = Table {
        title: None,
        caption: Text::foreign(format!("Success on {} in rings of equal numbers{chance}", name(curve))),
        label: "Rings, table".into(),
        style: "numbers",
        columns,
        rows: curve.rings.iter().map(row).collect(),
    };
    Block::fold(Fold {
        title: Text::foreign(name(curve)),
        about: Text::of(Style::Quiet, format!("its {} as a table", show::counted(curve.rings.len() as u64, "ring"))),
        state: State::Closed,
        style: "",
        blocks: vec![Block::table(table)],
    })
    .on(PAGE)
}

/// An axis and its rings as rows of a spreadsheet.
fn records(curve: &AxisCurve) -> Vec<Record> {
    let of = |metric: &str, slice: String| Record { slice, ..Record::new("edge", metric) };
    let axis = |metric: &str| of(metric, name(curve));
    let mut all = vec![
        Record {
            estimate: curve.volume.clone(),
            note: if curve.volume.is_none() { "nothing to keep".into() } else { String::new() },
            ..axis("volume")
        },
        Record { value: Some(curve.safe_reach), ..axis(SAFE_REACH.id) },
        Record { value: curve.collapse, ..axis("collapse") },
        Record { value: Some(curve.teacher_reach), ..axis("teacher_reach") },
        Record { estimate: curve.slope.clone(), note: curve.no_slope.clone().unwrap_or_default(), ..axis("slope") },
    ];
    let against = curve.slope_against_control.clone();
    all.extend(against.map(|slope| Record { estimate: Some(slope), ..axis("slope_against_control") }));
    for ring in &curve.rings {
        let slice = format!("{}, {} to {}", name(curve), ring.inner, ring.outer);
        let model = |metric: &str, found: Option<&Estimate>| {
            found.map(|found| Record { estimate: Some(found.clone()), ..of(metric, slice.clone()) })
        };
        let surplus = Record {
            value: ring.surplus,
            verdict: show::verdict(ring.verdict),
            items: Some(ring.probes),
            ..of("surplus", slice.clone())
        };
        all.extend(model("teacher_success", Some(&ring.teacher)));
        all.extend(model("student_success", Some(&ring.student)));
        all.extend(model("ceiling_success", ring.ceiling.as_ref()));
        all.extend(model("base_success", ring.base.as_ref()));
        all.extend(model("control_success", ring.control.as_ref()));
        all.extend(model("relative_fall_off", ring.relative_fall_off.as_ref()));
        all.push(surplus);
    }
    all
}
