//! Two runs compared of which no number, or none with families of its own, says anything: the words give the true reason.
#![allow(clippy::unwrap_used, missing_docs)]

use hydrometer_audit::Comparison;
use hydrometer_audit::comparison::{Found, Reading, Row, Side};
use hydrometer_metrics::Verdict;
use hydrometer_report::{Color, TerminalOptions, compare_markdown, compare_terminal};

fn pages(shared_families: u64, rows: Vec<Row>) -> [String; 2] {
    let side = || Side { student: "s".into(), run: "r".into(), verdict: Verdict::Pass, left_out: 0 };
    let comparison = Comparison { a: side(), b: side(), shared_families, level: 0.95, cautions: Vec::new(), rows };
    let options = TerminalOptions { width: 100, color: Color::Never, files: &[], measured: None };
    [compare_terminal(&comparison, &options), compare_markdown(&comparison)]
}

fn found(families: u64, reading: Reading) -> Row {
    let found = Found {
        a: 0.1,
        b: 0.2,
        difference: 0.1,
        interval: None,
        p_value: None,
        adjusted_p_value: None,
        families,
        single_families: 0,
        a_better: 0,
        b_better: 0,
        reading,
    };
    Row { metric: "ece2_teacher".into(), found: Some(found), missing: None }
}

fn missing() -> Row {
    Row { metric: "answer_agreement".into(), found: None, missing: Some("the ways of sampling answers differ".into()) }
}

#[test]
fn why_nothing_can_be_said_is_said_as_it_is() {
    let check = |families: u64, rows: Vec<Row>, holds: &str, lacks: &[&str]| {
        for page in pages(families, rows) {
            let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(page.contains(holds), "{page}");
            assert!(lacks.iter().all(|word| !page.contains(word)), "{page}");
        }
    };
    let reasons = "No number of the two runs can be compared, for the reasons below.";
    check(400, vec![missing()], reasons, &["one family", "taken out of both"]);
    check(1, vec![missing()], reasons, &["one family", "taken out of both"]);
    check(400, Vec::new(), "Neither run measured a number", &["one family", "below"]);
    check(1, vec![found(1, Reading::OneFamily)], "one family: it allows no interval", &["Squared calibration error"]);
    let of_many = "without any one family it is the same, so that nothing tells what chance does";
    check(200, vec![found(0, Reading::NoSpread), missing()], of_many, &["one family: ", "one family, "]);
    // One family of many carries it: the others are there, and it is no comparison of one.
    check(200, vec![found(1, Reading::OneFamily)], "one family, no interval", &["ask more families"]);
}
