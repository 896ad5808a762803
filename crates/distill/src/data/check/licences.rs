//! Under which licences records stand, and which models wrote them, as far as they say so. What a licence allows is not for a
//! program to say.

use std::collections::BTreeMap;

use super::Used;
use crate::data::RecordOrigin;
use crate::data::finding::{Findings, Weight};

/// Values that are counted apart; a file with more has no licences there but something else.
const MOST: usize = 20;

pub(super) fn look(used: &[Used<'_>], found: &mut Findings) {
    let mut say = |weight, what: &str, of: &[&Used<'_>]| {
        of.iter().for_each(|used| found.add(weight, what, used.document.place.clone()));
    };
    let licences = by_value(used, |origin| origin.licence.as_deref());
    for (at, (licence, of)) in licences.iter().enumerate() {
        let what = if at < MOST { format!("licence: {}", short(licence)) } else { "licence: another one".to_owned() };
        say(Weight::Fact, &what, of);
    }
    if !licences.is_empty() {
        let none: Vec<_> = used.iter().filter(|used| used.document.origin.licence.is_none()).collect();
        say(Weight::Note, "the record names no licence, others do", &none);
    }
    let models = by_value(used, |origin| origin.model.as_deref().filter(|_| origin.licence.is_none()));
    for (at, (model, of)) in models.iter().enumerate() {
        let name = if at < MOST { format!("`{}`", short(model)) } else { "another model".to_owned() };
        let what = format!(
            "written by {name} under no licence: whether that model's terms allow to train another one is not known here"
        );
        say(Weight::Note, &what, of);
    }
}

/// The documents by a value that some of them have, the most common first.
fn by_value<'a>(
    used: &'a [Used<'a>],
    of: impl Fn(&'a RecordOrigin) -> Option<&'a str>,
) -> Vec<(&'a str, Vec<&'a Used<'a>>)> {
    let mut values: BTreeMap<&str, Vec<&Used<'_>>> = BTreeMap::new();
    for used in used {
        if let Some(value) = of(&used.document.origin) {
            values.entry(value).or_default().push(used);
        }
    }
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by_key(|(_, used)| std::cmp::Reverse(used.len()));
    values
}

fn short(value: &str) -> String {
    value.chars().take(60).collect()
}
