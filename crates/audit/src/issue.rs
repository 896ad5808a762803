//! Issues the statement: a function of the run folder and the policy alone.

use hydrometer_answers::{FinishReason, PlannedTokens, RunFolder, SampleRow, SampleSource};
use hydrometer_metrics::measure::{self, HEADLINE, Undefined, tokens};
use hydrometer_metrics::stats::gate::{Bounds, judge};
use hydrometer_metrics::stats::quantile::percentiles;
use hydrometer_metrics::stats::significance::holm;
use hydrometer_metrics::{BANDS, Estimate, Verdict, compat};

use hydrometer_probes::counted::counted;
use hydrometer_probes::families::FamilySizes;
use hydrometer_probes::{Ask, Normal};
use rayon::prelude::*;

use crate::answers::Said;
use crate::evidence::{Evidence, Rows};
use crate::policy::GateRule;
use crate::sequential::{self, Watch};
use crate::statement::{
    AnswersSummary, Band, Calibration, Cost, Deciding, FORMAT, Gate, Headline, Metric, Pairing, Quantiles, Regime,
    Spent, Statement, SuiteSummary, Watched,
};
use crate::{AuditError, Policy, answers, cases, choices, descriptive, findings, slicing};

mod notes;

/// The Distillation Loss Statement of a finished run under a policy: the same bytes every time.
///
/// # Errors
/// The folder is damaged, unfinished or of another format version.
pub fn statement(run: &RunFolder, policy: &Policy) -> Result<Statement, AuditError> {
    issue(&Rows::read(run)?, policy)
}

/// The statement of rows in memory.
pub(crate) fn issue(rows: &Rows, policy: &Policy) -> Result<Statement, AuditError> {
    let evidence = Evidence::new(rows, policy)?;
    let manifest = &rows.manifest;
    let measured: Vec<_> = measure::measured().collect();
    let metrics: Vec<Metric> = measured
        .into_par_iter()
        .map(|definition| {
            let (estimate, missing) = match evidence.measure(definition) {
                Ok(estimate) => (Some(estimate), None),
                Err(missing) => (None, Some(missing)),
            };
            Metric { id: definition.id.to_owned(), estimate, missing }
        })
        .collect();
    let deciding = deciding(rows, &evidence, policy)?;
    let gates: Vec<Gate> = match &deciding {
        Some(deciding) => policy.gates.iter().filter_map(|rule| watched_gate(rule, &metrics, deciding)).collect(),
        None => {
            let judged = |rule| {
                let gate = gate(rule, &metrics, policy.level)?;
                let detectable = gate.estimate.as_ref().and_then(|found| evidence.detectable(rule, found));
                Some(Gate { detectable, ..gate })
            };
            let mut gates: Vec<Gate> = policy.gates.iter().filter_map(judged).collect();
            name_failures(&mut gates, 1.0 - policy.level);
            gates
        }
    };
    let verdict = overall(&gates);
    let mut statement = Statement {
        format: FORMAT.to_owned(),
        hydrometer: env!("CARGO_PKG_VERSION").to_owned(),
        run: manifest.run_id().to_owned(),
        verdict,
        verdict_line: verdict_line(verdict, &gates, policy),
        regime: Regime { id: manifest.regime().id().to_owned(), meaning: manifest.regime().meaning().to_owned() },
        teacher: manifest.teacher.clone(),
        student: manifest.student.clone(),
        base: manifest.base.clone(),
        pairing: pairing(rows),
        suite: summary(rows, &evidence),
        headline: headline(&metrics, &gates),
        bands: bands(&evidence),
        quantiles: quantiles(rows),
        slices: slicing::slices(&evidence)?,
        calibration: calibration(&evidence),
        truth: choices::truth_cells(&evidence.choices),
        compat: llama_block(rows),
        findings: Vec::new(),
        worst_documents: cases::worst_documents(&rows.scored().collect::<Vec<_>>()),
        choices: cases::choices(&evidence.choices),
        answers: answers_summary(rows, &evidence),
        answer_cases: cases::answers(&evidence.prompts),
        cost: cost(rows),
        left_out: left_out(policy, &gates).map(str::to_owned).collect(),
        notes: notes::notes(rows, policy, &metrics, &gates, deciding.as_ref()),
        deciding,
        metrics,
        gates,
    };
    statement.findings = findings::findings(&statement, &evidence);
    Ok(statement)
}

fn gate(rule: &GateRule, metrics: &[Metric], level: f64) -> Option<Gate> {
    gate_by(rule, metrics, |estimate| {
        let bounds = Bounds { at_least: rule.at_least, at_most: rule.at_most };
        let answer = judge(estimate, &bounds, 1.0 - level);
        let mut found = format!("it is {:.4}", estimate.value);
        match &estimate.interval {
            Some(i) => {
                let families = counted(estimate.n_families, "family");
                found += &format!(" [{:.4}, {:.4}] over {families}", i.low, i.high);
            }
            None => found += " from a single family, which allows no interval",
        }
        Ok((answer.verdict, answer.more_families, found))
    })
}

/// A gate of a run that stopped by its evidence.
fn watched_gate(rule: &GateRule, metrics: &[Metric], deciding: &Deciding) -> Option<Gate> {
    let same = |w: &&Watched| (&w.metric, w.at_least, w.at_most) == (&rule.metric, rule.at_least, rule.at_most);
    let watched = deciding.gates.iter().find(same);
    gate_by(rule, metrics, |estimate| {
        let unwatched =
            || sequential::unwatched(&rule.metric).unwrap_or_else(|| "the suite asks nothing for it".to_owned());
        let watched = watched.ok_or_else(unwatched)?;
        let odds = watched.threshold.exp();
        let decided = counted(watched.decided_after.unwrap_or(watched.families), "family");
        let found = match watched.verdict {
            Verdict::NotEnoughEvidence => format!("watched over {decided}, the evidence decides neither way"),
            verdict => {
                let side = if verdict == Verdict::Pass { "that it is" } else { "that it is not" };
                format!("watched family by family, the evidence {side} reached {odds:.0} to 1 after {decided}")
            }
        };
        Ok((watched.verdict, None, format!("{found} (it is {:.4} over all that were asked)", estimate.value)))
    })
    .map(|gate| Gate { detectable: watched.and_then(|watched| watched.detectable), ..gate })
}

/// A gate by the answer to its estimate: verdict, further families, what was found; or why there is none.
fn gate_by(
    rule: &GateRule,
    metrics: &[Metric],
    answer: impl FnOnce(&Estimate) -> Result<(Verdict, Option<u64>, String), String>,
) -> Option<Gate> {
    let metric = metrics.iter().find(|m| m.id == rule.metric);
    let name = measure::text(&rule.metric).map_or(rule.metric.as_str(), |text| text.name);
    let expected = match (rule.at_least, rule.at_most) {
        (Some(low), Some(high)) => format!("between {low} and {high}"),
        (Some(low), None) => format!("at least {low}"),
        (None, Some(high)) => format!("at most {high}"),
        (None, None) => return None,
    };
    let made = |verdict, estimate: Option<Estimate>, more_families, found: String| Gate {
        metric: rule.metric.clone(),
        at_least: rule.at_least,
        at_most: rule.at_most,
        verdict,
        estimate,
        more_families,
        detectable: None,
        explanation: format!("{name} should be {expected}; {found}"),
    };
    let Some(estimate) = metric.and_then(|m| m.estimate.clone()) else {
        let missing = metric.and_then(|m| m.missing.clone());
        let missing = missing.unwrap_or_else(|| "this version does not measure it".to_owned());
        let found = format!("it was not measured: {missing}");
        return rule.required.then(|| made(Verdict::NotEnoughEvidence, None, None, found));
    };
    match answer(&estimate) {
        Ok((verdict, more_families, found)) => Some(made(verdict, Some(estimate), more_families, found)),
        Err(reason) => rule.required.then(|| made(Verdict::NotEnoughEvidence, Some(estimate), None, reason)),
    }
}

/// Metrics of the policy's gates that could not be judged.
fn left_out<'a>(policy: &'a Policy, gates: &'a [Gate]) -> impl Iterator<Item = &'a str> {
    let judged = |metric: &str| gates.iter().any(|gate| gate.metric == metric);
    policy.gates.iter().map(|rule| rule.metric.as_str()).filter(move |metric| !judged(metric))
}

/// How the gates were decided, replayed from the rows; `None` where the whole suite was asked. The gates are those of
/// `policy`: evidence is valid at any time, so also for margins that did not say when to stop.
fn deciding(rows: &Rows, evidence: &Evidence<'_>, policy: &Policy) -> Result<Option<Deciding>, AuditError> {
    let settings = &rows.manifest.settings;
    let Some(run) = &settings.deciding else { return Ok(None) };
    let texts = FamilySizes { count: run.text_families, largest: run.largest_text };
    let deciding = sequential::deciding(policy, run.cap, texts);
    let mut watch = Watch::new(&deciding, &rows.probes, settings.samples.as_ref(), settings.seed)?;
    watch.take(&evidence.sums)?;
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
    }))
}

/// Tokens that were computed: the plan's, or those before the run stopped.
fn computed(rows: &Rows) -> &PlannedTokens {
    rows.stopped.as_ref().map_or(&rows.manifest.planned, |stopped| &stopped.computed)
}

/// Naming failures is a search among all gates: a FAIL stands when Holm's correction leaves it below `alpha`, else the
/// gate is undecided. (That all gates pass needs no correction: an intersection–union test.)
fn name_failures(gates: &mut [Gate], alpha: f64) {
    let p_values: Vec<f64> = gates.iter().map(failure_p).collect();
    for (gate, adjusted) in gates.iter_mut().zip(holm(&p_values)) {
        if gate.verdict == Verdict::Fail && adjusted > alpha {
            gate.verdict = Verdict::NotEnoughEvidence;
        }
    }
}

/// The smallest level at which the gate fails, by bisection on a logarithmic scale; 1 where it fails at none.
fn failure_p(gate: &Gate) -> f64 {
    let Some(estimate) = &gate.estimate else { return 1.0 };
    let bounds = Bounds { at_least: gate.at_least, at_most: gate.at_most };
    let fails = |log_alpha: f64| judge(estimate, &bounds, log_alpha.exp()).verdict == Verdict::Fail;
    let (mut low, mut high) = (1e-12_f64.ln(), 0.49_f64.ln());
    if !fails(high) {
        return 1.0;
    }
    for _ in 0..40 {
        let middle = 0.5 * (low + high);
        if fails(middle) { high = middle } else { low = middle }
    }
    high.exp()
}

fn overall(gates: &[Gate]) -> Verdict {
    let any = |verdict| gates.iter().any(|g| g.verdict == verdict);
    if any(Verdict::Fail) {
        Verdict::Fail
    } else if gates.is_empty() || any(Verdict::NotEnoughEvidence) {
        Verdict::NotEnoughEvidence
    } else {
        Verdict::Pass
    }
}

fn verdict_line(verdict: Verdict, gates: &[Gate], policy: &Policy) -> String {
    let named = |wanted| {
        let names: Vec<_> = gates
            .iter()
            .filter(|g| g.verdict == wanted)
            .map(|g| measure::text(&g.metric).map_or(g.metric.as_str(), |text| text.name))
            .collect();
        (names.len(), names.join(", "))
    };
    let all = gates.len();
    match verdict {
        Verdict::Pass if all == 1 => "the one gate passes: the student keeps what this policy asks for".to_owned(),
        Verdict::Pass => format!("all {all} gates pass: the student keeps what this policy asks for"),
        Verdict::Fail => {
            let (n, names) = named(Verdict::Fail);
            let gates = if all == 1 { "the one gate fails".to_owned() } else { format!("{n} of {all} gates fail") };
            format!("{gates}: {names}")
        }
        Verdict::NotEnoughEvidence if policy.gates.is_empty() => "the policy has no gates".to_owned(),
        Verdict::NotEnoughEvidence if gates.is_empty() => "no gate of the policy could be measured".to_owned(),
        Verdict::NotEnoughEvidence => {
            let (n, names) = named(Verdict::NotEnoughEvidence);
            format!("no gate fails, but {n} of {all} cannot be decided on this evidence: {names}")
        }
    }
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
    let families: std::collections::BTreeSet<&str> = rows
        .likelihoods
        .iter()
        .map(|r| r.family.as_str())
        .chain(evidence.choices.iter().map(|d| d.probe.family.as_str()))
        .chain(evidence.prompts.iter().map(|p| p.probe.family.as_str()))
        .collect();
    SuiteSummary {
        name: rows.manifest.suite_name.clone(),
        hash: rows.manifest.suite_hash.clone(),
        probes: rows.probes.len() as u64,
        families: families.len() as u64,
        positions: rows.scored_positions() as u64,
        choices: evidence.choices.len() as u64,
        prompts: evidence.prompts.len() as u64,
        n_ctx: rows.manifest.settings.n_ctx,
        rotations: rows.manifest.settings.rotations,
    }
}

/// The seven headline numbers; what is not measurable yet says what it needs.
fn headline(metrics: &[Metric], gates: &[Gate]) -> Vec<Headline> {
    let estimate = |id: &str| metrics.iter().find(|metric| metric.id == id).and_then(|metric| metric.estimate.clone());
    let shown = HEADLINE.iter().map(|place| {
        let instead = place.instead.filter(|_| estimate(place.metric.id).is_none());
        instead.filter(|instead| estimate(instead.id).is_some()).unwrap_or(place.metric).id
    });
    shown
        .map(|id| {
            let estimate = estimate(id);
            let metric = metrics.iter().find(|metric| metric.id == id);
            let later = || Undefined::Later.to_string();
            let missing = metric.map_or_else(|| Some(later()), |metric| metric.missing.clone());
            let verdict = gates.iter().find(|g| g.metric == id).map(|g| g.verdict);
            Headline { id: id.to_owned(), estimate, missing, verdict }
        })
        .collect()
}

fn bands(evidence: &Evidence<'_>) -> Vec<Band> {
    let band = |band: usize| {
        let tokens::Band { mass, kept, invented } = tokens::band(&evidence.sums, band, evidence.level)?;
        Some(Band { name: BANDS[band].to_owned(), mass, kept, invented })
    };
    let mut bands: Vec<Band> = (0..BANDS.len()).filter_map(band).collect();
    if evidence.rows.cache().is_some() {
        // It does not say where the last two part: the third holds both.
        bands.truncate(3);
        if let Some(tail) = bands.last_mut() {
            tail.name = "beyond 0.9".to_owned();
        }
    }
    bands
}

fn quantiles(rows: &Rows) -> Vec<Quantiles> {
    const PERCENTS: [f64; 6] = [50.0, 90.0, 95.0, 99.0, 99.9, 100.0];
    let points = |rows: &[hydrometer_answers::PositionRow], field: tokens::OfPosition| {
        let mut values: Vec<f64> = rows.iter().map(|r| field(&r.stats).into()).collect();
        percentiles(&mut values, &PERCENTS).unwrap_or_default()
    };
    tokens::OF_POSITIONS
        .iter()
        // The spread of estimates is larger than that of what they estimate.
        .filter(|_| !rows.positions.is_empty() && rows.cache().is_none())
        .map(|(metric, field)| Quantiles {
            metric: metric.id.to_owned(),
            points: points(&rows.positions, *field),
            floor: points(&rows.floor, *field),
        })
        .collect()
}

fn calibration(evidence: &Evidence<'_>) -> Option<Calibration> {
    evidence.choices.iter().any(|d| d.truth.is_some()).then(|| {
        let [teacher, student] = choices::reliability(&evidence.choices);
        Calibration { teacher, student }
    })
}

/// llama.cpp's numbers, over the full windows of long texts.
fn llama_block(rows: &Rows) -> Option<compat::Compat> {
    let mut block = compat::CompatAccumulator::new();
    let mut chunks = std::collections::BTreeSet::new();
    for row in rows.positions.iter().filter(|r| r.compat) {
        let s = &row.stats;
        block.update(&compat::CompatToken {
            nll_base: s.compat_nll_base,
            nll: s.compat_nll,
            kl: s.compat_kl,
            same_top: s.compat_same_top,
        });
        chunks.insert((&row.probe, row.window));
    }
    block.finish(chunks.len() as u64, rows.manifest.settings.n_ctx)
}

/// What was sampled; `None` when nothing was.
fn answers_summary(rows: &Rows, evidence: &Evidence<'_>) -> Option<AnswersSummary> {
    if evidence.prompts.is_empty() {
        return None;
    }
    let settings = rows.manifest.settings.samples.clone();
    // Where only the first word counts, a cut takes nothing away.
    let whole = || evidence.prompts.iter().filter(|prompt| !prompt.steps.contains(&Normal::Word));
    let cut = |said: Vec<&Said<'_>>| {
        let cut = said.iter().filter(|said| said.row.finish == FinishReason::Length).count();
        cut as f64 / said.len().max(1) as f64
    };
    let draws = settings.as_ref().is_some_and(|settings| settings.parameters.is_distribution());
    let p_value = || answers::match_p_value(&evidence.prompts, rows.manifest.settings.seed);
    Some(AnswersSummary {
        prompts: evidence.prompts.len() as u64,
        checked: evidence.prompts.iter().filter(|prompt| prompt.truth().is_some()).count() as u64,
        free: evidence.prompts.iter().filter(|prompt| prompt.probe.is_free()).count() as u64,
        meaning: rows.manifest.settings.meaning.clone(),
        match_p_value: draws.then(p_value).flatten(),
        degenerate: answers::degenerate_ways(&evidence.prompts),
        teacher_cut: cut(whole().flat_map(|prompt| &prompt.teacher).collect()),
        student_cut: cut(whole().flat_map(|prompt| &prompt.student).collect()),
        gap_base: evidence.gap_base(),
        secondary: descriptive::secondary(&evidence.prompts, rows.manifest.settings.seed),
        settings,
    })
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
    }
}

#[cfg(test)]
mod tests;
