//! Judgment at boundaries: where both models turn, what turns them, and what they do about requests.

mod judge;
mod ladder;
mod slices;

use hydrometer_audit::Statement;
use hydrometer_audit::statement::{
    DecisionCase, DecisionForm, Judgment, LabelSource, LadderRow, Metric, PairCase, PairOutcome, PairSide, RefusalCells,
};
use hydrometer_metrics::measure::judgment::{BOUNDARY_SHIFT, NEWLY_OVER_REFUSING, NEWLY_UNSAFE};
use hydrometer_metrics::measure::{self, Group};

use super::numbers::numbers;
use super::source::Source;
use crate::document::{
    Block, Cell, Column, EVERYWHERE, Fold, PAGE, Record, Row, Section, State, Style, Table, Text, Use,
};
use crate::show;

/// Ladders that are drawn.
const DRAWN: usize = 12;

pub(super) fn section(source: &Source<'_>) -> Section {
    let statement = source.statement;
    let section = Section::new("judgment", "Judgment at boundaries");
    let Some(judgment) = &statement.judgment else { return section };
    let asked = show::counted(judgment.families, "family");
    section
        .folded(format!("{asked} at boundaries of judgment"), State::Closed)
        .with(Block::lead(
            "Decisions where they are close, where one word turns them, and where a request lacks something or should be \
             refused. A student can sound like its teacher and decide otherwise.",
        ))
        .with_all(numbers(statement, "Judgment", measure::group(Group::Judgment), EVERYWHERE))
        .with_all(corrected(statement, judgment))
        .with_all(beyond_chance(statement))
        .with_all(judgment.judge.iter().flat_map(|judge| judge::blocks(statement, judge)))
        .with_all(slices::told(&judgment.slices))
        .with_all(slices::table(&judgment.slices).map(|block| block.on(PAGE)))
        .with_all((!judgment.refusals.is_empty()).then(|| Block::table(refusals(&judgment.refusals))))
        .with_all(ladders(&judgment.ladders).into_iter().map(|block| block.on(PAGE)))
        .with_all(pairs(&judgment.pairs).into_iter().map(|block| block.on(PAGE)))
        .with_all(decisions(&judgment.decisions).into_iter().map(|block| block.on(PAGE)))
        .with_all(unread(judgment))
        .with_records(statement.metrics.iter().filter_map(corrected_record))
        .with_records(statement.metrics.iter().filter_map(beyond_chance_record))
        .with_records(judgment.judge.iter().flat_map(judge::records))
        .with_records(judgment.slices.iter().map(slices::record))
        .with_records(judgment.ladders.iter().map(ladder_record))
        .with_records(judgment.refusals.iter().flat_map(refusal_records))
}

/// Numbers on free decisions as they are read, beside what is left of them once they are corrected.
fn corrected(statement: &Statement, judgment: &Judgment) -> Option<Block> {
    let reading = judgment.reading.as_ref()?;
    let row = |metric: &Metric| {
        let corrected = metric.corrected.as_ref()?;
        let [value, interval, ..] = match &corrected.estimate {
            Some(found) => Cell::of_estimate(&metric.id, found),
            None => [const { Cell::Number(None) }; 4],
        };
        let told = match (&corrected.estimate, corrected.upper_bound) {
            (None, _) => "as read",
            (Some(_), true) => "upper bound",
            (Some(_), false) => "corrected",
        };
        let row = Row::new([
            Cell::Text(show::metric(&metric.id).into()),
            Cell::Number(metric.estimate.as_ref().map(|raw| raw.value)),
            value,
            interval,
            Cell::Text(told.into()),
        ]);
        Some(match &corrected.missing {
            Some(missing) => row.note(missing.clone().into(), EVERYWHERE),
            None => row,
        })
    };
    let rows: Vec<Row> = statement.metrics.iter().filter_map(row).collect();
    let known = |share: Option<f64>| share.map_or_else(|| "an unknown share".to_owned(), show::share);
    let source = match reading.source {
        LabelSource::Xstest => "people's labels of other models' answers (XSTest)",
        LabelSource::OwnAnswers => "people's labels of these answers",
    };
    (!rows.is_empty()).then(|| {
        Block::table(Table {
            title: Some("Corrected"),
            caption: format!(
                "Free decisions, corrected for the errors of the rules that read them: by {} of {source}, {} of refusals are read as \
                 such, and {} of other answers as others. Where the correction dominates only the upper end should be told. Gates \
                 judge the corrected number.",
                show::count(reading.answers),
                known(reading.sensitivity),
                known(reading.specificity)
            )
            .into(),
            label: "Corrected, table".into(),
            style: "numbers stack",
            columns: vec![
                Column::new(Use::Name, "Metric"),
                Column::new(Use::Number, "As read"),
                Column::new(Use::Value, "Corrected"),
                Column::new(Use::Range, "Interval"),
                Column::new(Use::Words, "To be told"),
            ],
            rows,
        })
    })
}

fn corrected_record(metric: &Metric) -> Option<Record> {
    let corrected = metric.corrected.as_ref()?;
    Some(Record {
        estimate: corrected.estimate.clone(),
        note: match (&corrected.missing, corrected.upper_bound) {
            (Some(missing), _) => missing.clone(),
            (None, true) => "upper bound".to_owned(),
            (None, false) => String::new(),
        },
        ..Record::new("corrected", &metric.id)
    })
}

/// What is left of shares of events when what the teacher's own draws make of them is taken off.
fn beyond_chance(statement: &Statement) -> Option<Block> {
    let row = |metric: &Metric| {
        let excess = metric.excess.as_ref()?;
        let [value, interval, ..] = Cell::of_estimate(&metric.id, &excess.estimate);
        let row = Row::new([
            Cell::Text(show::metric(&metric.id).into()),
            Cell::Number(Some(excess.estimate.value + excess.chance)),
            Cell::Number(Some(excess.chance)),
            value,
            interval,
        ]);
        Some(match excess.most_chance {
            Some(most) => {
                let once = "Where the teacher answered once, by chance, nobody knows what it would do again: by chance it may be up to";
                row.note(format!("{once} {}.", show::number(most)).into(), EVERYWHERE)
            }
            None => row,
        })
    };
    let rows: Vec<Row> = statement.metrics.iter().filter_map(row).collect();
    (!rows.is_empty()).then(|| {
        Block::table(Table {
            title: Some("Beyond chance"),
            caption: "Teachers that answer by draws give way now and then. What two answers of the teacher make of it is taken off what \
                      teacher and student do, request by request; gates judge what is left."
                .into(),
            label: "Beyond chance, table".into(),
            style: "numbers stack",
            columns: vec![
                Column::new(Use::Name, "Metric"),
                Column::new(Use::Number, "Teacher and student"),
                Column::new(Use::Number, "By chance"),
                Column::new(Use::Value, "Beyond it"),
                Column::new(Use::Range, "Interval"),
            ],
            rows,
        })
    })
}

fn beyond_chance_record(metric: &Metric) -> Option<Record> {
    let excess = metric.excess.as_ref()?;
    Some(Record {
        estimate: Some(excess.estimate.clone()),
        note: format!("by chance {}", excess.chance),
        ..Record::new("beyond_chance", &metric.id)
    })
}

fn form(form: DecisionForm) -> &'static str {
    match form {
        DecisionForm::Forced => "among options",
        DecisionForm::Free => "freely",
    }
}

fn due(cells: &RefusalCells) -> &'static str {
    if cells.should_refuse { "to be refused" } else { "to be met" }
}

fn refusals(all: &[RefusalCells]) -> Table {
    let row = |cells: &RefusalCells| {
        let parts = [cells.both_refuse, cells.only_teacher_refuses, cells.only_student_refuses, cells.neither_refuses];
        let name = format!("Requests {}, asked {}", due(cells), form(cells.form));
        let parts = parts.map(|part| Cell::Number(Some(part)));
        Row::new([name.into()].into_iter().chain(parts).chain([Cell::Count(cells.requests)]))
    };
    Table {
        title: Some("Who refuses"),
        caption:
            "Who refuses, in numbers of requests; a request counts in parts where a model's answers to it differ. Free \
                  answers are read by rules that err in about one of ten, and these counts are not corrected for it."
                .into(),
        label: "Who refuses, table".into(),
        style: "numbers stack",
        columns: vec![
            Column::new(Use::Name, "Requests"),
            Column::new(Use::Number, "Both"),
            Column::new(Use::Number, "Only the teacher"),
            Column::new(Use::Number, "Only the student"),
            Column::new(Use::Number, "Neither"),
            Column::new(Use::Number, "Requests, all").label("All"),
        ],
        rows: all.iter().map(row).collect(),
    }
}

fn ladders(all: &[LadderRow]) -> Vec<Block> {
    if all.is_empty() {
        return Vec::new();
    }
    let row = |row: &LadderRow| {
        let lean = row
            .lean
            .as_ref()
            .map_or_else(Text::default, |lean| Text::of(Style::Quiet, " · ").and(Style::Foreign, lean));
        let toward = Text::foreign(&row.toward);
        let toward = lean.0.into_iter().fold(toward, |text, span| text.and(span.style, span.text));
        Row::new([
            Cell::Text(Text::foreign(&row.prompt)),
            Cell::Text(toward),
            Cell::Drawn(ladder::picture(row)),
            Cell::Number(Some(row.teacher_boundary)),
            Cell::Number(Some(row.student_boundary)),
            Cell::Count(row.rungs.len() as u64),
        ])
    };
    let table = Table {
        title: Some("Ladders"),
        caption: format!(
            "Ladders whose boundary moved most, {} of {}. The request is that of the lowest rung; the picture has the rungs \
             across and upwards the probability of what the ladder leads toward, with a line where each model turns.",
            all.len().min(DRAWN),
            all.len()
        )
        .into(),
        label: "Ladders, table".into(),
        style: "numbers stack",
        columns: vec![
            Column::new(Use::Name, "Request"),
            Column::new(Use::Words, "Toward"),
            Column::new(Use::Plot, "Where they turn"),
            Column::new(Use::Teacher, "Teacher turns after"),
            Column::new(Use::Student, "Student turns after"),
            Column::new(Use::Number, "Rungs"),
        ],
        rows: all.iter().take(DRAWN).map(row).collect(),
    };
    vec![Block::heading("Ladders"), Block::table(table)]
}

/// A text with the words that set it apart in bold; they stand in it in any order, and each once.
fn marked(text: &str, changed: &[String]) -> Text {
    let mut marks: Vec<(usize, usize)> = changed
        .iter()
        .filter(|words| !words.is_empty())
        .filter_map(|words| text.find(words.as_str()).map(|at| (at, at + words.len())))
        .collect();
    marks.sort_unstable();
    let (mut marked, mut done) = (Text::default(), 0);
    for (from, to) in marks {
        if from < done {
            continue;
        }
        marked = marked.and(Style::Foreign, &text[done..from]).and(Style::Strong, &text[from..to]);
        done = to;
    }
    marked.and(Style::Foreign, &text[done..])
}

fn pairs(all: &[PairCase]) -> Vec<Block> {
    if all.is_empty() {
        return Vec::new();
    }
    let side = |side: &PairSide| {
        [
            Cell::Text(marked(&side.prompt, &side.changed)),
            Cell::Text(Text::foreign(&side.teacher)),
            Cell::Text(Text::foreign(&side.student)),
        ]
    };
    let rows = |case: &PairCase| {
        let became = match case.outcome {
            PairOutcome::Missed => "the student does not turn",
            PairOutcome::Strayed => "the student turns at mere words",
        };
        let note = Text::of(Style::Quiet, format!("{became} · ")).and(Style::Foreign, &case.family);
        [Row::new(side(&case.first)), Row::new(side(&case.second)).note(note, EVERYWHERE)]
    };
    let table = Table {
        title: Some("Pairs"),
        caption:
            "Pairs on which the student's decision does not follow its teacher's; the words that differ are set bold."
                .into(),
        label: "Pairs, table".into(),
        style: "pieces stack",
        columns: vec![
            Column::new(Use::Name, "Request"),
            Column::new(Use::Teacher, "Teacher"),
            Column::new(Use::Student, "Student"),
        ],
        rows: all.iter().flat_map(rows).collect(),
    };
    vec![Block::heading("Pairs that came apart"), Block::table(table)]
}

fn decisions(all: &[DecisionCase]) -> Vec<Block> {
    if all.is_empty() {
        return Vec::new();
    }
    let heading = Text::from("Decisions ")
        .and(Style::Quiet, "Those that cost the student more than its teacher, the dearest first.");
    std::iter::once(Block::heading(heading)).chain(all.iter().map(decision)).collect()
}

fn decision(case: &DecisionCase) -> Block {
    // An option says all that was said.
    let said = |did: &str, said: &str| {
        let done = Text::of(Style::Strong, did);
        Cell::Text(if did == said { done } else { done.words(" ").and(Style::Foreign, said) })
    };
    let table = Table {
        title: None,
        caption: "What both said".into(),
        label: format!("Answers to {}", case.probe),
        style: "pieces stack",
        columns: vec![
            Column::new(Use::Name, "Request"),
            Column::new(Use::Teacher, "Teacher"),
            Column::new(Use::Student, "Student"),
        ],
        rows: vec![Row::new([
            Cell::Text(marked(&case.prompt, &case.changed)),
            said(&case.teacher, &case.teacher_said),
            said(&case.student, &case.student_said),
        ])],
    };
    let right = Text::of(Style::Quiet, "right: ").and(Style::Foreign, &case.expected);
    let about =
        right.and(Style::Quiet, format!(" · asked {} · costs {} more · ", form(case.form), show::number(case.regret)));
    Block::fold(Fold {
        title: Text::foreign(&case.probe),
        about: about.and(Style::Foreign, &case.family),
        state: State::Closed,
        style: "document",
        blocks: vec![Block::table(table)],
    })
}

fn unread(judgment: &Judgment) -> Option<Block> {
    let of = |unread: &hydrometer_audit::statement::UnreadAnswers| {
        Text::from(format!("{} of the ", show::counted(unread.answers, "answer")))
            .and(Style::Foreign, &unread.model)
            .words(" could not be read and count nowhere here: ")
            .and(Style::Foreign, &unread.reason)
    };
    (!judgment.unread.is_empty()).then(|| Block::list(judgment.unread.iter().map(of)))
}

fn ladder_record(row: &LadderRow) -> Record {
    Record {
        slice: row.family.clone(),
        value: Some(row.student_boundary - row.teacher_boundary),
        items: Some(row.rungs.len() as u64),
        note: format!(
            "rungs, toward {}; teacher turns after {}, student after {}",
            row.toward, row.teacher_boundary, row.student_boundary
        ),
        ..Record::new("ladder", BOUNDARY_SHIFT.id)
    }
}

fn refusal_records(cells: &RefusalCells) -> Vec<Record> {
    let metric = if cells.should_refuse { NEWLY_UNSAFE.id } else { NEWLY_OVER_REFUSING.id };
    let parts = [
        ("both refuse", cells.both_refuse),
        ("only the teacher refuses", cells.only_teacher_refuses),
        ("only the student refuses", cells.only_student_refuses),
        ("neither refuses", cells.neither_refuses),
    ];
    let record = |(name, value): (&str, f64)| Record {
        slice: format!("{}, {}: {name}", due(cells), form(cells.form)),
        value: Some(value),
        items: Some(cells.requests),
        ..Record::new("refusals", metric)
    };
    parts.map(record).to_vec()
}
