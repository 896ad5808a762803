//! What is kept of the teacher's distribution, band by band, and how the divergence is spread over positions.

use hydrometer_audit::statement::{Band, Quantiles};
use hydrometer_metrics::Estimate;
use hydrometer_metrics::compat::Percentile;
use maud::{Markup, html};

use super::absent;
use super::plot::{anchor, percent, tick};
use crate::show;
use crate::text::visible;

/// The retention profile.
pub(super) fn bands(bands: &[Band]) -> Markup {
    if bands.is_empty() {
        return absent("Not measured: this run compared no token distributions.");
    }
    let widest = bands.iter().filter_map(|b| b.invented.as_ref()).map(|e| e.value).fold(1.0, f64::max);
    html! {
        p.lead {
            "Of the probability that the teacher gives to each part of its distribution, the share the student keeps, and "
            "what the student puts there beyond the teacher's own. The last band is shown and never gated: "
            "its tokens are too rare."
        }
        div.scroll tabindex="0" role="region" aria-label="Retention, table" {
            table.numbers.bands.stack {
                caption { "Retention from the head of the teacher's distribution to its tail" }
                thead {
                    tr {
                        th scope="col" { "Band" }
                        th.num scope="col" { "Teacher's mass" }
                        th.plot scope="col" { "Kept, 0 to 1" }
                        th.num scope="col" { "Kept" }
                        th.plot scope="col" { "Invented, 0 to " (tick((widest * 100.0).round() / 100.0)) }
                        th.num scope="col" { "Invented" }
                    }
                }
                tbody {
                    @for band in bands {
                        tr {
                            th scope="row" { (visible(&band.name)) }
                            td.num data-label="Teacher's mass" { (show::number(band.mass)) }
                            (bar("Kept", &band.name, band.kept.as_ref(), 1.0, "kept"))
                            (bar("Invented", &band.name, band.invented.as_ref(), widest, "invented"))
                        }
                    }
                }
            }
        }
    }
}

fn bar(label: &str, band: &str, estimate: Option<&Estimate>, full: f64, class: &str) -> Markup {
    let Some(estimate) = estimate else {
        return html! { td colspan="2" data-label=(label) { span.not { "not measured" } } };
    };
    let at = |value: f64| (100.0 * value / full).clamp(0.0, 100.0);
    let said = format!("{label}, {}: {} {}", visible(band), show::number(estimate.value), show::interval(estimate));
    html! {
        td.plot data-label={ (label) ", drawn" } {
            svg.bar width="100%" height="22" role="img" aria-label=(said) {
                title { (said) }
                rect.track x="0" y="4" width="100%" height="14" {}
                rect class=(class) x="0" y="4" width=(percent(at(estimate.value))) height="14" {}
                @if let Some(interval) = &estimate.interval {
                    line.over x1=(percent(at(interval.low))) x2=(percent(at(interval.high))) y1="11" y2="11" {}
                    @for end in [interval.low, interval.high] {
                        line.over x1=(percent(at(end))) x2=(percent(at(end))) y1="7" y2="15" {}
                    }
                }
            }
        }
        td.num data-label=(label) { (show::number(estimate.value)) " " span.range { (show::interval(estimate)) } }
    }
}

/// Percentiles over positions against the noise floor.
pub(super) fn quantiles(quantiles: &[Quantiles]) -> Markup {
    if quantiles.is_empty() {
        return absent("Not measured: this run kept no exact numbers of single positions.");
    }
    html! {
        p.lead {
            "Percentiles over scored positions, on a logarithmic axis. A mean is often made by few positions: the distance "
            "between the median and the right-hand end says how few. The dashed line is the teacher against itself."
        }
        @if let Some(first) = quantiles.first() { (curve(first)) }
        (percentile_table(quantiles))
    }
}

/// Decades that a logarithmic axis covers.
struct Decades {
    low: i32,
    high: i32,
}

impl Decades {
    const LOWEST: i32 = -9;

    fn of(quantiles: &Quantiles) -> Self {
        let values = quantiles.points.iter().chain(&quantiles.floor).map(|p| p.value).filter(|v| *v > 0.0);
        let (low, high) = values.fold((f64::INFINITY, 0.0_f64), |(l, h), v| (l.min(v), h.max(v)));
        if low > high {
            return Self { low: -3, high: 0 };
        }
        let low = (low.log10().floor() as i32).max(Self::LOWEST);
        Self { low, high: (high.log10().ceil() as i32).max(low + 1) }
    }

    /// Height in per cent from the top; what is zero lies on the bottom line.
    fn at(&self, value: f64) -> f64 {
        if value <= 0.0 {
            return 100.0;
        }
        let share = (value.log10() - f64::from(self.low)) / f64::from(self.high - self.low);
        100.0 * (1.0 - share.clamp(0.0, 1.0))
    }
}

fn curve(quantiles: &Quantiles) -> Markup {
    let name = show::metric(&quantiles.metric);
    let decades = Decades::of(quantiles);
    let across = |at: usize, of: usize| if of < 2 { 50.0 } else { 100.0 * at as f64 / (of - 1) as f64 };
    let said = quantiles.points.iter().map(|p| format!("{}: {}", rank(p), show::number(p.value))).collect::<Vec<_>>();
    let n = quantiles.points.len();
    let every = ((decades.high - decades.low) / 5).max(1);
    html! {
        figure.curve {
            figcaption { (name) ", nats per position" }
            svg.chart width="100%" height="250" role="img" aria-labelledby="curve-title curve-desc" {
                title id="curve-title" { (name) " by percentile of positions, student and floor" }
                desc id="curve-desc" { (said.join("; ")) }
                svg x="52" y="12" width="84%" height="204" overflow="visible" {
                    @for decade in (decades.low..=decades.high).step_by(every as usize) {
                        @let y = decades.at(10f64.powi(decade));
                        line.grid x1="0" x2="100%" y1=(percent(y)) y2=(percent(y)) {}
                        text.label x="-8" y=(percent(y)) dy="4" text-anchor="end" { "10" tspan.exponent dy="-4" { (decade.to_string().replace('-', "−")) } }
                    }
                    @for (at, point) in quantiles.points.iter().enumerate() {
                        text.label x=(percent(across(at, n))) y="100%" dy="22" text-anchor=(anchor(across(at, n))) { (rank(point)) }
                    }
                    (line("floor", &quantiles.floor, &decades, across))
                    (line("student", &quantiles.points, &decades, across))
                }
            }
            ul.legend aria-label="Lines of the chart" {
                li { svg.key width="26" height="16" aria-hidden="true" { line.student x1="1" x2="25" y1="8" y2="8" {} circle.student cx="13" cy="8" r="4" {} } " student against teacher" }
                @if !quantiles.floor.is_empty() {
                    li { svg.key width="26" height="16" aria-hidden="true" { line.floor x1="1" x2="25" y1="8" y2="8" {} } " teacher against itself" }
                }
            }
        }
    }
}

fn line(class: &str, points: &[Percentile], decades: &Decades, across: impl Fn(usize, usize) -> f64) -> Markup {
    let n = points.len();
    html! {
        @for (at, pair) in points.windows(2).enumerate() {
            line class=(class) x1=(percent(across(at, n))) y1=(percent(decades.at(pair[0].value)))
                x2=(percent(across(at + 1, n))) y2=(percent(decades.at(pair[1].value))) {}
        }
        @for (at, point) in points.iter().enumerate() {
            circle class=(class) cx=(percent(across(at, n))) cy=(percent(decades.at(point.value))) r="4" {}
        }
    }
}

fn rank(point: &Percentile) -> String {
    match point.percent {
        p if p >= 100.0 => "max".into(),
        p if (p - 50.0).abs() < 1e-9 => "median".into(),
        p => format!("{p} %"),
    }
}

fn percentile_table(quantiles: &[Quantiles]) -> Markup {
    let heads = quantiles.first().map_or(&[][..], |q| &q.points);
    html! {
        div.scroll tabindex="0" role="region" aria-label="Percentiles, table" {
            table.numbers.percentiles {
                caption { "Percentiles over positions, nats per token" }
                thead { tr { th scope="col" { "Quantity" } @for p in heads { th.num scope="col" { (rank(p)) } } } }
                @for one in quantiles {
                    tbody {
                        tr { th scope="row" { (show::metric(&one.metric)) } @for p in &one.points { td.num { (show::number(p.value)) } } }
                        @if !one.floor.is_empty() {
                            tr.unmeasured { th scope="row" { "teacher against itself" } @for p in &one.floor { td.num { (show::number(p.value)) } } }
                        }
                    }
                }
            }
        }
    }
}
