//! Where the student is used: the shares of the rings of an axis, and what of the volume they make.

use hydrometer_answers::RunSettings;
use hydrometer_metrics::geometry::{self, GeometryError, Kept, Rings, Volume, Volumes};

use super::{DISTANCE, Laid, NOTHING_TO_KEEP};
use crate::statement::Deployed;

/// Where an axis is used, or what is missing.
pub(super) type Deployment = Result<geometry::Deployment, String>;

/// Where an axis is used, by what the run was told.
///
/// # Errors
/// A value or a weight that is none.
pub(super) fn of_axis(
    settings: &RunSettings,
    (axis, knob): (&str, &str),
    trained_to: Option<f64>,
    rings: &Rings,
) -> Result<Deployment, GeometryError> {
    let Some(used) = settings.deployment.get(&format!("{axis}.{knob}")) else {
        let files = if knob == DISTANCE { ", or name its prompts with `--deployed-on FILE`" } else { "" };
        return Ok(Err(format!(
            "nobody said where the student is used: say it with `--deployment {axis}.{knob}=VALUE:WEIGHT,…`{files}"
        )));
    };
    let unit = trained_to.unwrap_or(1.0);
    let used: Vec<(f64, f64)> = used.iter().map(|used| (used.value / unit, used.weight)).collect();
    let farthest = rings.rings().last().map_or(0.0, |ring| ring.outer * unit);
    Ok(rings.deployment(&used)?.ok_or_else(|| {
        format!("all of the use lies beyond {knob} {farthest}, where nothing was asked: add probes as far out as that")
    }))
}

/// The volume of an axis where it is used, or what is missing.
pub(super) fn deployed(volume: &Volume, deployment: &Deployment) -> Result<Deployed, String> {
    let deployment = deployment.as_ref().map_err(String::clone)?;
    match volume {
        Volume::Kept(kept) => Ok(Deployed { beyond: Some(deployment.beyond), ..of(kept)? }),
        Volume::NothingToKeep(_) => Err("nothing to keep: the teacher is at chance".to_owned()),
    }
}

/// The mean over the axes on which there is something to keep, or what is missing.
pub(super) fn mean(axes: &[Laid<'_>], volumes: &Volumes) -> Result<Deployed, String> {
    let Some(kept) = &volumes.mean else { return Err(NOTHING_TO_KEEP.to_owned()) };
    let able: Vec<&Laid<'_>> = axes
        .iter()
        .zip(&volumes.axes)
        .filter(|(_, volume)| matches!(volume, Volume::Kept(_)))
        .map(|(axis, _)| axis)
        .collect();
    let unknown: Vec<String> =
        able.iter().filter(|axis| axis.deployment.is_err()).map(|axis| axis.names().join(".")).collect();
    if unknown.len() == able.len() {
        let files = if able.iter().any(|axis| axis.names()[1] == DISTANCE) {
            ", or, for distances, name its prompts with `--deployed-on FILE`"
        } else {
            ""
        };
        return Err(format!(
            "nobody said where the student is used: say it with `--deployment AXIS.KNOB=VALUE:WEIGHT,…`{files}"
        ));
    }
    if !unknown.is_empty() {
        return Err(format!(
            "where the student is used is not known on every axis: it is missing for {}",
            unknown.join(", ")
        ));
    }
    of(kept)
}

fn of(kept: &Kept) -> Result<Deployed, String> {
    let both = kept.deployment.clone().zip(kept.illusion.clone());
    let nothing =
        || "where the student is used its teacher does no better than chance: there is nothing to keep".to_owned();
    let (volume, illusion) = both.ok_or_else(nothing)?;
    Ok(Deployed { volume, illusion, beyond: None })
}
