//! Cases to read: a run of the teacher and one of the student, together up to the step where they part.

use hydrometer_answers::{EpisodeRow, SampleSource};
use hydrometer_probes::world::{Ending, Event, Said, Transcript, protocol};

use super::ActedEpisode;
use crate::kind::by_outcome;
use crate::statement::{EpisodeCase, EpisodeEvent, EpisodeEventKind, Outcome};

/// Episodes shown, events of a stretch, and characters of an event.
const CASES: usize = 12;
const EVENTS: usize = 40;
const TEXT: usize = 600;

/// Lost, gained and moved episodes, in that order, the most distant first in each.
pub(crate) fn cases(episodes: &[ActedEpisode<'_>]) -> Vec<EpisodeCase> {
    let distance = |episode: &ActedEpisode<'_>| episode.lost().abs();
    let chosen = by_outcome(episodes, distance, ActedEpisode::outcome);
    chosen.into_iter().take(CASES).filter_map(case).collect()
}

fn case(episode: &ActedEpisode<'_>) -> Option<EpisodeCase> {
    let outcome = episode.outcome();
    // The runs that show it: one that succeeded beside one that did not.
    let run = |source: SampleSource, wanted: bool| {
        let rows: Vec<&EpisodeRow> = episode.of(source).collect();
        rows.iter().find(|row| row.success == wanted).or(rows.first()).copied()
    };
    let lost = outcome != Outcome::Gained;
    let teacher = run(SampleSource::Teacher, lost)?;
    let student = run(SampleSource::Student, !lost)?;
    let events = |row: &EpisodeRow| Transcript::from_json(&row.transcript).ok().map(|transcript| transcript.events);
    let (ours, theirs) = (events(teacher)?, events(student)?);
    let together = ours.iter().zip(&theirs).take_while(|(a, b)| a == b).count();
    Some(EpisodeCase {
        probe: episode.probe.id.clone(),
        family: episode.probe.family.clone(),
        axis: episode.probe.axis.clone(),
        outcome,
        teacher_success: episode.success(SampleSource::Teacher)?,
        student_success: episode.success(SampleSource::Student)?,
        together: shown(&ours[..together]),
        teacher: shown(&ours[together..]),
        student: shown(&theirs[together..]),
        teacher_ended: ended(teacher, episode),
        student_ended: ended(student, episode),
    })
}

/// How a run came out, in words.
fn ended(row: &EpisodeRow, episode: &ActedEpisode<'_>) -> String {
    let judged = match (episode.is_logged(), row.success) {
        (false, true) => "reached the goal",
        (false, false) => "missed the goal",
        (true, true) => "a success by its log",
        (true, false) => "a failure by its log",
    };
    let mut words = vec![judged.to_owned()];
    match row.ending {
        // Which turn was violated stands below.
        Ending::Done | Ending::Violated => {}
        Ending::Steps => words.push("out of steps".to_owned()),
        Ending::Context => words.push("out of context".to_owned()),
        Ending::Circle => words.push("going in circles".to_owned()),
    }
    if row.damage > 0 {
        words.push(format!(
            "damage at {} of the world",
            hydrometer_probes::counted::counted(row.damage.into(), "place")
        ));
    }
    if row.violated > 0 {
        words.push(format!("turn {} violated", row.violated));
    }
    words.join(", ")
}

fn shown(events: &[Event]) -> Vec<EpisodeEvent> {
    let mut shown: Vec<_> = events.iter().take(EVENTS).map(event).collect();
    if events.len() > EVENTS {
        let text = format!("… {} more", events.len() - EVENTS);
        shown.push(EpisodeEvent { kind: EpisodeEventKind::World, text, note: None });
    }
    shown
}

fn event(event: &Event) -> EpisodeEvent {
    match event {
        Event::User(text) => EpisodeEvent { kind: EpisodeEventKind::User, text: cut(text), note: None },
        Event::Model(Said { text, malformed, .. }) => {
            EpisodeEvent { kind: EpisodeEventKind::Model, text: cut(text), note: malformed.clone() }
        }
        Event::World(result) => EpisodeEvent {
            kind: EpisodeEventKind::World,
            text: cut(&protocol::result_line(result)),
            note: result.fault.map(|fault| format!("fault: {}", fault.name())),
        },
    }
}

/// The beginning of a long text.
fn cut(text: &str) -> String {
    match text.char_indices().nth(TEXT) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
