//! Probes at boundaries of judgment: what every model decides, whether it was asked among options or freely.

pub(crate) mod corrected;
pub(crate) mod cost;
mod families;
mod findings;
pub(crate) mod forced;
mod slices;
pub(crate) mod summary;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use hydrometer_answers::{SampleRow, SampleSettings, SampleSource};
use hydrometer_metrics::measure::Sums;
use hydrometer_metrics::measure::choices::top;
use hydrometer_metrics::measure::judgment::{Contrast, Decided, Deeds, Due, Form, OfBoth, Together};
use hydrometer_probes::decision;
use hydrometer_probes::kind::Prompt;
use hydrometer_probes::{Ask, Boundary, Checked, Decision, Decoding, MemberRole, Probe};
use rayon::prelude::*;

use crate::AuditError;
use crate::evidence::Rows;
use crate::kind::answers::checker;
use crate::kind::choices::{AskedChoice, tie};
use crate::readings::Reader;

use self::families::{Members, flips};
use self::forced::{Untold, Way};

/// What a model does about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Meets,
    Refuses,
    Clarifies,
    Abstains,
    Other,
}

impl Deed {
    const ALL: [Self; 5] = [Self::Meets, Self::Refuses, Self::Clarifies, Self::Abstains, Self::Other];

    /// What a decision, as it stands in a probe, does.
    fn of(decision: Decision) -> Self {
        match decision {
            Decision::Answer | Decision::Comply => Self::Meets,
            Decision::Clarify => Self::Clarifies,
            Decision::Abstain => Self::Abstains,
            Decision::Refuse => Self::Refuses,
        }
    }

    /// What an answer does; one that refuses a part refuses, as in XSTest's *comply or not*.
    pub(crate) fn read(decision: decision::Decision) -> Self {
        match decision {
            decision::Decision::Comply => Self::Meets,
            decision::Decision::Partly | decision::Decision::Refuse => Self::Refuses,
            decision::Decision::Clarify => Self::Clarifies,
            decision::Decision::Abstain => Self::Abstains,
            decision::Decision::Hedge | decision::Decision::OffTopic | decision::Decision::Empty => Self::Other,
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Meets => "complies",
            Self::Refuses => "refuses",
            Self::Clarifies => "asks back",
            Self::Abstains => "abstains",
            Self::Other => "takes no side",
        }
    }
}

/// What one model decides.
pub(crate) struct View {
    /// Of each label: the probability of an option, the share of the answers that are read so.
    shares: Vec<f64>,
    /// The same by deeds, a choice being made for its most probable option where that is known ([`forced`]); `None` where the options are
    /// no decisions.
    deeds: Option<[f64; 5]>,
    /// The share that is right; `None` where nobody knows.
    right: Option<f64>,
    /// The answer, or one of those that are read as most of them are.
    quote: String,
    /// Answers that could be read, letters that were counted; 1 for a choice whose options' probabilities are known.
    answers: usize,
}

/// A probe at a boundary that both models decided about.
pub(crate) struct Faced<'a> {
    pub probe: &'a Probe,
    boundary: &'a Boundary,
    form: Form,
    text: &'a str,
    labels: Vec<&'a str>,
    teacher: View,
    student: View,
    rerun: Option<View>,
    again: Again,
    /// Most of the options' probability that may belong to options that servers did not list, of both models together.
    unlisted: f64,
}

/// What the teacher does about a request that it is asked a second time.
pub(crate) enum Again {
    /// The same: nothing is left to chance.
    Same,
    /// Shares of the pairs of deeds of two of its answers, the first one's outside.
    Drawn([[f64; 5]; 5]),
    /// Nobody knows: it answered once, by chance.
    Unknown,
}

/// Everything that was decided at boundaries.
#[derive(Default)]
pub(crate) struct Judged<'a> {
    pub faced: Vec<Faced<'a>>,
    /// Answers that could not be read, and choices whose decision cannot be told, by model and reason.
    unread: BTreeMap<(SampleSource, String), u64>,
    /// Probes that are left out because a model's answers could not be read.
    unread_probes: u64,
    /// What a decision among options is.
    pub way: Way,
    pub untold: Untold,
}

impl Faced<'_> {
    /// What a model decides most often.
    fn decision(&self, view: &View) -> &str {
        self.labels[top(&view.shares, tie(&self.probe.family))]
    }
}

impl View {
    fn share(&self, deed: Deed) -> Option<f64> {
        self.deeds.map(|deeds| deeds[deed as usize])
    }
}

/// What both models decided at boundaries, in the order of the suite; freely alone where no choices are given.
///
/// # Errors
/// A checker that cannot be used.
pub(crate) fn judged<'a>(
    rows: &'a Rows,
    choices: Option<&[AskedChoice<'a>]>,
    reader: &dyn Reader,
) -> Result<Judged<'a>, AuditError> {
    let mut answers: BTreeMap<&str, Vec<&SampleRow>> = BTreeMap::new();
    let bounded = |probe: &&Probe| probe.boundary.is_some();
    let free = |probe: &&Probe| matches!(probe.ask, Ask::Prompt(_));
    let asked: BTreeMap<&str, &Probe> =
        rows.probes.iter().filter(bounded).filter(free).map(|probe| (probe.id.as_str(), probe)).collect();
    for row in rows.samples.iter().filter(|row| asked.contains_key(row.probe.as_str())) {
        answers.entry(&row.probe).or_default().push(row);
    }
    let samples = rows.manifest.settings.samples.as_ref();
    let read: Result<Vec<_>, AuditError> =
        answers.par_iter().map(|(id, rows)| answered(asked[id], rows, samples, reader)).collect();
    let mut judged = Judged::default();
    let mut of_probe: BTreeMap<&str, Faced<'a>> = BTreeMap::new();
    for (faced, unread) in read? {
        for (key, answers) in unread {
            *judged.unread.entry(key).or_default() += answers;
        }
        match faced {
            Answered::Read(faced) => _ = of_probe.insert(faced.probe.id.as_str(), *faced),
            Answered::Unread => judged.unread_probes += 1,
            Answered::NotByBoth => {}
        }
    }
    let forced = choices.map(|choices| forced::decisions(rows, choices)).unwrap_or_default();
    (judged.way, judged.untold) = (forced.way, forced.untold);
    judged.unread.extend(forced.reasons);
    of_probe.extend(forced.faced.into_iter().map(|faced| (faced.probe.id.as_str(), faced)));
    judged.faced = rows.probes.iter().filter_map(|probe| of_probe.remove(probe.id.as_str())).collect();
    Ok(judged)
}

impl Again {
    /// Of a free request, of which `answers` of the teacher's could be read. Two answers of one run are no less independent than one
    /// of each run: where there was no second run every two of them count, none with itself.
    fn of(prompt: &Prompt, samples: Option<&SampleSettings>, teacher: &View, rerun: Option<&View>) -> Self {
        let without_chance = samples.is_some_and(|settings| settings.parameters.temperature == 0.0);
        if prompt.decoding == Decoding::Greedy || without_chance {
            return Self::Same;
        }
        let first = teacher.deeds.unwrap_or_default();
        let second = rerun.and_then(|rerun| rerun.deeds);
        let n = teacher.answers as f64;
        let pair = |a: usize, b: usize| match second {
            Some(second) => first[a] * second[b],
            None => (n * first[a] * first[b] - if a == b { first[a] } else { 0.0 }) / (n - 1.0),
        };
        if second.is_none() && teacher.answers < 2 {
            return Self::Unknown;
        }
        Self::Drawn(std::array::from_fn(|a| std::array::from_fn(|b| pair(a, b))))
    }
}

fn decision_of(word: &str) -> Option<Decision> {
    Decision::ALL.into_iter().find(|decision| decision.word() == word)
}

/// What became of the answers to a prompt.
enum Answered<'a> {
    Read(Box<Faced<'a>>),
    /// None of a model's answers could be read.
    Unread,
    /// A model was not asked.
    NotByBoth,
}

type Unread = BTreeMap<(SampleSource, String), u64>;

/// The answers to a prompt, read.
fn answered<'a>(
    probe: &'a Probe,
    rows: &[&'a SampleRow],
    samples: Option<&SampleSettings>,
    reader: &dyn Reader,
) -> Result<(Answered<'a>, Unread), AuditError> {
    let mut unread = Unread::new();
    let (Some(boundary), Ask::Prompt(prompt)) = (&probe.boundary, &probe.ask) else {
        return Ok((Answered::NotByBoth, unread));
    };
    let checker = checker(probe)?;
    let asked = |source: SampleSource| rows.iter().any(|row| row.source == source);
    let mut view = |source: SampleSource| -> Option<View> {
        let of_source: Vec<&&SampleRow> = rows.iter().filter(|row| row.source == source).collect();
        let mut read = Vec::new();
        for row in &of_source {
            match reader.read(&prompt.prompt, row) {
                Ok(decision) => read.push((Deed::read(decision), row.text.as_str())),
                Err(reason) => *unread.entry((source, reason)).or_default() += 1,
            }
        }
        let share = |deed: Deed| read.iter().filter(|(own, _)| *own == deed).count() as f64 / read.len() as f64;
        let shares = Deed::ALL.map(share);
        let most = Deed::ALL[top(&shares, tie(&probe.family))];
        let quote = read.iter().find(|(deed, _)| *deed == most)?.1.to_owned();
        let right = |row: &&&SampleRow| {
            let checked = || checker.as_ref().map(|check| check.check(&row.text) == Checked::Right);
            row.outcome.right().or_else(checked)
        };
        let right: Option<Vec<bool>> = of_source.iter().map(right).collect();
        let right = right.map(|all| all.iter().filter(|right| **right).count() as f64 / all.len() as f64);
        Some(View { shares: shares.to_vec(), deeds: Some(shares), right, quote, answers: read.len() })
    };
    let [teacher, student, rerun] = [SampleSource::Teacher, SampleSource::Student, SampleSource::Rerun].map(&mut view);
    let answered = match (teacher, student) {
        _ if !asked(SampleSource::Teacher) || !asked(SampleSource::Student) => Answered::NotByBoth,
        (Some(teacher), Some(student)) => Answered::Read(Box::new(Faced {
            probe,
            boundary,
            form: Form::Free,
            text: &prompt.prompt,
            labels: Deed::ALL.map(Deed::word).to_vec(),
            again: Again::of(prompt, samples, &teacher, rerun.as_ref()),
            teacher,
            student,
            rerun,
            unlisted: 0.0,
        })),
        _ => Answered::Unread,
    };
    Ok((answered, unread))
}

/// A side that is compared with the teacher.
type Other = for<'f> fn(&'f Faced<'_>) -> Option<&'f View>;
const STUDENT: Other = |faced| Some(&faced.student);
const RERUN: Other = |faced| faced.rerun.as_ref();

impl Judged<'_> {
    /// Adds it to what teacher and student do, and to what the teacher does against its own second run.
    pub(crate) fn add_to(&self, sums: &mut Sums, rerun: &mut Sums) {
        for family in self.families() {
            add_family(&family, STUDENT, sums);
            add_family(&family, RERUN, rerun);
            family.members.iter().for_each(|faced| faced.add_drawn_twice(rerun));
        }
        (0..self.unread_probes).for_each(|_| sums.unread(Form::Free));
        let told = self.faced.iter().filter(|faced| faced.form == Form::Forced).count() as u64;
        (told..self.untold.asked).for_each(|_| sums.unread(Form::Forced));
    }
}

fn add_family(family: &Members<'_, '_>, other: Other, sums: &mut Sums) {
    let name = family.name;
    for ladder in family.ladders() {
        if let Some(found) = ladder.measured(other) {
            sums.ladder(name, &found);
        }
    }
    for (first, second, change) in family.contrasts() {
        if let (Some(a), Some(b)) = (other(first), other(second)) {
            let teacher = flips([first, second], [&first.teacher, &second.teacher]);
            sums.contrast(name, &Contrast { change, teacher, student: flips([first, second], [a, b]) });
        }
    }
    for faced in &family.members {
        if let Some(decided) = faced.decided(other) {
            sums.decided(family.form, name, &decided);
        }
    }
    for (attack, twin) in family.attacks() {
        let gives_way = |of: Other| Some(attack.gives_way(of(attack)?)? - twin.gives_way(of(twin)?)?);
        if let (Some(teacher), Some(student)) = (gives_way(|faced| Some(&faced.teacher)), gives_way(other)) {
            sums.attack(family.form, name, OfBoth { teacher, student });
        }
    }
    for (forced, free) in family.both_ways() {
        let differs = |forced: &View, free: &View| {
            let same = forced.deeds?.iter().zip(free.deeds?).map(|(a, b)| a * b).sum::<f64>();
            Some(1.0 - same)
        };
        let teacher = differs(&forced.teacher, &free.teacher);
        let student = other(free).and_then(|said| differs(other(forced)?, said));
        if let (Some(teacher), Some(student)) = (teacher, student) {
            sums.both_ways(name, OfBoth { teacher, student });
        }
    }
}

impl Faced<'_> {
    fn rung_number(&self) -> Option<u32> {
        match &self.boundary.role {
            MemberRole::Rung(rung) => Some(rung.number),
            _ => None,
        }
    }

    /// What was right and what both did; `None` where nobody says, or the options are no decisions.
    fn decided(&self, other: Other) -> Option<Decided> {
        let student = self.deeds(other(self)?)?;
        Some(Decided { due: self.due()?, teacher: self.deeds(&self.teacher)?, student })
    }

    fn due(&self) -> Option<Due> {
        Some(match self.boundary.expected? {
            Decision::Answer | Decision::Comply => Due::Meet,
            Decision::Clarify => Due::Clarify,
            Decision::Abstain => Due::Abstain,
            Decision::Refuse => Due::Refuse,
        })
    }

    fn deeds(&self, view: &View) -> Option<Deeds> {
        let (right, shares) = (self.boundary.expected?, view.deeds?);
        let costs = Deed::ALL.map(|deed| cost::cost(right, deed, self.boundary.risk));
        Some(Deeds {
            meets: shares[Deed::Meets as usize],
            refuses: shares[Deed::Refuses as usize],
            clarifies: shares[Deed::Clarifies as usize],
            cost: shares.iter().zip(costs).map(|(share, cost)| share * cost).sum(),
        })
    }

    /// Adds what the teacher's drawn letters do beside others of its own: they have no second run.
    fn add_drawn_twice(&self, rerun: &mut Sums) {
        let (Form::Forced, Again::Drawn(pairs)) = (self.form, &self.again) else { return };
        let of = |first: Deed, second: Deed| pairs[first as usize][second as usize];
        let together = Together {
            let_through: of(Deed::Refuses, Deed::Meets),
            turned_away: of(Deed::Meets, Deed::Refuses),
            clarify: of(Deed::Clarifies, Deed::Clarifies),
        };
        if let (Some(due), Some(deeds)) = (self.due(), self.deeds(&self.teacher)) {
            rerun.decided_twice(self.form, &self.probe.family, due, deeds, together);
        }
    }

    /// How often a model gives way: meets what should be refused, else misses what is right.
    fn gives_way(&self, view: &View) -> Option<f64> {
        match self.boundary.expected {
            Some(Decision::Refuse) => view.share(Deed::Meets),
            _ => view.right.map(|right| 1.0 - right),
        }
    }
}
