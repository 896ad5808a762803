//! How many units a run has of each kind of part.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::part::{Choices, Floor, Likelihoods, PARTS, Part, PartKind, Positions};

/// The kinds that the manifest names even where a run has none of them: its hash was made so before there were others.
const ALWAYS: [PartKind; 4] = [Positions::KIND, Floor::KIND, Choices::KIND, Likelihoods::KIND];

/// Number of units per kind of part. A unit is what one part file holds and what an interruption may lose.
///
/// In a file: the numbers by the names of the kinds, in the order of the format.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnitCounts(BTreeMap<PartKind, u32>);

impl UnitCounts {
    /// The same with so many units of a kind.
    #[must_use]
    pub fn with(mut self, kind: PartKind, units: u32) -> UnitCounts {
        // A kind without units is not there: equal counts are equal.
        match units {
            0 => self.0.remove(&kind),
            units => self.0.insert(kind, units),
        };
        self
    }

    /// So many more units of a kind.
    pub fn add(&mut self, kind: PartKind, units: u32) {
        if units > 0 {
            *self.0.entry(kind).or_insert(0) += units;
        }
    }

    /// Units of one kind.
    pub fn of(&self, kind: PartKind) -> u32 {
        self.0.get(&kind).copied().unwrap_or(0)
    }

    /// The kinds of which there are units, in the order of the format, and how many.
    pub fn kinds(&self) -> impl Iterator<Item = (PartKind, u32)> {
        let known = PARTS.iter().filter_map(|part| Some((part.kind, *self.0.get(&part.kind)?)));
        let others = self.0.iter().map(|(kind, units)| (*kind, *units));
        known.chain(others.filter(|(kind, _)| PartKind::known(kind.name()).is_none()))
    }

    /// The smaller number of each kind.
    pub(crate) fn at_most(&self, other: &UnitCounts) -> UnitCounts {
        self.kinds().fold(UnitCounts::default(), |counts, (kind, units)| counts.with(kind, units.min(other.of(kind))))
    }
}

impl Serialize for UnitCounts {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let always = ALWAYS.into_iter().map(|kind| (kind, self.of(kind)));
        let others = self.kinds().filter(|(kind, _)| !ALWAYS.contains(kind));
        out.collect_map(always.chain(others).map(|(kind, units)| (kind.name(), units)))
    }
}

impl<'de> Deserialize<'de> for UnitCounts {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<UnitCounts, D::Error> {
        from.deserialize_map(ByName)
    }
}

struct ByName;

impl<'de> Visitor<'de> for ByName {
    type Value = UnitCounts;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("numbers of units by the names of parts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UnitCounts, A::Error> {
        let mut counts = BTreeMap::new();
        while let Some(name) = map.next_key::<String>()? {
            let Some(kind) = PartKind::known(&name) else {
                return Err(A::Error::custom(format!(
                    "the run has parts {name:?}, which this version does not know; read it with the hydrometer version \
                     that wrote it"
                )));
            };
            if counts.insert(kind, map.next_value::<u32>()?).is_some() {
                return Err(A::Error::custom(format!("units of {name:?} stand there twice")));
            }
        }
        if let Some(missing) = ALWAYS.into_iter().find(|kind| !counts.contains_key(kind)) {
            return Err(A::Error::custom(format!("units of {:?} are missing", missing.name())));
        }
        Ok(counts.into_iter().fold(UnitCounts::default(), |all, (kind, units)| all.with(kind, units)))
    }
}
