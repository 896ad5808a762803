//! What a training came to, as text for the terminal and as a page.

use hydrometer_answers::ModelIdentity;
use hydrometer_distill::data::Preflight;
use hydrometer_distill::export::Exported;
use hydrometer_distill::{ArmResult, Difference, Measured, Outcome};
use hydrometer_metrics::{Estimate, Interval};
use hydrometer_probes::counted::{counted, grouped};
use hydrometer_report::visible;

/// A number and its interval.
pub fn with_interval(estimate: &Estimate) -> String {
    match &estimate.interval {
        Some(interval) => format!("{:.4} ({:.4} to {:.4})", estimate.value, interval.low, interval.high),
        None => format!("{:.4} (too few documents for an interval)", estimate.value),
    }
}

/// In place of a number that reads the teacher's distributions, where it shows none.
const UNKNOWN: &str = "only answers are shown";

/// In place of a number that reads the teacher's tail, where it lists its most probable tokens and draws none of the others.
const NOT_DRAWN: &str = "nothing is drawn from it";

/// What a bound of KL is, below the table that has it.
const BOUND: &str =
    "KL is at least what stands behind ≥: that of the tokens that the teacher lists, with all others as one.\n";

/// Whether KL is bounded and not estimated.
fn is_bounded(outcome: &Outcome) -> bool {
    let measured = outcome.arms.iter().flat_map(|arm| arm.start.iter().chain(&arm.end));
    measured.into_iter().any(|measured| measured.kl_lower_bound.is_some())
}

/// The student before training, then every arm: name, KL, tail kept, cross-entropy.
fn rows(outcome: &Outcome) -> Vec<[String; 4]> {
    let start = outcome.arms.iter().find_map(|arm| arm.start.as_ref()).map(|start| ("start", Some(start)));
    let ends = outcome.arms.iter().map(|arm| (arm.arm.name(), arm.end.as_ref()));
    let row = |(name, measured): (&str, Option<&Measured>)| match measured {
        Some(Measured { kl_divergence, kl_lower_bound, cross_entropy, tail_kept }) => {
            let tail = match (kl_divergence, kl_lower_bound, tail_kept) {
                (_, _, Some(tail)) => with_interval(tail),
                (Some(_), _, None) => "the teacher has no tail".to_owned(),
                (None, Some(_), None) => NOT_DRAWN.to_owned(),
                (None, None, None) => UNKNOWN.to_owned(),
            };
            let kl = match (kl_divergence, kl_lower_bound) {
                (Some(kl), _) => with_interval(kl),
                (None, Some(bound)) => format!("≥ {}", with_interval(bound)),
                (None, None) => UNKNOWN.to_owned(),
            };
            [name.to_owned(), kl, tail, format!("{cross_entropy:.4}")]
        }
        None => [name.to_owned(), "nothing was held out".to_owned(), "–".to_owned(), "–".to_owned()],
    };
    start.into_iter().chain(ends).map(row).collect()
}

const HEADINGS: [&str; 4] = ["student", "KL to the teacher, nats", "tail kept", "cross-entropy, nats"];

/// The arms on the held-out documents.
pub fn table(outcome: &Outcome) -> String {
    let line = |[name, kl, tail, ce]: &[String; 4]| format!("{name:<12}  {kl:<27}  {tail:<27}  {ce}\n");
    let headings = line(&HEADINGS.map(str::to_owned));
    let bound = if is_bounded(outcome) { BOUND } else { "" };
    headings + &rows(outcome).iter().map(line).collect::<String>() + bound
}

/// What a number is called, and what a difference of it says where it is below 0 and where it is above.
fn reading(number: &str) -> (&'static str, [&'static str; 2]) {
    match number {
        Difference::KL => ("KL, nats", ["nearer to the teacher", "further from the teacher"]),
        Difference::KL_LOWER_BOUND => ("KL bound, nats", ["nearer on what is listed", "further on what is listed"]),
        Difference::TAIL_KEPT => ("tail kept", ["keeps less of the tail", "keeps more of the tail"]),
        _ => ("cross-entropy, nats", ["better at the texts' own tokens", "worse at the texts' own tokens"]),
    }
}

fn says(difference: &Difference) -> &'static str {
    let [less, more] = reading(&difference.number).1;
    match (&difference.interval, difference.p_value) {
        (Some(Interval { high, .. }), _) if *high < 0.0 => less,
        (Some(Interval { low, .. }), _) if *low > 0.0 => more,
        (None, None) => "a single document says nothing of chance",
        _ => "no difference beyond chance",
    }
}

fn differing(difference: &Difference) -> String {
    match &difference.interval {
        Some(Interval { low, high, .. }) => format!("{:+.4} ({low:+.4} to {high:+.4})", difference.difference),
        None => format!("{:+.4}", difference.difference),
    }
}

/// How the first arm differs from the others on the same documents.
pub fn differences(outcome: &Outcome) -> String {
    let Some(first) = outcome.differences.first() else { return String::new() };
    let mut text =
        format!("\n{} against the others, on the same {}\n", first.b.name(), counted(first.documents, "document"));
    for difference in &outcome.differences {
        let (name, _) = reading(&difference.number);
        let (a, apart) = (difference.a.name(), differing(difference));
        text.push_str(&format!("{a:<12}  {name:<19}  {apart:<30}  {}\n", says(difference)));
    }
    text
}

/// A number that may be as small as rounding, and its interval.
fn small(estimate: &Estimate) -> String {
    match &estimate.interval {
        Some(interval) => format!("{:.1e} ({:.1e} to {:.1e})", estimate.value, interval.low, interval.high),
        None => format!("{:.1e} (too few documents for an interval)", estimate.value),
    }
}

/// Form, file, bytes, KL and its floor of every export.
fn exported(outcome: &Outcome) -> Vec<[String; 5]> {
    let row = |exported: &Exported| {
        let kl = exported.kl_divergence.as_ref().map_or("nothing was held out".to_owned(), small);
        // Exports of earlier versions have none.
        let floor = exported.kl_divergence.as_ref().and_then(|kl| kl.floor);
        let floor = floor.map_or("–".to_owned(), |floor| format!("{floor:.1e}"));
        [exported.form.to_string(), exported.path.display().to_string(), grouped(exported.bytes), kl, floor]
    };
    outcome.exports.iter().map(row).collect()
}

const EXPORTS: [&str; 5] = ["form", "file", "bytes", "KL(trained ‖ exported), nats", "its floor"];

/// The exported students, each beside the weights that were trained.
pub fn exports(outcome: &Outcome) -> String {
    let rows = exported(outcome);
    if rows.is_empty() {
        return String::new();
    }
    let width = rows.iter().map(|row| row[1].chars().count()).max().unwrap_or(0);
    let line = |[form, path, bytes, kl, floor]: &[String; 5]| {
        format!("{form:<9}  {path:<width$}  {bytes:>13}  {kl:<28}  {floor}\n")
    };
    let table = format!("\n{}", line(&EXPORTS.map(str::to_owned))) + &rows.iter().map(line).collect::<String>();
    table + &notes(outcome).map(|note| format!("note: {note}\n")).collect::<String>()
}

/// What of exports is not of the type that they are called by, and what there is none of.
fn notes(outcome: &Outcome) -> impl Iterator<Item = String> {
    let of = |exported: &Exported| {
        let path = exported.path.display().to_string();
        exported.notes.iter().map(|note| format!("{path}: {note}")).collect::<Vec<_>>()
    };
    let unwritten = outcome.unwritten.iter();
    let unwritten =
        unwritten.map(|one| format!("{} as {} could not be written: {}", one.arm.name(), one.form, one.reason));
    outcome.exports.iter().flat_map(of).chain(unwritten)
}

/// The page that a training leaves: what was trained, the tables, and what they mean.
pub fn page(outcome: &Outcome, teacher: &ModelIdentity, data: &Preflight) -> String {
    let cells = |row: &[String]| format!("| {} |\n", row.join(" | "));
    let mut text = format!(
        "# Students of {}\n\n{}, {} of them held out. Data `{}`, teacher `{}`.\n\n## On the held-out documents\n\n",
        visible(&teacher.name),
        counted(data.documents, "document"),
        grouped(data.held_out_documents.len() as u64),
        data.hash,
        teacher.weights,
    );
    text.push_str(&cells(&HEADINGS.map(str::to_owned)));
    text.push_str("|---|---|---|---|\n");
    rows(outcome).iter().for_each(|row| text.push_str(&cells(row)));
    if is_bounded(outcome) {
        text.push_str(&format!("\n{BOUND}"));
    }
    text.push_str("\nIntervals are of 95 %, over documents. Tail kept: how much of the teacher's mass beyond its 0.9 nucleus the student gives to the same tokens.\n");
    if let Some(first) = outcome.differences.first() {
        text.push_str(&format!(
            "\n## {} against the others\n\n| arm | number | difference | says |\n|---|---|---|---|\n",
            first.b.name()
        ));
        for difference in &outcome.differences {
            let (name, _) = reading(&difference.number);
            let row = [difference.a.name(), name, &differing(difference), says(difference)];
            text.push_str(&cells(&row.map(str::to_owned)));
        }
        text.push_str("\nThe same documents are taken out of both arms at once, so what they share cancels.\n");
    }
    text.push_str("\n## What was exported\n\n");
    text.push_str(&cells(&EXPORTS.map(str::to_owned)));
    text.push_str("|---|---|---|---|---|\n");
    exported(outcome).iter().for_each(|row| text.push_str(&cells(row)));
    notes(outcome).for_each(|note| text.push_str(&format!("\n{note}\n")));
    text.push_str("\nEach form was opened again and compared with the trained weights on the held-out documents. The floor is that of the trained weights themselves, scored twice.\n");
    text.push_str("\n## What was trained\n\n| arm | steps | weights of step | tokens |\n|---|---|---|---|\n");
    for ArmResult { arm, steps, best, tokens, .. } in &outcome.arms {
        text.push_str(&cells(&[arm.name().to_owned(), grouped(*steps), grouped(*best), grouped(*tokens)]));
    }
    text
}
