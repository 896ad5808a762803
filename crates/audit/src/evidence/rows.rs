//! The rows of a run, read from its parts.

use std::collections::{BTreeMap, BTreeSet};

use hydrometer_answers::part::{
    Answered, Bounded, Choices, Episodes, Floor, Likelihoods, Positions, Samples, Scored, ShownStudents, Sparse,
    Vectors,
};
use hydrometer_answers::sparse::Codec;
use hydrometer_answers::{
    AnsweredRow, BoundedRow, Canaries, ChoiceRow, EpisodeRow, Judge, LikelihoodRow, Manifest, PositionRow, Regime,
    RunFolder, SampleRow, ScoredRow, ShownStudentRow, SparseRow, Stopped, VectorRow,
};
use hydrometer_metrics::sparse::BoundedStats;
use hydrometer_probes::Probe;
use hydrometer_probes::families::SameContent;

use crate::AuditError;
use crate::geometry::success::Answers;
use crate::kind::tokens::Scored as ScoredPosition;
use crate::labels::{Label, Labels};

/// The rows of a run, unsummed.
pub(crate) struct Rows {
    pub manifest: Manifest,
    pub probes: Vec<Probe>,
    pub positions: Vec<PositionRow>,
    /// Positions whose teacher came from a cache, instead of the others.
    pub sparse: Vec<SparseRow>,
    pub shown: Vec<ShownStudentRow>,
    /// Positions of two models that both stand behind servers, or of answers that a teacher's server lists, instead of the others.
    pub bounded: Vec<BoundedRow>,
    /// Tokens of the listed answers, those included of which no position is known.
    pub listed: Listed,
    pub floor: Vec<PositionRow>,
    pub choices: Vec<ChoiceRow>,
    pub likelihoods: Vec<LikelihoodRow>,
    pub samples: Vec<SampleRow>,
    pub vectors: Vec<VectorRow>,
    /// The teacher's answers as the student scores them.
    pub scored_answers: Vec<ScoredRow>,
    pub episodes: Vec<EpisodeRow>,
    /// Where the run stopped early.
    pub stopped: Option<Stopped>,
    /// Families of the suite that ask the same as another.
    pub same_content: SameContent,
    /// What is known of how well free decisions are read.
    pub labels: Labels,
    /// Labels of the run's own answers, as they were given.
    pub given_labels: Vec<Label>,
    /// What endpoints answered to canary prompts.
    pub canaries: Canaries,
    /// What a judge said of the run's answers.
    pub judge: Option<Judge>,
}

/// Answers of the teacher that its server lists, of which something is known.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Listed {
    pub answers: u64,
    /// Tokens that they have.
    pub tokens: u64,
}

impl Listed {
    fn of(rows: &[AnsweredRow]) -> Self {
        let answers = rows.chunk_by(|one, other| one.probe == other.probe && one.window == other.window);
        answers.fold(Self::default(), |all, rows| Self {
            answers: all.answers + 1,
            tokens: all.tokens + u64::from(rows[0].stats.tokens),
        })
    }
}

/// A position of an answer as one of a text, but for its own token: that was drawn by the teacher, and is no text to be predicted.
fn in_bounds(row: AnsweredRow) -> BoundedRow {
    let AnsweredRow { probe, family, window, position, token_text, teacher_top1_text, student_top1_text, stats } = row;
    let stats = BoundedStats { teacher_logprob: None, student_logprob: None, ..stats.bounds };
    BoundedRow { probe, family, window, position, token_text, teacher_top1_text, student_top1_text, stats }
}

/// Probes of families that ask what an earlier one asks.
pub(crate) fn copies<'p>(probes: &'p [Probe], same: &SameContent) -> impl Iterator<Item = &'p str> {
    probes.iter().filter(|probe| same.is_copy(&probe.family)).map(|probe| probe.id.as_str())
}

impl Rows {
    /// How the teacher's distributions were kept; `None` where the teacher ran.
    pub(crate) fn cache(&self) -> Option<&Codec> {
        self.manifest.settings.cache.as_ref()
    }

    /// Whether numbers on tokens are estimates from a part of a model's distributions.
    pub(crate) fn in_part(&self) -> bool {
        let regime = self.manifest.regime();
        let of_one = [Regime::TeacherCache, Regime::ShownDistributions, Regime::ShownStudent];
        of_one.contains(&regime) || self.bounds_alone()
    }

    /// Whether numbers on tokens have bounds, and no estimates.
    pub(crate) fn bounds_alone(&self) -> bool {
        matches!(self.manifest.regime(), Regime::ShownBoth | Regime::ListedAnswers)
    }

    /// Reads a finished run. Families that ask the same are one from here on. Where a run stopped by the evidence of its
    /// families only the first of them counts: the evidence was bounded by their sizes.
    pub(crate) fn read(run: &RunFolder) -> Result<Self, AuditError> {
        let mut rows = Self {
            manifest: run.manifest().clone(),
            probes: run.probes().to_vec(),
            positions: run.rows::<Positions>()?,
            sparse: run.rows::<Sparse>()?,
            shown: run.rows::<ShownStudents>()?,
            bounded: run.rows::<Bounded>()?,
            listed: Listed::default(),
            floor: run.rows::<Floor>()?,
            choices: run.rows::<Choices>()?,
            likelihoods: run.rows::<Likelihoods>()?,
            samples: run.rows::<Samples>()?,
            vectors: run.rows::<Vectors>()?,
            scored_answers: run.rows::<Scored>()?,
            episodes: run.rows::<Episodes>()?,
            stopped: run.stopped().cloned(),
            same_content: SameContent::of(run.probes()),
            labels: Labels::shipped(),
            given_labels: Vec::new(),
            canaries: run.canaries()?,
            judge: run.judge()?,
        };
        let answered = run.rows::<Answered>()?;
        rows.listed = Listed::of(&answered);
        rows.bounded.extend(answered.into_iter().map(in_bounds));
        match rows.manifest.settings.deciding {
            _ if rows.same_content.merged() == 0 => {}
            Some(_) => rows.leave_out_copies(),
            None => rows.merge_families(),
        }
        Ok(rows)
    }

    fn leave_out_copies(&mut self) {
        let copies: BTreeSet<String> = copies(&self.probes, &self.same_content).map(str::to_owned).collect();
        let counts = |probe: &String| !copies.contains(probe);
        self.positions.retain(|row| counts(&row.probe));
        self.sparse.retain(|row| counts(&row.probe));
        self.shown.retain(|row| counts(&row.probe));
        self.bounded.retain(|row| counts(&row.probe));
        self.floor.retain(|row| counts(&row.probe));
        self.choices.retain(|row| counts(&row.probe));
        self.likelihoods.retain(|row| counts(&row.probe));
        self.samples.retain(|row| counts(&row.probe));
        self.scored_answers.retain(|row| counts(&row.probe));
        self.episodes.retain(|row| counts(&row.probe));
        self.probes.retain(|probe| counts(&probe.id));
    }

    fn merge_families(&mut self) {
        let asked: BTreeMap<String, String> =
            self.probes.iter().map(|probe| (probe.id.clone(), probe.family.clone())).collect();
        let same = &self.same_content;
        let merge = |probe: &str, family: &mut String| {
            if let Some(kept) = asked.get(probe).and_then(|of_probe| same.family_of(of_probe, family)) {
                *family = kept;
            }
        };
        self.probes.iter_mut().for_each(|probe| merge(&probe.id, &mut probe.family));
        self.positions.iter_mut().for_each(|row| merge(&row.probe, &mut row.family));
        self.sparse.iter_mut().for_each(|row| merge(&row.probe, &mut row.family));
        self.shown.iter_mut().for_each(|row| merge(&row.probe, &mut row.family));
        self.bounded.iter_mut().for_each(|row| merge(&row.probe, &mut row.family));
        self.floor.iter_mut().for_each(|row| merge(&row.probe, &mut row.family));
        self.choices.iter_mut().for_each(|row| merge(&row.probe, &mut row.family));
        self.likelihoods.iter_mut().for_each(|row| merge(&row.probe, &mut row.family));
        self.samples.iter_mut().for_each(|row| merge(&row.probe, &mut row.family));
        self.scored_answers.iter_mut().for_each(|row| merge(&row.probe, &mut row.family));
        self.episodes.iter_mut().for_each(|row| merge(&row.probe, &mut row.family));
    }

    /// Keeps the families of the suite that have a new name here, and calls them by it.
    pub(crate) fn keep_as(&mut self, names: &BTreeMap<String, String>) {
        let asked: BTreeMap<String, String> =
            self.probes.iter().map(|probe| (probe.id.clone(), probe.family.clone())).collect();
        let keep = |probe: &str, family: &mut String| {
            let renamed = asked.get(probe).and_then(|own| {
                // A section or window of a text has a name of its own behind that of the text.
                Some(format!("{}{}", names.get(own)?, family.strip_prefix(own.as_str())?))
            });
            let kept = renamed.is_some();
            *family = renamed.unwrap_or_default();
            kept
        };
        self.probes.retain_mut(|probe| keep(&probe.id, &mut probe.family));
        self.positions.retain_mut(|row| keep(&row.probe, &mut row.family));
        self.sparse.retain_mut(|row| keep(&row.probe, &mut row.family));
        self.shown.retain_mut(|row| keep(&row.probe, &mut row.family));
        self.bounded.retain_mut(|row| keep(&row.probe, &mut row.family));
        self.floor.retain_mut(|row| keep(&row.probe, &mut row.family));
        self.choices.retain_mut(|row| keep(&row.probe, &mut row.family));
        self.likelihoods.retain_mut(|row| keep(&row.probe, &mut row.family));
        self.samples.retain_mut(|row| keep(&row.probe, &mut row.family));
        self.scored_answers.retain_mut(|row| keep(&row.probe, &mut row.family));
        self.episodes.retain_mut(|row| keep(&row.probe, &mut row.family));
    }

    /// What was answered, and what was asked.
    pub(crate) fn answers(&self) -> Answers<'_> {
        let paired = self.manifest.settings.paired();
        Answers { probes: &self.probes, samples: &self.samples, episodes: &self.episodes, paired }
    }

    /// Number of scored positions.
    pub(crate) fn scored_positions(&self) -> usize {
        self.positions.len() + self.sparse.len() + self.shown.len() + self.bounded.len()
    }

    /// The scored positions, whoever their teacher was.
    pub(crate) fn scored(&self) -> impl Iterator<Item = ScoredPosition<'_>> {
        let (measured, in_part) =
            (self.positions.iter().map(ScoredPosition::from), self.sparse.iter().map(ScoredPosition::from));
        let (shown, bounded) =
            (self.shown.iter().map(ScoredPosition::from), self.bounded.iter().map(ScoredPosition::from));
        measured.chain(in_part).chain(shown).chain(bounded)
    }
}
