//! Columns may be added to a part: files of earlier versions are read, those of later ones are refused by name.
#![allow(clippy::unwrap_used, reason = "test code")]

use crate::support;

use hydrometer_answers::part::{AskedProbe, Columns, Row, column};
use hydrometer_answers::{Part, PartKind, PartRow, RunError, RunFolder, UnitCounts};
use support::{planned, settings, suite};

const KIND: PartKind = PartKind::new("trial");

/// The part as it was.
enum First {}

/// The part with two columns more.
enum Second {}

#[derive(Clone, Debug, PartialEq)]
struct FirstRow {
    probe: String,
    place: u32,
    value: f64,
}

#[derive(Clone, Debug, PartialEq)]
struct SecondRow {
    first: FirstRow,
    weight: f64,
    note: Option<f32>,
}

impl Part for First {
    const KIND: PartKind = KIND;
    const VERSION: u32 = 1;
    type Row = FirstRow;
}

impl Part for Second {
    const KIND: PartKind = KIND;
    const VERSION: u32 = 2;
    type Row = SecondRow;
}

impl Row for FirstRow {
    fn blank() -> Self {
        FirstRow { probe: String::new(), place: 0, value: 0.0 }
    }

    fn columns(&mut self, columns: &mut dyn Columns) {
        columns.text(column("probe"), &mut self.probe);
        columns.u32(column("place"), &mut self.place);
        columns.f64(column("value"), &mut self.value);
    }
}

impl Row for SecondRow {
    fn blank() -> Self {
        // Before there were weights every row counted as one.
        SecondRow { first: FirstRow::blank(), weight: 1.0, note: None }
    }

    fn columns(&mut self, columns: &mut dyn Columns) {
        self.first.columns(columns);
        columns.f64(column("weight").since(2).within(0.0, 10.0), &mut self.weight);
        columns.optional_f32(column("note").since(2), &mut self.note);
    }
}

impl PartRow for FirstRow {
    fn probe(&self) -> &str {
        &self.probe
    }

    fn key(&self) -> [u64; 2] {
        [u64::from(self.place), 0]
    }

    fn check(&self, _: &AskedProbe<'_>) -> Option<String> {
        None
    }
}

impl PartRow for SecondRow {
    fn probe(&self) -> &str {
        &self.first.probe
    }

    fn key(&self) -> [u64; 2] {
        self.first.key()
    }

    fn check(&self, _: &AskedProbe<'_>) -> Option<String> {
        None
    }
}

fn first(place: u32) -> FirstRow {
    FirstRow { probe: "text-1".to_owned(), place, value: f64::from(place) / 2.0 }
}

fn run(folder: &std::path::Path) -> RunFolder {
    let plan = planned(&suite(), settings(), UnitCounts::default().with(KIND, 2));
    RunFolder::create_or_resume(folder, &plan, &suite().probes).unwrap()
}

#[test]
fn what_an_older_file_lacks_is_what_the_part_declares() {
    let home = tempfile::tempdir().unwrap();
    let run = run(home.path());
    run.write::<First>(0, &[first(0), first(1)]).unwrap();
    let new = SecondRow { first: first(2), weight: 2.5, note: Some(0.5) };
    run.write::<Second>(1, std::slice::from_ref(&new)).unwrap();
    let filled = |place| SecondRow { first: first(place), weight: 1.0, note: None };
    assert_eq!(run.rows::<Second>().unwrap(), [filled(0), filled(1), new]);
    assert_eq!(run.rows_of::<First>(0).unwrap(), [first(0), first(1)]);
}

#[test]
fn a_newer_file_is_refused_by_name() {
    let home = tempfile::tempdir().unwrap();
    let run = run(home.path());
    run.write::<Second>(0, &[SecondRow { first: first(0), weight: 1.0, note: None }]).unwrap();
    let Err(RunError::Damaged { problems, .. }) = run.rows_of::<First>(0) else { panic!("read a newer version") };
    assert_eq!(problems[0].file, "parts/trial-00000.parquet");
    assert!(problems[0].what.starts_with("trial version 2, this program reads up to 1"), "{problems:?}");
}

#[test]
fn a_column_that_came_later_has_its_range_too() {
    let home = tempfile::tempdir().unwrap();
    let row = SecondRow { first: first(0), weight: 11.0, note: None };
    let error = run(home.path()).write::<Second>(0, &[row]).unwrap_err().to_string();
    assert!(error.contains("row 0: weight is 11, expected 0 to 10"), "{error}");
}

#[test]
fn a_part_that_this_program_does_not_know_is_not_sealed() {
    let home = tempfile::tempdir().unwrap();
    let run = run(home.path());
    run.write::<First>(0, &[first(0)]).unwrap();
    run.write::<First>(1, &[]).unwrap();
    let error = run.finish().unwrap_err().to_string();
    assert!(error.contains("parts/trial-00000.parquet: is of a kind that this version does not know"), "{error}");
    drop(run);
    let error = RunFolder::open_unchecked(home.path()).unwrap_err().to_string();
    assert!(error.contains("the run has parts \"trial\", which this version does not know"), "{error}");
}
