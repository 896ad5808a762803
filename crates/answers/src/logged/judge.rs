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
    /// teacher. A task for which one of the models lacks it is an error; one for which both do takes another.
    pub filter: Option<String>,
    /// Metric that says what is right, where files have several; `None` takes the first that both have, those first that are 0 or 1
    /// on every answer. A task for which one of the models lacks it is an error; one for which both do takes another.
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

/// What the file says of all answers of a model to one question, by one metric.
struct Standing {
    /// Share of the answers of which it says anything.
    judged: f64,
    /// Mean of what it says; 0 where it says nothing.
    mean: f64,
    /// Whether it says anything, and nothing but right and wrong.
    verdict: bool,
}

impl Chosen {
    /// Chooses for the records of one task, and says in `said` what there was to choose from.
    ///
    /// # Errors
    /// The files have filters, and none in common; or one of the models has not what was asked for.
    pub fn of(
        task: &str,
        wanted: &Wanted,
        [teacher, student]: [&[&Record]; 2],
        said: &mut Vec<String>,
    ) -> Result<Self, LoggedError> {
        let of_task = if task.is_empty() { String::new() } else { format!("{task}: ") };
        let filters = |records: &[&Record]| distinct(records.iter().filter_map(|record| record.filter.clone()));
        let [ours, theirs] = [teacher, student].map(filters);
        if !ours.is_empty() && !theirs.is_empty() && !ours.iter().any(|name| theirs.contains(name)) {
            let known = [ours, theirs].concat();
            return Err(LoggedError::NoCommonFilter { known });
        }
        let filters = Names { what: "filter", of_task: &of_task, there: [by_found(ours, teacher), theirs] };
        let filter = filters.choose(wanted.filter.as_ref(), filters.common(), said)?;
        let sides = [teacher, student].map(|records| of_filter(records, filter.as_deref()));
        let there = sides.each_ref().map(|records| metrics_of(records));
        let metrics = Names { what: "metric", of_task: &of_task, there };
        let common = ranked(metrics.common(), &sides, wanted.threshold);
        let metric = metrics.choose(wanted.metric.as_ref(), common.clone(), said)?;
        let mut chosen = Self { filter, metric, fractions: 0, threshold: wanted.threshold };
        // Whoever names a metric has looked at them.
        if wanted.metric.is_none() {
            said.extend(chosen.loses_more(&of_task, &common, &sides));
        }
        let all = || sides.iter().flatten();
        if chosen.metric.is_none() && all().any(|record| judges(record)) {
            let [ours, theirs] = sides.each_ref().map(|records| {
                let judging = |name: &String| records.iter().any(|record| said_of(record, name).is_some());
                listed(&metrics_of(records).into_iter().filter(judging).collect::<Vec<_>>())
            });
            said.push(format!(
                "{of_task}no metric that both models have, so no answer is judged by the files: the teacher's have {ours}, the \
                 student's {theirs}"
            ));
        }
        if wanted.threshold.is_none() {
            let values = all().map(|record| chosen.score(record));
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
        self.metric.as_ref().map_or(Score::Missing, |metric| named(&record.scores, metric))
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

    /// Whether any metric judges the teacher's answers to a question on which the student does not stand as well by the same metric:
    /// where such a question is not judged in the end, it may be lost.
    pub fn may_be_lost(&self, ours: &[&Record], theirs: &[&Record]) -> bool {
        let metrics = distinct(ours.iter().flat_map(|record| record.metrics().map(|(name, _)| name.clone())));
        metrics.iter().any(|metric| {
            let [ours, theirs] = [ours, theirs].map(|records| self.standing(records, metric));
            ours.verdict && (theirs.judged < ours.judged || theirs.mean < ours.mean)
        })
    }

    /// Metrics by which the student loses more than by the one that was chosen, as sentences.
    fn loses_more(&self, of_task: &str, common: &[String], sides: &[Vec<&Record>; 2]) -> Vec<String> {
        /// Less is chance, as often as not.
        const MORE: f64 = 0.05;
        let right = |metric: &String| {
            let [ours, theirs] = sides.each_ref().map(|records| self.standing(records, metric));
            (ours.verdict && theirs.verdict).then_some([ours.mean, theirs.mean])
        };
        let lost = self.metric.as_ref().and_then(right).map_or(0.0, |[ours, theirs]| ours - theirs);
        let more = |metric: &String| {
            let [ours, theirs] = right(metric).filter(|[ours, theirs]| ours - theirs > lost + MORE)?;
            let metric = quote(metric);
            Some(format!(
                "{of_task}by {metric} the student loses more: {ours:.2} of the teacher's answers are right, and {theirs:.2} of the \
                 student's (--metric {metric} judges by it)"
            ))
        };
        common.iter().filter_map(more).collect()
    }

    fn standing(&self, records: &[&Record], metric: &str) -> Standing {
        let value = |record: &&Record| {
            let value = said_of(record, metric)?;
            Some(self.threshold.map_or(value, |threshold| f64::from(u8::from(value >= threshold))))
        };
        let values: Vec<f64> = records.iter().filter_map(value).collect();
        let known = values.len() as f64;
        Standing {
            judged: known / records.len().max(1) as f64,
            mean: values.iter().sum::<f64>() / known.max(1.0),
            verdict: !values.is_empty() && !values.iter().any(|value| graded(Score::Number(*value))),
        }
    }
}

/// Columns that say of an answer that it is right, and nothing else: the same verdict by other names.
const RIGHT: [&str; 4] = ["correct", "is_correct", "passed", "right"];

/// Columns that often say of a call that it went well, and not of its answer that it is right.
const OF_CALLS: [&str; 9] = ["success", "status", "ok", "valid", "format", "completed", "finished", "parsed", "pass"];

/// Whether two names are of the same verdict.
pub(super) fn alike(a: &str, b: &str) -> bool {
    a == b || (RIGHT.contains(&a) && RIGHT.contains(&b))
}

/// The score of this name, or of another name for the same.
pub(super) fn named(scores: &[(String, Score)], metric: &str) -> Score {
    let exact = scores.iter().find(|(name, _)| name == metric);
    exact.or_else(|| scores.iter().find(|(name, _)| alike(name, metric))).map_or(Score::Missing, |(_, score)| *score)
}

/// What a metric says of an answer, or of all answers to its question.
fn said_of(record: &Record, metric: &str) -> Option<f64> {
    [&record.scores, &record.on_all].into_iter().find_map(|scores| match named(scores, metric) {
        Score::Number(value) => Some(value),
        Score::Missing => None,
    })
}

fn graded(score: Score) -> bool {
    matches!(score, Score::Number(value) if value != 0.0 && value != 1.0)
}

fn judges(record: &Record) -> bool {
    record.scores.iter().any(|(_, score)| *score != Score::Missing)
}

fn metrics_of(records: &[&Record]) -> Vec<String> {
    distinct(records.iter().flat_map(|record| record.scores.iter().map(|(name, _)| name.clone())))
}

/// Metrics that judge anything (a list, as for BLEU, judges no answer): first those that are right or wrong on every answer and
/// known of both models, then those that are known of one, then those that are something between; among these first those that tell any
/// answers apart, else in the order of the file. Last of all comes what says of every call that it went well.
fn ranked(mut metrics: Vec<String>, sides: &[Vec<&Record>; 2], threshold: Option<f64>) -> Vec<String> {
    let values = |records: &[&Record], metric: &str| -> Vec<Score> {
        records.iter().map(|record| named(&record.scores, metric)).filter(|score| *score != Score::Missing).collect()
    };
    let rank = |metric: &String| {
        let [ours, theirs] = sides.each_ref().map(|records| values(records, metric));
        if ours.is_empty() && theirs.is_empty() {
            return None;
        }
        let all = || ours.iter().chain(&theirs);
        let between = threshold.is_none() && all().any(|score| graded(*score));
        let constant = all().all(|score| Some(score) == all().next());
        let idle = constant && OF_CALLS.contains(&metric.as_str());
        Some((idle, between, ours.is_empty() || theirs.is_empty(), constant))
    };
    metrics.retain(|metric| rank(metric).is_some());
    metrics.sort_by_key(rank);
    metrics
}

/// The filters or the metrics that each model's files have for a task.
struct Names<'t> {
    what: &'static str,
    of_task: &'t str,
    there: [Vec<String>; 2],
}

impl Names<'_> {
    /// Those of both, by the teacher's names. A name that the other does not have stands for another name of the same.
    fn common(&self) -> Vec<String> {
        let [ours, theirs] = &self.there;
        let has = |name: &&String| {
            theirs.contains(name) || theirs.iter().any(|other| alike(name, other) && !ours.contains(other))
        };
        ours.iter().filter(has).cloned().collect()
    }

    /// What is wanted, else the first of `common`; says what else there was.
    ///
    /// # Errors
    /// One of the models has not what is wanted. Where neither has, the task has others.
    fn choose(
        &self,
        wanted: Option<&String>,
        common: Vec<String>,
        said: &mut Vec<String>,
    ) -> Result<Option<String>, LoggedError> {
        let [ours, theirs] = &self.there;
        let has = |names: &[String], wanted: &String| names.iter().any(|name| alike(name, wanted));
        let found = wanted.map(|wanted| [has(ours, wanted), has(theirs, wanted)]);
        if let (Some(wanted), Some([of_teacher, of_student])) = (wanted, found)
            && of_teacher != of_student
        {
            let (lacks, known) = if of_teacher { ("student", theirs) } else { ("teacher", ours) };
            return Err(LoggedError::LacksChoice {
                what: self.what,
                wanted: wanted.clone(),
                task: self.of_task.to_owned(),
                lacks,
                known: listed(known),
            });
        }
        let neither = wanted.filter(|_| found == Some([false; 2]));
        let chosen = wanted.filter(|_| neither.is_none()).or(common.first()).cloned();
        let Some(name) = &chosen else { return Ok(None) };
        let of_student = theirs.iter().find(|other| !theirs.contains(name) && alike(name, other));
        let alone = |names: &[String], others: &[String]| -> Vec<String> {
            names.iter().filter(|name| !has(others, name)).cloned().collect()
        };
        let [of_teacher_alone, of_student_alone] = [alone(ours, theirs), alone(theirs, ours)];
        let mut also = Vec::new();
        also.extend(of_student.map(|other| format!("which the student's files call {}", quote(other))));
        for (whose, names) in [("teacher", of_teacher_alone), ("student", of_student_alone)] {
            also.extend((!names.is_empty()).then(|| format!("the {whose} alone has {}", listed(&names))));
        }
        also.extend(neither.map(|wanted| format!("neither has {}", quote(wanted))));
        if common.len() > 1 || !also.is_empty() {
            let (what, also) = (self.what, also.iter().map(|also| format!("; {also}")).collect::<String>());
            let of = if common.len() > 1 { format!(" of {}", listed(&common)) } else { String::new() };
            said.push(format!("{}{what} {}{of} (--{what} NAME){also}", self.of_task, quote(name)));
        }
        Ok(chosen)
    }
}

/// Names as a sentence holds them.
fn listed(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| quote(name)).collect();
    if quoted.is_empty() { "none".to_owned() } else { quoted.join(", ") }
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
