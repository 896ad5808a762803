//! What a safe reach promises, in one sentence that can be quoted alone.

use hydrometer_audit::statement::{AxisCurve, Geometry, Statement};

use super::{name, radius_one};
use crate::document::{Fact, Style, Text};
use crate::show;
use crate::text::visible;

/// One sentence for every axis on which the student is shown to hold.
pub(super) fn certificates(statement: &Statement, geometry: &Geometry) -> Vec<Fact> {
    let held = geometry.axes.iter().filter(|axis| axis.safe_reach > 0.0);
    held.map(|axis| Fact::new("Certificate", certificate(statement, geometry, axis))).collect()
}

fn certificate(statement: &Statement, geometry: &Geometry, axis: &AxisCurve) -> Text {
    let up_to = match radius_one(axis) {
        Some(one) => format!("{} training radii ({one})", show::number(axis.safe_reach)),
        None => show::number(axis.safe_reach),
    };
    let fewest = axis.fewest_probes.unwrap_or(0);
    let enough = match fewest >= geometry.certificate {
        true => String::new(),
        false => format!(", fewer than the {} that a certificate asks for", geometry.certificate),
    };
    let measured = axis.embedder.as_ref().map(|name| format!(", distances by {}", visible(name))).unwrap_or_default();
    let dated = statement.suite.dated.as_ref().map(|day| format!(" of {day}")).unwrap_or_default();
    let promise = format!(
        ": up to {up_to} the student keeps {} of the teacher's success above chance, shown ring by ring at the one-sided level {}, by \
         {} in every ring or more{enough}{measured}; suite {}{dated}, hydrometer {}",
        show::percent(1.0 - geometry.delta),
        show::level(statement),
        show::counted(fewest, "probe"),
        statement.suite.hash.chars().take(19).collect::<String>(),
        statement.hydrometer,
    );
    Text::of(Style::Foreign, name(axis)).words(promise)
}
