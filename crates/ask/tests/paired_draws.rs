//! A student draws with the random numbers of its teacher's second run, where both draw by number.
#![allow(clippy::unwrap_used)]

use crate::answers::{audit_with, script, suite, teacher, value, verdict};
use crate::support;
use crate::text_only::Remote;

use hydrometer_answers::part::Samples;
use hydrometer_answers::{SampleRow, SampleSource};
use hydrometer_ask::{AskOptions, Models};
use hydrometer_audit::statement::Statement;
use hydrometer_metrics::Verdict;
use hydrometer_models::Model;
use support::{Watch, collect, sampling};

fn pair(options: &mut AskOptions) {
    options.sampling.as_mut().unwrap().settings.paired = true;
}

/// Whether both draw as a pair, and what they say.
fn run(teacher: &dyn Model, student: &dyn Model, reruns: u32) -> (bool, Vec<SampleRow>) {
    let folder = tempfile::tempdir().unwrap();
    let mut options = sampling(&folder.path().join("store"), 6, reruns);
    pair(&mut options);
    let models = Models::pair(teacher, student);
    let run = collect(models, &suite(40), &options, &folder.path().join("run"), &mut Watch::default()).unwrap();
    (run.manifest().settings.paired(), run.rows::<Samples>().unwrap())
}

fn said(rows: &[SampleRow], of: SampleSource) -> Vec<&str> {
    rows.iter().filter(|row| row.source == of).map(|row| row.text.as_str()).collect()
}

#[test]
fn a_model_that_is_its_own_student_says_what_its_second_run_says() {
    let teacher = teacher();
    let (paired, rows) = run(&teacher, &teacher, 6);
    let [first, second, student] =
        [SampleSource::Teacher, SampleSource::Rerun, SampleSource::Student].map(|of| said(&rows, of));
    assert_eq!(student, second);
    assert_ne!(student, first);
    assert!(paired);
}

#[test]
fn draws_are_independent_where_they_cannot_be_a_pair() {
    let teacher = teacher();
    // One of both does not draw by number, or the second run is shorter than the student's.
    let far = Remote::new();
    for (paired, _) in [run(&teacher, &far, 6), run(&far, &teacher, 6), run(&teacher, &teacher, 5)] {
        assert!(!paired);
    }
}

#[test]
fn a_student_near_its_teacher_passes_and_one_that_lost_something_does_not() {
    let near = script("a = 0.49, b = 0.31, c = 0.1, d = 0.1");
    let audit = |student: &dyn Model| -> Statement { audit_with(student, 80, pair) };
    let found = audit(&near);
    for gate in ["agreement_ratio", "diversity_kept", "distribution_match", "answer_net_loss"] {
        assert_eq!(verdict(&found, gate), Verdict::Pass, "{gate}");
    }
    assert!((value(&found, "answer_net_loss") - 0.01).abs() < 0.02);
    // Without pairs the same answers decide less.
    let alone = audit_with(&near, 80, |_| ());
    let width = |found: &Statement| {
        let metric = found.metrics.iter().find(|metric| metric.id == "diversity_kept").unwrap();
        let interval = metric.estimate.as_ref().unwrap().interval.unwrap();
        interval.high - interval.low
    };
    assert!(width(&found) < 0.5 * width(&alone), "{} {}", width(&found), width(&alone));
    // Half of what the teacher gets right is lost.
    let lost = audit(&script("a = 0.25, b = 0.55, c = 0.1, d = 0.1"));
    assert_eq!(verdict(&lost, "answer_net_loss"), Verdict::Fail);
    assert!((value(&lost, "answer_net_loss") - 0.25).abs() < 0.05);
    let collapsed = audit(&script("a = 1.0"));
    assert_eq!(verdict(&collapsed, "diversity_kept"), Verdict::Fail);
}
