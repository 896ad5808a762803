//! What the episodes of a run came to, axis by axis.

use std::collections::BTreeMap;

use hydrometer_answers::{EpisodeRow, SampleSource};
use hydrometer_metrics::geometry::{Runs, pass_k, survival_curves};
use hydrometer_probes::world::Ending;

use super::{ActedEpisode, Successes, successes};
use crate::evidence::Evidence;
use crate::statement::{EpisodeAxis, EpisodeRuns, EpisodesSummary, PassK, SurvivalCurves};

/// Largest k of pass^k that is listed.
const MOST_K: u32 = 8;

/// The summary; `None` where no episode was run by both models.
pub(crate) fn summary(evidence: &Evidence<'_>) -> Option<EpisodesSummary> {
    let rows = &evidence.rows.episodes;
    let episodes = &evidence.episodes;
    let mut axes: BTreeMap<&str, Vec<&ActedEpisode<'_>>> = BTreeMap::new();
    for episode in episodes {
        axes.entry(&episode.probe.axis).or_default().push(episode);
    }
    let all = successes(rows, &evidence.rows.probes);
    (!episodes.is_empty()).then(|| EpisodesSummary {
        episodes: episodes.len() as u64,
        logged: episodes.iter().filter(|episode| episode.is_logged()).count() as u64,
        axes: axes.into_iter().map(|(axis, episodes)| of_axis(axis, &episodes, &all, evidence.level)).collect(),
        teacher: runs(rows, SampleSource::Teacher),
        student: runs(rows, SampleSource::Student),
        survival: survival(episodes, evidence.level),
    })
}

fn survival(episodes: &[ActedEpisode<'_>], level: f64) -> Option<SurvivalCurves> {
    let [teacher, student] = [SampleSource::Teacher, SampleSource::Student]
        .map(|source| episodes.iter().flat_map(|episode| episode.dialogues(source)).collect::<Vec<_>>());
    let [teacher, student] = survival_curves(&teacher, &student, level).ok()?;
    Some(SurvivalCurves { teacher: teacher.curve, student: student.curve })
}

fn of_axis(axis: &str, episodes: &[&ActedEpisode<'_>], all: &[Successes<'_>], level: f64) -> EpisodeAxis {
    let own: Vec<_> = all.iter().filter(|of| of.probe.axis == axis).collect();
    let mean = |of: fn(&Successes<'_>) -> Option<f64>| {
        let values: Vec<f64> = own.iter().filter_map(|&success| of(success)).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    let recovered = |source: SampleSource| {
        let met: Vec<bool> =
            episodes.iter().flat_map(|episode| episode.of(source)).filter_map(EpisodeRow::recovered).collect();
        let share = met.iter().filter(|recovered| **recovered).count() as f64 / met.len().max(1) as f64;
        (!met.is_empty()).then_some(share)
    };
    let counted = |source: SampleSource| -> Vec<Runs<'_>> {
        let runs = |episode: &&ActedEpisode<'_>| {
            let rows: Vec<_> = episode.of(source).collect();
            let passed = rows.iter().filter(|row| row.success).count() as u32;
            Runs { family: "", runs: rows.len() as u32, passed }
        };
        episodes.iter().map(runs).collect()
    };
    let [teacher, student] = [SampleSource::Teacher, SampleSource::Student].map(counted);
    let most = [&teacher, &student].iter().filter_map(|runs| runs.iter().map(|of| of.runs).min()).min().unwrap_or(0);
    let value = |runs: &[Runs<'_>], k| pass_k(runs, k, level).map(|found| found.value).ok();
    let pass = (1..=most.min(MOST_K))
        .filter_map(|k| Some(PassK { k, teacher: value(&teacher, k)?, student: value(&student, k)? }));
    EpisodeAxis {
        axis: axis.to_owned(),
        episodes: episodes.len() as u64,
        teacher: mean(|of| Some(of.teacher)).unwrap_or(0.0),
        student: mean(|of| Some(of.student)).unwrap_or(0.0),
        rerun: mean(|of| of.rerun),
        base: mean(|of| of.base),
        teacher_recovers: recovered(SampleSource::Teacher),
        student_recovers: recovered(SampleSource::Student),
        pass: pass.collect(),
    }
}

fn runs(rows: &[EpisodeRow], source: SampleSource) -> EpisodeRuns {
    let rows: Vec<_> = rows.iter().filter(|row| row.source == source).collect();
    let count = |of: fn(&EpisodeRow) -> bool| rows.iter().filter(|row| of(row)).count() as u64;
    let sum = |of: fn(&EpisodeRow) -> u32| rows.iter().map(|row| u64::from(of(row))).sum();
    let mut by_number: BTreeMap<u32, u64> = BTreeMap::new();
    rows.iter().for_each(|row| *by_number.entry(row.run).or_default() += u64::from(row.success));
    EpisodeRuns {
        runs: rows.len() as u64,
        succeeded: count(|row| row.success),
        succeeded_by_number: by_number.into_values().collect(),
        out_of_steps: count(|row| row.ending == Ending::Steps),
        out_of_context: count(|row| row.ending == Ending::Context),
        in_circles: count(|row| row.ending == Ending::Circle),
        damaged: count(|row| row.damage > 0),
        calls: sum(|row| row.calls),
        malformed: sum(|row| row.malformed),
        invalid: sum(|row| row.invalid),
    }
}
