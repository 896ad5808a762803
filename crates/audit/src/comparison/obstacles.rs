//! Where two runs were asked differently: a number that depends on it means something else in each.

use std::collections::BTreeSet;

use hydrometer_answers::{Manifest, ModelIdentity, Regime, SampleSource, SamplingParameters};
use hydrometer_metrics::measure::{Definition, Items, Need, Table};
use hydrometer_probes::counted::counted;
use hydrometer_probes::{Ask, Probe};

use crate::AuditError;
use crate::evidence::Rows;
use crate::statement::GapBase;

/// What stands between two runs.
pub(super) struct Obstacles {
    texts: Vec<String>,
    choices: Vec<String>,
    prompts: Vec<String>,
    /// Why answers that depend on how they were drawn cannot be compared.
    drawn: Option<String>,
    bases: [Option<ModelIdentity>; 2],
    stopped: bool,
}

impl Obstacles {
    /// What differs between two plans.
    ///
    /// # Errors
    /// [`AuditError::OtherQuestion`]: no number means the same in both.
    pub(super) fn between(a: &Manifest, b: &Manifest) -> Result<Self, AuditError> {
        let given = |m: &Manifest| m.regime() == Regime::GivenAnswers;
        let none = |found: Option<&String>| found.cloned().unwrap_or_else(|| "none".to_owned());
        let whole =
            |what, a: String, b: String| if a == b { Ok(()) } else { Err(AuditError::OtherQuestion { what, a, b }) };
        // Given answers have no weights, and their hash is that of all of them: see `same_given_answers`.
        if !(given(a) && given(b)) {
            whole("the teachers' weights", a.teacher.weights.clone(), b.teacher.weights.clone())?;
        }
        whole(
            "the defects planted in the teachers",
            none(a.teacher.surgery.as_ref()),
            none(b.teacher.surgery.as_ref()),
        )?;
        if given(a) != given(b) {
            let regime = |m: &Manifest| format!("{} ({})", m.regime().id(), m.regime().meaning());
            whole("the evidence regimes", regime(a), regime(b))?;
        }

        let differ = |what: &str, a: String, b: String| (a != b).then(|| format!("{what} differ: {a} against {b}"));
        let template = || {
            differ("the teachers' chat templates", none(a.teacher.template.as_ref()), none(b.teacher.template.as_ref()))
        };
        let (in_a, in_b) = (&a.settings, &b.settings);
        let cached = |m: &Manifest| match m.regime() {
            Regime::TeacherCache => "R1, a cache of the teacher",
            Regime::ShownDistributions => "R1, what the teacher's server shows",
            Regime::ShownStudent => "R1, what the student's server shows",
            Regime::ShownBoth => "R1, what the servers of both list",
            Regime::ListedAnswers => "R2, what the teacher's server lists of its answers",
            _ => "R0, the teacher itself",
        };
        let vocabulary = a.shared_vocab.zip(b.shared_vocab);
        let texts = [
            differ("the teachers' tokenizers", none(a.teacher.tokenizer.as_ref()), none(b.teacher.tokenizer.as_ref())),
            differ("the context windows", in_a.n_ctx.to_string(), in_b.n_ctx.to_string()),
            differ("the evidence regimes", cached(a).to_owned(), cached(b).to_owned()),
            vocabulary.and_then(|(a, b)| differ("the shared vocabularies", a.to_string(), b.to_string())),
        ];
        let choices = [
            template(),
            differ("the numbers of option orders", in_a.rotations.to_string(), in_b.rotations.to_string()),
        ];
        let sampling =
            |m: &Manifest| m.settings.samples.as_ref().map_or_else(|| "unknown".to_owned(), |s| drawn(&s.parameters));
        let meaning = |m: &Manifest| match &m.settings.meaning {
            Some(meaning) => {
                format!("sentence encoder {}, cosine at least {}", meaning.encoder.key(), meaning.least_cosine)
            }
            None => "alike in spelling".to_owned(),
        };
        let asked =
            |m: &Manifest| m.settings.given.as_ref().and_then(|given| given.different_prompts.as_ref()).is_some();
        let words = [("A", a), ("B", b)].into_iter().find(|(_, m)| asked(m));
        let prompts = [
            template(),
            differ("the ways of sampling answers", sampling(a), sampling(b)),
            differ("the rules for answers that mean the same", meaning(a), meaning(b)),
            words.map(|(name, _)| format!("in {name} teacher and student were asked in different words")),
        ];
        let unknown = in_a.samples.is_none() || in_b.samples.is_none();
        Ok(Self {
            texts: texts.into_iter().flatten().collect(),
            choices: choices.into_iter().flatten().collect(),
            prompts: prompts.into_iter().flatten().collect(),
            drawn: unknown.then(|| {
                "nobody said how the answers were drawn: another temperature would be another number".to_owned()
            }),
            bases: [a.base.clone(), b.base.clone()],
            stopped: in_a.deciding.is_some() || in_b.deciding.is_some(),
        })
    }

    /// Why a number means something else in each run; `None` where it means the same.
    pub(super) fn on(&self, metric: &Definition, gap_bases: [Option<GapBase>; 2]) -> Option<String> {
        let table = metric.measure().ok()?.table;
        let found = match table.items() {
            Items::Boundaries if matches!(table, Table::FreeDecisions | Table::FreeAttacks) => &self.prompts,
            Items::Boundaries => &self.choices,
            Items::Positions | Items::Texts => &self.texts,
            Items::Choices => &self.choices,
            Items::Prompts | Items::Episodes => &self.prompts,
        };
        if !found.is_empty() {
            return Some(found.join("; "));
        }
        if metric.needs(Need::Draws)
            && let Some(drawn) = &self.drawn
        {
            return Some(drawn.clone());
        }
        let weights = |base: &Option<ModelIdentity>| base.as_ref().map(|base| base.weights.clone());
        let [a, b] = &self.bases;
        // A gap that starts elsewhere is another gap.
        let elsewhere = gap_bases[0] != gap_bases[1] || weights(a) != weights(b);
        let starts = matches!(metric.measure().ok()?.table, Table::Gap | Table::Copied);
        (starts && elsewhere).then(|| "the two gaps start from different answers".to_owned())
    }

    /// Why success at a distance means something else in each run; `None` where it means the same, or nothing is graded.
    pub(super) fn on_graded(&self, probes: &[Probe]) -> Option<String> {
        let asks = |choices: bool| {
            let graded = probes.iter().filter(|probe| probe.is_graded());
            graded.map(|probe| matches!(probe.ask, Ask::Choice(_))).any(|choice| choice == choices)
        };
        let (choices, answers) = (asks(true), asks(false));
        let found = self.choices.iter().filter(|_| choices).chain(self.prompts.iter().filter(|_| answers));
        let found: BTreeSet<&str> = found.map(String::as_str).collect();
        (!found.is_empty()).then(|| found.into_iter().collect::<Vec<_>>().join("; "))
    }

    /// What a reader must know although everything is compared.
    pub(super) fn cautions(&self) -> Vec<String> {
        let stopped = "A run stopped by the evidence of its gates: intervals and p-values after such a stop describe, and are \
                       no valid tests.";
        self.stopped.then(|| stopped.to_owned()).into_iter().collect()
    }
}

/// Whether the teacher gave the same answers in both runs, where it is known by them alone. The runs have only the families
/// that they share.
///
/// # Errors
/// [`AuditError::OtherQuestion`].
pub(super) fn same_given_answers(a: &Rows, b: &Rows) -> Result<(), AuditError> {
    let given = |rows: &Rows| rows.manifest.regime() == Regime::GivenAnswers;
    if !(given(a) && given(b)) {
        return Ok(());
    }
    let answers = |rows: &Rows| {
        let texts = rows.samples.iter().filter(|row| row.source == SampleSource::Teacher);
        let texts = texts.map(|row| format!("{} {:?}", row.family, row.compared()));
        let options = rows
            .choices
            .iter()
            .map(|row| format!("{} {} {} {}", row.family, row.rotation, row.option, row.teacher_logprob));
        let mut all: Vec<String> = texts.chain(options).collect();
        all.sort_unstable();
        all
    };
    let (in_a, in_b) = (answers(a), answers(b));
    if in_a == in_b {
        return Ok(());
    }
    let named = |rows: &Rows, of: &[String]| {
        format!("{} of `{}`", counted(of.len() as u64, "answer"), rows.manifest.teacher.name)
    };
    Err(AuditError::OtherQuestion { what: "the teachers' given answers", a: named(a, &in_a), b: named(b, &in_b) })
}

/// How answers are drawn; another seed asks the same question.
fn drawn(how: &SamplingParameters) -> String {
    let SamplingParameters { temperature, top_p, top_k, max_tokens, stop, .. } = how;
    let most = if *max_tokens == u32::MAX { String::new() } else { format!(", at most {max_tokens} tokens") };
    let stop = if stop.is_empty() { String::new() } else { format!(", ended by {stop:?}") };
    format!("temperature {temperature}, top_p {top_p}, top_k {top_k}{most}{stop}")
}
