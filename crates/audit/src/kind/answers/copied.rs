//! How free answers are written and what they decide: the distances of style and of decision, prompt by prompt.

mod distances;
mod read;

use std::collections::BTreeMap;

use hydrometer_metrics::measure::Sums;
use hydrometer_metrics::measure::illusion::{Copied, JUDGMENT_COPIED, SURFACE_COPIED};
use hydrometer_probes::decision::Decision;
use hydrometer_probes::{Probe, Stratum};
use rayon::prelude::*;

use self::distances::Written;
pub(crate) use self::read::Parted;
use self::read::{Free, Side, free_prompts};
use crate::evidence::Rows;
use crate::readings::{ByJudge, Readings};
use crate::statement::{GapBase, Illusion, IllusionStratum};

/// What style and decisions of a run's free answers come to.
pub(crate) struct Copying {
    from: GapBase,
    /// Those that count, with their distances: student and rerun.
    prompts: Vec<Counted>,
    at_boundary: u64,
    /// Whether some of the prompts that count are answered with chance.
    drawn: bool,
    /// Whether all prompts are answered once, without chance, and no student before distillation answered them.
    lacks_base: bool,
    unread: [f64; 2],
    /// Share of the student's answers that decide what the teacher seldom decides.
    seldom: f64,
}

struct Counted {
    probe: String,
    family: String,
    stratum: Option<Stratum>,
    student: Copied,
    rerun: Copied,
    /// What each decides most often, where the two differ.
    parted: Option<Parted>,
}

/// A decision that the teacher makes in fewer answers than this is one of which nobody knows how it would write it.
const SELDOM: usize = 10;

impl Copying {
    /// Reads the free answers of a run. Where judgment is measured the style of the same prompts is, and of no others.
    pub(crate) fn of(rows: &Rows, readings: &Readings<'_>) -> Self {
        let paired = rows.manifest.settings.paired();
        Self::new(&free_prompts(&rows.samples, rows.probes.iter(), readings), paired)
    }

    /// Those at boundaries of judgment alone, of whose answers a judge is asked.
    pub(crate) fn at_boundaries(rows: &Rows, judge: &ByJudge<'_>) -> Self {
        let at_boundary = rows.probes.iter().filter(|probe| probe.boundary.is_some());
        Self::new(&free_prompts(&rows.samples, at_boundary, judge), rows.manifest.settings.paired())
    }

    fn new(free: &[Free<'_>], paired: bool) -> Self {
        let asked = free.iter().any(|prompt| !prompt.of(Side::Base).is_empty());
        let from = if asked { GapBase::Model } else { GapBase::AnotherPrompt };
        let starts: Vec<Option<usize>> = (0..free.len()).map(|own| stranger(free, own)).collect();
        let start = |own: usize| match from {
            GapBase::Model => Some((own, Side::Base)),
            GapBase::AnotherPrompt => starts[own].filter(|_| !free[own].once).map(|other| (other, Side::Teacher)),
        };
        let written = Written::of(free, paired);
        let once = distances::Once::new(free, &written);
        let counted = |own: usize| {
            let prompt = &free[own];
            let nothing = Copied { style: None, at_boundary: prompt.stratum().is_some(), decision: None };
            let [student, rerun] = match start(own) {
                Some(_) if prompt.once => [once.of_student(own), once.of_rerun(own)],
                Some(start) => [(Side::Student, paired), (Side::Rerun, false)]
                    .map(|(of, paired)| written.drawn((own, of), start, paired)),
                None => [nothing, nothing],
            };
            Counted {
                probe: prompt.probe.id.clone(),
                family: prompt.probe.family.clone(),
                stratum: prompt.stratum(),
                student,
                rerun,
                parted: prompt.parted(),
            }
        };
        let mut all: Vec<Counted> = (0..free.len()).into_par_iter().map(counted).collect();
        if all.iter().any(|prompt| prompt.student.decision.is_some()) {
            all.retain(|prompt| prompt.stratum.is_some());
            for prompt in &mut all {
                for copied in [&mut prompt.student, &mut prompt.rerun] {
                    copied.style = copied.style.filter(|_| copied.decision.is_some());
                }
            }
        }
        let at_boundary = || free.iter().filter(|prompt| prompt.stratum().is_some());
        let share = |of: Side| {
            let unread: usize = at_boundary().map(|prompt| prompt.of(of).unread()).sum();
            let all: usize = at_boundary().map(|prompt| prompt.of(of).decisions.len()).sum();
            unread as f64 / all.max(1) as f64
        };
        Self {
            from,
            at_boundary: at_boundary().count() as u64,
            drawn: free.iter().any(|prompt| !prompt.once && prompt.of(Side::Teacher).decisions.len() > 1),
            lacks_base: !asked && at_boundary().next().is_some() && at_boundary().all(|prompt| prompt.once),
            unread: [share(Side::Teacher), share(Side::Student)],
            seldom: seldom(free),
            prompts: all,
        }
    }

    /// Adds the distances to the sums of the student, and of the teacher against its own second run.
    pub(crate) fn add_to(&self, [sums, rerun]: [&mut Sums; 2]) {
        for prompt in &self.prompts {
            sums.copied(&prompt.family, &prompt.student);
            rerun.copied(&prompt.family, &prompt.rerun);
        }
    }

    /// Shares of the teacher's and of the student's answers whose decision could not be read.
    pub(crate) fn unread(&self) -> [f64; 2] {
        self.unread
    }

    /// Whether nothing was answered freely.
    pub(crate) fn is_empty(&self) -> bool {
        self.prompts.is_empty()
    }

    /// Whether answers with chance enter, which must be draws.
    pub(crate) fn is_drawn(&self) -> bool {
        self.drawn
    }

    /// Why there is no number where only the student before distillation could be the start.
    pub(crate) fn lacks_base(&self) -> Option<String> {
        self.lacks_base.then(|| {
            "needs the student before distillation: name it with `--base`; prompts that are answered once, without chance, \
             know no other start"
                .to_owned()
        })
    }

    /// Where both models decide, and differ, the clearest first: the probe and both.
    pub(crate) fn parted(&self) -> Vec<(&str, &Parted)> {
        let parted = self.prompts.iter().filter_map(|prompt| Some((prompt.probe.as_str(), prompt.parted.as_ref()?)));
        let mut found: Vec<_> = parted.collect();
        found.sort_by(|a, b| b.1.clear.total_cmp(&a.1.clear));
        found
    }

    /// As a statement says it; `None` where nothing was answered freely.
    pub(crate) fn illusion(&self, level: f64) -> Option<Illusion> {
        let count = |of: fn(&Copied) -> bool| self.prompts.iter().filter(|prompt| of(&prompt.student)).count() as u64;
        let mut strata: BTreeMap<Stratum, Vec<&Counted>> = BTreeMap::new();
        for prompt in &self.prompts {
            if let Some(stratum) = prompt.stratum {
                strata.entry(stratum).or_default().push(prompt);
            }
        }
        let stratum = |(stratum, prompts): (Stratum, Vec<&Counted>)| {
            let mut sums = Sums::new();
            prompts.iter().for_each(|prompt| sums.copied(&prompt.family, &prompt.student));
            let [surface, judgment] = [&SURFACE_COPIED, &JUDGMENT_COPIED].map(|of| of.estimate(&sums, level));
            let missing = judgment.as_ref().err().or(surface.as_ref().err()).map(ToString::to_string);
            IllusionStratum {
                stratum,
                prompts: prompts.len() as u64,
                missing: missing.map(|missing| self.lacks_base().unwrap_or(missing)),
                surface: surface.ok(),
                judgment: judgment.ok(),
            }
        };
        (!self.prompts.is_empty()).then(|| Illusion {
            base: self.from,
            written: count(|copied| copied.style.is_some()),
            at_boundary: self.at_boundary,
            decided: count(|copied| copied.decision.is_some()),
            teacher_unread: self.unread[0],
            student_unread: self.unread[1],
            student_seldom: self.seldom,
            strata: strata.into_iter().map(stratum).collect(),
        })
    }
}

/// The share of the student's answers that decide what the teacher seldom does.
fn seldom(free: &[Free<'_>]) -> f64 {
    let of = |sides: &'static [Side]| {
        free.iter().flat_map(move |prompt| sides.iter().flat_map(|&side| prompt.of(side).decisions.iter().copied()))
    };
    let mut times: BTreeMap<Option<Decision>, usize> = BTreeMap::new();
    of(&[Side::Teacher, Side::Rerun]).for_each(|decision| *times.entry(decision).or_default() += 1);
    let students: Vec<_> = of(&[Side::Student]).collect();
    let seldom = students.iter().filter(|decision| times.get(decision).is_none_or(|&times| times < SELDOM)).count();
    seldom as f64 / students.len().max(1) as f64
}

/// The next prompt at the same kind of boundary, or where it is at none on the same axis, that belongs to another family.
fn stranger(free: &[Free<'_>], own: usize) -> Option<usize> {
    let of = |place: usize| -> &Probe { free[place].probe };
    let alike = |other: usize| match free[own].stratum() {
        Some(_) => free[other].stratum() == free[own].stratum(),
        None => of(other).axis == of(own).axis,
    };
    let mut next = (own + 1..free.len()).chain(0..own).filter(|&other| !free[other].once);
    next.find(|&other| alike(other) && of(other).family != of(own).family)
}
