//! Issues the statement: a function of the run folder and the policy alone.

use std::collections::BTreeMap;

use hydrometer_answers::{Manifest, PlannedTokens, RunFolder, SampleRow, SampleSource};
use hydrometer_metrics::Estimate;
use hydrometer_metrics::measure::{self, Group, HEADLINE, Items, Table};
use hydrometer_metrics::stats::confusion::Corrected;
use hydrometer_metrics::stats::confusion::excess::Excess;
use hydrometer_probes::counted::counted;
use hydrometer_probes::{Ask, Probe, builtin};
use rayon::prelude::*;

use crate::calibrate::Calibrated;
use crate::evidence::{Evidence, Rows};
use crate::geometry::Number;
use crate::kind::tokens::tables;
use crate::kind::{answers, choices, episodes, judgment, teacher_texts, tokens};
use crate::labels::{Label, Labels};
use crate::statement::{
    CorrectedNumber, Cost, Deciding, ExcessNumber, FORMAT, Gate, Headline, HowKnown, KnownWithin, Metric, NumberRegime,
    Pairing, Regime, Spent, Statement, SuiteSummary,
};
use crate::verdict::ground::Ground;
use crate::verdict::sequential::{self, Watch};
use crate::verdict::withheld::withheld;
use crate::verdict::{gate, overall, verdict_line};
use crate::{AuditError, Policy, findings, forgetting, geometry, illusion, judge, slicing};

mod notes;

/// The Distillation Loss Statement of a finished run under a policy: the same bytes every time.
///
/// # Errors
/// The folder is damaged, unfinished or of another format version.
pub fn statement(run: &RunFolder, policy: &Policy) -> Result<Statement, AuditError> {
    issue(&Rows::read(run)?, policy)
}

/// What a run may be judged by beside its policy.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beside<'a> {
    /// Labels of the run's own answers, by which free decisions are corrected in place of the shipped counts.
    pub labels: Option<&'a [Label]>,
    /// A calibration of the suite: what would have been caught stands beside the gates, and margins that are finer than what the
    /// suite resolves are no PASS.
    pub calibration: Option<&'a Calibrated>,
}

/// The same with what is known beside the run.
///
/// # Errors
/// As [`statement`]; a label is of no answer of the run that can be labelled; the calibration is not one of this suite and budget.
pub fn statement_beside(run: &RunFolder, policy: &Policy, beside: Beside<'_>) -> Result<Statement, AuditError> {
    let mut rows = Rows::read(run)?;
    if let Some(labels) = beside.labels {
        // Where none was drawn, the shipped counts stay.
        if let Some(own) = Labels::of_run(&rows.probes, &rows.samples, labels)? {
            rows.labels = own;
        }
        rows.given_labels = labels.to_vec();
    }
    issue_backed(&rows, policy, beside.calibration)
}

/// The statement of rows in memory.
pub(crate) fn issue(rows: &Rows, policy: &Policy) -> Result<Statement, AuditError> {
    issue_backed(rows, policy, None)
}

fn issue_backed(rows: &Rows, policy: &Policy, calibrated: Option<&Calibrated>) -> Result<Statement, AuditError> {
    let calibration = calibrated.map(|calibrated| calibrated.fits(&rows.manifest)).transpose()?;
    let evidence = Evidence::new(rows, policy)?;
    let manifest = &rows.manifest;
    // What a suite without episodes, or without boundaries of judgment, cannot say of them is said only where it was asked for.
    let asks_episodes = rows.probes.iter().any(|probe| probe.ask.is_acted());
    let asks_judgment = rows.probes.iter().any(|probe| probe.boundary.is_some());
    let asks_freely = rows.probes.iter().any(Probe::is_free);
    let definitions: Vec<_> = measure::measured()
        .filter(|definition| {
            let asked = definition.measure.is_none_or(|of| match of.table.items() {
                _ if of.table == Table::TeacherAnswers => !rows.scored_answers.is_empty(),
                Items::Episodes => asks_episodes,
                Items::Boundaries => asks_judgment,
                _ => true,
            });
            let of_free = definition.group == Group::Illusion && !asks_freely;
            asked && !of_free || policy.gates.iter().any(|gate| gate.metric == definition.id)
        })
        .collect();
    let measured: Vec<_> =
        definitions.into_par_iter().map(|definition| (definition, evidence.measure(definition))).collect();
    let geometry = geometry::measure(&evidence)?;
    let forgetting = forgetting::measure(&evidence)?;
    let of_sums = measured.into_iter().map(|(definition, measured)| Number {
        definition,
        found: measured.map(|measured| {
            let ground = match evidence.slack(definition) {
                Some((below, above)) => Ground::Bounded(measured.limits, below, above),
                None => Ground::One(measured.limits),
            };
            (measured.estimate, ground)
        }),
        reservation: evidence.reservation(definition).or_else(|| evidence.too_few(definition, policy)),
    });
    let mut metrics = Vec::new();
    let mut grounds = BTreeMap::new();
    for Number { definition, found, reservation } in
        of_sums.chain(geometry.numbers).chain([illusion::measure(&evidence), forgetting.number])
    {
        let (mut corrected, mut excess, mut bounds) = (None, None, None);
        let (estimate, missing) = match found {
            Ok((estimate, ground)) => {
                let found = evidence.corrected(definition);
                corrected = found.as_ref().map(|found| number(found, &estimate, evidence.level));
                let beyond = evidence.excess(definition);
                excess = beyond.as_ref().map(|found| beyond_chance(found, &estimate, evidence.level));
                let of_corrected = || found.and_then(Result::ok).map_or(ground, Ground::of_corrected);
                grounds.insert(definition.id, beyond.map_or_else(of_corrected, Ground::of_excess));
                (Some(estimate), None)
            }
            Err(missing) => match evidence.between(definition) {
                Some((found, ground)) => {
                    grounds.insert(definition.id, ground);
                    let missing = only_bounds(&found);
                    bounds = Some(found);
                    (None, Some(missing))
                }
                None => (None, Some(missing)),
            },
        };
        let regime = match &bounds {
            Some(_) => Some(NumberRegime { known: HowKnown::Bounds, ..evidence.regime(definition) }),
            None => estimate.is_some().then(|| evidence.regime(definition)),
        };
        let id = definition.id.to_owned();
        metrics.push(Metric { id, estimate, missing, bounds, regime, reservation, corrected, excess });
    }
    let deciding = deciding(rows, &evidence, policy)?;
    let different = manifest.settings.given.as_ref().and_then(|given| given.different_prompts.as_ref());
    let mut gates = gate::gates(policy, &metrics, &grounds, deciding.as_ref());
    if different.is_some() {
        gate::leave_undecided(&mut gates);
    }
    if let Some(calibrated) = calibrated {
        calibrated.back(&mut gates, policy);
    }
    let withheld = withheld(&gates, policy, &metrics, geometry.statement.as_ref(), &evidence);
    let verdict = overall(&gates, withheld.as_deref());
    let mut statement = Statement {
        format: FORMAT.to_owned(),
        hydrometer: env!("CARGO_PKG_VERSION").to_owned(),
        run: manifest.run_id().to_owned(),
        verdict,
        verdict_line: match different {
            Some(different) => format!(
                "no verdict: the two models were asked in different words on {}",
                counted(different.prompts, "prompt")
            ),
            None => verdict_line(verdict, &gates, policy, withheld.as_deref()),
        },
        regime: Regime { id: manifest.regime().id().to_owned(), meaning: manifest.regime().meaning().to_owned() },
        teacher: manifest.teacher.clone(),
        student: manifest.student.clone(),
        base: manifest.base.clone(),
        control: manifest.control.clone(),
        pairing: pairing(rows),
        suite: summary(rows, &evidence),
        headline: Vec::new(),
        bands: tables::bands(&evidence),
        quantiles: tables::quantiles(rows),
        slices: slicing::slices(&evidence)?,
        calibration: choices::calibration(&evidence.choices),
        truth: choices::truth_cells(&evidence.choices),
        compat: tables::llama_block(rows),
        findings: Vec::new(),
        worst_documents: tokens::cases::worst_documents(&rows.scored().collect::<Vec<_>>()),
        choices: choices::cases::cases(&evidence.choices),
        answers: answers::summary::summary(rows, &evidence),
        answer_cases: answers::cases::cases(&evidence.prompts),
        episodes: episodes::summary::summary(&evidence),
        episode_cases: episodes::cases::cases(&evidence.episodes),
        judgment: judgment::summary::summary(&evidence.judged, &rows.labels, policy.level)
            .map(|summary| judge::beside(summary, &evidence))
            .transpose()?,
        cost: cost(rows),
        left_out: gate::left_out(policy, &gates).map(str::to_owned).collect(),
        excluded: manifest.excluded.clone().unwrap_or_default(),
        notes: notes::notes(rows, policy, &metrics, &gates, deciding.as_ref())
            .into_iter()
            .chain(teacher_texts::in_words(rows))
            .chain(choices::known::in_words(manifest, &rows.choices, &evidence.choices))
            .chain(judgment::forced::in_words(&evidence.judged, &evidence.choices))
            .chain(calibration.as_ref().map(notes::of_calibration))
            .collect(),
        calibrated_by: calibration,
        geometry: geometry.statement,
        illusion: evidence.copying.illusion(evidence.level),
        forgetting: forgetting.statement,
        deciding,
        metrics,
        gates,
    };
    statement.headline = headline(&statement);
    statement.findings = findings::findings(&statement, &evidence);
    Ok(statement)
}

/// Why a number of which bounds are known is not there.
fn only_bounds(found: &KnownWithin) -> String {
    format!(
        "no estimate: of a model behind a server its most probable tokens alone are listed, so it is only known to be at least {:.4} and at most {:.4}",
        found.low, found.high
    )
}

/// A corrected number as a statement says it, of as many requests as the raw one.
pub(crate) fn number(found: &Result<Corrected, String>, raw: &Estimate, level: f64) -> CorrectedNumber {
    match found {
        Ok(found) => CorrectedNumber {
            estimate: Some(Estimate { excluded: raw.excluded.clone(), ..found.estimate(level, raw.n_items) }),
            upper_bound: found.is_upper_bound(level),
            missing: None,
        },
        Err(missing) => CorrectedNumber { estimate: None, upper_bound: false, missing: Some(missing.clone()) },
    }
}

/// An excess as a statement says it, of as many requests as the raw number.
fn beyond_chance(found: &Excess, raw: &Estimate, level: f64) -> ExcessNumber {
    ExcessNumber {
        estimate: Estimate { excluded: raw.excluded.clone(), ..found.estimate(level, raw.n_items) },
        chance: found.chance(),
        most_chance: found.most_chance(),
    }
}

/// How the gates were decided, replayed from the rows; `None` where the whole suite was asked. The gates are those of
/// `policy`: evidence is valid at any time, so also for margins that did not say when to stop.
fn deciding(rows: &Rows, evidence: &Evidence<'_>, policy: &Policy) -> Result<Option<Deciding>, AuditError> {
    let settings = &rows.manifest.settings;
    let Some(run) = &settings.deciding else { return Ok(None) };
    let deciding = sequential::deciding(policy, run);
    let mut watch = Watch::new(&deciding, &rows.manifest, &rows.probes)?;
    watch.take(&evidence.sums)?;
    watch.look(&rows.answers(), &evidence.choices)?;
    let of = |spent: u64, whole: u64| Spent { spent, saved: whole.saturating_sub(spent) };
    let sources = [SampleSource::Teacher, SampleSource::Rerun];
    let answers = rows.samples.iter().filter(|row| sources.contains(&row.source)).count() as u64;
    let prompts = rows.probes.iter().filter(|probe| matches!(probe.ask, Ask::Prompt(_))).count() as u64;
    let per_prompt = settings.samples.as_ref().map_or(0, |samples| u64::from(samples.per_probe + samples.reruns));
    Ok(Some(Deciding {
        alpha: deciding.alpha,
        cap: deciding.cap,
        teacher_tokens: of(computed(rows).teacher_tokens, rows.manifest.planned.teacher_tokens),
        teacher_answers: of(answers, prompts * per_prompt),
        gates: watch.watched(),
        looked: watch.looked(),
    }))
}

/// Tokens that were computed: the plan's, or those before the run stopped.
fn computed(rows: &Rows) -> &PlannedTokens {
    rows.stopped.as_ref().map_or(&rows.manifest.planned, |stopped| &stopped.computed)
}

fn pairing(rows: &Rows) -> Pairing {
    let m = &rows.manifest;
    match m.shared_vocab {
        None => Pairing::Different { reason: m.pairing.clone() },
        Some(n) if [&m.teacher, &m.student].iter().all(|model| model.vocab_size == Some(n)) => Pairing::Same,
        Some(shared) => Pairing::Padded { shared },
    }
}

fn summary(rows: &Rows, evidence: &Evidence<'_>) -> SuiteSummary {
    let Manifest { suite_name, suite_hash, settings, .. } = &rows.manifest;
    SuiteSummary {
        name: suite_name.clone(),
        hash: suite_hash.clone(),
        dated: builtin::dated(suite_name, settings.seed, suite_hash).map(str::to_owned),
        probes: rows.probes.len() as u64,
        families: evidence.families().len() as u64,
        positions: rows.scored_positions() as u64,
        choices: evidence.choices.len() as u64,
        prompts: evidence.prompts_asked(),
        n_ctx: rows.manifest.settings.n_ctx,
        rotations: rows.manifest.settings.rotations,
    }
}

/// The seven headline numbers; what is not measurable yet says what it needs.
fn headline(statement: &Statement) -> Vec<Headline> {
    let metric = |id: &str| statement.metrics.iter().find(|metric| metric.id == id);
    let estimate = |id: &str| metric(id).and_then(|metric| metric.estimate.clone());
    let shown = HEADLINE.iter().map(|place| {
        let instead = place.instead.filter(|_| estimate(place.metric.id).is_none());
        instead.filter(|instead| estimate(instead.id).is_some()).unwrap_or(place.metric).id
    });
    let beside = |id: &str| {
        let of_geometry = statement.geometry.as_ref().and_then(|geometry| geometry.beside(id));
        of_geometry.or_else(|| illusion::beside(statement, id)).or_else(|| forgetting::beside(statement, id))
    };
    shown
        .map(|id| Headline {
            id: id.to_owned(),
            estimate: estimate(id),
            missing: metric(id).and_then(|metric| metric.missing.clone()),
            bounds: metric(id).and_then(|metric| metric.bounds.clone()),
            regime: metric(id).and_then(|metric| metric.regime.clone()),
            verdict: Gate::on(&statement.gates, id).map(|gate| gate.verdict),
            beside: beside(id),
        })
        .collect()
}

fn cost(rows: &Rows) -> Cost {
    let c = computed(rows);
    let tokens = |sources: &[SampleSource]| {
        let of = |row: &&SampleRow| sources.contains(&row.source);
        rows.samples.iter().filter(of).map(|row| u64::from(row.tokens)).sum()
    };
    Cost {
        teacher_tokens: c.teacher_tokens,
        student_tokens: c.student_tokens,
        floor_tokens: c.floor_tokens,
        rows: rows.scored_positions() as u64,
        teacher_answer_tokens: tokens(&[SampleSource::Teacher, SampleSource::Rerun]),
        student_answer_tokens: tokens(&[SampleSource::Student]),
        base_answer_tokens: tokens(&[SampleSource::Base]),
        control_tokens: c.control_tokens,
        control_answer_tokens: tokens(&[SampleSource::Control]),
    }
}

#[cfg(test)]
pub(crate) mod tests;
