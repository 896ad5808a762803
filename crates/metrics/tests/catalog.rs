//! Every metric is defined once, completely, and the documentation says what its definition says.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use hydrometer_metrics::measure::{self, End, Floor, Formula, HEADLINE, SECONDARY, Sums, Table, tokens};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn docs() -> PathBuf {
    root().join("docs/metrics")
}

#[test]
fn ranges_are_written_as_mathematicians_do() {
    for metric in measure::all() {
        assert!(metric.range.low.value() < metric.range.high.value(), "{}: {}", metric.id, metric.range);
    }
    let written = |id: &str| measure::find(id).unwrap().range.to_string();
    assert_eq!(written("jensen_shannon"), "[0, ln 2]");
    assert_eq!(written("gap_closed"), "(−∞, 1]");
    assert_eq!(written("kendall_tau"), "[−1, 1]");
    assert_eq!(written("best_temperature"), "[0.4, 2.5]");
    assert_eq!(tokens::KL_DIVERGENCE.range.high, End::Open(f64::INFINITY));
}

#[test]
fn ids_are_unique_and_found() {
    let ids: BTreeSet<&str> =
        measure::all().map(|metric| metric.id).chain(SECONDARY.iter().map(|measure| measure.id)).collect();
    assert_eq!(ids.len(), measure::all().count() + SECONDARY.len());
    for metric in measure::all() {
        assert_eq!(measure::find(metric.id).unwrap().id, metric.id);
        assert_eq!(measure::text(metric.id), Some(&metric.text));
    }
    assert!(measure::find("no_such_metric").is_none());
    // What `find` knows a policy may gate.
    for secondary in SECONDARY {
        assert!(measure::find(secondary.id).is_none());
        assert_eq!(measure::text(secondary.id), Some(&secondary.text));
    }
    assert!(HEADLINE.iter().all(|place| measure::find(place.metric.id).is_some()));
}

#[test]
fn definitions_read_columns_of_their_tables() {
    let sums = Sums::new();
    for metric in measure::measured() {
        let of = metric.measure().unwrap();
        let check = |formula: &Formula| {
            let narrow = formula.project(sums.table(of.table));
            assert_eq!(narrow.columns(), formula.reads().len(), "{}", metric.id);
            // Columns that are not there would be read here.
            let families = vec![1.0; of.table.width()];
            let mut table = hydrometer_metrics::FamilyTable::new(families.len());
            table.add("one", &families, 1);
            assert_eq!(formula.project(&table).totals(), vec![1.0; formula.reads().len()], "{}", metric.id);
            assert!(formula.of(&formula.project(sums.table(of.table)).totals()).is_err(), "{} of nothing", metric.id);
        };
        check(&of.formula);
        if let Floor::OfTeacher(of_teacher) = &of.floor {
            check(of_teacher);
        }
        if let Some(bounds) = metric.bounds() {
            let ones = vec![1.0; of.table.width()];
            assert!(bounds.over.value(&ones).is_finite() && bounds.under.value(&ones).is_finite(), "{}", metric.id);
        }
        assert!(metric.value(&sums).is_err() && metric.estimate(&sums, 0.95).is_err(), "{} of nothing", metric.id);
    }
    assert_eq!(Table::ALL.map(|table| table as usize), std::array::from_fn(|place| place));
}

#[test]
fn every_metric_has_a_page_that_says_the_same() {
    let index = std::fs::read_to_string(docs().join("README.md")).unwrap();
    let metrics = measure::all().map(|metric| (metric.id, &metric.text, metric.range, metric.direction.words()));
    let secondary = SECONDARY.iter().map(|measure| (measure.id, &measure.text, measure.range, "descriptive"));
    for (id, text, range, direction) in metrics.chain(secondary) {
        let page = std::fs::read_to_string(docs().join(format!("{}.md", text.page))).unwrap();
        let range = range.to_string();
        let facts = [text.name, &range, direction, text.what, text.misleads, text.formula, text.source];
        for fact in facts {
            assert!(page.contains(fact), "{}.md lacks {fact:?}", text.page);
        }
        let id = format!("`{id}`");
        let row = index.lines().find(|line| line.contains(&id)).unwrap_or_else(|| panic!("the index lacks {id}"));
        assert!(row.contains(&format!("({}.md)", text.page)), "{row}");
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

/// The sources of a folder, without tests.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("tests") || path.ends_with("tests.rs") {
            continue;
        }
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn a_metric_is_named_by_its_definition_alone() {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(root().join("crates")).unwrap() {
        let folder = entry.unwrap().path();
        // What is on disk has names of its own; some columns are called like metrics.
        if !folder.ends_with("answers") && !folder.ends_with("distill") {
            sources(&folder.join("src"), &mut files);
        }
    }
    files.retain(|file| !file.components().any(|part| part.as_os_str() == "measure"));
    assert!(files.len() > 50, "{}", files.len());
    let ids: Vec<&str> = measure::all().map(|m| m.id).chain(SECONDARY.iter().map(|m| m.id)).collect();
    // The planted defect is called like what it moves.
    let is_a_defect = |id: &str, file: &Path| {
        id == "boundary_moved" && (file.ends_with("expected.rs") || file.ends_with("defect.rs"))
    };
    let mut spelled = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        let found = ids.iter().filter(|id| code.contains(&format!("\"{id}\"")) && !is_a_defect(id, &file));
        spelled.extend(found.map(|id| format!("{}: \"{id}\"", file.display())));
    }
    assert!(spelled.is_empty(), "name the metric by its definition:\n{}", spelled.join("\n"));
}
