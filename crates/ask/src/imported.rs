//! Answers that exist already, as a finished run: the same folder that an audit leaves, without a model that was asked.

use std::collections::BTreeMap;
use std::path::Path;

use hydrometer_answers::logged::{Given, GivenRun, GivenText, Paired, PairedQuestion};
use hydrometer_answers::part::{Choices, Episodes, Likelihoods, Samples, Vectors};
use hydrometer_answers::{
    ChoiceRow, EpisodeRow, GIVEN, GivenJudgment, GivenSettings, LikelihoodRow, Manifest, ModelIdentity, NewRun,
    NotCompared, OptionSaid, Part, PlannedTokens, Regime, RunFolder, RunSettings, SampleRow, SampleSettings,
    SampleSource, SamplingParameters, ScoredModel, UnitCounts,
};
use hydrometer_probes::{Ask, Checked, Probe, ProbeError};

use crate::encoding::vectors;
use crate::options::check_parameters;
use crate::{AskError, Closeness};

/// Questions whose rows stand in one part.
const UNIT_QUESTIONS: usize = 512;

/// What is known about the given answers.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportOptions {
    /// What the teacher is called.
    pub teacher: String,
    /// What the student is called.
    pub student: String,
    /// How the answers were drawn, where that is known. Only draws from the models' own distributions allow numbers
    /// about those distributions.
    pub drawn: Option<SamplingParameters>,
    /// Seed of the permutation test.
    pub seed: u64,
    /// The command line as given, for the manifest; without secrets.
    pub arguments: Vec<String>,
}

/// A run made of given answers.
#[derive(Debug)]
pub struct Imported {
    /// The finished run.
    pub run: RunFolder,
    /// Questions that both models answered: those of the run.
    pub questions: u64,
    /// Who judged.
    pub judged: Judged,
}

/// Who judged the answers of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// Prompts without a checker, judged by the file.
    pub verdicts: u64,
    /// Prompts without a checker that the file judges in part: they are not judged.
    pub in_part: u64,
    /// Answers that a checker judged and the file judges too.
    pub twice: u64,
    /// Of those, the ones where they disagree. The checker counts.
    pub contradicted: u64,
}

/// Makes a finished run of the answers of two models.
///
/// A prompt with a checker is judged by it. Without one, the file's verdict counts where it judges every answer to the
/// prompt; it is kept beside each answer. The file's label is what is compared where every answer has one, else the text
/// is. `meaning` says which free answers mean the same; without it their spelling does.
///
/// # Errors
/// The parameters are out of range, a checker cannot be used, or the folder cannot be written.
pub fn import(
    answers: &Paired,
    options: &ImportOptions,
    meaning: Option<Closeness<'_>>,
    folder: &Path,
) -> Result<Imported, AskError> {
    meaning.map_or(Ok(()), |meaning| meaning.check())?;
    options.drawn.as_ref().map_or(Ok(()), check_parameters)?;
    let probes = &answers.suite.probes;
    if meaning.is_some() && !probes.iter().any(Probe::is_free) {
        return Err(AskError::NothingToEncode);
    }
    let mut judged = Judged::default();
    let mut rows = Rows::default();
    for (probe, question) in probes.iter().zip(&answers.questions) {
        rows.add(probe, question, &mut judged)?;
    }
    let manifest = manifest(answers, options, meaning, rows.units());
    let run = RunFolder::create_or_resume(folder, &manifest, probes)?;
    if !run.is_finished() {
        rows.write(&run, probes, meaning)?;
        run.finish()?;
    }
    Ok(Imported { run, questions: probes.len() as u64, judged })
}

/// The rows of a run, those of one question together.
#[derive(Default)]
struct Rows {
    samples: Vec<Vec<SampleRow>>,
    choices: Vec<Vec<ChoiceRow>>,
    likelihoods: Vec<Vec<LikelihoodRow>>,
    episodes: Vec<Vec<EpisodeRow>>,
}

impl Rows {
    fn add(&mut self, probe: &Probe, question: &PairedQuestion, judged: &mut Judged) -> Result<(), ProbeError> {
        match (&question.teacher, &question.student) {
            (Given::Texts(teacher), Given::Texts(student)) => {
                self.samples.push(samples(probe, [teacher, student], judged)?);
            }
            (Given::Runs(teacher), Given::Runs(student)) => {
                self.episodes.push(runs(probe, [teacher, student]));
            }
            (Given::Options(teacher), Given::Options(student)) => {
                let row = |(option, (&teacher_logprob, &student_logprob))| ChoiceRow {
                    probe: probe.id.clone(),
                    family: probe.family.clone(),
                    rotation: 0,
                    option,
                    teacher_logprob,
                    student_logprob,
                    control_logprob: None,
                    teacher_said: OptionSaid::default(),
                    student_said: OptionSaid::default(),
                };
                self.choices.push((0..).zip(teacher.iter().zip(student)).map(row).collect());
            }
            (Given::Likelihood(teacher), Given::Likelihood(student)) => {
                let Ask::Text(text) = &probe.ask else { return Ok(()) };
                let row = |(model, logprob): (ScoredModel, &f64)| LikelihoodRow {
                    probe: probe.id.clone(),
                    family: probe.family.clone(),
                    window: 0,
                    model,
                    // Nobody logs how many tokens it was; bytes are those of the text.
                    tokens: 0,
                    bytes: text.text.len() as u64,
                    logprob: *logprob,
                };
                let both = [(ScoredModel::Teacher, teacher), (ScoredModel::Student, student)];
                self.likelihoods.push(both.into_iter().map(row).collect());
            }
            // Pairs are of one kind.
            _ => {}
        }
        Ok(())
    }

    fn units(&self) -> [u32; 4] {
        [self.samples.len(), self.choices.len(), self.likelihoods.len(), self.episodes.len()]
            .map(|questions| questions.div_ceil(UNIT_QUESTIONS) as u32)
    }

    fn write(&self, run: &RunFolder, probes: &[Probe], meaning: Option<Closeness<'_>>) -> Result<(), AskError> {
        for (unit, rows) in (0..).zip(self.samples.chunks(UNIT_QUESTIONS)) {
            let rows = rows.concat();
            if let Some(Closeness { encoder, .. }) = meaning {
                run.write::<Vectors>(unit, &vectors(&rows, probes, encoder)?)?;
            }
            run.write::<Samples>(unit, &rows)?;
        }
        for (unit, rows) in (0..).zip(self.choices.chunks(UNIT_QUESTIONS)) {
            run.write::<Choices>(unit, &rows.concat())?;
        }
        for (unit, rows) in (0..).zip(self.likelihoods.chunks(UNIT_QUESTIONS)) {
            run.write::<Likelihoods>(unit, &rows.concat())?;
        }
        for (unit, rows) in (0..).zip(self.episodes.chunks(UNIT_QUESTIONS)) {
            run.write::<Episodes>(unit, &rows.concat())?;
        }
        Ok(())
    }
}

fn samples(probe: &Probe, sides: [&[GivenText]; 2], judged: &mut Judged) -> Result<Vec<SampleRow>, ProbeError> {
    let all = || sides.into_iter().flatten();
    let unusable = |fault| ProbeError::File { file: probe.id.clone(), fault: Box::new(fault) };
    let checker = probe.checker().map_err(unusable)?;
    let (mut verdict, mut label) = (false, false);
    match &checker {
        Some(check) => {
            for (answer, right) in all().filter_map(|answer| Some((answer, answer.right?))) {
                judged.twice += 1;
                judged.contradicted += u64::from((check.check(&answer.text) == Checked::Right) != right);
            }
        }
        None => {
            label = all().all(|answer| answer.label.is_some());
            verdict = all().all(|answer| answer.right.is_some());
            judged.verdicts += u64::from(verdict);
            judged.in_part += u64::from(!verdict && all().any(|answer| answer.right.is_some()));
        }
    }
    let row = |source: SampleSource, (sample, answer): (u32, &GivenText)| SampleRow {
        probe: probe.id.clone(),
        family: probe.family.clone(),
        source,
        sample,
        text: answer.text.clone(),
        tokens: 0,
        logprob: 0.0,
        finish: answer.finish,
        outcome: GivenJudgment::from(answer.right.filter(|_| verdict)),
        label: answer.label.clone().filter(|_| label),
    };
    let [teacher, student] = sides;
    let teacher = (0..).zip(teacher).map(|answer| row(SampleSource::Teacher, answer));
    Ok(teacher.chain((0..).zip(student).map(|answer| row(SampleSource::Student, answer))).collect())
}

/// Runs that are judged by their log.
fn runs(probe: &Probe, [teacher, student]: [&[GivenRun]; 2]) -> Vec<EpisodeRow> {
    let row = |source: SampleSource, (number, run): (u32, &GivenRun)| {
        let outcome = run.transcript.as_logged(run.success);
        EpisodeRow::new(&probe.id, &probe.family, (source, number), &run.transcript, &outcome)
    };
    let teacher = (0..).zip(teacher).map(|run| row(SampleSource::Teacher, run));
    teacher.chain((0..).zip(student).map(|run| row(SampleSource::Student, run))).collect()
}

/// A model of which the answers are known and nothing else: they are its identity.
fn identity(name: &str, answers: &Paired, of: fn(&PairedQuestion) -> &Given) -> ModelIdentity {
    let mut hasher = blake3::Hasher::new_derive_key("hydrometer given answers 2");
    let mut field = |field: &str| {
        hasher.update(&(field.len() as u64).to_le_bytes()).update(field.as_bytes());
    };
    for (probe, question) in answers.suite.probes.iter().zip(&answers.questions) {
        field(&probe.id);
        match of(question) {
            Given::Texts(texts) => texts.iter().for_each(|text| {
                let GivenText { text, finish, label, right } = text;
                [text, finish.name(), &format!("{label:?}"), &format!("{right:?}")].into_iter().for_each(&mut field);
            }),
            Given::Runs(runs) => runs.iter().for_each(|GivenRun { transcript, success }| {
                [transcript.to_json().as_str(), &success.to_string()].into_iter().for_each(&mut field);
            }),
            Given::Options(values) => values.iter().for_each(|value| field(&value.to_string())),
            Given::Likelihood(value) => field(&value.to_string()),
        }
    }
    let unknown = "its answers were given, and they say nothing of the model".to_owned();
    ModelIdentity::unseen(name, name.to_owned(), GIVEN, hasher.finalize(), "given", unknown)
}

fn manifest(
    answers: &Paired,
    options: &ImportOptions,
    meaning: Option<Closeness<'_>>,
    [samples, choices, likelihoods, episodes]: [u32; 4],
) -> Manifest {
    let texts = |given: &Given| if let Given::Texts(texts) = given { texts.len() } else { 0 };
    let most = |question: &PairedQuestion| texts(&question.teacher).max(texts(&question.student));
    let per_probe = answers.questions.iter().map(most).max().unwrap_or(0) as u32;
    let drawn = options.drawn.clone().filter(|_| samples > 0);
    let not_compared = answers.report.not_compared;
    let given = GivenSettings {
        choices: answers.report.choices.clone(),
        different_prompts: answers.report.different_prompts.clone(),
        not_compared: (not_compared != NotCompared::default()).then_some(not_compared),
    };
    Manifest::plan(NewRun {
        teacher: identity(&options.teacher, answers, |question| &question.teacher),
        student: identity(&options.student, answers, |question| &question.student),
        base: None,
        control: None,
        pairing: "the answers were given as texts, nothing is known of their tokens".to_owned(),
        shared_vocab: None,
        regime: Regime::GivenAnswers,
        facets: BTreeMap::new(),
        suite: &answers.suite,
        settings: RunSettings {
            rotations: u32::from(choices > 0),
            samples: drawn.map(|parameters| SampleSettings { per_probe, reruns: 0, parameters, paired: false }),
            meaning: meaning.map(|meaning| meaning.settings()),
            given: (given != GivenSettings::default()).then_some(given),
            ..RunSettings::of_given_answers(options.seed)
        },
        units: UnitCounts::default()
            .with(Samples::KIND, samples)
            .with(Choices::KIND, choices)
            .with(Likelihoods::KIND, likelihoods)
            .with(Episodes::KIND, episodes)
            .with(Vectors::KIND, if meaning.is_some() { samples } else { 0 }),
        planned: PlannedTokens::default(),
        excluded: Vec::new(),
        arguments: options.arguments.clone(),
    })
}
