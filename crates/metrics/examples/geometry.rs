//! Writes the tables of docs/metrics/geometry.md: how often the numbers of the geometry hold a known truth.
//!
//! `cargo run --release --example geometry [AUDITS]`; the same numbers every time.
#![allow(clippy::print_stdout)]

#[path = "../tests/support/curves.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod curves;

use curves::{Capability, FALLS, Fall, Held, Layout, Spread};

fn main() {
    let audits = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(250);
    println!("Per cent of {audits} audits\n");
    curves_and_reach(audits);
    uneven_radii(audits);
    several_axes(audits);
    where_it_is_used(audits);
    twins(audits);
    other_numbers(audits);
}

fn curves_and_reach(audits: usize) {
    println!(
        "| student | chance | families | ring values | volume | slope | reach too far | collapse too near | safe reach (true) |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let mut cells = Vec::new();
    for fall in FALLS {
        for chance in [0.0, 0.25] {
            for layout in [Layout::Paraphrases, Layout::Ladders] {
                for families in [60, 240] {
                    cells.push(Capability { fall, chance, layout, spread: Spread::Even, families });
                }
            }
        }
    }
    print_rows(&cells, |cell| {
        let rates = cell.rates(audits);
        format!(
            "| {} | {} | {} | {} | {:.1} | {:.1} | {:.2} ({:.2}) |",
            named(cell),
            percent(&rates.rings),
            percent(&rates.volume),
            percent(&rates.slope),
            100.0 * rates.overstated,
            100.0 * rates.collapse_early,
            rates.reached,
            rates.truly,
        )
    });
}

fn uneven_radii(audits: usize) {
    println!(
        "\nRadii that are not even, 240 families of paraphrases, chance 0.25; volume / mean error by number of rings\n"
    );
    println!("| student | radii | slope | reach too far | 6 rings | 12 rings | 24 rings |");
    println!("|---|---|---|---|---|---|---|");
    let mut cells = Vec::new();
    for fall in FALLS {
        for (spread, name) in [(Spread::Knob, "knob 1 to 12"), (Spread::LongTail, "long tail")] {
            let layout = Layout::Paraphrases;
            cells.push((name, Capability { fall, chance: 0.25, layout, spread, families: 240 }));
        }
    }
    print_rows(&cells, |(name, cell)| {
        let rates = cell.rates(audits);
        let volumes = [rates.volume, cell.volume_of(12, audits), cell.volume_of(24, audits)];
        let volumes = volumes.map(|held| format!("{} / {:+.3}", percent(&held), held.bias())).join(" | ");
        let (slope, reach) = (percent(&rates.slope), 100.0 * rates.overstated);
        format!("| {} | {name} | {slope} | {reach:.1} | {volumes} |", word(cell.fall))
    });
}

fn several_axes(audits: usize) {
    println!("\n| three axes | families of each | mean | worst |\n|---|---|---|---|");
    let mut cells = Vec::new();
    for falls in [[Fall::Linear; 3], [Fall::Flat, Fall::Linear, Fall::Step], [Fall::Flat, Fall::Flat, Fall::Collapse]] {
        for families in [60, 240] {
            cells.push((falls, families));
        }
    }
    print_rows(&cells, |&(falls, families)| {
        let [mean, worst] = curves::axes(falls, families, audits);
        format!("| {} | {families} | {} | {} |", falls.map(word).join(", "), percent(&mean), percent(&worst))
    });
}

fn where_it_is_used(audits: usize) {
    println!("\n| student | chance | families | volume where it is used | benchmark illusion |\n|---|---|---|---|---|");
    print_rows(&of_both_layouts(&[Fall::Flat, Fall::Linear, Fall::Step]), |cell| {
        let [deployed, illusion] = cell.deployed(audits);
        format!("| {} | {} | {} |", named(cell), percent(&deployed), percent(&illusion))
    });
}

fn twins(audits: usize) {
    println!(
        "\n| both students | chance | families | difference of volumes | called different |\n|---|---|---|---|---|"
    );
    print_rows(&of_both_layouts(&[Fall::Linear, Fall::Step]), |cell| {
        let (held, called) = cell.apart(audits);
        format!("| {} | {} | {:.1} |", named(cell), percent(&held), 100.0 * called)
    });
}

/// Even radii, chance 0: paraphrases and ladders, few and many.
fn of_both_layouts(falls: &[Fall]) -> Vec<Capability> {
    let mut cells = Vec::new();
    for &fall in falls {
        for layout in [Layout::Paraphrases, Layout::Ladders] {
            for families in [60, 240] {
                cells.push(Capability { fall, chance: 0.0, layout, spread: Spread::Even, families });
            }
        }
    }
    cells
}

fn other_numbers(audits: usize) {
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
            Capability { fall, chance: 0.0, layout, spread: Spread::Even, families }.fall_offs(audits)
        });
    }
}

/// The first cells of a row: student, chance, families.
fn named(cell: &Capability) -> String {
    let families = if cell.layout == Layout::Paraphrases { "of paraphrases" } else { "ladders" };
    format!("{} | {} | {} {families}", word(cell.fall), cell.chance, cell.families)
}

/// Rows in their order, worked out side by side.
fn print_rows<C: Sync>(cells: &[C], row: impl Fn(&C) -> String + Sync) {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    for cells in cells.chunks(workers) {
        let rows: Vec<String> = std::thread::scope(|scope| {
            let working: Vec<_> = cells.iter().map(|cell| scope.spawn(|| row(cell))).collect();
            working.into_iter().map(|row| row.join().expect("a row")).collect()
        });
        rows.iter().for_each(|row| println!("{row}"));
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
