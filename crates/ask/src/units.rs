//! From items to units of work: packed into blocks, or by whole families in random order.

use std::collections::BTreeMap;

use hydrometer_probes::families::FamilyOrder;

/// Packs items into units of at most `limit` tokens, in order; an item larger than the limit is a unit of its own.
pub(crate) fn pack<T>(items: Vec<T>, limit: usize, size: impl Fn(&T) -> usize) -> Vec<Vec<T>> {
    let mut units: Vec<Vec<T>> = Vec::new();
    let mut filled = 0;
    for item in items {
        let tokens = size(&item);
        match units.last_mut() {
            Some(unit) if filled + tokens <= limit => unit.push(item),
            _ => {
                units.push(vec![item]);
                filled = 0;
            }
        }
        filled += tokens;
    }
    units
}

/// Most families that a unit of [`Packing::ByFamily`] holds: few, so that little is asked after the verdict.
const UNIT_FAMILIES: usize = 8;

/// How items become units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    /// As they stand in the suite.
    InOrder,
    /// Whole families in random order, for a run that stops once its gates are decided.
    ByFamily {
        /// The order.
        order: FamilyOrder,
        /// After so many families a new unit begins.
        cap: Option<u32>,
    },
}

impl Packing {
    /// Packs items into units of at most `limit` tokens, where a unit holds more than one item or family.
    pub(crate) fn pack<T>(
        &self,
        items: Vec<T>,
        limit: usize,
        family: impl Fn(&T) -> &str,
        size: impl Fn(&T) -> usize,
    ) -> Vec<Vec<T>> {
        match self {
            Packing::InOrder => pack(items, limit, size),
            Packing::ByFamily { order, cap } => by_family(items, limit, order, *cap, family, size),
        }
    }
}

/// Units of whole families; the items of a unit stand in the order in which they came.
fn by_family<T>(
    items: Vec<T>,
    limit: usize,
    order: &FamilyOrder,
    cap: Option<u32>,
    family: impl Fn(&T) -> &str,
    size: impl Fn(&T) -> usize,
) -> Vec<Vec<T>> {
    // A map by place in the random order is the random order.
    let mut families: BTreeMap<_, Vec<(usize, T)>> = BTreeMap::new();
    for (place, item) in items.into_iter().enumerate() {
        families.entry(order.place(family(&item))).or_default().push((place, item));
    }
    let mut units: Vec<Vec<(usize, T)>> = Vec::new();
    let (mut filled, mut held) = (0, 0);
    for (index, items) in families.into_values().enumerate() {
        let tokens: usize = items.iter().map(|(_, item)| size(item)).sum();
        // At the cap every gate is decided or gives up: nothing beyond it shall share a unit with what is before it.
        let capped = cap.is_some_and(|cap| cap as usize == index);
        match units.last_mut() {
            Some(unit) if held < UNIT_FAMILIES && filled + tokens <= limit && !capped => unit.extend(items),
            _ => {
                units.push(items);
                (filled, held) = (0, 0);
            }
        }
        filled += tokens;
        held += 1;
    }
    let in_order = |mut unit: Vec<(usize, T)>| {
        unit.sort_by_key(|(place, _)| *place);
        unit.into_iter().map(|(_, item)| item).collect()
    };
    units.into_iter().map(in_order).collect()
}

/// Indices of `wanted` of `total` windows, spread evenly: the teacher scores them again for the noise floor.
pub(crate) fn spread(total: usize, wanted: usize) -> Vec<usize> {
    let wanted = wanted.min(total);
    (0..wanted).map(|i| (2 * i + 1) * total / (2 * wanted)).collect()
}
