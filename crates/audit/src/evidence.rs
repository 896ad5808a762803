//! What a run folder holds, read once and summed once; every number of the statement is asked of it by name.

mod missing;
mod regime;
mod rows;

use std::collections::{BTreeMap, BTreeSet};

use hydrometer_answers::{Regime, SampleSource, ScoredModel};
use hydrometer_metrics::measure::illusion::{self, JUDGMENT_COPIED};
use hydrometer_metrics::measure::tokens::{self, End, ScoredText, Scorer};
use hydrometer_metrics::measure::{
    self, Compared, Definition, Group, Help, Measure, Measured, Need, Range, Sums, Table, Undefined,
};
use hydrometer_metrics::stats::confusion::Corrected;
use hydrometer_metrics::stats::confusion::excess::Excess;
use hydrometer_metrics::stats::difference::Difference;
use hydrometer_metrics::stats::limits::families_to_exclude;
use hydrometer_metrics::{Estimate, Interval};
use hydrometer_probes::counted::counted;
use hydrometer_probes::{Ask, Probe};

use self::missing::{not_draws, too_few_answers};
pub(crate) use self::rows::{Listed, Rows, copies};
use crate::kind::answers::copied::Copying;
use crate::kind::answers::equivalence::Meanings;
use crate::kind::answers::ppi_signals::Alone;
use crate::kind::answers::{self, Prompt};
use crate::kind::choices::known::{Bounded, bounded};
use crate::kind::choices::{self, AskedChoice};
use crate::kind::episodes::{self, ActedEpisode};
use crate::kind::judgment::{self, Judged, forced};
use crate::kind::teacher_texts;
use crate::kind::tokens::Scored as ScoredPosition;
use crate::readings::Readings;
use crate::statement::{GapBase, KnownWithin, Reservation, ReservationKind};
use crate::verdict::ground::Ground;
use crate::{AuditError, Policy};

/// Chance with which the loss named beside a gate would have been found; what `plan` wishes by default.
pub(crate) const POWER: f64 = 0.9;
/// Share of missing answers up to which the others stand for all.
const MISSING: f64 = 0.1;

/// The rows of a run, summed per family.
pub(crate) struct Evidence<'a> {
    pub rows: &'a Rows,
    pub probes: BTreeMap<&'a str, &'a Probe>,
    pub choices: Vec<AskedChoice<'a>>,
    pub prompts: Vec<Prompt<'a>>,
    pub episodes: Vec<ActedEpisode<'a>>,
    pub judged: Judged<'a>,
    /// Teacher against student.
    pub sums: Sums,
    /// The least and the most that positions may be of which only bounds are known; `None` where there are none.
    ends: Option<[Sums; 2]>,
    /// Teacher against its own second run.
    rerun: Sums,
    /// What the gap is measured from.
    base: GapBase,
    /// How free answers are written, and what they decide.
    pub copying: Copying,
    /// Why the answers say nothing about the models' distributions.
    not_draws: Option<String>,
    /// Why answers cannot be compared where too many of them are missing.
    too_few_answers: Option<String>,
    /// What the student does on prompts that the teacher is not asked.
    alone: Option<Alone>,
    pub level: f64,
}

impl<'a> Evidence<'a> {
    /// # Errors
    /// The folder calls something a choice that is none, or a checker cannot be used.
    pub(crate) fn new(rows: &'a Rows, policy: &Policy) -> Result<Self, AuditError> {
        let probes: BTreeMap<_, _> = rows.probes.iter().map(|p| (p.id.as_str(), p)).collect();
        let settings = &rows.manifest.settings;
        let meanings = Meanings::new(&rows.vectors, settings.meaning.as_ref());
        let choices = choices::choices(&rows.choices, &probes);
        let mut prompts = answers::prompts(&rows.samples, &rows.probes, &meanings, settings.paired())?;
        answers::mark_favourites(&mut prompts);
        let (mut sums, mut rerun) = (Sums::new(), Sums::new());
        add_texts(&mut sums, &mut rerun, rows);
        teacher_texts::add(&mut sums, &rows.scored_answers);
        for choice in &choices {
            sums.choice(&choice.probe.family, &choice.choice()?);
        }
        let alone = settings.teacher_asked.map(|_| Alone::new(&rows.samples, &rows.probes, &meanings)).transpose()?;
        let (base, starts) = answers::starts(&prompts);
        for (prompt, start) in prompts.iter().zip(starts) {
            prompt.add_to([&mut sums, &mut rerun], start);
        }
        let readings = Readings::of(&rows.probes, &rows.samples);
        let copying = Copying::of(rows, &readings);
        copying.add_to([&mut sums, &mut rerun]);
        let episodes = episodes::episodes(&rows.episodes, &rows.probes);
        episodes.iter().for_each(|episode| episode.add_to(&mut sums, &mut rerun, settings.paired()));
        let judged = judgment::judged(rows, Some(&choices), &readings)?;
        judged.add_to(&mut sums, &mut rerun);
        Ok(Self {
            too_few_answers: too_few_answers(&sums).or_else(|| answers::cut::too_many(&prompts, MISSING)),
            sums,
            ends: rows.bounds_alone().then(|| [End::Least, End::Most].map(|end| ends(rows, end))),
            rerun,
            base,
            copying,
            not_draws: not_draws(&rows.manifest),
            alone,
            rows,
            probes,
            choices,
            prompts,
            episodes,
            judged,
            level: policy.level,
        })
    }

    /// The families that something was asked of.
    pub(crate) fn families(&self) -> BTreeSet<&str> {
        let texts = self.rows.likelihoods.iter().map(|row| row.family.as_str());
        let choices = self.choices.iter().map(|choice| choice.probe.family.as_str());
        let prompts = self.answered().into_iter().filter_map(|id| Some(self.probes.get(id)?.family.as_str()));
        let episodes = self.episodes.iter().map(|episode| episode.probe.family.as_str());
        texts.chain(choices).chain(prompts).chain(episodes).collect()
    }

    /// Prompts that the teacher was asked, those answered once without chance included.
    pub(crate) fn prompts_asked(&self) -> u64 {
        self.answered().len() as u64
    }

    fn answered(&self) -> BTreeSet<&str> {
        let is_prompt = |id: &str| self.probes.get(id).is_some_and(|probe| matches!(probe.ask, Ask::Prompt(_)));
        let teacher = self.rows.samples.iter().filter(|row| row.source == SampleSource::Teacher);
        teacher.map(|row| row.probe.as_str()).filter(|id| is_prompt(id)).collect()
    }

    /// What the gap is measured from; `None` where no prompt has such answers.
    pub(crate) fn gap_base(&self) -> Option<GapBase> {
        let found = measure::answers::GAP_CLOSED.value(&self.sums);
        (found != Err(Undefined::NoBase)).then_some(self.base)
    }

    /// The number, or why it cannot be computed.
    pub(crate) fn measure(&self, definition: &Definition) -> Result<Measured, String> {
        let measure = definition.measure().map_err(|undefined| undefined.to_string())?;
        if let Some(missing) = self.lacks(measure) {
            return Err(missing);
        }
        let help = self.help(measure);
        let found = definition.helped(&self.sums, self.level, help.as_ref());
        let mut found = found.map_err(|undefined| self.undefined(measure.table, undefined))?;
        let Measured { estimate, .. } = &mut found;
        if let Bounded::Within(below, above) = self.in_part(definition)? {
            widen(estimate, below, above, definition.range);
        }
        let estimate = &mut found.estimate;
        estimate.floor = estimate.floor.or_else(|| definition.floor(&self.rerun, self.level));
        Ok(found)
    }

    /// Between which numbers one lies of which only bounds are known, over families; `None` where it is known, or nothing bounds it.
    pub(crate) fn between(&self, definition: &Definition) -> Option<(KnownWithin, Ground)> {
        let [least, most] = self.ends.as_ref()?;
        if definition.measure.is_none_or(|measure| measure.table != Table::Positions) {
            return None;
        }
        let least = definition.helped(least, self.level, None).ok()?;
        let most = definition.helped(most, self.level, None).ok()?;
        let ends = least.estimate.interval.zip(most.estimate.interval);
        let interval = ends.map(|(low, high)| Interval { low: low.low, high: high.high, ..low });
        let found = KnownWithin {
            low: least.estimate.value.max(definition.range.low.value()),
            high: most.estimate.value.min(definition.range.high.value()),
            interval,
            n_families: least.estimate.n_families.min(most.estimate.n_families),
            n_items: least.estimate.n_items,
        };
        Some((found, Ground::Between(least.limits, most.limits)))
    }

    /// What becomes of a number for what is not known of the options of choices.
    fn in_part(&self, definition: &Definition) -> Result<Bounded, String> {
        match bounded(&self.choices, definition)? {
            Bounded::Point => forced::bounded(&self.judged, definition),
            within => Ok(within),
        }
    }

    /// How far a number may lie from what it is because of options that a server did not list; `None` where it is as it is.
    pub(crate) fn slack(&self, definition: &Definition) -> Option<(f64, f64)> {
        match self.in_part(definition) {
            Ok(Bounded::Within(below, above)) => Some((below, above)),
            Ok(Bounded::Point) | Err(_) => None,
        }
    }

    /// The number in this run and in another one, family by family, or why it cannot be compared.
    pub(crate) fn compare(&self, other: &Self, definition: &Definition) -> Result<Compared, String> {
        let measure = definition.measure().map_err(|undefined| undefined.to_string())?;
        if self.judged.way != other.judged.way && forced::reads(definition) && measure.table != Table::Ladders {
            return Err(
                "a decision among options is the most probable one in one run, and a drawn letter in the other".into(),
            );
        }
        for (name, run) in [("A", self), ("B", other)] {
            let in_part = match run.in_part(definition) {
                Ok(Bounded::Point) => None,
                Ok(Bounded::Within(..)) => {
                    Some("options that a server did not list have bounds, not numbers".to_owned())
                }
                Err(reason) => Some(reason),
            };
            let missing = run.lacks(measure).or(in_part).or_else(|| {
                let undefined = definition.value(&run.sums).err()?;
                Some(run.undefined(measure.table, undefined))
            });
            if let Some(missing) = missing {
                return Err(format!("not measured in {name}: {missing}"));
            }
        }
        definition.compare(&self.sums, &other.sums, self.level).map_err(|undefined| undefined.to_string())
    }

    /// Why no gate rests on a number that is there; `None` where gates may.
    pub(crate) fn reservation(&self, definition: &Definition) -> Option<Reservation> {
        let measure = definition.measure().ok()?;
        let on_answers = matches!(measure.table, Table::Pairs | Table::Rare | Table::Gap | Table::Copied);
        if let Some(reason) = self.too_few_answers.as_ref().filter(|_| on_answers) {
            return Some(Reservation { kind: ReservationKind::AnswersMissing, reason: reason.clone() });
        }
        if definition.id == JUDGMENT_COPIED.id
            && let Some(unread) = self.unread()
        {
            return Some(unread);
        }
        if let Some(untold) = self.untold().filter(|_| forced::reads(definition)) {
            return Some(untold);
        }
        match definition.value(&self.sums) {
            Err(reason) if reason.is_students_doing() => {
                return Some(Reservation { kind: ReservationKind::StudentsDoing, reason: reason.to_string() });
            }
            Err(_) => return None,
            Ok(_) => {}
        }
        let of_draws =
            measure.needs.contains(&Need::Draws) && (measure.table != Table::Copied || self.copying.is_drawn());
        if let Some(reason) = self.not_draws.as_ref().filter(|_| of_draws) {
            return Some(Reservation { kind: ReservationKind::AsServed, reason: reason.clone() });
        }
        let nothing = definition.nothing_at_stake(&self.sums, self.level)?;
        Some(Reservation { kind: ReservationKind::NothingAtStake, reason: nothing.to_string() })
    }

    /// The illusion gap, or why it cannot be computed.
    pub(crate) fn illusion_gap(&self) -> Result<(Estimate, Difference), String> {
        if let Some(missing) = self.lacks(JUDGMENT_COPIED.measure().map_err(|undefined| undefined.to_string())?) {
            return Err(missing);
        }
        let gap = illusion::illusion_gap(&self.sums, self.level);
        let (mut found, limits) = gap.map_err(|why| self.undefined(Table::Copied, why))?;
        found.floor = illusion::illusion_gap(&self.rerun, self.level).ok().map(|(floor, _)| floor.value);
        Ok((found, limits))
    }

    /// Why no gate rests on decisions, where too many could not be read or answers were served.
    pub(crate) fn of_decisions(&self) -> Option<Reservation> {
        self.reservation(&JUDGMENT_COPIED)
    }

    /// Too many answers have no decision that can be read: a student may have changed its language.
    fn unread(&self) -> Option<Reservation> {
        let [teacher, student] = self.copying.unread();
        (teacher.max(student) > MISSING).then(|| Reservation {
            kind: ReservationKind::AnswersMissing,
            reason: format!(
                "the decision of {:.0} % of the teacher's and {:.0} % of the student's answers at a boundary of judgment \
                 cannot be read: what the others decide is no measure of the whole",
                100.0 * teacher,
                100.0 * student
            ),
        })
    }

    /// Of too many choices it cannot be told what a model decides for.
    fn untold(&self) -> Option<Reservation> {
        let [teacher, student] = self.judged.untold.shares();
        (teacher.max(student) > MISSING).then(|| Reservation {
            kind: ReservationKind::AnswersMissing,
            reason: format!(
                "which option the teacher decides for cannot be told in {:.0} % of the choices at a boundary of judgment, and of the \
                 student in {:.0} %: what they decide in the others is no measure of the whole",
                100.0 * teacher,
                100.0 * student
            ),
        })
    }

    /// Why no gate on a share of decisions can pass: so few families, although none of them showed an event, cannot exclude
    /// the share that its margin names.
    pub(crate) fn too_few(&self, definition: &Definition, policy: &Policy) -> Option<Reservation> {
        let of_decisions = definition.group == Group::Judgment && definition.range == Range::SHARE;
        let gates = policy.gates.iter().filter(|gate| of_decisions && gate.metric == definition.id);
        let margin = gates.filter_map(|gate| gate.at_most).find(|margin| (0.0..1.0).contains(margin))?;
        let families = definition.estimate(&self.sums, self.level).ok()?.n_families;
        let seen = judgment::corrected::seen(&self.rows.labels, definition);
        let needed = families_to_exclude(margin * seen, 1.0 - self.level);
        (families < needed).then(|| Reservation {
            kind: ReservationKind::TooFewFamilies,
            reason: format!(
                "{} cannot show that it is no more than {} %, even where it never happened: {needed} can",
                counted(families, "family"),
                (1e4 * margin).round() / 1e2
            ),
        })
    }

    /// A number on free decisions, corrected for what the rules confuse; `None` for others.
    pub(crate) fn corrected(&self, definition: &Definition) -> Option<Result<Corrected, String>> {
        judgment::corrected::corrected(&self.judged, &self.rows.labels, definition)
    }

    /// How much more often an event of a number on free decisions happens than it does by chance alone; `None` where nothing is left to
    /// chance.
    pub(crate) fn excess(&self, definition: &Definition) -> Option<Excess> {
        judgment::corrected::excess(&self.judged, &self.rows.labels, definition)
    }

    /// What the student's other answers say about the families of a table of answers.
    fn help(&self, measure: &Measure) -> Option<Help> {
        let answered = matches!(measure.table, Table::Pairs | Table::Truth | Table::Rare);
        let alone = self.alone.as_ref().filter(|_| answered)?;
        Some(alone.help(self.sums.table(measure.table), measure.needs.contains(&Need::Truth)))
    }
}

/// Widens an estimate by what is not known of it.
fn widen(estimate: &mut Estimate, below: f64, above: f64, range: Range) {
    if let Some(interval) = &mut estimate.interval {
        interval.low = (interval.low - below).max(range.low.value().min(interval.low));
        interval.high = (interval.high + above).min(range.high.value().max(interval.high));
    }
}

/// The positions of which only bounds are known, at one end of them.
fn ends(rows: &Rows, end: End) -> Sums {
    let mut sums = Sums::new();
    rows.scored().for_each(|row| row.add_end(&mut sums, end));
    sums
}

/// Adds the scored texts: their positions, those of them that are forks, and their likelihoods.
fn add_texts(sums: &mut Sums, rerun: &mut Sums, rows: &Rows) {
    // Chosen by an entropy that a draw estimates, forks would be those where the draw was a rare token.
    let exact = rows.manifest.regime() != Regime::ShownDistributions && !rows.bounds_alone();
    let fork = tokens::fork_threshold(rows.scored().map(|row| row.teacher_entropy)).filter(|_| exact);
    let add = |row: ScoredPosition<'_>, sums: &mut Sums| {
        row.add_position(sums);
        if fork.is_some_and(|least| row.teacher_entropy >= least) {
            row.add_fork(sums);
        }
    };
    rows.scored().for_each(|row| add(row, sums));
    rows.floor.iter().for_each(|row| add(row.into(), rerun));
    for (scorer, model) in [(Scorer::Teacher, ScoredModel::Teacher), (Scorer::Student, ScoredModel::Student)] {
        for row in rows.likelihoods.iter().filter(|row| row.model == model) {
            let scored = ScoredText { log_prob: row.logprob, bytes: row.bytes, tokens: row.tokens };
            sums.text(scorer, &row.family, &scored);
        }
    }
}
