//! Why no question was answered by both models: what the files say of their questions.

use std::collections::HashSet;

use hydrometer_probes::quote;

use super::super::LoggedError;
use super::super::judge::Wanted;
use super::super::record::{Answer, Content, Record};
use super::{Group, Report};

/// The error, with the reason as far as it is known.
pub(super) fn in_common(wanted: &Wanted, report: &Report, sides: [&[Group<'_>]; 2]) -> LoggedError {
    let reason = if report.unmeasured > 0 {
        "log-likelihoods that are all 0, or infinite, measured nothing".to_owned()
    } else if report.unjudged > 0 {
        "the log judges not every run of any task: each needs a reward of 0 or 1, or --threshold VALUE".to_owned()
    } else if report.other_documents > 0 {
        "the same identifiers name other questions, so the files are of different versions of a data set".to_owned()
    } else if report.no_choices > 0 {
        "choices need two to eight options that differ, the same for both, with log-likelihoods of which one is finite"
            .to_owned()
    } else {
        not_joined(wanted, sides)
    };
    let (teacher, student) = (wanted.teacher.clone(), wanted.student.clone());
    LoggedError::NothingInCommon { teacher, student, reason: format!(": {reason}") }
}

fn not_joined(wanted: &Wanted, sides: [&[Group<'_>]; 2]) -> String {
    let [ours, theirs] = sides.map(<[_]>::len);
    let mut reason =
        format!("{ours} questions of the one and {theirs} of the other share neither words nor identifiers");
    for (model, groups) in [&wanted.teacher, &wanted.student].into_iter().zip(sides) {
        let silent = |record: &&Record| matches!(&record.answer, Answer::Text(answer) if answer.text.is_none());
        let without = groups.iter().filter(|group| group.records.iter().all(silent)).count();
        if without > 0 {
            reason += &format!(
                "; {without} of those of {} have no answer (such as chats that end with a message of the user)",
                quote(model)
            );
        }
        if groups.iter().all(|group| group.first().content == Content::Unknown) {
            reason +=
                &format!("; those of {} do not say what was asked (--prompt names the column that does)", quote(model));
        }
    }
    if let Some(said) = spelled_otherwise(sides, &[]) {
        reason += &format!("; {said}");
    }
    reason
}

/// Identifiers of questions that were not joined and differ in nothing but how a number is written, in case or in space; as a sentence.
pub(super) fn spelled_otherwise(sides: [&[Group<'_>]; 2], joined: &[(&Group<'_>, &Group<'_>)]) -> Option<String> {
    let plain = |id: &str| {
        let id = id.trim().to_lowercase();
        id.parse::<f64>().map_or(id, |number| number.to_string())
    };
    let joined: HashSet<*const Group<'_>> =
        joined.iter().flat_map(|(ours, theirs)| [*ours, *theirs]).map(std::ptr::from_ref).collect();
    let [ours, theirs] = sides.map(|groups| {
        let alone = groups.iter().filter(|group| !joined.contains(&std::ptr::from_ref(*group)));
        alone.filter_map(|group| group.first().id.as_deref()).map(|id| (plain(id), id)).collect::<Vec<_>>()
    });
    let known: HashSet<&str> = theirs.iter().map(|(plain, _)| plain.as_str()).collect();
    let (shared, ours) = ours.iter().find(|(plain, _)| known.contains(plain.as_str()))?;
    let (_, theirs) = theirs.iter().find(|(plain, _)| plain == shared)?;
    (ours != theirs).then(|| {
        format!(
            "the identifiers {} and {} look like two spellings of one: write them alike",
            quote(ours),
            quote(theirs)
        )
    })
}
