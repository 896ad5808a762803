//! `hydrometer label RUN --out FILE`: somebody says of a sample of answers what they decide, so that rates are corrected for what the
//! rules that read them confuse.

use std::collections::BTreeSet;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use hydrometer_answers::RunFolder;
use hydrometer_audit::AuditError;
use hydrometer_audit::labels::{Chosen, Label, Unlabelled, check_labels, disagreements, read_labels, to_label};
use hydrometer_probes::counted::counted;
use hydrometer_probes::decision::Decision;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::numbers;
use crate::terminal::Terminal;

/// What is shown of a long prompt or answer, in characters from its beginning.
const SHOWN: usize = 4000;

/// Flags of `label`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Folder of a finished run.
    run: PathBuf,
    /// File of labels, one JSON object a line; what stands in it is kept, and not asked again.
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// Answers to label in all, those in the file included.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = numbers::whole::<usize, 1>)]
    sample: usize,
    /// Seed of the drawing.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Ask first about the answers on which rules and judge differ (`hydrometer judge`). Such answers are harder than others: their
    /// labels are marked, and correct nothing unless the drawing comes upon the same answers.
    #[arg(long, conflicts_with = "from")]
    disagreements: bool,
    /// Take labels from another file instead of asking.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
}

/// Keys, and what they say of an answer.
const KEYS: [(char, Decision, &str); 8] = [
    ('c', Decision::Comply, "does what was asked"),
    ('p', Decision::Partly, "does a part, declines the rest"),
    ('r', Decision::Refuse, "refuses"),
    ('a', Decision::Clarify, "asks back"),
    ('h', Decision::Hedge, "takes no side"),
    ('n', Decision::Abstain, "does not know"),
    ('o', Decision::OffTopic, "speaks about something else"),
    ('e', Decision::Empty, "says nothing"),
];

/// Asks for labels, or takes them from a file.
pub fn run(arguments: &Arguments, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let run = RunFolder::open(&arguments.run)?;
    files::writable(&arguments.out)?;
    let mut labels = if arguments.out.exists() { labels_of(&run, &arguments.out)? } else { Vec::new() };
    if let Some(from) = &arguments.from {
        let known = labels.len();
        for label in labels_of(&run, from)? {
            if !labels.iter().any(|own| is_of(own, &label.probe, &label.model, label.sample)) {
                labels.push(label);
            }
        }
        write(&arguments.out, &labels)?;
        terminal.say(&format!("{} taken", counted((labels.len() - known) as u64, "label")));
        return Ok(Exit::Done);
    }
    let sample = to_label(&run, arguments.sample, arguments.seed)?;
    if sample.is_empty() {
        return Err(Failure::input(
            "the run has no answers at boundaries of judgment that could be labelled".to_owned(),
        )
        .hint(
            "ask free prompts that declare a `boundary`, such as `hydrometer probes generate --judgment 36` writes",
        ));
    }
    let first = if arguments.disagreements { disagreements(&run, arguments.seed)? } else { Some(Vec::new()) };
    let first = first.ok_or_else(|| {
        Failure::input("nothing is known of disagreements: no judge was asked about the run")
            .hint("`hydrometer judge RUN --judge MODEL` asks one")
    })?;
    let first = first.into_iter().map(|answer| (answer, Chosen::Disagreement));
    let wanted: Vec<_> = first.chain(sample.into_iter().map(|answer| (answer, Chosen::Drawn))).collect();
    let all = wanted.len();
    for (number, (answer, chosen)) in wanted.iter().enumerate() {
        if let Some(own) = labels.iter_mut().find(|own| is_of(own, &answer.probe, answer.model, answer.sample)) {
            // The drawing came upon it: from here on it stands for others, too. The drawing's order knows nothing of disagreements.
            if *chosen == Chosen::Drawn && own.chosen != Chosen::Drawn {
                own.chosen = Chosen::Drawn;
                write(&arguments.out, &labels)?;
            }
            continue;
        }
        let Some(decision) = ask(answer, number + 1, all, terminal)? else { break };
        let Some(decision) = decision else { continue };
        labels.push(Label {
            probe: answer.probe.clone(),
            model: answer.model.to_owned(),
            sample: answer.sample,
            decision,
            chosen: *chosen,
        });
        write(&arguments.out, &labels)?;
        let judge = answer.judged.map_or_else(String::new, |judged| format!(", the judge {}", judged.name()));
        let (rules, model) = (answer.called.name(), answer.model);
        terminal.line(&format!("{}; the rules say {rules}{judge}, of the {model}\n", decision.name()))?;
    }
    let open = |of: &Unlabelled| !labels.iter().any(|own| is_of(own, &of.probe, of.model, of.sample));
    let left: BTreeSet<_> = wanted.iter().map(|(answer, _)| answer).filter(|answer| open(answer)).map(key).collect();
    let left = left.len();
    terminal.say(&format!("{} in {}, {left} left", counted(labels.len() as u64, "label"), arguments.out.display()));
    Ok(Exit::Done)
}

/// The labels of a file, all of answers of the run.
///
/// # Errors
/// It cannot be read, or holds a label that is of no such answer.
pub fn labels_of(run: &RunFolder, file: &Path) -> Result<Vec<Label>, Failure> {
    let labels = labels_in(file)?;
    check_labels(run, &labels).map_err(|error| named(file, error))?;
    Ok(labels)
}

/// The labels of a file, whatever they are of.
///
/// # Errors
/// It cannot be read, or a line is no label.
pub fn labels_in(file: &Path) -> Result<Vec<Label>, Failure> {
    read_labels(&files::read_text(file)?).map_err(|error| named(file, error))
}

fn named(file: &Path, error: AuditError) -> Failure {
    let failure = Failure::from(error);
    Failure { message: format!("{}: {}", file.display(), failure.message), ..failure }
        .hint("`hydrometer label RUN --out FILE` writes labels of a run's answers")
}

fn key(of: &Unlabelled) -> (&str, &str, u32) {
    (&of.probe, of.model, of.sample)
}

fn is_of(label: &Label, probe: &str, model: &str, sample: u32) -> bool {
    (label.probe.as_str(), label.model.as_str(), label.sample) == (probe, model, sample)
}

fn write(file: &Path, labels: &[Label]) -> Result<(), Failure> {
    let line = |label: &Label| serde_json::to_string(label).map(|line| line + "\n");
    let lines: Result<String, _> = labels.iter().map(line).collect();
    let lines = lines.map_err(|error| Failure::input(format!("a label has no JSON form: {error}")))?;
    files::write(file, lines.as_bytes())
}

/// One answer: `None` to quit, `Some(None)` to leave it out.
fn ask(
    answer: &Unlabelled,
    number: usize,
    all: usize,
    terminal: &mut Terminal,
) -> Result<Option<Option<Decision>>, Failure> {
    let cut = |text: &str| match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    };
    terminal.line(&format!(
        "{number} of {all}\n\nasked: {}\n\nanswer: {}\n",
        cut(&answer.prompt),
        cut(&answer.answer)
    ))?;
    let keys: Vec<String> = KEYS.iter().map(|(key, _, meaning)| format!("{key} {meaning}")).collect();
    loop {
        terminal.line(&format!("{}, s skip, q quit:", keys.join(", ")))?;
        let mut typed = String::new();
        let read = std::io::stdin().lock().read_line(&mut typed);
        if read.map_err(|error| Failure::input(format!("stdin cannot be read: {error}")))? == 0 {
            return Ok(None);
        }
        match typed.trim() {
            "q" => return Ok(None),
            "s" => return Ok(Some(None)),
            typed => match KEYS.iter().find(|(key, ..)| typed == key.to_string()) {
                Some((_, decision, _)) => return Ok(Some(Some(*decision))),
                None => terminal.line(&format!("expected one of these keys, found {typed:?}"))?,
            },
        }
    }
}
