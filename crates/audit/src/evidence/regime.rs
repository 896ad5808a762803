//! The evidence regime of each number: what it was read off, and how much of that is known. A run has one regime, and its numbers are
//! read off different things: full logits, lists of a server, drawn letters, answers.

use hydrometer_answers::Regime;
use hydrometer_metrics::measure::tokens::{InPart, is_estimated};
use hydrometer_metrics::measure::{Definition, Group, Table};

use super::Evidence;
use crate::kind::choices::known::{Bounded, Had, had, whose};
use crate::kind::judgment::forced;
use crate::statement::{HowKnown, NumberRegime};

/// What a number is read off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Source {
    /// `R0` … `R4`.
    id: &'static str,
    known: HowKnown,
    words: &'static str,
}

const fn source(id: &'static str, known: HowKnown, words: &'static str) -> Source {
    Source { id, known, words }
}

const LOGITS: Source = source("R0", HowKnown::Exact, "full logits");
const ANSWERS: Source = source("R4", HowKnown::Answered, "answers");
const EPISODES: Source = source("R4", HowKnown::Answered, "episodes");
const LETTERS: Source = source("R4", HowKnown::Drawn, "drawn letters");
const LOGGED_OPTIONS: Source = source("R4", HowKnown::Exact, "log-likelihoods of options that another tool logged");
const LISTED_OPTIONS: Source = source("R2", HowKnown::Exact, "options as a server lists them");
const SCORED_ANSWERS: Source = source("R3", HowKnown::Estimated, "the student's logits along the teacher's answers");

impl Evidence<'_> {
    /// The regime of a number that the run has, as an estimate or as bounds.
    pub(crate) fn regime(&self, definition: &Definition) -> NumberRegime {
        let Source { id, known, words } = self.source(definition);
        let known = match (known, self.in_part(definition)) {
            (HowKnown::Exact, Ok(Bounded::Within(..))) => HowKnown::Widened,
            _ => known,
        };
        NumberRegime { id: id.to_owned(), known, from: words.to_owned() }
    }

    fn source(&self, definition: &Definition) -> Source {
        let Some(measure) = &definition.measure else {
            return match definition.group {
                Group::Geometry => self.of_graded(),
                _ => ANSWERS,
            };
        };
        match measure.table {
            Table::Positions | Table::Forks => self.of_positions(definition),
            Table::TeacherTexts | Table::StudentTexts if !self.rows.bounded.is_empty() => source(
                self.run().id(),
                HowKnown::Exact,
                "the probabilities of a text's own tokens, as both servers say them",
            ),
            Table::TeacherTexts | Table::StudentTexts => LOGITS,
            Table::TeacherAnswers => SCORED_ANSWERS,
            Table::Choices => self.of_options(whose(definition)),
            Table::ForcedDecisions | Table::ForcedAttacks => self.of_decisions_among_options(),
            Table::Ladders | Table::Contrasts if !forced::is_of_answers(&self.judged, measure.table) => {
                self.of_decisions_among_options()
            }
            Table::Episodes | Table::Dialogues => EPISODES,
            Table::Pairs
            | Table::Truth
            | Table::Outcomes
            | Table::Rare
            | Table::Gap
            | Table::Copied
            | Table::FreeDecisions
            | Table::FreeAttacks
            | Table::BothWays
            | Table::Ladders
            | Table::Contrasts => ANSWERS,
        }
    }

    fn run(&self) -> Regime {
        self.rows.manifest.regime()
    }

    /// The rows of the positions say whose distributions were seen, and how much of them.
    fn of_positions(&self, definition: &Definition) -> Source {
        let rows = self.rows;
        let of_part = |part: InPart, words| {
            let known = if is_estimated(definition, part) { HowKnown::Estimated } else { HowKnown::Exact };
            source(self.run().id(), known, words)
        };
        match () {
            () if !rows.sparse.is_empty() && rows.cache().is_some() => {
                of_part(InPart::CachedTeacher, "a cache of the teacher's distributions, and the student's logits")
            }
            () if !rows.sparse.is_empty() => {
                of_part(InPart::ShownTeacher, "what the teacher's server shows, and the student's logits")
            }
            () if !rows.shown.is_empty() => {
                of_part(InPart::ShownStudent, "what the student's server shows, and the teacher's logits")
            }
            () if rows.bounded.is_empty() => LOGITS,
            () if self.run() == Regime::ListedAnswers => source(
                self.run().id(),
                HowKnown::Exact,
                "what the teacher's server lists along its answers, and the student's logits",
            ),
            () => source(self.run().id(), HowKnown::Exact, "what both servers list"),
        }
    }

    /// The options of these models, the teacher's first: as good as the worse of them.
    fn of_options(&self, read: [bool; 2]) -> Source {
        if self.run() == Regime::GivenAnswers {
            return LOGGED_OPTIONS;
        }
        let models = [0, 1].into_iter().filter(|&model| read[model]);
        match models.map(|model| had(self.rows, model)).max() {
            Some(Had::Drawn) => LETTERS,
            Some(Had::Listed) => LISTED_OPTIONS,
            Some(Had::Logits) | None => LOGITS,
        }
    }

    /// Where a decision is one draw, it is of both models alike.
    fn of_decisions_among_options(&self) -> Source {
        if forced::is_drawn(&self.judged) { LETTERS } else { self.of_options([true; 2]) }
    }

    /// Graded probes of every kind; their curves hold all of them.
    fn of_graded(&self) -> Source {
        let with_knob = |id: &str| self.probes.get(id).is_some_and(|probe| probe.knob.is_some());
        match () {
            () if self.rows.samples.iter().any(|row| with_knob(&row.probe)) => ANSWERS,
            () if self.rows.episodes.iter().any(|row| with_knob(&row.probe)) => EPISODES,
            () => self.of_options([true; 2]),
        }
    }
}
