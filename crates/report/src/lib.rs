//! A [`Statement`] as terminal text, HTML, Markdown, JUnit, CSV and JSON.
//!
//! Pure functions from values to strings. This crate computes no metric, opens no file, reads no clock, and knows
//! nothing about models. A model's text is data: every format shows it, none interprets it.
//!
//! A statement becomes a list of sections (`section`, a file each), a section is made of blocks (`document`), and every
//! format (`html`, `terminal`, `markdown`, `csv`) renders blocks without knowing which section they come from.

mod calibrated;
mod compare;
mod compat;
mod csv;
mod document;
mod html;
mod junit;
mod markdown;
mod measured;
mod plot;
mod section;
mod show;
pub mod side_by_side;
mod terminal;
mod text;

pub use calibrated::{calibration_html, calibration_markdown, calibration_terminal};
pub use compare::{compare_markdown, compare_terminal};
pub use compat::compat;
pub use csv::csv;
pub use html::html;
pub use junit::junit;
pub use markdown::markdown;
pub use measured::Measured;
pub use section::gates::caught;
pub use side_by_side::{SideBySide, side_by_side_markdown, side_by_side_terminal};
pub use terminal::{Color, TerminalOptions, terminal};
pub use text::{printable, printable_json, visible};

use hydrometer_audit::Statement;

/// The statement itself as indented JSON with a newline at the end: the format of `statement.json`.
#[must_use]
pub fn json(statement: &Statement) -> String {
    // Serialising to memory fails only on maps whose keys are not strings; a statement has none.
    let mut json = serde_json::to_string_pretty(statement).expect("a statement has no map with other keys");
    json.push('\n');
    printable_json(&json)
}
