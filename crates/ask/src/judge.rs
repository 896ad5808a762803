//! Asks a judge what the free answers of a finished run decide, twice each: with the options in both orders. Apart from collecting,
//! because a run is finished without it.
//!
//! Questions are answered through the answer store, whose keys hold the judge and every word that it reads, and so the version of the
//! words and the order, too: nothing is asked twice.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::ControlFlow;
use std::path::PathBuf;

use hydrometer_answers::part::Samples;
use hydrometer_answers::store::Store;
use hydrometer_answers::{
    JUDGE_FORMAT, Judge, JudgedAnswer, Ledger, PlannedTokens, RunFolder, SampleSettings, SamplingParameters,
    judged_rows,
};
use hydrometer_models::{Facet, Message, Model, SampleLimits};
use hydrometer_probes::decision::Decision;
use hydrometer_probes::judge::{Order, question, read, version};
use hydrometer_probes::{Ask, Probe, without_thoughts};

use crate::answering::{Asked, Asker, UNIT_PROMPTS};
use crate::observer::{Costs, Keep};
use crate::{AskError, Observer, PlanSummary, Role};

/// How a judge is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Judging {
    /// Longest reply in tokens.
    pub max_tokens: u32,
    /// Folder of the answer store.
    pub store: PathBuf,
    /// Sequences and memory at once.
    pub limits: SampleLimits,
}

/// A question and where it stands among those that are asked; `None` where it is too long for the judge.
type Asking = BTreeMap<String, Option<usize>>;

/// What the judge says of every answer of the run at a boundary of judgment. What says nothing is not asked about.
///
/// # Errors
/// The run has no such answer, the judge or the store fails, or the observer interrupts; what is complete is kept.
pub fn judge(
    model: &dyn Model,
    run: &RunFolder,
    judging: &Judging,
    observer: &mut dyn Observer,
) -> Result<Judge, AskError> {
    let rows = run.rows::<Samples>()?;
    let rows = judged_rows(run.probes(), &rows);
    if rows.is_empty() {
        return Err(AskError::NothingToJudge { suite: run.manifest().suite_name.clone() });
    }
    let settings = settings(judging);
    let (mut asked, mut places) = (Vec::new(), Asking::new());
    for words in rows.iter().flat_map(|(probe, row)| questions(probe, &row.text)).flatten() {
        if let Entry::Vacant(place) = places.entry(words) {
            let question = put(model, place.key(), &settings)?;
            let fits = question.too_long(Role::Judge, model).is_none();
            place.insert(fits.then_some(asked.len()));
            asked.extend(Some(question).filter(|_| fits));
        }
    }
    let ledger = Ledger::of(run.path());
    let costs = Costs::Beside(&ledger, "judge");
    let replies = replies(model, &asked, &settings, (judging, Some(costs)), observer);
    // Whatever ended it, and also what was asked to find out who judges.
    costs.keep(Keep::Always, observer)?;
    let replies = replies?;
    let said = |probe: &Probe, text: &str| match questions(probe, text) {
        None => [Some(Decision::Empty); 2],
        Some(questions) => {
            let read = |(words, order): (String, Order)| read(&replies[(*places.get(&words)?)?], order);
            let [forward, backward] = questions;
            [read((forward, Order::Forward)), read((backward, Order::Backward))]
        }
    };
    let of_row = |(probe, row): &(&Probe, &hydrometer_answers::SampleRow)| JudgedAnswer {
        probe: row.probe.clone(),
        model: row.source.name().to_owned(),
        sample: row.sample,
        said: said(probe, &row.text),
    };
    Ok(Judge {
        format: JUDGE_FORMAT.to_owned(),
        run: run.manifest().run_id().to_owned(),
        judge: model.identity().clone(),
        prompt: version().to_owned(),
        max_tokens: judging.max_tokens,
        answers: rows.iter().map(of_row).collect(),
    })
}

/// The questions about an answer, one for each order; `None` where it says nothing.
fn questions(probe: &Probe, answer: &str) -> Option<[String; 2]> {
    let Ask::Prompt(prompt) = &probe.ask else { return None };
    let says = without_thoughts(answer).is_some_and(|said| said.chars().any(|c| !c.is_whitespace()));
    says.then(|| Order::BOTH.map(|order| question(prompt, answer, order)))
}

fn settings(judging: &Judging) -> SampleSettings {
    let parameters = SamplingParameters {
        temperature: 0.0,
        top_p: 1.0,
        top_k: 0,
        max_tokens: judging.max_tokens,
        stop: Vec::new(),
        seed: 0,
    };
    SampleSettings { per_probe: 1, reruns: 0, parameters, paired: false }
}

fn put(model: &dyn Model, words: &str, settings: &SampleSettings) -> Result<Asked, AskError> {
    let message = Message { role: "user".to_owned(), content: words.to_owned() };
    let answers = model.answers().ok_or(Facet::Answers.into()).map_err(Role::Judge.failed())?;
    let prompt = answers.prompt(&[message]);
    Ok(Asked::without_chance("judge", prompt.map_err(Role::Judge.failed())?, settings))
}

/// The replies to these questions, from the store.
fn replies(
    model: &dyn Model,
    asked: &[Asked],
    settings: &SampleSettings,
    (judging, costs): (&Judging, Option<Costs<'_>>),
    observer: &mut dyn Observer,
) -> Result<Vec<String>, AskError> {
    let asker = Asker { model, role: Role::Judge, settings, limits: &judging.limits, costs };
    let every: Vec<&Asked> = asked.iter().collect();
    let (mut store, refusal) = Store::open_to_extend(&judging.store)?;
    if let Some(refusal) = refusal
        && asker.missing(&every, &store) > 0
    {
        return Err(refusal.into());
    }
    asker.check(&every, &store)?;
    if let Some(ahead) = asker.ahead(&every, &store) {
        observer.will_pay(Role::Judge, ahead);
    }
    let (planned, units) = (PlannedTokens::default(), every.len().div_ceil(UNIT_PROMPTS) as u64);
    let (answers, longest) = (every.len() as u64, planned);
    observer.planned(&PlanSummary { planned, units, units_done: 0, tokens_done: 0, answers, longest });
    if asker.ask_together(&every, &mut store, observer)?.is_break() {
        return Err(AskError::Interrupted(judging.store.clone()));
    }
    for unit in every.chunks(UNIT_PROMPTS) {
        if let ControlFlow::Break(()) = asker.ask(unit, &mut store, observer)? {
            return Err(AskError::Interrupted(judging.store.clone()));
        }
    }
    let rows = asker.rows(&every, &mut store)?;
    Ok(rows.into_iter().flatten().map(|row| row.text).collect())
}
