//! What the student lacks of what the teacher answered: questions, and answers to others.

use std::collections::{BTreeMap, HashMap, HashSet};

use hydrometer_probes::counted::counted;

use super::super::judge::{Unanswered, Wanted};
use super::super::record::{Content, LoggedFile, Record};
use super::{ByTask, Group, Report};

/// Questions of the teacher's in no group: of tasks that the student's files do not have, or answered under another filter alone.
pub(super) fn not_grouped(teacher: &[Record], chosen: &ByTask) -> u64 {
    let taken = |record: &&Record| chosen.get(&record.task).is_some_and(|chosen| chosen.takes(record));
    let grouped: HashSet<(&str, String)> = teacher.iter().filter(taken).map(named).collect();
    teacher.iter().map(named).filter(|question| !grouped.contains(question)).collect::<HashSet<_>>().len() as u64
}

/// Task and name of a question.
fn named(record: &Record) -> (&str, String) {
    let name = match (&record.id, &record.content) {
        (Some(id), _) => id.clone(),
        (None, Content::Document(text) | Content::Asked(text)) => text.clone(),
        (None, Content::Unknown) => record.place.to_string(),
    };
    (&record.task, name)
}

/// Lines that cannot be read, in files that may hold answers of this model.
pub(super) fn bad_lines(files: &[LoggedFile], model: &str) -> u64 {
    let of_model = |file: &&LoggedFile| {
        let names = file.records.iter().flat_map(|record| &record.models).chain(&file.called);
        names.into_iter().any(|name| name == model)
    };
    files.iter().filter(of_model).map(|file| file.bad_lines).sum()
}

/// What the student lacks: questions, and runs of others in whole questions. Of what was never put to it nothing is, but what
/// stood in lines that cannot be read.
pub(super) fn count(report: &mut Report, wanted: &Wanted, [alone, short]: [u64; 2], unreadable: u64) {
    let [lacks, falls_short] = match wanted.unanswered {
        Unanswered::Lacking => [alone, short],
        Unanswered::NeverAsked => {
            let lacks = alone.min(unreadable);
            [lacks, short.min(unreadable - lacks)]
        }
    };
    (report.not_compared.teacher_alone, report.not_compared.short_of_student) = (lacks, falls_short);
    if alone > lacks {
        report.choices.push(format!(
            "the questions that both models answered; {} of the teacher were never put to the student (--common)",
            counted(alone - lacks, "question")
        ));
    }
    if wanted.unanswered == Unanswered::NeverAsked && lacks > 0 {
        report.choices.push(format!(
            "the student's files have {} that cannot be read, so {} of the teacher may have been put to it, and are lacking",
            counted(unreadable, "line"),
            counted(lacks, "question")
        ));
    }
}

/// How much the student answered some questions less often than others of their tasks, for one answer of the teacher's: in whole
/// questions, rounded up. Runs that go wrong are the ones that tend to be missing. Answers without a number are a question of the data set
/// that stands there several times, and each of the teacher's is expected, but where it stands there several
/// times for every question of a task, and for the student, too: these are draws, as many as somebody chose. One may be the best of several.
pub(super) fn short_of_student(joined: &[(&Group<'_>, &Group<'_>)]) -> u64 {
    let answers = |group: &Group<'_>| group.records.len() as f64;
    let numbered = |group: &Group<'_>| group.first().epoch.is_some();
    // By task: how many answers of the student a question has, and how many for one of the teacher's.
    let mut of_task: HashMap<&str, [Vec<f64>; 2]> = HashMap::new();
    let mut with_numbers: HashSet<&str> = HashSet::new();
    for (ours, theirs) in joined {
        let task = theirs.first().task.as_str();
        let [answered, rates] = of_task.entry(task).or_default();
        answered.push(answers(theirs));
        rates.push(answers(theirs) / answers(ours));
        with_numbers.extend(numbered(theirs).then_some(task));
    }
    // A number says that all were asked as often. Without one, a line that stands there twice must not make others lacking.
    let usual = |task: &str, mut counts: Vec<f64>| {
        counts.sort_by(|a, b| b.total_cmp(a));
        counts[if with_numbers.contains(task) { 0 } else { counts.len() / 10 }]
    };
    let usual: HashMap<&str, [f64; 2]> =
        of_task.into_iter().map(|(task, counts)| (task, counts.map(|counts| usual(task, counts)))).collect();
    let drawn = drawn(joined);
    let lacks = |(ours, theirs): &(&Group<'_>, &Group<'_>)| {
        let task = theirs.first().task.as_str();
        let [answered, rate] = usual[task];
        let at_least = if numbered(ours) || drawn.iter().any(|(of, _)| *of == task) {
            answers(theirs)
        } else {
            answers(ours).max(answers(theirs))
        };
        let expected = answered.min(rate * answers(ours)).max(at_least);
        1.0 - answers(theirs) / expected
    };
    joined.iter().map(lacks).sum::<f64>().ceil() as u64
}

/// Tasks of several questions that the teacher answered more than once each without a number, and the student fewer times, and more than once; and
/// how often each of them answered most questions.
fn drawn<'g>(joined: &[(&'g Group<'_>, &Group<'_>)]) -> Vec<(&'g str, [usize; 2])> {
    let mut of_task: BTreeMap<&str, [Vec<usize>; 2]> = BTreeMap::new();
    for (ours, theirs) in joined {
        let numbered = [ours, theirs].iter().any(|group| group.first().epoch.is_some());
        for (group, counts) in [ours, theirs].into_iter().zip(of_task.entry(&ours.first().task).or_default()) {
            counts.push(if numbered { 0 } else { group.records.len() });
        }
    }
    let often = |(task, counts): (&'g str, [Vec<usize>; 2])| {
        let always = counts[0].len() > 1 && counts[0].iter().all(|count| *count > 1);
        let [ours, theirs] = counts.map(|mut counts| {
            counts.sort_unstable_by(|a, b| b.cmp(a));
            counts[counts.len() / 10]
        });
        (always && ours > theirs && theirs > 1).then_some((task, [ours, theirs]))
    };
    of_task.into_iter().filter_map(often).collect()
}

/// What of these is of fewer draws of the student, as sentences.
pub(super) fn fewer_draws(joined: &[(&Group<'_>, &Group<'_>)]) -> Vec<String> {
    let said = |(task, [ours, theirs]): (&str, [usize; 2])| {
        let of = |count: usize| counted(count as u64, "time");
        format!("{task}: the teacher answered most questions {}, and the student {}", of(ours), of(theirs))
    };
    drawn(joined).into_iter().map(said).collect()
}
