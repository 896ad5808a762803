//! Capability volumes of two runs: how far they are apart, over the families that both were asked.

use super::volume::{By, Measured, joined, joint_weight, mean_of_ratios};
use super::{Axis, GeometryError, share};
use crate::measure::{CAPABILITY_VOLUME, Compared};
use crate::stats::paired::{Paired, difference_of_strata};

/// The volumes of two runs over the same axes.
#[derive(Clone, Debug)]
pub struct VolumesCompared {
    /// In the order in which the axes were given; `None` where one of the runs has nothing to keep.
    pub axes: Vec<Option<Compared>>,
    /// Mean over the axes; `None` where there is none with something to keep, and where the runs have something to keep on
    /// different ones.
    pub mean: Option<Compared>,
}

/// The volumes of two runs, their differences with the intervals of the family jackknife: the same family is taken out of both
/// runs at once. Axes are given in the same order.
///
/// Fails for a level or chance out of its range, where one run has other axes, and where the rings of an axis are not the same
/// in both: a volume over other rings is another number.
pub fn compare_volumes(a: &[Axis<'_>], b: &[Axis<'_>], level: f64) -> Result<VolumesCompared, GeometryError> {
    let level = share("level", level)?;
    if a.len() != b.len() {
        let (expected, found) = ("as many as the first run has", b.len() as f64);
        return Err(GeometryError::Setting { name: "axes of the second run", expected, found });
    }
    for (place, (a, b)) in a.iter().zip(b).enumerate() {
        if (a.rings.edges(), a.chance) != (b.rings.edges(), b.chance) {
            return Err(GeometryError::OtherRings { place });
        }
    }
    let of = |axes: &[Axis<'_>]| axes.iter().map(Measured::new).collect::<Result<Vec<_>, _>>();
    let (in_a, in_b) = (of(a)?, of(b)?);
    let able = |axis: &Measured| axis.has_something(level);
    let able: Vec<[bool; 2]> = in_a.iter().zip(&in_b).map(|(a, b)| [able(a), able(b)]).collect();
    let pairs = || in_a.iter().zip(&in_b).zip(&able);
    let axes =
        pairs().map(|((a, b), able)| if *able == [true; 2] { compared(&[a], &[b], level) } else { None }).collect();
    let same = able.iter().all(|[a, b]| a == b);
    let (both_a, both_b): (Vec<_>, Vec<_>) = pairs().filter(|(_, able)| able[0]).map(|(pair, _)| pair).unzip();
    let mean = if same && !both_a.is_empty() { compared(&both_a, &both_b, level) } else { None };
    Ok(VolumesCompared { axes, mean })
}

/// The mean volume of the same axes in two runs; their rings are the same, and so are the weights.
fn compared(a: &[&Measured], b: &[&Measured], level: f64) -> Option<Compared> {
    let (of_a, of_b) = (joined(a), joined(b));
    let totals = of_a.totals();
    let weight = |sums: &[f64]| joint_weight(a, sums, &totals, Measured::width);
    let volume = |sums: &[f64]| mean_of_ratios(a, sums, By::Width);
    let pair = |statistic: &dyn Fn(&[f64]) -> Option<f64>| -> Option<Paired> {
        difference_of_strata(&of_a, &of_b, level, weight, statistic)
    };
    let losses = || pair(&|sums| CAPABILITY_VOLUME.direction.loss(volume(sums)?));
    Some(CAPABILITY_VOLUME.judged(pair(&volume)?, level, losses))
}
