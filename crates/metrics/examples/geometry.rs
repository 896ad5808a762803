//! Writes the tables of docs/metrics/geometry.md: how often the numbers of the geometry hold a known truth.
//!
//! `cargo run --release --example geometry [AUDITS]`; the same numbers every time.
#![allow(clippy::print_stdout)]

#[path = "../tests/support/curves.rs"]
mod curves;

use curves::{Capability, FALLS, Fall, Held, Layout, Spread};

fn main() {
    let audits = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(400);
    println!("Per cent of {audits} audits\n");
    println!(
        "| student | chance | families | ring values | volume | slope | reach overstated | collapse too near | safe reach (true) |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for fall in FALLS {
        for chance in [0.0, 0.25] {
            for (layout, families) in
                [(Layout::Paraphrases, 60), (Layout::Paraphrases, 240), (Layout::Ladders, 60), (Layout::Ladders, 240)]
            {
                let rates = Capability { fall, chance, layout, spread: Spread::Even, families, cut: 6 }.rates(audits);
                println!(
                    "| {} | {chance} | {families} {} | {} | {} | {} | {:.1} / {:.1} | {:.1} | {:.2} / {:.2} / {:.2} |",
                    word(fall),
                    if layout == Layout::Paraphrases { "of paraphrases" } else { "ladders" },
                    percent(&rates.rings),
                    percent(&rates.volume),
                    percent(&rates.slope),
                    100.0 * rates.overstated,
                    100.0 * rates.overstated_by_both,
                    100.0 * rates.collapse_early,
                    rates.reached,
                    rates.reached_by_both,
                    rates.truly,
                );
            }
        }
    }
    println!("\nRadii that are not even, 240 families of paraphrases, chance 0.25\n");
    println!("| student | radii | slope | reach overstated | 6 rings: volume / bias | 12 rings | 24 rings |");
    println!("|---|---|---|---|---|---|---|");
    for fall in FALLS {
        for (spread, name) in [(Spread::Knob, "knob 1 to 12"), (Spread::LongTail, "long tail")] {
            let capability = |cut| {
                let layout = Layout::Paraphrases;
                Capability { fall, chance: 0.25, layout, spread, families: 240, cut }.rates(audits)
            };
            let rates = [6, 12, 24].map(capability);
            let volumes =
                rates.map(|rates| format!("{} / {:+.3}", percent(&rates.volume), rates.volume.bias())).join(" | ");
            let [of_six, ..] = rates;
            println!(
                "| {} | {name} | {} | {:.1} | {volumes} |",
                word(fall),
                percent(&of_six.slope),
                100.0 * of_six.overstated
            );
        }
    }
    println!("\n| three axes | families of each | mean | worst |\n|---|---|---|---|");
    for falls in [[Fall::Linear; 3], [Fall::Flat, Fall::Linear, Fall::Step], [Fall::Flat, Fall::Flat, Fall::Collapse]] {
        for families in [60, 240] {
            let [mean, worst] = curves::axes(falls, families, audits);
            let names = falls.map(word).join(", ");
            println!("| {names} | {families} | {} | {} |", percent(&mean), percent(&worst));
        }
    }
    println!("\n| number | 30 families | 100 families |\n|---|---|---|");
    let row = |name: &str, of: &dyn Fn(usize) -> Held| {
        println!("| {name} | {} | {} |", percent(&of(30)), percent(&of(100)));
    };
    for hazard in [0.03, 0.06, 0.2] {
        row(&format!("ratio of restricted means, hazard 0.03 and {hazard}"), &|families| {
            curves::survival(hazard, families, audits)
        });
    }
    row("pass^3", &|families| curves::repeated(families, audits)[0]);
    row("pass^3 lost", &|families| curves::repeated(families, audits)[1]);
    for fall in [Fall::Flat, Fall::Linear, Fall::Step] {
        row(&format!("relative fall-off, {}", word(fall)), &|families| {
            let layout = Layout::Ladders;
            Capability { fall, chance: 0.0, layout, spread: Spread::Even, families, cut: 6 }.fall_offs(audits)
        });
    }
}

/// Share of the intervals that hold; how many numbers have none.
fn percent(held: &Held) -> String {
    let coverage = if held.intervals == 0 { "–".to_owned() } else { format!("{:.1}", 100.0 * held.coverage()) };
    let share = held.none as f64 / (held.none + held.intervals).max(1) as f64;
    if held.none == 0 { coverage } else { format!("{coverage} (none: {:.1})", 100.0 * share) }
}

fn word(fall: Fall) -> &'static str {
    match fall {
        Fall::Flat => "flat",
        Fall::Linear => "linear",
        Fall::Step => "step",
        Fall::Collapse => "collapse",
        Fall::Margin => "on the margin",
    }
}
