//! Scales, strips and signs, shared by the sections that draw: every drawing places its marks in per cent of its width, so that text keeps its size on any
//! screen and nothing is distorted.

use hydrometer_metrics::measure::{End, find};
use hydrometer_metrics::{Estimate, Verdict};
use maud::{Markup, html};

use crate::show;
use crate::text::visible;

/// A linear scale.
#[derive(Clone, Copy)]
pub(crate) struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    /// A scale that covers all finite values with some air and ends at round numbers.
    pub(crate) fn covering(values: impl IntoIterator<Item = f64>) -> Self {
        let mut low = f64::INFINITY;
        let mut high = f64::NEG_INFINITY;
        for value in values.into_iter().filter(|v| v.is_finite()) {
            low = low.min(value);
            high = high.max(value);
        }
        if low > high {
            return Self { low: 0.0, high: 1.0 };
        }
        let span = if high - low > 1e-12 { high - low } else { high.abs().max(1.0) * 0.2 };
        let step = step(span / 3.0);
        // A scale that nearly reaches zero starts there.
        let from = if low >= 0.0 && low < 0.5 * span { 0.0 } else { ((low - 0.08 * span) / step).floor() * step };
        Self { low: from, high: ((high + 0.08 * span) / step).ceil() * step }
    }

    /// The same scale, not beyond where the metric itself ends.
    pub(crate) fn within(self, metric: &str) -> Self {
        match find(metric).map(|metric| metric.range.high) {
            Some(End::Closed(end)) => Self { high: self.high.min(end), ..self },
            Some(End::Open(_)) | None => self,
        }
    }

    /// Position in per cent, kept inside the drawing.
    pub(crate) fn at(self, value: f64) -> f64 {
        (100.0 * (value - self.low) / (self.high - self.low)).clamp(0.0, 100.0)
    }

    /// Whether a value lies on the drawing.
    pub(crate) fn holds(self, value: f64) -> bool {
        let slack = 1e-6 * (self.high - self.low);
        (self.low - slack..=self.high + slack).contains(&value)
    }

    /// Ticks with a label at each, or at every other where they would crowd.
    pub(crate) fn graduation(self) -> impl Iterator<Item = (f64, Option<String>)> {
        let ticks = self.ticks();
        let characters: usize = ticks.iter().map(|&value| tick(value).chars().count()).sum();
        let every = if ticks.len() > 5 || characters > 15 { 2 } else { 1 };
        // From the end, so that the far end of the scale is always named.
        let last = ticks.len().saturating_sub(1);
        ticks.into_iter().enumerate().map(move |(at, v)| (v, (last - at).is_multiple_of(every).then(|| tick(v))))
    }

    /// A few round values.
    fn ticks(self) -> Vec<f64> {
        let step = step((self.high - self.low) / 3.0);
        let first = (self.low / step).ceil() as i64;
        let last = ((self.high + 1e-9 * step) / step).floor() as i64;
        (first..=last).map(|n| n as f64 * step).collect()
    }
}

/// The largest of 1, 2, 5 × 10ⁿ that is not above `rough`.
fn step(rough: f64) -> f64 {
    let unit = 10f64.powf(rough.log10().floor());
    match rough / unit {
        r if r >= 5.0 => 5.0 * unit,
        r if r >= 2.0 => 2.0 * unit,
        _ => unit,
    }
}

/// A coordinate as SVG wants it.
pub(crate) fn percent(position: f64) -> String {
    format!("{position:.2}%")
}

/// A tick as short as it can be said.
pub(crate) fn tick(value: f64) -> String {
    if value.abs() < 1e-12 {
        return "0".into();
    }
    if value.abs() < 1e-3 || value.abs() >= 1e5 {
        return format!("{value:.0e}").replace('-', "−");
    }
    let rounded = (value * 1e6).round() / 1e6;
    format!("{rounded}").replace('-', "−")
}

/// Where a number lies: the accepted range, the interval, the value and the floor on one graduated line.
pub(crate) fn strip(name: &str, estimate: &Estimate, scale: Scale, bounds: (Option<f64>, Option<f64>)) -> Markup {
    html! { svg.strip width="100%" height="26" role="img" aria-label=(said(name, estimate)) { (marks(name, estimate, scale, bounds)) } }
}

/// A strip with its own graduation, where no axis above it has the numbers.
pub(crate) fn graduated(name: &str, estimate: &Estimate, scale: Scale, bounds: (Option<f64>, Option<f64>)) -> Markup {
    html! {
        svg.strip width="100%" height="40" role="img" aria-label=(said(name, estimate)) {
            (marks(name, estimate, scale, bounds))
            @for (value, label) in scale.graduation() {
                @let at = scale.at(value);
                line.tick x1=(percent(at)) x2=(percent(at)) y1="13" y2="18" {}
                @if let Some(label) = label { text x=(percent(at)) y="37" text-anchor=(anchor(at)) { (label) } }
            }
        }
    }
}

fn said(name: &str, estimate: &Estimate) -> String {
    let interval = match &estimate.interval {
        Some(interval) => format!("{} interval {}", show::percent(interval.level), show::interval(Some(interval))),
        None => show::interval(None),
    };
    format!(
        "{}: {}, {interval}, teacher against itself {}",
        visible(name),
        show::number(estimate.value),
        estimate.floor.map_or_else(|| "–".into(), show::number)
    )
}

fn marks(name: &str, estimate: &Estimate, scale: Scale, bounds: (Option<f64>, Option<f64>)) -> Markup {
    let value = scale.at(estimate.value);
    html! {
            title { (said(name, estimate)) }
            @if bounds.0.is_some() || bounds.1.is_some() {
                @let from = bounds.0.map_or(0.0, |b| scale.at(b));
                @let to = bounds.1.map_or(100.0, |b| scale.at(b));
                rect.accepted x=(percent(from)) y="3" width=(percent(to - from)) height="20" {}
                @for bound in [bounds.0, bounds.1].into_iter().flatten() {
                    line.bound x1=(percent(scale.at(bound))) x2=(percent(scale.at(bound))) y1="1" y2="25" {}
                }
            }
            line.rule x1="0" x2="100%" y1="13" y2="13" {}
            @if let Some(floor) = estimate.floor {
                line.floor x1=(percent(scale.at(floor))) x2=(percent(scale.at(floor))) y1="5" y2="21" {}
            }
            @if let Some(interval) = &estimate.interval {
                @let (low, high) = (scale.at(interval.low), scale.at(interval.high));
                line.interval x1=(percent(low)) x2=(percent(high)) y1="13" y2="13" {}
                @for (value, at, edge) in [(interval.low, low, Edge::Left), (interval.high, high, Edge::Right)] {
                    @if scale.holds(value) {
                        line.whisker x1=(percent(at)) x2=(percent(at)) y1="9" y2="17" {}
                    } @else {
                        (cut(edge, 13.0))
                    }
                }
            }
            circle.point cx=(percent(value)) cy="13" r="4.5" {}
    }
}

/// An edge of a drawing.
#[derive(Clone, Copy)]
pub(crate) enum Edge {
    Left,
    Right,
    Top,
    Bottom,
}

/// The mark of an interval that goes on beyond an edge: an arrowhead there, `across` pixels or per cent along it.
pub(crate) fn cut(edge: Edge, across: f64) -> Markup {
    let (x, y, arrow) = match edge {
        Edge::Left => ("0".to_owned(), across.to_string(), "M7,-5 L0,0 L7,5"),
        Edge::Right => ("100%".to_owned(), across.to_string(), "M-7,-5 L0,0 L-7,5"),
        Edge::Top => (percent(across), "0".to_owned(), "M-5,7 L0,0 L5,7"),
        Edge::Bottom => (percent(across), "100%".to_owned(), "M-5,-7 L0,0 L5,-7"),
    };
    html! { svg.cut x=(x) y=(y) overflow="visible" { title { "cut: it goes on beyond the axis" } path d=(arrow) {} } }
}

/// The scale's numbers, for the head of a column of strips.
pub(crate) fn axis(scale: Scale) -> Markup {
    html! {
        svg.axis width="100%" height="18" aria-hidden="true" {
            @for (value, label) in scale.graduation() {
                @let at = scale.at(value);
                line.tick x1=(percent(at)) x2=(percent(at)) y1="13" y2="18" {}
                @if let Some(label) = label { text x=(percent(at)) y="10" text-anchor=(anchor(at)) { (label) } }
            }
        }
    }
}

/// Keeps a label at an edge inside the drawing.
pub(crate) fn anchor(at: f64) -> &'static str {
    match at {
        at if at < 4.0 => "start",
        at if at > 96.0 => "end",
        _ => "middle",
    }
}

/// A verdict: a sign, the words, a colour.
pub(crate) fn ruling(verdict: Verdict) -> Markup {
    let (class, sign) = match verdict {
        Verdict::Pass => ("verdict pass", "✓"),
        Verdict::Fail => ("verdict fail", "✕"),
        Verdict::NotEnoughEvidence => ("verdict open", "?"),
    };
    html! { span class=(class) { span.sign aria-hidden="true" { (sign) } " " (show::verdict(verdict)) } }
}

/// All values of an estimate that a drawing shows.
pub(crate) fn extent(estimate: &Estimate) -> impl Iterator<Item = f64> {
    let interval = estimate.interval.as_ref();
    [Some(estimate.value), interval.map(|i| i.low), interval.map(|i| i.high), estimate.floor].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_covers_its_values_with_few_round_ticks() {
        for values in [vec![0.61, 0.64, 0.8], vec![0.0], vec![1.18, 1.2], vec![-0.3, 4.0], vec![1e-5, 3e-5], vec![]] {
            let scale = Scale::covering(values.iter().copied());
            assert!(values.iter().all(|v| (scale.low..=scale.high).contains(v)), "{values:?}");
            let ticks = scale.ticks();
            assert!((2..=9).contains(&ticks.len()), "{values:?}: {ticks:?}");
        }
    }

    #[test]
    fn long_labels_stand_at_every_other_tick() {
        let labels = |low, high| Scale { low, high }.graduation().filter_map(|(_, label)| label).collect::<Vec<_>>();
        assert_eq!(labels(-0.04, 0.04), ["−0.04", "0", "0.04"]);
        assert_eq!(labels(0.0, 2.0), ["0", "0.5", "1", "1.5", "2"]);
    }

    #[test]
    fn an_interval_beyond_the_axis_is_drawn_as_cut() {
        use hydrometer_metrics::{Interval, IntervalMethod};
        let interval = Some(Interval { low: 0.9, high: 1.2, level: 0.9, method: IntervalMethod::HallT });
        let estimate = Estimate {
            value: 0.97,
            interval,
            n_families: 20,
            effective_families: None,
            unseen: None,
            n_items: 20,
            excluded: Vec::new(),
            floor: None,
            student_alone: None,
        };
        let drawn = |scale| strip("Tail kept", &estimate, scale, (None, None)).into_string();
        let whole = drawn(Scale { low: 0.0, high: 1.5 });
        assert_eq!((whole.matches("class=\"whisker\"").count(), whole.matches("class=\"cut\"").count()), (2, 0));
        let share = drawn(Scale { low: 0.0, high: 1.0 });
        assert_eq!((share.matches("class=\"whisker\"").count(), share.matches("class=\"cut\"").count()), (1, 1));
        assert!(share.contains("90 % interval [0.900, 1.200]"), "{share}");
    }

    #[test]
    fn positions_stay_inside() {
        let scale = Scale::covering([0.0, 1.0]);
        assert_eq!(scale.at(-5.0), 0.0);
        assert_eq!(scale.at(f64::MAX), 100.0);
    }
}
