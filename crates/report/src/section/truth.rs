//! Who is right on choices with a truth.

use hydrometer_audit::statement::TruthCells;
use maud::{Markup, html};

use super::source::Source;
use crate::document::{Block, PAGE, Section};
use crate::show;

pub(super) fn section(source: &Source<'_>) -> Section {
    let section = Section::new("truth", "Right and wrong").on(PAGE);
    let Some(cells) = &source.statement.truth else {
        return section.with(Block::absent("Not measured: no choice of this suite has a truth."));
    };
    section
        .with(Block::lead("Fidelity is not quality: the same distance can be losses or gains."))
        .with(Block::figure(crossed(cells), in_words(cells)))
}

fn in_words(cells: &TruthCells) -> String {
    format!(
        "Both right {}, lost {}, gained {}, both wrong with the same answer {}, with different ones {}.",
        show::count(cells.both_right),
        show::count(cells.lost),
        show::count(cells.gained),
        show::count(cells.both_wrong_same),
        show::count(cells.both_wrong_different)
    )
}

/// The teacher downwards, the student across.
fn crossed(cells: &TruthCells) -> Markup {
    let both_wrong = cells.both_wrong_same + cells.both_wrong_different;
    let all = (cells.both_right + cells.lost + cells.gained + both_wrong).max(1) as f64;
    let cell = |class: &str, name: &str, n: u64, note: Markup| {
        html! {
            td class=(class) {
                span.cell { (name) } " "
                span.big { (show::count(n)) } " "
                span.quiet { (format!("{:.1} %", 100.0 * n as f64 / all)) }
                (note)
            }
        }
    };
    html! {
        table.truth {
            caption { "Choices with a truth, " (show::count(all as u64)) }
            thead { tr { td {} th scope="col" { "Student right" } th scope="col" { "Student wrong" } } }
            tbody {
                tr {
                    th scope="row" { "Teacher right" }
                    (cell("same", "both right", cells.both_right, html! {}))
                    (cell("lost", "lost", cells.lost, html! {}))
                }
                tr {
                    th scope="row" { "Teacher wrong" }
                    (cell("gained", "gained", cells.gained, html! {}))
                    (cell("same", "both wrong", both_wrong, html! {
                        span.split {
                            (show::count(cells.both_wrong_same)) " with the same answer, "
                            (show::count(cells.both_wrong_different)) " with different ones"
                        }
                    }))
                }
            }
        }
    }
}
