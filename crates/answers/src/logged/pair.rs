//! Joins what two models were asked: by content where files say what was asked, by identifier where they do not.

mod expected;
mod lacking;
mod maker;
mod nothing;
mod told_apart;

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

use hydrometer_probes::counted::counted;
use hydrometer_probes::world::Transcript;
use hydrometer_probes::{Suite, quote};

use maker::Maker;
pub(super) use maker::key;

use super::LoggedError;
use super::judge::{Chosen, Known, Wanted, distinct};
use super::record::{Answer, Content, LoggedFile, Record};
use crate::{DifferentPrompts, FinishReason, NotCompared};

/// Questions that both models answered.
#[derive(Clone, Debug)]
pub struct Paired {
    /// The questions.
    pub suite: Suite,
    /// The answers to each, in the order of the suite.
    pub questions: Vec<PairedQuestion>,
    /// What was chosen, left out and found.
    pub report: Report,
}

/// The answers of both models to one question.
#[derive(Clone, Debug, PartialEq)]
pub struct PairedQuestion {
    /// The teacher's.
    pub teacher: Given,
    /// The student's: of the same kind.
    pub student: Given,
}

/// What one model answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    /// Texts, one or more.
    Texts(Vec<GivenText>),
    /// Runs of a task, one or more.
    Runs(Vec<GivenRun>),
    /// Log-likelihood of each option, nats.
    Options(Vec<f64>),
    /// Log-likelihood of the text that was asked, nats.
    Likelihood(f64),
}

/// One answer in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenText {
    /// What was said; empty where the model gave no answer.
    pub text: String,
    /// How it ended.
    pub finish: FinishReason,
    /// The file's word for the answer, where it has one.
    pub label: Option<String>,
    /// Whether the file says that it is right; `None` where it says nothing.
    pub right: Option<bool>,
}

/// One run of a task, judged by its log.
#[derive(Clone, Debug, PartialEq)]
pub struct GivenRun {
    /// What happened; without events where the run failed before it began.
    pub transcript: Transcript,
    /// Whether the log says that it succeeded.
    pub success: bool,
}

/// What was chosen, left out and found when answers were joined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What there was to choose from, and what was chosen, as sentences.
    pub choices: Vec<String>,
    /// Questions that are in no number, or not judged, for want of one model's answers.
    pub not_compared: NotCompared,
    /// Of those, the ones with another document under the same identifier.
    pub other_documents: u64,
    /// Questions that were joined by content although their identifiers differ.
    pub by_content: u64,
    /// Questions whose log-likelihoods are all 0: nothing was measured.
    pub unmeasured: u64,
    /// Tasks left out because the log does not judge every run of them.
    pub unjudged: u64,
    /// Choices left out because they have one option, more than eight, equal ones, or not the same for both.
    pub no_choices: u64,
    /// Questions that the files name and do not word.
    pub unworded: u64,
    /// Questions that repeat an earlier one and share its family.
    pub repeated: u64,
    /// Answers that are missing: a call that failed, null, an empty text.
    pub missing: u64,
    /// Choices whose metric contradicts what the log-likelihoods prefer: they are not judged.
    pub contradicted_choices: u64,
    /// Lines that could not be read and were left out.
    pub bad_lines: u64,
    /// Lines with `NaN` or half a character, read as null and U+FFFD.
    pub mended: u64,
    /// Questions that were put to the two models in different words.
    pub different_prompts: Option<DifferentPrompts>,
}

/// Joins the answers of two models.
///
/// # Errors
/// One of the models did not answer, both names mean the same answers, a filter, metric or epoch is not there, an answer
/// stands there twice, or nothing was answered by both.
pub fn pair(files: &[LoggedFile], wanted: &Wanted) -> Result<Paired, LoggedError> {
    let questions = questions(files);
    let [mut teacher, mut student] = sides(files, wanted)?;
    one_task([&mut teacher, &mut student]);
    for record in teacher.iter_mut().chain(&mut student) {
        worded(record, &questions);
    }
    let told_apart = told_apart::by_texts([&mut teacher, &mut student]);
    let columns = files.iter().filter_map(|file| file.verdicts.as_ref());
    let looked_at: Vec<String> = wanted.metric.iter().chain(columns).cloned().collect();
    let (doubted, doubts): (Vec<_>, Vec<_>) =
        expected::doubted(files, &looked_at, [&teacher, &student]).into_iter().unzip();
    let known = Known { looked_at, doubted };
    let mut report = Report {
        bad_lines: files.iter().map(|file| file.bad_lines).sum(),
        mended: files.iter().map(|file| file.mended).sum(),
        choices: files
            .iter()
            .flat_map(|file| file.notes.iter().map(move |note| format!("{}: {note}", file.name)))
            .chain(told_apart)
            .chain(doubts)
            .collect(),
        ..Report::default()
    };
    let chosen = chosen(wanted, &known, [&teacher, &student], &mut report.choices)?;
    report.choices.extend(tasks_of_one([&teacher, &student]));
    let sides = [&teacher, &student].map(|records| groups(records, &chosen, wanted.epoch));
    let [ours, theirs] = sides;
    let (ours, theirs) = (ours?, theirs?);
    let joined = join(&ours, &theirs, &mut report);
    let alone = (ours.len() - joined.len()) as u64 + lacking::not_grouped(&teacher, &chosen);
    let short = lacking::short_of_student(&joined);
    report.choices.extend(lacking::fewer_draws(&joined));
    report.choices.extend(nothing::spelled_otherwise([&ours, &theirs], &joined));
    lacking::count(&mut report, wanted, [alone, short], lacking::bad_lines(files, &wanted.student));
    let mut maker = Maker { chosen: &chosen, report, ids: HashSet::new(), families: HashMap::new() };
    let (mut probes, mut answers) = (Vec::new(), Vec::new());
    for (ours, theirs) in joined {
        if let Some((probe, question)) = maker.question(ours, theirs) {
            probes.push(probe);
            answers.push(question);
        }
    }
    let mut report = maker.report;
    report.choices.extend(letter_by_letter(&answers));
    if probes.is_empty() {
        return Err(nothing::in_common(wanted, &report, [&ours, &theirs]));
    }
    let tasks = distinct(probes.iter().map(|probe| probe.axis.clone()));
    let name = if tasks.len() > 3 { format!("{} tasks", tasks.len()) } else { tasks.join(", ") };
    let suite = Suite { name, probes };
    suite.validate()?;
    Ok(Paired { suite, questions: answers, report })
}

/// Whether both models said the same to the letter, everywhere: words that were expected do, and models hardly ever; as a sentence.
fn letter_by_letter(questions: &[PairedQuestion]) -> Option<String> {
    /// Few answers, or short ones, may well be the same.
    const MANY: usize = 1_000;
    let texts = |given: &Given| match given {
        Given::Texts(texts) => texts.iter().map(|text| text.text.clone()).collect::<Vec<_>>(),
        _ => Vec::new(),
    };
    let all: Option<Vec<_>> = questions
        .iter()
        .map(|question| Some(texts(&question.teacher)).filter(|ours| *ours == texts(&question.student)))
        .collect();
    let letters: usize = all?.iter().flatten().map(String::len).sum();
    (letters > MANY).then(|| {
        format!(
            "both models answered {} in the same letters: are these their answers, or one model's, or what was expected?",
            counted(questions.len() as u64, "question")
        )
    })
}

/// What files say was asked, for answers in other files.
fn questions(files: &[LoggedFile]) -> HashMap<&str, &Record> {
    let records = files.iter().flat_map(|file| &file.records);
    let questions = records.filter(|record| record.answer == Answer::Question && record.question.is_some());
    questions.filter_map(|record| Some((record.id.as_deref()?, record))).collect()
}

fn worded(record: &mut Record, questions: &HashMap<&str, &Record>) {
    if record.question.is_none()
        && let Some(asked) = record.id.as_deref().and_then(|id| questions.get(id))
    {
        record.question = asked.question.clone();
        record.content = asked.content.clone();
    }
}

/// The records of each model.
fn sides(files: &[LoggedFile], wanted: &Wanted) -> Result<[Vec<Record>; 2], LoggedError> {
    let is = |record: &Record, file: &LoggedFile, name: &str| {
        record.models.iter().chain(&file.called).any(|known| known == name)
    };
    let mut sides = [Vec::new(), Vec::new()];
    for file in files {
        for record in file.records.iter().filter(|record| !matches!(record.answer, Answer::Question | Answer::Verdict))
        {
            match [&wanted.teacher, &wanted.student].map(|name| is(record, file, name)) {
                // A model that carried out every task several times may stand against itself.
                [true, true] if wanted.teacher == wanted.student && matches!(record.answer, Answer::Run(_)) => {
                    sides.iter_mut().for_each(|side| side.push(record.clone()));
                }
                [true, true] => {
                    let (model, place) = (wanted.teacher.clone(), record.place.to_string());
                    return Err(LoggedError::SameAnswers { model, place });
                }
                [true, false] => sides[0].push(record.clone()),
                [false, true] => sides[1].push(record.clone()),
                [false, false] => {}
            }
        }
    }
    for (side, model) in sides.iter().zip([&wanted.teacher, &wanted.student]) {
        if side.is_empty() {
            let by_field =
                |file: &LoggedFile| distinct(file.records.iter().filter_map(|record| record.models.first().cloned()));
            let known =
                |file: &LoggedFile| [by_field(file), file.called.first().cloned().into_iter().collect()].concat();
            let known = distinct(files.iter().flat_map(known));
            return Err(LoggedError::UnknownModel { model: model.clone(), known });
        }
    }
    Ok(sides)
}

/// A task that is alone on each side is the same task, whatever its files are called.
fn one_task(sides: [&mut Vec<Record>; 2]) {
    let [teacher, student] = sides;
    let tasks = |records: &[Record]| distinct(records.iter().map(|record| record.task.clone()));
    let (ours, theirs) = (tasks(teacher), tasks(student));
    if let ([ours], [theirs]) = (ours.as_slice(), theirs.as_slice()) {
        let task = if ours.is_empty() { theirs } else { ours };
        for record in teacher.iter_mut().chain(student.iter_mut()) {
            record.task.clone_from(task);
        }
    }
}

/// Tasks that one model's files have and the other's do not, as sentences.
fn tasks_of_one(sides: [&[Record]; 2]) -> impl Iterator<Item = String> {
    const NAMED: usize = 8;
    let [teacher, student] = sides.map(|records| distinct(records.iter().map(|record| record.task.clone())));
    [("teacher", teacher.clone(), student.clone()), ("student", student, teacher)].into_iter().filter_map(
        |(model, tasks, others)| {
            let alone: Vec<String> =
                tasks.iter().filter(|task| !others.contains(task)).map(|task| quote(task)).collect();
            let more = if alone.len() > NAMED { ", …" } else { "" };
            let named = alone.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
            (!alone.is_empty()).then(|| {
                format!(
                    "nothing of {} that the {model} alone was given: {named}{more}",
                    counted(alone.len() as u64, "task")
                )
            })
        },
    )
}

type ByTask = BTreeMap<String, Chosen>;

fn chosen(
    wanted: &Wanted,
    known_of: &Known,
    sides: [&[Record]; 2],
    said: &mut Vec<String>,
) -> Result<ByTask, LoggedError> {
    let all = || sides.iter().flat_map(|records| records.iter());
    let known = |what: &'static str, name: &Option<String>, names: Vec<String>| match name {
        Some(name) if !names.contains(name) => {
            Err(LoggedError::UnknownChoice { what, wanted: name.clone(), known: names })
        }
        _ => Ok(()),
    };
    known("filter", &wanted.filter, distinct(all().filter_map(|record| record.filter.clone())))?;
    let metrics = || all().flat_map(|record| record.scores.iter().map(|(name, _)| name.clone()));
    known("metric", &wanted.metric, distinct(metrics()))?;
    let epochs = distinct(all().filter_map(|record| record.epoch).map(|epoch| epoch.to_string()));
    known("epoch", &wanted.epoch.map(|epoch| epoch.to_string()), epochs.clone())?;
    match wanted.epoch {
        Some(epoch) => said.push(format!("epoch {epoch} of {}", epochs.join(", "))),
        None if epochs.len() > 1 => {
            said.push(format!("every one of {} answers to a question (--epoch N takes one)", epochs.len()))
        }
        None => {}
    }
    let tasks = distinct(all().map(|record| record.task.clone()));
    let of_task = |task: String| {
        let of: [Vec<&Record>; 2] = sides.map(|records| records.iter().filter(|record| record.task == task).collect());
        let [teacher, student] = &of;
        if teacher.is_empty() || student.is_empty() {
            return Ok(None);
        }
        Ok(Some((task.clone(), Chosen::of(&task, wanted, known_of, [teacher, student], said)?)))
    };
    tasks.into_iter().map(of_task).filter_map(Result::transpose).collect()
}

/// The answers of one model to one question.
struct Group<'a> {
    records: Vec<&'a Record>,
}

impl<'a> Group<'a> {
    fn first(&self) -> &'a Record {
        self.records[0]
    }

    fn content(&self) -> Option<&'a str> {
        match &self.first().content {
            Content::Document(text) | Content::Asked(text) => Some(text),
            Content::Unknown => None,
        }
    }
}

/// Brings the answers to one question together.
fn groups<'a>(records: &'a [Record], chosen: &ByTask, epoch: Option<u32>) -> Result<Vec<Group<'a>>, LoggedError> {
    let mut all: Vec<Group<'a>> = Vec::new();
    let mut places: HashMap<(&str, &str), Vec<usize>> = HashMap::new();
    let mut numbered: HashMap<(&str, &str, u32), usize> = HashMap::new();
    let mut repeated: HashMap<(&str, &str), usize> = HashMap::new();
    for record in records {
        let of_filter = chosen.get(&record.task).is_some_and(|chosen| chosen.takes(record));
        if !of_filter || (epoch.is_some() && record.epoch.is_some() && record.epoch != epoch) {
            continue;
        }
        let place = match (&record.id, record.epoch, &record.content) {
            (Some(id), _, _) => {
                let known = places.entry((&record.task, id)).or_default();
                match known.iter().copied().find(|place| all[*place].first().content == record.content) {
                    Some(place) => {
                        twice(&all[place], record)?;
                        Some(place)
                    }
                    None => {
                        known.push(all.len());
                        None
                    }
                }
            }
            // Without a name, numbered answers to the same words belong together.
            (None, Some(number), Content::Document(text) | Content::Asked(text)) => {
                let earlier =
                    (0..number).rev().find_map(|n| numbered.get(&(record.task.as_str(), text.as_str(), n)).copied());
                numbered.insert((&record.task, text, number), earlier.unwrap_or(all.len()));
                earlier
            }
            // Nor is there a number: then every text that answers the same words is one more answer.
            (None, None, Content::Document(text) | Content::Asked(text))
                if matches!(record.answer, Answer::Text(_)) =>
            {
                match repeated.entry((&record.task, text)) {
                    Entry::Occupied(known) => Some(*known.get()),
                    Entry::Vacant(new) => {
                        new.insert(all.len());
                        None
                    }
                }
            }
            (None, _, _) => None,
        };
        match place {
            Some(place) => all[place].records.push(record),
            None => all.push(Group { records: vec![record] }),
        }
    }
    all.iter_mut().for_each(|group| group.records.sort_by_key(|record| record.epoch));
    Ok(all)
}

/// Refuses an answer that is there already.
fn twice(group: &Group<'_>, record: &Record) -> Result<(), LoggedError> {
    let same = |known: &&&Record| known.epoch == record.epoch;
    let Some(known) = group.records.iter().find(same) else { return Ok(()) };
    let id = record.id.as_deref().unwrap_or_default();
    Err(LoggedError::wrong(
        record.place.to_string(),
        "each answer once",
        format!("a second one to {}, after {}", quote(id), known.place),
        "give each model the files of one run, each once; name a column of epochs where a model answered several times",
    ))
}

/// Pairs of groups, in the teacher's order.
fn join<'g, 'a>(
    ours: &'g [Group<'a>],
    theirs: &'g [Group<'a>],
    report: &mut Report,
) -> Vec<(&'g Group<'a>, &'g Group<'a>)> {
    let mut by_content: HashMap<(&str, &str), Vec<usize>> = HashMap::new();
    let mut by_id: HashMap<(&str, &str), Vec<usize>> = HashMap::new();
    for (place, group) in theirs.iter().enumerate() {
        let record = group.first();
        if let Some(content) = group.content() {
            by_content.entry((&record.task, content)).or_default().push(place);
        }
        if let Some(id) = &record.id {
            by_id.entry((&record.task, id)).or_default().push(place);
        }
    }
    let mut used = vec![false; theirs.len()];
    let mut found: Vec<Option<usize>> = vec![None; ours.len()];
    for (place, group) in ours.iter().enumerate() {
        let record = group.first();
        let Some(equal) = group.content().and_then(|content| by_content.get(&(record.task.as_str(), content))) else {
            continue;
        };
        let free = || equal.iter().copied().filter(|place| !used[*place]);
        let same_id = |place: &usize| theirs[*place].first().id == record.id;
        if let Some(other) = free().find(same_id).or_else(|| free().next()) {
            let [id, other_id] = [record, theirs[other].first()].map(|record| record.id.as_ref());
            report.by_content += u64::from(id.is_some() && other_id.is_some() && id != other_id);
            (used[other], found[place]) = (true, Some(other));
        }
    }
    for (place, group) in ours.iter().enumerate().filter(|(place, _)| found[*place].is_none()).collect::<Vec<_>>() {
        let record = group.first();
        let Some(named) = record.id.as_deref().and_then(|id| by_id.get(&(record.task.as_str(), id))) else { continue };
        let Some(other) = named.iter().copied().find(|place| !used[*place]) else { continue };
        if matches!([&record.content, &theirs[other].first().content], [Content::Document(_), Content::Document(_)]) {
            report.other_documents += 1;
        } else {
            (used[other], found[place]) = (true, Some(other));
        }
    }
    let joined: Vec<_> = ours.iter().zip(found).filter_map(|(group, other)| Some((group, &theirs[other?]))).collect();
    report.not_compared.student_alone = (theirs.len() - joined.len()) as u64;
    joined
}
