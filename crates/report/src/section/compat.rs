//! The numbers of `llama-perplexity --kl-divergence`, in that tool's layout.

use super::source::Source;
use crate::document::{Block, PAGE, Section, Style, Text};
use crate::show;

pub(super) fn section(source: &Source<'_>) -> Section {
    let section = Section::new("compat", "llama.cpp-compatible numbers").on(PAGE);
    let Some(compat) = &source.statement.compat else {
        return section.with(Block::absent(
            "Not available: it needs full windows, scored from their middle on as that tool does, and every logit of both \
             models.",
        ));
    };
    let over = format!(
        " computes them, over {} in {} of {}. Its errors take tokens as independent and are therefore too small; the \
         intervals elsewhere in this report are not.",
        show::counted(compat.tokens, "token"),
        show::counted(compat.chunks, "chunk"),
        show::count(u64::from(compat.n_ctx))
    );
    section
        .with(Block::lead(Text::from("Computed as ").and(Style::Code, "llama-perplexity --kl-divergence").words(over)))
        .with(Block::verbatim("llama.cpp-compatible block", crate::compat(compat)))
}
