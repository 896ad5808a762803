//! Answers of a teacher whose server lists the most probable tokens at every place of them: along these answers the logits of the student,
//! which runs here, are compared with the lists (METRICS: regime R2). Nothing is drawn beside the answer itself, so all that is said are
//! bounds.

use hydrometer_answers::store::{Access, Store};
use hydrometer_answers::{
    AnsweredRow, AnsweredStats, ExcludedItem, Part, PartKind, PlannedTokens, SampleRow, SampleSettings, part,
};
use hydrometer_metrics::sparse::{ListedDistribution, bounds};
use hydrometer_models::{ListedAnswer, ListedToken, Prompt, Scorer};
use hydrometer_probes::Suite;

use super::shown::scored;
use super::{Asking, Gates, Kind};
use crate::answering::{Asked, Asker, UNIT_PROMPTS};
use crate::listed_answers::{ListedAnswers, listing};
use crate::observer::Costs;
use crate::shared_store::SharedStore;
use crate::spelling::{Read, Spelling};
use crate::units::pack;
use crate::windows::Window;
use crate::{Ahead, AskError, AskOptions, Models, Observer, Role, Sampling};

/// What the setting is called.
const SETTING: &str = "listed_answers";

/// A prompt as both models read it.
struct Question {
    family: String,
    teacher: Asked,
    /// In the student's tokens.
    student: Vec<u32>,
}

/// The prompts of a suite whose answers are listed.
pub(crate) struct AnsweredPrompts {
    units: Vec<Vec<Question>>,
    settings: Option<SampleSettings>,
    store: SharedStore,
    ahead: Vec<(Role, Ahead)>,
}

impl AnsweredPrompts {
    /// None where no answers are to be listed.
    ///
    /// # Errors
    /// They are, and the teacher lists none, the student does not run here, or its tokens are others; or a model fails.
    pub(crate) fn plan(
        models: Models<'_>,
        suite: &Suite,
        options: &AskOptions,
        store: SharedStore,
    ) -> Result<Self, AskError> {
        let nothing = Self { units: Vec::new(), settings: None, store, ahead: Vec::new() };
        let Some((answers, sampling)) = options.listed_answers.zip(options.sampling.as_ref()) else {
            return Ok(nothing);
        };
        let settings = listing(answers, &sampling.settings);
        let student = Scorer::of(models.student)
            .map_err(|lacking| AskError::setting(SETTING, answers, format!("none where the student {lacking}")))?;
        let mut questions = Vec::new();
        for probe in &suite.probes {
            // A question that one of the two does not take is left out with those that are answered.
            let read = |model| Asked::new(model, probe, &settings).ok().flatten();
            let (Some(teacher), Some(of_student)) = (read(models.teacher), read(models.student)) else { continue };
            let Prompt::Tokens(tokens) = of_student.prompt() else { continue };
            if !teacher.is_drawn() || tokens.is_empty() || of_student.too_long(Role::Student, models.student).is_some()
            {
                continue;
            }
            let student = tokens.clone();
            questions.push(Question { family: probe.family.clone(), teacher: teacher.listed(), student });
        }
        let listed = Self { units: pack(questions, UNIT_PROMPTS, |_| 1), settings: Some(settings), ..nothing };
        if listed.units.is_empty() || listed.is_kept(models, sampling) {
            return Ok(listed);
        }
        usable(models, student).map_err(|unusable| match (unusable, models.teacher.not_found_out()) {
            // A budget did not allow to find out.
            (_, Some(error)) => Role::Teacher.failed()(error),
            (Unusable::Model(error), None) => error,
            (Unusable::Lists(reason), None) => {
                AskError::setting(SETTING, answers, format!("none of this teacher: {reason}"))
            }
        })?;
        Ok(listed)
    }

    /// Whether the answer store has all of it: then nobody is asked what the server shows.
    fn is_kept(&self, models: Models<'_>, sampling: &Sampling) -> bool {
        let (Some(settings), Ok(store)) = (&self.settings, Store::open(&sampling.store, Access::Read)) else {
            return false;
        };
        let Some(model) = ListedAnswers::of(models.teacher) else { return false };
        let asker = Asker { model: &model, role: Role::Teacher, settings, limits: &sampling.limits, costs: None };
        asker.missing(&asked(self.units.iter().flatten()), &store) == 0
    }
}

/// Why answers are not listed.
enum Unusable {
    Model(AskError),
    Lists(String),
}

/// That the teacher's tokens are the student's: an answer in many scripts, and all that is listed beside it.
fn usable(models: Models<'_>, student: Scorer<'_>) -> Result<(), Unusable> {
    /// Share of what is listed that may have no spelling: parts of characters, where a server does not say their bytes.
    const STRANGE: f64 = 0.1;
    let lists = models.teacher.lists_answers().map_err(Unusable::Lists)?;
    let example = lists.example().map_err(|error| Unusable::Model(Role::Teacher.failed()(error)))?;
    let spelling = Spelling::of(student.tokens);
    let read = spelling.read(&example);
    let (all, strange) = spelling.strange(&example);
    if read.is_cut || read.ids.is_empty() {
        // Of the last token that was read only the place is the student's own.
        let place = read.ids.len().saturating_sub(1);
        let bytes = example.tokens.get(place).map_or(&[][..], |token| &token.bytes);
        let reason = format!(
            "its tokens are not the student's: an answer of it begins otherwise in the student's tokens, from token {} on, which is {:?}",
            place + 1,
            String::from_utf8_lossy(bytes)
        );
        return Err(Unusable::Lists(reason));
    }
    if strange as f64 > STRANGE * all as f64 {
        let reason = format!("{strange} of {all} tokens that it lists are none of the student's");
        return Err(Unusable::Lists(reason));
    }
    Ok(())
}

fn asked<'q>(questions: impl Iterator<Item = &'q Question>) -> Vec<&'q Asked> {
    questions.map(|question| &question.teacher).collect()
}

/// In words, for the pairing of a run.
pub(crate) fn pairing(student: Scorer<'_>) -> String {
    format!("the teacher's server spells tokens as the student's tokenizer does ({})", student.tokens.hash())
}

/// Who asks for the answers.
fn asker<'s>(
    asking: &'s Asking<'_>,
    model: &'s ListedAnswers<'_>,
    settings: &'s SampleSettings,
    sampling: &'s Sampling,
) -> Asker<'s> {
    let costs = Some(Costs::Run(asking.run));
    Asker { model, role: Role::Teacher, settings, limits: &sampling.limits, costs }
}

impl Kind for AnsweredPrompts {
    fn part(&self) -> PartKind {
        part::Answered::KIND
    }

    fn units(&self) -> usize {
        self.units.len()
    }

    fn excluded(&self) -> &[ExcludedItem] {
        &[]
    }

    fn files(&self, units: u32) -> Vec<(PartKind, u32)> {
        vec![(part::Answered::KIND, units)]
    }

    fn answers(&self, unit: usize) -> u64 {
        let each = self.settings.as_ref().map_or(0, |settings| u64::from(settings.per_probe));
        each * self.units[unit].len() as u64
    }

    fn longest(&self, unit: usize) -> PlannedTokens {
        let each = self.settings.as_ref().map_or(0, |settings| u64::from(settings.per_probe));
        let longest = self.units[unit].iter().map(|question| each * u64::from(question.teacher.longest())).sum();
        PlannedTokens { teacher_tokens: longest, ..PlannedTokens::default() }
    }

    fn listed_answers(&self) -> Option<u32> {
        self.settings.as_ref().filter(|_| !self.units.is_empty()).map(|settings| settings.per_probe)
    }

    fn prepare(&mut self, asking: &Asking<'_>) -> Result<(), AskError> {
        let (Some(settings), Some(sampling)) = (&self.settings, &asking.options.sampling) else { return Ok(()) };
        let Some(model) = ListedAnswers::of(asking.models.teacher) else { return Ok(()) };
        let open = self.units.iter().enumerate().filter(|(unit, _)| !asking.run.has(self.part(), *unit as u32));
        let asked = asked(open.flat_map(|(_, questions)| questions));
        if asked.is_empty() {
            return Ok(());
        }
        let asker = asker(asking, &model, settings, sampling);
        self.store.prepare(&sampling.store, |store| Ok(asker.missing(&asked, store) > 0))?;
        let ahead = asker.ahead(&asked, &*self.store.open(&sampling.store)?);
        self.ahead = ahead.map(|ahead| (Role::Teacher, ahead)).into_iter().collect();
        Ok(())
    }

    fn ahead(&self) -> &[(Role, Ahead)] {
        &self.ahead
    }

    fn run_unit(
        &mut self,
        unit: usize,
        asking: &Asking<'_>,
        _: Gates,
        observer: &mut dyn Observer,
    ) -> Result<(), AskError> {
        let (Some(settings), Some(sampling)) = (&self.settings, &asking.options.sampling) else { return Ok(()) };
        let Some(model) = ListedAnswers::of(asking.models.teacher) else { return Ok(()) };
        let questions = &self.units[unit];
        let asked = asked(questions.iter());
        let rows = {
            let mut store = self.store.open(&sampling.store)?;
            let asker = asker(asking, &model, settings, sampling);
            if asker.ask(&asked, &mut store, observer)?.is_break() {
                return Err(asking.interrupted());
            }
            asker.rows(&asked, &mut store)?
        };
        let student = Role::Student.scorer(asking.models.student)?;
        let spelling = Spelling::of(student.tokens);
        let answers: Vec<_> = questions
            .iter()
            .zip(&rows)
            .flat_map(|(question, rows)| rows.iter().map(move |row| (question, row)))
            .collect();
        let mut found = Vec::new();
        let mut left_out = LeftOut::default();
        for (question, row) in answers {
            asking.go_on(observer)?;
            let answer = ListedAnswer::of_kept(&row.text, row.finish);
            let lost = || AskError::AnswerLost { probe: row.probe.clone(), sample: row.sample };
            let answer = answer.ok_or_else(lost)?;
            let read = spelling.read(&answer);
            left_out.count(&read);
            if let Some(window) = window(question, row, &read, student) {
                found.extend(positions(&window, &answer, &read, &spelling, student)?);
            }
        }
        if let Some(words) = left_out.in_words() {
            observer.says(Role::Teacher, &words);
        }
        asking.run.write::<part::Answered>(unit as u32, &found)?;
        asking.done(part::Answered::KIND, unit as u32, observer)
    }
}

/// Answers whose tokens are not, or not all, those of the student's tokenizer.
#[derive(Default)]
struct LeftOut {
    answers: u64,
    whole: u64,
    in_part: u64,
}

impl LeftOut {
    fn count(&mut self, read: &Read) {
        self.answers += 1;
        self.whole += u64::from(read.ids.is_empty());
        self.in_part += u64::from(!read.ids.is_empty() && !read.is_whole());
    }

    fn in_words(&self) -> Option<String> {
        let Self { answers, whole, in_part } = self;
        (whole + in_part > 0).then(|| {
            format!(
                "of {answers} listed answers {whole} are left out, whose tokens are none of the student's or are not shown, and {in_part} \
                 from the first token on that the student's tokenizer does not have or would have cut otherwise"
            )
        })
    }
}

/// An answer behind its prompt, as the student reads both; `None` where there is nothing to compare, or no room for it.
fn window(question: &Question, row: &SampleRow, read: &Read, student: Scorer<'_>) -> Option<Window> {
    let tokens = [question.student.as_slice(), &read.ids].concat();
    let context = student.identity.context_length.unwrap_or(u32::MAX) as usize;
    let first = question.student.len() as u32 - 1;
    let rows: Vec<u32> = (first..).take(read.ids.len()).collect();
    (!read.ids.is_empty() && tokens.len() <= context).then(|| Window {
        probe: row.probe.clone(),
        family: question.family.clone(),
        index: row.sample,
        tokens,
        rows,
        bytes: 0,
        full: false,
    })
}

/// The positions of an answer at which its list says something.
fn positions(
    window: &Window,
    answer: &ListedAnswer,
    read: &Read,
    spelling: &Spelling<'_>,
    student: Scorer<'_>,
) -> Result<Vec<AnsweredRow>, AskError> {
    let shown: Vec<&ListedToken> = answer.tokens.iter().take(read.ids.len()).collect();
    let tokens = read.shown as u32;
    let rows = scored(
        Role::Student,
        window,
        &shown,
        student,
        |_| (),
        |_, logits, shown, row| {
            let target = window.target(row);
            // What is no distribution says nothing.
            let Ok(Some(teacher)) = spelling.distribution(shown, target, logits.len()) else { return Ok(None) };
            let student_row = ListedDistribution::of_logits(logits, target).map_err(|error| error.to_string())?;
            let stats = bounds(&teacher, &student_row, logits.len());
            let tops = [stats.target, stats.teacher_top1, stats.student_top1];
            let found = window.estimated(row, student.tokens, tops, AnsweredStats { bounds: stats, tokens });
            Ok(Some(AnsweredRow { position: row as u32, ..found }))
        },
    )?;
    Ok(rows.into_iter().flatten().collect())
}
