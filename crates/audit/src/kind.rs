//! Kinds of questions, one file each: from rows to what metrics add up, with the cases and the findings beside it.

pub(crate) mod answers;
pub(crate) mod choices;
pub(crate) mod tokens;

use crate::statement::Outcome;

/// Cases shown of one kind.
const CASES: usize = 24;

/// Items to show: lost, gained and moved ones in that order, the most distant first in each. A third for each outcome;
/// what one does not use goes to the next.
pub(crate) fn by_outcome<T>(items: &[T], distance: fn(&T) -> f64, outcome: fn(&T) -> Outcome) -> Vec<&T> {
    let mut all: Vec<_> = items.iter().map(|item| (distance(item), item)).filter(|(far, _)| *far > 0.0).collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut shown = Vec::new();
    for (i, wanted) in [Outcome::Lost, Outcome::Gained, Outcome::Moved].into_iter().enumerate() {
        let room = CASES * (i + 1) / 3 - shown.len();
        shown.extend(all.iter().map(|(_, item)| *item).filter(|item| outcome(item) == wanted).take(room));
    }
    shown
}
