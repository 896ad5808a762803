//! The work of a run: what is asked, in which units and in which order.

use std::collections::{BTreeMap, BTreeSet};

use hydrometer_answers::{PartKind, PlannedTokens, RunFolder, Stopped, TeacherAsked, UnitCounts};
use hydrometer_models::{Choice, Model, ModelError, question};
use hydrometer_probes::{Ask, Probe, Suite, ask};

use crate::plan::{ByFamily, Window, pack, spread, windows};
use crate::sampling::{Asked, UNIT_PROMPTS};
use crate::{AuditError, AuditOptions, Models, PlanSummary, Sampling, watch};

/// A choice in one option order, tokenised for both models.
pub(super) struct Question {
    pub(super) probe: String,
    pub(super) family: String,
    pub(super) rotation: u32,
    /// Option index at each displayed place.
    pub(super) order: Vec<usize>,
    pub(super) teacher: Choice,
    pub(super) student: Choice,
}

/// The whole work of a run.
pub(super) struct Plan {
    /// Units of windows scored by both models; empty when the vocabularies differ.
    pub(super) texts: Vec<Vec<Window>>,
    /// Windows of each model alone, where the vocabularies differ: (teacher, windows).
    pub(super) alone: Vec<(bool, Vec<Window>)>,
    /// Choices.
    pub(super) questions: Vec<Vec<Question>>,
    /// (unit, window) pairs that the teacher scores again.
    pub(super) floor: Vec<(usize, usize)>,
    /// Free questions, each as teacher, student and base read it.
    pub(super) prompts: Vec<Vec<Vec<Asked>>>,
    /// The first unit of those that only the student answers.
    pub(super) student_from: usize,
}

pub(super) fn plan(
    models: Models<'_>,
    suite: &Suite,
    options: &AuditOptions,
    shared: Option<u32>,
) -> Result<Plan, AuditError> {
    let Models { teacher, student, .. } = models;
    let limit = options.block_tokens as usize;
    let by_family = options.until_decided.as_ref().map(|until| ByFamily { seed: options.seed, cap: until.cap });
    let pack_windows = |w| match &by_family {
        Some(by_family) => by_family.pack(w, limit, |w: &Window| &w.family, |w| w.tokens.len()),
        None => pack(w, limit, |w| w.tokens.len()),
    };
    let (mut texts, mut alone) = (Vec::new(), Vec::new());
    let ours = windows(teacher, suite, options.windowing()).map_err(AuditError::teacher)?;
    if shared.is_some() {
        texts = pack_windows(ours);
    } else {
        let theirs = windows(student, suite, options.windowing()).map_err(AuditError::student)?;
        alone.extend(pack_windows(ours).into_iter().map(|w| (true, w)));
        alone.extend(pack_windows(theirs).into_iter().map(|w| (false, w)));
    }
    let places: Vec<_> = texts.iter().enumerate().flat_map(|(u, ws)| (0..ws.len()).map(move |w| (u, w))).collect();
    let again = match &by_family {
        // Families stand in random order, and the last ones may never be asked.
        Some(_) => (0..places.len().min(options.floor_windows as usize)).collect(),
        None => spread(places.len(), options.floor_windows as usize),
    };
    let floor = again.into_iter().map(|i| places[i]).collect();
    let mut questions = Vec::new();
    for probe in &suite.probes {
        if matches!(probe.ask, Ask::Choice { .. }) {
            for rotation in 0..options.rotations.min(ask::rotations(probe) as u32) {
                questions.push(question_of(teacher, student, probe, rotation)?);
            }
        }
    }
    let prompts = prompts(models, suite, options)?;
    let (questions, prompts, alone_prompts) = match &by_family {
        Some(by_family) => (
            by_family.pack(questions, limit, |q| &q.family, |q| q.teacher.tokens()),
            by_family.pack(prompts, UNIT_PROMPTS, |p| &p[0].family, |_| 1),
            Vec::new(),
        ),
        None => {
            let (both, student) = asked_of_teacher(prompts, options);
            let units = |prompts| pack(prompts, UNIT_PROMPTS, |_| 1);
            (pack(questions, limit, |q| q.teacher.tokens()), units(both), units(student))
        }
    };
    let student_from = prompts.len();
    let prompts = prompts.into_iter().chain(alone_prompts).collect();
    let plan = Plan { texts, alone, questions, floor, prompts, student_from };
    if plan.units() == 0 {
        let reason = format!("no text of `{}` has a second token, and it asks nothing else", suite.name);
        return Err(AuditError::Nothing(reason));
    }
    Ok(plan)
}

/// The free questions.
fn prompts(models: Models<'_>, suite: &Suite, options: &AuditOptions) -> Result<Vec<Vec<Asked>>, AuditError> {
    let Some(Sampling { settings, .. }) = &options.sampling else { return Ok(Vec::new()) };
    type Blame = fn(ModelError) -> AuditError;
    let Models { teacher, student, base, .. } = models;
    let mut readers = vec![(teacher, AuditError::teacher as Blame), (student, AuditError::student)];
    readers.extend(base.map(|base| (base, AuditError::base as Blame)));
    let mut prompts = Vec::new();
    for probe in &suite.probes {
        let read = |&(model, blame): &(&dyn Model, Blame)| Asked::new(model, probe, settings).map_err(blame);
        let asked: Vec<Asked> =
            readers.iter().filter_map(|reader| read(reader).transpose()).collect::<Result<_, _>>()?;
        prompts.extend((!asked.is_empty()).then_some(asked));
    }
    Ok(prompts)
}

/// The prompts that both models answer, and those of the student alone.
fn asked_of_teacher(prompts: Vec<Vec<Asked>>, options: &AuditOptions) -> (Vec<Vec<Asked>>, Vec<Vec<Asked>>) {
    let Some(TeacherAsked::Families(most)) = options.teacher_asked else { return (prompts, Vec::new()) };
    let mut places: Vec<_> = prompts
        .iter()
        .map(|prompt| watch::place(options.seed, &prompt[0].family))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    places.truncate(most as usize);
    prompts.into_iter().partition(|prompt| places.binary_search(&watch::place(options.seed, &prompt[0].family)).is_ok())
}

fn question_of(teacher: &dyn Model, student: &dyn Model, probe: &Probe, rotation: u32) -> Result<Question, AuditError> {
    let (choice, order) = question(teacher, probe, rotation).map_err(AuditError::teacher)?;
    let (theirs, _) = question(student, probe, rotation).map_err(AuditError::student)?;
    let (probe, family) = (probe.id.clone(), probe.family.clone());
    Ok(Question { probe, family, rotation, order, teacher: choice, student: theirs })
}

impl Plan {
    fn units(&self) -> usize {
        self.texts.len() + self.alone.len() + self.questions.len() + self.prompts.len()
    }

    /// The units in the order in which they are asked: kind after kind, or the kinds in turn.
    pub(super) fn order(&self, in_turn: bool) -> Vec<(PartKind, usize)> {
        let units = [
            (PartKind::Positions, self.texts.len()),
            (PartKind::Likelihoods, self.alone.len()),
            (PartKind::Choices, self.questions.len()),
            (PartKind::Samples, self.prompts.len()),
        ];
        let mut order: Vec<_> =
            units.into_iter().flat_map(|(kind, units)| (0..units).map(move |unit| (kind, unit))).collect();
        if in_turn {
            order.sort_by_key(|&(_, unit)| unit);
        }
        order
    }

    /// Where a run stopped that asked so many units of each kind; `None` when that is all of them.
    pub(super) fn stopped(&self, done: &BTreeMap<PartKind, u32>, planned: &UnitCounts) -> Option<Stopped> {
        let of = |kind| done.get(&kind).copied().unwrap_or(0);
        let texts = of(PartKind::Positions);
        let units = UnitCounts {
            positions: texts,
            floor: texts,
            choices: of(PartKind::Choices),
            likelihoods: texts + of(PartKind::Likelihoods),
            samples: of(PartKind::Samples),
            sparse: 0,
            vectors: of(PartKind::Samples).min(planned.vectors),
        };
        let kept = self.sizes().filter(|(kind, unit, _)| (*unit as u32) < of(*kind));
        (done.values().sum::<u32>() < self.units() as u32).then(|| Stopped { units, computed: total(kept) })
    }

    /// What each unit computes: part, unit, tokens of teacher and student, of the teacher's those of the rerun.
    fn sizes(&self) -> impl Iterator<Item = (PartKind, usize, PlannedTokens)> {
        let size = |teacher: usize, student: usize, floor: usize| PlannedTokens {
            teacher_tokens: (teacher + floor) as u64,
            student_tokens: student as u64,
            floor_tokens: floor as u64,
        };
        let texts = self.texts.iter().enumerate().map(move |(unit, windows)| {
            let again = self.floor.iter().filter(|f| f.0 == unit).map(|f| windows[f.1].tokens.len()).sum();
            (PartKind::Positions, unit, size(tokens(windows), tokens(windows), again))
        });
        let alone = self.alone.iter().enumerate().map(move |(unit, (teachers, windows))| {
            let n = tokens(windows);
            (PartKind::Likelihoods, unit, if *teachers { size(n, 0, 0) } else { size(0, n, 0) })
        });
        let questions = self.questions.iter().enumerate().map(move |(unit, questions)| {
            let (teacher, student) = question_tokens(questions);
            (PartKind::Choices, unit, size(teacher, student, 0))
        });
        texts.chain(alone).chain(questions)
    }

    /// Tokens that the whole work scores.
    pub(super) fn tokens(&self) -> PlannedTokens {
        total(self.sizes())
    }

    pub(super) fn summary(&self, run: &RunFolder) -> PlanSummary {
        let mut done = (0, 0);
        for (kind, unit, size) in self.sizes() {
            if run.has(kind, unit as u32) {
                done = (done.0 + 1, done.1 + size.teacher_tokens + size.student_tokens);
            }
        }
        let mut answers = 0;
        for (unit, prompts) in self.prompts.iter().enumerate() {
            if run.has(PartKind::Samples, unit as u32) {
                done.0 += 1;
            } else if let Some(settings) = &run.manifest().settings.samples {
                let models = prompts.iter().map(|prompt| prompt.len() as u32).max().unwrap_or(0);
                let all = models * settings.per_probe + settings.reruns;
                let of_prompt = if unit < self.student_from { all } else { settings.per_probe };
                answers += prompts.len() as u64 * u64::from(of_prompt);
            }
        }
        PlanSummary {
            planned: self.tokens(),
            units: self.units() as u64,
            units_done: done.0,
            tokens_done: done.1,
            answers,
        }
    }
}

fn total(sizes: impl Iterator<Item = (PartKind, usize, PlannedTokens)>) -> PlannedTokens {
    sizes.fold(PlannedTokens::default(), |mut sum, (_, _, unit)| {
        sum.teacher_tokens += unit.teacher_tokens;
        sum.student_tokens += unit.student_tokens;
        sum.floor_tokens += unit.floor_tokens;
        sum
    })
}

fn tokens(windows: &[Window]) -> usize {
    windows.iter().map(|w| w.tokens.len()).sum()
}

pub(super) fn question_tokens(questions: &[Question]) -> (usize, usize) {
    questions.iter().fold((0, 0), |(t, s), q| (t + q.teacher.tokens(), s + q.student.tokens()))
}
