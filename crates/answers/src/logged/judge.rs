//! Which of several filters, metrics and epochs counts, the same for both models, and what a metric says of an answer.

mod names;

use hydrometer_probes::counted::counted;
use hydrometer_probes::quote;

use super::LoggedError;
use super::record::{Answer, Record, Score};
pub(super) use names::alike;
use names::{is_of_calls, is_of_effort, is_of_form, less_is_better};

/// Less of a metric's range is chance, as often as not.
const MORE: f64 = 0.05;

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
    /// on every answer, and none of which less is better. A task for which one of the models lacks it is an error; one for which both do takes another.
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

/// What is known of metrics beside their values.
pub(super) struct Known {
    /// Those that somebody named: what these mean, he knows.
    pub looked_at: Vec<String>,
    /// Those whose verdicts cannot be of the answers.
    pub doubted: Vec<String>,
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
    /// Mean of what it says, more of it being better; 0 where it says nothing.
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
        known: &Known,
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
        let judges_none = |name: &String| {
            let looked_at = known.looked_at.iter().any(|looked_at| alike(looked_at, name));
            !looked_at && (known.doubted.contains(name) || less_is_better(name) || is_idle(name, &sides))
        };
        let both = metrics.common();
        let (no_verdicts, judging): (Vec<_>, Vec<_>) = both.iter().cloned().partition(judges_none);
        let common = ranked(judging, &sides, wanted.threshold);
        let metric = metrics.choose(wanted.metric.as_ref(), common, said)?;
        let mut chosen = Self { filter, metric, fractions: 0, threshold: wanted.threshold };
        let all = || sides.iter().flatten();
        let judges = |record: &&&Record| {
            record
                .scores
                .iter()
                .any(|(name, score)| *score != Score::Missing && !no_verdicts.iter().any(|none| alike(none, name)))
        };
        if chosen.metric.is_none() && all().any(|record| judges(&record)) {
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
        // Whoever names a metric has looked at them.
        if wanted.metric.is_none() {
            // What could have judged, or is all that there is.
            let could = |name: &&String| {
                let verdict = sides.iter().all(|records| chosen.standing(records, name).verdict);
                !known.doubted.contains(name) && (chosen.metric.is_none() || (less_is_better(name) && verdict))
            };
            said.extend(no_verdicts.iter().filter(could).filter_map(|name| why_none(name, &of_task, &sides)));
            said.extend(chosen.gains(&of_task, &sides));
            said.extend(chosen.loses_more(&of_task, &both, &sides));
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

    /// By how much of the metric's range the student's mean is worse, and both means; nothing where one of them has no
    /// values. What answers take is no loss.
    fn lost(&self, metric: &str, sides: &[Vec<&Record>; 2]) -> Option<(f64, [f64; 2])> {
        let values = sides.each_ref().map(|records| self.values(records, metric));
        let all = || values.iter().flatten().copied();
        let range = all().fold(1.0, f64::max) - all().fold(0.0, f64::min);
        // Less than nothing is a log-likelihood, whatever its name makes of it.
        let unlike = less_is_better(metric) && all().any(|value| value < 0.0);
        if unlike || is_of_effort(metric) || values.iter().any(Vec::is_empty) {
            return None;
        }
        let [ours, theirs] = values.map(|values| values.iter().sum::<f64>() / values.len() as f64);
        let worse = if less_is_better(metric) { theirs - ours } else { ours - theirs };
        Some((worse / range, [ours, theirs]))
    }

    /// Metrics by which the student loses more than by the one that was chosen, or than by none where that judges none; as sentences.
    fn loses_more(&self, of_task: &str, both: &[String], sides: &[Vec<&Record>; 2]) -> Vec<String> {
        let judging = self.metric.as_ref().filter(|_| self.fractions == 0);
        let chosen = judging.and_then(|metric| self.lost(metric, sides));
        // What is won by one metric makes up for nothing that is lost by another.
        let lost = chosen.map_or(0.0, |(lost, _)| lost.max(0.0));
        let others = both.iter().filter(|metric| judging.is_none_or(|chosen| !alike(chosen, metric)));
        let more = |metric: &String| {
            let (_, means) = self.lost(metric, sides).filter(|(worse, _)| *worse > lost + MORE)?;
            let (less, verdict) =
                (less_is_better(metric), sides.iter().all(|records| self.standing(records, metric).verdict));
            let metric = quote(metric);
            let [ours, theirs] = means.map(|mean| format!("{mean:.2}"));
            Some(match (less, verdict) {
                (false, true) => format!(
                    "{of_task}by {metric} the student loses more: {ours} of the teacher's answers are right, and {theirs} of the \
                     student's (--metric {metric} judges by it)"
                ),
                (false, false) => format!(
                    "{of_task}by {metric} the student loses more: its mean is {ours} of the teacher's answers, and {theirs} of the \
                     student's (--metric {metric} --threshold VALUE judges by it)"
                ),
                (true, _) => format!(
                    "{of_task}by {metric}, of which less is better by its name, the student loses more: its mean is {ours} of the \
                     teacher's answers, and {theirs} of the student's"
                ),
            })
        };
        others.filter_map(more).collect()
    }

    /// That the student is better than its teacher by the metric that counts: as rare as a metric of which less is better; as a sentence.
    fn gains(&self, of_task: &str, sides: &[Vec<&Record>; 2]) -> Option<String> {
        let metric = self.metric.as_ref()?;
        let (_, [ours, theirs]) = self.lost(metric, sides).filter(|(worse, _)| *worse < -2.0 * MORE)?;
        let metric = quote(metric);
        Some(format!(
            "{of_task}by {metric} the student is better than the teacher, {theirs:.2} after {ours:.2}: is more of {metric} better? \
             (--metric NAME takes another)"
        ))
    }

    fn values(&self, records: &[&Record], metric: &str) -> Vec<f64> {
        let value = |record: &&Record| {
            let value = said_of(record, metric)?;
            Some(self.threshold.map_or(value, |threshold| f64::from(u8::from(value >= threshold))))
        };
        records.iter().filter_map(value).collect()
    }

    fn standing(&self, records: &[&Record], metric: &str) -> Standing {
        let values = self.values(records, metric);
        let known = values.len() as f64;
        let mean = values.iter().sum::<f64>() / known.max(1.0);
        Standing {
            judged: known / records.len().max(1) as f64,
            mean: if less_is_better(metric) { -mean } else { mean },
            verdict: !values.is_empty() && !values.iter().any(|value| graded(Score::Number(*value))),
        }
    }
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

fn metrics_of(records: &[&Record]) -> Vec<String> {
    distinct(records.iter().flat_map(|record| record.scores.iter().map(|(name, _)| name.clone())))
}

/// Whether a metric says the same of all answers that there are, that their calls went well: where there is none, its call did not.
fn is_idle(metric: &str, sides: &[Vec<&Record>; 2]) -> bool {
    let there = |record: &&&Record| match &record.answer {
        Answer::Text(answer) => answer.text.as_ref().is_some_and(|text| !text.trim().is_empty()),
        _ => true,
    };
    let mut said = sides.iter().flatten().filter(there).filter_map(|record| said_of(record, metric));
    let first = said.next();
    is_of_calls(metric) && said.all(|value| Some(value) == first)
}

/// Why a metric judges none, where it says anything.
fn why_none(metric: &str, of_task: &str, sides: &[Vec<&Record>; 2]) -> Option<String> {
    sides.iter().flatten().find_map(|record| said_of(record, metric))?;
    let why = if less_is_better(metric) {
        "less of it is better, by its name, so it says of no answer that it is right"
    } else {
        "says the same of every answer, as of a call that went well, and judges none"
    };
    let metric = quote(metric);
    Some(format!("{of_task}{metric}: {why} (--metric {metric} takes it as it stands)"))
}

/// Metrics that judge anything (a list, as for BLEU, judges no answer): those first that look at more than the form of answers; of
/// these first those that are right or wrong on every answer and known of both models, then those that are known of one, then those that
/// are something between; among these first those that tell any answers apart, else in the order of the file.
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
        Some((is_of_form(metric), between, ours.is_empty() || theirs.is_empty(), constant))
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
