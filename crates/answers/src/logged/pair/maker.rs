//! Questions of what was joined: words, identifiers and families, and whether both models were asked alike.

use std::collections::{HashMap, HashSet};

use hydrometer_probes::{Ask, Probe, kind};

use super::super::judge::Chosen;
use super::super::record::{Answer, Content, Record};
use super::{ByTask, Given, GivenRun, GivenText, Group, PairedQuestion, Report};
use crate::DifferentPrompts;

/// Makes questions of what was joined.
pub(super) struct Maker<'c> {
    pub(super) chosen: &'c ByTask,
    pub(super) report: Report,
    pub(super) ids: HashSet<String>,
    /// Family of what was asked before, by content and by words.
    pub(super) families: HashMap<String, String>,
}

impl Maker<'_> {
    /// The question and its answers; `None` where they cannot be compared, which is counted.
    pub(super) fn question(&mut self, ours: &Group<'_>, theirs: &Group<'_>) -> Option<(Probe, PairedQuestion)> {
        let (first, other) = (ours.first(), theirs.first());
        let given = |group: &Group<'_>, chosen: &Chosen| match &group.first().answer {
            Answer::Text(_) => {
                Some(Given::Texts(group.records.iter().filter_map(|record| text(record, chosen)).collect()))
            }
            Answer::Run(_) => {
                let judged = group.records.iter().map(|record| run(record, chosen)).collect::<Option<Vec<_>>>();
                judged.map(Given::Runs)
            }
            Answer::Options(values) => Some(Given::Options(values.clone())),
            Answer::Likelihood(value) => value.is_finite().then_some(Given::Likelihood(*value)),
            Answer::Unmeasured | Answer::Question | Answer::Verdict => None,
        };
        let chosen = self.chosen.get(&first.task)?;
        let (teacher, student) = (given(ours, chosen), given(theirs, chosen));
        self.report.not_compared.unusable_of_student += u64::from(teacher.is_some() && student.is_none());
        let (Some(teacher), Some(student)) = (teacher, student) else {
            match &first.answer {
                Answer::Run(_) => self.report.unjudged += 1,
                _ => self.report.unmeasured += 1,
            }
            return None;
        };
        let rights = [first, other].map(|record| chosen.right(record));
        let ask = match (&teacher, &student) {
            (Given::Texts(_), Given::Texts(_)) => self.prompt(first, other),
            (Given::Runs(_), Given::Runs(_)) => self.trajectory(first, other),
            (Given::Options(a), Given::Options(b)) => {
                let ask = self.choice(first, other, [a, b], rights);
                self.report.no_choices += u64::from(ask.is_none());
                ask?
            }
            (Given::Likelihood(_), Given::Likelihood(_)) => {
                first.question.clone().filter(|ask| ask.kind().check().is_ok())?
            }
            _ => {
                self.report.no_choices += 1;
                return None;
            }
        };
        let missing = |given: &Given| match given {
            Given::Texts(texts) => texts.iter().filter(|text| text.text.trim().is_empty()).count() as u64,
            Given::Runs(runs) => runs.iter().filter(|run| run.transcript.events.is_empty()).count() as u64,
            Given::Options(_) | Given::Likelihood(_) => 0,
        };
        self.report.missing += missing(&teacher) + missing(&student);
        let id = self.id(first);
        self.compare(&id, first, other);
        let family = self.family(&id, first, &ask);
        let axis: String = first.task.chars().filter(|c| !c.is_control()).take(200).collect();
        let axis = if axis.trim().is_empty() { "imported".to_owned() } else { axis };
        Some((
            Probe { id, family, axis, tags: first.tags.clone(), knob: None, boundary: None, ask },
            PairedQuestion { teacher, student },
        ))
    }

    fn trajectory(&mut self, first: &Record, other: &Record) -> Ask {
        let worded = [first, other].into_iter().filter_map(|record| record.question.clone());
        let found = worded.into_iter().find(|ask| matches!(ask, Ask::Trajectory(_)) && ask.kind().check().is_ok());
        found.unwrap_or_else(|| {
            let task = self.unworded(first);
            kind::Trajectory { task, system: None }.into()
        })
    }

    /// What a question is called that no file words.
    fn unworded(&mut self, record: &Record) -> String {
        self.report.unworded += 1;
        let name = record.id.clone().filter(|id| !id.trim().is_empty()).unwrap_or_else(|| record.place.to_string());
        format!("(not in the files) {name}")
    }

    fn prompt(&mut self, first: &Record, other: &Record) -> Ask {
        let worded = [first, other].into_iter().filter_map(|record| record.question.clone());
        let found = worded.into_iter().find(|ask| matches!(ask, Ask::Prompt(_)) && ask.kind().check().is_ok());
        found.unwrap_or_else(|| kind::Prompt::new(self.unworded(first)).into())
    }

    /// The choice with what is right: as both files say, where the log-likelihoods do not contradict the metric.
    fn choice(
        &mut self,
        first: &Record,
        other: &Record,
        values: [&[f64]; 2],
        rights: [Option<bool>; 2],
    ) -> Option<Ask> {
        let (Some(Ask::Choice(ours)), Some(Ask::Choice(theirs))) = (&first.question, &other.question) else {
            return None;
        };
        let fits = values.iter().all(|values| values.len() == ours.options.len());
        // Log-probabilities are at most 0, and one of them is possible.
        let possible = |values: &[f64]| values.iter().all(|v| *v <= 0.0) && values.iter().any(|v| v.is_finite());
        let usable = values.map(possible);
        self.report.not_compared.unusable_of_student += u64::from(usable == [true, false]);
        if ours.options != theirs.options || !fits || usable.contains(&false) {
            return None;
        }
        let truth = match (ours.truth, theirs.truth) {
            (Some(a), Some(b)) if a != b => None,
            (a, b) => a.or(b),
        };
        let best = |values: &[f64]| (0..values.len()).max_by(|&a, &b| values[a].total_cmp(&values[b]).then(b.cmp(&a)));
        let agrees = |truth: u32| {
            let preferred = values.map(|values| best(values) == Some(truth as usize));
            let agrees = |side: usize| rights[side].is_none_or(|right| right == preferred[side]);
            [agrees(0), agrees(1)]
        };
        let agreed = truth.map(agrees);
        self.report.not_compared.unjudged_of_student += u64::from(agreed == Some([true, false]));
        let judged = truth.filter(|_| agreed == Some([true, true]));
        let known = ours.truth.is_some() || theirs.truth.is_some();
        self.report.contradicted_choices += u64::from(known && judged.is_none());
        let ask = Ask::Choice(kind::Choice { truth: judged, ..ours.clone() });
        ask.kind().check().is_ok().then_some(ask)
    }

    /// An identifier of letters that a suite allows, unlike all others.
    fn id(&mut self, record: &Record) -> String {
        let named = match &record.id {
            Some(id) if id.contains('/') => id.clone(),
            Some(id) => {
                format!("{}/{}", record.task, id.parse::<u32>().map_or(id.clone(), |number| format!("{number:05}")))
            }
            None => format!("{}/{:05}", record.task, record.place.number),
        };
        let allowed = |c: char| if c.is_ascii_alphanumeric() || "-_./:".contains(c) { c } else { '-' };
        let slug: String = named.trim_matches('/').chars().map(allowed).take(180).collect();
        let slug = if slug.is_empty() { "question".to_owned() } else { slug };
        let mut id = slug.clone();
        for number in 2_u32.. {
            if self.ids.insert(id.clone()) {
                break;
            }
            id = format!("{slug}-{number}");
        }
        id
    }

    /// A question that was asked before belongs to the family of the first.
    fn family(&mut self, id: &str, record: &Record, ask: &Ask) -> String {
        let own = record.family.clone().filter(|family| !family.trim().is_empty());
        let words = ask.kind().texts().join("\n");
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        let document = match &record.content {
            Content::Document(text) => Some(format!("document {text}")),
            Content::Asked(_) | Content::Unknown => None,
        };
        let keys: Vec<String> = document.into_iter().chain([format!("words {words}")]).collect();
        let earlier = keys.iter().find_map(|key| self.families.get(key)).cloned();
        self.report.repeated += u64::from(earlier.is_some());
        let family = earlier.or(own).unwrap_or_else(|| id.to_owned());
        for key in keys {
            self.families.entry(key).or_insert_with(|| family.clone());
        }
        family
    }

    /// Whether both models were asked in the same words.
    fn compare(&mut self, id: &str, ours: &Record, theirs: &Record) {
        let (Some(a), Some(b)) = (&ours.question, &theirs.question) else { return };
        DifferentPrompts::look(&mut self.report.different_prompts, id, &words(a), &words(b));
    }
}

fn text(record: &Record, chosen: &Chosen) -> Option<GivenText> {
    let Answer::Text(answer) = &record.answer else { return None };
    Some(GivenText {
        text: answer.text.clone().unwrap_or_default(),
        finish: answer.finish,
        label: answer.label.clone(),
        right: chosen.right(record),
    })
}

/// A run and its verdict; `None` where the log has none.
fn run(record: &Record, chosen: &Chosen) -> Option<GivenRun> {
    let Answer::Run(transcript) = &record.answer else { return None };
    Some(GivenRun { transcript: transcript.clone(), success: chosen.right(record)? })
}

/// What was put to a model, as one text.
fn words(ask: &Ask) -> String {
    match ask {
        Ask::Prompt(prompt) => {
            let system = prompt.system.iter().map(|text| format!("system: {text}"));
            let turns = prompt.turns.iter().map(|turn| format!("{}: {}", turn.role.name(), turn.text));
            system.chain(turns).chain([prompt.prompt.clone()]).collect::<Vec<_>>().join("\n")
        }
        Ask::Choice(choice) => choice.prompt.clone(),
        Ask::Episode(episode) => episode.turns.iter().map(|turn| turn.say.as_str()).collect::<Vec<_>>().join("\n"),
        Ask::Trajectory(trajectory) => {
            let system = trajectory.system.iter().map(|text| format!("system: {text}"));
            system.chain([trajectory.task.clone()]).collect::<Vec<_>>().join("\n")
        }
        Ask::Text(text) => [text.context.as_deref().unwrap_or(""), &text.text].concat(),
    }
}

/// The key under which equal questions are found.
pub(in super::super) fn key(ask: &Ask) -> String {
    words(ask)
}
