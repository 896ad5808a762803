//! One metric on one slice of the suite: where the student thins out.

use std::collections::{BTreeMap, BTreeSet};

use hydrometer_metrics::{FamilyTable, slices, tests};
use hydrometer_probes::Probe;
use rayon::prelude::*;

use crate::choices;
use crate::evidence::Evidence;
use crate::statement::Slice;
use crate::tokens::{self, Definition};

/// False discovery rate at which a slice is named as different.
const RATE: f64 = 0.05;
const ON_CHOICES: &[&str] = &["choice_top1_agreement", "choice_lost"];

/// Every metric of interest on every axis and tag of the suite, with Benjamini–Hochberg over all of them.
pub(crate) fn slices(evidence: &Evidence<'_>) -> Vec<Slice> {
    let mut all: Vec<Slice> = names(evidence).par_iter().flat_map_iter(|name| slice(evidence, name)).collect();
    let tested: Vec<_> = all.iter().enumerate().filter_map(|(i, s)| Some((i, s.p_value?))).collect();
    let p_values: Vec<_> = tested.iter().map(|t| t.1).collect();
    for ((i, _), adjusted) in tested.iter().zip(tests::benjamini_hochberg(&p_values)) {
        all[*i].differs = adjusted <= RATE;
    }
    all
}

/// Every metric of interest on one slice.
fn slice(evidence: &Evidence<'_>, name: &str) -> Vec<Slice> {
    let mut all = Vec::new();
    let inside = |probe: &str| evidence.probes.get(probe).is_some_and(|p| belongs(p, name));
    let part = |keep: bool| evidence.rows.token_sums(|row| inside(row.probe) == keep);
    let defined = tokens::ON_SLICES.iter().filter_map(|id| tokens::definition(id));
    add(&mut all, evidence, name, (&part(true), &part(false)), defined);
    let part = |keep| choices::table(evidence.decisions.iter().filter(|d| inside(&d.probe.id) == keep));
    let defined = choices::DEFINITIONS.iter().filter(|d| ON_CHOICES.contains(&d.id));
    add(&mut all, evidence, name, (&part(true), &part(false)), defined);
    all
}

fn add(
    all: &mut Vec<Slice>,
    evidence: &Evidence<'_>,
    name: &str,
    (inside, outside): (&FamilyTable, &FamilyTable),
    definitions: impl Iterator<Item = &'static Definition>,
) {
    for definition in definitions {
        if let Some(estimate) = evidence.of(inside, definition) {
            let (inside, outside) = (definition.project(inside), definition.project(outside));
            let p_value = slices::compare(&inside, &outside, definition.of);
            let (name, metric) = (name.to_owned(), definition.id.to_owned());
            all.push(Slice { name, metric, estimate, p_value, differs: false });
        }
    }
}

/// Axes first, then tags; a name that covers the whole suite or a single family says nothing and is left out.
fn names(evidence: &Evidence<'_>) -> Vec<String> {
    let mut families: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for probe in &evidence.rows.probes {
        for name in labels(probe) {
            families.entry(name).or_default().insert(&probe.family);
        }
    }
    let probes = evidence.rows.probes.len();
    let members = |name: &str| evidence.rows.probes.iter().filter(|p| belongs(p, name)).count();
    families.into_iter().filter(|(name, f)| f.len() > 1 && members(name) < probes).map(|(name, _)| name).collect()
}

fn labels(probe: &Probe) -> impl Iterator<Item = String> + '_ {
    std::iter::once(format!("axis:{}", probe.axis)).chain(probe.tags.iter().map(|t| format!("tag:{t}")))
}

fn belongs(probe: &Probe, name: &str) -> bool {
    match name.split_once(':') {
        Some(("axis", axis)) => probe.axis == axis,
        Some(("tag", tag)) => probe.tags.iter().any(|t| t == tag),
        _ => false,
    }
}
