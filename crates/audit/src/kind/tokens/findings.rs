//! Findings on texts: what the next-token distributions show.

use hydrometer_answers::Regime;
use hydrometer_metrics::Verdict;
use hydrometer_metrics::measure::tokens;

use crate::findings::{EXAMPLES, FindingContext, number};
use crate::kind::tokens::{Scored, outside};
use crate::statement::{EvidenceItem, Finding, Pairing, Severity};

impl FindingContext<'_> {
    pub(crate) fn vocabularies(&self) -> Option<Finding> {
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
            evidence: vec![EvidenceItem {
                place: "bits per byte".into(),
                teacher: number(self.value(&tokens::BITS_PER_BYTE_TEACHER)),
                student: number(self.value(&tokens::BITS_PER_BYTE_STUDENT)),
            }],
        })
    }

    /// Probability that token metrics cannot see: what they say holds for the rest of each distribution.
    pub(crate) fn outside(&self) -> Option<Finding> {
        const NOTABLE: f64 = 1e-6;
        let [teacher, student] = outside::masses(&self.evidence.rows.positions)?;
        (teacher.mean.max(student.mean) > NOTABLE).then(|| Finding {
            id: "outside_the_vocabulary".into(),
            severity: Severity::Notable,
            title: "The models give probability to entries that are no token of both".into(),
            detail: "Padding rows of the output matrix and special tokens that only one model has are not what the two share; \
                     entries that are not compared are left out, and the rest counts as the whole."
                .into(),
            next_step: "Look at the rows of the output matrix beyond the tokenizer's tokens: were they trained, or overwritten?"
                .into(),
            evidence: vec![EvidenceItem {
                place: "probability there, on average".into(),
                teacher: format!("{:.1e}", teacher.mean),
                student: format!("{:.1e}", student.mean),
            }],
        })
    }

    pub(crate) fn identical(&self) -> Option<Finding> {
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
            evidence: vec![EvidenceItem {
                place: "weights".into(),
                teacher: self.statement.teacher.weights.clone(),
                student: self.statement.student.weights.clone(),
            }],
        })
    }

    pub(crate) fn temperature(&self) -> Option<Finding> {
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

    fn entropies(&self) -> EvidenceItem {
        let totals = self
            .scored()
            .fold((0.0, 0.0), |(t, s), row| (t + f64::from(row.teacher_entropy), s + f64::from(row.student_entropy)));
        let n = self.evidence.rows.scored_positions().max(1) as f64;
        EvidenceItem {
            place: "mean entropy of the next token".into(),
            teacher: format!("{:.3} nats", totals.0 / n),
            student: format!("{:.3} nats", totals.1 / n),
        }
    }

    pub(crate) fn sharpness(&self) -> Option<Finding> {
        let ratio = self.estimate(&tokens::ENTROPY_RATIO)?;
        let interval = ratio.interval.as_ref()?;
        let (title, next_step) = if interval.high < 0.5 {
            (
                format!(
                    "On texts the student has collapsed: it keeps {:.0} % of the teacher's entropy",
                    100.0 * ratio.value
                ),
                "Distil on full distributions or sampled answers instead of the most probable ones.",
            )
        } else if interval.high < 0.9 {
            (
                format!("On texts the student is overconfident: {:.0} % of the teacher's entropy", 100.0 * ratio.value),
                "Distil with soft labels at temperature 1, or raise the serving temperature.",
            )
        } else if interval.low > 1.1 {
            (
                format!("On texts the student is less certain: {:.0} % of the teacher's entropy", 100.0 * ratio.value),
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

    pub(crate) fn tail_lost(&self) -> Option<Finding> {
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

    pub(crate) fn tail_invented(&self) -> Option<Finding> {
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

    pub(crate) fn certain_flips(&self) -> Option<Finding> {
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
            evidence: self.positions(|row| if flips(row) { row.apart.into() } else { 0.0 }),
        })
    }

    pub(crate) fn forks(&self) -> Option<Finding> {
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

    pub(crate) fn better_but_different(&self) -> Option<Finding> {
        let ratio = self.estimate(&tokens::PERPLEXITY_RATIO)?;
        let fails = self.statement.verdict == Verdict::Fail;
        (fails && ratio.interval.as_ref()?.high < 1.0).then(|| Finding {
            id: "better_but_different".into(),
            severity: Severity::Informative,
            title: format!("The student predicts these texts better (perplexity ratio {:.3})", ratio.value),
            detail: "It differs from its teacher, and on these texts not for the worse: fidelity is not quality."
                .into(),
            next_step: "Decide whether you want the teacher's behaviour or the better fit to this text.".into(),
            evidence: vec![EvidenceItem {
                place: "bits per byte".into(),
                teacher: number(self.value(&tokens::BITS_PER_BYTE_TEACHER)),
                student: number(self.value(&tokens::BITS_PER_BYTE_STUDENT)),
            }],
        })
    }

    /// The positions where `score` is largest, as evidence.
    pub(crate) fn positions(&self, score: impl Fn(&Scored<'_>) -> f64) -> Vec<EvidenceItem> {
        let mut scored: Vec<_> = self.scored().map(|row| (score(&row), row)).filter(|s| s.0 > 0.0).collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        let shown = |row: &Scored<'_>| EvidenceItem {
            place: format!("{}#{}, position {}, before {:?}", row.probe, row.window, row.position, row.token_text),
            teacher: format!("{:?} at {:.3}", row.teacher_top1_text, row.teacher_top1_prob),
            student: format!("{:?} at {:.3}", row.student_top1_text, row.student_top1_prob),
        };
        scored.iter().take(EXAMPLES).map(|s| shown(&s.1)).collect()
    }
}
