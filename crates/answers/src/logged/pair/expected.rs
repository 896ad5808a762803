//! Columns of verdicts that are of the question and not of the answer: what was expected, or one model's verdicts beside another's answers.
//! Nobody but their names says that they judge, so they are taken at their word only where what they say can be true.

use std::collections::{BTreeSet, HashMap, HashSet};

use hydrometer_probes::counted::counted;
use hydrometer_probes::quote;

use super::super::judge::{alike, distinct, named};
use super::super::record::{Answer, Content, LoggedFile, Record, Score};
use super::super::{Format, scores};

/// Most forms of the answers of a closed task.
const CLOSED: usize = 8;

/// Columns whose verdicts cannot be of the answers, each with a sentence that says so. Whoever names a column has looked at it.
pub(super) fn doubted(files: &[LoggedFile], looked_at: &[String], sides: [&[Record]; 2]) -> Vec<(String, String)> {
    let tables: HashSet<&str> =
        files.iter().filter(|file| file.format == Format::Table).map(|file| &*file.name).collect();
    let of_tables = sides.map(|records| records.iter().filter(|record| tables.contains(&*record.place.file)));
    let metrics = of_tables.clone().into_iter().flatten().flat_map(|record| record.scores.iter().map(|(name, _)| name));
    let doubted = |metric: String| {
        let answers = of_tables.clone().map(|records| records.filter_map(|record| judged(record, &metric)));
        let doubt = Answers::of(answers).doubt()?;
        let column = quote(&metric);
        let said = format!(
            "{column} {doubt}: that is what was expected, or another answer's verdict, and judges nothing (--correct {column} where \
             it is a verdict)"
        );
        Some((metric, said))
    };
    let metrics = distinct(metrics.cloned()).into_iter();
    metrics.filter(|metric| !looked_at.iter().any(|name| alike(name, metric))).filter_map(doubted).collect()
}

/// An answer and what the column says of it.
struct Judged<'r> {
    question: (&'r str, &'r str),
    words: Vec<String>,
    right: bool,
}

fn judged<'r>(record: &'r Record, metric: &str) -> Option<Judged<'r>> {
    let question = match (&record.content, &record.id) {
        (Content::Document(text) | Content::Asked(text), _) => text,
        (Content::Unknown, id) => id.as_ref()?,
    };
    let Answer::Text(answer) = &record.answer else { return None };
    let Score::Number(value) = named(&record.scores, metric) else { return None };
    let words = words(answer.text.as_deref()?);
    let verdict = value == 0.0 || value == 1.0;
    (verdict && !words.is_empty()).then_some(Judged { question: (&record.task, question), words, right: value == 1.0 })
}

fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(|word| scores::as_yes_or_no(&word.to_lowercase())).collect()
}

/// The form of an answer, and what the column says of it.
type Said = (Vec<String>, bool);

/// Answers by question: each form with what the column says of it, both models' together.
struct Answers {
    by_question: Vec<Vec<Said>>,
    /// The forms that each model uses.
    forms: [BTreeSet<Vec<String>>; 2],
    /// How many answers there are.
    answers: usize,
}

impl Answers {
    fn of<'r>(sides: [impl Iterator<Item = Judged<'r>>; 2]) -> Self {
        let mut by_question: HashMap<(&str, &str), Vec<Said>> = HashMap::new();
        let mut forms = [BTreeSet::new(), BTreeSet::new()];
        let mut answers = 0;
        for (side, forms) in sides.into_iter().zip(&mut forms) {
            let side: Vec<Judged<'r>> = side.collect();
            let all = usual(&side);
            for Judged { question, words, right } in side {
                let form = form(words, &all);
                forms.insert(form.clone());
                let known = by_question.entry(question).or_default();
                if !known.contains(&(form.clone(), right)) {
                    known.push((form, right));
                }
                answers += 1;
            }
        }
        Self { by_question: by_question.into_values().collect(), forms, answers }
    }

    /// Why the column is none of verdicts, where it cannot be.
    fn doubt(&self) -> Option<String> {
        /// Fewer may be slips of a judge.
        const FEW: usize = 3;
        let forms = self.forms[0].union(&self.forms[1]).count();
        let closed = (2..=CLOSED).contains(&forms) && 2 * forms <= self.answers;
        let (mut differ, mut impossible, mut same, mut both) = (0, 0, true, [0; 2]);
        for question in &self.by_question {
            let pairs = || {
                let of = |at: usize| question[at + 1..].iter().map(move |other| (&question[at], other));
                (0..question.len()).flat_map(of).filter(|((a, _), (b, _))| are_different(a, b))
            };
            let alternatives = |a: &Vec<String>, b: &Vec<String>| {
                self.forms.iter().any(|forms| forms.contains(a) && forms.contains(b))
            };
            let contrary =
                |((a, of_a), (b, of_b)): (&Said, &Said)| of_a == of_b && (*of_a || forms == 2) && alternatives(a, b);
            let Some(((_, right), _)) = pairs().next() else { continue };
            differ += 1;
            impossible += usize::from(pairs().any(contrary));
            same &= question.iter().all(|(_, other)| other == right);
            both[usize::from(*right)] += 1;
        }
        if closed && impossible >= FEW && 5 * impossible >= differ {
            let on = counted(impossible as u64, "question");
            return Some(format!(
                "says the same of different answers on {on}, of {differ} where they differ, in a table with {forms} answers in all"
            ));
        }
        // Of free answers several may be right: then it is that they always are together.
        let together = same && differ >= 20 && both.iter().all(|count| *count >= FEW);
        together.then(|| format!("is the same on all of {differ} questions where the answers differ"))
    }
}

/// Words of nearly every answer of a model: the sentence that its answers stand in.
fn usual(answers: &[Judged<'_>]) -> HashSet<String> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for answer in answers {
        let words: HashSet<&str> = answer.words.iter().map(String::as_str).collect();
        words.into_iter().for_each(|word| *counts.entry(word).or_default() += 1);
    }
    let often = counts.into_iter().filter(|(_, count)| 10 * count >= 9 * answers.len());
    often.map(|(word, _)| word.to_owned()).collect()
}

/// What an answer says, without the sentence that all stand in; the first word decides where it is yes or no.
fn form(words: Vec<String>, usual: &HashSet<String>) -> Vec<String> {
    if let Some(first) = words.first().filter(|first| scores::is_yes_or_no(first)) {
        return vec![first.clone()];
    }
    let own: Vec<String> = words.iter().filter(|word| !usual.contains(*word)).cloned().collect();
    let mut decided = own.iter().filter(|word| scores::is_yes_or_no(word));
    match (decided.next(), decided.next()) {
        (Some(decided), None) => vec![decided.clone()],
        _ if own.is_empty() => words,
        _ => own,
    }
}

/// Whether two forms are two answers, and not one in more words or with another beginning.
fn are_different(a: &[String], b: &[String]) -> bool {
    let within = |a: &[String], b: &[String]| a.iter().all(|word| b.contains(word));
    !within(a, b) && !within(b, a) && a.last() != b.last()
}
