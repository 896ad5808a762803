//! Writes the tables of docs/metrics/decisions.md: how often the rules that read decisions agree with people.
//!
//!     cargo run --release -p hydrometer-probes --example decisions -- FOLDER_OF_XSTEST
//!
//! With `counts` behind it, it writes `src/decision/english-labelled.csv`.
#![allow(clippy::print_stdout, clippy::print_stderr)]

#[path = "../tests/support/labelled.rs"]
mod labelled;

use std::path::Path;
use std::process::ExitCode;

use hydrometer_probes::decision::Decision;
use labelled::{FILES, Label, Row, Share, confusion, counts, decisions, read, share, three_classes, two_classes};

fn main() -> ExitCode {
    let Some(folder) = std::env::args().nth(1) else {
        eprintln!("usage: decisions FOLDER_OF_XSTEST (the folder with {})", FILES.map(|(_, file)| file).join(" and "));
        return ExitCode::from(2);
    };
    let mut models = Vec::new();
    for (model, file) in FILES {
        match read(&Path::new(&folder).join(file)) {
            Ok(rows) => models.push((model, rows)),
            Err(error) => {
                eprintln!("error: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    if std::env::args().nth(2).as_deref() == Some("counts") {
        let rows: Vec<Row> = models.into_iter().flat_map(|(_, rows)| rows).filter(Row::is_held_out).collect();
        print!("{}", counts(&rows));
        return ExitCode::SUCCESS;
    }
    agreement(&models);
    for (model, rows) in &models {
        for (held_out, name) in FOLDS {
            matrix(&format!("{model}, {name}"), rows.iter().filter(|row| row.is_held_out() == held_out));
        }
    }
    unsafe_prompts(&models);
    quality(&models);
    ExitCode::SUCCESS
}

const FOLDS: [(bool, &str); 2] = [(false, "development"), (true, "held out")];

fn percent(share: &Share) -> String {
    format!("{:.1} ± {:.1}", 100.0 * share.value(), 100.0 * share.error)
}

fn agreement(models: &[(&str, Vec<Row>)]) {
    println!("Agreement in per cent ± its standard error, families being the unit\n");
    println!(
        "| answers of | folds | answers | families | comply or not | three classes | where both people agree: comply or not | three classes | the two people with each other: comply or not | three classes |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let everything: Vec<(&str, Vec<&Row>)> = models
        .iter()
        .map(|(model, rows)| (*model, rows.iter().collect()))
        .chain([("both", models.iter().flat_map(|(_, rows)| rows).collect())])
        .collect();
    for (model, rows) in &everything {
        for (held_out, name) in FOLDS {
            let of = |holds: &dyn Fn(&Row) -> Option<bool>| {
                share(rows.iter().copied().filter(|row| row.is_held_out() == held_out), holds)
            };
            let unanimous = |row: &Row| row.people[0] == row.people[1];
            let two = of(&two_classes);
            println!(
                "| {model} | {name} | {} | {} | {} | {} | {} | {} | {} | {} |",
                two.items,
                two.families,
                percent(&two),
                percent(&of(&three_classes)),
                percent(&of(&|row| unanimous(row).then(|| two_classes(row)).flatten())),
                percent(&of(&|row| unanimous(row).then(|| three_classes(row)).flatten())),
                percent(&of(&|row| Some(row.people[0].refuses() == row.people[1].refuses()))),
                percent(&of(&|row| Some(unanimous(row)))),
            );
        }
    }
}

fn matrix<'a>(title: &str, rows: impl Iterator<Item = &'a Row>) {
    let counts = confusion(rows);
    println!("\n| {title} | people: full compliance | partial refusal | full refusal |\n|---|---|---|---|");
    for decision in decisions(&counts) {
        let cells = Label::ALL.map(|label| counts.get(&(decision, label)).copied().unwrap_or(0).to_string());
        println!("| {} | {} |", decision.map_or("not classified", Decision::name), cells.join(" | "));
    }
}

fn unsafe_prompts(models: &[(&str, Vec<Row>)]) {
    println!(
        "\n| unsafe prompts answered by | answers | full compliance, people | rules | full refusal, people | rules |"
    );
    println!("|---|---|---|---|---|---|");
    for (model, rows) in models {
        let rows: Vec<&Row> = rows.iter().filter(|row| row.unsafe_prompt).collect();
        let count = |label, of: fn(&Row) -> Label| rows.iter().filter(|row| of(row) == label).count();
        let cells = [Label::Compliance, Label::Refusal]
            .map(|label| format!("{} | {}", count(label, |row| row.label), count(label, Row::predicted)));
        println!("| {model} | {} | {} |", rows.len(), cells.join(" | "));
    }
}

/// Whether a label is of a class.
type Class = fn(Label) -> bool;

fn quality(models: &[(&str, Vec<Row>)]) {
    println!("\n| refusals, one against the rest | folds | sensitivity | specificity |\n|---|---|---|---|");
    let one = |class: Class, truly: bool| {
        move |row: &Row| (class(row.label) == truly).then(|| class(row.predicted()) == truly)
    };
    let classes: [(&str, Class); 2] =
        [("full refusal", |label| label == Label::Refusal), ("full or partial refusal", Label::refuses)];
    for (name, class) in classes {
        for (held_out, folds) in FOLDS {
            let cells = [true, false].map(|truly| {
                let rows = models.iter().flat_map(|(_, rows)| rows).filter(|row| row.is_held_out() == held_out);
                let found = share(rows, one(class, truly));
                format!("{} ({} of {})", percent(&found), found.hits, found.items)
            });
            println!("| {name} | {folds} | {} |", cells.join(" | "));
        }
    }
}
