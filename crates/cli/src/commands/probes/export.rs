//! `hydrometer probes export`: what to train a student on, from what an audit found that it lost: prompts for a teacher to
//! answer, or conversations with tools in which episodes are solved.

mod conversation;

use std::collections::BTreeSet;
use std::path::PathBuf;

use hydrometer_answers::RunFolder;
use hydrometer_audit::Policy;
use hydrometer_audit::statement::AxisCurve;
use hydrometer_metrics::Verdict;
use hydrometer_probes::builtin::edges;
use hydrometer_probes::builtin::episodes::{self, Solved};
use hydrometer_probes::counted::counted;
use hydrometer_probes::kind::Prompt;
use hydrometer_probes::{Ask, Probe};
use serde_json::{Value, json};

use super::generate::axis;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::numbers;
use crate::terminal::Terminal;

/// Seed of the prompts, unless the user gives another: none that an audit uses by itself.
const SEED: u64 = 7001;
/// Ladders drawn at a time until there are prompts enough.
const STEP: usize = 64;
/// Most ladders drawn: the axes have far fewer different ones.
const MOST: usize = 1 << 14;

/// Flags of `export`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Finished run that says what was lost.
    #[arg(long = "from", value_name = "RUN")]
    run: PathBuf,
    /// Axis of the prompts or episodes.
    #[arg(long, value_name = "AXIS", value_parser = axis)]
    axis: &'static str,
    /// Ring of the axis, counted from 1 inside. Default: every ring that is not shown to hold.
    #[arg(long, value_name = "N", value_parser = numbers::whole::<u32, 1>)]
    ring: Option<u32>,
    /// Conversations in which episodes are solved, instead of prompts; so it is without it where the run asked no prompts of the axis.
    #[arg(long)]
    episodes: bool,
    /// Prompts or conversations wanted.
    #[arg(long, default_value_t = 500, value_name = "N", value_parser = numbers::whole::<u32, 1>)]
    count: u32,
    /// Seed of what is drawn; other than that of the audit.
    #[arg(long, default_value_t = SEED, value_name = "N", value_parser = numbers::whole::<u64, 0>)]
    seed: u64,
    /// File to write instead of stdout: JSON lines with `messages`, ready for a teacher to answer; of episodes whole
    /// conversations, with `tools`.
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// What can be drawn afresh.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Drawn {
    Prompts,
    Episodes,
}

impl Drawn {
    fn is_rung(self, probe: &Probe) -> bool {
        match self {
            Drawn::Prompts => edges::is_rung(probe),
            Drawn::Episodes => episodes::is_rung(probe),
        }
    }

    fn ladders(self, axis: &str, count: usize, seed: u64) -> Vec<Solved> {
        match self {
            Drawn::Prompts => {
                let prompts = edges::ladders(Some(axis), count, seed).into_iter();
                prompts.map(|probe| Solved { probe, calls: Vec::new() }).collect()
            }
            Drawn::Episodes => episodes::solved(Some(axis), count, seed),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Drawn::Prompts => "prompt",
            Drawn::Episodes => "conversation",
        }
    }
}

pub(super) fn run(arguments: &Arguments, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let run = RunFolder::open(&arguments.run)?;
    let statement = hydrometer_audit::statement(&run, &Policy::default())?;
    let curves = statement.geometry.as_ref().map_or(&[][..], |geometry| &geometry.axes);
    let holds =
        |curve: &AxisCurve, drawn: Drawn| run.probes().iter().any(|probe| curve.holds(probe) && drawn.is_rung(probe));
    let kinds = if arguments.episodes { vec![Drawn::Episodes] } else { vec![Drawn::Prompts, Drawn::Episodes] };
    let known: Vec<(&AxisCurve, Drawn)> = kinds
        .iter()
        .flat_map(|&drawn| curves.iter().filter(move |curve| holds(curve, drawn)).map(move |curve| (curve, drawn)))
        .collect();
    let Some(&(curve, drawn)) = known.iter().find(|(curve, _)| curve.axis == arguments.axis) else {
        let axes: BTreeSet<&str> = known.iter().map(|(curve, _)| curve.axis.as_str()).collect();
        let found = if axes.is_empty() { "none".to_owned() } else { axes.into_iter().collect::<Vec<_>>().join(", ") };
        let of = if arguments.episodes { " of episodes" } else { "" };
        let message = format!("the run asked no built-in ladders{of} on {}, only on: {found}", arguments.axis);
        return Err(Failure::input(message).hint("audit with --profile, or with `probes generate` and --probes"));
    };
    let wanted = knob_values(curve, arguments.ring)?;
    let asked: BTreeSet<String> = run.probes().iter().map(words).collect();
    let found = fresh(arguments, (&curve.knob, drawn), &wanted, &asked);
    let lines: String = found.iter().map(|solved| format!("{}\n", training(solved))).collect();
    files::deliver(&lines, arguments.out.as_deref(), terminal)?;
    let ranges: Vec<String> = wanted.iter().map(|(low, high)| format!("above {low} up to {high}")).collect();
    terminal.say(&format!(
        "{} of {} with {} {}; none of them was asked in the audit",
        counted(found.len() as u64, drawn.name()),
        curve.axis,
        curve.knob,
        ranges.join(" or ")
    ));
    Ok(Exit::Done)
}

/// Values of the knob in the rings that are wanted: above the first, up to the second.
fn knob_values(curve: &AxisCurve, ring: Option<u32>) -> Result<Vec<(f64, f64)>, Failure> {
    let unit = curve.trained_to.unwrap_or(1.0);
    // The first ring holds its inner edge, too; edges are quotients, so that a hair more is let in.
    let range = |place: usize| {
        let ring = &curve.rings[place];
        (if place == 0 { -1.0 } else { ring.inner * unit * (1.0 + 1e-9) }, ring.outer * unit * (1.0 + 1e-9))
    };
    match ring {
        Some(ring) if ring as usize <= curve.rings.len() => Ok(vec![range(ring as usize - 1)]),
        Some(ring) => {
            let rings = curve.rings.len();
            Err(Failure::input(format!("--ring {ring}: {} has rings 1 to {rings}", curve.axis)))
        }
        None => {
            let open = |place: &usize| curve.rings[*place].verdict != Verdict::Pass;
            let found: Vec<_> = (0..curve.rings.len()).filter(open).map(range).collect();
            if found.is_empty() {
                let held = format!("every ring of {} is shown to hold: there is nothing to train", curve.axis);
                return Err(Failure::input(held).hint("name one with --ring to have its prompts all the same"));
            }
            Ok(found)
        }
    }
}

/// Fresh probes with such a knob, each once, none with the words of one that was asked.
fn fresh(
    arguments: &Arguments,
    (knob, kind): (&str, Drawn),
    wanted: &[(f64, f64)],
    asked: &BTreeSet<String>,
) -> Vec<Solved> {
    let count = arguments.count as usize;
    let mut drawn = STEP;
    loop {
        let mut seen = BTreeSet::new();
        let found: Vec<Solved> = kind
            .ladders(arguments.axis, drawn, arguments.seed)
            .into_iter()
            .filter(|solved| {
                solved.probe.knob.as_ref().is_some_and(|turned| {
                    turned.name == knob && wanted.iter().any(|(low, high)| turned.value > *low && turned.value <= *high)
                })
            })
            .filter(|solved| !asked.contains(&words(&solved.probe)) && seen.insert(words(&solved.probe)))
            .take(count)
            .collect();
        if found.len() == count || drawn >= MOST {
            return found;
        }
        drawn *= 2;
    }
}

/// What tells a prompt or an episode from others: in another world the same words are not fresh.
fn words(probe: &Probe) -> String {
    probe.ask.kind().texts().join("\n")
}

/// A prompt, or the conversation in which an episode is solved, as a line of a training set.
fn training(solved: &Solved) -> Value {
    let probe = &solved.probe;
    let knob = probe.knob.as_ref().map(|knob| json!({"name": knob.name, "value": knob.value}));
    let (messages, tools) = match (&probe.ask, solved.transcript()) {
        (Ask::Prompt(prompt), _) => (asked(prompt), None),
        (Ask::Episode(episode), Some(played)) => {
            (conversation::messages(episode, &played), Some(conversation::tools(episode)))
        }
        // Nothing else is drawn, and every solution that is drawn solves its episode.
        _ => return Value::Null,
    };
    let line = json!({"messages": messages, "axis": probe.axis, "knob": knob});
    match (line, tools) {
        (Value::Object(mut line), Some(tools)) => {
            line.insert("tools".to_owned(), Value::Array(tools));
            Value::Object(line)
        }
        (line, _) => line,
    }
}

fn asked(Prompt { prompt, system, turns, .. }: &Prompt) -> Vec<Value> {
    let message = |role: &str, content: &str| json!({"role": role, "content": content});
    let earlier = turns.iter().map(|turn| message(turn.role.name(), &turn.text));
    system.iter().map(|text| message("system", text)).chain(earlier).chain([message("user", prompt)]).collect()
}
