//! Episodes: who succeeds on which axis, how long what was agreed holds, and transcripts side by side with the step where the two
//! part.

mod survival;

use hydrometer_audit::statement::{
    EpisodeAxis, EpisodeCase, EpisodeEvent, EpisodeEventKind, EpisodeRuns, EpisodesSummary, Outcome, PassK,
};
use hydrometer_metrics::measure::episodes::{EPISODE_SUCCESS, PASS_K};
use hydrometer_metrics::measure::{self, Group};

use super::numbers::numbers;
use super::source::Source;
use crate::document::{
    Block, Cell, Column, EVERYWHERE, Fact, Fold, PAGE, Record, Row, Section, State, Style, Table, Text, Tone, Use,
};
use crate::show;
use crate::text::visible;

pub(super) fn section(source: &Source<'_>) -> Section {
    let statement = source.statement;
    let section = Section::new("episodes", "Episodes");
    let Some(episodes) = &statement.episodes else { return section };
    let asked = show::counted(episodes.episodes, "episode");
    section
        .folded(format!("{asked} {}", place(episodes)), State::Closed)
        .with_all(lead(episodes))
        .with(Block::table(axes(&episodes.axes)))
        .with_all(in_a_row(&episodes.axes))
        .with_all(numbers(statement, "Episodes", measure::group(Group::Episodes), EVERYWHERE))
        .with_all(
            episodes
                .survival
                .as_ref()
                .map(|curves| Block::figure(survival::picture(curves), survival::in_words(curves)).on(PAGE)),
        )
        .with(Block::facts([
            Fact::new("Teacher's runs", runs(&episodes.teacher)),
            Fact::new("Student's runs", runs(&episodes.student)),
        ]))
        .with_all(cases(&statement.episode_cases).into_iter().map(|block| block.on(PAGE)))
        .with_records(records(episodes))
        .with_records(episodes.survival.iter().flat_map(survival::records))
}

/// Where the models acted.
fn place(episodes: &EpisodesSummary) -> &'static str {
    match episodes.logged {
        0 => "in small worlds",
        logged if logged == episodes.episodes => "as they were logged",
        _ => "in small worlds and as they were logged",
    }
}

/// What an episode is judged by.
fn lead(episodes: &EpisodesSummary) -> Vec<Block> {
    let worlds = "The models act in small worlds by calling tools. What counts is the state of the world at the end: the goal \
                  reached, nothing else changed, no turn violated.";
    let logged = format!(
        "Of {} nothing but a log is here: no world judges them, and what succeeded is the log's word.",
        show::counted(episodes.logged, "episode")
    );
    let played = (episodes.logged < episodes.episodes).then(|| Block::lead(worlds));
    played.into_iter().chain((episodes.logged > 0).then(|| Block::lead(logged))).collect()
}

/// pass^k for every k, where an episode was run more than once.
fn in_a_row(axes: &[EpisodeAxis]) -> Option<Block> {
    let row = |axis: &EpisodeAxis, of: &PassK| {
        Row::new([
            Cell::Text(Text::foreign(&axis.axis)),
            Cell::Count(of.k.into()),
            Cell::Number(Some(of.student)),
            Cell::Number(Some(of.teacher)),
        ])
    };
    let repeated = axes.iter().filter(|axis| axis.pass.len() > 1);
    let rows: Vec<Row> = repeated.flat_map(|axis| axis.pass.iter().map(move |of| row(axis, of))).collect();
    (!rows.is_empty()).then(|| {
        Block::table(Table {
            title: Some("Runs in a row"),
            caption: "pass^k: the share of episodes in which k runs all succeed".into(),
            label: "Runs in a row, table".into(),
            style: "numbers stack",
            columns: vec![
                Column::new(Use::Name, "Axis"),
                Column::new(Use::Number, "k"),
                Column::new(Use::Value, "Student"),
                Column::new(Use::Number, "Teacher"),
            ],
            rows,
        })
    })
}

fn axes(axes: &[EpisodeAxis]) -> Table {
    let row = |axis: &EpisodeAxis| {
        Row::new([
            Cell::Text(Text::foreign(&axis.axis)),
            Cell::Number(Some(axis.student)),
            Cell::Number(Some(axis.teacher)),
            Cell::Number(axis.student_recovers),
            Cell::Number(axis.teacher_recovers),
            Cell::Count(axis.episodes),
        ])
    };
    Table {
        title: Some("Success"),
        caption: "Success by axis: shares of runs, averaged over episodes".into(),
        label: "Success by axis, table".into(),
        style: "numbers stack",
        columns: vec![
            Column::new(Use::Name, "Axis"),
            Column::new(Use::Value, "Student"),
            Column::new(Use::Number, "Teacher"),
            Column::new(Use::Number, "Recovers, student").on(PAGE),
            Column::new(Use::Number, "Recovers, teacher").on(PAGE),
            Column::new(Use::Number, "Episodes"),
        ],
        rows: axes.iter().map(row).collect(),
    }
}

/// What became of a model's runs, in words.
fn runs(runs: &EpisodeRuns) -> String {
    let out = [
        (runs.out_of_steps, "out of steps"),
        (runs.out_of_context, "out of context"),
        (runs.in_circles, "going in circles"),
        (runs.damaged, "with damage"),
    ];
    let calls = [(runs.malformed, "malformed answers"), (runs.invalid, "refused by their schema")];
    let said = |counts: &[(u64, &str)]| {
        let there = counts.iter().filter(|(count, _)| *count > 0);
        there.map(|(count, words)| format!(", {} {words}", show::count(*count))).collect::<String>()
    };
    let by_number = match runs.succeeded_by_number.as_slice() {
        [] | [_] => String::new(),
        several => {
            let counts: Vec<String> = several.iter().map(|count| show::count(*count).to_string()).collect();
            format!(" ({} by the number of the run)", counts.join(", "))
        }
    };
    let succeeded = format!("{} succeed{by_number}", show::count(runs.succeeded));
    let (all, made) = (show::counted(runs.runs, "run"), show::counted(runs.calls, "call"));
    format!("{all}, {succeeded}{}; {made}{}", said(&out), said(&calls))
}

fn cases(cases: &[EpisodeCase]) -> Vec<Block> {
    if cases.is_empty() {
        return Vec::new();
    }
    let states = std::iter::once(State::Open).chain(std::iter::repeat(State::Closed));
    let lead = "One run of each model, together up to the step where they part.";
    let heading = Block::heading(Text::from("Side by side ").and(Style::Quiet, lead));
    std::iter::once(heading).chain(cases.iter().zip(states).map(|(case, state)| one(case, state))).collect()
}

fn one(case: &EpisodeCase, state: State) -> Block {
    let became = match case.outcome {
        Outcome::Lost => "lost",
        Outcome::Gained => "gained",
        Outcome::Moved => "moved",
    };
    let about = format!(
        "{became} · teacher succeeds {}, student {} · ",
        show::share(case.teacher_success),
        show::share(case.student_success)
    );
    Block::fold(Fold {
        title: Text::foreign(&case.probe),
        about: Text::of(Style::Quiet, about).and(Style::Foreign, &case.axis),
        state,
        style: "document",
        blocks: vec![Block::table(transcript(case))],
    })
}

fn transcript(case: &EpisodeCase) -> Table {
    let mut rows = Vec::new();
    for event in &case.together {
        rows.push(Row::new([words(who(event.kind)), said(Some(event)), words("the same")]));
    }
    let parted = !case.teacher.is_empty() || !case.student.is_empty();
    if parted && !case.together.is_empty() {
        rows.push(Row::new([words("◆ here they part"), words(""), words("")]).tone(Tone::Marked));
    }
    for at in 0..case.teacher.len().max(case.student.len()) {
        let (teacher, student) = (case.teacher.get(at), case.student.get(at));
        let kind = |event: Option<&EpisodeEvent>| event.map(|event| who(event.kind));
        let name = match (kind(teacher), kind(student)) {
            (Some(a), Some(b)) if a != b => format!("{a} / {b}"),
            (a, b) => a.or(b).unwrap_or_default().to_owned(),
        };
        rows.push(Row::new([words(&name), said(teacher), said(student)]));
    }
    rows.push(
        Row::new([words("At the end"), words(&case.teacher_ended), words(&case.student_ended)]).tone(Tone::Quiet),
    );
    Table {
        title: None,
        caption: "What was said and done".into(),
        label: format!("Transcripts of {}", case.probe),
        style: "pieces stack",
        columns: vec![
            Column::new(Use::Name, "Who"),
            Column::new(Use::Teacher, "Teacher"),
            Column::new(Use::Student, "Student"),
        ],
        rows,
    }
}

fn words(text: &str) -> Cell {
    Cell::Text(Text::of(Style::Quiet, text))
}

fn who(kind: EpisodeEventKind) -> &'static str {
    match kind {
        EpisodeEventKind::User => "User",
        EpisodeEventKind::Model => "Model",
        EpisodeEventKind::World => "World",
    }
}

/// What was said; a dash where the other goes on alone.
fn said(event: Option<&EpisodeEvent>) -> Cell {
    let Some(event) = event else { return words("–") };
    let text = Text::foreign(visible(&event.text));
    Cell::Text(match &event.note {
        Some(note) => text.words(" ").and(Style::Stated, visible(note)),
        None => text,
    })
}

fn records(episodes: &EpisodesSummary) -> impl Iterator<Item = Record> {
    episodes.axes.iter().flat_map(|axis| {
        let models = [
            ("student", Some(axis.student)),
            ("teacher", Some(axis.teacher)),
            ("teacher again", axis.rerun),
            ("before distillation", axis.base),
        ];
        let record = |(model, value): (&str, Option<f64>)| Record {
            slice: format!("{} {model}", axis.axis),
            value,
            items: Some(axis.episodes),
            ..Record::new("episodes", EPISODE_SUCCESS.id)
        };
        let there = models.into_iter().filter(|(_, value)| value.is_some());
        let pass = axis.pass.iter().map(|of| Record {
            slice: format!("{} student, k = {}", axis.axis, of.k),
            value: Some(of.student),
            floor: Some(of.teacher),
            items: Some(axis.episodes),
            ..Record::new("episodes", PASS_K.id)
        });
        there.map(record).chain(pass).collect::<Vec<_>>()
    })
}
