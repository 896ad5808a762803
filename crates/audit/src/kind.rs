//! Kinds of questions, one file each: from rows to what metrics add up, with the cases and the findings beside it.

pub(crate) mod answers;
pub(crate) mod choices;
pub(crate) mod episodes;
pub(crate) mod judgment;
pub(crate) mod teacher_texts;
pub(crate) mod tokens;

use hydrometer_answers::part::{Choices, Episodes, Likelihoods, Positions, Samples};
use hydrometer_answers::{Part, PartKind};
use hydrometer_metrics::measure::Items;

use crate::statement::Outcome;

/// Cases shown of one kind.
const CASES: usize = 24;

/// The part of the run folder that items come from.
pub(crate) fn part(items: Items) -> PartKind {
    match items {
        Items::Positions => Positions::KIND,
        Items::Texts => Likelihoods::KIND,
        Items::Choices => Choices::KIND,
        Items::Prompts => Samples::KIND,
        Items::Episodes => Episodes::KIND,
        // Ladders and pairs; requests are in the samples, too.
        Items::Boundaries => Choices::KIND,
    }
}

/// Items to show: lost, gained and moved ones in that order, the most distant first in each. A third for each outcome;
/// what one does not use goes to the next.
pub(crate) fn by_outcome<T>(items: &[T], distance: impl Fn(&T) -> f64, outcome: impl Fn(&T) -> Outcome) -> Vec<&T> {
    let mut all: Vec<_> = items.iter().map(|item| (distance(item), item)).filter(|(far, _)| *far > 0.0).collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut shown = Vec::new();
    for (i, wanted) in [Outcome::Lost, Outcome::Gained, Outcome::Moved].into_iter().enumerate() {
        let room = CASES * (i + 1) / 3 - shown.len();
        shown.extend(all.iter().map(|(_, item)| *item).filter(|item| outcome(item) == wanted).take(room));
    }
    shown
}
