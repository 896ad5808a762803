//! The plan of a run: every kind of question cut into units, the order in which they are asked, and the manifest that
//! says so. The same inputs give the same plan, so an interrupted run continues where it stopped.

use std::collections::BTreeMap;

use hydrometer_answers::part::{Episodes, Samples, Scored};
use hydrometer_answers::{
    Deciding, DifferentPrompts, ExcludedItem, Manifest, NewRun, Part, PlannedTokens, Regime, RunFolder, RunSettings,
    SampleSettings, Stopped, UnitCounts,
};
use hydrometer_models::{Model, Scorer};
use hydrometer_probes::families::FamilySizes;
use hydrometer_probes::{Ask, Probe, Suite};

use crate::deployment::deployment;
use crate::kind::answered;
use crate::kind::likelihoods::Likelihoods;
use crate::kind::listed::{ListedTexts, Listing};
use crate::kind::shown::{Shown, ShownTexts};
use crate::kind::texts::Texts;
use crate::kind::{Kind, beside_texts};
use crate::shared::{Agreement, Shared, in_words};
use crate::trained_to::trained_to;
use crate::units::Packing;
use crate::{AskError, AskOptions, Models, PlanSummary, Role};

/// What would help two models whose servers list tokens.
const WANTS: &str = "both servers list the tokens of a text, and --tokenizer MODEL would say how they read it";

/// The whole work of a run.
pub struct Plan<'a> {
    pub(crate) models: Models<'a>,
    pub(crate) suite: &'a Suite,
    pub(crate) options: &'a AskOptions,
    pub(crate) kinds: Vec<Box<dyn Kind>>,
    manifest: Manifest,
    text_families: FamilySizes,
}

/// That nothing of the models is unknown for want of a budget: a plan of what they seem to show would be another one than that of a
/// command that may spend more.
fn all_found_out(models: Models<'_>) -> Result<(), AskError> {
    let mut asked = models.who_answer();
    let unknown = asked.find_map(|(role, model)| model.not_found_out().map(|error| (role, error)));
    unknown.map_or(Ok(()), |(role, error)| Err(role.failed()(error)))
}

impl<'a> Plan<'a> {
    /// Plans what is asked; nothing is computed yet.
    ///
    /// # Errors
    /// The suite or a setting cannot be used, a model cannot read a probe, or nothing in the suite can be asked.
    pub fn new(models: Models<'a>, suite: &'a Suite, options: &'a AskOptions) -> Result<Self, AskError> {
        options.check()?;
        models.meaning.map_or(Ok(()), |meaning| meaning.check())?;
        suite.validate()?;
        let counted_from = trained_to(suite, options)?;
        let trained_to = counted_from.iter().map(|(name, (value, _))| (name.clone(), *value)).collect();
        models.who_answer().for_each(|(_, model)| model.told(suite, &trained_to));
        let packing = match &options.until_decided {
            Some(until) => Packing::ByFamily { order: until.order(options.seed, &suite.probes), cap: until.cap },
            None => Packing::InOrder,
        };
        let Vocabularies { mut pairing, shared } = vocabularies(models, suite)?;
        // Gates that are decided early need bounds on what one family can show, and an estimate has none.
        let shown = Shown::of(models).filter(|_| shared.is_none() && options.until_decided.is_none());
        let listing = Listing::of(models).filter(|_| options.until_decided.is_none());
        all_found_out(models)?;
        let shared_vocab = match &shared {
            Some((shared, _)) => Some(shared.count()),
            None => shown
                .map(|shown| shown.here(models).identity().logit_width())
                .or(listing.map(|listing| listing.tokenizer.len() as u32)),
        };
        if let Some(shown) = shown {
            let (role, scorer) = (shown.role(), shown.scorer());
            pairing = format!("the {role}'s server reads texts as the {scorer}'s tokenizer does");
        }
        if let Some(listing) = listing {
            pairing = listing.pairing();
        }
        let mut text_families = FamilySizes::default();
        // Texts first: they say most for what they cost.
        let texts: Box<dyn Kind> = match (shared, shown) {
            (Some((shared, agreement)), _) => {
                let texts = Texts::plan(models, suite, options, &packing, shared, &agreement)?;
                text_families = texts.families(suite);
                Box::new(texts)
            }
            (None, Some(shown)) => {
                let texts = ShownTexts::plan(shown, models, suite, options, &packing)?;
                text_families = texts.families(suite);
                Box::new(texts)
            }
            (None, None) if lacking(models).is_some() => match listing {
                Some(listing) => {
                    let texts = ListedTexts::plan(listing, suite, options, &packing)?;
                    text_families = texts.families(suite);
                    Box::new(texts)
                }
                None => Box::new(Likelihoods::none()),
            },
            (None, None) => Box::new(Likelihoods::plan(models, suite, options, &packing)?),
        };
        let mut kinds = vec![texts];
        kinds.extend(beside_texts(models, suite, options, &packing)?);
        let with_answers = [Samples::KIND, Episodes::KIND];
        let asks_prompts = kinds.iter().any(|kind| with_answers.contains(&kind.part()) && kind.units() > 0);
        let listed_answers = kinds.iter().find_map(|kind| kind.listed_answers());
        let mut shared_vocab = shared_vocab;
        if let Some(answers) = listed_answers {
            if kinds[0].units() > 0 {
                let more =
                    "none where texts are compared: more is known of both models there than lists of answers say";
                return Err(AskError::setting("listed_answers", answers, more));
            }
            let student = Role::Student.scorer(models.student)?;
            shared_vocab = Some(student.identity.logit_width());
            pairing = answered::pairing(student);
        }
        let excluded = excluded(&kinds, suite);
        if kinds.iter().all(|kind| kind.units() == 0) {
            if !excluded.is_empty() {
                return Err(AskError::all_excluded(&suite.name, &excluded));
            }
            let suite = suite.name.clone();
            return Err(match lacking(models) {
                Some(reason) => {
                    let reason = if Listing::wants_a_tokenizer(models) { format!("{reason}; {WANTS}") } else { reason };
                    AskError::NothingToAsk { suite, reason }
                }
                None => AskError::NoText { suite, needs: "it asks nothing else" },
            });
        }
        let base = models.base.filter(|_| asks_prompts);
        let control = models.control.filter(|control| {
            let chooses = control.chooses().is_some();
            let asked = |probe: &Probe| match probe.ask {
                Ask::Prompt(_) | Ask::Episode(_) => asks_prompts,
                Ask::Choice(_) => chooses,
                Ask::Text(_) | Ask::Trajectory(_) => false,
            };
            suite.probes.iter().any(|probe| Role::Control.is_asked(probe) && asked(probe))
        });
        let asked = [
            (Role::Teacher, Some(models.teacher)),
            (Role::Student, Some(models.student)),
            (Role::Base, base),
            (Role::Control, control),
        ];
        let facets = asked.into_iter().filter_map(|(role, model)| Some((role.to_string(), model?.facets())));
        let manifest = Manifest::plan(NewRun {
            teacher: models.teacher.identity().clone(),
            student: models.student.identity().clone(),
            base: base.map(|base| base.identity().clone()),
            control: control.map(|control| control.identity().clone()),
            pairing,
            shared_vocab,
            regime: match shared_vocab {
                Some(_) if listed_answers.is_some() => Regime::ListedAnswers,
                Some(_) => match shown {
                    Some(Shown::Teacher) => Regime::ShownDistributions,
                    Some(Shown::Student) => Regime::ShownStudent,
                    None if listing.is_some() => Regime::ShownBoth,
                    None => Regime::FullLogits,
                },
                None if scores_answers(&kinds) => Regime::TeacherTexts,
                None if lacking(models).is_some() => Regime::AnswersOnly,
                None => Regime::DifferentVocabularies,
            },
            facets: facets.collect(),
            suite,
            settings: RunSettings {
                rendered_differently: rendered_differently(&kinds),
                trained_to,
                trained_to_by: counted_from.into_iter().map(|(name, (_, by))| (name, by)).collect(),
                set_knobs: options.set_knobs.clone(),
                trained_on: options.trained_on.clone(),
                deployment: deployment(suite, options)?,
                deployed_on: options.deployed_on.as_ref().map(|placed| placed.prompts.clone()),
                tool_protocols: tool_protocols(models, &kinds)?,
                letters: kinds.iter().find_map(|kind| kind.letters()),
                listed_answers,
                accepted: options.accepted.clone(),
                ..settings(models, options, &suite.probes, asks_prompts, text_families)
            },
            units: files(kinds.iter().map(|kind| (&**kind, kind.units() as u32))),
            planned: total(kinds.iter().flat_map(|kind| (0..kind.units()).map(|unit| kind.tokens(unit)))),
            excluded,
            arguments: options.arguments.clone(),
        });
        all_found_out(models)?;
        Ok(Self { models, suite, options, kinds, manifest, text_families })
    }

    /// What is planned.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The families of the texts that are scored position by position, equal texts in one: none where the models share no
    /// vocabulary.
    pub fn text_families(&self) -> FamilySizes {
        self.text_families
    }

    /// The suite that is asked.
    pub fn suite(&self) -> &Suite {
        self.suite
    }

    /// Where a run stopped that asked so many units of each kind; `None` when that is all of them.
    pub(crate) fn stopped(&self, asked: &[usize]) -> Option<Stopped> {
        let asked: Vec<_> = self.kinds.iter().zip(asked).map(|(kind, units)| (&**kind, *units as u32)).collect();
        if asked.iter().all(|(kind, units)| *units as usize == kind.units()) {
            return None;
        }
        let tokens = asked.iter().flat_map(|(kind, units)| (0..*units as usize).map(|unit| kind.tokens(unit)));
        Some(Stopped { computed: total(tokens), units: files(asked.iter().copied()) })
    }

    pub(crate) fn summary(&self, run: &RunFolder) -> PlanSummary {
        let mut summary = PlanSummary {
            planned: self.manifest.planned,
            units: self.kinds.iter().map(|kind| kind.units() as u64).sum(),
            units_done: 0,
            tokens_done: 0,
            answers: 0,
            longest: PlannedTokens::default(),
        };
        for (kind, unit) in self.kinds.iter().flat_map(|kind| (0..kind.units()).map(move |unit| (kind, unit))) {
            if run.has(kind.part(), unit as u32) {
                let size = kind.tokens(unit);
                summary.units_done += 1;
                summary.tokens_done += size.total();
            } else {
                summary.answers += kind.answers(unit);
                summary.longest = total([summary.longest, kind.longest(unit)].into_iter());
            }
        }
        summary
    }
}

/// Whether the student scores answers of its teacher.
fn scores_answers(kinds: &[Box<dyn Kind>]) -> bool {
    let scores =
        |kind: &dyn Kind| kind.files(kind.units() as u32).into_iter().any(|(part, n)| part == Scored::KIND && n > 0);
    kinds.iter().any(|kind| scores(&**kind))
}

/// What one of the two lacks so that no token can be compared, in words.
fn lacking(models: Models<'_>) -> Option<String> {
    let both = [(Role::Teacher, models.teacher), (Role::Student, models.student)];
    both.into_iter().find_map(|(role, model)| Scorer::of(model).err().map(|lacking| format!("the {role} {lacking}")))
}

/// How the vocabularies of two models relate.
struct Vocabularies {
    /// In words.
    pairing: String,
    /// What is compared, and on which texts; `None` where nothing is.
    shared: Option<(Shared, Agreement)>,
}

/// Two vocabularies are one when ids mean the same in both and both tokenizers read the texts alike.
fn vocabularies(models: Models<'_>, suite: &Suite) -> Result<Vocabularies, AskError> {
    let (Ok(teacher), Ok(student)) = (Scorer::of(models.teacher), Scorer::of(models.student)) else {
        return Ok(Vocabularies { pairing: lacking(models).unwrap_or_default(), shared: None });
    };
    let pairing = teacher.tokens.pairing(student.tokens);
    let Some(shared) = Shared::of(&pairing, models) else {
        return Ok(Vocabularies { pairing: in_words(&pairing), shared: None });
    };
    let ids = format!("{}{}", in_words(&pairing), other_ends(teacher, student));
    let mut agreement = Agreement::on(suite, teacher.tokens, student.tokens)?;
    for (role, model, scorer) in [(Role::Teacher, models.teacher, teacher), (Role::Student, models.student, student)] {
        if let Ok(server) = model.shows() {
            agreement = agreement.with_server(role, suite, scorer.tokens, server)?;
        }
    }
    let pairing = match agreement.in_words() {
        Some(texts) => format!("{ids}; {texts}"),
        None => ids,
    };
    Ok(Vocabularies { pairing, shared: agreement.is_on_some().then_some((shared, agreement)) })
}

/// What is to be said of the tokens that end an answer: nothing where they are the same.
fn other_ends(teacher: Scorer<'_>, student: Scorer<'_>) -> String {
    let ends = |model: Scorer<'_>| {
        let names =
            model.tokens.ends().into_iter().map(|id| String::from_utf8_lossy(&model.tokens.piece(id)).into_owned());
        names.collect::<Vec<_>>()
    };
    let (ours, theirs) = (ends(teacher), ends(student));
    if ours == theirs {
        return String::new();
    }
    let list = |names: Vec<String>| if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
    format!("; the teacher's answers end with {}, the student's with {}", list(ours), list(theirs))
}

/// What cannot be asked, in the order of the suite.
fn excluded(kinds: &[Box<dyn Kind>], suite: &Suite) -> Vec<ExcludedItem> {
    let found: BTreeMap<&str, &ExcludedItem> =
        kinds.iter().flat_map(|kind| kind.excluded()).map(|item| (item.probe.as_str(), item)).collect();
    suite.probes.iter().filter_map(|probe| found.get(probe.id.as_str()).copied().cloned()).collect()
}

/// What teacher and student read as different texts, over all kinds of questions.
fn rendered_differently(kinds: &[Box<dyn Kind>]) -> Option<DifferentPrompts> {
    let mut found = kinds.iter().filter_map(|kind| kind.rendered_differently());
    let mut all = found.next()?.clone();
    all.prompts += found.map(|different| different.prompts).sum::<u64>();
    Some(all)
}

/// How each model that acts in episodes puts tools and calls into words; none where there are no episodes.
fn tool_protocols(models: Models<'_>, kinds: &[Box<dyn Kind>]) -> Result<BTreeMap<String, String>, AskError> {
    let acts = kinds.iter().any(|kind| kind.part() == Episodes::KIND && kind.units() > 0);
    let of = |(role, model): (Role, &dyn Model)| {
        let protocol = model.answers()?.tool_protocol().map_err(role.failed());
        Some(protocol.map(|protocol| (role.to_string(), protocol.name().to_owned())))
    };
    models.who_answer().filter(|_| acts).filter_map(of).collect()
}

fn settings(
    models: Models<'_>,
    options: &AskOptions,
    probes: &[Probe],
    asks_prompts: bool,
    texts: FamilySizes,
) -> RunSettings {
    let deciding = options.until_decided.as_ref().map(|until| Deciding {
        alpha: until.alpha,
        cap: until.cap,
        largest_text: texts.largest,
        text_families: texts.count,
        gates: until.gates.clone(),
        looks: until.looks(probes).to_vec(),
    });
    let AskOptions { n_ctx, block_tokens, max_windows, seed, .. } = *options;
    let precision = models.teacher.identity().engine.precision.clone();
    RunSettings {
        rotations: options.rotations,
        floor_windows: options.floor_windows,
        samples: options.sampling.as_ref().filter(|_| asks_prompts).map(|sampling| drawn(models, &sampling.settings)),
        teacher_asked: options.teacher_asked.filter(|_| asks_prompts),
        window_order: options.windowing().remembered_order(),
        meaning: models.meaning.filter(|_| asks_prompts).map(|meaning| meaning.settings()),
        deciding,
        ..RunSettings::of_texts(n_ctx, block_tokens, max_windows, precision, seed)
    }
}

/// How both models draw: as a pair where that is wanted, both draw by number, and the teacher answers a second time as often.
fn drawn(models: Models<'_>, settings: &SampleSettings) -> SampleSettings {
    let by_number = |model: &dyn Model| model.answers().is_some_and(|answers| answers.draws_by_number());
    let paired = settings.pairs() && by_number(models.teacher) && by_number(models.student);
    SampleSettings { paired, ..settings.clone() }
}

/// The files of so many units of each kind.
fn files<'k>(kinds: impl Iterator<Item = (&'k dyn Kind, u32)>) -> UnitCounts {
    let mut counts = UnitCounts::default();
    for (part, files) in kinds.flat_map(|(kind, units)| kind.files(units)) {
        counts.add(part, files);
    }
    counts
}

fn total(units: impl Iterator<Item = PlannedTokens>) -> PlannedTokens {
    units.fold(PlannedTokens::default(), |mut sum, unit| {
        sum.teacher_tokens += unit.teacher_tokens;
        sum.student_tokens += unit.student_tokens;
        sum.floor_tokens += unit.floor_tokens;
        sum.control_tokens += unit.control_tokens;
        sum
    })
}
