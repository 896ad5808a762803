//! Findings on free answers.

use hydrometer_metrics::Verdict;
use hydrometer_metrics::measure::illusion::{JUDGMENT_COPIED, SURFACE_COPIED};
use hydrometer_metrics::measure::{ILLUSION_GAP, answers};
use hydrometer_probes::counted::counted;
use hydrometer_probes::decision::Decision;

use crate::findings::{EXAMPLES, FindingContext};
use crate::kind::answers::copied::Parted;
use crate::kind::answers::{JudgedSample, Prompt, share};
use crate::statement::{EvidenceItem, Finding, Gate, Outcome, Severity};
use crate::verdict::withheld::{LOST_IN_BALANCE, lost_beyond_chance};

impl FindingContext<'_> {
    /// The student gives up: no number about its answers is worth reading.
    pub(crate) fn degenerate(&self) -> Option<Finding> {
        let ways = &self.statement.answers.as_ref()?.degenerate;
        let first = ways.first()?;
        Some(Finding {
            id: "degenerate".into(),
            severity: Severity::Serious,
            title: format!("The student is degenerate: {first}"),
            detail: format!("{}.", ways.join("; ")),
            next_step: "Look at the answers below; check the chat template and the sampling before anything else."
                .into(),
            evidence: self.prompts(|prompt| prompt.distance()),
        })
    }

    /// Diversity kept misses its gate.
    pub(crate) fn diversity(&self) -> Option<Finding> {
        let fails = |g: &Gate| g.metric == answers::DIVERSITY_KEPT.id && g.verdict == Verdict::Fail;
        if !self.statement.gates.iter().any(fails) {
            return None;
        }
        let kept = self.value(&answers::DIVERSITY_KEPT)?;
        let (title, detail, next_step) = if kept < 1.0 {
            (
                format!("The student gives {kept:.2} times as many different answers to a prompt as its teacher"),
                "Its distribution of answers has collapsed towards favourites; benchmarks do not see that.",
                "Distil on several sampled answers per prompt at temperature 1, not on the teacher's best one.",
            )
        } else {
            (
                format!("The student varies its answers {kept:.2} times as much as its teacher"),
                "Answers that the teacher never gives take mass from those that it does.",
                "Look for answers below that only the student gives; train longer or on sharper labels.",
            )
        };
        Some(Finding {
            id: "diversity".into(),
            severity: self.severity(&[&answers::DIVERSITY_KEPT]),
            title,
            detail: detail.into(),
            next_step: next_step.into(),
            evidence: self.prompts(|prompt| prompt.distance()),
        })
    }

    /// Agreement above its ceiling is a symptom, not a success.
    pub(crate) fn mode_only(&self) -> Option<Finding> {
        let (ratio, kept) = (self.estimate(&answers::AGREEMENT_RATIO)?, self.value(&answers::DIVERSITY_KEPT)?);
        let above = ratio.interval.as_ref().is_some_and(|interval| interval.low > 1.0);
        (above && kept < 1.0).then(|| Finding {
            id: "mode_only".into(),
            severity: self.severity(&[&answers::DIVERSITY_KEPT]),
            title: format!(
                "The student agrees with its teacher {:.2} times as often as the teacher itself",
                ratio.value
            ),
            detail: "Only a student that gives the teacher's favourites too often can do that: it has lost the rest."
                .into(),
            next_step: "Read answer agreement beside diversity kept; do not select students by agreement.".into(),
            evidence: Vec::new(),
        })
    }

    /// Prompts on which the teacher is mostly right and the student mostly wrong.
    pub(crate) fn answers_lost(&self) -> Option<Finding> {
        let (lost, gained) = (self.value(&answers::ANSWER_LOST)?, self.value(&answers::ANSWER_GAINED)?);
        // Where as many are gained, they are the more those that chance does not explain.
        let beyond = lost_beyond_chance(&self.statement.metrics).is_some_and(|lost| lost > LOST_IN_BALANCE);
        if lost <= gained && !beyond {
            return None;
        }
        let of = |outcome| self.evidence.prompts.iter().filter(|p| p.outcome() == outcome).count();
        let (lost_prompts, gained_prompts) = (of(Outcome::Lost), of(Outcome::Gained));
        let percent = |share: f64| format!("{:.1} %", 100.0 * share);
        // A teacher that is right now and then loses against itself too. What it gains varies as what it loses does, so their
        // difference is looked at: beside itself its interval lies above 0 with a chance of at most half of what is left of 1.
        let net = self.estimate(&answers::ANSWER_NET_LOSS).and_then(|net| net.interval.as_ref());
        let clear = net.is_some_and(|interval| interval.low > 0.0);
        let gates = [&answers::ANSWER_LOST, &answers::ANSWER_ACCURACY_STUDENT, &answers::EXCESS_FLIPS];
        Some(Finding {
            id: "answers_lost".into(),
            severity: if clear || beyond { self.severity(&gates) } else { Severity::Informative },
            title: format!(
                "{} of answers lost (teacher right, student wrong), {} gained; {} lost, {gained_prompts} gained",
                percent(lost),
                percent(gained),
                counted(lost_prompts as u64, "prompt")
            ),
            detail: "Counted over all pairs of a teacher's and a student's answer to one prompt.".into(),
            next_step: "Read the lost prompts in the report and add their kind to the distillation data.".into(),
            evidence: self.prompts(|prompt| prompt.truth().map_or(0.0, |cells| cells.lost)),
        })
    }

    /// It sounds like its teacher and does not judge like it, by more than chance.
    pub(crate) fn illusion(&self) -> Option<Finding> {
        const QUOTED: usize = 2;
        let gap = self.estimate(&ILLUSION_GAP)?;
        gap.interval.as_ref().filter(|interval| interval.low > 0.0)?;
        let (surface, judgment) = (self.value(&SURFACE_COPIED)?, self.value(&JUDGMENT_COPIED)?);
        let item = |(probe, parted): (&str, &Parted)| EvidenceItem {
            place: probe.to_owned(),
            teacher: quoted(&parted.teacher),
            student: quoted(&parted.student),
        };
        Some(Finding {
            id: "illusion".into(),
            severity: self.severity(&[&ILLUSION_GAP]),
            title: format!(
                "The student sounds like its teacher and does not judge like it: surface copied {surface:.2}, judgment copied \
                 {judgment:.2}"
            ),
            detail: "Whoever reads its answers will take it for its teacher where it matters least. Both are measured on the \
                     same prompts, at boundaries of judgment."
                .into(),
            next_step: "Read where they part, and distil on decisions: prompts near boundaries, with what the teacher decides."
                .into(),
            evidence: self.evidence.copying.parted().into_iter().take(QUOTED).map(item).collect(),
        })
    }

    /// Answers that reached the longest length say little.
    pub(crate) fn cut_answers(&self) -> Option<Finding> {
        let asked = self.statement.answers.as_ref()?;
        let most = asked.teacher_cut.max(asked.student_cut);
        let percent = |share: f64| format!("{:.0} %", 100.0 * share);
        (most >= 0.1).then(|| Finding {
            id: answers::CUT_ANSWERS.id.into(),
            severity: Severity::Notable,
            title: format!(
                "{} of the teacher's and {} of the student's answers were cut at their longest length",
                percent(asked.teacher_cut),
                percent(asked.student_cut)
            ),
            detail: "A cut answer may lack its conclusion: what would have followed is not compared, and a check that looks for it finds it wrong.".into(),
            next_step: "Raise --max-tokens, or shorten what the prompts ask for.".into(),
            evidence: Vec::new(),
        })
    }

    /// The prompts where `score` is largest, as evidence.
    fn prompts(&self, score: impl Fn(&Prompt<'_>) -> f64) -> Vec<EvidenceItem> {
        let mut scored: Vec<_> =
            self.evidence.prompts.iter().map(|p| (score(p), p)).filter(|scored| scored.0 > 0.0).collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        let favourite = |prompt: &Prompt<'_>, said: &[JudgedSample<'_>]| {
            let classes = 0..prompt.classes.len() as u32;
            let best = classes.max_by(|&a, &b| share(said, a).total_cmp(&share(said, b)).then(b.cmp(&a)));
            best.map_or_else(String::new, |class| {
                let label = prompt.classes[class as usize].as_deref().unwrap_or("no answer");
                let short: String = label.chars().take(80).collect();
                format!("{short:?} in {:.0} %", 100.0 * share(said, class))
            })
        };
        let shown = |prompt: &Prompt<'_>| EvidenceItem {
            place: prompt.probe.id.clone(),
            teacher: favourite(prompt, &prompt.teacher),
            student: favourite(prompt, &prompt.student),
        };
        scored.into_iter().take(EXAMPLES).map(|(_, prompt)| shown(prompt)).collect()
    }
}

/// A decision and an answer that makes it, in its own words.
fn quoted((decision, text): &(Decision, String)) -> String {
    const LONGEST: usize = 160;
    let text = text.trim();
    let short: String = text.chars().take(LONGEST).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    format!("{}: {short:?}{more}", decision.name())
}
