//! Cases grouped by what became of them: shared by the sections that set both models side by side.

use hydrometer_audit::statement::Outcome;

use crate::document::{Block, Case, Style, Text};

/// A heading and the cases for each outcome that there is, the lost ones first; `moved` says how the rest was chosen.
pub(super) fn groups(cases: Vec<(Outcome, Case)>, moved: &str) -> Vec<Block> {
    let titles = [
        (Outcome::Lost, "Lost", "the teacher is right, the student wrong"),
        (Outcome::Gained, "Gained", "the student is right, the teacher wrong"),
        (Outcome::Moved, "Moved", moved),
    ];
    let mut blocks = Vec::new();
    let mut rest = cases;
    for (outcome, title, meaning) in titles {
        let (group, others): (Vec<_>, Vec<_>) = rest.into_iter().partition(|(of, _)| *of == outcome);
        rest = others;
        if !group.is_empty() {
            let about = format!("{}: {meaning}", group.len());
            blocks.push(Block::heading(Text::from(title).words(" ").and(Style::Quiet, about)));
            blocks.push(Block::cases(group.into_iter().map(|(_, case)| case)));
        }
    }
    blocks
}
