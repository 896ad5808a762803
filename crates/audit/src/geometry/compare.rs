//! Curves of two runs: volume and worst axis paired by family, the reaches side by side.

use hydrometer_metrics::geometry::{Axis, GeometryError, VolumesCompared, compare_volumes};
use hydrometer_metrics::measure::{CAPABILITY_VOLUME, Compared, Definition, SAFE_REACH, WORST_AXIS};

use super::success::graded;
use super::{DISTANCE, Laid, NOTHING, NOTHING_TO_KEEP, axes, failed, safe_reach};
use crate::AuditError;
use crate::evidence::Evidence;

/// A number in two runs.
pub(crate) enum InBoth {
    /// Paired by family.
    Paired(Compared),
    /// Side by side: nothing pairs the two.
    Beside {
        /// In the first run.
        a: f64,
        /// In the second run.
        b: f64,
        /// Families behind it.
        families: u64,
    },
}

/// A number in two runs, or why it cannot be compared.
type Found = Result<InBoth, String>;

/// The numbers that are read off curves, in both runs.
///
/// # Errors
/// A checker that cannot be used, or an axis that cannot be laid out.
pub(crate) fn compare(a: &Evidence<'_>, b: &Evidence<'_>) -> Result<[(&'static Definition, Found); 3], AuditError> {
    let level = a.level;
    let (of_a, of_b) = (graded(&a.rows.answers(), &a.choices)?, graded(&b.rows.answers(), &b.choices)?);
    let mut in_a = axes(&a.rows.manifest.settings, &of_a, level)?;
    let mut in_b = axes(&b.rows.manifest.settings, &of_b, level)?;
    for axes in [&mut in_a, &mut in_b] {
        axes.sort_by(|one, other| one.names().cmp(&other.names()).then(one.chance.total_cmp(&other.chance)));
    }
    if let Some(reason) = apart(a, b, &in_a, &in_b) {
        let missing = || Err(reason.clone());
        return Ok([(&CAPABILITY_VOLUME, missing()), (&WORST_AXIS, missing()), (&SAFE_REACH, missing())]);
    }
    let volumes = match compare_volumes(&laid(&in_a), &laid(&in_b), level) {
        Ok(volumes) => Ok(volumes),
        Err(GeometryError::OtherRings { place }) => Err(format!(
            "the rings of {} are not the same in both runs: one of them left out probes that the other asked, or says otherwise how hard \
             they are",
            in_a[place].names().join(".")
        )),
        Err(source) => return Err(failed("all axes", source)),
    };
    let (mean, worst) = match volumes {
        Ok(volumes) => (mean(&volumes), worst(&volumes)),
        Err(reason) => (Err(reason.clone()), Err(reason)),
    };
    let reach = |name: &str, axes: Vec<Laid<'_>>| {
        let found = safe_reach(axes, level).map_err(|missing| format!("not measured in {name}: {missing}"));
        found.map(|(estimate, _)| (estimate.value, estimate.n_families))
    };
    let reach = reach("A", in_a).and_then(|(a, families)| {
        let (b, of_b) = reach("B", in_b)?;
        Ok(InBoth::Beside { a, b, families: families.min(of_b) })
    });
    Ok([(&CAPABILITY_VOLUME, mean), (&WORST_AXIS, worst), (&SAFE_REACH, reach)])
}

/// Why the axes of two runs are not the same; `None` where they are.
fn apart(a: &Evidence<'_>, b: &Evidence<'_>, in_a: &[Laid<'_>], in_b: &[Laid<'_>]) -> Option<String> {
    for (name, axes) in [("A", in_a), ("B", in_b)] {
        if axes.is_empty() {
            return Some(format!("not measured in {name}: {NOTHING}"));
        }
    }
    let names = |axes: &[Laid<'_>]| axes.iter().map(|axis| axis.names().join(".")).collect::<Vec<_>>();
    let (names_a, names_b) = (names(in_a), names(in_b));
    if names_a != names_b {
        return Some(format!("the axes differ: {} against {}", names_a.join(", "), names_b.join(", ")));
    }
    let unit = |axis: &Laid<'_>| axis.trained_to.map_or_else(|| "nobody knows".to_owned(), |value| value.to_string());
    let other = in_a.iter().zip(in_b).find(|(a, b)| a.trained_to != b.trained_to);
    if let Some((in_a, in_b)) = other {
        return Some(format!("radius 1 of {} differs: {} against {}", in_a.names().join("."), unit(in_a), unit(in_b)));
    }
    let set = |run: &Evidence<'_>| {
        run.rows.manifest.settings.trained_on.as_ref().map(|set| (set.hash.clone(), set.embedder.clone(), set.k))
    };
    let by_distance = in_a.iter().any(|axis| axis.names()[1] == DISTANCE);
    (by_distance && set(a) != set(b))
        .then(|| "the distances were measured from other distillation sets, or in other embeddings".to_owned())
}

fn laid<'l>(axes: &'l [Laid<'_>]) -> Vec<Axis<'l>> {
    let of = |axis: &'l Laid<'_>| Axis { rings: axis.volume_rings(), chance: axis.chance, deployment: None };
    axes.iter().map(of).collect()
}

fn mean(volumes: &VolumesCompared) -> Found {
    let apart = || {
        if volumes.axes.iter().all(Option::is_none) {
            NOTHING_TO_KEEP.to_owned()
        } else {
            "the teacher has something to keep on other axes in one run than in the other".to_owned()
        }
    };
    volumes.mean.clone().map(InBoth::Paired).ok_or_else(apart)
}

/// Paired where the same axis is the worst in both runs. Where another one is, the difference of the two is that of no axis.
fn worst(volumes: &VolumesCompared) -> Found {
    let able: Vec<&Compared> = volumes.axes.iter().flatten().collect();
    let least = |of: fn(&Compared) -> f64| (0..able.len()).min_by(|&x, &y| of(able[x]).total_cmp(&of(able[y])));
    let both = least(|axis| axis.paired.a).zip(least(|axis| axis.paired.b));
    let (in_a, in_b) = both.ok_or_else(|| NOTHING_TO_KEEP.to_owned())?;
    if in_a == in_b {
        return Ok(InBoth::Paired(able[in_a].clone()));
    }
    let families = able[in_a].paired.families.min(able[in_b].paired.families);
    Ok(InBoth::Beside { a: able[in_a].paired.a, b: able[in_b].paired.b, families })
}
