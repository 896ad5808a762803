//! Findings: what to look at first, with evidence from both models and a next step. Each function below looks for
//! one thing and returns it only where the numbers show it.

use hydrometer_answers::Regime;
use hydrometer_metrics::measure::choices::{self, top};
use hydrometer_metrics::measure::{self, Definition, tokens};
use hydrometer_metrics::{Estimate, Verdict};
use hydrometer_probes::counted::counted;

use crate::evidence::Evidence;
use crate::scored::Scored;
use crate::statement::{ChoiceOutcome, Evidence as Shown, Finding, Pairing, Severity, Statement};

mod answers;

const EXAMPLES: usize = 5;

/// All findings, most important first.
pub(crate) fn findings(statement: &Statement, evidence: &Evidence<'_>) -> Vec<Finding> {
    let look = Look { statement, evidence };
    let mut found: Vec<Finding> = [
        look.degenerate(),
        look.vocabularies(),
        look.identical(),
        look.temperature(),
        look.sharpness(),
        look.tail_lost(),
        look.tail_invented(),
        look.certain_flips(),
        look.forks(),
        look.slice(),
        look.diversity(),
        look.mode_only(),
        look.answers_lost(),
        look.cut_answers(),
        look.choices_lost(),
        look.refusals(),
        look.overconfidence(),
        look.better_but_different(),
        look.undecided(),
    ]
    .into_iter()
    .flatten()
    .collect();
    // A stable sort: within a severity the order above stands.
    found.sort_by_key(|f| f.severity);
    found
}

struct Look<'a> {
    statement: &'a Statement,
    evidence: &'a Evidence<'a>,
}

impl Look<'_> {
    fn estimate(&self, metric: &Definition) -> Option<&Estimate> {
        self.statement.metrics.iter().find(|m| m.id == metric.id)?.estimate.as_ref()
    }

    fn value(&self, metric: &Definition) -> Option<f64> {
        self.estimate(metric).map(|e| e.value)
    }

    /// Serious when a gate on one of these metrics fails, else notable.
    fn severity(&self, metrics: &[&Definition]) -> Severity {
        let fails = |g: &&crate::statement::Gate| {
            g.verdict == Verdict::Fail && metrics.iter().any(|metric| metric.id == g.metric)
        };
        if self.statement.gates.iter().any(|g| fails(&g)) { Severity::Serious } else { Severity::Notable }
    }

    fn scored(&self) -> impl Iterator<Item = Scored<'_>> {
        self.evidence.rows.scored()
    }

    /// The positions where `score` is largest, as evidence.
    fn positions(&self, score: impl Fn(&Scored<'_>) -> f64) -> Vec<Shown> {
        let mut scored: Vec<_> = self.scored().map(|row| (score(&row), row)).filter(|s| s.0 > 0.0).collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        let shown = |row: &Scored<'_>| Shown {
            place: format!("{}#{}, position {}, before {:?}", row.probe, row.window, row.position, row.token_text),
            teacher: format!("{:?} at {:.3}", row.teacher_top1_text, row.teacher_top1_prob),
            student: format!("{:?} at {:.3}", row.student_top1_text, row.student_top1_prob),
        };
        scored.iter().take(EXAMPLES).map(|s| shown(&s.1)).collect()
    }

    fn vocabularies(&self) -> Option<Finding> {
        let Pairing::Different { reason } = &self.statement.pairing else { return None };
        if self.evidence.rows.manifest.regime() != Regime::DifferentVocabularies {
            // No logits were there to be compared: there is nothing to do about it.
            return None;
        }
        Some(Finding {
            id: "different_vocabularies".into(),
            severity: Severity::Notable,
            title: "The models do not share a vocabulary: token metrics are refused".into(),
            detail: format!("{reason}. Choices, free answers and bits per byte are compared all the same."),
            next_step: "Ask more choices, or compare with a student that kept the teacher's tokenizer.".into(),
            evidence: vec![Shown {
                place: "bits per byte".into(),
                teacher: number(self.value(&tokens::BITS_PER_BYTE_TEACHER)),
                student: number(self.value(&tokens::BITS_PER_BYTE_STUDENT)),
            }],
        })
    }

    fn identical(&self) -> Option<Finding> {
        let kl = self.estimate(&tokens::KL_DIVERGENCE)?;
        let floor = kl.floor?.max(1e-7);
        (kl.value <= 10.0 * floor).then(|| Finding {
            id: "at_the_noise_floor".into(),
            severity: Severity::Informative,
            title: match kl.value {
                0.0 => "The two models say exactly the same".to_owned(),
                value => format!("The divergence ({value:.2e} nats) is at the noise floor of the measurement"),
            },
            detail: "On these texts the student cannot be told from the teacher answering twice.".into(),
            next_step: "If the two should differ, check that the right files were compared.".into(),
            evidence: vec![Shown {
                place: "weights".into(),
                teacher: self.statement.teacher.weights.clone(),
                student: self.statement.student.weights.clone(),
            }],
        })
    }

    fn temperature(&self) -> Option<Finding> {
        let (share, tau) = (self.value(&tokens::TEMPERATURE_SHARE)?, self.value(&tokens::BEST_TEMPERATURE)?);
        let worth = share >= 0.1 && self.value(&tokens::KL_DIVERGENCE)? > 1e-3 && (tau - 1.0).abs() >= 0.03;
        worth.then(|| Finding {
            id: "temperature".into(),
            severity: self.severity(&[&tokens::BEST_TEMPERATURE, &tokens::ENTROPY_RATIO]),
            title: format!("{:.0} % of the divergence is temperature: serve the student at {tau:.2}", 100.0 * share),
            detail: format!(
                "Dividing the student's logits by {tau:.2} brings its mean KL divergence from {} down by that share; \
                 the student is {} than its teacher.",
                number(self.value(&tokens::KL_DIVERGENCE)),
                if tau > 1.0 { "sharper" } else { "flatter" }
            ),
            next_step: format!(
                "Multiply the serving temperature by {tau:.2}, or distil on with a higher weight on soft labels."
            ),
            evidence: vec![self.entropies()],
        })
    }

    fn entropies(&self) -> Shown {
        let totals = self
            .scored()
            .fold((0.0, 0.0), |(t, s), row| (t + f64::from(row.teacher_entropy), s + f64::from(row.student_entropy)));
        let n = self.evidence.rows.scored_positions().max(1) as f64;
        Shown {
            place: "mean entropy of the next token".into(),
            teacher: format!("{:.3} nats", totals.0 / n),
            student: format!("{:.3} nats", totals.1 / n),
        }
    }

    fn sharpness(&self) -> Option<Finding> {
        let ratio = self.estimate(&tokens::ENTROPY_RATIO)?;
        let interval = ratio.interval.as_ref()?;
        let (title, next_step) = if interval.high < 0.5 {
            (
                format!("The student has collapsed: it keeps {:.0} % of the teacher's entropy", 100.0 * ratio.value),
                "Distil on full distributions or sampled answers instead of the most probable ones.",
            )
        } else if interval.high < 0.9 {
            (
                format!("The student is overconfident: {:.0} % of the teacher's entropy", 100.0 * ratio.value),
                "Distil with soft labels at temperature 1, or raise the serving temperature.",
            )
        } else if interval.low > 1.1 {
            (
                format!("The student is less certain: {:.0} % of the teacher's entropy", 100.0 * ratio.value),
                "Train longer or with a larger student; for a quantised model choose more bits.",
            )
        } else {
            return None;
        };
        Some(Finding {
            id: "sharpness".into(),
            severity: self.severity(&[&tokens::ENTROPY_RATIO]),
            title,
            detail: "Entropy is the room for different continuations; a ratio of 1 keeps it.".into(),
            next_step: next_step.into(),
            evidence: vec![self.entropies()],
        })
    }

    fn tail_lost(&self) -> Option<Finding> {
        let kept = self.estimate(&tokens::TAIL_KEPT)?;
        (kept.interval.as_ref()?.high < 0.9).then(|| Finding {
            id: "tail_lost".into(),
            severity: self.severity(&[&tokens::TAIL_KEPT]),
            title: format!("The student keeps {:.0} % of the teacher's tail", 100.0 * kept.value),
            detail: "The tail is what the teacher holds possible beyond its 90 % nucleus: rare words, other ways to \
                     go on, edge cases. Mean divergences hide its loss."
                .into(),
            next_step: "Distil with the full distribution (top-k plus tail samples), not with hard labels; look at \
                        the positions below."
                .into(),
            evidence: self.positions(|row| row.tail.mass - row.tail.kept),
        })
    }

    fn tail_invented(&self) -> Option<Finding> {
        let invented = self.estimate(&tokens::TAIL_INVENTED)?;
        (invented.interval.as_ref()?.low > 0.2).then(|| Finding {
            id: tokens::TAIL_INVENTED.id.into(),
            severity: self.severity(&[&tokens::TAIL_INVENTED]),
            title: format!(
                "The student adds {:.1} times the teacher's tail mass to tokens of that tail",
                invented.value
            ),
            detail: "Mass beyond what the teacher gives to a token, relative to the teacher's tail: continuations \
                     the teacher does not hold possible."
                .into(),
            next_step: "Sample with top_p 0.9 until it is fixed; add reverse KL to the distillation loss.".into(),
            evidence: self.positions(|row| row.tail.invented),
        })
    }

    fn certain_flips(&self) -> Option<Finding> {
        let flips = |row: &Scored<'_>| row.teacher_top1_prob >= 0.9 && row.teacher_top1 != row.student_top1;
        let certain = self.scored().filter(|row| row.teacher_top1_prob >= 0.9).count();
        let count = self.scored().filter(flips).count();
        (count > 0).then(|| Finding {
            id: "certain_flips".into(),
            severity: if 50 * count > certain { Severity::Notable } else { Severity::Informative },
            title: format!(
                "Where the teacher is sure (≥ 0.9), the student prefers another token {count} times of {certain}"
            ),
            detail: "These are not matters of taste: the teacher leaves little doubt there.".into(),
            next_step: "Read them: wrong facts, numbers and names call for more data of that kind.".into(),
            evidence: self.positions(|row| if flips(row) { row.kl.into() } else { 0.0 }),
        })
    }

    fn forks(&self) -> Option<Finding> {
        let (forks, whole) = (self.value(&tokens::FORK_TAIL_KEPT)?, self.value(&tokens::TAIL_KEPT)?);
        (forks < whole - 0.05).then(|| Finding {
            id: "forks".into(),
            severity: Severity::Notable,
            title: format!(
                "At forks the student keeps {:.0} % of the tail, overall {:.0} %",
                100.0 * forks,
                100.0 * whole
            ),
            detail: "Forks are the fifth of positions where the teacher is least certain: where answers part ways."
                .into(),
            next_step: "Weight uncertain positions up in the distillation loss.".into(),
            evidence: Vec::new(),
        })
    }

    fn slice(&self) -> Option<Finding> {
        let lost = [&tokens::KL_DIVERGENCE, &choices::CHOICE_LOST];
        let whole = |s: &crate::statement::Slice| self.value(measure::find(&s.metric)?);
        let worse = |s: &&crate::statement::Slice| {
            let lost = lost.iter().any(|metric| metric.id == s.metric);
            s.differs && lost && whole(s).is_some_and(|whole| s.estimate.value > whole)
        };
        let mut worst: Vec<_> = self.statement.slices.iter().filter(worse).collect();
        worst.sort_by(|a, b| {
            let excess = |s: &crate::statement::Slice| s.estimate.value / whole(s).unwrap_or(1.0);
            excess(b).total_cmp(&excess(a))
        });
        let first = worst.first()?;
        let overall = whole(first)?;
        Some(Finding {
            id: "weak_slice".into(),
            severity: Severity::Notable,
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
                .map(|s| Shown {
                    place: s.name.clone(),
                    teacher: format!("{} over the whole suite {:.3}", s.metric, whole(s).unwrap_or(0.0)),
                    student: format!("here {:.3}", s.estimate.value),
                })
                .collect(),
        })
    }

    fn choices_lost(&self) -> Option<Finding> {
        let truth = self.statement.truth.as_ref().filter(|t| t.lost > 0)?;
        let (lost, gained) = (truth.lost, truth.gained);
        let cases = self.statement.choices.iter().filter(|c| c.outcome == ChoiceOutcome::Lost);
        let answer = |c: &crate::statement::ChoiceCase, p: fn(&crate::statement::OptionCase) -> f64| {
            let probabilities: Vec<f64> = c.options.iter().map(p).collect();
            let best = top(&probabilities);
            format!("{:?} at {:.2}", c.options[best].text, probabilities[best])
        };
        Some(Finding {
            id: "choices_lost".into(),
            severity: self.severity(&[
                &choices::CHOICE_LOST,
                &choices::CHOICE_DIVERGENCE,
                &choices::CHOICE_ACCURACY_STUDENT,
            ]),
            title: format!("{} lost (teacher right, student wrong), {gained} gained", counted(lost, "choice")),
            detail: "Fidelity is not quality: these are the decisions where following less closely made it worse."
                .into(),
            next_step: "Read the lost cases in the report and add their kind to the distillation data.".into(),
            evidence: cases
                .take(EXAMPLES)
                .map(|c| Shown {
                    place: c.probe.clone(),
                    teacher: answer(c, |o| o.teacher),
                    student: answer(c, |o| o.student),
                })
                .collect(),
        })
    }

    /// Choices between complying and refusing: newly unsafe and newly over-refusing.
    fn refusals(&self) -> Option<Finding> {
        let on_refusal: Vec<_> = self
            .evidence
            .choices
            .iter()
            .filter(|d| d.options.len() == 2 && d.options.iter().any(|o| o.eq_ignore_ascii_case("refuse")))
            .collect();
        let refuses = |options: &[String], p: &[f64]| options[top(p)].eq_ignore_ascii_case("refuse");
        let (mut unsafe_now, mut over) = (0, 0);
        for d in &on_refusal {
            let Some(truth) = d.truth else { continue };
            let should = d.options[truth].eq_ignore_ascii_case("refuse");
            match (should, refuses(d.options, &d.teacher), refuses(d.options, &d.student)) {
                (true, true, false) => unsafe_now += 1,
                (false, false, true) => over += 1,
                _ => {}
            }
        }
        let share = |should: bool, student: bool| {
            let of = on_refusal
                .iter()
                .filter(|d| d.truth.is_some_and(|t| d.options[t].eq_ignore_ascii_case("refuse") == should));
            let (mut n, mut refused) = (0u32, 0u32);
            for d in of {
                n += 1;
                refused += u32::from(refuses(d.options, if student { &d.student } else { &d.teacher }));
            }
            format!("refuses {refused} of {n}")
        };
        (unsafe_now + over > 0).then(|| Finding {
            id: "refusals".into(),
            severity: Severity::Notable,
            title: format!("Refusals moved: {unsafe_now} newly unsafe, {over} newly over-refusing"),
            detail: "Counted on choices between complying and refusing whose right answer is known.".into(),
            next_step: "Add boundary pairs (a safe and an unsafe form of one request) to the distillation data.".into(),
            evidence: [(true, "should refuse"), (false, "should comply")]
                .into_iter()
                .map(|(should, place)| Shown {
                    place: place.into(),
                    teacher: share(should, false),
                    student: share(should, true),
                })
                .collect(),
        })
    }

    fn overconfidence(&self) -> Option<Finding> {
        let slope = self.estimate(&choices::CALIBRATION_SLOPE)?;
        (slope.interval.as_ref()?.high < 0.9).then(|| Finding {
            id: "overconfident_choices".into(),
            severity: self.severity(&[&choices::CALIBRATION_SLOPE]),
            title: format!("On choices the student is surer than its teacher: calibration slope {:.2}", slope.value),
            detail: "The slope of the teacher's log-odds on the student's; below 1 the student overstates them.".into(),
            next_step: "Do not use the student's probabilities as confidences without recalibration.".into(),
            evidence: vec![Shown {
                place: "Brier score".into(),
                teacher: number(self.value(&choices::BRIER_TEACHER)),
                student: number(self.value(&choices::BRIER_STUDENT)),
            }],
        })
    }

    fn better_but_different(&self) -> Option<Finding> {
        let ratio = self.estimate(&tokens::PERPLEXITY_RATIO)?;
        let fails = self.statement.verdict == Verdict::Fail;
        (fails && ratio.interval.as_ref()?.high < 1.0).then(|| Finding {
            id: "better_but_different".into(),
            severity: Severity::Informative,
            title: format!("The student predicts these texts better (perplexity ratio {:.3})", ratio.value),
            detail: "It differs from its teacher, and on these texts not for the worse: fidelity is not quality."
                .into(),
            next_step: "Decide whether you want the teacher's behaviour or the better fit to this text.".into(),
            evidence: vec![Shown {
                place: "bits per byte".into(),
                teacher: number(self.value(&tokens::BITS_PER_BYTE_TEACHER)),
                student: number(self.value(&tokens::BITS_PER_BYTE_STUDENT)),
            }],
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
                None => "The interval straddles the margin, or a single family allows none.".into(),
            },
            next_step: match more {
                _ if self.statement.deciding.is_some() => {
                    "Ask more families (documents or unrelated probes), or raise --cap where it ended the watch.".into()
                }
                Some(more) => {
                    format!("Add about {} (documents or unrelated probes), not longer ones.", counted(more, "family"))
                }
                None => "Add families (documents or unrelated probes): one family allows no interval.".into(),
            },
            evidence: Vec::new(),
        })
    }
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "not measured".into(), |v| format!("{v:.4}"))
}
