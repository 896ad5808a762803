//! Findings on curves: where the student falls off, and what to train it on.

use hydrometer_metrics::Verdict;
use hydrometer_metrics::measure::{CAPABILITY_VOLUME, SAFE_REACH, WORST_AXIS};

use hydrometer_probes::builtin::{edges, episodes};

use hydrometer_probes::Probe;

use crate::findings::{EXAMPLES, FindingContext};
use crate::statement::{AxisCurve, EvidenceItem, Finding, RingRow};

impl FindingContext<'_> {
    /// What to train on, of a ring.
    fn more_of(&self, curve: &AxisCurve, place: usize) -> String {
        let asks = |is_rung: fn(&Probe) -> bool| {
            self.evidence.rows.probes.iter().any(|probe| curve.holds(probe) && is_rung(probe))
        };
        let (flag, what) = match (asks(edges::is_rung), asks(episodes::is_rung)) {
            (true, _) => ("", "prompts"),
            (false, true) => (" --episodes", "episodes"),
            (false, false) => {
                let at = span(curve, &curve.rings[place]);
                return format!("Train on more of it: prompts like those of {} at {at}.", curve.axis);
            }
        };
        format!(
            "Train on more of it: `hydrometer probes export --from RUN --axis {} --ring {}{flag}` writes fresh {what} of that \
             ring, none that was asked here.",
            curve.axis,
            place + 1
        )
    }

    /// The axis of which least is left, where that is less than all by more than chance.
    pub(crate) fn falls_off(&self) -> Option<Finding> {
        let geometry = self.statement.geometry.as_ref()?;
        let below_all = |curve: &&AxisCurve| {
            let interval = curve.volume.as_ref().and_then(|volume| volume.interval);
            interval.is_some_and(|interval| interval.high < 1.0) || curve.collapse.is_some()
        };
        let lost: Vec<&AxisCurve> = geometry.axes.iter().filter(below_all).collect();
        let curve = lost.first()?;
        let place = weakest(curve)?;
        let ring = &curve.rings[place];
        let left = curve.volume.as_ref().map_or(0.0, |volume| volume.value);
        Some(Finding {
            id: "falls_off".into(),
            severity: self.severity(&[&CAPABILITY_VOLUME, &WORST_AXIS, &SAFE_REACH]),
            title: format!(
                "On {} the student keeps {:.0} % of what its teacher can do; it thins out at {}",
                curve.axis,
                100.0 * left,
                span(curve, ring)
            ),
            detail: "Success above chance as the tasks get harder, every distance counting alike. A benchmark at the centre does \
                     not show it."
                .into(),
            next_step: self.more_of(curve, place),
            evidence: lost
                .iter()
                .filter_map(|curve| {
                    let ring = &curve.rings[weakest(curve)?];
                    Some(EvidenceItem {
                        place: format!("{}, {}", curve.axis, span(curve, ring)),
                        teacher: format!("right in {:.0} %", 100.0 * ring.teacher.value),
                        student: format!("right in {:.0} %", 100.0 * ring.student.value),
                    })
                })
                .take(EXAMPLES)
                .collect(),
        })
    }
}

/// The ring in which the promise is shown to be broken, the innermost; where none is, the one with the least surplus.
fn weakest(curve: &AxisCurve) -> Option<usize> {
    let surplus = |ring: &RingRow| ring.surplus.unwrap_or(f64::INFINITY);
    curve.rings.iter().position(|ring| ring.verdict == Verdict::Fail).or_else(|| {
        (0..curve.rings.len()).min_by(|&a, &b| surplus(&curve.rings[a]).total_cmp(&surplus(&curve.rings[b])))
    })
}

/// The values of a knob in a ring.
fn span(curve: &AxisCurve, ring: &RingRow) -> String {
    let unit = curve.trained_to.unwrap_or(1.0);
    let value = |radius: f64| (radius * unit * 1e6).round() / 1e6;
    if ring.inner == 0.0 {
        format!("{} up to {}", curve.knob, value(ring.outer))
    } else {
        format!("{} above {} up to {}", curve.knob, value(ring.inner), value(ring.outer))
    }
}
