//! Findings: what to look at first, with evidence from both models and a next step. Each function looks for one thing and
//! returns it only where the numbers show it. Those on one kind of question stand beside it, in `kind/*/findings.rs`.

mod exclusions;
mod style;

use hydrometer_metrics::measure::{self, Definition, answers, choices, episodes, tokens};
use hydrometer_metrics::{Estimate, Verdict};
use hydrometer_probes::counted::counted;

use crate::evidence::Evidence;
use crate::kind::tokens::Scored;
use crate::statement::{EvidenceItem, Finding, Gate, Severity, Slice, Statement};

/// Pieces of evidence beside a finding.
pub(crate) const EXAMPLES: usize = 5;

/// All findings, most important first.
pub(crate) fn findings(statement: &Statement, evidence: &Evidence<'_>) -> Vec<Finding> {
    let look = FindingContext { statement, evidence };
    let mut found: Vec<Finding> = [
        look.degenerate(),
        look.model_changed(),
        look.vocabularies(),
        look.outside(),
        look.identical(),
        look.temperature(),
        look.sharpness(),
        look.tail_lost(),
        look.tail_invented(),
        look.certain_flips(),
        look.forks(),
        look.falls_off(),
        look.slice(),
        look.diversity(),
        look.mode_only(),
        look.answers_lost(),
        look.illusion(),
        look.style_lost(),
        look.forgotten(),
        look.cut_answers(),
        look.choices_lost(),
        look.no_favourite(),
        look.episodes_lost(),
        look.recovery_lost(),
        look.horizon_lost(),
        look.malformed_calls(),
        look.refusals(),
        look.newly_unsafe(),
        look.newly_over_refusing(),
        look.context_ignored(),
        look.boundary_moved(),
        look.attacks_gained(),
        look.overconfidence(),
        look.better_but_different(),
        look.undecided(),
    ]
    .into_iter()
    .flatten()
    .collect();
    exclusions::settle(&mut found, &statement.metrics);
    found.extend(look.unexplained(&found));
    // A stable sort: within a severity the order above stands.
    found.sort_by_key(|f| f.severity);
    found
}

/// What findings look at.
pub(crate) struct FindingContext<'a> {
    pub statement: &'a Statement,
    pub evidence: &'a Evidence<'a>,
}

impl FindingContext<'_> {
    pub(crate) fn estimate(&self, metric: &Definition) -> Option<&Estimate> {
        self.statement.metrics.iter().find(|m| m.id == metric.id)?.estimate.as_ref()
    }

    pub(crate) fn value(&self, metric: &Definition) -> Option<f64> {
        self.estimate(metric).map(|e| e.value)
    }

    /// Serious when a gate on one of these metrics fails, else notable.
    pub(crate) fn severity(&self, metrics: &[&Definition]) -> Severity {
        let fails = |g: &&Gate| g.verdict == Verdict::Fail && metrics.iter().any(|metric| metric.id == g.metric);
        if self.statement.gates.iter().any(|g| fails(&g)) { Severity::Serious } else { Severity::Notable }
    }

    /// Whether every gate on a metric passes, and there is one.
    fn passes(&self, metric: &str) -> bool {
        let mut gates = self.statement.gates.iter().filter(|gate| gate.metric == metric).peekable();
        gates.peek().is_some() && gates.all(|gate| gate.verdict == Verdict::Pass)
    }

    /// Whether a slice by itself is beyond what a gate allows the whole.
    fn misses(&self, slice: &Slice) -> bool {
        let Some(interval) = &slice.estimate.interval else { return false };
        let of_metric = self.statement.gates.iter().filter(|gate| gate.metric == slice.metric);
        of_metric.filter_map(|gate| gate.at_most).any(|margin| interval.low > margin)
    }

    pub(crate) fn scored(&self) -> impl Iterator<Item = Scored<'_>> {
        self.evidence.rows.scored()
    }

    fn slice(&self) -> Option<Finding> {
        let lost = [
            &tokens::KL_DIVERGENCE,
            &choices::CHOICE_LOST,
            &answers::ANSWER_NET_LOSS,
            &answers::MISSING_EXCESS,
            &episodes::EPISODE_NET_LOSS,
        ];
        let whole = |s: &Slice| self.value(measure::find(&s.metric)?);
        let worse = |s: &&Slice| {
            let lost = lost.iter().any(|metric| metric.id == s.metric);
            s.differs && lost && whole(s).is_some_and(|whole| s.estimate.value > whole)
        };
        let mut worst: Vec<_> = self.statement.slices.iter().filter(worse).collect();
        worst.sort_by(|a, b| {
            // Of a difference nothing may be lost over all: then a slice that loses stands out without end.
            let excess = |s: &Slice| match whole(s) {
                Some(whole) if whole > 0.0 => s.estimate.value / whole,
                _ => f64::INFINITY,
            };
            excess(b).total_cmp(&excess(a))
        });
        let first = worst.first()?;
        let overall = whole(first)?;
        Some(Finding {
            id: "weak_slice".into(),
            severity: if self.passes(&first.metric) && !worst.iter().any(|slice| self.misses(slice)) {
                Severity::Informative
            } else {
                Severity::Notable
            },
            title: format!(
                "The student is furthest from its teacher on {} ({} {:.3}, overall {overall:.3})",
                first.name, first.metric, first.estimate.value
            ),
            detail:
                "Slices named here differ from the rest of the suite by more than chance (Benjamini–Hochberg, 5 %)."
                    .into(),
            next_step: format!("Add distillation data like {}; probe it with more families.", first.name),
            evidence: worst
                .iter()
                .take(EXAMPLES)
                .map(|s| EvidenceItem {
                    place: s.name.clone(),
                    teacher: format!("{} over the whole suite {:.3}", s.metric, whole(s).unwrap_or(0.0)),
                    student: format!("here {:.3}", s.estimate.value),
                })
                .collect(),
        })
    }

    /// Gates fail, and nothing above is serious: the gates themselves, with the positions or prompts that are furthest.
    fn unexplained(&self, found: &[Finding]) -> Option<Finding> {
        let failed: Vec<&Gate> = self.statement.gates.iter().filter(|g| g.verdict == Verdict::Fail).collect();
        if failed.is_empty() || found.iter().any(|finding| finding.severity == Severity::Serious) {
            return None;
        }
        let name = |gate: &&Gate| measure::text(&gate.metric).map_or(gate.metric.as_str(), |text| text.name).to_owned();
        let names: Vec<String> = failed.iter().map(name).collect();
        Some(Finding {
            id: "failed_gates".into(),
            severity: Severity::Serious,
            title: format!("The student misses what the policy asks for: {}", names.join(", ")),
            detail: failed.iter().map(|gate| gate.explanation.as_str()).collect::<Vec<_>>().join(". ") + ".",
            next_step: "Look at the positions below, and at the metric's page for what moves it.".into(),
            evidence: self.positions(|row| row.apart.into()),
        })
    }

    fn undecided(&self) -> Option<Finding> {
        let undecided: Vec<_> =
            self.statement.gates.iter().filter(|g| g.verdict == Verdict::NotEnoughEvidence).collect();
        let more = undecided.iter().filter_map(|g| g.more_families).max();
        (!undecided.is_empty()).then(|| Finding {
            id: "undecided".into(),
            severity: Severity::Informative,
            title: format!(
                "{} undecided on {}",
                counted(undecided.len() as u64, "gate"),
                counted(self.statement.suite.families, "family")
            ),
            detail: match self.statement.deciding {
                Some(_) => "The evidence of neither side reached its threshold.".into(),
                None if undecided.iter().any(|gate| gate.corrected.is_some()) => {
                    "The interval straddles the margin, or a single family allows none; some miss it by themselves, but not \
                     among so many gates (Holm's correction)."
                        .into()
                }
                None => "The interval straddles the margin, or a single family allows none.".into(),
            },
            next_step: match more {
                _ if self.statement.deciding.is_some() => {
                    "Ask more families (documents or unrelated probes), or raise --cap where it ended the watch.".into()
                }
                Some(more) => {
                    format!("Add about {} (documents or unrelated probes), not longer ones.", counted(more, "family"))
                }
                None if undecided.iter().any(|gate| gate.corrected.is_some()) => {
                    "Add families (documents or unrelated probes), or gate fewer numbers.".into()
                }
                None => "Add families (documents or unrelated probes): one family allows no interval.".into(),
            },
            evidence: Vec::new(),
        })
    }
}

/// A number as evidence.
pub(crate) fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "not measured".into(), |v| format!("{v:.4}"))
}
