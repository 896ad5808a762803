//! What the student could do before distillation: graded probes by skill, before and after.

use hydrometer_metrics::Estimate;
use hydrometer_metrics::measure::choices::CALIBRATION_SLOPE;
use hydrometer_metrics::measure::forgetting::{self as measured, Attempt};
use hydrometer_metrics::measure::{FORGOTTEN, Undefined};

use crate::AuditError;
use crate::evidence::Evidence;
use crate::findings::{EXAMPLES, FindingContext};
use crate::geometry::success::{Success, successes};
use crate::geometry::{Number, too_few, trained_to};
use crate::statement::{EvidenceItem, Finding, Forgetting, ForgottenSkill, SkillsAre, Statement, stratum_name};
use crate::verdict::ground::Ground;

/// Loss of success that a gate lets pass: the margin for which a perfect student needs families enough.
const MARGIN: f64 = 0.02;
/// What is missing where no model from before distillation was asked.
const NO_BASE: &str = "needs the student before distillation: name it with `--base MODEL`";
/// What is missing where everything asked is within what the student was trained to.
const ALL_COVERED: &str = "every graded probe lies within what the student was trained to, where nothing counts as forgotten: \
                           ask at radii beyond 1";

/// The number and what stands beside it.
pub(crate) struct Measured {
    pub number: Number,
    /// `None` where nothing is known of it.
    pub statement: Option<Forgetting>,
}

/// A graded probe before and after, and how far it lies from what the student was trained to.
struct Graded<'a> {
    success: &'a Success<'a>,
    base: f64,
    skill: String,
    radius: Option<f64>,
}

/// Compares the student with its starting point.
///
/// # Errors
/// A checker that cannot be used.
pub(crate) fn measure(evidence: &Evidence<'_>) -> Result<Measured, AuditError> {
    let missing = |reason: String| Measured {
        number: Number { definition: &FORGOTTEN, found: Err(reason), reservation: None },
        statement: None,
    };
    if evidence.rows.manifest.base.is_none() {
        return Ok(missing(NO_BASE.to_owned()));
    }
    let successes = successes(evidence.rows)?;
    let graded: Vec<Graded<'_>> = successes.iter().filter_map(|success| graded(evidence, success)).collect();
    let all: Vec<Attempt<'_>> = graded.iter().map(attempt).collect();
    let known = graded.iter().any(|graded| graded.radius.is_some());
    let counts = |graded: &&Graded<'_>| !known || graded.radius.is_some_and(|radius| radius > 1.0);
    let counted: Vec<Attempt<'_>> = graded.iter().filter(counts).map(attempt).collect();
    let found = match measured::forgetting(&counted, evidence.level) {
        Ok(found) => found,
        Err(Undefined::NoSkill) if known && counted.is_empty() => return Ok(missing(ALL_COVERED.to_owned())),
        Err(undefined) => return Ok(missing(undefined.to_string())),
    };
    let recovered = measured::recovered(&all, evidence.level);
    let skill = |skill: measured::Skill| ForgottenSkill {
        skill: skill.name,
        probes: skill.probes,
        base: skill.base,
        student: skill.student,
        lost: skill.lost,
    };
    let families = found.estimate.n_families;
    Ok(Measured {
        number: Number {
            definition: &FORGOTTEN,
            found: Ok((found.estimate, Ground::Forgotten(found.limits))),
            reservation: too_few(families, MARGIN, 1.0 - evidence.level),
        },
        statement: Some(Forgetting {
            skills_are: if known { SkillsAre::BeyondTraining } else { SkillsAre::AllGraded },
            covered: (all.len() - counted.len()) as u64,
            skills: found.skills.into_iter().map(skill).collect(),
            negative_flips: found.negative_flips,
            positive_flips: found.positive_flips,
            not_recovered: recovered.as_ref().err().map(ToString::to_string),
            recovered: recovered.ok(),
        }),
    })
}

fn graded<'a>(evidence: &Evidence<'_>, success: &'a Success<'a>) -> Option<Graded<'a>> {
    let probe = success.probe;
    let skill = match &probe.boundary {
        Some(boundary) => format!("{}, {}", probe.axis, stratum_name(boundary.stratum)),
        None => probe.axis.clone(),
    };
    let radius = probe
        .knob
        .as_ref()
        .and_then(|knob| Some(knob.value / trained_to(&evidence.rows.manifest.settings, &probe.axis, &knob.name)?));
    Some(Graded { success, base: success.base?, skill, radius })
}

fn attempt<'a>(graded: &'a Graded<'_>) -> Attempt<'a> {
    Attempt {
        family: &graded.success.probe.family,
        skill: &graded.skill,
        teacher: graded.success.teacher,
        student: graded.success.student,
        base: graded.base,
    }
}

/// What must be read with the number: flips, the skill that lost most, and how sure the student is against its teacher, for
/// distillation can keep what a model knows and lose how well it knows that (arXiv:2604.16830).
pub(crate) fn beside(statement: &Statement, id: &str) -> Option<String> {
    let forgetting = statement.forgetting.as_ref().filter(|_| id == FORGOTTEN.id)?;
    let [negative, positive] =
        [&forgetting.negative_flips, &forgetting.positive_flips].map(|flips| 100.0 * flips.value);
    let mut said = format!("{negative:.1} % of answers flip to wrong, {positive:.1} % to right");
    if let Some(worst) = forgetting.skills.first() {
        said += &format!("; most lost on {}: {:.3}", worst.skill, worst.lost.value);
    }
    let slope = statement.metrics.iter().find(|metric| metric.id == CALIBRATION_SLOPE.id);
    if let Some(slope) = slope.and_then(|metric| metric.estimate.as_ref()) {
        said += &format!("; calibration slope against the teacher {:.2}", slope.value);
    }
    Some(said)
}

impl FindingContext<'_> {
    /// It could do something before distillation that it cannot do any more, by more than chance.
    pub(crate) fn forgotten(&self) -> Option<Finding> {
        let clear = |found: &Estimate| found.interval.is_some_and(|interval| interval.low > 0.0);
        let forgotten = self.estimate(&FORGOTTEN).filter(|found| clear(found))?;
        let skills = &self.statement.forgetting.as_ref()?.skills;
        let worst = skills.first()?;
        let percent = |share: f64| format!("right in {:.0} %", 100.0 * share);
        let shown = |skill: &ForgottenSkill| EvidenceItem {
            place: skill.skill.clone(),
            teacher: format!("before distillation {}", percent(skill.base)),
            student: percent(skill.student),
        };
        Some(Finding {
            id: FORGOTTEN.id.into(),
            severity: self.severity(&[&FORGOTTEN]),
            title: format!(
                "The student has forgotten {:.1} points of what it could do before distillation, most on {}",
                100.0 * forgotten.value,
                worst.skill
            ),
            detail: "The mean over skills of what was lost; what was learned elsewhere does not make up for it.".into(),
            next_step: format!(
                "Mix prompts like those of {} into the distillation data, or train for fewer steps.",
                worst.skill
            ),
            evidence: skills.iter().filter(|skill| skill.lost.value > 0.0).take(EXAMPLES).map(shown).collect(),
        })
    }
}
