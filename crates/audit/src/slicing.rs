//! One metric on one slice of the suite: where the student thins out.

use std::collections::{BTreeMap, BTreeSet};

use hydrometer_metrics::measure::{self, Sums};
use hydrometer_metrics::stats::significance::benjamini_hochberg;
use hydrometer_probes::Probe;
use rayon::prelude::*;

use crate::AuditError;
use crate::evidence::Evidence;
use crate::kind::choices::known::{Bounded, bounded};
use crate::statement::Slice;

/// False discovery rate at which a slice is named as different.
const RATE: f64 = 0.05;

/// Every metric of interest on every axis and tag of the suite, with Benjamini–Hochberg over all of them.
pub(crate) fn slices(evidence: &Evidence<'_>) -> Result<Vec<Slice>, AuditError> {
    let of_names: Result<Vec<_>, AuditError> = names(evidence).par_iter().map(|name| slice(evidence, name)).collect();
    let mut all = of_names?.concat();
    let tested: Vec<_> = all.iter().enumerate().filter_map(|(i, s)| Some((i, s.p_value?))).collect();
    let p_values: Vec<_> = tested.iter().map(|t| t.1).collect();
    for ((i, _), adjusted) in tested.iter().zip(benjamini_hochberg(&p_values)) {
        all[*i].differs = adjusted <= RATE;
    }
    Ok(all)
}

/// Every metric of interest on one slice.
fn slice(evidence: &Evidence<'_>, name: &str) -> Result<Vec<Slice>, AuditError> {
    let (mut inside, mut outside) = (Sums::new(), Sums::new());
    for row in evidence.rows.scored() {
        let belongs = evidence.probes.get(row.probe).is_some_and(|probe| belongs(probe, name));
        row.add_position(if belongs { &mut inside } else { &mut outside });
    }
    for choice in &evidence.choices {
        let side = if belongs(choice.probe, name) { &mut inside } else { &mut outside };
        side.choice(&choice.probe.family, &choice.choice()?);
    }
    // What the teacher does against itself, and where the student started, are not compared by slice.
    let mut apart = Sums::new();
    for prompt in &evidence.prompts {
        let side = if belongs(prompt.probe, name) { &mut inside } else { &mut outside };
        prompt.add_to([side, &mut apart], None);
    }
    for episode in &evidence.episodes {
        let side = if belongs(episode.probe, name) { &mut inside } else { &mut outside };
        episode.add_to(side, &mut apart, evidence.rows.manifest.settings.paired());
    }
    let measured = measure::on_slices().filter_map(|metric| {
        if bounded(&evidence.choices, metric) != Ok(Bounded::Point) || evidence.lacks(metric.measure().ok()?).is_some()
        {
            return None;
        }
        let estimate = metric.over_families(&inside, evidence.level).ok()?;
        let p_value = metric.p_of_equal(&inside, &outside);
        Some(Slice { name: name.to_owned(), metric: metric.id.to_owned(), estimate, p_value, differs: false })
    });
    Ok(measured.collect())
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
