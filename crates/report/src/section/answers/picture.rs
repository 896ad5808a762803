//! Agreement against diversity in one picture.

use hydrometer_audit::Statement;
use hydrometer_audit::statement::Gate;
use hydrometer_metrics::Estimate;
use hydrometer_metrics::measure::answers::{AGREEMENT_RATIO, DIVERSITY_KEPT};
use maud::{Markup, html};

use crate::document::Block;
use crate::plot::{Edge, Scale, anchor, cut, extent, percent, tick};
use crate::show;

/// Agreement against diversity: neither can be read without the other.
pub(super) fn block(statement: &Statement) -> Block {
    let numbers = show::estimate(statement, AGREEMENT_RATIO.id).zip(show::estimate(statement, DIVERSITY_KEPT.id));
    let Some((agreement, diversity)) = numbers else {
        return Block::absent("Not drawn: it needs answer agreement against its ceiling, and diversity kept.");
    };
    let said = format!(
        "Agreement against its ceiling {} {}, diversity kept {} {}",
        show::number(agreement.value),
        show::interval(agreement.interval.as_ref()),
        show::number(diversity.value),
        show::interval(diversity.interval.as_ref())
    );
    Block::figure(picture(statement, agreement, diversity, &said), said)
}

fn picture(statement: &Statement, agreement: &Estimate, diversity: &Estimate, said: &str) -> Markup {
    let gate = |id: &str| {
        let gate = Gate::on(&statement.gates, id);
        gate.map(|gate| (gate.at_least, gate.at_most))
    };
    let gates = (gate(AGREEMENT_RATIO.id), gate(DIVERSITY_KEPT.id));
    let ends =
        |gate: Option<(Option<f64>, Option<f64>)>| gate.into_iter().flat_map(|(low, high)| [low, high]).flatten();
    // The teacher against itself is at (1, 1), and always in the picture with some room on either side.
    let across = Scale::covering(extent(agreement).chain(ends(gates.0)).chain([0.9, 1.1]));
    let up = Doublings::covering(extent(diversity).chain(ends(gates.1)));
    html! {
        figure.curve {
            figcaption { "Agreement against diversity" }
            svg.chart width="100%" height="330" role="img" aria-labelledby="trade-title trade-desc" {
                title id="trade-title" { "Answer agreement against diversity kept" }
                desc id="trade-desc" { (said) ". The teacher against itself is at 1 and 1." }
                svg x="52" y="12" width="84%" height="270" overflow="visible" {
                    @if gates.0.is_some() || gates.1.is_some() { (region(across, &up, gates)) }
                    @for (value, label) in across.graduation() {
                        @let x = percent(across.at(value));
                        line.grid x1=(x) x2=(x) y1="0" y2="100%" {}
                        @if let Some(label) = label {
                            text.label x=(x) y="100%" dy="18" text-anchor=(anchor(across.at(value))) { (label) }
                        }
                    }
                    @for value in up.ticks() {
                        @let y = percent(up.at(value));
                        line.grid x1="0" x2="100%" y1=(y) y2=(y) {}
                        text.label x="-8" y=(y) dy="4" text-anchor="end" { (tick(value)) }
                    }
                    text.label x="50%" y="100%" dy="40" text-anchor="middle" { "agreement against its ceiling → diversity kept ↑" }
                    text.label x="1%" y="0" dy="14" { "↖ noise: says more, agrees less" }
                    text.label x="99%" y="100%" dy="-8" text-anchor="end" { "collapse: favourites only ↘" }
                    circle.floor cx=(percent(across.at(1.0))) cy=(percent(up.at(1.0))) r="6" {}
                    (cross(agreement, diversity, across, &up))
                }
            }
            ul.legend aria-label="Signs of the picture" {
                li { svg.key width="26" height="16" aria-hidden="true" { line.interval x1="2" x2="24" y1="8" y2="8" {} circle.point cx="13" cy="8" r="4.5" {} } " student, with intervals" }
                li { svg.key width="26" height="16" aria-hidden="true" { circle.floor cx="13" cy="8" r="6" {} } " teacher against itself" }
                @if gates.0.is_some() || gates.1.is_some() {
                    li { svg.key width="26" height="16" aria-hidden="true" { rect.accepted x="4" y="1" width="20" height="14" {} } " accepted by the gates" }
                }
            }
        }
    }
}

type Bounds = Option<(Option<f64>, Option<f64>)>;

/// What the gates accept, as a rectangle.
fn region(across: Scale, up: &Doublings, (agreement, diversity): (Bounds, Bounds)) -> Markup {
    let (low, high) = agreement.unwrap_or_default();
    let (left, right) = (low.map_or(0.0, |v| across.at(v)), high.map_or(100.0, |v| across.at(v)));
    let (low, high) = diversity.unwrap_or_default();
    let (top, bottom) = (high.map_or(0.0, |v| up.at(v)), low.map_or(100.0, |v| up.at(v)));
    html! {
        rect.accepted x=(percent(left)) y=(percent(top)) width=(percent((right - left).max(0.0)))
            height=(percent((bottom - top).max(0.0))) {}
    }
}

/// The student with both of its intervals.
fn cross(agreement: &Estimate, diversity: &Estimate, across: Scale, up: &Doublings) -> Markup {
    let (x, y) = (across.at(agreement.value), up.at(diversity.value));
    html! {
        @if let Some(interval) = &agreement.interval {
            line.interval x1=(percent(across.at(interval.low))) x2=(percent(across.at(interval.high))) y1=(percent(y)) y2=(percent(y)) {}
        }
        @if let Some(interval) = &diversity.interval {
            line.interval x1=(percent(x)) x2=(percent(x)) y1=(percent(up.at(interval.low))) y2=(percent(up.at(interval.high))) {}
            @if up.at(interval.high) <= 0.0 { (cut(Edge::Top, x)) }
            @if up.at(interval.low) >= 100.0 { (cut(Edge::Bottom, x)) }
        }
        circle.point cx=(percent(x)) cy=(percent(y)) r="5.5" {}
    }
}

/// A vertical logarithmic scale of ratios, at least from a half to the double.
struct Doublings {
    low: i32,
    high: i32,
}

impl Doublings {
    /// What lies beyond is drawn at the edge.
    const FARTHEST: f64 = 5.0;

    fn covering(values: impl IntoIterator<Item = f64>) -> Self {
        let logs = values.into_iter().filter(|v| *v > 0.0).map(f64::log2);
        let (low, high) = logs.fold((-1.0, 1.0), |(low, high): (f64, f64), v| (low.min(v), high.max(v)));
        Self { low: low.max(-Self::FARTHEST).floor() as i32, high: high.min(Self::FARTHEST).ceil() as i32 }
    }

    /// Height in per cent from the top; zero and less lie on the bottom line.
    fn at(&self, value: f64) -> f64 {
        if value <= 0.0 {
            return 100.0;
        }
        let share = (value.log2() - f64::from(self.low)) / f64::from(self.high - self.low);
        100.0 * (1.0 - share.clamp(0.0, 1.0))
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        (self.low..=self.high).map(|power| 2f64.powi(power))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[f64], expect: (i32, i32)) {
        let scale = Doublings::covering(values.iter().copied());
        assert_eq!((scale.low, scale.high), expect, "{values:?}");
    }

    #[test]
    fn a_scale_of_ratios_has_one_in_its_middle() {
        check(&[1.0], (-1, 1));
        check(&[0.3, 0.7], (-2, 1));
        check(&[-0.1, 0.0, 1e-9, 1e9], (-5, 5));
        let scale = Doublings::covering([1.0]);
        assert_eq!([4.0, 2.0, 1.0, 0.5, 0.0].map(|v| scale.at(v)), [0.0, 0.0, 50.0, 100.0, 100.0]);
    }
}
