//! Numbers on decisions, by what is at stake: kinds of boundaries, what a wrong decision could do, languages.

use std::collections::{BTreeMap, BTreeSet};

use hydrometer_metrics::measure::{Sums, judgment};
use hydrometer_metrics::stats::significance::benjamini_hochberg;
use hydrometer_probes::Boundary;
use rayon::prelude::*;

use super::forced::bounded;
use super::{Judged, STUDENT, add_family};
use crate::kind::choices::known::Bounded;
use crate::statement::{Slice, stratum_name};

/// False discovery rate at which a slice is named as different.
const RATE: f64 = 0.05;

/// Every number on every slice that has two families and leaves some for the rest, with Benjamini–Hochberg over all of them. Pairs
/// whose members are not in one slice are in none.
pub(super) fn slices(judged: &Judged<'_>, level: f64) -> Vec<Slice> {
    let mut families: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for faced in &judged.faced {
        for name in names(faced.boundary) {
            families.entry(name).or_default().insert(&faced.probe.family);
        }
    }
    families.retain(|_, families| families.len() > 1);
    let of_names: Vec<Vec<Slice>> = families.par_iter().map(|(name, _)| slice(judged, name, level)).collect();
    let mut all = of_names.concat();
    let tested: Vec<(usize, f64)> = all.iter().enumerate().filter_map(|(at, s)| Some((at, s.p_value?))).collect();
    let p_values: Vec<f64> = tested.iter().map(|tested| tested.1).collect();
    for ((at, _), adjusted) in tested.iter().zip(benjamini_hochberg(&p_values)) {
        all[*at].differs = adjusted <= RATE;
    }
    all
}

fn slice(judged: &Judged<'_>, name: &str, level: f64) -> Vec<Slice> {
    let belongs = |boundary: &Boundary| names(boundary).any(|own| own == name);
    let sums = |wanted: &dyn Fn(&Boundary) -> bool| {
        let mut sums = Sums::new();
        judged.families_of(wanted).iter().for_each(|family| add_family(family, STUDENT, &mut sums));
        sums
    };
    let (inside, outside) = (sums(&belongs), sums(&|boundary| !belongs(boundary)));
    // A number that is asked for nowhere else is that of the whole suite.
    let asked = judgment::ON_SLICES.iter().filter(|metric| metric.value(&outside).is_ok());
    let known = asked.filter(|metric| bounded(judged, metric) == Ok(Bounded::Point));
    let row = |metric: &&'static hydrometer_metrics::measure::Definition| {
        let estimate = metric.over_families(&inside, level).ok()?;
        let p_value = metric.p_of_equal(&inside, &outside);
        Some(Slice { name: name.to_owned(), metric: metric.id.to_owned(), estimate, p_value, differs: false })
    };
    known.filter_map(row).collect()
}

/// `stratum:high risk`, `risk:high`, `language:en`.
fn names(boundary: &Boundary) -> impl Iterator<Item = String> {
    let stratum = format!("stratum:{}", stratum_name(boundary.stratum));
    let risk = format!("risk:{}", boundary.risk.word());
    let language = boundary.language.map(|language| format!("language:{}", language.code()));
    [stratum, risk].into_iter().chain(language)
}
