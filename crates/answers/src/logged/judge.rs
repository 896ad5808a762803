//! Which of several filters, metrics and epochs counts, the same for both models, and what a metric says of an answer.

use hydrometer_probes::counted::counted;
use hydrometer_probes::quote;

use super::LoggedError;
use super::record::{Answer, Record, Score};

/// What questions are that the teacher answered and the student did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// Lost on the way, as far as anybody knows: too many of them, and what is left is no measure of the whole.
    Lacking,
    /// Somebody says that they were never put to the student.
    NeverAsked,
}

/// Which answers are compared, and how they are judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Model whose answers are the teacher's: as a file names it, or a file or folder.
    pub teacher: String,
    /// Model whose answers are the student's.
    pub student: String,
    /// Filter, where files have several; `None` takes the one that both have and that finds an answer in most texts of the
    /// teacher.
    pub filter: Option<String>,
    /// Metric that says what is right, where files have several; `None` takes the first that both have.
    pub metric: Option<String>,
    /// Only this one of several answers to a question.
    pub epoch: Option<u32>,
    /// From this value of the metric on an answer is right. Without it only 0 and 1 judge.
    pub threshold: Option<f64>,
    /// What questions are that the teacher alone answered.
    pub unanswered: Unanswered,
}

impl Wanted {
    /// All answers of both, with whatever filter and metric both have; what the teacher alone answered is lacking.
    #[must_use]
    pub fn of(teacher: &str, student: &str) -> Wanted {
        Wanted {
            teacher: teacher.to_owned(),
            student: student.to_owned(),
            filter: None,
            metric: None,
            epoch: None,
            threshold: None,
            unanswered: Unanswered::Lacking,
        }
    }
}

/// What was chosen for one task.
pub(super) struct Chosen {
    pub filter: Option<String>,
    pub metric: Option<String>,
    /// Values that are neither 0 nor 1, where no threshold says what they mean: the metric judges no text then. A reward is a
    /// verdict on its run, whatever others are.
    pub fractions: u64,
    threshold: Option<f64>,
}

impl Chosen {
    /// Chooses for the records of one task, and says in `said` what there was to choose from.
    ///
    /// # Errors
    /// The files have filters, and none in common.
    pub fn of(
        task: &str,
        wanted: &Wanted,
        [teacher, student]: [&[&Record]; 2],
        said: &mut Vec<String>,
    ) -> Result<Self, LoggedError> {
        let of_task = if task.is_empty() { String::new() } else { format!("{task}: ") };
        let mut choose = |what: &'static str, wanted: Option<&String>, ours: Vec<String>, theirs: Vec<String>| {
            let both: Vec<String> = ours.iter().filter(|name| theirs.contains(name)).cloned().collect();
            let chosen = wanted.filter(|wanted| both.contains(wanted)).or(both.first()).cloned();
            if let Some(chosen) = chosen.as_ref().filter(|_| both.len() > 1) {
                let names: Vec<String> = both.iter().map(|name| quote(name)).collect();
                said.push(format!("{of_task}{what} {} of {} (--{what} NAME)", quote(chosen), names.join(", ")));
            }
            (chosen, both)
        };
        let filters = |records: &[&Record]| distinct(records.iter().filter_map(|record| record.filter.clone()));
        let (ours, theirs) = (filters(teacher), filters(student));
        if !ours.is_empty() && !theirs.is_empty() && !ours.iter().any(|name| theirs.contains(name)) {
            let known = [ours, theirs].concat();
            return Err(LoggedError::NoCommonFilter { known });
        }
        let (filter, _) = choose("filter", wanted.filter.as_ref(), by_found(ours, teacher), theirs);
        let [teacher, student] = [teacher, student].map(|records| of_filter(records, filter.as_deref()));
        // A metric that judges nothing on either side (a list, as for BLEU) is no choice.
        let judging = |name: &String| {
            let judges = |(known, score): &(String, Score)| known == name && *score != Score::Missing;
            teacher.iter().chain(&student).any(|record| record.scores.iter().any(judges))
        };
        let [ours, theirs] = [&teacher, &student].map(|records| {
            distinct(records.iter().flat_map(|record| record.scores.iter().map(|(name, _)| name.clone())))
        });
        let ours: Vec<String> = ours.into_iter().filter(judging).collect();
        let (metric, _) = choose("metric", wanted.metric.as_ref(), ours, theirs);
        let mut chosen = Self { filter, metric, fractions: 0, threshold: wanted.threshold };
        if wanted.threshold.is_none() {
            let values = teacher.iter().chain(&student).map(|record| chosen.score(record));
            let graded = |score: Score| matches!(score, Score::Number(value) if value != 0.0 && value != 1.0);
            chosen.fractions = values.filter(|score| graded(*score)).count() as u64;
        }
        if let Some(metric) = chosen.metric.as_ref().filter(|_| chosen.fractions > 0) {
            let runs = teacher.iter().any(|record| matches!(record.answer, Answer::Run(_)));
            let (what, so) = if runs { ("run", "whose tasks are left out") } else { ("answer", "so it judges none") };
            let (on, metric) = (counted(chosen.fractions, what), quote(metric));
            said.push(format!(
                "{of_task}{metric} is neither 0 nor 1 on {on}, {so} (--threshold VALUE says from where on an answer is right)"
            ));
        }
        Ok(chosen)
    }

    /// Whether the record is of the filter that counts.
    pub fn takes(&self, record: &Record) -> bool {
        self.filter.is_none() || record.filter.is_none() || record.filter == self.filter
    }

    fn score(&self, record: &Record) -> Score {
        let of_metric = |(name, _): &&(String, Score)| Some(name) == self.metric.as_ref();
        record.scores.iter().find(of_metric).map_or(Score::Missing, |(_, score)| *score)
    }

    /// Whether the answer is right; `None` where nothing says so.
    pub fn right(&self, record: &Record) -> Option<bool> {
        match (self.score(record), self.threshold) {
            (Score::Missing, _) => None,
            (Score::Number(value), Some(threshold)) => Some(value >= threshold),
            (Score::Number(value), None) => {
                let run = matches!(record.answer, Answer::Run(_));
                let verdict = if run { value == 0.0 || value == 1.0 } else { self.fractions == 0 };
                verdict.then_some(value == 1.0)
            }
        }
    }
}

/// Filters, those first that find an answer in the most texts: one that finds none says nothing about a model.
fn by_found(mut filters: Vec<String>, records: &[&Record]) -> Vec<String> {
    let found = |filter: &str| {
        let nothing = |record: &&&Record| match &record.answer {
            Answer::Text(answer) => answer.label.as_deref().is_some_and(|label| label.trim().is_empty()),
            _ => false,
        };
        of_filter(records, Some(filter)).iter().filter(|record| !nothing(record)).count()
    };
    // Stable: where they find as many, the file's order counts.
    filters.sort_by_key(|filter| std::cmp::Reverse(found(filter)));
    filters
}

fn of_filter<'a>(records: &[&'a Record], filter: Option<&str>) -> Vec<&'a Record> {
    let of = |record: &&&Record| filter.is_none() || record.filter.is_none() || record.filter.as_deref() == filter;
    records.iter().filter(of).copied().collect()
}

/// Each once, in the order of their first.
pub(super) fn distinct(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for name in names {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    all
}
