//! Which families two suites share: those that ask the same, whatever they are called.

use std::collections::BTreeMap;

use hydrometer_probes::{Ask, Probe};

/// The families that two suites share, by the name that each has in the first.
pub(super) struct Pairs {
    /// From the name in the first suite to the name in both.
    pub names_in_a: BTreeMap<String, String>,
    /// From the name in the second suite to the name in both.
    pub names_in_b: BTreeMap<String, String>,
}

impl Pairs {
    pub(super) fn of(a: &[Probe], b: &[Probe]) -> Self {
        let asked_in_b: BTreeMap<Vec<String>, &str> =
            contents(b).into_iter().map(|(name, asks)| (asks, name)).collect();
        let (mut names_in_a, mut names_in_b) = (BTreeMap::new(), BTreeMap::new());
        let in_b = contents(b);
        for (name, asks) in contents(a) {
            // Its own name first: families of one content may have several.
            let same = in_b.get_key_value(name).filter(|(_, others)| **others == asks).map(|(name, _)| *name);
            if let Some(other) = same.or_else(|| asked_in_b.get(&asks).copied())
                && !names_in_b.contains_key(other)
            {
                names_in_a.insert(name.to_owned(), name.to_owned());
                names_in_b.insert(other.to_owned(), name.to_owned());
            }
        }
        Self { names_in_a, names_in_b }
    }
}

/// What each family asks, in an order of its own: ids, axes and tags are no part of it.
fn contents(probes: &[Probe]) -> BTreeMap<&str, Vec<String>> {
    let mut families: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for probe in probes {
        families.entry(&probe.family).or_default().push(asked(&probe.ask));
    }
    families.values_mut().for_each(|asks| asks.sort_unstable());
    families
}

/// Everything that is asked, and what is right.
fn asked(ask: &Ask) -> String {
    // The derived form names every field, in one order.
    format!("{ask:?}")
}
