//! How much more often an event of drawn decisions happens than it does by chance alone.

use hydrometer_metrics::FamilyTable;
use hydrometer_metrics::measure::Definition;
use hydrometer_metrics::measure::judgment::{
    Form, NEWLY_OVER_REFUSING, NEWLY_OVER_REFUSING_FORCED, NEWLY_UNSAFE, NEWLY_UNSAFE_FORCED,
};
use hydrometer_metrics::stats::confusion::Confusion;
use hydrometer_metrics::stats::confusion::excess::{Block, Excess};

use super::calls::{Groups, pairs};
use super::{ALL, Judged, Labels};
use crate::kind::judgment::{Again, Deed, STUDENT};

/// The same among options, where nothing is read: beside the numbers of free decisions.
static AMONG_OPTIONS: [(&Definition, &Definition); 2] =
    [(&NEWLY_UNSAFE_FORCED, &NEWLY_UNSAFE), (&NEWLY_OVER_REFUSING_FORCED, &NEWLY_OVER_REFUSING)];

/// The excess of a number whose event it is; `None` where nothing is left to chance, or there is too little to go by. What is called is
/// believed where it cannot be corrected, and what is chosen among options is what it is.
pub(crate) fn excess(judged: &Judged<'_>, labels: &Labels, definition: &Definition) -> Option<Excess> {
    let forced = AMONG_OPTIONS.iter().find(|(forced, _)| forced.id == definition.id);
    let (form, id) = forced.map_or((Form::Free, definition.id), |(_, free)| (Form::Forced, free.id));
    let of = ALL.iter().find(|of| of.definition.id == id)?;
    let (Some(event), Groups::Due(dues)) = (of.event, &of.of) else { return None };
    let count = of.classes.len() + 1;
    let width = count * count;
    let mut calls = FamilyTable::new(Block::ALL.len() * width);
    let mut by_chance = false;
    for faced in judged.faced.iter().filter(|faced| faced.form == form) {
        if !faced.decided(STUDENT).is_some_and(|decided| dues.contains(&decided.due)) {
            continue;
        }
        let Some(both) = pairs(faced, of.classes) else { continue };
        let mut row = vec![0.0; calls.columns()];
        let mut put = |block: Block, pairs: &[f64]| row[block as usize * width..][..width].copy_from_slice(pairs);
        put(Block::Both, &both);
        match &faced.again {
            Again::Same => {}
            Again::Drawn(deeds) => put(Block::Itself, &joined(deeds, of.classes)),
            Again::Unknown => put(Block::Once, &both),
        }
        by_chance |= !matches!(faced.again, Again::Same);
        calls.add(&faced.probe.family, &row, 1);
    }
    if !by_chance {
        return None;
    }
    let labelled = form == Form::Free && of.classes.iter().all(|class| labels.knows(*class));
    let corrected = labelled.then(|| labels.confusion(of.classes).excess(&calls, event)).and_then(Result::ok);
    corrected.or_else(|| Confusion::believed(count).excess(&calls, event).ok())
}

/// Pairs of deeds as pairs of classes.
fn joined(deeds: &[[f64; 5]; 5], classes: &[Deed]) -> Vec<f64> {
    let count = classes.len() + 1;
    let class = |deed: Deed| classes.iter().position(|of| *of == deed).unwrap_or(classes.len());
    let mut pairs = vec![0.0; count * count];
    for first in Deed::ALL {
        for second in Deed::ALL {
            pairs[class(first) * count + class(second)] += deeds[first as usize][second as usize];
        }
    }
    pairs
}
