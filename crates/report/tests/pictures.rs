//! The pictures of curves: what is drawn stands where the numbers are, read off the picture's own scales.
#![allow(clippy::unwrap_used, missing_docs)]

use crate::page::{Tag, parse};
use crate::sample;

use hydrometer_audit::Statement;
use hydrometer_audit::statement::{AxisCurve, Metric, RingRow};
use hydrometer_metrics::Estimate;

/// A picture, and its scales as a reader takes them from the labels.
struct Picture {
    tags: Vec<Tag>,
    across: Scale,
    up: Scale,
}

/// From a position in per cent to a value.
struct Scale {
    from: (f64, f64),
    to: (f64, f64),
}

impl Scale {
    /// From labels: where they stand, and what they say.
    fn of(labels: Vec<(f64, f64)>) -> Self {
        assert!(labels.len() >= 2, "{labels:?}");
        let (from, to) = (labels[0], labels[labels.len() - 1]);
        let scale = Self { from, to };
        for &(at, value) in &labels {
            assert!(scale.is(at, value), "the scale is not even: {labels:?}");
        }
        scale
    }

    fn value(&self, at: f64) -> f64 {
        self.from.1 + (at - self.from.0) * (self.to.1 - self.from.1) / (self.to.0 - self.from.0)
    }

    /// Whether a position, which has two decimals, is that of the value.
    fn is(&self, at: f64, value: f64) -> bool {
        let hundredth = (self.to.1 - self.from.1).abs() / (self.to.0 - self.from.0).abs() / 100.0;
        (self.value(at) - value).abs() < 1.01 * hundredth
    }
}

/// A position in per cent.
fn position(tag: &Tag, name: &str) -> Option<f64> {
    tag.get(name)?.strip_suffix('%')?.parse().ok()
}

impl Picture {
    fn of(page: &str, caption: &str) -> Self {
        let at = page.find(&format!("<figcaption>{caption}</figcaption>")).unwrap_or_else(|| panic!("no {caption}"));
        let from = page[..at].rfind("<figure").unwrap();
        let to = at + page[at..].find("</figure>").unwrap() + "</figure>".len();
        let tags = parse(&format!("<!DOCTYPE html>{}", &page[from..to])).0;
        let labels = |along: &str, is_of_it: &dyn Fn(&Tag) -> bool| {
            let labels = tags.iter().filter(|tag| tag.get("class") == Some("label") && is_of_it(tag));
            let found =
                labels.filter_map(|tag| Some((position(tag, along)?, tag.text.replace('−', "-").parse().ok()?)));
            Scale::of(found.collect())
        };
        let across = labels("x", &|tag| tag.get("y") == Some("100%") && tag.get("dy") == Some("18"));
        let up = labels("y", &|tag| tag.get("x") == Some("-8"));
        Self { tags, across, up }
    }

    /// The tags of a class that are drawn, not the signs of the legend.
    fn drawn(&self, class: &str) -> Vec<&Tag> {
        let is_placed = |tag: &&Tag| ["x1", "cx", "width"].iter().any(|name| position(tag, name).is_some());
        self.tags.iter().filter(|tag| tag.get("class") == Some(class)).filter(is_placed).collect()
    }

    fn is_at(&self, tag: &Tag, names: (&str, &str), point: (f64, f64)) -> bool {
        let (x, y) = (position(tag, names.0).unwrap(), position(tag, names.1).unwrap());
        self.across.is(x, point.0) && self.up.is(y, point.1)
    }

    /// Whether a line of this class leads from one point to the other.
    fn has_line(&self, class: &str, from: (f64, f64), to: (f64, f64)) -> bool {
        let line = |tag: &&Tag| self.is_at(tag, ("x1", "y1"), from) && self.is_at(tag, ("x2", "y2"), to);
        self.drawn(class).iter().any(line)
    }

    /// Where the one upright of this class stands; `None` without one.
    fn upright(&self, class: &str) -> Option<f64> {
        let all: Vec<&Tag> = self.drawn(class).into_iter().filter(|tag| tag.name == "line").collect();
        assert!(all.len() <= 1, "{class}");
        all.first().map(|tag| {
            assert_eq!(
                (tag.get("x1"), tag.get("y1"), tag.get("y2")),
                (tag.get("x2"), Some("0"), Some("100%")),
                "{class}"
            );
            position(tag, "x1").unwrap()
        })
    }

    /// Points of this class, each with its interval upright through it.
    fn has_points(&self, model: &str, points: &[(f64, &Estimate)]) {
        let (dots, spreads) = (self.drawn(&format!("dot {model}")), self.drawn(&format!("spread {model}")));
        assert_eq!((dots.len(), spreads.len()), (points.len(), points.len()), "{model}");
        for ((dot, spread), (x, estimate)) in dots.iter().zip(&spreads).zip(points) {
            assert!(self.is_at(dot, ("cx", "cy"), (*x, estimate.value)), "{model} at {x}: {estimate:?}");
            let interval = estimate.interval.unwrap();
            let (low, high) = (interval.low.clamp(0.0, 1.0), interval.high.clamp(0.0, 1.0));
            assert!(self.is_at(spread, ("x1", "y1"), (*x, low)), "{model} at {x}: {estimate:?}");
            assert!(self.is_at(spread, ("x2", "y2"), (*x, high)), "{model} at {x}: {estimate:?}");
        }
    }
}

/// As a page has it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn of_axis(page: &str, curve: &AxisCurve) -> Picture {
    Picture::of(page, &escaped(&format!("Success on {} by {}", curve.axis, curve.knob)))
}

#[test]
fn curves_stand_where_their_rings_are() {
    let statement = sample::full();
    let page = hydrometer_report::html(&statement, None);
    let axes = &statement.geometry.as_ref().unwrap().axes;
    assert_eq!(axes.len(), 3);
    for curve in axes {
        let picture = of_axis(&page, curve);
        let points = |of: fn(&RingRow) -> Option<&Estimate>| -> Vec<(f64, &Estimate)> {
            curve.rings.iter().filter_map(|ring| Some((ring.mean, of(ring)?))).collect()
        };
        let lines = [
            ("teacher", points(|ring| Some(&ring.teacher))),
            ("student", points(|ring| Some(&ring.student))),
            ("ceiling", points(|ring| ring.ceiling.as_ref())),
            ("base", points(|ring| ring.base.as_ref())),
            ("control", points(|ring| ring.control.as_ref())),
        ];
        for (model, points) in &lines {
            let class = format!("line {model}");
            assert_eq!(picture.drawn(&class).len(), points.len().saturating_sub(1), "{}: {model}", curve.axis);
            for pair in points.windows(2) {
                let ends = [pair[0], pair[1]].map(|(x, estimate)| (x, estimate.value));
                assert!(picture.has_line(&class, ends[0], ends[1]), "{}: {model} {ends:?}", curve.axis);
            }
        }
        for (model, points) in &lines[..2] {
            picture.has_points(model, points);
        }
        assert!(picture.drawn("dot ceiling").is_empty() && picture.drawn("spread control").is_empty());
    }
    let controls = axes.iter().filter(|curve| !of_axis(&page, curve).drawn("line control").is_empty());
    assert_eq!(controls.count(), 2, "the sample has a control on two axes");
}

#[test]
fn safe_reach_collapse_and_chance_are_marked_where_they_are() {
    let mut statement = sample::statement();
    statement.geometry.as_mut().unwrap().axes[1].safe_reach = 1.5;
    let page = hydrometer_report::html(&statement, None);
    for curve in &statement.geometry.as_ref().unwrap().axes {
        let picture = of_axis(&page, curve);
        let reach = (curve.safe_reach > 0.0).then_some(curve.safe_reach);
        for (class, wanted) in [("bound", reach), ("collapse", curve.collapse)] {
            let found = picture.upright(class);
            assert_eq!(found.is_some(), wanted.is_some(), "{}: {class}", curve.axis);
            assert!(
                found.zip(wanted).is_none_or(|(at, value)| picture.across.is(at, value)),
                "{}: {class}",
                curve.axis
            );
        }
        let shaded = picture.drawn("accepted");
        let widths: Vec<f64> = shaded.iter().map(|tag| picture.across.value(position(tag, "width").unwrap())).collect();
        assert_eq!(widths.len(), usize::from(reach.is_some()), "{}", curve.axis);
        assert!(
            widths.iter().zip(reach).all(|(width, reach)| (width - reach).abs() < 1e-3),
            "{}: {widths:?}",
            curve.axis
        );
        let chance: Vec<&Tag> = picture.tags.iter().filter(|tag| tag.get("class") == Some("chance")).collect();
        assert_eq!(chance.len(), usize::from(curve.chance > 0.0), "{}", curve.axis);
        assert!(chance.iter().all(|tag| picture.up.is(position(tag, "y1").unwrap(), curve.chance)), "{}", curve.axis);
    }
}

#[test]
fn survival_falls_in_steps_at_the_turns_where_it_does() {
    let statement = sample::full();
    let curves = statement.episodes.as_ref().unwrap().survival.as_ref().unwrap();
    let page = hydrometer_report::html(&statement, None);
    let picture = Picture::of(&page, "Runs in which nothing that was agreed is violated yet");
    for (model, curve) in [("teacher", &curves.teacher), ("student", &curves.student)] {
        let class = format!("line {model}");
        assert_eq!(picture.drawn(&class).len(), 2 * curve.len(), "{model}");
        let mut before = (0.0, 1.0);
        for (turn, estimate) in (1..).zip(curve) {
            let turn = f64::from(turn);
            // As it was up to the turn, and down there.
            assert!(picture.has_line(&class, before, (turn, before.1)), "{model} before turn {turn}");
            assert!(picture.has_line(&class, (turn, before.1), (turn, estimate.value)), "{model} at turn {turn}");
            let interval = estimate.interval.unwrap();
            let ends = [interval.low, interval.high].map(|end| (turn, end.clamp(0.0, 1.0)));
            assert!(picture.has_line(&format!("spread {model}"), ends[0], ends[1]), "{model} around turn {turn}");
            before = (turn, estimate.value);
        }
    }
}

/// A metric of the statement.
fn number<'s>(statement: &'s Statement, id: &str) -> &'s Estimate {
    statement.metrics.iter().find(|metric| metric.id == id).unwrap().estimate.as_ref().unwrap()
}

#[test]
fn the_quadrant_has_a_cross_for_every_kind_of_boundary_and_one_for_all() {
    let mut statement = sample::statement();
    for (id, value) in [("surface_copied", 0.9), ("judgment_copied", 0.55)] {
        let estimate = Some(sample::estimate(value, 0.1, None));
        statement.metrics.retain(|metric| metric.id != id);
        statement.metrics.push(Metric {
            id: id.into(),
            estimate,
            missing: None,
            bounds: None,
            reservation: None,
            corrected: None,
            excess: None,
            regime: None,
        });
    }
    let picture = Picture::of(&hydrometer_report::html(&statement, None), "Judgment against surface");
    assert!(picture.has_line("bound", (0.0, 0.0), (1.0, 1.0)), "both copied alike");
    let strata = &statement.illusion.as_ref().unwrap().strata;
    let kinds: Vec<_> = strata.iter().filter_map(|of| Some((of.surface.as_ref()?, of.judgment.as_ref()?))).collect();
    assert_eq!((kinds.len(), strata.len()), (2, 3), "one of the sample has no judgment copied, and no point");
    let all = (number(&statement, "surface_copied"), number(&statement, "judgment_copied"));
    for (dot, line, wanted) in [("dot student", "spread student", kinds), ("point", "interval", vec![all])] {
        let dots = picture.drawn(dot);
        assert_eq!((dots.len(), picture.drawn(line).len()), (wanted.len(), 2 * wanted.len()), "{dot}");
        for (tag, (surface, judgment)) in dots.iter().zip(wanted) {
            let (x, y) = (surface.value, judgment.value);
            assert!(picture.is_at(tag, ("cx", "cy"), (x, y)), "{dot}: {x} {y}");
            let (across, up) = (surface.interval.unwrap(), judgment.interval.unwrap());
            assert!(picture.has_line(line, (across.low, y), (across.high, y)), "{dot}: {across:?}");
            assert!(picture.has_line(line, (x, up.low), (x, up.high)), "{dot}: {up:?}");
        }
    }
}
