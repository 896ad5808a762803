//! Sampled answers: agreement against diversity, who is right, and what is described beside that.

mod picture;
mod right;

use hydrometer_answers::{FinishReason, MeaningSettings};
use hydrometer_audit::statement::{AnswersSummary, GapBase, OtherEnding, Secondary};
use hydrometer_metrics::measure::{self, Group};

use super::numbers::numbers;
use super::source::{Source, drawn};
use crate::document::{
    Block, Cell, Column, EVERYWHERE, PAGE, PAGE_AND_COMMENT, Record, Role, Row, SHORT, Section, State, Style, Table,
    Text, Use,
};
use crate::show;

pub(super) fn section(source: &Source<'_>) -> Section {
    let statement = source.statement;
    let section = Section::new("answers", "Sampled answers");
    let Some(answers) = &statement.answers else {
        return section.with(Block::absent("Not measured: the suite asks nothing that is answered freely.").on(PAGE));
    };
    // The page has them in pictures and in the table of every metric.
    let shown = measure::all().filter(|metric| matches!(metric.group, Group::Answers | Group::AnswerCells));
    let prompts = show::counted(answers.prompts, "prompt");
    let checked = format!("{} of them", show::count(answers.checked));
    let sampling = sampling(answers);
    let alarm = |way: &String| Block::said(Role::Alarm, Text::of(Style::Tag, "Degenerate").words(format!(" {way}")));
    section
        .folded(format!("Answers to {prompts}, {checked} checked"), State::Closed)
        .with_all(numbers(statement, "Answers", shown, SHORT))
        .with(Block::lead(format!("{prompts}, {checked} with a checker; {sampling}.")))
        .with_all(answers.degenerate.iter().map(alarm))
        .with(picture::block(statement).on(PAGE))
        .with(Block::paragraph(match_test(answers.match_p_value) + &cut(answers)))
        .with_all(other_endings(&answers.other_endings).map(Block::paragraph))
        .with_all(meaning(answers).map(Block::paragraph))
        .with_all(answers.gap_base.map(|base| Block::paragraph(gap_base(base))))
        .with_all(right::blocks(statement))
        .with_all(secondary(&answers.secondary))
        .with_records(answers.secondary.iter().flat_map(records))
}

/// Described, never gated.
fn secondary(measures: &[Secondary]) -> Vec<Block> {
    if measures.is_empty() {
        return Vec::new();
    }
    let row = |measure: &Secondary| {
        let name = Cell::from(show::metric(&measure.id));
        match (measure.student, &measure.missing) {
            (None, Some(missing)) => {
                let covered = std::iter::repeat_n(Cell::Covered, 3);
                Row::new([name, Cell::Missing(Some(missing.clone()))].into_iter().chain(covered)).on(PAGE_AND_COMMENT)
            }
            _ => {
                let [student, teacher, rerun] = [measure.student, measure.teacher, measure.rerun].map(Cell::Number);
                Row::new([name, student, teacher, rerun, Cell::Count(measure.answers)])
            }
        }
    };
    let on = if measures.iter().any(|measure| measure.student.is_some()) { EVERYWHERE } else { PAGE_AND_COMMENT };
    let table = Table {
        title: Some("Secondary measures"),
        caption: "Secondary measures of the answers".into(),
        label: "Secondary measures, table".into(),
        style: "numbers stack",
        columns: vec![
            Column::new(Use::Name, "Measure"),
            Column::new(Use::Value, "Student"),
            Column::new(Use::Number, "Teacher"),
            Column::new(Use::Number, "Teacher again"),
            Column::new(Use::Number, "Answers each").on(PAGE),
        ],
        rows: measures.iter().map(row).collect(),
    };
    let answers = measures.iter().map(|measure| measure.answers).max().unwrap_or(0);
    let note = format!(
        "Described, never gated: they depend on the number of answers, so all models enter with equally many (at most {} \
         each), and the student is to be read beside the teacher's second run. Where the teacher has no number of its \
         own, both are measured against it.",
        show::count(answers)
    );
    [Block::table(table), Block::paragraph(note)].map(|block| block.on(on)).into()
}

fn records(measure: &Secondary) -> impl Iterator<Item = Record> {
    let models = [("student", measure.student), ("teacher", measure.teacher), ("teacher again", measure.rerun)];
    let stands = |(model, value): (&str, Option<f64>)| Record {
        slice: model.to_owned(),
        value,
        items: Some(measure.answers),
        note: measure.missing.clone().unwrap_or_default(),
        ..Record::new("secondary", &measure.id)
    };
    models.into_iter().filter(|model| model.0 == "student" || model.1.is_some()).map(stands)
}

/// How many answers a cut took something away from, as a sentence behind another; empty where it takes nothing from any.
fn cut(answers: &AnswersSummary) -> String {
    let whole = match answers.beyond_first_word {
        0 => return String::new(),
        all if all == answers.prompts => String::new(),
        some => format!(", on the {} of which more than the first word counts", show::counted(some, "prompt")),
    };
    let [teacher, student] = [answers.teacher_cut, answers.student_cut].map(show::share);
    format!(" {teacher} of the teacher's answers and {student} of the student's reached the longest length{whole}.")
}

/// How many answers were drawn, and how.
fn sampling(answers: &AnswersSummary) -> String {
    let Some(settings) = &answers.settings else { return "answers given, drawn nobody said how".to_owned() };
    let reruns = match settings.reruns {
        0 => "none of the teacher again".into(),
        n => format!("{n} of the teacher again"),
    };
    let each = show::counted(settings.per_probe.into(), "answer");
    let own = match answers.own_length {
        0 => String::new(),
        own => format!("; on {} of the prompts at most as many as they say themselves", show::count(own)),
    };
    let paired = if settings.paired {
        "; the student draws with the random numbers of the teacher's second run, and differences are taken from that run"
    } else {
        ""
    };
    format!("{each} of each model per prompt and {reruns}; {}{own}{paired}", drawn(&settings.parameters))
}

/// What the test of one distribution of answers found, as a sentence.
fn match_test(p_value: Option<f64>) -> String {
    let test = |p| {
        let p = show::probability(p);
        format!("Permutation test that both models draw from one distribution of answers: p {p}.")
    };
    p_value.map_or_else(|| "Whether both models draw from one distribution of answers was not tested.".into(), test)
}

/// How answers ended that the model did not end, as a sentence; `None` where there are none.
fn other_endings(endings: &[OtherEnding]) -> Option<String> {
    let words = |finish| match finish {
        FinishReason::Stop => "ended by the model",
        FinishReason::Length => "at the longest length",
        FinishReason::Refusal => "refused",
        FinishReason::ContentFilter => "taken by a filter",
        FinishReason::ToolCalls => "a call of tools in the provider's own way",
        FinishReason::ContextExceeded => "none, because the prompt was too long for the model's context",
    };
    let of = |OtherEnding { finish, teacher, student }: &OtherEnding| {
        format!(
            "{}: {} of the teacher, {} of the student",
            words(*finish),
            show::count(*teacher),
            show::count(*student)
        )
    };
    let all: Vec<String> = endings.iter().map(of).collect();
    (!all.is_empty()).then(|| format!("Answers that ended otherwise: {}.", all.join("; ")))
}

/// When two free answers mean the same, as a sentence; `None` where no answer is free.
fn meaning(answers: &AnswersSummary) -> Option<String> {
    let rule = match &answers.meaning {
        Some(MeaningSettings { encoder, least_cosine }) => {
            format!("the cosine of their vectors by the sentence encoder {} is at least {least_cosine}", encoder.name)
        }
        None => "they are spelled alike (character 3-grams, Dice coefficient at least 0.8)".to_owned(),
    };
    let free = show::count(answers.free);
    (answers.free > 0)
        .then(|| format!("Whole texts are compared on {free} of the prompts: they mean the same when {rule}."))
}

/// What the closed gap is measured from, as a sentence.
fn gap_base(base: GapBase) -> &'static str {
    match base {
        GapBase::Model => "Gap closed starts from the student before distillation.",
        GapBase::AnotherPrompt => {
            "Gap closed starts from the teacher's answers to other prompts of the same axis: no student from before \
             distillation was named."
        }
    }
}
