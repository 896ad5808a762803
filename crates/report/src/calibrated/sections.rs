//! The sections of a calibration.

use std::collections::{BTreeMap, BTreeSet};

use hydrometer_audit::calibrate::expected::{self, Expected};
use hydrometer_audit::calibrate::{
    Asked, Calibrated, Criterion, DefectRow, DoseRow, Figure, GateRow, NumberRow, Share, Target,
};

use crate::document::{Block, Cell, Column, Fact, PAGE_AND_COMMENT, Role, Row, Section, Style, Table, Text, Tone, Use};
use crate::show;

/// Fewest nulls that the figures of acceptance ask for.
const NULLS: u64 = 200;

/// All sections, in their order.
pub(super) fn sections(calibrated: &Calibrated) -> Vec<Section> {
    vec![figures(calibrated), found(calibrated), nulls(calibrated), defects(calibrated), setup(calibrated)]
}

fn figures(calibrated: &Calibrated) -> Section {
    // What does not hold is seen first.
    let (failed, others): (Vec<_>, Vec<_>) =
        calibrated.acceptance.iter().partition(|criterion| criterion.met == Some(false));
    let rows = failed.into_iter().chain(others).map(|criterion| {
        let found = match criterion.found {
            Some(found) => {
                let text = Text::from(figure(criterion.figure, found));
                let range = criterion.interval.map(|interval| {
                    format!(
                        " [{}, {}]",
                        figure(criterion.figure, interval.low),
                        figure(criterion.figure, interval.high)
                    )
                });
                Cell::Text(range.into_iter().fold(text, |text, range| text.and(Style::Range, range)))
            }
            None => Cell::Missing(criterion.missing.clone()),
        };
        let (sign, tone) = match criterion.met {
            Some(true) => (Text::from("holds"), Tone::Plain),
            Some(false) => (Text::of(Style::Strong, "DOES NOT HOLD"), Tone::Marked),
            None if criterion.is_of_too_few() => {
                let reason = criterion.missing.clone().unwrap_or_default();
                (Text::of(Style::Strong, reason), Tone::Marked)
            }
            None => (Text::of(Style::Quiet, "not measured"), Tone::Quiet),
        };
        let wanted = match criterion.target {
            Target::AtLeast(least) => format!("at least {}", figure(criterion.figure, least)),
            Target::AtMost(most) => format!("at most {}", figure(criterion.figure, most)),
        };
        Row::new([named(criterion).into(), wanted.into(), found, sign.into()]).tone(tone)
    });
    let table = Table {
        title: None,
        caption: "Figures of acceptance; shares with Clopper and Pearson's interval at 95 %".into(),
        label: "Figures of acceptance, table".into(),
        style: "numbers",
        columns: vec![
            Column::new(Use::Name, "Figure"),
            Column::new(Use::Wanted, "Wanted"),
            Column::new(Use::Words, "Found"),
            Column::new(Use::Words, "Answer"),
        ],
        rows: rows.collect(),
    };
    Section::new("figures", "Figures of acceptance").with(Block::table(table))
}

/// What a figure is of, in words.
pub(super) fn named(criterion: &Criterion) -> String {
    let metric = criterion.metric.as_deref().map(show::metric).unwrap_or_default();
    let defect = criterion.defect.as_deref().unwrap_or_default();
    match criterion.figure {
        Figure::FalseAlarms => "Teacher against itself: any gate fails".to_owned(),
        Figure::Power => format!("{defect}: {metric} fails"),
        Figure::Auc => format!("{defect}: {metric} told from the teacher itself (AUC)"),
        Figure::DoseResponse => format!("{defect}: {metric} follows the dose (Spearman)"),
        Figure::Named => format!("{defect}: named among the findings"),
        Figure::Quiet => format!("{defect}: {metric} fails, the worst that must not"),
    }
}

/// A figure: shares in per cent, correlations and areas as they are.
fn figure(figure: Figure, value: f64) -> String {
    match figure {
        Figure::Auc | Figure::DoseResponse => format!("{value:.3}").replace('-', "−"),
        Figure::FalseAlarms | Figure::Power | Figure::Named | Figure::Quiet => show::share(value),
    }
}

/// The smallest losses that are found, of the numbers that a defect is aimed at.
fn found(calibrated: &Calibrated) -> Section {
    let rows = calibrated.defects.iter().flat_map(|row| {
        let aimed = expected::expected(&row.defect).map_or(&[][..], |expected| expected.fires);
        aimed.iter().map(move |metric| smallest_loss(row, metric))
    });
    let rows: Vec<Row> = rows.collect();
    let section = Section::new("found", "Smallest losses found");
    if rows.is_empty() {
        return section.with(Block::absent("No defect was planted of which it is written down what it aims at."));
    }
    let lead = "The mildest dose from which on the gate fails in 90 % of audits, and the one from which on the number shows a larger \
                loss than 95 % of the nulls in 90 % of audits: a loss smaller than that is not told from the teacher itself.";
    let table = Table {
        title: None,
        caption: "Smallest dose and loss that are found in 90 % of audits".into(),
        label: "Smallest losses found, table".into(),
        style: "numbers",
        columns: vec![
            Column::new(Use::Name, "Defect and number"),
            Column::new(Use::Words, "Gate fails from"),
            Column::new(Use::Words, "Told from"),
            Column::new(Use::Words, "Loss there"),
        ],
        rows,
    };
    section.with(Block::lead(lead)).with(Block::table(table))
}

fn smallest_loss(row: &DefectRow, metric: &str) -> Row {
    let never = || Text::of(Style::Strong, "NOT FOUND");
    let gate = match row.smallest.get(metric) {
        Some(Some(dose)) => Text::from(dose_of(dose)),
        Some(None) => never(),
        None => Text::of(Style::Quiet, "no gate"),
    };
    let (told, loss) = match row.found.get(metric) {
        Some(Some(found)) => (
            Text::from(dose_of(&found.defect)),
            Text::from(show::number(found.loss)).and(Style::Range, format!(" (it is {})", show::number(found.mean))),
        ),
        Some(None) => (never(), Text::of(Style::Quiet, "–")),
        None => (Text::of(Style::Quiet, "not measured"), Text::of(Style::Quiet, "–")),
    };
    let name = format!("{}: {}", row.defect, show::metric(metric));
    Row::new([name.into(), Cell::Text(gate), Cell::Text(told), Cell::Text(loss)])
}

/// A dose without its defect.
fn dose_of(defect: &str) -> String {
    defect.split_once('=').map_or("as it is", |(_, dose)| dose).to_owned()
}

fn nulls(calibrated: &Calibrated) -> Section {
    let nulls = &calibrated.nulls;
    let section = Section::new("nulls", "False alarms");
    let Some(interval) = nulls.any.interval else {
        return section.with(Block::said(Role::Alarm, "No null was audited: nothing is known of false alarms."));
    };
    let bound = format!(
        "The teacher was audited against itself {}, with other draws of its answers. Any gate failed in {}: that bounds the \
         chance of a false alarm by {} (95 % two-sided). {} passed as a whole; the others were undecided.",
        show::counted(nulls.any.trials, "time"),
        nulls.any.of,
        show::share(interval.high),
        nulls.passed.of,
    );
    let few = (nulls.any.trials < NULLS).then(|| {
        Block::paragraph(format!("The figures of acceptance ask for {NULLS} nulls; so few give a wider bound."))
    });
    let row = |row: &GateRow| {
        Row::new([show::metric(&row.metric).into(), share(&row.failed).into(), share(&row.passed).into()])
    };
    let table = Table {
        title: None,
        caption: "Gates, the teacher against itself".into(),
        label: "Gates of the nulls, table".into(),
        style: "numbers",
        columns: vec![
            Column::new(Use::Name, "Gate"),
            Column::new(Use::Words, "Failed"),
            Column::new(Use::Words, "Passed"),
        ],
        rows: nulls.gates.iter().map(row).collect(),
    };
    let said = (!nulls.findings.is_empty()).then(|| Block::paragraph(said(&nulls.findings, nulls.any.trials)));
    let known = covered(&nulls.numbers);
    section
        .with(Block::paragraph(bound))
        .with_all(few)
        .with_all(said)
        .with(Block::table(table).on(PAGE_AND_COMMENT))
        .with_all(known.map(|table| Block::table(table).on(PAGE_AND_COMMENT)))
}

/// How often intervals hold a truth that is known; `None` where none is.
fn covered(numbers: &[NumberRow]) -> Option<Table> {
    let row = |number: &NumberRow| {
        let truth = Cell::Number(Some(number.truth?));
        let covered = number.covered.as_ref().map_or(Cell::Missing(None), |covered| Cell::Text(share(covered)));
        Some(Row::new([show::metric(&number.metric).into(), truth, Cell::Number(Some(number.mean)), covered]))
    };
    let rows: Vec<Row> = numbers.iter().filter_map(row).collect();
    (!rows.is_empty()).then(|| Table {
        title: None,
        caption: "Numbers whose truth is known: audits in which the 95 % interval holds it".into(),
        label: "Coverage of intervals, table".into(),
        style: "numbers",
        columns: vec![
            Column::new(Use::Name, "Number"),
            Column::new(Use::Value, "Truth"),
            Column::new(Use::Value, "Mean"),
            Column::new(Use::Words, "Held by its interval"),
        ],
        rows,
    })
}

fn defects(calibrated: &Calibrated) -> Section {
    let lead = "Audits in which each gate failed, by dose from the mildest on, with Clopper and Pearson's interval at 95 %. \
                “Must fire” and “must be quiet” were written down before anything was measured; the last dose is the declared \
                one. Other gates may do either.";
    let section = Section::new("defects", "Gates by dose").with(Block::lead(lead));
    calibrated.defects.iter().fold(section, |section, defect| {
        // Of a loss below every margin nothing is to be said at all.
        let quiet = expected::expected(&defect.defect).is_some_and(|expected| expected.fires.is_empty());
        let known = defect.doses.last().and_then(|dose| covered(&dose.numbers));
        let strongest = defect.doses.last().filter(|dose| quiet && !dose.findings.is_empty());
        section
            .with(Block::heading(Text::of(Style::Code, defect.defect.as_str())))
            .with(Block::table(gates(defect)))
            .with_all(strongest.map(|dose| Block::paragraph(said(&dose.findings, dose.audits))))
            .with(Block::table(numbers(defect)).on(PAGE_AND_COMMENT))
            .with_all(known.map(|table| Block::table(table).on(PAGE_AND_COMMENT)))
    })
}

/// The findings that were said although there is nothing to be named.
fn said(findings: &BTreeMap<String, u64>, audits: u64) -> String {
    let each = findings.iter().map(|(finding, said)| format!("{finding} {said} times"));
    let audits = show::counted(audits, "audit");
    format!("Serious or notable findings said in {audits}: {}.", each.collect::<Vec<_>>().join(", "))
}

/// What is expected of a gate.
fn role(expected: Option<&Expected>, metric: &str) -> Text {
    match expected {
        Some(expected) if expected.fires.contains(&metric) => Text::of(Style::Strong, "must fire"),
        Some(expected) if expected.quiet.covers(metric) => Text::from("must be quiet"),
        _ => Text::of(Style::Quiet, "either"),
    }
}

/// The heads of the doses.
fn doses(defect: &DefectRow) -> impl Iterator<Item = Column> + '_ {
    defect.doses.iter().map(|row| Column::new(Use::Words, dose_of(&row.defect)))
}

fn gates(defect: &DefectRow) -> Table {
    let expected = expected::expected(&defect.defect);
    let row = |metric: &String, smallest: &Option<String>| {
        let cell = |dose: &DoseRow| {
            let gate = dose.gates.iter().find(|gate| gate.metric == *metric);
            gate.map_or(Cell::Missing(None), |gate| share(&gate.failed).into())
        };
        let smallest =
            smallest.as_deref().map_or("–", |found| found.split_once('=').map_or("found", |(_, dose)| dose));
        let cells = [show::metric(metric).into(), Cell::Text(role(expected, metric))].into_iter();
        Row::new(cells.chain(defect.doses.iter().map(cell)).chain([smallest.to_owned().into()]))
    };
    let whole = |name: &str, share_of: fn(&DoseRow) -> Option<Share>| {
        let cell = |dose: &DoseRow| share_of(dose).map_or(Cell::Missing(None), |found| share(&found).into());
        let cells = [Cell::from(name.to_owned()), Cell::Text(Text::default())].into_iter();
        Row::new(cells.chain(defect.doses.iter().map(cell)).chain([String::new().into()]))
    };
    let mut rows: Vec<Row> = defect.smallest.iter().map(|(metric, smallest)| row(metric, smallest)).collect();
    rows.push(whole("The whole audit fails", |dose| Some(dose.failed)));
    if defect.doses.iter().any(|dose| dose.named.is_some()) {
        rows.push(whole("The defect is named", |dose| dose.named));
    }
    let columns = [Column::new(Use::Name, "Gate"), Column::new(Use::Words, "Expected").if_room()].into_iter();
    Table {
        title: None,
        caption: Text::from("Share of audits in which the gate failed"),
        label: format!("Gates of {}, table", defect.defect),
        style: "numbers",
        columns: columns.chain(doses(defect)).chain([Column::new(Use::Words, "Found from")]).collect(),
        rows,
    }
}

fn numbers(defect: &DefectRow) -> Table {
    let all = defect.doses.iter().flat_map(|dose| dose.numbers.iter().map(|number| &number.metric));
    let metrics: BTreeSet<&String> = all.collect();
    let row = |metric: &&String| {
        let cell = |dose: &DoseRow| {
            let number = dose.numbers.iter().find(|number| number.metric == **metric);
            number.map_or(Cell::Missing(None), |number| mean(number).into())
        };
        let response = defect
            .dose_response
            .get(*metric)
            .map_or(Cell::Missing(None), |rho| Cell::from(figure(Figure::DoseResponse, *rho)));
        Row::new([show::metric(metric).into()].into_iter().chain(defect.doses.iter().map(cell)).chain([response]))
    };
    let name = [Column::new(Use::Name, "Number")].into_iter();
    Table {
        title: None,
        caption: "Mean of each number, in brackets how surely it tells the defect from the teacher itself (AUC)".into(),
        label: format!("Numbers of {}, table", defect.defect),
        style: "numbers",
        columns: name.chain(doses(defect)).chain([Column::new(Use::Words, "Follows the dose")]).collect(),
        rows: metrics.iter().map(row).collect(),
    }
}

fn mean(number: &NumberRow) -> Text {
    let text = Text::from(show::number(number.mean));
    match number.auc {
        Some(auc) => text.and(Style::Range, format!(" ({auc:.2})")),
        None => text,
    }
}

/// `20 of 20 [83.2 %, 100 %]`
fn share(share: &Share) -> Text {
    let text = Text::from(format!("{} of {}", share.of, share.trials));
    match share.interval {
        Some(interval) => {
            let percent = |end: f64| format!("{:.0}", 100.0 * end);
            text.and(Style::Range, format!(" [{}, {} %]", percent(interval.low), percent(interval.high)))
        }
        None => text,
    }
}

fn setup(calibrated: &Calibrated) -> Section {
    let setup = &calibrated.setup;
    let suite = match &setup.suite {
        Asked::Drawn { name, .. } => format!("{name}, drawn anew for every audit"),
        Asked::Same { name, hash } => format!("{name}, the same for every audit ({hash})"),
    };
    let answers = setup.settings.samples.as_ref().map_or("none".to_owned(), |samples| {
        format!("{} of each model to a prompt, {} of the teacher again", samples.per_probe, samples.reruns)
    });
    let facts = [
        Fact::new("Teacher", Text::foreign(setup.teacher.name.as_str())),
        Fact::new("Weights", Text::of(Style::Hash, setup.teacher.weights.as_str())),
        Fact::new(
            "Before distillation",
            match &setup.base {
                Some(base) => Text::foreign(base.name.as_str()),
                None => Text::of(Style::Quiet, "not asked"),
            },
        ),
        Fact::new("Suite", Text::foreign(suite)),
        Fact::new("Answers", answers),
        Fact::new("Setup", Text::of(Style::Hash, calibrated.setup_hash.as_str())),
    ];
    let held = "It holds for this teacher, this suite and these settings: another suite finds other doses.";
    Section::new("setup", "What was calibrated")
        .with(Block::paragraph(held))
        .with(Block::facts(facts))
        .with(Block::said(Role::Quiet, match setup.suite {
            Asked::Drawn { .. } => "Every audit is a trial of its own: its suite and all draws are its own.",
            Asked::Same { .. } => {
                "The suite is the same every time, so numbers that depend on no draw are one trial, however many audits were \
                 made: their shares say what this very suite sees, not how often suites like it do."
            }
        }))
}
