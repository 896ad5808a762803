//! Whether a model behind an endpoint changed under its name: canaries of two times, each asked twice at a time, compared beside what a
//! model's own answers differ by. The test is exact whatever that is, and a change must be larger than what reduced precision and the
//! load of a server explain.

use std::fmt;

use hydrometer_answers::{CanaryAnswer, CanaryAsking, CanaryModel, CanaryPrompt, CanaryTime};
use hydrometer_metrics::listed::{Listed, least_total_variation};
use hydrometer_metrics::stats::exchange::{Exchange, Quartet, exchange};
use hydrometer_probes::counted::counted;

use crate::findings::FindingContext;
use crate::statement::{Finding, Severity};

/// Level of the test: one false alarm in a thousand comparisons, and only where the difference is large, too.
const LEVEL: f64 = 0.001;
/// Mean total variation of first tokens below which a difference may be of reduced precision, another batch or another kernel: logits
/// rounded to bf16 move it by 0.01 to 0.03.
const SMALL: f64 = 0.05;

/// Canaries of two times beside each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compared {
    found: Exchange,
    prompts: usize,
    by: By,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    FirstTokens,
    Words,
}

impl Compared {
    /// `None` where no prompt was answered in the same way both times.
    #[must_use]
    pub fn of(then: &[CanaryPrompt], now: &[CanaryPrompt]) -> Option<Compared> {
        let blocks = |by: By| {
            let quartet = |one: &CanaryPrompt| {
                let other = now.iter().find(|other| other.prompt == one.prompt)?;
                let ([a, b], [c, d]) = (&one.answers, &other.answers);
                let apart = |x, y| distance(by, x, y);
                let across = [apart(a, c)?, apart(a, d)?, apart(b, c)?, apart(b, d)?];
                Some(Quartet { within: [apart(a, b)?, apart(c, d)?], across })
            };
            then.iter().filter_map(quartet).collect::<Vec<_>>()
        };
        let compared = |by: By| {
            let blocks = blocks(by);
            Some(Compared { found: exchange(&blocks)?, prompts: blocks.len(), by })
        };
        [By::FirstTokens, By::Words].into_iter().find_map(compared)
    }

    /// Whether the model is another one.
    #[must_use]
    pub fn changed(&self) -> bool {
        let Exchange { across, p_value, .. } = self.found;
        p_value <= LEVEL && (self.by == By::Words || across > SMALL)
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Exchange { within, across, p_value } = self.found;
        let prompts = counted(self.prompts as u64, "canary prompt");
        match self.by {
            By::FirstTokens => write!(
                out,
                "the first tokens of its answers to {prompts} are {across:.3} apart in total variation, and {within:.3} where it is \
                 asked twice at a time (p = {p_value:.1e})"
            ),
            By::Words => write!(
                out,
                "{:.0} % of its most probable answers to {prompts} differ, and {:.0} % where it is asked twice at a time \
                 (p = {p_value:.1e})",
                100.0 * across,
                100.0 * within
            ),
        }
    }
}

fn distance(by: By, one: &CanaryAnswer, other: &CanaryAnswer) -> Option<f64> {
    match (by, one, other) {
        (
            By::FirstTokens,
            CanaryAnswer::FirstTokens { listed: a, others: of_a },
            CanaryAnswer::FirstTokens { listed: b, others: of_b },
        ) => {
            let (a, b) = (Listed { entries: a, others: *of_a }, Listed { entries: b, others: *of_b });
            Some(least_total_variation(a, b))
        }
        (By::Words, CanaryAnswer::Words(a), CanaryAnswer::Words(b)) => Some(if a == b { 0.0 } else { 1.0 }),
        _ => None,
    }
}

/// The prompts whose answers at two times are further apart than those of either time, and further than reduced precision explains.
#[must_use]
pub fn differing<'c>(then: &'c [CanaryPrompt], now: &[CanaryPrompt]) -> Vec<&'c str> {
    let differs = |one: &&CanaryPrompt| {
        let Some(other) = now.iter().find(|other| other.prompt == one.prompt) else { return false };
        let ([a, b], [c, d]) = (&one.answers, &other.answers);
        let differ = |by: By| {
            let least = [(a, c), (a, d), (b, c), (b, d)].map(|(x, y)| distance(by, x, y));
            let least = least.into_iter().collect::<Option<Vec<f64>>>()?.into_iter().fold(f64::INFINITY, f64::min);
            let within = distance(by, a, b)?.max(distance(by, c, d)?);
            Some(least > within.max(SMALL))
        };
        [By::FirstTokens, By::Words].into_iter().find_map(differ).unwrap_or(false)
    };
    then.iter().filter(differs).map(|one| one.prompt.as_str()).collect()
}

/// The first time at which a model was another one than when it was first asked, with the numbers.
#[must_use]
pub fn change(model: &CanaryModel) -> Option<(CanaryTime, CanaryTime, Compared)> {
    let (first, later) = model.asked.split_first()?;
    let differs = |now: &CanaryAsking| {
        let compared = Compared::of(&first.prompts, &now.prompts).filter(Compared::changed)?;
        Some((first.at, now.at, compared))
    };
    later.iter().find_map(differs)
}

/// When that was.
#[must_use]
pub fn in_words(at: CanaryTime) -> &'static str {
    match at {
        CanaryTime::Stored => "the first answers in the store",
        CanaryTime::Began => "the beginning of the run",
        CanaryTime::Resumed => "the time when the run went on",
        CanaryTime::Ended => "the end of the run",
    }
}

impl FindingContext<'_> {
    /// A model of the run is not the one that it was when it was first asked.
    pub(crate) fn model_changed(&self) -> Option<Finding> {
        let rows = self.evidence.rows;
        let manifest = &rows.manifest;
        let models = [
            ("teacher", Some(&manifest.teacher)),
            ("student", Some(&manifest.student)),
            ("base", manifest.base.as_ref()),
            ("control", manifest.control.as_ref()),
        ];
        let changes = models.into_iter().filter_map(|(role, identity)| {
            let identity = identity?;
            let model = rows.canaries.of(&identity.key())?;
            let (then, now, compared) = change(model)?;
            let accepted = if model.accepted { ", which was accepted (`--accept canaries`)" } else { "" };
            let (then, now) = (in_words(then), in_words(now));
            Some((format!("the {role}, {}", identity.name), format!("Between {then} and {now}{accepted}: {compared}.")))
        });
        let changes: Vec<(String, String)> = changes.collect();
        let (who, _) = changes.first()?;
        let details: Vec<&str> = changes.iter().map(|(_, detail)| detail.as_str()).collect();
        Some(Finding {
            id: "model_changed".into(),
            severity: Severity::Notable,
            title: format!("Another model was served under the name of {who}"),
            detail: format!("{} Its answers in this run are of more than one model.", details.join(" ")),
            next_step: "Ask its provider for a name that stays one model, and audit that with an answer store of its own (--store)."
                .into(),
            evidence: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn tokens(p: f64) -> CanaryAnswer {
        let listed = vec![("The".to_owned(), p.ln()), ("A".to_owned(), (0.9 - p).ln())];
        CanaryAnswer::FirstTokens { listed, others: 0.1f64.ln() }
    }

    fn asked(answer: impl Fn(usize, usize) -> CanaryAnswer) -> Vec<CanaryPrompt> {
        let prompt = |at: usize| CanaryPrompt { prompt: format!("{at}"), answers: [answer(at, 0), answer(at, 1)] };
        (0..8).map(prompt).collect()
    }

    fn changed(then: &[CanaryPrompt], now: &[CanaryPrompt]) -> bool {
        Compared::of(then, now).unwrap().changed()
    }

    #[test]
    fn another_model_is_noticed_by_its_first_tokens_and_by_its_words() {
        let (then, now) = (asked(|_, _| tokens(0.5)), asked(|_, _| tokens(0.6)));
        assert!(changed(&then, &now));
        let words = |text: &'static str| asked(move |at, _| CanaryAnswer::Words(format!("{text} {at}")));
        assert!(changed(&words("one"), &words("other")));
        assert!(!changed(&words("one"), &words("one")));
        assert_eq!(differing(&then, &now).len(), 8);
        assert_eq!(differing(&words("one"), &words("one")), Vec::<&str>::new());
        // A prompt that is never answered twice alike says nothing.
        let noisy = |salt: usize| {
            asked(move |at, time| CanaryAnswer::Words(format!("{salt} {}", if at == 0 { time } else { 9 })))
        };
        assert_eq!(differing(&noisy(1), &noisy(2)).len(), 7);
    }

    #[test]
    fn reduced_precision_is_no_change_however_steady() {
        // Idle then, loaded now: both steady, and 0.03 apart.
        let (then, now) = (asked(|_, _| tokens(0.5)), asked(|_, _| tokens(0.53)));
        let compared = Compared::of(&then, &now).unwrap();
        assert!(!compared.changed() && compared.found.p_value < LEVEL, "{compared}");
    }

    #[test]
    fn what_a_model_differs_by_from_itself_is_no_change() {
        // As far apart at a time as between times, whoever is asked when.
        let noisy = |salt: usize| asked(move |at, time| tokens(0.3 + 0.05 * ((7 * at + 5 * time + salt) % 8) as f64));
        assert!(!changed(&noisy(0), &noisy(3)));
        let drawn =
            |salt: usize| asked(move |at, time| CanaryAnswer::Words(format!("{}", (at + 3 * time + salt) % 11)));
        assert!(!changed(&drawn(0), &drawn(5)));
        // A few greedy answers that flip are not another model.
        let flips = |which: usize| asked(move |at, _| CanaryAnswer::Words(format!("{}", at < which)));
        assert!(!changed(&flips(0), &flips(3)));
    }

    #[test]
    fn ways_of_answering_are_not_compared_with_each_other() {
        assert_eq!(Compared::of(&asked(|_, _| tokens(0.5)), &asked(|_, _| CanaryAnswer::Words(String::new()))), None);
    }
}
