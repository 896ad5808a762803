//! Why a number is not there, in the words of the run: nothing of its kind was asked, models do not show what it needs, answers are no draws.

use hydrometer_answers::part::Samples;
use hydrometer_answers::{Manifest, Part, Regime, SampleSettings};
use hydrometer_metrics::measure::{self, Items, Measure, Need, Sums, Table, Undefined};
use hydrometer_probes::Ask;

use super::{Evidence, MISSING};

/// Why a number needs the teacher itself.
const NOT_KEPT: &str = "needs the teacher's probability of tokens that its cache does not keep: let the teacher run";

/// Why forks are not known where a server shows a draw.
const NO_FORKS: &str = "forks are chosen by the teacher's entropy, and a server that shows a draw gives an estimate of it that is too rough to choose by";
const STUDENT_NOT_SHOWN: &str =
    "needs the student's probability of every token, and its server shows the most probable ones and a draw";
const BOTH_NOT_SHOWN: &str = "needs the probability of every token, and both servers list the most probable ones alone: of the others there are bounds at most";
const ANSWERS_LISTED: &str = "needs the teacher's probability of every token, or of a text that it did not draw itself: its server lists the most probable tokens of its answers alone";
const NO_FORKS_OF_BOUNDS: &str = "forks are chosen by the teacher's entropy, and of that only bounds are known";
const NOT_SHOWN: &str =
    "needs the teacher's probability of every token, and its server shows the most probable ones and a draw";

impl Evidence<'_> {
    /// What the run has none of, although the number needs it.
    pub(crate) fn lacks(&self, measure: &Measure) -> Option<String> {
        let needs = |need| measure.needs.contains(&need);
        match measure.table.items() {
            Items::Positions => {
                let fewer = self.rows.cache().is_some_and(|codec| codec.truncation.k_min < 10);
                Need::TopTen.missing().filter(|_| needs(Need::TopTen) && fewer).map(str::to_owned)
            }
            Items::Texts => None,
            Items::Choices => self.choices.is_empty().then(|| {
                let asks = self.rows.probes.iter().any(|probe| matches!(probe.ask, Ask::Choice(_)));
                let reason = match self.rows.manifest.settings.deciding {
                    _ if !asks => "the suite asks no choices",
                    Some(_) => "the run asked no choices: no watched gate needed them",
                    None => "no choice of the suite was asked of both models",
                };
                reason.to_owned()
            }),
            Items::Episodes => self.episodes.is_empty().then(|| {
                let asks = self.rows.probes.iter().any(|probe| probe.ask.is_acted());
                let reason = match self.rows.manifest.settings.deciding {
                    _ if !asks => "the suite has no episodes",
                    Some(_) => "the run asked no episodes: no watched gate needed them",
                    None => "no episode of the suite was run by both models",
                };
                reason.to_owned()
            }),
            Items::Boundaries => self.judged.faced.is_empty().then(|| {
                let asks = self.rows.probes.iter().any(|probe| probe.boundary.is_some());
                let reason = match self.rows.manifest.settings.deciding {
                    _ if !asks => "the suite has no boundaries of judgment",
                    Some(_) => "the run asked no boundaries of judgment: no watched gate needed them",
                    None => "no boundary of judgment was decided about by both models",
                };
                reason.to_owned()
            }),
            Items::Prompts if measure.table == Table::Copied && !self.copying.is_empty() => {
                self.not_draws.clone().filter(|_| self.copying.is_drawn() && !self.answered_twice())
            }
            Items::Prompts if self.prompts.is_empty() => {
                let asks = self.rows.probes.iter().any(|probe| matches!(probe.ask, Ask::Prompt(_)));
                let reason = match self.rows.manifest.settings.deciding {
                    _ if !asks => "needs sampled answers of both models: add prompt probes to the suite",
                    Some(_) => "the run asked no prompts: no watched gate needed them",
                    None => "no prompt of the suite has sampled answers of both models",
                };
                Some(reason.to_owned())
            }
            Items::Prompts if needs(Need::Endings) && self.rows.manifest.regime() == Regime::GivenAnswers => {
                Some("the answers were given, and nobody said whether each of them ended by itself".to_owned())
            }
            Items::Prompts => {
                // One answer of each says nothing about how they were drawn.
                self.not_draws.clone().filter(|_| needs(Need::Draws) && !self.answered_twice())
            }
        }
    }

    /// Whether a prompt has two answers of each model.
    fn answered_twice(&self) -> bool {
        self.prompts.iter().any(|prompt| prompt.teacher.len() > 1 && prompt.student.len() > 1)
    }

    /// Why there is no number, in the words of this run.
    pub(super) fn undefined(&self, table: Table, undefined: Undefined) -> String {
        let manifest = &self.rows.manifest;
        match table {
            Table::Forks if manifest.regime() == Regime::ShownDistributions => NO_FORKS.to_owned(),
            Table::Forks if self.rows.bounds_alone() => NO_FORKS_OF_BOUNDS.to_owned(),
            Table::Positions | Table::Forks if manifest.shared_vocab.is_none() => {
                format!("token metrics need one vocabulary: {}", manifest.pairing)
            }
            Table::Positions | Table::Forks if self.rows.scored_positions() == 0 => self.no_text().to_owned(),
            // Its sums hold terms that nobody knows.
            Table::Positions | Table::Forks if self.rows.in_part() && undefined == Undefined::Unknown => {
                self.not_kept().to_owned()
            }
            Table::Copied => self.copying.lacks_base().unwrap_or_else(|| undefined.to_string()),
            Table::StudentTexts if self.rows.manifest.regime() == Regime::ShownStudent => STUDENT_NOT_SHOWN.to_owned(),
            Table::TeacherTexts if self.rows.in_part() => self.not_kept().to_owned(),
            Table::TeacherTexts | Table::StudentTexts if undefined == Undefined::NoText => self.no_text().to_owned(),
            _ => undefined.to_string(),
        }
    }

    /// Why a number needs more of a model's distributions.
    fn not_kept(&self) -> &'static str {
        match self.rows.manifest.regime() {
            Regime::ShownStudent => STUDENT_NOT_SHOWN,
            Regime::ShownBoth => BOTH_NOT_SHOWN,
            Regime::ListedAnswers => ANSWERS_LISTED,
            _ if self.rows.cache().is_some() => NOT_KEPT,
            _ => NOT_SHOWN,
        }
    }

    /// Why no text was scored.
    fn no_text(&self) -> &'static str {
        let asks = self.rows.probes.iter().any(|probe| matches!(probe.ask, Ask::Text(_)));
        match self.rows.manifest.regime() {
            _ if !asks => "the suite has no texts",
            Regime::GivenAnswers => "no model was asked: the answers were given, and say nothing of texts",
            Regime::AnswersOnly | Regime::TeacherTexts => "a model shows no logits, so no text was scored",
            Regime::ListedAnswers => {
                "the teacher shows its distributions along its own answers alone, so no text was scored"
            }
            _ if self.rows.stopped.is_some() => "the run stopped before a text was scored",
            _ if self.rows.scored_positions() > 0 => "the run kept no likelihood of whole texts",
            _ => "no text of the suite was scored by both models",
        }
    }
}

/// Why answers cannot be compared; `None` unless more than [`MISSING`] of a model's are missing.
pub(super) fn too_few_answers(sums: &Sums) -> Option<String> {
    let student = measure::answers::MISSING_ANSWERS.estimate(sums, 0.95).ok()?;
    let (teacher, student) = (student.floor?, student.value);
    (teacher.max(student) > MISSING).then(|| {
        format!(
            "{:.0} % of the teacher's and {:.0} % of the student's answers are missing: what the others say is no \
             measure of the whole",
            100.0 * teacher,
            100.0 * student
        )
    })
}

/// Why the answers of a run are no draws from the models' own distributions; `None` when they are.
pub(super) fn not_draws(manifest: &Manifest) -> Option<String> {
    let Some(SampleSettings { parameters, .. }) = &manifest.settings.samples else {
        return (manifest.units.of(Samples::KIND) > 0).then(|| {
            "the answers were given and nobody said how they were drawn: only draws at temperature 1, top_p 1 say \
             something about the models' own distributions; say it where it is known"
                .to_owned()
        });
    };
    (!parameters.is_distribution()).then(|| {
        format!(
            "answers were drawn at temperature {}, top_p {}, top_k {}: they are no draws from the models' own \
             distributions (temperature 1, top_p 1, top_k 0)",
            parameters.temperature, parameters.top_p, parameters.top_k
        )
    })
}
