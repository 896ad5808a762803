//! One gate after the other: the number that it looked at, and what it says of it.

use std::collections::BTreeMap;

use hydrometer_metrics::stats::confusion::excess::Excess;
use hydrometer_metrics::stats::gate::judge;
use hydrometer_metrics::stats::limits::BROKEN;
use hydrometer_metrics::{Estimate, Interval, Verdict, measure};
use hydrometer_probes::counted::counted;

use super::ground::Ground;
use super::holm::name_failures;
use super::policy::{GateRule, Policy};
use super::sequential;
use crate::evidence::POWER;
use crate::statement::{Deciding, Gate, KnownWithin, Look, Looked, Metric, Reservation, ReservationKind, Watched};

/// The policy's gates, judged on a run that asked everything or, where there is one, by the evidence that stopped it.
/// `grounds` are those of the metrics that could be measured.
pub(crate) fn gates(
    policy: &Policy,
    metrics: &[Metric],
    grounds: &BTreeMap<&str, Ground>,
    deciding: Option<&Deciding>,
) -> Vec<Gate> {
    let in_regime = |gate: Gate| {
        let metric = metrics.iter().find(|metric| metric.id == gate.metric);
        Gate { regime: metric.and_then(|metric| metric.regime.clone()), ..gate }
    };
    if let Some(deciding) = deciding {
        let on_the_way = |rule: &GateRule| {
            let same = |looked: &&Looked| {
                (&looked.metric, looked.at_least, looked.at_most) == (&rule.metric, rule.at_least, rule.at_most)
            };
            match deciding.looked.iter().find(same) {
                Some(looked) => looked_gate(rule, metrics, looked),
                None => watched_gate(rule, metrics, deciding),
            }
        };
        return policy.gates.iter().filter_map(on_the_way).map(in_regime).collect();
    }
    let judged = |rule: &GateRule| gate(rule, metrics, grounds.get(rule.metric.as_str()), policy.level);
    let mut gates: Vec<Gate> = policy.gates.iter().filter_map(judged).map(in_regime).collect();
    name_failures(&mut gates, grounds, 1.0 - policy.level);
    gates
}

/// Models that were asked in different words are not compared alone: what differs may be the words.
pub(crate) fn leave_undecided(gates: &mut [Gate]) {
    for gate in gates {
        gate.verdict = Verdict::NotEnoughEvidence;
        gate.more_families = None;
        gate.explanation += "; the two models were asked in different words, so it is not judged";
    }
}

/// A gate with the bounds of its number at its own level.
fn gate(rule: &GateRule, metrics: &[Metric], ground: Option<&Ground>, level: f64) -> Option<Gate> {
    let (bounds, alpha) = (rule.bounds(), 1.0 - level);
    if let (Some(found), Some(ground)) =
        (metrics.iter().find(|m| m.id == rule.metric).and_then(|m| m.bounds.as_ref()), ground)
    {
        return between_gate(rule, found, ground, alpha);
    }
    let gate = gate_by(rule, metrics, |estimate| {
        let ends = |alpha: f64, growth: f64| ground?.ends(alpha, growth);
        let answer = judge(estimate.value, estimate.n_families, ends, &bounds, alpha);
        let mut found = format!("it is {:.4}", estimate.value);
        match judged_by(ground, alpha) {
            Some(judged) => {
                let families = counted(estimate.n_families, "family");
                match ground {
                    Some(Ground::Corrected(_)) => found += " corrected for the errors of reading",
                    Some(Ground::Excess(excess)) => found += &beside_itself(excess, metrics, rule),
                    _ => {}
                }
                found += &format!(", {} over {families}", interval_words(&judged));
            }
            None => found += " from a single family, which allows no interval",
        }
        let clears = ends(alpha, 1.0).is_some_and(|ends| bounds.verdict(ends.miss.into()) == Verdict::Pass);
        if clears && answer.verdict != Verdict::Pass {
            found += &format!(
                ", which clears it; but the number has no worst value, and so few families could hide that {:.0} % of all are broken",
                100.0 * BROKEN
            );
        }
        Ok((answer.verdict, answer.more_families, found))
    })?;
    let judged = ground.filter(|_| gate.estimate.is_some());
    Some(Gate {
        judged: judged_by(judged, alpha),
        detectable: judged.and_then(|ground| ground.beyond(&bounds, alpha, POWER)),
        ..gate
    })
}

/// A gate on a number that lies between two bounds: what holds for all that it may be. A bound on its own side of the margin decides
/// nothing.
fn between_gate(rule: &GateRule, found: &KnownWithin, ground: &Ground, alpha: f64) -> Option<Gate> {
    let verdict = ground.ends(alpha, 1.0).map_or(Verdict::NotEnoughEvidence, |ends| rule.bounds().verdict(ends));
    let judged = judged_by(Some(ground), alpha);
    let families = counted(found.n_families, "family");
    let interval = match &judged {
        Some(judged) => format!("{} over {families}", interval_words(judged)),
        None => "from a single family, which allows no interval".to_owned(),
    };
    let beyond = match verdict {
        Verdict::NotEnoughEvidence => {
            "; what lies between is beyond the servers' lists, and longer lists may decide it"
        }
        Verdict::Pass | Verdict::Fail => ", whatever is beyond the servers' lists",
    };
    let found = format!("it is at least {:.4} and at most {:.4}, {interval}{beyond}", found.low, found.high);
    let gate = made(rule, verdict, found)?;
    Some(Gate { judged, ..gate })
}

/// What is taken off an excess, in words.
fn beside_itself(excess: &Excess, metrics: &[Metric], rule: &GateRule) -> String {
    let corrected = metrics.iter().find(|metric| metric.id == rule.metric).and_then(|metric| metric.corrected.as_ref());
    let read = match corrected.is_some_and(|corrected| corrected.estimate.is_some()) {
        true => ", both corrected for the errors of reading",
        false => "",
    };
    let once = match excess.most_chance() {
        Some(most) => format!(", which may be up to {most:.4} where the teacher answered once"),
        None => String::new(),
    };
    format!(" beyond the {:.4} that chance alone makes of the teacher beside itself{once}{read}", excess.chance())
}

/// The interval of which each end is a one-sided bound at `alpha`.
pub(super) fn judged_by(ground: Option<&Ground>, alpha: f64) -> Option<Interval> {
    ground?.interval(1.0 - 2.0 * alpha)
}

/// `90 % interval [0.1000, 0.2000]`
pub(super) fn interval_words(interval: &Interval) -> String {
    let percent = (interval.level * 1e5).round() / 1e3;
    format!("{percent} % interval [{:.4}, {:.4}]", interval.low, interval.high)
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

/// A gate that was looked at a few times: the first verdict, and what was seen then.
fn looked_gate(rule: &GateRule, metrics: &[Metric], looked: &Looked) -> Option<Gate> {
    let gate = gate_by(rule, metrics, |estimate| {
        let over_all = format!("(it is {:.4} over all that were asked)", estimate.value);
        let Some(look) = looked.looks.last() else {
            return Ok((looked.verdict, None, format!("the run ended before the first look at it {over_all}")));
        };
        let at =
            format!("at look {} of {}, over {}", looked.looks.len(), looked.planned, counted(look.families, "family"));
        let found = match (look, look.value) {
            (Look { missing: Some(missing), .. }, _) => format!("{at}, it was not judged: {missing}"),
            (Look { judged: Some(judged), .. }, Some(value)) => {
                format!("{at}, it was {value:.4}, {}", interval_words(judged))
            }
            _ => format!("{at}, the families allowed no interval"),
        };
        Ok((looked.verdict, None, format!("{found} {over_all}")))
    })?;
    let judged = looked.looks.last().and_then(|look| look.judged).filter(|_| gate.estimate.is_some());
    Some(Gate { judged, ..gate })
}

/// A gate by the answer to its estimate: verdict, further families, what was found; or why there is none.
fn gate_by(
    rule: &GateRule,
    metrics: &[Metric],
    answer: impl FnOnce(&Estimate) -> Result<(Verdict, Option<u64>, String), String>,
) -> Option<Gate> {
    let metric = metrics.iter().find(|m| m.id == rule.metric);
    let made = |verdict, estimate: Option<Estimate>, more_families, found: String| {
        Some(Gate { estimate, more_families, ..made(rule, verdict, found)? })
    };
    let undecided = |estimate, reason| made(Verdict::NotEnoughEvidence, estimate, None, reason);
    // Of a number on free decisions what is beyond chance is judged, and corrected.
    let excess = metric.and_then(|m| Some(m.excess.as_ref()?.estimate.clone()));
    let corrected = excess.or_else(|| metric.and_then(|m| m.corrected.as_ref()?.estimate.clone()));
    let estimate = corrected.or_else(|| metric.and_then(|m| m.estimate.clone()));
    match metric.and_then(|m| m.reservation.clone()) {
        Some(Reservation { kind: ReservationKind::AnswersMissing | ReservationKind::StudentsDoing, reason }) => {
            return undecided(estimate, reason);
        }
        Some(Reservation { kind: ReservationKind::TooFewFamilies, .. }) | None => {}
        Some(Reservation { reason, .. }) => return undecided(estimate, reason).filter(|_| rule.required),
    }
    let Some(estimate) = estimate else {
        let missing = metric.and_then(|m| m.missing.clone());
        let missing = missing.unwrap_or_else(|| "this version does not measure it".to_owned());
        return undecided(None, format!("it was not measured: {missing}")).filter(|_| rule.required);
    };
    let too_few = metric.and_then(|m| m.reservation.clone()).map(|reservation| reservation.reason);
    match answer(&estimate) {
        // Nobody could pass it, and nothing shows a loss; where only what the rules may confuse stands between a loss and this gate, it stays.
        Ok((Verdict::NotEnoughEvidence, ..)) if too_few.is_some() => match metric.and_then(|m| missed_as_read(rule, m))
        {
            Some(read) => undecided(Some(estimate), format!("{read}; {}", too_few.unwrap_or_default())),
            None => undecided(Some(estimate), too_few.unwrap_or_default()).filter(|_| rule.required),
        },
        Ok((verdict, more_families, found)) => made(verdict, Some(estimate), more_families, found),
        // A number that is there and is not judged is no reason to pass.
        Err(reason) => undecided(Some(estimate), reason),
    }
}

/// That a number misses its margin as it was read, in words; `None` where it does not, or nothing is corrected.
fn missed_as_read(rule: &GateRule, metric: &Metric) -> Option<String> {
    metric.corrected.as_ref()?;
    let (read, interval) = metric.estimate.as_ref().and_then(|estimate| Some((estimate.value, estimate.interval?)))?;
    (rule.bounds().verdict((interval.low, interval.high).into()) == Verdict::Fail).then(|| {
        format!(
            "as it was read it is {read:.4}, {}, which misses it; what the rules confuse could explain that, and labels tell \
             (`hydrometer label RUN`)",
            interval_words(&interval)
        )
    })
}

/// A gate of a rule with this verdict, and what was found in words; `None` of a rule that accepts everything.
fn made(rule: &GateRule, verdict: Verdict, found: String) -> Option<Gate> {
    let name = measure::text(&rule.metric).map_or(rule.metric.as_str(), |text| text.name);
    let expected = match (rule.at_least, rule.at_most) {
        (Some(low), Some(high)) => format!("between {low} and {high}"),
        (Some(low), None) => format!("at least {low}"),
        (None, Some(high)) => format!("at most {high}"),
        (None, None) => return None,
    };
    Some(Gate {
        metric: rule.metric.clone(),
        at_least: rule.at_least,
        at_most: rule.at_most,
        verdict,
        estimate: None,
        regime: None,
        more_families: None,
        judged: None,
        corrected: None,
        detectable: None,
        caught: Vec::new(),
        resolution: None,
        explanation: format!("{name} should be {expected}; {found}"),
    })
}

/// Metrics of the policy's gates that could not be judged.
pub(crate) fn left_out<'a>(policy: &'a Policy, gates: &'a [Gate]) -> impl Iterator<Item = &'a str> {
    let judged = |metric: &str| gates.iter().any(|gate| gate.metric == metric);
    policy.gates.iter().map(|rule| rule.metric.as_str()).filter(move |metric| !judged(metric))
}
