//! The catalogue is complete, and the documentation says what it says.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::PathBuf;

use hydrometer_metrics::catalog::{METRICS, SECONDARY, find};

fn docs() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics")
}

#[test]
fn every_range_has_two_ends() {
    for metric in METRICS {
        let (low, high) = metric.bounds();
        assert!(low < high, "{}: {} is read as {low} to {high}", metric.id, metric.range);
    }
    let of = |id: &str| find(id).unwrap().bounds();
    assert_eq!(of("jensen_shannon"), (0.0, std::f64::consts::LN_2));
    assert_eq!(of("gap_closed"), (f64::NEG_INFINITY, 1.0));
    assert_eq!(of("kendall_tau"), (-1.0, 1.0));
}

#[test]
fn ids_are_unique_and_found() {
    let ids: BTreeSet<&str> = METRICS.iter().map(|metric| metric.id).collect();
    assert_eq!(ids.len(), METRICS.len());
    for metric in METRICS {
        assert_eq!(find(metric.id), Some(metric));
    }
    assert_eq!(find("no_such_metric"), None);
    // What `find` knows a policy may gate.
    for secondary in SECONDARY {
        assert_eq!(find(secondary.id), None);
    }
    for headline in [
        "answer_agreement",
        "tail_kept",
        "diversity_kept",
        "capability_volume",
        "safe_reach",
        "illusion_gap",
        "forgotten",
    ] {
        assert!(find(headline).is_some(), "{headline}");
    }
}

#[test]
fn every_metric_has_a_page_that_says_the_same() {
    let index = std::fs::read_to_string(docs().join("README.md")).unwrap();
    for metric in METRICS.iter().chain(SECONDARY) {
        let page = std::fs::read_to_string(docs().join(format!("{}.md", metric.page))).unwrap();
        let facts = [
            metric.name,
            metric.range,
            metric.direction.words(),
            metric.what,
            metric.misleads,
            metric.formula,
            metric.source,
        ];
        for fact in facts {
            assert!(page.contains(fact), "{}.md lacks {fact:?}", metric.page);
        }
        let id = format!("`{}`", metric.id);
        let row = index.lines().find(|line| line.contains(&id)).unwrap_or_else(|| panic!("the index lacks {id}"));
        assert!(row.contains(&format!("({}.md)", metric.page)), "{row}");
    }
}

#[test]
fn every_page_is_in_the_index() {
    let index = std::fs::read_to_string(docs().join("README.md")).unwrap();
    for entry in std::fs::read_dir(docs()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name == "README.md" || index.contains(&format!("({name})")), "{name} is not in the index");
    }
}
