//! JUnit XML for CI: one test case per gate.

use hydrometer_audit::Statement;
use hydrometer_audit::statement::Gate;
use hydrometer_metrics::Verdict;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::section::gates::{bounds, detectable, more_families};
use crate::show;
use crate::text::visible;

/// One test case per gate. FAIL is a failure; NOT ENOUGH EVIDENCE is `skipped` with its message, because JUnit knows
/// no third answer and a failure would say that something was found. Let the exit code decide, it keeps them apart.
#[must_use]
pub fn junit(statement: &Statement) -> String {
    let mut suite =
        TestSuite::new(format!("{} against {}", visible(&statement.student.name), visible(&statement.teacher.name)));
    for (name, value) in [
        ("hydrometer", statement.hydrometer.as_str()),
        ("run", &statement.run),
        ("verdict", show::verdict(statement.verdict)),
        ("suite", &statement.suite.hash),
        ("teacher", &statement.teacher.weights),
        ("student", &statement.student.weights),
    ] {
        suite.add_property((name, visible(value).as_str()));
    }
    suite.add_test_cases(statement.gates.iter().map(case));
    let mut report = Report::new("hydrometer");
    report.add_test_suite(suite);
    // Writing to memory; characters that XML forbids are dropped by the writer.
    report.to_string().expect("in memory")
}

fn case(gate: &Gate) -> TestCase {
    let message = visible(&gate.explanation);
    let mut status = match gate.verdict {
        Verdict::Pass => TestCaseStatus::success(),
        Verdict::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Verdict::NotEnoughEvidence => TestCaseStatus::skipped(),
    };
    match gate.verdict {
        Verdict::Pass => {}
        Verdict::Fail => {
            status.set_type("gate").set_message(message);
        }
        Verdict::NotEnoughEvidence => {
            let more = more_families(gate).map(|more| format!(" ({more})"));
            status.set_type("evidence").set_message(format!(
                "{}: {message}{}",
                show::verdict(gate.verdict),
                more.unwrap_or_default()
            ));
        }
    }
    let mut case = TestCase::new(format!("{} {}", gate.metric, bounds(gate)), status);
    case.set_classname("hydrometer.gates");
    if let Some(seen) = detectable(gate) {
        case.set_system_out(seen);
    }
    case
}
