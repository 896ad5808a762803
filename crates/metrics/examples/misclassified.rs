//! Writes the tables of docs/metrics/decisions.md on corrected rates: how often their intervals hold a known truth.
//!
//! `cargo run --release -p hydrometer-metrics --example misclassified [AUDITS]`; the same numbers every time.
#![allow(clippy::print_stdout, clippy::expect_used)]

#[path = "../tests/support/misclassified.rs"]
mod misclassified;

use misclassified::{cases, three_classes};

fn main() {
    let audits = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(1000);
    println!("Coverage of the 95 % interval in per cent of {audits} audits\n");
    println!(
        "| sensitivity, specificity | families, of known truth | true rate | coverage | uncorrected | mean rate | width | upper bound |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for case in cases() {
        let rates = case.rates(audits);
        println!(
            "| {}, {} | {}, {} | {} | {:.1} | {:.1} | {:.3} | {:.3} | {:.1} |",
            case.sensitivity,
            case.specificity,
            case.families,
            case.known,
            case.prevalence,
            100.0 * rates.coverage,
            100.0 * rates.uncorrected,
            rates.mean,
            rates.width,
            100.0 * rates.upper_bounds,
        );
    }
    println!("\n| three classes, true rates | families, of known truth | coverage | mean rates |\n|---|---|---|---|");
    for truth in [[0.6, 0.3, 0.1], [0.9, 0.07, 0.03], [1.0 / 3.0; 3]] {
        for (families, known) in [(50, 60), (200, 60), (200, 200)] {
            let rates = three_classes(truth, families, known, audits);
            let three = |of: &dyn Fn(usize) -> String| (0..3).map(of).collect::<Vec<_>>().join(", ");
            println!(
                "| {} | {families}, {known} | {} | {} |",
                three(&|i| format!("{:.2}", truth[i])),
                three(&|i| format!("{:.1}", 100.0 * rates[i].coverage)),
                three(&|i| format!("{:.3}", rates[i].mean)),
            );
        }
    }
}
