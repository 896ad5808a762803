//! Questions of what was joined: words, identifiers and families, and whether both models were asked alike.

use std::collections::{HashMap, HashSet};

use hydrometer_probes::{Ask, Probe, kind, without_thoughts};

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
    /// The question and its answers; `None` where they cannot be compared, which is counted. Where the teacher's could, or are judged and
    /// the student does not stand as well, it is missing of the student; so it is where a question of the run is not judged.
    pub(super) fn question(&mut self, ours: &Group<'_>, theirs: &Group<'_>) -> Option<(Probe, PairedQuestion)> {
        let chosen = self.chosen.get(&ours.first().task)?;
        let may_be_lost = chosen.may_be_lost(&ours.records, &theirs.records);
        let made = self.compared(ours, theirs, chosen);
        let missing = &mut self.report.not_compared;
        match &made {
            None => {
                // A metric of log-likelihoods that measured nothing says nothing either.
                let judged = may_be_lost && ours.first().answer != Answer::Unmeasured;
                missing.unusable_of_student += u64::from(judged || usable(ours, chosen));
            }
            Some((_, _, judged)) => {
                let unjudged = match judged {
                    InTheEnd::Judged => false,
                    InTheEnd::OfTeacher => true,
                    InTheEnd::Unjudged => may_be_lost,
                };
                missing.unjudged_of_student += u64::from(unjudged);
            }
        }
        made.map(|(probe, question, _)| (probe, question))
    }

    fn compared(
        &mut self,
        ours: &Group<'_>,
        theirs: &Group<'_>,
        chosen: &Chosen,
    ) -> Option<(Probe, PairedQuestion, InTheEnd)> {
        let (first, other) = (ours.first(), theirs.first());
        let (Some(teacher), Some(student)) = (given(ours, chosen), given(theirs, chosen)) else {
            match &first.answer {
                Answer::Run(_) => self.report.unjudged += 1,
                _ => self.report.unmeasured += 1,
            }
            return None;
        };
        let rights = [first, other].map(|record| chosen.right(record));
        let (ask, judged) = match (&teacher, &student) {
            (Given::Texts(a), Given::Texts(b)) => {
                let ask = self.prompt(first, other);
                let checked = matches!(&ask, Ask::Prompt(prompt) if prompt.check.is_some());
                let all = a.iter().chain(b).all(|answer| answer.right.is_some());
                (ask, if checked || all { InTheEnd::Judged } else { InTheEnd::Unjudged })
            }
            // One whose log judges not every run is left out before.
            (Given::Runs(_), Given::Runs(_)) => (self.trajectory(first, other), InTheEnd::Judged),
            (Given::Options(a), Given::Options(b)) => {
                let choice = self.choice(first, other, [a, b], rights);
                self.report.no_choices += u64::from(choice.is_none());
                choice?
            }
            (Given::Likelihood(_), Given::Likelihood(_)) => {
                let ask = first.question.clone().filter(|ask| ask.kind().check().is_ok());
                self.report.unmeasured += u64::from(ask.is_none());
                (ask?, InTheEnd::Unjudged)
            }
            _ => {
                self.report.no_choices += 1;
                return None;
            }
        };
        let missing = |given: &Given| match given {
            Given::Texts(texts) => {
                let says_nothing = |text: &str| without_thoughts(text).is_none_or(|said| said.trim().is_empty());
                texts.iter().filter(|text| says_nothing(&text.text)).count() as u64
            }
            Given::Runs(runs) => runs.iter().filter(|run| run.transcript.events.is_empty()).count() as u64,
            Given::Options(_) | Given::Likelihood(_) => 0,
        };
        self.report.missing += missing(&teacher) + missing(&student);
        let id = self.id(first);
        self.compare(&id, first, other);
        let family = self.family(&id, first, &ask);
        let axis: String = first.task.chars().filter(|c| !c.is_control()).take(200).collect();
        let axis = if axis.trim().is_empty() { "imported".to_owned() } else { axis };
        let probe = Probe { id, family, axis, tags: first.tags.clone(), knob: None, boundary: None, ask };
        Some((probe, PairedQuestion { teacher, student }, judged))
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

    /// The choice with what is right: as both files say, where the log-likelihoods do not contradict the metric. Where the files name
    /// two options, it is the one that contradicts neither.
    fn choice(
        &mut self,
        first: &Record,
        other: &Record,
        values: [&[f64]; 2],
        rights: [Option<bool>; 2],
    ) -> Option<(Ask, InTheEnd)> {
        let (Some(Ask::Choice(ours)), Some(Ask::Choice(theirs))) = (&first.question, &other.question) else {
            return None;
        };
        if ours.options != theirs.options || !values.iter().all(|values| is_choice(ours, values)) {
            return None;
        }
        let preferred = values.map(|values| {
            (0..values.len()).max_by(|&a, &b| values[a].total_cmp(&values[b]).then(b.cmp(&a))).map(|best| best as u32)
        });
        let agrees =
            |side: usize, truth: u32| rights[side].is_none_or(|right| right == (preferred[side] == Some(truth)));
        let mut named: Vec<u32> = ours.truth.into_iter().chain(theirs.truth).collect();
        named.dedup();
        let allowed: Vec<u32> = named.iter().copied().filter(|&truth| agrees(0, truth) && agrees(1, truth)).collect();
        let truth = if let [truth] = allowed.as_slice() { Some(*truth) } else { None };
        self.report.contradicted_choices += u64::from(!named.is_empty() && truth.is_none());
        // One option is named, and the student's metric contradicts it; or several are, and the student's is not called right.
        let of_student = match named.as_slice() {
            [truth] => !agrees(1, *truth),
            _ => rights[1] != Some(true),
        };
        let of_teacher = ours.truth.or(theirs.truth).is_some_and(|truth| agrees(0, truth)) && of_student;
        let judged = match truth {
            Some(_) => InTheEnd::Judged,
            None if of_teacher => InTheEnd::OfTeacher,
            None => InTheEnd::Unjudged,
        };
        Some((Ask::Choice(kind::Choice { truth, ..ours.clone() }), judged))
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

/// Who judges a question that was joined.
enum InTheEnd {
    /// A checker or the files, the answers of both.
    Judged,
    /// The files, the teacher's answers alone.
    OfTeacher,
    /// No one: the metric that was chosen says nothing of some answer.
    Unjudged,
}

fn given(group: &Group<'_>, chosen: &Chosen) -> Option<Given> {
    match &group.first().answer {
        Answer::Text(_) => Some(Given::Texts(group.records.iter().filter_map(|record| text(record, chosen)).collect())),
        Answer::Run(_) => {
            let judged = group.records.iter().map(|record| run(record, chosen)).collect::<Option<Vec<_>>>();
            judged.map(Given::Runs)
        }
        Answer::Options(values) => Some(Given::Options(values.clone())),
        Answer::Likelihood(value) => value.is_finite().then_some(Given::Likelihood(*value)),
        Answer::Unmeasured | Answer::Question | Answer::Verdict => None,
    }
}

/// Whether a model's answers could be compared with others like them.
fn usable(group: &Group<'_>, chosen: &Chosen) -> bool {
    match (given(group, chosen), &group.first().question) {
        (None, _) => false,
        (Some(Given::Texts(_) | Given::Runs(_)), _) => true,
        (Some(Given::Options(values)), Some(Ask::Choice(choice))) => is_choice(choice, &values),
        (Some(Given::Likelihood(_)), Some(ask)) => ask.kind().check().is_ok(),
        (Some(Given::Options(_) | Given::Likelihood(_)), _) => false,
    }
}

/// Whether these are log-probabilities of the options of a choice: at most 0, and one of them is possible.
fn is_choice(choice: &kind::Choice, values: &[f64]) -> bool {
    let possible = values.iter().all(|value| *value <= 0.0) && values.iter().any(|value| value.is_finite());
    let asked = Ask::Choice(kind::Choice { truth: None, ..choice.clone() });
    possible && values.len() == choice.options.len() && asked.kind().check().is_ok()
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
