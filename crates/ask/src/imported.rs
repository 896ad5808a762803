//! Answers that exist already, as a finished run: the same folder that an audit leaves, without a model that was asked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hydrometer_answers::part::{Samples, Vectors};
use hydrometer_answers::{
    EngineIdentity, FinishReason, GIVEN, GIVEN_MARK, Manifest, ModelIdentity, NewRun, Part, PlannedTokens, Regime,
    RunFolder, RunSettings, SampleRow, SampleSettings, SampleSource, SamplingParameters, UnitCounts,
};
use hydrometer_probes::kind;
use hydrometer_probes::paired::{GivenAnswer, PairedAnswers};
use hydrometer_probes::{Ask, Checked, Checker, Normal, Probe, ProbeError, Suite};

use crate::encoding::vectors;
use crate::options::check_parameters;
use crate::{AskError, Closeness};

/// An answer whose file calls it right ends like this.
const RIGHT: &str = ": right$";
/// Prompts whose rows stand in one part.
const UNIT_PROMPTS: usize = 512;

/// Which of the given answers are compared, and what is known about them.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportOptions {
    /// Model whose answers are the teacher's.
    pub teacher: String,
    /// Model whose answers are the student's.
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
    /// Prompts that both models answered: those of the run.
    pub prompts: u64,
    /// What was left out, and who judged.
    pub report: ImportReport,
}

/// What happened to the answers of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Prompts that not both models answered: left out.
    pub left_out: u64,
    /// Prompts without a checker, judged by the file.
    pub verdicts: u64,
    /// Answers that a checker judged and the file judges too.
    pub judged_twice: u64,
    /// Of those, the ones where they disagree. The checker report.
    pub contradicted: u64,
}

/// Makes a finished run of the answers of two models.
///
/// A prompt with a checker is judged by it. Without one, the file's verdict stands at the end of the answer behind
/// `[given]`, with the file's label where every answer has one: the label is then the answer's class, else the whole
/// text is. The probe's check reads that ending, so that the folder is judged again like any other. A prompt with an
/// answer that the file does not judge is not judged at all. `meaning` says which free answers mean the same; without it
/// their spelling does.
///
/// # Errors
/// One of the models did not answer, no prompt was answered by both, the parameters are out of range, or the folder
/// cannot be written.
pub fn import(
    answers: &PairedAnswers,
    options: &ImportOptions,
    meaning: Option<Closeness<'_>>,
    folder: &Path,
) -> Result<Imported, AskError> {
    meaning.map_or(Ok(()), |meaning| meaning.check())?;
    options.drawn.as_ref().map_or(Ok(()), check_parameters)?;
    let teacher = by_prompt(answers, &options.teacher)?;
    let student = by_prompt(answers, &options.student)?;
    let (mut probes, mut rows, mut report) = (Vec::new(), Vec::new(), ImportReport::default());
    for probe in &answers.suite.probes {
        let (Some(of_teacher), Some(of_student)) = (teacher.get(probe.id.as_str()), student.get(probe.id.as_str()))
        else {
            report.left_out += 1;
            continue;
        };
        let all: Vec<_> = of_teacher.iter().chain(of_student).copied().collect();
        report.judge(probe, &all)?;
        let marks = Marks::of(probe, &all);
        report.verdicts += u64::from(marks.verdict);
        let row = |(place, answer): (usize, &&GivenAnswer)| {
            let source = if place < of_teacher.len() { SampleSource::Teacher } else { SampleSource::Student };
            marks.row(probe, source, answer)
        };
        rows.push(all.iter().enumerate().map(row).collect::<Vec<_>>());
        probes.push(marks.probe(probe));
    }
    if probes.is_empty() {
        let (teacher, student) = (options.teacher.clone(), options.student.clone());
        return Err(AskError::NothingInCommon { teacher, student });
    }
    if meaning.is_some() && !probes.iter().any(Probe::is_free) {
        return Err(AskError::NothingToEncode);
    }
    let suite = Suite { name: answers.suite.name.clone(), probes };
    let units: Vec<_> = rows.chunks(UNIT_PROMPTS).collect();
    let most = teacher.values().chain(student.values()).map(Vec::len).max().unwrap_or(0) as u32;
    let samples = options.drawn.clone().map(|parameters| SampleSettings { per_probe: most, reruns: 0, parameters });
    let models = [identity(&options.teacher, &teacher), identity(&options.student, &student)];
    let manifest = manifest(models, &suite, options, samples, meaning, units.len());
    let run = RunFolder::create_or_resume(folder, &manifest, &suite.probes)?;
    if !run.is_finished() {
        for (unit, rows) in units.iter().enumerate() {
            let rows = rows.concat();
            if let Some(Closeness { encoder, .. }) = meaning {
                run.write::<Vectors>(unit as u32, &vectors(&rows, &suite.probes, encoder)?)?;
            }
            run.write::<Samples>(unit as u32, &rows)?;
        }
        run.finish()?;
    }
    Ok(Imported { run, prompts: suite.probes.len() as u64, report })
}

/// A model's answers to each prompt, in the order of their numbers.
type ByPrompt<'a> = BTreeMap<&'a str, Vec<&'a GivenAnswer>>;

fn by_prompt<'a>(answers: &'a PairedAnswers, model: &str) -> Result<ByPrompt<'a>, AskError> {
    let mut of_model = ByPrompt::new();
    for answer in answers.answers.iter().filter(|answer| answer.model == model) {
        of_model.entry(&answer.probe).or_default().push(answer);
    }
    if of_model.is_empty() {
        let known: BTreeSet<_> = answers.answers.iter().map(|answer| answer.model.clone()).collect();
        return Err(AskError::UnknownModel { model: model.to_owned(), known: known.into_iter().collect() });
    }
    of_model.values_mut().for_each(|answers| answers.sort_by_key(|answer| answer.sample));
    Ok(of_model)
}

impl ImportReport {
    /// Counts what the probe's checker says against what the file says.
    fn judge(&mut self, probe: &Probe, answers: &[&GivenAnswer]) -> Result<(), ProbeError> {
        let unusable = |fault| ProbeError::File { file: probe.id.clone(), fault: Box::new(fault) };
        let Some(check) = probe.checker().map_err(unusable)? else { return Ok(()) };
        for (answer, correct) in answers.iter().filter_map(|answer| Some((answer, answer.correct?))) {
            self.judged_twice += 1;
            self.contradicted += u64::from((check.check(&answer.text) == Checked::Right) != correct);
        }
        Ok(())
    }
}

/// What is written behind the answers to one prompt.
struct Marks {
    label: bool,
    verdict: bool,
}

impl Marks {
    fn of(probe: &Probe, answers: &[&GivenAnswer]) -> Self {
        let unchecked = matches!(probe.ask, Ask::Prompt(kind::Prompt { check: None, .. }));
        let label = unchecked && answers.iter().all(|answer| answer.label.is_some());
        let verdict = unchecked && answers.iter().all(|answer| answer.correct.is_some());
        Self { label, verdict }
    }

    /// The probe, told how to read them.
    fn probe(&self, probe: &Probe) -> Probe {
        let mut probe = probe.clone();
        if let Ask::Prompt(kind::Prompt { answer, check, .. }) = &mut probe.ask {
            if self.label {
                *answer = vec![Normal::After(GIVEN_MARK.to_owned()), Normal::Whitespace];
            } else if self.verdict {
                // No other step leaves the ending in its place.
                *answer = vec![Normal::Whitespace];
            }
            if self.verdict {
                *check = Some(Checker::Regex(RIGHT.to_owned()));
            }
        }
        probe
    }

    fn row(&self, probe: &Probe, source: SampleSource, answer: &GivenAnswer) -> SampleRow {
        SampleRow {
            probe: probe.id.clone(),
            family: probe.family.clone(),
            source,
            sample: answer.sample,
            text: self.text(answer),
            tokens: 0,
            logprob: 0.0,
            finish: FinishReason::Stop,
        }
    }

    fn text(&self, answer: &GivenAnswer) -> String {
        let verdict = answer.correct.filter(|_| self.verdict).map(|right| if right { ": right" } else { ": wrong" });
        let label = answer.label.as_deref().filter(|_| self.label);
        match (label, verdict) {
            (None, None) => answer.text.clone(),
            (label, verdict) => {
                let (label, verdict) = (label.unwrap_or("answer"), verdict.unwrap_or(""));
                format!("{}\n\n{GIVEN_MARK} {label}{verdict}", answer.text)
            }
        }
    }
}

/// A model of which the answers are known and nothing else: they are its identity.
fn identity(name: &str, answers: &ByPrompt<'_>) -> ModelIdentity {
    let mut hasher = blake3::Hasher::new_derive_key("hydrometer given answers 1");
    for answer in answers.values().flatten() {
        let (label, correct) = (format!("{:?}", answer.label), format!("{:?}", answer.correct));
        for field in [answer.probe.as_str(), &answer.sample.to_string(), &answer.text, &label, &correct] {
            hasher.update(&(field.len() as u64).to_le_bytes()).update(field.as_bytes());
        }
    }
    ModelIdentity {
        name: name.to_owned(),
        spec: name.to_owned(),
        format: GIVEN.to_owned(),
        architecture: None,
        parameters: None,
        quantization: None,
        vocab_size: None,
        context_length: None,
        weights: format!("blake3:{}", hasher.finalize().to_hex()),
        tokenizer: None,
        template: None,
        surgery: None,
        engine: EngineIdentity { name: "given".to_owned(), version: "1".to_owned(), precision: None, kernel: None },
        unknown: Some("its answers were given, and they say nothing of the model".to_owned()),
    }
}

fn manifest(
    [teacher, student]: [ModelIdentity; 2],
    suite: &Suite,
    options: &ImportOptions,
    samples: Option<SampleSettings>,
    meaning: Option<Closeness<'_>>,
    units: usize,
) -> Manifest {
    let units = units as u32;
    Manifest::plan(NewRun {
        teacher,
        student,
        base: None,
        pairing: "the answers were given as texts, nothing is known of their tokens".to_owned(),
        shared_vocab: None,
        regime: Regime::GivenAnswers,
        facets: BTreeMap::new(),
        suite,
        settings: RunSettings {
            samples,
            meaning: meaning.map(|meaning| meaning.settings()),
            ..RunSettings::of_given_answers(options.seed)
        },
        units: UnitCounts::default()
            .with(Samples::KIND, units)
            .with(Vectors::KIND, if meaning.is_some() { units } else { 0 }),
        planned: PlannedTokens::default(),
        arguments: options.arguments.clone(),
    })
}
