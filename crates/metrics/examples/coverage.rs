//! Writes the tables of docs/metrics/intervals.md: coverage, wrong PASS at the margin, and the power named beside a PASS.
//!
//! `cargo run --release --example coverage [AUDITS]`; the same numbers every time.
#![allow(clippy::print_stdout)]

#[path = "../tests/support/simulated.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod simulated;

use simulated::{CASES, Case, Population, Sizes};

const FAMILIES: [usize; 4] = [8, 20, 50, 200];

/// A truth well inside its margin, and the margin.
const POWER: [(Case, f64); 6] = [
    (Case { name: "normal", population: Population::Normal, truth: 2.0 }, 1.8),
    (Case { name: "log-normal, σ = 1", population: Population::LogNormal, truth: 0.05 }, 0.2),
    (Case { name: "log-normal, σ = 1.5", population: Population::LogNormalWide, truth: 0.05 }, 0.2),
    (Case { name: "rate", population: Population::Rate, truth: 0.99 }, 0.8),
    (Case { name: "clustered share", population: Population::Clustered, truth: 0.95 }, 0.8),
    (Case { name: "ratio", population: Population::Ratio, truth: 0.95 }, 0.8),
];

fn main() {
    let audits = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(300);
    let heads = FAMILIES.map(|families| format!("G = {families}")).join(" | ");
    println!("Coverage of the 95 % interval / wrong PASS at the margin, per cent of {audits} audits\n");
    println!("| families are | sizes | {heads} |\n|---|---|---|---|---|---|");
    for case in &CASES {
        for sizes in [Sizes::Equal, Sizes::Heavy] {
            let cells = FAMILIES.map(|families| {
                let errors = case.errors(sizes, families, audits);
                format!("{:.1} / {:.1}", 100.0 * errors.coverage, 100.0 * errors.wrong_pass)
            });
            println!("| {} | {} | {} |", case.name, word(sizes), cells.join(" | "));
        }
    }
    println!("\nThe loss that was named / how often a student with it fails, per cent of {audits} audits\n");
    println!("| families are | margin | {heads} |\n|---|---|---|---|---|---|");
    for (case, margin) in &POWER {
        let cells = FAMILIES.map(|families| match case.power(*margin, Sizes::Equal, families, audits) {
            Some((loss, found)) => format!("{loss:.3} / {:.1}", 100.0 * found),
            None => "none".to_owned(),
        });
        println!("| {} | {margin} | {} |", case.name, cells.join(" | "));
    }
}

fn word(sizes: Sizes) -> &'static str {
    match sizes {
        Sizes::Equal => "equal",
        Sizes::Heavy => "heavy",
    }
}
