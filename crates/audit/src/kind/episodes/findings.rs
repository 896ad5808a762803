//! Findings on episodes.

use hydrometer_metrics::measure::episodes::{EPISODE_NET_LOSS, EPISODE_SUCCESS, RECOVERY_RATIO, SURVIVAL_RATIO};

use crate::findings::{EXAMPLES, FindingContext, number};
use crate::statement::{EpisodeCase, EpisodeRuns, EvidenceItem, Finding, Outcome, Severity};

/// Share of answers that are malformed calls above which that is said.
const MALFORMED: f64 = 0.05;

impl FindingContext<'_> {
    pub(crate) fn episodes_lost(&self) -> Option<Finding> {
        let lost = self.estimate(&EPISODE_NET_LOSS).filter(|lost| lost.interval.is_some_and(|of| of.low > 0.0))?;
        let worst = self.statement.episodes.as_ref()?.axes.iter();
        let worst = worst.max_by(|a, b| (a.teacher - a.student).total_cmp(&(b.teacher - b.student)))?;
        let cases = self.statement.episode_cases.iter().filter(|case| case.outcome == Outcome::Lost);
        let item = |case: &EpisodeCase| EvidenceItem {
            place: case.probe.clone(),
            teacher: case.teacher_ended.clone(),
            student: case.student_ended.clone(),
        };
        Some(Finding {
            id: "episodes_lost".into(),
            severity: self.severity(&[&EPISODE_NET_LOSS, &EPISODE_SUCCESS]),
            title: format!(
                "In worlds the student succeeds {:.0} points less often than its teacher",
                100.0 * lost.value
            ),
            detail: format!(
                "Furthest on {}: {:.0} % against the teacher's {:.0} %.",
                worst.axis,
                100.0 * worst.student,
                100.0 * worst.teacher
            ),
            next_step: "Read where the transcripts part, and add whole episodes of that kind to the distillation data."
                .into(),
            evidence: cases.take(EXAMPLES).map(item).collect(),
        })
    }

    pub(crate) fn recovery_lost(&self) -> Option<Finding> {
        let ratio = self.estimate(&RECOVERY_RATIO).filter(|of| of.interval.is_some_and(|of| of.high < 1.0))?;
        Some(Finding {
            id: "recovery_lost".into(),
            severity: self.severity(&[&RECOVERY_RATIO]),
            title: format!("When something goes wrong the student keeps {:.2} of what its teacher keeps", ratio.value),
            detail: "The same episodes with a fault and without: what the fault takes from the student beyond what it \
                     takes from the teacher."
                .into(),
            next_step: "Add episodes in which a call fails and the teacher goes on.".into(),
            evidence: Vec::new(),
        })
    }

    pub(crate) fn horizon_lost(&self) -> Option<Finding> {
        let ratio = self.estimate(&SURVIVAL_RATIO).filter(|of| of.interval.is_some_and(|of| of.high < 1.0))?;
        Some(Finding {
            id: "horizon_lost".into(),
            severity: self.severity(&[&SURVIVAL_RATIO]),
            title: format!(
                "Over many turns the student keeps to what was agreed {:.2} times as long as its teacher",
                ratio.value
            ),
            detail: "Turns up to the first one that violates a constraint, or that does not do what was asked.".into(),
            next_step: "Add conversations in which something said at the beginning is needed many turns later.".into(),
            evidence: Vec::new(),
        })
    }

    pub(crate) fn malformed_calls(&self) -> Option<Finding> {
        let episodes = self.statement.episodes.as_ref()?;
        let share = |runs: &EpisodeRuns| {
            let meant = runs.calls + runs.malformed;
            (runs.malformed + runs.invalid) as f64 / meant.max(1) as f64
        };
        let (teacher, student) = (share(&episodes.teacher), share(&episodes.student));
        (student > teacher + MALFORMED).then(|| Finding {
            id: "malformed_calls".into(),
            severity: Severity::Notable,
            title: format!("{:.0} % of the student's calls are malformed or refused by their schema", 100.0 * student),
            detail: "A call that nobody can read fails the episode, however well the student would act.".into(),
            next_step: "Add tool calls in the very form that will be parsed, or constrain decoding to it.".into(),
            evidence: vec![EvidenceItem {
                place: "share of calls".into(),
                teacher: number(Some(teacher)),
                student: number(Some(student)),
            }],
        })
    }
}
