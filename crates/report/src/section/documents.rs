//! The worst documents with every token marked by its divergence, and what each model would have said there.

use hydrometer_audit::statement::{TokenEvidence, WorstDocument};
use maud::{Markup, html};

use super::source::Source;
use crate::document::{Block, Cell, Column, Fold, PAGE, Row, Section, State, Strip, Style, Table, Text, Use};
use crate::show;

/// Divergence in nats at which the marking grows stronger.
const STEPS: [f64; 4] = [0.1, 0.5, 1.0, 2.0];
/// Tab stops and table rows per document.
const STOPS: usize = 16;

pub(super) fn section(source: &Source<'_>) -> Section {
    let documents = &source.statement.worst_documents;
    let section = Section::new("documents", "Worst documents, token by token").on(PAGE);
    if documents.is_empty() {
        return section.with(Block::absent("No document was scored token by token."));
    }
    let states = std::iter::once(State::Open).chain(std::iter::repeat(State::Closed));
    section
        .with(Block::lead(format!(
            "Each token is marked by the KL divergence in front of it, in nats: how far the student's expectation was from \
             the teacher's. Point at, tap or tab to a token to see what each model would have said; Tab visits the {STOPS} \
             most divergent tokens of a document."
        )))
        .with(Block::key(legend()))
        .with_all(documents.iter().zip(states).map(|(document, state)| one(document, state)))
}

fn legend() -> Markup {
    let classes = ["k0", "k1", "k2", "k3", "k4"];
    let name = |at: usize| match at {
        0 => format!("below {}", STEPS[0]),
        4 => format!("{} and more", STEPS[3]),
        n => format!("{} to {}", STEPS[n - 1], STEPS[n]),
    };
    html! {
        ul.legend.heat aria-label="Marks of divergence, nats" {
            @for (at, class) in classes.iter().enumerate() { li { span class={ "t " (class) } { "token" } " " (name(at)) } }
        }
    }
}

fn one(document: &WorstDocument, state: State) -> Block {
    let stops = worst(&document.tokens);
    let tokens = show::counted(document.tokens.len() as u64, "token");
    let about = format!("mean KL {} nats · {tokens} · family ", show::number(document.mean_kl));
    let table = table(document, &stops);
    Block::fold(Fold {
        title: Text::foreign(&document.id),
        about: Text::of(Style::Quiet, about).and(Style::Foreign, &document.family),
        state,
        style: "document",
        blocks: vec![Block::strip(Strip { tokens: document.tokens.clone(), stops, steps: STEPS }), Block::table(table)],
    })
}

/// Positions of the most divergent tokens, in the order of the text.
fn worst(tokens: &[TokenEvidence]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..tokens.len()).collect();
    order.sort_by(|a, b| tokens[*b].kl.total_cmp(&tokens[*a].kl));
    order.truncate(STOPS);
    order.sort_unstable();
    order
}

fn table(document: &WorstDocument, worst: &[usize]) -> Table {
    let tokens = &document.tokens;
    let mut rows: Vec<usize> = worst.to_vec();
    rows.sort_by(|a, b| tokens[*b].kl.total_cmp(&tokens[*a].kl));
    let said = |token: &str, probability| {
        Cell::Text(Text::of(Style::Piece, token).words(format!(" {}", show::number(probability))))
    };
    let row = |at: usize| {
        let token = &tokens[at];
        let name = Text::of(Style::Before, before(tokens, at)).words(" ").and(Style::Piece, &token.text);
        let teacher = said(&token.teacher, token.teacher_prob);
        let student = said(&token.student, token.student_prob);
        Row::new([Cell::Text(name), Cell::Number(Some(token.kl)), teacher, student])
    };
    Table {
        title: None,
        caption: "The most divergent positions of this document".into(),
        label: format!("Most divergent tokens of {}", document.id),
        style: "numbers pieces",
        columns: vec![
            Column::new(Use::Name, "Text, then the token"),
            Column::new(Use::Number, "KL, nats"),
            Column::new(Use::Teacher, "Teacher would say"),
            Column::new(Use::Student, "Student would say"),
        ],
        rows: rows.into_iter().map(row).collect(),
    }
}

/// The end of the text in front of a token.
fn before(tokens: &[TokenEvidence], at: usize) -> String {
    let from = at.saturating_sub(6);
    let text: String = tokens[from..at].iter().map(|t| t.text.as_str()).collect();
    let skip = text.chars().count().saturating_sub(40);
    let cut: String = text.chars().skip(skip).collect();
    if skip > 0 || from > 0 { format!("…{cut}") } else { cut }
}
