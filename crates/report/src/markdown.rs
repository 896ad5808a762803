//! The statement for a pull request: GitHub-flavoured Markdown, short, details folded away.

pub(crate) mod block;
mod escape;
mod table;

use hydrometer_audit::Statement;

use crate::document::{Document, Medium};
use crate::section::{Source, document};
use crate::show;

pub(crate) use escape::{code, prose};

/// The statement as a comment for a pull request. Text of models appears only inside `<code>`, as entities: no
/// mention, link, table, HTML or formatting in it takes effect.
#[must_use]
pub fn markdown(statement: &Statement) -> String {
    comment(&document(&Source { statement, measured: None }))
}

/// A report as a comment, with a newline at the end.
pub(crate) fn comment(document: &Document) -> String {
    let top = &document.masthead;
    let mut page = format!(
        "### {} {}: {} against {}\n\n{}\n\n",
        show::sign(top.verdict),
        show::verdict(top.verdict),
        code(&top.student),
        code(&top.teacher),
        prose(&top.line)
    );
    for (section, shown) in document.shown(Medium::Comment) {
        page.push_str(&block::section(section, &shown));
    }
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}
