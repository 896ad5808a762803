//! Tests of metrics and their statistics. One program: linking one for each file took longer than the tests.

mod answers;
mod answers_coverage;
#[path = "support/asked.rs"]
mod asked;
mod bounded;
mod catalog;
mod compat;
mod confusion;
mod coverage;
#[path = "support/curves.rs"]
#[allow(dead_code, reason = "shared with the example that writes the tables")]
mod curves;
mod deciding;
mod drawn_choices;
mod embedding;
mod episodes;
mod excess;
mod geometry;
mod geometry_coverage;
mod illusion;
mod intervals;
mod judgment;
mod laws;
#[path = "support/misclassified.rs"]
#[allow(dead_code, reason = "shared with the example that writes the tables")]
mod misclassified;
mod missing;
mod paired;
mod paired_draws;
mod permutation;
mod positions;
mod rare;
mod rogan_gladen;
mod shown;
#[path = "support/simulated.rs"]
mod simulated;
mod sparse;
mod support;
mod surface;
mod tokens;
