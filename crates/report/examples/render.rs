//! Writes the sample report to a file, for a look at it and for the browser test:
//! `cargo run -p hydrometer-report --example render -- report.html`. The ending chooses the format.
#![allow(clippy::print_stderr)]

#[path = "../tests/sample/mod.rs"]
mod sample;

use std::process::ExitCode;

use hydrometer_report::{Color, Measured, TerminalOptions};

fn main() -> ExitCode {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("usage: render FILE.{{html,md,xml,csv,json,txt}}");
        return ExitCode::from(2);
    };
    let statement = sample::statement();
    let measured = Measured { seconds: 83.4, peak_memory_bytes: Some(4_509_715_661), paid: None };
    let text = match path.rsplit('.').next() {
        Some("md") => hydrometer_report::markdown(&statement),
        Some("xml") => hydrometer_report::junit(&statement),
        Some("csv") => hydrometer_report::csv(&statement),
        Some("json") => hydrometer_report::json(&statement),
        Some("txt") => {
            let files = [("report", "run/report.html".to_owned())];
            let options = TerminalOptions { width: 100, color: Color::Never, files: &files, measured: Some(measured) };
            hydrometer_report::terminal(&statement, &options)
        }
        _ => hydrometer_report::html(&statement, Some(&measured)),
    };
    match std::fs::write(&path, text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{path}: {error}");
            ExitCode::FAILURE
        }
    }
}
