//! Episodes as they were run: who succeeds, what a fault takes, how long what was agreed held.

pub(crate) mod cases;
mod findings;
pub(crate) mod summary;

use std::collections::{BTreeMap, BTreeSet};

use hydrometer_answers::{EpisodeRow, SampleSource};
use hydrometer_metrics::geometry::{Dialogue, Ended};
use hydrometer_metrics::measure::Sums;
use hydrometer_metrics::measure::episodes::{Acted, Episode, Fault};
use hydrometer_metrics::measure::tokens::Scorer;
use hydrometer_probes::kind;
use hydrometer_probes::{Ask, Probe};

use crate::statement::Outcome;

/// An episode with the runs of every model.
pub(crate) struct ActedEpisode<'a> {
    pub probe: &'a Probe,
    /// `None` for one that was carried out elsewhere.
    episode: Option<&'a kind::Episode>,
    fault: Fault,
    rows: &'a [EpisodeRow],
}

/// How often each model succeeds at an episode: shares of its runs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Successes<'a> {
    /// The episode.
    pub probe: &'a Probe,
    /// Of the teacher.
    pub teacher: f64,
    /// Of the student.
    pub student: f64,
    /// Of the teacher's second runs, or the second half of its logged ones; `None` without any.
    pub rerun: Option<f64>,
    /// Of the student before distillation; `None` where it was not asked.
    pub base: Option<f64>,
    /// Of a control student; `None` where none was asked.
    pub control: Option<f64>,
}

impl<'a> ActedEpisode<'a> {
    /// The runs of one source.
    pub(crate) fn of(&self, source: SampleSource) -> impl Iterator<Item = &'a EpisodeRow> {
        self.rows.iter().filter(move |row| row.source == source)
    }

    /// Whether it was carried out elsewhere, and its log says whether it succeeded.
    pub(crate) fn is_logged(&self) -> bool {
        self.episode.is_none()
    }

    fn acted(&self, source: SampleSource) -> Option<Acted> {
        acted(self.of(source))
    }

    /// The teacher twice, for what it scores against itself: its runs and its second runs. A log has no second runs; there
    /// the first half of its runs stands against the second.
    fn twice(&self) -> Option<[Acted; 2]> {
        let teacher = self.acted(SampleSource::Teacher)?;
        if !self.is_logged() {
            return Some([teacher, self.acted(SampleSource::Rerun)?]);
        }
        let rows: Vec<_> = self.of(SampleSource::Teacher).collect();
        let (first, second) = rows.split_at(rows.len() / 2);
        Some([acted(first.iter().copied())?, acted(second.iter().copied())?])
    }

    /// The share of a source's runs that succeed; `None` without runs.
    pub(crate) fn success(&self, source: SampleSource) -> Option<f64> {
        self.acted(source).map(|acted| acted.success())
    }

    /// Teacher less student.
    pub(crate) fn lost(&self) -> f64 {
        let success = |source| self.success(source).unwrap_or(0.0);
        success(SampleSource::Teacher) - success(SampleSource::Student)
    }

    /// A source's runs as dialogues up to their first violation; none where nothing is agreed that could be violated.
    pub(crate) fn dialogues(&self, source: SampleSource) -> impl Iterator<Item = Dialogue<'a>> {
        let agreed = self.episode.is_some_and(kind::Episode::has_constraints);
        let family = self.probe.family.as_str();
        self.of(source).filter(move |_| agreed).map(move |row| dialogue(row, family))
    }

    /// Lost or gained where that is at least every second run, else moved.
    pub(crate) fn outcome(&self) -> Outcome {
        match self.lost() {
            lost if lost >= 0.5 => Outcome::Lost,
            lost if lost <= -0.5 => Outcome::Gained,
            _ => Outcome::Moved,
        }
    }

    /// Adds it to what teacher and student do, and to what the teacher does against its own second run.
    /// `paired`: the student drew with the random numbers of the second run.
    pub(crate) fn add_to(&self, sums: &mut Sums, rerun: &mut Sums, paired: bool) {
        let family = self.probe.family.as_str();
        let with_student = self.acted(SampleSource::Teacher).zip(self.acted(SampleSource::Student));
        let second = self.acted(SampleSource::Rerun).filter(|_| paired);
        let beside = second.map_or(SampleSource::Teacher, |_| SampleSource::Rerun);
        let sides = [
            ([beside, SampleSource::Student], with_student, second, &mut *sums),
            ([SampleSource::Teacher, SampleSource::Rerun], self.twice().map(Into::into), None, &mut *rerun),
        ];
        for (sources, pair, second, sums) in sides {
            let Some((teacher, student)) = pair else { continue };
            sums.episode(family, &Episode { teacher, beside: second.unwrap_or(teacher), student, fault: self.fault });
            for (source, scorer) in sources.into_iter().zip([Scorer::Teacher, Scorer::Student]) {
                self.dialogues(source).for_each(|dialogue| sums.dialogue(scorer, &dialogue));
            }
        }
    }
}

/// Runs, counted; `None` without any.
fn acted<'a>(rows: impl Iterator<Item = &'a EpisodeRow>) -> Option<Acted> {
    let mut acted = Acted { runs: 0, passed: 0, calls: 0, repeated: 0, damaged: 0 };
    for row in rows {
        acted.runs += 1;
        acted.passed += u32::from(row.success);
        acted.calls += u64::from(row.calls) + u64::from(row.malformed);
        acted.repeated += u64::from(row.repeated);
        acted.damaged += u32::from(row.damage > 0);
    }
    (acted.runs > 0).then_some(acted)
}

/// A run as a dialogue up to its first violation.
fn dialogue<'a>(row: &EpisodeRow, family: &'a str) -> Dialogue<'a> {
    match row.violated {
        0 => Dialogue { family, turns: row.turns.max(1), ended: Ended::Censored },
        turn => Dialogue { family, turns: turn, ended: Ended::Violated },
    }
}

/// The episodes that both models ran, in the order of the rows.
pub(crate) fn episodes<'a>(rows: &'a [EpisodeRow], probes: &'a [Probe]) -> Vec<ActedEpisode<'a>> {
    let asked: BTreeMap<&str, (&Probe, Option<&kind::Episode>)> = probes
        .iter()
        .filter_map(|probe| match &probe.ask {
            Ask::Episode(episode) => Some((probe.id.as_str(), (probe, Some(episode)))),
            Ask::Trajectory(_) => Some((probe.id.as_str(), (probe, None))),
            _ => None,
        })
        .collect();
    let is_faulty = |episode: Option<&kind::Episode>| episode.is_some_and(|episode| !episode.faults.is_empty());
    let faulty = asked.values().filter(|(_, episode)| is_faulty(*episode));
    let families: BTreeSet<&str> = faulty.map(|(probe, _)| probe.family.as_str()).collect();
    let acted = |rows: &'a [EpisodeRow]| {
        let &(probe, episode) = asked.get(rows.first()?.probe.as_str())?;
        let fault = match (is_faulty(episode), families.contains(probe.family.as_str())) {
            (true, _) => Fault::Planned,
            (false, true) => Fault::Twin,
            (false, false) => Fault::Apart,
        };
        let acted = ActedEpisode { probe, episode, fault, rows };
        let both = [SampleSource::Teacher, SampleSource::Student];
        both.iter().all(|&source| acted.of(source).next().is_some()).then_some(acted)
    };
    rows.chunk_by(|a, b| a.probe == b.probe).filter_map(acted).collect()
}

/// How often each model succeeds at each episode that both ran.
pub(crate) fn successes<'a>(rows: &'a [EpisodeRow], probes: &'a [Probe]) -> Vec<Successes<'a>> {
    let successes = |acted: &ActedEpisode<'a>| {
        Some(Successes {
            probe: acted.probe,
            teacher: acted.success(SampleSource::Teacher)?,
            student: acted.success(SampleSource::Student)?,
            rerun: acted.twice().map(|[_, again]| again.success()),
            base: acted.success(SampleSource::Base),
            control: acted.success(SampleSource::Control),
        })
    };
    episodes(rows, probes).iter().filter_map(successes).collect()
}
