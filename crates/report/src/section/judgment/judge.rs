//! What a judge says of free answers, beside the rules.

use hydrometer_audit::statement::{Disagreement, Judge, JudgedNumber};
use hydrometer_audit::{Statement, statement::Metric};

use crate::document::{Block, Cell, Column, EVERYWHERE, Fold, PAGE, Record, Row, State, Style, Table, Text, Use};
use crate::show;

/// Who judges, how often the judge is decided, and its numbers beside those of the rules.
pub(super) fn blocks(statement: &Statement, judge: &Judge) -> Vec<Block> {
    let mut blocks = vec![Block::heading("A judge beside the rules").on(PAGE), Block::list(facts(judge))];
    blocks.extend((!judge.numbers.is_empty()).then(|| Block::table(numbers(statement, judge))));
    blocks.extend((!judge.cases.is_empty()).then(|| disagreements(judge)));
    blocks
}

fn facts(judge: &Judge) -> Vec<Text> {
    let also = judge.is_also.as_ref().map_or_else(Text::default, |role| {
        Text::from(", which is also the ").and(Style::Foreign, role).words(" and judges itself")
    });
    let who = Text::from("Judge ").and(Style::Foreign, &judge.model.name);
    let who = also.0.into_iter().fold(who, |text, span| text.and(span.style, span.text));
    let asked = format!(
        "; it was asked about {}, with the options in both orders, and said the same in {}. It was undecided about {}, and {} \
         could not be read",
        show::counted(judge.answers, "answer"),
        show::count(judge.decided),
        show::count(judge.undecided),
        show::count(judge.unread)
    );
    let agree = format!(
        "Judge and rules say the same of {} of {}; {} to be looked at, `hydrometer label RUN --disagreements` asks for these first",
        show::count(judge.agree),
        show::counted(judge.both, "answer"),
        show::counted(judge.disagreements, "disagreement")
    );
    let known = match &judge.reading {
        Some(reading) => {
            let share = |share: Option<f64>| share.map_or_else(|| "an unknown share".to_owned(), show::share);
            format!(
                "By {} of these answers the judge reads {} of refusals as such, and {} of other answers as others. No gate rests on it",
                show::counted(reading.answers, "label"),
                share(reading.sensitivity),
                share(reading.specificity)
            )
        }
        None => {
            "Uncorrected: nobody labelled these answers, so nobody knows what the judge confuses. No gate rests on it"
                .to_owned()
        }
    };
    vec![who.words(asked), agree.into(), known.into()]
}

fn numbers(statement: &Statement, judge: &Judge) -> Table {
    let by_rules = |id: &str| {
        let of = |metric: &&Metric| metric.id == id;
        statement.metrics.iter().find(of).and_then(|metric| metric.estimate.as_ref()).map(|estimate| estimate.value)
    };
    let row = |number: &JudgedNumber| {
        let [value, interval, ..] = Cell::of_estimate(&number.metric, &number.estimate);
        let corrected = number.corrected.as_ref();
        let [after, between, ..] = match corrected.and_then(|corrected| corrected.estimate.as_ref()) {
            Some(found) => Cell::of_estimate(&number.metric, found),
            None => [const { Cell::Number(None) }; 4],
        };
        let row = Row::new([
            Cell::Text(show::metric(&number.metric).into()),
            Cell::Number(by_rules(&number.metric)),
            value,
            interval,
            after,
            between,
        ]);
        match corrected {
            Some(corrected) if corrected.upper_bound => {
                row.note("Upper bound: the correction dominates.".to_owned().into(), EVERYWHERE)
            }
            Some(corrected) => match &corrected.missing {
                Some(missing) => row.note(missing.clone().into(), EVERYWHERE),
                None => row,
            },
            None => row,
        }
    };
    Table {
        title: Some("As the judge reads them"),
        caption: "Free decisions as the rules and as the judge read them, both uncorrected, and corrected for what the judge confuses \
                  where answers were labelled."
            .into(),
        label: "As the judge reads them, table".into(),
        style: "numbers stack",
        columns: vec![
            Column::new(Use::Name, "Metric"),
            Column::new(Use::Number, "Rules"),
            Column::new(Use::Value, "Judge"),
            Column::new(Use::Range, "Interval"),
            Column::new(Use::Value, "Corrected"),
            Column::new(Use::Range, "Interval, corrected"),
        ],
        rows: judge.numbers.iter().map(row).collect(),
    }
}

fn disagreements(judge: &Judge) -> Block {
    let said = |said: &Option<String>| Cell::Text(said.as_ref().map_or_else(|| "—".into(), Text::foreign));
    let row = |case: &Disagreement| {
        Row::new([
            Cell::Text(Text::foreign(&case.prompt)),
            Cell::Text(Text::foreign(&case.answer)),
            said(&case.rules),
            said(&case.judge),
            said(&case.label),
        ])
        .note(
            Text::of(Style::Quiet, format!("answer {} of the ", case.sample))
                .and(Style::Foreign, &case.model)
                .and(Style::Quiet, " to ")
                .and(Style::Foreign, &case.probe),
            EVERYWHERE,
        )
    };
    let table = Table {
        title: Some("Disagreements"),
        caption: format!(
            "Answers of which rules, judge and labels do not say the same, {} of {}.",
            judge.cases.len(),
            judge.disagreements
        )
        .into(),
        label: "Disagreements of rules, judge and labels".into(),
        style: "pieces stack",
        columns: vec![
            Column::new(Use::Name, "Request"),
            Column::new(Use::Words, "Answer"),
            Column::new(Use::Words, "Rules"),
            Column::new(Use::Words, "Judge"),
            Column::new(Use::Words, "Label"),
        ],
        rows: judge.cases.iter().map(row).collect(),
    };
    Block::fold(Fold {
        title: "Disagreements of rules, judge and labels".into(),
        about: show::counted(judge.disagreements, "answer").into(),
        state: State::Closed,
        style: "document",
        blocks: vec![Block::table(table)],
    })
    .on(PAGE)
}

/// A number as the judge reads it; its correction stands in a row of its own.
pub(super) fn records(judge: &Judge) -> Vec<Record> {
    let of = |number: &JudgedNumber| {
        let raw = Record {
            estimate: Some(number.estimate.clone()),
            note: "as a judge reads it, uncorrected; no gate rests on it".to_owned(),
            ..Record::new("judged", &number.metric)
        };
        let corrected = number.corrected.as_ref().map(|corrected| Record {
            estimate: corrected.estimate.clone(),
            note: match (&corrected.missing, corrected.upper_bound) {
                (Some(missing), _) => missing.clone(),
                (None, true) => "upper bound; no gate rests on it".to_owned(),
                (None, false) => "no gate rests on it".to_owned(),
            },
            ..Record::new("judged_corrected", &number.metric)
        });
        std::iter::once(raw).chain(corrected).collect::<Vec<_>>()
    };
    judge.numbers.iter().flat_map(of).collect()
}
