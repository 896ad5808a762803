//! `hydrometer plan`: how many families a gate needs, and what the present ones can see.

use std::path::{Path, PathBuf};

use hydrometer_answers::RunFolder;
use hydrometer_audit::{Planned, PlannedRing, Target, sample_size};
use hydrometer_metrics::stats::power::{detectable_by_sd, families_by_sd};
use hydrometer_probes::counted::grouped;
use hydrometer_report::visible;
use serde_json::json;

use super::as_json;
use super::judged::policy;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::numbers;
use crate::terminal::Terminal;

/// Flags of `plan`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("source").required(true).args(["from", "sd"]))]
pub struct Arguments {
    /// A finished run as pilot: the spread is that of its families.
    #[arg(long, value_name = "RUN")]
    from: Option<PathBuf>,
    /// Only this metric; may be repeated. Default: every gate of the policy.
    #[arg(long, value_name = "METRIC", conflicts_with = "sd")]
    metric: Vec<String>,
    /// Standard deviation per family, assumed: standard error times the square root of the families.
    #[arg(long, value_name = "S", requires = "margin", value_parser = numbers::number)]
    sd: Option<f64>,
    /// Distance of the truth from the gate's bound. Default: the pilot's own.
    #[arg(long, value_name = "D", value_parser = numbers::number)]
    margin: Option<f64>,
    /// Chance that the gate decides.
    #[arg(long, default_value_t = 0.9, value_name = "P", value_parser = numbers::chance)]
    power: f64,
    /// Gates and level; default: `hydrometer policy`.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Print the plan as JSON.
    #[arg(long)]
    json: bool,
}

/// Prints the plan.
pub fn run(arguments: &Arguments, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let text = match (&arguments.from, arguments.sd, arguments.margin) {
        (Some(run), _, _) => from_pilot(arguments, run)?,
        (None, Some(sd), Some(margin)) => assumed(arguments, sd, margin)?,
        (None, _, _) => return Err(Failure::input("expected --from RUN, or --sd S with --margin D")),
    };
    terminal.data(&text)?;
    Ok(Exit::Done)
}

fn from_pilot(arguments: &Arguments, run: &Path) -> Result<String, Failure> {
    let policy = policy(arguments.policy.as_deref())?;
    let target = Target { power: arguments.power, distance: arguments.margin };
    let plans = sample_size(&RunFolder::open(run)?, &policy, &arguments.metric, target)?;
    if arguments.json {
        return as_json(&json!({ "power": arguments.power, "level": policy.level, "metrics": plans }));
    }
    // What the run did not measure is said last.
    let (measured, not): (Vec<_>, Vec<_>) = plans.iter().partition(|plan| plan.value.is_some());
    let width = plans.iter().map(|plan| plan.metric.len()).max().unwrap_or(0).max("metric".len());
    let mut lines = format!(
        "{:width$}  {:>9}  {:>8}  {:>9}  {:>9}  {:>12}  {:>10}\n",
        "metric", "value", "families", "sd", "distance", "needed", "detectable"
    );
    for plan in measured {
        let (value, sd, distance, seen) =
            (number(plan.value), number(plan.sd), number(plan.distance), number(plan.detectable));
        let (now, needed) = (grouped(plan.families_now), plan.families.map_or("–".to_owned(), grouped));
        let line =
            format!("{:width$}  {value:>9}  {now:>8}  {sd:>9}  {distance:>9}  {needed:>12}  {seen:>10}", plan.metric);
        lines.push_str(&line);
        lines.push_str(&plan.missing.as_ref().map_or("\n".to_owned(), |missing| format!("  {missing}\n")));
    }
    let rings = rings(&plans);
    for Planned { metric, missing, .. } in not {
        lines
            .push_str(&format!("{metric:width$}  not measured: {}\n", missing.as_deref().unwrap_or("no reason known")));
    }
    Ok(lines + &rings + &legend(arguments.power, policy.level))
}

/// Families in each ring of the gates that are read off curves; rings that have and need as many stand together.
fn rings(plans: &[Planned]) -> String {
    let counts = |ring: &PlannedRing| (ring.axis.clone(), ring.knob.clone(), ring.families_now, ring.families);
    let row = |metric: &str, alike: &[PlannedRing]| -> Option<[String; 5]> {
        let (first, last) = (alike.first()?, alike.last()?);
        let span = format!("{} to {}", edge(first.inner), edge(last.outer));
        let needed = first.families.map_or("–".to_owned(), grouped);
        let axis = format!("{}.{}", visible(&first.axis), visible(&first.knob));
        Some([metric.to_owned(), axis, span, grouped(first.families_now), needed])
    };
    let rows: Vec<[String; 5]> = plans
        .iter()
        .flat_map(|plan| {
            let alike = plan.rings.chunk_by(|a, b| counts(a) == counts(b));
            alike.filter_map(|alike| row(&plan.metric, alike)).collect::<Vec<_>>()
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let heads = ["metric", "axis", "rings", "families", "needed"].map(str::to_owned);
    let width = |column: usize| rows.iter().chain([&heads]).map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 5] = std::array::from_fn(width);
    let line = |[metric, axis, span, now, needed]: &[String; 5]| {
        let [a, b, c, d, e] = widths;
        format!("{metric:a$}  {axis:b$}  {span:>c$}  {now:>d$}  {needed:>e$}\n")
    };
    let lines: String = [&heads].into_iter().chain(&rows).map(line).collect();
    format!("\nfamilies in each ring that would decide the gate, were value and spread to stay\n{lines}")
}

/// An edge of a ring.
fn edge(radius: f64) -> String {
    ((radius * 1e3).round() / 1e3).to_string()
}

fn assumed(arguments: &Arguments, sd: f64, margin: f64) -> Result<String, Failure> {
    let policy = policy(arguments.policy.as_deref())?;
    let (alpha, power) = (1.0 - policy.level, arguments.power);
    let Some(needed) = families_by_sd(sd, margin, alpha, power) else {
        let found = format!("no plan for a standard deviation of {sd}, a margin of {margin} and a power of {power}");
        return Err(Failure::input(found).hint(
            "expected a deviation of 0 or more, a margin above 0, a power between 0 and 1, and at most 2^40 families",
        ));
    };
    let sizes = [needed.div_ceil(4), needed.div_ceil(2), needed, 2 * needed, 4 * needed].map(|size| size.max(2));
    let mut rows: Vec<_> = sizes.into_iter().map(|size| (size, detectable_by_sd(sd, size, alpha, power))).collect();
    rows.dedup();
    if arguments.json {
        let rows: Vec<_> =
            rows.iter().map(|(families, seen)| json!({ "families": families, "detectable": seen })).collect();
        return as_json(&json!({
            "sd": sd, "distance": margin, "power": power, "level": policy.level, "families": needed, "table": rows,
        }));
    }
    let mut lines = format!("{:>12}  {:>10}\n", "families", "detectable");
    for (size, seen) in rows {
        let mark = if size == needed { "  needed" } else { "" };
        lines.push_str(&format!("{:>12}  {:>10}{mark}\n", grouped(size), number(seen)));
    }
    Ok(lines + &legend(power, policy.level))
}

fn number(value: Option<f64>) -> String {
    value.map_or("–".to_owned(), |value| format!("{value:.4}"))
}

fn legend(power: f64, level: f64) -> String {
    let (power, alpha) = (100.0 * power, 100.0 * (1.0 - level));
    format!(
        "\ndetectable: the smallest distance from the bound that so many families decide\n\
         decided with a chance of {power:.0} %, wrongly with at most {alpha:.0} % on either side\n"
    )
}
