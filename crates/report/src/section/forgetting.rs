//! What the student could do before distillation and cannot do any more, skill by skill.

use hydrometer_audit::Statement;
use hydrometer_audit::statement::{Forgetting, ForgottenSkill, SkillsAre};
use hydrometer_metrics::Estimate;
use hydrometer_metrics::measure::choices::CALIBRATION_SLOPE;
use hydrometer_metrics::measure::{self, Group};

use super::numbers::numbers;
use super::source::Source;
use crate::document::{Block, Cell, Column, Fact, PAGE, Record, Row, SHORT, Section, Table, Text, Use};
use crate::plot::{Scale, axis, extent, strip};
use crate::show;

pub(super) fn section(source: &Source<'_>) -> Section {
    let statement = source.statement;
    let section = Section::new("forgetting", "What it forgot");
    let Some(forgetting) = &statement.forgetting else {
        return section.on(PAGE).with(Block::absent(
            "Not measured: it needs the student before distillation, and answers that a checker can grade.",
        ));
    };
    section
        .with_all(numbers(statement, "What it forgot", measure::group(Group::Forgetting), SHORT))
        .with(Block::lead(which(forgetting)))
        .with(Block::table(skills(statement, forgetting)))
        .with(Block::facts(facts(statement, forgetting)).on(PAGE))
        .with_records(records(forgetting))
}

fn which(forgetting: &Forgetting) -> String {
    match forgetting.skills_are {
        SkillsAre::BeyondTraining => format!(
            "Success before distillation less success after it, beyond what the student was trained to (radius 1): {} within it \
             count for nothing here.",
            show::counted(forgetting.covered, "graded probe")
        ),
        SkillsAre::AllGraded => {
            "Success before distillation less success after it, on all that can be graded: nobody said what \
                                 the student was trained to, so skills that the distillation data cover count, too."
                .to_owned()
        }
    }
}

fn skills(statement: &Statement, forgetting: &Forgetting) -> Table {
    let level = show::level(statement);
    let scale = Scale::covering(forgetting.skills.iter().flat_map(|skill| extent(&skill.lost)).chain([0.0]));
    let row = |skill: &ForgottenSkill| {
        Row::new([
            Cell::Text(Text::foreign(&skill.skill)),
            Cell::Drawn(strip(&skill.skill, &skill.lost, scale, (None, None))),
            Cell::Number(Some(skill.lost.value)),
            Cell::Interval(skill.lost.interval),
            Cell::Number(Some(skill.base)),
            Cell::Number(Some(skill.student)),
            Cell::Families(skill.lost.n_families, None),
        ])
    };
    Table {
        title: None,
        caption: format!("Lost per skill with its {level} interval, most first; below 0 it learned").into(),
        label: "Skills, table".into(),
        style: "numbers stack",
        columns: vec![
            Column::new(Use::Name, "Skill"),
            Column::new(Use::Plot, "Lost, drawn").axis(axis(scale)),
            Column::new(Use::Value, "Lost"),
            Column::new(Use::Range, "Interval"),
            Column::new(Use::Number, "Before"),
            Column::new(Use::Number, "After"),
            Column::new(Use::Number, "Families").if_room(),
        ],
        rows: forgetting.skills.iter().map(row).collect(),
    }
}

fn facts(statement: &Statement, forgetting: &Forgetting) -> Vec<Fact> {
    let with_interval =
        |found: &Estimate| format!("{} {}", show::number(found.value), show::interval(found.interval.as_ref()));
    let recovered = match (&forgetting.recovered, &forgetting.not_recovered) {
        (Some(found), _) => with_interval(found),
        (None, reason) => format!("not measured: {}", reason.as_deref().unwrap_or("no reason was given")),
    };
    let slope = show::estimate(statement, CALIBRATION_SLOPE.id).map_or_else(
        || "not measured: the suite asks no choices".to_owned(),
        |slope| format!("{}; below 1 the student is overconfident (arXiv:2604.16830)", with_interval(slope)),
    );
    vec![
        Fact::new("Right before, wrong now", with_interval(&forgetting.negative_flips)),
        Fact::new("Wrong before, right now", with_interval(&forgetting.positive_flips)),
        Fact::new("Of the teacher's advantage recovered", recovered),
        Fact::new("Calibration slope against the teacher", slope),
    ]
}

fn records(forgetting: &Forgetting) -> Vec<Record> {
    let skill = |skill: &ForgottenSkill| Record {
        slice: skill.skill.clone(),
        estimate: Some(skill.lost.clone()),
        items: Some(skill.probes),
        ..Record::new("forgetting", "lost")
    };
    let whole = |name: &str, found: Option<&Estimate>, note: Option<&String>| Record {
        estimate: found.cloned(),
        note: note.cloned().unwrap_or_default(),
        ..Record::new("forgetting", name)
    };
    let mut all: Vec<Record> = forgetting.skills.iter().map(skill).collect();
    all.push(whole("negative_flips", Some(&forgetting.negative_flips), None));
    all.push(whole("positive_flips", Some(&forgetting.positive_flips), None));
    all.push(whole("recovered", forgetting.recovered.as_ref(), forgetting.not_recovered.as_ref()));
    all
}
