//! How fidelity falls with distance: the curves of a run's graded probes, and the numbers of the headline taken from them.

pub(crate) mod compare;
mod deployment;
mod findings;
pub(crate) mod success;

use hydrometer_answers::{RunSettings, TrainedToBy};
use hydrometer_metrics::Estimate;
use hydrometer_metrics::geometry::{
    self, Axis, CERTIFICATE_PROBES, Curve, GeometryError, Probe, Promise, RINGS, ReachTest, Rings, VOLUME_RINGS,
    Volume, Volumes,
};
use hydrometer_metrics::measure::{CAPABILITY_VOLUME, Definition, SAFE_REACH, WORST_AXIS};
use hydrometer_metrics::stats::limits::families_to_exclude;
use hydrometer_probes::counted::counted;

use self::deployment::Deployment;
use self::success::{Graded, graded};
use crate::AuditError;
use crate::evidence::Evidence;
use crate::statement::{AxisCurve, Geometry, Reservation, ReservationKind, RingRow};
use crate::verdict::ground::Ground;

/// Share of the teacher's success above chance that may be lost.
pub(crate) const DELTA: f64 = 0.10;
/// Knob of probes that were placed by their distance from the distillation set.
const DISTANCE: &str = "distance";
/// Probes in each of the finer rings of a volume; with fewer of them its interval would be lost.
const FEWEST_IN_A_FINE_RING: usize = 10;
/// What is missing where no probe is graded.
const NOTHING: &str =
    "needs probes with a knob, which says how hard they are, and with a truth: the built-in suite has them";
/// What is missing where the teacher can do nothing of it.
const NOTHING_TO_KEEP: &str = "on no axis is the teacher shown to do better than chance: there is nothing to keep";
/// What is missing where nobody said what the student was trained to.
const NO_UNIT: &str = "no axis has a distance that counts as 1: say what the student was trained to with \
                       `--trained-to AXIS.KNOB=VALUE`";

/// A number, or why there is none.
type Found = Result<(Estimate, Ground), String>;

/// A number, and why no gate may pass on it.
pub(crate) struct Number {
    /// Which.
    pub definition: &'static Definition,
    /// It.
    pub found: Found,
    /// `None` where a gate may.
    pub reservation: Option<Reservation>,
}

/// What is known of the distance at which a student stops being its teacher.
pub(crate) struct Measured {
    /// `None` where no probe is graded.
    pub statement: Option<Geometry>,
    /// The numbers that gates may rest on.
    pub numbers: [Number; 3],
}

/// Reads the curves of a run.
///
/// # Errors
/// A checker that cannot be used, or an axis that cannot be laid out.
pub(crate) fn measure(evidence: &Evidence<'_>) -> Result<Measured, AuditError> {
    let graded = graded(&evidence.rows.answers(), &evidence.choices)?;
    let level = evidence.level;
    let axes = axes(&evidence.rows.manifest.settings, &graded, level)?;
    if axes.is_empty() {
        let numbers = [&CAPABILITY_VOLUME, &WORST_AXIS, &SAFE_REACH].map(|definition| {
            let found = Err(NOTHING.to_owned());
            Number { definition, found, reservation: None }
        });
        return Ok(Measured { statement: None, numbers });
    }
    let volumes = volumes(&axes, level)?;
    let mut curves = axes
        .iter()
        .zip(&volumes.axes)
        .map(|(axis, volume)| axis.curve(volume, level))
        .collect::<Result<Vec<_>, _>>()?;
    // Least first; where there is nothing to keep last.
    let left = |curve: &AxisCurve| curve.volume.as_ref().map_or(f64::INFINITY, |volume| volume.value);
    curves.sort_by(|a, b| left(a).total_cmp(&left(b)));
    let deployed = deployment::mean(&axes, &volumes);
    let [mean, worst] = kept(volumes);
    let fewest = axes.iter().map(|axis| axis.reach.families()).min().unwrap_or(0);
    let all: u64 = axes.iter().map(Laid::families).sum();
    // Where a run looks several times, what its last look may err.
    let looks = evidence.rows.manifest.settings.deciding.iter().filter_map(|deciding| deciding.looks.last());
    let alpha = looks.map(|look| look.error).next().unwrap_or(1.0) * (1.0 - level);
    let number =
        |definition, found, families, share| Number { definition, found, reservation: too_few(families, share, alpha) };
    Ok(Measured {
        statement: Some(Geometry {
            delta: DELTA,
            certificate: CERTIFICATE_PROBES,
            axes: curves,
            not_deployed: deployed.as_ref().err().cloned(),
            deployed: deployed.ok(),
        }),
        numbers: [
            number(&CAPABILITY_VOLUME, mean, all, DELTA),
            number(&WORST_AXIS, worst, fewest, 2.0 * DELTA),
            number(&SAFE_REACH, safe_reach(axes, level), fewest, DELTA),
        ],
    })
}

/// A number of some of a run's families.
pub(crate) struct AtALook {
    /// Which.
    pub definition: &'static Definition,
    /// It.
    pub found: Found,
    /// Radius up to which the teacher is shown to do better than chance on every axis, as far as that matters. Beyond it more
    /// families may show that there is something to keep; without end where they change nothing.
    pub shown_to: f64,
}

/// The numbers that gates may rest on, of these probes alone.
///
/// # Errors
/// An axis that cannot be laid out.
pub(crate) fn at_a_look(settings: &RunSettings, graded: &[Graded<'_>], level: f64) -> Result<[AtALook; 3], AuditError> {
    let axes = axes(settings, graded, level)?;
    if axes.is_empty() {
        let nothing = |definition| AtALook { definition, found: Err(NOTHING.to_owned()), shown_to: 0.0 };
        return Ok([&CAPABILITY_VOLUME, &WORST_AXIS, &SAFE_REACH].map(nothing));
    }
    let volumes = volumes(&axes, level)?;
    // An axis counts as a whole or not at all.
    let counts = |volume: &Volume| matches!(volume, Volume::Kept(_));
    let shown_to = if volumes.axes.iter().all(counts) { f64::INFINITY } else { 0.0 };
    let [mean, worst] = kept(volumes);
    let with_unit = axes.iter().filter(|axis| axis.trained_to.is_some());
    let ceiling = with_unit.map(|axis| axis.reach.reach().ceiling).min_by(f64::total_cmp).unwrap_or(0.0);
    Ok([
        AtALook { definition: &CAPABILITY_VOLUME, found: mean, shown_to },
        AtALook { definition: &WORST_AXIS, found: worst, shown_to },
        AtALook { definition: &SAFE_REACH, found: safe_reach(axes, level), shown_to: ceiling },
    ])
}

fn volumes(axes: &[Laid<'_>], level: f64) -> Result<Volumes, AuditError> {
    let laid: Vec<Axis<'_>> = axes
        .iter()
        .map(|axis| Axis {
            rings: axis.volume_rings(),
            chance: axis.chance,
            deployment: axis.deployment.as_ref().ok().map(|deployment| deployment.shares.as_slice()),
        })
        .collect();
    geometry::volumes(&laid, level).map_err(|source| failed("all axes", source))
}

/// Why nobody can pass: so few families cannot exclude that more than this share of all like them is lost.
pub(crate) fn too_few(families: u64, share: f64, alpha: f64) -> Option<Reservation> {
    let needed = families_to_exclude(share, alpha);
    (families < needed).then(|| Reservation {
        kind: ReservationKind::TooFewFamilies,
        reason: format!(
            "{} cannot show that no more than {:.0} % is lost, however well the student does: {needed} can",
            counted(families, "family"),
            100.0 * share
        ),
    })
}

/// An axis whose probes are laid out in rings.
struct Laid<'a> {
    graded: Vec<&'a Graded<'a>>,
    /// Value of the knob that is radius 1.
    trained_to: Option<f64>,
    /// Who says so.
    trained_to_by: Option<TrainedToBy>,
    /// Who measured its distances.
    embedder: Option<String>,
    chance: f64,
    rings: Rings,
    /// Finer ones for the volume, where radii are distances.
    fine: Option<Rings>,
    reach: ReachTest,
    /// Where the student is used, over the rings of the volume.
    deployment: Deployment,
}

/// The axes in the order in which the suite asks them. Probes of one axis and knob that are guessed with different chances
/// are not one curve.
fn axes<'a>(settings: &RunSettings, graded: &'a [Graded<'a>], level: f64) -> Result<Vec<Laid<'a>>, AuditError> {
    let mut groups: Vec<Vec<&Graded<'_>>> = Vec::new();
    for probe in graded {
        let is_of_it = |group: &&mut Vec<&Graded<'_>>| {
            group.first().is_some_and(|first| first.probe.is_of_one_curve_with(probe.probe))
        };
        match groups.iter_mut().find(is_of_it) {
            Some(group) => group.push(probe),
            None => groups.push(vec![probe]),
        }
    }
    groups.into_iter().map(|group| Laid::new(settings, group, level)).collect()
}

/// The axis cannot be laid out.
fn failed(axis: &str, source: GeometryError) -> AuditError {
    AuditError::Geometry { axis: axis.to_owned(), source }
}

impl<'a> Laid<'a> {
    fn new(settings: &RunSettings, graded: Vec<&'a Graded<'a>>, level: f64) -> Result<Self, AuditError> {
        let (axis, knob) =
            graded.first().map_or(("", ""), |first| (first.probe.axis.as_str(), first.knob.name.as_str()));
        let trained_to = trained_to(settings, axis, knob);
        let chance = graded.first().map_or(0.0, |first| first.probe.chance());
        let probes: Vec<Probe<'_>> = graded
            .iter()
            .map(|graded| Probe {
                family: &graded.probe.family,
                radius: graded.knob.value / trained_to.unwrap_or(1.0),
                teacher: graded.teacher,
                student: graded.student,
                ceiling: graded.ceiling,
                base: graded.base,
                control: graded.control,
            })
            .collect();
        let rings = Rings::new(&probes, RINGS).map_err(|source| failed(axis, source))?;
        let trained_on = settings.trained_on.as_ref().filter(|_| knob == DISTANCE);
        let fine = trained_on.map(|_| {
            let wanted = (probes.len() / FEWEST_IN_A_FINE_RING).clamp(RINGS, VOLUME_RINGS);
            Rings::new(&probes, wanted).map_err(|source| failed(axis, source))
        });
        let fine = fine.transpose()?;
        let promise = Promise { delta: DELTA, chance, level };
        let reach = ReachTest::new(&rings, &promise).map_err(|source| failed(axis, source))?;
        let used = deployment::of_axis(settings, (axis, knob), trained_to, fine.as_ref().unwrap_or(&rings));
        let deployment = used.map_err(|source| failed(axis, source))?;
        let embedder = trained_on.map(|set| set.embedder.name.clone());
        let trained_to_by = settings.trained_to_by.get(&format!("{axis}.{knob}")).copied();
        Ok(Self { graded, trained_to, trained_to_by, embedder, chance, rings, fine, reach, deployment })
    }

    /// Of the axis and of its knob.
    fn names(&self) -> [&str; 2] {
        self.graded.first().map_or(["", ""], |first| [&first.probe.axis, &first.knob.name])
    }

    /// The rings over which the volume is added up.
    fn volume_rings(&self) -> &Rings {
        self.fine.as_ref().unwrap_or(&self.rings)
    }

    fn families(&self) -> u64 {
        let mut names: Vec<&str> = self.graded.iter().map(|graded| graded.probe.family.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names.len() as u64
    }

    fn curve(&self, volume: &Volume, level: f64) -> Result<AxisCurve, AuditError> {
        let Some(Graded { probe, knob, .. }) = self.graded.first() else {
            return Err(failed("an axis", GeometryError::Empty("probe")));
        };
        let reach = self.reach.reach();
        let of = |curve: Curve| self.rings.curve(curve, level);
        let (teacher, student, ceiling) = (of(Curve::Teacher), of(Curve::Student), of(Curve::Ceiling));
        let (base, control) = (of(Curve::Base), of(Curve::Control));
        let falls_off = self.relative_fall_off(level)?;
        let row = |(place, (ring, reach)): (usize, (&geometry::Ring, &geometry::RingReach))| -> Option<RingRow> {
            Some(RingRow {
                inner: ring.inner,
                outer: ring.outer,
                mean: ring.mean,
                probes: ring.probes,
                families: ring.families,
                teacher: teacher[place].clone()?,
                student: student[place].clone()?,
                ceiling: ceiling[place].clone(),
                base: base[place].clone(),
                control: control[place].clone(),
                relative_fall_off: falls_off.get(place).cloned().flatten(),
                surplus: reach.surplus,
                bounds: reach.bounds.map(|(low, high)| [low, high]),
                verdict: reach.verdict,
                probes_needed: reach.probes_needed,
            })
        };
        let radius = |graded: &Graded<'_>| graded.knob.value / self.trained_to.unwrap_or(1.0);
        let of_student = |graded: &&Graded<'a>| geometry::Graded {
            family: &graded.probe.family,
            radius: radius(graded),
            success: graded.student,
        };
        let slope = geometry::slope(&self.graded.iter().map(&of_student).collect::<Vec<_>>(), level);
        let beside = self.graded.iter().filter_map(|graded| Some((of_student(graded), graded.control?)));
        let deployed = deployment::deployed(volume, &self.deployment);
        let slope_against_control = geometry::slope_difference(&beside.collect::<Vec<_>>(), level).ok();
        Ok(AxisCurve {
            axis: probe.axis.clone(),
            knob: knob.name.clone(),
            trained_to: self.trained_to,
            trained_to_by: self.trained_to_by,
            embedder: self.embedder.clone(),
            chance: self.chance,
            probes: self.graded.len() as u64,
            families: self.families(),
            rings: self.rings.rings().iter().zip(&reach.rings).enumerate().filter_map(row).collect(),
            safe_reach: reach.safe,
            collapse: reach.collapse,
            teacher_reach: reach.ceiling,
            fewest_probes: reach.fewest_probes,
            volume: match volume {
                Volume::Kept(kept) => Some(kept.uniform.clone()),
                Volume::NothingToKeep(_) => None,
            },
            not_deployed: deployed.as_ref().err().cloned(),
            deployed: deployed.ok(),
            no_slope: slope.as_ref().err().map(ToString::to_string),
            slope: slope.ok().map(|slope| slope.per_radius),
            slope_against_control,
        })
    }

    /// Ring by ring, from the innermost one, which has none; empty without a control student.
    fn relative_fall_off(&self, level: f64) -> Result<Vec<Option<Estimate>>, AuditError> {
        if self.graded.iter().all(|graded| graded.control.is_none()) {
            return Ok(Vec::new());
        }
        let found = geometry::relative_fall_off(&self.rings, level);
        let found = found.map_err(|source| failed(&self.graded[0].probe.axis, source))?;
        Ok(std::iter::once(None).chain(found).collect())
    }
}

/// The value of a knob that counts as radius 1: what the run was told.
pub(crate) fn trained_to(settings: &RunSettings, axis: &str, knob: &str) -> Option<f64> {
    settings.trained_to.get(&format!("{axis}.{knob}")).copied()
}

/// The mean volume and that of the worst axis.
fn kept(volumes: Volumes) -> [Found; 2] {
    let (mean, each) = volumes.limits;
    let nothing = || NOTHING_TO_KEEP.to_owned();
    let mean = volumes.mean.map(|kept| kept.uniform).zip(mean.map(Ground::One)).ok_or_else(nothing);
    let worst = volumes.worst.map(|worst| (worst.kept, Ground::Least(each))).ok_or_else(nothing);
    [mean, worst]
}

/// The shortest reach of all axes with a unit on which the teacher has anything.
fn safe_reach(axes: Vec<Laid<'_>>, level: f64) -> Found {
    let (probes, families) = axes
        .iter()
        .fold((0, 0), |(probes, families), axis| (probes + axis.graded.len() as u64, families + axis.families()));
    let with_unit: Vec<ReachTest> =
        axes.into_iter().filter(|axis| axis.trained_to.is_some()).map(|axis| axis.reach).collect();
    if with_unit.is_empty() {
        return Err(NO_UNIT.to_owned());
    }
    let able: Vec<ReachTest> = with_unit.into_iter().filter(|axis| axis.reach().ceiling > 0.0).collect();
    let safe = able.iter().map(|axis| axis.reach().safe).min_by(f64::total_cmp).ok_or(NOTHING_TO_KEEP)?;
    let ground = Ground::Reach(able);
    let estimate = Estimate {
        value: safe,
        interval: ground.interval(level),
        n_families: families,
        effective_families: None,
        unseen: None,
        n_items: probes,
        excluded: Vec::new(),
        floor: None,
        student_alone: None,
    };
    Ok((estimate, ground))
}
